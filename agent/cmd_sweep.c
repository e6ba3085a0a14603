/*
 * cmd_sweep.c - `mqpush sweep`: removes the groups of a Pushgateway whose agent is gone.
 *
 * A gateway keeps what was pushed for ever, and Prometheus takes it for the present. A group goes if it is of our job (--job,
 * --any-job) and its last push, taken or refused, is older than --older-than by the gateway's own clock. What has no known age
 * stays, and so does the group this configuration pushes into, as long as an agent may still be at it. Each gateway is its own
 * affair: one that does not answer makes the exit code 1, the others are swept.
 */
#include "agent/cli.h"

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/view/format.h"
#include "agent/view/human.h"
#include "agent/view/out.h"
#include "agent/view/term.h"
#include "sinks/pushgateway/sweep.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY_MS 86400000
#define LIST_MS 60000   /* for the list of groups, which may be megabytes */
#define OWN_INTERVALS 3 /* our own group is in use if its last push is no older than this */

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_TSV };

static const char *const output_names[] = { "table", "json", "tsv", NULL };

struct sweep_args {
    int64_t older_than_ms, width;
    const char *job;
    bool any_job, dry_run;
    int output;
};

static const struct cli_option options[] = {
    CLI_OPTION("older-than", 0, CLI_DURATION, struct sweep_args, older_than_ms, "AGE", "since the last push; 1d unless given"),
    CLI_OPTION("dry-run", 0, CLI_FLAG, struct sweep_args, dry_run, NULL, "say what would be deleted, delete nothing"),
    CLI_OPTION("job", 0, CLI_TEXT, struct sweep_args, job, "JOB", "groups of this job, not of the sink's own"),
    CLI_OPTION("any-job", 0, CLI_FLAG, struct sweep_args, any_job, NULL, "groups of every job, other programs' too"),
    { .name = "output", .letter = 'o', .type = CLI_CHOICE, .offset = offsetof(struct sweep_args, output), .arg = "FORMAT",
      .help = "table json tsv", .choices = output_names },
    CLI_OPTION("width", 0, CLI_INT, struct sweep_args, width, "COLUMNS", "of the screen; 0: cut nothing"),
    { 0 },
};

static const struct cli_example examples[] = {
    { "mqpush sweep --dry-run", "what is older than a day?" },
    { "mqpush sweep --older-than 1h --to http://gw:9091", "one gateway, without a configuration" },
    { "mqpush sweep --job rocketmq-edge", "groups of another job" },
    { 0 },
};

/* One that is swept. env must stay where it is: the sink keeps its address. */
struct gateway {
    struct config_sink *sink;
    struct sink_env env;
    struct sweep_list list;
    bool is_repeated; /* the same gateway and job as one before */
};

struct row {
    const char *gateway; /* "gw:9091" */
    const struct sweep_group *group;
    const char *others;  /* labels but job and instance: "zone=a,rack=7" */
    const char *result;  /* "deleted" */
    const char *error;   /* NULL: none */
};

struct sweep {
    const struct sweep_args *args;
    struct gateway *gateways;
    size_t gateway_count;
    struct row *rows;
    size_t row_count, row_capacity;
    size_t seen;  /* groups of the jobs asked for */
    bool kept_own;
    int code;
    struct arena texts;
};

/* ---- what goes ---- */

static const char *find_label(const struct sink_label *labels, const char *name)
{
    for (; labels->name != NULL; labels++)
        if (strcmp(labels->name, name) == 0)
            return labels->value;
    return NULL;
}

static bool is_of_job(const struct sweep *s, const struct gateway *g, const struct sweep_group *group)
{
    const char *job = s->args->job != NULL ? s->args->job : sweep_own_job(g->sink->self);

    return s->args->any_job || strcmp(find_label(group->labels, "job"), job) == 0;
}

static bool is_in_use(struct sweep *s, const struct sweep_group *group)
{
    for (size_t i = 0; i < s->gateway_count; i++) {
        const struct gateway *g = &s->gateways[i];
        if (!sweep_is_own(g->sink->self, group) || group->age_ms > OWN_INTERVALS * g->env.interval_ms)
            continue;
        s->kept_own = true;
        return true;
    }
    return false;
}

static bool must_go(struct sweep *s, const struct sweep_group *group)
{
    return group->age_ms != NO_INT && group->age_ms >= s->args->older_than_ms && !is_in_use(s, group);
}

static const char *join_others(struct arena *texts, const struct sink_label *labels)
{
    struct buf all;

    buf_init(&all, 0);
    for (; labels->name != NULL; labels++)
        if (strcmp(labels->name, "job") != 0 && strcmp(labels->name, "instance") != 0)
            buf_printf(&all, "%s%s=%s", all.len > 0 ? "," : "", labels->name, labels->value);
    const char *text = all.len > 0 ? arena_strndup(texts, all.data, all.len) : NULL;
    buf_fini(&all);
    return text;
}

static struct row *add_row(struct sweep *s, const struct gateway *g, const struct sweep_group *group)
{
    const char *name = strchr(sweep_gateway(g->sink->self), ' ') + 1;

    if (s->row_count == s->row_capacity) {
        s->row_capacity = s->row_capacity == 0 ? 64 : 2 * s->row_capacity;
        s->rows = xrealloc(s->rows, s->row_capacity, sizeof(*s->rows));
    }
    struct row *row = &s->rows[s->row_count++];
    *row = (struct row){ .gateway = name, .group = group, .others = join_others(&s->texts, group->labels) };
    return row;
}

static void remove_group(struct sweep *s, struct gateway *g, struct row *row)
{
    struct err err = { 0 };

    if (sweep_remove(g->sink->self, row->group, clock_now_ns() + g->env.timeout_ms * NS_PER_MS, &err) == 0) {
        row->result = "deleted";
        return;
    }
    row->result = "failed";
    row->error = arena_strndup(&s->texts, err.msg, strlen(err.msg));
    s->code = EXIT_FAILED;
}

static void sweep_one(struct sweep *s, struct gateway *g)
{
    struct err err = { 0 };

    if (sweep_read(g->sink->self, clock_now_ns() + LIST_MS * NS_PER_MS, &g->list, &err) < 0) {
        s->code = cli_failed(&command_sweep, "%s", err.msg);
        return;
    }
    for (size_t i = 0; i < g->list.count; i++) {
        const struct sweep_group *group = &g->list.groups[i];
        if (!is_of_job(s, g, group))
            continue;
        s->seen++;
        if (!must_go(s, group))
            continue;
        struct row *row = add_row(s, g, group);
        row->result = "would be deleted";
        if (!s->args->dry_run)
            remove_group(s, g, row);
    }
}

/* ---- the gateways ---- */

/* -1: the options are wrong, which has been said. */
static int open_gateway(const struct config *config, struct gateway *g, struct config_sink *sink)
{
    struct err err = { 0 };

    g->sink = sink;
    g->env = (struct sink_env){ .name = sink->name, .agent_version = MQPUSH_VERSION, .config_hash = config->hash,
                                .start_reason = "sweep", .interval_ms = config->agent.interval_ms,
                                .labels = sink->common.label_list, .families = sink->common.wanted_families,
                                .tables = sink->common.wanted_tables, .max_series = sink->common.max_series,
                                .timeout_ms = sink->common.timeout_ms };
    int rc = sink->ops->open(sink->self, &g->env, &err);
    if (rc < 0)
        fprintf(stderr, "%s: [sink %s]: %s\n", sink->where, sink->name, err.msg);
    return rc;
}

static bool is_same_text(const struct gateway *a, const struct gateway *b, const char *option)
{
    return strcmp(config_text(a->sink->section, option), config_text(b->sink->section, option)) == 0;
}

static void mark_repeated(struct sweep *s, struct gateway *g)
{
    bool same_job = s->args->any_job || s->args->job != NULL;

    for (const struct gateway *before = s->gateways; before < g; before++)
        if (is_same_text(before, g, "url") && (same_job || is_same_text(before, g, "job")))
            g->is_repeated = true;
}

static int open_gateways(struct sweep *s, struct config *config)
{
    int code = CLI_GO;

    s->gateways = xcalloc(config->sink_count + 1, sizeof(*s->gateways));
    for (size_t i = 0; i < config->sink_count; i++) {
        struct config_sink *sink = &config->sinks[i];
        if (strcmp(sink->ops->name, "pushgateway") != 0)
            continue;
        struct gateway *g = &s->gateways[s->gateway_count++];
        if (open_gateway(config, g, sink) < 0)
            code = EXIT_CONFIG;
        mark_repeated(s, g);
    }
    if (s->gateway_count == 0)
        return cli_usage_error(&command_sweep, "no Pushgateway is configured; --to http://gw:9091 names one");
    return code;
}

static void close_gateways(struct sweep *s)
{
    for (size_t i = 0; i < s->gateway_count; i++) {
        sweep_list_fini(&s->gateways[i].list);
        s->gateways[i].sink->ops->close(s->gateways[i].sink->self);
    }
    free(s->gateways);
    free(s->rows);
    arena_fini(&s->texts);
}

/* ---- the answer ---- */

enum field { FIELD_GATEWAY, FIELD_JOB, FIELD_INSTANCE, FIELD_LABELS, FIELD_PUSHED, FIELD_AGE, FIELD_RESULT, FIELD_ERROR, FIELDS };

static const struct grid_column known_columns[FIELDS] = {
    [FIELD_GATEWAY] = { .name = "gateway", .title = "GATEWAY" },
    [FIELD_JOB] = { .name = "job", .title = "JOB" },
    [FIELD_INSTANCE] = { .name = "instance", .title = "INSTANCE" },
    [FIELD_LABELS] = { .name = "labels", .title = "LABELS" },
    [FIELD_PUSHED] = { .name = "pushed_at", .title = "LAST PUSH", .form = FORM_TIME_S, .is_number = true },
    [FIELD_AGE] = { .name = "age_seconds", .title = "AGE", .form = FORM_SECONDS, .is_number = true },
    [FIELD_RESULT] = { .name = "result", .title = "RESULT", .cut = CUT_NEVER },
    [FIELD_ERROR] = { .name = "error", .title = "ERROR", .cut = CUT_END },
};

struct listing {
    const struct sweep *sweep;
    enum field fields[FIELDS]; /* by column */
};

static struct cell text_cell(const char *text)
{
    if (text == NULL)
        return (struct cell){ .kind = CELL_ABSENT };
    return (struct cell){ .kind = CELL_TEXT, .text = text, .len = (uint32_t)strlen(text) };
}

static struct cell field_cell(const struct row *row, enum field field)
{
    switch (field) {
    case FIELD_GATEWAY:
        return text_cell(row->gateway);
    case FIELD_JOB:
    case FIELD_INSTANCE:
        return text_cell(find_label(row->group->labels, known_columns[field].name));
    case FIELD_LABELS:
        return text_cell(row->others);
    case FIELD_PUSHED:
        return (struct cell){ .kind = CELL_INT, .i = row->group->pushed_at_s };
    case FIELD_AGE:
        return (struct cell){ .kind = CELL_INT, .i = row->group->age_ms / 1000 };
    case FIELD_RESULT:
        return text_cell(row->result);
    default:
        return text_cell(row->error);
    }
}

static struct cell listing_cell(const void *ctx, uint32_t row, unsigned column)
{
    const struct listing *listing = ctx;

    return field_cell(&listing->sweep->rows[row], listing->fields[column]);
}

/* People are spared columns in which nothing stands. */
static bool has_any(const struct sweep *s, enum field field)
{
    for (size_t i = 0; i < s->row_count; i++)
        if (field_cell(&s->rows[i], field).kind != CELL_ABSENT)
            return true;
    return false;
}

static void put_last_line(struct buf *to, const struct sweep *s)
{
    char age[HUMAN_TEXT_MAX];
    size_t failed = 0;

    for (size_t i = 0; i < s->row_count; i++)
        failed += s->rows[i].error != NULL;
    human_seconds(age, (double)s->args->older_than_ms / 1000);
    buf_printf(to, "%zu of %zu group%s %s, last push %s ago or more", s->row_count - failed, s->seen, s->seen == 1 ? "" : "s",
               s->args->dry_run ? "would be deleted" : "deleted", age);
    buf_puts(to, s->kept_own ? "; this agent's own is in use and stays\n" : "\n");
}

static void put_answer(struct buf *to, const struct sweep *s, const struct cli *cli)
{
    struct grid_column columns[FIELDS];
    struct listing listing = { .sweep = s };
    struct grid grid = { .columns = columns, .row_count = (uint32_t)s->row_count, .cell = listing_cell, .ctx = &listing };
    struct people people = { .at_ms = clock_wall_ms() };
    struct format_head head = { .table = "sweep", .generated_ms = people.at_ms, .coverage = NAN };
    struct format_fitted fitted;
    struct term term;

    for (int f = 0; f < FIELDS; f++) {
        if (s->args->output == OUTPUT_TABLE && !has_any(s, (enum field)f))
            continue;
        columns[grid.column_count] = known_columns[f];
        listing.fields[grid.column_count++] = (enum field)f;
    }
    if (s->args->output == OUTPUT_JSON)
        format_json(to, &grid, &head);
    if (s->args->output == OUTPUT_TSV)
        format_tsv(to, &grid, NULL, true);
    if (s->args->output != OUTPUT_TABLE)
        return;
    term_look(&term, STDOUT_FILENO, s->args->width < 0 ? TERM_WIDTH_AUTO : (long)s->args->width, cli_use_color(cli, stdout));
    if (s->row_count > 0)
        format_table(to, &grid, &people, &term, FORMAT_CUT, &fitted);
    put_last_line(to, s);
}

/* ---- the command ---- */

static int sweep_all(struct config *config, const struct cli *cli, const struct sweep_args *args)
{
    struct sweep s = { .args = args, .code = EXIT_DONE };
    struct out out;

    arena_init(&s.texts);
    int code = open_gateways(&s, config);
    if (code == CLI_GO) {
        for (size_t i = 0; i < s.gateway_count; i++)
            if (!s.gateways[i].is_repeated)
                sweep_one(&s, &s.gateways[i]);
        out_open(&out, false);
        put_answer(&out.buf, &s, cli);
        out_close(&out);
        code = s.code;
    }
    int error = errno; /* of a failed write: cli_finish tells it */
    close_gateways(&s);
    errno = error;
    return code;
}

static int run_sweep(int argc, char **argv)
{
    struct sweep_args args = { .older_than_ms = DAY_MS, .width = -1 };
    struct cli cli;
    struct config *config;
    int code = cli_parse(&command_sweep, argc, argv, &cli, &args);

    if (code != CLI_GO)
        return code;
    if (args.any_job && args.job != NULL)
        code = cli_usage_error(&command_sweep, "--job and --any-job exclude each other");
    if (code == CLI_GO)
        code = cli_load_config(&cli, 0, &config);
    if (code == CLI_GO) {
        code = sweep_all(config, &cli, &args);
        int error = errno;
        config_free(config);
        errno = error;
    }
    cli_fini(&cli);
    return cli_finish(&command_sweep, code);
}

const struct cli_command command_sweep = {
    .word = "sweep",
    .help = "remove Pushgateway groups whose agent is gone",
    .synopsis = "[--older-than AGE] [--dry-run] [--to URL]...",
    .examples = examples,
    .options = options,
    .common = CLI_CONFIG | CLI_SINKS,
    .run = run_sweep,
};
