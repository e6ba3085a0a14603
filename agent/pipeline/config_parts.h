/*
 * config_parts.h - what the files of the configuration share among themselves; nobody else includes it.
 *
 * Loading has two steps. First everything becomes raw sections: config_file.c reads files, config_args.c adds what the command
 * line and the environment say. Then config_values.c holds each raw section against its option tables, which gives a struct
 * config_section (every option, effective text, origin) and filled structs. config_text.c prints.
 */
#ifndef AGENT_PIPELINE_CONFIG_PARTS_H
#define AGENT_PIPELINE_CONFIG_PARTS_H

#include "agent/base/arena.h"
#include "agent/pipeline/config.h"

#define CONFIG_FILE_MAX (1 << 20)  /* bytes of one file */
#define CONFIG_FILES_MAX 256       /* files in all, includes counted */
#define CONFIG_DEPTH_MAX 8         /* includes within includes */
#define CONFIG_SECTIONS_MAX 256
#define CONFIG_OPTIONS_MAX 256     /* of one section */
#define CONFIG_LINE_MAX 4096       /* bytes of one line; less where libinih was built for less */
#define CONFIG_SECTION_NAME_MAX 49 /* libinih cuts longer ones */
#define CONFIG_PROBLEMS_MAX 100    /* after that many nobody reads on */
#define CONFIG_LABELS_MAX 32
#define CONFIG_LABEL_NAME_MAX 64
#define CONFIG_LABEL_VALUE_MAX 256
#define CONFIG_PATTERN_MAX 64      /* of a pattern for tables, with its NUL */
#define CONFIG_KNOWN_MAX 128         /* names among which the nearest is looked for */

/* All texts live in the config's arena. */
struct raw_entry {
    const char *name, *text, *where;
    bool is_usage; /* from the command line: a mistake here is a usage error */
};

struct raw_section {
    const char *kind;  /* "agent", "source", "sink" */
    const char *type;  /* "rocketmq"; "" for agent */
    const char *name;  /* type and name: "rocketmq prod"; "" for agent */
    const char *where;
    bool is_usage;
    bool is_ignored;       /* -n or --to stands in its place */
    bool is_readable_by_all; /* anybody on the machine can read the file it stands in */
    struct raw_entry *entries;
    size_t count, capacity;
};

struct raw_config {
    struct arena *arena;
    struct raw_section *sections;
    size_t count, capacity;
    size_t files;
};

struct raw_section *raw_add_section(struct raw_config *raw, const char *kind, const char *type, const char *name,
                                    const char *where);
struct raw_section *raw_find_section(const struct raw_config *raw, const char *kind, const char *name);
struct raw_entry *raw_add_entry(struct raw_config *raw, struct raw_section *section, const char *name, const char *text,
                                const char *where);
struct raw_entry *raw_find_entry(const struct raw_section *section, const char *name);
void raw_fini(struct raw_config *raw); /* the arrays; the texts belong to the arena */

/* Reads a file and what it includes. Everything wrong goes to errors. */
void config_file_read(const char *path, struct raw_config *raw, struct config_errors *errors);

/* One config_load under way. */
struct loader {
    const struct config_args *args;
    unsigned needs;
    struct config *config;
    struct arena *arena;
    struct raw_config raw;
    struct config_errors *errors;
};

/* What arguments and environment say, put into l->raw. */
void config_add_arguments(struct loader *l);
size_t config_count_sections(const struct loader *l, const char *kind); /* ignored ones are not counted */
struct raw_section *config_agent_section(struct loader *l);             /* made if no file had one */

enum problem_kind { PROBLEM_FILE, PROBLEM_USAGE, PROBLEM_WARNING };
void config_problem(struct config_errors *errors, enum problem_kind kind, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* " (did you mean NAME?)" written to hint, or "" if nothing is near; returns hint. known is NULL-terminated. */
const char *config_hint(char *hint, size_t size, const char *given, const char *const *known);

struct config_value {
    const struct option_spec *spec;
    const char *raw;   /* as written, references not yet replaced */
    const char *text;  /* effective */
    const char *where; /* NULL: the default */
};

struct config_section {
    const char *kind, *name, *where;
    struct config_value *values;
    size_t count;
};

struct option_binding { /* a table and the struct it fills */
    const struct option_spec *specs;
    void *base;
};

extern const struct option_spec config_agent_specs[], config_sink_common_specs[];

/* Holds raw against the tables (two at most, specs == NULL ends) and fills them. is_lenient: references that cannot be
 * resolved become "" and a warning. */
const struct config_section *config_fill(struct arena *arena, const struct raw_section *raw, const struct option_binding *tables,
                                         bool is_lenient, struct config_errors *errors);

/* "k=v, k2=v2" -> array in the arena that begins with base's labels (same name: replaced). NULL and a message in err if wrong.
 * base may be NULL. */
const struct sink_label *config_labels(struct arena *arena, const struct sink_label *base, const char *text, struct err *err);
/* A list of labels back to text, in the arena. */
const char *config_labels_text(struct arena *arena, const struct sink_label *labels);
/* One label without splitting at commas: for --label. */
const struct sink_label *config_label_add(struct arena *arena, const struct sink_label *base, const char *text, struct err *err);
/* As family_select, for tables that are not hidden. */
int config_select_tables(const char *patterns, bool *wanted, struct err *err);

/* What may be shown of a value: secrets and passwords masked. malloc'd. */
char *config_value_shown(const struct config_value *value);
void config_hash(const struct config *config, char hash[17]);

/* Memory of one config: its texts, arrays and sections. */
struct config_memory {
    struct arena arena;
    const struct config_section *agent;
};

#endif
