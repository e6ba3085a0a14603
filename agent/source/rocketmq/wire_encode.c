/*
 * wire_encode.c - requests to bytes; see wire.h, and wire.c for the format. The header is always JSON:
 *
 *      {"code":202,"language":"OTHER","version":401,"opaque":7,"flag":0,"extFields":{"topic":"T"}}
 */
#include "agent/source/rocketmq/wire.h"

#include "agent/base/buf.h"

#include <assert.h>
#include <string.h>

#define LENGTH_BYTES 4
#define PREFIX_BYTES 8

static void write_u32(char *to, uint32_t v)
{
    to[0] = (char)(v >> 24);
    to[1] = (char)(v >> 16 & 0xFF);
    to[2] = (char)(v >> 8 & 0xFF);
    to[3] = (char)(v & 0xFF);
}

static void put_escaped(struct buf *to, const char *s)
{
    static const char hex[] = "0123456789abcdef";

    buf_putc(to, '"');
    for (size_t plain; *s != '\0'; s += plain) {
        for (plain = 0; (unsigned char)s[plain] >= ' ' && s[plain] != '"' && s[plain] != '\\';)
            plain++;
        buf_put(to, s, plain);
        unsigned char c = (unsigned char)s[plain];
        if (c == '"' || c == '\\') {
            buf_putc(to, '\\');
            buf_putc(to, (char)c);
        } else if (c != '\0') {
            char code[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
            buf_put(to, code, sizeof(code));
        }
        plain += c != '\0';
    }
    buf_putc(to, '"');
}

static unsigned put_fields(struct buf *to, const struct wire_field *fields, size_t count, unsigned written)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].value == NULL)
            continue;
        buf_puts(to, written++ > 0 ? "," : ",\"extFields\":{");
        put_escaped(to, fields[i].key);
        buf_putc(to, ':');
        put_escaped(to, fields[i].value);
    }
    return written;
}

/* The JSON header. How many ext fields it has, or -1. */
static int put_header(struct buf *to, const struct wire_request *r, struct err *err)
{
    struct wire_field added[WIRE_SIGN_MAX];
    int signing = 0;

    if (r->signer != NULL && (signing = r->signer->sign(r->signer->ctx, r->fields, r->field_count, r->body, added, err)) < 0)
        return -1;
    assert(signing <= WIRE_SIGN_MAX);
    buf_puts(to, "{\"code\":");
    buf_put_i64(to, r->code);
    buf_puts(to, ",\"language\":\"OTHER\",\"version\":");
    buf_put_i64(to, WIRE_OUR_VERSION);
    buf_puts(to, ",\"opaque\":");
    buf_put_i64(to, r->opaque);
    buf_puts(to, ",\"flag\":0");
    unsigned written = put_fields(to, r->fields, r->field_count, 0);
    written = put_fields(to, added, (size_t)signing, written);
    buf_puts(to, written > 0 ? "}}" : "}");
    return (int)written;
}

static int undo(struct buf *to, size_t start)
{
    to->len = start;
    return -1;
}

int wire_encode(struct buf *to, const struct wire_request *r, struct err *err)
{
    size_t start = to->len;

    buf_put(to, "\0\0\0\0\0\0\0", PREFIX_BYTES);
    int fields = r->field_count <= WIRE_EXT_MAX ? put_header(to, r, err) : WIRE_EXT_MAX + 1;
    if (fields < 0)
        return undo(to, start);
    size_t header = to->len - start - PREFIX_BYTES;
    if (fields > WIRE_EXT_MAX || header > WIRE_HEADER_MAX || r->body.len > WIRE_FRAME_MAX - WIRE_HEADER_MAX - PREFIX_BYTES) {
        undo(to, start);
        return err_set(err, ERR_LIMIT, "request with %zu ext fields, a header of %zu bytes and a body of %zu is too large",
                       r->field_count, header, r->body.len);
    }
    if (r->body.len > 0)
        buf_put(to, r->body.data, r->body.len);
    if (buf_failed(to)) {
        undo(to, start);
        return err_set(err, ERR_LIMIT, "request does not fit into its buffer");
    }
    write_u32(to->data + start, (uint32_t)(LENGTH_BYTES + header + r->body.len));
    write_u32(to->data + start + LENGTH_BYTES, (uint32_t)header); /* serialization 0 is the upper byte */
    return 0;
}
