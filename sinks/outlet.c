/* outlet.c - see outlet.h. */
#include "sinks/outlet.h"

#include "agent/base/clock.h"
#include "sinks/sink.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

static int wait_writable(const struct outlet *o)
{
    struct pollfd fds[2] = { { .fd = o->fd, .events = POLLOUT }, { .fd = o->delivery->cancel_fd, .events = POLLIN } };

    for (;;) {
        int ready = poll(fds, 2, clock_ms_until(o->delivery->deadline_ns));
        if (ready < 0 && errno != EINTR)
            return err_sys(o->err, "%s: poll", o->name);
        if (ready == 0)
            return err_set(o->err, ERR_TIMEOUT, "%s: nobody reads", o->name);
        if (ready > 0 && fds[1].revents != 0)
            return err_set(o->err, ERR_CANCELED, "%s: given up, told to stop", o->name);
        if (ready > 0)
            return 0; /* also for POLLERR: write() knows the reason */
    }
}

int outlet_write(void *outlet, const char *data, size_t len)
{
    const struct outlet *o = outlet;

    while (len > 0) {
        if (wait_writable(o) < 0)
            return -1;
        ssize_t n = write(o->fd, data, len < PIPE_BUF ? len : PIPE_BUF);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return err_sys(o->err, "%s", o->name);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
            o->delivery->bytes += (uint64_t)n;
        }
    }
    return 0;
}
