/*
 * lanes_timelag.c - the lane of the time lag: samples where queues end, and asks how old the first waiting messages are where the
 * samples cannot tell. Runs last, when 43 and the ends of the look are known. timelag.h has what is known of an age.
 *
 * Sampled are the topics of which messages wait for some group, each time their ends were read or confirmed to be still;
 * the read before that began it all is the first sample. When nothing waits any more the history goes.
 *
 *   303   one topic@group at one broker, at most lag_requests a look (a single look asks for all): where the age of the pair is
 *         bracketed by more than GOOD_INTERVALS and by more than a GOOD_PART of itself. First those without an upper bound that
 *         waited longest, then the widest bracket times the time since it was asked for. One whose answer told
 *         nothing is left alone for slow_interval.
 *
 * What 303 tells is about the offset that the broker holds when it answers, and we know that of 43, some milliseconds to seconds older.
 * For this look the answer is right in any case: it is the age of what waits now. If the next 43 finds the same offset, the
 * group has not moved in between and the store time is exact from then on. If it finds a greater one, the message told about was
 * not behind it, so its store time is a bound: the first one that waits now is not older (struct told_age, is_passed).
 *
 * Where lag counts from the start (a retry topic nobody polled yet, or the committed offset expired) the broker finds
 * no message at the committed offset and delayTime is its clock plus one (body_time_span.c); that less minTimeStamp of the same
 * answer is the age, by the broker's clock alone. Request 32 would tell the same minTimeStamp without a clock beside it.
 * Offsets of broadcast groups are under a name that 303 does not know: their ages come from the samples only.
 */
#include "agent/source/rocketmq/lanes.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/source/rocketmq/lag.h"
#include "agent/source/rocketmq/picks.h"
#include "agent/source/rocketmq/timelag.h"

#define GOOD_INTERVALS 2
#define GOOD_PART 10
#define AHEAD_PER_BROKER 8          /* requests put in line at a time */
#define WIDTH_MAX_S 100000000LL     /* three years */
#define UNBOUNDED_S 1000000000LL    /* ten times that */
#define WAITED_MAX_S 1000000LL      /* products stay below 2^53 */

/* A topic@group on a broker; offsets is NULL where it has none and everything counts from the start. */
struct part {
    struct broker *broker;
    struct topic_part *topic;
    const struct pair_part *offsets;
    uint32_t pair;
};

struct timelag_run {
    struct look *look;
    int64_t now_ns;
    struct picks picks;
    unsigned next_pick, waiting, ahead;
    unsigned candidates; /* parts in which messages wait */
};

/* ---- what waits -------------------------------------------------------------------------------------------------- */

/* Offset of the first waiting message; UNKNOWN: none waits, or nobody knows. */
static int64_t first_waiting(const struct part *part, uint32_t queue)
{
    const struct broker *b = part->broker;
    const struct queue_end *end = &b->ends[part->topic->first + queue];
    const struct pair_part *p = part->offsets;
    int64_t com = p != NULL && queue < p->queues ? b->committed[p->first + queue] : UNKNOWN;
    struct queue_lag lag = lag_of_queue(end->min, end->max, com);

    return lag.lag != NO_INT && lag.lag > 0 ? timelag_first(end->min, com) : UNKNOWN;
}

static bool any_waits(const struct part *part)
{
    for (uint32_t q = 0; q < part->topic->queues; q++)
        if (first_waiting(part, q) != UNKNOWN)
            return true;
    return false;
}

static bool is_shown(const struct timelag_run *run, const struct broker *b, uint32_t topic, uint32_t group)
{
    return broker_has_topic(b, topic) && !b->cluster->topic_infos[topic].is_skipped && broker_has_group(b, group) &&
           lanes_shows_group(run->look, b->cluster, group) && b->topics[topic].queues > 0;
}

static void each_committed_part(struct timelag_run *run, struct broker *b, void (*visit)(struct timelag_run *, const struct part *))
{
    const struct cluster *c = b->cluster;

    for (uint32_t id = 1; id < b->pair_room && id < c->pairs.count; id++) {
        const struct pair_info *info = &c->pair_infos[id];
        if (b->pairs[id].seen != run->look->number || !is_shown(run, b, info->topic, info->group))
            continue;
        const struct part part = { b, &b->topics[info->topic], &b->pairs[id], id };
        if (broker_ends_are_fresh(b, part.topic) && any_waits(&part))
            visit(run, &part);
    }
}

/* The number of topic@group, which is made if need be: no 43 named it. */
static uint32_t pair_of(struct cluster *c, uint32_t topic, uint32_t group)
{
    struct view t = intern_view(&c->topics, topic), g = intern_view(&c->groups, group);
    struct buf key;

    buf_init(&key, 0);
    buf_put(&key, t.data, t.len);
    buf_putc(&key, '@');
    buf_put(&key, g.data, g.len);
    uint32_t pair = cluster_pair(c, (struct view){ key.data, key.len });
    buf_fini(&key);
    return pair;
}

static void visit_uncommitted(struct timelag_run *run, struct broker *b, uint32_t topic, uint32_t owner,
                              void (*visit)(struct timelag_run *, const struct part *))
{
    struct part part = { .broker = b, .topic = &b->topics[topic] };

    if (!any_waits(&part))
        return;
    part.pair = pair_of(b->cluster, topic, owner);
    const struct pair_part *p = part.pair == 0 ? NULL : broker_pair(b, part.pair);
    if (p != NULL && p->seen == 0)
        visit(run, &part);
}

/* Retry topics of which the broker holds no offset. */
static void each_uncommitted_part(struct timelag_run *run, struct broker *b, void (*visit)(struct timelag_run *, const struct part *))
{
    struct cluster *c = b->cluster;

    if (b->offsets_number != run->look->number || broker_is_offsets_blind(b))
        return;
    for (uint32_t id = 1; id < b->topic_room && id < c->topics.count; id++) {
        if (c->topic_infos[id].kind != TOPIC_RETRY || b->topics[id].ends_number == 0)
            continue;
        uint32_t owner = cluster_find_owner(c, id);
        if (owner != 0 && is_shown(run, b, id, owner))
            visit_uncommitted(run, b, id, owner, visit);
    }
}

static void each_part(struct timelag_run *run, void (*visit)(struct timelag_run *, const struct part *))
{
    for (struct broker *b = NULL; (b = topology_next(run->look->topology, b)) != NULL;)
        if (b->leader->is_up) {
            each_committed_part(run, b, visit);
            each_uncommitted_part(run, b, visit);
        }
}

/* ---- samples ----------------------------------------------------------------------------------------------------- */

/* An end that fell: the topic was made again, and what was told is of messages that are no more. */
static bool has_fallen(const struct part *part, uint32_t queue)
{
    const struct queue_end *end = &part->broker->ends[part->topic->first + queue];

    return end->max < end->before;
}

static void note_part(struct timelag_run *run, const struct part *part)
{
    struct pair_ages *ages = broker_find_pair(part->broker, part->pair)->ages;

    run->candidates++;
    part->topic->waits = run->look->number;
    if (ages == NULL)
        return;
    ages->waits = run->look->number;
    for (uint32_t q = 0; q < part->topic->queues && q < ages->queues; q++)
        timelag_follow(&ages->told[q], has_fallen(part, q) ? UNKNOWN : first_waiting(part, q));
}

/* When the ends were last known to be right, if that was in this look; else 0. */
static int64_t read_at(const struct broker *b, const struct topic_part *t)
{
    if (t->ends_number == b->now.look->number)
        return t->ends_at_ns;
    return b->now.is_still && broker_ends_are_fresh(b, t) ? b->still_at_ns : 0;
}

static void keep_for_next_look(struct broker *b, struct topic_part *t, int64_t at_ns)
{
    t->before_at_ns = at_ns;
    if (t->ends_number == b->now.look->number)
        for (uint32_t q = 0; q < t->queues; q++)
            b->ends[t->first + q].before = b->ends[t->first + q].max;
}

static void sample_topic(struct broker *b, struct topic_part *t)
{
    int64_t at_ns = read_at(b, t);

    if (at_ns == 0)
        return; /* not asked, or not answered: what we have stays */
    if (b->led_since == b->now.look->number) {
        timelag_drop_history(b, t); /* another process told it */
        t->before_at_ns = 0;
    }
    if (t->waits == b->now.look->number)
        timelag_sample(b, t, at_ns);
    else
        timelag_drop_history(b, t);
    keep_for_next_look(b, t, at_ns);
}

static void sample_broker(struct broker *b)
{
    if (!b->leader->is_up)
        return;
    for (uint32_t id = 1; id < b->topic_room; id++)
        if (b->topics[id].ends_number != 0)
            sample_topic(b, &b->topics[id]);
    if (b->offsets_number != b->now.look->number)
        return;
    for (uint32_t id = 1; id < b->pair_room; id++)
        if (b->pairs[id].ages != NULL && b->pairs[id].ages->waits != b->now.look->number)
            timelag_drop_ages(b, &b->pairs[id]);
}

static void each_broker(struct look *look, void (*visit)(struct broker *b))
{
    for (struct broker *b = NULL; (b = topology_next(look->topology, b)) != NULL;)
        visit(b);
}

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

static struct age age_of(const struct timelag_run *run, const struct part *part)
{
    struct age sum = age_idle;

    for (uint32_t q = 0; q < part->topic->queues; q++) {
        int64_t first = first_waiting(part, q);
        if (first != UNKNOWN)
            sum = age_join(sum, timelag_of_queue(part->broker, part->topic, part->pair, q, first, run->now_ns,
                                                 run->look->options->interval_ms));
    }
    return sum;
}

/* How much is not known of an age, in seconds from 1 on; 0: too little to ask. */
static int64_t uncertainty_s(const struct timelag_run *run, struct age age)
{
    if (age.high_ns == NO_INT)
        return UNBOUNDED_S;
    int64_t width_ns = age.high_ns - age.low_ns; /* joined with idle: low is known */
    bool is_single = run->look->options->interval_ms == 0;
    int64_t good_ns = is_single ? 0 : GOOD_INTERVALS * run->look->options->interval_ms * NS_PER_MS;
    if (width_ns <= good_ns || (!is_single && age.age_ns != NO_INT && width_ns <= age.age_ns / GOOD_PART))
        return 0;
    return width_ns / NS_PER_S + 1 < WIDTH_MAX_S ? width_ns / NS_PER_S + 1 : WIDTH_MAX_S;
}

static int64_t waited_s(const struct timelag_run *run, const struct pair_ages *ages)
{
    int64_t since_ns = ages != NULL && ages->asked_at_ns != 0 ? run->now_ns - ages->asked_at_ns : WAITED_MAX_S * NS_PER_S;

    if (ages != NULL && ages->is_mute && since_ns / NS_PER_MS < run->look->options->slow_interval_ms)
        return 0;
    return since_ns / NS_PER_S + 1 < WAITED_MAX_S ? since_ns / NS_PER_S + 1 : WAITED_MAX_S;
}

static void offer_part(struct timelag_run *run, const struct part *part)
{
    struct cluster *c = part->broker->cluster;
    const struct pair_info *info = &c->pair_infos[part->pair];
    const struct pair_ages *ages = broker_find_pair(part->broker, part->pair)->ages;

    if (info->is_broadcast || c->group_infos[info->group].model == MODEL_BROADCASTING || !lanes_may_ask_aside(part->broker))
        return;
    int64_t urgency = uncertainty_s(run, age_of(run, part)) * waited_s(run, ages);
    picks_offer(&run->picks, (struct pick){ urgency, PICK_PAIR, c, part->broker, part->pair, 0 });
}

/* ---- 303 --------------------------------------------------------------------------------------------------------- */

struct span_reader {
    struct part part;
    struct pair_ages *ages;
    int64_t now_ns;
};

static void on_span(void *ctx, const struct body_span *span)
{
    struct span_reader *r = ctx;
    const struct broker *b = r->part.broker;
    const struct pair_part *p = r->part.offsets;

    if (span->queue >= r->part.topic->queues || span->queue >= r->ages->queues)
        return;
    int64_t first = first_waiting(&r->part, span->queue);
    int64_t com = p != NULL && span->queue < p->queues ? b->committed[p->first + span->queue] : UNKNOWN;
    int64_t age_ms = timelag_told_ms(span, b->ends[r->part.topic->first + span->queue].min, com);
    if (first != UNKNOWN && age_ms != NO_INT)
        r->ages->told[span->queue] = (struct told_age){ .offset = first, .stored_ns = r->now_ns - age_ms * NS_PER_MS };
}

static bool all_are_told(const struct span_reader *r)
{
    for (uint32_t q = 0; q < r->part.topic->queues; q++)
        if (first_waiting(&r->part, q) != UNKNOWN && (r->ages->told[q].offset == UNKNOWN || r->ages->told[q].is_passed))
            return false;
    return true;
}

static void feed(struct timelag_run *run);

static void on_spans(const struct rpc_answer *answer)
{
    struct broker *b = answer->ctx;
    struct timelag_run *run = b->now.look->timelag;
    uint32_t pair = (uint32_t)answer->arg;
    struct pair_part *p = &b->pairs[pair];
    struct part part = { b, &b->topics[b->cluster->pair_infos[pair].topic], p->seen != 0 ? p : NULL, pair };
    struct span_reader r = { part, p->ages, clock_now_ns() };
    struct err err;

    run->waiting--;
    if (answer->err == NULL && answer->frame->code == RMQ_RESPONSE_TOPIC_NOT_EXIST)
        b->names_changed = true; /* deleted since the inventory */
    else if (lanes_is_good(b, answer, pair) && body_time_span(answer->frame->body, on_span, &r, &err) < 0)
        lanes_unreadable(b, answer, &err);
    p->ages->is_mute = answer->err == NULL && !all_are_told(&r);
    if (answer->err != NULL)
        b->now.is_given_up = true; /* nothing more may be sent from the callback */
    else
        feed(run);
}

static void ask(struct timelag_run *run, struct broker *b, uint32_t pair)
{
    const struct cluster *c = b->cluster;
    const struct pair_info *info = &c->pair_infos[pair];
    const struct wire_field fields[] = { { "topic", intern_text(&c->topics, info->topic) },
                                         { "group", intern_text(&c->groups, info->group) } };

    if (!timelag_expect(b, pair, b->topics[info->topic].queues))
        return;
    b->pairs[pair].ages->asked_at_ns = run->now_ns;
    run->waiting++;
    lanes_submit(b, RMQ_QUERY_CONSUME_TIME_SPAN, fields, 2, on_spans, pair, run->look->options->request_timeout_ms);
}

static void feed(struct timelag_run *run)
{
    while (run->waiting < run->ahead && run->next_pick < run->picks.count) {
        const struct pick *pick = &run->picks.heap[run->next_pick++];
        if (lanes_may_ask_aside(pick->broker))
            ask(run, pick->broker, pick->id);
    }
}

static void make_ready(struct broker *b)
{
    b->now.look->timelag->ahead += AHEAD_PER_BROKER;
    b->now.step = STEP_DONE;
    if (lanes_may_ask_aside(b))
        lanes_set_pace(b);
}

static void ask_all(struct timelag_run *run)
{
    struct look *look = run->look;

    picks_init(&run->picks, look->lag_left < run->candidates ? look->lag_left : run->candidates);
    each_part(run, offer_part);
    picks_sort(&run->picks);
    each_broker(look, make_ready);
    do {
        feed(run);
        if (run->waiting == 0)
            break;
        if (rpc_run(look->rpc, look->deadline_ns, look->cancel_fd, &look->over) < 0)
            look->is_over = true;
    } while (!look->is_over);
    picks_fini(&run->picks);
}

void lanes_timelag(struct look *look)
{
    struct timelag_run run = { .look = look, .now_ns = clock_now_ns() };

    look->timelag = &run;
    each_part(&run, note_part);
    each_broker(look, sample_broker);
    if (run.candidates > 0 && look->lag_left > 0 && !look->is_over)
        ask_all(&run);
    look->timelag = NULL;
}
