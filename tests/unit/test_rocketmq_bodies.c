/*
 * test_rocketmq_bodies.c - the claims of agent/source/rocketmq/bodies.h and runtime.h. The files in tests/data/rocketmq are
 * bodies as real brokers of 4.9.7 and 5.5.0 sent them.
 */
#include "agent/source/rocketmq/bodies.h"

#include "agent/base/buf.h"
#include "agent/source/rocketmq/runtime.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

/* ---- every decoder tells what it hands out as text ---------------------------------------------------------------- */

static void put_view(struct buf *out, struct view v)
{
    buf_put(out, v.data, v.len);
}

static void put_number(struct buf *out, char before, int64_t value)
{
    buf_putc(out, before);
    if (value == BODY_NONE)
        buf_putc(out, '-');
    else
        buf_put_i64(out, value);
}

static void tell_broker(void *out, const struct body_broker *broker)
{
    put_view(out, broker->cluster);
    buf_putc(out, '/');
    put_view(out, broker->name);
    for (unsigned i = 0; i < broker->count; i++) {
        put_number(out, ' ', broker->members[i].id);
        buf_printf(out, "=%s", broker->members[i].address);
    }
    buf_putc(out, '\n');
}

static int decode_cluster(struct view body, struct buf *out, struct err *err)
{
    return body_cluster(body, tell_broker, out, err);
}

static void tell_entry(void *out, struct view key, struct view value)
{
    put_view(out, key);
    buf_putc(out, '=');
    put_view(out, value);
    buf_putc(out, '\n');
}

static int decode_runtime(struct view body, struct buf *out, struct err *err)
{
    return body_runtime(body, tell_entry, out, err);
}

static bool tell_pair(void *out, enum body_offset_table table, struct view key)
{
    buf_putc(out, table == BODY_COMMITTED ? 'C' : 'P');
    buf_putc(out, ' ');
    put_view(out, key);
    buf_putc(out, '\n');
    return !view_is(key, "skip@me");
}

static void tell_offset(void *out, enum body_offset_table table, uint32_t queue, int64_t offset)
{
    put_number(out, table == BODY_COMMITTED ? 'c' : 'p', queue);
    put_number(out, ':', offset);
    buf_putc(out, '\n');
}

static int decode_offsets(struct view body, struct buf *out, struct err *err)
{
    static const struct body_offsets to = { tell_pair, tell_offset };

    return body_offsets(body, &to, out, err);
}

static void tell_queue(void *out, const struct body_queue *queue)
{
    put_view(out, queue->topic);
    put_number(out, ' ', queue->queue);
    put_number(out, ':', queue->min);
    put_number(out, '.', queue->max);
    put_number(out, '@', queue->last_stored_ms);
    buf_putc(out, '\n');
}

static int decode_topic_stats(struct view body, struct buf *out, struct err *err)
{
    return body_topic_stats(body, tell_queue, out, err);
}

static int decode_consume_stats(struct view body, struct buf *out, struct err *err)
{
    return body_consume_stats(body, tell_queue, out, err);
}

static void tell_span(void *out, const struct body_span *span)
{
    put_number(out, 'q', span->queue);
    put_number(out, ':', span->delay_ms);
    put_number(out, '/', span->min_stored_ms);
    buf_putc(out, '\n');
}

static int decode_time_span(struct view body, struct buf *out, struct err *err)
{
    return body_time_span(body, tell_span, out, err);
}

static void tell_topic(void *out, struct view topic, uint32_t queues)
{
    put_view(out, topic);
    put_number(out, ' ', queues);
    buf_putc(out, '\n');
}

static int decode_topics(struct view body, struct buf *out, struct err *err)
{
    uint32_t names;

    return body_topics(body, tell_topic, out, &names, err);
}

static void tell_group(void *out, struct view group)
{
    put_view(out, group);
    buf_putc(out, '\n');
}

static int decode_groups(struct view body, struct buf *out, struct err *err)
{
    uint32_t names;

    return body_groups(body, tell_group, out, &names, err);
}

static void tell_client(void *out, const struct body_client *client)
{
    put_view(out, client->id);
    buf_putc(out, ' ');
    put_view(out, client->address);
    buf_putc(out, ' ');
    put_view(out, client->language);
    put_number(out, ' ', client->version);
    buf_putc(out, '\n');
}

static int decode_clients(struct view body, struct buf *out, struct err *err)
{
    struct body_group_state state;
    int result = body_clients(body, &state, tell_client, out, err);

    if (result == 0)
        buf_printf(out, "model %d type %d\n", state.model, state.type);
    return result;
}

static void tell_owned(void *out, struct view topic, struct view broker, uint32_t queue, int64_t committed)
{
    buf_puts(out, "Q ");
    put_view(out, topic);
    buf_putc(out, ' ');
    put_view(out, broker);
    put_number(out, ' ', queue);
    put_number(out, ':', committed);
    buf_putc(out, '\n');
}

static void tell_pop(void *out, struct view topic, int64_t unacknowledged)
{
    put_view(out, topic);
    put_number(out, 'P', unacknowledged);
    buf_putc(out, '\n');
}

static void tell_client_topic(void *out, const struct body_client_topic *t)
{
    buf_puts(out, "T ");
    put_view(out, t->topic);
    put_number(out, ' ', t->failed);
    buf_printf(out, " %g %g %g %g %g\n", t->failed_rate, t->ok_rate, t->consume_rt_ms, t->pull_rt_ms, t->pull_rate);
}

static void tell_subscription(void *out, struct view topic, uint64_t hash)
{
    (void)hash;
    buf_puts(out, "S ");
    put_view(out, topic);
    buf_putc(out, '\n');
}

static void tell_property(void *out, struct view name, struct view value)
{
    put_view(out, name);
    buf_putc(out, '=');
    put_view(out, value);
    buf_putc(out, '\n');
}

static int decode_running(struct view body, struct buf *out, struct err *err)
{
    static const struct body_running to = { tell_owned, tell_pop, tell_client_topic, tell_subscription, tell_property };

    return body_running_info(body, &to, out, err);
}

static void tell_producer(void *out, struct view group, struct view client_id)
{
    put_view(out, group);
    buf_putc(out, ' ');
    put_view(out, client_id);
    buf_putc(out, '\n');
}

static int decode_producers(struct view body, struct buf *out, struct err *err)
{
    return body_producers(body, tell_producer, out, err);
}

/* ---- what they hand out of small bodies ---------------------------------------------------------------------------- */

static const struct {
    int (*decode)(struct view body, struct buf *out, struct err *err);
    const char *body;
    const char *told;
} small[] = {
    { decode_cluster, "{\"brokerAddrTable\":{\"b\":{\"brokerAddrs\":{0:\"h:1\",\"1\":\"h:2\"},\"brokerName\":\"b\",\"cluster\":\"c\"}}}",
      "c/b 0=h:1 1=h:2\n" },
    { decode_cluster, "{\"brokerAddrTable\":{},\"clusterAddrTable\":{}}", "" }, /* a name server that has just started */
    { decode_cluster, "{\"brokerAddrTable\":{\"b\":{\"cluster\":\"c\",\"brokerAddrs\":{-1:\"h:1\",x:1}}}}", NULL },
    { decode_cluster, "{\"brokerAddrTable\":{\"b\":{\"brokerAddrs\":{0:\"h:1\"}},\"n\":null,\"e\":{\"brokerAddrs\":{}}}}",
      "/b 0=h:1\n" },
    { decode_cluster, "{\"brokerAddrTable\":{\"\\u4e2d\":{\"brokerAddrs\":{0:\"h:1\"},\"cluster\":\"\\u6587\"}}}", "文/中 0=h:1\n" },
    { decode_runtime, "{\"table\":{\"a\":\"1\",\"b\":2,\"c\":null,\"d\":\"\"}}", "a=1\nb=2\nd=\n" },
    { decode_offsets, "{\"pullOffsetTable\":{\"T@G\":{0:5}},\"offsetTable\":{\"T@G\":{0:4,\"1\":9007199254740993}}}",
      "P T@G\np0:5\nC T@G\nc0:4\nc1:9007199254740993\n" },
    { decode_offsets, "{\"offsetTable\":{\"T@G\":{0:-1,1:null,-1:5,65535:5,65534:6,2:\"7\"}}}", "C T@G\nc65534:6\nc2:7\n" },
    { decode_offsets, "{\"offsetTable\":{\"skip@me\":{0:1},\"T@G\":7,\"U@G\":{}}}", "C skip@me\nC T@G\nC U@G\n" },
    { decode_offsets, "{\"lmqOffsetTable\":{\"%LMQ%x@%LMQ%g\":7},\"offsetTable\":{}}", "" },
    { decode_topic_stats, "{\"offsetTable\":{{\"brokerName\":\"b\",\"queueId\":3,\"topic\":\"T\"}:"
                          "{\"lastUpdateTimestamp\":-1,\"maxOffset\":8,\"minOffset\":2}}}", "T 3:2.8@-\n" },
    { decode_topic_stats, "{\"offsetTable\":{\"MessageQueue [topic=T, brokerName=b, queueId=0]\":{\"maxOffset\":8}}}", "T 0:-.8@-\n" },
    { decode_topic_stats, "{\"offsetTable\":{{\"brokerName\":\"b\",\"queueId\":0,\"topic\":\"T\"}:{\"minOffset\":2},"
                          "{\"brokerName\":\"b\",\"queueId\":1,\"topic\":\"T\"}:{\"maxOffset\":72057594037927937}}}",
      "T 1:-.-@-\n" }, /* one past the limit */
    { decode_topic_stats, "{\"offsetTable\":{{\"brokerName\":\"b\",\"queueId\":1,\"topic\":\"T\"}:{\"maxOffset\":72057594037927936}}}",
      "T 1:-.72057594037927936@-\n" },
    { decode_topic_stats, "{\"topicPutTps\":0.0}", "" },
    { decode_consume_stats, "{\"consumeTps\":0.0,\"offsetTable\":{{\"brokerName\":\"b\",\"queueId\":0,\"topic\":\"T\"}:"
                            "{\"brokerOffset\":8,\"consumerOffset\":-1,\"lastTimestamp\":0,\"pullOffset\":-1}}}", "T 0:-.8@-\n" },
    { decode_consume_stats, "{\"consumeTps\":null,\"offsetTable\":{}}", "" }, /* 4.9.7 ignores topicList */
    { decode_consume_stats, "{\"offsetTable\":{{\"brokerName\":\"b\",\"queueId\":-1,\"topic\":\"T\"}:{\"brokerOffset\":8},"
                            "{\"brokerName\":\"b\",\"queueId\":65535,\"topic\":\"T\"}:{\"brokerOffset\":8},"
                            "{\"brokerName\":\"b\",\"queueId\":65534,\"topic\":\"T\"}:{\"brokerOffset\":8}}}", "T 65534:-.8@-\n" },
    { decode_time_span, "{\"consumeTimeSpanSet\":[{\"delayTime\":126,\"messageQueue\":{\"brokerName\":\"b\",\"queueId\":3,"
                        "\"topic\":\"T\"},\"minTimeStamp\":-1},"
                        "{\"delayTime\":1795470854530,\"messageQueue\":{\"queueId\":0},\"minTimeStamp\":1795470827833}]}",
      "q3:126/-\nq0:1795470854530/1795470827833\n" },
    { decode_time_span, "{\"consumeTimeSpanSet\":[{\"delayTime\":-5,\"messageQueue\":{\"queueId\":0}},{\"delayTime\":5},7,"
                        "{\"messageQueue\":{\"queueId\":1}},{\"delayTime\":5,\"messageQueue\":{\"queueId\":-1}},"
                        "{\"delayTime\":5,\"messageQueue\":{\"queueId\":65535}},{\"delayTime\":5,\"messageQueue\":{\"queueId\":65534}}]}",
      "q65534:5/-\n" },
    { decode_topics, "{\"topicConfigTable\":{\"T\":{\"readQueueNums\":4,\"writeQueueNums\":8},\"U\":{},\"\":{\"readQueueNums\":4},"
                     "\"V\":{\"readQueueNums\":-4},\"W\":{\"readQueueNums\":99999999999}},"
                     "\"topicQueueMappingDetailMap\":{\"T\":{\"hostedQueues\":{0:[{\"bname\":\"b\"}]}}}}",
      "T 8\nU 0\nV 0\nW 4294967295\n" },
    { decode_groups, "{\"forbiddenTable\":{},\"subscriptionGroupTable\":{\"G\":{\"attributes\":{\"$ref\":\"$.x\"}},\"H\":null,\"I\":{}}}",
      "G\nI\n" },
    { decode_clients, "{\"connectionSet\":[{\"clientId\":\"i\",\"clientAddr\":\"h:1\",\"version\":277},{\"clientId\":null},7],"
                      "\"consumeType\":\"CONSUME_POP\",\"messageModel\":\"BROADCASTING\"}", "i h:1  277\nmodel 2 type 3\n" },
    { decode_clients, "{\"connectionSet\":[],\"consumeType\":\"NEW_WAY\"}", "model 0 type 0\n" },
    { decode_clients, "{\"connectionSet\":[{\"clientId\":\"i\",\"version\":99999999999}]}", "i   0\nmodel 0 type 0\n" },
    { decode_producers, "{\"data\":{\"P\":[{\"clientId\":\"a\\\"b\",\"language\":\"JAVA\"},{\"version\":1}],\"Q\":[],\"R\":null}}",
      "P a\"b\nP \n" },
    { decode_running, "{\"mqTable\":{{\"brokerName\":\"b\",\"queueId\":0,\"topic\":\"T\"}:{\"commitOffset\":144,\"droped\":false},"
                      "{\"brokerName\":\"b\",\"queueId\":1,\"topic\":\"T\"}:{\"commitOffset\":-1,\"droped\":true},"
                      "{\"brokerName\":\"b\",\"queueId\":2,\"topic\":\"T\"}:{\"dropped\":true},"
                      "{\"brokerName\":\"b\",\"queueId\":-1,\"topic\":\"T\"}:{},"
                      "{\"brokerName\":\"\",\"queueId\":3,\"topic\":\"T\"}:{},"
                      "{\"brokerName\":\"b\",\"queueId\":4,\"topic\":\"T\"}:"
                      "{\"cachedMsgCount\":2,\"cachedMsgMinOffset\":5,\"commitOffset\":-1},"
                      "{\"brokerName\":\"b\",\"queueId\":65534,\"topic\":\"T\"}:{\"commitOffset\":-1}}}",
      "Q T b 0:144\nQ T b 4:5\nQ T b 65534:-\n" },
    { decode_running, "{\"mqPopTable\":{{\"brokerName\":\"b\",\"queueId\":-1,\"topic\":\"T\"}:{\"droped\":false,\"waitAckCount\":99},"
                      "{\"brokerName\":\"c\",\"queueId\":-1,\"topic\":\"T\"}:{\"droped\":true,\"waitAckCount\":5}}}", "TP99\n" },
    { decode_running, "{\"statusTable\":{\"T\":{\"consumeFailedMsgs\":3,\"consumeOKTPS\":4.5,\"consumeFailedTPS\":0.0,\"consumeRT\":null,"
                      "\"pullRT\":810.5,\"pullTPS\":-1.0},\"U\":{}}}", "T T 3 0 4.5 nan 810.5 nan\nT U - nan nan nan nan nan\n" },
    { decode_running, "{\"properties\":{\"messageModel\":\"CLUSTERING\"},"
                      "\"subscriptionSet\":[{\"topic\":\"T\",\"subString\":\"*\"},{\"subString\":\"x\"},7]}",
      "messageModel=CLUSTERING\nS T\n" },
    { decode_running, "{\"mqTable\" : {\n {\"brokerName\" : \"b\",\n\"queueId\" : 0,\"topic\" : \"T\"} : "
                      "{\"commitOffset\" : \"7\"} } }", "Q T b 0:7\n" },
    { decode_running, "{\"mqTable\":},\"properties\":{}}", NULL }, /* C++ clients without a queue */
    { decode_running, "{\"jstack\":\"TID\"}", "" },                /* gRPC clients */
};

START_TEST(small_bodies)
{
    struct buf out;
    struct err err = { .kind = ERR_NONE };

    buf_init(&out, 0);
    int result = small[_i].decode(view_of(small[_i].body), &out, &err);
    buf_putc(&out, '\0');
    if (small[_i].told == NULL) {
        ck_assert_msg(result < 0 && err.kind == ERR_PROTO, "%s", small[_i].body);
    } else {
        ck_assert_msg(result == 0, "%s: %s", small[_i].body, err.msg);
        ck_assert_str_eq(out.data, small[_i].told);
    }
    buf_fini(&out);
}
END_TEST

/* ---- what they hand out of real ones -------------------------------------------------------------------------------- */

static const struct {
    const char *file;
    int (*decode)(struct view body, struct buf *out, struct err *err);
    int lines;
    const char *has; /* one of them */
} real[] = {
    { "106.4.9.7", decode_cluster, 2, "lab/broker-b 0=127.0.0.1:17902 1=127.0.0.1:31692\n" },
    { "106.5.5.0", decode_cluster, 1, "lab/broker-a 0=127.0.0.1:30812 1=127.0.0.1:25032\n" },
    { "28.4.9.7", decode_runtime, 49, "brokerVersion=407\n" },
    { "28.5.5.0", decode_runtime, 61, "putTps=30.89073278016595 33.67355406190357 \n" },
    { "43.4.9.7", decode_offsets, -1, "C payments@payment-service\nc0:" },
    { "43.5.5.0", decode_offsets, -1, "C notices@notice-board@broadcast\nc0:94\nc1:94\nc2:94\nc3:94\n" },
    { "43.5.5.0", decode_offsets, -1, "P notices@notice-board\np0:94\np1:95\np2:95\np3:95\n" },
    { "43.5.5.0", decode_offsets, -1, "C T_中文_订单@G_中文\nc0:0\n" },
    { "202.4.9.7", decode_topic_stats, 8, "orders 7:0.252@1795262183739\n" },
    { "202.5.5.0", decode_topic_stats, 8, "orders 0:0.947@1795262690749\n" },
    { "202_dlq.4.9.7", decode_topic_stats, 1, "%DLQ%audit-writer 0:0.201@1795262183198\n" },
    { "208.5.5.0", decode_consume_stats, 13, "payments 3:-.807@-\n" },
    { "208.5.5.0", decode_consume_stats, 13, "%RETRY%order-service 0:-.0@-\n" },
    { "208.4.9.7", decode_consume_stats, 0, "" },
    { "303.5.5.0", decode_time_span, 4, "q1:" },
    { "303_no_offset.5.5.0", decode_time_span, 1, "/1795470827833\n" },
    { "303.4.9.7", decode_time_span, 4, "q3:" },
    { "21.4.9.7", decode_topics, -1, "SCHEDULE_TOPIC_XXXX 18\n" },
    { "21.5.5.0", decode_topics, 30, "orders 8\n" },
    { "201.4.9.7", decode_groups, -1, "odd|group%one\n" },
    { "201.5.5.0", decode_groups, 22, "G_中文\n" },
    { "203.5.5.0", decode_clients, 3, "127.0.0.1@5142#5558502464468 127.0.0.1:47046 JAVA 513\n" },
    { "203_broadcast.5.5.0", decode_clients, 3, "model 2 type 1\n" },
    { "307.5.5.0", decode_running, -1, "T %RETRY%order-service 0 0 0 0 0 0\n" },
    { "307.5.5.0", decode_running, -1, "PROP_CONSUME_TYPE=CONSUME_PASSIVELY\n" },
    { "307_broadcast.5.5.0", decode_running, -1, "Q notices broker-b 3:9\n" },
    { "307_pop.5.5.0", decode_running, -1, "Q %RETRY%G_POP broker-b 0:0\n" },
    { "328.5.5.0", decode_producers, 7, "shop-frontend 127.0.0.1@frontend\n" },
};

static struct buf read_file(const char *name)
{
    char path[200];
    struct buf bytes;

    snprintf(path, sizeof(path), "tests/data/rocketmq/%s.body", name);
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s", path);
    buf_init(&bytes, 0);
    for (int c = getc(f); c != EOF; c = getc(f))
        buf_putc(&bytes, (char)c);
    fclose(f);
    return bytes;
}

START_TEST(real_bodies)
{
    struct buf body = read_file(real[_i].file), out;
    struct err err = { .kind = ERR_NONE };
    int lines = 0;

    buf_init(&out, 0);
    ck_assert_msg(real[_i].decode((struct view){ body.data, body.len }, &out, &err) == 0, "%s: %s", real[_i].file, err.msg);
    buf_putc(&out, '\0');
    for (const char *p = out.data; *p != '\0'; p++)
        lines += *p == '\n';
    if (real[_i].lines >= 0)
        ck_assert_int_eq(lines, real[_i].lines);
    ck_assert_msg(strstr(out.data, real[_i].has) != NULL, "%s lacks %s:\n%s", real[_i].file, real[_i].has, out.data);
    buf_fini(&body);
    buf_fini(&out);
}
END_TEST

/* A copy whose end is the end of the memory: one byte further is a crash, with or without a sanitizer. */
struct edge {
    char *pages;
    size_t size;
};

static char *put_at_edge(struct edge *e, const char *data, size_t len)
{
    e->size = (len + 4095) / 4096 * 4096 + 4096;
    e->pages = mmap(NULL, e->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(e->pages != MAP_FAILED);
    ck_assert_int_eq(mprotect(e->pages + e->size - 4096, 4096, PROT_NONE), 0);
    char *at = e->pages + e->size - 4096 - len;
    memcpy(at, data, len);
    return at;
}

START_TEST(a_body_cut_anywhere_gives_the_beginning_and_an_error)
{
    struct buf body = read_file(real[_i].file), whole, part;
    struct err err;

    buf_init(&whole, 0);
    buf_init(&part, 0);
    real[_i].decode((struct view){ body.data, body.len }, &whole, &err);
    for (size_t cut = 0; cut < body.len; cut++) {
        struct edge e;
        buf_reset(&part);
        err = (struct err){ .kind = ERR_NONE };
        int result = real[_i].decode((struct view){ put_at_edge(&e, body.data, cut), cut }, &part, &err);
        munmap(e.pages, e.size);
        ck_assert_msg(result < 0 && err.kind == ERR_PROTO && err.msg[0] != '\0', "%s cut at %zu", real[_i].file, cut);
        bool is_beginning = part.len <= whole.len && (part.len == 0 || memcmp(part.data, whole.data, part.len) == 0);
        /* The last thing handed out may have lost members that were cut off; what came before it is as it was. */
        size_t sure = part.len;
        for (int lines = 0; sure > 0 && lines < 2; sure--)
            lines += part.data[sure - 1] == '\n';
        is_beginning |= sure == 0 || memcmp(part.data, whole.data, sure) == 0;
        ck_assert_msg(is_beginning, "%s cut at %zu", real[_i].file, cut);
    }
    buf_fini(&body);
    buf_fini(&whole);
    buf_fini(&part);
}
END_TEST

/* An answer that went to the wrong question must not look like an empty list. */
static const struct {
    const char *body, *why;
    int (*decode)(struct view body, struct buf *out, struct err *err);
} foreign[] = {
    { "{\"subscriptionGroupTable\":{\"G\":{}}}", "topicConfigTable", decode_topics },
    { "{\"topicConfigTable\":null}", "topicConfigTable", decode_topics },
    { "{\"topicConfigTable\":{\"T\":{}}}", "subscriptionGroupTable", decode_groups },
    { "{\"table\":{\"putTps\":\"1\"}}", "offsetTable", decode_offsets },
    { "{\"pullOffsetTable\":{\"T@G\":{0:1}}}", "offsetTable", decode_offsets },
    { "{\"offsetTable\":{}}", "brokerAddrTable", decode_cluster },
};
START_TEST(the_answer_to_another_question_is_no_empty_list)
{
    struct view body = { foreign[_i].body, strlen(foreign[_i].body) };
    struct buf out;
    struct err err;

    buf_init(&out, 0);
    ck_assert_int_eq(foreign[_i].decode(body, &out, &err), -1);
    ck_assert_int_eq(err.kind, ERR_PROTO);
    ck_assert_msg(strstr(err.msg, foreign[_i].why) != NULL, "%s", err.msg);
    buf_fini(&out);
}
END_TEST

START_TEST(a_broker_has_so_many_processes_and_no_more)
{
    struct buf body, out;

    buf_init(&body, 0);
    buf_init(&out, 0);
    buf_puts(&body, "{\"brokerAddrTable\":{\"b\":{\"brokerAddrs\":{");
    for (int i = 0; i < BODY_MEMBERS_MAX + _i; i++)
        buf_printf(&body, "%s%d:\"h:%d\"", i > 0 ? "," : "", i, i);
    buf_puts(&body, "}}}}");
    ck_assert_int_eq(decode_cluster((struct view){ body.data, body.len }, &out, NULL), 0);
    buf_putc(&out, '\0');
    ck_assert(strstr(out.data, "31=h:31") != NULL && strstr(out.data, "32=") == NULL);
    buf_fini(&body);
    buf_fini(&out);
}
END_TEST

/* ---- runtime -------------------------------------------------------------------------------------------------------- */

struct runtime_rig {
    struct batch *b;
    uint32_t row;
    struct runtime_facts facts;
};

static void take(void *ctx, struct view key, struct view value)
{
    struct runtime_rig *r = ctx;

    runtime_take(r->b, r->row, &r->facts, key, value);
}

static struct runtime_rig take_file(const char *name)
{
    struct buf body = read_file(name);
    struct runtime_rig r = { batch_new(), 0, RUNTIME_FACTS_NONE };

    r.row = batch_add(r.b, TABLE_BROKERS);
    ck_assert_int_eq(body_runtime((struct view){ body.data, body.len }, take, &r, NULL), 0);
    buf_fini(&body);
    return r;
}

#define INT_OF(r, COLUMN) batch_int((r).b, TABLE_BROKERS, (r).row, BROKERS_##COLUMN)
#define REAL_OF(r, COLUMN) batch_real((r).b, TABLE_BROKERS, (r).row, BROKERS_##COLUMN)
#define TEXT_OF(r, COLUMN) batch_text((r).b, TABLE_BROKERS, (r).row, BROKERS_##COLUMN)
#define HAS(r, COLUMN) batch_has((r).b, TABLE_BROKERS, (r).row, BROKERS_##COLUMN)

START_TEST(runtime_of_4_9_7)
{
    struct runtime_rig r = take_file("28.4.9.7");

    ck_assert_int_eq(r.facts.log_max, 888947);
    ck_assert_int_eq(r.facts.log_min, 0);
    ck_assert_int_eq(r.facts.behind, 0);
    ck_assert_int_eq(r.facts.booted_at, 1795261268753);
    ck_assert_str_eq(TEXT_OF(r, BROKER_VERSION), "407");
    ck_assert_str_eq(TEXT_OF(r, BROKER_VERSION_DESC), "V4_9_7");
    ck_assert_str_eq(TEXT_OF(r, BOOT_TEXT), "1795261268753");
    ck_assert_double_eq(REAL_OF(r, PUT_TPS_600), 2.2342359028975607);
    ck_assert_double_eq(REAL_OF(r, GET_TRANSFERRED_TPS_60), 1.8827998733692122); /* spelt getTransferedTps */
    ck_assert_int_eq(INT_OF(r, PUT_MESSAGE_DISTRIBUTE_TIME_0MS), 138);
    ck_assert_int_eq(INT_OF(r, PUT_MESSAGE_DISTRIBUTE_TIME_0TO10MS), 10);
    ck_assert_int_eq(INT_OF(r, PUT_MESSAGE_DISTRIBUTE_TIME_10STOMORE), 0);
    ck_assert_int_eq(INT_OF(r, EARLIEST_MESSAGE_TIME_STAMP), -1);
    ck_assert_int_eq(INT_OF(r, REMAIN_HOW_MANY_DATA_TO_FLUSH), 0);
    ck_assert_int_eq(INT_OF(r, COMMIT_LOG_DIR_CAPACITY_TOTAL), 252LL << 30);
    ck_assert_double_eq(REAL_OF(r, PUT_LATENCY_999), 0.99);
    ck_assert(!HAS(r, BROKER_ACTIVE) && !HAS(r, TIMER_READ_BEHIND) && !HAS(r, ACK_THREAD_POOL_QUEUE_SIZE));
    batch_unref(r.b);
}
END_TEST

START_TEST(runtime_of_5_5_0)
{
    struct runtime_rig r = take_file("28.5.5.0");

    ck_assert(!HAS(r, BROKER_VERSION));
    ck_assert_str_eq(TEXT_OF(r, BROKER_VERSION_DESC), "V5_5_0");
    ck_assert_int_eq(INT_OF(r, BROKER_ACTIVE), 1);
    ck_assert_double_eq(REAL_OF(r, PUT_TPS_10), 30.89073278016595);
    ck_assert_double_eq(REAL_OF(r, PUT_TPS_60), 33.67355406190357);
    ck_assert(!HAS(r, PUT_TPS_600)); /* no such history yet: not 0 */
    ck_assert_double_eq(REAL_OF(r, GET_TOTAL_TPS_600), 0);
    ck_assert_double_eq(REAL_OF(r, GET_TRANSFERRED_TPS_10), 34.986005597760894);
    ck_assert_int_eq(INT_OF(r, REMAIN_HOW_MANY_DATA_TO_FLUSH), 3891); /* 3.8 KiB */
    ck_assert_int_eq(INT_OF(r, REMAIN_TRANSIENT_STORE_BUFFER_NUMBS), 2147483647);
    ck_assert_int_eq(INT_OF(r, END_TRANSACTION_THREAD_POOL_QUEUE_CAPACITY), 100000);
    ck_assert_double_eq(REAL_OF(r, COMMIT_LOG_DISK_RATIO), 0.14);
    ck_assert_int_eq(INT_OF(r, TIMER_CONGEST_NUM), 0);
    batch_unref(r.b);
}
END_TEST

/* One key, one text, and what becomes of it: an int64, a double, or nothing (NAN). */
static const struct {
    const char *key, *text;
    unsigned column;
    double value;
} odd[] = {
    { "putTps", "  ", BROKERS_PUT_TPS_10, NAN },
    { "putTps", "5.69  ", BROKERS_PUT_TPS_10, 5.69 },
    { "putTps", "5.69  ", BROKERS_PUT_TPS_60, NAN },
    { "putTps", "5.69  7", BROKERS_PUT_TPS_60, NAN },
    { "putTps", "5.69  7", BROKERS_PUT_TPS_600, 7 },
    { "putTps", "1,5 2,5 3,5", BROKERS_PUT_TPS_600, 3.5 },
    { "putTps", "1 2 3 4", BROKERS_PUT_TPS_600, 3 },
    { "putTps", "", BROKERS_PUT_TPS_10, NAN },
    { "putTps", "NaN Infinity null", BROKERS_PUT_TPS_10, NAN },
    { "putMessageDistributeTime", "null", BROKERS_PUT_MESSAGE_DISTRIBUTE_TIME_0MS, NAN },
    { "putMessageDistributeTime", "[<=0ms]:1 [100~200ms]:7 ", BROKERS_PUT_MESSAGE_DISTRIBUTE_TIME_100TO200MS, 7 },
    { "putMessageDistributeTime", "[<=0ms]:1 [100~200ms]:7 ", BROKERS_PUT_MESSAGE_DISTRIBUTE_TIME_0TO10MS, NAN },
    { "putMessageDistributeTime", "[10s~]:9", BROKERS_PUT_MESSAGE_DISTRIBUTE_TIME_10STOMORE, 9 },
    { "putLatency99", "0,35", BROKERS_PUT_LATENCY_99, 0.35 },
    { "putLatency99", "1,234.5", BROKERS_PUT_LATENCY_99, NAN },
    { "putMessageAverageSize", "NaN", BROKERS_PUT_MESSAGE_AVERAGE_SIZE, NAN },
    { "putMessageAverageSize", "1.0E-5", BROKERS_PUT_MESSAGE_AVERAGE_SIZE, 1.0e-5 },
    { "commitLogDirCapacity", "Total : 252,0 GiB, Free : 231,8 GiB.", BROKERS_COMMIT_LOG_DIR_CAPACITY_FREE, 248893354803.0 },
    { "commitLogDirCapacity", "Total : 1.5 TiB, Free : 512 B.", BROKERS_COMMIT_LOG_DIR_CAPACITY_TOTAL, 1649267441664.0 },
    { "commitLogDirCapacity", "Total : 1.5 TiB, Free : 512 B.", BROKERS_COMMIT_LOG_DIR_CAPACITY_FREE, 512 },
    { "commitLogDirCapacity", "", BROKERS_COMMIT_LOG_DIR_CAPACITY_TOTAL, NAN },
    { "remainHowManyDataToCommit", "10.2 KiB", BROKERS_REMAIN_HOW_MANY_DATA_TO_COMMIT, 10445 },
    { "remainHowManyDataToCommit", "10.2", BROKERS_REMAIN_HOW_MANY_DATA_TO_COMMIT, NAN },
    { "remainHowManyDataToCommit", "10 XiB", BROKERS_REMAIN_HOW_MANY_DATA_TO_COMMIT, NAN },
    { "remainHowManyDataToCommit", "99999999999999999999 EiB", BROKERS_REMAIN_HOW_MANY_DATA_TO_COMMIT, NAN },
    { "remainHowManyDataToCommit", "-1 B", BROKERS_REMAIN_HOW_MANY_DATA_TO_COMMIT, NAN },
    { "commitLogMaxOffset", "9223372036854775807", BROKERS_COMMIT_LOG_MAX_OFFSET, 9223372036854775807.0 },
    { "commitLogMaxOffset", "9223372036854775808", BROKERS_COMMIT_LOG_MAX_OFFSET, NAN },
    { "commitLogMaxOffset", "12 ", BROKERS_COMMIT_LOG_MAX_OFFSET, NAN },
    { "brokerActive", "true", BROKERS_BROKER_ACTIVE, 1 },
    { "brokerActive", "false", BROKERS_BROKER_ACTIVE, 0 },
    { "brokerActive", "yes", BROKERS_BROKER_ACTIVE, NAN },
    { "timerEnqueueTps", "0.0", BROKERS_TIMER_ENQUEUE_TPS, 0 },
    { "EndTransactionQueueSize", "3", BROKERS_END_TRANSACTION_QUEUE_SIZE, 3 },
    { "endTransactionQueueSize", "3", BROKERS_END_TRANSACTION_QUEUE_SIZE, NAN },
    { "commitLogDiskRatio_/data", "0.5", BROKERS_COMMIT_LOG_DISK_RATIO, NAN },
};

START_TEST(runtime_texts)
{
    struct runtime_rig r = { batch_new(), 0, RUNTIME_FACTS_NONE };

    r.row = batch_add(r.b, TABLE_BROKERS);
    runtime_take(r.b, r.row, &r.facts, view_of(odd[_i].key), view_of(odd[_i].text));
    double found = batch_number(r.b, TABLE_BROKERS, r.row, odd[_i].column);
    ck_assert_msg(isnan(odd[_i].value) ? isnan(found) : fabs(found - odd[_i].value) <= fabs(odd[_i].value) * 1e-9,
                  "%s \"%s\": found %g, expected %g", odd[_i].key, odd[_i].text, found, odd[_i].value);
    batch_unref(r.b);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("rocketmq bodies");
    TCase *c = unit_case(s, "bodies");

    tcase_add_loop_test(c, small_bodies, 0, COUNT(small));
    tcase_add_loop_test(c, real_bodies, 0, COUNT(real));
    tcase_add_loop_test(c, a_body_cut_anywhere_gives_the_beginning_and_an_error, 0, COUNT(real));
    tcase_add_loop_test(c, the_answer_to_another_question_is_no_empty_list, 0, COUNT(foreign));
    tcase_add_loop_test(c, a_broker_has_so_many_processes_and_no_more, 0, 2);
    c = unit_case(s, "runtime");
    tcase_add_test(c, runtime_of_4_9_7);
    tcase_add_test(c, runtime_of_5_5_0);
    tcase_add_loop_test(c, runtime_texts, 0, COUNT(odd));
    return s;
}

int main(void)
{
    return unit_main(suite());
}
