/* test_ends_history.c - the claims of agent/source/rocketmq/ends_history.h. */
#include "agent/source/rocketmq/ends_history.h"

#include "agent/base/clock.h"
#include "agent/model/batch.h"
#include "tests/unit/unit.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))
#define INTERVAL 60
#define WIDEST (5 * INTERVAL * NS_PER_S)

static void add(struct ends_history *h, int64_t at_s, int64_t max)
{
    ends_history_add(h, at_s * NS_PER_S, &max);
}

static double seconds(int64_t ns)
{
    return ns == NO_INT ? -1 : (double)ns / NS_PER_S;
}

/* Each in seconds; -1: not known. */
static void expect_age(const struct ends_history *h, int64_t offset, int64_t now_s, double age, double low, double high)
{
    struct ends_age found = ends_history_age(h, 0, offset, now_s * NS_PER_S, WIDEST);

    ck_assert_msg(fabs(seconds(found.age_ns) - age) < 0.001 && fabs(seconds(found.low_ns) - low) < 0.001 &&
                      fabs(seconds(found.high_ns) - high) < 0.001,
                  "offset %lld: found %g (%g-%g), expected %g (%g-%g)", (long long)offset, seconds(found.age_ns),
                  seconds(found.low_ns), seconds(found.high_ns), age, low, high);
}

static struct ends_history *worked_example(void)
{
    static const int64_t samples[][2] = { { 0, 1000 }, { 60, 1600 }, { 120, 1600 }, { 180, 1600 }, { 240, 2800 }, { 300, 3100 } };
    struct ends_history *h = ends_history_new(1);

    for (int i = 0; i < COUNT(samples); i++)
        add(h, samples[i][0] + 1, samples[i][1]); /* a clock begins above 0 */
    return h;
}

static const struct {
    int64_t offset;
    double age, low, high;
} worked[] = {
    { 3100, -1, -1, -1 },     /* nothing is there to be aged */
    { 3000, 20, 0, 60 },
    { 2200, 90, 60, 120 },
    { 1600, 120, 60, 120 },   /* the message after the pause */
    { 1599, 240.1, 240, 300 }, /* the one before */
    { 1000, 300, 240, 300 },
    { 400, -1, 300, -1 },     /* it was there before we were */
};

START_TEST(ages_are_interpolated_between_samples)
{
    struct ends_history *h = worked_example();

    expect_age(h, worked[_i].offset, 301, worked[_i].age, worked[_i].low, worked[_i].high);
    free(h);
}
END_TEST

START_TEST(a_wide_bracket_gives_its_bounds_and_no_middle)
{
    struct ends_history *h = ends_history_new(1);

    add(h, 60, 1600);
    add(h, 10860, 109600);
    expect_age(h, 50000, 10920, -1, 60, 10860);
    add(h, 10920, 109700);
    expect_age(h, 109650, 10920, 30, 0, 60);
    free(h);
}
END_TEST

START_TEST(an_end_that_falls_begins_anew)
{
    struct ends_history *h = worked_example();

    add(h, 361, 50);
    expect_age(h, 20, 421, -1, 60, -1);
    expect_age(h, 1600, 421, -1, -1, -1);
    add(h, 421, 80);
    expect_age(h, 65, 421, 30, 0, 60);
    free(h);
}
END_TEST

START_TEST(a_queue_that_stands_still_needs_two_samples)
{
    struct ends_history *h = ends_history_new(1);

    add(h, 60, 10);
    for (int64_t t = 120; t <= 60000; t += 60)
        add(h, t, 20);
    ck_assert_uint_eq(h->count, 3);
    add(h, 60060, 21);
    expect_age(h, 20, 60060, 60, 0, 60);
    expect_age(h, 15, 60060, 59970, 59940, 60000);
    free(h);
}
END_TEST

START_TEST(time_that_does_not_rise_is_not_taken)
{
    struct ends_history *h = ends_history_new(1);

    add(h, 60, 10);
    add(h, 60, 20);
    add(h, 50, 30);
    ck_assert_uint_eq(h->count, 1);
    expect_age(h, 9, 70, -1, 10, -1);
    free(h);
}
END_TEST

START_TEST(each_queue_has_its_own_ends)
{
    struct ends_history *h = ends_history_new(2);
    const int64_t first[] = { 10, 500 }, second[] = { 20, 500 }, third[] = { 20, 600 };

    ends_history_add(h, 60 * NS_PER_S, first);
    ends_history_add(h, 120 * NS_PER_S, second);
    ends_history_add(h, 180 * NS_PER_S, third);
    ck_assert_int_eq(ends_history_age(h, 0, 15, 180 * NS_PER_S, WIDEST).age_ns, 90 * NS_PER_S);
    ck_assert_int_eq(ends_history_age(h, 1, 550, 180 * NS_PER_S, WIDEST).age_ns, 30 * NS_PER_S);
    free(h);
}
END_TEST

/* However long it runs and however unevenly messages come: the truth lies within the bounds, and brackets stay a part of the age. */
START_TEST(a_full_history_keeps_true_bounds_and_the_beginning)
{
    enum { LOOKS = 2000 };
    uint64_t seed = unit_seed(), state = seed;
    struct ends_history *h = ends_history_new(1);
    static int64_t ends[LOOKS];
    int64_t max = 0;

    for (int i = 0; i < LOOKS; i++) {
        ends[i] = max += 1 + (int64_t)(unit_random(&state) % 100);
        add(h, (i + 1) * INTERVAL, max);
    }
    ck_assert_uint_eq(h->count, ENDS_SAMPLES);
    ck_assert_int_eq(h->at_ns[0], INTERVAL * NS_PER_S);
    for (int i = 1; i < LOOKS; i++) {
        int64_t now = (int64_t)LOOKS * INTERVAL, low = now - (i + 1) * INTERVAL, high = low + INTERVAL; /* of the message ends[i - 1] */
        struct ends_age found = ends_history_age(h, 0, ends[i - 1], now * NS_PER_S, WIDEST);
        ck_assert_msg(found.low_ns <= high * NS_PER_S && found.high_ns >= low * NS_PER_S && found.low_ns >= 0 &&
                          found.high_ns - found.low_ns <= found.high_ns * 3 / 4 + INTERVAL * NS_PER_S,
                      "seed %llu, look %d: %g-%g, truth in %lld-%lld", (unsigned long long)seed, i, seconds(found.low_ns),
                      seconds(found.high_ns), (long long)low, (long long)high);
        ck_assert(found.age_ns == NO_INT || (found.age_ns >= found.low_ns && found.age_ns <= found.high_ns));
    }
    free(h);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("ends history");
    TCase *c = unit_case(s, "ages");

    tcase_add_loop_test(c, ages_are_interpolated_between_samples, 0, COUNT(worked));
    tcase_add_test(c, a_wide_bracket_gives_its_bounds_and_no_middle);
    tcase_add_test(c, an_end_that_falls_begins_anew);
    tcase_add_test(c, a_queue_that_stands_still_needs_two_samples);
    tcase_add_test(c, time_that_does_not_rise_is_not_taken);
    tcase_add_test(c, each_queue_has_its_own_ends);
    tcase_add_test(c, a_full_history_keeps_true_bounds_and_the_beginning);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
