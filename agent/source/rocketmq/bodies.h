/*
 * bodies.h - what stands in the bodies of answers: bytes in, callbacks out.
 *
 * One file per request code; each draws its body. Pure: no I/O, no state, nothing kept; the views a callback is given end with
 * it. 0: the body was read to its end. -1: it broke off or was no such body (ERR_PROTO or ERR_LIMIT, with the position);
 * what was handed out before that was good.
 *
 * A body of one of the large lists without its table (43, 21, 201; of the brokers, 106) is the answer to some other question, and no such
 * body: an empty list would make everything vanish that was known.
 *
 * All of them forgive the same things: members we do not know, members that are missing, values of another type (a value
 * that is not there is not handed out, or is handed out as BODY_NONE), names that are empty, have a NUL in them or are longer than
 * NAME_MAX_BYTES, and queue numbers from BODY_QUEUES_MAX on (skipped). The lists hand out names of any length, because whoever keeps them
 * must say what was left out: 43, 21, 201, 328.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_BODIES_H
#define AGENT_SOURCE_ROCKETMQ_BODIES_H

#include "agent/base/err.h"
#include "agent/source/rocketmq/fastjson.h"
#include "agent/source/rocketmq/names.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#define BODY_NONE (-1)                /* no such offset or time */
#define BODY_OFFSET_MAX (1LL << 56)   /* an offset above is nonsense: sums must not overflow */
#define BODY_QUEUES_MAX 65535         /* queue numbers are below */
#define BODY_MEMBERS_MAX 32           /* brokers of one name; more are skipped */
#define BODY_TIME_MAX (1LL << 53)     /* ms; above, a time is nonsense */
#define BODY_RATE_MAX 1e15            /* a count or bytes a second; above, it is nonsense */
#define CLIENT_LANGUAGE_MAX_BYTES 32

/* For the decoders of such bodies: enters the table, and ends the body, which must have had one. */
bool body_enter_table(struct json *j, bool *has_table);
int body_done(struct json *j, bool has_table, const char *name, struct err *err);

/* 106: the brokers, one call for each broker name. */
struct body_broker {
    struct view cluster; /* empty where the name server does not say */
    struct view name;
    bool is_too_long;    /* its name or its cluster's is, and is empty here */
    unsigned left_out;   /* members: there are BODY_MEMBERS_MAX already, or the address is too long */
    unsigned count;
    struct {
        int64_t id; /* 0 is the master */
        char address[ADDRESS_MAX_BYTES];
    } members[BODY_MEMBERS_MAX];
};
int body_cluster(struct view body, void (*broker)(void *ctx, const struct body_broker *broker), void *ctx, struct err *err);

/* 28: key and value as the broker prints them. */
int body_runtime(struct view body, void (*entry)(void *ctx, struct view key, struct view value), void *ctx, struct err *err);

/* 43: for each topic@group of each table `pair`, and if that says true its queues. BODY_NONE: the offset is beyond BODY_OFFSET_MAX. */
enum body_offset_table { BODY_COMMITTED, BODY_PULLED };
struct body_offsets {
    bool (*pair)(void *ctx, enum body_offset_table table, struct view key);
    void (*queue)(void *ctx, enum body_offset_table table, uint32_t queue, int64_t offset);
};
int body_offsets(struct view body, const struct body_offsets *to, void *ctx, struct err *err);

/* 202: the queues of one topic. Offsets and time (ms, BODY_NONE or 0: no message) as they stand there. */
struct body_queue {
    struct view topic;
    uint32_t queue;
    bool is_beyond;         /* 202 only: it ends beyond BODY_OFFSET_MAX, and max is BODY_NONE */
    int64_t min, max;       /* 208: min is BODY_NONE */
    int64_t last_stored_ms; /* 202 only */
};
int body_topic_stats(struct view body, void (*queue)(void *ctx, const struct body_queue *queue), void *ctx, struct err *err);

/* 208: the queues of the topics that were listed. */
int body_consume_stats(struct view body, void (*queue)(void *ctx, const struct body_queue *queue), void *ctx, struct err *err);

/* 303: the queues of a topic, for one group. */
struct body_span {
    uint32_t queue;
    int64_t delay_ms;      /* age of the first message not consumed; or the broker's clock + 1 where that cannot be read */
    int64_t min_stored_ms; /* when the first message that is still stored was stored, by the broker's clock */
};
int body_time_span(struct view body, void (*span)(void *ctx, const struct body_span *span), void *ctx, struct err *err);

/* 21: the topics of a broker; queues is the larger of its read and write queues, however many. *names: all in the list, skipped
 * ones, too. */
int body_topics(struct view body, void (*topic)(void *ctx, struct view topic, uint32_t queues), void *ctx, uint32_t *names,
                struct err *err);

/* 201: the groups of a broker. *names as above. */
int body_groups(struct view body, void (*group)(void *ctx, struct view group), void *ctx, uint32_t *names, struct err *err);

/* 21 and 201: the value of dataVersion as it is written; empty if there is none. */
struct view body_version(struct view body);

/* 203: who is online in a group. */
enum group_model { MODEL_UNKNOWN, MODEL_CLUSTERING, MODEL_BROADCASTING };
enum group_type { TYPE_UNKNOWN, TYPE_PUSH, TYPE_PULL, TYPE_POP };
struct body_client {
    struct view id, address, language;
    int version; /* ordinal; 0: not said */
};
struct body_group_state {
    enum group_model model;
    enum group_type type;
    uint32_t left_out; /* clients whose id is too long */
};
int body_clients(struct view body, struct body_group_state *state, void (*client)(void *ctx, const struct body_client *client),
                 void *ctx, struct err *err);

/* 328: every producer; those of a group come one after the other. */
int body_producers(struct view body, void (*producer)(void *ctx, struct view group, struct view client_id), void *ctx,
                   struct err *err);

/* 315: what one counter of the broker rose in the last minute. */
struct body_broker_stats {
    double tps;  /* a second; NAN: not told */
    int64_t sum; /* BODY_NONE: not told */
};
int body_broker_stats(struct view body, struct body_broker_stats *stats, struct err *err);

/* 307: what a client says of itself. Any callback may be called any number of times, in any order. */
struct body_client_topic {
    struct view topic;
    int64_t failed;                                                  /* messages; BODY_NONE: not said */
    double failed_rate, ok_rate, consume_rt_ms, pull_rt_ms, pull_rate; /* NAN: not said */
};
struct body_running {
    /* A queue it owns, with the offset it holds. The broker's name is good during the call, as everything. */
    void (*queue)(void *ctx, struct view topic, struct view broker, uint32_t queue, int64_t committed);
    void (*pop)(void *ctx, struct view topic, int64_t unacknowledged); /* POP: per topic and broker */
    void (*topic)(void *ctx, const struct body_client_topic *topic);
    void (*subscription)(void *ctx, struct view topic, uint64_t hash); /* hash of topic, expression and its type */
    void (*property)(void *ctx, struct view name, struct view value);
};
int body_running_info(struct view body, const struct body_running *to, void *ctx, struct err *err);

/* For the decoders: an offset or BODY_NONE; a time or BODY_NONE. */
static inline int64_t body_offset(int64_t value)
{
    return value >= 0 && value <= BODY_OFFSET_MAX ? value : BODY_NONE;
}

static inline int64_t body_time(int64_t ms)
{
    return ms >= 0 && ms <= BODY_TIME_MAX ? ms : BODY_NONE;
}

#endif
