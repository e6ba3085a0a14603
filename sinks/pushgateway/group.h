/*
 * group.h - a group of a Pushgateway: the labels that name it, and the path they make. Pure; any thread.
 *
 *     /metrics/job/rocketmq/instance/host-7[/<name>/<value>]...
 *
 * A value in the path that is not UTF-8 would poison the gateway for everybody (it keeps a group that it can then no longer
 * show, and refuses all pushes until that is deleted), and '/', '%', '.' or nothing at all are cleaned away by routers on the
 * way: names and values are checked here, and values go as base64 unless they are plain.
 */
#ifndef SINKS_PUSHGATEWAY_GROUP_H
#define SINKS_PUSHGATEWAY_GROUP_H

#include "agent/base/err.h"
#include "sinks/sink.h"

#include <stdbool.h>

#define GROUP_LABELS_MAX 16 /* beside job and instance */
#define GROUP_PATH_MAX 4000 /* bytes; proxies and servers refuse lines that are not much longer */
#define GROUP_HOST_MAX 256

/* Zeroed is empty. Labels point into the texts that group_make was given, and into itself: it must not be moved. */
struct group {
    struct sink_label labels[GROUP_LABELS_MAX + 3]; /* job, instance, others; ends at name == NULL */
    unsigned count;
    char *names; /* the grouping option, cut into texts */
    char host[GROUP_HOST_MAX];
};

/* The instance is the option, else a constant label of that name, else the host name. grouping: "zone=a, rack=7". */
int group_make(struct group *group, const char *job, const char *instance, const char *grouping,
               const struct sink_label *constant, struct err *err);
void group_fini(struct group *group);

/* The value of a label, or NULL. labels end at name == NULL, and may be NULL. */
const char *group_find_label(const struct sink_label *labels, const char *name);
bool group_is_same(const struct sink_label *a, const struct sink_label *b); /* in any order */

/* malloc'd. The first label is job. */
char *group_path(const struct sink_label *labels);
/* Letters, digits and - . _ ~ only, and no name of a directory: may stand in a path as it is. */
bool group_is_plain(const char *value);

#endif
