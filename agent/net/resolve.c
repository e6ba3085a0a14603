/* resolve.c - see resolve.h. */
#include "agent/net/resolve.h"

#include "agent/base/clock.h"
#include "agent/base/num.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

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

static int copy(const struct addrinfo *from, struct resolve_address *found)
{
    int count = 0;

    for (; from != NULL && count < RESOLVE_ADDRESSES_MAX; from = from->ai_next) {
        found[count] = (struct resolve_address){ .len = from->ai_addrlen };
        memcpy(&found[count++].to, from->ai_addr, from->ai_addrlen);
    }
    return count;
}

/* Until lookup_take has something to say. */
static int wait_for(const struct lookup *l, int64_t deadline_ns, int cancel_fd, struct err *err)
{
    struct pollfd fds[2] = { { .fd = lookup_fd(l), .events = POLLIN }, { .fd = cancel_fd, .events = POLLIN } };

    while (fds[0].fd >= 0) {
        int ready = poll(fds, 2, clock_ms_until(deadline_ns));
        if (ready < 0 && errno != EINTR)
            return err_sys(err, "looking up %s", lookup_host(l));
        if (ready > 0 && fds[1].revents != 0)
            return err_set(err, ERR_CANCELED, "looking up %s: told to stop", lookup_host(l));
        if (ready > 0)
            return 0;
        if (ready == 0 && clock_now_ns() >= deadline_ns)
            return err_set(err, ERR_TIMEOUT, "looking up %s took too long", lookup_host(l));
    }
    return 0;
}

int resolve_host(const char *host, const char *port, struct resolve_address *found, int64_t deadline_ns, int cancel_fd,
                 struct err *err)
{
    struct lookup *l = lookup_start(host, port, SOCK_DGRAM);
    const struct addrinfo *list;
    int rc, count = -1;

    do
        rc = wait_for(l, deadline_ns, cancel_fd, err) < 0 ? -1 : lookup_take(l, &list, err);
    while (rc == 0);
    if (rc > 0)
        count = copy(list, found);
    lookup_free(l);
    return count;
}
