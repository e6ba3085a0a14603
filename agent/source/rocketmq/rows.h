/*
 * rows.h - from what we know of the clusters to the rows of a batch. lag.h has the arithmetic of one queue. One thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_ROWS_H
#define AGENT_SOURCE_ROCKETMQ_ROWS_H

#include "agent/source/rocketmq/look.h"

/* Before asking: a row for every broker process, up = 0; answers to 28 go straight into it. */
void rows_begin(struct look *look, const char *source);
/* After asking: everything else. */
void rows_end(struct look *look, const char *source);

#endif
