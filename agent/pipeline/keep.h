/*
 * keep.h - what a pipeline keeps in the state directory: undelivered intervals, counts, and what sources and sinks want to know
 * again. Puts spool and state together with those who fill them, and says in the log what happens there. Main thread.
 */
#ifndef AGENT_PIPELINE_KEEP_H
#define AGENT_PIPELINE_KEEP_H

#include "agent/pipeline/config.h"
#include "agent/pipeline/self.h"
#include "agent/pipeline/sources.h"
#include "agent/pipeline/spool.h"
#include "agent/pipeline/worker.h"

struct keep;

struct keep_parts { /* of the pipeline; outlive the keep */
    struct sources *sources;
    struct worker *const *workers;
    size_t worker_count;
    struct self_totals *totals;
};

/* Loads what was kept and makes EVERY sinks read from the spool; before the workers start. Never fails: what cannot be read or
 * written is said, and tried again with each interval. The state is borrowed. */
struct keep *keep_new(struct state *state, const struct agent_options *options, struct keep_parts parts);
/* After a reload: other parts. EVERY sinks among them that have no spool yet get it. Before those
 * workers start, and while the ones that left still exist. */
void keep_follow(struct keep *k, struct keep_parts parts);
void keep_free(struct keep *k); /* workers gone; NULL is fine */

struct spool *keep_spool(struct keep *k);
/* One interval: everything that must survive, in one transaction. Takes the batch. */
void keep_interval(struct keep *k, struct batch *batch);
/* No more intervals: readers get what is left. */
void keep_close(struct keep *k);
/* After the workers have ended: the last save. */
void keep_finish(struct keep *k);

#endif
