/*
 * lanes_parts.h - shared by lanes.c and lanes_ends.c; nobody else includes it. See lanes.h.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_LANES_PARTS_H
#define AGENT_SOURCE_ROCKETMQ_LANES_PARTS_H

#include "agent/source/rocketmq/lanes.h"
#include "agent/source/rocketmq/learn.h"

/* One request of the present step; its callback must call lanes_finish() as the last thing. */
void lanes_ask(struct broker *b, int code, const struct wire_field *fields, size_t count,
               void (*done)(const struct rpc_answer *answer), uintptr_t arg, bool is_bulk);
/* The step goes on, if the connection does. */
void lanes_finish(struct broker *b, const struct rpc_answer *answer);
struct moment lanes_moment_of(const struct broker *b);

/* Puts one request in line; false: the step has none left. */
bool lanes_feed_ends(struct broker *b);
bool lanes_feed_singles(struct broker *b);
/* All ends are read: remembers for which end of the log they hold. */
void lanes_end_singles(struct broker *b);

#endif
