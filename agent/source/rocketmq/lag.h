/*
 * lag.h - the arithmetic of backlog, for one queue of one group. Pure.
 *
 *     min               com                 max          com: committed offset, next to be consumed
 *      |  consumed       |       lag         |           max: next to be written
 *      +-----------------+-------------------+
 *
 *     com < min    messages expired unread: lost = min - com; lag counts from min
 *     com > max    the topic was deleted and made again, or the store was lost: lag 0, diff negative
 *     no com       nothing was ever committed for this queue: lag counts from min; diff from 0, as the Java tools do
 *
 * diff = max - com is what the Java tools print, unclamped.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_LAG_H
#define AGENT_SOURCE_ROCKETMQ_LAG_H

#include <stdbool.h>
#include <stdint.h>

struct queue_lag {
    int64_t lag, diff, lost; /* NO_INT: not known, or (lost) does not apply */
    const char *state;       /* no_offset, beyond_end, lost, empty, or NULL */
    bool leans_on_min;       /* lag changes with min, or soon may: min must be right */
};

/* Each offset is >= 0 or UNKNOWN (-1). */
struct queue_lag lag_of_queue(int64_t min, int64_t max, int64_t com);

/* a + b, held at the ends of the range. */
static inline int64_t lag_add(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN + 1 : INT64_MAX) : sum;
}

#endif
