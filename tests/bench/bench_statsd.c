/*
 * bench_statsd.c - 100,000 StatsD lines: what making them costs, and whether they arrive.
 *
 * The receiver is one UDP socket with the default receive buffer and a thread that does nothing but read it, so what is lost is lost
 * in that buffer. Delivered by the sink at its default pace and unpaced, and as bare sendmmsg of the same packets at the pace that the
 * sink begins with and at the one it may go to: what the sink adds to the least that can be done.
 */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/family.h"
#include "sinks/statsd/encode.h"
#include "sinks/statsd/send.h"
#include "tests/fake/sink_rig.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINES 100000
#define ROUNDS 5
#define PACKET 1432
#define RATE 2000
#define FAMILY "mq_broker_up" /* alone: that the rows have no other values is not what is measured */

struct receiver {
    int fd;
    char address[32];
    pthread_t thread;
    atomic_bool must_end;
    atomic_ulong lines, bytes;
};

static void *receive(void *arg)
{
    struct receiver *r = arg;
    struct pollfd p = { .fd = r->fd, .events = POLLIN };
    char packet[65536];

    while (!atomic_load(&r->must_end))
        for (ssize_t n; poll(&p, 1, 10) > 0 && (n = recv(r->fd, packet, sizeof(packet), MSG_DONTWAIT)) > 0;) {
            unsigned long lines = 1;
            for (const char *at = packet; (at = memchr(at, '\n', (size_t)(packet + n - at))) != NULL; at++)
                lines++;
            atomic_fetch_add(&r->lines, lines);
            atomic_fetch_add(&r->bytes, (unsigned long)n);
        }
    return NULL;
}

static void start_receiver(struct receiver *r)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(to);

    memset(r, 0, sizeof(*r));
    r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(r->fd, (struct sockaddr *)&to, len) < 0 || getsockname(r->fd, (struct sockaddr *)&to, &len) < 0)
        abort();
    snprintf(r->address, sizeof(r->address), "127.0.0.1:%d", ntohs(to.sin_port));
    pthread_create(&r->thread, NULL, receive, r);
}

/* Lines that arrived since the last call, once nothing more comes. */
static unsigned long take_lines(struct receiver *r)
{
    unsigned long before;

    do {
        before = atomic_load(&r->lines);
        poll(NULL, 0, 100);
    } while (before != atomic_load(&r->lines));
    return atomic_exchange(&r->lines, 0);
}

static void stop_receiver(struct receiver *r)
{
    atomic_store(&r->must_end, true);
    pthread_join(r->thread, NULL);
    close(r->fd);
}

/* CPU of this thread: the receiver's is not ours. */
static double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct packets {
    struct buf bytes;
    size_t ends[LINES];
    unsigned count;
};

static int keep(void *ctx, const char *packet, size_t len, size_t noted)
{
    struct packets *p = ctx;

    (void)noted;
    if (p->count == LINES)
        abort();
    buf_put(&p->bytes, packet, len);
    p->ends[p->count++] = p->bytes.len;
    return 0;
}

static int drop(void *ctx, const char *packet, size_t len, size_t noted)
{
    (void)packet;
    (void)noted;
    *(size_t *)ctx += len;
    return 0;
}

static void bench_encode(const struct batch *b, const bool *wanted)
{
    static const char *const names[] = { "plain", "dogstatsd", "influx", "graphite", "signalfx", "librato" };
    struct counters counters;

    counters_init(&counters);
    for (int dialect = STATSD_PLAIN; dialect <= STATSD_LIBRATO; dialect++) {
        struct statsd_shape shape = { .dialect = (enum statsd_dialect)dialect, .prefix = "", .zero_first = true,
                                      .max_packet = PACKET, .families = wanted };
        double best = 1e9;
        size_t bytes = 0;
        for (int i = 0; i < ROUNDS; i++) {
            double before = cpu_ms();
            bytes = 0;
            statsd_encode(&shape, b, &counters, NULL, drop, &bytes);
            double spent = cpu_ms() - before;
            best = spent < best ? spent : best;
        }
        printf("statsd encode dialect=%s lines=%d bytes=%zu cpu_ms=%.1f ns_per_line=%.0f\n", names[dialect], LINES, bytes, best,
               best * 1e6 / LINES);
    }
    counters_fini(&counters);
}

static void send_bare(int fd, struct packets *p, unsigned rate)
{
    int64_t next = clock_now_ns();
    struct mmsghdr messages[SEND_BURST];
    struct iovec parts[SEND_BURST];

    for (unsigned at = 0; at < p->count;) {
        unsigned n = p->count - at < SEND_BURST ? p->count - at : SEND_BURST;
        memset(messages, 0, sizeof(messages));
        for (unsigned i = 0; i < n; i++) {
            size_t start = at + i == 0 ? 0 : p->ends[at + i - 1];
            parts[i] = (struct iovec){ p->bytes.data + start, p->ends[at + i] - start };
            messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
        }
        struct timespec until = { .tv_sec = next / NS_PER_S, .tv_nsec = next % NS_PER_S };
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        if (sendmmsg(fd, messages, n, 0) != (int)n)
            abort();
        at += n;
        next += (int64_t)n * NS_PER_S / rate;
    }
}

static void say(const char *how, unsigned packets, double wall_ms, double cpu, unsigned long arrived)
{
    printf("statsd send how=%s lines=%d packets=%u wall_ms=%.0f cpu_ms=%.1f arrived=%lu lost_percent=%.2f\n", how, LINES, packets,
           wall_ms, cpu, arrived, 100.0 * (1 - (double)arrived / LINES));
}

static void bench_bare(struct receiver *r, const struct batch *b, const bool *wanted, unsigned rate)
{
    char how[32];
    struct packets *p = xcalloc(1, sizeof(*p));
    struct statsd_shape shape = { .dialect = STATSD_PLAIN, .prefix = "", .max_packet = PACKET, .families = wanted };
    struct sockaddr_in to;
    socklen_t len = sizeof(to);
    struct counters counters;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    counters_init(&counters);
    buf_init(&p->bytes, 0);
    statsd_encode(&shape, b, &counters, NULL, keep, p);
    if (getsockname(r->fd, (struct sockaddr *)&to, &len) < 0 || connect(fd, (struct sockaddr *)&to, len) < 0)
        abort();
    for (int i = 0; i < ROUNDS; i++) {
        int64_t wall = clock_now_ns();
        double cpu = cpu_ms();
        send_bare(fd, p, rate);
        cpu = cpu_ms() - cpu;
        wall = clock_now_ns() - wall;
        snprintf(how, sizeof(how), "bare_sendmmsg_%u", rate);
        say(how, p->count, (double)wall / 1e6, cpu, take_lines(r));
    }
    close(fd);
    buf_fini(&p->bytes);
    counters_fini(&counters);
    free(p);
}

static void bench_sink(struct receiver *r, const struct batch *b, const char *how, const char *rate, int rounds)
{
    struct sink_rig rig;

    sink_rig_init(&rig, "statsd");
    family_select(FAMILY, rig.families, NULL);
    sink_rig_set(&rig, "address", r->address);
    if (rate != NULL)
        sink_rig_set(&rig, "rate", rate);
    rig.deadline_ms = 60000;
    if (sink_rig_open(&rig) < 0)
        abort();
    for (int i = 0; i < rounds; i++) {
        double cpu = cpu_ms();
        if (sink_rig_deliver(&rig, b) != SINK_OK) {
            fprintf(stderr, "bench_statsd: %s\n", rig.err.msg);
            exit(1);
        }
        cpu = cpu_ms() - cpu;
        unsigned long arrived = take_lines(r);
        say(how, (unsigned)((rig.delivery.bytes + PACKET - 1) / PACKET), (double)rig.took_ms, cpu, arrived);
    }
    sink_rig_fini(&rig);
}

int main(void)
{
    struct batch *b = rig_broker_batch(LINES);
    struct receiver r;
    struct sink_rig rig;

    sink_rig_init(&rig, "statsd"); /* for its table of families */
    family_select(FAMILY, rig.families, NULL);
    bench_encode(b, rig.families);
    start_receiver(&r);
    bench_sink(&r, b, "sink_default", NULL, ROUNDS);
    bench_bare(&r, b, rig.families, RATE / SEND_GENTLE);
    bench_bare(&r, b, rig.families, RATE);
    bench_sink(&r, b, "sink_unpaced", "0", 1);
    stop_receiver(&r);
    sink_rig_fini(&rig);
    batch_unref(b);
    return 0;
}
