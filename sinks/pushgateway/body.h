/*
 * body.h - a batch as the body of a request: a page of Prometheus text, compressed while it is rendered. Pure; any thread.
 *
 * What is held is the compressed body, never the text, unless the page is small or is to go as it is.
 */
#ifndef SINKS_PUSHGATEWAY_BODY_H
#define SINKS_PUSHGATEWAY_BODY_H

#include "agent/base/buf.h"
#include "sinks/prom_text.h"

#include <stdbool.h>
#include <stdint.h>

enum body_gzip { BODY_PLAIN, BODY_GZIP_IF_LARGE, BODY_GZIP };

struct body_page { /* as prom_text_render takes it */
    const struct batch *batch;
    const bool *families;
    const struct sink_label *labels;
    int64_t max_series;
};

struct body {
    const char *data;
    size_t len;
    bool is_gzip;
    struct prom_text_count count;
    struct buf text, bytes;
};

void body_make(struct body *body, const struct body_page *page, enum body_gzip gzip);
void body_fini(struct body *body);

#endif
