/* learn_clients.c - see learn.h: who is online in a group (203), and which producers there are (328). */
#include "agent/source/rocketmq/learn.h"

#include "agent/base/arena.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/running.h"

#include <stdlib.h>
#include <string.h>

/* ---- 203 --------------------------------------------------------------------------------------------------------- */

struct client_reader {
    struct arena texts;
    struct body_client *clients;
    uint32_t count, room;
    struct left_out left;
};

static struct view keep(struct arena *arena, struct view text)
{
    return (struct view){ text.len == 0 ? "" : arena_strndup(arena, text.data, text.len), text.len };
}

static void on_client(void *ctx, const struct body_client *client)
{
    struct client_reader *r = ctx;

    if (r->count == GROUP_CLIENTS_MAX) {
        left_out_note(&r->left, 1, LIMIT_NAME(GROUP_CLIENTS_MAX));
        return;
    }
    if (r->count == r->room) {
        r->room = r->room == 0 ? 8 : r->room * 2;
        r->clients = xrealloc(r->clients, r->room, sizeof(*r->clients));
    }
    r->clients[r->count++] = (struct body_client){ .id = keep(&r->texts, client->id),
                                                   .address = keep(&r->texts, client->address),
                                                   .language = keep(&r->texts, client->language),
                                                   .version = client->version };
}

/* Sorted, so that sockets of one client stand together: broadcast clients of one host share an id. */
static int compare_clients(const void *a, const void *b)
{
    const struct body_client *x = a, *y = b;
    size_t len = x->id.len < y->id.len ? x->id.len : y->id.len;
    int order = memcmp(x->id.data, y->id.data, len);

    if (order == 0)
        order = (x->id.len > y->id.len) - (x->id.len < y->id.len);
    if (order == 0) {
        len = x->address.len < y->address.len ? x->address.len : y->address.len;
        order = len == 0 ? 0 : memcmp(x->address.data, y->address.data, len);
    }
    return order != 0 ? order : (x->address.len > y->address.len) - (x->address.len < y->address.len);
}

static const char *put_text(char **at, struct view text)
{
    char *start = *at;

    if (text.len > 0)
        memcpy(start, text.data, text.len);
    start[text.len] = '\0';
    *at = start + text.len + 1;
    return start;
}

/* What the clients that stay have said of themselves moves to the new list. Both are sorted. True: somebody came or left. */
static bool hand_over(struct group_info *g, struct group_client *to, uint32_t count)
{
    bool has_changed = g->client_count != count;
    uint32_t i = 0;

    for (uint32_t k = 0; k < count; k++) {
        has_changed |= k >= g->client_count || strcmp(g->clients[k].id, to[k].id) != 0;
        while (i < g->client_count && strcmp(g->clients[i].id, to[k].id) < 0)
            i++;
        if (i < g->client_count && strcmp(g->clients[i].id, to[k].id) == 0) {
            to[k].running = g->clients[i].running;
            g->clients[i++].running = NULL;
        }
    }
    return has_changed;
}

static void replace_clients(struct cluster *c, struct group_info *g, struct group_client *clients, uint32_t count, size_t held)
{
    cluster_give_back(c, g->held);
    g->held = held;
    if (hand_over(g, clients, count))
        g->changed_at_ns = g->asked_at_ns;
    running_forget(g);
    free(g->clients);
    g->clients = clients;
    g->client_count = count;
    g->is_known = true;
}

static int set_clients(struct cluster *c, struct group_info *g, struct body_client *clients, uint32_t count, struct err *err)
{
    size_t bytes = 0;

    if (count == 0) {
        replace_clients(c, g, NULL, 0, 0);
        return 0;
    }
    qsort(clients, count, sizeof(*clients), compare_clients);
    for (uint32_t i = 0; i < count; i++)
        bytes += clients[i].id.len + clients[i].address.len + clients[i].language.len + 3;
    bytes += count * sizeof(struct group_client);
    if (!cluster_take(c, bytes))
        return err_set(err, ERR_LIMIT, "too much is remembered already");
    struct group_client *list = xmalloc(bytes);
    char *at = (char *)(list + count);
    for (uint32_t i = 0; i < count; i++)
        list[i] = (struct group_client){ .id = put_text(&at, clients[i].id),
                                               .address = put_text(&at, clients[i].address),
                                               .language = put_text(&at, clients[i].language),
                                               .version = clients[i].version };
    replace_clients(c, g, list, count, bytes);
    return 0;
}

int learn_clients(struct broker *b, uint32_t group, struct view body, struct err *err)
{
    struct client_reader r = { .clients = NULL };
    struct body_group_state state;
    struct group_info *g = &b->cluster->group_infos[group];

    arena_init(&r.texts);
    int result = body_clients(body, &state, on_client, &r, err);
    if (result == 0)
        result = set_clients(b->cluster, g, r.clients, r.count, err);
    if (result == 0) {
        left_out_note(&r.left, state.left_out, LIMIT_NAME(CLIENT_ID_MAX_BYTES));
        g->clients_left = r.left;
        g->asked_broker = (uint16_t)(b->index + 1);
        g->is_suspect = false;
        if (state.model != MODEL_UNKNOWN)
            g->model = (uint8_t)state.model;
        if (state.type != TYPE_UNKNOWN)
            g->type = (uint8_t)state.type;
    }
    arena_fini(&r.texts);
    free(r.clients);
    return result;
}

void learn_nobody_online(struct broker *b, uint32_t group)
{
    struct group_info *g = &b->cluster->group_infos[group];

    set_clients(b->cluster, g, NULL, 0, NULL);
    g->clients_left.count = 0;
    g->asked_broker = (uint16_t)(b->index + 1);
    g->is_suspect = false;
}

/* ---- 328 --------------------------------------------------------------------------------------------------------- */

struct producer_reader {
    struct arena texts;
    bool include_system;
    struct {
        const char *group;
        uint32_t clients;
    } *groups;
    uint32_t group_count, group_room;
    struct left_out left; /* producers of further groups */
    uint64_t *ids;
    uint32_t id_count, id_room;
    bool lacks_ids;
};

static uint64_t hash_id(struct view id)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */

    for (size_t i = 0; i < id.len; i++)
        h = (h ^ (unsigned char)id.data[i]) * 1099511628211u;
    return h;
}

static void count_producer(struct producer_reader *r, struct view group)
{
    if (r->group_count > 0 && view_is(group, r->groups[r->group_count - 1].group)) {
        r->groups[r->group_count - 1].clients++;
        return;
    }
    if (group.len > NAME_MAX_BYTES || r->group_count == PRODUCER_GROUPS_MAX) {
        left_out_note(&r->left, 1, group.len > NAME_MAX_BYTES ? LIMIT_NAME(NAME_MAX_BYTES) : LIMIT_NAME(PRODUCER_GROUPS_MAX));
        return;
    }
    if (r->group_count == r->group_room) {
        r->group_room = r->group_room == 0 ? 16 : r->group_room * 2;
        r->groups = xrealloc(r->groups, r->group_room, sizeof(*r->groups));
    }
    r->groups[r->group_count].group = arena_strndup(&r->texts, group.data, group.len);
    r->groups[r->group_count++].clients = 1;
}

static void on_producer(void *ctx, struct view group, struct view client_id)
{
    struct producer_reader *r = ctx;

    if (!name_is_internal_producer(group) || r->include_system)
        count_producer(r, group);
    r->lacks_ids |= r->id_count == PRODUCER_IDS_MAX;
    if (client_id.len == 0 || r->id_count == PRODUCER_IDS_MAX)
        return;
    if (r->id_count == r->id_room) {
        r->id_room = r->id_room == 0 ? 64 : r->id_room * 2;
        r->ids = xrealloc(r->ids, r->id_room, sizeof(*r->ids));
    }
    r->ids[r->id_count++] = hash_id(client_id);
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static bool has_id(const uint64_t *ids, uint32_t count, uint64_t id)
{
    return count > 0 && bsearch(&id, ids, count, sizeof(*ids), compare_ids) != NULL;
}

/*
 * Every Java consumer is a producer, too (CLIENT_INNER_PRODUCER), so one answer tells which clients have left the broker since
 * the last one: they are no members any more, and their groups are worth a question. Clients in other languages may not be
 * in it; they cannot leave it either. Of an answer with too many ids nothing follows.
 */
static void drop_clients_that_left(struct broker *b, const struct producer_reader *now)
{
    struct cluster *c = b->cluster;

    for (uint32_t id = 1; id < c->groups.count && !now->lacks_ids; id++) {
        struct group_info *g = &c->group_infos[id];
        uint32_t kept = 0;
        if (g->asked_broker != b->index + 1)
            continue;
        for (uint32_t i = 0; i < g->client_count; i++) {
            uint64_t hash = hash_id(view_of(g->clients[i].id));
            if (!has_id(b->client_ids, b->client_id_count, hash) || has_id(now->ids, now->id_count, hash))
                g->clients[kept++] = g->clients[i];
            else
                running_free(g->clients[i].running);
        }
        if (kept < g->client_count) {
            g->is_suspect = true;
            g->changed_at_ns = b->producers_at_ns;
        }
        g->client_count = kept;
    }
}

/* NULL: there is no room for them. */
static struct producers *pack_producers(struct cluster *c, const struct producer_reader *r)
{
    struct producers *p;
    size_t bytes = sizeof(*p) + r->group_count * sizeof(p->list[0]);

    for (uint32_t i = 0; i < r->group_count; i++)
        bytes += strlen(r->groups[i].group) + 1;
    if (!cluster_take(c, bytes))
        return NULL;
    p = xmalloc(bytes);
    char *at = (char *)&p->list[r->group_count];
    p->count = r->group_count;
    p->held = bytes;
    for (uint32_t i = 0; i < r->group_count; i++) {
        p->list[i].group = strcpy(at, r->groups[i].group);
        p->list[i].clients = r->groups[i].clients;
        at += strlen(at) + 1;
    }
    return p;
}

static int replace_producers(struct broker *b, struct producer_reader *r, struct err *err)
{
    size_t ids_held = r->id_count * sizeof(*r->ids);
    struct producers *producers = pack_producers(b->cluster, r);

    if (producers == NULL || !cluster_take(b->cluster, ids_held)) {
        cluster_give_back(b->cluster, producers != NULL ? producers->held : 0);
        free(producers);
        return err_set(err, ERR_LIMIT, "too much is remembered already");
    }
    if (r->id_count > 1)
        qsort(r->ids, r->id_count, sizeof(*r->ids), compare_ids);
    drop_clients_that_left(b, r);
    cluster_give_back(b->cluster, b->client_id_count * sizeof(*b->client_ids) + (b->producers != NULL ? b->producers->held : 0));
    free(b->producers);
    free(b->client_ids);
    b->producers = producers;
    b->lacks.producers = r->left;
    b->client_ids = r->ids;
    b->client_id_count = r->id_count;
    r->ids = NULL;
    return 0;
}

int learn_producers(struct broker *b, struct view body, bool include_system, struct err *err)
{
    struct producer_reader r = { .include_system = include_system };

    arena_init(&r.texts);
    int result = body_producers(body, on_producer, &r, err);
    if (result == 0)
        result = replace_producers(b, &r, err);
    free(r.ids);
    free(r.groups);
    arena_fini(&r.texts);
    return result;
}
