/*
 * test_rocketmq_limits_seen.h - what is seen when a limit of agent/LIMITS.md is met: the broker's row says in words what was left out, the
 * look is not whole, and the sums that may miss it say complete 0. At the limit nothing of this is seen.
 */
#ifndef TESTS_UNIT_TEST_ROCKETMQ_LIMITS_SEEN_H
#define TESTS_UNIT_TEST_ROCKETMQ_LIMITS_SEEN_H

#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/look.h"
#include "agent/source/rocketmq/rows.h"
#include "tests/unit/test_rocketmq_limits.h"

static const struct look_options options = { .cluster_names = "", .running_interval_ms = 60000 };

static struct look look;

/* ---- what the broker says ---------------------------------------------------------------------------------------- */

static struct moment now;

static inline void use_broker(struct broker *b)
{
    broker = b;
    broker->now.look = &look;
    broker->leader->is_up = true;
    broker->ends_since = 1;
}

static inline void start(void)
{
    setup();
    now = (struct moment){ 1, NS_PER_S, 120 };
    look = (struct look){ .options = &options, .topology = &topology, .rpc = rpc, .number = 1, .started_at_ns = NS_PER_S,
                          .batch = batch_new() };
    use_broker(broker);
}

static inline void next_look(void)
{
    look.number = ++now.look;
    now.now_ns += NS_PER_S;
    memset(&broker->now.lacks, 0, sizeof(broker->now.lacks));
}

static inline void stop(void)
{
    batch_unref(look.batch);
    teardown();
}

static inline void say_offsets(const char *offsets)
{
    struct err err = { .kind = ERR_NONE };

    buf_reset(&text);
    buf_printf(&text, "{\"offsetTable\":{%s}}", offsets);
    ck_assert_msg(learn_offsets(broker, body(), now, &err) == 0, "%s", err.msg);
}

/* Names with blanks between; topics have so many queues each. */
static inline void say_topics(const char *names, unsigned queues)
{
    struct err err = { .kind = ERR_NONE };
    uint32_t count;
    char *copy = xstrdup(names), *rest = copy;

    buf_reset(&text);
    buf_puts(&text, "{\"topicConfigTable\":{");
    for (char *name; (name = strsep(&rest, " ")) != NULL;)
        buf_printf(&text, "\"%s\":{\"readQueueNums\":%u}%s", name, queues, rest != NULL ? "," : "");
    buf_puts(&text, "}}");
    broker->now.lists[TOPIC_LIST] = (struct list_reading){ .stamp = broker->topics_stamp + 1 };
    ck_assert_msg(learn_topics(broker, body(), ++broker->topics_stamp, &count, &err) == 0, "%s", err.msg);
    learn_end_list(broker, TOPIC_LIST, true);
    free(copy);
}

static inline void say_groups(const char *names)
{
    struct err err = { .kind = ERR_NONE };
    uint32_t count;
    char *copy = xstrdup(names), *rest = copy;

    buf_reset(&text);
    buf_puts(&text, "{\"subscriptionGroupTable\":{");
    for (char *name; (name = strsep(&rest, " ")) != NULL;)
        buf_printf(&text, "\"%s\":{}%s", name, rest != NULL ? "," : "");
    buf_puts(&text, "}}");
    broker->now.lists[GROUP_LIST] = (struct list_reading){ .stamp = broker->groups_stamp + 1 };
    ck_assert_msg(learn_groups(broker, body(), ++broker->groups_stamp, &count, &err) == 0, "%s", err.msg);
    learn_end_list(broker, GROUP_LIST, true);
    free(copy);
}

/* Each queue of the topic holds messages 0 to 9, if the topic is known. */
static inline int say_ends(const char *name, unsigned queues, int64_t max, struct err *err)
{
    uint32_t id = intern_find(&cluster->topics, name, strlen(name));

    if (id == 0 || broker_find_topic(broker, id) == NULL)
        return 0;
    buf_reset(&text);
    buf_puts(&text, "{\"offsetTable\":{");
    for (unsigned q = 0; q < queues; q++)
        buf_printf(&text, "%s{\"brokerName\":\"b\",\"queueId\":%u,\"topic\":\"%s\"}:{\"minOffset\":0,\"maxOffset\":%lld}",
                   q > 0 ? "," : "", q, name, (long long)max);
    buf_puts(&text, "}}");
    return learn_topic(broker, id, body(), now, err);
}

/* ---- what is seen ------------------------------------------------------------------------------------------------ */

static inline void make_rows(void)
{
    batch_unref(look.batch);
    look.batch = batch_new();
    peer_begin(&broker->leader->peer);
    rows_begin(&look, "limits");
    rows_end(&look, "limits");
}

/* The row whose text columns have these values; -1: there is none. b may be NULL. */
static inline int64_t row_of(enum table_id t, const char *a, const char *a_text, const char *b, const char *b_text)
{
    for (uint32_t row = 0; row < batch_rows(look.batch, t); row++)
        if (strcmp(batch_text(look.batch, t, row, (unsigned)schema_find_column(&schema_tables[t], a)), a_text) == 0 &&
            (b == NULL || strcmp(batch_text(look.batch, t, row, (unsigned)schema_find_column(&schema_tables[t], b)), b_text) == 0))
            return row;
    return -1;
}

static inline int64_t value_of(enum table_id t, int64_t row, const char *column)
{
    ck_assert_int_ge(row, 0);
    return batch_int(look.batch, t, (uint32_t)row, (unsigned)schema_find_column(&schema_tables[t], column));
}

static inline void expect_group(const char *group, int64_t complete)
{
    ck_assert_int_eq(value_of(TABLE_GROUPS, row_of(TABLE_GROUPS, "consumer_group", group, NULL, NULL), "complete"), complete);
    int64_t row = row_of(TABLE_DIFF_SUMS, "sum", "group", "consumer_group", group);
    ck_assert(row < 0 || value_of(TABLE_DIFF_SUMS, row, "complete") == complete);
}

static inline void expect_backlog(const char *group, const char *topic, int64_t complete)
{
    ck_assert_int_eq(value_of(TABLE_BACKLOGS, row_of(TABLE_BACKLOGS, "consumer_group", group, "topic", topic), "complete"), complete);
}

static inline void expect_sum(const char *sum, const char *column, const char *key, int64_t complete)
{
    ck_assert_int_eq(value_of(TABLE_DIFF_SUMS, row_of(TABLE_DIFF_SUMS, "sum", sum, column, key), "complete"), complete);
}

/* NULL: all is well with the broker. */
static inline void expect_words(const char *words)
{
    struct err err = { .kind = ERR_NONE };

    int result = peer_check(&broker->leader->peer, &err);
    if (words == NULL) {
        ck_assert_msg(result == 0, "%s", err.msg);
        return;
    }
    ck_assert(result < 0 && err.kind == ERR_LIMIT);
    ck_assert_str_eq(err.msg + strlen("127.0.0.1:1: "), words);
}

#endif
