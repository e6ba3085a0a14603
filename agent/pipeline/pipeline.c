/* pipeline.c - see pipeline.h. */
#include "agent/pipeline/pipeline.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/xalloc.h"
#include "agent/pipeline/crew.h"
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
    struct crew *crew;
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

/* What the pipeline has with the same section is shared, the rest is opened. */
static int open_parts(struct pipeline *p, struct config *config, struct sources **sources, struct crew **crew, struct err *err)
{
    bool is_run = p->reason == PIPELINE_RUN;
    const struct crew_place place = { p->ring, reason_name(p->reason), !is_run, p->news_fd };

    *sources = sources_open(p->sources, config, is_run ? config->agent.interval_ms : 0, err);
    if (*sources == NULL)
        return -1;
    *crew = crew_open(p->crew, config, &place, err);
    if (*crew != NULL)
        return 0;
    sources_close(*sources);
    *sources = NULL;
    return -1;
}

struct pipeline *pipeline_new(struct config *config, enum pipeline_reason reason, struct err *err)
{
    struct pipeline *p = xcalloc(1, sizeof(*p));

    p->config = config;
    p->reason = reason;
    p->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->ring = ring_new(RING_SLOTS, RING_BYTES_MAX);
    if (open_parts(p, config, &p->sources, &p->crew, err) < 0) {
        pipeline_free(p);
        return NULL;
    }
    return p;
}

static struct keep_parts keep_parts_of(struct pipeline *p)
{
    return (struct keep_parts){ p->sources, crew_workers(p->crew), crew_count(p->crew), &p->totals };
}

bool pipeline_can_reload(const struct pipeline *p, const struct config *config)
{
    bool has_state = p->keep != NULL || p->config->agent.state_dir[0] == '\0';

    return config_is_same_frame(p->config, config) && has_state;
}

int pipeline_reload(struct pipeline *p, struct config *config, int64_t deadline_ns, struct err *err)
{
    struct sources *old_sources = p->sources, *sources = NULL;
    struct crew *old_crew = p->crew, *crew = NULL;

    if (open_parts(p, config, &sources, &crew, err) < 0)
        return -1;
    crew_end_leaving(old_crew, crew, deadline_ns);
    p->sources = sources;
    p->crew = crew;
    p->config = config;
    crew_hand_over(old_crew, crew);
    if (p->keep != NULL)
        keep_follow(p->keep, keep_parts_of(p));
    sources_hand_over(old_sources, sources);
    crew_close(old_crew);
    sources_close(old_sources);
    crew_start(crew);
    return 0;
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
    if (state != NULL)
        p->keep = keep_new(state, &p->config->agent, keep_parts_of(p));
    p->missed_before = p->totals.missed_ticks;
    crew_start(p->crew);
}

bool pipeline_stop(struct pipeline *p, int64_t deadline_ns)
{
    struct worker *const *workers = crew_workers(p->crew);
    bool all = true;

    for (size_t i = 0; i < crew_count(p->crew); i++)
        worker_stop_by(workers[i], deadline_ns);
    ring_close(p->ring);
    if (p->keep != NULL)
        keep_close(p->keep);
    for (size_t i = 0; i < crew_count(p->crew); i++) {
        struct worker_counts counts;
        worker_join(workers[i]);
        worker_read_counts(workers[i], &counts);
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
    crew_close(p->crew);
    keep_free(p->keep);
    sources_close(p->sources);
    ring_free(p->ring);
    if (p->news_fd >= 0)
        close(p->news_fd);
    free(p);
}

int64_t pipeline_last_tick_ms(const struct pipeline *p)
{
    return (int64_t)p->totals.last_tick_ms;
}

void pipeline_set_missed_ticks(struct pipeline *p, uint64_t missed)
{
    p->totals.missed_ticks = p->missed_before + missed;
}

void pipeline_read_sink(struct pipeline *p, size_t index, const char **name, struct worker_counts *out)
{
    *name = worker_name(crew_workers(p->crew)[index]);
    worker_read_counts(crew_workers(p->crew)[index], out);
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

int pipeline_report(const struct pipeline *p, const struct state *state, int64_t started_ms, int64_t stopped_ms, struct err *err)
{
    struct buf text;
    struct report_head head = {
        .is_once = p->reason == PIPELINE_ONCE,
        .started_ms = started_ms,
        .written_ms = clock_wall_ms(),
        .stopped_ms = stopped_ms,
        .config_hash = p->config->hash,
        .interval_ms = p->config->agent.interval_ms,
        .collection = p->newest,
    };

    if (state == NULL)
        return 0;
    head.collection.missed_ticks = p->totals.missed_ticks;
    buf_init(&text, 0);
    report_put(&text, &head, crew_workers(p->crew), crew_count(p->crew));
    int result = report_write(state_directory(state), &text, err);
    buf_fini(&text);
    return result;
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
    self_add_rows(b, &p->totals, crew_workers(p->crew), crew_count(p->crew), p->keep != NULL ? keep_spool(p->keep) : NULL);
    batch_seal(b);
    summarize(p, b);
    remember(p, b);
    p->totals.last_tick_ms = (uint64_t)tick_ms;
    if (p->keep != NULL)
        keep_interval(p->keep, batch_ref(b)); /* on disk before anybody is given it */
    ring_append(p->ring, b);
    return result;
}

int pipeline_look(struct sources *sources, const struct config *config, struct batch **out, struct err *err)
{
    struct batch *b = batch_new();
    int64_t now_ms = clock_wall_ms();
    enum source_result result = fill(sources, config, b, now_ms - now_ms % 1000, -1, err);
    struct self_totals totals = { 0 };
    self_add_rows(b, &totals, NULL, 0, NULL);
    batch_seal(b);
    *out = b;
    return result == SOURCE_ALL ? 0 : result == SOURCE_SOME ? 1 : -1;
}

static int write_out(void *ctx, const char *data, size_t len)
{
    return fwrite(data, 1, len, ctx) == len ? 0 : -1;
}

static int render_one(const struct config *config, struct config_sink *sink, const struct batch *b, FILE *to, struct err *err)
{
    struct sink_env env = crew_env(config, sink, "dry-run");
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

int pipeline_dry_run(struct sources *sources, struct config *config, const char *only_sink, FILE *to, struct err *err)
{
    struct batch *b;
    struct err why = { 0 };
    int looked = pipeline_look(sources, config, &b, &why);

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
