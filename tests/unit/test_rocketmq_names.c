/* test_rocketmq_names.c - the claims of agent/source/rocketmq/names.h and lag.h. */
#include "agent/source/rocketmq/names.h"

#include "agent/model/batch.h"
#include "agent/source/rocketmq/lag.h"
#include "tests/unit/unit.h"

#include <string.h>

/* ---- names ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *topic;
    enum topic_kind kind;
} kinds[] = {
    { "orders", TOPIC_NORMAL },
    { "T_中文_订单", TOPIC_NORMAL },
    { "RMQ_SYSTEM", TOPIC_NORMAL },
    { "%LMQ%x", TOPIC_NORMAL },
    { "", TOPIC_NORMAL },
    { "%RETRY%G", TOPIC_RETRY },
    { "%RETRY%G+T", TOPIC_RETRY },
    { "%DLQ%G", TOPIC_DLQ },
    { "SCHEDULE_TOPIC_XXXX", TOPIC_DELAY },
    { "SCHEDULE_TOPIC_XXXXX", TOPIC_NORMAL },
    { "TBW102", TOPIC_SYSTEM },
    { "BenchmarkTest", TOPIC_SYSTEM },
    { "RMQ_SYS_TRANS_HALF_TOPIC", TOPIC_SYSTEM },
    { "rmq_sys_wheel_timer", TOPIC_SYSTEM },
    { "rmq_sys_REVIVE_LOG_c1", TOPIC_SYSTEM },
    { "OFFSET_MOVED_EVENT", TOPIC_SYSTEM },
};

START_TEST(topics_have_a_kind)
{
    ck_assert_msg(name_topic_kind(view_of(kinds[_i].topic)) == kinds[_i].kind, "%s", kinds[_i].topic);
}
END_TEST

static const struct {
    const char *key, *topic, *group;
    int is_broadcast; /* -1: no such key */
} keys[] = {
    { "T@G", "T", "G", 0 },
    { "%RETRY%G@G", "%RETRY%G", "G", 0 },
    { "T_BCAST@G_BCAST@broadcast", "T_BCAST", "G_BCAST", 1 },
    { "T_中文@G_中文", "T_中文", "G_中文", 0 },
    { "%RETRY%g+T@g", "%RETRY%g+T", "g", 0 },
    { "T@broadcast", "T", "broadcast", 0 },
    { "T@G@", NULL, NULL, -1 },
    { "T@G@broadcast2", NULL, NULL, -1 },
    { "T@G@x@broadcast", NULL, NULL, -1 },
    { "T@@broadcast", NULL, NULL, -1 },
    { "@G", NULL, NULL, -1 },
    { "T@", NULL, NULL, -1 },
    { "T", NULL, NULL, -1 },
    { "", NULL, NULL, -1 },
};

START_TEST(offset_keys_are_split_at_the_first_at)
{
    struct view topic, group;
    bool is_broadcast;
    bool found = name_split_offset_key(view_of(keys[_i].key), &topic, &group, &is_broadcast);

    ck_assert_msg(found == (keys[_i].is_broadcast >= 0), "%s", keys[_i].key);
    if (!found)
        return;
    ck_assert_msg(view_is(topic, keys[_i].topic) && view_is(group, keys[_i].group), "%s", keys[_i].key);
    ck_assert_int_eq(is_broadcast, keys[_i].is_broadcast);
}
END_TEST

static const struct {
    const char *id, *ip, *process;
} splits[] = {
    { "10.0.0.1@4711", "10.0.0.1", "4711" },
    { "10.0.0.1@4711#5558502464468", "10.0.0.1", "4711" },
    { "10.0.0.1@4711@unit", "10.0.0.1", "4711" },
    { "10.0.0.1@lite-1@STREAM", "10.0.0.1", "lite-1" },
    { "10.0.0.1@DEFAULT", "10.0.0.1", "DEFAULT" },
    { "10.0.0.1@", "10.0.0.1", "" },
    { "@x", "", "x" },
    { "somebody", "somebody", "" },
    { "", "", "" },
};

START_TEST(a_client_id_is_split_as_the_console_exporter_does)
{
    struct view ip, process;

    name_split_client_id(view_of(splits[_i].id), &ip, &process);
    ck_assert_msg(view_is(ip, splits[_i].ip) && view_is(process, splits[_i].process), "%s", splits[_i].id);
}
END_TEST

START_TEST(a_name_has_a_longest_length)
{
    static char text[NAME_MAX_BYTES + 1];

    memset(text, 'x', sizeof(text));
    ck_assert(name_fits((struct view){ text, NAME_MAX_BYTES }));
    ck_assert(!name_fits((struct view){ text, NAME_MAX_BYTES + 1 }));
    ck_assert(!name_fits((struct view){ text, 0 }));
}
END_TEST

static const struct {
    const char *id, *pid;
} pids[] = {
    { "10.0.0.1@1234#5558502464468", "1234" }, { "10.0.0.1@1234", "1234" },     { "10.0.0.1@1234@unit", "1234" },
    { "10.0.0.1@1234#9@STREAM", "1234" },      { "10.0.0.1@DEFAULT", "" },      { "10.0.0.1@12a4", "" },
    { "10.0.0.1@", "" },                       { "no-at", "" },                 { "", "" },
    { "10.0.0.1@lite-1@STREAM", "" },
};

START_TEST(client_ids_tell_the_process)
{
    ck_assert_msg(view_is(name_pid_of(view_of(pids[_i].id)), pids[_i].pid), "%s", pids[_i].id);
}
END_TEST

static const char *const hosts[][2] = {
    { "10.0.0.1:41060", "10.0.0.1" }, { "/127.0.0.1:60228", "127.0.0.1" }, { "[::1]:5", "::1" }, { "/[fe80::1]:5", "fe80::1" },
    { "host", "host" },               { "", "" },                          { ":1", "" },        { "fe80:0:0:1:5", "fe80:0:0:1" },
};

START_TEST(addresses_tell_the_host)
{
    ck_assert_msg(view_is(name_host_of(view_of(hosts[_i][0])), hosts[_i][1]), "%s", hosts[_i][0]);
}
END_TEST

static const struct {
    const char *list, *addresses; /* NULL: no list; else joined by blanks */
} lists[] = {
    { "127.0.0.1:9876", "127.0.0.1:9876" },
    { "h1:9876;h2:9877", "h1:9876 h2:9877" },
    { " h1:1 , h2:2\th3:3;\n", "h1:1 h2:2 h3:3" },
    { "h1", "h1:9876" },
    { "http://ns.example:9876", "ns.example:9876" },
    { "[::1]:9876;[fe80::1]", "[::1]:9876 [fe80::1]:9876" },
    { "fe80::1:9876", "[fe80::1]:9876" },
    { ";;", "" },
    { "", "" },
    { "h:65535", "h:65535" },
    { "h:65536", NULL },
    { "h:0", NULL },
    { "h:", NULL },
    { ":1", NULL },
    { "h:1x", NULL },
    { "[::1", NULL },
    { "[::1]x:1", NULL },
    { "x[::1]:1", NULL },
    { "[]:1", NULL },
    { "h:123456789", NULL },
};

START_TEST(lists_of_name_servers_are_read_as_mqadmin_reads_them)
{
    char address[ADDRESS_MAX_BYTES], all[1000] = "";
    const char *at = lists[_i].list;
    struct err err = { .kind = ERR_NONE };
    int found;

    while ((found = name_next_address(&at, address, &err)) > 0) {
        if (all[0] != '\0')
            strcat(all, " ");
        strcat(all, address);
    }
    if (lists[_i].addresses == NULL) {
        ck_assert_msg(found < 0 && err.kind == ERR_CONFIG, "%s", lists[_i].list);
        ck_assert_msg(strstr(err.msg, "expected") != NULL, "%s", err.msg);
    } else {
        ck_assert_int_eq(found, 0);
        ck_assert_str_eq(all, lists[_i].addresses);
    }
}
END_TEST

START_TEST(an_address_past_the_limit_is_refused)
{
    char list[400], address[ADDRESS_MAX_BYTES];
    const char *at = list;

    memset(list, 'h', sizeof(list));
    strcpy(list + 300, ":9876");
    ck_assert_int_eq(name_next_address(&at, address, NULL), -1);
}
END_TEST

START_TEST(groups_and_topics_of_the_system_are_known)
{
    ck_assert(name_is_system_group(view_of("TOOLS_CONSUMER")));
    ck_assert(name_is_system_group(view_of("CID_RMQ_SYS_TRANS")));
    ck_assert(!name_is_system_group(view_of("CID_ORDERS")));
    ck_assert(name_is_internal_producer(view_of("CLIENT_INNER_PRODUCER")));
    ck_assert(name_is_skipped_topic(view_of("BenchmarkTest")));
    ck_assert(name_is_reply_topic(view_of("c1_REPLY_TOPIC"), view_of("c1")));
    ck_assert(!name_is_reply_topic(view_of("orders_REPLY_TOPIC"), view_of("c1")));
    ck_assert(view_is(name_without_prefix(view_of("%RETRY%g")), "g"));
    ck_assert(view_is(name_without_prefix(view_of("%DLQ%g")), "g"));
    ck_assert(view_is(name_without_prefix(view_of("orders")), "orders"));
}
END_TEST

/* ---- lag --------------------------------------------------------------------------------------------------------- */

#define NO (-1) /* BODY_NONE */

static const struct {
    int64_t min, max, com;
    int64_t lag, diff, lost;
    const char *state;
    bool leans_on_min;
} queues[] = {
    { 0, 100, 90, 10, 10, 0, NULL, false },
    { 0, 100, 100, 0, 0, 0, NULL, false },
    { 30, 50, 10, 20, 40, 20, "lost", true },          /* ten expired unread; what is left can be consumed */
    { 0, 60, 70, 0, -10, 0, "beyond_end", false },     /* made again */
    { 20, 25, NO, 5, 25, NO_INT, "no_offset", true },  /* Java counts from 0, we from min */
    { 25, 25, NO, 0, 25, NO_INT, "no_offset", false },
    { 40, 40, 40, 0, 0, 0, "empty", false },
    { 40, 40, 10, 0, 30, 30, "lost", false },
    { 0, 0, 0, 0, 0, 0, "empty", false },
    { NO, 100, 90, 10, 10, NO_INT, NULL, false },      /* start not known */
    { NO, 100, NO, NO_INT, 100, NO_INT, "no_offset", false },
    { 0, NO, 90, NO_INT, NO_INT, NO_INT, NULL, false }, /* end not known: nothing is */
    { 0, 100, 40, 60, 60, 0, NULL, true },             /* in the older half: may expire next */
    { 0, 1LL << 56, 0, 1LL << 56, 1LL << 56, 0, NULL, true },
    { 100, 50, 70, 0, -20, 30, "beyond_end", false },  /* a start behind its end: nonsense, no crash */
};

START_TEST(lag_of_a_queue)
{
    struct queue_lag q = lag_of_queue(queues[_i].min, queues[_i].max, queues[_i].com);

    ck_assert_int_eq(q.lag, queues[_i].lag);
    ck_assert_int_eq(q.diff, queues[_i].diff);
    ck_assert_int_eq(q.lost, queues[_i].lost);
    ck_assert_str_eq(q.state != NULL ? q.state : "-", queues[_i].state != NULL ? queues[_i].state : "-");
    ck_assert_int_eq(q.leans_on_min, queues[_i].leans_on_min);
}
END_TEST

START_TEST(lag_is_never_negative_and_sums_do_not_wrap)
{
    uint64_t seed = unit_seed(), state = seed;

    for (int i = 0; i < 20000; i++) {
        int64_t v[3];
        for (int k = 0; k < 3; k++)
            v[k] = (int64_t)(unit_random(&state) >> (8 + unit_random(&state) % 56)) - (unit_random(&state) % 4 == 0);
        struct queue_lag q = lag_of_queue(v[0] < 0 ? -1 : v[0], v[1] < 0 ? -1 : v[1], v[2] < 0 ? -1 : v[2]);
        ck_assert_msg(q.lag == NO_INT || q.lag >= 0, "seed %" PRIu64, seed);
        ck_assert_msg(q.lost == NO_INT || q.lost >= 0, "seed %" PRIu64, seed);
    }
    ck_assert_int_eq(lag_add(INT64_MAX, 1), INT64_MAX);
    ck_assert_int_eq(lag_add(INT64_MIN + 5, -10), INT64_MIN + 1); /* INT64_MIN means "no value" */
    ck_assert_int_eq(lag_add(2, -3), -1);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

static Suite *suite(void)
{
    Suite *s = suite_create("rocketmq names");
    TCase *c = unit_case(s, "names");

    tcase_add_loop_test(c, topics_have_a_kind, 0, COUNT(kinds));
    tcase_add_loop_test(c, offset_keys_are_split_at_the_first_at, 0, COUNT(keys));
    tcase_add_test(c, a_name_has_a_longest_length);
    tcase_add_loop_test(c, client_ids_tell_the_process, 0, COUNT(pids));
    tcase_add_loop_test(c, a_client_id_is_split_as_the_console_exporter_does, 0, COUNT(splits));
    tcase_add_loop_test(c, addresses_tell_the_host, 0, COUNT(hosts));
    tcase_add_loop_test(c, lists_of_name_servers_are_read_as_mqadmin_reads_them, 0, COUNT(lists));
    tcase_add_test(c, an_address_past_the_limit_is_refused);
    tcase_add_test(c, groups_and_topics_of_the_system_are_known);
    c = unit_case(s, "lag");
    tcase_add_loop_test(c, lag_of_a_queue, 0, COUNT(queues));
    tcase_add_test(c, lag_is_never_negative_and_sums_do_not_wrap);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
