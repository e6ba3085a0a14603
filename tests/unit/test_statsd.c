/* test_statsd.c - which bytes the StatsD sink makes of a batch, and what it does with every kind of peer. */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/family.h"
#include "agent/net/resolve.h"
#include "sinks/statsd/encode.h"
#include "sinks/statsd/words.h"
#include "tests/fake/sink_rig.h"
#include "tests/fake/statsd_peer.h"
#include "tests/unit/unit.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct statsd_peer *peer;
static struct sink_rig rig;

static const char *const dialects[] = { "plain", "dogstatsd", "influx", "graphite", "signalfx", "librato" };

#define DIALECTS 6

static void setup(void)
{
    sink_rig_init(&rig, "statsd");
}

static void teardown(void)
{
    sink_rig_fini(&rig);
    if (peer != NULL)
        statsd_peer_stop(peer);
    peer = NULL;
}

static void open_rig(void)
{
    ck_assert_msg(sink_rig_open(&rig) == 0, "%s", rig.err.msg);
}

static void open_to(enum statsd_peer_kind kind)
{
    peer = statsd_peer_start(kind);
    sink_rig_set(&rig, "address", statsd_peer_address(peer));
    if (kind == STATSD_PEER_TCP)
        sink_rig_set(&rig, "transport", "tcp");
    open_rig();
}

static void want(const char *patterns)
{
    ck_assert_int_eq(family_select(patterns, rig.families, NULL), 0);
}

static void assert_message(const char *part)
{
    ck_assert_msg(strstr(rig.err.msg, part) != NULL, "expected \"%s\" in \"%s\"", part, rig.err.msg);
}

static struct batch *sealed(struct batch *b)
{
    batch_seal(b);
    return b;
}

/* What the sink would send, as a text; ends the batch. */
static char *rendered(struct batch *b)
{
    struct buf out;

    buf_init(&out, 0);
    ck_assert_int_eq(rig.ops->render(rig.self, b, &out, &rig.err), 0);
    buf_putc(&out, '\0');
    batch_unref(b);
    return out.data;
}

static void assert_rendered(struct batch *b, const char *expected)
{
    char *got = rendered(sealed(b));

    ck_assert_str_eq(got, expected);
    free(got);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    struct buf text;
    int c;

    ck_assert_msg(file != NULL, "%s: run this from the root of the source", path);
    buf_init(&text, 0);
    while ((c = fgetc(file)) != EOF)
        buf_putc(&text, (char)c);
    buf_putc(&text, '\0');
    fclose(file);
    return text.data;
}

static void set_text(struct batch *b, enum table_id t, uint32_t row, unsigned column, const char *text)
{
    batch_set_text(b, t, row, column, batch_intern_z(b, text));
}

static uint32_t add_broker(struct batch *b, const char *name, int64_t up)
{
    uint32_t row = batch_add(b, TABLE_BROKERS);

    set_text(b, TABLE_BROKERS, row, KEY_SOURCE, "s");
    set_text(b, TABLE_BROKERS, row, KEY_SYSTEM, "rocketmq");
    set_text(b, TABLE_BROKERS, row, KEY_CLUSTER, "c");
    set_text(b, TABLE_BROKERS, row, BROKERS_BROKER, name);
    batch_set_int(b, TABLE_BROKERS, row, BROKERS_UP, up);
    return row;
}

static struct batch *one_broker(const char *name, int64_t up)
{
    struct batch *b = batch_new();

    add_broker(b, name, up);
    return b;
}

/* --- lines ---------------------------------------------------------------------------------------------------------- */

/* Everything a line can be: text to replace, no text, negative, zero, exact, fractional, absent. */
static struct batch *golden_batch(void)
{
    static const char *const names[] = { "broker-a", "10.0.0.1:10911", "%RETRY%orders|eu", "", "消费 组", "a\nx:1|g" };
    static const int64_t ups[] = { 1, 0, -5, INT64_MAX, INT64_MIN + 1, NO_INT };
    struct batch *b = batch_new();

    for (int i = 0; i < 6; i++)
        add_broker(b, names[i], ups[i]);
    add_broker(b, "a\nx:1|g", 7);
    uint32_t row = batch_add(b, TABLE_AGENT);
    set_text(b, TABLE_AGENT, row, AGENT_PART, "collect");
    batch_set_real(b, TABLE_AGENT, row, AGENT_DURATION_SECONDS, 0.25);
    return b;
}

START_TEST(the_lines_of_each_dialect_are_exactly_so) /* loop test over the dialects */
{
    char path[100];

    want("mq_broker_up mqpush_collect_duration_seconds");
    sink_rig_set(&rig, "dialect", dialects[_i]);
    sink_rig_set(&rig, "prefix", "shop.mq");
    sink_rig_label(&rig, "env", "pro d");
    sink_rig_label(&rig, "cluster", "gives way");
    open_rig();
    snprintf(path, sizeof(path), "tests/data/statsd/%s.txt", dialects[_i]);
    char *got = rendered(sealed(golden_batch())), *expected = getenv("GOLDEN") != NULL ? NULL : read_file(path);
    if (expected == NULL) { /* GOLDEN=1 writes them anew, to be looked at before they are kept */
        FILE *file = fopen(path, "w");
        fputs(got, file);
        fclose(file);
    } else {
        ck_assert_str_eq(got, expected);
    }
    free(got);
    free(expected);
}
END_TEST

static const struct {
    double value;
    const char *text;
} reals[] = {
    { 0.0, "0" }, { -0.0, "0" }, { 0.1, "0.1" }, { -0.25, "-0.25" }, { 123456789.125, "123456789.125" },
    { 9007199254740993.0, "9007199254740992" }, { 1e15, "1000000000000000" }, { 1.5e20, "150000000000000000000" },
    { -2e22, "-20000000000000000000000" }, { 1e-5, "0.00001" }, { -1.25e-7, "-0.000000125" },
    { 1.2345678901234567e17, "123456789012345660" }, { 12345678901234567.25, "12345678901234568" },
};

START_TEST(numbers_are_plain_decimals) /* loop test over reals */
{
    char text[STATSD_VALUE_MAX];
    size_t len = statsd_value(text, &(struct counter_value){ .d = reals[_i].value });

    ck_assert_str_eq(text, reals[_i].text);
    ck_assert_uint_eq(len, strlen(text));
}
END_TEST

START_TEST(every_number_reads_back_and_has_no_exponent)
{
    uint64_t seed = unit_seed(), state = seed;
    char text[STATSD_VALUE_MAX];

    for (int i = 0; i < 20000; i++) {
        uint64_t bits = unit_random(&state);
        double d;
        memcpy(&d, &bits, sizeof(d));
        if (!isfinite(d))
            continue;
        size_t len = statsd_value(text, &(struct counter_value){ .d = d });
        ck_assert_msg(strtod(text, NULL) == d && strspn(text, "-.0123456789") == len, "%a: %s (seed %" PRIu64 ")", d, text, seed);
    }
    ck_assert_uint_lt(statsd_value(text, &(struct counter_value){ .d = -DBL_MAX }), STATSD_VALUE_MAX);
    ck_assert_uint_lt(statsd_value(text, &(struct counter_value){ .d = -5e-324 }), STATSD_VALUE_MAX);
}
END_TEST

START_TEST(what_is_no_number_is_left_out)
{
    struct batch *b = batch_new();
    static const double values[] = { NAN, INFINITY, -INFINITY };

    want("mqpush_collect_duration_seconds");
    open_rig();
    for (int i = 0; i < 3; i++) {
        uint32_t row = batch_add(b, TABLE_AGENT);
        set_text(b, TABLE_AGENT, row, AGENT_PART, "collect");
        batch_set_real(b, TABLE_AGENT, row, AGENT_DURATION_SECONDS, values[i]);
    }
    assert_rendered(b, "");
}
END_TEST

START_TEST(a_negative_gauge_is_a_pair_unless_told_otherwise)
{
    want("mq_broker_up");
    open_rig();
    assert_rendered(one_broker("b", -5), "s.rocketmq.c.b._._.mq_broker_up:0|g\ns.rocketmq.c.b._._.mq_broker_up:-5|g\n");
    teardown();
    setup();
    want("mq_broker_up");
    sink_rig_set(&rig, "negative", "raw");
    open_rig();
    assert_rendered(one_broker("b", -5), "s.rocketmq.c.b._._.mq_broker_up:-5|g\n");
}
END_TEST

START_TEST(the_second_sample_of_a_name_is_cut)
{
    struct batch *b = batch_new();

    want("mq_broker_up");
    open_to(STATSD_PEER_UDP);
    add_broker(b, "b", 1);
    add_broker(b, "b", 2);
    batch_seal(b);
    ck_assert_int_eq(sink_rig_deliver(&rig, b), SINK_OK);
    ck_assert_uint_eq(rig.delivery.series, 1);
    ck_assert_uint_eq(rig.delivery.cut, 1);
    ck_assert_str_eq(rig.delivery.first_cut, "mq_broker_up");
    batch_unref(b);
}
END_TEST

START_TEST(max_series_cuts_and_counts)
{
    struct batch *b = rig_broker_batch(10);

    rig.env.max_series = 9;
    want("mq_broker_up");
    open_to(STATSD_PEER_UDP);
    ck_assert_int_eq(sink_rig_deliver(&rig, b), SINK_OK);
    ck_assert_uint_eq(rig.delivery.series, 0);
    ck_assert_uint_eq(rig.delivery.cut, 10);
    batch_unref(b);
}
END_TEST

/* No line may come out that was not put in, whatever stands in the texts. */
START_TEST(hostile_texts_inject_neither_lines_nor_tags) /* loop test over the dialects */
{
    struct batch *b = rig_hostile_broker_batch();

    want("mq_broker_up");
    sink_rig_set(&rig, "dialect", dialects[_i]);
    open_rig();
    batch_ref(b);
    char *text = rendered(b), *rest, *line;
    unsigned lines = 0;
    for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest), lines++) {
        unsigned bars = 0, colons = 0, equals = 0;
        for (const char *p = line; *p != '\0'; p++) {
            ck_assert_msg((unsigned char)*p > ' ' && *p != 0x7f, "%s", line);
            bars += *p == '|';
            colons += *p == ':';
            equals += *p == '=';
        }
        ck_assert_msg(bars == (_i == 1 ? 2 : 1), "%s", line);
        ck_assert_msg(_i == 1 ? colons >= 4 && colons <= 5 : colons == 1, "%s", line);
        ck_assert_msg(_i < 2 ? equals == 0 : equals == 3 || equals == 4, "%s", line);
    }
    ck_assert_uint_eq(lines, family_samples(family_find("mq_broker_up"), b));
    free(text);
    batch_unref(b);
}
END_TEST

/* --- packets -------------------------------------------------------------------------------------------------------- */

static unsigned count_packets(size_t max_packet, struct batch *b, size_t *largest)
{
    char number[20];

    teardown();
    setup();
    want("mq_broker_up");
    snprintf(number, sizeof(number), "%zu", max_packet);
    sink_rig_set(&rig, "max_packet", number);
    open_to(STATSD_PEER_UDP);
    batch_seal(b);
    ck_assert_int_eq(sink_rig_deliver(&rig, b), SINK_OK);
    batch_unref(b);
    statsd_peer_wait_bytes(peer, rig.delivery.bytes);
    unsigned count = statsd_peer_pieces(peer);
    *largest = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t len;
        free(statsd_peer_piece(peer, i, &len));
        *largest = len > *largest ? len : *largest;
    }
    return count;
}

static struct batch *two_brokers(int64_t second)
{
    struct batch *b = one_broker("aa", 10);

    add_broker(b, "bb", second);
    return b;
}

START_TEST(a_packet_is_filled_to_the_last_byte_and_not_one_more)
{
    size_t two = 2 * strlen("s.rocketmq.c.aa._._.mq_broker_up:10|g") + 1, largest;

    ck_assert_uint_eq(count_packets(two, two_brokers(11), &largest), 1);
    ck_assert_uint_eq(largest, two);
    ck_assert_uint_eq(count_packets(two - 1, two_brokers(11), &largest), 2);
    ck_assert_uint_eq(largest, two / 2);
}
END_TEST

START_TEST(the_zero_and_its_negative_value_share_a_packet)
{
    size_t pair = strlen("s.rocketmq.c.bb._._.mq_broker_up:0|g\ns.rocketmq.c.bb._._.mq_broker_up:-5|g"), largest;

    ck_assert_uint_eq(count_packets(pair, two_brokers(-5), &largest), 2);
    ck_assert_uint_eq(largest, pair);
    ck_assert_uint_eq(rig.delivery.cut, 0);
    ck_assert_uint_eq(count_packets(pair - 1, two_brokers(-5), &largest), 1); /* the pair does not fit: left out and counted */
    ck_assert_uint_eq(rig.delivery.cut, 1);
    ck_assert_uint_eq(rig.delivery.series, 1);
}
END_TEST

/* --- words ---------------------------------------------------------------------------------------------------------- */

static const struct {
    enum words_class class;
    const char *text, *word;
} cleaned[] = {
    { WORDS_SEGMENT, "orders-1_a", "orders-1_a" },
    { WORDS_SEGMENT, "%RETRY%a|b", "_RETRY_a_b" },
    { WORDS_SEGMENT, "a.b/c d", "a_b_c_d" },
    { WORDS_SEGMENT, "é", "__" },
    { WORDS_SEGMENT, "", "_" },
    { WORDS_GRAPHITE, "a.b;c=d~", "a.b_c_d_" },
    { WORDS_GRAPHITE, "", "" },
    { WORDS_TAG, "%RETRY%a|b", "%RETRY%a_b" },
    { WORDS_TAG, "10.0.0.1:10911", "10.0.0.1_10911" },
    { WORDS_TAG, "a,b#c;d=e@f[g]h", "a_b_c_d_e_f_g_h" },
    { WORDS_TAG, "a\nb\rc\td e\x7f", "a_b_c_d_e_" },
    { WORDS_TAG, "é消\xf0\x9f\x90\xb0", "é消\xf0\x9f\x90\xb0" },
    { WORDS_TAG, "nel\xc2\x85.", "nel_." },
    { WORDS_TAG, "\"quoted\\\"", "\"quoted\\\"" },
};

#define CLEANED ((int)(sizeof(cleaned) / sizeof(cleaned[0])))

START_TEST(what_would_end_a_word_is_replaced) /* loop test over cleaned */
{
    char word[WORD_MAX + 1];
    bool whole;
    size_t len = words_clean(word, cleaned[_i].text, strlen(cleaned[_i].text), cleaned[_i].class, &whole);

    word[len] = '\0';
    ck_assert_str_eq(word, cleaned[_i].word);
    ck_assert(whole);
}
END_TEST

START_TEST(a_word_is_cut_at_its_limit_between_characters)
{
    char text[WORD_MAX + 3], word[WORD_MAX];
    bool whole;

    memset(text, 'a', sizeof(text));
    ck_assert_uint_eq(words_clean(word, text, WORD_MAX, WORDS_TAG, &whole), WORD_MAX);
    ck_assert(whole);
    ck_assert_uint_eq(words_clean(word, text, WORD_MAX + 1, WORDS_TAG, &whole), WORD_MAX);
    ck_assert(!whole);
    memcpy(text + WORD_MAX - 1, "é", 2);
    ck_assert_uint_eq(words_clean(word, text, WORD_MAX + 1, WORDS_TAG, &whole), WORD_MAX - 1);
    ck_assert(!whole);
}
END_TEST

static struct batch *texts_of(const char *const *texts)
{
    struct batch *b = batch_new();

    for (; *texts != NULL; texts++)
        batch_intern_z(b, *texts);
    batch_seal(b);
    return b;
}

static void assert_word(const struct words *w, uint32_t text, const char *expected)
{
    ck_assert_uint_eq(w->all[text].len, strlen(expected));
    ck_assert_int_eq(memcmp(w->all[text].text, expected, w->all[text].len), 0);
}

START_TEST(texts_that_would_become_one_are_told_apart)
{
    struct batch *b = texts_of((const char *const[]){ "a.b", "a_b", "a|b", "c.d", "plain", NULL });
    struct words w;

    words_init(&w, b, WORDS_SEGMENT);
    assert_word(&w, 2, "a_b"); /* was so all along */
    assert_word(&w, 4, "c_d"); /* nobody else is */
    assert_word(&w, 5, "plain");
    assert_word(&w, 0, "_");
    ck_assert_uint_eq(w.all[1].len, 3 + WORD_MARK);
    ck_assert_uint_eq(w.all[3].len, 3 + WORD_MARK);
    ck_assert_int_eq(memcmp(w.all[1].text, "a_b_", 4), 0);
    ck_assert_int_ne(memcmp(w.all[1].text, w.all[3].text, 3 + WORD_MARK), 0);
    words_fini(&w);
    batch_unref(b);
    b = texts_of((const char *const[]){ "a|b", "x", "a_b", "a.b", NULL }); /* the order does not matter */
    struct words other;
    words_init(&other, b, WORDS_SEGMENT);
    assert_word(&other, 3, "a_b");
    ck_assert_uint_eq(other.all[1].len, 3 + WORD_MARK);
    words_fini(&other);
    batch_unref(b);
}
END_TEST

START_TEST(no_text_and_the_empty_text_are_the_same_word)
{
    struct batch *b = texts_of((const char *const[]){ "x", "", NULL });
    struct words w;

    words_init(&w, b, WORDS_SEGMENT);
    assert_word(&w, 0, "_");
    assert_word(&w, 2, "_");
    words_fini(&w);
    words_init(&w, b, WORDS_TAG);
    assert_word(&w, 0, "");
    assert_word(&w, 2, "");
    words_fini(&w);
    batch_unref(b);
}
END_TEST

START_TEST(different_texts_are_different_words)
{
    uint64_t seed = unit_seed(), state = seed;
    struct batch *b = batch_new();
    struct intern seen;
    struct words w;

    for (int i = 0; i < 3000; i++) {
        char text[8];
        size_t len = 1 + unit_random(&state) % 6;
        for (size_t k = 0; k < len; k++)
            text[k] = "ab._|: "[unit_random(&state) % 7];
        batch_intern(b, text, len);
    }
    batch_seal(b);
    words_init(&w, b, WORDS_SEGMENT);
    intern_init(&seen);
    for (uint32_t id = 1; id < batch_text_count(b); id++)
        ck_assert_msg(intern_add(&seen, w.all[id].text, w.all[id].len) == id, "%.*s (seed %" PRIu64 ")", (int)w.all[id].len,
                      w.all[id].text, seed);
    intern_fini(&seen);
    words_fini(&w);
    batch_unref(b);
}
END_TEST

/* --- counters over deliveries --------------------------------------------------------------------------------------- */

static struct batch *agent_batch(int64_t bytes, double cpu)
{
    struct batch *b = batch_new();
    uint32_t row = batch_add(b, TABLE_AGENT);

    set_text(b, TABLE_AGENT, row, AGENT_PART, "collect");
    batch_set_int(b, TABLE_AGENT, row, AGENT_RECEIVED_BYTES_TOTAL, bytes);
    batch_set_real(b, TABLE_AGENT, row, AGENT_CPU_SECONDS_TOTAL, cpu);
    return b;
}

static void deliver_counters(int64_t bytes, double cpu, enum sink_result expected)
{
    struct batch *b = sealed(agent_batch(bytes, cpu));

    ck_assert_msg(sink_rig_deliver(&rig, b) == expected, "%s", rig.err.msg);
    batch_unref(b);
}

/* The newest piece the peer has got. */
static void assert_heard(unsigned pieces, const char *text)
{
    size_t len;

    ck_assert_uint_eq(statsd_peer_wait(peer, pieces), pieces);
    if (pieces == 0)
        return;
    char *got = statsd_peer_piece(peer, pieces - 1, &len);
    ck_assert_str_eq(got, text);
    free(got);
}

#define WANT_COUNTERS "mqpush_received_bytes_total mqpush_cpu_seconds_total"

START_TEST(a_counter_is_told_by_its_rise)
{
    want(WANT_COUNTERS);
    open_to(STATSD_PEER_UDP);
    deliver_counters(100, 1.5, SINK_OK); /* where it starts */
    ck_assert_uint_eq(rig.delivery.series, 0);
    deliver_counters(130, 1.75, SINK_OK);
    assert_heard(1, "mqpush_received_bytes_total:30|c\nmqpush_cpu_seconds_total:0.25|c");
    deliver_counters(130, 2, SINK_OK);
    assert_heard(2, "mqpush_received_bytes_total:0|c\nmqpush_cpu_seconds_total:0.25|c");
    deliver_counters(7, 2, SINK_OK); /* began anew: no rise can be known */
    assert_heard(3, "mqpush_cpu_seconds_total:0|c");
    deliver_counters(INT64_MAX, 2, SINK_OK);
    assert_heard(4, "mqpush_received_bytes_total:9223372036854775800|c\nmqpush_cpu_seconds_total:0|c");
}
END_TEST

START_TEST(the_same_batch_again_adds_nothing)
{
    want(WANT_COUNTERS);
    open_to(STATSD_PEER_UDP);
    deliver_counters(100, 1, SINK_OK);
    deliver_counters(130, 1, SINK_OK);
    deliver_counters(130, 1, SINK_OK);
    assert_heard(2, "mqpush_received_bytes_total:0|c\nmqpush_cpu_seconds_total:0|c");
}
END_TEST

START_TEST(a_rise_that_nobody_heard_is_told_later) /* loop test: over UDP, unix datagrams, TCP */
{
    want(WANT_COUNTERS);
    open_to((enum statsd_peer_kind)_i);
    deliver_counters(100, 1, SINK_OK);
    deliver_counters(110, 1, SINK_OK);
    statsd_peer_wait(peer, 1);
    if (_i == STATSD_PEER_TCP)
        statsd_peer_close_now(peer); /* or the connection would stay */
    statsd_peer_refuse(peer);
    deliver_counters(130, 1, SINK_RETRY);
    assert_message("Connection refused");
    statsd_peer_return(peer);
    deliver_counters(150, 1, SINK_OK);
    const char *line = "mqpush_received_bytes_total:40|c\nmqpush_cpu_seconds_total:0|c";
    char with_end[100];
    snprintf(with_end, sizeof(with_end), "%s\n", line);
    statsd_peer_wait_bytes(peer, 2 * strlen(line));
    assert_heard(2, _i == STATSD_PEER_TCP ? with_end : line);
}
END_TEST

START_TEST(render_shows_counters_without_touching_them)
{
    want(WANT_COUNTERS);
    open_to(STATSD_PEER_UDP);
    deliver_counters(100, 1, SINK_OK);
    for (int i = 0; i < 2; i++)
        assert_rendered(agent_batch(105, 1), "mqpush_received_bytes_total:5|c\nmqpush_cpu_seconds_total:0|c\n");
    deliver_counters(106, 1, SINK_OK);
    assert_heard(1, "mqpush_received_bytes_total:6|c\nmqpush_cpu_seconds_total:0|c");
}
END_TEST

/* --- peers ---------------------------------------------------------------------------------------------------------- */

static enum sink_result deliver_brokers(uint32_t rows)
{
    struct batch *b = rig_broker_batch(rows);
    enum sink_result result = sink_rig_deliver(&rig, b);

    batch_unref(b);
    return result;
}

START_TEST(what_arrives_is_what_render_shows) /* loop test: over UDP, unix datagrams, TCP */
{
    struct batch *b = rig_broker_batch(500);
    struct buf heard;
    size_t len;

    sink_rig_set(&rig, "max_packet", "700");
    open_to((enum statsd_peer_kind)_i);
    ck_assert_int_eq(sink_rig_deliver(&rig, b), SINK_OK);
    statsd_peer_wait_bytes(peer, rig.delivery.bytes);
    buf_init(&heard, 0);
    for (unsigned i = 0; i < statsd_peer_pieces(peer); i++) {
        char *piece = statsd_peer_piece(peer, i, &len);
        buf_puts(&heard, i > 0 ? "\n" : "");
        buf_puts(&heard, piece);
        buf_puts(&heard, _i == STATSD_PEER_TCP ? "" : "\n");
        free(piece);
    }
    buf_putc(&heard, '\0');
    char *shown = rendered(b), *to = shown;
    if (_i == STATSD_PEER_TCP) { /* there are no packets in a stream */
        for (const char *from = shown; *from != '\0'; from++)
            if (from[0] != '\n' || from == shown || from[-1] != '\n')
                *to++ = *from;
        *to = '\0';
    }
    ck_assert_str_eq(heard.data, shown);
    free(shown);
    buf_fini(&heard);
}
END_TEST

START_TEST(bursts_keep_their_pace)
{
    sink_rig_set(&rig, "max_packet", "80");
    want("mq_broker_up");
    open_to(STATSD_PEER_UDP);
    ck_assert_int_eq(deliver_brokers(100), SINK_OK); /* bursts of 16, a quarter of 2,000 a second: at 0, 32, ... and 192 ms */
    ck_assert_int_ge(rig.took_ms, 190);
    ck_assert_uint_eq(statsd_peer_wait(peer, 100), 100);
    rig.deadline_ms = 100;
    ck_assert_int_eq(deliver_brokers(20000), SINK_RETRY); /* 10 s for the half of them: too many for this deadline */
    assert_message("no time left");
    ck_assert_int_lt(rig.took_ms, 5000);
}
END_TEST

/* 100 a second at first: 200 of these 220 packets until the deadline. */
START_TEST(the_pace_quickens_where_time_is_short)
{
    sink_rig_set(&rig, "rate", "400");
    sink_rig_set(&rig, "max_packet", "80");
    want("mq_broker_up");
    open_to(STATSD_PEER_UDP);
    rig.deadline_ms = 2000;
    ck_assert_int_eq(deliver_brokers(220), SINK_OK);
    ck_assert_int_ge(rig.took_ms, 500);
    ck_assert_uint_eq(statsd_peer_wait(peer, 220), 220);
}
END_TEST

START_TEST(an_old_refusal_does_not_fail_the_next_delivery)
{
    open_to(STATSD_PEER_UDP);
    ck_assert_int_eq(deliver_brokers(1), SINK_OK);
    statsd_peer_refuse(peer);
    ck_assert_int_eq(deliver_brokers(1), SINK_RETRY);
    ck_assert_int_eq(deliver_brokers(1), SINK_RETRY);
    statsd_peer_return(peer);
    ck_assert_int_eq(deliver_brokers(1), SINK_OK);
}
END_TEST

START_TEST(a_full_queue_is_waited_for)
{
    sink_rig_set(&rig, "max_packet", "100");
    open_to(STATSD_PEER_UNIX);
    rig.env.timeout_ms = 200;
    rig.deadline_ms = 20000;
    statsd_peer_hang(peer, true);
    ck_assert_int_eq(deliver_brokers(1000), SINK_RETRY);
    assert_message("takes nothing");
    ck_assert_int_lt(rig.took_ms, 10000);
    statsd_peer_hang(peer, false);
    ck_assert_int_eq(deliver_brokers(1000), SINK_OK);
}
END_TEST

START_TEST(a_connection_cut_midway_leaves_no_half_line_before_another)
{
    size_t len;

    open_to(STATSD_PEER_TCP);
    statsd_peer_close_after(peer, 1000);
    ck_assert_int_eq(deliver_brokers(5000), SINK_RETRY);
    ck_assert_int_eq(deliver_brokers(3), SINK_OK);
    ck_assert_uint_eq(statsd_peer_wait(peer, 2), 2);
    statsd_peer_wait_bytes(peer, 1000 + rig.delivery.bytes);
    char *piece = statsd_peer_piece(peer, 1, &len);
    ck_assert_msg(strncmp(piece, "s.rocketmq.c.broker-0._._.mq_broker_up:0|g\n", 43) == 0, "%s", piece);
    ck_assert(piece[len - 1] == '\n');
    free(piece);
}
END_TEST

START_TEST(a_receiver_that_restarted_loses_nothing_over_tcp)
{
    open_to(STATSD_PEER_TCP);
    ck_assert_int_eq(deliver_brokers(3), SINK_OK);
    ck_assert_uint_eq(statsd_peer_wait(peer, 1), 1);
    size_t bytes = statsd_peer_wait_bytes(peer, rig.delivery.bytes);
    statsd_peer_close_now(peer);
    ck_assert_int_eq(deliver_brokers(3), SINK_OK); /* on a new connection, at once */
    ck_assert_uint_eq(statsd_peer_wait(peer, 2), 2);
    ck_assert_uint_eq(statsd_peer_wait_bytes(peer, 2 * bytes), 2 * bytes);
}
END_TEST

START_TEST(one_connection_serves_many_deliveries)
{
    open_to(STATSD_PEER_TCP);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(deliver_brokers(10), SINK_OK);
    statsd_peer_wait_bytes(peer, 5 * rig.delivery.bytes);
    ck_assert_uint_eq(statsd_peer_pieces(peer), 1);
}
END_TEST

START_TEST(a_packet_that_no_way_carries_is_rejected)
{
    struct batch *b = rig_broker_batch(2000);

    sink_rig_set(&rig, "max_packet", "65507");
    open_to(STATSD_PEER_UDP);
    ck_assert_msg(sink_rig_deliver(&rig, b) == SINK_OK, "%s", rig.err.msg); /* the most that IPv4 carries */
    batch_unref(b);
    ck_assert_int_eq(sink_rig_set(&rig, "max_packet", "65508"), -1);
}
END_TEST

static const struct {
    const char *address, *transport, *error;
} bad[] = {
    { "", "auto", "expected host:port" },
    { "host:0", "auto", "port" },
    { "host:65536", "auto", "port" },
    { "host:x", "udp", "port" },
    { "[::1", "udp", "expected" },
    { "/run/statsd.sock", "tcp", "does not fit" },
    { "host:1", "unix", "does not fit" },
};

START_TEST(a_bad_address_is_said_at_the_start) /* loop test over bad */
{
    sink_rig_set(&rig, "address", bad[_i].address);
    sink_rig_set(&rig, "transport", bad[_i].transport);
    ck_assert_int_eq(sink_rig_open(&rig), -1);
    ck_assert_int_eq(rig.err.kind, ERR_CONFIG);
    assert_message(bad[_i].error);
}
END_TEST

START_TEST(options_that_cannot_be_are_refused)
{
    static const char *const prefixes[] = { "a b", ".a", "a.", "a|b", "a:b", "é" };

    for (int i = 0; i < 6; i++) {
        sink_rig_set(&rig, "prefix", prefixes[i]);
        ck_assert_msg(sink_rig_open(&rig) == -1 && rig.err.kind == ERR_CONFIG, "%s", prefixes[i]);
        rig.ops->close(rig.self);
    }
    sink_rig_set(&rig, "prefix", "ok-1.x_y");
    sink_rig_set(&rig, "max_packet", "63");
    ck_assert_int_eq(sink_rig_open(&rig), -1);
    assert_message("max_packet");
    rig.ops->close(rig.self);
    sink_rig_set(&rig, "max_packet", "64");
    open_rig();
}
END_TEST

static const struct {
    const char *address, *host, *port;
} split[] = {
    { "a:1", "a", "1" },       { "10.0.0.1:65535", "10.0.0.1", "65535" }, { "host", "host", "8125" },
    { "[::1]:9", "::1", "9" }, { "[fe80::1]", "fe80::1", "8125" },        { "::1", "::1", "8125" },
};

START_TEST(an_address_is_host_and_port) /* loop test over split */
{
    char host[RESOLVE_HOST_MAX], port[6];
    struct err err;

    ck_assert_int_eq(resolve_split(split[_i].address, "8125", host, port, &err), 0);
    ck_assert_str_eq(host, split[_i].host);
    ck_assert_str_eq(port, split[_i].port);
}
END_TEST

START_TEST(a_name_is_looked_up_by_its_deadline)
{
    struct resolve_address found[RESOLVE_ADDRESSES_MAX];
    struct err err;
    int64_t start = clock_now_ns();
    int stop = eventfd(1, EFD_CLOEXEC);

    ck_assert_int_ge(resolve_host("localhost", "1", found, start + 5 * NS_PER_S, -1, &err), 1);
    ck_assert_int_eq(resolve_host("127.0.0.1", "1", found, start, -1, &err), 1); /* digits need no time */
    ck_assert_int_eq(resolve_host("no-such-host.invalid", "1", found, clock_now_ns() + 300 * NS_PER_MS, -1, &err), -1);
    ck_assert_int_eq(resolve_host("no-such-host.invalid", "1", found, start + 60 * NS_PER_S, stop, &err), -1);
    ck_assert_int_eq(err.kind, ERR_CANCELED);
    ck_assert_int_lt((clock_now_ns() - start) / NS_PER_MS, 6000);
    close(stop);
}
END_TEST

static void add_cases_for_lines(Suite *s)
{
    TCase *t = unit_case(s, "lines");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, the_lines_of_each_dialect_are_exactly_so, 0, DIALECTS);
    tcase_add_loop_test(t, numbers_are_plain_decimals, 0, (int)(sizeof(reals) / sizeof(reals[0])));
    tcase_add_test(t, every_number_reads_back_and_has_no_exponent);
    tcase_add_test(t, what_is_no_number_is_left_out);
    tcase_add_test(t, a_negative_gauge_is_a_pair_unless_told_otherwise);
    tcase_add_test(t, the_second_sample_of_a_name_is_cut);
    tcase_add_test(t, max_series_cuts_and_counts);
    tcase_add_loop_test(t, hostile_texts_inject_neither_lines_nor_tags, 0, DIALECTS);
    tcase_add_test(t, a_packet_is_filled_to_the_last_byte_and_not_one_more);
    tcase_add_test(t, the_zero_and_its_negative_value_share_a_packet);
    t = unit_case(s, "words");
    tcase_add_loop_test(t, what_would_end_a_word_is_replaced, 0, CLEANED);
    tcase_add_test(t, a_word_is_cut_at_its_limit_between_characters);
    tcase_add_test(t, texts_that_would_become_one_are_told_apart);
    tcase_add_test(t, no_text_and_the_empty_text_are_the_same_word);
    tcase_add_test(t, different_texts_are_different_words);
}

static void add_cases_for_peers(Suite *s)
{
    TCase *t = unit_case(s, "counters");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_counter_is_told_by_its_rise);
    tcase_add_test(t, the_same_batch_again_adds_nothing);
    tcase_add_loop_test(t, a_rise_that_nobody_heard_is_told_later, STATSD_PEER_UDP, STATSD_PEER_TCP + 1);
    tcase_add_test(t, render_shows_counters_without_touching_them);
    t = unit_case(s, "peers");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, what_arrives_is_what_render_shows, STATSD_PEER_UDP, STATSD_PEER_TCP + 1);
    tcase_add_test(t, bursts_keep_their_pace);
    tcase_add_test(t, the_pace_quickens_where_time_is_short);
    tcase_add_test(t, an_old_refusal_does_not_fail_the_next_delivery);
    tcase_add_test(t, a_full_queue_is_waited_for);
    tcase_add_test(t, a_connection_cut_midway_leaves_no_half_line_before_another);
    tcase_add_test(t, a_receiver_that_restarted_loses_nothing_over_tcp);
    tcase_add_test(t, one_connection_serves_many_deliveries);
    tcase_add_test(t, a_packet_that_no_way_carries_is_rejected);
    tcase_add_loop_test(t, a_bad_address_is_said_at_the_start, 0, (int)(sizeof(bad) / sizeof(bad[0])));
    tcase_add_test(t, options_that_cannot_be_are_refused);
    t = unit_case(s, "addresses");
    tcase_add_loop_test(t, an_address_is_host_and_port, 0, (int)(sizeof(split) / sizeof(split[0])));
    tcase_add_test(t, a_name_is_looked_up_by_its_deadline);
}

static Suite *suite(void)
{
    Suite *s = suite_create("statsd");

    add_cases_for_lines(s);
    add_cases_for_peers(s);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
