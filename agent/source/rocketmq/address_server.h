/*
 * address_server.h - where the name servers are, by a web server that tells: how clusters move their name servers without touching
 * every client.
 *
 *     GET /rocketmq/nsaddr  ->  200, one line: "10.0.0.1:9876;10.0.0.2:9876"
 *
 * The Java clients ask each two minutes and keep what they know where there is no answer [src: TopAddressing]; so do we, and
 * besides ask at once while no name server answers. One thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_ADDRESS_SERVER_H
#define AGENT_SOURCE_ROCKETMQ_ADDRESS_SERVER_H

#include "agent/base/err.h"
#include "agent/model/batch.h"

#include <stdbool.h>
#include <stdint.h>

#define ADDRESS_SERVER_EVERY_MS 120000
#define ADDRESS_SERVER_PATH "/rocketmq/nsaddr" /* where the url has none */
#define ADDRESS_LIST_MAX 16384                 /* bytes of an answer */

struct address_server;

/* url: http or https, with a path and a query if need be. proxy: a URL, or "" for none, whatever the environment says. No network.
 * NULL: they cannot be used (ERR_CONFIG). */
struct address_server *address_server_new(const char *url, const char *proxy, int64_t timeout_ms, struct err *err);
void address_server_free(struct address_server *a); /* NULL is fine */

void address_server_begin(struct address_server *a); /* a new look begins: it has not been asked in it */
bool address_server_is_due(const struct address_server *a, int64_t now_ns);
/* Asks. 0: list is filled, a line that name_next_address() reads; -1: no answer, or none with a line in it. */
int address_server_ask(struct address_server *a, int64_t deadline_ns, int cancel_fd, char list[ADDRESS_LIST_MAX], struct err *err);
/* What it said turned out to be no list: as a failure of it. */
void address_server_refused(struct address_server *a, const struct err *err);

const char *address_server_name(const struct address_server *a); /* "address server h:8080" */
/* 0 if it was not asked in this look or answered well; else -1 and what was wrong. */
int address_server_check(const struct address_server *a, struct err *err);
/* Its row in scrapes, if it was asked in this look; the keys are the batch's numbers of texts. */
void address_server_add_row(const struct address_server *a, struct batch *b, uint32_t source, uint32_t system, uint32_t cluster);

#endif
