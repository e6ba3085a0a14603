/* test_rocketmq_ledger.c - topics that are not read because the broker's own count of messages proves that they stood. */
#include "agent/base/buf.h"
#include "tests/fake/rmq_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define TOPICS 20

/* A broker with TOPICS topics that G consumes, one queue each, ten messages behind. */
struct scene {
    struct rig *r;
    int64_t ends[TOPICS], offsets[TOPICS];
    int64_t log, puts;
};

static void say_scene(struct scene *s)
{
    struct buf topics, offsets, ends;

    buf_init(&topics, 0);
    buf_init(&offsets, 0);
    buf_init(&ends, 0);
    for (int i = 0; i < TOPICS; i++) {
        buf_printf(&topics, "T%d:1 ", i);
        buf_printf(&offsets, "T%d@G:%lld ", i, (long long)s->offsets[i]);
        buf_printf(&ends, "T%d:0-%lld ", i, (long long)s->ends[i]);
    }
    buf_putc(&topics, '\0');
    buf_putc(&offsets, '\0');
    buf_putc(&ends, '\0');
    say_topics(s->r->a, topics.data);
    say_offsets(s->r->a, offsets.data, NULL);
    say_ends(s->r->a, ends.data);
    say_puts(s->r->a, s->log, 0, s->puts);
    buf_fini(&topics);
    buf_fini(&offsets);
    buf_fini(&ends);
}

static void store(struct scene *s, int topic, int64_t messages)
{
    s->ends[topic] += messages;
    s->log += messages * 100;
    s->puts += messages;
    say_scene(s);
}

static int64_t read_topics(const struct scene *s)
{
    return asked(s->r, RMQ_GET_TOPIC_STATS_INFO);
}

static void expect_lags(const struct scene *s)
{
    char name[16];

    for (int i = 0; i < TOPICS; i++) {
        snprintf(name, sizeof(name), "T%d", i);
        expect_backlog(s->r, "G", name, s->ends[i] - s->offsets[i], s->ends[i] - s->offsets[i], 1);
    }
}

/* Looked at until the ledger is open: T0 and T1 have moved of late, the others have not. */
static void begin(struct scene *s, int version)
{
    *s = (struct scene){ .r = rig_new(version), .log = 1000, .puts = 500 };
    for (int i = 0; i < TOPICS; i++)
        s->ends[i] = 100, s->offsets[i] = 90;
    say_scene(s);
    rig_set(s->r, "slow_requests", "0");
    rig_open(s->r, 60000);
    good_look(s->r);
    store(s, 0, 1);
    good_look(s->r);
    store(s, 1, 1);
    good_look(s->r);
}

START_TEST(only_likely_topics_are_read_while_the_count_balances)
{
    struct scene s;

    begin(&s, V4);
    for (int i = 0; i < 5; i++) {
        store(&s, i % 2, 1 + i);
        good_look(s.r);
        ck_assert_int_eq(read_topics(&s), 2);
        expect_lags(&s);
    }
    s.offsets[5] += 3; /* its group consumes: it may have moved */
    store(&s, 5, 2);
    good_look(s.r);
    ck_assert_int_eq(read_topics(&s), 3);
    expect_lags(&s);
    rig_free(s.r);
}
END_TEST

START_TEST(a_message_where_nobody_expects_it_is_found_in_the_same_look)
{
    struct scene s;

    begin(&s, V4);
    store(&s, 0, 7);
    store(&s, 13, 1);
    good_look(s.r);
    ck_assert_int_eq(read_topics(&s), TOPICS);
    expect_lags(&s);
    store(&s, 13, 1); /* it is likely from now on */
    good_look(s.r);
    ck_assert_int_eq(read_topics(&s), 3);
    expect_lags(&s);
    rig_free(s.r);
}
END_TEST

/* Doubts: messages on their way into the queues, no count, another boot, a topic that fell. */
START_TEST(any_doubt_has_everything_read)
{
    struct scene s;

    begin(&s, V4);
    store(&s, 0, 1);
    if (_i == 0)
        say_puts(s.r->a, s.log, 100, s.puts);
    else if (_i == 1)
        say_log(s.r->a, s.log, 0);
    else if (_i == 2)
        say_log_from(s.r->a, 0, s.log, 0, 1700000099000);
    else
        store(&s, 1, -50);
    good_look(s.r);
    ck_assert_int_eq(read_topics(&s), TOPICS);
    if (_i < 3)
        expect_lags(&s);
    rig_free(s.r);
}
END_TEST

START_TEST(a_message_that_is_stored_while_we_read_proves_nothing)
{
    struct scene s;

    begin(&s, V4);
    store(&s, 0, 1);
    broker_expect(s.r->a, RMQ_GET_BROKER_RUNTIME_INFO); /* the first 28 does not have it yet */
    char body[200];
    snprintf(body, sizeof(body),
             "{\"table\":{\"bootTimestamp\":\"1700000000000\",\"brokerVersionDesc\":\"V4_9_7\",\"commitLogMaxOffset\":\"%lld\","
             "\"dispatchBehindBytes\":\"0\",\"putMessageTimesTotal\":\"%lld\"}}", (long long)s.log, (long long)s.puts - 1);
    broker_reply_body(s.r->a, body);
    s.puts++; /* and the last has one more that no end shows */
    say_puts(s.r->a, s.log, 0, s.puts);
    good_look(s.r);
    ck_assert_int_eq(read_topics(&s), TOPICS);
    rig_free(s.r);
}
END_TEST

START_TEST(a_broker_that_never_rests_is_left_alone_for_a_while)
{
    struct scene s;
    int64_t counts = 0;

    begin(&s, V4);
    for (int i = 0; i < 12; i++) {
        store(&s, 0, 1);
        s.puts += 5; /* stored where we cannot see it */
        char body[200];
        snprintf(body, sizeof(body),
                 "{\"table\":{\"bootTimestamp\":\"1700000000000\",\"brokerVersionDesc\":\"V4_9_7\",\"commitLogMaxOffset\":\"%lld\","
                 "\"dispatchBehindBytes\":\"0\",\"putMessageTimesTotal\":\"%lld\"}}", (long long)s.log, (long long)s.puts - 5);
        broker_expect(s.r->a, RMQ_GET_BROKER_RUNTIME_INFO);
        broker_reply_body(s.r->a, body);
        say_puts(s.r->a, s.log, 0, s.puts);
        good_look(s.r);
        expect_lags(&s);
        counts += asked(s.r, RMQ_GET_BROKER_RUNTIME_INFO) - 1;
    }
    ck_assert_int_le(counts, 8);
    rig_free(s.r);
}
END_TEST

START_TEST(brokers_of_other_versions_are_asked_as_ever)
{
    static const int versions[] = { WIRE_VERSION(4, 8, 0), WIRE_VERSION(5, 1, 0) };
    struct scene s;

    begin(&s, versions[_i]);
    store(&s, 0, 1);
    good_look(s.r);
    ck_assert_int_eq(read_topics(&s), TOPICS);
    ck_assert_int_eq(asked(s.r, RMQ_GET_BROKER_RUNTIME_INFO), 1);
    rig_free(s.r);
}
END_TEST

START_TEST(an_idle_broker_still_costs_three_requests)
{
    struct scene s;

    begin(&s, V4);
    good_look(s.r);
    good_look(s.r);
    good_look(s.r);
    ck_assert_int_eq(requests(s.r), 3);
    expect_lags(&s);
    store(&s, 17, 4);
    good_look(s.r);
    expect_lags(&s);
    rig_free(s.r);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rocketmq ledger");
    TCase *c = tcase_create("ledger");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, only_likely_topics_are_read_while_the_count_balances);
    tcase_add_test(c, a_message_where_nobody_expects_it_is_found_in_the_same_look);
    tcase_add_loop_test(c, any_doubt_has_everything_read, 0, 4);
    tcase_add_test(c, a_message_that_is_stored_while_we_read_proves_nothing);
    tcase_add_test(c, a_broker_that_never_rests_is_left_alone_for_a_while);
    tcase_add_loop_test(c, brokers_of_other_versions_are_asked_as_ever, 0, 2);
    tcase_add_test(c, an_idle_broker_still_costs_three_requests);
    return unit_main(s);
}
