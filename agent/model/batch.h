/*
 * batch.h - everything one interval saw, in columns.
 *
 * While open, one thread adds texts and rows. batch_seal() ends that: a sealed batch never changes, any thread may read it,
 * and references count it (batch_ref, batch_unref). All memory is one arena: no row is allocated alone, one free.
 *
 * Texts are interned: a cell of a key or text column is a small number, so a name that stands in 10,000 rows is there once,
 * and equal numbers mean equal texts. Texts are valid UTF-8: what is not is repaired on the way in (U+FFFD).
 *
 * "No value" is NO_INT, NO_REAL (a NaN) or text number 0. Unknown is never 0.
 */
#ifndef AGENT_MODEL_BATCH_H
#define AGENT_MODEL_BATCH_H

#include "agent/model/schema.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NO_INT INT64_MIN
#define NO_REAL NAN

struct batch;

struct batch_info {
    int64_t time_ms;        /* the tick this batch belongs to, Unix time, a multiple of the interval */
    int64_t interval_ms;    /* 0: a single look, no interval */
    int64_t duration_ns;    /* how long the collection took */
    uint64_t number;        /* 1, 2, 3, ... since the agent started */
    bool complete;          /* every target answered every request */
};

/* Life. batch_new returns an open batch with one reference. */
struct batch *batch_new(void);
void batch_seal(struct batch *b);
struct batch *batch_ref(const struct batch *b);  /* sealed only; any thread */
void batch_unref(const struct batch *b);         /* accepts NULL; any thread; also ends an open batch */

/* Filling; open only. A row starts with every cell absent. */
struct batch_info *batch_info_edit(struct batch *b);
uint32_t batch_intern(struct batch *b, const char *text, size_t len); /* "" is a text of its own, not 0 */
uint32_t batch_intern_z(struct batch *b, const char *text);           /* NULL gives 0 */
uint32_t batch_add(struct batch *b, enum table_id t);                 /* the new row's number */
void batch_set_text(struct batch *b, enum table_id t, uint32_t row, unsigned column, uint32_t text);
void batch_set_int(struct batch *b, enum table_id t, uint32_t row, unsigned column, int64_t value);
void batch_set_real(struct batch *b, enum table_id t, uint32_t row, unsigned column, double value);

/* Reading; open (by its one thread) or sealed (by all). The getter must fit the column's kind. */
const struct batch_info *batch_info(const struct batch *b);
uint32_t batch_rows(const struct batch *b, enum table_id t);
uint32_t batch_text_id(const struct batch *b, enum table_id t, uint32_t row, unsigned column);
const char *batch_text(const struct batch *b, enum table_id t, uint32_t row, unsigned column); /* NULL if absent */
int64_t batch_int(const struct batch *b, enum table_id t, uint32_t row, unsigned column);
double batch_real(const struct batch *b, enum table_id t, uint32_t row, unsigned column);
const char *batch_lookup(const struct batch *b, uint32_t text); /* NULL for 0 */
size_t batch_lookup_len(const struct batch *b, uint32_t text);
uint32_t batch_text_count(const struct batch *b); /* text numbers are below this */
size_t batch_memory(const struct batch *b);       /* bytes held */

/* Whether every row has the same in this column (or nothing); cheap. False may also mean that it is not known. */
bool batch_is_uniform(const struct batch *b, enum table_id t, unsigned column);

/* A value of any numeric column as double; NAN if absent. Exact below 2^53. */
double batch_number(const struct batch *b, enum table_id t, uint32_t row, unsigned column);
bool batch_has(const struct batch *b, enum table_id t, uint32_t row, unsigned column);

#endif
