/* fuzz_body_broker_stats.c - any bytes as the body of 315. See fuzz_body.h. */
#include "tests/fuzz/fuzz_body.h"

static int decode(struct view body, struct err *err)
{
    struct body_broker_stats stats;
    int result = body_broker_stats(body, &stats, err);

    fuzz_require(!(stats.tps < 0) && !(stats.tps > BODY_RATE_MAX)); /* NAN is fine */
    fuzz_require(stats.sum >= BODY_NONE && (double)stats.sum <= BODY_RATE_MAX);
    return result;
}

FUZZ_BODY(decode(body, &err))
