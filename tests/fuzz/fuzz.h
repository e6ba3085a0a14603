/*
 * fuzz.h - what fuzz targets share: the function libFuzzer (or replay_main.c) calls, a check that aborts, the input as a text.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_require(bool holds)
{
    if (!holds)
        abort();
}

/* A copy that ends with a NUL; free() ends it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    fuzz_require(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* Takes bytes up to the next `end` byte, or all that is left, from *data as a text. */
static inline char *fuzz_piece(const uint8_t **data, size_t *size, uint8_t end)
{
    const uint8_t *stop = *size > 0 ? memchr(*data, end, *size) : NULL;
    size_t len = stop != NULL ? (size_t)(stop - *data) : *size, used = stop != NULL ? len + 1 : len;
    char *text = fuzz_text(*data, len);

    *data += used;
    *size -= used;
    return text;
}

#endif
