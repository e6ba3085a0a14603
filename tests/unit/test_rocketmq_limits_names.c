/* test_rocketmq_limits_names.c - brokers, topics, groups and backlogs for which there is no room. */
#include "tests/unit/test_rocketmq_limits_seen.h"

/* ---- names ------------------------------------------------------------------------------------------------------- */

static void fill_topics(uint32_t left)
{
    char name[32];

    for (uint32_t i = cluster->topics.count - 1; i < CLUSTER_TOPICS_MAX - left; i++) {
        snprintf(name, sizeof(name), "filler%u", i);
        must_topic(name);
    }
}

static void fill_groups(uint32_t left)
{
    char name[32];

    for (uint32_t i = cluster->groups.count - 1; i < CLUSTER_GROUPS_MAX - left; i++) {
        snprintf(name, sizeof(name), "filler%u", i);
        ck_assert_uint_ne(cluster_group(cluster, view_of(name)), 0);
    }
}

static void fill_pairs(uint32_t left)
{
    char key[32];

    for (uint32_t i = 0; i < CLUSTER_PAIRS_MAX - left; i++) {
        snprintf(key, sizeof(key), "filler%u@g%u", i >> 10, i & 1023);
        ck_assert_uint_ne(cluster_pair(cluster, view_of(key)), 0);
    }
}

/* Two topics that the group g consumes, of which there may be room for one. */
static void say_two_topics(const char *name)
{
    char *offsets = xasprintf("\"t@g\":{0:1},\"%s@g\":{0:1},\"t@h\":{0:1}", name), *topics = xasprintf("t %s", name);

    say_offsets(offsets);
    say_topics(topics, 1);
    say_groups("g h");
    ck_assert_int_eq(say_ends("t", 1, 9, NULL), 0);
    ck_assert_int_eq(say_ends(name, 1, 9, NULL), 0);
    make_rows();
    free(offsets);
    free(topics);
}

/* Filling names takes a while: at the limit, and then one past it. */
START_TEST(a_topic_too_many_is_said)
{
    fill_topics(2);
    say_two_topics("u");
    expect_words(NULL);
    expect_group("g", 1);
    expect_group("h", 1);
    next_look();
    say_two_topics("v");
    expect_words("left out: 1 topic beyond CLUSTER_TOPICS_MAX, 1 backlog beyond CLUSTER_TOPICS_MAX");
    expect_backlog("g", "t", 1);
    expect_group("g", 0);
    int64_t row = row_of(TABLE_GROUPS, "consumer_group", "h", NULL, NULL);
    ck_assert_int_eq(value_of(TABLE_GROUPS, row, "complete"), 0); /* its retries may be among the topics that are missing */
    expect_sum("group", "consumer_group", "h", 1);
    expect_sum("topic", "topic", "t", 1);
    expect_sum("broker", "broker", "b", 0);
    expect_sum("client", "client_ip", "", 0);
}
END_TEST

START_TEST(a_name_past_the_limit_is_left_out)
{
    char name[NAME_MAX_BYTES + 2];
    int64_t whole = _i == 0;

    memset(name, 'x', sizeof(name));
    name[NAME_MAX_BYTES + _i] = '\0';
    say_two_topics(name);
    expect_words(whole ? NULL : "left out: 1 topic beyond NAME_MAX_BYTES, 1 backlog beyond NAME_MAX_BYTES");
    expect_group("g", whole);
    say_groups(name);
    make_rows();
    expect_words(whole ? NULL : "left out: 1 topic beyond NAME_MAX_BYTES, 1 group beyond NAME_MAX_BYTES, 1 backlog beyond NAME_MAX_BYTES");
}
END_TEST

START_TEST(a_group_too_many_is_said)
{
    fill_groups(2);
    for (int64_t whole = 1; whole >= 0; whole--) {
        say_offsets(whole ? "\"t@g\":{0:1},\"u@h\":{0:1}" : "\"t@g\":{0:1},\"u@h\":{0:1},\"t@i\":{0:1}");
        say_topics("t u", 1);
        say_groups(whole ? "g h" : "g h i");
        say_ends("t", 1, 9, NULL);
        say_ends("u", 1, 9, NULL);
        make_rows();
        expect_words(whole ? NULL : "left out: 1 group beyond CLUSTER_GROUPS_MAX, 1 backlog beyond CLUSTER_GROUPS_MAX");
        ck_assert_uint_eq(batch_rows(look.batch, TABLE_GROUPS), 2);
        expect_sum("topic", "topic", "t", whole);
        expect_sum("topic", "topic", "u", 1);
        expect_sum("broker", "broker", "b", whole);
        expect_backlog("g", "t", 1);
        expect_group("g", 1);
        next_look();
    }
}
END_TEST

START_TEST(a_backlog_too_many_is_said)
{
    fill_pairs(3);
    say_offsets("\"t@g\":{0:1},\"u@g\":{0:1},\"u@h\":{0:1}");
    ck_assert_uint_eq(broker->now.lacks.pairs.count, 0);
    next_look();
    say_offsets("\"t@g\":{0:1},\"u@g\":{0:1},\"u@h\":{0:1},\"t@h\":{0:1}");
    say_topics("t u", 1);
    say_groups("g h");
    say_ends("t", 1, 9, NULL);
    say_ends("u", 1, 9, NULL);
    make_rows();
    expect_words("left out: 1 backlog beyond CLUSTER_PAIRS_MAX");
    expect_group("g", 1);
    expect_group("h", 0);
    expect_backlog("h", "u", 1);
    expect_sum("topic", "topic", "t", 0);
    expect_sum("topic", "topic", "u", 1);
    expect_sum("broker", "broker", "b", 0);
}
END_TEST

/* What the broker has of it, where the names are known: the arrays by number do not reach so far. */
START_TEST(where_there_is_no_memory_for_a_part_the_sums_miss_it)
{
    say_offsets("\"t@g\":{0:1}");
    say_topics("t", 1);
    say_groups("g");
    say_ends("t", 1, 9, NULL);
    cluster_pair(cluster, view_of("%RETRY%g@g"));
    for (uint32_t i = broker->pair_room; cluster->pairs.count < i;) {
        char key[32];
        snprintf(key, sizeof(key), "t@%u", cluster->pairs.count);
        cluster_pair(cluster, view_of(key));
    }
    cluster_pair(cluster, view_of("t@late"));
    size_t rest = _i > 0 ? SOURCE_HELD_MAX - topology.held : 0;
    ck_assert(cluster_take(cluster, rest));
    say_offsets("\"t@g\":{0:1},\"t@late\":{0:1}");
    say_groups("g late");
    make_rows();
    expect_words(_i == 0 ? NULL : "left out: 1 backlog beyond SOURCE_HELD_MAX");
    expect_group("late", _i == 0);
    expect_sum("topic", "topic", "t", _i == 0);
    cluster_give_back(cluster, rest);
    next_look();
    say_offsets("\"t@g\":{0:1},\"t@late\":{0:1}"); /* and when there is room again, all is well again */
    make_rows();
    expect_words(NULL);
    expect_group("late", 1);
}
END_TEST

enum { NO_ROOM_FOR_TOPIC, NO_ROOM_FOR_GROUP, NO_ROOM_FOR_PAIR, NO_ROOMS };

/* Names that nobody has, so that those that follow have numbers beyond the arrays of a broker that was told of few. */
static void raise_numbers(int what)
{
    static uint32_t (*const add[])(struct cluster *c, struct view name) = { cluster_topic, cluster_group, cluster_pair };
    char name[32];

    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "x@filler%u", i);
        ck_assert_uint_ne(add[what](cluster, view_of(name)), 0);
    }
}

/* Of two brokers that have topic and group the first has no room for what it has of one of them; the other knows all. */
START_TEST(where_a_broker_has_no_room_for_a_known_name_sums_over_all_miss_it)
{
    static const char *const words[] = { "left out: 1 topic beyond SOURCE_HELD_MAX", "left out: 1 group beyond SOURCE_HELD_MAX",
                                         "left out: 1 backlog beyond SOURCE_HELD_MAX" };
    int what = _i / 2;
    bool is_full = _i % 2 > 0;

    buf_reset(&text);
    buf_puts(&text, "{\"brokerAddrTable\":{\"b\":{\"brokerAddrs\":{0:\"127.0.0.1:1\"},\"cluster\":\"c\"},"
                    "\"e\":{\"brokerAddrs\":{0:\"127.0.0.1:2\"},\"cluster\":\"c\"}}}");
    learn();
    use_broker(cluster->brokers[0]);
    say_offsets("\"x@y\":{0:1}");
    say_topics(what == NO_ROOM_FOR_PAIR ? "x t" : "x", 1);
    say_groups(what == NO_ROOM_FOR_PAIR ? "y g" : "y");
    raise_numbers(what);
    use_broker(cluster->brokers[1]);
    say_offsets("\"t@g\":{0:1}");
    say_topics("t", 1);
    say_groups("g");
    say_ends("t", 1, 9, NULL);
    use_broker(cluster->brokers[0]);
    if (what == NO_ROOM_FOR_PAIR)
        say_ends("t", 1, 9, NULL);
    size_t rest = is_full ? SOURCE_HELD_MAX - topology.held : 0;
    ck_assert(cluster_take(cluster, rest));
    say_offsets("\"t@g\":{0:1}");
    say_topics("t", 1);
    say_groups("g");
    if (!is_full || what == NO_ROOM_FOR_GROUP)
        say_ends("t", 1, 9, NULL);
    make_rows();
    expect_words(is_full ? words[what] : NULL);
    expect_backlog("g", "t", !is_full);
    expect_group("g", !is_full);
    expect_sum("topic", "topic", "t", !is_full);
    cluster_give_back(cluster, rest);
}
END_TEST

START_TEST(a_list_that_fits_again_is_whole_again)
{
    size_t rest;

    say_offsets("\"t@g\":{0:1}");
    rest = SOURCE_HELD_MAX - topology.held;
    ck_assert(cluster_take(cluster, rest));
    say_topics("t", 1);
    say_groups("g");
    make_rows();
    expect_words("left out: 1 topic beyond SOURCE_HELD_MAX");
    cluster_give_back(cluster, rest);
    broker->now.lists[TOPIC_LIST] = (struct list_reading){ .stamp = 0 };
    learn_end_list(broker, TOPIC_LIST, false); /* one that breaks off changes nothing */
    ck_assert_uint_eq(broker->lacks.topics.count, 1);
    say_topics("t", 1);
    say_ends("t", 1, 9, NULL);
    make_rows();
    expect_words(NULL);
    expect_group("g", 1);
}
END_TEST

/* Nothing waits in it, as far as is known; that is not to say that nothing does. */
START_TEST(what_a_topic_that_was_left_out_holds_is_not_shown_as_zero)
{
    char *topics = xasprintf("t %0*d", NAME_MAX_BYTES + _i, 0);

    say_offsets("\"t@g\":{0:9}");
    say_topics(topics, 1);
    free(topics);
    say_groups("g");
    say_ends("t", 1, 9, NULL);
    make_rows();
    int64_t row = row_of(TABLE_GROUPS, "consumer_group", "g", NULL, NULL);
    ck_assert_int_eq(value_of(TABLE_GROUPS, row, "retry_lag"), _i == 0 ? 0 : NO_INT);
    ck_assert_int_eq(value_of(TABLE_GROUPS, row, "dlq"), _i == 0 ? 0 : NO_INT);
    ck_assert_int_eq(value_of(TABLE_BROKERS, 0, "half_messages"), _i == 0 ? 0 : NO_INT);
}
END_TEST

/* ---- brokers ----------------------------------------------------------------------------------------------------- */

START_TEST(a_cluster_whose_brokers_are_not_all_known_has_no_whole_sums)
{
    say_offsets("\"t@g\":{0:1}");
    say_topics("t", 1);
    say_groups("g");
    say_ends("t", 1, 9, NULL);
    buf_reset(&text);
    buf_printf(&text, "{\"brokerAddrTable\":{\"b\":{\"brokerAddrs\":{0:\"127.0.0.1:1\"},\"cluster\":\"c\"}");
    if (_i > 0)
        buf_printf(&text, ",\"%0*d\":{\"brokerAddrs\":{0:\"127.0.0.1:2\"},\"cluster\":\"c\"}", NAME_MAX_BYTES + 1, 0);
    buf_puts(&text, "}}");
    learn();
    ck_assert_uint_eq(topology.lacks.brokers.count, (unsigned)_i);
    make_rows();
    expect_backlog("g", "t", _i == 0);
    expect_group("g", _i == 0);
    expect_sum("topic", "topic", "t", _i == 0);
    expect_sum("client", "client_ip", "", _i == 0);
    expect_sum("broker", "broker", "b", 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rocketmq limits: names");
    TCase *c = unit_case(suite, "limits");

    tcase_add_checked_fixture(c, start, stop);
    tcase_add_test(c, a_topic_too_many_is_said);
    tcase_add_loop_test(c, a_name_past_the_limit_is_left_out, 0, 2);
    tcase_add_test(c, a_group_too_many_is_said);
    tcase_add_test(c, a_backlog_too_many_is_said);
    tcase_add_loop_test(c, where_there_is_no_memory_for_a_part_the_sums_miss_it, 0, 2);
    tcase_add_loop_test(c, where_a_broker_has_no_room_for_a_known_name_sums_over_all_miss_it, 0, 2 * NO_ROOMS);
    tcase_add_test(c, a_list_that_fits_again_is_whole_again);
    tcase_add_loop_test(c, what_a_topic_that_was_left_out_holds_is_not_shown_as_zero, 0, 2);
    tcase_add_loop_test(c, a_cluster_whose_brokers_are_not_all_known_has_no_whole_sums, 0, 2);
    return unit_main(suite);
}
