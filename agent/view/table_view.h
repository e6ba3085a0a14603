/*
 * table_view.h - some rows and columns of one table of a batch, in an order: what `status` shows.
 *
 * A view is a plan (view_plan.h) applied to a sealed batch. It points into plan and batch and must not outlive them. Nothing is
 * copied but row numbers. One thread.
 */
#ifndef AGENT_VIEW_TABLE_VIEW_H
#define AGENT_VIEW_TABLE_VIEW_H

#include "agent/base/arena.h"
#include "agent/model/batch.h"
#include "agent/view/grid.h"
#include "agent/view/view_plan.h"

enum view_pick {
    VIEW_MACHINE, /* every visible column of the schema, in its order */
    VIEW_PEOPLE,  /* what layout.h names, as far as any shown row has a value */
    VIEW_WIDE,    /* the same, then all others that any shown row has a value in */
};

struct table_view {
    const struct view_plan *plan;
    const struct batch *batch;
    uint32_t *rows;      /* row numbers of the batch, in order */
    uint32_t total;      /* rows in the table; grid.row_count of them are shown */
    int complete_column; /* -1: the table has none */
    unsigned column_of[SCHEMA_COLUMNS_MAX]; /* by grid column */
    struct grid_column columns[SCHEMA_COLUMNS_MAX];
    struct arena titles;
    struct grid grid;
};

void table_view_init(struct table_view *view, const struct view_plan *plan, const struct batch *b, enum view_pick pick);
void table_view_fini(struct table_view *view);

#endif
