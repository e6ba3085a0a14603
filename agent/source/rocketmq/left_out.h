/*
 * left_out.h - what a server told and we left out because a limit was met (agent/LIMITS.md): how many, and at which limit.
 *
 * Such a count stands where the thing is missing (broker.lacks, topology.lacks, ...) and costs nothing while it is zero. Else the
 * sums there may miss a part, the row of scrapes says so in words (peer_left_out), and the look is not whole. One thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_LEFT_OUT_H
#define AGENT_SOURCE_ROCKETMQ_LEFT_OUT_H

#include <stdint.h>

/* The name of a constant that exists. */
#define LIMIT_NAME(limit) ((void)(limit), #limit)

struct left_out {
    uint32_t count;    /* at most UINT32_MAX; 0: nothing */
    const char *limit; /* the name of the first that was met */
};

static inline void left_out_note(struct left_out *l, uint32_t count, const char *limit)
{
    if (l->count == 0)
        l->limit = limit;
    l->count = count < UINT32_MAX - l->count ? l->count + count : UINT32_MAX;
}

#endif
