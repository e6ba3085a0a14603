/* test_redis.c - the redis sink: ids, addresses, what refusals mean, the bytes, and "once" whatever the peer does. */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "sinks/redis/address.h"
#include "sinks/redis/entry.h"
#include "sinks/redis/link.h"
#include "sinks/redis/peers.h"
#include "sinks/redis/refusal.h"
#include "sinks/redis/stream_id.h"
#include "tests/fake/redis_peer.h"
#include "tests/fake/sink_rig.h"
#include "tests/unit/unit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TIME_MS 1700000040000 /* of the rig's batches */
#define KEY "mqpush:brokers"
#define ROWS 7

/* --- ids ------------------------------------------------------------------------------------------------------------- */

static const struct {
    int64_t time_ms;
    uint32_t row;
    struct stream_id last;
    bool there;
    struct stream_id want;
} row_ids[] = {
    { 1000, 1, { 0, 0 }, true, { 1000, 1 } },
    { 1000, 7, { 999, UINT64_MAX }, true, { 1000, 7 } },
    { 1000, 7, { 1000, 6 }, true, { 1000, 7 } },
    { 1000, 7, { 1000, 7 }, true, { 1000, 8 } },       /* behind the last one, wherever that is */
    { 1000, 7, { 1000, 500 }, true, { 1000, 501 } },
    { 1000, 1, { 5000, 3 }, true, { 5000, 4 } },       /* the clock stepped back */
    { 1000, 1, { 5000, UINT64_MAX }, true, { 5001, 0 } },
    { 1000, 1, { UINT64_MAX, UINT64_MAX - 1 }, true, { UINT64_MAX, UINT64_MAX } },
    { 1000, 1, { UINT64_MAX, UINT64_MAX }, false, { 0, 0 } },
};

START_TEST(a_row_gets_its_own_id_or_the_next_one_free)
{
    struct stream_id id = { 0, 0 };

    ck_assert_int_eq(stream_id_for_row(row_ids[_i].time_ms, row_ids[_i].row, row_ids[_i].last, &id), row_ids[_i].there);
    ck_assert_uint_eq(id.ms, row_ids[_i].want.ms);
    ck_assert_uint_eq(id.seq, row_ids[_i].want.seq);
}
END_TEST

START_TEST(ids_are_read_strictly)
{
    static const char *const bad[] = { "", "-", "1", "1-", "-1", "1-2-3", "1 -2", "+1-2", "18446744073709551616-0",
                                       "0-18446744073709551616", "a-1", "1-*" };
    struct stream_id id = { 7, 7 };
    char text[STREAM_ID_TEXT_MAX];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(stream_id_parse(bad[i], strlen(bad[i]), &id) == -1 && id.ms == 7, "%s", bad[i]);
    const char *largest = "18446744073709551615-18446744073709551615";
    ck_assert_int_eq(stream_id_parse(largest, strlen(largest), &id), 0);
    ck_assert_uint_eq(stream_id_print(id, text), strlen(largest));
    ck_assert_str_eq(text, largest);
    ck_assert(stream_id_before(id, &id) && id.seq == UINT64_MAX - 1);
    ck_assert(!stream_id_before((struct stream_id){ 0, 0 }, &id));
    ck_assert(stream_id_before((struct stream_id){ 5, 0 }, &id) && id.ms == 4 && id.seq == UINT64_MAX);
}
END_TEST

/* --- addresses --------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *url, *host;
    int port;
    unsigned hosts;
    int64_t database;
    const char *user, *password;
} good_urls[] = {
    { "redis://h", "h", 6379, 1, -1, NULL, NULL },
    { "redis://h:1/", "h", 1, 1, -1, NULL, NULL },
    { "REDIS://h:65535/15", "h", 65535, 1, 15, NULL, NULL },
    { "redis://[::1]:7000/0", "::1", 7000, 1, 0, NULL, NULL },
    { "redis://a:1,b:2,c/3", "a", 1, 3, 3, NULL, NULL },
    { "redis://:pw@h", "h", 6379, 1, -1, NULL, "pw" },
    { "redis://u:p%40%3A%2f%25@h", "h", 6379, 1, -1, "u", "p@:/%" },
    { "redis://u:a@b@h", "h", 6379, 1, -1, "u", "a@b" },
    { "unix:///run/redis.sock", "/run/redis.sock", 0, 1, -1, NULL, NULL },
    { "unix://u:p@/run/redis.sock", "/run/redis.sock", 0, 1, -1, "u", "p" },
};

static void same_or_null(const char *got, const char *want)
{
    ck_assert(want == NULL ? got == NULL : got != NULL && strcmp(got, want) == 0);
}

START_TEST(an_address_is_understood)
{
    struct address a;
    struct err err;

    ck_assert_msg(address_parse(good_urls[_i].url, &a, &err) == 0, "%s: %s", good_urls[_i].url, err.msg);
    ck_assert_str_eq(a.servers.at[0].host, good_urls[_i].host);
    ck_assert_int_eq(a.servers.at[0].port, good_urls[_i].port);
    ck_assert_uint_eq(a.servers.count, good_urls[_i].hosts);
    ck_assert_int_eq(a.database, good_urls[_i].database);
    same_or_null(a.user, good_urls[_i].user);
    same_or_null(a.password, good_urls[_i].password);
    address_fini(&a);
}
END_TEST

static const char *const bad_urls[] = {
    "", "h", "http://h", "redis:h", "redis://", "redis:///0", "redis://h:0", "redis://h:65536", "redis://h:x", "redis://h:1:",
    "redis://[::1", "redis://h/x", "redis://h/-1", "redis://h/65536", "redis://u:secret%4@h", "redis://u:secret%00@h",
    "redis://u:secret@h?x=1",
    "redis://u:secret@", "rediss://u:secret@h", "unix://relative", "unix://", "redis://u:secret@h:x",
};

START_TEST(a_wrong_address_is_refused_without_its_secret)
{
    struct address a;
    struct err err = { 0 };

    ck_assert_msg(address_parse(bad_urls[_i], &a, &err) == -1, "%s", bad_urls[_i]);
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    ck_assert_msg(strstr(err.msg, "secret") == NULL, "%s", err.msg);
    address_fini(&a);
}
END_TEST

/* --- refusals ------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *text;
    enum sink_result result;
    enum refusal_move move;
} replies[] = {
    { "OOM command not allowed when used memory > 'maxmemory'.", SINK_RETRY, MOVE_NONE },
    { "READONLY You can't write against a read only replica.", SINK_RETRY, MOVE_ELSEWHERE },
    { "LOADING Redis is loading the dataset in memory", SINK_RETRY, MOVE_NONE },
    { "MASTERDOWN Link with MASTER is down", SINK_RETRY, MOVE_ELSEWHERE },
    { "BUSY Redis is busy running a script.", SINK_RETRY, MOVE_NONE },
    { "TRYAGAIN Multiple keys request during rehashing of slot", SINK_RETRY, MOVE_NONE },
    { "CLUSTERDOWN The cluster is down", SINK_RETRY, MOVE_NONE },
    { "NOREPLICAS Not enough good replicas to write.", SINK_RETRY, MOVE_NONE },
    { "MISCONF Redis is configured to save RDB snapshots", SINK_RETRY, MOVE_NONE },
    { "NOAUTH Authentication required.", SINK_REJECT, MOVE_ELSEWHERE },
    { "WRONGPASS invalid username-password pair", SINK_REJECT, MOVE_ELSEWHERE },
    { "NOPERM this user has no permissions to run the 'xadd' command", SINK_REJECT, MOVE_NONE },
    { "WRONGTYPE Operation against a key holding the wrong kind of value", SINK_REJECT, MOVE_NONE },
    { "MOVED 3999 127.0.0.1:6381", SINK_RETRY, MOVE_MOVED },
    { "ASK 3999 127.0.0.1:6381", SINK_RETRY, MOVE_ASK },
    { "ERR The ID specified in XADD is equal or smaller than the target stream top item", SINK_RETRY, MOVE_COMPARE },
    { "ERR The stream has exhausted the last possible ID, unable to add more items", SINK_REJECT, MOVE_NONE },
    { "ERR AUTH <password> called without any password configured for the default user.", SINK_REJECT, MOVE_ELSEWHERE },
    { "ERR max number of clients reached", SINK_RETRY, MOVE_ELSEWHERE },
    { "ERR something new", SINK_RETRY, MOVE_NONE },
    { "OOMPH", SINK_RETRY, MOVE_NONE },
    { "", SINK_RETRY, MOVE_NONE },
};

START_TEST(a_refusal_has_one_meaning)
{
    const struct refusal *r = refusal_of(replies[_i].text, strlen(replies[_i].text));

    ck_assert_msg(r->result == replies[_i].result && r->move == replies[_i].move, "%s", replies[_i].text);
}
END_TEST

START_TEST(a_redirection_is_read_strictly)
{
    static const char *const bad[] = { "MOVED", "MOVED 1", "MOVED 1 h", "MOVED 1 h:", "MOVED 1 h:0", "MOVED 1 h:65536", "MOVED 1 h:x",
                                       "MOVED 1 a\nb:1", "MOVED 1 \x1b[31m:1" };
    const struct endpoint here = { "here", 1 };
    struct endpoint to;
    char long_host[400];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(refusal_target(bad[i], strlen(bad[i]), &here, &to) == -1, "%s", bad[i]);
    ck_assert_int_eq(refusal_target("MOVED 1 10.0.0.2:6381", 21, &here, &to), 0);
    ck_assert(strcmp(to.host, "10.0.0.2") == 0 && to.port == 6381);
    ck_assert_int_eq(refusal_target("ASK 1 ::1:6381", 14, &here, &to), 0);
    ck_assert(strcmp(to.host, "::1") == 0 && to.port == 6381);
    ck_assert_int_eq(refusal_target("MOVED 1 :6382", 13, &here, &to), 0);
    ck_assert(strcmp(to.host, "here") == 0 && to.port == 6382);
    int len = snprintf(long_host, sizeof(long_host), "MOVED 1 %0300d:1", 1);
    ck_assert_int_eq(refusal_target(long_host, (size_t)len, &here, &to), -1);
}
END_TEST

START_TEST(a_host_that_a_server_names_is_printable_and_fits)
{
    char host[ADDRESS_HOST_MAX + 1];

    memset(host, 'h', sizeof(host));
    ck_assert(address_is_host(host, ADDRESS_HOST_MAX - 1) && !address_is_host(host, ADDRESS_HOST_MAX));
    ck_assert(address_is_host("2001:db8::1", 11) && !address_is_host("", 0));
    ck_assert(!address_is_host("a b", 3) && !address_is_host("a\0b", 3) && !address_is_host("\xc3\xa4", 2));
}
END_TEST

/* Nobody listens on these ports; they count all the same. */
START_TEST(servers_that_redirections_name_are_at_most_so_many)
{
    static struct peers peers;
    const struct address nowhere = { .database = -1 };
    const struct endpoints none = { .count = 0 };
    const struct login login = { .user = NULL };
    const struct wait wait = { .deadline_ns = clock_now_ns() + 20 * NS_PER_S, .cancel_fd = -1 };
    struct err err;
    bool rejected;

    peers_init(&peers, &nowhere, &login, &none, "");
    for (int port = 1; port <= PEERS_MAX + 1; port++) {
        ck_assert_ptr_null(peers_at(&peers, &(struct endpoint){ "127.0.0.9", port }, &wait, &rejected, &err));
        ck_assert_int_eq(err.kind, port <= PEERS_MAX ? ERR_SYS : ERR_LIMIT);
    }
    peers_fini(&peers);
}
END_TEST

/* --- the bytes ------------------------------------------------------------------------------------------------------------- */

static struct redis_peer *peer;
static struct sink_rig rig;

static void setup(void)
{
    peer = redis_peer_start();
    sink_rig_init(&rig, "redis");
    rig.env.timeout_ms = 500;
    sink_rig_set(&rig, "url", redis_peer_url(peer));
}

static void teardown(void)
{
    sink_rig_fini(&rig);
    redis_peer_stop(peer);
}

static void open_rig(void)
{
    ck_assert_msg(sink_rig_open(&rig) == 0, "%s", rig.err.msg);
}

static enum sink_result deliver(struct batch *b)
{
    enum sink_result result = sink_rig_deliver(&rig, b);

    batch_unref(b);
    return result;
}

/* Brokers as the rig makes them, of another interval and with other numbers. */
static struct batch *make_batch(int64_t time_ms, uint32_t rows, int64_t salt)
{
    struct batch *b = batch_new();
    char name[32];

    *batch_info_edit(b) = (struct batch_info){ .time_ms = time_ms, .interval_ms = 60000, .number = 1, .complete = true };
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t row = batch_add(b, TABLE_BROKERS);
        snprintf(name, sizeof(name), "broker-%u", i);
        batch_set_text(b, TABLE_BROKERS, row, BROKERS_BROKER, batch_intern_z(b, name));
        batch_set_int(b, TABLE_BROKERS, row, BROKERS_UP, (int64_t)i * 1000 + salt);
    }
    batch_seal(b);
    return b;
}

/* How often the stream has a row of this interval that ends in `up N`. */
static unsigned count_rows(int64_t time_ms, int64_t up)
{
    char time[64], end[64];
    unsigned found = 0;

    snprintf(time, sizeof(time), " time %lld ", (long long)(time_ms / 1000));
    snprintf(end, sizeof(end), " up %lld", (long long)up);
    for (unsigned i = 0; i < redis_peer_entries(peer, KEY); i++) {
        const char *text = redis_peer_entry(peer, KEY, i), *at = strstr(text, end);
        found += strstr(text, time) != NULL && at != NULL && at[strlen(end)] == '\0';
    }
    return found;
}

static void each_row_is_there_once(int64_t time_ms, uint32_t rows, int64_t salt, const char *what, int n)
{
    for (uint32_t i = 0; i < rows; i++) {
        unsigned times = count_rows(time_ms, (int64_t)i * 1000 + salt);
        ck_assert_msg(times == 1, "%s %d: row %u of %lld is there %u times", what, n, i, (long long)time_ms, times);
    }
}

START_TEST(an_entry_is_the_time_the_columns_that_are_known_and_the_labels)
{
    struct batch *b = make_batch(TIME_MS + 500, 1, 5);
    struct entry_writer w;
    struct buf out;
    const struct sink_label labels[] = { { "env", "prod" }, { "broker", "a column wins" }, { NULL, NULL } };
    static const char want[] = "*11\r\n$4\r\nXADD\r\n$1\r\nk\r\n$15\r\n1700000040500-1\r\n$4\r\ntime\r\n$12\r\n1700000040.5\r\n"
                               "$6\r\nbroker\r\n$8\r\nbroker-0\r\n$2\r\nup\r\n$1\r\n5\r\n$3\r\nenv\r\n$4\r\nprod\r\n";

    buf_init(&out, 0);
    entry_writer_init(&w, TABLE_BROKERS, "k", labels);
    entry_put(&w, b, 0, (struct stream_id){ TIME_MS + 500, 1 }, &out);
    buf_putc(&out, '\0');
    ck_assert_str_eq(out.data, want);
    entry_writer_fini(&w);
    buf_fini(&out);
    batch_unref(b);
}
END_TEST

/* The golden text: everything the hostile batch has of two tables, and what goes before. */
START_TEST(render_is_as_it_was)
{
    struct batch *b = rig_hostile_broker_batch();
    FILE *file = fopen("tests/data/redis_render.txt", "r");
    struct buf want, got;
    int c;

    buf_init(&want, 0);
    buf_init(&got, 0);
    sink_rig_label(&rig, "env", "te st");
    sink_rig_set(&rig, "user", "me");
    sink_rig_set(&rig, "password", "secret");
    sink_rig_set(&rig, "database", "3");
    sink_rig_set(&rig, "maxage", "1d");
    open_rig();
    ck_assert_int_eq(rig.ops->render(rig.self, b, &got, &rig.err), 0);
    if (getenv("UPDATE_GOLDEN") != NULL) {
        FILE *to = fopen("tests/data/redis_render.txt", "w");
        fwrite(got.data, 1, got.len, to);
        fclose(to);
    }
    ck_assert_msg(file != NULL, "tests/data/redis_render.txt: run this from the root of the source");
    while ((c = fgetc(file)) != EOF)
        buf_putc(&want, (char)c);
    fclose(file);
    ck_assert_msg(want.len == got.len && memcmp(want.data, got.data, got.len) == 0, "%.*s", (int)got.len, got.data);
    ck_assert_ptr_null(memmem(got.data, got.len, "secret", 6));
    buf_fini(&want);
    buf_fini(&got);
    batch_unref(b);
}
END_TEST

/* --- options ------------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *option, *text, *says;
} wrong_options[] = {
    { "url", "", "missing" },
    { "url", "rediss://u:secret@h", "TLS" },
    { "url", "redis://u@h", "no password" },
    { "sentinels", "a:b", "port" },
    { "user", "only", "no password" },
};

START_TEST(wrong_options_are_found_at_the_start)
{
    sink_rig_set(&rig, wrong_options[_i].option, wrong_options[_i].text);
    ck_assert_int_eq(sink_rig_open(&rig), -1);
    ck_assert_int_eq(rig.err.kind, ERR_CONFIG);
    ck_assert_msg(strstr(rig.err.msg, wrong_options[_i].says) != NULL, "%s", rig.err.msg);
    ck_assert_ptr_null(strstr(rig.err.msg, "secret"));
}
END_TEST

START_TEST(a_connection_begins_with_who_and_where)
{
    sink_rig_set(&rig, "user", "me");
    sink_rig_set(&rig, "password", "secret");
    sink_rig_set(&rig, "database", "3");
    open_rig();
    ck_assert_int_eq(deliver(rig_broker_batch(1)), SINK_OK);
    ck_assert_ptr_eq(strstr(redis_peer_log(peer), "AUTH me secret\nSELECT 3\nXINFO STREAM " KEY "\nXTRIM " KEY " MAXLEN ~ 1000000\nXADD "),
                     redis_peer_log(peer));
}
END_TEST

START_TEST(a_server_that_repeats_the_password_does_not_bring_it_into_an_error)
{
    sink_rig_set(&rig, "password", "secret");
    open_rig();
    redis_peer_fail(peer, "AUTH", 1, 1, "ERR unknown command 'AUTH', with args beginning with: 'secret'");
    ck_assert_int_eq(deliver(rig_broker_batch(1)), SINK_REJECT);
    ck_assert_msg(strstr(rig.err.msg, "secret") == NULL && strstr(rig.err.msg, "AUTH") != NULL, "%s", rig.err.msg);
    ck_assert_int_eq(deliver(rig_broker_batch(1)), SINK_OK);
}
END_TEST

START_TEST(a_password_in_the_first_word_of_a_refusal_is_not_shown)
{
    sink_rig_set(&rig, "password", "secret");
    open_rig();
    redis_peer_fail(peer, "AUTH", 1, 1, "NO_secret_HERE");
    ck_assert_int_eq(deliver(rig_broker_batch(1)), SINK_RETRY);
    ck_assert_msg(strstr(rig.err.msg, "secret") == NULL && strstr(rig.err.msg, "AUTH: refused") != NULL, "%s", rig.err.msg);
}
END_TEST

static void check_answer_to_info(const char *head, const char *again, const char *wanted)
{
    open_rig();
    redis_peer_say_forever(peer, head, again);
    ck_assert_int_eq(deliver(rig_broker_batch(1)), SINK_RETRY);
    ck_assert_msg(strstr(rig.err.msg, wanted) != NULL, "%s", rig.err.msg);
    ck_assert_int_eq(deliver(rig_broker_batch(1)), SINK_OK);
}

START_TEST(an_array_at_its_limit_is_read)
{
    static_assert(LINK_ELEMENTS_MAX == 100000, "what is announced below");
    check_answer_to_info("*100000\r\n", ":1\r\n:2\r\n:3\r\n:4\r\n", "makes no sense");
}
END_TEST

START_TEST(an_array_past_its_limit_is_refused_before_it_comes)
{
    check_answer_to_info("*100001\r\n", "", "beyond our limits");
}
END_TEST

/* Neither of its parts is large, and none of its arrays long. */
START_TEST(a_reply_of_arrays_within_arrays_is_given_up_at_the_limit)
{
    char *again = xmalloc(10 * 5010 + 10), *at = again;

    static_assert(LINK_REPLY_MAX == 16u << 20, "16 MiB, as the message says");
    at += sprintf(at, "*10\r\n");
    for (int i = 0; i < 10; i++)
        at += sprintf(at, "$5000\r\n%05000d\r\n", i);
    check_answer_to_info("*100000\r\n", again, "a reply of more than 16 MiB");
    free(again);
}
END_TEST

START_TEST(trims_go_once_an_interval)
{
    sink_rig_set(&rig, "maxage", "1h");
    sink_rig_set(&rig, "maxlen", "5");
    open_rig();
    ck_assert_int_eq(deliver(make_batch(TIME_MS, 1200, 0)), SINK_OK);
    ck_assert_int_eq(deliver(make_batch(TIME_MS + 60000, 1200, 0)), SINK_OK);
    unsigned trims = 0;
    for (const char *at = redis_peer_log(peer); (at = strstr(at, "XTRIM")) != NULL; at++)
        trims++;
    ck_assert_uint_eq(trims, 4);
    ck_assert_ptr_nonnull(strstr(redis_peer_log(peer), "XTRIM " KEY " MINID ~ 1699996440000\nXTRIM " KEY " MAXLEN ~ 5\n"));
    ck_assert_uint_eq(redis_peer_entries(peer, KEY), 2400);
}
END_TEST

/* --- once ------------------------------------------------------------------------------------------------------------------------ */

/* Delivers as the worker does: again until it is taken. */
static void deliver_at_last(int64_t time_ms, uint32_t rows, int64_t salt, const char *what, int n)
{
    enum sink_result result = SINK_RETRY;

    for (int i = 0; i < 5 && result == SINK_RETRY; i++)
        result = deliver(make_batch(time_ms, rows, salt));
    ck_assert_msg(result == SINK_OK, "%s %d: %s", what, n, rig.err.msg);
}

/* Two intervals; the conversation is cut at every byte the sink says, then at every byte it hears. */
static void cut_at(size_t reading, size_t writing, int n)
{
    const char *what = reading > 0 ? "cut after reading" : "cut after writing";

    setup();
    open_rig();
    redis_peer_cut_after_read(peer, reading);
    redis_peer_cut_after_write(peer, writing);
    deliver_at_last(TIME_MS, ROWS, 0, what, n);
    deliver_at_last(TIME_MS + 60000, ROWS, 1, what, n);
    ck_assert_uint_eq(redis_peer_entries(peer, KEY), 2 * ROWS);
    each_row_is_there_once(TIME_MS, ROWS, 0, what, n);
    each_row_is_there_once(TIME_MS + 60000, ROWS, 1, what, n);
    teardown();
}

START_TEST(a_conversation_cut_at_any_byte_leaves_each_row_once)
{
    for (int n = 1; n < 2500; n += 1 + n / 1000)
        cut_at((size_t)n, 0, n);
    for (int n = 1; n < 700; n++)
        cut_at(0, (size_t)n, n);
}
END_TEST

START_TEST(replies_in_pieces_are_understood)
{
    for (size_t piece = 1; piece < 40; piece += 3) {
        setup();
        open_rig();
        redis_peer_add(peer, KEY, "1700000040000-3", "who", "else");
        redis_peer_drip(peer, piece);
        deliver_at_last(TIME_MS, ROWS, 0, "pieces of", (int)piece);
        deliver_at_last(TIME_MS, ROWS, 0, "pieces of", (int)piece);
        each_row_is_there_once(TIME_MS, ROWS, 0, "pieces of", (int)piece);
        teardown();
    }
}
END_TEST

/* The nth row and so many behind it are refused while those that follow are taken: their ids can never be used again. */
START_TEST(rows_refused_among_rows_taken_come_behind_them)
{
    for (unsigned nth = 1; nth <= ROWS; nth++)
        for (unsigned times = 1; times <= 3; times++) {
            setup();
            open_rig();
            redis_peer_fail(peer, "XADD", nth, times, "OOM command not allowed when used memory > 'maxmemory'.");
            ck_assert_int_eq(deliver(make_batch(TIME_MS, ROWS, 0)), SINK_RETRY);
            deliver_at_last(TIME_MS, ROWS, 0, "refused", (int)nth);
            ck_assert_uint_eq(redis_peer_entries(peer, KEY), ROWS);
            each_row_is_there_once(TIME_MS, ROWS, 0, "refused", (int)nth);
            teardown();
        }
}
END_TEST

START_TEST(any_refusal_of_any_command_leaves_each_row_once)
{
    static const char *const commands[] = { "XINFO", "XTRIM", "XADD", "XREVRANGE", "SELECT" };

    for (size_t c = 0; c < sizeof(commands) / sizeof(commands[0]); c++) {
        setup();
        sink_rig_set(&rig, "database", "1");
        open_rig();
        redis_peer_add(peer, KEY, "1700000040000-3", "who", "else");
        redis_peer_fail(peer, commands[c], 1, 1, replies[_i].text);
        enum sink_result first = deliver(make_batch(TIME_MS, ROWS, 0));
        enum refusal_move move = replies[_i].move;
        if (move != MOVE_MOVED && move != MOVE_ASK && move != MOVE_COMPARE)
            ck_assert_msg(first == replies[_i].result, "%s %s: %d", commands[c], replies[_i].text, (int)first);
        deliver_at_last(TIME_MS, ROWS, 0, commands[c], _i);
        each_row_is_there_once(TIME_MS, ROWS, 0, commands[c], _i);
        teardown();
    }
}
END_TEST

START_TEST(another_interval_with_the_same_time_is_another_interval)
{
    open_rig();
    ck_assert_int_eq(deliver(make_batch(TIME_MS, ROWS, 0)), SINK_OK);
    ck_assert_int_eq(deliver(make_batch(TIME_MS + 60000, ROWS, 0)), SINK_OK);
    ck_assert_int_eq(deliver(make_batch(TIME_MS, ROWS, 7)), SINK_OK); /* the clock stepped back onto it */
    ck_assert_int_eq(deliver(make_batch(TIME_MS, ROWS, 7)), SINK_OK);
    ck_assert_uint_eq(redis_peer_entries(peer, KEY), 3 * ROWS);
    each_row_is_there_once(TIME_MS, ROWS, 7, "second", 0);
    ck_assert_ptr_nonnull(strstr(redis_peer_entry(peer, KEY, 2 * ROWS), "1700000100000-8 time 1700000040 "));
}
END_TEST

START_TEST(rows_of_another_label_are_known_again)
{
    open_rig();
    ck_assert_int_eq(deliver(make_batch(TIME_MS, ROWS, 0)), SINK_OK);
    struct sink_rig other;
    sink_rig_init(&other, "redis");
    sink_rig_set(&other, "url", redis_peer_url(peer));
    sink_rig_label(&other, "env", "new");
    sink_rig_fini(&rig); /* the peer talks to one at a time; the agent restarts with another configuration */
    rig = other;
    open_rig();
    ck_assert_int_eq(deliver(make_batch(TIME_MS, ROWS, 0)), SINK_OK);
    ck_assert_uint_eq(redis_peer_entries(peer, KEY), ROWS);
}
END_TEST

START_TEST(the_hostile_batch_twice_is_there_once)
{
    struct batch *b = rig_hostile_batch();
    unsigned before;

    open_rig();
    batch_ref(b);
    ck_assert_int_eq(deliver(b), SINK_OK);
    before = redis_peer_entries(peer, "mqpush:queues");
    ck_assert_uint_eq(before, batch_rows(b, TABLE_QUEUES));
    ck_assert_int_eq(deliver(b), SINK_OK);
    ck_assert_uint_eq(redis_peer_entries(peer, "mqpush:queues"), before);
}
END_TEST

/* --- bounds ------------------------------------------------------------------------------------------------------------------------ */

START_TEST(an_answer_that_announces_too_much_is_no_answer)
{
    static const char *const answers[] = { "*2000000000\r\n", "*3\r\n*2000000000\r\n", "$99999999999999\r\n", "*-5\r\n", "?\r\n", "\r\n" };

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        setup();
        open_rig();
        redis_peer_say(peer, answers[i]);
        ck_assert_msg(deliver(rig_broker_batch(3)) == SINK_RETRY, "%s", answers[i]);
        ck_assert_msg(deliver(rig_broker_batch(3)) == SINK_OK, "%s: %s", answers[i], rig.err.msg);
        teardown();
    }
}
END_TEST

START_TEST(a_stop_ends_a_wait_at_once)
{
    rig.cancel_fd = eventfd(1, EFD_CLOEXEC);
    rig.env.timeout_ms = 20000;
    rig.deadline_ms = 20000;
    open_rig();
    redis_peer_hang(peer);
    ck_assert_int_eq(deliver(rig_broker_batch(3)), SINK_RETRY);
    ck_assert_int_eq(rig.err.kind, ERR_CANCELED);
    ck_assert_int_lt(rig.took_ms, 10000);
    close(rig.cancel_fd);
}
END_TEST

START_TEST(a_name_that_does_not_exist_keeps_the_deadline)
{
    sink_rig_set(&rig, "url", "redis://no-such-host.invalid:1");
    rig.deadline_ms = 1000;
    open_rig();
    ck_assert_int_eq(deliver(rig_broker_batch(3)), SINK_RETRY);
    ck_assert_int_lt(rig.took_ms, 5000);
    ck_assert_msg(strstr(rig.err.msg, "no-such-host.invalid") != NULL, "%s", rig.err.msg);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static Suite *suite(void)
{
    Suite *s = suite_create("redis");
    TCase *t = unit_case(s, "pure");

    tcase_add_loop_test(t, a_row_gets_its_own_id_or_the_next_one_free, 0, COUNT(row_ids));
    tcase_add_test(t, ids_are_read_strictly);
    tcase_add_loop_test(t, an_address_is_understood, 0, COUNT(good_urls));
    tcase_add_loop_test(t, a_wrong_address_is_refused_without_its_secret, 0, COUNT(bad_urls));
    tcase_add_loop_test(t, a_refusal_has_one_meaning, 0, COUNT(replies));
    tcase_add_test(t, a_redirection_is_read_strictly);
    tcase_add_test(t, servers_that_redirections_name_are_at_most_so_many);
    tcase_add_test(t, a_host_that_a_server_names_is_printable_and_fits);
    tcase_add_test(t, an_entry_is_the_time_the_columns_that_are_known_and_the_labels);
    t = unit_case(s, "peer");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, render_is_as_it_was);
    tcase_add_loop_test(t, wrong_options_are_found_at_the_start, 0, COUNT(wrong_options));
    tcase_add_test(t, a_connection_begins_with_who_and_where);
    tcase_add_test(t, a_server_that_repeats_the_password_does_not_bring_it_into_an_error);
    tcase_add_test(t, a_password_in_the_first_word_of_a_refusal_is_not_shown);
    tcase_add_test(t, an_array_at_its_limit_is_read);
    tcase_add_test(t, an_array_past_its_limit_is_refused_before_it_comes);
    tcase_add_test(t, a_reply_of_arrays_within_arrays_is_given_up_at_the_limit);
    tcase_add_test(t, trims_go_once_an_interval);
    tcase_add_test(t, another_interval_with_the_same_time_is_another_interval);
    tcase_add_test(t, rows_of_another_label_are_known_again);
    tcase_add_test(t, the_hostile_batch_twice_is_there_once);
    tcase_add_test(t, a_stop_ends_a_wait_at_once);
    tcase_add_test(t, a_name_that_does_not_exist_keeps_the_deadline);
    t = unit_case(s, "many peers");
    tcase_add_test(t, a_conversation_cut_at_any_byte_leaves_each_row_once);
    tcase_add_test(t, replies_in_pieces_are_understood);
    tcase_add_test(t, rows_refused_among_rows_taken_come_behind_them);
    tcase_add_loop_test(t, any_refusal_of_any_command_leaves_each_row_once, 0, COUNT(replies));
    tcase_add_test(t, an_answer_that_announces_too_much_is_no_answer);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
