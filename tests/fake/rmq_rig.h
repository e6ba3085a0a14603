/*
 * rmq_rig.h - a RocketMQ source over a fake name server and fake brokers, and what its looks bring.
 *
 *     struct rig *r = rig_simple(V4);        // one broker that calls itself 4.9.7, topic T of two queues, group G
 *     say_ends(r->a, "T:0-100,0-100");       // see rmq_say.h
 *     rig_open(r, 1000);                     // an interval of a second; 0: a single look
 *     good_look(r);
 *     EXPECT_INT(r, BACKLOGS, backlog(r, "G", "T"), LAG, 20);
 *     ck_assert_int_eq(asked(r, RMQ_GET_TOPIC_STATS_INFO), 1);
 *     rig_free(r);
 */
#ifndef TESTS_FAKE_RMQ_RIG_H
#define TESTS_FAKE_RMQ_RIG_H

#include "agent/source/rocketmq/request_codes.h"
#include "agent/source/rocketmq/wire.h"
#include "agent/source/source.h"
#include "tests/fake/broker.h"
#include "tests/fake/rmq_say.h"

#define V4 WIRE_VERSION(4, 9, 7)
#define V5 WIRE_VERSION(5, 3, 3)

struct rig {
    struct broker *ns, *a, *b; /* b: a second broker, where a test has one */
    void *self;
    struct batch *batch; /* of the last look */
    enum source_result result;
    struct err err;
};

void rig_set(struct rig *r, const char *name, const char *value);
/* A name server that lists one broker, whose answers carry that version; nothing else is said yet. */
struct rig *rig_new(int version);
void rig_add_broker(struct rig *r, int version);
void rig_open(struct rig *r, int64_t interval_ms);
void look_until(struct rig *r, int64_t deadline_ms, int cancel_fd);
void look(struct rig *r);
void good_look(struct rig *r);
void rig_free(struct rig *r);
bool row_has(const struct rig *r, enum table_id t, uint32_t row, const char *column, const char *text);
/* The row whose two text columns have these values; -1 if there is none, and it must be the only one. b may be NULL. */
int64_t find(const struct rig *r, enum table_id t, const char *a, const char *a_text, const char *b, const char *b_text);
uint32_t must_find(const struct rig *r, enum table_id t, const char *a, const char *a_text, const char *b, const char *b_text);
uint32_t backlog(const struct rig *r, const char *group, const char *topic);
uint32_t group(const struct rig *r, const char *name);
uint32_t topic(const struct rig *r, const char *name);
void expect_backlog(const struct rig *r, const char *g, const char *t, int64_t lag, int64_t diff, int64_t complete);
void expect_queue(const struct rig *r, const char *queue, int64_t committed, int64_t lag, const char *state);
/* Requests of the last look, of all targets. */
int64_t requests(const struct rig *r);
/* Requests with this code in the last look. */
int64_t asked(const struct rig *r, int code);
/* A topic of two queues with one group, twenty messages behind. */
struct rig *rig_simple(int version);

#define EXPECT_INT(r, T, row, COLUMN, value) ck_assert_int_eq(batch_int((r)->batch, TABLE_##T, row, T##_##COLUMN), value)
#define EXPECT_ABSENT(r, T, row, COLUMN) ck_assert(!batch_has((r)->batch, TABLE_##T, row, T##_##COLUMN))
#define EXPECT_TEXT(r, T, row, COLUMN, text) ck_assert_str_eq(batch_text((r)->batch, TABLE_##T, row, T##_##COLUMN), text)

#endif
