/* test_rpc.c - the claims of agent/source/rocketmq/rpc.h and conn.h, against tests/fake/broker.h. */
#include "agent/source/rocketmq/rpc.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/conn.h"
#include "tests/fake/broker.h"
#include "tests/unit/unit.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LONG_MS 20000  /* never reached when all is well */
#define SHORT_MS 400   /* for what is meant to run out; long enough for a busy machine to do the rest */

/* ---- what the callbacks saw ------------------------------------------------------------------------------------- */

struct seen {
    int calls;
    int answers;
    struct err err;    /* the last */
    int code;          /* response code of the last answer */
    size_t body_len;
    char body[256];
    uintptr_t order[64]; /* args of the answers as they came */
    struct rpc_target *next_target; /* for callbacks that submit more */
    int more;
};

static void note(const struct rpc_answer *a)
{
    struct seen *s = a->ctx;

    s->calls++;
    ck_assert((a->frame == NULL) != (a->err == NULL));
    if (a->err != NULL) {
        s->err = *a->err;
        return;
    }
    if (s->answers < 64)
        s->order[s->answers] = a->arg;
    s->answers++;
    s->code = a->frame->code;
    s->body_len = a->frame->body.len;
    snprintf(s->body, sizeof(s->body), "%.*s", a->frame->body.len < 200 ? (int)a->frame->body.len : 200, a->frame->body.data);
}

static void submit(struct rpc_target *t, int code, struct seen *s, int64_t timeout_ms)
{
    rpc_submit(t, &(struct rpc_call){ .code = code, .timeout_ms = timeout_ms, .done = note, .ctx = s });
}

static void submit_topic(struct rpc_target *t, const char *topic, struct seen *s, int64_t timeout_ms, uintptr_t arg)
{
    struct wire_field field = { "topic", topic };

    rpc_submit(t, &(struct rpc_call){ .code = RMQ_GET_TOPIC_STATS_INFO, .fields = &field, .field_count = 1,
                                      .timeout_ms = timeout_ms, .done = note, .ctx = s, .arg = arg });
}

static int run(struct rpc *rpc)
{
    struct err err = { 0 };
    int rc = rpc_run(rpc, clock_now_ns() + LONG_MS * NS_PER_MS, -1, &err);

    ck_assert_msg(rc == 0, "%s", err.msg);
    return rc;
}

static void ck_err(const struct err *err, enum err_kind kind, const char *says)
{
    ck_assert_msg(err->kind == kind && strstr(err->msg, says) != NULL, "%s: \"%s\"; expected %s: \"%s\"",
                  err_kind_name(err->kind), err->msg, err_kind_name(kind), says);
}

static size_t memory_in_use(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

/* A broker and one target to it. */
static struct broker *b;
static struct rpc *rpc;
static struct rpc_target *t;

static void start_with(const struct rpc_options *options)
{
    b = broker_start();
    rpc = rpc_new(options);
    t = rpc_target(rpc, "broker-a", broker_address(b));
}

static void start(void)
{
    start_with(NULL);
}

static void stop(void)
{
    rpc_free(rpc);
    broker_stop(b);
}

/* ---- a transport that hands on few bytes at a time, and may fail -------------------------------------------------- */

static size_t piece;          /* most bytes per receive and send */
static int sends_until_error; /* -1: none */

static ptrdiff_t piece_receive(struct conn *c, void *to, size_t len, struct err *err)
{
    return conn_plain.receive(c, to, len < piece ? len : piece, err);
}

static ptrdiff_t piece_send(struct conn *c, const void *from, size_t len, struct err *err)
{
    if (sends_until_error == 0)
        return err_set(err, ERR_CLOSED, "send: Broken pipe");
    sends_until_error -= sends_until_error > 0;
    return conn_plain.send(c, from, len < piece ? len : piece, err);
}

static struct conn_ops piece_transport(size_t bytes, int sends)
{
    struct conn_ops ops = conn_plain;

    piece = bytes;
    sends_until_error = sends;
    ops.receive = piece_receive;
    ops.send = piece_send;
    return ops;
}

/* ---- answers ---------------------------------------------------------------------------------------------------- */

START_TEST(a_question_is_answered)
{
    struct seen s = { 0 };

    start();
    broker_expect(b, RMQ_GET_BROKER_RUNTIME_INFO);
    broker_reply_body(b, "{\"table\":{}}");
    broker_reply_version(b, 461);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    ck_assert_int_eq(s.calls, 1);
    ck_assert_str_eq(s.body, "{\"table\":{}}");
    ck_assert_int_eq(rpc_target_version(t), 461);
    ck_assert_int_eq(broker_unmet(b), 0);
    stop();
}
END_TEST

START_TEST(no_questions_no_run)
{
    start();
    ck_assert_int_eq(rpc_run(rpc, 0, -1, NULL), 0);
    ck_assert_int_eq(broker_connections(b), 0);
    stop();
}
END_TEST

START_TEST(an_answer_cut_anywhere_still_counts) /* _i: bytes per receive and per send */
{
    struct conn_ops ops = piece_transport((size_t)_i, -1);
    struct rpc_options options = { .transport = &ops };
    struct seen s = { 0 };

    start_with(&options);
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    broker_reply_body(b, "{\"offsetTable\":{}}");
    for (int i = 0; i < 10; i++)
        submit(t, RMQ_GET_TOPIC_STATS_INFO, &s, 0);
    run(rpc);
    ck_assert_int_eq(s.answers, 10);
    ck_assert_str_eq(s.body, "{\"offsetTable\":{}}");
    stop();
}
END_TEST

START_TEST(a_broker_that_dribbles_is_heard_out)
{
    struct seen s = { 0 };

    start();
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    broker_reply_body(b, "{\"offsetTable\":{}}");
    broker_split(b, 1);
    for (int i = 0; i < 3; i++)
        submit(t, RMQ_GET_TOPIC_STATS_INFO, &s, 0);
    run(rpc);
    ck_assert_int_eq(s.answers, 3);
    stop();
}
END_TEST

START_TEST(answers_find_their_questions_in_any_order)
{
    struct seen s = { 0 };
    char topic[8];

    start();
    broker_out_of_order(b, 4);
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    for (uintptr_t i = 0; i < 8; i++) {
        snprintf(topic, sizeof(topic), "T%d", (int)i);
        submit_topic(t, topic, &s, 0, i);
    }
    run(rpc);
    static const uintptr_t expected[] = { 3, 2, 1, 0, 7, 6, 5, 4 };
    ck_assert_int_eq(s.answers, 8);
    ck_assert_mem_eq(s.order, expected, sizeof(expected));
    stop();
}
END_TEST

START_TEST(a_binary_answer_to_a_json_question)
{
    struct seen s = { 0 };

    start();
    broker_expect(b, RMQ_GET_ALL_CONSUMER_OFFSET);
    broker_binary_headers(b);
    broker_reply_code(b, 1, "busy");
    broker_reply_ext(b, "k", "v");
    submit(t, RMQ_GET_ALL_CONSUMER_OFFSET, &s, 0);
    run(rpc);
    ck_assert_int_eq(s.answers, 1);
    ck_assert_int_eq(s.code, 1);
    stop();
}
END_TEST

START_TEST(a_question_of_the_broker_is_no_answer)
{
    struct seen s = { 0 };

    start();
    broker_expect(b, RMQ_GET_BROKER_RUNTIME_INFO);
    broker_ask_first(b);
    broker_reply_body(b, "{}");
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    ck_assert_int_eq(s.calls, 1);
    ck_assert_str_eq(s.body, "{}");
    ck_assert_uint_eq(rpc_target_stats(t)->dropped, 1);
    stop();
}
END_TEST

static void check_remote(const struct rpc_answer *a)
{
    struct err err = { 0 };

    ck_assert_int_eq(rpc_answer_check(a, &err), -1);
    ck_err(&err, ERR_REMOTE, "): GET_TOPIC_STATS_INFO (202) answered code 17 TOPIC_NOT_EXIST: no \"T\" here");
    note(a);
}

START_TEST(a_refusal_is_an_answer)
{
    struct seen s = { 0 };

    start();
    broker_expect(b, RMQ_GET_TOPIC_STATS_INFO);
    broker_reply_code(b, RMQ_RESPONSE_TOPIC_NOT_EXIST, "no \"T\"\nhere");
    rpc_submit(t, &(struct rpc_call){ .code = RMQ_GET_TOPIC_STATS_INFO, .done = check_remote, .ctx = &s });
    run(rpc);
    ck_assert_int_eq(s.answers, 1);
    ck_assert_uint_eq(rpc_target_stats(t)->failed, 0);
    stop();
}
END_TEST

/* ---- pipelining ------------------------------------------------------------------------------------------------- */

START_TEST(no_more_than_the_limit_is_in_flight)
{
    struct seen s = { 0 };

    start();
    rpc_target_set_in_flight(t, 3);
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    broker_stall(b);
    for (int i = 0; i < 10; i++)
        submit(t, RMQ_GET_TOPIC_STATS_INFO, &s, SHORT_MS);
    run(rpc);
    ck_assert_int_eq(broker_wait_requests(b, -1, 3), 0);
    ck_assert_int_eq(broker_requests(b, -1), 3);
    ck_assert_int_eq(s.calls, 10);
    ck_assert_uint_eq(rpc_target_stats(t)->sent, 3);
    ck_assert_uint_eq(rpc_target_stats(t)->failed, 10);
    stop();
}
END_TEST

START_TEST(questions_that_may_fly_leave_together)
{
    struct seen s = { 0 };

    start();
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    broker_out_of_order(b, 4);
    for (int i = 0; i < 4; i++)
        submit(t, RMQ_GET_TOPIC_STATS_INFO, &s, 0);
    run(rpc);
    ck_assert_uint_eq(broker_most_waiting(b), 4);
    stop();
}
END_TEST

static void ask_more(const struct rpc_answer *a)
{
    struct seen *s = a->ctx;

    note(a);
    for (int i = 0; i < 2 && s->more > 0; i++, s->more--)
        rpc_submit(s->next_target, &(struct rpc_call){ .code = RMQ_GET_TOPIC_STATS_INFO, .done = ask_more, .ctx = s });
}

START_TEST(callbacks_may_ask_more)
{
    struct seen s = { .more = 200 };

    start();
    s.next_target = t;
    broker_always(b, RMQ_GET_ALL_CONSUMER_OFFSET);
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    rpc_submit(t, &(struct rpc_call){ .code = RMQ_GET_ALL_CONSUMER_OFFSET, .done = ask_more, .ctx = &s });
    run(rpc);
    ck_assert_int_eq(s.answers, 201);
    ck_assert_int_eq(broker_connections(b), 1);
    stop();
}
END_TEST

START_TEST(a_failure_may_ask_another_target)
{
    struct seen s = { .more = 1 };
    char dead[32];

    start(); /* the other target comes after t, so t is asked behind its turn */
    s.next_target = t;
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    struct rpc_target *gone = rpc_target(rpc, "broker-b", broker_dead_address(dead));
    submit(t, RMQ_GET_TOPIC_STATS_INFO, &s, 0); /* t is open and idle when the failure comes */
    run(rpc);
    rpc_submit(gone, &(struct rpc_call){ .code = RMQ_GET_BROKER_RUNTIME_INFO, .done = ask_more, .ctx = &s });
    int64_t began = clock_now_ns();
    run(rpc);
    ck_assert_int_eq(s.answers, 2);
    ck_assert_int_lt(clock_now_ns() - began, 5 * NS_PER_S);
    stop();
}
END_TEST

START_TEST(reading_goes_on_while_writing)
{
    size_t size = 1 << 20;
    char *large = xmalloc(size + 1);
    struct seen s = { 0 };

    /* The fake does not read while it writes. Were we to do the same, both would wait for ever. */
    memset(large, 'x', size);
    large[size] = '\0';
    start();
    rpc_target_set_in_flight(t, 12);
    broker_always(b, RMQ_GET_CONSUME_STATS);
    broker_reply_body(b, large);
    for (int i = 0; i < 12; i++)
        rpc_submit(t, &(struct rpc_call){ .code = RMQ_GET_CONSUME_STATS, .body = { large, size },
                                          .timeout_ms = LONG_MS, .done = note, .ctx = &s });
    run(rpc);
    ck_assert_int_eq(s.answers, 12);
    ck_assert_uint_eq(s.body_len, size);
    stop();
    free(large);
}
END_TEST

/* ---- what goes wrong -------------------------------------------------------------------------------------------- */

START_TEST(nobody_listens)
{
    struct rpc *r = rpc_new(NULL);
    struct seen s = { 0 };
    char dead[32], says[128];

    submit(rpc_target(r, "broker-a", broker_dead_address(dead)), RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(r);
    snprintf(says, sizeof(says), "connect to broker-a (%s): Connection refused", dead);
    ck_err(&s.err, ERR_SYS, says);
    ck_assert_int_eq(s.calls, 1);
    rpc_free(r);
}
END_TEST

static const struct {
    const char *address;
    enum err_kind kind;
    const char *says;
} bad_addresses[] = {
    { "nonsense", ERR_CONFIG, "expected host:port" },
    { ":10911", ERR_CONFIG, "expected host:port" },
    { "h:0", ERR_CONFIG, "no port from 1 to 65535" },
    { "h:65536", ERR_CONFIG, "no port" },
    { "h:x", ERR_CONFIG, "no port" },
    { "[::1:5", ERR_CONFIG, "expected [IPv6]:port" },
    { "[]:5", ERR_CONFIG, "expected [IPv6]:port" },
    { "no-such-host.invalid:10911", ERR_SYS, "connect to x (no-such-host.invalid:10911): looking up no-such-host.invalid: " },
};

START_TEST(a_bad_address_fails_its_questions_only)
{
    struct rpc *r = rpc_new(NULL);
    struct seen s = { 0 };

    submit(rpc_target(r, "x", bad_addresses[_i].address), RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(r);
    if (bad_addresses[_i].kind != ERR_SYS || s.err.kind != ERR_TIMEOUT) /* no DNS here may also mean no answer */
        ck_err(&s.err, bad_addresses[_i].kind, bad_addresses[_i].says);
    ck_assert_int_eq(s.calls, 1);
    rpc_free(r);
}
END_TEST

START_TEST(addresses_come_in_three_spellings)
{
    char host[CONN_HOST_MAX], port[6], *long_host = xmalloc(CONN_HOST_MAX + 8);

    ck_assert_int_eq(conn_split_address("a.example:10911", host, port, NULL), 0);
    ck_assert_str_eq(host, "a.example");
    ck_assert_str_eq(port, "10911");
    ck_assert_int_eq(conn_split_address("[fe80::1]:9876", host, port, NULL), 0);
    ck_assert_str_eq(host, "fe80::1");
    ck_assert_int_eq(conn_split_address("fe80::1:9876", host, port, NULL), 0);
    ck_assert_str_eq(host, "fe80::1");
    memset(long_host, 'x', CONN_HOST_MAX);
    strcpy(long_host + CONN_HOST_MAX - 1, ":1");
    ck_assert_int_eq(conn_split_address(long_host, host, port, NULL), 0);
    strcpy(long_host + CONN_HOST_MAX - 1, "x:1");
    ck_assert_int_eq(conn_split_address(long_host, host, port, NULL), -1);
    free(long_host);
}
END_TEST

START_TEST(a_name_is_looked_up)
{
    struct seen s = { 0 };
    char address[64];

    start();
    broker_always(b, RMQ_GET_BROKER_RUNTIME_INFO);
    snprintf(address, sizeof(address), "localhost%s", strchr(broker_address(b), ':'));
    submit(rpc_target(rpc, "", address), RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    ck_assert_msg(s.answers == 1, "%s", s.err.msg); /* ::1 is refused first, where there is IPv6 */
    stop();
}
END_TEST

START_TEST(silence_is_named)
{
    struct seen s = { 0 };
    char says[128];

    start();
    broker_expect(b, RMQ_GET_BROKER_RUNTIME_INFO);
    broker_stall(b);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, SHORT_MS);
    run(rpc);
    snprintf(says, sizeof(says), "broker-a (%s): no answer to GET_BROKER_RUNTIME_INFO (28) within 0.4 s", broker_address(b));
    ck_err(&s.err, ERR_TIMEOUT, says);
    ck_err(&rpc_target_stats(t)->first_error, ERR_TIMEOUT, says);
    stop();
}
END_TEST

START_TEST(an_answer_with_a_wrong_number_is_no_answer)
{
    struct seen s = { 0 };

    start();
    broker_expect(b, RMQ_GET_BROKER_RUNTIME_INFO);
    broker_wrong_id(b);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, SHORT_MS);
    run(rpc);
    ck_err(&s.err, ERR_TIMEOUT, "no answer to");
    ck_assert_uint_eq(rpc_target_stats(t)->dropped, 1);
    stop();
}
END_TEST

static void speak_http(void)
{
    broker_http(b);
}

static void speak_grpc(void)
{
    broker_grpc(b);
}

static void speak_tls(void)
{
    broker_tls(b);
}

static void speak_garbage(void)
{
    broker_garbage(b);
}

static void speak_too_much(void)
{
    broker_oversize(b, WIRE_FRAME_MAX + 1);
}

static void close_at_once(void)
{
    broker_close(b, 0);
}

static void close_midway(void)
{
    broker_reply_body(b, "0123456789");
    broker_close(b, 50);
}

static void close_in_the_length(void)
{
    broker_close(b, 3);
}

static void reset_it(void)
{
    broker_reset(b);
}

static const struct {
    void (*misbehave)(void);
    enum err_kind kind;
    const char *says;
} peers[] = {
    { speak_http, ERR_PROTO, "): this is an HTTP server, not RocketMQ" },
    { speak_grpc, ERR_PROTO, "): this is an HTTP/2 server (gRPC), not RocketMQ" },
    { speak_tls, ERR_PROTO, "): this is a TLS server, not RocketMQ" },
    { speak_garbage, ERR_PROTO, "): header serialization 7, expected 0 or 1" },
    { speak_too_much, ERR_LIMIT, "): frame of 268435457 bytes, limit is 268435456" },
    { close_at_once, ERR_CLOSED, "): closed the connection without an answer" },
    { close_midway, ERR_CLOSED, "): closed the connection in the middle of a frame (50 of " },
    { close_in_the_length, ERR_CLOSED, "): closed the connection in the middle of a frame (3 bytes)" },
    { reset_it, ERR_CLOSED, "): closed the connection without an answer" },
};

START_TEST(a_peer_that_is_no_broker_is_named)
{
    struct seen s = { 0 };

    start();
    broker_always(b, RMQ_GET_BROKER_RUNTIME_INFO);
    peers[_i].misbehave();
    for (int i = 0; i < 6; i++)
        submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    ck_err(&s.err, peers[_i].kind, peers[_i].says);
    ck_assert_int_eq(s.calls, 6);
    ck_assert_int_eq(broker_connections(b), 1);
    stop();
}
END_TEST

START_TEST(a_peer_that_hangs_up_is_named)
{
    struct seen s = { 0 };

    start();
    broker_hang_up(b);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    ck_err(&s.err, ERR_CLOSED, "closed the connection without an answer");
    stop();
}
END_TEST

START_TEST(other_targets_go_on)
{
    struct seen good = { 0 }, bad = { 0 };
    struct broker *other;
    char dead[32];

    start();
    other = broker_start();
    broker_always(b, RMQ_GET_BROKER_RUNTIME_INFO);
    broker_always(other, RMQ_GET_BROKER_RUNTIME_INFO);
    broker_garbage(other);
    struct rpc_target *t2 = rpc_target(rpc, "b", broker_address(other)), *t3 = rpc_target(rpc, "c", broker_dead_address(dead));
    for (int i = 0; i < 20; i++) {
        submit(t3, RMQ_GET_BROKER_RUNTIME_INFO, &bad, 0);
        submit(t2, RMQ_GET_BROKER_RUNTIME_INFO, &bad, 0);
        submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &good, 0);
    }
    run(rpc);
    ck_assert_int_eq(good.answers, 20);
    ck_assert_int_eq(bad.calls, 40);
    ck_assert_int_eq(bad.answers, 0);
    broker_stop(other);
    stop();
}
END_TEST

START_TEST(one_slow_answer_fails_alone)
{
    struct seen slow = { 0 }, fast = { 0 };

    start();
    broker_expect(b, RMQ_GET_TOPIC_STATS_INFO);
    broker_when(b, "topic", "slow");
    broker_stall(b);
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    submit_topic(t, "slow", &slow, SHORT_MS, 0);
    for (uintptr_t i = 0; i < 20; i++)
        submit_topic(t, "fast", &fast, 0, i);
    run(rpc);
    ck_err(&slow.err, ERR_TIMEOUT, "no answer to GET_TOPIC_STATS_INFO (202) within 0.4 s");
    ck_assert_int_eq(fast.answers, 20);
    submit_topic(t, "fast", &fast, 0, 0);
    run(rpc);
    ck_assert_int_eq(fast.answers, 21);
    ck_assert_int_eq(broker_connections(b), 1);
    stop();
}
END_TEST

START_TEST(a_question_too_large_fails_alone)
{
    struct wire_field fields[WIRE_EXT_MAX + 1];
    struct seen large = { 0 }, small = { 0 };

    for (size_t i = 0; i <= WIRE_EXT_MAX; i++)
        fields[i] = (struct wire_field){ "k", "v" };
    start();
    broker_always(b, RMQ_GET_CONSUME_STATS);
    submit(t, RMQ_GET_CONSUME_STATS, &small, 0);
    rpc_submit(t, &(struct rpc_call){ .code = RMQ_GET_CONSUME_STATS, .fields = fields, .field_count = WIRE_EXT_MAX + 1,
                                      .done = note, .ctx = &large });
    submit(t, RMQ_GET_CONSUME_STATS, &small, 0);
    run(rpc);
    ck_assert_int_eq(small.answers, 2);
    ck_err(&large.err, ERR_LIMIT, "): GET_CONSUME_STATS (208): request with 257 ext fields");
    stop();
}
END_TEST

/* ---- ends ------------------------------------------------------------------------------------------------------- */

START_TEST(the_deadline_of_the_run_holds)
{
    struct seen s = { 0 };
    struct err err = { 0 };

    start();
    broker_always(b, RMQ_GET_BROKER_RUNTIME_INFO);
    broker_stall(b);
    for (int i = 0; i < 10; i++)
        submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, LONG_MS);
    int64_t began = clock_now_ns();
    ck_assert_int_eq(rpc_run(rpc, began + SHORT_MS * NS_PER_MS, -1, &err), -1);
    ck_assert_int_ge(clock_now_ns() - began, SHORT_MS * NS_PER_MS);
    ck_assert_int_lt(clock_now_ns() - began, 5 * NS_PER_S);
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    ck_assert_int_eq(s.calls, 10);
    ck_err(&s.err, ERR_TIMEOUT, "): not answered before the end of the time allowed");
    stop();
}
END_TEST

START_TEST(the_cancel_fd_ends_the_run)
{
    struct seen s = { 0 };
    struct err err = { 0 };
    int fd = eventfd(1, EFD_CLOEXEC);

    start();
    broker_always(b, RMQ_GET_BROKER_RUNTIME_INFO);
    broker_stall(b);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, LONG_MS);
    ck_assert_int_eq(rpc_run(rpc, clock_now_ns() + LONG_MS * NS_PER_MS, fd, &err), -1);
    ck_assert_int_eq(err.kind, ERR_CANCELED);
    ck_err(&s.err, ERR_CANCELED, "canceled");
    ck_assert_int_eq(s.calls, 1);
    close(fd);
    stop();
}
END_TEST

START_TEST(what_still_waits_at_the_end_is_told)
{
    struct seen s = { 0 };

    start();
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    stop();
    ck_assert_int_eq(s.calls, 1);
    ck_err(&s.err, ERR_CANCELED, "canceled");
}
END_TEST

START_TEST(a_late_answer_does_not_meet_the_next_question)
{
    struct seen first = { 0 }, second = { 0 };

    start();
    broker_out_of_order(b, 2); /* the first answer is kept back until the second question has come */
    broker_expect(b, RMQ_GET_TOPIC_STATS_INFO);
    broker_reply_body(b, "late");
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    broker_reply_body(b, "fresh");
    submit(t, RMQ_GET_TOPIC_STATS_INFO, &first, LONG_MS);
    rpc_run(rpc, clock_now_ns() + SHORT_MS * NS_PER_MS, -1, NULL);
    ck_assert_int_eq(first.err.kind, ERR_TIMEOUT);
    submit(t, RMQ_GET_TOPIC_STATS_INFO, &second, 0);
    submit(t, RMQ_GET_TOPIC_STATS_INFO, &second, 0);
    run(rpc);
    ck_assert_int_eq(second.answers, 2);
    ck_assert_str_eq(second.body, "fresh");
    ck_assert_int_eq(first.calls, 1);
    stop();
}
END_TEST

/* ---- from run to run -------------------------------------------------------------------------------------------- */

START_TEST(connections_stay_between_runs)
{
    struct seen s = { 0 };

    start();
    broker_always(b, RMQ_GET_BROKER_RUNTIME_INFO);
    for (int i = 0; i < 5; i++) {
        submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
        run(rpc);
    }
    ck_assert_int_eq(s.answers, 5);
    ck_assert_int_eq(broker_connections(b), 1);
    rpc_close_all(rpc);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    ck_assert_int_eq(s.answers, 6);
    ck_assert_int_eq(broker_connections(b), 2);
    stop();
}
END_TEST

START_TEST(a_kept_connection_closed_meanwhile_is_no_failure)
{
    struct seen s = { 0 };

    start();
    broker_always(b, RMQ_GET_BROKER_RUNTIME_INFO);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    broker_drop_all(b);
    for (int i = 0; i < 10; i++)
        submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    ck_assert_int_eq(s.answers, 11);
    ck_assert_uint_eq(rpc_target_stats(t)->failed, 0);
    ck_assert_uint_eq(rpc_target_stats(t)->reopens, 1);
    ck_assert_uint_eq(rpc_target_stats(t)->sent, 11);
    ck_assert_int_eq(rpc_target_stats(t)->first_error.kind, ERR_NONE);
    stop();
}
END_TEST

START_TEST(a_kept_connection_reset_at_the_question_is_no_failure)
{
    struct seen s = { 0 };

    start();
    broker_expect(b, RMQ_GET_BROKER_RUNTIME_INFO);
    broker_expect(b, RMQ_GET_BROKER_RUNTIME_INFO);
    broker_reset(b);
    broker_expect(b, RMQ_GET_BROKER_RUNTIME_INFO);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    ck_assert_int_eq(s.answers, 2);
    ck_assert_int_eq(broker_unmet(b), 0);
    stop();
}
END_TEST

START_TEST(a_kept_connection_is_reopened_once_only)
{
    struct seen s = { 0 };

    start();
    broker_expect(b, RMQ_GET_BROKER_RUNTIME_INFO);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    broker_hang_up(b);
    broker_drop_all(b);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    ck_assert_int_eq(s.calls, 2);
    ck_err(&s.err, ERR_CLOSED, "closed the connection without an answer");
    ck_assert_msg(strstr(s.err.msg, "not a RocketMQ port") == NULL, "%s", s.err.msg); /* it was one a moment ago */
    ck_assert_int_eq(broker_connections(b), 2);
    stop();
}
END_TEST

START_TEST(a_write_that_fails_on_a_kept_connection_is_tried_again)
{
    struct conn_ops ops = piece_transport(1000, -1);
    struct rpc_options options = { .transport = &ops };
    struct seen s = { 0 };

    start_with(&options);
    broker_always(b, RMQ_GET_BROKER_RUNTIME_INFO);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    sends_until_error = 0;
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc); /* fails on the kept connection, then on the new one */
    ck_assert_int_eq(s.answers, 1);
    ck_assert_int_eq(s.calls, 2);
    ck_assert_uint_eq(rpc_target_stats(t)->reopens, 1);
    ck_assert_int_eq(s.err.kind, ERR_CLOSED);
    sends_until_error = -1;
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    ck_assert_int_eq(s.answers, 2);
    stop();
}
END_TEST

START_TEST(an_old_connection_is_opened_anew)
{
    struct rpc_options options = { .idle_max_ms = 1 };
    struct seen s = { 0 };

    start_with(&options);
    broker_always(b, RMQ_GET_BROKER_RUNTIME_INFO);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    int64_t until = clock_now_ns() + 3 * NS_PER_MS;
    while (clock_now_ns() < until)
        ;
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    ck_assert_int_eq(s.answers, 2);
    ck_assert_int_eq(broker_connections(b), 2);
    ck_assert_uint_eq(rpc_target_stats(t)->reopens, 0);
    stop();
}
END_TEST

START_TEST(the_next_run_tries_again)
{
    struct seen s = { 0 };

    start();
    broker_expect(b, RMQ_GET_BROKER_RUNTIME_INFO);
    broker_garbage(b);
    broker_always(b, RMQ_GET_BROKER_RUNTIME_INFO);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    ck_assert_int_eq(s.answers, 0);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    ck_assert_int_eq(s.answers, 1);
    stop();
}
END_TEST

/* ---- targets and counters --------------------------------------------------------------------------------------- */

START_TEST(a_second_label_is_a_second_connection)
{
    struct seen s = { 0 };

    start();
    broker_always(b, RMQ_GET_BROKER_RUNTIME_INFO);
    struct rpc_target *lane = rpc_target(rpc, "broker-a clients", broker_address(b));
    ck_assert_ptr_eq(rpc_target(rpc, "broker-a", broker_address(b)), t);
    ck_assert_ptr_ne(lane, t);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    submit(lane, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    ck_assert_int_eq(broker_connections(b), 2);
    rpc_target_free(t);
    submit(lane, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    ck_assert_int_eq(s.answers, 3);
    stop();
}
END_TEST

START_TEST(everything_is_counted)
{
    struct seen s = { 0 };

    start();
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    broker_reply_body(b, "0123456789");
    broker_expect(b, RMQ_GET_BROKER_RUNTIME_INFO);
    broker_close(b, 0);
    rpc_target_set_in_flight(t, 1);
    for (int i = 0; i < 5; i++)
        submit(t, RMQ_GET_TOPIC_STATS_INFO, &s, 0);
    run(rpc);
    rpc_close_all(rpc);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    submit(t, RMQ_GET_BROKER_RUNTIME_INFO, &s, 0);
    run(rpc);
    const struct rpc_stats *stats = rpc_target_stats(t);
    ck_assert_uint_eq(stats->sent, 6);
    ck_assert_uint_eq(stats->answered, 5);
    ck_assert_uint_eq(stats->failed, 2);
    ck_assert_uint_eq(stats->connects, 2);
    ck_assert_uint_gt(stats->bytes_received, 50);
    ck_assert_uint_gt(stats->bytes_sent, 6 * 72);
    ck_assert_uint_eq(stats->code_count, 2);
    ck_assert_int_eq(stats->codes[0].code, RMQ_GET_TOPIC_STATS_INFO);
    ck_assert_uint_eq(stats->codes[0].sent, 5);
    ck_assert_uint_eq(stats->codes[0].failed, 0);
    ck_assert_uint_eq(stats->codes[1].sent, 1);
    ck_assert_uint_eq(stats->codes[1].failed, 2);
    ck_assert_int_gt(rpc_stats_duration_ns(stats), 0);
    ck_assert_int_eq(stats->first_error.kind, ERR_CLOSED);
    rpc_target_reset_stats(t);
    ck_assert_uint_eq(stats->sent, 0);
    ck_assert_int_eq(rpc_target_version(t), 407);
    stop();
}
END_TEST

START_TEST(codes_beyond_the_table_share_its_last_row)
{
    struct seen s = { 0 };

    start();
    for (int code = 1; code <= RPC_CODES_MAX + 10; code++)
        submit(t, code, &s, 0); /* answered with code 3 */
    run(rpc);
    const struct rpc_stats *stats = rpc_target_stats(t);
    ck_assert_int_eq(s.answers, RPC_CODES_MAX + 10);
    ck_assert_uint_eq(stats->code_count, RPC_CODES_MAX);
    ck_assert_uint_eq(stats->codes[RPC_CODES_MAX - 1].sent, 11);
    stop();
}
END_TEST

START_TEST(in_flight_limits_are_clamped)
{
    struct seen s = { 0 };

    start();
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    broker_stall(b);
    rpc_target_set_in_flight(t, RPC_IN_FLIGHT_MAX + 1);
    for (int i = 0; i < RPC_IN_FLIGHT_MAX + 10; i++)
        submit(t, RMQ_GET_TOPIC_STATS_INFO, &s, SHORT_MS);
    run(rpc);
    ck_assert_int_eq(broker_wait_requests(b, -1, RPC_IN_FLIGHT_MAX), 0);
    ck_assert_int_eq(broker_requests(b, -1), RPC_IN_FLIGHT_MAX);
    rpc_target_set_in_flight(t, 0);
    for (int i = 0; i < 3; i++)
        submit(t, RMQ_GET_TOPIC_STATS_INFO, &s, SHORT_MS);
    run(rpc);
    ck_assert_int_eq(broker_wait_requests(b, -1, RPC_IN_FLIGHT_MAX + 1), 0);
    ck_assert_int_eq(broker_requests(b, -1), RPC_IN_FLIGHT_MAX + 1);
    stop();
}
END_TEST

static int sign_as(void *ctx, const struct wire_field *fields, size_t count, struct view body,
                   struct wire_field added[WIRE_SIGN_MAX], struct err *err)
{
    (void)fields, (void)count, (void)body, (void)err;
    added[0] = (struct wire_field){ "AccessKey", ctx };
    return 1;
}

START_TEST(requests_are_signed)
{
    char key[] = "reader";
    struct wire_signer signer = { sign_as, key };
    struct seen s = { 0 };

    start();
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    rpc_target_set_signer(t, &signer);
    submit_topic(t, "T", &s, 0, 0);
    run(rpc);
    ck_assert_str_eq(broker_saw(b, RMQ_GET_TOPIC_STATS_INFO, "AccessKey"), "reader");
    ck_assert_str_eq(broker_saw(b, RMQ_GET_TOPIC_STATS_INFO, "topic"), "T");
    stop();
}
END_TEST

/* ---- memory ----------------------------------------------------------------------------------------------------- */

START_TEST(a_large_answer_leaves_no_large_buffer)
{
    size_t size = 8 << 20;
    char *large = xmalloc(size + 1);
    struct seen s = { 0 };

    memset(large, 'x', size);
    large[size] = '\0';
    start();
    broker_expect(b, RMQ_GET_ALL_CONSUMER_OFFSET);
    broker_reply_body(b, large);
    broker_always(b, RMQ_GET_TOPIC_STATS_INFO);
    free(large);
    size_t before = memory_in_use();
    submit(t, RMQ_GET_ALL_CONSUMER_OFFSET, &s, 0);
    run(rpc);
    ck_assert_uint_eq(s.body_len, size);
    submit(t, RMQ_GET_TOPIC_STATS_INFO, &s, 0);
    run(rpc);
    ck_assert_int_eq(s.answers, 2);
    ck_assert_uint_lt(memory_in_use(), before + (1 << 20));
    stop();
}
END_TEST

static size_t most_in_use;

static void weigh(const struct rpc_answer *a)
{
    most_in_use = memory_in_use();
    note(a);
}

START_TEST(a_lie_about_the_length_costs_nothing)
{
    struct seen s = { 0 };

    start();
    broker_always(b, RMQ_GET_BROKER_RUNTIME_INFO);
    broker_oversize(b, 200 << 20);
    size_t before = memory_in_use();
    rpc_submit(t, &(struct rpc_call){ .code = RMQ_GET_BROKER_RUNTIME_INFO, .timeout_ms = SHORT_MS, .done = weigh, .ctx = &s });
    run(rpc);
    ck_assert_int_eq(s.calls, 1);
    ck_assert_uint_lt(most_in_use, before + (1 << 20));
    stop();
}
END_TEST

/* Three servers begin an answer of the largest size and do not end it. Two may. */
START_TEST(large_answers_at_a_time_have_a_limit)
{
    struct seen s[RPC_LARGE_FRAMES + 1] = { 0 };
    struct broker *brokers[RPC_LARGE_FRAMES + 1];
    unsigned refused = 0, late = 0;
    const size_t size = 1 << 20, begun = 900 << 10;
    char *large = xmalloc(begun);

    memset(large, 'x', begun);
    rpc = rpc_new(&(struct rpc_options){ .frame_max = size });
    for (int i = 0; i <= RPC_LARGE_FRAMES; i++) {
        brokers[i] = broker_start();
        broker_always(brokers[i], RMQ_GET_ALL_CONSUMER_OFFSET);
        broker_reply_bytes(brokers[i], large, begun);
        broker_oversize(brokers[i], (uint32_t)size);
        submit(rpc_target(rpc, "large", broker_address(brokers[i])), RMQ_GET_ALL_CONSUMER_OFFSET, &s[i], 10 * SHORT_MS);
    }
    run(rpc);
    for (int i = 0; i <= RPC_LARGE_FRAMES; i++) {
        refused += s[i].err.kind == ERR_LIMIT && strstr(s[i].err.msg, "together more than 2097152 bytes") != NULL;
        late += s[i].err.kind == ERR_TIMEOUT;
        broker_stop(brokers[i]);
    }
    ck_assert_msg(refused == 1 && late == RPC_LARGE_FRAMES, "%u refused, %u late", refused, late);
    rpc_free(rpc);
    free(large);
}
END_TEST

START_TEST(an_answer_that_takes_too_long_says_how_far_it_came)
{
    struct seen s = { 0 };
    static char text[20001];

    memset(text, 'x', 20000);
    start();
    broker_always(b, RMQ_GET_ALL_CONSUMER_OFFSET);
    broker_reply_body(b, text);
    broker_split(b, 1);
    submit(t, RMQ_GET_ALL_CONSUMER_OFFSET, &s, SHORT_MS);
    run(rpc);
    ck_err(&s.err, ERR_TIMEOUT, "answer to GET_ALL_CONSUMER_OFFSET (43) not complete within 0.4 s (");
    stop();
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
    Suite *suite = suite_create("rpc");
    TCase *answers = unit_case(suite, "answers"), *pipelining = unit_case(suite, "pipelining");
    TCase *wrong = unit_case(suite, "wrong"), *ends = unit_case(suite, "ends");
    TCase *runs = unit_case(suite, "runs"), *counters = unit_case(suite, "counters");
    TCase *memory = unit_case(suite, "memory");

    tcase_add_test(answers, a_question_is_answered);
    tcase_add_test(answers, no_questions_no_run);
    tcase_add_loop_test(answers, an_answer_cut_anywhere_still_counts, 1, 40);
    tcase_add_test(answers, a_broker_that_dribbles_is_heard_out);
    tcase_add_test(answers, answers_find_their_questions_in_any_order);
    tcase_add_test(answers, a_binary_answer_to_a_json_question);
    tcase_add_test(answers, a_question_of_the_broker_is_no_answer);
    tcase_add_test(answers, a_refusal_is_an_answer);
    tcase_add_test(pipelining, no_more_than_the_limit_is_in_flight);
    tcase_add_test(pipelining, questions_that_may_fly_leave_together);
    tcase_add_test(pipelining, callbacks_may_ask_more);
    tcase_add_test(pipelining, a_failure_may_ask_another_target);
    tcase_add_test(pipelining, reading_goes_on_while_writing);
    tcase_add_test(wrong, nobody_listens);
    tcase_add_loop_test(wrong, a_bad_address_fails_its_questions_only, 0, COUNT(bad_addresses));
    tcase_add_test(wrong, addresses_come_in_three_spellings);
    tcase_add_test(wrong, a_name_is_looked_up);
    tcase_add_test(wrong, silence_is_named);
    tcase_add_test(wrong, an_answer_with_a_wrong_number_is_no_answer);
    tcase_add_loop_test(wrong, a_peer_that_is_no_broker_is_named, 0, COUNT(peers));
    tcase_add_test(wrong, a_peer_that_hangs_up_is_named);
    tcase_add_test(wrong, other_targets_go_on);
    tcase_add_test(wrong, one_slow_answer_fails_alone);
    tcase_add_test(wrong, a_question_too_large_fails_alone);
    tcase_add_test(ends, the_deadline_of_the_run_holds);
    tcase_add_test(ends, the_cancel_fd_ends_the_run);
    tcase_add_test(ends, what_still_waits_at_the_end_is_told);
    tcase_add_test(ends, a_late_answer_does_not_meet_the_next_question);
    tcase_add_test(runs, connections_stay_between_runs);
    tcase_add_test(runs, a_kept_connection_closed_meanwhile_is_no_failure);
    tcase_add_test(runs, a_kept_connection_reset_at_the_question_is_no_failure);
    tcase_add_test(runs, a_kept_connection_is_reopened_once_only);
    tcase_add_test(runs, a_write_that_fails_on_a_kept_connection_is_tried_again);
    tcase_add_test(runs, an_old_connection_is_opened_anew);
    tcase_add_test(runs, the_next_run_tries_again);
    tcase_add_test(counters, a_second_label_is_a_second_connection);
    tcase_add_test(counters, everything_is_counted);
    tcase_add_test(counters, codes_beyond_the_table_share_its_last_row);
    tcase_add_test(counters, in_flight_limits_are_clamped);
    tcase_add_test(counters, requests_are_signed);
    tcase_add_test(memory, a_large_answer_leaves_no_large_buffer);
    tcase_add_test(memory, a_lie_about_the_length_costs_nothing);
    tcase_add_test(memory, large_answers_at_a_time_have_a_limit);
    tcase_add_test(memory, an_answer_that_takes_too_long_says_how_far_it_came);
    return unit_main(suite);
}
