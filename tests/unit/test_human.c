/* test_human.c - numbers, spans and instants as people read and type them. */
#include "agent/view/human.h"
#include "agent/view/when.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#define NOW_MS 1795257067000LL /* Saturday 2026-11-21 10:31:07 UTC */
#define DAY_MS 86400000LL

struct spelling {
    double value;
    const char *text;
};

static const struct spelling counts[] = {
    { 0, "0" },          { 7, "7" },         { 999, "999" },         { 999.4, "999" },     { 999.5, "1.00k" },
    { 1000, "1.00k" },   { 1234, "1.23k" },  { 12345, "12.3k" },     { 123456, "123k" },   { 999499, "999k" },
    { 999500, "1.00M" }, { 9.2e18, "9.20E" }, { -1234, "-1.23k" },   { 0.5, "0.5" },       { 12.34, "12.3" },
    { 3.0, "3" },        { 0.001, "<0.01" }, { INFINITY, "inf" },    { NAN, "-" },         { 100, "100" },
    { 10, "10" },        { 9.999, "10" },    { -0.0, "0" },
};

START_TEST(counts_have_three_digits_and_a_unit)
{
    char text[HUMAN_TEXT_MAX];

    human_count(text, counts[_i].value);
    ck_assert_str_eq(text, counts[_i].text);
}
END_TEST

static const struct spelling sizes[] = {
    { 0, "0B" },         { 512, "512B" },         { 999, "999B" },         { 1000, "0.98KiB" },
    { 1536, "1.50KiB" }, { 123456, "121KiB" },    { 1048576, "1.00MiB" },  { 5e12, "4.55TiB" },
};

START_TEST(sizes_have_binary_units)
{
    char text[HUMAN_TEXT_MAX];

    human_bytes(text, sizes[_i].value);
    ck_assert_str_eq(text, sizes[_i].text);
}
END_TEST

static const struct spelling spans[] = {
    { 0, "0s" },          { 0.0004, "0.4ms" },   { 0.12, "120ms" },       { 0.9994, "999ms" },   { 0.9996, "1s" },
    { 3.2, "3.2s" },      { 3.04, "3s" },        { 9.96, "10s" },         { 45, "45s" },         { 59.4, "59s" },
    { 59.6, "1m" },       { 192, "3m12s" },      { 3599.6, "1h" },        { 3720, "1h2m" },      { 86399.9, "1d" },
    { 187200, "2d4h" },   { 100.0 * 86400, "100d" }, { 2740.0 * 86400, "2.74kd" }, { -192, "-3m12s" }, { INFINITY, "never" },
    { NAN, "-" },         { 9.2e18, "106Td" },
};

START_TEST(spans_have_two_units)
{
    char text[HUMAN_TEXT_MAX];

    human_seconds(text, spans[_i].value);
    ck_assert_str_eq(text, spans[_i].text);
}
END_TEST

static void set_zone(const char *zone)
{
    struct err err;

    ck_assert_int_eq(when_set_zone(zone, &err), 0);
}

START_TEST(instants_carry_their_offset)
{
    char text[HUMAN_TEXT_MAX];

    set_zone("UTC");
    human_time(text, NOW_MS);
    ck_assert_str_eq(text, "2026-11-21 10:31:07+00:00");
    set_zone("Asia/Kolkata");
    human_time(text, NOW_MS + 999);
    ck_assert_str_eq(text, "2026-11-21 16:01:07+05:30");
    set_zone("America/St_Johns");
    human_time(text, NOW_MS);
    ck_assert_str_eq(text, "2026-11-21 07:01:07-03:30");
    human_rfc3339(text, NOW_MS);
    ck_assert_str_eq(text, "2026-11-21T10:31:07Z");
    human_rfc3339(text, NOW_MS + 45);
    ck_assert_str_eq(text, "2026-11-21T10:31:07.045Z");
    human_rfc3339(text, -1);
    ck_assert_str_eq(text, "1969-12-31T23:59:59.999Z");
    human_time(text, INT64_MAX); /* beyond what a calendar holds */
    human_rfc3339(text, INT64_MIN);
}
END_TEST

static const struct {
    const char *text;
    int64_t time_ms;
} moments[] = {
    { "now", NOW_MS },
    { "today", 1795219200000LL },
    { "yesterday", 1795219200000LL - DAY_MS },
    { "yesterday 22:00", 1795219200000LL - 2 * 3600000 },
    { "today 01:02:03", 1795219200000LL + 3723000 },
    { "10:31", NOW_MS - 7000 },
    { "10:32", NOW_MS + 53000 - DAY_MS },
    { "22:00:30", 1795219200000LL + 79230000 - DAY_MS },
    { "2026-11-21", 1795219200000LL },
    { "2026-11-20 22:00", 1795219200000LL - 2 * 3600000 },
    { "2026-11-21T10:31:07Z", NOW_MS },
    { "2026-11-21T11:31:07+01:00", NOW_MS },
    { "2026-11-21 05:01:07-0530", NOW_MS },
    { "2026-11-21 12:31:07 +02", NOW_MS },
    { "2026-11-21T10:31:07.125Z", NOW_MS + 125 },
    { "@1795257067", NOW_MS },
    { "@1795257067.5", NOW_MS + 500 },
    { "-2h", NOW_MS - 7200000 },
    { "2h ago", NOW_MS - 7200000 },
    { "10m20s", NOW_MS - 620000 },
    { "-1d12h", NOW_MS - 36 * 3600000LL },
};

START_TEST(moments_are_understood)
{
    struct err err = { 0 };
    int64_t got = 0;

    set_zone("UTC");
    ck_assert_msg(when_parse(moments[_i].text, NOW_MS, &got, &err) == 0, "%s: %s", moments[_i].text, err.msg);
    ck_assert_msg(got == moments[_i].time_ms, "%s: got %lld, expected %lld", moments[_i].text, (long long)got,
                  (long long)moments[_i].time_ms);
}
END_TEST

static const char *const nonsense[] = {
    "", "tomorrow", "1h30", "-1h30", "25:00", "10:60", "2026-13-01", "2026-02-30", "2026-11-21T10:31:07+1",
    "2026-11-21 10:31:07X", "@",
    "@-5", "@1e30", "yesterdayish", "yesterday 9", "10", "-", "2h agoo", "2026-11-21T10:31:07.Z",
    "a text that is far longer than any moment somebody could reasonably type by hand",
};

START_TEST(nonsense_is_refused_with_the_forms_that_work)
{
    struct err err = { 0 };
    int64_t got = 42;

    set_zone("UTC");
    ck_assert_msg(when_parse(nonsense[_i], NOW_MS, &got, &err) == -1, "%s was taken as %lld", nonsense[_i], (long long)got);
    ck_assert_int_eq(got, 42);
    ck_assert_ptr_nonnull(strstr(err.msg, "-2h"));
}
END_TEST

START_TEST(a_time_of_day_follows_the_zone_and_its_clock_changes)
{
    struct err err;
    int64_t got;

    set_zone("Europe/Berlin");
    ck_assert_int_eq(when_parse("2026-07-01 12:00", NOW_MS, &got, &err), 0);
    ck_assert_int_eq(got, 1782900000000LL); /* summer: +02:00 */
    ck_assert_int_eq(when_parse("2026-11-21 11:31:07", NOW_MS, &got, &err), 0);
    ck_assert_int_eq(got, NOW_MS); /* winter: +01:00 */
}
END_TEST

START_TEST(a_zone_that_does_not_exist_is_refused)
{
    static const char *const bad[] = { "", "Europe/Atlantis", "../../etc/passwd", "/etc/localtime", "Europe" };
    struct err err;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(when_set_zone(bad[i], &err) == -1, "%s was taken", bad[i]);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

static Suite *suite(void)
{
    Suite *s = suite_create("human");
    TCase *c = unit_case(s, "human");

    tcase_add_loop_test(c, counts_have_three_digits_and_a_unit, 0, COUNT(counts));
    tcase_add_loop_test(c, sizes_have_binary_units, 0, COUNT(sizes));
    tcase_add_loop_test(c, spans_have_two_units, 0, COUNT(spans));
    tcase_add_test(c, instants_carry_their_offset);
    tcase_add_loop_test(c, moments_are_understood, 0, COUNT(moments));
    tcase_add_loop_test(c, nonsense_is_refused_with_the_forms_that_work, 0, COUNT(nonsense));
    tcase_add_test(c, a_time_of_day_follows_the_zone_and_its_clock_changes);
    tcase_add_test(c, a_zone_that_does_not_exist_is_refused);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
