/*
 * cmd_status_look.c - where `mqpush status` has its batch from: the cluster, a history, or what the agent last said of its sinks.
 */
#include "agent/cmd_status.h"

#include "agent/base/clock.h"
#include "agent/pipeline/pipeline.h"
#include "agent/pipeline/report.h"
#include "agent/pipeline/sources.h"
#include "agent/view/human.h"
#include "agent/view/page.h"
#include "sinks/sqlite/history.h"

#include <string.h>
#include <unistd.h>

static int open_sources(struct status *status)
{
    int code = cli_load_config(status->cli, CONFIG_NEEDS_SOURCE | CONFIG_LENIENT, &status->config);

    return code == CLI_GO ? cli_open_sources(&command_status, status->config, &status->sources) : code;
}

static int look_live(struct status *status, struct batch **b)
{
    struct err err = { 0 };
    int code = status->sources == NULL ? open_sources(status) : CLI_GO;

    *b = NULL;
    if (code != CLI_GO)
        return code;
    int looked = pipeline_look(status->sources, status->config, b, &err);
    /* A page says itself who did not answer; scripts are told beside the data. */
    bool is_said = status_is_for_people(status) && page_coverage(*b) < 1;
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

/* ---- sinks: what the agent last said, else what the history says of it ---- */

/* A report that nobody has renewed for two intervals and a bit is old news. */
#define REPORT_LATE_MS 5000

/* Says so unless the report is of now. */
static int check_report(const struct report_head *head)
{
    char text[HUMAN_TEXT_MAX];
    int64_t age_ms = clock_wall_ms() - head->written_ms;

    if (head->stopped_ms > 0 && !head->is_once) {
        human_time(text, head->stopped_ms);
        return cli_failed(&command_status, "the agent stopped at %s; this is how it left its sinks", text);
    }
    if (age_ms <= 2 * head->interval_ms + REPORT_LATE_MS)
        return EXIT_DONE;
    human_seconds(text, (double)(age_ms / 1000));
    return head->is_once ? cli_failed(&command_status, "`mqpush once` has not reported for %s; does its timer run?", text)
                         : cli_failed(&command_status, "the agent has not reported for %s; does it run?", text);
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
    const char *directory = config->agent.state_dir;
    code = status->at_ms == HISTORY_NEWEST ? load_report(directory, b) : EXIT_DONE;
    if (*b == NULL && code == EXIT_DONE && file != NULL && access(file, F_OK) == 0)
        code = load_history(status, file, b);
    else if (*b == NULL && code == EXIT_DONE)
        code = cli_failed(&command_status, "nothing is known of sinks: no " REPORT_FILE " in %s, and no history; `mqpush run` and `once` "
                                           "with a state_dir write one (name it with --state-dir), -d FILE reads a history",
                          directory[0] != '\0' ? directory : "a state directory (none is configured)");
    config_free(config);
    return code;
}

int status_look(struct status *status, struct batch **b)
{
    if (status->is_live)
        return look_live(status, b);
    return (status->plan.table == TABLE_SINKS ? look_at_report : look_back)(status, b);
}

void status_look_end(struct status *status)
{
    sources_close(status->sources);
    config_free(status->config);
}
