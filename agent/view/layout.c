/* layout.c - see layout.h. */
#include "agent/view/layout.h"

#include <string.h>

/* clang-format off */
static const struct layout layouts[TABLE_COUNT] = {
    [TABLE_GROUPS] = {
        .columns = {
            { "GROUP", GROUPS_CONSUMER_GROUP, FORM_PLAIN },
            { "VERDICT", GROUPS_VERDICT, FORM_VERDICT },
            { "LAG", GROUPS_LAG, FORM_COUNT },
            { "LAG TIME", GROUPS_LAG_SECONDS, FORM_SECONDS },
            { "MEMBERS", GROUPS_MEMBERS, FORM_COUNT },
            { "RETRY", GROUPS_RETRY_LAG, FORM_COUNT },
            { "DLQ", GROUPS_DLQ, FORM_COUNT },
            { "MODEL", GROUPS_MODEL, FORM_PLAIN },
            { "TYPE", GROUPS_TYPE, FORM_PLAIN },
        },
        .noun = "group",
        .sort = "lag,consumer_group",
        .bad = {
            { BAD_ABOVE, GROUPS_LAG, 0, "lag above 0" },
            { BAD_IS, GROUPS_COMPLETE, 0, "incomplete" },
        },
    },
    [TABLE_BACKLOGS] = {
        .columns = {
            { "GROUP", BACKLOGS_CONSUMER_GROUP, FORM_PLAIN },
            { "TOPIC", BACKLOGS_TOPIC, FORM_PLAIN },
            { "VERDICT", BACKLOGS_VERDICT, FORM_VERDICT },
            { "LAG", BACKLOGS_LAG, FORM_COUNT },
            { "LAG TIME", BACKLOGS_LAG_SECONDS, FORM_SECONDS },
            { "IN FLIGHT", BACKLOGS_INFLIGHT, FORM_COUNT },
            { "LOST", BACKLOGS_LOST, FORM_COUNT },
            { "OUT", BACKLOGS_OUT_RATE, FORM_RATE },
            { "DRAINED IN", BACKLOGS_DRAIN_SECONDS, FORM_SECONDS },
            { "SENT BACK", BACKLOGS_SEND_BACK, FORM_COUNT },
            { "KIND", BACKLOGS_KIND, FORM_PLAIN },
        },
        .noun = "backlog",
        .sort = "lag,consumer_group,topic",
        .bad = {
            { BAD_ABOVE, BACKLOGS_LAG, 0, "lag above 0" },
            { BAD_ABOVE, BACKLOGS_LOST, 0, "messages lost" },
            { BAD_IS, BACKLOGS_COMPLETE, 0, "incomplete" },
        },
    },
    [TABLE_TOPICS] = {
        .columns = {
            { "TOPIC", TOPICS_TOPIC, FORM_PLAIN },
            { "BROKER", TOPICS_BROKER, FORM_PLAIN },
            { "KIND", TOPICS_KIND, FORM_PLAIN },
            { "QUEUES", TOPICS_QUEUES, FORM_COUNT },
            { "STORED", TOPICS_STORED, FORM_COUNT },
            { "IN", TOPICS_IN_RATE, FORM_RATE },
            { "BYTES IN", TOPICS_IN_BYTES_RATE, FORM_BYTES_RATE },
            { "NEWEST", TOPICS_LAST_STORED_AT, FORM_AGE_S },
        },
        .noun = "topic",
        .sort = "stored,topic,broker",
    },
    [TABLE_QUEUES] = {
        .columns = {
            { "GROUP", QUEUES_CONSUMER_GROUP, FORM_PLAIN },
            { "TOPIC", QUEUES_TOPIC, FORM_PLAIN },
            { "BROKER", QUEUES_BROKER, FORM_PLAIN },
            { "QUEUE", QUEUES_QUEUE, FORM_PLAIN },
            { "LAG", QUEUES_LAG, FORM_COUNT },
            { "IN FLIGHT", QUEUES_INFLIGHT, FORM_COUNT },
            { "CONSUMED", QUEUES_CONSUMER_OFFSET, FORM_PLAIN },
            { "END", QUEUES_MAX_OFFSET, FORM_PLAIN },
            { "REACHED", QUEUES_LAST_CONSUMED_AT, FORM_AGE_S },
            { "CLIENT", QUEUES_CLIENT, FORM_PLAIN },
        },
        .noun = "queue",
        .sort = "lag,consumer_group,topic,broker,queue",
        .bad = { { BAD_ABOVE, QUEUES_LAG, 0, "lag above 0" } },
    },
    [TABLE_CLIENTS] = {
        .columns = {
            { "GROUP", CLIENTS_CONSUMER_GROUP, FORM_PLAIN },
            { "CLIENT", CLIENTS_CLIENT, FORM_PLAIN },
            { "QUEUES", CLIENTS_QUEUES, FORM_COUNT },
            { "LAG", CLIENTS_LAG, FORM_COUNT },
            { "IN FLIGHT", CLIENTS_POP_INFLIGHT, FORM_COUNT },
            { "OK", CLIENTS_OK_RATE, FORM_RATE },
            { "FAILED", CLIENTS_FAILED_RATE, FORM_RATE },
            { "TAKES", CLIENTS_CONSUME_RT_MS, FORM_MS },
            { "LANGUAGE", CLIENTS_LANGUAGE, FORM_PLAIN },
            { "VERSION", CLIENTS_VERSION, FORM_PLAIN },
            { "ADDRESS", CLIENTS_IP, FORM_PLAIN },
        },
        .noun = "client",
        .sort = "lag,consumer_group,client",
        .bad = {
            { BAD_ABOVE, CLIENTS_LAG, 0, "lag above 0" },
            { BAD_ABOVE, CLIENTS_FAILED_RATE, 0, "messages that fail" },
        },
    },
    [TABLE_PRODUCERS] = {
        .columns = {
            { "PRODUCER GROUP", PRODUCERS_PRODUCER_GROUP, FORM_PLAIN },
            { "BROKER", PRODUCERS_BROKER, FORM_PLAIN },
            { "CLIENTS", PRODUCERS_CLIENTS, FORM_COUNT },
        },
        .noun = "producer group",
        .sort = "producer_group,broker",
    },
    [TABLE_BROKERS] = {
        .columns = {
            { "BROKER", BROKERS_BROKER, FORM_PLAIN },
            { "ID", BROKERS_BROKER_ID, FORM_PLAIN },
            { "STATE", BROKERS_UP, FORM_UP },
            { "ADDRESS", BROKERS_ADDRESS, FORM_PLAIN },
            { "IN", BROKERS_PUT_TPS_60, FORM_RATE },
            { "OUT", BROKERS_GET_TRANSFERRED_TPS_60, FORM_RATE },
            { "DISK", BROKERS_COMMIT_LOG_DISK_RATIO, FORM_RATIO },
            { "VERSION", BROKERS_VERSION, FORM_PLAIN },
            { "UP FOR", BROKERS_BOOT_TIMESTAMP, FORM_AGE_MS },
            { "STORE P99", BROKERS_PUT_LATENCY_99, FORM_MS },
            { "SENDS WAIT", BROKERS_SEND_THREAD_POOL_QUEUE_SIZE, FORM_COUNT },
            { "PULLS WAIT", BROKERS_PULL_THREAD_POOL_QUEUE_SIZE, FORM_COUNT },
        },
        .noun = "broker",
        .sort = "-up,broker,broker_id",
        .bad = {
            { BAD_IS, BROKERS_UP, 0, "down" },
            { BAD_ABOVE, BROKERS_COMMIT_LOG_DISK_RATIO, 0.75, "disk above 75 %" }, /* here brokers begin to delete early */
        },
    },
    [TABLE_SCRAPES] = {
        .columns = {
            { "TARGET", SCRAPES_TARGET, FORM_PLAIN },
            { "KIND", SCRAPES_KIND, FORM_PLAIN },
            { "STATE", SCRAPES_OK, FORM_OK },
            { "ERROR", SCRAPES_ERROR, FORM_PLAIN },
            { "REQUESTS", SCRAPES_REQUESTS, FORM_COUNT },
            { "FAILED", SCRAPES_FAILED, FORM_COUNT },
            { "RECEIVED", SCRAPES_BYTES, FORM_BYTES },
            { "TOOK", SCRAPES_DURATION_MS, FORM_MS },
        },
        .noun = "target",
        .sort = "-ok,target",
        .bad = { { BAD_IS, SCRAPES_OK, 0, "failed" } },
    },
    [TABLE_AGENT] = {
        .columns = {
            { "PART", AGENT_PART, FORM_PLAIN },
            { "STATE", AGENT_UP, FORM_OK },
            { "TOOK", AGENT_DURATION_SECONDS, FORM_SECONDS },
            { "LAST", AGENT_LAST_TIMESTAMP_SECONDS, FORM_AGE_S },
            { "SERIES", AGENT_SERIES, FORM_COUNT },
            { "DELAY", AGENT_DELAY_SECONDS, FORM_SECONDS },
            { "MEMORY", AGENT_RESIDENT_BYTES, FORM_BYTES },
            { "CPU", AGENT_CPU_SECONDS_TOTAL, FORM_SECONDS },
            { "RECEIVED", AGENT_RECEIVED_BYTES_TOTAL, FORM_BYTES },
            { "MISSED TICKS", AGENT_MISSED_TICKS_TOTAL, FORM_COUNT },
        },
        .noun = "part",
        .sort = "-up,part",
        .bad = {
            { BAD_IS, AGENT_UP, 0, "failed" },
            { BAD_IS, AGENT_COMPLETE, 0, "incomplete" },
            { BAD_ABOVE, AGENT_DELAY_SECONDS, 0, "something undelivered" },
        },
    },
    [TABLE_SINKS] = {
        .columns = {
            { "SINK", SINKS_SINK, FORM_PLAIN },
            { "STATE", SINKS_UP, FORM_OK },
            { "DELAY", SINKS_DELAY_SECONDS, FORM_SECONDS },
            { "LAST OK", SINKS_LAST_TIMESTAMP_SECONDS, FORM_AGE_S },
            { "DELIVERED", SINKS_DELIVERED_TOTAL, FORM_COUNT },
            { "RETRIED", SINKS_RETRIED_TOTAL, FORM_COUNT },
            { "REFUSED", SINKS_REJECTED_TOTAL, FORM_COUNT },
            { "DROPPED", SINKS_DROPPED_TOTAL, FORM_COUNT },
            { "WAITING", SINKS_WAITING, FORM_COUNT },
            { "SERIES", SINKS_SERIES, FORM_COUNT },
            { "FAILED", SINKS_ERROR_TIMESTAMP_SECONDS, FORM_AGE_S },
            { "LAST ERROR", SINKS_ERROR, FORM_PLAIN },
            { "DROPS", SINKS_DROPS, FORM_PLAIN },
        },
        .noun = "sink",
        .sort = "-up,sink",
        .bad = {
            { BAD_IS, SINKS_UP, 0, "failed" },
            { BAD_ABOVE, SINKS_DELAY_SECONDS, 5, "something undelivered for a while" },
        },
    },
};
/* clang-format on */

const struct layout *layout_of(enum table_id t)
{
    return &layouts[t];
}

bool layout_is_bad(enum table_id t, const struct batch *b, uint32_t row)
{
    for (const struct layout_bad *bad = layouts[t].bad; bad->words != NULL; bad++) {
        double value = batch_number(b, t, row, bad->column); /* a NaN fits nothing below */
        if (bad->test == BAD_IS ? value == bad->value : value > bad->value)
            return true;
    }
    return false;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_instant(const char *name)
{
    return ends_with(name, "_at") || strstr(name, "timestamp") != NULL || strstr(name, "time_stamp") != NULL;
}

enum grid_form layout_form(const struct column *column)
{
    static const struct {
        const char *unit;
        enum grid_form form;
    } forms[] = {
        { "", FORM_PLAIN },
        { "bytes", FORM_BYTES },
        { "bytes/s", FORM_BYTES_RATE },
        { "messages/s", FORM_RATE },
        { "requests/s", FORM_RATE },
        { "s", FORM_SECONDS },
        { "ms", FORM_MS },
        { "ratio", FORM_RATIO },
    };

    if (column->kind == COLUMN_KEY || column->kind == COLUMN_TEXT || ends_with(column->name, "_offset"))
        return FORM_PLAIN;
    if (is_instant(column->name))
        return strcmp(column->unit, "ms") == 0 ? FORM_TIME_MS : FORM_TIME_S;
    if (strcmp(column->name, "verdict") == 0)
        return FORM_VERDICT;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (strcmp(column->unit, forms[i].unit) == 0)
            return forms[i].form;
    return FORM_COUNT; /* messages, clients, queues: things that are counted */
}

const char *layout_verdict(int64_t number, int *tone)
{
    static const struct {
        const char *word;
        int tone;
    } verdicts[] = {
        { "N/A", 0 },     { "UNKNOWN", 1 }, { "NO_COMMIT", 1 }, { "BEYOND_END", 1 }, { "ABANDONED", 0 },
        { "LOST", 2 },    { "OK", 0 },      { "STOPPED", 2 },   { "STALLED", 2 },    { "UNKNOWN", 1 },
        { "REWOUND", 1 }, { "OK", 0 },      { "FALLING_BEHIND", 1 }, { "DRAINING", 0 }, { "STEADY", 0 },
    };

    if (number < 0 || number >= (int64_t)(sizeof(verdicts) / sizeof(verdicts[0])))
        return NULL;
    *tone = verdicts[number].tone;
    return verdicts[number].word;
}
