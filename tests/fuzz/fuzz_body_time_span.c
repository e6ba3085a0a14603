/* fuzz_body_time_span.c - any bytes as the body of 303. See fuzz_body.h. */
#include "tests/fuzz/fuzz_body.h"

static void on_span(void *ctx, const struct body_span *span)
{
    (void)ctx;
    fuzz_require(span->queue < BODY_QUEUES_MAX && span->delay_ms >= 0 && span->delay_ms <= BODY_TIME_MAX);
    fuzz_require(span->min_stored_ms >= BODY_NONE && span->min_stored_ms <= BODY_TIME_MAX);
}

FUZZ_BODY(body_time_span(body, on_span, NULL, &err))
