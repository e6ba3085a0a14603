/* config_errors.c - everything that is wrong with a configuration, gathered and said. See config.h. */
#include "agent/pipeline/config_parts.h"

#include "agent/base/xalloc.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_CODE_USAGE 2
#define EXIT_CODE_CONFIG 78 /* EX_CONFIG of sysexits.h */

void config_problem(struct config_errors *errors, enum problem_kind kind, const char *where, const char *fmt, ...)
{
    char text[1024];

    if (errors->count > CONFIG_PROBLEMS_MAX)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (errors->count == CONFIG_PROBLEMS_MAX)
        snprintf(text, sizeof(text), "and more; the rest is left out");
    errors->list = xrealloc(errors->list, errors->count + 1, sizeof(*errors->list));
    errors->list[errors->count++] = (struct config_problem){
        .is_warning = kind == PROBLEM_WARNING,
        .is_usage = kind == PROBLEM_USAGE,
        .where = xstrdup(where),
        .text = xstrdup(text),
    };
    errors->errors += kind != PROBLEM_WARNING;
}

const char *config_hint(char *hint, size_t size, const char *given, const char *const *known)
{
    const char *near = option_nearest(given, known);

    hint[0] = '\0';
    if (near != NULL)
        snprintf(hint, size, " (did you mean %s?)", near);
    return hint;
}

void config_errors_print(const struct config_errors *errors, bool with_warnings, FILE *to)
{
    for (size_t i = 0; i < errors->count; i++) {
        const struct config_problem *p = &errors->list[i];
        if (p->is_warning && !with_warnings)
            continue;
        fprintf(to, "%s%s: %s%s\n", p->is_usage ? "mqpush: " : "", p->where, p->is_warning ? "warning: " : "", p->text);
    }
}

int config_errors_exit_code(const struct config_errors *errors)
{
    int code = 0;

    for (size_t i = 0; i < errors->count; i++) {
        const struct config_problem *p = &errors->list[i];
        if (!p->is_warning && !p->is_usage)
            return EXIT_CODE_CONFIG;
        if (p->is_usage)
            code = EXIT_CODE_USAGE;
    }
    return code;
}

void config_errors_free(struct config_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++) {
        free(errors->list[i].where);
        free(errors->list[i].text);
    }
    free(errors->list);
    *errors = (struct config_errors){ 0 };
}
