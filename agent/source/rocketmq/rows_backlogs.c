/*
 * rows_backlogs.c - the backlogs, queues and shares of a cluster. See rows.c for what is shown and how it is summed, lag.h for
 * the arithmetic.
 */
#include "agent/source/rocketmq/rows_parts.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/source/rocketmq/lag.h"
#include "agent/source/rocketmq/lanes.h"
#include "agent/source/rocketmq/rates.h"

#include <math.h>

/* A backlogs row while its parts are gathered. */
struct backlog {
    uint32_t topic, group, pair; /* pair 0: nobody knows one */
    enum topic_kind kind;
    bool is_broadcast;
    bool is_online;
    bool is_pop; /* offsets do not tell what is in flight */
    int64_t lag, diff, inflight, lost; /* NO_INT until a part is known */
    struct age age;
    double out_rate;
    bool has_rate, lacks_rate;
    double out_bytes, backs; /* of its shares; NAN once one is not known */
    bool has_shares;
    bool is_incomplete;
    bool exists; /* some broker has a part */
};

static void add_to(int64_t *sum, int64_t value)
{
    if (value != NO_INT)
        *sum = *sum == NO_INT ? value : lag_add(*sum, value);
}

static int64_t inflight_of(const struct broker *b, const struct pair_part *p, uint32_t queue, int64_t com)
{
    if (b->pulled == NULL || p->pulled != b->now.look->number || com == UNKNOWN)
        return NO_INT;
    int64_t pulled = b->pulled[p->first + queue];
    if (pulled == UNKNOWN)
        return NO_INT;
    return pulled > com ? pulled - com : 0;
}

static bool is_summed(const struct backlog *g)
{
    return g->kind != TOPIC_RETRY && g->kind != TOPIC_DLQ;
}

static void add_queue(struct rows *r, const struct backlog *g, unsigned broker, uint32_t queue, const struct queue_end *end,
                      int64_t com, int64_t inflight, const struct queue_lag *lag)
{
    uint32_t row = rows_new(r, TABLE_QUEUES);

    batch_set_text(r->batch, TABLE_QUEUES, row, QUEUES_CONSUMER_GROUP, rows_group_text(r, g->group));
    batch_set_text(r->batch, TABLE_QUEUES, row, QUEUES_TOPIC, rows_topic_text(r, g->topic));
    batch_set_text(r->batch, TABLE_QUEUES, row, QUEUES_BROKER, r->broker_texts[broker]);
    batch_set_text(r->batch, TABLE_QUEUES, row, QUEUES_QUEUE, rows_number_text(r, queue));
    struct row_queue of = { .topic = g->topic, .group = g->group, .queue = queue, .broker = r->cluster->brokers[broker],
                            .row = row, .lag = lag->lag, .diff = lag->diff };
    rows_set_owner(r, &of);
    if (is_summed(g))
        rows_sum_queue(r, &of);
    rows_set_int(r, TABLE_QUEUES, row, QUEUES_MIN_OFFSET, end->min == UNKNOWN ? NO_INT : end->min);
    rows_set_int(r, TABLE_QUEUES, row, QUEUES_MAX_OFFSET, end->max == UNKNOWN ? NO_INT : end->max);
    rows_set_int(r, TABLE_QUEUES, row, QUEUES_CONSUMER_OFFSET, com == UNKNOWN ? NO_INT : com);
    rows_set_int(r, TABLE_QUEUES, row, QUEUES_LAG, lag->lag);
    rows_set_int(r, TABLE_QUEUES, row, QUEUES_INFLIGHT, inflight);
    rows_set_int(r, TABLE_QUEUES, row, QUEUES_DIFF, lag->diff);
    if (lag->state != NULL)
        batch_set_text(r->batch, TABLE_QUEUES, row, QUEUES_STATE, batch_intern_z(r->batch, lag->state));
}

static void add_share(struct rows *r, struct backlog *g, unsigned broker, int64_t committed, float out_rate,
                      struct age age)
{
    const struct broker *b = r->cluster->brokers[broker];
    uint32_t row = rows_new(r, TABLE_SHARES);
    double bytes = rates_pair_bytes(b, g->pair), backs = rates_pair_backs(b, g->pair);

    batch_set_text(r->batch, TABLE_SHARES, row, SHARES_CONSUMER_GROUP, rows_group_text(r, g->group));
    batch_set_text(r->batch, TABLE_SHARES, row, SHARES_TOPIC, rows_topic_text(r, g->topic));
    batch_set_text(r->batch, TABLE_SHARES, row, SHARES_BROKER, r->broker_texts[broker]);
    batch_set_text(r->batch, TABLE_SHARES, row, SHARES_KIND, r->kind_texts[g->kind]);
    batch_set_int(r->batch, TABLE_SHARES, row, SHARES_CONSUMER_OFFSET, committed);
    batch_set_real(r->batch, TABLE_SHARES, row, SHARES_OUT_RATE, (double)out_rate);
    rows_set_int(r, TABLE_SHARES, row, SHARES_LATENCY_MS, age.age_ns == NO_INT ? NO_INT : age.age_ns / NS_PER_MS);
    batch_set_real(r->batch, TABLE_SHARES, row, SHARES_OUT_RATE_MINUTE, rates_pair_messages(b, g->pair));
    batch_set_real(r->batch, TABLE_SHARES, row, SHARES_OUT_BYTES_RATE, bytes);
    if (!isnan(backs))
        batch_set_int(r->batch, TABLE_SHARES, row, SHARES_SEND_BACK, (int64_t)backs);
    batch_set_int(r->batch, TABLE_SHARES, row, SHARES_COMPLETE, 1);
    g->has_shares = true;
    g->out_bytes += bytes;
    g->backs += backs;
}

static void miss_part(struct rows *r, struct backlog *g, const struct broker *b)
{
    g->is_incomplete = true;
    if (is_summed(g))
        rows_miss_part(r, g->topic, g->group, b);
}

static struct age age_of_queue(const struct rows *r, const struct backlog *g, const struct broker *b, uint32_t queue, int64_t first,
                               int64_t lag)
{
    if (lag == NO_INT)
        return age_unknown;
    return lag == 0 ? age_idle : timelag_of_queue(b, &b->topics[g->topic], g->pair, queue, first, r->now_ns, r->look->options->interval_ms);
}

/* One broker's part of a backlog; p is NULL where the broker holds no offset and everything counts from min. */
static void add_part(struct rows *r, struct backlog *g, unsigned broker, struct topic_part *t, const struct pair_part *p)
{
    struct broker *b = r->cluster->brokers[broker];
    bool is_cut = (t->flags & PART_CUT) != 0;
    bool is_fresh = t->queues > 0 && (p != NULL ? b->leader->is_up && broker_ends_are_fresh(b, t) : rows_may_show_ends(r, b, g->topic));
    uint32_t queues = t->queues > 0 ? t->queues : p != NULL ? p->queues : 0;
    int64_t committed = 0;
    struct age age = age_idle;

    if (r->look->queue_rows + queues > QUEUE_ROWS_MAX) {
        left_out_note(&b->now.lacks.rows, queues, LIMIT_NAME(QUEUE_ROWS_MAX));
        miss_part(r, g, b);
        return;
    }
    if (is_cut)
        miss_part(r, g, b);
    r->look->queue_rows += queues;
    g->is_incomplete |= !is_fresh || (t->flags & PART_BEHIND) != 0;
    for (uint32_t q = 0; q < queues; q++) {
        const struct queue_end end = is_fresh ? b->ends[t->first + q] : (struct queue_end){ UNKNOWN, UNKNOWN, UNKNOWN };
        int64_t com = p != NULL && q < p->queues ? b->committed[p->first + q] : UNKNOWN;
        int64_t inflight = p != NULL && g->is_online && !g->is_pop && q < p->queues ? inflight_of(b, p, q, com) : NO_INT;
        struct queue_lag lag = lag_of_queue(end.min, end.max, com);
        if (p == NULL)
            lag.diff = lag.lag;
        g->is_incomplete |= lag.lag == NO_INT || end.min == UNKNOWN;
        if (lag.leans_on_min)
            t->flags |= PART_MIN_MATTERS;
        add_to(&g->lag, lag.lag);
        add_to(&g->diff, lag.diff);
        add_to(&g->lost, lag.lost);
        add_to(&g->inflight, inflight);
        age = age_join(age, age_of_queue(r, g, b, q, timelag_first(end.min, com), lag.lag));
        committed = com == UNKNOWN ? committed : lag_add(committed, com);
        add_queue(r, g, broker, q, &end, com, inflight, &lag);
    }
    g->age = age_join(g->age, age);
    if (p == NULL)
        return;
    if (isnan(p->out_rate))
        g->lacks_rate = true;
    else
        g->has_rate = true, g->out_rate += (double)p->out_rate;
    if (!g->is_broadcast && !is_cut)
        add_share(r, g, broker, committed, p->out_rate, age);
}

/* For its offsets on some broker there was no room; a pair without number (0) may be any of its topic. */
static bool was_left_out(const struct rows *r, uint32_t topic, uint32_t pair)
{
    return (pair != 0 ? r->cluster->pair_infos[pair].cut : r->cluster->topic_infos[topic].cut) == r->look->number;
}

/* counts_from_min: a broker that has the topic and holds no offset has its messages still to be consumed. */
static void gather(struct rows *r, struct backlog *g, uint32_t pair, bool counts_from_min)
{
    for (unsigned i = 0; i < r->cluster->broker_count; i++) {
        const struct broker *b = r->cluster->brokers[i];
        const struct pair_part *p = pair == 0 ? NULL : broker_find_pair(b, pair);
        g->is_incomplete |= !b->knows_offsets || b->topics_stamp == 0; /* who knows what it holds */
        bool has_offsets = p != NULL && p->seen != 0;
        bool may_have = p == NULL && was_left_out(r, g->topic, pair);
        if (!rows_shows_topic(r, b, g->topic) || !broker_has_group(b, g->group)) {
            bool is_hidden = broker_may_hide_topic(b, g->topic) || broker_may_hide_group(b, g->group);
            if (is_hidden && (has_offsets || may_have || counts_from_min))
                miss_part(r, g, b);
            continue;
        }
        g->is_incomplete |= broker_is_offsets_blind(b); /* old ones, or none where there were some */
        if (!has_offsets && !may_have && !counts_from_min)
            continue;
        g->exists |= !may_have || counts_from_min;
        bool is_known = has_offsets ? p->seen == b->now.look->number && !p->is_cut
                                    : !may_have && b->offsets_number == b->now.look->number && !broker_is_offsets_blind(b);
        if (is_known)
            add_part(r, g, i, &b->topics[g->topic], has_offsets ? p : NULL);
        else
            miss_part(r, g, b);
    }
}

static void set_seconds(struct rows *r, uint32_t row, unsigned column, int64_t ns)
{
    if (ns != NO_INT)
        batch_set_real(r->batch, TABLE_BACKLOGS, row, column, (double)(ns / NS_PER_MS) / 1000);
}

/* A part that is missing may hold older messages: what is known is then a lower bound. "At least 0" says nothing. */
static void set_age(struct rows *r, uint32_t row, const struct backlog *g)
{
    struct age age = g->age;

    if (g->is_incomplete)
        age.age_ns = age.high_ns = NO_INT;
    if (age.age_ns == NO_INT && age.low_ns == 0)
        age.low_ns = NO_INT;
    set_seconds(r, row, BACKLOGS_LAG_SECONDS, age.age_ns);
    set_seconds(r, row, BACKLOGS_LAG_SECONDS_LOW, age.low_ns);
    set_seconds(r, row, BACKLOGS_LAG_SECONDS_HIGH, age.high_ns);
    if (age.low_ns != NO_INT || age.high_ns != NO_INT)
        batch_set_text(r->batch, TABLE_BACKLOGS, row, BACKLOGS_LAG_SECONDS_SOURCE,
                       batch_intern_z(r->batch, age_source_name(age.source)));
}

static uint32_t new_backlog_row(struct rows *r, const struct backlog *g)
{
    const struct group_info *info = &r->cluster->group_infos[g->group];
    enum group_model model = rows_model_of(r, g->group);
    uint32_t row = rows_new(r, TABLE_BACKLOGS);

    batch_set_text(r->batch, TABLE_BACKLOGS, row, BACKLOGS_CONSUMER_GROUP, rows_group_text(r, g->group));
    batch_set_text(r->batch, TABLE_BACKLOGS, row, BACKLOGS_TOPIC, rows_topic_text(r, g->topic));
    batch_set_text(r->batch, TABLE_BACKLOGS, row, BACKLOGS_KIND, r->kind_texts[g->kind]);
    rows_set_int(r, TABLE_BACKLOGS, row, BACKLOGS_LAG, g->lag);
    rows_set_int(r, TABLE_BACKLOGS, row, BACKLOGS_DIFF, g->diff);
    rows_set_int(r, TABLE_BACKLOGS, row, BACKLOGS_INFLIGHT, g->inflight);
    rows_set_int(r, TABLE_BACKLOGS, row, BACKLOGS_LOST, g->lost);
    batch_set_int(r->batch, TABLE_BACKLOGS, row, BACKLOGS_COMPLETE, !g->is_incomplete);
    if (rows_knows_members(r, info))
        batch_set_text(r->batch, TABLE_BACKLOGS, row, BACKLOGS_ONLINE, rows_number_text(r, rows_members_of(info)));
    /* As in the official exporter, a group nobody has seen online counts as clustering. */
    batch_set_text(r->batch, TABLE_BACKLOGS, row, BACKLOGS_MODEL_NUMBER, rows_number_text(r, model != MODEL_BROADCASTING));
    return row;
}

static void set_told_rates(struct rows *r, uint32_t row, const struct backlog *g)
{
    batch_set_real(r->batch, TABLE_BACKLOGS, row, BACKLOGS_OUT_BYTES_RATE, g->out_bytes);
    if (!isnan(g->backs))
        batch_set_int(r->batch, TABLE_BACKLOGS, row, BACKLOGS_SEND_BACK, (int64_t)g->backs);
}

static void add_backlog(struct rows *r, uint32_t topic, uint32_t group, uint32_t pair, bool counts_from_min)
{
    const struct group_info *info = &r->cluster->group_infos[group];
    struct group_sum *sum = &r->sums[group];
    struct backlog g = { .topic = topic, .group = group, .pair = pair, .kind = rows_kind_of(r, topic), .lag = NO_INT,
                         .diff = NO_INT, .inflight = NO_INT, .lost = NO_INT, .age = age_idle };

    g.is_incomplete = r->cluster->lacks_brokers;
    g.is_broadcast = pair != 0 && r->cluster->pair_infos[pair].is_broadcast;
    g.is_online = rows_knows_members(r, info) && info->client_count > 0;
    g.is_pop = g.is_online && rows_takes_by_pop(r, group, topic, &g.inflight);
    rows_begin_owners(r, group, topic);
    gather(r, &g, pair, counts_from_min);
    if (!g.exists)
        return;
    if (is_summed(&g))
        rows_end_pair(r, topic, group, g.is_incomplete);
    uint32_t row = new_backlog_row(r, &g);
    if (g.has_rate && !g.lacks_rate && !g.is_incomplete)
        batch_set_real(r->batch, TABLE_BACKLOGS, row, BACKLOGS_OUT_RATE, g.out_rate);
    if (g.lag != NO_INT)
        set_age(r, row, &g);
    sum->age = age_join(sum->age, g.lag != NO_INT ? g.age : age_unknown);
    if (g.has_shares && !g.is_incomplete)
        set_told_rates(r, row, &g);
    sum->is_incomplete |= g.is_incomplete;
    if (g.lag != NO_INT)
        sum->lag = lag_add(sum->lag, g.lag);
    if (g.lag != NO_INT && g.kind == TOPIC_RETRY)
        sum->retry_lag = lag_add(sum->retry_lag, g.lag);
    sum->has_offsets |= g.kind != TOPIC_RETRY && g.lag != NO_INT;
}

/* Dead letters: what is stored. Brokers are asked seldom where nothing can have changed, so an old answer will do. */
static void add_dlq(struct rows *r, uint32_t topic, uint32_t group)
{
    struct backlog g = { .topic = topic, .group = group, .kind = TOPIC_DLQ, .lag = NO_INT, .diff = NO_INT,
                         .inflight = NO_INT, .lost = NO_INT, .is_incomplete = r->cluster->lacks_brokers };

    for (unsigned i = 0; i < r->cluster->broker_count; i++) {
        const struct broker *b = r->cluster->brokers[i];
        g.is_incomplete |= b->topics_stamp == 0;
        if (!rows_shows_topic(r, b, topic)) {
            g.is_incomplete |= broker_may_hide_topic(b, topic);
            continue;
        }
        struct topic_part *t = &b->topics[topic];
        g.exists = true;
        g.is_incomplete |= (t->flags & (PART_BEHIND | PART_CUT)) != 0;
        if (!rows_may_show_ends(r, b, topic)) {
            g.is_incomplete = true;
            continue;
        }
        add_to(&g.diff, 0);
        for (uint32_t q = 0; q < t->queues; q++) {
            const struct queue_end *end = &b->ends[t->first + q];
            bool is_known = end->max != UNKNOWN && end->min != UNKNOWN;
            g.is_incomplete |= !is_known;
            if (!is_known || end->max <= end->min)
                continue;
            add_to(&g.diff, end->max - end->min);
            t->flags |= PART_MIN_MATTERS;
        }
    }
    if (!g.exists)
        return;
    new_backlog_row(r, &g);
    r->sums[group].is_incomplete |= g.is_incomplete;
    add_to(&r->sums[group].dlq, g.diff == NO_INT ? 0 : g.diff);
}

static bool is_visible(const struct rows *r, uint32_t pair)
{
    const struct pair_info *info = &r->cluster->pair_infos[pair];

    for (unsigned i = 0; i < r->cluster->broker_count; i++) {
        const struct broker *b = r->cluster->brokers[i];
        const struct pair_part *p = broker_find_pair(b, pair);
        if (p != NULL && p->seen != 0 && rows_shows_topic(r, b, info->topic) && broker_has_group(b, info->group))
            return true;
    }
    return false;
}

/* Which kinds of offsets each group has must be known before its first row. */
static void note_kinds(struct rows *r)
{
    for (uint32_t id = 1; id < r->cluster->pairs.count; id++) {
        const struct pair_info *info = &r->cluster->pair_infos[id];
        if (!is_visible(r, id))
            continue;
        r->cluster->live_pairs++;
        if (rows_kind_of(r, info->topic) == TOPIC_RETRY)
            continue;
        r->sums[info->group].has_broadcast |= info->is_broadcast;
        r->sums[info->group].has_plain |= !info->is_broadcast;
    }
}

static void add_pairs(struct rows *r)
{
    for (uint32_t id = 1; id < r->cluster->pairs.count; id++) {
        const struct pair_info *info = &r->cluster->pair_infos[id];
        bool is_own_retry = rows_kind_of(r, info->topic) == TOPIC_RETRY && r->cluster->topic_infos[info->topic].owner == info->group;
        if (is_own_retry || !lanes_shows_group(r->look, r->cluster, info->group))
            continue;
        if (info->is_broadcast != (rows_model_of(r, info->group) == MODEL_BROADCASTING))
            continue;
        add_backlog(r, info->topic, info->group, id, false);
    }
}

static uint32_t find_pair(struct rows *r, struct buf *key, uint32_t topic, uint32_t group)
{
    struct view t = intern_view(&r->cluster->topics, topic), g = intern_view(&r->cluster->groups, group);

    buf_reset(key);
    buf_put(key, t.data, t.len);
    buf_putc(key, '@');
    buf_put(key, g.data, g.len);
    return intern_find(&r->cluster->pairs, key->data, key->len);
}

/* Retry and dead letter topics, found by their names because offsets of them need not exist. */
static void add_returned(struct rows *r)
{
    struct buf key;

    buf_init(&key, 0);
    for (uint32_t id = 1; id < r->cluster->topics.count; id++) {
        enum topic_kind kind = rows_kind_of(r, id);
        uint32_t owner = kind == TOPIC_RETRY || kind == TOPIC_DLQ ? cluster_find_owner(r->cluster, id) : 0;
        if (owner == 0 || !lanes_shows_group(r->look, r->cluster, owner) || !rows_lists_group(r, owner))
            continue;
        if (kind == TOPIC_DLQ)
            add_dlq(r, id, owner);
        else if (rows_model_of(r, owner) != MODEL_BROADCASTING)
            add_backlog(r, id, owner, find_pair(r, &key, id, owner), true);
    }
    buf_fini(&key);
}

void rows_add_backlogs(struct rows *r)
{
    r->now_ns = clock_now_ns();
    note_kinds(r);
    add_pairs(r);
    add_returned(r);
    rows_add_broadcasts(r);
}
