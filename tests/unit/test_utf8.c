/* test_utf8.c - against an encoder, and against a decoder that works another way. */
#include "agent/base/utf8.h"

#include "agent/base/buf.h"
#include "tests/unit/unit.h"

#include <string.h>

/* Encodes a code point the way the standard draws it; surrogates and all, so that what must be refused can be made. */
static size_t encode(uint32_t c, unsigned char *out)
{
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (unsigned char)(0xC0 | c >> 6);
        out[1] = (unsigned char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (unsigned char)(0xE0 | c >> 12);
        out[1] = (unsigned char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (unsigned char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (unsigned char)(0xF0 | c >> 18);
    out[1] = (unsigned char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (unsigned char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (unsigned char)(0x80 | (c & 0x3F));
    return 4;
}

/* The slow way: decode by the bits, then ask whether this code point would have been written so. 0: not well formed. */
static size_t reference(const unsigned char *p, size_t len)
{
    static const uint32_t masks[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    unsigned char again[4];
    size_t n = 0;

    if (len > 0)
        n = p[0] < 0x80 ? 1 : (p[0] & 0xE0) == 0xC0 ? 2 : (p[0] & 0xF0) == 0xE0 ? 3 : (p[0] & 0xF8) == 0xF0 ? 4 : 0;
    if (n == 0 || n > len)
        return 0;
    uint32_t c = p[0] & masks[n];
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3F);
    }
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return 0;
    return encode(c, again) == n && memcmp(again, p, n) == 0 ? n : 0;
}

static void check_bytes(const unsigned char *p, size_t len)
{
    size_t got = utf8_char((const char *)p, len), expected = reference(p, len);

    if (got != expected)
        ck_abort_msg("%02X %02X %02X %02X, %zu bytes of it: %zu, expected %zu", p[0], p[1], p[2], p[3], len, got, expected);
}

START_TEST(every_code_point_is_one_character_and_no_surrogate_is)
{
    for (uint32_t c = 0; c <= 0x110FFF; c++) {
        unsigned char bytes[4];
        size_t n = encode(c, bytes), got = utf8_char((const char *)bytes, n);
        bool fine = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
        if (got != (fine ? n : 0))
            ck_abort_msg("U+%04X: %zu", (unsigned)c, got);
        if (n > 1 && utf8_char((const char *)bytes, n - 1) != 0)
            ck_abort_msg("U+%04X cut short is taken", (unsigned)c);
    }
}
END_TEST

START_TEST(every_one_to_three_bytes_are_judged_as_the_slow_way_does)
{
    unsigned char p[4] = { 0 };

    for (unsigned a = 0; a < 256; a++) {
        p[0] = (unsigned char)a;
        check_bytes(p, 1);
        for (unsigned b = 0; b < 256; b++) {
            p[1] = (unsigned char)b;
            check_bytes(p, 2);
            for (unsigned c = 0; a >= 0x80 && c < 256; c++) {
                p[2] = (unsigned char)c;
                check_bytes(p, 3);
            }
        }
    }
}
END_TEST

START_TEST(four_bytes_at_every_boundary_are_judged_as_the_slow_way_does)
{
    static const unsigned char edges[] = { 0x00, 0x7F, 0x80, 0x81, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xED, 0xF0,
                                           0xF4, 0xFF };
    unsigned char p[4];

    for (unsigned a = 0xE0; a < 256; a++)
        for (size_t b = 0; b < sizeof(edges); b++)
            for (size_t c = 0; c < sizeof(edges); c++)
                for (size_t d = 0; d < sizeof(edges); d++) {
                    p[0] = (unsigned char)a, p[1] = edges[b], p[2] = edges[c], p[3] = edges[d];
                    check_bytes(p, 4);
                    check_bytes(p, 3);
                }
}
END_TEST

START_TEST(nothing_is_no_character)
{
    ck_assert_uint_eq(utf8_char("", 0), 0);
    ck_assert(utf8_valid("", 0));
    ck_assert_uint_eq(utf8_char("\0", 1), 1); /* a NUL is a character */
}
END_TEST

struct repair {
    const char *from, *to;
};

#define R "\xEF\xBF\xBD"
static const struct repair repairs[] = {
    { "", "" },
    { "plain", "plain" },
    { "gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F" },
    { "\xE6\xB6\x88\xE6\x81\xAF", "\xE6\xB6\x88\xE6\x81\xAF" },
    { "a\xFFz", "a" R "z" },
    { "\xC3", R },
    { "\xE6\xB6", R R },                   /* cut short: each byte that belongs to nothing */
    { "\xE6\xB6\xE6\x81\xAF", R R "\xE6\x81\xAF" }, /* and what follows is kept */
    { "\xED\xA0\x80", R R R },             /* a surrogate, as Java's modified UTF-8 writes them */
    { "\xC0\x80", R R },                   /* and its NUL */
    { "\xF4\x90\x80\x80", R R R R },
    { "\x80\x80z", R R "z" },
};

START_TEST(repair_keeps_what_is_good_and_marks_what_is_not)
{
    struct buf b;

    buf_init(&b, 0);
    utf8_repair(&b, repairs[_i].from, strlen(repairs[_i].from));
    ck_assert(utf8_valid(b.data, b.len));
    buf_putc(&b, '\0');
    ck_assert_str_eq(b.data, repairs[_i].to);
    ck_assert(utf8_valid(repairs[_i].from, strlen(repairs[_i].from)) == (strcmp(repairs[_i].from, repairs[_i].to) == 0));
    buf_fini(&b);
}
END_TEST

START_TEST(whatever_is_repaired_is_valid_and_stays)
{
    uint64_t seed = unit_seed(), state = seed;

    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        struct buf once, twice;
        size_t len = unit_random(&state) % sizeof(bytes);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)(unit_random(&state) % 4 == 0 ? 'a' : 0x80 | unit_random(&state) % 128);
        buf_init(&once, 0);
        buf_init(&twice, 0);
        utf8_repair(&once, bytes, len);
        utf8_repair(&twice, once.data, once.len);
        if (!utf8_valid(once.data, once.len) || once.len != twice.len ||
            (once.len > 0 && memcmp(once.data, twice.data, once.len) != 0))
            ck_abort_msg("seed %" PRIu64 " round %d", seed, round);
        buf_fini(&once);
        buf_fini(&twice);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("utf8");
    TCase *c = unit_case(s, "utf8");

    tcase_add_test(c, every_code_point_is_one_character_and_no_surrogate_is);
    tcase_add_test(c, every_one_to_three_bytes_are_judged_as_the_slow_way_does);
    tcase_add_test(c, four_bytes_at_every_boundary_are_judged_as_the_slow_way_does);
    tcase_add_test(c, nothing_is_no_character);
    tcase_add_loop_test(c, repair_keeps_what_is_good_and_marks_what_is_not, 0, (int)(sizeof(repairs) / sizeof(repairs[0])));
    tcase_add_test(c, whatever_is_repaired_is_valid_and_stays);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
