/*
 * rows.c - see rows.h.
 *
 * What is shown: topics that are in the newest inventory (21) of a broker; groups in that of groups (201); backlogs of a
 * group and topic where the broker has offsets (43), the topic and the group, because 43 keeps the offsets of what was
 * deleted. System groups are left out unless asked for; system topics are shown, with their kind.
 *
 * Sums run over the brokers of a cluster. A part that is not known (a broker did not answer, a queue's end was not told, 43
 * failed, there was no room for it: left_out.h) is left out and the row says complete 0; where no part is known the value is absent.
 *
 * Odd ones:
 *   broadcasting   5.x keeps, for each broadcast group, the lowest offset any of its clients has pulled (topic@group@broadcast): lag of
 *                  the slowest. 4.x has nothing: see rows_clients.c. Plain offsets of such a group are left from other days.
 *   %RETRY%g       messages that were sent back. Where a broker holds no offset of it (5.x, before the group first polls it)
 *                  everything stored is still to be consumed: counted from min, diff too.
 *   %DLQ%g         nobody consumes it. Its backlogs row has diff = what is stored (max - min), and no lag.
 *   no offset at all  a group that never committed has no lag that could be told: absent, not 0.
 */
#include "agent/source/rocketmq/rows.h"

#include "agent/base/num.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/lag.h"
#include "agent/source/rocketmq/rates.h"
#include "agent/source/rocketmq/rows_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- small things ------------------------------------------------------------------------------------------------ */

uint32_t rows_new(struct rows *r, enum table_id t)
{
    uint32_t row = batch_add(r->batch, t);

    batch_set_text(r->batch, t, row, KEY_SOURCE, r->source);
    batch_set_text(r->batch, t, row, KEY_SYSTEM, r->system);
    batch_set_text(r->batch, t, row, KEY_CLUSTER, r->cluster_text);
    return row;
}

static uint32_t text_of(struct rows *r, uint32_t *texts, const struct intern *names, uint32_t id)
{
    if (texts[id] == 0)
        texts[id] = batch_intern(r->batch, intern_text(names, id), intern_len(names, id));
    return texts[id];
}

uint32_t rows_topic_text(struct rows *r, uint32_t topic)
{
    return text_of(r, r->topic_texts, &r->cluster->topics, topic);
}

uint32_t rows_group_text(struct rows *r, uint32_t group)
{
    return text_of(r, r->group_texts, &r->cluster->groups, group);
}

uint32_t rows_view_text(struct rows *r, struct view text)
{
    return batch_intern(r->batch, text.data, text.len);
}

uint32_t rows_number_text(struct rows *r, int64_t number)
{
    char text[NUM_TEXT_MAX];
    size_t len = num_from_i64(text, number);

    return batch_intern(r->batch, text, len);
}

void rows_set_int(struct rows *r, enum table_id t, uint32_t row, unsigned column, int64_t value)
{
    if (value != NO_INT)
        batch_set_int(r->batch, t, row, column, value);
}

enum topic_kind rows_kind_of(const struct rows *r, uint32_t topic)
{
    return (enum topic_kind)r->cluster->topic_infos[topic].kind;
}

bool rows_shows_topic(const struct rows *r, const struct broker *b, uint32_t topic)
{
    return broker_has_topic(b, topic) && !r->cluster->topic_infos[topic].is_skipped;
}

bool rows_lists_group(const struct rows *r, uint32_t group)
{
    for (unsigned i = 0; i < r->cluster->broker_count; i++) {
        const struct broker *b = r->cluster->brokers[i];
        if (b->groups_stamp != 0 ? broker_has_group(b, group) : broker_has_offsets_of(b, group))
            return true;
    }
    return false;
}

/* The broker that told about the group's clients must still be there to vouch for them. */
bool rows_knows_members(const struct rows *r, const struct group_info *g)
{
    return g->is_known && g->asked_broker != 0 && g->asked_broker <= r->cluster->broker_count &&
           r->cluster->brokers[g->asked_broker - 1]->leader->is_up;
}

int64_t rows_members_of(const struct group_info *g)
{
    return (int64_t)g->client_count + g->clients_left.count;
}

enum group_model rows_model_of(const struct rows *r, uint32_t group)
{
    const struct group_info *g = &r->cluster->group_infos[group];
    const struct group_sum *sum = &r->sums[group];

    if (g->model != MODEL_UNKNOWN)
        return (enum group_model)g->model;
    return sum->has_plain ? MODEL_CLUSTERING : sum->has_broadcast ? MODEL_BROADCASTING : MODEL_UNKNOWN;
}

/* ---- topics ------------------------------------------------------------------------------------------------------ */

/* Its name, or what is most likely its name. */
static struct view owner_name(const struct rows *r, uint32_t topic)
{
    const struct topic_info *info = &r->cluster->topic_infos[topic];

    if (info->owner != 0)
        return intern_view(&r->cluster->groups, info->owner);
    return name_without_prefix(intern_view(&r->cluster->topics, topic));
}

bool rows_may_show_ends(const struct rows *r, const struct broker *b, uint32_t topic)
{
    const struct topic_part *t = &b->topics[topic];
    bool is_asked_alone = rpc_target_version(b->leader->peer.target) < WIRE_V5_3_2 || (t->flags & PART_ALONE) != 0 ||
                          r->cluster->topic_infos[topic].is_unlistable;

    return b->leader->is_up && t->ends_number != 0 &&
           (broker_ends_are_fresh(b, t) || (is_asked_alone && t->wanted != r->look->number));
}

static void set_topic_ends(struct rows *r, uint32_t row, const struct broker *b, uint32_t topic)
{
    const struct topic_part *t = &b->topics[topic];
    int64_t min = 0, max = 0;

    if (!rows_may_show_ends(r, b, topic) || (t->flags & PART_CUT) != 0)
        return;
    for (uint32_t q = 0; q < t->queues; q++) {
        const struct queue_end *end = &b->ends[t->first + q];
        max = max == NO_INT || end->max == UNKNOWN ? NO_INT : lag_add(max, end->max);
        min = min == NO_INT || end->min == UNKNOWN ? NO_INT : lag_add(min, end->min);
    }
    rows_set_int(r, TABLE_TOPICS, row, TOPICS_MIN_OFFSET, min);
    rows_set_int(r, TABLE_TOPICS, row, TOPICS_MAX_OFFSET, max);
    if (min != NO_INT && max != NO_INT)
        rows_set_int(r, TABLE_TOPICS, row, TOPICS_STORED, max > min ? max - min : 0);
    if (t->ends_number == b->now.look->number)
        batch_set_real(r->batch, TABLE_TOPICS, row, TOPICS_IN_RATE, (double)t->in_rate);
    else if (broker_ends_are_fresh(b, t))
        batch_set_real(r->batch, TABLE_TOPICS, row, TOPICS_IN_RATE, 0);
    batch_set_real(r->batch, TABLE_TOPICS, row, TOPICS_IN_RATE_MINUTE, rates_topic_messages(b, topic));
    batch_set_real(r->batch, TABLE_TOPICS, row, TOPICS_IN_BYTES_RATE, rates_topic_bytes(b, topic));
    if (t->last_stored_ms > 0)
        batch_set_real(r->batch, TABLE_TOPICS, row, TOPICS_LAST_STORED_AT, (double)t->last_stored_ms / 1000);
}

static void add_topics(struct rows *r)
{
    struct cluster *c = r->cluster;

    for (uint32_t id = 1; id < c->topics.count; id++) {
        enum topic_kind kind = rows_kind_of(r, id);
        bool is_live = false;
        if (kind == TOPIC_RETRY || kind == TOPIC_DLQ)
            cluster_find_owner(c, id);
        for (unsigned i = 0; i < c->broker_count; i++) {
            const struct broker *b = c->brokers[i];
            if (!rows_shows_topic(r, b, id))
                continue;
            struct topic_part *t = &b->topics[id];
            t->flags &= (uint16_t)~PART_MIN_MATTERS; /* the backlogs below set it again */
            uint32_t row = rows_new(r, TABLE_TOPICS);
            batch_set_text(r->batch, TABLE_TOPICS, row, TOPICS_BROKER, r->broker_texts[i]);
            batch_set_text(r->batch, TABLE_TOPICS, row, TOPICS_TOPIC, rows_topic_text(r, id));
            batch_set_text(r->batch, TABLE_TOPICS, row, TOPICS_KIND, r->kind_texts[kind]);
            if ((t->flags & PART_CUT) == 0)
                batch_set_int(r->batch, TABLE_TOPICS, row, TOPICS_QUEUES, t->queues);
            if (kind == TOPIC_RETRY || kind == TOPIC_DLQ)
                batch_set_text(r->batch, TABLE_TOPICS, row, TOPICS_GROUP, rows_view_text(r, owner_name(r, id)));
            set_topic_ends(r, row, b, id);
            is_live = true;
        }
        c->live_topics += is_live;
    }
}

/* ---- a cluster --------------------------------------------------------------------------------------------------- */

/* What people call the cluster. */
static struct view shown_name(const struct look *look, const struct cluster *c)
{
    const char *list = look->options->cluster_names;
    struct view from, to, name = view_of(c->name);

    while (name_next_rename(&list, &from, &to, NULL) > 0)
        if (view_equal(from, name))
            return to;
    return name;
}

static void begin_cluster(struct rows *r, struct look *look, struct cluster *c, const char *source)
{
    *r = (struct rows){ .look = look, .batch = look->batch, .cluster = c };
    r->source = batch_intern_z(r->batch, source);
    r->system = batch_intern_z(r->batch, "rocketmq");
    r->cluster_text = rows_view_text(r, shown_name(look, c));
}

void rows_begin(struct look *look, const char *source)
{
    struct rows r;

    for (unsigned i = 0; i < look->topology->cluster_count; i++) {
        struct cluster *c = look->topology->clusters[i];
        begin_cluster(&r, look, c, source);
        for (unsigned b = 0; b < c->broker_count; b++)
            for (unsigned m = 0; m < c->brokers[b]->member_count; m++)
                rows_begin_broker(&r, c->brokers[b]->members[m]);
    }
}

static void add_cluster(struct rows *r)
{
    struct cluster *c = r->cluster;

    c->live_topics = c->live_groups = c->live_pairs = 0;
    r->topic_texts = xcalloc(c->topics.count + 1, sizeof(uint32_t));
    r->group_texts = xcalloc(c->groups.count + 1, sizeof(uint32_t));
    r->broker_texts = xcalloc(c->broker_count + 1, sizeof(uint32_t));
    r->sums = xcalloc(c->groups.count + 1, sizeof(*r->sums));
    for (unsigned i = 0; i < c->broker_count; i++)
        r->broker_texts[i] = batch_intern_z(r->batch, c->brokers[i]->name);
    for (unsigned k = 0; k < TOPIC_KINDS; k++)
        r->kind_texts[k] = batch_intern_z(r->batch, topic_kind_name(k));
    rows_begin_clients(r);
    rows_begin_sums(r);
    add_topics(r);
    rows_add_backlogs(r);
    rows_add_groups(r);
    rows_add_producers(r);
    rows_add_delays(r);
    rows_end_sums(r);
    rows_end_clients(r);
    free(r->topic_texts);
    free(r->group_texts);
    free(r->broker_texts);
    free(r->sums);
}

static void tell_left_out(struct peer *peer, const struct broker *b)
{
    peer_left_out(peer, "topic", &b->lacks.topics);
    peer_left_out(peer, "group", &b->lacks.groups);
    peer_left_out(peer, "queue", &b->lacks.queues);
    peer_left_out(peer, "backlog", &b->now.lacks.pairs);
    peer_left_out(peer, "offset", &b->now.lacks.offsets);
    peer_left_out(peer, "queue row", &b->now.lacks.rows);
    peer_left_out(peer, "client", &b->now.lacks.clients);
    peer_left_out(peer, "producer", &b->lacks.producers);
    peer_left_out(peer, "delay level", &b->now.lacks.delays);
}

static void add_scrapes(struct rows *r)
{
    for (unsigned b = 0; b < r->cluster->broker_count; b++)
        for (unsigned m = 0; m < r->cluster->brokers[b]->member_count; m++) {
            struct member *member = r->cluster->brokers[b]->members[m];
            rows_end_broker(r, member);
            if (member == member->broker->leader)
                tell_left_out(&member->peer, member->broker);
            peer_add_rows(&member->peer, r->batch, r->source, r->system, r->cluster_text, "broker");
            if (member->clients.target != NULL)
                peer_add_rows(&member->clients, r->batch, r->source, r->system, r->cluster_text, "client");
        }
}

void rows_end(struct look *look, const char *source)
{
    struct rows r;

    for (unsigned i = 0; i < look->topology->cluster_count; i++) {
        begin_cluster(&r, look, look->topology->clusters[i], source);
        add_cluster(&r);
        add_scrapes(&r);
    }
}
