/*
 * memory_parts.h - shared by memory.c, memory_parts.c and memory_groups.c; nobody else includes it. See memory.h.
 *
 * Each writes or reads one thing (memory_io.h). What is read may be made in part when io->failed: it can be freed as usual.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_MEMORY_PARTS_H
#define AGENT_SOURCE_ROCKETMQ_MEMORY_PARTS_H

#include "agent/source/rocketmq/memory_io.h"

/* What a broker holds; the names of its cluster are known. */
void io_broker_parts(struct memory_io *io, struct broker *b);
/* A group with its clients, and what they said. */
void io_group(struct memory_io *io, struct cluster *c, uint32_t group);

/* In the newest inventory, or there is none yet: worth keeping. */
bool memory_keeps_topic(const struct broker *b, uint32_t topic);
bool memory_keeps_pair(const struct broker *b, uint32_t pair);

#endif
