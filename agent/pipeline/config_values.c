/*
 * config_values.c - from texts to typed values: the option tables of [agent] and of every sink, and how a section is held
 * against its tables. See config_parts.h.
 */
#include "agent/pipeline/config_parts.h"

#include "agent/base/buf.h"
#include "agent/base/xalloc.h"
#include "agent/model/family.h"
#include "agent/pipeline/secret.h"
#include "agent/pipeline/url.h"

#include <assert.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>


#define NAMED(type_, struct_, field_, name_, fallback_, min_, max_, help_) \
    { .name = (name_), .type = (type_), .offset = offsetof(struct_, field_), .fallback = (fallback_), .help = (help_), \
      .min = (min_), .max = (max_) }

/* In the order of enum log_level. */
static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL };

const struct option_spec config_agent_specs[] = {
    NAMED(OPT_TYPE_DURATION, struct agent_options, interval_ms, "interval", "60s", 1000, 3600 * 1000,
          "time between two collections; they start at multiples of it in wall time"),
    OPT(OPT_TYPE_STR, struct agent_options, state_dir, "",
        "directory for what must survive a restart; empty: none, or $STATE_DIRECTORY where a service manager sets it"),
    OPT_RANGE(OPT_TYPE_SIZE, struct agent_options, spool_max_bytes, "256MiB", 1 << 20, (int64_t)1 << 40,
              "room in state_dir for intervals that a sink of history has not taken yet; beyond it the oldest go"),
    NAMED(OPT_TYPE_DURATION, struct agent_options, spool_max_age_ms, "spool_max_age", "7d", 60 * 1000, 3650LL * 86400 * 1000,
          "intervals that wait longer than this go"),
    OPT(OPT_TYPE_STR, struct agent_options, labels, "",
        "put on everything, for every sink: env=prod, region=eu"),
    OPT_CHOICE(struct agent_options, log_level, "info", log_levels, "least important messages that are still logged"),
    NAMED(OPT_TYPE_DURATION, struct agent_options, collect_timeout_ms, "collect_timeout", "0", 0, 3600 * 1000,
          "a collection that takes longer ends with what it has; 0: nine tenths of the interval, 54s at most"),
    NAMED(OPT_TYPE_DURATION, struct agent_options, stop_timeout_ms, "stop_timeout", "10s", 0, 600 * 1000,
          "how long sinks may go on delivering after the signal to stop"),
    { 0 },
};

const struct option_spec config_sink_common_specs[] = {
    OPT(OPT_TYPE_STR, struct sink_common, metrics, "*",
        "metric names as globs, separated by blanks; ! takes away and the last match wins: mq_* mqpush_* !mq_queue_*"),
    OPT(OPT_TYPE_STR, struct sink_common, tables, "*",
        "tables as globs, separated by blanks; ! takes away and the last match wins: * !queues"),
    OPT_RANGE(OPT_TYPE_INT, struct sink_common, max_series, "200000", 0, 1000000000,
              "most series of one delivery; beyond it the most detailed metrics are left out; 0: no limit"),
    NAMED(OPT_TYPE_DURATION, struct sink_common, timeout_ms, "timeout", "10s", 100, 600 * 1000,
          "a step on the network that takes longer has failed"),
    NAMED(OPT_TYPE_DURATION, struct sink_common, patience.retry_first_ms, "retry_first", "500ms", 10, 600 * 1000,
          "the gap before the second of an interval's four tries; it doubles with each"),
    NAMED(OPT_TYPE_DURATION, struct sink_common, patience.retry_longest_ms, "retry_longest", "30s", 10, 600 * 1000,
          "no gap between tries is longer; a peer that asks for more gets it, as far as the interval goes"),
    NAMED(OPT_TYPE_INT, struct sink_common, patience.breaker_after, "breaker_after", "0", 0, 1000000,
          "after this many failed attempts in a row the sink is left alone for breaker_pause, then tried once; 0: never"),
    NAMED(OPT_TYPE_DURATION, struct sink_common, patience.breaker_pause_ms, "breaker_pause", "5m", 100, 86400 * 1000,
          "how long it is left alone; what waits meanwhile is delivered after, or the newest of it where only that counts"),
    OPT(OPT_TYPE_STR, struct sink_common, labels, "",
        "more labels, for this sink only; one that [agent] has too gets the value given here"),
    { 0 },
};

/* Sections -------------------------------------------------------------------------------------------------------- */

struct filling {
    struct arena *arena;
    const struct raw_section *raw;
    const struct option_binding *tables;
    bool is_lenient;
    struct config_errors *errors;
};

static const char *section_title(const struct raw_section *raw, char *text, size_t size)
{
    snprintf(text, size, "[%s%s%s]", raw->kind, raw->name[0] != '\0' ? " " : "", raw->name);
    return text;
}

static void check_names(const struct filling *f)
{
    const char *known[CONFIG_KNOWN_MAX];
    size_t count = 0;
    char hint[80], title[80];

    for (const struct option_binding *t = f->tables; t->specs != NULL; t++)
        for (const struct option_spec *s = t->specs; s->name != NULL && count + 1 < CONFIG_KNOWN_MAX; s++)
            known[count++] = s->name;
    known[count] = NULL;
    for (size_t i = 0; i < f->raw->count; i++) {
        const struct raw_entry *e = &f->raw->entries[i];
        bool is_known = false;
        for (size_t k = 0; k < count && !is_known; k++)
            is_known = strcmp(known[k], e->name) == 0;
        if (!is_known)
            config_problem(f->errors, e->is_usage ? PROBLEM_USAGE : PROBLEM_FILE, e->where, "%s has no option %s%s",
                           section_title(f->raw, title, sizeof(title)), e->name, config_hint(hint, sizeof(hint), e->name, known));
    }
}

/* The references in a text replaced; NULL if one cannot be, which has then been said. */
static const char *resolve(const struct filling *f, const struct option_spec *spec, const struct raw_entry *e)
{
    struct err err;
    char *text;

    if (secret_expand(e->text, &text, &err) < 0) {
        bool may_be_empty = f->is_lenient && secret_has_reference(e->text);
        enum problem_kind kind = may_be_empty ? PROBLEM_WARNING : e->is_usage ? PROBLEM_USAGE : PROBLEM_FILE;
        config_problem(f->errors, kind, e->where, "%s: %s", spec->name, err.msg);
        return may_be_empty ? spec->fallback != NULL ? spec->fallback : "" : NULL;
    }
    const char *kept = arena_strndup(f->arena, text, strlen(text));
    explicit_bzero(text, strlen(text));
    free(text);
    return kept;
}

/* option_set quotes the value. Where the value came from a reference, it is the reference that is shown. */
static void complain_about_value(const struct filling *f, const struct config_value *v, bool is_usage, const struct err *err)
{
    const char *text = err->msg;
    char quoted[sizeof(err->msg)];
    int len = snprintf(quoted, sizeof(quoted), "%s = %s: ", v->spec->name, v->text);
    enum problem_kind kind = is_usage ? PROBLEM_USAGE : PROBLEM_FILE;

    if (!secret_has_reference(v->raw))
        config_problem(f->errors, kind, v->where, "%s", text);
    else if (len > 0 && (size_t)len < sizeof(quoted) && strncmp(text, quoted, (size_t)len) == 0)
        config_problem(f->errors, kind, v->where, "%s = %s: %s", v->spec->name, v->raw, text + len);
    else
        config_problem(f->errors, kind, v->where, "%s = %s: wrong value", v->spec->name, v->raw);
}

static void warn_of_open_secret(const struct filling *f, const struct config_value *v)
{
    bool is_secret = (v->spec->type == OPT_TYPE_SECRET && v->raw[0] != '\0' && !secret_has_reference(v->raw)) ||
                     (v->spec->type == OPT_TYPE_URL && url_has_password(v->raw) && !secret_has_reference(v->raw));

    if (is_secret && f->raw->is_readable_by_all)
        config_problem(f->errors, PROBLEM_WARNING, v->where,
                       "%s: a secret in a file that everybody may read; chmod o-r, or use ${FILE:/path} or ${CREDENTIAL:name}",
                       v->spec->name);
}

static struct config_value fill_one(const struct filling *f, const struct option_spec *spec, void *base)
{
    struct config_value v = { .spec = spec, .raw = spec->fallback, .text = spec->fallback };
    const struct raw_entry *e = raw_find_entry(f->raw, spec->name);
    struct err err;

    if (e == NULL && spec->fallback == NULL) {
        char title[80];
        config_problem(f->errors, f->raw->is_usage ? PROBLEM_USAGE : PROBLEM_FILE, f->raw->where, "%s needs the option %s: %s",
                       section_title(f->raw, title, sizeof(title)), spec->name, spec->help);
        v.raw = v.text = "";
    }
    if (e == NULL)
        return v;
    const char *text = resolve(f, spec, e);
    v.raw = e->text;
    v.where = e->where;
    v.text = text != NULL ? text : "";
    if (text != NULL && option_set(spec, base, text, &err) < 0)
        complain_about_value(f, &v, e->is_usage, &err);
    else if (!e->is_usage)
        warn_of_open_secret(f, &v);
    return v;
}

const struct config_section *config_fill(struct arena *arena, const struct raw_section *raw, const struct option_binding *tables,
                                         bool is_lenient, struct config_errors *errors)
{
    struct filling f = { arena, raw, tables, is_lenient, errors };
    struct config_section *section = arena_alloc(arena, sizeof(*section));
    size_t count = 0;

    for (const struct option_binding *t = tables; t->specs != NULL; t++)
        for (const struct option_spec *s = t->specs; s->name != NULL; s++)
            count++;
    *section = (struct config_section){ .kind = raw->kind, .name = raw->name, .where = raw->where };
    section->values = arena_alloc(arena, (count + 1) * sizeof(*section->values));
    check_names(&f);
    for (const struct option_binding *t = tables; t->specs != NULL; t++) {
        option_set_defaults(t->specs, t->base);
        for (const struct option_spec *s = t->specs; s->name != NULL; s++)
            section->values[section->count++] = fill_one(&f, s, t->base);
    }
    return section;
}

const char *config_text(const struct config_section *section, const char *option)
{
    for (size_t i = 0; i < section->count; i++)
        if (strcmp(section->values[i].spec->name, option) == 0)
            return section->values[i].text;
    return NULL;
}

/* Labels ---------------------------------------------------------------------------------------------------------- */

static size_t label_count(const struct sink_label *labels)
{
    size_t n = 0;

    while (labels != NULL && labels[n].name != NULL)
        n++;
    return n;
}

/* The table in which this label is a key already, or NULL: such a constant label would stand twice in a sample. */
static const char *metric_with_label(const char *name)
{
    for (unsigned i = 0; i < family_count; i++)
        for (const struct family_label *l = families[i].labels; l->name != NULL; l++)
            if (strcmp(l->name, name) == 0)
                return families[i].name;
    return NULL;
}

static int check_label(const char *name, const char *value, struct err *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    size_t len = strlen(name);

    if (len == 0 || (name[0] >= '0' && name[0] <= '9') || strspn(name, allowed) != len)
        return err_set(err, ERR_CONFIG, "label %s: a name is made of letters, digits and _, and does not begin with a digit",
                       name);
    if (strncmp(name, "__", 2) == 0)
        return err_set(err, ERR_CONFIG, "label %s: names that begin with __ belong to Prometheus", name);
    if (len > CONFIG_LABEL_NAME_MAX || strlen(value) > CONFIG_LABEL_VALUE_MAX)
        return err_set(err, ERR_CONFIG, "label %.*s: a name may have %d bytes and a value %d", CONFIG_LABEL_NAME_MAX, name,
                       CONFIG_LABEL_NAME_MAX, CONFIG_LABEL_VALUE_MAX);
    const char *metric = metric_with_label(name);
    if (metric != NULL)
        return err_set(err, ERR_CONFIG, "label %s: %s and others have a label of this name already", name, metric);
    return 0;
}

static char *trimmed(struct arena *arena, const char *text, size_t len)
{
    while (len > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        len--;
    }
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    return arena_strndup(arena, text, len);
}

/* Splits "name = value"; the texts go to the arena. */
static int split_label(struct arena *arena, const char *text, size_t len, struct sink_label *out, struct err *err)
{
    const char *equals = memchr(text, '=', len);

    if (equals == NULL)
        return err_set(err, ERR_CONFIG, "%.*s: expected name=value, several separated by commas", (int)len, text);
    out->name = trimmed(arena, text, (size_t)(equals - text));
    out->value = trimmed(arena, equals + 1, (size_t)(text + len - equals - 1));
    return check_label(out->name, out->value, err);
}

/* Puts a label into list, in place of the first `replaceable` ones if it is among them. */
static int put_label(struct sink_label *list, size_t *count, size_t replaceable, struct sink_label label, struct err *err)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(list[i].name, label.name) != 0)
            continue;
        if (i >= replaceable)
            return err_set(err, ERR_CONFIG, "label %s: given twice", label.name);
        list[i] = label;
        return 0;
    }
    if (*count >= CONFIG_LABELS_MAX)
        return err_set(err, ERR_CONFIG, "more than %d labels", CONFIG_LABELS_MAX);
    list[(*count)++] = label;
    return 0;
}

static struct sink_label *copy_labels(struct arena *arena, const struct sink_label *base)
{
    struct sink_label *list = arena_alloc(arena, (CONFIG_LABELS_MAX + 1) * sizeof(*list));
    size_t count = label_count(base);

    if (count > 0)
        memcpy(list, base, count * sizeof(*list));
    return list;
}

const struct sink_label *config_labels(struct arena *arena, const struct sink_label *base, const char *text, struct err *err)
{
    struct sink_label *list = copy_labels(arena, base);
    size_t count = label_count(base), replaceable = count;

    for (const char *p = text; *(p += strspn(p, ", \t")) != '\0';) {
        struct sink_label label;
        size_t len = strcspn(p, ",");
        if (split_label(arena, p, len, &label, err) < 0 || put_label(list, &count, replaceable, label, err) < 0)
            return NULL;
        p += len;
    }
    return list;
}

const struct sink_label *config_label_add(struct arena *arena, const struct sink_label *base, const char *text, struct err *err)
{
    struct sink_label *list = copy_labels(arena, base), label;
    size_t count = label_count(base);

    if (split_label(arena, text, strlen(text), &label, err) < 0 || put_label(list, &count, count, label, err) < 0)
        return NULL;
    return list;
}

const char *config_labels_text(struct arena *arena, const struct sink_label *labels)
{
    struct buf buf;

    buf_init(&buf, 0);
    for (const struct sink_label *l = labels; l->name != NULL; l++)
        buf_printf(&buf, "%s%s=%s", l == labels ? "" : ", ", l->name, l->value);
    const char *text = arena_strndup(arena, buf.data != NULL ? buf.data : "", buf.len);
    buf_fini(&buf);
    return text;
}

/* Tables ---------------------------------------------------------------------------------------------------------- */

static int apply_pattern(const char *pattern, bool *wanted, struct err *err)
{
    const char *known[TABLE_COUNT + 1];
    size_t count = 0;
    bool takes_away = pattern[0] == '!', matched = false;
    char hint[80];

    for (int t = 0; t < TABLE_COUNT; t++) {
        if (schema_tables[t].hidden)
            continue;
        known[count++] = schema_tables[t].name;
        if (fnmatch(pattern + takes_away, schema_tables[t].name, 0) != 0)
            continue;
        wanted[t] = !takes_away;
        matched = true;
    }
    known[count] = NULL;
    if (matched)
        return 0;
    config_hint(hint, sizeof(hint), pattern + takes_away, known);
    return err_set(err, ERR_CONFIG, "%s matches no table%s", pattern, hint);
}

int config_select_tables(const char *patterns, bool *wanted, struct err *err)
{
    memset(wanted, 0, TABLE_COUNT * sizeof(*wanted));
    for (const char *p = patterns; *(p += strspn(p, " \t,")) != '\0';) {
        char pattern[CONFIG_PATTERN_MAX];
        size_t len = strcspn(p, " \t,");
        if (len >= sizeof(pattern))
            return err_set(err, ERR_CONFIG, "a pattern of %zu characters, limit is %d", len, CONFIG_PATTERN_MAX - 1);
        memcpy(pattern, p, len);
        pattern[len] = '\0';
        if (apply_pattern(pattern, wanted, err) < 0)
            return -1;
        p += len;
    }
    return 0;
}
