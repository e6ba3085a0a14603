/*
 * statsd_peer.h - a StatsD receiver that keeps what it hears and misbehaves when told to, over UDP, a unix datagram socket or TCP.
 *
 *     struct statsd_peer *peer = statsd_peer_start(STATSD_PEER_TCP);
 *     statsd_peer_close_after(peer, 100);
 *     ... deliver to statsd_peer_address(peer) ...
 *     ck_assert_uint_eq(statsd_peer_wait(peer, 2), 2);
 *
 * A piece is what arrived in one datagram, or over one connection so far. One thread of its own; all calls from the test's thread.
 */
#ifndef TESTS_FAKE_STATSD_PEER_H
#define TESTS_FAKE_STATSD_PEER_H

#include <stdbool.h>
#include <stddef.h>

enum statsd_peer_kind { STATSD_PEER_UDP, STATSD_PEER_UNIX, STATSD_PEER_TCP };

struct statsd_peer;

struct statsd_peer *statsd_peer_start(enum statsd_peer_kind kind);
void statsd_peer_stop(struct statsd_peer *peer);
const char *statsd_peer_address(const struct statsd_peer *peer);

void statsd_peer_hang(struct statsd_peer *peer, bool hangs);             /* reads nothing; false: reads again */
void statsd_peer_close_after(struct statsd_peer *peer, size_t bytes);    /* once: TCP resets the connection, others are gone for good */
void statsd_peer_close_now(struct statsd_peer *peer);                    /* the connection, or the socket */
void statsd_peer_say(struct statsd_peer *peer, bool forever);            /* TCP: nonsense, to every connection */
void statsd_peer_refuse(struct statsd_peer *peer);                       /* from now on there is nobody */
void statsd_peer_return(struct statsd_peer *peer);                       /* datagrams: somebody is there again, same address */

/* Waits (5 s at most) until there are so many pieces, or bytes in all; returns how many there are. */
unsigned statsd_peer_wait(struct statsd_peer *peer, unsigned pieces);
size_t statsd_peer_wait_bytes(struct statsd_peer *peer, size_t bytes);
unsigned statsd_peer_pieces(struct statsd_peer *peer);
/* A copy, NUL-terminated; the caller frees it. */
char *statsd_peer_piece(struct statsd_peer *peer, unsigned i, size_t *len);
void statsd_peer_forget(struct statsd_peer *peer); /* what has been heard so far; not with a connection open */

#endif
