/*
 * cmd_once.c - `mqpush once`: one interval, delivered, done. For timers, cron and a first look.
 *
 * The same pipeline as `run` with one tick; exit 1 tells that a part of the cluster did not answer or a sink did not take it,
 * while everything else was done. With a state directory, what the last one could not deliver to a sink of history is delivered
 * first, and a report is left for `mqpush status sinks`; while another `run` or `once` uses that directory, this one leaves at
 * once with exit 1.
 */
#include "agent/cli.h"

#include "agent/base/clock.h"
#include "agent/pipeline/pipeline.h"
#include "agent/pipeline/schedule.h"
#include "agent/pipeline/sources.h"

#include <string.h>

struct once_args {
    bool dry_run;
    const char *sink;
};

static const struct cli_option options[] = {
    CLI_OPTION("dry-run", 0, CLI_FLAG, struct once_args, dry_run, NULL, "print the bytes each sink would be given, send nothing"),
    CLI_OPTION("sink", 0, CLI_TEXT, struct once_args, sink, "NAME", "with --dry-run: only this sink"),
    { 0 },
};

static const struct cli_example examples[] = {
    { "mqpush once -n 10.0.0.1:9876 --to http://gw:9091", "one push to a Pushgateway" },
    { "mqpush once -n 10.0.0.1:9876 --to sqlite:history.db", "one interval into a history file" },
    { "mqpush once --dry-run --sink pushgateway", "look at the page before sending it" },
    { 0 },
};

static bool has_sink(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->sink_count; i++)
        if (strcmp(config->sinks[i].name, name) == 0)
            return true;
    return false;
}

static int dry_run(struct config *config, const char *sink)
{
    struct err err = { 0 };
    struct sources *sources;

    if (sink != NULL && !has_sink(config, sink))
        return cli_usage_error(&command_once, "--sink %s: there is no such sink in the configuration", sink);
    int code = cli_open_sources(&command_once, config, &sources);
    if (code != CLI_GO)
        return code;
    int looked = pipeline_dry_run(sources, config, sink, stdout, &err);
    sources_close(sources);
    return looked == 0 ? EXIT_DONE : cli_failed(&command_once, "%s", err.msg);
}

/* Two in a second: the later one is of the next second. */
static int64_t label_of(const struct pipeline *p, const struct config *config)
{
    int64_t last_ms = pipeline_last_tick_ms(p);
    int64_t label_ms = schedule_label(clock_wall_ms(), config->agent.interval_ms, last_ms);

    return label_ms > 0 ? label_ms : last_ms + 1000;
}

static int collect_and_deliver(struct config *config)
{
    struct err err = { 0 };
    char summary[160];
    struct pipeline *p = pipeline_new(config, PIPELINE_ONCE, &err);

    if (p == NULL) {
        cli_failed(&command_once, "%s", err.msg);
        return EXIT_CONFIG;
    }
    struct state *state;
    if (pipeline_open_state(config, PIPELINE_ONCE, &state, &err) < 0) {
        pipeline_free(p);
        return cli_failed(&command_once, "%s", err.msg);
    }
    pipeline_start(p, state);
    int64_t started_ms = clock_wall_ms(), deadline_ns = clock_now_ns() + config->agent.interval_ms * NS_PER_MS;
    enum source_result result = pipeline_collect(p, label_of(p, config), -1, &err);
    if (result != SOURCE_ALL)
        log_warning("%s: %s", result == SOURCE_NOTHING ? "nothing could be collected" : "incomplete", err.msg);
    bool all = pipeline_stop(p, deadline_ns);
    if (pipeline_report(p, state, started_ms, clock_wall_ms(), &err) < 0)
        log_warning("the report could not be written: %s", err.msg);
    pipeline_summary(p, summary, sizeof(summary));
    log_info("collected %s", summary);
    pipeline_free(p);
    state_close(state);
    return all && result == SOURCE_ALL ? EXIT_DONE : EXIT_FAILED;
}

static int run_once(int argc, char **argv)
{
    struct once_args args = { 0 };
    struct cli cli;
    struct config *config;
    int code = cli_parse(&command_once, argc, argv, &cli, &args);

    if (code != CLI_GO)
        return code;
    code = cli_load_config(&cli, CONFIG_NEEDS_SOURCE | CONFIG_NEEDS_SINK, &config);
    if (code == CLI_GO) {
        if (config->used_default_sink)
            log_info("no sink is named: the history goes to %s", config_text(config->sinks[0].section, "path"));
        code = args.dry_run ? dry_run(config, args.sink) : collect_and_deliver(config);
        config_free(config);
    }
    cli_fini(&cli);
    return cli_finish(&command_once, code);
}

const struct cli_command command_once = {
    .word = "once",
    .help = "collect one interval, deliver, exit (timers, cron)",
    .synopsis = "[-c FILE] [-n ADDR] [--to URL]...",
    .examples = examples,
    .options = options,
    .common = CLI_CONFIG | CLI_SOURCE | CLI_SINKS | CLI_AGENT,
    .run = run_once,
};
