/*
 * encode.h - a batch as StatsD lines, packed into packets. Pure but for the counters noted; one thread at a time.
 *
 *     plain      shop.prod.rocketmq.c1.billing.orders.mq_group_lag_messages:7|g      (prefix shop; labels in the table's order)
 *     dogstatsd  shop.mq_group_lag_messages:7|g|#source:prod,system:rocketmq,...
 *     influx     shop.mq_group_lag_messages,source=prod,...:7|g
 *     graphite   shop.mq_group_lag_messages;source=prod;...:7|g
 *     signalfx   shop.mq_group_lag_messages[source=prod,...]:7|g
 *     librato    shop.mq_group_lag_messages#source=prod,...:7|g
 *
 * A packet is lines joined by \n, without one at the end. No line, and no pair of lines that belong together, is ever split.
 */
#ifndef SINKS_STATSD_ENCODE_H
#define SINKS_STATSD_ENCODE_H

#include "agent/model/batch.h"
#include "sinks/statsd/counters.h"

struct sink_label;

enum statsd_dialect { STATSD_PLAIN, STATSD_DOGSTATSD, STATSD_INFLUX, STATSD_GRAPHITE, STATSD_SIGNALFX, STATSD_LIBRATO };

/* What the lines look like. */
struct statsd_shape {
    enum statsd_dialect dialect;
    const char *prefix;              /* with a dot behind it before each name; "": none */
    bool zero_first;                 /* "x:0|g" before "x:-5|g": a sign alone means a change to most receivers */
    size_t max_packet;               /* bytes */
    const bool *families;            /* wanted[family_count] */
    const struct sink_label *labels; /* constant, ends at name == NULL; may be NULL */
    int64_t max_series;              /* 0: no limit */
};

struct statsd_count {
    uint64_t samples;
    uint64_t cut; /* max_series, a name that stood before, or a line longer than a packet */
    const char *first_cut;
};

/* Where packets go: 0, or -1 to end it. `noted` counters (of counters_note) are in this packet and those before. */
typedef int statsd_take(void *ctx, const char *packet, size_t len, size_t noted);

/*
 * Gives each packet to `take` as soon as it is full. Rises come from `counters`; values are noted in `noting`, which may be NULL
 * (to look without touching) or the same.
 */
struct statsd_count statsd_encode(const struct statsd_shape *shape, const struct batch *b, const struct counters *counters,
                                  struct counters *noting, statsd_take *take, void *ctx);

/* The value as plain decimal digits, never with an exponent: not every receiver reads one. Returns the length. */
#define STATSD_VALUE_MAX 400
size_t statsd_value(char text[STATSD_VALUE_MAX], const struct counter_value *v);

#endif
