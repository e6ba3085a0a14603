/*
 * test_rocketmq_limits.h - a source with one cluster of one broker, for the tests of how much a server can make it remember: each limit of
 * agent/LIMITS.md at it and one past it. The loop tests' _i is 0 at the limit and 1 past it.
 */
#ifndef TESTS_UNIT_TEST_ROCKETMQ_LIMITS_H
#define TESTS_UNIT_TEST_ROCKETMQ_LIMITS_H

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/source/rocketmq/learn.h"
#include "agent/source/rocketmq/topology.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct rpc *rpc;
static struct topology topology;
static struct cluster *cluster;
static struct broker *broker;
static struct buf text;

static inline struct view body(void)
{
    return (struct view){ text.data, text.len };
}

/* An answer to 106, each a second after the one before it. */
static inline void learn(void)
{
    static int64_t now_ns;
    unsigned listed;
    struct err err = { .kind = ERR_NONE };

    now_ns += NS_PER_S;
    ck_assert_msg(topology_learn(&topology, rpc, body(), now_ns, &listed, &err) == 0, "%s", err.msg);
    topology_choose_leaders(&topology);
    buf_reset(&text);
}

static inline void setup(void)
{
    rpc = rpc_new(NULL);
    buf_init(&text, 0);
    buf_puts(&text, "{\"brokerAddrTable\":{\"b\":{\"brokerAddrs\":{0:\"127.0.0.1:1\"},\"cluster\":\"c\"}}}");
    learn();
    cluster = topology.clusters[0];
    broker = cluster->brokers[0];
}

/* Whatever was held has been given back. */
static inline void teardown(void)
{
    for (unsigned c = 0; c < topology.cluster_count; c++)
        cluster_free(topology.clusters[c]);
    topology.cluster_count = 0;
    ck_assert_uint_eq(topology.held, 0);
    topology_fini(&topology);
    buf_fini(&text);
    rpc_free(rpc);
}

static inline uint32_t must_topic(const char *name)
{
    uint32_t id = cluster_topic(cluster, view_of(name));

    ck_assert_uint_ne(id, 0);
    return id;
}

#endif
