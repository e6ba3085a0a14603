/*
 * cmd_run.c - `mqpush run`: collect every interval until told to stop.
 *
 * The main thread waits for the next tick or a signal and collects; workers deliver (pipeline/). Signals are blocked before the first
 * thread starts and read from two signalfds: TERM and INT also cancel a collection in progress, HUP and USR1 wait for it.
 *
 *     TERM INT  finish what is being delivered and leave; a second one leaves at once
 *     HUP       read the configuration again: all of it or nothing
 *     USR1      collect now
 */
#include "agent/cli.h"

#include "agent/base/clock.h"
#include "agent/pipeline/notify.h"
#include "agent/pipeline/pipeline.h"
#include "agent/pipeline/schedule.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define RELOAD_LEAST_MS 1000
#define REPORT_GAP_NS NS_PER_S /* status.json is not written more often */

struct run {
    const struct cli *cli;
    struct config *config;
    struct pipeline *pipeline;
    struct state *state; /* NULL: none */
    struct schedule schedule;
    struct log_repeat trouble;
    int stop_fd, work_fd, timer_fd;
    int64_t watchdog_ms;
    int64_t started_ms;
    bool has_news;        /* since the newest report */
    int64_t reported_ns;
    struct log_repeat report_trouble;
};

static int signal_fd(int first, int second)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, first);
    sigaddset(&set, second);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* From here on a TERM or INT ends the process at once. */
static void let_signals_kill(void)
{
    sigset_t set;

    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void say_start(const struct config *config)
{
    char sinks[256] = "";

    for (size_t i = 0; i < config->sink_count; i++) {
        size_t used = strlen(sinks);
        snprintf(sinks + used, sizeof(sinks) - used, "%s%s", i > 0 ? ", " : "", config->sinks[i].name);
    }
    log_info("mqpush %s: every %llds to %s", MQPUSH_VERSION, (long long)(config->agent.interval_ms / 1000), sinks);
    if (config->used_default_sink)
        log_info("no sink is named: the history goes to %s", config_text(config->sinks[0].section, "path"));
}

/* status.json; stopped_ms 0: we go on. */
static void report(struct run *run, int64_t stopped_ms)
{
    struct err err = { 0 };

    run->has_news = false;
    run->reported_ns = clock_now_ns();
    if (pipeline_report(run->pipeline, run->state, run->started_ms, stopped_ms, &err) == 0)
        log_repeat_end(&run->report_trouble, "the report");
    else
        log_repeat_fail(&run->report_trouble, LOG_WARNING, "the report could not be written", err.msg);
}

static void collect(struct run *run, int64_t tick_ms)
{
    struct err err = { 0 };
    char summary[160];

    schedule_start(&run->schedule, tick_ms);
    pipeline_set_missed_ticks(run->pipeline, run->schedule.missed);
    notify_watchdog();
    enum source_result result = pipeline_collect(run->pipeline, tick_ms, run->stop_fd, &err);
    notify_watchdog();
    if (err.kind == ERR_CANCELED)
        return;
    if (result == SOURCE_ALL)
        log_repeat_end(&run->trouble, "collection");
    else
        log_repeat_fail(&run->trouble, LOG_WARNING, result == SOURCE_NOTHING ? "nothing could be collected" : "collection is incomplete",
                        err.msg);
    pipeline_summary(run->pipeline, summary, sizeof(summary));
    notify_status("%s", summary);
    log_debug("collected %s", summary);
    report(run, 0);
}

/* Outside of the schedule: at the start and for USR1. A second that has been looked at, perhaps by the process before, is left alone. */
static void collect_now(struct run *run)
{
    int64_t kept_ms = pipeline_last_tick_ms(run->pipeline), last_ms = run->schedule.last_tick_ms;
    int64_t label_ms = schedule_label(clock_wall_ms(), run->config->agent.interval_ms, last_ms > kept_ms ? last_ms : kept_ms);

    if (label_ms > 0)
        collect(run, label_ms);
    else
        log_debug("this second has been looked at already");
}

/* The state directory for a new configuration: the one we have, or another one, which nobody else may hold. */
static int open_state_for(struct run *run, const struct config *config, struct state **state, struct err *err)
{
    *state = run->state;
    if (run->state != NULL && strcmp(state_directory(run->state), config->agent.state_dir) == 0)
        return 0;
    return pipeline_open_state(config, PIPELINE_RUN, state, err);
}

/* The old one has saved before the new one loads. */
static void replace(struct run *run, struct config *config, struct pipeline *fresh, struct state *state)
{
    pipeline_stop(run->pipeline, clock_now_ns() + run->config->agent.stop_timeout_ms * NS_PER_MS);
    pipeline_free(run->pipeline);
    if (state != run->state)
        state_close(run->state);
    config_free(run->config);
    run->pipeline = fresh;
    run->config = config;
    run->state = state;
    run->schedule.interval_ms = config->agent.interval_ms;
    run->schedule.missed = 0; /* the new pipeline counts on from what was kept */
    pipeline_start(fresh, state);
}

/* Only what changed; the sinks that leave have until the next tick, or a second if that is nearer. */
static int reload_parts(struct run *run, struct config *config, struct err *err)
{
    int64_t until_tick_ms = schedule_next(&run->schedule, clock_wall_ms()) - clock_wall_ms();
    int64_t given_ms = until_tick_ms > RELOAD_LEAST_MS ? until_tick_ms : RELOAD_LEAST_MS;

    if (given_ms > config->agent.stop_timeout_ms)
        given_ms = config->agent.stop_timeout_ms;
    if (pipeline_reload(run->pipeline, config, clock_now_ns() + given_ms * NS_PER_MS, err) < 0)
        return -1;
    config_free(run->config);
    run->config = config;
    return 0;
}

/* Everything: what all parts were told is different. */
static int reload_all(struct run *run, struct config *config, struct err *err)
{
    struct pipeline *fresh = pipeline_new(config, PIPELINE_RUN, err);
    struct state *state;

    if (fresh == NULL || open_state_for(run, config, &state, err) < 0) {
        pipeline_free(fresh);
        return -1;
    }
    replace(run, config, fresh, state);
    return 0;
}

/* Replaces the configuration, or changes nothing and says why. */
static void reload(struct run *run)
{
    struct config *config;
    struct err err = { 0 };

    notify_reloading();
    if (cli_load_config(run->cli, CONFIG_NEEDS_SOURCE | CONFIG_NEEDS_SINK, &config) != CLI_GO) {
        log_error("reload: the configuration is wrong, the old one stays in force");
        notify_ready();
        return;
    }
    int result = (pipeline_can_reload(run->pipeline, config) ? reload_parts : reload_all)(run, config, &err);
    if (result == 0) {
        log_info("reload: done, configuration %s", config->hash);
        report(run, 0);
    } else {
        log_error("reload: %s; the old configuration stays in force", err.msg);
        config_free(config);
    }
    notify_ready();
}

/* Reads one pending signal; 0 if there is none. */
static int next_signal(int fd)
{
    struct signalfd_siginfo info;

    return read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

static void set_timer(struct run *run, int64_t at_ms)
{
    struct itimerspec when = { .it_value = { .tv_sec = (time_t)(at_ms / 1000), .tv_nsec = (long)(at_ms % 1000) * NS_PER_MS } };

    /* CANCEL_ON_SET: a clock that is set wakes us, and the next tick is worked out anew. */
    timerfd_settime(run->timer_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, NULL);
}

enum woken { WOKEN_BY_TICK, WOKEN_BY_STOP, WOKEN_BY_WORK, WOKEN_BY_NOTHING };

/* The longest wait: until the watchdog wants to hear from us, or the report may be written again. */
static int patience_ms(const struct run *run)
{
    int watchdog_ms = run->watchdog_ms > 0 ? (int)run->watchdog_ms : -1;

    if (!run->has_news)
        return watchdog_ms;
    int report_ms = clock_ms_until(run->reported_ns + REPORT_GAP_NS);
    return watchdog_ms >= 0 && watchdog_ms < report_ms ? watchdog_ms : report_ms;
}

static enum woken wait_for(struct run *run)
{
    struct pollfd fds[] = { { .fd = run->stop_fd, .events = POLLIN },
                            { .fd = run->work_fd, .events = POLLIN },
                            { .fd = run->timer_fd, .events = POLLIN },
                            { .fd = pipeline_news_fd(run->pipeline), .events = POLLIN } };
    uint64_t expirations, attempts;

    poll(fds, 4, patience_ms(run));
    notify_watchdog();
    if (fds[3].revents != 0)
        run->has_news = read(fds[3].fd, &attempts, sizeof(attempts)) == (ssize_t)sizeof(attempts) || run->has_news;
    if (run->has_news && clock_now_ns() >= run->reported_ns + REPORT_GAP_NS)
        report(run, 0);
    if (fds[0].revents != 0)
        return WOKEN_BY_STOP;
    if (fds[1].revents != 0)
        return WOKEN_BY_WORK;
    if (fds[2].revents != 0 && read(run->timer_fd, &expirations, sizeof(expirations)) == (ssize_t)sizeof(expirations))
        return WOKEN_BY_TICK;
    return WOKEN_BY_NOTHING; /* the watchdog is due, or the clock was set */
}

static void loop(struct run *run)
{
    collect_now(run);
    for (;;) {
        int64_t next_ms = schedule_next(&run->schedule, clock_wall_ms());
        set_timer(run, next_ms);
        switch (wait_for(run)) {
        case WOKEN_BY_STOP:
            return;
        case WOKEN_BY_TICK:
            collect(run, next_ms);
            break;
        case WOKEN_BY_WORK:
            for (int sig; (sig = next_signal(run->work_fd)) != 0;) {
                if (sig == SIGHUP)
                    reload(run);
                else
                    collect_now(run);
            }
            break;
        case WOKEN_BY_NOTHING:
            break;
        }
    }
}

static int run_pipeline(struct run *run)
{
    struct err err = { 0 };

    run->pipeline = pipeline_new(run->config, PIPELINE_RUN, &err);
    if (run->pipeline == NULL) {
        cli_failed(&command_run, "%s", err.msg);
        return EXIT_CONFIG;
    }
    if (pipeline_open_state(run->config, PIPELINE_RUN, &run->state, &err) < 0) {
        pipeline_free(run->pipeline);
        return cli_failed(&command_run, "%s", err.msg);
    }
    run->schedule.interval_ms = run->config->agent.interval_ms;
    run->started_ms = clock_wall_ms();
    say_start(run->config);
    pipeline_start(run->pipeline, run->state);
    notify_ready();
    loop(run);
    notify_stopping();
    log_info("stopping");
    next_signal(run->stop_fd); /* taken, so that it is not still pending when signals kill again: only a second one does */
    let_signals_kill();
    bool all = pipeline_stop(run->pipeline, clock_now_ns() + run->config->agent.stop_timeout_ms * NS_PER_MS);
    report(run, clock_wall_ms());
    pipeline_free(run->pipeline);
    state_close(run->state);
    if (!all)
        log_debug("not every batch could be delivered");
    return EXIT_DONE;
}

static int run_until_stopped(int argc, char **argv)
{
    struct cli cli;
    struct run run = { .cli = &cli };
    int code = cli_parse(&command_run, argc, argv, &cli, NULL);

    if (code != CLI_GO)
        return code;
    run.stop_fd = signal_fd(SIGTERM, SIGINT);
    run.work_fd = signal_fd(SIGHUP, SIGUSR1);
    run.timer_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    run.watchdog_ms = notify_watchdog_interval_ms();
    if (run.stop_fd < 0 || run.work_fd < 0 || run.timer_fd < 0)
        return cli_failed(&command_run, "signalfd or timerfd: %s", strerror(errno));
    code = cli_load_config(&cli, CONFIG_NEEDS_SOURCE | CONFIG_NEEDS_SINK, &run.config);
    if (code == CLI_GO) {
        code = run_pipeline(&run);
        config_free(run.config);
    }
    cli_fini(&cli);
    return code;
}

static const struct cli_example examples[] = {
    { "mqpush run -c /etc/mqpush/mqpush.conf", "as the service does" },
    { "mqpush run -n 10.0.0.1:9876 --to http://gw:9091 --interval 30s", "no configuration file" },
    { 0 },
};

const struct cli_command command_run = {
    .word = "run",
    .help = "collect every interval until told to stop",
    .synopsis = "[-c FILE] [-n ADDR] [--to URL]...",
    .examples = examples,
    .common = CLI_CONFIG | CLI_SOURCE | CLI_SINKS | CLI_AGENT,
    .run = run_until_stopped,
};
