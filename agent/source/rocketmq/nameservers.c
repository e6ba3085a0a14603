/* nameservers.c - see nameservers.h. */
#include "agent/source/rocketmq/nameservers.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_SHARE 2 /* the time left is divided by this: a server that hangs must leave some for the brokers */

static int64_t our_deadline(int64_t deadline_ns)
{
    int64_t now_ns = clock_now_ns();

    return now_ns + (deadline_ns - now_ns) / TIME_SHARE;
}

/* ---- who they are ------------------------------------------------------------------------------------------------ */

/* Reads a list into addresses; how many, or -1. */
static int read_list(const char *list, char addresses[CENSUS_MAX][ADDRESS_MAX_BYTES], struct err *err)
{
    char next[ADDRESS_MAX_BYTES];
    int count = 0, found;

    while ((found = name_next_address(&list, next, err)) > 0) {
        if (count == CENSUS_MAX)
            return err_set(err, ERR_CONFIG, "more than %d name servers", CENSUS_MAX);
        memcpy(addresses[count++], next, sizeof(next));
    }
    if (found < 0)
        return -1;
    return count > 0 ? count : err_set(err, ERR_CONFIG, "expected at least one HOST:PORT");
}

/* The peer of that address is taken out of the old ones, with its counts, or made. */
static struct peer take_peer(struct nameservers *n, struct peer *old, unsigned count, const char *address)
{
    struct peer peer;

    for (unsigned i = 0; i < count; i++)
        if (old[i].target != NULL && strcmp(rpc_target_address(old[i].target), address) == 0) {
            peer = old[i];
            old[i].target = NULL;
            return peer;
        }
    peer_init(&peer, n->rpc, "name server", address);
    rpc_target_set_signer(peer.target, NULL); /* they check nothing and need not know */
    return peer;
}

static bool is_listed_before(char addresses[CENSUS_MAX][ADDRESS_MAX_BYTES], int i)
{
    for (int k = 0; k < i; k++)
        if (strcmp(addresses[k], addresses[i]) == 0)
            return true;
    return false;
}

/* What is asked from now on. Between runs of rpc. */
static int set_list(struct nameservers *n, const char *list, struct err *err)
{
    char addresses[CENSUS_MAX][ADDRESS_MAX_BYTES];
    struct peer old[CENSUS_MAX];
    unsigned old_count = n->count;
    int count = read_list(list, addresses, err);

    if (count < 0)
        return -1;
    memcpy(old, n->peers, sizeof(old));
    n->count = n->at = 0;
    for (int i = 0; i < count; i++)
        if (!is_listed_before(addresses, i))
            n->peers[n->count++] = take_peer(n, old, old_count, addresses[i]);
    for (unsigned i = 0; i < old_count; i++)
        if (old[i].target != NULL)
            peer_fini(&old[i]);
    census_begin(&n->census);
    n->census_at_ns = 0;
    return 0;
}

int nameservers_open(struct nameservers *n, struct rpc *rpc, struct address_server *address_server, const char *list, struct err *err)
{
    *n = (struct nameservers){ .rpc = rpc, .address_server = address_server };
    census_init(&n->census);
    if (address_server != NULL)
        return 0;
    return set_list(n, list, err) < 0 ? err_wrap(err, "namesrv") : 0;
}

void nameservers_close(struct nameservers *n)
{
    for (unsigned i = 0; i < n->count; i++)
        peer_fini(&n->peers[i]);
    address_server_free(n->address_server);
    census_fini(&n->census);
    free(n->list);
    *n = (struct nameservers){ .count = 0 };
}

int nameservers_remember(struct nameservers *n, const char *list, struct err *err)
{
    if (n->list != NULL && strcmp(list, n->list) == 0)
        return 0;
    if (set_list(n, list, err) < 0)
        return -1;
    free(n->list);
    n->list = xstrdup(list);
    return 0;
}

void nameservers_begin(struct nameservers *n, int64_t deadline_ns, int cancel_fd)
{
    struct address_server *a = n->address_server;
    char list[ADDRESS_LIST_MAX];
    struct err err;

    if (a != NULL)
        address_server_begin(a);
    if (a != NULL && (n->has_failed || address_server_is_due(a, clock_now_ns())) &&
        address_server_ask(a, our_deadline(deadline_ns), cancel_fd, list, &err) == 0 && nameservers_remember(n, list, &err) < 0)
        address_server_refused(a, &err);
    for (unsigned i = 0; i < n->count; i++)
        peer_begin(&n->peers[i]);
}

/* ---- what they list ---------------------------------------------------------------------------------------------- */

/* One question to one name server. */
struct discovery {
    struct nameservers *nameservers;
    struct topology *topology;
    struct peer *peer;
    unsigned listed;
    bool is_good;
};

static int learn_brokers(struct discovery *d, const struct rpc_answer *answer, struct err *err)
{
    struct nameservers *n = d->nameservers;

    if (answer->frame->code == RMQ_RESPONSE_REQUEST_CODE_NOT_SUPPORTED)
        return err_set(err, ERR_REMOTE, "this is no name server: a broker or a proxy answers here");
    if (rpc_answer_check(answer, err) < 0)
        return -1;
    if (n->is_census)
        census_take(&n->census, (unsigned)(d->peer - n->peers), answer->frame->body);
    int result = topology_learn(d->topology, n->rpc, answer->frame->body, clock_now_ns(), &d->listed, err);
    peer_left_out(d->peer, "cluster", &d->topology->lacks.clusters);
    peer_left_out(d->peer, "broker", &d->topology->lacks.brokers);
    peer_left_out(d->peer, "broker instance", &d->topology->lacks.members);
    return result;
}

static void on_brokers(const struct rpc_answer *answer)
{
    struct discovery *d = answer->ctx;
    struct err err;

    if (answer->err != NULL)
        return;
    d->is_good = learn_brokers(d, answer, &err) == 0;
    if (!d->is_good)
        peer_refused(d->peer, answer->code, &err);
}

static void ask(struct discovery *d, int64_t timeout_ms)
{
    const struct rpc_call call = { .code = RMQ_GET_BROKER_CLUSTER_INFO, .timeout_ms = timeout_ms, .done = on_brokers, .ctx = d };

    rpc_submit(d->peer->target, &call);
}

/* A name server that has just started, or lost its brokers, lists nothing: that is no failure, but worth a word. */
static void note_emptiness(struct peer *peer, unsigned known)
{
    if (known > 0)
        snprintf(peer->note, sizeof(peer->note), "lists no broker; the %u known from before are still asked", known);
    else
        snprintf(peer->note, sizeof(peer->note), "lists no broker");
}

/* A name server that is late has failed; the look is over only if it was told so. */
static void run(struct nameservers *n, struct look *look)
{
    struct err over;

    if (rpc_run(n->rpc, our_deadline(look->deadline_ns), look->cancel_fd, &over) < 0 && over.kind == ERR_CANCELED) {
        look->over = over;
        look->is_over = true;
    }
}

/*
 * Each slow_interval, and as long as they differ or one does not answer, every name server is asked: a broker may have registered with
 * one of them only, and that is worth knowing. The one that is asked always comes last, so its word counts.
 */
static void ask_the_others(struct nameservers *n, struct look *look, unsigned first)
{
    struct discovery others[CENSUS_MAX];
    int64_t age_ms = (look->started_at_ns - n->census_at_ns) / NS_PER_MS;

    n->is_census = n->census_at_ns == 0 || age_ms >= look->options->slow_interval_ms || !census_is_whole(&n->census, n->count) ||
                   !census_is_unanimous(&n->census);
    if (!n->is_census)
        return;
    n->census_at_ns = look->started_at_ns;
    census_begin(&n->census);
    for (unsigned i = 0; i < n->count; i++) {
        others[i] = (struct discovery){ .nameservers = n, .topology = look->topology, .peer = &n->peers[i] };
        if (i != first)
            ask(&others[i], look->options->request_timeout_ms);
    }
    run(n, look);
}

void nameservers_discover(struct nameservers *n, struct look *look)
{
    unsigned start = n->at;

    n->has_failed = true;
    ask_the_others(n, look, start);
    for (unsigned i = 0; i < n->count && !look->is_over; i++) {
        unsigned at = (start + i) % n->count;
        struct discovery d = { .nameservers = n, .topology = look->topology, .peer = &n->peers[at] };
        unsigned known = look->topology->broker_count;
        ask(&d, look->options->request_timeout_ms);
        run(n, look);
        if (d.is_good && d.listed > 0) {
            n->at = at;
            n->has_failed = false;
            return;
        }
        if (d.is_good)
            note_emptiness(d.peer, known);
    }
}

int nameservers_probe(struct nameservers *n, unsigned i, struct topology *topology, int64_t timeout_ms, int64_t deadline_ns,
                      unsigned *listed, struct err *err)
{
    struct discovery d = { .nameservers = n, .topology = topology, .peer = &n->peers[i] };

    ask(&d, timeout_ms);
    rpc_run(n->rpc, deadline_ns, -1, NULL);
    if (peer_check(d.peer, err) < 0)
        return -1;
    if (d.listed == 0)
        return err_set(err, ERR_REMOTE, "name server, lists no broker");
    *listed = d.listed;
    return 0;
}

/* ---- what is told of them ---------------------------------------------------------------------------------------- */

int nameservers_check(const struct nameservers *n, struct err *err)
{
    if (n->address_server != NULL && address_server_check(n->address_server, err) < 0)
        return -1;
    for (unsigned i = 0; i < n->count; i++)
        if (peer_check(&n->peers[i], err) < 0)
            return -1;
    return 0;
}

const char *nameservers_current(const struct nameservers *n)
{
    return n->count > 0 ? rpc_target_address(n->peers[n->at].target) : "?";
}

static void add_census_row(const struct nameservers *n, unsigned i, struct batch *b, const uint32_t keys[3])
{
    int64_t brokers;
    bool agrees;

    if (!census_result(&n->census, i, &brokers, &agrees))
        return;
    uint32_t row = batch_add(b, TABLE_NAMESERVERS);
    batch_set_text(b, TABLE_NAMESERVERS, row, NAMESERVERS_SOURCE, keys[0]);
    batch_set_text(b, TABLE_NAMESERVERS, row, NAMESERVERS_SYSTEM, keys[1]);
    batch_set_text(b, TABLE_NAMESERVERS, row, NAMESERVERS_CLUSTER, keys[2]);
    batch_set_text(b, TABLE_NAMESERVERS, row, NAMESERVERS_TARGET, batch_intern_z(b, rpc_target_address(n->peers[i].target)));
    batch_set_int(b, TABLE_NAMESERVERS, row, NAMESERVERS_BROKERS, brokers);
    batch_set_int(b, TABLE_NAMESERVERS, row, NAMESERVERS_AGREES, agrees);
}

/* One that lists less than the others is told in words, too. */
static void note_disagreement(struct nameservers *n, unsigned i)
{
    struct peer *peer = &n->peers[i];
    int64_t brokers;
    bool agrees;

    if (census_result(&n->census, i, &brokers, &agrees) && !agrees && peer->note[0] == '\0')
        snprintf(peer->note, sizeof(peer->note), "lists %lld of the %lld broker processes that name servers list", (long long)brokers,
                 (long long)census_total(&n->census));
}

void nameservers_add_rows(struct nameservers *n, struct batch *b, const char *source)
{
    const uint32_t keys[3] = { batch_intern_z(b, source), batch_intern_z(b, "rocketmq"), batch_intern(b, "", 0) };

    if (n->address_server != NULL)
        address_server_add_row(n->address_server, b, keys[0], keys[1], keys[2]);
    for (unsigned i = 0; i < n->count; i++) {
        note_disagreement(n, i);
        peer_add_rows(&n->peers[i], b, keys[0], keys[1], keys[2], "nameserver");
        add_census_row(n, i, b, keys);
    }
}
