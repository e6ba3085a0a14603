/*
 * socket.c - see socket.h.
 *
 * getaddrinfo() cannot be told to stop and may take half a minute when DNS is away. So a name (not an address in digits) is looked
 * up by getaddrinfo_a(), whose thread is glibc's own; if we give up first, its few hundred bytes are left to it.
 */
#include "sinks/redis/socket.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "sinks/redis/link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LOOKUP_SLICE_MS 50 /* a look-up has no descriptor to wait for: how often cancel_fd is asked meanwhile */

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

struct lookup {
    struct gaicb request;
    struct addrinfo hints;
    char host[ADDRESS_HOST_MAX], port[8];
};

static void lookup_free(struct lookup *l)
{
    if (l->request.ar_result != NULL)
        freeaddrinfo(l->request.ar_result);
    free(l);
}

static int wait_for_lookup(struct lookup *l, const struct wait *wait, struct err *err)
{
    const struct gaicb *list[1] = { &l->request };
    const struct timespec slice = { .tv_nsec = LOOKUP_SLICE_MS * NS_PER_MS };
    struct pollfd cancel = { .fd = wait->cancel_fd, .events = POLLIN };
    int64_t end = step_end(wait);

    while (gai_error(&l->request) == EAI_INPROGRESS) {
        if (poll(&cancel, 1, 0) > 0)
            return err_set(err, ERR_CANCELED, "given up, told to stop");
        if (clock_now_ns() >= end)
            return err_set(err, ERR_TIMEOUT, "no answer from the name service in time");
        gai_suspend(list, 1, &slice);
    }
    return 0;
}

/* NULL, or the addresses, which freeaddrinfo() ends. */
static struct addrinfo *resolve(const struct endpoint *to, const struct wait *wait, struct err *err)
{
    struct lookup *l = xcalloc(1, sizeof(*l));
    struct gaicb *list[1] = { &l->request };
    struct addrinfo *found = NULL;

    memcpy(l->host, to->host, sizeof(l->host));
    snprintf(l->port, sizeof(l->port), "%d", to->port);
    l->hints = (struct addrinfo){ .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST };
    int rc = getaddrinfo(l->host, l->port, &l->hints, &found); /* digits: no wait */
    if (rc == 0) {
        lookup_free(l);
        return found;
    }
    l->hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
    l->request = (struct gaicb){ .ar_name = l->host, .ar_service = l->port, .ar_request = &l->hints };
    rc = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
    if (rc == 0 && wait_for_lookup(l, wait, err) < 0) {
        if (gai_cancel(&l->request) != EAI_NOTCANCELED)
            lookup_free(l);
        return NULL;
    }
    rc = rc == 0 ? gai_error(&l->request) : rc;
    if (rc != 0)
        err_set(err, ERR_SYS, "cannot find its address: %s", gai_strerror(rc));
    else
        found = l->request.ar_result, l->request.ar_result = NULL;
    lookup_free(l);
    return found;
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
    int fd = -1;

    if (to->port == 0)
        return connect_path(to->host, wait, err);
    struct addrinfo *found = resolve(to, wait, err);
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
        fd = connect_one(a->ai_family, a->ai_addr, a->ai_addrlen, wait, err);
        if (fd < 0 && err->kind == ERR_CANCELED)
            break;
    }
    if (found != NULL)
        freeaddrinfo(found);
    return fd;
}
