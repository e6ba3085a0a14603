/* family.c - see family.h: reading samples, choosing and limiting families. The table itself is family_table.c. */
#include "agent/model/family.h"

#include "agent/base/err.h"
#include "agent/base/xalloc.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATTERN_MAX 200

const struct family *family_find(const char *name)
{
    for (unsigned i = 0; i < family_count; i++)
        if (strcmp(families[i].name, name) == 0)
            return &families[i];
    return NULL;
}

const char *family_type_name(enum family_type type)
{
    static const char *const names[] = { "gauge", "counter", "untyped" };

    return names[type];
}

const char *family_formula(const struct family *f, char *text, size_t size)
{
    const struct table *table = &schema_tables[f->table];

    if (f->formula != NULL)
        snprintf(text, size, "%s", f->formula);
    else
        snprintf(text, size, "%s.%s", table->name, table->columns[f->column].name);
    return text;
}

/* Where the table of a family keeps `complete`, or -1. */
static int complete_column(enum table_id t)
{
    switch (t) {
    case TABLE_BACKLOGS:
        return BACKLOGS_COMPLETE;
    case TABLE_GROUPS:
        return GROUPS_COMPLETE;
    case TABLE_SHARES:
        return SHARES_COMPLETE;
    case TABLE_DIFF_SUMS:
        return DIFF_SUMS_COMPLETE;
    default:
        return -1;
    }
}

static bool is_left_out(const struct family *f, const struct batch *b, uint32_t row)
{
    if (f->only_complete) {
        int column = complete_column(f->table);
        if (column >= 0 && batch_int(b, f->table, row, (unsigned)column) != 1)
            return true;
    }
    return f->applies != NULL && !f->applies(b, row);
}

bool family_sample(const struct family *f, const struct batch *b, uint32_t row, bool *is_int, int64_t *i, double *d)
{
    bool is_blank = !batch_has(b, f->table, row, f->column);

    if ((is_blank && !f->blank_is_zero) || is_left_out(f, b, row))
        return false;
    *is_int = is_blank || (schema_tables[f->table].columns[f->column].kind == COLUMN_INT && f->scale == 0);
    if (*is_int)
        *i = is_blank ? 0 : batch_int(b, f->table, row, f->column);
    else
        *d = batch_number(b, f->table, row, f->column) * (f->scale == 0 ? 1 : f->scale);
    return true;
}

uint32_t family_samples(const struct family *f, const struct batch *b)
{
    uint32_t rows = batch_rows(b, f->table), samples = 0;

    for (uint32_t row = 0; row < rows; row++)
        samples += (f->blank_is_zero || batch_has(b, f->table, row, f->column)) && !is_left_out(f, b, row);
    return samples;
}

static bool apply_pattern(const char *pattern, bool *wanted)
{
    bool take = pattern[0] != '!', any = false;

    for (unsigned i = 0; i < family_count; i++)
        if (fnmatch(pattern + !take, families[i].name, 0) == 0) {
            wanted[i] = take;
            any = true;
        }
    return any;
}

int family_select(const char *patterns, bool *wanted, struct err *err)
{
    memset(wanted, 0, family_count * sizeof(*wanted));
    for (const char *p = patterns; *(p += strspn(p, " \t,")) != '\0';) {
        char pattern[PATTERN_MAX];
        size_t len = strcspn(p, " \t,");
        if (len >= sizeof(pattern))
            return err_set(err, ERR_CONFIG, "a pattern of %zu characters, limit is %d", len, PATTERN_MAX - 1);
        memcpy(pattern, p, len);
        pattern[len] = '\0';
        if (!apply_pattern(pattern, wanted))
            return err_set(err, ERR_CONFIG, "%s matches no metric (`mqpush metrics` lists them)", pattern);
        p += len;
    }
    return 0;
}

uint64_t family_limit(const struct batch *b, bool *wanted, uint64_t max_series, const char **first_cut)
{
    uint64_t total = 0, cut = 0;
    uint32_t *samples = xcalloc(family_count, sizeof(*samples));

    for (unsigned i = 0; i < family_count; i++) {
        samples[i] = wanted[i] ? family_samples(&families[i], b) : 0;
        total += samples[i];
    }
    while (max_series > 0 && total - cut > max_series) {
        unsigned worst = family_count;
        for (unsigned i = 0; i < family_count; i++) {
            if (!wanted[i] || samples[i] == 0)
                continue;
            if (worst == family_count || families[i].detail > families[worst].detail ||
                (families[i].detail == families[worst].detail && samples[i] > samples[worst]))
                worst = i;
        }
        wanted[worst] = false;
        if (cut == 0 && first_cut != NULL)
            *first_cut = families[worst].name;
        cut += samples[worst];
    }
    free(samples);
    return cut;
}
