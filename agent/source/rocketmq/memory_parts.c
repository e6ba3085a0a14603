/*
 * memory_parts.c - what a broker holds, as bytes and back. See memory_parts.h.
 *
 * Arrays by number are lists of "how much further, then the part"; 0 ends them. Offsets are differences to what they are
 * mostly close to: a start to its end, a committed offset to the end of its queue.
 */
#include "agent/source/rocketmq/memory_parts.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/ends_history.h"
#include "agent/source/rocketmq/timelag.h"

#include <stdlib.h>
#include <string.h>

#define PART_OF_LOOK (PART_ASKED) /* flags of a look in progress */

/* The next number of a list; false: it ends. */
static bool io_next(struct memory_io *io, const uint32_t *map, uint32_t *last, uint32_t *id, uint32_t count)
{
    uint32_t number = io->is_writing && *id != 0 && map != NULL ? map[*id] : *id;
    uint32_t step = io->is_writing && *id != 0 ? number - *last : 0;

    io_u32(io, &step, count - 1 - *last);
    if (step == 0 || io->failed)
        return false;
    *last += step;
    if (!io->is_writing)
        *id = *last;
    return io_has_room(io, step);
}

/* ---- motions ----------------------------------------------------------------------------------------------------- */

static void io_told(struct memory_io *io, struct told *told)
{
    if (io->is_writing && told_is_due(told, io->base_ns)) {
        struct told none = { 0, 0 };
        io_seconds(io, &none.at_s);
        return;
    }
    io_seconds(io, &told->at_s);
    if (told->at_s != 0)
        io_float(io, &told->value);
}

static void io_window(struct memory_io *io, struct window *w)
{
    uint32_t base_cs = (uint32_t)(io->base_ns / (NS_PER_S / 100));

    io_u32(io, &w->count, WINDOW_SAMPLES);
    if (w->count == 0)
        io->failed = true;
    for (uint32_t i = 0; i < w->count; i++) {
        uint32_t age_cs = base_cs - w->samples[i].at_cs;
        io_u32(io, &age_cs, UINT32_MAX);
        io_u32(io, &w->samples[i].total, UINT32_MAX);
        w->samples[i].at_cs = base_cs - age_cs;
    }
}

/* What has stood for a while needs no flow: its next one begins where it stood. */
static void io_motion(struct memory_io *io, struct flows *flows, struct motion *m)
{
    bool has_flow = io->is_writing && m->flow != 0 && !motion_is_idle(m, io->base_ns);

    io_seconds(io, &m->since_s);
    io_seconds(io, &m->moved_at_s);
    io_bool(io, &has_flow);
    if (!has_flow || io->failed)
        return;
    struct flow copy = *motion_flow(flows, m, io->base_ns);
    io_window(io, &copy.window);
    io_told(io, &copy.messages);
    io_told(io, &copy.bytes);
    io_told(io, &copy.backs);
    if (!io->is_writing && !io->failed)
        *motion_flow(flows, m, io->base_ns) = copy;
}

/* ---- topics ------------------------------------------------------------------------------------------------------ */

bool memory_keeps_topic(const struct broker *b, uint32_t topic)
{
    return broker_has_topic(b, topic) && (b->topics[topic].listed != 0 || b->topics[topic].ends_number != 0);
}

static void io_ends(struct memory_io *io, struct broker *b, struct topic_part *t)
{
    uint32_t queues = io_count(io, t->queues, BODY_QUEUES_MAX);
    int64_t near = 0;

    if (!io->is_writing && !io->failed && !broker_set_queues(b, t, queues))
        io->failed = true;
    for (uint32_t q = 0; q < queues && !io->failed; q++) {
        struct queue_end *end = &b->ends[t->first + q];
        io_offset(io, &end->max, near);
        io_offset(io, &end->min, end->max);
        io_offset(io, &end->before, end->max);
        near = end->max;
    }
}

static void io_samples(struct memory_io *io, struct ends_history *h)
{
    for (uint32_t i = 0; i < h->count && !io->failed; i++) {
        io_time(io, &h->at_ns[i]);
        for (uint32_t q = 0; q < h->queues; q++)
            io_offset(io, &h->max[(size_t)i * h->queues + q], i == 0 ? 0 : h->max[(size_t)(i - 1) * h->queues + q]);
        if (!io->is_writing && i > 0 && h->at_ns[i] < h->at_ns[i - 1]) /* equal: less than a millisecond apart */
            io->failed = true;
    }
}

static void io_history(struct memory_io *io, struct broker *b, struct topic_part *t)
{
    uint32_t count = t->history != NULL ? t->history->count : 0;
    uint32_t queues = count > 0 ? t->history->queues : 0;

    io_u32(io, &count, ENDS_SAMPLES);
    if (count == 0 || io->failed)
        return;
    queues = io_count(io, queues, BODY_QUEUES_MAX);
    if (!io->is_writing && !io->failed && timelag_expect_history(b, t, queues))
        t->history->count = count;
    if (t->history == NULL)
        io->failed = true;
    if (!io->failed)
        io_samples(io, t->history);
}

static void io_topic(struct memory_io *io, struct broker *b, struct topic_part *t)
{
    bool is_listed = t->listed != 0;
    uint16_t flags = t->flags & (uint16_t)~PART_OF_LOOK;
    uint32_t min_age = t->min_epoch == 0 ? 0 : b->min_epoch - t->min_epoch + 1;

    io_bool(io, &is_listed);
    io_u16(io, &flags, UINT16_MAX);
    io_time(io, &t->ends_at_ns);
    io_i64(io, &t->last_stored_ms);
    io_i64(io, &t->added);
    io_float(io, &t->in_rate);
    io_look(io, &t->ends_number);
    io_seconds(io, &t->read_at_s);
    io_look(io, &t->wanted);
    io_u32(io, &min_age, b->min_epoch);
    io_motion(io, &b->flows, &t->motion);
    io_seconds(io, &t->refused_at_s);
    io_look(io, &t->waits);
    io_time(io, &t->before_at_ns);
    io_ends(io, b, t);
    io_history(io, b, t);
    if (io->is_writing)
        return;
    t->listed = is_listed;
    t->flags = flags & (uint16_t)~PART_OF_LOOK;
    t->min_epoch = min_age == 0 ? 0 : b->min_epoch - min_age + 1;
    io->failed |= t->last_stored_ms < UNKNOWN || t->last_stored_ms > BODY_TIME_MAX;
    io->failed |= t->added < -BODY_OFFSET_MAX || t->added > BODY_OFFSET_MAX;
}

static void io_topics(struct memory_io *io, struct broker *b)
{
    uint32_t id = 0, last = 0, count = b->cluster->topics.count;

    if (io->is_writing) {
        for (id = 1; id < b->topic_room && id < count; id++)
            if (memory_keeps_topic(b, id) && io_next(io, io->topics, &last, &id, UINT32_MAX))
                io_topic(io, b, &b->topics[id]);
        id = 0;
    }
    while (io_next(io, io->topics, &last, &id, count)) {
        struct topic_part *t = broker_topic(b, id);
        if (t == NULL)
            io->failed = true;
        else
            io_topic(io, b, t);
    }
}

/* ---- pairs ------------------------------------------------------------------------------------------------------- */

bool memory_keeps_pair(const struct broker *b, uint32_t pair)
{
    const struct pair_part *p = broker_find_pair(b, pair);

    return p != NULL && (p->seen != 0 || p->ages != NULL);
}

static void io_ages(struct memory_io *io, struct broker *b, uint32_t pair)
{
    struct pair_ages *ages = b->pairs[pair].ages;
    bool is_there = ages != NULL;

    io_bool(io, &is_there);
    if (!is_there)
        return;
    uint32_t queues = io_count(io, ages != NULL ? ages->queues : 0, BODY_QUEUES_MAX);
    if (!io->is_writing && (io->failed || !timelag_expect(b, pair, queues))) {
        io->failed = true;
        return;
    }
    ages = b->pairs[pair].ages;
    io_look(io, &ages->waits);
    io_time(io, &ages->asked_at_ns);
    io_bool(io, &ages->is_mute);
    for (uint32_t q = 0; q < queues; q++) {
        struct told_age *told = &ages->told[q];
        io_offset(io, &told->offset, UNKNOWN);
        if (told->offset == UNKNOWN)
            continue;
        io_time(io, &told->stored_ns);
        io_bool(io, &told->is_passed);
        if (!io->is_writing && told->stored_ns == 0)
            told->offset = UNKNOWN;
    }
}

static void io_pair(struct memory_io *io, struct broker *b, uint32_t pair)
{
    struct pair_part *p = &b->pairs[pair];
    const struct topic_part *t = broker_find_topic(b, b->cluster->pair_infos[pair].topic);
    uint32_t known = t != NULL && (!io->is_writing || memory_keeps_topic(b, b->cluster->pair_infos[pair].topic)) ? t->queues : 0;

    io_look(io, &p->seen);
    io_float(io, &p->out_rate);
    io_motion(io, &b->flows, &p->motion);
    uint32_t queues = io_count(io, p->queues, BODY_QUEUES_MAX);
    if (!io->is_writing && !io->failed && !broker_set_offsets(b, p, queues))
        io->failed = true;
    for (uint32_t q = 0; q < queues && !io->failed; q++)
        io_offset(io, &b->committed[p->first + q], q < known ? b->ends[t->first + q].max : UNKNOWN);
    if (!io->failed)
        io_ages(io, b, pair);
}

static void io_pairs(struct memory_io *io, struct broker *b)
{
    uint32_t id = 0, last = 0, count = b->cluster->pairs.count;

    if (io->is_writing) {
        for (id = 1; id < b->pair_room && id < count; id++)
            if (memory_keeps_pair(b, id) && io_next(io, io->pairs, &last, &id, UINT32_MAX))
                io_pair(io, b, id);
        id = 0;
    }
    while (io_next(io, io->pairs, &last, &id, count)) {
        if (broker_pair(b, id) == NULL)
            io->failed = true;
        else
            io_pair(io, b, id);
    }
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

static bool keeps_group(const struct memory_io *io, const struct broker *b, uint32_t group)
{
    const struct group_part *g = &b->groups[group];
    bool is_listed = g->listed != 0 && g->listed >= b->groups_stamp;

    return io->groups[group] != 0 && (is_listed || g->seen != 0);
}

static void io_group_part(struct memory_io *io, const struct broker *b, struct group_part *g)
{
    bool is_listed = g->listed != 0 && g->listed >= b->groups_stamp;

    io_bool(io, &is_listed);
    io_look(io, &g->seen);
    io_look(io, &g->buried);
    if (!io->is_writing)
        g->listed = is_listed;
}

static void io_group_parts(struct memory_io *io, struct broker *b)
{
    uint32_t id = 0, last = 0, count = b->cluster->groups.count;

    if (io->is_writing) {
        for (id = 1; id < b->group_room && id < count; id++)
            if (keeps_group(io, b, id) && io_next(io, io->groups, &last, &id, UINT32_MAX))
                io_group_part(io, b, &b->groups[id]);
        id = 0;
    }
    while (io_next(io, io->groups, &last, &id, count)) {
        struct group_part *g = broker_group(b, id);
        if (g == NULL)
            io->failed = true;
        else
            io_group_part(io, b, g);
    }
}

/* ---- producers --------------------------------------------------------------------------------------------------- */

static void read_producers(struct memory_io *io, struct broker *b, uint32_t count)
{
    size_t bytes = 0;
    struct {
        const char *group;
        uint32_t clients;
    } *found = xcalloc(count + (size_t)1, sizeof(*found));

    for (uint32_t i = 0; i < count && !io->failed; i++) {
        found[i].group = io_text(io, "", NAME_MAX_BYTES);
        io_u32(io, &found[i].clients, UINT32_MAX);
        bytes += strlen(found[i].group) + 1;
    }
    if (!io->failed) {
        size_t held = sizeof(*b->producers) + count * sizeof(b->producers->list[0]) + bytes;
        b->producers = xmalloc(held);
        b->producers->count = count;
        b->producers->held = cluster_take(b->cluster, held) ? held : 0;
        io->failed |= b->producers->held == 0;
        char *at = (char *)&b->producers->list[count];
        for (uint32_t i = 0; i < count; i++) {
            b->producers->list[i].group = strcpy(at, found[i].group);
            b->producers->list[i].clients = found[i].clients;
            at += strlen(at) + 1;
        }
    }
    free(found);
}

static void io_producers(struct memory_io *io, struct broker *b)
{
    bool is_known = b->producers != NULL;

    io_time_unless(io, &b->producers_at_ns, b->lacks.producers.count > 0);
    io_bool(io, &is_known);
    if (!is_known || io->failed)
        return;
    uint32_t count = io_count(io, b->producers != NULL ? b->producers->count : 0, PRODUCER_GROUPS_MAX);
    if (!io->is_writing) {
        read_producers(io, b, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        io_text(io, b->producers->list[i].group, NAME_MAX_BYTES);
        io_u32(io, &b->producers->list[i].clients, UINT32_MAX);
    }
}

/* Sorted, so differences say it. */
static void io_client_ids(struct memory_io *io, struct broker *b)
{
    uint64_t last = 0;
    uint32_t count = io_count(io, b->client_id_count, PRODUCER_IDS_MAX);

    if (!io->is_writing && count > 0 && !cluster_take(b->cluster, count * sizeof(*b->client_ids))) {
        io->failed = true;
        return;
    }
    if (!io->is_writing && count > 0)
        b->client_ids = xcalloc(count, sizeof(*b->client_ids));
    b->client_id_count = count;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t step = b->client_ids[i] - last;
        io_u64(io, &step);
        io->failed |= step > UINT64_MAX - last;
        last = b->client_ids[i] = last + step;
    }
}

/* ---- a broker ---------------------------------------------------------------------------------------------------- */

static void io_stamp(struct memory_io *io, uint32_t *stamp)
{
    bool is_there = *stamp != 0;

    io_bool(io, &is_there);
    if (!io->is_writing)
        *stamp = is_there;
}

static void io_log(struct memory_io *io, struct broker *b)
{
    io_i64(io, &b->settled_log);
    io_i64(io, &b->log_before);
    io_i64(io, &b->booted_at);
    io_i64(io, &b->delivered);
    io_i64(io, &b->log_min);
    io_u32(io, &b->min_epoch, UINT32_MAX - 1);
    io_bool(io, &b->log_min_moved);
    if (b->min_epoch == 0)
        io->failed = true;
}

static void io_rates(struct memory_io *io, struct broker *b)
{
    io_motion(io, &b->flows, &b->rates.motion);
    io_i64(io, &b->rates.log_max);
    io_i64(io, &b->rates.delivered);
    io_told(io, &b->rates.put);
    io_told(io, &b->rates.get);
    io_look(io, &b->rates.number);
}

static void io_manners(struct memory_io *io, struct manners *m)
{
    uint8_t steps = (uint8_t)m->steps;

    io_u8(io, &steps, MANNERS_STEPS_MAX);
    io_time(io, &m->rest_until_ns);
    m->steps = steps;
}

/* What there was no room for is not kept: the lists are read again at once. */
static void io_inventory(struct memory_io *io, struct broker *b)
{
    bool is_cut = b->lacks.topics.count > 0 || b->lacks.queues.count > 0 || b->lacks.groups.count > 0;
    bool names_changed = b->names_changed || is_cut;

    io_time_unless(io, &b->inventory_at_ns, is_cut);
    io_bool(io, &names_changed);
    if (!io->is_writing)
        b->names_changed = names_changed;
}

void io_broker_parts(struct memory_io *io, struct broker *b)
{
    io_bool(io, &b->leader_is_new);
    io_look(io, &b->led_since);
    io_stamp(io, &b->topics_stamp);
    io_stamp(io, &b->groups_stamp);
    io_inventory(io, b);
    io_look(io, &b->offsets_number);
    io_time(io, &b->offsets_at_ns);
    io_bool(io, &b->knows_offsets);
    io_u32(io, &b->ends_since, UINT32_MAX);
    io_u32(io, &b->still_since, UINT32_MAX);
    io_time(io, &b->still_at_ns);
    io_log(io, b);
    io_rates(io, b);
    io_producers(io, b);
    io_client_ids(io, b);
    io_topics(io, b);
    if (!io->failed)
        io_pairs(io, b);
    if (!io->failed)
        io_group_parts(io, b);
    if (!io->failed)
        io_manners(io, &b->manners);
}
