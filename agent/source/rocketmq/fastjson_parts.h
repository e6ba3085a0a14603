/*
 * fastjson_parts.h - what the files of the parser share among themselves; nobody else includes it.
 *
 *      fastjson.c         life, failures, containers, passing over
 *      fastjson_key.c     keys: texts, integers and queues in all their spellings
 *      fastjson_value.c   numbers, booleans, texts
 *      fastjson_text.c    tokens and escapes: bytes, no grammar
 *
 * `at` stands on the first byte of a value whenever has_value is set, else behind the last thing taken. Every function
 * leaves with at <= end; no byte at or behind end is read. A failure sets `failed` and clears has_value, so the readers of
 * values need to look at has_value only.
 *
 * Speed: answers of 10 MB are normal, and most of their bytes are queue keys, member names and timestamps. So texts are
 * searched and digits are read eight bytes at a time, and what stands here is inlined where it is used.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_FASTJSON_PARTS_H
#define AGENT_SOURCE_ROCKETMQ_FASTJSON_PARTS_H

#include "agent/source/rocketmq/fastjson.h"

/* A text as it is written, without its quotes. */
struct raw {
    const char *data;
    size_t len;
    bool is_escaped;
};

/* fastjson.c. Both return false; the second one's sentence is "expected WHAT, found ...". */
bool json_fail(struct json *j, enum err_kind kind, const char *at, const char *why);
bool json_expected(struct json *j, const char *at, const char *what);

/* fastjson_text.c: where a token ends, or NULL if there is none. */
const char *json_past_string(const char *p, const char *end, bool *is_escaped); /* p behind the opening quote */
const char *json_past_number(const char *p, const char *end, bool *is_integer);
const char *json_past_word(const char *p, const char *end); /* true, false, null */

/* fastjson_text.c: texts. */
char *json_scratch_room(struct json_scratch *s, size_t size);
bool json_take_raw(struct json *j, struct raw *out); /* the string whose opening quote is at `at`; leaves has_value alone */
/* The text as its reader wants it: in place, or unescaped into `room`, which has len bytes and may be the text itself. */
bool json_finish_text(struct json *j, struct raw text, char *room, struct view *out);

/* ---- eight bytes at a time -------------------------------------------------------------------------------------- */

#define EACH_BYTE(b) (0x0101010101010101u * (uint64_t)(b))

/* Eight bytes, the first one lowest. */
static inline uint64_t load8(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* The lowest bit set marks the first zero byte exactly; bits above it may lie. */
static inline uint64_t zero_bytes(uint64_t v)
{
    return (v - EACH_BYTE(0x01)) & ~v & EACH_BYTE(0x80);
}

/* The first quote or backslash, or end. */
static inline const char *json_find_quote(const char *p, const char *end)
{
    while (end - p >= 8) {
        uint64_t v = load8(p);
        uint64_t hit = zero_bytes(v ^ EACH_BYTE('"')) | zero_bytes(v ^ EACH_BYTE('\\'));
        if (hit != 0)
            return p + __builtin_ctzll(hit) / 8;
        p += 8;
    }
    while (p < end && *p != '"' && *p != '\\')
        p++;
    return p;
}

static inline bool json_is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

static inline bool are_eight_digits(uint64_t v)
{
    return ((v & EACH_BYTE(0xF0)) | (((v + EACH_BYTE(0x06)) & EACH_BYTE(0xF0)) >> 4)) == EACH_BYTE(0x33);
}

/* "12345678" -> 12345678: pairs, then fours, then all eight. */
static inline uint64_t eight_digits_value(uint64_t v)
{
    v -= EACH_BYTE('0');
    v = v * 10 + (v >> 8);
    return (((v & 0x000000FF000000FFu) * 0x000F424000000064u) + (((v >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u)) >> 32;
}

/* Reads the digits at p into *sum. Behind them, or NULL if there are more than 18 (which always fit) or none. */
static inline const char *json_read_digits(const char *p, const char *end, uint64_t *sum)
{
    const char *first = p;
    uint64_t n = 0, v;

    while (end - p >= 8 && are_eight_digits(v = load8(p)) && p - first <= 8) {
        n = n * 100000000 + eight_digits_value(v);
        p += 8;
    }
    for (; p < end && json_is_digit(*p) && p - first <= 18; p++)
        n = n * 10 + (uint64_t)(*p - '0');
    if (p == first || p - first > 18)
        return NULL;
    *sum = n;
    return p;
}

/* ---- tokens and steps ------------------------------------------------------------------------------------------- */

static inline bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline const char *json_past_space(const char *p, const char *end)
{
    while (p < end && is_space(*p))
        p++;
    return p;
}

static inline bool starts_with(const char *p, const char *end, const char *text, size_t len)
{
    return (size_t)(end - p) >= len && memcmp(p, text, len) == 0;
}

#define STARTS(p, end, literal) starts_with(p, end, literal, sizeof(literal) - 1)

static inline bool json_is_in_array(const struct json *j)
{
    return j->array_bits >> (j->depth - 1) & 1;
}

/* The container's closing bracket stands at `at`. */
static inline bool json_close_container(struct json *j)
{
    j->at++;
    j->depth--;
    j->is_first = false;
    return false;
}

/* To the next key or item: passes over an unread value and the comma. False: the container has ended, or failure. */
static inline bool json_step(struct json *j, char closing)
{
    if (j->has_value)
        json_skip(j);
    if (j->failed != ERR_NONE)
        return false;
    const char *p = json_past_space(j->at, j->end);
    if (p < j->end && *p == closing) {
        j->at = p;
        return json_close_container(j);
    }
    if (!j->is_first) {
        if (p == j->end || *p != ',')
            return json_expected(j, p, closing == '}' ? "',' or '}'" : "',' or ']'");
        p = json_past_space(p + 1, j->end);
    }
    if (p == j->end)
        return json_expected(j, p, closing == '}' ? "a key" : "a value");
    j->at = p;
    j->is_first = false;
    return true;
}

#endif
