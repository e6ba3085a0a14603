/*
 * batch.c - see batch.h.
 *
 * A table's rows stand in chunks of 16, 32, 64, ... rows, each chunk column by column, so growing copies nothing. A column of a
 * chunk gets cells of its own only once two of its rows differ:
 *
 *     chunk k holds rows 16*(2^k - 1) .. 16*(2^(k+1) - 1) - 1
 *     column of a chunk: cells == NULL: rows 0 .. upto-1 hold `same`, the others nothing
 *                        else:          cells[row] (as bits ^ those of "no value")
 *
 * Most columns of most clusters are like that (one source, one cluster, nothing lost, not yet known): 10,000 topics cost half.
 */
#include "agent/model/batch.h"

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/intern.h"
#include "agent/base/utf8.h"
#include "agent/base/xalloc.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CHUNK 16u
#define CHUNKS_MAX 28 /* together 16 * (2^28 - 1) rows: all that a u32 row number can name */

struct run { /* one column of one chunk */
    void *cells;   /* u32 for texts, 8 bytes for numbers */
    uint64_t same; /* the bits of the cells 0 .. upto-1 while there are none */
    uint32_t upto;
};

struct rows {
    uint32_t count;
    struct run *chunks[CHUNKS_MAX]; /* by column */
};

struct batch {
    atomic_uint references;
    bool sealed;
    struct batch_info info;
    struct arena arena;
    struct intern texts;
    struct rows tables[TABLE_COUNT];
};

static size_t cell_size(const struct column *column)
{
    return column->kind == COLUMN_INT || column->kind == COLUMN_REAL ? 8 : 4;
}

struct batch *batch_new(void)
{
    struct batch *b = xcalloc(1, sizeof(*b));
    atomic_init(&b->references, 1);
    arena_init(&b->arena);
    intern_init(&b->texts);
    return b;
}

void batch_seal(struct batch *b)
{
    assert(!b->sealed);
    b->sealed = true;
    intern_seal(&b->texts);
}

struct batch *batch_ref(const struct batch *b)
{
    struct batch *mine = (struct batch *)b; /* the count is not part of what is const */

    assert(b->sealed);
    atomic_fetch_add_explicit(&mine->references, 1, memory_order_relaxed);
    return mine;
}

void batch_unref(const struct batch *b)
{
    struct batch *mine = (struct batch *)b;

    if (b == NULL || atomic_fetch_sub_explicit(&mine->references, 1, memory_order_acq_rel) > 1)
        return;
    arena_fini(&mine->arena);
    intern_fini(&mine->texts);
    free(mine);
}

struct batch_info *batch_info_edit(struct batch *b)
{
    assert(!b->sealed);
    return &b->info;
}

const struct batch_info *batch_info(const struct batch *b)
{
    return &b->info;
}

uint32_t batch_intern(struct batch *b, const char *text, size_t len)
{
    assert(!b->sealed);
    uint32_t id = intern_find(&b->texts, text, len);
    if (id != 0)
        return id;
    if (utf8_valid(text, len))
        return intern_add(&b->texts, text, len);
    struct buf repaired;
    buf_init(&repaired, 0);
    utf8_repair(&repaired, text, len);
    id = intern_add(&b->texts, repaired.data, repaired.len);
    buf_fini(&repaired);
    return id;
}

uint32_t batch_intern_z(struct batch *b, const char *text)
{
    return text == NULL ? 0 : batch_intern(b, text, strlen(text));
}

static unsigned chunk_of(uint32_t row, uint32_t *within, uint32_t *size)
{
    uint64_t shifted = (uint64_t)row + FIRST_CHUNK;
    unsigned chunk = (unsigned)(63 - __builtin_clzll(shifted)) - 4;

    *size = FIRST_CHUNK << chunk;
    *within = (uint32_t)(shifted - *size);
    return chunk;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* The bits of a cell that holds no value. */
static uint64_t absent_bits(enum column_kind kind)
{
    return kind == COLUMN_INT ? (uint64_t)NO_INT : kind == COLUMN_REAL ? bits_of(NO_REAL) : 0;
}

uint32_t batch_add(struct batch *b, enum table_id t)
{
    struct rows *rows = &b->tables[t];
    uint32_t within, chunk_rows, row = rows->count;

    assert(!b->sealed && row < UINT32_MAX - FIRST_CHUNK);
    unsigned chunk = chunk_of(row, &within, &chunk_rows);
    if (rows->chunks[chunk] == NULL)
        rows->chunks[chunk] = arena_alloc(&b->arena, schema_tables[t].column_count * sizeof(struct run));
    rows->count++;
    return row;
}

static void put_bits(void *cells, uint32_t at, size_t size, uint64_t bits)
{
    if (size == 8)
        ((uint64_t *)cells)[at] = bits;
    else
        ((uint32_t *)cells)[at] = (uint32_t)bits;
}

/* Gives a run cells of its own: two of its rows differ, or a row was set out of order. A cell holds its bits ^ absent, so the
 * arena's zeros mean "no value" and rows that are not there yet cost no memory. */
static void spread(struct batch *b, struct run *run, uint32_t chunk_rows, size_t size, uint64_t absent)
{
    run->cells = arena_alloc(&b->arena, size * chunk_rows);
    for (uint32_t i = 0; i < run->upto; i++)
        put_bits(run->cells, i, size, run->same ^ absent);
}

static void set_cell(struct batch *b, enum table_id t, uint32_t row, unsigned column, uint64_t bits)
{
    uint32_t within, chunk_rows;
    const struct column *c = &schema_tables[t].columns[column];
    size_t size = cell_size(c);

    assert(!b->sealed && row < b->tables[t].count && column < schema_tables[t].column_count);
    unsigned chunk = chunk_of(row, &within, &chunk_rows);
    struct run *run = &b->tables[t].chunks[chunk][column];
    if (run->cells == NULL) {
        if (within < run->upto && bits == run->same)
            return;
        if (within == run->upto && (within == 0 || bits == run->same)) {
            run->same = bits;
            run->upto++;
            return;
        }
        spread(b, run, chunk_rows, size, absent_bits(c->kind));
    }
    put_bits(run->cells, within, size, bits ^ absent_bits(c->kind));
}

static uint64_t get_cell(const struct batch *b, enum table_id t, uint32_t row, unsigned column)
{
    uint32_t within, chunk_rows;
    const struct column *c = &schema_tables[t].columns[column];

    assert(row < b->tables[t].count && column < schema_tables[t].column_count);
    unsigned chunk = chunk_of(row, &within, &chunk_rows);
    const struct run *run = &b->tables[t].chunks[chunk][column];
    if (run->cells == NULL)
        return within < run->upto ? run->same : absent_bits(c->kind);
    uint64_t bits = cell_size(c) == 8 ? ((const uint64_t *)run->cells)[within] : ((const uint32_t *)run->cells)[within];
    return bits ^ absent_bits(c->kind);
}

bool batch_is_uniform(const struct batch *b, enum table_id t, unsigned column)
{
    const struct rows *rows = &b->tables[t];
    uint64_t absent = absent_bits(schema_tables[t].columns[column].kind), first = 0;
    uint32_t start = 0;

    for (unsigned chunk = 0; start < rows->count; chunk++) {
        uint32_t size = FIRST_CHUNK << chunk, used = rows->count - start < size ? rows->count - start : size;
        const struct run *run = &rows->chunks[chunk][column];
        uint64_t bits = run->upto == 0 ? absent : run->same;
        if (run->cells != NULL || (run->upto < used && bits != absent) || (start > 0 && bits != first))
            return false;
        first = bits;
        start += size;
    }
    return true;
}

void batch_set_text(struct batch *b, enum table_id t, uint32_t row, unsigned column, uint32_t text)
{
    assert(cell_size(&schema_tables[t].columns[column]) == 4);
    set_cell(b, t, row, column, text);
}

void batch_set_int(struct batch *b, enum table_id t, uint32_t row, unsigned column, int64_t value)
{
    assert(schema_tables[t].columns[column].kind == COLUMN_INT);
    set_cell(b, t, row, column, (uint64_t)value);
}

void batch_set_real(struct batch *b, enum table_id t, uint32_t row, unsigned column, double value)
{
    assert(schema_tables[t].columns[column].kind == COLUMN_REAL);
    set_cell(b, t, row, column, bits_of(value));
}

uint32_t batch_rows(const struct batch *b, enum table_id t)
{
    return b->tables[t].count;
}

uint32_t batch_text_id(const struct batch *b, enum table_id t, uint32_t row, unsigned column)
{
    assert(cell_size(&schema_tables[t].columns[column]) == 4);
    return (uint32_t)get_cell(b, t, row, column);
}

const char *batch_text(const struct batch *b, enum table_id t, uint32_t row, unsigned column)
{
    return intern_text(&b->texts, batch_text_id(b, t, row, column));
}

int64_t batch_int(const struct batch *b, enum table_id t, uint32_t row, unsigned column)
{
    assert(schema_tables[t].columns[column].kind == COLUMN_INT);
    return (int64_t)get_cell(b, t, row, column);
}

double batch_real(const struct batch *b, enum table_id t, uint32_t row, unsigned column)
{
    assert(schema_tables[t].columns[column].kind == COLUMN_REAL);
    uint64_t bits = get_cell(b, t, row, column);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

const char *batch_lookup(const struct batch *b, uint32_t text)
{
    return intern_text(&b->texts, text);
}

size_t batch_lookup_len(const struct batch *b, uint32_t text)
{
    return intern_len(&b->texts, text);
}

uint32_t batch_text_count(const struct batch *b)
{
    return b->texts.count;
}

size_t batch_memory(const struct batch *b)
{
    return b->arena.total_bytes + intern_memory(&b->texts);
}

double batch_number(const struct batch *b, enum table_id t, uint32_t row, unsigned column)
{
    if (schema_tables[t].columns[column].kind == COLUMN_REAL)
        return batch_real(b, t, row, column);
    int64_t value = batch_int(b, t, row, column);
    return value == NO_INT ? NO_REAL : (double)value;
}

bool batch_has(const struct batch *b, enum table_id t, uint32_t row, unsigned column)
{
    switch (schema_tables[t].columns[column].kind) {
    case COLUMN_INT:
        return batch_int(b, t, row, column) != NO_INT;
    case COLUMN_REAL:
        return !isnan(batch_real(b, t, row, column));
    case COLUMN_KEY:
    case COLUMN_TEXT:
        return batch_text_id(b, t, row, column) != 0;
    }
    return false;
}
