/*
 * replace.h - a file that is replaced whole: readers see the page before or the new one, never half of one.
 *
 * The new page is written beside the file as PATH.tmp (a name node_exporter's collector passes over), synced, and renamed. A
 * page is for others to read (mode 0644, whatever the umask). Only a regular file that begins as a page of metrics does, or is
 * empty, is ever replaced. One agent per path.
 */
#ifndef SINKS_FILE_REPLACE_H
#define SINKS_FILE_REPLACE_H

#include "agent/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct sink_delivery;

struct replace_file {
    const char *path; /* borrowed */
    char *temp;
    int fd;
    struct sink_delivery *delivery;
    struct err *err;
};

/* -1 with err->kind ERR_CONFIG where no later try can succeed; then replace_end must not be called. */
int replace_begin(struct replace_file *f, const char *path, struct sink_delivery *d, struct err *err);
/* The drain of a buf whose context is the file. */
int replace_write(void *file, const char *data, size_t len);
/* Puts the page in its place, or, without success, takes it away. */
int replace_end(struct replace_file *f, bool success);

/* Whether there is a page that may be replaced: looks, changes nothing. 1: there is nothing yet. */
int replace_look(const char *path, struct err *err);

#endif
