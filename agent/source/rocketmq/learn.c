/* learn.c - see learn.h: offsets, ends and inventories. Clients are in learn_clients.c. */
#include "agent/source/rocketmq/learn.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A message that a broker stored longer ago than that was not stored in the last minute, even if its clock is not ours. */
#define CLOCKS_DIFFER_MS (10 * 60 * 1000LL)

/* Offsets that went backward, and a span that is not positive, have no rate. */
static float rate(int64_t messages, int64_t span_ns)
{
    return messages < 0 || span_ns <= 0 ? NAN : (float)((double)messages * NS_PER_S / (double)span_ns);
}

/* ---- 43 ---------------------------------------------------------------------------------------------------------- */

struct offsets_reader {
    struct broker *broker;
    struct moment at;
    uint32_t pair;          /* the one being read; 0: none */
    enum body_offset_table table;
    bool follows;           /* its offsets of the last look are known: it has a rate */
    int64_t consumed;       /* by it since then */
    bool has_begun;         /* a queue of it had no offset then */
    bool is_blind;          /* the broker's offsets may be old */
    bool is_old;            /* these are: its master had told more */
    bool is_cut;            /* for some there is no room */
    uint32_t *touched;      /* by queue: read in the pair number `turn` */
    uint32_t touched_room;
    uint32_t turn;
};

static void note_motion(const struct offsets_reader *r, struct pair_part *p)
{
    struct broker *b = r->broker;

    if (r->follows && !r->has_begun)
        motion_take(&b->flows, &p->motion, b->offsets_at_ns, r->at.now_ns, r->consumed, r->at.gap_max_s);
    else if (b->offsets_number != 0) /* the broker was followed: this pair is new */
        motion_jump(&b->flows, &p->motion, r->at.now_ns);
    else
        motion_restart(&b->flows, &p->motion, r->at.now_ns);
    struct group_info *g = &b->cluster->group_infos[b->cluster->pair_infos[r->pair].group];
    if (p->motion.moved_at_s > g->moved_at_s)
        g->moved_at_s = p->motion.moved_at_s;
}

/* What the pair being read no longer has goes. */
static void finish_pair(struct offsets_reader *r)
{
    struct broker *b = r->broker;

    if (r->pair == 0)
        return;
    struct pair_part *p = &b->pairs[r->pair];
    int64_t *offsets = r->table == BODY_COMMITTED ? b->committed : b->pulled;
    for (uint32_t q = 0; q < p->queues; q++)
        if (q >= r->touched_room || r->touched[q] != r->turn)
            offsets[p->first + q] = UNKNOWN;
    if (r->table == BODY_COMMITTED) {
        p->is_cut = r->is_cut;
        p->out_rate = r->follows ? rate(r->consumed, r->at.now_ns - b->offsets_at_ns) : NAN;
        if (r->follows && r->consumed != 0) {
            b->cluster->group_infos[b->cluster->pair_infos[r->pair].group].moved = r->at.look;
            b->now.offsets_moved = true;
        }
        note_motion(r, p);
        if (r->is_old || !p->is_vouched)
            p->seen = r->at.look - 1; /* it has offsets, and they are not known now */
    }
    r->pair = 0;
}

/* There is no room for it (0), or for what the broker has of it: what is summed over its topic or its group misses something. */
static bool leave_out(struct offsets_reader *r, struct view key, uint32_t pair)
{
    struct cluster *c = r->broker->cluster;
    struct view topic, group;
    bool is_broadcast;

    if (c->limit == NULL || !name_split_offset_key(key, &topic, &group, &is_broadcast))
        return false;
    left_out_note(&r->broker->now.lacks.pairs, 1, c->limit);
    uint32_t t = intern_find(&c->topics, topic.data, topic.len), g = intern_find(&c->groups, group.data, group.len);
    if (t != 0)
        c->topic_infos[t].cut = r->at.look;
    if (g != 0)
        c->group_infos[g].cut = r->at.look;
    if (pair != 0)
        c->pair_infos[pair].cut = r->at.look;
    return false;
}

static bool take_committed_pair(struct offsets_reader *r, struct view key)
{
    struct broker *b = r->broker;
    uint32_t id = cluster_pair(b->cluster, key);
    struct pair_part *p = id == 0 ? NULL : broker_pair(b, id);

    if (p == NULL)
        return leave_out(r, key, id);
    const struct pair_info *info = &b->cluster->pair_infos[id];
    if (p->seen == 0) {
        b->now.offsets_moved = true;
        if (!broker_has_topic(b, info->topic) || !broker_has_group(b, info->group))
            b->names_changed = true;
        p->queues = 0;
        p->is_vouched = false;
        const struct topic_part *t = broker_find_topic(b, info->topic);
        if (t != NULL && t->queues > 0 && broker_set_offsets(b, p, t->queues))
            for (uint32_t q = 0; q < p->queues; q++)
                b->committed[p->first + q] = UNKNOWN;
    }
    r->follows = p->seen != 0 && p->seen == b->offsets_number;
    r->consumed = 0;
    r->has_begun = r->is_old = r->is_cut = false;
    p->is_vouched |= !r->is_blind;
    p->seen = r->at.look;
    struct group_part *g = broker_group(b, info->group);
    if (g != NULL)
        g->seen = r->at.look;
    r->pair = id;
    return true;
}

/* Pull offsets matter beside committed ones only, and every broker that has them prints them behind those. */
static bool take_pulled_pair(struct offsets_reader *r, struct view key)
{
    struct broker *b = r->broker;
    uint32_t id = intern_find(&b->cluster->pairs, key.data, key.len);
    struct pair_part *p = id == 0 ? NULL : broker_find_pair(b, id);

    if (p == NULL || p->seen != r->at.look)
        return false;
    if (b->pulled == NULL) {
        b->pulled = xmalloc(b->offset_room * sizeof(*b->pulled));
        for (uint32_t i = 0; i < b->offset_room; i++)
            b->pulled[i] = UNKNOWN;
    }
    p->pulled = r->at.look;
    r->pair = id;
    return true;
}

static bool on_pair(void *ctx, enum body_offset_table table, struct view key)
{
    struct offsets_reader *r = ctx;

    finish_pair(r);
    r->table = table;
    r->turn++;
    return table == BODY_COMMITTED ? take_committed_pair(r, key) : take_pulled_pair(r, key);
}

static void touch(struct offsets_reader *r, uint32_t queue)
{
    if (queue >= r->touched_room) {
        uint32_t room = (queue + 1) * 2;
        r->touched = xrealloc(r->touched, room, sizeof(*r->touched));
        memset(r->touched + r->touched_room, 0, (room - r->touched_room) * sizeof(*r->touched));
        r->touched_room = room;
    }
    r->touched[queue] = r->turn;
}

static void on_offset(void *ctx, enum body_offset_table table, uint32_t queue, int64_t offset)
{
    struct offsets_reader *r = ctx;
    struct broker *b = r->broker;
    struct pair_part *p = &b->pairs[r->pair];

    if (offset == BODY_NONE)
        b->cluster->limit = LIMIT_NAME(BODY_OFFSET_MAX);
    if (offset == BODY_NONE || (queue >= p->queues && (table == BODY_PULLED || !broker_set_offsets(b, p, queue + 1)))) {
        if (table == BODY_COMMITTED)
            left_out_note(&b->now.lacks.offsets, 1, b->cluster->limit);
        r->is_cut |= table == BODY_COMMITTED;
        return;
    }
    touch(r, queue);
    int64_t *slot = table == BODY_COMMITTED ? &b->committed[p->first + queue] : &b->pulled[p->first + queue];
    if (table == BODY_COMMITTED && r->is_blind && *slot != UNKNOWN) {
        p->is_vouched |= offset > *slot;
        if (offset < *slot) {
            r->is_old = true;
            return;
        }
    }
    if (table == BODY_COMMITTED && *slot != UNKNOWN)
        r->consumed += offset - *slot;
    else if (table == BODY_COMMITTED && r->follows)
        r->has_begun = b->now.offsets_moved = true;
    *slot = offset;
}

/* Offsets that the newest complete answer lacks are gone; unless the broker is one that never gets them. */
static void drop_vanished(struct broker *b, uint32_t look)
{
    for (uint32_t id = 1; id < b->pair_room; id++) {
        struct pair_part *p = &b->pairs[id];
        if (p->seen != 0 && p->seen != look) {
            p->seen = 0;
            b->names_changed = true;
            b->now.offsets_moved = true;
        }
    }
}

int learn_offsets(struct broker *b, struct view body, struct moment at, struct err *err)
{
    static const struct body_offsets to = { on_pair, on_offset };
    struct offsets_reader r = { .broker = b, .at = at, .is_blind = broker_is_offsets_blind(b) };

    int result = body_offsets(body, &to, &r, err);
    uint32_t last = r.pair;
    finish_pair(&r);
    free(r.touched);
    if (result < 0) {
        if (last != 0)
            b->pairs[last].seen = at.look - 1; /* it broke off in there: not all of its queues have been read */
        return -1;
    }
    if (!r.is_blind)
        drop_vanished(b, at.look);
    b->offsets_number = at.look;
    b->offsets_at_ns = at.now_ns;
    b->knows_offsets = true;
    return 0;
}

/* ---- 21, 201 ----------------------------------------------------------------------------------------------------- */

struct list_reader {
    struct broker *broker;
    uint32_t stamp;
};

static void set_listed_queues(struct broker *b, struct topic_part *t, uint32_t queues)
{
    t->flags &= (uint16_t)~PART_CUT;
    if (broker_set_queues(b, t, queues))
        return;
    const char *limit = b->cluster->limit;
    if (queues > BODY_QUEUES_MAX)
        broker_set_queues(b, t, BODY_QUEUES_MAX); /* or as many as there were */
    t->flags |= PART_CUT;
    left_out_note(&b->now.lists[TOPIC_LIST].queues_left, queues - t->queues, limit);
}

static void on_topic(void *ctx, struct view name, uint32_t queues)
{
    const struct list_reader *r = ctx;
    struct broker *b = r->broker;
    uint32_t id = cluster_topic(b->cluster, name);
    struct topic_part *t = id == 0 ? NULL : broker_topic(b, id);

    if (t == NULL) {
        left_out_note(&b->now.lists[TOPIC_LIST].names_left, 1, b->cluster->limit);
        return;
    }
    bool was_listed = t->listed != 0 && t->listed >= b->topics_stamp;
    if (!was_listed)
        t->refused_at_s = 0;
    if (!was_listed || (t->flags & PART_GONE) != 0)
        t->ends_number = t->min_epoch = 0; /* new, or there again: nothing we knew holds */
    t->listed = r->stamp;
    t->flags &= (uint16_t)~(PART_GONE | PART_ALONE);
    set_listed_queues(b, t, queues);
}

int learn_topics(struct broker *b, struct view body, uint32_t stamp, uint32_t *names, struct err *err)
{
    struct list_reader r = { b, stamp };

    return body_topics(body, on_topic, &r, names, err);
}

static void on_group(void *ctx, struct view name)
{
    const struct list_reader *r = ctx;
    struct broker *b = r->broker;
    uint32_t id = cluster_group(b->cluster, name);
    struct group_part *g = id == 0 ? NULL : broker_group(b, id);

    if (g != NULL)
        g->listed = r->stamp;
    else
        left_out_note(&b->now.lists[GROUP_LIST].names_left, 1, b->cluster->limit);
}

int learn_groups(struct broker *b, struct view body, uint32_t stamp, uint32_t *names, struct err *err)
{
    struct list_reader r = { b, stamp };

    return body_groups(body, on_group, &r, names, err);
}

void learn_end_list(struct broker *b, size_t list, bool is_whole)
{
    const struct list_reading *r = &b->now.lists[list];
    struct left_out *names = list == TOPIC_LIST ? &b->lacks.topics : &b->lacks.groups;

    if (is_whole)
        names->count = 0;
    if (is_whole && list == TOPIC_LIST)
        b->lacks.queues.count = 0;
    left_out_note(names, r->names_left.count, r->names_left.limit);
    left_out_note(&b->lacks.queues, r->queues_left.count, r->queues_left.limit);
}

/* ---- 208, 202 ---------------------------------------------------------------------------------------------------- */

void learn_begin_ends(struct topic_part *t)
{
    if ((t->flags & PART_MISSED) == 0) {
        t->added = 0;
        t->flags &= (uint16_t)~(PART_NO_RATE | PART_FELL);
    }
    t->flags &= (uint16_t)~PART_MISSED;
    t->fresh = 0;
}

static void take_end(struct broker *b, struct topic_part *t, const struct body_queue *queue)
{
    if (queue->queue >= t->queues && !broker_set_queues(b, t, queue->queue + 1)) {
        if ((t->flags & PART_CUT) == 0)
            left_out_note(&b->lacks.queues, 1, b->cluster->limit);
        t->flags |= PART_CUT;
        return;
    }
    struct queue_end *end = &b->ends[t->first + queue->queue];
    if (end->max == UNKNOWN || queue->max < end->max)
        b->ledger.is_broken = true;
    else
        b->ledger.found += queue->max - end->max;
    if (end->max == UNKNOWN)
        t->flags |= PART_NO_RATE;
    else if (queue->max < end->max)
        t->flags |= b->leader->id != 0 ? PART_BEHIND : PART_FELL;
    else
        t->added += queue->max - end->max;
    end->max = queue->max;
    if (queue->min != UNKNOWN)
        end->min = queue->min;
    t->fresh++;
}

/* A topic that was deleted and created again begins anew: what is known of its start is wrong. */
static void forget_starts(struct broker *b, struct topic_part *t)
{
    for (uint32_t q = 0; q < t->queues; q++)
        b->ends[t->first + q].min = UNKNOWN;
    t->min_epoch = 0;
}

void learn_end_ends(struct broker *b, struct topic_part *t, struct moment at)
{
    bool was_still = t->ends_number != 0 && t->ends_number >= b->still_since && b->still_at_ns > t->ends_at_ns;
    int64_t since = was_still ? b->still_at_ns : t->ends_at_ns;

    if (t->fresh < t->queues) {
        t->flags |= PART_MISSED;
        return;
    }
    if (t->ends_number == at.look)
        return; /* read twice in one look: the rate is that of the first time, and no span of some milliseconds */
    bool has_rate = t->ends_number != 0 && t->ends_number >= b->led_since && (t->flags & (PART_NO_RATE | PART_FELL)) == 0;
    t->in_rate = has_rate ? rate(t->added, at.now_ns - since) : NAN;
    t->flags = (uint16_t)(has_rate ? t->flags & ~PART_NEW : t->flags | PART_NEW);
    if (has_rate)
        motion_take(&b->flows, &t->motion, since, at.now_ns, t->added, at.gap_max_s);
    else if (t->added > 0 || (t->flags & PART_FELL) != 0)
        motion_jump(&b->flows, &t->motion, at.now_ns);
    else
        motion_restart(&b->flows, &t->motion, at.now_ns);
    if (t->added > 0 || (t->flags & PART_FELL) != 0)
        t->last_stored_ms = UNKNOWN;
    t->ends_number = at.look;
    t->ends_at_ns = at.now_ns;
    t->read_at_s = (uint32_t)(at.now_ns / NS_PER_S);
}

static void on_listed_end(void *ctx, const struct body_queue *queue)
{
    struct broker *b = ctx;
    uint32_t id = intern_find(&b->cluster->topics, queue->topic.data, queue->topic.len);
    struct topic_part *t = id == 0 ? NULL : broker_find_topic(b, id);

    if (t == NULL)
        return;
    take_end(b, t, queue);
    if ((t->flags & PART_FELL) != 0 && t->min_epoch != 0)
        forget_starts(b, t);
}

int learn_ends(struct broker *b, struct view body, struct err *err)
{
    return body_consume_stats(body, on_listed_end, b, err);
}

struct topic_reader {
    struct broker *broker;
    uint32_t topic;
    int64_t last_stored_ms;
    bool lacks_min, is_empty, is_of_another, is_beyond;
};

static void on_topic_queue(void *ctx, const struct body_queue *queue)
{
    struct topic_reader *r = ctx;

    if (queue->topic.len != intern_len(&r->broker->cluster->topics, r->topic) ||
        memcmp(queue->topic.data, intern_text(&r->broker->cluster->topics, r->topic), queue->topic.len) != 0) {
        r->is_of_another = true;
        return;
    }
    if (queue->is_beyond) {
        r->is_beyond = true;
        return;
    }
    take_end(r->broker, &r->broker->topics[r->topic], queue);
    if (queue->last_stored_ms > r->last_stored_ms)
        r->last_stored_ms = queue->last_stored_ms;
    if (queue->min == UNKNOWN)
        r->lacks_min = true;
    if (queue->max > queue->min)
        r->is_empty = false;
}

int learn_topic(struct broker *b, uint32_t topic, struct view body, struct moment at, struct err *err)
{
    struct topic_part *t = &b->topics[topic];
    struct topic_reader r = { .broker = b, .topic = topic, .last_stored_ms = 0, .is_empty = true };

    learn_begin_ends(t);
    int result = body_topic_stats(body, on_topic_queue, &r, err);
    if (result == 0 && r.is_of_another)
        result = err_set(err, ERR_PROTO, "this answers another question: it is about another topic");
    if (result == 0 && r.is_beyond)
        result = err_set(err, ERR_LIMIT, "a queue of it ends beyond %s", LIMIT_NAME(BODY_OFFSET_MAX));
    if (r.is_beyond)
        t->fresh = 0;
    else if (result == 0 && t->fresh > 0)
        t->fresh = t->queues; /* 202 has every queue that can be written to: the end of any other stands still */
    learn_end_ends(b, t, at);
    if ((t->flags & PART_MISSED) != 0)
        return result;
    t->refused_at_s = 0;
    t->last_stored_ms = r.last_stored_ms > 0 ? r.last_stored_ms : UNKNOWN;
    if (r.last_stored_ms > 0 ? clock_wall_ms() - r.last_stored_ms > CLOCKS_DIFFER_MS : r.is_empty)
        motion_has_stood(&t->motion, at.now_ns, MOTION_STOOD_S);
    if (!r.lacks_min)
        t->min_epoch = b->min_epoch;
    return result;
}
