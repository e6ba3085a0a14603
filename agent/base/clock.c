/* clock.c - see clock.h. */
#include "agent/base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
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
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void clock_boot_id(char id[CLOCK_BOOT_ID])
{
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

    id[0] = '\0';
    if (f == NULL)
        return;
    if (fscanf(f, "%39[0-9a-f-]", id) != 1)
        id[0] = '\0';
    fclose(f);
}

int64_t clock_resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    long long size = 0, resident = -1;

    if (f == NULL)
        return -1;
    int got = fscanf(f, "%lld %lld", &size, &resident);
    fclose(f);
    return got == 2 ? (int64_t)resident * sysconf(_SC_PAGESIZE) : -1;
}

int clock_ms_until(int64_t deadline_ns)
{
    int64_t left = deadline_ns - clock_now_ns();

    if (left <= 0)
        return 0;
    left = (left + NS_PER_MS - 1) / NS_PER_MS;
    return left > INT_MAX ? INT_MAX : (int)left;
}
