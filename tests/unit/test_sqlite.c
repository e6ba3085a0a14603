/* test_sqlite.c - the history: what is written, what the views show, what happens when things go wrong. */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/batch.h"
#include "sinks/sink.h"
#include "sinks/sqlite/history.h"

#include <check.h>
#include <fcntl.h>
#include <glob.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOUR 1700006400LL /* a full hour, and a midnight (UTC) */

extern const struct sink_ops sqlite_sink;

static char directory[64], path[128];

/* ---- helpers ---- */

static void start(void)
{
    /* In memory where that is possible: hundreds of files are made here, and a busy disk syncs slowly. */
    snprintf(directory, sizeof(directory), "%s/test_sqlite.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/history.db", directory);
}

static void stop(void)
{
    char pattern[128];
    glob_t found;

    chmod(directory, 0700);
    snprintf(pattern, sizeof(pattern), "%s/*", directory);
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            unlink(found.gl_pathv[i]);
    globfree(&found);
    rmdir(directory);
}

static void *open_as(const char *reason, const char *config_hash, const char *keep)
{
    const struct sink_env env = { .name = "sqlite", .agent_version = "1.2.3", .config_hash = config_hash, .start_reason = reason,
                                  .interval_ms = 60000 };
    struct err err = { 0 };
    void *sink = xcalloc(1, sqlite_sink.size);

    option_set_defaults(sqlite_sink.options, sink);
    ck_assert_int_eq(option_set(option_find(sqlite_sink.options, "path"), sink, path, &err), 0);
    ck_assert_int_eq(option_set(option_find(sqlite_sink.options, "keep"), sink, keep, &err), 0);
    ck_assert_msg(sqlite_sink.open(sink, &env, &err) == 0, "%s", err.msg);
    return sink;
}

static void *open_sink(void)
{
    return open_as("run", "c0ffee", "36500d");
}

static void close_sink(void *sink)
{
    sqlite_sink.close(sink);
    free(sink);
}

static enum sink_result deliver_within(void *sink, const struct batch *b, int64_t ms, struct err *err)
{
    struct sink_delivery d = { .deadline_ns = clock_now_ns() + ms * NS_PER_MS, .cancel_fd = -1 };

    return sqlite_sink.deliver(sink, b, &d, err);
}

static enum sink_result try_deliver(void *sink, const struct batch *b, struct err *err)
{
    return deliver_within(sink, b, 20000, err);
}

static void deliver(void *sink, const struct batch *b)
{
    struct err err = { 0 };

    ck_assert_msg(try_deliver(sink, b, &err) == SINK_OK, "%s", err.msg);
}

/* Delivers and gives the batch up. */
static void give(void *sink, struct batch *b)
{
    batch_seal(b);
    deliver(sink, b);
    batch_unref(b);
}

static sqlite3 *look(void)
{
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    return db;
}

static void change(const char *sql)
{
    sqlite3 *db = look();
    char *why = NULL;

    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &why) == SQLITE_OK, "%s: %s", sql, why);
    sqlite3_close(db);
}

/* All rows as text: columns by '|', rows by '\n', NULL as "-". */
static const char *answer(const char *sql)
{
    static char text[65536];
    sqlite3 *db = look();
    sqlite3_stmt *stmt;
    size_t used = 0;

    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
    text[0] = '\0';
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        if (used > 0)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "\n");
        for (int c = 0; c < sqlite3_column_count(stmt); c++) {
            const char *cell = (const char *)sqlite3_column_text(stmt, c);
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", c > 0 ? "|" : "", cell != NULL ? cell : "-");
        }
        ck_assert_uint_lt(used, sizeof(text) - 1024);
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return text;
}

#define ck_answer(sql, expected) ck_assert_str_eq(answer(sql), expected)

static struct batch *new_batch(int64_t time)
{
    struct batch *b = batch_new();

    *batch_info_edit(b) = (struct batch_info){
        .time_ms = time * 1000, .interval_ms = 60000, .duration_ns = 12345000, .complete = true };
    return b;
}

static uint32_t add_row(struct batch *b, enum table_id t, const char *name)
{
    uint32_t row = batch_add(b, t);

    batch_set_text(b, t, row, KEY_SOURCE, batch_intern_z(b, "prod"));
    batch_set_text(b, t, row, KEY_SYSTEM, batch_intern_z(b, "rocketmq"));
    batch_set_text(b, t, row, KEY_CLUSTER, batch_intern_z(b, "c"));
    batch_set_text(b, t, row, KEY_CLUSTER + 1, batch_intern_z(b, name));
    for (unsigned k = KEY_CLUSTER + 2; k < schema_tables[t].key_count; k++)
        batch_set_text(b, t, row, k, batch_intern_z(b, "k"));
    return row;
}

static void add_group(struct batch *b, const char *name, int64_t lag)
{
    batch_set_int(b, TABLE_GROUPS, add_row(b, TABLE_GROUPS, name), GROUPS_LAG, lag);
}

/* One group "g" with that lag. */
static struct batch *one_group(int64_t time, int64_t lag)
{
    struct batch *b = new_batch(time);

    add_group(b, "g", lag);
    return b;
}

/* ---- what is written ---- */

START_TEST(only_a_changed_value_makes_a_row)
{
    static const int64_t a[] = { 5, 5, 6, 6, 6, 5 }, other[] = { 0, 0, 0, 0, 1, 1 };
    void *sink = open_sink();

    for (int i = 0; i < 6; i++) {
        struct batch *b = new_batch(HOUR + 60 * i);
        add_group(b, "a", a[i]);
        add_group(b, "b", other[i]);
        give(sink, b);
    }
    close_sink(sink);
    ck_answer("SELECT (time - 1700006400) / 60, consumer_group, lag FROM groups_changes ORDER BY time, consumer_group",
              "0|a|5\n0|b|0\n2|a|6\n4|b|1\n5|a|5");
    ck_answer("SELECT (time - 1700006400) / 60, lag FROM groups WHERE consumer_group = 'a' ORDER BY time",
              "0|5\n1|5\n2|6\n3|6\n4|6\n5|5");
    ck_answer("SELECT (time - 1700006400) / 60, (keyframe - 1700006400) / 60, entities, written FROM intervals",
              "0|0|2|2\n1|0|2|0\n2|0|2|1\n3|0|2|0\n4|0|2|1\n5|0|2|1");
}
END_TEST

START_TEST(everything_is_written_at_a_full_hour_and_at_a_start)
{
    void *sink = open_sink();

    give(sink, one_group(HOUR + 3480, 1));
    give(sink, one_group(HOUR + 3540, 1));
    give(sink, one_group(HOUR + 3600, 1)); /* the next hour */
    give(sink, one_group(HOUR + 3660, 1));
    close_sink(sink);
    sink = open_sink();
    give(sink, one_group(HOUR + 3720, 1)); /* a start */
    give(sink, one_group(HOUR + 3780, 1));
    close_sink(sink);
    ck_answer("SELECT (time - 1700006400) / 60 FROM groups_data", "58\n60\n62");
    ck_answer("SELECT count(*) FROM groups_names", "1");
}
END_TEST

START_TEST(once_from_a_timer_goes_on_with_the_frame)
{
    for (int i = 0; i < 70; i++) {
        void *sink = open_as("once", "c0ffee", "30d");
        give(sink, one_group(HOUR + 900 + 60 * i, i / 10));
        close_sink(sink);
    }
    ck_answer("SELECT count(*) FROM groups_data", "8"); /* 7 values and one full hour */
    ck_answer("SELECT count(*), sum(keyframe = time) FROM intervals", "70|2");
    ck_answer("SELECT group_concat(lag, '') FROM (SELECT lag FROM groups ORDER BY time)",
              "0000000000111111111122222222223333333333444444444455555555556666666666");
    ck_answer("SELECT count(*), count(end_time), min(reason) FROM runs", "70|70|once");
}
END_TEST

START_TEST(once_after_a_pause_begins_a_new_frame)
{
    static const int at[] = { 0, 1, 10 };

    for (int i = 0; i < 3; i++) {
        void *sink = open_as("once", "c0ffee", "30d");
        give(sink, one_group(HOUR + 60 * at[i], 7));
        close_sink(sink);
    }
    ck_answer("SELECT (time - 1700006400) / 60 FROM intervals WHERE keyframe = time", "0\n10");
}
END_TEST

START_TEST(what_is_gone_has_one_row_of_nulls_and_is_not_shown)
{
    void *sink = open_sink();

    for (int i = 0; i < 6; i++) {
        struct batch *b = new_batch(HOUR + 60 * i);
        add_group(b, "stays", 1);
        if (i < 2 || i == 5)
            add_group(b, "goes", 2);
        give(sink, b);
    }
    ck_answer("SELECT gone_time FROM groups_names WHERE consumer_group = 'goes'", "-"); /* it is back */
    ck_answer("SELECT (d.time - 1700006400) / 60, lag FROM groups_data AS d JOIN groups_names USING (id)"
              " WHERE consumer_group = 'goes'",
              "0|2\n2|-\n5|2");
    ck_answer("SELECT (time - 1700006400) / 60 FROM groups WHERE consumer_group = 'goes' ORDER BY time", "0\n1\n5");
    give(sink, new_batch(HOUR + 360)); /* all gone */
    ck_answer("SELECT count(*) FROM groups_now", "0");
    ck_answer("SELECT consumer_group, (gone_time - 1700006400) / 60 FROM groups_names ORDER BY id", "stays|6\ngoes|6");
    close_sink(sink);
}
END_TEST

START_TEST(gone_while_no_agent_ran_is_noticed_at_the_start)
{
    void *sink = open_sink();
    give(sink, one_group(HOUR, 1));
    close_sink(sink);
    sink = open_sink();
    give(sink, new_batch(HOUR + 60));
    close_sink(sink);
    ck_answer("SELECT count(*) FROM groups_now", "0");
    ck_answer("SELECT (gone_time - 1700006400) / 60 FROM groups_names", "1");
}
END_TEST

START_TEST(there_and_all_unknown_is_not_gone)
{
    void *sink = open_sink();
    struct batch *b = new_batch(HOUR);
    add_row(b, TABLE_GROUPS, "g");
    give(sink, b);
    close_sink(sink);
    ck_answer("SELECT consumer_group, lag, lag_seconds FROM groups", "g|-|-");
}
END_TEST

START_TEST(the_same_batch_twice_does_no_harm)
{
    void *sink = open_sink();
    struct batch *b = one_group(HOUR, 3);

    batch_seal(b);
    deliver(sink, b);
    deliver(sink, b);
    close_sink(sink);
    sink = open_sink();
    deliver(sink, b);
    give(sink, one_group(HOUR + 60, 3));
    close_sink(sink);
    batch_unref(b);
    ck_answer("SELECT count(*) FROM groups", "2");
    ck_answer("SELECT count(*) FROM intervals", "2");
}
END_TEST

START_TEST(a_clock_set_back_leaves_each_interval_right)
{
    static const int at[] = { 0, 1, 5, 2, 3, 4, 6, 7 }; /* minutes, in the order of arrival; the lag is the minute */
    void *sink = open_sink();

    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        struct batch *b = new_batch(HOUR + 60 * at[i]);
        add_group(b, "g", at[i]);
        add_group(b, "still", 1);
        if (at[i] == 3)
            add_group(b, "late", 9); /* known only from a late interval */
        give(sink, b);
    }
    close_sink(sink);
    ck_answer("SELECT group_concat(lag) FROM (SELECT lag FROM groups WHERE consumer_group = 'g' ORDER BY time)",
              "0,1,2,3,4,5,6,7");
    ck_answer("SELECT count(*) FROM groups WHERE consumer_group = 'still'", "8");
    ck_answer("SELECT (time - 1700006400) / 60 FROM groups WHERE consumer_group = 'late'", "3");
}
END_TEST

START_TEST(numbers_at_the_edge_and_hostile_texts_come_back)
{
    static const char hostile[] = "a'); DROP TABLE groups_data; --\"\n\t\\%_\xf0\x9f\x90\x87\xe4\xb8\xad";
    void *sink = open_sink();
    struct batch *b = new_batch(HOUR);
    char *longest = xmalloc(70001);

    memset(longest, 'x', 70000);
    longest[70000] = '\0';
    uint32_t row = add_row(b, TABLE_GROUPS, hostile);
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_LAG, INT64_MAX);
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_DLQ, INT64_MIN + 1);
    batch_set_real(b, TABLE_GROUPS, row, GROUPS_LAG_SECONDS, NAN);
    batch_set_real(b, TABLE_GROUPS, add_row(b, TABLE_GROUPS, "inf"), GROUPS_LAG_SECONDS, INFINITY);
    batch_set_real(b, TABLE_GROUPS, add_row(b, TABLE_GROUPS, "huge"), GROUPS_LAG_SECONDS, 1e300);
    batch_set_real(b, TABLE_GROUPS, add_row(b, TABLE_GROUPS, "minus zero"), GROUPS_LAG_SECONDS, -0.0);
    batch_set_real(b, TABLE_GROUPS, add_row(b, TABLE_GROUPS, "third"), GROUPS_LAG_SECONDS, 1.0 / 3);
    add_row(b, TABLE_GROUPS, "");
    add_row(b, TABLE_GROUPS, longest);
    row = add_row(b, TABLE_SCRAPES, "10.0.0.1:10911");
    batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_ERROR, batch_intern_z(b, hostile));
    give(sink, b);
    close_sink(sink);
    ck_answer("SELECT lag, dlq, lag_seconds FROM groups WHERE consumer_group LIKE 'a''%'",
              "9223372036854775807|-9223372036854775807|-");
    ck_answer("SELECT consumer_group, lag_seconds, typeof(lag_seconds) FROM groups"
              " WHERE consumer_group IN ('inf', 'huge', 'minus zero', 'third') ORDER BY 1",
              "huge|1.0e+300|real\ninf|-|null\nminus zero|0.0|real\nthird|0.333|real");
    ck_answer("SELECT max(length(consumer_group)) FROM groups", "70000");
    ck_assert_str_eq(answer("SELECT error FROM scrapes"), hostile);
    ck_assert_str_eq(answer("SELECT consumer_group FROM groups WHERE lag IS NOT NULL"), hostile);
    free(longest);
}
END_TEST

START_TEST(the_same_keys_twice_in_a_batch_are_one_row)
{
    void *sink = open_sink();
    struct batch *b = one_group(HOUR, 1);

    add_group(b, "g", 2);
    give(sink, b);
    close_sink(sink);
    ck_answer("SELECT lag FROM groups", "1");
    ck_answer("SELECT entities FROM intervals", "1");
}
END_TEST

START_TEST(an_empty_batch_is_an_interval)
{
    void *sink = open_sink();
    give(sink, new_batch(HOUR));
    close_sink(sink);
    ck_answer("SELECT time, complete, entities, written, duration_ms FROM intervals", "1700006400|1|0|0|12.345");
}
END_TEST

START_TEST(a_table_not_wanted_is_not_written)
{
    bool tables[TABLE_COUNT] = { [TABLE_TOPICS] = true };
    const struct sink_env env = { .name = "sqlite", .start_reason = "run", .tables = tables };
    struct err err;
    void *sink = xcalloc(1, sqlite_sink.size);

    option_set_defaults(sqlite_sink.options, sink);
    option_set(option_find(sqlite_sink.options, "path"), sink, path, &err);
    ck_assert_int_eq(sqlite_sink.open(sink, &env, &err), 0);
    struct batch *b = one_group(HOUR, 1);
    add_row(b, TABLE_TOPICS, "t");
    give(sink, b);
    close_sink(sink);
    ck_answer("SELECT (SELECT count(*) FROM groups), (SELECT count(*) FROM topics)", "0|1");
}
END_TEST

/* ---- beside the tables ---- */

START_TEST(missing_intervals_are_gaps_until_they_arrive_late)
{
    void *sink = open_sink();
    give(sink, one_group(HOUR, 1));
    give(sink, one_group(HOUR + 300, 1));
    ck_answer("SELECT (start_time - 1700006400) / 60, (end_time - 1700006400) / 60, missing, reason FROM gaps", "1|4|4|skipped");
    give(sink, one_group(HOUR + 120, 1));
    ck_answer("SELECT (start_time - 1700006400) / 60, (end_time - 1700006400) / 60, missing FROM gaps", "1|1|1\n3|4|2");
    close_sink(sink);
    sink = open_sink();
    give(sink, one_group(HOUR + 480, 1));
    close_sink(sink);
    ck_answer("SELECT missing, reason FROM gaps WHERE start_time = 1700006400 + 360", "2|stopped");
    sink = open_as("run", "other", "30d");
    give(sink, one_group(HOUR + 900, 1)); /* another configuration: nobody said it would come at these times */
    close_sink(sink);
    ck_answer("SELECT count(*) FROM gaps", "3");
}
END_TEST

START_TEST(runs_have_a_start_and_an_end)
{
    void *sink = open_sink();
    give(sink, one_group(HOUR, 1));
    ck_answer("SELECT start_time > 1700000000, end_time, reason, version, config_hash FROM runs", "1|-|run|1.2.3|c0ffee");
    close_sink(sink);
    ck_answer("SELECT end_time >= start_time FROM runs", "1");
    sink = open_sink(); /* one that stores nothing leaves nothing */
    close_sink(sink);
    ck_answer("SELECT count(*) FROM runs", "1");
}
END_TEST

START_TEST(a_broker_that_restarts_is_a_boot)
{
    static const int64_t boots[] = { 1000, 1000, 2000, 2000 };
    void *sink = open_sink();

    for (int i = 0; i < 4; i++) {
        struct batch *b = new_batch(HOUR + 60 * i);
        batch_set_int(b, TABLE_BROKERS, add_row(b, TABLE_BROKERS, "broker-a"), BROKERS_BOOT_TIMESTAMP, boots[i]);
        add_row(b, TABLE_BROKERS, "silent");
        give(sink, b);
    }
    close_sink(sink);
    ck_answer("SELECT (time - 1700006400) / 60, broker, boot_timestamp FROM boots", "0|broker-a|1000\n2|broker-a|2000");
}
END_TEST

START_TEST(a_note_does_not_disturb_the_writer)
{
    struct err err;
    void *sink = open_sink();

    give(sink, one_group(HOUR, 1));
    ck_assert_int_eq(history_note(path, HOUR + 30, "deploy 4.2", &err), 0);
    give(sink, one_group(HOUR + 60, 1));
    give(sink, one_group(HOUR + 120, 2));
    close_sink(sink);
    ck_answer("SELECT time - 1700006400, text FROM notes", "30|deploy 4.2");
    ck_answer("SELECT lag FROM groups ORDER BY time", "1\n1\n2");
    ck_answer("SELECT count(*) FROM groups_data", "2"); /* memory was read again, no keyframe needed */
    ck_assert_int_eq(history_note("/nonexistent/x.db", 1, "x", &err), -1);
}
END_TEST

START_TEST(two_writers_in_turn_stay_right)
{
    void *a = open_sink(), *b = open_sink();

    for (int i = 0; i < 20; i++) {
        struct batch *batch = one_group(HOUR + 60 * i, i / 3);
        if (i % 5 < 3)
            add_group(batch, "sometimes", 1);
        give(i / 2 % 2 == 0 ? a : b, batch);
    }
    close_sink(a);
    close_sink(b);
    ck_answer("SELECT group_concat(lag, '') FROM (SELECT lag FROM groups WHERE consumer_group = 'g' ORDER BY time)",
              "00011122233344455566");
    ck_answer("SELECT count(*) FROM groups WHERE consumer_group = 'sometimes'", "12");
    ck_answer("SELECT count(*) FROM groups_names", "2");
}
END_TEST

START_TEST(hours_and_days_weigh_values_by_how_long_they_held)
{
    void *sink = open_sink();

    for (int i = 0; i < 24 * 60 + 1; i++) {
        struct batch *b = new_batch(HOUR + 60 * i);
        int minute = i % 60;
        if (minute != 30) /* is missing for one interval in each hour */
            add_group(b, "g", minute < 15 ? 100 : minute == 59 ? 7 : 0);
        if (i < 45)
            add_group(b, "short", 3);
        give(sink, b);
    }
    close_sink(sink);
    ck_answer("SELECT count(*), min(intervals), max(intervals), min(lag_min), max(lag_max), min(round(lag_avg, 6)), max(lag_last)"
              " FROM groups_hour WHERE consumer_group = 'g'",
              "24|59|59|0|100|25.542373|7"); /* (15 * 100 + 7) / 59 */
    ck_answer("SELECT intervals, lag_avg, lag_last FROM groups_hour WHERE consumer_group = 'short'", "45|3.0|3");
    ck_answer("SELECT time, intervals, lag_min, lag_max, round(lag_avg, 6), lag_last FROM groups_day WHERE consumer_group = 'g'",
              "1700006400|1416|0|100|25.542373|7");
    /* And the same from the view, interval by interval. */
    ck_answer("SELECT count(*) FROM groups_hour AS h JOIN"
              " (SELECT time / 3600 * 3600 AS hour, consumer_group AS g, avg(lag) AS a, min(lag) AS mi, max(lag) AS ma,"
              "  count(*) AS n FROM groups GROUP BY 1, 2) ON hour = h.time AND g = h.consumer_group"
              " AND abs(a - lag_avg) < 1e-9 AND mi = lag_min AND ma = lag_max AND n = intervals",
              "25");
}
END_TEST

START_TEST(old_intervals_go_by_whole_frames)
{
    void *sink = open_as("run", "c0ffee", "2h");

    for (int i = 0; i < 10 * 60; i++) {
        struct batch *b = one_group(HOUR + 60 * i, 5);
        if (i < 60)
            add_group(b, "gone long ago", 1);
        if (i < 60)
            add_row(b, TABLE_CLIENTS, "client");
        give(sink, b);
    }
    close_sink(sink);
    /* The newest is 9:59, so from 7:59 on everything must be there; that needs the frame of 7:00. */
    ck_answer("SELECT (min(time) - 1700006400) / 60 FROM intervals", "420");
    ck_answer("SELECT count(*), min(lag), max(lag) FROM groups WHERE time >= 1700006400 + 25200", "180|5|5");
    ck_answer("SELECT count(*) FROM groups_hour", "10"); /* roll-ups live longer, and so do their names */
    ck_answer("SELECT count(*) FROM groups_names", "2");
    ck_answer("SELECT count(*) FROM clients_names", "0");
    ck_answer("PRAGMA integrity_check", "ok");
}
END_TEST

/* ---- the views against the batches ---- */

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

#define POOL 9 /* entities of each table that may exist */

struct world {
    bool exists[TABLE_COUNT][POOL];
    uint64_t values[TABLE_COUNT][POOL][SCHEMA_COLUMNS_MAX];
};

static void move_world(struct world *w)
{
    for (int t = 0; t < TABLE_COUNT; t++)
        for (int i = 0; i < POOL; i++) {
            if (draw(12) == 0)
                w->exists[t][i] = !w->exists[t][i];
            if (draw(4) == 0)
                w->values[t][i][draw(schema_tables[t].column_count)] = draw(5);
        }
}

static void add_entity(struct batch *b, const struct world *w, enum table_id t, int i)
{
    char name[32];

    snprintf(name, sizeof(name), "entity-%d", i);
    uint32_t row = add_row(b, t, name);
    for (unsigned c = schema_tables[t].key_count; c < schema_tables[t].column_count; c++) {
        uint64_t v = w->values[t][i][c];
        if (v == 0)
            continue; /* unknown */
        switch (schema_tables[t].columns[c].kind) {
        case COLUMN_INT:
            batch_set_int(b, t, row, c, v == 1 ? 0 : v == 2 ? INT64_MAX : (int64_t)v);
            break;
        case COLUMN_REAL:
            batch_set_real(b, t, row, c, v == 1 ? 0 : (double)v / 7);
            break;
        case COLUMN_KEY:
        case COLUMN_TEXT:
            batch_set_text(b, t, row, c, batch_intern_z(b, v == 1 ? "" : "error"));
            break;
        }
    }
}

static struct batch *picture(const struct world *w, int64_t time)
{
    struct batch *b = new_batch(time);
    unsigned first = (unsigned)draw(POOL); /* the order of rows means nothing */

    for (int t = 0; t < TABLE_COUNT; t++)
        for (int i = 0; i < POOL; i++)
            if (w->exists[t][(i + (int)first) % POOL])
                add_entity(b, w, (enum table_id)t, (i + (int)first) % POOL);
    batch_seal(b);
    return b;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What a table says, as sorted lines; reals to a thousandth. */
static char *print_table(const struct batch *b, enum table_id t)
{
    uint32_t rows = batch_rows(b, t);
    char **lines = xcalloc(rows + 1, sizeof(*lines));
    struct buf all;

    for (uint32_t row = 0; row < rows; row++) {
        struct buf line;
        buf_init(&line, 0);
        for (unsigned c = 0; c < schema_tables[t].column_count; c++) {
            if (schema_tables[t].columns[c].hidden)
                continue;
            if (!batch_has(b, t, row, c))
                buf_puts(&line, "-|");
            else if (schema_tables[t].columns[c].kind == COLUMN_INT)
                buf_printf(&line, "%lld|", (long long)batch_int(b, t, row, c));
            else if (schema_tables[t].columns[c].kind == COLUMN_REAL)
                buf_printf(&line, "%.3f|", batch_real(b, t, row, c));
            else
                buf_printf(&line, "'%s'|", batch_text(b, t, row, c));
        }
        buf_putc(&line, '\0');
        lines[row] = line.data;
    }
    qsort(lines, rows, sizeof(*lines), compare_texts);
    buf_init(&all, 0);
    for (uint32_t row = 0; row < rows; row++) {
        buf_printf(&all, "%s\n", lines[row]);
        free(lines[row]);
    }
    buf_putc(&all, '\0');
    free(lines);
    return all.data;
}

static void check_interval(struct history *h, const struct batch *expected, uint64_t seed)
{
    struct err err = { 0 };
    struct batch *b = batch_new();

    ck_assert_msg(history_load(h, batch_info(expected)->time_ms, b, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(batch_info(b)->time_ms, batch_info(expected)->time_ms);
    ck_assert_int_eq(batch_info(b)->interval_ms, 60000);
    ck_assert_int_eq(batch_info(b)->complete, batch_info(expected)->complete);
    for (int t = 0; t < TABLE_COUNT; t++) {
        if (schema_tables[t].hidden)
            continue;
        char *want = print_table(expected, (enum table_id)t), *got = print_table(b, (enum table_id)t);
        ck_assert_msg(strcmp(want, got) == 0, "seed %llu, %s at %lld:\nwant\n%sgot\n%s", (unsigned long long)seed,
                      schema_tables[t].name, (long long)batch_info(expected)->time_ms / 1000, want, got);
        free(want);
        free(got);
    }
    batch_unref(b);
}

START_TEST(the_views_show_each_interval_as_it_was)
{
    enum { INTERVALS = 200 };
    struct batch *kept[INTERVALS];
    static struct world world;
    struct err err = { 0 };
    struct history *h;
    const char *chosen = getenv("SEED");
    uint64_t seed = chosen != NULL ? strtoull(chosen, NULL, 10) : 1000 + (uint64_t)_i;
    void *sink = open_sink();
    int64_t time = HOUR;

    random_state = seed * 0x9e3779b97f4a7c15u;
    for (int i = 0; i < INTERVALS; i++) {
        move_world(&world);
        kept[i] = picture(&world, time);
        deliver(sink, kept[i]);
        time += 60 * (draw(10) == 0 ? 2 + (int64_t)draw(90) : 1); /* some are missing */
        if (draw(15) == 0) {
            close_sink(sink);
            sink = open_as(draw(2) == 0 ? "run" : "once", "c0ffee", "36500d");
        }
        if (draw(25) == 0)
            deliver(sink, kept[draw((uint64_t)i + 1)]); /* an old one again */
        if (draw(25) == 0) { /* the clock is set back into a gap */
            int64_t back = time - 60 * (1 + (int64_t)draw(100));
            for (int k = 0; k <= i; k++)
                if (batch_info(kept[k])->time_ms == back * 1000)
                    back = 0;
            time = back > HOUR ? back : time;
        }
        for (int k = 0; k <= i; k++) /* after a step back, times that exist come again: not asked for here */
            if (batch_info(kept[k])->time_ms == time * 1000) {
                time += 60;
                k = -1;
            }
    }
    ck_assert_msg(history_open(path, &h, &err) == 0, "%s", err.msg); /* beside the writer */
    for (int i = 0; i < INTERVALS; i++) {
        check_interval(h, kept[i], seed);
        batch_unref(kept[i]);
    }
    history_close(h);
    close_sink(sink);
    ck_answer("PRAGMA integrity_check", "ok");
    ck_answer("SELECT count(*) FROM intervals", "200");
}
END_TEST

/* ---- trouble ---- */

static struct batch *many_groups(int interval)
{
    struct batch *b = new_batch(HOUR + 60 * interval);

    for (int i = 0; i < 300; i++) {
        char name[64];
        snprintf(name, sizeof(name), "a group with quite a long name, so that pages fill %d", i);
        add_group(b, name, interval * 1000 + i);
    }
    batch_seal(b);
    return b;
}

START_TEST(killed_at_any_moment_it_leaves_whole_intervals)
{
    enum { GROUPS = 300 };
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        void *sink = open_sink();
        for (int i = 0;; i++) {
            struct batch *b = new_batch(HOUR + 60 * i);
            for (int g = 0; g < GROUPS; g++) {
                char name[16];
                snprintf(name, sizeof(name), "g%d", g);
                add_group(b, name, i);
            }
            give(sink, b);
        }
    }
    usleep((useconds_t)(3000 + _i * 17000));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    if (access(path, F_OK) == 0) {
        void *sink = open_sink(); /* a start repairs what there is to repair, also half a creation */
        give(sink, new_batch(HOUR + 86400));
        close_sink(sink);
        ck_answer("PRAGMA integrity_check", "ok");
        ck_answer("SELECT count(*) FROM (SELECT i.time, count(g.time) AS n FROM intervals AS i"
                  " LEFT JOIN groups AS g ON g.time = i.time"
                  " WHERE i.time < 1700006400 + 86400 GROUP BY i.time HAVING n <> 300 OR min(lag) <> (i.time - 1700006400) / 60)",
                  "0");
        ck_answer("SELECT count(*) FROM (SELECT (max(time) - 1700006400) / 60 + 1 AS expected, count(*) AS n FROM intervals"
                  " WHERE time < 1700006400 + 86400) WHERE n > 0 AND n <> expected",
                  "0");
    }
}
END_TEST

START_TEST(another_writer_means_later)
{
    struct err err = { 0 };
    void *sink = open_sink();

    give(sink, one_group(HOUR, 1));
    sqlite3 *other = look();
    ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct batch *b = one_group(HOUR + 60, 2);
    batch_seal(b);
    int64_t before = clock_now_ns();
    ck_assert_int_eq(deliver_within(sink, b, 300, &err), SINK_RETRY);
    ck_assert_int_lt(clock_now_ns() - before, 1000 * NS_PER_MS);
    ck_assert_ptr_nonnull(strstr(err.msg, "another program is writing"));
    ck_assert_ptr_nonnull(strstr(err.msg, path));
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    deliver(sink, b);
    batch_unref(b);
    close_sink(sink);
    ck_answer("SELECT lag FROM groups ORDER BY time", "1\n2");
}
END_TEST

START_TEST(told_to_stop_it_does_not_wait_for_a_lock)
{
    int pipes[2];
    struct err err = { 0 };
    void *sink = open_sink();

    give(sink, one_group(HOUR, 1));
    sqlite3 *other = look();
    ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(pipe(pipes), 0);
    ck_assert_int_eq(write(pipes[1], "x", 1), 1);
    struct batch *b = one_group(HOUR + 60, 2);
    batch_seal(b);
    struct sink_delivery d = { .deadline_ns = clock_now_ns() + 10 * NS_PER_S, .cancel_fd = pipes[0] };
    int64_t before = clock_now_ns();
    ck_assert_int_eq(sqlite_sink.deliver(sink, b, &d, &err), SINK_RETRY);
    ck_assert_int_lt(clock_now_ns() - before, 1000 * NS_PER_MS);
    sqlite3_close(other);
    batch_unref(b);
    close_sink(sink);
}
END_TEST

START_TEST(a_deadline_passed_means_later_and_leaves_nothing_half_done)
{
    struct err err = { 0 };
    void *sink = open_sink();
    struct batch *big = new_batch(HOUR + 60);

    give(sink, one_group(HOUR, 1));
    for (int i = 0; i < 50000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "g%d", i);
        add_group(big, name, i);
    }
    batch_seal(big);
    ck_assert_int_eq(deliver_within(sink, big, 5, &err), SINK_RETRY);
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    ck_answer("SELECT count(*) FROM intervals", "1");
    deliver(sink, big);
    batch_unref(big);
    close_sink(sink);
    ck_answer("SELECT count(*) FROM groups_now", "50000");
}
END_TEST

START_TEST(on_a_full_disk_it_stops_before_the_last_bytes)
{
    struct err err = { 0 };
    int stored = 0;

    /* A disk of our own, in a name space of our own; where that is not allowed there is nothing to see here. */
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", directory, "tmpfs", 0, "size=12m") < 0)
        return;
    void *sink = open_sink();
    for (int i = 0;; i++) {
        struct batch *b = many_groups(i);
        enum sink_result result = try_deliver(sink, b, &err);
        batch_unref(b);
        if (result != SINK_OK) {
            ck_assert_int_eq(result, SINK_RETRY);
            break;
        }
        stored++;
    }
    ck_assert_msg(strstr(err.msg, "disk full") != NULL && strstr(err.msg, path) != NULL, "%s", err.msg);
    char count[16];
    snprintf(count, sizeof(count), "%d", stored);
    ck_assert_int_gt(stored, 10);
    ck_answer("SELECT count(*) FROM intervals", count);
    ck_assert_int_eq(mount("none", directory, "tmpfs", MS_REMOUNT, "size=64m"), 0);
    struct batch *b = many_groups(stored);
    deliver(sink, b);
    batch_unref(b);
    close_sink(sink);
    ck_answer("PRAGMA integrity_check", "ok");
    umount(directory);
}
END_TEST

START_TEST(a_missing_directory_is_said_and_waited_for)
{
    struct err err = { 0 };
    char away[64];

    snprintf(away, sizeof(away), "%s.away", directory);
    ck_assert_int_eq(rename(directory, away), 0);
    void *sink = open_sink(); /* the start does not fail */
    struct batch *b = one_group(HOUR, 1);
    batch_seal(b);
    ck_assert_int_eq(try_deliver(sink, b, &err), SINK_RETRY);
    ck_assert_ptr_nonnull(strstr(err.msg, path));
    ck_assert_ptr_nonnull(strstr(err.msg, "No such file or directory"));
    ck_assert_int_eq(rename(away, directory), 0);
    deliver(sink, b);
    batch_unref(b);
    close_sink(sink);
}
END_TEST

/* In a child that is nobody: root may write everywhere. */
static int as_nobody(void (*what)(void))
{
    int status;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
            _exit(99);
        what();
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void deliver_into_a_closed_directory(void)
{
    struct err err = { 0 };
    void *sink = open_sink();
    struct batch *b = one_group(HOUR, 1);

    batch_seal(b);
    if (try_deliver(sink, b, &err) != SINK_RETRY || strstr(err.msg, "Permission denied") == NULL ||
        strstr(err.msg, path) == NULL) {
        fprintf(stderr, "said: %s\n", err.msg);
        _exit(1);
    }
    char detail[256];
    if (sqlite_sink.probe(sink, clock_now_ns() + NS_PER_S, detail, sizeof(detail), &err) == 0)
        _exit(2);
}

START_TEST(an_unwritable_directory_is_said)
{
    ck_assert_int_eq(chmod(directory, 0555), 0);
    ck_assert_int_eq(as_nobody(deliver_into_a_closed_directory), 0);
}
END_TEST

static void write_file(const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

START_TEST(a_file_that_is_no_database_is_kept_aside)
{
    struct err err = { 0 };
    char pattern[160];
    glob_t found;
    struct stat st;
    void *sink = open_sink();
    struct batch *b = one_group(HOUR, 1);

    write_file("precious words", 14);
    batch_seal(b);
    ck_assert_int_eq(try_deliver(sink, b, &err), SINK_RETRY);
    ck_assert_msg(strstr(err.msg, "not a database; kept as ") != NULL && strstr(err.msg, ".damaged-") != NULL, "%s", err.msg);
    deliver(sink, b);
    batch_unref(b);
    close_sink(sink);
    ck_answer("SELECT lag FROM groups_now", "1");
    snprintf(pattern, sizeof(pattern), "%s.damaged-*", path);
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    ck_assert_int_eq(stat(found.gl_pathv[0], &st), 0);
    ck_assert_int_eq(st.st_size, 14);
    globfree(&found);
}
END_TEST

START_TEST(a_damaged_file_is_kept_aside)
{
    struct err err = { 0 };
    void *sink = open_sink();
    struct batch *b = new_batch(HOUR);

    for (int i = 0; i < 3000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "g%d", i);
        add_group(b, name, i);
    }
    give(sink, b);
    close_sink(sink);
    int fd = open(path, O_WRONLY);
    char noise[4096];
    memset(noise, 0xa5, sizeof(noise));
    for (off_t page = 1; page < 60; page++)
        ck_assert_int_eq(pwrite(fd, noise, sizeof(noise), page * 4096), 4096);
    close(fd);
    sink = open_sink();
    b = one_group(HOUR + 60, 1);
    batch_seal(b);
    ck_assert_int_eq(try_deliver(sink, b, &err), SINK_RETRY);
    ck_assert_msg(strstr(err.msg, ".damaged-") != NULL, "%s", err.msg);
    deliver(sink, b);
    batch_unref(b);
    close_sink(sink);
    ck_answer("SELECT lag FROM groups_now", "1");
}
END_TEST

static uint64_t sum_of_file(void)
{
    unsigned char byte;
    uint64_t sum = 0;
    FILE *f = fopen(path, "r");

    ck_assert_ptr_nonnull(f);
    while (fread(&byte, 1, 1, f) == 1)
        sum = sum * 31 + byte;
    fclose(f);
    return sum;
}

static void refuse(const char *words)
{
    struct err err = { 0 };
    char side[160];
    uint64_t before = sum_of_file();
    void *sink = open_sink();
    struct batch *b = one_group(HOUR + 600, 1);

    batch_seal(b);
    ck_assert_int_eq(try_deliver(sink, b, &err), SINK_REJECT);
    ck_assert_msg(strstr(err.msg, words) != NULL, "%s", err.msg);
    char detail[256];
    ck_assert_int_eq(sqlite_sink.probe(sink, clock_now_ns() + NS_PER_S, detail, sizeof(detail), &err), -1);
    batch_unref(b);
    close_sink(sink);
    ck_assert(sum_of_file() == before);
    snprintf(side, sizeof(side), "%s-shm", path);
    ck_assert_int_ne(access(side, F_OK), 0); /* not even opened */
}

START_TEST(a_file_of_a_newer_agent_is_refused_untouched)
{
    void *sink = open_sink();
    give(sink, one_group(HOUR, 1));
    close_sink(sink);
    change("PRAGMA user_version = 2; PRAGMA journal_mode = DELETE");
    refuse("newer mqpush");
}
END_TEST

START_TEST(a_file_of_another_program_is_refused_untouched)
{
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "CREATE TABLE bookmarks (x); PRAGMA user_version = 1", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    refuse("another program");
    change("PRAGMA application_id = 12345");
    refuse("another program");
}
END_TEST

START_TEST(a_file_moved_away_is_begun_anew)
{
    char other[160];
    void *sink = open_sink();

    give(sink, one_group(HOUR, 1));
    give(sink, one_group(HOUR + 60, 1));
    snprintf(other, sizeof(other), "%s.old", path);
    ck_assert_int_eq(rename(path, other), 0);
    give(sink, one_group(HOUR + 120, 2));
    close_sink(sink);
    ck_answer("SELECT time - 1700006400, lag FROM groups", "120|2");
    ck_answer("SELECT count(*), count(end_time) FROM runs", "1|1");
}
END_TEST

START_TEST(a_file_of_an_older_agent_gets_the_new_columns)
{
    void *sink = open_sink();
    give(sink, one_group(HOUR, 1));
    close_sink(sink);
    change("DROP VIEW groups_now; DROP VIEW groups; DROP VIEW groups_changes; DROP VIEW topics_now; DROP VIEW topics;"
           "ALTER TABLE groups_data DROP COLUMN verdict; CREATE VIEW groups AS SELECT 1 AS time");
    struct err err = { 0 };
    struct history *h;
    struct batch *read = batch_new();
    ck_assert_int_eq(history_open(path, &h, &err), 0);
    ck_assert_msg(history_load(h, HISTORY_NEWEST, read, &err) == 0, "%s", err.msg); /* what is not there is not shown */
    history_close(h);
    batch_unref(read);

    sink = open_sink();
    struct batch *b = new_batch(HOUR + 60);
    batch_set_int(b, TABLE_GROUPS, add_row(b, TABLE_GROUPS, "g"), GROUPS_VERDICT, 7);
    give(sink, b);
    close_sink(sink);
    ck_answer("SELECT lag, verdict FROM groups ORDER BY time", "1|-\n-|7");
    ck_answer("SELECT count(*) FROM topics", "0");
}
END_TEST

/* A file system that runs full or fails at the nth write: the system's own, with another xWrite. */
static struct {
    int64_t countdown; /* fails at 0 and after; negative: never */
    int code;
    int (*open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);
    struct {
        const sqlite3_io_methods *original; /* one kind for the database, another for its journals */
        sqlite3_io_methods methods;
    } kinds[4];
} failing = { .countdown = -1 };

static int failing_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
    if (failing.countdown == 0)
        return failing.code;
    if (failing.countdown > 0)
        failing.countdown--;
    for (size_t k = 0; k < 4; k++)
        if (file->pMethods == &failing.kinds[k].methods)
            return failing.kinds[k].original->xWrite(file, data, len, offset);
    abort();
}

static int failing_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    int code = failing.open(vfs, name, file, flags, out);
    size_t k = 0;

    if (code != SQLITE_OK || file->pMethods == NULL)
        return code;
    while (k < 4 && failing.kinds[k].original != NULL && failing.kinds[k].original != file->pMethods)
        k++;
    ck_assert_uint_lt(k, 4);
    failing.kinds[k].original = file->pMethods;
    failing.kinds[k].methods = *file->pMethods;
    failing.kinds[k].methods.xWrite = failing_write;
    file->pMethods = &failing.kinds[k].methods;
    return code;
}

static void use_failing_files(int code)
{
    static sqlite3_vfs vfs;

    vfs = *sqlite3_vfs_find(NULL);
    failing.open = vfs.xOpen;
    failing.code = code;
    vfs.xOpen = failing_open;
    vfs.zName = "failing";
    ck_assert_int_eq(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

START_TEST(a_write_that_fails_loses_nothing)
{
    static const int codes[] = { SQLITE_FULL, SQLITE_IOERR_WRITE };
    static const char *const words[] = { "disk full", "disk I/O error" };
    int failures = 0;

    use_failing_files(codes[_i]);
    for (int n = 0; n < 260; n += n < 40 ? 1 : 11) {
        struct err err = { 0 };
        char name[160];
        snprintf(name, sizeof(name), "%s", path);
        snprintf(path, sizeof(path), "%s/n%d.db", directory, n);
        void *sink = open_sink();
        failing.countdown = n; /* within the creation for small n, within a checkpoint for large ones */
        for (int i = 0; i < 4; i++) {
            struct batch *b = many_groups(i);
            if (try_deliver(sink, b, &err) != SINK_OK) {
                failures++;
                ck_assert_msg(strstr(err.msg, words[_i]) != NULL && strstr(err.msg, path) != NULL, "write %d: %s", n, err.msg);
                ck_assert_int_eq(try_deliver(sink, b, &err), SINK_RETRY); /* it still is */
                failing.countdown = -1;
                deliver(sink, b);
            }
            batch_unref(b);
        }
        failing.countdown = -1;
        close_sink(sink);
        ck_answer("SELECT count(*), sum(n), sum(lo), sum(hi)"
                  " FROM (SELECT count(*) AS n, min(lag) AS lo, max(lag) AS hi FROM groups GROUP BY time)",
                  "4|1200|6000|7196");
        ck_answer("PRAGMA integrity_check", "ok");
        unlink(path);
        snprintf(path, sizeof(path), "%s", name);
    }
    ck_assert_int_gt(failures, 20);
}
END_TEST

/* ---- reading ---- */

START_TEST(a_moment_is_the_newest_interval_before_it)
{
    struct history *h;
    struct err err = { 0 };
    int64_t first, last;
    void *sink = open_sink();

    for (int i = 0; i < 3; i++)
        give(sink, one_group(HOUR + 60 * i, i));
    ck_assert_int_eq(history_open(path, &h, &err), 0);
    ck_assert_int_eq(history_range(h, &first, &last, &err), 0);
    ck_assert_int_eq(first, HOUR);
    ck_assert_int_eq(last, HOUR + 120);
    struct batch *b = batch_new();
    ck_assert_int_eq(history_load(h, (HOUR + 119) * 1000, b, &err), 0);
    ck_assert_int_eq(batch_int(b, TABLE_GROUPS, 0, GROUPS_LAG), 1);
    ck_assert_int_eq(batch_info(b)->duration_ns, 12345000);
    batch_unref(b);
    b = batch_new();
    ck_assert_int_eq(history_load(h, HISTORY_NEWEST, b, &err), 0);
    ck_assert_int_eq(batch_int(b, TABLE_GROUPS, 0, GROUPS_LAG), 2);
    batch_unref(b);
    b = batch_new();
    ck_assert_int_eq(history_load(h, (HOUR - 1) * 1000, b, &err), -1);
    ck_assert_msg(strstr(err.msg, "history holds 2023-11-15 00:00 to 2023-11-15 00:02") != NULL, "%s", err.msg);
    batch_unref(b);
    history_close(h);
    close_sink(sink);
}
END_TEST

static void read_as_nobody(void)
{
    struct history *h;
    struct err err = { 0 };
    struct batch *b = batch_new();

    if (history_open(path, &h, &err) < 0 || history_load(h, HISTORY_NEWEST, b, &err) < 0) {
        fprintf(stderr, "said: %s\n", err.msg);
        _exit(1);
    }
    if (batch_rows(b, TABLE_GROUPS) != 1 || batch_int(b, TABLE_GROUPS, 0, GROUPS_LAG) != 4)
        _exit(2);
    batch_unref(b);
    history_close(h);
}

START_TEST(others_can_read_what_they_cannot_write)
{
    char side[160];
    void *sink = open_sink();

    give(sink, one_group(HOUR, 4));
    ck_assert_int_eq(chmod(directory, 0755), 0);
    ck_assert_int_eq(chmod(path, 0644), 0);
    for (const char *const *s = (const char *const[]){ "-wal", "-shm", NULL }; *s != NULL; s++) {
        snprintf(side, sizeof(side), "%s%s", path, *s);
        ck_assert_int_eq(chmod(side, 0644), 0);
    }
    ck_assert_int_eq(as_nobody(read_as_nobody), 0); /* beside the writer */
    close_sink(sink);
    ck_assert_int_eq(as_nobody(read_as_nobody), 0); /* after it */
    for (const char *const *s = (const char *const[]){ "-wal", "-shm", NULL }; *s != NULL; s++) {
        snprintf(side, sizeof(side), "%s%s", path, *s);
        ck_assert_int_eq(unlink(side), 0);
    }
    ck_assert_int_eq(as_nobody(read_as_nobody), 0); /* a copy of the file alone, as on read-only media */
}
END_TEST

START_TEST(what_is_no_history_is_said)
{
    struct history *h;
    struct err err = { 0 };
    int64_t first, last;

    ck_assert_int_eq(history_open(path, &h, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "no history there"));
    write_file("precious words", 14);
    ck_assert_int_eq(history_open(path, &h, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "not a database"));
    unlink(path);
    void *sink = open_sink();
    give(sink, one_group(HOUR, 1));
    close_sink(sink);
    change("DELETE FROM intervals");
    ck_assert_int_eq(history_open(path, &h, &err), 0);
    ck_assert_int_eq(history_range(h, &first, &last, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "no interval yet"));
    history_close(h);
}
END_TEST

/* ---- the file ---- */

START_TEST(the_file_says_what_it_is)
{
    struct stat st;
    void *sink = open_sink();

    umask(022);
    give(sink, one_group(HOUR, 1));
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0640);
    ck_answer("PRAGMA application_id", "1836150888");
    ck_answer("PRAGMA user_version", "1");
    ck_answer("PRAGMA auto_vacuum", "2");
    ck_answer("PRAGMA journal_mode", "wal");
    close_sink(sink);
}
END_TEST

START_TEST(every_column_has_its_plain_type)
{
    void *sink = open_sink();
    give(sink, one_group(HOUR, 1));
    close_sink(sink);
    ck_answer("SELECT DISTINCT c.type FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c"
              " WHERE t.type = 'table' ORDER BY 1",
              "INTEGER\nREAL\nTEXT");
    for (int t = 0; t < TABLE_COUNT; t++) {
        const struct table *table = &schema_tables[t];
        for (unsigned c = 0; c < table->column_count && !table->hidden; c++) {
            char sql[256];
            snprintf(sql, sizeof(sql), "SELECT count(*) FROM pragma_table_info('%s') WHERE name = '%s'", table->name,
                     table->columns[c].name);
            ck_answer(sql, table->columns[c].hidden ? "0" : "1");
        }
    }
}
END_TEST

START_TEST(a_moment_and_an_entity_are_found_without_a_scan)
{
    void *sink = open_sink();
    give(sink, one_group(HOUR, 1));
    close_sink(sink);
    /* Only the names may be walked through, and only when asked for all entities. */
    const char *plan = answer("EXPLAIN QUERY PLAN SELECT * FROM queues WHERE time = 5");
    ck_assert(strstr(plan, "SCAN n") != NULL && strstr(plan, "SCAN i") == NULL && strstr(plan, "SCAN d") == NULL);
    plan = answer("EXPLAIN QUERY PLAN SELECT * FROM groups WHERE consumer_group = 'g' AND time >= 5");
    ck_assert_ptr_null(strstr(plan, "SCAN"));
    plan = answer("EXPLAIN QUERY PLAN SELECT * FROM topics WHERE topic = 't' AND time >= 5");
    ck_assert_ptr_null(strstr(plan, "SCAN"));
    plan = answer("EXPLAIN QUERY PLAN SELECT * FROM backlogs WHERE topic = 't' AND time >= 5");
    ck_assert_ptr_null(strstr(plan, "SCAN"));
    plan = answer("EXPLAIN QUERY PLAN SELECT * FROM backlogs WHERE consumer_group = 'g' ORDER BY time");
    ck_assert_ptr_null(strstr(plan, "TEMP B-TREE"));
}
END_TEST

START_TEST(the_dry_run_shows_rows)
{
    void *sink = open_sink();
    struct batch *b = one_group(HOUR, 7);
    struct buf out;
    struct err err;

    batch_set_real(b, TABLE_GROUPS, 0, GROUPS_LAG_SECONDS, 1.5);
    batch_set_text(b, TABLE_GROUPS, 0, GROUPS_TYPE, batch_intern_z(b, "a\tb\n"));
    batch_seal(b);
    buf_init(&out, 0);
    ck_assert_int_eq(sqlite_sink.render(sink, b, &out, &err), 0);
    buf_putc(&out, '\0');
    ck_assert_str_eq(out.data, "groups\ttime\tsource\tsystem\tcluster\tconsumer_group\tmodel\ttype\tmembers\tlag\t"
                               "retry_lag\tdlq\tlag_seconds\tverdict\tcomplete\tsubscriptions\n"
                               "groups\t1700006400\tprod\trocketmq\tc\tg\tk\ta\\tb\\n\t\t7\t\t\t1.5\t\t\t\n");
    buf_fini(&out);
    batch_unref(b);
    close_sink(sink);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_probe_changes_nothing)
{
    char detail[256];
    struct err err = { 0 };
    void *sink = open_sink();

    ck_assert_msg(sqlite_sink.probe(sink, clock_now_ns() + NS_PER_S, detail, sizeof(detail), &err) == 0, "%s", err.msg);
    ck_assert_str_eq(detail, "a new SQLite history");
    ck_assert_int_ne(access(path, F_OK), 0);
    give(sink, one_group(HOUR, 7));
    ck_assert_int_eq(sqlite_sink.probe(sink, clock_now_ns() + NS_PER_S, detail, sizeof(detail), &err), 0);
    ck_assert_ptr_nonnull(strstr(detail, "SQLite history, "));
    close_sink(sink);
}
END_TEST

START_TEST(close_is_fine_at_any_time)
{
    struct err err = { 0 };
    void *sink = xcalloc(1, sqlite_sink.size);

    option_set_defaults(sqlite_sink.options, sink);
    sqlite_sink.close(sink); /* never opened */
    ck_assert_int_eq(sqlite_sink.open(sink, &(struct sink_env){ 0 }, &err), -1); /* no path */
    sqlite_sink.close(sink);
    sqlite_sink.close(sink);
    free(sink);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sqlite");
    TCase *tc = tcase_create("sqlite");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, only_a_changed_value_makes_a_row);
    tcase_add_test(tc, everything_is_written_at_a_full_hour_and_at_a_start);
    tcase_add_test(tc, once_from_a_timer_goes_on_with_the_frame);
    tcase_add_test(tc, once_after_a_pause_begins_a_new_frame);
    tcase_add_test(tc, what_is_gone_has_one_row_of_nulls_and_is_not_shown);
    tcase_add_test(tc, gone_while_no_agent_ran_is_noticed_at_the_start);
    tcase_add_test(tc, there_and_all_unknown_is_not_gone);
    tcase_add_test(tc, the_same_batch_twice_does_no_harm);
    tcase_add_test(tc, a_clock_set_back_leaves_each_interval_right);
    tcase_add_test(tc, numbers_at_the_edge_and_hostile_texts_come_back);
    tcase_add_test(tc, the_same_keys_twice_in_a_batch_are_one_row);
    tcase_add_test(tc, an_empty_batch_is_an_interval);
    tcase_add_test(tc, a_table_not_wanted_is_not_written);
    tcase_add_test(tc, missing_intervals_are_gaps_until_they_arrive_late);
    tcase_add_test(tc, runs_have_a_start_and_an_end);
    tcase_add_test(tc, a_broker_that_restarts_is_a_boot);
    tcase_add_test(tc, a_note_does_not_disturb_the_writer);
    tcase_add_test(tc, two_writers_in_turn_stay_right);
    tcase_add_test(tc, hours_and_days_weigh_values_by_how_long_they_held);
    tcase_add_test(tc, old_intervals_go_by_whole_frames);
    tcase_add_loop_test(tc, the_views_show_each_interval_as_it_was, 0, 6);
    tcase_add_loop_test(tc, killed_at_any_moment_it_leaves_whole_intervals, 0, 12);
    tcase_add_test(tc, another_writer_means_later);
    tcase_add_test(tc, told_to_stop_it_does_not_wait_for_a_lock);
    tcase_add_test(tc, a_deadline_passed_means_later_and_leaves_nothing_half_done);
    tcase_add_test(tc, on_a_full_disk_it_stops_before_the_last_bytes);
    tcase_add_test(tc, a_missing_directory_is_said_and_waited_for);
    tcase_add_test(tc, an_unwritable_directory_is_said);
    tcase_add_test(tc, a_file_that_is_no_database_is_kept_aside);
    tcase_add_test(tc, a_damaged_file_is_kept_aside);
    tcase_add_test(tc, a_file_of_a_newer_agent_is_refused_untouched);
    tcase_add_test(tc, a_file_of_another_program_is_refused_untouched);
    tcase_add_test(tc, a_file_moved_away_is_begun_anew);
    tcase_add_test(tc, a_file_of_an_older_agent_gets_the_new_columns);
    tcase_add_loop_test(tc, a_write_that_fails_loses_nothing, 0, 2);
    tcase_add_test(tc, a_moment_is_the_newest_interval_before_it);
    tcase_add_test(tc, others_can_read_what_they_cannot_write);
    tcase_add_test(tc, what_is_no_history_is_said);
    tcase_add_test(tc, the_file_says_what_it_is);
    tcase_add_test(tc, every_column_has_its_plain_type);
    tcase_add_test(tc, a_moment_and_an_entity_are_found_without_a_scan);
    tcase_add_test(tc, the_dry_run_shows_rows);
    tcase_add_test(tc, a_probe_changes_nothing);
    tcase_add_test(tc, close_is_fine_at_any_time);
    suite_add_tcase(suite, tc);
    setenv("TZ", "UTC", 1);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
