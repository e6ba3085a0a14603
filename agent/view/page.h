/*
 * page.h - what a person sees: which cluster and when, what did not answer, the table, what the signs mean, how much of all
 * this is. Pure; one thread.
 */
#ifndef AGENT_VIEW_PAGE_H
#define AGENT_VIEW_PAGE_H

#include "agent/view/format.h"
#include "agent/view/table_view.h"

struct buf;

struct page {
    const struct table_view *view;
    struct people people;
    struct term term;
    enum format_fit fit;
    bool is_md;
    int64_t now_ms; /* the time looked at may be long ago: says so */
};

void page_put(struct buf *to, const struct page *page);
/* Lines a page has beside the rows of its table, at most. */
unsigned page_lines_around(const struct batch *b);

/* The share of targets that answered everything, 0..1; NAN if nobody was asked. */
double page_coverage(const struct batch *b);

#endif
