/* test_report.c - status.json: what is written is read back, and what is no report is refused. */
#include "agent/pipeline/report.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "tests/fake/sink.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64], path[80];

static void setup(void)
{
    snprintf(directory, sizeof(directory), "/tmp/test_report.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/" REPORT_FILE, directory);
    log_set_level(LOG_ERROR);
}

static void teardown(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(directory), 0); /* no temporary file stays */
}

START_TEST(what_is_written_is_read_back)
{
    struct fake_sink *sink = fake_sink_new(SINK_LATEST, "xo");
    struct config_sink config = fake_sink_config(sink, "gate \"north\"");
    const struct sink_env env = { .name = "gate \"north\"" };
    const struct worker_limits limits = { .interval_ms = 60000 };
    struct ring *ring = ring_new(RING_SLOTS, RING_BYTES_MAX);
    struct report_head head = { .is_once = true, .started_ms = 1700000000123, .written_ms = 1700000100456,
                                .config_hash = "0123456789abcdef", .interval_ms = 60000,
                                .collection = { .time_ms = 1700000040000, .complete = true } };
    struct report_head got;
    struct err err = { 0 };
    struct buf text;
    struct stat st;

    fake_sink_count(sink, 12, 3);
    struct worker *w = worker_new(&config, &env, ring, limits, &err);
    worker_start(w);
    for (unsigned n = 1; n <= 2; n++) {
        struct batch *b = batch_new();
        batch_seal(b);
        ring_append(ring, b);
        ck_assert(fake_sink_wait(sink, n));
    }
    worker_stop_by(w, clock_now_ns() + 5 * NS_PER_S);
    ring_close(ring);
    worker_join(w);

    buf_init(&text, 0);
    report_put(&text, &head, &w, 1);
    ck_assert_int_eq(report_write(directory, &text, &err), 0);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0027, 0);
    struct batch *b = batch_new();
    ck_assert_msg(report_read(directory, b, &got, &err) == 1, "%s", err.msg);
    batch_seal(b);
    ck_assert(got.is_once);
    ck_assert_int_eq(got.started_ms, head.started_ms);
    ck_assert_int_eq(got.written_ms, head.written_ms);
    ck_assert_int_eq(got.stopped_ms, 0);
    ck_assert_int_eq(got.collection.time_ms, head.collection.time_ms);
    ck_assert_uint_eq(batch_rows(b, TABLE_SINKS), 1);
    ck_assert_str_eq(batch_text(b, TABLE_SINKS, 0, SINKS_SINK), "gate \"north\"");
    ck_assert_int_eq(batch_int(b, TABLE_SINKS, 0, SINKS_UP), 1);
    ck_assert_int_eq(batch_int(b, TABLE_SINKS, 0, SINKS_SERIES), 12);
    ck_assert_int_eq(batch_int(b, TABLE_SINKS, 0, SINKS_REJECTED_TOTAL), 1);
    ck_assert_int_eq(batch_int(b, TABLE_SINKS, 0, SINKS_DROPPED_TOTAL), 0); /* series that were cut are no batches */
    ck_assert_str_eq(batch_text(b, TABLE_SINKS, 0, SINKS_DROPS), "series 3");
    ck_assert_int_eq(batch_int(b, TABLE_SINKS, 0, SINKS_WAITING), NO_INT); /* no spool: unknown, not 0 */
    ck_assert_ptr_nonnull(batch_text(b, TABLE_SINKS, 0, SINKS_ERROR));     /* of the first, though the second went well */
    batch_unref(b);
    buf_fini(&text);
    worker_free(w);
    ring_free(ring);
    fake_sink_free(sink);
}
END_TEST

static const char *const wrong[] = { "", "{", "[]", "{}", "null", "{\"sinks\":[]}", "{\"sinks\":{},\"written_at\":1}",
                                     "{\"sinks\":[],\"written_at\":-5}", "{\"sinks\":[],\"written_at\":1e300}" };

START_TEST(what_is_no_report_is_refused)
{
    struct report_head head;
    struct err err = { 0 };
    FILE *file = fopen(path, "w");

    fputs(wrong[_i], file);
    fclose(file);
    struct batch *b = batch_new();
    ck_assert_int_eq(report_read(directory, b, &head, &err), -1);
    ck_assert_msg(strstr(err.msg, path) != NULL, "%s", err.msg);
    batch_unref(b);
}
END_TEST

START_TEST(members_of_another_type_are_unknown)
{
    struct report_head head;
    struct err err = { 0 };
    FILE *file = fopen(path, "w");

    fputs("{\"written_at\":1700000000,\"sinks\":[7,{\"kind\":\"a\"},{\"name\":\"b\",\"up\":\"yes\",\"delivered\":[1],\"series\":-1,"
          "\"dropped\":{\"overtaken\":\"x\",\"new one\":2},\"new\":{}}]}", file);
    fclose(file);
    struct batch *b = batch_new();
    ck_assert_int_eq(report_read(directory, b, &head, &err), 1);
    batch_seal(b);
    ck_assert_uint_eq(batch_rows(b, TABLE_SINKS), 1);
    ck_assert_int_eq(batch_int(b, TABLE_SINKS, 0, SINKS_UP), NO_INT);
    ck_assert_int_eq(batch_int(b, TABLE_SINKS, 0, SINKS_DELIVERED_TOTAL), NO_INT);
    ck_assert_int_eq(batch_int(b, TABLE_SINKS, 0, SINKS_SERIES), NO_INT);
    ck_assert_str_eq(batch_text(b, TABLE_SINKS, 0, SINKS_DROPS), "new one 2");
    batch_unref(b);
}
END_TEST

START_TEST(no_file_is_no_error)
{
    struct report_head head;
    struct err err = { 0 };
    struct batch *b = batch_new();

    ck_assert_int_eq(report_read(directory, b, &head, &err), 0);
    ck_assert_int_eq(report_read("/nonexistent", b, &head, &err), 0);
    batch_unref(b);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("report");
    TCase *c = unit_case(s, "report");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, what_is_written_is_read_back);
    tcase_add_loop_test(c, what_is_no_report_is_refused, 0, (int)(sizeof(wrong) / sizeof(wrong[0])));
    tcase_add_test(c, members_of_another_type_are_unknown);
    tcase_add_test(c, no_file_is_no_error);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
