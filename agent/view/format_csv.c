/* format_csv.c - rows as comma- or tab-separated text. See format.h. */
#include "agent/view/format.h"

#include "agent/base/buf.h"
#include "agent/base/quote.h"

typedef void put_text_fn(struct buf *to, const char *text, size_t len);

static void put_cell(struct buf *to, const struct cell *cell, put_text_fn *put_text)
{
    if (cell->kind == CELL_TEXT)
        put_text(to, cell->text, cell->len);
    else if (cell->kind == CELL_INT)
        buf_put_i64(to, cell->i);
    else if (cell->kind == CELL_REAL)
        buf_put_real(to, cell->d);
}

static void put_rows(struct buf *to, const struct grid *grid, const char *at, bool with_header, char separator,
                     put_text_fn *put_text)
{
    if (with_header) {
        if (at != NULL)
            buf_printf(to, "at%c", separator);
        for (unsigned c = 0; c < grid->column_count; c++) {
            if (c > 0)
                buf_putc(to, separator);
            buf_puts(to, grid->columns[c].name);
        }
        buf_putc(to, '\n');
    }
    for (uint32_t row = 0; row < grid->row_count; row++) {
        if (at != NULL)
            buf_printf(to, "%s%c", at, separator);
        for (unsigned c = 0; c < grid->column_count; c++) {
            struct cell cell = grid->cell(grid->ctx, row, c);
            if (c > 0)
                buf_putc(to, separator);
            put_cell(to, &cell, put_text);
        }
        buf_putc(to, '\n');
        buf_row(to);
    }
}

void format_csv(struct buf *to, const struct grid *grid, const char *at, bool with_header)
{
    put_rows(to, grid, at, with_header, ',', quote_csv);
}

void format_tsv(struct buf *to, const struct grid *grid, const char *at, bool with_header)
{
    put_rows(to, grid, at, with_header, '\t', quote_tsv);
}
