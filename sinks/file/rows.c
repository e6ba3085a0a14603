/* rows.c - see rows.h. */
#include "sinks/file/rows.h"

#include "agent/base/buf.h"
#include "agent/base/num.h"
#include "agent/base/quote.h"
#include "sinks/sink.h"

#include <math.h>
#include <string.h>

#define NS_DIGITS 9
#define MEASUREMENT "mq_" /* before a table's name: "groups" alone is anybody's */

/* A cell of the batch. */
struct place {
    const struct batch *b;
    enum table_id t;
    uint32_t row;
    unsigned column;
};

static const struct column *column_of(const struct place *p)
{
    return &schema_tables[p->t].columns[p->column];
}

static bool is_text(const struct column *column)
{
    return column->kind == COLUMN_KEY || column->kind == COLUMN_TEXT;
}

/* Is there something that a line can say? None of the formats has infinity. */
static bool can_say(const struct place *p)
{
    if (column_of(p)->hidden || !batch_has(p->b, p->t, p->row, p->column))
        return false;
    return column_of(p)->kind != COLUMN_REAL || isfinite(batch_real(p->b, p->t, p->row, p->column));
}

static void put_number(const struct place *p, struct buf *out)
{
    if (column_of(p)->kind == COLUMN_INT)
        buf_put_i64(out, batch_int(p->b, p->t, p->row, p->column));
    else
        buf_put_real(out, batch_real(p->b, p->t, p->row, p->column));
}

typedef void put_text_fn(struct buf *out, const char *text, size_t len);

static void put_text(const struct place *p, put_text_fn *quote, struct buf *out)
{
    uint32_t text = batch_text_id(p->b, p->t, p->row, p->column);

    quote(out, batch_lookup(p->b, text), batch_lookup_len(p->b, text));
}

/* The next label at or after `l` that is not also a column of the table; NULL at the end. */
static const struct sink_label *fitting_label(const struct sink_label *l, enum table_id t)
{
    while (l != NULL && l->name != NULL && (strcmp(l->name, "time") == 0 || strcmp(l->name, "table") == 0 ||
                                            schema_find_column(&schema_tables[t], l->name) >= 0))
        l++;
    return l == NULL || l->name == NULL ? NULL : l;
}

#define FOR_EACH_LABEL(l, labels, t) \
    for (const struct sink_label *l = fitting_label(labels, t); l != NULL; l = fitting_label(l + 1, t))

/* ---- JSON lines ---- */

static void put_member(struct buf *out, const char *name)
{
    buf_puts(out, ",\"");
    buf_puts(out, name);
    buf_puts(out, "\":");
}

static bool put_object(const struct rows_style *style, struct place p, int64_t time_s, struct buf *out)
{
    buf_puts(out, "{\"time\":");
    buf_put_i64(out, time_s);
    put_member(out, "table");
    quote_json(out, schema_tables[p.t].name, strlen(schema_tables[p.t].name));
    for (p.column = 0; p.column < schema_tables[p.t].column_count; p.column++) {
        if (!can_say(&p))
            continue;
        put_member(out, column_of(&p)->name);
        if (is_text(column_of(&p)))
            put_text(&p, quote_json, out);
        else
            put_number(&p, out);
    }
    FOR_EACH_LABEL(l, style->labels, p.t) {
        put_member(out, l->name);
        quote_json(out, l->value, strlen(l->value));
    }
    buf_puts(out, "}\n");
    return true;
}

/* ---- CSV ---- */

/* Line breaks inside a text become blanks: readers would take them quoted, but then a row is no line any more. */
static void put_field(struct buf *out, const char *text, size_t len)
{
    size_t from = out->len;

    quote_csv(out, text, len);
    for (size_t i = from; i < out->len; i++)
        if (out->data[i] == '\n' || out->data[i] == '\r')
            out->data[i] = ' ';
}

static bool put_record(const struct rows_style *style, struct place p, int64_t time_s, struct buf *out)
{
    buf_put_i64(out, time_s);
    for (p.column = 0; p.column < schema_tables[p.t].column_count; p.column++) {
        if (column_of(&p)->hidden)
            continue;
        buf_putc(out, ',');
        if (!can_say(&p))
            continue;
        if (is_text(column_of(&p)))
            put_text(&p, put_field, out);
        else
            put_number(&p, out);
    }
    FOR_EACH_LABEL(l, style->labels, p.t) {
        buf_putc(out, ',');
        put_field(out, l->value, strlen(l->value));
    }
    buf_putc(out, '\n');
    return true;
}

void rows_put_head(const struct rows_style *style, enum table_id t, struct buf *out)
{
    const struct table *table = &schema_tables[t];

    if (style->format != ROWS_CSV)
        return;
    buf_puts(out, "time");
    for (unsigned c = 0; c < table->column_count; c++)
        if (!table->columns[c].hidden)
            buf_printf(out, ",%s", table->columns[c].name);
    FOR_EACH_LABEL(l, style->labels, t)
        buf_printf(out, ",%s", l->name);
    buf_putc(out, '\n');
}

/* ---- line protocol ---- */

static void put_control(struct buf *out, char c)
{
    buf_puts(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
}

/*
 * Comma, blank and equals sign end a tag, so they are escaped. A backslash is doubled: no reader then takes it, at the end of
 * a text, for the escape of what follows (some show both; those names never come from a broker).
 */
static void put_tag_text(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' || text[i] == '\r' || text[i] == '\t') {
            put_control(out, text[i]);
            continue;
        }
        if (text[i] == ',' || text[i] == ' ' || text[i] == '=' || text[i] == '\\')
            buf_putc(out, '\\');
        buf_putc(out, text[i]);
    }
}

static void put_string(struct buf *out, const char *text, size_t len)
{
    buf_putc(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' || text[i] == '\r' || text[i] == '\t') {
            put_control(out, text[i]);
            continue;
        }
        if (text[i] == '"' || text[i] == '\\')
            buf_putc(out, '\\');
        buf_putc(out, text[i]);
    }
    buf_putc(out, '"');
}

static void put_tag(struct buf *out, const char *name, const char *text, size_t len)
{
    if (len == 0)
        return; /* the protocol has no empty tags */
    buf_putc(out, ',');
    buf_puts(out, name);
    buf_putc(out, '=');
    put_tag_text(out, text, len);
}

static void put_value(const struct place *p, struct buf *out)
{
    if (is_text(column_of(p))) {
        put_text(p, put_string, out);
        return;
    }
    put_number(p, out);
    if (column_of(p)->kind == COLUMN_INT)
        buf_putc(out, 'i');
}

static bool has_value(struct place p)
{
    for (p.column = schema_tables[p.t].key_count; p.column < schema_tables[p.t].column_count; p.column++)
        if (can_say(&p))
            return true;
    return false;
}

/* A row of which nothing but its keys is known cannot be said: a point needs a field. */
static bool put_point(const struct rows_style *style, struct place p, int64_t time_s, struct buf *out)
{
    const struct table *table = &schema_tables[p.t];
    char separator = ' ';

    if (!has_value(p))
        return false;
    buf_puts(out, MEASUREMENT);
    buf_puts(out, table->name);
    for (p.column = 0; p.column < table->key_count; p.column++)
        if (can_say(&p)) {
            uint32_t text = batch_text_id(p.b, p.t, p.row, p.column);
            put_tag(out, column_of(&p)->name, batch_lookup(p.b, text), batch_lookup_len(p.b, text));
        }
    FOR_EACH_LABEL(l, style->labels, p.t)
        put_tag(out, l->name, l->value, strlen(l->value));
    for (; p.column < table->column_count; p.column++) {
        if (!can_say(&p))
            continue;
        buf_putc(out, separator);
        buf_puts(out, column_of(&p)->name);
        buf_putc(out, '=');
        put_value(&p, out);
        separator = ',';
    }
    buf_printf(out, " %lld%0*d\n", (long long)time_s, NS_DIGITS, 0);
    return true;
}

/* ---- all ---- */

uint64_t rows_put(const struct rows_style *style, const struct batch *b, enum table_id t, struct buf *out)
{
    static bool (*const put_row[])(const struct rows_style *, struct place, int64_t, struct buf *) = {
        [ROWS_JSONL] = put_object, [ROWS_CSV] = put_record, [ROWS_INFLUX] = put_point };
    int64_t time_s = batch_info(b)->time_ms / 1000;
    uint32_t rows = batch_rows(b, t);
    uint64_t lines = 0;

    for (uint32_t row = 0; row < rows && !buf_failed(out); row++) {
        lines += put_row[style->format](style, (struct place){ .b = b, .t = t, .row = row }, time_s, out);
        buf_row(out);
    }
    return lines;
}

static const char *const beginnings[] = {
    [ROWS_JSONL] = "{\"time\":", [ROWS_CSV] = "time,source,system,cluster,", [ROWS_INFLUX] = MEASUREMENT };

bool rows_is_ours(enum rows_format format, const char *first, size_t len)
{
    size_t needed = strlen(beginnings[format]);

    return memcmp(first, beginnings[format], len < needed ? len : needed) == 0; /* it may end within its first line */
}

bool rows_time(enum rows_format format, const char *first, size_t first_len, const char *last, size_t last_len, int64_t *time_s)
{
    size_t skip = format == ROWS_JSONL ? strlen(beginnings[ROWS_JSONL]) : 0;
    const char *comma, *blank;

    if (format == ROWS_INFLUX) {
        blank = memrchr(last, ' ', last_len);
        size_t digits = blank != NULL ? (size_t)(last + last_len - blank - 1) : 0;
        return digits > NS_DIGITS && num_to_i64(blank + 1, digits - NS_DIGITS, time_s) == 0;
    }
    if (first_len < skip)
        return false;
    comma = memchr(first + skip, ',', first_len - skip);
    return comma != NULL && num_to_i64(first + skip, (size_t)(comma - first) - skip, time_s) == 0;
}
