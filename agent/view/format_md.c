/* format_md.c - rows as a pipe table for tickets and documents. See format.h. */
#include "agent/view/format.h"

#include "agent/base/buf.h"

#include <ctype.h>
#include <string.h>

/* An underscore within a word is one; at its edge it would begin emphasis. */
static bool is_inside_word(const char *text, size_t len, size_t i)
{
    return i > 0 && i + 1 < len && isalnum((unsigned char)text[i - 1]) && isalnum((unsigned char)text[i + 1]);
}

static void put_escaped(struct buf *to, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if ((unsigned char)c < 0x20 || c == 0x7f) {
            buf_putc(to, ' '); /* a line break would end the row */
            continue;
        }
        if (strchr("|\\`*<>[]~&", c) != NULL || (c == '_' && !is_inside_word(text, len, i)))
            buf_putc(to, '\\');
        buf_putc(to, c);
    }
}

static void put_header(struct buf *to, const struct grid *grid)
{
    for (unsigned c = 0; c < grid->column_count; c++) {
        buf_puts(to, "| ");
        put_escaped(to, grid->columns[c].title, strlen(grid->columns[c].title));
        buf_putc(to, ' ');
    }
    buf_puts(to, "|\n");
    for (unsigned c = 0; c < grid->column_count; c++)
        buf_puts(to, grid->columns[c].is_number ? "| ---: " : "| --- ");
    buf_puts(to, "|\n");
}

void format_md(struct buf *to, const struct grid *grid, const struct people *people, struct format_fitted *fitted)
{
    struct buf text;

    *fitted = (struct format_fitted){ 0 };
    if (grid->column_count == 0)
        return;
    buf_init(&text, 0);
    put_header(to, grid);
    for (uint32_t row = 0; row < grid->row_count; row++) {
        for (unsigned c = 0; c < grid->column_count; c++) {
            struct cell cell = grid->cell(grid->ctx, row, c);
            buf_reset(&text);
            people_cell(&text, people, &cell, grid->columns[c].form);
            buf_puts(to, "| ");
            put_escaped(to, text.data, text.len);
            bool is_bound = people_is_lower_bound(grid, row, c, &cell);
            buf_puts(to, is_bound ? "+ " : " ");
            fitted->has_bound |= is_bound;
        }
        buf_puts(to, "|\n");
        buf_row(to);
    }
    buf_fini(&text);
}
