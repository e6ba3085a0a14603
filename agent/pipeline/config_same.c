/* config_same.c - whether a part of one configuration is that of another, for a reload that leaves alone what did not change. */
#include "agent/pipeline/config_parts.h"

#include <string.h>

/* Effective texts, secrets included: a password that was changed behind its reference is a change. */
static bool is_same_section(const struct config_section *a, const struct config_section *b)
{
    if (a == NULL || b == NULL || a->count != b->count || strcmp(a->name, b->name) != 0)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->values[i].spec != b->values[i].spec || strcmp(a->values[i].text, b->values[i].text) != 0)
            return false;
    return true;
}

static bool has_same_labels(const struct sink_label *a, const struct sink_label *b)
{
    for (; a->name != NULL && b->name != NULL; a++, b++)
        if (strcmp(a->name, b->name) != 0 || strcmp(a->value, b->value) != 0)
            return false;
    return a->name == NULL && b->name == NULL;
}

bool config_is_same_source(const struct config_source *a, const struct config_source *b)
{
    return a->ops == b->ops && is_same_section(a->section, b->section);
}

bool config_is_same_sink(const struct config_sink *a, const struct config_sink *b)
{
    return a->ops == b->ops && is_same_section(a->section, b->section) &&
           has_same_labels(a->common.label_list, b->common.label_list);
}

/* What every part is told when it is opened: where this changes, all of them have to be opened again. */
bool config_is_same_frame(const struct config *a, const struct config *b)
{
    const struct agent_options *x = &a->agent, *y = &b->agent;

    return x->interval_ms == y->interval_ms && strcmp(x->state_dir, y->state_dir) == 0 &&
           x->spool_max_bytes == y->spool_max_bytes && x->spool_max_age_ms == y->spool_max_age_ms;
}
