/*
 * fuzz_forbidden.c - any bytes as the remark of a broker that refuses. The first byte's lowest bit chooses between codes 16 and 1, the next
 * between a JSON and a binary header; a JSON one may well break under the remark.
 *
 * What must hold: the reason fits, is one line, and there is one for every 16.
 */
#include "agent/base/buf.h"
#include "agent/source/rocketmq/forbidden.h"
#include "agent/source/rocketmq/request_codes.h"
#include "tests/fuzz/fuzz.h"

static void put_number(struct buf *to, uint32_t value, int bytes)
{
    while (bytes-- > 0)
        buf_putc(to, (char)(value >> (8 * bytes)));
}

static void put_header(struct buf *to, bool is_binary, uint32_t code, const uint8_t *remark, size_t len)
{
    if (is_binary) {
        put_number(to, code, 2);
        put_number(to, 0, 1 + 2);
        put_number(to, 1, 4);
        put_number(to, 1, 4);
        put_number(to, (uint32_t)len, 4);
        buf_put(to, remark, len);
        put_number(to, 0, 4);
        return;
    }
    buf_printf(to, "{\"code\":%u,\"flag\":1,\"opaque\":1,\"remark\":\"", code);
    buf_put(to, remark, len);
    buf_puts(to, "\"}");
}

static void check_answer(const struct frame *answer)
{
    char text[160];

    memset(text, 'x', sizeof(text));
    bool is_refusal = forbidden_why(answer, text, sizeof(text));
    fuzz_require(is_refusal || answer->code == RMQ_RESPONSE_SYSTEM_ERROR);
    if (is_refusal)
        fuzz_require(memchr(text, '\0', sizeof(text)) != NULL && text[0] != '\0' && strpbrk(text, "\r\n\x1b") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf header, frame;
    struct frame answer;

    if (size == 0)
        return 0;
    bool is_binary = (data[0] & 2) != 0;
    buf_init(&header, 0);
    buf_init(&frame, 0);
    put_header(&header, is_binary, (data[0] & 1) != 0 ? RMQ_RESPONSE_SYSTEM_ERROR : RMQ_RESPONSE_NO_PERMISSION, data + 1, size - 1);
    put_number(&frame, (uint32_t)header.len + 4, 4);
    put_number(&frame, (uint32_t)header.len | (uint32_t)is_binary << 24, 4);
    buf_put(&frame, header.data, header.len);
    ptrdiff_t used = wire_decode(frame.data, frame.len, WIRE_FRAME_MAX, &answer, NULL);
    fuzz_require(used == (ptrdiff_t)frame.len || (used == -1 && !is_binary));
    if (used > 0 && (answer.code == RMQ_RESPONSE_SYSTEM_ERROR || answer.code == RMQ_RESPONSE_NO_PERMISSION))
        check_answer(&answer);
    buf_fini(&header);
    buf_fini(&frame);
    return 0;
}
