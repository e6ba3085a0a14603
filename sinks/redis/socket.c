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
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
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

struct lookup {
    atomic_int holders; /* we and the thread; the last one frees */
    int done_fd;        /* readable when the two below are set */
    int rc;
    struct addrinfo *found;
    char host[ADDRESS_HOST_MAX], port[8];
};

static void lookup_release(struct lookup *l)
{
    if (atomic_fetch_sub(&l->holders, 1) > 1)
        return;
    if (l->found != NULL)
        freeaddrinfo(l->found);
    if (l->done_fd >= 0)
        close(l->done_fd);
    free(l);
}

static int find_addresses(struct lookup *l, int flags)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags };

    return l->rc = getaddrinfo(l->host, l->port, &hints, &l->found);
}

static void *lookup_thread(void *arg)
{
    struct lookup *l = arg;

    find_addresses(l, AI_ADDRCONFIG);
    while (write(l->done_fd, &(uint64_t){ 1 }, sizeof(uint64_t)) < 0 && errno == EINTR)
        ;
    lookup_release(l);
    return NULL;
}

/* The thread inherits a mask with all signals blocked: they are for the main thread. */
static int lookup_start(struct lookup *l)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, old;

    l->done_fd = eventfd(0, EFD_CLOEXEC);
    if (l->done_fd < 0)
        return -1;
    atomic_store(&l->holders, 2);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&thread, &attr, lookup_thread, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (rc != 0)
        atomic_store(&l->holders, 1);
    errno = rc;
    return rc == 0 ? 0 : -1;
}

/* Until l->found and l->rc are set. Digits need no thread. */
static int lookup(struct lookup *l, const struct wait *wait, struct err *err)
{
    if (find_addresses(l, AI_NUMERICHOST) == 0)
        return 0;
    if (lookup_start(l) < 0)
        return err_sys(err, "cannot look up its address");
    if (socket_wait(l->done_fd, POLLIN, wait, err) < 0)
        return err_wrap(err, "looking up its address");
    uint64_t ones;
    if (read(l->done_fd, &ones, sizeof(ones)) < 0) /* what the thread wrote is ours from here on */
        return err_sys(err, "eventfd");
    return l->rc == 0 ? 0 : err_set(err, ERR_SYS, "cannot find its address: %s", gai_strerror(l->rc));
}

/* NULL, or the addresses, which freeaddrinfo() ends. */
static struct addrinfo *resolve(const struct endpoint *to, const struct wait *wait, struct err *err)
{
    struct lookup *l = xcalloc(1, sizeof(*l));
    struct addrinfo *found = NULL;

    atomic_init(&l->holders, 1);
    l->done_fd = -1;
    memcpy(l->host, to->host, sizeof(l->host));
    snprintf(l->port, sizeof(l->port), "%d", to->port);
    if (lookup(l, wait, err) == 0) {
        found = l->found;
        l->found = NULL;
    }
    lookup_release(l);
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
