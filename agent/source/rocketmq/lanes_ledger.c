/*
 * lanes_ledger.c - the steps PROOF, REST and BALANCE of the fast lane: how a broker that must be asked topic by topic is asked for few.
 *
 * A broker counts the messages it stores (28, putMessageTimesTotal), one for each message of a batch since 4.9. Every message
 * makes the end of one queue rise by one. So once all ends are known at a moment of which the count is known, they balance:
 *
 *     count now - count then  ==  rises found since then        nothing has moved that was not read
 *
 * Then a look reads the topics that are likely to have moved, asks for the count, and if it balances all others stand where they
 * stood. That is a proof and no guess: a message stored while we were reading, a topic that we may not see, a count that means something
 * else, all make it fail, and then the rest is read as ever. Counts begin anew when a balance fails, at a look in which nothing was
 * stored between the first 28 and the last; while a broker never rests for the time of a look the ledger is not tried for some looks.
 *
 * Only where it pays (4.9 up to 5.0; later brokers are asked by lists, and 28 costs them more) and a master answers. Whatever
 * the ledger says each topic is read again after two to four slow_intervals.
 */
#include "agent/source/rocketmq/lanes_parts.h"

#include "agent/base/clock.h"
#include "agent/base/num.h"

#define PUTS_MIN 2          /* below, the count may be 1 for 0 */
#define FAILURES_MAX 3
#define REST_LOOKS 10
#define SPREAD 8
#define TOPICS_MIN 16       /* with fewer it saves nothing */
#define OTHERS_MAX 64       /* a broker has some fifteen topics of its own */

static bool is_fit(const struct broker *b)
{
    int version = rpc_target_version(b->leader->peer.target);

    return version >= WIRE_VERSION(4, 9, 0) && version < WIRE_V5_0_0 && b->leader->id == 0 && b->now.puts != NO_INT &&
           b->now.look->options->interval_ms > 0;
}

/* Where many topics are read seldom because nobody consumes them, reading them all for a balance would cost more than it saves. */
static bool is_worth_it(const struct broker *b)
{
    uint32_t wanted = 0, others = 0;

    for (uint32_t id = 1; id < b->topic_room && id < b->cluster->topics.count; id++) {
        if (!lanes_may_ask_end(b, id))
            continue;
        wanted += b->topics[id].wanted == b->now.look->number;
        others += b->topics[id].wanted != b->now.look->number;
    }
    return wanted >= TOPICS_MIN && others <= OTHERS_MAX + wanted / 8;
}

void lanes_begin_ledger(struct broker *b)
{
    struct ledger *l = &b->ledger;

    if (l->rest > 0)
        l->rest--;
    if (b->now.is_still || !is_fit(b) || l->rest > 0 || !is_worth_it(b)) {
        b->now.puts = NO_INT; /* no step of the ledger is taken */
        l->puts = b->now.is_still ? l->puts : NO_INT;
        return;
    }
    b->now.has_ledger = l->puts != NO_INT && !l->is_broken;
    if (!b->now.has_ledger)
        return;
    uint32_t since_s = (uint32_t)(b->now.look->started_at_ns / NS_PER_S) - 60;
    for (uint32_t id = 1; id < b->pair_room && id < b->cluster->pairs.count; id++) {
        const struct pair_part *p = &b->pairs[id];
        struct topic_part *t = broker_find_topic(b, b->cluster->pair_infos[id].topic);
        if (t != NULL && p->seen != 0 && p->motion.moved_at_s >= since_s)
            t->likely = b->now.look->number;
    }
}

/* It moved of late or somebody consumed of it; or it is new, or its turn has come. */
bool lanes_is_likely(struct broker *b, uint32_t topic)
{
    const struct topic_part *t = &b->topics[topic];
    int64_t slow_s = b->now.look->options->slow_interval_ms / 1000, now_s = b->now.look->started_at_ns / NS_PER_S;
    int64_t turn_s = slow_s * 2 + slow_s * 2 * (topic % SPREAD) / SPREAD;
    bool was_fresh = t->ends_number != 0 && t->ends_number >= b->now.ends_since;

    return !was_fresh || t->likely == b->now.look->number || (t->flags & PART_NEW) != 0 || now_s - t->read_at_s >= turn_s ||
           (t->motion.moved_at_s != 0 && now_s - t->motion.moved_at_s <= slow_s);
}

/* ---- the count --------------------------------------------------------------------------------------------------- */

struct count {
    int64_t puts, behind, booted_at;
};

static void on_entry(void *ctx, struct view key, struct view value)
{
    struct count *c = ctx;
    int64_t *number = view_is(key, "putMessageTimesTotal")  ? &c->puts
                      : view_is(key, "dispatchBehindBytes") ? &c->behind
                      : view_is(key, "bootTimestamp")       ? &c->booted_at
                                                            : NULL;

    if (number != NULL && num_to_i64(value.data, value.len, number) < 0)
        *number = NO_INT;
}

/* What is still on its way into the queues is counted, and shown by no end. */
static void on_count(const struct rpc_answer *answer)
{
    struct broker *b = answer->ctx;
    struct count c = { NO_INT, NO_INT, NO_INT };
    struct err err;

    b->now.counted = NO_INT;
    if (lanes_is_good(b, answer, 0) && body_runtime(answer->frame->body, on_entry, &c, &err) < 0)
        lanes_unreadable(b, answer, &err);
    else if (c.behind == 0 && c.puts >= PUTS_MIN && c.booted_at == b->booted_at)
        b->now.counted = c.puts;
    lanes_finish(b, answer);
}

static bool feed_count(struct broker *b)
{
    if (b->now.step_has_begun)
        return false;
    lanes_ask(b, RMQ_GET_BROKER_RUNTIME_INFO, NULL, 0, on_count, 0, false);
    return true;
}

static bool balances(const struct broker *b)
{
    const struct ledger *l = &b->ledger;

    return l->puts != NO_INT && b->now.counted != NO_INT && !l->is_broken && !b->now.ends_failed &&
           b->now.counted - l->puts == l->found;
}

static void begin_anew(struct ledger *l, int64_t puts)
{
    l->puts = puts;
    l->found = 0;
    l->is_broken = false;
    l->failures = 0;
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

bool lanes_feed_proof(struct broker *b)
{
    return b->now.has_ledger && feed_count(b);
}

void lanes_end_proof(struct broker *b)
{
    if (!b->now.has_ledger || !balances(b))
        return;
    b->now.is_proven = true;
    begin_anew(&b->ledger, b->now.counted);
    for (uint32_t id = 1; id < b->topic_room && id < b->cluster->topics.count; id++)
        if (broker_has_topic(b, id) && b->topics[id].ends_number >= b->now.ends_since && b->topics[id].ends_number != 0)
            lanes_confirm_end(b, &b->topics[id], clock_now_ns());
}

static bool wants_rest(struct broker *b, uint32_t topic)
{
    return lanes_may_ask_end(b, topic) && b->topics[topic].ends_number != b->now.look->number && !lanes_is_known_unasked(b, topic);
}

bool lanes_feed_rest(struct broker *b)
{
    return b->now.puts != NO_INT && !b->now.is_proven && lanes_feed_topic(b, wants_rest);
}

bool lanes_feed_balance(struct broker *b)
{
    return b->now.puts != NO_INT && !b->now.is_proven && feed_count(b);
}

void lanes_end_balance(struct broker *b)
{
    struct ledger *l = &b->ledger;

    if (b->now.puts == NO_INT || b->now.is_proven)
        return;
    bool has_rested = b->now.counted != NO_INT && b->now.counted == b->now.puts && !b->now.ends_failed;
    if (balances(b) || has_rested) {
        begin_anew(l, b->now.counted);
        return;
    }
    l->puts = NO_INT;
    if (++l->failures >= FAILURES_MAX) {
        l->failures = 0;
        l->rest = REST_LOOKS;
    }
}
