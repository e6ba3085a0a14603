/*
 * running.h - what a client has said of itself (307), kept until it leaves or says something else.
 *
 * Names in it are numbers of the cluster's; what it says of topics and brokers we do not know is left out, so a client
 * cannot make us remember names. One thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_RUNNING_H
#define AGENT_SOURCE_ROCKETMQ_RUNNING_H

#include "agent/source/rocketmq/cluster.h"

#define RUNNING_QUEUES_MAX 65536  /* of one client; more are left out, and then nothing is worked out from them */
#define RUNNING_TOPICS_MAX 20000
#define RUNNING_AGES 5            /* what was said is shown so many times running_interval long */

struct running_queue {
    uint32_t topic;
    uint16_t broker, queue; /* broker: its index */
    int64_t diff;           /* end - offset held by the client, both of the moment it said so; NO_INT: not known */
};

struct running_topic {
    uint32_t topic;
    int64_t failed; /* BODY_NONE: not said */
    double failed_rate, ok_rate, consume_rt_ms, pull_rt_ms, pull_rate; /* NAN: not said */
};

/* Of shared queues (POP), all brokers together: what it was handed out and has not yet acknowledged. */
struct running_pop {
    uint32_t topic;
    int64_t inflight;
};

/* Does the default strategy give it the queues that it has? */
enum running_fit { FIT_UNTOLD, FIT_YES, FIT_NO };

struct running {
    struct cluster *cluster; /* of which `held` bytes are taken */
    size_t held;
    int64_t asked_at_ns;   /* 0: never */
    int64_t told_at_ns;    /* 0: it has said nothing yet, and the rest is empty */
    int64_t rest_until_ns; /* it did not answer: not asked before then */
    unsigned failures;     /* in a row */

    struct running_queue *queues; /* sorted by topic, broker, queue; no two are equal */
    struct running_topic *topics;
    struct running_pop *pops; /* sorted by topic, one of each */
    uint32_t *subscribed; /* topics it subscribes to or has queues of; sorted, no two are equal */
    uint32_t queue_count, topic_count, pop_count, subscribed_count;
    uint64_t subscriptions; /* hash over the set of them, but for the group's own retry topic */
    int64_t pop_inflight; /* of all of its topics, those that we do not know, too */
    enum running_fit fit;
    bool is_average;  /* it says that it shares queues out by the default strategy */
    bool is_push;     /* CONSUME_PASSIVELY */
    bool has_pop;     /* it takes from shared queues */
    bool is_cut;      /* it said more than we keep, or of what we do not keep: nothing is worked out from the rest */
};

/* Takes the body of an answer to 307; -1: it broke off, and what the client said before stands. */
int learn_running(struct broker *b, uint32_t group, uint32_t client, struct view body, int64_t now_ns, struct err *err);
/* Counts its lists against the cluster's memory; false: there is no room for them. */
bool running_take(struct running *r, struct cluster *c);
void running_free(struct running *r); /* NULL is fine */
void running_forget(struct group_info *g); /* what all of its clients said */

/* What the client said, if it is not older than that (0: whatever its age); else NULL. */
const struct running *running_of(const struct group_client *client, int64_t now_ns, int64_t max_age_ms);
int running_compare_queues(const void *a, const void *b); /* of struct running_queue */
bool running_has_queue(const struct running *r, uint32_t topic, uint16_t broker, uint16_t queue);
int64_t running_pop_inflight(const struct running *r, uint32_t topic); /* NO_INT: it takes nothing of it by POP */
bool running_has_topic(const struct running *r, uint32_t topic); /* in subscribed */

#endif
