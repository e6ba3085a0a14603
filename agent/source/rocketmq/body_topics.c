/*
 * body_topics.c - the body of GET_ALL_TOPIC_CONFIG (21): the topics a broker has.
 *
 *     {"dataVersion":{..},"topicConfigTable":{"TopicA":{"order":false,"perm":6,"readQueueNums":4,"topicFilterType":"SINGLE_TAG",
 *         "topicName":"TopicA","topicSysFlag":0,"writeQueueNums":4},..}}
 *
 * 5.x adds tables about static topics, with bare integer keys in them; they are skipped. See bodies.h.
 */
#include "agent/source/rocketmq/bodies.h"

int body_topics(struct view body, void (*topic)(void *ctx, struct view topic, uint32_t queues), void *ctx, uint32_t *names,
                struct err *err)
{
    struct json j;
    struct json_key key, name, member;
    int64_t value;
    bool has_table = false;

    *names = 0;
    json_init(&j, body.data, body.len);
    if (json_enter_body(&j))
        while (json_next_key(&j, &key))
            if (json_key_is(&key, "topicConfigTable") && body_enter_table(&j, &has_table))
                for (; json_next_key(&j, &name); ++*names) {
                    if (name.kind != JSON_KEY_TEXT || !name_is_whole(name.text) || !json_enter_object(&j))
                        continue;
                    int64_t queues = 0;
                    while (json_next_key(&j, &member))
                        if ((json_key_is(&member, "readQueueNums") || json_key_is(&member, "writeQueueNums")) &&
                            json_i64(&j, &value) && value > queues)
                            queues = value;
                    topic(ctx, name.text, queues < UINT32_MAX ? (uint32_t)queues : UINT32_MAX);
                }
    return body_done(&j, has_table, "topicConfigTable", err);
}
