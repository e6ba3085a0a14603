/*
 * names.h - what a name tells: kinds of topics, groups nobody wants to see, the parts of keys, addresses and client ids.
 *
 * Pure; any thread. Texts are views: bytes that belong to the caller.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_NAMES_H
#define AGENT_SOURCE_ROCKETMQ_NAMES_H

#include "agent/base/err.h"
#include "agent/source/rocketmq/fastjson.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_MAX_BYTES 1024   /* of a topic, group, broker or cluster; clients refuse more than 255 */
#define CLIENT_ID_MAX_BYTES 2048
#define ADDRESS_MAX_BYTES 280 /* host (253 by DNS), brackets, colon, port */

#define NAME_RETRY_PREFIX "%RETRY%"
#define NAME_DLQ_PREFIX "%DLQ%"

/* Topics of the broker's own that say something about its users' messages. */
#define TOPIC_SCHEDULE "SCHEDULE_TOPIC_XXXX"     /* delay level n waits in queue n - 1 */
#define TOPIC_HALF "RMQ_SYS_TRANS_HALF_TOPIC"    /* transactions not yet settled ... */
#define GROUP_TRANSACTIONS "CID_RMQ_SYS_TRANS"   /* ... are those behind the offset of this group */

enum topic_kind { TOPIC_NORMAL, TOPIC_RETRY, TOPIC_DLQ, TOPIC_SYSTEM, TOPIC_DELAY, TOPIC_KINDS };

/* "normal", "retry", ... as it stands in the tables. */
const char *topic_kind_name(enum topic_kind kind);

/* By the name alone: topics that are named like their cluster or a broker are for the caller to know. */
enum topic_kind name_topic_kind(struct view topic);
bool name_is_system_group(struct view group);
bool name_is_internal_producer(struct view group); /* CLIENT_INNER_PRODUCER: every consumer has one */
bool name_is_skipped_topic(struct view topic);     /* BenchmarkTest: 1,024 queues that nobody uses */
bool name_is_watched_topic(struct view topic);     /* its ends matter although no group of a user consumes it */
bool name_is_whole(struct view name);              /* not empty, no NUL: what we send are C strings */
bool name_fits(struct view name);                  /* and at most NAME_MAX_BYTES */

/* "%RETRY%g" -> "g", "%DLQ%g" -> "g"; anything else as it is. */
struct view name_without_prefix(struct view topic);
/* "<cluster>_REPLY_TOPIC" */
bool name_is_reply_topic(struct view topic, struct view cluster);

/*
 * A key of the offset table (request 43): topic@group, since 5.x also topic@group@broadcast. Topics hold no '@', so the first
 * one ends the topic. False: not such a key. Its names may be of any length.
 */
bool name_split_offset_key(struct view key, struct view *topic, struct view *group, bool *is_broadcast);

/* "/127.0.0.1:41060" -> "127.0.0.1", "[::1]:5" -> "::1". */
struct view name_host_of(struct view address);
/* The process id in ip@pid, ip@pid#nanotime, ip@pid@unit; empty if there is none. */
struct view name_pid_of(struct view client_id);
/* ip@what, ip@what#nanotime, ip@what@unit -> ip, what. Without an '@' all of it is the address. */
void name_split_client_id(struct view client_id, struct view *ip, struct view *process);

/*
 * The next address of a list as mqadmin takes it: "h:9876;h2:9876", also with commas and blanks, "http://" in front
 * ignored, 9876 where no port is given, bare IPv6 split at its last colon and put in brackets. 1: address[] is filled, *list has moved
 * on; 0: the list has ended; -1: this is no address (ERR_CONFIG).
 */
int name_next_address(const char **list, char address[ADDRESS_MAX_BYTES], struct err *err);

/*
 * The next "old=new" of a list, separated by commas. 1: *from and *to are views into it, *list has moved on; 0: the list has ended;
 * -1: something else stands there (ERR_CONFIG).
 */
int name_next_rename(const char **list, struct view *from, struct view *to, struct err *err);

static inline struct view view_of(const char *text)
{
    return (struct view){ text, strlen(text) };
}

static inline bool view_equal(struct view a, struct view b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

#endif
