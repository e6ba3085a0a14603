/*
 * view_plan.h - what the user wants to see of a table, checked against the schema before anybody asks a cluster.
 *
 * A plan points into the texts of its query. Pure; any thread.
 */
#ifndef AGENT_VIEW_VIEW_PLAN_H
#define AGENT_VIEW_VIEW_PLAN_H

#include "agent/base/err.h"
#include "agent/model/schema.h"

#include <stdbool.h>
#include <stdint.h>

/* The wish, as the command line has it. A NULL text: no such wish. Globs are those of fnmatch(3). */
struct view_query {
    const char *topic, *group, *broker, *cluster;
    bool only_bad;
    const char *sort;    /* "lag", "-lag,topic": numbers largest first, texts A to Z; '-' turns one round; absent comes last */
    const char *columns; /* "topic,lag": these, in this order */
    uint32_t top;        /* 0: all */
};

#define VIEW_SORT_MAX 8
#define VIEW_FILTERS 4
#define VIEW_SHARED_MAX 6

struct view_sort {
    unsigned column;
    bool is_reverse;
};

/*
 * A glob over one text column. Where the table itself has no such column, rows are kept that a related table joins to one
 * that matches: `groups --topic T` are the groups that have a backlog in T.
 */
struct view_filter {
    const char *glob;
    enum table_id table; /* the table that has the column */
    unsigned column;
    unsigned shared_count; /* 0: table is the viewed one */
    unsigned theirs[VIEW_SHARED_MAX], ours[VIEW_SHARED_MAX];
};

struct view_plan {
    enum table_id table;
    bool only_bad;
    uint32_t top;
    struct view_filter filters[VIEW_FILTERS];
    unsigned filter_count;
    struct view_sort sort[2 * VIEW_SORT_MAX];
    unsigned sort_count;
    unsigned columns[SCHEMA_COLUMNS_MAX];
    unsigned column_count; /* 0: the user named none */
};

/* 0, or -1 with a sentence for the user (ERR_CONFIG): unknown column (and the nearest), a filter that says nothing here. */
int view_plan_init(struct view_plan *plan, enum table_id table, const struct view_query *query, struct err *err);

#endif
