/*
 * peers.h - the servers we talk to: which one is ours, and the nodes of a Cluster we have been sent to.
 *
 * Home is where a stream is looked for first: the first of the hosts in `url` that takes us, or the master that a Sentinel names, or,
 * if none of the hosts answers, a node of the Cluster we already know. A refusal that says "not me" (READONLY) makes us look again.
 * Links live until peers_fini and are never freed before, so whoever holds one may compare it. One thread at a time.
 */
#ifndef SINKS_REDIS_PEERS_H
#define SINKS_REDIS_PEERS_H

#include "sinks/redis/address.h"
#include "sinks/redis/link.h"

#define PEERS_MAX 256 /* servers known at a time; beyond, one that a redirection names is an error */

struct peers {
    const struct address *address;     /* borrowed, as all that is const here */
    const struct endpoints *sentinels; /* count 0: none */
    const char *sentinel_password;
    struct login login;
    struct link *links[PEERS_MAX];
    unsigned link_count;
    struct link *home; /* NULL: to be looked for */
    unsigned next;     /* of the hosts: where to begin */
};

void peers_init(struct peers *p, const struct address *address, const struct login *login, const struct endpoints *sentinels,
                const char *sentinel_password);
void peers_fini(struct peers *p);

/* An open link, or NULL. *rejected: no later try can help. */
struct link *peers_home(struct peers *p, const struct wait *wait, bool *rejected, struct err *err);
struct link *peers_at(struct peers *p, const struct endpoint *e, const struct wait *wait, bool *rejected, struct err *err);
/* This server is not the one: closes it, and home is looked for anew, beginning with the next host. */
void peers_leave(struct peers *p, struct link *l);
uint64_t peers_bytes(const struct peers *p); /* written to all of them */

#endif
