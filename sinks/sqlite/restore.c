/* restore.c - see restore.h. */
#include "sinks/sqlite/restore.h"

#include "agent/base/buf.h"
#include "agent/base/xalloc.h"
#include "sinks/sqlite/rollup.h"
#include "sinks/sqlite/schema_sql.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define YOUNG_INTERVALS 3 /* a run from a timer goes on with a frame whose newest interval is no older than this */

/* Numbers of entities by their id in the file; ids are dense. */
struct by_id {
    uint32_t *numbers;
    size_t room;
};

static uint32_t get_number(const struct by_id *map, int64_t id)
{
    return id >= 0 && (uint64_t)id < map->room ? map->numbers[id] : 0;
}

static void put_number(struct by_id *map, uint32_t id, uint32_t number)
{
    if (id >= map->room) {
        size_t room = (size_t)id + id / 2 + 64;
        map->numbers = xrealloc(map->numbers, room, sizeof(*map->numbers));
        memset(map->numbers + map->room, 0, (room - map->room) * sizeof(*map->numbers));
        map->room = room;
    }
    map->numbers[id] = number;
}

static uint64_t hash_text_column(const struct store *s, struct sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);

    return text == NULL ? 0 : entity_hash_text(s->seed, text, (size_t)sqlite3_column_bytes(row, column));
}

/* id, keys... */
static void take_name(struct store *s, enum table_id t, struct sqlite3_stmt *row, struct by_id *map)
{
    struct entity_set *set = &s->sets[t];
    uint64_t keys = entity_hash_start(s->seed);

    for (unsigned k = 0; k < schema_tables[t].key_count; k++)
        keys = entity_hash_u64(keys, hash_text_column(s, row, (int)k + 1));
    uint32_t number = entity_add(set, keys);
    struct entity *entity = &set->entities[number];
    entity->id = (uint32_t)sqlite3_column_int64(row, 0);
    set->live += !entity->is_live;
    entity->is_live = 1;
    entity->is_stale = 1;
    put_number(map, entity->id, number);
}

/* time, id, until, values... */
static void take_row(struct store *s, enum table_id t, struct sqlite3_stmt *row, const struct by_id *map)
{
    enum { TIME, ID, UNTIL, VALUES };
    uint32_t number = get_number(map, sqlite3_column_int64(row, ID));
    int64_t time = sqlite3_column_int64(row, TIME);
    bool is_open = sqlite3_column_type(row, UNTIL) == SQLITE_NULL;

    if (number == 0)
        return; /* gone since */
    struct entity *entity = &s->sets[t].entities[number];
    uint64_t hash = entity_hash_start(s->seed);
    for (unsigned v = 0; v < s->values[t].count; v++) {
        int column = VALUES + (int)v;
        bool is_there = sqlite3_column_type(row, column) != SQLITE_NULL;
        switch (schema_tables[t].columns[s->values[t].columns[v]].kind) {
        case COLUMN_INT:
            hash = store_hash_int(hash, is_there ? sqlite3_column_int64(row, column) : NO_INT);
            break;
        case COLUMN_REAL:
            hash = store_hash_real(hash, is_there, sqlite3_column_double(row, column));
            break;
        case COLUMN_KEY:
        case COLUMN_TEXT:
            hash = store_hash_text(hash, hash_text_column(s, row, column));
            break;
        }
    }
    entity->values = hash;
    entity->is_stale = !is_open && sqlite3_column_int64(row, UNTIL) == time; /* the row that says "gone" */
    if (time == s->keyframe)
        entity->is_anchored = is_open;
}

static int read_table(struct store *s, enum table_id t, bool with_values, struct err *err)
{
    struct by_id map = { 0 };
    struct buf sql;
    struct sqlite3_stmt *row = NULL;
    int got;

    buf_init(&sql, 0);
    schema_sql_select_names(&sql, &schema_tables[t]);
    buf_putc(&sql, '\0');
    got = database_prepare(&s->db, sql.data, &row, err);
    while (got >= 0 && (got = database_step(&s->db, row, err)) > 0)
        take_name(s, t, row, &map);
    sqlite3_finalize(row);
    row = NULL;
    if (got == 0 && with_values) {
        buf_reset(&sql);
        schema_sql_select_frame(&sql, &schema_tables[t]);
        buf_putc(&sql, '\0');
        got = database_prepare(&s->db, sql.data, &row, err);
        if (got == 0)
            sqlite3_bind_int64(row, 1, s->keyframe);
        while (got >= 0 && (got = database_step(&s->db, row, err)) > 0)
            take_row(s, t, row, &map);
        sqlite3_finalize(row);
    }
    buf_fini(&sql);
    free(map.numbers);
    return got;
}

static bool may_continue(const struct store *s, int64_t time, int64_t interval_ms)
{
    if (s->newest == 0 || time <= s->newest || time / HOUR_S != s->keyframe / HOUR_S)
        return false;
    if (s->has_started)
        return true;
    return strcmp(s->run.reason, "once") == 0 && (time - s->newest) * 1000 <= YOUNG_INTERVALS * interval_ms;
}

int restore_memory(struct store *s, int64_t time, int64_t interval_ms, struct err *err)
{
    if (database_integer(&s->db, "SELECT max(time) FROM intervals", 0, &s->newest, err) < 0 ||
        database_integer(&s->db, "SELECT keyframe FROM intervals ORDER BY time DESC LIMIT 1", 0, &s->keyframe, err) < 0)
        return -1;
    s->last = s->newest;
    bool with_values = may_continue(s, time, interval_ms);
    for (int t = 0; t < TABLE_COUNT; t++)
        if (!schema_tables[t].hidden && read_table(s, (enum table_id)t, with_values, err) < 0)
            return -1;
    s->must_keyframe = !with_values;
    return 0;
}
