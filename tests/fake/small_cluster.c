/* small_cluster.c - see small_cluster.h. */
#include "tests/fake/small_cluster.h"

#define TEXT(T, row, COLUMN, text) batch_set_text(b, TABLE_##T, row, T##_##COLUMN, batch_intern_z(b, text))
#define INT(T, row, COLUMN, value) batch_set_int(b, TABLE_##T, row, T##_##COLUMN, value)
#define REAL(T, row, COLUMN, value) batch_set_real(b, TABLE_##T, row, T##_##COLUMN, value)

static uint32_t add(struct batch *b, enum table_id t)
{
    uint32_t row = batch_add(b, t);

    batch_set_text(b, t, row, KEY_SOURCE, batch_intern_z(b, "prod"));
    batch_set_text(b, t, row, KEY_SYSTEM, batch_intern_z(b, "rocketmq"));
    batch_set_text(b, t, row, KEY_CLUSTER, batch_intern_z(b, "c1"));
    return row;
}

static void add_group(struct batch *b, const char *name, int64_t members, int64_t lag, int64_t retry_lag, int64_t dlq,
                      bool is_complete)
{
    uint32_t row = add(b, TABLE_GROUPS);

    TEXT(GROUPS, row, CONSUMER_GROUP, name);
    TEXT(GROUPS, row, MODEL, "clustering");
    TEXT(GROUPS, row, TYPE, "push");
    INT(GROUPS, row, MEMBERS, members);
    INT(GROUPS, row, LAG, lag);
    INT(GROUPS, row, RETRY_LAG, retry_lag);
    INT(GROUPS, row, DLQ, dlq);
    INT(GROUPS, row, COMPLETE, is_complete);
}

static void add_backlog(struct batch *b, const char *group, const char *topic, const char *kind, int64_t lag)
{
    uint32_t row = add(b, TABLE_BACKLOGS);

    TEXT(BACKLOGS, row, CONSUMER_GROUP, group);
    TEXT(BACKLOGS, row, TOPIC, topic);
    TEXT(BACKLOGS, row, KIND, kind);
    INT(BACKLOGS, row, LAG, lag);
    INT(BACKLOGS, row, DIFF, lag);
    INT(BACKLOGS, row, COMPLETE, 1);
}

static void add_queue(struct batch *b, const char *queue, int64_t end, int64_t committed)
{
    uint32_t row = add(b, TABLE_QUEUES);

    TEXT(QUEUES, row, CONSUMER_GROUP, "orders");
    TEXT(QUEUES, row, TOPIC, "orders-new");
    TEXT(QUEUES, row, BROKER, "broker-a");
    TEXT(QUEUES, row, QUEUE, queue);
    TEXT(QUEUES, row, CLIENT, "");
    INT(QUEUES, row, MAX_OFFSET, end);
    INT(QUEUES, row, CONSUMER_OFFSET, committed);
    INT(QUEUES, row, LAG, end - committed);
    REAL(QUEUES, row, LAST_CONSUMED_AT, 1795257000.125);
}

static void add_broker(struct batch *b, const char *name, const char *address, bool is_up)
{
    uint32_t row = add(b, TABLE_BROKERS);

    TEXT(BROKERS, row, BROKER, name);
    TEXT(BROKERS, row, BROKER_ID, "0");
    TEXT(BROKERS, row, ADDRESS, address);
    INT(BROKERS, row, UP, is_up);
    if (is_up) {
        INT(BROKERS, row, BOOT_TIMESTAMP, SMALL_CLUSTER_TIME_MS - 90061000); /* 1d1h1m1s before */
        REAL(BROKERS, row, PUT_TPS_60, 12345.678);
        REAL(BROKERS, row, COMMIT_LOG_DISK_RATIO, 0.25);
    }
}

static void add_scrape(struct batch *b, const char *target, const char *error, const char *detail)
{
    uint32_t row = add(b, TABLE_SCRAPES);

    TEXT(SCRAPES, row, TARGET, target);
    TEXT(SCRAPES, row, KIND, "broker");
    INT(SCRAPES, row, OK, error == NULL);
    INT(SCRAPES, row, REQUESTS, 23);
    INT(SCRAPES, row, BYTES, 123456);
    REAL(SCRAPES, row, DURATION_MS, 12.5);
    TEXT(SCRAPES, row, ERROR, error);
    TEXT(SCRAPES, row, DETAIL, detail);
}

struct batch *small_cluster_at(int64_t time_ms, bool all_answer)
{
    struct batch *b = batch_new();

    *batch_info_edit(b) = (struct batch_info){ .time_ms = time_ms, .interval_ms = 60000, .complete = all_answer };
    add_group(b, "billing", 2, 0, 0, 0, true);
    add_group(b, "orders", 3, all_answer ? 5000 : 12345, 345, 2, all_answer);
    add_group(b, "订单", NO_INT, 1200, 0, 0, true);
    add_group(b, "bad\033[31m|name", 0, 7, 0, 0, true);
    add_backlog(b, "orders", "orders-new", "normal", 12000);
    add_backlog(b, "orders", "%RETRY%orders", "retry", 345);
    add_backlog(b, "billing", "bills", "normal", 0);
    add_backlog(b, "订单", "orders-new", "normal", 1200);
    add_queue(b, "10", SMALL_CLUSTER_BIG, SMALL_CLUSTER_BIG - 6000);
    add_queue(b, "2", 6000, 0);
    uint32_t topic = add(b, TABLE_TOPICS);
    TEXT(TOPICS, topic, BROKER, "broker-a");
    TEXT(TOPICS, topic, TOPIC, "orders-new");
    TEXT(TOPICS, topic, KIND, "normal");
    INT(TOPICS, topic, STORED, 12000);
    add_broker(b, "broker-a", "10.0.0.1:10911", true);
    add_broker(b, "broker-b", "10.0.0.2:10911", all_answer);
    add_scrape(b, "10.0.0.1:10911", NULL, NULL);
    if (all_answer)
        add_scrape(b, "10.0.0.2:10911", NULL, NULL);
    else
        add_scrape(b, "10.0.0.2:10911", "timeout", "c1/broker-b (10.0.0.2:10911): no answer within 3 s");
    batch_seal(b);
    return b;
}

struct batch *small_cluster(void)
{
    return small_cluster_at(SMALL_CLUSTER_TIME_MS, false);
}

struct batch *silent_cluster(void)
{
    struct batch *b = batch_new();

    *batch_info_edit(b) = (struct batch_info){ .time_ms = SMALL_CLUSTER_TIME_MS };
    add_scrape(b, "10.0.0.9:9876", "system", NULL);
    batch_seal(b);
    return b;
}
