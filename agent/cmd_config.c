/*
 * cmd_config.c - `mqpush config check|show|reference`: is it right, does it reach, what is in force, what there is.
 *
 * `check` opens every source and sink as `run` would (open checks options and touches no network) and says everything that is
 * wrong, all at once. With --connect it also asks each of them whether its peer is there; that changes nothing anywhere.
 */
#include "agent/cli.h"

#include "agent/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define SOURCE_PROBE_MS 10000
#define DETAIL_MAX 256

enum word { WORD_CHECK, WORD_SHOW, WORD_REFERENCE };

struct config_command_args {
    bool connect;
};

static const struct cli_word words[] = {
    { "check", "say everything that is wrong; exit 78 if anything is" },
    { "show", "every value in force and where it comes from, secrets masked" },
    { "reference", "every option with its default: the text of mqpush.conf" },
    { 0 },
};

static const struct cli_option options[] = {
    CLI_OPTION("connect", 0, CLI_FLAG, struct config_command_args, connect, NULL,
               "check: reach every source and sink as well; exit 1 if one fails"),
    { 0 },
};

static const struct cli_example examples[] = {
    { "mqpush config check -c mqpush.conf", "is this file right?" },
    { "mqpush config check --connect", "is everything it names there?" },
    { "mqpush config show --set agent.interval=5s", "what would be in force" },
    { 0 },
};

static int cmd_config(int argc, char **argv);

const struct cli_command command_config = {
    .word = "config",
    .help = "is the configuration right, does it reach, what is in force",
    .synopsis = "check [--connect] | show | reference",
    .examples = examples,
    .words = words,
    .options = options,
    .common = CLI_CONFIG | CLI_SOURCE | CLI_SINKS | CLI_AGENT,
    .operands_min = 1,
    .operands_max = 1,
    .run = cmd_config,
};

/* Probing --------------------------------------------------------------------------------------------------------- */

struct probing {
    const char *name;    /* "source rocketmq prod" */
    int64_t started_at_ns; /* of the step that is under way */
    unsigned failed;
};

static void say(void *ctx, bool ok, const char *target, const char *detail)
{
    struct probing *p = ctx;
    int64_t now_ns = clock_now_ns();

    const char *gap = target[0] != '\0' && detail[0] != '\0' ? "  " : "";
    printf("%-6s  %s  %s%s%s  %lld ms\n", ok ? "ok" : "FAILED", p->name, target, gap, detail,
           (long long)((now_ns - p->started_at_ns) / NS_PER_MS));
    fflush(stdout); /* the next step may take its time */
    p->failed += !ok;
    p->started_at_ns = now_ns;
}

static void probe_source(const struct config_source *source, struct probing *p)
{
    struct err err = { 0 };
    unsigned failed_before = p->failed;

    p->started_at_ns = clock_now_ns();
    if (source->ops->probe == NULL)
        return;
    if (source->ops->probe(source->self, p->started_at_ns + SOURCE_PROBE_MS * NS_PER_MS, say, p, &err) < 0 &&
        p->failed == failed_before)
        say(p, false, err.msg, "");
}

static void probe_sink(const struct config_sink *sink, struct probing *p)
{
    const char *option = sink->ops->address_option;
    char *address = option != NULL ? config_text_shown(sink->section, option) : NULL;
    char detail[DETAIL_MAX] = "";
    struct err err = { 0 };

    p->started_at_ns = clock_now_ns();
    int64_t deadline_ns = p->started_at_ns + sink->common.timeout_ms * NS_PER_MS;
    if (sink->ops->probe == NULL)
        say(p, true, "nothing to reach", "");
    else if (sink->ops->probe(sink->self, deadline_ns, detail, sizeof(detail), &err) == 0)
        say(p, true, address != NULL ? address : "", detail);
    else
        say(p, false, address != NULL ? address : "", err.msg);
    free(address);
}

/* Checking -------------------------------------------------------------------------------------------------------- */

/* Opens, probes if wanted, closes. -1: the options are wrong, which has been said. */
static int check_source(const struct config_source *source, struct probing *connect)
{
    struct source_env env = { .name = source->key };
    struct err err = { 0 };
    char name[96];
    int rc = source->ops->open(source->self, &env, &err);

    if (rc < 0)
        fprintf(stderr, "%s: [source %s]: %s\n", source->where, source->name, err.msg);
    else if (connect != NULL) {
        snprintf(name, sizeof(name), "source %s", source->name);
        connect->name = name;
        probe_source(source, connect);
    }
    source->ops->close(source->self);
    return rc;
}

static int check_sink(const struct config *config, const struct config_sink *sink, struct probing *connect)
{
    struct sink_env env = {
        .name = sink->name,
        .agent_version = MQPUSH_VERSION,
        .config_hash = config->hash,
        .start_reason = "check",
        .interval_ms = config->agent.interval_ms,
        .labels = sink->common.label_list,
        .families = sink->common.wanted_families,
        .tables = sink->common.wanted_tables,
        .max_series = sink->common.max_series,
        .timeout_ms = sink->common.timeout_ms,
    };
    struct err err = { 0 };
    char name[96];
    int rc = sink->ops->open(sink->self, &env, &err);

    if (rc < 0)
        fprintf(stderr, "%s: [sink %s]: %s\n", sink->where, sink->name, err.msg);
    else if (connect != NULL) {
        snprintf(name, sizeof(name), "sink %s", sink->name);
        connect->name = name;
        probe_sink(sink, connect);
    }
    sink->ops->close(sink->self);
    return rc;
}

static int count_wrong(const struct config *config, struct probing *connect)
{
    int wrong = 0;

    for (size_t i = 0; i < config->source_count; i++)
        wrong += check_source(&config->sources[i], connect) < 0;
    for (size_t i = 0; i < config->sink_count; i++)
        wrong += check_sink(config, &config->sinks[i], connect) < 0;
    return wrong;
}

static int check(const struct cli *cli, bool connects)
{
    struct config *config;
    struct config_errors errors = { 0 };
    struct probing probing = { 0 };
    int code = EXIT_CONFIG;

    int rc = config_load(&cli->config, CONFIG_NEEDS_SINK, &config, &errors);
    config_errors_print(&errors, true, stderr);
    if (rc < 0)
        code = config_errors_exit_code(&errors);
    config_errors_free(&errors);
    if (rc < 0)
        return code;
    if (count_wrong(config, connects ? &probing : NULL) == 0) {
        if (config->source_count == 0)
            fprintf(stderr, "%s: warning: no source: `run` will need -n HOST:PORT or $NAMESRV_ADDR\n",
                    config->file != NULL ? config->file : "built-in defaults");
        if (!connects)
            printf("%s: good (sources: %zu, sinks: %zu)\n", config->file != NULL ? config->file : "built-in defaults",
                   config->source_count, config->sink_count);
        code = probing.failed > 0 ? EXIT_FAILED : EXIT_DONE;
    }
    config_free(config);
    return code;
}

static int show(const struct cli *cli)
{
    struct config *config;
    int code = cli_load_config(cli, CONFIG_NEEDS_SINK | CONFIG_LENIENT, &config);

    if (code != CLI_GO)
        return code;
    config_show(config, stdout);
    config_free(config);
    return EXIT_DONE;
}

static int run_word(const struct cli *cli, const struct config_command_args *args)
{
    int word = cli_word(cli, WORD_CHECK);

    if (args->connect && word > WORD_CHECK)
        return cli_usage_error(&command_config, "--connect goes with `config check`");
    switch (word) {
    case WORD_CHECK:
        return check(cli, args->connect);
    case WORD_SHOW:
        return show(cli);
    case WORD_REFERENCE:
        config_reference(stdout);
        return EXIT_DONE;
    default:
        return EXIT_USAGE;
    }
}

static int cmd_config(int argc, char **argv)
{
    struct config_command_args args = { 0 };
    struct cli cli;
    int code = cli_parse(&command_config, argc, argv, &cli, &args);

    if (code != CLI_GO)
        return code;
    code = cli_finish(&command_config, run_word(&cli, &args));
    cli_fini(&cli);
    return code;
}
