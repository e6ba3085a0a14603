/* test_ring.c - nothing is lost without being counted, nothing comes twice, nobody waits for anybody. */
#include "agent/pipeline/ring.h"

#include "agent/base/clock.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>

#define NEVER INT64_MAX
#define MIB ((size_t)1 << 20)

static struct batch *make(uint64_t number)
{
    struct batch *b = batch_new();

    batch_info_edit(b)->number = number;
    batch_info_edit(b)->time_ms = (int64_t)number * 1000;
    batch_seal(b);
    return b;
}

static struct batch *make_of(uint64_t number, size_t size)
{
    struct batch *b = batch_new();

    batch_info_edit(b)->number = number;
    batch_info_edit(b)->time_ms = (int64_t)number * 1000;
    while (batch_memory(b) < size) { /* cells that differ: equal ones cost nothing */
        uint32_t row = batch_add(b, TABLE_BROKERS);
        batch_set_int(b, TABLE_BROKERS, row, BROKERS_UP, row);
    }
    batch_seal(b);
    return b;
}

static struct batch *make_large(uint64_t number)
{
    return make_of(number, MIB);
}

static void append(struct ring *ring, uint64_t first, uint64_t last)
{
    for (uint64_t n = first; n <= last; n++)
        ring_append(ring, make(n));
}

static int64_t in_ms(int64_t ms)
{
    return clock_now_ns() + ms * NS_PER_MS;
}

/* Takes without waiting; the batch's number, 0 if there is none. */
static uint64_t take(struct ring *ring, int cursor, uint64_t *missed)
{
    struct batch *b = ring_take(ring, cursor, 0, missed);
    uint64_t number = b == NULL ? 0 : batch_info(b)->number;

    batch_unref(b);
    return number;
}

static uint64_t waiting(struct ring *ring, int cursor)
{
    int64_t oldest;

    return ring_waiting(ring, cursor, &oldest);
}

START_TEST(a_reader_gets_every_batch_in_order)
{
    struct ring *ring = ring_new(8, 0x7FFFFFFF);
    int cursor = ring_add_cursor(ring, RING_OLDEST);
    uint64_t missed;

    append(ring, 1, 5);
    for (uint64_t n = 1; n <= 5; n++) {
        ck_assert_uint_eq(take(ring, cursor, &missed), n);
        ck_assert_uint_eq(missed, 0);
    }
    ck_assert_uint_eq(take(ring, cursor, &missed), 0);
    ring_free(ring);
}
END_TEST

START_TEST(a_slow_reader_counts_what_it_missed)
{
    struct ring *ring = ring_new(4, 0x7FFFFFFF);
    int cursor = ring_add_cursor(ring, RING_OLDEST);
    uint64_t missed;

    append(ring, 1, 10);
    ck_assert_uint_eq(waiting(ring, cursor), 10); /* missed ones wait to be counted */
    ck_assert_uint_eq(take(ring, cursor, &missed), 7);
    ck_assert_uint_eq(missed, 6);
    ck_assert_uint_eq(take(ring, cursor, &missed), 8);
    ck_assert_uint_eq(missed, 0);
    ring_free(ring);
}
END_TEST

START_TEST(who_wants_the_newest_passes_over_the_rest)
{
    struct ring *ring = ring_new(4, 0x7FFFFFFF);
    int newest = ring_add_cursor(ring, RING_NEWEST), oldest = ring_add_cursor(ring, RING_OLDEST);
    uint64_t missed;

    append(ring, 1, 3);
    ck_assert_uint_eq(take(ring, newest, &missed), 3);
    ck_assert_uint_eq(missed, 2);
    ck_assert_uint_eq(take(ring, newest, &missed), 0);
    ck_assert_uint_eq(missed, 0);
    append(ring, 4, 20); /* the ring has gone round */
    ck_assert_uint_eq(take(ring, newest, &missed), 20);
    ck_assert_uint_eq(missed, 16);
    ck_assert_uint_eq(take(ring, oldest, &missed), 17);
    ck_assert_uint_eq(missed, 16);
    ring_free(ring);
}
END_TEST

START_TEST(a_cursor_sees_what_comes_after_it)
{
    struct ring *ring = ring_new(4, 0x7FFFFFFF);
    uint64_t missed;

    int first = ring_add_cursor(ring, RING_OLDEST);
    append(ring, 1, 2);
    int second = ring_add_cursor(ring, RING_OLDEST);
    append(ring, 3, 3);
    ck_assert_uint_eq(waiting(ring, first), 3);
    ck_assert_uint_eq(take(ring, second, &missed), 3);
    ck_assert_uint_eq(missed, 0);
    ring_free(ring);
}
END_TEST

START_TEST(bytes_are_capped_and_one_batch_always_stays)
{
    struct ring *ring = ring_new(64, 3 * MIB + MIB / 2);
    int cursor = ring_add_cursor(ring, RING_OLDEST);
    uint64_t missed;

    for (uint64_t n = 1; n <= 10; n++)
        ring_append(ring, make_large(n));
    uint64_t first = take(ring, cursor, &missed);
    ck_assert_msg(first == 8 || first == 9, "the oldest is %" PRIu64, first); /* 2 or 3 of a bit more than 1 MiB fit */
    ck_assert_uint_eq(missed, first - 1);
    ring_free(ring);

    ring = ring_new(64, 1000);
    cursor = ring_add_cursor(ring, RING_OLDEST);
    ring_append(ring, make_large(1));
    ring_append(ring, make_large(2));
    ck_assert_uint_eq(take(ring, cursor, &missed), 2);
    ck_assert_uint_eq(missed, 1);
    ring_free(ring);
}
END_TEST

START_TEST(a_batch_that_everybody_has_read_makes_room)
{
    struct ring *ring = ring_new(64, 3 * MIB);
    int cursors[2] = { ring_add_cursor(ring, RING_OLDEST), ring_add_cursor(ring, RING_OLDEST) };
    uint64_t missed;

    for (uint64_t n = 1; n <= 20; n++) { /* far more bytes than the ring may hold, but never at once */
        ring_append(ring, make_large(n));
        for (int c = 0; c < 2; c++) {
            ck_assert_uint_eq(take(ring, cursors[c], &missed), n);
            ck_assert_uint_eq(missed, 0);
        }
    }
    ring_free(ring);
}
END_TEST

START_TEST(a_batch_that_everybody_has_read_is_gone)
{
    struct ring *ring = ring_new(64, RING_BYTES_MAX);
    int cursors[2] = { ring_add_cursor(ring, RING_OLDEST), ring_add_cursor(ring, RING_OLDEST) };
    uint64_t missed;

    ring_append(ring, make_of(1, 32 * MIB));
    take(ring, cursors[0], &missed);
    int64_t held = clock_resident_bytes();
    take(ring, cursors[1], &missed);
    int64_t left = clock_resident_bytes();
    ck_assert_msg(held - left > (int64_t)(8 * MIB), "%" PRId64 " bytes before the last reader, %" PRId64 " after", held, left);
    ring_free(ring);
}
END_TEST

START_TEST(what_was_taken_outlives_the_ring)
{
    struct ring *ring = ring_new(2, 0x7FFFFFFF);
    int cursor = ring_add_cursor(ring, RING_OLDEST);
    uint64_t missed;

    append(ring, 1, 1);
    struct batch *mine = ring_take(ring, cursor, 0, &missed);
    append(ring, 2, 9);
    ring_free(ring);
    ck_assert_uint_eq(batch_info(mine)->number, 1);
    batch_unref(mine);
}
END_TEST

START_TEST(a_ring_that_nobody_reads_keeps_nothing)
{
    struct ring *ring = ring_new(2, 0x7FFFFFFF);

    append(ring, 1, 100);
    int cursor = ring_add_cursor(ring, RING_OLDEST);
    ck_assert_uint_eq(waiting(ring, cursor), 0);
    ring_free(ring);
    ring_free(NULL);
}
END_TEST

/* A gateway that hangs for hours: nothing is kept for it but the newest, and yet it is known since when it hangs. */
START_TEST(who_wants_the_newest_keeps_nothing_else)
{
    struct ring *ring = ring_new(64, 0x7FFFFFFF);
    int cursor = ring_add_cursor(ring, RING_NEWEST);
    int64_t held = 0, oldest;
    uint64_t missed;

    for (uint64_t n = 1; n <= 8; n++) {
        struct batch *b = make_of(n, 16 * MIB);
        ring_append(ring, b);
        held = n == 1 ? clock_resident_bytes() : held;
    }
    int64_t in_the_end = clock_resident_bytes();
    ck_assert_msg(in_the_end - held < (int64_t)(8 * MIB), "%" PRId64 " bytes with one batch, %" PRId64 " after eight", held, in_the_end);
    append(ring, 9, 40);
    ck_assert_uint_eq(ring_waiting(ring, cursor, &oldest), 40);
    ck_assert_int_eq(oldest, 1000);
    ck_assert_uint_eq(take(ring, cursor, &missed), 40);
    ck_assert_uint_eq(missed, 39);
    ring_free(ring);
}
END_TEST

START_TEST(a_closed_ring_is_read_empty)
{
    struct ring *ring = ring_new(8, 0x7FFFFFFF);
    int cursor = ring_add_cursor(ring, RING_OLDEST);
    uint64_t missed = 99;

    append(ring, 1, 2);
    ck_assert(!ring_is_closed(ring, 0));
    ring_close(ring);
    ck_assert(ring_is_closed(ring, 0));
    ck_assert(ring_wait_closed(ring, 0, NEVER));
    ck_assert(ring_wait_newer(ring, cursor, NEVER));
    struct batch *b = ring_take(ring, cursor, NEVER, &missed);
    ck_assert_uint_eq(batch_info(b)->number, 1);
    batch_unref(b);
    b = ring_take(ring, cursor, NEVER, &missed);
    ck_assert_uint_eq(batch_info(b)->number, 2);
    batch_unref(b);
    ck_assert_ptr_null(ring_take(ring, cursor, NEVER, &missed)); /* does not wait */
    ck_assert_uint_eq(missed, 0);
    ck_assert(!ring_wait_newer(ring, cursor, NEVER));
    ring_free(ring);
}
END_TEST

START_TEST(a_wait_ends_at_its_deadline)
{
    struct ring *ring = ring_new(8, 0x7FFFFFFF);
    int cursor = ring_add_cursor(ring, RING_OLDEST);
    uint64_t missed;
    int64_t began = clock_now_ns();

    ck_assert_ptr_null(ring_take(ring, cursor, in_ms(20), &missed));
    ck_assert(!ring_wait_newer(ring, cursor, in_ms(20)));
    ck_assert(!ring_wait_closed(ring, 0, in_ms(20)));
    ck_assert_int_ge(clock_now_ns() - began, 60 * NS_PER_MS);
    ck_assert(!ring_wait_closed(ring, 0, 0)); /* long past */
    ring_free(ring);
}
END_TEST

START_TEST(the_oldest_that_waits_is_known)
{
    struct ring *ring = ring_new(4, 0x7FFFFFFF);
    int cursor = ring_add_cursor(ring, RING_OLDEST);
    int64_t oldest = 42;
    uint64_t missed;

    ck_assert_uint_eq(ring_waiting(ring, cursor, &oldest), 0);
    ck_assert_int_eq(oldest, 0);
    append(ring, 1, 3);
    ck_assert_uint_eq(ring_waiting(ring, cursor, &oldest), 3);
    ck_assert_int_eq(oldest, 1000);
    take(ring, cursor, &missed);
    ring_waiting(ring, cursor, &oldest);
    ck_assert_int_eq(oldest, 2000);
    append(ring, 4, 9); /* 2 to 5 are gone: the oldest that can still be had */
    ring_waiting(ring, cursor, &oldest);
    ck_assert_int_eq(oldest, 6000);
    ring_free(ring);
}
END_TEST

static void *close_it(void *ring)
{
    ring_close(ring);
    return NULL;
}

static void *append_one(void *ring)
{
    append(ring, 1, 1);
    return NULL;
}

START_TEST(a_waiting_reader_is_woken)
{
    struct ring *ring = ring_new(4, 0x7FFFFFFF);
    int cursor = ring_add_cursor(ring, RING_OLDEST);
    pthread_t thread;
    uint64_t missed;

    pthread_create(&thread, NULL, append_one, ring);
    struct batch *b = ring_take(ring, cursor, NEVER, &missed);
    ck_assert_ptr_nonnull(b);
    batch_unref(b);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, close_it, ring);
    ck_assert_ptr_null(ring_take(ring, cursor, NEVER, &missed));
    pthread_join(thread, NULL);
    ring_free(ring);
}
END_TEST

/* The property: any number of readers of either kind, any pace, any ring. ------------------------------------------------ */

#define APPENDED 3000

struct reader {
    struct ring *ring;
    pthread_t thread;
    int cursor;
    uint64_t state;      /* of its random numbers */
    uint64_t leave_after; /* batches; then it stops reading */
    uint64_t handed_out, missed, last;
    bool is_out_of_order, is_out_of_count;
};

static void pause_a_little(uint64_t *state)
{
    struct timespec t = { .tv_nsec = (long)(unit_random(state) % 200000) };

    if (unit_random(state) % 16 == 0)
        nanosleep(&t, NULL);
}

static void *read_all(void *arg)
{
    struct reader *r = arg;

    while (r->handed_out < r->leave_after) {
        uint64_t missed;
        struct batch *b = ring_take(r->ring, r->cursor, unit_random(&r->state) % 2 ? NEVER : in_ms(1), &missed);
        if (b == NULL) {
            if (ring_is_closed(r->ring, r->cursor) && waiting(r->ring, r->cursor) == 0)
                break;
            continue;
        }
        uint64_t number = batch_info(b)->number;
        r->is_out_of_order = r->is_out_of_order || number <= r->last;
        r->is_out_of_count = r->is_out_of_count || number != r->last + missed + 1;
        r->last = number;
        r->handed_out++;
        r->missed += missed;
        batch_unref(b);
        pause_a_little(&r->state);
    }
    return NULL;
}

START_TEST(handed_out_and_missed_and_waiting_are_what_was_appended) /* loop test: _i chooses the ring */
{
    enum { READERS = 4 };
    static const unsigned slots[] = { 1, 2, 7, 64 };
    struct ring *ring = ring_new(slots[_i], RING_BYTES_MAX);
    struct reader readers[READERS];
    uint64_t seed = unit_seed(), state = seed;

    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){ .ring = ring, .cursor = ring_add_cursor(ring, i % 2 ? RING_NEWEST : RING_OLDEST),
                                      .state = unit_random(&state), .leave_after = i == 0 ? 20 : UINT64_MAX };
    }
    for (int i = 0; i < READERS; i++)
        pthread_create(&readers[i].thread, NULL, read_all, &readers[i]);
    for (uint64_t n = 1; n <= APPENDED; n++) {
        ring_append(ring, make(n));
        pause_a_little(&state);
    }
    ring_close(ring);
    for (int i = 0; i < READERS; i++) {
        struct reader *r = &readers[i];
        pthread_join(r->thread, NULL);
        ck_assert_msg(!r->is_out_of_order && !r->is_out_of_count, "reader %d, seed %" PRIu64, i, seed);
        ck_assert_msg(r->handed_out + r->missed + waiting(ring, r->cursor) == APPENDED,
                      "reader %d: %" PRIu64 " handed out, %" PRIu64 " missed, %" PRIu64 " waiting, seed %" PRIu64, i,
                      r->handed_out, r->missed, waiting(ring, r->cursor), seed);
        if (r->leave_after == UINT64_MAX) {
            ck_assert_uint_eq(waiting(ring, r->cursor), 0);
            ck_assert_uint_eq(r->last, APPENDED);
        }
    }
    ring_free(ring);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("ring");
    TCase *c = unit_case(s, "ring");

    tcase_add_test(c, a_reader_gets_every_batch_in_order);
    tcase_add_test(c, a_slow_reader_counts_what_it_missed);
    tcase_add_test(c, who_wants_the_newest_passes_over_the_rest);
    tcase_add_test(c, a_cursor_sees_what_comes_after_it);
    tcase_add_test(c, bytes_are_capped_and_one_batch_always_stays);
    tcase_add_test(c, a_batch_that_everybody_has_read_makes_room);
    tcase_add_test(c, a_batch_that_everybody_has_read_is_gone);
    tcase_add_test(c, what_was_taken_outlives_the_ring);
    tcase_add_test(c, a_ring_that_nobody_reads_keeps_nothing);
    tcase_add_test(c, who_wants_the_newest_keeps_nothing_else);
    tcase_add_test(c, a_closed_ring_is_read_empty);
    tcase_add_test(c, a_wait_ends_at_its_deadline);
    tcase_add_test(c, the_oldest_that_waits_is_known);
    tcase_add_test(c, a_waiting_reader_is_woken);
    tcase_add_loop_test(c, handed_out_and_missed_and_waiting_are_what_was_appended, 0, 4);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
