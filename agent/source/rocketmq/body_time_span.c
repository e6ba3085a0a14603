/*
 * body_time_span.c - the body of QUERY_CONSUME_TIME_SPAN (303): how long the queues of one topic have kept one group waiting.
 *
 *     {"consumeTimeSpanSet":[{"consumeTimeStamp":1795176950000,"consumeTimeStampStr":"2026-11-20#12:16:58:686","delayTime":126,
 *          "maxTimeStamp":..,"maxTimeStampStr":"..","messageQueue":{"brokerName":"broker-a","queueId":1,"topic":"T"},
 *          "minTimeStamp":1795176900000,"minTimeStampStr":".."},..]}
 *
 * delayTime is the broker's clock minus the store time of the message at the committed offset, 0 if there is none. Where that
 * message cannot be read, for instance because nothing was committed, its store time counts as -1: delayTime is then the
 * broker's clock plus one. Both are handed out as they stand; timelag.c tells them apart. See bodies.h.
 */
#include "agent/source/rocketmq/bodies.h"

static void read_queue(struct json *j, int64_t *queue)
{
    struct json_key key;

    while (json_next_key(j, &key))
        if (json_key_is(&key, "queueId"))
            json_i64(j, queue);
}

static void read_span(struct json *j, void (*span)(void *ctx, const struct body_span *span), void *ctx)
{
    struct body_span one = { .delay_ms = BODY_NONE, .min_stored_ms = BODY_NONE };
    struct json_key key;
    int64_t value, queue = -1;

    while (json_next_key(j, &key)) {
        if (json_key_is(&key, "delayTime") && json_i64(j, &value))
            one.delay_ms = body_time(value);
        else if (json_key_is(&key, "minTimeStamp") && json_i64(j, &value))
            one.min_stored_ms = body_time(value);
        else if (json_key_is(&key, "messageQueue") && json_enter_object(j))
            read_queue(j, &queue);
    }
    if (queue < 0 || queue >= BODY_QUEUES_MAX || one.delay_ms == BODY_NONE)
        return;
    one.queue = (uint32_t)queue;
    span(ctx, &one);
}

int body_time_span(struct view body, void (*span)(void *ctx, const struct body_span *span), void *ctx, struct err *err)
{
    struct json j;
    struct json_key key;

    json_init(&j, body.data, body.len);
    if (json_enter_body(&j))
        while (json_next_key(&j, &key))
            if (json_key_is(&key, "consumeTimeSpanSet") && json_enter_array(&j))
                while (json_next_item(&j))
                    if (json_enter_object(&j))
                        read_span(&j, span, ctx);
    return json_done(&j, err);
}
