/*
 * send.h - packets to one receiver: UDP, a unix datagram socket, or TCP. The only file of this sink that knows sockets.
 *
 * Nothing here waits past send_limits.deadline_ns, longer than timeout_ms for one step, or on after cancel_fd is readable.
 * One thread at a time.
 */
#ifndef SINKS_STATSD_SEND_H
#define SINKS_STATSD_SEND_H

#include "agent/base/err.h"
#include "agent/net/resolve.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <sys/un.h>

/* 2,000 a second in bursts of at most 64 are what every receiver that was measured takes without loss, with a default receive
 * buffer, which holds 92 datagrams of 1432 bytes. Small bursts leave the more of it for a receiver that was not scheduled: at 2,000 a
 * second it may sleep for 38 ms, at 500 for 152. As long as there is much time, the pace is that much slower. */
#define SEND_BURST 16
#define SEND_GENTLE 4 /* a quarter of the rate, in the first quarter of the time there is */

enum send_transport { SEND_AUTO, SEND_UDP, SEND_TCP, SEND_UNIX };

struct send_limits {
    int64_t deadline_ns;
    int64_t timeout_ms;
    int cancel_fd; /* -1: none */
};

struct sender {
    enum send_transport transport; /* never SEND_AUTO */
    char host[RESOLVE_HOST_MAX], port[6];
    struct sockaddr_un path;
    int64_t rate; /* datagrams a second over UDP; 0: no limit */
    char name[RESOLVE_HOST_MAX + 32]; /* "StatsD udp 127.0.0.1:8125", for messages */

    int fd; /* -1: not connected */
    struct resolve_address addresses[RESOLVE_ADDRESSES_MAX];
    int address_count, address_next; /* the one to try next */
    int64_t resolved_at_ns;
    int64_t next_burst_ns;
    int64_t gentle_until_ns;
    bool is_mid_line; /* TCP: the bytes sent last do not end a line */
};

/* Reads the address: host:port, or the path of a unix socket (begins with /, or @ for an abstract one). No network. */
int sender_init(struct sender *s, const char *address, enum send_transport transport, int64_t rate, struct err *err);
void sender_fini(struct sender *s); /* also of a zeroed one */

/* Connects if necessary, and clears what is left of the last time. */
int sender_connect(struct sender *s, const struct send_limits *l, struct err *err);
/* At most SEND_BURST packets; *gone is how many have left as a whole, also after a failure. ERR_CONFIG: a packet is too large. */
int sender_send(struct sender *s, struct iovec *packets, unsigned count, unsigned *gone, const struct send_limits *l,
                struct err *err);
/* After the last packet: did it come back? Over TCP: has the peer's kernel everything? */
int sender_settle(struct sender *s, const struct send_limits *l, struct err *err);
/* After a failure. What comes next starts on a new connection, at the beginning of a line. */
void sender_drop(struct sender *s);
/* Is anybody there? Sends an empty line over UDP, which every receiver passes over; nothing over the others. */
int sender_probe(struct sender *s, const struct send_limits *l, struct err *err);

#endif
