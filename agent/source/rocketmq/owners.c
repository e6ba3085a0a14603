/* owners.c - see owners.h. */
#include "agent/source/rocketmq/owners.h"

#include "agent/base/xalloc.h"
#include "agent/model/batch.h"

#include <stdlib.h>
#include <string.h>

/* ---- the default strategy ---------------------------------------------------------------------------------------- */

struct owners_share owners_average_share(uint32_t queues, uint32_t clients, uint32_t client)
{
    if (clients == 0 || client >= clients)
        return (struct owners_share){ queues, 0 };
    uint32_t each = queues / clients, more = queues % clients;
    uint32_t first = client * each + (client < more ? client : more);
    return (struct owners_share){ first, each + (client < more) };
}

uint32_t owners_average_of(uint32_t queues, uint32_t clients, uint32_t place)
{
    uint32_t each = queues / clients, more = queues % clients, larger = more * (each + 1);

    return place < larger ? place / (each + 1) : more + (place - larger) / each;
}

/* ---- a topic's queues in the order in which clients share them out ------------------------------------------------ */

#define NOT_THERE UINT32_MAX

struct layout {
    const struct cluster *cluster;
    struct broker **brokers; /* sorted by name */
    uint32_t *first;         /* by broker index: place of its queue 0; NOT_THERE: it has none */
    uint32_t queues;
};

static int compare_names(const void *a, const void *b)
{
    const struct broker *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static void layout_init(struct layout *l, const struct cluster *c)
{
    *l = (struct layout){ .cluster = c, .brokers = xcalloc(c->broker_count + 1u, sizeof(*l->brokers)),
                          .first = xcalloc(c->broker_count + 1u, sizeof(*l->first)) };
    for (unsigned i = 0; i < c->broker_count; i++)
        l->brokers[i] = c->brokers[i];
    if (c->broker_count > 1)
        qsort(l->brokers, c->broker_count, sizeof(*l->brokers), compare_names);
}

static void layout_fini(struct layout *l)
{
    free(l->brokers);
    free(l->first);
}

/* A broker that no name server lists is in no route. */
static void layout_begin(struct layout *l, uint32_t topic)
{
    l->queues = 0;
    for (unsigned i = 0; i < l->cluster->broker_count; i++) {
        const struct broker *b = l->brokers[i];
        const struct topic_part *t = b->leader->is_listed && broker_has_topic(b, topic) ? broker_find_topic(b, topic) : NULL;
        l->first[b->index] = t != NULL ? l->queues : NOT_THERE;
        l->queues += t != NULL ? t->queues : 0;
    }
}

/* ---- does it fit? ------------------------------------------------------------------------------------------------ */

/* Two processes under one id confuse the strategy itself. */
static bool has_twins(const struct group_info *g)
{
    for (uint32_t i = 1; i < g->client_count; i++)
        if (strcmp(g->clients[i].id, g->clients[i - 1].id) == 0)
            return true;
    return false;
}

/* Has the client these places of the topic? */
static bool has_share(const struct layout *l, const struct running *r, uint32_t topic, struct owners_share share)
{
    for (unsigned i = 0; i < l->cluster->broker_count; i++) {
        const struct broker *b = l->brokers[i];
        const struct topic_part *t = broker_find_topic(b, topic);
        uint32_t first = l->first[b->index];
        for (uint32_t q = 0; first != NOT_THERE && t != NULL && q < t->queues; q++)
            if (first + q >= share.first && first + q < share.first + share.count &&
                !running_has_queue(r, topic, b->index, (uint16_t)q))
                return false;
    }
    return true;
}

enum running_fit owners_fit(const struct cluster *c, const struct group_info *g, uint32_t client)
{
    const struct running *r = g->clients[client].running;
    struct layout l;
    uint64_t expected = 0;
    bool fits = true;

    if (!r->is_average || r->is_cut || g->clients_left.count > 0 || has_twins(g))
        return r->queue_count > 0 ? FIT_NO : FIT_UNTOLD;
    layout_init(&l, c);
    for (uint32_t i = 0; i < r->subscribed_count && fits; i++) {
        layout_begin(&l, r->subscribed[i]);
        struct owners_share share = owners_average_share(l.queues, g->client_count, client);
        expected += share.count;
        fits = has_share(&l, r, r->subscribed[i], share);
    }
    layout_fini(&l);
    if (fits && expected == 0 && r->queue_count == 0)
        return FIT_UNTOLD;
    return fits && expected == r->queue_count ? FIT_YES : FIT_NO;
}

/* ---- asking for many --------------------------------------------------------------------------------------------- */

enum way { WAY_UNTRIED, WAY_NONE, WAY_TOLD, WAY_WORKED_OUT };

struct told_owner {
    struct running_queue at; /* first: compared as such */
    uint32_t client;
    int64_t told_at_ns;
};

struct group_way {
    enum way way;
    const struct running *witness; /* worked out: the client that confirmed it */
    struct told_owner *told;       /* sorted; the newest word on each queue */
    uint32_t told_count;
};

struct owners {
    const struct cluster *cluster;
    int64_t now_ns, max_age_ms;
    struct group_way *groups; /* by number */
    struct layout layout;
    uint32_t group, topic; /* at hand; group 0: none */
    bool is_cut; /* not all queues are known that are shared out */
};

struct owners *owners_new(const struct cluster *c, int64_t now_ns, int64_t max_age_ms)
{
    struct owners *o = xcalloc(1, sizeof(*o));

    *o = (struct owners){ .cluster = c, .now_ns = now_ns, .max_age_ms = max_age_ms, .is_cut = cluster_is_cut(c),
                          .groups = xcalloc(c->groups.count + (size_t)1, sizeof(*o->groups)) };
    layout_init(&o->layout, c);
    return o;
}

void owners_free(struct owners *o)
{
    if (o == NULL)
        return;
    for (uint32_t g = 1; g < o->cluster->groups.count; g++)
        free(o->groups[g].told);
    free(o->groups);
    layout_fini(&o->layout);
    free(o);
}

/* All must want the same topics, too: else some queue may have nobody. */
const struct running *owners_witness(const struct group_info *g)
{
    const struct running *witness = NULL, *first = NULL;

    for (uint32_t i = 0; i < g->client_count; i++) {
        const struct running *r = running_of(&g->clients[i], 0, 0);
        if (r == NULL)
            continue;
        first = first == NULL ? r : first;
        if (r->fit == FIT_NO || r->has_pop || r->subscriptions != first->subscriptions)
            return NULL;
        if (r->fit == FIT_YES)
            witness = r;
    }
    return witness == NULL || g->clients_left.count > 0 || has_twins(g) ? NULL : witness;
}

/* What the client said holds as long as nobody came or left since. */
static const struct running *current(const struct owners *o, const struct group_info *g, uint32_t client)
{
    const struct running *r = running_of(&g->clients[client], o->now_ns, o->max_age_ms);

    return r != NULL && r->told_at_ns > g->changed_at_ns ? r : NULL;
}

/* By queue; of several words on one the newest first. */
static int compare_told(const void *a, const void *b)
{
    const struct told_owner *x = a, *y = b;
    int order = running_compare_queues(&x->at, &y->at);

    return order != 0 ? order : (x->told_at_ns < y->told_at_ns) - (x->told_at_ns > y->told_at_ns);
}

static void gather_told(struct owners *o, struct group_way *w, const struct group_info *g)
{
    size_t count = 0;

    for (uint32_t i = 0; i < g->client_count; i++) {
        const struct running *r = current(o, g, i);
        count += r != NULL ? r->queue_count : 0;
    }
    if (count == 0)
        return;
    struct told_owner *all = w->told = xmalloc(count * sizeof(*all));
    count = 0;
    for (uint32_t i = 0; i < g->client_count; i++) {
        const struct running *r = current(o, g, i);
        for (uint32_t q = 0; r != NULL && q < r->queue_count; q++)
            all[count++] = (struct told_owner){ r->queues[q], i, r->told_at_ns };
    }
    qsort(all, count, sizeof(*all), compare_told);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || running_compare_queues(&all[i].at, &all[w->told_count - 1].at) != 0)
            all[w->told_count++] = all[i];
}

static struct group_way *way_of(struct owners *o, uint32_t group)
{
    const struct group_info *g = &o->cluster->group_infos[group];
    struct group_way *w = &o->groups[group];

    if (w->way != WAY_UNTRIED)
        return w;
    w->way = WAY_NONE;
    if (!g->is_known || g->client_count == 0 || g->model == MODEL_BROADCASTING)
        return w;
    w->witness = o->is_cut ? NULL : owners_witness(g);
    w->way = w->witness != NULL ? WAY_WORKED_OUT : WAY_TOLD;
    if (w->way == WAY_TOLD)
        gather_told(o, w, g);
    return w;
}

void owners_begin(struct owners *o, uint32_t group, uint32_t topic)
{
    const struct group_way *w = way_of(o, group);

    o->group = group;
    o->topic = topic;
    if (w->way == WAY_WORKED_OUT ? !running_has_topic(w->witness, topic) : w->told_count == 0)
        o->group = 0;
    else if (w->way == WAY_WORKED_OUT)
        layout_begin(&o->layout, topic);
}

int64_t owners_find(const struct owners *o, const struct broker *b, uint32_t queue)
{
    if (o->group == 0)
        return OWNER_NONE;
    const struct group_way *w = &o->groups[o->group];
    if (w->way == WAY_WORKED_OUT) {
        const struct topic_part *t = broker_find_topic(b, o->topic);
        uint32_t first = o->layout.first[b->index];
        if (first == NOT_THERE || t == NULL || queue >= t->queues)
            return OWNER_NONE;
        return owners_average_of(o->layout.queues, o->cluster->group_infos[o->group].client_count, first + queue);
    }
    const struct told_owner wanted = { .at = { .topic = o->topic, .broker = b->index, .queue = (uint16_t)queue } };
    const struct told_owner *found = bsearch(&wanted.at, w->told, w->told_count, sizeof(wanted), running_compare_queues);
    return found != NULL ? (int64_t)found->client : OWNER_NONE;
}

int64_t owners_count(struct owners *o, uint32_t group, uint32_t client)
{
    const struct group_info *g = &o->cluster->group_infos[group];
    const struct group_way *w = way_of(o, group);
    int64_t sum = 0;

    if (w->way == WAY_WORKED_OUT) {
        for (uint32_t i = 0; i < w->witness->subscribed_count; i++) {
            layout_begin(&o->layout, w->witness->subscribed[i]);
            sum += owners_average_share(o->layout.queues, g->client_count, client).count;
        }
        return sum;
    }
    /* A pull client takes what it wants and lists nothing, a POP client lists only its retry topic: not the same as "none". */
    const struct running *r = current(o, g, client);
    bool is_known = r != NULL && !r->is_cut && !r->has_pop && (r->queue_count > 0 || r->is_push);
    return is_known ? (int64_t)r->queue_count : NO_INT;
}
