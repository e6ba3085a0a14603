/*
 * clock.h - the two clocks. Wall time is only for labels; every wait and every deadline is monotonic.
 * Pure system calls; any thread.
 */
#ifndef AGENT_BASE_CLOCK_H
#define AGENT_BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL

int64_t clock_now_ns(void);      /* monotonic */
int64_t clock_wall_ms(void);     /* Unix time, milliseconds */
int64_t clock_cpu_ns(void);      /* CPU time of this process, all threads */
int64_t clock_resident_bytes(void); /* resident set now; -1 if the kernel does not say */
#define CLOCK_BOOT_ID 40
void clock_boot_id(char id[CLOCK_BOOT_ID]); /* of the running kernel; "" where it does not say. The monotonic clock is one within it */
/* Milliseconds until deadline_ns for poll(): 0 if passed, rounded up, at most INT_MAX. */
int clock_ms_until(int64_t deadline_ns);

#endif
