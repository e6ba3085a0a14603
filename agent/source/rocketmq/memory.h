/*
 * memory.h - what a source knows, as bytes and back: so that a restart, or the next `once` of a timer, goes on where this one ends.
 *
 * Kept is all that the next look builds on: brokers and their processes, inventories, ends and starts of queues, committed offsets,
 * who is online, what clients and brokers told and when, counts of requests. Not kept is what each look finds anew (pull
 * offsets, runtime numbers) and what no broker lists any more.
 *
 * Pure: no I/O. What is read is checked, the checksum first; what cannot be understood leaves nothing behind. One thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_MEMORY_H
#define AGENT_SOURCE_ROCKETMQ_MEMORY_H

#include "agent/base/clock.h"
#include "agent/source/rocketmq/census.h"
#include "agent/source/rocketmq/topology.h"

struct buf;

/* Now, by both clocks. Within one boot the monotonic clock goes on; otherwise (a reboot, another host) the wall clock counts. */
struct memory_moment {
    int64_t now_ns, wall_ms;
    char boot[CLOCK_BOOT_ID];
};

/* The parts of a source; the rpc makes targets for processes that are read. */
struct memory {
    const char *settings; /* what was configured: with other settings nothing is remembered */
    struct rpc *rpc;
    struct topology *topology;
    struct census *census;
    struct peer *namesrvs;
    unsigned namesrv_count;
    unsigned *namesrv_at;
    uint32_t *looks;
    int64_t *looked_at_ns, *slow_at_ns, *census_at_ns;
};

/* Appends the bytes; nothing of m is changed. */
void memory_save(const struct memory *m, const struct memory_moment *at, struct buf *out);
/* Into a source that has not looked yet. -1: not understood, too old, or of other settings; the source is as before. */
int memory_load(const struct memory *m, const struct memory_moment *at, const void *data, size_t len, struct err *err);

/* For the fuzzer, which finds no checksum by chance. */
#define MEMORY_GAP_MAX_MS (7 * 86400000LL) /* what was known longer ago is asked again */
#define MEMORY_MAGIC "MQR3"
#define MEMORY_HEADER 12
uint64_t memory_checksum(const void *data, size_t len);

#endif
