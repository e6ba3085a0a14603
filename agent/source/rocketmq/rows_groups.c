/* rows_groups.c - the groups and producers of a cluster. See rows.c. */
#include "agent/source/rocketmq/rows_parts.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/source/rocketmq/lanes.h"

static const char *const model_names[] = {
    [MODEL_UNKNOWN] = "unknown", [MODEL_CLUSTERING] = "clustering", [MODEL_BROADCASTING] = "broadcasting",
};
static const char *const type_names[] = {
    [TYPE_UNKNOWN] = "unknown", [TYPE_PUSH] = "push", [TYPE_PULL] = "pull", [TYPE_POP] = "pop",
};

static bool has_told_all(const struct broker *b)
{
    return b->topics_stamp != 0 && b->offsets_number == b->now.look->number && !broker_is_offsets_blind(b) && b->lacks.topics.count == 0;
}

/* Everything the group may have on the brokers that list it was asked for, and is known. */
static bool hosts_answered(const struct rows *r, uint32_t group)
{
    for (unsigned i = 0; i < r->cluster->broker_count; i++) {
        const struct broker *b = r->cluster->brokers[i];
        if (broker_may_hide_group(b, group) || (broker_has_group(b, group) && !has_told_all(b)))
            return false;
    }
    return !r->cluster->lacks_brokers && r->cluster->group_infos[group].cut != r->look->number;
}

static bool inventories_are_known(const struct rows *r)
{
    for (unsigned i = 0; i < r->cluster->broker_count; i++)
        if (r->cluster->brokers[i]->topics_stamp == 0 || r->cluster->brokers[i]->lacks.topics.count > 0)
            return false;
    return true;
}

/* Sockets and ids of the clients, each a list with commas. */
static void set_client_lists(struct rows *r, uint32_t row, const struct group_info *g)
{
    struct buf addresses, ids;

    buf_init(&addresses, 0);
    buf_init(&ids, 0);
    for (uint32_t i = 0; i < g->client_count; i++) {
        if (i > 0) {
            buf_putc(&addresses, ',');
            buf_putc(&ids, ',');
        }
        buf_puts(&addresses, g->clients[i].address);
        buf_puts(&ids, g->clients[i].id);
    }
    batch_set_text(r->batch, TABLE_GROUPS, row, GROUPS_CLIENT_ADDRS, batch_intern(r->batch, addresses.data, addresses.len));
    batch_set_text(r->batch, TABLE_GROUPS, row, GROUPS_CLIENT_IDS, batch_intern(r->batch, ids.data, ids.len));
    buf_fini(&addresses);
    buf_fini(&ids);
}

static void add_group(struct rows *r, uint32_t group)
{
    struct group_info *g = &r->cluster->group_infos[group];
    const struct group_sum *sum = &r->sums[group];
    enum group_model model = rows_model_of(r, group);
    uint32_t row = rows_new(r, TABLE_GROUPS);
    bool is_complete = !sum->is_incomplete && hosts_answered(r, group);

    batch_set_text(r->batch, TABLE_GROUPS, row, GROUPS_CONSUMER_GROUP, rows_group_text(r, group));
    batch_set_text(r->batch, TABLE_GROUPS, row, GROUPS_MODEL, batch_intern_z(r->batch, model_names[model]));
    batch_set_text(r->batch, TABLE_GROUPS, row, GROUPS_TYPE, batch_intern_z(r->batch, type_names[g->type]));
    if (sum->has_offsets)
        batch_set_int(r->batch, TABLE_GROUPS, row, GROUPS_LAG, sum->lag);
    if (sum->has_offsets && is_complete && sum->age.age_ns != NO_INT)
        batch_set_real(r->batch, TABLE_GROUPS, row, GROUPS_LAG_SECONDS, (double)(sum->age.age_ns / NS_PER_MS) / 1000);
    if (model != MODEL_BROADCASTING && (sum->retry_lag > 0 || is_complete))
        batch_set_int(r->batch, TABLE_GROUPS, row, GROUPS_RETRY_LAG, sum->retry_lag);
    if (sum->dlq > 0 || (is_complete && inventories_are_known(r)))
        batch_set_int(r->batch, TABLE_GROUPS, row, GROUPS_DLQ, sum->dlq);
    batch_set_int(r->batch, TABLE_GROUPS, row, GROUPS_COMPLETE, is_complete);
    g->is_behind = sum->has_offsets && sum->lag > 0;
    if (!rows_knows_members(r, g))
        return;
    batch_set_int(r->batch, TABLE_GROUPS, row, GROUPS_MEMBERS, rows_members_of(g));
    struct left_out *left = &r->cluster->brokers[g->asked_broker - 1]->now.lacks.clients;
    left_out_note(left, g->clients_left.count, g->clients_left.limit);
    if (g->client_count > 0) {
        set_client_lists(r, row, g);
        rows_set_group_said(r, row, g);
        rows_add_clients(r, group, g);
    }
}

void rows_add_groups(struct rows *r)
{
    for (uint32_t id = 1; id < r->cluster->groups.count; id++) {
        if (!rows_lists_group(r, id))
            continue;
        r->cluster->live_groups++;
        if (lanes_shows_group(r->look, r->cluster, id))
            add_group(r, id);
    }
}

void rows_add_producers(struct rows *r)
{
    for (unsigned i = 0; i < r->cluster->broker_count; i++) {
        const struct broker *b = r->cluster->brokers[i];
        if (b->producers == NULL || !b->leader->is_up)
            continue;
        for (uint32_t k = 0; k < b->producers->count; k++) {
            uint32_t row = rows_new(r, TABLE_PRODUCERS);
            batch_set_text(r->batch, TABLE_PRODUCERS, row, PRODUCERS_PRODUCER_GROUP,
                           batch_intern_z(r->batch, b->producers->list[k].group));
            batch_set_text(r->batch, TABLE_PRODUCERS, row, PRODUCERS_BROKER, r->broker_texts[i]);
            batch_set_int(r->batch, TABLE_PRODUCERS, row, PRODUCERS_CLIENTS, b->producers->list[k].clients);
        }
    }
}
