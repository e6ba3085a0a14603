/*
 * rpc_parts.h - what the files of the rpc share among themselves; nobody else includes it.
 *
 *      rpc.c          targets, the loop, life
 *      rpc_link.c     one target's connection: open, send, receive, lose
 *      rpc_request.c  requests: queues, submit, call back, count, expire
 *
 * A request goes through two queues of its target:
 *
 *      rpc_submit -> waiting --(in flight < limit)--> flying --(answer, matched by opaque)--> callback
 *                       ^                               |
 *                       +---- kept connection was dead -+
 *
 * Always: submitted = answered + failed + waiting + flying.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_RPC_PARTS_H
#define AGENT_SOURCE_ROCKETMQ_RPC_PARTS_H

#include "agent/base/buf.h"
#include "agent/source/rocketmq/conn.h"
#include "agent/source/rocketmq/rpc.h"

#include <stdbool.h>

struct pollfd;

struct request {
    struct request *next;
    struct rpc_call call; /* fields and body are not kept */
    int32_t opaque;
    bool was_sent;
    int64_t sent_at_ns, deadline_ns;
    struct err *refused; /* it could not even be encoded */
    size_t size;
    char bytes[];
};

struct queue {
    struct request *first, *last;
    unsigned count;
};

struct rpc_target {
    struct rpc *rpc;
    struct rpc_target *next;
    char *label, *address;
    char *rewritten; /* where to connect instead; NULL: address */
    bool is_advertised;
    char *name; /* "label (address)" for errors */
    unsigned limit;
    const struct wire_signer *signer;
    int version;
    int32_t last_opaque;
    struct rpc_stats stats;
    struct queue waiting, flying;
    struct err down; /* why it failed in this run; ERR_NONE: it did not */

    struct conn *conn; /* NULL: none */
    bool is_open;
    bool has_answered; /* on this connection */
    bool has_more;     /* reading stopped because others wait, not because there was nothing: no poll() need tell again */
    bool may_reopen;   /* kept and idle when it was used again, and silent since: the peer may have closed it meanwhile */
    int64_t used_at_ns, answered_at_ns;
    struct buf out; /* bytes to send; the first out_sent of them have gone */
    size_t out_sent;
    char *in; /* bytes received and not yet a frame */
    size_t in_len, in_cap;
    int poll_index; /* into rpc->polls; -1: not in this turn */
};

struct rpc {
    struct rpc_options options;
    struct rpc_target *targets;
    struct buf scratch; /* for encoding */
    struct pollfd *polls;
    size_t poll_room;
    size_t in_large; /* bytes of read buffers beyond RPC_READ_BUFFER each, of all targets */
    bool is_running;
};

/* rpc_request.c: queues. */
void rpc_push_back(struct queue *q, struct request *r);
struct request *rpc_pop_front(struct queue *q); /* NULL: empty */
void rpc_take_out(struct queue *q, struct request *r);
void rpc_put_before(struct queue *to, struct queue *from); /* all of `from`, in its order, before what is in `to` */

/* rpc_request.c: the end of a request. Each calls back; the request is gone. */
void rpc_finish(struct rpc_target *t, struct request *r, const struct frame *frame, const struct err *err);
void rpc_fail_request(struct rpc_target *t, struct request *r, const struct err *err);
/* Fails what is there now; what the callbacks submit meanwhile stays for the next turn. */
void rpc_fail_all(struct rpc_target *t, const struct err *err);
/* A request whose time is up fails alone if the server has answered others since; else the server is taken for silent. */
void rpc_expire(struct rpc_target *t);

/* rpc_request.c: counting. */
struct rpc_code_count *rpc_count_of(struct rpc_stats *s, int code);
void rpc_remember_error(struct rpc_target *t, const struct err *err);

/* rpc_link.c. Any of them may lose the connection; who calls looks at t->conn and t->down behind it. */
bool rpc_advance_connection(struct rpc_target *t); /* true if it is open now */
void rpc_fill_output(struct rpc_target *t); /* requests into the output as far as the limit allows; they leave together */
void rpc_flush_output(struct rpc_target *t);
void rpc_read_input(struct rpc_target *t);
void rpc_drop_connection(struct rpc_target *t); /* quietly */
/* Ends the connection. If it was a kept one that proved dead before its first answer, it is opened again, once. */
void rpc_connection_lost(struct rpc_target *t, const struct err *err);

static inline bool rpc_has_work(const struct rpc_target *t)
{
    return t->waiting.count + t->flying.count > 0;
}

#endif
