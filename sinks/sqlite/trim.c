/*
 * trim.c - store_trim: what is too old goes, in steps.
 *
 * A step is an hour of raw intervals, in a transaction of its own after the interval's, so that it can fail (no time left, a
 * reader in the way) without harm: the next interval tries again. Freed pages are used again by the next hours; only what
 * exceeds FREE_PAGES_KEPT goes back to the disk, a little at a time.
 */
#include "agent/base/clock.h"
#include "sinks/sqlite/rollup.h"
#include "sinks/sqlite/store.h"

#include <stdio.h>

#define FREE_PAGES_KEPT 2048 /* 8 MiB */
#define FREE_PAGES_STEP 256

/*
 * Up to which time raw rows may go now (0: none): an hour from the oldest on, but never into a frame that a younger interval
 * needs (a frame lies within an hour, so its keyframe is found among the next hour's intervals).
 */
static int find_cut(struct store *s, int64_t keep_from, int64_t *cut, struct err *err)
{
    char sql[256];
    int64_t oldest;

    *cut = 0;
    if (database_integer(&s->db, "SELECT min(time) FROM intervals", INT64_MAX, &oldest, err) < 0)
        return -1;
    if (oldest >= keep_from)
        return 0;
    int64_t upto = oldest < keep_from - HOUR_S ? oldest + HOUR_S : keep_from;
    snprintf(sql, sizeof(sql), "SELECT min(keyframe) FROM intervals WHERE time BETWEEN %lld AND %lld", (long long)upto,
             (long long)(upto + HOUR_S));
    if (database_integer(&s->db, sql, upto, cut, err) < 0)
        return -1;
    if (*cut <= oldest)
        *cut = 0;
    return 0;
}

static int expire_raw(struct store *s, int64_t cut, struct err *err)
{
    char sql[160];

    for (int t = 0; t < TABLE_COUNT; t++) {
        if (schema_tables[t].hidden)
            continue;
        snprintf(sql, sizeof(sql), "DELETE FROM %s_data WHERE time < %lld", schema_tables[t].name, (long long)cut);
        if (database_exec(&s->db, sql, err) < 0)
            return -1;
    }
    snprintf(sql, sizeof(sql), "DELETE FROM intervals WHERE time < %lld; DELETE FROM gaps WHERE end_time < %lld", (long long)cut,
             (long long)cut);
    return database_exec(&s->db, sql, err);
}

/* Names nobody refers to any more. Those of tables with roll-ups live as long as these. */
static int expire_names(struct store *s, int64_t cut, int64_t first_day, struct err *err)
{
    char sql[160];

    for (int t = 0; t < TABLE_COUNT; t++) {
        if (schema_tables[t].hidden)
            continue;
        int64_t limit = rollup_has((enum table_id)t) && first_day < cut ? first_day : cut;
        snprintf(sql, sizeof(sql), "DELETE FROM %s_names WHERE gone_time < %lld", schema_tables[t].name, (long long)limit);
        if (database_exec(&s->db, sql, err) < 0)
            return -1;
    }
    snprintf(sql, sizeof(sql), "DELETE FROM runs WHERE start_time < %lld AND run NOT IN (SELECT run FROM intervals)",
             (long long)cut);
    return database_exec(&s->db, sql, err);
}

static int give_back(struct store *s, struct err *err)
{
    char sql[64];
    int64_t unused;

    if (database_integer(&s->db, "PRAGMA freelist_count", 0, &unused, err) < 0)
        return -1;
    snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", FREE_PAGES_STEP);
    return unused > FREE_PAGES_KEPT ? database_exec(&s->db, sql, err) : 0;
}

int store_trim(struct store *s, const struct store_limits *limits, struct err *err)
{
    /* A clock that ran ahead once must not make everything look old. */
    int64_t cut, wall = clock_wall_ms() / 1000, now = s->newest < wall ? s->newest : wall;
    int64_t first_hour = now - limits->keep_hourly_s, first_day = now - limits->keep_daily_s;

    if (s->db.handle == NULL || s->newest == 0)
        return 0;
    if (find_cut(s, now - limits->keep_s, &cut, err) < 0)
        return -1;
    if (cut == 0)
        return give_back(s, err);
    if (database_exec(&s->db, "BEGIN IMMEDIATE", err) < 0)
        return -1;
    if (expire_raw(s, cut, err) < 0 || expire_names(s, cut, first_day, err) < 0 ||
        rollup_expire(&s->db, first_hour, first_day, err) < 0 || database_exec(&s->db, "COMMIT", err) < 0) {
        database_rollback(&s->db);
        return -1;
    }
    return give_back(s, err);
}
