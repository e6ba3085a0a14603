/*
 * body_version.c - the dataVersion in the bodies of 21 and 201, as it is written: asked for the next page, a broker wants it back.
 *
 *     {"dataVersion":{"counter":5,"stateVersion":0,"timestamp":1795176918947},..
 *
 * Keys are sorted, so it comes first. See bodies.h.
 */
#include "agent/source/rocketmq/bodies.h"

struct view body_version(struct view body)
{
    struct view version = { NULL, 0 };
    struct json j;
    struct json_key key;

    json_init(&j, body.data, body.len);
    if (json_enter_body(&j))
        while (version.data == NULL && json_next_key(&j, &key))
            if (json_key_is(&key, "dataVersion"))
                json_raw(&j, &version);
    json_done(&j, NULL);
    return version;
}
