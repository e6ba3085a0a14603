/*
 * owners.h - which client of a group owns which queue.
 *
 * Two ways to know. A client says which queues it has (307): true until the set of clients or queues changes. Or it is worked out: with
 * the default strategy, which nearly everybody uses, every client sorts the group's ids and the topic's queues, and takes its
 * share; so can we, as soon as one client has said that it uses this strategy and has exactly the queues that it gives.
 *
 *     Q queues (sorted by broker name, then number), N ids (sorted), m = Q mod N
 *     the first m clients have Q/N + 1 queues each, the others Q/N; if Q <= N the first Q clients have one each
 *
 *     7 queues, 3 clients:   a0 a1 a2 | a3 b0 | b1 b2
 *
 * Broadcast groups (everybody has every queue) and POP (queues are shared) have no owners. One thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_OWNERS_H
#define AGENT_SOURCE_ROCKETMQ_OWNERS_H

#include "agent/source/rocketmq/running.h"

#define OWNER_NONE (-1)

/* Queues of the client at place `client` of N, as places in the sorted list of Q. Pure. */
struct owners_share {
    uint32_t first, count;
};
struct owners_share owners_average_share(uint32_t queues, uint32_t clients, uint32_t client);
/* The client that has the queue at this place; clients > 0, place < queues. Pure. */
uint32_t owners_average_of(uint32_t queues, uint32_t clients, uint32_t place);

/* Does the default strategy give a client the queues it says it has? FIT_UNTOLD: neither gives it any, or it has another one. */
enum running_fit owners_fit(const struct cluster *c, const struct group_info *g, uint32_t client);

/* The client that lets owners be worked out: it has confirmed the strategy, and nobody contradicts; NULL: there is none. */
const struct running *owners_witness(const struct group_info *g);

/* Whoever asks for many owners: the groups' ways to know, and the topic at hand. */
struct owners;
struct owners *owners_new(const struct cluster *c, int64_t now_ns, int64_t max_age_ms);
void owners_free(struct owners *o);
/* From here on it is about this group and topic. */
void owners_begin(struct owners *o, uint32_t group, uint32_t topic);
/* The place in group_info.clients of who owns the queue; OWNER_NONE: nobody, or not known. */
int64_t owners_find(const struct owners *o, const struct broker *b, uint32_t queue);
/* Queues that a client owns, of all topics; NO_INT: not known. */
int64_t owners_count(struct owners *o, uint32_t group, uint32_t client);

#endif
