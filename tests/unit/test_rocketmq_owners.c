/* test_rocketmq_owners.c - who owns which queue, what clients say of themselves, and sums of diff, against fake brokers. */
#include "agent/source/source.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/owners.h"
#include "agent/source/rocketmq/request_codes.h"
#include "tests/fake/broker.h"
#include "tests/fake/rmq_say.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define V4 WIRE_VERSION(4, 9, 7)
#define V5 WIRE_VERSION(5, 3, 3)
#define AVERAGE "org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely@7a9f"
#define CIRCLE "org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragelyByCircle@7a9f"

extern const struct source_ops rocketmq_source;

/* ---- arithmetic -------------------------------------------------------------------------------------------------- */

static const struct {
    uint32_t queues, clients;
    const char *owners; /* by place: a is the first client */
} shares[] = {
    { 7, 3, "aaabbcc" }, { 8, 2, "aaaabbbb" }, { 8, 3, "aaabbbcc" }, { 4, 4, "abcd" },
    { 3, 5, "abc" },     { 1, 2, "a" },        { 0, 3, "" },         { 5, 1, "aaaaa" },
};

START_TEST(the_default_strategy_is_the_clients)
{
    uint32_t next = 0;

    for (uint32_t place = 0; place < shares[_i].queues; place++)
        ck_assert_int_eq(owners_average_of(shares[_i].queues, shares[_i].clients, place), shares[_i].owners[place] - 'a');
    for (uint32_t client = 0; client < shares[_i].clients; client++) {
        struct owners_share share = owners_average_share(shares[_i].queues, shares[_i].clients, client);
        ck_assert_uint_eq(share.first, next);
        next += share.count;
    }
    ck_assert_uint_eq(next, shares[_i].queues);
}
END_TEST

START_TEST(a_share_and_its_owners_agree)
{
    uint64_t seed = unit_seed(), state = seed;

    for (int i = 0; i < 2000; i++) {
        uint32_t queues = (uint32_t)(unit_random(&state) % 200), clients = 1 + (uint32_t)(unit_random(&state) % 50);
        uint32_t client = (uint32_t)(unit_random(&state) % clients);
        struct owners_share share = owners_average_share(queues, clients, client);
        for (uint32_t place = 0; place < queues; place++) {
            bool is_mine = place >= share.first && place < share.first + share.count;
            ck_assert_msg(is_mine == (owners_average_of(queues, clients, place) == client), "UNIT_SEED=%llu: %u queues, %u clients",
                          (unsigned long long)seed, queues, clients);
        }
    }
}
END_TEST

START_TEST(what_was_said_grows_old)
{
    struct running said = { .told_at_ns = NS_PER_S };
    const struct group_client client = { .running = &said }, silent = { .running = NULL };

    ck_assert_ptr_eq(running_of(&client, 6 * NS_PER_S, 5000), &said);
    ck_assert_ptr_null(running_of(&client, 6 * NS_PER_S + NS_PER_MS, 5000));
    ck_assert_ptr_eq(running_of(&client, 600 * NS_PER_S, 0), &said);
    ck_assert_ptr_null(running_of(&silent, NS_PER_S, 0));
    said.told_at_ns = 0;
    ck_assert_ptr_null(running_of(&client, NS_PER_S, 0));
}
END_TEST

/* ---- the rig ----------------------------------------------------------------------------------------------------- */

struct rig {
    struct broker *ns, *a, *b;
    void *self;
    struct batch *batch; /* of the last look */
    int64_t log;         /* moves, so that no look finds the cluster idle */
    enum source_result result;
    struct err err;
};

static void set(struct rig *r, const char *name, const char *value)
{
    ck_assert_int_eq(option_set(option_find(rocketmq_source.options, name), r->self, value, &r->err), 0);
}

static struct broker *add_broker(int version)
{
    struct broker *b = broker_start();

    broker_reply_version(b, version);
    say_groups(b, "G");
    say_producers(b, "");
    say_clients(b, "G", NULL, NULL);
    say_no_stats(b);
    return b;
}

/* Two brokers, the second named so that it sorts first; T has three queues on broker-b and two on broker-a. */
static struct rig *rig_new(int version)
{
    struct rig *r = xcalloc(1, sizeof(*r));

    r->ns = broker_start();
    r->a = add_broker(version);
    r->b = add_broker(version);
    r->self = xcalloc(1, rocketmq_source.size);
    option_set_defaults(rocketmq_source.options, r->self);
    set(r, "lag_requests", "0"); /* the time lag has its own tests */
    char *spec = xasprintf("c1/broker-b:0=%s c1/broker-a:0=%s", broker_address(r->b), broker_address(r->a));
    say_brokers(r->ns, spec);
    free(spec);
    say_topics(r->a, "T:2");
    say_topics(r->b, "T:3");
    say_offsets(r->a, "T@G:90,80", NULL);
    say_offsets(r->b, "T@G:70,60,50", NULL);
    say_ends(r->a, "T:0-100,0-100");
    say_ends(r->b, "T:0-100,0-100,0-100");
    return r;
}

static void rig_open(struct rig *r, int64_t interval_ms)
{
    const struct source_env env = { .name = "prod", .interval_ms = interval_ms };

    set(r, "namesrv", broker_address(r->ns));
    ck_assert_msg(rocketmq_source.open(r->self, &env, &r->err) == 0, "%s", r->err.msg);
}

static void look_within(struct rig *r, int64_t deadline_ms)
{
    if (r->batch != NULL)
        batch_unref(r->batch);
    r->batch = batch_new();
    r->log += 100;
    say_log(r->a, 1000 + r->log, 0);
    say_log(r->b, 1000 + r->log, 0);
    r->err = (struct err){ .kind = ERR_NONE };
    r->result = rocketmq_source.collect(r->self, r->batch, clock_now_ns() + deadline_ms * NS_PER_MS, -1, &r->err);
    ck_assert_msg(r->result == SOURCE_ALL, "%s", r->err.msg);
}

static void look(struct rig *r)
{
    look_within(r, 20000);
}

static void rig_free(struct rig *r)
{
    rocketmq_source.close(r->self);
    free(r->self);
    batch_unref(r->batch);
    broker_stop(r->ns);
    broker_stop(r->a);
    broker_stop(r->b);
    free(r);
}

static void both_say_clients(struct rig *r, const char *ids, const char *model)
{
    say_clients(r->a, "G", ids, model);
    say_clients(r->b, "G", ids, model);
}

/* "a0:90 b1:60": queue 0 of T at broker-a, with the offset the client holds. */
static void put_queues(struct buf *body, const char *queues)
{
    for (const char *at = queues; *at != '\0'; at += strcspn(at, " "), at += *at == ' ')
        buf_printf(body, "%s{\"brokerName\":\"broker-%c\",\"queueId\":%c,\"topic\":\"T\"}:{\"commitOffset\":%d,\"droped\":false}",
                   at == queues ? "" : ",", at[0], at[1], at[2] == ':' ? atoi(at + 3) : 0);
}

static void say_running(struct rig *r, const char *client, const char *strategy, const char *queues, const char *more)
{
    struct broker *const brokers[] = { r->a, r->b };
    struct buf body;

    buf_init(&body, 0);
    buf_puts(&body, "{\"mqTable\":{");
    put_queues(&body, queues);
    buf_printf(&body, "},\"properties\":{\"PROP_CONSUME_TYPE\":\"CONSUME_PASSIVELY\",\"allocateMessageQueueStrategy\":\"%s\"}%s}",
               strategy, more);
    buf_putc(&body, '\0');
    for (int i = 0; i < 2; i++) {
        broker_always(brokers[i], RMQ_GET_CONSUMER_RUNNING_INFO);
        broker_when(brokers[i], "clientId", client);
        broker_reply_body(brokers[i], body.data);
    }
    buf_fini(&body);
}

#define WANTS(expression) ",\"subscriptionSet\":[{\"topic\":\"T\",\"subString\":\"" expression "\",\"subVersion\":1}," \
                          "{\"topic\":\"%RETRY%G\",\"subString\":\"*\"}]"

static int running_requests(const struct rig *r)
{
    return broker_requests(r->a, RMQ_GET_CONSUMER_RUNNING_INFO) + broker_requests(r->b, RMQ_GET_CONSUMER_RUNNING_INFO);
}

static int client_list_requests(const struct rig *r)
{
    return broker_requests(r->a, RMQ_GET_CONSUMER_CONNECTION_LIST) + broker_requests(r->b, RMQ_GET_CONSUMER_CONNECTION_LIST);
}

static bool row_has(const struct rig *r, enum table_id t, uint32_t row, unsigned column, const char *text)
{
    const char *found = batch_text(r->batch, t, row, column);

    return found != NULL && strcmp(found, text) == 0;
}

/* The owners of T's queues, first those of broker-a: "x x y - -". Ids are one letter before the '@'. */
static void expect_owners(const struct rig *r, const char *expected)
{
    char owners[16] = "?????", *at = owners;

    for (const char *key = "a0a1b0b1b2"; *key != '\0'; key += 2, at++) {
        char broker[] = "broker-?", queue[] = "?";
        broker[7] = key[0];
        queue[0] = key[1];
        for (uint32_t row = 0; row < batch_rows(r->batch, TABLE_QUEUES); row++)
            if (row_has(r, TABLE_QUEUES, row, QUEUES_BROKER, broker) && row_has(r, TABLE_QUEUES, row, QUEUES_QUEUE, queue)) {
                const char *client = batch_text(r->batch, TABLE_QUEUES, row, QUEUES_CLIENT);
                *at = client[0] == '\0' ? '-' : client[0];
            }
    }
    ck_assert_str_eq(owners, expected);
}

static uint32_t client_row(const struct rig *r, const char *id)
{
    for (uint32_t row = 0; row < batch_rows(r->batch, TABLE_CLIENTS); row++)
        if (row_has(r, TABLE_CLIENTS, row, CLIENTS_CLIENT, id))
            return row;
    ck_abort_msg("no client %s", id);
}

#define EXPECT_INT(r, T, row, COLUMN, value) ck_assert_int_eq(batch_int((r)->batch, TABLE_##T, row, T##_##COLUMN), value)

static void expect_client(const struct rig *r, const char *id, int64_t queues, int64_t lag)
{
    uint32_t row = client_row(r, id);

    EXPECT_INT(r, CLIENTS, row, QUEUES, queues);
    EXPECT_INT(r, CLIENTS, row, LAG, lag);
}

/* diff and complete of the one sum with these keys; "" for those that do not belong to it. */
static void expect_sum(const struct rig *r, const char *sum, const char *const keys[6], int64_t diff, int64_t complete)
{
    static const unsigned columns[6] = { DIFF_SUMS_TOPIC, DIFF_SUMS_CONSUMER_GROUP, DIFF_SUMS_BROKER, DIFF_SUMS_QUEUE,
                                         DIFF_SUMS_CLIENT_IP, DIFF_SUMS_CLIENT_PID };
    unsigned found = 0;

    for (uint32_t row = 0; row < batch_rows(r->batch, TABLE_DIFF_SUMS); row++) {
        bool is_it = row_has(r, TABLE_DIFF_SUMS, row, DIFF_SUMS_SUM, sum);
        for (int i = 0; i < 6; i++)
            is_it = is_it && row_has(r, TABLE_DIFF_SUMS, row, columns[i], keys[i]);
        if (!is_it)
            continue;
        found++;
        EXPECT_INT(r, DIFF_SUMS, row, DIFF, diff);
        EXPECT_INT(r, DIFF_SUMS, row, COMPLETE, complete);
    }
    ck_assert_msg(found == 1, "%u sums of %s", found, sum);
}

#define EXPECT_SUM(r, sum, diff, complete, ...) expect_sum(r, sum, (const char *const[6]){ __VA_ARGS__ }, diff, complete)

static void pass(int64_t ms)
{
    const struct timespec span = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

    nanosleep(&span, NULL);
}

/* ---- owners ------------------------------------------------------------------------------------------------------ */

START_TEST(owners_are_what_clients_say)
{
    struct rig *r = rig_new(_i == 0 ? V4 : V5);

    both_say_clients(r, "x@1 y@2", "CLUSTERING");
    say_running(r, "x@1", CIRCLE, "a0:0 b0:0 b2:0", WANTS("*"));
    say_running(r, "y@2", CIRCLE, "a1:0 b1:0", WANTS("*"));
    rig_open(r, 0);
    look(r);
    expect_owners(r, "xyxyx");
    expect_client(r, "x@1", 3, 10 + 30 + 50);
    expect_client(r, "y@2", 2, 20 + 40);
    ck_assert_int_eq(running_requests(r), 2);
    rig_free(r);
}
END_TEST

START_TEST(one_client_that_confirms_the_strategy_is_enough)
{
    struct rig *r = rig_new(_i == 0 ? V4 : V5);

    both_say_clients(r, "x@1 y@2", "CLUSTERING");
    say_running(r, "x@1", AVERAGE, "a0:0 a1:0 b0:0", WANTS("*"));
    set(r, "running_requests", "1");
    set(r, "clients_interval", "1s");
    rig_open(r, 60000);
    look(r);
    expect_owners(r, "xxxyy");
    expect_client(r, "y@2", 2, 40 + 50);
    ck_assert_int_eq(running_requests(r), 1);

    /* A third comes, and nobody is asked about queues. */
    both_say_clients(r, "w@0 x@1 y@2", "CLUSTERING");
    set(r, "running_requests", "0");
    pass(1100);
    look(r);
    expect_owners(r, "wwxxy");
    ck_assert_int_eq(running_requests(r), 1);
    rig_free(r);
}
END_TEST

/* x says that it has not what the strategy gives it: nothing is worked out, and what it says stands. */
START_TEST(a_strategy_that_is_not_confirmed_is_not_used)
{
    struct rig *r = rig_new(V5);

    both_say_clients(r, "x@1 y@2", "CLUSTERING");
    say_running(r, "x@1", AVERAGE, "a0:0 b2:0", WANTS("*"));
    set(r, "running_requests", "1");
    rig_open(r, 60000);
    look(r);
    expect_owners(r, "x---x");
    expect_client(r, "x@1", 2, 10 + 50);
    expect_client(r, "y@2", NO_INT, NO_INT);
    rig_free(r);
}
END_TEST

START_TEST(different_subscriptions_are_counted_and_nothing_is_worked_out)
{
    struct rig *r = rig_new(V5);

    both_say_clients(r, "x@1 y@2", "CLUSTERING");
    say_running(r, "x@1", AVERAGE, "a0:0 a1:0 b0:0", WANTS("*"));
    say_running(r, "y@2", AVERAGE, "b1:0", WANTS("TagA"));
    rig_open(r, 0);
    look(r);
    expect_owners(r, "xxxy-");
    EXPECT_INT(r, GROUPS, 0, SUBSCRIPTIONS, 2);
    rig_free(r);
}
END_TEST

/* What was said before somebody came holds no more, where it cannot be worked out. */
START_TEST(owners_are_unknown_after_a_change_until_told_again)
{
    struct rig *r = rig_new(V5);

    both_say_clients(r, "x@1", "CLUSTERING");
    say_running(r, "x@1", CIRCLE, "a0:0 a1:0 b0:0 b1:0 b2:0", WANTS("*"));
    set(r, "clients_interval", "1s");
    rig_open(r, 60000);
    look(r);
    expect_owners(r, "xxxxx");
    both_say_clients(r, "x@1 y@2", "CLUSTERING");
    set(r, "running_requests", "0");
    pass(1100);
    look(r);
    expect_owners(r, "-----");
    rig_free(r);
}
END_TEST

START_TEST(pop_has_no_owners)
{
    struct rig *r = rig_new(V5);

    both_say_clients(r, "x@1", "CLUSTERING");
    say_running(r, "x@1", AVERAGE, "",
                ",\"mqPopTable\":{{\"brokerName\":\"broker-a\",\"queueId\":-1,\"topic\":\"T\"}:{\"droped\":false,\"waitAckCount\":90},"
                "{\"brokerName\":\"broker-b\",\"queueId\":-1,\"topic\":\"T\"}:{\"droped\":false,\"waitAckCount\":9}}" WANTS("*"));
    rig_open(r, 0);
    look(r);
    expect_owners(r, "-----");
    ck_assert_str_eq(batch_text(r->batch, TABLE_GROUPS, 0, GROUPS_TYPE), "pop");
    EXPECT_INT(r, CLIENTS, client_row(r, "x@1"), POP_INFLIGHT, 99);
    expect_client(r, "x@1", NO_INT, NO_INT);
    rig_free(r);
}
END_TEST

#define TAKES(broker_letter, count) \
    "{\"brokerName\":\"broker-" broker_letter "\",\"queueId\":-1,\"topic\":\"T\"}:{\"droped\":false,\"waitAckCount\":" count "}"

static uint32_t backlog_of(const struct rig *r, const char *topic)
{
    for (uint32_t row = 0; row < batch_rows(r->batch, TABLE_BACKLOGS); row++)
        if (row_has(r, TABLE_BACKLOGS, row, BACKLOGS_TOPIC, topic))
            return row;
    ck_abort_msg("no backlog of %s", topic);
}

/* What is pulled and not committed says nothing of POP, where the broker keeps both (popConsumerKVServiceEnable): seen 4 for 12. */
START_TEST(in_flight_of_pop_is_what_its_clients_have_not_acknowledged)
{
    struct rig *r = rig_new(WIRE_V5_5_0);

    say_topics(r->a, "T:2 U:1 %RETRY%G_T:1");
    say_ends(r->a, "T:0-100,0-100 U:0-9 %RETRY%G_T:0-3");
    say_offsets(r->a, "T@G:90,80 U@G:4 %RETRY%G_T@G:2", "T@G:91,81 U@G:6 %RETRY%G_T@G:3");
    say_offsets(r->b, "T@G:70,60,50", "T@G:71,61,51");
    both_say_clients(r, "x@1 y@2", "CLUSTERING");
    say_running(r, "x@1", AVERAGE, "", ",\"mqPopTable\":{" TAKES("b", "5") "," TAKES("a", "3") "}" WANTS("*"));
    if (_i == 0)
        say_running(r, "y@2", AVERAGE, "", ",\"mqPopTable\":{" TAKES("a", "4") "}" WANTS("*"));
    rig_open(r, 0);
    look(r);
    EXPECT_INT(r, BACKLOGS, backlog_of(r, "T"), INFLIGHT, _i == 0 ? 12 : NO_INT);
    EXPECT_INT(r, BACKLOGS, backlog_of(r, "T"), LAG, 10 + 20 + 30 + 40 + 50);
    EXPECT_INT(r, BACKLOGS, backlog_of(r, "U"), INFLIGHT, 2); /* that one is pulled */
    EXPECT_INT(r, BACKLOGS, backlog_of(r, "%RETRY%G_T"), INFLIGHT, NO_INT);
    for (uint32_t row = 0; row < batch_rows(r->batch, TABLE_QUEUES); row++)
        ck_assert(row_has(r, TABLE_QUEUES, row, QUEUES_TOPIC, "U") == batch_has(r->batch, TABLE_QUEUES, row, QUEUES_INFLIGHT));
    rig_free(r);
}
END_TEST

/* ---- broadcast --------------------------------------------------------------------------------------------------- */

static struct rig *rig_broadcast(const char *ids)
{
    struct rig *r = rig_new(V4);

    say_offsets(r->a, "", NULL);
    say_offsets(r->b, "", NULL);
    both_say_clients(r, ids, "BROADCASTING");
    return r;
}

START_TEST(the_slowest_broadcast_client_counts)
{
    struct rig *r = rig_broadcast("x@DEFAULT y@DEFAULT");

    say_running(r, "x@DEFAULT", AVERAGE, "a0:90 a1:100 b0:100 b1:100 b2:100", "");
    say_running(r, "y@DEFAULT", AVERAGE, "a0:95 a1:100 b0:40 b1:100 b2:100", "");
    rig_open(r, 0);
    look(r);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_BACKLOGS), 1);
    EXPECT_INT(r, BACKLOGS, 0, LAG, 10 + 60);
    EXPECT_INT(r, BACKLOGS, 0, COMPLETE, 1);
    EXPECT_INT(r, GROUPS, 0, LAG, 70);
    expect_client(r, "x@DEFAULT", 5, 10);
    expect_client(r, "y@DEFAULT", 5, 65);
    rig_free(r);
}
END_TEST

START_TEST(a_broadcast_client_that_does_not_tell_leaves_the_lag_unknown)
{
    struct rig *r = rig_broadcast("x@DEFAULT y@DEFAULT");

    say_running(r, "x@DEFAULT", AVERAGE, "a0:90", "");
    rig_open(r, 0);
    look(r);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_BACKLOGS), 0);
    ck_assert(!batch_has(r->batch, TABLE_GROUPS, 0, GROUPS_LAG));
    rig_free(r);
}
END_TEST

#define WORKS ",\"statusTable\":{\"T\":{\"consumeFailedMsgs\":3,\"consumeFailedTPS\":1.0,\"consumeOKTPS\":3.0,\"consumeRT\":2.5," \
              "\"pullRT\":10.0,\"pullTPS\":4.0}}"

START_TEST(two_processes_under_one_id_show_their_figures_once)
{
    struct rig *r = rig_broadcast("x@DEFAULT x@DEFAULT");

    say_running(r, "x@DEFAULT", AVERAGE, "a0:90 a1:100 b0:100 b1:100 b2:100", WORKS);
    rig_open(r, 0);
    look(r);
    ck_assert_int_eq(running_requests(r), 1);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_CLIENTS), 1);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_CLIENT_TOPICS), 1);
    EXPECT_INT(r, GROUPS, 0, MEMBERS, 2);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_BACKLOGS), 0); /* the other one may be slower */
    rig_free(r);
}
END_TEST

/* ---- figures ----------------------------------------------------------------------------------------------------- */

START_TEST(a_client_says_how_it_does)
{
    struct rig *r = rig_new(V5);

    both_say_clients(r, "x@1", "CLUSTERING");
    say_topics(r->a, "T:2 U:1");
    say_running(r, "x@1", AVERAGE, "a0:0",
                ",\"statusTable\":{\"T\":{\"consumeFailedMsgs\":3,\"consumeFailedTPS\":1.0,\"consumeOKTPS\":3.0,\"consumeRT\":2.5,"
                "\"pullRT\":10.0,\"pullTPS\":4.0},\"U\":{\"consumeOKTPS\":12.0,\"consumeFailedTPS\":0.0,\"consumeRT\":0.5,\"pullRT\":50.0,"
                "\"pullTPS\":0.0},\"who knows\":{\"consumeOKTPS\":99.0}}");
    rig_open(r, 0);
    look(r);
    uint32_t row = client_row(r, "x@1");
    ck_assert_double_eq(batch_real(r->batch, TABLE_CLIENTS, row, CLIENTS_OK_RATE), 15);
    ck_assert_double_eq(batch_real(r->batch, TABLE_CLIENTS, row, CLIENTS_FAILED_RATE), 1);
    ck_assert_double_eq(batch_real(r->batch, TABLE_CLIENTS, row, CLIENTS_CONSUME_RT_MS), (4 * 2.5 + 12 * 0.5) / 16);
    ck_assert_double_eq(batch_real(r->batch, TABLE_CLIENTS, row, CLIENTS_PULL_RT_MS), 10);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_CLIENT_TOPICS), 2);
    EXPECT_INT(r, CLIENT_TOPICS, 0, FAILED, 3);
    ck_assert_str_eq(batch_text(r->batch, TABLE_CLIENT_TOPICS, 0, CLIENT_TOPICS_ADDRESS), "10.0.0.9:40000");
    ck_assert(!batch_has(r->batch, TABLE_CLIENT_TOPICS, 1, CLIENT_TOPICS_FAILED));
    rig_free(r);
}
END_TEST

START_TEST(diffs_are_summed_over_everything)
{
    struct rig *r = rig_new(_i == 0 ? V4 : V5);

    both_say_clients(r, "x@11#5 y@22@unit", "CLUSTERING");
    say_running(r, "x@11#5", CIRCLE, "a0:0 b0:0", WANTS("*"));
    say_running(r, "y@22@unit", CIRCLE, "a1:0 b1:0", WANTS("*"));
    rig_open(r, 0);
    look(r);
    EXPECT_SUM(r, "topic", 150, 1, "T", "", "", "", "", "");
    EXPECT_SUM(r, "group", 150, 1, "", "G", "", "", "", "");
    EXPECT_SUM(r, "topic_group", 150, 1, "T", "G", "", "", "", "");
    EXPECT_SUM(r, "broker", 30, 1, "", "", "broker-a", "", "", "");
    EXPECT_SUM(r, "broker", 120, 1, "", "", "broker-b", "", "", "");
    EXPECT_SUM(r, "queue", 50, 1, "", "", "broker-b", "2", "", "");
    EXPECT_SUM(r, "client", 40, 1, "", "", "", "", "x", "11");
    EXPECT_SUM(r, "client", 60, 1, "", "", "", "", "y", "22");
    EXPECT_SUM(r, "client", 50, 1, "", "", "", "", "", "");
    rig_free(r);
}
END_TEST

START_TEST(a_sum_that_misses_a_part_says_so)
{
    struct rig *r = rig_new(V5);

    both_say_clients(r, "x@11", "CLUSTERING");
    say_running(r, "x@11", AVERAGE, "a0:0 a1:0 b0:0 b1:0 b2:0", WANTS("*"));
    say_ends(r->b, "T:0-100,x,0-100");
    rig_open(r, 0);
    look(r);
    EXPECT_SUM(r, "topic", 30 + 80, 0, "T", "", "", "", "", "");
    EXPECT_SUM(r, "broker", 30, 1, "", "", "broker-a", "", "", "");
    EXPECT_SUM(r, "broker", 80, 0, "", "", "broker-b", "", "", "");
    EXPECT_SUM(r, "client", 110, 0, "", "", "", "", "x", "11");
    rig_free(r);
}
END_TEST

/* ---- sparing ----------------------------------------------------------------------------------------------------- */

static void expect_lane(const struct rig *r, int64_t requests, int64_t failed)
{
    int64_t sent = 0, bad = 0;

    for (uint32_t row = 0; row < batch_rows(r->batch, TABLE_SCRAPES); row++) {
        if (!row_has(r, TABLE_SCRAPES, row, SCRAPES_KIND, "client"))
            continue;
        EXPECT_INT(r, SCRAPES, row, OK, 1);
        sent += batch_int(r->batch, TABLE_SCRAPES, row, SCRAPES_REQUESTS);
        bad += batch_int(r->batch, TABLE_SCRAPES, row, SCRAPES_FAILED);
    }
    ck_assert_int_eq(sent, requests);
    ck_assert_int_eq(bad, failed);
}

static void both_refuse(struct rig *r, int way)
{
    struct broker *const brokers[] = { r->a, r->b };

    for (int i = 0; i < 2; i++) {
        broker_always(brokers[i], RMQ_GET_CONSUMER_RUNNING_INFO);
        if (way == 0)
            broker_reply_code(brokers[i], RMQ_RESPONSE_CONSUME_MSG_TIMEOUT, "consumer waits too long");
        else if (way == 1)
            broker_reply_code(brokers[i], RMQ_RESPONSE_REQUEST_CODE_NOT_SUPPORTED, NULL);
        else if (way == 2)
            broker_reply_body(brokers[i], "{\"mqTable\":},\"properties\":{}}");
        else
            broker_close(brokers[i], 4);
    }
}

START_TEST(a_client_that_does_not_tell_is_normal_and_rests)
{
    struct rig *r = rig_new(V5);

    both_say_clients(r, "x@1", "CLUSTERING");
    both_refuse(r, _i);
    set(r, "running_interval", "1s");
    rig_open(r, 60000);
    look(r);
    expect_lane(r, 1, 1);
    expect_owners(r, "-----");
    expect_client(r, "x@1", NO_INT, NO_INT);
    pass(1100);
    look(r);
    expect_lane(r, 1, 1);
    pass(1100); /* it rests for two seconds now */
    look(r);
    expect_lane(r, 0, 0);
    rig_free(r);
}
END_TEST

START_TEST(a_client_that_hangs_holds_up_nothing)
{
    struct rig *r = rig_new(V5);

    both_say_clients(r, "x@1 y@2", "CLUSTERING");
    say_running(r, "y@2", CIRCLE, "a0:0", "");
    for (int i = 0; i < 2; i++) {
        broker_always(i == 0 ? r->a : r->b, RMQ_GET_CONSUMER_RUNNING_INFO);
        broker_when(i == 0 ? r->a : r->b, "clientId", "x@1");
        broker_stall(i == 0 ? r->a : r->b);
    }
    rig_open(r, 60000);
    int64_t began_ns = clock_now_ns();
    look_within(r, 4000);
    ck_assert_int_lt((clock_now_ns() - began_ns) / NS_PER_MS, 3950);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_BACKLOGS), 1);
    look(r);
    expect_owners(r, "y----");
    rig_free(r);
}
END_TEST

START_TEST(a_client_that_has_left_is_no_failure_and_its_group_is_asked_again)
{
    struct rig *r = rig_new(V5);
    struct broker *const brokers[] = { r->a, r->b };

    both_say_clients(r, "x@1", "CLUSTERING");
    for (int i = 0; i < 2; i++) {
        broker_always(brokers[i], RMQ_GET_CONSUMER_RUNNING_INFO);
        broker_reply_code(brokers[i], RMQ_RESPONSE_SYSTEM_ERROR, "The Consumer <G> <x@1> not online");
    }
    rig_open(r, 60000);
    look(r);
    expect_lane(r, 1, 0);
    int before = client_list_requests(r);
    look(r);
    ck_assert_int_gt(client_list_requests(r), before);
    rig_free(r);
}
END_TEST

START_TEST(so_many_are_asked_an_interval_and_each_in_its_turn)
{
    struct rig *r = rig_new(V5);

    both_say_clients(r, "w@1 x@2 y@3 z@4", "CLUSTERING");
    say_running(r, "w@1", CIRCLE, "a0:0", "");
    say_running(r, "x@2", CIRCLE, "a1:0", "");
    say_running(r, "y@3", CIRCLE, "b0:0", "");
    say_running(r, "z@4", CIRCLE, "b1:0", "");
    set(r, "running_requests", "3");
    rig_open(r, 60000);
    look(r);
    ck_assert_int_eq(running_requests(r), 3);
    look(r);
    ck_assert_int_eq(running_requests(r), 4);
    expect_owners(r, "wxyz-");
    look(r);
    ck_assert_int_eq(running_requests(r), 4);
    rig_free(r);
}
END_TEST

START_TEST(a_busy_broker_is_asked_no_further)
{
    struct rig *r = rig_new(V5);
    struct broker *const brokers[] = { r->a, r->b };

    both_say_clients(r, "x@1 y@2 z@3", "CLUSTERING");
    for (int i = 0; i < 2; i++) {
        broker_always(brokers[i], RMQ_GET_CONSUMER_RUNNING_INFO);
        broker_reply_code(brokers[i], RMQ_RESPONSE_SYSTEM_BUSY, "[REJECTREQUEST]system busy");
    }
    rig_open(r, 60000);
    look(r);
    ck_assert_int_eq(running_requests(r), 1);
    rig_free(r);
}
END_TEST

START_TEST(none_means_none)
{
    struct rig *r = rig_new(V5);

    both_say_clients(r, "x@1", "CLUSTERING");
    set(r, "running_requests", "0");
    rig_open(r, _i == 0 ? 0 : 60000);
    look(r);
    ck_assert_int_eq(running_requests(r), 0);
    ck_assert(!batch_has(r->batch, TABLE_GROUPS, 0, GROUPS_SUBSCRIPTIONS));
    rig_free(r);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("rocketmq owners");
    TCase *c = unit_case(s, "arithmetic");

    tcase_add_loop_test(c, the_default_strategy_is_the_clients, 0, (int)(sizeof(shares) / sizeof(shares[0])));
    tcase_add_test(c, a_share_and_its_owners_agree);
    tcase_add_test(c, what_was_said_grows_old);
    c = unit_case(s, "owners");
    tcase_add_loop_test(c, owners_are_what_clients_say, 0, 2);
    tcase_add_loop_test(c, one_client_that_confirms_the_strategy_is_enough, 0, 2);
    tcase_add_test(c, a_strategy_that_is_not_confirmed_is_not_used);
    tcase_add_test(c, different_subscriptions_are_counted_and_nothing_is_worked_out);
    tcase_add_test(c, owners_are_unknown_after_a_change_until_told_again);
    tcase_add_test(c, pop_has_no_owners);
    tcase_add_loop_test(c, in_flight_of_pop_is_what_its_clients_have_not_acknowledged, 0, 2);
    c = unit_case(s, "broadcast");
    tcase_add_test(c, the_slowest_broadcast_client_counts);
    tcase_add_test(c, a_broadcast_client_that_does_not_tell_leaves_the_lag_unknown);
    tcase_add_test(c, two_processes_under_one_id_show_their_figures_once);
    c = unit_case(s, "figures");
    tcase_add_test(c, a_client_says_how_it_does);
    tcase_add_loop_test(c, diffs_are_summed_over_everything, 0, 2);
    tcase_add_test(c, a_sum_that_misses_a_part_says_so);
    c = unit_case(s, "sparing");
    tcase_add_loop_test(c, a_client_that_does_not_tell_is_normal_and_rests, 0, 4);
    tcase_add_test(c, a_client_that_hangs_holds_up_nothing);
    tcase_add_test(c, a_client_that_has_left_is_no_failure_and_its_group_is_asked_again);
    tcase_add_test(c, so_many_are_asked_an_interval_and_each_in_its_turn);
    tcase_add_test(c, a_busy_broker_is_asked_no_further);
    tcase_add_loop_test(c, none_means_none, 0, 2);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
