/* test_batch_io.c - a batch as bytes and back: nothing changes, other agents' bytes are read, hostile bytes are refused. */
#include "agent/model/batch_io.h"

#include "agent/base/buf.h"
#include "tests/fake/sink_rig.h"
#include "tests/fake/small_cluster.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

/* Comparing ------------------------------------------------------------------------------------------------------------ */

static void check_cell(const struct batch *a, const struct batch *b, enum table_id t, uint32_t row, unsigned c)
{
    const char *where = schema_tables[t].columns[c].name, *x, *y;

    ck_assert_msg(batch_has(a, t, row, c) == batch_has(b, t, row, c), "%s.%s row %u: only one has a value", schema_tables[t].name,
                  where, row);
    switch (schema_tables[t].columns[c].kind) {
    case COLUMN_INT:
        ck_assert_int_eq(batch_int(a, t, row, c), batch_int(b, t, row, c));
        break;
    case COLUMN_REAL: {
        double p = batch_real(a, t, row, c), q = batch_real(b, t, row, c);
        ck_assert_msg((isnan(p) && isnan(q)) || memcmp(&p, &q, sizeof(p)) == 0, "%s.%s row %u: %a became %a",
                      schema_tables[t].name, where, row, p, q);
        break;
    }
    case COLUMN_KEY:
    case COLUMN_TEXT:
        x = batch_text(a, t, row, c);
        y = batch_text(b, t, row, c);
        ck_assert_uint_eq(batch_lookup_len(a, batch_text_id(a, t, row, c)), batch_lookup_len(b, batch_text_id(b, t, row, c)));
        ck_assert_msg(x == y || strcmp(x, y) == 0, "%s.%s row %u: \"%s\" became \"%s\"", schema_tables[t].name, where, row, x, y);
        break;
    }
}

static void check_same(const struct batch *a, const struct batch *b)
{
    ck_assert_mem_eq(&batch_info(a)->time_ms, &batch_info(b)->time_ms, sizeof(int64_t));
    ck_assert_int_eq(batch_info(a)->interval_ms, batch_info(b)->interval_ms);
    ck_assert_int_eq(batch_info(a)->duration_ns, batch_info(b)->duration_ns);
    ck_assert_uint_eq(batch_info(a)->number, batch_info(b)->number);
    ck_assert_int_eq(batch_info(a)->complete, batch_info(b)->complete);
    for (int t = 0; t < TABLE_COUNT; t++) {
        ck_assert_uint_eq(batch_rows(a, (enum table_id)t), batch_rows(b, (enum table_id)t));
        for (uint32_t row = 0; row < batch_rows(a, (enum table_id)t); row++)
            for (unsigned c = 0; c < schema_tables[t].column_count; c++)
                check_cell(a, b, (enum table_id)t, row, c);
    }
}

static void check_round_trip(struct batch *b)
{
    struct buf bytes;
    struct err err = { 0 };

    buf_init(&bytes, 0);
    ck_assert_msg(batch_io_write(b, &bytes, &err) == 0, "%s", err.msg);
    struct batch *back = batch_io_read(bytes.data, bytes.len, &err);
    ck_assert_msg(back != NULL, "%s", err.msg);
    check_same(b, back);
    batch_unref(back);
    batch_unref(b);
    buf_fini(&bytes);
}

static struct batch *nothing_collected(void)
{
    return rig_empty_batch();
}

static struct batch *many_brokers(void)
{
    return rig_broker_batch(3000);
}

static struct batch *info_at_its_limits(void)
{
    struct batch *b = batch_new();

    *batch_info_edit(b) = (struct batch_info){ .time_ms = INT64_MIN, .interval_ms = INT64_MAX, .duration_ns = -1,
                                               .number = UINT64_MAX, .complete = true };
    batch_seal(b);
    return b;
}

static struct batch *(*const batches[])(void) = { nothing_collected, many_brokers, rig_hostile_batch, small_cluster, silent_cluster,
                                                  info_at_its_limits };

START_TEST(what_is_written_reads_back_the_same)
{
    check_round_trip(batches[_i]());
}
END_TEST

/* Any table, any column, with and without values, uniform or not. */
static struct batch *random_batch(uint64_t *state)
{
    struct batch *b = batch_new();
    char text[32];

    batch_info_edit(b)->time_ms = (int64_t)unit_random(state);
    for (int t = 0; t < TABLE_COUNT; t++) {
        uint32_t rows = (uint32_t)(unit_random(state) % 60);
        uint64_t spread = unit_random(state) % 3; /* 0: every cell of a column alike */
        for (uint32_t row = 0; row < rows; row++) {
            batch_add(b, (enum table_id)t);
            for (unsigned c = 0; c < schema_tables[t].column_count; c++) {
                uint64_t draw = spread == 0 ? c * 0x9E3779B97F4A7C15u : unit_random(state);
                bool absent = c >= schema_tables[t].key_count && draw % 3 == 0;
                double real = (double)(int64_t)(draw >> (draw % 60)) / 8;
                snprintf(text, sizeof(text), "%x", (unsigned)(draw >> 50));
                if (absent)
                    continue;
                if (schema_tables[t].columns[c].kind == COLUMN_INT)
                    batch_set_int(b, (enum table_id)t, row, c, (int64_t)(draw >> (draw % 60)));
                else if (schema_tables[t].columns[c].kind == COLUMN_REAL)
                    batch_set_real(b, (enum table_id)t, row, c, real);
                else
                    batch_set_text(b, (enum table_id)t, row, c, batch_intern_z(b, text));
            }
        }
    }
    batch_seal(b);
    return b;
}

START_TEST(any_batch_reads_back_the_same)
{
    uint64_t seed = unit_seed() + (uint64_t)_i, state = seed;

    printf("seed %" PRIu64 "\n", seed);
    check_round_trip(random_batch(&state));
}
END_TEST

/* Other agents --------------------------------------------------------------------------------------------------------- */

/* The header around a stream that was made by hand. */
static struct batch *read_stream(const void *stream, size_t len, struct err *err)
{
    uLongf stored = compressBound(len);
    unsigned char *bytes = malloc(16 + stored);

    compress2(bytes + 16, &stored, stream, len, 1);
    memcpy(bytes, "MQB1", 4);
    uint32_t words[3] = { (uint32_t)len, (uint32_t)stored, (uint32_t)crc32(0, bytes + 16, (uInt)stored) };
    for (int w = 0; w < 3; w++)
        for (int i = 0; i < 4; i++)
            bytes[4 + 4 * w + i] = (unsigned char)(words[w] >> (8 * i));
    struct batch *b = batch_io_read(bytes, 16 + stored, err);
    free(bytes);
    return b;
}

#define INFO "\x02\x00\x00\x01\x01" /* time 1, number 1, complete */
#define TEXTS "\x03" "\x01" "a" "\x01" "b" "\x01" "c"

START_TEST(names_decide_and_not_places)
{
    static const char stream[] = INFO TEXTS "\x02"
        "\x09" "wormholes" "\x02" "\x02" "\x03" "key" "t*" "\x01\x02" "\x03" "len" "i=" "\x07"
        "\x07" "brokers" "\x02" "\x05"
            "\x05" "twist" "r*" "\x00\x00"        /* unknown here */
            "\x02" "up" "i*" "\x03\x00"           /* 1, absent */
            "\x06" "broker" "t*" "\x02\x03"
            "\x07" "cluster" "t=" "\x01"
            "\x0e" "boot_timestamp" "r=" "\x00";  /* known as an integer */
    struct err err = { 0 };
    struct batch *b = read_stream(stream, sizeof(stream) - 1, &err);

    ck_assert_msg(b != NULL, "%s", err.msg);
    ck_assert_uint_eq(batch_rows(b, TABLE_BROKERS), 2);
    ck_assert_str_eq(batch_text(b, TABLE_BROKERS, 1, BROKERS_BROKER), "c");
    ck_assert_str_eq(batch_text(b, TABLE_BROKERS, 1, BROKERS_CLUSTER), "a");
    ck_assert_ptr_null(batch_text(b, TABLE_BROKERS, 1, BROKERS_ADDRESS));
    ck_assert_int_eq(batch_int(b, TABLE_BROKERS, 0, BROKERS_UP), 1);
    ck_assert_int_eq(batch_int(b, TABLE_BROKERS, 1, BROKERS_UP), NO_INT);
    ck_assert_int_eq(batch_int(b, TABLE_BROKERS, 0, BROKERS_BOOT_TIMESTAMP), NO_INT);
    batch_unref(b);
}
END_TEST

static const struct {
    const char *claim, *stream;
    size_t len;
} wrong[] = {
#define WRONG(claim_, stream_) { claim_, stream_, sizeof(stream_) - 1 }
    WRONG("nothing", ""),
    WRONG("bytes behind the end", INFO TEXTS "\x00" "x"),
    WRONG("more texts than bytes", INFO "\x7f" "\x01" "a"),
    WRONG("a text longer than the rest", INFO "\x01" "\x40" "a"),
    WRONG("a number of eleven bytes", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" "\x00\x00\x01\x01" TEXTS "\x00"),
    WRONG("a number beyond 64 bits", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02" "\x00\x00\x01\x01" TEXTS "\x00"),
    WRONG("more rows than bytes", INFO TEXTS "\x01" "\x07" "brokers" "\xff\xff\x03" "\x00"),
    WRONG("a text that is not there", INFO TEXTS "\x01" "\x07" "brokers" "\x01" "\x01" "\x06" "broker" "t*" "\x04"),
    WRONG("a table twice", INFO TEXTS "\x02" "\x07" "brokers" "\x01" "\x01" "\x06" "broker" "t*" "\x01"
                           "\x07" "brokers" "\x01" "\x01" "\x06" "broker" "t*" "\x01"),
    WRONG("a column twice", INFO TEXTS "\x01" "\x07" "brokers" "\x01" "\x02" "\x06" "broker" "t*" "\x01" "\x06" "broker" "t*" "\x01"),
    WRONG("an unknown form", INFO TEXTS "\x01" "\x07" "brokers" "\x01" "\x01" "\x06" "broker" "t+" "\x01"),
    WRONG("an unknown kind", INFO TEXTS "\x01" "\x07" "brokers" "\x01" "\x01" "\x06" "broker" "q*" "\x01"),
    WRONG("a name with a NUL", INFO TEXTS "\x01" "\x07" "brok\0rs" "\x01" "\x01" "\x06" "broker" "t*" "\x01"),
#undef WRONG
};

START_TEST(what_does_not_follow_the_format_is_refused)
{
    struct err err = { 0 };
    struct batch *b = read_stream(wrong[_i].stream, wrong[_i].len, &err);

    ck_assert_msg(b == NULL, "%s", wrong[_i].claim);
    ck_assert_int_eq(err.kind, ERR_PROTO);
}
END_TEST

/* What a newer agent may write. The first two limits are those of batch_io.c. */
#define NAME_MAX_BYTES 64
#define TABLES_MAX 256

static const struct {
    unsigned tables;
    size_t table_name;
    unsigned columns;
    size_t column_name;
    bool fits;
} unknown[] = {
    { TABLES_MAX, 1, 1, 1, true },         { TABLES_MAX + 1, 1, 1, 1, false },
    { 1, NAME_MAX_BYTES, 1, 1, true },     { 1, NAME_MAX_BYTES + 1, 1, 1, false },
    { 1, 1, SCHEMA_COLUMNS_MAX, 1, true }, { 1, 1, SCHEMA_COLUMNS_MAX + 1, 1, false },
    { 1, 1, 1, NAME_MAX_BYTES, true },     { 1, 1, 1, NAME_MAX_BYTES + 1, false },
};

static void put_count(struct buf *to, unsigned count)
{
    for (; count >= 0x80; count >>= 7)
        buf_putc(to, (char)(count | 0x80));
    buf_putc(to, (char)count);
}

static void put_name(struct buf *to, size_t len)
{
    put_count(to, (unsigned)len);
    while (len-- > 0)
        buf_putc(to, 'n');
}

START_TEST(unknown_tables_and_columns_have_limits) /* loop test over unknown */
{
    struct err err = { 0 };
    struct buf stream;

    buf_init(&stream, 0);
    buf_put(&stream, INFO TEXTS, sizeof(INFO TEXTS) - 1);
    put_count(&stream, unknown[_i].tables);
    for (unsigned t = 0; t < unknown[_i].tables; t++) {
        put_name(&stream, unknown[_i].table_name);
        put_count(&stream, 1); /* row */
        put_count(&stream, unknown[_i].columns);
        for (unsigned c = 0; c < unknown[_i].columns; c++) {
            put_name(&stream, unknown[_i].column_name);
            buf_puts(&stream, "t=\x01");
        }
    }
    struct batch *b = read_stream(stream.data, stream.len, &err);
    ck_assert_msg((b != NULL) == unknown[_i].fits, "%s", err.msg);
    ck_assert(unknown[_i].fits || err.kind == ERR_PROTO);
    batch_unref(b);
    buf_fini(&stream);
}
END_TEST

/* Damage --------------------------------------------------------------------------------------------------------------- */

static void write_small(struct buf *bytes)
{
    struct batch *b = small_cluster();
    struct err err;

    buf_init(bytes, 0);
    ck_assert_int_eq(batch_io_write(b, bytes, &err), 0);
    batch_unref(b);
}

START_TEST(any_changed_byte_is_noticed)
{
    struct buf bytes;
    struct err err;

    write_small(&bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.data[i] ^= 0x10;
        ck_assert_msg(batch_io_read(bytes.data, bytes.len, &err) == NULL, "byte %zu of %zu", i, bytes.len);
        bytes.data[i] ^= 0x10;
    }
    buf_fini(&bytes);
}
END_TEST

START_TEST(any_missing_byte_is_noticed)
{
    struct buf bytes;
    struct err err;

    write_small(&bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        char *copy = malloc(len + 1); /* so that a sanitizer sees what is read behind it */
        memcpy(copy, bytes.data, len);
        ck_assert_msg(batch_io_read(copy, len, &err) == NULL, "%zu of %zu bytes", len, bytes.len);
        free(copy);
    }
    buf_fini(&bytes);
}
END_TEST

START_TEST(a_size_that_no_packing_gives_is_refused_before_it_is_believed)
{
    struct buf bytes;
    struct err err = { 0 };

    write_small(&bytes);
    bytes.data[7] = 0x0f; /* almost 256 MiB, within the limit */
    ck_assert_ptr_null(batch_io_read(bytes.data, bytes.len, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    buf_fini(&bytes);
}
END_TEST

START_TEST(a_batch_without_room_is_an_error)
{
    struct batch *b = rig_broker_batch(100);
    struct buf bytes;
    struct err err = { 0 };

    buf_init(&bytes, 100);
    ck_assert_int_eq(batch_io_write(b, &bytes, &err), -1);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    buf_fini(&bytes);
    batch_unref(b);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("batch_io");
    TCase *c = unit_case(s, "batch_io");

    tcase_add_loop_test(c, what_is_written_reads_back_the_same, 0, sizeof(batches) / sizeof(batches[0]));
    tcase_add_loop_test(c, any_batch_reads_back_the_same, 0, 20);
    tcase_add_test(c, names_decide_and_not_places);
    tcase_add_loop_test(c, what_does_not_follow_the_format_is_refused, 0, sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_loop_test(c, unknown_tables_and_columns_have_limits, 0, sizeof(unknown) / sizeof(unknown[0]));
    tcase_add_test(c, any_changed_byte_is_noticed);
    tcase_add_test(c, any_missing_byte_is_noticed);
    tcase_add_test(c, a_size_that_no_packing_gives_is_refused_before_it_is_believed);
    tcase_add_test(c, a_batch_without_room_is_an_error);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
