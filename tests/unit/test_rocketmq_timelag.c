/* test_rocketmq_timelag.c - how old backlogs are said to be, and what is asked for it, against fake name servers and brokers. */
#include "agent/source/rocketmq/timelag.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/batch.h"
#include "agent/source/rocketmq/request_codes.h"
#include "agent/source/source.h"
#include "tests/fake/rmq_say.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))
#define V4 WIRE_VERSION(4, 9, 7)
#define V5 WIRE_VERSION(5, 3, 3)
#define PATIENCE_S 20.0 /* a look of a test takes less */

extern const struct source_ops rocketmq_source;

/* ---- the rig ----------------------------------------------------------------------------------------------------- */

struct rig {
    struct broker *ns, *a; /* the fakes, known by their verbs only: struct broker of cluster.h is another one */
    void *self;
    struct batch *batch; /* of the last look */
    int64_t log_end;
    struct err err;
};

static void set(struct rig *r, const char *name, const char *value)
{
    ck_assert_int_eq(option_set(option_find(rocketmq_source.options, name), r->self, value, &r->err), 0);
}

/* A broker with the topic T of one queue and the group G. */
static struct rig *rig_new(int version)
{
    struct rig *r = xcalloc(1, sizeof(*r));

    r->ns = broker_start();
    r->a = broker_start();
    broker_reply_version(r->a, version);
    r->self = xcalloc(1, rocketmq_source.size);
    option_set_defaults(rocketmq_source.options, r->self);
    char *spec = xasprintf("c1/broker-a:0=%s", broker_address(r->a));
    say_brokers(r->ns, spec);
    free(spec);
    say_groups(r->a, "G");
    say_topics(r->a, "T:1");
    say_producers(r->a, "");
    say_clients(r->a, "G", NULL, NULL);
    say_no_stats(r->a);
    say_log(r->a, 1000, 0);
    return r;
}

static void rig_open(struct rig *r, int64_t interval_ms)
{
    const struct source_env env = { .name = "prod", .interval_ms = interval_ms };

    set(r, "namesrv", broker_address(r->ns));
    ck_assert_msg(rocketmq_source.open(r->self, &env, &r->err) == 0, "%s", r->err.msg);
}

static void look(struct rig *r)
{
    if (r->batch != NULL)
        batch_unref(r->batch);
    r->batch = batch_new();
    enum source_result result = rocketmq_source.collect(r->self, r->batch, clock_now_ns() + 20 * NS_PER_S, -1, &r->err);
    ck_assert_msg(result == SOURCE_ALL, "%s", r->err.msg);
}

/* The broker stands at these offsets and ends, and something was written: ends are read. */
static void look_at(struct rig *r, const char *offsets, const char *ends)
{
    say_offsets(r->a, offsets, NULL);
    say_ends(r->a, ends);
    say_log(r->a, 2000 + r->log_end++, 0);
    look(r);
}

static void rig_free(struct rig *r)
{
    rocketmq_source.close(r->self);
    free(r->self);
    if (r->batch != NULL)
        batch_unref(r->batch);
    broker_stop(r->ns);
    broker_stop(r->a);
    free(r);
}

/* ---- what is said ------------------------------------------------------------------------------------------------ */

static uint32_t row_of(const struct rig *r, enum table_id t, const char *group, const char *topic)
{
    unsigned by_group = (unsigned)schema_find_column(&schema_tables[t], "consumer_group");

    for (uint32_t row = 0; row < batch_rows(r->batch, t); row++)
        if (strcmp(batch_text(r->batch, t, row, by_group), group) == 0 &&
            (topic == NULL || strcmp(batch_text(r->batch, t, row, (unsigned)schema_find_column(&schema_tables[t], "topic")), topic) == 0))
            return row;
    ck_abort_msg("no row of %s with %s %s", schema_tables[t].name, group, topic != NULL ? topic : "");
}

static double backlog(const struct rig *r, const char *topic, unsigned column)
{
    return batch_real(r->batch, TABLE_BACKLOGS, row_of(r, TABLE_BACKLOGS, "G", topic), column);
}

#define AGE(r, topic) backlog(r, topic, BACKLOGS_LAG_SECONDS)
#define LOW(r, topic) backlog(r, topic, BACKLOGS_LAG_SECONDS_LOW)
#define HIGH(r, topic) backlog(r, topic, BACKLOGS_LAG_SECONDS_HIGH)

static void expect_source(const struct rig *r, const char *topic, const char *source)
{
    const char *found = batch_text(r->batch, TABLE_BACKLOGS, row_of(r, TABLE_BACKLOGS, "G", topic), BACKLOGS_LAG_SECONDS_SOURCE);

    ck_assert_str_eq(found != NULL ? found : "", source);
}

static void expect_between(double found, double low, double high)
{
    ck_assert_msg(found >= low && found <= high, "found %g, expected %g to %g", found, low, high);
}

/* Exact, so many seconds old when it was told. */
static void expect_told(const struct rig *r, const char *topic, double told)
{
    expect_source(r, topic, "broker");
    expect_between(AGE(r, topic), told, told + PATIENCE_S);
    ck_assert_double_eq(LOW(r, topic), AGE(r, topic));
    ck_assert_double_eq(HIGH(r, topic), AGE(r, topic));
}

/* Since the test began. */
static int asked(const struct rig *r)
{
    return broker_requests(r->a, RMQ_QUERY_CONSUME_TIME_SPAN);
}

/* ---- asked once -------------------------------------------------------------------------------------------------- */

START_TEST(a_stopped_group_is_asked_about_once_and_then_ages_by_itself)
{
    struct rig *r = rig_new(_i == 0 ? V4 : V5);

    say_spans(r->a, "T", "5000");
    rig_open(r, 60000);
    look_at(r, "T@G:90", "T:0-100");
    expect_told(r, "T", 5);
    double before = AGE(r, "T");
    for (int i = 0; i < 4; i++) {
        look_at(r, "T@G:90", i < 2 ? "T:0-100" : "T:0-200");
        expect_told(r, "T", 5);
        ck_assert(AGE(r, "T") >= before);
        before = AGE(r, "T");
    }
    ck_assert_int_eq(asked(r), 1);
    ck_assert_str_eq(broker_saw(r->a, RMQ_QUERY_CONSUME_TIME_SPAN, "group"), "G");
    uint32_t row = row_of(r, TABLE_GROUPS, "G", NULL);
    ck_assert_double_eq(batch_real(r->batch, TABLE_GROUPS, row, GROUPS_LAG_SECONDS), before);
    row = row_of(r, TABLE_SHARES, "G", "T");
    ck_assert_double_eq_tol((double)batch_int(r->batch, TABLE_SHARES, row, SHARES_LATENCY_MS), before * 1000, 1);
    rig_free(r);
}
END_TEST

START_TEST(an_idle_cluster_is_not_asked)
{
    struct rig *r = rig_new(_i == 0 ? V4 : V5);

    rig_open(r, _i % 2 == 0 ? 60000 : 0);
    for (int i = 0; i < 3; i++) {
        look_at(r, "T@G:100", "T:0-100");
        expect_source(r, "T", "idle");
        ck_assert_double_eq(AGE(r, "T"), 0);
        ck_assert_double_eq(HIGH(r, "T"), 0);
        ck_assert_int_eq(batch_int(r->batch, TABLE_SHARES, row_of(r, TABLE_SHARES, "G", "T"), SHARES_LATENCY_MS), 0);
        ck_assert_double_eq(batch_real(r->batch, TABLE_GROUPS, row_of(r, TABLE_GROUPS, "G", NULL), GROUPS_LAG_SECONDS), 0);
    }
    ck_assert_int_eq(asked(r), 0);
    rig_free(r);
}
END_TEST

START_TEST(a_moving_group_is_dated_by_samples_and_nothing_is_asked)
{
    struct rig *r = rig_new(_i == 0 ? V4 : V5);

    rig_open(r, 60000);
    look_at(r, "T@G:100", "T:0-100"); /* the last sample before the backlog begins */
    for (int end = 110; end < 400; end += 10) {
        char offsets[32], ends[32];
        snprintf(offsets, sizeof(offsets), "T@G:%d", end - 5);
        snprintf(ends, sizeof(ends), "T:0-%d", end);
        look_at(r, offsets, ends);
        expect_source(r, "T", "history");
        expect_between(AGE(r, "T"), LOW(r, "T"), HIGH(r, "T"));
        expect_between(HIGH(r, "T"), 0, PATIENCE_S);
    }
    ck_assert_int_eq(asked(r), 0);
    rig_free(r);
}
END_TEST

START_TEST(a_single_look_asks_about_every_backlog)
{
    struct rig *r = rig_new(V5);

    say_topics(r->a, "T:1 U:1 V:1");
    set(r, "lag_requests", "1");
    for (int i = 0; i < 3; i++)
        say_spans(r->a, (const char *[]){ "T", "U", "V" }[i], (const char *[]){ "1000", "200000", "3000" }[i]);
    rig_open(r, 0);
    look_at(r, "T@G:1 U@G:1 V@G:1", "T:0-9 U:0-9 V:0-9");
    expect_told(r, "T", 1);
    expect_told(r, "U", 200);
    expect_told(r, "V", 3);
    ck_assert_int_eq(asked(r), 3);
    /* of a group counts the oldest, not the sum */
    expect_between(batch_real(r->batch, TABLE_GROUPS, row_of(r, TABLE_GROUPS, "G", NULL), GROUPS_LAG_SECONDS), 200, 200 + PATIENCE_S);
    rig_free(r);
}
END_TEST

START_TEST(the_budget_holds_and_everybody_gets_a_turn)
{
    static const int after[] = { 2, 4, 5, 5 };
    struct rig *r = rig_new(V5);

    say_topics(r->a, "A:1 B:1 C:1 D:1 E:1");
    for (int i = 0; i < 5; i++)
        say_spans(r->a, (const char *[]){ "A", "B", "C", "D", "E" }[i], "86400000");
    set(r, "lag_requests", "2");
    rig_open(r, 60000);
    for (int i = 0; i < COUNT(after); i++) {
        look_at(r, "A@G:1 B@G:1 C@G:1 D@G:1 E@G:1", "A:0-9 B:0-9 C:0-9 D:0-9 E:0-9");
        ck_assert_int_eq(asked(r), after[i]);
    }
    expect_told(r, "E", 86400);
    rig_free(r);
}
END_TEST

START_TEST(no_budget_asks_nothing)
{
    struct rig *r = rig_new(V5);

    set(r, "lag_requests", "0");
    rig_open(r, _i == 0 ? 0 : 60000);
    look_at(r, "T@G:90", "T:0-100");
    look_at(r, "T@G:90", "T:0-100");
    ck_assert_int_eq(asked(r), 0);
    ck_assert(isnan(AGE(r, "T")) && isnan(HIGH(r, "T")) && !isnan(LOW(r, "T"))); /* it was there when we came */
    ck_assert(!batch_has(r->batch, TABLE_SHARES, row_of(r, TABLE_SHARES, "G", "T"), SHARES_LATENCY_MS));
    ck_assert(!batch_has(r->batch, TABLE_GROUPS, row_of(r, TABLE_GROUPS, "G", NULL), GROUPS_LAG_SECONDS));
    rig_free(r);
}
END_TEST

/* ---- a group that moves ------------------------------------------------------------------------------------------ */

START_TEST(a_store_time_told_is_a_bound_once_the_group_has_moved_on)
{
    struct rig *r = rig_new(V5);

    say_spans(r->a, "T", "86400000");
    rig_open(r, 60000);
    look_at(r, "T@G:10", "T:0-100");
    expect_told(r, "T", 86400); /* whatever the offset was when 303 was answered */
    set(r, "lag_requests", "20");
    broker_expect(r->a, RMQ_QUERY_CONSUME_TIME_SPAN); /* the bound is too wide: asked again */
    broker_reply_body(r->a, "{\"consumeTimeSpanSet\":[]}");
    look_at(r, "T@G:20", "T:0-100");
    ck_assert_int_eq(asked(r), 2);
    ck_assert(isnan(AGE(r, "T")));
    expect_between(HIGH(r, "T"), 86400, 86400 + PATIENCE_S);
    expect_between(LOW(r, "T"), 0, PATIENCE_S);
    look_at(r, "T@G:5", "T:0-100"); /* reset to older messages: what was told says nothing of them */
    ck_assert(isnan(HIGH(r, "T")));
    rig_free(r);
}
END_TEST

START_TEST(a_narrow_bound_is_good_enough)
{
    struct rig *r = rig_new(V5);

    say_spans(r->a, "T", "3000");
    rig_open(r, 60000);
    look_at(r, "T@G:10", "T:0-100");
    for (int i = 0; i < 3; i++) {
        look_at(r, i == 0 ? "T@G:20" : i == 1 ? "T@G:30" : "T@G:40", "T:0-100");
        expect_between(AGE(r, "T"), LOW(r, "T"), HIGH(r, "T"));
        expect_between(HIGH(r, "T"), 3, 3 + PATIENCE_S);
    }
    ck_assert_int_eq(asked(r), 1);
    rig_free(r);
}
END_TEST

START_TEST(a_backlog_that_is_gone_is_forgotten)
{
    struct rig *r = rig_new(V5);

    say_spans(r->a, "T", "86400000");
    rig_open(r, 60000);
    look_at(r, "T@G:90", "T:0-100");
    look_at(r, "T@G:100", "T:0-100");
    expect_source(r, "T", "idle");
    look_at(r, "T@G:100", "T:0-101"); /* written since the look before: dated by it */
    expect_source(r, "T", "history");
    expect_between(HIGH(r, "T"), 0, PATIENCE_S);
    ck_assert_int_eq(asked(r), 1);
    rig_free(r);
}
END_TEST

START_TEST(an_end_that_falls_forgets_the_samples)
{
    struct rig *r = rig_new(V5);

    set(r, "lag_requests", "0");
    rig_open(r, 60000);
    look_at(r, "T@G:0", "T:0-0");
    look_at(r, "T@G:0", "T:0-50");
    expect_between(AGE(r, "T"), 0, PATIENCE_S);
    look_at(r, "T@G:0", "T:0-20"); /* deleted and made again, by us unseen */
    ck_assert(isnan(AGE(r, "T")));
    rig_free(r);
}
END_TEST

START_TEST(a_topic_made_again_is_asked_about_again)
{
    struct rig *r = rig_new(_i == 0 ? V4 : V5);

    say_spans(r->a, "T", "86400000");
    rig_open(r, 60000);
    look_at(r, "T@G:90", "T:0-100");
    expect_told(r, "T", 86400);
    say_spans(r->a, "T", "7000");
    look_at(r, "T@G:90", "T:0-95"); /* 4.x keeps the offset of a deleted topic */
    expect_told(r, "T", 7);
    look_at(r, "T@G:90", "T:0-95");
    expect_told(r, "T", 7);
    ck_assert_int_eq(asked(r), 2);
    rig_free(r);
}
END_TEST

/* ---- traps ------------------------------------------------------------------------------------------------------- */

/* offsets of G, ends, answer to 303; age in seconds, -1: it must stay unknown. */
static const struct {
    const char *offsets, *ends, *spans;
    double age;
} traps[] = {
    { "T@G:5", "T:0-9", "0", 0 },                                /* it has just caught up */
    { "T@G:5", "T:0-9", "1795470854530/1795470827833", -1 },     /* committed, stored, and yet not readable */
    { "T@G:5", "T:0-9", "200000000000", -1 },                    /* six years are no delay */
    { "T@G:5", "T:0-9", "x", -1 },
    { "T@G:5", "T:0-9", "x,7000", -1 },                          /* a queue that we do not know */
    { "T@G:5,x", "T:0-9,3-9", "7000,1795470854531/1795470824530", 30 }, /* no offset: counts from the start, by the broker's clock */
    { "T@G:5", "T:7-9", "1795470854531/1795470824530", 30 },     /* expired: from the start, too */
    { "T@G:5", "T:7-9", "1795470854531/-1", -1 },
    { "T@G:5", "T:7-9", "1795470854531/1795470999999", -1 },     /* from the future */
    { "T@G:5", "T:7-9", "9000", -1 },                            /* of a message that we take for expired */
    { "T@G:5,4", "T:0-9,0-9", "7000,x", -1 },                    /* one queue unknown: it may be the oldest */
};

START_TEST(traps_of_303_are_not_taken_for_ages)
{
    struct rig *r = rig_new(V5);

    say_spans(r->a, "T", traps[_i].spans);
    say_topics(r->a, strchr(traps[_i].ends, ',') != NULL ? "T:2" : "T:1");
    rig_open(r, 60000);
    look_at(r, traps[_i].offsets, traps[_i].ends);
    if (traps[_i].age >= 0) {
        expect_told(r, "T", traps[_i].age);
    } else {
        ck_assert_msg(isnan(AGE(r, "T")) && isnan(HIGH(r, "T")), "%s told %g", traps[_i].spans, AGE(r, "T"));
        ck_assert(!batch_has(r->batch, TABLE_SHARES, row_of(r, TABLE_SHARES, "G", "T"), SHARES_LATENCY_MS));
    }
    for (int i = 0; i < 3; i++)
        look_at(r, traps[_i].offsets, traps[_i].ends);
    ck_assert_int_eq(asked(r), 1); /* what told nothing is left alone for a while */
    rig_free(r);
}
END_TEST

START_TEST(retries_nobody_polled_are_dated_by_the_clock_of_the_broker)
{
    struct rig *r = rig_new(_i == 0 ? V4 : V5);

    say_topics(r->a, "T:1 %RETRY%G:1");
    say_spans(r->a, "%RETRY%G", "1795470854531/1795470824530");
    rig_open(r, 60000);
    for (int i = 0; i < 3; i++) {
        look_at(r, "T@G:9", "T:0-9 %RETRY%G:0-4");
        expect_told(r, "%RETRY%G", 30);
    }
    ck_assert_int_eq(asked(r), 1);
    ck_assert_str_eq(broker_saw(r->a, RMQ_QUERY_CONSUME_TIME_SPAN, "topic"), "%RETRY%G");
    rig_free(r);
}
END_TEST

START_TEST(broadcast_groups_are_dated_by_samples_only)
{
    struct rig *r = rig_new(V5);

    if (_i == 0) /* else they have left, and only the offsets tell */
        say_clients(r->a, "G", "id@1", "BROADCASTING");
    rig_open(r, 60000);
    look_at(r, "T@G@broadcast:5", "T:0-9");
    expect_between(LOW(r, "T"), 0, PATIENCE_S);
    ck_assert(isnan(HIGH(r, "T")));
    look_at(r, "T@G@broadcast:10", "T:0-12");
    expect_source(r, "T", "history");
    expect_between(AGE(r, "T"), 0, PATIENCE_S);
    ck_assert_int_eq(asked(r), 0);
    rig_free(r);
}
END_TEST

START_TEST(a_topic_deleted_meanwhile_is_no_failure)
{
    struct rig *r = rig_new(V5);

    say_no(r->a, RMQ_QUERY_CONSUME_TIME_SPAN, RMQ_RESPONSE_TOPIC_NOT_EXIST, "topic[T] not exist");
    rig_open(r, 60000);
    look_at(r, "T@G:5", "T:0-9"); /* SOURCE_ALL */
    ck_assert(isnan(AGE(r, "T")));
    rig_free(r);
}
END_TEST

/* ---- joining ----------------------------------------------------------------------------------------------------- */

START_TEST(the_greatest_age_counts_if_no_unknown_one_can_be_greater)
{
    const struct age exact = { 100, 100, 100, AGE_BROKER }, wide = { NO_INT, 20, 90, AGE_HISTORY },
                     wider = { NO_INT, 20, 110, AGE_HISTORY }, old = { NO_INT, 300, NO_INT, AGE_HISTORY };
    struct age sum = age_join(exact, wide);

    ck_assert(sum.age_ns == 100 && sum.low_ns == 100 && sum.high_ns == 100 && sum.source == AGE_BROKER);
    sum = age_join(wider, exact);
    ck_assert(sum.age_ns == NO_INT && sum.low_ns == 100 && sum.high_ns == 110 && sum.source == AGE_HISTORY);
    sum = age_join(age_join(wide, age_idle), exact); /* in any order */
    ck_assert(sum.age_ns == 100 && sum.source == AGE_BROKER);
    sum = age_join(exact, old);
    ck_assert(sum.age_ns == NO_INT && sum.low_ns == 300 && sum.high_ns == NO_INT && sum.source == AGE_HISTORY);
    sum = age_join(exact, age_unknown);
    ck_assert(sum.age_ns == NO_INT && sum.low_ns == 100 && sum.high_ns == NO_INT);
    sum = age_join(age_idle, age_idle);
    ck_assert(sum.age_ns == 0 && sum.high_ns == 0 && sum.source == AGE_IDLE);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("rocketmq time lag");
    TCase *c = unit_case(s, "asking");

    tcase_add_loop_test(c, a_stopped_group_is_asked_about_once_and_then_ages_by_itself, 0, 2);
    tcase_add_loop_test(c, an_idle_cluster_is_not_asked, 0, 2);
    tcase_add_loop_test(c, a_moving_group_is_dated_by_samples_and_nothing_is_asked, 0, 2);
    tcase_add_test(c, a_single_look_asks_about_every_backlog);
    tcase_add_test(c, the_budget_holds_and_everybody_gets_a_turn);
    tcase_add_loop_test(c, no_budget_asks_nothing, 0, 2);
    c = unit_case(s, "moving");
    tcase_add_test(c, a_store_time_told_is_a_bound_once_the_group_has_moved_on);
    tcase_add_test(c, a_narrow_bound_is_good_enough);
    tcase_add_test(c, a_backlog_that_is_gone_is_forgotten);
    tcase_add_test(c, an_end_that_falls_forgets_the_samples);
    tcase_add_loop_test(c, a_topic_made_again_is_asked_about_again, 0, 2);
    c = unit_case(s, "traps");
    tcase_add_loop_test(c, traps_of_303_are_not_taken_for_ages, 0, COUNT(traps));
    tcase_add_loop_test(c, retries_nobody_polled_are_dated_by_the_clock_of_the_broker, 0, 2);
    tcase_add_loop_test(c, broadcast_groups_are_dated_by_samples_only, 0, 2);
    tcase_add_test(c, a_topic_deleted_meanwhile_is_no_failure);
    c = unit_case(s, "joining");
    tcase_add_test(c, the_greatest_age_counts_if_no_unknown_one_can_be_greater);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
