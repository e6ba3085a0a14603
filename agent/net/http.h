/*
 * http.h - one HTTP peer: a request with a deadline, an answer with a status.
 *
 * The only door to libcurl; its types stay behind it. A peer's connection is kept between requests and dropped after any
 * error. Redirects are never followed, certificates are checked unless told otherwise, only http and https are spoken
 * (HTTP/1.1). Without a proxy of its own the environment's holds (https_proxy, no_proxy, ...). Each struct http belongs to one
 * thread. No secret gets into an err.
 */
#ifndef AGENT_NET_HTTP_H
#define AGENT_NET_HTTP_H

#include "agent/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct http;

#define HTTP_OWN_HEADERS_MAX 32

/* Owned by the caller until http_open returns. From `user` on everything may be left out: NULL or "". */
struct http_options {
    const char *what;       /* who the peer is, for messages: "Pushgateway" */
    const char *url;        /* http or https; may hold user:password and a path that stands before every request's */
    const char *user_agent; /* "mqpush/1.0" */
    int64_t timeout_ms;     /* connecting, or waiting for the next byte to move, takes no longer than this */

    const char *user, *password; /* basic authentication; the url may name them instead */
    const char *bearer_token;    /* instead of a user */
    const char *headers;         /* of every request: "Name: value", several separated by | */
    const char *proxy;           /* a URL with http, https, socks5 or socks5h; "none": none, whatever the environment says */
    const char *ca_file;         /* PEM: who may sign the peer's certificate, in place of the system's */
    const char *cert_file, *key_file, *key_password; /* PEM: ours; the key may stand in cert_file too */
    bool accepts_any_certificate;
};

struct http_request {
    const char *method;         /* "GET", "PUT", "DELETE" */
    const char *path;           /* begins with '/', already encoded, sent as it is */
    const char *const *headers; /* "Name: value", ends with NULL; NULL: none */
    const void *body;
    size_t body_len;
    int64_t deadline_ns; /* monotonic: the whole request */
    int cancel_fd;       /* readable: give up at once with ERR_CANCELED; -1: there is none */
    struct buf *answer;  /* receives the answer's body, up to the buf's limit, or drained; NULL: only its beginning is of interest */
};

#define HTTP_TEXT_MAX 2048

struct http_answer {
    int status;
    int64_t retry_after_ms;     /* the Retry-After header; 0: none */
    int64_t date_s;             /* the peer's clock, seconds since 1970; 0: it does not say */
    char location[200];         /* where a redirect points to, without user and password */
    char text[HTTP_TEXT_MAX];   /* beginning of the body as one printable line */
};

/* Checks the options; no network. NULL: they cannot be used, err says why (without a secret in it). */
struct http *http_open(const struct http_options *options, struct err *err);

/* "Pushgateway gw:9091" */
const char *http_name(const struct http *http);

/* 0: there is an answer, whatever its status. -1: there is none, and err begins with http_name. */
int http_ask(struct http *http, const struct http_request *request, struct http_answer *answer, struct err *err);

void http_close(struct http *http); /* accepts NULL */

/* libcurl and what it was built with, as it says itself. */
const char *http_library(void);

#endif
