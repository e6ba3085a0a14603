/* test_sqlite_file.c - the history: whose it is, its layout, and files of other versions. */
#include "agent/base/buf.h"
#include "sinks/sqlite/history.h"
#include "tests/unit/test_sqlite.h"

#include <signal.h>

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
    ck_assert_ptr_nonnull(strstr(out.data, "groups\ttime\tsource\tsystem\tcluster\tconsumer_group\tmodel\ttype\tmembers\tlag\t"
                                           "retry_lag\tdlq\tlag_seconds\t"));
    ck_assert_ptr_nonnull(strstr(out.data, "\ngroups\t1700006400\tprod\trocketmq\tc\tg\tk\ta\\tb\\n\t\t7\t\t\t1.5\t"));
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

/* ---- files of the first agent ---- */

#define FIRST_AT 1795257000LL /* its three intervals: 10:30, 10:31, 10:32 of 2026-11-21 */

static void make_first_layout(void)
{
    FILE *file = fopen("tests/data/sqlite/first_layout.sql", "r");
    struct buf sql;
    sqlite3 *db;
    char *why = NULL;
    int c;

    ck_assert_msg(file != NULL, "run this from the root of the source");
    buf_init(&sql, 0);
    while ((c = fgetc(file)) != EOF)
        buf_putc(&sql, (char)c);
    buf_putc(&sql, '\0');
    fclose(file);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql.data, NULL, NULL, &why) == SQLITE_OK, "%s", why);
    sqlite3_close(db);
    buf_fini(&sql);
}

/* Everything that the first agent's views show. */
static char *print_first(void)
{
    static const char *const tables[] = { "groups", "backlogs", "topics", "queues", "brokers", "scrapes" };
    struct buf all;

    buf_init(&all, 0);
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        char sql[4096];
        const struct table *table = &schema_tables[schema_find_table(tables[t])];
        size_t used = (size_t)snprintf(sql, sizeof(sql), "SELECT time");
        for (unsigned k = 0; k < table->key_count; k++)
            used += (size_t)snprintf(sql + used, sizeof(sql) - used, ", %s", table->columns[k].name);
        snprintf(sql + used, sizeof(sql) - used, ", %s FROM %s WHERE time <= 1795257120 ORDER BY 1, 2, 3, 4, 5, 6, 7",
                 t == 4 ? "up" : t == 5 ? "ok, error" : t == 2 ? "max_offset" : "lag", tables[t]);
        buf_printf(&all, "%s\n%s\n", tables[t], answer(sql));
    }
    buf_putc(&all, '\0');
    return all.data;
}

/* Every table with its columns (those that were added stand last, hence sorted), and the text of every view. */
static char *print_layout(void)
{
    struct buf all;

    buf_init(&all, 0);
    buf_puts(&all, answer("SELECT t.name, c.name, c.type, c.pk > 0 FROM sqlite_schema AS t, pragma_table_info(t.name) AS c"
                          " WHERE t.type = 'table' ORDER BY 1, 2"));
    buf_puts(&all, answer("SELECT sql FROM sqlite_schema WHERE type = 'view' ORDER BY name"));
    buf_putc(&all, '\0');
    return all.data;
}

START_TEST(a_history_of_the_first_agent_is_brought_up_to_date)
{
    struct err err = { 0 };
    struct history *h;

    make_first_layout();
    char *before = print_first();
    ck_assert_ptr_nonnull(strstr(before, "12345"));
    ck_answer("SELECT count(*) FROM pragma_table_info('backlogs') WHERE name = 'lag_seconds_low'", "0");
    struct batch *b = new_batch(FIRST_AT + 180);
    uint32_t row = add_row(b, TABLE_BACKLOGS, "orders");
    batch_set_real(b, TABLE_BACKLOGS, row, BACKLOGS_LAG_SECONDS_LOW, 4.5);
    void *sink = open_as("once", "c0ffee", "36500d");
    give(sink, b);
    close_sink(sink);
    char *after = print_first();
    ck_assert_str_eq(before, after);
    ck_answer("SELECT (time - 1795257000) / 60, lag_seconds_low FROM backlogs WHERE consumer_group = 'orders' AND topic = 'k'", "3|4.5");
    ck_answer("SELECT count(lag_seconds_low) FROM backlogs WHERE time <= 1795257120", "0");
    ck_answer("PRAGMA integrity_check", "ok");
    struct batch *read = batch_new();
    ck_assert_msg(history_open(path, &h, &err) == 0 && history_load(h, (FIRST_AT + 60) * 1000, read, &err) == 0, "%s", err.msg);
    ck_assert_uint_eq(batch_rows(read, TABLE_GROUPS), 4);
    batch_unref(read);
    history_close(h);

    char *updated = print_layout();
    ck_assert_int_eq(unlink(path), 0);
    sink = open_sink();
    give(sink, one_group(HOUR, 1));
    close_sink(sink);
    char *fresh = print_layout();
    ck_assert_str_eq(updated, fresh);
    free(before);
    free(after);
    free(updated);
    free(fresh);
}
END_TEST

START_TEST(updated_or_not_by_a_kill_the_file_is_whole) /* loop test: how long the child may work */
{
    make_first_layout();
    char *before = print_first();
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        void *sink = open_as("once", "c0ffee", "36500d");
        give(sink, one_group(FIRST_AT + 180, 1));
        pause();
    }
    usleep((useconds_t)(500 * _i));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ck_answer("PRAGMA integrity_check", "ok");
    void *sink = open_as("once", "c0ffee", "36500d");
    give(sink, one_group(FIRST_AT + 240, 1));
    close_sink(sink);
    char *after = print_first();
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
}
END_TEST

/* As if an agent before this one had not known the key `version` of brokers. */
START_TEST(a_new_key_is_added_to_the_names)
{
    void *sink = open_sink();
    struct batch *b = new_batch(HOUR);

    add_row(b, TABLE_BROKERS, "broker-a");
    add_row(b, TABLE_BROKERS, "broker-b");
    give(sink, b);
    close_sink(sink);
    change("DROP VIEW brokers_now; DROP VIEW brokers; DROP VIEW brokers_changes;"
           "CREATE TABLE older (id INTEGER PRIMARY KEY, source TEXT NOT NULL, system TEXT NOT NULL, cluster TEXT NOT NULL,"
           " broker TEXT NOT NULL, broker_id TEXT NOT NULL, address TEXT NOT NULL, first_time INTEGER NOT NULL, gone_time INTEGER,"
           " UNIQUE (broker, broker_id, address, source, system, cluster));"
           "INSERT INTO older SELECT id, source, system, cluster, broker, broker_id, address, first_time, gone_time FROM brokers_names;"
           "DROP TABLE brokers_names; ALTER TABLE older RENAME TO brokers_names");
    sink = open_as("once", "c0ffee", "36500d");
    b = new_batch(HOUR + 60);
    add_row(b, TABLE_BROKERS, "broker-a");
    give(sink, b);
    close_sink(sink);
    ck_answer("SELECT (time - 1700006400) / 60, broker, version FROM brokers ORDER BY 1, 2", "0|broker-a|\n0|broker-b|\n1|broker-a|k");
    ck_answer("SELECT id, broker, version FROM brokers_names ORDER BY id", "1|broker-a|\n2|broker-b|\n3|broker-a|k");
    ck_answer("PRAGMA integrity_check", "ok");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sqlite_file");
    TCase *tc = sqlite_case(suite);

    tcase_add_test(tc, the_file_says_what_it_is);
    tcase_add_test(tc, every_column_has_its_plain_type);
    tcase_add_test(tc, a_moment_and_an_entity_are_found_without_a_scan);
    tcase_add_test(tc, the_dry_run_shows_rows);
    tcase_add_test(tc, a_probe_changes_nothing);
    tcase_add_test(tc, close_is_fine_at_any_time);
    tcase_add_test(tc, a_file_of_a_newer_agent_is_refused_untouched);
    tcase_add_test(tc, a_file_of_another_program_is_refused_untouched);
    tcase_add_test(tc, a_file_of_an_older_agent_gets_the_new_columns);
    tcase_add_test(tc, a_history_of_the_first_agent_is_brought_up_to_date);
    tcase_add_loop_test(tc, updated_or_not_by_a_kill_the_file_is_whole, 0, 12);
    tcase_add_test(tc, a_new_key_is_added_to_the_names);
    return unit_main(suite);
}
