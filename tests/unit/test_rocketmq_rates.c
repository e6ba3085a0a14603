/*
 * test_rocketmq_rates.c - the claims of window.h, motion.h and rates.h, of the body of request 315 and of what the source asks
 * with it, by a clock that it can put forward.
 */
#include "agent/source/source.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/bodies.h"
#include "agent/source/rocketmq/motion.h"
#include "agent/source/rocketmq/request_codes.h"
#include "agent/source/rocketmq/wire.h"
#include "tests/fake/broker.h"
#include "tests/fake/rmq_say.h"
#include "tests/unit/ahead_clock.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const struct source_ops rocketmq_source;

/* ---- windows ----------------------------------------------------------------------------------------------------- */

#define T0 (1000 * NS_PER_S)
#define AT(s) (T0 + (int64_t)((s) * 1e9))

static const struct {
    double step, rises_for, until; /* a look each `step` seconds from 0 to `until`; it rises by 2 a second until `rises_for` */
    double rate;                   /* at `until`; NAN: none */
} windows[] = {
    { 1, 1000, 20, (double)NAN }, { 5, 1000, 25, (double)NAN }, { 5, 1000, 30, 2 }, { 1, 1000, 200, 2 }, { 5, 1000, 200, 2 },
    { 7, 1000, 280, 2 }, { 10, 1000, 200, 2 }, { 15, 1000, 300, 2 }, { 30, 1000, 300, 2 }, { 60, 1000, 300, 2 },
    { 100, 1000, 300, 2 }, { 5, 30, 60, 1 }, { 10, 30, 60, 1 }, { 10, 120, 150, 1 }, { 30, 120, 150, 1 }, { 5, 60, 130, 0 },
    { 10, 60, 120, 0 }, { 1, 60, 131, 0 }, { 300, 300, 600, 0 },
};

START_TEST(a_window_has_the_rate_of_the_last_minute)
{
    struct window w;
    double t = 0;

    window_start(&w, T0, T0);
    for (t = windows[_i].step; t <= windows[_i].until; t += windows[_i].step)
        window_add(&w, AT(t), t <= windows[_i].rises_for ? (int64_t)(2 * windows[_i].step) : 0);
    double rate = window_rate(&w, AT(windows[_i].until)), wanted = windows[_i].rate;
    if (isnan(wanted))
        ck_assert_msg(isnan(rate), "window %d: %g", _i, rate);
    else
        ck_assert_msg(fabs(rate - wanted) <= wanted * 0.17, "window %d: %g", _i, rate); /* seven samples may be 54 s */
    ck_assert_uint_le(w.count, WINDOW_SAMPLES);
}
END_TEST

START_TEST(a_window_goes_to_zero_by_itself)
{
    struct window w;

    window_start(&w, T0 - 100 * NS_PER_S, T0);
    window_add(&w, AT(10), 120);
    ck_assert_double_eq_tol(window_rate(&w, AT(10)), 2, 1e-9);
    ck_assert_double_eq_tol(window_rate(&w, AT(60)), 2, 1e-9);
    ck_assert_double_eq_tol(window_rate(&w, AT(65)), 1, 1e-9); /* half of the ten seconds are out of it */
    ck_assert_double_eq(window_rate(&w, AT(70)), 0);
    ck_assert_double_eq(window_rate(&w, AT(100000)), 0);
}
END_TEST

START_TEST(a_window_begins_anew_after_a_reset)
{
    static const int64_t rises[] = { -1, INT64_MIN / 2, INT64_C(1) << 33 };
    struct window w;

    window_start(&w, T0 - 100 * NS_PER_S, T0);
    window_add(&w, AT(10), 600);
    window_add(&w, AT(20), rises[_i]);
    ck_assert(isnan(window_rate(&w, AT(20))));
    window_add(&w, AT(50), 60);
    ck_assert_double_eq_tol(window_rate(&w, AT(50)), 2, 1e-9);
}
END_TEST

/* ---- motion ------------------------------------------------------------------------------------------------------ */

START_TEST(what_stands_costs_no_memory_and_is_idle_after_a_while)
{
    struct flows flows = { 0 };
    struct motion m = { 0 };

    ck_assert(!motion_is_idle(&m, AT(0)));
    motion_restart(&flows, &m, AT(0));
    for (int s = 10; s <= 200; s += 10) {
        motion_take(&flows, &m, AT(s - 10), AT(s), 0, 70);
        ck_assert_int_eq(motion_is_idle(&m, AT(s)), s > MOTION_IDLE_S);
        double rate = motion_rate(&flows, &m, AT(s));
        ck_assert_msg(s >= WINDOW_ENOUGH_S ? rate == 0 : isnan(rate), "%d s: %g", s, rate);
    }
    ck_assert_uint_eq(flows.count, 0);
    ck_assert_uint_le(sizeof(struct flow), 84); /* 30,000 of them shall stay below 3 MB */
}
END_TEST

START_TEST(what_moves_after_it_stood_has_a_rate_at_once)
{
    struct flows flows = { 0 };
    struct motion m = { 0 };

    motion_restart(&flows, &m, AT(0));
    motion_take(&flows, &m, AT(95), AT(100), 30, 70);
    ck_assert(!motion_is_idle(&m, AT(100)));
    ck_assert_double_eq_tol(motion_rate(&flows, &m, AT(100)), 0.5, 1e-9);
    ck_assert_double_eq(motion_rate(&flows, &m, AT(171)), 0);
    ck_assert(motion_is_idle(&m, AT(171)));
    /* hours later the old samples are forgotten, not interpolated */
    motion_take(&flows, &m, AT(9995), AT(10000), 60, 70);
    ck_assert_double_eq_tol(motion_rate(&flows, &m, AT(10000)), 1, 1e-9);
    flows_fini(&flows);
}
END_TEST

START_TEST(what_was_reset_or_not_looked_at_for_long_has_no_rate)
{
    struct flows flows = { 0 };
    struct motion m = { 0 };
    int64_t rise = _i == 0 ? -5 : 5, before = _i == 0 ? 95 : 20;

    motion_restart(&flows, &m, AT(0));
    motion_take(&flows, &m, AT(before), AT(100), rise, 70);
    ck_assert(!motion_is_idle(&m, AT(100)));
    ck_assert(isnan(motion_rate(&flows, &m, AT(100))));
    motion_has_stood(&m, AT(100), MOTION_STOOD_S); /* who says so is wrong: it was seen to move */
    ck_assert(!motion_is_idle(&m, AT(100)));
    ck_assert(isnan(motion_rate(&flows, &m, AT(100))));
    flows_fini(&flows);
}
END_TEST

START_TEST(an_answer_is_told_as_the_broker_told_it)
{
    static const double values[] = { 0, 0.01, 4.91, 7.7, 33.33, 2250.8, 100000.1, 123456.7, 1e9, 5e-3 };
    struct told told = { 0 };

    told_set(&told, values[_i], AT(0));
    ck_assert_msg(told_value(&told, AT(0)) == values[_i], "%.17g, expected %.17g", told_value(&told, AT(0)), values[_i]);
}
END_TEST

START_TEST(an_answer_is_held_for_half_a_minute)
{
    struct told told = { 0 };

    ck_assert(told_is_due(&told, AT(0)));
    ck_assert(isnan(told_value(&told, AT(0))));
    told_set(&told, 12.5, AT(0));
    for (int s = 0; s < MOTION_HOLD_S; s++) {
        ck_assert(!told_is_due(&told, AT(s)));
        ck_assert_double_eq(told_value(&told, AT(s)), 12.5);
    }
    ck_assert(told_is_due(&told, AT(MOTION_HOLD_S)));
    ck_assert(isnan(told_value(&told, AT(MOTION_HOLD_S))));
}
END_TEST

/* ---- 315 --------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *body;
    double tps;
    int64_t sum;
    int result;
} answers[] = {
    { "{\"statsDay\":{\"avgpt\":0.0,\"sum\":9,\"tps\":9.0},\"statsHour\":{\"avgpt\":0.0,\"sum\":9,\"tps\":9.0},"
      "\"statsMinute\":{\"avgpt\":1.0,\"sum\":295,\"tps\":4.91}}", 4.91, 295, 0 },
    { "{\"statsMinute\":{\"tps\":1.5E3,\"sum\":90000}}", 1500, 90000, 0 },
    { "{\"statsMinute\":{\"tps\":null,\"sum\":0}}", (double)NAN, 0, 0 },
    { "{\"statsMinute\":{\"tps\":-1,\"sum\":-1}}", (double)NAN, BODY_NONE, 0 },
    { "{\"statsMinute\":{\"tps\":1e300,\"sum\":1e300}}", (double)NAN, BODY_NONE, 0 },
    { "{\"statsMinute\":[]}", (double)NAN, BODY_NONE, 0 },
    { "{}", (double)NAN, BODY_NONE, 0 },
    { "", (double)NAN, BODY_NONE, -1 },
    { "[]", (double)NAN, BODY_NONE, -1 },
    { "{\"statsMinute\":{\"tps\":2,\"sum\":3", 2, BODY_NONE, -1 },
};

START_TEST(an_answer_to_315_is_read)
{
    struct body_broker_stats stats;
    struct err err = { .kind = ERR_NONE };
    struct view body = { answers[_i].body, strlen(answers[_i].body) };

    ck_assert_int_eq(body_broker_stats(body, &stats, &err), answers[_i].result);
    ck_assert_msg(isnan(answers[_i].tps) ? isnan(stats.tps) : stats.tps == answers[_i].tps, "%s: %g", answers[_i].body, stats.tps);
    if (answers[_i].result == 0)
        ck_assert_int_eq(stats.sum, answers[_i].sum);
}
END_TEST

/* ---- the rig ----------------------------------------------------------------------------------------------------- */

struct rig {
    struct broker *ns, *a;
    void *self;
    struct batch *batch;
    enum source_result result;
    struct err err;
    size_t seen; /* bytes of what was asked, up to the last look but one */
    int64_t log;
};

static void set(struct rig *r, const char *name, const char *value)
{
    ck_assert_int_eq(option_set(option_find(rocketmq_source.options, name), r->self, value, &r->err), 0);
}

/* A topic, a group that is online and reads it, its dead letters, the delay topic; all written years ago. */
static struct rig *rig_new(int version)
{
    struct rig *r = xcalloc(1, sizeof(*r));

    r->ns = broker_start();
    r->a = broker_start();
    broker_reply_version(r->a, version);
    r->self = xcalloc(1, rocketmq_source.size);
    option_set_defaults(rocketmq_source.options, r->self);
    set(r, "lag_requests", "0"); /* the time lag has its own tests */
    char *spec = xasprintf("c1/broker-a:0=%s", broker_address(r->a));
    say_brokers(r->ns, spec);
    free(spec);
    r->log = 1000;
    say_log(r->a, r->log, 0);
    say_groups(r->a, "G");
    say_producers(r->a, "");
    say_clients(r->a, "G", "10.0.0.9@1#2", "CLUSTERING");
    say_topics(r->a, "T:2 %RETRY%G:1 %DLQ%G:1 SCHEDULE_TOPIC_XXXX:1");
    say_offsets(r->a, "T@G:90,90 %RETRY%G@G:3", NULL);
    say_ends(r->a, "T:0-100,0-100 %RETRY%G:0-3 %DLQ%G:0-2 SCHEDULE_TOPIC_XXXX:0-9");
    say_no_stats(r->a);
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
    char *seen = broker_saw_all(r->a, RMQ_VIEW_BROKER_STATS_DATA, "statsName", "statsKey");

    r->seen = strlen(seen);
    free(seen);
    if (r->batch != NULL)
        batch_unref(r->batch);
    r->batch = batch_new();
    r->err = (struct err){ .kind = ERR_NONE };
    r->result = rocketmq_source.collect(r->self, r->batch, clock_now_ns() + 20 * NS_PER_S, -1, &r->err);
}

static void good_look(struct rig *r)
{
    look(r);
    ck_assert_msg(r->result == SOURCE_ALL, "%s", r->err.msg);
}

static void good_looks(struct rig *r, int count, int64_t gap_s)
{
    for (int i = 0; i < count; i++) {
        pass(gap_s);
        good_look(r);
    }
}

/* A rig that has watched an idle cluster for two minutes. */
static struct rig *rig_watched(int version)
{
    struct rig *r = rig_new(version);

    rig_open(r, 10000);
    good_looks(r, 13, 10);
    return r;
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

/* What 315 was asked for in the last look, in this order. */
static void expect_asked(struct rig *r, const char *lines)
{
    char *seen = broker_saw_all(r->a, RMQ_VIEW_BROKER_STATS_DATA, "statsName", "statsKey");

    ck_assert_str_eq(seen + r->seen, lines);
    free(seen);
}

static void say_moved(struct rig *r, const char *ends, const char *offsets)
{
    if (ends != NULL)
        say_log(r->a, r->log += 100, 0);
    if (ends != NULL)
        say_ends(r->a, ends);
    if (offsets != NULL)
        say_offsets(r->a, offsets, NULL);
}

static uint32_t row_of(const struct rig *r, enum table_id t, unsigned column, const char *text)
{
    for (uint32_t row = 0; row < batch_rows(r->batch, t); row++)
        if (strcmp(batch_text(r->batch, t, row, column), text) == 0)
            return row;
    ck_abort_msg("no row of %s with %s", schema_tables[t].name, text);
}

/* A number of the only row of the topic T in a table; NAN: absent. */
static double cell(const struct rig *r, enum table_id t, unsigned topic_column, unsigned column)
{
    uint32_t row = t == TABLE_BROKERS ? 0 : row_of(r, t, topic_column, "T");

    if (!batch_has(r->batch, t, row, column))
        return (double)NAN;
    if (schema_tables[t].columns[column].kind == COLUMN_INT)
        return (double)batch_int(r->batch, t, row, column);
    return batch_real(r->batch, t, row, column);
}

#define CELL(r, T, COLUMN) cell(r, TABLE_##T, T##_TOPIC, T##_##COLUMN)
#define BROKERS_TOPIC 0

static void expect(double found, double wanted, const char *what)
{
    bool is_equal = isnan(wanted) ? isnan(found) : fabs(found - wanted) <= 1e-3 * (1 + fabs(wanted));

    ck_assert_msg(is_equal, "%s: %g, expected %g", what, found, wanted);
}

#define EXPECT(r, T, COLUMN, wanted) expect(CELL(r, T, COLUMN), wanted, #T "." #COLUMN)
#define EXPECT_ABSENT(r, T, COLUMN) EXPECT(r, T, COLUMN, (double)NAN)

static void expect_all(const struct rig *r, double wanted)
{
    EXPECT(r, TOPICS, IN_RATE_MINUTE, wanted);
    EXPECT(r, TOPICS, IN_BYTES_RATE, wanted);
    EXPECT(r, SHARES, OUT_RATE_MINUTE, wanted);
    EXPECT(r, SHARES, OUT_BYTES_RATE, wanted);
    EXPECT(r, SHARES, SEND_BACK, wanted);
    EXPECT(r, BACKLOGS, OUT_BYTES_RATE, wanted);
    EXPECT(r, BACKLOGS, SEND_BACK, wanted);
    EXPECT(r, BROKERS, PUT_RATE_MINUTE, wanted);
    EXPECT(r, BROKERS, GET_RATE_MINUTE, wanted);
}

/* ---- what is asked ----------------------------------------------------------------------------------------------- */

static const int versions[] = { WIRE_VERSION(4, 9, 7), WIRE_VERSION(5, 3, 3) };

START_TEST(an_idle_cluster_has_zeros_and_after_a_minute_nothing_is_asked)
{
    struct rig *r = rig_new(versions[_i]);

    rig_open(r, 10000);
    good_look(r); /* what was written years ago says that nobody writes, not that nobody reads */
    expect_asked(r, "GROUP_GET_NUMS T@G\nBROKER_PUT_NUMS c1\nBROKER_GET_NUMS c1\n");
    expect_all(r, 0);
    for (int i = 1; i <= 12; i++) {
        pass(10);
        good_look(r);
        expect_all(r, 0);
        expect_asked(r, i == 3   ? "GROUP_GET_SIZE T@G\nBROKER_PUT_NUMS c1\nBROKER_GET_NUMS c1\n"
                        : i == 6 ? "BROKER_PUT_NUMS c1\nBROKER_GET_NUMS c1\n"
                                 : "");
    }
    rig_free(r);
}
END_TEST

START_TEST(what_moves_is_asked_for_twice_a_minute_until_a_minute_after)
{
    struct rig *r = rig_watched(versions[_i]);

    say_stats(r->a, "TOPIC_PUT_SIZE", "T", 500.5, 30030);
    say_stats(r->a, "GROUP_GET_SIZE", "T@G", 250.25, 15015);
    say_stats(r->a, "BROKER_PUT_NUMS", "c1", 7.5, 450);
    say_stats(r->a, "BROKER_GET_NUMS", "c1", 8.5, 510);
    say_moved(r, "T:0-400,0-160 %RETRY%G:0-3 %DLQ%G:0-2 SCHEDULE_TOPIC_XXXX:0-9", "T@G:150,150 %RETRY%G@G:3");
    for (int s = 0; s <= 120; s += 10) {
        pass(10);
        good_look(r);
        bool is_idle = s > MOTION_IDLE_S;
        expect_asked(r, s % 30 != 0 || is_idle ? "" : "TOPIC_PUT_SIZE T\nGROUP_GET_SIZE T@G\nBROKER_PUT_NUMS c1\nBROKER_GET_NUMS c1\n");
        EXPECT(r, TOPICS, IN_RATE_MINUTE, s <= 40 ? 6 : s >= 60 ? 0 : CELL(r, TOPICS, IN_RATE_MINUTE));
        EXPECT(r, SHARES, OUT_RATE_MINUTE, s <= 40 ? 2 : s >= 60 ? 0 : CELL(r, SHARES, OUT_RATE_MINUTE));
        EXPECT(r, SHARES, SEND_BACK, 0);
        if (s == MOTION_IDLE_S)
            continue; /* idle to the second, and this test takes its own time, too */
        EXPECT(r, TOPICS, IN_BYTES_RATE, is_idle ? 0 : 500.5);
        EXPECT(r, SHARES, OUT_BYTES_RATE, is_idle ? 0 : 250.25);
        EXPECT(r, BACKLOGS, OUT_BYTES_RATE, is_idle ? 0 : 250.25);
        EXPECT(r, BROKERS, PUT_RATE_MINUTE, is_idle ? 0 : 7.5);
        EXPECT(r, BROKERS, GET_RATE_MINUTE, is_idle ? 0 : 8.5);
    }
    rig_free(r);
}
END_TEST

START_TEST(a_first_look_asks_what_may_have_moved)
{
    struct rig *r = rig_new(versions[_i]);

    say_stats(r->a, "GROUP_GET_NUMS", "T@G", 1.5, 90);
    say_stats(r->a, "GROUP_GET_SIZE", "T@G", 1500, 90000);
    rig_open(r, 0); /* `once` */
    good_look(r);
    expect_asked(r, "GROUP_GET_NUMS T@G\nGROUP_GET_SIZE T@G\nBROKER_PUT_NUMS c1\nBROKER_GET_NUMS c1\n");
    EXPECT(r, SHARES, OUT_RATE_MINUTE, 1.5);
    EXPECT(r, SHARES, OUT_BYTES_RATE, 1500);
    EXPECT(r, SHARES, SEND_BACK, 0);
    EXPECT(r, TOPICS, IN_RATE_MINUTE, 0);
    rig_free(r);
}
END_TEST

START_TEST(our_own_offsets_take_over_after_half_a_minute)
{
    struct rig *r = rig_new(versions[_i]);

    say_stats(r->a, "GROUP_GET_NUMS", "T@G", 1.5, 90);
    rig_open(r, 10000);
    good_look(r);
    EXPECT(r, SHARES, OUT_RATE_MINUTE, 1.5);
    say_moved(r, NULL, "T@G:99,90 %RETRY%G@G:3");
    good_looks(r, 2, 10);
    EXPECT(r, SHARES, OUT_RATE_MINUTE, 1.5);
    good_looks(r, 1, 10);
    ck_assert_double_eq_tol(CELL(r, SHARES, OUT_RATE_MINUTE), 9.0 / 30, 0.02);
    rig_free(r);
}
END_TEST

START_TEST(messages_sent_back_are_asked_for_where_they_may_have_been)
{
    /* the delay topic grew; the dead letters did; neither */
    static const char *const ends[] = {
        "T:0-100,0-100 %RETRY%G:0-3 %DLQ%G:0-2 SCHEDULE_TOPIC_XXXX:0-12",
        "T:0-100,0-100 %RETRY%G:0-3 %DLQ%G:0-3 SCHEDULE_TOPIC_XXXX:0-9",
        "T:0-110,0-100 %RETRY%G:0-3 %DLQ%G:0-2 SCHEDULE_TOPIC_XXXX:0-9",
    };
    struct rig *r = rig_watched(versions[_i % 2]);

    say_stats(r->a, "SNDBCK_PUT_NUMS", "T@G", 0.05, 3);
    say_moved(r, ends[_i / 2], "T@G:95,90 %RETRY%G@G:3");
    good_looks(r, 1, 10);
    EXPECT(r, SHARES, SEND_BACK, _i / 2 == 2 ? 0 : 3);
    EXPECT(r, BACKLOGS, SEND_BACK, _i / 2 == 2 ? 0 : 3);
    char *seen = broker_saw_all(r->a, RMQ_VIEW_BROKER_STATS_DATA, "statsName", "statsKey");
    ck_assert_msg((strstr(seen, "SNDBCK_PUT_NUMS T@G") != NULL) == (_i / 2 < 2), "%s", seen);
    free(seen);
    good_looks(r, 8, 10);
    EXPECT(r, SHARES, SEND_BACK, 0);
    rig_free(r);
}
END_TEST

START_TEST(a_group_that_is_stuck_is_given_messages_one_that_is_offline_is_not)
{
    struct rig *r = rig_new(versions[_i / 2]);

    if (_i % 2 == 1)
        say_clients(r->a, "G", NULL, NULL);
    say_stats(r->a, "GROUP_GET_SIZE", "T@G", 2000, 120000);
    rig_open(r, 10000);
    good_looks(r, 13, 10);
    say_moved(r, "T:0-110,0-100 %RETRY%G:0-3 %DLQ%G:0-2 SCHEDULE_TOPIC_XXXX:0-9", NULL);
    good_looks(r, 1, 10);
    expect_asked(r, _i % 2 == 0 ? "TOPIC_PUT_SIZE T\nGROUP_GET_SIZE T@G\nBROKER_PUT_NUMS c1\nBROKER_GET_NUMS c1\n"
                                : "TOPIC_PUT_SIZE T\nBROKER_PUT_NUMS c1\nBROKER_GET_NUMS c1\n");
    EXPECT(r, SHARES, OUT_BYTES_RATE, _i % 2 == 0 ? 2000 : 0);
    EXPECT(r, SHARES, OUT_RATE_MINUTE, 0);
    good_looks(r, 8, 10);
    EXPECT(r, SHARES, OUT_BYTES_RATE, 0);
    rig_free(r);
}
END_TEST

START_TEST(without_a_delay_topic_who_consumes_may_send_back)
{
    struct rig *r = rig_new(WIRE_VERSION(4, 9, 7));

    say_topics(r->a, "T:2");
    rig_open(r, 10000);
    good_looks(r, 13, 10);
    expect_asked(r, "");
    EXPECT(r, SHARES, SEND_BACK, 0);
    say_stats(r->a, "SNDBCK_PUT_NUMS", "T@G", 0.05, 3);
    say_moved(r, NULL, "T@G:95,90");
    good_looks(r, 1, 10);
    expect_asked(r, "GROUP_GET_SIZE T@G\nSNDBCK_PUT_NUMS T@G\nBROKER_PUT_NUMS c1\nBROKER_GET_NUMS c1\n");
    EXPECT(r, SHARES, SEND_BACK, 3);
    rig_free(r);
}
END_TEST

START_TEST(byte_rates_can_be_left_out)
{
    struct rig *r = rig_new(versions[_i]);

    set(r, "byte_rates", "no");
    rig_open(r, 10000);
    good_look(r);
    expect_asked(r, "BROKER_PUT_NUMS c1\nBROKER_GET_NUMS c1\n");
    good_looks(r, 12, 10);
    say_moved(r, "T:0-400,0-160 %RETRY%G:0-3 %DLQ%G:0-2 SCHEDULE_TOPIC_XXXX:0-9", "T@G:150,150 %RETRY%G@G:3");
    good_looks(r, 1, 10);
    EXPECT(r, TOPICS, IN_RATE_MINUTE, 6);
    EXPECT(r, SHARES, OUT_RATE_MINUTE, 2);
    EXPECT_ABSENT(r, TOPICS, IN_BYTES_RATE);
    EXPECT_ABSENT(r, SHARES, OUT_BYTES_RATE);
    EXPECT_ABSENT(r, SHARES, SEND_BACK);
    EXPECT_ABSENT(r, BACKLOGS, OUT_BYTES_RATE);
    EXPECT_ABSENT(r, BACKLOGS, SEND_BACK);
    rig_free(r);
}
END_TEST

/* ---- faults ------------------------------------------------------------------------------------------------------ */

static void misbehave(struct broker *b, int manner)
{
    broker_always(b, RMQ_VIEW_BROKER_STATS_DATA);
    switch (manner) {
    case 0:
        broker_reply_code(b, RMQ_RESPONSE_SYSTEM_ERROR, "java.lang.NullPointerException");
        break;
    case 1:
        broker_reply_code(b, RMQ_RESPONSE_SYSTEM_BUSY, "busy");
        break;
    case 2:
        broker_reply_code(b, RMQ_RESPONSE_NO_PERMISSION, "no");
        break;
    case 3:
        broker_reply_body(b, "{\"statsMinute\":{\"tps\":");
        break;
    case 4:
        broker_reply_body(b, "{\"statsMinute\":{\"tps\":null}}");
        break;
    case 5:
        broker_close(b, 10);
        break;
    case 6:
        broker_garbage(b);
        break;
    default:
        broker_stall(b);
        break;
    }
}
#define MANNERS 8

START_TEST(what_could_not_be_asked_is_absent_and_the_rest_is_there)
{
    struct rig *r = rig_watched(versions[_i % 2]);
    int manner = _i / 2;

    set(r, "request_timeout", "200ms");
    misbehave(r->a, manner);
    say_moved(r, "T:0-400,0-160 %RETRY%G:0-3 %DLQ%G:0-2 SCHEDULE_TOPIC_XXXX:0-12", "T@G:150,150 %RETRY%G@G:3");
    pass(10);
    look(r);
    ck_assert_int_eq(r->result, manner == 4 ? SOURCE_ALL : SOURCE_SOME);
    EXPECT(r, TOPICS, IN_RATE_MINUTE, 6);
    EXPECT(r, SHARES, OUT_RATE_MINUTE, 2);
    EXPECT_ABSENT(r, TOPICS, IN_BYTES_RATE);
    EXPECT_ABSENT(r, SHARES, OUT_BYTES_RATE);
    EXPECT_ABSENT(r, SHARES, SEND_BACK);
    EXPECT_ABSENT(r, BACKLOGS, OUT_BYTES_RATE);
    EXPECT_ABSENT(r, BACKLOGS, SEND_BACK);
    EXPECT_ABSENT(r, BROKERS, PUT_RATE_MINUTE);
    EXPECT_ABSENT(r, BROKERS, GET_RATE_MINUTE);
    rig_free(r);
}
END_TEST

START_TEST(offsets_that_are_not_known_have_no_rate)
{
    struct rig *r = rig_watched(versions[_i % 2]);

    if (_i / 2 == 0)
        say_no(r->a, RMQ_GET_ALL_CONSUMER_OFFSET, RMQ_RESPONSE_SYSTEM_ERROR, "no");
    else {
        say_no(r->a, RMQ_GET_TOPIC_STATS_INFO, RMQ_RESPONSE_SYSTEM_ERROR, "no");
        say_no(r->a, RMQ_GET_CONSUME_STATS, RMQ_RESPONSE_SYSTEM_ERROR, "no");
    }
    say_log(r->a, 5000, 0);
    pass(10);
    look(r);
    if (_i / 2 == 0) {
        ck_assert_uint_eq(batch_rows(r->batch, TABLE_SHARES), 0);
        EXPECT_ABSENT(r, BACKLOGS, OUT_BYTES_RATE);
        EXPECT(r, TOPICS, IN_RATE_MINUTE, 0);
    } else {
        EXPECT_ABSENT(r, TOPICS, IN_RATE_MINUTE);
        EXPECT_ABSENT(r, TOPICS, IN_BYTES_RATE);
        EXPECT(r, SHARES, OUT_RATE_MINUTE, 0);
    }
    rig_free(r);
}
END_TEST

START_TEST(a_topic_on_the_slow_lane_keeps_its_zero_as_it_keeps_its_ends)
{
    struct rig *r = rig_new(WIRE_VERSION(4, 9, 7));
    int kept = 0;

    say_topics(r->a, "U:1 T:2");
    rig_open(r, 10000);
    for (int i = 0; i < 80; i++) {
        char *ends = xasprintf("U:0-50 T:0-%d,0-100", 200 + i); /* somebody writes to T all the time, nobody consumes U */
        say_moved(r, ends, "T@G:90,90");
        free(ends);
        good_looks(r, 1, 10);
        uint32_t u = row_of(r, TABLE_TOPICS, TOPICS_TOPIC, "U");
        ck_assert_int_eq(batch_int(r->batch, TABLE_TOPICS, u, TOPICS_MAX_OFFSET), 50);
        ck_assert_double_eq(batch_real(r->batch, TABLE_TOPICS, u, TOPICS_IN_RATE_MINUTE), 0);
        kept += !batch_has(r->batch, TABLE_TOPICS, u, TOPICS_IN_RATE);
    }
    ck_assert_int_gt(kept, 60); /* it was not read in most looks */
    rig_free(r);
}
END_TEST

/* ---- cost -------------------------------------------------------------------------------------------------------- */

#define MANY 200 /* the fake answers every 208 with all topics, so there must be one only */

static char *many(const char *form, int moved)
{
    struct buf out;

    buf_init(&out, 0);
    for (int i = 0; i < MANY; i++)
        for (const char *c = form; *c != '\0'; c++) {
            if (*c == '#')
                buf_printf(&out, "%03d", i);
            else if (*c == '+')
                buf_printf(&out, "%d", i < moved ? 60 : 50);
            else
                buf_putc(&out, *c);
        }
    char *text = xstrndup(out.data, out.len);
    buf_fini(&out);
    return text;
}

START_TEST(what_it_costs_goes_with_what_moves)
{
    static const int moved[] = { 0, MANY * 15 / 100, MANY };
    struct rig *r = rig_new(WIRE_V5_5_0);
    char *topics = many("T#:1 ", 0), *groups = many("G# ", 0), *ends = many("T#:0-+ ", 0), *offsets = many("T#@G#:+ ", 0);

    say_topics(r->a, topics);
    say_groups(r->a, groups);
    say_ends(r->a, ends);
    say_offsets(r->a, offsets, NULL);
    say_no(r->a, RMQ_GET_CONSUMER_CONNECTION_LIST, RMQ_RESPONSE_CONSUMER_NOT_ONLINE, "nobody");
    set(r, "slow_requests", "0");
    rig_open(r, 60000);
    good_looks(r, 3, 60);
    int before = broker_requests(r->a, RMQ_VIEW_BROKER_STATS_DATA);
    free(ends);
    free(offsets);
    ends = many("T#:0-+ ", moved[_i]);
    offsets = many("T#@G#:+ ", moved[_i]);
    if (moved[_i] > 0)
        say_moved(r, ends, offsets);
    good_looks(r, 1, 60);
    int sent = broker_requests(r->a, RMQ_VIEW_BROKER_STATS_DATA) - before;
    int wanted = 2 * moved[_i] + (moved[_i] > 0 ? 2 : 0) + moved[_i]; /* no delay topic: messages sent back are asked for */
    ck_assert_int_eq(sent, wanted);
    free(topics);
    free(groups);
    free(ends);
    free(offsets);
    rig_free(r);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("rocketmq rates");
    TCase *c = unit_case(s, "pure");

    tcase_add_loop_test(c, a_window_has_the_rate_of_the_last_minute, 0, (int)(sizeof(windows) / sizeof(windows[0])));
    tcase_add_test(c, a_window_goes_to_zero_by_itself);
    tcase_add_loop_test(c, a_window_begins_anew_after_a_reset, 0, 3);
    tcase_add_test(c, what_stands_costs_no_memory_and_is_idle_after_a_while);
    tcase_add_test(c, what_moves_after_it_stood_has_a_rate_at_once);
    tcase_add_loop_test(c, what_was_reset_or_not_looked_at_for_long_has_no_rate, 0, 2);
    tcase_add_loop_test(c, an_answer_is_told_as_the_broker_told_it, 0, 10);
    tcase_add_test(c, an_answer_is_held_for_half_a_minute);
    tcase_add_loop_test(c, an_answer_to_315_is_read, 0, (int)(sizeof(answers) / sizeof(answers[0])));
    c = unit_case(s, "requests");
    tcase_add_loop_test(c, an_idle_cluster_has_zeros_and_after_a_minute_nothing_is_asked, 0, 2);
    tcase_add_loop_test(c, what_moves_is_asked_for_twice_a_minute_until_a_minute_after, 0, 2);
    tcase_add_loop_test(c, a_first_look_asks_what_may_have_moved, 0, 2);
    tcase_add_loop_test(c, our_own_offsets_take_over_after_half_a_minute, 0, 2);
    tcase_add_loop_test(c, messages_sent_back_are_asked_for_where_they_may_have_been, 0, 6);
    tcase_add_loop_test(c, a_group_that_is_stuck_is_given_messages_one_that_is_offline_is_not, 0, 4);
    tcase_add_test(c, without_a_delay_topic_who_consumes_may_send_back);
    tcase_add_loop_test(c, byte_rates_can_be_left_out, 0, 2);
    tcase_add_loop_test(c, what_it_costs_goes_with_what_moves, 0, 3);
    c = unit_case(s, "faults");
    tcase_add_loop_test(c, what_could_not_be_asked_is_absent_and_the_rest_is_there, 0, 2 * MANNERS);
    tcase_add_test(c, a_topic_on_the_slow_lane_keeps_its_zero_as_it_keeps_its_ends);
    tcase_add_loop_test(c, offsets_that_are_not_known_have_no_rate, 0, 4);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
