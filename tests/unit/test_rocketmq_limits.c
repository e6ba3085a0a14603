/*
 * test_rocketmq_limits.c - how much a server can make a RocketMQ source remember: each limit of agent/LIMITS.md at it and one past it.
 * The loop tests' _i is 0 at the limit and 1 past it.
 */
#include "agent/base/clock.h"
#include "agent/source/rocketmq/census.h"
#include "agent/source/rocketmq/forbidden.h"
#include "agent/source/rocketmq/learn.h"
#include "agent/source/rocketmq/look.h"
#include "agent/source/rocketmq/memory.h"
#include "agent/source/rocketmq/memory_io.h"
#include "agent/source/rocketmq/rewrite.h"
#include "agent/source/rocketmq/rows.h"
#include "agent/source/rocketmq/running.h"
#include "agent/source/rocketmq/timelag.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static const struct moment now = { 1, NS_PER_S, 120 };

static struct rpc *rpc;
static struct topology topology;
static struct cluster *cluster;
static struct broker *broker;
static struct buf text;

static struct view body(void)
{
    return (struct view){ text.data, text.len };
}

static void learn(void)
{
    unsigned listed;
    struct err err = { .kind = ERR_NONE };

    ck_assert_msg(topology_learn(&topology, rpc, body(), NS_PER_S, &listed, &err) == 0, "%s", err.msg);
    topology_choose_leaders(&topology);
    buf_reset(&text);
}

static void setup(void)
{
    rpc = rpc_new(NULL);
    buf_init(&text, 0);
    buf_puts(&text, "{\"brokerAddrTable\":{\"b\":{\"brokerAddrs\":{0:\"127.0.0.1:1\"},\"cluster\":\"c\"}}}");
    learn();
    cluster = topology.clusters[0];
    broker = cluster->brokers[0];
}

/* Whatever was held has been given back. */
static void teardown(void)
{
    for (unsigned c = 0; c < topology.cluster_count; c++)
        cluster_free(topology.clusters[c]);
    topology.cluster_count = 0;
    ck_assert_uint_eq(topology.held, 0);
    topology_fini(&topology);
    buf_fini(&text);
    rpc_free(rpc);
}

static uint32_t must_topic(const char *name)
{
    uint32_t id = cluster_topic(cluster, view_of(name));

    ck_assert_uint_ne(id, 0);
    return id;
}

/* ---- name servers ------------------------------------------------------------------------------------------------ */

/* So many brokers beside the first, each of so many processes; in one cluster, or each in its own. */
static void learn_brokers(unsigned count, unsigned members, bool are_apart)
{
    buf_puts(&text, "{\"brokerAddrTable\":{");
    for (unsigned i = 0; i < count; i++) {
        buf_printf(&text, "%s\"b%u\":{\"brokerAddrs\":{", i > 0 ? "," : "", i);
        for (unsigned m = 0; m < members; m++)
            buf_printf(&text, "%s%u:\"10.%u.%u.%u:10911\"", m > 0 ? "," : "", m, i >> 8, i & 255, m);
        buf_printf(&text, "},\"cluster\":\"c%u\"}", are_apart ? i : 0);
    }
    buf_puts(&text, "}}");
    learn();
}

START_TEST(clusters_have_a_limit)
{
    learn_brokers((unsigned)(CLUSTERS_MAX - 1 + _i), 1, true);
    ck_assert_uint_eq(topology.cluster_count, CLUSTERS_MAX);
    ck_assert_uint_eq(topology.broker_count, CLUSTERS_MAX);
    unsigned met = 0;
    for (struct broker *b = NULL; (b = topology_next(&topology, b)) != NULL; met++)
        ck_assert_ptr_eq(b, topology.clusters[met]->brokers[0]);
    ck_assert_uint_eq(met, CLUSTERS_MAX);
}
END_TEST

START_TEST(broker_names_have_a_limit)
{
    learn_brokers((unsigned)(CLUSTER_BROKERS_MAX - 1 + _i), 1, false);
    ck_assert_uint_eq(topology.broker_count, CLUSTER_BROKERS_MAX);
}
END_TEST

START_TEST(processes_of_brokers_have_a_limit)
{
    unsigned whole = (SOURCE_MEMBERS_MAX - 1) / 31;

    ck_assert_uint_eq(whole * 31 + 1 + 1, SOURCE_MEMBERS_MAX); /* the last broker of 31 gets one of them */
    learn_brokers(whole + 1 + (unsigned)_i, 31, false);
    ck_assert_uint_eq(topology_members(&topology), SOURCE_MEMBERS_MAX);
    ck_assert_uint_eq(topology.broker_count, whole + 2);
    for (struct broker *b = NULL; (b = topology_next(&topology, b)) != NULL;)
        ck_assert_ptr_nonnull(b->leader);
}
END_TEST

START_TEST(entries_of_a_census_have_a_limit)
{
    struct census census;
    int64_t brokers;
    bool agrees;

    census_init(&census);
    buf_puts(&text, "{\"brokerAddrTable\":{");
    for (unsigned i = 0; i < CENSUS_ENTRIES_MAX / BODY_MEMBERS_MAX; i++) {
        buf_printf(&text, "%s\"b%u\":{\"brokerAddrs\":{", i > 0 ? "," : "", i);
        for (unsigned m = 0; m < BODY_MEMBERS_MAX; m++)
            buf_printf(&text, "%s%u:\"h:1\"", m > 0 ? "," : "", m);
        buf_puts(&text, "}}");
    }
    if (_i > 0)
        buf_puts(&text, ",\"one more\":{\"brokerAddrs\":{0:\"h:1\"}}");
    buf_puts(&text, "}}");
    census_take(&census, CENSUS_MAX - 1, body());
    ck_assert(census_result(&census, CENSUS_MAX - 1, &brokers, &agrees) && agrees);
    ck_assert_int_eq(brokers, CENSUS_ENTRIES_MAX);
    census_fini(&census);
}
END_TEST

START_TEST(a_map_of_addresses_has_a_limit)
{
    struct err err = { .kind = ERR_NONE };

    for (int i = 0; i < REWRITE_MAX + _i; i++)
        buf_printf(&text, "h%d=g%d,", i, i);
    buf_putc(&text, '\0');
    struct rewrite *r = rewrite_new(text.data, &err);
    ck_assert((r != NULL) == (_i == 0));
    ck_assert(_i == 0 || strstr(err.msg, "more than 4096") != NULL);
    rewrite_free(r);
}
END_TEST

/* ---- names and what is kept by their numbers --------------------------------------------------------------------- */

START_TEST(topics_of_a_cluster_have_a_limit)
{
    char name[32];

    for (unsigned i = 0; i < CLUSTER_TOPICS_MAX; i++) {
        snprintf(name, sizeof(name), "t%u", i);
        must_topic(name);
    }
    ck_assert_uint_eq(cluster_topic(cluster, view_of("one more")), 0);
    ck_assert_uint_ne(cluster_topic(cluster, view_of("t7")), 0);
}
END_TEST

START_TEST(groups_of_a_cluster_have_a_limit)
{
    char name[32];

    for (unsigned i = 0; i < CLUSTER_GROUPS_MAX; i++) {
        snprintf(name, sizeof(name), "g%u", i);
        ck_assert_uint_ne(cluster_group(cluster, view_of(name)), 0);
    }
    ck_assert_uint_eq(cluster_group(cluster, view_of("one more")), 0);
}
END_TEST

START_TEST(pairs_of_a_cluster_have_a_limit)
{
    char key[32];

    for (unsigned i = 0; i < CLUSTER_PAIRS_MAX; i++) {
        snprintf(key, sizeof(key), "t%u@g%u", i >> 10, i & 1023);
        ck_assert_uint_ne(cluster_pair(cluster, view_of(key)), 0);
    }
    ck_assert_uint_eq(cluster_pair(cluster, view_of("t1@one more")), 0);
}
END_TEST

START_TEST(queues_of_a_topic_have_a_limit)
{
    struct topic_part *t = broker_topic(broker, must_topic("t"));

    ck_assert(broker_set_queues(broker, t, BODY_QUEUES_MAX) && t->queues == BODY_QUEUES_MAX);
    ck_assert(!broker_set_queues(broker, t, BODY_QUEUES_MAX + 1) && t->queues == BODY_QUEUES_MAX);
}
END_TEST

START_TEST(queues_of_a_broker_have_a_limit)
{
    char name[32];

    for (uint32_t left = BROKER_QUEUES_MAX, some; left > 0; left -= some) {
        some = left < BODY_QUEUES_MAX ? left : BODY_QUEUES_MAX;
        snprintf(name, sizeof(name), "t%u", left);
        ck_assert(broker_set_queues(broker, broker_topic(broker, must_topic(name)), some));
    }
    ck_assert(!broker_set_queues(broker, broker_topic(broker, must_topic("one more")), 1));
    ck_assert_uint_eq(broker->end_count, BROKER_QUEUES_MAX);
}
END_TEST

START_TEST(offsets_of_a_broker_have_a_limit)
{
    char key[32];

    for (uint32_t left = BROKER_QUEUES_MAX, some; left > 0; left -= some) {
        some = left < BODY_QUEUES_MAX ? left : BODY_QUEUES_MAX;
        snprintf(key, sizeof(key), "t@g%u", left);
        ck_assert(broker_set_offsets(broker, broker_pair(broker, cluster_pair(cluster, view_of(key))), some));
    }
    ck_assert(!broker_set_offsets(broker, broker_pair(broker, cluster_pair(cluster, view_of("t@g"))), 1));
    ck_assert_uint_eq(broker->offset_count, BROKER_QUEUES_MAX);
}
END_TEST

START_TEST(memory_of_a_source_has_a_limit_for_all_clusters_together)
{
    uint32_t topic = must_topic("known"), pair = cluster_pair(cluster, view_of("known@g"));
    size_t rest = SOURCE_HELD_MAX - topology.held;
    struct err err;

    ck_assert(!cluster_take(cluster, rest + 1));
    ck_assert(cluster_take(cluster, rest));
    ck_assert(!cluster_take(cluster, 1));
    ck_assert_uint_eq(cluster_topic(cluster, view_of("new")), 0);
    ck_assert_uint_eq(cluster_group(cluster, view_of("new")), 0);
    ck_assert_uint_eq(cluster_pair(cluster, view_of("known@new")), 0);
    ck_assert_uint_eq(cluster_topic(cluster, view_of("known")), topic);
    ck_assert(broker_topic(broker, topic) == NULL && broker_pair(broker, pair) == NULL && broker_group(broker, 1) == NULL);
    ck_assert_int_eq(learn_offsets(broker, view_of("{\"offsetTable\":{\"known@g\":{0:5},\"new@g\":{0:5}}}"), now, &err), 0);
    ck_assert_int_eq(learn_clients(broker, 1, view_of("{\"connectionSet\":[{\"clientId\":\"a@1\"}]}"), &err), -1);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert_int_eq(learn_producers(broker, view_of("{\"data\":{\"p\":[{\"clientId\":\"a@1\"}]}}"), true, &err), -1);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert(!timelag_expect(broker, pair, 1));
    cluster_give_back(cluster, rest);
    ck_assert_ptr_nonnull(broker_topic(broker, topic));
    ck_assert_int_eq(learn_clients(broker, 1, view_of("{\"connectionSet\":[{\"clientId\":\"a@1\"}]}"), &err), 0);
    ck_assert_int_eq(learn_producers(broker, view_of("{\"data\":{\"p\":[{\"clientId\":\"a@1\"}]}}"), true, &err), 0);
}
END_TEST

START_TEST(what_is_held_is_given_back_when_all_is_forgotten)
{
    static const char said[] = "{\"mqTable\":{{\"topic\":\"t\",\"brokerName\":\"b\",\"queueId\":0}:{}}}";
    struct err err;
    size_t before = topology.held;

    cluster_pair(cluster, view_of("t@g"));
    broker_set_queues(broker, broker_topic(broker, 1), 100);
    broker_set_offsets(broker, broker_pair(broker, 1), 100);
    ck_assert(timelag_expect(broker, 1, 100) && timelag_expect_history(broker, broker_topic(broker, 1), 100));
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(learn_clients(broker, 1, view_of("{\"connectionSet\":[{\"clientId\":\"a@1\"}]}"), &err), 0);
        ck_assert_int_eq(learn_running(broker, 1, 0, view_of(said), 1, &err), 0);
        ck_assert_int_eq(learn_producers(broker, view_of("{\"data\":{\"p\":[{\"clientId\":\"a@1\"}]}}"), true, &err), 0);
    }
    ck_assert_uint_gt(topology.held, before);
    cluster->live_topics = cluster->live_groups = cluster->live_pairs = 0;
    for (int i = 0; i < 30000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "t%d", i);
        must_topic(name);
    }
    ck_assert(cluster_tidy(cluster));
    ck_assert_uint_eq(topology.held, 0);
}
END_TEST

START_TEST(the_rest_of_a_large_topic_has_no_histories)
{
    struct topic_part *t = broker_topic(broker, must_topic("t"));
    unsigned count = 0;

    while (timelag_expect_history(broker, t, 4096)) {
        ck_assert_uint_le(cluster->timelag_bytes, TIMELAG_BYTES_MAX);
        free(t->history);
        t->history = NULL;
        count++;
    }
    size_t one = cluster->timelag_bytes / count;
    ck_assert_uint_gt(cluster->timelag_bytes + one, TIMELAG_BYTES_MAX);
    cluster_give_back(cluster, cluster->timelag_bytes); /* the histories were freed behind its back */
}
END_TEST

/* ---- clients and producers --------------------------------------------------------------------------------------- */

START_TEST(clients_of_a_group_have_a_limit)
{
    struct err err;

    cluster_group(cluster, view_of("g"));
    buf_puts(&text, "{\"connectionSet\":[");
    for (int i = 0; i < GROUP_CLIENTS_MAX + _i; i++)
        buf_printf(&text, "%s{\"clientId\":\"10.0.0.1@%d\",\"clientAddr\":\"10.0.0.1:%d\"}", i > 0 ? "," : "", i, i);
    buf_puts(&text, "]}");
    ck_assert_int_eq(learn_clients(broker, 1, body(), &err), 0);
    ck_assert_uint_eq(cluster->group_infos[1].client_count, GROUP_CLIENTS_MAX);
}
END_TEST

struct said {
    unsigned clients;
    size_t id, address, language;
};

static void on_client(void *ctx, const struct body_client *c)
{
    struct said *s = ctx;

    s->clients++;
    *s = (struct said){ s->clients, c->id.len, c->address.len, c->language.len };
}

START_TEST(texts_of_a_client_have_limits)
{
    struct body_group_state state;
    struct said said = { 0 };
    int id = CLIENT_ID_MAX_BYTES, address = ADDRESS_MAX_BYTES, language = CLIENT_LANGUAGE_MAX_BYTES;

    buf_printf(&text, "{\"connectionSet\":[{\"clientId\":\"%0*d\",\"clientAddr\":\"%0*d\",\"language\":\"%0*d\"}]}", id, 0,
               address + _i, 0, language + _i, 0);
    ck_assert_int_eq(body_clients(body(), &state, on_client, &said, NULL), 0);
    ck_assert_uint_eq(said.clients, 1);
    ck_assert(said.id == CLIENT_ID_MAX_BYTES && said.address == (_i > 0 ? 0 : ADDRESS_MAX_BYTES));
    ck_assert(said.language == (_i > 0 ? 0 : CLIENT_LANGUAGE_MAX_BYTES));
    buf_reset(&text);
    buf_printf(&text, "{\"connectionSet\":[{\"clientId\":\"%0*d\"}]}", id + 1, 0);
    ck_assert_int_eq(body_clients(body(), &state, on_client, &said, NULL), 0);
    ck_assert_uint_eq(said.clients, 1); /* without an id it is nobody */
}
END_TEST

START_TEST(producer_groups_have_a_limit)
{
    struct err err;

    buf_puts(&text, "{\"data\":{");
    for (int i = 0; i < PRODUCER_GROUPS_MAX + _i; i++)
        buf_printf(&text, "%s\"p%d\":[{}]", i > 0 ? "," : "", i);
    buf_puts(&text, "}}");
    ck_assert_int_eq(learn_producers(broker, body(), true, &err), 0);
    ck_assert_uint_eq(broker->producers->count, PRODUCER_GROUPS_MAX);
}
END_TEST

START_TEST(ids_of_producers_have_a_limit)
{
    struct err err;

    buf_puts(&text, "{\"data\":{\"p\":[");
    for (int i = 0; i < PRODUCER_IDS_MAX + _i; i++)
        buf_printf(&text, "%s{\"clientId\":\"c%d\"}", i > 0 ? "," : "", i);
    buf_puts(&text, "]}}");
    ck_assert_int_eq(learn_producers(broker, body(), true, &err), 0);
    ck_assert_uint_eq(broker->client_id_count, PRODUCER_IDS_MAX);
    ck_assert_uint_eq(broker->producers->list[0].clients, PRODUCER_IDS_MAX + (unsigned)_i);
}
END_TEST

static const struct running *tell(void)
{
    static const char someone[] = "{\"connectionSet\":[{\"clientId\":\"a@1\"}]}";
    struct err err = { .kind = ERR_NONE };

    cluster_group(cluster, view_of("g"));
    ck_assert_int_eq(learn_clients(broker, 1, view_of(someone), &err), 0);
    ck_assert_msg(learn_running(broker, 1, 0, body(), 1, &err) == 0, "%s", err.msg);
    return cluster->group_infos[1].clients[0].running;
}

START_TEST(queues_of_a_client_have_a_limit)
{
    must_topic("t");
    must_topic("u");
    buf_puts(&text, "{\"mqTable\":{");
    for (int i = 0; i < RUNNING_QUEUES_MAX + _i; i++)
        buf_printf(&text, "%s{\"topic\":\"%s\",\"brokerName\":\"b\",\"queueId\":%d}:{}", i > 0 ? "," : "",
                   i < 60000 ? "t" : "u", i % 60000);
    buf_puts(&text, "}}");
    const struct running *r = tell();
    ck_assert_uint_eq(r->queue_count, RUNNING_QUEUES_MAX);
    ck_assert(r->is_cut == (_i > 0));
}
END_TEST

START_TEST(topics_of_a_client_have_a_limit)
{
    char name[32];

    buf_puts(&text, "{\"statusTable\":{");
    for (int i = 0; i < RUNNING_TOPICS_MAX + _i; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        must_topic(name);
        buf_printf(&text, "%s\"%s\":{\"pullRT\":1.5}", i > 0 ? "," : "", name);
    }
    buf_puts(&text, "}}");
    ck_assert_uint_eq(tell()->topic_count, RUNNING_TOPICS_MAX);
}
END_TEST

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static void on_end(void *ctx, const struct body_queue *queue)
{
    *(struct body_queue *)ctx = *queue;
}

static struct body_queue read_end(int64_t queue, int64_t max)
{
    struct body_queue seen = { .queue = UINT32_MAX, .max = -2 };

    buf_reset(&text);
    buf_printf(&text, "{\"offsetTable\":{{\"brokerName\":\"b\",\"queueId\":%lld,\"topic\":\"t\"}:{\"brokerOffset\":%lld}}}",
               (long long)queue, (long long)max);
    ck_assert_int_eq(body_consume_stats(body(), on_end, &seen, NULL), 0);
    return seen;
}

START_TEST(numbers_of_queues_and_offsets_have_limits)
{
    ck_assert_uint_eq(read_end(BODY_QUEUES_MAX - 1, 5).queue, BODY_QUEUES_MAX - 1);
    ck_assert_uint_eq(read_end(BODY_QUEUES_MAX, 5).queue, UINT32_MAX);
    ck_assert_int_eq(read_end(0, BODY_OFFSET_MAX).max, BODY_OFFSET_MAX);
    ck_assert_int_eq(read_end(0, BODY_OFFSET_MAX + 1).max, -2);
    ck_assert(body_time(BODY_TIME_MAX) == BODY_TIME_MAX && body_time(BODY_TIME_MAX + 1) == BODY_NONE);
}
END_TEST

START_TEST(rates_of_a_broker_have_a_limit)
{
    static const char at[] = "{\"statsMinute\":{\"sum\":1000000000000000,\"tps\":1e15}}";
    static const char past[] = "{\"statsMinute\":{\"sum\":1000000000000001,\"tps\":1.000000000000001e15}}";
    struct body_broker_stats stats;

    ck_assert_int_eq(body_broker_stats(view_of(at), &stats, NULL), 0);
    ck_assert(stats.sum == 1000000000000000 && stats.tps == BODY_RATE_MAX);
    ck_assert_int_eq(body_broker_stats(view_of(past), &stats, NULL), 0);
    ck_assert(stats.sum == BODY_NONE && isnan(stats.tps));
}
END_TEST

START_TEST(delay_levels_have_a_limit)
{
    struct batch *b = batch_new();
    struct runtime_facts facts = RUNTIME_FACTS_NONE;
    char key[64];

    batch_add(b, TABLE_BROKERS);
    for (int level = 1; level <= DELAY_LEVELS_MAX + _i; level++) {
        snprintf(key, sizeof(key), "scheduleMessageOffset_%d", level);
        runtime_take(b, 0, &facts, view_of(key), view_of("1,2"));
    }
    ck_assert_uint_eq(facts.delay_count, DELAY_LEVELS_MAX);
    batch_unref(b);
}
END_TEST

/* ---- refusals, rows, what is read back --------------------------------------------------------------------------- */

START_TEST(refusals_remembered_have_a_limit)
{
    const struct err why = { .kind = ERR_FORBIDDEN };
    struct forbidden f;

    forbidden_init(&f);
    for (uint32_t i = 1; i <= FORBIDDEN_MAX + (uint32_t)_i; i++)
        forbidden_note(&f, 202, i, 1, &why);
    ck_assert(forbidden_is_noted(&f, 202, FORBIDDEN_MAX));
    ck_assert(!forbidden_is_noted(&f, 202, FORBIDDEN_MAX + 1));
    forbidden_fini(&f);
}
END_TEST

/* Four queues, of which the limit leaves room for all, or for three. */
START_TEST(rows_of_queues_have_a_limit)
{
    static const struct look_options options = { .cluster_names = "" };
    static const char topics[] = "{\"topicConfigTable\":{\"t\":{\"readQueueNums\":4,\"writeQueueNums\":4}}}";
    struct look look = { .options = &options, .topology = &topology, .rpc = rpc, .number = 1, .batch = batch_new() };
    uint32_t names;
    struct err err;

    look.queue_rows = QUEUE_ROWS_MAX - 4 + (uint32_t)_i;
    broker->now.look = &look;
    broker->leader->is_up = true;
    ck_assert_int_eq(learn_topics(broker, view_of(topics), 1, &names, &err), 0);
    broker->topics_stamp = 1;
    ck_assert_int_eq(learn_groups(broker, view_of("{\"subscriptionGroupTable\":{\"g\":{}}}"), 1, &names, &err), 0);
    broker->groups_stamp = 1;
    ck_assert_int_eq(learn_offsets(broker, view_of("{\"offsetTable\":{\"t@g\":{0:1,1:1,2:1,3:1}}}"), now, &err), 0);
    rows_begin(&look, "limits");
    rows_end(&look, "limits");
    ck_assert_uint_eq(batch_rows(look.batch, TABLE_QUEUES), _i == 0 ? 4 : 0);
    batch_unref(look.batch);
}
END_TEST

/* What was written at one moment, read so much later. */
static int load_later(int64_t gap_ms, struct err *err)
{
    struct memory_moment at = { .now_ns = NS_PER_S, .wall_ms = 1795000000000LL, .boot = "" };
    struct topology none = { .held = 0 };
    struct peer namesrv;
    struct census census;
    unsigned namesrv_at = 0;
    uint32_t looks = 1;
    int64_t looked_at_ns = 0, slow_at_ns = 0, census_at_ns = 0;

    census_init(&census);
    peer_init(&namesrv, rpc, "name server", "127.0.0.1:9876");
    struct memory m = { "settings", rpc, &none, &census, &namesrv, 1, &namesrv_at, &looks, &looked_at_ns, &slow_at_ns, &census_at_ns };
    buf_reset(&text);
    memory_save(&m, &at, &text);
    looks = 0;
    at.wall_ms += gap_ms;
    int rc = memory_load(&m, &at, text.data, text.len, err);
    topology_fini(&none);
    census_fini(&census);
    peer_fini(&namesrv);
    return rc;
}

START_TEST(what_was_remembered_has_an_age)
{
    struct err err = { .kind = ERR_NONE };

    ck_assert_msg(load_later(MEMORY_GAP_MAX_MS, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(load_later(MEMORY_GAP_MAX_MS + 1, &err), -1);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
}
END_TEST

/* Read at second 1,000,000,000 from what says that it was so long ago. */
static uint32_t read_seconds(int64_t ago_s)
{
    struct memory_io io = { .is_writing = true, .out = &text };
    uint64_t code = ((uint64_t)ago_s << 1 ^ (uint64_t)(ago_s >> 63)) + 1;
    uint32_t s;

    buf_reset(&text);
    io_u64(&io, &code);
    io = (struct memory_io){ .at = (const unsigned char *)text.data, .end = (const unsigned char *)text.data + text.len,
                             .base_ns = 1000000000 * NS_PER_S };
    io_seconds(&io, &s);
    return s;
}

START_TEST(seconds_beyond_all_time_are_never)
{
    const int64_t most = MEMORY_AGE_MAX_MS / 1000;

    ck_assert_uint_eq(read_seconds(most), (uint32_t)(1000000000 - most));
    ck_assert_uint_eq(read_seconds(-most), (uint32_t)(1000000000 + most));
    ck_assert_uint_eq(read_seconds(most + 1), 0);
    ck_assert_uint_eq(read_seconds(-most - 1), 0);
    ck_assert_uint_eq(read_seconds(INT64_MAX), 0);
    ck_assert_uint_eq(read_seconds(-INT64_MAX), 0);
}
END_TEST

START_TEST(an_age_that_a_broker_tells_has_a_limit)
{
    struct body_span span = { .delay_ms = TIMELAG_DELAY_MAX_MS };

    ck_assert_int_eq(timelag_told_ms(&span, 0, 5), TIMELAG_DELAY_MAX_MS);
    span.delay_ms++;
    ck_assert_int_eq(timelag_told_ms(&span, 0, 5), NO_INT);
}
END_TEST

START_TEST(entries_that_are_read_back_have_a_limit)
{
    struct memory_io io = { .room = 10 };

    ck_assert(io_has_room(&io, MEMORY_ROOM_MAX - 10));
    ck_assert(!io_has_room(&io, 1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rocketmq limits");
    TCase *c = unit_case(suite, "limits");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, clusters_have_a_limit, 0, 2);
    tcase_add_loop_test(c, broker_names_have_a_limit, 0, 2);
    tcase_add_loop_test(c, processes_of_brokers_have_a_limit, 0, 2);
    tcase_add_loop_test(c, entries_of_a_census_have_a_limit, 0, 2);
    tcase_add_loop_test(c, a_map_of_addresses_has_a_limit, 0, 2);
    tcase_add_test(c, topics_of_a_cluster_have_a_limit);
    tcase_add_test(c, groups_of_a_cluster_have_a_limit);
    tcase_add_test(c, pairs_of_a_cluster_have_a_limit);
    tcase_add_test(c, queues_of_a_topic_have_a_limit);
    tcase_add_test(c, queues_of_a_broker_have_a_limit);
    tcase_add_test(c, offsets_of_a_broker_have_a_limit);
    tcase_add_test(c, memory_of_a_source_has_a_limit_for_all_clusters_together);
    tcase_add_test(c, what_is_held_is_given_back_when_all_is_forgotten);
    tcase_add_test(c, the_rest_of_a_large_topic_has_no_histories);
    tcase_add_loop_test(c, clients_of_a_group_have_a_limit, 0, 2);
    tcase_add_loop_test(c, texts_of_a_client_have_limits, 0, 2);
    tcase_add_loop_test(c, producer_groups_have_a_limit, 0, 2);
    tcase_add_loop_test(c, ids_of_producers_have_a_limit, 0, 2);
    tcase_add_loop_test(c, queues_of_a_client_have_a_limit, 0, 2);
    tcase_add_loop_test(c, topics_of_a_client_have_a_limit, 0, 2);
    tcase_add_test(c, numbers_of_queues_and_offsets_have_limits);
    tcase_add_test(c, rates_of_a_broker_have_a_limit);
    tcase_add_loop_test(c, delay_levels_have_a_limit, 0, 2);
    tcase_add_loop_test(c, refusals_remembered_have_a_limit, 0, 2);
    tcase_add_loop_test(c, rows_of_queues_have_a_limit, 0, 2);
    tcase_add_test(c, what_was_remembered_has_an_age);
    tcase_add_test(c, seconds_beyond_all_time_are_never);
    tcase_add_test(c, an_age_that_a_broker_tells_has_a_limit);
    tcase_add_test(c, entries_that_are_read_back_have_a_limit);
    return unit_main(suite);
}
