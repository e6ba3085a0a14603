/* test_wire.c - the claims of agent/source/rocketmq/wire.h and request_codes.h. */
#include "agent/source/rocketmq/wire.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/request_codes.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- helpers ---------------------------------------------------------------------------------------------------- */

struct fence {
    char *map;
    size_t size;
    char *data;
};

/* The bytes, ending where the next page may not be read. */
static struct fence fence_make(const char *data, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (len + page - 1) / page + 1;
    struct fence f = { .size = pages * page };

    f.map = mmap(NULL, f.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(f.map, MAP_FAILED);
    f.data = f.map + (pages - 1) * page - len;
    memcpy(f.data, data, len);
    mprotect(f.map + (pages - 1) * page, page, PROT_NONE);
    return f;
}

static void fence_free(struct fence *f)
{
    munmap(f->map, f->size);
}

static void put_number(struct buf *to, uint32_t v, int bytes)
{
    while (bytes-- > 0)
        buf_putc(to, (char)(v >> 8 * bytes & 0xFF));
}

static void put_hex(struct buf *to, const char *hex)
{
    unsigned byte;

    for (; *hex != '\0'; hex++) {
        if (*hex == ' ')
            continue;
        ck_assert_int_eq(sscanf(hex, "%2x", &byte), 1);
        buf_putc(to, (char)byte);
        hex++;
    }
}

static void put_frame(struct buf *to, unsigned type, const char *header, size_t header_len, const char *body)
{
    put_number(to, (uint32_t)(4 + header_len + strlen(body)), 4);
    put_number(to, type << 24 | (uint32_t)header_len, 4);
    buf_put(to, header, header_len);
    buf_puts(to, body);
}

static void put_json(struct buf *to, const char *header, const char *body)
{
    put_frame(to, 0, header, strlen(header), body);
}

static ptrdiff_t decode(const struct buf *b, struct frame *f, struct err *err)
{
    return wire_decode(b->data, b->len, WIRE_FRAME_MAX, f, err);
}

static void must_decode(const struct buf *b, struct frame *f)
{
    struct err err = { 0 };

    ck_assert_msg(decode(b, f, &err) == (ptrdiff_t)b->len, "%s", err.msg);
}

static void ck_ext(const struct frame *f, const char *key, const char *expected)
{
    char text[256];
    ptrdiff_t len = wire_ext(f, key, text, sizeof(text));

    ck_assert_msg(len == (ptrdiff_t)strlen(expected) && strcmp(text, expected) == 0, "%s: '%s' is not '%s'", key,
                  len < 0 ? "(absent)" : text, expected);
}

static void ck_fails(const struct buf *b, enum err_kind kind, const char *says)
{
    struct frame f;
    struct err err = { 0 };

    ck_assert_msg(decode(b, &f, &err) == -1, "accepted; expected: %s", says);
    ck_assert_msg(err.kind == kind && strstr(err.msg, says) != NULL, "%s: %s; expected: %s", err_kind_name(err.kind),
                  err.msg, says);
}

static const char response_json[] =
    "{\"code\":0,\"extFields\":{\"offset\":\"9007199254740993\",\"a\\\"b\":\"x\\ny\"},\"flag\":1,\"language\":\"JAVA\","
    "\"opaque\":7,\"remark\":\"line 1\\n\\tat x \\\"y\\\"\",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":409}";

/* A response in binary with remark and ext. */
static void put_binary(struct buf *to, const char *remark, unsigned fields, const char *body)
{
    struct buf header, ext;

    buf_init(&header, 0);
    buf_init(&ext, 0);
    for (unsigned i = 0; i < fields; i++) {
        char key[16], value[16];
        put_number(&ext, (uint32_t)snprintf(key, sizeof(key), "k%u", i), 2);
        buf_puts(&ext, key);
        put_number(&ext, (uint32_t)snprintf(value, sizeof(value), "v%u", i), 4);
        buf_puts(&ext, value);
    }
    put_hex(&header, "0011 00 0199 00000007 00000001");
    put_number(&header, (uint32_t)strlen(remark), 4);
    buf_puts(&header, remark);
    put_number(&header, (uint32_t)ext.len, 4);
    buf_put(&header, ext.data, ext.len);
    put_frame(to, 1, header.data, header.len, body);
    buf_fini(&header);
    buf_fini(&ext);
}

/* ---- decoding --------------------------------------------------------------------------------------------------- */

START_TEST(a_json_response_is_decoded)
{
    struct buf b;
    struct frame f;
    char remark[WIRE_REMARK_TEXT];
    int64_t offset;

    buf_init(&b, 0);
    put_json(&b, response_json, "{\"x\":1}");
    must_decode(&b, &f);
    ck_assert_int_eq(f.code, 0);
    ck_assert_int_eq(f.opaque, 7);
    ck_assert_int_eq(f.version, 409);
    ck_assert(f.is_response && !f.is_binary);
    ck_assert_uint_eq(f.ext_count, 2);
    ck_assert(view_is(f.body, "{\"x\":1}"));
    ck_assert(wire_ext_i64(&f, "offset", &offset) && offset == 9007199254740993);
    ck_ext(&f, "a\"b", "x\ny");
    ck_assert_str_eq(wire_remark(&f, remark, sizeof(remark)), "line 1 at x \"y\"");
    buf_fini(&b);
}
END_TEST

START_TEST(a_binary_response_of_a_4_9_8_broker_is_decoded)
{
    struct buf b;
    struct frame f;
    char remark[WIRE_REMARK_TEXT];

    buf_init(&b, 0);
    put_hex(&b, "00000019 01000015 0000 00 0199 00000004 00000001 00000000 00000000");
    must_decode(&b, &f);
    ck_assert_int_eq(f.code, 0);
    ck_assert_int_eq(f.version, 409);
    ck_assert_int_eq(f.opaque, 4);
    ck_assert(f.is_response && f.is_binary);
    ck_assert_uint_eq(f.ext_count, 0);
    ck_assert_uint_eq(f.body.len, 0);
    ck_assert_str_eq(wire_remark(&f, remark, sizeof(remark)), "");
    buf_fini(&b);
}
END_TEST

START_TEST(a_binary_request_with_ext_is_decoded)
{
    struct buf b;
    struct frame f;

    buf_init(&b, 0);
    put_hex(&b, "00000038 01000034 001e 07 0000 00000001 00000000 00000000 0000001f 0005 746f706963 00000006 546f70696341 "
                "0007 71756575654964 00000001 30");
    must_decode(&b, &f);
    ck_assert_int_eq(f.code, RMQ_GET_MAX_OFFSET);
    ck_assert(!f.is_response);
    ck_ext(&f, "topic", "TopicA");
    ck_ext(&f, "queueId", "0");
    ck_assert_int_eq(wire_ext(&f, "group", (char[8]){ 0 }, 8), -1);
    buf_fini(&b);
}
END_TEST

START_TEST(binary_and_json_say_the_same)
{
    struct buf b;
    struct frame f;
    char remark[WIRE_REMARK_TEXT];

    buf_init(&b, 0);
    put_binary(&b, " The topic\x01 is \xe4\xb8\xad \xff", 2, "body");
    must_decode(&b, &f);
    ck_assert_int_eq(f.code, RMQ_RESPONSE_TOPIC_NOT_EXIST);
    ck_ext(&f, "k1", "v1");
    ck_assert_str_eq(wire_remark(&f, remark, sizeof(remark)), "The topic is \xe4\xb8\xad ?");
    ck_assert(view_is(f.body, "body"));
    buf_fini(&b);
}
END_TEST

static const struct {
    const char *header;
    int code, version, opaque;
    bool is_response;
    unsigned ext_count;
} tolerated[] = {
    { "{\"code\":31,\"opaque\":7}", 31, 0, 7, false, 0 },
    { "{\"code\":0,\"flag\":1,\"opaque\":1,\"extFields\":{}}", 0, 0, 1, true, 0 },
    { "{\"code\":0,\"flag\":1,\"opaque\":1,\"extFields\":null,\"remark\":null}", 0, 0, 1, true, 0 },
    { "{\"code\":0,\"flag\":1,\"opaque\":1,\"extFields\":\"no\",\"remark\":5}", 0, 0, 1, true, 0 },
    { "{\"extFields\":{\"n\":5,\"b\":true,\"z\":null,\"o\":{}},\"opaque\":-2,\"flag\":1,\"code\":200050}", 200050, 0, -2,
      true, 4 },
    { " { \"code\" : 1 , \"flag\" : 3 , \"unknown\" : [ { } ] , \"version\" : 461 } ", 1, 461, 0, true, 0 },
    { "{\"code\":\"17\",\"flag\":\"1\",\"version\":99999999999}", 17, 0, 0, true, 0 },
};

START_TEST(odd_json_headers_are_tolerated)
{
    struct buf b;
    struct frame f;
    struct err err = { 0 };

    buf_init(&b, 0);
    put_json(&b, tolerated[_i].header, "");
    ck_assert_msg(decode(&b, &f, &err) > 0, "%s: %s", tolerated[_i].header, err.msg);
    ck_assert_int_eq(f.code, tolerated[_i].code);
    ck_assert_int_eq(f.version, tolerated[_i].version);
    ck_assert_int_eq(f.opaque, tolerated[_i].opaque);
    ck_assert_int_eq(f.is_response, tolerated[_i].is_response);
    ck_assert_uint_eq(f.ext_count, tolerated[_i].ext_count);
    buf_fini(&b);
}
END_TEST

START_TEST(ext_values_may_be_numbers_or_null)
{
    struct buf b;
    struct frame f;
    char text[64];
    int64_t n;

    buf_init(&b, 0);
    put_json(&b, tolerated[4].header, "");
    must_decode(&b, &f);
    ck_ext(&f, "n", "5");
    ck_ext(&f, "b", "true");
    ck_assert_int_eq(wire_ext(&f, "z", text, sizeof(text)), -1);
    ck_assert_int_eq(wire_ext(&f, "o", text, sizeof(text)), -1);
    ck_assert(wire_ext_i64(&f, "n", &n) && n == 5);
    ck_assert(!wire_ext_i64(&f, "b", &n));
    ck_assert_int_eq(wire_ext(&f, "b", text, 5), 4);
    ck_assert_int_eq(wire_ext(&f, "b", text, 4), -1);
    buf_fini(&b);
}
END_TEST

START_TEST(the_last_of_two_equal_keys_counts)
{
    struct buf b;
    struct frame f;

    buf_init(&b, 0);
    put_json(&b, "{\"code\":0,\"extFields\":{\"a\":\"1\",\"b\":\"x\",\"a\":\"2\"}}", "");
    must_decode(&b, &f);
    ck_ext(&f, "a", "2");
    buf_fini(&b);
}
END_TEST

/* ---- what is wrong ---------------------------------------------------------------------------------------------- */

static const struct {
    const char *header, *says;
} bad_headers[] = {
    { "", "JSON header: body at byte 0 of 0" },
    { "[]", "expected an object" },
    { "{\"code\":1", "JSON header" },
    { "{}", "without a code" },
    { "{\"code\":null}", "without a code" },
    { "{\"code\":4294967296}", "no 32-bit integer" },
    { "{\"code\":0,\"opaque\":2147483648}", "no 32-bit integer" },
    { "{\"code\":0} {\"code\":1}", "expected nothing more" },
    { "{\"code\":0,\"extFields\":{\"a\":}}", "extFields" },
    { "{\"code\":0,\"extFields\":{\"a\":\"\\q\"}}", "extFields" },
};

START_TEST(a_bad_json_header_is_refused)
{
    struct buf b;

    buf_init(&b, 0);
    put_json(&b, bad_headers[_i].header, "body");
    ck_fails(&b, ERR_PROTO, bad_headers[_i].says);
    buf_fini(&b);
}
END_TEST

static const struct {
    const char *hex, *says;
} bad_frames[] = {
    { "00000003 000000", "frame of 3 bytes" },
    { "00000000", "frame of 0 bytes" },
    { "00000008 00000005 00000000", "header of 5 bytes in a frame of 8" },
    { "00000008 02000004 00000000", "header serialization 2" },
    { "00000018 01000014 0000000199000000040000000100000000000000", "binary header of 20 bytes" },
    { "00000019 01000015 0000 00 0199 00000004 00000001 00000001 00000000", "remark or ext do not fit" },
    { "00000019 01000015 0000 00 0199 00000004 00000001 ffffffff 00000000", "remark or ext do not fit" },
    { "00000019 01000015 0000 00 0199 00000004 00000001 00000000 00000001", "remark or ext do not fit" },
    { "0000001a 01000016 0000 00 0199 00000004 00000001 00000000 00000000 00", "1 bytes left over" },
    { "0000001b 01000017 0000 00 0199 00000004 00000001 00000000 00000002 0000", "ext field 1 does not fit" },
    { "0000001f 0100001b 0000 00 0199 00000004 00000001 00000000 00000006 0000 00000001", "ext field 1 does not fit" },
    { "0000001f 0100001b 0000 00 0199 00000004 00000001 00000000 00000006 0000 ffffffff", "ext field 1 does not fit" },
};

START_TEST(a_bad_frame_is_refused)
{
    struct buf b;

    buf_init(&b, 0);
    put_hex(&b, bad_frames[_i].hex);
    ck_fails(&b, ERR_PROTO, bad_frames[_i].says);
    buf_fini(&b);
}
END_TEST

static const struct {
    const char *bytes, *says;
} strangers[] = {
    { "HTTP/1.1 400 Bad Request\r\n", "this is an HTTP server, not RocketMQ" },
    { "<html>", "this is an HTTP server, not RocketMQ" },
    { "\x15\x03\x01\x02\x02\x02\x46", "this is a TLS server, not RocketMQ" },
    { "SSH-2.0-OpenSSH_9.2", "this is an SSH server, not RocketMQ" },
    { "-ERR unknown command", "this is not RocketMQ: the answer begins with \"-ERR\"" },
    { "220 mail", "this is not RocketMQ: the answer begins with \"220 \"" },
};

START_TEST(a_stranger_is_named)
{
    struct buf b;

    buf_init(&b, 0);
    buf_puts(&b, strangers[_i].bytes);
    ck_fails(&b, ERR_PROTO, strangers[_i].says);
    buf_reset(&b);
    buf_put(&b, strangers[_i].bytes, 4); /* four bytes are enough to know */
    ck_assert_int_eq(wire_size(b.data, b.len, WIRE_FRAME_MAX, NULL), -1);
    buf_fini(&b);
}
END_TEST

/* ---- limits ----------------------------------------------------------------------------------------------------- */

START_TEST(a_frame_of_the_limit_is_announced_and_one_past_refused)
{
    struct buf b;
    struct err err = { 0 };
    size_t limits[] = { 1000, 16 << 20, WIRE_FRAME_MAX, WIRE_FRAME_MAX_LIMIT };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        buf_init(&b, 0);
        put_number(&b, (uint32_t)limits[i], 4);
        put_number(&b, 21, 4);
        ck_assert_int_eq(wire_size(b.data, b.len, limits[i], NULL), (ptrdiff_t)limits[i] + 4);
        ck_assert_int_eq(wire_size(b.data, b.len, limits[i] - 1, &err), -1);
        ck_assert_int_eq(err.kind, ERR_LIMIT);
        ck_assert_int_eq(wire_size(b.data, 4, limits[i] - 1, NULL), -1);
        buf_fini(&b);
    }
}
END_TEST

START_TEST(a_frame_of_exactly_the_limit_is_decoded)
{
    struct buf b;
    struct frame f;
    struct err err = { 0 };

    buf_init(&b, 0);
    put_json(&b, "{\"code\":0}", "0123456789");
    ck_assert_int_eq(wire_decode(b.data, b.len, b.len - 4, &f, &err), (ptrdiff_t)b.len);
    ck_assert_int_eq(wire_decode(b.data, b.len, b.len - 5, &f, &err), -1);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    buf_fini(&b);
}
END_TEST

START_TEST(a_header_of_a_mebibyte_is_decoded_and_one_byte_more_refused)
{
    for (int over = 0; over < 2; over++) {
        struct buf b, header;
        struct frame f;
        buf_init(&b, 0);
        buf_init(&header, 0);
        buf_puts(&header, "{\"code\":0,\"remark\":\"");
        while (header.len < WIRE_HEADER_MAX - 2 + (size_t)over)
            buf_putc(&header, 'x');
        buf_puts(&header, "\"}");
        put_frame(&b, 0, header.data, header.len, "");
        if (over)
            ck_fails(&b, ERR_LIMIT, "limit is 1048576");
        else
            must_decode(&b, &f);
        buf_fini(&b);
        buf_fini(&header);
    }
}
END_TEST

START_TEST(ext_fields_up_to_256_are_decoded_and_one_more_refused)
{
    for (unsigned count = WIRE_EXT_MAX; count <= WIRE_EXT_MAX + 1; count++) {
        struct buf json, binary, header;
        struct frame f;
        buf_init(&json, 0);
        buf_init(&binary, 0);
        buf_init(&header, 0);
        buf_puts(&header, "{\"code\":0,\"extFields\":{");
        for (unsigned i = 0; i < count; i++)
            buf_printf(&header, "%s\"k%u\":\"v%u\"", i > 0 ? "," : "", i, i);
        buf_puts(&header, "}}");
        put_frame(&json, 0, header.data, header.len, "");
        put_binary(&binary, "", count, "");
        if (count > WIRE_EXT_MAX) {
            ck_fails(&json, ERR_LIMIT, "ext fields");
            ck_fails(&binary, ERR_LIMIT, "ext fields");
        } else {
            must_decode(&json, &f);
            ck_ext(&f, "k255", "v255");
            must_decode(&binary, &f);
            ck_ext(&f, "k255", "v255");
            ck_assert_uint_eq(f.ext_count, 256);
        }
        buf_fini(&json);
        buf_fini(&binary);
        buf_fini(&header);
    }
}
END_TEST

/* ---- properties ------------------------------------------------------------------------------------------------- */

static void put_sample(struct buf *to, int which)
{
    if (which == 0)
        put_json(to, response_json, "{\"offsetTable\":{}}");
    else
        put_binary(to, "remark", 3, "{\"offsetTable\":{}}");
}

START_TEST(a_frame_cut_anywhere_waits_for_the_rest)
{
    struct buf b;
    struct frame f;

    buf_init(&b, 0);
    put_sample(&b, _i);
    for (size_t cut = 0; cut < b.len; cut++) {
        struct fence fence = fence_make(b.data, cut);
        ck_assert_msg(wire_decode(fence.data, cut, WIRE_FRAME_MAX, &f, NULL) == 0, "cut at %zu", cut);
        fence_free(&fence);
    }
    struct fence fence = fence_make(b.data, b.len);
    ck_assert_int_eq(wire_decode(fence.data, b.len, WIRE_FRAME_MAX, &f, NULL), (ptrdiff_t)b.len);
    ck_assert_int_eq(f.opaque, 7);
    fence_free(&fence);
    buf_fini(&b);
}
END_TEST

START_TEST(only_the_first_of_two_frames_is_taken)
{
    struct buf b;
    struct frame f;

    buf_init(&b, 0);
    put_sample(&b, 0);
    size_t first = b.len;
    put_sample(&b, 1);
    ck_assert_int_eq(decode(&b, &f, NULL), (ptrdiff_t)first);
    ck_assert(!f.is_binary);
    ck_assert_int_eq(wire_decode(b.data + first, b.len - first, WIRE_FRAME_MAX, &f, NULL), (ptrdiff_t)(b.len - first));
    ck_assert(f.is_binary);
    buf_fini(&b);
}
END_TEST

START_TEST(random_damage_is_survived)
{
    uint64_t seed = unit_seed(), state = seed;
    struct buf b;
    struct frame f;
    char text[64];

    printf("UNIT_SEED=%" PRIu64 "\n", seed);
    buf_init(&b, 0);
    put_sample(&b, _i);
    for (int round = 0; round < 20000; round++) {
        struct fence fence = fence_make(b.data, b.len);
        for (uint64_t k = 1 + unit_random(&state) % 3; k > 0; k--)
            fence.data[unit_random(&state) % b.len] ^= (char)(1 << unit_random(&state) % 8);
        ptrdiff_t n = wire_decode(fence.data, b.len, WIRE_FRAME_MAX, &f, NULL);
        ck_assert_msg(n <= (ptrdiff_t)b.len, "UNIT_SEED=%" PRIu64, seed);
        if (n > 0) {
            wire_ext(&f, "k1", text, sizeof(text));
            wire_remark(&f, text, sizeof(text));
        }
        fence_free(&fence);
    }
    buf_fini(&b);
}
END_TEST

/* ---- requests --------------------------------------------------------------------------------------------------- */

START_TEST(the_request_of_the_fact_sheet)
{
    struct buf b;

    buf_init(&b, 0);
    ck_assert_int_eq(wire_encode(&b, &(struct wire_request){ .code = 28, .opaque = 1 }, NULL), 0);
    ck_assert_uint_eq(b.len, 72);
    ck_assert_mem_eq(b.data, "\0\0\0\x44\0\0\0\x40", 8);
    ck_assert_mem_eq(b.data + 8, "{\"code\":28,\"language\":\"OTHER\",\"version\":401,\"opaque\":1,\"flag\":0}", 64);
    buf_fini(&b);
}
END_TEST

START_TEST(what_is_encoded_is_decoded)
{
    const struct wire_field fields[] = {
        { "topic", "T_\xe4\xb8\xad" }, { "odd", "a\"b\\c\nd\x01/\x7f" }, { "left out", NULL }, { "empty", "" }, { "k\"", "v" },
    };
    struct wire_request r = { .code = 208, .opaque = INT32_MAX, .fields = fields, .field_count = 5, .body = { "body", 4 } };
    struct buf b;
    struct frame f;

    buf_init(&b, 0);
    buf_puts(&b, "before");
    ck_assert_int_eq(wire_encode(&b, &r, NULL), 0);
    ck_assert_int_eq(wire_decode(b.data + 6, b.len - 6, WIRE_FRAME_MAX, &f, NULL), (ptrdiff_t)b.len - 6);
    ck_assert_int_eq(f.code, 208);
    ck_assert_int_eq(f.opaque, INT32_MAX);
    ck_assert_int_eq(f.version, WIRE_OUR_VERSION);
    ck_assert(!f.is_response);
    ck_assert_uint_eq(f.ext_count, 4);
    ck_ext(&f, "topic", "T_\xe4\xb8\xad");
    ck_ext(&f, "odd", "a\"b\\c\nd\x01/\x7f");
    ck_ext(&f, "empty", "");
    ck_ext(&f, "k\"", "v");
    ck_assert(view_is(f.body, "body"));
    buf_fini(&b);
}
END_TEST

START_TEST(a_request_past_a_limit_leaves_nothing_behind)
{
    char *large = xmalloc(WIRE_HEADER_MAX + 1);
    struct wire_field many[WIRE_EXT_MAX + 1], one = { "k", large };
    struct buf b, tight;
    struct err err = { 0 };
    size_t fixed;

    memset(large, 'x', WIRE_HEADER_MAX);
    for (size_t i = 0; i <= WIRE_EXT_MAX; i++)
        many[i] = (struct wire_field){ "k", "v" };
    buf_init(&b, 0);
    ck_assert_int_eq(wire_encode(&b, &(struct wire_request){ .fields = many, .field_count = WIRE_EXT_MAX }, NULL), 0);
    buf_reset(&b);
    ck_assert_int_eq(wire_encode(&b, &(struct wire_request){ .fields = many, .field_count = WIRE_EXT_MAX + 1 }, &err), -1);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert_uint_eq(b.len, 0);
    large[0] = '\0';
    ck_assert_int_eq(wire_encode(&b, &(struct wire_request){ .fields = &one, .field_count = 1 }, NULL), 0);
    fixed = b.len - 8;
    buf_reset(&b);
    large[0] = 'x';
    large[WIRE_HEADER_MAX - fixed] = '\0';
    ck_assert_int_eq(wire_encode(&b, &(struct wire_request){ .fields = &one, .field_count = 1 }, NULL), 0);
    ck_assert_uint_eq(b.len, WIRE_HEADER_MAX + 8);
    buf_reset(&b);
    large[WIRE_HEADER_MAX - fixed] = 'x';
    large[WIRE_HEADER_MAX - fixed + 1] = '\0';
    ck_assert_int_eq(wire_encode(&b, &(struct wire_request){ .fields = &one, .field_count = 1 }, &err), -1);
    ck_assert_uint_eq(b.len, 0);
    buf_init(&tight, 40);
    ck_assert_int_eq(wire_encode(&tight, &(struct wire_request){ .code = 28 }, &err), -1);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    buf_fini(&tight);
    buf_fini(&b);
    free(large);
}
END_TEST

static int sign_with(void *ctx, const struct wire_field *fields, size_t count, struct view body,
                     struct wire_field added[WIRE_SIGN_MAX], struct err *err)
{
    if (ctx == NULL)
        return err_set(err, ERR_CONFIG, "no key");
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(fields[0].value, "T");
    ck_assert(view_is(body, "body"));
    added[0] = (struct wire_field){ "AccessKey", ctx };
    added[1] = (struct wire_field){ "Signature", "s=" };
    return 2;
}

START_TEST(a_signer_adds_its_fields)
{
    char name[] = "ak";
    struct wire_signer signer = { sign_with, name }, broken = { sign_with, NULL };
    struct wire_field field = { "topic", "T" };
    struct wire_request r = { .code = 202, .fields = &field, .field_count = 1, .body = { "body", 4 }, .signer = &signer };
    struct buf b;
    struct frame f;
    struct err err = { 0 };

    buf_init(&b, 0);
    ck_assert_int_eq(wire_encode(&b, &r, NULL), 0);
    must_decode(&b, &f);
    ck_assert_uint_eq(f.ext_count, 3);
    ck_ext(&f, "topic", "T");
    ck_ext(&f, "AccessKey", "ak");
    ck_ext(&f, "Signature", "s=");
    buf_reset(&b);
    r.signer = &broken;
    ck_assert_int_eq(wire_encode(&b, &r, &err), -1);
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    ck_assert_uint_eq(b.len, 0);
    buf_fini(&b);
}
END_TEST

/* ---- texts for people ------------------------------------------------------------------------------------------- */

START_TEST(a_remark_is_cut_at_a_character)
{
    struct buf b;
    struct frame f;
    char text[8];

    buf_init(&b, 0);
    put_json(&b, "{\"code\":1,\"remark\":\"\\u4e2d\xe4\xb8\xad\xe4\xb8\xad\"}", "");
    must_decode(&b, &f);
    ck_assert_str_eq(wire_remark(&f, text, 8), "\xe4\xb8\xad\xe4\xb8\xad");
    ck_assert_str_eq(wire_remark(&f, text, 7), "\xe4\xb8\xad\xe4\xb8\xad");
    ck_assert_str_eq(wire_remark(&f, text, 6), "\xe4\xb8\xad");
    ck_assert_str_eq(wire_remark(&f, text, 1), "");
    buf_fini(&b);
}
END_TEST

START_TEST(versions_read_as_people_say_them)
{
    static const struct {
        int ordinal;
        const char *text;
    } known[] = { { 277, "4.3.2" }, { 407, "4.9.7" },  { 401, "4.9.4" }, { 413, "5.0.0" }, { 441, "5.1.4" }, { 479, "5.3.3" },
                  { 493, "5.4.0" }, { 611, "5.9.9" },  { 0, "" },        { 1, "1" },       { -3, "-3" },     { 99999, "99999" },
                  { 213, "4.0.0" }, { 212, "212" },    { 478, "5.3.2" },
                  { INT32_MIN, "-2147483648" }, { INT32_MAX, "2147483647" } };
    char text[WIRE_VERSION_TEXT];

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        ck_assert_str_eq(wire_version_text(text, known[i].ordinal), known[i].text);
    ck_assert_int_eq(WIRE_V4_9_4, 401);
    ck_assert_int_eq(WIRE_V5_3_2, 477);
    ck_assert_int_eq(WIRE_V5_0_0, 413);
    ck_assert_int_eq(WIRE_V5_4_0, 493);
}
END_TEST

START_TEST(codes_have_names)
{
    ck_assert_str_eq(rmq_code_name(202), "GET_TOPIC_STATS_INFO");
    ck_assert_str_eq(rmq_code_name(206), "GET_ALL_TOPIC_LIST_FROM_NAMESERVER");
    ck_assert_str_eq(rmq_code_name(4711), "request");
    ck_assert_str_eq(rmq_response_name(206), "CONSUMER_NOT_ONLINE");
    ck_assert_str_eq(rmq_response_name(0), "SUCCESS");
    ck_assert_str_eq(rmq_response_name(4711), "");
    ck_assert_int_eq(RMQ_GET_BROKER_HA_STATUS, 907);
    ck_assert_int_eq(RMQ_RESPONSE_NO_PERMISSION, 16);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
    Suite *suite = suite_create("wire");
    TCase *decoding = unit_case(suite, "decoding"), *wrong = unit_case(suite, "wrong"), *limits = unit_case(suite, "limits");
    TCase *properties = unit_case(suite, "properties"), *requests = unit_case(suite, "requests");

    tcase_add_test(decoding, a_json_response_is_decoded);
    tcase_add_test(decoding, a_binary_response_of_a_4_9_8_broker_is_decoded);
    tcase_add_test(decoding, a_binary_request_with_ext_is_decoded);
    tcase_add_test(decoding, binary_and_json_say_the_same);
    tcase_add_loop_test(decoding, odd_json_headers_are_tolerated, 0, COUNT(tolerated));
    tcase_add_test(decoding, ext_values_may_be_numbers_or_null);
    tcase_add_test(decoding, the_last_of_two_equal_keys_counts);
    tcase_add_loop_test(wrong, a_bad_json_header_is_refused, 0, COUNT(bad_headers));
    tcase_add_loop_test(wrong, a_bad_frame_is_refused, 0, COUNT(bad_frames));
    tcase_add_loop_test(wrong, a_stranger_is_named, 0, COUNT(strangers));
    tcase_add_test(limits, a_frame_of_the_limit_is_announced_and_one_past_refused);
    tcase_add_test(limits, a_frame_of_exactly_the_limit_is_decoded);
    tcase_add_test(limits, a_header_of_a_mebibyte_is_decoded_and_one_byte_more_refused);
    tcase_add_test(limits, ext_fields_up_to_256_are_decoded_and_one_more_refused);
    tcase_add_loop_test(properties, a_frame_cut_anywhere_waits_for_the_rest, 0, 2);
    tcase_add_test(properties, only_the_first_of_two_frames_is_taken);
    tcase_add_loop_test(properties, random_damage_is_survived, 0, 2);
    tcase_add_test(requests, the_request_of_the_fact_sheet);
    tcase_add_test(requests, what_is_encoded_is_decoded);
    tcase_add_test(requests, a_request_past_a_limit_leaves_nothing_behind);
    tcase_add_test(requests, a_signer_adds_its_fields);
    tcase_add_test(requests, a_remark_is_cut_at_a_character);
    tcase_add_test(requests, versions_read_as_people_say_them);
    tcase_add_test(requests, codes_have_names);
    return unit_main(suite);
}
