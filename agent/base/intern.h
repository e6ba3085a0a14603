/*
 * intern.h - each different text once, under a small dense number.
 *
 * The number (1, 2, 3, ...) is stable for the life of the table, so whatever belongs to a name can live in a plain array
 * indexed by it: this is the one hash table of the agent. Number 0 is "no text". Texts are bytes with a length (and a NUL
 * behind them for convenience). One thread at a time while adding; afterwards anybody may read.
 */
#ifndef AGENT_BASE_INTERN_H
#define AGENT_BASE_INTERN_H

#include "agent/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intern {
    struct arena arena;
    const char **texts; /* by number */
    uint32_t *lengths;  /* by number */
    uint32_t *slots;    /* open addressing; 0 = empty */
    uint32_t *hashes;   /* by number */
    uint32_t count;     /* numbers in use, 0 included */
    uint32_t room;      /* entries in texts */
    uint32_t mask;      /* slots - 1 */
    bool is_sealed;     /* texts are only looked up by number */
};

void intern_init(struct intern *in);
void intern_fini(struct intern *in);
uint32_t intern_add(struct intern *in, const char *text, size_t len);        /* the number, new or old; never 0 */
uint32_t intern_find(const struct intern *in, const char *text, size_t len); /* the number, or 0 if never added */
/* Nothing is added or found any more: what only that needs, half of the memory beside the texts, is given back. */
void intern_seal(struct intern *in);
size_t intern_memory(const struct intern *in); /* bytes held */
const char *intern_text(const struct intern *in, uint32_t id);               /* NULL for 0 */
size_t intern_len(const struct intern *in, uint32_t id);

#endif
