/*
 * address.h - where the servers are and who we are there, from what the user wrote. Pure; errors never show a secret.
 *
 *     redis://[user:password@]host[:port][,host[:port]...][/database]     %XX in user and password
 *     unix://[user:password@]/path/of/the/socket
 */
#ifndef SINKS_REDIS_ADDRESS_H
#define SINKS_REDIS_ADDRESS_H

#include "agent/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_HOST_MAX 256     /* bytes, NUL included */
#define ADDRESS_ENDPOINTS_MAX 16 /* hosts in one list */
#define ADDRESS_DATABASE_MAX 65535
#define ADDRESS_PORT 6379
#define ADDRESS_SENTINEL_PORT 26379

struct endpoint {
    char host[ADDRESS_HOST_MAX]; /* a name, an address in digits, or the path of a socket */
    int port;                    /* 0: host is a path */
};

struct endpoints {
    struct endpoint at[ADDRESS_ENDPOINTS_MAX];
    unsigned count;
};

struct address {
    struct endpoints servers;
    char *user, *password; /* malloc'd; NULL: none */
    int64_t database;      /* -1: not said */
};

int address_parse(const char *url, struct address *address, struct err *err);
void address_fini(struct address *address);
/* "host:port, [::1]:port, name": commas or blanks between. */
int endpoints_parse(const char *text, int default_port, struct endpoints *list, struct err *err);
/* A host as a server names one: 1 to ADDRESS_HOST_MAX - 1 printable bytes. */
bool address_is_host(const char *text, size_t len);
/* As it is shown: "127.0.0.1:6379", "[::1]:6379", "/run/redis.sock". */
const char *endpoint_print(const struct endpoint *e, char *text, unsigned size);

#endif
