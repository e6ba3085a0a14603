/*
 * link.h - one connection to one server: opened when needed, never waited for longer than allowed, given up after any error.
 *
 * hiredis holds the buffers and reads the protocol; the socket and every wait are ours, because hiredis alone blocks while it looks
 * up names and has one timeout for all. Commands are put into `out` (link_put, or RESP text directly) and leave with the next
 * link_reply. A failed call has closed the link: replies that were on their way are lost with it, so that no late
 * answer meets a new question. One thread at a time.
 */
#ifndef SINKS_REDIS_LINK_H
#define SINKS_REDIS_LINK_H

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "sinks/redis/address.h"

#include <stdbool.h>
#include <stdint.h>

#define LINK_REPLY_MAX (16u << 20) /* bytes of one reply; hiredis makes up to 18 of one */
#define LINK_ELEMENTS_MAX 100000   /* of one array; hiredis would allocate what the peer announces */

struct redisContext;
struct redisReply;
struct addrinfo;

/* How long a call may take. */
struct wait {
    int64_t deadline_ns; /* all of it */
    int64_t timeout_ms;  /* without any progress; 0: no limit of its own */
    int cancel_fd;       /* -1: none */
};

/* Who we are. Borrowed. */
struct login {
    const char *user, *password; /* NULL: none */
    int64_t database;            /* 0 is where a connection begins */
};

struct link {
    struct endpoint to;
    char name[ADDRESS_HOST_MAX + 10]; /* for messages */
    struct redisContext *context;     /* NULL: closed */
    struct buf out;                   /* commands; hiredis has got the first `taken` bytes */
    size_t taken;
    uint64_t generation;              /* grows with each connection */
    uint64_t bytes;                   /* written since link_init */
    size_t reply_bytes;               /* read while the present reply is waited for */
};

void link_init(struct link *l, const struct endpoint *to);
void link_fini(struct link *l);
void link_close(struct link *l); /* may be opened again */

/* Connects, authenticates, selects the database; nothing if it is open. -1: err is the reason; *rejected if no later try can help. */
int link_open(struct link *l, const struct login *login, const struct wait *wait, bool *rejected, struct err *err);
/* A command of words that need no length: link_put(l, "SELECT", "3"). */
#define link_put(l, ...) \
    link_put_words((l), (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))
void link_put_words(struct link *l, const char *const *words, size_t count);
/* Sends what has gathered and waits for the next reply, which the caller frees by link_free_reply. */
int link_reply(struct link *l, const struct wait *wait, struct redisReply **reply, struct err *err);
void link_free_reply(struct redisReply *reply); /* accepts NULL */

/* RESP of a command: "*3\r\n", then a bulk string for each part. */
void resp_put_head(struct buf *out, unsigned parts);
void resp_put(struct buf *out, const char *data, size_t len);

const char *link_library(void); /* "hiredis 0.14.1" */

#endif
