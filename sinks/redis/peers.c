/* peers.c - see peers.h. */
#include "sinks/redis/peers.h"

#include "agent/base/num.h"
#include "agent/base/xalloc.h"
#include "sinks/redis/refusal.h"

#include <hiredis/hiredis.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void peers_init(struct peers *p, const struct address *address, const struct login *login, const struct endpoints *sentinels,
                const char *sentinel_password)
{
    *p = (struct peers){ .address = address, .sentinels = sentinels, .sentinel_password = sentinel_password, .login = *login };
}

void peers_fini(struct peers *p)
{
    for (unsigned i = 0; i < p->link_count; i++) {
        link_fini(p->links[i]);
        free(p->links[i]);
    }
    p->link_count = 0;
    p->home = NULL;
}

uint64_t peers_bytes(const struct peers *p)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < p->link_count; i++)
        bytes += p->links[i]->bytes;
    return bytes;
}

/* The link to e, made if there is none; NULL: too many. */
static struct link *find_link(struct peers *p, const struct endpoint *e)
{
    for (unsigned i = 0; i < p->link_count; i++)
        if (p->links[i]->to.port == e->port && strcmp(p->links[i]->to.host, e->host) == 0)
            return p->links[i];
    if (p->link_count == PEERS_MAX)
        return NULL;
    struct link *l = xmalloc(sizeof(*l));
    link_init(l, e);
    return p->links[p->link_count++] = l;
}

struct link *peers_at(struct peers *p, const struct endpoint *e, const struct wait *wait, bool *rejected, struct err *err)
{
    struct link *l = find_link(p, e);

    *rejected = false;
    if (l == NULL)
        err_set(err, ERR_LIMIT, "sent to more than %d servers", PEERS_MAX);
    else if (link_open(l, &p->login, wait, rejected, err) < 0)
        l = NULL;
    return l;
}

void peers_leave(struct peers *p, struct link *l)
{
    link_close(l);
    if (p->home == l) {
        p->home = NULL;
        p->next++;
    }
}

/* ---- home ---- */

/* hosts[0..count), beginning with number `from`; the last reason stays in err. */
static struct link *first_that_opens(struct peers *p, const struct endpoints *hosts, const struct wait *wait, bool *rejected,
                                     struct err *err)
{
    for (unsigned i = 0; i < hosts->count; i++) {
        struct link *l = peers_at(p, &hosts->at[(p->next + i) % hosts->count], wait, rejected, err);
        if (l != NULL || *rejected || err->kind == ERR_CANCELED)
            return l;
    }
    return NULL;
}

static bool is_listed(const struct peers *p, const struct endpoint *e)
{
    for (unsigned i = 0; i < p->address->servers.count; i++)
        if (p->address->servers.at[i].port == e->port && strcmp(p->address->servers.at[i].host, e->host) == 0)
            return true;
    return false;
}

/* None of the hosts answers: any node of the Cluster that we know can tell where a key is. */
static struct link *any_known(struct peers *p, const struct wait *wait, struct err *err)
{
    struct err reason = *err;
    bool rejected;

    for (unsigned i = 0; i < p->link_count && reason.kind != ERR_CANCELED; i++)
        if (!is_listed(p, &p->links[i]->to) && link_open(p->links[i], &p->login, wait, &rejected, &reason) == 0)
            return p->links[i];
    return NULL;
}

static int read_master(const struct redisReply *r, struct endpoint *master)
{
    int64_t port;

    if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 || r->element[0]->type != REDIS_REPLY_STRING ||
        r->element[1]->type != REDIS_REPLY_STRING || !address_is_host(r->element[0]->str, (size_t)r->element[0]->len) ||
        num_to_i64(r->element[1]->str, (size_t)r->element[1]->len, &port) < 0 || port < 1 || port > 65535)
        return -1;
    snprintf(master->host, sizeof(master->host), "%s", r->element[0]->str);
    master->port = (int)port;
    return 0;
}

/* Asks one Sentinel, on a connection of its own: a question is rare, and the answer of an old connection may be old. */
static int ask_sentinel(const struct peers *p, const struct endpoint *sentinel, struct endpoint *master, const struct wait *wait,
                        struct err *err)
{
    const struct login login = { .password = p->sentinel_password[0] != '\0' ? p->sentinel_password : NULL };
    const char *name = p->address->servers.at[0].host;
    struct redisReply *reply = NULL;
    struct link l;
    bool rejected;

    link_init(&l, sentinel);
    int rc = link_open(&l, &login, wait, &rejected, err);
    if (rc == 0) {
        link_put(&l, "SENTINEL", "get-master-addr-by-name", name);
        rc = link_reply(&l, wait, &reply, err);
    }
    if (rc == 0 && read_master(reply, master) < 0) {
        if (reply->type == REDIS_REPLY_ERROR)
            refusal_say(refusal_of(reply->str, (size_t)reply->len), l.name, "SENTINEL", reply->str, (size_t)reply->len, err);
        else
            err_set(err, ERR_REMOTE, "Sentinel %s: knows no master named %s", l.name, name);
        rc = -1;
    }
    link_free_reply(reply);
    link_fini(&l);
    return rc;
}

static struct link *master_by_sentinel(struct peers *p, const struct wait *wait, bool *rejected, struct err *err)
{
    struct endpoint master;

    for (unsigned i = 0; i < p->sentinels->count; i++) {
        if (ask_sentinel(p, &p->sentinels->at[i], &master, wait, err) == 0)
            return peers_at(p, &master, wait, rejected, err);
        if (err->kind == ERR_CANCELED)
            break;
    }
    return NULL;
}

struct link *peers_home(struct peers *p, const struct wait *wait, bool *rejected, struct err *err)
{
    *rejected = false;
    if (p->home != NULL && p->home->context != NULL)
        return p->home;
    if (p->sentinels->count > 0)
        return p->home = master_by_sentinel(p, wait, rejected, err);
    p->home = first_that_opens(p, &p->address->servers, wait, rejected, err);
    if (p->home == NULL && !*rejected)
        p->home = any_known(p, wait, err);
    return p->home;
}
