/*
 * entry.h - one row as one entry of its table's stream: which fields, in which order, as which bytes. Pure.
 *
 *     XADD mqpush:groups 1700000040000-1 time 1700000040 source prod system rocketmq cluster c consumer_group g ... env prod
 *
 * The interval's time first (seconds; the id's milliseconds are only as a rule the same), then the table's columns in their order,
 * then the constant labels (where a column has the name of a label, the column stays). A value that is not known has no field. The
 * order is fixed because the server stores field names once for a run of entries that have the same.
 */
#ifndef SINKS_REDIS_ENTRY_H
#define SINKS_REDIS_ENTRY_H

#include "agent/base/buf.h"
#include "agent/model/batch.h"
#include "sinks/redis/stream_id.h"
#include "sinks/sink.h"

struct redisReply;

#define ENTRY_TIME_FIELD "time"

/* How the rows of one table are written; made once. */
struct entry_writer {
    enum table_id table;
    struct buf head;                  /* RESP of "XADD key" */
    struct buf names;                 /* RESP of each column's name, one behind the other */
    uint32_t starts[SCHEMA_COLUMNS_MAX + 1]; /* where each begins in names */
    struct buf labels;                /* RESP of the constant labels */
    unsigned label_count;
    struct buf body;                  /* of the row at hand: RESP of its fields without labels */
    unsigned field_count;             /* in body */
};

void entry_writer_init(struct entry_writer *w, enum table_id t, const char *key, const struct sink_label *labels);
void entry_writer_fini(struct entry_writer *w);

/* Appends the command for one row. */
void entry_put(struct entry_writer *w, const struct batch *b, uint32_t row, struct stream_id id, struct buf *out);
/* The same for people: one line, texts quoted where they need it. */
void entry_print(struct entry_writer *w, const struct batch *b, uint32_t row, struct stream_id id, struct buf *out);

/* What tells rows of a table apart: a number made of the interval's time and all columns, labels left out. */
uint64_t entry_hash_row(struct entry_writer *w, const struct batch *b, uint32_t row);
/* The same of an entry as the server gives it: array of names and values. False: not one of ours. */
bool entry_hash_stored(struct entry_writer *w, const struct redisReply *fields, uint64_t *hash);
/* The interval's time of a stored entry; false: not one of ours. */
bool entry_stored_time(const struct redisReply *fields, int64_t *time_ms);

#endif
