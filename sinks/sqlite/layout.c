/*
 * layout.c - see layout.h.
 *
 * What there should be is not described twice: the statements that create a new file run in a database in memory (the
 * model), and what that one then has is what ours should have.
 */
#include "sinks/sqlite/layout.h"

#include "agent/base/buf.h"
#include "agent/model/schema.h"
#include "sinks/sqlite/database.h"
#include "sinks/sqlite/rollup.h"
#include "sinks/sqlite/schema_sql.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- views ---- */

/* 1 if the file lacks the view or has another text for it. */
static int check_view(struct database *db, const char *name, const char *create, struct err *err)
{
    char query[256];
    struct sqlite3_stmt *stmt;

    snprintf(query, sizeof(query), "SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = '%s'", name);
    if (database_prepare(db, query, &stmt, err) < 0)
        return -1;
    int got = database_step(db, stmt, err);
    const char *text = got > 0 ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    bool is_same = text != NULL && strcmp(text, create) == 0;
    sqlite3_finalize(stmt);
    return got < 0 ? -1 : !is_same;
}

static int put_view(struct database *db, const char *name, const char *create, struct err *err)
{
    char drop[256];
    int stale = check_view(db, name, create, err);

    if (stale <= 0)
        return stale;
    snprintf(drop, sizeof(drop), "DROP VIEW IF EXISTS %s", name);
    return database_exec(db, drop, err) < 0 ? -1 : database_exec(db, create, err);
}

/* Calls `visit` with the name and the text of every view until one call gives something else than 0. */
static int for_each_view(struct database *db,
                         int (*visit)(struct database *db, const char *name, const char *create, struct err *err),
                         struct err *err)
{
    int result = 0;
    struct buf name, create;

    buf_init(&name, 0);
    buf_init(&create, 0);
    for (unsigned v = 0; v < TABLE_COUNT * SCHEMA_VIEW_COUNT + ROLLUP_VIEWS && result == 0; v++) {
        buf_reset(&name);
        buf_reset(&create);
        if (v >= TABLE_COUNT * SCHEMA_VIEW_COUNT) {
            rollup_sql_view(v - TABLE_COUNT * SCHEMA_VIEW_COUNT, &name, &create);
        } else if (!schema_tables[v / SCHEMA_VIEW_COUNT].hidden) {
            enum schema_view view = (enum schema_view)(v % SCHEMA_VIEW_COUNT);
            schema_sql_view_name(&name, &schema_tables[v / SCHEMA_VIEW_COUNT], view);
            schema_sql_view(&create, &schema_tables[v / SCHEMA_VIEW_COUNT], view);
        } else {
            continue;
        }
        buf_putc(&name, '\0');
        buf_putc(&create, '\0');
        result = visit(db, name.data, create.data, err);
    }
    buf_fini(&name);
    buf_fini(&create);
    return result;
}

int layout_is_stale(struct database *db, struct err *err)
{
    return for_each_view(db, check_view, err);
}

static int drop_view(struct database *db, const char *name, const char *create, struct err *err)
{
    char drop[256];

    (void)create;
    snprintf(drop, sizeof(drop), "DROP VIEW IF EXISTS %s", name);
    return database_exec(db, drop, err);
}

/* ---- tables ---- */

/* Creates what is not there, leaves alone what is. */
static void list_tables(struct buf *sql)
{
    buf_puts(sql, schema_sql_fixed);
    for (int t = 0; t < TABLE_COUNT; t++)
        if (!schema_tables[t].hidden)
            schema_sql_tables(sql, &schema_tables[t]);
    rollup_sql_tables(sql);
    buf_putc(sql, '\0');
}

static void open_model(struct database *model, const char *sql)
{
    struct err err = { 0 };

    database_init(model, "model");
    int code = sqlite3_open_v2(":memory:", &model->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        abort(); /* out of memory */
    int result = database_exec(model, sql, &err);
    assert(result == 0); /* our own statements */
    (void)result;
}

/* How often a query with texts as parameters finds something; -1: failed. */
static int64_t count_of(struct database *db, const char *sql, const char *first, const char *second, struct err *err)
{
    struct sqlite3_stmt *stmt;
    int64_t count = 0;

    if (database_prepare(db, sql, &stmt, err) < 0)
        return -1;
    sqlite3_bind_text(stmt, 1, first, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, second, -1, SQLITE_STATIC);
    int got = database_step(db, stmt, err);
    if (got > 0)
        count = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return got < 0 ? -1 : count;
}

static int64_t has_column(struct database *db, const char *table, const char *column, struct err *err)
{
    return count_of(db, "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2", table, column, err);
}

/* A row that is older than its column: unknown, or "" and 0 where NULL may not stand. */
static int add_column(struct database *db, const char *table, const char *column, const char *type, bool not_null, struct err *err)
{
    char sql[256];
    int64_t is_there = has_column(db, table, column, err);

    if (is_there != 0)
        return is_there < 0 ? -1 : 0;
    snprintf(sql, sizeof(sql), "ALTER TABLE %s ADD COLUMN %s %s%s", table, column, type,
             !not_null ? "" : strcmp(type, "TEXT") == 0 ? " NOT NULL DEFAULT ''" : " NOT NULL DEFAULT 0");
    return database_exec(db, sql, err);
}

static int add_columns(struct database *db, struct database *model, struct err *err)
{
    struct sqlite3_stmt *row;
    int got;

    if (database_prepare(model, "SELECT t.name, c.name, c.type, c.\"notnull\" FROM sqlite_schema AS t, pragma_table_info(t.name) AS c"
                                " WHERE t.type = 'table' AND t.name NOT LIKE '%\\_names' ESCAPE '\\'", &row, err) < 0)
        return -1;
    while ((got = database_step(model, row, err)) > 0)
        if (add_column(db, (const char *)sqlite3_column_text(row, 0), (const char *)sqlite3_column_text(row, 1),
                       (const char *)sqlite3_column_text(row, 2), sqlite3_column_int(row, 3) != 0, err) < 0) {
            got = -1;
            break;
        }
    sqlite3_finalize(row);
    return got;
}

/* ---- names ---- */

/* "INSERT INTO T_names (a, b, ...) SELECT a, '', ... FROM names_before": keys it did not have are unknown. */
static int copy_names(struct database *db, struct database *model, const char *table, struct err *err)
{
    struct sqlite3_stmt *row;
    struct buf names, values;
    int got;

    if (database_prepare(model, "SELECT name FROM pragma_table_info(?1)", &row, err) < 0)
        return -1;
    sqlite3_bind_text(row, 1, table, -1, SQLITE_STATIC);
    buf_init(&names, 0);
    buf_init(&values, 0);
    buf_printf(&names, "INSERT INTO %s (", table);
    while ((got = database_step(model, row, err)) > 0) {
        const char *name = (const char *)sqlite3_column_text(row, 0), *comma = values.len > 0 ? ", " : "";
        int64_t is_there = has_column(db, "names_before", name, err);
        if (is_there < 0) {
            got = -1;
            break;
        }
        buf_printf(&names, "%s%s", comma, name);
        buf_printf(&values, "%s%s", comma, is_there ? name : "''");
    }
    sqlite3_finalize(row);
    buf_printf(&names, ") SELECT %.*s FROM names_before", (int)values.len, values.data);
    buf_putc(&names, '\0');
    if (got == 0)
        got = database_exec(db, names.data, err);
    buf_fini(&names);
    buf_fini(&values);
    return got;
}

/* No view may be there: renaming looks into them. create: every table and index, of which only this one's are missing. */
static int rebuild_names(struct database *db, struct database *model, const char *table, const char *create, struct err *err)
{
    char sql[256];

    snprintf(sql, sizeof(sql), "DROP INDEX IF EXISTS %s_topic; ALTER TABLE %s RENAME TO names_before", table, table);
    if (database_exec(db, sql, err) < 0 || database_exec(db, create, err) < 0 || copy_names(db, model, table, err) < 0)
        return -1;
    return database_exec(db, "DROP TABLE names_before", err);
}

static int update_names(struct database *db, struct database *model, const char *create, struct err *err)
{
    struct sqlite3_stmt *row;
    int got;

    if (database_prepare(model, "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name LIKE '%\\_names' ESCAPE '\\'",
                         &row, err) < 0)
        return -1;
    while ((got = database_step(model, row, err)) > 0) {
        const char *name = (const char *)sqlite3_column_text(row, 0);
        int64_t is_same = count_of(db, "SELECT count(*) FROM sqlite_schema WHERE name = ?1 AND sql = ?2", name,
                                   (const char *)sqlite3_column_text(row, 1), err);
        if (is_same < 0 || (is_same == 0 && (for_each_view(db, drop_view, err) < 0 ||
                                             rebuild_names(db, model, name, create, err) < 0))) {
            got = -1;
            break;
        }
    }
    sqlite3_finalize(row);
    return got;
}

int layout_update(struct database *db, struct err *err)
{
    struct database model;
    struct buf create;

    buf_init(&create, 0);
    list_tables(&create);
    open_model(&model, create.data);
    int result = database_exec(db, create.data, err);
    if (result == 0)
        result = add_columns(db, &model, err);
    if (result == 0)
        result = update_names(db, &model, create.data, err);
    if (result == 0)
        result = for_each_view(db, put_view, err);
    sqlite3_close(model.handle);
    buf_fini(&create);
    return result;
}
