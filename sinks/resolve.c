/*
 * resolve.c - see resolve.h.
 *
 * The thread touches nothing but its struct lookup and says through an eventfd when it has finished. It is detached: if we give up
 * first, nobody could join it in time, and whoever lets go of the lookup last frees it.
 */
#include "sinks/resolve.h"

#include "agent/base/clock.h"
#include "agent/base/num.h"
#include "agent/base/xalloc.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct lookup {
    atomic_int holders; /* the caller and the thread; the last one frees */
    int done_fd;        /* readable when the two below are set */
    int rc;
    struct addrinfo *found;
    char host[RESOLVE_HOST_MAX], port[6];
};

int resolve_split(const char *address, const char *fallback_port, char host[RESOLVE_HOST_MAX], char port[6], struct err *err)
{
    const char *colon = strrchr(address, ':'), *bracket = strchr(address, ']');
    bool has_port = colon != NULL && (address[0] == '[' ? colon > bracket : strchr(address, ':') == colon);
    const char *digits = has_port ? colon + 1 : fallback_port;
    size_t len = has_port ? (size_t)(colon - address) : strlen(address);
    int64_t number;

    if (num_to_i64(digits, strlen(digits), &number) < 0 || number < 1 || number > 65535)
        return err_set(err, ERR_CONFIG, "\"%.100s\": the port is no number from 1 to 65535", address);
    if (address[0] == '[') {
        if (bracket != address + len - 1)
            return err_set(err, ERR_CONFIG, "\"%.100s\": expected [IPv6]:port", address);
        address++;
        len -= 2;
    }
    if (len == 0 || len >= RESOLVE_HOST_MAX || strcspn(address, " \t\r\n/") < len)
        return err_set(err, ERR_CONFIG, "\"%.100s\": expected host:port", address);
    memcpy(host, address, len);
    host[len] = '\0';
    snprintf(port, 6, "%d", (int)number);
    return 0;
}

static int find(const char *host, const char *port, int flags, struct addrinfo **found)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV | flags };

    return getaddrinfo(host, port, &hints, found);
}

static void release(struct lookup *l)
{
    if (atomic_fetch_sub(&l->holders, 1) > 1)
        return;
    if (l->found != NULL)
        freeaddrinfo(l->found);
    if (l->done_fd >= 0)
        close(l->done_fd);
    free(l);
}

static void *look_up(void *arg)
{
    struct lookup *l = arg;

    l->rc = find(l->host, l->port, AI_ADDRCONFIG, &l->found);
    while (write(l->done_fd, &(uint64_t){ 1 }, sizeof(uint64_t)) < 0 && errno == EINTR)
        ;
    release(l);
    return NULL;
}

/* Signals are for the main thread: the look-up inherits a mask with all of them blocked. */
static int start(struct lookup *l)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, old;

    atomic_store(&l->holders, 2);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&thread, &attr, look_up, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (rc != 0)
        atomic_store(&l->holders, 1);
    return rc;
}

/* Reading is what makes all that the thread wrote before visible here. */
static int take_answer(const struct lookup *l, struct err *err)
{
    uint64_t one;

    return read(l->done_fd, &one, sizeof(one)) == sizeof(one) ? 0 : err_sys(err, "looking up %s", l->host);
}

static int wait_for(const struct lookup *l, int64_t deadline_ns, int cancel_fd, struct err *err)
{
    struct pollfd fds[2] = { { .fd = l->done_fd, .events = POLLIN }, { .fd = cancel_fd, .events = POLLIN } };

    for (;;) {
        int ready = poll(fds, 2, clock_ms_until(deadline_ns));
        if (ready < 0 && errno != EINTR)
            return err_sys(err, "looking up %s", l->host);
        if (ready > 0 && fds[1].revents != 0)
            return err_set(err, ERR_CANCELED, "looking up %s: told to stop", l->host);
        if (ready > 0)
            return take_answer(l, err);
        if (ready == 0 && clock_now_ns() >= deadline_ns)
            return err_set(err, ERR_TIMEOUT, "looking up %s took too long", l->host);
    }
}

static int copy(const struct addrinfo *from, struct resolve_address *found)
{
    int count = 0;

    for (; from != NULL && count < RESOLVE_ADDRESSES_MAX; from = from->ai_next) {
        found[count] = (struct resolve_address){ .len = from->ai_addrlen };
        memcpy(&found[count++].to, from->ai_addr, from->ai_addrlen);
    }
    return count;
}

static int resolve_name(struct lookup *l, struct resolve_address *found, int64_t deadline_ns, int cancel_fd, struct err *err)
{
    l->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->done_fd < 0)
        return err_sys(err, "eventfd");
    if ((errno = start(l)) != 0)
        return err_sys(err, "starting the look-up of %s", l->host);
    if (wait_for(l, deadline_ns, cancel_fd, err) < 0)
        return -1;
    if (l->rc != 0)
        return err_set(err, ERR_SYS, "looking up %s: %s", l->host, gai_strerror(l->rc));
    return copy(l->found, found);
}

int resolve_host(const char *host, const char *port, struct resolve_address *found, int64_t deadline_ns, int cancel_fd,
                 struct err *err)
{
    struct lookup *l = xcalloc(1, sizeof(*l));

    atomic_init(&l->holders, 1);
    l->done_fd = -1;
    snprintf(l->host, sizeof(l->host), "%s", host);
    snprintf(l->port, sizeof(l->port), "%s", port);
    int count = find(host, port, AI_NUMERICHOST, &l->found) == 0 ? copy(l->found, found)
                                                                : resolve_name(l, found, deadline_ns, cancel_fd, err);
    release(l);
    return count;
}
