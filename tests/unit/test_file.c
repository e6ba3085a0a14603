/* test_file.c - the sink "file": the bytes of each format, and files that survive kills, full disks, logrotate and mistakes. */
#include "agent/base/buf.h"
#include "agent/base/xalloc.h"
#include "tests/fake/sink_rig.h"
#include "tests/unit/unit.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <glob.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIME_S 1700006400LL

static char directory[64], path[128];

static void setup(void)
{
    strcpy(directory, access("/dev/shm", W_OK) == 0 ? "/dev/shm/test_file.XXXXXX" : "/tmp/test_file.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void teardown(void)
{
    char command[100];

    snprintf(command, sizeof(command), "rm -rf '%s'", directory);
    ck_assert_int_eq(system(command), 0);
}

static const char *use(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void open_rig(struct sink_rig *rig, const char *name)
{
    sink_rig_init(rig, "file");
    ck_assert_int_eq(sink_rig_set(rig, "path", use(name)), 0);
    ck_assert_msg(sink_rig_open(rig) == 0, "%s", rig->err.msg);
}

static uint32_t add_group(struct batch *b, const char *name)
{
    uint32_t row = batch_add(b, TABLE_GROUPS);

    batch_set_text(b, TABLE_GROUPS, row, KEY_SOURCE, batch_intern_z(b, "prod"));
    batch_set_text(b, TABLE_GROUPS, row, KEY_SYSTEM, batch_intern_z(b, "rocketmq"));
    batch_set_text(b, TABLE_GROUPS, row, GROUPS_CONSUMER_GROUP, batch_intern_z(b, name));
    return row;
}

static struct batch *new_batch(int64_t time_s)
{
    struct batch *b = batch_new();

    *batch_info_edit(b) = (struct batch_info){ .time_ms = time_s * 1000, .interval_ms = 60000, .complete = true };
    return b;
}

/* `rows` groups "g0"... with that lag. */
static struct batch *groups(int64_t time_s, int rows, int64_t lag)
{
    struct batch *b = new_batch(time_s);

    for (int i = 0; i < rows; i++) {
        char name[32];
        snprintf(name, sizeof(name), "g%d", i);
        batch_set_int(b, TABLE_GROUPS, add_group(b, name), GROUPS_LAG, lag);
    }
    batch_seal(b);
    return b;
}

static enum sink_result try_give(struct sink_rig *rig, struct batch *b)
{
    enum sink_result result = sink_rig_deliver(rig, b);

    batch_unref(b);
    return result;
}

static void give(struct sink_rig *rig, struct batch *b)
{
    enum sink_result result = try_give(rig, b);

    ck_assert_msg(result == SINK_OK, "%s", rig->err.msg);
}

/* The whole file; the caller frees it. */
static char *read_file(const char *name)
{
    FILE *file = fopen(use(name), "r");
    struct buf text;
    int c;

    buf_init(&text, 0);
    while (file != NULL && (c = fgetc(file)) != EOF)
        buf_putc(&text, (char)c);
    if (file != NULL)
        fclose(file);
    buf_putc(&text, '\0');
    return text.data;
}

static void write_file(const char *name, const char *bytes, const char *mode)
{
    FILE *file = fopen(use(name), mode);

    ck_assert_ptr_nonnull(file);
    fputs(bytes, file);
    fclose(file);
}

#define ck_file(name, expected) \
    do { \
        char *is_ = read_file(name); \
        ck_assert_str_eq(is_, expected); \
        free(is_); \
    } while (0)

static int count_lines(const char *name)
{
    char *text = read_file(name);
    int lines = 0;

    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    free(text);
    return lines;
}

/* ---- bytes ---- */

static struct batch *one_group(void)
{
    struct batch *b = new_batch(TIME_S);
    uint32_t row = add_group(b, "%RETRY%a, \"b\"=c|d");

    batch_set_text(b, TABLE_GROUPS, row, GROUPS_MODEL, batch_intern_z(b, "back\\slash\\"));
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_LAG, INT64_MAX);
    batch_set_real(b, TABLE_GROUPS, row, GROUPS_LAG_SECONDS, 1.0 / 3);
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_COMPLETE, 1);
    row = add_group(b, "line\nbreak");
    batch_set_real(b, TABLE_GROUPS, row, GROUPS_LAG_SECONDS, INFINITY);
    batch_seal(b);
    return b;
}

static const struct {
    const char *name, *file, *expected;
} golden[] = {
    { "rows.jsonl", "rows.jsonl",
      "{\"time\":1700006400,\"table\":\"groups\",\"source\":\"prod\",\"system\":\"rocketmq\","
      "\"consumer_group\":\"%RETRY%a, \\\"b\\\"=c|d\",\"model\":\"back\\\\slash\\\\\",\"lag\":9223372036854775807,"
      "\"lag_seconds\":0.3333333333333333,\"complete\":1,\"env\":\"te st\"}\n"
      "{\"time\":1700006400,\"table\":\"groups\",\"source\":\"prod\",\"system\":\"rocketmq\",\"consumer_group\":\"line\\nbreak\","
      "\"env\":\"te st\"}\n" },
    { "rows.influx", "rows.influx",
      "mq_groups,source=prod,system=rocketmq,consumer_group=%RETRY%a\\,\\ \"b\"\\=c|d,model=back\\\\slash\\\\,env=te\\ st "
      "lag=9223372036854775807i,lag_seconds=0.3333333333333333,complete=1i 1700006400000000000\n" },
};

START_TEST(the_bytes_of_a_row) /* loop test over `golden` */
{
    struct sink_rig rig;

    sink_rig_init(&rig, "file");
    sink_rig_set(&rig, "path", use(golden[_i].name));
    sink_rig_label(&rig, "env", "te st");
    sink_rig_label(&rig, "lag", "hidden by the column");
    ck_assert_int_eq(sink_rig_open(&rig), 0);
    give(&rig, one_group());
    ck_file(golden[_i].file, golden[_i].expected);
    ck_assert_uint_eq(rig.delivery.bytes, strlen(golden[_i].expected));
    sink_rig_fini(&rig);
}
END_TEST

/* The field of that column in a line of a table without quotes. */
static const char *field(const char *line, const struct table *table, unsigned column, size_t *len)
{
    for (unsigned c = 0; c <= column; c++)
        if (!table->columns[c].hidden)
            line += strcspn(line, ",") + 1;
    *len = strcspn(line, ",\n");
    return line;
}

START_TEST(csv_has_a_file_for_each_table_and_its_names_once)
{
    struct sink_rig rig;
    size_t len;

    open_rig(&rig, "rows.csv");
    give(&rig, groups(TIME_S, 2, 5));
    give(&rig, groups(TIME_S + 60, 2, 6));
    sink_rig_fini(&rig);
    open_rig(&rig, "rows.csv");
    give(&rig, groups(TIME_S + 120, 2, 7));
    sink_rig_fini(&rig);
    char *text = read_file("rows.groups.csv");
    ck_assert_int_eq(strncmp(text, "time,source,system,cluster,consumer_group,", 42), 0);
    ck_assert_int_eq(count_lines("rows.groups.csv"), 7);
    const char *last = text;
    for (int i = 0; i < 6; i++)
        last = strchr(last, '\n') + 1;
    ck_assert_int_eq(strncmp(last, "1700006520,prod,rocketmq,,g1,", 29), 0);
    const char *lag = field(last, &schema_tables[TABLE_GROUPS], GROUPS_LAG, &len);
    ck_assert(len == 1 && *lag == '7');
    free(text);
    ck_assert_int_ne(access(use("rows.csv"), F_OK), 0);
    ck_assert_int_ne(access(use("rows.topics.csv"), F_OK), 0); /* no rows, no file */
}
END_TEST

START_TEST(a_mark_in_the_path_is_the_tables_name)
{
    struct sink_rig rig;

    open_rig(&rig, "day-{table}.jsonl");
    give(&rig, groups(TIME_S, 2, 5));
    sink_rig_fini(&rig);
    ck_assert_int_eq(count_lines("day-groups.jsonl"), 2);
}
END_TEST

START_TEST(a_row_is_a_line_whatever_its_texts_hold)
{
    static const char *const names[] = { "rows.jsonl", "{table}.csv", "rows.influx" };
    static const char *const files[] = { "rows.jsonl", "brokers.csv", "rows.influx" };
    struct sink_rig rig;
    struct batch *b = rig_hostile_broker_batch();
    int rows = (int)batch_rows(b, TABLE_BROKERS);

    open_rig(&rig, names[_i]);
    give(&rig, b);
    sink_rig_fini(&rig);
    ck_assert_int_eq(count_lines(files[_i]), rows + (_i == 1));
    if (_i == 0) {
        char *text = read_file(files[_i]), *save = NULL;
        for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
            cJSON *row = cJSON_Parse(line);
            ck_assert_msg(row != NULL && cJSON_IsString(cJSON_GetObjectItem(row, "broker")), "%.200s", line);
            cJSON_Delete(row);
        }
        free(text);
    }
}
END_TEST

START_TEST(a_page_is_the_newest_state_and_rows_are_history)
{
    static const struct {
        const char *path, *format;
        enum sink_mode mode;
    } cases[] = { { "x.prom", "auto", SINK_LATEST }, { "x.csv", "auto", SINK_EVERY },     { "x.log", "auto", SINK_EVERY },
                  { "x.log", "prom", SINK_LATEST },  { "x.prom", "jsonl", SINK_EVERY },   { "x.influx", "auto", SINK_EVERY } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sink_rig rig;
        sink_rig_init(&rig, "file");
        sink_rig_set(&rig, "path", cases[i].path);
        sink_rig_set(&rig, "format", cases[i].format);
        ck_assert_int_eq(sink_mode(rig.ops, rig.self), cases[i].mode);
        sink_rig_fini(&rig);
    }
}
END_TEST

/* ---- appended files ---- */

START_TEST(the_same_interval_again_is_there_once)
{
    struct sink_rig rig;

    open_rig(&rig, "rows.jsonl");
    give(&rig, groups(TIME_S, 3, 1));
    give(&rig, groups(TIME_S + 60, 300, 2));
    give(&rig, groups(TIME_S + 60, 300, 2));
    ck_assert_int_eq(count_lines("rows.jsonl"), 303);
    sink_rig_fini(&rig);
    open_rig(&rig, "rows.jsonl"); /* after a restart too */
    give(&rig, groups(TIME_S + 60, 300, 2));
    give(&rig, groups(TIME_S + 120, 1, 3));
    sink_rig_fini(&rig);
    ck_assert_int_eq(count_lines("rows.jsonl"), 304);
}
END_TEST

/* Cuts the file anywhere in its last interval, as a kill or a crash does, then delivers that interval again. */
START_TEST(half_an_interval_is_completed_not_doubled) /* loop test over formats */
{
    static const char *const names[] = { "rows.jsonl", "{table}.csv", "rows.influx" };
    static const char *const files[] = { "rows.jsonl", "groups.csv", "rows.influx" };
    struct sink_rig rig;
    struct stat whole, before;

    open_rig(&rig, names[_i]);
    give(&rig, groups(TIME_S, 3, 1));
    ck_assert_int_eq(stat(use(files[_i]), &before), 0);
    give(&rig, groups(TIME_S + 60, 4, 2));
    sink_rig_fini(&rig);
    char *expected = read_file(files[_i]);
    ck_assert_int_eq(stat(use(files[_i]), &whole), 0);
    for (off_t at = 0; at <= whole.st_size; at += at < before.st_size - 1 ? before.st_size - 1 - at : 1) {
        ck_assert_int_eq(truncate(use(files[_i]), at), 0);
        open_rig(&rig, names[_i]);
        if (at < before.st_size) /* the one before was hit: it comes again as well */
            give(&rig, groups(TIME_S, 3, 1));
        give(&rig, groups(TIME_S + 60, 4, 2));
        sink_rig_fini(&rig);
        char *text = read_file(files[_i]);
        ck_assert_msg(strcmp(text, expected) == 0, "cut at %lld:\n%s", (long long)at, text);
        free(text);
    }
    free(expected);
}
END_TEST

/* The agent caught up with several, and was killed before it had noted that any of them was delivered. */
START_TEST(intervals_that_come_again_in_their_order_are_there_once) /* loop test over formats */
{
    static const char *const names[] = { "rows.jsonl", "{table}.csv", "rows.influx" };
    static const char *const files[] = { "rows.jsonl", "groups.csv", "rows.influx" };
    struct sink_rig rig;

    open_rig(&rig, names[_i]);
    for (int i = 0; i < 40; i++)
        give(&rig, groups(TIME_S + 60 * i, 1 + i * 7 % 50, i));
    sink_rig_fini(&rig);
    char *expected = read_file(files[_i]);
    for (int from = 0; from < 40; from += 3) {
        open_rig(&rig, names[_i]);
        for (int i = from; i < 40; i++) {
            give(&rig, groups(TIME_S + 60 * i, 1 + i * 7 % 50, i));
            ck_assert_uint_eq(rig.delivery.series, (uint64_t)(1 + i * 7 % 50));
        }
        sink_rig_fini(&rig);
        char *text = read_file(files[_i]);
        ck_assert_msg(strcmp(text, expected) == 0, "from %d on:\n%s", from, text);
        free(text);
    }
    free(expected);
}
END_TEST

START_TEST(another_interval_of_the_same_time_is_kept) /* loop test over formats; the clock was set back */
{
    static const char *const names[] = { "rows.jsonl", "{table}.csv", "rows.influx" };
    static const char *const files[] = { "rows.jsonl", "groups.csv", "rows.influx" };
    struct sink_rig rig;

    open_rig(&rig, names[_i]);
    for (int i = 0; i < 4; i++)
        give(&rig, groups(TIME_S + 60 * i, 5, i));
    int before = count_lines(files[_i]);
    give(&rig, groups(TIME_S + 60, 5, 77));
    ck_assert_int_eq(count_lines(files[_i]), before + 5);
    give(&rig, groups(TIME_S + 90, 5, 78)); /* between two that are there */
    ck_assert_int_eq(count_lines(files[_i]), before + 10);
    sink_rig_fini(&rig);
}
END_TEST

START_TEST(killed_at_any_moment_only_whole_lines_stay)
{
    struct sink_rig rig;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        open_rig(&rig, "rows.jsonl");
        for (int i = 0;; i++)
            give(&rig, groups(TIME_S + 60 * i, 500, i));
    }
    usleep((useconds_t)(3000 + _i * 9000));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    open_rig(&rig, "rows.jsonl");
    give(&rig, groups(TIME_S + 86400 * 365, 1, 0));
    sink_rig_fini(&rig);
    char *text = read_file("rows.jsonl"), *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
        ck_assert_msg(line[0] == '{' && line[strlen(line) - 1] == '}' && strstr(line, "}{") == NULL, "%s", line);
    free(text);
}
END_TEST

START_TEST(a_full_disk_leaves_what_was_there)
{
    struct sink_rig rig;
    const struct rlimit small = { 20000, RLIM_INFINITY }, none = { RLIM_INFINITY, RLIM_INFINITY };

    signal(SIGXFSZ, SIG_IGN);
    open_rig(&rig, "rows.jsonl");
    give(&rig, groups(TIME_S, 3, 1));
    char *before = read_file("rows.jsonl");
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(try_give(&rig, groups(TIME_S + 60, 1000, 2)), SINK_RETRY);
    ck_assert_ptr_nonnull(strstr(rig.err.msg, "rows.jsonl: write: File too large"));
    ck_file("rows.jsonl", before);
    ck_assert_int_eq(try_give(&rig, groups(TIME_S + 60, 1000, 2)), SINK_RETRY);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    give(&rig, groups(TIME_S + 60, 1000, 2));
    ck_assert_int_eq(count_lines("rows.jsonl"), 1003);
    free(before);
    sink_rig_fini(&rig);
}
END_TEST

START_TEST(a_file_renamed_removed_or_cut_is_begun_anew)
{
    struct sink_rig rig;
    char other[160];

    open_rig(&rig, "rows.jsonl");
    give(&rig, groups(TIME_S, 3, 1));
    snprintf(other, sizeof(other), "%s.1", path);
    ck_assert_int_eq(rename(path, other), 0);
    give(&rig, groups(TIME_S + 60, 2, 1));
    ck_assert_int_eq(count_lines("rows.jsonl.1"), 3);
    ck_assert_int_eq(count_lines("rows.jsonl"), 2);
    ck_assert_int_eq(truncate(use("rows.jsonl"), 0), 0); /* logrotate's copytruncate */
    give(&rig, groups(TIME_S + 120, 4, 1));
    ck_assert_int_eq(count_lines("rows.jsonl"), 4);
    ck_assert_int_eq(unlink(use("rows.jsonl")), 0);
    give(&rig, groups(TIME_S + 180, 1, 1));
    ck_assert_int_eq(count_lines("rows.jsonl"), 1);
    sink_rig_fini(&rig);
}
END_TEST

START_TEST(csv_with_other_columns_is_kept_under_another_name)
{
    struct sink_rig rig;
    char pattern[160];
    glob_t found;

    write_file("groups.csv", "time,source,system,cluster,consumer_group,lag\n1700006340,a,b,c,d,5\n", "w");
    open_rig(&rig, "{table}.csv");
    ck_assert_int_eq(try_give(&rig, groups(TIME_S, 1, 1)), SINK_RETRY);
    ck_assert_msg(strstr(rig.err.msg, "has other columns; kept as ") != NULL, "%s", rig.err.msg);
    give(&rig, groups(TIME_S, 1, 1));
    sink_rig_fini(&rig);
    ck_assert_int_eq(count_lines("groups.csv"), 2);
    snprintf(pattern, sizeof(pattern), "%s.until-*", use("groups.csv"));
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    ck_assert_uint_eq(found.gl_pathc, 1);
    globfree(&found);
}
END_TEST

START_TEST(a_file_that_is_not_ours_is_refused_untouched) /* loop test over formats */
{
    static const char *const names[] = { "x.jsonl", "x.csv", "x.influx", "x.prom" };
    static const char *const files[] = { "x.jsonl", "x.groups.csv", "x.influx", "x.prom" };
    static const char words[] = "root:x:0:0:root:/root:/bin/bash\nno line end";
    struct sink_rig rig;
    char detail[200];

    write_file(files[_i], words, "w");
    open_rig(&rig, names[_i]);
    ck_assert_int_eq(try_give(&rig, groups(TIME_S, 1, 1)), SINK_REJECT);
    ck_assert_msg(strstr(rig.err.msg, "holds something else") != NULL, "%s", rig.err.msg);
    ck_assert_int_eq(rig.ops->probe(rig.self, INT64_MAX, detail, sizeof(detail), &rig.err), -1);
    sink_rig_fini(&rig);
    ck_file(files[_i], words);
}
END_TEST

START_TEST(a_device_or_a_pipe_is_refused) /* loop test: a page, rows */
{
    struct sink_rig rig;

    ck_assert_int_eq(mkfifo(use(_i == 0 ? "x.prom" : "x.jsonl"), 0600), 0);
    open_rig(&rig, _i == 0 ? "x.prom" : "x.jsonl");
    ck_assert_int_eq(try_give(&rig, groups(TIME_S, 1, 1)), SINK_REJECT);
    ck_assert_msg(strstr(rig.err.msg, "not a regular file") != NULL, "%s", rig.err.msg);
    sink_rig_fini(&rig);
}
END_TEST

/* ---- pages ---- */

START_TEST(a_page_is_readable_whole_and_alone)
{
    struct sink_rig rig;
    struct stat first, second;
    char pattern[100];
    glob_t found;

    umask(077);
    open_rig(&rig, "rows.prom");
    write_file("rows.prom.tmp", "left by one that was killed", "w");
    use("rows.prom");
    give(&rig, groups(TIME_S, 3, 1));
    ck_assert_int_eq(stat(path, &first), 0);
    ck_assert_int_eq(first.st_mode & 0777, 0644);
    give(&rig, groups(TIME_S + 60, 3, 12));
    ck_assert_int_eq(stat(path, &second), 0);
    ck_assert(first.st_ino != second.st_ino);
    char *text = read_file("rows.prom");
    ck_assert(strncmp(text, "# HELP ", 7) == 0 && text[strlen(text) - 1] == '\n');
    ck_assert_ptr_nonnull(strstr(text, " 12\n"));
    free(text);
    snprintf(pattern, sizeof(pattern), "%s/*", directory);
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    ck_assert_uint_eq(found.gl_pathc, 1);
    globfree(&found);
    sink_rig_fini(&rig);
}
END_TEST

START_TEST(a_page_that_fails_leaves_the_one_before)
{
    struct sink_rig rig;
    const struct rlimit small = { 20000, RLIM_INFINITY };

    signal(SIGXFSZ, SIG_IGN);
    open_rig(&rig, "x.prom");
    give(&rig, groups(TIME_S, 3, 1));
    char *before = read_file("x.prom");
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(try_give(&rig, groups(TIME_S + 60, 1000, 2)), SINK_RETRY);
    ck_file("x.prom", before);
    ck_assert_int_ne(access(use("x.prom.tmp"), F_OK), 0);
    free(before);
    sink_rig_fini(&rig);
}
END_TEST

START_TEST(a_page_has_no_tables)
{
    struct sink_rig rig;

    sink_rig_init(&rig, "file");
    sink_rig_set(&rig, "path", "/tmp/{table}.prom");
    ck_assert_int_eq(sink_rig_open(&rig), -1);
    ck_assert_int_eq(rig.err.kind, ERR_CONFIG);
    sink_rig_fini(&rig);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("file");
    TCase *t = unit_case(s, "bytes");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, the_bytes_of_a_row, 0, (int)(sizeof(golden) / sizeof(golden[0])));
    tcase_add_test(t, csv_has_a_file_for_each_table_and_its_names_once);
    tcase_add_test(t, a_mark_in_the_path_is_the_tables_name);
    tcase_add_loop_test(t, a_row_is_a_line_whatever_its_texts_hold, 0, 3);
    tcase_add_test(t, a_page_is_the_newest_state_and_rows_are_history);
    t = unit_case(s, "appended");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_same_interval_again_is_there_once);
    tcase_add_loop_test(t, half_an_interval_is_completed_not_doubled, 0, 3);
    tcase_add_loop_test(t, intervals_that_come_again_in_their_order_are_there_once, 0, 3);
    tcase_add_loop_test(t, another_interval_of_the_same_time_is_kept, 0, 3);
    tcase_add_loop_test(t, killed_at_any_moment_only_whole_lines_stay, 0, 6);
    tcase_add_test(t, a_full_disk_leaves_what_was_there);
    tcase_add_test(t, a_file_renamed_removed_or_cut_is_begun_anew);
    tcase_add_test(t, csv_with_other_columns_is_kept_under_another_name);
    tcase_add_loop_test(t, a_file_that_is_not_ours_is_refused_untouched, 0, 4);
    tcase_add_loop_test(t, a_device_or_a_pipe_is_refused, 0, 2);
    t = unit_case(s, "pages");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_page_is_readable_whole_and_alone);
    tcase_add_test(t, a_page_that_fails_leaves_the_one_before);
    tcase_add_test(t, a_page_has_no_tables);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
