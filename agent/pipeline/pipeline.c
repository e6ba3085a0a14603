/* pipeline.c - see pipeline.h. */
#include "agent/pipeline/pipeline.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/xalloc.h"
#include "agent/pipeline/keep.h"
#include "agent/pipeline/report.h"
#include "agent/pipeline/schedule.h"
#include "agent/pipeline/self.h"
#include "agent/pipeline/sources.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct pipeline {
    struct config *config;
    enum pipeline_reason reason;
    struct sources *sources;
    struct ring *ring;
    struct worker **workers;
    struct sink_env *envs; /* one per worker */
    size_t worker_count;
    struct keep *keep; /* NULL: nothing is kept */
    struct self_totals totals;
    uint64_t missed_before, batches;
    char summary[160];
    struct report_collection newest;
    int news_fd; /* eventfd */
};

static const char *reason_name(enum pipeline_reason reason)
{
    return reason == PIPELINE_RUN ? "run" : "once";
}

static struct sink_env env_of(const struct config *config, const struct config_sink *sink, const char *reason)
{
    return (struct sink_env){
        .name = sink->name,
        .agent_version = MQPUSH_VERSION,
        .config_hash = config->hash,
        .start_reason = reason,
        .interval_ms = config->agent.interval_ms,
        .labels = sink->common.label_list,
        .families = sink->common.wanted_families,
        .tables = sink->common.wanted_tables,
        .max_series = sink->common.max_series,
        .timeout_ms = sink->common.timeout_ms,
    };
}

static int open_sinks(struct pipeline *p, struct err *err)
{
    struct config *config = p->config;
    struct worker_limits limits = { .interval_ms = config->agent.interval_ms, .once = p->reason == PIPELINE_ONCE };

    p->workers = xcalloc(config->sink_count, sizeof(*p->workers));
    p->envs = xcalloc(config->sink_count, sizeof(*p->envs));
    for (size_t i = 0; i < config->sink_count; i++) {
        p->envs[i] = env_of(config, &config->sinks[i], reason_name(p->reason));
        p->workers[i] = worker_new(&config->sinks[i], &p->envs[i], p->ring, limits, err);
        if (p->workers[i] == NULL)
            return err_wrap(err, "%s", config->sinks[i].where);
        worker_tell(p->workers[i], p->news_fd);
        p->worker_count++;
    }
    return 0;
}

struct pipeline *pipeline_new(struct config *config, enum pipeline_reason reason, struct err *err)
{
    struct pipeline *p = xcalloc(1, sizeof(*p));

    p->config = config;
    p->reason = reason;
    p->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->ring = ring_new(RING_SLOTS, RING_BYTES_MAX);
    p->sources = sources_open(config, reason == PIPELINE_RUN ? config->agent.interval_ms : 0, err);
    if (p->sources == NULL || open_sinks(p, err) < 0) {
        pipeline_free(p);
        return NULL;
    }
    return p;
}

int pipeline_open_state(const struct config *config, enum pipeline_reason reason, struct state **out, struct err *err)
{
    *out = NULL;
    if (config->agent.state_dir[0] == '\0')
        return 0;
    *out = state_open(config->agent.state_dir, reason_name(reason), err);
    if (*out == NULL && err->kind == ERR_REMOTE)
        return -1;
    if (*out == NULL)
        log_error("nothing will survive a restart: %s", err->msg);
    return 0;
}

void pipeline_start(struct pipeline *p, struct state *state)
{
    const struct keep_parts parts = { p->sources, p->workers, p->worker_count, &p->totals };

    if (state != NULL)
        p->keep = keep_new(state, &p->config->agent, parts);
    p->missed_before = p->totals.missed_ticks;
    for (size_t i = 0; i < p->worker_count; i++)
        worker_start(p->workers[i]);
}

bool pipeline_stop(struct pipeline *p, int64_t deadline_ns)
{
    bool all = true;

    for (size_t i = 0; i < p->worker_count; i++)
        worker_stop_by(p->workers[i], deadline_ns);
    ring_close(p->ring);
    if (p->keep != NULL)
        keep_close(p->keep);
    for (size_t i = 0; i < p->worker_count; i++) {
        struct worker_counts counts;
        worker_join(p->workers[i]);
        worker_read_counts(p->workers[i], &counts);
        all = all && !counts.has_lost && counts.waiting_since_ms == 0;
    }
    if (p->keep != NULL)
        keep_finish(p->keep);
    return all;
}

void pipeline_free(struct pipeline *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->worker_count; i++)
        worker_free(p->workers[i]);
    keep_free(p->keep);
    sources_close(p->sources);
    ring_free(p->ring);
    if (p->news_fd >= 0)
        close(p->news_fd);
    free(p->workers);
    free(p->envs);
    free(p);
}

void pipeline_set_missed_ticks(struct pipeline *p, uint64_t missed)
{
    p->totals.missed_ticks = p->missed_before + missed;
}

void pipeline_read_sink(struct pipeline *p, size_t index, const char **name, struct worker_counts *out)
{
    *name = worker_name(p->workers[index]);
    worker_read_counts(p->workers[index], out);
}

static int64_t sum_column(const struct batch *b, enum table_id t, unsigned column)
{
    int64_t sum = 0;

    for (uint32_t row = 0; row < batch_rows(b, t); row++) {
        int64_t value = batch_int(b, t, row, column);
        sum += value == NO_INT ? 0 : value;
    }
    return sum;
}

static void summarize(struct pipeline *p, const struct batch *b)
{
    snprintf(p->summary, sizeof(p->summary), "%u groups, lag %lld, %lld requests, %lld bytes, %.1f ms%s",
             batch_rows(b, TABLE_GROUPS), (long long)sum_column(b, TABLE_GROUPS, GROUPS_LAG),
             (long long)sum_column(b, TABLE_SCRAPES, SCRAPES_REQUESTS),
             (long long)sum_column(b, TABLE_SCRAPES, SCRAPES_BYTES), (double)batch_info(b)->duration_ns / NS_PER_MS,
             batch_info(b)->complete ? "" : ", incomplete");
}

static void remember(struct pipeline *p, const struct batch *b)
{
    const struct batch_info *info = batch_info(b);

    p->newest = (struct report_collection){
        .time_ms = info->time_ms,
        .duration_ns = info->duration_ns,
        .complete = info->complete,
        .requests = sum_column(b, TABLE_SCRAPES, SCRAPES_REQUESTS),
        .received_bytes = sum_column(b, TABLE_SCRAPES, SCRAPES_BYTES),
    };
}

void pipeline_report(const struct pipeline *p, int64_t started_ms, int64_t stopped_ms, struct buf *to)
{
    struct report_head head = {
        .started_ms = started_ms,
        .written_ms = clock_wall_ms(),
        .stopped_ms = stopped_ms,
        .config_hash = p->config->hash,
        .interval_ms = p->config->agent.interval_ms,
        .collection = p->newest,
    };

    head.collection.missed_ticks = p->totals.missed_ticks;
    report_put(to, &head, p->workers, p->worker_count);
}

int pipeline_news_fd(const struct pipeline *p)
{
    return p->news_fd;
}

void pipeline_summary(const struct pipeline *p, char *text, size_t size)
{
    snprintf(text, size, "%s", p->summary);
}

static enum source_result fill(struct sources *sources, const struct config *config, struct batch *b, int64_t tick_ms,
                               int cancel_fd, struct err *err)
{
    struct batch_info *info = batch_info_edit(b);
    int64_t started_ns = clock_now_ns();
    int64_t deadline_ns = started_ns + config->agent.collect_timeout_ms * NS_PER_MS;

    info->time_ms = tick_ms;
    enum source_result result = sources_collect(sources, b, deadline_ns, cancel_fd, err);
    info->duration_ns = clock_now_ns() - started_ns;
    info->complete = result == SOURCE_ALL;
    return result;
}

enum source_result pipeline_collect(struct pipeline *p, int64_t tick_ms, int cancel_fd, struct err *err)
{
    struct batch *b = batch_new();

    batch_info_edit(b)->interval_ms = p->config->agent.interval_ms;
    batch_info_edit(b)->number = ++p->batches;
    enum source_result result = fill(p->sources, p->config, b, tick_ms, cancel_fd, err);
    if (result != SOURCE_ALL && err->kind == ERR_CANCELED) {
        batch_unref(b); /* told to stop: half an interval is no interval */
        return result;
    }
    self_add_rows(b, &p->totals, p->workers, p->worker_count, p->keep != NULL ? keep_spool(p->keep) : NULL);
    batch_seal(b);
    summarize(p, b);
    remember(p, b);
    if (p->keep != NULL)
        keep_interval(p->keep, batch_ref(b)); /* on disk before anybody is given it */
    ring_append(p->ring, b);
    return result;
}

int pipeline_look(struct config *config, struct batch **out, struct err *err)
{
    struct sources *sources = sources_open(config, 0, err);

    if (sources == NULL)
        return err_wrap(err, "configuration");
    struct batch *b = batch_new();
    int64_t now_ms = clock_wall_ms();
    enum source_result result = fill(sources, config, b, now_ms - now_ms % 1000, -1, err);
    struct self_totals totals = { 0 };
    self_add_rows(b, &totals, NULL, 0, NULL);
    batch_seal(b);
    sources_close(sources);
    *out = b;
    return result == SOURCE_ALL ? 0 : result == SOURCE_SOME ? 1 : -1;
}

static int write_out(void *ctx, const char *data, size_t len)
{
    return fwrite(data, 1, len, ctx) == len ? 0 : -1;
}

static int render_one(const struct config *config, struct config_sink *sink, const struct batch *b, FILE *to, struct err *err)
{
    struct sink_env env = env_of(config, sink, "dry-run");
    struct buf out;
    int rc = sink->ops->open(sink->self, &env, err);

    buf_init_drain(&out, write_out, to);
    if (rc == 0)
        rc = sink->ops->render(sink->self, b, &out, err);
    if (buf_flush(&out) < 0 && rc == 0)
        rc = err_set(err, ERR_SYS, "the output could not be written");
    buf_fini(&out);
    sink->ops->close(sink->self);
    free(sink->self);
    sink->self = NULL;
    return rc < 0 ? err_wrap(err, "sink %s", sink->name) : 0;
}

int pipeline_dry_run(struct config *config, const char *only_sink, FILE *to, struct err *err)
{
    struct batch *b = NULL;
    struct err why = { 0 };
    int looked = pipeline_look(config, &b, &why);

    if (b == NULL) {
        *err = why;
        return -1;
    }
    for (size_t i = 0; i < config->sink_count; i++) {
        if (only_sink != NULL && strcmp(only_sink, config->sinks[i].name) != 0)
            continue;
        if (render_one(config, &config->sinks[i], b, to, err) < 0) {
            batch_unref(b);
            return -1;
        }
    }
    batch_unref(b);
    *err = why;
    return looked;
}
