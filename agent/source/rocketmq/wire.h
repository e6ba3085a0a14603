/*
 * wire.h - frames of the remoting protocol: bytes to struct frame, requests to bytes.
 *
 * Pure: no I/O, no state. A struct frame is a borrowed view into the bytes it was decoded from and ends with them. Both
 * header serializations are read, whatever was sent, because a server may answer in its own; requests are always written
 * with a JSON header, which every server since 4.3 reads.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_WIRE_H
#define AGENT_SOURCE_ROCKETMQ_WIRE_H

#include "agent/base/err.h"
#include "agent/source/rocketmq/fastjson.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define WIRE_FRAME_MAX (256u << 20)      /* default for the most bytes after the length field; Java peers stop at 16 MiB */
#define WIRE_FRAME_MAX_LIMIT (512u << 20) /* the largest such limit: below it no length looks like four letters of text */
#define WIRE_HEADER_MAX (1u << 20)       /* bytes of header, both ways; remarks carry stack traces, so not too small */
#define WIRE_EXT_MAX 256                 /* ext fields of one frame, both ways */
#define WIRE_REMARK_TEXT 256             /* a good size for the text of wire_remark() */

/* What a server's version means; it stands in every response header. */
#define WIRE_VERSION(x, y, z) (213 + 2 * (((x)-4) * 100 + 10 * (y) + (z)))
#define WIRE_V4_9_1 WIRE_VERSION(4, 9, 1) /* brokers answer unknown codes (3) instead of staying silent */
#define WIRE_V4_9_4 WIRE_VERSION(4, 9, 4) /* 328; what we call ourselves: routes in standard JSON, no GO_AWAY */
#define WIRE_V5_0_0 WIRE_VERSION(5, 0, 0) /* name servers answer unknown codes; 61, 402, 901, 907 */
#define WIRE_V5_1_0 WIRE_VERSION(5, 1, 0)
#define WIRE_V5_3_2 WIRE_VERSION(5, 3, 2) /* topicList in 208 */
#define WIRE_V5_4_0 WIRE_VERSION(5, 4, 0) /* paging of 21 and 201 */
#define WIRE_V5_5_0 WIRE_VERSION(5, 5, 0)
#define WIRE_OUR_VERSION WIRE_V4_9_4

#define WIRE_VERSION_TEXT 16
/* 407 -> "4.9.7"; "" for 0 (not said); an ordinal outside the enum as its digits. Returns text. */
const char *wire_version_text(char text[WIRE_VERSION_TEXT], int version);

struct frame {
    int code;
    int version; /* of the sender, as ordinal */
    int32_t opaque;
    uint32_t flag;
    bool is_response;
    bool is_binary;     /* which serialization the header had */
    unsigned ext_count; /* ext fields */
    struct view remark; /* as written: a JSON remark still has its escapes; see wire_remark() */
    struct view ext;    /* as written, checked: see wire_ext() */
    struct view body;
};

/*
 * Decodes the first frame in data[0..len). > 0: bytes used; 0: more bytes are needed; -1: this is no frame, or one past a
 * limit (ERR_PROTO, ERR_LIMIT). frame_max bounds what follows the length field.
 */
ptrdiff_t wire_decode(const void *data, size_t len, size_t frame_max, struct frame *frame, struct err *err);

/* As wire_decode, but looks at the first eight bytes only: > 0: bytes the whole frame takes, whether they are there or not. */
ptrdiff_t wire_size(const void *data, size_t len, size_t frame_max, struct err *err);

/* What a peer that does not speak the protocol seems to be from its first bytes: "an HTTP server", "a TLS server"; or NULL. */
const char *wire_looks_like(const void *data, size_t len);

/* The value of ext field `key`, unescaped, NUL-terminated, in text. Its length; -1 if absent, null or longer than cap - 1. */
ptrdiff_t wire_ext(const struct frame *frame, const char *key, char *text, size_t cap);
bool wire_ext_i64(const struct frame *frame, const char *key, int64_t *value);

/* The remark for people: unescaped, one line, cut at a character to fit. Returns text, "" if there is none. */
const char *wire_remark(const struct frame *frame, char *text, size_t cap);

struct wire_field {
    const char *key;
    const char *value; /* NULL: the field is left out */
};

/*
 * Adds fields (AccessKey, Signature, ...) to each request. `sign` is given the request's fields and body and fills
 * added[]; the texts are its own and must stay until its next call. Returns how many, or -1.
 */
#define WIRE_SIGN_MAX 4
struct wire_signer {
    int (*sign)(void *ctx, const struct wire_field *fields, size_t count, struct view body,
                struct wire_field added[WIRE_SIGN_MAX], struct err *err);
    void *ctx;
};

struct wire_request {
    int code;
    int32_t opaque;
    const struct wire_field *fields; /* may be NULL */
    size_t field_count;
    struct view body;                 /* may be empty */
    const struct wire_signer *signer; /* may be NULL */
};

/* Appends the request's frame to buf. -1 (nothing appended) past WIRE_HEADER_MAX, WIRE_EXT_MAX or if signing failed. */
int wire_encode(struct buf *to, const struct wire_request *request, struct err *err);

#endif
