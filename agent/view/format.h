/*
 * format.h - a grid as bytes, one function per format. Pure; any thread.
 *
 * json jsonl csv tsv are interface: plain numbers in base units under the columns' own names, integers exact, reals as the
 * shortest text that reads back the same, never localised; unknown is left out (JSON) or empty. table and md are for people
 * and may change. Each row ends with buf_row(), so a buf with a drain never holds a whole answer (table excepted).
 */
#ifndef AGENT_VIEW_FORMAT_H
#define AGENT_VIEW_FORMAT_H

#include "agent/view/grid.h"
#include "agent/view/people.h"
#include "agent/view/term.h"

struct buf;

struct format_head {
    const char *table;    /* what the rows are: "groups" */
    int64_t generated_ms; /* now */
    int64_t at_ms;        /* the time looked at; 0: the rows belong to no time */
    double coverage;      /* 0..1; NAN: unknown */
};

/* {"schema":1,"table":..,"generated_at":..,"at":..,"coverage":..,"rows":[..]} */
void format_json(struct buf *to, const struct grid *grid, const struct format_head *head);
/* One object a line, "at" first where the rows belong to a time. */
void format_jsonl(struct buf *to, const struct grid *grid, const struct format_head *head);

/* RFC 4180 with LF, or tab-separated with \t \n \r \\ escaped. at: a first column of that name with this text; may be NULL. */
void format_csv(struct buf *to, const struct grid *grid, const char *at, bool with_header);
void format_tsv(struct buf *to, const struct grid *grid, const char *at, bool with_header);

struct format_fitted {
    unsigned dropped; /* columns left out: the last ones of the grid */
    bool has_bound;   /* a "+" stands behind some value */
};

/* A pipe table for tickets. */
void format_md(struct buf *to, const struct grid *grid, const struct people *people, struct format_fitted *fitted);

enum format_fit {
    FORMAT_AS_IS, /* lines may be longer than the screen */
    FORMAT_CUT,   /* names are cut in the middle */
    FORMAT_DROP,  /* ... and columns at the end are left out */
};

void format_table(struct buf *to, const struct grid *grid, const struct people *people, const struct term *term,
                  enum format_fit fit, struct format_fitted *fitted);

#endif
