/* test_sqlite_trim.c - the history: what is too old or too much goes, in steps. */
#include "tests/unit/small_disk.h"
#include "tests/unit/test_sqlite.h"

#include <signal.h>

#define PAGE 4096

struct limits {
    const char *keep, *hourly, *daily, *size;
};

static void *open_with(struct limits limits)
{
    static const struct sink_env env = { .name = "sqlite", .agent_version = "1.2.3", .config_hash = "c0ffee", .start_reason = "run",
                                         .interval_ms = 60000 };
    const char *const given[][2] = { { "path", path }, { "keep", limits.keep }, { "keep_hourly", limits.hourly },
                                     { "keep_daily", limits.daily }, { "max_size", limits.size } };
    struct err err = { 0 };
    void *sink = xcalloc(1, sqlite_sink.size);

    option_set_defaults(sqlite_sink.options, sink);
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        if (given[i][1] != NULL)
            ck_assert_msg(option_set(option_find(sqlite_sink.options, given[i][0]), sink, given[i][1], &err) == 0, "%s", err.msg);
    ck_assert_msg(sqlite_sink.open(sink, &env, &err) == 0, "%s", err.msg);
    return sink;
}

static int64_t number(const char *sql)
{
    return strtoll(answer(sql), NULL, 10);
}

/* `groups` groups whose lag is `lag`: each of them a row, wherever it has changed. */
static struct batch *busy(int64_t time, int groups, int64_t lag)
{
    struct batch *b = new_batch(time);

    for (int g = 0; g < groups; g++) {
        char name[32];
        snprintf(name, sizeof(name), "consumer-group-%d", g);
        add_group(b, name, lag);
    }
    return b;
}

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

START_TEST(hours_and_days_go_when_their_time_is_over)
{
    void *sink = open_with((struct limits){ .keep = "1h", .hourly = "1d", .daily = "3d" });

    for (int i = 0; i < 24 * 8; i++)
        give(sink, one_group(HOUR + 3600 * i, i));
    close_sink(sink);
    /* The newest interval is at 23:00 of the eighth day. */
    ck_answer("SELECT (min(time) - 1700006400) / 3600, count(*) FROM groups_hour", "167|24");
    ck_answer("SELECT (min(time) - 1700006400) / 86400, count(*) FROM groups_day", "5|2");
    ck_answer("SELECT lag_min, lag_max FROM groups_day", "120|143\n144|167");
    ck_answer("SELECT count(*) FROM groups", "2");
}
END_TEST

START_TEST(roll_ups_expire_although_every_interval_is_kept)
{
    void *sink = open_with((struct limits){ .keep = "36500d", .hourly = "1d", .daily = "3650d" });

    for (int i = 0; i < 24 * 3; i++)
        give(sink, one_group(HOUR + 3600 * i, i));
    close_sink(sink);
    ck_answer("SELECT count(*) FROM groups_hour", "24");
    ck_answer("SELECT count(*) FROM groups", "72");
}
END_TEST

START_TEST(shorter_limits_take_effect_in_small_steps)
{
    void *sink = open_with((struct limits){ .keep = "36500d", .hourly = "36500d", .daily = "36500d" });
    int64_t raw, hour;

    for (int i = 0; i < 240; i++)
        give(sink, one_group(HOUR + 1800 * i, i));
    close_sink(sink);
    sink = open_with((struct limits){ .keep = "1h", .hourly = "1d", .daily = "1d" });
    raw = number("SELECT min(time) FROM intervals");
    hour = number("SELECT min(time) FROM groups_hour");
    for (int i = 0; i < 130; i++) {
        give(sink, one_group(HOUR + 1800 * 240 + 10 * i, 7));
        int64_t raw_now = number("SELECT min(time) FROM intervals"), hour_now = number("SELECT min(time) FROM groups_hour");
        ck_assert_int_le(raw_now - raw, 3600);
        ck_assert_int_le(hour_now - hour, 6 * 3600);
        raw = raw_now;
        hour = hour_now;
    }
    close_sink(sink);
    ck_assert_int_ge(raw, HOUR + 1800 * 236);
    ck_answer("SELECT count(*) FROM groups_hour", "23"); /* the 24th is not over */
    ck_answer("PRAGMA integrity_check", "ok");
}
END_TEST

START_TEST(space_goes_back_to_the_disk_in_small_steps)
{
    enum { GROUPS = 4000, KEPT = 2048, STEP = 256 };
    struct stat before, after;
    int64_t pages;
    void *sink = open_with((struct limits){ .keep = "36500d" });

    for (int i = 0; i < 180; i++)
        give(sink, busy(HOUR + 60 * i, GROUPS, i));
    close_sink(sink);
    ck_assert_int_eq(stat(path, &before), 0);
    ck_assert_int_gt(before.st_size, 16 << 20);
    pages = number("PRAGMA page_count");
    sink = open_with((struct limits){ .keep = "1h" });
    for (int i = 0; i < 30; i++) {
        give(sink, busy(HOUR + 4 * 3600 + 60 * i, GROUPS, 7)); /* idle */
        int64_t now = number("PRAGMA page_count");
        ck_assert_int_le(pages - now, STEP + 1); /* and a page of SQLite's own */
        pages = now;
    }
    ck_assert_int_le(number("PRAGMA freelist_count"), KEPT);
    close_sink(sink);
    ck_assert_int_eq(stat(path, &after), 0);
    ck_assert_int_eq(after.st_size, pages * PAGE);
    ck_assert_msg(after.st_size < before.st_size - (6 << 20), "%lld of %lld bytes", (long long)after.st_size, (long long)before.st_size);
    ck_answer("PRAGMA integrity_check", "ok");
}
END_TEST

/* Delivers; the note goes to `note`. */
static void give_noting(void *sink, struct batch *b, char note[240])
{
    struct sink_delivery d = { .deadline_ns = clock_now_ns() + 20 * NS_PER_S, .cancel_fd = -1 };
    struct err err = { 0 };

    batch_seal(b);
    ck_assert_msg(sqlite_sink.deliver(sink, b, &d, &err) == SINK_OK, "%s", err.msg);
    if (d.note[0] != '\0')
        memcpy(note, d.note, sizeof(d.note));
    batch_unref(b);
}

START_TEST(above_its_limit_the_oldest_intervals_go_and_it_is_said)
{
    enum { LIMIT = 6 << 20, INTERVALS = 600 };
    char note[240] = "";
    struct stat st;
    void *sink = open_with((struct limits){ .keep = "36500d", .size = "6MiB" });

    for (int i = 0; i < INTERVALS; i++) {
        give_noting(sink, busy(HOUR + 60 * i, 1000, i), note);
        ck_assert_int_le(number("PRAGMA page_count") * PAGE, LIMIT);
        if (i < 60)
            ck_assert_str_eq(note, "");
    }
    close_sink(sink);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_le(st.st_size, LIMIT);
    ck_assert_int_gt(st.st_size, LIMIT / 2); /* it is used */
    unsigned long long removed = 0;
    const char *words = strstr(note, "max_size of");
    ck_assert_msg(words != NULL && sscanf(words, "max_size of 6 MiB reached, %llu old intervals removed", &removed) == 1 && removed > 0,
                  "%s", note);
    /* What is there is whole: every interval from the oldest on, and every group in it. */
    ck_answer("SELECT max(time) - min(time) = 60 * (count(*) - 1), count(*) > 60, max(time) FROM intervals", "1|1|1700042340");
    ck_answer("SELECT count(*) = 1000 * (SELECT count(*) FROM intervals) FROM groups", "1");
    ck_answer("SELECT count(*) FROM groups WHERE lag <> (time - 1700006400) / 60", "0");
    ck_answer("SELECT count(*) FROM groups_hour", "9000"); /* roll-ups stay */
    ck_answer("PRAGMA integrity_check", "ok");
}
END_TEST

START_TEST(a_limit_below_what_must_stay_is_said)
{
    char note[240] = "";
    void *sink = open_with((struct limits){ .keep = "36500d", .size = "4MiB" });

    for (int i = 0; i < 50; i++)
        give_noting(sink, busy(HOUR + 60 * i, 8000, i), note);
    close_sink(sink);
    ck_assert_msg(strstr(note, "what must stay is larger") != NULL, "%s", note);
    ck_answer("SELECT count(*) FROM intervals", "50");
}
END_TEST

START_TEST(a_limit_too_small_to_mean_anything_is_refused)
{
    const struct sink_env env = { .name = "sqlite" };
    struct err err = { 0 };
    void *sink = xcalloc(1, sqlite_sink.size);

    option_set_defaults(sqlite_sink.options, sink);
    ck_assert_int_eq(option_set(option_find(sqlite_sink.options, "path"), sink, path, &err), 0);
    ck_assert_int_eq(option_set(option_find(sqlite_sink.options, "max_size"), sink, "1MiB", &err), 0);
    ck_assert_int_eq(sqlite_sink.open(sink, &env, &err), -1);
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    close_sink(sink);
}
END_TEST

START_TEST(on_a_nearly_full_disk_unused_pages_go_back)
{
    char filler[160];

    if (!small_disk("64m"))
        return;
    void *sink = open_with((struct limits){ .keep = "1h" });
    for (int i = 0; i < 240; i++)
        give(sink, busy(HOUR + 60 * i, 3000, i));
    int64_t before = number("PRAGMA page_count");
    for (int i = 0; i < 120; i++)
        give(sink, busy(HOUR + 14400 + 60 * i, 3000, 240)); /* idle: what expires is not needed again */
    ck_assert_int_gt(number("PRAGMA freelist_count"), 500);
    snprintf(filler, sizeof(filler), "%s/filler", directory);
    int fd = open(filler, O_WRONLY | O_CREAT, 0600);
    char bytes[PAGE] = { 0 };
    for (int i = 0; i < (64 << 20) / PAGE; i++) /* all but 7 MiB */
        if (write(fd, bytes, PAGE) != PAGE)
            break;
    off_t size = lseek(fd, 0, SEEK_CUR);
    ck_assert_int_eq(ftruncate(fd, size - (7 << 20)), 0);
    close(fd);
    give(sink, one_group(HOUR + 14400 + 60 * 120, 1));
    ck_assert_int_lt(number("PRAGMA page_count"), before - 250);
    close_sink(sink);
    umount(directory);
}
END_TEST

/* Hours expire, roll-ups expire, pages go back, all at every interval; killed in any of it the rest is whole. */
START_TEST(killed_while_it_trims_the_rest_is_whole)
{
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        void *sink = open_with((struct limits){ .keep = "1h", .hourly = "1d", .daily = "1d", .size = "4MiB" });
        for (int i = 0;; i++)
            give(sink, busy(HOUR + 1200 * i, 400, i));
    }
    usleep((useconds_t)(150000 + _i * 37000));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    void *sink = open_with((struct limits){ .keep = "36500d" });
    give(sink, new_batch(HOUR + 10 * 365 * 86400LL));
    close_sink(sink);
    ck_answer("PRAGMA integrity_check", "ok");
    ck_answer("SELECT count(*) FROM intervals AS i WHERE entities <> (SELECT count(*) FROM groups AS g WHERE g.time = i.time)", "0");
    ck_answer("SELECT count(*) FROM groups WHERE lag <> (time - 1700006400) / 1200", "0");
    ck_answer("SELECT count(*) FROM groups_data WHERE time NOT IN (SELECT time FROM intervals)", "0");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sqlite_trim");
    TCase *tc = sqlite_case(suite);

    tcase_add_test(tc, old_intervals_go_by_whole_frames);
    tcase_add_test(tc, hours_and_days_go_when_their_time_is_over);
    tcase_add_test(tc, roll_ups_expire_although_every_interval_is_kept);
    tcase_add_test(tc, shorter_limits_take_effect_in_small_steps);
    tcase_add_test(tc, space_goes_back_to_the_disk_in_small_steps);
    tcase_add_test(tc, above_its_limit_the_oldest_intervals_go_and_it_is_said);
    tcase_add_test(tc, a_limit_below_what_must_stay_is_said);
    tcase_add_test(tc, a_limit_too_small_to_mean_anything_is_refused);
    tcase_add_test(tc, on_a_nearly_full_disk_unused_pages_go_back);
    tcase_add_loop_test(tc, killed_while_it_trims_the_rest_is_whole, 0, 8);
    return unit_main(suite);
}
