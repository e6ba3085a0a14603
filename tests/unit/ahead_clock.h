/*
 * ahead_clock.h - a clock.c of its own for a test: ahead of the real clock by as much as the test likes. Included once, by the test's .c.
 */
#ifndef TESTS_UNIT_AHEAD_CLOCK_H
#define TESTS_UNIT_AHEAD_CLOCK_H

#include "agent/base/clock.h"

#include <limits.h>
#include <time.h>

static int64_t ahead_ns = 100000 * NS_PER_S; /* a machine that has just been started is no matter here */

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec + ahead_ns;
}

int64_t clock_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
    return read_clock(CLOCK_REALTIME) / NS_PER_MS;
}

int64_t clock_cpu_ns(void)
{
    return 0;
}

int64_t clock_resident_bytes(void)
{
    return -1;
}

void clock_boot_id(char id[CLOCK_BOOT_ID])
{
    id[0] = '\0';
}

int clock_ms_until(int64_t deadline_ns)
{
    int64_t left_ms = (deadline_ns - clock_now_ns() + NS_PER_MS - 1) / NS_PER_MS;

    return left_ms <= 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

static void pass(int64_t seconds)
{
    ahead_ns += seconds * NS_PER_S;
}

#endif
