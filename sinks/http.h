/*
 * http.h - one HTTP peer: a request with a deadline, an answer with a status.
 *
 * The only door to libcurl; its types stay behind it. A peer's connection is kept between requests and dropped after any
 * error. Redirects are never followed, certificates always checked, only http and https are spoken (HTTP/1.1). The proxy
 * variables of the environment hold (https_proxy, no_proxy, ...). Each struct http belongs to one thread.
 */
#ifndef SINKS_HTTP_H
#define SINKS_HTTP_H

#include "agent/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct buf;
struct http;

/* Owned by the caller until http_open returns. */
struct http_options {
    const char *what;       /* who the peer is, for messages: "Pushgateway" */
    const char *url;        /* http or https; may hold user:password and a path that stands before every request's */
    const char *user_agent; /* "mqpush/1.0" */
    int64_t timeout_ms;     /* connecting, or waiting for the next byte to move, takes no longer than this */
};

struct http_request {
    const char *method;         /* "GET", "PUT", "DELETE" */
    const char *path;           /* begins with '/', already encoded, sent as it is */
    const char *const *headers; /* "Name: value", ends with NULL; NULL: none */
    const void *body;
    size_t body_len;
    int64_t deadline_ns; /* monotonic: the whole request */
    int cancel_fd;       /* readable: give up at once with ERR_CANCELED; -1: there is none */
    struct buf *answer;  /* receives the answer's body, up to the buf's limit; NULL: only its beginning is of interest */
};

#define HTTP_TEXT_MAX 300 /* fits into an err with the peer's name before it */

struct http_answer {
    int status;
    int64_t retry_after_ms;     /* the Retry-After header; 0: none */
    char location[200];         /* where a redirect points to, without user and password */
    char text[HTTP_TEXT_MAX];   /* beginning of the body as one printable line */
};

/* Checks the URL; no network. NULL: it cannot be used, err says why (without the password in it). */
struct http *http_open(const struct http_options *options, struct err *err);

/* "Pushgateway gw:9091" */
const char *http_name(const struct http *http);

/* 0: there is an answer, whatever its status. -1: there is none, and err begins with http_name. */
int http_ask(struct http *http, const struct http_request *request, struct http_answer *answer, struct err *err);

void http_close(struct http *http); /* accepts NULL */

/* libcurl and what it was built with, as it says itself. */
const char *http_library(void);

#endif
