/* sources.c - see sources.h. */
#include "agent/pipeline/sources.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

struct opened {
    unsigned sharers;
    struct config *config;             /* held: the texts are there */
    const struct config_source *where; /* in it */
    const struct source_ops *ops;
    const char *name;
    struct source_env env;
    void *self;
};

struct sources {
    size_t count;
    struct opened *list[];
};

static void close_one(struct opened *o)
{
    if (--o->sharers > 0)
        return;
    o->ops->close(o->self);
    free(o->self);
    config_free(o->config);
    free(o);
}

static struct opened *open_one(struct config *config, struct config_source *from, int64_t interval_ms, struct err *err)
{
    struct opened *o = xcalloc(1, sizeof(*o));

    *o = (struct opened){ .sharers = 1, .config = config_hold(config), .where = from, .ops = from->ops, .name = from->name,
                          .self = from->self };
    o->env = (struct source_env){ .name = from->key, .interval_ms = interval_ms };
    from->self = NULL;
    if (o->ops->open(o->self, &o->env, err) == 0)
        return o;
    err_wrap(err, "%s: source %s", from->where, from->name);
    close_one(o);
    return NULL;
}

static struct opened *find_same(const struct sources *s, const struct config_source *source)
{
    for (size_t i = 0; s != NULL && i < s->count; i++)
        if (config_is_same_source(s->list[i]->where, source))
            return s->list[i];
    return NULL;
}

struct sources *sources_open(struct sources *old, struct config *config, int64_t interval_ms, struct err *err)
{
    struct sources *s = xcalloc(1, sizeof(*s) + config->source_count * sizeof(s->list[0]));

    for (size_t i = 0; i < config->source_count; i++) {
        struct opened *o = find_same(old, &config->sources[i]);
        if (o != NULL)
            o->sharers++;
        else if ((o = open_one(config, &config->sources[i], interval_ms, err)) == NULL) {
            sources_close(s);
            return NULL;
        }
        s->list[s->count++] = o;
    }
    return s;
}

static void hand_over(struct opened *from, struct opened *to)
{
    struct err err = { 0 };
    struct buf data;

    buf_init(&data, STATE_BLOB_MAX);
    from->ops->save(from->self, &data);
    if (!buf_failed(&data) && to->ops->load(to->self, data.data, data.len, &err) < 0)
        log_warning("source %s: starts without what it knew: %s", to->name, err.msg);
    buf_fini(&data);
}

void sources_hand_over(struct sources *old, struct sources *fresh)
{
    for (size_t i = 0; i < old->count; i++)
        for (size_t j = 0; j < fresh->count; j++) {
            struct opened *from = old->list[i], *to = fresh->list[j];
            if (from != to && from->ops == to->ops && strcmp(from->name, to->name) == 0 && from->ops->save != NULL)
                hand_over(from, to);
        }
}

void sources_close(struct sources *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++)
        close_one(s->list[i]);
    free(s);
}

void sources_load(struct sources *s, struct state *state)
{
    struct buf data;

    buf_init(&data, STATE_BLOB_MAX);
    for (size_t i = 0; i < s->count; i++) {
        struct opened *o = s->list[i];
        struct err err = { 0 };
        char *name = xasprintf("source/%s", o->name);
        buf_reset(&data);
        if (o->ops->load != NULL && state_read(state, name, &data, NULL) > 0 &&
            o->ops->load(o->self, data.data, data.len, &err) < 0)
            log_warning("source %s: starts without what it knew: %s", o->name, err.msg);
        free(name);
    }
    buf_fini(&data);
}

int sources_save(struct sources *s, struct state *state, struct err *err)
{
    int result = 0;
    struct buf data;

    buf_init(&data, STATE_BLOB_MAX); /* a source that wants more than that is not remembered */
    for (size_t i = 0; i < s->count && result == 0; i++) {
        struct opened *o = s->list[i];
        char *name = xasprintf("source/%s", o->name);
        buf_reset(&data);
        if (o->ops->save != NULL)
            o->ops->save(o->self, &data);
        if (o->ops->save != NULL && !buf_failed(&data))
            result = state_write(state, name, data.data, data.len, err);
        free(name);
    }
    buf_fini(&data);
    return result;
}

/* Sources are asked one after the other; each may use its share of the time that is left, so that one that hangs leaves some
 * for the rest. */
enum source_result sources_collect(struct sources *s, struct batch *b, int64_t deadline_ns, int cancel_fd, struct err *err)
{
    enum source_result worst = SOURCE_ALL;
    size_t nothing = 0;

    for (size_t i = 0; i < s->count; i++) {
        struct err why = { 0 };
        int64_t now_ns = clock_now_ns();
        int64_t share_ns = deadline_ns > now_ns ? (deadline_ns - now_ns) / (int64_t)(s->count - i) : 0;
        enum source_result result = s->list[i]->ops->collect(s->list[i]->self, b, now_ns + share_ns, cancel_fd, &why);
        if (result == SOURCE_ALL)
            continue;
        if (why.kind == ERR_CANCELED) { /* whatever came first: the caller must know that this is no interval */
            *err = why;
            return SOURCE_NOTHING;
        }
        nothing += result == SOURCE_NOTHING;
        if (worst == SOURCE_ALL) {
            *err = why;
            if (s->count > 1)
                err_wrap(err, "source %s", s->list[i]->name);
        }
        worst = SOURCE_SOME;
    }
    return s->count > 0 && nothing == s->count ? SOURCE_NOTHING : worst;
}
