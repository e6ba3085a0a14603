/* spool_disk.c - see spool_disk.h. */
#include "agent/pipeline/spool_disk.h"

#include "agent/base/buf.h"
#include "agent/model/batch_io.h"
#include "agent/pipeline/state.h"

#include <sqlite3.h>

#define FREE_PAGES_KEPT 2048

static int read_numbers(struct state *state, const char *sql, const int64_t *bound, int bound_count, int64_t *out, int count,
                        struct err *err)
{
    struct sqlite3_stmt *stmt;

    if (state_prepare(state, sql, bound, bound_count, &stmt, err) < 0)
        return -1;
    int got = state_step(state, &stmt, err);
    for (int i = 0; i < count && got > 0; i++)
        out[i] = sqlite3_column_int64(stmt, i);
    sqlite3_finalize(stmt);
    return got;
}

/* ---- batches ---- */

int spool_disk_extent(struct state *state, struct spool_extent *out, struct err *err)
{
    int64_t n[4];

    if (read_numbers(state, "SELECT coalesce(min(number), 0), coalesce(max(number) + 1, 0), count(*), "
                            "coalesce(sum(length(data)), 0) FROM batches", NULL, 0, n, 4, err) < 0)
        return -1;
    *out = (struct spool_extent){ (uint64_t)n[0], (uint64_t)n[1], (uint64_t)n[2], n[3] };
    return 0;
}

int spool_disk_oldest(struct state *state, uint64_t from, uint64_t *number, int64_t *time_ms, struct err *err)
{
    int64_t bound = (int64_t)from, n[2];
    int got = read_numbers(state, "SELECT number, time_ms FROM batches WHERE number >= ?1 ORDER BY number LIMIT 1", &bound, 1, n, 2,
                           err);

    if (got > 0) {
        *number = (uint64_t)n[0];
        *time_ms = n[1];
    }
    return got;
}

int spool_disk_read(struct state *state, uint64_t from, uint64_t below, uint64_t *number, struct buf *data, struct err *err)
{
    int64_t bounds[] = { (int64_t)from, (int64_t)below };
    struct sqlite3_stmt *stmt;

    if (state_prepare(state, "SELECT number, data FROM batches WHERE number >= ?1 AND number < ?2 ORDER BY number LIMIT 1", bounds, 2,
                      &stmt, err) < 0)
        return -1;
    int got = state_step(state, &stmt, err);
    if (got > 0) {
        *number = (uint64_t)sqlite3_column_int64(stmt, 0);
        const void *bytes = sqlite3_column_blob(stmt, 1);
        buf_put(data, bytes, (size_t)sqlite3_column_bytes(stmt, 1));
    }
    sqlite3_finalize(stmt);
    return got;
}

int spool_disk_put(struct state *state, uint64_t number, const struct batch *batch, int64_t *bytes, struct err *err)
{
    int64_t numbers[] = { (int64_t)number, batch_info(batch)->time_ms };
    struct sqlite3_stmt *stmt;
    struct buf data;
    int result = 0;

    *bytes = 0;
    buf_init(&data, 0);
    if (batch_io_write(batch, &data, NULL) == 0) {
        result = state_prepare(state, "INSERT OR REPLACE INTO batches(number, time_ms, data) VALUES(?1, ?2, ?3)", numbers, 2, &stmt,
                               err);
        if (result == 0) {
            sqlite3_bind_blob64(stmt, 3, data.data, data.len, SQLITE_STATIC);
            result = state_step(state, &stmt, err);
            *bytes = (int64_t)data.len;
        }
    }
    buf_fini(&data);
    return result;
}

int spool_disk_delete(struct state *state, uint64_t last, struct spool_extent *out, struct err *err)
{
    int64_t to = (int64_t)last, n[2] = { 0 };
    struct sqlite3_stmt *stmt;

    *out = (struct spool_extent){ 0 };
    if (read_numbers(state, "SELECT count(*), coalesce(sum(length(data)), 0) FROM batches WHERE number <= ?1", &to, 1, n, 2, err) < 0)
        return -1;
    if (n[0] == 0)
        return 0;
    if (state_prepare(state, "DELETE FROM batches WHERE number <= ?1", &to, 1, &stmt, err) < 0 || state_step(state, &stmt, err) < 0)
        return -1;
    out->batches = (uint64_t)n[0];
    out->bytes = n[1];
    return 0;
}

int spool_disk_shrink(struct state *state, struct err *err)
{
    int64_t pages;

    if (read_numbers(state, "PRAGMA freelist_count", NULL, 0, &pages, 1, err) < 0)
        return -1;
    return pages > FREE_PAGES_KEPT ? state_exec(state, "PRAGMA incremental_vacuum(512)", err) : 0;
}

/* ---- cursors ---- */

int spool_disk_cursors_end(struct state *state, uint64_t *end, struct err *err)
{
    int64_t largest = 0;

    if (read_numbers(state, "SELECT coalesce(max(next), 0) FROM cursors", NULL, 0, &largest, 1, err) < 0)
        return -1;
    *end = (uint64_t)largest;
    return 0;
}

int spool_disk_each_cursor(struct state *state, void (*visit)(void *ctx, const char *sink, uint64_t next), void *ctx, struct err *err)
{
    struct sqlite3_stmt *stmt;
    int got;

    if (state_prepare(state, "SELECT sink, next FROM cursors", NULL, 0, &stmt, err) < 0)
        return -1;
    while ((got = state_step(state, &stmt, err)) > 0)
        visit(ctx, (const char *)sqlite3_column_text(stmt, 0), (uint64_t)sqlite3_column_int64(stmt, 1));
    return got;
}

int spool_disk_clear_cursors(struct state *state, struct err *err)
{
    return state_exec(state, "DELETE FROM cursors", err);
}

int spool_disk_put_cursor(struct state *state, const char *sink, uint64_t next, struct err *err)
{
    int64_t number = (int64_t)next;
    struct sqlite3_stmt *stmt;

    if (state_prepare(state, "INSERT OR REPLACE INTO cursors(next, sink) VALUES(?1, ?2)", &number, 1, &stmt, err) < 0)
        return -1;
    sqlite3_bind_text(stmt, 2, sink, -1, SQLITE_STATIC);
    return state_step(state, &stmt, err);
}
