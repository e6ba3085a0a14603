/*
 * ring.h - the last batches, and where each sink has got to.
 *
 * One producer (main) appends; each worker reads with its own cursor. Appending never waits: when the ring is full, by number
 * or by bytes, the oldest batch goes, and a reader that had not taken it finds out how many it missed. A batch leaves the ring
 * as soon as no reader will be given it: every cursor has passed it, or those that have not want the newest only. So in calm
 * times the ring is empty, and a receiver that hangs for hours costs one batch. Knows nothing of sinks, retries or disk: where
 * there is a state directory, EVERY sinks read from the spool (spool.h) instead.
 *
 * Always, for every cursor: handed out + missed + waiting == appended since the cursor was made.
 */
#ifndef AGENT_PIPELINE_RING_H
#define AGENT_PIPELINE_RING_H

#include "agent/model/batch.h"

#include <stdbool.h>
#include <stdint.h>

#define RING_SLOTS 64
#define RING_BYTES_MAX ((size_t)48 << 20) /* of waiting batches; one batch is always kept, whatever its size */

struct ring;

struct ring *ring_new(unsigned slots, size_t bytes_max);
void ring_free(struct ring *ring); /* after every reader has stopped */

enum ring_order {
    RING_OLDEST, /* every batch, in order */
    RING_NEWEST, /* only the newest; the ones before count as missed */
};

/* A new reader that sees what is appended from now on. Main thread. */
int ring_add_cursor(struct ring *ring, enum ring_order order);

/* This reader will not read: nothing is kept for it, it only learns of the end. Main thread, before its own thread starts. */
void ring_leave(struct ring *ring, int cursor);

/* Takes the sealed batch over. Main thread. */
void ring_append(struct ring *ring, struct batch *batch);
/* No more appends: readers get what is left, then NULL. Any thread. */
void ring_close(struct ring *ring);
/* The same for one reader, while the others go on. What it has not taken when it ends is let go with ring_remove_cursor. */
void ring_close_cursor(struct ring *ring, int cursor);
void ring_remove_cursor(struct ring *ring, int cursor);

/*
 * Waits until there is a batch for this cursor and returns a reference to it; *missed is set to the batches this call passed
 * over. NULL: closed and nothing left, or deadline_ns (monotonic; INT64_MAX is never) has passed. The cursor's own thread.
 */
struct batch *ring_take(struct ring *ring, int cursor, int64_t deadline_ns, uint64_t *missed);

/* Waits until something newer than what the cursor has taken is there, the ring is closed, or the deadline has passed; true
 * if something newer is there. */
bool ring_wait_newer(struct ring *ring, int cursor, int64_t deadline_ns);
bool ring_is_closed(struct ring *ring, int cursor);
/* Waits until the ring is closed, for this reader at least, (true) or the deadline has passed (false). Any thread. */
bool ring_wait_closed(struct ring *ring, int cursor, int64_t deadline_ns);

/* Batches appended and not yet handed out to this cursor, and the tick of the oldest of them (0 if none). Any thread. */
uint64_t ring_waiting(struct ring *ring, int cursor, int64_t *oldest_ms);

#endif
