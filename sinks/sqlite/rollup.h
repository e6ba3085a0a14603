/*
 * rollup.h - hours and days in one row each: views T_hour and T_day over T_hour_data and T_day_data.
 *
 * For some columns of groups, backlogs and topics: min, max, avg and last. The average weighs each value by the number of
 * intervals in which it held; intervals that were not collected count for nothing. An hour (a day) is rolled up when the
 * store moves on to another, in the transaction of that interval: so those that are over are there, and one that gets
 * another interval late is done again. Hours and days are those of UTC.
 */
#ifndef SINKS_SQLITE_ROLLUP_H
#define SINKS_SQLITE_ROLLUP_H

#include "agent/base/err.h"
#include "agent/model/schema.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct database;

#define ROLLUP_TABLES 3
#define ROLLUP_VIEWS (ROLLUP_TABLES * 2)
#define ROLLUP_STEP 6
#define HOUR_S 3600
#define DAY_S 86400

void rollup_sql_tables(struct buf *sql);
void rollup_sql_view(unsigned view, struct buf *name, struct buf *create); /* view < ROLLUP_VIEWS */
bool rollup_has(enum table_id t);

/* The last interval was that of `left`, and that of `entered` is stored now: rolls up the hour and the day of `left` if they
 * are others. For the transaction of that interval. */
int rollup_advance(struct database *db, int64_t left, int64_t entered, struct err *err);
/* Are there hours and days that began before these times? */
int rollup_has_before(struct database *db, int64_t first_hour, int64_t first_day, bool *has_any, struct err *err);
/* Forgets some of them, the oldest: ROLLUP_STEP periods of each table. */
int rollup_expire(struct database *db, int64_t first_hour, int64_t first_day, struct err *err);

#endif
