/*
 * window.h - how much a counter rose in the last minute, from looks at it that come when they come.
 *
 * Seven samples, some ten seconds apart; between two of them the counter is taken to rise evenly, so the start of the minute
 * lies where it belongs, and with looks further apart than a minute the rate is that between the last two. Samples are rises
 * since the window began, in 32 bits, and hundredths of a second of the monotonic clock: 60 bytes, because a broker may
 * have 30,000 of them. Pure.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_WINDOW_H
#define AGENT_SOURCE_ROCKETMQ_WINDOW_H

#include <stdint.h>

#define WINDOW_SAMPLES 7
#define WINDOW_SPAN_S 60
#define WINDOW_GAP_S 9     /* samples closer than that replace each other: a little less than ten, for looks that come early */
#define WINDOW_ENOUGH_S 29 /* a window that reaches back so far has a rate */

struct window {
    struct {
        uint32_t at_cs, total;
    } samples[WINDOW_SAMPLES]; /* oldest first */
    uint32_t count;            /* at least 1 once it has begun */
};

/* Begins anew: the counter is known to have stood from since_ns to now_ns. */
void window_start(struct window *w, int64_t since_ns, int64_t now_ns);
/* It rose by so much since the last call. A rise below 0, or one that is too large to be one, begins a new window. */
void window_add(struct window *w, int64_t now_ns, int64_t rise);
/* A second, over the minute up to now_ns; it has stood since the last call. NAN: the window does not reach back far enough. */
double window_rate(const struct window *w, int64_t now_ns);

#endif
