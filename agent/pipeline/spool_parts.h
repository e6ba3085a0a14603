/*
 * spool_parts.h - what spool.c (batches in memory and on disk, main's side) and spool_reader.c (who has what) share; nobody else
 * includes it.
 *
 * Batches have numbers that go on over restarts. Where they stand:
 *
 *     disk_first           memory_first    stored_end      end
 *     |  on disk only      |  both         |  memory only  |
 *
 * In calm times only the newest is in memory, and it is on disk as well. A reader is `next`, the number it wants, and maybe one
 * in hand; what it has not finished begins at its position: the one in hand, else next. Every function here is called with the lock
 * held.
 */
#ifndef AGENT_PIPELINE_SPOOL_PARTS_H
#define AGENT_PIPELINE_SPOOL_PARTS_H

#include "agent/pipeline/spool.h"

#include <pthread.h>

#define SPOOL_NO_HAND UINT64_MAX

struct spool_reader {
    const char *name;            /* NULL: removed, next is UINT64_MAX and holds nothing back */
    uint64_t next, hand;
    bool is_closed, leaves_at_once;
    bool has_lost_hand;          /* the caps dropped what is in hand */
    enum spool_drop hand_reason;
    uint64_t dropped[SPOOL_DROPS];
};

struct spool {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct state *state;
    struct spool_limits limits;
    unsigned file; /* state_file() that the numbers below belong to; 0: none was loaded */
    bool closed;
    bool is_broken; /* a reader could not read: the next save looks after it */
    bool is_unsure; /* a save failed: what is on disk has to be counted again */
    uint64_t disk_first, memory_first, stored_end, end;
    struct batch *memory[SPOOL_SLOTS]; /* batch n stands in memory[n % SPOOL_SLOTS] */
    size_t memory_bytes;
    struct spool_reader readers[SPOOL_READERS_MAX];
    int reader_count;
    int64_t began_ns;
    struct spool_info info;
};

/* spool.c */
struct batch **spool_slot(struct spool *s, uint64_t number);
/* What is on disk, too, or finished by all, is not needed in memory; the newest stays for those who keep up. */
void spool_trim_memory(struct spool *s);
/* The tick of the oldest batch from this number on; 0: none. */
int64_t spool_time_of(struct spool *s, uint64_t number);

/* spool_reader.c */
struct spool_reader *spool_find_reader(struct spool *s, const char *name);
uint64_t spool_position(const struct spool_reader *r);
/* Everything below it is finished by all. */
uint64_t spool_slowest(const struct spool *s);
bool spool_is_taken_by_all(const struct spool *s, uint64_t number);
/* The batches from..to-1, count of them, are gone, for whoever has not finished them. */
void spool_count_dropped(struct spool *s, uint64_t from, uint64_t to, uint64_t count, enum spool_drop reason);

#endif
