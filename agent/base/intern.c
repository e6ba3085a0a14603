/* intern.c - see intern.h. */
#include "agent/base/intern.h"

#include "agent/base/xalloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 64

/* FNV-1a, with a final mix because open addressing uses the low bits. Names come from a broker we were told to watch, and a
 * table holds at most as many as one answer may carry, so a keyed hash would buy little. */
static uint32_t hash_bytes(const char *text, size_t len)
{
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * 1099511628211u;
    return (uint32_t)(h ^ (h >> 32));
}

void intern_init(struct intern *in)
{
    *in = (struct intern){ .count = 1 };
    arena_init(&in->arena);
}

void intern_fini(struct intern *in)
{
    arena_fini(&in->arena);
    free(in->texts);
    free(in->lengths);
    free(in->slots);
    free(in->hashes);
    *in = (struct intern){ 0 };
}

static uint32_t *slot_of(const struct intern *in, uint32_t hash, const char *text, size_t len)
{
    uint32_t at = hash & in->mask;

    while (in->slots[at] != 0) {
        uint32_t id = in->slots[at];
        if (in->hashes[id] == hash && in->lengths[id] == len && memcmp(in->texts[id], text, len) == 0)
            break;
        at = (at + 1) & in->mask;
    }
    return &in->slots[at];
}

static void grow_slots(struct intern *in)
{
    uint32_t slots = in->slots == NULL ? FIRST_SLOTS : (in->mask + 1) * 2;

    free(in->slots);
    in->slots = xcalloc(slots, sizeof(*in->slots));
    in->mask = slots - 1;
    for (uint32_t id = 1; id < in->count; id++) {
        uint32_t at = in->hashes[id] & in->mask;
        while (in->slots[at] != 0)
            at = (at + 1) & in->mask;
        in->slots[at] = id;
    }
}

static void grow_entries(struct intern *in)
{
    in->room = in->room == 0 ? FIRST_SLOTS : in->room * 2;
    in->texts = xrealloc(in->texts, in->room, sizeof(*in->texts));
    in->lengths = xrealloc(in->lengths, in->room, sizeof(*in->lengths));
    in->hashes = xrealloc(in->hashes, in->room, sizeof(*in->hashes));
}

uint32_t intern_add(struct intern *in, const char *text, size_t len)
{
    assert(len < UINT32_MAX && !in->is_sealed);
    if (in->slots == NULL || in->count >= (in->mask + 1) / 2)
        grow_slots(in);
    uint32_t hash = hash_bytes(text, len);
    uint32_t *slot = slot_of(in, hash, text, len);
    if (*slot != 0)
        return *slot;
    if (in->count >= in->room)
        grow_entries(in);
    uint32_t id = in->count++;
    in->texts[id] = arena_strndup(&in->arena, text, len);
    in->lengths[id] = (uint32_t)len;
    in->hashes[id] = hash;
    *slot = id;
    return id;
}

void intern_seal(struct intern *in)
{
    free(in->slots);
    free(in->hashes);
    in->slots = in->hashes = NULL;
    in->room = in->count;
    in->texts = xrealloc(in->texts, in->room, sizeof(*in->texts));
    in->lengths = xrealloc(in->lengths, in->room, sizeof(*in->lengths));
    in->is_sealed = true;
}

size_t intern_memory(const struct intern *in)
{
    size_t entry = sizeof(*in->texts) + sizeof(*in->lengths), index = sizeof(*in->hashes);

    if (in->is_sealed)
        return in->arena.total_bytes + in->room * entry;
    return in->arena.total_bytes + in->room * (entry + index) + (size_t)in->mask * sizeof(*in->slots);
}

uint32_t intern_find(const struct intern *in, const char *text, size_t len)
{
    assert(!in->is_sealed);
    if (in->slots == NULL)
        return 0;
    return *slot_of(in, hash_bytes(text, len), text, len);
}

const char *intern_text(const struct intern *in, uint32_t id)
{
    assert(id < in->count);
    return id == 0 ? NULL : in->texts[id];
}

size_t intern_len(const struct intern *in, uint32_t id)
{
    assert(id < in->count);
    return id == 0 ? 0 : in->lengths[id];
}
