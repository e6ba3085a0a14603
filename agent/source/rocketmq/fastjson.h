/*
 * fastjson.h - a pull parser for what RocketMQ calls JSON.
 *
 * Bodies are printed by fastjson and are not JSON: keys may be bare integers or whole objects (PROTOCOL: "the dialect").
 * This parser walks over the caller's bytes and hands out one thing at a time; there is no tree, and memory stays flat
 * whatever the size of the body. It never reads past the end and accepts any bytes.
 *
 *     struct json j;
 *     struct json_key key;
 *
 *     json_init(&j, body.data, body.len);
 *     if (json_enter_body(&j))
 *         while (json_next_key(&j, &key))
 *             if (json_key_is(&key, "offsetTable") && json_enter_object(&j))
 *                 while (json_next_key(&j, &key))
 *                     ...
 *     return json_done(&j, err);
 *
 * Three rules make callers short. A value that nobody read is skipped by the next step, so unknown members need no
 * code. A value of another type than asked for (null, too) is "not there": the reader says false, the value is used up,
 * *out is untouched, and the parse goes on. A malformed body is a sticky failure: every call from then on says false,
 * all loops end, and json_done() tells what was wrong and at which byte; what was read before it remains good.
 *
 * How long texts live: a view points into the caller's bytes, or, if it had escapes, into memory of the parser. A key
 * (all views in it together) is valid until the next json_next_key() of the same object, so also while the members
 * below it are read. A text value is valid until the next json_string(). json_done() ends all of them.
 *
 * Pure; a struct json belongs to one thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_FASTJSON_H
#define AGENT_SOURCE_ROCKETMQ_FASTJSON_H

#include "agent/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define JSON_DEPTH_MAX 32         /* objects and arrays inside each other, the outermost counts */
#define JSON_TEXT_MAX (1u << 20)  /* bytes of one key or text that is handed out, as written; skipped ones may be longer */

/* Some bytes that belong to somebody else; not NUL-terminated. */
struct view {
    const char *data;
    size_t len;
};

enum json_kind { JSON_NOTHING, JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_BOOL, JSON_NULL };

enum json_key_kind {
    JSON_KEY_TEXT,    /* "name": .text */
    JSON_KEY_INTEGER, /* 0: .number (and .text, the digits) */
    JSON_KEY_QUEUE,   /* {"brokerName":..,"queueId":..,"topic":..} in any of its spellings: .broker .topic .number */
    JSON_KEY_OTHER,   /* an object that is no queue; its value can be read or skipped as any other */
};

struct json_key {
    enum json_key_kind kind;
    struct view text;
    struct view broker, topic; /* JSON_KEY_QUEUE */
    int64_t number;            /* JSON_KEY_INTEGER: the key; JSON_KEY_QUEUE: the queue id (-1 for the shared queues of POP) */
};

/* Memory for texts that had escapes; it grows once and is used again. */
struct json_scratch {
    char *data;
    size_t cap;
};

/* The caller's storage; the fields are the parser's own. */
struct json {
    const char *start, *at, *end;
    uint32_t depth;
    uint32_t array_bits; /* bit d: the container at depth d is an array */
    bool is_first;       /* nothing has been taken from the current container yet */
    bool has_value;      /* a value stands at `at` that nobody has read yet */
    enum err_kind failed; /* ERR_NONE while all is well */
    const char *why;
    size_t failed_at;
    struct json_scratch text;                      /* of json_string */
    struct json_scratch keys[JSON_DEPTH_MAX + 1];  /* of the current key at each depth */
};

/* Life. Every json_init needs its json_done. The bytes must stay until then. */
void json_init(struct json *j, const char *data, size_t len);
/* 0, or -1 and ERR_PROTO or ERR_LIMIT with what was wrong at which byte. Bytes behind the outermost value are wrong, too;
 * leaving before the end of it is not. Frees the parser's memory in any case. */
int json_done(struct json *j, struct err *err);

/* Containers. */
bool json_enter_body(struct json *j);   /* the outermost object; anything else there is a failure */
bool json_enter_object(struct json *j); /* true: json_next_key() until it says false */
bool json_enter_array(struct json *j);  /* true: json_next_item() until it says false */
bool json_next_key(struct json *j, struct json_key *key); /* false: the object has ended (or the parse has failed) */
bool json_next_item(struct json *j);                      /* false: the array has ended (or the parse has failed) */
void json_leave(struct json *j); /* gives up the rest of the current container, for who breaks out of its loop */

/* Values. True and *out set, or false and *out untouched. */
bool json_i64(struct json *j, int64_t *out);  /* integer, also as quoted digits; a fraction or one past int64 is "not there" */
bool json_real(struct json *j, double *out);  /* any finite number, also quoted */
bool json_bool(struct json *j, bool *out);    /* true and false, also quoted */
bool json_string(struct json *j, struct view *out); /* a text; a bare number, true or false as its own text */
bool json_raw(struct json *j, struct view *out);    /* any value as it is written, quotes and all; it is not looked into */
void json_skip(struct json *j);
/* What the next value is, without using it up; JSON_NOTHING after a failure or when no value is due. */
enum json_kind json_peek(struct json *j);

static inline bool view_is(struct view v, const char *text)
{
    size_t len = strlen(text);

    return v.len == len && (len == 0 || memcmp(v.data, text, len) == 0);
}

/* Is this the text key `text`? Meant for literals: the length is then known to the compiler. */
static inline bool json_key_is(const struct json_key *key, const char *text)
{
    return key->kind == JSON_KEY_TEXT && view_is(key->text, text);
}

/* The key as an integer, bare (0:) or quoted ("0":), as map keys come from different servers. */
bool json_key_i64(const struct json_key *key, int64_t *out);

#endif
