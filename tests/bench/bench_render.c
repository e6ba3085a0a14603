/*
 * bench_render.c - what a page of Prometheus text costs: alone, and compressed on the fly as the Pushgateway gets it.
 *
 * A batch as a cluster of 200 groups, 100 topics, 4 brokers would fill it; each figure is the best of ROUNDS.
 */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/family.h"
#include "sinks/prom_text.h"
#include "sinks/sink.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define ROUNDS 15
#define GROUPS 200
#define TOPICS 100
#define BROKERS 4
#define QUEUES 8

__attribute__((format(printf, 2, 3))) static uint32_t text(struct batch *b, const char *format, ...)
{
    char name[64];
    va_list ap;

    va_start(ap, format);
    int len = vsnprintf(name, sizeof(name), format, ap);
    va_end(ap);
    return batch_intern(b, name, (size_t)len);
}

static void set_keys(struct batch *b, enum table_id t, uint32_t row)
{
    batch_set_text(b, t, row, KEY_SOURCE, batch_intern_z(b, "prod"));
    batch_set_text(b, t, row, KEY_SYSTEM, batch_intern_z(b, "rocketmq"));
    batch_set_text(b, t, row, KEY_CLUSTER, batch_intern_z(b, "DefaultCluster"));
}

static void add_brokers(struct batch *b)
{
    for (unsigned i = 0; i < BROKERS; i++) {
        uint32_t row = batch_add(b, TABLE_BROKERS);
        set_keys(b, TABLE_BROKERS, row);
        batch_set_text(b, TABLE_BROKERS, row, BROKERS_BROKER, text(b, "broker-%u", i));
        batch_set_text(b, TABLE_BROKERS, row, BROKERS_BROKER_ID, text(b, "%u", 0));
        batch_set_text(b, TABLE_BROKERS, row, BROKERS_ADDRESS, text(b, "10.20.30.%u:10911", i));
        batch_set_text(b, TABLE_BROKERS, row, BROKERS_BROKER_VERSION_DESC, text(b, "V5_3_%u", 2));
        for (unsigned c = BROKERS_UP; c < BROKERS_COLUMN_COUNT; c++) {
            if (schema_tables[TABLE_BROKERS].columns[c].kind == COLUMN_INT)
                batch_set_int(b, TABLE_BROKERS, row, c, 1234567 * (int64_t)(c + i));
            else if (schema_tables[TABLE_BROKERS].columns[c].kind == COLUMN_REAL)
                batch_set_real(b, TABLE_BROKERS, row, c, (c + i) / 7.0);
        }
    }
}

static void add_topics(struct batch *b)
{
    for (unsigned i = 0; i < TOPICS * BROKERS; i++) {
        uint32_t row = batch_add(b, TABLE_TOPICS);
        set_keys(b, TABLE_TOPICS, row);
        batch_set_text(b, TABLE_TOPICS, row, TOPICS_BROKER, text(b, "broker-%u", i % BROKERS));
        batch_set_text(b, TABLE_TOPICS, row, TOPICS_TOPIC, text(b, "orders-topic-%u", i / BROKERS));
        batch_set_text(b, TABLE_TOPICS, row, TOPICS_KIND, batch_intern_z(b, "normal"));
        batch_set_int(b, TABLE_TOPICS, row, TOPICS_MIN_OFFSET, 7000 + i);
        batch_set_int(b, TABLE_TOPICS, row, TOPICS_MAX_OFFSET, 98765432 + i);
        batch_set_int(b, TABLE_TOPICS, row, TOPICS_STORED, 98758432);
        batch_set_real(b, TABLE_TOPICS, row, TOPICS_IN_RATE, (i % 60) / 60.0);
    }
}

/* A group reads five topics. */
static void add_backlogs(struct batch *b)
{
    for (unsigned i = 0; i < GROUPS * 5; i++) {
        uint32_t row = batch_add(b, TABLE_BACKLOGS);
        set_keys(b, TABLE_BACKLOGS, row);
        batch_set_text(b, TABLE_BACKLOGS, row, BACKLOGS_CONSUMER_GROUP, text(b, "billing-consumer-%u", i / 5));
        batch_set_text(b, TABLE_BACKLOGS, row, BACKLOGS_TOPIC, text(b, "orders-topic-%u", i % TOPICS));
        batch_set_text(b, TABLE_BACKLOGS, row, BACKLOGS_KIND, batch_intern_z(b, "normal"));
        batch_set_text(b, TABLE_BACKLOGS, row, BACKLOGS_ONLINE, text(b, "%u", 4));
        batch_set_text(b, TABLE_BACKLOGS, row, BACKLOGS_MODEL_NUMBER, text(b, "%u", 1));
        batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_LAG, i % 3 == 0 ? 0 : 1000 * (int64_t)i);
        batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_DIFF, 1000 * (int64_t)i);
        batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_INFLIGHT, i % 32);
        batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_LOST, 0);
        batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_VERDICT, 6);
        batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_COMPLETE, 1);
        batch_set_real(b, TABLE_BACKLOGS, row, BACKLOGS_LAG_SECONDS, i % 3 == 0 ? 0 : i / 8.0);
        batch_set_real(b, TABLE_BACKLOGS, row, BACKLOGS_OUT_RATE, (i % 600) / 60.0);
    }
}

static void add_queues(struct batch *b)
{
    for (unsigned i = 0; i < GROUPS * 5 * BROKERS * QUEUES; i++) {
        uint32_t row = batch_add(b, TABLE_QUEUES);
        unsigned group_topic = i / (BROKERS * QUEUES);
        set_keys(b, TABLE_QUEUES, row);
        batch_set_text(b, TABLE_QUEUES, row, QUEUES_CONSUMER_GROUP, text(b, "billing-consumer-%u", group_topic / 5));
        batch_set_text(b, TABLE_QUEUES, row, QUEUES_TOPIC, text(b, "orders-topic-%u", group_topic % TOPICS));
        batch_set_text(b, TABLE_QUEUES, row, QUEUES_BROKER, text(b, "broker-%u", i / QUEUES % BROKERS));
        batch_set_text(b, TABLE_QUEUES, row, QUEUES_QUEUE, text(b, "%u", i % QUEUES));
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_LAG, i % 3 == 0 ? 0 : i);
    }
}

struct gzip {
    z_stream stream;
    unsigned char out[65536];
    size_t bytes;
};

static int to_gzip(void *ctx, const char *data, size_t len)
{
    struct gzip *gz = ctx;

    gz->stream.next_in = (unsigned char *)data;
    gz->stream.avail_in = (unsigned)len;
    do {
        gz->stream.next_out = gz->out;
        gz->stream.avail_out = sizeof(gz->out);
        deflate(&gz->stream, data == NULL ? Z_FINISH : Z_NO_FLUSH);
        gz->bytes += sizeof(gz->out) - gz->stream.avail_out;
    } while (gz->stream.avail_out == 0);
    return 0;
}

static int to_nowhere(void *ctx, const char *data, size_t len)
{
    (void)ctx;
    (void)data;
    (void)len;
    return 0;
}

static void measure(const struct batch *b, const bool *wanted, bool gzip)
{
    int64_t best = INT64_MAX;
    struct prom_text_count count = { 0 };
    size_t bytes = 0, compressed = 0;
    struct gzip *gz = xmalloc(sizeof(*gz));

    for (int round = 0; round < ROUNDS; round++) {
        struct buf out;
        *gz = (struct gzip){ 0 };
        buf_init_drain(&out, gzip ? to_gzip : to_nowhere, gz);
        int64_t start = clock_cpu_ns();
        if (gzip)
            deflateInit2(&gz->stream, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
        count = prom_text_render(b, wanted, NULL, 0, &out);
        buf_flush(&out);
        if (gzip)
            to_gzip(gz, NULL, 0);
        int64_t took = clock_cpu_ns() - start;
        best = took < best ? took : best;
        bytes = out.drained;
        compressed = gz->bytes;
        deflateEnd(&gz->stream);
        buf_fini(&out);
    }
    printf("render %s samples=%llu ns_per_sample=%.0f MB_per_s=%.0f text_bytes=%zu", gzip ? "prom+gzip" : "prom",
           (unsigned long long)count.samples, (double)best / (double)count.samples, (double)bytes * 1000 / (double)best, bytes);
    if (gzip)
        printf(" gzip_bytes=%zu", compressed);
    printf("\n");
    free(gz);
}

int main(void)
{
    struct batch *b = batch_new();
    bool *wanted = xcalloc(family_count, sizeof(*wanted));

    family_select("*", wanted, NULL);
    add_brokers(b);
    add_topics(b);
    add_backlogs(b);
    add_queues(b);
    batch_seal(b);
    measure(b, wanted, false);
    measure(b, wanted, true);
    free(wanted);
    batch_unref(b);
    return 0;
}
