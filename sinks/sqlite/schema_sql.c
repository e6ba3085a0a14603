/*
 * schema_sql.c - see schema_sql.h.
 *
 * How the view T finds what an entity's row said in interval i, when most intervals hold no row of it. Rows since the
 * keyframe i.keyframe, for one entity whose value changed at b and c:
 *
 *     keyframe a          b                 c        i
 *     [row, until = b]    [row]             [row]    no row          -> the row of c
 *     [row, until = NULL]                            no row          -> the keyframe's row
 *
 * Most entities are idle: their keyframe row says itself that it still holds (until is NULL), one seek. Busy ones have a row
 * a few intervals back: intervals are walked backwards, one seek each. So a moment costs a few seeks per entity and a day of
 * one entity a few per interval, although rows lie in order of time alone (an order of entities costs ten times the writes).
 * A row whose until is its own time marks the entity gone: it holds in no interval. CROSS JOIN pins the order of the loops:
 * without statistics the planner would begin with the data.
 */
#include "sinks/sqlite/schema_sql.h"

#include "agent/base/buf.h"

#include <string.h>

const char schema_sql_fixed[] =
    "CREATE TABLE IF NOT EXISTS intervals (\n"
    "  time INTEGER PRIMARY KEY,\n"
    "  keyframe INTEGER NOT NULL,\n" /* time of the interval that holds everything this one builds on; its own if it is one */
    "  complete INTEGER NOT NULL,\n"
    "  interval_ms INTEGER NOT NULL,\n"
    "  duration_ms REAL NOT NULL,\n"
    "  entities INTEGER NOT NULL,\n"  /* rows of the views in this interval */
    "  written INTEGER NOT NULL,\n"   /* rows it took to say so */
    "  run INTEGER NOT NULL\n"
    ");\n"
    "CREATE TABLE IF NOT EXISTS runs (\n"
    "  run INTEGER PRIMARY KEY,\n"
    "  start_time INTEGER NOT NULL,\n"
    "  end_time INTEGER,\n" /* NULL: running, or killed */
    "  reason TEXT NOT NULL,\n"
    "  version TEXT NOT NULL,\n"
    "  config_hash TEXT NOT NULL\n"
    ");\n"
    "CREATE TABLE IF NOT EXISTS gaps (\n" /* intervals that should be there and are not: the first, the last, how many */
    "  start_time INTEGER PRIMARY KEY,\n"
    "  end_time INTEGER NOT NULL,\n"
    "  missing INTEGER NOT NULL,\n"
    "  reason TEXT NOT NULL\n" /* stopped: no agent ran; skipped: it ran, and these intervals did not arrive */
    ");\n"
    "CREATE TABLE IF NOT EXISTS notes (\n"
    "  time INTEGER NOT NULL,\n"
    "  text TEXT NOT NULL\n"
    ");\n"
    "CREATE INDEX IF NOT EXISTS notes_time ON notes (time);\n"
    "CREATE TABLE IF NOT EXISTS boots (\n" /* the interval in which a broker was first seen with this boot_timestamp (ms) */
    "  time INTEGER NOT NULL,\n"
    "  source TEXT NOT NULL,\n"
    "  system TEXT NOT NULL,\n"
    "  cluster TEXT NOT NULL,\n"
    "  broker TEXT NOT NULL,\n"
    "  broker_id TEXT NOT NULL,\n"
    "  address TEXT NOT NULL,\n"
    "  boot_timestamp INTEGER NOT NULL,\n"
    "  PRIMARY KEY (time, source, system, cluster, broker, broker_id, address)\n"
    ") WITHOUT ROWID;\n";

const char *schema_sql_type(enum column_kind kind)
{
    return kind == COLUMN_INT ? "INTEGER" : kind == COLUMN_REAL ? "REAL" : "TEXT";
}

bool schema_sql_is_value(const struct column *column)
{
    return column->kind != COLUMN_KEY && !column->hidden;
}

/* ", PREFIXname" for each key or each value. */
static void list_columns(struct buf *sql, const struct table *table, bool keys, const char *prefix)
{
    for (unsigned c = 0; c < table->column_count; c++)
        if (keys ? c < table->key_count : schema_sql_is_value(&table->columns[c]))
            buf_printf(sql, ", %s%s", prefix, table->columns[c].name);
}

static void list_marks(struct buf *sql, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        buf_puts(sql, i == 0 ? "?" : ", ?");
}

/*
 * The unique key in the order people ask: what the table is about first (a group, a topic), where it was seen last. So
 * "WHERE consumer_group = 'g'" is a seek. A broker gives way to a topic.
 */
enum { COMMON = KEY_CLUSTER + 1 };

static bool begins_with_topic(const struct table *table)
{
    return strcmp(table->columns[COMMON].name, "broker") == 0 && schema_find_column(table, "topic") >= 0;
}

static void list_unique(struct buf *sql, const struct table *table)
{
    int topic = begins_with_topic(table) ? schema_find_column(table, "topic") : -1;

    if (topic >= 0)
        buf_printf(sql, "%s, ", table->columns[topic].name);
    for (unsigned c = COMMON; c < table->key_count; c++)
        if ((int)c != topic)
            buf_printf(sql, "%s, ", table->columns[c].name);
    buf_puts(sql, "source, system, cluster");
}

void schema_sql_tables(struct buf *sql, const struct table *table)
{
    buf_printf(sql, "CREATE TABLE IF NOT EXISTS %s_names (\n  id INTEGER PRIMARY KEY", table->name);
    for (unsigned c = 0; c < table->key_count; c++)
        buf_printf(sql, ",\n  %s TEXT NOT NULL", table->columns[c].name);
    buf_puts(sql, ",\n  first_time INTEGER NOT NULL,\n  gone_time INTEGER,\n  UNIQUE (");
    list_unique(sql, table);
    buf_puts(sql, ")\n);\n");
    if (!begins_with_topic(table) && schema_find_column(table, "topic") >= 0)
        buf_printf(sql, "CREATE INDEX IF NOT EXISTS %s_names_topic ON %s_names (topic);\n", table->name, table->name);

    buf_printf(sql, "CREATE TABLE IF NOT EXISTS %s_data (\n  time INTEGER NOT NULL,\n  id INTEGER NOT NULL,\n  until INTEGER",
               table->name);
    for (unsigned c = 0; c < table->column_count; c++)
        if (schema_sql_is_value(&table->columns[c]))
            buf_printf(sql, ",\n  %s %s", table->columns[c].name, schema_sql_type(table->columns[c].kind));
    buf_puts(sql, ",\n  PRIMARY KEY (time, id)\n) WITHOUT ROWID;\n");
}

void schema_sql_view_name(struct buf *sql, const struct table *table, enum schema_view view)
{
    static const char *const suffixes[SCHEMA_VIEW_COUNT] = { "", "_now", "_changes" };

    buf_printf(sql, "%s%s", table->name, suffixes[view]);
}

static void view_each_interval(struct buf *sql, const struct table *table)
{
    const char *name = table->name;

    buf_puts(sql, "SELECT i.time AS time");
    list_columns(sql, table, true, "n.");
    list_columns(sql, table, false, "d.");
    buf_printf(sql, "\nFROM intervals AS i CROSS JOIN %s_names AS n CROSS JOIN %s_data AS d\n", name, name);
    buf_puts(sql, "ON d.id = n.id AND d.time = coalesce(\n");
    buf_printf(sql,
               "  (SELECT k.time FROM %s_data AS k\n"
               "   WHERE k.time = i.keyframe AND k.id = n.id AND (k.until IS NULL OR k.until > i.time)),\n",
               name);
    buf_printf(sql,
               "  (SELECT j.time FROM intervals AS j CROSS JOIN %s_data AS c ON c.time = j.time AND c.id = n.id\n"
               "   WHERE j.time BETWEEN i.keyframe AND i.time AND j.keyframe = i.keyframe ORDER BY j.time DESC LIMIT 1))\n",
               name);
    buf_puts(sql, "WHERE n.first_time <= i.time AND (n.gone_time IS NULL OR n.gone_time > i.time)\n"
                  "  AND (d.until IS NULL OR d.until > i.time)");
}

static void view_changes(struct buf *sql, const struct table *table)
{
    buf_puts(sql, "SELECT d.time AS time");
    list_columns(sql, table, true, "n.");
    list_columns(sql, table, false, "d.");
    buf_printf(sql, "\nFROM %s_data AS d CROSS JOIN %s_names AS n ON n.id = d.id", table->name, table->name);
}

void schema_sql_view(struct buf *sql, const struct table *table, enum schema_view view)
{
    buf_puts(sql, "CREATE VIEW ");
    schema_sql_view_name(sql, table, view);
    buf_puts(sql, " AS\n");
    switch (view) {
    case SCHEMA_VIEW:
        view_each_interval(sql, table);
        break;
    case SCHEMA_VIEW_NOW:
        buf_printf(sql, "SELECT * FROM %s WHERE time = (SELECT max(time) FROM intervals)", table->name);
        break;
    case SCHEMA_VIEW_CHANGES:
        view_changes(sql, table);
        break;
    case SCHEMA_VIEW_COUNT:
        break;
    }
}

void schema_sql_insert_name(struct buf *sql, const struct table *table)
{
    buf_printf(sql, "INSERT INTO %s_names (first_time", table->name);
    list_columns(sql, table, true, "");
    buf_printf(sql, ") VALUES (?%u, ", table->key_count + 1);
    for (unsigned c = 0; c < table->key_count; c++)
        buf_printf(sql, c == 0 ? "?%u" : ", ?%u", c + 1);
    buf_puts(sql, ") ON CONFLICT (");
    list_unique(sql, table);
    buf_puts(sql, ") DO UPDATE SET gone_time = NULL, first_time = min(first_time, excluded.first_time) RETURNING id");
}

void schema_sql_insert_data(struct buf *sql, const struct table *table)
{
    unsigned values = 0;

    for (unsigned c = 0; c < table->column_count; c++)
        values += schema_sql_is_value(&table->columns[c]);
    buf_printf(sql, "INSERT INTO %s_data (time, id, until", table->name);
    list_columns(sql, table, false, "");
    buf_puts(sql, ") VALUES (");
    list_marks(sql, values + 3);
    buf_puts(sql, ")");
}

void schema_sql_select_names(struct buf *sql, const struct table *table)
{
    buf_puts(sql, "SELECT id");
    list_columns(sql, table, true, "");
    buf_printf(sql, " FROM %s_names WHERE gone_time IS NULL", table->name);
}

void schema_sql_select_frame(struct buf *sql, const struct table *table)
{
    buf_puts(sql, "SELECT d.time, d.id, d.until");
    list_columns(sql, table, false, "d.");
    buf_printf(sql,
               " FROM intervals AS i CROSS JOIN %s_data AS d ON d.time = i.time"
               " WHERE i.time BETWEEN ?1 AND ?1 + 3600 AND i.keyframe = ?1 ORDER BY i.time",
               table->name);
}
