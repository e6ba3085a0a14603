/*
 * conn.h - one byte stream to one server, as rpc.c sees it: begin to open, step until open, send, receive, close.
 *
 * The seam for other roads to a server: plain TCP is conn_plain (conn.c); TLS or a proxy is another struct conn_ops, given
 * in rpc_options. No function here blocks. A struct conn belongs to one thread and is different for each transport.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_CONN_H
#define AGENT_SOURCE_ROCKETMQ_CONN_H

#include "agent/base/err.h"
#include "agent/net/lookup.h"

#include <stddef.h>
#include <stdint.h>

struct conn;

struct conn_ops {
    /* Begins; what is wrong, be it the address itself, shows in the first step. Gives up by itself at deadline_ns. */
    struct conn *(*open)(void *ctx, const char *address, int64_t deadline_ns);
    /* 1: open; 0: call again when `wait` says so; -1: cannot be opened. The err does not name the peer. */
    int (*step)(struct conn *c, struct err *err);
    /* What to poll for: the fd, with events set, and *wake_at_ns lowered to when step wants to be called anyway. */
    int (*wait)(const struct conn *c, short *events, int64_t *wake_at_ns);
    /* Bytes moved; 0: not now; -1: ERR_CLOSED when the peer has closed or reset, else whatever it was. */
    ptrdiff_t (*receive)(struct conn *c, void *to, size_t len, struct err *err);
    ptrdiff_t (*send)(struct conn *c, const void *from, size_t len, struct err *err);
    void (*close)(struct conn *c); /* at any time; NULL is fine */
};

extern const struct conn_ops conn_plain;

#define CONN_HOST_MAX LOOKUP_HOST_MAX

/* "host:port", "[IPv6]:port" or "IPv6:port" (as old brokers register) into its two parts; -1 and a sentence. */
int conn_split_address(const char *address, char host[CONN_HOST_MAX], char port[6], struct err *err);

#endif
