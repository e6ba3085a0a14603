/* chronicle.c - see chronicle.h. The tables are those of schema_sql_fixed. */
#include "sinks/sqlite/chronicle.h"

#include <sqlite3.h>
#include <stdio.h>

static int put_run(struct store *s, struct store_interval *iv, struct err *err)
{
    struct sqlite3_stmt *stmt;

    iv->run_id = s->run_id;
    if (s->run_id != 0)
        return 0;
    if (database_prepare(&s->db, "INSERT INTO runs (start_time, reason, version, config_hash) VALUES (?, ?, ?, ?)", &stmt,
                         err) < 0)
        return -1;
    sqlite3_bind_int64(stmt, 1, s->run.start_time);
    sqlite3_bind_text(stmt, 2, s->run.reason, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, s->run.version, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 4, s->run.config_hash, -1, SQLITE_STATIC);
    int result = database_run(&s->db, stmt, err);
    sqlite3_finalize(stmt);
    iv->run_id = sqlite3_last_insert_rowid(s->db.handle);
    return result;
}

static int put_interval(struct store *s, const struct store_interval *iv, struct err *err)
{
    const struct batch_info *info = batch_info(iv->b);
    struct sqlite3_stmt *stmt;

    if (database_prepare(&s->db,
                         "INSERT INTO intervals (time, keyframe, complete, interval_ms, duration_ms, entities, written, run)"
                         " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                         &stmt, err) < 0)
        return -1;
    sqlite3_bind_int64(stmt, 1, iv->time);
    sqlite3_bind_int64(stmt, 2, iv->frame);
    sqlite3_bind_int64(stmt, 3, info->complete);
    sqlite3_bind_int64(stmt, 4, info->interval_ms);
    sqlite3_bind_double(stmt, 5, (double)(info->duration_ns / 1000) / 1000);
    sqlite3_bind_int64(stmt, 6, (int64_t)iv->written->entities);
    sqlite3_bind_int64(stmt, 7, (int64_t)iv->written->rows);
    sqlite3_bind_int64(stmt, 8, iv->run_id);
    int result = database_run(&s->db, stmt, err);
    sqlite3_finalize(stmt);
    return result;
}

static int put_gap(struct store *s, int64_t start, int64_t end, int64_t step, const char *reason, struct err *err)
{
    char sql[256];

    if (start > end)
        return 0;
    snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO gaps VALUES (%lld, %lld, %lld, '%s')", (long long)start, (long long)end,
             (long long)((end - start) / step + 1), reason);
    return database_exec(&s->db, sql, err);
}

/* An interval that comes late takes itself out of the gap it left. */
static int fill_gap(struct store *s, const struct store_interval *iv, struct err *err)
{
    char sql[256], reason[16];
    struct sqlite3_stmt *stmt;

    snprintf(sql, sizeof(sql),
             "DELETE FROM gaps WHERE start_time <= %lld AND end_time >= %lld RETURNING start_time, end_time, reason",
             (long long)iv->time, (long long)iv->time);
    if (database_prepare(&s->db, sql, &stmt, err) < 0)
        return -1;
    int got = database_step(&s->db, stmt, err);
    int64_t start = got > 0 ? sqlite3_column_int64(stmt, 0) : 0, end = got > 0 ? sqlite3_column_int64(stmt, 1) : 0;
    snprintf(reason, sizeof(reason), "%s", got > 0 ? (const char *)sqlite3_column_text(stmt, 2) : "");
    sqlite3_finalize(stmt);
    if (got <= 0)
        return got;
    if (put_gap(s, start, iv->time - iv->interval_s, iv->interval_s, reason, err) < 0)
        return -1;
    return put_gap(s, iv->time + iv->interval_s, end, iv->interval_s, reason, err);
}

/* What is missing between the newest interval and this one. Another configuration made no promise about this one's times. */
static int note_gap(struct store *s, const struct store_interval *iv, struct err *err)
{
    struct sqlite3_stmt *stmt;

    if (iv->interval_s == 0 || s->newest == 0)
        return 0;
    if (iv->is_late)
        return fill_gap(s, iv, err);
    if (iv->time - s->newest < 2 * iv->interval_s)
        return 0;
    if (database_prepare(&s->db,
                         "SELECT config_hash = ?1 FROM runs WHERE run = (SELECT run FROM intervals WHERE time = ?2)", &stmt,
                         err) < 0)
        return -1;
    sqlite3_bind_text(stmt, 1, s->run.config_hash, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, s->newest);
    int got = database_step(&s->db, stmt, err);
    bool is_same = got > 0 && sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    if (got < 0 || !is_same)
        return got < 0 ? -1 : 0;
    return put_gap(s, s->newest + iv->interval_s, iv->time - iv->interval_s, iv->interval_s,
                   s->run_id != 0 ? "skipped" : "stopped", err);
}

static int note_boots(struct store *s, const struct store_interval *iv, struct err *err)
{
    static const unsigned keys[] = { BROKERS_SOURCE, BROKERS_SYSTEM,    BROKERS_CLUSTER,
                                     BROKERS_BROKER, BROKERS_BROKER_ID, BROKERS_ADDRESS };
    enum { KEYS = sizeof(keys) / sizeof(keys[0]) };
    uint32_t rows = batch_rows(iv->b, TABLE_BROKERS);
    struct sqlite3_stmt *stmt;
    int result = 0;

    if (rows == 0)
        return 0;
    if (database_prepare(&s->db,
                         "INSERT OR IGNORE INTO boots SELECT ?8, ?1, ?2, ?3, ?4, ?5, ?6, ?7"
                         " WHERE ?7 IS NOT (SELECT boot_timestamp FROM boots WHERE source = ?1 AND system = ?2 AND cluster = ?3"
                         " AND broker = ?4 AND broker_id = ?5 AND address = ?6 AND time <= ?8 ORDER BY time DESC LIMIT 1)",
                         &stmt, err) < 0)
        return -1;
    for (uint32_t row = 0; row < rows && result == 0; row++) {
        if (!batch_has(iv->b, TABLE_BROKERS, row, BROKERS_BOOT_TIMESTAMP))
            continue;
        for (unsigned k = 0; k < KEYS; k++)
            store_bind_key(stmt, (int)k + 1, iv->b, TABLE_BROKERS, row, keys[k]);
        sqlite3_bind_int64(stmt, KEYS + 1, batch_int(iv->b, TABLE_BROKERS, row, BROKERS_BOOT_TIMESTAMP));
        sqlite3_bind_int64(stmt, KEYS + 2, iv->time);
        result = database_run(&s->db, stmt, err);
    }
    sqlite3_finalize(stmt);
    return result;
}

int chronicle_write(struct store *s, struct store_interval *iv, struct err *err)
{
    if (note_gap(s, iv, err) < 0 || note_boots(s, iv, err) < 0 || put_run(s, iv, err) < 0)
        return -1;
    return put_interval(s, iv, err);
}
