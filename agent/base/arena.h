/*
 * arena.h - many small allocations, one free.
 *
 * Memory comes in blocks straight from the kernel, so that a freed arena really goes back. Nothing is freed alone. One
 * thread at a time while allocating; afterwards anybody may read.
 */
#ifndef AGENT_BASE_ARENA_H
#define AGENT_BASE_ARENA_H

#include <stddef.h>

struct arena {
    struct arena_block *blocks;
    size_t used_in_block;
    size_t total_bytes; /* taken from the system */
};

void arena_init(struct arena *arena);
void arena_fini(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t size); /* 8-byte aligned, zeroed */
char *arena_strndup(struct arena *arena, const char *s, size_t len);

#endif
