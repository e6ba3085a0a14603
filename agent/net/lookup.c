/*
 * lookup.c - see lookup.h.
 *
 * The thread touches nothing but its struct lookup and says through an eventfd when it has finished. It is detached, the one exception
 * to the rule: if we give up first, nobody could join it in time, and whoever lets go of the lookup last frees it.
 */
#include "agent/net/lookup.h"

#include "agent/base/xalloc.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct lookup {
    atomic_int holders; /* the caller and the thread; the last one frees */
    int done_fd;        /* readable when the two below are set; -1: they are */
    int rc;
    struct addrinfo *found;
    int socktype;
    bool is_numeric;
    struct err failed;  /* it could not even begin; kind ERR_NONE: it could */
    char host[LOOKUP_HOST_MAX], port[LOOKUP_PORT_MAX];
};

static int find(struct lookup *l, int flags)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = l->socktype, .ai_flags = AI_NUMERICSERV | flags };

    return l->rc = getaddrinfo(l->host, l->port, &hints, &l->found);
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

    find(l, AI_ADDRCONFIG);
    while (write(l->done_fd, &(uint64_t){ 1 }, sizeof(uint64_t)) < 0 && errno == EINTR)
        ;
    release(l);
    return NULL;
}

/* Signals are for the main thread: the look-up inherits a mask with all of them blocked. */
static int start_thread(struct lookup *l)
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

struct lookup *lookup_start(const char *host, const char *port, int socktype)
{
    struct lookup *l = xcalloc(1, sizeof(*l));

    atomic_init(&l->holders, 1);
    l->done_fd = -1;
    l->socktype = socktype;
    snprintf(l->host, sizeof(l->host), "%s", host);
    snprintf(l->port, sizeof(l->port), "%s", port);
    l->is_numeric = find(l, AI_NUMERICHOST) == 0;
    if (l->is_numeric)
        return l;
    l->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->done_fd < 0)
        err_sys(&l->failed, "eventfd");
    else if ((errno = start_thread(l)) != 0)
        err_sys(&l->failed, "starting the look-up of %s", l->host);
    return l;
}

int lookup_fd(const struct lookup *l)
{
    return l->failed.kind == ERR_NONE ? l->done_fd : -1;
}

/* Reading is what makes all that the thread wrote before visible here. 1: it has finished. */
static int take_word(const struct lookup *l, struct err *err)
{
    uint64_t one;

    if (l->done_fd < 0 || read(l->done_fd, &one, sizeof(one)) == sizeof(one))
        return 1;
    return errno == EAGAIN || errno == EINTR ? 0 : err_sys(err, "looking up %s", l->host);
}

int lookup_take(struct lookup *l, const struct addrinfo **found, struct err *err)
{
    if (l->failed.kind != ERR_NONE) {
        *err = l->failed;
        return -1;
    }
    int rc = take_word(l, err);
    if (rc <= 0)
        return rc;
    if (l->rc != 0)
        return err_set(err, ERR_SYS, "looking up %s: %s", l->host, gai_strerror(l->rc));
    *found = l->found;
    return 1;
}

const char *lookup_host(const struct lookup *l)
{
    return l->host;
}

bool lookup_was_numeric(const struct lookup *l)
{
    return l->is_numeric;
}

void lookup_free(struct lookup *l)
{
    if (l != NULL)
        release(l);
}
