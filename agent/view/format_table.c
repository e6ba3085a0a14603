/*
 * format_table.c - rows as a table on a screen. The only file that knows libsmartcols.
 *
 * The library aligns, pads (by wcwidth) and colours; what it cannot do is cut a name in its middle, so widths are worked out
 * here: every cell's text once, then the columns are made to fit, then the rows go through the library in slabs with fixed
 * widths, so that its memory stays small however many rows there are.
 */
#include "agent/view/format.h"

#include "agent/base/buf.h"
#include "agent/base/xalloc.h"

#include <assert.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#define SEPARATOR "  "
#define SLAB_ROWS 1000
#define COMFORT 20 /* names are not cut below this while there is a column left to drop */
#define NARROWEST 4
#define KEEP_COLUMNS 2

struct text {
    size_t at; /* in table.bytes, NUL-terminated */
    uint32_t len;
    uint16_t columns;
    uint8_t tone;
    bool is_bound;
};

struct table {
    const struct grid *grid;
    const struct term *term;
    struct buf bytes;
    struct text *texts; /* row by row; the headers are row 0 */
    unsigned *widths;   /* by column */
    bool *has_bound;    /* by column: some value carries a "+" */
    unsigned shown;     /* columns that are */
};

static struct text *text_at(const struct table *table, size_t row, unsigned column)
{
    return &table->texts[row * table->grid->column_count + column];
}

static void take_text(struct table *table, size_t row, unsigned column, const char *raw, size_t len)
{
    struct text *text = text_at(table, row, column);

    text->at = table->bytes.len;
    term_escape(&table->bytes, raw, len, table->term->has_utf8);
    text->len = (uint32_t)(table->bytes.len - text->at);
    unsigned columns = term_columns(table->bytes.data + text->at, text->len);
    text->columns = (uint16_t)(columns < UINT16_MAX ? columns : UINT16_MAX);
    buf_putc(&table->bytes, '\0');
    if (text->columns > table->widths[column])
        table->widths[column] = text->columns;
}

static void take_texts(struct table *table, const struct people *people)
{
    const struct grid *grid = table->grid;
    struct buf raw;

    buf_init(&raw, 0);
    for (unsigned c = 0; c < grid->column_count; c++)
        take_text(table, 0, c, grid->columns[c].title, strlen(grid->columns[c].title));
    for (uint32_t row = 0; row < grid->row_count; row++)
        for (unsigned c = 0; c < grid->column_count; c++) {
            struct cell cell = grid->cell(grid->ctx, row, c);
            buf_reset(&raw);
            enum people_tone tone = people_cell(&raw, people, &cell, grid->columns[c].form);
            take_text(table, (size_t)row + 1, c, raw.data, raw.len);
            struct text *text = text_at(table, (size_t)row + 1, c);
            text->tone = (uint8_t)tone;
            text->is_bound = people_is_lower_bound(grid, row, c, &cell);
            table->has_bound[c] |= text->is_bound;
        }
    for (unsigned c = 0; c < grid->column_count; c++)
        table->widths[c] += table->has_bound[c];
    buf_fini(&raw);
}

/* ---- making it fit ---- */

static unsigned line_width(const unsigned *widths, unsigned count)
{
    unsigned sum = count > 0 ? (count - 1) * (unsigned)strlen(SEPARATOR) : 0;

    for (unsigned c = 0; c < count; c++)
        sum += widths[c];
    return sum;
}

static bool may_cut(const struct grid_column *column)
{
    return !column->is_number && column->cut != CUT_NEVER;
}

/* Narrows the widest name again and again until the first `count` columns fit or no name is wider than `least`. */
static bool narrow(const struct table *table, unsigned *widths, unsigned count, unsigned least)
{
    unsigned over = line_width(widths, count);

    over = over > table->term->width ? over - table->term->width : 0;
    for (; over > 0; over--) {
        unsigned widest = count;
        for (unsigned c = 0; c < count; c++)
            if (may_cut(&table->grid->columns[c]) && widths[c] > least && (widest == count || widths[c] >= widths[widest]))
                widest = c;
        if (widest == count)
            return false;
        widths[widest]--;
    }
    return true;
}

static void fit(struct table *table, enum format_fit how)
{
    unsigned count = table->grid->column_count;
    size_t size = count * sizeof(*table->widths);
    unsigned *widths = xmalloc(size + 1);

    table->shown = count;
    if (how == FORMAT_AS_IS || table->term->width == TERM_UNLIMITED) {
        free(widths);
        return;
    }
    for (; count > KEEP_COLUMNS; count--) {
        memcpy(widths, table->widths, size);
        if (how == FORMAT_CUT || narrow(table, widths, count, COMFORT))
            break;
    }
    memcpy(widths, table->widths, size);
    narrow(table, widths, count, COMFORT);
    narrow(table, widths, count, NARROWEST);
    memcpy(table->widths, widths, size);
    table->shown = count;
    free(widths);
}

/* ---- giving it to the library ---- */

static const char *color_of(const struct table *table, const struct text *text)
{
    static const char *const colors[] = {
        [TONE_NONE] = NULL, [TONE_GOOD] = "\033[32m", [TONE_WARN] = "\033[33m", [TONE_BAD] = "\033[31m",
    };

    if (!table->term->has_color)
        return NULL;
    return text->is_bound ? colors[TONE_WARN] : colors[text->tone];
}

/* The text as it is shown: cut to its column; "+" behind a lower bound, and room for one where a neighbour has it. */
static const char *dress(const struct table *table, struct buf *to, const struct text *text, unsigned column)
{
    const char *words = table->bytes.data + text->at;
    unsigned room = table->widths[column] - table->has_bound[column];

    buf_reset(to);
    if (text->columns <= room)
        buf_put(to, words, text->len);
    else
        term_cut(to, words, text->len, room, table->grid->columns[column].cut == CUT_END, table->term->has_utf8);
    if (table->has_bound[column])
        buf_putc(to, text->is_bound ? '+' : ' ');
    buf_putc(to, '\0');
    return to->data;
}

static void must(int rc)
{
    assert(rc == 0); /* the library fails for want of memory only */
    (void)rc;
}

static struct libscols_table *open_slab(const struct table *table, bool with_header, struct buf *dressed)
{
    struct libscols_table *slab = scols_new_table();

    assert(slab != NULL);
    must(scols_table_enable_noencoding(slab, 1)); /* term_escape has been there */
    must(scols_table_enable_colors(slab, table->term->has_color));
    must(scols_table_enable_noheadings(slab, !with_header));
    must(scols_table_set_termforce(slab, SCOLS_TERMFORCE_NEVER));
    must(scols_table_set_column_separator(slab, SEPARATOR));
    for (unsigned c = 0; c < table->shown; c++) {
        /* The library takes a width for what it is only if it is strict, but not if the heading alone fills it. */
        unsigned heading = text_at(table, 0, c)->columns + table->has_bound[c];
        int flags = (table->widths[c] > heading ? SCOLS_FL_STRICTWIDTH : 0) |
                    (table->grid->columns[c].is_number ? SCOLS_FL_RIGHT : 0);
        struct libscols_column *column = scols_table_new_column(slab, dress(table, dressed, text_at(table, 0, c), c),
                                                                table->widths[c], flags);
        assert(column != NULL);
        if (table->term->has_color)
            must(scols_cell_set_color(scols_column_get_header(column), "\033[1m"));
    }
    return slab;
}

static void add_line(struct libscols_table *slab, const struct table *table, size_t row, struct buf *dressed)
{
    struct libscols_line *line = scols_table_new_line(slab, NULL);

    assert(line != NULL);
    for (unsigned c = 0; c < table->shown; c++) {
        const struct text *text = text_at(table, row, c);
        must(scols_line_set_data(line, c, dress(table, dressed, text, c)));
        if (color_of(table, text) != NULL)
            must(scols_cell_set_color(scols_line_get_cell(line, c), color_of(table, text)));
    }
}

static void put_slab(struct buf *to, struct libscols_table *slab)
{
    char *text = NULL;

    must(scols_print_table_to_string(slab, &text));
    buf_puts(to, text);
    if (to->len > 0 && to->data[to->len - 1] != '\n')
        buf_putc(to, '\n');
    buf_row(to);
    free(text);
    scols_unref_table(slab);
}

void format_table(struct buf *to, const struct grid *grid, const struct people *people, const struct term *term,
                  enum format_fit how, struct format_fitted *fitted)
{
    struct table table = { .grid = grid, .term = term };
    struct buf dressed;

    *fitted = (struct format_fitted){ 0 };
    if (grid->column_count == 0 || grid->row_count == 0)
        return;
    buf_init(&table.bytes, 0);
    buf_init(&dressed, 0);
    table.texts = xcalloc(((size_t)grid->row_count + 1) * grid->column_count, sizeof(*table.texts));
    table.widths = xcalloc(grid->column_count, sizeof(*table.widths));
    table.has_bound = xcalloc(grid->column_count, sizeof(*table.has_bound));
    take_texts(&table, people);
    fit(&table, how);
    for (size_t row = 0; row < grid->row_count; row += SLAB_ROWS) {
        struct libscols_table *slab = open_slab(&table, row == 0, &dressed);
        for (size_t i = row; i < grid->row_count && i < row + SLAB_ROWS; i++)
            add_line(slab, &table, i + 1, &dressed);
        put_slab(to, slab);
    }
    fitted->dropped = grid->column_count - table.shown;
    for (unsigned c = 0; c < table.shown; c++)
        fitted->has_bound |= table.has_bound[c];
    free(table.has_bound);
    free(table.widths);
    free(table.texts);
    buf_fini(&dressed);
    buf_fini(&table.bytes);
}
