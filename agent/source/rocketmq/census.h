/*
 * census.h - do the name servers agree?
 *
 * Name servers do not talk to each other: each knows what registered with it. So each is asked for all it lists (106), and its
 * list is held against that of all together. Only lists of one moment are compared: a census begins anew each time. One thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_CENSUS_H
#define AGENT_SOURCE_ROCKETMQ_CENSUS_H

#include "agent/base/intern.h"
#include "agent/source/rocketmq/bodies.h"

#include <stdbool.h>
#include <stdint.h>

#define CENSUS_MAX 32        /* name servers; a bit each */
#define CENSUS_ENTRIES_MAX (1u << 16) /* broker processes, of all lists */

struct census {
    struct intern entries; /* cluster, broker name, id and address in one text */
    uint32_t *lists;       /* by entry: bit n is name server n */
    uint32_t room;
    uint32_t told;         /* name servers that have answered */
};

void census_init(struct census *c);
void census_fini(struct census *c);
void census_begin(struct census *c); /* forgets everything */
/* A name server's answer to 106; one that breaks off, or names more than there is room for, counts for nothing. Fine inside a callback. */
void census_take(struct census *c, unsigned nameserver, struct view body);
/* All together agree; true also where nobody has told. */
bool census_is_unanimous(const struct census *c);
/* Whether it has told, how many broker processes it lists, and whether that is all that any of them lists. */
bool census_result(const struct census *c, unsigned nameserver, int64_t *brokers, bool *agrees);
/* Broker processes that name servers list, all lists together. */
int64_t census_total(const struct census *c);
/* All of so many have told. */
bool census_is_whole(const struct census *c, unsigned nameservers);

#endif
