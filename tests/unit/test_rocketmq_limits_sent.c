/* test_rocketmq_limits_sent.c - what name servers and brokers send: how many brokers, how long a text, how large a number. */
#include "agent/source/rocketmq/census.h"
#include "agent/source/rocketmq/rewrite.h"
#include "agent/source/rocketmq/runtime.h"
#include "agent/source/rocketmq/timelag.h"
#include "tests/unit/test_rocketmq_limits.h"

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

static void expect_lack(const struct left_out *l, const char *limit, int count)
{
    ck_assert_uint_eq(l->count, (unsigned)count);
    if (count > 0)
        ck_assert_str_eq(l->limit, limit);
}

START_TEST(clusters_have_a_limit)
{
    learn_brokers((unsigned)(CLUSTERS_MAX - 1 + _i), 1, true);
    ck_assert_uint_eq(topology.cluster_count, CLUSTERS_MAX);
    ck_assert_uint_eq(topology.broker_count, CLUSTERS_MAX);
    expect_lack(&topology.lacks.clusters, "CLUSTERS_MAX", _i);
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
    expect_lack(&topology.lacks.brokers, "CLUSTER_BROKERS_MAX", _i);
    for (unsigned c = 0; c < topology.cluster_count; c++) /* the one that is left out is of the other cluster */
        ck_assert(topology.clusters[c]->lacks_brokers == (_i > 0 && topology.clusters[c] != cluster));
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
    expect_lack(&topology.lacks.members, "SOURCE_MEMBERS_MAX", 30); /* of that one */
    expect_lack(&topology.lacks.brokers, "SOURCE_MEMBERS_MAX", _i);
    buf_puts(&text, "{\"brokerAddrTable\":{\"b\":{\"brokerAddrs\":{0:\"127.0.0.1:1\"},\"cluster\":\"c\"}}}");
    learn(); /* and what lists less than that has room again */
    expect_lack(&topology.lacks.members, NULL, 0);
    for (unsigned c = 0; c < topology.cluster_count; c++)
        ck_assert(!topology.clusters[c]->lacks_brokers);
}
END_TEST

/* The master may be among those for which there is no room. */
START_TEST(processes_of_a_broker_too_many_are_counted)
{
    buf_puts(&text, "{\"brokerAddrTable\":{\"b\":{\"brokerAddrs\":{0:\"127.0.0.1:1\"},\"cluster\":\"c\"},\"x\":{\"brokerAddrs\":{");
    for (int m = 1; m <= BODY_MEMBERS_MAX + _i; m++)
        buf_printf(&text, "%s%d:\"10.0.0.%d:1\"", m > 1 ? "," : "", m, m);
    buf_puts(&text, "},\"cluster\":\"d\"}}}");
    learn();
    expect_lack(&topology.lacks.members, "BODY_MEMBERS_MAX", _i);
    ck_assert(!cluster->lacks_brokers && topology.clusters[1]->lacks_brokers == (_i > 0));
}
END_TEST

START_TEST(an_address_too_long_is_counted)
{
    int len = ADDRESS_MAX_BYTES - 1 + _i;

    buf_printf(&text, "{\"brokerAddrTable\":{\"b\":{\"brokerAddrs\":{0:\"127.0.0.1:1\",1:\"%0*d\"},\"cluster\":\"c\"}}}", len, 0);
    learn();
    expect_lack(&topology.lacks.members, "ADDRESS_MAX_BYTES", _i);
    ck_assert(!cluster->lacks_brokers); /* it is a slave */
    buf_printf(&text, "{\"brokerAddrTable\":{\"n\":{\"brokerAddrs\":{0:\"%0*d\"},\"cluster\":\"c\"}}}", len, 0);
    learn();
    expect_lack(&topology.lacks.brokers, "ADDRESS_MAX_BYTES", _i);
    ck_assert(cluster->lacks_brokers == (_i > 0));
}
END_TEST

START_TEST(a_cluster_whose_name_is_too_long_is_no_other)
{
    buf_printf(&text, "{\"brokerAddrTable\":{\"x\":{\"brokerAddrs\":{0:\"127.0.0.1:2\"},\"cluster\":\"%0*d\"}}}", NAME_MAX_BYTES + _i, 0);
    learn();
    expect_lack(&topology.lacks.brokers, "NAME_MAX_BYTES", _i);
    ck_assert_uint_eq(topology.cluster_count, _i == 0 ? 2 : 1);
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
    ck_assert(census_result(&census, CENSUS_MAX - 1, &brokers, &agrees) == (_i == 0));
    ck_assert(_i > 0 || (agrees && brokers == CENSUS_ENTRIES_MAX));
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

/* ---- texts and numbers ------------------------------------------------------------------------------------------- */

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

START_TEST(an_age_that_a_broker_tells_has_a_limit)
{
    struct body_span span = { .delay_ms = TIMELAG_DELAY_MAX_MS };

    ck_assert_int_eq(timelag_told_ms(&span, 0, 5), TIMELAG_DELAY_MAX_MS);
    span.delay_ms++;
    ck_assert_int_eq(timelag_told_ms(&span, 0, 5), NO_INT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rocketmq limits: sent");
    TCase *c = unit_case(suite, "limits");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, clusters_have_a_limit, 0, 2);
    tcase_add_loop_test(c, broker_names_have_a_limit, 0, 2);
    tcase_add_loop_test(c, processes_of_brokers_have_a_limit, 0, 2);
    tcase_add_loop_test(c, processes_of_a_broker_too_many_are_counted, 0, 2);
    tcase_add_loop_test(c, an_address_too_long_is_counted, 0, 2);
    tcase_add_loop_test(c, a_cluster_whose_name_is_too_long_is_no_other, 0, 2);
    tcase_add_loop_test(c, entries_of_a_census_have_a_limit, 0, 2);
    tcase_add_loop_test(c, a_map_of_addresses_has_a_limit, 0, 2);
    tcase_add_loop_test(c, texts_of_a_client_have_limits, 0, 2);
    tcase_add_test(c, numbers_of_queues_and_offsets_have_limits);
    tcase_add_test(c, rates_of_a_broker_have_a_limit);
    tcase_add_test(c, an_age_that_a_broker_tells_has_a_limit);
    return unit_main(suite);
}
