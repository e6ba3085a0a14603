/*
 * memory.c - see memory.h.
 *
 *     0         4              12        16                                                 16 + B
 *     | "MQR3"  | checksum u64 | B (u32) | moment, settings, counts | census | clusters ... | texts      (little endian)
 *
 * The checksum (FNV-1a) is over all behind it: a flipped bit in an offset would be a wrong lag for as long as nothing moves.
 * Everything else is varints (memory_io.h). A text stands in the table once and is a number elsewhere.
 *
 * Names are numbered anew, those left out that no broker lists and nobody has offsets of. Their order stays, so lists that are
 * sorted by number stay sorted.
 */
#include "agent/source/rocketmq/memory.h"

#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/memory_parts.h"
#include "agent/source/rocketmq/running.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BODY_AT (MEMORY_HEADER + 4)
#define TEXT_MAX_BYTES 65536

uint64_t memory_checksum(const void *data, size_t len)
{
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ ((const unsigned char *)data)[i]) * 1099511628211u;
    return h;
}

/* ---- peers ------------------------------------------------------------------------------------------------------- */

static void io_totals(struct memory_io *io, struct peer *peer)
{
    uint32_t count = io_count(io, peer->total_count, RPC_CODES_MAX);

    for (uint32_t i = 0; i < count; i++) {
        int64_t code = peer->totals[i].code;
        uint64_t total = peer->totals[i].total;
        io_i64(io, &code);
        io_u64(io, &total);
        io->failed |= code < INT32_MIN || code > INT32_MAX || total > INT64_MAX;
        if (io->is_writing || io->failed)
            continue;
        peer->totals[i].code = (int)code;
        peer->totals[i].total = total;
        peer->total_count = i + 1;
    }
}

static bool is_known_address(const struct broker *b, const char *address)
{
    for (unsigned i = 0; i < b->member_count; i++)
        if (strcmp(rpc_target_address(b->members[i]->peer.target), address) == 0)
            return true;
    return false;
}

static void io_member(struct memory_io *io, const struct memory *memory, struct broker *b, struct member *m)
{
    int64_t id = m != NULL ? m->id : 0;
    bool has_clients = m != NULL && m->clients.target != NULL;

    io_i64(io, &id);
    const char *address = io_text(io, m != NULL ? rpc_target_address(m->peer.target) : "", ADDRESS_MAX_BYTES - 1);
    io->failed |= m == NULL && (is_known_address(b, address) || topology_members(memory->topology) >= SOURCE_MEMBERS_MAX);
    if (io->failed)
        return;
    if (m == NULL)
        m = broker_add_member(b, memory->rpc, id, address);
    io_time(io, &m->listed_at_ns);
    io_bool(io, &m->is_listed);
    io_bool(io, &m->is_up);
    io_bool(io, &m->was_asked);
    io_totals(io, &m->peer);
    io_bool(io, &has_clients);
    if (has_clients && !io->failed)
        io_totals(io, member_clients(m, memory->rpc));
}

static void io_members(struct memory_io *io, const struct memory *m, struct broker *b)
{
    uint32_t leader = 0, count = io_count(io, b->member_count, 2 * BODY_MEMBERS_MAX);

    io->failed |= count == 0;
    for (uint32_t i = 0; i < count && !io->failed; i++)
        io_member(io, m, b, io->is_writing ? b->members[i] : NULL);
    for (uint32_t i = 0; io->is_writing && i < count; i++)
        leader = b->members[i] == b->leader ? i + 1 : leader;
    io_u32(io, &leader, count);
    if (!io->is_writing && !io->failed && leader > 0)
        b->leader = b->members[leader - 1];
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static void mark_running(struct memory_io *io, const struct running *r)
{
    for (uint32_t i = 0; i < r->queue_count; i++)
        io->topics[r->queues[i].topic] = 1;
    for (uint32_t i = 0; i < r->topic_count; i++)
        io->topics[r->topics[i].topic] = 1;
    for (uint32_t i = 0; i < r->pop_count; i++)
        io->topics[r->pops[i].topic] = 1;
    for (uint32_t i = 0; i < r->subscribed_count; i++)
        io->topics[r->subscribed[i]] = 1;
}

static void mark_broker(struct memory_io *io, const struct broker *b)
{
    const struct cluster *c = b->cluster;

    for (uint32_t id = 1; id < c->topics.count; id++)
        if (memory_keeps_topic(b, id))
            io->topics[id] = 1;
    for (uint32_t id = 1; id < c->pairs.count; id++)
        if (memory_keeps_pair(b, id))
            io->pairs[id] = io->topics[c->pair_infos[id].topic] = io->groups[c->pair_infos[id].group] = 1;
    for (uint32_t id = 1; id < c->groups.count; id++)
        if (broker_has_group(b, id) || broker_has_offsets_of(b, id))
            io->groups[id] = 1;
}

static uint32_t number(uint32_t *map, uint32_t count)
{
    uint32_t next = 1;

    for (uint32_t id = 1; id < count; id++)
        if (map[id] != 0)
            map[id] = next++;
    return next - 1;
}

static void choose_names(struct memory_io *io, const struct cluster *c)
{
    io->topics = xcalloc(c->topics.count, sizeof(*io->topics));
    io->groups = xcalloc(c->groups.count, sizeof(*io->groups));
    io->pairs = xcalloc(c->pairs.count, sizeof(*io->pairs));
    for (unsigned i = 0; i < c->broker_count; i++)
        mark_broker(io, c->brokers[i]);
    for (uint32_t id = 1; id < c->groups.count; id++)
        for (uint32_t k = 0; io->groups[id] != 0 && k < c->group_infos[id].client_count; k++)
            if (c->group_infos[id].clients[k].running != NULL)
                mark_running(io, c->group_infos[id].clients[k].running);
}

static void drop_choice(struct memory_io *io)
{
    free(io->topics);
    free(io->groups);
    free(io->pairs);
    io->topics = io->groups = io->pairs = NULL;
}

/* The names that `map` keeps; reading adds them to the cluster, where each must be new. */
static void io_names(struct memory_io *io, struct cluster *c, const struct intern *names, const uint32_t *map, uint32_t kept,
                     uint32_t max, uint32_t (*add)(struct cluster *c, struct view name))
{
    uint32_t count = io_count(io, kept, max);

    for (uint32_t id = 1; io->is_writing && id < names->count; id++)
        if (map[id] != 0)
            io_name(io, intern_view(names, id));
    for (uint32_t id = 1; !io->is_writing && id <= count && !io->failed; id++) {
        struct view name = io_name(io, (struct view){ "", 0 });
        io->failed |= io->failed || add(c, name) != id;
    }
}

static void read_pair(struct memory_io *io, struct cluster *c, uint32_t id, const struct pair_info *info)
{
    struct view topic = intern_view(&c->topics, info->topic), group = intern_view(&c->groups, info->group);
    struct buf key;

    buf_init(&key, 0);
    buf_put(&key, topic.data, topic.len);
    buf_putc(&key, '@');
    buf_put(&key, group.data, group.len);
    if (info->is_broadcast)
        buf_puts(&key, "@broadcast");
    uint32_t found = cluster_pair(c, (struct view){ key.data, key.len });
    io->failed |= found != id || c->pair_infos[id].topic != info->topic || c->pair_infos[id].group != info->group;
    buf_fini(&key);
}

static void io_pair_names(struct memory_io *io, struct cluster *c, uint32_t kept)
{
    uint32_t count = io_count(io, kept, CLUSTER_PAIRS_MAX);
    uint32_t end = io->is_writing ? c->pairs.count : count + 1;

    for (uint32_t id = 1; id < end && !io->failed; id++) {
        if (io->is_writing && io->pairs[id] == 0)
            continue;
        struct pair_info info = io->is_writing ? c->pair_infos[id] : (struct pair_info){ .topic = 0 };
        io_id(io, io->topics, &info.topic, c->topics.count);
        io_id(io, io->groups, &info.group, c->groups.count);
        io_bool(io, &info.is_broadcast);
        if (!io->is_writing && !io->failed)
            read_pair(io, c, id, &info);
    }
}

/* ---- clusters ---------------------------------------------------------------------------------------------------- */

static void io_cluster_names(struct memory_io *io, struct cluster *c)
{
    uint32_t topics = 0, groups = 0, pairs = 0;

    if (io->is_writing) {
        choose_names(io, c);
        topics = number(io->topics, c->topics.count);
        groups = number(io->groups, c->groups.count);
        pairs = number(io->pairs, c->pairs.count);
    }
    io_names(io, c, &c->topics, io->topics, topics, CLUSTER_TOPICS_MAX, cluster_topic);
    io_names(io, c, &c->groups, io->groups, groups, CLUSTER_GROUPS_MAX, cluster_group);
    io_pair_names(io, c, pairs);
}

static bool is_known_broker(const struct cluster *c, struct view name)
{
    for (unsigned i = 0; i < c->broker_count; i++)
        if (view_is(name, c->brokers[i]->name))
            return true;
    return false;
}

/* Brokers come before names: topics named like them are their own. */
static void io_brokers(struct memory_io *io, const struct memory *m, struct cluster *c)
{
    uint32_t count = io_count(io, c->broker_count, CLUSTER_BROKERS_MAX - m->topology->broker_count * !io->is_writing);

    io->failed |= count == 0;
    for (uint32_t i = 0; i < count && !io->failed; i++) {
        struct view name = io_name(io, io->is_writing ? view_of(c->brokers[i]->name) : (struct view){ "", 0 });
        if (!io->is_writing && (io->failed || is_known_broker(c, name))) {
            io->failed = true;
            return;
        }
        if (!io->is_writing) {
            cluster_add_broker(c, name);
            m->topology->broker_count++;
        }
        io_members(io, m, c->brokers[i]);
    }
}

static void io_cluster(struct memory_io *io, const struct memory *m, struct cluster *c)
{
    io_u32(io, &c->live_topics, UINT32_MAX);
    io_u32(io, &c->live_groups, UINT32_MAX);
    io_u32(io, &c->live_pairs, UINT32_MAX);
    io_brokers(io, m, c);
    if (!io->failed)
        io_cluster_names(io, c);
    for (uint32_t id = 1; id < c->groups.count && !io->failed; id++)
        if (!io->is_writing || io->groups[id] != 0)
            io_group(io, c, id);
    for (unsigned i = 0; i < c->broker_count && !io->failed; i++)
        io_broker_parts(io, c->brokers[i]);
    drop_choice(io);
}

static struct cluster *read_cluster(struct memory_io *io, struct topology *t, struct view name)
{
    for (unsigned i = 0; i < t->cluster_count; i++)
        io->failed |= view_is(name, t->clusters[i]->name);
    if (io->failed)
        return NULL;
    t->clusters = xrealloc(t->clusters, t->cluster_count + 1, sizeof(struct cluster *));
    return t->clusters[t->cluster_count++] = cluster_new(name.data, name.len, &t->held);
}

static void io_topology(struct memory_io *io, const struct memory *m)
{
    struct topology *t = m->topology;
    uint32_t count = io_count(io, t->cluster_count, CLUSTERS_MAX);

    for (uint32_t i = 0; i < count && !io->failed; i++) {
        struct view name = io_name(io, io->is_writing ? view_of(t->clusters[i]->name) : (struct view){ "", 0 });
        struct cluster *c = io->is_writing ? t->clusters[i] : read_cluster(io, t, name);
        if (c != NULL)
            io_cluster(io, m, c);
    }
}

/* ---- the source -------------------------------------------------------------------------------------------------- */

static void io_census(struct memory_io *io, struct census *census)
{
    uint32_t told = census->told, count = io_count(io, census->entries.count - 1, CENSUS_ENTRIES_MAX);

    io_u32(io, &told, UINT32_MAX);
    if (!io->is_writing && count > 0 && !io->failed) {
        census->room = count + 1;
        census->lists = xcalloc(census->room, sizeof(*census->lists));
    }
    for (uint32_t id = 1; id <= count && !io->failed; id++) {
        struct view entry = io->is_writing ? intern_view(&census->entries, id) : (struct view){ "", 0 };
        uint32_t text = io->is_writing ? intern_add(&io->texts, entry.data, entry.len) : 0;
        io_u32(io, &text, io->texts.count - 1);
        io_u32(io, &census->lists[id], UINT32_MAX);
        if (!io->is_writing) /* an entry has NULs in it, so it is no text */
            io->failed |= text == 0 || intern_add(&census->entries, intern_text(&io->texts, text), intern_len(&io->texts, text)) != id;
    }
    census->told = told;
}

static void io_source(struct memory_io *io, const struct memory *m)
{
    uint32_t namesrv_at = *m->namesrv_at;

    io_time(io, m->looked_at_ns);
    io_time(io, m->slow_at_ns);
    io_time(io, m->census_at_ns);
    io_u32(io, &namesrv_at, m->namesrv_count - 1);
    *m->namesrv_at = namesrv_at;
    for (unsigned i = 0; i < m->namesrv_count && !io->failed; i++)
        io_totals(io, &m->namesrvs[i]);
    if (!io->failed)
        io_census(io, m->census);
    if (!io->failed)
        io_topology(io, m);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void put_texts(struct memory_io *io)
{
    uint32_t count = io->texts.count - 1;

    io_u32(io, &count, UINT32_MAX);
    for (uint32_t id = 1; id <= count; id++) {
        uint64_t len = intern_len(&io->texts, id);
        io_u64(io, &len);
        buf_put(io->out, intern_text(&io->texts, id), (size_t)len);
    }
}

static void put_number(char *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (char)(value >> (8 * i));
}

static void put_header(struct buf *out, size_t at, size_t body_end)
{
    char *header = out->data + at;

    memcpy(header, MEMORY_MAGIC, 4);
    put_number(header + MEMORY_HEADER, body_end - at - BODY_AT, 4);
    put_number(header + 4, memory_checksum(header + MEMORY_HEADER, out->len - at - MEMORY_HEADER), 8);
}

void memory_save(const struct memory *m, const struct memory_moment *at, struct buf *out)
{
    struct memory_io io = { .is_writing = true, .out = out, .base_ns = at->now_ns, .looks = *m->looks };
    struct memory_moment moment = *at;
    size_t start = out->len;

    assert(m->namesrv_count > 0);
    intern_init(&io.texts);
    buf_put(out, (const char[BODY_AT]){ 0 }, BODY_AT);
    io_i64(&io, &moment.now_ns);
    io_i64(&io, &moment.wall_ms);
    io_text(&io, moment.boot, CLOCK_BOOT_ID);
    io_text(&io, m->settings, TEXT_MAX_BYTES);
    io_u32(&io, &io.looks, UINT32_MAX);
    io_source(&io, m);
    size_t body_end = out->len;
    put_texts(&io);
    if (!buf_failed(out))
        put_header(out, start, body_end);
    intern_fini(&io.texts);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void read_texts(struct memory_io *io)
{
    uint32_t count = io_count(io, 0, UINT32_MAX);

    for (uint32_t id = 1; id <= count && !io->failed; id++) {
        uint32_t len = io_count(io, 0, TEXT_MAX_BYTES);
        if (!io->failed && intern_add(&io->texts, (const char *)io->at, len) != id)
            io->failed = true;
        io->at += len;
    }
}

static uint64_t get_number(const unsigned char *from, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

static bool has_good_header(const unsigned char *data, size_t len)
{
    return len >= BODY_AT && memcmp(data, MEMORY_MAGIC, 4) == 0 && get_number(data + MEMORY_HEADER, 4) <= len - BODY_AT &&
           get_number(data + 4, 8) == memory_checksum(data + MEMORY_HEADER, len - MEMORY_HEADER);
}

/* When it was written, by our monotonic clock. -1: a clock was set back, or it is too long ago. */
static int read_moment(struct memory_io *io, const struct memory_moment *at, struct err *err)
{
    struct memory_moment then = { .now_ns = 0 };

    io_i64(io, &then.now_ns);
    io_i64(io, &then.wall_ms);
    const char *boot = io_text(io, "", CLOCK_BOOT_ID - 1);
    if (io->failed || then.now_ns < 0 || then.wall_ms < 0)
        return err_set(err, ERR_PROTO, "what was remembered cannot be read");
    bool goes_on = boot[0] != '\0' && strcmp(boot, at->boot) == 0 && then.now_ns <= at->now_ns;
    int64_t gap_ms = goes_on ? (at->now_ns - then.now_ns) / NS_PER_MS : at->wall_ms - then.wall_ms;
    if (gap_ms < 0)
        return err_set(err, ERR_PROTO, "what was remembered is of a time that has not come: was the clock set back?");
    if (gap_ms > MEMORY_GAP_MAX_MS)
        return err_set(err, ERR_LIMIT, "what was remembered is %lld days old", (long long)(gap_ms / 86400000));
    io->base_ns = goes_on ? then.now_ns : at->now_ns - gap_ms * NS_PER_MS;
    return 0;
}

static int read_all(struct memory_io *io, const struct memory *m, const struct memory_moment *at, struct err *err)
{
    const unsigned char *body = io->at, *texts = io->at + get_number(io->at - 4, 4);

    io->at = texts;
    read_texts(io);
    io->failed |= io->at != io->end;
    io->at = body;
    io->end = texts;
    if (read_moment(io, at, err) < 0)
        return -1;
    const char *settings = io_text(io, "", TEXT_MAX_BYTES);
    if (!io->failed && strcmp(settings, m->settings) != 0)
        return err_set(err, ERR_CONFIG, "it is configured otherwise now");
    io_u32(io, &io->looks, UINT32_MAX / 2);
    *m->looks = io->looks;
    if (!io->failed)
        io_source(io, m);
    if (io->failed || io->at != io->end)
        return err_set(err, ERR_PROTO, "what was remembered cannot be read");
    return 0;
}

static void forget(const struct memory *m)
{
    topology_fini(m->topology);
    census_begin(m->census);
    for (unsigned i = 0; i < m->namesrv_count; i++)
        m->namesrvs[i].total_count = 0;
    *m->namesrv_at = *m->looks = 0;
    *m->looked_at_ns = *m->slow_at_ns = *m->census_at_ns = 0;
}

int memory_load(const struct memory *m, const struct memory_moment *at, const void *data, size_t len, struct err *err)
{
    struct memory_io io = { .at = (const unsigned char *)data + BODY_AT, .end = (const unsigned char *)data + len };

    assert(*m->looks == 0 && m->topology->cluster_count == 0 && m->namesrv_count > 0);
    if (!has_good_header(data, len))
        return err_set(err, ERR_PROTO, "what was remembered is damaged, or of another version");
    intern_init(&io.texts);
    int result = read_all(&io, m, at, err);
    intern_fini(&io.texts);
    if (result < 0)
        forget(m);
    return result;
}
