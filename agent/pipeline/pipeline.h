/*
 * pipeline.h - everything between a configuration and delivered batches: sources, ring, one worker per sink.
 *
 * `run` is many collections, `once` is one, `status -n` is one that nobody delivers. A source or sink that is away never stops
 * the start. Main thread only; the workers' threads are inside.
 */
#ifndef AGENT_PIPELINE_PIPELINE_H
#define AGENT_PIPELINE_PIPELINE_H

#include "agent/base/err.h"
#include "agent/model/batch.h"
#include "agent/pipeline/config.h"
#include "agent/pipeline/state.h"
#include "agent/pipeline/worker.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct pipeline;
struct buf;
struct sources;

enum pipeline_reason { PIPELINE_RUN, PIPELINE_ONCE };

/* Opens every source and sink (no network). Borrows the config, which must outlive the pipeline. NULL with err if an option is
 * wrong. */
struct pipeline *pipeline_new(struct config *config, enum pipeline_reason reason, struct err *err);

/* The state directory of the configuration, for pipeline_start. *out is NULL if there is none, or if it cannot be used, which is
 * said and stops nothing. -1 with err: another process holds it. state_close() is the caller's. */
int pipeline_open_state(const struct config *config, enum pipeline_reason reason, struct state **out, struct err *err);
/* Loads what was kept and starts the workers. The state (NULL: everything stays in memory) must outlive the pipeline and
 * serves one at a time. */
void pipeline_start(struct pipeline *p, struct state *state);

/*
 * One interval: collects from every source until collect_timeout at the latest, seals, hands the batch to the ring. SOURCE_SOME
 * or SOURCE_NOTHING: something is missing, err says what came first; the rest is on its way all the same. cancel_fd readable ends
 * it early: ERR_CANCELED, and nothing is handed on.
 */
enum source_result pipeline_collect(struct pipeline *p, int64_t tick_ms, int cancel_fd, struct err *err);
/* Label of the newest interval, also of an earlier process where there is a state directory; 0: none. Started. */
int64_t pipeline_last_tick_ms(const struct pipeline *p);
void pipeline_set_missed_ticks(struct pipeline *p, uint64_t missed);

/*
 * Another configuration, while it runs: sources and sinks whose section did not change go on with what they have (connections, memory,
 * place in the spool) and notice nothing; the others end by the deadline and hand over what they know to the ones of their
 * name. can_reload false: interval, state directory or spool differ, which everybody was told: make a new pipeline. -1 with err
 * if an option is wrong: then nothing has changed. The new config must outlive the pipeline; the old one is no longer needed.
 */
bool pipeline_can_reload(const struct pipeline *p, const struct config *config);
int pipeline_reload(struct pipeline *p, struct config *config, int64_t deadline_ns, struct err *err);

/* No more collections: workers deliver what is left until the deadline (monotonic), then leave. What EVERY sinks have not taken
 * stays in the state directory, if there is one. True if every sink has taken everything since the start. */
bool pipeline_stop(struct pipeline *p, int64_t deadline_ns);
void pipeline_free(struct pipeline *p); /* stopped first; NULL is fine */

/* Writes status.json (report.h) into the state directory; stopped_ms 0: it runs. Without a state there is nothing to do. */
int pipeline_report(const struct pipeline *p, const struct state *state, int64_t started_ms, int64_t stopped_ms, struct err *err);
/* Readable after attempts of sinks, until it is read: there is news for the report. */
int pipeline_news_fd(const struct pipeline *p);

void pipeline_read_sink(struct pipeline *p, size_t index, const char **name, struct worker_counts *out);

/* What the newest collection saw, in one line for people: "12 groups, lag 3400, 6 requests, 4 ms". */
void pipeline_summary(const struct pipeline *p, char *text, size_t size);

/* A look that no sink is given: collects once from sources that were opened for single looks; the sealed batch is the caller's. A second
 * look at the same ones asks only what can have changed. 0 all answered, 1 some, -1 nothing; *out holds the scrapes in any case. */
int pipeline_look(struct sources *sources, const struct config *config, struct batch **out, struct err *err);

/* The same, rendered by each sink (or the one named) to `to`; nothing is sent. Result as pipeline_look; -1 also where a sink failed. */
int pipeline_dry_run(struct sources *sources, struct config *config, const char *only_sink, FILE *to, struct err *err);

#endif
