/*
 * schema.h - the tables: what a measurement is made of. The one place that names tables, columns, units and meanings.
 *
 * A source fills tables; Redis, SQLite, `status`, JSON and CSV give them under these names; families (family.h) are made
 * from them. A column is a key (text), or a value: int64, double or text, and any value may be absent. Hidden columns
 * feed families only and are shown nowhere else; so are hidden tables.
 *
 * To add a column: one line below. Its position in the list is its index; names and meanings are interface, order is not.
 */
#ifndef AGENT_MODEL_SCHEMA_H
#define AGENT_MODEL_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column_kind { COLUMN_KEY, COLUMN_INT, COLUMN_REAL, COLUMN_TEXT };

struct column {
    const char *name;
    enum column_kind kind;
    bool hidden;
    const char *unit; /* "" where a unit means nothing */
    const char *help;
};

/* X(TABLE, ID, name, kind, hidden, unit, help) */
#define COMMON_KEYS(X, T) \
    X(T, SOURCE, source, KEY, 0, "", "name of the source section") \
    X(T, SYSTEM, system, KEY, 0, "", "kind of queue system: rocketmq, kafka, rabbitmq") \
    X(T, CLUSTER, cluster, KEY, 0, "", "cluster as the brokers name it")

#define BROKERS_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, BROKER, broker, KEY, 0, "", "broker name, shared by a master and its slaves") \
    X(T, BROKER_ID, broker_id, KEY, 0, "", "0 is the master") \
    X(T, ADDRESS, address, KEY, 0, "", "host:port the broker advertises") \
    X(T, VERSION, version, KEY, 0, "", "version the broker reports, as x.y.z") \
    X(T, UP, up, INT, 0, "", "1 if the broker answered in this interval, 0 if not") \
    X(T, BOOT_TIMESTAMP, boot_timestamp, INT, 0, "ms", "when the broker process started, Unix time") \
    X(T, START_ACCEPT_SEND_REQUEST_TIME_STAMP, start_accept_send_request_time_stamp, INT, 0, "ms", "from when sends are accepted; 0 is at once") \
    X(T, BROKER_ACTIVE, broker_active, INT, 0, "", "1 if the broker does a master's duties") \
    X(T, PUT_MESSAGE_TIMES_TOTAL, put_message_times_total, INT, 0, "messages", "messages stored since boot; the broker says 1 where it is 0") \
    X(T, PUT_MESSAGE_FAILED_TIMES, put_message_failed_times, INT, 0, "messages", "stores that failed since boot") \
    X(T, PUT_MESSAGE_SIZE_TOTAL, put_message_size_total, INT, 0, "bytes", "bytes stored since boot") \
    X(T, PUT_MESSAGE_AVERAGE_SIZE, put_message_average_size, REAL, 0, "bytes", "mean message size since boot") \
    X(T, PUT_MESSAGE_ENTIRE_TIME_MAX, put_message_entire_time_max, INT, 0, "ms", "slowest store since boot") \
    X(T, PUT_MESSAGE_DISTRIBUTE_TIME_0MS, put_message_distribute_time_0ms, INT, 0, "messages", "stores of the last full minute that took <= 0 ms") \
    X(T, PUT_MESSAGE_DISTRIBUTE_TIME_0TO10MS, put_message_distribute_time_0to10ms, INT, 0, "messages", "stores of the last full minute that took 0 to 10 ms") \
    X(T, PUT_MESSAGE_DISTRIBUTE_TIME_10TO50MS, put_message_distribute_time_10to50ms, INT, 0, "messages", "stores of the last full minute that took 10 to 50 ms") \
    X(T, PUT_MESSAGE_DISTRIBUTE_TIME_50TO100MS, put_message_distribute_time_50to100ms, INT, 0, "messages", "stores of the last full minute that took 50 to 100 ms") \
    X(T, PUT_MESSAGE_DISTRIBUTE_TIME_100TO200MS, put_message_distribute_time_100to200ms, INT, 0, "messages", "stores of the last full minute that took 100 to 200 ms") \
    X(T, PUT_MESSAGE_DISTRIBUTE_TIME_200TO500MS, put_message_distribute_time_200to500ms, INT, 0, "messages", "stores of the last full minute that took 200 to 500 ms") \
    X(T, PUT_MESSAGE_DISTRIBUTE_TIME_500MSTO1S, put_message_distribute_time_500msto1s, INT, 0, "messages", "stores of the last full minute that took 500 ms to 1 s") \
    X(T, PUT_MESSAGE_DISTRIBUTE_TIME_1TO2S, put_message_distribute_time_1to2s, INT, 0, "messages", "stores of the last full minute that took 1 to 2 s") \
    X(T, PUT_MESSAGE_DISTRIBUTE_TIME_2TO3S, put_message_distribute_time_2to3s, INT, 0, "messages", "stores of the last full minute that took 2 to 3 s") \
    X(T, PUT_MESSAGE_DISTRIBUTE_TIME_3TO4S, put_message_distribute_time_3to4s, INT, 0, "messages", "stores of the last full minute that took 3 to 4 s") \
    X(T, PUT_MESSAGE_DISTRIBUTE_TIME_4TO5S, put_message_distribute_time_4to5s, INT, 0, "messages", "stores of the last full minute that took 4 to 5 s") \
    X(T, PUT_MESSAGE_DISTRIBUTE_TIME_5TO10S, put_message_distribute_time_5to10s, INT, 0, "messages", "stores of the last full minute that took 5 to 10 s") \
    X(T, PUT_MESSAGE_DISTRIBUTE_TIME_10STOMORE, put_message_distribute_time_10stomore, INT, 0, "messages", "stores of the last full minute that took 10 s or more") \
    X(T, PUT_LATENCY_99, put_latency_99, REAL, 0, "ms", "99th percentile of the store time, last minute") \
    X(T, PUT_LATENCY_999, put_latency_999, REAL, 0, "ms", "99.9th percentile of the store time, last minute") \
    X(T, GET_MESSAGE_ENTIRE_TIME_MAX, get_message_entire_time_max, INT, 0, "ms", "slowest read since boot") \
    X(T, DISPATCH_MAX_BUFFER, dispatch_max_buffer, INT, 0, "bytes", "always 0 in practice; brokers never compute it") \
    X(T, PUT_TPS_10, put_tps_10, REAL, 0, "messages/s", "messages stored a second, last 10 s") \
    X(T, PUT_TPS_60, put_tps_60, REAL, 0, "messages/s", "messages stored a second, last 60 s") \
    X(T, PUT_TPS_600, put_tps_600, REAL, 0, "messages/s", "messages stored a second, last 600 s") \
    X(T, GET_FOUND_TPS_10, get_found_tps_10, REAL, 0, "requests/s", "pulls a second that found messages, last 10 s") \
    X(T, GET_FOUND_TPS_60, get_found_tps_60, REAL, 0, "requests/s", "pulls a second that found messages, last 60 s") \
    X(T, GET_FOUND_TPS_600, get_found_tps_600, REAL, 0, "requests/s", "pulls a second that found messages, last 600 s") \
    X(T, GET_MISS_TPS_10, get_miss_tps_10, REAL, 0, "requests/s", "pulls a second that found nothing, last 10 s") \
    X(T, GET_MISS_TPS_60, get_miss_tps_60, REAL, 0, "requests/s", "pulls a second that found nothing, last 60 s") \
    X(T, GET_MISS_TPS_600, get_miss_tps_600, REAL, 0, "requests/s", "pulls a second that found nothing, last 600 s") \
    X(T, GET_TRANSFERRED_TPS_10, get_transferred_tps_10, REAL, 0, "messages/s", "messages delivered a second, last 10 s") \
    X(T, GET_TRANSFERRED_TPS_60, get_transferred_tps_60, REAL, 0, "messages/s", "messages delivered a second, last 60 s") \
    X(T, GET_TRANSFERRED_TPS_600, get_transferred_tps_600, REAL, 0, "messages/s", "messages delivered a second, last 600 s") \
    X(T, GET_TOTAL_TPS_10, get_total_tps_10, REAL, 0, "requests/s", "pulls a second, last 10 s") \
    X(T, GET_TOTAL_TPS_60, get_total_tps_60, REAL, 0, "requests/s", "pulls a second, last 60 s") \
    X(T, GET_TOTAL_TPS_600, get_total_tps_600, REAL, 0, "requests/s", "pulls a second, last 600 s") \
    X(T, MSG_PUT_TOTAL_YESTERDAY_MORNING, msg_put_total_yesterday_morning, INT, 0, "messages", "stored since boot, as of yesterday 00:00 (broker time)") \
    X(T, MSG_PUT_TOTAL_TODAY_MORNING, msg_put_total_today_morning, INT, 0, "messages", "stored since boot, as of today 00:00 (broker time)") \
    X(T, MSG_PUT_TOTAL_TODAY_NOW, msg_put_total_today_now, INT, 0, "messages", "stored since boot, now") \
    X(T, MSG_GET_TOTAL_YESTERDAY_MORNING, msg_get_total_yesterday_morning, INT, 0, "messages", "delivered since boot, as of yesterday 00:00 (broker time)") \
    X(T, MSG_GET_TOTAL_TODAY_MORNING, msg_get_total_today_morning, INT, 0, "messages", "delivered since boot, as of today 00:00 (broker time)") \
    X(T, MSG_GET_TOTAL_TODAY_NOW, msg_get_total_today_now, INT, 0, "messages", "delivered since boot, now") \
    X(T, SEND_THREAD_POOL_QUEUE_SIZE, send_thread_pool_queue_size, INT, 0, "requests", "sends waiting") \
    X(T, SEND_THREAD_POOL_QUEUE_CAPACITY, send_thread_pool_queue_capacity, INT, 0, "requests", "sends that may wait") \
    X(T, SEND_THREAD_POOL_QUEUE_HEAD_WAIT_TIME_MILLS, send_thread_pool_queue_head_wait_time_mills, INT, 0, "ms", "how long the oldest waiting send has waited") \
    X(T, PULL_THREAD_POOL_QUEUE_SIZE, pull_thread_pool_queue_size, INT, 0, "requests", "pulls waiting") \
    X(T, PULL_THREAD_POOL_QUEUE_CAPACITY, pull_thread_pool_queue_capacity, INT, 0, "requests", "pulls that may wait") \
    X(T, PULL_THREAD_POOL_QUEUE_HEAD_WAIT_TIME_MILLS, pull_thread_pool_queue_head_wait_time_mills, INT, 0, "ms", "how long the oldest waiting pull has waited") \
    X(T, QUERY_THREAD_POOL_QUEUE_SIZE, query_thread_pool_queue_size, INT, 0, "requests", "queries waiting") \
    X(T, QUERY_THREAD_POOL_QUEUE_CAPACITY, query_thread_pool_queue_capacity, INT, 0, "requests", "queries that may wait") \
    X(T, QUERY_THREAD_POOL_QUEUE_HEAD_WAIT_TIME_MILLS, query_thread_pool_queue_head_wait_time_mills, INT, 0, "ms", "how long the oldest waiting query has waited") \
    X(T, LITE_PULL_THREAD_POOL_QUEUE_SIZE, lite_pull_thread_pool_queue_size, INT, 0, "requests", "lite pulls waiting") \
    X(T, LITE_PULL_THREAD_POOL_QUEUE_CAPACITY, lite_pull_thread_pool_queue_capacity, INT, 0, "requests", "lite pulls that may wait") \
    X(T, LITE_PULL_THREAD_POOL_QUEUE_HEAD_WAIT_TIME_MILLS, lite_pull_thread_pool_queue_head_wait_time_mills, INT, 0, "ms", "how long the oldest waiting lite pull has waited") \
    X(T, ACK_THREAD_POOL_QUEUE_SIZE, ack_thread_pool_queue_size, INT, 0, "requests", "acks waiting") \
    X(T, ACK_THREAD_POOL_QUEUE_CAPACITY, ack_thread_pool_queue_capacity, INT, 0, "requests", "acks that may wait") \
    X(T, ACK_THREAD_POOL_QUEUE_HEAD_WAIT_TIME_MILLS, ack_thread_pool_queue_head_wait_time_mills, INT, 0, "ms", "how long the oldest waiting ack has waited") \
    X(T, END_TRANSACTION_QUEUE_SIZE, end_transaction_queue_size, INT, 0, "requests", "transaction ends waiting") \
    X(T, END_TRANSACTION_THREAD_POOL_QUEUE_CAPACITY, end_transaction_thread_pool_queue_capacity, INT, 0, "requests", "transaction ends that may wait") \
    X(T, PAGE_CACHE_LOCK_TIME_MILLS, page_cache_lock_time_mills, INT, 0, "ms", "how long the commit-log lock has been held right now") \
    X(T, DISPATCH_BEHIND_BYTES, dispatch_behind_bytes, INT, 0, "bytes", "commit log not yet in the consume queues") \
    X(T, EARLIEST_MESSAGE_TIME_STAMP, earliest_message_time_stamp, INT, 0, "ms", "store time of the oldest message, Unix time; -1 is none") \
    X(T, COMMIT_LOG_MIN_OFFSET, commit_log_min_offset, INT, 0, "bytes", "start of the commit log; -1 is none") \
    X(T, COMMIT_LOG_MAX_OFFSET, commit_log_max_offset, INT, 0, "bytes", "end of the commit log") \
    X(T, COMMIT_LOG_DISK_RATIO, commit_log_disk_ratio, REAL, 0, "ratio", "used share of the commit log's partition; -1 is a missing path") \
    X(T, CONSUME_QUEUE_DISK_RATIO, consume_queue_disk_ratio, REAL, 0, "ratio", "used share of the consume queues' partition; -1 is a missing path") \
    X(T, COMMIT_LOG_DIR_CAPACITY_TOTAL, commit_log_dir_capacity_total, INT, 0, "bytes", "size of the store's partition, as rounded by the broker") \
    X(T, COMMIT_LOG_DIR_CAPACITY_FREE, commit_log_dir_capacity_free, INT, 0, "bytes", "free on the store's partition, as rounded by the broker") \
    X(T, REMAIN_TRANSIENT_STORE_BUFFER_NUMBS, remain_transient_store_buffer_numbs, INT, 0, "buffers", "free transient buffers; 2147483647 is no such pool") \
    X(T, REMAIN_HOW_MANY_DATA_TO_COMMIT, remain_how_many_data_to_commit, INT, 0, "bytes", "in the transient pool, not yet in the page cache") \
    X(T, REMAIN_HOW_MANY_DATA_TO_FLUSH, remain_how_many_data_to_flush, INT, 0, "bytes", "not yet synced to disk") \
    X(T, TIMER_READ_BEHIND, timer_read_behind, INT, 0, "s", "how far the timer wheel lags behind now") \
    X(T, TIMER_OFFSET_BEHIND, timer_offset_behind, INT, 0, "messages", "timer messages not yet on the wheel") \
    X(T, TIMER_CONGEST_NUM, timer_congest_num, INT, 0, "messages", "all messages on the wheel, POP check-points included") \
    X(T, TIMER_ENQUEUE_TPS, timer_enqueue_tps, REAL, 0, "messages/s", "onto the wheel") \
    X(T, TIMER_DEQUEUE_TPS, timer_dequeue_tps, REAL, 0, "messages/s", "off the wheel") \
    X(T, BROKER_VERSION, broker_version, TEXT, 1, "", "the broker's version as its ordinal") \
    X(T, BROKER_VERSION_DESC, broker_version_desc, TEXT, 1, "", "the broker's version as it spells it") \
    X(T, BOOT_TEXT, boot_text, TEXT, 1, "", "boot_timestamp as text") \
    X(T, BROKER_HOST, broker_host, TEXT, 1, "", "always empty, as in the official exporter") \
    X(T, PUT_RATE_MINUTE, put_rate_minute, REAL, 1, "messages/s", "messages stored a second, last minute") \
    X(T, GET_RATE_MINUTE, get_rate_minute, REAL, 1, "messages/s", "messages delivered a second, last minute") \
    X(T, REPLICATION_LAG, replication_lag, INT, 0, "bytes", "commit log of the master that this slave lacks") \
    X(T, HALF_MESSAGES, half_messages, INT, 0, "messages", "messages of transactions that are neither committed nor rolled back")

#define TOPICS_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, BROKER, broker, KEY, 0, "", "broker name") \
    X(T, TOPIC, topic, KEY, 0, "", "topic") \
    X(T, KIND, kind, KEY, 0, "", "normal retry dlq system delay") \
    X(T, QUEUES, queues, INT, 0, "queues", "queues on this broker") \
    X(T, MIN_OFFSET, min_offset, INT, 0, "messages", "sum of the queues' first offsets") \
    X(T, MAX_OFFSET, max_offset, INT, 0, "messages", "sum of the queues' next offsets") \
    X(T, STORED, stored, INT, 0, "messages", "messages in the store: max_offset - min_offset") \
    X(T, IN_RATE, in_rate, REAL, 0, "messages/s", "stored a second since the interval before") \
    X(T, IN_BYTES_RATE, in_bytes_rate, REAL, 0, "bytes/s", "bytes stored a second, last minute") \
    X(T, LAST_STORED_AT, last_stored_at, REAL, 0, "s", "store time of the newest message, Unix time (broker clock)") \
    X(T, IN_RATE_MINUTE, in_rate_minute, REAL, 1, "messages/s", "messages stored a second, last minute") \
    X(T, GROUP, group_name, TEXT, 1, "", "the group a retry or dlq topic belongs to")

#define BACKLOGS_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, CONSUMER_GROUP, consumer_group, KEY, 0, "", "consumer group") \
    X(T, TOPIC, topic, KEY, 0, "", "topic") \
    X(T, KIND, kind, KEY, 0, "", "normal retry dlq system delay") \
    X(T, LAG, lag, INT, 0, "messages", "messages that can still be consumed; never negative") \
    X(T, DIFF, diff, INT, 0, "messages", "end minus committed offset, raw as the Java tools print it") \
    X(T, INFLIGHT, inflight, INT, 0, "messages", "handed out, not yet committed; POP: what its clients have not acknowledged") \
    X(T, LOST, lost, INT, 0, "messages", "expired before they were consumed") \
    X(T, LAG_SECONDS, lag_seconds, REAL, 0, "s", "age of the oldest message not yet consumed") \
    X(T, LAG_SECONDS_LOW, lag_seconds_low, REAL, 0, "s", "it is at least that") \
    X(T, LAG_SECONDS_HIGH, lag_seconds_high, REAL, 0, "s", "it is at most that") \
    X(T, LAG_SECONDS_SOURCE, lag_seconds_source, TEXT, 0, "", "where it is from: idle (nothing waits), broker (303), history (our samples of the ends)") \
    X(T, OUT_RATE, out_rate, REAL, 0, "messages/s", "consumed a second since the interval before") \
    X(T, OUT_BYTES_RATE, out_bytes_rate, REAL, 0, "bytes/s", "bytes delivered a second, last minute") \
    X(T, SEND_BACK, send_back, INT, 0, "messages", "sent back for retry in the last minute") \
    X(T, DRAIN_SECONDS, drain_seconds, REAL, 0, "s", "time until the backlog is gone at the present rates") \
    X(T, VERDICT, verdict, INT, 0, "", "number of the verdict") \
    X(T, COMPLETE, complete, INT, 0, "", "0: a part is missing and the sums are lower bounds") \
    X(T, ONLINE, online, TEXT, 1, "", "clients of the group, as text") \
    X(T, MODEL_NUMBER, model_number, TEXT, 1, "", "message model as its number: 0 broadcasting, 1 clustering")

#define GROUPS_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, CONSUMER_GROUP, consumer_group, KEY, 0, "", "consumer group") \
    X(T, MODEL, model, KEY, 0, "", "clustering broadcasting unknown") \
    X(T, TYPE, type, KEY, 0, "", "push pull pop unknown") \
    X(T, MEMBERS, members, INT, 0, "clients", "clients online") \
    X(T, LAG, lag, INT, 0, "messages", "sum over the group's topics, retries included") \
    X(T, RETRY_LAG, retry_lag, INT, 0, "messages", "of it in retry topics") \
    X(T, DLQ, dlq, INT, 0, "messages", "dead letters in the store") \
    X(T, LAG_SECONDS, lag_seconds, REAL, 0, "s", "age of the oldest message not yet consumed") \
    X(T, VERDICT, verdict, INT, 0, "", "number of the verdict") \
    X(T, COMPLETE, complete, INT, 0, "", "0: a part is missing and the sums are lower bounds") \
    X(T, SUBSCRIPTIONS, subscriptions, INT, 0, "", "different subscriptions among its clients; more than 1 is a mistake") \
    X(T, CLIENT_ADDRS, client_addrs, TEXT, 1, "", "socket addresses of the clients, joined by commas") \
    X(T, CLIENT_IDS, client_ids, TEXT, 1, "", "client ids, joined by commas")

#define QUEUES_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, CONSUMER_GROUP, consumer_group, KEY, 0, "", "consumer group") \
    X(T, TOPIC, topic, KEY, 0, "", "topic") \
    X(T, BROKER, broker, KEY, 0, "", "broker name") \
    X(T, QUEUE, queue, KEY, 0, "", "queue number") \
    X(T, CLIENT, client, KEY, 0, "", "client that owns the queue; empty if unknown") \
    X(T, MIN_OFFSET, min_offset, INT, 0, "messages", "first offset in the store") \
    X(T, MAX_OFFSET, max_offset, INT, 0, "messages", "next offset to be written") \
    X(T, CONSUMER_OFFSET, consumer_offset, INT, 0, "messages", "committed offset; absent if none was committed") \
    X(T, LAG, lag, INT, 0, "messages", "messages that can still be consumed; never negative") \
    X(T, INFLIGHT, inflight, INT, 0, "messages", "handed out, not yet committed") \
    X(T, LAST_CONSUMED_AT, last_consumed_at, REAL, 0, "s", "store time of the last message consumed, Unix time (broker clock)") \
    X(T, STATE, state, TEXT, 1, "", "no_offset, beyond_end, lost or empty") \
    X(T, DIFF, diff, INT, 1, "messages", "end minus committed offset, raw as the Java tools print it") \
    X(T, CLIENT_IP, client_ip, TEXT, 1, "", "address in the client id of the owner") \
    X(T, CLIENT_PID, client_pid, TEXT, 1, "", "process id in the client id of the owner")

/* A group's part on one broker: what the official names with a broker label need. Families only. */
#define SHARES_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, CONSUMER_GROUP, consumer_group, KEY, 0, "", "consumer group") \
    X(T, TOPIC, topic, KEY, 0, "", "topic") \
    X(T, BROKER, broker, KEY, 0, "", "broker name") \
    X(T, KIND, kind, KEY, 0, "", "normal retry dlq system delay") \
    X(T, CONSUMER_OFFSET, consumer_offset, INT, 0, "messages", "sum of committed offsets; a queue without one counts 0") \
    X(T, OUT_RATE, out_rate, REAL, 0, "messages/s", "consumed a second since the interval before") \
    X(T, OUT_RATE_MINUTE, out_rate_minute, REAL, 0, "messages/s", "consumed a second, last minute") \
    X(T, OUT_BYTES_RATE, out_bytes_rate, REAL, 0, "bytes/s", "bytes delivered a second, last minute") \
    X(T, SEND_BACK, send_back, INT, 0, "messages", "sent back for retry in the last minute") \
    X(T, LATENCY_MS, latency_ms, INT, 0, "ms", "age of the oldest message not yet consumed") \
    X(T, COMPLETE, complete, INT, 0, "", "0: a queue of this broker is missing")


#define CLIENTS_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, CONSUMER_GROUP, consumer_group, KEY, 0, "", "consumer group") \
    X(T, CLIENT, client, KEY, 0, "", "client id") \
    X(T, IP, ip, KEY, 0, "", "address the broker sees") \
    X(T, PID, pid, KEY, 0, "", "process id, where the client id tells") \
    X(T, VERSION, version, KEY, 0, "", "client version, as x.y.z") \
    X(T, LANGUAGE, language, KEY, 0, "", "client language") \
    X(T, QUEUES, queues, INT, 0, "queues", "queues the client owns") \
    X(T, LAG, lag, INT, 0, "messages", "lag of these queues") \
    X(T, CONSUME_RT_MS, consume_rt_ms, REAL, 0, "ms", "mean time to consume a message") \
    X(T, OK_RATE, ok_rate, REAL, 0, "messages/s", "consumed with success") \
    X(T, FAILED_RATE, failed_rate, REAL, 0, "messages/s", "consumed with failure") \
    X(T, PULL_RT_MS, pull_rt_ms, REAL, 0, "ms", "mean time of a pull") \
    X(T, PULL_RATE, pull_rate, REAL, 0, "messages/s", "pulled") \
    X(T, POP_INFLIGHT, pop_inflight, INT, 0, "messages", "POP: handed out and not yet acknowledged")

/* What a client says of its work on a topic. Families only. */
#define CLIENT_TOPICS_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, CONSUMER_GROUP, consumer_group, KEY, 0, "", "consumer group") \
    X(T, CLIENT, client, KEY, 0, "", "client id") \
    X(T, ADDRESS, address, KEY, 0, "", "host:port of the client's socket, as the broker sees it") \
    X(T, TOPIC, topic, KEY, 0, "", "topic") \
    X(T, FAILED, failed, INT, 0, "messages", "consumed with failure in the last hour") \
    X(T, FAILED_RATE, failed_rate, REAL, 0, "messages/s", "consumed with failure") \
    X(T, OK_RATE, ok_rate, REAL, 0, "messages/s", "consumed with success") \
    X(T, CONSUME_RT_MS, consume_rt_ms, REAL, 0, "ms", "mean time to consume a message") \
    X(T, PULL_RT_MS, pull_rt_ms, REAL, 0, "ms", "mean time of a pull") \
    X(T, PULL_RATE, pull_rate, REAL, 0, "messages/s", "pulled")

/* Sums of diff over queues, one row per sum; `sum` says over what, and keys that do not belong to it are empty. Families only. */
#define DIFF_SUMS_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, SUM, sum, KEY, 0, "", "topic group topic_group broker queue client") \
    X(T, TOPIC, topic, KEY, 0, "", "topic") \
    X(T, CONSUMER_GROUP, consumer_group, KEY, 0, "", "consumer group") \
    X(T, BROKER, broker, KEY, 0, "", "broker name") \
    X(T, QUEUE, queue, KEY, 0, "", "queue number") \
    X(T, CLIENT_IP, client_ip, KEY, 0, "", "address in the client id of the owner") \
    X(T, CLIENT_PID, client_pid, KEY, 0, "", "process id in the client id of the owner") \
    X(T, DIFF, diff, INT, 0, "messages", "sum of end minus committed offset") \
    X(T, COMPLETE, complete, INT, 0, "", "0: a queue is missing")

/* Messages that wait for their delay level. Families only. */
#define DELAYS_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, BROKER, broker, KEY, 0, "", "broker name") \
    X(T, LEVEL, level, KEY, 0, "", "delay level, from 1") \
    X(T, PENDING, pending, INT, 0, "messages", "stored and not yet delivered")

/* What a name server says of the cluster, against the others. Families only. */
#define NAMESERVERS_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, TARGET, target, KEY, 0, "", "host:port asked") \
    X(T, BROKERS, brokers, INT, 0, "brokers", "broker processes it lists") \
    X(T, AGREES, agrees, INT, 0, "", "1 if it lists what all name servers together list")

#define PRODUCERS_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, PRODUCER_GROUP, producer_group, KEY, 0, "", "producer group") \
    X(T, BROKER, broker, KEY, 0, "", "broker name") \
    X(T, CLIENTS, clients, INT, 0, "clients", "producers connected to this broker")

#define SCRAPES_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, TARGET, target, KEY, 0, "", "host:port asked") \
    X(T, KIND, kind, KEY, 0, "", "addressserver nameserver broker client") \
    X(T, OK, ok, INT, 0, "", "1 if every request was answered") \
    X(T, REQUESTS, requests, INT, 0, "requests", "requests sent in this interval") \
    X(T, FAILED, failed, INT, 0, "requests", "without a good answer; one that is forbidden counts also while it is not repeated") \
    X(T, BYTES, bytes, INT, 0, "bytes", "received") \
    X(T, DURATION_MS, duration_ms, REAL, 0, "ms", "from the first request to the last answer") \
    X(T, ERROR, error, TEXT, 0, "", "kind of the first error: system timeout closed protocol refused forbidden busy limit") \
    X(T, DETAIL, detail, TEXT, 1, "", "the first error in words")

/* Requests by code since the agent started. Families only. */
#define REQUESTS_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, TARGET, target, KEY, 0, "", "host:port asked") \
    X(T, CODE, code, KEY, 0, "", "request code") \
    X(T, TOTAL, total, INT, 0, "requests", "requests sent since the agent started") \
    X(T, IN_INTERVAL, in_interval, INT, 0, "requests", "of them in this interval")

#define AGENT_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, PART, part, KEY, 0, "", "collect, spool or a sink's name") \
    X(T, UP, up, INT, 0, "", "1 if the newest collection or delivery succeeded") \
    X(T, INTERVAL_SECONDS, interval_seconds, REAL, 0, "s", "configured interval") \
    X(T, LAST_TIMESTAMP_SECONDS, last_timestamp_seconds, REAL, 0, "s", "wall time of the newest collection or delivery") \
    X(T, DURATION_SECONDS, duration_seconds, REAL, 0, "s", "how long it took") \
    X(T, COMPLETE, complete, INT, 0, "", "1 if every target answered every request") \
    X(T, RECEIVED_BYTES_TOTAL, received_bytes_total, INT, 0, "bytes", "received from targets since the agent started") \
    X(T, SERIES, series, INT, 0, "series", "series or rows in the newest delivery") \
    X(T, DELIVERED_TOTAL, delivered_total, INT, 0, "batches", "delivered since the agent started") \
    X(T, RETRIED_TOTAL, retried_total, INT, 0, "attempts", "attempts that may succeed later") \
    X(T, REJECTED_TOTAL, rejected_total, INT, 0, "batches", "refused for good") \
    X(T, DROPPED_TOTAL, dropped_total, INT, 0, "batches", "given up or overtaken by a newer one") \
    X(T, DELAY_SECONDS, delay_seconds, REAL, 0, "s", "age of the oldest undelivered batch") \
    X(T, MISSED_TICKS_TOTAL, missed_ticks_total, INT, 0, "intervals", "intervals that were skipped because the one before took too long") \
    X(T, RESIDENT_BYTES, resident_bytes, INT, 0, "bytes", "resident memory of the agent") \
    X(T, CPU_SECONDS_TOTAL, cpu_seconds_total, REAL, 0, "s", "CPU time of the agent") \
    X(T, SPOOL_BYTES, spool_bytes, INT, 0, "bytes", "intervals on disk that some sink has not taken") \
    X(T, VERSION, version, TEXT, 1, "", "version of the agent")

/* Deliveries of each sink by result, and what was dropped by reason. Families only. */
#define DELIVERIES_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, PART, part, KEY, 0, "", "a sink's name") \
    X(T, RESULT, result, KEY, 0, "", "ok retry reject") \
    X(T, TOTAL, total, INT, 0, "batches", "deliveries since the agent started")

#define DROPS_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, PART, part, KEY, 0, "", "a sink's name") \
    X(T, REASON, reason, KEY, 0, "", "overtaken overflow series; with a state directory spool_full too_old damaged") \
    X(T, TOTAL, total, INT, 0, "", "batches, or for reason series samples, since the agent started")

/* X(TABLE, name, hidden, help): every table, in the order in which they are shown. */

/* What `status sinks` shows of a running agent; never part of an interval. */
#define SINKS_COLUMNS(X, T) \
    COMMON_KEYS(X, T) \
    X(T, SINK, sink, KEY, 0, "", "a sink's name") \
    X(T, KIND, kind, TEXT, 0, "", "its type") \
    X(T, UP, up, INT, 0, "", "1 if the newest attempt succeeded") \
    X(T, LAST_TIMESTAMP_SECONDS, last_timestamp_seconds, REAL, 0, "s", "wall time of the newest delivery") \
    X(T, DELAY_SECONDS, delay_seconds, REAL, 0, "s", "age of the oldest undelivered interval") \
    X(T, WAITING, waiting, INT, 0, "batches", "intervals in the spool that it has not taken") \
    X(T, SERIES, series, INT, 0, "series", "series or rows in the newest delivery") \
    X(T, BYTES, bytes, INT, 0, "bytes", "bytes of the newest delivery") \
    X(T, DELIVERED_TOTAL, delivered_total, INT, 0, "batches", "delivered since the agent started") \
    X(T, RETRIED_TOTAL, retried_total, INT, 0, "attempts", "attempts that may succeed later") \
    X(T, REJECTED_TOTAL, rejected_total, INT, 0, "batches", "refused for good") \
    X(T, DROPPED_TOTAL, dropped_total, INT, 0, "batches", "given up or overtaken by a newer one") \
    X(T, DROPS, drops, TEXT, 0, "", "what was dropped, by reason") \
    X(T, RESTS_TOTAL, rests_total, INT, 0, "", "times it was left alone after failures in a row") \
    X(T, ERROR, error, TEXT, 0, "", "the newest error since the agent started") \
    X(T, ERROR_TIMESTAMP_SECONDS, error_timestamp_seconds, REAL, 0, "s", "wall time of it")

#define TABLES(X) \
    X(GROUPS, groups, 0, "one row per consumer group") \
    X(BACKLOGS, backlogs, 0, "one row per consumer group and topic") \
    X(TOPICS, topics, 0, "one row per topic and broker") \
    X(QUEUES, queues, 0, "one row per consumer group and queue") \
    X(CLIENTS, clients, 0, "one row per client of a consumer group") \
    X(PRODUCERS, producers, 0, "one row per producer group and broker") \
    X(BROKERS, brokers, 0, "one row per broker process") \
    X(SCRAPES, scrapes, 0, "one row per target asked") \
    X(AGENT, agent, 0, "one row per part of the agent") \
    X(SHARES, shares, 1, "one row per consumer group, topic and broker") \
    X(CLIENT_TOPICS, client_topics, 1, "one row per client of a consumer group and topic") \
    X(DIFF_SUMS, diff_sums, 1, "one row per sum of diff") \
    X(DELAYS, delays, 1, "one row per broker and delay level") \
    X(NAMESERVERS, nameservers, 1, "one row per name server") \
    X(REQUESTS, requests, 1, "one row per target and request code") \
    X(DELIVERIES, deliveries, 1, "one row per sink and result") \
    X(DROPS, drops, 1, "one row per sink and reason") \
    X(SINKS, sinks, 1, "one row per sink of the agent")

enum table_id {
#define SCHEMA_X(T, name, hidden, help) TABLE_##T,
    TABLES(SCHEMA_X)
#undef SCHEMA_X
    TABLE_COUNT
};

#define SCHEMA_X(T, ID, name, kind, hidden, unit, help) T##_##ID,
enum { GROUPS_COLUMNS(SCHEMA_X, GROUPS) GROUPS_COLUMN_COUNT };
enum { BACKLOGS_COLUMNS(SCHEMA_X, BACKLOGS) BACKLOGS_COLUMN_COUNT };
enum { TOPICS_COLUMNS(SCHEMA_X, TOPICS) TOPICS_COLUMN_COUNT };
enum { QUEUES_COLUMNS(SCHEMA_X, QUEUES) QUEUES_COLUMN_COUNT };
enum { CLIENTS_COLUMNS(SCHEMA_X, CLIENTS) CLIENTS_COLUMN_COUNT };
enum { PRODUCERS_COLUMNS(SCHEMA_X, PRODUCERS) PRODUCERS_COLUMN_COUNT };
enum { BROKERS_COLUMNS(SCHEMA_X, BROKERS) BROKERS_COLUMN_COUNT };
enum { SCRAPES_COLUMNS(SCHEMA_X, SCRAPES) SCRAPES_COLUMN_COUNT };
enum { AGENT_COLUMNS(SCHEMA_X, AGENT) AGENT_COLUMN_COUNT };
enum { SHARES_COLUMNS(SCHEMA_X, SHARES) SHARES_COLUMN_COUNT };
enum { CLIENT_TOPICS_COLUMNS(SCHEMA_X, CLIENT_TOPICS) CLIENT_TOPICS_COLUMN_COUNT };
enum { DIFF_SUMS_COLUMNS(SCHEMA_X, DIFF_SUMS) DIFF_SUMS_COLUMN_COUNT };
enum { DELAYS_COLUMNS(SCHEMA_X, DELAYS) DELAYS_COLUMN_COUNT };
enum { NAMESERVERS_COLUMNS(SCHEMA_X, NAMESERVERS) NAMESERVERS_COLUMN_COUNT };
enum { REQUESTS_COLUMNS(SCHEMA_X, REQUESTS) REQUESTS_COLUMN_COUNT };
enum { DELIVERIES_COLUMNS(SCHEMA_X, DELIVERIES) DELIVERIES_COLUMN_COUNT };
enum { DROPS_COLUMNS(SCHEMA_X, DROPS) DROPS_COLUMN_COUNT };
enum { SINKS_COLUMNS(SCHEMA_X, SINKS) SINKS_COLUMN_COUNT };
#undef SCHEMA_X

/* Every table begins with these three keys. */
enum { KEY_SOURCE, KEY_SYSTEM, KEY_CLUSTER };

#define SCHEMA_COLUMNS_MAX 128

struct table {
    const char *name;
    const char *help;
    const struct column *columns; /* keys first */
    unsigned column_count;
    unsigned key_count;
    bool hidden;
};

extern const struct table schema_tables[TABLE_COUNT];

/* The table of that name, or -1. */
int schema_find_table(const char *name);
/* The column of that name in a table, or -1. */
int schema_find_column(const struct table *table, const char *name);

#endif
