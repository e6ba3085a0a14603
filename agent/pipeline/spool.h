/*
 * spool.h - the intervals that EVERY sinks have not taken yet: on disk, and in memory while the disk cannot.
 *
 * Main saves once an interval, in one transaction: the new batch, how far each reader got, the blobs that pipeline adds, and
 * what has to go. Only then do readers see the batch. Each reader gets every batch, oldest first; one that keeps up gets them from
 * memory and never makes the disk read. A batch leaves once every reader has finished with it, or when the caps drop it
 * (then each reader that had not taken it counts it).
 *
 * What may happen to a batch: kill -9 loses nothing that was saved; a reader may get again what it finished after the last
 * save, which EVERY sinks bear. While nothing can be saved, the newest SPOOL_SLOTS batches wait in memory and are saved when
 * there is room again.
 *
 * Main and the readers' threads; one lock, which is held for a transaction or for reading one batch. The state is used only
 * under it.
 */
#ifndef AGENT_PIPELINE_SPOOL_H
#define AGENT_PIPELINE_SPOOL_H

#include "agent/model/batch.h"
#include "agent/pipeline/state.h"

#include <stdbool.h>
#include <stdint.h>

#define SPOOL_SLOTS 64
#define SPOOL_MEMORY_MAX ((size_t)48 << 20) /* of batches that wait in memory; the newest is always kept */
#define SPOOL_READERS_MAX 64

enum spool_drop {
    SPOOL_FULL,     /* spool_max_bytes */
    SPOOL_OLD,      /* spool_max_age */
    SPOOL_OVERFLOW, /* could not be saved, and memory was full */
    SPOOL_DAMAGED,  /* cannot be read any more */
    SPOOL_DROPS
};

struct spool_limits {
    int64_t bytes_max, age_max_ms;
};

struct spool_counts { /* of one reader */
    uint64_t waiting;  /* not finished, the one in hand included */
    int64_t oldest_ms; /* tick of the oldest of them; 0: none */
    uint64_t dropped[SPOOL_DROPS];
};

struct spool_info {
    bool is_saved;         /* the newest save succeeded */
    int64_t bytes;         /* of batches on disk */
    uint64_t batches;      /* on disk */
    uint64_t in_memory;    /* not on disk yet */
    int64_t oldest_ms;     /* tick of the oldest batch that somebody has not finished; 0: none */
    int64_t saved_at_ms;   /* wall time of the newest save that succeeded; 0: none */
    int64_t duration_ns;   /* of the newest save */
    char forgotten[64];    /* a sink that is no longer there, for which batches waited; "" if none */
    uint64_t forgotten_batches;
};

struct spool;

/* The state must outlive the spool. */
struct spool *spool_new(struct state *state, struct spool_limits limits);
void spool_free(struct spool *s); /* readers gone; saves nothing; NULL is fine */

/* Every reader, by the name of its sink, then spool_load: a reader goes on where that name stood, a
 * new one sees what comes from now on, and what only waits for names that are no readers is let go. -1: the file cannot be read
 * now; it is tried again with each save. The name is borrowed. */
int spool_add_reader(struct spool *s, const char *name);
/* While the others go on, main thread: one reader ends, at once or with what is left. Then another spool_add_reader of its name goes on
 * where it stood; readers that ended and have no successor are removed one a call, true if there was one: its name and what is
 * lost of it stand in info.forgotten. */
void spool_close_reader(struct spool *s, int reader, bool at_once);
bool spool_remove_ended(struct spool *s);
int spool_load(struct spool *s, struct err *err);

/* Main, once an interval: begin, blobs through state_write, commit. begin takes over the batch, or NULL if there is none, and
 * holds the lock until commit or abort. After a failure the batch waits in memory and readers see it all the same. */
int spool_begin(struct spool *s, struct batch *batch, struct err *err);
int spool_commit(struct spool *s, int64_t now_ms, struct err *err);
void spool_abort(struct spool *s);
/* No more batches: readers get what is left, then NULL. */
void spool_close(struct spool *s);

/* The reader's thread. Waits for the next batch, gives a reference; NULL: closed and nothing left, or nothing readable. */
struct batch *spool_take(struct spool *s, int reader);
/* The one in hand was delivered, or will never be. */
void spool_finish(struct spool *s, int reader);
/* Whether it is worth trying on: false if the caps dropped the one in hand meanwhile, which is then counted and finished. */
bool spool_still_wants(struct spool *s, int reader);
/* It goes back: whoever reads next gets it again. */
void spool_put_back(struct spool *s, int reader);

void spool_read_counts(struct spool *s, int reader, struct spool_counts *out);
/* Adds what was dropped to these totals; for main, between begin and commit. */
void spool_add_dropped(struct spool *s, int reader, uint64_t totals[SPOOL_DROPS]);
void spool_read_info(struct spool *s, struct spool_info *out);

#endif
