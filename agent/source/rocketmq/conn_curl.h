/*
 * conn_curl.h - the roads to a server that plain TCP is not: TLS, and proxies (HTTP CONNECT, SOCKS5).
 *
 * A second transport (conn.h) whose connections libcurl makes and whose bytes it carries; it sees no frame. struct
 * conn_curl_road is its context: how all connections of a source are made, and which servers have refused TLS. One thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_CONN_CURL_H
#define AGENT_SOURCE_ROCKETMQ_CONN_CURL_H

#include "agent/source/rocketmq/conn.h"

struct conn_curl_road;

enum conn_tls { CONN_TLS_OFF, CONN_TLS_TRY, CONN_TLS_REQUIRE };
enum conn_verify { CONN_VERIFY_FULL, CONN_VERIFY_CA, CONN_VERIFY_NONE };

/* Texts may be NULL or "". Borrowed until the road is gone. */
struct conn_curl_options {
    int tls;            /* enum conn_tls; TRY: plain where the server does not speak TLS, never where its certificate is bad */
    int verify;         /* enum conn_verify; CA: whoever signed, whatever the name */
    const char *ca_file;
    const char *cert_file, *key_file, *key_password; /* the key may stand in cert_file too */
    const char *proxy;  /* URL with http, https, socks5 or socks5h; the environment's proxies are never used */
};

/* Checks the options, by the names they have in the configuration; no network. *road is NULL if plain TCP will do. */
int conn_curl_road_new(const struct conn_curl_options *options, struct conn_curl_road **road, struct err *err);
void conn_curl_road_free(struct conn_curl_road *road); /* behind the last connection; accepts NULL */

/* This server speaks no TLS: under CONN_TLS_TRY it is spoken to plainly from now on. Called by the connections; here for tests. */
void conn_curl_road_note_refuser(struct conn_curl_road *road, const char *address);

extern const struct conn_ops conn_curl; /* its ctx is a struct conn_curl_road */

#endif
