/*
 * body_clients.c - the body of GET_CONSUMER_CONNECTION_LIST (203): who is online in a group, and how it consumes.
 *
 *     {"connectionSet":[{"clientAddr":"127.0.0.1:41060","clientId":"192.0.2.2@inst1","language":"JAVA","version":277}],
 *      "consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING",
 *      "subscriptionTable":{..}}
 *
 * POP clients over remoting call themselves CONSUME_PASSIVELY, too. See bodies.h.
 */
#include "agent/source/rocketmq/bodies.h"

#include <limits.h>
#include <string.h>

/* A text lives until the next is read, and a client has three. */
struct texts {
    char id[CLIENT_ID_MAX_BYTES];
    char address[ADDRESS_MAX_BYTES];
    char language[CLIENT_LANGUAGE_MAX_BYTES];
};

static struct view keep(char *to, size_t room, struct view text)
{
    if (text.len > room)
        return (struct view){ to, 0 };
    memcpy(to, text.data, text.len);
    return (struct view){ to, text.len };
}

static void read_client(struct json *j, struct body_group_state *state, struct body_client *client, struct texts *texts)
{
    struct json_key key;
    struct view text;
    int64_t version;

    while (json_next_key(j, &key)) {
        if (json_key_is(&key, "clientId") && json_string(j, &text)) {
            client->id = keep(texts->id, sizeof(texts->id), text);
            state->left_out += text.len > sizeof(texts->id);
        } else if (json_key_is(&key, "clientAddr") && json_string(j, &text))
            client->address = keep(texts->address, sizeof(texts->address), text);
        else if (json_key_is(&key, "language") && json_string(j, &text))
            client->language = keep(texts->language, sizeof(texts->language), text);
        else if (json_key_is(&key, "version") && json_i64(j, &version) && version > 0 && version <= INT_MAX)
            client->version = (int)version;
    }
}

static enum group_model model_of(struct view text)
{
    return view_is(text, "CLUSTERING") ? MODEL_CLUSTERING : view_is(text, "BROADCASTING") ? MODEL_BROADCASTING : MODEL_UNKNOWN;
}

static enum group_type type_of(struct view text)
{
    return view_is(text, "CONSUME_PASSIVELY")  ? TYPE_PUSH
           : view_is(text, "CONSUME_ACTIVELY") ? TYPE_PULL
           : view_is(text, "CONSUME_POP")      ? TYPE_POP
                                               : TYPE_UNKNOWN;
}

int body_clients(struct view body, struct body_group_state *state, void (*client)(void *ctx, const struct body_client *client),
                 void *ctx, struct err *err)
{
    struct json j;
    struct json_key key;
    struct view text;
    struct texts texts;

    *state = (struct body_group_state){ MODEL_UNKNOWN, TYPE_UNKNOWN, 0 };
    json_init(&j, body.data, body.len);
    if (json_enter_body(&j))
        while (json_next_key(&j, &key)) {
            if (json_key_is(&key, "messageModel") && json_string(&j, &text))
                state->model = model_of(text);
            else if (json_key_is(&key, "consumeType") && json_string(&j, &text))
                state->type = type_of(text);
            else if (json_key_is(&key, "connectionSet") && json_enter_array(&j))
                while (json_next_item(&j)) {
                    struct body_client one = { .address = { "", 0 }, .language = { "", 0 } };
                    if (!json_enter_object(&j))
                        continue;
                    read_client(&j, state, &one, &texts);
                    if (one.id.len > 0)
                        client(ctx, &one);
                }
        }
    return json_done(&j, err);
}
