/*
 * socket.h - a connected socket to a host or a path, and waits on it: nothing here blocks beyond what it is allowed.
 */
#ifndef SINKS_REDIS_SOCKET_H
#define SINKS_REDIS_SOCKET_H

#include "agent/base/err.h"
#include "sinks/redis/address.h"

struct wait;

/* Resolves and connects, each address of a name in turn. A non-blocking descriptor, or -1. */
int socket_connect(const struct endpoint *to, const struct wait *wait, struct err *err);
/* Waits for `events`; what poll says of fd, or -1: the time is up, told to stop. */
int socket_wait(int fd, int events, const struct wait *wait, struct err *err);

#endif
