/*
 * counters.h - counters that survive a restart, as text: one "name value" a line. Pure.
 */
#ifndef AGENT_PIPELINE_COUNTERS_H
#define AGENT_PIPELINE_COUNTERS_H

#include <stddef.h>

struct buf;

struct counter {
    const char *name;
    size_t offset; /* of a uint64_t in base */
};

/* Tables end at name == NULL. */
void counters_write(const struct counter *table, const void *base, struct buf *out);
/* Lines that are not understood, and names that are not known, are passed over. */
void counters_read(const struct counter *table, void *base, const char *text, size_t len);

#endif
