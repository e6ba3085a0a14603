/* test_rocketmq_manners.c - how gently a broker is asked that is busy, late or has just booted; and that lists do not come due together. */
#include "agent/source/rocketmq/manners.h"

#include "tests/fake/rmq_rig.h"
#include "tests/unit/ahead_clock.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define NOW (1000 * NS_PER_S)

/* ---- arithmetic -------------------------------------------------------------------------------------------------- */

static void troubled_look(struct manners *m, int64_t at_ns)
{
    manners_begin(m);
    manners_trouble(m);
    manners_end(m, at_ns, 10000);
}

static void calm_look(struct manners *m, int64_t at_ns)
{
    manners_begin(m);
    manners_end(m, at_ns, 10000);
}

START_TEST(each_look_with_trouble_halves_what_is_in_flight_and_each_without_doubles_it)
{
    static const unsigned expected[] = { 16, 8, 4, 2, 1, 1, 1 };
    struct manners m = { 0 };

    for (unsigned i = 0; i <= MANNERS_STEPS_MAX; i++) {
        ck_assert_uint_eq(manners_in_flight(&m, 16), expected[i]);
        troubled_look(&m, NOW);
        manners_begin(&m);
    }
    ck_assert_uint_eq(m.steps, MANNERS_STEPS_MAX);
    for (unsigned i = MANNERS_STEPS_MAX; i-- > 0;) {
        calm_look(&m, NOW);
        ck_assert_uint_eq(manners_in_flight(&m, 16), expected[i]);
    }
    calm_look(&m, NOW);
    ck_assert_uint_eq(manners_in_flight(&m, 4), 4);
}
END_TEST

START_TEST(in_the_look_with_trouble_one_at_a_time_goes_out)
{
    struct manners m = { 0 };

    manners_begin(&m);
    manners_trouble(&m);
    ck_assert_uint_eq(manners_in_flight(&m, 64), 1);
}
END_TEST

START_TEST(side_lanes_rest_for_twice_as_many_looks_each_time_but_ten_minutes_at_most)
{
    static const int64_t looks[] = { 1, 2, 4, 8, 16, 16 };
    struct manners m = { 0 };
    int64_t now = NOW;

    for (unsigned i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        troubled_look(&m, now);
        ck_assert(manners_rests(&m, now + looks[i] * 10 * NS_PER_S));
        ck_assert(!manners_rests(&m, now + (looks[i] + 1) * 10 * NS_PER_S));
        now += 1000 * NS_PER_S;
    }
    for (int64_t interval_ms = 300000; interval_ms <= 86400000; interval_ms *= 4) {
        manners_trouble(&m);
        manners_end(&m, now, interval_ms);
        ck_assert(manners_rests(&m, now + (MANNERS_REST_MAX_MS - 1) * NS_PER_MS));
        ck_assert(!manners_rests(&m, now + MANNERS_REST_MAX_MS * NS_PER_MS));
        now += 1000 * NS_PER_S;
    }
}
END_TEST

START_TEST(what_is_due_each_interval_comes_a_little_earlier_and_not_together)
{
    enum { COUNT = 1000, PARTS = 10 };
    int parts[PARTS] = { 0 };

    for (uint32_t i = 0; i < COUNT; i++) {
        int64_t due_ms = manners_spread(300000, NOW, i);
        ck_assert_int_ge(due_ms, 270000);
        ck_assert_int_le(due_ms, 300000);
        parts[(due_ms - 270000) * PARTS / 30001]++;
    }
    for (int i = 0; i < PARTS; i++)
        ck_assert_msg(parts[i] > COUNT / PARTS / 2 && parts[i] < COUNT / PARTS * 2, "part %d: %d", i, parts[i]);
    ck_assert_int_ne(manners_spread(300000, NOW, 1), manners_spread(300000, NOW + 1, 1));
    ck_assert_int_eq(manners_spread(0, NOW, 1), 0);
}
END_TEST

/* Requests that change something or wake somebody up: we have not even a name for them. 352 makes the group it is asked about. */
static const int not_for_us[] = {
    10,  11,  12,  15,  17,  19,  22,  25,  34,  35,  36,  37,  39,  41,  42,  100, 101, 103, 104, 200, 207, 209,
    210, 214, 215, 216, 217, 220, 221, 222, 223, 227, 310, 320, 352, 401, 1001, 200050, 200051, 200053,
};

START_TEST(what_changes_a_server_has_no_name_here)
{
    for (size_t i = 0; i < sizeof(not_for_us) / sizeof(not_for_us[0]); i++)
        ck_assert_msg(strcmp(rmq_code_name(not_for_us[i]), "request") == 0, "%d is %s", not_for_us[i], rmq_code_name(not_for_us[i]));
}
END_TEST

/* ---- a source ---------------------------------------------------------------------------------------------------- */

/* What is not asked in every look, whatever else happens. */
static int64_t asked_aside(const struct rig *r)
{
    return asked(r, RMQ_GET_CONSUMER_CONNECTION_LIST) + asked(r, RMQ_GET_ALL_PRODUCER_INFO) + asked(r, RMQ_QUERY_CONSUME_TIME_SPAN) +
           asked(r, RMQ_VIEW_BROKER_STATS_DATA) + asked(r, RMQ_GET_CONSUMER_RUNNING_INFO) + asked(r, RMQ_GET_ALL_TOPIC_CONFIG);
}

#define INTERVAL_S 60
#define BOOTED_AT 1790000000000LL

static int64_t log_end = 5000;

/* The log goes on, so that the slow lanes have no reason to wait. */
static void move_on(struct rig *r, int64_t booted_at)
{
    log_end += 100;
    say_log_from(r->a, 0, log_end, 0, booted_at);
    pass(INTERVAL_S);
}

static struct rig *rig_after_two_looks(void)
{
    struct rig *r = rig_simple(V5);

    say_no_stats(r->a);
    rig_set(r, "slow_interval", "30s");
    rig_set(r, "clients_interval", "30s");
    rig_open(r, INTERVAL_S * 1000);
    for (int i = 0; i < 2; i++) {
        move_on(r, BOOTED_AT);
        good_look(r);
        ck_assert_int_gt(asked_aside(r), 0);
    }
    return r;
}

static void expect_gentle(struct rig *r)
{
    ck_assert_int_eq(asked_aside(r), 0);
    expect_backlog(r, "G", "T", 20, 20, 1); /* what matters is there all the same */
    ck_assert_int_eq(asked(r, RMQ_GET_ALL_CONSUMER_OFFSET), 1);
}

/* _i 0: it says that it is busy; 1: it says nothing, to one request. */
START_TEST(a_broker_in_trouble_is_asked_for_less_until_it_is_well_again)
{
    struct rig *r = rig_after_two_looks();

    broker_expect(r->a, RMQ_GET_CONSUME_STATS);
    if (_i == 0)
        broker_reply_code(r->a, RMQ_RESPONSE_SYSTEM_BUSY, "[OVERLOAD]system busy");
    else
        broker_stall(r->a);
    rig_set(r, "request_timeout", "300ms");
    move_on(r, BOOTED_AT);
    look(r);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    move_on(r, BOOTED_AT);
    good_look(r);
    expect_gentle(r);
    move_on(r, BOOTED_AT);
    good_look(r);
    ck_assert_int_gt(asked_aside(r), 0);
    rig_free(r);
}
END_TEST

START_TEST(that_it_is_asked_for_less_is_said_and_is_no_failure)
{
    struct rig *r = rig_after_two_looks();

    for (int i = 0; i < 2; i++) {
        broker_expect(r->a, RMQ_GET_CONSUME_STATS);
        broker_reply_code(r->a, RMQ_RESPONSE_SYSTEM_BUSY, "[OVERLOAD]system busy");
        move_on(r, BOOTED_AT);
        look(r);
        EXPECT_TEXT(r, SCRAPES, must_find(r, TABLE_SCRAPES, "kind", "broker", NULL, NULL), ERROR, "busy");
    }
    move_on(r, BOOTED_AT);
    good_look(r);
    uint32_t row = must_find(r, TABLE_SCRAPES, "kind", "broker", NULL, NULL);
    EXPECT_INT(r, SCRAPES, row, OK, 1);
    EXPECT_TEXT(r, SCRAPES, row, DETAIL, "was busy or late: asked 2 at a time, and only for what matters most for another 90 s");
    rig_free(r);
}
END_TEST

START_TEST(a_broker_that_has_just_booted_is_left_alone_for_a_moment)
{
    struct rig *r = rig_after_two_looks();

    move_on(r, BOOTED_AT + 1000);
    good_look(r);
    expect_gentle(r);
    move_on(r, BOOTED_AT + 1000);
    good_look(r);
    ck_assert_int_gt(asked_aside(r), 0);
    rig_free(r);
}
END_TEST

START_TEST(one_that_does_not_answer_at_all_is_not_taken_for_overloaded)
{
    struct rig *r = rig_after_two_looks();

    rig_set(r, "request_timeout", "300ms");
    broker_expect(r->a, RMQ_GET_ALL_CONSUMER_OFFSET);
    broker_stall(r->a);
    move_on(r, BOOTED_AT);
    look(r);
    ck_assert_int_ne(r->result, SOURCE_ALL);
    move_on(r, BOOTED_AT);
    good_look(r);
    ck_assert_int_gt(asked_aside(r), 0);
    rig_free(r);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rocketmq manners");
    TCase *c = unit_case(s, "arithmetic");

    tcase_add_test(c, each_look_with_trouble_halves_what_is_in_flight_and_each_without_doubles_it);
    tcase_add_test(c, in_the_look_with_trouble_one_at_a_time_goes_out);
    tcase_add_test(c, side_lanes_rest_for_twice_as_many_looks_each_time_but_ten_minutes_at_most);
    tcase_add_test(c, what_is_due_each_interval_comes_a_little_earlier_and_not_together);
    tcase_add_test(c, what_changes_a_server_has_no_name_here);
    c = unit_case(s, "a source");
    tcase_add_loop_test(c, a_broker_in_trouble_is_asked_for_less_until_it_is_well_again, 0, 2);
    tcase_add_test(c, that_it_is_asked_for_less_is_said_and_is_no_failure);
    tcase_add_test(c, a_broker_that_has_just_booted_is_left_alone_for_a_moment);
    tcase_add_test(c, one_that_does_not_answer_at_all_is_not_taken_for_overloaded);
    return unit_main(s);
}
