/* option.c - see option.h. */
#include "agent/base/option.h"

#include "agent/base/num.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_LEN 64
#define NEAR 2

static const char *const yes_words[] = { "yes", "true", "on", "1", NULL };
static const char *const no_words[] = { "no", "false", "off", "0", NULL };

static bool is_among(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcasecmp(text, *words) == 0)
            return true;
    return false;
}

static int set_number(const struct option_spec *spec, int64_t *field, const char *text, struct err *err)
{
    int64_t value = 0;
    int bad;

    if (spec->type == OPT_TYPE_DURATION)
        bad = num_to_duration_ms(text, &value);
    else if (spec->type == OPT_TYPE_SIZE)
        bad = num_to_size(text, &value);
    else
        bad = num_to_i64(text, strlen(text), &value);
    if (bad < 0) {
        const char *form = spec->type == OPT_TYPE_DURATION ? "a duration such as 500ms, 10s, 5m or 30d"
                           : spec->type == OPT_TYPE_SIZE   ? "a size such as 64KiB or 10MiB"
                                                           : "a whole number";
        return err_set(err, ERR_CONFIG, "%s = %s: expected %s", spec->name, text, form);
    }
    int64_t max = spec->min == 0 && spec->max == 0 ? INT64_MAX : spec->max;
    if (value < spec->min || value > max) {
        const char *unit = spec->type == OPT_TYPE_DURATION ? " ms" : "";
        return err_set(err, ERR_CONFIG, "%s = %s: must lie between %lld%s and %lld%s", spec->name, text, (long long)spec->min,
                       unit, (long long)max, unit);
    }
    *field = value;
    return 0;
}

static int set_choice(const struct option_spec *spec, int *field, const char *text, struct err *err)
{
    char all[160] = "";

    for (int i = 0; spec->choices[i] != NULL; i++) {
        if (strcmp(text, spec->choices[i]) == 0) {
            *field = i;
            return 0;
        }
        size_t used = strlen(all);
        strncat(all, i > 0 ? ", " : "", sizeof(all) - used - 1);
        strncat(all, spec->choices[i], sizeof(all) - strlen(all) - 1);
    }
    return err_set(err, ERR_CONFIG, "%s = %s: expected one of %s", spec->name, text, all);
}

int option_set(const struct option_spec *spec, void *base, const char *text, struct err *err)
{
    void *field = (char *)base + spec->offset;

    switch (spec->type) {
    case OPT_TYPE_STR:
    case OPT_TYPE_SECRET:
    case OPT_TYPE_URL:
        *(const char **)field = text;
        return 0;
    case OPT_TYPE_BOOL:
        if (!is_among(text, yes_words) && !is_among(text, no_words))
            return err_set(err, ERR_CONFIG, "%s = %s: expected yes or no", spec->name, text);
        *(bool *)field = is_among(text, yes_words);
        return 0;
    case OPT_TYPE_INT:
    case OPT_TYPE_DURATION:
    case OPT_TYPE_SIZE:
        return set_number(spec, field, text, err);
    case OPT_TYPE_ENUM:
        return set_choice(spec, field, text, err);
    }
    return err_set(err, ERR_CONFIG, "%s: unknown option type", spec->name);
}

void option_set_defaults(const struct option_spec *specs, void *base)
{
    for (; specs->name != NULL; specs++) {
        struct err err;
        if (specs->fallback == NULL)
            continue;
        int rc = option_set(specs, base, specs->fallback, &err);
        assert(rc == 0); /* a default that its own table refuses is our bug */
        (void)rc;
    }
}

const struct option_spec *option_find(const struct option_spec *specs, const char *name)
{
    for (; specs->name != NULL; specs++)
        if (strcmp(specs->name, name) == 0)
            return specs;
    return NULL;
}

/* Edits (insert, delete, change, swap of neighbours count as one, one, one, two) between two short names. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_MAX_LEN + 1];
    size_t la = strlen(a), lb = strlen(b);

    if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN)
        return NAME_MAX_LEN;
    for (size_t j = 0; j <= lb; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            unsigned drop = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < drop ? change : drop;
        }
    }
    return row[lb];
}

const char *option_nearest(const char *name, const char *const *known)
{
    const char *best = NULL;
    unsigned best_distance = NEAR + 1;

    for (; *known != NULL; known++) {
        unsigned d = distance(name, *known);
        if (d < best_distance && d < strlen(*known)) {
            best = *known;
            best_distance = d;
        }
    }
    return best;
}
