/*
 * body_consume_stats.c - the body of GET_CONSUME_STATS (208), asked with a list of topics: where their queues end.
 *
 *     {"consumeTps":0.0,"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"TopicA"}:
 *          {"brokerOffset":8,"consumerOffset":0,"lastTimestamp":0,"pullOffset":0},..}}
 *
 * brokerOffset is the next offset to be written. The rest is about the group that was named; we name one that has no
 * offsets (see lanes.c), so nothing of it is read. See bodies.h.
 */
#include "agent/source/rocketmq/bodies.h"

int body_consume_stats(struct view body, void (*queue)(void *ctx, const struct body_queue *queue), void *ctx, struct err *err)
{
    struct json j;
    struct json_key key, at, member;
    int64_t value;

    json_init(&j, body.data, body.len);
    if (json_enter_body(&j))
        while (json_next_key(&j, &key))
            if (json_key_is(&key, "offsetTable") && json_enter_object(&j))
                while (json_next_key(&j, &at)) {
                    if (at.kind != JSON_KEY_QUEUE || at.number < 0 || at.number >= BODY_QUEUES_MAX || !name_fits(at.topic) ||
                        !json_enter_object(&j))
                        continue;
                    struct body_queue one = { .topic = at.topic, .queue = (uint32_t)at.number,
                                              .min = BODY_NONE, .max = BODY_NONE, .last_stored_ms = BODY_NONE };
                    while (json_next_key(&j, &member))
                        if (json_key_is(&member, "brokerOffset") && json_i64(&j, &value))
                            one.max = body_offset(value);
                    if (one.max != BODY_NONE)
                        queue(ctx, &one);
                }
    return json_done(&j, err);
}
