/*
 * lanes_running.c - asks clients what they own and how they do (307). See lanes.h; runs after the slow lanes.
 *
 * The broker passes the question on to the client and waits up to 10 s for it with one of its sixteen admin threads. Hence: one
 * question at a time and broker, on a connection of its own, so that a slow client delays nobody; none to a broker that
 * is busy or silent; the lane ends after LANE_MS or half of what is left of the look, whichever is less.
 *
 * Who is asked: at most `running_requests` clients a look, each at most once per `running_interval`, the most urgent first:
 *
 *   - never asked, of a group with backlog
 *   - of a group whose owners nobody has told, or that has changed since: first one client of each, which will often do (owners.h)
 *   - the longer ago the sooner; one whose queues are not those of the strategy that it names sooner still
 *
 * The broker that told about the group (203) is the one to ask. A client that does not answer, or not this (gRPC clients, proxies, C++
 * without a queue), is normal: it is counted with the lane's peer, whose scrapes row has kind client and stays ok, it
 * makes no look incomplete, and it rests, longer each time up to REST_MAX_MS. "Not online" means that it has left: 203 is asked again.
 */
#include "agent/source/rocketmq/lanes.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/owners.h"
#include "agent/source/rocketmq/picks.h"

#include <string.h>

#define CLIENT_TIMEOUT_MS 12000 /* the broker gives up after 10 s and says so */
#define CLIENT_TIME_MIN_MS 200  /* less is not worth a question */
#define LANE_MS 15000
#define REST_MAX_MS 600000
#define DOUBLINGS_MAX 16
#define MISFIT_HASTE 4 /* it may have told in the middle of a rebalance, and then stands in the way of the whole group */
#define URGENCY_CLASS (1LL << 50)
#define OVERDUE_MAX (URGENCY_CLASS / MISFIT_HASTE - 1)

struct running_lane {
    struct look *look;
    struct picks picks;
    int64_t ends_at_ns;
};

/* ---- who --------------------------------------------------------------------------------------------------------- */

/* Age in thousandths of the interval; 0: not due. */
static int64_t overdue(const struct look *look, const struct running *r)
{
    int64_t age_ms = (look->started_at_ns - r->asked_at_ns) / NS_PER_MS, interval_ms = look->options->running_interval_ms;

    if (interval_ms <= 0)
        return 1;
    if (age_ms < interval_ms)
        return 0;
    return age_ms / interval_ms >= OVERDUE_MAX / 1000 ? OVERDUE_MAX : age_ms * 1000 / interval_ms;
}

static int64_t urgency_of(const struct look *look, const struct group_info *g, uint32_t client, bool is_sure)
{
    const struct running *r = g->clients[client].running;

    if (r != NULL && r->rest_until_ns > look->started_at_ns)
        return 0;
    if (r == NULL || r->asked_at_ns == 0)
        return (g->is_behind ? 3 : is_sure ? 1 : 2) * URGENCY_CLASS + (client == 0);
    int64_t due = overdue(look, r);
    if (due > 0 && !is_sure && r->told_at_ns != 0 && r->told_at_ns < g->changed_at_ns)
        return 2 * URGENCY_CLASS + due;
    return r->is_average && r->fit == FIT_NO ? due * MISFIT_HASTE : due;
}

static bool may_ask(const struct broker *b)
{
    return lanes_may_ask_aside(b) && !b->manners.is_in_trouble;
}

static void offer_group(struct running_lane *lane, struct cluster *c, uint32_t id)
{
    const struct group_info *g = &c->group_infos[id];
    struct broker *b = g->asked_broker != 0 && g->asked_broker <= c->broker_count ? c->brokers[g->asked_broker - 1] : NULL;

    if (b == NULL || !g->is_known || !may_ask(b) || !lanes_shows_group(lane->look, c, id))
        return;
    bool is_sure = owners_witness(g) != NULL;
    for (uint32_t i = 0; i < g->client_count; i++)
        if (i == 0 || strcmp(g->clients[i].id, g->clients[i - 1].id) != 0)
            picks_offer(&lane->picks, (struct pick){ urgency_of(lane->look, g, i, is_sure), PICK_CLIENT, c, b, id, i });
}

static void choose(struct running_lane *lane)
{
    const struct topology *t = lane->look->topology;

    picks_init(&lane->picks, lane->look->running_left);
    for (unsigned i = 0; i < t->cluster_count; i++)
        for (uint32_t id = 1; id < t->clusters[i]->groups.count; id++)
            offer_group(lane, t->clusters[i], id);
    picks_sort(&lane->picks);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static void ask_next(struct running_lane *lane, struct broker *b);

/* Each time twice as long, as long as it goes on. */
static void let_rest(const struct running_lane *lane, struct running *r)
{
    int64_t rest_ms = lane->look->options->running_interval_ms << (r->failures < DOUBLINGS_MAX ? r->failures : DOUBLINGS_MAX);

    r->failures++;
    r->rest_until_ns = clock_now_ns() + (rest_ms < REST_MAX_MS ? rest_ms : REST_MAX_MS) * NS_PER_MS;
}

static bool has_left(const struct frame *frame)
{
    return frame->code == RMQ_RESPONSE_SYSTEM_ERROR && memmem(frame->remark.data, frame->remark.len, "not online", 10) != NULL;
}

static int take(struct broker *b, const struct pick *p, const struct rpc_answer *answer, struct err *err)
{
    if (rpc_answer_check(answer, err) < 0)
        return -1;
    return learn_running(b, p->id, p->client, answer->frame->body, clock_now_ns(), err);
}

static void on_client(const struct rpc_answer *answer)
{
    struct broker *b = answer->ctx;
    struct running_lane *lane = b->now.look->running;
    const struct pick *p = &lane->picks.heap[answer->arg];
    struct group_info *g = &p->cluster->group_infos[p->id];
    struct running *r = g->clients[p->client].running;
    struct err err;

    if (answer->err != NULL) {
        if (answer->err->kind != ERR_CANCELED)
            let_rest(lane, r);
        return; /* nothing more may be sent to it from here */
    }
    if (has_left(answer->frame)) {
        g->is_suspect = true;
        r->told_at_ns = 0;
    } else if (answer->frame->code == RMQ_RESPONSE_SYSTEM_BUSY) {
        manners_trouble(&b->manners);
    } else if (take(b, p, answer, &err) < 0) {
        peer_refused(&b->leader->clients, answer->code, &err);
        let_rest(lane, r);
    } else {
        r->failures = 0;
    }
    ask_next(lane, b);
}

static void ask(struct running_lane *lane, struct broker *b, unsigned pick, int64_t time_ms)
{
    const struct pick *p = &lane->picks.heap[pick];
    struct group_client *client = &p->cluster->group_infos[p->id].clients[p->client];
    const struct wire_field fields[] = {
        { "consumerGroup", intern_text(&p->cluster->groups, p->id) }, { "clientId", client->id }, { "jstackEnable", "false" },
    };
    const struct rpc_call call = { .code = RMQ_GET_CONSUMER_RUNNING_INFO, .fields = fields, .field_count = 3,
                                   .timeout_ms = time_ms < CLIENT_TIMEOUT_MS ? time_ms : CLIENT_TIMEOUT_MS,
                                   .done = on_client, .ctx = b, .arg = pick };

    if (client->running == NULL)
        client->running = xcalloc(1, sizeof(*client->running));
    client->running->asked_at_ns = lane->look->started_at_ns;
    rpc_submit(member_clients(b->leader, lane->look->rpc)->target, &call);
}

static void ask_next(struct running_lane *lane, struct broker *b)
{
    int64_t time_ms = (lane->ends_at_ns - clock_now_ns()) / NS_PER_MS;

    while (b->now.next_client < lane->picks.count && lane->picks.heap[b->now.next_client].broker != b)
        b->now.next_client++;
    if (b->now.next_client < lane->picks.count && time_ms >= CLIENT_TIME_MIN_MS && may_ask(b))
        ask(lane, b, b->now.next_client++, time_ms);
}

void lanes_running(struct look *look)
{
    int64_t now_ns = clock_now_ns(), half_ns = (look->deadline_ns - now_ns) / 2;
    struct running_lane lane = { .look = look, .ends_at_ns = now_ns + (half_ns < LANE_MS * NS_PER_MS ? half_ns : LANE_MS * NS_PER_MS) };
    struct err err;

    if (look->is_over || look->running_left == 0)
        return;
    look->running = &lane;
    choose(&lane);
    for (struct broker *b = NULL; lane.picks.count > 0 && (b = topology_next(look->topology, b)) != NULL;)
        ask_next(&lane, b);
    if (rpc_run(look->rpc, lane.ends_at_ns, look->cancel_fd, &err) < 0 && err.kind == ERR_CANCELED) {
        look->is_over = true;
        look->over = err;
    }
    picks_fini(&lane.picks);
    look->running = NULL;
}
