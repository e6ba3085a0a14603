/* topology.c - see topology.h. */
#include "agent/source/rocketmq/topology.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define CLUSTER_WITHOUT_NAME "DefaultCluster"

struct reader {
    struct topology *topology;
    struct rpc *rpc;
    int64_t now_ns;
    unsigned listed;
};

static struct cluster *find_cluster(const struct topology *t, struct view name)
{
    for (unsigned i = 0; i < t->cluster_count; i++)
        if (view_is(name, t->clusters[i]->name))
            return t->clusters[i];
    return NULL;
}

static struct cluster *take_cluster(struct topology *t, struct view name)
{
    struct cluster *known = find_cluster(t, name);

    if (known != NULL)
        return known;
    if (t->cluster_count == CLUSTERS_MAX) {
        left_out_note(&t->lacks.clusters, 1, LIMIT_NAME(CLUSTERS_MAX));
        return NULL;
    }
    t->clusters = xrealloc(t->clusters, t->cluster_count + 1, sizeof(struct cluster *));
    return t->clusters[t->cluster_count++] = cluster_new(name.data, name.len, &t->held);
}

struct broker *topology_next(const struct topology *t, const struct broker *b)
{
    unsigned c = 0;

    if (b != NULL && b->index + 1u < b->cluster->broker_count)
        return b->cluster->brokers[b->index + 1];
    while (b != NULL && t->clusters[c++] != b->cluster)
        ;
    while (c < t->cluster_count && t->clusters[c]->broker_count == 0)
        c++;
    return c < t->cluster_count ? t->clusters[c]->brokers[0] : NULL;
}

unsigned topology_members(const struct topology *t)
{
    unsigned count = 0;

    for (struct broker *b = NULL; (b = topology_next(t, b)) != NULL;)
        count += b->member_count;
    return count;
}

static struct broker *take_broker(struct topology *t, struct cluster *c, struct view name)
{
    for (unsigned i = 0; i < c->broker_count; i++)
        if (view_is(name, c->brokers[i]->name))
            return c->brokers[i];
    bool is_full = t->broker_count == CLUSTER_BROKERS_MAX;
    if (is_full || topology_members(t) >= SOURCE_MEMBERS_MAX) {
        left_out_note(&t->lacks.brokers, 1, is_full ? LIMIT_NAME(CLUSTER_BROKERS_MAX) : LIMIT_NAME(SOURCE_MEMBERS_MAX));
        return NULL;
    }
    t->broker_count++;
    return cluster_add_broker(c, name);
}

/* By address: in controller mode the ids move, the processes stay. NULL: it would be one too many. */
static struct member *take_member(const struct topology *t, struct broker *b, struct rpc *rpc, int64_t id, const char *address)
{
    for (unsigned i = 0; i < b->member_count; i++)
        if (strcmp(rpc_target_address(b->members[i]->peer.target), address) == 0) {
            b->members[i]->id = id;
            return b->members[i];
        }
    return topology_members(t) < SOURCE_MEMBERS_MAX ? broker_add_member(b, rpc, id, address) : NULL;
}

static bool id_is_listed(const struct broker *b, int64_t id)
{
    for (unsigned i = 0; i < b->member_count; i++)
        if (b->members[i]->is_listed && b->members[i]->id == id)
            return true;
    return false;
}

static void lack_broker(const struct reader *r, struct cluster *c)
{
    if (c == NULL)
        return;
    c->lacks_brokers = true;
    c->lacked_at_ns = r->now_ns;
}

static void take_members(struct reader *r, struct broker *b, const struct body_broker *listed)
{
    for (unsigned i = 0; i < b->member_count; i++)
        b->members[i]->is_listed = false;
    for (unsigned i = 0; i < listed->count; i++) {
        struct member *m = take_member(r->topology, b, r->rpc, listed->members[i].id, listed->members[i].address);
        if (m == NULL) {
            left_out_note(&r->topology->lacks.members, 1, LIMIT_NAME(SOURCE_MEMBERS_MAX));
            continue;
        }
        m->is_listed = true;
        m->listed_at_ns = r->now_ns;
    }
    left_out_note(&r->topology->lacks.members, listed->left_out,
                  listed->count == BODY_MEMBERS_MAX ? LIMIT_NAME(BODY_MEMBERS_MAX) : LIMIT_NAME(ADDRESS_MAX_BYTES));
}

/* Nothing is dropped here: this may run inside a callback, and targets are freed between runs only. */
static void on_broker(void *ctx, const struct body_broker *listed)
{
    struct reader *r = ctx;
    struct view name = listed->cluster.len > 0 ? listed->cluster : view_of(CLUSTER_WITHOUT_NAME);

    if (listed->is_too_long || listed->count == 0) {
        left_out_note(&r->topology->lacks.brokers, 1, listed->is_too_long ? LIMIT_NAME(NAME_MAX_BYTES) : LIMIT_NAME(ADDRESS_MAX_BYTES));
        lack_broker(r, find_cluster(r->topology, name));
        return;
    }
    struct cluster *c = take_cluster(r->topology, name);
    struct broker *b = c == NULL ? NULL : take_broker(r->topology, c, listed->name);
    if (b == NULL) {
        lack_broker(r, c);
        return;
    }
    uint32_t before = r->topology->lacks.members.count;
    r->listed++;
    take_members(r, b, listed);
    if (r->topology->lacks.members.count > before && !id_is_listed(b, 0))
        lack_broker(r, c); /* it may be the master */
}

/* What this answer did not name, or did not name too much of. */
static void mark_unlisted(struct topology *t, int64_t now_ns)
{
    for (unsigned c = 0; c < t->cluster_count; c++)
        if (t->clusters[c]->lacked_at_ns != now_ns)
            t->clusters[c]->lacks_brokers = false;
    for (struct broker *b = NULL; (b = topology_next(t, b)) != NULL;)
        for (unsigned m = 0; m < b->member_count; m++)
            if (b->members[m]->listed_at_ns != now_ns)
                b->members[m]->is_listed = false;
}

int topology_learn(struct topology *t, struct rpc *rpc, struct view body, int64_t now_ns, unsigned *listed, struct err *err)
{
    struct reader r = { .topology = t, .rpc = rpc, .now_ns = now_ns };

    memset(&t->lacks, 0, sizeof(t->lacks));
    int result = body_cluster(body, on_broker, &r, err);
    *listed = r.listed;
    if (result == 0)
        mark_unlisted(t, now_ns);
    return result;
}

/* Under any name: a broker that was given another name or cluster is not two brokers. */
static bool address_is_listed(const struct topology *t, const char *address)
{
    for (struct broker *b = NULL; (b = topology_next(t, b)) != NULL;)
        for (unsigned m = 0; m < b->member_count; m++)
            if (b->members[m]->is_listed && strcmp(rpc_target_address(b->members[m]->peer.target), address) == 0)
                return true;
    return false;
}

static bool is_to_go(const struct topology *t, const struct broker *b, const struct member *m, int64_t now_ns,
                     int64_t forget_after_ms)
{
    if (m->is_listed)
        return false;
    return (now_ns - m->listed_at_ns) / NS_PER_MS >= forget_after_ms || id_is_listed(b, m->id) ||
           address_is_listed(t, rpc_target_address(m->peer.target));
}

void topology_forget(struct topology *t, int64_t now_ns, int64_t forget_after_ms)
{
    for (unsigned c = t->cluster_count; c-- > 0;) {
        struct cluster *cluster = t->clusters[c];
        for (unsigned i = cluster->broker_count; i-- > 0;) {
            struct broker *b = cluster->brokers[i];
            for (unsigned m = b->member_count; m-- > 0;)
                if (is_to_go(t, b, b->members[m], now_ns, forget_after_ms))
                    broker_drop_member(b, m);
            if (b->member_count == 0) {
                cluster_drop_broker(cluster, i);
                t->broker_count--;
            }
        }
        if (cluster->broker_count == 0) {
            cluster_free(cluster);
            t->clusters[c] = t->clusters[--t->cluster_count];
        }
    }
}

static bool is_better(const struct member *m, const struct member *than)
{
    if (than == NULL || m->is_listed != than->is_listed)
        return than == NULL || m->is_listed;
    return m->id < than->id;
}

/* Offsets and log positions of another process are no continuation. */
static void set_leader(struct broker *b, struct member *leader)
{
    if (b->leader == leader)
        return;
    b->leader = leader;
    b->leader_is_new = true;
    b->manners = (struct manners){ 0 };
    b->offsets_number = 0;
    b->settled_log = b->log_before = b->log_min = b->booted_at = b->delivered = b->ledger.puts = NO_INT;
    b->ends_since = UINT32_MAX; /* no ends we hold are those of now */
}

void topology_choose_leaders(struct topology *t)
{
    for (struct broker *b = NULL; (b = topology_next(t, b)) != NULL;) {
        struct member *best = NULL;
        for (unsigned m = 0; m < b->member_count; m++)
            if (is_better(b->members[m], best))
                best = b->members[m];
        set_leader(b, best);
    }
}

void topology_fini(struct topology *t)
{
    for (unsigned i = 0; i < t->cluster_count; i++)
        cluster_free(t->clusters[i]);
    free(t->clusters);
    *t = (struct topology){ 0 };
}
