/*
 * format_json.c - rows as JSON. See format.h.
 *
 * Rows are written as they come instead of through a JSON library: 50,000 rows as a tree of nodes would take a hundred
 * times the memory of the text, and cJSON keeps numbers as doubles, which loses 64-bit offsets.
 */
#include "agent/view/format.h"

#include "agent/base/buf.h"
#include "agent/base/quote.h"
#include "agent/view/human.h"

#include <math.h>
#include <string.h>

#define SCHEMA_NUMBER 1

static void put_key(struct buf *to, const char *name, bool *is_first)
{
    buf_puts(to, *is_first ? "\"" : ",\"");
    buf_puts(to, name);
    buf_puts(to, "\":");
    *is_first = false;
}

static void put_time(struct buf *to, const char *name, int64_t time_ms, bool *is_first)
{
    char text[HUMAN_TEXT_MAX];
    size_t len = human_rfc3339(text, time_ms);

    put_key(to, name, is_first);
    quote_json(to, text, len);
}

static void put_fields(struct buf *to, const struct grid *grid, uint32_t row, bool is_first)
{
    for (unsigned c = 0; c < grid->column_count; c++) {
        struct cell cell = grid->cell(grid->ctx, row, c);
        if (cell.kind == CELL_ABSENT || (cell.kind == CELL_REAL && !isfinite(cell.d)))
            continue; /* JSON has no infinity either */
        put_key(to, grid->columns[c].name, &is_first);
        if (cell.kind == CELL_TEXT)
            quote_json(to, cell.text, cell.len);
        else if (cell.kind == CELL_INT)
            buf_put_i64(to, cell.i);
        else
            buf_put_real(to, cell.d);
    }
}

void format_json(struct buf *to, const struct grid *grid, const struct format_head *head)
{
    bool is_first = false;

    buf_printf(to, "{\"schema\":%d", SCHEMA_NUMBER);
    put_key(to, "table", &is_first);
    quote_json(to, head->table, strlen(head->table));
    put_time(to, "generated_at", head->generated_ms, &is_first);
    if (head->at_ms != 0)
        put_time(to, "at", head->at_ms, &is_first);
    if (!isnan(head->coverage)) {
        put_key(to, "coverage", &is_first);
        buf_put_real(to, head->coverage);
    }
    put_key(to, "rows", &is_first);
    buf_putc(to, '[');
    for (uint32_t row = 0; row < grid->row_count; row++) {
        buf_puts(to, row > 0 ? ",\n{" : "\n{");
        put_fields(to, grid, row, true);
        buf_putc(to, '}');
        buf_row(to);
    }
    buf_puts(to, grid->row_count > 0 ? "\n]}\n" : "]}\n");
}

void format_jsonl(struct buf *to, const struct grid *grid, const struct format_head *head)
{
    for (uint32_t row = 0; row < grid->row_count; row++) {
        bool is_first = true;
        buf_putc(to, '{');
        if (head->at_ms != 0)
            put_time(to, "at", head->at_ms, &is_first);
        put_fields(to, grid, row, is_first);
        buf_puts(to, "}\n");
        buf_row(to);
    }
}
