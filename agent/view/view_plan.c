/* view_plan.c - see view_plan.h. */
#include "agent/view/view_plan.h"

#include "agent/base/option.h"
#include "agent/view/layout.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#define NAME_LEN_MAX 64

/* "lag_time" and "lag time" both name the heading LAG TIME. */
static bool is_title(const char *name, const char *title)
{
    for (; *name != '\0' && *title != '\0'; name++, title++)
        if (toupper((unsigned char)*name) != *title && !(*title == ' ' && (*name == '_' || *name == '-')))
            return false;
    return *name == *title;
}

static int find_column(enum table_id t, const char *name, struct err *err)
{
    const struct table *table = &schema_tables[t];
    const char *known[SCHEMA_COLUMNS_MAX + 1];
    unsigned count = 0;

    for (unsigned c = 0; c < table->column_count; c++) {
        if (table->columns[c].hidden)
            continue;
        if (strcmp(table->columns[c].name, name) == 0)
            return (int)c;
        known[count++] = table->columns[c].name;
    }
    known[count] = NULL;
    for (const struct layout_column *c = layout_of(t)->columns; c->title != NULL; c++)
        if (is_title(name, c->title))
            return (int)c->column;
    const char *nearest = option_nearest(name, known);
    return err_set(err, ERR_CONFIG, "%s has no column \"%s\"%s%s%s (--columns help lists them)", table->name, name,
                   nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

/* Copies the next name of a list separated by commas and moves on. 1, 0 at the end, -1 if it is too long to be a name. */
static int next_name(const char **list, char *name)
{
    const char *p = *list + strspn(*list, ", ");
    size_t len = strcspn(p, ",");

    *list = p + len;
    while (len > 0 && p[len - 1] == ' ')
        len--;
    if (len >= NAME_LEN_MAX)
        return -1;
    memcpy(name, p, len);
    name[len] = '\0';
    return len > 0;
}

static int plan_sort(struct view_plan *plan, const char *list, struct err *err)
{
    char name[NAME_LEN_MAX];
    int more;

    for (unsigned i = 0; (more = next_name(&list, name)) > 0; i++) {
        if (i == VIEW_SORT_MAX)
            return err_set(err, ERR_CONFIG, "sorted by more than %d columns", VIEW_SORT_MAX);
        bool is_reverse = name[0] == '-';
        int column = find_column(plan->table, name + is_reverse, err);
        if (column < 0)
            return -1;
        plan->sort[plan->sort_count++] = (struct view_sort){ .column = (unsigned)column, .is_reverse = is_reverse };
    }
    return more < 0 ? err_set(err, ERR_CONFIG, "a column name of more than %d characters", NAME_LEN_MAX - 1) : 0;
}

static int plan_columns(struct view_plan *plan, const char *list, struct err *err)
{
    char name[NAME_LEN_MAX];
    int more;

    while ((more = next_name(&list, name)) > 0) {
        int column = find_column(plan->table, name, err);
        if (column < 0)
            return -1;
        for (unsigned i = 0; i < plan->column_count; i++)
            if (plan->columns[i] == (unsigned)column)
                return err_set(err, ERR_CONFIG, "column \"%s\" is named twice", name);
        plan->columns[plan->column_count++] = (unsigned)column;
    }
    if (more < 0)
        return err_set(err, ERR_CONFIG, "a column name of more than %d characters", NAME_LEN_MAX - 1);
    return plan->column_count > 0 ? 0 : err_set(err, ERR_CONFIG, "--columns names no column");
}

/* Fills filter->ours and ->theirs with the keys that both tables have. False if they say nothing about each other. */
static bool join(struct view_filter *filter, enum table_id viewed)
{
    static const char *const linking[] = { "consumer_group", "topic", "broker" };
    static const char *const always[] = { "source", "cluster" };

    filter->shared_count = 0;
    for (size_t i = 0; i < sizeof(linking) / sizeof(linking[0]); i++) {
        int mine = schema_find_column(&schema_tables[viewed], linking[i]);
        int other = schema_find_column(&schema_tables[filter->table], linking[i]);
        if (mine >= 0 && other >= 0) {
            filter->ours[filter->shared_count] = (unsigned)mine;
            filter->theirs[filter->shared_count++] = (unsigned)other;
        }
    }
    if (filter->shared_count == 0)
        return false;
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        filter->ours[filter->shared_count] = (unsigned)schema_find_column(&schema_tables[viewed], always[i]);
        filter->theirs[filter->shared_count++] = (unsigned)schema_find_column(&schema_tables[filter->table], always[i]);
    }
    return true;
}

static int plan_filter(struct view_plan *plan, const char *option, const char *column, const char *glob, struct err *err)
{
    static const enum table_id related[] = { TABLE_BACKLOGS, TABLE_TOPICS, TABLE_QUEUES };

    if (glob == NULL)
        return 0;
    struct view_filter *filter = &plan->filters[plan->filter_count++];
    *filter = (struct view_filter){ .glob = glob, .table = plan->table };
    int found = schema_find_column(&schema_tables[plan->table], column);
    if (found < 0 && strcmp(column, "consumer_group") == 0)
        found = schema_find_column(&schema_tables[plan->table], "producer_group");
    if (found >= 0) {
        filter->column = (unsigned)found;
        return 0;
    }
    for (size_t i = 0; i < sizeof(related) / sizeof(related[0]); i++) {
        filter->table = related[i];
        found = schema_find_column(&schema_tables[related[i]], column);
        if (found >= 0 && join(filter, plan->table)) {
            filter->column = (unsigned)found;
            return 0;
        }
    }
    return err_set(err, ERR_CONFIG, "%s says nothing about %s", option, schema_tables[plan->table].name);
}

int view_plan_init(struct view_plan *plan, enum table_id table, const struct view_query *query, struct err *err)
{
    *plan = (struct view_plan){ .table = table, .only_bad = query->only_bad, .top = query->top };
    if (query->only_bad && layout_of(table)->bad[0].words == NULL)
        return err_set(err, ERR_CONFIG, "--bad says nothing about %s", schema_tables[table].name);
    if (plan_filter(plan, "--cluster", "cluster", query->cluster, err) < 0 ||
        plan_filter(plan, "--group", "consumer_group", query->group, err) < 0 ||
        plan_filter(plan, "--topic", "topic", query->topic, err) < 0 ||
        plan_filter(plan, "--broker", "broker", query->broker, err) < 0)
        return -1;
    if (query->sort != NULL && plan_sort(plan, query->sort, err) < 0)
        return -1;
    int rc = plan_sort(plan, layout_of(table)->sort, err); /* what is equal so far stands in the usual order */
    assert(rc == 0);
    return rc < 0 || (query->columns != NULL && plan_columns(plan, query->columns, err) < 0) ? -1 : 0;
}
