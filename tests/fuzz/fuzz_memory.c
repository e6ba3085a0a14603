/*
 * fuzz_memory.c - any bytes as what a RocketMQ source remembers. The input is what stands behind the header, which is made here: no
 * checksum is found by chance.
 *
 * What must hold: reading stays inside and leaves nothing behind when it fails; what could be read can be written, reads back, and
 * writes the same bytes again.
 */
#include "agent/source/rocketmq/memory.h"

#include "agent/base/buf.h"
#include "tests/fuzz/fuzz_body.h"

#include <string.h>

#define NAMESRV "127.0.0.1:9876"
#define NOW_NS (1000000 * NS_PER_S)
#define WALL_MS 1795000000000LL

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

static void sign(struct buf *memory)
{
    uint64_t sum = memory_checksum(memory->data + MEMORY_HEADER, memory->len - MEMORY_HEADER);

    memcpy(memory->data, MEMORY_MAGIC, 4);
    for (unsigned i = 0; i < 8; i++)
        memory->data[4 + i] = (char)(sum >> (8 * i));
}

/* What was read is written, twice. */
static void check_again(struct memory *m, const struct memory_moment *at)
{
    struct world w;
    struct memory n = begin(&w);
    struct buf first, second;
    struct err err = { .kind = ERR_NONE };

    buf_init(&first, 0);
    buf_init(&second, 0);
    memory_save(m, at, &first);
    fuzz_require(memory_load(&n, at, first.data, first.len, &err) == 0);
    memory_save(&n, at, &second);
    fuzz_require(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    buf_fini(&first);
    buf_fini(&second);
    end(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct memory_moment at = { .now_ns = NOW_NS, .wall_ms = WALL_MS, .boot = "" };
    struct world w;
    struct memory m = begin(&w);
    struct buf input;
    struct err err = { .kind = ERR_NONE };

    buf_init(&input, 0);
    buf_put(&input, (const char[MEMORY_HEADER]){ 0 }, MEMORY_HEADER);
    buf_put(&input, data, size);
    sign(&input);
    if (memory_load(&m, &at, input.data, input.len, &err) == 0) {
        topology_choose_leaders(&w.topology);
        topology_forget(&w.topology, NOW_NS, INT64_MAX / NS_PER_S);
        check_again(&m, &at);
    } else {
        fuzz_require(err.kind != ERR_NONE && w.topology.cluster_count == 0 && w.looks == 0);
    }
    buf_fini(&input);
    end(&w);
    return 0;
}
