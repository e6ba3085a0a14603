/*
 * body_groups.c - the body of GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201): the groups a broker knows.
 *
 *     {"dataVersion":{..},"forbiddenTable":{},"subscriptionGroupTable":{"G1":{"groupName":"G1",..},..}}
 *
 * Only the names matter to us: how a group consumes is not in its configuration. See bodies.h.
 */
#include "agent/source/rocketmq/bodies.h"

int body_groups(struct view body, void (*group)(void *ctx, struct view group), void *ctx, uint32_t *names, struct err *err)
{
    struct json j;
    struct json_key key, name;
    bool has_table = false;

    *names = 0;
    json_init(&j, body.data, body.len);
    if (json_enter_body(&j))
        while (json_next_key(&j, &key))
            if (json_key_is(&key, "subscriptionGroupTable") && body_enter_table(&j, &has_table))
                for (; json_next_key(&j, &name); ++*names)
                    if (name.kind == JSON_KEY_TEXT && name_is_whole(name.text) && json_peek(&j) == JSON_OBJECT)
                        group(ctx, name.text);
    return body_done(&j, has_table, "subscriptionGroupTable", err);
}
