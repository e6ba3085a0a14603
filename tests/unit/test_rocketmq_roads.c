/* test_rocketmq_roads.c - requests over libcurl's connections (conn_curl.h) and to advertised addresses (rpc.h), no TLS server needed. */
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/conn_curl.h"
#include "agent/source/rocketmq/rewrite.h"
#include "agent/source/rocketmq/rpc.h"
#include "tests/fake/broker.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LONG_MS 20000

static int answers;
static size_t body_len;
static struct err failed; /* the last */

static void note(const struct rpc_answer *a)
{
    if (a->err != NULL) {
        failed = *a->err;
        return;
    }
    answers++;
    body_len = a->frame->body.len;
}

static void ask(struct rpc *rpc, struct rpc_target *t, unsigned count)
{
    struct err err = { 0 };

    for (unsigned i = 0; i < count; i++)
        rpc_submit(t, &(struct rpc_call){ .code = RMQ_GET_TOPIC_STATS_INFO, .timeout_ms = LONG_MS, .done = note });
    ck_assert_msg(rpc_run(rpc, clock_now_ns() + LONG_MS * NS_PER_MS, -1, &err) == 0, "%s", err.msg);
}

static void ck_failed(enum err_kind kind, const char *says)
{
    ck_assert_msg(failed.kind == kind && strstr(failed.msg, says) != NULL, "%s: \"%s\"; expected %s: \"%s\"",
                  err_kind_name(failed.kind), failed.msg, err_kind_name(kind), says);
}

/* A source's connections under `tls`, and one target. */
static struct conn_curl_road *road;
static struct rpc *rpc;
static struct rpc_target *t;
static int connect_ms = LONG_MS;

static void start(int tls, const char *address)
{
    const struct conn_curl_options o = { .tls = tls };
    struct err err = { 0 };

    ck_assert_msg(conn_curl_road_new(&o, &road, &err) == 0, "%s", err.msg);
    const struct rpc_options options = { .transport = &conn_curl, .transport_ctx = road, .connect_timeout_ms = connect_ms };
    rpc = rpc_new(&options);
    t = rpc_target(rpc, "broker-a", address);
}

static void stop(struct broker *b)
{
    rpc_free(rpc);
    conn_curl_road_free(road);
    broker_stop(b);
}

START_TEST(a_server_without_tls_is_spoken_to_plainly_if_tls_is_tried)
{
    struct broker *b = broker_start();

    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    start(CONN_TLS_TRY, broker_address(b));
    for (int i = 0; i < 3; i++) {
        ask(rpc, t, 1);
        rpc_close_all(rpc);
    }
    ck_assert_msg(answers == 3, "%s", failed.msg);
    ck_assert_int_eq(broker_connections(b), 4); /* TLS once; then it is known */
    stop(b);
}
END_TEST

#define REFUSERS_MAX 4096 /* of conn_curl.c */

START_TEST(servers_without_tls_are_remembered_up_to_a_limit) /* loop test: _i is how far past the limit */
{
    struct broker *b = broker_start();
    char address[32];

    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    start(CONN_TLS_TRY, broker_address(b));
    for (int i = 1; i < REFUSERS_MAX + _i; i++) {
        snprintf(address, sizeof(address), "%d.other:1", i);
        conn_curl_road_note_refuser(road, address);
        conn_curl_road_note_refuser(road, address); /* is one all the same */
    }
    for (int i = 0; i < 3; i++) {
        ask(rpc, t, 1);
        rpc_close_all(rpc);
    }
    ck_assert_msg(answers == 3, "%s", failed.msg);
    ck_assert_int_eq(broker_connections(b), _i == 0 ? 1 + 3 : 3 + 3); /* TLS once, or each time */
    stop(b);
}
END_TEST

START_TEST(a_server_without_tls_is_refused_if_tls_is_required)
{
    struct broker *b = broker_start();

    start(CONN_TLS_REQUIRE, broker_address(b));
    ask(rpc, t, 1);
    ck_failed(ERR_PROTO, "no TLS there");
    stop(b);
}
END_TEST

START_TEST(connections_are_kept_between_runs)
{
    struct broker *b = broker_start();

    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    start(CONN_TLS_TRY, broker_address(b));
    for (int i = 0; i < 5; i++)
        ask(rpc, t, 3);
    ck_assert_msg(answers == 15, "%s", failed.msg);
    ck_assert_int_eq(broker_connections(b), 2);
    broker_drop_all(b);
    ask(rpc, t, 1);
    ck_assert_msg(answers == 16, "%s", failed.msg); /* a kept one that has died is opened again */
    stop(b);
}
END_TEST

START_TEST(large_answers_come_through_whole)
{
    enum { SIZE = 3 << 20 };
    struct broker *b = broker_start();
    char *body = xcalloc(1, SIZE);

    memset(body, 'x', SIZE);
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    broker_reply_bytes(b, body, SIZE);
    start(CONN_TLS_TRY, broker_address(b));
    ask(rpc, t, 8);
    ck_assert_msg(answers == 8, "%s", failed.msg);
    ck_assert_uint_eq(body_len, SIZE);
    stop(b);
    free(body);
}
END_TEST

/* Accepts nothing, says nothing: the kernel alone takes the connection. */
static int silent_listener(char address[32])
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert(fd >= 0 && bind(fd, (struct sockaddr *)&in, len) == 0 && listen(fd, 4) == 0);
    getsockname(fd, (struct sockaddr *)&in, &len);
    snprintf(address, 32, "127.0.0.1:%d", ntohs(in.sin_port));
    return fd;
}

START_TEST(a_silent_server_does_not_hold_the_handshake_beyond_its_time)
{
    char address[32];
    int listener = silent_listener(address);

    connect_ms = getenv("CK_TIMEOUT_MULTIPLIER") == NULL ? 3000 : LONG_MS - 5000; /* memcheck needs seconds until there is a connection */
    start(CONN_TLS_REQUIRE, address);
    ask(rpc, t, 1);
    ck_failed(ERR_TIMEOUT, "connected, but the TLS handshake did not end in time");
    close(listener);
    stop(NULL);
}
END_TEST

static const char *const no_hosts[] = { "us:pw@10.0.0.1:80", "h/path:80", "h?x:80", "h%41:80" };

START_TEST(an_address_from_a_name_server_cannot_become_more_than_a_host)
{
    start(CONN_TLS_REQUIRE, no_hosts[_i]);
    ask(rpc, t, 1);
    ck_failed(ERR_CONFIG, "is no host name");
    stop(NULL);
}
END_TEST

START_TEST(an_advertised_address_that_leads_nowhere_is_said_as_that)
{
    char dead[32], says[240];

    broker_dead_address(dead);
    for (int tls = CONN_TLS_TRY; tls <= CONN_TLS_REQUIRE; tls++) {
        start(tls, dead);
        rpc_target_set_advertised(t);
        ask(rpc, t, 1);
        snprintf(says, sizeof(says), "the name server lists broker-a at %s, which cannot be reached from here (Connection refused); "
                 "see option rewrite", dead);
        ck_failed(ERR_SYS, says);
        stop(NULL);
    }
}
END_TEST

START_TEST(an_advertised_address_is_rewritten_and_keeps_its_name)
{
    struct broker *b = broker_start();
    struct err err = { 0 };
    char map[80];

    snprintf(map, sizeof(map), "10.255.255.1:10911=%s", broker_address(b));
    struct rewrite *rewrite = rewrite_new(map, &err);
    rpc = rpc_new(&(struct rpc_options){ .rewrite = rewrite });
    t = rpc_target(rpc, "broker-a", "10.255.255.1:10911");
    rpc_target_set_advertised(t);
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    ask(rpc, t, 1);
    ck_assert_msg(answers == 1, "%s", failed.msg);
    ck_assert_str_eq(rpc_target_address(t), "10.255.255.1:10911");
    stop(b);
    rewrite_free(rewrite);
}
END_TEST

START_TEST(the_way_a_rewritten_address_fails_names_both)
{
    struct err err = { 0 };
    char dead[32], map[80], says[240];

    snprintf(map, sizeof(map), "10.255.255.1=%s", "127.0.0.1");
    broker_dead_address(dead);
    const char *port = strchr(dead, ':');
    struct rewrite *rewrite = rewrite_new(map, &err);
    rpc = rpc_new(&(struct rpc_options){ .rewrite = rewrite });
    snprintf(map, sizeof(map), "10.255.255.1%s", port);
    t = rpc_target(rpc, "broker-a", map);
    rpc_target_set_advertised(t);
    ask(rpc, t, 1);
    snprintf(says, sizeof(says), "broker-a at %s, which cannot be reached from here (rewritten to %s: Connection refused)", map, dead);
    ck_failed(ERR_SYS, says);
    stop(NULL);
    rewrite_free(rewrite);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("rocketmq roads");
    TCase *c = unit_case(s, "roads");

    tcase_add_test(c, a_server_without_tls_is_spoken_to_plainly_if_tls_is_tried);
    tcase_add_loop_test(c, servers_without_tls_are_remembered_up_to_a_limit, 0, 2);
    tcase_add_test(c, a_server_without_tls_is_refused_if_tls_is_required);
    tcase_add_test(c, connections_are_kept_between_runs);
    tcase_add_test(c, large_answers_come_through_whole);
    tcase_add_test(c, a_silent_server_does_not_hold_the_handshake_beyond_its_time);
    tcase_add_loop_test(c, an_address_from_a_name_server_cannot_become_more_than_a_host, 0,
                        (int)(sizeof(no_hosts) / sizeof(no_hosts[0])));
    tcase_add_test(c, an_advertised_address_that_leads_nowhere_is_said_as_that);
    tcase_add_test(c, an_advertised_address_is_rewritten_and_keeps_its_name);
    tcase_add_test(c, the_way_a_rewritten_address_fails_names_both);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
