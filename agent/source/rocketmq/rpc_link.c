/*
 * rpc_link.c - one target's connection: opened when needed, filled, drained, lost; see rpc_parts.h.
 *
 * Reading and writing alternate and neither waits: brokers stop reading from a peer that does not drain its answers. All
 * errors of a connection come together in rpc_connection_lost().
 */
#include "agent/source/rocketmq/rpc_parts.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define READS_PER_TURN 16 /* one fast server does not keep the loop from the others */

/* ---- opening and losing ----------------------------------------------------------------------------------------- */

static size_t large_part(size_t cap)
{
    return cap > RPC_READ_BUFFER ? cap - RPC_READ_BUFFER : 0;
}

static void set_in_cap(struct rpc_target *t, size_t cap)
{
    t->rpc->in_large += large_part(cap);
    t->rpc->in_large -= large_part(t->in_cap);
    t->in_cap = cap;
}

static void give_back_in(struct rpc_target *t)
{
    set_in_cap(t, 0);
    free(t->in);
    t->in = NULL;
    t->in_len = 0;
}

void rpc_drop_connection(struct rpc_target *t)
{
    t->rpc->options.transport->close(t->conn);
    t->conn = NULL;
    t->is_open = t->has_answered = t->has_more = t->may_reopen = false;
    buf_reset(&t->out);
    t->out_sent = 0;
    give_back_in(t);
}

void rpc_connection_lost(struct rpc_target *t, const struct err *err)
{
    bool again = t->may_reopen && err->kind == ERR_CLOSED;

    rpc_drop_connection(t);
    if (again) {
        t->stats.reopens++;
        rpc_put_before(&t->waiting, &t->flying);
        return;
    }
    t->down = *err;
    rpc_remember_error(t, err);
    rpc_fail_all(t, err);
}

/* The peer has closed: says at which point, for that is what tells a wrong port from a dying broker. */
static void explain_close(const struct rpc_target *t, struct err *err)
{
    const char *looks = wire_looks_like(t->in, t->in_len);
    ptrdiff_t size = wire_size(t->in, t->in_len, t->rpc->options.frame_max, NULL);

    if (looks != NULL)
        err_set(err, ERR_PROTO, "this is %s, not RocketMQ", looks);
    else if (size > 0)
        err_set(err, ERR_CLOSED, "closed the connection in the middle of a frame (%zu of %td bytes)", t->in_len, size);
    else if (t->in_len > 0)
        err_set(err, ERR_CLOSED, "closed the connection in the middle of a frame (%zu bytes)", t->in_len);
    else if (!t->has_answered)
        err_set(err, ERR_CLOSED, "closed the connection without an answer%s",
                t->version != 0 ? "" : " (not a RocketMQ port, or TLS only?)"); /* it once spoke RocketMQ to us */
    else
        err_set(err, ERR_CLOSED, "closed the connection with %u requests unanswered", t->flying.count);
}

static void transfer_failed(struct rpc_target *t, struct err *err)
{
    if (err->kind == ERR_CLOSED)
        explain_close(t, err);
    err_wrap(err, "%s", t->name);
    rpc_connection_lost(t, err);
}

static void begin_connection(struct rpc_target *t)
{
    const struct rpc_options *o = &t->rpc->options;

    t->conn = o->transport->open(o->transport_ctx, t->rewritten != NULL ? t->rewritten : t->address,
                                 clock_now_ns() + o->connect_timeout_ms * NS_PER_MS);
}

/* An advertised address that leads nowhere is the commonest trouble with NAT and containers: said as what it is, unless it once led. */
static void explain_no_connection(const struct rpc_target *t, struct err *err)
{
    bool is_unreachable = err->kind == ERR_SYS || err->kind == ERR_TIMEOUT || err->kind == ERR_REMOTE;
    const char *to = t->rewritten;
    char reason[sizeof(err->msg)];

    if (to != NULL)
        err_wrap(err, "rewritten to %s", to);
    if (!t->is_advertised || !is_unreachable || t->version != 0) {
        err_wrap(err, "connect to %s", t->name);
        return;
    }
    memcpy(reason, err->msg, sizeof(reason));
    int sys = err->sys;
    err_set(err, err->kind, "the name server lists %s at %s, which cannot be reached from here (%.400s); see option rewrite", t->label,
            t->address, reason);
    err->sys = sys;
}

bool rpc_advance_connection(struct rpc_target *t)
{
    struct err err;

    if (t->is_open)
        return true;
    if (t->conn == NULL)
        begin_connection(t);
    int rc = t->rpc->options.transport->step(t->conn, &err);
    if (rc < 0) {
        explain_no_connection(t, &err);
        rpc_connection_lost(t, &err);
    } else if (rc > 0) {
        t->is_open = true;
        t->used_at_ns = clock_now_ns();
        t->stats.connects++;
    }
    return rc > 0;
}

/* ---- sending ---------------------------------------------------------------------------------------------------- */

static void count_sent(struct rpc_target *t, struct request *r, int64_t now)
{
    if (r->was_sent)
        return; /* once more, over a reopened connection */
    r->was_sent = true;
    t->stats.sent++;
    rpc_count_of(&t->stats, r->call.code)->sent++;
    if (t->stats.first_sent_at_ns == 0)
        t->stats.first_sent_at_ns = now;
}

void rpc_fill_output(struct rpc_target *t)
{
    int64_t now = clock_now_ns();

    while (t->flying.count < t->limit && t->waiting.count > 0) {
        struct request *r = rpc_pop_front(&t->waiting);
        if (r->refused != NULL) {
            rpc_remember_error(t, r->refused);
            rpc_fail_request(t, r, r->refused);
            continue;
        }
        if (t->flying.count == 0)
            t->may_reopen = t->has_answered;
        buf_put(&t->out, r->bytes, r->size);
        count_sent(t, r, now);
        r->sent_at_ns = now;
        r->deadline_ns = now + r->call.timeout_ms * NS_PER_MS;
        rpc_push_back(&t->flying, r);
    }
}

void rpc_flush_output(struct rpc_target *t)
{
    struct err err;

    while (t->out_sent < t->out.len) {
        ptrdiff_t n = t->rpc->options.transport->send(t->conn, t->out.data + t->out_sent, t->out.len - t->out_sent, &err);
        if (n < 0) {
            rpc_read_input(t); /* why it closed may stand in what it sent last */
            if (t->is_open)
                transfer_failed(t, &err);
            return;
        }
        if (n == 0)
            return;
        t->out_sent += (size_t)n;
        t->stats.bytes_sent += (uint64_t)n;
        t->used_at_ns = clock_now_ns();
    }
    buf_reset(&t->out);
    t->out_sent = 0;
}

/* ---- receiving -------------------------------------------------------------------------------------------------- */

static struct request *find_flying(const struct rpc_target *t, int32_t opaque)
{
    struct request *r = t->flying.first;

    while (r != NULL && r->opaque != opaque)
        r = r->next;
    return r;
}

/* A frame nobody waits for is a late answer, or a question of the broker to a client it mistakes us for: let it go. */
static void take_frame(struct rpc_target *t, const struct frame *frame)
{
    struct request *r = frame->is_response ? find_flying(t, frame->opaque) : NULL;

    if (r == NULL) {
        t->stats.dropped++;
        return;
    }
    rpc_take_out(&t->flying, r);
    t->answered_at_ns = t->stats.last_answer_at_ns = clock_now_ns();
    t->has_answered = true;
    t->may_reopen = false;
    t->stats.answered++;
    if (frame->version > 0)
        t->version = frame->version;
    rpc_finish(t, r, frame, NULL);
}

/* Keeps the first bytes of a frame that is not complete; a buffer that a large answer has made large goes back. */
static void compact_in(struct rpc_target *t, size_t used)
{
    t->in_len -= used;
    if (t->in_len > 0 && used > 0)
        memmove(t->in, t->in + used, t->in_len);
    if (used == 0 || t->in_cap <= RPC_READ_BUFFER || t->in_len > RPC_READ_BUFFER)
        return;
    t->in = xrealloc(t->in, RPC_READ_BUFFER, 1);
    set_in_cap(t, RPC_READ_BUFFER);
}

/* Hands on every complete frame. -1: what came is no frame. */
static int take_frames(struct rpc_target *t, struct err *err)
{
    struct frame frame;
    size_t used = 0;
    ptrdiff_t n;

    while ((n = wire_decode(t->in + used, t->in_len - used, t->rpc->options.frame_max, &frame, err)) > 0) {
        take_frame(t, &frame);
        used += (size_t)n;
    }
    if (n == 0)
        compact_in(t, used);
    return n < 0 ? -1 : 0;
}

/*
 * Room for more bytes. The buffer doubles as bytes really arrive, up to the size the frame announces: a peer that lies
 * about its length costs us no more than what it sends. -1: others' large frames leave no room for it.
 */
static int make_room(struct rpc_target *t, struct err *err)
{
    size_t large_max = RPC_LARGE_FRAMES * t->rpc->options.frame_max;

    if (t->in_len < t->in_cap)
        return 0;
    ptrdiff_t size = wire_size(t->in, t->in_len, t->rpc->options.frame_max, NULL);
    size_t cap = t->in_cap > 0 ? t->in_cap * 2 : RPC_READ_BUFFER;
    if (size > (ptrdiff_t)t->in_len && (size_t)size < cap)
        cap = (size_t)size > RPC_READ_BUFFER ? (size_t)size : RPC_READ_BUFFER;
    if (t->rpc->in_large - large_part(t->in_cap) + large_part(cap) > large_max)
        return err_set(err, ERR_LIMIT, "large answers of several servers at a time: together more than %zu bytes", large_max);
    t->in = xrealloc(t->in, cap, 1);
    set_in_cap(t, cap);
    return 0;
}

void rpc_read_input(struct rpc_target *t)
{
    struct err err;

    for (int i = 0; i < READS_PER_TURN && t->is_open; i++) {
        if (make_room(t, &err) < 0) {
            err_wrap(&err, "%s", t->name);
            rpc_connection_lost(t, &err);
            return;
        }
        size_t room = t->in_cap - t->in_len;
        ptrdiff_t n = t->rpc->options.transport->receive(t->conn, t->in + t->in_len, room, &err);
        t->has_more = n > 0 && (size_t)n == room;
        if (n == 0)
            return;
        if (n < 0) {
            transfer_failed(t, &err);
            return;
        }
        t->in_len += (size_t)n;
        t->stats.bytes_received += (uint64_t)n;
        t->used_at_ns = clock_now_ns();
        if (take_frames(t, &err) < 0) {
            err_wrap(&err, "%s", t->name);
            rpc_connection_lost(t, &err);
            return;
        }
        if ((size_t)n < room)
            return; /* drained; asking again would only say so */
    }
}
