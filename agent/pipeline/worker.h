/*
 * worker.h - one thread per sink: takes batches from the ring, has them delivered, decides about retries, counts and logs.
 *
 * A sink only says OK, RETRY or REJECT. After RETRY the worker tries again a few times at growing gaps within the interval
 * (TRIES_PER_TICK), then waits for the next batch: a LATEST sink goes on with the newest, an EVERY sink with the one that
 * failed. A peer's "retry after" is honoured, capped at one interval. With a breaker (breaker_after) a sink that has failed that
 * often in a row is left alone for breaker_pause, then has one try; a success ends it. At the stop what is in hand gets one more
 * round; with a spool what is left then stays there for the next start, else it is lost and counted.
 * Nothing a sink does reaches another sink or the collection.
 */
#ifndef AGENT_PIPELINE_WORKER_H
#define AGENT_PIPELINE_WORKER_H

#include "agent/pipeline/config.h"
#include "agent/pipeline/ring.h"
#include "agent/pipeline/spool.h"

#include <stdbool.h>
#include <stdint.h>

struct worker;

struct worker_counts {
    bool tried;              /* anything at all was delivered or failed */
    bool up;                 /* the newest attempt succeeded */
    uint64_t delivered, retried, rejected; /* batches, attempts, batches */
    uint64_t overtaken;      /* LATEST: passed over for a newer one */
    uint64_t overflowed;     /* EVERY: lost because the ring was full, or given up at the stop */
    uint64_t spool_dropped[SPOOL_DROPS]; /* EVERY with a spool: lost there */
    bool has_lost;           /* something was refused or lost since this start; overtaken is not lost */
    uint64_t cut_series;     /* samples left out by max_series */
    uint64_t series, bytes;  /* of the newest delivery */
    int64_t delivered_at_ms; /* wall time of the newest delivery; 0: none */
    int64_t duration_ns;     /* of the newest attempt */
    int64_t waiting_since_ms; /* tick of the oldest batch not delivered; 0: none waits */
    uint64_t waiting;        /* with a spool: batches not finished */
    uint64_t rests;          /* times the breaker left the sink alone */
    char error[256];         /* of the newest attempt; "" if it succeeded */
    char last_error[256];    /* of the newest attempt that failed; "": none has since the start */
    int64_t last_error_ms;   /* wall time of it */
};

struct worker_limits {
    int64_t interval_ms; /* a batch's tries end before the next is due */
    bool once;           /* one batch, then give up what fails: no waiting for a next one */
};

/* Opens the sink (no network) and adds a cursor; takes sink->self over. NULL with err if the options are wrong. The env must
 * outlive the worker. Main thread, before worker_start. */
struct worker *worker_new(struct config_sink *sink, const struct sink_env *env, struct ring *ring, struct worker_limits limits,
                          struct err *err);
/* An EVERY sink that reads from the spool from now on, not from the ring. Main thread, before worker_start. */
void worker_use_spool(struct worker *w, struct spool *spool);
bool worker_has_spool(const struct worker *w);
/* An eventfd that is made readable after every attempt; before worker_start. */
void worker_tell(struct worker *w, int news_fd);
enum sink_mode worker_mode(const struct worker *w);
void worker_start(struct worker *w);
/* After ring_close, or before: from this instant (monotonic) on the worker gives up what it is doing. Any thread. */
void worker_stop_by(struct worker *w, int64_t deadline_ns);
/* Waits for the thread to end; from the worker_stop_by instant on whatever it does is cancelled. Needs a closed ring. */
void worker_join(struct worker *w);
void worker_free(struct worker *w); /* NULL is fine; joined, or never started; closes the sink */

const char *worker_name(const struct worker *w);
const char *worker_kind(const struct worker *w); /* "sqlite" */
void worker_read_counts(struct worker *w, struct worker_counts *out); /* any thread */
/* Ends this worker alone, as ring_close and worker_stop_by end all. is_succeeded: another goes on with what waits in the spool. */
void worker_end(struct worker *w, int64_t deadline_ns, bool is_succeeded);
/* Counts and memory of the one before, which has been joined; before worker_start. */
void worker_inherit(struct worker *w, struct worker *before);
/* What must survive a restart: the counts, and what the sink itself wants to know again. Main; load before worker_start, save with
 * the state in a transaction. */
void worker_load(struct worker *w, struct state *state);
int worker_save(struct worker *w, struct state *state, struct err *err);

#endif
