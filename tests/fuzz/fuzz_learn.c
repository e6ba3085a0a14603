/*
 * fuzz_learn.c - answers in any order, whole or broken, as what a collector remembers of a broker, and the rows it then makes.
 *
 * The input is cut at each byte 0x01; the first byte of a piece says which request it answers ('O' 43, 'T' 21, 'G' 201,
 * 'E' 208, 'S' 202, 'C' 203, 'R' 307, 'P' 328, 'B' 106, 'L' nothing: the next look), the rest is the body. Once a broker has more than
 * QUEUES_MAX queues or offsets an input is over, and it has at most LOOKS_MAX looks: more rows are the same rows, and cost a hundred times
 * the rest.
 */
#include "agent/base/clock.h"
#include "agent/source/rocketmq/learn.h"
#include "agent/source/rocketmq/rows.h"
#include "agent/source/rocketmq/running.h"
#include "tests/fuzz/fuzz_body.h"

#include <math.h>

#define QUEUES_MAX 300
#define LOOKS_MAX 4

struct world {
    struct rpc *rpc;
    struct topology topology;
    struct broker *broker;
    uint32_t look;
    int64_t now_ns;
};

/* No row shows a lag below zero or a rate that is not a number. */
static void check_rows(struct batch *b)
{
    for (uint32_t row = 0; row < batch_rows(b, TABLE_QUEUES); row++) {
        int64_t lag = batch_int(b, TABLE_QUEUES, row, QUEUES_LAG);
        fuzz_require(lag == NO_INT || lag >= 0);
    }
    for (uint32_t row = 0; row < batch_rows(b, TABLE_BACKLOGS); row++) {
        double rate = batch_real(b, TABLE_BACKLOGS, row, BACKLOGS_OUT_RATE);
        int64_t lost = batch_int(b, TABLE_BACKLOGS, row, BACKLOGS_LOST);
        fuzz_require((isnan(rate) || (rate >= 0 && isfinite(rate))) && (lost == NO_INT || lost >= 0));
    }
}

static void choose_broker(struct world *w)
{
    topology_choose_leaders(&w->topology);
    w->broker = w->topology.clusters[0]->brokers[0];
    w->broker->leader->is_up = true;
}

static void next_look(struct world *w)
{
    static const struct look_options options = { .include_system = true, .cluster_names = "x=y", .interval_ms = 60000 };
    struct look look = { .options = &options, .topology = &w->topology, .rpc = w->rpc, .batch = batch_new(), .number = w->look };

    for (struct broker *b = NULL; (b = topology_next(&w->topology, b)) != NULL;)
        b->now.look = &look;
    rows_begin(&look, "fuzz");
    rows_end(&look, "fuzz");
    check_rows(look.batch);
    batch_unref(look.batch);
    for (unsigned c = 0; c < w->topology.cluster_count; c++)
        cluster_tidy(w->topology.clusters[c]);
    topology_forget(&w->topology, w->now_ns, 1000000);
    choose_broker(w);
    w->look++;
    w->now_ns += NS_PER_S;
}

static void learn_list(struct world *w, struct view body, struct err *err)
{
    for (uint32_t id = 1; id < w->broker->topic_room; id++)
        learn_begin_ends(&w->broker->topics[id]);
    learn_ends(w->broker, body, err);
    for (uint32_t id = 1; id < w->broker->topic_room; id++)
        learn_end_ends(w->broker, &w->broker->topics[id], (struct moment){ w->look, w->now_ns, 120 });
}

static bool end_list(struct broker *b, size_t list, bool is_whole)
{
    learn_end_list(b, list, is_whole);
    b->now.lists[list] = (struct list_reading){ .at = 0 };
    return is_whole;
}

static void learn_piece(struct world *w, char what, struct view body)
{
    const struct moment at = { w->look, w->now_ns, 120 };
    struct broker *b = w->broker;
    struct err err = { .kind = ERR_NONE };
    unsigned listed;
    uint32_t names;

    if (what == 'O')
        learn_offsets(b, body, at, &err);
    else if (what == 'T')
        b->topics_stamp += end_list(b, TOPIC_LIST, learn_topics(b, body, b->topics_stamp + 1, &names, &err) == 0);
    else if (what == 'G')
        b->groups_stamp += end_list(b, GROUP_LIST, learn_groups(b, body, b->groups_stamp + 1, &names, &err) == 0);
    else if (what == 'E')
        learn_list(w, body, &err);
    else if (what == 'S' && b->topic_room > 1 && b->cluster->topics.count > 1)
        learn_topic(b, 1, body, at, &err);
    else if (what == 'C' && b->cluster->groups.count > 1)
        learn_clients(b, 1, body, &err);
    else if (what == 'R' && b->cluster->groups.count > 1 && b->cluster->group_infos[1].client_count > 0)
        learn_running(b, 1, 0, body, w->now_ns, &err);
    else if (what == 'P')
        learn_producers(b, body, true, &err);
    else if (what == 'B')
        topology_learn(&w->topology, w->rpc, body, w->now_ns, &listed, &err);
    else if (what == 'L' && w->look < LOOKS_MAX)
        next_look(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char brokers[] = "{\"brokerAddrTable\":{\"b\":{\"brokerAddrs\":{0:\"127.0.0.1:1\"},\"cluster\":\"c\"}}}";
    struct world w = { .rpc = rpc_new(NULL), .look = 1, .now_ns = NS_PER_S };
    unsigned listed;

    topology_learn(&w.topology, w.rpc, view_of(brokers), w.now_ns, &listed, NULL);
    choose_broker(&w);
    bool is_small = true;
    for (size_t at = 0; at < size && is_small;) {
        const uint8_t *end = memchr(data + at, 1, size - at);
        size_t stop = end != NULL ? (size_t)(end - data) : size;
        if (stop > at)
            learn_piece(&w, (char)data[at], (struct view){ (const char *)data + at + 1, stop - at - 1 });
        is_small = w.broker->end_count <= QUEUES_MAX && w.broker->offset_count <= QUEUES_MAX;
        at = stop + 1;
    }
    if (is_small)
        next_look(&w);
    topology_fini(&w.topology);
    rpc_free(w.rpc);
    return 0;
}
