/*
 * rpc.c - see rpc.h for the contract and rpc_parts.h for how the rest is cut up. Here: targets and the loop.
 *
 * One turn of the loop: push every target forward (open, send, expire), then poll all, then read what has come.
 */
#include "agent/source/rocketmq/rpc_parts.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/forbidden.h"
#include "agent/source/rocketmq/rewrite.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define IN_FLIGHT_DEFAULT 4

/* ---- the loop --------------------------------------------------------------------------------------------------- */

static bool is_stale(const struct rpc_target *t)
{
    return t->is_open && t->flying.count == 0 &&
           clock_now_ns() - t->used_at_ns > t->rpc->options.idle_max_ms * NS_PER_MS;
}

static void push_forward(struct rpc_target *t)
{
    if (!rpc_has_work(t))
        return;
    if (t->down.kind != ERR_NONE) {
        rpc_fail_all(t, &t->down);
        return;
    }
    if (is_stale(t))
        rpc_drop_connection(t);
    rpc_expire(t);
    if (!rpc_has_work(t) || t->down.kind != ERR_NONE || !rpc_advance_connection(t))
        return;
    rpc_fill_output(t);
    rpc_flush_output(t);
}

static void lower(int64_t *at, int64_t other)
{
    if (other < *at)
        *at = other;
}

static void add_poll(struct rpc_target *t, size_t *count, int64_t *wake_at_ns)
{
    struct rpc *rpc = t->rpc;
    short events;

    t->poll_index = -1;
    if (!rpc_has_work(t))
        return;
    if (t->conn == NULL || t->down.kind != ERR_NONE) {
        *wake_at_ns = 0; /* just dropped: the next turn opens it again, or fails what was submitted since */
        return;
    }
    if (t->is_open && t->waiting.count > 0 && t->flying.count < t->limit)
        *wake_at_ns = 0; /* submitted by a callback of a target that came after this one in the turn */
    if (*count == rpc->poll_room) {
        rpc->poll_room = rpc->poll_room * 2 + 16;
        rpc->polls = xrealloc(rpc->polls, rpc->poll_room, sizeof(*rpc->polls));
    }
    if (t->has_more)
        *wake_at_ns = 0;
    int fd = rpc->options.transport->wait(t->conn, &events, wake_at_ns);
    if (t->out_sent < t->out.len)
        events |= POLLOUT;
    t->poll_index = (int)*count;
    rpc->polls[(*count)++] = (struct pollfd){ .fd = fd, .events = events };
    for (struct request *r = t->flying.first; r != NULL; r = r->next)
        lower(wake_at_ns, r->deadline_ns);
}

/* Waits for any target or for the cancel fd. True if we are told to stop. */
static bool wait_for_all(struct rpc *rpc, int64_t deadline_ns, int cancel_fd)
{
    size_t count = 1;
    int64_t wake_at_ns = deadline_ns;

    if (rpc->poll_room == 0) {
        rpc->poll_room = 16;
        rpc->polls = xcalloc(rpc->poll_room, sizeof(*rpc->polls));
    }
    for (struct rpc_target *t = rpc->targets; t != NULL; t = t->next)
        add_poll(t, &count, &wake_at_ns);
    rpc->polls[0] = (struct pollfd){ .fd = cancel_fd, .events = POLLIN };
    if (poll(rpc->polls, (nfds_t)count, clock_ms_until(wake_at_ns)) <= 0)
        count = 0; /* time, or a signal: nothing new to read */
    if (count > 0 && rpc->polls[0].revents != 0)
        return true;
    for (struct rpc_target *t = rpc->targets; t != NULL; t = t->next) {
        bool is_readable = count > 0 && t->poll_index > 0 && rpc->polls[t->poll_index].revents & ~POLLOUT;
        if (t->is_open && (is_readable || t->has_more))
            rpc_read_input(t);
    }
    return false;
}

static bool any_work(const struct rpc *rpc)
{
    for (const struct rpc_target *t = rpc->targets; t != NULL; t = t->next)
        if (rpc_has_work(t))
            return true;
    return false;
}

/* Connections with a question open are closed, so that no late answer meets the next run. */
static void give_up(struct rpc *rpc, const struct err *why)
{
    while (any_work(rpc)) {
        for (struct rpc_target *t = rpc->targets; t != NULL; t = t->next) {
            if (!rpc_has_work(t))
                continue;
            struct err err = *why;
            err_wrap(&err, "%s", t->name);
            if (t->flying.count > 0 || !t->is_open)
                rpc_drop_connection(t);
            rpc_remember_error(t, &err);
            rpc_fail_all(t, &err);
        }
    }
}

int rpc_run(struct rpc *rpc, int64_t deadline_ns, int cancel_fd, struct err *err)
{
    struct err why = { 0 };

    assert(!rpc->is_running);
    rpc->is_running = true;
    for (struct rpc_target *t = rpc->targets; t != NULL; t = t->next)
        t->down.kind = ERR_NONE;
    for (;;) {
        for (struct rpc_target *t = rpc->targets; t != NULL; t = t->next)
            push_forward(t);
        if (!any_work(rpc))
            break;
        if (clock_now_ns() >= deadline_ns) {
            err_set(&why, ERR_TIMEOUT, "not answered before the end of the time allowed");
            break;
        }
        if (wait_for_all(rpc, deadline_ns, cancel_fd)) {
            err_set(&why, ERR_CANCELED, "canceled");
            break;
        }
    }
    if (why.kind != ERR_NONE)
        give_up(rpc, &why);
    rpc->is_running = false;
    if (why.kind == ERR_NONE)
        return 0;
    return err_set(err, why.kind, "%s", why.msg);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

struct rpc *rpc_new(const struct rpc_options *options)
{
    struct rpc *rpc = xcalloc(1, sizeof(*rpc));
    struct rpc_options *o = &rpc->options;

    if (options != NULL)
        *o = *options;
    if (o->connect_timeout_ms <= 0)
        o->connect_timeout_ms = RPC_CONNECT_TIMEOUT_MS;
    if (o->idle_max_ms <= 0)
        o->idle_max_ms = RPC_IDLE_MAX_MS;
    if (o->frame_max == 0)
        o->frame_max = WIRE_FRAME_MAX;
    if (o->transport == NULL)
        o->transport = &conn_plain;
    buf_init(&rpc->scratch, 0);
    return rpc;
}

struct rpc_target *rpc_target(struct rpc *rpc, const char *label, const char *address)
{
    struct rpc_target **end = &rpc->targets;

    for (; *end != NULL; end = &(*end)->next)
        if (strcmp((*end)->label, label) == 0 && strcmp((*end)->address, address) == 0)
            return *end;
    struct rpc_target *t = xcalloc(1, sizeof(*t));
    t->rpc = rpc;
    t->label = xstrdup(label);
    t->address = xstrdup(address);
    t->name = label[0] != '\0' && strcmp(label, address) != 0 ? xasprintf("%s (%s)", label, address) : xstrdup(address);
    t->limit = IN_FLIGHT_DEFAULT;
    t->signer = rpc->options.signer;
    t->poll_index = -1;
    buf_init(&t->out, 0);
    *end = t;
    return t;
}

void rpc_target_free(struct rpc_target *t)
{
    struct err err;

    if (t == NULL)
        return;
    assert(!t->rpc->is_running);
    struct rpc_target **at = &t->rpc->targets;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    rpc_drop_connection(t);
    err_set(&err, ERR_CANCELED, "%s: canceled", t->name);
    while (rpc_has_work(t))
        rpc_fail_all(t, &err);
    buf_fini(&t->out);
    free(t->label);
    free(t->address);
    free(t->rewritten);
    free(t->name);
    free(t);
}

void rpc_free(struct rpc *rpc)
{
    if (rpc == NULL)
        return;
    while (rpc->targets != NULL)
        rpc_target_free(rpc->targets);
    buf_fini(&rpc->scratch);
    free(rpc->polls);
    free(rpc);
}

void rpc_close_all(struct rpc *rpc)
{
    assert(!rpc->is_running);
    for (struct rpc_target *t = rpc->targets; t != NULL; t = t->next)
        rpc_drop_connection(t);
}

/* ---- asking a target -------------------------------------------------------------------------------------------- */

void rpc_target_set_in_flight(struct rpc_target *t, unsigned limit)
{
    t->limit = limit < 1 ? 1 : limit > RPC_IN_FLIGHT_MAX ? RPC_IN_FLIGHT_MAX : limit;
}

void rpc_target_set_signer(struct rpc_target *t, const struct wire_signer *signer)
{
    t->signer = signer;
}

bool rpc_target_signs(const struct rpc_target *t)
{
    return t->signer != NULL;
}

void rpc_target_set_advertised(struct rpc_target *t)
{
    char to[ADDRESS_MAX_BYTES];

    t->is_advertised = true;
    if (t->rewritten == NULL && rewrite_find(t->rpc->options.rewrite, t->address, to))
        t->rewritten = xstrdup(to);
}

const char *rpc_target_address(const struct rpc_target *t)
{
    return t->address;
}

int rpc_target_version(const struct rpc_target *t)
{
    return t->version;
}

const struct rpc_stats *rpc_target_stats(const struct rpc_target *t)
{
    return &t->stats;
}

void rpc_target_reset_stats(struct rpc_target *t)
{
    memset(&t->stats, 0, sizeof(t->stats));
}

int64_t rpc_stats_duration_ns(const struct rpc_stats *s)
{
    return s->last_answer_at_ns > s->first_sent_at_ns ? s->last_answer_at_ns - s->first_sent_at_ns : 0;
}

int rpc_answer_check(const struct rpc_answer *a, struct err *err)
{
    char remark[WIRE_REMARK_TEXT];

    if (a->err != NULL) {
        if (err != NULL)
            *err = *a->err;
        return -1;
    }
    if (a->frame->code == RMQ_RESPONSE_SUCCESS)
        return 0;
    if (forbidden_why(a->frame, remark, sizeof(remark)))
        return err_set(err, ERR_FORBIDDEN, "%s: %s (%d) is forbidden: %s", a->target->name, rmq_code_name(a->code), a->code, remark);
    wire_remark(a->frame, remark, sizeof(remark));
    const char *name = rmq_response_name(a->frame->code);
    enum err_kind kind = a->frame->code == RMQ_RESPONSE_SYSTEM_BUSY ? ERR_BUSY : ERR_REMOTE;
    return err_set(err, kind, "%s: %s (%d) answered code %d%s%s%s%s", a->target->name, rmq_code_name(a->code), a->code,
                   a->frame->code, name[0] != '\0' ? " " : "", name, remark[0] != '\0' ? ": " : "", remark);
}
