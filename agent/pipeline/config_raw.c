/* config_raw.c - sections and options as they were written, before anything is checked. See config_parts.h. */
#include "agent/pipeline/config_parts.h"

#include "agent/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

static const char *keep(struct raw_config *raw, const char *text)
{
    return arena_strndup(raw->arena, text, strlen(text));
}

struct raw_section *raw_add_section(struct raw_config *raw, const char *kind, const char *type, const char *name,
                                    const char *where)
{
    if (raw->count == raw->capacity) {
        raw->capacity = raw->capacity * 2 + 8;
        raw->sections = xrealloc(raw->sections, raw->capacity, sizeof(*raw->sections));
    }
    struct raw_section *s = &raw->sections[raw->count++];
    *s = (struct raw_section){
        .kind = keep(raw, kind),
        .type = keep(raw, type),
        .name = keep(raw, name),
        .where = keep(raw, where),
    };
    return s;
}

struct raw_section *raw_find_section(const struct raw_config *raw, const char *kind, const char *name)
{
    for (size_t i = 0; i < raw->count; i++)
        if (!raw->sections[i].is_ignored && strcmp(raw->sections[i].kind, kind) == 0 && strcmp(raw->sections[i].name, name) == 0)
            return &raw->sections[i];
    return NULL;
}

struct raw_entry *raw_add_entry(struct raw_config *raw, struct raw_section *section, const char *name, const char *text,
                                const char *where)
{
    if (section->count == section->capacity) {
        section->capacity = section->capacity * 2 + 8;
        section->entries = xrealloc(section->entries, section->capacity, sizeof(*section->entries));
    }
    struct raw_entry *e = &section->entries[section->count++];
    *e = (struct raw_entry){
        .name = keep(raw, name),
        .text = keep(raw, text),
        .where = keep(raw, where),
    };
    return e;
}

struct raw_entry *raw_find_entry(const struct raw_section *section, const char *name)
{
    for (size_t i = 0; i < section->count; i++)
        if (strcmp(section->entries[i].name, name) == 0)
            return &section->entries[i];
    return NULL;
}

void raw_fini(struct raw_config *raw)
{
    for (size_t i = 0; i < raw->count; i++)
        free(raw->sections[i].entries);
    free(raw->sections);
    raw->sections = NULL;
    raw->count = raw->capacity = 0;
}
