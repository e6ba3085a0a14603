/*
 * source.h - what a source is: the mirror image of a sink (sinks/sink.h).
 *
 * A source is one const struct source_ops and a struct of its own that the option table fills; all calls come from the main
 * thread. It alone knows its queue system. A target that fails is a row in the scrapes table, not a reason to drop the rest.
 */
#ifndef AGENT_SOURCE_SOURCE_H
#define AGENT_SOURCE_SOURCE_H

#include "agent/base/err.h"
#include "agent/base/option.h"
#include "agent/model/batch.h"

struct buf;

struct source_env {
    const char *name;    /* the section's name ("prod"), or the type where it has none: goes into the key `source` */
    int64_t interval_ms; /* between collections; 0: a single look, ask for everything now */
};

enum source_result {
    SOURCE_ALL,     /* every target answered everything */
    SOURCE_SOME,    /* something is missing; err says what came first, scrapes says all */
    SOURCE_NOTHING, /* no table was filled but scrapes; err says why */
};

struct source_ops {
    const char *name;    /* the section is [source NAME] */
    const char *help;    /* one line */
    const char *address_option; /* option that -n fills */
    const struct option_spec *options; /* ends with { 0 } */
    size_t size;         /* of the source's own struct */

    /* Checks options, allocates; no network. */
    int (*open)(void *self, const struct source_env *env, struct err *err);
    /* Adds this interval's rows to the open batch and returns by deadline_ns (monotonic), or soon after cancel_fd is readable. */
    enum source_result (*collect)(void *self, struct batch *b, int64_t deadline_ns, int cancel_fd, struct err *err);
    /* For `config check --connect`: one line per thing reached or not, through `say` (ok, target, detail). */
    int (*probe)(void *self, int64_t deadline_ns, void (*say)(void *ctx, bool ok, const char *target, const char *detail),
                 void *ctx, struct err *err);
    /* Optional, both or none: what the source must know again after a restart (last values, windows, what was asked when). save
     * comes after each collection and appends the bytes; they are written with that interval, in the same transaction, so each
     * interval pays for them. load comes once, after open and before the first collection, if there are bytes: maybe of another
     * version, or of another configuration of this name. -1: not understood, the source starts without. */
    void (*save)(const void *self, struct buf *out);
    int (*load)(void *self, const void *data, size_t len, struct err *err);
    void (*close)(void *self); /* always called, also after a failed open */
};

extern const struct source_ops *const source_registry[]; /* ends with NULL */

const struct source_ops *source_find(const char *name);

#endif
