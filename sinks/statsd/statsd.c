/*
 * statsd.c - the newest state of everything as StatsD gauges, and counters by how much they have risen.
 *
 * encode.c says what the bytes are, words.c what names may hold, counters.c what was told last, send.c how packets travel. Here
 * they meet: packets gather into bursts, and counters count as told once their packets have gone. When a receiver refuses
 * (nobody is there, so nothing was heard) all of that delivery's counters stay untold; after any other failure only those of packets
 * that did not leave. So a batch that comes again adds nothing twice.
 *
 * UDP and unix datagrams are lost without a word when the receiver is too slow, hence the pace; over TCP a delivery has succeeded
 * when the peer's kernel has confirmed it.
 */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "sinks/prom_text.h"
#include "sinks/sink.h"
#include "sinks/statsd/counters.h"
#include "sinks/statsd/encode.h"
#include "sinks/statsd/send.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What fits into one Ethernet frame; over IPv6 with some room for a tunnel. Unix sockets and TCP need no such care. */
#define PACKET_UDP 1432
#define PACKET_UDP6 1412
#define PACKET_LOCAL 8192
#define PACKET_LEAST 64
#define PACKET_MOST 65507 /* IPv4's limit for a datagram */
#define RATE_MOST 1000000

enum { NEGATIVE_ZERO_FIRST, NEGATIVE_RAW };

static const char *const transport_choices[] = { "auto", "udp", "tcp", "unix", NULL };
static const char *const dialect_choices[] = { "plain", "dogstatsd", "influx", "graphite", "signalfx", "librato", NULL };
static const char *const negative_choices[] = { "zero-first", "raw", NULL };

struct statsd_sink {
    const char *address, *prefix; /* options */
    int transport, dialect, negative;
    int64_t max_packet, rate;

    const struct sink_env *env;
    struct statsd_shape shape;
    struct sender sender;
    struct counters counters;
    bool is_open;
};

static const struct option_spec options[] = {
    OPT(OPT_TYPE_STR, struct statsd_sink, address, "127.0.0.1:8125",
        "where the receiver is: HOST:PORT (8125 if only HOST), or the path of a unix datagram socket"),
    OPT_CHOICE(struct statsd_sink, transport, "auto", transport_choices, "how to get there; auto is unix for a path, else udp"),
    OPT_CHOICE(struct statsd_sink, dialect, "plain", dialect_choices,
               "where labels go; plain makes them parts of the name, which every receiver takes"),
    OPT(OPT_TYPE_STR, struct statsd_sink, prefix, "", "put in front of every name, with a dot between"),
    OPT_CHOICE(struct statsd_sink, negative, "zero-first", negative_choices,
               "gauges below 0: most receivers take -5 for a change by 5, unless a 0 comes first in the same packet; raw is for "
               "those that do not (Datadog, gostatsd)"),
    OPT_RANGE(OPT_TYPE_SIZE, struct statsd_sink, max_packet, "0", 0, PACKET_MOST,
              "most bytes in one packet; 0: 1432 over UDP (1412 to an IPv6 address), else 8192; collectd takes 4095 at most"),
    OPT_RANGE(OPT_TYPE_INT, struct statsd_sink, rate, "2000", 0, RATE_MOST,
              "most packets a second over UDP, in bursts of 16; a quarter of that in the first quarter of an interval, so that "
              "receivers on an overloaded machine lose nothing; 0: no limit"),
    { 0 },
};

/* --- opening ----------------------------------------------------------------------------------------------------------- */

static int check_prefix(const char *prefix, struct err *err)
{
    const char *good = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    size_t len = strlen(prefix);

    if (len == 0)
        return 0;
    if (strspn(prefix, good) < len || prefix[0] == '.' || prefix[len - 1] == '.')
        return err_set(err, ERR_CONFIG, "prefix: %.100s: expected letters, digits, _ - and dots between them", prefix);
    return len > 200 ? err_set(err, ERR_CONFIG, "prefix: %zu bytes, limit is 200", len) : 0;
}

static size_t packet_size(const struct statsd_sink *s)
{
    if (s->max_packet > 0)
        return (size_t)s->max_packet;
    if (s->sender.transport != SEND_UDP)
        return PACKET_LOCAL;
    return strchr(s->sender.host, ':') != NULL ? PACKET_UDP6 : PACKET_UDP;
}

static int statsd_open(void *self, const struct sink_env *env, struct err *err)
{
    struct statsd_sink *s = self;

    s->env = env;
    counters_init(&s->counters);
    s->is_open = true;
    if (check_prefix(s->prefix, err) < 0 || prom_text_check_labels(env->labels, err) < 0)
        return -1;
    if (s->max_packet != 0 && s->max_packet < PACKET_LEAST)
        return err_set(err, ERR_CONFIG, "max_packet: expected 0 or at least %d bytes", PACKET_LEAST);
    if (sender_init(&s->sender, s->address, (enum send_transport)s->transport, s->rate, err) < 0)
        return -1;
    s->shape = (struct statsd_shape){ .dialect = (enum statsd_dialect)s->dialect, .prefix = s->prefix,
                                      .zero_first = s->negative == NEGATIVE_ZERO_FIRST, .max_packet = packet_size(s),
                                      .families = env->families, .labels = env->labels, .max_series = env->max_series };
    return 0;
}

/* --- delivering -------------------------------------------------------------------------------------------------------- */

/* Packets on their way: a burst gathers, and goes as one. */
struct delivery {
    struct statsd_sink *sink;
    struct send_limits limits;
    struct buf bytes;
    size_t starts[SEND_BURST + 1];
    size_t noted[SEND_BURST]; /* counters in packets up to and with this one */
    unsigned count;
    size_t told;              /* counters whose packets have gone */
    uint64_t sent;            /* bytes */
    struct err *err;
};

static int send_burst(struct delivery *d)
{
    struct iovec packets[SEND_BURST];
    unsigned gone = 0;

    for (unsigned i = 0; i < d->count; i++)
        packets[i] = (struct iovec){ d->bytes.data + d->starts[i], d->starts[i + 1] - d->starts[i] };
    int rc = d->count == 0 ? 0 : sender_send(&d->sink->sender, packets, d->count, &gone, &d->limits, d->err);
    if (gone > 0) {
        d->told = d->noted[gone - 1];
        d->sent += d->starts[gone];
    }
    d->count = 0;
    buf_reset(&d->bytes);
    return rc;
}

static int take_packet(void *ctx, const char *packet, size_t len, size_t noted)
{
    struct delivery *d = ctx;

    buf_put(&d->bytes, packet, len);
    if (d->sink->sender.transport == SEND_TCP)
        buf_putc(&d->bytes, '\n');
    d->noted[d->count] = noted;
    d->starts[++d->count] = d->bytes.len;
    return d->count == SEND_BURST ? send_burst(d) : 0;
}

static int send_batch(struct delivery *d, const struct batch *b, struct statsd_count *count)
{
    struct statsd_sink *s = d->sink;

    *count = statsd_encode(&s->shape, b, &s->counters, &s->counters, take_packet, d);
    if (d->err->kind != ERR_NONE || send_burst(d) < 0)
        return -1;
    return sender_settle(&s->sender, &d->limits, d->err);
}

/* All of them after a success. None if nobody was there to hear them. */
static size_t counters_told(const struct delivery *d, bool is_delivered)
{
    if (is_delivered)
        return d->sink->counters.noted;
    return d->err->sys == ECONNREFUSED ? 0 : d->told;
}

static enum sink_result statsd_deliver(void *self, const struct batch *b, struct sink_delivery *sd, struct err *err)
{
    struct statsd_sink *s = self;
    struct statsd_count count = { 0 };
    struct delivery d = { .sink = s, .err = err, .limits = { .deadline_ns = sd->deadline_ns, .timeout_ms = s->env->timeout_ms,
                                                             .cancel_fd = sd->cancel_fd } };

    *err = (struct err){ 0 };
    if (sender_connect(&s->sender, &d.limits, err) < 0)
        return SINK_RETRY;
    buf_init(&d.bytes, 0);
    int rc = send_batch(&d, b, &count);
    counters_commit(&s->counters, counters_told(&d, rc == 0));
    buf_fini(&d.bytes);
    sd->series = count.samples;
    sd->cut = count.cut;
    sd->first_cut = count.first_cut;
    sd->bytes = d.sent;
    if (rc == 0)
        return SINK_OK;
    sender_drop(&s->sender);
    return err->kind == ERR_CONFIG ? SINK_REJECT : SINK_RETRY;
}

/* --- looking ----------------------------------------------------------------------------------------------------------- */

/* An empty line between packets: receivers pass over it, so this text can be piped to one as it is. */
static int show_packet(void *ctx, const char *packet, size_t len, size_t noted)
{
    struct buf *out = ctx;

    (void)noted;
    if (out->len + out->drained > 0)
        buf_putc(out, '\n');
    buf_put(out, packet, len);
    buf_putc(out, '\n');
    buf_row(out);
    return buf_failed(out) ? -1 : 0;
}

static int statsd_render(void *self, const struct batch *b, struct buf *out, struct err *err)
{
    const struct statsd_sink *s = self;

    statsd_encode(&s->shape, b, &s->counters, NULL, show_packet, out);
    return buf_failed(out) ? err_set(err, ERR_LIMIT, "more text than %zu bytes", out->limit) : 0;
}

static int statsd_probe(void *self, int64_t deadline_ns, char *detail, size_t size, struct err *err)
{
    struct statsd_sink *s = self;
    struct send_limits limits = { .deadline_ns = deadline_ns, .timeout_ms = s->env->timeout_ms, .cancel_fd = -1 };

    if (sender_probe(&s->sender, &limits, err) < 0) {
        sender_drop(&s->sender);
        return -1;
    }
    snprintf(detail, size, "%s", s->sender.transport == SEND_UDP ? "nobody refuses, more cannot be known over UDP" : "it accepts");
    return 0;
}

static void statsd_save(const void *self, struct buf *out)
{
    const struct statsd_sink *s = self;

    counters_save(&s->counters, out);
}

static int statsd_load(void *self, const void *data, size_t len, struct err *err)
{
    struct statsd_sink *s = self;

    return counters_load(&s->counters, data, len, err);
}

static void statsd_close(void *self)
{
    struct statsd_sink *s = self;

    sender_fini(&s->sender);
    if (s->is_open)
        counters_fini(&s->counters);
    s->is_open = false;
}

const struct sink_ops statsd_sink = {
    .name = "statsd",
    .help = "gauges and counters as StatsD lines over UDP, TCP or a unix socket, in six dialects",
    .schemes = "statsd",
    .address_option = "address",
    .mode = SINK_LATEST,
    .options = options,
    .size = sizeof(struct statsd_sink),
    .open = statsd_open,
    .deliver = statsd_deliver,
    .render = statsd_render,
    .probe = statsd_probe,
    .save = statsd_save,
    .load = statsd_load,
    .close = statsd_close,
};
