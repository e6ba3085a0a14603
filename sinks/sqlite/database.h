/*
 * database.h - one SQLite file that is ours: opened, checked, brought up to date, given up with a reason.
 *
 * The rest of this folder speaks SQL through it. Every call that may take long ends by the deadline of database_limit(), and
 * at once when its cancel descriptor becomes readable. A failed call returns -1 with a sentence that names the file, and
 * leaves in `trouble` what kind of failure it was, because that decides what to do next. One thread at a time.
 */
#ifndef SINKS_SQLITE_DATABASE_H
#define SINKS_SQLITE_DATABASE_H

#include "agent/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sqlite3;
struct sqlite3_stmt;

#define DATABASE_APPLICATION_ID 0x6d717068 /* "mqph" */
#define DATABASE_VERSION 1                 /* user_version: the layout; a newer one is not ours to write */

enum database_trouble {
    DATABASE_FINE,
    DATABASE_BUSY,    /* another writer */
    DATABASE_FULL,    /* no room on the disk, or under the page limit */
    DATABASE_LATE,    /* the deadline passed or we were told to stop */
    DATABASE_IO,      /* cannot be opened, read or written now */
    DATABASE_DAMAGED, /* not a database, or a broken one */
    DATABASE_FOREIGN, /* a database, but of another program */
    DATABASE_NEWER,   /* ours, of a later version */
};

struct database {
    struct sqlite3 *handle; /* NULL while closed */
    const char *path;       /* borrowed */
    enum database_trouble trouble;
    int64_t deadline_ns;
    int cancel_fd;
    dev_t device; /* which file was opened, to notice when it is moved away under us */
    ino_t inode;
};

void database_init(struct database *db, const char *path);
/* Opens the file for writing, creating it (mode 0640) with all tables and views if there is none, adding what an older
 * agent's file lacks. A file of another program is never touched. */
int database_open(struct database *db, struct err *err);
/* Writes the log back into the file as far as readers allow, and closes. Fine when closed. */
void database_close(struct database *db);
void database_limit(struct database *db, int64_t deadline_ns, int cancel_fd);
/* Whether path still is the file we hold open. */
bool database_is_in_place(const struct database *db);
/* Looks at the first bytes of the file without SQLite: 0 ours, 1 there is none or it is empty, -1 with trouble set. */
int database_inspect(struct database *db, struct err *err);
/* Renames a damaged file (and its log) to PATH.damaged-<now>; closed before. The sentence about it goes to err. */
int database_move_aside(struct database *db, int64_t now_s, struct err *err);

int database_exec(struct database *db, const char *sql, struct err *err);
int database_prepare(struct database *db, const char *sql, struct sqlite3_stmt **stmt, struct err *err);
/* 1: a row is there. 0: done, and the statement is reset. -1: failed, reset as well. */
int database_step(struct database *db, struct sqlite3_stmt *stmt, struct err *err);
/* Steps a statement that gives no rows. */
int database_run(struct database *db, struct sqlite3_stmt *stmt, struct err *err);
/* The first column of the first row as an integer; `none` if there is no row or it is NULL. */
int database_integer(struct database *db, const char *sql, int64_t none, int64_t *value, struct err *err);
/* Ends a transaction without effect; accepts that there is none. */
void database_rollback(struct database *db);
/* Turns SQLite's last error into err and trouble; -1. */
int database_fail(struct database *db, struct err *err);

/* "SQLite 3.40.1": the one that runs, not the one that was compiled against. */
const char *database_library(void);

#endif
