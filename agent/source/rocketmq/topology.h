/*
 * topology.h - which clusters and brokers there are, as name servers say (106), and which process of a broker we ask.
 *
 * A name server that has just started lists nothing, or half; one that lost a broker forgets it at once. So what an answer lacks is
 * marked, still asked at its last address, shown as down if it does not answer, and forgotten only after `forget_after`. A process
 * whose id another address has taken over, or whose address is listed under another name, is forgotten at once. One thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_TOPOLOGY_H
#define AGENT_SOURCE_ROCKETMQ_TOPOLOGY_H

#include "agent/source/rocketmq/cluster.h"

struct topology {
    struct cluster **clusters;
    unsigned cluster_count;
    unsigned broker_count; /* names, of all clusters */
    size_t held;           /* see SOURCE_HELD_MAX */
    struct {
        struct left_out clusters, brokers, members;
    } lacks; /* of the newest answer, for want of room */
};

void topology_fini(struct topology *t);
/* The broker behind b, cluster by cluster; behind NULL the first, behind the last NULL. */
struct broker *topology_next(const struct topology *t, const struct broker *b);
/* Broker processes, of all clusters. */
unsigned topology_members(const struct topology *t);
/* Takes the body of an answer to 106. *listed: broker names in it that are taken. -1: it broke off; what it named before is taken, and
 * nothing is marked as not listed. Fine inside a callback of rpc. */
int topology_learn(struct topology *t, struct rpc *rpc, struct view body, int64_t now_ns, unsigned *listed, struct err *err);
/* Forgets what no name server has listed for so long, and processes whose id another has. Between runs of rpc. */
void topology_forget(struct topology *t, int64_t now_ns, int64_t forget_after_ms);
/* Chooses whom to ask of each broker name: the smallest id listed. A change of leader ends all comparisons with what came before. */
void topology_choose_leaders(struct topology *t);

#endif
