/*
 * bench_spool.c - what keeping an interval on disk costs: packing, the transaction, catching up, and the start of `once`.
 *
 * The batch: N groups with a topic of 8 queues each, a retry topic each, 15 % of them busy. Calm: each interval is saved, taken and
 * finished, and leaves with the next. Bytes written are those of write(2), so WAL and checkpoints are in them.
 */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/model/batch_io.h"
#include "agent/pipeline/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_MS 1700006400000LL
#define ROUNDS 60
#define BACKLOG 500

static uint64_t random_state = 88172645463325252u;

static uint64_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static void die(const struct err *err)
{
    fprintf(stderr, "bench_spool: %s\n", err->msg);
    exit(1);
}

static uint32_t named(struct batch *b, const char *prefix, int number)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "%s%d", prefix, number);

    return batch_intern(b, text, (size_t)len);
}

static uint32_t add_row(struct batch *b, enum table_id t)
{
    uint32_t row = batch_add(b, t);

    batch_set_text(b, t, row, KEY_SOURCE, batch_intern_z(b, "prod"));
    batch_set_text(b, t, row, KEY_SYSTEM, batch_intern_z(b, "rocketmq"));
    batch_set_text(b, t, row, KEY_CLUSTER, batch_intern_z(b, "DefaultCluster"));
    return row;
}

static void add_queues(struct batch *b, int g, int64_t moved)
{
    for (int q = 0; q < 8; q++) {
        uint32_t row = add_row(b, TABLE_QUEUES);
        int64_t max = 200000 + g * 17 + q + (g % 100 < 15 ? moved * (1 + (int64_t)(draw() % 20)) : 0);
        batch_set_text(b, TABLE_QUEUES, row, QUEUES_CONSUMER_GROUP, named(b, "consumer_group_", g));
        batch_set_text(b, TABLE_QUEUES, row, QUEUES_TOPIC, named(b, "topic_of_orders_", g));
        batch_set_text(b, TABLE_QUEUES, row, QUEUES_BROKER, named(b, "broker-", q % 2));
        batch_set_text(b, TABLE_QUEUES, row, QUEUES_QUEUE, named(b, "", q / 2));
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_MIN_OFFSET, 100000);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_MAX_OFFSET, max);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_CONSUMER_OFFSET, max - (int64_t)(draw() % 5));
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_LAG, (int64_t)(draw() % 5));
        batch_set_real(b, TABLE_QUEUES, row, QUEUES_LAST_CONSUMED_AT, 1.7e9 + (double)(draw() % 100000) / 1000);
    }
}

static void add_group(struct batch *b, int g, int64_t moved)
{
    uint32_t row = add_row(b, TABLE_GROUPS);

    batch_set_text(b, TABLE_GROUPS, row, GROUPS_CONSUMER_GROUP, named(b, "consumer_group_", g));
    batch_set_text(b, TABLE_GROUPS, row, GROUPS_MODEL, batch_intern_z(b, "clustering"));
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_MEMBERS, 2);
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_LAG, (int64_t)(draw() % 40));
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_COMPLETE, 1);
    for (int retry = 0; retry < 2; retry++) {
        row = add_row(b, TABLE_BACKLOGS);
        batch_set_text(b, TABLE_BACKLOGS, row, BACKLOGS_CONSUMER_GROUP, named(b, "consumer_group_", g));
        batch_set_text(b, TABLE_BACKLOGS, row, BACKLOGS_TOPIC, named(b, retry ? "%RETRY%consumer_group_" : "topic_of_orders_", g));
        batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_LAG, (int64_t)(draw() % 40));
        batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_DIFF, (int64_t)(draw() % 40));
        batch_set_real(b, TABLE_BACKLOGS, row, BACKLOGS_OUT_RATE, (double)(draw() % 600) / 60);
        for (int broker = 0; broker < 2; broker++) {
            row = add_row(b, TABLE_TOPICS);
            batch_set_text(b, TABLE_TOPICS, row, TOPICS_BROKER, named(b, "broker-", broker));
            batch_set_text(b, TABLE_TOPICS, row, TOPICS_TOPIC, named(b, retry ? "%RETRY%consumer_group_" : "topic_of_orders_", g));
            batch_set_int(b, TABLE_TOPICS, row, TOPICS_MAX_OFFSET, 900000 + g + moved);
            batch_set_real(b, TABLE_TOPICS, row, TOPICS_IN_RATE, (double)(draw() % 600) / 60);
        }
    }
}

static struct batch *make(int groups, int64_t minute)
{
    struct batch *b = batch_new();

    *batch_info_edit(b) = (struct batch_info){ .time_ms = START_MS + minute * 60000, .interval_ms = 60000, .complete = true };
    for (int g = 0; g < groups; g++) {
        add_group(b, g, minute);
        add_queues(b, g, minute);
    }
    batch_seal(b);
    return b;
}

static void bench_packing(int topics)
{
    struct batch *b = make(topics, 1);
    int64_t best[2] = { INT64_MAX, INT64_MAX };
    struct buf bytes;
    struct err err;

    buf_init(&bytes, 0);
    for (int i = 0; i < 15; i++) {
        buf_reset(&bytes);
        int64_t began = clock_now_ns();
        if (batch_io_write(b, &bytes, &err) < 0)
            die(&err);
        int64_t written = clock_now_ns();
        batch_unref(batch_io_read(bytes.data, bytes.len, &err));
        int64_t read = clock_now_ns();
        best[0] = written - began < best[0] ? written - began : best[0];
        best[1] = read - written < best[1] ? read - written : best[1];
    }
    printf("spool pack topics=%d memory_kib=%zu bytes=%zu write_ms=%.2f read_ms=%.2f\n", topics, batch_memory(b) / 1024, bytes.len,
           (double)best[0] / 1e6, (double)best[1] / 1e6);
    buf_fini(&bytes);
    batch_unref(b);
}

/* Bytes this process has given to write(2). */
static long long written_bytes(void)
{
    long long value = 0;
    char line[100];
    FILE *f = fopen("/proc/self/io", "r");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, "wchar:", 6) == 0)
            value = atoll(line + 6);
    if (f != NULL)
        fclose(f);
    return value;
}

static struct spool *open_spool(const char *directory, struct state **state)
{
    struct err err;

    *state = state_open(directory, "bench", &err);
    struct spool *spool = *state != NULL ? spool_new(*state, (struct spool_limits){ 1LL << 30, INT64_MAX }) : NULL;
    if (spool == NULL || spool_add_reader(spool, "sqlite") < 0 || spool_load(spool, &err) < 0)
        die(&err);
    return spool;
}

static void save(struct spool *spool, struct batch *b)
{
    struct err err = { 0 };

    if (spool_begin(spool, b, &err) < 0 || spool_commit(spool, clock_wall_ms(), &err) < 0)
        die(&err);
}

static void finish_one(struct spool *spool)
{
    batch_unref(spool_take(spool, 0));
    spool_finish(spool, 0);
}

static int compare_i64(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void bench_calm(const char *directory, int topics)
{
    static int64_t wall[ROUNDS];
    int64_t cpu = 0;
    struct state *state;
    struct spool *spool = open_spool(directory, &state);
    long long before = written_bytes();

    for (int i = 0; i < ROUNDS; i++) {
        struct batch *b = make(topics, i);
        int64_t began = clock_now_ns(), cpu_began = clock_cpu_ns();
        save(spool, b);
        wall[i] = clock_now_ns() - began;
        cpu += clock_cpu_ns() - cpu_began;
        finish_one(spool);
    }
    long long written = written_bytes() - before;
    qsort(wall, ROUNDS, sizeof(*wall), compare_i64);
    printf("spool calm topics=%d median_ms=%.2f max_ms=%.2f cpu_ms=%.2f written_kib=%lld\n", topics, (double)wall[ROUNDS / 2] / 1e6,
           (double)wall[ROUNDS - 1] / 1e6, (double)cpu / ROUNDS / 1e6, written / ROUNDS / 1024);
    spool_free(spool);
    state_close(state);
}

/* An outage of BACKLOG intervals, and its end. */
static void bench_backlog(const char *directory, int topics)
{
    struct spool_info info;
    struct state *state;
    struct spool *spool = open_spool(directory, &state);

    for (int i = 0; i < BACKLOG; i++)
        save(spool, make(topics, i));
    spool_read_info(spool, &info);
    spool_free(spool);
    state_close(state);
    int64_t began = clock_now_ns();
    spool = open_spool(directory, &state);
    int64_t opened = clock_now_ns();
    for (int i = 0; i < BACKLOG; i++)
        finish_one(spool);
    int64_t taken = clock_now_ns(), slowest = 0;
    for (int i = 0; i < 3; i++) {
        int64_t from = clock_now_ns();
        save(spool, NULL);
        slowest = clock_now_ns() - from > slowest ? clock_now_ns() - from : slowest;
    }
    printf("spool backlog topics=%d batches=%d mib=%.1f open_ms=%.2f take_ms_each=%.2f slowest_delete_ms=%.1f\n", topics, BACKLOG,
           (double)info.bytes / 1048576, (double)(opened - began) / 1e6, (double)(taken - opened) / BACKLOG / 1e6,
           (double)slowest / 1e6);
    spool_free(spool);
    state_close(state);
}

static void bench_once(const char *directory, int topics)
{
    int64_t wall = 0, cpu = clock_cpu_ns();

    for (int i = 0; i < 10; i++) {
        struct state *state;
        struct batch *b = make(topics, i);
        int64_t began = clock_now_ns();
        struct spool *spool = open_spool(directory, &state);
        save(spool, b);
        finish_one(spool);
        save(spool, NULL);
        spool_free(spool);
        state_close(state);
        wall += clock_now_ns() - began;
    }
    printf("spool once topics=%d wall_ms=%.2f cpu_ms=%.2f (making the batch included in cpu)\n", topics, (double)wall / 10 / 1e6,
           (double)(clock_cpu_ns() - cpu) / 10 / 1e6);
}

static void remove_all(const char *directory)
{
    static const char *const names[] = { "lock", "state.db", "state.db-wal" };
    char path[256];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        unlink(path);
    }
}

int main(void)
{
    static const int topics[] = { 10, 1000, 10000 };
    char directory[] = "/tmp/bench_spool.XXXXXX";

    if (mkdtemp(directory) == NULL)
        return 1;
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        bench_packing(topics[i]);
        bench_calm(directory, topics[i]);
        remove_all(directory);
    }
    bench_backlog(directory, 1000);
    remove_all(directory);
    bench_once(directory, 1000);
    remove_all(directory);
    rmdir(directory);
    return 0;
}
