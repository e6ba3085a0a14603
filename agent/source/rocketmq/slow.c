/*
 * slow.c - the slow lanes: what changes rarely or cannot be had cheaply. See lanes.h; runs after the fast lane.
 *
 * At once, whatever it costs (the first look, a new group): 203 for groups never asked about, 328 for brokers never asked.
 *
 * Then at most `slow_requests` a look, the most urgent first:
 *
 *   328  all producers of a broker (4.9.4 and later), each clients_interval
 *   203  who is online in a group:
 *        - something says that the clients changed: one of them has left the broker (328 lists every Java client), or
 *          nobody was online and the group's offsets move
 *        - it has lag and its offsets do not move: has it died?  Each clients_interval
 *        - any group, the longer ago the sooner, from clients_interval on
 *   202  topics whose ends are not read in every look (on brokers before 5.3.2: nobody consumes them), or whose start may have
 *        moved (the log's has), from slow_interval on
 *
 * 21 and 201 are asked in the fast lane, because they must come before the ends, but they count here. While no broker
 * has written anything and no offset has moved, the slow lanes wait, and run once each slow_interval with what they
 * have saved: an idle broker costs its three requests nearly always. A broker in trouble, or just booted, rests (manners.h), and what
 * is due comes up to a tenth of its interval earlier, by chance.
 *
 * 203 goes to one broker: one where the group has offsets, else any that lists it. Where the answer is 206 (nobody here) the
 * next such broker is asked; a group is offline when all have said so.
 */
#include "agent/source/rocketmq/lanes.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/learn.h"
#include "agent/source/rocketmq/picks.h"

#include <stdlib.h>

#define AHEAD_PER_BROKER 8 /* requests put in line at a time */

/* ---- urgencies --------------------------------------------------------------------------------------------------- */

/* Classes of urgency; below them counts how many times over its interval a thing is, in thousandths. */
#define URGENCY_CLASS (1LL << 50)

/* Age in thousandths of the interval; 0: not due. */
static int64_t overdue(const struct look *look, int64_t asked_at_ns, int64_t interval_ms, uint32_t salt)
{
    int64_t age_ms = (look->started_at_ns - asked_at_ns) / NS_PER_MS;

    if (interval_ms <= 0)
        return age_ms > 0 ? URGENCY_CLASS - 1 : 0;
    if (age_ms < manners_spread(interval_ms, asked_at_ns, salt))
        return 0;
    return age_ms / interval_ms >= URGENCY_CLASS / 1000 ? URGENCY_CLASS - 1 : age_ms * 1000 / interval_ms;
}

static int64_t group_urgency(const struct look *look, const struct cluster *c, uint32_t group)
{
    const struct group_info *g = &c->group_infos[group];
    bool moves = g->moved == look->number;
    int64_t due = overdue(look, g->asked_at_ns, look->options->clients_interval_ms, group);

    if (g->is_suspect || (moves && g->is_known && g->client_count == 0))
        return 3 * URGENCY_CLASS + due;
    if (due > 0 && (!g->is_known || (g->is_behind && !moves)))
        return 2 * URGENCY_CLASS + due;
    return due;
}

/* A start that is out of date by one move of the log's start weighs as much as a group that waits for thirty intervals. */
#define URGENCY_STALE_START 30000

static int64_t topic_urgency(const struct look *look, const struct broker *b, const struct topic_part *t)
{
    if (!broker_ends_are_fresh(b, t) && !b->now.is_still)
        return overdue(look, t->ends_at_ns, look->options->slow_interval_ms, t->first);
    return (int64_t)(b->min_epoch - t->min_epoch) * URGENCY_STALE_START;
}

static bool may_ask_producers(const struct broker *b)
{
    return lanes_may_ask_aside(b) && rpc_target_version(b->leader->peer.target) >= WIRE_V4_9_4 &&
           !lanes_is_forbidden(b, RMQ_GET_ALL_PRODUCER_INFO, 0);
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

struct slow {
    struct look *look;
    struct picks picks;
    unsigned next_pick;
    unsigned cluster; /* groups never asked about: where the walk over them has got to */
    uint32_t group;
    unsigned waiting, ahead;
};

static void feed(struct slow *s);

/* As in the fast lane: after a failure on the line nothing more is sent from the callback. */
static void finish(struct slow *s, struct broker *b, const struct rpc_answer *answer)
{
    s->waiting--;
    if (answer->err != NULL)
        b->now.is_given_up = true;
    else
        feed(s);
}

static void submit(struct slow *s, struct broker *b, int code, const struct wire_field *field,
                   void (*done)(const struct rpc_answer *answer), uintptr_t arg)
{
    s->waiting++;
    lanes_submit(b, code, field, field != NULL ? 1 : 0, done, arg, s->look->options->request_timeout_ms);
}

/* ---- 203 --------------------------------------------------------------------------------------------------------- */

/* A question about a group that goes from broker to broker until one knows its clients. */
struct group_ask {
    struct cluster *cluster;
    uint32_t group;
    unsigned start, tried;  /* brokers are asked in order, from `start` round */
    bool only_with_offsets; /* some broker has offsets of it: no other need be asked */
    bool is_blind;          /* a broker that should have been asked could not tell */
};

static bool hosts_group(const struct broker *b, uint32_t group, bool only_with_offsets)
{
    return only_with_offsets ? broker_has_offsets_of(b, group) : broker_has_group(b, group);
}

static void on_clients(const struct rpc_answer *answer);

/* Sends the question to the next broker; false: there is none left. */
static bool ask_next(struct slow *s, struct group_ask *ask)
{
    struct cluster *c = ask->cluster;
    const struct wire_field field = { "consumerGroup", intern_text(&c->groups, ask->group) };

    while (ask->tried < c->broker_count) {
        struct broker *b = c->brokers[(ask->start + ask->tried++) % c->broker_count];
        if (!hosts_group(b, ask->group, ask->only_with_offsets))
            continue;
        if (lanes_may_ask_aside(b) && !lanes_is_forbidden(b, RMQ_GET_CONSUMER_CONNECTION_LIST, ask->group)) {
            submit(s, b, RMQ_GET_CONSUMER_CONNECTION_LIST, &field, on_clients, (uintptr_t)ask);
            return true;
        }
        ask->is_blind = true;
    }
    return false;
}

/* All were asked and none knows a client. */
static void end_without_clients(struct group_ask *ask, struct broker *last)
{
    if (last != NULL && !ask->is_blind)
        learn_nobody_online(last, ask->group);
    else
        ask->cluster->group_infos[ask->group].is_known = false;
    free(ask);
}

static void on_clients(const struct rpc_answer *answer)
{
    struct broker *b = answer->ctx;
    struct slow *s = b->now.look->slow;
    struct group_ask *ask = (struct group_ask *)answer->arg;
    struct err err;
    bool is_told = false;

    if (answer->err == NULL && answer->frame->code == RMQ_RESPONSE_CONSUMER_NOT_ONLINE) {
        b->leader->is_up = true;
    } else if (lanes_is_good(b, answer, ask->group)) {
        is_told = learn_clients(b, ask->group, answer->frame->body, &err) == 0;
        if (!is_told)
            lanes_unreadable(b, answer, &err);
        ask->is_blind |= !is_told;
    } else {
        ask->is_blind = true;
    }
    if (is_told)
        free(ask);
    else if (answer->err != NULL || !ask_next(s, ask))
        end_without_clients(ask, b);
    finish(s, b, answer);
}

static void ask_group(struct slow *s, struct cluster *c, uint32_t group)
{
    struct group_info *g = &c->group_infos[group];
    struct group_ask *ask = xcalloc(1, sizeof(*ask));

    ask->cluster = c;
    ask->group = group;
    ask->start = g->asked_broker != 0 ? g->asked_broker - 1u : group % c->broker_count;
    for (unsigned i = 0; i < c->broker_count && !ask->only_with_offsets; i++)
        ask->only_with_offsets = broker_has_offsets_of(c->brokers[i], group);
    g->asked_at_ns = s->look->started_at_ns;
    if (!ask_next(s, ask))
        end_without_clients(ask, NULL);
}

/* ---- 202, 328 ---------------------------------------------------------------------------------------------------- */

static void on_topic(const struct rpc_answer *answer)
{
    struct broker *b = answer->ctx;

    lanes_take_topic(b, answer);
    finish(b->now.look->slow, b, answer);
}

static void ask_topic(struct slow *s, struct broker *b, uint32_t topic)
{
    const struct wire_field field = { "topic", intern_text(&b->cluster->topics, topic) };

    submit(s, b, RMQ_GET_TOPIC_STATS_INFO, &field, on_topic, topic);
}

static void on_producers(const struct rpc_answer *answer)
{
    struct broker *b = answer->ctx;
    struct slow *s = b->now.look->slow;
    struct err err;

    if (lanes_is_good(b, answer, 0) &&
        learn_producers(b, answer->frame->body, s->look->options->include_system, &err) < 0)
        lanes_unreadable(b, answer, &err);
    finish(s, b, answer);
}

static void ask_producers(struct slow *s, struct broker *b)
{
    b->producers_at_ns = s->look->started_at_ns;
    submit(s, b, RMQ_GET_ALL_PRODUCER_INFO, NULL, on_producers, 0);
}

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

static bool is_asked_for(const struct look *look, const struct cluster *c, uint32_t group)
{
    if (!lanes_shows_group(look, c, group))
        return false;
    for (unsigned i = 0; i < c->broker_count; i++)
        if (broker_has_group(c->brokers[i], group) && !manners_rests(&c->brokers[i]->manners, look->started_at_ns) &&
            !lanes_is_forbidden(c->brokers[i], RMQ_GET_CONSUMER_CONNECTION_LIST, group))
            return true;
    return false;
}

static void offer_groups(struct picks *picks, const struct look *look, struct cluster *c)
{
    for (uint32_t id = 1; id < c->groups.count; id++) {
        const struct group_info *g = &c->group_infos[id];
        if (g->asked_at_ns != 0 && is_asked_for(look, c, id))
            picks_offer(picks, (struct pick){ group_urgency(look, c, id), PICK_GROUP, c, NULL, id, 0 });
    }
}

static void offer_topics(struct picks *picks, const struct look *look, struct broker *b)
{
    for (uint32_t id = 1; id < b->topic_room && id < b->cluster->topics.count; id++) {
        const struct topic_part *t = &b->topics[id];
        if (t->ends_number != 0 && broker_has_topic(b, id) && !b->cluster->topic_infos[id].is_skipped &&
            !lanes_is_forbidden(b, RMQ_GET_TOPIC_STATS_INFO, id))
            picks_offer(picks, (struct pick){ topic_urgency(look, b, t), PICK_TOPIC, b->cluster, b, id, 0 });
    }
}

static void offer_broker(struct picks *picks, const struct look *look, struct broker *b)
{
    if (!lanes_may_ask_aside(b))
        return;
    offer_topics(picks, look, b);
    if (may_ask_producers(b) && b->producers_at_ns != 0) {
        int64_t due = overdue(look, b->producers_at_ns, look->options->clients_interval_ms, b->index);
        picks_offer(picks, (struct pick){ due > 0 ? 4 * URGENCY_CLASS : 0, PICK_PRODUCERS, b->cluster, b, 0, 0 });
    }
}

static void choose(struct slow *s)
{
    struct look *look = s->look;
    uint64_t all = 0;

    for (unsigned i = 0; i < look->topology->cluster_count; i++) {
        const struct cluster *c = look->topology->clusters[i];
        all += c->groups.count + (uint64_t)(c->topics.count + 1) * c->broker_count;
    }
    picks_init(&s->picks, look->slow_left < all ? look->slow_left : (unsigned)all);
    for (unsigned i = 0; i < look->topology->cluster_count; i++)
        offer_groups(&s->picks, look, look->topology->clusters[i]);
    for (struct broker *b = NULL; (b = topology_next(look->topology, b)) != NULL;)
        offer_broker(&s->picks, look, b);
    picks_sort(&s->picks);
}

static bool feed_pick(struct slow *s)
{
    if (s->next_pick == s->picks.count)
        return false;
    const struct pick *p = &s->picks.heap[s->next_pick++];
    if (p->kind == PICK_GROUP)
        ask_group(s, p->cluster, p->id);
    else if (lanes_may_ask_aside(p->broker) && p->kind == PICK_TOPIC)
        ask_topic(s, p->broker, p->id);
    else if (lanes_may_ask_aside(p->broker))
        ask_producers(s, p->broker);
    return true;
}

static bool feed_new_group(struct slow *s)
{
    const struct topology *t = s->look->topology;

    for (; s->cluster < t->cluster_count; s->cluster++, s->group = 1) {
        struct cluster *c = t->clusters[s->cluster];
        while (s->group < c->groups.count) {
            uint32_t id = s->group++;
            if (c->group_infos[id].asked_at_ns != 0 || !is_asked_for(s->look, c, id))
                continue;
            ask_group(s, c, id);
            return true;
        }
    }
    return false;
}

static void feed(struct slow *s)
{
    while (s->waiting < s->ahead && (feed_pick(s) || feed_new_group(s)))
        ;
}

/* 328 for brokers that were never asked. */
static void ask_new_brokers(struct slow *s)
{
    for (struct broker *b = NULL; (b = topology_next(s->look->topology, b)) != NULL;) {
        s->ahead += AHEAD_PER_BROKER;
        b->now.step = STEP_DONE;
        if (lanes_may_ask_aside(b))
            lanes_set_pace(b);
        if (may_ask_producers(b) && b->producers_at_ns == 0)
            ask_producers(s, b);
    }
}

void lanes_slow(struct look *look)
{
    struct slow slow = { .look = look, .group = 1 };

    if (look->is_over)
        return;
    look->slow = &slow;
    ask_new_brokers(&slow);
    choose(&slow);
    do {
        feed(&slow);
        if (slow.waiting == 0)
            break;
        if (rpc_run(look->rpc, look->deadline_ns, look->cancel_fd, &look->over) < 0)
            look->is_over = true;
    } while (!look->is_over);
    picks_fini(&slow.picks);
    look->slow = NULL;
}
