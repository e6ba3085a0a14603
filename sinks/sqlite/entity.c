/* entity.c - see entity.h. */
#include "sinks/sqlite/entity.h"

#include "agent/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 64

void entity_set_init(struct entity_set *set)
{
    *set = (struct entity_set){ .count = 1 };
}

void entity_set_fini(struct entity_set *set)
{
    free(set->entities);
    free(set->slots);
    *set = (struct entity_set){ 0 };
}

static uint32_t *slot_of(const struct entity_set *set, uint64_t keys)
{
    uint32_t at = (uint32_t)keys & set->mask;

    while (set->slots[at] != 0 && set->entities[set->slots[at]].keys != keys)
        at = (at + 1) & set->mask;
    return &set->slots[at];
}

static void grow_slots(struct entity_set *set)
{
    uint32_t slots = set->slots == NULL ? FIRST_SLOTS : (set->mask + 1) * 2;

    free(set->slots);
    set->slots = xcalloc(slots, sizeof(*set->slots));
    set->mask = slots - 1;
    for (uint32_t number = 1; number < set->count; number++)
        *slot_of(set, set->entities[number].keys) = number;
}

uint32_t entity_add(struct entity_set *set, uint64_t keys)
{
    if (set->slots == NULL || set->count > (set->mask + 1) / 4 * 3)
        grow_slots(set);
    uint32_t *slot = slot_of(set, keys);
    if (*slot != 0)
        return *slot;
    if (set->count >= set->room) { /* by quarters: these arrays are most of what we hold */
        set->room = set->count + set->count / 4 + 16;
        set->entities = xrealloc(set->entities, set->room, sizeof(*set->entities));
    }
    set->entities[set->count] = (struct entity){ .keys = keys };
    *slot = set->count;
    return set->count++;
}

size_t entity_set_memory(const struct entity_set *set)
{
    return (size_t)set->room * sizeof(*set->entities) +
           (set->slots == NULL ? 0 : ((size_t)set->mask + 1) * sizeof(*set->slots));
}

/* Each step is a bijection of hash ^ value, so two values that differ in one place never meet. */
uint64_t entity_hash_u64(uint64_t hash, uint64_t value)
{
    hash ^= value;
    hash *= 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
    hash *= 0xd6e8feb86659fd93u;
    return hash ^ hash >> 32;
}

uint64_t entity_hash_start(uint64_t seed)
{
    return seed ^ 0x6a09e667f3bcc908u;
}

uint64_t entity_hash_text(uint64_t seed, const char *text, size_t len)
{
    uint64_t hash = entity_hash_u64(seed, len), word;

    for (; len >= sizeof(word); text += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, text, sizeof(word));
        hash = entity_hash_u64(hash, word);
    }
    word = 0;
    memcpy(&word, text, len);
    return entity_hash_u64(hash, word);
}
