/*
 * fastjson_key.c - keys of objects: texts, bare integers, and queues.
 *
 * A queue, {"brokerName":"b","queueId":0,"topic":"T"}, is a key in four spellings: as servers print it (members in
 * alphabetical order, no blanks), as any other object, as such an object inside a text, and as Java's toString. Servers
 * print nothing but the first, millions of times, so that one is matched piece by piece before the general reader is
 * tried. All must agree: a test reads a key in each.
 */
#include "agent/source/rocketmq/fastjson_parts.h"

#include "agent/base/num.h"

#include <assert.h>

/* {"brokerName":"b","queueId":0,"topic":"T"} exactly as servers print it. False: nothing taken, try the general reader. */
static inline bool take_plain_queue(struct json *j, struct json_key *key)
{
    const char *end = j->end, *broker, *broker_end, *topic, *topic_end, *p = j->at;
    uint64_t number;

    if (!STARTS(p, end, "{\"brokerName\":\"") || j->depth == JSON_DEPTH_MAX)
        return false;
    broker = p + sizeof("{\"brokerName\":\"") - 1;
    broker_end = json_find_quote(broker, end);
    if (!STARTS(broker_end, end, "\",\"queueId\":"))
        return false;
    p = broker_end + sizeof("\",\"queueId\":") - 1;
    bool is_negative = p < end && *p == '-';
    p = json_read_digits(p + is_negative, end, &number);
    if (p == NULL || !STARTS(p, end, ",\"topic\":\""))
        return false;
    topic = p + sizeof(",\"topic\":\"") - 1;
    topic_end = json_find_quote(topic, end);
    if (!STARTS(topic_end, end, "\"}") || broker_end - broker > JSON_TEXT_MAX || topic_end - topic > JSON_TEXT_MAX)
        return false;
    key->kind = JSON_KEY_QUEUE;
    key->text = (struct view){ 0 };
    key->number = is_negative ? -(int64_t)number : (int64_t)number;
    key->broker = (struct view){ broker, (size_t)(broker_end - broker) };
    key->topic = (struct view){ topic, (size_t)(topic_end - topic) };
    j->at = topic_end + 2;
    return true;
}

struct raw_queue {
    struct raw broker, topic;
    int64_t number;
    bool has_number;
};

/* Takes the string value as written; any other kind of value is passed over. */
static void take_raw_value(struct json *j, struct raw *out)
{
    struct raw got;

    if (*j->at != '"') {
        json_skip(j);
    } else if (json_take_raw(j, &got)) {
        *out = got;
        j->has_value = false;
    }
}

/* Reads an object, in which j already is, for the members of a queue. */
static void read_queue(struct json *j, struct raw_queue *q)
{
    struct json_key key;

    while (json_next_key(j, &key)) {
        if (json_key_is(&key, "brokerName"))
            take_raw_value(j, &q->broker);
        else if (json_key_is(&key, "topic"))
            take_raw_value(j, &q->topic);
        else if (json_key_is(&key, "queueId"))
            q->has_number = json_i64(j, &q->number);
    }
}

/* The names, unescaped into `room`, which has broker.len + topic.len bytes; or in place, where they are ours already. */
static bool finish_queue(struct json *j, const struct raw_queue *q, char *room, struct json_key *key)
{
    key->kind = JSON_KEY_OTHER;
    key->text = (struct view){ 0 };
    if (q->broker.data == NULL || q->topic.data == NULL || !q->has_number)
        return true;
    char *broker = room != NULL ? room : (char *)q->broker.data;
    char *topic = room != NULL ? room + q->broker.len : (char *)q->topic.data;
    if (!json_finish_text(j, q->broker, broker, &key->broker) || !json_finish_text(j, q->topic, topic, &key->topic))
        return false;
    key->number = q->number;
    key->kind = JSON_KEY_QUEUE;
    return true;
}

/* An object as key, in any order and spacing. */
static bool take_object_key(struct json *j, struct json_key *key)
{
    struct raw_queue q = { 0 };
    uint32_t depth = j->depth;

    if (take_plain_queue(j, key))
        return true;
    j->has_value = true;
    if (!json_enter_object(j))
        return false;
    read_queue(j, &q);
    if (j->failed != ERR_NONE)
        return false;
    return finish_queue(j, &q, json_scratch_room(&j->keys[depth], q.broker.len + q.topic.len), key);
}

/* A queue as escaped text, "{\"brokerName\":...}". The text is in our scratch, so the names may be unescaped in place. */
static void queue_from_object_text(struct json_key *key)
{
    struct raw_queue q = { 0 };
    struct json_key got = *key;
    struct json inner;

    json_init(&inner, key->text.data, key->text.len);
    if (json_enter_body(&inner))
        read_queue(&inner, &q);
    if (inner.failed == ERR_NONE && finish_queue(&inner, &q, NULL, &got) && got.kind == JSON_KEY_QUEUE)
        *key = got; /* the text itself is overwritten where the names had escapes */
    json_done(&inner, NULL);
}

/* A queue as Java's toString prints it: "MessageQueue [topic=T, brokerName=b, queueId=0]". */
static void queue_from_java_text(struct json_key *key)
{
    static const char head[] = "MessageQueue [topic=", middle[] = ", brokerName=", tail[] = ", queueId=";
    const char *topic = key->text.data + sizeof(head) - 1, *end = key->text.data + key->text.len;
    int64_t number;

    if (!STARTS(key->text.data, end, head) || end[-1] != ']')
        return;
    const char *topic_end = memmem(topic, (size_t)(end - topic), middle, sizeof(middle) - 1);
    if (topic_end == NULL)
        return;
    const char *broker = topic_end + sizeof(middle) - 1;
    const char *broker_end = memmem(broker, (size_t)(end - broker), tail, sizeof(tail) - 1);
    if (broker_end == NULL)
        return;
    const char *digits = broker_end + sizeof(tail) - 1;
    if (num_to_i64(digits, (size_t)(end - 1 - digits), &number) < 0)
        return;
    key->kind = JSON_KEY_QUEUE;
    key->number = number;
    key->topic = (struct view){ topic, (size_t)(topic_end - topic) };
    key->broker = (struct view){ broker, (size_t)(broker_end - broker) };
}

/* A text key with escapes. */
static bool take_escaped_key(struct json *j, struct json_key *key)
{
    struct raw text;

    if (!json_take_raw(j, &text) || !json_finish_text(j, text, json_scratch_room(&j->keys[j->depth], text.len), &key->text))
        return false;
    key->kind = JSON_KEY_TEXT;
    if (key->text.len > 0 && key->text.data[0] == '{')
        queue_from_object_text(key);
    else if (key->text.len > 0 && key->text.data[0] == 'M')
        queue_from_java_text(key);
    return true;
}

static inline bool take_text_key(struct json *j, struct json_key *key)
{
    const char *first = j->at + 1, *behind = json_find_quote(first, j->end);

    if (behind == j->end || *behind != '"' || behind - first > JSON_TEXT_MAX)
        return take_escaped_key(j, key); /* or cut off, or too long: said there */
    key->kind = JSON_KEY_TEXT;
    key->text = (struct view){ first, (size_t)(behind - first) };
    j->at = behind + 1;
    if (*first == 'M')
        queue_from_java_text(key);
    return true;
}

static bool take_integer_key(struct json *j, struct json_key *key)
{
    bool is_integer = false;
    const char *first = j->at, *behind = json_past_number(first, j->end, &is_integer);

    if (behind == NULL || !is_integer || num_to_i64(first, (size_t)(behind - first), &key->number) < 0)
        return json_expected(j, first, "a key");
    key->kind = JSON_KEY_INTEGER;
    key->text = (struct view){ first, (size_t)(behind - first) };
    j->at = behind;
    return true;
}

static inline bool take_key(struct json *j, struct json_key *key)
{
    if (*j->at == '"')
        return take_text_key(j, key);
    if (*j->at == '{')
        return take_object_key(j, key);
    return take_integer_key(j, key);
}

/* {"$ref":..} stands for an object printed elsewhere and @type for its class: members of no use to anybody. */
static inline bool is_noise(const struct json_key *key)
{
    return key->kind == JSON_KEY_TEXT && key->text.len > 0 && (key->text.data[0] == '$' || key->text.data[0] == '@') &&
           (view_is(key->text, "$ref") || view_is(key->text, "@type"));
}

bool json_next_key(struct json *j, struct json_key *key)
{
    if (j->failed != ERR_NONE)
        return false;
    assert(j->depth > 0 && !json_is_in_array(j));
    do {
        if (!json_step(j, '}') || !take_key(j, key))
            return false;
        const char *p = json_past_space(j->at, j->end);
        if (p == j->end || *p != ':')
            return json_expected(j, p, "':'");
        p = json_past_space(p + 1, j->end);
        if (p == j->end)
            return json_expected(j, p, "a value");
        j->at = p;
        j->has_value = true;
    } while (is_noise(key));
    return true;
}

bool json_key_i64(const struct json_key *key, int64_t *out)
{
    if (key->kind == JSON_KEY_TEXT)
        return num_to_i64(key->text.data, key->text.len, out) == 0;
    if (key->kind != JSON_KEY_INTEGER)
        return false;
    *out = key->number;
    return true;
}
