/* cluster.c - see cluster.h. */
#include "agent/source/rocketmq/cluster.h"

#include "agent/base/buf.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/running.h"
#include "agent/source/rocketmq/timelag.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Dead names may be as many as live ones, and some. */
#define TIDY_SPARE 20000

/* ---- arrays by number -------------------------------------------------------------------------------------------- */

/* What a name costs beside its bytes: its place in an intern and in an array of infos, with room to grow. */
#define NAME_HELD 160
#define OFFSET_HELD (2 * sizeof(int64_t)) /* committed and, maybe, pulled */

/* Whoever is told "no" finds out which limit it was. */
static bool within(struct cluster *c, bool is_within, const char *limit)
{
    if (!is_within)
        c->limit = limit;
    return is_within;
}

bool cluster_take(struct cluster *c, size_t bytes)
{
    if (!within(c, bytes <= SOURCE_HELD_MAX && *c->held <= SOURCE_HELD_MAX - bytes, LIMIT_NAME(SOURCE_HELD_MAX)))
        return false;
    *c->held += bytes;
    return true;
}

void cluster_give_back(struct cluster *c, size_t bytes)
{
    assert(*c->held >= bytes);
    *c->held -= bytes;
}

/* By a quarter, because these arrays are most of our memory. */
static uint32_t grown(uint32_t room, uint32_t index)
{
    uint32_t want = room + room / 4 + 16;

    return index < room ? room : want <= index ? index + 1 : want;
}

static bool may_reach(struct cluster *c, uint32_t room, uint32_t index, size_t size)
{
    return cluster_take(c, (size_t)(grown(room, index) - room) * size);
}

/* Makes room for entry `index`, zeroed. */
static void *reach(void *array, uint32_t *room, uint32_t index, size_t size)
{
    uint32_t want = grown(*room, index);

    if (want == *room)
        return array;
    array = xrealloc(array, want, size);
    memset((char *)array + (size_t)*room * size, 0, (size_t)(want - *room) * size);
    *room = want;
    return array;
}

struct view intern_view(const struct intern *in, uint32_t id)
{
    return (struct view){ intern_text(in, id), intern_len(in, id) };
}

/* At most so many; `limit` is what that is called. */
static uint32_t add_name(struct cluster *c, struct intern *in, struct view name, uint32_t max, const char *limit, bool *is_new)
{
    uint32_t id = intern_find(in, name.data, name.len);

    *is_new = id == 0;
    if (id != 0 || !within(c, in->count <= max, limit) || !cluster_take(c, NAME_HELD + name.len))
        return id;
    c->names_held += NAME_HELD + name.len;
    return intern_add(in, name.data, name.len);
}

/* Topics named like their cluster or one of its brokers are the broker's own. */
static enum topic_kind kind_in(const struct cluster *c, struct view topic)
{
    enum topic_kind kind = name_topic_kind(topic);
    struct view cluster = view_of(c->name);

    if (kind != TOPIC_NORMAL)
        return kind;
    if (view_equal(topic, cluster) || name_is_reply_topic(topic, cluster))
        return TOPIC_SYSTEM;
    for (unsigned i = 0; i < c->broker_count; i++)
        if (view_is(topic, c->brokers[i]->name))
            return TOPIC_SYSTEM;
    return TOPIC_NORMAL;
}

uint32_t cluster_topic(struct cluster *c, struct view name)
{
    bool is_new;

    if (!within(c, name.len <= NAME_MAX_BYTES, LIMIT_NAME(NAME_MAX_BYTES)))
        return 0;
    uint32_t id = add_name(c, &c->topics, name, CLUSTER_TOPICS_MAX, LIMIT_NAME(CLUSTER_TOPICS_MAX), &is_new);

    if (id != 0 && is_new) {
        c->topic_infos = reach(c->topic_infos, &c->topic_info_room, id, sizeof(*c->topic_infos));
        c->topic_infos[id] = (struct topic_info){ .kind = (uint8_t)kind_in(c, name),
                                                  .is_skipped = name_is_skipped_topic(name),
                                                  .is_watched = name_is_watched_topic(name),
                                                  .is_unlistable = memchr(name.data, ';', name.len) != NULL };
    }
    return id;
}

uint32_t cluster_group(struct cluster *c, struct view name)
{
    bool is_new;

    if (!within(c, name.len <= NAME_MAX_BYTES, LIMIT_NAME(NAME_MAX_BYTES)))
        return 0;
    uint32_t id = add_name(c, &c->groups, name, CLUSTER_GROUPS_MAX, LIMIT_NAME(CLUSTER_GROUPS_MAX), &is_new);

    if (id != 0 && is_new) {
        c->group_infos = reach(c->group_infos, &c->group_info_room, id, sizeof(*c->group_infos));
        c->group_infos[id] = (struct group_info){ .is_system = name_is_system_group(name) };
    }
    return id;
}

/* %RETRY%group, or for POP %RETRY%group_topic and %RETRY%group+topic. */
static bool is_retry_of(struct view topic, struct view group)
{
    struct view name = name_without_prefix(topic);

    return name.len >= group.len && memcmp(name.data, group.data, group.len) == 0 &&
           (name.len == group.len || name.data[group.len] == '_' || name.data[group.len] == '+');
}

uint32_t cluster_pair(struct cluster *c, struct view key)
{
    struct view topic, group;
    struct pair_info info = { .cut = 0 };
    uint32_t id = intern_find(&c->pairs, key.data, key.len);
    bool is_new;

    if (id != 0)
        return id;
    c->limit = NULL;
    if (!name_split_offset_key(key, &topic, &group, &info.is_broadcast))
        return 0;
    info.topic = cluster_topic(c, topic);
    info.group = cluster_group(c, group);
    if (info.topic == 0 || info.group == 0)
        return 0;
    id = add_name(c, &c->pairs, key, CLUSTER_PAIRS_MAX, LIMIT_NAME(CLUSTER_PAIRS_MAX), &is_new);
    if (id == 0)
        return 0;
    c->pair_infos = reach(c->pair_infos, &c->pair_info_room, id, sizeof(*c->pair_infos));
    c->pair_infos[id] = info;
    if (c->topic_infos[info.topic].kind == TOPIC_RETRY && is_retry_of(topic, group))
        c->topic_infos[info.topic].owner = info.group;
    return id;
}

/*
 * Who has offsets of it; else %RETRY%group; else, for POP, %RETRY%group+topic or %RETRY%group_topic, if there is exactly one way
 * to split it into a group and a topic that exist.
 */
uint32_t cluster_find_owner(struct cluster *c, uint32_t topic)
{
    struct topic_info *info = &c->topic_infos[topic];
    struct view name = name_without_prefix(intern_view(&c->topics, topic));
    uint32_t owner = 0;
    unsigned ways = 0;

    if (info->owner != 0)
        return info->owner;
    info->owner = intern_find(&c->groups, name.data, name.len);
    for (size_t i = 1; info->owner == 0 && info->kind == TOPIC_RETRY && i + 1 < name.len; i++) {
        if (name.data[i] != '_' && name.data[i] != '+')
            continue;
        uint32_t group = intern_find(&c->groups, name.data, i);
        if (group != 0 && intern_find(&c->topics, name.data + i + 1, name.len - i - 1) != 0) {
            owner = group;
            ways++;
        }
    }
    if (ways == 1)
        info->owner = owner;
    return info->owner;
}

struct topic_part *broker_topic(struct broker *b, uint32_t topic)
{
    if (!may_reach(b->cluster, b->topic_room, topic, sizeof(*b->topics)))
        return NULL;
    b->topics = reach(b->topics, &b->topic_room, topic, sizeof(*b->topics));
    return &b->topics[topic];
}

struct pair_part *broker_pair(struct broker *b, uint32_t pair)
{
    if (!may_reach(b->cluster, b->pair_room, pair, sizeof(*b->pairs)))
        return NULL;
    b->pairs = reach(b->pairs, &b->pair_room, pair, sizeof(*b->pairs));
    return &b->pairs[pair];
}

struct group_part *broker_group(struct broker *b, uint32_t group)
{
    if (!may_reach(b->cluster, b->group_room, group, sizeof(*b->groups)))
        return NULL;
    b->groups = reach(b->groups, &b->group_room, group, sizeof(*b->groups));
    return &b->groups[group];
}

struct topic_part *broker_find_topic(const struct broker *b, uint32_t topic)
{
    return topic < b->topic_room ? &b->topics[topic] : NULL;
}

struct pair_part *broker_find_pair(const struct broker *b, uint32_t pair)
{
    return pair < b->pair_room ? &b->pairs[pair] : NULL;
}

/* ---- slots: a run for each topic and pair. The newest run can grow where it is; others move to the end ------------------- */

static uint32_t find_run(uint32_t count, uint32_t first, uint32_t slots)
{
    return slots > 0 && first + slots == count ? first : count;
}

/* So many queues of one topic, behind `first` others of the broker, that take so many bytes each. */
static bool may_have_queues(struct cluster *c, uint32_t queues, uint32_t first, uint32_t room, size_t size)
{
    return within(c, first <= BROKER_QUEUES_MAX - queues, LIMIT_NAME(BROKER_QUEUES_MAX)) && may_reach(c, room, first + queues, size);
}

bool broker_set_queues(struct broker *b, struct topic_part *t, uint32_t queues)
{
    if (!within(b->cluster, queues <= BODY_QUEUES_MAX, LIMIT_NAME(BODY_QUEUES_MAX)))
        return false;
    if (queues > t->slots) {
        uint32_t first = find_run(b->end_count, t->first, t->slots);
        if (!may_have_queues(b->cluster, queues, first, b->end_room, sizeof(*b->ends)))
            return false;
        b->end_count = first + queues;
        b->ends = reach(b->ends, &b->end_room, b->end_count, sizeof(*b->ends));
        if (first != t->first && t->slots > 0)
            memcpy(&b->ends[first], &b->ends[t->first], t->slots * sizeof(*b->ends));
        for (uint32_t q = t->slots; q < queues; q++)
            b->ends[first + q] = (struct queue_end){ UNKNOWN, UNKNOWN, UNKNOWN };
        t->first = first;
        t->slots = (uint16_t)queues;
    }
    t->queues = (uint16_t)queues;
    return true;
}

bool broker_set_offsets(struct broker *b, struct pair_part *p, uint32_t queues)
{
    if (!within(b->cluster, queues <= BODY_QUEUES_MAX, LIMIT_NAME(BODY_QUEUES_MAX)))
        return false;
    if (queues > p->slots) {
        uint32_t first = find_run(b->offset_count, p->first, p->slots);
        if (!may_have_queues(b->cluster, queues, first, b->offset_room, OFFSET_HELD))
            return false;
        b->offset_count = first + queues;
        uint32_t room = b->offset_room;
        b->committed = reach(b->committed, &b->offset_room, b->offset_count, sizeof(*b->committed));
        if (b->pulled != NULL)
            b->pulled = reach(b->pulled, &room, b->offset_count, sizeof(*b->pulled));
        for (uint32_t q = 0; q < queues; q++) {
            bool is_old = q < p->slots;
            b->committed[first + q] = is_old ? b->committed[p->first + q] : UNKNOWN;
            if (b->pulled != NULL)
                b->pulled[first + q] = is_old ? b->pulled[p->first + q] : UNKNOWN;
        }
        p->first = first;
        p->slots = (uint16_t)queues;
    }
    if (queues > p->queues)
        p->queues = (uint16_t)queues;
    return true;
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

/* An inventory that broke off has stamped what it named with the next stamp: both count. */
static bool is_stamped(uint32_t stamp, uint32_t newest)
{
    return newest == 0 || (stamp != 0 && stamp >= newest);
}

bool broker_has_topic(const struct broker *b, uint32_t topic)
{
    const struct topic_part *t = broker_find_topic(b, topic);

    return t != NULL && (t->flags & PART_GONE) == 0 && is_stamped(t->listed, b->topics_stamp);
}

bool broker_has_group(const struct broker *b, uint32_t group)
{
    return is_stamped(group < b->group_room ? b->groups[group].listed : 0, b->groups_stamp);
}

bool broker_may_hide_topic(const struct broker *b, uint32_t topic)
{
    return b->lacks.topics.count > 0 && topic >= b->topic_room;
}

bool broker_may_hide_group(const struct broker *b, uint32_t group)
{
    return b->lacks.groups.count > 0 && group >= b->group_room;
}

bool cluster_is_cut(const struct cluster *c)
{
    for (unsigned i = 0; i < c->broker_count; i++)
        if (c->brokers[i]->lacks.topics.count > 0 || c->brokers[i]->lacks.queues.count > 0)
            return true;
    return c->lacks_brokers;
}

bool broker_has_offsets_of(const struct broker *b, uint32_t group)
{
    return group < b->group_room && b->groups[group].seen != 0 && b->groups[group].seen >= b->offsets_number;
}

bool broker_is_offsets_blind(const struct broker *b)
{
    return b->leader->id != 0 && rpc_target_version(b->leader->peer.target) >= WIRE_V5_5_0;
}

bool broker_ends_are_fresh(const struct broker *b, const struct topic_part *t)
{
    return t->ends_number != 0 && t->ends_number >= b->ends_since;
}

/* ---- lives ------------------------------------------------------------------------------------------------------- */

static void forget_names(struct cluster *c)
{
    for (uint32_t g = 1; g < c->groups.count; g++) {
        running_forget(&c->group_infos[g]);
        cluster_give_back(c, c->group_infos[g].held);
        free(c->group_infos[g].clients);
    }
    free(c->topic_infos);
    free(c->group_infos);
    free(c->pair_infos);
    c->topic_infos = NULL;
    c->group_infos = NULL;
    c->pair_infos = NULL;
    c->topic_info_room = c->group_info_room = c->pair_info_room = 0;
    cluster_give_back(c, c->names_held);
    c->names_held = 0;
    intern_fini(&c->topics);
    intern_fini(&c->groups);
    intern_fini(&c->pairs);
    intern_init(&c->topics);
    intern_init(&c->groups);
    intern_init(&c->pairs);
}

static size_t parts_held(const struct broker *b)
{
    return b->topic_room * sizeof(*b->topics) + b->pair_room * sizeof(*b->pairs) + b->group_room * sizeof(*b->groups) +
           b->end_room * sizeof(*b->ends) + b->offset_room * OFFSET_HELD + b->client_id_count * sizeof(*b->client_ids) +
           (b->producers != NULL ? b->producers->held : 0);
}

static void forget_parts(struct broker *b)
{
    cluster_give_back(b->cluster, parts_held(b));
    for (unsigned i = 0; i < b->member_count; i++)
        forbidden_forget(&b->members[i]->peer.forbidden); /* it knows topics and groups by their numbers */
    for (uint32_t id = 0; id < b->topic_room; id++)
        timelag_drop_history(b, &b->topics[id]);
    for (uint32_t id = 0; id < b->pair_room; id++)
        timelag_drop_ages(b, &b->pairs[id]);
    free(b->topics);
    free(b->pairs);
    free(b->groups);
    free(b->ends);
    free(b->committed);
    free(b->pulled);
    flows_fini(&b->flows);
    free(b->producers);
    free(b->client_ids);
    struct broker kept = { .cluster = b->cluster, .name = b->name, .index = b->index, .members = b->members,
                           .member_count = b->member_count, .leader = b->leader, .settled_log = NO_INT,
                           .log_before = NO_INT, .delivered = NO_INT, .ledger = { .puts = NO_INT },
                           .booted_at = NO_INT, .log_min = NO_INT, .min_epoch = 1,
                           .rates = { .log_max = NO_INT, .delivered = NO_INT } };
    *b = kept;
}

struct cluster *cluster_new(const char *name, size_t len, size_t *held)
{
    struct cluster *c = xcalloc(1, sizeof(*c));

    c->held = held;
    c->name = xstrndup(name, len);
    intern_init(&c->topics);
    intern_init(&c->groups);
    intern_init(&c->pairs);
    return c;
}

void cluster_free(struct cluster *c)
{
    if (c == NULL)
        return;
    while (c->broker_count > 0)
        cluster_drop_broker(c, c->broker_count - 1);
    forget_names(c);
    intern_fini(&c->topics);
    intern_fini(&c->groups);
    intern_fini(&c->pairs);
    free(c->brokers);
    free(c->name);
    free(c);
}

static bool is_mostly_dead(const struct intern *in, uint32_t live)
{
    return in->count > 2 * (uint64_t)live + TIDY_SPARE;
}

bool cluster_tidy(struct cluster *c)
{
    if (!is_mostly_dead(&c->topics, c->live_topics) && !is_mostly_dead(&c->groups, c->live_groups) &&
        !is_mostly_dead(&c->pairs, c->live_pairs))
        return false;
    for (unsigned i = 0; i < c->broker_count; i++)
        forget_parts(c->brokers[i]);
    forget_names(c);
    return true;
}

struct broker *cluster_add_broker(struct cluster *c, struct view name)
{
    struct broker *b = xcalloc(1, sizeof(*b));

    assert(c->broker_count < CLUSTER_BROKERS_MAX);
    b->cluster = c;
    b->name = xstrndup(name.data, name.len);
    b->index = (uint16_t)c->broker_count;
    forget_parts(b);
    c->brokers = xrealloc(c->brokers, c->broker_count + 1, sizeof(struct broker *));
    c->brokers[c->broker_count++] = b;
    uint32_t topic = intern_find(&c->topics, name.data, name.len);
    if (topic != 0 && c->topic_infos[topic].kind == TOPIC_NORMAL)
        c->topic_infos[topic].kind = TOPIC_SYSTEM; /* its own topic came before it */
    return b;
}

void cluster_drop_broker(struct cluster *c, unsigned index)
{
    struct broker *b = c->brokers[index];

    while (b->member_count > 0)
        broker_drop_member(b, b->member_count - 1);
    forget_parts(b);
    free(b->members);
    free(b->name);
    free(b);
    c->brokers[index] = c->brokers[--c->broker_count];
    if (index < c->broker_count)
        c->brokers[index]->index = (uint16_t)index;
    for (uint32_t g = 1; g < c->groups.count; g++) { /* they carry indices of brokers */
        c->group_infos[g].asked_broker = 0;
        running_forget(&c->group_infos[g]);
    }
}

/* Each '/' within a name gets a backslash, so that two brokers never have one label, and with it one target. */
static void put_label_part(struct buf *label, const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name == '/' || *name == '\\')
            buf_putc(label, '\\');
        buf_putc(label, *name);
    }
}

static void put_label(struct buf *label, const struct broker *b, const char *suffix)
{
    put_label_part(label, b->cluster->name);
    buf_putc(label, '/');
    put_label_part(label, b->name);
    buf_puts(label, suffix);
    buf_putc(label, '\0');
}

struct member *broker_add_member(struct broker *b, struct rpc *rpc, int64_t id, const char *address)
{
    struct member *m = xcalloc(1, sizeof(*m));
    struct buf label;

    buf_init(&label, 0);
    put_label(&label, b, "");
    peer_init(&m->peer, rpc, label.data, address);
    rpc_target_set_advertised(m->peer.target);
    buf_fini(&label);
    m->broker = b;
    m->id = id;
    b->members = xrealloc(b->members, b->member_count + 1, sizeof(struct member *));
    b->members[b->member_count++] = m;
    return m;
}

struct peer *member_clients(struct member *m, struct rpc *rpc)
{
    struct buf label;

    if (m->clients.target != NULL)
        return &m->clients;
    buf_init(&label, 0);
    put_label(&label, m->broker, "/clients");
    peer_init(&m->clients, rpc, label.data, rpc_target_address(m->peer.target));
    buf_fini(&label);
    rpc_target_set_advertised(m->clients.target);
    m->clients.is_forgiving = true;
    rpc_target_set_in_flight(m->clients.target, 1);
    return &m->clients;
}

void broker_drop_member(struct broker *b, unsigned index)
{
    struct member *m = b->members[index];

    if (b->leader == m)
        b->leader = NULL;
    peer_fini(&m->peer);
    peer_fini(&m->clients);
    free(m);
    b->members[index] = b->members[--b->member_count];
}
