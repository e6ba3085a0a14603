/*
 * layout.h - the tables and views that a history file should have, held against those it has.
 *
 * A file of an older agent is brought up to date in place, in one transaction: tables and columns it lacks are added, views
 * whose text differs are made anew, and a table of names that lacks a key is copied (its UNIQUE would be wrong). What it has
 * beyond that is left alone.
 */
#ifndef SINKS_SQLITE_LAYOUT_H
#define SINKS_SQLITE_LAYOUT_H

#include "agent/base/err.h"

struct database;

/*
 * 1 if something is missing. Looks at the views only: they name every column, so tables and columns are there when they fit. (A
 * change to schema_sql_fixed that no view shows must therefore raise DATABASE_VERSION.)
 */
int layout_is_stale(struct database *db, struct err *err);
/* Makes whatever is missing, within the caller's transaction. */
int layout_update(struct database *db, struct err *err);

#endif
