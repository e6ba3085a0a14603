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

/* What the collector itself needs of it; NO_INT where the broker does not say. */
struct runtime_facts {
    int64_t log_max;   /* end of the commit log: stands still while nothing is written */
    int64_t log_min;   /* start of it: stands still while nothing expires */
    int64_t behind;    /* bytes written that the queues do not show yet */
    int64_t booted_at; /* ms */
};

#define RUNTIME_FACTS_NONE ((struct runtime_facts){ NO_INT, NO_INT, NO_INT, NO_INT })

/* Puts one entry of the answer into its cells of the row, and into facts. */
void runtime_take(struct batch *b, uint32_t row, struct runtime_facts *facts, struct view key, struct view value);

#endif
