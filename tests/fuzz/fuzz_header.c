/*
 * fuzz_header.c - any bytes as the header of a frame whose lengths are right. The first byte's lowest bit chooses JSON or binary; the
 * next one makes the second half of the rest a body. fuzz_wire.c does frames; most of what it makes of one ends at the lengths.
 *
 * What must hold: looking up what a header has stays inside and fits; the body is what stood behind the header.
 */
#include "agent/base/buf.h"
#include "agent/source/rocketmq/wire.h"
#include "tests/fuzz/fuzz.h"

static void put_u32(struct buf *to, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_putc(to, (char)(value >> shift));
}

static void look_into(const struct frame *f)
{
    static const char *const keys[] = { "version", "nextSeqNum", "topic", "k", "" };
    char text[WIRE_REMARK_TEXT], whole[4096];
    int64_t number;

    fuzz_require(f->ext_count <= WIRE_EXT_MAX);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        ptrdiff_t len = wire_ext(f, keys[i], text, sizeof(text));
        fuzz_require(len < (ptrdiff_t)sizeof(text) && (len < 0 || text[len] == '\0'));
        if (wire_ext_i64(f, keys[i], &number))
            fuzz_require(len > 0 && len <= 20);
    }
    for (size_t cap = 1; cap <= sizeof(text); cap *= 4)
        fuzz_require(strlen(wire_remark(f, text, cap)) < cap && strpbrk(text, "\r\n\t\x1b") == NULL);
    fuzz_require(strncmp(wire_remark(f, whole, sizeof(whole)), text, 3) == 0);
    wire_version_text(text, f->version);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf bytes;
    struct frame frame;
    struct err err = { .kind = ERR_NONE };

    if (size == 0)
        return 0;
    size_t body = (data[0] & 2) != 0 ? (size - 1) / 2 : 0, header = size - 1 - body;
    buf_init(&bytes, 0);
    put_u32(&bytes, (uint32_t)size - 1 + 4);
    put_u32(&bytes, (uint32_t)header | (uint32_t)(data[0] & 1) << 24);
    buf_put(&bytes, data + 1, size - 1);
    ptrdiff_t used = wire_decode(bytes.data, bytes.len, WIRE_FRAME_MAX, &frame, &err);
    fuzz_require(used == (ptrdiff_t)bytes.len || (used == -1 && (err.kind == ERR_PROTO || err.kind == ERR_LIMIT) && err.msg[0] != '\0'));
    if (used > 0) {
        fuzz_require(frame.body.len == body && frame.is_binary == ((data[0] & 1) != 0));
        look_into(&frame);
    }
    buf_fini(&bytes);
    return 0;
}
