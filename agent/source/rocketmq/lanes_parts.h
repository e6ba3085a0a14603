/*
 * lanes_parts.h - shared by the files lanes*.c of the fast lane; nobody else includes it. See lanes.h.
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

/* lanes_ledger.c. Before ENDS: whether only likely topics need be read; then which these are; then the steps. */
void lanes_begin_ledger(struct broker *b);
bool lanes_is_likely(struct broker *b, uint32_t topic);
bool lanes_feed_proof(struct broker *b);
void lanes_end_proof(struct broker *b);
bool lanes_feed_rest(struct broker *b);
bool lanes_feed_balance(struct broker *b);
void lanes_end_balance(struct broker *b);

/* lanes_ends.c. The topic is listed, is not to be left out, and was not refused of late. */
bool lanes_may_ask_end(const struct broker *b, uint32_t topic);
/* Its end is known although it was not read. */
bool lanes_is_known_unasked(struct broker *b, uint32_t topic);
/* What was right in the last look is right at that time. */
void lanes_confirm_end(struct broker *b, struct topic_part *t, int64_t at_ns);
bool lanes_feed_topic(struct broker *b, bool (*wants)(struct broker *b, uint32_t topic));
/* Puts one request in line; false: the step has none left. */
bool lanes_feed_inventory(struct broker *b);
bool lanes_feed_ends(struct broker *b);
bool lanes_feed_singles(struct broker *b);
/* All ends are read: remembers for which end of the log they hold. */
void lanes_end_singles(struct broker *b);

#endif
