/*
 * rows_brokers.c - the broker processes of a cluster: what each is, how far a slave lies behind its master, what waits in a
 * master's internal topics. See rows.c; the numbers of request 28 come straight from runtime.c.
 */
#include "agent/source/rocketmq/rows_parts.h"

#include "agent/source/rocketmq/rates.h"

/* ---- before and after asking ------------------------------------------------------------------------------------- */

void rows_begin_broker(struct rows *r, struct member *m)
{
    char version[WIRE_VERSION_TEXT];

    m->row = rows_new(r, TABLE_BROKERS);
    batch_set_text(r->batch, TABLE_BROKERS, m->row, BROKERS_BROKER, batch_intern_z(r->batch, m->broker->name));
    batch_set_text(r->batch, TABLE_BROKERS, m->row, BROKERS_BROKER_ID, rows_number_text(r, m->id));
    batch_set_text(r->batch, TABLE_BROKERS, m->row, BROKERS_ADDRESS,
                   batch_intern_z(r->batch, rpc_target_address(m->peer.target)));
    batch_set_text(r->batch, TABLE_BROKERS, m->row, BROKERS_VERSION,
                   batch_intern_z(r->batch, wire_version_text(version, rpc_target_version(m->peer.target))));
    batch_set_text(r->batch, TABLE_BROKERS, m->row, BROKERS_BROKER_HOST, batch_intern(r->batch, "", 0));
    batch_set_int(r->batch, TABLE_BROKERS, m->row, BROKERS_UP, 0);
}

/* Both ends are read in one look, but not at one instant: a slave that was asked later may seem ahead. */
static int64_t replication_lag(const struct member *slave)
{
    const struct member *master = slave->broker->leader;

    if (slave->id == 0 || master == NULL || master->id != 0 || master->facts.log_max == NO_INT || slave->facts.log_max == NO_INT)
        return NO_INT;
    return master->facts.log_max > slave->facts.log_max ? master->facts.log_max - slave->facts.log_max : 0;
}

/* Messages of a topic that the broker's own group has not settled; NO_INT where that cannot be told. */
static int64_t unsettled(const struct rows *r, const struct broker *b, struct view topic_name, struct view pair_name)
{
    uint32_t topic = intern_find(&r->cluster->topics, topic_name.data, topic_name.len);
    uint32_t pair = intern_find(&r->cluster->pairs, pair_name.data, pair_name.len);
    const struct pair_part *p = pair == 0 ? NULL : broker_find_pair(b, pair);
    int64_t sum = 0;

    if (b->topics_stamp == 0 || b->offsets_number != b->now.look->number || (p == NULL && b->now.lacks.pairs.count > 0))
        return NO_INT;
    if (topic == 0 || !broker_has_topic(b, topic))
        return b->lacks.topics.count == 0 ? 0 : NO_INT; /* it is made with the first message */
    const struct topic_part *t = &b->topics[topic];
    if (!rows_may_show_ends(r, b, topic) || (t->flags & PART_CUT) != 0 || (p != NULL && p->is_cut))
        return NO_INT;
    for (uint32_t q = 0; q < t->queues; q++) {
        const struct queue_end *end = &b->ends[t->first + q];
        bool is_committed = p != NULL && p->seen == b->now.look->number && q < p->queues && b->committed[p->first + q] != UNKNOWN;
        int64_t done = is_committed ? b->committed[p->first + q] : end->min;
        if (end->max == UNKNOWN || done == UNKNOWN)
            return NO_INT;
        sum += end->max > done ? end->max - done : 0;
    }
    return sum;
}

/* The version is known at the latest now; 5.4 and later no longer print it, but every answer's header has it. */
void rows_end_broker(struct rows *r, const struct member *m)
{
    char version[WIRE_VERSION_TEXT];
    int ordinal = rpc_target_version(m->peer.target);

    batch_set_int(r->batch, TABLE_BROKERS, m->row, BROKERS_UP, m->is_up);
    batch_set_text(r->batch, TABLE_BROKERS, m->row, BROKERS_VERSION, batch_intern_z(r->batch, wire_version_text(version, ordinal)));
    if (ordinal != 0 && !batch_has(r->batch, TABLE_BROKERS, m->row, BROKERS_BROKER_VERSION))
        batch_set_text(r->batch, TABLE_BROKERS, m->row, BROKERS_BROKER_VERSION, rows_number_text(r, ordinal));
    rows_set_int(r, TABLE_BROKERS, m->row, BROKERS_REPLICATION_LAG, replication_lag(m));
    if (m->id != 0 || m != m->broker->leader || !m->is_up)
        return;
    batch_set_real(r->batch, TABLE_BROKERS, m->row, BROKERS_PUT_RATE_MINUTE, rates_broker_put(m->broker));
    batch_set_real(r->batch, TABLE_BROKERS, m->row, BROKERS_GET_RATE_MINUTE, rates_broker_get(m->broker));
    rows_set_int(r, TABLE_BROKERS, m->row, BROKERS_HALF_MESSAGES,
                 unsettled(r, m->broker, view_of(TOPIC_HALF), view_of(TOPIC_HALF "@" GROUP_TRANSACTIONS)));
}

/* ---- delay levels ------------------------------------------------------------------------------------------------ */

static void add_delay(struct rows *r, unsigned broker, int64_t level, int64_t pending)
{
    uint32_t row = rows_new(r, TABLE_DELAYS);

    batch_set_text(r->batch, TABLE_DELAYS, row, DELAYS_BROKER, r->broker_texts[broker]);
    batch_set_text(r->batch, TABLE_DELAYS, row, DELAYS_LEVEL, rows_number_text(r, level));
    batch_set_int(r->batch, TABLE_DELAYS, row, DELAYS_PENDING, pending > 0 ? pending : 0);
}

static bool tells_level(const struct runtime_facts *facts, int64_t level)
{
    for (unsigned i = 0; i < facts->delay_count; i++)
        if (facts->delays[i].level == level)
            return true;
    return false;
}

/* A level that 28 leaves out has delivered nothing yet: everything in its queue waits. */
static void add_silent_levels(struct rows *r, unsigned broker, const struct runtime_facts *facts)
{
    const struct broker *b = r->cluster->brokers[broker];
    struct view name = view_of(TOPIC_SCHEDULE);
    uint32_t topic = intern_find(&r->cluster->topics, name.data, name.len);

    if (topic == 0 || !broker_has_topic(b, topic) || !rows_may_show_ends(r, b, topic) || facts->delays_left > 0)
        return; /* one that was left out is not silent */
    const struct topic_part *t = &b->topics[topic];
    for (uint32_t q = 0; q < t->queues; q++) {
        const struct queue_end *end = &b->ends[t->first + q];
        if (end->max != UNKNOWN && end->min != UNKNOWN && end->max > end->min && !tells_level(facts, (int64_t)q + 1))
            add_delay(r, broker, (int64_t)q + 1, end->max - end->min);
    }
}

void rows_add_delays(struct rows *r)
{
    for (unsigned i = 0; i < r->cluster->broker_count; i++) {
        struct broker *b = r->cluster->brokers[i];
        const struct member *leader = b->leader;
        if (leader == NULL || leader->id != 0 || leader->facts_at_ns == 0)
            continue;
        left_out_note(&b->now.lacks.delays, leader->facts.delays_left, LIMIT_NAME(DELAY_LEVELS_MAX));
        for (unsigned k = 0; k < leader->facts.delay_count; k++) {
            const struct delay_level *d = &leader->facts.delays[k];
            add_delay(r, i, d->level, d->stored > d->delivered ? d->stored - d->delivered : 0);
        }
        add_silent_levels(r, i, &leader->facts);
    }
}
