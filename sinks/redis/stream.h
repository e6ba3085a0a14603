/*
 * stream.h - one table's stream: which rows of a batch it holds, and the ones it lacks.
 *
 * What makes "exactly once" of a peer that may vanish at any byte: ids only grow, and a row's id follows from the interval and
 * its place (stream_id.h). So a stream that ends below the interval has none of its rows, and all are sent. Otherwise, after an
 * error, a restart, a step of the clock, a foreign entry, what is there is read back and compared row by row (compare.h), and only what
 * is missing is sent, behind the last entry. A command of a connection given up that arrives late carries an id that is
 * taken by the same row, or one that has become too small: either way it changes nothing.
 */
#ifndef SINKS_REDIS_STREAM_H
#define SINKS_REDIS_STREAM_H

#include "sinks/redis/entry.h"
#include "sinks/redis/peers.h"

struct stream {
    char *key; /* malloc'd */
    struct entry_writer writer;
    int64_t max_length, max_age_ms; /* 0: no limit */

    /* What is known of it, valid for one connection. */
    struct link *link;
    uint64_t generation; /* of link when it was learnt */
    bool known;
    struct stream_id last;  /* everything new has to be above */
    struct stream_id first; /* the oldest entry; valid if length > 0 when learnt */
    uint64_t length;
    uint64_t added;         /* entries ever; 0: a server older than 7.0 does not say */
    bool has_refused;       /* a command since the last delivery that succeeded */

    struct endpoint moved_to; /* where a Cluster has this key; moved_to.host[0] == 0: at home */
    struct endpoint ask;      /* where it has it just now */
    bool asking;              /* the link at hand is such a place */
};

void stream_init(struct stream *s, enum table_id t, const char *prefix, const struct sink_label *labels);
void stream_fini(struct stream *s);

/* Every row of the batch's table is in the stream once when this says OK. rows: how many were sent now. */
enum sink_result stream_deliver(struct stream *s, struct peers *p, const struct batch *b, const struct wait *wait, uint64_t *rows,
                                struct err *err);

/* For compare.c: the next reply to a command of this stream; the one to ASKING, where that went ahead, is taken first. */
int stream_reply(const struct stream *s, struct link *l, const struct wait *wait, struct redisReply **reply, struct err *err);

#endif
