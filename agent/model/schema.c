/* schema.c - the tables of schema.h as data. */
#include "agent/model/schema.h"

#include <string.h>

#define SCHEMA_X(T, ID, name_, kind_, hidden_, unit_, help_) \
    { .name = #name_, .kind = COLUMN_##kind_, .hidden = (hidden_) != 0, .unit = (unit_), .help = (help_) },
static const struct column groups_columns[] = { GROUPS_COLUMNS(SCHEMA_X, GROUPS) };
static const struct column backlogs_columns[] = { BACKLOGS_COLUMNS(SCHEMA_X, BACKLOGS) };
static const struct column topics_columns[] = { TOPICS_COLUMNS(SCHEMA_X, TOPICS) };
static const struct column queues_columns[] = { QUEUES_COLUMNS(SCHEMA_X, QUEUES) };
static const struct column clients_columns[] = { CLIENTS_COLUMNS(SCHEMA_X, CLIENTS) };
static const struct column producers_columns[] = { PRODUCERS_COLUMNS(SCHEMA_X, PRODUCERS) };
static const struct column brokers_columns[] = { BROKERS_COLUMNS(SCHEMA_X, BROKERS) };
static const struct column scrapes_columns[] = { SCRAPES_COLUMNS(SCHEMA_X, SCRAPES) };
static const struct column agent_columns[] = { AGENT_COLUMNS(SCHEMA_X, AGENT) };
static const struct column shares_columns[] = { SHARES_COLUMNS(SCHEMA_X, SHARES) };
static const struct column client_topics_columns[] = { CLIENT_TOPICS_COLUMNS(SCHEMA_X, CLIENT_TOPICS) };
static const struct column diff_sums_columns[] = { DIFF_SUMS_COLUMNS(SCHEMA_X, DIFF_SUMS) };
static const struct column delays_columns[] = { DELAYS_COLUMNS(SCHEMA_X, DELAYS) };
static const struct column nameservers_columns[] = { NAMESERVERS_COLUMNS(SCHEMA_X, NAMESERVERS) };
static const struct column requests_columns[] = { REQUESTS_COLUMNS(SCHEMA_X, REQUESTS) };
static const struct column deliveries_columns[] = { DELIVERIES_COLUMNS(SCHEMA_X, DELIVERIES) };
static const struct column drops_columns[] = { DROPS_COLUMNS(SCHEMA_X, DROPS) };
static const struct column sinks_columns[] = { SINKS_COLUMNS(SCHEMA_X, SINKS) };
#undef SCHEMA_X

/* Keys stand first, so their number is a matter of counting, which the preprocessor cannot do: kind KEY adds 1. */
#define IS_KEY_KEY 1
#define IS_KEY_INT 0
#define IS_KEY_REAL 0
#define IS_KEY_TEXT 0
#define COUNT_KEY(T, ID, name_, kind_, hidden_, unit_, help_) +IS_KEY_##kind_

#define SCHEMA_X(T, name_, hidden_, help_) \
    [TABLE_##T] = { .name = #name_, .help = (help_), .columns = name_##_columns, \
                    .column_count = sizeof(name_##_columns) / sizeof(name_##_columns[0]), \
                    .key_count = 0 T##_COLUMNS(COUNT_KEY, T), .hidden = (hidden_) != 0 },
const struct table schema_tables[TABLE_COUNT] = { TABLES(SCHEMA_X) };
#undef SCHEMA_X

_Static_assert(BROKERS_COLUMN_COUNT <= SCHEMA_COLUMNS_MAX, "SCHEMA_COLUMNS_MAX too small");

int schema_find_table(const char *name)
{
    for (int t = 0; t < TABLE_COUNT; t++)
        if (strcmp(schema_tables[t].name, name) == 0)
            return t;
    return -1;
}

int schema_find_column(const struct table *table, const char *name)
{
    for (unsigned c = 0; c < table->column_count; c++)
        if (strcmp(table->columns[c].name, name) == 0)
            return (int)c;
    return -1;
}
