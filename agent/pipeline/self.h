/*
 * self.h - the agent's rows about itself: the tables agent, deliveries and drops. Main thread.
 */
#ifndef AGENT_PIPELINE_SELF_H
#define AGENT_PIPELINE_SELF_H

#include "agent/model/batch.h"
#include "agent/pipeline/counters.h"
#include "agent/pipeline/worker.h"

struct self_totals {
    uint64_t received_bytes; /* since the start, or since the state directory remembers */
    uint64_t missed_ticks;
    uint64_t last_tick_ms; /* label of the newest interval; 0: none */
};

extern const struct counter self_counters[]; /* of self_totals: what survives a restart */

/* After the sources have added theirs: adds this batch's bytes to the totals and writes the agent's own rows. spool may be NULL. */
void self_add_rows(struct batch *b, struct self_totals *totals, struct worker *const *workers, size_t worker_count,
                   struct spool *spool);

#endif
