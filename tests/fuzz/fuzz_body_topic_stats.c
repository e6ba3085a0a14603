/* fuzz_body_topic_stats.c - any bytes as the body of 202. See fuzz_body.h. */
#include "tests/fuzz/fuzz_body.h"

static void on_queue(void *ctx, const struct body_queue *queue)
{
    (void)ctx;
    fuzz_touch_name(queue->topic);
    fuzz_require(queue->queue < BODY_QUEUES_MAX && (queue->max == BODY_NONE) == queue->is_beyond && queue->last_stored_ms >= BODY_NONE);
    fuzz_check_offset(queue->max);
    fuzz_check_offset(queue->min);
}

FUZZ_BODY(body_topic_stats(body, on_queue, NULL, &err))
