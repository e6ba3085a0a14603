/* notify.c - see notify.h. */
#include "agent/pipeline/notify.h"

#include "agent/base/clock.h"
#include "agent/base/num.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Failures are ignored: there is nobody to tell. */
static void send_state(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };

    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(to.sun_path))
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (path[0] == '@') /* the abstract name space */
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    ssize_t ignored = sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to, len);
    (void)ignored;
    close(fd);
}

void notify_ready(void)
{
    send_state("READY=1");
}

void notify_reloading(void)
{
    char text[64];

    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(clock_now_ns() / 1000));
    send_state(text);
}

void notify_stopping(void)
{
    send_state("STOPPING=1");
}

void notify_watchdog(void)
{
    send_state("WATCHDOG=1");
}

void notify_status(const char *fmt, ...)
{
    char text[512] = "STATUS=";
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text + 7, sizeof(text) - 7, fmt, ap);
    va_end(ap);
    send_state(text);
}

int64_t notify_watchdog_interval_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    int64_t us, for_pid;

    if (usec == NULL || num_to_i64(usec, strlen(usec), &us) < 0 || us <= 0)
        return 0;
    if (pid != NULL && num_to_i64(pid, strlen(pid), &for_pid) == 0 && for_pid != getpid())
        return 0;
    return us / 2000 > 0 ? us / 2000 : 1;
}
