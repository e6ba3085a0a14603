/*
 * prom_check.c - see prom_check.h.
 *
 * Refused here because a gateway refuses it: no newline at the end, CR LF, a timestamp, a second TYPE or one behind its
 * samples, a series or a label name given twice, a label that begins with "__", bad escapes, text that is not UTF-8. Refused
 * although a gateway would take it: samples without HELP and TYPE, samples of one name apart, HELP behind TYPE.
 */
#include "tests/fake/prom_check.h"

#include "agent/base/buf.h"
#include "agent/base/intern.h"
#include "agent/base/utf8.h"
#include "agent/base/xalloc.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_MAX 32

struct label {
    const char *name;
    size_t name_len;
    char *value; /* unescaped */
    size_t value_len;
};

struct sample {
    const char *name;
    size_t name_len;
    struct label labels[LABELS_MAX];
    unsigned count;
};

struct reader {
    struct intern series, families; /* everything seen so far */
    const char *help_name;          /* of the last # HELP line */
    size_t help_len;
    const char *type_name; /* of the last # TYPE line: only this one may have samples now */
    size_t type_len;
};

static size_t name_len(const char *p, const char *end, bool colons)
{
    static const char letters[] = "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", digits[] = "0123456789";
    size_t n = 0;

    while (p + n < end && p[n] != '\0' &&
           (strchr(letters, p[n]) != NULL || (colons && p[n] == ':') || (n > 0 && strchr(digits, p[n]) != NULL)))
        n++;
    return n;
}

/* Reads a quoted value at *p, which moves behind it; NULL if it is malformed. */
static const char *read_value(const char **p, const char *end, struct label *label)
{
    const char *at = *p;

    if (at == end || *at++ != '"')
        return "a value without an opening quote";
    char *to = label->value = xmalloc((size_t)(end - at) + 1);
    for (; at < end && *at != '"'; at++) {
        if (*at != '\\') {
            *to++ = *at;
            continue;
        }
        if (++at == end || strchr("\\\"n", *at) == NULL)
            return "an unknown escape";
        *to++ = *at == 'n' ? '\n' : *at;
    }
    if (at == end)
        return "a value without a closing quote";
    *to = '\0';
    label->value_len = (size_t)(to - label->value);
    *p = at + 1;
    return NULL;
}

static const char *read_labels(const char **p, const char *end, struct sample *s)
{
    while (*p < end && **p != '}') {
        if (s->count == LABELS_MAX)
            return "too many labels";
        struct label *label = &s->labels[s->count];
        label->name = *p;
        label->name_len = name_len(*p, end, false);
        *p += label->name_len;
        if (label->name_len == 0 || *p == end || **p != '=')
            return "a label without a name or without =";
        if (label->name_len >= 2 && memcmp(label->name, "__", 2) == 0)
            return "a label that begins with __";
        for (unsigned i = 0; i < s->count; i++)
            if (s->labels[i].name_len == label->name_len && memcmp(s->labels[i].name, label->name, label->name_len) == 0)
                return "a label name given twice";
        ++*p;
        s->count++;
        const char *why = read_value(p, end, label);
        if (why != NULL)
            return why;
        if (*p < end && **p == ',')
            ++*p;
        else if (*p < end && **p != '}')
            return "neither , nor } behind a value";
    }
    if (*p == end)
        return "labels without an end";
    ++*p;
    return NULL;
}

static const char *read_number(const char *p, const char *end)
{
    char text[64], *rest;
    size_t len = (size_t)(end - p);

    if (len == 0 || len >= sizeof(text))
        return "no number";
    memcpy(text, p, len);
    text[len] = '\0';
    if (strcmp(text, "NaN") == 0 || strcmp(text, "+Inf") == 0 || strcmp(text, "-Inf") == 0)
        return NULL;
    if (strspn(text, "0123456789+-.e") != len)
        return "a number of other characters, or something behind it";
    strtod(text, &rest);
    return *rest == '\0' ? NULL : "no number";
}

static const char *read_sample(const char *p, const char *end, struct sample *s)
{
    const char *why = NULL;

    s->name = p;
    s->name_len = name_len(p, end, true);
    p += s->name_len;
    if (s->name_len == 0)
        return "a line without a metric name";
    if (p < end && *p == '{') {
        p++;
        why = read_labels(&p, end, s);
    }
    if (why == NULL && (p == end || *p != ' '))
        return "no blank before the number";
    return why != NULL ? why : read_number(p + 1, end);
}

static void free_sample(struct sample *s)
{
    for (unsigned i = 0; i < s->count; i++)
        free(s->labels[i].value);
}

static int by_name(const void *a, const void *b)
{
    const struct label *x = a, *y = b;
    size_t len = x->name_len < y->name_len ? x->name_len : y->name_len;
    int order = memcmp(x->name, y->name, len);

    return order != 0 ? order : (x->name_len > y->name_len) - (x->name_len < y->name_len);
}

/* An empty value is the same as no label. */
static bool is_new_series(struct reader *r, struct sample *s)
{
    struct buf key;

    buf_init(&key, 0);
    qsort(s->labels, s->count, sizeof(s->labels[0]), by_name);
    buf_put(&key, s->name, s->name_len);
    for (unsigned i = 0; i < s->count; i++) {
        if (s->labels[i].value_len == 0)
            continue;
        buf_printf(&key, "|%zu.%zu|", s->labels[i].name_len, s->labels[i].value_len);
        buf_put(&key, s->labels[i].name, s->labels[i].name_len);
        buf_put(&key, s->labels[i].value, s->labels[i].value_len);
    }
    bool is_new = intern_find(&r->series, key.data, key.len) == 0;
    intern_add(&r->series, key.data, key.len);
    buf_fini(&key);
    return is_new;
}

static bool is_same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static const char *take_comment(struct reader *r, const char *p, const char *end)
{
    bool is_help = (size_t)(end - p) > 7 && memcmp(p, "# HELP ", 7) == 0;
    bool is_type = (size_t)(end - p) > 7 && memcmp(p, "# TYPE ", 7) == 0;

    if (!is_help && !is_type)
        return NULL;
    const char *name = p + 7;
    size_t len = name_len(name, end, true);
    if (len == 0 || name + len >= end || name[len] != ' ')
        return "HELP or TYPE without a name";
    if (is_help) {
        if (intern_find(&r->families, name, len) != 0)
            return "a second HELP";
        for (const char *c = name + len; c < end; c++)
            if (*c == '\\' && (++c == end || (*c != '\\' && *c != 'n')))
                return "an unknown escape in HELP";
        r->help_name = name;
        r->help_len = len;
        return NULL;
    }
    if (intern_find(&r->families, name, len) != 0)
        return "a second TYPE";
    if (r->help_name == NULL || !is_same(r->help_name, r->help_len, name, len))
        return "TYPE without its HELP before it";
    static const char *const types[] = { "gauge", "counter", "untyped" };
    bool known = false;
    for (size_t i = 0; i < 3; i++)
        known = known || is_same(types[i], strlen(types[i]), name + len + 1, (size_t)(end - name) - len - 1);
    intern_add(&r->families, name, len);
    r->type_name = name;
    r->type_len = len;
    return known ? NULL : "an unknown type";
}

static const char *take_sample(struct reader *r, const char *p, const char *end)
{
    struct sample s = { .count = 0 };
    const char *why = read_sample(p, end, &s);

    if (why == NULL && (r->type_name == NULL || !is_same(r->type_name, r->type_len, s.name, s.name_len)))
        why = "a sample away from its TYPE";
    if (why == NULL && !is_new_series(r, &s))
        why = "a series given twice";
    free_sample(&s);
    return why;
}

long prom_check(const char *text, size_t len, char *why, size_t size)
{
    struct reader r = { .help_name = NULL };
    const char *end = text + len, *fault = NULL;
    long samples = 0, line = 1;

    intern_init(&r.series);
    intern_init(&r.families);
    if (!utf8_valid(text, len))
        fault = "not UTF-8";
    for (const char *p = text; fault == NULL && p < end; line++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        if (newline == NULL)
            fault = "no newline at the end";
        else if (newline > p && newline[-1] == '\r')
            fault = "CR LF";
        else if (*p == '#')
            fault = take_comment(&r, p, newline);
        else if (newline > p) {
            fault = take_sample(&r, p, newline);
            samples++;
        }
        if (fault != NULL) {
            size_t shown = newline == NULL ? (size_t)(end - p) : (size_t)(newline - p);
            snprintf(why, size, "line %ld: %s: %.*s", line, fault, (int)(shown < 200 ? shown : 200), p);
        }
        p = newline == NULL ? end : newline + 1;
    }
    if (fault != NULL && len > 0 && line == 1)
        snprintf(why, size, "%s", fault);
    intern_fini(&r.series);
    intern_fini(&r.families);
    return fault == NULL ? samples : -1;
}

char *prom_check_label(const char *text, size_t len, const char *metric, const char *label, size_t *value_len)
{
    const char *end = text + len;
    char *found = NULL;

    for (const char *p = text; found == NULL && p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        struct sample s = { .count = 0 };
        if (newline == NULL)
            break;
        if (*p != '#' && read_sample(p, newline, &s) == NULL && is_same(s.name, s.name_len, metric, strlen(metric)))
            for (unsigned i = 0; i < s.count && found == NULL; i++)
                if (is_same(s.labels[i].name, s.labels[i].name_len, label, strlen(label))) {
                    found = s.labels[i].value;
                    *value_len = s.labels[i].value_len;
                    s.labels[i].value = NULL;
                }
        free_sample(&s);
        p = newline + 1;
    }
    return found;
}
