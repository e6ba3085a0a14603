/*
 * rows_clients.c - clients, the queues they own, and what only they know. See rows.c; owners.h says how owners are known.
 *
 * queues and lag of a client are those of the queues it owns; lag is absent if one of them has no row or an unknown lag. A broadcast client
 * owns all queues that it lists, and its lag is the ends minus the offsets it holds, both of the moment it said so. The figures over
 * its topics: rates are sums, times are means weighted by the messages they were taken from.
 *
 * Two broadcast processes on a host share one id, and 307 reaches one of them, nobody knows which: its figures stand once, and the
 * lag of the slowest is not known.
 */
#include "agent/source/rocketmq/rows_parts.h"

#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/lag.h"
#include "agent/source/rocketmq/lanes.h"
#include "agent/source/rocketmq/owners.h"

#include <stdlib.h>
#include <string.h>

/* A client while its queues are gone through. */
struct client_sum {
    uint32_t id_text, ip_text, pid_text; /* 0: not interned yet */
    uint32_t queues;                     /* with a row */
    int64_t lag;
    bool lacks_lag;
};

struct row_clients {
    struct owners *owners;
    struct client_sum *sums;
    uint32_t *first; /* by group: the sum of its first client */
    uint32_t group;  /* at hand; 0: its queues have no owners that we know */
};

/* ---- life -------------------------------------------------------------------------------------------------------- */

static int64_t max_age_ms(const struct rows *r)
{
    return r->look->options->running_interval_ms * RUNNING_AGES;
}

void rows_begin_clients(struct rows *r)
{
    const struct cluster *c = r->cluster;
    struct row_clients *rc = r->clients = xcalloc(1, sizeof(*rc));
    uint32_t count = 0;

    rc->owners = owners_new(c, r->look->started_at_ns, max_age_ms(r));
    rc->first = xcalloc(c->groups.count + (size_t)1, sizeof(*rc->first));
    for (uint32_t id = 1; id < c->groups.count; id++) {
        rc->first[id] = count;
        count += c->group_infos[id].client_count;
    }
    rc->sums = xcalloc(count + (size_t)1, sizeof(*rc->sums));
}

void rows_end_clients(struct rows *r)
{
    owners_free(r->clients->owners);
    free(r->clients->first);
    free(r->clients->sums);
    free(r->clients);
    r->clients = NULL;
}

static const struct running *said_by(const struct rows *r, const struct group_client *client)
{
    return running_of(client, r->look->started_at_ns, max_age_ms(r));
}

/* A retry topic has no entry of its own: what comes from there counts with the topic that it was stored in first. */
bool rows_takes_by_pop(const struct rows *r, uint32_t group, uint32_t topic, int64_t *inflight)
{
    const struct group_info *g = &r->cluster->group_infos[group];
    bool is_retry = rows_kind_of(r, topic) == TOPIC_RETRY, is_known = g->clients_left.count == 0 && !is_retry;
    bool is_pop = g->type == TYPE_POP;
    int64_t sum = 0;

    for (uint32_t i = 0; i < g->client_count; i++) {
        const struct running *said = said_by(r, &g->clients[i]);
        is_known &= said != NULL && !said->is_cut;
        int64_t held = said == NULL ? NO_INT : running_pop_inflight(said, topic);
        is_pop |= held != NO_INT || (said != NULL && said->has_pop && is_retry);
        if (held != NO_INT)
            sum = lag_add(sum, held);
    }
    *inflight = is_pop && is_known ? sum : NO_INT;
    return is_pop;
}

/* ---- owners ------------------------------------------------------------------------------------------------------ */

void rows_split_client(struct rows *r, const char *id, uint32_t *ip_text, uint32_t *pid_text)
{
    struct view ip, process;

    name_split_client_id(view_of(id), &ip, &process);
    *ip_text = rows_view_text(r, ip);
    *pid_text = rows_view_text(r, process);
}

void rows_begin_owners(struct rows *r, uint32_t group, uint32_t topic)
{
    const struct group_info *g = &r->cluster->group_infos[group];
    bool has_owners = rows_knows_members(r, g) && g->client_count > 0 && rows_model_of(r, group) != MODEL_BROADCASTING;

    r->clients->group = has_owners ? group : 0;
    if (has_owners)
        owners_begin(r->clients->owners, group, topic);
}

static struct client_sum *find_owner(struct rows *r, const struct row_queue *q)
{
    struct row_clients *rc = r->clients;
    int64_t client = rc->group == 0 ? OWNER_NONE : owners_find(rc->owners, q->broker, q->queue);

    if (client == OWNER_NONE)
        return NULL;
    struct client_sum *sum = &rc->sums[rc->first[rc->group] + (uint32_t)client];
    if (sum->id_text == 0) {
        const char *id = r->cluster->group_infos[rc->group].clients[client].id;
        sum->id_text = batch_intern_z(r->batch, id);
        rows_split_client(r, id, &sum->ip_text, &sum->pid_text);
    }
    return sum;
}

void rows_set_owner(struct rows *r, struct row_queue *q)
{
    struct client_sum *owner = find_owner(r, q);
    uint32_t none = batch_intern(r->batch, "", 0);

    q->ip_text = owner != NULL ? owner->ip_text : none;
    q->pid_text = owner != NULL ? owner->pid_text : none;
    batch_set_text(r->batch, TABLE_QUEUES, q->row, QUEUES_CLIENT, owner != NULL ? owner->id_text : none);
    batch_set_text(r->batch, TABLE_QUEUES, q->row, QUEUES_CLIENT_IP, q->ip_text);
    batch_set_text(r->batch, TABLE_QUEUES, q->row, QUEUES_CLIENT_PID, q->pid_text);
    if (owner == NULL)
        return;
    owner->queues++;
    owner->lacks_lag |= q->lag == NO_INT;
    if (q->lag != NO_INT)
        owner->lag = lag_add(owner->lag, q->lag);
}

/* ---- broadcast groups -------------------------------------------------------------------------------------------- */

/* All queues that the clients of a group list; NULL if one of them (of two under one id the second) has not told, or is not known. */
static struct running_queue *gather_queues(const struct rows *r, const struct group_info *g, size_t *count)
{
    size_t room = 0;

    if (g->clients_left.count > 0)
        return NULL;
    for (uint32_t i = 0; i < g->client_count; i++) {
        const struct running *said = said_by(r, &g->clients[i]);
        if (said == NULL || said->is_cut)
            return NULL;
        room += said->queue_count;
    }
    struct running_queue *all = xmalloc((room + 1) * sizeof(*all));
    *count = 0;
    for (uint32_t i = 0; i < g->client_count; i++) {
        const struct running *said = said_by(r, &g->clients[i]);
        for (uint32_t q = 0; q < said->queue_count; q++)
            all[(*count)++] = said->queues[q];
    }
    if (*count > 1)
        qsort(all, *count, sizeof(*all), running_compare_queues);
    return all;
}

struct broadcast_backlog {
    int64_t lag, diff;
    bool is_known, is_incomplete;
};

/* One queue, as all clients have it: the slowest counts. */
static void add_slowest(struct broadcast_backlog *sum, const struct running_queue *queues, size_t count, uint32_t clients)
{
    int64_t slowest = NO_INT;

    for (size_t i = 0; i < count; i++) {
        sum->is_incomplete |= queues[i].diff == NO_INT;
        if (queues[i].diff != NO_INT && (slowest == NO_INT || queues[i].diff > slowest))
            slowest = queues[i].diff;
    }
    sum->is_incomplete |= count < clients;
    if (slowest == NO_INT)
        return;
    sum->is_known = true;
    sum->diff = lag_add(sum->diff, slowest);
    sum->lag = lag_add(sum->lag, slowest > 0 ? slowest : 0);
}

static void add_broadcast_row(struct rows *r, uint32_t topic, uint32_t group, const struct broadcast_backlog *sum)
{
    uint32_t row = rows_new(r, TABLE_BACKLOGS);
    const struct group_info *g = &r->cluster->group_infos[group];

    batch_set_text(r->batch, TABLE_BACKLOGS, row, BACKLOGS_CONSUMER_GROUP, rows_group_text(r, group));
    batch_set_text(r->batch, TABLE_BACKLOGS, row, BACKLOGS_TOPIC, rows_topic_text(r, topic));
    batch_set_text(r->batch, TABLE_BACKLOGS, row, BACKLOGS_KIND, r->kind_texts[rows_kind_of(r, topic)]);
    batch_set_int(r->batch, TABLE_BACKLOGS, row, BACKLOGS_LAG, sum->lag);
    batch_set_int(r->batch, TABLE_BACKLOGS, row, BACKLOGS_DIFF, sum->diff);
    batch_set_int(r->batch, TABLE_BACKLOGS, row, BACKLOGS_COMPLETE, !sum->is_incomplete);
    batch_set_text(r->batch, TABLE_BACKLOGS, row, BACKLOGS_ONLINE, rows_number_text(r, rows_members_of(g)));
    batch_set_text(r->batch, TABLE_BACKLOGS, row, BACKLOGS_MODEL_NUMBER, rows_number_text(r, 0));
    r->sums[group].lag = lag_add(r->sums[group].lag, sum->lag);
    r->sums[group].has_offsets = true;
    r->sums[group].is_incomplete |= sum->is_incomplete;
}

static void add_broadcast(struct rows *r, uint32_t group, const struct group_info *g)
{
    size_t count;
    struct running_queue *all = gather_queues(r, g, &count);
    bool is_cut = all != NULL && cluster_is_cut(r->cluster);

    for (size_t at = 0, end; all != NULL && at < count; at = end) {
        struct broadcast_backlog sum = { .is_incomplete = is_cut };
        uint32_t topic = all[at].topic;
        for (end = at; end < count && all[end].topic == topic;) {
            size_t first = end;
            while (end < count && running_compare_queues(&all[end], &all[first]) == 0)
                end++;
            add_slowest(&sum, all + first, end - first, g->client_count);
        }
        if (sum.is_known && rows_shows_topic(r, r->cluster->brokers[all[at].broker], topic))
            add_broadcast_row(r, topic, group, &sum);
    }
    free(all);
}

void rows_add_broadcasts(struct rows *r)
{
    for (uint32_t id = 1; id < r->cluster->groups.count; id++) {
        const struct group_info *g = &r->cluster->group_infos[id];
        if (g->model == MODEL_BROADCASTING && !r->sums[id].has_broadcast && g->client_count > 0 && rows_knows_members(r, g) &&
            rows_lists_group(r, id) && lanes_shows_group(r->look, r->cluster, id))
            add_broadcast(r, id, g);
    }
}

/* ---- clients ----------------------------------------------------------------------------------------------------- */

struct mean {
    double sum, weight;
};

static void weigh(struct mean *m, double value, double weight)
{
    if (isnan(value) || isnan(weight))
        return;
    m->sum += value * weight;
    m->weight += weight;
}

static void add_rate(double *sum, double rate)
{
    if (!isnan(rate))
        *sum = isnan(*sum) ? rate : *sum + rate;
}

static void set_mean(struct rows *r, uint32_t row, unsigned column, const struct mean *m)
{
    if (m->weight > 0)
        batch_set_real(r->batch, TABLE_CLIENTS, row, column, m->sum / m->weight);
}

static void set_figures(struct rows *r, uint32_t row, const struct running *said)
{
    struct mean consume = { 0, 0 }, pull = { 0, 0 };
    double ok = NAN, failed = NAN, pulled = NAN;

    if (said->is_cut)
        return;
    for (uint32_t i = 0; i < said->topic_count; i++) {
        const struct running_topic *t = &said->topics[i];
        weigh(&consume, t->consume_rt_ms, t->ok_rate + t->failed_rate);
        weigh(&pull, t->pull_rt_ms, t->pull_rate);
        add_rate(&ok, t->ok_rate);
        add_rate(&failed, t->failed_rate);
        add_rate(&pulled, t->pull_rate);
    }
    batch_set_real(r->batch, TABLE_CLIENTS, row, CLIENTS_OK_RATE, ok);
    batch_set_real(r->batch, TABLE_CLIENTS, row, CLIENTS_FAILED_RATE, failed);
    batch_set_real(r->batch, TABLE_CLIENTS, row, CLIENTS_PULL_RATE, pulled);
    set_mean(r, row, CLIENTS_CONSUME_RT_MS, &consume);
    set_mean(r, row, CLIENTS_PULL_RT_MS, &pull);
    if (said->has_pop)
        batch_set_int(r->batch, TABLE_CLIENTS, row, CLIENTS_POP_INFLIGHT, said->pop_inflight);
}

static void add_client_topics(struct rows *r, uint32_t group, const struct group_client *client, const struct running *said)
{
    for (uint32_t i = 0; i < said->topic_count; i++) {
        const struct running_topic *t = &said->topics[i];
        uint32_t row = rows_new(r, TABLE_CLIENT_TOPICS);
        batch_set_text(r->batch, TABLE_CLIENT_TOPICS, row, CLIENT_TOPICS_CONSUMER_GROUP, rows_group_text(r, group));
        batch_set_text(r->batch, TABLE_CLIENT_TOPICS, row, CLIENT_TOPICS_CLIENT, batch_intern_z(r->batch, client->id));
        batch_set_text(r->batch, TABLE_CLIENT_TOPICS, row, CLIENT_TOPICS_ADDRESS, batch_intern_z(r->batch, client->address));
        batch_set_text(r->batch, TABLE_CLIENT_TOPICS, row, CLIENT_TOPICS_TOPIC, rows_topic_text(r, t->topic));
        rows_set_int(r, TABLE_CLIENT_TOPICS, row, CLIENT_TOPICS_FAILED, t->failed == BODY_NONE ? NO_INT : t->failed);
        batch_set_real(r->batch, TABLE_CLIENT_TOPICS, row, CLIENT_TOPICS_FAILED_RATE, t->failed_rate);
        batch_set_real(r->batch, TABLE_CLIENT_TOPICS, row, CLIENT_TOPICS_OK_RATE, t->ok_rate);
        batch_set_real(r->batch, TABLE_CLIENT_TOPICS, row, CLIENT_TOPICS_CONSUME_RT_MS, t->consume_rt_ms);
        batch_set_real(r->batch, TABLE_CLIENT_TOPICS, row, CLIENT_TOPICS_PULL_RT_MS, t->pull_rt_ms);
        batch_set_real(r->batch, TABLE_CLIENT_TOPICS, row, CLIENT_TOPICS_PULL_RATE, t->pull_rate);
    }
}

/* Of a broadcast client: what lies between the ends and its own offsets. */
static int64_t own_lag(const struct running *said)
{
    int64_t lag = 0;

    for (uint32_t i = 0; i < said->queue_count; i++) {
        if (said->queues[i].diff == NO_INT)
            return NO_INT;
        lag = lag_add(lag, said->queues[i].diff > 0 ? said->queues[i].diff : 0);
    }
    return said->queue_count > 0 && !said->is_cut ? lag : NO_INT;
}

static void set_owned(struct rows *r, uint32_t row, uint32_t group, uint32_t client, const struct running *said)
{
    const struct client_sum *sum = &r->clients->sums[r->clients->first[group] + client];
    int64_t queues = owners_count(r->clients->owners, group, client), lag = NO_INT;

    if (rows_model_of(r, group) == MODEL_BROADCASTING)
        lag = said != NULL ? own_lag(said) : NO_INT;
    else if (queues == (int64_t)sum->queues && !sum->lacks_lag)
        lag = sum->lag;
    rows_set_int(r, TABLE_CLIENTS, row, CLIENTS_QUEUES, queues);
    rows_set_int(r, TABLE_CLIENTS, row, CLIENTS_LAG, lag);
}

static bool is_same_client(const struct group_client *a, const struct group_client *b)
{
    struct view x = name_host_of(view_of(a->address)), y = name_host_of(view_of(b->address));

    return strcmp(a->id, b->id) == 0 && view_equal(x, y) && a->version == b->version && strcmp(a->language, b->language) == 0;
}

static uint32_t add_client_row(struct rows *r, uint32_t group, const struct group_client *client)
{
    char version[WIRE_VERSION_TEXT];
    uint32_t row = rows_new(r, TABLE_CLIENTS);

    batch_set_text(r->batch, TABLE_CLIENTS, row, CLIENTS_CONSUMER_GROUP, rows_group_text(r, group));
    batch_set_text(r->batch, TABLE_CLIENTS, row, CLIENTS_CLIENT, batch_intern_z(r->batch, client->id));
    batch_set_text(r->batch, TABLE_CLIENTS, row, CLIENTS_IP, rows_view_text(r, name_host_of(view_of(client->address))));
    batch_set_text(r->batch, TABLE_CLIENTS, row, CLIENTS_PID, rows_view_text(r, name_pid_of(view_of(client->id))));
    batch_set_text(r->batch, TABLE_CLIENTS, row, CLIENTS_VERSION,
                   batch_intern_z(r->batch, wire_version_text(version, client->version)));
    batch_set_text(r->batch, TABLE_CLIENTS, row, CLIENTS_LANGUAGE, batch_intern_z(r->batch, client->language));
    return row;
}

/* Two broadcast processes on a host share id and address: two members, but one row. */
void rows_add_clients(struct rows *r, uint32_t group, const struct group_info *g)
{
    for (uint32_t i = 0; i < g->client_count; i++) {
        const struct group_client *client = &g->clients[i];
        bool is_twin = i > 0 && strcmp(client->id, client[-1].id) == 0;
        if (i > 0 && is_same_client(client, client - 1))
            continue;
        uint32_t row = add_client_row(r, group, client);
        if (is_twin)
            continue;
        const struct running *said = said_by(r, client);
        set_owned(r, row, group, i, said);
        if (said != NULL) {
            set_figures(r, row, said);
            add_client_topics(r, group, client, said);
        }
    }
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

void rows_set_group_said(struct rows *r, uint32_t row, const struct group_info *g)
{
    uint64_t *hashes = xmalloc((g->client_count + (size_t)1) * sizeof(*hashes));
    uint32_t told = 0, different = 0;
    bool has_pop = false;

    for (uint32_t i = 0; i < g->client_count; i++) {
        const struct running *said = said_by(r, &g->clients[i]);
        if (said == NULL)
            continue;
        has_pop |= said->has_pop;
        if (said->subscriptions != 0)
            hashes[told++] = said->subscriptions;
    }
    if (told > 1)
        qsort(hashes, told, sizeof(*hashes), compare_hashes);
    for (uint32_t i = 0; i < told; i++)
        different += i == 0 || hashes[i] != hashes[i - 1];
    if (told > 0)
        batch_set_int(r->batch, TABLE_GROUPS, row, GROUPS_SUBSCRIPTIONS, different);
    if (has_pop) /* 203 takes it for a push client */
        batch_set_text(r->batch, TABLE_GROUPS, row, GROUPS_TYPE, batch_intern_z(r->batch, "pop"));
    free(hashes);
}
