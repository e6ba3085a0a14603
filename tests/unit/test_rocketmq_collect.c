/* test_rocketmq_collect.c - what the source asks and what it makes of the answers, against fake name servers and brokers. */
#include "agent/source/source.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "tests/fake/rmq_rig.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

extern const struct source_ops rocketmq_source;

/* ---- backlog ----------------------------------------------------------------------------------------------------- */

START_TEST(backlog_is_counted_by_the_book)
{
    struct rig *r = rig_new(_i == 0 ? V4 : V5);

    /* behind, expired unread, beyond the end, never committed, all done, empty */
    say_topics(r->a, "T:6");
    say_offsets(r->a, "T@G:90,10,70,x,40,0", NULL);
    say_ends(r->a, "T:0-100,30-50,0-60,20-25,40-40,0-0");
    rig_open(r, 60000);
    for (int i = 0; i < 2; i++) { /* 202 first, then (5.3.2 and later) 208: the same numbers */
        good_look(r);
        expect_backlog(r, "G", "T", 10 + 20 + 0 + 5 + 0 + 0, 10 + 40 - 10 + 25 + 0 + 0, 1);
        EXPECT_INT(r, BACKLOGS, backlog(r, "G", "T"), LOST, 20);
        expect_queue(r, "0", 90, 10, "");
        expect_queue(r, "1", 10, 20, "lost");
        expect_queue(r, "2", 70, 0, "beyond_end");
        expect_queue(r, "3", NO_INT, 5, "no_offset");
        expect_queue(r, "4", 40, 0, "empty");
        EXPECT_INT(r, GROUPS, group(r, "G"), LAG, 35);
        EXPECT_INT(r, GROUPS, group(r, "G"), COMPLETE, 1);
        uint32_t row = must_find(r, TABLE_SHARES, "topic", "T", NULL, NULL);
        EXPECT_INT(r, SHARES, row, CONSUMER_OFFSET, 210);
        EXPECT_INT(r, TOPICS, topic(r, "T"), MAX_OFFSET, 275);
        EXPECT_INT(r, TOPICS, topic(r, "T"), MIN_OFFSET, 90);
        EXPECT_INT(r, TOPICS, topic(r, "T"), STORED, 185);
        say_log(r->a, 2000 + i, 0);
    }
    ck_assert_int_eq(asked(r, RMQ_GET_CONSUME_STATS), _i);
    rig_free(r);
}
END_TEST

START_TEST(two_brokers_are_summed_and_keep_their_shares)
{
    struct rig *r = rig_simple(V5);

    rig_add_broker(r, V4);
    say_topics(r->b, "T:1");
    say_offsets(r->b, "T@G:7", NULL);
    say_ends(r->b, "T:0-12");
    rig_open(r, 60000);
    good_look(r);
    expect_backlog(r, "G", "T", 25, 25, 1);
    EXPECT_INT(r, SHARES, must_find(r, TABLE_SHARES, "broker", "broker-a", NULL, NULL), CONSUMER_OFFSET, 180);
    EXPECT_INT(r, SHARES, must_find(r, TABLE_SHARES, "broker", "broker-b", NULL, NULL), CONSUMER_OFFSET, 7);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_TOPICS), 2);
    rig_free(r);
}
END_TEST

START_TEST(what_was_deleted_is_not_shown)
{
    struct rig *r = rig_new(V5);

    /* 43 keeps offsets of a deleted group and, on 4.x, of a deleted topic */
    say_topics(r->a, "T:1");
    say_offsets(r->a, "T@G:1 T@DeadGroup:0 DeadTopic@G:0", NULL);
    say_ends(r->a, "T:0-5");
    rig_open(r, 60000);
    good_look(r);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_BACKLOGS), 1);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_GROUPS), 1);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_TOPICS), 1);
    EXPECT_INT(r, GROUPS, group(r, "G"), LAG, 4);
    rig_free(r);
}
END_TEST

START_TEST(retries_without_an_offset_count_from_the_start)
{
    struct rig *r = rig_new(_i == 0 ? V4 : V5);

    say_topics(r->a, "T:1 %RETRY%G:1 %DLQ%G:1");
    say_offsets(r->a, "T@G:5", NULL);
    say_ends(r->a, "T:0-5 %RETRY%G:10-25 %DLQ%G:3-10");
    rig_open(r, 60000);
    for (int i = 0; i < 3; i++) {
        good_look(r);
        expect_backlog(r, "G", "%RETRY%G", 15, 15, 1);
        EXPECT_TEXT(r, BACKLOGS, backlog(r, "G", "%RETRY%G"), KIND, "retry");
        uint32_t dlq = backlog(r, "G", "%DLQ%G");
        EXPECT_INT(r, BACKLOGS, dlq, DIFF, 7);
        EXPECT_ABSENT(r, BACKLOGS, dlq, LAG);
        EXPECT_TEXT(r, TOPICS, topic(r, "%DLQ%G"), GROUP, "G");
        EXPECT_INT(r, GROUPS, group(r, "G"), LAG, 15);
        EXPECT_INT(r, GROUPS, group(r, "G"), RETRY_LAG, 15);
        EXPECT_INT(r, GROUPS, group(r, "G"), DLQ, 7);
        say_log(r->a, 2000 + i, 0);
    }
    rig_free(r);
}
END_TEST

START_TEST(retry_topics_of_pop_belong_to_their_group)
{
    struct rig *r = rig_new(V5);

    say_groups(r->a, "G_POP H");
    say_clients(r->a, "G_POP", NULL, NULL);
    say_clients(r->a, "H", NULL, NULL);
    say_topics(r->a, "T_P:1 %RETRY%G_POP_T_P:1 %RETRY%H+T_P:1 %RETRY%G_POP:1");
    say_offsets(r->a, "T_P@G_POP:2 %RETRY%G_POP_T_P@G_POP:3", NULL);
    say_ends(r->a, "T_P:0-2 %RETRY%G_POP_T_P:0-9 %RETRY%H+T_P:0-4 %RETRY%G_POP:0-0");
    rig_open(r, 60000);
    good_look(r);
    expect_backlog(r, "G_POP", "%RETRY%G_POP_T_P", 6, 6, 1);
    expect_backlog(r, "G_POP", "%RETRY%G_POP", 0, 0, 1);
    expect_backlog(r, "H", "%RETRY%H+T_P", 4, 4, 1);
    EXPECT_TEXT(r, TOPICS, topic(r, "%RETRY%H+T_P"), GROUP, "H");
    EXPECT_TEXT(r, TOPICS, topic(r, "%RETRY%G_POP_T_P"), GROUP, "G_POP");
    EXPECT_INT(r, GROUPS, group(r, "G_POP"), RETRY_LAG, 6);
    rig_free(r);
}
END_TEST

START_TEST(broadcast_lag_is_that_of_the_slowest_where_the_broker_tells_and_absent_where_not)
{
    struct rig *r = rig_new(_i == 0 ? V4 : V5);

    say_topics(r->a, "T:2 %RETRY%G:1");
    say_offsets(r->a, _i == 0 ? "" : "T@G@broadcast:90,95", _i == 0 ? NULL : "T@G:100,100");
    say_ends(r->a, "T:0-100,0-100 %RETRY%G:0-0");
    say_clients(r->a, "G", "10.0.0.9@DEFAULT 10.0.0.9@DEFAULT", "BROADCASTING");
    rig_open(r, 60000);
    good_look(r);
    EXPECT_TEXT(r, GROUPS, group(r, "G"), MODEL, "broadcasting");
    EXPECT_INT(r, GROUPS, group(r, "G"), MEMBERS, 2);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_CLIENTS), 1); /* two sockets with one name are one row */
    if (_i == 0) {
        EXPECT_ABSENT(r, GROUPS, group(r, "G"), LAG);
        ck_assert_uint_eq(batch_rows(r->batch, TABLE_BACKLOGS), 0);
    } else {
        expect_backlog(r, "G", "T", 15, 15, 1);
        EXPECT_INT(r, GROUPS, group(r, "G"), LAG, 15);
        EXPECT_TEXT(r, BACKLOGS, backlog(r, "G", "T"), MODEL_NUMBER, "0");
        ck_assert_int_eq(find(r, TABLE_GROUPS, "consumer_group", "broadcast", NULL, NULL), -1);
    }
    rig_free(r);
}
END_TEST

START_TEST(a_group_that_never_committed_has_no_lag)
{
    struct rig *r = rig_new(V5);

    say_topics(r->a, "T:1");
    say_offsets(r->a, "", NULL);
    say_ends(r->a, "T:0-50");
    rig_open(r, 60000);
    good_look(r);
    EXPECT_ABSENT(r, GROUPS, group(r, "G"), LAG);
    EXPECT_INT(r, GROUPS, group(r, "G"), DLQ, 0);
    EXPECT_INT(r, GROUPS, group(r, "G"), MEMBERS, 0);
    EXPECT_INT(r, GROUPS, group(r, "G"), COMPLETE, 1);
    EXPECT_TEXT(r, GROUPS, group(r, "G"), MODEL, "unknown");
    rig_free(r);
}
END_TEST

START_TEST(inflight_is_told_for_groups_that_are_online)
{
    struct rig *r = rig_simple(WIRE_V5_5_0);

    say_offsets(r->a, "T@G:90,90", "T@G:97,80");
    if (_i == 1)
        say_clients(r->a, "G", "10.0.0.9@123#77", "CLUSTERING");
    rig_open(r, 60000);
    good_look(r);
    if (_i == 0)
        EXPECT_ABSENT(r, BACKLOGS, backlog(r, "G", "T"), INFLIGHT);
    else {
        EXPECT_INT(r, BACKLOGS, backlog(r, "G", "T"), INFLIGHT, 7); /* the second queue was reset: not -10 */
        uint32_t client = must_find(r, TABLE_CLIENTS, "consumer_group", "G", NULL, NULL);
        EXPECT_TEXT(r, CLIENTS, client, PID, "123");
        EXPECT_TEXT(r, CLIENTS, client, IP, "10.0.0.9");
        EXPECT_TEXT(r, CLIENTS, client, VERSION, "4.9.7");
        EXPECT_TEXT(r, GROUPS, group(r, "G"), CLIENT_ADDRS, "10.0.0.9:40000");
        EXPECT_TEXT(r, GROUPS, group(r, "G"), TYPE, "push");
        EXPECT_TEXT(r, BACKLOGS, backlog(r, "G", "T"), ONLINE, "1");
    }
    rig_free(r);
}
END_TEST

START_TEST(system_groups_show_only_when_wanted)
{
    struct rig *r = rig_new(V5);

    say_groups(r->a, "CID_RMQ_SYS_TRANS");
    say_topics(r->a, "RMQ_SYS_TRANS_HALF_TOPIC:1 BenchmarkTest:1024 SCHEDULE_TOPIC_XXXX:1 c1:1 broker-a:1");
    say_offsets(r->a, "RMQ_SYS_TRANS_HALF_TOPIC@CID_RMQ_SYS_TRANS:3", NULL);
    say_ends(r->a, "RMQ_SYS_TRANS_HALF_TOPIC:0-5 SCHEDULE_TOPIC_XXXX:0-1 c1:0-0 broker-a:0-0");
    say_clients(r->a, "CID_RMQ_SYS_TRANS", NULL, NULL);
    rig_set(r, "include_system", _i == 0 ? "no" : "yes");
    rig_open(r, 60000);
    good_look(r);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_GROUPS), _i);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_BACKLOGS), _i);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_TOPICS), 4); /* never BenchmarkTest */
    EXPECT_TEXT(r, TOPICS, topic(r, "SCHEDULE_TOPIC_XXXX"), KIND, "delay");
    EXPECT_TEXT(r, TOPICS, topic(r, "c1"), KIND, "system");
    EXPECT_TEXT(r, TOPICS, topic(r, "broker-a"), KIND, "system");
    rig_free(r);
}
END_TEST

/* ---- what is asked ----------------------------------------------------------------------------------------------- */

START_TEST(an_idle_broker_costs_three_requests)
{
    struct rig *r = rig_simple(_i == 0 ? V4 : V5);

    rig_open(r, 60000);
    good_look(r);
    good_look(r); /* the log must have stood still for one look before it counts */
    for (int i = 0; i < 3; i++) {
        good_look(r);
        ck_assert_int_eq(requests(r), 3);
        expect_backlog(r, "G", "T", 20, 20, 1);
        ck_assert_double_eq(batch_real(r->batch, TABLE_TOPICS, topic(r, "T"), TOPICS_IN_RATE), 0);
        ck_assert_double_eq(batch_real(r->batch, TABLE_BACKLOGS, backlog(r, "G", "T"), BACKLOGS_OUT_RATE), 0);
    }
    rig_free(r);
}
END_TEST

START_TEST(what_is_written_is_seen_in_the_next_look)
{
    struct rig *r = rig_simple(_i == 0 ? V4 : V5);

    rig_open(r, 60000);
    for (int i = 0; i < 3; i++)
        good_look(r);
    say_log(r->a, 1100, 0);
    say_ends(r->a, "T:0-103,0-100");
    good_look(r);
    expect_backlog(r, "G", "T", 23, 23, 1);
    /* nothing more is written, but this one was not through dispatch when the ends were read */
    say_ends(r->a, "T:0-104,0-100");
    good_look(r);
    expect_backlog(r, "G", "T", 24, 24, 1);
    good_look(r);
    ck_assert_int_eq(requests(r), 3);
    rig_free(r);
}
END_TEST

START_TEST(while_messages_wait_for_dispatch_ends_are_read_again)
{
    struct rig *r = rig_simple(V5);

    say_log(r->a, 1000, 64);
    rig_open(r, 60000);
    for (int i = 0; i < 4; i++) {
        good_look(r);
        ck_assert_int_eq(asked(r, RMQ_GET_CONSUME_STATS), i > 0);
    }
    rig_free(r);
}
END_TEST

START_TEST(a_restarted_broker_is_read_again)
{
    struct rig *r = rig_simple(V5);

    rig_open(r, 60000);
    for (int i = 0; i < 3; i++)
        good_look(r);
    ck_assert_int_eq(requests(r), 3);
    say_log_from(r->a, 0, 1000, 0, 1700000099000);
    good_look(r);
    ck_assert_int_eq(asked(r, RMQ_GET_CONSUME_STATS), 1);
    rig_free(r);
}
END_TEST

START_TEST(offsets_are_asked_before_the_log_and_the_log_before_ends)
{
    struct rig *r = rig_simple(V5);

    rig_open(r, 60000);
    good_look(r);
    /* The commit of 150 came after 100 was written to: were 28 asked first, it would lie beyond the end. */
    broker_expect(r->a, RMQ_GET_ALL_CONSUMER_OFFSET);
    broker_reply_body(r->a, "{\"offsetTable\":{\"T@G\":{0:100,1:100}}}");
    broker_split(r->a, 3);
    good_look(r);
    expect_backlog(r, "G", "T", 0, 0, 1);
    rig_free(r);
}
END_TEST

START_TEST(a_queue_that_208_leaves_out_is_asked_for_alone)
{
    struct rig *r = rig_simple(V5);

    rig_open(r, 60000);
    good_look(r);
    say_log(r->a, 2000, 0);
    broker_always(r->a, RMQ_GET_CONSUME_STATS);
    if (_i == 0) /* one queue is missing */
        broker_reply_body(r->a, "{\"offsetTable\":{{\"brokerName\":\"broker-a\",\"queueId\":0,\"topic\":\"T\"}:{\"brokerOffset\":100}}}");
    else if (_i == 1) /* topicList was ignored */
        broker_reply_body(r->a, "{\"consumeTps\":0.0,\"offsetTable\":{}}");
    else /* the account may not ask about that group */
        broker_reply_code(r->a, RMQ_RESPONSE_NO_PERMISSION, "no permission to access Group:mqpush_probe");
    look(r);
    ck_assert_int_eq(r->result, _i == 2 ? SOURCE_SOME : SOURCE_ALL);
    ck_assert_int_eq(asked(r, RMQ_GET_TOPIC_STATS_INFO), 1);
    expect_backlog(r, "G", "T", 20, 20, 1);
    /* from then on it is asked for alone at once */
    say_log(r->a, 3000, 0);
    good_look(r);
    ck_assert_int_eq(asked(r, RMQ_GET_CONSUME_STATS), 0);
    ck_assert_int_eq(asked(r, RMQ_GET_TOPIC_STATS_INFO), 1);
    expect_backlog(r, "G", "T", 20, 20, 1);
    rig_free(r);
}
END_TEST

START_TEST(a_queue_nobody_tells_about_is_not_zero)
{
    struct rig *r = rig_simple(V5);

    rig_open(r, 60000);
    good_look(r);
    say_log(r->a, 2000, 0);
    broker_always(r->a, RMQ_GET_CONSUME_STATS);
    broker_reply_body(r->a, "{\"offsetTable\":{}}");
    say_no(r->a, RMQ_GET_TOPIC_STATS_INFO, RMQ_RESPONSE_NO_PERMISSION, "User:reader has no permission to access Topic:T");
    look(r);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    uint32_t row = backlog(r, "G", "T");
    EXPECT_ABSENT(r, BACKLOGS, row, LAG);
    EXPECT_ABSENT(r, BACKLOGS, row, DIFF);
    EXPECT_INT(r, BACKLOGS, row, COMPLETE, 0);
    EXPECT_ABSENT(r, GROUPS, group(r, "G"), LAG);
    EXPECT_INT(r, GROUPS, group(r, "G"), COMPLETE, 0);
    EXPECT_ABSENT(r, TOPICS, topic(r, "T"), MAX_OFFSET);
    rig_free(r);
}
END_TEST

START_TEST(long_lists_are_cut_by_number_and_by_bytes)
{
    struct rig *r = rig_new(V5);
    struct { char topics[200000], ends[200000]; } *text = xcalloc(1, sizeof(*text));
    size_t t = 0, e = 0;

    for (int i = 0; i < 600; i++) {
        const char *pad = _i == 0 ? "" : "_a_name_as_long_as_anybody_will_choose_to_call_a_topic_and_then_some_more_to_be_sure_of_it";
        t += (size_t)snprintf(text->topics + t, sizeof(text->topics) - t, "T%03d%s:1 ", i, pad);
        e += (size_t)snprintf(text->ends + e, sizeof(text->ends) - e, "T%03d%s:0-%d ", i, pad, i);
    }
    say_topics(r->a, text->topics);
    say_ends(r->a, text->ends);
    say_offsets(r->a, "", NULL);
    free(text);
    rig_open(r, 60000);
    good_look(r);
    say_log(r->a, 2000, 0);
    good_look(r);
    ck_assert_int_eq(asked(r, RMQ_GET_CONSUME_STATS), 3);
    ck_assert_int_eq(asked(r, RMQ_GET_TOPIC_STATS_INFO), 0);
    ck_assert_str_eq(broker_saw(r->a, RMQ_GET_CONSUME_STATS, "consumerGroup"), "mqpush_probe");
    rig_free(r);
}
END_TEST

START_TEST(a_new_topic_is_found_in_the_look_that_shows_its_offsets)
{
    struct rig *r = rig_simple(V5);

    rig_set(r, "slow_interval", "1s");
    rig_open(r, 1000);
    good_look(r);
    ck_assert_int_eq(usleep(150000), 0); /* an inventory is refreshed at most each tenth of slow_interval */
    say_topics(r->a, "T:2 N:1");
    say_offsets(r->a, "T@G:90,90 N@G:1", NULL);
    say_ends(r->a, "T:0-100,0-100 N:0-4");
    say_log(r->a, 2000, 0);
    good_look(r);
    expect_backlog(r, "G", "N", 3, 3, 1);
    ck_assert_int_eq(usleep(150000), 0);
    say_topics(r->a, "T:2"); /* and one that is deleted is gone */
    say_offsets(r->a, "T@G:90,90", NULL);
    good_look(r);
    ck_assert_int_eq(find(r, TABLE_BACKLOGS, "topic", "N", NULL, NULL), -1);
    ck_assert_int_eq(find(r, TABLE_TOPICS, "topic", "N", NULL, NULL), -1);
    rig_free(r);
}
END_TEST

START_TEST(a_topic_made_again_is_read_from_its_new_start)
{
    struct rig *r = rig_simple(V5);

    say_ends(r->a, "T:80-100,80-100");
    rig_open(r, 60000);
    good_look(r);
    say_log(r->a, 2000, 0);
    say_ends(r->a, "T:0-5,0-0");
    say_offsets(r->a, "T@G:0,0", NULL);
    good_look(r);
    ck_assert_int_eq(asked(r, RMQ_GET_TOPIC_STATS_INFO), 1);
    expect_backlog(r, "G", "T", 5, 5, 1);
    EXPECT_ABSENT(r, TOPICS, topic(r, "T"), IN_RATE);
    EXPECT_ABSENT(r, BACKLOGS, backlog(r, "G", "T"), OUT_RATE);
    rig_free(r);
}
END_TEST

START_TEST(starts_that_matter_are_refreshed_when_the_log_loses_its_oldest_part)
{
    struct rig *r = rig_new(V5);

    say_topics(r->a, "T:1");
    say_offsets(r->a, "T@G:0", NULL);
    say_ends(r->a, "T:0-100");
    rig_open(r, 60000);
    good_look(r);
    expect_backlog(r, "G", "T", 100, 100, 1);
    say_ends(r->a, "T:40-100");
    say_log_from(r->a, 500, 1000, 0, 1700000000000);
    good_look(r);
    good_look(r); /* one look later, because the broker's clean-up follows the log */
    expect_backlog(r, "G", "T", 60, 100, 1);
    EXPECT_INT(r, BACKLOGS, backlog(r, "G", "T"), LOST, 40);
    rig_free(r);
}
END_TEST

START_TEST(rates_come_from_offsets)
{
    struct rig *r = rig_simple(_i == 0 ? V4 : V5);

    rig_open(r, 60000);
    good_look(r);
    EXPECT_ABSENT(r, TOPICS, topic(r, "T"), IN_RATE);
    EXPECT_ABSENT(r, BACKLOGS, backlog(r, "G", "T"), OUT_RATE);
    int64_t began_ns = clock_now_ns();
    ck_assert_int_eq(usleep(300000), 0);
    say_log(r->a, 2000, 0);
    say_ends(r->a, "T:0-400,0-100");
    say_offsets(r->a, "T@G:190,140", NULL);
    good_look(r);
    double most = 1.0 / 0.3, least = 1e9 / (double)(clock_now_ns() - began_ns + 200 * NS_PER_MS);
    double in = batch_real(r->batch, TABLE_TOPICS, topic(r, "T"), TOPICS_IN_RATE);
    double out = batch_real(r->batch, TABLE_BACKLOGS, backlog(r, "G", "T"), BACKLOGS_OUT_RATE);
    ck_assert_msg(in <= 300 * most && in >= 300 * least, "in %g", in);
    ck_assert_msg(out <= 150 * most && out >= 150 * least, "out %g", out);
    rig_free(r);
}
END_TEST

START_TEST(slow_lanes_keep_their_budget)
{
    struct rig *r = rig_new(V5);
    char groups[4000] = "", offsets[8000] = "";

    for (int i = 0; i < 100; i++) {
        snprintf(groups + strlen(groups), 16, "G%02d ", i);
        snprintf(offsets + strlen(offsets), 16, "T@G%02d:1 ", i);
    }
    say_groups(r->a, groups);
    say_topics(r->a, "T:1");
    say_offsets(r->a, offsets, NULL);
    say_ends(r->a, "T:0-9");
    say_no(r->a, RMQ_GET_CONSUMER_CONNECTION_LIST, RMQ_RESPONSE_CONSUMER_NOT_ONLINE, "not online");
    rig_set(r, "slow_requests", "7");
    rig_set(r, "slow_interval", "1s");
    rig_set(r, "clients_interval", "1s");
    rig_open(r, 1000);
    good_look(r);
    ck_assert_int_eq(asked(r, RMQ_GET_CONSUMER_CONNECTION_LIST), 100); /* the first look asks for all */
    ck_assert_int_eq(usleep(1100000), 0);
    for (int i = 0; i < 5; i++) {
        say_log(r->a, 2000 + i, 0);
        good_look(r);
        ck_assert_msg(requests(r) <= 4 + 7, "%lld requests", (long long)requests(r));
        ck_assert_int_ge(asked(r, RMQ_GET_CONSUMER_CONNECTION_LIST), 4);
    }
    ck_assert_int_eq(broker_requests(r->a, RMQ_GET_CONSUMER_CONNECTION_LIST) >= 125, 1);
    rig_free(r);
}
END_TEST

START_TEST(a_client_that_left_is_noticed_by_its_producer)
{
    struct rig *r = rig_new(V5);

    say_groups(r->a, "G H I J K");
    say_topics(r->a, "T:1");
    say_offsets(r->a, "T@G:1 T@H:1 T@I:1 T@J:1 T@K:1", NULL);
    say_ends(r->a, "T:0-1");
    for (int i = 0; i < 5; i++)
        say_clients(r->a, (const char *[]){ "G", "H", "I", "J", "K" }[i], i == 3 ? "gone@1" : "stays@2", "CLUSTERING");
    say_producers(r->a, "CLIENT_INNER_PRODUCER:gone@1,stays@2 PG:stays@2");
    rig_set(r, "slow_requests", "1");
    rig_set(r, "clients_interval", "1s");
    rig_open(r, 1000);
    good_look(r);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_PRODUCERS), 1);
    EXPECT_INT(r, PRODUCERS, 0, CLIENTS, 1);
    EXPECT_INT(r, GROUPS, group(r, "J"), MEMBERS, 1);
    say_producers(r->a, "CLIENT_INNER_PRODUCER:stays@2");
    say_clients(r->a, "J", NULL, NULL);
    ck_assert_int_eq(usleep(1100000), 0);
    say_log(r->a, 2000, 0);
    good_look(r); /* one request: 328 */
    EXPECT_INT(r, GROUPS, group(r, "J"), MEMBERS, 0);
    say_log(r->a, 2001, 0);
    say_clients(r->a, "J", "new@3", "CLUSTERING");
    good_look(r); /* one request: 203 of J, before all others */
    EXPECT_INT(r, GROUPS, group(r, "J"), MEMBERS, 1);
    EXPECT_INT(r, GROUPS, group(r, "G"), MEMBERS, 1);
    rig_free(r);
}
END_TEST

START_TEST(clients_are_sought_on_every_broker_that_may_know_them)
{
    struct rig *r = rig_simple(V5);

    rig_add_broker(r, V5);
    say_topics(r->b, "T:1");
    say_offsets(r->b, "T@G:1", NULL);
    say_ends(r->b, "T:0-1");
    say_clients(_i == 0 ? r->a : r->b, "G", "10.0.0.9@5", "CLUSTERING"); /* the other says 206 */
    rig_open(r, 60000);
    good_look(r);
    EXPECT_INT(r, GROUPS, group(r, "G"), MEMBERS, 1);
    rig_free(r);
}
END_TEST

static void expect_inventory_asked(struct rig *r, int times)
{
    static const int codes[] = { RMQ_GET_ALL_TOPIC_CONFIG, RMQ_GET_ALL_SUBSCRIPTIONGROUP_CONFIG, RMQ_GET_CONSUMER_CONNECTION_LIST,
                                 RMQ_GET_ALL_PRODUCER_INFO };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        ck_assert_int_eq(asked(r, codes[i]), times);
}

START_TEST(a_single_look_asks_for_everything_and_the_next_of_a_row_for_what_can_have_changed)
{
    struct rig *r = rig_simple(V5);

    rig_open(r, 0);
    good_look(r);
    expect_inventory_asked(r, 1);
    good_look(r);
    expect_inventory_asked(r, 0);
    ck_assert_int_eq(asked(r, RMQ_GET_ALL_CONSUMER_OFFSET), 1);
    expect_backlog(r, "G", "T", 20, 20, 1);
    rig_free(r);
}
END_TEST

/* ---- faults ------------------------------------------------------------------------------------------------------ */

START_TEST(a_broker_that_went_down_is_shown_down_and_its_part_is_missing)
{
    struct rig *r = rig_simple(V5);

    rig_add_broker(r, V5);
    say_topics(r->b, "T:1");
    say_offsets(r->b, "T@G:1", NULL);
    say_ends(r->b, "T:0-1000");
    rig_open(r, 60000);
    good_look(r);
    expect_backlog(r, "G", "T", 20 + 999, 20 + 999, 1);
    char *spec = xasprintf("c1/broker-a:0=%s", broker_address(r->a));
    if (_i == 0) /* the name server has noticed, too */
        say_brokers(r->ns, spec);
    free(spec);
    char *gone = xstrdup(broker_address(r->b));
    broker_stop(r->b);
    r->b = NULL;
    for (int i = 0; i < 2; i++) {
        say_log(r->a, 2000 + i, 0);
        look(r);
        ck_assert_int_eq(r->result, SOURCE_SOME);
        ck_assert_msg(strstr(r->err.msg, gone) != NULL, "%s", r->err.msg);
        uint32_t row = must_find(r, TABLE_BROKERS, "broker", "broker-b", NULL, NULL);
        EXPECT_INT(r, BROKERS, row, UP, 0);
        EXPECT_TEXT(r, BROKERS, row, ADDRESS, gone);
        EXPECT_INT(r, BROKERS, must_find(r, TABLE_BROKERS, "broker", "broker-a", NULL, NULL), UP, 1);
        expect_backlog(r, "G", "T", 20, 20, 0);
        EXPECT_INT(r, GROUPS, group(r, "G"), COMPLETE, 0);
        uint32_t scrape = must_find(r, TABLE_SCRAPES, "target", gone, NULL, NULL);
        EXPECT_INT(r, SCRAPES, scrape, OK, 0);
        EXPECT_TEXT(r, SCRAPES, scrape, ERROR, "system");
    }
    free(gone);
    rig_free(r);
}
END_TEST

START_TEST(a_broker_never_seen_leaves_sums_incomplete)
{
    struct rig *r = rig_simple(V5);
    char dead[32];

    char *spec = xasprintf("c1/broker-a:0=%s c1/broker-b:0=%s", broker_address(r->a), broker_dead_address(dead));
    say_brokers(r->ns, spec);
    free(spec);
    rig_open(r, 60000);
    look(r);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    expect_backlog(r, "G", "T", 20, 20, 0);
    EXPECT_INT(r, GROUPS, group(r, "G"), COMPLETE, 0);
    rig_free(r);
}
END_TEST

/* It answers 43, and is gone before its topics are known: nothing of what it committed can be counted. */
START_TEST(a_broker_without_its_list_of_topics_leaves_sums_incomplete)
{
    struct rig *r = rig_simple(V5);

    rig_add_broker(r, V5);
    say_topics(r->b, "T:1");
    say_offsets(r->b, "T@G:1", NULL);
    say_ends(r->b, "T:0-1000");
    broker_always(r->b, RMQ_GET_ALL_TOPIC_CONFIG);
    broker_close(r->b, 9);
    rig_open(r, 60000);
    look(r);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    expect_backlog(r, "G", "T", 20, 20, 0);
    EXPECT_INT(r, GROUPS, group(r, "G"), COMPLETE, 0);
    rig_free(r);
}
END_TEST

START_TEST(a_broker_is_forgotten_after_a_while)
{
    struct rig *r = rig_simple(V5);

    rig_add_broker(r, V5);
    say_topics(r->b, "T:1");
    say_offsets(r->b, "T@G:1", NULL);
    say_ends(r->b, "T:0-1000");
    rig_set(r, "forget_after", "1s");
    rig_open(r, 60000);
    good_look(r);
    char *spec = xasprintf("c1/broker-a:0=%s", broker_address(r->a));
    say_brokers(r->ns, spec);
    free(spec);
    good_look(r); /* not listed, but there */
    expect_backlog(r, "G", "T", 20 + 999, 20 + 999, 1);
    ck_assert_int_eq(usleep(1100000), 0);
    good_look(r);
    expect_backlog(r, "G", "T", 20, 20, 1);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_BROKERS), 1);
    rig_free(r);
}
END_TEST

START_TEST(a_broker_with_a_new_name_is_not_two)
{
    struct rig *r = rig_simple(V5);

    rig_open(r, 60000);
    good_look(r);
    char *spec = xasprintf("%s:0=%s", _i == 0 ? "c1/broker-x" : "c2/broker-a", broker_address(r->a));
    say_brokers(r->ns, spec);
    free(spec);
    good_look(r);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_BROKERS), 1);
    expect_backlog(r, "G", "T", 20, 20, 1);
    rig_free(r);
}
END_TEST

START_TEST(an_empty_name_server_wipes_out_nothing)
{
    struct rig *r = rig_simple(V5);

    rig_open(r, 60000);
    good_look(r);
    say_brokers(r->ns, "");
    good_look(r);
    expect_backlog(r, "G", "T", 20, 20, 1);
    uint32_t row = must_find(r, TABLE_SCRAPES, "kind", "nameserver", NULL, NULL);
    EXPECT_INT(r, SCRAPES, row, OK, 1);
    ck_assert(strstr(batch_text(r->batch, TABLE_SCRAPES, row, SCRAPES_DETAIL), "lists no broker") != NULL);
    rig_free(r);
}
END_TEST

START_TEST(an_empty_name_server_at_the_start_is_nothing_with_a_reason)
{
    struct rig *r = rig_new(V5);

    say_brokers(r->ns, "");
    rig_open(r, 60000);
    look(r);
    ck_assert_int_eq(r->result, SOURCE_NOTHING);
    ck_assert(strstr(r->err.msg, "lists no broker") != NULL);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_SCRAPES), 1);
    rig_free(r);
}
END_TEST

START_TEST(the_next_name_server_is_asked)
{
    struct rig *r = rig_simple(V5);
    struct broker *other = broker_start();
    const struct source_env env = { .name = "prod", .interval_ms = 60000 };
    char dead[32];

    if (_i == 1)
        say_brokers(other, "");
    char *list = xasprintf("%s; %s", _i == 0 ? broker_dead_address(dead) : broker_address(other), broker_address(r->ns));
    rig_set(r, "namesrv", list);
    ck_assert_int_eq(rocketmq_source.open(r->self, &env, &r->err), 0);
    look(r);
    ck_assert_int_eq(r->result, _i == 0 ? SOURCE_SOME : SOURCE_ALL);
    expect_backlog(r, "G", "T", 20, 20, 1);
    look(r); /* it stays with the one that answered; the other is asked, too, until they agree */
    ck_assert_int_eq(r->result, _i == 0 ? SOURCE_SOME : SOURCE_ALL);
    ck_assert_int_eq(asked(r, RMQ_GET_BROKER_CLUSTER_INFO), _i == 0 ? 1 : 2);
    rig_free(r);
    free(list);
    broker_stop(other);
}
END_TEST

START_TEST(a_slave_stands_in_for_its_master)
{
    struct rig *r = rig_simple(V4);

    rig_add_broker(r, V4); /* the second one becomes the slave */
    say_topics(r->b, "T:2");
    say_offsets(r->b, "T@G:80,90", NULL);
    say_ends(r->b, _i == 0 ? "T:0-100,0-100" : "T:0-70,0-100"); /* the second time it is behind its master */
    char *both = xasprintf("c1/broker-a:0=%s,1=%s", broker_address(r->a), broker_address(r->b));
    char *slave = xasprintf("c1/broker-a:1=%s", broker_address(r->b));
    say_brokers(r->ns, both);
    rig_open(r, 60000);
    good_look(r);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_BROKERS), 2);
    expect_backlog(r, "G", "T", 20, 20, 1);
    ck_assert_int_eq(broker_requests(r->b, -1), 1); /* 28, and no more */
    say_brokers(r->ns, slave);
    broker_hang_up(r->a);
    broker_drop_all(r->a);
    for (int i = 0; i < 2; i++) {
        look(r);
        EXPECT_INT(r, BROKERS, must_find(r, TABLE_BROKERS, "broker_id", "0", NULL, NULL), UP, 0);
        EXPECT_INT(r, BROKERS, must_find(r, TABLE_BROKERS, "broker_id", "1", NULL, NULL), UP, 1);
        if (_i == 0)
            expect_backlog(r, "G", "T", 30, 30, 1);
        else
            expect_backlog(r, "G", "T", 10, 0, 0); /* messages that only the master has are not known to be consumed */
        say_log(r->b, 3000 + i, 0);
    }
    rig_free(r);
    free(both);
    free(slave);
}
END_TEST

START_TEST(a_slave_of_5_5_has_no_offsets_and_that_is_not_zero)
{
    struct rig *r = rig_simple(WIRE_V5_5_0);

    rig_add_broker(r, WIRE_V5_5_0);
    say_topics(r->b, "T:2");
    say_offsets(r->b, "", NULL);
    say_ends(r->b, "T:0-100,0-100");
    char *both = xasprintf("c1/broker-a:0=%s,1=%s", broker_address(r->a), broker_address(r->b));
    char *slave = xasprintf("c1/broker-a:1=%s", broker_address(r->b));
    say_brokers(r->ns, both);
    rig_open(r, 60000);
    good_look(r);
    say_brokers(r->ns, slave);
    broker_hang_up(r->a);
    broker_drop_all(r->a);
    look(r);
    EXPECT_ABSENT(r, BACKLOGS, backlog(r, "G", "T"), LAG);
    EXPECT_INT(r, BACKLOGS, backlog(r, "G", "T"), COMPLETE, 0);
    EXPECT_INT(r, GROUPS, group(r, "G"), COMPLETE, 0);
    EXPECT_INT(r, TOPICS, topic(r, "T"), MAX_OFFSET, 200);
    rig_free(r);
    free(both);
    free(slave);
}
END_TEST

static const int codes_of_a_look[] = {
    RMQ_GET_BROKER_CLUSTER_INFO, RMQ_GET_ALL_CONSUMER_OFFSET, RMQ_GET_BROKER_RUNTIME_INFO, RMQ_GET_ALL_TOPIC_CONFIG,
    RMQ_GET_ALL_SUBSCRIPTIONGROUP_CONFIG, RMQ_GET_TOPIC_STATS_INFO, RMQ_GET_CONSUME_STATS, RMQ_GET_CONSUMER_CONNECTION_LIST,
    RMQ_GET_ALL_PRODUCER_INFO,
};
#define CODES (int)(sizeof(codes_of_a_look) / sizeof(codes_of_a_look[0]))
#define MANNERS 9

static void misbehave(struct broker *b, int code, int manner)
{
    broker_always(b, code);
    switch (manner) {
    case 0: broker_close(b, 9); break;
    case 1: broker_reset(b); break;
    case 2: broker_garbage(b); break;
    case 3: broker_oversize(b, 0x7fffffff); break;
    case 4: broker_reply_code(b, 1, "java.util.NoSuchElementException, java.util.LinkedList.getLast"); break;
    case 5: broker_reply_body(b, "{\"offsetTable\":{\"T@G\":{0:1,"); break; /* breaks off */
    case 6: broker_reply_body(b, ""); break;
    case 7: broker_wrong_id(b); break;
    default: broker_reply_code(b, RMQ_RESPONSE_SYSTEM_BUSY, "[OVERLOAD]system busy"); break;
    }
}

START_TEST(whatever_goes_wrong_nothing_is_shown_as_zero)
{
    struct rig *r = rig_simple(_i % 2 == 0 ? V4 : V5);
    int code = codes_of_a_look[_i / 2 % CODES], manner = _i / 2 / CODES;
    bool from_the_start = manner % 2 == 0;

    say_topics(r->a, "T:2 %DLQ%G:1");
    say_ends(r->a, "T:0-100,0-100 %DLQ%G:0-3");
    rig_set(r, "request_timeout", manner == 7 ? "150ms" : "3s");
    rig_open(r, 60000);
    if (!from_the_start)
        for (int i = 0; i == 0 || r->result != SOURCE_ALL; i++) { /* a busy machine may need more than 150 ms */
            ck_assert_int_lt(i, 50);
            look(r);
        }
    misbehave(code == RMQ_GET_BROKER_CLUSTER_INFO ? r->ns : r->a, code, manner);
    for (int i = 0; i < 3; i++) {
        say_log(r->a, 2000 + i, 0);
        if (code == RMQ_GET_BROKER_RUNTIME_INFO)
            misbehave(r->a, code, manner);
        look(r);
        for (uint32_t row = 0; row < batch_rows(r->batch, TABLE_BACKLOGS); row++) {
            int64_t diff = batch_int(r->batch, TABLE_BACKLOGS, row, BACKLOGS_DIFF);
            bool is_complete = batch_int(r->batch, TABLE_BACKLOGS, row, BACKLOGS_COMPLETE) == 1;
            bool is_dlq = row_has(r, TABLE_BACKLOGS, row, "kind", "dlq");
            ck_assert_msg(!is_complete || diff == (is_dlq ? 3 : 20), "%s, manner %d, look %d: diff %lld", rmq_code_name(code), manner,
                          i, (long long)diff);
            ck_assert_msg(diff != 0, "%s, manner %d", rmq_code_name(code), manner);
        }
        if (batch_rows(r->batch, TABLE_GROUPS) > 0)
            ck_assert_int_ne(batch_int(r->batch, TABLE_GROUPS, 0, GROUPS_LAG), 0);
        ck_assert(r->result == SOURCE_ALL || r->err.msg[0] != '\0');
    }
    rig_free(r);
}
END_TEST

/* Two answers have changed places on their way. */
START_TEST(an_answer_about_another_topic_is_no_answer)
{
    struct rig *r = rig_simple(V4);

    broker_always(r->a, RMQ_GET_TOPIC_STATS_INFO);
    broker_reply_body(r->a, "{\"offsetTable\":{{\"brokerName\":\"broker-a\",\"queueId\":0,\"topic\":\"U\"}:{\"lastUpdateTimestamp\":0,"
                            "\"maxOffset\":7000,\"minOffset\":0},{\"brokerName\":\"broker-a\",\"queueId\":1,\"topic\":\"U\"}:"
                            "{\"lastUpdateTimestamp\":0,\"maxOffset\":7000,\"minOffset\":0}}}");
    rig_open(r, 60000);
    look(r);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    ck_assert_msg(strstr(r->err.msg, "about another topic") != NULL, "%s", r->err.msg);
    EXPECT_ABSENT(r, BACKLOGS, backlog(r, "G", "T"), LAG);
    EXPECT_INT(r, BACKLOGS, backlog(r, "G", "T"), COMPLETE, 0);
    say_ends(r->a, "T:0-100,0-100");
    good_look(r); /* it does not rest as one that was refused */
    expect_backlog(r, "G", "T", 20, 20, 1);
    rig_free(r);
}
END_TEST

START_TEST(a_broker_that_hangs_costs_its_timeout_and_no_more)
{
    struct rig *r = rig_simple(V5);

    rig_add_broker(r, V5);
    say_topics(r->b, "T:1");
    say_offsets(r->b, "T@G:1", NULL);
    say_ends(r->b, "T:0-1000");
    rig_set(r, "request_timeout", "200ms");
    rig_open(r, 60000);
    good_look(r);
    broker_always(r->b, RMQ_GET_ALL_CONSUMER_OFFSET);
    broker_stall(r->b);
    look(r);
    say_log(r->a, 2000, 0);
    int64_t began_ns = clock_now_ns();
    look(r); /* it was silent before: no patience for large answers any more */
    ck_assert_int_lt((clock_now_ns() - began_ns) / NS_PER_MS, 5000);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    expect_backlog(r, "G", "T", 20, 20, 0);
    EXPECT_INT(r, BROKERS, must_find(r, TABLE_BROKERS, "broker", "broker-b", NULL, NULL), UP, 0);
    rig_free(r);
}
END_TEST

START_TEST(a_look_ends_by_its_deadline_or_when_told)
{
    struct rig *r = rig_simple(V5);
    int cancel_fd = eventfd(_i, 0); /* readable from the start, or never */

    rig_set(r, "request_timeout", "60s");
    broker_always(r->a, RMQ_GET_BROKER_RUNTIME_INFO);
    broker_stall(r->a);
    rig_open(r, 60000);
    int64_t began_ns = clock_now_ns();
    look_until(r, _i == 0 ? 400 : 60000, cancel_fd);
    ck_assert_int_lt((clock_now_ns() - began_ns) / NS_PER_MS, 5000);
    ck_assert_int_ne(r->result, SOURCE_ALL);
    ck_assert_int_eq(r->err.kind, _i == 0 ? ERR_TIMEOUT : ERR_CANCELED);
    close(cancel_fd);
    rig_free(r);
}
END_TEST

START_TEST(a_broker_in_its_first_seconds_is_up)
{
    struct rig *r = rig_simple(V5);

    say_no(r->a, RMQ_GET_BROKER_RUNTIME_INFO, 1, "java.util.NoSuchElementException, java.util.LinkedList.getLast");
    rig_open(r, 60000);
    look(r);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    uint32_t row = must_find(r, TABLE_BROKERS, "broker", "broker-a", NULL, NULL);
    EXPECT_INT(r, BROKERS, row, UP, 1);
    EXPECT_ABSENT(r, BROKERS, row, BOOT_TIMESTAMP);
    EXPECT_TEXT(r, BROKERS, row, VERSION, "5.3.3");
    expect_backlog(r, "G", "T", 20, 20, 1);
    rig_free(r);
}
END_TEST

START_TEST(what_it_cost_is_told)
{
    struct rig *r = rig_simple(V5);

    rig_open(r, 60000);
    good_look(r);
    good_look(r);
    uint32_t row = must_find(r, TABLE_SCRAPES, "target", broker_address(r->a), NULL, NULL);
    EXPECT_INT(r, SCRAPES, row, REQUESTS, 3);
    EXPECT_INT(r, SCRAPES, row, FAILED, 0);
    EXPECT_INT(r, SCRAPES, row, OK, 1);
    EXPECT_ABSENT(r, SCRAPES, row, ERROR);
    ck_assert_int_gt(batch_int(r->batch, TABLE_SCRAPES, row, SCRAPES_BYTES), 100);
    ck_assert(batch_real(r->batch, TABLE_SCRAPES, row, SCRAPES_DURATION_MS) > 0);
    row = must_find(r, TABLE_REQUESTS, "target", broker_address(r->a), "code", "43");
    EXPECT_INT(r, REQUESTS, row, TOTAL, 2);
    EXPECT_INT(r, REQUESTS, row, IN_INTERVAL, 1);
    rig_free(r);
}
END_TEST

START_TEST(names_of_every_kind_come_through)
{
    struct rig *r = rig_new(_i == 0 ? V4 : V5);

    say_groups(r->a, "G_中文 G|p%q");
    say_clients(r->a, "G_中文", NULL, NULL);
    say_clients(r->a, "G|p%q", NULL, NULL);
    say_topics(r->a, "T_中文_订单:1 T;with;semicolons:1 T_\\\"quoted\\\":1");
    say_offsets(r->a, "T_中文_订单@G_中文:1 T;with;semicolons@G|p%q:2", NULL);
    say_ends(r->a, "T_中文_订单:0-5 T;with;semicolons:0-7 T_\"quoted\":0-0");
    broker_always(r->a, RMQ_GET_TOPIC_STATS_INFO);
    broker_when(r->a, "topic", "T_\"quoted\"");
    broker_reply_body(r->a, "{\"offsetTable\":{{\"brokerName\":\"broker-a\",\"queueId\":0,\"topic\":\"T_\\\"quoted\\\"\"}:"
                            "{\"maxOffset\":3,\"minOffset\":1}}}");
    broker_always(r->a, RMQ_GET_CONSUME_STATS);
    broker_reply_body(r->a, "{\"offsetTable\":{"
                            "{\"brokerName\":\"broker-a\",\"queueId\":0,\"topic\":\"T_中文_订单\"}:{\"brokerOffset\":5},"
                            "{\"brokerName\":\"broker-a\",\"queueId\":0,\"topic\":\"T_\\\"quoted\\\"\"}:{\"brokerOffset\":3}}}");
    rig_open(r, 60000);
    for (int i = 0; i < 2; i++) {
        good_look(r);
        expect_backlog(r, "G_中文", "T_中文_订单", 4, 4, 1);
        expect_backlog(r, "G|p%q", "T;with;semicolons", 5, 5, 1);
        EXPECT_INT(r, TOPICS, topic(r, "T_\"quoted\""), STORED, 2);
        say_log(r->a, 2000, 0);
    }
    rig_free(r);
}
END_TEST

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

static void collect_word(void *ctx, bool ok, const char *target, const char *detail)
{
    char *text = ctx;

    snprintf(text + strlen(text), 1000 - strlen(text), "%s %s: %s\n", ok ? "ok" : "NO", target, detail);
}

START_TEST(probe_says_what_it_reached)
{
    struct rig *r = rig_simple(V5);
    char said[1000] = "", dead[32];

    char *spec = xasprintf("c1/broker-a:0=%s c1/broker-b:0=%s", broker_address(r->a), broker_dead_address(dead));
    say_brokers(r->ns, spec);
    free(spec);
    rig_open(r, 60000);
    ck_assert_int_eq(rocketmq_source.probe(r->self, clock_now_ns() + 5 * NS_PER_S, collect_word, said, &r->err), -1);
    ck_assert_msg(strstr(said, "name server, lists 2 broker names") != NULL, "%s", said);
    ck_assert_msg(strstr(said, "broker-a of cluster c1, id 0, RocketMQ 5.3.3") != NULL, "%s", said);
    ck_assert_msg(strstr(said, "NO 127.0.0.1") != NULL && strstr(said, "refused") != NULL, "%s", said);
    rig_free(r);
}
END_TEST

START_TEST(a_bad_list_of_name_servers_is_refused)
{
    static const char *const lists[] = { "", " ; ", "h:", ":9876", "h:0", "h:99999", "h:12x", "[::1", "h:1;;h:x" };
    struct rig *r = rig_new(V5);
    const struct source_env env = { .name = "prod", .interval_ms = 60000 };

    rig_set(r, "namesrv", lists[_i]);
    ck_assert_msg(rocketmq_source.open(r->self, &env, &r->err) < 0, "\"%s\"", lists[_i]);
    ck_assert_int_eq(r->err.kind, ERR_CONFIG);
    rig_free(r); /* close works after a failed open */
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("rocketmq collect");
    TCase *c = unit_case(s, "backlog");

    tcase_add_loop_test(c, backlog_is_counted_by_the_book, 0, 2);
    tcase_add_test(c, two_brokers_are_summed_and_keep_their_shares);
    tcase_add_test(c, what_was_deleted_is_not_shown);
    tcase_add_loop_test(c, retries_without_an_offset_count_from_the_start, 0, 2);
    tcase_add_test(c, retry_topics_of_pop_belong_to_their_group);
    tcase_add_loop_test(c, broadcast_lag_is_that_of_the_slowest_where_the_broker_tells_and_absent_where_not, 0, 2);
    tcase_add_test(c, a_group_that_never_committed_has_no_lag);
    tcase_add_loop_test(c, inflight_is_told_for_groups_that_are_online, 0, 2);
    tcase_add_loop_test(c, system_groups_show_only_when_wanted, 0, 2);
    c = unit_case(s, "requests");
    tcase_add_loop_test(c, an_idle_broker_costs_three_requests, 0, 2);
    tcase_add_loop_test(c, what_is_written_is_seen_in_the_next_look, 0, 2);
    tcase_add_test(c, while_messages_wait_for_dispatch_ends_are_read_again);
    tcase_add_test(c, a_restarted_broker_is_read_again);
    tcase_add_test(c, offsets_are_asked_before_the_log_and_the_log_before_ends);
    tcase_add_loop_test(c, a_queue_that_208_leaves_out_is_asked_for_alone, 0, 3);
    tcase_add_test(c, a_queue_nobody_tells_about_is_not_zero);
    tcase_add_loop_test(c, long_lists_are_cut_by_number_and_by_bytes, 0, 2);
    tcase_add_test(c, a_new_topic_is_found_in_the_look_that_shows_its_offsets);
    tcase_add_test(c, a_topic_made_again_is_read_from_its_new_start);
    tcase_add_test(c, starts_that_matter_are_refreshed_when_the_log_loses_its_oldest_part);
    tcase_add_loop_test(c, rates_come_from_offsets, 0, 2);
    tcase_add_test(c, slow_lanes_keep_their_budget);
    tcase_add_test(c, a_client_that_left_is_noticed_by_its_producer);
    tcase_add_loop_test(c, clients_are_sought_on_every_broker_that_may_know_them, 0, 2);
    tcase_add_test(c, a_single_look_asks_for_everything_and_the_next_of_a_row_for_what_can_have_changed);
    c = unit_case(s, "faults");
    tcase_add_loop_test(c, a_broker_that_went_down_is_shown_down_and_its_part_is_missing, 0, 2);
    tcase_add_test(c, a_broker_never_seen_leaves_sums_incomplete);
    tcase_add_test(c, a_broker_without_its_list_of_topics_leaves_sums_incomplete);
    tcase_add_test(c, a_broker_is_forgotten_after_a_while);
    tcase_add_loop_test(c, a_broker_with_a_new_name_is_not_two, 0, 2);
    tcase_add_test(c, an_empty_name_server_wipes_out_nothing);
    tcase_add_test(c, an_empty_name_server_at_the_start_is_nothing_with_a_reason);
    tcase_add_loop_test(c, the_next_name_server_is_asked, 0, 2);
    tcase_add_loop_test(c, a_slave_stands_in_for_its_master, 0, 2);
    tcase_add_test(c, a_slave_of_5_5_has_no_offsets_and_that_is_not_zero);
    tcase_add_loop_test(c, whatever_goes_wrong_nothing_is_shown_as_zero, 0, 2 * CODES * MANNERS);
    tcase_add_test(c, an_answer_about_another_topic_is_no_answer);
    tcase_add_test(c, a_broker_that_hangs_costs_its_timeout_and_no_more);
    tcase_add_loop_test(c, a_look_ends_by_its_deadline_or_when_told, 0, 2);
    tcase_add_test(c, a_broker_in_its_first_seconds_is_up);
    tcase_add_test(c, what_it_cost_is_told);
    tcase_add_loop_test(c, names_of_every_kind_come_through, 0, 2);
    c = unit_case(s, "rest");
    tcase_add_test(c, probe_says_what_it_reached);
    tcase_add_loop_test(c, a_bad_list_of_name_servers_is_refused, 0, 9);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
