/*
 * lanes_inventory.c - the step INVENTORY of the fast lane: the lists of topics (21) and of groups (201). When it is due stands at the
 * head of lanes.c.
 *
 * A list comes whole, unless we sign: with any ext field in the request a broker from 5.4.0 on looks for those of paging, and writes a
 * stack trace for each that is not there. So it is asked page by page then (some 2,000 names, by the broker's own setting):
 *
 *     topicSeq 0                                  -> totalTopicNum 4500, names 0..1999, dataVersion V
 *     topicSeq 2000, dataVersion V                -> names 2000..3999, dataVersion V
 *     topicSeq 4000, dataVersion V                -> names 4000..4499
 *
 * Where V has changed meanwhile the broker begins again with the first page, and says so only by another dataVersion: then what came
 * before is out of date, and so are the places of what is to come. A list that changes all the time is asked for whole after all.
 */
#include "agent/source/rocketmq/lanes.h"

#include "agent/base/clock.h"
#include "agent/base/num.h"
#include "agent/source/rocketmq/lanes_parts.h"

#include <string.h>

#define INVENTORY_GAP 10 /* slow_interval / this: between two that are asked for because names have changed */
#define RESTARTS_MAX 3
#define PAGES_MAX 4096   /* of one list */

static const struct list {
    int code;
    const char *seq, *total; /* ext fields: of the request, of the answer */
    bool sends_total;        /* 201: the broker looks for that in requests, too */
    int (*learn)(struct broker *b, struct view body, uint32_t stamp, uint32_t *names, struct err *err);
} lists[] = {
    [TOPIC_LIST] = { RMQ_GET_ALL_TOPIC_CONFIG, "topicSeq", "totalTopicNum", false, learn_topics },
    [GROUP_LIST] = { RMQ_GET_ALL_SUBSCRIPTIONGROUP_CONFIG, "groupSeq", "totalGroupNum", true, learn_groups },
};
#define LISTS (sizeof(lists) / sizeof(lists[0]))
_Static_assert(LISTS == BROKER_LISTS, "each list has its reading");

static uint32_t *stamp_of(struct broker *b, size_t i)
{
    return i == TOPIC_LIST ? &b->topics_stamp : &b->groups_stamp;
}

static void on_page(const struct rpc_answer *answer);

static void ask_page(struct broker *b, size_t i)
{
    const struct list *list = &lists[i];
    const struct list_reading *r = &b->now.lists[i];
    char seq[NUM_TEXT_MAX];
    const struct wire_field fields[] = { { list->seq, seq },
                                         { list->sends_total ? list->total : list->seq, list->sends_total ? "0" : NULL },
                                         { "dataVersion", r->version[0] != '\0' ? r->version : NULL } };

    num_from_i64(seq, r->at);
    lanes_ask(b, list->code, fields, r->is_paged ? 3 : 0, on_page, i, true);
}

/* False: the version is none that can be sent back. */
static bool set_version(struct list_reading *r, struct view version)
{
    if (version.len == 0 || version.len >= sizeof(r->version))
        return false;
    memcpy(r->version, version.data, version.len);
    r->version[version.len] = '\0';
    return true;
}

/* What was read is out of date: what is not named again is gone. */
static void begin_again(struct list_reading *r)
{
    r->at = 0;
    r->stamp++;
    r->names_left.count = r->queues_left.count = 0;
}

/* Takes one page; *more: another must be asked for. */
static int take_page(struct broker *b, size_t i, const struct rpc_answer *answer, bool *more, struct err *err)
{
    struct list_reading *r = &b->now.lists[i];
    struct view body = answer->frame->body, version = body_version(body);
    int64_t total;
    uint32_t names;

    if (r->at > 0 && !view_is(version, r->version)) {
        begin_again(r);
        r->restarts++;
    }
    if (lists[i].learn(b, body, r->stamp, &names, err) < 0)
        return -1;
    r->at += names;
    if (!r->is_paged || !wire_ext_i64(answer->frame, lists[i].total, &total) || r->at >= total)
        return 0;
    if (names == 0 || ++r->pages == PAGES_MAX)
        return err_set(err, ERR_LIMIT, "list of %lld names does not end: %u after %u pages", (long long)total, r->at, r->pages);
    if (r->restarts > RESTARTS_MAX || !set_version(r, version)) {
        begin_again(r);
        r->is_paged = false;
    }
    *more = true;
    return 0;
}

static void on_page(const struct rpc_answer *answer)
{
    struct broker *b = answer->ctx;
    size_t i = answer->arg;
    bool more = false, is_read = false;
    struct err err;

    if (lanes_is_good(b, answer, 0)) {
        is_read = take_page(b, i, answer, &more, &err) == 0;
        if (!is_read)
            lanes_unreadable(b, answer, &err);
        else if (more)
            ask_page(b, i);
        else
            *stamp_of(b, i) = b->now.lists[i].stamp;
    }
    if (!more)
        learn_end_list(b, i, is_read);
    lanes_finish(b, answer);
}

static bool is_due(struct broker *b)
{
    struct look *look = b->now.look;
    int64_t age_ms = (look->started_at_ns - b->inventory_at_ns) / NS_PER_MS;

    if (b->topics_stamp == 0 || b->groups_stamp == 0)
        return true;
    if (manners_rests(&b->manners, look->started_at_ns))
        return false;
    if (b->names_changed)
        return age_ms >= look->options->slow_interval_ms / INVENTORY_GAP;
    if (age_ms < manners_spread(look->options->slow_interval_ms, b->inventory_at_ns, b->index) || look->slow_left < 2)
        return false;
    look->slow_left -= 2;
    return true;
}

bool lanes_feed_inventory(struct broker *b)
{
    struct rpc_target *leader = b->leader->peer.target;

    if (b->now.step_has_begun || !is_due(b))
        return false;
    b->inventory_at_ns = b->now.look->started_at_ns;
    b->names_changed = false;
    for (size_t i = 0; i < LISTS; i++) {
        b->now.lists[i] = (struct list_reading){ .stamp = *stamp_of(b, i) + 1,
                                                 .is_paged = rpc_target_signs(leader) && rpc_target_version(leader) >= WIRE_V5_4_0 };
        ask_page(b, i);
    }
    return true;
}
