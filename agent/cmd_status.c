/*
 * cmd_status.c - `mqpush status`: backlog and health, now from the cluster or at any moment from the history.
 *
 * Whatever it looks at becomes one sealed batch; from there on a live look and a past one are the same code (agent/view). The
 * wish is checked before anybody is asked. Exit 1 tells that a part did not answer; what did is shown all the same.
 */
#include "agent/cli.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/family.h"
#include "agent/pipeline/pipeline.h"
#include "agent/pipeline/report.h"
#include "agent/view/format.h"
#include "agent/view/human.h"
#include "agent/view/out.h"
#include "agent/view/page.h"
#include "agent/view/table_view.h"
#include "agent/view/when.h"
#include "sinks/prom_text.h"
#include "sinks/sqlite/history.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOT_GIVEN (-1)
#define WATCH_LIVE_MS 10000 /* --watch without a number; a look asks everything */
#define WATCH_LEAST_MS 1000
#define WATCH_ROWS_LEAST 3

enum output { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_JSONL, OUTPUT_CSV, OUTPUT_TSV, OUTPUT_MD, OUTPUT_PROM };

static const char *const output_names[] = { "table", "wide", "json", "jsonl", "csv", "tsv", "md", "prom", NULL };

struct status_args {
    struct view_query query;
    bool is_live, is_utc, is_exact;
    const char *history, *at, *zone;
    int64_t top, width, watch_ms;
    int output;
    const char *state_dir;
};

static const struct cli_option options[] = {
    CLI_OPTION("live", 0, CLI_FLAG, struct status_args, is_live, NULL, "ask the configured sources, not the history"),
    CLI_OPTION("history", 'd', CLI_TEXT, struct status_args, history, "FILE", "read this history file"),
    CLI_OPTION("state-dir", 0, CLI_TEXT, struct status_args, state_dir, "DIR", "sinks: of the agent that has this one"),
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
    { "sinks", "one row per sink of the running agent" },
    { 0 },
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
};

static bool is_for_people(const struct status *status)
{
    return status->output <= OUTPUT_WIDE || status->output == OUTPUT_MD;
}

/* ---- the batch ---- */

static int look_live(const struct status *status, struct batch **b)
{
    struct config *config;
    struct err err = { 0 };
    int code = cli_load_config(status->cli, CONFIG_NEEDS_SOURCE | CONFIG_LENIENT, &config);

    *b = NULL;
    if (code != CLI_GO)
        return code;
    int looked = pipeline_look(config, b, &err);
    config_free(config);
    if (*b == NULL) {
        cli_failed(&command_status, "%s", err.msg);
        return EXIT_CONFIG;
    }
    /* A page says itself who did not answer; scripts are told beside the data. */
    bool is_said = is_for_people(status) && page_coverage(*b) < 1;
    if (looked != 0 && !is_said)
        cli_failed(&command_status, "%s: %s", looked < 0 ? "nothing could be collected" : "incomplete", err.msg);
    return looked == 0 ? EXIT_DONE : EXIT_FAILED;
}

static const char *configured_history(const struct config *config)
{
    for (size_t i = 0; i < config->sink_count; i++)
        if (strcmp(config->sinks[i].ops->name, "sqlite") == 0)
            return config_text(config->sinks[i].section, "path");
    return NULL;
}

static int load_history(const struct status *status, const char *file, struct batch **out)
{
    struct err err = { 0 };
    struct history *history;

    if (history_open(file, &history, &err) < 0)
        return cli_failed(&command_status, "%s (`mqpush run` and `once` write one; -n ADDR or --live asks the cluster)", err.msg);
    struct batch *b = batch_new();
    int rc = history_load(history, status->at_ms, b, &err);
    history_close(history);
    if (rc < 0) {
        batch_unref(b);
        return cli_failed(&command_status, "%s: %s", file, err.msg);
    }
    if (status->plan.table == TABLE_SINKS)
        report_from_agent(b);
    batch_seal(b);
    *out = b;
    return batch_info(b)->complete || status->plan.table == TABLE_SINKS ? EXIT_DONE : EXIT_FAILED;
}

static int look_back(const struct status *status, struct batch **b)
{
    struct config *config;

    *b = NULL;
    if (status->args->history != NULL)
        return load_history(status, status->args->history, b);
    int code = cli_load_config(status->cli, CONFIG_NEEDS_SINK | CONFIG_LENIENT, &config);
    if (code != CLI_GO)
        return code;
    const char *file = configured_history(config);
    if (file != NULL)
        code = load_history(status, file, b);
    else
        code = cli_failed(&command_status, "the configuration has no sqlite sink, so there is no history to read; "
                                           "name a file with -d FILE, or ask the cluster with -n ADDR or --live");
    config_free(config);
    return code;
}

/* ---- sinks: what the running agent says, else what the history says of it ---- */

/* A report that nobody has renewed for two intervals and a bit is old news. */
#define REPORT_LATE_MS 5000

/* Says so unless the report is of now. */
static int check_report(const struct report_head *head)
{
    char text[HUMAN_TEXT_MAX];
    int64_t age_ms = clock_wall_ms() - head->written_ms;

    if (head->stopped_ms > 0) {
        human_time(text, head->stopped_ms);
        return cli_failed(&command_status, "the agent stopped at %s; this is how it left its sinks", text);
    }
    if (age_ms <= 2 * head->interval_ms + REPORT_LATE_MS)
        return EXIT_DONE;
    human_seconds(text, (double)(age_ms / 1000));
    return cli_failed(&command_status, "the agent has not reported for %s; does it run?", text);
}

/* *b stays NULL if there is no report; else the code tells. */
static int load_report(const char *directory, struct batch **out)
{
    struct err err = { 0 };
    struct report_head head;
    struct batch *b = batch_new();
    int result = directory[0] != '\0' ? report_read(directory, b, &head, &err) : 0;

    if (result <= 0) {
        batch_unref(b);
        return result < 0 ? cli_failed(&command_status, "%s", err.msg) : EXIT_DONE;
    }
    batch_seal(b);
    *out = b;
    return check_report(&head);
}

static int look_at_report(const struct status *status, struct batch **b)
{
    struct config *config;

    *b = NULL;
    if (status->args->history != NULL)
        return load_history(status, status->args->history, b);
    if (status->args->state_dir != NULL && status->at_ms == HISTORY_NEWEST) {
        int told = load_report(status->args->state_dir, b);
        if (*b != NULL || told != EXIT_DONE)
            return told;
    }
    int code = cli_load_config(status->cli, CONFIG_NEEDS_SINK | CONFIG_LENIENT, &config);
    if (code != CLI_GO)
        return code;
    const char *file = configured_history(config);
    const char *directory = status->args->state_dir != NULL ? status->args->state_dir : config->agent.state_dir;
    code = status->at_ms == HISTORY_NEWEST ? load_report(directory, b) : EXIT_DONE;
    if (*b == NULL && code == EXIT_DONE && file != NULL && access(file, F_OK) == 0)
        code = load_history(status, file, b);
    else if (*b == NULL && code == EXIT_DONE)
        code = cli_failed(&command_status, "nothing is known of sinks: no " REPORT_FILE " in %s, and no history; `mqpush run` with a "
                                           "state_dir writes one (name it with --state-dir), -d FILE reads a history",
                          directory[0] != '\0' ? directory : "a state directory (none is configured)");
    config_free(config);
    return code;
}

/* ---- the bytes ---- */

static void put_prom(struct buf *to, const struct status *status, const struct batch *b)
{
    bool *wanted = xcalloc(family_count, sizeof(*wanted));

    for (unsigned i = 0; i < family_count; i++)
        wanted[i] = !status->is_one_table || families[i].table == status->plan.table;
    prom_text_render(b, wanted, NULL, 0, to);
    free(wanted);
}

static void put_page(struct buf *to, const struct status *status, const struct table_view *view, const struct format_head *head)
{
    struct page page = {
        .view = view,
        .people = { .is_exact = status->args->is_exact, .at_ms = head->at_ms },
        .term = status->term,
        .fit = status->output == OUTPUT_WIDE ? FORMAT_AS_IS : status->plan.column_count > 0 ? FORMAT_CUT : FORMAT_DROP,
        .is_md = status->output == OUTPUT_MD,
        .now_ms = head->generated_ms,
    };

    page_put(to, &page);
}

/* Separated rows of many moments need to say which; those of one do not. */
static void put_separated(struct buf *to, const struct status *status, const struct grid *grid, int64_t at_ms)
{
    char at[HUMAN_TEXT_MAX];
    bool is_watch = status->args->watch_ms != NOT_GIVEN, with_header = status->frames == 0;

    human_rfc3339(at, at_ms);
    (status->output == OUTPUT_CSV ? format_csv : format_tsv)(to, grid, is_watch ? at : NULL, with_header);
}

static void put_frame(struct buf *to, const struct status *status, const struct batch *b)
{
    struct view_plan plan = status->plan;
    struct table_view view;
    struct format_head head = {
        .table = schema_tables[plan.table].name,
        .generated_ms = clock_wall_ms(),
        .at_ms = batch_info(b)->time_ms,
        .coverage = page_coverage(b),
    };

    if (status->output == OUTPUT_PROM) {
        put_prom(to, status, b);
        return;
    }
    if (status->is_redrawn) { /* more rows than the screen has would scroll the top away */
        unsigned around = page_lines_around(b);
        uint32_t room = status->term.height > around + WATCH_ROWS_LEAST ? status->term.height - around : WATCH_ROWS_LEAST;
        plan.top = plan.top > 0 && plan.top < room ? plan.top : room;
    }
    enum view_pick for_people = status->output == OUTPUT_WIDE ? VIEW_WIDE : VIEW_PEOPLE;
    table_view_init(&view, &plan, b, is_for_people(status) ? for_people : VIEW_MACHINE);
    if (is_for_people(status))
        put_page(to, status, &view, &head);
    else if (status->output == OUTPUT_JSON)
        format_json(to, &view.grid, &head);
    else if (status->output == OUTPUT_JSONL)
        format_jsonl(to, &view.grid, &head);
    else
        put_separated(to, status, &view.grid, head.at_ms);
    table_view_fini(&view);
}

/* 0, or -1 with errno. */
static int print(struct status *status, const struct batch *b)
{
    struct out out;

    term_look(&status->term, STDOUT_FILENO, status->args->width == NOT_GIVEN ? TERM_WIDTH_AUTO : (long)status->args->width,
              cli_use_color(status->cli, stdout));
    out_open(&out, status->is_redrawn);
    if (!status->is_redrawn && status->frames > 0 && status->output <= OUTPUT_WIDE)
        buf_putc(&out.buf, '\n');
    put_frame(&out.buf, status, b);
    status->frames++;
    return out_close(&out);
}

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
    bool is_report = status->plan.table == TABLE_SINKS;

    for (;;) {
        struct batch *b = NULL;
        int code = (status->is_live ? look_live : is_report ? look_at_report : look_back)(status, &b);
        if (b == NULL)
            return code;
        int64_t next_ms = pause_ms(status, b);
        int rc = print(status, b), error = errno;
        batch_unref(b);
        errno = error; /* of a failed write: cli_finish tells it */
        if (rc < 0 || status->args->watch_ms == NOT_GIVEN || !wait_for_next(next_ms))
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
    if (args->at != NULL && args->watch_ms != NOT_GIVEN)
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
    if (args->output != NOT_GIVEN)
        return (enum output)args->output;
    return args->watch_ms != NOT_GIVEN && !isatty(STDOUT_FILENO) ? OUTPUT_TSV : OUTPUT_TABLE;
}

/* CLI_GO, or the exit code. */
static int understand(struct status *status, enum table_id table)
{
    const struct status_args *args = status->args;
    struct err err = { 0 };

    status->output = choose_output(args);
    status->is_live = args->is_live || status->cli->config.namesrv != NULL;
    status->is_redrawn = args->watch_ms != NOT_GIVEN && isatty(STDOUT_FILENO) && status->output <= OUTPUT_WIDE;
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
    return code == CLI_GO ? show(&status) : code;
}

static int run_status(int argc, char **argv)
{
    struct status_args args = { .width = NOT_GIVEN, .watch_ms = NOT_GIVEN, .output = NOT_GIVEN };
    struct cli cli;
    int code = cli_parse(&command_status, argc, argv, &cli, &args);

    if (code != CLI_GO)
        return code;
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
