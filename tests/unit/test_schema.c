/* test_schema.c - the tables are what users were promised: names, keys, kinds, units. */
#include "agent/model/schema.h"

#include "tests/unit/unit.h"

#include <ctype.h>
#include <string.h>

static bool is_snake(const char *name)
{
    if (!islower((unsigned char)name[0]))
        return false;
    for (const char *p = name; *p != '\0'; p++)
        if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && (*p != '_' || p[1] == '_' || p[1] == '\0'))
            return false;
    return true;
}

START_TEST(keys_stand_first_and_begin_with_source_system_cluster) /* loop test: _i is the table */
{
    const struct table *t = &schema_tables[_i];

    ck_assert_uint_ge(t->key_count, 4);
    ck_assert_str_eq(t->columns[KEY_SOURCE].name, "source");
    ck_assert_str_eq(t->columns[KEY_SYSTEM].name, "system");
    ck_assert_str_eq(t->columns[KEY_CLUSTER].name, "cluster");
    for (unsigned c = 0; c < t->column_count; c++)
        ck_assert_msg((t->columns[c].kind == COLUMN_KEY) == (c < t->key_count), "%s.%s", t->name, t->columns[c].name);
}
END_TEST

START_TEST(every_column_has_a_name_of_its_own_and_a_meaning)
{
    const struct table *t = &schema_tables[_i];

    ck_assert_uint_le(t->column_count, SCHEMA_COLUMNS_MAX);
    ck_assert(is_snake(t->name));
    ck_assert_msg(t->help[0] != '\0', "%s", t->name);
    for (unsigned c = 0; c < t->column_count; c++) {
        const struct column *column = &t->columns[c];
        ck_assert_msg(is_snake(column->name), "%s.%s", t->name, column->name);
        ck_assert_msg(column->help[0] != '\0' && column->help[strlen(column->help) - 1] != '.', "%s.%s", t->name, column->name);
        ck_assert_msg(!column->hidden || column->kind != COLUMN_KEY, "%s.%s: a hidden key", t->name, column->name);
        ck_assert_int_eq(schema_find_column(t, column->name), (int)c); /* the first of that name is this one */
    }
    ck_assert_int_eq(schema_find_table(t->name), _i);
}
END_TEST

/* SQL need not quote a name: none is a word that SQLite keeps to itself in this position. */
START_TEST(no_name_has_to_be_quoted_in_sql)
{
    static const char *const words[] = {
        "group", "order", "table", "index", "select", "from", "to", "values", "set", "check", "default", "limit",
        "transaction", "when", "case", "then", "else", "in", "is", "not", "null", "on", "or", "and", "as", "all",
        "add", "create", "delete", "drop", "unique", "where", "commit", NULL,
    };
    const struct table *t = &schema_tables[_i];

    for (const char *const *word = words; *word != NULL; word++) {
        ck_assert_str_ne(t->name, *word);
        ck_assert_msg(schema_find_column(t, *word) == -1, "%s.%s", t->name, *word);
    }
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
    ck_assert_int_eq(schema_find_table("nope"), -1);
    ck_assert_int_eq(schema_find_table(""), -1);
    ck_assert_int_eq(schema_find_column(&schema_tables[TABLE_GROUPS], "nope"), -1);
    ck_assert_int_eq(schema_find_column(&schema_tables[TABLE_GROUPS], ""), -1);
    ck_assert_int_eq(schema_find_column(&schema_tables[TABLE_GROUPS], "Lag"), -1);
}
END_TEST

/* What users, dashboards and SQL rely on: table, keys after the common three, values. */
struct promise {
    const char *table, *keys, *values;
};

static const struct promise promises[] = {
    { "brokers", "broker broker_id address version", "up" },
    { "topics", "broker topic kind", "queues min_offset max_offset stored in_rate in_bytes_rate last_stored_at" },
    { "backlogs", "consumer_group topic kind",
      "lag diff inflight lost lag_seconds out_rate out_bytes_rate send_back drain_seconds verdict complete" },
    { "groups", "consumer_group model type", "members lag retry_lag dlq lag_seconds verdict complete" },
    { "queues", "consumer_group topic broker queue client",
      "min_offset max_offset consumer_offset lag inflight last_consumed_at" },
    { "clients", "consumer_group client ip pid version language",
      "queues lag consume_rt_ms ok_rate failed_rate pull_rt_ms pull_rate" },
    { "producers", "producer_group broker", "clients" },
    { "scrapes", "target kind", "ok requests failed bytes duration_ms error" },
    { "agent", "part", "" },
};

START_TEST(the_promised_names_are_there)
{
    const struct promise *p = &promises[_i];
    int id = schema_find_table(p->table);
    char words[256], *rest = NULL;
    unsigned key = KEY_CLUSTER + 1;

    ck_assert_msg(id >= 0, "no table %s", p->table);
    const struct table *t = &schema_tables[id];
    ck_assert_msg(!t->hidden, "%s is hidden", p->table);
    strcpy(words, p->keys);
    for (char *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        ck_assert_msg(key < t->key_count && strcmp(t->columns[key++].name, word) == 0, "%s: key %s", p->table, word);
    ck_assert_uint_eq(t->key_count, key);
    strcpy(words, p->values);
    for (char *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        int c = schema_find_column(t, word);
        ck_assert_msg(c >= 0 && !t->columns[c].hidden, "%s.%s", p->table, word);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("schema");
    TCase *c = unit_case(s, "schema");

    tcase_add_loop_test(c, keys_stand_first_and_begin_with_source_system_cluster, 0, TABLE_COUNT);
    tcase_add_loop_test(c, every_column_has_a_name_of_its_own_and_a_meaning, 0, TABLE_COUNT);
    tcase_add_loop_test(c, no_name_has_to_be_quoted_in_sql, 0, TABLE_COUNT);
    tcase_add_test(c, what_is_not_there_is_not_found);
    tcase_add_loop_test(c, the_promised_names_are_there, 0, (int)(sizeof(promises) / sizeof(promises[0])));
    return s;
}

int main(void)
{
    return unit_main(suite());
}
