/* worker.c - see worker.h. */
#include "agent/pipeline/worker.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/pipeline/counters.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TRIES_PER_TICK 4
#define RETRY_FIRST_MS 500 /* then 1 s, 2 s; where no option says otherwise */

struct worker {
    const struct sink_ops *ops;
    enum sink_mode mode;
    const struct sink_env *env;
    void *self;
    struct ring *ring;
    int cursor;
    struct spool *spool;         /* NULL: reads from the ring */
    int reader;                  /* of the spool */
    struct worker_limits limits;
    struct sink_patience patience;
    int news_fd;                 /* -1: nobody wants to know */
    struct log_repeat trouble;   /* worker thread, as what follows */
    bool said_cut, said_rest;
    int64_t failures;            /* attempts in a row */
    int64_t rest_until_ns;       /* the breaker: 0 or past: none */

    pthread_t thread;
    bool started;
    int cancel_fd;               /* eventfd: readable from the stop deadline on */
    int ended_fd;                /* eventfd: readable once the thread is about to end */
    atomic_llong stop_by_ns;     /* INT64_MAX until a stop is asked for */

    pthread_mutex_t lock;        /* what follows */
    struct worker_counts counts;
    struct buf memory;           /* what the sink wants to know again after a restart, as of its newest delivery */
};

static const struct counter counters[] = {
    { "delivered", offsetof(struct worker_counts, delivered) },
    { "retried", offsetof(struct worker_counts, retried) },
    { "rejected", offsetof(struct worker_counts, rejected) },
    { "overtaken", offsetof(struct worker_counts, overtaken) },
    { "overflowed", offsetof(struct worker_counts, overflowed) },
    { "cut_series", offsetof(struct worker_counts, cut_series) },
    { "rests", offsetof(struct worker_counts, rests) },
    { "spool_full", offsetof(struct worker_counts, spool_dropped[SPOOL_FULL]) },
    { "spool_old", offsetof(struct worker_counts, spool_dropped[SPOOL_OLD]) },
    { "spool_overflow", offsetof(struct worker_counts, spool_dropped[SPOOL_OVERFLOW]) },
    { "spool_damaged", offsetof(struct worker_counts, spool_dropped[SPOOL_DAMAGED]) },
    { 0 },
};

struct worker *worker_new(struct config_sink *sink, const struct sink_env *env, struct ring *ring, struct worker_limits limits,
                          struct err *err)
{
    struct worker *w = xcalloc(1, sizeof(*w));

    w->ops = sink->ops;
    w->self = sink->self;
    w->mode = sink_mode(w->ops, w->self);
    sink->self = NULL;
    w->env = env;
    w->ring = ring;
    w->cursor = -1;
    w->limits = limits;
    w->patience = sink->common.patience;
    if (w->patience.retry_first_ms == 0)
        w->patience.retry_first_ms = RETRY_FIRST_MS;
    w->news_fd = -1;
    w->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_init(&w->stop_by_ns, INT64_MAX);
    pthread_mutex_init(&w->lock, NULL);
    buf_init(&w->memory, 0);
    if (w->cancel_fd < 0 || w->ended_fd < 0) {
        err_sys(err, "eventfd");
    } else if (w->ops->open(w->self, env, err) == 0) {
        w->cursor = ring_add_cursor(ring, w->mode == SINK_LATEST ? RING_NEWEST : RING_OLDEST);
        return w;
    }
    err_wrap(err, "sink %s", env->name);
    worker_free(w);
    return NULL;
}

void worker_free(struct worker *w)
{
    if (w == NULL)
        return;
    assert(!w->started);
    w->ops->close(w->self);
    free(w->self);
    if (w->cursor >= 0)
        ring_remove_cursor(w->ring, w->cursor);
    if (w->cancel_fd >= 0)
        close(w->cancel_fd);
    if (w->ended_fd >= 0)
        close(w->ended_fd);
    pthread_mutex_destroy(&w->lock);
    buf_fini(&w->memory);
    free(w);
}

void worker_use_spool(struct worker *w, struct spool *spool)
{
    assert(!w->started && w->mode == SINK_EVERY);
    w->spool = spool;
    w->reader = spool_add_reader(spool, w->env->name);
    ring_leave(w->ring, w->cursor);
}

void worker_tell(struct worker *w, int news_fd)
{
    assert(!w->started);
    w->news_fd = news_fd;
}

enum sink_mode worker_mode(const struct worker *w)
{
    return w->mode;
}

bool worker_has_spool(const struct worker *w)
{
    return w->spool != NULL;
}

const char *worker_name(const struct worker *w)
{
    return w->env->name;
}

const char *worker_kind(const struct worker *w)
{
    return w->ops->name;
}

/* The spool counts since its own start; what was before stands in counts. */
static void add_spool_counts(struct worker *w, struct worker_counts *out)
{
    struct spool_counts c;

    spool_read_counts(w->spool, w->reader, &c);
    out->waiting_since_ms = c.oldest_ms;
    out->waiting = c.waiting;
    for (int reason = 0; reason < SPOOL_DROPS; reason++) {
        out->spool_dropped[reason] += c.dropped[reason];
        out->has_lost = out->has_lost || c.dropped[reason] > 0;
    }
}

void worker_read_counts(struct worker *w, struct worker_counts *out)
{
    int64_t oldest_ms = 0;

    if (w->spool == NULL)
        ring_waiting(w->ring, w->cursor, &oldest_ms);
    pthread_mutex_lock(&w->lock);
    *out = w->counts;
    pthread_mutex_unlock(&w->lock);
    if (w->spool != NULL)
        add_spool_counts(w, out);
    else if (out->waiting_since_ms == 0)
        out->waiting_since_ms = oldest_ms;
}

static char *blob_name(const struct worker *w, const char *kind)
{
    return xasprintf("%s/%s", kind, w->env->name);
}

/* What cannot be read or understood is as good as nothing. */
void worker_load(struct worker *w, struct state *state)
{
    char *counts = blob_name(w, "counts"), *memory = blob_name(w, "sink");
    struct buf data;
    struct err err = { 0 };

    buf_init(&data, STATE_BLOB_MAX);
    if (state_read(state, counts, &data, NULL) > 0)
        counters_read(counters, &w->counts, data.data, data.len);
    buf_reset(&data);
    if (w->ops->load != NULL && state_read(state, memory, &data, NULL) > 0) {
        if (w->ops->load(w->self, data.data, data.len, &err) < 0)
            log_warning("sink %s: starts without what it knew: %s", w->env->name, err.msg);
        buf_put(&w->memory, data.data, data.len); /* until it has delivered something, this stays as it is */
    }
    buf_fini(&data);
    free(counts);
    free(memory);
}

int worker_save(struct worker *w, struct state *state, struct err *err)
{
    char *counts_name = blob_name(w, "counts"), *memory_name = blob_name(w, "sink");
    struct worker_counts counts;
    struct buf data, memory;

    buf_init(&data, 0);
    buf_init(&memory, 0);
    pthread_mutex_lock(&w->lock);
    counts = w->counts;
    buf_put(&memory, w->memory.data, w->memory.len);
    pthread_mutex_unlock(&w->lock);
    if (w->spool != NULL)
        spool_add_dropped(w->spool, w->reader, counts.spool_dropped);
    counters_write(counters, &counts, &data);
    int result = state_write(state, counts_name, data.data, data.len, err);
    if (result == 0 && memory.len > 0 && memory.len <= STATE_BLOB_MAX)
        result = state_write(state, memory_name, memory.data, memory.len, err);
    buf_fini(&memory);
    buf_fini(&data);
    free(counts_name);
    free(memory_name);
    return result;
}

static int64_t stop_by(struct worker *w)
{
    return atomic_load(&w->stop_by_ns);
}

static bool must_leave(struct worker *w)
{
    return clock_now_ns() >= stop_by(w);
}

static int64_t interval_ns(const struct worker *w)
{
    return (w->limits.interval_ms > 0 ? w->limits.interval_ms : 60000) * NS_PER_MS;
}

/* Until when tries with this batch make sense: its interval, and never past the stop. */
static int64_t tries_end(struct worker *w, int64_t started_ns)
{
    int64_t end = started_ns + interval_ns(w), stop = stop_by(w);

    return end < stop ? end : stop;
}

static void make_readable(int fd)
{
    uint64_t one = 1;
    ssize_t ignored = write(fd, &one, sizeof(one));
    (void)ignored;
}

static void note_attempt(struct worker *w, enum sink_result result, const struct sink_delivery *d, int64_t took_ns,
                         const struct err *err)
{
    struct worker_counts *c = &w->counts;

    pthread_mutex_lock(&w->lock);
    c->tried = true;
    c->up = result == SINK_OK;
    c->duration_ns = took_ns;
    c->delivered += result == SINK_OK;
    c->retried += result == SINK_RETRY;
    c->rejected += result == SINK_REJECT;
    c->has_lost = c->has_lost || result == SINK_REJECT;
    if (result == SINK_OK) {
        c->series = d->series;
        c->bytes = d->bytes;
        c->cut_series += d->cut;
        c->delivered_at_ms = clock_wall_ms();
    }
    if (result != SINK_RETRY)
        c->waiting_since_ms = 0;
    snprintf(c->error, sizeof(c->error), "%s", result == SINK_OK ? "" : err->msg);
    if (result != SINK_OK) {
        memcpy(c->last_error, c->error, sizeof(c->last_error));
        c->last_error_ms = clock_wall_ms();
    }
    pthread_mutex_unlock(&w->lock);
    if (w->news_fd >= 0)
        make_readable(w->news_fd);
}

static void note_memory(struct worker *w)
{
    struct buf memory, old;

    buf_init(&memory, 0);
    w->ops->save(w->self, &memory);
    pthread_mutex_lock(&w->lock);
    old = w->memory;
    w->memory = memory;
    pthread_mutex_unlock(&w->lock);
    buf_fini(&old);
}

static void say_attempt(struct worker *w, enum sink_result result, const struct sink_delivery *d, const struct err *err)
{
    char what[160];

    snprintf(what, sizeof(what), "sink %s", w->env->name);
    if (result == SINK_OK)
        log_repeat_end(&w->trouble, what);
    else
        log_repeat_fail(&w->trouble, result == SINK_REJECT ? LOG_ERROR : LOG_WARNING, what, err->msg);
    if (result == SINK_OK && d->note[0] != '\0')
        log_warning("%s: %s", what, d->note);
    if (d->cut > 0 && !w->said_cut)
        log_warning("%s: %llu samples left out, by max_series or because another has the same labels; first %s", what,
                    (unsigned long long)d->cut, d->first_cut != NULL ? d->first_cut : "");
    w->said_cut = d->cut > 0;
}

static bool is_resting(const struct worker *w)
{
    return w->rest_until_ns > clock_now_ns();
}

/* So many failures in a row that one try is enough. */
static bool has_tripped(const struct worker *w)
{
    return w->patience.breaker_after > 0 && w->failures >= w->patience.breaker_after && !w->limits.once;
}

/* The breaker: after so many failures in a row the sink has its peace for a while, and after that for each failure. */
static void mind_breaker(struct worker *w, enum sink_result result)
{
    int64_t pause_ms = w->patience.breaker_pause_ms;

    w->failures = result == SINK_RETRY ? w->failures + 1 : 0;
    w->said_rest = w->said_rest && result == SINK_RETRY;
    if (!has_tripped(w) || ring_is_closed(w->ring, w->cursor))
        return;
    w->rest_until_ns = clock_now_ns() + pause_ms * NS_PER_MS;
    pthread_mutex_lock(&w->lock);
    w->counts.rests++;
    pthread_mutex_unlock(&w->lock);
    if (!w->said_rest)
        log_warning("sink %s: %lld attempts in a row have failed, it is left alone for %lld s, then tried once", w->env->name,
                    (long long)w->failures, (long long)(pause_ms / 1000));
    w->said_rest = true;
}

/* pause_ns: what the peer asked for, at most one interval; 0 if it did not. */
static enum sink_result attempt(struct worker *w, const struct batch *batch, int64_t end_ns, int64_t *pause_ns)
{
    struct sink_delivery d = { .deadline_ns = end_ns, .cancel_fd = w->cancel_fd };
    struct err err = { 0 };
    int64_t started = clock_now_ns();

    enum sink_result result = w->ops->deliver(w->self, batch, &d, &err);
    if (result == SINK_OK && w->ops->save != NULL)
        note_memory(w);
    note_attempt(w, result, &d, clock_now_ns() - started, &err);
    say_attempt(w, result, &d, &err);
    mind_breaker(w, result);
    int64_t wish_ms = d.retry_after_ms > 0 ? d.retry_after_ms : 0;
    *pause_ns = wish_ms < interval_ns(w) / NS_PER_MS ? wish_ms * NS_PER_MS : interval_ns(w);
    return result;
}

/* Waits until then; false if the worker has to leave first. */
static bool wait_until(struct worker *w, int64_t until_ns)
{
    struct pollfd p = { .fd = w->cancel_fd, .events = POLLIN };

    while (clock_now_ns() < until_ns)
        if (poll(&p, 1, clock_ms_until(until_ns)) > 0)
            return false;
    return !must_leave(w);
}

/* One batch, a few tries. RETRY: this tick's tries are used up, or a stop has come, for which the time has to be shared anew. */
static enum sink_result deliver(struct worker *w, const struct batch *batch)
{
    int64_t end_ns = tries_end(w, clock_now_ns()), gap_ns = w->patience.retry_first_ms * NS_PER_MS;
    int64_t longest_ns = w->patience.retry_longest_ms * NS_PER_MS;
    bool is_last = w->limits.once || ring_is_closed(w->ring, w->cursor);

    for (int try = 1;; try++, gap_ns = longest_ns > 0 && gap_ns * 2 > longest_ns ? longest_ns : gap_ns * 2) {
        int64_t pause_ns, now_ns;
        enum sink_result result = attempt(w, batch, end_ns, &pause_ns);
        if (result != SINK_RETRY || try == TRIES_PER_TICK || has_tripped(w))
            return result;
        now_ns = clock_now_ns();
        if (pause_ns == 0)
            pause_ns = gap_ns;
        pause_ns += (now_ns / 1000) % (pause_ns / 8 + 1); /* jitter: many agents, one gateway */
        if (now_ns + pause_ns >= end_ns)
            return SINK_RETRY;
        if (is_last ? !wait_until(w, now_ns + pause_ns) : ring_wait_closed(w->ring, w->cursor, now_ns + pause_ns))
            return SINK_RETRY;
    }
}

/* why: what happened to an EVERY sink's intervals, for people. */
static void count_missed(struct worker *w, uint64_t missed, const char *why)
{
    pthread_mutex_lock(&w->lock);
    if (w->mode == SINK_LATEST)
        w->counts.overtaken += missed;
    else
        w->counts.overflowed += missed;
    w->counts.has_lost = w->counts.has_lost || (missed > 0 && w->mode == SINK_EVERY);
    pthread_mutex_unlock(&w->lock);
    if (missed > 0 && w->mode == SINK_EVERY)
        log_warning("sink %s: %llu interval%s lost, %s", w->env->name, (unsigned long long)missed, missed == 1 ? "" : "s", why);
}

static void set_waiting(struct worker *w, const struct batch *batch)
{
    pthread_mutex_lock(&w->lock);
    w->counts.waiting_since_ms = batch_info(batch)->time_ms;
    pthread_mutex_unlock(&w->lock);
}

/*
 * Delivers one batch. After a tick's tries a LATEST sink lets it go as soon as a newer one is there; an EVERY sink keeps it until
 * it is accepted or refused, or the spool has dropped it, and pauses for an interval. At the stop there is one more round before
 * it is given up. False: it goes back to the spool, and with it everything behind it.
 */
static bool work_on(struct worker *w, const struct batch *batch)
{
    set_waiting(w, batch);
    for (bool last = w->limits.once;; last = ring_is_closed(w->ring, w->cursor)) {
        if (deliver(w, batch) != SINK_RETRY || (w->spool != NULL && !spool_still_wants(w->spool, w->reader)))
            return true;
        if (last || must_leave(w))
            break;
        if (w->mode == SINK_EVERY)
            ring_wait_closed(w->ring, w->cursor, is_resting(w) ? w->rest_until_ns : clock_now_ns() + interval_ns(w));
        else if (ring_wait_newer(w->ring, w->cursor, INT64_MAX))
            break;
    }
    if (w->spool != NULL)
        return false;
    count_missed(w, 1, "every try failed");
    return true;
}

static void read_spool(struct worker *w)
{
    struct batch *batch;

    while (!must_leave(w) && (batch = spool_take(w->spool, w->reader)) != NULL) {
        bool is_finished = work_on(w, batch);
        batch_unref(batch);
        if (!is_finished) {
            spool_put_back(w->spool, w->reader);
            break;
        }
        spool_finish(w->spool, w->reader);
    }
}

static void read_ring(struct worker *w)
{
    while (!must_leave(w)) {
        uint64_t missed;
        if (is_resting(w)) /* what comes meanwhile is overtaken, or waits */
            ring_wait_closed(w->ring, w->cursor, w->rest_until_ns);
        struct batch *batch = ring_take(w->ring, w->cursor, INT64_MAX, &missed);
        if (missed > 0)
            count_missed(w, missed, "too many were waiting");
        if (batch == NULL)
            break;
        work_on(w, batch);
        batch_unref(batch);
    }
    int64_t oldest_ms;
    uint64_t left = ring_waiting(w->ring, w->cursor, &oldest_ms);
    if (left > 0) /* told to leave before everything was delivered */
        count_missed(w, left, "told to stop before they were delivered");
}

static void *run(void *arg)
{
    struct worker *w = arg;

    if (w->spool != NULL)
        read_spool(w);
    else
        read_ring(w);
    make_readable(w->ended_fd);
    return NULL;
}

void worker_start(struct worker *w)
{
    int rc = pthread_create(&w->thread, NULL, run, w);

    assert(rc == 0);
    (void)rc;
    w->started = true;
}

void worker_stop_by(struct worker *w, int64_t deadline_ns)
{
    atomic_store(&w->stop_by_ns, deadline_ns);
}

void worker_end(struct worker *w, int64_t deadline_ns, bool is_succeeded)
{
    worker_stop_by(w, deadline_ns);
    if (w->spool != NULL)
        spool_close_reader(w->spool, w->reader, is_succeeded);
    ring_close_cursor(w->ring, w->cursor);
}

void worker_inherit(struct worker *w, struct worker *before)
{
    struct err err = { 0 };

    assert(!w->started && !before->started);
    if (w->mode == SINK_EVERY && before->spool != NULL)
        w->counts = before->counts; /* the spool's own come with the reader that w takes over */
    else
        worker_read_counts(before, &w->counts);
    w->counts.waiting_since_ms = 0;
    w->counts.waiting = 0;
    if (w->ops != before->ops || w->ops->load == NULL || before->memory.len == 0)
        return;
    if (w->ops->load(w->self, before->memory.data, before->memory.len, &err) < 0)
        log_warning("sink %s: starts without what it knew: %s", w->env->name, err.msg);
    buf_put(&w->memory, before->memory.data, before->memory.len);
}

/* False: the deadline has passed first. (pthread_clockjoin_np would do, where it exists; thread sanitizers do not know it.) */
static bool wait_for_end(struct worker *w, int64_t deadline_ns)
{
    struct pollfd p = { .fd = w->ended_fd, .events = POLLIN };

    while (poll(&p, 1, clock_ms_until(deadline_ns)) <= 0)
        if (clock_now_ns() >= deadline_ns)
            return false;
    return true;
}

void worker_join(struct worker *w)
{
    if (!w->started)
        return;
    if (!wait_for_end(w, stop_by(w)))
        make_readable(w->cancel_fd);
    pthread_join(w->thread, NULL);
    w->started = false;
}
