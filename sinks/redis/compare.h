/*
 * compare.h - which rows of a batch a stream holds already: reads it back from its end.
 */
#ifndef SINKS_REDIS_COMPARE_H
#define SINKS_REDIS_COMPARE_H

#include "sinks/redis/stream.h"

struct refusal;

/* stored[row] is set for each row (from 0) found. 0; -1 with err; or -1 with *refused, the reply still in *reply. */
int compare_stream(struct stream *s, struct link *l, const struct batch *b, bool *stored, const struct wait *wait,
                   struct redisReply **refused, struct err *err);

#endif
