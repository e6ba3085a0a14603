/*
 * entity.h - what the store remembers of each entity (a group, a queue, ...): enough to tell "unchanged" without asking the file.
 *
 * One set per table. An entity is known by a 64-bit hash of its keys, and so are its newest values: two of 100,000 entities
 * share a key hash once in 3 * 10^9 files, and a change goes unnoticed once in 10^19; both end at the next restart,
 * because the hashes depend on a random seed. That seed is also why a broker cannot choose names that collide.
 * So an entity costs about 40 bytes, whatever its names are. Pure memory; one thread.
 */
#ifndef SINKS_SQLITE_ENTITY_H
#define SINKS_SQLITE_ENTITY_H

#include "agent/model/batch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entity {
    uint64_t keys;         /* hash of its keys */
    uint64_t values;       /* hash of the values in its newest row */
    uint32_t id;           /* in T_names; 0: not looked up, or gone */
    uint32_t seen : 29;    /* the pass that saw it last */
    uint32_t is_live : 1;  /* the newest interval has it */
    uint32_t is_stale : 1; /* values is not known: write a row when it is seen */
    uint32_t is_anchored : 1; /* its keyframe row still holds, so its end must be noted there */
};

struct entity_set {
    struct entity *entities; /* by number; 0 is nobody */
    uint32_t count, room;    /* numbers in use, 0 included */
    uint32_t *slots;         /* open addressing by `keys`, which is a good hash already; 0 = empty */
    uint32_t mask;           /* slots - 1 */
    uint32_t live;           /* how many are */
};

void entity_set_init(struct entity_set *set);
void entity_set_fini(struct entity_set *set);
/* The number of the entity with these keys, new or old. */
uint32_t entity_add(struct entity_set *set, uint64_t keys);
size_t entity_set_memory(const struct entity_set *set);

/* Hashing. The hash of an absent text equals that of "" for keys: T_names has no NULL there. */
uint64_t entity_hash_start(uint64_t seed);
uint64_t entity_hash_u64(uint64_t hash, uint64_t value);
uint64_t entity_hash_text(uint64_t seed, const char *text, size_t len);

#endif
