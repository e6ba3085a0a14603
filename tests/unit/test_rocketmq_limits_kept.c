/* test_rocketmq_limits_kept.c - what is remembered of it: names and what is kept by their numbers, clients, refusals, what is read back. */
#include "agent/source/rocketmq/census.h"
#include "agent/source/rocketmq/forbidden.h"
#include "agent/source/rocketmq/memory.h"
#include "agent/source/rocketmq/memory_io.h"
#include "agent/source/rocketmq/running.h"
#include "agent/source/rocketmq/timelag.h"
#include "tests/unit/test_rocketmq_limits.h"

static const struct moment now = { 1, NS_PER_S, 120 };

/* ---- names and what is kept by their numbers --------------------------------------------------------------------- */

START_TEST(queues_of_a_topic_have_a_limit)
{
    struct topic_part *t = broker_topic(broker, must_topic("t"));

    ck_assert(broker_set_queues(broker, t, BODY_QUEUES_MAX) && t->queues == BODY_QUEUES_MAX);
    ck_assert(!broker_set_queues(broker, t, BODY_QUEUES_MAX + 1) && t->queues == BODY_QUEUES_MAX);
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

START_TEST(shared_queues_of_a_client_have_a_limit)
{
    must_topic("t");
    buf_puts(&text, "{\"mqPopTable\":{");
    for (int i = 0; i < RUNNING_TOPICS_MAX + _i; i++)
        buf_printf(&text, "%s{\"topic\":\"t\",\"brokerName\":\"b%d\",\"queueId\":-1}:{\"waitAckCount\":2}", i > 0 ? "," : "", i);
    buf_puts(&text, "}}");
    const struct running *r = tell();
    ck_assert_uint_eq(r->pop_count, 1);
    ck_assert_int_eq(running_pop_inflight(r, 1), RUNNING_TOPICS_MAX * 2);
    ck_assert(r->is_cut == (_i > 0));
}
END_TEST

/* ---- refusals, what is read back --------------------------------------------------------------------------------- */

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
    uint32_t s = 0;

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

/* What was left out is not kept with it: the next process asks again, and knows. */
START_TEST(what_was_cut_is_asked_again_by_the_next_process)
{
    struct memory_moment at = { .now_ns = NS_PER_S, .wall_ms = 1795000000000LL, .boot = "" };
    struct topology next = { .held = 0 };
    struct peer namesrv;
    struct census census;
    unsigned namesrv_at = 0;
    uint32_t looks = 1, names;
    int64_t looked_at_ns = 0, slow_at_ns = 0, census_at_ns = 0;
    struct err err = { .kind = ERR_NONE };

    learn_groups(broker, view_of("{\"subscriptionGroupTable\":{\"g\":{}}}"), 1, &names, &err);
    broker->topics_stamp = broker->groups_stamp = 1;
    learn_clients(broker, 1, view_of("{\"connectionSet\":[{\"clientId\":\"a@1\"}]}"), &err);
    broker->inventory_at_ns = broker->producers_at_ns = cluster->group_infos[1].asked_at_ns = NS_PER_S;
    broker->lacks.topics.count = broker->lacks.producers.count = cluster->group_infos[1].clients_left.count = (unsigned)_i;
    census_init(&census);
    peer_init(&namesrv, rpc, "name server", "127.0.0.1:9876");
    struct memory m = { "settings", rpc, &topology, &census, &namesrv, 1, &namesrv_at, &looks, &looked_at_ns, &slow_at_ns, &census_at_ns };
    buf_reset(&text);
    memory_save(&m, &at, &text);
    m.topology = &next;
    m.rpc = rpc_new(NULL);
    looks = 0;
    ck_assert_msg(memory_load(&m, &at, text.data, text.len, &err) == 0, "%s", err.msg);
    const struct broker *b = topology_next(&next, NULL);
    const struct group_info *g = &b->cluster->group_infos[1];
    ck_assert((b->inventory_at_ns == 0) == (_i > 0) && b->names_changed == (_i > 0));
    ck_assert((b->producers_at_ns == 0) == (_i > 0));
    ck_assert((g->asked_at_ns == 0) == (_i > 0) && g->is_known == (_i == 0));
    topology_fini(&next);
    rpc_free(m.rpc);
    census_fini(&census);
    peer_fini(&namesrv);
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
    Suite *suite = suite_create("rocketmq limits: kept");
    TCase *c = unit_case(suite, "limits");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, queues_of_a_topic_have_a_limit);
    tcase_add_test(c, memory_of_a_source_has_a_limit_for_all_clusters_together);
    tcase_add_test(c, what_is_held_is_given_back_when_all_is_forgotten);
    tcase_add_test(c, the_rest_of_a_large_topic_has_no_histories);
    tcase_add_loop_test(c, queues_of_a_client_have_a_limit, 0, 2);
    tcase_add_loop_test(c, topics_of_a_client_have_a_limit, 0, 2);
    tcase_add_loop_test(c, shared_queues_of_a_client_have_a_limit, 0, 2);
    tcase_add_loop_test(c, refusals_remembered_have_a_limit, 0, 2);
    tcase_add_test(c, what_was_remembered_has_an_age);
    tcase_add_test(c, seconds_beyond_all_time_are_never);
    tcase_add_loop_test(c, what_was_cut_is_asked_again_by_the_next_process, 0, 2);
    tcase_add_test(c, entries_that_are_read_back_have_a_limit);
    return unit_main(suite);
}
