/* test_view_formats.c - the same rows as JSON, CSV, TSV, a pipe table and a page on a terminal. */
#include "agent/base/buf.h"
#include "agent/view/format.h"
#include "agent/view/page.h"
#include "agent/view/table_view.h"
#include "agent/view/when.h"
#include "tests/fake/small_cluster.h"
#include "tests/unit/unit.h"

#include <cjson/cJSON.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define GENERATED_MS (SMALL_CLUSTER_TIME_MS + 1500)

static struct batch *batch;
static struct view_plan plan;
static struct table_view view;
static struct buf out;

static void setup(void)
{
    struct err err;

    setlocale(LC_CTYPE, "C.UTF-8");
    ck_assert_int_eq(when_set_zone("UTC", &err), 0);
    buf_init(&out, 0);
}

static void teardown(void)
{
    table_view_fini(&view);
    batch_unref(batch);
    buf_fini(&out);
}

static void look_at(struct batch *b, enum table_id t, struct view_query query, enum view_pick pick)
{
    struct err err = { 0 };

    batch = b;
    ck_assert_msg(view_plan_init(&plan, t, &query, &err) == 0, "%s", err.msg);
    table_view_init(&view, &plan, b, pick);
}

static const char *text(void)
{
    ck_assert(!buf_failed(&out));
    buf_putc(&out, '\0');
    out.len--;
    return out.data;
}

static struct format_head head(const char *table)
{
    return (struct format_head){ .table = table, .generated_ms = GENERATED_MS, .at_ms = SMALL_CLUSTER_TIME_MS, .coverage = 0.5 };
}

START_TEST(json_is_one_object_with_the_moment_and_the_coverage)
{
    struct format_head h = head("groups");

    look_at(small_cluster(), TABLE_GROUPS, (struct view_query){ .top = 2, .columns = "consumer_group,members,lag,lag_seconds" },
            VIEW_MACHINE);
    format_json(&out, &view.grid, &h);
    ck_assert_str_eq(text(), "{\"schema\":1,\"table\":\"groups\",\"generated_at\":\"2026-11-21T10:31:08.500Z\","
                             "\"at\":\"2026-11-21T10:31:07Z\",\"coverage\":0.5,\"rows\":[\n"
                             "{\"consumer_group\":\"orders\",\"members\":3,\"lag\":12345},\n"
                             "{\"consumer_group\":\"订单\",\"lag\":1200}\n"
                             "]}\n");
}
END_TEST

START_TEST(json_of_no_rows_is_still_json)
{
    struct format_head h = { .table = "groups", .generated_ms = GENERATED_MS, .coverage = NAN };

    look_at(silent_cluster(), TABLE_GROUPS, (struct view_query){ 0 }, VIEW_MACHINE);
    format_json(&out, &view.grid, &h);
    ck_assert_str_eq(text(), "{\"schema\":1,\"table\":\"groups\",\"generated_at\":\"2026-11-21T10:31:08.500Z\",\"rows\":[]}\n");
}
END_TEST

/* Another reader finds in it every visible cell that has a value, and nothing else. */
START_TEST(json_holds_every_value_under_its_column)
{
    struct format_head h = head(schema_tables[_i].name);

    if (schema_tables[_i].hidden) {
        look_at(small_cluster(), TABLE_GROUPS, (struct view_query){ 0 }, VIEW_MACHINE);
        return;
    }
    look_at(small_cluster(), (enum table_id)_i, (struct view_query){ 0 }, VIEW_MACHINE);
    format_json(&out, &view.grid, &h);
    cJSON *all = cJSON_Parse(text()), *rows = cJSON_GetObjectItem(all, "rows");
    ck_assert_ptr_nonnull(all);
    ck_assert_uint_eq((uint32_t)cJSON_GetArraySize(rows), batch_rows(batch, (enum table_id)_i));
    for (uint32_t r = 0; r < view.grid.row_count; r++) {
        cJSON *row = cJSON_GetArrayItem(rows, (int)r);
        unsigned expected = 0;
        for (unsigned c = 0; c < schema_tables[_i].column_count; c++) {
            const struct column *column = &schema_tables[_i].columns[c];
            bool has = !column->hidden && batch_has(batch, (enum table_id)_i, view.rows[r], c);
            cJSON *field = cJSON_GetObjectItemCaseSensitive(row, column->name);
            ck_assert_msg((field != NULL) == has, "%s.%s", schema_tables[_i].name, column->name);
            expected += has;
            if (has && (column->kind == COLUMN_INT || column->kind == COLUMN_REAL))
                ck_assert(cJSON_IsNumber(field) && field->valuedouble == batch_number(batch, (enum table_id)_i, view.rows[r], c));
            else if (has)
                ck_assert_str_eq(cJSON_GetStringValue(field), batch_text(batch, (enum table_id)_i, view.rows[r], c));
        }
        ck_assert_int_eq(cJSON_GetArraySize(row), (int)expected);
    }
    cJSON_Delete(all);
}
END_TEST

START_TEST(numbers_beyond_what_a_double_holds_stay_exact)
{
    struct format_head h = head("queues");

    look_at(small_cluster(), TABLE_QUEUES,
            (struct view_query){ .columns = "queue,max_offset,last_consumed_at", .sort = "-queue" }, VIEW_MACHINE);
    format_jsonl(&out, &view.grid, &h);
    format_csv(&out, &view.grid, NULL, true);
    ck_assert_str_eq(text(), "{\"at\":\"2026-11-21T10:31:07Z\",\"queue\":\"10\",\"max_offset\":9007199254740993,"
                             "\"last_consumed_at\":1795257000.125}\n"
                             "{\"at\":\"2026-11-21T10:31:07Z\",\"queue\":\"2\",\"max_offset\":6000,"
                             "\"last_consumed_at\":1795257000.125}\n"
                             "queue,max_offset,last_consumed_at\n"
                             "10,9007199254740993,1795257000.125\n"
                             "2,6000,1795257000.125\n");
}
END_TEST

START_TEST(an_infinite_number_is_no_json)
{
    struct format_head h = head("backlogs");
    struct batch *b = batch_new();
    uint32_t row = batch_add(b, TABLE_BACKLOGS);

    batch_set_real(b, TABLE_BACKLOGS, row, BACKLOGS_DRAIN_SECONDS, INFINITY);
    batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_DIFF, INT64_MIN + 1);
    batch_seal(b);
    look_at(b, TABLE_BACKLOGS, (struct view_query){ 0 }, VIEW_MACHINE);
    format_jsonl(&out, &view.grid, &h);
    ck_assert_str_eq(text(), "{\"at\":\"2026-11-21T10:31:07Z\",\"diff\":-9223372036854775807}\n");
}
END_TEST

/* A grid of one text, to see how each format spells it. */
static struct cell one_text(const void *ctx, uint32_t row, unsigned column)
{
    (void)row;
    (void)column;
    return (struct cell){ .kind = CELL_TEXT, .text = ctx, .len = (uint32_t)strlen(ctx) };
}

static const struct {
    const char *raw, *json, *csv, *tsv, *md;
} spellings[] = {
    { "plain", "\"plain\"", "plain", "plain", "plain" },
    { "a,b", "\"a,b\"", "\"a,b\"", "a,b", "a,b" },
    { "say \"hi\"", "\"say \\\"hi\\\"\"", "\"say \"\"hi\"\"\"", "say \"hi\"", "say \"hi\"" },
    { "a\tb\nc\rd", "\"a\\tb\\nc\\u000dd\"", "\"a\tb\nc\rd\"", "a\\tb\\nc\\rd", "a b c d" },
    { "back\\slash", "\"back\\\\slash\"", "back\\slash", "back\\\\slash", "back\\\\slash" },
    { " edge ", "\" edge \"", "\" edge \"", " edge ", " edge " },
    { "a|b*c<d>", "\"a|b*c<d>\"", "a|b*c<d>", "a|b*c<d>", "a\\|b\\*c\\<d\\>" },
    { "in_word _edge", "\"in_word _edge\"", "in_word _edge", "in_word _edge", "in_word \\_edge" },
    { "\033[0m\x7f", "\"\\u001b[0m\\u007f\"", "\033[0m\x7f", "\033[0m\x7f", " \\[0m " },
    { "订单", "\"订单\"", "订单", "订单", "订单" },
    { "\xff", "\"\xef\xbf\xbd\"", "\xff", "\xff", "\xff" },
    { "", "\"\"", "", "", "-" },
};

START_TEST(each_format_spells_a_text_its_own_way)
{
    static const struct grid_column column = { .name = "x", .title = "X" };
    struct grid grid = { .columns = &column, .column_count = 1, .row_count = 1, .cell = one_text, .ctx = spellings[_i].raw };
    struct format_head h = { .table = "t", .coverage = NAN };
    struct people people = { 0 };
    struct format_fitted fitted;
    char expected[200];

    format_jsonl(&out, &grid, &h);
    format_csv(&out, &grid, NULL, false);
    format_tsv(&out, &grid, NULL, false);
    format_md(&out, &grid, &people, &fitted);
    snprintf(expected, sizeof(expected), "{\"x\":%s}\n%s\n%s\n| X |\n| --- |\n| %s |\n", spellings[_i].json, spellings[_i].csv,
             spellings[_i].tsv, spellings[_i].md);
    ck_assert_str_eq(text(), expected);
    look_at(small_cluster(), TABLE_GROUPS, (struct view_query){ 0 }, VIEW_MACHINE);
}
END_TEST

START_TEST(separated_rows_of_many_moments_begin_with_the_moment)
{
    look_at(small_cluster(), TABLE_GROUPS, (struct view_query){ .top = 1, .columns = "lag,lag_seconds,dlq" }, VIEW_MACHINE);
    format_tsv(&out, &view.grid, "2026-11-21T10:31:07Z", true);
    format_tsv(&out, &view.grid, "2026-11-21T10:32:07Z", false);
    ck_assert_str_eq(text(), "at\tlag\tlag_seconds\tdlq\n2026-11-21T10:31:07Z\t12345\t\t2\n2026-11-21T10:32:07Z\t12345\t\t2\n");
}
END_TEST

/* ---- the page ---- */

static const char *page(unsigned width, enum format_fit fit, bool is_md, bool is_exact, bool has_color)
{
    struct page p = {
        .view = &view,
        .people = { .at_ms = SMALL_CLUSTER_TIME_MS, .is_exact = is_exact },
        .term = { .width = width, .has_utf8 = true, .has_color = has_color },
        .fit = fit,
        .is_md = is_md,
        .now_ms = SMALL_CLUSTER_TIME_MS + 125000,
    };

    page_put(&out, &p);
    return text();
}

START_TEST(a_page_says_where_when_who_is_missing_and_how_much_this_is)
{
    look_at(small_cluster(), TABLE_GROUPS, (struct view_query){ 0 }, VIEW_PEOPLE);
    ck_assert_str_eq(page(80, FORMAT_DROP, false, false, false),
                     "cluster c1 at 2026-11-21 10:31:07+00:00 (2m5s ago)\n"
                     "broker-b 10.0.0.2:10911: no answer within 3 s (timeout)\n"
                     "\n"
                     "GROUP               LAG   MEMBERS  RETRY   DLQ   MODEL       TYPE\n"
                     "orders            12.3k+        3    345+    2+  clustering  push\n"
                     "订单              1.20k         -      0     0   clustering  push\n"
                     "bad\\x1b[31m|name      7         0      0     0   clustering  push\n"
                     "billing               0         2      0     0   clustering  push\n"
                     "\n"
                     "+ lower bound: a part is unknown\n"
                     "4 of 4 groups shown, coverage 50 %\n");
}
END_TEST

START_TEST(exact_means_every_digit)
{
    look_at(small_cluster(), TABLE_BROKERS, (struct view_query){ .columns = "broker,up,in,disk,up_for" }, VIEW_PEOPLE);
    const char *all = page(0, FORMAT_CUT, false, true, false);
    ck_assert_msg(strstr(all, "broker-a  up     12345.678  0.25  90061s\n") != NULL, "%s", all);
}
END_TEST

START_TEST(words_are_coloured_and_say_it_without_colour)
{
    look_at(small_cluster(), TABLE_BROKERS, (struct view_query){ .columns = "broker,up,in" }, VIEW_PEOPLE);
    const char *all = page(0, FORMAT_CUT, false, false, true);
    ck_assert_ptr_nonnull(strstr(all, "\033[31mdown"));
    ck_assert_ptr_nonnull(strstr(all, "\033[32mup"));
    ck_assert_ptr_nonnull(strstr(all, "12.3k/s"));
}
END_TEST

START_TEST(a_table_has_room_for_its_screen_down_to_the_last_column)
{
    look_at(small_cluster(), TABLE_GROUPS, (struct view_query){ 0 }, VIEW_PEOPLE);
    for (unsigned width = 200; width >= 20; width--) {
        struct page p = { .view = &view, .term = { .width = width, .has_utf8 = true }, .fit = FORMAT_DROP };
        struct format_fitted fitted;
        buf_reset(&out);
        format_table(&out, &view.grid, &p.people, &p.term, p.fit, &fitted);
        for (char *line = strtok((char *)text(), "\n"); line != NULL; line = strtok(NULL, "\n"))
            ck_assert_msg(term_columns(line, strlen(line)) <= width, "width %u: %s", width, line);
    }
}
END_TEST

START_TEST(a_narrow_page_says_what_it_left_out)
{
    look_at(small_cluster(), TABLE_GROUPS, (struct view_query){ .top = 1 }, VIEW_PEOPLE);
    ck_assert_ptr_nonnull(strstr(page(36, FORMAT_DROP, false, false, false),
                                 "\n3 columns left out (-o wide shows all): DLQ, MODEL, TYPE\n"));
}
END_TEST

START_TEST(a_pipe_table_goes_into_a_ticket)
{
    look_at(small_cluster(), TABLE_GROUPS, (struct view_query){ .columns = "group,lag", .only_bad = true }, VIEW_PEOPLE);
    ck_assert_str_eq(page(0, FORMAT_CUT, true, false, true),
                     "cluster c1 at 2026-11-21 10:31:07+00:00 (2m5s ago)\n"
                     "broker-b 10.0.0.2:10911: no answer within 3 s (timeout)\n"
                     "\n"
                     "| GROUP | LAG |\n"
                     "| --- | ---: |\n"
                     "| orders | 12.3k+ |\n"
                     "| 订单 | 1.20k |\n"
                     "| bad \\[31m\\|name | 7 |\n"
                     "\n"
                     "+ lower bound: a part is unknown\n"
                     "3 of 4 groups shown, coverage 50 %\n");
}
END_TEST

START_TEST(a_page_of_nothing_says_so)
{
    look_at(silent_cluster(), TABLE_GROUPS, (struct view_query){ 0 }, VIEW_PEOPLE);
    ck_assert_str_eq(page(80, FORMAT_DROP, false, false, false), "no cluster at 2026-11-21 10:31:07+00:00 (2m5s ago)\n"
                                                                 "broker 10.0.0.9:9876: cannot be reached (system)\n"
                                                                 "\n"
                                                                 "no groups, coverage 0 %\n");
}
END_TEST

START_TEST(a_page_without_trouble_says_that_too)
{
    struct batch *b = batch_new();

    batch_set_text(b, TABLE_GROUPS, batch_add(b, TABLE_GROUPS), GROUPS_CONSUMER_GROUP, batch_intern_z(b, "orders"));
    batch_info_edit(b)->time_ms = SMALL_CLUSTER_TIME_MS;
    batch_seal(b);
    look_at(b, TABLE_GROUPS, (struct view_query){ .only_bad = true }, VIEW_PEOPLE);
    ck_assert_ptr_nonnull(
        strstr(page(80, FORMAT_DROP, false, false, false), "\n\nnothing needs attention: 0 of 1 group shown\n"));
}
END_TEST

START_TEST(what_is_odd_and_no_failure_is_said_and_counts_as_covered)
{
    struct batch *b = batch_new();
    uint32_t row = batch_add(b, TABLE_SCRAPES);

    batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_TARGET, batch_intern_z(b, "10.0.0.9:9876"));
    batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_KIND, batch_intern_z(b, "nameserver"));
    batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_DETAIL, batch_intern_z(b, "lists no broker"));
    batch_set_int(b, TABLE_SCRAPES, row, SCRAPES_OK, 1);
    batch_info_edit(b)->time_ms = SMALL_CLUSTER_TIME_MS;
    batch_seal(b);
    look_at(b, TABLE_GROUPS, (struct view_query){ 0 }, VIEW_PEOPLE);
    ck_assert_str_eq(page(80, FORMAT_DROP, false, false, false), "no cluster at 2026-11-21 10:31:07+00:00 (2m5s ago)\n"
                                                                 "nameserver 10.0.0.9:9876: lists no broker\n"
                                                                 "\n"
                                                                 "no groups, coverage 100 %\n");
}
END_TEST

START_TEST(many_rows_keep_their_columns)
{
    struct batch *b = batch_new();
    struct people people = { 0 };
    struct term term = { .has_utf8 = true };
    struct format_fitted fitted;
    char name[60];

    for (int i = 0; i < 2500; i++) { /* more than two slabs; the widest name stands in the last */
        uint32_t row = batch_add(b, TABLE_GROUPS);
        snprintf(name, sizeof(name), i == 2499 ? "z-%040d" : "g%d", i);
        batch_set_text(b, TABLE_GROUPS, row, GROUPS_CONSUMER_GROUP, batch_intern_z(b, name));
        batch_set_int(b, TABLE_GROUPS, row, GROUPS_LAG, 5);
    }
    batch_seal(b);
    look_at(b, TABLE_GROUPS, (struct view_query){ .columns = "group,lag", .sort = "group" }, VIEW_PEOPLE);
    format_table(&out, &view.grid, &people, &term, FORMAT_CUT, &fitted);
    size_t lines = 0, width = 0;
    for (char *line = strtok((char *)text(), "\n"); line != NULL; line = strtok(NULL, "\n"), lines++) {
        ck_assert_msg(width == 0 || strlen(line) == width, "line %zu: %s", lines, line);
        width = strlen(line);
    }
    ck_assert_uint_eq(lines, 2501);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

static Suite *suite(void)
{
    Suite *s = suite_create("view_formats");
    TCase *c = unit_case(s, "formats");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, json_is_one_object_with_the_moment_and_the_coverage);
    tcase_add_test(c, json_of_no_rows_is_still_json);
    tcase_add_loop_test(c, json_holds_every_value_under_its_column, 0, TABLE_COUNT);
    tcase_add_test(c, numbers_beyond_what_a_double_holds_stay_exact);
    tcase_add_test(c, an_infinite_number_is_no_json);
    tcase_add_loop_test(c, each_format_spells_a_text_its_own_way, 0, COUNT(spellings));
    tcase_add_test(c, separated_rows_of_many_moments_begin_with_the_moment);
    tcase_add_test(c, a_page_says_where_when_who_is_missing_and_how_much_this_is);
    tcase_add_test(c, exact_means_every_digit);
    tcase_add_test(c, words_are_coloured_and_say_it_without_colour);
    tcase_add_test(c, a_table_has_room_for_its_screen_down_to_the_last_column);
    tcase_add_test(c, a_narrow_page_says_what_it_left_out);
    tcase_add_test(c, a_pipe_table_goes_into_a_ticket);
    tcase_add_test(c, a_page_of_nothing_says_so);
    tcase_add_test(c, a_page_without_trouble_says_that_too);
    tcase_add_test(c, what_is_odd_and_no_failure_is_said_and_counts_as_covered);
    tcase_add_test(c, many_rows_keep_their_columns);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
