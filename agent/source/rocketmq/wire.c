/*
 * wire.c - see wire.h. The frame, as it travels:
 *
 *      0        4    5        8             8+H            4+L
 *      | L (u32) | S | H (u24) | header      | body         |      big endian; L counts what follows it, H the header
 *
 * S = 0, the header is JSON (members in any order, each may be missing; "extFields" is absent, null, {} or filled):
 *
 *      {"code":28,"language":"OTHER","version":401,"opaque":1,"flag":0,"remark":"..","extFields":{"k":"v"}}
 *
 * S = 1, the header is binary ("ROCKETMQ"):
 *
 *      0           2        3            5         9       13           17        17+R        21+R
 *      | code (i16) | lang 1 | version 2 | opaque 4 | flag 4 | R (i32) 4 | remark R | E (i32) 4 | ext, E bytes |
 *
 *      ext, repeated:  | klen (i16) 2 | key | vlen (i32) 4 | value |
 *
 * Requests are written in wire_encode.c; bodies are left to who asked.
 */
#include "agent/source/rocketmq/wire.h"

#include "agent/base/num.h"
#include "agent/base/utf8.h"

#include <assert.h>
#include <string.h>

#define PREFIX_BYTES 8
#define LENGTH_BYTES 4
#define FLAG_RESPONSE 1u
#define TYPE_JSON 0
#define TYPE_BINARY 1
#define BINARY_HEADER_MIN 21

/* ---- numbers and looks ------------------------------------------------------------------------------------------ */

static uint32_t read_u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t read_u16(const unsigned char *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

const char *wire_version_text(char text[WIRE_VERSION_TEXT], int version)
{
    text[0] = '\0';
    if (version == 0)
        return text;
    if (version < WIRE_VERSION(4, 0, 0) || version > WIRE_VERSION(9, 9, 9)) {
        char digits[NUM_TEXT_MAX];
        size_t len = num_from_i64(digits, version);
        memcpy(text, digits, len + 1);
        return text;
    }
    int n = (version - WIRE_VERSION(4, 0, 0)) / 2;
    text[0] = (char)('0' + 4 + n / 100);
    text[1] = text[3] = '.';
    text[2] = (char)('0' + n % 100 / 10);
    text[4] = (char)('0' + n % 10);
    text[5] = '\0';
    return text;
}

static bool begins(const void *data, size_t len, const char *text)
{
    return len >= strlen(text) && memcmp(data, text, strlen(text)) == 0;
}

/* Its first frame, SETTINGS: 24 bits of length, type 4, no flags, stream 0. A frame of ours never has a header of no bytes. */
static bool is_http2(const void *data, size_t len)
{
    const unsigned char *p = data;

    return len >= PREFIX_BYTES && p[0] == 0 && p[1] == 0 && memcmp(p + 3, "\x04\0\0\0\0", 5) == 0;
}

const char *wire_looks_like(const void *data, size_t len)
{
    if (begins(data, len, "HTTP") || begins(data, len, "<htm") || begins(data, len, "<!DO"))
        return "an HTTP server";
    if (begins(data, len, "\x15\x03") || begins(data, len, "\x16\x03"))
        return "a TLS server";
    if (begins(data, len, "SSH-"))
        return "an SSH server";
    if (is_http2(data, len))
        return "an HTTP/2 server (gRPC)";
    return NULL;
}

/* The length field holds something no frame has: text, TLS or a frame that is really too large. */
static int refuse_length(const unsigned char *data, size_t len, size_t frame_max, struct err *err)
{
    const char *looks = wire_looks_like(data, len);
    char shown[5];

    if (looks != NULL)
        return err_set(err, ERR_PROTO, "this is %s, not RocketMQ", looks);
    for (size_t i = 0; i < 4; i++) {
        if (data[i] < ' ' || data[i] > '~')
            return err_set(err, ERR_LIMIT, "frame of %u bytes, limit is %zu", read_u32(data), frame_max);
        shown[i] = (char)data[i];
    }
    shown[4] = '\0';
    return err_set(err, ERR_PROTO, "this is not RocketMQ: the answer begins with \"%s\"", shown);
}

ptrdiff_t wire_size(const void *data, size_t len, size_t frame_max, struct err *err)
{
    const unsigned char *p = data;

    assert(frame_max <= WIRE_FRAME_MAX_LIMIT);
    if (len < LENGTH_BYTES)
        return 0;
    uint32_t length = read_u32(p);
    if (length > frame_max)
        return refuse_length(p, len, frame_max, err);
    if (length < PREFIX_BYTES - LENGTH_BYTES)
        return err_set(err, ERR_PROTO, "frame of %u bytes, expected at least 4", length);
    if (len < PREFIX_BYTES)
        return 0;
    uint32_t header = read_u32(p + LENGTH_BYTES) & 0xFFFFFF;
    if (p[4] != TYPE_JSON && p[4] != TYPE_BINARY)
        return err_set(err, ERR_PROTO, "header serialization %u, expected 0 or 1", p[4]);
    if (header == 0 && is_http2(data, len))
        return err_set(err, ERR_PROTO, "this is %s, not RocketMQ", wire_looks_like(data, len));
    if (header > length - LENGTH_BYTES)
        return err_set(err, ERR_PROTO, "header of %u bytes in a frame of %u", header, length);
    if (header > WIRE_HEADER_MAX)
        return err_set(err, ERR_LIMIT, "header of %u bytes, limit is %u", header, WIRE_HEADER_MAX);
    return (ptrdiff_t)length + LENGTH_BYTES;
}

/* ---- JSON header ------------------------------------------------------------------------------------------------ */

/* Checks the ext object once, so that looking things up later cannot fail; keeps its bytes. */
static int check_json_ext(struct view ext, struct frame *frame, struct err *err)
{
    struct json j;
    struct json_key key;
    struct view ignored;

    json_init(&j, ext.data, ext.len);
    if (json_enter_body(&j)) {
        while (json_next_key(&j, &key)) {
            frame->ext_count++;
            json_string(&j, &ignored);
        }
    }
    if (json_done(&j, err) < 0)
        return err_wrap(err, "extFields");
    if (frame->ext_count > WIRE_EXT_MAX)
        return err_set(err, ERR_LIMIT, "%u ext fields, limit is %d", frame->ext_count, WIRE_EXT_MAX);
    frame->ext = ext;
    return 0;
}

struct json_header {
    int64_t code, version, opaque, flag;
    bool has_code;
    struct view remark, ext; /* as written, with quotes and brackets; empty if absent or null */
};

static void read_member(struct json *j, const struct json_key *key, struct json_header *h)
{
    if (json_key_is(key, "code"))
        h->has_code = json_i64(j, &h->code);
    else if (json_key_is(key, "version"))
        json_i64(j, &h->version);
    else if (json_key_is(key, "opaque"))
        json_i64(j, &h->opaque);
    else if (json_key_is(key, "flag"))
        json_i64(j, &h->flag);
    else if (json_key_is(key, "remark") && json_peek(j) == JSON_STRING)
        json_raw(j, &h->remark);
    else if (json_key_is(key, "extFields") && json_peek(j) == JSON_OBJECT)
        json_raw(j, &h->ext);
}

static bool is_int32(int64_t v)
{
    return v >= INT32_MIN && v <= INT32_MAX;
}

static int decode_json(const char *data, size_t len, struct frame *frame, struct err *err)
{
    struct json_header h = { 0 };
    struct json j;
    struct json_key key;

    json_init(&j, data, len);
    if (json_enter_body(&j))
        while (json_next_key(&j, &key))
            read_member(&j, &key, &h);
    if (json_done(&j, err) < 0)
        return err_wrap(err, "JSON header");
    if (!h.has_code)
        return err_set(err, ERR_PROTO, "JSON header without a code");
    if (!is_int32(h.code) || !is_int32(h.opaque) || !is_int32(h.flag))
        return err_set(err, ERR_PROTO, "JSON header with a code, opaque or flag that is no 32-bit integer");
    frame->code = (int)h.code;
    frame->version = is_int32(h.version) ? (int)h.version : 0;
    frame->opaque = (int32_t)h.opaque;
    frame->flag = (uint32_t)h.flag;
    if (h.remark.len >= 2)
        frame->remark = (struct view){ h.remark.data + 1, h.remark.len - 2 };
    return h.ext.len > 0 ? check_json_ext(h.ext, frame, err) : 0;
}

/* ---- binary header ---------------------------------------------------------------------------------------------- */

/* What is left of the header. */
struct cursor {
    const unsigned char *at;
    size_t left;
};

/* Takes a piece whose length stands before it in `width` bytes (2 or 4). Lengths are signed on the wire. */
static bool take_piece(struct cursor *c, size_t width, struct view *out)
{
    if (c->left < width)
        return false;
    uint32_t len = width == 2 ? read_u16(c->at) : read_u32(c->at);
    c->at += width;
    c->left -= width;
    if (len > c->left)
        return false; /* a negative length ends here, too: it is larger than any header (32 bit) or refused below */
    *out = (struct view){ (const char *)c->at, len };
    c->at += len;
    c->left -= len;
    return true;
}

static bool take_binary_field(struct cursor *c, struct view *key, struct view *value)
{
    return take_piece(c, 2, key) && key->len <= INT16_MAX && take_piece(c, 4, value);
}

static int check_binary_ext(struct view ext, struct frame *frame, struct err *err)
{
    struct cursor c = { (const unsigned char *)ext.data, ext.len };
    struct view key, value;

    while (c.left > 0) {
        if (!take_binary_field(&c, &key, &value))
            return err_set(err, ERR_PROTO, "binary header: ext field %u does not fit", frame->ext_count + 1);
        if (++frame->ext_count > WIRE_EXT_MAX)
            return err_set(err, ERR_LIMIT, "more than %d ext fields", WIRE_EXT_MAX);
    }
    frame->ext = ext;
    return 0;
}

static int decode_binary(const char *data, size_t len, struct frame *frame, struct err *err)
{
    const unsigned char *p = (const unsigned char *)data;
    struct view ext;

    if (len < BINARY_HEADER_MIN)
        return err_set(err, ERR_PROTO, "binary header of %zu bytes, expected at least %d", len, BINARY_HEADER_MIN);
    struct cursor c = { p + 13, len - 13 };
    frame->is_binary = true;
    frame->code = (int16_t)read_u16(p);
    frame->version = (int16_t)read_u16(p + 3);
    frame->opaque = (int32_t)read_u32(p + 5);
    frame->flag = read_u32(p + 9);
    if (!take_piece(&c, 4, &frame->remark) || !take_piece(&c, 4, &ext))
        return err_set(err, ERR_PROTO, "binary header of %zu bytes: remark or ext do not fit", len);
    if (c.left > 0)
        return err_set(err, ERR_PROTO, "binary header with %zu bytes left over", c.left);
    return check_binary_ext(ext, frame, err);
}

ptrdiff_t wire_decode(const void *data, size_t len, size_t frame_max, struct frame *frame, struct err *err)
{
    const unsigned char *p = data;
    struct frame got = { 0 };
    ptrdiff_t size = wire_size(data, len, frame_max, err);

    if (size <= 0 || (size_t)size > len)
        return size < 0 ? -1 : 0;
    size_t header_len = read_u32(p + LENGTH_BYTES) & 0xFFFFFF;
    const char *header = (const char *)p + PREFIX_BYTES;
    int rc = p[4] == TYPE_JSON ? decode_json(header, header_len, &got, err) : decode_binary(header, header_len, &got, err);
    if (rc < 0)
        return -1;
    got.is_response = got.flag & FLAG_RESPONSE;
    got.body = (struct view){ header + header_len, (size_t)size - PREFIX_BYTES - header_len };
    *frame = got;
    return size;
}

/* ---- looking into a frame --------------------------------------------------------------------------------------- */

static ptrdiff_t copy_text(struct view from, char *text, size_t cap)
{
    if (from.len >= cap)
        return -1;
    memcpy(text, from.data, from.len);
    text[from.len] = '\0';
    return (ptrdiff_t)from.len;
}

/* If a key stands twice the last one counts, as in the Java peers' maps. */
static ptrdiff_t json_ext(struct view ext, const char *name, char *text, size_t cap)
{
    ptrdiff_t len = -1;
    struct json j;
    struct json_key key;
    struct view value;

    json_init(&j, ext.data, ext.len);
    if (json_enter_body(&j))
        while (json_next_key(&j, &key))
            if (json_key_is(&key, name))
                len = json_string(&j, &value) ? copy_text(value, text, cap) : -1;
    json_done(&j, NULL);
    return len;
}

/* A value of no bytes is null on the Java side, hence absent. */
static ptrdiff_t binary_ext(struct view ext, const char *name, char *text, size_t cap)
{
    struct cursor c = { (const unsigned char *)ext.data, ext.len };
    struct view key, value;
    ptrdiff_t len = -1;

    while (c.left > 0 && take_binary_field(&c, &key, &value))
        if (view_is(key, name))
            len = value.len > 0 ? copy_text(value, text, cap) : -1;
    return len;
}

ptrdiff_t wire_ext(const struct frame *frame, const char *key, char *text, size_t cap)
{
    if (frame->ext_count == 0)
        return -1;
    return frame->is_binary ? binary_ext(frame->ext, key, text, cap) : json_ext(frame->ext, key, text, cap);
}

bool wire_ext_i64(const struct frame *frame, const char *key, int64_t *value)
{
    char text[NUM_TEXT_MAX];
    ptrdiff_t len = wire_ext(frame, key, text, sizeof(text));

    return len > 0 && num_to_i64(text, (size_t)len, value) == 0;
}

/* Copies for a log line: one line, whole characters, well-formed, each run of blanks and control characters as one blank. */
static void copy_for_people(struct view from, char *text, size_t cap)
{
    size_t used = 0;

    for (size_t i = 0, n; i < from.len; i += n > 0 ? n : 1) {
        const char *c = from.data + i;
        n = utf8_char(c, from.len - i);
        bool is_blank = n == 1 && ((unsigned char)*c <= ' ' || *c == 0x7F);
        if (is_blank && (used == 0 || text[used - 1] == ' '))
            continue;
        if (used + (n > 1 ? n : 1) >= cap)
            break;
        if (n == 0 || is_blank)
            text[used++] = is_blank ? ' ' : '?';
        for (size_t k = 0; k < n && !is_blank; k++)
            text[used++] = c[k];
    }
    text[used] = '\0';
}

const char *wire_remark(const struct frame *frame, char *text, size_t cap)
{
    struct json j;
    struct view plain = frame->remark;

    text[0] = '\0';
    if (plain.len == 0)
        return text;
    if (frame->is_binary) {
        copy_for_people(plain, text, cap);
        return text;
    }
    json_init(&j, plain.data - 1, plain.len + 2); /* with its quotes, which stand around it in the header */
    if (json_string(&j, &plain))
        copy_for_people(plain, text, cap);
    json_done(&j, NULL);
    return text;
}
