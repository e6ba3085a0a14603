/*
 * resolve.h - from a host's name to its addresses, by a deadline.
 *
 * The waiting kind of lookup.h, for threads that have nothing else to do meanwhile.
 */
#ifndef AGENT_NET_RESOLVE_H
#define AGENT_NET_RESOLVE_H

#include "agent/base/err.h"
#include "agent/net/lookup.h"

#include <stdint.h>
#include <sys/socket.h>

#define RESOLVE_HOST_MAX LOOKUP_HOST_MAX
#define RESOLVE_ADDRESSES_MAX 8 /* of one name that are worth trying */

struct resolve_address {
    struct sockaddr_storage to;
    socklen_t len;
};

/* "host:port", "[v6]:port", "host" or "::1" alone (then fallback_port). -1: not such a thing. */
int resolve_split(const char *address, const char *fallback_port, char host[RESOLVE_HOST_MAX], char port[6], struct err *err);

/* How many addresses were found (1..RESOLVE_ADDRESSES_MAX), or -1. cancel_fd readable ends it with ERR_CANCELED; -1: none. */
int resolve_host(const char *host, const char *port, struct resolve_address *found, int64_t deadline_ns, int cancel_fd,
                 struct err *err);

#endif
