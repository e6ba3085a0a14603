/*
 * redis_peer.h - a Redis that keeps streams, and goes wrong where a test tells it to: what a real one cannot be made to show.
 *
 * Knows AUTH SELECT PING INFO ASKING XINFO XTRIM XADD XREVRANGE, as far as the sink uses them. Ids grow as in a real one. One thread,
 * one connection at a time, 127.0.0.1, a free port. Faults are set before the connection they are for.
 */
#ifndef TESTS_FAKE_REDIS_PEER_H
#define TESTS_FAKE_REDIS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redis_peer;

struct redis_peer *redis_peer_start(void);
void redis_peer_stop(struct redis_peer *p);
const char *redis_peer_url(const struct redis_peer *p); /* "redis://127.0.0.1:6379"; its own */

/* The next connection is cut after so many bytes were read from it, or written to it; what came before has been done. */
void redis_peer_cut_after_read(struct redis_peer *p, size_t bytes);
void redis_peer_cut_after_write(struct redis_peer *p, size_t bytes);
void redis_peer_drip(struct redis_peer *p, size_t bytes); /* from now on: replies leave in pieces of so many bytes */
void redis_peer_hang(struct redis_peer *p);               /* the next connection: reads, says nothing */
void redis_peer_say(struct redis_peer *p, const char *bytes); /* the next connection: this as the first reply, then closes */
void redis_peer_say_forever(struct redis_peer *p, const char *head, const char *again); /* ... and `again` until it is left alone */
void redis_peer_refuse(struct redis_peer *p);             /* from now on: connection refused */
/* The command's nth time (from 1) and the `times` - 1 following are answered "-text"; the others of a pipeline are done. */
void redis_peer_fail(struct redis_peer *p, const char *command, unsigned nth, unsigned times, const char *text);

unsigned redis_peer_connections(struct redis_peer *p);
unsigned redis_peer_entries(struct redis_peer *p, const char *key);
/* Entry i of a stream as text: "id name value name value..."; lives until the peer stops. NULL: there is none. */
const char *redis_peer_entry(struct redis_peer *p, const char *key, unsigned i);
/* Puts an entry of somebody else. */
void redis_peer_add(struct redis_peer *p, const char *key, const char *id, const char *name, const char *value);
/* So many of somebody else, MS-0, MS-1, ..., behind all there are and as small as can be: without a field, and without a text here. */
void redis_peer_add_many(struct redis_peer *p, const char *key, int64_t ms, unsigned count);
/* All commands so far, one a line, words separated by a blank (for looking into them with strstr). Until the next call. */
const char *redis_peer_log(struct redis_peer *p);

#endif
