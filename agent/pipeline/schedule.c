/* schedule.c - see schedule.h. */
#include "agent/pipeline/schedule.h"

#include <stdbool.h>

#define FRESH_MAX_MS 5000

int64_t schedule_tick_of(int64_t now_ms, int64_t interval_ms)
{
    return now_ms - now_ms % interval_ms;
}

/* Not after a clock was set back by more than an interval: labels then repeat, see schedule_next. */
static bool is_used(int64_t label_ms, int64_t interval_ms, int64_t last_ms)
{
    return label_ms <= last_ms && last_ms - label_ms < interval_ms;
}

int64_t schedule_label(int64_t now_ms, int64_t interval_ms, int64_t last_ms)
{
    int64_t tick = schedule_tick_of(now_ms, interval_ms), second = now_ms - now_ms % 1000;
    int64_t fresh = interval_ms / 10 < FRESH_MAX_MS ? interval_ms / 10 : FRESH_MAX_MS;

    if (now_ms - tick <= fresh && !is_used(tick, interval_ms, last_ms))
        return tick;
    return is_used(second, interval_ms, last_ms) ? 0 : second;
}

int64_t schedule_next(const struct schedule *s, int64_t now_ms)
{
    int64_t next = schedule_tick_of(now_ms, s->interval_ms) + s->interval_ms;

    /* The clock was set back a little: do not use a label twice. */
    if (next <= s->last_tick_ms && s->last_tick_ms - next < s->interval_ms)
        next = s->last_tick_ms + s->interval_ms;
    return next;
}

void schedule_start(struct schedule *s, int64_t tick_ms)
{
    /* The multiples that lie strictly between the two; either may itself be no multiple (USR1). */
    if (s->last_tick_ms > 0 && tick_ms > s->last_tick_ms)
        s->missed += (uint64_t)((tick_ms - 1) / s->interval_ms - s->last_tick_ms / s->interval_ms);
    s->last_tick_ms = tick_ms;
}
