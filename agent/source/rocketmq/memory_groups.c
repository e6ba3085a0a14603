/* memory_groups.c - groups, their clients and what those said, as bytes and back. See memory_parts.h. */
#include "agent/source/rocketmq/memory_parts.h"

#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/running.h"

#include <stdlib.h>
#include <string.h>

#define CLIENT_ADDRESS_MAX 1024 /* as the broker prints it */

/* ---- 307 --------------------------------------------------------------------------------------------------------- */

static void *io_list(struct memory_io *io, void *list, uint32_t *count, uint32_t max, size_t size)
{
    *count = io_count(io, *count, max);
    return io->is_writing || *count == 0 ? list : xcalloc(*count, size);
}

static void io_running_queues(struct memory_io *io, struct cluster *c, struct running *r)
{
    r->queues = io_list(io, r->queues, &r->queue_count, RUNNING_QUEUES_MAX, sizeof(*r->queues));
    for (uint32_t i = 0; i < r->queue_count; i++) {
        io_id(io, io->topics, &r->queues[i].topic, c->topics.count);
        io_u16(io, &r->queues[i].broker, (uint16_t)(c->broker_count - 1));
        io_u16(io, &r->queues[i].queue, BODY_QUEUES_MAX);
        io_i64(io, &r->queues[i].diff);
    }
}

static void io_running_topics(struct memory_io *io, const struct cluster *c, struct running *r)
{
    r->topics = io_list(io, r->topics, &r->topic_count, RUNNING_TOPICS_MAX, sizeof(*r->topics));
    for (uint32_t i = 0; i < r->topic_count; i++) {
        struct running_topic *t = &r->topics[i];
        io_id(io, io->topics, &t->topic, c->topics.count);
        io_i64(io, &t->failed);
        io_real(io, &t->failed_rate);
        io_real(io, &t->ok_rate);
        io_real(io, &t->consume_rt_ms);
        io_real(io, &t->pull_rt_ms);
        io_real(io, &t->pull_rate);
    }
    r->pops = io_list(io, r->pops, &r->pop_count, RUNNING_TOPICS_MAX, sizeof(*r->pops));
    for (uint32_t i = 0; i < r->pop_count; i++) {
        io_id(io, io->topics, &r->pops[i].topic, c->topics.count);
        io_i64(io, &r->pops[i].inflight);
    }
    r->subscribed = io_list(io, r->subscribed, &r->subscribed_count, CLUSTER_TOPICS_MAX, sizeof(*r->subscribed));
    for (uint32_t i = 0; i < r->subscribed_count; i++)
        io_id(io, io->topics, &r->subscribed[i], c->topics.count);
}

static void io_running(struct memory_io *io, struct cluster *c, struct running *r)
{
    uint32_t failures = r->failures, fit = (uint32_t)r->fit;

    io_time(io, &r->asked_at_ns);
    io_time(io, &r->told_at_ns);
    io_time(io, &r->rest_until_ns);
    io_u32(io, &failures, UINT32_MAX);
    io_u64(io, &r->subscriptions);
    io_i64(io, &r->pop_inflight);
    io_u32(io, &fit, FIT_NO);
    io_bool(io, &r->is_average);
    io_bool(io, &r->is_push);
    io_bool(io, &r->has_pop);
    io_bool(io, &r->is_cut);
    io_running_queues(io, c, r);
    io_running_topics(io, c, r);
    if (io->is_writing)
        return;
    r->failures = failures;
    r->fit = (enum running_fit)fit;
}

/* ---- 203 --------------------------------------------------------------------------------------------------------- */

static void io_client(struct memory_io *io, struct cluster *c, struct group_client *client)
{
    bool has_said = client->running != NULL;
    int64_t version = client->version;

    client->id = io_text(io, client->id, CLIENT_ID_MAX_BYTES);
    client->address = io_text(io, client->address, CLIENT_ADDRESS_MAX);
    client->language = io_text(io, client->language, NAME_MAX_BYTES);
    io_i64(io, &version);
    io_bool(io, &has_said);
    io->failed |= version < INT32_MIN || version > INT32_MAX;
    client->version = io->failed ? 0 : (int)version;
    if (!has_said || io->failed)
        return;
    if (!io->is_writing)
        client->running = xcalloc(1, sizeof(*client->running));
    io_running(io, c, client->running);
    if (!io->is_writing && !io->failed && !running_take(client->running, c))
        io->failed = true;
}

static char *put_text(char *at, const char **text)
{
    size_t size = strlen(*text) + 1;

    *text = memcpy(at, *text, size);
    return at + size;
}

/* The texts are those of io: the list gets its own, behind it, as in learn_clients.c. */
static struct group_client *with_texts(struct group_client *list, uint32_t count, size_t *held)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < count; i++)
        bytes += strlen(list[i].id) + strlen(list[i].address) + strlen(list[i].language) + 3;
    struct group_client *whole = xrealloc(list, 1, count * sizeof(*list) + bytes);
    char *at = (char *)(whole + count);
    *held = count * sizeof(*list) + bytes;
    for (uint32_t i = 0; i < count; i++) {
        at = put_text(at, &whole[i].id);
        at = put_text(at, &whole[i].address);
        at = put_text(at, &whole[i].language);
    }
    return whole;
}

static void io_clients(struct memory_io *io, struct cluster *c, struct group_info *g)
{
    uint32_t count = io_count(io, g->client_count, GROUP_CLIENTS_MAX);

    if (io->is_writing) {
        for (uint32_t i = 0; i < count; i++)
            io_client(io, c, &(struct group_client){ g->clients[i].id, g->clients[i].address, g->clients[i].language,
                                                     g->clients[i].version, g->clients[i].running });
        return;
    }
    if (count == 0)
        return;
    g->clients = xcalloc(count, sizeof(*g->clients));
    for (uint32_t i = 0; i < count; i++) {
        g->client_count = i + 1;
        io_client(io, c, &g->clients[i]);
        if (io->failed)
            return;
    }
    size_t held;
    g->clients = with_texts(g->clients, count, &held);
    if (cluster_take(c, held))
        g->held = held;
    else
        io->failed = true;
}

void io_group(struct memory_io *io, struct cluster *c, uint32_t group)
{
    struct group_info *g = &c->group_infos[group];
    bool is_cut = g->clients_left.count > 0, is_known = g->is_known && !is_cut;

    io_u16(io, &g->asked_broker, (uint16_t)c->broker_count);
    io_u8(io, &g->model, MODEL_BROADCASTING);
    io_u8(io, &g->type, TYPE_POP);
    io_bool(io, &is_known);
    io_bool(io, &g->is_suspect);
    io_bool(io, &g->is_behind);
    io_bool(io, &g->is_listed);
    io_look(io, &g->moved);
    io_seconds(io, &g->moved_at_s);
    io_time_unless(io, &g->asked_at_ns, is_cut);
    io_time(io, &g->changed_at_ns);
    io_clients(io, c, g);
    if (!io->is_writing)
        g->is_known = is_known;
}
