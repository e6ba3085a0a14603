/* rmq_rig.c - see rmq_rig.h. */
#include "tests/fake/rmq_rig.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct source_ops rocketmq_source;

void rig_set(struct rig *r, const char *name, const char *value)
{
    ck_assert_int_eq(option_set(option_find(rocketmq_source.options, name), r->self, value, &r->err), 0);
}

/* A name server that lists one broker, whose answers carry that version; nothing else is said yet. */
struct rig *rig_new(int version)
{
    struct rig *r = xcalloc(1, sizeof(*r));

    r->ns = broker_start();
    r->a = broker_start();
    broker_reply_version(r->a, version);
    r->self = xcalloc(1, rocketmq_source.size);
    option_set_defaults(rocketmq_source.options, r->self);
    rig_set(r, "lag_requests", "0"); /* the time lag has its own tests */
    char *spec = xasprintf("c1/broker-a:0=%s", broker_address(r->a));
    say_brokers(r->ns, spec);
    free(spec);
    say_log(r->a, 1000, 0);
    say_groups(r->a, "G");
    say_producers(r->a, "");
    say_clients(r->a, "G", NULL, NULL);
    say_no_stats(r->a);
    return r;
}

void rig_add_broker(struct rig *r, int version)
{
    r->b = broker_start();
    broker_reply_version(r->b, version);
    char *spec = xasprintf("c1/broker-a:0=%s c1/broker-b:0=%s", broker_address(r->a), broker_address(r->b));
    say_brokers(r->ns, spec);
    free(spec);
    say_log(r->b, 1000, 0);
    say_groups(r->b, "G");
    say_producers(r->b, "");
    say_clients(r->b, "G", NULL, NULL);
    say_no_stats(r->b);
}

void rig_open(struct rig *r, int64_t interval_ms)
{
    const struct source_env env = { .name = "prod", .interval_ms = interval_ms };

    rig_set(r, "namesrv", broker_address(r->ns));
    ck_assert_msg(rocketmq_source.open(r->self, &env, &r->err) == 0, "%s", r->err.msg);
}

void look_until(struct rig *r, int64_t deadline_ms, int cancel_fd)
{
    if (r->batch != NULL)
        batch_unref(r->batch);
    r->batch = batch_new();
    r->err = (struct err){ .kind = ERR_NONE };
    r->result = rocketmq_source.collect(r->self, r->batch, clock_now_ns() + deadline_ms * NS_PER_MS, cancel_fd, &r->err);
}

void look(struct rig *r)
{
    look_until(r, 20000, -1);
}

void good_look(struct rig *r)
{
    look(r);
    ck_assert_msg(r->result == SOURCE_ALL, "%s", r->err.msg);
}

void rig_free(struct rig *r)
{
    rocketmq_source.close(r->self);
    free(r->self);
    if (r->batch != NULL)
        batch_unref(r->batch);
    broker_stop(r->ns);
    broker_stop(r->a);
    broker_stop(r->b);
    free(r);
}

bool row_has(const struct rig *r, enum table_id t, uint32_t row, const char *column, const char *text)
{
    const char *found = batch_text(r->batch, t, row, (unsigned)schema_find_column(&schema_tables[t], column));

    return found != NULL && strcmp(found, text) == 0;
}

/* The row whose two text columns have these values; -1 if there is none, and it must be the only one. b may be NULL. */
int64_t find(const struct rig *r, enum table_id t, const char *a, const char *a_text, const char *b, const char *b_text)
{
    int64_t found = -1;

    for (uint32_t row = 0; row < batch_rows(r->batch, t); row++)
        if (row_has(r, t, row, a, a_text) && (b == NULL || row_has(r, t, row, b, b_text))) {
            ck_assert_msg(found < 0, "two rows of %s with %s", schema_tables[t].name, a_text);
            found = row;
        }
    return found;
}

uint32_t must_find(const struct rig *r, enum table_id t, const char *a, const char *a_text, const char *b, const char *b_text)
{
    int64_t row = find(r, t, a, a_text, b, b_text);

    ck_assert_msg(row >= 0, "no row of %s with %s %s", schema_tables[t].name, a_text, b != NULL ? b_text : "");
    return (uint32_t)row;
}

uint32_t backlog(const struct rig *r, const char *group, const char *topic)
{
    return must_find(r, TABLE_BACKLOGS, "consumer_group", group, "topic", topic);
}

uint32_t group(const struct rig *r, const char *name)
{
    return must_find(r, TABLE_GROUPS, "consumer_group", name, NULL, NULL);
}

uint32_t topic(const struct rig *r, const char *name)
{
    return must_find(r, TABLE_TOPICS, "topic", name, NULL, NULL);
}

void expect_backlog(const struct rig *r, const char *g, const char *t, int64_t lag, int64_t diff, int64_t complete)
{
    uint32_t row = backlog(r, g, t);

    EXPECT_INT(r, BACKLOGS, row, LAG, lag);
    EXPECT_INT(r, BACKLOGS, row, DIFF, diff);
    EXPECT_INT(r, BACKLOGS, row, COMPLETE, complete);
}

void expect_queue(const struct rig *r, const char *queue, int64_t committed, int64_t lag, const char *state)
{
    uint32_t row = must_find(r, TABLE_QUEUES, "topic", "T", "queue", queue);

    EXPECT_INT(r, QUEUES, row, CONSUMER_OFFSET, committed);
    EXPECT_INT(r, QUEUES, row, LAG, lag);
    const char *found = batch_text(r->batch, TABLE_QUEUES, row, QUEUES_STATE);
    ck_assert_str_eq(found != NULL ? found : "", state);
}

/* Requests of the last look, of all targets. */
int64_t requests(const struct rig *r)
{
    int64_t sum = 0;

    for (uint32_t row = 0; row < batch_rows(r->batch, TABLE_SCRAPES); row++)
        sum += batch_int(r->batch, TABLE_SCRAPES, row, SCRAPES_REQUESTS);
    return sum;
}

/* Requests with this code in the last look. */
int64_t asked(const struct rig *r, int code)
{
    char text[16];
    int64_t sum = 0;

    snprintf(text, sizeof(text), "%d", code);
    for (uint32_t row = 0; row < batch_rows(r->batch, TABLE_REQUESTS); row++)
        if (row_has(r, TABLE_REQUESTS, row, "code", text))
            sum += batch_int(r->batch, TABLE_REQUESTS, row, REQUESTS_IN_INTERVAL);
    return sum;
}

/* A topic of two queues with one group, twenty messages behind. */
struct rig *rig_simple(int version)
{
    struct rig *r = rig_new(version);

    say_topics(r->a, "T:2");
    say_offsets(r->a, "T@G:90,90", NULL);
    say_ends(r->a, "T:0-100,0-100");
    return r;
}
