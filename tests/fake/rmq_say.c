/* rmq_say.c - see rmq_say.h. */
#include "tests/fake/rmq_say.h"

#include "agent/base/buf.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/request_codes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Calls `take` with each word of a list split at blanks, cut at its last `:` into name and rest. */
static void each_word(const char *spec, void (*take)(struct buf *body, char *name, char *rest, bool is_first), struct buf *body)
{
    char *copy = xstrdup(spec), *save = NULL;
    bool is_first = true;

    for (char *word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        char *colon = strrchr(word, ':');
        if (colon != NULL)
            *colon = '\0';
        take(body, word, colon != NULL ? colon + 1 : word + strlen(word), is_first);
        is_first = false;
    }
    free(copy);
}

static void reply(struct broker *b, int request, struct buf *body)
{
    buf_putc(body, '\0');
    broker_always(b, request);
    broker_reply_body(b, body->data);
    buf_fini(body);
}

static void put_comma(struct buf *body, bool is_first)
{
    if (!is_first)
        buf_putc(body, ',');
}

void say_brokers(struct broker *ns, const char *spec)
{
    struct buf body;
    char *copy = xstrdup(spec), *save = NULL;
    bool is_first = true;

    buf_init(&body, 0);
    buf_puts(&body, "{\"brokerAddrTable\":{");
    for (char *word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        char *name = strchr(word, '/');
        *name++ = '\0';
        char *members = strchr(name, ':'), *save_member = NULL;
        *members++ = '\0';
        put_comma(&body, is_first);
        is_first = false;
        buf_printf(&body, "\"%s\":{\"brokerAddrs\":{", name);
        bool is_first_member = true;
        for (char *m = strtok_r(members, ",", &save_member); m != NULL; m = strtok_r(NULL, ",", &save_member)) {
            char *address = strchr(m, '=');
            *address++ = '\0';
            put_comma(&body, is_first_member);
            is_first_member = false;
            buf_printf(&body, "%s:\"%s\"", m, address);
        }
        buf_printf(&body, "},\"brokerName\":\"%s\",\"cluster\":\"%s\"}", name, word);
    }
    buf_puts(&body, "},\"clusterAddrTable\":{}}");
    free(copy);
    reply(ns, RMQ_GET_BROKER_CLUSTER_INFO, &body);
}

static void put_topic(struct buf *body, char *name, char *rest, bool is_first)
{
    put_comma(body, is_first);
    buf_printf(body, "\"%s\":{\"order\":false,\"perm\":6,\"readQueueNums\":%s,\"topicName\":\"%s\",\"writeQueueNums\":%s}", name, rest,
               name, rest);
}

void say_topics(struct broker *b, const char *spec)
{
    struct buf body;

    buf_init(&body, 0);
    buf_puts(&body, "{\"dataVersion\":{\"counter\":1},\"topicConfigTable\":{");
    each_word(spec, put_topic, &body);
    buf_puts(&body, "}}");
    reply(b, RMQ_GET_ALL_TOPIC_CONFIG, &body);
}

static void put_group(struct buf *body, char *name, char *rest, bool is_first)
{
    (void)rest;
    put_comma(body, is_first);
    buf_printf(body, "\"%s\":{\"groupName\":\"%s\"}", name, name);
}

void say_groups(struct broker *b, const char *spec)
{
    struct buf body;

    buf_init(&body, 0);
    buf_puts(&body, "{\"subscriptionGroupTable\":{");
    each_word(spec, put_group, &body);
    buf_puts(&body, "}}");
    reply(b, RMQ_GET_ALL_SUBSCRIPTIONGROUP_CONFIG, &body);
}

static void put_pair(struct buf *body, char *name, char *rest, bool is_first)
{
    char *save = NULL;
    bool is_first_queue = true;
    unsigned queue = 0;

    put_comma(body, is_first);
    buf_printf(body, "\"%s\":{", name);
    for (char *offset = strtok_r(rest, ",", &save); offset != NULL; offset = strtok_r(NULL, ",", &save), queue++) {
        if (strcmp(offset, "x") == 0)
            continue;
        put_comma(body, is_first_queue);
        is_first_queue = false;
        buf_printf(body, "%u:%s", queue, offset);
    }
    buf_putc(body, '}');
}

void say_offsets(struct broker *b, const char *committed, const char *pulled)
{
    struct buf body;

    buf_init(&body, 0);
    buf_puts(&body, "{\"groupTopicMap\":{},\"offsetTable\":{");
    each_word(committed, put_pair, &body);
    buf_putc(&body, '}');
    if (pulled != NULL) {
        buf_puts(&body, ",\"pullOffsetTable\":{");
        each_word(pulled, put_pair, &body);
        buf_putc(&body, '}');
    }
    buf_putc(&body, '}');
    reply(b, RMQ_GET_ALL_CONSUMER_OFFSET, &body);
}

/* The queues of one topic as 202 (with_min) or 208 print them. */
static void put_queues(struct buf *body, const char *topic, const char *ends, bool with_min, bool *is_first)
{
    char *copy = xstrdup(ends), *save = NULL;
    unsigned queue = 0;

    for (char *end = strtok_r(copy, ",", &save); end != NULL; end = strtok_r(NULL, ",", &save), queue++) {
        char *max = strchr(end, '-');
        if (max == NULL)
            continue;
        *max++ = '\0';
        put_comma(body, *is_first);
        *is_first = false;
        buf_printf(body, "{\"brokerName\":\"broker-a\",\"queueId\":%u,\"topic\":\"%s\"}:", queue, topic);
        if (with_min)
            buf_printf(body, "{\"lastUpdateTimestamp\":%s,\"maxOffset\":%s,\"minOffset\":%s}",
                       strcmp(end, max) == 0 ? "0" : "1700000000500", max, end);
        else
            buf_printf(body, "{\"brokerOffset\":%s,\"consumerOffset\":0,\"lastTimestamp\":0,\"pullOffset\":0}", max);
    }
    free(copy);
}

/* 208 answers every list with all topics it knows: what was not asked for is of no concern to the asker. */
void say_ends(struct broker *b, const char *spec)
{
    struct buf all, one;
    char *copy = xstrdup(spec), *save = NULL;
    bool is_first = true;

    buf_init(&all, 0);
    buf_puts(&all, "{\"consumeTps\":0.0,\"offsetTable\":{");
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    broker_reply_code(b, RMQ_RESPONSE_TOPIC_NOT_EXIST, "topic not exist");
    for (char *word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        char *ends = strrchr(word, ':');
        bool is_first_queue = true;
        *ends++ = '\0';
        put_queues(&all, word, ends, false, &is_first);
        buf_init(&one, 0);
        buf_puts(&one, "{\"offsetTable\":{");
        put_queues(&one, word, ends, true, &is_first_queue);
        buf_putc(&one, '}');
        buf_putc(&one, '}');
        buf_putc(&one, '\0');
        broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
        broker_when(b, "topic", word);
        broker_reply_body(b, one.data);
        buf_fini(&one);
    }
    free(copy);
    buf_puts(&all, "}}");
    reply(b, RMQ_GET_CONSUME_STATS, &all);
}

static void say_runtime(struct broker *b, int64_t log_min, int64_t log_max, int64_t behind, int64_t booted_at, int64_t puts,
                        const char *delays)
{
    char *copy = xstrdup(delays), *save = NULL;
    struct buf body;

    buf_init(&body, 0);
    buf_printf(&body,
               "{\"table\":{\"bootTimestamp\":\"%lld\",\"brokerVersionDesc\":\"V5_5_0\",\"commitLogMaxOffset\":\"%lld\","
               "\"commitLogMinOffset\":\"%lld\",\"dispatchBehindBytes\":\"%lld\",\"putTps\":\"1.5 2.5 \"",
               (long long)booted_at, (long long)log_max, (long long)log_min, (long long)behind);
    if (puts >= 0)
        buf_printf(&body, ",\"putMessageTimesTotal\":\"%lld\"", (long long)puts);
    for (char *word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        char *colon = strchr(word, ':');
        *colon = '\0';
        buf_printf(&body, ",\"scheduleMessageOffset_%s\":\"%s\"", word, colon + 1);
    }
    buf_puts(&body, "}}");
    reply(b, RMQ_GET_BROKER_RUNTIME_INFO, &body);
    free(copy);
}

void say_log_from(struct broker *b, int64_t log_min, int64_t log_max, int64_t behind, int64_t booted_at)
{
    say_runtime(b, log_min, log_max, behind, booted_at, -1, "");
}

void say_log_delays(struct broker *b, int64_t log_max, const char *delays)
{
    say_runtime(b, 0, log_max, 0, 1700000000000, -1, delays);
}

void say_puts(struct broker *b, int64_t log_max, int64_t behind, int64_t puts)
{
    say_runtime(b, 0, log_max, behind, 1700000000000, puts, "");
}

void say_log(struct broker *b, int64_t log_max, int64_t behind)
{
    say_log_from(b, 0, log_max, behind, 1700000000000);
}

void say_clients(struct broker *b, const char *group, const char *ids, const char *model)
{
    struct buf body;
    unsigned port = 40000;

    broker_always(b, RMQ_GET_CONSUMER_CONNECTION_LIST);
    broker_when(b, "consumerGroup", group);
    if (ids == NULL) {
        broker_reply_code(b, RMQ_RESPONSE_CONSUMER_NOT_ONLINE, "the consumer group not online");
        return;
    }
    char *copy = xstrdup(ids), *save = NULL;
    buf_init(&body, 0);
    buf_puts(&body, "{\"connectionSet\":[");
    for (char *id = strtok_r(copy, " ", &save); id != NULL; id = strtok_r(NULL, " ", &save), port++) {
        put_comma(&body, port == 40000);
        buf_printf(&body, "{\"clientAddr\":\"10.0.0.9:%u\",\"clientId\":\"%s\",\"language\":\"JAVA\",\"version\":407}", port, id);
    }
    buf_printf(&body, "],\"consumeType\":\"CONSUME_PASSIVELY\",\"messageModel\":\"%s\"}", model);
    buf_putc(&body, '\0');
    broker_reply_body(b, body.data);
    buf_fini(&body);
    free(copy);
}

void say_spans(struct broker *b, const char *topic, const char *spans)
{
    struct buf body;
    char *copy = xstrdup(spans), *save = NULL;
    bool is_first = true;
    unsigned queue = 0;

    buf_init(&body, 0);
    buf_puts(&body, "{\"consumeTimeSpanSet\":[");
    for (char *span = strtok_r(copy, ",", &save); span != NULL; span = strtok_r(NULL, ",", &save), queue++) {
        char *min = strchr(span, '/');
        if (strcmp(span, "x") == 0)
            continue;
        if (min != NULL)
            *min++ = '\0';
        put_comma(&body, is_first);
        is_first = false;
        buf_printf(&body, "{\"consumeTimeStamp\":-1,\"delayTime\":%s,\"messageQueue\":{\"brokerName\":\"broker-a\",\"queueId\":%u,"
                          "\"topic\":\"%s\"},\"minTimeStamp\":%s}", span, queue, topic, min != NULL ? min : "-1");
    }
    buf_puts(&body, "]}");
    buf_putc(&body, '\0');
    broker_always(b, RMQ_QUERY_CONSUME_TIME_SPAN);
    broker_when(b, "topic", topic);
    broker_reply_body(b, body.data);
    buf_fini(&body);
    free(copy);
}

static void put_producers(struct buf *body, char *name, char *rest, bool is_first)
{
    char *save = NULL;
    bool is_first_id = true;

    put_comma(body, is_first);
    buf_printf(body, "\"%s\":[", name);
    for (char *id = strtok_r(rest, ",", &save); id != NULL; id = strtok_r(NULL, ",", &save)) {
        put_comma(body, is_first_id);
        is_first_id = false;
        buf_printf(body, "{\"clientId\":\"%s\",\"language\":\"JAVA\",\"remoteIP\":\"/10.0.0.9:1\",\"version\":407}", id);
    }
    buf_putc(body, ']');
}

void say_producers(struct broker *b, const char *spec)
{
    struct buf body;

    buf_init(&body, 0);
    buf_puts(&body, "{\"data\":{");
    each_word(spec, put_producers, &body);
    buf_puts(&body, "}}");
    reply(b, RMQ_GET_ALL_PRODUCER_INFO, &body);
}

void say_stats(struct broker *b, const char *name, const char *key, double tps, int64_t sum)
{
    struct buf body;

    buf_init(&body, 0);
    for (int i = 0; i < 3; i++) {
        static const char *const windows[] = { "Day", "Hour", "Minute" };
        buf_printf(&body, "%c\"stats%s\":{\"avgpt\":1.0,\"sum\":%lld,\"tps\":%.2f}", i == 0 ? '{' : ',', windows[i],
                   i < 2 ? 0LL : (long long)sum, i < 2 ? 0.0 : tps);
    }
    buf_puts(&body, "}");
    buf_putc(&body, '\0');
    broker_always(b, RMQ_VIEW_BROKER_STATS_DATA);
    broker_when(b, "statsName", name);
    broker_when(b, "statsKey", key);
    broker_reply_body(b, body.data);
    buf_fini(&body);
}

void say_no_stats(struct broker *b)
{
    say_no(b, RMQ_VIEW_BROKER_STATS_DATA, RMQ_RESPONSE_SYSTEM_ERROR, "The stats <NAME> <KEY> not exist");
}

void say_no(struct broker *b, int request, int code, const char *remark)
{
    broker_always(b, request);
    broker_reply_code(b, code, remark);
}
