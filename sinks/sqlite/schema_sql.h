/*
 * schema_sql.h - the tables of the schema as SQL text.
 *
 * For each table T that is not hidden: T_names (one row per entity: its keys and when it was first seen and gone), T_data (a
 * row where a value changed), and the views T (each interval), T_now (the newest) and T_changes (the rows as stored, with
 * names). Beside them the fixed tables: intervals, runs, gaps, notes, boots. Pure text; knows no database.
 *
 * Hidden columns are left out. Values keep their names and kinds: INTEGER, REAL, TEXT.
 */
#ifndef SINKS_SQLITE_SCHEMA_SQL_H
#define SINKS_SQLITE_SCHEMA_SQL_H

#include "agent/model/schema.h"

struct buf;

enum schema_view { SCHEMA_VIEW, SCHEMA_VIEW_NOW, SCHEMA_VIEW_CHANGES, SCHEMA_VIEW_COUNT };

extern const char schema_sql_fixed[]; /* CREATE TABLE IF NOT EXISTS of the fixed tables */

/* The SQL type of a value column. */
const char *schema_sql_type(enum column_kind kind);
/* Is this column stored as a value? (Keys live in T_names, hidden columns nowhere.) */
bool schema_sql_is_value(const struct column *column);

void schema_sql_tables(struct buf *sql, const struct table *table);
void schema_sql_view_name(struct buf *sql, const struct table *table, enum schema_view view);
/* "CREATE VIEW ..." exactly as sqlite_schema will hold it, so that the text tells whether a view is up to date. */
void schema_sql_view(struct buf *sql, const struct table *table, enum schema_view view);

/* Parameters: the keys in schema order, then the time. Gives the id, old or new. */
void schema_sql_insert_name(struct buf *sql, const struct table *table);
/* Parameters: time, id, until, then the values in schema order. */
void schema_sql_insert_data(struct buf *sql, const struct table *table);
/* No parameters: id, then the keys in schema order, of every entity that is not gone. */
void schema_sql_select_names(struct buf *sql, const struct table *table);
/* Parameter: the time of a keyframe. time, id, until, then the values, of every row of that frame, oldest first. */
void schema_sql_select_frame(struct buf *sql, const struct table *table);

#endif
