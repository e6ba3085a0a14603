/* test_num.c - numbers to text and back: what is taken, what is refused, and the same in every locale. */
#include "agent/base/num.h"

#include "tests/unit/unit.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whole numbers ---------------------------------------------------------------------------------------------------- */

struct whole {
    const char *text;
    int64_t value;
};

static const struct whole wholes[] = {
    { "0", 0 }, { "-0", 0 }, { "1", 1 }, { "-1", -1 }, { "007", 7 }, { "9223372036854775807", INT64_MAX },
    { "9223372036854775806", INT64_MAX - 1 }, { "-9223372036854775808", INT64_MIN }, { "-9223372036854775807", -INT64_MAX },
    { "00000000000000000000000000000000000009", 9 },
};

START_TEST(a_whole_number_is_taken)
{
    int64_t value = 42;

    ck_assert_msg(num_to_i64(wholes[_i].text, strlen(wholes[_i].text), &value) == 0, "\"%s\" refused", wholes[_i].text);
    ck_assert_msg(value == wholes[_i].value, "\"%s\" gives %" PRId64, wholes[_i].text, value);
}
END_TEST

static const char *const not_wholes[] = {
    "", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "--1", "1-", "12a", "a", "9223372036854775808", "-9223372036854775809",
    "18446744073709551616", "99999999999999999999999999", "-99999999999999999999999999", "1\n", "\xC2\xB2", "NaN",
};

START_TEST(what_is_no_whole_number_is_refused)
{
    int64_t value = 42;

    ck_assert_msg(num_to_i64(not_wholes[_i], strlen(not_wholes[_i]), &value) == -1, "\"%s\" taken", not_wholes[_i]);
    ck_assert_msg(value == 42, "\"%s\" touched the value", not_wholes[_i]);
}
END_TEST

START_TEST(a_length_counts_and_not_the_nul)
{
    int64_t value = 42;

    ck_assert_int_eq(num_to_i64("12345", 3, &value), 0);
    ck_assert_int_eq(value, 123);
    ck_assert_int_eq(num_to_i64("12\0" "5", 4, &value), -1);
    double real = 42;
    ck_assert_int_eq(num_to_real("1.25999", 4, &real), 0);
    ck_assert(real == 1.25);
    ck_assert_int_eq(num_to_real("1\0", 2, &real), -1);
}
END_TEST

START_TEST(whole_numbers_come_back)
{
    static const int64_t corners[] = { 0, 1, -1, 9, 10, -10, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 999999999999999999 };
    uint64_t seed = unit_seed(), state = seed;

    for (int i = 0; i < 100000; i++) {
        char text[NUM_TEXT_MAX];
        int64_t value = i < 11 ? corners[i] : (int64_t)(unit_random(&state) >> (unit_random(&state) % 64)), back = 0;
        size_t len = num_from_i64(text, value);
        if (len != strlen(text) || num_to_i64(text, len, &back) < 0 || back != value)
            ck_abort_msg("%" PRId64 " became %s, seed %" PRIu64, value, text, seed);
    }
    char text[NUM_TEXT_MAX];
    num_from_u64(text, UINT64_MAX);
    ck_assert_str_eq(text, "18446744073709551615");
}
END_TEST

/* Reals ------------------------------------------------------------------------------------------------------------ */

struct real {
    double value;
    const char *text;
};

static const struct real reals[] = {
    { 0, "0" }, { -0.0, "0" }, { 1, "1" }, { -17, "-17" }, { 0.1, "0.1" }, { 0.25, "0.25" }, { 1.0 / 3, "0.3333333333333333" },
    { 123456.789, "123456.789" }, { 9007199254740991.0, "9007199254740991" }, { -9007199254740991.0, "-9007199254740991" },
    { 9007199254740992.0, "9007199254740992" }, { 1e15, "1000000000000000" }, { 1e23, "1e+23" }, { 1e300, "1e+300" },
    { 1.7976931348623157e308, "1.7976931348623157e+308" }, { 1e-7, "1e-07" },
    { 1700000000.123, "1700000000.123" },
};

START_TEST(a_real_has_the_shortest_text)
{
    char text[NUM_TEXT_MAX];

    num_from_real(text, reals[_i].value);
    ck_assert_str_eq(text, reals[_i].text);
}
END_TEST

START_TEST(what_is_not_finite_has_the_name_prometheus_gives_it)
{
    char text[NUM_TEXT_MAX];

    ck_assert_uint_eq(num_from_real(text, NAN), 3);
    ck_assert_str_eq(text, "NaN");
    num_from_real(text, -NAN);
    ck_assert_str_eq(text, "NaN");
    num_from_real(text, INFINITY);
    ck_assert_str_eq(text, "+Inf");
    num_from_real(text, -INFINITY);
    ck_assert_str_eq(text, "-Inf");
}
END_TEST

/* Every double of a random sample of bit patterns reads back as itself. */
static void check_round_trip(int count)
{
    uint64_t seed = unit_seed(), state = seed;

    for (int i = 0; i < count; i++) {
        uint64_t bits = unit_random(&state);
        double value, back = 0;
        char text[NUM_TEXT_MAX];
        memcpy(&value, &bits, sizeof(value));
        if (i % 3 == 0) /* the sizes that rates and seconds have */
            value = (double)(int64_t)(bits >> 20) / 1000;
        if (!isfinite(value))
            continue;
        size_t len = num_from_real(text, value);
        if (len != strlen(text) || len >= NUM_TEXT_MAX || num_to_real(text, len, &back) < 0 || back != value)
            ck_abort_msg("%.17g became %s, seed %" PRIu64, value, text, seed);
    }
}

START_TEST(reals_come_back)
{
    check_round_trip(20000);
}
END_TEST

/*
 * A locale in which the decimal point is a comma, made here because a test machine has none: glibc's LC_NUMERIC file is a magic
 * number, the number of its fields, their offsets, then the fields.
 */
static void write_comma_locale(const char *dir)
{
    enum { HEAD = 8 * 4 };
    struct {
        uint32_t magic, fields, offsets[6];
        char decimal_point[4], thousands[4], grouping[4];
        uint32_t decimal_point_wide, thousands_wide;
        char codeset[8];
    } file = {
        .magic = 0x20031115u ^ 1u /* LC_NUMERIC */, .fields = 6,
        .offsets = { HEAD, HEAD + 4, HEAD + 8, HEAD + 12, HEAD + 16, HEAD + 20 },
        .decimal_point = ",", .thousands = ".", .grouping = "", .decimal_point_wide = ',',
        .thousands_wide = '.', .codeset = "UTF-8",
    };
    char path[256];

    snprintf(path, sizeof(path), "%s/comma", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/comma/LC_NUMERIC", dir);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(&file, sizeof(file), 1, f), 1);
    fclose(f);
}

static void remove_comma_locale(const char *dir)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/comma/LC_NUMERIC", dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/comma", dir);
    rmdir(path);
    rmdir(dir);
}

START_TEST(numbers_do_not_care_for_the_locale)
{
    char dir[] = "/tmp/mqpush-locale-XXXXXX", text[NUM_TEXT_MAX], usual[NUM_TEXT_MAX];
    double value = 0;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    write_comma_locale(dir);
    setenv("LOCPATH", dir, 1);
    const char *got = setlocale(LC_NUMERIC, "comma");
    remove_comma_locale(dir);
    snprintf(usual, sizeof(usual), "%g", 1.5);
    if (got == NULL || strcmp(usual, "1,5") != 0) {
        fprintf(stderr, "test_num: SKIPPED: this C library does not take our locale with a decimal comma (%s)\n", usual);
        ck_assert_ptr_null(getenv("STRICT"));
        return;
    }
    num_from_real(text, 1.5);
    ck_assert_str_eq(text, "1.5");
    ck_assert_int_eq(num_to_real("1.5", 3, &value), 0);
    ck_assert(value == 1.5);
    ck_assert_int_eq(num_to_real("1,5", 3, &value), -1);
    check_round_trip(3000);
    snprintf(usual, sizeof(usual), "%g", 1.5);
    ck_assert_str_eq(usual, "1,5"); /* and the caller's locale is left as it was */
}
END_TEST

static const struct real taken_reals[] = {
    { 0, "0" }, { -0.5, "-0.5" }, { 0.5, ".5" }, { 5, "5." }, { 1e5, "1e5" }, { 1e5, "1E+5" }, { 0.001, "1e-3" },
    { 12345678901234567890.0, "12345678901234567890" }, { 0, "0e999" }, { 1.7976931348623157e308, "1.7976931348623157e308" },
    { 0, "1e-400" }, /* smaller than any double is zero */
};

START_TEST(a_real_is_taken)
{
    double value = 42;

    ck_assert_msg(num_to_real(taken_reals[_i].text, strlen(taken_reals[_i].text), &value) == 0, "\"%s\" refused",
                  taken_reals[_i].text);
    ck_assert_msg(value == taken_reals[_i].value, "\"%s\" gives %.17g", taken_reals[_i].text, value);
}
END_TEST

static const char *const not_reals[] = {
    "", "-", ".", "-.", "+1", " 1", "1 ", "1,5", "e5", "1e", "1e+", "1.2.3", "0x1p3", "inf", "-inf", "nan", "-nan", "1e400",
    "-1e400", "--1", "1-", "1f", "infinity", "1111111111111111111111111111111111111111111111111111111111111111",
};

START_TEST(what_is_no_real_is_refused)
{
    double value = 42;

    ck_assert_msg(num_to_real(not_reals[_i], strlen(not_reals[_i]), &value) == -1, "\"%s\" taken", not_reals[_i]);
    ck_assert_msg(value == 42, "\"%s\" touched the value", not_reals[_i]);
}
END_TEST

/* Durations and sizes ------------------------------------------------------------------------------------------------ */

static const struct whole durations[] = {
    { "0", 0 }, { "0s", 0 }, { "500ms", 500 }, { "10s", 10000 }, { "5m", 300000 }, { "2h", 7200000 }, { "30d", 2592000000 },
    { "2w", 1209600000 }, { "1h30m", 5400000 }, { "1m500ms", 60500 }, { "9223372036854775807ms", INT64_MAX },
    { "106751991167d", 106751991167 * 86400000 },
};

START_TEST(a_duration_is_taken)
{
    int64_t ms = 42;

    ck_assert_msg(num_to_duration_ms(durations[_i].text, &ms) == 0, "\"%s\" refused", durations[_i].text);
    ck_assert_msg(ms == durations[_i].value, "\"%s\" gives %" PRId64, durations[_i].text, ms);
}
END_TEST

static const char *const not_durations[] = {
    "", "10", "s", "-5s", "+5s", "5 s", " 5s", "5s ", "1h30", "1.5s", "5S", "5M", "5sec", "5s5", "00", "9223372036854775807s",
    "106751991168d", "9223372036854775807ms1ms", "5\xC2\xB5s", "1y",
};

START_TEST(what_is_no_duration_is_refused)
{
    int64_t ms = 42;

    ck_assert_msg(num_to_duration_ms(not_durations[_i], &ms) == -1, "\"%s\" taken", not_durations[_i]);
    ck_assert_msg(ms == 42, "\"%s\" touched the value", not_durations[_i]);
}
END_TEST

static const struct whole sizes[] = {
    { "0", 0 }, { "123", 123 }, { "1B", 1 }, { "64KiB", 65536 }, { "64MiB", 67108864 }, { "2GiB", 2147483648 },
    { "1TiB", 1099511627776 },
    { "10MB", 10000000 }, { "10kB", 10000 }, { "10KB", 10000 }, { "3GB", 3000000000 }, { "1k", 1024 }, { "1K", 1024 },
    { "1M", 1048576 },
    { "1G", 1073741824 }, { "9223372036854775807", INT64_MAX }, { "8388607TiB", 8388607 * 1099511627776 },
};

START_TEST(a_size_is_taken)
{
    int64_t bytes = 42;

    ck_assert_msg(num_to_size(sizes[_i].text, &bytes) == 0, "\"%s\" refused", sizes[_i].text);
    ck_assert_msg(bytes == sizes[_i].value, "\"%s\" gives %" PRId64, sizes[_i].text, bytes);
}
END_TEST

static const char *const not_sizes[] = {
    "", "-1", "-5MiB", "MiB", "1 MiB", "1MiB ", "1.5MiB", "1mib", "1b", "1MiB512KiB", "1Mi", "8388608TiB", "9223372036854775808",
    "9223372036854775807k",
};

START_TEST(what_is_no_size_is_refused)
{
    int64_t bytes = 42;

    ck_assert_msg(num_to_size(not_sizes[_i], &bytes) == -1, "\"%s\" taken", not_sizes[_i]);
    ck_assert_msg(bytes == 42, "\"%s\" touched the value", not_sizes[_i]);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

static Suite *suite(void)
{
    Suite *s = suite_create("num");
    TCase *c = unit_case(s, "num");

    tcase_add_loop_test(c, a_whole_number_is_taken, 0, COUNT(wholes));
    tcase_add_loop_test(c, what_is_no_whole_number_is_refused, 0, COUNT(not_wholes));
    tcase_add_test(c, a_length_counts_and_not_the_nul);
    tcase_add_test(c, whole_numbers_come_back);
    tcase_add_loop_test(c, a_real_has_the_shortest_text, 0, COUNT(reals));
    tcase_add_test(c, what_is_not_finite_has_the_name_prometheus_gives_it);
    tcase_add_test(c, reals_come_back);
    tcase_add_test(c, numbers_do_not_care_for_the_locale);
    tcase_add_loop_test(c, a_real_is_taken, 0, COUNT(taken_reals));
    tcase_add_loop_test(c, what_is_no_real_is_refused, 0, COUNT(not_reals));
    tcase_add_loop_test(c, a_duration_is_taken, 0, COUNT(durations));
    tcase_add_loop_test(c, what_is_no_duration_is_refused, 0, COUNT(not_durations));
    tcase_add_loop_test(c, a_size_is_taken, 0, COUNT(sizes));
    tcase_add_loop_test(c, what_is_no_size_is_refused, 0, COUNT(not_sizes));
    return s;
}

int main(void)
{
    return unit_main(suite());
}
