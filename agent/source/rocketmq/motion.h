/*
 * motion.h - whether a thing moves (a topic, a topic@group, a broker), how fast, and what the broker told about it lately.
 *
 * A thing that stands costs the twelve bytes of its struct motion; one that has moved has a flow: its minute window and the
 * last answers of request 315. Idle is what is known not to have moved in MOTION_IDLE_S, a little more than the minute that
 * brokers count in, so that what they would say of it is 0. Answers are held for MOTION_HOLD_S, then they are due again.
 *
 * Times are monotonic. Pure; one thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_MOTION_H
#define AGENT_SOURCE_ROCKETMQ_MOTION_H

#include "agent/source/rocketmq/window.h"

#include <stdbool.h>

#define MOTION_IDLE_S 70
#define MOTION_STOOD_S (2 * MOTION_IDLE_S) /* how far back it is good to know that something stood */
#define MOTION_HOLD_S 29 /* a little less than half a minute, for looks that come early */

/* An answer of the broker. */
struct told {
    float value;   /* NAN: it could not be told */
    uint32_t at_s; /* when it was asked for; 0: never */
};

struct flow {
    struct window window;
    struct told messages, bytes, backs; /* a second, a second, in the last minute */
};

struct flows {
    struct flow *list; /* 0 is not used */
    uint32_t count, room;
};

struct motion {
    uint32_t since_s;    /* watched since then without a break, or known to have stood; 0: never looked at */
    uint32_t moved_at_s; /* when it was last seen to have moved; 0: never */
    uint32_t flow;       /* 0: none yet */
};

void flows_fini(struct flows *flows);

/* The base of its rate is lost: it may have moved just now. */
void motion_restart(struct flows *flows, struct motion *m, int64_t now_ns);
/* It rose between two looks that saw it. Below 0 it was reset. A rise over more than gap_max_s tells nothing about the last minute. */
void motion_take(struct flows *flows, struct motion *m, int64_t before_ns, int64_t now_ns, int64_t rise, int64_t gap_max_s);
/* It has moved, nobody knows how much. */
void motion_jump(struct flows *flows, struct motion *m, int64_t now_ns);
/* Somebody who knows says that it has stood for span_s. */
void motion_has_stood(struct motion *m, int64_t now_ns, int64_t span_s);

bool motion_is_idle(const struct motion *m, int64_t now_ns);
/* Rise a second over the last minute; it is known to have stood since the last motion_take. NAN: not watched for long enough. */
double motion_rate(const struct flows *flows, const struct motion *m, int64_t now_ns);

/* Its flow, made if need be; good until the next such call. */
struct flow *motion_flow(struct flows *flows, struct motion *m, int64_t now_ns);
/* NULL: it has none. */
const struct flow *motion_find_flow(const struct flows *flows, const struct motion *m);

void told_set(struct told *told, double value, int64_t now_ns);
bool told_is_due(const struct told *told, int64_t now_ns);
double told_value(const struct told *told, int64_t now_ns); /* NAN: not known, or too old */

#endif
