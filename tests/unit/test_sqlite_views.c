/* test_sqlite_views.c - the history: what the views and history.h show of every interval. */
#include "agent/base/buf.h"
#include "sinks/sqlite/history.h"
#include "tests/unit/test_sqlite.h"

#include <signal.h>

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
    ck_assert_msg(strstr(err.msg, "before 2023-11-14 23:59:59; history holds 2023-11-15 00:00 to 2023-11-15 00:02") != NULL, "%s", err.msg);
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

START_TEST(beside_a_writer_every_reading_is_whole)
{
    enum { READINGS = 150 };
    struct history *h;
    struct err err = { 0 };
    void *sink = open_sink();
    struct batch *b = many_groups(0);
    int64_t newest = 0;

    deliver(sink, b);
    batch_unref(b);
    close_sink(sink);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        sink = open_as("run", "c0ffee", "1h"); /* it expires old hours as well */
        for (int i = 1;; i++) {
            b = many_groups(i);
            deliver(sink, b);
            batch_unref(b);
        }
    }
    ck_assert_msg(history_open(path, &h, &err) == 0, "%s", err.msg);
    for (int i = 0; i < READINGS; i++) {
        b = batch_new();
        ck_assert_msg(history_load(h, HISTORY_NEWEST, b, &err) == 0, "%s", err.msg);
        ck_assert_uint_eq(batch_rows(b, TABLE_GROUPS), 300);
        int64_t interval = (batch_info(b)->time_ms / 1000 - HOUR) / 60, sum = 0;
        for (uint32_t row = 0; row < 300; row++)
            sum += batch_int(b, TABLE_GROUPS, row, GROUPS_LAG);
        ck_assert_int_eq(sum, 300 * 1000 * interval + 299 * 300 / 2);
        ck_assert_int_ge(interval, newest);
        newest = interval;
        batch_unref(b);
    }
    history_close(h);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ck_assert_int_gt(newest, 0);
    ck_answer("PRAGMA integrity_check", "ok");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sqlite_views");
    TCase *tc = sqlite_case(suite);

    tcase_add_loop_test(tc, the_views_show_each_interval_as_it_was, 0, 6);
    tcase_add_test(tc, a_moment_is_the_newest_interval_before_it);
    tcase_add_test(tc, others_can_read_what_they_cannot_write);
    tcase_add_test(tc, what_is_no_history_is_said);
    tcase_add_test(tc, beside_a_writer_every_reading_is_whole);
    return unit_main(suite);
}
