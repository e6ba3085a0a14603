/*
 * cli.h - the command line: one table per command says what it takes; parsing, --help, the manual pages and shell completion
 * come from it.
 *
 * Each cmd_<word>.c defines one const struct cli_command (declared at the end of this file), whose `run` gets argv from the
 * word on (argv[0] is "status"). It begins with
 *
 *     struct status_args args = { .top = 20 };
 *     struct cli cli;
 *     int code = cli_parse(&command_status, argc, argv, &cli, &args);
 *     if (code != CLI_GO)
 *         return code;
 *     ...
 *     cli_fini(&cli);
 *
 * Long options are never abbreviated: a script that says --to must not change its meaning the day --topic is added. Options
 * and operands mix; "--" ends options. Main thread only.
 */
#ifndef AGENT_CLI_H
#define AGENT_CLI_H

#include "agent/pipeline/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 78 };
#define CLI_GO (-1) /* cli_parse: go on; anything else is the exit code */

enum cli_type {
    CLI_FLAG,     /* bool */
    CLI_TEXT,     /* const char * */
    CLI_LIST,     /* struct cli_list: may be given many times */
    CLI_INT,      /* int64_t, not negative */
    CLI_DURATION, /* int64_t, milliseconds: "10s", "5m"; a bare number is seconds */
    CLI_CHOICE,   /* int: index into choices */
};

struct sources;

struct cli_list {
    const char **items;
    size_t count;
};

struct cli_option {
    const char *name;    /* long name, without dashes */
    char letter;         /* short name, 0 if there is none; wins over a common option's letter */
    enum cli_type type;
    size_t offset;       /* of the field in the command's own struct */
    const char *arg;     /* what help calls the value: "FILE"; NULL for a flag */
    const char *help;    /* a few words, no full stop */
    const char *const *choices; /* NULL-terminated, for CLI_CHOICE */
    const char *implied; /* not NULL: the value may be left out (--watch[=SEC]) and is this then; only "=" attaches one */
};

#define CLI_OPTION(name_, letter_, type_, struct_, field_, arg_, help_) \
    { .name = (name_), .letter = (letter_), .type = (type_), .offset = offsetof(struct_, field_), .arg = (arg_), .help = (help_) }

/* Groups of common options a command takes (OR them); --color, --help, -v come with every command. */
enum cli_common {
    CLI_CONFIG = 1,  /* -c FILE, --set section.option=value */
    CLI_SOURCE = 2,  /* -n ADDR */
    CLI_SINKS = 4,   /* --to URL */
    CLI_AGENT = 8,   /* --interval, --state-dir, --label */
};

struct cli_word { /* what a first operand may be: "check", "show" */
    const char *word, *help;
};

struct cli_example {
    const char *line, *what; /* "mqpush status --bad", "only what is wrong" */
};

struct cli_command {
    const char *word;
    const char *help;        /* one line for `mqpush --help` */
    const char *synopsis;    /* after the word: "[WHAT] [-n ADDR | -d FILE]" */
    const struct cli_example *examples; /* two or three, ends with { 0 } */
    const struct cli_word *words;       /* or NULL; ends with { 0 } */
    const struct cli_option *options;   /* its own, or NULL; ends with { 0 } */
    unsigned common;         /* enum cli_common */
    int operands_min, operands_max; /* -1: no limit */
    int (*run)(int argc, char **argv);
};

enum cli_color { CLI_COLOR_AUTO, CLI_COLOR_ALWAYS, CLI_COLOR_NEVER };

/* What the common options said. */
struct cli {
    const struct cli_command *command;
    struct config_args config;    /* ready for config_load */
    int color;                    /* enum cli_color */
    bool is_verbose;              /* -v: log level debug */
    const char **operands;        /* operand_count, then NULL */
    int operand_count;
    struct cli_list to, labels, set;
    const char ***lists;          /* memory of every list, the command's own included, for cli_fini */
    size_t list_count;
};

/* CLI_GO; or the exit code after --help (printed) or a usage error (said). fields: the command's own struct, set to its defaults
 * by the caller; NULL if the command has no options of its own. */
int cli_parse(const struct cli_command *command, int argc, char **argv, struct cli *cli, void *fields);
void cli_fini(struct cli *cli);

/* "mqpush status: <text>" and where to find help, on stderr; returns EXIT_USAGE. */
int cli_usage_error(const struct cli_command *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "mqpush status: <text>" on stderr; returns EXIT_FAILED. */
int cli_failed(const struct cli_command *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The index of the first operand among the command's words; 0-based; -1 if it is none of them, which has then been said (with the
 * nearest one). No operand at all: `fallback`. */
int cli_word(const struct cli *cli, int fallback);
void cli_help(const struct cli_command *command, FILE *to);

/* Loads the configuration, sets the log level, and says every error on stderr. CLI_GO, or the exit code. */
int cli_load_config(const struct cli *cli, unsigned needs, struct config **out);
/* Its sources, for single looks (pipeline.h); until sources_close. CLI_GO, or the exit code: what is wrong with them has been said. */
int cli_open_sources(const struct cli_command *command, struct config *config, struct sources **out);

/* Colour on this stream? --color, then NO_COLOR, CLICOLOR_FORCE and FORCE_COLOR, then TERM, then whether it is a terminal. */
bool cli_use_color(const struct cli *cli, FILE *stream);
/* The end of a command that wrote to stdout: flushes it. EXIT_FAILED (and says why) if it could not all be written, else code. */
int cli_finish(const struct cli_command *command, int code);

/* The name nearest to `given` among the commands of a NULL-terminated list, or NULL: for main.c. */
const char *cli_nearest_command(const char *given, const struct cli_command *const *commands);

/* One per cmd_<word>.c; main.c lists them. */
extern const struct cli_command command_run, command_once, command_status, command_explain, command_diff, command_report;
extern const struct cli_command command_export, command_note, command_db, command_check, command_config, command_sweep;
extern const struct cli_command command_metrics, command_completion;

#endif
