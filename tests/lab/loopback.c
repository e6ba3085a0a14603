/*
 * loopback.c - keeps the lab's servers off the network: LD_PRELOADed by lab.sh, it turns "listen on every interface"
 * into "listen on 127.0.0.1".
 *
 * RocketMQ 4.x has no setting for this at all, and 5.x has none for its replication port. A bind to port 0 is a client
 * picking a local port and is left alone. JVM sockets are IPv6 ones that also speak IPv4, hence ::ffff:127.0.0.1.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    int (*real)(int, const struct sockaddr *, socklen_t);
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    *(void **)&real = dlsym(RTLD_NEXT, "bind");
    if (addr->sa_family == AF_INET && len >= sizeof v4) {
        memcpy(&v4, addr, sizeof v4);
        if (v4.sin_port != 0 && v4.sin_addr.s_addr == htonl(INADDR_ANY)) {
            v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            return real(fd, (const struct sockaddr *)&v4, sizeof v4);
        }
    } else if (addr->sa_family == AF_INET6 && len >= sizeof v6) {
        memcpy(&v6, addr, sizeof v6);
        if (v6.sin6_port != 0 && IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr)) {
            memcpy(v6.sin6_addr.s6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
            return real(fd, (const struct sockaddr *)&v6, sizeof v6);
        }
    }
    return real(fd, addr, len);
}
