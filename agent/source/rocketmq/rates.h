/*
 * rates.h - how much flows through topics, groups and brokers in a minute, from offsets and from what request 315 told.
 *
 * Messages come from offsets (motion.h), bytes and returned messages from 315 (lanes_rates.c). What stood for a minute is 0
 * without asking; what is not known is NAN. Nothing here asks; one thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_RATES_H
#define AGENT_SOURCE_ROCKETMQ_RATES_H

#include "agent/source/rocketmq/look.h"

/* Once a look, when all ends are read: has the broker moved, which groups may have sent back messages. */
void rates_begin(struct broker *b);

/* Of the present look: the ends of the topic, the offsets of the pair. */
bool rates_knows_topic(const struct broker *b, uint32_t topic);
bool rates_knows_pair(const struct broker *b, uint32_t pair);
/* The group may have been given messages in the last minute. Not only where it committed: one that is stuck gets some, too. */
bool rates_may_have_got(const struct broker *b, uint32_t pair);
/* A consumer of the group may have sent messages of this topic back to the broker in the last minute. */
bool rates_may_have_sent_back(const struct broker *b, uint32_t pair);
/* Topics and pairs whose bytes are shown: retries and dead letters have no statistics of their own. */
bool rates_has_bytes(const struct broker *b, uint32_t topic);

double rates_topic_messages(const struct broker *b, uint32_t topic); /* only where its ends are shown */
double rates_topic_bytes(const struct broker *b, uint32_t topic);
double rates_pair_messages(const struct broker *b, uint32_t pair);
double rates_pair_bytes(const struct broker *b, uint32_t pair);
double rates_pair_backs(const struct broker *b, uint32_t pair); /* in the last minute, not a second */
double rates_broker_put(const struct broker *b);
double rates_broker_get(const struct broker *b);

#endif
