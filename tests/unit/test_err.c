/* test_err.c - kinds, texts, and texts that are too long. */
#include "agent/base/err.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

START_TEST(an_error_carries_its_kind_and_a_sentence)
{
    struct err err;

    ck_assert_int_eq(err_set(&err, ERR_LIMIT, "frame of %u bytes, limit is %u", 9u, 8u), -1);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert_int_eq(err.sys, 0);
    ck_assert_str_eq(err.msg, "frame of 9 bytes, limit is 8");
}
END_TEST

START_TEST(a_system_error_says_what_the_system_said)
{
    struct err err;

    errno = ECONNREFUSED;
    ck_assert_int_eq(err_sys(&err, "connect to %s", "a:1"), -1);
    ck_assert_int_eq(err.kind, ERR_SYS);
    ck_assert_int_eq(err.sys, ECONNREFUSED);
    ck_assert_str_eq(err.msg, "connect to a:1: Connection refused");
}
END_TEST

START_TEST(context_goes_in_front_and_the_kind_stays)
{
    struct err err;

    errno = ECONNREFUSED;
    err_sys(&err, "connect");
    ck_assert_int_eq(err_wrap(&err, "broker %s", "a"), -1);
    ck_assert_int_eq(err_wrap(&err, "source prod"), -1);
    ck_assert_str_eq(err.msg, "source prod: broker a: connect: Connection refused");
    ck_assert_int_eq(err.kind, ERR_SYS);
    ck_assert_int_eq(err.sys, ECONNREFUSED);
}
END_TEST

START_TEST(nobody_has_to_listen)
{
    ck_assert_int_eq(err_set(NULL, ERR_PROTO, "x"), -1);
    ck_assert_int_eq(err_sys(NULL, "x"), -1);
    ck_assert_int_eq(err_wrap(NULL, "x"), -1);
}
END_TEST

/* Loop test: a context of _i * 50 characters in front of a text that is full, cut, or neither. */
START_TEST(a_text_that_is_too_long_is_cut_and_ends)
{
    struct err err;
    char context[1001];
    size_t len = (size_t)_i * 50;

    memset(context, 'c', len);
    context[len] = '\0';
    err_set(&err, ERR_REMOTE, "%0*d", 350, 0);
    err_wrap(&err, "%s", context);
    size_t whole = len + 2 + 350, most = sizeof(err.msg) - 1;
    ck_assert_msg(strlen(err.msg) == (whole < most ? whole : most), "context of %zu: message of %zu", len, strlen(err.msg));
    errno = EPIPE;
    err_sys(&err, "%s", context);
    ck_assert_msg(strlen(err.msg) <= most, "context of %zu: message of %zu", len, strlen(err.msg));
    ck_assert_int_eq(err.sys, EPIPE);
}
END_TEST

START_TEST(every_kind_has_a_word_of_its_own)
{
    ck_assert_str_eq(err_kind_name(ERR_NONE), "");
    for (int a = ERR_NONE + 1; a < ERR_KINDS; a++) {
        ck_assert_msg(err_kind_name((enum err_kind)a)[0] != '\0', "kind %d has no name", a);
        for (int b = ERR_NONE; b < a; b++)
            ck_assert_str_ne(err_kind_name((enum err_kind)a), err_kind_name((enum err_kind)b));
    }
    ck_assert_str_eq(err_kind_name((enum err_kind)99), "");
    ck_assert_str_eq(err_kind_name((enum err_kind)-1), "");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("err");
    TCase *c = unit_case(s, "err");

    tcase_add_test(c, an_error_carries_its_kind_and_a_sentence);
    tcase_add_test(c, a_system_error_says_what_the_system_said);
    tcase_add_test(c, context_goes_in_front_and_the_kind_stays);
    tcase_add_test(c, nobody_has_to_listen);
    tcase_add_loop_test(c, a_text_that_is_too_long_is_cut_and_ends, 0, 20);
    tcase_add_test(c, every_kind_has_a_word_of_its_own);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
