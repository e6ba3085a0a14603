/*
 * cmd_status.h - what the files of `mqpush status` share among themselves; nobody else includes it.
 *
 * cmd_status.c understands the arguments and looks once or again and again, cmd_status_look.c knows where the batch comes from, and
 * cmd_status_print.c what it looks like.
 */
#ifndef AGENT_CMD_STATUS_H
#define AGENT_CMD_STATUS_H

#include "agent/cli.h"
#include "agent/view/term.h"
#include "agent/view/view_plan.h"

struct batch;
struct config;
struct sources;

#define STATUS_NOT_GIVEN (-1)

enum output { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_JSONL, OUTPUT_CSV, OUTPUT_TSV, OUTPUT_MD, OUTPUT_PROM };

struct status_args {
    struct view_query query;
    bool is_live, is_utc, is_exact;
    const char *history, *at, *zone;
    int64_t top, width, watch_ms;
    int output;
    const char *state_dir;
};

/* What one `status` is about, once its arguments are understood. */
struct status {
    const struct cli *cli;
    const struct status_args *args;
    struct view_plan plan;
    enum output output;
    int64_t at_ms;       /* the moment asked for, or HISTORY_NEWEST */
    bool is_live;
    bool is_one_table;   /* WHAT was given: -o prom prints what belongs to it */
    bool is_redrawn;     /* --watch on a terminal */
    struct term term;
    uint64_t frames;     /* printed so far */
    struct config *config;   /* of a live look, and its sources: open until the last one */
    struct sources *sources;
};

/* Tables and their like; a script gets bare data. */
bool status_is_for_people(const struct status *status);

/* A sealed batch, or NULL; the exit code tells what was missing, which has been said. */
int status_look(struct status *status, struct batch **b);
void status_look_end(struct status *status);
/* 0, or -1 with errno. */
int status_print(struct status *status, const struct batch *b);

#endif
