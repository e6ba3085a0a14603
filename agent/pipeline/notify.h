/*
 * notify.h - telling the service manager how we are: sd_notify(3)'s protocol, which is one datagram of NAME=VALUE lines to the
 * socket in $NOTIFY_SOCKET. Everything is a no-op where that is not set. Main thread.
 */
#ifndef AGENT_PIPELINE_NOTIFY_H
#define AGENT_PIPELINE_NOTIFY_H

#include <stdint.h>

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
void notify_watchdog(void);
void notify_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* How often notify_watchdog() is due: half of $WATCHDOG_USEC in ms; 0 if nobody watches. */
int64_t notify_watchdog_interval_ms(void);

#endif
