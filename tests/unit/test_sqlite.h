/*
 * test_sqlite.h - a history of its own for each test, batches to fill it, and SQL to look at it. For test_sqlite_*.c.
 */
#ifndef TESTS_UNIT_TEST_SQLITE_H
#define TESTS_UNIT_TEST_SQLITE_H

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/batch.h"
#include "sinks/sink.h"
#include "tests/unit/unit.h"

#include <check.h>
#include <fcntl.h>
#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOUR 1700006400LL /* a full hour, and a midnight (UTC) */

extern const struct sink_ops sqlite_sink;

static char directory[64], path[128];

static inline void start(void)
{
    /* In memory where that is possible: hundreds of files are made here, and a busy disk syncs slowly. */
    snprintf(directory, sizeof(directory), "%s/test_sqlite.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/history.db", directory);
    setenv("TZ", "UTC", 1);
}

static inline void stop(void)
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

static inline void *open_as(const char *reason, const char *config_hash, const char *keep)
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

static inline void *open_sink(void)
{
    return open_as("run", "c0ffee", "36500d");
}

static inline void close_sink(void *sink)
{
    sqlite_sink.close(sink);
    free(sink);
}

static inline enum sink_result deliver_within(void *sink, const struct batch *b, int64_t ms, struct err *err)
{
    struct sink_delivery d = { .deadline_ns = clock_now_ns() + ms * NS_PER_MS, .cancel_fd = -1 };

    return sqlite_sink.deliver(sink, b, &d, err);
}

static inline enum sink_result try_deliver(void *sink, const struct batch *b, struct err *err)
{
    return deliver_within(sink, b, 120000, err); /* memcheck needs a minute for 20,000 rows */
}

static inline void deliver(void *sink, const struct batch *b)
{
    struct err err = { 0 };

    ck_assert_msg(try_deliver(sink, b, &err) == SINK_OK, "%s", err.msg);
}

/* Delivers and gives the batch up. */
static inline void give(void *sink, struct batch *b)
{
    batch_seal(b);
    deliver(sink, b);
    batch_unref(b);
}

static inline sqlite3 *look(void)
{
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    return db;
}

static inline void change(const char *sql)
{
    sqlite3 *db = look();
    char *why = NULL;

    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &why) == SQLITE_OK, "%s: %s", sql, why);
    sqlite3_close(db);
}

/* All rows as text: columns by '|', rows by '\n', NULL as "-". */
static inline const char *answer(const char *sql)
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

static inline struct batch *new_batch(int64_t time)
{
    struct batch *b = batch_new();

    *batch_info_edit(b) = (struct batch_info){
        .time_ms = time * 1000, .interval_ms = 60000, .duration_ns = 12345000, .complete = true };
    return b;
}

static inline uint32_t add_row(struct batch *b, enum table_id t, const char *name)
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

static inline void add_group(struct batch *b, const char *name, int64_t lag)
{
    batch_set_int(b, TABLE_GROUPS, add_row(b, TABLE_GROUPS, name), GROUPS_LAG, lag);
}

/* One group "g" with that lag. */
static inline struct batch *one_group(int64_t time, int64_t lag)
{
    struct batch *b = new_batch(time);

    add_group(b, "g", lag);
    return b;
}

static inline struct batch *many_groups(int interval)
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

/* In a child that is nobody: root may write everywhere. */
static inline int as_nobody(void (*what)(void))
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

static inline void write_file(const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

/* A suite with one case whose tests have a directory each. */
static inline TCase *sqlite_case(Suite *suite)
{
    TCase *tc = unit_case(suite, "sqlite");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, start, stop);
    return tc;
}

#endif
