/*
 * fastjson_text.c - tokens and escapes of fastjson's dialect: where a string or number ends, what a text means.
 *
 * Knows bytes, not grammar; see fastjson_parts.h for who uses it. Tolerant where it does no harm: raw control characters
 * in texts and leading zeros pass.
 */
#include "agent/source/rocketmq/fastjson_parts.h"

#include "agent/base/xalloc.h"

#include <stdlib.h>

/* p stands behind an opening quote: behind the closing one, or NULL. */
const char *json_past_string(const char *p, const char *end, bool *is_escaped)
{
    *is_escaped = false;
    for (;;) {
        p = json_find_quote(p, end);
        if (p == end)
            return NULL;
        if (*p == '"')
            return p + 1;
        *is_escaped = true;
        if (end - p < 2)
            return NULL;
        p += 2;
    }
}

/* Behind the number at p, or NULL. Leading zeros are let through; no server writes them and they mean no harm. */
const char *json_past_number(const char *p, const char *end, bool *is_integer)
{
    const char *digits = p += (p < end && *p == '-');

    while (p < end && json_is_digit(*p))
        p++;
    if (p == digits)
        return NULL;
    *is_integer = true;
    if (p < end && *p == '.') {
        *is_integer = false;
        for (digits = ++p; p < end && json_is_digit(*p);)
            p++;
        if (p == digits)
            return NULL;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        *is_integer = false;
        p++;
        p += (p < end && (*p == '+' || *p == '-'));
        for (digits = p; p < end && json_is_digit(*p);)
            p++;
        if (p == digits)
            return NULL;
    }
    return p;
}

/* Behind true, false or null at p, or NULL. */
const char *json_past_word(const char *p, const char *end)
{
    if (STARTS(p, end, "true") || STARTS(p, end, "null"))
        return p + 4;
    return STARTS(p, end, "false") ? p + 5 : NULL;
}

/* ---- escapes ---------------------------------------------------------------------------------------------------- */

char *json_scratch_room(struct json_scratch *s, size_t size)
{
    if (s->cap < size) {
        free(s->data);
        s->cap = size < 64 ? 64 : size;
        s->data = xmalloc(s->cap);
    }
    return s->data;
}

static int hex_value(const char *p, unsigned digits, uint32_t *value)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < digits; i++) {
        char c = p[i], lower = (char)(c | 0x20);
        if (json_is_digit(c))
            v = v * 16 + (uint32_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            v = v * 16 + (uint32_t)(lower - 'a') + 10;
        else
            return -1;
    }
    *value = v;
    return 0;
}

static char *put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xC0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *to++ = (char)(0xE0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
        *to++ = (char)(0x80 | (c & 0x3F));
    } else {
        *to++ = (char)(0xF0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3F));
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
        *to++ = (char)(0x80 | (c & 0x3F));
    }
    return to;
}

#define REPLACEMENT 0xFFFDu

/* p stands behind \u: one character, with its second half if it is a surrogate pair; a half alone becomes U+FFFD. */
static const char *read_u(const char *p, const char *end, uint32_t *c)
{
    uint32_t low;

    if (end - p < 4 || hex_value(p, 4, c) < 0)
        return NULL;
    p += 4;
    if (*c < 0xD800 || *c > 0xDFFF)
        return p;
    bool is_pair = *c < 0xDC00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' && hex_value(p + 2, 4, &low) == 0 &&
                   low >= 0xDC00 && low <= 0xDFFF;
    *c = is_pair ? 0x10000 + ((*c - 0xD800) << 10) + (low - 0xDC00) : REPLACEMENT;
    return is_pair ? p + 6 : p;
}

/* p stands behind a backslash: the character meant. \v, \0 to \7, \' and \xHH are fastjson's own. */
static const char *read_escape(const char *p, const char *end, uint32_t *c)
{
    static const char names[] = "\"\\/'bfnrtv01234567", means[] = "\"\\/'\b\f\n\r\t\v\0\1\2\3\4\5\6\7";

    if (p == end)
        return NULL;
    if (*p == 'u')
        return read_u(p + 1, end, c);
    if (*p == 'x')
        return end - p >= 3 && hex_value(p + 1, 2, c) == 0 ? p + 3 : NULL;
    const char *found = memchr(names, *p, sizeof(names) - 1);
    if (found == NULL)
        return NULL;
    *c = (unsigned char)means[found - names];
    return p + 1;
}

/* Never longer than what is read, so `to` may be the text itself. NULL in view->data: a bad escape. */
static struct view unescape(struct raw text, char *to)
{
    const char *p = text.data, *end = p + text.len;
    char *start = to;

    while (p < end) {
        if (*p != '\\') {
            *to++ = *p++;
            continue;
        }
        uint32_t c;
        p = read_escape(p + 1, end, &c);
        if (p == NULL)
            return (struct view){ 0 };
        to = put_utf8(to, c);
    }
    return (struct view){ start, (size_t)(to - start) };
}

bool json_finish_text(struct json *j, struct raw text, char *room, struct view *out)
{
    struct view v = text.is_escaped ? unescape(text, room) : (struct view){ text.data, text.len };

    if (v.data == NULL)
        return json_fail(j, ERR_PROTO, text.data, "a text with an escape that does not exist");
    *out = v;
    return true;
}

bool json_take_raw(struct json *j, struct raw *out)
{
    const char *first = j->at + 1, *behind = json_past_string(first, j->end, &out->is_escaped);

    if (behind == NULL)
        return json_expected(j, j->end, "the end of a text");
    out->data = first;
    out->len = (size_t)(behind - 1 - first);
    if (out->len > JSON_TEXT_MAX)
        return json_fail(j, ERR_LIMIT, first, "a text longer than 1 MiB");
    j->at = behind;
    return true;
}
