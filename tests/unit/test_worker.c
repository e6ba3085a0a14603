/* test_worker.c - retries, order, counts and the stop, with a sink that does as it is told (tests/fake/sink.h). */
#include "agent/pipeline/worker.h"

#include "agent/base/clock.h"
#include "tests/fake/sink.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define LONG_MS 60000        /* an interval that no test sees the end of */
#define AGES_MS ((int64_t)3600 * 1000)
#define SOON_NS (10 * NS_PER_S) /* well below what would have to be waited for if the claim were wrong */

struct rig {
    struct ring *ring;
    struct fake_sink *sink;
    struct config_sink config;
    struct sink_env env;
    struct sink_patience patience;
    struct worker *worker;
};

static struct batch *make(uint64_t number)
{
    struct batch *b = batch_new();

    batch_info_edit(b)->number = number;
    batch_info_edit(b)->time_ms = (int64_t)number * 1000;
    batch_seal(b);
    return b;
}

static void give(struct ring *ring, uint64_t first, uint64_t last)
{
    for (uint64_t n = first; n <= last; n++)
        ring_append(ring, make(n));
}

static struct worker *add_worker(struct rig *rig, int64_t interval_ms, bool once)
{
    struct err err = { 0 };
    struct worker_limits limits = { .interval_ms = interval_ms, .once = once };

    rig->config = fake_sink_config(rig->sink, "fake");
    rig->config.common.patience = rig->patience;
    rig->env = (struct sink_env){ .name = "fake" };
    rig->worker = worker_new(&rig->config, &rig->env, rig->ring, limits, &err);
    ck_assert_msg(rig->worker != NULL, "%s", err.msg);
    ck_assert_ptr_null(rig->config.self); /* taken over */
    return rig->worker;
}

static void prepare(struct rig *rig, enum sink_mode mode, const char *script)
{
    log_set_level(LOG_ERROR);
    rig->ring = ring_new(RING_SLOTS, RING_BYTES_MAX);
    rig->sink = fake_sink_new(mode, script);
    rig->patience = (struct sink_patience){ 0 };
}

static void start(struct rig *rig, enum sink_mode mode, const char *script, int64_t interval_ms)
{
    prepare(rig, mode, script);
    worker_start(add_worker(rig, interval_ms, false));
}

static struct worker_counts stop(struct rig *rig, int64_t within_ms)
{
    struct worker_counts counts;

    worker_stop_by(rig->worker, clock_now_ns() + within_ms * NS_PER_MS);
    ring_close(rig->ring);
    worker_join(rig->worker);
    worker_read_counts(rig->worker, &counts);
    return counts;
}

static void end(struct rig *rig)
{
    worker_free(rig->worker);
    ck_assert_uint_eq(fake_sink_closed(rig->sink), 1);
    ring_free(rig->ring);
    fake_sink_free(rig->sink);
}

/* The batches of the attempts, in order; ends with 0. */
static void check_attempts(struct rig *rig, const uint64_t *numbers)
{
    unsigned i = 0;

    for (; numbers[i] != 0; i++)
        ck_assert_msg(fake_sink_number(rig->sink, i) == numbers[i], "attempt %u has batch %" PRIu64 ", expected %" PRIu64, i,
                      fake_sink_number(rig->sink, i), numbers[i]);
    ck_assert_uint_eq(fake_sink_attempts(rig->sink), i);
}
#define CHECK_ATTEMPTS(rig, ...) check_attempts((rig), (const uint64_t[]){ __VA_ARGS__, 0 })

static int64_t gap_ns(struct rig *rig, unsigned attempt)
{
    return fake_sink_began_ns(rig->sink, attempt + 1) - fake_sink_began_ns(rig->sink, attempt);
}

#define MODES 2 /* loop tests: _i is the mode */

START_TEST(what_is_taken_is_counted)
{
    struct rig rig;

    prepare(&rig, (enum sink_mode)_i, "o");
    fake_sink_count(rig.sink, 12, 3);
    worker_start(add_worker(&rig, LONG_MS, false));
    ck_assert_str_eq(worker_name(rig.worker), "fake");
    give(rig.ring, 1, 1);
    ck_assert(fake_sink_wait(rig.sink, 1));
    struct worker_counts c = stop(&rig, 5000);
    ck_assert(c.tried && c.up);
    ck_assert_uint_eq(c.delivered, 1);
    ck_assert_uint_eq(c.retried + c.rejected + c.overtaken + c.overflowed, 0);
    ck_assert_uint_eq(c.series, 12);
    ck_assert_uint_eq(c.cut_series, 3);
    ck_assert_int_gt(c.delivered_at_ms, 0);
    ck_assert_int_eq(c.waiting_since_ms, 0);
    ck_assert_str_eq(c.error, "");
    end(&rig);
}
END_TEST

START_TEST(what_fails_is_tried_again_within_the_interval)
{
    struct rig rig;

    start(&rig, (enum sink_mode)_i, "ro", LONG_MS);
    give(rig.ring, 1, 1);
    ck_assert(fake_sink_wait(rig.sink, 2));
    struct worker_counts c = stop(&rig, 5000);
    CHECK_ATTEMPTS(&rig, 1, 1);
    ck_assert_int_ge(gap_ns(&rig, 0), NS_PER_S / 2); /* not at once */
    ck_assert_uint_eq(c.delivered, 1);
    ck_assert_uint_eq(c.retried, 1);
    ck_assert_uint_eq(c.rejected + c.overtaken + c.overflowed, 0);
    ck_assert(c.up);
    ck_assert_str_eq(c.error, "");
    end(&rig);
}
END_TEST

START_TEST(what_is_refused_is_not_tried_again)
{
    struct rig rig;

    start(&rig, (enum sink_mode)_i, "xxo", LONG_MS);
    for (uint64_t n = 1; n <= 3; n++) {
        give(rig.ring, n, n);
        ck_assert(fake_sink_wait(rig.sink, (unsigned)n));
    }
    struct worker_counts c = stop(&rig, 5000);
    CHECK_ATTEMPTS(&rig, 1, 2, 3);
    ck_assert_uint_eq(c.rejected, 2);
    ck_assert_uint_eq(c.delivered, 1);
    ck_assert_uint_eq(c.retried + c.overtaken + c.overflowed, 0);
    end(&rig);
}
END_TEST

START_TEST(an_interval_has_four_tries)
{
    struct rig rig;

    prepare(&rig, SINK_LATEST, "rrrro");
    fake_sink_ask_to_wait(rig.sink, 20);
    worker_start(add_worker(&rig, LONG_MS, false));
    give(rig.ring, 1, 1);
    ck_assert(fake_sink_wait(rig.sink, 4));
    give(rig.ring, 2, 2); /* no fifth of batch 1, whenever this comes */
    ck_assert(fake_sink_wait(rig.sink, 5));
    struct worker_counts c = stop(&rig, 5000);
    CHECK_ATTEMPTS(&rig, 1, 1, 1, 1, 2);
    ck_assert_uint_eq(c.retried, 4);
    ck_assert_uint_eq(c.overtaken, 1);
    ck_assert_uint_eq(c.delivered, 1);
    end(&rig);
}
END_TEST

START_TEST(gaps_begin_with_the_first_and_end_with_the_longest)
{
    struct rig rig;

    prepare(&rig, (enum sink_mode)_i, "rrro");
    rig.patience = (struct sink_patience){ .retry_first_ms = 40, .retry_longest_ms = 60 };
    worker_start(add_worker(&rig, LONG_MS, false));
    give(rig.ring, 1, 1);
    ck_assert(fake_sink_wait(rig.sink, 4)); /* four tries of half a second and more would be the same; the gaps tell */
    struct worker_counts c = stop(&rig, 5000);
    ck_assert_int_ge(gap_ns(&rig, 0), 40 * NS_PER_MS);
    ck_assert_int_ge(gap_ns(&rig, 1), 60 * NS_PER_MS);
    ck_assert_int_ge(gap_ns(&rig, 2), 60 * NS_PER_MS);
    ck_assert_int_lt(fake_sink_began_ns(rig.sink, 3) - fake_sink_began_ns(rig.sink, 0), 3 * NS_PER_S); /* 3.5 s by default */
    ck_assert_uint_eq(c.delivered, 1);
    ck_assert_str_eq(c.error, "");
    ck_assert_str_ne(c.last_error, ""); /* it is over, and still worth knowing */
    ck_assert_int_gt(c.last_error_ms, 0);
    end(&rig);
}
END_TEST

START_TEST(a_sink_that_failed_too_often_is_left_alone_and_then_tried_once)
{
    struct rig rig;

    prepare(&rig, (enum sink_mode)_i, "rrro");
    rig.patience = (struct sink_patience){ .retry_first_ms = 10, .breaker_after = 2, .breaker_pause_ms = 300 };
    worker_start(add_worker(&rig, LONG_MS, false));
    give(rig.ring, 1, 1);
    ck_assert(fake_sink_wait(rig.sink, 2));
    give(rig.ring, 2, 3);
    ck_assert(fake_sink_wait(rig.sink, 3)); /* one try, no second within its interval */
    if (_i == SINK_LATEST)
        give(rig.ring, 4, 4);
    ck_assert(fake_sink_wait(rig.sink, 4));
    ck_assert_int_ge(gap_ns(&rig, 1), 300 * NS_PER_MS);
    ck_assert_int_ge(gap_ns(&rig, 2), 300 * NS_PER_MS);
    if (_i == SINK_EVERY)
        ck_assert(fake_sink_wait(rig.sink, 6));
    struct worker_counts c = stop(&rig, 5000);
    if (_i == SINK_EVERY)
        CHECK_ATTEMPTS(&rig, 1, 1, 1, 1, 2, 3); /* nothing is lost */
    else
        CHECK_ATTEMPTS(&rig, 1, 1, 3, 4); /* the newest of what came meanwhile */
    ck_assert_uint_eq(c.rests, 2);
    ck_assert_uint_eq(c.retried, 3);
    ck_assert_uint_eq(c.overflowed, 0);
    ck_assert(c.up);
    end(&rig);
}
END_TEST

START_TEST(a_stop_does_not_wait_for_a_sink_that_is_left_alone)
{
    struct rig rig;

    prepare(&rig, (enum sink_mode)_i, "r");
    rig.patience = (struct sink_patience){ .breaker_after = 1, .breaker_pause_ms = 3600 * 1000 };
    worker_start(add_worker(&rig, LONG_MS, false));
    give(rig.ring, 1, 1);
    ck_assert(fake_sink_wait(rig.sink, 1));
    int64_t began_ns = clock_now_ns();
    struct worker_counts c = stop(&rig, LONG_MS);
    ck_assert_int_lt(clock_now_ns() - began_ns, SOON_NS);
    ck_assert_uint_le(c.rests, 1);
    end(&rig);
}
END_TEST

START_TEST(the_newest_is_what_counts_after_a_failure)
{
    struct rig rig;

    start(&rig, SINK_LATEST, "Ro", 100); /* half a second's gap does not fit into the interval: one try */
    give(rig.ring, 1, 1);
    ck_assert(fake_sink_wait(rig.sink, 1));
    give(rig.ring, 2, 4);
    fake_sink_go(rig.sink);
    ck_assert(fake_sink_wait(rig.sink, 2));
    struct worker_counts c = stop(&rig, 5000);
    CHECK_ATTEMPTS(&rig, 1, 4);
    ck_assert_uint_eq(c.overtaken, 3);
    ck_assert_uint_eq(c.delivered, 1);
    ck_assert_uint_eq(c.overflowed, 0);
    end(&rig);
}
END_TEST

START_TEST(history_keeps_a_batch_over_intervals_and_its_order)
{
    struct rig rig;

    start(&rig, SINK_EVERY, "rrro", 30);
    give(rig.ring, 1, 3);
    ck_assert(fake_sink_wait(rig.sink, 6));
    struct worker_counts c = stop(&rig, 5000);
    CHECK_ATTEMPTS(&rig, 1, 1, 1, 1, 2, 3);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_ge(gap_ns(&rig, i), 30 * NS_PER_MS); /* an interval lies between, a dead peer is not hammered */
    ck_assert_uint_eq(c.delivered, 3);
    ck_assert_uint_eq(c.retried, 3);
    ck_assert_uint_eq(c.overflowed + c.overtaken, 0);
    end(&rig);
}
END_TEST

START_TEST(history_counts_what_the_ring_could_not_keep)
{
    struct rig rig;

    log_set_level(LOG_ERROR);
    rig.ring = ring_new(2, RING_BYTES_MAX);
    rig.sink = fake_sink_new(SINK_EVERY, "Ro");
    rig.patience = (struct sink_patience){ 0 };
    worker_start(add_worker(&rig, 20, false));
    give(rig.ring, 1, 1);
    ck_assert(fake_sink_wait(rig.sink, 1));
    give(rig.ring, 2, 6);
    fake_sink_go(rig.sink);
    ck_assert(fake_sink_wait(rig.sink, 4));
    struct worker_counts c = stop(&rig, 5000);
    CHECK_ATTEMPTS(&rig, 1, 1, 5, 6); /* the one in hand is not lost */
    ck_assert_uint_eq(c.overflowed, 3);
    ck_assert_uint_eq(c.delivered, 3);
    end(&rig);
}
END_TEST

START_TEST(a_slow_sink_does_not_delay_another)
{
    struct rig slow, quick;

    prepare(&slow, SINK_EVERY, "Oo");
    quick = (struct rig){ .ring = slow.ring, .sink = fake_sink_new(SINK_EVERY, "o") };
    add_worker(&slow, LONG_MS, false);
    add_worker(&quick, LONG_MS, false);
    worker_start(slow.worker);
    worker_start(quick.worker);
    give(slow.ring, 1, 1);
    ck_assert(fake_sink_wait(slow.sink, 1));
    give(slow.ring, 2, 20);
    ck_assert(fake_sink_wait(quick.sink, 20));
    ck_assert_uint_eq(fake_sink_attempts(slow.sink), 1);
    struct worker_counts c;
    worker_read_counts(slow.worker, &c); /* while it is at work */
    ck_assert_int_eq(c.waiting_since_ms, 1000);
    ck_assert_uint_eq(c.delivered, 0);
    fake_sink_go(slow.sink);
    ck_assert(fake_sink_wait(slow.sink, 20)); /* and loses nothing itself */
    c = stop(&slow, 5000);
    ck_assert_uint_eq(c.delivered, 20);
    c = stop(&quick, 5000);
    ck_assert_uint_eq(c.delivered, 20);
    worker_free(quick.worker);
    fake_sink_free(quick.sink);
    end(&slow);
}
END_TEST

START_TEST(a_peer_that_asks_to_wait_is_waited_for)
{
    struct rig rig;

    prepare(&rig, (enum sink_mode)_i, "ro");
    fake_sink_ask_to_wait(rig.sink, 300);
    worker_start(add_worker(&rig, LONG_MS, false));
    give(rig.ring, 1, 1);
    ck_assert(fake_sink_wait(rig.sink, 2));
    ck_assert_int_ge(gap_ns(&rig, 0), 300 * NS_PER_MS);
    ck_assert_uint_eq(stop(&rig, 5000).delivered, 1);
    CHECK_ATTEMPTS(&rig, 1, 1);
    end(&rig);
}
END_TEST

static const int64_t absurd_ms[] = { AGES_MS, INT64_MAX, INT64_MAX / 1000000 + 1 };

START_TEST(a_peer_cannot_ask_for_more_than_an_interval) /* loop test: _i chooses the wish */
{
    struct rig rig;

    prepare(&rig, SINK_EVERY, "ro");
    fake_sink_ask_to_wait(rig.sink, absurd_ms[_i]);
    worker_start(add_worker(&rig, 200, false));
    give(rig.ring, 1, 1);
    ck_assert(fake_sink_wait(rig.sink, 2));
    ck_assert_int_ge(gap_ns(&rig, 0), 200 * NS_PER_MS);
    ck_assert_int_lt(gap_ns(&rig, 0), SOON_NS);
    ck_assert_uint_eq(stop(&rig, 5000).delivered, 1);
    end(&rig);
}
END_TEST

START_TEST(nonsense_for_a_wait_is_no_wish)
{
    struct rig rig;

    prepare(&rig, SINK_LATEST, "ro");
    fake_sink_ask_to_wait(rig.sink, INT64_MIN);
    worker_start(add_worker(&rig, LONG_MS, false));
    give(rig.ring, 1, 1);
    ck_assert(fake_sink_wait(rig.sink, 2));
    ck_assert_int_ge(gap_ns(&rig, 0), NS_PER_S / 2);
    stop(&rig, 5000);
    end(&rig);
}
END_TEST

START_TEST(a_sink_that_hangs_is_canceled_at_the_stop_deadline)
{
    struct rig rig;

    start(&rig, (enum sink_mode)_i, "h", LONG_MS);
    give(rig.ring, 1, 1);
    ck_assert(fake_sink_wait(rig.sink, 1));
    int64_t began = clock_now_ns();
    struct worker_counts c = stop(&rig, 200);
    ck_assert_int_ge(clock_now_ns() - began, 200 * NS_PER_MS);
    ck_assert_int_lt(clock_now_ns() - began, SOON_NS);
    ck_assert_uint_eq(c.delivered, 0);
    ck_assert_uint_eq(c.retried, 1);
    ck_assert_uint_eq(_i == SINK_LATEST ? c.overtaken : c.overflowed, 1);
    ck_assert(!c.up);
    ck_assert_str_eq(c.error, "told to hang");
    ck_assert_int_eq(c.waiting_since_ms, 1000);
    end(&rig);
}
END_TEST

START_TEST(what_is_left_is_delivered_at_the_stop)
{
    struct rig rig;

    start(&rig, SINK_EVERY, "Oo", LONG_MS);
    give(rig.ring, 1, 5);
    ck_assert(fake_sink_wait(rig.sink, 1));
    fake_sink_go(rig.sink);
    struct worker_counts c = stop(&rig, 20000);
    CHECK_ATTEMPTS(&rig, 1, 2, 3, 4, 5);
    ck_assert_uint_eq(c.delivered, 5);
    end(&rig);
}
END_TEST

START_TEST(what_failed_is_tried_once_more_at_the_stop_and_then_given_up)
{
    struct rig rig;

    prepare(&rig, (enum sink_mode)_i, "r");
    fake_sink_ask_to_wait(rig.sink, AGES_MS);
    worker_start(add_worker(&rig, LONG_MS, false));
    give(rig.ring, 1, 1);
    ck_assert(fake_sink_wait(rig.sink, 1));
    int64_t began = clock_now_ns();
    struct worker_counts c = stop(&rig, 30000);
    ck_assert_int_lt(clock_now_ns() - began, SOON_NS); /* nothing more to wait for */
    CHECK_ATTEMPTS(&rig, 1, 1);
    ck_assert_uint_eq(_i == SINK_LATEST ? c.overtaken : c.overflowed, 1);
    ck_assert_uint_eq(c.retried, 2);
    ck_assert(!c.up);
    end(&rig);
}
END_TEST

START_TEST(a_stop_ends_the_wait_that_a_peer_asked_for)
{
    struct rig rig;

    prepare(&rig, (enum sink_mode)_i, "ro");
    fake_sink_ask_to_wait(rig.sink, LONG_MS / 2);
    worker_start(add_worker(&rig, LONG_MS, false));
    give(rig.ring, 1, 1);
    ck_assert(fake_sink_wait(rig.sink, 1));
    int64_t began = clock_now_ns();
    struct worker_counts c = stop(&rig, 20000);
    ck_assert_int_lt(clock_now_ns() - began, SOON_NS);
    CHECK_ATTEMPTS(&rig, 1, 1);
    ck_assert_uint_eq(c.delivered, 1);
    end(&rig);
}
END_TEST

START_TEST(a_stop_that_has_passed_leaves_everything_and_counts_it)
{
    struct rig rig;

    prepare(&rig, (enum sink_mode)_i, "o");
    add_worker(&rig, LONG_MS, false);
    worker_stop_by(rig.worker, 0);
    give(rig.ring, 1, 3);
    worker_start(rig.worker);
    ring_close(rig.ring);
    worker_join(rig.worker);
    struct worker_counts c;
    worker_read_counts(rig.worker, &c);
    ck_assert_uint_eq(fake_sink_attempts(rig.sink), 0);
    ck_assert_uint_eq(_i == SINK_LATEST ? c.overtaken : c.overflowed, 3);
    ck_assert(!c.tried);
    ck_assert_int_eq(c.waiting_since_ms, 1000);
    end(&rig);
}
END_TEST

START_TEST(a_single_interval_is_not_waited_for_again)
{
    struct rig rig;

    prepare(&rig, (enum sink_mode)_i, "r");
    fake_sink_ask_to_wait(rig.sink, AGES_MS);
    worker_start(add_worker(&rig, LONG_MS, true));
    give(rig.ring, 1, 1);
    struct worker_counts c = stop(&rig, 30000);
    CHECK_ATTEMPTS(&rig, 1);
    ck_assert_uint_eq(c.retried, 1);
    ck_assert_uint_eq(_i == SINK_LATEST ? c.overtaken : c.overflowed, 1);
    ck_assert_int_eq(c.waiting_since_ms, 1000);
    end(&rig);
}
END_TEST

START_TEST(numbers_add_up_whatever_happens) /* loop test: mode and script */
{
    static const char *const scripts[] = { "oroxrro", "xrxrxro", "rrrrrro", "oxo" };
    enum sink_mode mode = (enum sink_mode)(_i % 2);
    struct rig rig;
    enum { GIVEN = 40 };

    prepare(&rig, mode, scripts[_i / 2]);
    worker_start(add_worker(&rig, 5, false));
    for (uint64_t n = 1; n <= GIVEN; n++) {
        give(rig.ring, n, n);
        if (n % 3 == 0)
            fake_sink_wait(rig.sink, (unsigned)(n / 8));
    }
    struct worker_counts c = stop(&rig, 20000);
    ck_assert_msg(c.delivered + c.rejected + c.overtaken + c.overflowed == GIVEN,
                  "%s: %" PRIu64 " delivered, %" PRIu64 " rejected, %" PRIu64 " overtaken, %" PRIu64 " overflowed",
                  scripts[_i / 2], c.delivered, c.rejected, c.overtaken, c.overflowed);
    ck_assert_uint_eq(fake_sink_attempts(rig.sink), c.delivered + c.rejected + c.retried);
    ck_assert_uint_eq(mode == SINK_EVERY ? c.overtaken : c.overflowed, 0);
    for (unsigned i = 1; i < fake_sink_attempts(rig.sink); i++)
        ck_assert_uint_ge(fake_sink_number(rig.sink, i), fake_sink_number(rig.sink, i - 1));
    end(&rig);
}
END_TEST

START_TEST(a_sink_that_does_not_open_is_closed_and_named)
{
    struct rig rig;
    struct err err = { 0 };

    prepare(&rig, SINK_EVERY, "o");
    fake_sink_fail_open(rig.sink);
    rig.config = fake_sink_config(rig.sink, "fake dr");
    rig.env = (struct sink_env){ .name = "fake dr" };
    ck_assert_ptr_null(worker_new(&rig.config, &rig.env, rig.ring, (struct worker_limits){ .interval_ms = LONG_MS }, &err));
    ck_assert_str_eq(err.msg, "sink fake dr: told to fail");
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    ck_assert_ptr_null(rig.config.self);
    ck_assert_uint_eq(fake_sink_closed(rig.sink), 1);
    worker_free(NULL);
    ring_free(rig.ring);
    fake_sink_free(rig.sink);
}
END_TEST

START_TEST(a_worker_that_never_started_can_go)
{
    struct rig rig;

    prepare(&rig, SINK_EVERY, "o");
    add_worker(&rig, LONG_MS, false);
    worker_join(rig.worker);
    end(&rig);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

static Suite *suite(void)
{
    Suite *s = suite_create("worker");
    TCase *c = unit_case(s, "worker");

    tcase_add_loop_test(c, what_is_taken_is_counted, 0, MODES);
    tcase_add_loop_test(c, what_fails_is_tried_again_within_the_interval, 0, MODES);
    tcase_add_loop_test(c, what_is_refused_is_not_tried_again, 0, MODES);
    tcase_add_test(c, an_interval_has_four_tries);
    tcase_add_loop_test(c, gaps_begin_with_the_first_and_end_with_the_longest, 0, MODES);
    tcase_add_loop_test(c, a_sink_that_failed_too_often_is_left_alone_and_then_tried_once, 0, MODES);
    tcase_add_loop_test(c, a_stop_does_not_wait_for_a_sink_that_is_left_alone, 0, MODES);
    tcase_add_test(c, the_newest_is_what_counts_after_a_failure);
    tcase_add_test(c, history_keeps_a_batch_over_intervals_and_its_order);
    tcase_add_test(c, history_counts_what_the_ring_could_not_keep);
    tcase_add_test(c, a_slow_sink_does_not_delay_another);
    tcase_add_loop_test(c, a_peer_that_asks_to_wait_is_waited_for, 0, MODES);
    tcase_add_loop_test(c, a_peer_cannot_ask_for_more_than_an_interval, 0, COUNT(absurd_ms));
    tcase_add_test(c, nonsense_for_a_wait_is_no_wish);
    tcase_add_loop_test(c, a_sink_that_hangs_is_canceled_at_the_stop_deadline, 0, MODES);
    tcase_add_test(c, what_is_left_is_delivered_at_the_stop);
    tcase_add_loop_test(c, what_failed_is_tried_once_more_at_the_stop_and_then_given_up, 0, MODES);
    tcase_add_loop_test(c, a_stop_ends_the_wait_that_a_peer_asked_for, 0, MODES);
    tcase_add_loop_test(c, a_stop_that_has_passed_leaves_everything_and_counts_it, 0, MODES);
    tcase_add_loop_test(c, a_single_interval_is_not_waited_for_again, 0, MODES);
    tcase_add_loop_test(c, numbers_add_up_whatever_happens, 0, 8);
    tcase_add_test(c, a_sink_that_does_not_open_is_closed_and_named);
    tcase_add_test(c, a_worker_that_never_started_can_go);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
