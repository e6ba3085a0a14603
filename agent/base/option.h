/*
 * option.h - one table per module says which options it has; parsing, checking, --help, the reference text and
 * `config show` all come from it.
 *
 * The field an option fills has the C type named beside the option type. Texts point into memory owned by the
 * configuration and live as long as it does. Tables are const; everything here is pure.
 */
#ifndef AGENT_BASE_OPTION_H
#define AGENT_BASE_OPTION_H

#include "agent/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPT_TYPE_STR,      /* const char *; "" when empty */
    OPT_TYPE_SECRET,   /* const char *; masked wherever it is shown */
    OPT_TYPE_URL,      /* const char *; a password inside is masked wherever it is shown */
    OPT_TYPE_BOOL,     /* bool: yes no true false on off 1 0 */
    OPT_TYPE_INT,      /* int64_t, within [min, max] */
    OPT_TYPE_DURATION, /* int64_t, milliseconds, within [min, max] */
    OPT_TYPE_SIZE,     /* int64_t, bytes, within [min, max] */
    OPT_TYPE_ENUM,     /* int: index into choices */
};

struct option_spec {
    const char *name;
    enum option_type type;
    size_t offset;
    const char *fallback; /* the default, as text; NULL: the option must be given */
    const char *help;     /* a sentence, no full stop */
    int64_t min, max;     /* both 0: any non-negative number */
    const char *const *choices; /* NULL-terminated, for OPT_TYPE_ENUM */
};

#define OPT(type_, struct_, field_, fallback_, help_) \
    { .name = #field_, .type = (type_), .offset = offsetof(struct_, field_), .fallback = (fallback_), .help = (help_) }
#define OPT_RANGE(type_, struct_, field_, fallback_, min_, max_, help_) \
    { .name = #field_, .type = (type_), .offset = offsetof(struct_, field_), .fallback = (fallback_), .help = (help_), \
      .min = (min_), .max = (max_) }
#define OPT_CHOICE(struct_, field_, fallback_, choices_, help_) \
    { .name = #field_, .type = OPT_TYPE_ENUM, .offset = offsetof(struct_, field_), .fallback = (fallback_), .help = (help_), \
      .choices = (choices_) }

/* Puts text into its field of base; the text itself must outlive base. -1 with a sentence that names what was expected. */
int option_set(const struct option_spec *spec, void *base, const char *text, struct err *err);
/* Fills every option of a { 0 }-terminated table that has a default. */
void option_set_defaults(const struct option_spec *specs, void *base);
/* The option of that name, or NULL. */
const struct option_spec *option_find(const struct option_spec *specs, const char *name);
/* The known name nearest to `name` within two edits, or NULL; `known` is NULL-terminated. */
const char *option_nearest(const char *name, const char *const *known);

#endif
