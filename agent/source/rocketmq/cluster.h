/*
 * cluster.h - what we know of a cluster from one look to the next: its names, its brokers, and for each broker where
 * queues begin and end and what was committed.
 *
 * Names of topics, groups and topic@group pairs are interned once per cluster; everything else is an array indexed by these
 * numbers, one per broker, so 10,000 topics of four queues cost some megabytes and an update costs one hash. Answers are
 * written straight into these arrays (learn.h); lanes.h decides what to ask, rows.h makes the tables. One thread.
 *
 * A look is one collection; looks are numbered 2, 3, 4, ... A thing that carries the present number was seen in the present
 * look, and that is how "unknown" and "gone" are told apart:
 *
 *     pair_part.seen      the present look: committed offsets are of now
 *                         an older look:    43 failed: they exist, their values are not known now
 *                         0:                the broker holds no offset of this pair
 *     topic_part.listed   at least broker.topics_stamp: the topic is in the newest inventory (21) of the broker
 *     topic_part.ends_number   at least broker.ends_since: the ends are those of now (see lanes.c)
 */
#ifndef AGENT_SOURCE_ROCKETMQ_CLUSTER_H
#define AGENT_SOURCE_ROCKETMQ_CLUSTER_H

#include "agent/base/intern.h"
#include "agent/source/rocketmq/bodies.h"
#include "agent/source/rocketmq/left_out.h"
#include "agent/source/rocketmq/manners.h"
#include "agent/source/rocketmq/motion.h"
#include "agent/source/rocketmq/peer.h"
#include "agent/source/rocketmq/runtime.h"

#include <stdbool.h>
#include <stdint.h>

/* What a server can make us remember. */
#define SOURCE_HELD_MAX ((size_t)512 << 20) /* bytes of names, and of what is kept by their numbers; of all clusters */
#define SOURCE_MEMBERS_MAX 2048         /* broker processes, of all clusters */
#define CLUSTERS_MAX 256
#define CLUSTER_BROKERS_MAX 1024        /* broker names, of all clusters */
#define CLUSTER_TOPICS_MAX (1u << 18)   /* names, each */
#define CLUSTER_GROUPS_MAX (1u << 18)
#define CLUSTER_PAIRS_MAX (1u << 20)
#define BROKER_QUEUES_MAX (1u << 21)    /* queues whose ends we keep, and offsets we keep, each */
#define GROUP_CLIENTS_MAX 20000
#define PRODUCER_GROUPS_MAX 100000      /* of a broker */
#define PRODUCER_IDS_MAX 200000

#define UNKNOWN BODY_NONE

struct queue_end {
    int64_t min, max; /* UNKNOWN */
    int64_t before;   /* max as of the last look */
};

/* A topic on a broker. */
struct topic_part {
    int64_t ends_at_ns;     /* when max was last known to be right; 0: never */
    int64_t last_stored_ms; /* UNKNOWN, or if something was stored since it was read */
    int64_t added;          /* messages found by the look in progress */
    float in_rate;          /* messages/s between the last two reads; NAN: not known */
    uint32_t first;         /* slot of queue 0 in broker.ends */
    uint16_t slots;         /* slots there */
    uint16_t queues;        /* queues to expect: what 21 says, or the highest seen */
    uint16_t fresh;         /* of them read by the look in progress */
    uint16_t flags;         /* PART_ */
    uint32_t listed;        /* stamp of the inventory that listed it */
    uint32_t ends_number;   /* look that last read all ends, or knew them without reading; 0: never */
    uint32_t read_at_s;     /* monotonic second in which they were last read */
    uint32_t wanted;        /* look that found consumers of it */
    uint32_t likely;        /* look in which it must be read whatever the ledger says */
    uint32_t min_epoch;     /* broker.min_epoch when min was read; 0: never */
    struct motion motion;   /* of its ends */
    uint32_t refused_at_s;  /* monotonic second in which 202 was last refused; 0: never */
    uint32_t waits;         /* look that last found messages of it waiting for somebody */
    int64_t before_at_ns;   /* when `before` of its queues was right; 0: never */
    struct ends_history *history; /* while messages of it wait; else NULL */
};

enum {
    PART_MISSED = 1,       /* an answer lacked some of its queues: ask 202 */
    PART_ALONE = 2,        /* 208 never has all of its queues: always ask 202 */
    PART_NO_RATE = 4,      /* a queue is new in the look in progress */
    PART_FELL = 8,         /* an end moved backward in it: deleted and created again */
    PART_MIN_MATTERS = 16, /* a sum was counted from min in the last look, so min must be right */
    PART_GONE = 32,        /* 202 said that there is no such topic */
    PART_BEHIND = 128,     /* the slave that stands in for the master lacks messages that the master had */
    PART_NEW = 256,        /* read once: the next look tells whether it moves */
    PART_CUT = 512,        /* it has queues for which there is no room, until the next inventory */
    PART_ASKED = 64,       /* stands in a 208 that is on its way */
};

/* A topic@group on a broker. */
struct pair_part {
    uint32_t first;   /* slot of queue 0 in broker.committed (and .pulled) */
    uint16_t slots;
    uint16_t queues;  /* slots in use */
    uint32_t seen;    /* look that last found it; 0: not there */
    uint32_t pulled;  /* look that last found pull offsets of it */
    float out_rate;   /* messages/s between the last two looks; NAN: not known */
    bool is_vouched;  /* a master told its offsets, or they moved while we looked: see broker_is_offsets_blind */
    bool is_cut;      /* in the look of `seen`: for some of its offsets there was no room */
    struct pair_ages *ages; /* what was told of messages that wait; NULL: nothing */
    struct motion motion; /* of its committed offsets */
};

/* A group on a broker. */
struct group_part {
    uint32_t listed; /* stamp of the inventory that listed it */
    uint32_t seen;   /* look in which 43 last had offsets of it */
    uint32_t buried; /* look that knew its dead letter topic to have grown in the last minute, or could not exclude it */
};

/* One process of a broker name. */
struct member {
    struct peer peer;
    struct peer clients;  /* 307 goes on a connection of its own; target NULL until it is needed */
    struct broker *broker;
    int64_t id;           /* 0: master */
    int64_t listed_at_ns; /* when a name server last listed it */
    bool is_listed;       /* by the newest answer */
    bool is_up;           /* it answered something in the present look */
    bool was_asked;       /* in an earlier look */
    bool was_down;        /* in the look before */
    uint32_t row;         /* in the brokers table of the present look */
    struct runtime_facts facts; /* of the present look */
    int64_t facts_at_ns;  /* when they came; 0: not in the present look */
};

enum step { STEP_STATE, STEP_INVENTORY, STEP_ENDS, STEP_PROOF, STEP_REST, STEP_BALANCE, STEP_SINGLES, STEP_DONE };

/* The broker's count of messages stored, against those we have found (lanes_ledger.c). */
struct ledger {
    int64_t puts;      /* its count when every end we knew was right; NO_INT: there was no such moment */
    int64_t found;     /* messages by which ends have risen since */
    bool is_broken;    /* an end changed in a way that is no rise of its messages */
    unsigned failures; /* looks in a row in which it proved nothing */
    unsigned rest;     /* looks for which it is not tried */
};

struct producers { /* one malloc block, texts behind the array */
    uint32_t count;
    size_t held; /* bytes of it, from cluster_take */
    struct {
        const char *group;
        uint32_t clients;
    } list[];
};

/* One list of a broker (topics, groups) while it is read; see lanes_inventory.c. */
enum { TOPIC_LIST, GROUP_LIST, BROKER_LISTS };
#define LIST_VERSION_MAX 200
struct list_reading {
    uint32_t at;    /* names read */
    uint32_t stamp; /* they are given */
    unsigned pages, restarts;
    bool is_paged;
    struct left_out names_left, queues_left; /* of what was read */
    char version[LIST_VERSION_MAX]; /* of the page read last, as the broker wrote it */
};

struct broker {
    struct cluster *cluster;
    char *name;
    uint16_t index; /* in cluster.brokers */
    struct member **members;
    unsigned member_count;
    struct member *leader; /* whom we ask: the master, or who stands in for it */
    bool leader_is_new;    /* since the last look */
    uint32_t led_since;    /* its first look: rates begin there */
    struct manners manners; /* towards the leader */

    /* Arrays by topic number, pair number and group number; room is how far each reaches. */
    struct topic_part *topics;
    struct pair_part *pairs;
    struct group_part *groups;
    uint32_t topic_room, pair_room, group_room;
    struct queue_end *ends;
    int64_t *committed, *pulled; /* pulled: NULL until a broker says such things */
    uint32_t end_count, end_room, offset_count, offset_room;
    struct flows flows; /* of topics and pairs that move */

    uint32_t topics_stamp, groups_stamp; /* of the newest inventory; 0: none yet */
    int64_t inventory_at_ns;             /* 0: never */
    bool names_changed;                  /* 43 or 202 showed that it is out of date */
    uint32_t offsets_number;             /* look of the newest good 43; 0: none that rates may be based on */
    int64_t offsets_at_ns;
    bool knows_offsets;   /* some 43 was good: pairs it has not are not there */
    uint32_t ends_since;  /* ends read in this look or later are those of now */
    uint32_t still_since; /* those read in this look or later were ... */
    int64_t still_at_ns;  /* ... confirmed then without asking, because nothing had been written */
    int64_t settled_log;  /* end of the commit log that the ends agree with; NO_INT: ask */
    int64_t log_before;   /* end of the commit log one look ago; NO_INT: not known */
    struct ledger ledger;
    int64_t booted_at;    /* ms; NO_INT */
    int64_t delivered;    /* messages that have left the delay levels, one look ago; NO_INT: not known */
    int64_t log_min;      /* start of the commit log; NO_INT */
    uint32_t min_epoch;   /* counts its changes, from 1, each one look late: the broker's clean-up lags behind it */
    bool log_min_moved;   /* between the last two looks: the next one counts it */
    struct producers *producers; /* NULL: not known */
    int64_t producers_at_ns;     /* when asked; 0: never */
    struct {
        struct motion motion;        /* of anything on it */
        int64_t log_max, delivered;  /* that were last seen; NO_INT */
        struct told put, get;        /* messages a second */
        uint32_t number;             /* look that last got to the rates */
        bool delays, may_delay;      /* its delay topic grew in the last minute; that is not known */
    } rates;
    uint64_t *client_ids;        /* hashes of the client ids in it, sorted */
    uint32_t client_id_count;
    struct {
        struct left_out topics, queues; /* of its newest inventory; topics are those of which nothing is here */
        struct left_out groups;
        struct left_out producers;      /* of its newest 328 */
    } lacks; /* for want of room */

    /* The present look. */
    struct {
        struct look *look;
        enum step step;
        bool step_has_begun;
        unsigned waiting;      /* requests of the step without answer */
        uint32_t cursor;       /* next topic of the step */
        unsigned line_errors;  /* requests without any answer */
        unsigned starts_left;  /* topics whose start may still be refreshed at once */
        uint32_t ends_since;   /* broker.ends_since before this look, and settled_log */
        int64_t settled_log;
        bool is_given_up;
        bool progressed;       /* something was answered since the last resume */
        bool log_stood;        /* the log ends where it ended one look ago, and nothing waits for dispatch */
        int64_t puts;          /* messages the broker had stored at the first 28; NO_INT: the ledger is not kept */
        int64_t counted;       /* and at the last; NO_INT: not told, or some are on their way into the queues */
        bool has_ledger;       /* only likely topics are read, and then the ledger is asked */
        bool is_proven;        /* it balances: no other end has moved */
        bool is_still;         /* nothing was written since the ends were read: they are not asked for */
        bool nothing_returned; /* no delay level has delivered since the last look, so no retry topic has grown */
        bool offsets_moved;
        bool ends_failed;      /* an answer about ends is missing */
        struct list_reading lists[BROKER_LISTS];
        unsigned next_client;  /* of lanes_running.c: where its walk over the picks has got to */
        struct {
            struct left_out pairs, offsets; /* of its 43 */
            struct left_out delays;         /* of its 28 */
            struct left_out clients;        /* of groups about which it was asked */
            struct left_out rows;
        } lacks;
    } now;
};

struct topic_info {
    uint8_t kind;    /* enum topic_kind */
    bool is_skipped; /* never asked, never shown */
    bool is_watched; /* asked as if somebody consumed it */
    bool is_unlistable; /* cannot stand in a list of 208 */
    uint32_t owner;  /* group of a retry topic, once a pair told */
    uint32_t cut;    /* look that left out a pair of it */
};

struct pair_info {
    uint32_t topic, group;
    uint32_t cut; /* look in which a broker had no room for it */
    bool is_broadcast;
};

struct group_client {
    const char *id, *address, *language;
    int version;
    struct running *running; /* what it said of itself (running.h); NULL: not asked. Of equal ids the first has it */
};

struct group_info {
    struct group_client *clients; /* one malloc block, texts behind it; sorted by id, then address */
    uint32_t client_count;
    struct left_out clients_left; /* that are online beside them */
    size_t held;           /* bytes of clients, from cluster_take */
    uint16_t asked_broker; /* index + 1 of the broker that told; 0: nobody yet */
    uint8_t model, type;   /* enum group_model, group_type, as last told */
    bool is_known;         /* clients are known */
    bool is_system;
    bool is_suspect;       /* something says that the clients have changed */
    bool is_behind;        /* it had lag in the last look */
    bool is_listed;        /* on some broker, in the last look */
    uint32_t cut;          /* look that left out a pair of it */
    uint32_t moved;        /* look in which one of its offsets last moved */
    uint32_t moved_at_s;   /* the same as monotonic second */
    int64_t asked_at_ns;   /* 0: never */
    int64_t changed_at_ns; /* when its set of clients last changed */
};

struct cluster {
    char *name;
    size_t *held;      /* of all clusters, against SOURCE_HELD_MAX */
    size_t names_held; /* of that: for names of this one */
    struct intern topics, groups, pairs;
    struct topic_info *topic_infos; /* by number, as the next two */
    struct group_info *group_infos;
    struct pair_info *pair_infos;
    uint32_t topic_info_room, group_info_room, pair_info_room;
    struct broker **brokers;
    unsigned broker_count;
    uint32_t live_topics, live_groups, live_pairs; /* shown in the last look */
    size_t timelag_bytes; /* of histories and ages, see timelag.h */
    const char *limit;    /* which one was met when a call below last gave nothing */
    bool lacks_brokers;   /* the name server lists more than there is room for */
    int64_t lacked_at_ns; /* the answer that said so */
};

struct cluster *cluster_new(const char *name, size_t len, size_t *held); /* *held must outlive it */
void cluster_free(struct cluster *c);
/* Names of things long gone gather; when they are most of what we hold, all is forgotten and learnt again. True if so. */
bool cluster_tidy(struct cluster *c);

struct broker *cluster_add_broker(struct cluster *c, struct view name);
void cluster_drop_broker(struct cluster *c, unsigned index);
struct member *broker_add_member(struct broker *b, struct rpc *rpc, int64_t id, const char *address);
void broker_drop_member(struct broker *b, unsigned index);
/* The second connection, for what clients are asked through the broker; made if need be. */
struct peer *member_clients(struct member *m, struct rpc *rpc);

/* The group of a retry or dead letter topic; 0: none that exists. */
uint32_t cluster_find_owner(struct cluster *c, uint32_t topic);

/* Within SOURCE_HELD_MAX there is still room for so many bytes; and the way back. */
bool cluster_take(struct cluster *c, size_t bytes);
void cluster_give_back(struct cluster *c, size_t bytes);

/* Numbers of names, new or old; 0: there are too many, or it is too long, and c->limit says which. */
uint32_t cluster_topic(struct cluster *c, struct view name);
uint32_t cluster_group(struct cluster *c, struct view name);
uint32_t cluster_pair(struct cluster *c, struct view key); /* 0 and limit NULL: this is no topic@group */

/* The part of a broker, made if need be; the pointer is good until the next such call. NULL: there is no room for more. */
struct topic_part *broker_topic(struct broker *b, uint32_t topic);
struct pair_part *broker_pair(struct broker *b, uint32_t pair);
struct group_part *broker_group(struct broker *b, uint32_t group);
/* The same, NULL if there is none. */
struct topic_part *broker_find_topic(const struct broker *b, uint32_t topic);
struct pair_part *broker_find_pair(const struct broker *b, uint32_t pair);

/* Room for that many queues, the new ones UNKNOWN. False: too many, and cluster->limit says which limit that is; as above. */
bool broker_set_queues(struct broker *b, struct topic_part *t, uint32_t queues);
bool broker_set_offsets(struct broker *b, struct pair_part *p, uint32_t queues);

/* In the inventory; where there is none yet, everything is. */
bool broker_has_topic(const struct broker *b, uint32_t topic);
bool broker_has_group(const struct broker *b, uint32_t group);
/* It may be in the inventory all the same: there was no room for what the broker has of it. */
bool broker_may_hide_topic(const struct broker *b, uint32_t topic);
bool broker_may_hide_group(const struct broker *b, uint32_t group);
/* Queues of the cluster may exist of which nothing is known. */
bool cluster_is_cut(const struct cluster *c);
bool broker_has_offsets_of(const struct broker *b, uint32_t group); /* by the newest good 43 */
/* The leader's committed offsets are worth little: a slave of 5.5 has got those of its master last when nobody had pulled there yet
 * (it cannot read pullOffsetTable), which may be days ago or never. Right are those of who commits to the slave itself: they are ahead of
 * what the master told, or move. */
bool broker_is_offsets_blind(const struct broker *b);
bool broker_ends_are_fresh(const struct broker *b, const struct topic_part *t);

struct view intern_view(const struct intern *in, uint32_t id);

#endif
