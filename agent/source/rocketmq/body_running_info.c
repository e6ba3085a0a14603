/*
 * body_running_info.c - the body of GET_CONSUMER_RUNNING_INFO (307): the broker hands the question on to the client, and this
 * is what it says.
 *
 *     {"mqTable":{{"brokerName":"broker-a","queueId":0,"topic":"TopicA"}:{"commitOffset":144,"droped":false,..},..},
 *      "mqPopTable":{{"brokerName":"broker-a","queueId":-1,"topic":"TopicB"}:{"droped":false,"waitAckCount":99}},
 *      "properties":{"PROP_CONSUME_TYPE":"CONSUME_PASSIVELY","allocateMessageQueueStrategy":"..AllocateMessageQueueAveragely@7a9f",..},
 *      "statusTable":{"TopicA":{"consumeFailedMsgs":0,"consumeFailedTPS":0.0,"consumeOKTPS":4.9,"consumeRT":0.01,
 *          "pullRT":810.2,"pullTPS":4.9}},
 *      "subscriptionSet":[{"expressionType":"TAG","subString":"*","subVersion":1795176909618,"topic":"TopicA",..}]}
 *
 * "droped" is how Java spells it, "dropped" Go: a queue that is being given away. commitOffset is what the client holds, for
 * broadcast groups, too. C++ clients without a queue print `"mqTable":},`, which is no JSON: no data. See bodies.h.
 */
#include "agent/source/rocketmq/bodies.h"

#define FNV_START 14695981039346656037u

static uint64_t hash_text(struct view text)
{
    uint64_t h = FNV_START;

    for (size_t i = 0; i < text.len; i++)
        h = (h ^ (unsigned char)text.data[i]) * 1099511628211u;
    return h ^ text.len;
}

static bool is_shared_out(const struct json_key *at)
{
    return at->kind == JSON_KEY_QUEUE && at->number >= 0 && at->number < BODY_QUEUES_MAX && name_fits(at->topic) && name_fits(at->broker);
}

static bool is_dropped(struct json *j, const struct json_key *member)
{
    bool dropped = false;

    return (json_key_is(member, "droped") || json_key_is(member, "dropped")) && json_bool(j, &dropped) && dropped;
}

/* The next offset to be consumed; before the first is done there is no commitOffset, but the oldest message it has fetched. */
static bool read_queue(struct json *j, int64_t *offset)
{
    struct json_key member;
    int64_t committed = BODY_NONE, cached = 0, oldest = BODY_NONE;
    bool is_owned = true;

    while (json_next_key(j, &member)) {
        if (is_dropped(j, &member))
            is_owned = false;
        else if (json_key_is(&member, "commitOffset"))
            json_i64(j, &committed);
        else if (json_key_is(&member, "cachedMsgCount"))
            json_i64(j, &cached);
        else if (json_key_is(&member, "cachedMsgMinOffset"))
            json_i64(j, &oldest);
    }
    *offset = body_offset(committed < 0 && cached > 0 ? oldest : committed);
    return is_owned;
}

static void read_queues(struct json *j, const struct body_running *to, void *ctx)
{
    struct json_key at;
    int64_t offset;

    while (json_next_key(j, &at))
        if (is_shared_out(&at) && json_enter_object(j) && read_queue(j, &offset))
            to->queue(ctx, at.topic, at.broker, (uint32_t)at.number, offset);
}

/* Shared queues: no number, no owner. */
static void read_pop(struct json *j, const struct body_running *to, void *ctx)
{
    struct json_key at, member;
    int64_t waiting;

    while (json_next_key(j, &at)) {
        bool is_dropping = false;
        if (at.kind != JSON_KEY_QUEUE || !name_fits(at.topic) || !json_enter_object(j))
            continue;
        waiting = 0;
        while (json_next_key(j, &member)) {
            if (json_key_is(&member, "waitAckCount"))
                json_i64(j, &waiting);
            else
                is_dropping |= is_dropped(j, &member);
        }
        if (!is_dropping && waiting >= 0 && waiting <= BODY_OFFSET_MAX)
            to->pop(ctx, at.topic, waiting);
    }
}

static void read_real(struct json *j, double *to)
{
    double value;

    if (json_real(j, &value) && value >= 0)
        *to = value;
}

static void read_topics(struct json *j, const struct body_running *to, void *ctx)
{
    struct json_key name, member;

    while (json_next_key(j, &name)) {
        struct body_client_topic t = { .topic = name.text, .failed = BODY_NONE, .failed_rate = NAN, .ok_rate = NAN,
                                       .consume_rt_ms = NAN, .pull_rt_ms = NAN, .pull_rate = NAN };
        if (name.kind != JSON_KEY_TEXT || !name_fits(name.text) || !json_enter_object(j))
            continue;
        while (json_next_key(j, &member)) {
            if (json_key_is(&member, "consumeFailedMsgs") && json_i64(j, &t.failed))
                t.failed = body_offset(t.failed);
            else if (json_key_is(&member, "consumeFailedTPS"))
                read_real(j, &t.failed_rate);
            else if (json_key_is(&member, "consumeOKTPS"))
                read_real(j, &t.ok_rate);
            else if (json_key_is(&member, "consumeRT"))
                read_real(j, &t.consume_rt_ms);
            else if (json_key_is(&member, "pullRT"))
                read_real(j, &t.pull_rt_ms);
            else if (json_key_is(&member, "pullTPS"))
                read_real(j, &t.pull_rate);
        }
        to->topic(ctx, &t);
    }
}

/* subVersion is when the client subscribed: it differs between clients that want the same. */
static void read_subscription(struct json *j, const struct body_running *to, void *ctx)
{
    struct json_key member;
    struct view text;
    char topic[NAME_MAX_BYTES];
    size_t topic_len = 0;
    uint64_t expression = hash_text((struct view){ "", 0 }), type = hash_text(view_of("TAG"));

    while (json_next_key(j, &member)) {
        if (json_key_is(&member, "topic") && json_string(j, &text) && name_fits(text)) {
            memcpy(topic, text.data, text.len);
            topic_len = text.len;
        } else if (json_key_is(&member, "subString") && json_string(j, &text)) {
            expression = hash_text(text);
        } else if (json_key_is(&member, "expressionType") && json_string(j, &text)) {
            type = hash_text(text);
        }
    }
    struct view name = { topic, topic_len };
    if (topic_len > 0)
        to->subscription(ctx, name, (hash_text(name) * 31 + expression) * 31 + type);
}

static void read_properties(struct json *j, const struct body_running *to, void *ctx)
{
    struct json_key name;
    struct view value;

    while (json_next_key(j, &name))
        if (name.kind == JSON_KEY_TEXT && json_string(j, &value))
            to->property(ctx, name.text, value);
}

int body_running_info(struct view body, const struct body_running *to, void *ctx, struct err *err)
{
    struct json j;
    struct json_key key;

    json_init(&j, body.data, body.len);
    if (json_enter_body(&j))
        while (json_next_key(&j, &key)) {
            if (json_key_is(&key, "mqTable") && json_enter_object(&j))
                read_queues(&j, to, ctx);
            else if (json_key_is(&key, "mqPopTable") && json_enter_object(&j))
                read_pop(&j, to, ctx);
            else if (json_key_is(&key, "statusTable") && json_enter_object(&j))
                read_topics(&j, to, ctx);
            else if (json_key_is(&key, "properties") && json_enter_object(&j))
                read_properties(&j, to, ctx);
            else if (json_key_is(&key, "subscriptionSet") && json_enter_array(&j))
                while (json_next_item(&j))
                    if (json_enter_object(&j))
                        read_subscription(&j, to, ctx);
        }
    return json_done(&j, err);
}
