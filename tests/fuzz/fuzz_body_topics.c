/* fuzz_body_topics.c - any bytes as the body of 21. See fuzz_body.h. */
#include "tests/fuzz/fuzz_body.h"

static void on_topic(void *ctx, struct view topic, uint32_t queues)
{
    (void)ctx;
    fuzz_touch_listed(topic);
    fuzz_sum += queues;
    fuzz_require(name_topic_kind(topic) < TOPIC_KINDS);
}

FUZZ_BODY(body_topics(body, on_topic, NULL, &(uint32_t){ 0 }, &err))
