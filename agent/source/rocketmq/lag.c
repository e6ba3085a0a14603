/* lag.c - see lag.h. */
#include "agent/source/rocketmq/lag.h"

#include "agent/model/batch.h"
#include "agent/source/rocketmq/bodies.h"

#include <stddef.h>

static int64_t not_negative(int64_t value)
{
    return value > 0 ? value : 0;
}

static const char *state_of(int64_t min, int64_t max, int64_t com)
{
    if (com == BODY_NONE)
        return "no_offset";
    if (com > max)
        return "beyond_end";
    if (min != BODY_NONE && com < min)
        return "lost";
    return max == min ? "empty" : NULL;
}

struct queue_lag lag_of_queue(int64_t min, int64_t max, int64_t com)
{
    struct queue_lag q = { NO_INT, NO_INT, NO_INT, NULL, false };

    if (max == BODY_NONE)
        return q;
    q.state = state_of(min, max, com);
    q.diff = max - (com == BODY_NONE ? 0 : com);
    if (com == BODY_NONE && min == BODY_NONE)
        return q;
    int64_t from = com > min ? com : min; /* BODY_NONE is below every offset */
    q.lag = not_negative(max - from);
    if (com != BODY_NONE && min != BODY_NONE)
        q.lost = not_negative(min - com);
    /* The older half of what is stored is what expires next. */
    q.leans_on_min = q.lag > 0 && min != BODY_NONE && from - min <= (max - min) / 2;
    return q;
}
