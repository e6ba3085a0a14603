/* fuzz_body_runtime.c - any bytes as the body of 28, and its texts as cells of a row. See fuzz_body.h. */
#include "tests/fuzz/fuzz_body.h"

#include "agent/source/rocketmq/runtime.h"

static struct batch *batch;
static uint32_t row;
static struct runtime_facts facts;

static void on_entry(void *ctx, struct view key, struct view value)
{
    (void)ctx;
    fuzz_touch(key);
    fuzz_touch(value);
    runtime_take(batch, row, &facts, key, value);
}

static int decode(struct view body, struct err *err)
{
    batch = batch_new();
    row = batch_add(batch, TABLE_BROKERS);
    facts = RUNTIME_FACTS_NONE;
    int result = body_runtime(body, on_entry, NULL, err);
    batch_unref(batch);
    return result;
}

FUZZ_BODY(decode(body, &err))
