/* history.c - see history.h. */
#include "sinks/sqlite/history.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/batch.h"
#include "sinks/sqlite/database.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define WAIT_MS 5000

struct history {
    struct database db;
    char *path;
};

/* "file:/path?mode=ro&immutable=1" with everything that means something in a URI escaped. */
static char *make_uri(const char *path, const char *query)
{
    struct buf uri;

    buf_init(&uri, 0);
    buf_puts(&uri, "file:");
    for (const char *c = path; *c != '\0'; c++) {
        if (*c == '%' || *c == '?' || *c == '#')
            buf_printf(&uri, "%%%02x", (unsigned char)*c);
        else
            buf_putc(&uri, *c);
    }
    buf_puts(&uri, query);
    buf_putc(&uri, '\0');
    return uri.data;
}

static int connect_with(struct history *h, const char *query, struct err *err)
{
    char *uri = make_uri(h->path, query);
    int code = sqlite3_open_v2(uri, &h->db.handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);

    free(uri);
    if (h->db.handle == NULL)
        abort(); /* out of memory */
    sqlite3_busy_timeout(h->db.handle, WAIT_MS);
    if (code != SQLITE_OK)
        return database_fail(&h->db, err);
    return database_exec(&h->db, "PRAGMA temp_store = MEMORY; SELECT 1 FROM sqlite_schema LIMIT 1", err);
}

/* Is there anything in the log that is not in the file yet? */
static bool has_log(const char *path)
{
    struct stat st;
    char *log = xasprintf("%s-wal", path);
    bool has = stat(log, &st) == 0 && st.st_size > 0;

    free(log);
    return has;
}

/*
 * A reader shares an index file with the writer. Where it may neither find nor make one (a copy on a CD, somebody else's
 * directory after a copy without -shm), the file can be taken as it lies there, if it is whole without a log.
 */
static int connect_reader(struct history *h, struct err *err)
{
    if (connect_with(h, "?mode=ro", err) == 0)
        return 0;
    if (h->db.trouble != DATABASE_IO || has_log(h->path))
        return -1;
    sqlite3_close(h->db.handle);
    return connect_with(h, "?mode=ro&immutable=1", err);
}

int history_open(const char *path, struct history **history, struct err *err)
{
    struct history *h = xcalloc(1, sizeof(*h));

    h->path = xstrdup(path);
    database_init(&h->db, h->path);
    int seen = database_inspect(&h->db, err);
    if (seen > 0)
        err_set(err, ERR_CONFIG, "%s: no history there", path);
    if (seen != 0 || connect_reader(h, err) < 0) {
        history_close(h);
        return -1;
    }
    *history = h;
    return 0;
}

void history_close(struct history *history)
{
    if (history == NULL)
        return;
    sqlite3_close(history->db.handle);
    free(history->path);
    free(history);
}

int history_range(struct history *history, int64_t *first, int64_t *last, struct err *err)
{
    int64_t from, to;

    if (database_integer(&history->db, "SELECT min(time) FROM intervals", -1, &from, err) < 0 ||
        database_integer(&history->db, "SELECT max(time) FROM intervals", -1, &to, err) < 0)
        return -1;
    if (from < 0)
        return err_set(err, ERR_LIMIT, "%s: the history holds no interval yet", history->path);
    *first = from;
    *last = to;
    return 0;
}

static const char *print_time(int64_t unix_s, char *text, size_t size)
{
    time_t at = (time_t)unix_s;
    struct tm tm;

    if (localtime_r(&at, &tm) == NULL || strftime(text, size, tm.tm_sec == 0 ? "%Y-%m-%d %H:%M" : "%Y-%m-%d %H:%M:%S", &tm) == 0)
        snprintf(text, size, "@%lld", (long long)unix_s);
    return text;
}

static int fail_empty(struct history *h, int64_t at_s, struct err *err)
{
    char at[32], from[32], to[32];
    int64_t first, last;

    if (history_range(h, &first, &last, err) < 0)
        return -1;
    return err_set(err, ERR_LIMIT, "no interval at or before %s; history holds %s to %s", print_time(at_s, at, sizeof(at)),
                   print_time(first, from, sizeof(from)), print_time(last, to, sizeof(to)));
}

/* The interval's own row: 1 found, 0 none. */
static int load_info(struct history *h, int64_t at_s, struct batch_info *info, struct err *err)
{
    struct sqlite3_stmt *stmt;

    if (database_prepare(&h->db,
                         "SELECT time, interval_ms, duration_ms, complete FROM intervals WHERE time <= ?1"
                         " ORDER BY time DESC LIMIT 1",
                         &stmt, err) < 0)
        return -1;
    sqlite3_bind_int64(stmt, 1, at_s);
    int got = database_step(&h->db, stmt, err);
    if (got > 0) {
        info->time_ms = sqlite3_column_int64(stmt, 0) * 1000;
        info->interval_ms = sqlite3_column_int64(stmt, 1);
        info->duration_ns = (int64_t)(sqlite3_column_double(stmt, 2) * 1e6);
        info->complete = sqlite3_column_int(stmt, 3) != 0;
    }
    sqlite3_finalize(stmt);
    return got;
}

/* Which columns the file's view has: an older agent's may lack some, or the whole view. */
static int find_columns(struct history *h, const struct table *table, bool has[SCHEMA_COLUMNS_MAX], unsigned *count,
                        struct err *err)
{
    struct sqlite3_stmt *stmt;
    char sql[128];
    int got;

    snprintf(sql, sizeof(sql), "SELECT name FROM pragma_table_info('%s')", table->name);
    memset(has, 0, SCHEMA_COLUMNS_MAX * sizeof(*has));
    *count = 0;
    if (database_prepare(&h->db, sql, &stmt, err) < 0)
        return -1;
    while ((got = database_step(&h->db, stmt, err)) > 0) {
        int c = schema_find_column(table, (const char *)sqlite3_column_text(stmt, 0));
        if (c >= 0 && !table->columns[c].hidden) {
            has[c] = true;
            (*count)++;
        }
    }
    sqlite3_finalize(stmt);
    return got;
}

static void take_cell(struct batch *b, enum table_id t, uint32_t row, unsigned c, struct sqlite3_stmt *stmt, int at)
{
    if (sqlite3_column_type(stmt, at) == SQLITE_NULL)
        return;
    switch (schema_tables[t].columns[c].kind) {
    case COLUMN_INT:
        batch_set_int(b, t, row, c, sqlite3_column_int64(stmt, at));
        break;
    case COLUMN_REAL:
        batch_set_real(b, t, row, c, sqlite3_column_double(stmt, at));
        break;
    case COLUMN_KEY:
    case COLUMN_TEXT: {
        const char *text = (const char *)sqlite3_column_text(stmt, at);
        batch_set_text(b, t, row, c, batch_intern(b, text, (size_t)sqlite3_column_bytes(stmt, at)));
        break;
    }
    }
}

static int load_table(struct history *h, enum table_id t, int64_t time_s, struct batch *b, struct err *err)
{
    const struct table *table = &schema_tables[t];
    bool has[SCHEMA_COLUMNS_MAX];
    unsigned count;
    struct sqlite3_stmt *stmt;
    struct buf sql;

    if (find_columns(h, table, has, &count, err) < 0)
        return -1;
    if (count == 0)
        return 0;
    buf_init(&sql, 0);
    buf_puts(&sql, "SELECT time");
    for (unsigned c = 0; c < table->column_count; c++)
        if (has[c])
            buf_printf(&sql, ", %s", table->columns[c].name);
    buf_printf(&sql, " FROM %s WHERE time = ?1", table->name);
    buf_putc(&sql, '\0');
    int got = database_prepare(&h->db, sql.data, &stmt, err);
    buf_fini(&sql);
    if (got < 0)
        return -1;
    sqlite3_bind_int64(stmt, 1, time_s);
    while ((got = database_step(&h->db, stmt, err)) > 0) {
        uint32_t row = batch_add(b, t);
        int at = 1;
        for (unsigned c = 0; c < table->column_count; c++)
            if (has[c])
                take_cell(b, t, row, c, stmt, at++);
    }
    sqlite3_finalize(stmt);
    return got;
}

static int load_all(struct history *h, int64_t at_s, struct batch *b, struct err *err)
{
    struct batch_info *info = batch_info_edit(b);
    int found = load_info(h, at_s, info, err);

    if (found <= 0)
        return found < 0 ? -1 : fail_empty(h, at_s, err);
    for (int t = 0; t < TABLE_COUNT; t++)
        if (!schema_tables[t].hidden && load_table(h, (enum table_id)t, info->time_ms / 1000, b, err) < 0)
            return -1;
    return 0;
}

int history_load(struct history *history, int64_t at_ms, struct batch *batch, struct err *err)
{
    int64_t at_s = at_ms == HISTORY_NEWEST ? INT64_MAX : at_ms / 1000;

    /* One read transaction, so that all tables are of one interval even while a writer goes on. */
    if (database_exec(&history->db, "BEGIN", err) < 0)
        return -1;
    int result = load_all(history, at_s, batch, err);
    database_rollback(&history->db);
    return result;
}

int history_note(const char *path, int64_t time_s, const char *text, struct err *err)
{
    struct database db;
    struct sqlite3_stmt *stmt;

    database_init(&db, path);
    int seen = database_inspect(&db, err);
    if (seen != 0)
        return seen < 0 ? -1 : err_set(err, ERR_CONFIG, "%s: no history there", path);
    database_limit(&db, clock_now_ns() + WAIT_MS * NS_PER_MS, -1);
    if (database_open(&db, err) < 0)
        return -1;
    int result = database_prepare(&db, "INSERT INTO notes (time, text) VALUES (?, ?)", &stmt, err);
    if (result == 0) {
        sqlite3_bind_int64(stmt, 1, time_s);
        sqlite3_bind_text(stmt, 2, text, -1, SQLITE_STATIC);
        result = database_run(&db, stmt, err);
        sqlite3_finalize(stmt);
    }
    database_close(&db);
    return result;
}
