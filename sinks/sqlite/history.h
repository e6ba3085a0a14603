/*
 * history.h - reading a history file back into batches, so that what works on a live batch works on any past moment.
 *
 * Reads the views only, as anybody could. Works beside a running writer, and on read-only media. One thread at a time.
 */
#ifndef SINKS_SQLITE_HISTORY_H
#define SINKS_SQLITE_HISTORY_H

#include "agent/base/err.h"

#include <stdint.h>

struct batch;
struct history;

#define HISTORY_NEWEST (-1)

/* -1: there is no such file, it is not ours, it cannot be read. */
int history_open(const char *path, struct history **history, struct err *err);
void history_close(struct history *history); /* accepts NULL */

/* Unix seconds of the oldest and the newest interval. -1 also when there is none. */
int history_range(struct history *history, int64_t *first, int64_t *last, struct err *err);

/* Fills an open, empty batch with the newest interval at or before at_ms (Unix time, or HISTORY_NEWEST): rows of every table,
 * and time, interval, duration and completeness in its info. -1 when the history holds no such interval; the text says
 * what it holds. */
int history_load(struct history *history, int64_t at_ms, struct batch *batch, struct err *err);

/* Puts a mark into the history, for `mqpush note`; the file must exist. */
int history_note(const char *path, int64_t time_s, const char *text, struct err *err);

#endif
