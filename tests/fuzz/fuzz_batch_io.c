/*
 * fuzz_batch_io.c - any bytes as a stored batch, and any bytes as what is packed in one (no checksum is found by chance).
 *
 * What must hold: reading stays inside; what could be read can be written, and what is written reads back and writes the same
 * bytes again.
 */
#include "agent/model/batch_io.h"

#include "agent/base/buf.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check(const void *data, size_t size)
{
    struct err err = { 0 };
    struct buf first, second;
    struct batch *b = batch_io_read(data, size, &err);

    if (b == NULL) {
        require(err.kind == ERR_PROTO || err.kind == ERR_LIMIT);
        return;
    }
    buf_init(&first, 0);
    buf_init(&second, 0);
    require(batch_io_write(b, &first, &err) == 0);
    struct batch *again = batch_io_read(first.data, first.len, &err);
    require(again != NULL && batch_io_write(again, &second, &err) == 0);
    require(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    batch_unref(again);
    batch_unref(b);
    buf_fini(&first);
    buf_fini(&second);
}

static void put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static void check_packed(const uint8_t *data, size_t size)
{
    uLongf stored = compressBound(size);
    uint8_t *bytes = malloc(16 + stored);

    require(bytes != NULL && compress2(bytes + 16, &stored, data, size, 1) == Z_OK);
    memcpy(bytes, "MQB1", 4);
    put_u32(bytes + 4, (uint32_t)size);
    put_u32(bytes + 8, (uint32_t)stored);
    put_u32(bytes + 12, (uint32_t)crc32(0, bytes + 16, (uInt)stored));
    check(bytes, 16 + stored);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t nothing[1];

    check(data, size);
    check_packed(size > 0 ? data : nothing, size);
    return 0;
}
