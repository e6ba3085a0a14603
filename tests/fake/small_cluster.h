/*
 * small_cluster.h - a sealed batch with a little of everything `status` shows: names that are hostile or wide, a broker that
 * did not answer, sums that miss its part, numbers beyond 2^53, cells without a value.
 */
#ifndef TESTS_FAKE_SMALL_CLUSTER_H
#define TESTS_FAKE_SMALL_CLUSTER_H

#include "agent/model/batch.h"

#define SMALL_CLUSTER_TIME_MS 1795257067000LL /* 2026-11-21T10:31:07Z */
#define SMALL_CLUSTER_BIG 9007199254740993LL  /* 2^53 + 1: no double holds it */

/*
 * groups: orders (lag 12345, incomplete, dlq 2), billing (lag 0), 订单 (lag 1200, members unknown), "bad\x1b[31m|name" (lag 7)
 * backlogs: orders on orders-new (12000) and %RETRY%orders (345), billing on bills (0), 订单 on orders-new (1200)
 * queues: orders on orders-new, queues 2 and 10 of broker-a, the second with SMALL_CLUSTER_BIG as its end
 * topics: orders-new on broker-a; brokers: broker-a up, broker-b down; scrapes: both, the second timed out
 */
struct batch *small_cluster(void);
/* The same at another time, an interval of 60 s. all_answer: broker-b is up, nothing is missing, orders has lag 5000. */
struct batch *small_cluster_at(int64_t time_ms, bool all_answer);
/* Nobody answered: scrapes only. */
struct batch *silent_cluster(void);

#endif
