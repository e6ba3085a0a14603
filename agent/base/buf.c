/* buf.c - see buf.h. */
#include "agent/base/buf.h"

#include "agent/base/num.h"
#include "agent/base/xalloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf){ .limit = limit };
}

void buf_init_drain(struct buf *buf, int (*drain)(void *ctx, const char *data, size_t len), void *ctx)
{
    *buf = (struct buf){ .drain = drain, .drain_ctx = ctx };
}

void buf_fini(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){ 0 };
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->drained = 0;
    buf->failed = false;
}

/* Room for len bytes, and for `spare` more that are never counted (the NUL of vsnprintf). */
static char *reserve(struct buf *buf, size_t len, size_t spare)
{
    if (buf->failed)
        return NULL;
    if (len > SIZE_MAX / 4 || (buf->limit > 0 && buf->len + len > buf->limit)) {
        buf->failed = true;
        return NULL;
    }
    size_t need = buf->len + len + spare;
    if (need > buf->cap || buf->data == NULL) {
        size_t cap = buf->cap > 0 ? buf->cap : 256;
        while (cap < need)
            cap *= 2;
        buf->data = xrealloc(buf->data, cap, 1);
        buf->cap = cap;
    }
    return buf->data + buf->len;
}

char *buf_grow(struct buf *buf, size_t len)
{
    return reserve(buf, len, 0);
}

void buf_put(struct buf *buf, const void *data, size_t len)
{
    char *to = buf_grow(buf, len);

    if (to != NULL && len > 0) {
        memcpy(to, data, len);
        buf->len += len;
    }
}

void buf_puts(struct buf *buf, const char *s)
{
    buf_put(buf, s, strlen(s));
}

void buf_putc(struct buf *buf, char c)
{
    buf_put(buf, &c, 1);
}

void buf_put_u64(struct buf *buf, uint64_t value)
{
    char text[NUM_TEXT_MAX];

    buf_put(buf, text, num_from_u64(text, value));
}

void buf_put_i64(struct buf *buf, int64_t value)
{
    char text[NUM_TEXT_MAX];

    buf_put(buf, text, num_from_i64(text, value));
}

void buf_put_real(struct buf *buf, double value)
{
    char text[NUM_TEXT_MAX];

    buf_put(buf, text, num_from_real(text, value));
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *to = len < 0 ? NULL : reserve(buf, (size_t)len, 1);
    if (to == NULL)
        return;
    va_start(ap, fmt);
    vsnprintf(to, (size_t)len + 1, fmt, ap);
    va_end(ap);
    buf->len += (size_t)len;
}

static void drain(struct buf *buf)
{
    if (buf->failed || buf->len == 0)
        return;
    if (buf->drain(buf->drain_ctx, buf->data, buf->len) < 0)
        buf->failed = true;
    buf->drained += buf->len;
    buf->len = 0;
}

void buf_row(struct buf *buf)
{
    if (buf->drain != NULL && buf->len >= BUF_DRAIN_AT)
        drain(buf);
}

int buf_flush(struct buf *buf)
{
    if (buf->drain != NULL)
        drain(buf);
    return buf->failed ? -1 : 0;
}

bool buf_failed(const struct buf *buf)
{
    return buf->failed;
}
