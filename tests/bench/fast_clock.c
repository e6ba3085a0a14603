/*
 * fast_clock.c - wall time that runs FAST_CLOCK times as fast, for one program: LD_PRELOAD it. So a day of intervals takes an hour.
 *
 * Only what tells or waits for wall time is replaced; deadlines, which are monotonic, stay real. soak.sh builds it.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000LL

int clock_gettime(clockid_t id, struct timespec *ts);
time_t time(time_t *out);
int timerfd_settime(int fd, int flags, const struct itimerspec *new_value, struct itimerspec *old_value);

static long long start_ns, factor = 1;

static long long real_ns(clockid_t id)
{
    struct timespec ts;

    syscall(SYS_clock_gettime, id, &ts);
    return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("FAST_CLOCK");

    factor = text != NULL && atoi(text) > 0 ? atoi(text) : 1;
    start_ns = real_ns(CLOCK_REALTIME);
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    long long ns = real_ns(id);

    if (id == CLOCK_REALTIME)
        ns = start_ns + (ns - start_ns) * factor;
    *ts = (struct timespec){ .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
    return 0;
}

time_t time(time_t *out)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    if (out != NULL)
        *out = ts.tv_sec;
    return ts.tv_sec;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *new_value, struct itimerspec *old_value)
{
    struct itimerspec when = *new_value;

    if ((flags & TFD_TIMER_ABSTIME) != 0) {
        long long ns = when.it_value.tv_sec * NS_PER_S + when.it_value.tv_nsec;
        ns = start_ns + (ns - start_ns + factor - 1) / factor;
        when.it_value = (struct timespec){ .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
    }
    return (int)syscall(SYS_timerfd_settime, fd, flags, &when, old_value);
}
