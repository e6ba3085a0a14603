/*
 * state.h - what a Pushgateway says of itself: its version, and the groups it holds. The one place that reads its JSON.
 *
 * The list of groups comes with every metric of every group, megabytes of it, none of which is wanted: it is cut down while it
 * arrives, so that memory grows with the groups and not with what they hold.
 */
#ifndef SINKS_PUSHGATEWAY_STATE_H
#define SINKS_PUSHGATEWAY_STATE_H

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "sinks/sink.h"

#include <stdbool.h>
#include <stdint.h>

struct http;

#define STATE_VERSION_MAX 64
#define STATE_GROUPS_MAX 100000
#define STATE_GROUP_TEXT_MAX (64 * 1024) /* bytes of one group's labels and times */
#define STATE_GROUP_LABELS_MAX 64
#define STATE_DEPTH_MAX 64

/* version[STATE_VERSION_MAX]. False: it does not say, and may be no Pushgateway at all. */
bool state_read_version(struct http *http, int64_t deadline_ns, char *version);

struct state_group {
    const struct sink_label *labels; /* job first, ends at name == NULL */
    double pushed_at; /* s: the last push that was taken; 0: none ever was */
    double failed_at; /* s: the last one that was refused; 0: none was */
};

/* Texts live in the arena. */
struct state_groups {
    struct state_group *list;
    size_t count, capacity;
    struct arena arena;
};

/* now_s: the gateway's own clock, or ours if it does not say; ages must not depend on the two agreeing. */
int state_read_groups(struct http *http, int64_t deadline_ns, struct state_groups *out, double *now_s, struct err *err);
void state_groups_fini(struct state_groups *groups);

/* --- the same from bytes, for tests: feed the list in pieces of any size ---------------------------------------------- */

struct state_scan;

struct state_scan *state_scan_new(struct state_groups *out);
int state_scan_take(void *scan, const char *data, size_t len); /* -1: it is not such a list; see state_scan_end */
int state_scan_end(struct state_scan *scan, struct err *err);  /* frees the scan; -1: err says what was wrong */

#endif
