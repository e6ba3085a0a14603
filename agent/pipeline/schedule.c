/* schedule.c - see schedule.h. */
#include "agent/pipeline/schedule.h"

#define FRESH_MAX_MS 5000

int64_t schedule_tick_of(int64_t now_ms, int64_t interval_ms)
{
    return now_ms - now_ms % interval_ms;
}

int64_t schedule_label(int64_t now_ms, int64_t interval_ms)
{
    int64_t tick = schedule_tick_of(now_ms, interval_ms);
    int64_t fresh = interval_ms / 10 < FRESH_MAX_MS ? interval_ms / 10 : FRESH_MAX_MS;

    return now_ms - tick <= fresh ? tick : now_ms - now_ms % 1000;
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
