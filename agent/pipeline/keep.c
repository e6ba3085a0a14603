/* keep.c - see keep.h. */
#include "agent/pipeline/keep.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define LAST_SAVES 8

static const char totals_name[] = "agent";

static const char *const drop_reasons[SPOOL_DROPS] = {
    [SPOOL_FULL] = "the spool is full (spool_max_bytes)",
    [SPOOL_OLD] = "they waited too long (spool_max_age)",
    [SPOOL_OVERFLOW] = "they could not be written, and memory was full",
    [SPOOL_DAMAGED] = "they cannot be read any more",
};

struct said { /* of one worker's drops */
    uint64_t dropped[SPOOL_DROPS];
    struct log_repeat repeat;
};

struct keep {
    struct state *state;
    struct spool *spool;
    struct keep_parts parts;
    struct said *said; /* one per worker */
    struct log_repeat trouble;
};

static void say_news(struct keep *k)
{
    const char *news = state_news(k->state);

    if (news != NULL)
        log_error("%s", news);
}

static void say_waiting(struct keep *k, const char *sentence)
{
    for (size_t i = 0; i < k->parts.worker_count; i++) {
        struct worker_counts c;
        if (!worker_has_spool(k->parts.workers[i]))
            continue;
        worker_read_counts(k->parts.workers[i], &c);
        if (c.waiting > 0)
            log_info("sink %s: %llu interval%s %s", worker_name(k->parts.workers[i]), (unsigned long long)c.waiting,
                     c.waiting == 1 ? "" : "s", sentence);
    }
}

static void say_forgotten(struct keep *k)
{
    struct spool_info info;

    spool_read_info(k->spool, &info);
    if (info.forgotten_batches > 0)
        log_warning("sink %s is no longer configured: %llu intervals that waited for it are dropped", info.forgotten,
                    (unsigned long long)info.forgotten_batches);
}

static void say_loaded(struct keep *k)
{
    say_forgotten(k);
    say_waiting(k, "from before waiting in the spool");
}

static void load(struct keep *k)
{
    struct buf data;
    struct err err = { 0 };
    int result = spool_load(k->spool, &err);

    say_news(k);
    if (result < 0) /* what cannot be written may still be read */
        log_repeat_fail(&k->trouble, LOG_ERROR, "the spool: intervals wait in memory", err.msg);
    buf_init(&data, STATE_BLOB_MAX);
    if (state_read(k->state, totals_name, &data, NULL) > 0)
        counters_read(self_counters, k->parts.totals, data.data, data.len);
    buf_fini(&data);
    sources_load(k->parts.sources, k->state);
    for (size_t i = 0; i < k->parts.worker_count; i++) {
        struct worker_counts c;
        worker_load(k->parts.workers[i], k->state);
        worker_read_counts(k->parts.workers[i], &c);
        memcpy(k->said[i].dropped, c.spool_dropped, sizeof(c.spool_dropped)); /* said by an earlier process */
    }
    say_loaded(k);
}

static void use_spool(struct keep *k)
{
    for (size_t i = 0; i < k->parts.worker_count; i++)
        if (worker_mode(k->parts.workers[i]) == SINK_EVERY && !worker_has_spool(k->parts.workers[i]))
            worker_use_spool(k->parts.workers[i], k->spool);
}

struct keep *keep_new(struct state *state, const struct agent_options *options, struct keep_parts parts)
{
    struct keep *k = xcalloc(1, sizeof(*k));
    const struct spool_limits limits = { options->spool_max_bytes, options->spool_max_age_ms };

    k->state = state;
    k->parts = parts;
    k->said = xcalloc(parts.worker_count + 1, sizeof(*k->said));
    k->spool = spool_new(state, limits);
    use_spool(k);
    load(k);
    return k;
}

/* What was said of this worker, or would have been. */
static struct said said_of(const struct keep *k, struct worker *w)
{
    struct said said = { 0 };
    struct worker_counts c;

    for (size_t i = 0; i < k->parts.worker_count; i++)
        if (k->parts.workers[i] == w)
            return k->said[i];
    worker_read_counts(w, &c);
    memcpy(said.dropped, c.spool_dropped, sizeof(c.spool_dropped));
    return said;
}

void keep_follow(struct keep *k, struct keep_parts parts)
{
    struct said *said = xcalloc(parts.worker_count + 1, sizeof(*said));

    for (size_t i = 0; i < parts.worker_count; i++)
        said[i] = said_of(k, parts.workers[i]);
    free(k->said);
    k->said = said;
    k->parts = parts;
    use_spool(k);
    while (spool_remove_ended(k->spool))
        say_forgotten(k);
}

void keep_free(struct keep *k)
{
    if (k == NULL)
        return;
    spool_free(k->spool);
    free(k->said);
    free(k);
}

struct spool *keep_spool(struct keep *k)
{
    return k->spool;
}

static int write_totals(struct keep *k, struct err *err)
{
    struct buf data;

    buf_init(&data, 0);
    counters_write(self_counters, k->parts.totals, &data);
    int result = state_write(k->state, totals_name, data.data, data.len, err);
    buf_fini(&data);
    return result;
}

static int write_blobs(struct keep *k, struct err *err)
{
    if (write_totals(k, err) < 0 || sources_save(k->parts.sources, k->state, err) < 0)
        return -1;
    for (size_t i = 0; i < k->parts.worker_count; i++)
        if (worker_save(k->parts.workers[i], k->state, err) < 0)
            return -1;
    return 0;
}

static int save(struct keep *k, struct batch *batch, struct err *err)
{
    if (spool_begin(k->spool, batch, err) < 0)
        return -1;
    if (write_blobs(k, err) < 0) {
        spool_abort(k->spool);
        return -1;
    }
    return spool_commit(k->spool, clock_wall_ms(), err);
}

/* Drops go on for as long as an outage does: said at growing gaps, until nothing waits any more. */
static void say_dropped(struct keep *k, size_t i)
{
    char what[160];
    struct worker_counts c;
    struct said *said = &k->said[i];

    worker_read_counts(k->parts.workers[i], &c);
    snprintf(what, sizeof(what), "sink %s: intervals are lost", worker_name(k->parts.workers[i]));
    for (int reason = 0; reason < SPOOL_DROPS; reason++) {
        if (c.spool_dropped[reason] > said->dropped[reason])
            log_repeat_fail(&said->repeat, LOG_WARNING, what, drop_reasons[reason]);
        said->dropped[reason] = c.spool_dropped[reason];
    }
    if (c.waiting == 0)
        said->repeat = (struct log_repeat){ 0 };
}

void keep_interval(struct keep *k, struct batch *batch)
{
    struct err err = { 0 };

    if (save(k, batch, &err) == 0)
        log_repeat_end(&k->trouble, "the spool");
    else
        log_repeat_fail(&k->trouble, LOG_ERROR, "the spool: intervals wait in memory", err.msg);
    say_news(k);
    for (size_t i = 0; i < k->parts.worker_count; i++)
        if (worker_has_spool(k->parts.workers[i]))
            say_dropped(k, i);
}

void keep_close(struct keep *k)
{
    spool_close(k->spool);
}

void keep_finish(struct keep *k)
{
    struct spool_info info;
    struct err err = { 0 };
    int result = -1;

    for (int i = 0; i < LAST_SAVES && result < 0; i++) /* what waits in memory goes in portions */
        result = save(k, NULL, &err);
    say_news(k);
    spool_read_info(k->spool, &info);
    if (result < 0 && info.in_memory > 0)
        log_error("%llu intervals are lost, they could not be written: %s", (unsigned long long)info.in_memory, err.msg);
    else if (result < 0)
        log_error("what was delivered could not be noted and may be delivered again: %s", err.msg);
    else
        say_waiting(k, "left in the spool for the next start");
}
