/* manners.c - see manners.h. */
#include "agent/source/rocketmq/manners.h"

#include "agent/base/clock.h"

#include <stdio.h>

#define SPREAD 10 /* of an interval, at most one part in so many */

void manners_begin(struct manners *m)
{
    m->is_in_trouble = false;
}

void manners_trouble(struct manners *m)
{
    m->is_in_trouble = true;
}

static void rest_until(struct manners *m, int64_t at_ns)
{
    if (at_ns > m->rest_until_ns)
        m->rest_until_ns = at_ns;
}

void manners_booted(struct manners *m, int64_t now_ns)
{
    rest_until(m, now_ns + MANNERS_BOOT_REST_MS * NS_PER_MS);
}

/* After the n-th step for 2^(n-1) looks, and half of one, so that the last of them is surely within. */
static int64_t rest_ms(unsigned steps, int64_t interval_ms)
{
    if (interval_ms > MANNERS_REST_MAX_MS)
        return MANNERS_REST_MAX_MS;
    int64_t ms = (interval_ms << (steps - 1)) + interval_ms / 2;
    return ms < MANNERS_REST_MAX_MS ? ms : MANNERS_REST_MAX_MS;
}

void manners_end(struct manners *m, int64_t looked_at_ns, int64_t interval_ms)
{
    if (!m->is_in_trouble) {
        m->steps -= m->steps > 0;
        return;
    }
    m->steps += m->steps < MANNERS_STEPS_MAX;
    rest_until(m, looked_at_ns + rest_ms(m->steps, interval_ms) * NS_PER_MS);
}

unsigned manners_in_flight(const struct manners *m, unsigned most)
{
    unsigned some = m->is_in_trouble ? 1 : most >> m->steps;

    return some > 0 ? some : 1;
}

bool manners_rests(const struct manners *m, int64_t now_ns)
{
    return now_ns < m->rest_until_ns;
}

void manners_say(const struct manners *m, int64_t now_ns, unsigned most, char *text, size_t cap)
{
    int64_t left_ns = m->rest_until_ns - now_ns;

    text[0] = '\0';
    if (m->steps > 0 && left_ns > 0)
        snprintf(text, cap, "was busy or late: asked %u at a time, and only for what matters most for another %lld s",
                 manners_in_flight(m, most), (long long)((left_ns + NS_PER_S - 1) / NS_PER_S));
    else if (m->steps > 0)
        snprintf(text, cap, "was busy or late: asked %u at a time", manners_in_flight(m, most));
}

int64_t manners_spread(int64_t interval_ms, int64_t asked_at_ns, uint32_t salt)
{
    uint64_t x = (uint64_t)asked_at_ns + salt * 0x9e3779b97f4a7c15u;

    /* splitmix64's finish: near seeds give far values. */
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return interval_ms - (int64_t)(x % ((uint64_t)(interval_ms / SPREAD) + 1));
}
