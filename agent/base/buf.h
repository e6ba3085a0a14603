/*
 * buf.h - a growing run of bytes, with a cap or with a drain.
 *
 * Without a drain a buf collects everything (up to its limit). With a drain, whoever writes rows calls buf_row() after each
 * row and the bytes leave as soon as BUF_DRAIN_AT are there: so a page of 30 MB needs 64 KB. The first failure (limit
 * passed, drain said -1) is remembered: later writes do nothing and buf_failed() tells. One thread at a time.
 */
#ifndef AGENT_BASE_BUF_H
#define AGENT_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUF_DRAIN_AT (64 * 1024)

struct buf {
    char *data;
    size_t len, cap;
    size_t limit; /* most bytes held at once; 0 = none */
    int (*drain)(void *ctx, const char *data, size_t len); /* 0 or -1; may be NULL */
    void *drain_ctx;
    size_t drained; /* bytes that have left through drain */
    bool failed;
};

void buf_init(struct buf *buf, size_t limit);
void buf_init_drain(struct buf *buf, int (*drain)(void *ctx, const char *data, size_t len), void *ctx);
void buf_fini(struct buf *buf);
void buf_reset(struct buf *buf); /* empties, keeps the memory, forgets a failure */

char *buf_grow(struct buf *buf, size_t len); /* room for len more bytes at the end, not yet counted; NULL if over the limit */
void buf_put(struct buf *buf, const void *data, size_t len);
void buf_puts(struct buf *buf, const char *s);
void buf_putc(struct buf *buf, char c);
void buf_put_u64(struct buf *buf, uint64_t value);
void buf_put_i64(struct buf *buf, int64_t value);
void buf_put_real(struct buf *buf, double value); /* shortest text that reads back the same; -0 is 0; never locale dependent */
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void buf_row(struct buf *buf);  /* a row is complete: drain if enough has gathered */
int buf_flush(struct buf *buf); /* drain what is left; 0, or -1 if anything failed */
bool buf_failed(const struct buf *buf);

#endif
