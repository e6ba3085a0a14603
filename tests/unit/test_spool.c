/* test_spool.c - what must survive: order, caps, kill -9, a damaged file, a full disk, the lock. */
#include "agent/pipeline/spool.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/batch_io.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MINUTE_MS 60000
#define START_MS 1700000040000
#define NOW(number) (START_MS + (int64_t)(number) * MINUTE_MS)
#define MIB (1 << 20)

struct rig {
    char directory[40];
    struct state *state;
    struct spool *spool;
    struct spool_limits limits;
    struct err err;
};

static void rig_init(struct rig *rig)
{
    *rig = (struct rig){ .directory = "/tmp/test_spool.XXXXXX", .limits = { 256 * MIB, 7 * 86400000LL } };
    ck_assert_ptr_nonnull(mkdtemp(rig->directory));
}

/* Readers by name, NULL at the end. */
static void start(struct rig *rig, const char *const *names)
{
    rig->state = state_open(rig->directory, "test", &rig->err);
    ck_assert_msg(rig->state != NULL, "%s", rig->err.msg);
    rig->spool = spool_new(rig->state, rig->limits);
    for (; *names != NULL; names++)
        spool_add_reader(rig->spool, *names);
    ck_assert_msg(spool_load(rig->spool, &rig->err) == 0, "%s", rig->err.msg);
}
#define START(rig, ...) start((rig), (const char *const[]){ __VA_ARGS__, NULL })

static void stop(struct rig *rig)
{
    spool_free(rig->spool);
    state_close(rig->state);
    rig->spool = NULL;
    rig->state = NULL;
}

static void for_each_file(const char *directory, void (*act)(const char *path, void *ctx), void *ctx)
{
    char path[400];
    DIR *dir = opendir(directory);

    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", directory, e->d_name);
        act(path, ctx);
    }
    if (dir != NULL)
        closedir(dir);
}

static void remove_file(const char *path, void *ctx)
{
    (void)ctx;
    unlink(path);
}

static void rig_fini(struct rig *rig)
{
    stop(rig);
    for_each_file(rig->directory, remove_file, NULL);
    rmdir(rig->directory);
}

/* A batch that is hard to pack, if it is to be large. */
static struct batch *make(uint64_t number, unsigned rows)
{
    struct batch *b = batch_new();
    uint64_t state = number;

    batch_info_edit(b)->number = number;
    batch_info_edit(b)->time_ms = NOW(number);
    for (unsigned i = 0; i < rows; i++) {
        uint32_t row = batch_add(b, TABLE_GROUPS);
        batch_set_int(b, TABLE_GROUPS, row, GROUPS_LAG, (int64_t)unit_random(&state));
        batch_set_int(b, TABLE_GROUPS, row, GROUPS_DLQ, (int64_t)unit_random(&state));
    }
    batch_seal(b);
    return b;
}

static int save(struct rig *rig, struct batch *batch, int64_t now_ms)
{
    rig->err = (struct err){ 0 };
    return spool_begin(rig->spool, batch, &rig->err) < 0 ? -1 : spool_commit(rig->spool, now_ms, &rig->err);
}

static void give(struct rig *rig, uint64_t first, uint64_t last)
{
    for (uint64_t n = first; n <= last; n++)
        ck_assert_msg(save(rig, make(n, 3), NOW(n)) == 0, "%s", rig->err.msg);
}

/* The number of the next batch, which is kept in hand; 0: none, the spool is closed. */
static uint64_t take(struct rig *rig, int reader)
{
    struct batch *b = spool_take(rig->spool, reader);
    uint64_t number = b != NULL ? batch_info(b)->number : 0;

    batch_unref(b);
    return number;
}

static void check_takes(struct rig *rig, int reader, uint64_t first, uint64_t last)
{
    for (uint64_t n = first; n <= last; n++) {
        ck_assert_uint_eq(take(rig, reader), n);
        spool_finish(rig->spool, reader);
    }
}

static struct spool_counts counts(struct rig *rig, int reader)
{
    struct spool_counts c;

    spool_read_counts(rig->spool, reader, &c);
    return c;
}

static struct spool_info info(struct rig *rig)
{
    struct spool_info i;

    spool_read_info(rig->spool, &i);
    return i;
}

/* Order ---------------------------------------------------------------------------------------------------------------- */

START_TEST(batches_come_oldest_first_and_leave)
{
    struct rig rig;

    rig_init(&rig);
    START(&rig, "a", "b");
    give(&rig, 1, 5);
    check_takes(&rig, 0, 1, 5);
    ck_assert_uint_eq(info(&rig).batches, 5); /* b has taken none */
    ck_assert_uint_eq(counts(&rig, 1).waiting, 5);
    ck_assert_int_eq(counts(&rig, 1).oldest_ms, NOW(1));
    check_takes(&rig, 1, 1, 5);
    ck_assert_int_eq(save(&rig, NULL, NOW(6)), 0);
    ck_assert_uint_eq(info(&rig).batches, 0);
    ck_assert_int_eq(info(&rig).bytes, 0);
    ck_assert_int_eq(info(&rig).oldest_ms, 0);
    spool_close(rig.spool);
    ck_assert_uint_eq(take(&rig, 0), 0);
    rig_fini(&rig);
}
END_TEST

START_TEST(a_restart_goes_on_where_each_reader_stood)
{
    struct rig rig;

    rig_init(&rig);
    START(&rig, "a", "b");
    give(&rig, 1, 6);
    check_takes(&rig, 0, 1, 4);
    ck_assert_uint_eq(take(&rig, 0), 5); /* in hand, not finished */
    check_takes(&rig, 1, 1, 2);
    ck_assert_int_eq(save(&rig, NULL, NOW(7)), 0);
    stop(&rig);
    START(&rig, "b", "a", "new");
    ck_assert_uint_eq(counts(&rig, 0).waiting, 4);
    ck_assert_uint_eq(counts(&rig, 1).waiting, 2);
    ck_assert_uint_eq(counts(&rig, 2).waiting, 0);
    give(&rig, 7, 8);
    check_takes(&rig, 0, 3, 8);
    check_takes(&rig, 1, 5, 8);
    check_takes(&rig, 2, 7, 8); /* a new one starts now */
    rig_fini(&rig);
}
END_TEST

START_TEST(a_sink_that_is_gone_holds_nothing_back)
{
    struct rig rig;

    rig_init(&rig);
    START(&rig, "a", "old");
    give(&rig, 1, 4);
    check_takes(&rig, 0, 1, 4);
    save(&rig, NULL, NOW(5));
    stop(&rig);
    START(&rig, "a");
    ck_assert_str_eq(info(&rig).forgotten, "old");
    ck_assert_uint_eq(info(&rig).forgotten_batches, 4);
    ck_assert_uint_eq(info(&rig).batches, 0);
    stop(&rig);
    START(&rig, "a", "old"); /* and when it comes back it starts anew */
    ck_assert_uint_eq(counts(&rig, 1).waiting, 0);
    ck_assert_str_eq(info(&rig).forgotten, "");
    rig_fini(&rig);
}
END_TEST

START_TEST(what_is_put_back_comes_again)
{
    struct rig rig;

    rig_init(&rig);
    START(&rig, "a");
    give(&rig, 1, 3);
    check_takes(&rig, 0, 1, 1);
    ck_assert_uint_eq(take(&rig, 0), 2);
    spool_put_back(rig.spool, 0);
    check_takes(&rig, 0, 2, 3);
    rig_fini(&rig);
}
END_TEST

static void *read_all(void *arg)
{
    struct rig *rig = arg;
    uint64_t last = 0;

    for (uint64_t n; (n = take(rig, 0)) != 0; last = n) {
        if (n != last + 1)
            return (void *)(uintptr_t)n;
        spool_finish(rig->spool, 0);
    }
    return (void *)(uintptr_t)(last == 200 ? 0 : 1000);
}

START_TEST(a_reader_waits_for_what_comes)
{
    struct rig rig;
    pthread_t thread;
    void *wrong;

    rig_init(&rig);
    START(&rig, "a");
    pthread_create(&thread, NULL, read_all, &rig);
    give(&rig, 1, 200);
    spool_close(rig.spool);
    pthread_join(thread, &wrong);
    ck_assert_msg(wrong == NULL, "batch %lu out of order", (unsigned long)(uintptr_t)wrong);
    rig_fini(&rig);
}
END_TEST

/* Always, for every reader: finished + dropped + waiting == given. */
START_TEST(numbers_add_up_whatever_happens)
{
    uint64_t seed = unit_seed() + (uint64_t)_i, random = seed, given = 0, finished[2] = { 0 }, last[2] = { 0 };
    bool in_hand[2] = { false };
    struct rig rig;

    rig_init(&rig);
    rig.limits = (struct spool_limits){ 4000, 30 * MINUTE_MS };
    START(&rig, "a", "b");
    for (int step = 0; step < 300; step++) {
        int reader = (int)(unit_random(&random) % 2);
        switch (unit_random(&random) % 5) {
        case 0:
        case 1:
            given++;
            ck_assert_int_eq(save(&rig, make(given, (unsigned)(unit_random(&random) % 30)), NOW(given)), 0);
            break;
        case 2:
            if (in_hand[reader] || counts(&rig, reader).waiting == 0)
                break;
            uint64_t number = take(&rig, reader);
            ck_assert_msg(number > last[reader], "seed %" PRIu64 ": %" PRIu64 " after %" PRIu64, seed, number, last[reader]);
            last[reader] = number;
            in_hand[reader] = true;
            break;
        case 3:
            if (in_hand[reader])
                finished[reader] += spool_still_wants(rig.spool, reader);
            if (in_hand[reader])
                spool_finish(rig.spool, reader);
            in_hand[reader] = false;
            break;
        default:
            if (in_hand[reader]) {
                spool_put_back(rig.spool, reader);
                last[reader]--;
            }
            in_hand[reader] = false;
            break;
        }
    }
    for (int r = 0; r < 2; r++) {
        if (in_hand[r])
            spool_put_back(rig.spool, r);
        struct spool_counts c = counts(&rig, r);
        uint64_t dropped = c.dropped[SPOOL_FULL] + c.dropped[SPOOL_OLD], waiting = 0;
        spool_close(rig.spool);
        for (; take(&rig, r) != 0; waiting++)
            spool_finish(rig.spool, r);
        ck_assert_msg(finished[r] + dropped + waiting == given && c.waiting == waiting,
                      "seed %" PRIu64 " reader %d: %" PRIu64 " finished, %" PRIu64 " dropped, %" PRIu64 " waiting (said %" PRIu64
                      "), %" PRIu64 " given", seed, r, finished[r], dropped, waiting, c.waiting, given);
    }
    rig_fini(&rig);
}
END_TEST

/* Caps ----------------------------------------------------------------------------------------------------------------- */

START_TEST(beyond_its_bytes_the_oldest_go_and_are_counted)
{
    struct rig rig;

    rig_init(&rig);
    rig.limits.bytes_max = MIB;
    START(&rig, "a", "b");
    for (uint64_t n = 1; n <= 10; n++) {
        ck_assert_int_eq(save(&rig, make(n, 15000), NOW(n)), 0); /* about 250 KB */
        if (n <= 2)
            check_takes(&rig, 1, n, n);
    }
    ck_assert_int_le(info(&rig).bytes, MIB);
    uint64_t left = info(&rig).batches, gone = 10 - left;
    ck_assert_uint_ge(left, 2);
    ck_assert_uint_eq(counts(&rig, 0).dropped[SPOOL_FULL], gone);
    ck_assert_uint_eq(counts(&rig, 1).dropped[SPOOL_FULL], gone - 2); /* two it had taken */
    ck_assert_uint_eq(counts(&rig, 0).dropped[SPOOL_OLD], 0);
    check_takes(&rig, 0, gone + 1, 10);
    check_takes(&rig, 1, gone + 1, 10);
    rig_fini(&rig);
}
END_TEST

START_TEST(beyond_its_age_the_oldest_go_and_are_counted)
{
    struct rig rig;

    rig_init(&rig);
    rig.limits.age_max_ms = 5 * MINUTE_MS;
    START(&rig, "a");
    give(&rig, 1, 20);
    ck_assert_uint_eq(counts(&rig, 0).dropped[SPOOL_OLD], 14);
    check_takes(&rig, 0, 15, 20);
    rig_fini(&rig);
}
END_TEST

START_TEST(what_is_in_hand_is_counted_when_it_is_given_up)
{
    struct rig rig;

    rig_init(&rig);
    rig.limits.age_max_ms = 5 * MINUTE_MS;
    START(&rig, "a");
    give(&rig, 1, 1);
    ck_assert_uint_eq(take(&rig, 0), 1);
    ck_assert(spool_still_wants(rig.spool, 0));
    give(&rig, 2, 10);
    ck_assert_uint_eq(counts(&rig, 0).dropped[SPOOL_OLD], 3); /* 2, 3, 4 */
    ck_assert(!spool_still_wants(rig.spool, 0));
    ck_assert_uint_eq(counts(&rig, 0).dropped[SPOOL_OLD], 4);
    check_takes(&rig, 0, 5, 10);
    rig_fini(&rig);
}
END_TEST

START_TEST(the_newest_is_kept_whatever_its_size)
{
    struct rig rig;

    rig_init(&rig);
    rig.limits.bytes_max = 1000;
    START(&rig, "a");
    ck_assert_int_eq(save(&rig, make(1, 5000), NOW(1)), 0);
    ck_assert_int_eq(save(&rig, make(2, 5000), NOW(2)), 0);
    stop(&rig);
    START(&rig, "a");
    check_takes(&rig, 0, 2, 2);
    rig_fini(&rig);
}
END_TEST

START_TEST(the_room_of_an_outage_is_given_back)
{
    struct rig rig;
    struct stat st;
    char path[100];

    rig_init(&rig);
    START(&rig, "a");
    for (uint64_t n = 1; n <= 100; n++)
        ck_assert_int_eq(save(&rig, make(n, 15000), NOW(n)), 0);
    check_takes(&rig, 0, 1, 100);
    for (uint64_t n = 101; n <= 120; n++) {
        ck_assert_int_eq(save(&rig, make(n, 3), NOW(n)), 0);
        check_takes(&rig, 0, n, n);
    }
    stop(&rig);
    snprintf(path, sizeof(path), "%s/state.db", rig.directory);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_lt(st.st_size, 10 * MIB); /* of 24 */
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    rig_fini(&rig);
}
END_TEST

/* Trouble -------------------------------------------------------------------------------------------------------------- */

/* A process that saves and delivers until it is killed says on a pipe what it has saved, and what it has finished. */
static void work_until_killed(struct rig *rig, int out)
{
    START(rig, "a");
    for (uint64_t n = 1;; n++) {
        if (save(rig, make(n, 50), NOW(n)) < 0)
            _exit(1);
        uint64_t said[2] = { n, 0 };
        if (n % 3 == 0) {
            said[1] = take(rig, 0);
            spool_finish(rig->spool, 0);
        }
        if (write(out, said, sizeof(said)) != sizeof(said))
            _exit(1);
    }
}

START_TEST(a_kill_loses_nothing_that_was_saved)
{
    struct rig rig;
    int fds[2];
    uint64_t said[2], saved = 0, finished = 0, random = unit_seed() + (uint64_t)_i;

    rig_init(&rig);
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0)
        work_until_killed(&rig, fds[1]);
    close(fds[1]);
    for (uint64_t until = 5 + unit_random(&random) % 100; saved < until;) {
        ck_assert_int_eq(read(fds[0], said, sizeof(said)), sizeof(said));
        saved = said[0];
        finished = said[1] > 0 ? said[1] : finished;
    }
    kill(pid, SIGKILL);
    while (read(fds[0], said, sizeof(said)) == sizeof(said)) {
        saved = said[0];
        finished = said[1] > 0 ? said[1] : finished;
    }
    waitpid(pid, NULL, 0);
    close(fds[0]);
    START(&rig, "a"); /* also: the lock went with its holder */
    uint64_t next = take(&rig, 0);
    ck_assert_uint_le(next, finished + 1);
    ck_assert_uint_ge(next + 1, finished); /* at most the last one comes again */
    spool_finish(rig.spool, 0);
    check_takes(&rig, 0, next + 1, saved);
    rig_fini(&rig);
}
END_TEST

static void write_over(const char *path, off_t at, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, bytes, len, at), (ssize_t)len);
    close(fd);
}

static void count_aside(const char *path, void *ctx)
{
    *(int *)ctx += strstr(path, ".aside-") != NULL;
}

static void spoil_start(const char *path)
{
    write_over(path, 0, "this is no database at all, and long enough to be looked at, is it not? no. it is not. really not.....", 100);
}

static void spoil_pages(const char *path)
{
    char zeros[3 * 4096] = { 0 };

    memset(zeros, 0x5a, sizeof(zeros));
    write_over(path, 4096, zeros, sizeof(zeros));
}

static void make_foreign(const char *path)
{
    sqlite3 *db;

    unlink(path);
    sqlite3_open(path, &db);
    sqlite3_exec(db, "CREATE TABLE somebody(elses)", NULL, NULL, NULL);
    sqlite3_close(db);
}

static void make_newer(const char *path)
{
    sqlite3 *db;

    sqlite3_open(path, &db);
    sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL);
    sqlite3_close(db);
}

static void lose_table(const char *path)
{
    sqlite3 *db;

    sqlite3_open(path, &db);
    sqlite3_exec(db, "DROP TABLE cursors", NULL, NULL, NULL);
    sqlite3_close(db);
}

static void (*const spoilings[])(const char *path) = { spoil_start, spoil_pages, make_foreign, make_newer, lose_table };

START_TEST(a_damaged_file_is_set_aside_and_stops_nothing)
{
    struct rig rig;
    char path[100];
    int aside = 0;

    rig_init(&rig);
    START(&rig, "a");
    give(&rig, 1, 3);
    stop(&rig);
    snprintf(path, sizeof(path), "%s/state.db", rig.directory);
    spoilings[_i](path);
    START(&rig, "a");
    const char *news = state_news(rig.state);
    ck_assert_ptr_nonnull(news);
    ck_assert_ptr_nonnull(strstr(news, "state.db.aside-"));
    ck_assert_ptr_null(state_news(rig.state)); /* once */
    for_each_file(rig.directory, count_aside, &aside);
    ck_assert_int_eq(aside, 1);
    ck_assert_uint_eq(counts(&rig, 0).waiting, 0);
    give(&rig, 4, 6);
    stop(&rig);
    START(&rig, "a");
    check_takes(&rig, 0, 4, 6);
    rig_fini(&rig);
}
END_TEST

START_TEST(a_damaged_batch_is_passed_over_and_counted)
{
    struct rig rig;
    char path[100];
    sqlite3 *db;

    rig_init(&rig);
    START(&rig, "a");
    give(&rig, 1, 4);
    stop(&rig);
    snprintf(path, sizeof(path), "%s/state.db", rig.directory);
    sqlite3_open(path, &db);
    sqlite3_exec(db, "UPDATE batches SET data = x'4d514231' WHERE number = (SELECT min(number) + 1 FROM batches)", NULL, NULL, NULL);
    sqlite3_close(db);
    START(&rig, "a");
    check_takes(&rig, 0, 1, 1);
    check_takes(&rig, 0, 3, 4);
    ck_assert_uint_eq(counts(&rig, 0).dropped[SPOOL_DAMAGED], 1);
    rig_fini(&rig);
}
END_TEST

static void limit_files(rlim_t bytes)
{
    struct rlimit limit = { bytes, RLIM_INFINITY };

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(without_room_intervals_wait_in_memory_and_are_saved_later)
{
    struct rig rig;
    uint64_t failed = 0, n = 1;

    rig_init(&rig);
    START(&rig, "a");
    limit_files(400 * 1024);
    for (; failed < 10; n++) {
        ck_assert_uint_lt(n, 500);
        failed += save(&rig, make(n, 1000), NOW(n)) < 0;
    }
    ck_assert(!info(&rig).is_saved);
    ck_assert_uint_ge(info(&rig).in_memory, 1);
    ck_assert_str_ne(rig.err.msg, "");
    check_takes(&rig, 0, 1, 2); /* readers go on, from disk and then from memory */
    limit_files(RLIM_INFINITY);
    int tries = 0;
    while (save(&rig, NULL, NOW(n)) < 0)
        ck_assert_int_lt(tries++, 5);
    ck_assert(info(&rig).is_saved);
    ck_assert_uint_eq(info(&rig).in_memory, 0);
    stop(&rig);
    START(&rig, "a");
    check_takes(&rig, 0, 3, n - 1); /* nothing is lost, nothing out of order */
    ck_assert_uint_eq(counts(&rig, 0).waiting, 0);
    rig_fini(&rig);
}
END_TEST

START_TEST(what_memory_cannot_hold_is_counted)
{
    struct rig rig;

    rig_init(&rig);
    START(&rig, "a");
    limit_files(8000); /* two pages of the log; the test program itself needs some */
    for (uint64_t n = 1; n <= SPOOL_SLOTS + 10; n++)
        ck_assert_int_eq(save(&rig, make(n, 5), NOW(n)), -1);
    ck_assert_uint_eq(counts(&rig, 0).dropped[SPOOL_OVERFLOW], 10);
    check_takes(&rig, 0, 11, SPOOL_SLOTS + 10);
    limit_files(RLIM_INFINITY);
    ck_assert_int_eq(save(&rig, NULL, NOW(100)), 0);
    give(&rig, 100, 101);
    check_takes(&rig, 0, 100, 101);
    rig_fini(&rig);
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_at_first_is_found_later)
{
    struct rig rig;
    char path[100];
    const char *const names[] = { "a", NULL };

    rig_init(&rig);
    START(&rig, "a");
    give(&rig, 1, 3);
    stop(&rig);
    snprintf(path, sizeof(path), "%s/aside", rig.directory);
    char file[100];
    snprintf(file, sizeof(file), "%s/state.db", rig.directory);
    ck_assert_int_eq(rename(file, path), 0);
    ck_assert_int_eq(mkdir(file, 0700), 0); /* something else stands there: no damage, a wrong disk, say */
    rig.state = state_open(rig.directory, "test", &rig.err);
    rig.spool = spool_new(rig.state, rig.limits);
    spool_add_reader(rig.spool, names[0]);
    ck_assert_int_eq(spool_load(rig.spool, &rig.err), -1);
    ck_assert_int_eq(save(&rig, make(4, 3), NOW(4)), -1);
    check_takes(&rig, 0, 4, 4); /* what is there is delivered */
    ck_assert_int_eq(rmdir(file), 0);
    ck_assert_int_eq(rename(path, file), 0);
    ck_assert_msg(save(&rig, make(5, 3), NOW(5)) == 0, "%s", rig.err.msg);
    check_takes(&rig, 0, 1, 3);
    check_takes(&rig, 0, 5, 5);
    rig_fini(&rig);
}
END_TEST

/* State ---------------------------------------------------------------------------------------------------------------- */

START_TEST(blobs_come_with_the_transaction_or_not_at_all)
{
    struct rig rig;
    struct buf data;

    rig_init(&rig);
    START(&rig, "a");
    ck_assert_int_eq(spool_begin(rig.spool, make(1, 1), &rig.err), 0);
    ck_assert_int_eq(state_write(rig.state, "source/x", "one", 3, &rig.err), 0);
    ck_assert_int_eq(state_write(rig.state, "empty", NULL, 0, &rig.err), 0);
    ck_assert_int_eq(spool_commit(rig.spool, NOW(1), &rig.err), 0);
    ck_assert_int_eq(spool_begin(rig.spool, NULL, &rig.err), 0);
    ck_assert_int_eq(state_write(rig.state, "source/x", "two", 3, &rig.err), 0);
    spool_abort(rig.spool);
    stop(&rig);
    START(&rig, "a");
    buf_init(&data, 0);
    ck_assert_int_eq(state_read(rig.state, "source/x", &data, &rig.err), 1);
    ck_assert_uint_eq(data.len, 3);
    ck_assert_mem_eq(data.data, "one", 3);
    buf_reset(&data);
    ck_assert_int_eq(state_read(rig.state, "empty", &data, &rig.err), 1);
    ck_assert_uint_eq(data.len, 0);
    ck_assert_int_eq(state_read(rig.state, "nobody", &data, &rig.err), 0);
    buf_fini(&data);
    check_takes(&rig, 0, 1, 1);
    rig_fini(&rig);
}
END_TEST

START_TEST(a_second_process_is_told_who_holds_the_directory)
{
    struct rig rig;
    struct err err = { 0 };
    char pid[32];

    rig_init(&rig);
    START(&rig, "a");
    ck_assert_ptr_null(state_open(rig.directory, "once", &err)); /* flock holds between descriptors, too */
    ck_assert_int_eq(err.kind, ERR_REMOTE);
    ck_assert_ptr_nonnull(strstr(err.msg, "mqpush test"));
    snprintf(pid, sizeof(pid), "pid %ld", (long)getpid());
    ck_assert_ptr_nonnull(strstr(err.msg, pid));
    stop(&rig);
    rig.state = state_open(rig.directory, "once", &err);
    ck_assert_ptr_nonnull(rig.state);
    rig_fini(&rig);
}
END_TEST

START_TEST(a_directory_that_cannot_be_is_an_error_with_its_name)
{
    struct err err = { 0 };

    ck_assert_ptr_null(state_open("/proc/nowhere/state", "run", &err));
    ck_assert_int_eq(err.kind, ERR_SYS);
    ck_assert_ptr_nonnull(strstr(err.msg, "/proc/nowhere/state"));
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("spool");
    TCase *c = unit_case(s, "spool");

    tcase_add_test(c, batches_come_oldest_first_and_leave);
    tcase_add_test(c, a_restart_goes_on_where_each_reader_stood);
    tcase_add_test(c, a_sink_that_is_gone_holds_nothing_back);
    tcase_add_test(c, what_is_put_back_comes_again);
    tcase_add_test(c, a_reader_waits_for_what_comes);
    tcase_add_loop_test(c, numbers_add_up_whatever_happens, 0, 8);
    tcase_add_test(c, beyond_its_bytes_the_oldest_go_and_are_counted);
    tcase_add_test(c, beyond_its_age_the_oldest_go_and_are_counted);
    tcase_add_test(c, what_is_in_hand_is_counted_when_it_is_given_up);
    tcase_add_test(c, the_newest_is_kept_whatever_its_size);
    tcase_add_test(c, the_room_of_an_outage_is_given_back);
    tcase_add_loop_test(c, a_kill_loses_nothing_that_was_saved, 0, 5);
    tcase_add_loop_test(c, a_damaged_file_is_set_aside_and_stops_nothing, 0, sizeof(spoilings) / sizeof(spoilings[0]));
    tcase_add_test(c, a_damaged_batch_is_passed_over_and_counted);
    tcase_add_test(c, without_room_intervals_wait_in_memory_and_are_saved_later);
    tcase_add_test(c, what_memory_cannot_hold_is_counted);
    tcase_add_test(c, a_file_that_cannot_be_opened_at_first_is_found_later);
    tcase_add_test(c, blobs_come_with_the_transaction_or_not_at_all);
    tcase_add_test(c, a_second_process_is_told_who_holds_the_directory);
    tcase_add_test(c, a_directory_that_cannot_be_is_an_error_with_its_name);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
