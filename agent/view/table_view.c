/*
 * table_view.c - see table_view.h.
 *
 * A glob is tried once per different text, not once per row: texts are numbers in a batch. Sorting moves row numbers only.
 */
#include "agent/view/table_view.h"

#include "agent/base/xalloc.h"
#include "agent/view/layout.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static const struct column *column_of(enum table_id t, unsigned column)
{
    return &schema_tables[t].columns[column];
}

static bool is_number(enum table_id t, unsigned column)
{
    return column_of(t, column)->kind == COLUMN_INT || column_of(t, column)->kind == COLUMN_REAL;
}

static const struct layout_column *layout_column_of(enum table_id t, unsigned column)
{
    for (const struct layout_column *c = layout_of(t)->columns; c->title != NULL; c++)
        if (c->column == column)
            return c;
    return NULL;
}

/* ---- which rows ---- */

enum { UNTRIED, NO_MATCH, MATCH };

static bool matches(const struct batch *b, const char *glob, unsigned char *tried, uint32_t text)
{
    if (tried[text] == UNTRIED) {
        const char *words = batch_lookup(b, text);
        tried[text] = fnmatch(glob, words != NULL ? words : "", 0) == 0 ? MATCH : NO_MATCH;
    }
    return tried[text] == MATCH;
}

/* Key tuples of the rows of the related table that match: sorted, to be searched. */
struct key_set {
    uint32_t (*keys)[VIEW_SHARED_MAX];
    size_t count;
};

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(uint32_t[VIEW_SHARED_MAX]));
}

static void read_key(uint32_t *key, const struct batch *b, enum table_id t, uint32_t row, const unsigned *columns, unsigned count)
{
    memset(key, 0, sizeof(uint32_t[VIEW_SHARED_MAX]));
    for (unsigned i = 0; i < count; i++)
        key[i] = batch_text_id(b, t, row, columns[i]);
}

static struct key_set related_keys(const struct batch *b, const struct view_filter *filter, unsigned char *tried)
{
    uint32_t rows = batch_rows(b, filter->table);
    struct key_set set = { .keys = xcalloc((size_t)rows + 1, sizeof(*set.keys)) };

    for (uint32_t row = 0; row < rows; row++)
        if (matches(b, filter->glob, tried, batch_text_id(b, filter->table, row, filter->column)))
            read_key(set.keys[set.count++], b, filter->table, row, filter->theirs, filter->shared_count);
    qsort(set.keys, set.count, sizeof(*set.keys), by_key);
    return set;
}

/* Keeps in view->rows[0..count) what passes; returns how many do. */
static uint32_t apply_filter(struct table_view *view, const struct view_filter *filter, uint32_t count)
{
    const struct batch *b = view->batch;
    enum table_id t = view->plan->table;
    unsigned char *tried = xcalloc((size_t)batch_text_count(b) + 1, 1);
    struct key_set set = { 0 };
    uint32_t kept = 0;

    if (filter->shared_count > 0)
        set = related_keys(b, filter, tried);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = view->rows[i], key[VIEW_SHARED_MAX];
        bool passes;
        if (filter->shared_count == 0)
            passes = matches(b, filter->glob, tried, batch_text_id(b, t, row, filter->column));
        else {
            read_key(key, b, t, row, filter->ours, filter->shared_count);
            passes = bsearch(key, set.keys, set.count, sizeof(*set.keys), by_key) != NULL;
        }
        if (passes)
            view->rows[kept++] = row;
    }
    free(set.keys);
    free(tried);
    return kept;
}

static uint32_t keep_bad(struct table_view *view, uint32_t count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++)
        if (layout_is_bad(view->plan->table, view->batch, view->rows[i]))
            view->rows[kept++] = view->rows[i];
    return kept;
}

/* ---- in which order ---- */

static int compare_ints(int64_t a, int64_t b)
{
    return (b > a) - (b < a);
}

static int compare_reals(double a, double b)
{
    return (b > a) - (b < a);
}

/* Numbers inside a text count as numbers, so queue 10 comes after queue 2. */
static int compare_texts(const struct batch *b, uint32_t x, uint32_t y)
{
    return x == y ? 0 : strverscmp(batch_lookup(b, x), batch_lookup(b, y));
}

static int compare_cells(const struct batch *b, enum table_id t, const struct view_sort *key, uint32_t x, uint32_t y)
{
    bool has_x = batch_has(b, t, x, key->column), has_y = batch_has(b, t, y, key->column);
    int order;

    if (!has_x || !has_y)
        return has_y - has_x; /* what is unknown comes last, whichever way round */
    switch (column_of(t, key->column)->kind) {
    case COLUMN_INT:
        order = compare_ints(batch_int(b, t, x, key->column), batch_int(b, t, y, key->column));
        break;
    case COLUMN_REAL:
        order = compare_reals(batch_real(b, t, x, key->column), batch_real(b, t, y, key->column));
        break;
    default:
        order = compare_texts(b, batch_text_id(b, t, x, key->column), batch_text_id(b, t, y, key->column));
    }
    return key->is_reverse ? -order : order;
}

static int by_plan(const void *x, const void *y, void *ctx)
{
    const struct table_view *view = ctx;
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

    for (unsigned i = 0; i < view->plan->sort_count; i++) {
        int order = compare_cells(view->batch, view->plan->table, &view->plan->sort[i], a, b);
        if (order != 0)
            return order;
    }
    return (a > b) - (a < b);
}

/* ---- which columns ---- */

static struct cell cell_of(const void *ctx, uint32_t row, unsigned column)
{
    const struct table_view *view = ctx;
    const struct batch *b = view->batch;
    enum table_id t = view->plan->table;
    struct cell cell = { .kind = CELL_ABSENT };

    row = view->rows[row];
    column = view->column_of[column];
    switch (column_of(t, column)->kind) {
    case COLUMN_INT:
        cell.i = batch_int(b, t, row, column);
        cell.kind = cell.i == NO_INT ? CELL_ABSENT : CELL_INT;
        break;
    case COLUMN_REAL:
        cell.d = batch_real(b, t, row, column);
        cell.kind = isnan(cell.d) ? CELL_ABSENT : CELL_REAL;
        break;
    case COLUMN_KEY:
    case COLUMN_TEXT: {
        uint32_t text = batch_text_id(b, t, row, column);
        cell.kind = text == 0 ? CELL_ABSENT : CELL_TEXT;
        cell.text = batch_lookup(b, text);
        cell.len = (uint32_t)batch_lookup_len(b, text);
        break;
    }
    }
    return cell;
}

static bool is_incomplete(const void *ctx, uint32_t row)
{
    const struct table_view *view = ctx;

    return batch_int(view->batch, view->plan->table, view->rows[row], (unsigned)view->complete_column) == 0;
}

static bool is_sum(const char *name)
{
    static const char *const sums[] = { "lag", "retry_lag", "dlq", "inflight", "lost", "lag_seconds" };

    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
        if (strcmp(sums[i], name) == 0)
            return true;
    return false;
}

/* consumer_offset -> CONSUMER OFFSET */
static const char *make_title(struct table_view *view, const char *name)
{
    char *title = arena_strndup(&view->titles, name, strlen(name));

    for (char *p = title; *p != '\0'; p++)
        *p = *p == '_' ? ' ' : (char)toupper((unsigned char)*p);
    return title;
}

static void add_column(struct table_view *view, unsigned column, const char *title, enum grid_form form)
{
    enum table_id t = view->plan->table;
    const char *name = column_of(t, column)->name;

    view->column_of[view->grid.column_count] = column;
    view->columns[view->grid.column_count++] = (struct grid_column){
        .name = name,
        .title = title != NULL ? title : make_title(view, name),
        .form = form,
        .is_number = is_number(t, column) && form != FORM_UP && form != FORM_OK && form != FORM_VERDICT,
        .is_sum = view->complete_column >= 0 && is_sum(name),
    };
}

static bool is_shown_already(const struct table_view *view, unsigned column)
{
    for (unsigned i = 0; i < view->grid.column_count; i++)
        if (view->column_of[i] == column)
            return true;
    return false;
}

static bool has_any_value(const struct table_view *view, unsigned column)
{
    for (uint32_t i = 0; i < view->grid.row_count; i++)
        if (batch_has(view->batch, view->plan->table, view->rows[i], column))
            return true;
    return false;
}

/* How many different texts the shown rows have in a text column, empty ones not counted; stops at 2. */
static unsigned count_distinct(const struct table_view *view, unsigned column)
{
    uint32_t first = 0;

    for (uint32_t i = 0; i < view->grid.row_count; i++) {
        uint32_t text = batch_text_id(view->batch, view->plan->table, view->rows[i], column);
        if (text == first || batch_lookup_len(view->batch, text) == 0)
            continue;
        if (first != 0)
            return 2;
        first = text;
    }
    return first != 0;
}

static void pick_for_people(struct table_view *view, enum view_pick pick)
{
    enum table_id t = view->plan->table;

    if (count_distinct(view, KEY_SOURCE) > 1)
        add_column(view, KEY_SOURCE, NULL, FORM_PLAIN);
    if (count_distinct(view, KEY_CLUSTER) > 1)
        add_column(view, KEY_CLUSTER, NULL, FORM_PLAIN);
    for (const struct layout_column *c = layout_of(t)->columns; c->title != NULL; c++)
        if (view->grid.row_count == 0 || has_any_value(view, c->column))
            add_column(view, c->column, c->title, c->form);
    if (pick == VIEW_WIDE)
        for (unsigned c = 0; c < schema_tables[t].column_count; c++)
            if (!column_of(t, c)->hidden && !is_shown_already(view, c) && has_any_value(view, c))
                add_column(view, c, NULL, layout_form(column_of(t, c)));
}

static void pick_columns(struct table_view *view, enum view_pick pick)
{
    const struct view_plan *plan = view->plan;
    enum table_id t = plan->table;

    if (plan->column_count > 0)
        for (unsigned i = 0; i < plan->column_count; i++) {
            const struct layout_column *known = layout_column_of(t, plan->columns[i]);
            add_column(view, plan->columns[i], known != NULL ? known->title : NULL,
                       known != NULL ? known->form : layout_form(column_of(t, plan->columns[i])));
        }
    else if (pick != VIEW_MACHINE)
        pick_for_people(view, pick);
    else
        for (unsigned c = 0; c < schema_tables[t].column_count; c++)
            if (!column_of(t, c)->hidden)
                add_column(view, c, NULL, layout_form(column_of(t, c)));
}

void table_view_init(struct table_view *view, const struct view_plan *plan, const struct batch *b, enum view_pick pick)
{
    uint32_t count = batch_rows(b, plan->table);

    *view = (struct table_view){ .plan = plan, .batch = b, .total = count };
    view->complete_column = schema_find_column(&schema_tables[plan->table], "complete");
    arena_init(&view->titles);
    view->rows = xmalloc(((size_t)count + 1) * sizeof(*view->rows));
    for (uint32_t row = 0; row < count; row++)
        view->rows[row] = row;
    for (unsigned i = 0; i < plan->filter_count; i++)
        count = apply_filter(view, &plan->filters[i], count);
    if (plan->only_bad)
        count = keep_bad(view, count);
    qsort_r(view->rows, count, sizeof(*view->rows), by_plan, view);
    view->grid = (struct grid){
        .columns = view->columns,
        .row_count = plan->top > 0 && plan->top < count ? plan->top : count,
        .cell = cell_of,
        .is_incomplete = view->complete_column >= 0 ? is_incomplete : NULL,
        .ctx = view,
    };
    pick_columns(view, pick);
}

void table_view_fini(struct table_view *view)
{
    free(view->rows);
    arena_fini(&view->titles);
}
