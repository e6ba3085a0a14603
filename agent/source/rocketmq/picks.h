/*
 * picks.h - the most urgent n of many: what the slow lanes and that of the time lag spend their requests on. Pure.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_PICKS_H
#define AGENT_SOURCE_ROCKETMQ_PICKS_H

#include <stdint.h>

struct broker;
struct cluster;

enum pick_kind { PICK_GROUP, PICK_TOPIC, PICK_PRODUCERS, PICK_PAIR, PICK_CLIENT };

struct pick {
    int64_t urgency;
    enum pick_kind kind;
    struct cluster *cluster;
    struct broker *broker; /* not for groups */
    uint32_t id;
    uint32_t client; /* its place in the group `id` */
};

/* The most urgent ones: a heap with the least urgent on top. */
struct picks {
    struct pick *heap;
    unsigned count, room;
};

void picks_init(struct picks *p, unsigned room);
void picks_fini(struct picks *p);
/* Keeps the pick if it is among the most urgent so far; urgency 0 or less never is. */
void picks_offer(struct picks *p, struct pick pick);
/* Puts heap[0..count) into order, the most urgent first. Nothing may be offered after that. */
void picks_sort(struct picks *p);

#endif
