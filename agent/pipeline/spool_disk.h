/*
 * spool_disk.h - the spool's two tables in the state's file: batches by number, and how far each sink got.
 *
 * Statements only: which batches go, and who waits for which, is for spool.c and spool_reader.c. Called with the spool's lock held; what
 * writes, within a transaction of the state. -1: failed, and the state is to be told (state_fail).
 */
#ifndef AGENT_PIPELINE_SPOOL_DISK_H
#define AGENT_PIPELINE_SPOOL_DISK_H

#include "agent/base/err.h"

#include <stdint.h>

struct batch;
struct buf;
struct state;

struct spool_extent {
    uint64_t first, end; /* numbers first .. end-1; both 0 if there is none */
    uint64_t batches;
    int64_t bytes;
};

int spool_disk_extent(struct state *state, struct spool_extent *out, struct err *err);
/* From the number `from` on: the oldest, and its tick. 1, or 0 if there is none. */
int spool_disk_oldest(struct state *state, uint64_t from, uint64_t *number, int64_t *time_ms, struct err *err);
/* The oldest of the numbers from .. below-1 as spool_disk_put stored it. 1, or 0 if there is none. */
int spool_disk_read(struct state *state, uint64_t from, uint64_t below, uint64_t *number, struct buf *data, struct err *err);
/* How many bytes it took. A batch that is too large for the format takes none: nobody can be given it later. */
int spool_disk_put(struct state *state, uint64_t number, const struct batch *batch, int64_t *bytes, struct err *err);
/* Deletes from the oldest on, as far as `last` (included); what was deleted. */
int spool_disk_delete(struct state *state, uint64_t last, struct spool_extent *out, struct err *err);
/* Room that an outage took goes back to the file system, some of it each time. */
int spool_disk_shrink(struct state *state, struct err *err);

/* The largest that any sink has reached. */
int spool_disk_cursors_end(struct state *state, uint64_t *end, struct err *err);
int spool_disk_each_cursor(struct state *state, void (*visit)(void *ctx, const char *sink, uint64_t next), void *ctx, struct err *err);
int spool_disk_clear_cursors(struct state *state, struct err *err);
int spool_disk_put_cursor(struct state *state, const char *sink, uint64_t next, struct err *err);

#endif
