/* source.c - see source.h. */
#include "tests/fake/source.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

struct self { /* what the pipeline owns and frees: only the way to the test's struct */
    struct fake_source *fake;
    const struct source_env *env;
};

static int fake_open(void *self, const struct source_env *env, struct err *err)
{
    struct self *s = self;

    s->env = env;
    s->fake->opened++;
    s->fake->interval_ms = env->interval_ms;
    return s->fake->open_fails ? err_set(err, ERR_CONFIG, "told to fail") : 0;
}

static void fake_close(void *self)
{
    ((struct self *)self)->fake->closed++;
}

static void add_row(struct batch *b, enum table_id t, const char *source, const char *key, uint32_t *row)
{
    *row = batch_add(b, t);
    batch_set_text(b, t, *row, KEY_SOURCE, batch_intern_z(b, source));
    batch_set_text(b, t, *row, KEY_SYSTEM, batch_intern_z(b, "fake"));
    batch_set_text(b, t, *row, KEY_CLUSTER, batch_intern_z(b, "c"));
    batch_set_text(b, t, *row, KEY_CLUSTER + 1, batch_intern_z(b, key));
}

static void add_rows(struct self *s, struct batch *b, bool is_answered, bool is_whole)
{
    uint32_t row;
    char name[32];

    for (unsigned i = 0; is_answered && i < s->fake->groups; i++) {
        snprintf(name, sizeof(name), "g%u", i);
        add_row(b, TABLE_GROUPS, s->env->name, name, &row);
        batch_set_int(b, TABLE_GROUPS, row, GROUPS_LAG, 10);
    }
    add_row(b, TABLE_SCRAPES, s->env->name, "127.0.0.1:1", &row);
    batch_set_int(b, TABLE_SCRAPES, row, SCRAPES_OK, is_whole);
    batch_set_int(b, TABLE_SCRAPES, row, SCRAPES_REQUESTS, 3);
    batch_set_int(b, TABLE_SCRAPES, row, SCRAPES_BYTES, 1000);
}

static enum source_result fake_collect(void *self, struct batch *b, int64_t deadline_ns, int cancel_fd, struct err *err)
{
    struct self *s = self;
    struct fake_source *f = s->fake;
    size_t last = strlen(f->script) - 1;
    char letter = f->script[f->collected < last ? f->collected : last];
    struct pollfd p = { .fd = cancel_fd, .events = POLLIN };

    f->collected++;
    f->given_ms = clock_ms_until(deadline_ns);
    if (letter == 'c') {
        poll(&p, 1, clock_ms_until(deadline_ns));
        err_set(err, ERR_CANCELED, "told to stop");
        return SOURCE_NOTHING;
    }
    if (letter == 'h')
        poll(NULL, 0, clock_ms_until(deadline_ns));
    add_rows(s, b, letter != 'n', letter == 'a');
    if (letter == 'a')
        return SOURCE_ALL;
    if (letter == 'n') {
        err_set(err, ERR_SYS, "no name server answers");
        return SOURCE_NOTHING;
    }
    err_set(err, ERR_TIMEOUT, "broker b: no answer");
    return SOURCE_SOME;
}

static void fake_save(const void *self, struct buf *out)
{
    const struct fake_source *f = ((const struct self *)self)->fake;

    if (f->memory != NULL)
        buf_puts(out, f->memory);
}

static int fake_load(void *self, const void *data, size_t len, struct err *err)
{
    struct fake_source *f = ((struct self *)self)->fake;

    snprintf(f->loaded, sizeof(f->loaded), "%.*s", (int)len, (const char *)data);
    return f->load_fails ? err_set(err, ERR_PROTO, "told to fail") : 0;
}

static const struct option_spec no_options[] = { { 0 } };
static const struct source_ops fake_ops = {
    .name = "fake", .help = "does as it is told", .options = no_options, .size = sizeof(struct self),
    .open = fake_open, .collect = fake_collect, .save = fake_save, .load = fake_load, .close = fake_close,
};

struct config_source fake_source_config(struct fake_source *f, const char *name, const char *key)
{
    struct self *self = xcalloc(1, sizeof(*self));

    self->fake = f;
    return (struct config_source){ .ops = &fake_ops, .name = name, .key = key, .where = "test:2", .self = self };
}
