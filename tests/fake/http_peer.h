/*
 * http_peer.h - an HTTP server that does what a test tells it to, good or bad.
 *
 * Each verb adds one step; each request takes the next step, and the last step repeats. A test reads like the conversation:
 *
 *     struct http_peer *peer = http_peer_start();
 *     http_peer_answer(peer, 503, "Retry-After: 7\r\n", "busy");
 *     http_peer_answer(peer, 200, "", "");
 *
 * One thread of its own, one connection at a time, 127.0.0.1, a free port. All verbs but http_peer_refuse come before the
 * first request; what was received may be read once the client has its answer (or has given up).
 */
#ifndef TESTS_FAKE_HTTP_PEER_H
#define TESTS_FAKE_HTTP_PEER_H

#include <stddef.h>

struct http_peer;

struct http_peer_request {
    char method[16];
    char path[2048];
    char *headers; /* as received, NUL-terminated */
    char *body;    /* NUL-terminated too */
    size_t body_len;
};

struct http_peer *http_peer_start(void);
void http_peer_stop(struct http_peer *peer);
int http_peer_port(const struct http_peer *peer);

/* headers: "Name: value\r\n"..., Content-Length not among them */
void http_peer_answer(struct http_peer *peer, int status, const char *headers, const char *body);
void http_peer_hang(struct http_peer *peer);                               /* reads the request, says nothing */
void http_peer_be_deaf(struct http_peer *peer);                            /* accepts, reads nothing */
void http_peer_close_after(struct http_peer *peer, size_t bytes);          /* reads so much of the request, then resets */
void http_peer_say(struct http_peer *peer, const char *bytes, size_t len); /* these bytes as the answer, then closes */
void http_peer_say_forever(struct http_peer *peer, const char *head);      /* head, then bytes without end */
void http_peer_drip(struct http_peer *peer, const char *head);             /* head, then a byte every 20 ms */
void http_peer_refuse(struct http_peer *peer);                             /* from now on: connection refused */

unsigned http_peer_connections(struct http_peer *peer);
unsigned http_peer_requests(struct http_peer *peer);
const struct http_peer_request *http_peer_request(struct http_peer *peer, unsigned i); /* lives as long as the peer */

#endif
