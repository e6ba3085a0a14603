/*
 * file.h - a whole file, read into memory.
 */
#ifndef AGENT_BASE_FILE_H
#define AGENT_BASE_FILE_H

#include "agent/base/buf.h"
#include "agent/base/err.h"

/*
 * Appends what can still be read from fd, up to to's limit, which must not be 0; a pipe is read to its end. 0, or -1: ERR_SYS, or
 * ERR_LIMIT where there is more. fd stays open. Safe from any thread.
 */
int file_read(int fd, struct buf *to, struct err *err);

#endif
