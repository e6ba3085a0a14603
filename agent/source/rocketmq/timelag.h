/*
 * timelag.h - the time lag: how long the first message that a group has not consumed has been waiting in a queue.
 *
 * That message stands at offset `first` = max(committed, min). What is known of its age, best first:
 *
 *   idle       nothing waits: 0
 *   broker     303 told when it was stored. That does not change while `first` stands still, so the age grows by itself, by our
 *              monotonic clock: a stopped group is asked about once, and no two clocks are compared
 *   history    our samples of the queue's end bracket its store time (ends_history.h)
 *
 * and bounds besides: once `first` has moved on from a message whose store time was told, the new first one is not older than that.
 *
 * Ages of several queues are gathered with age_join(): the greatest counts, because queues drain side by side. An age is known
 * if no unknown one can be greater. lanes_timelag.c asks and samples, rows_backlogs.c shows. One thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_TIMELAG_H
#define AGENT_SOURCE_ROCKETMQ_TIMELAG_H

#include "agent/source/rocketmq/cluster.h"

#define TIMELAG_DELAY_MAX_MS 100000000000LL /* three years: above, delayTime is no delay */
#define TIMELAG_BYTES_MAX ((size_t)8 << 20) /* of a cluster: histories and told store times; beyond it nothing new is kept */

enum age_source { AGE_IDLE, AGE_BROKER, AGE_HISTORY, AGE_UNKNOWN };

struct age {
    int64_t age_ns, low_ns, high_ns; /* NO_INT: not known */
    enum age_source source;
};

extern const struct age age_idle, age_unknown; /* 0, nothing known */
struct age age_join(struct age a, struct age b);
const char *age_source_name(enum age_source source); /* NULL for AGE_UNKNOWN */

/* A store time as 303 told it. */
struct told_age {
    int64_t offset;    /* committed offset of the 43 before it; UNKNOWN: nothing told */
    int64_t stored_ns; /* on our monotonic clock */
    bool is_passed;    /* the group has moved on: stored_ns is a bound */
};

/* What was told of a topic@group on a broker. */
struct pair_ages {
    uint32_t queues;
    uint32_t waits;      /* look that last saw messages waiting */
    int64_t asked_at_ns; /* 0: never */
    bool is_mute;        /* the last answer lacked a queue in which messages wait */
    struct told_age told[];
};

/* Offset of the first message that waits, if any does; UNKNOWN if that is not known. Either may be UNKNOWN. */
int64_t timelag_first(int64_t min, int64_t com);
/* Of a queue in which messages wait. */
struct age timelag_of_queue(const struct broker *b, const struct topic_part *t, uint32_t pair, uint32_t queue, int64_t first,
                            int64_t now_ns, int64_t interval_ms);

/* Room for what will be told of the pair; false: there is too much already. */
bool timelag_expect(struct broker *b, uint32_t pair, uint32_t queues);
/* The first waiting message as the present look found it; UNKNOWN: none waits, or it is of another time. */
void timelag_follow(struct told_age *told, int64_t first);
/* Age of the first waiting message by one row of 303, ms; NO_INT: it does not tell. */
int64_t timelag_told_ms(const struct body_span *span, int64_t min, int64_t com);

/* All queues of the topic ended where they end at that time; begins a history with what was read before. */
void timelag_sample(struct broker *b, struct topic_part *t, int64_t at_ns);
/* An empty history, if there is room for it. */
bool timelag_expect_history(struct broker *b, struct topic_part *t, uint32_t queues);
void timelag_drop_history(struct broker *b, struct topic_part *t);
void timelag_drop_ages(struct broker *b, struct pair_part *p);

#endif
