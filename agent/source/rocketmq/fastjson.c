/*
 * fastjson.c - see fastjson.h for the contract and fastjson_parts.h for how the parser is cut up. Here: life, failures,
 * containers, and passing over what nobody wants, which counts brackets and checks no further.
 */
#include "agent/source/rocketmq/fastjson_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

bool json_fail(struct json *j, enum err_kind kind, const char *at, const char *why)
{
    if (j->failed == ERR_NONE) {
        j->failed = kind;
        j->why = why;
        j->failed_at = (size_t)(at - j->start);
    }
    j->has_value = false;
    return false;
}

bool json_expected(struct json *j, const char *at, const char *what)
{
    return json_fail(j, ERR_PROTO, at, what);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

void json_init(struct json *j, const char *data, size_t len)
{
    static const char nothing[1];

    *j = (struct json){ .start = len > 0 ? data : nothing };
    j->end = j->start + len;
    j->at = json_past_space(j->start, j->end);
    j->has_value = true;
    if (j->at == j->end)
        json_expected(j, j->at, "a value");
}

static void describe(const struct json *j, char *text, size_t cap)
{
    const char *at = j->start + j->failed_at;

    if (at >= j->end)
        snprintf(text, cap, "the end");
    else if (*at > ' ' && *at < 0x7F)
        snprintf(text, cap, "'%c'", *at);
    else
        snprintf(text, cap, "byte 0x%02x", (unsigned)(unsigned char)*at);
}

static int tell_failure(const struct json *j, struct err *err)
{
    char found[16];

    describe(j, found, sizeof(found));
    if (j->failed == ERR_PROTO)
        return err_set(err, ERR_PROTO, "body at byte %zu of %zu: expected %s, found %s", j->failed_at,
                       (size_t)(j->end - j->start), j->why, found);
    return err_set(err, j->failed, "body at byte %zu of %zu: %s", j->failed_at, (size_t)(j->end - j->start), j->why);
}

int json_done(struct json *j, struct err *err)
{
    if (j->failed == ERR_NONE && j->depth == 0 && !j->has_value) {
        const char *rest = json_past_space(j->at, j->end);
        if (rest < j->end)
            json_expected(j, rest, "nothing more");
    }
    free(j->text.data);
    for (size_t i = 0; i <= JSON_DEPTH_MAX; i++)
        free(j->keys[i].data);
    j->text = (struct json_scratch){ 0 };
    memset(j->keys, 0, sizeof(j->keys));
    j->has_value = false;
    return j->failed == ERR_NONE ? 0 : tell_failure(j, err);
}

/* ---- passing over ----------------------------------------------------------------------------------------------- */

/* Behind the object or array at `at`, by counting brackets. */
static const char *past_container(struct json *j)
{
    uint32_t depth = j->depth, bits = j->array_bits;
    const char *p = j->at;
    bool escaped;

    for (; p < j->end; p++) {
        switch (*p) {
        case '"':
            p = json_past_string(p + 1, j->end, &escaped);
            if (p == NULL) {
                json_expected(j, j->end, "the end of a text");
                return NULL;
            }
            p--;
            break;
        case '{':
        case '[':
            if (depth == JSON_DEPTH_MAX) {
                json_fail(j, ERR_LIMIT, p, "deeper than 32 levels");
                return NULL;
            }
            bits = *p == '[' ? bits | 1u << depth : bits & ~(1u << depth);
            depth++;
            break;
        case '}':
        case ']':
            depth--;
            if ((*p == ']') != (bits >> depth & 1)) {
                json_expected(j, p, bits >> depth & 1 ? "']'" : "'}'");
                return NULL;
            }
            if (depth == j->depth)
                return p + 1;
            break;
        default:
            break;
        }
    }
    json_expected(j, j->end, "the end of an object or array");
    return NULL;
}

static const char *past_value(struct json *j)
{
    const char *p = NULL;
    bool ignored;

    switch (*j->at) {
    case '{':
    case '[':
        return past_container(j);
    case '"':
        p = json_past_string(j->at + 1, j->end, &ignored);
        if (p == NULL)
            json_expected(j, j->end, "the end of a text");
        return p;
    case 't':
    case 'f':
    case 'n':
        p = json_past_word(j->at, j->end);
        break;
    default:
        p = json_past_number(j->at, j->end, &ignored);
    }
    if (p == NULL)
        json_expected(j, j->at, "a value");
    return p;
}

bool json_raw(struct json *j, struct view *out)
{
    if (!j->has_value)
        return false;
    const char *first = j->at, *behind = past_value(j);
    if (behind == NULL)
        return false;
    *out = (struct view){ first, (size_t)(behind - first) };
    j->at = behind;
    j->has_value = false;
    return true;
}

void json_skip(struct json *j)
{
    struct view ignored;

    json_raw(j, &ignored);
}

/* ---- containers ------------------------------------------------------------------------------------------------- */

static bool enter(struct json *j, char bracket)
{
    if (!j->has_value)
        return false;
    if (*j->at != bracket) {
        json_skip(j);
        return false;
    }
    if (j->depth == JSON_DEPTH_MAX)
        return json_fail(j, ERR_LIMIT, j->at, "deeper than 32 levels");
    uint32_t bit = 1u << j->depth;
    j->array_bits = bracket == '[' ? j->array_bits | bit : j->array_bits & ~bit;
    j->depth++;
    j->at++;
    j->is_first = true;
    j->has_value = false;
    return true;
}

bool json_enter_object(struct json *j)
{
    return enter(j, '{');
}

bool json_enter_array(struct json *j)
{
    return enter(j, '[');
}

bool json_enter_body(struct json *j)
{
    if (j->has_value && *j->at != '{')
        return json_expected(j, j->at, "an object");
    return enter(j, '{');
}

bool json_next_item(struct json *j)
{
    if (j->failed != ERR_NONE)
        return false;
    assert(j->depth > 0 && json_is_in_array(j));
    if (!json_step(j, ']'))
        return false;
    j->has_value = true;
    return true;
}

void json_leave(struct json *j)
{
    if (j->failed != ERR_NONE)
        return;
    assert(j->depth > 0);
    if (json_is_in_array(j)) {
        while (json_next_item(j))
            ;
    } else {
        struct json_key ignored;
        while (json_next_key(j, &ignored))
            ;
    }
}
