/*
 * trim.c - store_trim: what is too old, or too much, goes, in steps.
 *
 * A step is an hour of raw intervals, or six periods of a roll-up, in a transaction of its own after the interval's, so that it
 * can fail (no time left, a reader in the way) without harm: the next interval tries again. Freed pages are used again by the
 * next hours; only what exceeds FREE_PAGES_KEPT goes back to the disk, a little at a time. More goes back, and at once, where
 * the file is above its limit or the disk nearly full: the pages kept are then what the next intervals live on.
 */
#include "agent/base/clock.h"
#include "sinks/sqlite/rollup.h"
#include "sinks/sqlite/store.h"

#include <stdio.h>

#define FREE_PAGES_KEPT 2048 /* 8 MiB */
#define FREE_PAGES_STEP 256
#define FREE_STEPS_MAX 16    /* of one trim, when in need */
#define SIZE_HOURS_MAX 8     /* likewise */

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

static int delete_raw(struct store *s, int64_t cut, struct err *err)
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
static int delete_names(struct store *s, int64_t cut, int64_t first_day, struct err *err)
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

static int end_step(struct store *s, int result, struct err *err)
{
    if (result == 0 && database_exec(&s->db, "COMMIT", err) == 0)
        return 0;
    database_rollback(&s->db);
    return -1;
}

static int expire_raw(struct store *s, int64_t cut, int64_t first_day, struct err *err)
{
    if (database_exec(&s->db, "BEGIN IMMEDIATE", err) < 0)
        return -1;
    int result = delete_raw(s, cut, err);
    return end_step(s, result < 0 ? -1 : delete_names(s, cut, first_day, err), err);
}

static int expire_rollups(struct store *s, int64_t first_hour, int64_t first_day, struct err *err)
{
    bool has_any;

    if (rollup_has_before(&s->db, first_hour, first_day, &has_any, err) < 0)
        return -1;
    if (!has_any)
        return 0;
    if (database_exec(&s->db, "BEGIN IMMEDIATE", err) < 0)
        return -1;
    return end_step(s, rollup_expire(&s->db, first_hour, first_day, err), err);
}

/* ---- size ---- */

struct pages {
    int64_t all, unused, bytes;
};

static int count_pages(struct store *s, struct pages *pages, struct err *err)
{
    if (database_integer(&s->db, "PRAGMA page_count", 0, &pages->all, err) < 0 ||
        database_integer(&s->db, "PRAGMA freelist_count", 0, &pages->unused, err) < 0)
        return -1;
    return database_integer(&s->db, "PRAGMA page_size", 4096, &pages->bytes, err);
}

/* The oldest hours go until what is in use fits; the newest frame stays, whatever its size. */
static int fit_size(struct store *s, const struct store_limits *limits, int64_t first_day, struct store_trimmed *trimmed,
                    struct err *err)
{
    char sql[96];
    int64_t cut, intervals;
    struct pages pages;

    for (int step = 0; step < SIZE_HOURS_MAX; step++) {
        if (count_pages(s, &pages, err) < 0)
            return -1;
        trimmed->is_too_large = (pages.all - pages.unused) * pages.bytes > limits->max_bytes;
        if (!trimmed->is_too_large)
            return 0;
        if (find_cut(s, s->keyframe, &cut, err) < 0)
            return -1;
        if (cut == 0)
            return 0;
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM intervals WHERE time < %lld", (long long)cut);
        if (database_integer(&s->db, sql, 0, &intervals, err) < 0 || expire_raw(s, cut, first_day, err) < 0)
            return -1;
        trimmed->intervals += (uint64_t)intervals;
    }
    return 0;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t pages_to_give(const struct pages *pages, const struct store_limits *limits)
{
    const int64_t in_need = (int64_t)FREE_STEPS_MAX * FREE_PAGES_STEP;
    int64_t spare = pages->unused > FREE_PAGES_KEPT ? smaller(pages->unused - FREE_PAGES_KEPT, FREE_PAGES_STEP) : 0;
    int64_t excess = limits->max_bytes > 0 ? pages->all - limits->max_bytes / pages->bytes : 0;

    if (limits->is_tight)
        return smaller(pages->unused, in_need);
    return excess > spare ? smaller(smaller(excess, pages->unused), in_need) : spare;
}

static int give_back(struct store *s, const struct store_limits *limits, struct err *err)
{
    char sql[64];
    struct pages pages;

    if (count_pages(s, &pages, err) < 0)
        return -1;
    for (int64_t left = pages_to_give(&pages, limits); left > 0; left -= FREE_PAGES_STEP) {
        snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%lld)", (long long)smaller(left, FREE_PAGES_STEP));
        if (database_exec(&s->db, sql, err) < 0)
            return -1;
    }
    /* The file itself shrinks when its log is written back. */
    return limits->is_tight ? database_exec(&s->db, "PRAGMA wal_checkpoint(TRUNCATE)", err) : 0;
}

int store_trim(struct store *s, const struct store_limits *limits, struct store_trimmed *trimmed, struct err *err)
{
    /* A clock that ran ahead once must not make everything look old. */
    int64_t cut, wall = clock_wall_ms() / 1000, now = s->newest < wall ? s->newest : wall;
    int64_t first_hour = now - limits->keep_hourly_s, first_day = now - limits->keep_daily_s;

    *trimmed = (struct store_trimmed){ 0 };
    if (s->db.handle == NULL || s->newest == 0)
        return 0;
    if (find_cut(s, now - limits->keep_s, &cut, err) < 0 || (cut > 0 && expire_raw(s, cut, first_day, err) < 0) ||
        expire_rollups(s, first_hour, first_day, err) < 0)
        return -1;
    if (limits->max_bytes > 0 && fit_size(s, limits, first_day, trimmed, err) < 0)
        return -1;
    return give_back(s, limits, err);
}
