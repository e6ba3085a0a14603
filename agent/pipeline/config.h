/*
 * config.h - what the user asked for: the file, the command line and the environment, put together, checked and named.
 *
 * config_load() reads everything and reports every error it finds, not only the first. What it gives is const: one owner (the
 * command), one config_free() for it and for each that holds it as well. Sources and sinks stand in it as allocated, filled structs
 * of their own (`self`); whoever starts them takes `self` out (sets it to NULL, frees it later), but the texts inside still point into the
 * config, so a config outlives everything taken from it. A reload loads a second config beside the first.
 *
 * Precedence of a value: command line (--interval, --set, --to), then file, then default. Main thread only.
 */
#ifndef AGENT_PIPELINE_CONFIG_H
#define AGENT_PIPELINE_CONFIG_H

#include "agent/base/err.h"
#include "agent/base/log.h"
#include "agent/base/option.h"
#include "agent/model/schema.h"
#include "agent/source/source.h"
#include "sinks/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONFIG_DEFAULT_FILE "/etc/mqpush/mqpush.conf"

/* [agent] */
struct agent_options {
    int64_t interval_ms;
    const char *state_dir;  /* "" = none */
    int64_t spool_max_bytes, spool_max_age_ms;
    const char *labels;     /* as written; parsed below */
    int log_level;          /* enum log_level */
    int64_t stop_timeout_ms;
    int64_t collect_timeout_ms; /* resolved: never 0 after loading */
    const struct sink_label *label_list; /* ends at name == NULL; sinks carry their own merged copy */
};

/* How a sink that fails is treated. */
struct sink_patience {
    int64_t retry_first_ms, retry_longest_ms; /* gaps between the tries of one interval; they double */
    int64_t breaker_after;    /* attempts that failed in a row; 0: no breaker */
    int64_t breaker_pause_ms;
};

/* The options every sink section takes beside its own. */
struct sink_common {
    const char *metrics;    /* globs over metric names, as written */
    const char *tables;     /* globs over table names, as written */
    int64_t max_series;     /* 0: no limit */
    int64_t timeout_ms;
    struct sink_patience patience;
    const char *labels;     /* as written; agent's and these, merged, stand in label_list */
    bool *wanted_families;  /* [family_count] */
    bool wanted_tables[TABLE_COUNT];
    const struct sink_label *label_list; /* ends at name == NULL */
};

struct config_section; /* every option of one section with its text and origin; see config_text() */

struct config_source {
    const struct source_ops *ops;
    const char *name;       /* unique among sources: "rocketmq", "rocketmq prod" */
    const char *key;        /* what goes into the key column `source`: "prod", or the type where there is no name */
    const char *where;      /* "/etc/mqpush/mqpush.conf:12", "-n", "NAMESRV_ADDR" */
    void *self;             /* ops->size bytes, options set, not opened; NULL once taken */
    const struct config_section *section;
};

struct config_sink {
    const struct sink_ops *ops;
    const char *name;       /* unique among sinks: "sqlite", "pushgateway dr" */
    const char *where;
    void *self;
    struct sink_common common;
    const struct config_section *section;
};

struct config {
    const char *file;       /* the file that was read; NULL: none, built-in defaults */
    struct agent_options agent;
    struct config_source *sources;
    size_t source_count;
    struct config_sink *sinks;
    size_t sink_count;
    bool used_default_sink; /* no sink was named: sinks[0] is the SQLite history, and the user should be told */
    char hash[17];          /* hex; changes when an effective value does, secrets excepted */
    struct config_memory *memory;
    unsigned holders;       /* beside the owner */
};

/* What stands on the command line; cli.c fills it. All zero is valid. Lists hold `_count` texts. */
struct config_args {
    const char *file;       /* -c; NULL: $MQPUSH_CONFIG, else CONFIG_DEFAULT_FILE if it exists, else none */
    const char *namesrv;    /* -n */
    const char *const *to;  /* --to URL */
    size_t to_count;
    const char *interval, *state_dir, *log_level;
    const char *const *labels; /* --label k=v */
    size_t label_count;
    const char *const *set; /* --set section.option=value */
    size_t set_count;
};

enum config_needs {
    CONFIG_NEEDS_SOURCE = 1, /* no source at all is an error that says how to name one */
    CONFIG_NEEDS_SINK = 2,   /* no sink at all becomes sqlite:history.db in the state directory */
    CONFIG_LENIENT = 4,      /* for those who only read: what only the service may see (credentials, files of its user, the
                              * default file itself) is a warning and stays empty; sources stay strict with NEEDS_SOURCE */
};

struct config_problem {
    bool is_warning;
    bool is_usage; /* the command line is wrong, not the file */
    char *where;   /* "FILE:LINE", "FILE", "--to", "--set" */
    char *text;    /* what was found, what was expected, the nearest known name */
};

struct config_errors {
    struct config_problem *list;
    size_t count;    /* both kinds */
    size_t errors;   /* those that are no warnings */
};

/* 0 and *out, or -1 with at least one error in errors (which the caller zeroes before and hands to config_errors_free after).
 * Warnings may be there in either case. `needs` is an OR of enum config_needs. */
int config_load(const struct config_args *args, unsigned needs, struct config **out, struct config_errors *errors);
void config_free(struct config *config); /* NULL is fine; the last one frees it, and what was not taken out */
struct config *config_hold(struct config *config); /* one config_free() more is needed */

/* For a reload (config_same.c): what did not change may go on. A different frame means that everything is opened again. */
bool config_is_same_source(const struct config_source *a, const struct config_source *b);
bool config_is_same_sink(const struct config_sink *a, const struct config_sink *b);
bool config_is_same_frame(const struct config *a, const struct config *b);

/* One line each: "FILE:LINE: text", warnings with "warning: " before the text. */
void config_errors_print(const struct config_errors *errors, bool with_warnings, FILE *to);
/* EX_CONFIG (78) if anything in a file is wrong, 2 if only the command line is, 0 if nothing is. */
int config_errors_exit_code(const struct config_errors *errors);
void config_errors_free(struct config_errors *errors);

/* The effective text of an option ("path" of the sink "sqlite"), or NULL if the section has no such option. Secrets are given
 * in the clear: not for people's eyes. */
const char *config_text(const struct config_section *section, const char *option);
/* The same for people's eyes: secrets and passwords masked. malloc'd; NULL if there is no such option. */
char *config_text_shown(const struct config_section *section, const char *option);

/* Every effective value with where it comes from; secrets masked. */
void config_show(const struct config *config, FILE *to);
/* Every option of every section, with its default and its sentence: the text of conf/mqpush.conf. */
void config_reference(FILE *to);

#endif
