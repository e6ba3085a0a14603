/* fuzz_body_cluster.c - any bytes as the body of 106. See fuzz_body.h. */
#include "tests/fuzz/fuzz_body.h"

static void on_broker(void *ctx, const struct body_broker *broker)
{
    (void)ctx;
    if (!broker->is_too_long)
        fuzz_touch_name(broker->name);
    fuzz_touch(broker->cluster);
    fuzz_require(broker->count + broker->left_out >= 1 && broker->count <= BODY_MEMBERS_MAX);
    for (unsigned i = 0; i < broker->count; i++)
        fuzz_require(broker->members[i].id >= 0 && memchr(broker->members[i].address, '\0', ADDRESS_MAX_BYTES) != NULL);
}

FUZZ_BODY(body_cluster(body, on_broker, NULL, &err))
