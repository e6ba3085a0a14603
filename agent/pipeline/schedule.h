/*
 * schedule.h - when to look. Ticks lie on multiples of the interval in wall time, so that all agents of a site and all restarts
 * of one agent look at the same moments. Pure; any thread.
 */
#ifndef AGENT_PIPELINE_SCHEDULE_H
#define AGENT_PIPELINE_SCHEDULE_H

#include <stdint.h>

struct schedule {
    int64_t interval_ms;
    int64_t last_tick_ms; /* 0: none yet */
    uint64_t missed;      /* ticks that passed while the collection before was still running */
};

/* The tick that now_ms belongs to: the newest multiple that is not later. */
int64_t schedule_tick_of(int64_t now_ms, int64_t interval_ms);
/* The label of a collection that starts now outside of the schedule (start, USR1, `once`): the tick it belongs to while that is
 * fresh, so that a timer's runs lie on ticks; else the full second, so that two looks by hand are two. last_ms is the newest label
 * that was used, also by an earlier process (0: none): none is used twice, for a sink of history knows an interval by it. 0: this
 * second has been looked at already. */
int64_t schedule_label(int64_t now_ms, int64_t interval_ms, int64_t last_ms);
/* When to wake next: the first multiple after now that has not been used yet. A clock that was set back by hours does not silence
 * the agent: ticks then simply repeat their old labels. */
int64_t schedule_next(const struct schedule *s, int64_t now_ms);
/* The tick `tick_ms` starts now; counts the ones that were skipped since the last. */
void schedule_start(struct schedule *s, int64_t tick_ms);

#endif
