/*
 * body_producers.c - the body of GET_ALL_PRODUCER_INFO (328): every producer that is connected to a broker.
 *
 *     {"data":{"PG1":[{"clientId":"192.0.2.2@inst1","language":"JAVA","lastUpdateTimestamp":..,
 *                      "remoteIP":"/127.0.0.1:60228","version":409}]}}
 *
 * See bodies.h.
 */
#include "agent/source/rocketmq/bodies.h"

static void read_group(struct json *j, struct view group, void (*producer)(void *, struct view, struct view), void *ctx)
{
    struct json_key key;
    struct view id;

    while (json_next_item(j)) {
        if (!json_enter_object(j))
            continue;
        bool has_id = false;
        while (json_next_key(j, &key))
            if (!has_id && json_key_is(&key, "clientId"))
                has_id = json_string(j, &id) && id.len <= CLIENT_ID_MAX_BYTES;
            else
                json_skip(j); /* reading another text would end the id */
        producer(ctx, group, has_id ? id : (struct view){ "", 0 });
    }
}

int body_producers(struct view body, void (*producer)(void *ctx, struct view group, struct view client_id), void *ctx,
                   struct err *err)
{
    struct json j;
    struct json_key key, group;

    json_init(&j, body.data, body.len);
    if (json_enter_body(&j))
        while (json_next_key(&j, &key))
            if (json_key_is(&key, "data") && json_enter_object(&j))
                while (json_next_key(&j, &group))
                    if (group.kind == JSON_KEY_TEXT && name_is_whole(group.text) && json_enter_array(&j))
                        read_group(&j, group.text, producer, ctx);
    return json_done(&j, err);
}
