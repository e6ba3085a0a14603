/*
 * body_cluster.c - the body of GET_BROKER_CLUSTER_INFO (106): which brokers there are.
 *
 *     {"brokerAddrTable":{"broker-a":{"brokerAddrs":{0:"10.0.0.1:10911",1:"10.0.0.2:10911"},
 *                                     "brokerName":"broker-a","cluster":"C1","enableActingMaster":false}},
 *      "clusterAddrTable":{"C1":["broker-a"]}}
 *
 * brokerAddrs has bare integer keys: the broker ids. The second table says nothing that the first does not. See bodies.h.
 */
#include "agent/source/rocketmq/bodies.h"

#include <string.h>

struct texts {
    char cluster[NAME_MAX_BYTES];
    char name[NAME_MAX_BYTES];
};

/* Members come in any order and a text may live in the parser only until the next one is read: so each is copied. */
static struct view keep(char *to, struct view text)
{
    if (!name_fits(text))
        return (struct view){ to, 0 };
    memcpy(to, text.data, text.len);
    return (struct view){ to, text.len };
}

static void read_members(struct json *j, struct body_broker *broker)
{
    struct json_key key;
    struct view address;
    int64_t id;

    while (json_next_key(j, &key)) {
        if (!json_key_i64(&key, &id) || id < 0 || !json_string(j, &address) || !name_is_whole(address))
            continue;
        if (broker->count == BODY_MEMBERS_MAX || address.len >= ADDRESS_MAX_BYTES) {
            broker->left_out++;
            continue;
        }
        memcpy(broker->members[broker->count].address, address.data, address.len);
        broker->members[broker->count].address[address.len] = '\0';
        broker->members[broker->count++].id = id;
    }
}

static void read_broker(struct json *j, struct body_broker *broker, struct texts *texts)
{
    struct json_key key;
    struct view text;

    while (json_next_key(j, &key)) {
        if (json_key_is(&key, "brokerAddrs") && json_enter_object(j)) {
            read_members(j, broker);
        } else if (json_key_is(&key, "cluster") && json_string(j, &text)) {
            broker->cluster = keep(texts->cluster, text);
            broker->is_too_long |= text.len > NAME_MAX_BYTES;
        } else if (json_key_is(&key, "brokerName") && json_string(j, &text) && name_fits(text)) {
            broker->name = keep(texts->name, text);
        }
    }
}

int body_cluster(struct view body, void (*broker)(void *ctx, const struct body_broker *broker), void *ctx, struct err *err)
{
    struct json j;
    struct json_key key, name;
    struct texts texts;
    bool has_table = false;

    json_init(&j, body.data, body.len);
    if (json_enter_body(&j))
        while (json_next_key(&j, &key))
            if (json_key_is(&key, "brokerAddrTable") && body_enter_table(&j, &has_table))
                while (json_next_key(&j, &name)) {
                    struct body_broker one;
                    one.count = one.left_out = 0;
                    one.is_too_long = name.text.len > NAME_MAX_BYTES;
                    one.cluster = (struct view){ texts.cluster, 0 };
                    one.name = keep(texts.name, name.text);
                    if (!json_enter_object(&j))
                        continue;
                    read_broker(&j, &one, &texts);
                    if (one.is_too_long)
                        one.name.len = 0;
                    if ((one.name.len > 0 || one.is_too_long) && one.count + one.left_out > 0)
                        broker(ctx, &one);
                }
    return body_done(&j, has_table, "brokerAddrTable", err);
}
