/* test_prom_text.c - the page is exactly so, and a strict reader takes every page, whatever stands in the batch. */
#include "sinks/prom_text.h"

#include "agent/base/buf.h"
#include "agent/base/num.h"
#include "agent/base/xalloc.h"
#include "agent/model/family.h"
#include "sinks/sink.h"
#include "tests/fake/prom_check.h"
#include "tests/fake/sink_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static bool *wanted;

static void setup(void)
{
    wanted = xcalloc(family_count, sizeof(*wanted));
    ck_assert_int_eq(family_select("*", wanted, NULL), 0);
}

static void teardown(void)
{
    free(wanted);
}

static void want(const char *patterns)
{
    ck_assert_int_eq(family_select(patterns, wanted, NULL), 0);
}

static uint32_t add_broker(struct batch *b, const char *name, const char *id, int64_t up)
{
    uint32_t row = batch_add(b, TABLE_BROKERS);

    batch_set_text(b, TABLE_BROKERS, row, KEY_SOURCE, batch_intern_z(b, "s"));
    batch_set_text(b, TABLE_BROKERS, row, BROKERS_BROKER, batch_intern_z(b, name));
    batch_set_text(b, TABLE_BROKERS, row, BROKERS_BROKER_ID, batch_intern_z(b, id));
    batch_set_int(b, TABLE_BROKERS, row, BROKERS_UP, up);
    return row;
}

/* The page of an open batch as text, which ends here. */
static char *page_of(struct batch *b, const struct sink_label *labels, int64_t max_series, struct prom_text_count *count)
{
    struct buf out;
    char why[400] = "";

    batch_seal(b);
    buf_init(&out, 0);
    struct prom_text_count ours = prom_text_render(b, wanted, labels, max_series, &out);
    ck_assert_msg(prom_check(out.data, out.len, why, sizeof(why)) == (long)ours.samples, "%s", why);
    if (count != NULL)
        *count = ours;
    buf_putc(&out, '\0');
    batch_unref(b);
    return out.data;
}

START_TEST(a_page_is_exactly_so)
{
    struct batch *b = batch_new();
    want("mq_broker_up mqpush_cpu_seconds_total mqpush_interval_seconds");
    add_broker(b, "a", "0", 1);
    add_broker(b, "a", "1", 0);
    uint32_t row = batch_add(b, TABLE_AGENT);
    batch_set_text(b, TABLE_AGENT, row, AGENT_PART, batch_intern_z(b, "collect"));
    batch_set_real(b, TABLE_AGENT, row, AGENT_CPU_SECONDS_TOTAL, 0.25);
    batch_set_real(b, TABLE_AGENT, row, AGENT_INTERVAL_SECONDS, 60);
    char *page = page_of(b, NULL, 0, NULL);
    ck_assert_str_eq(page, "# HELP mq_broker_up 1 if the broker answered in this interval\n"
                           "# TYPE mq_broker_up gauge\n"
                           "mq_broker_up{source=\"s\",system=\"\",cluster=\"\",broker=\"a\",broker_id=\"0\",address=\"\"} 1\n"
                           "mq_broker_up{source=\"s\",system=\"\",cluster=\"\",broker=\"a\",broker_id=\"1\",address=\"\"} 0\n"
                           "# HELP mqpush_interval_seconds Configured interval\n"
                           "# TYPE mqpush_interval_seconds gauge\n"
                           "mqpush_interval_seconds 60\n"
                           "# HELP mqpush_cpu_seconds_total CPU time of the agent\n"
                           "# TYPE mqpush_cpu_seconds_total counter\n"
                           "mqpush_cpu_seconds_total 0.25\n");
    free(page);
}
END_TEST

START_TEST(an_empty_batch_is_an_empty_page)
{
    char *page = page_of(batch_new(), NULL, 0, NULL);
    ck_assert_str_eq(page, "");
    free(page);
}
END_TEST

START_TEST(a_family_without_samples_has_no_header)
{
    struct batch *b = batch_new();
    want("mq_broker_up");
    add_broker(b, "a", "0", NO_INT);
    char *page = page_of(b, NULL, 0, NULL);
    ck_assert_str_eq(page, "");
    free(page);
}
END_TEST

static const struct {
    int64_t value;
    const char *text;
} integers[] = {
    { 0, "0" }, { -1, "-1" }, { INT64_MAX, "9223372036854775807" }, { INT64_MIN + 1, "-9223372036854775807" },
    { 9007199254740993, "9007199254740993" },
};

START_TEST(an_integer_is_exact) /* loop test over integers */
{
    struct batch *b = batch_new();
    char tail[64];

    want("mq_broker_up");
    add_broker(b, "a", "0", integers[_i].value);
    char *page = page_of(b, NULL, 0, NULL);
    snprintf(tail, sizeof(tail), "} %s\n", integers[_i].text);
    ck_assert_msg(strstr(page, tail) != NULL, "%s expected at the end of %s", integers[_i].text, page);
    free(page);
}
END_TEST

static const struct {
    double value;
    const char *text; /* NULL: no sample */
} reals[] = {
    { 0.1, "0.1" }, { -0.0, "0" }, { 1e300, "1e+300" }, { 1.0 / 3, "0.3333333333333333" }, { INFINITY, "+Inf" },
    { -INFINITY, "-Inf" }, { NAN, NULL },
};

START_TEST(a_real_reads_back_the_same_and_nan_is_absent) /* loop test over reals */
{
    struct batch *b = batch_new();
    char line[64];

    want("mqpush_interval_seconds");
    uint32_t row = batch_add(b, TABLE_AGENT);
    batch_set_text(b, TABLE_AGENT, row, AGENT_PART, batch_intern_z(b, "collect"));
    batch_set_real(b, TABLE_AGENT, row, AGENT_INTERVAL_SECONDS, reals[_i].value);
    char *page = page_of(b, NULL, 0, NULL);
    if (reals[_i].text == NULL) {
        ck_assert_str_eq(page, "");
    } else {
        snprintf(line, sizeof(line), "\nmqpush_interval_seconds %s\n", reals[_i].text);
        ck_assert_msg(strstr(page, line) != NULL, "%s expected in %s", reals[_i].text, page);
    }
    free(page);
}
END_TEST

static const struct {
    const char *value;
    size_t len;
    const char *text; /* as it stands on the page */
} escapes[] = {
    { "plain", 5, "plain" },
    { "a\"b", 3, "a\\\"b" },
    { "a\\b", 3, "a\\\\b" },
    { "a\nb", 3, "a\\nb" },
    { "\"\"\"", 3, "\\\"\\\"\\\"" },
    { "\\", 1, "\\\\" },
    { "\r\t\x01", 3, "\r\t\x01" },
    { "%RETRY%g|x", 10, "%RETRY%g|x" },
    { "\xff", 1, "\xef\xbf\xbd" },
    { "消费组", 9, "消费组" },
    { "", 0, "" },
};

START_TEST(a_label_value_is_escaped_and_nothing_else_is) /* loop test over escapes */
{
    struct batch *b = batch_new();
    char part[64];

    want("mq_broker_up");
    uint32_t row = add_broker(b, "x", "0", 1);
    batch_set_text(b, TABLE_BROKERS, row, BROKERS_BROKER, batch_intern(b, escapes[_i].value, escapes[_i].len));
    char *page = page_of(b, NULL, 0, NULL);
    snprintf(part, sizeof(part), ",broker=\"%s\",", escapes[_i].text);
    ck_assert_msg(strstr(page, part) != NULL, "%s expected in %s", part, page);
    free(page);
}
END_TEST

START_TEST(a_label_value_with_a_nul_keeps_its_length)
{
    struct batch *b = batch_new();
    struct buf out;

    want("mq_broker_up");
    uint32_t row = add_broker(b, "x", "0", 1);
    batch_set_text(b, TABLE_BROKERS, row, BROKERS_BROKER, batch_intern(b, "a\0b", 3));
    batch_seal(b);
    buf_init(&out, 0);
    prom_text_render(b, wanted, NULL, 0, &out);
    ck_assert_ptr_nonnull(memmem(out.data, out.len, ",broker=\"a\0b\",", 14));
    buf_fini(&out);
    batch_unref(b);
}
END_TEST

START_TEST(constant_labels_stand_on_every_sample)
{
    static const struct sink_label labels[] = { { "env", "pr\"od" }, { "region", "" }, { NULL, NULL } };
    struct batch *b = batch_new();

    want("mq_broker_up mqpush_interval_seconds");
    add_broker(b, "a", "0", 1);
    uint32_t row = batch_add(b, TABLE_AGENT);
    batch_set_text(b, TABLE_AGENT, row, AGENT_PART, batch_intern_z(b, "collect"));
    batch_set_real(b, TABLE_AGENT, row, AGENT_INTERVAL_SECONDS, 60);
    char *page = page_of(b, labels, 0, NULL);
    ck_assert_ptr_nonnull(strstr(page, ",address=\"\",env=\"pr\\\"od\",region=\"\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(page, "mqpush_interval_seconds{env=\"pr\\\"od\",region=\"\"} 60\n"));
    free(page);
}
END_TEST

START_TEST(a_constant_label_gives_way_to_the_familys_own)
{
    static const struct sink_label labels[] = { { "cluster", "other" }, { "Cluster", "C" }, { NULL, NULL } };
    struct batch *b = batch_new();

    want("mq_broker_up");
    add_broker(b, "a", "0", 1);
    char *page = page_of(b, labels, 0, NULL);
    ck_assert_ptr_nonnull(strstr(page, ",cluster=\"\","));
    ck_assert_ptr_null(strstr(page, "other"));
    ck_assert_ptr_nonnull(strstr(page, ",Cluster=\"C\"}"));
    free(page);
}
END_TEST

START_TEST(the_second_sample_with_the_same_labels_is_left_out_and_counted)
{
    struct batch *b = batch_new();
    struct prom_text_count count;

    want("mq_broker_up");
    add_broker(b, "a", "0", 1);
    add_broker(b, "b", "0", 2);
    add_broker(b, "a", "0", 3);
    char *page = page_of(b, NULL, 0, &count);
    ck_assert_uint_eq(count.samples, 2);
    ck_assert_uint_eq(count.cut, 1);
    ck_assert_str_eq(count.first_cut, "mq_broker_up");
    ck_assert_ptr_null(strstr(page, "} 3\n"));
    free(page);
}
END_TEST

START_TEST(no_text_and_empty_text_are_the_same_label)
{
    struct batch *b = batch_new();
    struct prom_text_count count;

    want("mq_broker_up");
    add_broker(b, "a", NULL, 1);
    add_broker(b, "a", "", 2);
    free(page_of(b, NULL, 0, &count));
    ck_assert_uint_eq(count.samples, 1);
    ck_assert_uint_eq(count.cut, 1);
}
END_TEST

START_TEST(two_clusters_with_one_group_name_do_not_spoil_the_page)
{
    struct batch *b = batch_new();
    struct prom_text_count count;

    want("rocketmq_group_diff mq_group_lag_messages");
    for (int i = 0; i < 2; i++) {
        uint32_t row = batch_add(b, TABLE_BACKLOGS);
        batch_set_text(b, TABLE_BACKLOGS, row, KEY_CLUSTER, batch_intern_z(b, i == 0 ? "east" : "west"));
        batch_set_text(b, TABLE_BACKLOGS, row, BACKLOGS_CONSUMER_GROUP, batch_intern_z(b, "billing"));
        batch_set_text(b, TABLE_BACKLOGS, row, BACKLOGS_TOPIC, batch_intern_z(b, "orders"));
        batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_DIFF, 10 + i);
        batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_LAG, 20 + i);
        batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_COMPLETE, 1);
    }
    char *page = page_of(b, NULL, 0, &count);
    ck_assert_uint_eq(count.samples, 3); /* both under our name, the first under the official one */
    ck_assert_str_eq(count.first_cut, "rocketmq_group_diff");
    free(page);
}
END_TEST

START_TEST(an_incomplete_sum_has_no_official_sample)
{
    struct batch *b = batch_new();

    want("rocketmq_group_diff");
    uint32_t row = batch_add(b, TABLE_BACKLOGS);
    batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_DIFF, 10);
    batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_COMPLETE, 0);
    char *page = page_of(b, NULL, 0, NULL);
    ck_assert_str_eq(page, "");
    free(page);
}
END_TEST

START_TEST(max_series_cuts_whole_families_and_says_how_many_samples)
{
    struct batch *b = batch_new();
    struct prom_text_count count;

    want("mq_broker_up mq_queue_lag_messages");
    add_broker(b, "a", "0", 1);
    for (int i = 0; i < 20; i++) {
        uint32_t row = batch_add(b, TABLE_QUEUES);
        batch_set_text(b, TABLE_QUEUES, row, QUEUES_QUEUE, batch_intern_z(b, (char[]){ (char)('a' + i), '\0' }));
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_LAG, i);
    }
    free(page_of(b, NULL, 10, &count));
    ck_assert_uint_eq(count.samples, 1);
    ck_assert_uint_eq(count.cut, 20);
    ck_assert_str_eq(count.first_cut, "mq_queue_lag_messages");
    for (unsigned i = 0; i < family_count; i++) /* the caller's choice is not touched */
        ck_assert(!wanted[i] || strncmp(families[i].name, "mq_", 3) == 0);
    ck_assert(wanted[family_find("mq_queue_lag_messages") - families]);
}
END_TEST

START_TEST(every_name_stands_once_in_the_family_table) /* else a page would have a second TYPE */
{
    for (unsigned i = 0; i < family_count; i++)
        ck_assert_msg(family_find(families[i].name) == &families[i], "%s", families[i].name);
}
END_TEST

START_TEST(a_strict_reader_takes_the_hostile_batch)
{
    struct batch *b = rig_hostile_batch();
    struct buf out;
    char why[400] = "";

    buf_init(&out, 0);
    struct prom_text_count count = prom_text_render(b, wanted, NULL, 0, &out);
    ck_assert_msg(prom_check(out.data, out.len, why, sizeof(why)) == (long)count.samples, "%s", why);
    ck_assert_uint_gt(count.samples, 1000);
    buf_fini(&out);
    batch_unref(b);
}
END_TEST

/* Random bytes in every key, random presence of every value, few different texts so that duplicates happen. */
static struct batch *random_batch(uint64_t *state)
{
    struct batch *b = batch_new();

    for (int t = 0; t < TABLE_COUNT; t++)
        for (uint64_t rows = unit_random(state) % 40; rows > 0; rows--) {
            uint32_t row = batch_add(b, (enum table_id)t);
            for (unsigned c = 0; c < schema_tables[t].column_count; c++) {
                uint64_t r = unit_random(state);
                if (r % 5 == 0)
                    continue;
                if (schema_tables[t].columns[c].kind == COLUMN_INT)
                    batch_set_int(b, (enum table_id)t, row, c, (int64_t)unit_random(state) >> (r >> 8) % 64);
                else if (schema_tables[t].columns[c].kind == COLUMN_REAL)
                    batch_set_real(b, (enum table_id)t, row, c, (double)(int64_t)unit_random(state) / (double)(r | 1));
                else {
                    char text[4];
                    for (size_t i = 0; i < sizeof(text); i++)
                        text[i] = "ab\"\\\n\r\xc3\xa4\0{"[(r >> (8 + 8 * i)) % 10];
                    batch_set_text(b, (enum table_id)t, row, c, batch_intern(b, text, (r >> 48) % 5));
                }
            }
        }
    batch_seal(b);
    return b;
}

struct collected {
    struct buf all;
    size_t largest;
};

static int collect(void *ctx, const char *data, size_t len)
{
    struct collected *c = ctx;

    buf_put(&c->all, data, len);
    c->largest = len > c->largest ? len : c->largest;
    return 0;
}

START_TEST(a_strict_reader_takes_any_batch_and_a_drain_changes_no_byte) /* loop test */
{
    uint64_t seed = unit_seed() + (uint64_t)_i, state = seed;
    struct batch *b = random_batch(&state);
    struct buf out, drained;
    struct collected collected = { .largest = 0 };
    char why[400] = "";

    buf_init(&out, 0);
    buf_init(&collected.all, 0);
    struct prom_text_count count = prom_text_render(b, wanted, NULL, 0, &out);
    ck_assert_msg(prom_check(out.data, out.len, why, sizeof(why)) == (long)count.samples, "seed %" PRIu64 ": %s", seed, why);
    buf_init_drain(&drained, collect, &collected);
    prom_text_render(b, wanted, NULL, 0, &drained);
    ck_assert_int_eq(buf_flush(&drained), 0);
    ck_assert_uint_eq(collected.all.len, out.len);
    ck_assert_int_eq(memcmp(collected.all.data, out.data, out.len), 0);
    buf_fini(&drained);
    buf_fini(&collected.all);
    buf_fini(&out);
    batch_unref(b);
}
END_TEST

START_TEST(a_long_page_leaves_in_pieces)
{
    struct batch *b = rig_broker_batch(20000);
    struct buf drained;
    struct collected collected = { .largest = 0 };

    buf_init(&collected.all, 0);
    buf_init_drain(&drained, collect, &collected);
    prom_text_render(b, wanted, NULL, 0, &drained);
    buf_flush(&drained);
    ck_assert_uint_gt(collected.all.len, 20 * BUF_DRAIN_AT);
    ck_assert_uint_lt(collected.largest, BUF_DRAIN_AT + 1024);
    ck_assert_uint_le(drained.cap, 2 * BUF_DRAIN_AT);
    buf_fini(&drained);
    buf_fini(&collected.all);
    batch_unref(b);
}
END_TEST

static int refuse(void *ctx, const char *data, size_t len)
{
    (void)data;
    (void)len;
    ++*(int *)ctx;
    return -1;
}

START_TEST(a_drain_that_fails_is_asked_once)
{
    struct batch *b = rig_broker_batch(20000);
    struct buf out;
    int asked = 0;

    buf_init_drain(&out, refuse, &asked);
    prom_text_render(b, wanted, NULL, 0, &out);
    ck_assert(buf_failed(&out));
    ck_assert_int_eq(asked, 1);
    buf_fini(&out);
    batch_unref(b);
}
END_TEST

static const struct {
    const char *name;
    bool good;
} names[] = {
    { "a", true },   { "_a", true },   { "A9_z", true }, { "", false },   { "9a", false }, { "__a", false },
    { "a-b", false }, { "a.b", false }, { "a b", false }, { "ä", false }, { "a:b", false }, { "_", true },
};

START_TEST(a_label_name_is_letters_digits_and_underscores) /* loop test over names */
{
    ck_assert_msg(prom_text_is_label_name(names[_i].name) == names[_i].good, "%s", names[_i].name);
}
END_TEST

START_TEST(labels_that_would_spoil_a_page_are_refused)
{
    struct err err;

    ck_assert_int_eq(prom_text_check_labels(NULL, &err), 0);
    ck_assert_int_eq(prom_text_check_labels((struct sink_label[]){ { "a", "1" }, { "b", "" }, { NULL, NULL } }, &err), 0);
    ck_assert_int_eq(prom_text_check_labels((struct sink_label[]){ { "a-b", "1" }, { NULL, NULL } }, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "a-b"));
    ck_assert_int_eq(prom_text_check_labels((struct sink_label[]){ { "a", "\xff" }, { NULL, NULL } }, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "UTF-8"));
    ck_assert_int_eq(prom_text_check_labels((struct sink_label[]){ { "a", "1" }, { "a", "2" }, { NULL, NULL } }, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "twice"));
}
END_TEST

/* The reader itself: what it must refuse. */
static const char *const bad_pages[] = {
    "a 1",
    "# HELP a x\n# TYPE a gauge\na 1\r\n",
    "# HELP a x\n# TYPE a gauge\na 1 1700000000000\n",
    "# HELP a x\n# TYPE a gauge\na 1\na 2\n",
    "# HELP a x\n# TYPE a gauge\na{x=\"\"} 1\na 2\n",
    "# HELP a x\n# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n",
    "# HELP a x\n# TYPE a gauge\na{__x=\"1\"} 1\n",
    "# HELP a x\n# TYPE a gauge\na{x=\"\\t\"} 1\n",
    "# HELP a x\n# TYPE a gauge\na{x=\"\xff\"} 1\n",
    "# HELP a x\n# TYPE a gauge\na{x=\"1\n\"} 1\n",
    "# HELP a x\n# TYPE a gauge\n# HELP b x\n# TYPE b gauge\nb 1\na 1\n",
    "# HELP a x\n# TYPE a gauge\na 1\n# TYPE a gauge\n",
    "# HELP a x\n# TYPE a gauge\na nan\n",
};

START_TEST(the_reader_of_these_tests_refuses_bad_pages) /* loop test over bad_pages */
{
    char why[400];

    ck_assert_msg(prom_check(bad_pages[_i], strlen(bad_pages[_i]), why, sizeof(why)) == -1, "%s", bad_pages[_i]);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

static Suite *suite(void)
{
    Suite *s = suite_create("prom_text");
    TCase *t = unit_case(s, "page");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_page_is_exactly_so);
    tcase_add_test(t, an_empty_batch_is_an_empty_page);
    tcase_add_test(t, a_family_without_samples_has_no_header);
    tcase_add_loop_test(t, an_integer_is_exact, 0, COUNT(integers));
    tcase_add_loop_test(t, a_real_reads_back_the_same_and_nan_is_absent, 0, COUNT(reals));
    tcase_add_loop_test(t, a_label_value_is_escaped_and_nothing_else_is, 0, COUNT(escapes));
    tcase_add_test(t, a_label_value_with_a_nul_keeps_its_length);
    tcase_add_test(t, constant_labels_stand_on_every_sample);
    tcase_add_test(t, a_constant_label_gives_way_to_the_familys_own);
    tcase_add_test(t, the_second_sample_with_the_same_labels_is_left_out_and_counted);
    tcase_add_test(t, no_text_and_empty_text_are_the_same_label);
    tcase_add_test(t, two_clusters_with_one_group_name_do_not_spoil_the_page);
    tcase_add_test(t, an_incomplete_sum_has_no_official_sample);
    tcase_add_test(t, max_series_cuts_whole_families_and_says_how_many_samples);
    tcase_add_test(t, every_name_stands_once_in_the_family_table);
    tcase_add_test(t, a_strict_reader_takes_the_hostile_batch);
    tcase_add_loop_test(t, a_strict_reader_takes_any_batch_and_a_drain_changes_no_byte, 0, 50);
    tcase_add_test(t, a_long_page_leaves_in_pieces);
    tcase_add_test(t, a_drain_that_fails_is_asked_once);
    t = unit_case(s, "labels");
    tcase_add_loop_test(t, a_label_name_is_letters_digits_and_underscores, 0, COUNT(names));
    tcase_add_test(t, labels_that_would_spoil_a_page_are_refused);
    tcase_add_loop_test(t, the_reader_of_these_tests_refuses_bad_pages, 0, COUNT(bad_pages));
    return s;
}

int main(void)
{
    return unit_main(suite());
}
