/*
 * cut_proxy.h - stands between mqpush and one real server, and spoils the conversation as it is told.
 *
 *     struct cut_proxy *p = cut_proxy_start("127.0.0.1:10911");
 *     struct cut_proxy_way way = CUT_PROXY_PASS;
 *     way.cut_down = 1000;                       // the thousandth byte of the answers is the last one
 *     cut_proxy_set(p, &way);
 *     ... look through cut_proxy_address(p) ...
 *     cut_proxy_stop(p);
 *
 * It listens on 127.0.0.1, port 0, in a thread of its own. "Down" is from the server, "up" from the client. A way holds from
 * cut_proxy_set() on, for connections that are open and for new ones; bytes are counted from then on over all of them.
 *
 * With `replays` it keeps each answer and gives it again to the same question, with the question's number, without asking the
 * server: then a conversation can be had thousands of times, the same each time.
 */
#ifndef TESTS_FAKE_CUT_PROXY_H
#define TESTS_FAKE_CUT_PROXY_H

#include <stdbool.h>
#include <stddef.h>

#define CUT_NEVER ((size_t)-1)

struct cut_proxy;

struct cut_proxy_way {
    size_t cut_down, cut_up; /* after so many bytes the connection is cut, once */
    bool resets;             /* ... with a TCP reset */
    bool stays_away;         /* ... and every later one at once */
    size_t trickle_bytes;    /* answers come so many bytes ... */
    unsigned trickle_ms;     /* ... each so many ms; 0: at once */
    bool holds;              /* questions go on, answers wait here for the next way */
    bool is_deaf;            /* nothing is read from the client */
    bool replays;
    /* Of the next answer to a request with this code, once; 0: none. */
    int swallow, twice, wrong_id, swap; /* swap: it and the one after it change places; wrong_id: a number nobody asked with */
    int stale;               /* the answer before it comes once more instead, number and all */
};

#define CUT_PROXY_PASS { .cut_down = CUT_NEVER, .cut_up = CUT_NEVER }

struct cut_proxy_counts {
    size_t down, up;     /* bytes passed since the way was set */
    unsigned links;      /* connections accepted since then */
    unsigned open;       /* now */
    unsigned questions;  /* since the way was set */
    bool is_spoilt;      /* what the way wanted to do once has been done */
};

struct cut_proxy *cut_proxy_start(const char *upstream); /* failures of its own abort with a sentence */
void cut_proxy_stop(struct cut_proxy *p);                /* NULL is fine */
const char *cut_proxy_address(const struct cut_proxy *p);
void cut_proxy_set(struct cut_proxy *p, const struct cut_proxy_way *way); /* returns when it is in force */
struct cut_proxy_counts cut_proxy_counts(struct cut_proxy *p);

#endif
