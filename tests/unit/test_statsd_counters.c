/* test_statsd_counters.c - rises are exact, and what is saved comes back or is refused as a whole. */
#include "agent/base/buf.h"
#include "sinks/statsd/counters.h"
#include "tests/unit/unit.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct counters c;

static void setup(void)
{
    counters_init(&c);
}

static void teardown(void)
{
    counters_fini(&c);
}

static struct counter_value whole(int64_t i)
{
    return (struct counter_value){ .is_int = true, .i = i };
}

static struct counter_value real(double d)
{
    return (struct counter_value){ .d = d };
}

static void note(const char *name, struct counter_value v)
{
    counters_note(&c, name, strlen(name), &v);
}

static void tell(const char *name, struct counter_value v)
{
    note(name, v);
    counters_commit(&c, 1);
}

/* -1: there is none */
static int64_t rise(const char *name, int64_t now)
{
    struct counter_value v = whole(now), by;

    return counters_rise(&c, name, strlen(name), &v, &by) ? by.i : -1;
}

START_TEST(a_rise_is_known_from_the_second_value_on)
{
    ck_assert_int_eq(rise("a", 5), -1);
    tell("a", whole(5));
    ck_assert_int_eq(rise("a", 5), 0);
    ck_assert_int_eq(rise("a", 12), 7);
    ck_assert_int_eq(rise("a", 4), -1);
    ck_assert_int_eq(rise("b", 12), -1);
    tell("zero", whole(0));
    ck_assert_int_eq(rise("zero", INT64_MAX), INT64_MAX);
}
END_TEST

START_TEST(only_what_has_gone_counts)
{
    note("a", whole(1));
    note("b", whole(1));
    counters_commit(&c, 2);
    note("a", whole(10));
    note("b", whole(10));
    counters_commit(&c, 1);
    ck_assert_int_eq(rise("a", 11), 1);
    ck_assert_int_eq(rise("b", 11), 10);
    note("a", whole(50));
    counters_commit(&c, 0);
    ck_assert_int_eq(rise("a", 11), 1);
}
END_TEST

START_TEST(a_counter_that_changes_its_kind_begins_anew)
{
    struct counter_value by, now = real(7);

    tell("a", whole(5));
    ck_assert(!counters_rise(&c, "a", 1, &now, &by));
    tell("a", real(5.5));
    ck_assert(counters_rise(&c, "a", 1, &now, &by));
    ck_assert(!by.is_int && by.d == 1.5);
}
END_TEST

START_TEST(what_can_be_no_counter_is_known)
{
    static const double bad[] = { -1, -0.5, NAN, INFINITY, -INFINITY };
    struct counter_value v = whole(-1);

    ck_assert(!counter_value_is_valid(&v));
    v = whole(INT64_MAX);
    ck_assert(counter_value_is_valid(&v));
    v = real(DBL_MAX);
    ck_assert(counter_value_is_valid(&v));
    for (int i = 0; i < 5; i++) {
        v = real(bad[i]);
        ck_assert_msg(!counter_value_is_valid(&v), "%g", bad[i]);
    }
}
END_TEST

static void tell_many(int from, int to)
{
    char name[20];

    for (int i = from; i < to; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        note(name, whole(i));
    }
    counters_commit(&c, c.noted);
}

START_TEST(the_ones_not_seen_any_more_are_forgotten_when_there_are_too_many)
{
    tell_many(0, COUNTERS_MAX);
    ck_assert_int_eq(rise("n0", 1), 1);
    tell_many(COUNTERS_MAX, COUNTERS_MAX + 10);
    ck_assert_int_eq(rise("n0", 1), -1);
    ck_assert_int_eq(rise("n20009", 20010), 1);
    ck_assert_uint_eq(c.names.count, 11);
    tell_many(0, COUNTERS_MAX + 5); /* more in one batch than there is room for */
    ck_assert_uint_eq(c.names.count, COUNTERS_MAX + 1);
}
END_TEST

START_TEST(a_name_has_a_limit)
{
    char name[COUNTERS_NAME_MAX + 1];
    struct counter_value v = whole(1);

    memset(name, 'n', sizeof(name));
    ck_assert_uint_eq(counters_note(&c, name, COUNTERS_NAME_MAX + 1, &v), 0);
    ck_assert_uint_eq(counters_note(&c, name, 0, &v), 0);
    ck_assert_uint_eq(counters_note(&c, name, COUNTERS_NAME_MAX, &v), 1);
}
END_TEST

/* --- the blob --------------------------------------------------------------------------------------------------------- */

static struct buf saved(void)
{
    struct buf blob;

    buf_init(&blob, 0);
    counters_save(&c, &blob);
    return blob;
}

static void load(const struct buf *blob)
{
    struct err err = { 0 };

    ck_assert_msg(counters_load(&c, blob->data, blob->len, &err) == 0, "%s", err.msg);
}

START_TEST(what_is_saved_comes_back)
{
    struct counter_value by, now = real(1.75);

    tell("int", whole(INT64_MAX - 1));
    tell("real", real(0.5));
    tell("a|#b:c", whole(0));
    note("not told", whole(3));
    struct buf blob = saved();
    counters_fini(&c);
    counters_init(&c);
    tell("old", whole(1));
    load(&blob);
    ck_assert_int_eq(rise("int", INT64_MAX), 1);
    ck_assert_int_eq(rise("a|#b:c", 9), 9);
    ck_assert(counters_rise(&c, "real", 4, &now, &by) && by.d == 1.25);
    ck_assert_int_eq(rise("not told", 4), -1);
    ck_assert_int_eq(rise("old", 2), -1);
    struct buf again = saved();
    ck_assert_uint_eq(again.len, blob.len);
    ck_assert_int_eq(memcmp(again.data, blob.data, blob.len), 0);
    buf_fini(&again);
    buf_fini(&blob);
}
END_TEST

START_TEST(the_bytes_of_a_blob_are_exactly_so)
{
    static const char expected[] = "MQC1\x02\0\0\0" "\x01\0\0\x2c\x01\0\0\0\0\0\0a" "\x02\0\x01\0\0\0\0\0\0\xe0\x3f" "bc";

    tell("a", whole(300));
    tell("bc", real(0.5));
    struct buf blob = saved();
    ck_assert_uint_eq(blob.len, sizeof(expected) - 1);
    ck_assert_int_eq(memcmp(blob.data, expected, blob.len), 0);
    buf_fini(&blob);
}
END_TEST

START_TEST(as_many_as_there_may_be_fit_into_a_blob)
{
    tell_many(0, COUNTERS_MAX);
    struct buf blob = saved();
    load(&blob);
    ck_assert_uint_eq(c.names.count, COUNTERS_MAX + 1);
    ck_assert_uint_lt((uint64_t)COUNTERS_MAX * (COUNTERS_NAME_MAX + 11) + 8, COUNTERS_BLOB_MAX);
    uint32_t over = COUNTERS_MAX + 1;
    for (int i = 0; i < 4; i++)
        blob.data[4 + i] = (char)(over >> (8 * i) & 0xff);
    struct err err = { 0 };
    ck_assert_int_eq(counters_load(&c, blob.data, blob.len, &err), -1);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    buf_fini(&blob);
}
END_TEST

#define ENTRY(name_len_, kind_, top_byte_, name_) name_len_ "\0" kind_ "\x01\0\0\0\0\0\0" top_byte_ name_

static const struct {
    const char *bytes;
    size_t len;
    const char *error;
} bad[] = {
    { "", 0, "no saved counters" },
    { "MQC2\0\0\0\0", 8, "no saved counters" },
    { "MQC1\0\0\0", 7, "no saved counters" },
    { "MQC1\0\0\0\0x", 9, "behind" },
    { "MQC1\x01\0\0\0", 8, "end too early" },
    { "MQC1\x01\0\0\0" ENTRY("\x02", "\0", "\0", "a"), 20, "end too early" },
    { "MQC1\x01\0\0\0" ENTRY("\0", "\0", "\0", ""), 19, "limit" },
    { "MQC1\x01\0\0\0" ENTRY("\x01", "\x02", "\0", "a"), 20, "impossible" },
    { "MQC1\x01\0\0\0" ENTRY("\x01", "\0", "\x80", "a"), 20, "impossible" },
    { "MQC1\x01\0\0\0" ENTRY("\x01", "\x01", "\x80", "a"), 20, "impossible" },
    { "MQC1\x02\0\0\0" ENTRY("\x01", "\0", "\0", "a") ENTRY("\x01", "\0", "\0", "a"), 32, "twice" },
};

START_TEST(a_bad_blob_changes_nothing) /* loop test over bad */
{
    struct err err = { 0 };

    tell("kept", whole(1));
    ck_assert_int_eq(counters_load(&c, bad[_i].bytes, bad[_i].len, &err), -1);
    ck_assert_msg(strstr(err.msg, bad[_i].error) != NULL, "%s", err.msg);
    ck_assert_int_eq(rise("kept", 3), 2);
}
END_TEST

START_TEST(any_bytes_are_loaded_or_refused)
{
    uint64_t seed = unit_seed(), state = seed;
    struct err err;

    tell_many(0, 20);
    struct buf blob = saved();
    for (int i = 0; i < 20000; i++) {
        size_t len = unit_random(&state) % (blob.len + 1);
        char *bytes = malloc(len + 1); /* its own allocation, so that a sanitizer sees one byte too far */
        ck_assert_ptr_nonnull(bytes);
        memcpy(bytes, blob.data, len);
        for (int k = 0; k < 3 && len > 0; k++)
            bytes[unit_random(&state) % len] = (char)unit_random(&state);
        if (counters_load(&c, bytes, len, &err) == 0) {
            struct buf again = saved();
            ck_assert_msg(again.len == len, "seed %" PRIu64, seed);
            buf_fini(&again);
        }
        free(bytes);
    }
    buf_fini(&blob);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("statsd_counters");
    TCase *t = unit_case(s, "rises");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_rise_is_known_from_the_second_value_on);
    tcase_add_test(t, only_what_has_gone_counts);
    tcase_add_test(t, a_counter_that_changes_its_kind_begins_anew);
    tcase_add_test(t, what_can_be_no_counter_is_known);
    tcase_add_test(t, the_ones_not_seen_any_more_are_forgotten_when_there_are_too_many);
    tcase_add_test(t, a_name_has_a_limit);
    t = unit_case(s, "blob");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_is_saved_comes_back);
    tcase_add_test(t, the_bytes_of_a_blob_are_exactly_so);
    tcase_add_test(t, as_many_as_there_may_be_fit_into_a_blob);
    tcase_add_loop_test(t, a_bad_blob_changes_nothing, 0, (int)(sizeof(bad) / sizeof(bad[0])));
    tcase_add_test(t, any_bytes_are_loaded_or_refused);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
