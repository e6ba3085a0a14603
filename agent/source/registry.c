/* registry.c - every kind of source. A new one is its folder, one line here and its section in conf/mqpush.conf. */
#include "agent/source/source.h"

#include <string.h>

extern const struct source_ops rocketmq_source;

const struct source_ops *const source_registry[] = { &rocketmq_source, NULL };

const struct source_ops *source_find(const char *name)
{
    for (const struct source_ops *const *s = source_registry; *s != NULL; s++)
        if (strcmp((*s)->name, name) == 0)
            return *s;
    return NULL;
}
