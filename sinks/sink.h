/*
 * sink.h - what a sink is: the contract between the pipeline and whatever receives measurements.
 *
 * A sink is one const struct sink_ops and a struct of its own that the option table fills. The pipeline allocates that struct
 * (ops->size, zeroed), sets the options, and calls open, then deliver any number of times, then close: each from one thread
 * only, the sink's worker. A sink decides what the bytes are and moves them; whether to try again, what to count and what to
 * log is decided by the worker alone.
 */
#ifndef SINKS_SINK_H
#define SINKS_SINK_H

#include "agent/base/err.h"
#include "agent/base/option.h"
#include "agent/model/batch.h"

struct buf;

enum sink_mode {
    SINK_LATEST, /* only the newest state means anything (Pushgateway, StatsD) */
    SINK_EVERY,  /* each batch is history (SQLite, Redis) */
};

enum sink_result {
    SINK_OK,
    SINK_RETRY,  /* the peer may accept this batch later; err says why not now */
    SINK_REJECT, /* it never will; err says why */
};

struct sink_label {
    const char *name, *value;
};

/* What every sink is told about its surroundings. Owned by the pipeline, const, outlives the sink. */
struct sink_env {
    const char *name;          /* the section's name, for messages: "sqlite", "pushgateway dr" */
    const char *agent_version;
    const char *config_hash;   /* hex digest of the effective configuration */
    const char *start_reason;  /* "run", "once", "status": why this process runs */
    int64_t interval_ms;       /* 0: a single look */
    const struct sink_label *labels; /* constant labels, ends at name == NULL */
    const bool *families;      /* wanted[family_count] of family.h */
    const bool *tables;        /* wanted[TABLE_COUNT] */
    int64_t max_series;        /* 0: no limit */
    int64_t timeout_ms;        /* a network step that takes longer has failed */
};

/* One delivery. The first part is given, the second is filled by the sink as far as it knows. */
struct sink_delivery {
    int64_t deadline_ns; /* monotonic; deliver returns by then */
    int cancel_fd;       /* readable: leave at once with SINK_RETRY; -1 if there is none */

    uint64_t series;     /* samples or rows sent */
    uint64_t cut;        /* samples left out: max_series, or another sample has the same labels */
    uint64_t bytes;      /* on the wire or in the file */
    const char *first_cut; /* name of the first family cut, static text */
    int64_t retry_after_ms; /* the peer asked to wait this long; 0 if it did not */
    char note[240];         /* all went well, and yet somebody should know: a sentence for the log; "" if there is none */
};

struct sink_ops {
    const char *name;    /* the section is [sink NAME] */
    const char *help;    /* one line */
    const char *schemes; /* URL schemes of --to, separated by blanks: "http https" */
    const char *address_option; /* option that receives what the URL says */
    bool keeps_scheme;   /* the whole URL goes there ("http://gw:9091"), else what follows "scheme:" ("history.db") */
    enum sink_mode mode;
    enum sink_mode (*mode_of)(const void *self); /* where options decide, once they are set; NULL: always `mode` */
    const struct option_spec *options; /* ends with { 0 } */
    size_t size;         /* of the sink's own struct */

    /* Checks options, allocates. No network and no waiting: a dead peer never stops the start. -1: the options are wrong. */
    int (*open)(void *self, const struct sink_env *env, struct err *err);
    /* Connects when needed; keeps no pointer to the batch; does not log; the same batch may come again and must do no harm. */
    enum sink_result (*deliver)(void *self, const struct batch *b, struct sink_delivery *d, struct err *err);
    /* Pure: the bytes this sink would be given, secrets masked. For `once --dry-run` and tests. */
    int (*render)(void *self, const struct batch *b, struct buf *out, struct err *err);
    /* For `config check --connect`: reaches the peer, changes nothing. NULL where there is nothing to reach. detail: what was
     * found ("Pushgateway 1.5.1"), for people. */
    int (*probe)(void *self, int64_t deadline_ns, char *detail, size_t size, struct err *err);
    /* Optional, both or none: what the sink must know again after a restart (the last value of a counter, say), in a few KB. save
     * comes after each delivery that was OK, on the worker's thread, and appends the bytes; they are written down with the next
     * interval and at the stop. load comes once, after open and before the first delivery, if there are bytes: maybe of another
     * version, or of another configuration of this name. -1: not understood, the sink starts without. */
    void (*save)(const void *self, struct buf *out);
    int (*load)(void *self, const void *data, size_t len, struct err *err);
    /* The library it stands on, with its version ("SQLite 3.40.1"), for --version; NULL where there is none. */
    const char *(*library)(void);
    /* Always called, also after a failed open. The process ends or reloads: flush, delete_on_stop and such belong here. */
    void (*close)(void *self);
};

extern const struct sink_ops *const sink_registry[]; /* ends with NULL */

const struct sink_ops *sink_find(const char *name);
/* What a sink with these options is; ask this, not ops->mode. */
enum sink_mode sink_mode(const struct sink_ops *ops, const void *self);
/* The sink whose schemes include the one before the first ':' of url, or NULL. */
const struct sink_ops *sink_find_scheme(const char *url);

#endif
