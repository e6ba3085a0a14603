/*
 * fuzz_http_reply.c - any bytes as the answer of an HTTP peer: the first two bytes make the status, header lines follow as libcurl
 * hands them over, one a line; after an empty line the body, in pieces whose length each first byte tells.
 *
 * libcurl is not called: the part of http.c that reads what a peer has sent is compiled into this file. What must hold: what is kept
 * is one printable line, has no login in it, and the times are sane; a Pushgateway's answer has a meaning, and a refusal says why.
 */
#include "agent/net/http.c"

#include "sinks/pushgateway/answer.h"
#include "tests/fuzz/fuzz.h"

static void check_line(const char *text, size_t size)
{
    fuzz_require(memchr(text, '\0', size) != NULL && utf8_valid(text, strlen(text)));
    for (; *text != '\0'; text++)
        fuzz_require((unsigned char)*text >= ' ' && *text != 0x7f);
}

static void take_headers(struct http_exchange *x, const uint8_t **data, size_t *size)
{
    while (*size > 0 && !x->has_headers) {
        const uint8_t *end = memchr(*data, '\n', *size);
        size_t len = end != NULL ? (size_t)(end + 1 - *data) : *size;
        char *line = fuzz_text(*data, len);
        fuzz_require(take_header(line, 1, len, x) == len);
        free(line);
        *data += len;
        *size -= len;
    }
}

static void take_pieces(struct http_exchange *x, const uint8_t *data, size_t size)
{
    for (size_t len; size > 0 && !x->has_enough; data += len, size -= len) {
        len = data[0] < size ? data[0] + (size_t)1 : size;
        char *piece = fuzz_text(data, len);
        take_body(piece, 1, len, x);
        free(piece);
    }
}

static void check_judgement(const struct http_answer *answer)
{
    struct err err = { .kind = ERR_NONE };
    enum sink_result result = answer_judge(answer, "Pushgateway gw:9091", &err);

    fuzz_require(result == SINK_OK ? answer->status / 100 == 2 : err.kind != ERR_NONE);
    if (result != SINK_OK)
        check_line(err.msg, sizeof(err.msg));
    answer_refuses_gzip(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_answer answer = { 0 };
    struct buf wanted;
    char text[HTTP_TEXT_MAX];

    if (size < 2)
        return 0;
    buf_init(&wanted, 300);
    struct http_request request = { .answer = (data[0] & 0x80) != 0 ? &wanted : NULL };
    struct http_exchange x = { .request = &request, .answer = &answer };
    answer.status = (data[0] << 8 | data[1]) % 1000;
    data += 2, size -= 2;
    take_headers(&x, &data, &size);
    take_pieces(&x, data, size);
    memcpy(text, answer.text, x.text_len);
    make_printable(answer.text, sizeof(answer.text), text, x.text_len);
    check_line(answer.text, sizeof(answer.text));
    check_line(answer.location, sizeof(answer.location));
    fuzz_require(answer.date_s >= 0);
    check_judgement(&answer);
    buf_fini(&wanted);
    return 0;
}
