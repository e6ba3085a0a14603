/* test_view_table.c - which rows and columns of a batch are shown, and in which order. */
#include "agent/base/buf.h"
#include "agent/base/option.h"
#include "agent/view/layout.h"
#include "agent/view/table_view.h"
#include "tests/fake/small_cluster.h"
#include "tests/unit/unit.h"

#include <string.h>

/* The shown rows as one text, by a column, then the columns: "orders billing | GROUP LAG". */
static const char *shown(const struct batch *b, enum table_id t, struct view_query query, unsigned column, enum view_pick pick)
{
    static char text[2000];
    struct view_plan plan;
    struct table_view view;
    struct err err = { 0 };

    ck_assert_msg(view_plan_init(&plan, t, &query, &err) == 0, "%s", err.msg);
    table_view_init(&view, &plan, b, pick);
    text[0] = '\0';
    for (uint32_t i = 0; i < view.grid.row_count; i++) {
        strcat(text, batch_text(b, t, view.rows[i], column));
        strcat(text, " ");
    }
    if (pick != VIEW_MACHINE)
        for (unsigned c = 0; c < view.grid.column_count; c++) {
            strcat(text, c == 0 ? "|" : ",");
            strcat(text, view.columns[c].title);
        }
    table_view_fini(&view);
    return text;
}

static const char *groups(struct view_query query)
{
    static struct batch *b; /* each test runs in a process of its own */

    if (b == NULL)
        b = small_cluster();
    return shown(b, TABLE_GROUPS, query, GROUPS_CONSUMER_GROUP, VIEW_MACHINE);
}

static const char *refusal(enum table_id t, struct view_query query)
{
    static struct err err;
    struct view_plan plan;

    ck_assert_int_eq(view_plan_init(&plan, t, &query, &err), -1);
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    return err.msg;
}

#define BAD "bad\033[31m|name"

START_TEST(groups_come_worst_first)
{
    ck_assert_str_eq(groups((struct view_query){ 0 }), "orders 订单 " BAD " billing ");
}
END_TEST

START_TEST(numbers_sort_largest_first_texts_from_a_to_z_and_minus_turns_round)
{
    ck_assert_str_eq(groups((struct view_query){ .sort = "consumer_group" }), BAD " billing orders 订单 ");
    ck_assert_str_eq(groups((struct view_query){ .sort = "-consumer_group" }), "订单 orders billing " BAD " ");
    ck_assert_str_eq(groups((struct view_query){ .sort = "-lag" }), "billing " BAD " 订单 orders ");
    ck_assert_str_eq(groups((struct view_query){ .sort = "dlq, -lag" }), "orders billing " BAD " 订单 ");
}
END_TEST

START_TEST(what_is_unknown_comes_last_either_way)
{
    ck_assert_str_eq(groups((struct view_query){ .sort = "members" }), "orders billing " BAD " 订单 ");
    ck_assert_str_eq(groups((struct view_query){ .sort = "-members" }), BAD " billing orders 订单 ");
}
END_TEST

START_TEST(numbers_inside_texts_sort_as_numbers_and_big_ones_exactly)
{
    struct batch *b = small_cluster();

    ck_assert_str_eq(shown(b, TABLE_QUEUES, (struct view_query){ .sort = "queue" }, QUEUES_QUEUE, VIEW_MACHINE), "2 10 ");
    ck_assert_str_eq(shown(b, TABLE_QUEUES, (struct view_query){ 0 }, QUEUES_QUEUE, VIEW_MACHINE), "2 10 "); /* equal lags */
    ck_assert_str_eq(shown(b, TABLE_QUEUES, (struct view_query){ .sort = "max_offset" }, QUEUES_QUEUE, VIEW_MACHINE), "10 2 ");
    batch_unref(b);
}
END_TEST

START_TEST(globs_filter_and_top_cuts)
{
    ck_assert_str_eq(groups((struct view_query){ .group = "b*" }), BAD " billing ");
    ck_assert_str_eq(groups((struct view_query){ .group = "b*", .top = 1 }), BAD " ");
    ck_assert_str_eq(groups((struct view_query){ .cluster = "c2" }), "");
    ck_assert_str_eq(groups((struct view_query){ .top = 99 }), "orders 订单 " BAD " billing ");
}
END_TEST

START_TEST(a_filter_on_what_the_table_lacks_goes_through_a_related_table)
{
    struct batch *b = small_cluster();

    ck_assert_str_eq(groups((struct view_query){ .topic = "orders-*" }), "orders 订单 ");
    ck_assert_str_eq(groups((struct view_query){ .topic = "%RETRY%*" }), "orders ");
    ck_assert_str_eq(groups((struct view_query){ .broker = "broker-a" }), "orders ");
    ck_assert_str_eq(groups((struct view_query){ .topic = "bills", .group = "o*" }), "");
    ck_assert_str_eq(shown(b, TABLE_BROKERS, (struct view_query){ .topic = "orders-new" }, BROKERS_BROKER, VIEW_MACHINE),
                     "broker-a ");
    ck_assert_str_eq(shown(b, TABLE_TOPICS, (struct view_query){ .group = "billing" }, TOPICS_TOPIC, VIEW_MACHINE), "");
    ck_assert_str_eq(shown(b, TABLE_TOPICS, (struct view_query){ .group = "订*" }, TOPICS_TOPIC, VIEW_MACHINE), "orders-new ");
    batch_unref(b);
}
END_TEST

START_TEST(bad_rows_are_those_that_need_attention)
{
    struct batch *b = small_cluster();
    struct view_query bad = { .only_bad = true };

    ck_assert_str_eq(groups(bad), "orders 订单 " BAD " ");
    ck_assert_str_eq(shown(b, TABLE_BROKERS, bad, BROKERS_BROKER, VIEW_MACHINE), "broker-b ");
    ck_assert_str_eq(shown(b, TABLE_SCRAPES, bad, SCRAPES_TARGET, VIEW_MACHINE), "10.0.0.2:10911 ");
    ck_assert_ptr_nonnull(strstr(refusal(TABLE_PRODUCERS, bad), "--bad says nothing about producers"));
    batch_unref(b);
}
END_TEST

START_TEST(what_is_misspelled_is_refused_with_the_nearest_name)
{
    ck_assert_str_eq(refusal(TABLE_GROUPS, (struct view_query){ .sort = "lagg" }),
                     "groups has no column \"lagg\"; did you mean lag? (--columns help lists them)");
    ck_assert_str_eq(refusal(TABLE_GROUPS, (struct view_query){ .columns = "lag,nonsense" }),
                     "groups has no column \"nonsense\" (--columns help lists them)");
    ck_assert_ptr_nonnull(strstr(refusal(TABLE_GROUPS, (struct view_query){ .columns = "lag,lag" }), "twice"));
    ck_assert_ptr_nonnull(strstr(refusal(TABLE_GROUPS, (struct view_query){ .columns = "" }), "no column"));
    /* Hidden columns are not for asking. */
    ck_assert_ptr_nonnull(strstr(refusal(TABLE_GROUPS, (struct view_query){ .columns = "client_ids" }), "no column"));
    ck_assert_str_eq(refusal(TABLE_SCRAPES, (struct view_query){ .topic = "x" }), "--topic says nothing about scrapes");
    ck_assert_str_eq(refusal(TABLE_GROUPS, (struct view_query){ .sort = "lag,lag,lag,lag,lag,lag,lag,lag,lag" }),
                     "sorted by more than 8 columns");
    static const char endless[] = "a_name_that_no_column_could_ever_have_because_it_is_longer_than_all_of_them";
    ck_assert_str_eq(refusal(TABLE_GROUPS, (struct view_query){ .sort = endless }), "a column name of more than 63 characters");
}
END_TEST

START_TEST(a_heading_names_its_column_too)
{
    ck_assert_str_eq(groups((struct view_query){ .sort = "group" }), BAD " billing orders 订单 ");
    struct batch *b = small_cluster();
    struct view_query query = { .columns = "group,lag_time,lag", .top = 1 };
    ck_assert_str_eq(shown(b, TABLE_GROUPS, query, GROUPS_CONSUMER_GROUP, VIEW_PEOPLE),
                     "orders |GROUP,LAG TIME,LAG");
    batch_unref(b);
}
END_TEST

START_TEST(people_see_only_columns_that_say_something)
{
    struct batch *b = small_cluster();

    ck_assert_str_eq(shown(b, TABLE_GROUPS, (struct view_query){ .top = 1 }, GROUPS_CONSUMER_GROUP, VIEW_PEOPLE),
                     "orders |GROUP,LAG,MEMBERS,RETRY,DLQ,MODEL,TYPE");
    ck_assert_str_eq(shown(b, TABLE_GROUPS, (struct view_query){ .group = "订*" }, GROUPS_CONSUMER_GROUP, VIEW_PEOPLE),
                     "订单 |GROUP,LAG,RETRY,DLQ,MODEL,TYPE");
    ck_assert_str_eq(shown(b, TABLE_GROUPS, (struct view_query){ .top = 1 }, GROUPS_CONSUMER_GROUP, VIEW_WIDE),
                     "orders |GROUP,LAG,MEMBERS,RETRY,DLQ,MODEL,TYPE,SOURCE,SYSTEM,CLUSTER,COMPLETE");
    batch_unref(b);
}
END_TEST

START_TEST(the_cluster_is_a_column_where_there_are_several)
{
    struct batch *b = batch_new();

    for (int i = 0; i < 2; i++) {
        uint32_t row = batch_add(b, TABLE_GROUPS);
        batch_set_text(b, TABLE_GROUPS, row, KEY_SOURCE, batch_intern_z(b, "prod"));
        batch_set_text(b, TABLE_GROUPS, row, KEY_CLUSTER, batch_intern_z(b, i == 0 ? "c1" : "c2"));
        batch_set_text(b, TABLE_GROUPS, row, GROUPS_CONSUMER_GROUP, batch_intern_z(b, "orders"));
    }
    batch_seal(b);
    ck_assert_str_eq(shown(b, TABLE_GROUPS, (struct view_query){ 0 }, KEY_CLUSTER, VIEW_PEOPLE), "c1 c2 |CLUSTER,GROUP");
    ck_assert_str_eq(shown(b, TABLE_GROUPS, (struct view_query){ .cluster = "c2" }, KEY_CLUSTER, VIEW_PEOPLE), "c2 |GROUP");
    batch_unref(b);
}
END_TEST

/* Every table that is shown has a layout that stands up: real columns, a sort order that parses, forms that fit. */
START_TEST(every_table_has_a_sound_layout)
{
    const struct table *table = &schema_tables[_i];
    const struct layout *layout = layout_of((enum table_id)_i);
    struct view_plan plan;
    struct err err = { 0 };

    if (table->hidden)
        return;
    ck_assert_ptr_nonnull(layout->noun);
    ck_assert_msg(view_plan_init(&plan, (enum table_id)_i, &(struct view_query){ 0 }, &err) == 0, "%s: %s", table->name, err.msg);
    for (const struct layout_column *c = layout->columns; c->title != NULL; c++) {
        const struct column *column = &table->columns[c->column];
        bool is_text = column->kind == COLUMN_KEY || column->kind == COLUMN_TEXT;
        ck_assert_msg(c->column < table->column_count && !column->hidden, "%s %s", table->name, c->title);
        ck_assert_msg(!is_text || c->form == FORM_PLAIN, "%s %s", table->name, c->title);
        bool is_word = c->form == FORM_UP || c->form == FORM_OK || c->form == FORM_VERDICT;
        ck_assert_msg(!is_word || column->kind == COLUMN_INT, "%s %s", table->name, c->title);
    }
    for (const struct layout_bad *bad = layout->bad; bad->words != NULL; bad++)
        ck_assert_msg(table->columns[bad->column].kind == COLUMN_INT || table->columns[bad->column].kind == COLUMN_REAL, "%s %s",
                      table->name, bad->words);
}
END_TEST

START_TEST(an_empty_table_is_no_trouble)
{
    struct batch *b = silent_cluster();

    for (int t = 0; t < TABLE_COUNT; t++)
        if (!schema_tables[t].hidden && t != TABLE_SCRAPES)
            shown(b, (enum table_id)t, (struct view_query){ .cluster = "c1" }, 0, VIEW_WIDE);
    batch_unref(b);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("view_table");
    TCase *c = unit_case(s, "table");

    tcase_add_test(c, groups_come_worst_first);
    tcase_add_test(c, numbers_sort_largest_first_texts_from_a_to_z_and_minus_turns_round);
    tcase_add_test(c, what_is_unknown_comes_last_either_way);
    tcase_add_test(c, numbers_inside_texts_sort_as_numbers_and_big_ones_exactly);
    tcase_add_test(c, globs_filter_and_top_cuts);
    tcase_add_test(c, a_filter_on_what_the_table_lacks_goes_through_a_related_table);
    tcase_add_test(c, bad_rows_are_those_that_need_attention);
    tcase_add_test(c, what_is_misspelled_is_refused_with_the_nearest_name);
    tcase_add_test(c, a_heading_names_its_column_too);
    tcase_add_test(c, people_see_only_columns_that_say_something);
    tcase_add_test(c, the_cluster_is_a_column_where_there_are_several);
    tcase_add_loop_test(c, every_table_has_a_sound_layout, 0, TABLE_COUNT);
    tcase_add_test(c, an_empty_table_is_no_trouble);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
