/*
 * body_topic_stats.c - the body of GET_TOPIC_STATS_INFO (202): where the queues of one topic begin and end.
 *
 *     {"offsetTable":{{"brokerName":"broker-a","queueId":3,"topic":"TopicA"}:
 *          {"lastUpdateTimestamp":1795176974159,"maxOffset":88,"minOffset":0},..},"topicPutTps":1.5}
 *
 * maxOffset is the next offset to be written. lastUpdateTimestamp is the broker's time when the last message was stored: 0
 * where there is none, -1 where it cannot be read. See bodies.h.
 */
#include "agent/source/rocketmq/bodies.h"

static void read_queue(struct json *j, struct body_queue *queue)
{
    struct json_key key;
    int64_t value;

    while (json_next_key(j, &key)) {
        if (json_key_is(&key, "maxOffset") && json_i64(j, &value)) {
            queue->max = body_offset(value);
            queue->is_beyond = value > BODY_OFFSET_MAX;
        } else if (json_key_is(&key, "minOffset") && json_i64(j, &value))
            queue->min = body_offset(value);
        else if (json_key_is(&key, "lastUpdateTimestamp") && json_i64(j, &value))
            queue->last_stored_ms = body_time(value);
    }
}

int body_topic_stats(struct view body, void (*queue)(void *ctx, const struct body_queue *queue), void *ctx, struct err *err)
{
    struct json j;
    struct json_key key, at;

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
                    read_queue(&j, &one);
                    if (one.max != BODY_NONE || one.is_beyond)
                        queue(ctx, &one);
                }
    return json_done(&j, err);
}
