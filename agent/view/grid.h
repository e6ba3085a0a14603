/*
 * grid.h - rows and columns to be shown, whatever they come from: the one thing every format reads.
 *
 * A grid is a view: its cells are loans from what ctx points to (a batch, the metric families) and valid until the next call
 * of cell(). name is interface (JSON fields, CSV header), title and form are for people and may change.
 */
#ifndef AGENT_VIEW_GRID_H
#define AGENT_VIEW_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cell_kind { CELL_ABSENT, CELL_TEXT, CELL_INT, CELL_REAL };

struct cell {
    enum cell_kind kind;
    uint32_t len;     /* of text */
    const char *text; /* NUL-terminated */
    int64_t i;
    double d;
};

/* How people read a value. */
enum grid_form {
    FORM_PLAIN,      /* as it is: names, offsets */
    FORM_COUNT,      /* 12.3k */
    FORM_BYTES,      /* 12.3KiB */
    FORM_RATE,       /* 12.3k/s */
    FORM_BYTES_RATE, /* 12.3KiB/s */
    FORM_SECONDS,    /* 3m12s */
    FORM_MS,         /* the same, stored as milliseconds */
    FORM_TIME_S,     /* 2026-11-21 10:31:07+00:00; not positive: there is none */
    FORM_TIME_MS,
    FORM_AGE_S,      /* the same instants as a span before the time looked at */
    FORM_AGE_MS,
    FORM_RATIO,      /* 45.1%; negative: there is none */
    FORM_UP,         /* up, down */
    FORM_OK,         /* ok, failed */
    FORM_VERDICT,    /* STALLED */
};

enum grid_cut {
    CUT_MIDDLE, /* names: their ends differ */
    CUT_END,    /* sentences */
    CUT_NEVER,
};

struct grid_column {
    const char *name;
    const char *title;
    enum grid_form form;
    bool is_number; /* right aligned, never cut */
    enum grid_cut cut;
    bool is_sum;    /* a lower bound where its row is incomplete */
};

struct grid {
    const struct grid_column *columns;
    unsigned column_count;
    uint32_t row_count;
    struct cell (*cell)(const void *ctx, uint32_t row, unsigned column);
    bool (*is_incomplete)(const void *ctx, uint32_t row); /* NULL: no row is */
    const void *ctx;
};

#endif
