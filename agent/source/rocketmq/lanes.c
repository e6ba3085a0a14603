/*
 * lanes.c - the fast lane: what every look asks. See lanes.h; slow.c has the rest.
 *
 * All brokers at once, each through the same steps, a step only after all answers of the one before:
 *
 *   STATE      43 (committed offsets), then 28 (runtime), one after the other; 28 from every slave beside it
 *   INVENTORY  21 (topics) and 201 (groups), if there is none yet, if 43 showed names it lacks or lost names it has
 *              (at most each tenth of slow_interval), or if it is older than slow_interval and the slow budget
 *              allows; see lanes_inventory.c
 *   ENDS       where the queues end: 208 with lists of topics from 5.3.2 on, for every topic; 202 before, one for each
 *              topic that somebody consumes, that moved within slow_interval, that was read only once yet, or that holds the
 *              retries or dead letters of a group whose offsets moved within slow_interval; before 5.0 retry topics only
 *              in looks in which a delay level has delivered
 *   PROOF      4.9: 28 again. If the broker has stored as many messages as we have found, no topic that was not read has moved
 *              (lanes_ledger.c), and ENDS was for the likely ones only
 *   REST       if it has not: all others
 *   BALANCE    28 once more, so that there is a count to begin from next time
 *   SINGLES    202 for topics whose start is not known (new ones), of which 208 missed a queue, or whose start must be
 *              right because a sum was counted from it and the log's start has moved since (STARTS_AT_ONCE a look)
 *
 * The order is what makes the numbers right:
 *
 * - 43 before ends: what was committed was written before, so an end read later is never less.
 * - 43 before 28 before ends, and ENDS is left out ("still") only if nothing was written since the ends were read. Ends
 *   read after a 28 that said "the log ends at M, nothing waits for dispatch" hold all messages below M. If a later 28 says M
 *   again, and nothing waits, nothing was written in between and the ends are those of now; and since 43 came before that 28, no offset
 *   in it lies behind them. M must have stood still for one look before it counts: a broker that confirms late (synchronous
 *   flush, controller mode) shows a message in M before it dispatches it. So after the last message ends are
 *   read once more, and from then on an idle broker costs 106, 43 and 28.
 * - Another process of the broker name, another boot, a failed 28: not still.
 *
 * A queue that 208 leaves out is not known; it is never 0. A broker that answers neither 43 nor 28 is given up for this look.
 */
#include "agent/source/rocketmq/lanes.h"

#include "agent/base/clock.h"
#include "agent/source/rocketmq/lanes_parts.h"

#include <stdio.h>
#include <string.h>

#define BULK_PATIENCE 3             /* 43, 21 and 201 of a large broker may take so many times longer; not where it was silent before */
#define STARTS_AT_ONCE 100
#define FEED_AHEAD 2                /* requests put in line, in multiples of what is in flight */

static void advance(struct broker *b);

/* ---- requests ---------------------------------------------------------------------------------------------------- */

void lanes_submit(struct broker *b, int code, const struct wire_field *fields, size_t count,
                  void (*done)(const struct rpc_answer *answer), uintptr_t arg, int64_t timeout_ms)
{
    const struct rpc_call call = { .code = code, .fields = fields, .field_count = count, .timeout_ms = timeout_ms,
                                   .done = done, .ctx = b, .arg = arg };

    rpc_submit(b->leader->peer.target, &call);
}

bool lanes_is_forbidden(const struct broker *b, int code, uint32_t what)
{
    const struct look *look = b->now.look;

    return forbidden_holds(&b->leader->peer.forbidden, code, what, look->started_at_ns, look->options->slow_interval_ms);
}

bool lanes_is_good(struct broker *b, const struct rpc_answer *answer, uint32_t what)
{
    struct forbidden *forbidden = &b->leader->peer.forbidden;
    struct err err;

    if (answer->err != NULL) {
        if (answer->err->kind == ERR_TIMEOUT && b->leader->is_up) /* one that answers nothing is not overloaded */
            manners_trouble(&b->manners);
        return false;
    }
    b->leader->is_up = true;
    if (rpc_answer_check(answer, &err) == 0) {
        forbidden_clear(forbidden, answer->code, what);
        return true;
    }
    if (err.kind == ERR_FORBIDDEN)
        forbidden_note(forbidden, answer->code, what, b->now.look->started_at_ns, &err);
    if (answer->frame->code == RMQ_RESPONSE_SYSTEM_BUSY) {
        manners_trouble(&b->manners);
        lanes_set_pace(b);
    }
    peer_refused(&b->leader->peer, answer->code, &err);
    return false;
}

void lanes_unreadable(struct broker *b, const struct rpc_answer *answer, const struct err *err)
{
    peer_refused(&b->leader->peer, answer->code, err);
}

void lanes_set_pace(struct broker *b)
{
    rpc_target_set_in_flight(b->leader->peer.target, manners_in_flight(&b->manners, b->now.look->options->max_in_flight));
}

bool lanes_may_ask_aside(const struct broker *b)
{
    return b->leader->is_up && !b->now.is_given_up && !manners_rests(&b->manners, b->now.look->started_at_ns);
}

bool lanes_shows_group(const struct look *look, const struct cluster *c, uint32_t group)
{
    return look->options->include_system || !c->group_infos[group].is_system;
}

/* Every answer of the fast lane ends here: the step goes on, if the connection does. */
void lanes_finish(struct broker *b, const struct rpc_answer *answer)
{
    b->now.waiting--;
    if (answer->err != NULL) {
        b->now.line_errors++;
        return; /* nothing may be sent to it from here; see lanes_fast */
    }
    b->now.progressed = true;
    advance(b);
}

void lanes_ask(struct broker *b, int code, const struct wire_field *fields, size_t count,
                void (*done)(const struct rpc_answer *answer), uintptr_t arg, bool is_bulk)
{
    int64_t timeout_ms = b->now.look->options->request_timeout_ms;

    b->now.waiting++;
    lanes_submit(b, code, fields, count, done, arg, is_bulk && !b->leader->was_down ? timeout_ms * BULK_PATIENCE : timeout_ms);
}

struct moment lanes_moment_of(const struct broker *b)
{
    int64_t two_looks_s = 2 * b->now.look->options->interval_ms / 1000;

    return (struct moment){ b->now.look->number, clock_now_ns(), two_looks_s > MOTION_IDLE_S ? two_looks_s : MOTION_IDLE_S };
}

/* ---- STATE ------------------------------------------------------------------------------------------------------- */

static void on_offsets(const struct rpc_answer *answer)
{
    struct broker *b = answer->ctx;
    struct err err;

    bool was_locked_out = forbidden_is_noted(&b->leader->peer.forbidden, answer->code, 0);
    bool is_good = lanes_is_good(b, answer, 0);
    if (is_good && was_locked_out)
        forbidden_forget(&b->leader->peer.forbidden); /* a new key, or a new user: nothing that was said holds */
    if (is_good && learn_offsets(b, answer->frame->body, lanes_moment_of(b), &err) < 0)
        lanes_unreadable(b, answer, &err);
    else if (is_good && broker_is_offsets_blind(b)) {
        err_set(&err, ERR_REMOTE, "its master is away, and a slave of 5.5 does not get committed offsets");
        peer_refused(&b->leader->peer, answer->code, &err);
    }
    lanes_finish(b, answer);
}

struct runtime_reader {
    struct member *member;
    struct batch *batch;
};

static void on_entry(void *ctx, struct view key, struct view value)
{
    struct runtime_reader *r = ctx;

    runtime_take(r->batch, r->member->row, &r->member->facts, key, value);
}

static void take_runtime(struct member *m, const struct rpc_answer *answer)
{
    struct runtime_reader r = { m, m->broker->now.look->batch };
    struct err err;

    if (answer->err != NULL)
        return;
    m->is_up = true;
    if (rpc_answer_check(answer, &err) < 0 || body_runtime(answer->frame->body, on_entry, &r, &err) < 0)
        peer_refused(&m->peer, answer->code, &err); /* in the first seconds after boot: NoSuchElementException */
    else
        m->facts_at_ns = clock_now_ns();
}

static void on_slave_runtime(const struct rpc_answer *answer)
{
    take_runtime(answer->ctx, answer);
}

static void on_runtime(const struct rpc_answer *answer)
{
    struct broker *b = answer->ctx;

    take_runtime(b->leader, answer);
    lanes_finish(b, answer);
}

static bool feed_state(struct broker *b)
{
    const struct look *look = b->now.look;

    if (b->now.step_has_begun)
        return false;
    rpc_target_set_in_flight(b->leader->peer.target, 1); /* 28 is sent when 43 has been answered */
    lanes_ask(b, RMQ_GET_ALL_CONSUMER_OFFSET, NULL, 0, on_offsets, 0, true);
    lanes_ask(b, RMQ_GET_BROKER_RUNTIME_INFO, NULL, 0, on_runtime, 0, false);
    for (unsigned i = 0; i < b->member_count; i++)
        if (b->members[i] != b->leader) {
            const struct rpc_call call = { .code = RMQ_GET_BROKER_RUNTIME_INFO, .timeout_ms = look->options->request_timeout_ms,
                                           .done = on_slave_runtime, .ctx = b->members[i] };
            rpc_submit(b->members[i]->peer.target, &call);
        }
    return true;
}

static void take_delivered(struct broker *b, const struct runtime_facts *f)
{
    int64_t delivered = runtime_delay_delivered(f);
    bool stood = delivered != NO_INT && delivered == b->delivered;
    int version = rpc_target_version(b->leader->peer.target);

    b->now.nothing_returned = stood && b->leader->id == 0 && version != 0 && version < WIRE_V5_0_0;
    b->delivered = delivered;
}

static void take_log(struct broker *b, const struct member *m)
{
    const struct runtime_facts *f = &m->facts;

    if (f->booted_at != b->booted_at && b->booted_at != NO_INT)
        manners_booted(&b->manners, b->now.look->started_at_ns);
    if (f->booted_at != b->booted_at)
        b->log_before = b->delivered = b->ledger.puts = NO_INT;
    b->now.puts = f->puts;
    b->booted_at = f->booted_at;
    if (b->log_min_moved)
        b->min_epoch++;
    b->log_min_moved = b->log_min != NO_INT && f->log_min != b->log_min;
    b->log_min = f->log_min;
    b->now.log_stood = f->log_max != NO_INT && f->log_max == b->log_before && f->behind == 0;
    b->log_before = f->log_max;
    take_delivered(b, f);
    b->now.is_still = b->now.log_stood && f->log_max == b->now.settled_log;
    if (!b->now.is_still)
        return;
    b->settled_log = b->now.settled_log; /* they are those of now */
    b->ends_since = b->now.ends_since;
    b->still_since = b->ends_since;
    b->still_at_ns = m->facts_at_ns;
}

/* Whoever the broker knows may ask for both. To one it does not know all else is forbidden, too. */
static bool is_locked_out(const struct broker *b)
{
    return b->leader->facts_at_ns == 0 && lanes_is_forbidden(b, RMQ_GET_ALL_CONSUMER_OFFSET, 0);
}

static void end_state(struct broker *b)
{
    if (!b->leader->is_up || is_locked_out(b))
        b->now.is_given_up = true;
    else if (b->leader->facts_at_ns != 0)
        take_log(b, b->leader);
    if (b->leader->facts_at_ns == 0)
        b->log_before = b->delivered = b->ledger.puts = b->now.puts = NO_INT;
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static const struct {
    bool (*feed)(struct broker *b); /* puts one request (or more) in line; false: there is none left in this step */
    void (*end)(struct broker *b);
} steps[] = {
    [STEP_STATE] = { feed_state, end_state },
    [STEP_INVENTORY] = { lanes_feed_inventory, NULL },
    [STEP_ENDS] = { lanes_feed_ends, NULL },
    [STEP_PROOF] = { lanes_feed_proof, lanes_end_proof },
    [STEP_REST] = { lanes_feed_rest, NULL },
    [STEP_BALANCE] = { lanes_feed_balance, lanes_end_balance },
    [STEP_SINGLES] = { lanes_feed_singles, lanes_end_singles },
};

/* Puts as many requests in line as the step has and the broker bears; goes on to the next step when all are answered. */
static void advance(struct broker *b)
{
    unsigned ahead = b->now.look->options->max_in_flight * FEED_AHEAD;

    while (b->now.step != STEP_DONE && !b->now.is_given_up) {
        while (b->now.waiting < ahead && steps[b->now.step].feed(b))
            b->now.step_has_begun = true;
        if (b->now.waiting > 0)
            return;
        if (steps[b->now.step].end != NULL)
            steps[b->now.step].end(b);
        b->now.step++;
        b->now.step_has_begun = false;
        b->now.cursor = 1;
    }
}

/* What was read from another process is no base for rates, and no measure for what this one lacks. */
static void begin_leader(struct broker *b, const struct look *look)
{
    if (!b->leader_is_new)
        return;
    b->leader_is_new = false;
    b->led_since = look->number;
    if (b->leader->id == 0)
        for (uint32_t id = 1; id < b->topic_room; id++)
            b->topics[id].flags &= (uint16_t)~PART_BEHIND;
}

static void begin(struct broker *b, struct look *look)
{
    begin_leader(b, look);
    memset(&b->now, 0, sizeof(b->now));
    manners_begin(&b->manners);
    b->now.look = look;
    if (b->leader->id != 0)
        snprintf(b->leader->peer.note, sizeof(b->leader->peer.note), "stands in for its master, which no name server lists");
    b->now.ends_since = b->ends_since;
    b->now.settled_log = b->settled_log;
    b->now.starts_left = STARTS_AT_ONCE;
    /* Unless it turns out to be still, what was read before is not of now: also where the look is cut off before 28. */
    b->ends_since = look->number;
    b->settled_log = NO_INT;
    for (unsigned i = 0; i < b->member_count; i++) {
        struct member *m = b->members[i];
        m->was_down = m->was_asked && !m->is_up;
        m->was_asked = true;
        m->is_up = false;
        m->facts = RUNTIME_FACTS_NONE;
        m->facts_at_ns = 0;
    }
}

/* After a run: whether a broker that lost a request on the way has more to be asked. One that answers nothing has not. */
static bool resume(struct broker *b)
{
    if (b->now.step == STEP_DONE || b->now.is_given_up)
        return false;
    b->now.is_given_up = !b->now.progressed && b->now.step != STEP_STATE;
    b->now.progressed = false;
    advance(b);
    return b->now.waiting > 0;
}

static bool for_each(struct look *look, bool (*what)(struct broker *b))
{
    bool any = false;

    for (struct broker *b = NULL; (b = topology_next(look->topology, b)) != NULL;)
        any |= what(b);
    return any;
}

void lanes_fast(struct look *look)
{
    for (struct broker *b = NULL; (b = topology_next(look->topology, b)) != NULL;) {
        begin(b, look);
        b->now.progressed = true;
        advance(b);
    }
    do
        if (rpc_run(look->rpc, look->deadline_ns, look->cancel_fd, &look->over) < 0)
            look->is_over = true;
    while (!look->is_over && for_each(look, resume));
}
