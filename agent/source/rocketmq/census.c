/* census.c - see census.h. */
#include "agent/source/rocketmq/census.h"

#include "agent/base/buf.h"
#include "agent/base/xalloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void census_init(struct census *c)
{
    *c = (struct census){ .told = 0 };
    intern_init(&c->entries);
}

void census_fini(struct census *c)
{
    intern_fini(&c->entries);
    free(c->lists);
    *c = (struct census){ .told = 0 };
}

void census_begin(struct census *c)
{
    census_fini(c);
    census_init(c);
}

/* False: there is no room for it. */
static bool mark(struct census *c, unsigned nameserver, const struct buf *entry)
{
    if (c->entries.count > CENSUS_ENTRIES_MAX && intern_find(&c->entries, entry->data, entry->len) == 0)
        return false;
    uint32_t id = intern_add(&c->entries, entry->data, entry->len);
    if (id >= c->room) {
        uint32_t room = c->room == 0 ? 64 : c->room * 2;
        c->lists = xrealloc(c->lists, room, sizeof(*c->lists));
        memset(c->lists + c->room, 0, (room - c->room) * sizeof(*c->lists));
        c->room = room;
    }
    c->lists[id] |= 1u << nameserver;
    return true;
}

struct reader {
    struct census *census;
    unsigned nameserver;
    bool is_cut;
};

static void on_broker(void *ctx, const struct body_broker *broker)
{
    struct reader *r = ctx;
    struct buf entry;

    r->is_cut |= broker->is_too_long || broker->left_out > 0;
    buf_init(&entry, 0);
    for (unsigned i = 0; i < broker->count; i++) {
        buf_reset(&entry);
        buf_put(&entry, broker->cluster.data, broker->cluster.len);
        buf_putc(&entry, '\0');
        buf_put(&entry, broker->name.data, broker->name.len);
        buf_printf(&entry, "%c%lld%c%s", '\0', (long long)broker->members[i].id, '\0', broker->members[i].address);
        r->is_cut |= !mark(r->census, r->nameserver, &entry);
    }
    buf_fini(&entry);
}

void census_take(struct census *c, unsigned nameserver, struct view body)
{
    struct reader r = { c, nameserver, false };

    assert(nameserver < CENSUS_MAX);
    if (body_cluster(body, on_broker, &r, NULL) == 0 && !r.is_cut)
        c->told |= 1u << nameserver;
}

bool census_result(const struct census *c, unsigned nameserver, int64_t *brokers, bool *agrees)
{
    uint32_t bit = 1u << nameserver;

    if ((c->told & bit) == 0)
        return false;
    *brokers = 0;
    *agrees = true;
    for (uint32_t id = 1; id < c->entries.count; id++) {
        *brokers += (c->lists[id] & bit) != 0;
        *agrees = *agrees && ((c->lists[id] & bit) != 0 || (c->lists[id] & c->told) == 0);
    }
    return true;
}

int64_t census_total(const struct census *c)
{
    int64_t total = 0;

    for (uint32_t id = 1; id < c->entries.count; id++)
        total += (c->lists[id] & c->told) != 0;
    return total;
}

bool census_is_whole(const struct census *c, unsigned nameservers)
{
    for (unsigned i = 0; i < nameservers; i++)
        if ((c->told & (1u << i)) == 0)
            return false;
    return true;
}

bool census_is_unanimous(const struct census *c)
{
    for (uint32_t id = 1; id < c->entries.count; id++)
        if ((c->lists[id] & c->told) != 0 && (c->lists[id] & c->told) != c->told)
            return false;
    return true;
}
