/*
 * runtime.h - what the texts of request 28 mean: which becomes which column of the brokers table, and how.
 *
 * One table of keys; each is taken alone, so one that is missing, new or unreadable costs nothing but itself. Pure apart
 * from the row it fills.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_RUNTIME_H
#define AGENT_SOURCE_ROCKETMQ_RUNTIME_H

#include "agent/model/batch.h"
#include "agent/source/rocketmq/fastjson.h"

#define DELAY_LEVELS_MAX 64 /* a broker has 18 unless it is told otherwise */

/* How far a delay level has got: next offsets in its queue of SCHEDULE_TOPIC_XXXX. */
struct delay_level {
    int level; /* from 1 */
    int64_t delivered, stored;
};

/* What the collector itself needs of it; NO_INT where the broker does not say. */
struct runtime_facts {
    int64_t log_max;   /* end of the commit log: stands still while nothing is written */
    int64_t log_min;   /* start of it: stands still while nothing expires */
    int64_t puts;      /* messages stored since boot; 1 also where it is 0 */
    int64_t behind;    /* bytes written that the queues do not show yet */
    int64_t booted_at; /* ms */
    unsigned delay_count, delays_left; /* those for which there is no room are only counted */
    struct delay_level delays[DELAY_LEVELS_MAX]; /* 4.9 leaves out levels that have not delivered anything since the store was made */
};

#define RUNTIME_FACTS_NONE \
    ((struct runtime_facts){ .log_max = NO_INT, .log_min = NO_INT, .puts = NO_INT, .behind = NO_INT, .booted_at = NO_INT })

/* Messages that have left the delay levels, summed over those that are told; NO_INT: not all are known. */
int64_t runtime_delay_delivered(const struct runtime_facts *facts);

/* Puts one entry of the answer into its cells of the row, and into facts. */
void runtime_take(struct batch *b, uint32_t row, struct runtime_facts *facts, struct view key, struct view value);

#endif
