/* entry.c - see entry.h. */
#include "sinks/redis/entry.h"

#include "agent/base/num.h"
#include "sinks/redis/link.h"

#include <hiredis/hiredis.h>

#include <ctype.h>
#include <math.h>
#include <string.h>

#define HASH_START 0xcbf29ce484222325u /* FNV-1a, taken 8 bytes at a time where it can */
#define HASH_PRIME 0x100000001b3u

/* ---- life ---- */

static void put_text(struct buf *out, const char *text)
{
    resp_put(out, text, strlen(text));
}

void entry_writer_init(struct entry_writer *w, enum table_id t, const char *key, const struct sink_label *labels)
{
    const struct table *table = &schema_tables[t];

    *w = (struct entry_writer){ .table = t };
    buf_init(&w->head, 0);
    buf_init(&w->names, 0);
    buf_init(&w->labels, 0);
    buf_init(&w->body, 0);
    put_text(&w->head, "XADD");
    put_text(&w->head, key);
    for (unsigned c = 0; c < table->column_count; c++) {
        w->starts[c] = (uint32_t)w->names.len;
        put_text(&w->names, table->columns[c].name);
    }
    w->starts[table->column_count] = (uint32_t)w->names.len;
    for (const struct sink_label *l = labels; l != NULL && l->name != NULL; l++) {
        if (schema_find_column(table, l->name) >= 0 || strcmp(l->name, ENTRY_TIME_FIELD) == 0)
            continue;
        put_text(&w->labels, l->name);
        put_text(&w->labels, l->value);
        w->label_count++;
    }
}

void entry_writer_fini(struct entry_writer *w)
{
    buf_fini(&w->head);
    buf_fini(&w->names);
    buf_fini(&w->labels);
    buf_fini(&w->body);
}

/* ---- one row ---- */

static size_t print_time(int64_t time_ms, char *text)
{
    return time_ms % 1000 == 0 ? num_from_i64(text, time_ms / 1000) : num_from_real(text, (double)time_ms / 1000);
}

/* The text of a number; 0: there is none. */
static size_t print_number(const struct batch *b, enum table_id t, uint32_t row, unsigned c, char *text)
{
    if (schema_tables[t].columns[c].kind == COLUMN_INT) {
        int64_t value = batch_int(b, t, row, c);
        return value == NO_INT ? 0 : num_from_i64(text, value);
    }
    double value = batch_real(b, t, row, c);
    return isfinite(value) ? num_from_real(text, value == 0 ? 0 : value) : 0; /* -0 is 0 */
}

/* A value as it stands in the stream; NULL: absent. number: room for one. */
static const char *cell(const struct batch *b, enum table_id t, uint32_t row, unsigned c, char *number, size_t *len)
{
    const struct column *column = &schema_tables[t].columns[c];

    if (column->hidden)
        return NULL;
    if (column->kind == COLUMN_INT || column->kind == COLUMN_REAL) {
        *len = print_number(b, t, row, c, number);
        return *len > 0 ? number : NULL;
    }
    uint32_t text = batch_text_id(b, t, row, c);
    if (text == 0)
        return NULL;
    *len = batch_lookup_len(b, text);
    return batch_lookup(b, text);
}

static void fill_body(struct entry_writer *w, const struct batch *b, uint32_t row)
{
    char number[NUM_TEXT_MAX];
    size_t len = print_time(batch_info(b)->time_ms, number);

    buf_reset(&w->body);
    put_text(&w->body, ENTRY_TIME_FIELD);
    resp_put(&w->body, number, len);
    w->field_count = 1;
    for (unsigned c = 0; c < schema_tables[w->table].column_count; c++) {
        const char *value = cell(b, w->table, row, c, number, &len);
        if (value == NULL)
            continue;
        buf_put(&w->body, w->names.data + w->starts[c], w->starts[c + 1] - w->starts[c]);
        resp_put(&w->body, value, len);
        w->field_count++;
    }
}

void entry_put(struct entry_writer *w, const struct batch *b, uint32_t row, struct stream_id id, struct buf *out)
{
    char text[STREAM_ID_TEXT_MAX];
    size_t len = stream_id_print(id, text);

    fill_body(w, b, row);
    resp_put_head(out, 3 + 2 * (w->field_count + w->label_count));
    buf_put(out, w->head.data, w->head.len);
    resp_put(out, text, len);
    buf_put(out, w->body.data, w->body.len);
    buf_put(out, w->labels.data, w->labels.len);
}

/* ---- for people ---- */

static void print_quoted(struct buf *out, const char *text, size_t len)
{
    static const char hex[] = "0123456789abcdef", plain[] = "_-.:{}/%|@#";
    bool bare = len > 0;

    for (size_t i = 0; i < len && bare; i++) {
        unsigned char c = (unsigned char)text[i];
        bare = c < 0x80 && (isalnum(c) || (c != '\0' && strchr(plain, c) != NULL));
    }
    buf_putc(out, ' ');
    if (bare) {
        buf_put(out, text, len);
        return;
    }
    buf_putc(out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            buf_putc(out, '\\');
        if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%c%c", hex[c >> 4], hex[c & 15]);
        else
            buf_putc(out, (char)c);
    }
    buf_putc(out, '"');
}

/* Reads back what entry_put wrote: the bulk strings of data[0..len). */
static void print_bulks(struct buf *out, const char *data, size_t len)
{
    for (const char *p = data, *end = data + len; p < end;) {
        size_t size = 0;
        for (p++; *p != '\r'; p++)
            size = size * 10 + (size_t)(*p - '0');
        print_quoted(out, p + 2, size);
        p += 2 + size + 2;
    }
}

void entry_print(struct entry_writer *w, const struct batch *b, uint32_t row, struct stream_id id, struct buf *out)
{
    const size_t name = sizeof("$4\r\nXADD\r\n") - 1;
    char text[STREAM_ID_TEXT_MAX];

    fill_body(w, b, row);
    stream_id_print(id, text);
    buf_puts(out, "XADD");
    print_bulks(out, w->head.data + name, w->head.len - name);
    buf_printf(out, " %s", text);
    print_bulks(out, w->body.data, w->body.len);
    print_bulks(out, w->labels.data, w->labels.len);
    buf_putc(out, '\n');
}

/* ---- knowing a row again ---- */

static uint64_t hash_bytes(const char *data, size_t len)
{
    uint64_t hash = HASH_START ^ len, part;

    for (; len >= sizeof(part); data += sizeof(part), len -= sizeof(part)) {
        memcpy(&part, data, sizeof(part));
        hash = (hash ^ part) * HASH_PRIME;
        hash ^= hash >> 29;
    }
    for (; len > 0; data++, len--)
        hash = (hash ^ (unsigned char)*data) * HASH_PRIME;
    return hash ^ hash >> 32;
}

uint64_t entry_hash_row(struct entry_writer *w, const struct batch *b, uint32_t row)
{
    fill_body(w, b, row);
    return hash_bytes(w->body.data, w->body.len);
}

static bool is_text(const struct redisReply *r, const char *text, size_t len)
{
    return r->type == REDIS_REPLY_STRING && (size_t)r->len == len && memcmp(r->str, text, len) == 0;
}

bool entry_stored_time(const struct redisReply *fields, int64_t *time_ms)
{
    double seconds;

    if (fields->type != REDIS_REPLY_ARRAY || fields->elements < 2)
        return false;
    const struct redisReply *name = fields->element[0], *value = fields->element[1];
    if (!is_text(name, ENTRY_TIME_FIELD, strlen(ENTRY_TIME_FIELD)) || value->type != REDIS_REPLY_STRING)
        return false;
    if (num_to_real(value->str, (size_t)value->len, &seconds) < 0 || !(seconds > 0 && seconds < 1e12))
        return false;
    *time_ms = (int64_t)(seconds * 1000 + 0.5);
    return true;
}

/* Columns and fields have the same order, so one pass over both finds those that are there; labels come behind them. */
bool entry_hash_stored(struct entry_writer *w, const struct redisReply *fields, uint64_t *hash)
{
    const struct table *table = &schema_tables[w->table];
    int64_t time_ms;
    size_t at = 2;

    if (!entry_stored_time(fields, &time_ms))
        return false;
    buf_reset(&w->body);
    put_text(&w->body, ENTRY_TIME_FIELD);
    resp_put(&w->body, fields->element[1]->str, (size_t)fields->element[1]->len);
    for (unsigned c = 0; c < table->column_count && at + 1 < fields->elements; c++) {
        const struct redisReply *name = fields->element[at], *value = fields->element[at + 1];
        if (!is_text(name, table->columns[c].name, strlen(table->columns[c].name)) || value->type != REDIS_REPLY_STRING)
            continue;
        buf_put(&w->body, w->names.data + w->starts[c], w->starts[c + 1] - w->starts[c]);
        resp_put(&w->body, value->str, (size_t)value->len);
        at += 2;
    }
    *hash = hash_bytes(w->body.data, w->body.len);
    return true;
}
