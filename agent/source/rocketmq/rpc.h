/*
 * rpc.h - questions to many servers at once, over one poll loop.
 *
 * A target is one server and one connection to it. Requests are put in with rpc_submit() and travel while rpc_run() runs:
 * a few in flight per target, the rest waiting in order; answers come back in any order and each is handed to its
 * request's callback as it arrives, then its bytes are gone. Connections open when first needed, stay open between runs,
 * and are reopened when they have grown old or the peer has closed them meanwhile; that is no failure.
 *
 * Each request's callback is called exactly once: with the answer, or with an error. After an error on a connection the
 * connection is dropped, everything waiting for it fails with that error, and what is submitted to it later in the same
 * run fails likewise; other targets go on, and the next run tries again. A request that gets no answer in its time fails
 * alone if other answers came while it waited; if the peer was silent altogether, that is an error on the connection.
 *
 * One thread. Nothing here blocks but poll().
 */
#ifndef AGENT_SOURCE_ROCKETMQ_RPC_H
#define AGENT_SOURCE_ROCKETMQ_RPC_H

#include "agent/base/err.h"
#include "agent/source/rocketmq/request_codes.h"
#include "agent/source/rocketmq/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RPC_CONNECT_TIMEOUT_MS 3000
#define RPC_REQUEST_TIMEOUT_MS 5000
#define RPC_IDLE_MAX_MS 100000        /* servers close after 120 s without traffic */
#define RPC_IN_FLIGHT_MAX 64          /* most a target may be given; 2 to 4 is what a broker bears */
#define RPC_READ_BUFFER (64u << 10)   /* a read buffer that grew beyond this is given back after the answer */
#define RPC_LARGE_FRAMES 2            /* so many frames of the largest size may be under way at a time, over all connections */
#define RPC_CODES_MAX 40              /* codes counted apart, per target */

struct conn_ops;
struct rewrite;
struct rpc;
struct rpc_target;

struct rpc_options {
    int64_t connect_timeout_ms;       /* 0: RPC_CONNECT_TIMEOUT_MS; all addresses of a name together */
    int64_t idle_max_ms;              /* 0: RPC_IDLE_MAX_MS */
    size_t frame_max;                 /* 0: WIRE_FRAME_MAX */
    const struct wire_signer *signer; /* of every target that is not told otherwise; kept by reference; NULL: none */
    const struct conn_ops *transport; /* NULL: plain TCP (conn.h) */
    void *transport_ctx;
    const struct rewrite *rewrite;    /* for advertised addresses (rewrite.h); NULL: they are as they are */
};

/* What a callback is given. Everything in it is valid during the callback only. */
struct rpc_answer {
    struct rpc_target *target;
    int code;                  /* the request's */
    void *ctx;                 /* the request's */
    uintptr_t arg;             /* the request's */
    const struct frame *frame; /* the answer, whatever its response code; NULL if there was none */
    const struct err *err;     /* why there is none; NULL if there is one */
    int64_t took_ns;           /* from sending to answer; 0 if never sent */
};

struct rpc_call {
    int code;
    const struct wire_field *fields; /* copied, as is the body */
    size_t field_count;
    struct view body;
    int64_t timeout_ms; /* 0: RPC_REQUEST_TIMEOUT_MS; counts from sending */
    void (*done)(const struct rpc_answer *answer); /* may submit, to any target; must not run, free or close. Given an
                                                      error, it must not submit to the same target again */
    void *ctx;
    uintptr_t arg;
};

struct rpc_code_count {
    int code;
    uint32_t sent, failed; /* failed: no answer; an answer that is a refusal is an answer */
};

struct rpc_stats {
    uint64_t sent, answered, failed; /* requests; a failed one may never have been sent */
    uint64_t bytes_sent, bytes_received;
    uint64_t dropped;                /* frames nobody waited for */
    uint64_t connects, reopens;      /* connections opened; of these because a kept one turned out dead */
    int64_t first_sent_at_ns, last_answer_at_ns; /* monotonic; 0: never */
    struct err first_error, last_error;          /* kind ERR_NONE: none */
    struct rpc_code_count codes[RPC_CODES_MAX];  /* in order of first use; codes beyond the last share it */
    unsigned code_count;
};

/* Life. rpc_free ends what is still waiting with ERR_CANCELED. options may be NULL. */
struct rpc *rpc_new(const struct rpc_options *options);
void rpc_free(struct rpc *rpc);

/*
 * A server: label is what people call it ("broker-a", "name server", ...; may be ""), address is host:port with host an
 * IPv4, [IPv6] or name. The same label and address give the same target, with its connection; a second label for one
 * address is a second connection (a lane for slow answers). A bad address shows as an error of the requests.
 */
struct rpc_target *rpc_target(struct rpc *rpc, const char *label, const char *address);
void rpc_target_free(struct rpc_target *target); /* between runs; NULL is fine */
void rpc_target_set_in_flight(struct rpc_target *target, unsigned limit); /* 4 unless told; clamped to 1..RPC_IN_FLIGHT_MAX */
void rpc_target_set_signer(struct rpc_target *target, const struct wire_signer *signer); /* kept by reference; NULL: none */
bool rpc_target_signs(const struct rpc_target *target);
/* The address was given by a name server, not by the user: it may be rewritten, and errors say where it comes from. */
void rpc_target_set_advertised(struct rpc_target *target);
const char *rpc_target_address(const struct rpc_target *target);
int rpc_target_version(const struct rpc_target *target); /* server's version ordinal, from its last answer; 0: not known yet */
const struct rpc_stats *rpc_target_stats(const struct rpc_target *target);
void rpc_target_reset_stats(struct rpc_target *target);
int64_t rpc_stats_duration_ns(const struct rpc_stats *stats); /* first request sent to last answer; 0 if there was none */

/* Puts a request in line; works before and during a run. Never fails: what cannot be sent fails through its callback. */
void rpc_submit(struct rpc_target *target, const struct rpc_call *call);

/*
 * Runs until nothing waits any more: 0, whether the single requests went well or not. -1: deadline_ns (monotonic) passed
 * (ERR_TIMEOUT) or cancel_fd became readable (ERR_CANCELED; -1: none); what was still waiting has failed with that error
 * and its connections are closed. cancel_fd is only polled, never read.
 */
int rpc_run(struct rpc *rpc, int64_t deadline_ns, int cancel_fd, struct err *err);
/* Closes all connections; targets and counters stay. Between runs. */
void rpc_close_all(struct rpc *rpc);

/* 0 if there is an answer with response code 0. Else -1 and what the server (ERR_FORBIDDEN: what is missing; ERR_BUSY, ERR_REMOTE:
 * code, remark) or the line said. */
int rpc_answer_check(const struct rpc_answer *answer, struct err *err);

#endif
