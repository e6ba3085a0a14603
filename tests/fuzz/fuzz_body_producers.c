/* fuzz_body_producers.c - any bytes as the body of 328. See fuzz_body.h. */
#include "tests/fuzz/fuzz_body.h"

static void on_producer(void *ctx, struct view group, struct view client_id)
{
    (void)ctx;
    fuzz_touch_listed(group);
    fuzz_touch(client_id);
    fuzz_require(client_id.len <= CLIENT_ID_MAX_BYTES);
}

FUZZ_BODY(body_producers(body, on_producer, NULL, &err))
