/*
 * people.h - a cell of a grid as a person reads it. Pure; any thread.
 */
#ifndef AGENT_VIEW_PEOPLE_H
#define AGENT_VIEW_PEOPLE_H

#include "agent/view/grid.h"

struct buf;

struct people {
    bool is_exact; /* plain numbers, whole instants */
    int64_t at_ms; /* the time looked at: ages count from here */
};

/* Words that say good or bad may be coloured so; the word alone carries the meaning. */
enum people_tone { TONE_NONE, TONE_GOOD, TONE_WARN, TONE_BAD };

/* Appends the cell's text, "-" where nothing is known. Texts come as they are, hostile bytes included. */
enum people_tone people_cell(struct buf *to, const struct people *people, const struct cell *cell, enum grid_form form);

/* Is the value only a lower bound ("12.3k+")? */
bool people_is_lower_bound(const struct grid *grid, uint32_t row, unsigned column, const struct cell *cell);

#endif
