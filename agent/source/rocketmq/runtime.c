/*
 * runtime.c - see runtime.h.
 *
 * Every value is a text. The odd ones:
 *
 *     putTps                    "4.99 5.18 "   10 s, 60 s, 600 s; empty until there is so much history, so split on single blanks
 *     putMessageDistributeTime  "[<=0ms]:243 [0~10ms]:47 ... [10s~]:0 "   or "null" in the first minute
 *     commitLogDirCapacity      "Total : 252.0 GiB, Free : 231.8 GiB."
 *     remainHowManyDataToFlush  "10.2 KiB"
 *     scheduleMessageOffset_3   "8,11"         delay level 3: delivered, stored
 *     putLatency99              "0,35" where the server's locale writes so
 *
 * The comma is taken as a decimal point everywhere. getTransferedTps (4.x) and getTransferredTps (5.x) are the same. Keys
 * that are not in the table (commitLogDiskRatio_<path>, those of plug-ins) are ignored.
 */
#include "agent/source/rocketmq/runtime.h"

#include "agent/base/num.h"

#include <limits.h>
#include <stddef.h>

#define NUMBER_MAX_BYTES 48

enum shape { SHAPE_INT, SHAPE_REAL, SHAPE_BOOL, SHAPE_TEXT, SHAPE_TRIPLE, SHAPE_SIZE, SHAPE_CAPACITY, SHAPE_DISTRIBUTION, SHAPE_BOOT };

struct entry {
    const char *key;
    enum shape shape;
    unsigned column; /* the first, where a text fills several */
};

/* Columns that one text fills stand side by side. */
_Static_assert(BROKERS_PUT_TPS_600 == BROKERS_PUT_TPS_10 + 2, "putTps");
_Static_assert(BROKERS_GET_FOUND_TPS_600 == BROKERS_GET_FOUND_TPS_10 + 2, "getFoundTps");
_Static_assert(BROKERS_GET_MISS_TPS_600 == BROKERS_GET_MISS_TPS_10 + 2, "getMissTps");
_Static_assert(BROKERS_GET_TRANSFERRED_TPS_600 == BROKERS_GET_TRANSFERRED_TPS_10 + 2, "getTransferredTps");
_Static_assert(BROKERS_GET_TOTAL_TPS_600 == BROKERS_GET_TOTAL_TPS_10 + 2, "getTotalTps");
_Static_assert(BROKERS_COMMIT_LOG_DIR_CAPACITY_FREE == BROKERS_COMMIT_LOG_DIR_CAPACITY_TOTAL + 1, "commitLogDirCapacity");

static const char *const distribution_labels[] = {
    "[<=0ms]:",     "[0~10ms]:", "[10~50ms]:", "[50~100ms]:", "[100~200ms]:", "[200~500ms]:", "[500ms~1s]:",
    "[1~2s]:",      "[2~3s]:",   "[3~4s]:",    "[4~5s]:",     "[5~10s]:",     "[10s~]:",
};
#define DISTRIBUTION_COUNT (sizeof(distribution_labels) / sizeof(distribution_labels[0]))
_Static_assert(BROKERS_PUT_MESSAGE_DISTRIBUTE_TIME_10STOMORE == BROKERS_PUT_MESSAGE_DISTRIBUTE_TIME_0MS + DISTRIBUTION_COUNT - 1,
               "putMessageDistributeTime");

static const struct entry entries[] = {
    { "brokerVersion", SHAPE_TEXT, BROKERS_BROKER_VERSION },
    { "brokerVersionDesc", SHAPE_TEXT, BROKERS_BROKER_VERSION_DESC },
    { "bootTimestamp", SHAPE_BOOT, BROKERS_BOOT_TIMESTAMP },
    { "startAcceptSendRequestTimeStamp", SHAPE_INT, BROKERS_START_ACCEPT_SEND_REQUEST_TIME_STAMP },
    { "brokerActive", SHAPE_BOOL, BROKERS_BROKER_ACTIVE },
    { "putMessageTimesTotal", SHAPE_INT, BROKERS_PUT_MESSAGE_TIMES_TOTAL },
    { "putMessageFailedTimes", SHAPE_INT, BROKERS_PUT_MESSAGE_FAILED_TIMES },
    { "putMessageSizeTotal", SHAPE_INT, BROKERS_PUT_MESSAGE_SIZE_TOTAL },
    { "putMessageAverageSize", SHAPE_REAL, BROKERS_PUT_MESSAGE_AVERAGE_SIZE },
    { "putMessageEntireTimeMax", SHAPE_INT, BROKERS_PUT_MESSAGE_ENTIRE_TIME_MAX },
    { "putMessageDistributeTime", SHAPE_DISTRIBUTION, BROKERS_PUT_MESSAGE_DISTRIBUTE_TIME_0MS },
    { "putLatency99", SHAPE_REAL, BROKERS_PUT_LATENCY_99 },
    { "putLatency999", SHAPE_REAL, BROKERS_PUT_LATENCY_999 },
    { "getMessageEntireTimeMax", SHAPE_INT, BROKERS_GET_MESSAGE_ENTIRE_TIME_MAX },
    { "dispatchMaxBuffer", SHAPE_INT, BROKERS_DISPATCH_MAX_BUFFER },
    { "putTps", SHAPE_TRIPLE, BROKERS_PUT_TPS_10 },
    { "getFoundTps", SHAPE_TRIPLE, BROKERS_GET_FOUND_TPS_10 },
    { "getMissTps", SHAPE_TRIPLE, BROKERS_GET_MISS_TPS_10 },
    { "getTransferedTps", SHAPE_TRIPLE, BROKERS_GET_TRANSFERRED_TPS_10 },
    { "getTransferredTps", SHAPE_TRIPLE, BROKERS_GET_TRANSFERRED_TPS_10 },
    { "getTotalTps", SHAPE_TRIPLE, BROKERS_GET_TOTAL_TPS_10 },
    { "msgPutTotalYesterdayMorning", SHAPE_INT, BROKERS_MSG_PUT_TOTAL_YESTERDAY_MORNING },
    { "msgPutTotalTodayMorning", SHAPE_INT, BROKERS_MSG_PUT_TOTAL_TODAY_MORNING },
    { "msgPutTotalTodayNow", SHAPE_INT, BROKERS_MSG_PUT_TOTAL_TODAY_NOW },
    { "msgGetTotalYesterdayMorning", SHAPE_INT, BROKERS_MSG_GET_TOTAL_YESTERDAY_MORNING },
    { "msgGetTotalTodayMorning", SHAPE_INT, BROKERS_MSG_GET_TOTAL_TODAY_MORNING },
    { "msgGetTotalTodayNow", SHAPE_INT, BROKERS_MSG_GET_TOTAL_TODAY_NOW },
    { "sendThreadPoolQueueSize", SHAPE_INT, BROKERS_SEND_THREAD_POOL_QUEUE_SIZE },
    { "sendThreadPoolQueueCapacity", SHAPE_INT, BROKERS_SEND_THREAD_POOL_QUEUE_CAPACITY },
    { "sendThreadPoolQueueHeadWaitTimeMills", SHAPE_INT, BROKERS_SEND_THREAD_POOL_QUEUE_HEAD_WAIT_TIME_MILLS },
    { "pullThreadPoolQueueSize", SHAPE_INT, BROKERS_PULL_THREAD_POOL_QUEUE_SIZE },
    { "pullThreadPoolQueueCapacity", SHAPE_INT, BROKERS_PULL_THREAD_POOL_QUEUE_CAPACITY },
    { "pullThreadPoolQueueHeadWaitTimeMills", SHAPE_INT, BROKERS_PULL_THREAD_POOL_QUEUE_HEAD_WAIT_TIME_MILLS },
    { "queryThreadPoolQueueSize", SHAPE_INT, BROKERS_QUERY_THREAD_POOL_QUEUE_SIZE },
    { "queryThreadPoolQueueCapacity", SHAPE_INT, BROKERS_QUERY_THREAD_POOL_QUEUE_CAPACITY },
    { "queryThreadPoolQueueHeadWaitTimeMills", SHAPE_INT, BROKERS_QUERY_THREAD_POOL_QUEUE_HEAD_WAIT_TIME_MILLS },
    { "litePullThreadPoolQueueSize", SHAPE_INT, BROKERS_LITE_PULL_THREAD_POOL_QUEUE_SIZE },
    { "litePullThreadPoolQueueCapacity", SHAPE_INT, BROKERS_LITE_PULL_THREAD_POOL_QUEUE_CAPACITY },
    { "litePullThreadPoolQueueHeadWaitTimeMills", SHAPE_INT, BROKERS_LITE_PULL_THREAD_POOL_QUEUE_HEAD_WAIT_TIME_MILLS },
    { "ackThreadPoolQueueSize", SHAPE_INT, BROKERS_ACK_THREAD_POOL_QUEUE_SIZE },
    { "ackThreadPoolQueueCapacity", SHAPE_INT, BROKERS_ACK_THREAD_POOL_QUEUE_CAPACITY },
    { "ackThreadPoolQueueHeadWaitTimeMills", SHAPE_INT, BROKERS_ACK_THREAD_POOL_QUEUE_HEAD_WAIT_TIME_MILLS },
    { "EndTransactionQueueSize", SHAPE_INT, BROKERS_END_TRANSACTION_QUEUE_SIZE },
    { "EndTransactionThreadPoolQueueCapacity", SHAPE_INT, BROKERS_END_TRANSACTION_THREAD_POOL_QUEUE_CAPACITY },
    { "pageCacheLockTimeMills", SHAPE_INT, BROKERS_PAGE_CACHE_LOCK_TIME_MILLS },
    { "dispatchBehindBytes", SHAPE_INT, BROKERS_DISPATCH_BEHIND_BYTES },
    { "earliestMessageTimeStamp", SHAPE_INT, BROKERS_EARLIEST_MESSAGE_TIME_STAMP },
    { "commitLogMinOffset", SHAPE_INT, BROKERS_COMMIT_LOG_MIN_OFFSET },
    { "commitLogMaxOffset", SHAPE_INT, BROKERS_COMMIT_LOG_MAX_OFFSET },
    { "commitLogDiskRatio", SHAPE_REAL, BROKERS_COMMIT_LOG_DISK_RATIO },
    { "consumeQueueDiskRatio", SHAPE_REAL, BROKERS_CONSUME_QUEUE_DISK_RATIO },
    { "commitLogDirCapacity", SHAPE_CAPACITY, BROKERS_COMMIT_LOG_DIR_CAPACITY_TOTAL },
    { "remainTransientStoreBufferNumbs", SHAPE_INT, BROKERS_REMAIN_TRANSIENT_STORE_BUFFER_NUMBS },
    { "remainHowManyDataToCommit", SHAPE_SIZE, BROKERS_REMAIN_HOW_MANY_DATA_TO_COMMIT },
    { "remainHowManyDataToFlush", SHAPE_SIZE, BROKERS_REMAIN_HOW_MANY_DATA_TO_FLUSH },
    { "timerReadBehind", SHAPE_INT, BROKERS_TIMER_READ_BEHIND },
    { "timerOffsetBehind", SHAPE_INT, BROKERS_TIMER_OFFSET_BEHIND },
    { "timerCongestNum", SHAPE_INT, BROKERS_TIMER_CONGEST_NUM },
    { "timerEnqueueTps", SHAPE_REAL, BROKERS_TIMER_ENQUEUE_TPS },
    { "timerDequeueTps", SHAPE_REAL, BROKERS_TIMER_DEQUEUE_TPS },
};

/* A number with '.' or ',' as its decimal sign; "NaN", "null" and the like are none. */
static bool read_real(struct view text, double *value)
{
    char copy[NUMBER_MAX_BYTES];
    double found;

    if (text.len == 0 || text.len > sizeof(copy))
        return false;
    for (size_t i = 0; i < text.len; i++)
        copy[i] = text.data[i];
    char *comma = memchr(copy, ',', text.len);
    if (comma != NULL)
        *comma = '.';
    if (num_to_real(copy, text.len, &found) < 0 || !isfinite(found))
        return false;
    *value = found;
    return true;
}

/* "252.0 GiB" at the start of text -> bytes. */
static bool read_size(struct view text, int64_t *bytes)
{
    static const char units[] = "BKMGTPE"; /* KiB is 1024 B, and so on */
    const char *blank = memchr(text.data, ' ', text.len);
    double number;

    if (blank == NULL || blank + 1 >= text.data + text.len || !read_real((struct view){ text.data, (size_t)(blank - text.data) }, &number))
        return false;
    const char *unit = memchr(units, blank[1], sizeof(units) - 1);
    if (unit == NULL)
        return false;
    for (; unit > units; unit--)
        number *= 1024;
    if (number < 0 || number > 9e18)
        return false;
    *bytes = (int64_t)(number + 0.5);
    return true;
}

/* What stands behind `label` in text; empty if the label is not there. */
static struct view behind(struct view text, const char *label)
{
    const char *at = text.len == 0 ? NULL : memmem(text.data, text.len, label, strlen(label));

    if (at == NULL)
        return (struct view){ text.data, 0 };
    at += strlen(label);
    return (struct view){ at, (size_t)(text.data + text.len - at) };
}

static struct view up_to_blank(struct view text)
{
    const char *blank = text.len == 0 ? NULL : memchr(text.data, ' ', text.len);

    return blank == NULL ? text : (struct view){ text.data, (size_t)(blank - text.data) };
}

static void set_int(struct batch *b, uint32_t row, unsigned column, struct view text)
{
    int64_t value;

    if (num_to_i64(text.data, text.len, &value) == 0)
        batch_set_int(b, TABLE_BROKERS, row, column, value);
}

static void set_real(struct batch *b, uint32_t row, unsigned column, struct view text)
{
    double value;

    if (read_real(text, &value))
        batch_set_real(b, TABLE_BROKERS, row, column, value);
}

static void set_size(struct batch *b, uint32_t row, unsigned column, struct view text)
{
    int64_t bytes;

    if (read_size(text, &bytes))
        batch_set_int(b, TABLE_BROKERS, row, column, bytes);
}

static void set_triple(struct batch *b, uint32_t row, unsigned column, struct view text)
{
    for (unsigned i = 0; i < 3 && text.len > 0; i++) {
        struct view field = up_to_blank(text);
        set_real(b, row, column + i, field);
        size_t used = field.len < text.len ? field.len + 1 : field.len;
        text = (struct view){ text.data + used, text.len - used };
    }
}

static void set_text(struct batch *b, uint32_t row, unsigned column, struct view text)
{
    batch_set_text(b, TABLE_BROKERS, row, column, batch_intern(b, text.data, text.len));
}

static void set_cells(struct batch *b, uint32_t row, const struct entry *entry, struct view value)
{
    switch (entry->shape) {
    case SHAPE_INT:
        set_int(b, row, entry->column, value);
        break;
    case SHAPE_REAL:
        set_real(b, row, entry->column, value);
        break;
    case SHAPE_BOOL:
        if (view_is(value, "true") || view_is(value, "false"))
            batch_set_int(b, TABLE_BROKERS, row, entry->column, view_is(value, "true"));
        break;
    case SHAPE_TEXT:
        set_text(b, row, entry->column, value);
        break;
    case SHAPE_BOOT:
        set_int(b, row, entry->column, value);
        set_text(b, row, BROKERS_BOOT_TEXT, value);
        break;
    case SHAPE_TRIPLE:
        set_triple(b, row, entry->column, value);
        break;
    case SHAPE_SIZE:
        set_size(b, row, entry->column, value);
        break;
    case SHAPE_CAPACITY:
        set_size(b, row, entry->column, behind(value, "Total : "));
        set_size(b, row, entry->column + 1, behind(value, "Free : "));
        break;
    case SHAPE_DISTRIBUTION:
        for (unsigned i = 0; i < DISTRIBUTION_COUNT; i++)
            set_int(b, row, entry->column + i, up_to_blank(behind(value, distribution_labels[i])));
        break;
    }
}

/* scheduleMessageOffset_<level>: "delivered,stored" */
static void take_delay(struct runtime_facts *facts, struct view level_text, struct view value)
{
    const char *comma = value.len == 0 ? NULL : memchr(value.data, ',', value.len);
    struct delay_level found;
    int64_t level;

    if (comma == NULL || num_to_i64(level_text.data, level_text.len, &level) < 0 ||
        level < 1 || level > INT_MAX)
        return;
    size_t first = (size_t)(comma - value.data);
    if (num_to_i64(value.data, first, &found.delivered) < 0 || num_to_i64(comma + 1, value.len - first - 1, &found.stored) < 0)
        return;
    found.level = (int)level;
    if (found.delivered < 0 || found.stored < 0)
        return;
    if (facts->delay_count < DELAY_LEVELS_MAX)
        facts->delays[facts->delay_count++] = found;
    else
        facts->delays_left++;
}

static int64_t add_up(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

int64_t runtime_delay_delivered(const struct runtime_facts *facts)
{
    int64_t sum = 0;

    for (unsigned i = 0; i < facts->delay_count; i++)
        sum = add_up(sum, facts->delays[i].delivered);
    return facts->delays_left == 0 ? sum : NO_INT;
}

static void take_fact(struct runtime_facts *facts, unsigned column, struct view value)
{
    int64_t *fact = column == BROKERS_COMMIT_LOG_MAX_OFFSET    ? &facts->log_max
                    : column == BROKERS_COMMIT_LOG_MIN_OFFSET  ? &facts->log_min
                    : column == BROKERS_DISPATCH_BEHIND_BYTES  ? &facts->behind
                    : column == BROKERS_PUT_MESSAGE_TIMES_TOTAL ? &facts->puts
                    : column == BROKERS_BOOT_TIMESTAMP         ? &facts->booted_at
                                                               : NULL;
    if (fact != NULL)
        num_to_i64(value.data, value.len, fact);
}

#define DELAY_KEY "scheduleMessageOffset_"
#define DELAY_KEY_BYTES (sizeof(DELAY_KEY) - 1)

void runtime_take(struct batch *b, uint32_t row, struct runtime_facts *facts, struct view key, struct view value)
{
    if (key.len > DELAY_KEY_BYTES && memcmp(key.data, DELAY_KEY, DELAY_KEY_BYTES) == 0)
        take_delay(facts, (struct view){ key.data + DELAY_KEY_BYTES, key.len - DELAY_KEY_BYTES }, value);
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        if (view_is(key, entries[i].key)) {
            take_fact(facts, entries[i].column, value);
            set_cells(b, row, &entries[i], value);
            return;
        }
}
