/*
 * family_table.c - every metric name, once.
 *
 * First the names of the official RocketMQ exporter, with its labels and meaning (a difference on purpose stands in
 * `differs`), then our own mq_* (unit in the name, the same for every kind of queue system), then mqpush_* about the agent.
 * To add one: a line here; HELP, TYPE, the reference and every sink follow.
 */
#include "agent/model/family.h"

#include <string.h>

static bool has_text(const struct batch *b, enum table_id t, uint32_t row, unsigned column, const char *text)
{
    const char *cell = batch_text(b, t, row, column);

    return cell != NULL && strcmp(cell, text) == 0;
}

/* Runtime names: masters that told their runtime table. A slave would double sums over brokers. */
static bool is_master_with_runtime(const struct batch *b, uint32_t row)
{
    return has_text(b, TABLE_BROKERS, row, BROKERS_BROKER_ID, "0") &&
           batch_text_id(b, TABLE_BROKERS, row, BROKERS_BROKER_VERSION_DESC) != 0;
}

static bool is_retry_topic(const struct batch *b, uint32_t row)
{
    return has_text(b, TABLE_TOPICS, row, TOPICS_KIND, "retry");
}

static bool is_dlq_topic(const struct batch *b, uint32_t row)
{
    return has_text(b, TABLE_TOPICS, row, TOPICS_KIND, "dlq");
}

static bool is_plain_topic(const struct batch *b, uint32_t row)
{
    return !is_retry_topic(b, row) && !is_dlq_topic(b, row);
}

/* The official exporter leaves broadcast groups out: their offsets are with the clients. */
static bool is_clustering(const struct batch *b, uint32_t row)
{
    return !has_text(b, TABLE_BACKLOGS, row, BACKLOGS_MODEL_NUMBER, "0");
}

static bool is_retry_backlog(const struct batch *b, uint32_t row)
{
    return has_text(b, TABLE_BACKLOGS, row, BACKLOGS_KIND, "retry") && is_clustering(b, row);
}

static bool is_dlq_backlog(const struct batch *b, uint32_t row)
{
    return has_text(b, TABLE_BACKLOGS, row, BACKLOGS_KIND, "dlq");
}

static bool is_plain_backlog(const struct batch *b, uint32_t row)
{
    return !has_text(b, TABLE_BACKLOGS, row, BACKLOGS_KIND, "retry") && !is_dlq_backlog(b, row) && is_clustering(b, row);
}

static bool is_any_backlog_but_dlq(const struct batch *b, uint32_t row)
{
    return !is_dlq_backlog(b, row);
}

static bool is_share_but_dlq(const struct batch *b, uint32_t row)
{
    return !has_text(b, TABLE_SHARES, row, SHARES_KIND, "dlq");
}

static bool is_rated_share(const struct batch *b, uint32_t row)
{
    return has_text(b, TABLE_SHARES, row, SHARES_KIND, "normal") || has_text(b, TABLE_SHARES, row, SHARES_KIND, "system") ||
           has_text(b, TABLE_SHARES, row, SHARES_KIND, "delay");
}

static bool is_broadcast_backlog(const struct batch *b, uint32_t row)
{
    return !is_clustering(b, row);
}

static bool is_plain_queue(const struct batch *b, uint32_t row)
{
    const char *topic = batch_text(b, TABLE_QUEUES, row, QUEUES_TOPIC);

    return topic != NULL && strncmp(topic, "%RETRY%", 7) != 0 && strncmp(topic, "%DLQ%", 5) != 0;
}

#define DIFF_SUM(sum_) \
    static bool is_sum_of_##sum_(const struct batch *b, uint32_t row) \
    { \
        return has_text(b, TABLE_DIFF_SUMS, row, DIFF_SUMS_SUM, #sum_); \
    }
DIFF_SUM(topic)
DIFF_SUM(group)
DIFF_SUM(topic_group)
DIFF_SUM(broker)
DIFF_SUM(queue)
DIFF_SUM(client)

static bool is_collect(const struct batch *b, uint32_t row)
{
    return has_text(b, TABLE_AGENT, row, AGENT_PART, "collect");
}

static bool is_spool(const struct batch *b, uint32_t row)
{
    return has_text(b, TABLE_AGENT, row, AGENT_PART, "spool");
}

static bool is_sink(const struct batch *b, uint32_t row)
{
    return !is_collect(b, row) && !is_spool(b, row);
}

#define RUNTIME(name_, column_, key_, differs_) RUNTIME_VALUE(name_, column_, key_, differs_, false)
/* Windows that the broker fills as time goes by; before that it prints nothing. A dashboard adds several of them up. */
#define RUNTIME_WINDOW(name_, column_, key_) RUNTIME_VALUE(name_, column_, key_, "0 until the broker has filled the window", true)

#define RUNTIME_VALUE(name_, column_, key_, differs_, blank_is_zero_) \
    { .name = "rocketmq_brokeruntime_" #name_, .type = FAMILY_GAUGE, .unit = "", .help = "Broker runtime value " key_, \
      .formula = "28: " key_, .differs = (differs_), .table = TABLE_BROKERS, .column = BROKERS_##column_, \
      .applies = is_master_with_runtime, .blank_is_zero = (blank_is_zero_), \
      .labels = { { "cluster", BROKERS_CLUSTER }, { "brokerIP", BROKERS_ADDRESS }, { "brokerHost", BROKERS_BROKER_HOST }, \
                  { "des", BROKERS_BROKER_VERSION_DESC }, { "boottime", BROKERS_BOOT_TEXT }, \
                  { "broker_version", BROKERS_BROKER_VERSION } } }

#define BROKER_RATE(name_, column_, stat_, help_) \
    { .name = "rocketmq_broker_" #name_, .type = FAMILY_GAUGE, .unit = "", .help = (help_), \
      .formula = "315: statsMinute.tps of " stat_ " of the cluster; 0 without asking where nothing moved in the last minute", \
      .differs = "0 instead of nothing where the broker has no such figure yet", .table = TABLE_BROKERS, .column = BROKERS_##column_, \
      .labels = { { "cluster", BROKERS_CLUSTER }, { "brokerIP", BROKERS_ADDRESS }, { "broker", BROKERS_BROKER } } }

#define TOPIC_RATE(name_, column_, formula_, help_) \
    { .name = "rocketmq_producer_" #name_, .type = FAMILY_GAUGE, .unit = "", .help = (help_), .formula = (formula_), \
      .differs = "0 for an idle topic, where the official exporter has no sample", .table = TABLE_TOPICS, .column = TOPICS_##column_, \
      .detail = 1, .applies = is_plain_topic, \
      .labels = { { "cluster", TOPICS_CLUSTER }, { "broker", TOPICS_BROKER }, { "topic", TOPICS_TOPIC } } }

/* A group's part on a broker, as the official names with a broker label have it. */
#define SHARE(name_, column_, applies_, formula_, differs_, help_) \
    { .name = "rocketmq_" #name_, .type = FAMILY_GAUGE, .unit = "", .help = (help_), .formula = (formula_), .differs = (differs_), \
      .table = TABLE_SHARES, .column = SHARES_##column_, .only_complete = true, .detail = 1, .applies = (applies_), \
      .labels = { { "cluster", SHARES_CLUSTER }, { "broker", SHARES_BROKER }, { "topic", SHARES_TOPIC }, \
                  { "group", SHARES_CONSUMER_GROUP } } }

#define CLIENT_TOPIC(name_, column_, field_, help_) \
    { .name = "rocketmq_client_" #name_, .type = FAMILY_GAUGE, .unit = "", .help = (help_), .formula = "307: statusTable." field_, \
      .table = TABLE_CLIENT_TOPICS, .column = CLIENT_TOPICS_##column_, .detail = 2, \
      .labels = { { "clientAddr", CLIENT_TOPICS_ADDRESS }, { "clientId", CLIENT_TOPICS_CLIENT }, \
                  { "group", CLIENT_TOPICS_CONSUMER_GROUP }, { "topic", CLIENT_TOPICS_TOPIC } } }

/* The names of the exporter that asks a console over HTTP; its retry and dead letter topics always failed. */
#define MSG_DIFF(name_, applies_, detail_, differs_, help_, ...) \
    { .name = "rocketmq_msg_diff_" #name_, .type = FAMILY_GAUGE, .unit = "", .help = (help_), \
      .formula = "sum of maxOffset - consumerOffset (208 or 202, 43), retry and dead letter topics left out", .differs = (differs_), \
      .table = TABLE_DIFF_SUMS, .column = DIFF_SUMS_DIFF, .only_complete = true, .detail = (detail_), .applies = (applies_), \
      .labels = { __VA_ARGS__ } }

#define MQ_BROKER(name_, unit_, column_, formula_, help_) \
    { .name = "mq_broker_" #name_, .type = FAMILY_GAUGE, .unit = (unit_), .help = (help_), .formula = (formula_), \
      .table = TABLE_BROKERS, .column = BROKERS_##column_, \
      .labels = { OUR_KEYS(BROKERS), { "broker", BROKERS_BROKER }, { "broker_id", BROKERS_BROKER_ID }, \
                  { "address", BROKERS_ADDRESS } } }

#define MQ_CLIENT(name_, unit_, column_, formula_, help_) \
    { .name = "mq_client_" #name_, .type = FAMILY_GAUGE, .unit = (unit_), .help = (help_), .formula = (formula_), \
      .table = TABLE_CLIENTS, .column = CLIENTS_##column_, .detail = 2, \
      .labels = { OUR_KEYS(CLIENTS), { "group", CLIENTS_CONSUMER_GROUP }, { "client", CLIENTS_CLIENT }, { "ip", CLIENTS_IP } } }

#define GROUP_TOPIC_LABELS \
    { "group", BACKLOGS_CONSUMER_GROUP }, { "topic", BACKLOGS_TOPIC }, { "countOfOnlineConsumers", BACKLOGS_ONLINE }, \
    { "msgModel", BACKLOGS_MODEL_NUMBER }

#define OUR_KEYS(T) { "source", T##_SOURCE }, { "system", T##_SYSTEM }, { "cluster", T##_CLUSTER }

/* Columns of the backlogs table under mq_group_*. */
#define MQ_GROUP(name_, unit_, column_, only_complete_, help_) \
    { .name = "mq_group_" #name_, .type = FAMILY_GAUGE, .unit = (unit_), .help = (help_), \
      .table = TABLE_BACKLOGS, .column = BACKLOGS_##column_, .only_complete = (only_complete_), .detail = 2, \
      .applies = is_any_backlog_but_dlq, \
      .labels = { OUR_KEYS(BACKLOGS), { "group", BACKLOGS_CONSUMER_GROUP }, { "topic", BACKLOGS_TOPIC } } }

#define MQ_TOPIC(name_, unit_, column_, help_) \
    { .name = "mq_topic_" #name_, .type = FAMILY_GAUGE, .unit = (unit_), .help = (help_), \
      .table = TABLE_TOPICS, .column = TOPICS_##column_, .detail = 2, \
      .labels = { OUR_KEYS(TOPICS), { "broker", TOPICS_BROKER }, { "topic", TOPICS_TOPIC } } }

#define MQ_MEMBER(name_, unit_, column_, only_complete_, help_) \
    { .name = "mq_consumer_group_" #name_, .type = FAMILY_GAUGE, .unit = (unit_), .help = (help_), \
      \
      .table = TABLE_GROUPS, .column = GROUPS_##column_, .only_complete = (only_complete_), .detail = 1, \
      .labels = { OUR_KEYS(GROUPS), { "group", GROUPS_CONSUMER_GROUP } } }

#define MQ_SCRAPE(name_, unit_, column_, help_) \
    { .name = "mq_scrape_" #name_, .type = FAMILY_GAUGE, .unit = (unit_), .help = (help_), \
      .table = TABLE_SCRAPES, .column = SCRAPES_##column_, \
      .labels = { OUR_KEYS(SCRAPES), { "target", SCRAPES_TARGET }, { "kind", SCRAPES_KIND } } }

#define AGENT(name_, type_, unit_, column_, applies_, label_, help_) \
    { .name = "mqpush_" #name_, .type = (type_), .unit = (unit_), .help = (help_), \
      .table = TABLE_AGENT, .column = AGENT_##column_, .applies = (applies_), .labels = { label_ } }
#define NO_LABEL { NULL, 0 }
#define SINK_LABEL { "sink", AGENT_PART }

const struct family families[] = {
    { .name = "rocketmq_producer_offset", .type = FAMILY_GAUGE, .unit = "",
      .help = "Sum of the end offsets of a topic on a broker",
      .formula = "sum over queues of maxOffset (208 with topicList, else 202)",
      .differs = "cluster is the broker's own, not the first one found",
      .table = TABLE_TOPICS, .column = TOPICS_MAX_OFFSET, .detail = 1, .applies = is_plain_topic,
      .labels = { { "cluster", TOPICS_CLUSTER }, { "broker", TOPICS_BROKER }, { "topic", TOPICS_TOPIC } } },
    { .name = "rocketmq_topic_retry_offset", .type = FAMILY_GAUGE, .unit = "",
      .help = "Sum of the end offsets of a retry topic on a broker",
      .formula = "as rocketmq_producer_offset, topics %RETRY%*",
      .differs = "cluster is the broker's own, not the first one found",
      .table = TABLE_TOPICS, .column = TOPICS_MAX_OFFSET, .detail = 1, .applies = is_retry_topic,
      .labels = { { "cluster", TOPICS_CLUSTER }, { "broker", TOPICS_BROKER }, { "topic", TOPICS_TOPIC } } },
    { .name = "rocketmq_topic_dlq_offset", .type = FAMILY_GAUGE, .unit = "",
      .help = "Sum of the end offsets of a dead-letter topic on a broker",
      .formula = "as rocketmq_producer_offset, topics %DLQ%*", .differs = "cluster is the broker's own, not the first one found",
      .table = TABLE_TOPICS, .column = TOPICS_MAX_OFFSET, .detail = 1, .applies = is_dlq_topic,
      .labels = { { "cluster", TOPICS_CLUSTER }, { "broker", TOPICS_BROKER }, { "group", TOPICS_GROUP } } },
    { .name = "rocketmq_consumer_offset", .type = FAMILY_GAUGE, .unit = "",
      .help = "Sum of the committed offsets of a group on a topic and broker",
      .formula = "sum over queues of the offset in 43, 0 where there is none",
      .differs = "cluster is the broker's own, not the first one found",
      .table = TABLE_SHARES, .column = SHARES_CONSUMER_OFFSET, .only_complete = true, .detail = 1, .applies = is_share_but_dlq,
      .labels = { { "cluster", SHARES_CLUSTER }, { "broker", SHARES_BROKER }, { "topic", SHARES_TOPIC },
                  { "group", SHARES_CONSUMER_GROUP } } },
    SHARE(group_consume_total_offset, CONSUMER_OFFSET, is_share_but_dlq, "as rocketmq_consumer_offset",
          "has samples; the official exporter declares the name and never fills it",
          "Sum of the committed offsets of a group on a topic and broker"),
    TOPIC_RATE(tps, IN_RATE_MINUTE, "rise of maxOffset over the last minute / s; 315 TOPIC_PUT_NUMS until a minute of them is known",
               "Messages stored a second, last minute"),
    TOPIC_RATE(message_size, IN_BYTES_RATE, "315: statsMinute.tps of TOPIC_PUT_SIZE; 0 without asking where nothing moved in the last minute",
               "Bytes stored a second, last minute"),
    SHARE(consumer_tps, OUT_RATE_MINUTE, is_rated_share,
          "rise of the committed offset over the last minute / s; 315 GROUP_GET_NUMS until a minute of them is known",
          "0 for an idle group, where the official exporter has no sample; counts what was committed, not what was handed out",
          "Messages consumed a second, last minute"),
    SHARE(group_consume_tps, OUT_RATE_MINUTE, is_rated_share, "as rocketmq_consumer_tps",
          "has samples; the official exporter declares the name and never fills it", "Messages consumed a second, last minute"),
    SHARE(consumer_message_size, OUT_BYTES_RATE, is_rated_share,
          "315: statsMinute.tps of GROUP_GET_SIZE; 0 without asking where nothing moved in the last minute",
          "0 for an idle group, where the official exporter has no sample", "Bytes delivered a second, last minute"),
    SHARE(send_back_nums, SEND_BACK, is_rated_share,
          "315: statsMinute.sum of SNDBCK_PUT_NUMS; 0 without asking where no message was sent back in the last minute",
          "0 for an idle group, where the official exporter has no sample", "Messages sent back for retry in the last minute"),
    SHARE(group_get_latency_by_storetime, LATENCY_MS, is_share_but_dlq,
          "age of the oldest message not yet consumed: 0 where none waits, else 303, else our samples of the ends, greatest of the queues",
          "no message is pulled for it; by the broker's clock where 303 told; unknown is absent, not 0",
          "Age of the oldest message not yet consumed, in ms"),
    { .name = "rocketmq_group_diff", .type = FAMILY_GAUGE, .unit = "", .help = "End minus committed offset of a group on a topic",
      .formula = "sum over brokers and queues of maxOffset - consumerOffset (208 or 202, 43)",
      .differs = "left out while a broker does not answer, instead of too low", .table = TABLE_BACKLOGS, .column = BACKLOGS_DIFF,
      .only_complete = true, .detail = 1, .applies = is_plain_backlog, .labels = { GROUP_TOPIC_LABELS } },
    { .name = "rocketmq_group_retrydiff", .type = FAMILY_GAUGE, .unit = "",
      .help = "End minus committed offset of a group on its retry topic",
      .formula = "as rocketmq_group_diff, topics %RETRY%*",
      .differs = "left out while a broker does not answer, instead of too low", .table = TABLE_BACKLOGS, .column = BACKLOGS_DIFF,
      .only_complete = true, .detail = 1, .applies = is_retry_backlog, .labels = { GROUP_TOPIC_LABELS } },
    { .name = "rocketmq_group_dlqdiff", .type = FAMILY_GAUGE, .unit = "", .help = "Messages in the dead-letter topic of a group",
      .formula = "sum over queues of maxOffset - minOffset of %DLQ%<group> (202)",
      .differs = "has samples; the official exporter declares the name and never fills it", .table = TABLE_BACKLOGS,
      .column = BACKLOGS_DIFF, .only_complete = true, .detail = 1, .applies = is_dlq_backlog, .labels = { GROUP_TOPIC_LABELS } },
    { .name = "rocketmq_group_count", .type = FAMILY_GAUGE, .unit = "", .help = "Clients of a consumer group that are online",
      .formula = "203: size of connectionSet, 0 when nobody is online",
      .differs = "caddr and localaddr follow the clients instead of going stale",
      .table = TABLE_GROUPS, .column = GROUPS_MEMBERS, .detail = 1,
      .labels = { { "caddr", GROUPS_CLIENT_ADDRS }, { "localaddr", GROUPS_CLIENT_IDS }, { "group", GROUPS_CONSUMER_GROUP } } },
    { .name = "rocketmq_producer_count", .type = FAMILY_GAUGE, .unit = "", .help = "Clients of a producer group on a broker",
      .formula = "328: entries per producer group", .differs = "an unknown number is absent instead of -1",
      .table = TABLE_PRODUCERS, .column = PRODUCERS_CLIENTS, .detail = 1,
      .labels = { { "cluster", PRODUCERS_CLUSTER }, { "broker", PRODUCERS_BROKER }, { "group", PRODUCERS_PRODUCER_GROUP } } },
    CLIENT_TOPIC(consume_fail_msg_count, FAILED, "consumeFailedMsgs", "Messages that failed in the last hour"),
    CLIENT_TOPIC(consume_fail_msg_tps, FAILED_RATE, "consumeFailedTPS", "Messages that failed a second, last minute"),
    CLIENT_TOPIC(consume_ok_msg_tps, OK_RATE, "consumeOKTPS", "Messages consumed a second, last minute"),
    CLIENT_TOPIC(consume_rt, CONSUME_RT_MS, "consumeRT", "Mean time to consume a message, in ms"),
    CLIENT_TOPIC(consumer_pull_rt, PULL_RT_MS, "pullRT", "Mean time of a pull, waiting included, in ms"),
    CLIENT_TOPIC(consumer_pull_tps, PULL_RATE, "pullTPS", "Messages pulled a second, last minute"),
    BROKER_RATE(tps, PUT_RATE_MINUTE, "BROKER_PUT_NUMS", "Messages stored a second, last minute"),
    BROKER_RATE(qps, GET_RATE_MINUTE, "BROKER_GET_NUMS", "Messages delivered a second, last minute"),
    { .name = "rocketmq_broker_commitlog_diff", .type = FAMILY_GAUGE, .unit = "",
      .help = "Bytes of the master's commit log that a slave lacks", .formula = "28: commitLogMaxOffset of the master - that of the slave",
      .table = TABLE_BROKERS, .column = BROKERS_REPLICATION_LAG,
      .labels = { { "cluster", BROKERS_CLUSTER }, { "brokerIP", BROKERS_ADDRESS }, { "broker", BROKERS_BROKER } } },
    RUNTIME_WINDOW(pmdt_0ms, PUT_MESSAGE_DISTRIBUTE_TIME_0MS, "putMessageDistributeTime"),
    RUNTIME_WINDOW(pmdt_0to10ms, PUT_MESSAGE_DISTRIBUTE_TIME_0TO10MS, "putMessageDistributeTime"),
    RUNTIME_WINDOW(pmdt_10to50ms, PUT_MESSAGE_DISTRIBUTE_TIME_10TO50MS, "putMessageDistributeTime"),
    RUNTIME_WINDOW(pmdt_50to100ms, PUT_MESSAGE_DISTRIBUTE_TIME_50TO100MS, "putMessageDistributeTime"),
    RUNTIME_WINDOW(pmdt_100to200ms, PUT_MESSAGE_DISTRIBUTE_TIME_100TO200MS, "putMessageDistributeTime"),
    RUNTIME_WINDOW(pmdt_200to500ms, PUT_MESSAGE_DISTRIBUTE_TIME_200TO500MS, "putMessageDistributeTime"),
    RUNTIME_WINDOW(pmdt_500to1s, PUT_MESSAGE_DISTRIBUTE_TIME_500MSTO1S, "putMessageDistributeTime"),
    RUNTIME_WINDOW(pmdt_1to2s, PUT_MESSAGE_DISTRIBUTE_TIME_1TO2S, "putMessageDistributeTime"),
    RUNTIME_WINDOW(pmdt_2to3s, PUT_MESSAGE_DISTRIBUTE_TIME_2TO3S, "putMessageDistributeTime"),
    RUNTIME_WINDOW(pmdt_3to4s, PUT_MESSAGE_DISTRIBUTE_TIME_3TO4S, "putMessageDistributeTime"),
    RUNTIME_WINDOW(pmdt_4to5s, PUT_MESSAGE_DISTRIBUTE_TIME_4TO5S, "putMessageDistributeTime"),
    RUNTIME_WINDOW(pmdt_5to10s, PUT_MESSAGE_DISTRIBUTE_TIME_5TO10S, "putMessageDistributeTime"),
    RUNTIME_WINDOW(pmdt_10stomore, PUT_MESSAGE_DISTRIBUTE_TIME_10STOMORE, "putMessageDistributeTime"),
    RUNTIME(msg_put_total_today_now, MSG_PUT_TOTAL_TODAY_NOW, "msgPutTotalTodayNow", NULL),
    RUNTIME(msg_gettotal_today_now, MSG_GET_TOTAL_TODAY_NOW, "msgGetTotalTodayNow", NULL),
    RUNTIME(dispatch_behind_bytes, DISPATCH_BEHIND_BYTES, "dispatchBehindBytes", NULL),
    RUNTIME(put_message_size_total, PUT_MESSAGE_SIZE_TOTAL, "putMessageSizeTotal", NULL),
    RUNTIME(put_message_average_size, PUT_MESSAGE_AVERAGE_SIZE, "putMessageAverageSize", NULL),
    RUNTIME(query_threadpool_queue_capacity, QUERY_THREAD_POOL_QUEUE_CAPACITY, "queryThreadPoolQueueCapacity", NULL),
    RUNTIME(remain_transientstore_buffer_numbs, REMAIN_TRANSIENT_STORE_BUFFER_NUMBS, "remainTransientStoreBufferNumbs", NULL),
    RUNTIME(earliest_message_timestamp, EARLIEST_MESSAGE_TIME_STAMP, "earliestMessageTimeStamp", NULL),
    RUNTIME(putmessage_entire_time_max, PUT_MESSAGE_ENTIRE_TIME_MAX, "putMessageEntireTimeMax", NULL),
    RUNTIME(start_accept_sendrequest_time, START_ACCEPT_SEND_REQUEST_TIME_STAMP, "startAcceptSendRequestTimeStamp", NULL),
    RUNTIME(send_threadpool_queue_size, SEND_THREAD_POOL_QUEUE_SIZE, "sendThreadPoolQueueSize", NULL),
    RUNTIME(putmessage_times_total, PUT_MESSAGE_TIMES_TOTAL, "putMessageTimesTotal", NULL),
    RUNTIME(getmessage_entire_time_max, GET_MESSAGE_ENTIRE_TIME_MAX, "getMessageEntireTimeMax", NULL),
    RUNTIME(pagecache_lock_time_mills, PAGE_CACHE_LOCK_TIME_MILLS, "pageCacheLockTimeMills", NULL),
    RUNTIME(commitlog_disk_ratio, COMMIT_LOG_DISK_RATIO, "commitLogDiskRatio", NULL),
    RUNTIME(consumequeue_disk_ratio, CONSUME_QUEUE_DISK_RATIO, "consumeQueueDiskRatio", NULL),
    RUNTIME_WINDOW(getfound_tps600, GET_FOUND_TPS_600, "getFoundTps"),
    RUNTIME_WINDOW(getfound_tps60, GET_FOUND_TPS_60, "getFoundTps"),
    RUNTIME_WINDOW(getfound_tps10, GET_FOUND_TPS_10, "getFoundTps"),
    RUNTIME_WINDOW(gettotal_tps600, GET_TOTAL_TPS_600, "getTotalTps"),
    RUNTIME_WINDOW(gettotal_tps60, GET_TOTAL_TPS_60, "getTotalTps"),
    RUNTIME_WINDOW(gettotal_tps10, GET_TOTAL_TPS_10, "getTotalTps"),
    RUNTIME_WINDOW(gettransfered_tps600, GET_TRANSFERRED_TPS_600, "getTransferedTps"),
    RUNTIME_WINDOW(gettransfered_tps60, GET_TRANSFERRED_TPS_60, "getTransferedTps"),
    RUNTIME_WINDOW(gettransfered_tps10, GET_TRANSFERRED_TPS_10, "getTransferedTps"),
    RUNTIME_WINDOW(getmiss_tps600, GET_MISS_TPS_600, "getMissTps"),
    RUNTIME_WINDOW(getmiss_tps60, GET_MISS_TPS_60, "getMissTps"),
    RUNTIME_WINDOW(getmiss_tps10, GET_MISS_TPS_10, "getMissTps"),
    RUNTIME_WINDOW(put_tps600, PUT_TPS_600, "putTps"),
    RUNTIME_WINDOW(put_tps60, PUT_TPS_60, "putTps"),
    RUNTIME_WINDOW(put_tps10, PUT_TPS_10, "putTps"),
    RUNTIME(dispatch_maxbuffer, DISPATCH_MAX_BUFFER, "dispatchMaxBuffer", NULL),
    RUNTIME(pull_threadpoolqueue_capacity, PULL_THREAD_POOL_QUEUE_CAPACITY, "pullThreadPoolQueueCapacity", NULL),
    RUNTIME(send_threadpoolqueue_capacity, SEND_THREAD_POOL_QUEUE_CAPACITY, "sendThreadPoolQueueCapacity", NULL),
    RUNTIME(pull_threadpoolqueue_size, PULL_THREAD_POOL_QUEUE_SIZE, "pullThreadPoolQueueSize", NULL),
    RUNTIME(query_threadpoolqueue_size, QUERY_THREAD_POOL_QUEUE_SIZE, "queryThreadPoolQueueSize", NULL),
    RUNTIME(pull_threadpoolqueue_headwait_timemills, PULL_THREAD_POOL_QUEUE_HEAD_WAIT_TIME_MILLS, "pullThreadPoolQueueHeadWaitTimeMills", NULL),
    RUNTIME(query_threadpoolqueue_headwait_timemills, QUERY_THREAD_POOL_QUEUE_HEAD_WAIT_TIME_MILLS, "queryThreadPoolQueueHeadWaitTimeMills", NULL),
    RUNTIME(send_threadpoolqueue_headwait_timemills, SEND_THREAD_POOL_QUEUE_HEAD_WAIT_TIME_MILLS, "sendThreadPoolQueueHeadWaitTimeMills", NULL),
    RUNTIME(msg_gettotal_yesterdaymorning, MSG_GET_TOTAL_YESTERDAY_MORNING, "msgGetTotalYesterdayMorning", NULL),
    RUNTIME(msg_puttotal_yesterdaymorning, MSG_PUT_TOTAL_YESTERDAY_MORNING, "msgPutTotalYesterdayMorning", NULL),
    RUNTIME(msg_gettotal_todaymorning, MSG_GET_TOTAL_TODAY_MORNING, "msgGetTotalTodayMorning", NULL),
    RUNTIME(msg_puttotal_todaymorning, MSG_PUT_TOTAL_TODAY_MORNING, "msgPutTotalTodayMorning", NULL),
    RUNTIME(commitlogdir_capacity_free, COMMIT_LOG_DIR_CAPACITY_FREE, "commitLogDirCapacity", NULL),
    RUNTIME(commitlogdir_capacity_total, COMMIT_LOG_DIR_CAPACITY_TOTAL, "commitLogDirCapacity", NULL),
    RUNTIME(commitlog_maxoffset, COMMIT_LOG_MAX_OFFSET, "commitLogMaxOffset", NULL),
    RUNTIME(commitlog_minoffset, COMMIT_LOG_MIN_OFFSET, "commitLogMinOffset", NULL),
    RUNTIME(remain_howmanydata_toflush, REMAIN_HOW_MANY_DATA_TO_FLUSH, "remainHowManyDataToFlush", "bytes; the official exporter drops the unit of the broker's text (12.3 KiB becomes 12.3)"),
    RUNTIME(put_latency_99, PUT_LATENCY_99, "putLatency99", NULL),
    RUNTIME(put_latency_999, PUT_LATENCY_999, "putLatency999", NULL),

    { .name = "rocketmq_msg_diff_detail", .type = FAMILY_GAUGE, .unit = "",
      .help = "End minus committed offset of a group on a queue, with the process that owns it",
      .formula = "maxOffset - consumerOffset (208 or 202, 43); owner: 307, or the default strategy over 203 once 307 has confirmed it",
      .differs = "the process id alone, without the nanoseconds that clients since 4.9 put behind it",
      .table = TABLE_QUEUES, .column = QUEUES_DIFF, .detail = 3, .applies = is_plain_queue,
      .labels = { { "topic", QUEUES_TOPIC }, { "consumerGroup", QUEUES_CONSUMER_GROUP }, { "broker", QUEUES_BROKER },
                  { "queueId", QUEUES_QUEUE }, { "consumerClientIP", QUEUES_CLIENT_IP }, { "consumerClientPID", QUEUES_CLIENT_PID } } },
    MSG_DIFF(topic, is_sum_of_topic, 1, NULL, "End minus committed offset, summed over the groups of a topic", { "topic", DIFF_SUMS_TOPIC }),
    MSG_DIFF(consumergroup, is_sum_of_group, 1, NULL, "End minus committed offset, summed over the topics of a group",
             { "consumerGroup", DIFF_SUMS_CONSUMER_GROUP }),
    MSG_DIFF(topic_consumergroup, is_sum_of_topic_group, 2, NULL, "End minus committed offset of a group on a topic",
             { "topic", DIFF_SUMS_TOPIC }, { "consumerGroup", DIFF_SUMS_CONSUMER_GROUP }),
    MSG_DIFF(broker, is_sum_of_broker, 1, NULL, "End minus committed offset, summed over everything on a broker", { "broker", DIFF_SUMS_BROKER }),
    MSG_DIFF(queue, is_sum_of_queue, 1, "a sum, where that exporter showed one group and topic of them by chance",
             "End minus committed offset, summed over the queues of that number on a broker", { "broker", DIFF_SUMS_BROKER },
             { "queueId", DIFF_SUMS_QUEUE }),
    MSG_DIFF(clientinfo, is_sum_of_client, 2, "a sum, where that exporter showed 0", "End minus committed offset, summed over the queues of a process",
             { "consumerClientIP", DIFF_SUMS_CLIENT_IP }, { "consumerClientPID", DIFF_SUMS_CLIENT_PID }),

    MQ_GROUP(lag_messages, "messages", LAG, false, "Messages that a group can still consume from a topic"),
    MQ_GROUP(diff_messages, "messages", DIFF, true, "End minus committed offset, raw as the Java tools print it"),
    MQ_GROUP(inflight_messages, "messages", INFLIGHT, false, "Messages handed out and not yet committed, of POP not yet acknowledged"),
    MQ_GROUP(lost_messages, "messages", LOST, false, "Messages that expired before they were consumed"),
    MQ_GROUP(lag_seconds, "s", LAG_SECONDS, false, "Age of the oldest message not yet consumed"),
    MQ_GROUP(lag_seconds_low, "s", LAG_SECONDS_LOW, false, "Lower bound of mq_group_lag_seconds"),
    MQ_GROUP(lag_seconds_high, "s", LAG_SECONDS_HIGH, false, "Upper bound of mq_group_lag_seconds"),
    MQ_GROUP(out_messages_per_second, "messages/s", OUT_RATE, true, "Messages consumed a second since the interval before"),
    MQ_GROUP(drain_seconds, "s", DRAIN_SECONDS, true, "Time until the backlog is gone at the present rates"),
    MQ_GROUP(verdict, "", VERDICT, false, "Number of the verdict on a group and topic"),
    MQ_GROUP(complete, "", COMPLETE, false, "0 while a part of the sums is missing and they are lower bounds"),
    MQ_MEMBER(members, "clients", MEMBERS, false, "Clients of a consumer group that are online"),
    MQ_MEMBER(lag_messages, "messages", LAG, false, "Messages that a group can still consume, retries included"),
    MQ_MEMBER(retry_lag_messages, "messages", RETRY_LAG, false, "Messages of a group that wait in retry topics"),
    MQ_MEMBER(dlq_messages, "messages", DLQ, true, "Dead letters of a group in the store"),
    MQ_MEMBER(subscriptions, "", SUBSCRIPTIONS, false, "Different subscriptions among the clients of a group; more than 1 is a mistake"),
    { .name = "mq_broadcast_lag_messages", .type = FAMILY_GAUGE, .unit = "messages",
      .help = "Messages that the slowest client of a broadcast group has not yet taken from a topic",
      .formula = "backlogs.lag of broadcast groups: 43 (@broadcast, 5.x), else 307 of each client", .table = TABLE_BACKLOGS,
      .column = BACKLOGS_LAG, .detail = 2, .applies = is_broadcast_backlog,
      .labels = { OUR_KEYS(BACKLOGS), { "group", BACKLOGS_CONSUMER_GROUP }, { "topic", BACKLOGS_TOPIC } } },
    MQ_CLIENT(queues, "queues", QUEUES, "queues whose owner it is: 307, or the default strategy over 203", "Queues that a client owns"),
    MQ_CLIENT(lag_messages, "messages", LAG, "sum of the lag of its queues", "Messages that wait in the queues of a client"),
    MQ_CLIENT(pop_inflight_messages, "messages", POP_INFLIGHT, "307: mqPopTable.waitAckCount", "Messages that a POP client has not yet acknowledged"),
    MQ_TOPIC(stored_messages, "messages", STORED, "Messages of a topic in a broker's store"),
    MQ_TOPIC(max_offset, "messages", MAX_OFFSET, "Sum of the end offsets of a topic on a broker"),
    MQ_TOPIC(min_offset, "messages", MIN_OFFSET, "Sum of the first offsets of a topic on a broker"),
    MQ_TOPIC(in_messages_per_second, "messages/s", IN_RATE, "Messages stored a second since the interval before"),
    { .name = "mq_queue_lag_messages", .type = FAMILY_GAUGE, .unit = "messages",
      .help = "Messages that a group can still consume from a queue",
      .table = TABLE_QUEUES, .column = QUEUES_LAG, .detail = 3,
      .labels = { OUR_KEYS(QUEUES), { "group", QUEUES_CONSUMER_GROUP }, { "topic", QUEUES_TOPIC }, { "broker", QUEUES_BROKER },
                  { "queue", QUEUES_QUEUE } } },
    { .name = "mq_broker_up", .type = FAMILY_GAUGE, .unit = "", .help = "1 if the broker answered in this interval",
      .table = TABLE_BROKERS, .column = BROKERS_UP,
      .labels = { OUR_KEYS(BROKERS), { "broker", BROKERS_BROKER }, { "broker_id", BROKERS_BROKER_ID },
                  { "address", BROKERS_ADDRESS } } },
    MQ_BROKER(replication_lag_bytes, "bytes", REPLICATION_LAG, "28: commitLogMaxOffset of the master - that of the slave",
              "Commit log of the master that a slave lacks"),
    MQ_BROKER(half_messages, "messages", HALF_MESSAGES, "end of RMQ_SYS_TRANS_HALF_TOPIC - offset of CID_RMQ_SYS_TRANS",
              "Messages of transactions that are neither committed nor rolled back"),
    MQ_BROKER(timer_messages, "messages", TIMER_CONGEST_NUM, "28: timerCongestNum", "Messages on the timer wheel, POP check-points included"),
    MQ_BROKER(timer_behind_seconds, "s", TIMER_READ_BEHIND, "28: timerReadBehind", "How far the timer wheel lags behind now"),
    MQ_BROKER(timer_waiting_messages, "messages", TIMER_OFFSET_BEHIND, "28: timerOffsetBehind", "Timer messages not yet on the wheel"),
    { .name = "mq_delay_pending_messages", .type = FAMILY_GAUGE, .unit = "messages", .help = "Messages that wait for a delay level",
      .formula = "28: scheduleMessageOffset_<level>, stored - delivered", .table = TABLE_DELAYS, .column = DELAYS_PENDING, .detail = 1,
      .labels = { OUR_KEYS(DELAYS), { "broker", DELAYS_BROKER }, { "level", DELAYS_LEVEL } } },
    { .name = "mq_nameserver_agrees", .type = FAMILY_GAUGE, .unit = "",
      .help = "1 if a name server lists what all of them together list, 0 if it lacks brokers or has other addresses",
      .formula = "106 of every name server", .table = TABLE_NAMESERVERS, .column = NAMESERVERS_AGREES,
      .labels = { { "source", NAMESERVERS_SOURCE }, { "system", NAMESERVERS_SYSTEM }, { "target", NAMESERVERS_TARGET } } },
    MQ_SCRAPE(ok, "", OK, "1 if the target answered every request of this interval"),
    MQ_SCRAPE(requests, "requests", REQUESTS, "Requests sent to the target in this interval"),
    MQ_SCRAPE(failed_requests, "requests", FAILED, "Requests of this interval without a good answer"),
    MQ_SCRAPE(received_bytes, "bytes", BYTES, "Bytes received from the target in this interval"),
    { .name = "mq_scrape_duration_seconds", .type = FAMILY_GAUGE, .unit = "s",
      .help = "From the first request to the last answer",
      .formula = "scrapes.duration_ms / 1000", .table = TABLE_SCRAPES, .column = SCRAPES_DURATION_MS, .scale = 0.001,
      .labels = { OUR_KEYS(SCRAPES), { "target", SCRAPES_TARGET }, { "kind", SCRAPES_KIND } } },

    { .name = "mqpush_build_info", .type = FAMILY_GAUGE, .unit = "", .help = "1, with the version of the agent as a label",
      .formula = "constant", .table = TABLE_AGENT, .column = AGENT_UP, .applies = is_collect,
      .labels = { { "version", AGENT_VERSION } } },
    AGENT(interval_seconds, FAMILY_GAUGE, "s", INTERVAL_SECONDS, is_collect, NO_LABEL, "Configured interval"),
    AGENT(last_collect_timestamp_seconds, FAMILY_GAUGE, "s", LAST_TIMESTAMP_SECONDS, is_collect, NO_LABEL, "Unix time of the newest collection"),
    AGENT(collect_duration_seconds, FAMILY_GAUGE, "s", DURATION_SECONDS, is_collect, NO_LABEL, "How long the newest collection took"),
    AGENT(collect_complete, FAMILY_GAUGE, "", COMPLETE, is_collect, NO_LABEL, "1 if every target answered every request"),
    AGENT(received_bytes_total, FAMILY_COUNTER, "bytes", RECEIVED_BYTES_TOTAL, is_collect, NO_LABEL, "Bytes received from all targets"),
    AGENT(missed_ticks_total, FAMILY_COUNTER, "intervals", MISSED_TICKS_TOTAL, is_collect, NO_LABEL, "Intervals skipped because the one before took too long"),
    AGENT(resident_bytes, FAMILY_GAUGE, "bytes", RESIDENT_BYTES, is_collect, NO_LABEL, "Resident memory of the agent"),
    AGENT(cpu_seconds_total, FAMILY_COUNTER, "s", CPU_SECONDS_TOTAL, is_collect, NO_LABEL, "CPU time of the agent"),
    AGENT(spool_bytes, FAMILY_GAUGE, "bytes", SPOOL_BYTES, is_spool, NO_LABEL, "Intervals on disk that some sink has not taken"),
    AGENT(spool_up, FAMILY_GAUGE, "", UP, is_spool, NO_LABEL, "1 if the newest interval was saved, 0 if it waits in memory only"),
    AGENT(sink_up, FAMILY_GAUGE, "", UP, is_sink, SINK_LABEL, "1 if the newest delivery of the sink succeeded"),
    AGENT(series, FAMILY_GAUGE, "series", SERIES, is_sink, SINK_LABEL, "Series or rows of the sink's newest delivery"),
    AGENT(sink_delay_seconds, FAMILY_GAUGE, "s", DELAY_SECONDS, is_sink, SINK_LABEL, "Age of the oldest batch the sink has not delivered"),
    { .name = "mqpush_sink_batches_total", .type = FAMILY_COUNTER, .unit = "batches", .help = "Deliveries by result",
      .table = TABLE_DELIVERIES, .column = DELIVERIES_TOTAL,
      .labels = { { "sink", DELIVERIES_PART }, { "result", DELIVERIES_RESULT } } },
    { .name = "mqpush_sink_dropped_total", .type = FAMILY_COUNTER, .unit = "",
      .help = "Batches dropped (overtaken, overflow, spool_full, too_old, damaged), or samples cut (series), by reason",
      .table = TABLE_DROPS, .column = DROPS_TOTAL,
      .labels = { { "sink", DROPS_PART }, { "reason", DROPS_REASON } } },
    { .name = "mqpush_requests_total", .type = FAMILY_COUNTER, .unit = "requests",
      .help = "Requests sent, by source, target and request code",
      .table = TABLE_REQUESTS, .column = REQUESTS_TOTAL,
      .labels = { { "source", REQUESTS_SOURCE }, { "target", REQUESTS_TARGET }, { "code", REQUESTS_CODE } } },
};

const unsigned family_count = sizeof(families) / sizeof(families[0]);
