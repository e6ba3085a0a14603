/* crew.c - see crew.h. */
#include "agent/pipeline/crew.h"

#include "agent/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

struct member {
    unsigned crews; /* that have it: two during a reload */
    struct worker *worker;
    struct sink_env env;
    struct config *config;          /* held: the sink's texts are there */
    const struct config_sink *sink; /* in it */
    bool is_started;
};

struct crew {
    struct worker **workers; /* those of the members */
    struct member **members;
    size_t count;
};

struct sink_env crew_env(const struct config *config, const struct config_sink *sink, const char *reason)
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

static void leave(struct member *m)
{
    if (--m->crews > 0)
        return;
    worker_free(m->worker);
    config_free(m->config);
    free(m);
}

static struct member *open_member(struct config *config, struct config_sink *sink, const struct crew_place *place, struct err *err)
{
    struct worker_limits limits = { .interval_ms = config->agent.interval_ms, .once = place->once };
    struct member *m = xcalloc(1, sizeof(*m));

    *m = (struct member){ .crews = 1, .sink = sink, .config = config_hold(config), .env = crew_env(config, sink, place->reason) };
    m->worker = worker_new(sink, &m->env, place->ring, limits, err);
    if (m->worker != NULL) {
        worker_tell(m->worker, place->news_fd);
        return m;
    }
    err_wrap(err, "%s", sink->where);
    leave(m);
    return NULL;
}

static struct member *find_same(const struct crew *crew, const struct config_sink *sink)
{
    for (size_t i = 0; crew != NULL && i < crew->count; i++)
        if (config_is_same_sink(crew->members[i]->sink, sink))
            return crew->members[i];
    return NULL;
}

struct crew *crew_open(struct crew *old, struct config *config, const struct crew_place *place, struct err *err)
{
    struct crew *crew = xcalloc(1, sizeof(*crew));

    crew->workers = xcalloc(config->sink_count + 1, sizeof(struct worker *));
    crew->members = xcalloc(config->sink_count + 1, sizeof(struct member *));
    for (size_t i = 0; i < config->sink_count; i++) {
        struct member *m = find_same(old, &config->sinks[i]);
        if (m != NULL)
            m->crews++;
        else if ((m = open_member(config, &config->sinks[i], place, err)) == NULL) {
            crew_close(crew);
            return NULL;
        }
        crew->members[crew->count] = m;
        crew->workers[crew->count++] = m->worker;
    }
    return crew;
}

void crew_close(struct crew *crew)
{
    if (crew == NULL)
        return;
    for (size_t i = 0; i < crew->count; i++)
        leave(crew->members[i]);
    free(crew->members);
    free(crew->workers);
    free(crew);
}

struct worker *const *crew_workers(const struct crew *crew)
{
    return crew->workers;
}

size_t crew_count(const struct crew *crew)
{
    return crew->count;
}

void crew_start(struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++) {
        if (!crew->members[i]->is_started)
            worker_start(crew->members[i]->worker);
        crew->members[i]->is_started = true;
    }
}

static struct member *find_name(const struct crew *crew, const char *name)
{
    for (size_t i = 0; i < crew->count; i++)
        if (strcmp(worker_name(crew->workers[i]), name) == 0)
            return crew->members[i];
    return NULL;
}

void crew_end_leaving(struct crew *old, const struct crew *fresh, int64_t deadline_ns)
{
    for (size_t i = 0; i < old->count; i++)
        if (old->members[i]->crews == 1)
            worker_end(old->workers[i], deadline_ns, find_name(fresh, worker_name(old->workers[i])) != NULL);
    for (size_t i = 0; i < old->count; i++)
        if (old->members[i]->crews == 1)
            worker_join(old->workers[i]);
}

void crew_hand_over(struct crew *old, struct crew *fresh)
{
    for (size_t i = 0; i < fresh->count; i++) {
        struct member *m = fresh->members[i], *before = find_name(old, worker_name(m->worker));
        if (before != NULL && before != m)
            worker_inherit(m->worker, before->worker);
    }
}
