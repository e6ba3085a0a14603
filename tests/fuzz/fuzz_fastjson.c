/*
 * fuzz_fastjson.c - any bytes as a body.
 *
 * What must hold: the reader never leaves the bytes, whatever mixture of readers meets them; what can be read can also be
 * passed over; all views lie inside and all texts are usable; a failure has a sentence.
 */
#include "agent/source/rocketmq/fastjson.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static volatile unsigned sink;

static void touch(struct view v)
{
    require(v.len == 0 || v.data != NULL);
    for (size_t i = 0; i < v.len; i++)
        sink += (unsigned char)v.data[i];
}

static void touch_key(const struct json_key *key)
{
    int64_t n;

    if (key->kind == JSON_KEY_TEXT || key->kind == JSON_KEY_INTEGER)
        touch(key->text);
    if (key->kind == JSON_KEY_QUEUE) {
        touch(key->broker);
        touch(key->topic);
    }
    json_key_i64(key, &n);
}

/* One value by the reader that `way` names, fitting or not. */
static void read_value(struct json *j, unsigned way)
{
    struct view v;
    int64_t n;
    double d;
    bool yes;

    switch (way % 8) {
    case 0:
        json_i64(j, &n);
        break;
    case 1:
        json_real(j, &d);
        break;
    case 2:
        json_bool(j, &yes);
        break;
    case 3:
        if (json_string(j, &v))
            touch(v);
        break;
    case 4:
        json_skip(j);
        break;
    case 5:
        if (json_raw(j, &v))
            touch(v);
        break;
    default:
        break; /* nobody reads it */
    }
}

/* Walks into everything; scalars are read in ways that follow from the input. */
static void walk(struct json *j, unsigned *way)
{
    enum json_kind kind = json_peek(j);
    struct json_key key;

    *way = *way * 1103515245u + 12345u;
    if (kind == JSON_OBJECT && json_enter_object(j)) {
        while (json_next_key(j, &key)) {
            touch_key(&key);
            walk(j, way);
            if (j->failed == ERR_NONE)
                touch_key(&key); /* still good behind its members */
        }
    } else if (kind == JSON_ARRAY && json_enter_array(j)) {
        while (json_next_item(j)) {
            walk(j, way);
            if ((*way >> 16) % 61 == 0) {
                json_leave(j);
                return;
            }
        }
    } else {
        read_value(j, *way >> 16);
    }
}

static int walk_all(const char *text, size_t size, unsigned way)
{
    struct json j;
    struct err err = { 0 };

    json_init(&j, text, size);
    walk(&j, &way);
    json_skip(&j); /* the outermost value, if nobody has read it */
    int rc = json_done(&j, &err);
    require(rc == 0 || ((err.kind == ERR_PROTO || err.kind == ERR_LIMIT) && err.msg[0] != '\0'));
    return rc;
}

static int skip_all(const char *text, size_t size)
{
    struct json j;

    json_init(&j, text, size);
    json_skip(&j);
    return json_done(&j, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;

    bool is_read = walk_all(text, size, (unsigned)size) == 0;
    walk_all(text, size, size > 0 ? data[size / 2] : 0);
    require(!is_read || skip_all(text, size) == 0);
    return 0;
}
