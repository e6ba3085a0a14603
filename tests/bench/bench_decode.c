/*
 * bench_decode.c - what reading an answer costs, by request code: ns a row and MB/s.
 *
 * The bodies are those of a broker with TOPICS topics of 4 queues, in the very dialect of 5.5.0 (28 is a real one, read again and
 * again); each figure is the best of ROUNDS, every value looked at.
 */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/source/rocketmq/bodies.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 15
#define TOPICS 10000u
#define QUEUES 4u
#define RUNTIME_FILE "tests/data/rocketmq/28.5.5.0.body"

static uint64_t rows, sum; /* sum: what was read is used, so that nothing is left out */

static void make_offsets(struct buf *to)
{
    buf_puts(to, "{\"dataVersion\":{\"counter\":5,\"stateVersion\":0,\"timestamp\":1795176918947},\"offsetTable\":{");
    for (unsigned t = 0; t < TOPICS; t++)
        buf_printf(to, "%s\"T%05u@G%05u\":{0:%u,1:%u,2:%u,3:%u}", t > 0 ? "," : "", t, t, t * 31, t * 7, t, t * 1000);
    buf_puts(to, "}}");
}

/* The table of 202 (one topic an answer; here they stand in one body) or of 208. */
static void make_queues(struct buf *to, const char *values)
{
    buf_puts(to, "{\"offsetTable\":{");
    for (unsigned i = 0; i < TOPICS * QUEUES; i++) {
        buf_printf(to, "%s{\"brokerName\":\"broker-a\",\"queueId\":%u,\"topic\":\"T%05u\"}:{", i > 0 ? "," : "", i % QUEUES, i / QUEUES);
        buf_puts(to, values);
        buf_puts(to, "}");
    }
    buf_puts(to, "}}");
}

static bool on_pair(void *ctx, enum body_offset_table table, struct view key)
{
    (void)ctx;
    sum += key.len + table;
    return true;
}

static void on_offset(void *ctx, enum body_offset_table table, uint32_t queue, int64_t offset)
{
    (void)ctx;
    sum += (uint64_t)offset + queue + table;
    rows++;
}

static void on_queue(void *ctx, const struct body_queue *queue)
{
    (void)ctx;
    sum += (uint64_t)queue->max + queue->queue + queue->topic.len;
    rows++;
}

static void on_entry(void *ctx, struct view key, struct view value)
{
    (void)ctx;
    sum += key.len + value.len;
    rows++;
}

static int read_offsets(struct view body, struct err *err)
{
    return body_offsets(body, &(struct body_offsets){ .pair = on_pair, .queue = on_offset }, NULL, err);
}

static int read_topic_stats(struct view body, struct err *err)
{
    return body_topic_stats(body, on_queue, NULL, err);
}

static int read_consume_stats(struct view body, struct err *err)
{
    return body_consume_stats(body, on_queue, NULL, err);
}

static int read_runtime(struct view body, struct err *err)
{
    return body_runtime(body, on_entry, NULL, err);
}

/* Reads the body `times` times a round. */
static void measure(const char *name, const struct buf *body, unsigned times, int (*read)(struct view body, struct err *err))
{
    int64_t best_ns = INT64_MAX;
    struct err err;

    for (int round = 0; round < ROUNDS; round++) {
        int64_t started_ns = clock_cpu_ns();
        rows = 0;
        for (unsigned i = 0; i < times; i++)
            if (read((struct view){ body->data, body->len }, &err) < 0) {
                fprintf(stderr, "bench: %s: %s\n", name, err.msg);
                exit(1);
            }
        int64_t took_ns = clock_cpu_ns() - started_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    printf("decode %s rows=%llu bytes=%zu ns_per_row=%.1f MB_per_s=%.0f\n", name, (unsigned long long)(rows / times), body->len,
           (double)best_ns / (double)rows, (double)body->len * times / (double)best_ns * 1000);
}

static void read_file(struct buf *to, const char *path)
{
    FILE *f = fopen(path, "re");
    char part[4096];
    size_t n;

    if (f == NULL) {
        fprintf(stderr, "bench: %s is missing: run this from the root of the source\n", path);
        exit(1);
    }
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        buf_put(to, part, n);
    fclose(f);
}

int main(void)
{
    struct buf body;

    buf_init(&body, 0);
    read_file(&body, RUNTIME_FILE);
    measure("28", &body, 1000, read_runtime);
    buf_reset(&body);
    make_offsets(&body);
    measure("43", &body, 1, read_offsets);
    buf_reset(&body);
    make_queues(&body, "\"lastUpdateTimestamp\":1795176974159,\"maxOffset\":8812345,\"minOffset\":12");
    measure("202", &body, 1, read_topic_stats);
    buf_reset(&body);
    make_queues(&body, "\"brokerOffset\":8812345,\"consumerOffset\":8812300,\"lastTimestamp\":1795176962724,\"pullOffset\":8812300");
    measure("208", &body, 1, read_consume_stats);
    buf_fini(&body);
    fprintf(stderr, "(checksum %llu)\n", (unsigned long long)sum);
    return 0;
}
