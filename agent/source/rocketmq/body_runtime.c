/*
 * body_runtime.c - the body of GET_BROKER_RUNTIME_INFO (28): some fifty texts under their names.
 *
 *     {"table":{"commitLogMaxOffset":"44283","putTps":"4.99 5.18 ","bootTimestamp":"1795176000000",...}}
 *
 * What the names and texts mean is for runtime.c to know. See bodies.h.
 */
#include "agent/source/rocketmq/bodies.h"

int body_runtime(struct view body, void (*entry)(void *ctx, struct view key, struct view value), void *ctx, struct err *err)
{
    struct json j;
    struct json_key key, name;
    struct view value;

    json_init(&j, body.data, body.len);
    if (json_enter_body(&j))
        while (json_next_key(&j, &key))
            if (json_key_is(&key, "table") && json_enter_object(&j))
                while (json_next_key(&j, &name))
                    if (name.kind == JSON_KEY_TEXT && json_string(&j, &value))
                        entry(ctx, name.text, value);
    return json_done(&j, err);
}
