/*
 * sources.h - the configured sources, opened, as one: collect from all of them into one batch. Main thread.
 */
#ifndef AGENT_PIPELINE_SOURCES_H
#define AGENT_PIPELINE_SOURCES_H

#include "agent/pipeline/config.h"
#include "agent/pipeline/state.h"

struct sources;

/* Opens every source of the config (no network) but those that `old` (may be NULL) has with the same section: they are shared. Holds
 * the config. interval_ms 0: a single look. NULL with err if an option is wrong. */
struct sources *sources_open(struct sources *old, struct config *config, int64_t interval_ms, struct err *err);
void sources_close(struct sources *s); /* those that no other shares; NULL is fine */
/* What the sources of `old` know goes to the ones of the same name that were opened anew. */
void sources_hand_over(struct sources *old, struct sources *fresh);
/* What the sources must know again after a restart: before the first collection, and after each, in a transaction. */
void sources_load(struct sources *s, struct state *state);
int sources_save(struct sources *s, struct state *state, struct err *err);
/* Adds every source's rows. The worst result of all; err tells the first failure. Canceled: SOURCE_NOTHING and ERR_CANCELED at
 * once, the sources behind are not asked. */
enum source_result sources_collect(struct sources *s, struct batch *b, int64_t deadline_ns, int cancel_fd, struct err *err);

#endif
