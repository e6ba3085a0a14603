/*
 * nameservers.h - the name servers of a source: who they are, what they list, whether they agree.
 *
 * Who they are is configured, or an address server tells (address_server.h). One is asked in each look which brokers there are (106);
 * the next one if it fails or lists nothing. Each slow_interval, and as long as they differ or one is away, all are asked. Main
 * thread only.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_NAMESERVERS_H
#define AGENT_SOURCE_ROCKETMQ_NAMESERVERS_H

#include "agent/source/rocketmq/address_server.h"
#include "agent/source/rocketmq/census.h"
#include "agent/source/rocketmq/look.h"

struct nameservers {
    struct rpc *rpc;
    struct address_server *address_server; /* NULL: the list is configured */
    char *list;                   /* from the address server; NULL: none yet */
    struct peer peers[CENSUS_MAX];
    unsigned count;
    unsigned at;                  /* the one that answered last */
    struct census census;
    int64_t census_at_ns;         /* when all were last asked; 0: never */
    bool is_census;               /* they are in this look */
    bool has_failed;              /* in the last look none of them listed a broker */
};

/* Takes the address server, which may be NULL: then `list`, as mqadmin -n takes it, counts. -1: the list is wrong (ERR_CONFIG). */
int nameservers_open(struct nameservers *n, struct rpc *rpc, struct address_server *address_server, const char *list, struct err *err);
void nameservers_close(struct nameservers *n); /* before rpc is freed; fine after a failed open */
/* A list that an earlier process had from the address server. -1: it is none, and nothing has changed. */
int nameservers_remember(struct nameservers *n, const char *list, struct err *err);

/* A look begins: asks the address server, if it is time. */
void nameservers_begin(struct nameservers *n, int64_t deadline_ns, int cancel_fd);
/* Asks one after the other until one lists brokers, which go into the topology. Takes half of the look's time at most. */
void nameservers_discover(struct nameservers *n, struct look *look);
/* Asks one of them, for itself. *listed: the broker names it lists. */
int nameservers_probe(struct nameservers *n, unsigned i, struct topology *topology, int64_t timeout_ms, int64_t deadline_ns,
                      unsigned *listed, struct err *err);

/* 0 if all that was asked in this look was answered well; else -1 and what came first. */
int nameservers_check(const struct nameservers *n, struct err *err);
/* For an err: the one that listed no broker. */
const char *nameservers_current(const struct nameservers *n);
void nameservers_add_rows(struct nameservers *n, struct batch *b, const char *source);

#endif
