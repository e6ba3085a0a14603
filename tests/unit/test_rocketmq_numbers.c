/* test_rocketmq_numbers.c - how long the text of a number from a broker may be: in a body, and in a text of its runtime. */
#include "agent/base/buf.h"
#include "agent/source/rocketmq/fastjson.h"
#include "agent/source/rocketmq/names.h"
#include "agent/source/rocketmq/runtime.h"
#include "tests/unit/unit.h"

#include <string.h>

#define NUMBER_MAX_BYTES 48 /* of runtime.c */
#define REAL_TEXT_MAX 60    /* these three of fastjson_value.c */
#define REAL_DIGITS_MAX 40
#define REAL_TAIL_MAX 15

static struct buf text;

/* A number so many characters long: `head`, as many zeros as it takes, `tail`. */
static struct view make_number(const char *head, const char *tail, size_t len)
{
    buf_reset(&text);
    buf_puts(&text, head);
    while (text.len + strlen(tail) < len)
        buf_putc(&text, '0');
    buf_puts(&text, tail);
    ck_assert_uint_eq(text.len, len);
    return (struct view){ text.data, text.len };
}

START_TEST(a_real_number_of_the_runtime_has_a_longest_text) /* loop test: _i is how far past the limit */
{
    struct runtime_facts facts = RUNTIME_FACTS_NONE;
    struct batch *b = batch_new();
    uint32_t row = batch_add(b, TABLE_BROKERS);

    runtime_take(b, row, &facts, view_of("putLatency99"), make_number("1.5", "", NUMBER_MAX_BYTES + (size_t)_i));
    ck_assert_int_eq(batch_has(b, TABLE_BROKERS, row, BROKERS_PUT_LATENCY_99), _i == 0);
    ck_assert(_i == 1 || batch_real(b, TABLE_BROKERS, row, BROKERS_PUT_LATENCY_99) == 1.5);
    batch_unref(b);
}
END_TEST

#define DIGITS_38 "12345678901234567890123456789012345678"

static const struct {
    const char *head, *tail;
    size_t len;
    bool is_there;
    double value;
} reals[] = {
    { "1", "", REAL_TEXT_MAX, true, 1e59 },
    { "1", "", REAL_TEXT_MAX + 1, false, 0 }, /* its integer part is beyond REAL_DIGITS_MAX */
    { "0.", "1", REAL_TEXT_MAX, true, 1e-58 },
    { "0.", "1", REAL_TEXT_MAX + 1, true, 0 }, /* that 1 is beyond them */
    { "0.25", "1", 1000, true, 0.25 },
    { DIGITS_38 "90.", "", REAL_TEXT_MAX + 1, true, 1234567890123456789012345678901234567890.0 },
    { DIGITS_38 "901.", "", REAL_TEXT_MAX + 1, false, 0 },
    { "-1." DIGITS_38 "1", "", REAL_TEXT_MAX + 1, true, -1.1234567890123457 },
    { "1.", "e-0000000000003", REAL_TEXT_MAX + 1, true, 1e-3 },
    { "1.", "e-00000000000003", REAL_TEXT_MAX + 1, false, 0 }, /* beyond REAL_TAIL_MAX */
};

_Static_assert(sizeof(DIGITS_38 "90") - 1 == REAL_DIGITS_MAX, "an integer part at its limit");
_Static_assert(sizeof("e-0000000000003") - 1 == REAL_TAIL_MAX, "an exponent at its limit");

START_TEST(a_real_number_in_a_body_has_a_longest_text) /* loop test over reals */
{
    struct view number = make_number(reals[_i].head, reals[_i].tail, reals[_i].len);
    struct buf body;
    struct json j;
    struct json_key key;
    struct err err = { 0 };
    double got = 4711;

    buf_init(&body, 0);
    buf_puts(&body, "{\"v\":");
    buf_put(&body, number.data, number.len);
    buf_putc(&body, '}');
    json_init(&j, body.data, body.len);
    ck_assert(json_enter_body(&j) && json_next_key(&j, &key));
    ck_assert_msg(json_real(&j, &got) == reals[_i].is_there, "%.*s", (int)number.len, number.data);
    ck_assert_msg(got == (reals[_i].is_there ? reals[_i].value : 4711), "%.*s gave %.17g", (int)number.len, number.data, got);
    ck_assert(!json_next_key(&j, &key));
    ck_assert_msg(json_done(&j, &err) == 0, "%s", err.msg);
    buf_fini(&body);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rocketmq numbers");
    TCase *c = unit_case(suite, "numbers");

    tcase_add_loop_test(c, a_real_number_of_the_runtime_has_a_longest_text, 0, 2);
    tcase_add_loop_test(c, a_real_number_in_a_body_has_a_longest_text, 0, (int)(sizeof(reals) / sizeof(reals[0])));
    return unit_main(suite);
}
