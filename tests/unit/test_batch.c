/* test_batch.c - tables in columns: rows across chunks, absence, texts, sharing between threads, cost. */
#include "agent/model/batch.h"

#include "agent/base/utf8.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* A value for each cell that tells its table, row and column apart. */
static int64_t int_of(int t, uint32_t row, unsigned column)
{
    return ((int64_t)t << 56) + ((int64_t)column << 40) + row - 7;
}

static double real_of(int t, uint32_t row, unsigned column)
{
    return (double)t * 1e6 + column * 1e3 + row / 8.0;
}

static void fill_row(struct batch *b, enum table_id t, uint32_t row)
{
    for (unsigned c = 0; c < schema_tables[t].column_count; c++) {
        char text[64];
        switch (schema_tables[t].columns[c].kind) {
        case COLUMN_INT:
            batch_set_int(b, t, row, c, int_of((int)t, row, c));
            break;
        case COLUMN_REAL:
            batch_set_real(b, t, row, c, real_of((int)t, row, c));
            break;
        default:
            snprintf(text, sizeof(text), "%d/%u/%u", (int)t, row, c);
            batch_set_text(b, t, row, c, batch_intern_z(b, text));
        }
    }
}

static bool row_is_right(const struct batch *b, enum table_id t, uint32_t row)
{
    for (unsigned c = 0; c < schema_tables[t].column_count; c++) {
        char text[64];
        if (!batch_has(b, t, row, c))
            return false;
        switch (schema_tables[t].columns[c].kind) {
        case COLUMN_INT:
            if (batch_int(b, t, row, c) != int_of((int)t, row, c))
                return false;
            break;
        case COLUMN_REAL:
            if (batch_real(b, t, row, c) != real_of((int)t, row, c) || batch_number(b, t, row, c) != real_of((int)t, row, c))
                return false;
            break;
        default:
            snprintf(text, sizeof(text), "%d/%u/%u", (int)t, row, c);
            if (strcmp(batch_text(b, t, row, c), text) != 0)
                return false;
        }
    }
    return true;
}

START_TEST(every_cell_of_every_table_keeps_its_value) /* loop test: _i is the table */
{
    /* Chunks end after 16, 48, 112, 240, ... rows. */
    static const uint32_t counts[] = { 1, 15, 16, 17, 47, 48, 49, 111, 112, 113, 239, 240, 241, 1000 };
    enum table_id t = (enum table_id)_i;

    for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
        struct batch *b = batch_new();
        for (uint32_t row = 0; row < counts[k]; row++) {
            if (batch_add(b, t) != row)
                ck_abort_msg("table %s, row %u has another number", schema_tables[t].name, row);
            fill_row(b, t, row);
        }
        ck_assert_uint_eq(batch_rows(b, t), counts[k]);
        for (uint32_t row = 0; row < counts[k]; row++)
            if (!row_is_right(b, t, row))
                ck_abort_msg("table %s, row %u of %u", schema_tables[t].name, row, counts[k]);
        batch_unref(b);
    }
}
END_TEST

START_TEST(tables_grow_side_by_side)
{
    struct batch *b = batch_new();

    for (uint32_t row = 0; row < 300; row++)
        for (int t = 0; t < TABLE_COUNT; t++)
            fill_row(b, (enum table_id)t, batch_add(b, (enum table_id)t));
    for (uint32_t row = 0; row < 300; row++)
        for (int t = 0; t < TABLE_COUNT; t++)
            ck_assert_msg(row_is_right(b, (enum table_id)t, row), "table %s, row %u", schema_tables[t].name, row);
    batch_unref(b);
}
END_TEST

START_TEST(a_new_row_is_absent_in_every_column) /* loop test: _i is the table */
{
    enum table_id t = (enum table_id)_i;
    struct batch *b = batch_new();

    for (uint32_t row = 0; row < 50; row++) {
        batch_add(b, t);
        for (unsigned c = 0; c < schema_tables[t].column_count; c++) {
            const char *name = schema_tables[t].columns[c].name;
            ck_assert_msg(!batch_has(b, t, row, c), "row %u has %s", row, name);
            switch (schema_tables[t].columns[c].kind) {
            case COLUMN_INT:
                ck_assert_msg(batch_int(b, t, row, c) == NO_INT && isnan(batch_number(b, t, row, c)), "%s", name);
                break;
            case COLUMN_REAL:
                ck_assert_msg(isnan(batch_real(b, t, row, c)), "%s", name);
                break;
            default:
                ck_assert_msg(batch_text(b, t, row, c) == NULL, "%s", name);
            }
        }
    }
    batch_unref(b);
}
END_TEST

START_TEST(a_value_can_be_taken_back)
{
    struct batch *b = batch_new();
    uint32_t row = batch_add(b, TABLE_GROUPS);

    batch_set_int(b, TABLE_GROUPS, row, GROUPS_LAG, 5);
    batch_set_real(b, TABLE_GROUPS, row, GROUPS_LAG_SECONDS, 5);
    batch_set_text(b, TABLE_GROUPS, row, GROUPS_MODEL, batch_intern_z(b, "clustering"));
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_LAG, NO_INT);
    batch_set_real(b, TABLE_GROUPS, row, GROUPS_LAG_SECONDS, NO_REAL);
    batch_set_text(b, TABLE_GROUPS, row, GROUPS_MODEL, 0);
    ck_assert(!batch_has(b, TABLE_GROUPS, row, GROUPS_LAG));
    ck_assert(!batch_has(b, TABLE_GROUPS, row, GROUPS_LAG_SECONDS));
    ck_assert(!batch_has(b, TABLE_GROUPS, row, GROUPS_MODEL));
    batch_unref(b);
}
END_TEST

START_TEST(whole_numbers_of_64_bits_stay_exact)
{
    static const int64_t values[] = { INT64_MAX, INT64_MAX - 1, INT64_MIN + 1, 9007199254740993, -1, 0 };
    struct batch *b = batch_new();

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        uint32_t row = batch_add(b, TABLE_TOPICS);
        batch_set_int(b, TABLE_TOPICS, row, TOPICS_MAX_OFFSET, values[i]);
        ck_assert_int_eq(batch_int(b, TABLE_TOPICS, row, TOPICS_MAX_OFFSET), values[i]);
        ck_assert(batch_has(b, TABLE_TOPICS, row, TOPICS_MAX_OFFSET));
        ck_assert(batch_number(b, TABLE_TOPICS, row, TOPICS_MAX_OFFSET) == (double)values[i]);
    }
    batch_unref(b);
}
END_TEST

START_TEST(zero_and_infinity_are_values)
{
    struct batch *b = batch_new();
    uint32_t row = batch_add(b, TABLE_BACKLOGS);

    batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_LAG, 0);
    batch_set_real(b, TABLE_BACKLOGS, row, BACKLOGS_OUT_RATE, 0);
    batch_set_real(b, TABLE_BACKLOGS, row, BACKLOGS_DRAIN_SECONDS, INFINITY);
    ck_assert(batch_has(b, TABLE_BACKLOGS, row, BACKLOGS_LAG));
    ck_assert(batch_has(b, TABLE_BACKLOGS, row, BACKLOGS_OUT_RATE));
    ck_assert(batch_has(b, TABLE_BACKLOGS, row, BACKLOGS_DRAIN_SECONDS));
    ck_assert(isinf(batch_number(b, TABLE_BACKLOGS, row, BACKLOGS_DRAIN_SECONDS)));
    batch_unref(b);
}
END_TEST

START_TEST(a_text_is_there_once_and_equal_numbers_mean_equal_texts)
{
    struct batch *b = batch_new();
    uint32_t a = batch_intern(b, "group", 5), empty = batch_intern_z(b, "");

    ck_assert_uint_eq(batch_intern_z(b, "group"), a);
    ck_assert_uint_eq(batch_intern(b, "groups", 5), a);
    ck_assert_uint_ne(batch_intern_z(b, "groups"), a);
    ck_assert_uint_eq(batch_intern_z(b, NULL), 0);
    ck_assert_uint_ne(empty, 0); /* "" is a text of its own */
    ck_assert_str_eq(batch_lookup(b, empty), "");
    ck_assert_ptr_null(batch_lookup(b, 0));
    ck_assert_uint_eq(batch_lookup_len(b, a), 5);
    ck_assert_uint_eq(batch_text_count(b), 4); /* none, group, "", groups */
    uint32_t row = batch_add(b, TABLE_GROUPS);
    batch_set_text(b, TABLE_GROUPS, row, GROUPS_CONSUMER_GROUP, empty);
    ck_assert(batch_has(b, TABLE_GROUPS, row, GROUPS_CONSUMER_GROUP));
    batch_unref(b);
}
END_TEST

START_TEST(texts_are_repaired_on_the_way_in)
{
    struct batch *b = batch_new();
    uint32_t bad = batch_intern(b, "a\xFFz", 3);

    ck_assert_str_eq(batch_lookup(b, bad), "a\xEF\xBF\xBDz");
    ck_assert_uint_eq(batch_intern(b, "a\xFFz", 3), bad);             /* the same bytes, the same number */
    ck_assert_uint_eq(batch_intern_z(b, "a\xEF\xBF\xBDz"), bad);      /* and the same as its repaired form */
    uint64_t seed = unit_seed(), state = seed;
    for (int i = 0; i < 20000; i++) {
        char bytes[12];
        size_t len = unit_random(&state) % sizeof(bytes);
        for (size_t k = 0; k < len; k++)
            bytes[k] = (char)unit_random(&state);
        uint32_t id = batch_intern(b, bytes, len);
        if (!utf8_valid(batch_lookup(b, id), batch_lookup_len(b, id)))
            ck_abort_msg("text %d, seed %" PRIu64, i, seed);
    }
    batch_unref(b);
}
END_TEST

START_TEST(what_is_known_of_the_interval_travels_along)
{
    struct batch *b = batch_new();

    ck_assert_int_eq(batch_info(b)->time_ms, 0);
    *batch_info_edit(b) = (struct batch_info){ .time_ms = 1700000000000, .interval_ms = 60000, .number = 7, .complete = true };
    batch_seal(b);
    ck_assert_int_eq(batch_info(b)->time_ms, 1700000000000);
    ck_assert_uint_eq(batch_info(b)->number, 7);
    ck_assert(batch_info(b)->complete);
    batch_unref(b);
    batch_unref(NULL);
}
END_TEST

#define READERS 4
#define SHARED_ROWS 5000

static void *read_and_let_go(void *arg)
{
    const struct batch *b = arg;
    intptr_t wrong = 0;

    for (int round = 0; round < 3; round++) {
        const struct batch *mine = batch_ref(b);
        for (uint32_t row = 0; row < batch_rows(mine, TABLE_QUEUES); row++)
            wrong += !row_is_right(mine, TABLE_QUEUES, row);
        batch_unref(mine);
    }
    batch_unref(b); /* the last of all ends it, on whichever thread */
    return (void *)wrong;
}

START_TEST(a_sealed_batch_is_read_by_many_threads_while_references_go)
{
    pthread_t threads[READERS];
    struct batch *b = batch_new();

    for (uint32_t row = 0; row < SHARED_ROWS; row++)
        fill_row(b, TABLE_QUEUES, batch_add(b, TABLE_QUEUES));
    batch_seal(b);
    for (int i = 0; i < READERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_and_let_go, batch_ref(b)), 0);
    batch_unref(b);
    for (int i = 0; i < READERS; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        ck_assert_ptr_null(wrong);
    }
}
END_TEST

/* 1,000 groups on 100 queues each: names repeat as they do in life. */
START_TEST(a_hundred_thousand_queues_fit_into_16_mib)
{
    struct batch *b = batch_new();
    char text[64];

    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t row = batch_add(b, TABLE_QUEUES);
        batch_set_text(b, TABLE_QUEUES, row, QUEUES_SOURCE, batch_intern_z(b, "prod"));
        batch_set_text(b, TABLE_QUEUES, row, QUEUES_CLUSTER, batch_intern_z(b, "DefaultCluster"));
        snprintf(text, sizeof(text), "CID_some_consumer_group_%u", i / 100);
        batch_set_text(b, TABLE_QUEUES, row, QUEUES_CONSUMER_GROUP, batch_intern_z(b, text));
        snprintf(text, sizeof(text), "TopicOfSomeService_%u", i / 100);
        batch_set_text(b, TABLE_QUEUES, row, QUEUES_TOPIC, batch_intern_z(b, text));
        snprintf(text, sizeof(text), "%u", i % 100);
        batch_set_text(b, TABLE_QUEUES, row, QUEUES_QUEUE, batch_intern_z(b, text));
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_MAX_OFFSET, i);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_LAG, i % 7);
    }
    printf("# 100,000 queues: %zu KiB\n", batch_memory(b) / 1024);
    ck_assert_uint_lt(batch_memory(b), (size_t)16 << 20);
    batch_unref(b);
}
END_TEST

START_TEST(an_empty_batch_costs_next_to_nothing)
{
    struct batch *b = batch_new();

    ck_assert_uint_lt(batch_memory(b), 4096);
    batch_unref(b);
}
END_TEST

START_TEST(a_sealed_batch_cannot_be_changed)
{
    struct batch *b = batch_new();

    batch_seal(b);
    batch_add(b, TABLE_GROUPS); /* our bug: the process ends here */
}
END_TEST

START_TEST(a_getter_that_does_not_fit_is_our_bug)
{
    struct batch *b = batch_new();

    batch_add(b, TABLE_GROUPS);
    batch_real(b, TABLE_GROUPS, 0, GROUPS_LAG);
}
END_TEST

START_TEST(a_row_that_is_not_there_is_our_bug)
{
    struct batch *b = batch_new();

    batch_add(b, TABLE_GROUPS);
    batch_int(b, TABLE_GROUPS, 1, GROUPS_LAG);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("batch");
    TCase *c = unit_case(s, "batch");

    tcase_add_loop_test(c, every_cell_of_every_table_keeps_its_value, 0, TABLE_COUNT);
    tcase_add_test(c, tables_grow_side_by_side);
    tcase_add_loop_test(c, a_new_row_is_absent_in_every_column, 0, TABLE_COUNT);
    tcase_add_test(c, a_value_can_be_taken_back);
    tcase_add_test(c, whole_numbers_of_64_bits_stay_exact);
    tcase_add_test(c, zero_and_infinity_are_values);
    tcase_add_test(c, a_text_is_there_once_and_equal_numbers_mean_equal_texts);
    tcase_add_test(c, texts_are_repaired_on_the_way_in);
    tcase_add_test(c, what_is_known_of_the_interval_travels_along);
    tcase_add_test(c, a_sealed_batch_is_read_by_many_threads_while_references_go);
    tcase_add_test(c, a_hundred_thousand_queues_fit_into_16_mib);
    tcase_add_test(c, an_empty_batch_costs_next_to_nothing);
    tcase_add_test_raise_signal(c, a_sealed_batch_cannot_be_changed, SIGABRT);
    tcase_add_test_raise_signal(c, a_getter_that_does_not_fit_is_our_bug, SIGABRT);
    tcase_add_test_raise_signal(c, a_row_that_is_not_there_is_our_bug, SIGABRT);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
