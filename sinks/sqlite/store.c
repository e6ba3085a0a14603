/*
 * store.c - see store.h. Views and file layout: schema_sql.c. What survives a restart: restore.c. Runs, gaps, boots:
 * chronicle.c. Expiry: trim.c.
 *
 * In a frame, the first change of an entity is noted in its keyframe row (until = the time of the change): that is what lets
 * the views answer for an idle entity with one look. It is one update per entity and frame at most.
 */
#include "sinks/sqlite/store.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "sinks/sqlite/chronicle.h"
#include "sinks/sqlite/restore.h"
#include "sinks/sqlite/rollup.h"
#include "sinks/sqlite/schema_sql.h"

#include <assert.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define DEAD_MAX 4096       /* entities remembered though they are gone, beyond the number of living ones */
#define PASS_MAX 0x1fffffff /* what entity.seen can hold; 0 is "never" */

/* ---- life ---- */

void store_init(struct store *s, const char *path, const struct store_run *run)
{
    *s = (struct store){ .run = *run };
    database_init(&s->db, path);
    if (getrandom(&s->seed, sizeof(s->seed), GRND_NONBLOCK) != sizeof(s->seed))
        s->seed = (uint64_t)clock_now_ns(); /* early at boot: worse is good enough */
    for (int t = 0; t < TABLE_COUNT; t++) {
        entity_set_init(&s->sets[t]);
        for (unsigned c = 0; c < schema_tables[t].column_count; c++)
            if (schema_sql_is_value(&schema_tables[t].columns[c]))
                s->values[t].columns[s->values[t].count++] = (uint8_t)c;
    }
}

/* Memory is no longer what the file says. */
static void forget(struct store *s)
{
    s->is_loaded = false;
    for (int t = 0; t < TABLE_COUNT; t++) {
        entity_set_fini(&s->sets[t]);
        entity_set_init(&s->sets[t]);
    }
}

static void close_file(struct store *s)
{
    for (int t = 0; t < TABLE_COUNT; t++)
        for (int i = 0; i < STORE_STATEMENTS; i++) {
            sqlite3_finalize(s->statements[t][i]);
            s->statements[t][i] = NULL;
        }
    database_close(&s->db);
}

void store_drop(struct store *s)
{
    close_file(s);
    forget(s);
    s->run_id = 0;
    s->has_started = false;
}

void store_fini(struct store *s)
{
    char sql[128];

    if (s->db.handle != NULL && s->run_id != 0) {
        snprintf(sql, sizeof(sql), "UPDATE runs SET end_time = %lld WHERE run = %lld", (long long)(clock_wall_ms() / 1000),
                 (long long)s->run_id);
        database_exec(&s->db, sql, NULL); /* a run without an end was killed; saying that too often is no harm */
    }
    close_file(s);
    for (int t = 0; t < TABLE_COUNT; t++)
        entity_set_fini(&s->sets[t]);
    free(s->text_hashes);
    s->text_hashes = NULL;
}

size_t store_memory(const struct store *s)
{
    size_t bytes = s->text_room * sizeof(*s->text_hashes);

    for (int t = 0; t < TABLE_COUNT; t++)
        bytes += entity_set_memory(&s->sets[t]);
    return bytes;
}

/* ---- values ---- */

/*
 * Rates and times are measured to a millisecond or a thousandth at best; what lies below is noise that would make a new row
 * of every interval. Beyond 9e12 a double has no thousandths left.
 */
bool store_round(double value, double *stored)
{
    if (!isfinite(value))
        return false;
    if (fabs(value) < 9e12)
        value = (double)(int64_t)(value * 1000 + (value < 0 ? -0.5 : 0.5)) / 1000;
    *stored = value;
    return true;
}

uint64_t store_hash_int(uint64_t hash, int64_t value)
{
    return entity_hash_u64(hash, (uint64_t)value);
}

uint64_t store_hash_real(uint64_t hash, bool is_there, double stored)
{
    uint64_t bits = 0x7ff8dead00000001u; /* no number has these bits */

    if (is_there)
        memcpy(&bits, &stored, sizeof(bits));
    return entity_hash_u64(hash, bits);
}

uint64_t store_hash_text(uint64_t hash, uint64_t text_hash)
{
    return entity_hash_u64(hash, text_hash);
}

static void forget_texts(struct store *s, uint32_t count)
{
    if (count > s->text_room) {
        free(s->text_hashes);
        s->text_room = count + count / 4;
        s->text_hashes = xmalloc(s->text_room * sizeof(*s->text_hashes));
    }
    memset(s->text_hashes, 0, count * sizeof(*s->text_hashes));
}

static uint64_t text_hash(struct store *s, const struct batch *b, uint32_t text)
{
    if (text == 0)
        return 0;
    if (s->text_hashes[text] == 0)
        s->text_hashes[text] = entity_hash_text(s->seed, batch_lookup(b, text), batch_lookup_len(b, text));
    return s->text_hashes[text];
}

static uint64_t hash_keys(struct store *s, const struct batch *b, enum table_id t, uint32_t row)
{
    uint64_t hash = entity_hash_start(s->seed), none = entity_hash_text(s->seed, "", 0);

    for (unsigned k = 0; k < schema_tables[t].key_count; k++) {
        uint32_t text = batch_text_id(b, t, row, k);
        hash = entity_hash_u64(hash, text == 0 ? none : text_hash(s, b, text));
    }
    return hash;
}

static uint64_t hash_values(struct store *s, const struct batch *b, enum table_id t, uint32_t row)
{
    uint64_t hash = entity_hash_start(s->seed);

    for (unsigned v = 0; v < s->values[t].count; v++) {
        unsigned column = s->values[t].columns[v];
        double stored = 0;
        bool is_there;
        switch (schema_tables[t].columns[column].kind) {
        case COLUMN_INT:
            hash = store_hash_int(hash, batch_int(b, t, row, column));
            break;
        case COLUMN_REAL:
            is_there = store_round(batch_real(b, t, row, column), &stored);
            hash = store_hash_real(hash, is_there, stored);
            break;
        case COLUMN_KEY:
        case COLUMN_TEXT:
            hash = store_hash_text(hash, text_hash(s, b, batch_text_id(b, t, row, column)));
            break;
        }
    }
    return hash;
}

/* ---- statements ---- */

/* The statement, ready for its parameters; NULL when it cannot be made. */
static struct sqlite3_stmt *statement(struct store *s, enum table_id t, enum store_statement which, struct err *err)
{
    const struct table *table = &schema_tables[t];
    struct sqlite3_stmt **stmt = &s->statements[t][which];
    struct buf sql;

    if (*stmt != NULL)
        return *stmt;
    buf_init(&sql, 0);
    switch (which) {
    case STORE_NAME:
        schema_sql_insert_name(&sql, table);
        break;
    case STORE_ROW:
        schema_sql_insert_data(&sql, table);
        break;
    case STORE_UNTIL:
        buf_printf(&sql, "UPDATE %s_data SET until = ?1 WHERE time = ?2 AND id = ?3", table->name);
        break;
    case STORE_GONE:
        buf_printf(&sql, "UPDATE %s_names SET gone_time = ?1 WHERE id = ?2", table->name);
        break;
    case STORE_STATEMENTS:
        break;
    }
    buf_putc(&sql, '\0');
    if (database_prepare(&s->db, sql.data, stmt, err) < 0)
        *stmt = NULL;
    buf_fini(&sql);
    return *stmt;
}

void store_bind_text(struct sqlite3_stmt *stmt, int at, const struct batch *b, uint32_t text)
{
    sqlite3_bind_text(stmt, at, batch_lookup(b, text), (int)batch_lookup_len(b, text), SQLITE_STATIC);
}

void store_bind_key(struct sqlite3_stmt *stmt, int at, const struct batch *b, enum table_id t, uint32_t row, unsigned column)
{
    uint32_t text = batch_text_id(b, t, row, column);

    if (text != 0)
        store_bind_text(stmt, at, b, text);
    else
        sqlite3_bind_text(stmt, at, "", 0, SQLITE_STATIC);
}

static void bind_value(struct sqlite3_stmt *stmt, int at, const struct batch *b, enum table_id t, uint32_t row, unsigned column)
{
    double stored;

    if (!batch_has(b, t, row, column)) {
        sqlite3_bind_null(stmt, at);
        return;
    }
    switch (schema_tables[t].columns[column].kind) {
    case COLUMN_INT:
        sqlite3_bind_int64(stmt, at, batch_int(b, t, row, column));
        break;
    case COLUMN_REAL:
        if (store_round(batch_real(b, t, row, column), &stored))
            sqlite3_bind_double(stmt, at, stored);
        else
            sqlite3_bind_null(stmt, at);
        break;
    case COLUMN_KEY:
    case COLUMN_TEXT:
        store_bind_text(stmt, at, b, batch_text_id(b, t, row, column));
        break;
    }
}

/* ---- one table ---- */

/* Gives the entity its id, with a row in T_names if it has none yet. */
static int put_name(struct store *s, const struct store_interval *iv, enum table_id t, uint32_t row, struct entity *entity,
                    struct err *err)
{
    struct sqlite3_stmt *stmt = statement(s, t, STORE_NAME, err);
    unsigned keys = schema_tables[t].key_count;

    if (stmt == NULL)
        return -1;
    for (unsigned k = 0; k < keys; k++)
        store_bind_key(stmt, (int)k + 1, iv->b, t, row, k);
    sqlite3_bind_int64(stmt, (int)keys + 1, iv->time);
    int got = database_step(&s->db, stmt, err);
    if (got < 0)
        return -1;
    assert(got == 1);
    entity->id = (uint32_t)sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return 0;
}

static int put_row(struct store *s, const struct store_interval *iv, enum table_id t, uint32_t row, uint32_t id, struct err *err)
{
    struct sqlite3_stmt *stmt = statement(s, t, STORE_ROW, err);

    if (stmt == NULL)
        return -1;
    sqlite3_bind_int64(stmt, 1, iv->time);
    sqlite3_bind_int64(stmt, 2, id); /* 3, until, stays NULL */
    for (unsigned v = 0; v < s->values[t].count; v++)
        bind_value(stmt, (int)v + 4, iv->b, t, row, s->values[t].columns[v]);
    iv->written->rows++;
    return database_run(&s->db, stmt, err);
}

static int note_until(struct store *s, const struct store_interval *iv, enum table_id t, struct entity *entity, struct err *err)
{
    struct sqlite3_stmt *stmt;

    if (iv->is_keyframe || !entity->is_anchored)
        return 0;
    if ((stmt = statement(s, t, STORE_UNTIL, err)) == NULL)
        return -1;
    entity->is_anchored = 0;
    sqlite3_bind_int64(stmt, 1, iv->time);
    sqlite3_bind_int64(stmt, 2, iv->frame);
    sqlite3_bind_int64(stmt, 3, entity->id);
    return database_run(&s->db, stmt, err);
}

/* One row of the batch: into the file if it says something new. */
static int take_row(struct store *s, const struct store_interval *iv, enum table_id t, uint32_t row, struct err *err)
{
    struct entity_set *set = &s->sets[t];
    uint32_t number = entity_add(set, hash_keys(s, iv->b, t, row)); /* may move the entities */
    struct entity *entity = &set->entities[number];
    uint64_t values = hash_values(s, iv->b, t, row);

    if (entity->seen == s->pass)
        return 0; /* the same keys twice in one batch: the first row stands */
    entity->seen = s->pass;
    iv->written->entities++;
    if (!iv->is_keyframe && entity->is_live && !entity->is_stale && entity->values == values)
        return 0;
    if (entity->id == 0 && put_name(s, iv, t, row, entity, err) < 0)
        return -1;
    if (note_until(s, iv, t, entity, err) < 0 || put_row(s, iv, t, row, entity->id, err) < 0)
        return -1;
    set->live += !entity->is_live;
    entity->is_live = 1;
    entity->is_stale = 0;
    entity->values = values;
    if (iv->is_keyframe)
        entity->is_anchored = 1;
    return 0;
}

/* An entity that the batch no longer has: a row of NULLs whose until is its own time, and a date in its name. */
static int put_gone(struct store *s, const struct store_interval *iv, enum table_id t, struct entity *entity, struct err *err)
{
    struct sqlite3_stmt *row = statement(s, t, STORE_ROW, err), *name = statement(s, t, STORE_GONE, err);

    if (row == NULL || name == NULL || note_until(s, iv, t, entity, err) < 0)
        return -1;
    sqlite3_clear_bindings(row);
    sqlite3_bind_int64(row, 1, iv->time);
    sqlite3_bind_int64(row, 2, entity->id);
    sqlite3_bind_int64(row, 3, iv->time);
    /* The views look at nothing from gone_time on, so it stands after every interval that may have the entity. */
    sqlite3_bind_int64(name, 1, iv->is_late ? s->newest + 1 : iv->time);
    sqlite3_bind_int64(name, 2, entity->id);
    entity->is_live = 0;
    entity->is_anchored = 0;
    entity->id = 0; /* store_trim may remove the name: look it up again if it comes back */
    iv->written->rows++;
    int result = database_run(&s->db, row, err) < 0 ? -1 : database_run(&s->db, name, err);
    sqlite3_bind_null(row, 3);
    return result;
}

static int sweep(struct store *s, const struct store_interval *iv, enum table_id t, uint64_t seen, struct err *err)
{
    struct entity_set *set = &s->sets[t];

    if (set->live == seen)
        return 0;
    for (uint32_t number = 1; number < set->count; number++) {
        struct entity *entity = &set->entities[number];
        if (!entity->is_live || entity->seen == s->pass)
            continue;
        if (put_gone(s, iv, t, entity, err) < 0)
            return -1;
        set->live--;
    }
    return 0;
}

/* A late batch may show entities earlier than they were known to exist; the views look at nothing before first_time. */
static int move_first_times(struct store *s, const struct store_interval *iv, enum table_id t, struct err *err)
{
    char sql[256];

    if (!iv->is_late)
        return 0;
    snprintf(sql, sizeof(sql),
             "UPDATE %s_names SET first_time = %lld WHERE first_time > %lld AND id IN (SELECT id FROM %s_data WHERE time = %lld)",
             schema_tables[t].name, (long long)iv->time, (long long)iv->time, schema_tables[t].name, (long long)iv->time);
    return database_exec(&s->db, sql, err);
}

static int write_table(struct store *s, const struct store_interval *iv, enum table_id t, struct err *err)
{
    bool is_wanted = s->run.tables == NULL || s->run.tables[t];
    uint32_t rows = is_wanted ? batch_rows(iv->b, t) : 0;
    uint64_t before = iv->written->entities;
    int result = 0;

    for (uint32_t row = 0; row < rows && result == 0; row++)
        result = take_row(s, iv, t, row, err);
    if (result == 0)
        result = sweep(s, iv, t, iv->written->entities - before, err);
    if (s->statements[t][STORE_ROW] != NULL)
        sqlite3_clear_bindings(s->statements[t][STORE_ROW]); /* texts of the batch do not outlive it */
    if (s->statements[t][STORE_NAME] != NULL)
        sqlite3_clear_bindings(s->statements[t][STORE_NAME]);
    return result < 0 ? -1 : move_first_times(s, iv, t, err);
}

/* ---- one interval ---- */

/* Brings memory up to what the file says, if it is not. */
static int refresh(struct store *s, const struct store_interval *iv, struct err *err)
{
    int64_t version;

    if (database_integer(&s->db, "PRAGMA data_version", 0, &version, err) < 0)
        return -1;
    if (s->is_loaded && version == s->data_version)
        return 0;
    forget(s);
    if (restore_memory(s, iv->time, batch_info(iv->b)->interval_ms, err) < 0)
        return -1;
    s->is_loaded = true;
    s->data_version = version;
    return 0;
}

static int write_interval(struct store *s, struct store_interval *iv, struct err *err)
{
    char sql[96];
    int64_t is_there;

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM intervals WHERE time = %lld", (long long)iv->time);
    if (database_integer(&s->db, sql, 0, &is_there, err) < 0)
        return -1;
    iv->written->was_there = is_there > 0;
    if (is_there)
        return 0;
    if (refresh(s, iv, err) < 0)
        return -1;
    iv->is_late = iv->time < s->newest;
    iv->is_keyframe = s->must_keyframe || iv->time < s->last || iv->time / HOUR_S != s->keyframe / HOUR_S;
    iv->frame = iv->is_keyframe ? iv->time : s->keyframe;
    s->pass = s->pass < PASS_MAX ? s->pass + 1 : 1;
    forget_texts(s, batch_text_count(iv->b));
    for (int t = 0; t < TABLE_COUNT; t++)
        if (!schema_tables[t].hidden && write_table(s, iv, (enum table_id)t, err) < 0)
            return -1;
    if (chronicle_write(s, iv, err) < 0)
        return -1;
    return s->last == 0 ? 0 : rollup_advance(&s->db, s->last, iv->time, err);
}

static uint64_t bytes_written(struct store *s)
{
    enum { PAGE_BYTES = 4096 };
    int pages = 0, most;

    sqlite3_db_status(s->db.handle, SQLITE_DBSTATUS_CACHE_WRITE, &pages, &most, 1);
    return (uint64_t)pages * PAGE_BYTES;
}

/* The interval is in the file. */
static void advance(struct store *s, const struct store_interval *iv)
{
    s->must_keyframe = false;
    s->run_id = iv->run_id;
    s->has_started = true;
    s->last = iv->time;
    s->keyframe = iv->frame;
    if (!iv->is_late)
        s->newest = iv->time;
    for (int t = 0; t < TABLE_COUNT; t++)
        if (s->sets[t].count > 2 * s->sets[t].live + DEAD_MAX)
            s->is_loaded = false; /* read again next time, without the dead */
}

static int open_file(struct store *s, struct err *err)
{
    if (s->db.handle != NULL && !database_is_in_place(&s->db)) {
        store_drop(s);
        s->was_moved = true;
    }
    if (s->db.handle != NULL)
        return 0;
    forget(s);
    return database_open(&s->db, err);
}

int store_write(struct store *s, const struct batch *b, struct store_written *written, struct err *err)
{
    const struct batch_info *info = batch_info(b);
    struct store_interval iv = {
        .b = b, .time = info->time_ms / 1000, .interval_s = info->interval_ms / 1000, .written = written,
    };

    assert(iv.time > 0);
    *written = (struct store_written){ 0 };
    s->db.trouble = DATABASE_FINE;
    if (open_file(s, err) < 0 || database_exec(&s->db, "BEGIN IMMEDIATE", err) < 0)
        return -1;
    if (write_interval(s, &iv, err) < 0 || database_exec(&s->db, "COMMIT", err) < 0) {
        database_rollback(&s->db);
        forget(s);
        return -1;
    }
    written->bytes = bytes_written(s);
    written->was_moved = s->was_moved;
    s->was_moved = false;
    if (!written->was_there)
        advance(s, &iv);
    return 0;
}
