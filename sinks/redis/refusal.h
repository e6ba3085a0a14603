/*
 * refusal.h - what an error reply of Redis means for us: one table. Pure.
 */
#ifndef SINKS_REDIS_REFUSAL_H
#define SINKS_REDIS_REFUSAL_H

#include "agent/base/err.h"
#include "sinks/redis/address.h"
#include "sinks/sink.h"

#include <stdbool.h>
#include <stddef.h>

enum refusal_move {
    MOVE_NONE,      /* the connection is fine */
    MOVE_ELSEWHERE, /* not the server we need: drop it, look for the right one (next host, Sentinel) */
    MOVE_MOVED,     /* the key lives on another node, from now on */
    MOVE_ASK,       /* ... this time */
    MOVE_COMPARE,   /* the id is not above the last one: read back what is there */
};

struct refusal {
    const char *prefix;  /* first word of the reply */
    const char *holds;   /* and what it must contain; NULL: anything */
    enum sink_result result;
    enum refusal_move move;
    const char *advice;  /* for people; "" where the reply says it all */
};

/* Never NULL: the last row fits all. text is what follows the '-' of the reply. */
const struct refusal *refusal_of(const char *text, size_t len);
/* "MOVED 3999 10.0.0.2:6381" or "ASK ...": where to. An empty host is the host that answered. -1: not of that form. */
int refusal_target(const char *text, size_t len, const struct endpoint *answered, struct endpoint *target);
/* err: "who: what: reply (advice)"; the reply made printable and cut. Returns the result. */
enum sink_result refusal_say(const struct refusal *r, const char *who, const char *what, const char *text, size_t len,
                             struct err *err);

#endif
