/*
 * crew.h - the configured sinks, each with its worker. A reload makes a second crew that shares the workers whose section did not
 * change; they notice nothing. Main thread.
 */
#ifndef AGENT_PIPELINE_CREW_H
#define AGENT_PIPELINE_CREW_H

#include "agent/pipeline/worker.h"

struct crew;

struct crew_place { /* where the workers of all crews work */
    struct ring *ring;
    const char *reason; /* "run", "once" */
    bool once;
    int news_fd;
};

/* What a sink is told about its surroundings. */
struct sink_env crew_env(const struct config *config, const struct config_sink *sink, const char *reason);

/* Opens what is not in `old` (NULL: everything), no network. Holds the config. NULL with err if an option is wrong. */
struct crew *crew_open(struct crew *old, struct config *config, const struct crew_place *place, struct err *err);
/* Closes the sinks that no other crew shares; their workers have ended, or never started. NULL is fine. */
void crew_close(struct crew *crew);

struct worker *const *crew_workers(const struct crew *crew); /* in the order of the configuration */
size_t crew_count(const struct crew *crew);

/* Starts the workers that do not run yet. */
void crew_start(struct crew *crew);
/* Ends, by the deadline, the workers that only `old` has. */
void crew_end_leaving(struct crew *old, const struct crew *fresh, int64_t deadline_ns);
/* Counts and memory go from those to the ones of the same name. After crew_end_leaving, before crew_start. */
void crew_hand_over(struct crew *old, struct crew *fresh);

#endif
