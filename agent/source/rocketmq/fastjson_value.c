/*
 * fastjson_value.c - numbers, booleans and texts. Each reader uses its value up, whether it fits or not.
 *
 * 64-bit integers never pass through a double; doubles are the nearest ones, in any locale.
 */
#include "agent/source/rocketmq/fastjson_parts.h"

#include "agent/base/num.h"

#include <stdio.h>

/* The next value as a bare word or number, or the inside of a text; empty for null, objects and arrays. Uses it up. */
static bool take_scalar(struct json *j, struct view *out)
{
    struct view v;
    char first = *j->at;

    if (!json_raw(j, &v) || first == '{' || first == '[' || first == 'n')
        return false;
    *out = first == '"' ? (struct view){ v.data + 1, v.len - 2 } : v;
    return true;
}

static bool slow_i64(struct json *j, int64_t *out)
{
    struct view v;

    return take_scalar(j, &v) && num_to_i64(v.data, v.len, out) == 0;
}

bool json_i64(struct json *j, int64_t *out)
{
    uint64_t n;

    if (!j->has_value)
        return false;
    bool is_negative = *j->at == '-';
    const char *p = json_read_digits(j->at + is_negative, j->end, &n);
    if (p == NULL || (p < j->end && (*p == '.' || *p == 'e' || *p == 'E')))
        return slow_i64(j, out);
    *out = is_negative ? -(int64_t)n : (int64_t)n;
    j->at = p;
    j->has_value = false;
    return true;
}

/*
 * Most numbers here are short (4.97, 1.0E-5): a mantissa below 2^53 and a power of ten up to 22 are both exact doubles,
 * so one multiplication or division rounds correctly. False: not of that sort.
 */
static bool short_real(const char *p, const char *end, double *out)
{
    static const double tens[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    bool is_negative = *p == '-', is_fraction = false;
    uint64_t mantissa = 0;
    int64_t scale = 0, exponent = 0;

    for (p += is_negative; p < end && (json_is_digit(*p) || *p == '.'); p++) {
        if (*p == '.') {
            is_fraction = true;
            continue;
        }
        if (mantissa >= (1ull << 53) / 10)
            return false;
        mantissa = mantissa * 10 + (uint64_t)(*p - '0');
        scale -= is_fraction;
    }
    if (p < end) { /* e or E; a plus sign is not what num_to_i64 takes */
        p += 1 + (p[1] == '+');
        if (num_to_i64(p, (size_t)(end - p), &exponent) < 0 || exponent < -1000 || exponent > 1000)
            return false;
    }
    scale += exponent;
    if (scale < -22 || scale > 22)
        return false;
    double value = scale < 0 ? (double)mantissa / tens[-scale] : (double)mantissa * tens[scale];
    *out = is_negative ? -value : value;
    return true;
}

#define REAL_TEXT_MAX 60
#define REAL_DIGITS_MAX 40 /* of a longer one */
#define REAL_TAIL_MAX 15   /* its exponent */

/* Longer than REAL_TEXT_MAX: its first digits say as much as a double can hold, the others count as zeros. */
static int long_real(struct view v, double *out)
{
    char text[REAL_DIGITS_MAX + REAL_TAIL_MAX + 1], tail[REAL_TAIL_MAX + 1] = "";
    const char *e = memchr(v.data, 'e', v.len), *dot = memchr(v.data, '.', v.len);
    size_t used = REAL_DIGITS_MAX, digits;

    if (e == NULL)
        e = memchr(v.data, 'E', v.len);
    digits = e != NULL ? (size_t)(e - v.data) : v.len;
    if (e != NULL) {
        size_t tail_len = v.len - digits;
        if (tail_len > REAL_TAIL_MAX)
            return -1;
        memcpy(tail, e, tail_len);
    }
    if (digits <= used)
        used = digits;
    else if (dot == NULL || (size_t)(dot - v.data) > used)
        return -1; /* an integer part of so many digits is no rate of anything */
    int len = snprintf(text, sizeof(text), "%.*s%s", (int)used, v.data, tail);
    return num_to_real(text, (size_t)len, out);
}

bool json_real(struct json *j, double *out)
{
    struct view v;
    bool ignored;

    if (!j->has_value || !take_scalar(j, &v) || v.len == 0)
        return false;
    if (json_past_number(v.data, v.data + v.len, &ignored) != v.data + v.len)
        return false;
    if (short_real(v.data, v.data + v.len, out))
        return true;
    if (v.len <= REAL_TEXT_MAX)
        return num_to_real(v.data, v.len, out) == 0;
    return long_real(v, out) == 0;
}

bool json_bool(struct json *j, bool *out)
{
    struct view v;

    if (!j->has_value || !take_scalar(j, &v) || (!view_is(v, "true") && !view_is(v, "false")))
        return false;
    *out = v.data[0] == 't';
    return true;
}

bool json_string(struct json *j, struct view *out)
{
    struct raw text;

    if (!j->has_value)
        return false;
    if (*j->at != '"')
        return take_scalar(j, out);
    if (!json_take_raw(j, &text))
        return false;
    j->has_value = false;
    return json_finish_text(j, text, text.is_escaped ? json_scratch_room(&j->text, text.len) : NULL, out);
}

enum json_kind json_peek(struct json *j)
{
    if (!j->has_value)
        return JSON_NOTHING;
    switch (*j->at) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
    case 'f':
        return JSON_BOOL;
    case 'n':
        return JSON_NULL;
    default:
        return json_is_digit(*j->at) || *j->at == '-' ? JSON_NUMBER : JSON_NOTHING;
    }
}
