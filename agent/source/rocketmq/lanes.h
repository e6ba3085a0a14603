/*
 * lanes.h - what to ask in a look. The fast lane asks for what may have changed since the last look; the slow lanes refresh what
 * changes rarely, a few requests each time. The rules stand at the head of lanes.c and slow.c, and in PROTOCOL.md.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_LANES_H
#define AGENT_SOURCE_ROCKETMQ_LANES_H

#include "agent/source/rocketmq/look.h"

/* A group name that nobody uses: asked about listed topics, 208 answers with their ends and no offsets. */
#define PROBE_GROUP "mqpush_probe"

/* Asks every broker and writes the answers into the topology and the brokers rows (whose numbers stand in the members). */
void lanes_fast(struct look *look);
void lanes_slow(struct look *look);
void lanes_timelag(struct look *look); /* also of a look that is over: it takes its samples */
void lanes_rates(struct look *look);
/* Asks clients about themselves, after the slow lanes. What fails here does not make the look less than whole. */
void lanes_running(struct look *look);

/* For both. Sends one request to a broker's leader; `done` gets the broker as ctx. */
void lanes_submit(struct broker *b, int code, const struct wire_field *fields, size_t count,
                  void (*done)(const struct rpc_answer *answer), uintptr_t arg, int64_t timeout_ms);
/* True if there is an answer with code 0. Else it is counted with the peer, and a broker that is too busy is spared. `what`: the
 * topic, group or pair that was asked about, 0 if none; if it is forbidden that is remembered. */
bool lanes_is_good(struct broker *b, const struct rpc_answer *answer, uint32_t what);
/* The leader said so in this look, or less than slow_interval ago: it is not asked again. */
bool lanes_is_forbidden(const struct broker *b, int code, uint32_t what);
/* As a failure of the peer: an answer that could not be read. */
void lanes_unreadable(struct broker *b, const struct rpc_answer *answer, const struct err *err);
/* Takes an answer to 202; its arg is the topic. */
void lanes_take_topic(struct broker *b, const struct rpc_answer *answer);
/* In flight to the leader goes what its manners allow. */
void lanes_set_pace(struct broker *b);
/* For all but the fast lane: the leader answers, and does not rest. */
bool lanes_may_ask_aside(const struct broker *b);
/* Groups and pairs are shown, and asked for, unless they are the broker's own. */
bool lanes_shows_group(const struct look *look, const struct cluster *c, uint32_t group);

#endif
