/*
 * layout.h - what people are shown of each table: which columns, under which heading, in which order, and which rows need
 * attention. One const table (layout.c); scripts see every column of schema.h instead.
 */
#ifndef AGENT_VIEW_LAYOUT_H
#define AGENT_VIEW_LAYOUT_H

#include "agent/model/batch.h"
#include "agent/view/grid.h"

#define LAYOUT_COLUMNS_MAX 14
#define LAYOUT_BAD_MAX 6

struct layout_column {
    const char *title; /* NULL ends the list */
    unsigned column;
    enum grid_form form;
};

enum layout_test { BAD_IS, BAD_ABOVE }; /* absent is neither */

struct layout_bad {
    enum layout_test test;
    unsigned column; /* a numeric one */
    double value;
    const char *words; /* for people: "lag above 0"; NULL ends the list */
};

struct layout {
    struct layout_column columns[LAYOUT_COLUMNS_MAX + 1]; /* most important first: a narrow screen loses the last */
    const char *noun; /* what one row is, for the last line: "12 of 340 groups shown" */
    const char *sort; /* as --sort takes it: worst first */
    struct layout_bad bad[LAYOUT_BAD_MAX + 1]; /* any of them: needs attention; none: nothing in this table does */
};

/* Never NULL for a table that is not hidden; a table without a layout of its own has all its columns. */
const struct layout *layout_of(enum table_id t);
bool layout_is_bad(enum table_id t, const struct batch *b, uint32_t row);
/* The form that fits a column's name and unit. */
enum grid_form layout_form(const struct column *column);

/* The words of the verdicts, by number; NULL if there is no such verdict. tone: 0 fine, 1 warning, 2 critical. */
const char *layout_verdict(int64_t number, int *tone);

#endif
