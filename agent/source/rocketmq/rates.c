/*
 * rates.c - see rates.h.
 *
 * A message that is sent back goes into the delay topic, and from there into the group's retry topic; or, if it was tried often
 * enough, straight into its dead letter topic. So where neither of the two has grown in the last minute nothing was sent back,
 * and where one has it may have been any topic of a group that is online and has moved within BACK_S. (The retry topic's own
 * offsets count as well: that is where the second try comes from, though it is counted for the topic of the first.)
 */
#include "agent/source/rocketmq/rates.h"

#include "agent/base/clock.h"

#include <math.h>

#define BACK_S (15 * 60 + MOTION_IDLE_S) /* a consumer gives a message back after 15 minutes at the latest, and a minute is shown */

static int64_t now_of(const struct broker *b)
{
    return b->now.look->started_at_ns;
}

bool rates_knows_topic(const struct broker *b, uint32_t topic)
{
    const struct topic_part *t = broker_find_topic(b, topic);

    return t != NULL && b->leader->is_up && broker_has_topic(b, topic) && broker_ends_are_fresh(b, t);
}

bool rates_knows_pair(const struct broker *b, uint32_t pair)
{
    const struct pair_part *p = broker_find_pair(b, pair);

    return p != NULL && p->seen == b->now.look->number;
}

bool rates_has_bytes(const struct broker *b, uint32_t topic)
{
    const struct topic_info *info = &b->cluster->topic_infos[topic];

    return b->now.look->options->byte_rates && !info->is_skipped && info->kind != TOPIC_RETRY && info->kind != TOPIC_DLQ;
}

/* ---- before asking ----------------------------------------------------------------------------------------------- */

/* Something was written, handed out or committed. Before 5.0 what broadcast groups take shows in the second only. */
static void note_broker(struct broker *b)
{
    const struct runtime_facts *f = &b->leader->facts;
    const struct batch *batch = b->now.look->batch;
    uint32_t row = b->leader->row;
    bool is_told = b->leader->facts_at_ns != 0 && f->log_max != NO_INT;
    int64_t log_max = is_told ? f->log_max : NO_INT;
    int64_t delivered = batch_has(batch, TABLE_BROKERS, row, BROKERS_MSG_GET_TOTAL_TODAY_NOW)
                            ? batch_int(batch, TABLE_BROKERS, row, BROKERS_MSG_GET_TOTAL_TODAY_NOW)
                            : NO_INT;

    if (!is_told || b->rates.log_max == NO_INT)
        motion_restart(&b->flows, &b->rates.motion, now_of(b));
    else if (log_max != b->rates.log_max || delivered != b->rates.delivered || b->now.offsets_moved)
        motion_jump(&b->flows, &b->rates.motion, now_of(b));
    b->rates.log_max = log_max;
    b->rates.delivered = delivered;
}

static void note_delays(struct broker *b)
{
    struct view name = view_of(TOPIC_SCHEDULE);
    uint32_t topic = intern_find(&b->cluster->topics, name.data, name.len);

    b->rates.may_delay = topic == 0 || !rates_knows_topic(b, topic);
    b->rates.delays = !b->rates.may_delay && !motion_is_idle(&b->topics[topic].motion, now_of(b));
}

static void note_burials(struct broker *b)
{
    const struct cluster *c = b->cluster;

    for (uint32_t id = 1; id < b->topic_room && id < c->topics.count; id++) {
        if (c->topic_infos[id].kind != TOPIC_DLQ || !rates_knows_topic(b, id) || motion_is_idle(&b->topics[id].motion, now_of(b)))
            continue;
        struct view name = name_without_prefix(intern_view(&c->topics, id));
        uint32_t group = intern_find(&c->groups, name.data, name.len);
        struct group_part *g = group == 0 ? NULL : broker_group(b, group);
        if (g != NULL)
            g->buried = b->now.look->number;
    }
}

void rates_begin(struct broker *b)
{
    b->rates.number = b->now.look->number;
    note_broker(b);
    note_delays(b);
    note_burials(b);
}

bool rates_may_have_got(const struct broker *b, uint32_t pair)
{
    const struct pair_info *info = &b->cluster->pair_infos[pair];
    const struct group_info *g = &b->cluster->group_infos[info->group];

    if (!motion_is_idle(&b->pairs[pair].motion, now_of(b)))
        return true;
    bool is_offline = g->is_known && g->client_count == 0;
    return !is_offline && rates_knows_topic(b, info->topic) && !motion_is_idle(&b->topics[info->topic].motion, now_of(b));
}

bool rates_may_have_sent_back(const struct broker *b, uint32_t pair)
{
    const struct pair_info *info = &b->cluster->pair_infos[pair];
    const struct group_info *g = &b->cluster->group_infos[info->group];
    const struct motion *m = &b->pairs[pair].motion;
    int64_t now_s = now_of(b) / NS_PER_S;
    bool is_buried = info->group < b->group_room && b->groups[info->group].buried == b->now.look->number;
    bool has_moved = !motion_is_idle(m, now_of(b)) || now_s - g->moved_at_s <= MOTION_IDLE_S;

    if (b->rates.may_delay && !is_buried)
        return has_moved;
    if ((!b->rates.delays && !is_buried) || (g->is_known && g->client_count == 0 && !has_moved))
        return false;
    return has_moved || now_s - (g->moved_at_s > m->since_s ? g->moved_at_s : m->since_s) <= BACK_S;
}

/* ---- what is shown ----------------------------------------------------------------------------------------------- */

static double messages_of(const struct broker *b, const struct motion *m)
{
    const struct flow *f = motion_find_flow(&b->flows, m);
    double rate = motion_rate(&b->flows, m, now_of(b));

    return isnan(rate) && f != NULL ? told_value(&f->messages, now_of(b)) : rate;
}

static double bytes_of(const struct broker *b, const struct motion *m, bool may_flow)
{
    const struct flow *f = motion_find_flow(&b->flows, m);

    if (!may_flow)
        return 0;
    return f == NULL ? (double)NAN : told_value(&f->bytes, now_of(b));
}

/*
 * A topic that nobody consumes, on a broker before 5.3.2: its ends are read each slow_interval, and shown as they were. It stood
 * then, so its rate is the 0 that goes with them; without it, dashboards that list topics by their rate would not know it.
 */
static bool has_stood_on_slow_lane(const struct broker *b, const struct topic_part *t)
{
    int64_t stood_ms = (now_of(b) / NS_PER_S - t->motion.moved_at_s) * 1000;

    return t->ends_number != 0 && t->wanted != b->now.look->number && t->refused_at_s == 0 && motion_is_idle(&t->motion, now_of(b)) &&
           (t->motion.moved_at_s == 0 || stood_ms > b->now.look->options->slow_interval_ms);
}

double rates_topic_messages(const struct broker *b, uint32_t topic)
{
    if (rates_knows_topic(b, topic))
        return messages_of(b, &b->topics[topic].motion);
    return has_stood_on_slow_lane(b, &b->topics[topic]) ? 0 : (double)NAN;
}

double rates_topic_bytes(const struct broker *b, uint32_t topic)
{
    if (!rates_has_bytes(b, topic))
        return (double)NAN;
    if (!rates_knows_topic(b, topic))
        return has_stood_on_slow_lane(b, &b->topics[topic]) ? 0 : (double)NAN;
    return bytes_of(b, &b->topics[topic].motion, !motion_is_idle(&b->topics[topic].motion, now_of(b)));
}

double rates_pair_messages(const struct broker *b, uint32_t pair)
{
    return rates_knows_pair(b, pair) ? messages_of(b, &b->pairs[pair].motion) : (double)NAN;
}

double rates_pair_bytes(const struct broker *b, uint32_t pair)
{
    if (!rates_knows_pair(b, pair) || !rates_has_bytes(b, b->cluster->pair_infos[pair].topic))
        return (double)NAN;
    return bytes_of(b, &b->pairs[pair].motion, rates_may_have_got(b, pair));
}

double rates_pair_backs(const struct broker *b, uint32_t pair)
{
    if (!rates_knows_pair(b, pair) || !rates_has_bytes(b, b->cluster->pair_infos[pair].topic) || b->rates.number != b->now.look->number)
        return (double)NAN;
    if (!rates_may_have_sent_back(b, pair))
        return 0;
    const struct flow *f = motion_find_flow(&b->flows, &b->pairs[pair].motion);
    return f == NULL ? (double)NAN : told_value(&f->backs, now_of(b));
}

static double broker_rate(const struct broker *b, const struct told *told)
{
    if (!b->leader->is_up || b->leader->id != 0 || b->rates.number != b->now.look->number)
        return (double)NAN;
    return motion_is_idle(&b->rates.motion, now_of(b)) ? 0 : told_value(told, now_of(b));
}

double rates_broker_put(const struct broker *b)
{
    return broker_rate(b, &b->rates.put);
}

double rates_broker_get(const struct broker *b)
{
    return broker_rate(b, &b->rates.get);
}
