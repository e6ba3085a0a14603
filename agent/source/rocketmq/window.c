/* window.c - see window.h. */
#include "agent/source/rocketmq/window.h"

#include "agent/base/clock.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define CS_PER_S 100

/* The clock of samples goes round after 497 days; ages are differences and do not mind. */
static uint32_t cs_of(int64_t ns)
{
    return (uint32_t)(ns / (NS_PER_S / CS_PER_S));
}

/* How long before now_cs a sample was taken; one that is a little ahead was taken now. */
static uint32_t age_of(const struct window *w, uint32_t sample, uint32_t now_cs)
{
    uint32_t age = now_cs - w->samples[sample].at_cs;

    return age > UINT32_MAX / 2 ? 0 : age;
}

void window_start(struct window *w, int64_t since_ns, int64_t now_ns)
{
    w->samples[0].at_cs = cs_of(since_ns);
    w->samples[0].total = 0;
    w->count = 1;
    window_add(w, now_ns, 0);
}

/* The newest sample only tells how the counter got from the one before it to the next: it may go. */
static bool is_spare(const struct window *w, uint32_t now_cs, uint32_t total)
{
    uint32_t newest = w->count - 1;

    if (age_of(w, newest, now_cs) == 0)
        return true;
    if (w->count < 2)
        return false;
    bool is_close = w->samples[newest].at_cs - w->samples[newest - 1].at_cs < WINDOW_GAP_S * CS_PER_S;
    return is_close || (w->samples[newest].total == total && w->samples[newest - 1].total == total);
}

void window_add(struct window *w, int64_t now_ns, int64_t rise)
{
    uint32_t now_cs = cs_of(now_ns);

    if (rise < 0 || rise > INT32_MAX) {
        window_start(w, now_ns, now_ns);
        return;
    }
    uint32_t total = w->samples[w->count - 1].total + (uint32_t)rise;
    if (!is_spare(w, now_cs, total)) {
        if (w->count == WINDOW_SAMPLES)
            memmove(&w->samples[0], &w->samples[1], (WINDOW_SAMPLES - 1) * sizeof(w->samples[0]));
        else
            w->count++;
    }
    w->samples[w->count - 1].at_cs = now_cs;
    w->samples[w->count - 1].total = total;
}

/* The rise from `age` before now_cs to the newest sample, where `older` and the one after it lie on both sides of that moment. */
static double rise_since(const struct window *w, uint32_t older, uint32_t age, uint32_t now_cs)
{
    uint32_t newest = w->count - 1;

    if (older == newest)
        return 0;
    double share = (double)(age - age_of(w, older + 1, now_cs)) / (double)(w->samples[older + 1].at_cs - w->samples[older].at_cs);
    return (double)(w->samples[newest].total - w->samples[older + 1].total) +
           share * (double)(w->samples[older + 1].total - w->samples[older].total);
}

double window_rate(const struct window *w, int64_t now_ns)
{
    uint32_t now_cs = cs_of(now_ns), age = age_of(w, 0, now_cs), older = 0;

    if (age < WINDOW_ENOUGH_S * CS_PER_S)
        return (double)NAN;
    if (age > WINDOW_SPAN_S * CS_PER_S)
        age = WINDOW_SPAN_S * CS_PER_S;
    while (older + 1 < w->count && age_of(w, older + 1, now_cs) >= age)
        older++;
    return rise_since(w, older, age, now_cs) * CS_PER_S / age;
}
