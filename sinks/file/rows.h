/*
 * rows.h - a batch's tables as lines of text that can be appended to a file: JSON lines, CSV, Influx line protocol.
 *
 *     {"time":1700006400,"table":"groups","source":"prod",...,"consumer_group":"orders","lag":12}
 *     time,source,system,cluster,consumer_group,...            one file for each table
 *     mq_groups,source=prod,...,consumer_group=orders lag=12i 1700006400000000000
 *
 * A row is one line in each of them, whatever stands in its texts. `time` is Unix seconds, as in the history's views, in the
 * protocol nanoseconds. What is unknown has no member, no text between its commas, no field. Constant labels come last, but
 * never under the name of a column. Pure; any thread.
 */
#ifndef SINKS_FILE_ROWS_H
#define SINKS_FILE_ROWS_H

#include "agent/model/batch.h"

struct buf;
struct sink_label;

enum rows_format { ROWS_JSONL, ROWS_CSV, ROWS_INFLUX };

struct rows_style {
    enum rows_format format;
    const struct sink_label *labels; /* ends at name == NULL; may be NULL */
};

/* What a file of this table begins with: CSV's line of names, else nothing. */
void rows_put_head(const struct rows_style *style, enum table_id t, struct buf *out);
/* Every row; buf_row() after each. Returns how many lines that made. */
uint64_t rows_put(const struct rows_style *style, const struct batch *b, enum table_id t, struct buf *out);

/* ---- reading our own lines again, to find where an interval begins ---- */

#define ROWS_PIECE 64 /* bytes at the beginning and at the end of a line that are enough for rows_time */

/* The time of a line, given its first and its last ROWS_PIECE bytes (all of it, if it is shorter; without the line's end). */
bool rows_time(enum rows_format format, const char *first, size_t first_len, const char *last, size_t last_len, int64_t *time_s);
/* Does a file that begins with these bytes look like one of this format? (For CSV: of any table, with any columns.) */
bool rows_is_ours(enum rows_format format, const char *first, size_t len);

#endif
