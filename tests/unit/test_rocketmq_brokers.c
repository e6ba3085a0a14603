/* test_rocketmq_brokers.c - what is told of brokers and name servers beside their topics, and what need not be asked for it. */
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/census.h"
#include "tests/fake/rmq_rig.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct source_ops rocketmq_source;

static int64_t pending(const struct rig *r, const char *level)
{
    return batch_int(r->batch, TABLE_DELAYS, must_find(r, TABLE_DELAYS, "level", level, NULL, NULL), DELAYS_PENDING);
}

/* ---- internal topics --------------------------------------------------------------------------------------------- */

START_TEST(delay_levels_are_told_even_those_that_never_delivered)
{
    struct rig *r = rig_new(_i == 0 ? V4 : V5);

    say_topics(r->a, "SCHEDULE_TOPIC_XXXX:4");
    say_offsets(r->a, "", NULL);
    say_log_delays(r->a, 1000, "1:5,5 3:8,11");
    say_ends(r->a, "SCHEDULE_TOPIC_XXXX:0-5,0-0,0-11,2-9");
    rig_open(r, 60000);
    good_look(r);
    ck_assert_int_eq(pending(r, "1"), 0);
    ck_assert_int_eq(pending(r, "3"), 3);
    ck_assert_int_eq(pending(r, "4"), 7);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_DELAYS), 3); /* level 2 is empty and was never used */
    rig_free(r);
}
END_TEST

static const struct {
    const char *offsets, *ends;
    int64_t half;
} transactions[] = {
    { "", "T:0-1", 0 }, /* no such topic yet */
    { "RMQ_SYS_TRANS_HALF_TOPIC@CID_RMQ_SYS_TRANS:14", "RMQ_SYS_TRANS_HALF_TOPIC:0-20", 6 },
    { "", "RMQ_SYS_TRANS_HALF_TOPIC:3-20", 17 }, /* nothing was ever settled */
    { "RMQ_SYS_TRANS_HALF_TOPIC@CID_RMQ_SYS_TRANS:14", "RMQ_SYS_TRANS_HALF_TOPIC:x", NO_INT },
};

START_TEST(half_messages_are_those_not_settled)
{
    struct rig *r = rig_new(V4);

    say_topics(r->a, _i == 0 ? "T:1" : "RMQ_SYS_TRANS_HALF_TOPIC:1");
    say_offsets(r->a, transactions[_i].offsets, NULL);
    say_ends(r->a, transactions[_i].ends);
    rig_open(r, 60000);
    look(r);
    ck_assert_int_eq(batch_int(r->batch, TABLE_BROKERS, 0, BROKERS_HALF_MESSAGES), transactions[_i].half);
    rig_free(r);
}
END_TEST

/* ---- retry topics before 5.0 ------------------------------------------------------------------------------------- */

/* A retry topic with a backlog, looked at until all is known. */
static struct rig *rig_with_retries(int version)
{
    struct rig *r = rig_new(version);

    say_topics(r->a, "T:1 %RETRY%G:1");
    say_offsets(r->a, "T@G:90 %RETRY%G@G:3", NULL);
    say_ends(r->a, "T:0-100 %RETRY%G:0-5");
    say_log_delays(r->a, 1000, "3:8,11");
    rig_open(r, 60000);
    good_look(r);
    say_log_delays(r->a, 2000, "3:8,12");
    say_ends(r->a, "T:0-110 %RETRY%G:0-5");
    good_look(r);
    return r;
}

START_TEST(retry_topics_are_asked_only_when_a_delay_level_has_delivered)
{
    struct rig *r = rig_with_retries(V4);

    for (int i = 0; i < 3; i++) {
        say_log_delays(r->a, 3000 + i, "3:8,13");
        good_look(r);
        ck_assert_int_eq(asked(r, RMQ_GET_TOPIC_STATS_INFO), 1);
        expect_backlog(r, "G", "%RETRY%G", 2, 2, 1);
    }
    say_log_delays(r->a, 5000, "3:9,13");
    say_ends(r->a, "T:0-110 %RETRY%G:0-6");
    good_look(r);
    ck_assert_int_eq(asked(r, RMQ_GET_TOPIC_STATS_INFO), 2);
    expect_backlog(r, "G", "%RETRY%G", 3, 3, 1);
    rig_free(r);
}
END_TEST

START_TEST(retry_topics_are_read_again_after_a_while_all_the_same)
{
    struct rig *r = rig_with_retries(V4);

    rig_set(r, "slow_interval", "1s");
    rig_set(r, "slow_requests", "0");
    ck_assert_int_eq(sleep(2), 0);
    say_log_delays(r->a, 3000, "3:8,12");
    say_ends(r->a, "T:0-110 %RETRY%G:0-7");
    good_look(r);
    expect_backlog(r, "G", "%RETRY%G", 4, 4, 1);
    rig_free(r);
}
END_TEST

/* What breaks the chain: a level that had not delivered before, a broker that restarted, one that did not say. */
START_TEST(retry_topics_are_asked_again_after_any_doubt)
{
    struct rig *r = rig_with_retries(V4);

    if (_i == 0)
        say_log_delays(r->a, 3000, "3:8,12 4:1,1");
    else if (_i == 1)
        say_log_from(r->a, 0, 3000, 0, 1700000099000);
    else
        say_no(r->a, RMQ_GET_BROKER_RUNTIME_INFO, 1, "java.util.NoSuchElementException");
    look(r);
    ck_assert_int_eq(asked(r, RMQ_GET_TOPIC_STATS_INFO), 2);
    rig_free(r);
}
END_TEST

START_TEST(brokers_with_pop_are_always_asked)
{
    struct rig *r = rig_with_retries(WIRE_VERSION(5, 1, 0));

    say_log_delays(r->a, 3000, "3:8,12");
    good_look(r);
    ck_assert_int_eq(asked(r, RMQ_GET_TOPIC_STATS_INFO), 2);
    rig_free(r);
}
END_TEST

/* ---- slaves ------------------------------------------------------------------------------------------------------ */

START_TEST(a_slave_lacks_what_its_master_has_more)
{
    static const struct {
        int64_t log;
        int64_t lag;
    } slaves[] = { { 1000, 0 }, { 400, 600 }, { 1001, 0 } };
    struct rig *r = rig_simple(V4);

    r->b = broker_start();
    broker_reply_version(r->b, V4);
    say_log(r->b, slaves[_i].log, 0);
    char *spec = xasprintf("c1/broker-a:0=%s,1=%s", broker_address(r->a), broker_address(r->b));
    say_brokers(r->ns, spec);
    free(spec);
    rig_open(r, 60000);
    good_look(r);
    EXPECT_INT(r, BROKERS, must_find(r, TABLE_BROKERS, "broker_id", "1", NULL, NULL), REPLICATION_LAG, slaves[_i].lag);
    EXPECT_ABSENT(r, BROKERS, must_find(r, TABLE_BROKERS, "broker_id", "0", NULL, NULL), REPLICATION_LAG);
    rig_free(r);
}
END_TEST

/* ---- name servers ------------------------------------------------------------------------------------------------ */

static void expect_nameserver(const struct rig *r, const struct broker *ns, int64_t brokers, int64_t agrees)
{
    uint32_t row = must_find(r, TABLE_NAMESERVERS, "target", broker_address(ns), NULL, NULL);

    EXPECT_INT(r, NAMESERVERS, row, BROKERS, brokers);
    EXPECT_INT(r, NAMESERVERS, row, AGREES, agrees);
}

START_TEST(name_servers_that_differ_are_told_and_all_their_brokers_asked)
{
    struct rig *r = rig_simple(V5);
    struct broker *other = broker_start();
    const struct source_env env = { .name = "prod", .interval_ms = 60000 };

    rig_add_broker(r, V5);
    say_topics(r->b, "U:1");
    say_offsets(r->b, "U@G:1", NULL);
    say_ends(r->b, "U:0-5");
    char *both = xasprintf("c1/broker-a:0=%s c1/broker-b:0=%s", broker_address(r->a), broker_address(r->b));
    char *one = xasprintf("c1/broker-a:0=%s", broker_address(r->a));
    char *list = xasprintf("%s;%s", broker_address(r->ns), broker_address(other));
    say_brokers(r->ns, one);
    say_brokers(other, both);
    rig_set(r, "namesrv", list);
    ck_assert_int_eq(rocketmq_source.open(r->self, &env, &r->err), 0);
    good_look(r);
    expect_nameserver(r, r->ns, 1, 0);
    expect_nameserver(r, other, 2, 1);
    expect_backlog(r, "G", "U", 4, 4, 1);
    say_brokers(r->ns, both);
    good_look(r);
    expect_nameserver(r, r->ns, 2, 1);
    expect_nameserver(r, other, 2, 1);
    good_look(r); /* they agree: one is enough, until slow_interval has passed */
    ck_assert_int_eq(asked(r, RMQ_GET_BROKER_CLUSTER_INFO), 1);
    expect_nameserver(r, other, 2, 1);
    free(both);
    free(one);
    free(list);
    rig_free(r);
    broker_stop(other);
}
END_TEST

START_TEST(a_list_that_breaks_off_counts_for_nothing)
{
    struct census c;
    int64_t brokers;
    bool agrees;

    census_init(&c);
    census_take(&c, 0, view_of("{\"brokerAddrTable\":{\"a\":{\"brokerAddrs\":{0:\"h:1\"},\"brokerName\":\"a\",\"cluster\":\"c\"}}}"));
    census_take(&c, 31, view_of("{\"brokerAddrTable\":{\"b\":{\"brokerAddrs\":{0:\"h:2\"},\"brokerName\":\"b\",\"cluster\":\"c\"},"));
    ck_assert(census_is_unanimous(&c));
    ck_assert(census_result(&c, 0, &brokers, &agrees));
    ck_assert_int_eq(brokers, 1);
    ck_assert(agrees);
    ck_assert(!census_result(&c, 31, &brokers, &agrees));
    census_fini(&c);
}
END_TEST

/* ---- requests ---------------------------------------------------------------------------------------------------- */

START_TEST(a_counter_of_requests_stays_when_nothing_is_asked)
{
    struct rig *r = rig_simple(V5);

    rig_open(r, 60000);
    for (int i = 0; i < 4; i++) {
        good_look(r);
        uint32_t row = must_find(r, TABLE_REQUESTS, "code", "21", NULL, NULL);
        EXPECT_INT(r, REQUESTS, row, TOTAL, 1);
        EXPECT_INT(r, REQUESTS, row, IN_INTERVAL, i == 0);
        row = must_find(r, TABLE_REQUESTS, "code", "43", NULL, NULL);
        EXPECT_INT(r, REQUESTS, row, TOTAL, i + 1);
    }
    rig_free(r);
}
END_TEST

/* ---- names ------------------------------------------------------------------------------------------------------- */

START_TEST(a_cluster_goes_by_the_name_it_is_given)
{
    struct rig *r = rig_simple(V5);

    rig_set(r, "cluster_names", "other=x, c1 = the shop");
    rig_open(r, 60000);
    good_look(r);
    EXPECT_TEXT(r, BROKERS, 0, CLUSTER, "the shop");
    EXPECT_TEXT(r, TOPICS, topic(r, "T"), CLUSTER, "the shop");
    EXPECT_TEXT(r, SCRAPES, must_find(r, TABLE_SCRAPES, "kind", "broker", NULL, NULL), CLUSTER, "the shop");
    rig_free(r);
}
END_TEST

START_TEST(a_bad_list_of_cluster_names_is_refused)
{
    static const char *const lists[] = { "c1", "c1=", "=x", "a=b,c1" };
    struct rig *r = rig_simple(V5);
    const struct source_env env = { .name = "prod", .interval_ms = 0 };

    rig_set(r, "cluster_names", lists[_i]);
    ck_assert_int_lt(rocketmq_source.open(r->self, &env, &r->err), 0);
    ck_assert_int_eq(r->err.kind, ERR_CONFIG);
    ck_assert_msg(strstr(r->err.msg, "cluster_names") != NULL && strstr(r->err.msg, "OLD=NEW") != NULL, "%s", r->err.msg);
    rig_free(r);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rocketmq brokers");
    TCase *c = tcase_create("brokers");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, delay_levels_are_told_even_those_that_never_delivered, 0, 2);
    tcase_add_loop_test(c, half_messages_are_those_not_settled, 0, 4);
    tcase_add_test(c, retry_topics_are_asked_only_when_a_delay_level_has_delivered);
    tcase_add_test(c, retry_topics_are_read_again_after_a_while_all_the_same);
    tcase_add_loop_test(c, retry_topics_are_asked_again_after_any_doubt, 0, 3);
    tcase_add_test(c, brokers_with_pop_are_always_asked);
    tcase_add_loop_test(c, a_slave_lacks_what_its_master_has_more, 0, 3);
    tcase_add_test(c, name_servers_that_differ_are_told_and_all_their_brokers_asked);
    tcase_add_test(c, a_list_that_breaks_off_counts_for_nothing);
    tcase_add_test(c, a_counter_of_requests_stays_when_nothing_is_asked);
    tcase_add_test(c, a_cluster_goes_by_the_name_it_is_given);
    tcase_add_loop_test(c, a_bad_list_of_cluster_names_is_refused, 0, 4);
    return unit_main(s);
}
