/* fuzz_body_groups.c - any bytes as the body of 201. See fuzz_body.h. */
#include "tests/fuzz/fuzz_body.h"

static void on_group(void *ctx, struct view group)
{
    (void)ctx;
    fuzz_touch_listed(group);
}

FUZZ_BODY(body_groups(body, on_group, NULL, &(uint32_t){ 0 }, &err))
