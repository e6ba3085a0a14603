/* test_rocketmq_topology.c - looks that are cut off, slaves that stand in, name servers that are away: what is known afterwards. */
#include "agent/base/xalloc.h"
#include "tests/fake/rmq_rig.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct source_ops rocketmq_source;

/* A look that ran out of time once left the ends of an idle broker unknown for as long as nothing was written. */
START_TEST(a_look_that_is_cut_off_leaves_nothing_unknown)
{
    static const int codes[] = { RMQ_GET_ALL_CONSUMER_OFFSET, RMQ_GET_BROKER_RUNTIME_INFO };
    struct rig *r = rig_simple(V5);

    rig_open(r, 60000);
    for (int i = 0; i < 3; i++) /* it comes to rest */
        good_look(r);
    broker_expect(r->a, codes[_i]);
    broker_stall(r->a);
    look_until(r, 300, -1);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    for (int i = 0; i < 3; i++) {
        good_look(r);
        expect_backlog(r, "G", "T", 20, 20, 1);
    }
    ck_assert_int_eq(requests(r), 3); /* and it is at rest again */
    rig_free(r);
}
END_TEST

/* ---- slaves ------------------------------------------------------------------------------------------------------ */

/* Both brokers, the second one under that name and id. */
static void say_two(struct rig *r, const char *second)
{
    char *text = xasprintf("c1/broker-a:0=%s%s=%s", broker_address(r->a), second, broker_address(r->b));

    say_brokers(r->ns, text);
    free(text);
}

/* The master leaves. */
static void say_slave(struct rig *r)
{
    char *text = xasprintf("c1/broker-a:1=%s", broker_address(r->b));

    say_brokers(r->ns, text);
    broker_hang_up(r->a);
    broker_drop_all(r->a);
    free(text);
}

static const char *detail_of(const struct rig *r, const char *address)
{
    uint32_t row = must_find(r, TABLE_SCRAPES, "target", address, NULL, NULL);

    return batch_has(r->batch, TABLE_SCRAPES, row, SCRAPES_DETAIL) ? batch_text(r->batch, TABLE_SCRAPES, row, SCRAPES_DETAIL) : "";
}

static void expect_word(const struct rig *r, const char *address, const char *word)
{
    ck_assert_msg(strstr(detail_of(r, address), word) != NULL, "said: %s", detail_of(r, address));
}

/* The slave got its master's offsets a last time when nobody had pulled yet. */
START_TEST(old_offsets_of_a_5_5_slave_are_no_backlog)
{
    struct rig *r = rig_simple(WIRE_V5_5_0);

    rig_add_broker(r, WIRE_V5_5_0);
    say_topics(r->b, "T:2");
    say_offsets(r->b, _i == 0 ? "T@G:0,90" : "T@G:80,95", NULL);
    say_ends(r->b, "T:0-100,0-100");
    say_two(r, ",1");
    rig_open(r, 60000);
    good_look(r);
    expect_backlog(r, "G", "T", 20, 20, 1); /* by the master: 90 and 90 of 100 */
    say_slave(r);
    for (int i = 0; i < 2; i++) {
        look(r);
        ck_assert_int_eq(r->result, SOURCE_SOME);
        uint32_t row = backlog(r, "G", "T");
        EXPECT_ABSENT(r, BACKLOGS, row, LAG);
        EXPECT_INT(r, BACKLOGS, row, COMPLETE, 0);
        expect_word(r, broker_address(r->b), "its master is away, and a slave of 5.5 does not get committed offsets");
    }
    rig_free(r);
}
END_TEST

/* What clients have committed at the slave itself is shown, and is not the whole truth. */
START_TEST(offsets_that_go_on_at_a_5_5_slave_are_shown_as_incomplete)
{
    struct rig *r = rig_simple(WIRE_V5_5_0);

    rig_add_broker(r, WIRE_V5_5_0);
    say_topics(r->b, "T:2");
    say_offsets(r->b, "T@G:95,95", NULL);
    say_ends(r->b, "T:0-100,0-100");
    say_two(r, ",1");
    rig_open(r, 60000);
    good_look(r);
    say_slave(r);
    look(r);
    expect_backlog(r, "G", "T", 10, 10, 0);
    rig_free(r);
}
END_TEST

/* Nobody knows how old they are, until somebody commits. */
START_TEST(offsets_of_a_5_5_slave_that_no_master_told_count_once_they_move)
{
    struct rig *r = rig_new(WIRE_V5_5_0);

    say_topics(r->a, "T:2 U:1");
    say_offsets(r->a, "T@G:10,90 U@G:5", NULL);
    say_ends(r->a, "T:0-100,0-100 U:0-5");
    char *slave = xasprintf("c1/broker-a:1=%s", broker_address(r->a));
    say_brokers(r->ns, slave);
    rig_open(r, 60000);
    for (int i = 0; i < 2; i++) {
        look(r);
        EXPECT_ABSENT(r, BACKLOGS, backlog(r, "G", "T"), LAG);
        EXPECT_INT(r, BACKLOGS, backlog(r, "G", "T"), COMPLETE, 0);
        EXPECT_ABSENT(r, GROUPS, group(r, "G"), LAG);
    }
    say_offsets(r->a, "T@G:60,90 U@G:5", NULL);
    for (int i = 0; i < 2; i++) {
        look(r);
        expect_backlog(r, "G", "T", 50, 50, 0);
        EXPECT_ABSENT(r, BACKLOGS, backlog(r, "G", "U"), LAG);
    }
    rig_free(r);
    free(slave);
}
END_TEST

START_TEST(a_sum_with_a_5_5_slave_in_it_is_incomplete_from_the_first_look_on)
{
    struct rig *r = rig_simple(WIRE_V5_5_0);

    rig_add_broker(r, WIRE_V5_5_0);
    say_topics(r->b, "T:2");
    say_offsets(r->b, "", NULL);
    say_ends(r->b, "T:0-100,0-100");
    say_two(r, " c1/broker-b:1");
    rig_open(r, _i == 0 ? 0 : 60000);
    look(r);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    expect_backlog(r, "G", "T", 20, 20, 0);
    rig_free(r);
}
END_TEST

START_TEST(a_slave_with_offsets_that_stands_in_is_said_and_no_failure)
{
    struct rig *r = rig_new(V5);

    say_topics(r->a, "T:1");
    say_offsets(r->a, "T@G:5", NULL);
    say_ends(r->a, "T:0-9");
    char *slave = xasprintf("c1/broker-a:1=%s", broker_address(r->a));
    say_brokers(r->ns, slave);
    rig_open(r, 60000);
    good_look(r);
    expect_backlog(r, "G", "T", 4, 4, 1);
    expect_word(r, broker_address(r->a), "stands in for its master");
    rig_free(r);
    free(slave);
}
END_TEST

/* ---- name servers ------------------------------------------------------------------------------------------------ */

static void open_with(struct rig *r, const char *first, const char *second)
{
    const struct source_env env = { .name = "prod", .interval_ms = 60000 };
    char *list = xasprintf("%s;%s", first, second);

    rig_set(r, "namesrv", list);
    ck_assert_int_eq(rocketmq_source.open(r->self, &env, &r->err), 0);
    free(list);
}

/* One that was away was once asked again after slow_interval only, and all looks until then called themselves whole. */
START_TEST(a_name_server_that_is_away_is_missed_in_every_look)
{
    struct rig *r = rig_simple(V5);
    char dead[32];

    broker_dead_address(dead);
    if (_i == 0)
        open_with(r, broker_address(r->ns), dead);
    else
        open_with(r, dead, broker_address(r->ns));
    for (int i = 0; i < 3; i++) {
        look(r);
        ck_assert_int_eq(r->result, SOURCE_SOME);
        ck_assert_msg(strstr(r->err.msg, dead) != NULL, "said: %s", r->err.msg);
        expect_backlog(r, "G", "T", 20, 20, 1);
    }
    rig_free(r);
}
END_TEST

START_TEST(a_name_server_that_hangs_leaves_time_for_the_brokers)
{
    struct rig *r = rig_simple(V5);
    struct broker *silent = broker_start();

    broker_always(silent, RMQ_GET_BROKER_CLUSTER_INFO);
    broker_stall(silent);
    rig_set(r, "request_timeout", "60s");
    if (_i == 0)
        open_with(r, broker_address(silent), broker_address(r->ns));
    else
        open_with(r, broker_address(r->ns), broker_address(silent));
    look_until(r, 2000, -1);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    ck_assert_msg(strstr(r->err.msg, broker_address(silent)) != NULL, "said: %s", r->err.msg);
    expect_backlog(r, "G", "T", 20, 20, 1);
    rig_free(r);
    broker_stop(silent);
}
END_TEST

START_TEST(a_name_server_that_lacks_brokers_is_told_in_words)
{
    struct rig *r = rig_simple(V5);
    struct broker *other = broker_start();

    rig_add_broker(r, V5);
    say_topics(r->b, "T:1");
    say_offsets(r->b, "", NULL);
    say_two(r, " c1/broker-b:0");
    char *one = xasprintf("c1/broker-a:0=%s", broker_address(r->a));
    say_brokers(other, one);
    open_with(r, broker_address(r->ns), broker_address(other));
    look(r);
    expect_word(r, broker_address(other), "lists 1 of the 2 broker processes that name servers list");
    ck_assert_str_eq(detail_of(r, broker_address(r->ns)), "");
    rig_free(r);
    free(one);
    broker_stop(other);
}
END_TEST

/* ---- words ------------------------------------------------------------------------------------------------------- */

/* The hint at option rewrite is for addresses that never led anywhere. */
START_TEST(a_broker_that_answered_once_and_is_away_needs_no_rewrite)
{
    struct rig *r = rig_simple(V5);

    rig_open(r, 60000);
    good_look(r);
    broker_stop(r->a);
    r->a = broker_start();
    look(r);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    ck_assert_msg(strstr(r->err.msg, "connect to c1/broker-a") != NULL, "said: %s", r->err.msg);
    ck_assert_msg(strstr(r->err.msg, "rewrite") == NULL, "said: %s", r->err.msg);
    rig_free(r);
}
END_TEST

/* What both a broker and the remoting port of a proxy answer, 5.5.0. */
START_TEST(another_server_of_rocketmq_is_no_name_server)
{
    struct rig *r = rig_new(WIRE_V5_5_0);

    say_no(r->ns, RMQ_GET_BROKER_CLUSTER_INFO, 3, " request type 106 not supported");
    rig_open(r, 0);
    look(r);
    ck_assert_int_eq(r->result, SOURCE_NOTHING);
    expect_word(r, broker_address(r->ns), "this is no name server: a broker or a proxy answers here");
    rig_free(r);
}
END_TEST

static void expect_left_out(const struct rig *r, const char *address, const char *words)
{
    uint32_t row = must_find(r, TABLE_SCRAPES, "target", address, NULL, NULL);

    EXPECT_INT(r, SCRAPES, row, OK, 0);
    EXPECT_INT(r, SCRAPES, row, FAILED, 1);
    EXPECT_TEXT(r, SCRAPES, row, ERROR, "limit");
    ck_assert_str_eq(detail_of(r, address) + strlen(address), words);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    ck_assert_int_eq(r->err.kind, ERR_LIMIT);
    ck_assert_str_eq(r->err.msg + strlen(address), words);
}

/* test_rocketmq_limits_*.c have each limit; here is how far it is told. */
START_TEST(what_is_left_out_at_a_limit_makes_the_look_less_than_whole_until_it_fits)
{
    struct rig *r = rig_simple(V5);
    char *here = xasprintf("c1/broker-a:0=%s", broker_address(r->a)), *too_long = xasprintf("%01025d", 0);
    char *two = xasprintf("%s c1/%s:0=127.0.0.1:1", here, too_long), *offsets = xasprintf("T@G:90,90 T@%s:90", too_long);

    rig_open(r, 60000);
    good_look(r);
    expect_backlog(r, "G", "T", 20, 20, 1);
    say_brokers(r->ns, two);
    look(r);
    expect_left_out(r, broker_address(r->ns), ": left out: 1 broker beyond NAME_MAX_BYTES");
    expect_backlog(r, "G", "T", 20, 20, 0);
    say_brokers(r->ns, here);
    say_offsets(r->a, offsets, NULL);
    look(r);
    expect_left_out(r, broker_address(r->a), ": left out: 1 backlog beyond NAME_MAX_BYTES");
    expect_backlog(r, "G", "T", 20, 20, 1);
    EXPECT_INT(r, DIFF_SUMS, must_find(r, TABLE_DIFF_SUMS, "sum", "topic", "topic", "T"), COMPLETE, 0);
    say_offsets(r->a, "T@G:90,90", NULL);
    good_look(r);
    EXPECT_INT(r, DIFF_SUMS, must_find(r, TABLE_DIFF_SUMS, "sum", "topic", "topic", "T"), COMPLETE, 1);
    free(offsets);
    free(two);
    free(too_long);
    free(here);
    rig_free(r);
}
END_TEST

START_TEST(what_an_inventory_leaves_out_is_said_until_the_next_one)
{
    struct rig *r = rig_simple(V5);
    char *topics = xasprintf("T:2 %01025d:1", 0);

    rig_set(r, "slow_interval", "1s");
    rig_open(r, 60000);
    say_topics(r->a, topics);
    for (int i = 0; i < 2; i++) {
        look(r);
        expect_left_out(r, broker_address(r->a), ": left out: 1 topic beyond NAME_MAX_BYTES");
        EXPECT_INT(r, GROUPS, group(r, "G"), COMPLETE, 0);
    }
    say_topics(r->a, "T:2");
    for (int i = 0; i < 1000 && r->result != SOURCE_ALL; i++) {
        usleep(20000);
        look(r);
    }
    ck_assert_int_eq(r->result, SOURCE_ALL);
    EXPECT_INT(r, GROUPS, group(r, "G"), COMPLETE, 1);
    free(topics);
    rig_free(r);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("rocketmq topology");
    TCase *c = unit_case(s, "looks");

    tcase_add_loop_test(c, a_look_that_is_cut_off_leaves_nothing_unknown, 0, 2);
    c = unit_case(s, "slaves");
    tcase_add_loop_test(c, old_offsets_of_a_5_5_slave_are_no_backlog, 0, 2);
    tcase_add_test(c, offsets_that_go_on_at_a_5_5_slave_are_shown_as_incomplete);
    tcase_add_test(c, offsets_of_a_5_5_slave_that_no_master_told_count_once_they_move);
    tcase_add_loop_test(c, a_sum_with_a_5_5_slave_in_it_is_incomplete_from_the_first_look_on, 0, 2);
    tcase_add_test(c, a_slave_with_offsets_that_stands_in_is_said_and_no_failure);
    c = unit_case(s, "name servers");
    tcase_add_loop_test(c, a_name_server_that_is_away_is_missed_in_every_look, 0, 2);
    tcase_add_loop_test(c, a_name_server_that_hangs_leaves_time_for_the_brokers, 0, 2);
    tcase_add_test(c, a_name_server_that_lacks_brokers_is_told_in_words);
    c = unit_case(s, "words");
    tcase_add_test(c, what_an_inventory_leaves_out_is_said_until_the_next_one);
    tcase_add_test(c, what_is_left_out_at_a_limit_makes_the_look_less_than_whole_until_it_fits);
    tcase_add_test(c, a_broker_that_answered_once_and_is_away_needs_no_rewrite);
    tcase_add_test(c, another_server_of_rocketmq_is_no_name_server);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
