/*
 * rows_sums.c - diff summed over topics, groups, brokers, queue numbers and processes: the names of the Go exporter. See rows.c.
 *
 * Every queue of every backlog that is no retry or dead letter topic is in one sum of each kind; queues whose owner is not known are
 * in the sum of the process "" at "". A sum that misses a queue says complete 0: those of the topic, the group and the pair of
 * them if their backlog is incomplete, those of a broker, a queue number and a process if a diff is not known, and those of all
 * processes of a group if a broker did not tell what the group has there. Where a broker's backlogs are more than there is room for,
 * nobody knows whose the rest is: its sums and those of all processes may miss something.
 *
 * Topics, groups and brokers have numbers, so their sums are arrays; a process is interned as the numbers of its two texts.
 */
#include "agent/source/rocketmq/rows_parts.h"

#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/lag.h"

#include <stdlib.h>
#include <string.h>

struct diff_sum {
    int64_t diff;
    bool is_there, is_incomplete;
};

/* By queue number. */
struct queue_sums {
    struct diff_sum *list;
    uint32_t count;
};

struct process {
    uint32_t ip, pid; /* texts of the batch */
};

struct row_diffs {
    struct diff_sum *topics, *groups, *brokers;
    struct queue_sums *queues; /* by broker */
    struct diff_sum pair;      /* the topic of a group at hand */
    struct intern processes;   /* struct process as bytes */
    struct diff_sum *by_process;
    uint32_t process_room;
    bool misses_pairs; /* of who knows which process */
};

void rows_begin_sums(struct rows *r)
{
    const struct cluster *c = r->cluster;
    struct row_diffs *d = r->diffs = xcalloc(1, sizeof(*d));

    d->topics = xcalloc(c->topics.count + (size_t)1, sizeof(*d->topics));
    d->groups = xcalloc(c->groups.count + (size_t)1, sizeof(*d->groups));
    d->brokers = xcalloc(c->broker_count + (size_t)1, sizeof(*d->brokers));
    d->queues = xcalloc(c->broker_count + (size_t)1, sizeof(*d->queues));
    intern_init(&d->processes);
    d->misses_pairs = c->lacks_brokers;
    for (unsigned i = 0; i < c->broker_count; i++) {
        d->brokers[i].is_incomplete = c->brokers[i]->now.lacks.pairs.count > 0;
        d->misses_pairs |= d->brokers[i].is_incomplete;
    }
}

static void add(struct diff_sum *sum, int64_t diff)
{
    if (diff == NO_INT) {
        sum->is_incomplete = true;
        return;
    }
    sum->is_there = true;
    sum->diff = lag_add(sum->diff, diff);
}

static struct diff_sum *sum_of_queue(struct queue_sums *q, uint32_t number)
{
    if (number >= q->count) {
        uint32_t count = number + number / 4 + 16;
        q->list = xrealloc(q->list, count, sizeof(*q->list));
        memset(q->list + q->count, 0, (count - q->count) * sizeof(*q->list));
        q->count = count;
    }
    return &q->list[number];
}

static struct diff_sum *sum_of_process(struct row_diffs *d, uint32_t ip, uint32_t pid)
{
    const struct process key = { ip, pid };
    uint32_t id = intern_add(&d->processes, (const char *)&key, sizeof(key));

    if (id >= d->process_room) {
        uint32_t room = id + id / 2 + 16;
        d->by_process = xrealloc(d->by_process, room, sizeof(*d->by_process));
        memset(d->by_process + d->process_room, 0, (room - d->process_room) * sizeof(*d->by_process));
        d->process_room = room;
    }
    return &d->by_process[id];
}

void rows_sum_queue(struct rows *r, const struct row_queue *q)
{
    struct row_diffs *d = r->diffs;

    add(&d->pair, q->diff);
    add(&d->topics[q->topic], q->diff);
    add(&d->groups[q->group], q->diff);
    add(&d->brokers[q->broker->index], q->diff);
    add(sum_of_queue(&d->queues[q->broker->index], q->queue), q->diff);
    add(sum_of_process(d, q->ip_text, q->pid_text), q->diff);
}

void rows_miss_part(struct rows *r, uint32_t topic, uint32_t group, const struct broker *b)
{
    const struct group_info *g = &r->cluster->group_infos[group];
    struct row_diffs *d = r->diffs;
    uint32_t none = batch_intern(r->batch, "", 0), ip, pid;

    d->topics[topic].is_incomplete = d->groups[group].is_incomplete = d->brokers[b->index].is_incomplete = true;
    sum_of_process(d, none, none)->is_incomplete = true;
    for (uint32_t i = 0; i < g->client_count; i++) {
        rows_split_client(r, g->clients[i].id, &ip, &pid);
        sum_of_process(d, ip, pid)->is_incomplete = true;
    }
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

struct sum_keys {
    uint32_t topic, group, broker, queue, ip, pid; /* texts of the batch; 0: does not belong to it */
};

static void add_row(struct rows *r, const char *name, struct sum_keys keys, const struct diff_sum *sum)
{
    const uint32_t texts[] = { keys.topic, keys.group, keys.broker, keys.queue, keys.ip, keys.pid };
    static const unsigned columns[] = { DIFF_SUMS_TOPIC, DIFF_SUMS_CONSUMER_GROUP, DIFF_SUMS_BROKER, DIFF_SUMS_QUEUE,
                                        DIFF_SUMS_CLIENT_IP, DIFF_SUMS_CLIENT_PID };

    if (!sum->is_there)
        return;
    uint32_t row = rows_new(r, TABLE_DIFF_SUMS), none = batch_intern(r->batch, "", 0);
    batch_set_text(r->batch, TABLE_DIFF_SUMS, row, DIFF_SUMS_SUM, batch_intern_z(r->batch, name));
    for (unsigned i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        batch_set_text(r->batch, TABLE_DIFF_SUMS, row, columns[i], texts[i] != 0 ? texts[i] : none);
    batch_set_int(r->batch, TABLE_DIFF_SUMS, row, DIFF_SUMS_DIFF, sum->diff);
    batch_set_int(r->batch, TABLE_DIFF_SUMS, row, DIFF_SUMS_COMPLETE, !sum->is_incomplete);
}

void rows_end_pair(struct rows *r, uint32_t topic, uint32_t group, bool is_incomplete)
{
    struct row_diffs *d = r->diffs;

    d->pair.is_incomplete |= is_incomplete;
    d->topics[topic].is_incomplete |= is_incomplete;
    d->groups[group].is_incomplete |= is_incomplete;
    add_row(r, "topic_group", (struct sum_keys){ .topic = rows_topic_text(r, topic), .group = rows_group_text(r, group) }, &d->pair);
    d->pair = (struct diff_sum){ .diff = 0 };
}

static void add_broker_rows(struct rows *r, unsigned broker)
{
    const struct row_diffs *d = r->diffs;
    const struct queue_sums *q = &d->queues[broker];

    add_row(r, "broker", (struct sum_keys){ .broker = r->broker_texts[broker] }, &d->brokers[broker]);
    for (uint32_t i = 0; i < q->count; i++) {
        struct diff_sum sum = q->list[i];
        sum.is_incomplete |= d->brokers[broker].is_incomplete;
        if (sum.is_there)
            add_row(r, "queue", (struct sum_keys){ .broker = r->broker_texts[broker], .queue = rows_number_text(r, i) }, &sum);
    }
}

static void add_rows(struct rows *r)
{
    struct row_diffs *d = r->diffs;
    uint32_t look = r->look->number;

    for (uint32_t id = 1; id < r->cluster->topics.count; id++)
        if (d->topics[id].is_there) {
            d->topics[id].is_incomplete |= r->cluster->topic_infos[id].cut == look;
            add_row(r, "topic", (struct sum_keys){ .topic = rows_topic_text(r, id) }, &d->topics[id]);
        }
    for (uint32_t id = 1; id < r->cluster->groups.count; id++)
        if (d->groups[id].is_there) {
            d->groups[id].is_incomplete |= r->cluster->group_infos[id].cut == look;
            add_row(r, "group", (struct sum_keys){ .group = rows_group_text(r, id) }, &d->groups[id]);
        }
    for (unsigned i = 0; i < r->cluster->broker_count; i++)
        add_broker_rows(r, i);
    for (uint32_t id = 1; id < d->processes.count; id++) {
        struct process key;
        memcpy(&key, intern_text(&d->processes, id), sizeof(key));
        d->by_process[id].is_incomplete |= d->misses_pairs;
        add_row(r, "client", (struct sum_keys){ .ip = key.ip, .pid = key.pid }, &d->by_process[id]);
    }
}

void rows_end_sums(struct rows *r)
{
    struct row_diffs *d = r->diffs;

    add_rows(r);
    for (unsigned i = 0; i < r->cluster->broker_count; i++)
        free(d->queues[i].list);
    intern_fini(&d->processes);
    free(d->by_process);
    free(d->topics);
    free(d->groups);
    free(d->brokers);
    free(d->queues);
    free(d);
    r->diffs = NULL;
}
