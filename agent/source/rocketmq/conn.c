/*
 * conn.c - plain TCP, never waiting: names are resolved on the side (net/lookup.h), each address of a name is tried in turn.
 */
#include "agent/source/rocketmq/conn.h"

#include "agent/base/clock.h"
#include "agent/base/num.h"
#include "agent/base/xalloc.h"
#include "agent/net/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- addresses -------------------------------------------------------------------------------------------------- */

int conn_split_address(const char *address, char host[CONN_HOST_MAX], char port[6], struct err *err)
{
    const char *colon = strrchr(address, ':');
    int64_t number;

    if (colon == NULL || colon == address)
        return err_set(err, ERR_CONFIG, "\"%.100s\" is no address, expected host:port", address);
    if (num_to_i64(colon + 1, strlen(colon + 1), &number) < 0 || number < 1 || number > 65535)
        return err_set(err, ERR_CONFIG, "\"%.100s\" has no port from 1 to 65535", address);
    const char *first = address;
    size_t len = (size_t)(colon - address);
    if (*first == '[') {
        if (len < 3 || first[len - 1] != ']')
            return err_set(err, ERR_CONFIG, "\"%.100s\" is no address, expected [IPv6]:port", address);
        first++;
        len -= 2;
    }
    if (memchr(first, '[', len) != NULL || memchr(first, ']', len) != NULL)
        return err_set(err, ERR_CONFIG, "\"%.100s\" is no address, brackets stand around an IPv6 only", address);
    if (len >= CONN_HOST_MAX)
        return err_set(err, ERR_CONFIG, "host name of %zu bytes, limit is %d", len, CONN_HOST_MAX - 1);
    memcpy(host, first, len);
    host[len] = '\0';
    snprintf(port, 6, "%d", (int)number);
    return 0;
}

/* ---- plain TCP -------------------------------------------------------------------------------------------------- */

struct conn {
    int fd;                  /* -1: none yet */
    bool is_open;
    struct lookup *lookup;   /* NULL: the address is none */
    const struct addrinfo *next; /* address to try next */
    int64_t deadline_ns;     /* for all addresses */
    int64_t slice_ends_ns;   /* for the address being tried */
    struct err err;          /* why the last address failed; decided at once if there is none to try */
};

static struct conn *plain_open(void *ctx, const char *address, int64_t deadline_ns)
{
    struct conn *c = xcalloc(1, sizeof(*c));
    char host[CONN_HOST_MAX], port[LOOKUP_PORT_MAX];

    (void)ctx;
    c->fd = -1;
    c->deadline_ns = deadline_ns;
    if (conn_split_address(address, host, port, &c->err) == 0)
        c->lookup = lookup_start(host, port, SOCK_STREAM);
    return c;
}

static bool is_ready(int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };

    return poll(&p, 1, 0) > 0;
}

/* 1: there are addresses; 0: still looking; -1: there are none. */
static int finish_lookup(struct conn *c, struct err *err)
{
    int rc = lookup_take(c->lookup, &c->next, err);

    if (rc == 0 && clock_now_ns() >= c->deadline_ns)
        return err_set(err, ERR_TIMEOUT, "looking up %s takes too long", lookup_host(c->lookup));
    return rc;
}

static void set_options(int fd)
{
    int one = 1, unanswered_ms = 30000;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms, sizeof(unanswered_ms));
}

/* Remembers why this address failed; a name has several, so there the address is said, too. */
static void address_failed(struct conn *c, const struct addrinfo *a, enum err_kind kind, int sys)
{
    char host[64] = "?", reason[128];

    err_set(&c->err, kind, "%s", kind == ERR_TIMEOUT ? "no answer" : strerror_r(sys, reason, sizeof(reason)));
    c->err.sys = sys;
    if (!lookup_was_numeric(c->lookup)) {
        getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
        err_wrap(&c->err, "%s", host);
    }
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

/* Begins to connect to the next address, with its share of the time that is left. */
static void try_next(struct conn *c)
{
    const struct addrinfo *a = c->next;
    int64_t now = clock_now_ns(), left = c->deadline_ns - now, shares = 0;

    for (const struct addrinfo *i = a; i != NULL; i = i->ai_next)
        shares++;
    c->slice_ends_ns = now + (left > 0 ? left / shares : 0);
    c->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd >= 0)
        set_options(c->fd);
    if (c->fd < 0 || (connect(c->fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS)) {
        address_failed(c, a, ERR_SYS, errno);
        c->next = a->ai_next;
    }
}

/* 1: connected; 0: not yet; -1: this address will not do, c->next is the one after it. */
static int check_connect(struct conn *c)
{
    const struct addrinfo *a = c->next;
    int sys = 0;
    socklen_t len = sizeof(sys);

    if (is_ready(c->fd, POLLOUT)) {
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &sys, &len);
        if (sys == 0)
            return 1;
        address_failed(c, a, ERR_SYS, sys);
    } else {
        if (clock_now_ns() < c->slice_ends_ns)
            return 0;
        address_failed(c, a, ERR_TIMEOUT, ETIMEDOUT);
    }
    c->next = a->ai_next;
    return -1;
}

static int plain_step(struct conn *c, struct err *err)
{
    int rc;

    if (c->is_open)
        return 1;
    if (c->fd < 0 && c->next == NULL && c->err.kind == ERR_NONE) {
        rc = finish_lookup(c, err);
        if (rc <= 0)
            return rc;
    }
    while (c->next != NULL) {
        if (c->fd < 0)
            try_next(c);
        if (c->fd < 0)
            continue;
        rc = check_connect(c);
        if (rc >= 0) {
            c->is_open = rc > 0;
            return rc;
        }
    }
    *err = c->err;
    return -1;
}

static int plain_wait(const struct conn *c, short *events, int64_t *wake_at_ns)
{
    int64_t wake = c->fd >= 0 ? c->slice_ends_ns : c->deadline_ns;

    *events = c->is_open || c->fd < 0 ? POLLIN : POLLOUT;
    if (!c->is_open && wake < *wake_at_ns)
        *wake_at_ns = wake;
    return c->fd >= 0 ? c->fd : lookup_fd(c->lookup);
}

/* What recv or send said, as our three outcomes. */
static ptrdiff_t outcome(ssize_t n, const char *doing, struct err *err)
{
    if (n > 0)
        return n;
    if (n == 0)
        return err_set(err, ERR_CLOSED, "closed the connection");
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return 0;
    bool is_closed = errno == ECONNRESET || errno == EPIPE;
    err_sys(err, "%s", doing);
    if (is_closed)
        err->kind = ERR_CLOSED;
    return -1;
}

static ptrdiff_t plain_receive(struct conn *c, void *to, size_t len, struct err *err)
{
    return outcome(recv(c->fd, to, len, 0), "receive", err);
}

static ptrdiff_t plain_send(struct conn *c, const void *from, size_t len, struct err *err)
{
    return outcome(send(c->fd, from, len, MSG_NOSIGNAL), "send", err);
}

static void plain_close(struct conn *c)
{
    if (c == NULL)
        return;
    if (c->fd >= 0)
        close(c->fd);
    lookup_free(c->lookup);
    free(c);
}

const struct conn_ops conn_plain = {
    .open = plain_open,
    .step = plain_step,
    .wait = plain_wait,
    .receive = plain_receive,
    .send = plain_send,
    .close = plain_close,
};
