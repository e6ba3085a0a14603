/* test_rocketmq_memory.c - a source in a new process goes on where the one before it ended; what it cannot trust it asks again. */
#include "agent/source/rocketmq/memory.h"

#include "agent/base/buf.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/running.h"
#include "tests/fake/rmq_rig.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct source_ops rocketmq_source;

#define DAY_MS 86400000LL

/* ---- a restart --------------------------------------------------------------------------------------------------- */

static void save(const struct rig *r, struct buf *to)
{
    buf_init(to, 0);
    rocketmq_source.save(r->self, to);
    ck_assert_uint_gt(to->len, MEMORY_HEADER);
}

/* The same process again, with the same options; what it knew comes from the bytes. interval_ms 0: `once`. */
static int restart_with(struct rig *r, int64_t interval_ms, const struct buf *memory, const char *option, const char *value)
{
    rocketmq_source.close(r->self);
    free(r->self);
    r->self = xcalloc(1, rocketmq_source.size);
    option_set_defaults(rocketmq_source.options, r->self);
    rig_set(r, "lag_requests", "0"); /* as in rig_new */
    if (option != NULL)
        rig_set(r, option, value);
    rig_open(r, interval_ms);
    return rocketmq_source.load(r->self, memory->data, memory->len, &r->err);
}

static void restart(struct rig *r, int64_t interval_ms)
{
    struct buf memory;

    save(r, &memory);
    ck_assert_msg(restart_with(r, interval_ms, &memory, NULL, NULL) == 0, "%s", r->err.msg);
    buf_fini(&memory);
}

/* Looks until nothing but the three requests of an idle look is asked. */
static void settle(struct rig *r)
{
    for (int i = 0; i < 5; i++)
        good_look(r);
    ck_assert_int_eq(requests(r), 3);
}

static struct rig *rig_settled(int version)
{
    struct rig *r = rig_simple(version);

    rig_set(r, "byte_rates", "no");
    rig_open(r, 60000);
    settle(r);
    return r;
}

START_TEST(an_idle_look_after_a_restart_asks_three_requests)
{
    static const int64_t intervals[] = { 60000, 0 };
    struct rig *r = rig_settled(_i % 2 == 0 ? V4 : V5);

    restart(r, intervals[_i / 2]);
    good_look(r);
    ck_assert_int_le(requests(r), 3 + 2); /* rates of the broker, while it may have moved in the last minute */
    ck_assert_int_eq(asked(r, RMQ_GET_TOPIC_STATS_INFO), 0);
    ck_assert_int_eq(asked(r, RMQ_GET_CONSUME_STATS), 0);
    ck_assert_int_eq(asked(r, RMQ_GET_CONSUMER_CONNECTION_LIST), 0);
    ck_assert_int_eq(asked(r, RMQ_GET_ALL_TOPIC_CONFIG), 0);
    ck_assert_int_eq(asked(r, RMQ_GET_ALL_PRODUCER_INFO), 0);
    expect_backlog(r, "G", "T", 20, 20, 1);
    ck_assert_double_eq(batch_real(r->batch, TABLE_BACKLOGS, backlog(r, "G", "T"), BACKLOGS_OUT_RATE), 0);
    EXPECT_INT(r, GROUPS, group(r, "G"), COMPLETE, 1);
    rig_free(r);
}
END_TEST

START_TEST(one_shots_in_a_row_cost_what_a_running_agent_costs)
{
    struct rig *r = rig_simple(V5);

    rig_set(r, "byte_rates", "no");
    rig_open(r, 0);
    good_look(r);
    ck_assert_int_gt(requests(r), 6);
    for (int i = 0; i < 4; i++) {
        restart(r, 0);
        good_look(r);
        expect_backlog(r, "G", "T", 20, 20, 1);
    }
    ck_assert_int_le(requests(r), 5);
    rig_free(r);
}
END_TEST

START_TEST(what_is_remembered_from_long_ago_is_all_asked_again)
{
    struct rig *r = rig_settled(V5);
    struct buf memory;

    save(r, &memory);
    usleep(10 * 1000);
    ck_assert_int_eq(restart_with(r, 0, &memory, "slow_interval", "1s"), 0);
    usleep(2000 * 1000); /* more than twice the slow interval */
    good_look(r);
    ck_assert_int_eq(asked(r, RMQ_GET_CONSUMER_CONNECTION_LIST), 1);
    ck_assert_int_eq(asked(r, RMQ_GET_ALL_TOPIC_CONFIG), 1);
    expect_backlog(r, "G", "T", 20, 20, 1);
    buf_fini(&memory);
    rig_free(r);
}
END_TEST

START_TEST(counts_of_requests_go_on)
{
    struct rig *r = rig_settled(V5);
    uint32_t row = must_find(r, TABLE_REQUESTS, "target", broker_address(r->ns), NULL, NULL);
    int64_t before = batch_int(r->batch, TABLE_REQUESTS, row, REQUESTS_TOTAL);

    restart(r, 60000);
    good_look(r);
    row = must_find(r, TABLE_REQUESTS, "target", broker_address(r->ns), NULL, NULL);
    EXPECT_INT(r, REQUESTS, row, TOTAL, before + 1);
    rig_free(r);
}
END_TEST

/* ---- what happened meanwhile ------------------------------------------------------------------------------------- */

START_TEST(offsets_that_moved_meanwhile_are_right_and_have_a_rate)
{
    struct rig *r = rig_settled(_i == 0 ? V4 : V5);

    restart(r, 0);
    usleep(20 * 1000);
    say_offsets(r->a, "T@G:100,95", NULL);
    say_ends(r->a, "T:0-110,0-100");
    say_log(r->a, 2000, 0);
    good_look(r);
    expect_backlog(r, "G", "T", 15, 15, 1);
    ck_assert_double_gt(batch_real(r->batch, TABLE_BACKLOGS, backlog(r, "G", "T"), BACKLOGS_OUT_RATE), 0);
    ck_assert_double_gt(batch_real(r->batch, TABLE_TOPICS, topic(r, "T"), TOPICS_IN_RATE), 0);
    rig_free(r);
}
END_TEST

START_TEST(what_was_deleted_meanwhile_is_gone)
{
    struct rig *r = rig_new(V5);
    struct buf memory;

    say_topics(r->a, "T:1 U:1");
    say_offsets(r->a, "T@G:5 U@H:5", NULL);
    say_ends(r->a, "T:0-9 U:0-9");
    say_groups(r->a, "G H");
    say_clients(r->a, "H", NULL, NULL);
    rig_set(r, "byte_rates", "no");
    rig_open(r, 60000);
    good_look(r);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_BACKLOGS), 2);
    save(r, &memory);
    say_topics(r->a, "T:1");
    say_groups(r->a, "G");
    say_offsets(r->a, "T@G:5", NULL);
    ck_assert_int_eq(restart_with(r, 0, &memory, "slow_interval", "1s"), 0);
    usleep(110 * 1000); /* a tenth of it */
    good_look(r);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_BACKLOGS), 1);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_GROUPS), 1);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_TOPICS), 1);
    restart(r, 0);
    good_look(r);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_TOPICS), 1);
    buf_fini(&memory);
    rig_free(r);
}
END_TEST

START_TEST(a_broker_that_booted_meanwhile_is_read_again)
{
    struct rig *r = rig_settled(V5);

    restart(r, 60000);
    say_log_from(r->a, 0, 1000, 0, 1795000000000LL); /* as long a log as before */
    say_ends(r->a, "T:0-130,0-100");
    good_look(r);
    ck_assert_int_eq(asked(r, RMQ_GET_CONSUME_STATS), 1);
    expect_backlog(r, "G", "T", 50, 50, 1);
    rig_free(r);
}
END_TEST

START_TEST(a_broker_of_another_version_is_asked_its_way)
{
    struct rig *r = rig_settled(V4);

    restart(r, 60000);
    say_ends(r->a, "T:0-130,0-100");
    say_log(r->a, 2000, 0);
    broker_reply_version(r->a, V5); /* of the last answer before ends are asked for */
    good_look(r);
    ck_assert_int_eq(asked(r, RMQ_GET_CONSUME_STATS), 1);
    expect_backlog(r, "G", "T", 50, 50, 1);
    rig_free(r);
}
END_TEST

START_TEST(a_broker_that_is_away_is_shown_as_down)
{
    struct rig *r = rig_settled(V5);

    broker_stop(r->a);
    restart(r, 60000);
    r->a = NULL;
    look(r);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    uint32_t row = must_find(r, TABLE_BROKERS, "broker", "broker-a", NULL, NULL);
    EXPECT_INT(r, BROKERS, row, UP, 0);
    rig_free(r);
}
END_TEST

START_TEST(a_told_age_grows_on)
{
    struct rig *r = rig_simple(V5);
    struct buf memory;

    say_spans(r->a, "T", "5000,3000");
    rig_set(r, "lag_requests", "5");
    rig_open(r, 60000);
    good_look(r);
    save(r, &memory);
    ck_assert_int_eq(restart_with(r, 60000, &memory, "lag_requests", "5"), 0);
    good_look(r);
    ck_assert_int_eq(asked(r, RMQ_QUERY_CONSUME_TIME_SPAN), 0);
    double age = batch_real(r->batch, TABLE_BACKLOGS, backlog(r, "G", "T"), BACKLOGS_LAG_SECONDS);
    ck_assert_double_ge(age, 5);
    ck_assert_double_lt(age, 60);
    buf_fini(&memory);
    rig_free(r);
}
END_TEST

START_TEST(other_settings_start_anew)
{
    struct rig *r = rig_settled(V5);
    struct buf memory;

    save(r, &memory);
    ck_assert_int_eq(restart_with(r, 60000, &memory, "include_system", "yes"), -1);
    ck_assert_int_eq(r->err.kind, ERR_CONFIG);
    good_look(r);
    ck_assert_int_eq(asked(r, RMQ_GET_ALL_TOPIC_CONFIG), 1);
    expect_backlog(r, "G", "T", 20, 20, 1);
    buf_fini(&memory);
    rig_free(r);
}
END_TEST

START_TEST(other_name_servers_start_anew)
{
    struct rig *r = rig_settled(V5), *other = rig_settled(V5);
    struct buf memory;

    save(r, &memory);
    ck_assert_int_eq(restart_with(other, 60000, &memory, NULL, NULL), -1);
    good_look(other);
    ck_assert_int_eq(asked(other, RMQ_GET_ALL_TOPIC_CONFIG), 1);
    buf_fini(&memory);
    rig_free(other);
    rig_free(r);
}
END_TEST

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

/* Somewhere for the bytes to go, without options and looks. */
struct world {
    struct rpc *rpc;
    struct topology topology;
    struct census census;
    struct peer namesrv;
    char settings[100];
    unsigned namesrv_at;
    uint32_t looks;
    int64_t looked_at_ns, slow_at_ns, census_at_ns;
};

static struct memory world_begin(struct world *w, const struct rig *r)
{
    *w = (struct world){ .rpc = rpc_new(NULL) };
    census_init(&w->census);
    peer_init(&w->namesrv, w->rpc, "name server", broker_address(r->ns));
    snprintf(w->settings, sizeof(w->settings), "%s 0", broker_address(r->ns));
    return (struct memory){ w->settings, w->rpc, &w->topology, &w->census, &w->namesrv, 1, &w->namesrv_at,
                            &w->looks, &w->looked_at_ns, &w->slow_at_ns, &w->census_at_ns };
}

static void world_end(struct world *w)
{
    topology_fini(&w->topology);
    census_fini(&w->census);
    rpc_free(w->rpc);
}

/* Something of everything that is remembered. */
static struct rig *rig_full(struct buf *memory)
{
    struct rig *r = rig_new(V5);

    say_topics(r->a, "T:2 U:1 Dead:3 %RETRY%G:1 %DLQ%G:1");
    say_groups(r->a, "G H");
    say_clients(r->a, "G", "id1@1 id2@2", "CLUSTERING");
    broker_always(r->a, RMQ_GET_CONSUMER_RUNNING_INFO);
    broker_when(r->a, "clientId", "id1@1");
    broker_reply_body(r->a, "{\"mqPopTable\":{{\"brokerName\":\"broker-a\",\"queueId\":-1,\"topic\":\"T\"}:{\"waitAckCount\":12}}}");
    say_clients(r->a, "H", NULL, NULL);
    say_offsets(r->a, "T@G:90,x U@H:7 T@H@broadcast:3,4", NULL);
    say_ends(r->a, "T:0-100,5-200 U:7-9 Dead:0-0,0-0,0-0 %RETRY%G:0-3 %DLQ%G:0-1");
    say_producers(r->a, "PG:id1,id2 PH:id3");
    say_spans(r->a, "T", "5000,0");
    say_spans(r->a, "U", "900");
    rig_set(r, "lag_requests", "5");
    rig_open(r, 60000);
    look(r);
    say_offsets(r->a, "T@G:95,x U@H:8 T@H@broadcast:3,4", NULL);
    say_ends(r->a, "T:0-100,5-210 U:7-19 Dead:0-0,0-0,0-0 %RETRY%G:0-3 %DLQ%G:0-1");
    say_log(r->a, 2000, 0);
    usleep(2000);
    look(r);
    save(r, memory);
    return r;
}

static struct memory_moment moment_now(void)
{
    struct memory_moment at = { .now_ns = clock_now_ns(), .wall_ms = clock_wall_ms() };

    clock_boot_id(at.boot);
    return at;
}

START_TEST(what_was_read_writes_the_same_bytes)
{
    struct memory_moment at = moment_now();
    struct buf memory, first, second;
    struct rig *r = rig_full(&memory);
    struct world w, v;
    struct err err = { 0 };

    if (_i == 1)
        at.boot[0] = 'x'; /* by the wall clock */
    at.now_ns += 60 * NS_PER_S;
    at.wall_ms += 60000;
    struct memory m = world_begin(&w, r), n = world_begin(&v, r);
    buf_init(&first, 0);
    buf_init(&second, 0);
    ck_assert_msg(memory_load(&m, &at, memory.data, memory.len, &err) == 0, "%s", err.msg);
    memory_save(&m, &at, &first);
    ck_assert_msg(memory_load(&n, &at, first.data, first.len, &err) == 0, "%s", err.msg);
    memory_save(&n, &at, &second);
    ck_assert_uint_eq(first.len, second.len);
    ck_assert_mem_eq(first.data, second.data, first.len);
    ck_assert_uint_le(first.len > memory.len ? first.len - memory.len : memory.len - first.len, 100); /* ages are longer */
    ck_assert_uint_eq(w.topology.broker_count, 1);
    ck_assert_uint_eq(w.topology.clusters[0]->groups.count, 3);
    const struct cluster *c = w.topology.clusters[0];
    const struct running *said = c->group_infos[intern_find(&c->groups, "G", 1)].clients[0].running;
    ck_assert_int_eq(running_pop_inflight(said, intern_find(&c->topics, "T", 1)), 12);
    ck_assert_uint_eq(w.topology.clusters[0]->pairs.count, 5); /* and that of the retries, which was asked about */
    world_end(&w);
    world_end(&v);
    buf_fini(&first);
    buf_fini(&second);
    buf_fini(&memory);
    rig_free(r);
}
END_TEST

/* As long ago as it is, whichever clock says so. */
START_TEST(ages_are_kept_by_either_clock)
{
    struct memory_moment at = moment_now();
    struct buf memory;
    struct rig *r = rig_full(&memory);
    struct world w;
    struct err err = { 0 };

    if (_i == 1) {
        strcpy(at.boot, "another");
        at.now_ns = 5 * NS_PER_S; /* it has just booted */
        at.wall_ms += 60000;
    } else {
        at.now_ns += 60 * NS_PER_S;
        at.wall_ms -= DAY_MS; /* it was set back: what does it matter */
    }
    struct memory m = world_begin(&w, r);
    ck_assert_msg(memory_load(&m, &at, memory.data, memory.len, &err) == 0, "%s", err.msg);
    double age_s = (double)(at.now_ns - w.topology.clusters[0]->brokers[0]->offsets_at_ns) / 1e9;
    ck_assert_double_gt(age_s, 50);
    ck_assert_double_lt(age_s, 70);
    world_end(&w);
    buf_fini(&memory);
    rig_free(r);
}
END_TEST

START_TEST(a_clock_that_was_set_back_or_a_week_make_it_unknown)
{
    static const int64_t steps_ms[] = { -60000, 8 * DAY_MS, -20000 * DAY_MS };
    struct memory_moment at = moment_now();
    struct buf memory;
    struct rig *r = rig_full(&memory);
    struct world w;
    struct err err = { 0 };

    strcpy(at.boot, "another");
    at.wall_ms += steps_ms[_i];
    struct memory m = world_begin(&w, r);
    ck_assert_int_eq(memory_load(&m, &at, memory.data, memory.len, &err), -1);
    ck_assert_uint_eq(w.topology.cluster_count, 0);
    ck_assert_uint_eq(w.looks, 0);
    world_end(&w);
    buf_fini(&memory);
    rig_free(r);
}
END_TEST

static void refuses(const struct rig *r, const struct memory_moment *at, const char *data, size_t len, size_t where)
{
    struct world w;
    struct err err = { 0 };
    struct memory m = world_begin(&w, r);

    ck_assert_msg(memory_load(&m, at, data, len, &err) == -1, "taken, broken at byte %zu", where);
    ck_assert_uint_eq(w.topology.cluster_count, 0);
    ck_assert_uint_eq(w.looks, 0);
    world_end(&w);
}

START_TEST(bytes_that_are_cut_or_damaged_leave_nothing_behind)
{
    struct buf memory;
    struct rig *r = rig_full(&memory);
    struct memory_moment at = moment_now();

    for (size_t i = 0; i < memory.len; i++) {
        refuses(r, &at, memory.data, i, i);
        memory.data[i] ^= (char)(1 << i % 8);
        refuses(r, &at, memory.data, memory.len, i);
        memory.data[i] ^= (char)(1 << i % 8);
    }
    buf_fini(&memory);
    rig_free(r);
}
END_TEST

static void sign(struct buf *memory)
{
    uint64_t sum = memory_checksum(memory->data + MEMORY_HEADER, memory->len - MEMORY_HEADER);

    for (unsigned i = 0; i < 8; i++)
        memory->data[4 + i] = (char)(sum >> (8 * i));
}

/* Whoever can write the file can make a checksum: any byte may be anything, and cut anywhere. */
START_TEST(bytes_that_lie_do_no_harm)
{
    struct buf memory;
    struct rig *r = rig_full(&memory);
    struct memory_moment at = moment_now();
    uint64_t seed = unit_seed(), state = seed;
    size_t len = memory.len;
    unsigned taken = 0;

    for (int i = 0; i < 3000; i++) {
        struct world w;
        struct err err = { 0 };
        struct memory m = world_begin(&w, r);
        size_t where = MEMORY_HEADER + unit_random(&state) % (len - MEMORY_HEADER);
        char old = memory.data[where];
        memory.data[where] = (char)unit_random(&state);
        memory.len = unit_random(&state) % 4 == 0 ? where : len;
        sign(&memory);
        int result = memory_load(&m, &at, memory.data, memory.len, &err);
        taken += result == 0;
        ck_assert_msg(result == 0 || w.topology.cluster_count == 0, "UNIT_SEED=%" PRIu64, seed);
        world_end(&w);
        memory.data[where] = old;
    }
    ck_assert_msg(taken > 0, "UNIT_SEED=%" PRIu64, seed);
    memory.len = len;
    buf_fini(&memory);
    rig_free(r);
}
END_TEST

START_TEST(a_source_that_has_not_looked_remembers_nothing)
{
    struct rig *r = rig_simple(V5);
    struct buf memory;

    rig_open(r, 0);
    save(r, &memory);
    ck_assert_int_eq(restart_with(r, 0, &memory, NULL, NULL), 0);
    good_look(r);
    expect_backlog(r, "G", "T", 20, 20, 1);
    buf_fini(&memory);
    rig_free(r);
}
END_TEST

/* The limits of memory.c for any text, and of memory_groups.c. */
#define TEXT_MAX_BYTES 65536
#define CLIENT_ADDRESS_MAX 1024

static const struct {
    size_t settings, address;
    bool fits;
} lengths[] = { { TEXT_MAX_BYTES, CLIENT_ADDRESS_MAX, true }, { TEXT_MAX_BYTES + 1, 1, false }, { 1, CLIENT_ADDRESS_MAX + 1, false } };

START_TEST(texts_that_are_remembered_have_limits) /* loop test over lengths */
{
    char settings[TEXT_MAX_BYTES + 2] = "", address[CLIENT_ADDRESS_MAX + 2] = "";
    struct buf memory, bytes;
    struct rig *r = rig_full(&memory);
    struct memory_moment at = moment_now();
    struct world w, v;
    struct err err = { 0 };
    struct memory m = world_begin(&w, r), n = world_begin(&v, r);

    ck_assert_msg(memory_load(&m, &at, memory.data, memory.len, &err) == 0, "%s", err.msg);
    struct cluster *c = w.topology.clusters[0];
    struct group_info *g = &c->group_infos[cluster_group(c, view_of("G"))];
    ck_assert_uint_eq(g->client_count, 2);
    g->clients[1].address = memset(address, 'a', lengths[_i].address);
    m.settings = n.settings = memset(settings, 's', lengths[_i].settings);
    buf_init(&bytes, 0);
    memory_save(&m, &at, &bytes);
    ck_assert_int_eq(memory_load(&n, &at, bytes.data, bytes.len, &err), lengths[_i].fits ? 0 : -1);
    ck_assert(lengths[_i].fits || (err.kind == ERR_PROTO && strcmp(err.msg, "what was remembered cannot be read") == 0));
    ck_assert_uint_eq(v.topology.cluster_count, lengths[_i].fits);
    world_end(&w);
    world_end(&v);
    buf_fini(&bytes);
    buf_fini(&memory);
    rig_free(r);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("rocketmq memory");
    TCase *c = unit_case(s, "restart");

    tcase_add_loop_test(c, an_idle_look_after_a_restart_asks_three_requests, 0, 4);
    tcase_add_test(c, one_shots_in_a_row_cost_what_a_running_agent_costs);
    tcase_add_test(c, what_is_remembered_from_long_ago_is_all_asked_again);
    tcase_add_test(c, counts_of_requests_go_on);
    c = unit_case(s, "meanwhile");
    tcase_add_loop_test(c, offsets_that_moved_meanwhile_are_right_and_have_a_rate, 0, 2);
    tcase_add_test(c, what_was_deleted_meanwhile_is_gone);
    tcase_add_test(c, a_broker_that_booted_meanwhile_is_read_again);
    tcase_add_test(c, a_broker_of_another_version_is_asked_its_way);
    tcase_add_test(c, a_broker_that_is_away_is_shown_as_down);
    tcase_add_test(c, a_told_age_grows_on);
    tcase_add_test(c, other_settings_start_anew);
    tcase_add_test(c, other_name_servers_start_anew);
    c = unit_case(s, "bytes");
    tcase_add_loop_test(c, what_was_read_writes_the_same_bytes, 0, 2);
    tcase_add_loop_test(c, ages_are_kept_by_either_clock, 0, 2);
    tcase_add_loop_test(c, a_clock_that_was_set_back_or_a_week_make_it_unknown, 0, 3);
    tcase_add_test(c, bytes_that_are_cut_or_damaged_leave_nothing_behind);
    tcase_add_test(c, bytes_that_lie_do_no_harm);
    tcase_add_test(c, a_source_that_has_not_looked_remembers_nothing);
    tcase_add_loop_test(c, texts_that_are_remembered_have_limits, 0, 3);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
