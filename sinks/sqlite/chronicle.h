/*
 * chronicle.h - what stands beside the tables: that there was an interval, which run it belongs to, what is missing before it,
 * which brokers had restarted.
 */
#ifndef SINKS_SQLITE_CHRONICLE_H
#define SINKS_SQLITE_CHRONICLE_H

#include "sinks/sqlite/store.h"

/* For the transaction of the interval; sets its run_id. */
int chronicle_write(struct store *s, struct store_interval *iv, struct err *err);

#endif
