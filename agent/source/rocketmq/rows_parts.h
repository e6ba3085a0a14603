/*
 * rows_parts.h - shared by the files rows*.c; nobody else includes it. See rows.h.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_ROWS_PARTS_H
#define AGENT_SOURCE_ROCKETMQ_ROWS_PARTS_H

#include "agent/source/rocketmq/look.h"
#include "agent/source/rocketmq/timelag.h"

/* Of one group, gathered over its backlogs. */
struct group_sum {
    int64_t lag, retry_lag, dlq;
    struct age age;   /* of its oldest waiting message; zeroed: age_idle */
    bool has_offsets;              /* some topic of it, other than retries, has committed offsets */
    bool has_plain, has_broadcast; /* which kinds of pairs there are */
    bool is_incomplete;
};

/* The making of one cluster's rows. */
struct rows {
    struct look *look;
    struct batch *batch;
    struct cluster *cluster;
    uint32_t source, system, cluster_text;
    uint32_t *topic_texts, *group_texts, *broker_texts; /* by number; 0: not interned yet */
    uint32_t kind_texts[TOPIC_KINDS];
    struct group_sum *sums; /* by group */
    int64_t now_ns; /* the moment of which the ages are */
    struct row_clients *clients; /* of rows_clients.c */
    struct row_diffs *diffs;     /* of rows_sums.c */
};

/* One queue of a group, and the process that owns it ("" and "": not known). */
struct row_queue {
    uint32_t topic, group, queue;
    const struct broker *broker;
    uint32_t row; /* in the queues table */
    int64_t lag, diff; /* NO_INT: not known */
    uint32_t ip_text, pid_text;
};

/* A row with its common keys. */
uint32_t rows_new(struct rows *r, enum table_id t);
uint32_t rows_topic_text(struct rows *r, uint32_t topic);
uint32_t rows_group_text(struct rows *r, uint32_t group);
uint32_t rows_number_text(struct rows *r, int64_t number);
uint32_t rows_view_text(struct rows *r, struct view text);
void rows_set_int(struct rows *r, enum table_id t, uint32_t row, unsigned column, int64_t value); /* NO_INT: not set */

enum topic_kind rows_kind_of(const struct rows *r, uint32_t topic);
bool rows_shows_topic(const struct rows *r, const struct broker *b, uint32_t topic);
bool rows_lists_group(const struct rows *r, uint32_t group); /* some broker does */
/* Ends that may be shown: those of now, or of a topic on a slow lane, which nobody asked about. */
bool rows_may_show_ends(const struct rows *r, const struct broker *b, uint32_t topic);
/* Clients are known, and the broker that told is still there to vouch for them. */
bool rows_knows_members(const struct rows *r, const struct group_info *g);
int64_t rows_members_of(const struct group_info *g); /* those of whom nothing else is known, too */
enum group_model rows_model_of(const struct rows *r, uint32_t group);

/* rows_brokers.c: a broker process before it is asked, and after; the delay levels of each master. */
void rows_begin_broker(struct rows *r, struct member *m);
void rows_end_broker(struct rows *r, const struct member *m);
void rows_add_delays(struct rows *r);
/* rows_backlogs.c: backlogs, queues, shares; fills the sums. */
void rows_add_backlogs(struct rows *r);
/* rows_groups.c: groups, producers. After the backlogs. */
void rows_add_groups(struct rows *r);
void rows_add_producers(struct rows *r);
/* rows_clients.c: who owns a queue, clients, and what only they know. */
void rows_begin_clients(struct rows *r);
void rows_end_clients(struct rows *r);
void rows_begin_owners(struct rows *r, uint32_t group, uint32_t topic); /* the queues that follow are of these */
/* Does the group take of it by POP? Then how much its clients have not acknowledged; NO_INT: one of them has not told. */
bool rows_takes_by_pop(const struct rows *r, uint32_t group, uint32_t topic, int64_t *inflight);
void rows_set_owner(struct rows *r, struct row_queue *q);               /* in its row; fills in who it is */
void rows_add_broadcasts(struct rows *r); /* backlogs of broadcast groups that brokers keep no offsets of */
void rows_add_clients(struct rows *r, uint32_t group, const struct group_info *g);
void rows_set_group_said(struct rows *r, uint32_t row, const struct group_info *g); /* subscriptions; the type, if a client knows better */
/* Address and process in a client id, as texts of the batch. */
void rows_split_client(struct rows *r, const char *id, uint32_t *ip_text, uint32_t *pid_text);
/* rows_sums.c: sums of diff. Retry and dead letter topics stay out. */
void rows_begin_sums(struct rows *r);
void rows_sum_queue(struct rows *r, const struct row_queue *q);
/* What the group has of the topic there is not known. */
void rows_miss_part(struct rows *r, uint32_t topic, uint32_t group, const struct broker *b);
void rows_end_pair(struct rows *r, uint32_t topic, uint32_t group, bool is_incomplete); /* its queues have been summed */
void rows_end_sums(struct rows *r); /* adds the rows */

#endif
