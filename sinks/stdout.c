/*
 * stdout.c - the metrics as text on standard output: the smallest sink, and the example of sinks/README.md.
 */
#include "agent/base/buf.h"
#include "sinks/outlet.h"
#include "sinks/prom_text.h"
#include "sinks/sink.h"

#include <errno.h>
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

static enum sink_result stdout_deliver(void *self, const struct batch *b, struct sink_delivery *d, struct err *err)
{
    struct outlet outlet = { .fd = STDOUT_FILENO, .name = "standard output", .delivery = d, .err = err };
    struct buf out;

    buf_init_drain(&out, outlet_write, &outlet);
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
