/*
 * send.c - see send.h.
 *
 * UDP tells of an absent receiver only through an ICMP message, which shows as ECONNREFUSED on the connected socket: on the send
 * after it (which is then not sent), or when asked. What was refused during a delivery fails that delivery; what is left of the
 * one before is cleared first.
 */
#include "sinks/statsd/send.h"

#include "agent/base/clock.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFAULT_PORT "8125"
#define RESOLVE_AGAIN_NS (300 * NS_PER_S) /* a receiver that moved is found after five minutes, or at once after an error */
#define NO_BUFFER_PAUSE_NS (2 * NS_PER_MS)
#define ACK_LOOK_NS (2 * NS_PER_MS)
#define PROBE_WAIT_NS (200 * NS_PER_MS)
#define CHATTER_MAX (256 * 1024) /* bytes a TCP peer may have said in vain; more is no StatsD receiver */

/* --- waiting ---------------------------------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t step_end(const struct send_limits *l)
{
    return earlier(l->deadline_ns, clock_now_ns() + l->timeout_ms * NS_PER_MS);
}

/* 1: fd (-1: none) has one of the events, 0: until_ns has come, -1: told to stop. */
static int wait_fd(int fd, short events, int64_t until_ns, const struct send_limits *l, struct err *err)
{
    struct pollfd fds[2] = { { .fd = fd, .events = events }, { .fd = l->cancel_fd, .events = POLLIN } };

    for (;;) {
        int64_t left = until_ns - clock_now_ns();
        struct timespec timeout = { .tv_sec = left > 0 ? left / NS_PER_S : 0, .tv_nsec = left > 0 ? left % NS_PER_S : 0 };
        int ready = ppoll(fds, 2, &timeout, NULL);
        if (ready < 0 && errno != EINTR)
            return err_sys(err, "poll");
        if (ready > 0 && fds[1].revents != 0)
            return err_set(err, ERR_CANCELED, "told to stop");
        if (ready > 0)
            return 1;
        if (ready == 0 && left <= 0)
            return 0;
    }
}

static int wait_writable(const struct sender *s, const struct send_limits *l, struct err *err)
{
    int rc = wait_fd(s->fd, POLLOUT, step_end(l), l, err);

    return rc == 0 ? err_set(err, ERR_TIMEOUT, "the receiver takes nothing") : rc < 0 ? -1 : 0;
}

/* A pause, unless the deadline comes first. */
static int pause_until(int64_t until_ns, const struct send_limits *l, struct err *err)
{
    if (wait_fd(-1, 0, earlier(until_ns, l->deadline_ns), l, err) < 0)
        return -1;
    return until_ns > l->deadline_ns ? err_set(err, ERR_TIMEOUT, "no time left for all packets") : 0;
}

static int check_time(const struct send_limits *l, struct err *err)
{
    if (wait_fd(-1, 0, 0, l, err) < 0)
        return -1;
    return clock_now_ns() >= l->deadline_ns ? err_set(err, ERR_TIMEOUT, "no time left") : 0;
}

/* --- the address -------------------------------------------------------------------------------------------------------- */

static int set_path(struct sender *s, const char *path, struct err *err)
{
    if (strlen(path) >= sizeof(s->path.sun_path))
        return err_set(err, ERR_CONFIG, "address: a path of %zu bytes, limit is %zu", strlen(path), sizeof(s->path.sun_path) - 1);
    s->path.sun_family = AF_UNIX;
    memcpy(s->path.sun_path, path, strlen(path) + 1);
    if (path[0] == '@')
        s->path.sun_path[0] = '\0'; /* an abstract name, as tools show them */
    return 0;
}

int sender_init(struct sender *s, const char *address, enum send_transport transport, int64_t rate, struct err *err)
{
    bool is_path = address[0] == '/' || address[0] == '@';
    static const char *const names[] = { [SEND_UDP] = "udp", [SEND_TCP] = "tcp", [SEND_UNIX] = "unix" };

    *s = (struct sender){ .fd = -1, .rate = rate };
    s->transport = transport != SEND_AUTO ? transport : is_path ? SEND_UNIX : SEND_UDP;
    if (is_path != (s->transport == SEND_UNIX))
        return err_set(err, ERR_CONFIG, "address %.100s does not fit transport %s: a unix socket is a path, all others host:port",
                       address, names[s->transport]);
    if (is_path ? set_path(s, address, err) < 0 : resolve_split(address, DEFAULT_PORT, s->host, s->port, err) < 0)
        return -1;
    bool v6 = strchr(s->host, ':') != NULL;
    snprintf(s->name, sizeof(s->name), "StatsD %s %s%s%s%s%s", names[s->transport], v6 ? "[" : "", is_path ? address : s->host,
             v6 ? "]" : "", is_path ? "" : ":", s->port);
    return 0;
}

/* Orderly: what the kernel still holds is sent. */
static void close_fd(struct sender *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->is_mid_line = false;
}

void sender_fini(struct sender *s)
{
    if (s->name[0] != '\0')
        close_fd(s);
}

void sender_drop(struct sender *s)
{
    const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

    /* Half a line at the end of an orderly connection could pass for a line; a reset says that it is none. */
    if (s->fd >= 0 && s->is_mid_line)
        setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close_fd(s);
    s->resolved_at_ns = 0;
}

/* --- connecting --------------------------------------------------------------------------------------------------------- */

static int pending_error(const struct sender *s)
{
    int error = 0;
    socklen_t size = sizeof(error);

    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

static int clear_error(const struct sender *s)
{
    pending_error(s);
    return 0;
}

static int connect_to(struct sender *s, const struct sockaddr *to, socklen_t len, const struct send_limits *l, struct err *err)
{
    int type = s->transport == SEND_TCP ? SOCK_STREAM : SOCK_DGRAM, one = 1;

    s->fd = socket(to->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return err_sys(err, "socket");
    if (s->transport == SEND_TCP)
        setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(s->fd, to, len) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return err_sys(err, "connect");
    int rc = wait_fd(s->fd, POLLOUT, step_end(l), l, err);
    if (rc <= 0)
        return rc < 0 ? -1 : err_set(err, ERR_TIMEOUT, "connect took too long");
    errno = pending_error(s);
    return errno == 0 ? 0 : err_sys(err, "connect");
}

/* Each address in turn; which one was tried last is remembered, so that one that refuses gives way to the next. */
static int connect_any(struct sender *s, const struct send_limits *l, struct err *err)
{
    for (int i = 0; i < s->address_count; i++) {
        const struct resolve_address *a = &s->addresses[s->address_next++ % s->address_count];
        if (connect_to(s, (const struct sockaddr *)&a->to, a->len, l, err) == 0)
            return 0;
        close_fd(s);
        if (err != NULL && err->kind == ERR_CANCELED)
            break;
    }
    return -1;
}

/* Looks the name up if that is due. An old address stays in use as long as no new one is found. */
static int resolve(struct sender *s, const struct send_limits *l, struct err *err)
{
    struct resolve_address found[RESOLVE_ADDRESSES_MAX];
    int64_t now_ns = clock_now_ns();

    if (s->address_count > 0 && s->resolved_at_ns != 0 && now_ns < s->resolved_at_ns + RESOLVE_AGAIN_NS)
        return 0;
    int count = resolve_host(s->host, s->port, found, step_end(l), l->cancel_fd, err);
    s->resolved_at_ns = now_ns;
    if (count < 0)
        return s->address_count > 0 && !(err != NULL && err->kind == ERR_CANCELED) ? 0 : -1;
    bool moved = count != s->address_count || memcmp(found, s->addresses, (size_t)count * sizeof(*found)) != 0;
    if (!moved)
        return 0;
    memcpy(s->addresses, found, (size_t)count * sizeof(*found));
    s->address_count = count;
    s->address_next = 0;
    close_fd(s);
    return 0;
}

/* Takes what a TCP peer has said, which means nothing here; unread, it would turn our close into a reset. -1: it has gone. */
static int hear_out(struct sender *s, struct err *err)
{
    char bytes[4096];
    size_t heard = 0;
    ssize_t n;

    while ((n = recv(s->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        if ((heard += (size_t)n) > CHATTER_MAX)
            return err_set(err, ERR_PROTO, "it talks without end, which no StatsD receiver does");
    if (n == 0)
        return err_set(err, ERR_CLOSED, "it closed the connection");
    return errno == EAGAIN || errno == EINTR ? 0 : err_sys(err, "receive");
}

static int connect_now(struct sender *s, const struct send_limits *l, struct err *err)
{
    if (check_time(l, err) < 0)
        return -1;
    if (s->transport != SEND_UNIX && resolve(s, l, err) < 0)
        return -1;
    if (s->fd >= 0 && s->transport == SEND_TCP && hear_out(s, NULL) < 0)
        close_fd(s);
    if (s->fd >= 0)
        return s->transport == SEND_UDP ? clear_error(s) : 0;
    if (s->transport != SEND_UNIX)
        return connect_any(s, l, err);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(s->path.sun_path + 1));
    if (s->path.sun_path[0] != '\0')
        len++; /* the final NUL, which an abstract name has not */
    return connect_to(s, (const struct sockaddr *)&s->path, len, l, err);
}

int sender_connect(struct sender *s, const struct send_limits *l, struct err *err)
{
    int64_t now_ns = clock_now_ns();

    s->gentle_until_ns = now_ns + (l->deadline_ns - now_ns) / SEND_GENTLE;
    if (connect_now(s, l, err) == 0)
        return 0;
    close_fd(s);
    return err_wrap(err, "%s", s->name);
}

/* --- sending ------------------------------------------------------------------------------------------------------------ */

/* What a failed send means: 0: try again now; -1. */
static int bear(const struct sender *s, int error, size_t len, int64_t give_up_ns, const struct send_limits *l, struct err *err)
{
    if (error == EINTR)
        return 0;
    if (error == EAGAIN)
        return wait_writable(s, l, err);
    if (error == ENOBUFS && clock_now_ns() < give_up_ns) /* the network card's queue: nothing to poll for */
        return pause_until(clock_now_ns() + NO_BUFFER_PAUSE_NS, l, err);
    if (error == EMSGSIZE)
        return err_set(err, ERR_CONFIG, "a packet of %zu bytes is more than this way carries; lower max_packet", len);
    errno = error;
    return err_sys(err, "send");
}

static int send_datagrams(struct sender *s, struct iovec *packets, unsigned count, unsigned *gone, const struct send_limits *l,
                          struct err *err)
{
    struct mmsghdr messages[SEND_BURST];
    int64_t give_up_ns = step_end(l);

    memset(messages, 0, sizeof(messages));
    for (unsigned i = 0; i < count; i++) {
        messages[i].msg_hdr.msg_iov = &packets[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    while (*gone < count) {
        int n = sendmmsg(s->fd, messages + *gone, count - *gone, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            *gone += (unsigned)n;
        else if (bear(s, errno, packets[*gone].iov_len, give_up_ns, l, err) < 0)
            return -1;
    }
    return 0;
}

static int64_t packets_a_second(const struct sender *s)
{
    return clock_now_ns() < s->gentle_until_ns && s->rate > SEND_GENTLE ? s->rate / SEND_GENTLE : s->rate;
}

/* Bursts are never closer than their share of a second: time that was not used, or slept too long, is not made up for. */
static int pace(struct sender *s, unsigned count, const struct send_limits *l, struct err *err)
{
    if (s->transport != SEND_UDP || s->rate == 0)
        return check_time(l, err);
    if (s->next_burst_ns > clock_now_ns() && pause_until(s->next_burst_ns, l, err) < 0)
        return -1;
    s->next_burst_ns = clock_now_ns() + (int64_t)count * NS_PER_S / packets_a_second(s);
    return check_time(l, err);
}

static int write_all(struct sender *s, const char *bytes, size_t len, const struct send_limits *l, struct err *err)
{
    while (len > 0) {
        ssize_t n = send(s->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && bear(s, errno, len, 0, l, err) < 0)
            return -1;
        if (n <= 0)
            continue;
        s->is_mid_line = bytes[n - 1] != '\n';
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static int send_stream(struct sender *s, const struct iovec *packets, unsigned count, unsigned *gone, const struct send_limits *l,
                       struct err *err)
{
    for (; *gone < count; ++*gone)
        if (write_all(s, packets[*gone].iov_base, packets[*gone].iov_len, l, err) < 0)
            return -1;
    return 0;
}

int sender_send(struct sender *s, struct iovec *packets, unsigned count, unsigned *gone, const struct send_limits *l,
                struct err *err)
{
    *gone = 0;
    int rc = pace(s, count, l, err);
    if (rc == 0)
        rc = s->transport == SEND_TCP ? send_stream(s, packets, count, gone, l, err)
                                      : send_datagrams(s, packets, count, gone, l, err);
    return rc < 0 ? err_wrap(err, "%s", s->name) : 0;
}

/* Until the peer's kernel has confirmed every byte: a receiver that died since is found out now, not one interval later. */
static int wait_for_acks(struct sender *s, const struct send_limits *l, struct err *err)
{
    int64_t end_ns = step_end(l);
    int unsent = 0;

    for (;;) {
        errno = pending_error(s);
        if (errno != 0)
            return err_sys(err, "send");
        if (hear_out(s, err) < 0)
            return -1;
        if (ioctl(s->fd, SIOCOUTQ, &unsent) < 0 || unsent == 0)
            return 0;
        if (clock_now_ns() >= end_ns)
            return err_set(err, ERR_TIMEOUT, "%d bytes are still not confirmed", unsent);
        if (pause_until(clock_now_ns() + ACK_LOOK_NS, l, err) < 0)
            return -1;
    }
}

int sender_settle(struct sender *s, const struct send_limits *l, struct err *err)
{
    int rc = s->transport == SEND_TCP ? wait_for_acks(s, l, err) : 0;

    if (s->transport == SEND_UDP && (errno = pending_error(s)) != 0)
        rc = err_sys(err, "send");
    return rc < 0 ? err_wrap(err, "%s", s->name) : 0;
}

static int probe_udp(struct sender *s, const struct send_limits *l, struct err *err)
{
    struct iovec line = { .iov_base = (char[]){ "\n" }, .iov_len = 1 };
    unsigned gone = 0;

    if (send_datagrams(s, &line, 1, &gone, l, err) < 0)
        return -1;
    int rc = wait_fd(s->fd, 0, earlier(l->deadline_ns, clock_now_ns() + PROBE_WAIT_NS), l, err); /* POLLERR comes unasked */
    if (rc <= 0)
        return rc;
    errno = pending_error(s);
    return err_sys(err, "send");
}

int sender_probe(struct sender *s, const struct send_limits *l, struct err *err)
{
    if (sender_connect(s, l, err) < 0)
        return -1;
    int rc = s->transport == SEND_UDP ? probe_udp(s, l, err) : 0;
    return rc < 0 ? err_wrap(err, "%s", s->name) : 0;
}
