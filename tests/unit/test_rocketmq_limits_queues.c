/* test_rocketmq_limits_queues.c - queues, their ends and offsets, their rows, and delay levels for which there is no room. */
#include "agent/source/rocketmq/runtime.h"
#include "tests/unit/test_rocketmq_limits_seen.h"

/* ---- queues ------------------------------------------------------------------------------------------------------ */

START_TEST(queues_of_a_topic_too_many_are_said)
{
    unsigned queues = BODY_QUEUES_MAX + (unsigned)_i;
    struct err err = { .kind = ERR_NONE };

    say_offsets("\"t@g\":{0:1}");
    say_topics("t", queues);
    say_groups("g");
    ck_assert_msg(say_ends("t", queues, 9, &err) == 0, "%s", err.msg);
    make_rows();
    expect_words(_i == 0 ? NULL : "left out: 1 queue beyond BODY_QUEUES_MAX");
    expect_backlog("g", "t", _i == 0);
    expect_group("g", _i == 0);
    expect_sum("topic", "topic", "t", _i == 0);
    int64_t row = row_of(TABLE_TOPICS, "topic", "t", NULL, NULL);
    ck_assert_int_eq(value_of(TABLE_TOPICS, row, "queues"), _i == 0 ? BODY_QUEUES_MAX : NO_INT);
    ck_assert_int_eq(value_of(TABLE_TOPICS, row, "max_offset"), _i == 0 ? 9LL * BODY_QUEUES_MAX : NO_INT);
}
END_TEST

static void fill_ends(uint32_t left)
{
    char name[32];

    for (uint32_t rest = BROKER_QUEUES_MAX - left, some; rest > 0; rest -= some) {
        some = rest < BODY_QUEUES_MAX ? rest : BODY_QUEUES_MAX;
        snprintf(name, sizeof(name), "filler%u", rest);
        ck_assert(broker_set_queues(broker, broker_topic(broker, must_topic(name)), some));
    }
}

START_TEST(queues_of_a_broker_too_many_are_said)
{
    say_offsets("\"t@g\":{0:1,1:1}");
    fill_ends(2 - (uint32_t)_i);
    say_topics("t", 2);
    say_groups("g");
    say_ends("t", 2, 9, NULL);
    make_rows();
    expect_words(_i == 0 ? NULL : "left out: 2 queues beyond BROKER_QUEUES_MAX");
    expect_backlog("g", "t", _i == 0);
    expect_group("g", _i == 0);
}
END_TEST

/* The list said one queue, and the ends are of two. */
START_TEST(a_queue_that_only_its_end_tells_of_is_said_too)
{
    say_offsets("\"t@g\":{0:1}");
    fill_ends(1);
    say_topics("t", 1);
    say_groups("g");
    say_ends("t", 2, 9, NULL);
    make_rows();
    expect_words("left out: 1 queue beyond BROKER_QUEUES_MAX");
    expect_backlog("g", "t", 0);
}
END_TEST

START_TEST(offsets_too_many_are_said)
{
    char key[32];

    for (uint32_t rest = BROKER_QUEUES_MAX - 2 + (uint32_t)_i, some; rest > 0; rest -= some) {
        some = rest < BODY_QUEUES_MAX ? rest : BODY_QUEUES_MAX;
        snprintf(key, sizeof(key), "filler@g%u", rest);
        ck_assert(broker_set_offsets(broker, broker_pair(broker, cluster_pair(cluster, view_of(key))), some));
    }
    say_topics("t", 2);
    say_groups("g");
    say_offsets("\"t@g\":{0:1,1:1}");
    say_ends("t", 2, 9, NULL);
    make_rows();
    expect_words(_i == 0 ? NULL : "left out: 1 offset beyond BROKER_QUEUES_MAX");
    expect_backlog("g", "t", _i == 0);
    expect_group("g", _i == 0);
    ck_assert_int_eq(batch_rows(look.batch, TABLE_SHARES), _i == 0);
}
END_TEST

START_TEST(an_offset_past_the_limit_is_said)
{
    char *offsets = xasprintf("\"t@g\":{0:%lld}", BODY_OFFSET_MAX + _i);

    say_offsets(offsets);
    say_topics("t", 1);
    say_groups("g");
    say_ends("t", 1, BODY_OFFSET_MAX, NULL);
    make_rows();
    expect_words(_i == 0 ? NULL : "left out: 1 offset beyond BODY_OFFSET_MAX");
    expect_backlog("g", "t", _i == 0);
    free(offsets);
}
END_TEST

/* Also one that was known: it does not stand where it stood. Nor is the topic known without a queue that no list has told of. */
START_TEST(an_end_past_the_limit_is_not_known)
{
    struct err err = { .kind = ERR_NONE };

    say_offsets("\"t@g\":{0:1}");
    say_topics("t", 1);
    say_groups("g");
    ck_assert_int_eq(say_ends("t", 1, 9, &err), 0);
    next_look();
    ck_assert_int_eq(say_ends("t", 1, BODY_OFFSET_MAX + _i, &err), -_i);
    ck_assert(_i == 0 || err.kind == ERR_LIMIT);
    ck_assert_int_eq((broker->topics[1].flags & PART_MISSED) != 0, _i);
    next_look();
    buf_reset(&text);
    buf_printf(&text, "{\"offsetTable\":{{\"brokerName\":\"b\",\"queueId\":0,\"topic\":\"t\"}:{\"maxOffset\":9},"
                      "{\"brokerName\":\"b\",\"queueId\":1,\"topic\":\"t\"}:{\"maxOffset\":%lld}}}", BODY_OFFSET_MAX + _i);
    ck_assert_int_eq(learn_topic(broker, 1, body(), now, &err), -_i);
    ck_assert_int_eq((broker->topics[1].flags & PART_MISSED) != 0, _i);
}
END_TEST

/* Four queues, of which the limit leaves room for all, or for three. */
START_TEST(rows_of_queues_have_a_limit)
{
    look.queue_rows = QUEUE_ROWS_MAX - 4 + (uint32_t)_i;
    say_offsets("\"t@g\":{0:1,1:1,2:1,3:1}");
    say_topics("t", 4);
    say_groups("g");
    say_ends("t", 4, 9, NULL);
    make_rows();
    ck_assert_uint_eq(batch_rows(look.batch, TABLE_QUEUES), _i == 0 ? 4 : 0);
    expect_words(_i == 0 ? NULL : "left out: 4 queue rows beyond QUEUE_ROWS_MAX");
    expect_backlog("g", "t", _i == 0);
    expect_group("g", _i == 0);
}
END_TEST

/* Levels that have delivered nothing are left out by the broker; those that we leave out are others. */
START_TEST(delay_levels_too_many_are_said)
{
    struct member *m = broker->leader;
    char key[64];

    say_offsets("");
    say_topics("SCHEDULE_TOPIC_XXXX", DELAY_LEVELS_MAX + (unsigned)_i);
    ck_assert_int_eq(say_ends("SCHEDULE_TOPIC_XXXX", DELAY_LEVELS_MAX + (unsigned)_i, 9, NULL), 0);
    make_rows();
    m->facts = RUNTIME_FACTS_NONE;
    m->facts_at_ns = NS_PER_S;
    for (int level = 1; level <= DELAY_LEVELS_MAX + _i; level++) {
        snprintf(key, sizeof(key), "scheduleMessageOffset_%d", level);
        runtime_take(look.batch, 0, &m->facts, view_of(key), view_of("9,9"));
    }
    make_rows();
    expect_words(_i == 0 ? NULL : "left out: 1 delay level beyond DELAY_LEVELS_MAX");
    ck_assert_uint_eq(batch_rows(look.batch, TABLE_DELAYS), DELAY_LEVELS_MAX);
    ck_assert_int_eq(runtime_delay_delivered(&m->facts), _i == 0 ? 9 * DELAY_LEVELS_MAX : NO_INT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rocketmq limits: queues");
    TCase *c = unit_case(suite, "limits");

    tcase_add_checked_fixture(c, start, stop);
    tcase_add_loop_test(c, queues_of_a_topic_too_many_are_said, 0, 2);
    tcase_add_loop_test(c, queues_of_a_broker_too_many_are_said, 0, 2);
    tcase_add_test(c, a_queue_that_only_its_end_tells_of_is_said_too);
    tcase_add_loop_test(c, offsets_too_many_are_said, 0, 2);
    tcase_add_loop_test(c, an_offset_past_the_limit_is_said, 0, 2);
    tcase_add_loop_test(c, an_end_past_the_limit_is_not_known, 0, 2);
    tcase_add_loop_test(c, rows_of_queues_have_a_limit, 0, 2);
    tcase_add_loop_test(c, delay_levels_too_many_are_said, 0, 2);
    return unit_main(suite);
}
