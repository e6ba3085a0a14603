/* test_schedule.c - ticks, labels, and clocks that are set. Times are ms; the interval is 60 s where nothing else is said. */
#include "agent/pipeline/schedule.h"

#include "tests/unit/unit.h"

#define MINUTE 60000
#define T0 ((int64_t)28333333 * MINUTE) /* some tick in 2023 */

struct next_case {
    const char *claim;
    int64_t last, now, expected;
};

static const struct next_case nexts[] = {
    { "the first tick is the next multiple", 0, T0 + 1, T0 + MINUTE },
    { "on a tick the next one is a whole interval away", 0, T0, T0 + MINUTE },
    { "just before a tick", T0, T0 + MINUTE - 1, T0 + MINUTE },
    { "a quick collection", T0, T0 + 20, T0 + MINUTE },
    { "a slow collection skips what has passed", T0, T0 + 3 * MINUTE + 5, T0 + 4 * MINUTE },
    { "a collection that ends on a tick waits for the one after", T0, T0 + MINUTE, T0 + 2 * MINUTE },
    { "set back by 5 s: no label twice", T0, T0 - 5000, T0 + MINUTE },
    { "set back by an interval: no label twice", T0, T0 - MINUTE, T0 + MINUTE },
    { "set back by more than an interval: labels repeat", T0, T0 - MINUTE - 1, T0 - MINUTE },
    { "set back by hours: labels repeat, the agent is not silent", T0, T0 - 300 * MINUTE + 7, T0 - 299 * MINUTE },
    { "set forward by days", T0, T0 + 5000 * MINUTE + 7, T0 + 5001 * MINUTE },
    { "after a collection outside of the schedule", T0 + 37000, T0 + 38000, T0 + MINUTE },
};

START_TEST(the_next_tick)
{
    const struct next_case *c = &nexts[_i];
    struct schedule s = { .interval_ms = MINUTE, .last_tick_ms = c->last };
    int64_t got = schedule_next(&s, c->now);

    ck_assert_msg(got == c->expected, "%s: T0%+" PRId64 ", expected T0%+" PRId64, c->claim, got - T0, c->expected - T0);
}
END_TEST

START_TEST(the_next_tick_is_later_than_now_and_a_multiple)
{
    uint64_t seed = unit_seed(), state = seed;

    for (int i = 0; i < 100000; i++) {
        struct schedule s = { .interval_ms = (int64_t)(1 + unit_random(&state) % 3600) * 1000 };
        int64_t now = T0 + (int64_t)(unit_random(&state) % 100000000);
        s.last_tick_ms = schedule_tick_of(now + (int64_t)(unit_random(&state) % 20000000) - 10000000, s.interval_ms);
        int64_t next = schedule_next(&s, now);
        if (next <= now || next % s.interval_ms != 0 || next == s.last_tick_ms || next - now > 2 * s.interval_ms)
            ck_abort_msg("interval %" PRId64 " last %" PRId64 " now %" PRId64 " gives %" PRId64 ", seed %" PRIu64, s.interval_ms,
                         s.last_tick_ms, now, next, seed);
    }
}
END_TEST

struct missed_case {
    const char *claim;
    int64_t last, tick;
    uint64_t expected;
};

static const struct missed_case missed[] = {
    { "the first tick misses nothing", 0, T0, 0 },
    { "the next one", T0, T0 + MINUTE, 0 },
    { "the one after the next", T0, T0 + 2 * MINUTE, 1 },
    { "ten later", T0, T0 + 10 * MINUTE, 9 },
    { "set back", T0, T0 - 10 * MINUTE, 0 },
    { "the same again", T0, T0, 0 },
    { "outside of the schedule", T0, T0 + 37000, 0 },
    { "the tick after one outside of the schedule", T0 + 37000, T0 + MINUTE, 0 },
    { "skipped after one outside of the schedule", T0 + 37000, T0 + 2 * MINUTE, 1 },
    { "outside of the schedule, late", T0, T0 + 2 * MINUTE + 37000, 2 },
};

START_TEST(missed_ticks_are_counted)
{
    const struct missed_case *c = &missed[_i];
    struct schedule s = { .interval_ms = MINUTE, .last_tick_ms = c->last, .missed = 100 };

    schedule_start(&s, c->tick);
    ck_assert_msg(s.missed - 100 == c->expected, "%s: %" PRIu64 ", expected %" PRIu64, c->claim, s.missed - 100, c->expected);
    ck_assert_int_eq(s.last_tick_ms, c->tick);
}
END_TEST

START_TEST(a_run_without_trouble_misses_nothing_and_uses_each_label_once)
{
    struct schedule s = { .interval_ms = 10000 };
    int64_t now = T0 + 1234, expected = schedule_next(&s, now);

    for (int i = 0; i < 1000; i++) {
        int64_t tick = schedule_next(&s, now);
        ck_assert_int_eq(tick, expected);
        schedule_start(&s, tick);
        now = tick + 9000; /* nearly an interval */
        expected += 10000;
    }
    ck_assert_uint_eq(s.missed, 0);
}
END_TEST

struct label_case {
    const char *claim;
    int64_t interval, now, last, expected;
};

static const struct label_case labels[] = {
    { "on the tick", MINUTE, T0, 0, T0 },
    { "a moment after the tick", MINUTE, T0 + 1300, 0, T0 },
    { "at the end of what is fresh", MINUTE, T0 + 5000, 0, T0 },
    { "no longer fresh: the full second", MINUTE, T0 + 5001, 0, T0 + 5000 },
    { "by hand in the middle", MINUTE, T0 + 37123, 0, T0 + 37000 },
    { "just before a tick", MINUTE, T0 + MINUTE - 1, 0, T0 + MINUTE - 1000 },
    { "a short interval: a tenth of it is fresh", 10000, T0 + 1000, 0, T0 },
    { "a short interval, no longer fresh", 10000, T0 + 1999, 0, T0 + 1000 },
    { "an hour: 5 s are fresh, not 6 minutes", 60 * MINUTE, T0 - T0 % (60 * MINUTE) + 5001, 0, T0 - T0 % (60 * MINUTE) + 5000 },
    { "the tick has been used: the full second", MINUTE, T0 + 1300, T0, T0 + 1000 },
    { "so has that", MINUTE, T0 + 1300, T0 + 1000, 0 },
    { "a second later it is free again", MINUTE, T0 + 2300, T0 + 1000, T0 + 2000 },
    { "an interval of a second: it is used", 1000, T0 + 10, T0, 0 },
    { "also at its end", 1000, T0 + 999, T0, 0 },
    { "the next one is free", 1000, T0 + 1000, T0, T0 + 1000 },
    { "set back by less than an interval: used", MINUTE, T0 + 7000, T0 + 30000, 0 },
    { "set back by an interval: labels repeat", MINUTE, T0 + 7000, T0 + MINUTE + 7000, T0 + 7000 },
};

START_TEST(the_label_of_a_collection_outside_of_the_schedule)
{
    const struct label_case *c = &labels[_i];
    int64_t got = schedule_label(c->now, c->interval, c->last);

    ck_assert_msg(got == c->expected, "%s: T0%+" PRId64 ", expected T0%+" PRId64, c->claim, got - T0, c->expected - T0);
}
END_TEST

START_TEST(a_tick_is_the_newest_multiple_that_is_not_later)
{
    ck_assert_int_eq(schedule_tick_of(T0, MINUTE), T0);
    ck_assert_int_eq(schedule_tick_of(T0 - 1, MINUTE), T0 - MINUTE);
    ck_assert_int_eq(schedule_tick_of(T0 + MINUTE - 1, MINUTE), T0);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

static Suite *suite(void)
{
    Suite *s = suite_create("schedule");
    TCase *c = unit_case(s, "schedule");

    tcase_add_loop_test(c, the_next_tick, 0, COUNT(nexts));
    tcase_add_test(c, the_next_tick_is_later_than_now_and_a_multiple);
    tcase_add_loop_test(c, missed_ticks_are_counted, 0, COUNT(missed));
    tcase_add_test(c, a_run_without_trouble_misses_nothing_and_uses_each_label_once);
    tcase_add_loop_test(c, the_label_of_a_collection_outside_of_the_schedule, 0, COUNT(labels));
    tcase_add_test(c, a_tick_is_the_newest_multiple_that_is_not_later);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
