/*
 * sweep.h - the groups of a gateway that somebody may want gone: which there are, how old, and removing one.
 *
 * A gateway keeps a group for ever, and Prometheus takes the values of an agent that died a year ago for today's. What may go is
 * decided by `mqpush sweep`; this is how. `sink` is a pushgateway sink that has been opened. One thread.
 */
#ifndef SINKS_PUSHGATEWAY_SWEEP_H
#define SINKS_PUSHGATEWAY_SWEEP_H

#include "sinks/sink.h"

#include <stdbool.h>
#include <stdint.h>

struct sweep_group {
    const struct sink_label *labels; /* job first, ends at name == NULL */
    int64_t pushed_at_s;             /* the newest push, taken or refused: its agent was alive then; NO_INT: unknown */
    int64_t age_ms;                  /* by the gateway's clock, never negative; NO_INT: unknown */
};

struct sweep_list {
    struct sweep_group *groups; /* the oldest first, those of unknown age last */
    size_t count;
    void *state;
};

/* "Pushgateway gw:9091" */
const char *sweep_gateway(const void *sink);
const char *sweep_own_job(const void *sink);
/* Is this the group the sink pushes into? */
bool sweep_is_own(const void *sink, const struct sweep_group *group);

int sweep_read(void *sink, int64_t deadline_ns, struct sweep_list *out, struct err *err);
void sweep_list_fini(struct sweep_list *list); /* zeroed is fine */

/* 0: gone, or never was there. */
int sweep_remove(void *sink, const struct sweep_group *group, int64_t deadline_ns, struct err *err);

#endif
