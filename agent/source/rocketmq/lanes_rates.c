/*
 * lanes_rates.c - the lane of rates: request 315 for what offsets cannot tell. See lanes.h; runs after the slow lanes.
 *
 *   TOPIC_PUT_SIZE    bytes stored: a topic whose ends moved in the last minute
 *   GROUP_GET_SIZE    bytes delivered: a topic@group whose committed offsets moved in the last minute, or that is online (as far
 *                     as we know) and whose topic moved
 *   SNDBCK_PUT_NUMS   messages sent back: where that may have happened (rates.c)
 *   TOPIC_PUT_NUMS, GROUP_GET_NUMS   messages, as long as our own offsets do not reach back half a minute; where they say
 *                     "none", bytes need not be asked for
 *   BROKER_PUT_NUMS, BROKER_GET_NUMS   messages of all topics: a master that moved in the last minute
 *
 * What may have moved, because we have not watched it for a minute, is asked for, too. Each key is asked for at most once in half
 * a minute; what stands costs nothing. A counter that the broker does not have counted nothing: code 1, "not exist", is a 0.
 *
 * Every broker goes its own way through the table, several requests in flight; a failure on the line ends its way.
 */
#include "agent/source/rocketmq/lanes.h"

#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/rates.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD 16      /* requests put in line for a broker at a time */
#define COUNTED_LATE_S (MOTION_IDLE_S - WINDOW_SPAN_S + 1) /* what brokers count shows up to ten seconds late */
#define ID_BITS 21    /* of a request's arg; above stands the place in the table */
_Static_assert(CLUSTER_PAIRS_MAX < 1u << ID_BITS && CLUSTER_TOPICS_MAX < 1u << ID_BITS, "numbers of topics and pairs fit");

enum subject { OF_TOPIC, OF_PAIR, OF_BROKER };

static const struct stat {
    const char *name;
    enum subject subject;
    bool is_messages; /* of topics and pairs: only while offsets do not tell */
    bool is_sum;      /* the number in the minute, not that a second */
    size_t told;      /* where the answer goes: in the flow, or in the broker */
} stats[] = {
    { "TOPIC_PUT_NUMS", OF_TOPIC, true, false, offsetof(struct flow, messages) },
    { "TOPIC_PUT_SIZE", OF_TOPIC, false, false, offsetof(struct flow, bytes) },
    { "GROUP_GET_NUMS", OF_PAIR, true, false, offsetof(struct flow, messages) },
    { "GROUP_GET_SIZE", OF_PAIR, false, false, offsetof(struct flow, bytes) },
    { "SNDBCK_PUT_NUMS", OF_PAIR, false, true, offsetof(struct flow, backs) },
    { "BROKER_PUT_NUMS", OF_BROKER, false, false, offsetof(struct broker, rates.put) },
    { "BROKER_GET_NUMS", OF_BROKER, false, false, offsetof(struct broker, rates.get) },
};
#define STATS (sizeof(stats) / sizeof(stats[0]))

/* A broker's way through the table. */
struct way {
    struct broker *broker;
    unsigned stat;
    uint32_t id; /* the next topic or pair; a broker is 1 */
    unsigned waiting;
};

static void feed(struct way *w);

static struct motion *motion_of(struct broker *b, const struct stat *s, uint32_t id)
{
    return s->subject == OF_TOPIC ? &b->topics[id].motion : s->subject == OF_PAIR ? &b->pairs[id].motion : &b->rates.motion;
}

/* Good until the next call. */
static struct told *told_of(struct broker *b, const struct stat *s, uint32_t id)
{
    char *base = (char *)b;

    if (s->subject != OF_BROKER)
        base = (char *)motion_flow(&b->flows, motion_of(b, s, id), b->now.look->started_at_ns);
    return (struct told *)(void *)(base + s->told);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static bool does_not_exist(const struct rpc_answer *answer)
{
    static const char words[] = "not exist";

    return answer->err == NULL && answer->frame->code == RMQ_RESPONSE_SYSTEM_ERROR && answer->frame->remark.len > 0 &&
           memmem(answer->frame->remark.data, answer->frame->remark.len, words, sizeof(words) - 1) != NULL;
}

/* The number that was asked for; NAN: not told. */
static double read_answer(struct broker *b, const struct rpc_answer *answer, const struct stat *s)
{
    struct body_broker_stats found;
    struct err err;

    if (does_not_exist(answer)) {
        b->leader->is_up = true;
        return 0;
    }
    if (!lanes_is_good(b, answer, 0))
        return (double)NAN;
    if (body_broker_stats(answer->frame->body, &found, &err) < 0) {
        lanes_unreadable(b, answer, &err);
        return (double)NAN;
    }
    return !s->is_sum ? found.tps : found.sum == BODY_NONE ? (double)NAN : (double)found.sum;
}

/* No messages, no bytes. And from now on we see ourselves whether it moves: in a minute it needs no asking. */
static void take_silence(struct broker *b, struct motion *m, int64_t now_ns)
{
    told_set(&motion_flow(&b->flows, m, now_ns)->bytes, 0, now_ns);
    motion_has_stood(m, now_ns, COUNTED_LATE_S);
}

static void on_stats(const struct rpc_answer *answer)
{
    struct way *w = answer->ctx;
    struct broker *b = w->broker;
    const struct stat *s = &stats[answer->arg >> ID_BITS];
    uint32_t id = (uint32_t)(answer->arg & ((1u << ID_BITS) - 1));
    int64_t now_ns = b->now.look->started_at_ns;
    double value = read_answer(b, answer, s);

    told_set(told_of(b, s, id), value, now_ns);
    if (answer->err != NULL)
        told_of(b, s, id)->at_s = 0; /* asked again in the next look */
    else if (s->is_messages && value <= 0)
        take_silence(b, motion_of(b, s, id), now_ns);
    w->waiting--;
    if (answer->err != NULL)
        b->now.is_given_up = true; /* as in the fast lane: nothing more is sent from the callback */
    else
        feed(w);
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

static bool shows_pair(const struct broker *b, uint32_t pair)
{
    const struct pair_info *info = &b->cluster->pair_infos[pair];

    return rates_knows_pair(b, pair) && !info->is_broadcast && rates_has_bytes(b, info->topic) && broker_has_topic(b, info->topic) &&
           broker_has_group(b, info->group) && lanes_shows_group(b->now.look, b->cluster, info->group) &&
           b->cluster->group_infos[info->group].model != MODEL_BROADCASTING;
}

static bool may_have_moved(struct broker *b, const struct stat *s, uint32_t id)
{
    const struct motion *m = motion_of(b, s, id);
    int64_t now_ns = b->now.look->started_at_ns;

    return !motion_is_idle(m, now_ns) && (!s->is_messages || isnan(motion_rate(&b->flows, m, now_ns)));
}

static bool is_wanted(struct broker *b, const struct stat *s, uint32_t id)
{
    if (s->subject == OF_BROKER)
        return b->leader->id == 0 && b->cluster->name[0] != '\0' && may_have_moved(b, s, id);
    if (s->subject == OF_TOPIC) /* a slave stores nothing of its own */
        return b->leader->id == 0 && rates_has_bytes(b, id) && rates_knows_topic(b, id) && may_have_moved(b, s, id);
    if (!shows_pair(b, id))
        return false;
    return s->is_sum ? rates_may_have_sent_back(b, id) : s->is_messages ? may_have_moved(b, s, id) : rates_may_have_got(b, id);
}

static uint32_t id_end(const struct broker *b, const struct stat *s)
{
    const struct cluster *c = b->cluster;

    if (s->subject == OF_BROKER)
        return 2;
    if (!b->now.look->options->byte_rates)
        return 0;
    if (s->subject == OF_TOPIC)
        return b->topic_room < c->topics.count ? b->topic_room : c->topics.count;
    return b->pair_room < c->pairs.count ? b->pair_room : c->pairs.count;
}

static const char *key_of(const struct broker *b, const struct stat *s, uint32_t id)
{
    return s->subject == OF_BROKER  ? b->cluster->name
           : s->subject == OF_TOPIC ? intern_text(&b->cluster->topics, id)
                                    : intern_text(&b->cluster->pairs, id);
}

static void ask(struct way *w, const struct stat *s, uint32_t id)
{
    struct broker *b = w->broker;
    const struct wire_field fields[] = { { "statsName", s->name }, { "statsKey", key_of(b, s, id) } };
    const struct rpc_call call = { .code = RMQ_VIEW_BROKER_STATS_DATA, .fields = fields, .field_count = 2,
                                   .timeout_ms = b->now.look->options->request_timeout_ms, .done = on_stats, .ctx = w,
                                   .arg = (uintptr_t)(s - stats) << ID_BITS | id };

    w->waiting++;
    rpc_submit(b->leader->peer.target, &call);
}

/* Puts the next question in line; false: there is none left, or it must wait for answers. */
static bool feed_one(struct way *w)
{
    struct broker *b = w->broker;

    for (; w->stat < STATS; w->stat++, w->id = 1) {
        const struct stat *s = &stats[w->stat];
        bool builds_on_last = w->stat > 0 && stats[w->stat - 1].is_messages && !s->is_messages;
        if (builds_on_last && w->id == 1 && w->waiting > 0)
            return false;
        while (w->id < id_end(b, s)) {
            uint32_t id = w->id++;
            if (!is_wanted(b, s, id) || !told_is_due(told_of(b, s, id), b->now.look->started_at_ns))
                continue;
            ask(w, s, id);
            return true;
        }
    }
    return false;
}

static void feed(struct way *w)
{
    while (w->waiting < AHEAD && !lanes_is_forbidden(w->broker, RMQ_VIEW_BROKER_STATS_DATA, 0) && feed_one(w))
        ;
}

static void begin(struct way *w, struct broker *b)
{
    *w = (struct way){ .broker = b, .id = 1 };
    if (!b->leader->is_up)
        return;
    rates_begin(b);
    if (!lanes_may_ask_aside(b))
        return;
    lanes_set_pace(b);
    feed(w);
}

void lanes_rates(struct look *look)
{
    struct way *ways = xcalloc(look->topology->broker_count + 1, sizeof(*ways));
    unsigned count = 0;

    for (struct broker *b = NULL; !look->is_over && (b = topology_next(look->topology, b)) != NULL;)
        begin(&ways[count++], b);
    if (!look->is_over && rpc_run(look->rpc, look->deadline_ns, look->cancel_fd, &look->over) < 0)
        look->is_over = true;
    free(ways);
}
