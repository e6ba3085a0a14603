/*
 * outlet.h - writing to a descriptor that somebody else gave us and may share, such as standard output.
 *
 * It stays blocking, because its other owners expect that; instead, no write is larger than what a pipe that polls as writable
 * takes at once (PIPE_BUF). So a reader that does not read costs one deadline, not the worker.
 */
#ifndef SINKS_OUTLET_H
#define SINKS_OUTLET_H

#include "agent/base/err.h"

#include <stddef.h>

struct sink_delivery;

struct outlet {
    int fd;
    const char *name;               /* for messages: "standard output" */
    struct sink_delivery *delivery; /* deadline, cancel descriptor; bytes are counted here */
    struct err *err;
};

/* The drain of a buf whose context is a struct outlet. */
int outlet_write(void *outlet, const char *data, size_t len);

#endif
