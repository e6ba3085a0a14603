/*
 * peer.h - a server we ask, with what it cost and what it refused: one row of the scrapes table, some of the requests table.
 *
 * rpc counts what travelled; this adds refusals that were not expected and totals since the start. One thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_PEER_H
#define AGENT_SOURCE_ROCKETMQ_PEER_H

#include "agent/model/batch.h"
#include "agent/source/rocketmq/forbidden.h"
#include "agent/source/rocketmq/left_out.h"
#include "agent/source/rocketmq/rpc.h"

#include <stdbool.h>

struct peer {
    struct rpc_target *target;
    unsigned refused;  /* answers of this look that were refusals or could not be read */
    struct err error;  /* the first of them */
    struct forbidden forbidden; /* what it does not let us read */
    bool is_forgiving; /* what fails here is told, and counts as nobody's fault: clients that do not answer are normal */
    char left_out[160]; /* of this look, in words; "" mostly */
    char note[160];    /* something odd that is no failure; "" mostly */
    struct {
        int code;
        uint64_t total, in_look;
    } totals[RPC_CODES_MAX];
    unsigned total_count;
};

void peer_init(struct peer *peer, struct rpc *rpc, const char *label, const char *address);
void peer_fini(struct peer *peer); /* between runs; fine after a failed start (target NULL) */

void peer_begin(struct peer *peer); /* a new look begins */
/* Counts an answer that is no use; err is wrapped with the request's name. */
void peer_refused(struct peer *peer, int code, const struct err *err);
/* Before its rows are made: what was not asked because it was forbidden a while ago is still missing, and counts as refused. */
void peer_count_forbidden(struct peer *peer, int64_t look_ns, int64_t rest_ms);
/* As a failure of the peer: it told of more such things than there is room for. Nothing, if there are none. */
void peer_left_out(struct peer *peer, const char *noun, const struct left_out *what);
/* 0 if every request since peer_begin was answered well and nothing was left out; else -1 and what went wrong first, with the address. */
int peer_check(const struct peer *peer, struct err *err);
/* Adds the rows of this look: what was asked and how it went, if anything was; and all requests so far, by code. */
void peer_add_rows(struct peer *peer, struct batch *b, uint32_t source, uint32_t system, uint32_t cluster, const char *kind);

#endif
