/*
 * body.c - see body.h.
 *
 * The renderer fills `text`, which drains into deflate, which fills `bytes`. A page that never drained is small and is in `text`
 * as a whole.
 */
#include "sinks/pushgateway/body.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_FROM 2048 /* smaller pages fit into two packets anyway */

struct making {
    struct body *body;
    z_stream deflate;
};

static void deflate_some(struct making *m, const char *data, size_t len, int flush)
{
    const size_t step = 16 * 1024;

    m->deflate.next_in = (unsigned char *)data; /* zlib reads only */
    m->deflate.avail_in = (unsigned)len;
    do {
        m->deflate.next_out = (unsigned char *)buf_grow(&m->body->bytes, step);
        m->deflate.avail_out = (unsigned)step;
        int rc = deflate(&m->deflate, flush);
        assert(rc != Z_STREAM_ERROR);
        (void)rc;
        m->body->bytes.len += step - m->deflate.avail_out;
    } while (m->deflate.avail_out == 0);
}

/* Level 1: text of this kind shrinks 11 times; more effort gains little and costs the broker's host CPU. */
static void start_gzip(struct making *m)
{
    const int window_bits_gzip = 15 + 16;

    if (m->body->is_gzip)
        return;
    m->body->is_gzip = true;
    if (deflateInit2(&m->deflate, 1, Z_DEFLATED, window_bits_gzip, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort(); /* as xalloc does: nothing but memory can be missing */
}

static void end_gzip(struct making *m)
{
    start_gzip(m);
    deflate_some(m, m->body->text.data, m->body->text.len, Z_FINISH);
    deflateEnd(&m->deflate);
    buf_fini(&m->body->text);
}

static int take_text(void *ctx, const char *data, size_t len)
{
    start_gzip(ctx);
    deflate_some(ctx, data, len, Z_NO_FLUSH);
    return 0;
}

void body_make(struct body *body, const struct body_page *page, enum body_gzip gzip)
{
    struct making m = { .body = body };

    memset(body, 0, sizeof(*body));
    buf_init(&body->bytes, 0);
    if (gzip != BODY_PLAIN)
        buf_init_drain(&body->text, take_text, &m);
    else
        buf_init(&body->text, 0);
    body->count = prom_text_render(page->batch, page->families, page->labels, page->max_series, &body->text);
    if (gzip == BODY_GZIP || (gzip == BODY_GZIP_IF_LARGE && (body->is_gzip || body->text.len >= GZIP_FROM)))
        end_gzip(&m);
    const struct buf *sent = body->is_gzip ? &body->bytes : &body->text;
    body->data = sent->data;
    body->len = sent->len;
}

void body_fini(struct body *body)
{
    buf_fini(&body->text);
    buf_fini(&body->bytes);
}
