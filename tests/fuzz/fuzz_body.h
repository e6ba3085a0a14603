/*
 * fuzz_body.h - what the fuzz targets of the body decoders share: any bytes as a body. What must hold: no byte outside the
 * input is read, every view handed out can be read, a failure has a kind and a sentence.
 */
#ifndef TESTS_FUZZ_FUZZ_BODY_H
#define TESTS_FUZZ_FUZZ_BODY_H

#include "agent/source/rocketmq/bodies.h"
#include "tests/fuzz/fuzz.h"

static volatile unsigned fuzz_sum;

static inline void fuzz_touch(struct view v)
{
    fuzz_require(v.len == 0 || v.data != NULL);
    for (size_t i = 0; i < v.len; i++)
        fuzz_sum += (unsigned char)v.data[i];
}

/* A name in a list, of any length. */
static inline void fuzz_touch_listed(struct view v)
{
    fuzz_require(name_is_whole(v));
    fuzz_touch(v);
}

/* Any other that is handed out has a length that fits. */
static inline void fuzz_touch_name(struct view v)
{
    fuzz_require(name_fits(v));
    fuzz_touch(v);
}

static inline void fuzz_check_offset(int64_t offset)
{
    fuzz_require(offset >= BODY_NONE && offset <= BODY_OFFSET_MAX);
}

static inline void fuzz_check_result(int result, const struct err *err)
{
    fuzz_require(result == 0 || (result == -1 && (err->kind == ERR_PROTO || err->kind == ERR_LIMIT) && err->msg[0] != '\0'));
}

/* DECODE: an expression that decodes `body` and fills `err`. */
#define FUZZ_BODY(DECODE) \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) \
    { \
        struct view body = { (const char *)data, size }; \
        struct err err = { .kind = ERR_NONE }; \
        int result = (DECODE); \
        fuzz_check_result(result, &err); \
        return 0; \
    }

#endif
