/* test_buf.c - limits, stickiness of a failure, draining, printing. */
#include "agent/base/buf.h"

#include "agent/base/num.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define LIMIT 10

/* The ways to add `len` bytes. */
static void add(struct buf *b, int way, size_t len)
{
    static const char text[] = "abcdefghijklmnopqrstuvwxyz";

    if (way == 0)
        buf_put(b, text, len);
    else if (way == 1)
        buf_printf(b, "%.*s", (int)len, text);
    else if (way == 2)
        buf_puts(b, text + sizeof(text) - 1 - len);
    else
        for (size_t i = 0; i < len; i++)
            buf_putc(b, text[i]);
}

START_TEST(the_limit_is_exact) /* loop test: _i is the way to add */
{
    struct buf b;

    buf_init(&b, LIMIT);
    add(&b, _i, LIMIT);
    ck_assert(!buf_failed(&b));
    ck_assert_uint_eq(b.len, LIMIT);
    add(&b, _i, 1);
    ck_assert(buf_failed(&b));
    ck_assert_uint_eq(b.len, LIMIT);
    buf_fini(&b);

    buf_init(&b, LIMIT);
    add(&b, _i, LIMIT + 1);
    ck_assert(buf_failed(&b));
    ck_assert_uint_le(b.len, LIMIT);
    buf_fini(&b);
}
END_TEST

START_TEST(a_failure_stays_until_a_reset)
{
    struct buf b;

    buf_init(&b, LIMIT);
    buf_puts(&b, "12345678901");
    ck_assert(buf_failed(&b));
    buf_putc(&b, 'x'); /* would fit */
    buf_printf(&b, "y");
    buf_put_i64(&b, 1);
    ck_assert_ptr_null(buf_grow(&b, 1));
    ck_assert_uint_eq(b.len, 0);
    ck_assert_int_eq(buf_flush(&b), -1);
    buf_reset(&b);
    ck_assert(!buf_failed(&b));
    buf_puts(&b, "1234567890");
    ck_assert_int_eq(buf_flush(&b), 0);
    ck_assert_uint_eq(b.len, LIMIT);
    buf_fini(&b);
}
END_TEST

START_TEST(room_for_nothing_is_no_failure)
{
    struct buf b;

    buf_init(&b, 0);
    ck_assert_ptr_nonnull(buf_grow(&b, 0));
    buf_put(&b, NULL, 0);
    buf_puts(&b, "");
    buf_printf(&b, "%s", "");
    ck_assert(!buf_failed(&b));
    ck_assert_uint_eq(b.len, 0);
    buf_fini(&b);
    buf_fini(&b); /* twice is fine: it is empty */
}
END_TEST

START_TEST(a_size_that_cannot_be_is_refused)
{
    struct buf b;

    buf_init(&b, 0);
    ck_assert_ptr_null(buf_grow(&b, SIZE_MAX - 3));
    ck_assert(buf_failed(&b));
    buf_fini(&b);
}
END_TEST

START_TEST(what_was_put_is_what_is_there)
{
    struct buf b;
    uint64_t seed = unit_seed(), state = seed;
    static char expected[200000];
    size_t len = 0;

    buf_init(&b, 0);
    while (len < sizeof(expected) - 600) {
        size_t n = unit_random(&state) % 500;
        for (size_t i = 0; i < n; i++)
            expected[len + i] = (char)unit_random(&state);
        buf_put(&b, expected + len, n);
        len += n;
        char text[64];
        int digits = snprintf(text, sizeof(text), "<%zu>", n);
        memcpy(expected + len, text, (size_t)digits);
        buf_printf(&b, "<%zu>", n);
        len += (size_t)digits;
    }
    ck_assert_uint_eq(b.len, len);
    ck_assert_msg(memcmp(b.data, expected, len) == 0, "seed %" PRIu64, seed);
    buf_fini(&b);
}
END_TEST

START_TEST(numbers_are_written_whole)
{
    struct buf b;

    buf_init(&b, 0);
    buf_put_u64(&b, UINT64_MAX);
    buf_putc(&b, ' ');
    buf_put_i64(&b, INT64_MIN);
    buf_putc(&b, ' ');
    buf_put_i64(&b, INT64_MAX);
    buf_putc(&b, ' ');
    buf_put_real(&b, 0.1);
    buf_putc(&b, '\0');
    ck_assert_str_eq(b.data, "18446744073709551615 -9223372036854775808 9223372036854775807 0.1");
    buf_fini(&b);
}
END_TEST

struct drained {
    char *bytes;
    size_t len, calls, largest, fail_at;
};

static int take(void *ctx, const char *data, size_t len)
{
    struct drained *d = ctx;

    if (++d->calls == d->fail_at)
        return -1;
    d->bytes = realloc(d->bytes, d->len + len);
    memcpy(d->bytes + d->len, data, len);
    d->len += len;
    d->largest = len > d->largest ? len : d->largest;
    return 0;
}

START_TEST(rows_leave_in_order_as_soon_as_enough_has_gathered)
{
    struct drained d = { 0 };
    struct buf b;
    size_t total = 0;

    buf_init_drain(&b, take, &d);
    for (int row = 0; row < 100000; row++) {
        buf_printf(&b, "row %d\n", row);
        buf_row(&b);
        if (b.len >= BUF_DRAIN_AT || b.drained != d.len)
            ck_abort_msg("row %d: %zu bytes wait, %zu have left, %zu came", row, b.len, b.drained, d.len);
    }
    total = b.drained + b.len;
    ck_assert_uint_gt(d.calls, 10);
    ck_assert_uint_le(d.largest, BUF_DRAIN_AT + 16);
    ck_assert_int_eq(buf_flush(&b), 0);
    ck_assert_uint_eq(d.len, total);
    ck_assert_uint_le(b.cap, 2 * BUF_DRAIN_AT);
    const char *at = d.bytes;
    for (int row = 0; row < 100000; row++) {
        char text[32];
        int len = snprintf(text, sizeof(text), "row %d\n", row);
        if (memcmp(at, text, (size_t)len) != 0)
            ck_abort_msg("row %d came as %.*s", row, len, at);
        at += len;
    }
    free(d.bytes);
    buf_fini(&b);
}
END_TEST

START_TEST(nothing_leaves_below_the_mark_and_everything_at_it)
{
    struct drained d = { 0 };
    struct buf b;
    static char bytes[BUF_DRAIN_AT];

    buf_init_drain(&b, take, &d);
    buf_put(&b, bytes, BUF_DRAIN_AT - 1);
    buf_row(&b);
    ck_assert_uint_eq(d.calls, 0);
    buf_putc(&b, 'x');
    ck_assert_uint_eq(d.calls, 0); /* a row is never cut by us: only buf_row drains */
    buf_row(&b);
    ck_assert_uint_eq(d.calls, 1);
    ck_assert_uint_eq(d.len, BUF_DRAIN_AT);
    ck_assert_int_eq(buf_flush(&b), 0);
    ck_assert_uint_eq(d.calls, 1); /* nothing left: the drain is not called for nothing */
    free(d.bytes);
    buf_fini(&b);
}
END_TEST

START_TEST(a_drain_that_fails_is_remembered_and_not_called_again)
{
    struct drained d = { .fail_at = 2 };
    struct buf b;

    buf_init_drain(&b, take, &d);
    for (int row = 0; row < 100000; row++) {
        buf_printf(&b, "row %d\n", row);
        buf_row(&b);
    }
    ck_assert(buf_failed(&b));
    ck_assert_int_eq(buf_flush(&b), -1);
    ck_assert_uint_eq(d.calls, 2);
    ck_assert_uint_le(b.len, BUF_DRAIN_AT);
    free(d.bytes);
    buf_fini(&b);
}
END_TEST

START_TEST(without_a_drain_a_row_stays)
{
    struct buf b;
    static char bytes[BUF_DRAIN_AT + 1];

    buf_init(&b, 0);
    buf_put(&b, bytes, sizeof(bytes));
    buf_row(&b);
    ck_assert_int_eq(buf_flush(&b), 0);
    ck_assert_uint_eq(b.len, sizeof(bytes));
    buf_fini(&b);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("buf");
    TCase *c = unit_case(s, "buf");

    tcase_add_loop_test(c, the_limit_is_exact, 0, 4);
    tcase_add_test(c, a_failure_stays_until_a_reset);
    tcase_add_test(c, room_for_nothing_is_no_failure);
    tcase_add_test(c, a_size_that_cannot_be_is_refused);
    tcase_add_test(c, what_was_put_is_what_is_there);
    tcase_add_test(c, numbers_are_written_whole);
    tcase_add_test(c, rows_leave_in_order_as_soon_as_enough_has_gathered);
    tcase_add_test(c, nothing_leaves_below_the_mark_and_everything_at_it);
    tcase_add_test(c, a_drain_that_fails_is_remembered_and_not_called_again);
    tcase_add_test(c, without_a_drain_a_row_stays);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
