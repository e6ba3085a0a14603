/*
 * rewrite.h - from the address a broker advertises to the one it is reached at from here; the option `rewrite`.
 *
 *      10.0.0.1:10911=gw.example:20911, 10.0.0.2=gw2        exactly this server; every server of that host, ports kept
 *
 * Pure; belongs to the source. Brokers behind NAT and in containers advertise what only their neighbours can reach.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_REWRITE_H
#define AGENT_SOURCE_ROCKETMQ_REWRITE_H

#include "agent/source/rocketmq/names.h"

#include <stdbool.h>

#define REWRITE_MAX 4096

struct rewrite;

/* NULL: the map is wrong, err says where. */
struct rewrite *rewrite_new(const char *map, struct err *err);
void rewrite_free(struct rewrite *rewrite); /* accepts NULL */

/* True: `to` holds another address. An exact host:port goes before its host. */
bool rewrite_find(const struct rewrite *rewrite, const char *address, char to[ADDRESS_MAX_BYTES]);

#endif
