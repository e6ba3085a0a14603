/*
 * restore.h - the store's memory, read from the file: after a start, a failure, or a write by somebody else.
 */
#ifndef SINKS_SQLITE_RESTORE_H
#define SINKS_SQLITE_RESTORE_H

#include "sinks/sqlite/store.h"

/* Reads which entities are live, and what their newest rows say where the interval of `time` may go on with the newest frame;
 * else sets must_keyframe. The sets are empty before; half filled after a failure. */
int restore_memory(struct store *s, int64_t time, int64_t interval_ms, struct err *err);

#endif
