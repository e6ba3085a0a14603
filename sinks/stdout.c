/*
 * stdout.c - the metrics as text on standard output: the smallest sink, and the example of sinks/README.md.
 *
 * The descriptor is shared with whoever started us, so it stays blocking; instead, no write is larger than what a pipe that polls
 * as writable takes at once (PIPE_BUF). So a reader that does not read costs one deadline, not the worker.
 */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "sinks/prom_text.h"
#include "sinks/sink.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

struct stdout_sink {
    const struct sink_env *env;
};

static const struct option_spec options[] = { { 0 } };

static int stdout_open(void *self, const struct sink_env *env, struct err *err)
{
    struct stdout_sink *s = self;

    s->env = env;
    return prom_text_check_labels(env->labels, err);
}

static struct prom_text_count put_page(const struct stdout_sink *s, const struct batch *b, struct buf *out)
{
    return prom_text_render(b, s->env->families, s->env->labels, s->env->max_series, out);
}

/* What the drain of one delivery needs to know. */
struct writing {
    struct sink_delivery *delivery;
    struct err *err;
};

static int wait_writable(const struct writing *w)
{
    struct pollfd fds[2] = { { .fd = STDOUT_FILENO, .events = POLLOUT }, { .fd = w->delivery->cancel_fd, .events = POLLIN } };

    for (;;) {
        int ready = poll(fds, 2, clock_ms_until(w->delivery->deadline_ns));
        if (ready < 0 && errno != EINTR)
            return err_sys(w->err, "standard output: poll");
        if (ready == 0)
            return err_set(w->err, ERR_TIMEOUT, "standard output: nobody reads");
        if (ready > 0 && fds[1].revents != 0)
            return err_set(w->err, ERR_CANCELED, "standard output: given up, told to stop");
        if (ready > 0)
            return 0; /* also for POLLERR: write() knows the reason */
    }
}

static int write_all(void *ctx, const char *data, size_t len)
{
    struct writing *w = ctx;

    while (len > 0) {
        if (wait_writable(w) < 0)
            return -1;
        ssize_t n = write(STDOUT_FILENO, data, len < PIPE_BUF ? len : PIPE_BUF);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return err_sys(w->err, "standard output");
        if (n > 0) {
            data += n;
            len -= (size_t)n;
            w->delivery->bytes += (uint64_t)n;
        }
    }
    return 0;
}

static enum sink_result stdout_deliver(void *self, const struct batch *b, struct sink_delivery *d, struct err *err)
{
    struct writing writing = { .delivery = d, .err = err };
    struct buf out;

    buf_init_drain(&out, write_all, &writing);
    struct prom_text_count count = put_page(self, b, &out);
    int rc = buf_flush(&out);
    buf_fini(&out);
    d->series = count.samples;
    d->cut = count.cut;
    d->first_cut = count.first_cut;
    if (rc == 0)
        return SINK_OK;
    return err->sys == EPIPE || err->sys == EBADF ? SINK_REJECT : SINK_RETRY; /* a reader that has gone does not come back */
}

static int stdout_render(void *self, const struct batch *b, struct buf *out, struct err *err)
{
    put_page(self, b, out);
    return buf_failed(out) ? err_set(err, ERR_LIMIT, "more text than %zu bytes", out->limit) : 0;
}

static void stdout_close(void *self)
{
    (void)self;
}

const struct sink_ops stdout_sink = {
    .name = "stdout",
    .help = "the metrics as Prometheus text on standard output",
    .schemes = "stdout",
    .mode = SINK_LATEST,
    .options = options,
    .size = sizeof(struct stdout_sink),
    .open = stdout_open,
    .deliver = stdout_deliver,
    .render = stdout_render,
    .close = stdout_close,
};
