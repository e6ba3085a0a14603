/* test_view_term.c - text made fit for a terminal: escaped, measured, cut. */
#include "agent/base/buf.h"
#include "agent/view/term.h"
#include "tests/unit/unit.h"

#include <locale.h>
#include <string.h>
#include <unistd.h>

static void set_locale(void)
{
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
}

static const struct {
    const char *raw, *utf8, *ascii;
} escapes[] = {
    { "orders", "orders", "orders" },
    { "%RETRY%orders|x", "%RETRY%orders|x", "%RETRY%orders|x" },
    { "\033[31mred", "\\x1b[31mred", "\\x1b[31mred" },
    { "a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f", "a\\x0ab\\x09c\\x7f" },
    { "订", "订", "\\xe8\\xae\\xa2" },
    { "e\u0301", "e\u0301", "e\\xcc\\x81" },
    { "\xc2\x85", "\\xc2\\x85", "\\xc2\\x85" },                   /* C1: a terminal may take it as ESC E */
    { "a\u202eb", "a\\xe2\\x80\\xaeb", "a\\xe2\\x80\\xaeb" },   /* turns the line round */
    { "\xff\xc3", "\\xff\\xc3", "\\xff\\xc3" },
    { "", "", "" },
};

START_TEST(what_a_terminal_cannot_show_becomes_hex)
{
    struct buf out;

    set_locale();
    for (int has_utf8 = 0; has_utf8 < 2; has_utf8++) {
        buf_init(&out, 0);
        term_escape(&out, escapes[_i].raw, strlen(escapes[_i].raw), has_utf8);
        buf_putc(&out, '\0');
        ck_assert_str_eq(out.data, has_utf8 ? escapes[_i].utf8 : escapes[_i].ascii);
        buf_fini(&out);
    }
}
END_TEST

START_TEST(width_is_what_the_terminal_takes)
{
    set_locale();
    ck_assert_uint_eq(term_columns("orders", 6), 6);
    ck_assert_uint_eq(term_columns("订单", 6), 4);
    ck_assert_uint_eq(term_columns("e\u0301", 3), 1);
    ck_assert_uint_eq(term_columns("", 0), 0);
}
END_TEST

static const struct {
    const char *text;
    unsigned columns;
    const char *utf8, *ascii;
} cuts[] = {
    { "orders", 6, "orders", "orders" },
    { "orders", 5, "or\u2026rs", "or..s" },
    { "payments-settlement-eu-west-1", 12, "paymen\u2026est-1", "payme..est-1" },
    { "orders", 2, "o\u2026", ".." },
    { "orders", 1, "\u2026", "." },
    { "orders", 0, "", "" },
    { "订单订单", 6, "订\u2026单", NULL },   /* two columns each: one column stays free */
    { "订单订单", 8, "订单订单", NULL },
    { "ae\u0301e\u0301z", 3, "a\u2026z", NULL },
};

START_TEST(a_long_name_loses_its_middle)
{
    struct buf out;

    set_locale();
    for (int has_utf8 = 0; has_utf8 < 2; has_utf8++) {
        const char *expected = has_utf8 ? cuts[_i].utf8 : cuts[_i].ascii;
        if (expected == NULL)
            continue;
        buf_init(&out, 0);
        term_cut(&out, cuts[_i].text, strlen(cuts[_i].text), cuts[_i].columns, false, has_utf8);
        ck_assert_uint_le(term_columns(out.data, out.len), cuts[_i].columns);
        buf_putc(&out, '\0');
        ck_assert_str_eq(out.data, expected);
        buf_fini(&out);
    }
}
END_TEST

/* Property: whatever the bytes, what comes out has no control byte, is never wider than asked and survives being cut anywhere. */
START_TEST(hostile_bytes_never_reach_the_terminal)
{
    uint64_t seed = unit_seed(), state = seed;
    struct buf fit, cut;
    char raw[40];

    set_locale();
    buf_init(&fit, 0);
    buf_init(&cut, 0);
    for (int round = 0; round < 20000; round++) {
        size_t len = unit_random(&state) % sizeof(raw);
        for (size_t i = 0; i < len; i++) /* mostly bytes that begin or continue something */
            raw[i] = (char)(unit_random(&state) % 3 == 0 ? unit_random(&state) : 0x80 | unit_random(&state));
        buf_reset(&fit);
        term_escape(&fit, raw, len, true);
        for (size_t i = 0; i < fit.len; i++)
            ck_assert_msg((unsigned char)fit.data[i] >= 0x20 && fit.data[i] != 0x7f, "UNIT_SEED=%" PRIu64 " round %d", seed,
                          round);
        unsigned columns = (unsigned)(unit_random(&state) % 50);
        buf_reset(&cut);
        term_cut(&cut, fit.data, fit.len, columns, round % 2 == 0, true);
        ck_assert_msg(term_columns(cut.data, cut.len) <= columns, "UNIT_SEED=%" PRIu64 " round %d", seed, round);
    }
    buf_fini(&cut);
    buf_fini(&fit);
}
END_TEST

START_TEST(a_pipe_is_never_too_narrow)
{
    struct term term;
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    term_look(&term, ends[1], TERM_WIDTH_AUTO, false);
    ck_assert_uint_eq(term.width, TERM_UNLIMITED);
    ck_assert(!term.is_tty);
    term_look(&term, ends[1], 72, true);
    ck_assert_uint_eq(term.width, 72);
    ck_assert(term.has_color);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

static Suite *suite(void)
{
    Suite *s = suite_create("view_term");
    TCase *c = unit_case(s, "term");

    tcase_add_loop_test(c, what_a_terminal_cannot_show_becomes_hex, 0, COUNT(escapes));
    tcase_add_test(c, width_is_what_the_terminal_takes);
    tcase_add_loop_test(c, a_long_name_loses_its_middle, 0, COUNT(cuts));
    tcase_add_test(c, hostile_bytes_never_reach_the_terminal);
    tcase_add_test(c, a_pipe_is_never_too_narrow);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
