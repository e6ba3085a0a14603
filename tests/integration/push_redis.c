/*
 * push_redis.c - batches through the redis sink into real servers, and the streams read back with plain hiredis.
 *
 *   push_redis push   URL TIME COUNT ROWS SECONDS [option=value]...   delivers COUNT intervals, a minute apart, from TIME (seconds): each
 *                     is tried until it is accepted, for at most SECONDS; "ok TIME" per interval, or what went wrong
 *   push_redis verify PREFIX TIME COUNT ROWS host:port...             every row of these intervals is there once, as it was made
 *   push_redis probe  URL [option=value]...
 *
 * The rows follow from the time and ROWS alone, so that another process can make them again.
 */
#include "agent/base/clock.h"
#include "agent/base/num.h"
#include "agent/base/xalloc.h"
#include "tests/fake/sink_rig.h"

#include <hiredis/hiredis.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MINUTE 60
#define PAGE "1000"
#define HOSTS_MAX 16

static void die(const char *what, const char *why)
{
    printf("push_redis: %s: %s\n", what, why);
    exit(1);
}

/* ---- what is pushed ---- */

static void set_text(struct batch *b, enum table_id t, uint32_t row, unsigned column, const char *prefix, uint64_t number)
{
    char text[100];

    snprintf(text, sizeof(text), "%s%llu", prefix, (unsigned long long)number);
    batch_set_text(b, t, row, column, batch_intern_z(b, text));
}

static uint32_t add_row(struct batch *b, enum table_id t)
{
    uint32_t row = batch_add(b, t);

    batch_set_text(b, t, row, KEY_SOURCE, batch_intern_z(b, "prod"));
    batch_set_text(b, t, row, KEY_SYSTEM, batch_intern_z(b, "rocketmq"));
    batch_set_text(b, t, row, KEY_CLUSTER, batch_intern_z(b, "a \"quoted\" cluster\r\n$5"));
    return row;
}

static void add_queue(struct batch *b, uint64_t salt, uint32_t i)
{
    uint32_t row = add_row(b, TABLE_QUEUES);

    set_text(b, TABLE_QUEUES, row, QUEUES_CONSUMER_GROUP, "%RETRY%group|", i / 8);
    set_text(b, TABLE_QUEUES, row, QUEUES_TOPIC, "topic_", i / 8);
    set_text(b, TABLE_QUEUES, row, QUEUES_QUEUE, "", i % 8);
    batch_set_int(b, TABLE_QUEUES, row, QUEUES_MAX_OFFSET, (int64_t)(salt % 1000003) * 1000003 + i);
    if ((salt + i) % 3 != 0)
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_CONSUMER_OFFSET, INT64_MAX - (int64_t)i);
    batch_set_int(b, TABLE_QUEUES, row, QUEUES_LAG, (int64_t)(i % 2));
    batch_set_real(b, TABLE_QUEUES, row, QUEUES_LAST_CONSUMED_AT, (double)salt + i / 7.0);
}

static void add_group(struct batch *b, uint64_t salt, uint32_t i)
{
    uint32_t row = add_row(b, TABLE_GROUPS);

    set_text(b, TABLE_GROUPS, row, GROUPS_CONSUMER_GROUP, "group_", i);
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_MEMBERS, 2);
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_LAG, (int64_t)((salt + i) % 5));
}

static struct batch *make_batch(int64_t time, uint32_t rows)
{
    struct batch *b = batch_new();

    *batch_info_edit(b) = (struct batch_info){ .time_ms = time * 1000, .interval_ms = MINUTE * 1000, .number = 1, .complete = true };
    for (uint32_t i = 0; i < rows; i++)
        add_queue(b, (uint64_t)time, i);
    for (uint32_t i = 0; i < rows / 4 + 1; i++)
        add_group(b, (uint64_t)time, i);
    batch_seal(b);
    return b;
}

static void start_sink(struct sink_rig *rig, const char *url, char **options)
{
    sink_rig_init(rig, "redis");
    rig->env.timeout_ms = 3000;
    sink_rig_label(rig, "env", "test");
    sink_rig_set(rig, "url", url);
    for (; *options != NULL; options++) {
        char *equals = strchr(*options, '='), *name = equals != NULL ? xstrndup(*options, (size_t)(equals - *options)) : NULL;
        if (name == NULL || sink_rig_set(rig, name, equals + 1) < 0)
            die(*options, rig->err.msg);
        free(name);
    }
    if (sink_rig_open(rig) < 0)
        die("open", rig->err.msg);
}

static void push_one(struct sink_rig *rig, const struct batch *b, int64_t seconds)
{
    static const char *const names[] = { "OK", "RETRY", "REJECT" };
    int64_t end = clock_now_ns() + seconds * NS_PER_S;
    enum sink_result result;
    unsigned tries = 0;

    for (;;) {
        rig->deadline_ms = 10000;
        result = sink_rig_deliver(rig, b);
        tries++;
        if (result != SINK_RETRY || clock_now_ns() >= end)
            break;
        usleep(50000);
    }
    if (result == SINK_OK)
        printf("ok %lld%s\n", (long long)(batch_info(b)->time_ms / 1000), tries > 1 ? " again" : "");
    else
        printf("%s %s\n", names[result], rig->err.msg);
    fflush(stdout);
}

static int push(char **argv)
{
    int64_t time = atoll(argv[1]), count = atoll(argv[2]);
    struct sink_rig rig;

    start_sink(&rig, argv[0], argv + 5);
    for (int64_t i = 0; i < count; i++) {
        struct batch *b = make_batch(time + i * MINUTE, (uint32_t)atoi(argv[3]));
        push_one(&rig, b, atoll(argv[4]));
        batch_unref(b);
    }
    sink_rig_fini(&rig);
    return 0;
}

static int probe(char **argv)
{
    char detail[200] = "";
    struct sink_rig rig;

    start_sink(&rig, argv[0], argv + 1);
    int rc = rig.ops->probe(rig.self, clock_now_ns() + 5 * NS_PER_S, detail, sizeof(detail), &rig.err);
    puts(rc == 0 ? detail : rig.err.msg);
    sink_rig_fini(&rig);
    return rc != 0;
}

/* ---- reading back ---- */

struct expected {
    int64_t time, count;
    struct batch **batches;
    unsigned char **seen[TABLE_COUNT]; /* by batch, by row */
    uint64_t entries, foreign, wrong, twice;
};

static redisContext *hosts[HOSTS_MAX];

/* The node that has the key answers; the others say MOVED. */
static redisReply *ask(const char *command, const char *key, const char *start)
{
    for (int i = 0; i < HOSTS_MAX && hosts[i] != NULL; i++) {
        redisReply *r = redisCommand(hosts[i], command, key, start);
        if (r == NULL)
            die("read", hosts[i]->errstr);
        if (r->type != REDIS_REPLY_ERROR)
            return r;
        if (strncmp(r->str, "MOVED", 5) != 0)
            die(key, r->str);
        freeReplyObject(r);
    }
    die(key, "no node has it");
    return NULL;
}

static const char *value_of(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1]->str;
    return NULL;
}

static bool cell_is(const struct batch *b, enum table_id t, uint32_t row, unsigned c, const char *value)
{
    const struct column *column = &schema_tables[t].columns[c];
    char number[40];
    double real;

    if (column->hidden || !batch_has(b, t, row, c))
        return value == NULL;
    if (value == NULL)
        return false;
    if (column->kind == COLUMN_REAL)
        return num_to_real(value, strlen(value), &real) == 0 && real == batch_real(b, t, row, c);
    snprintf(number, sizeof(number), "%lld", column->kind == COLUMN_INT ? (long long)batch_int(b, t, row, c) : 0);
    return strcmp(value, column->kind == COLUMN_INT ? number : batch_text(b, t, row, c)) == 0;
}

static bool row_is(const struct batch *b, enum table_id t, uint32_t row, const redisReply *fields)
{
    for (unsigned c = 0; c < schema_tables[t].column_count; c++)
        if (!cell_is(b, t, row, c, value_of(fields, schema_tables[t].columns[c].name)))
            return false;
    const char *label = value_of(fields, "env");
    return label != NULL && strcmp(label, "test") == 0;
}

/* The queue's place is in its offset, the group's in its name: which row this claims to be. */
static uint32_t claimed_row(enum table_id t, const struct batch *b, const redisReply *fields)
{
    const char *text = value_of(fields, t == TABLE_QUEUES ? "max_offset" : "consumer_group");

    if (text == NULL)
        return UINT32_MAX;
    if (t == TABLE_QUEUES)
        return (uint32_t)(atoll(text) - batch_int(b, t, 0, QUEUES_MAX_OFFSET));
    return (uint32_t)atoi(text + strlen("group_"));
}

static void check_entry(struct expected *x, enum table_id t, const redisReply *entry)
{
    const redisReply *fields = entry->element[1];
    const char *time = fields->elements > 0 && strcmp(fields->element[0]->str, "time") == 0 ? fields->element[1]->str : NULL;
    int64_t at = time != NULL ? (atoll(time) - x->time) / MINUTE : -1;

    if (time == NULL || at < 0 || at >= x->count) {
        x->foreign++;
        return;
    }
    uint32_t row = claimed_row(t, x->batches[at], fields);
    x->entries++;
    if (row >= batch_rows(x->batches[at], t) || !row_is(x->batches[at], t, row, fields)) {
        if (x->wrong++ < 3)
            printf("wrong: %s time %s row %u\n", entry->element[0]->str, time, row);
    } else if (x->seen[t][at][row]++ > 0 && x->twice++ < 3) {
        printf("twice: %s time %s row %u\n", entry->element[0]->str, time, row);
    }
}

static void read_stream(struct expected *x, enum table_id t, const char *prefix)
{
    char *key = xasprintf("%s%s", prefix, schema_tables[t].name), start[60] = "-";

    for (;;) {
        redisReply *page = ask("XRANGE %s %s + COUNT " PAGE, key, start);
        size_t n = page->elements;
        for (size_t i = 0; i < n; i++)
            check_entry(x, t, page->element[i]);
        if (n > 0)
            snprintf(start, sizeof(start), "(%s", page->element[n - 1]->element[0]->str);
        freeReplyObject(page);
        if (n < (size_t)atoi(PAGE))
            break;
    }
    free(key);
}

static int verify(char **argv)
{
    static const enum table_id tables[] = { TABLE_QUEUES, TABLE_GROUPS };
    struct expected x = { .time = atoll(argv[1]), .count = atoll(argv[2]) };
    uint64_t missing = 0;

    for (int i = 0; argv[4 + i] != NULL && i < HOSTS_MAX; i++) {
        char *colon = strrchr(argv[4 + i], ':');
        *colon = '\0';
        hosts[i] = redisConnect(argv[4 + i], atoi(colon + 1));
        if (hosts[i] == NULL || hosts[i]->err != 0)
            die("connect", colon + 1);
    }
    x.batches = xcalloc((size_t)x.count, sizeof(*x.batches));
    for (int64_t i = 0; i < x.count; i++)
        x.batches[i] = make_batch(x.time + i * MINUTE, (uint32_t)atoi(argv[3]));
    for (int k = 0; k < 2; k++) {
        enum table_id t = tables[k];
        x.seen[t] = xcalloc((size_t)x.count, sizeof(*x.seen[t]));
        for (int64_t i = 0; i < x.count; i++)
            x.seen[t][i] = xcalloc(batch_rows(x.batches[i], t), 1);
        read_stream(&x, t, argv[0]);
        for (int64_t i = 0; i < x.count; i++)
            for (uint32_t row = 0; row < batch_rows(x.batches[i], t); row++)
                missing += x.seen[t][i][row] == 0;
    }
    for (int64_t i = 0; i < x.count; i++) {
        for (int k = 0; k < 2; k++)
            free(x.seen[tables[k]][i]);
        batch_unref(x.batches[i]);
    }
    for (int k = 0; k < 2; k++)
        free(x.seen[tables[k]]);
    free(x.batches);
    for (int i = 0; i < HOSTS_MAX && hosts[i] != NULL; i++)
        redisFree(hosts[i]);
    printf("entries %llu missing %llu twice %llu wrong %llu foreign %llu\n", (unsigned long long)x.entries,
           (unsigned long long)missing, (unsigned long long)x.twice, (unsigned long long)x.wrong, (unsigned long long)x.foreign);
    return missing + x.twice + x.wrong > 0;
}

int main(int argc, char **argv)
{
    if (argc >= 7 && strcmp(argv[1], "push") == 0)
        return push(argv + 2);
    if (argc >= 7 && strcmp(argv[1], "verify") == 0)
        return verify(argv + 2);
    if (argc >= 3 && strcmp(argv[1], "probe") == 0)
        return probe(argv + 2);
    fprintf(stderr, "usage: push_redis push|verify|probe ... (see the head of push_redis.c)\n");
    return 2;
}
