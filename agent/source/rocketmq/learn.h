/*
 * learn.h - from an answer's body into what we know of the cluster.
 *
 * Each call takes one body at the moment it arrived. 0: it was read to its end; -1: it broke off (ERR_PROTO, ERR_LIMIT), and what
 * it said before that is taken. Nothing here asks or decides; see lanes.h. One thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_LEARN_H
#define AGENT_SOURCE_ROCKETMQ_LEARN_H

#include "agent/source/rocketmq/cluster.h"

/* The moment of an answer: which look it belongs to, and when it came (monotonic). */
struct moment {
    uint32_t look;
    int64_t now_ns;
    int64_t gap_max_s; /* looks that lie further apart say nothing about the last minute */
};

/* 43. Sets broker.now.offsets_moved and broker.names_changed. */
int learn_offsets(struct broker *b, struct view body, struct moment at, struct err *err);
/* 21 and 201, or a page of them: what is named is given the stamp, which is above that of the broker's newest inventory. Once all
 * pages are read the caller makes it that of the newest. *names: how many there were. */
int learn_topics(struct broker *b, struct view body, uint32_t stamp, uint32_t *names, struct err *err);
int learn_groups(struct broker *b, struct view body, uint32_t stamp, uint32_t *names, struct err *err);
/* All pages are read, or it broke off: what it had no room for is what the broker lacks; one that broke off may only add to that. */
void learn_end_list(struct broker *b, size_t list, bool is_whole);

/*
 * Ends of queues. A look at some topics begins, takes answers and ends: a topic of which every queue was seen then has ends
 * of now, any other is marked PART_MISSED. A 202 that follows a 208 which missed something continues its look.
 */
void learn_begin_ends(struct topic_part *t);
int learn_ends(struct broker *b, struct view body, struct err *err);                       /* 208 */
int learn_topic(struct broker *b, uint32_t topic, struct view body, struct moment at, struct err *err); /* 202, begin and end included */
void learn_end_ends(struct broker *b, struct topic_part *t, struct moment at);

/* 203, and its refusal 206: nobody is online. */
int learn_clients(struct broker *b, uint32_t group, struct view body, struct err *err);
void learn_nobody_online(struct broker *b, uint32_t group);
/* 328. Clients that are gone since the last time leave their groups, which are marked is_suspect. */
int learn_producers(struct broker *b, struct view body, bool include_system, struct err *err);

#endif
