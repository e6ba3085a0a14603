/*
 * look.h - one look at the clusters: what is the same for every request of it.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_LOOK_H
#define AGENT_SOURCE_ROCKETMQ_LOOK_H

#include "agent/model/batch.h"
#include "agent/source/rocketmq/topology.h"

struct slow;
struct timelag_run;
struct running_lane;

/* A cluster of 10,000 topics has some 100,000; a hostile broker can say that each of its groups reads each of a million queues. */
#define QUEUE_ROWS_MAX (1u << 21)

struct look_options {
    int64_t request_timeout_ms;
    unsigned max_in_flight;
    bool include_system;
    const char *cluster_names;   /* old=new, ... ; has been checked */
    bool byte_rates;
    int64_t slow_interval_ms;    /* 0: everything is due */
    int64_t clients_interval_ms; /* 0: everything is due */
    int64_t interval_ms;
    unsigned slow_requests;
    int64_t running_interval_ms; /* 0: every client is due, and what they say does not grow old */
};

struct look {
    const struct look_options *options;
    struct topology *topology;
    struct rpc *rpc;
    struct batch *batch;
    uint32_t number; /* 1, 2, 3, ... */
    int64_t started_at_ns;
    int64_t deadline_ns;
    int cancel_fd;
    struct slow *slow;  /* the slow lanes' own, while they run */
    struct running_lane *running; /* of lanes_running.c, while it runs */
    unsigned running_left; /* clients that may still be asked (307) */
    uint32_t queue_rows; /* in the batch so far */
    struct timelag_run *timelag; /* that lane's own, while it runs */
    unsigned lag_left;  /* requests that may still be spent on the time lag */
    unsigned slow_left; /* requests the slow lanes may still use */
    bool is_over;       /* the deadline passed, or we were told to stop */
    struct err over;    /* why */
};

#endif
