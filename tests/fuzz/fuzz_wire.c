/*
 * fuzz_wire.c - any bytes as a stream of frames, and any bytes as the fields of a request.
 *
 * What must hold: a frame never takes more than there is; cut anywhere it is incomplete, not wrong; looking into it stays
 * inside; what is encoded is decoded to the same.
 */
#include "agent/source/rocketmq/wire.h"

#include "agent/base/buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void look_into(const struct frame *f)
{
    static const char *const keys[] = { "offset", "topic", "k1", "" };
    char text[64];
    int64_t n;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        ptrdiff_t len = wire_ext(f, keys[i], text, sizeof(text));
        require(len < (ptrdiff_t)sizeof(text) && (len < 0 || text[len] == '\0'));
        wire_ext_i64(f, keys[i], &n);
    }
    wire_remark(f, text, 1);
    require(text[0] == '\0');
    wire_remark(f, text, sizeof(text));
    wire_version_text(text, f->version);
}

/* A copy that ends where the frame is cut, so that a sanitizer sees what is read behind it. */
static void check_cut(const uint8_t *data, size_t cut)
{
    uint8_t *copy = malloc(cut > 0 ? cut : 1);
    struct frame f;

    require(copy != NULL);
    memcpy(copy, data, cut);
    require(wire_decode(copy, cut, WIRE_FRAME_MAX, &f, NULL) == 0);
    free(copy);
}

static void read_stream(const uint8_t *data, size_t size)
{
    struct frame f;
    struct err err;
    ptrdiff_t n;

    for (size_t used = 0; (n = wire_decode(data + used, size - used, WIRE_FRAME_MAX, &f, &err)) > 0; used += (size_t)n) {
        require((size_t)n <= size - used);
        look_into(&f);
        check_cut(data + used, (size_t)n - 1);
        check_cut(data + used, (size_t)n / 2);
    }
    require(n == 0 || err.kind == ERR_PROTO || err.kind == ERR_LIMIT);
}

/* Pieces between NUL bytes become keys and values in turn. */
static size_t split_fields(char *text, size_t len, struct wire_field *fields, size_t max)
{
    size_t count = 0;

    for (char *p = text, *end = text + len; count < max && p < end;) {
        fields[count].key = p;
        p += strlen(p) + 1;
        if (p >= end)
            break;
        fields[count++].value = p;
        p += strlen(p) + 1;
    }
    return count;
}

/* Keys that mean something to the body parser ($ref, queues) are not found as ext fields; nobody uses such. */
static bool are_plain(const struct wire_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].key[0] != '\0' && strchr("$@{M", fields[i].key[0]) != NULL)
            return false;
    return true;
}

static void check_last(const struct frame *f, const struct wire_field *last)
{
    char got[4096];

    if (strlen(last->value) < sizeof(got))
        require(wire_ext(f, last->key, got, sizeof(got)) >= 0 && strcmp(got, last->value) == 0);
}

static void round_trip(const uint8_t *data, size_t size)
{
    struct wire_field fields[8];
    struct buf out;
    struct frame f;
    char *text = malloc(size + 1);

    require(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    size_t count = split_fields(text, size, fields, 8);
    struct wire_request r = { .code = 202, .opaque = 5, .fields = fields, .field_count = count, .body = { text, size } };
    buf_init(&out, 0);
    if (wire_encode(&out, &r, NULL) == 0) {
        require(wire_decode(out.data, out.len, WIRE_FRAME_MAX, &f, NULL) == (ptrdiff_t)out.len);
        require(f.code == 202 && f.opaque == 5 && f.body.len == size);
        require(f.ext_count == count || !are_plain(fields, count));
        if (count > 0 && are_plain(fields, count))
            check_last(&f, &fields[count - 1]);
    }
    buf_fini(&out);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_stream(data, size);
    round_trip(data, size);
    return 0;
}
