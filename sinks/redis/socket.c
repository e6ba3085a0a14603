/* socket.c - see socket.h. */
#include "sinks/redis/socket.h"

#include "agent/base/clock.h"
#include "agent/net/lookup.h"
#include "sinks/redis/link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* When a step without progress has failed. */
static int64_t step_end(const struct wait *wait)
{
    int64_t end = clock_now_ns() + wait->timeout_ms * NS_PER_MS;

    return wait->timeout_ms > 0 && end < wait->deadline_ns ? end : wait->deadline_ns;
}

int socket_wait(int fd, int events, const struct wait *wait, struct err *err)
{
    struct pollfd fds[2] = { { .fd = wait->cancel_fd, .events = POLLIN }, { .fd = fd, .events = (short)events } };
    int64_t end = step_end(wait);

    for (;;) {
        bool late = clock_now_ns() >= end;
        int ready = poll(fds, 2, late ? 0 : clock_ms_until(end));
        if (ready < 0 && errno != EINTR)
            return err_sys(err, "poll");
        if (ready > 0 && fds[0].revents != 0)
            return err_set(err, ERR_CANCELED, "given up, told to stop");
        if (late)
            return err_set(err, ERR_TIMEOUT, "no answer in time");
        if (ready > 0)
            return fds[1].revents;
    }
}

/* ---- names ---- */

/* 1: there are addresses, good as long as the lookup; -1: there are none. Digits need no wait. */
static int wait_for_addresses(struct lookup *l, const struct addrinfo **found, const struct wait *wait, struct err *err)
{
    int rc = 0;

    while (rc == 0) {
        if (lookup_fd(l) >= 0 && socket_wait(lookup_fd(l), POLLIN, wait, err) < 0)
            return err_wrap(err, "looking up %s", lookup_host(l));
        rc = lookup_take(l, found, err);
    }
    return rc;
}

/* ---- connecting ---- */

static int finish_connect(int fd, const struct wait *wait, struct err *err)
{
    int problem = 0;
    socklen_t size = sizeof(problem);

    if (socket_wait(fd, POLLOUT, wait, err) < 0)
        return -1;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size);
    errno = problem;
    return problem != 0 ? err_sys(err, "connect") : 0;
}

static int connect_one(int family, const struct sockaddr *to, socklen_t size, const struct wait *wait, struct err *err)
{
    const int on = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return err_sys(err, "socket");
    int rc = connect(fd, to, size);
    if (rc < 0 && errno != EINPROGRESS)
        err_sys(err, "connect");
    else
        rc = finish_connect(fd, wait, err);
    if (rc < 0) {
        close(fd);
        return -1;
    }
    if (family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    return fd;
}

static int connect_path(const char *path, const struct wait *wait, struct err *err)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
    return connect_one(AF_UNIX, (const struct sockaddr *)&to, sizeof(to), wait, err);
}

int socket_connect(const struct endpoint *to, const struct wait *wait, struct err *err)
{
    char port[LOOKUP_PORT_MAX];
    int fd = -1;

    if (to->port == 0)
        return connect_path(to->host, wait, err);
    snprintf(port, sizeof(port), "%d", to->port);
    struct lookup *l = lookup_start(to->host, port, SOCK_STREAM);
    const struct addrinfo *found = NULL;
    wait_for_addresses(l, &found, wait, err);
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
        fd = connect_one(a->ai_family, a->ai_addr, a->ai_addrlen, wait, err);
        if (fd < 0 && err->kind == ERR_CANCELED)
            break;
    }
    lookup_free(l);
    return fd;
}
