/*
 * batch_io.h - a sealed batch as bytes, and back: what the spool writes down.
 *
 * The bytes name every table and column, so an older or newer agent reads them: what it does not know is left out, what it knows
 * and does not find is absent. Reading trusts nothing: every length is held against a limit and against
 * the bytes that are left before anything is allocated. Pure; any thread.
 */
#ifndef AGENT_MODEL_BATCH_IO_H
#define AGENT_MODEL_BATCH_IO_H

#include "agent/base/err.h"
#include "agent/model/batch.h"

#include <stddef.h>

struct buf;

#define BATCH_IO_STORED_MAX ((size_t)64 << 20) /* bytes of one batch as they are stored */
#define BATCH_IO_PLAIN_MAX ((size_t)256 << 20) /* the same, unpacked */

/* Appends the batch to out. -1: it is larger than the limits, or out has failed. */
int batch_io_write(const struct batch *b, struct buf *out, struct err *err);
/* The batch of these bytes, sealed, with one reference; NULL if they are none. */
struct batch *batch_io_read(const void *data, size_t len, struct err *err);

#endif
