/*
 * cmd_status.c - `mqpush status`: backlog and health, now from the cluster or at any moment from the history.
 *
 * Whatever it looks at becomes one sealed batch; from there on a live look and a past one are the same code (agent/view). The
 * wish is checked before anybody is asked. Exit 1 tells that a part did not answer; what did is shown all the same.
 */
#include "agent/cmd_status.h"

#include "agent/base/clock.h"
#include "agent/view/when.h"
#include "sinks/sqlite/history.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define WATCH_LIVE_MS 10000 /* --watch without a number */
#define WATCH_LEAST_MS 1000

static const char *const output_names[] = { "table", "wide", "json", "jsonl", "csv", "tsv", "md", "prom", NULL };

static const struct cli_option options[] = {
    CLI_OPTION("live", 0, CLI_FLAG, struct status_args, is_live, NULL, "ask the configured sources, not the history"),
    CLI_OPTION("history", 'd', CLI_TEXT, struct status_args, history, "FILE", "read this history file"),
    CLI_OPTION("state-dir", 0, CLI_TEXT, struct status_args, state_dir, "DIR", "of the agent that has this one: its sinks, its history.db"),
    CLI_OPTION("at", 0, CLI_TEXT, struct status_args, at, "TIME", "as it was then: -2h, 22:00, 2026-11-21 22:00"),
    CLI_OPTION("topic", 0, CLI_TEXT, struct status_args, query.topic, "GLOB", "only what has to do with these topics"),
    CLI_OPTION("group", 0, CLI_TEXT, struct status_args, query.group, "GLOB", "... with these groups"),
    CLI_OPTION("broker", 0, CLI_TEXT, struct status_args, query.broker, "GLOB", "... with these brokers"),
    CLI_OPTION("cluster", 0, CLI_TEXT, struct status_args, query.cluster, "GLOB", "... with these clusters"),
    CLI_OPTION("bad", 0, CLI_FLAG, struct status_args, query.only_bad, NULL, "only rows that need attention"),
    CLI_OPTION("sort", 0, CLI_TEXT, struct status_args, query.sort, "COLUMNS", "largest first, -COLUMN smallest first"),
    CLI_OPTION("top", 0, CLI_INT, struct status_args, top, "N", "the first N rows"),
    CLI_OPTION("columns", 0, CLI_TEXT, struct status_args, query.columns, "LIST", "these columns; \"help\" lists them"),
    { .name = "output", .letter = 'o', .type = CLI_CHOICE, .offset = offsetof(struct status_args, output), .arg = "FORMAT",
      .help = "table wide json jsonl csv tsv md prom", .choices = output_names },
    { .name = "watch", .type = CLI_DURATION, .offset = offsetof(struct status_args, watch_ms), .arg = "SECONDS",
      .help = "look again and again", .implied = "0" },
    CLI_OPTION("exact", 0, CLI_FLAG, struct status_args, is_exact, NULL, "12345 instead of 12.3k"),
    CLI_OPTION("utc", 0, CLI_FLAG, struct status_args, is_utc, NULL, "times in UTC"),
    CLI_OPTION("tz", 0, CLI_TEXT, struct status_args, zone, "ZONE", "times in this zone: Europe/Berlin"),
    CLI_OPTION("width", 0, CLI_INT, struct status_args, width, "COLUMNS", "of the screen; 0: cut nothing"),
    { 0 },
};

static const struct cli_example examples[] = {
    { "mqpush status -n 10.0.0.1:9876", "every group, worst first, now" },
    { "mqpush status backlogs --bad --at -2h", "what was behind two hours ago" },
    { "mqpush status queues --group orders -o json", "for scripts" },
    { "mqpush status sinks --bad", "who does not get what is collected" },
    { 0 },
};

static const struct cli_word words[] = {
    { "groups", "one row per consumer group (the default)" },
    { "backlogs", "one row per consumer group and topic" },
    { "topics", "one row per topic and broker" },
    { "queues", "one row per consumer group and queue" },
    { "clients", "one row per client of a consumer group" },
    { "producers", "one row per producer group and broker" },
    { "brokers", "one row per broker process" },
    { "scrapes", "one row per target asked" },
    { "agent", "one row per part of the agent" },
    { "sinks", "one row per sink: delay, drops, the newest error" },
    { 0 },
};

/* ---- once, or again and again ---- */

/* Until the next look. False if whoever read our output has left. */
static bool wait_for_next(int64_t ms)
{
    struct pollfd out = { .fd = STDOUT_FILENO };
    int64_t deadline_ns = clock_now_ns() + ms * NS_PER_MS;

    while (clock_now_ns() < deadline_ns) {
        int rc = poll(&out, 1, clock_ms_until(deadline_ns));
        if (rc > 0 || (rc < 0 && errno != EINTR))
            return false;
    }
    return true;
}

/* A history has nothing new before its next interval. */
static int64_t pause_ms(const struct status *status, const struct batch *b)
{
    int64_t asked_ms = status->args->watch_ms, interval_ms = batch_info(b)->interval_ms;

    if (status->is_live)
        return asked_ms > WATCH_LEAST_MS ? asked_ms : asked_ms == 0 ? WATCH_LIVE_MS : WATCH_LEAST_MS;
    if (interval_ms < WATCH_LEAST_MS)
        interval_ms = WATCH_LIVE_MS;
    return asked_ms > interval_ms ? asked_ms : interval_ms;
}

static int show(struct status *status)
{
    for (;;) {
        struct batch *b = NULL;
        int code = status_look(status, &b);
        if (b == NULL)
            return code;
        int64_t next_ms = pause_ms(status, b);
        int rc = status_print(status, b), error = errno;
        batch_unref(b);
        errno = error; /* of a failed write: cli_finish tells it */
        if (rc < 0 || status->args->watch_ms == STATUS_NOT_GIVEN || !wait_for_next(next_ms))
            return code;
    }
}

/* ---- understanding the arguments ---- */

static int list_columns(enum table_id t)
{
    const struct table *table = &schema_tables[t];

    for (unsigned c = 0; c < table->column_count; c++)
        if (!table->columns[c].hidden)
            printf("%-32s %-12s %s\n", table->columns[c].name, table->columns[c].unit, table->columns[c].help);
    return EXIT_DONE;
}

static const char *conflict(const struct status *status)
{
    const struct status_args *args = status->args;

    if (status->is_live && status->plan.table == TABLE_SINKS)
        return "sinks are a matter of the running agent: -n and --live ask the cluster";
    if (status->output == OUTPUT_PROM && status->plan.table == TABLE_SINKS)
        return "sinks have no metrics of their own beside those of `agent`: -o prom prints those";
    if (status->is_live && args->history != NULL)
        return "-d reads a history; -n and --live ask the cluster: one of them";
    if (status->is_live && args->at != NULL)
        return "--at looks back; -n and --live ask the cluster as it is now";
    if (args->at != NULL && args->watch_ms != STATUS_NOT_GIVEN)
        return "--at shows one moment; --watch waits for the next";
    if (args->is_utc && args->zone != NULL)
        return "--utc and --tz: one of them";
    if (args->query.top > UINT32_MAX - 1)
        return "--top: too large";
    if (status->output == OUTPUT_PROM &&
        (status->plan.filter_count > 0 || args->query.only_bad || args->top > 0 || args->query.columns != NULL))
        return "-o prom prints whole metrics: no filters, no --top, no --columns";
    return NULL;
}

static enum output choose_output(const struct status_args *args)
{
    if (args->output != STATUS_NOT_GIVEN)
        return (enum output)args->output;
    return args->watch_ms != STATUS_NOT_GIVEN && !isatty(STDOUT_FILENO) ? OUTPUT_TSV : OUTPUT_TABLE;
}

/* CLI_GO, or the exit code. */
static int understand(struct status *status, enum table_id table)
{
    const struct status_args *args = status->args;
    struct err err = { 0 };

    status->output = choose_output(args);
    status->is_live = args->is_live || status->cli->config.namesrv != NULL;
    status->is_redrawn = args->watch_ms != STATUS_NOT_GIVEN && isatty(STDOUT_FILENO) && status->output <= OUTPUT_WIDE;
    status->at_ms = HISTORY_NEWEST;
    if (view_plan_init(&status->plan, table, &args->query, &err) < 0)
        return cli_usage_error(&command_status, "%s", err.msg);
    if (conflict(status) != NULL)
        return cli_usage_error(&command_status, "%s", conflict(status));
    if ((args->is_utc || args->zone != NULL) && when_set_zone(args->is_utc ? "UTC" : args->zone, &err) < 0)
        return cli_usage_error(&command_status, "--tz: %s", err.msg);
    if (args->at != NULL && when_parse(args->at, clock_wall_ms(), &status->at_ms, &err) < 0)
        return cli_usage_error(&command_status, "--at: %s", err.msg);
    return CLI_GO;
}

static int status_of(const struct cli *cli, struct status_args *args)
{
    struct status status = { .cli = cli, .args = args, .is_one_table = cli->operand_count > 0 };

    int word = cli_word(cli, 0);
    if (word < 0)
        return EXIT_USAGE;
    int table = schema_find_table(words[word].word);
    if (args->query.columns != NULL && strcmp(args->query.columns, "help") == 0)
        return list_columns((enum table_id)table);
    args->query.top = (uint32_t)(args->top < UINT32_MAX ? args->top : UINT32_MAX);
    int code = understand(&status, (enum table_id)table);
    if (code == CLI_GO)
        code = show(&status);
    status_look_end(&status);
    return code;
}

static int run_status(int argc, char **argv)
{
    struct status_args args = { .width = STATUS_NOT_GIVEN, .watch_ms = STATUS_NOT_GIVEN, .output = STATUS_NOT_GIVEN };
    struct cli cli;
    int code = cli_parse(&command_status, argc, argv, &cli, &args);

    if (code != CLI_GO)
        return code;
    cli.config.state_dir = args.state_dir;
    code = status_of(&cli, &args);
    cli_fini(&cli);
    return cli_finish(&command_status, code);
}

const struct cli_command command_status = {
    .word = "status",
    .help = "backlog and health: now from the cluster, or at any moment from the history",
    .synopsis = "[WHAT] [-n ADDR | -d FILE] [--at TIME]",
    .examples = examples,
    .words = words,
    .options = options,
    .common = CLI_CONFIG | CLI_SOURCE,
    .operands_max = 1,
    .run = run_status,
};
