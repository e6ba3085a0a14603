/*
 * batch_io.c - see batch_io.h.
 *
 *     0         4         8         12         16
 *     | "MQB1"  | plain   | stored  | crc32    | zlib stream, `stored` bytes     (u32, little endian)
 *
 * The stream unpacks to `plain` bytes; the checksum is over the stream. In it (v: LEB128 varint, z: varint of the zigzag form):
 *
 *     z time_ms  z interval_ms  z duration_ns  v number  v complete
 *     v texts, then each: v length, bytes                 numbered from 1, as in the batch
 *     v tables, then each: name, v rows, v columns, then each column: name, kind, form, cells
 *
 * A name is v length and bytes. kind is 't' (number of a text), 'i' or 'r'; form is '=' (one cell that holds for all rows) or '*'
 * (a cell a row). A column without any value is not written. Cells are varints, made so that usual ones are short: a text is its
 * number; an integer is zigzag + 1, which makes NO_INT 0; a real is its bits with the bytes turned round, because round
 * numbers end in zeros. A table's last key is always written row by row: so rows cost bytes, and a count can be held against them.
 */
#include "agent/model/batch_io.h"

#include "agent/base/buf.h"
#include "agent/base/xalloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MAGIC "MQB1"
#define HEADER 16
#define PACK_LEVEL 1
#define PACK_STEP 32768
#define PACK_RATIO_MAX 1040 /* deflate cannot do better than 1032 : 1 */
#define NAME_MAX_BYTES 64
#define TABLES_MAX 256

/* Writing ---------------------------------------------------------------------------------------------------------- */

static void put_varint(struct buf *out, uint64_t value)
{
    char *to = buf_grow(out, 10);

    if (to == NULL)
        return;
    char *at = to;
    for (; value >= 0x80; value >>= 7)
        *at++ = (char)(value | 0x80);
    *at++ = (char)value;
    out->len += (size_t)(at - to);
}

static uint64_t zigzag(int64_t value)
{
    return value < 0 ? ~((uint64_t)value << 1) : (uint64_t)value << 1;
}

static void put_name(struct buf *out, const char *name)
{
    put_varint(out, strlen(name));
    buf_puts(out, name);
}

static char kind_letter(enum column_kind kind)
{
    return kind == COLUMN_INT ? 'i' : kind == COLUMN_REAL ? 'r' : 't';
}

static uint64_t cell_of(const struct batch *b, enum table_id t, uint32_t row, unsigned column)
{
    double real;
    uint64_t bits;

    switch (schema_tables[t].columns[column].kind) {
    case COLUMN_INT:
        return zigzag(batch_int(b, t, row, column)) + 1;
    case COLUMN_REAL:
        real = batch_real(b, t, row, column);
        memcpy(&bits, &real, sizeof(bits));
        return __builtin_bswap64(bits);
    case COLUMN_KEY:
    case COLUMN_TEXT:
        break;
    }
    return batch_text_id(b, t, row, column);
}

/* What a column is written as; 0: not at all. */
static char form_of(const struct batch *b, enum table_id t, unsigned column)
{
    if (column == schema_tables[t].key_count - 1 || !batch_is_uniform(b, t, column))
        return '*';
    return batch_has(b, t, 0, column) ? '=' : 0;
}

static void put_column(const struct batch *b, enum table_id t, unsigned column, char form, struct buf *out)
{
    const struct column *c = &schema_tables[t].columns[column];
    uint32_t rows = form == '*' ? batch_rows(b, t) : 1;

    put_name(out, c->name);
    buf_putc(out, kind_letter(c->kind));
    buf_putc(out, form);
    for (uint32_t row = 0; row < rows; row++) {
        put_varint(out, cell_of(b, t, row, column));
        buf_row(out);
    }
}

static void put_table(const struct batch *b, enum table_id t, struct buf *out)
{
    char forms[SCHEMA_COLUMNS_MAX];
    unsigned columns = 0;

    put_name(out, schema_tables[t].name);
    put_varint(out, batch_rows(b, t));
    for (unsigned c = 0; c < schema_tables[t].column_count; c++) {
        forms[c] = form_of(b, t, c);
        columns += forms[c] != 0;
    }
    put_varint(out, columns);
    for (unsigned c = 0; c < schema_tables[t].column_count; c++)
        if (forms[c] != 0)
            put_column(b, t, c, forms[c], out);
}

static void put_plain(const struct batch *b, struct buf *out)
{
    const struct batch_info *info = batch_info(b);
    unsigned tables = 0;

    put_varint(out, zigzag(info->time_ms));
    put_varint(out, zigzag(info->interval_ms));
    put_varint(out, zigzag(info->duration_ns));
    put_varint(out, info->number);
    put_varint(out, info->complete);
    put_varint(out, batch_text_count(b) - 1);
    for (uint32_t text = 1; text < batch_text_count(b); text++) {
        put_varint(out, batch_lookup_len(b, text));
        buf_put(out, batch_lookup(b, text), batch_lookup_len(b, text));
        buf_row(out);
    }
    for (int t = 0; t < TABLE_COUNT; t++)
        tables += batch_rows(b, (enum table_id)t) > 0;
    put_varint(out, tables);
    for (int t = 0; t < TABLE_COUNT; t++)
        if (batch_rows(b, (enum table_id)t) > 0)
            put_table(b, (enum table_id)t, out);
}

static void put_u32(unsigned char *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(value >> (8 * i));
}

/* Packed as it is written: a batch of 10,000 topics needs 64 KB for its 3.5 MB. */
struct packing {
    z_stream z;
    struct buf *out;
};

static int pack(struct packing *p, int flush)
{
    int rc = Z_OK;

    while (p->z.avail_in > 0 || (flush == Z_FINISH && rc != Z_STREAM_END)) {
        char *to = buf_grow(p->out, PACK_STEP);
        if (to == NULL || p->z.total_out > BATCH_IO_STORED_MAX - PACK_STEP)
            return -1;
        p->z.next_out = (unsigned char *)to;
        p->z.avail_out = PACK_STEP;
        rc = deflate(&p->z, flush);
        p->out->len += PACK_STEP - p->z.avail_out;
    }
    return 0;
}

static int pack_some(void *ctx, const char *data, size_t len)
{
    struct packing *p = ctx;

    if (len > BATCH_IO_PLAIN_MAX - p->z.total_in)
        return -1;
    p->z.next_in = (unsigned char *)(uintptr_t)data; /* zlib only reads there */
    p->z.avail_in = (uInt)len;
    return pack(p, Z_NO_FLUSH);
}

static void put_header(struct buf *out, size_t at, const z_stream *z)
{
    unsigned char *header = (unsigned char *)out->data + at;

    memcpy(header, MAGIC, 4);
    put_u32(header + 4, (uint32_t)z->total_in);
    put_u32(header + 8, (uint32_t)z->total_out);
    put_u32(header + 12, (uint32_t)crc32(0, header + HEADER, (uInt)z->total_out));
}

int batch_io_write(const struct batch *b, struct buf *out, struct err *err)
{
    struct packing p = { .out = out };
    struct buf plain;
    size_t at = out->len;

    if (deflateInit(&p.z, PACK_LEVEL) != Z_OK)
        abort(); /* out of memory, as xalloc does */
    buf_put(out, (const char[HEADER]){ 0 }, HEADER);
    buf_init_drain(&plain, pack_some, &p);
    put_plain(b, &plain);
    int result = buf_flush(&plain) == 0 && pack(&p, Z_FINISH) == 0 && !buf_failed(out) ? 0 : -1;
    if (result == 0)
        put_header(out, at, &p.z);
    deflateEnd(&p.z);
    buf_fini(&plain);
    return result == 0 ? 0 : err_set(err, ERR_LIMIT, "a batch that needs more than %zu bytes, or than there is room for",
                                     BATCH_IO_STORED_MAX);
}

/* Reading ---------------------------------------------------------------------------------------------------------- */

struct reader {
    const unsigned char *at, *end;
    bool failed; /* then every further value is 0 */
    struct batch *batch;
    uint32_t *texts; /* number in the bytes -> number in the batch */
    uint64_t text_count;
};

static size_t left(const struct reader *r)
{
    return r->failed ? 0 : (size_t)(r->end - r->at);
}

static uint64_t get_varint(struct reader *r)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && left(r) > 0; shift += 7) {
        unsigned char byte = *r->at++;
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
    r->failed = true;
    return 0;
}

/* A number of things that take at least a byte each. */
static uint64_t get_count(struct reader *r, uint64_t max)
{
    uint64_t count = get_varint(r);

    if (count > left(r) || count > max)
        r->failed = true;
    return r->failed ? 0 : count;
}

static int64_t get_zigzag(struct reader *r)
{
    uint64_t value = get_varint(r);

    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static char get_byte(struct reader *r)
{
    if (left(r) > 0)
        return (char)*r->at++;
    r->failed = true;
    return 0;
}

/* The bytes of a text; they stay in the input. */
static const char *get_bytes(struct reader *r, size_t *len)
{
    *len = (size_t)get_count(r, UINT32_MAX);
    const char *bytes = (const char *)r->at;
    r->at += *len;
    return bytes;
}

static void get_name(struct reader *r, char name[NAME_MAX_BYTES + 1])
{
    size_t len;
    const char *bytes = get_bytes(r, &len);

    r->failed = r->failed || len > NAME_MAX_BYTES || memchr(bytes, '\0', len) != NULL;
    if (r->failed)
        len = 0;
    memcpy(name, bytes, len);
    name[len] = '\0';
}

static void get_info(struct reader *r)
{
    struct batch_info *info = batch_info_edit(r->batch);

    info->time_ms = get_zigzag(r);
    info->interval_ms = get_zigzag(r);
    info->duration_ns = get_zigzag(r);
    info->number = get_varint(r);
    info->complete = get_varint(r) != 0;
}

static void get_texts(struct reader *r)
{
    uint64_t count = get_count(r, UINT32_MAX - 1);

    r->texts = xcalloc((size_t)count + 1, sizeof(*r->texts));
    r->text_count = count + 1;
    for (uint64_t i = 1; i <= count && !r->failed; i++) {
        size_t len;
        const char *bytes = get_bytes(r, &len);
        if (!r->failed)
            r->texts[i] = batch_intern(r->batch, bytes, len);
    }
}

static void set_cell(struct reader *r, enum table_id t, uint32_t row, unsigned column, uint64_t cell)
{
    uint64_t bits;
    double real;

    switch (schema_tables[t].columns[column].kind) {
    case COLUMN_INT:
        bits = cell - 1;
        batch_set_int(r->batch, t, row, column, (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1));
        break;
    case COLUMN_REAL:
        bits = __builtin_bswap64(cell);
        memcpy(&real, &bits, sizeof(real));
        batch_set_real(r->batch, t, row, column, isnan(real) ? NO_REAL : real);
        break;
    case COLUMN_KEY:
    case COLUMN_TEXT:
        batch_set_text(r->batch, t, row, column, r->texts[cell]);
        break;
    }
}

/* One column of one table. table < 0 or column < 0: read and left out. */
static void get_cells(struct reader *r, int table, int column, uint32_t rows, char kind, char form)
{
    bool is_known = table >= 0 && column >= 0 && kind_letter(schema_tables[table].columns[column].kind) == kind;
    uint64_t cell = 0;

    if ((form != '*' && form != '=') || (kind != 't' && kind != 'i' && kind != 'r'))
        r->failed = true;
    for (uint32_t row = 0; row < rows && !r->failed; row++) {
        if (form == '*' || row == 0)
            cell = get_varint(r);
        if (kind == 't' && cell >= r->text_count)
            r->failed = true;
        if (!is_known && form == '=')
            return;
        if (is_known && !r->failed)
            set_cell(r, (enum table_id)table, row, (unsigned)column, cell);
    }
}

static void get_table(struct reader *r)
{
    char name[NAME_MAX_BYTES + 1];
    bool seen[SCHEMA_COLUMNS_MAX] = { false };

    get_name(r, name);
    int table = schema_find_table(name);
    uint32_t rows = (uint32_t)get_count(r, UINT32_MAX / 2);
    uint64_t columns = get_count(r, SCHEMA_COLUMNS_MAX);
    if (table >= 0 && batch_rows(r->batch, (enum table_id)table) > 0)
        r->failed = true; /* a second time */
    for (uint32_t row = 0; table >= 0 && row < rows && !r->failed; row++)
        batch_add(r->batch, (enum table_id)table);
    for (uint64_t i = 0; i < columns && !r->failed; i++) {
        get_name(r, name);
        char kind = get_byte(r), form = get_byte(r);
        int column = table < 0 || r->failed ? -1 : schema_find_column(&schema_tables[table], name);
        if (column >= 0 && seen[column])
            r->failed = true;
        if (column >= 0)
            seen[column] = true;
        get_cells(r, table, column, rows, kind, form);
    }
}

static struct batch *read_plain(const unsigned char *plain, size_t len, struct err *err)
{
    struct reader r = { .at = plain, .end = plain + len, .batch = batch_new() };

    get_info(&r);
    get_texts(&r);
    uint64_t tables = get_count(&r, TABLES_MAX);
    for (uint64_t i = 0; i < tables && !r.failed; i++)
        get_table(&r);
    free(r.texts);
    if (!r.failed && r.at == r.end) {
        batch_seal(r.batch);
        return r.batch;
    }
    batch_unref(r.batch);
    err_set(err, ERR_PROTO, "a stored batch does not follow its format, %zu bytes before its end", (size_t)(r.end - r.at));
    return NULL;
}

static uint32_t get_u32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

struct batch *batch_io_read(const void *data, size_t len, struct err *err)
{
    const unsigned char *header = data;

    if (len < HEADER || memcmp(header, MAGIC, 4) != 0) {
        err_set(err, ERR_PROTO, "%zu bytes that are no stored batch", len);
        return NULL;
    }
    uLongf plain_len = get_u32(header + 4);
    size_t stored = get_u32(header + 8);
    if (stored != len - HEADER || stored > BATCH_IO_STORED_MAX || plain_len > BATCH_IO_PLAIN_MAX ||
        plain_len > stored * PACK_RATIO_MAX) {
        err_set(err, ERR_LIMIT, "a stored batch of %zu bytes says that it has %zu for %lu", len - HEADER, stored, plain_len);
        return NULL;
    }
    if (crc32(0, header + HEADER, (uInt)stored) != get_u32(header + 12)) {
        err_set(err, ERR_PROTO, "a stored batch whose checksum is wrong");
        return NULL;
    }
    unsigned char *plain = xmalloc(plain_len + 1);
    uLongf got = plain_len;
    struct batch *b = NULL;
    if (uncompress(plain, &got, header + HEADER, stored) == Z_OK && got == plain_len)
        b = read_plain(plain, plain_len, err);
    else
        err_set(err, ERR_PROTO, "a stored batch that cannot be unpacked");
    free(plain);
    return b;
}
