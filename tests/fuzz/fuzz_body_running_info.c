/* fuzz_body_running_info.c - any bytes as the body of 307. See fuzz_body.h. */
#include "tests/fuzz/fuzz_body.h"

static void on_queue(void *ctx, struct view topic, struct view broker, uint32_t queue, int64_t committed)
{
    (void)ctx;
    fuzz_touch_name(topic);
    fuzz_touch_name(broker);
    fuzz_require(queue < BODY_QUEUES_MAX);
    fuzz_check_offset(committed);
}

static void on_pop(void *ctx, struct view topic, int64_t unacknowledged)
{
    (void)ctx;
    fuzz_touch_name(topic);
    fuzz_require(unacknowledged >= 0 && unacknowledged <= BODY_OFFSET_MAX);
}

static void check_real(double value)
{
    fuzz_require(isnan(value) || (value >= 0 && isfinite(value)));
}

static void on_topic(void *ctx, const struct body_client_topic *t)
{
    (void)ctx;
    fuzz_touch_name(t->topic);
    fuzz_check_offset(t->failed);
    check_real(t->failed_rate);
    check_real(t->ok_rate);
    check_real(t->consume_rt_ms);
    check_real(t->pull_rt_ms);
    check_real(t->pull_rate);
}

static void on_subscription(void *ctx, struct view topic, uint64_t hash)
{
    (void)ctx;
    (void)hash;
    fuzz_touch_name(topic);
}

static void on_property(void *ctx, struct view name, struct view value)
{
    (void)ctx;
    fuzz_touch(name);
    fuzz_touch(value);
}

FUZZ_BODY(body_running_info(body, &(const struct body_running){ on_queue, on_pop, on_topic, on_subscription, on_property }, NULL, &err))
