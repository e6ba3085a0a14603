/*
 * lookup.h - one host's name being looked up, while its caller waits for other things too.
 *
 * Addresses in digits are there at once. A name is looked up by a thread of its own, for getaddrinfo() cannot be told to stop and may
 * take half a minute when DNS is away: whoever gives up first frees the lookup, and that thread ends by itself.
 * A struct lookup belongs to one thread.
 */
#ifndef AGENT_NET_LOOKUP_H
#define AGENT_NET_LOOKUP_H

#include "agent/base/err.h"

#include <stdbool.h>

#define LOOKUP_HOST_MAX 256 /* with its NUL */
#define LOOKUP_PORT_MAX 6

struct addrinfo;
struct lookup;

/* Host: a name or an address in digits; port: digits; both are copied and must fit. socktype: SOCK_STREAM, SOCK_DGRAM. Never NULL: what
 * goes wrong shows in lookup_take. */
struct lookup *lookup_start(const char *host, const char *port, int socktype);
/* Readable when lookup_take has something to say; -1: it has at once. */
int lookup_fd(const struct lookup *l);
/* 1: *found is the list of addresses, good as long as the lookup; 0: not yet; -1: there is none, and why. */
int lookup_take(struct lookup *l, const struct addrinfo **found, struct err *err);
const char *lookup_host(const struct lookup *l);
bool lookup_was_numeric(const struct lookup *l); /* no name */
void lookup_free(struct lookup *l); /* at any time; NULL is fine */

#endif
