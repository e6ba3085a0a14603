/* test_sqlite_trouble.c - the history: locks, deadlines, full disks, kills, damage. */
#include "tests/unit/small_disk.h"
#include "tests/unit/test_sqlite.h"

#include <signal.h>

/* ---- trouble ---- */

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
    ck_assert_int_lt(clock_now_ns() - before, 5 * NS_PER_S);
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
    ck_assert_int_lt(clock_now_ns() - before, 5 * NS_PER_S);
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
    for (int i = 0; i < 20000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "g%d", i);
        add_group(big, name, i);
    }
    batch_seal(big);
    ck_assert_int_eq(deliver_within(sink, big, 2, &err), SINK_RETRY);
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    ck_answer("SELECT count(*) FROM intervals", "1");
    deliver(sink, big);
    batch_unref(big);
    close_sink(sink);
    ck_answer("SELECT count(*) FROM groups_now", "20000");
}
END_TEST

START_TEST(on_a_full_disk_it_stops_before_the_last_bytes)
{
    struct err err = { 0 };
    int stored = 0;

    if (!small_disk("12m"))
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
    batch_unref(b);
    close_sink(sink);
}

START_TEST(an_unwritable_directory_is_said)
{
    ck_assert_int_eq(chmod(directory, 0555), 0);
    ck_assert_int_eq(as_nobody(deliver_into_a_closed_directory), 0);
}
END_TEST

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

/* Removed with or without what lies beside it, while it is open or not. */
START_TEST(a_file_deleted_is_begun_anew)
{
    static const char *const parts[] = { "", "-wal", "-shm" };
    char name[160];
    void *sink = open_sink();

    for (int i = 0; i < 5; i++)
        give(sink, one_group(HOUR + 60 * i, 1));
    if (_i & 2)
        close_sink(sink);
    for (size_t p = 0; p < (_i & 1 ? 3u : 1u); p++) {
        snprintf(name, sizeof(name), "%s%s", path, parts[p]);
        ck_assert_int_eq(unlink(name), 0);
    }
    if (_i & 2)
        sink = open_sink();
    struct sink_delivery d = { .deadline_ns = clock_now_ns() + 20 * NS_PER_S, .cancel_fd = -1 };
    struct err err = { 0 };
    struct batch *b = one_group(HOUR + 600, 2);
    batch_seal(b);
    ck_assert_msg(sqlite_sink.deliver(sink, b, &d, &err) == SINK_OK, "%s", err.msg);
    ck_assert_msg((_i & 2) != 0 || strstr(d.note, "moved away or deleted") != NULL, "%s", d.note);
    batch_unref(b);
    give(sink, one_group(HOUR + 660, 3));
    close_sink(sink);
    ck_answer("SELECT time - 1700006400, lag FROM groups ORDER BY time", "600|2\n660|3");
    ck_answer("PRAGMA integrity_check", "ok");
}
END_TEST

/* Killed with its log not yet written back, and then somebody deletes the file alone. */
START_TEST(a_log_without_its_file_does_no_harm)
{
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        void *sink = open_sink();
        for (int i = 0; i < 5; i++)
            give(sink, one_group(HOUR + 60 * i, 1));
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    ck_assert_int_eq(unlink(path), 0);
    void *sink = open_sink();
    give(sink, one_group(HOUR + 600, 2));
    close_sink(sink);
    ck_answer("SELECT time - 1700006400, lag FROM groups", "600|2");
    ck_answer("PRAGMA integrity_check", "ok");
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

int main(void)
{
    Suite *suite = suite_create("sqlite_trouble");
    TCase *tc = sqlite_case(suite);

    tcase_add_loop_test(tc, killed_at_any_moment_it_leaves_whole_intervals, 0, 12);
    tcase_add_test(tc, another_writer_means_later);
    tcase_add_test(tc, told_to_stop_it_does_not_wait_for_a_lock);
    tcase_add_test(tc, a_deadline_passed_means_later_and_leaves_nothing_half_done);
    tcase_add_test(tc, on_a_full_disk_it_stops_before_the_last_bytes);
    tcase_add_test(tc, a_missing_directory_is_said_and_waited_for);
    tcase_add_test(tc, an_unwritable_directory_is_said);
    tcase_add_test(tc, a_file_that_is_no_database_is_kept_aside);
    tcase_add_test(tc, a_damaged_file_is_kept_aside);
    tcase_add_test(tc, a_file_moved_away_is_begun_anew);
    tcase_add_loop_test(tc, a_file_deleted_is_begun_anew, 0, 4);
    tcase_add_test(tc, a_log_without_its_file_does_no_harm);
    tcase_add_loop_test(tc, a_write_that_fails_loses_nothing, 0, 2);
    return unit_main(suite);
}
