/* rollup.c - see rollup.h. */
#include "sinks/sqlite/rollup.h"

#include "agent/base/buf.h"
#include "agent/base/xalloc.h"
#include "sinks/sqlite/database.h"
#include "sinks/sqlite/schema_sql.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROLLUP_COLUMNS_MAX 4

struct rollup {
    enum table_id table;
    unsigned columns[ROLLUP_COLUMNS_MAX + 1]; /* ends at 0, which is a key */
};

static const struct rollup rollups[ROLLUP_TABLES] = {
    { TABLE_GROUPS, { GROUPS_MEMBERS, GROUPS_LAG, GROUPS_RETRY_LAG, GROUPS_LAG_SECONDS } },
    { TABLE_BACKLOGS, { BACKLOGS_LAG, BACKLOGS_INFLIGHT, BACKLOGS_LAG_SECONDS, BACKLOGS_OUT_RATE } },
    { TABLE_TOPICS, { TOPICS_STORED, TOPICS_IN_RATE, TOPICS_IN_BYTES_RATE } },
};

enum level { LEVEL_HOUR, LEVEL_DAY, LEVEL_COUNT };

static const char *const level_names[LEVEL_COUNT] = { "hour", "day" };

bool rollup_has(enum table_id t)
{
    for (unsigned i = 0; i < ROLLUP_TABLES; i++)
        if (rollups[i].table == t)
            return true;
    return false;
}

static const struct column *column_of(const struct rollup *r, unsigned i)
{
    return &schema_tables[r->table].columns[r->columns[i]];
}

void rollup_sql_tables(struct buf *sql)
{
    for (unsigned v = 0; v < ROLLUP_VIEWS; v++) {
        const struct rollup *r = &rollups[v / LEVEL_COUNT];
        buf_printf(sql, "CREATE TABLE IF NOT EXISTS %s_%s_data (\n  time INTEGER NOT NULL,\n  id INTEGER NOT NULL,\n"
                        "  intervals INTEGER NOT NULL",
                   schema_tables[r->table].name, level_names[v % LEVEL_COUNT]);
        for (unsigned i = 0; r->columns[i] != 0; i++) {
            const char *name = column_of(r, i)->name, *type = schema_sql_type(column_of(r, i)->kind);
            buf_printf(sql, ",\n  %s_min %s,\n  %s_max %s,\n  %s_avg REAL,\n  %s_last %s", name, type, name, type, name, name,
                       type);
        }
        buf_puts(sql, ",\n  PRIMARY KEY (time, id)\n) WITHOUT ROWID;\n");
    }
}

void rollup_sql_view(unsigned view, struct buf *name, struct buf *create)
{
    const struct rollup *r = &rollups[view / LEVEL_COUNT];
    const struct table *table = &schema_tables[r->table];
    const char *level = level_names[view % LEVEL_COUNT];

    buf_printf(name, "%s_%s", table->name, level);
    buf_printf(create, "CREATE VIEW %s_%s AS\nSELECT r.time AS time", table->name, level);
    for (unsigned c = 0; c < table->key_count; c++)
        buf_printf(create, ", n.%s", table->columns[c].name);
    buf_puts(create, ", r.intervals");
    for (unsigned i = 0; r->columns[i] != 0; i++) {
        const char *column = column_of(r, i)->name;
        buf_printf(create, ", r.%s_min, r.%s_max, r.%s_avg, r.%s_last", column, column, column, column);
    }
    buf_printf(create, "\nFROM %s_%s_data AS r CROSS JOIN %s_names AS n ON n.id = r.id", table->name, level, table->name);
}

static void list_targets(struct buf *sql, const struct rollup *r, enum level level)
{
    buf_printf(sql, "INSERT OR REPLACE INTO %s_%s_data (time, id, intervals", schema_tables[r->table].name, level_names[level]);
    for (unsigned i = 0; r->columns[i] != 0; i++) {
        const char *name = column_of(r, i)->name;
        buf_printf(sql, ", %s_min, %s_max, %s_avg, %s_last", name, name, name, name);
    }
    buf_puts(sql, ")\n");
}

/* ---- an hour ---- */

union value {
    int64_t i; /* of an INTEGER column */
    double r;  /* of a REAL one */
};

struct cell {
    union value now, min, max, last;
    double sum;
    uint32_t weight; /* intervals that gave the sum; 0: min, max and sum mean nothing */
    bool has_now, has_last;
};

/* An entity on its way through the hour. */
struct part {
    int64_t id;
    int64_t newest;     /* time of the newest interval that had it */
    uint32_t intervals; /* how many had it */
    uint32_t place;     /* since which interval of the frame `now` holds */
    bool is_there;
    struct cell cells[ROLLUP_COLUMNS_MAX];
};

struct hour {
    const struct rollup *r;
    int64_t *times; /* of the frame's intervals */
    uint32_t count, room;
    struct part *parts;
    size_t part_count, part_room;
    uint32_t *by_id;    /* index into parts + 1: few of the ids ever given are alive */
    size_t id_room;
};

static void hold(struct cell *cell, enum column_kind kind, uint32_t weight)
{
    const union value now = cell->now;
    bool is_first = cell->weight == 0;

    if (!cell->has_now)
        return;
    if (is_first || (kind == COLUMN_INT ? now.i < cell->min.i : now.r < cell->min.r))
        cell->min = now;
    if (is_first || (kind == COLUMN_INT ? now.i > cell->max.i : now.r > cell->max.r))
        cell->max = now;
    cell->sum += (kind == COLUMN_INT ? (double)now.i : now.r) * weight;
    cell->weight += weight;
}

/* What the entity's row said held up to the interval before `place`. */
static void end_span(const struct hour *hour, struct part *part, uint32_t place)
{
    uint32_t weight = place - part->place;

    if (!part->is_there || weight == 0)
        return;
    bool is_newest = hour->times[place - 1] >= part->newest;
    for (unsigned i = 0; hour->r->columns[i] != 0; i++) {
        struct cell *cell = &part->cells[i];
        hold(cell, column_of(hour->r, i)->kind, weight);
        if (is_newest) {
            cell->last = cell->now;
            cell->has_last = cell->has_now;
        }
    }
    part->intervals += weight;
    part->newest = is_newest ? hour->times[place - 1] : part->newest;
}

static struct part *part_of(struct hour *hour, int64_t id)
{
    if ((size_t)id >= hour->id_room) {
        size_t room = (size_t)id + (size_t)id / 4 + 64;
        hour->by_id = xrealloc(hour->by_id, room, sizeof(*hour->by_id));
        memset(hour->by_id + hour->id_room, 0, (room - hour->id_room) * sizeof(*hour->by_id));
        hour->id_room = room;
    }
    if (hour->by_id[id] == 0) {
        if (hour->part_count == hour->part_room) {
            hour->part_room += hour->part_room / 4 + 64;
            hour->parts = xrealloc(hour->parts, hour->part_room, sizeof(*hour->parts));
        }
        hour->parts[hour->part_count++] = (struct part){ .id = id };
        hour->by_id[id] = (uint32_t)hour->part_count;
    }
    return &hour->parts[hour->by_id[id] - 1];
}

/* time, id, until, values... */
static void take_row(struct hour *hour, struct sqlite3_stmt *row, uint32_t *place)
{
    enum { TIME, ID, UNTIL, VALUES };
    int64_t time = sqlite3_column_int64(row, TIME);
    struct part *part = part_of(hour, sqlite3_column_int64(row, ID));

    while (*place + 1 < hour->count && hour->times[*place] < time)
        (*place)++; /* intervals in which nothing changed have no rows */
    end_span(hour, part, *place);
    part->place = *place;
    part->is_there = sqlite3_column_type(row, UNTIL) == SQLITE_NULL || sqlite3_column_int64(row, UNTIL) > time; /* else gone */
    for (unsigned i = 0; hour->r->columns[i] != 0; i++) {
        struct cell *cell = &part->cells[i];
        cell->has_now = sqlite3_column_type(row, VALUES + (int)i) != SQLITE_NULL;
        if (column_of(hour->r, i)->kind == COLUMN_INT)
            cell->now.i = sqlite3_column_int64(row, VALUES + (int)i);
        else
            cell->now.r = sqlite3_column_double(row, VALUES + (int)i);
    }
}

static int read_times(struct database *db, struct hour *hour, int64_t keyframe, struct err *err)
{
    struct sqlite3_stmt *stmt;
    int got;

    hour->count = 0;
    if (database_prepare(db, "SELECT time FROM intervals WHERE time BETWEEN ?1 AND ?1 + 3600 AND keyframe = ?1 ORDER BY time",
                         &stmt, err) < 0)
        return -1;
    sqlite3_bind_int64(stmt, 1, keyframe);
    while ((got = database_step(db, stmt, err)) > 0) {
        if (hour->count == hour->room)
            hour->times = xrealloc(hour->times, hour->room = hour->room * 2 + 64, sizeof(*hour->times));
        hour->times[hour->count++] = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return got;
}

/* All rows that build on one keyframe. */
static int read_frame(struct database *db, struct hour *hour, int64_t keyframe, struct err *err)
{
    struct sqlite3_stmt *row = NULL;
    uint32_t place = 0;
    struct buf sql;

    if (read_times(db, hour, keyframe, err) < 0)
        return -1;
    buf_init(&sql, 0);
    buf_puts(&sql, "SELECT d.time, d.id, d.until");
    for (unsigned i = 0; hour->r->columns[i] != 0; i++)
        buf_printf(&sql, ", d.%s", column_of(hour->r, i)->name);
    buf_printf(&sql,
               " FROM intervals AS i CROSS JOIN %s_data AS d ON d.time = i.time"
               " WHERE i.time BETWEEN ?1 AND ?1 + 3600 AND i.keyframe = ?1 ORDER BY i.time",
               schema_tables[hour->r->table].name);
    buf_putc(&sql, '\0');
    int got = database_prepare(db, sql.data, &row, err);
    buf_fini(&sql);
    if (got < 0)
        return -1;
    sqlite3_bind_int64(row, 1, keyframe);
    while ((got = database_step(db, row, err)) > 0)
        take_row(hour, row, &place);
    sqlite3_finalize(row);
    for (size_t p = 0; p < hour->part_count; p++) {
        end_span(hour, &hour->parts[p], hour->count);
        hour->parts[p].is_there = false;
    }
    return got;
}

static int read_hour(struct database *db, struct hour *hour, int64_t start, struct err *err)
{
    struct sqlite3_stmt *frame;
    int got;

    if (database_prepare(db, "SELECT time FROM intervals WHERE time >= ?1 AND time < ?1 + 3600 AND keyframe = time", &frame,
                         err) < 0)
        return -1;
    sqlite3_bind_int64(frame, 1, start);
    while ((got = database_step(db, frame, err)) > 0)
        if (read_frame(db, hour, sqlite3_column_int64(frame, 0), err) < 0) {
            got = -1;
            break;
        }
    sqlite3_finalize(frame);
    return got;
}

static void bind_value(struct sqlite3_stmt *stmt, int at, enum column_kind kind, bool is_there, union value value)
{
    if (!is_there)
        sqlite3_bind_null(stmt, at);
    else if (kind == COLUMN_INT)
        sqlite3_bind_int64(stmt, at, value.i);
    else
        sqlite3_bind_double(stmt, at, value.r);
}

static int put_part(struct database *db, struct sqlite3_stmt *stmt, const struct rollup *r, const struct part *part,
                    struct err *err)
{
    int at = 2; /* 1 is the hour */

    sqlite3_bind_int64(stmt, at++, part->id);
    sqlite3_bind_int64(stmt, at++, part->intervals);
    for (unsigned i = 0; r->columns[i] != 0; i++) {
        const struct cell *cell = &part->cells[i];
        enum column_kind kind = column_of(r, i)->kind;
        bool has = cell->weight > 0;
        bind_value(stmt, at++, kind, has, cell->min);
        bind_value(stmt, at++, kind, has, cell->max);
        bind_value(stmt, at++, COLUMN_REAL, has, (union value){ .r = has ? cell->sum / cell->weight : 0 });
        bind_value(stmt, at++, kind, cell->has_last, cell->last);
    }
    return database_run(db, stmt, err);
}

static int put_hour(struct database *db, const struct hour *hour, int64_t start, struct err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    struct buf sql;

    buf_init(&sql, 0);
    list_targets(&sql, hour->r, LEVEL_HOUR);
    buf_puts(&sql, "VALUES (?1, ?2, ?3");
    for (unsigned i = 0; hour->r->columns[i] != 0; i++)
        buf_puts(&sql, ", ?, ?, ?, ?");
    buf_puts(&sql, ")");
    buf_putc(&sql, '\0');
    int result = database_prepare(db, sql.data, &stmt, err);
    buf_fini(&sql);
    if (result < 0)
        return -1;
    sqlite3_bind_int64(stmt, 1, start);
    for (size_t p = 0; p < hour->part_count && result == 0; p++)
        if (hour->parts[p].intervals > 0)
            result = put_part(db, stmt, hour->r, &hour->parts[p], err);
    sqlite3_finalize(stmt);
    return result;
}

/*
 * Frame by frame and interval by interval, each entity's newest row in hand: a row holds from its interval to that of the
 * entity's next row, or to the end of the frame. (In SQL the same takes two sorts of the hour and four times as long.)
 */
static int roll_hour(struct database *db, const struct rollup *r, int64_t start, struct err *err)
{
    struct hour hour = { .r = r };
    int result = read_hour(db, &hour, start, err);

    if (result == 0)
        result = put_hour(db, &hour, start, err);
    free(hour.times);
    free(hour.parts);
    free(hour.by_id);
    return result;
}

/* ---- a day ---- */

static void day_sql(struct buf *sql, const struct rollup *r)
{
    list_targets(sql, r, LEVEL_DAY);
    buf_printf(sql,
               "WITH there AS (SELECT *, lead(time) OVER (PARTITION BY id ORDER BY time) IS NULL AS last\n"
               "  FROM %s_hour_data WHERE time >= ?1 AND time < ?1 + 86400)\nSELECT ?1, id, sum(intervals)",
               schema_tables[r->table].name);
    for (unsigned i = 0; r->columns[i] != 0; i++) {
        const char *name = column_of(r, i)->name;
        buf_printf(sql,
                   ",\n  min(%s_min), max(%s_max),\n"
                   "  sum(%s_avg * intervals) / sum(CASE WHEN %s_avg IS NOT NULL THEN intervals END),"
                   " max(CASE WHEN last THEN %s_last END)",
                   name, name, name, name, name);
    }
    buf_puts(sql, "\nFROM there GROUP BY id");
}

static int run_for(struct database *db, const struct buf *sql, int64_t time, struct err *err)
{
    struct sqlite3_stmt *stmt;

    if (database_prepare(db, sql->data, &stmt, err) < 0)
        return -1;
    sqlite3_bind_int64(stmt, 1, time);
    int result = database_run(db, stmt, err);
    sqlite3_finalize(stmt);
    return result;
}

static int roll(struct database *db, enum level level, int64_t start, struct err *err)
{
    int result = 0;
    struct buf sql;

    buf_init(&sql, 0);
    for (unsigned i = 0; i < ROLLUP_TABLES && result == 0; i++) {
        if (level == LEVEL_HOUR) {
            result = roll_hour(db, &rollups[i], start, err);
            continue;
        }
        buf_reset(&sql);
        day_sql(&sql, &rollups[i]);
        buf_putc(&sql, '\0');
        result = run_for(db, &sql, start, err);
    }
    buf_fini(&sql);
    return result;
}

/* Unix times before 1970 do not come here; the store refuses them. */
static int64_t start_of(int64_t time, int64_t span_s)
{
    return time / span_s * span_s;
}

int rollup_advance(struct database *db, int64_t left, int64_t entered, struct err *err)
{
    if (start_of(left, HOUR_S) != start_of(entered, HOUR_S) && roll(db, LEVEL_HOUR, start_of(left, HOUR_S), err) < 0)
        return -1;
    if (start_of(left, DAY_S) != start_of(entered, DAY_S) && roll(db, LEVEL_DAY, start_of(left, DAY_S), err) < 0)
        return -1;
    return 0;
}

/* ---- the end ---- */

struct period {
    char table[64];
    int64_t span_s, oldest;
};

static int find_oldest(struct database *db, unsigned view, struct period *period, struct err *err)
{
    char sql[128];

    snprintf(period->table, sizeof(period->table), "%s_%s_data", schema_tables[rollups[view / LEVEL_COUNT].table].name,
             level_names[view % LEVEL_COUNT]);
    period->span_s = view % LEVEL_COUNT == LEVEL_HOUR ? HOUR_S : DAY_S;
    snprintf(sql, sizeof(sql), "SELECT min(time) FROM %s", period->table);
    return database_integer(db, sql, INT64_MAX, &period->oldest, err);
}

int rollup_has_before(struct database *db, int64_t first_hour, int64_t first_day, bool *has_any, struct err *err)
{
    struct period period = { 0 };

    *has_any = false;
    for (unsigned v = 0; v < ROLLUP_VIEWS && !*has_any; v++) {
        if (find_oldest(db, v, &period, err) < 0)
            return -1;
        *has_any = period.oldest < (period.span_s == HOUR_S ? first_hour : first_day);
    }
    return 0;
}

int rollup_expire(struct database *db, int64_t first_hour, int64_t first_day, struct err *err)
{
    struct period period = { 0 };
    char sql[160];

    for (unsigned v = 0; v < ROLLUP_VIEWS; v++) {
        if (find_oldest(db, v, &period, err) < 0)
            return -1;
        int64_t first = period.span_s == HOUR_S ? first_hour : first_day;
        if (period.oldest >= first)
            continue;
        int64_t end = first - period.oldest > ROLLUP_STEP * period.span_s ? period.oldest + ROLLUP_STEP * period.span_s : first;
        snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE time < %lld", period.table, (long long)end);
        if (database_exec(db, sql, err) < 0)
            return -1;
    }
    return 0;
}
