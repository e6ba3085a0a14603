/* test_option.c - texts to typed fields, and the nearest known name. */
#include "agent/base/option.h"

#include <check.h>
#include <string.h>

struct all {
    const char *text, *secret, *url;
    bool flag;
    int64_t number, duration, size, any;
    int choice;
};

static const char *const choices[] = { "auto", "always", "never", NULL };
static const struct option_spec specs[] = {
    OPT(OPT_TYPE_STR, struct all, text, "none", "a text"),
    OPT(OPT_TYPE_SECRET, struct all, secret, "", "a secret"),
    OPT(OPT_TYPE_URL, struct all, url, NULL, "a URL"),
    OPT(OPT_TYPE_BOOL, struct all, flag, "yes", "a switch"),
    OPT_RANGE(OPT_TYPE_INT, struct all, number, "5", -10, 10, "a number"),
    OPT_RANGE(OPT_TYPE_DURATION, struct all, duration, "1s", 100, 60000, "a duration"),
    OPT_RANGE(OPT_TYPE_SIZE, struct all, size, "1KiB", 1, 1 << 20, "a size"),
    OPT(OPT_TYPE_INT, struct all, any, "0", "a number without limits"),
    OPT_CHOICE(struct all, choice, "always", choices, "a choice"),
    { 0 },
};

START_TEST(defaults_fill_every_field_that_has_one)
{
    struct all all = { .url = "untouched" };

    option_set_defaults(specs, &all);
    ck_assert_str_eq(all.text, "none");
    ck_assert_str_eq(all.secret, "");
    ck_assert_str_eq(all.url, "untouched");
    ck_assert(all.flag);
    ck_assert_int_eq(all.number, 5);
    ck_assert_int_eq(all.duration, 1000);
    ck_assert_int_eq(all.size, 1024);
    ck_assert_int_eq(all.choice, 1);
}
END_TEST

static const struct {
    const char *name, *text;
    int64_t value;
} good[] = {
    { "number", "-10", -10 }, { "number", "10", 10 }, { "number", "0", 0 },
    { "duration", "100ms", 100 }, { "duration", "60s", 60000 }, { "duration", "1m", 60000 }, { "duration", "1s500ms", 1500 },
    { "size", "1", 1 }, { "size", "1MiB", 1 << 20 }, { "size", "64KiB", 65536 }, { "size", "10kB", 10000 },
    { "any", "9223372036854775807", INT64_MAX },
};

START_TEST(a_number_within_its_limits_is_taken)
{
    struct all all = { 0 };
    struct err err;
    const struct option_spec *spec = option_find(specs, good[_i].name);

    ck_assert_int_eq(option_set(spec, &all, good[_i].text, &err), 0);
    ck_assert_int_eq(*(int64_t *)((char *)&all + spec->offset), good[_i].value);
}
END_TEST

static const struct {
    const char *name, *text, *message;
} bad[] = {
    { "number", "-11", "number = -11: must lie between -10 and 10" },
    { "number", "11", "must lie between" },
    { "number", "1.5", "number = 1.5: expected a whole number" },
    { "number", "0x1", "expected a whole number" },
    { "number", " 1", "expected a whole number" },
    { "number", "1 ", "expected a whole number" },
    { "number", "", "expected a whole number" },
    { "any", "9223372036854775808", "expected a whole number" },
    { "any", "-1", "must lie between 0 and" },
    { "duration", "5", "duration = 5: expected a duration such as 500ms, 10s, 5m or 30d" },
    { "duration", "5 s", "expected a duration" },
    { "duration", "1h30", "expected a duration" },
    { "duration", "99ms", "duration = 99ms: must lie between 100 ms and 60000 ms" },
    { "duration", "999999999999999999d", "expected a duration" },
    { "size", "1X", "size = 1X: expected a size such as 64KiB or 10MiB" },
    { "size", "2MiB", "must lie between" },
    { "flag", "maybe", "flag = maybe: expected yes or no" },
    { "flag", "", "expected yes or no" },
    { "choice", "Always", "choice = Always: expected one of auto, always, never" },
    { "choice", "", "expected one of" },
};

START_TEST(anything_else_is_refused_with_what_was_expected)
{
    struct all all = { .number = 1, .any = 1, .duration = 1, .size = 1, .choice = 2 }, before = all;
    struct err err = { 0 };

    ck_assert_int_eq(option_set(option_find(specs, bad[_i].name), &all, bad[_i].text, &err), -1);
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    ck_assert_msg(strstr(err.msg, bad[_i].message) != NULL, "expected \"%s\", got \"%s\"", bad[_i].message, err.msg);
    ck_assert_mem_eq(&all, &before, sizeof(all));
}
END_TEST

static const struct {
    const char *text;
    bool value;
} switches[] = {
    { "yes", true }, { "no", false },  { "TRUE", true }, { "False", false },
    { "on", true },  { "off", false }, { "1", true },    { "0", false },
};

START_TEST(a_switch_takes_the_usual_words)
{
    struct all all = { .flag = !switches[_i].value };

    ck_assert_int_eq(option_set(option_find(specs, "flag"), &all, switches[_i].text, NULL), 0);
    ck_assert(all.flag == switches[_i].value);
}
END_TEST

START_TEST(texts_are_taken_as_they_are_and_not_copied)
{
    static const char text[] = " any thing ";
    struct all all = { 0 };

    ck_assert_int_eq(option_set(option_find(specs, "text"), &all, text, NULL), 0);
    ck_assert_int_eq(option_set(option_find(specs, "secret"), &all, text, NULL), 0);
    ck_assert_int_eq(option_set(option_find(specs, "url"), &all, text, NULL), 0);
    ck_assert_ptr_eq(all.text, text);
    ck_assert_ptr_eq(all.secret, text);
    ck_assert_ptr_eq(all.url, text);
}
END_TEST

START_TEST(names_are_found_exactly)
{
    ck_assert_ptr_eq(option_find(specs, "size"), &specs[6]);
    ck_assert_ptr_null(option_find(specs, "Size"));
    ck_assert_ptr_null(option_find(specs, "siz"));
    ck_assert_ptr_null(option_find(specs, ""));
}
END_TEST

static const struct {
    const char *given, *nearest;
} names[] = {
    { "intervall", "interval" }, /* one too many */
    { "intrval", "interval" },   /* one too few */
    { "intarval", "interval" },  /* one wrong */
    { "itnerval", "interval" },  /* two swapped */
    { "ineterva", "interval" },
    { "intxrvxx", NULL },        /* three edits are too many */
    { "ulr", "url" },
    { "xyz", NULL },
    { "", NULL },
};

START_TEST(the_nearest_name_is_at_most_two_edits_away)
{
    static const char *const known[] = { "interval", "url", "timeout", NULL };

    ck_assert_pstr_eq(option_nearest(names[_i].given, known), names[_i].nearest);
}
END_TEST

START_TEST(a_very_long_name_is_near_to_nothing)
{
    static const char *const known[] = { "interval", NULL };
    char name[200];

    memset(name, 'i', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    ck_assert_ptr_null(option_nearest(name, known));
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *s = suite_create("option");
    TCase *t = tcase_create("option");

    suite_add_tcase(s, t);
    tcase_add_test(t, defaults_fill_every_field_that_has_one);
    tcase_add_loop_test(t, a_number_within_its_limits_is_taken, 0, COUNT(good));
    tcase_add_loop_test(t, anything_else_is_refused_with_what_was_expected, 0, COUNT(bad));
    tcase_add_loop_test(t, a_switch_takes_the_usual_words, 0, COUNT(switches));
    tcase_add_test(t, texts_are_taken_as_they_are_and_not_copied);
    tcase_add_test(t, names_are_found_exactly);
    tcase_add_loop_test(t, the_nearest_name_is_at_most_two_edits_away, 0, COUNT(names));
    tcase_add_test(t, a_very_long_name_is_near_to_nothing);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed > 0;
}
