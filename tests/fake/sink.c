/* sink.c - see sink.h. */
#include "tests/fake/sink.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"

#include <ctype.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_S 20

struct attempt {
    uint64_t number;
    int64_t began_ns, time_ms;
};

struct fake_sink {
    enum sink_mode mode;
    const char *script;
    bool open_fails;
    int64_t retry_after_ms;
    uint64_t series, cut;
    const char *memory;
    char loaded[32];

    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    struct attempt *attempts;
    unsigned count, gone, allowed; /* attempts begun; waiting ones that went on; that may go on */
    unsigned opened, closed;
    const struct batch *newest;
};

/* What the worker owns and frees: only the way to the test's struct. */
struct self {
    struct fake_sink *fake;
    const struct sink_env *env;
};

struct fake_sink *fake_sink_new(enum sink_mode mode, const char *script)
{
    struct fake_sink *f = xcalloc(1, sizeof(*f));
    pthread_condattr_t attr;

    f->mode = mode;
    f->script = script;
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&f->changed, &attr);
    pthread_condattr_destroy(&attr);
    return f;
}

void fake_sink_free(struct fake_sink *f)
{
    batch_unref(f->newest);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    free(f->attempts);
    free(f);
}

void fake_sink_fail_open(struct fake_sink *f)
{
    f->open_fails = true;
}

void fake_sink_remember(struct fake_sink *f, const char *memory)
{
    f->memory = memory;
}

const char *fake_sink_loaded(struct fake_sink *f)
{
    return f->loaded;
}

void fake_sink_ask_to_wait(struct fake_sink *f, int64_t retry_after_ms)
{
    f->retry_after_ms = retry_after_ms;
}

void fake_sink_count(struct fake_sink *f, uint64_t series, uint64_t cut)
{
    f->series = series;
    f->cut = cut;
}

static int fake_open(void *self, const struct sink_env *env, struct err *err)
{
    struct fake_sink *f = ((struct self *)self)->fake;

    ((struct self *)self)->env = env;
    pthread_mutex_lock(&f->lock);
    f->opened++;
    pthread_mutex_unlock(&f->lock);
    return f->open_fails ? err_set(err, ERR_CONFIG, "told to fail") : 0;
}

static void fake_close(void *self)
{
    struct fake_sink *f = ((struct self *)self)->fake;

    pthread_mutex_lock(&f->lock);
    f->closed++;
    pthread_mutex_unlock(&f->lock);
}

/* Notes the attempt and gives its letter. */
static char begin(struct fake_sink *f, const struct batch *b)
{
    pthread_mutex_lock(&f->lock);
    size_t last = strlen(f->script) - 1;
    char letter = f->script[f->count < last ? f->count : last];
    f->attempts = xrealloc(f->attempts, f->count + 1, sizeof(*f->attempts));
    f->attempts[f->count++] = (struct attempt){ batch_info(b)->number, clock_now_ns(), batch_info(b)->time_ms };
    batch_unref(f->newest);
    f->newest = batch_ref(b);
    pthread_cond_broadcast(&f->changed);
    while (isupper((unsigned char)letter) && f->gone == f->allowed)
        pthread_cond_wait(&f->changed, &f->lock);
    f->gone += isupper((unsigned char)letter) != 0;
    pthread_mutex_unlock(&f->lock);
    return (char)tolower((unsigned char)letter);
}

static enum sink_result fake_deliver(void *self, const struct batch *b, struct sink_delivery *d, struct err *err)
{
    struct fake_sink *f = ((struct self *)self)->fake;
    char letter = begin(f, b);

    d->series = f->series;
    d->cut = f->cut;
    d->first_cut = f->cut > 0 ? "mq_queue_lag_messages" : NULL;
    if (letter == 'o')
        return SINK_OK;
    if (letter == 'x') {
        err_set(err, ERR_REMOTE, "told to refuse");
        return SINK_REJECT;
    }
    if (letter == 'h') {
        struct pollfd p = { .fd = d->cancel_fd, .events = POLLIN };
        poll(&p, 1, WAIT_S * 1000);
        err_set(err, ERR_CANCELED, "told to hang");
        return SINK_RETRY;
    }
    d->retry_after_ms = f->retry_after_ms;
    err_set(err, ERR_TIMEOUT, "told to fail");
    return SINK_RETRY;
}

static int fake_render(void *self, const struct batch *b, struct buf *out, struct err *err)
{
    struct self *s = self;

    (void)err;
    buf_printf(out, "%s: %u groups, complete %d\n", s->env->name, batch_rows(b, TABLE_GROUPS), batch_info(b)->complete);
    return 0;
}

static void fake_save(const void *self, struct buf *out)
{
    const struct fake_sink *f = ((const struct self *)self)->fake;

    if (f->memory != NULL)
        buf_puts(out, f->memory);
}

static int fake_load(void *self, const void *data, size_t len, struct err *err)
{
    struct fake_sink *f = ((struct self *)self)->fake;

    (void)err;
    snprintf(f->loaded, sizeof(f->loaded), "%.*s", (int)len, (const char *)data);
    return 0;
}

static const struct option_spec no_options[] = { { 0 } };

static enum sink_mode fake_mode(const void *self)
{
    const struct self *s = self;

    return s->fake->mode;
}

/* .mode is wrong on purpose: whoever asks it instead of sink_mode() fails in tests. */
#define FAKE_OPS(mode_) \
    { .name = "fake", .help = "does as it is told", .schemes = "fake", .options = no_options, \
      .mode = (mode_) == SINK_LATEST ? SINK_EVERY : SINK_LATEST, .mode_of = fake_mode, \
      .size = sizeof(struct self), .open = fake_open, .deliver = fake_deliver, .render = fake_render, \
      .save = fake_save, .load = fake_load, .close = fake_close }
static const struct sink_ops fake_ops[] = { [SINK_LATEST] = FAKE_OPS(SINK_LATEST), [SINK_EVERY] = FAKE_OPS(SINK_EVERY) };

struct config_sink fake_sink_config(struct fake_sink *f, const char *name)
{
    static const struct sink_label no_labels[] = { { 0 } };
    struct self *self = xcalloc(1, sizeof(*self));

    self->fake = f;
    return (struct config_sink){
        .ops = &fake_ops[f->mode],
        .name = name,
        .where = "test:1",
        .self = self,
        .common = { .metrics = "*", .tables = "*", .timeout_ms = 10000, .labels = "", .label_list = no_labels },
    };
}

bool fake_sink_wait(struct fake_sink *f, unsigned attempts)
{
    int64_t deadline_ns = clock_now_ns() + WAIT_S * NS_PER_S;
    struct timespec until = { .tv_sec = (time_t)(deadline_ns / NS_PER_S), .tv_nsec = (long)(deadline_ns % NS_PER_S) };

    pthread_mutex_lock(&f->lock);
    while (f->count < attempts && pthread_cond_timedwait(&f->changed, &f->lock, &until) == 0)
        ;
    bool enough = f->count >= attempts;
    pthread_mutex_unlock(&f->lock);
    return enough;
}

void fake_sink_go(struct fake_sink *f)
{
    pthread_mutex_lock(&f->lock);
    f->allowed++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static struct attempt attempt_of(struct fake_sink *f, unsigned attempt)
{
    pthread_mutex_lock(&f->lock);
    struct attempt got = attempt < f->count ? f->attempts[attempt] : (struct attempt){ 0 };
    pthread_mutex_unlock(&f->lock);
    return got;
}

unsigned fake_sink_attempts(struct fake_sink *f)
{
    pthread_mutex_lock(&f->lock);
    unsigned count = f->count;
    pthread_mutex_unlock(&f->lock);
    return count;
}

uint64_t fake_sink_number(struct fake_sink *f, unsigned attempt)
{
    return attempt_of(f, attempt).number;
}

int64_t fake_sink_time_ms(struct fake_sink *f, unsigned attempt)
{
    return attempt_of(f, attempt).time_ms;
}

int64_t fake_sink_began_ns(struct fake_sink *f, unsigned attempt)
{
    return attempt_of(f, attempt).began_ns;
}

const struct batch *fake_sink_batch(struct fake_sink *f)
{
    pthread_mutex_lock(&f->lock);
    const struct batch *newest = f->newest;
    pthread_mutex_unlock(&f->lock);
    return newest;
}

unsigned fake_sink_opened(struct fake_sink *f)
{
    pthread_mutex_lock(&f->lock);
    unsigned opened = f->opened;
    pthread_mutex_unlock(&f->lock);
    return opened;
}

unsigned fake_sink_closed(struct fake_sink *f)
{
    pthread_mutex_lock(&f->lock);
    unsigned closed = f->closed;
    pthread_mutex_unlock(&f->lock);
    return closed;
}
