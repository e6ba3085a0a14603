/*
 * http_parts.h - what the files of the HTTP peer share among themselves; nobody else includes it.
 *
 * http_peer.c checks the options and makes the peer, http.c sends one request, http_why.c says why there was no answer.
 */
#ifndef AGENT_NET_HTTP_PARTS_H
#define AGENT_NET_HTTP_PARTS_H

#include "agent/net/http.h"

#include <stdint.h>

#define HTTP_HEADERS_MAX (64 * 1024) /* of an answer */
#define HTTP_SKIP_MAX (64 * 1024)    /* of an answer nobody wants: reading on for this long is cheaper than a new connection */
#define HTTP_RETRY_AFTER_MAX_S 86400

/* Texts are NULL where there is none. */
struct http {
    char *name;
    char *base; /* scheme://host:port/path without user, password and final slash */
    char *user, *password; /* decoded */
    char *headers[HTTP_OWN_HEADERS_MAX + 2]; /* "Name: value" of every request, ends with NULL */
    char *proxy; /* "": none, whatever the environment says; NULL: what the environment says */
    char *ca_file, *cert_file, *key_file, *key_password;
    bool accepts_any_certificate;
    char *user_agent;
    int64_t timeout_ms;
    void *easy, *multi; /* CURL, CURLM */
};

/* One request on its way. */
struct http_exchange {
    struct http *http;
    const struct http_request *request;
    struct http_answer *answer;
    size_t header_bytes, body_bytes, text_len;
    bool has_headers;   /* all of them */
    bool has_enough;    /* we ended the answer, not the peer */
    int64_t step_at_ns; /* since when nothing has moved */
    int64_t moved;      /* bytes, both ways */
    char trouble[256];  /* libcurl's own words; CURL_ERROR_SIZE */
};

/* code: libcurl's verdict, a CURLcode. Both return -1. */
int http_say_why(const struct http_exchange *x, int code, struct err *err);
int http_say_timeout(const struct http_exchange *x, struct err *err);

#endif
