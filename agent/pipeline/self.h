/*
 * self.h - the agent's rows about itself: the tables agent, deliveries and drops. Main thread.
 */
#ifndef AGENT_PIPELINE_SELF_H
#define AGENT_PIPELINE_SELF_H

#include "agent/model/batch.h"
#include "agent/pipeline/worker.h"

struct self_totals {
    int64_t received_bytes; /* since the start */
    uint64_t missed_ticks;
};

/* After the sources have added theirs: adds this batch's bytes to the totals and writes the agent's own rows. */
void self_add_rows(struct batch *b, struct self_totals *totals, struct worker *const *workers, size_t worker_count);

#endif
