/*
 * body_offsets.c - the body of GET_ALL_CONSUMER_OFFSET (43): all committed offsets of a broker.
 *
 *     {"dataVersion":{..},"groupTopicMap":{"G1":["TopicA"]},
 *      "offsetTable":{"TopicA@G1":{0:89,1:89},"%RETRY%G1@G1":{0:8},"T@GB@broadcast":{0:5}},
 *      "pullOffsetTable":{"TopicA@G1":{0:95,1:95}}}
 *
 * pullOffsetTable (5.5) has the shape of offsetTable, so the table is taken by its name. lmqOffsetTable holds plain
 * numbers and is not read. See bodies.h.
 */
#include "agent/source/rocketmq/bodies.h"

static void read_table(struct json *j, enum body_offset_table table, const struct body_offsets *to, void *ctx)
{
    struct json_key pair, key;
    int64_t queue, offset;

    while (json_next_key(j, &pair)) {
        if (pair.kind != JSON_KEY_TEXT || !to->pair(ctx, table, pair.text) || !json_enter_object(j))
            continue;
        while (json_next_key(j, &key)) {
            if (!json_key_i64(&key, &queue) || queue < 0 || queue >= BODY_QUEUES_MAX || !json_i64(j, &offset))
                continue;
            if (offset >= 0)
                to->queue(ctx, table, (uint32_t)queue, body_offset(offset));
        }
    }
}

int body_offsets(struct view body, const struct body_offsets *to, void *ctx, struct err *err)
{
    struct json j;
    struct json_key key;
    bool has_table = false;

    json_init(&j, body.data, body.len);
    if (json_enter_body(&j))
        while (json_next_key(&j, &key)) {
            if (json_key_is(&key, "offsetTable") && body_enter_table(&j, &has_table))
                read_table(&j, BODY_COMMITTED, to, ctx);
            else if (json_key_is(&key, "pullOffsetTable") && json_enter_object(&j))
                read_table(&j, BODY_PULLED, to, ctx);
        }
    return body_done(&j, has_table, "offsetTable", err);
}
