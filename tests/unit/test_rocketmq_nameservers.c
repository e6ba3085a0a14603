/* test_rocketmq_nameservers.c - an address server tells who the name servers are: when it is asked, what silence and nonsense do. */
#include "agent/base/buf.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/address_server.h"
#include "agent/source/rocketmq/census.h"
#include "tests/fake/http_peer.h"
#include "tests/fake/rmq_rig.h"
#include "tests/unit/ahead_clock.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct source_ops rocketmq_source;

static struct http_peer *web;

static void open_by(struct rig *r, const char *path)
{
    static char url[128]; /* an option keeps what it is given */

    snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", http_peer_port(web), path);
    rig_set(r, "address_server", url);
    rig_open(r, 60000);
}

/* A rig whose name server is told by the web server, with these words around it. */
static struct rig *rig_told(const char *before, const char *behind)
{
    struct rig *r = rig_simple(V5);
    char *body = xasprintf("%s%s%s", before, broker_address(r->ns), behind);

    web = http_peer_start();
    http_peer_answer(web, 200, "Connection: close\r\n", body);
    free(body);
    return r;
}

static void end(struct rig *r)
{
    rig_free(r);
    http_peer_stop(web);
}

static void expect_all_there(const struct rig *r)
{
    expect_backlog(r, "G", "T", 20, 20, 1);
}

/* Row of the address server in scrapes; -1: it was not asked. */
static int64_t told(const struct rig *r)
{
    return find(r, TABLE_SCRAPES, "kind", "addressserver", NULL, NULL);
}

static const char *const lists[][2] = { { "", "" }, { "", "\r\n127.0.0.1:1\n" }, { "  http://", ";\n" } };

START_TEST(its_first_line_is_the_list)
{
    struct rig *r = rig_told(lists[_i][0], lists[_i][1]);

    open_by(r, "");
    good_look(r);
    expect_all_there(r);
    ck_assert_str_eq(http_peer_request(web, 0)->path, "/rocketmq/nsaddr");
    ck_assert_str_eq(http_peer_request(web, 0)->method, "GET");
    end(r);
}
END_TEST

static const char *const paths[][2] = {
    { "/", "/rocketmq/nsaddr" }, { "/rocketmq/nsaddr-unit?nofix=1", "/rocketmq/nsaddr-unit?nofix=1" }, { "/a/b", "/a/b" },
    { "?x=1", "/rocketmq/nsaddr?x=1" },
};

START_TEST(a_path_and_a_query_are_sent_as_they_are)
{
    struct rig *r = rig_told("", "");

    open_by(r, paths[_i][0]);
    good_look(r);
    ck_assert_str_eq(http_peer_request(web, 0)->path, paths[_i][1]);
    end(r);
}
END_TEST

START_TEST(it_is_asked_each_two_minutes)
{
    struct rig *r = rig_told("", "");

    open_by(r, "");
    for (int i = 0; i < 5; i++) {
        good_look(r);
        ck_assert_int_eq(told(r) >= 0, i % 2 == 0);
        pass(60);
    }
    ck_assert_uint_eq(http_peer_requests(web), 3);
    end(r);
}
END_TEST

START_TEST(another_list_means_other_name_servers_from_that_look_on)
{
    struct rig *r = rig_told("", "");
    struct broker *other = broker_start();
    char *spec = xasprintf("c1/broker-a:0=%s", broker_address(r->a));

    say_brokers(other, spec);
    http_peer_answer(web, 200, "", broker_address(other));
    open_by(r, "");
    good_look(r);
    ck_assert_int_eq(broker_requests(other, -1), 0);
    pass(121);
    int before = broker_requests(r->ns, -1);
    good_look(r);
    expect_all_there(r);
    ck_assert_int_eq(broker_requests(other, RMQ_GET_BROKER_CLUSTER_INFO), 1);
    ck_assert_int_eq(broker_requests(r->ns, -1), before);
    ck_assert_int_eq(find(r, TABLE_SCRAPES, "target", broker_address(r->ns), NULL, NULL), -1);
    end(r);
    broker_stop(other);
    free(spec);
}
END_TEST

START_TEST(where_it_is_silent_the_old_list_goes_on_and_it_is_said)
{
    struct rig *r = rig_told("", "");

    open_by(r, "");
    good_look(r);
    http_peer_refuse(web);
    for (int i = 0; i < 2; i++) { /* asked again in each look */
        pass(121);
        look(r);
        ck_assert_int_eq(r->result, SOURCE_SOME);
        ck_assert_msg(strncmp(r->err.msg, "address server 127.0.0.1:", 25) == 0 && strstr(r->err.msg, "refused") != NULL, "%s",
                      r->err.msg);
        expect_all_there(r);
        ck_assert_int_ge(told(r), 0);
        EXPECT_INT(r, SCRAPES, (uint32_t)told(r), OK, 0);
        EXPECT_INT(r, SCRAPES, (uint32_t)told(r), FAILED, 1);
    }
    end(r);
}
END_TEST

static const struct {
    int status;
    const char *body, *said;
} nonsense[] = {
    { 404, "no such page", "answered 404: no such page" },
    { 200, "", "the answer is empty" },
    { 200, "\r\n\r\n", "the answer is empty" },
    { 200, "<html>hello</html>", "expected a port" },
    { 200, ";;;", "expected at least one HOST:PORT" },
    { 200, "10.0.0.1:99999", "expected a port from 1 to 65535" },
    { 302, "", "answered 302" },
};

START_TEST(nonsense_is_no_list)
{
    struct rig *r = rig_simple(V5);

    web = http_peer_start();
    http_peer_answer(web, nonsense[_i].status, "", nonsense[_i].body);
    open_by(r, "");
    look(r);
    if (strstr(nonsense[_i].body, "html") == NULL) /* a name by itself has the usual port */
        ck_assert_msg(strstr(r->err.msg, nonsense[_i].said) != NULL && strncmp(r->err.msg, "address server", 14) == 0, "%s",
                      r->err.msg);
    ck_assert_int_eq(r->result, SOURCE_NOTHING);
    ck_assert_int_eq(broker_requests(r->ns, -1), 0);
    end(r);
}
END_TEST

static void say_many(struct http_peer *peer, size_t bytes)
{
    char *body = xmalloc(bytes + 1);

    memset(body, ' ', bytes);
    memcpy(body, "127.0.0.1:1", 11);
    body[bytes] = '\0';
    http_peer_answer(peer, 200, "", body);
    free(body);
}

START_TEST(an_answer_is_read_up_to_its_limit_and_no_further)
{
    char list[ADDRESS_LIST_MAX];
    struct err err;

    web = http_peer_start();
    say_many(web, ADDRESS_LIST_MAX - 1);
    say_many(web, ADDRESS_LIST_MAX);
    char *url = xasprintf("http://127.0.0.1:%d", http_peer_port(web));
    struct address_server *a = address_server_new(url, "", 3000, &err);
    ck_assert_ptr_nonnull(a);
    ck_assert_int_eq(address_server_ask(a, clock_now_ns() + 10 * NS_PER_S, -1, list, &err), 0);
    ck_assert_str_eq(list, "127.0.0.1:1");
    ck_assert_int_eq(address_server_ask(a, clock_now_ns() + 10 * NS_PER_S, -1, list, &err), -1);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    address_server_free(a);
    http_peer_stop(web);
    free(url);
}
END_TEST

START_TEST(as_many_name_servers_as_there_is_room_for_and_one_more)
{
    struct rig *r = rig_simple(V5);
    struct buf body;

    buf_init(&body, 0);
    for (int i = 0; i < CENSUS_MAX + _i; i++)
        buf_printf(&body, "127.0.0.1:%d;", i + 1);
    buf_putc(&body, '\0');
    web = http_peer_start();
    http_peer_answer(web, 200, "", body.data);
    open_by(r, "");
    look(r);
    ck_assert_int_eq(r->result, SOURCE_NOTHING);
    ck_assert_int_eq(strstr(r->err.msg, "more than 32 name servers") != NULL, _i == 1);
    ck_assert_uint_eq(batch_rows(r->batch, TABLE_SCRAPES), _i == 1 ? 1 : 1 + CENSUS_MAX);
    buf_fini(&body);
    end(r);
}
END_TEST

START_TEST(while_no_name_server_answers_it_is_asked_in_each_look)
{
    struct rig *r = rig_simple(V5);
    char dead[32];

    web = http_peer_start();
    http_peer_answer(web, 200, "", broker_dead_address(dead));
    http_peer_answer(web, 200, "", broker_address(r->ns));
    open_by(r, "");
    look(r);
    ck_assert_int_eq(r->result, SOURCE_NOTHING);
    good_look(r); /* at once, not after two minutes */
    expect_all_there(r);
    good_look(r);
    ck_assert_uint_eq(http_peer_requests(web), 2);
    end(r);
}
END_TEST

START_TEST(the_next_process_remembers_the_list)
{
    struct rig *r = rig_told("", "");
    struct buf memory;

    open_by(r, "");
    good_look(r);
    buf_init(&memory, 0);
    rocketmq_source.save(r->self, &memory);
    rocketmq_source.close(r->self);
    memset(r->self, 0, rocketmq_source.size);
    option_set_defaults(rocketmq_source.options, r->self);
    open_by(r, "");
    http_peer_refuse(web);
    ck_assert_msg(rocketmq_source.load(r->self, memory.data, memory.len, &r->err) == 0, "%s", r->err.msg);
    look(r);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    expect_all_there(r);
    ck_assert_int_eq(asked(r, RMQ_GET_ALL_TOPIC_CONFIG), 0);
    buf_fini(&memory);
    end(r);
}
END_TEST

static const char *const bad_memories[] = { "", "MQR3", "10.0.0.1:9876", "10.0.0.1:99999\nMQR3", "\n", "10.0.0.1:9876\n" };

START_TEST(a_memory_that_is_none_leaves_a_source_that_asks)
{
    struct rig *r = rig_told("", "");

    open_by(r, "");
    ck_assert_int_eq(rocketmq_source.load(r->self, bad_memories[_i], strlen(bad_memories[_i]), &r->err), -1);
    good_look(r);
    expect_all_there(r);
    end(r);
}
END_TEST

START_TEST(a_url_that_is_none_is_said_at_the_start)
{
    static const char *const urls[] = { "ftp://h:1", "h:8080", "http://", "http://h:99999" };
    struct err err;

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        ck_assert_ptr_null(address_server_new(urls[i], "", 1000, &err));
        ck_assert_msg(err.kind == ERR_CONFIG && strstr(err.msg, "address_server: ") == err.msg, "%s: %s", urls[i], err.msg);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rocketmq nameservers");
    TCase *c = unit_case(s, "address server");

    tcase_add_loop_test(c, its_first_line_is_the_list, 0, sizeof(lists) / sizeof(lists[0]));
    tcase_add_loop_test(c, a_path_and_a_query_are_sent_as_they_are, 0, sizeof(paths) / sizeof(paths[0]));
    tcase_add_test(c, it_is_asked_each_two_minutes);
    tcase_add_test(c, another_list_means_other_name_servers_from_that_look_on);
    tcase_add_test(c, where_it_is_silent_the_old_list_goes_on_and_it_is_said);
    tcase_add_loop_test(c, nonsense_is_no_list, 0, sizeof(nonsense) / sizeof(nonsense[0]));
    tcase_add_test(c, an_answer_is_read_up_to_its_limit_and_no_further);
    tcase_add_loop_test(c, as_many_name_servers_as_there_is_room_for_and_one_more, 0, 2);
    tcase_add_test(c, while_no_name_server_answers_it_is_asked_in_each_look);
    tcase_add_test(c, the_next_process_remembers_the_list);
    tcase_add_loop_test(c, a_memory_that_is_none_leaves_a_source_that_asks, 0, sizeof(bad_memories) / sizeof(bad_memories[0]));
    tcase_add_test(c, a_url_that_is_none_is_said_at_the_start);
    return unit_main(s);
}
