/*
 * state.h - the state directory: what survives a restart, and the lock that makes one process its user.
 *
 *     DIR/lock       held (flock) for the life of the process; says who holds it
 *     DIR/state.db   a private SQLite file: intervals not yet delivered, how far each sink got (spool_disk.c), and small blobs by name:
 *                    what a source, a sink or the agent wants to know again
 *
 * The file is opened when it is first needed and again after trouble, so a full or missing disk never stops the start. A damaged
 * one, or one of another program, is renamed to state.db.aside-<time> and a new one begins; state_news() says so. Everything
 * but state_open and state_close is called with the spool's lock held, or before it exists: one thread at a time.
 */
#ifndef AGENT_PIPELINE_STATE_H
#define AGENT_PIPELINE_STATE_H

#include "agent/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct sqlite3_stmt;

#define STATE_BLOB_MAX ((size_t)64 << 20) /* one blob, to write or to read */

struct state;

/* Takes the lock; makes the directory (its last part) if it is missing. who: the word that others are told ("run"). NULL with
 * err: of kind ERR_REMOTE if another process holds it, of another kind if the directory cannot be used. */
struct state *state_open(const char *directory, const char *who, struct err *err);
void state_close(struct state *s); /* NULL is fine; what was not committed is gone */
const char *state_directory(const struct state *s);

/* One transaction. After a call below has failed, inside or outside of one: state_fail(), which undoes it and makes the next
 * state_begin() possible: it closes what cannot be read, sets aside what is damaged. */
int state_begin(struct state *s, struct err *err);
int state_commit(struct state *s, struct err *err);
void state_fail(struct state *s);
/* Whether the newest failure was a lack of room. */
bool state_is_full(const struct state *s);
/* Which file this is: another number as soon as a new one took the place of a damaged one; 0 before any was opened. */
unsigned state_file(const struct state *s);
/* A sentence for people about a file that was set aside; NULL if there is none, or it was asked for already. */
const char *state_news(struct state *s);

/* 1: `out` holds the blob. 0: there is none. */
int state_read(struct state *s, const char *name, struct buf *out, struct err *err);
/* Inside a transaction. */
int state_write(struct state *s, const char *name, const void *data, size_t len, struct err *err);

/* SQL, for spool_disk.c. Numbers are bound to ?1, ?2, ... */
int state_exec(struct state *s, const char *sql, struct err *err);
int state_prepare(struct state *s, const char *sql, const int64_t *numbers, int count, struct sqlite3_stmt **stmt, struct err *err);
/* 1: a row is there. 0: done. -1: failed. The statement is finalized unless a row is there. */
int state_step(struct state *s, struct sqlite3_stmt **stmt, struct err *err);

#endif
