/*
 * push_statsd.c - the statsd sink feeds a real receiver.
 *
 *     push_statsd ADDRESS OPTION=VALUE...          three batches, see below
 *     push_statsd -l LINES ADDRESS OPTION=VALUE... one batch of so many lines, once; prints how long it took
 *
 * Three batches: the first says where counters start and leaves every gauge at another value, the second is what the
 * receiver has to hold in the end, and comes twice. Prints what that is, one JSON object a line, for statsd_equal.py:
 *
 *     {"metric":"mq_broker_up","type":"gauge","labels":[["source","s"],...],"value":"-5"}
 *
 * Exit 1 if a delivery is not OK. Labels are as the batch holds them: what a dialect makes of them is for the reader to know.
 */
#include "agent/base/buf.h"
#include "agent/model/family.h"
#include "tests/fake/sink_rig.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *broker;
    int64_t before, after;
} brokers[] = {
    { "broker-a", 1, 2 },
    { "10.0.0.1:10911", 0, 3 },
    { "%RETRY%orders|eu", -5, -7 },
    { "above-to-below", 42, -1 },
    { "below-to-zero", -42, 0 },
    { "never-changes", -9, -9 },
    { "largest", 1, INT64_MAX },
    { "smallest", 1, -INT64_MAX },
    { "exact", 1, 9007199254740992 },
    { "a\nevil:1|g", 5, 6 },
    { "a|c|#evil:tag,x=y;z[q]", 5, 7 },
    { "quote\"back\\slash", 5, 8 },
    { "消费 组", 5, 9 },
    { "one.two", 1, 11 },
    { "one_two", 1, 12 },
    { "one|two", 1, 13 },
    { "", 1, 14 },
};

#define BROKERS (sizeof(brokers) / sizeof(brokers[0]))
#define WANTED "mq_broker_up mqpush_received_bytes_total mqpush_cpu_seconds_total mqpush_collect_duration_seconds"

static void set(struct batch *b, enum table_id t, uint32_t row, unsigned column, const char *text)
{
    batch_set_text(b, t, row, column, batch_intern_z(b, text));
}

static struct batch *make_batch(bool is_after)
{
    struct batch *b = batch_new();

    *batch_info_edit(b) = (struct batch_info){ .time_ms = 1700000040000, .interval_ms = 60000, .complete = true };
    for (size_t i = 0; i < BROKERS; i++) {
        uint32_t row = batch_add(b, TABLE_BROKERS);
        set(b, TABLE_BROKERS, row, KEY_SOURCE, "s");
        set(b, TABLE_BROKERS, row, KEY_SYSTEM, "rocketmq");
        set(b, TABLE_BROKERS, row, KEY_CLUSTER, "DefaultCluster");
        set(b, TABLE_BROKERS, row, BROKERS_BROKER, brokers[i].broker);
        batch_set_int(b, TABLE_BROKERS, row, BROKERS_UP, is_after ? brokers[i].after : brokers[i].before);
    }
    uint32_t row = batch_add(b, TABLE_AGENT);
    set(b, TABLE_AGENT, row, AGENT_PART, "collect");
    batch_set_int(b, TABLE_AGENT, row, AGENT_RECEIVED_BYTES_TOTAL, is_after ? 1234 : 1000);
    batch_set_real(b, TABLE_AGENT, row, AGENT_CPU_SECONDS_TOTAL, is_after ? 2 : 1.5);
    batch_set_real(b, TABLE_AGENT, row, AGENT_DURATION_SECONDS, is_after ? 0.000125 : 0.25);
    batch_seal(b);
    return b;
}

/* Where the batch has the value a counter has reached, the receiver has by how much it rose. */
static void put_value(cJSON *object, const struct family *f, const struct batch *before, const struct batch *after, uint32_t row)
{
    char text[64];
    bool is_int;
    int64_t i = 0, old_i = 0;
    double d = 0, old_d = 0;

    family_sample(f, after, row, &is_int, &i, &d);
    if (f->type == FAMILY_COUNTER)
        family_sample(f, before, row, &is_int, &old_i, &old_d);
    if (is_int)
        snprintf(text, sizeof(text), "%" PRId64, i - old_i);
    else
        snprintf(text, sizeof(text), "%.17g", d - old_d);
    cJSON_AddStringToObject(object, "value", text);
}

static void print_expected(const struct family *f, const struct batch *before, const struct batch *after)
{
    for (uint32_t row = 0; row < batch_rows(after, f->table); row++) {
        cJSON *object = cJSON_CreateObject(), *labels = cJSON_AddArrayToObject(object, "labels");
        cJSON_AddStringToObject(object, "metric", f->name);
        cJSON_AddStringToObject(object, "type", family_type_name(f->type));
        for (const struct family_label *l = f->labels; l->name != NULL; l++) {
            const char *value = batch_text(after, f->table, row, l->column);
            const char *const pair[] = { l->name, value != NULL ? value : "" };
            cJSON_AddItemToArray(labels, cJSON_CreateStringArray(pair, 2));
        }
        put_value(object, f, before, after, row);
        char *line = cJSON_PrintUnformatted(object);
        puts(line);
        free(line);
        cJSON_Delete(object);
    }
}

static int deliver(struct sink_rig *rig, const struct batch *b)
{
    if (sink_rig_deliver(rig, b) == SINK_OK && rig->delivery.cut == 0)
        return 0;
    fprintf(stderr, "push_statsd: %s (%llu cut)\n", rig->err.msg, (unsigned long long)rig->delivery.cut);
    return -1;
}

static int open_rig(struct sink_rig *rig, int argc, char **argv)
{
    sink_rig_init(rig, "statsd");
    family_select(WANTED, rig->families, NULL);
    int rc = sink_rig_set(rig, "address", argv[1]);
    for (int i = 2; i < argc && rc == 0; i++) {
        char *value = strchr(argv[i], '=');
        if (value == NULL)
            return -1;
        *value = '\0';
        rc = sink_rig_set(rig, argv[i], value + 1);
    }
    rc = rc == 0 ? sink_rig_open(rig) : rc;
    if (rc < 0)
        fprintf(stderr, "push_statsd: %s\n", rig->err.msg);
    return rc;
}

static int push_lines(uint32_t lines, int argc, char **argv)
{
    struct sink_rig rig;
    struct batch *b = rig_broker_batch(lines);

    int rc = open_rig(&rig, argc, argv);
    rig.deadline_ms = 60000;
    if (rc == 0)
        rc = deliver(&rig, b);
    if (rc == 0)
        printf("%llu lines in %lld ms\n", (unsigned long long)rig.delivery.series, (long long)rig.took_ms);
    sink_rig_fini(&rig);
    batch_unref(b);
    return rc == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct sink_rig rig;

    if (argc > 3 && strcmp(argv[1], "-l") == 0)
        return push_lines((uint32_t)strtoul(argv[2], NULL, 10), argc - 2, argv + 2);
    if (argc < 2) {
        fprintf(stderr, "usage: push_statsd ADDRESS [OPTION=VALUE]...\n");
        return 2;
    }
    struct batch *before = make_batch(false), *after = make_batch(true);
    int rc = open_rig(&rig, argc, argv);
    if (rc == 0 && deliver(&rig, before) == 0 && deliver(&rig, after) == 0)
        rc = deliver(&rig, after);
    else
        rc = -1;
    for (unsigned i = 0; i < family_count && rc == 0; i++)
        if (rig.families[i])
            print_expected(&families[i], before, after);
    sink_rig_fini(&rig);
    batch_unref(before);
    batch_unref(after);
    return rc == 0 ? 0 : 1;
}
