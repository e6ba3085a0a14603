/*
 * bench_memory.c - what it costs that a RocketMQ source remembers: bytes, time to write them with each interval, time to read them.
 *
 * N topics of 4 queues with a group each, N retry topics, every tenth group behind, one client a group: the cluster of intervals.sh.
 */
#include "agent/base/buf.h"
#include "agent/source/rocketmq/learn.h"
#include "agent/source/rocketmq/look.h"
#include "agent/source/rocketmq/memory.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 20
#define NAMESRV "127.0.0.1:9876"

struct world {
    struct rpc *rpc;
    struct topology topology;
    struct census census;
    struct peer namesrv;
    unsigned namesrv_at;
    uint32_t looks;
    int64_t looked_at_ns, slow_at_ns, census_at_ns;
};

static struct memory begin(struct world *w)
{
    *w = (struct world){ .rpc = rpc_new(NULL) };
    census_init(&w->census);
    peer_init(&w->namesrv, w->rpc, "name server", NAMESRV);
    return (struct memory){ NAMESRV " 0", w->rpc, &w->topology, &w->census, &w->namesrv, 1, &w->namesrv_at,
                            &w->looks, &w->looked_at_ns, &w->slow_at_ns, &w->census_at_ns };
}

static void end(struct world *w)
{
    topology_fini(&w->topology);
    census_fini(&w->census);
    rpc_free(w->rpc);
}

static struct view body_of(struct buf *body)
{
    return (struct view){ body->data, body->len };
}

static void say_topics(struct broker *b, int topics, struct buf *body)
{
    buf_reset(body);
    buf_puts(body, "{\"topicConfigTable\":{");
    for (int i = 0; i < topics; i++)
        buf_printf(body, "%s\"T%05d\":{\"readQueueNums\":4,\"writeQueueNums\":4},"
                   "\"%%RETRY%%G%05d\":{\"readQueueNums\":1,\"writeQueueNums\":1}", i > 0 ? "," : "", i, i);
    buf_puts(body, "}}");
    learn_topics(b, body_of(body), NULL);
    buf_reset(body);
    buf_puts(body, "{\"subscriptionGroupTable\":{");
    for (int i = 0; i < topics; i++)
        buf_printf(body, "%s\"G%05d\":{}", i > 0 ? "," : "", i);
    buf_puts(body, "}}");
    learn_groups(b, body_of(body), NULL);
}

static void say_offsets(struct broker *b, int topics, struct moment at, struct buf *body)
{
    buf_reset(body);
    buf_puts(body, "{\"offsetTable\":{");
    for (int i = 0; i < topics; i++) {
        long offset = i % 10 == 0 ? 0 : 123456 + i * 7 + (long)at.look;
        buf_printf(body, "%s\"T%05d@G%05d\":{0:%ld,1:%ld,2:%ld,3:%ld},\"%%RETRY%%G%05d@G%05d\":{0:0}", i > 0 ? "," : "", i, i, offset,
                   offset, offset, offset, i, i);
    }
    buf_puts(body, "}}");
    learn_offsets(b, body_of(body), at, NULL);
}

static void say_ends(struct broker *b, int topics, struct moment at, struct buf *body)
{
    for (int i = 0; i < topics; i++) {
        char name[32];
        int len = snprintf(name, sizeof(name), "T%05d", i);
        buf_reset(body);
        buf_puts(body, "{\"offsetTable\":{");
        for (int q = 0; q < 4; q++)
            buf_printf(body, "%s{\"brokerName\":\"b\",\"queueId\":%d,\"topic\":\"%s\"}:{\"lastUpdateTimestamp\":1795000000000,"
                       "\"maxOffset\":%ld,\"minOffset\":1000}", q > 0 ? "," : "", q, name, 123456 + i * 7 + (long)at.look);
        buf_puts(body, "}}");
        learn_topic(b, cluster_topic(b->cluster, (struct view){ name, (size_t)len }), body_of(body), at, NULL);
    }
}

static void say_clients(struct broker *b, int topics, struct buf *body)
{
    for (int i = 0; i < topics; i++) {
        char name[32];
        int len = snprintf(name, sizeof(name), "G%05d", i);
        buf_reset(body);
        buf_printf(body, "{\"connectionSet\":[{\"clientAddr\":\"10.0.%d.%d:43210\",\"clientId\":\"10.0.%d.%d@%d#188\","
                   "\"language\":\"JAVA\",\"version\":453}],\"messageModel\":\"CLUSTERING\"}", i / 250, i % 250, i / 250, i % 250, i);
        learn_clients(b, cluster_group(b->cluster, (struct view){ name, (size_t)len }), body_of(body), NULL);
    }
}

/* Two looks, a minute apart. */
static void learn_cluster(struct world *w, int topics)
{
    static const char brokers[] = "{\"brokerAddrTable\":{\"b\":{\"brokerAddrs\":{0:\"127.0.0.1:1\"},\"cluster\":\"c\"}}}";
    struct look look = { .number = 1 };
    struct buf body;
    unsigned listed;

    buf_init(&body, 0);
    topology_learn(&w->topology, w->rpc, view_of(brokers), clock_now_ns(), &listed, NULL);
    topology_choose_leaders(&w->topology);
    struct broker *b = w->topology.clusters[0]->brokers[0];
    b->now.look = &look;
    say_topics(b, topics, &body);
    say_clients(b, topics, &body);
    for (w->looks = 1; w->looks <= 2; w->looks++) {
        struct moment at = { w->looks, clock_now_ns() - (2 - w->looks) * 60 * NS_PER_S, 120 };
        look.number = w->looks;
        say_offsets(b, topics, at, &body);
        say_ends(b, topics, at, &body);
    }
    w->looks = 2;
    buf_fini(&body);
}

static void bench(int topics)
{
    struct world w;
    struct memory m = begin(&w);
    struct memory_moment at = { .now_ns = clock_now_ns(), .wall_ms = clock_wall_ms() };
    struct err err = { .kind = ERR_NONE };
    struct buf bytes;
    int64_t load_ns = 0;

    learn_cluster(&w, topics);
    buf_init(&bytes, 0);
    int64_t began = clock_cpu_ns();
    for (int i = 0; i < ROUNDS; i++) {
        buf_reset(&bytes);
        memory_save(&m, &at, &bytes);
    }
    int64_t save_ns = clock_cpu_ns() - began;
    for (int i = 0; i < ROUNDS; i++) {
        struct world v;
        struct memory n = begin(&v);
        began = clock_cpu_ns();
        if (memory_load(&n, &at, bytes.data, bytes.len, &err) < 0) {
            fprintf(stderr, "bench_memory: %s\n", err.msg);
            exit(1);
        }
        load_ns += clock_cpu_ns() - began;
        end(&v);
    }
    printf("memory topics=%d bytes=%zu save_cpu_ms=%.2f load_cpu_ms=%.2f\n", topics, bytes.len, (double)save_ns / ROUNDS / 1e6,
           (double)load_ns / ROUNDS / 1e6);
    buf_fini(&bytes);
    end(&w);
}

int main(void)
{
    bench(10);
    bench(1000);
    bench(10000);
    return 0;
}
