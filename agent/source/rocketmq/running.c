/* running.c - see running.h. */
#include "agent/source/rocketmq/running.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/batch.h"
#include "agent/source/rocketmq/lag.h"
#include "agent/source/rocketmq/owners.h"

#include <stdlib.h>
#include <string.h>

/* ---- life -------------------------------------------------------------------------------------------------------- */

bool running_take(struct running *r, struct cluster *c)
{
    size_t held = r->queue_count * sizeof(*r->queues) + r->topic_count * sizeof(*r->topics) + r->pop_count * sizeof(*r->pops) +
                  r->subscribed_count * sizeof(*r->subscribed);

    if (!cluster_take(c, held))
        return false;
    r->cluster = c;
    r->held = held;
    return true;
}

static void drop_contents(struct running *r)
{
    if (r->cluster != NULL)
        cluster_give_back(r->cluster, r->held);
    r->cluster = NULL;
    free(r->queues);
    free(r->topics);
    free(r->pops);
    free(r->subscribed);
}

void running_free(struct running *r)
{
    if (r == NULL)
        return;
    drop_contents(r);
    free(r);
}

void running_forget(struct group_info *g)
{
    for (uint32_t i = 0; i < g->client_count; i++) {
        running_free(g->clients[i].running);
        g->clients[i].running = NULL;
    }
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

struct reader {
    struct cluster *cluster;
    uint32_t group;
    struct running r;
    uint32_t queue_room, topic_room, pop_room, subscribed_room;
};

static uint32_t find_topic(const struct reader *reader, struct view name)
{
    return intern_find(&reader->cluster->topics, name.data, name.len);
}

static bool find_broker(const struct reader *reader, struct view name, uint16_t *index)
{
    for (unsigned i = 0; i < reader->cluster->broker_count; i++)
        if (view_is(name, reader->cluster->brokers[i]->name)) {
            *index = (uint16_t)i;
            return true;
        }
    return false;
}

static uint32_t grown(uint32_t room)
{
    return room == 0 ? 8 : room * 2;
}

static void add_subscribed(struct reader *reader, uint32_t topic)
{
    struct running *r = &reader->r;

    if (r->subscribed_count > 0 && r->subscribed[r->subscribed_count - 1] == topic)
        return;
    if (r->subscribed_count == reader->subscribed_room) {
        reader->subscribed_room = grown(reader->subscribed_room);
        r->subscribed = xrealloc(r->subscribed, reader->subscribed_room, sizeof(*r->subscribed));
    }
    r->subscribed[r->subscribed_count++] = topic;
}

/* End minus offset, if the end is of now. */
static int64_t diff_of(const struct broker *b, uint32_t topic, uint32_t queue, int64_t committed)
{
    const struct topic_part *t = broker_find_topic(b, topic);

    if (t == NULL || queue >= t->queues || !broker_ends_are_fresh(b, t) || committed == BODY_NONE)
        return NO_INT;
    return b->ends[t->first + queue].max == UNKNOWN ? NO_INT : b->ends[t->first + queue].max - committed;
}

static void on_queue(void *ctx, struct view topic_name, struct view broker_name, uint32_t queue, int64_t committed)
{
    struct reader *reader = ctx;
    struct running *r = &reader->r;
    uint32_t topic = find_topic(reader, topic_name);
    uint16_t broker;

    if (topic == 0 || !find_broker(reader, broker_name, &broker)) {
        r->is_cut |= cluster_is_cut(reader->cluster); /* else it is of a topic that was deleted, or is too new */
        return;
    }
    if (r->queue_count == RUNNING_QUEUES_MAX) {
        r->is_cut = true;
        return;
    }
    if (r->queue_count == reader->queue_room) {
        reader->queue_room = grown(reader->queue_room);
        r->queues = xrealloc(r->queues, reader->queue_room, sizeof(*r->queues));
    }
    r->queues[r->queue_count++] = (struct running_queue){
        .topic = topic, .broker = broker, .queue = (uint16_t)queue,
        .diff = diff_of(reader->cluster->brokers[broker], topic, queue, committed) };
    add_subscribed(reader, topic);
}

static void on_pop(void *ctx, struct view name, int64_t unacknowledged)
{
    struct reader *reader = ctx;
    struct running *r = &reader->r;
    uint32_t topic = find_topic(reader, name);

    r->has_pop = true;
    r->pop_inflight = lag_add(r->pop_inflight, unacknowledged);
    r->is_cut |= topic == 0 ? cluster_is_cut(reader->cluster) : r->pop_count == RUNNING_TOPICS_MAX;
    if (topic == 0 || r->pop_count == RUNNING_TOPICS_MAX)
        return;
    if (r->pop_count == reader->pop_room) {
        reader->pop_room = grown(reader->pop_room);
        r->pops = xrealloc(r->pops, reader->pop_room, sizeof(*r->pops));
    }
    r->pops[r->pop_count++] = (struct running_pop){ topic, unacknowledged };
}

static void on_topic(void *ctx, const struct body_client_topic *said)
{
    struct reader *reader = ctx;
    struct running *r = &reader->r;
    uint32_t topic = find_topic(reader, said->topic);

    r->is_cut |= r->topic_count == RUNNING_TOPICS_MAX;
    if (topic == 0 || r->topic_count == RUNNING_TOPICS_MAX)
        return;
    if (r->topic_count == reader->topic_room) {
        reader->topic_room = grown(reader->topic_room);
        r->topics = xrealloc(r->topics, reader->topic_room, sizeof(*r->topics));
    }
    r->topics[r->topic_count++] = (struct running_topic){
        .topic = topic, .failed = said->failed, .failed_rate = said->failed_rate, .ok_rate = said->ok_rate,
        .consume_rt_ms = said->consume_rt_ms, .pull_rt_ms = said->pull_rt_ms, .pull_rate = said->pull_rate };
}

/* A sum is the same in any order; mixing keeps two differences from cancelling each other out. */
static uint64_t mixed(uint64_t h)
{
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
    return h ^ (h >> 31);
}

static bool is_own_retry(const struct reader *reader, struct view topic)
{
    const size_t prefix = sizeof(NAME_RETRY_PREFIX) - 1;
    struct view group = intern_view(&reader->cluster->groups, reader->group);

    return topic.len == prefix + group.len && memcmp(topic.data, NAME_RETRY_PREFIX, prefix) == 0 &&
           memcmp(topic.data + prefix, group.data, group.len) == 0;
}

static void on_subscription(void *ctx, struct view name, uint64_t hash)
{
    struct reader *reader = ctx;
    uint32_t topic = find_topic(reader, name);

    if (!is_own_retry(reader, name))
        reader->r.subscriptions += mixed(hash);
    reader->r.is_cut |= reader->r.subscribed_count == RUNNING_QUEUES_MAX;
    if (topic != 0 && reader->r.subscribed_count < RUNNING_QUEUES_MAX)
        add_subscribed(reader, topic);
}

/* "org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely@7a9f31e1", and not ..AveragelyByCircle. */
static bool is_default_strategy(struct view text)
{
    static const char name[] = "AllocateMessageQueueAveragely";
    const char *at = memmem(text.data, text.len, name, sizeof(name) - 1);
    const char *behind = at == NULL ? NULL : at + sizeof(name) - 1;

    return behind != NULL && (behind == text.data + text.len || *behind == '@');
}

static void on_property(void *ctx, struct view name, struct view value)
{
    struct running *r = &((struct reader *)ctx)->r;

    if (view_is(name, "allocateMessageQueueStrategy"))
        r->is_average = is_default_strategy(value);
    else if (view_is(name, "PROP_CONSUME_TYPE"))
        r->is_push = view_is(value, "CONSUME_PASSIVELY");
}

/* ---- keeping ----------------------------------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

int running_compare_queues(const void *a, const void *b)
{
    const struct running_queue *x = a, *y = b;

    if (x->topic != y->topic)
        return x->topic < y->topic ? -1 : 1;
    if (x->broker != y->broker)
        return x->broker < y->broker ? -1 : 1;
    return (x->queue > y->queue) - (x->queue < y->queue);
}

static int compare_topics(const void *a, const void *b)
{
    const struct running_topic *x = a, *y = b;

    return (x->topic > y->topic) - (x->topic < y->topic);
}

/* Sorts the entries, keeps one of equal ones, and gives back the room behind them. */
static void *tidy(void *entries, uint32_t *count, size_t size, int (*compare)(const void *a, const void *b))
{
    char *all = entries;
    uint32_t last = 0;

    if (*count == 0)
        return entries;
    qsort(all, *count, size, compare);
    for (uint32_t i = 1; i < *count; i++)
        if (compare(all + last * size, all + i * size) != 0)
            memmove(all + ++last * size, all + i * size, size);
    *count = last + 1;
    return xrealloc(entries, *count, size);
}

static int compare_pops(const void *a, const void *b)
{
    const struct running_pop *x = a, *y = b;

    return (x->topic > y->topic) - (x->topic < y->topic);
}

/* A topic has an entry for each broker. */
static struct running_pop *join_pops(struct running_pop *pops, uint32_t *count)
{
    uint32_t last = 0;

    if (*count == 0)
        return pops;
    qsort(pops, *count, sizeof(*pops), compare_pops);
    for (uint32_t i = 1; i < *count; i++) {
        if (pops[i].topic == pops[last].topic)
            pops[last].inflight = lag_add(pops[last].inflight, pops[i].inflight);
        else
            pops[++last] = pops[i];
    }
    *count = last + 1;
    return xrealloc(pops, *count, sizeof(*pops));
}

/* False: there is no room for it, and what it said before stands. */
static bool keep(struct cluster *c, struct running *to, struct running *from)
{
    from->queues = tidy(from->queues, &from->queue_count, sizeof(*from->queues), running_compare_queues);
    from->topics = tidy(from->topics, &from->topic_count, sizeof(*from->topics), compare_topics);
    from->pops = join_pops(from->pops, &from->pop_count);
    from->subscribed = tidy(from->subscribed, &from->subscribed_count, sizeof(*from->subscribed), compare_numbers);
    from->asked_at_ns = to->asked_at_ns;
    if (!running_take(from, c))
        return false;
    drop_contents(to);
    *to = *from;
    return true;
}

int learn_running(struct broker *b, uint32_t group, uint32_t client, struct view body, int64_t now_ns, struct err *err)
{
    static const struct body_running to = { on_queue, on_pop, on_topic, on_subscription, on_property };
    struct group_info *g = &b->cluster->group_infos[group];
    struct reader reader = { .cluster = b->cluster, .group = group };

    if (body_running_info(body, &to, &reader, err) < 0) {
        drop_contents(&reader.r);
        return -1;
    }
    struct running *r = g->clients[client].running;
    if (r == NULL)
        r = g->clients[client].running = xcalloc(1, sizeof(*r));
    bool did_fit = r->fit == FIT_YES;
    if (!keep(b->cluster, r, &reader.r)) {
        drop_contents(&reader.r);
        return err_set(err, ERR_LIMIT, "too much is remembered already");
    }
    r->told_at_ns = now_ns;
    r->fit = owners_fit(b->cluster, g, client);
    g->is_suspect |= did_fit && r->fit == FIT_NO; /* somebody else has come, most likely */
    return 0;
}

/* ---- asking it --------------------------------------------------------------------------------------------------- */

const struct running *running_of(const struct group_client *client, int64_t now_ns, int64_t max_age_ms)
{
    const struct running *r = client->running;

    if (r == NULL || r->told_at_ns == 0)
        return NULL;
    return max_age_ms > 0 && (now_ns - r->told_at_ns) / NS_PER_MS > max_age_ms ? NULL : r;
}

bool running_has_queue(const struct running *r, uint32_t topic, uint16_t broker, uint16_t queue)
{
    const struct running_queue wanted = { .topic = topic, .broker = broker, .queue = queue };

    return r->queue_count > 0 && bsearch(&wanted, r->queues, r->queue_count, sizeof(wanted), running_compare_queues) != NULL;
}

int64_t running_pop_inflight(const struct running *r, uint32_t topic)
{
    const struct running_pop wanted = { .topic = topic }, *found = NULL;

    if (r->pop_count > 0)
        found = bsearch(&wanted, r->pops, r->pop_count, sizeof(wanted), compare_pops);
    return found == NULL ? NO_INT : found->inflight;
}

bool running_has_topic(const struct running *r, uint32_t topic)
{
    return r->subscribed_count > 0 && bsearch(&topic, r->subscribed, r->subscribed_count, sizeof(topic), compare_numbers) != NULL;
}
