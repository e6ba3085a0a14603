/* arena.c - see arena.h. */
#include "agent/base/arena.h"

#include "agent/base/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_BLOCK ((size_t)64 * 1024)
#define LARGEST_STEP ((size_t)1024 * 1024)

struct arena_block {
    struct arena_block *next;
    size_t size;
};

void arena_init(struct arena *arena)
{
    *arena = (struct arena){ 0 };
}

void arena_fini(struct arena *arena)
{
    struct arena_block *block = arena->blocks;

    while (block != NULL) {
        struct arena_block *next = block->next;
        munmap(block, block->size);
        block = next;
    }
    *arena = (struct arena){ 0 };
}

static void add_block(struct arena *arena, size_t need)
{
    size_t size = arena->total_bytes;

    size = size < FIRST_BLOCK ? FIRST_BLOCK : size > LARGEST_STEP ? LARGEST_STEP : size;
    need = (need + sizeof(struct arena_block) + 4095) & ~(size_t)4095;
    if (size < need)
        size = need;
    struct arena_block *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) {
        fputs("mqpush: out of memory\n", stderr);
        abort();
    }
    block->next = arena->blocks;
    block->size = size;
    arena->blocks = block;
    arena->used_in_block = sizeof(struct arena_block);
    arena->total_bytes += size;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if (arena->blocks == NULL || arena->blocks->size - arena->used_in_block < size)
        add_block(arena, size);
    void *p = (char *)arena->blocks + arena->used_in_block;
    arena->used_in_block += size;
    return p; /* fresh pages are zero, and nothing is ever handed out twice */
}

char *arena_strndup(struct arena *arena, const char *s, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);

    memcpy(copy, s, len);
    return copy;
}
