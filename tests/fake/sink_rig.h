/*
 * sink_rig.h - a sink as the pipeline would hold it, and batches to feed it, for tests.
 *
 *     struct sink_rig rig;
 *     sink_rig_init(&rig, "pushgateway");
 *     sink_rig_set(&rig, "url", "http://127.0.0.1:9091");
 *     ck_assert_int_eq(sink_rig_open(&rig), 0);
 *     ck_assert_int_eq(sink_rig_deliver(&rig, batch), SINK_OK);
 *     sink_rig_fini(&rig);
 */
#ifndef TESTS_FAKE_SINK_RIG_H
#define TESTS_FAKE_SINK_RIG_H

#include "sinks/sink.h"

struct sink_rig {
    const struct sink_ops *ops;
    void *self;
    struct sink_env env; /* may be changed until sink_rig_open */
    bool *families;
    bool tables[TABLE_COUNT];
    struct sink_label labels[8];
    int64_t deadline_ms;           /* of each delivery; 5 s unless changed */
    int cancel_fd;                 /* -1 unless changed */
    char *texts[32];               /* option texts, which must live as long as the sink */
    unsigned text_count;
    struct sink_delivery delivery; /* of the newest delivery */
    int64_t took_ms;
    struct err err; /* of the newest call */
};

void sink_rig_init(struct sink_rig *rig, const char *sink); /* all families, all tables, default options, timeout 2 s */
void sink_rig_fini(struct sink_rig *rig);                   /* closes the sink */
int sink_rig_set(struct sink_rig *rig, const char *option, const char *text);
void sink_rig_label(struct sink_rig *rig, const char *name, const char *value);
int sink_rig_open(struct sink_rig *rig);
enum sink_result sink_rig_deliver(struct sink_rig *rig, const struct batch *b);

/* Sealed batches; the caller has the one reference. */
struct batch *rig_empty_batch(void);
struct batch *rig_broker_batch(uint32_t rows); /* brokers "broker-0"...: up is the row number */
/* Every table, every column: names that break formats (quotes, newlines, control bytes, broken UTF-8, 60 kB, emoji), numbers at
 * their limits, NaN and infinity. Keys of rows differ, so that nothing is a duplicate in a table. */
struct batch *rig_hostile_batch(void);
/* Broker rows with such names only; up is the row number. */
struct batch *rig_hostile_broker_batch(void);

#endif
