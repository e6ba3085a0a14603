/*
 * lanes_ends.c - the steps ENDS and SINGLES of the fast lane: where the queues end, asked by lists or topic by topic. The rules
 * stand at the head of lanes.c.
 */
#include "agent/source/rocketmq/lanes.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/lanes_parts.h"
#include "agent/source/rocketmq/running.h"

#include <stdlib.h>

#define LIST_TOPICS 256             /* topics in one 208 */
#define LIST_BYTES ((size_t)24 * 1024) /* of their names: the header of a request has its limits */

/* ---- 202 --------------------------------------------------------------------------------------------------------- */

void lanes_take_topic(struct broker *b, const struct rpc_answer *answer)
{
    uint32_t topic = (uint32_t)answer->arg;
    struct topic_part *t = &b->topics[topic];
    bool was_missed = (t->flags & PART_MISSED) != 0, is_unreadable = false;
    struct moment at = lanes_moment_of(b);
    struct err err;

    if (answer->err == NULL && answer->frame->code == RMQ_RESPONSE_TOPIC_NOT_EXIST) {
        b->leader->is_up = true;
        t->flags |= PART_GONE;
        b->names_changed = true;
    } else if (lanes_is_good(b, answer, topic)) {
        is_unreadable = learn_topic(b, topic, answer->frame->body, at, &err) < 0;
        if (is_unreadable)
            lanes_unreadable(b, answer, &err);
        if (was_missed && (t->flags & PART_MISSED) == 0)
            t->flags |= PART_ALONE;
    }
    if (t->ends_number == at.look)
        return;
    /* A broker that is busy or silent may answer next time, and so may one whose answer was spoilt; one that refuses will do so again. */
    bool may_change = answer->err != NULL || is_unreadable || answer->frame->code == RMQ_RESPONSE_SYSTEM_BUSY;
    b->now.ends_failed |= may_change;
    if (!may_change)
        t->refused_at_s = (uint32_t)(at.now_ns / NS_PER_S);
}

static void on_topic_stats(const struct rpc_answer *answer)
{
    lanes_take_topic(answer->ctx, answer);
    lanes_finish(answer->ctx, answer);
}

static void ask_topic(struct broker *b, uint32_t topic)
{
    const struct wire_field field = { "topic", intern_text(&b->cluster->topics, topic) };

    lanes_ask(b, RMQ_GET_TOPIC_STATS_INFO, &field, 1, on_topic_stats, topic, false);
}

/* ---- ENDS, SINGLES: which topics --------------------------------------------------------------------------------- */

static bool can_list(const struct broker *b)
{
    return rpc_target_version(b->leader->peer.target) >= WIRE_V5_3_2 && !lanes_is_forbidden(b, RMQ_GET_CONSUME_STATS, 0);
}

static bool is_askable(const struct broker *b, uint32_t topic)
{
    return topic < b->topic_room && topic < b->cluster->topics.count && broker_has_topic(b, topic) &&
           !b->cluster->topic_infos[topic].is_skipped;
}

static bool was_refused(const struct broker *b, uint32_t topic)
{
    int64_t now_s = b->now.look->started_at_ns / NS_PER_S;
    const struct topic_part *t = &b->topics[topic];

    if (lanes_is_forbidden(b, RMQ_GET_TOPIC_STATS_INFO, topic))
        return true;
    return t->refused_at_s != 0 && (now_s - t->refused_at_s) * 1000 < b->now.look->options->slow_interval_ms;
}

static bool fits_list(const struct broker *b, uint32_t topic)
{
    return is_askable(b, topic) && !b->cluster->topic_infos[topic].is_unlistable && b->topics[topic].min_epoch != 0 &&
           (b->topics[topic].flags & PART_ALONE) == 0;
}

/*
 * Retries and dead letters are written while their group consumes, or some time after. So where nobody has an offset of such a
 * topic it is looked at as long as the group was seen to move within slow_interval.
 */
static bool is_lively(const struct broker *b, uint32_t topic)
{
    const struct look *look = b->now.look;
    struct cluster *c = b->cluster;
    struct topic_info *info = &c->topic_infos[topic];

    if (info->kind != TOPIC_DLQ && info->kind != TOPIC_RETRY)
        return false;
    if (info->owner == 0) {
        struct view group = name_without_prefix(intern_view(&c->topics, topic));
        info->owner = intern_find(&c->groups, group.data, group.len);
    }
    uint32_t moved = info->owner == 0 ? 0 : c->group_infos[info->owner].moved;
    return moved != 0 && (look->number - moved <= 1 ||
                          (int64_t)(look->number - moved) * look->options->interval_ms <= look->options->slow_interval_ms);
}

bool lanes_may_ask_end(const struct broker *b, uint32_t topic)
{
    return is_askable(b, topic) && !was_refused(b, topic);
}

void lanes_confirm_end(struct broker *b, struct topic_part *t, int64_t at_ns)
{
    if (t->ends_number == b->now.look->number)
        return;
    t->ends_number = b->now.look->number;
    t->ends_at_ns = at_ns;
    t->in_rate = 0;
}

/*
 * Before 5.0 every message comes into a retry topic through a delay level. So while none has delivered, an end of a retry topic
 * that was right in the last look is right now, and half of all topics need not be asked. (POP, since 5.0, has other ways.) Somebody may
 * still send to such a topic by hand: each is read again after slow_interval.
 */
bool lanes_is_known_unasked(struct broker *b, uint32_t topic)
{
    struct topic_part *t = &b->topics[topic];

    if (!b->now.nothing_returned || b->cluster->topic_infos[topic].kind != TOPIC_RETRY || (t->flags & PART_NEW) != 0 ||
        t->ends_number == 0 || t->ends_number < b->now.ends_since)
        return false;
    int64_t age_s = b->now.look->started_at_ns / NS_PER_S - t->read_at_s;
    if (age_s * 1000 >= b->now.look->options->slow_interval_ms)
        return false;
    lanes_confirm_end(b, t, b->leader->facts_at_ns);
    return true;
}

static bool wants_end(struct broker *b, uint32_t topic)
{
    const struct look *look = b->now.look;

    if (!lanes_may_ask_end(b, topic))
        return false;
    const struct topic_part *t = &b->topics[topic];
    if (b->now.has_ledger)
        return lanes_is_likely(b, topic);
    int64_t stood_s = look->started_at_ns / NS_PER_S - t->motion.moved_at_s;
    bool has_moved = t->motion.moved_at_s != 0 && stood_s * 1000 <= look->options->slow_interval_ms;
    if (lanes_is_known_unasked(b, topic))
        return false;
    bool is_watched = b->cluster->topic_infos[topic].is_watched;
    return t->wanted == look->number || is_watched || (t->flags & PART_NEW) != 0 || has_moved || is_lively(b, topic);
}

/* Whether a topic is to be asked alone, after the lists. */
static bool wants_single(struct broker *b, uint32_t topic)
{
    if (!is_askable(b, topic) || was_refused(b, topic))
        return false;
    struct topic_part *t = &b->topics[topic];
    if (t->min_epoch == 0 || (t->flags & PART_MISSED) != 0)
        return true;
    if (can_list(b) && !b->now.is_still && !fits_list(b, topic))
        return wants_end(b, topic);
    if ((t->flags & PART_MIN_MATTERS) == 0 || t->min_epoch == b->min_epoch || b->now.starts_left == 0)
        return false;
    b->now.starts_left--;
    return true;
}

/* ---- ENDS -------------------------------------------------------------------------------------------------------- */

/* The topics of one 208: those of from..to that fit a list. */
struct list_ask {
    struct broker *broker;
    uint32_t from, to;
};

static void on_list(const struct rpc_answer *answer)
{
    struct list_ask *list = answer->ctx;
    struct broker *b = list->broker;
    struct moment at = lanes_moment_of(b);
    struct err err;

    bool is_good = lanes_is_good(b, answer, 0);
    bool may_change = answer->err != NULL || answer->frame->code == RMQ_RESPONSE_SYSTEM_BUSY;
    for (uint32_t id = list->from; id < list->to; id++)
        if (is_good && (b->topics[id].flags & PART_ASKED) != 0)
            learn_begin_ends(&b->topics[id]);
    if (is_good && learn_ends(b, answer->frame->body, &err) < 0)
        lanes_unreadable(b, answer, &err);
    for (uint32_t id = list->from; id < list->to; id++) {
        struct topic_part *t = &b->topics[id];
        if ((t->flags & PART_ASKED) == 0)
            continue;
        t->flags &= (uint16_t)~PART_ASKED;
        if (is_good)
            learn_end_ends(b, t, at);
        else if (!may_change)
            t->flags |= PART_MISSED; /* it may be the list, or the group's name, that is not allowed */
    }
    b->now.ends_failed |= may_change;
    free(list);
    lanes_finish(b, answer);
}

/* Fills `names` from the cursor on; false: no topic is left. */
static bool next_list(struct broker *b, struct buf *names)
{
    unsigned count = 0;
    uint32_t id = b->now.cursor;

    for (; id < b->topic_room && count < LIST_TOPICS && names->len < LIST_BYTES; id++) {
        if (!fits_list(b, id))
            continue;
        b->topics[id].flags |= PART_ASKED;
        if (count++ > 0)
            buf_putc(names, ';');
        buf_put(names, intern_text(&b->cluster->topics, id), intern_len(&b->cluster->topics, id));
    }
    b->now.cursor = id;
    buf_putc(names, '\0');
    return count > 0;
}

static bool feed_list(struct broker *b)
{
    struct buf names;

    buf_init(&names, 0);
    uint32_t from = b->now.cursor;
    bool is_there = next_list(b, &names);
    if (is_there) {
        const struct wire_field fields[] = { { "consumerGroup", PROBE_GROUP }, { "topicList", names.data } };
        struct list_ask *list = xmalloc(sizeof(*list));
        *list = (struct list_ask){ b, from, b->now.cursor };
        const struct rpc_call call = { .code = RMQ_GET_CONSUME_STATS, .fields = fields, .field_count = 2,
                                       .timeout_ms = b->now.look->options->request_timeout_ms, .done = on_list, .ctx = list };
        b->now.waiting++;
        rpc_submit(b->leader->peer.target, &call);
    }
    buf_fini(&names);
    return is_there;
}

bool lanes_feed_topic(struct broker *b, bool (*wants)(struct broker *b, uint32_t topic))
{
    while (b->now.cursor < b->topic_room) {
        uint32_t id = b->now.cursor++;
        if (id != 0 && wants(b, id)) {
            ask_topic(b, id);
            return true;
        }
    }
    return false;
}

/* Broadcast groups need have no offsets on the broker (4.x never keeps any): what their clients say counts. */
static void mark_wanted_by_clients(struct broker *b)
{
    const struct cluster *c = b->cluster;

    for (uint32_t id = 1; id < c->groups.count; id++) {
        const struct group_info *g = &c->group_infos[id];
        for (uint32_t i = 0; g->model == MODEL_BROADCASTING && i < g->client_count; i++) {
            const struct running *r = running_of(&g->clients[i], b->now.look->started_at_ns, 0);
            for (uint32_t q = 0; r != NULL && q < r->queue_count; q++) {
                struct topic_part *t = r->queues[q].broker == b->index ? broker_find_topic(b, r->queues[q].topic) : NULL;
                if (t != NULL)
                    t->wanted = b->now.look->number;
            }
        }
    }
}

/* Topics that somebody consumes, for brokers that are asked topic by topic. */
static void mark_wanted(struct broker *b)
{
    const struct cluster *c = b->cluster;

    for (uint32_t id = 1; id < b->pair_room && id < c->pairs.count; id++) {
        const struct pair_info *info = &c->pair_infos[id];
        if (b->pairs[id].seen == 0 || !broker_has_group(b, info->group) || !lanes_shows_group(b->now.look, c, info->group))
            continue;
        struct topic_part *t = broker_find_topic(b, info->topic);
        if (t != NULL)
            t->wanted = b->now.look->number;
    }
    mark_wanted_by_clients(b);
}

bool lanes_feed_ends(struct broker *b)
{
    if (!b->now.step_has_begun) {
        lanes_set_pace(b);
        mark_wanted(b);
        lanes_begin_ledger(b);
    }
    if (b->now.is_still)
        return false;
    return can_list(b) ? feed_list(b) : lanes_feed_topic(b, wants_end);
}

bool lanes_feed_singles(struct broker *b)
{
    return lanes_feed_topic(b, wants_single);
}

/* All ends are read: remember for which end of the log they hold. */
void lanes_end_singles(struct broker *b)
{
    if (b->now.log_stood && !b->now.ends_failed)
        b->settled_log = b->log_before;
}
