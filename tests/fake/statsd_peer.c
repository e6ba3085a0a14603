/* statsd_peer.c - see statsd_peer.h. */
#include "tests/fake/statsd_peer.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"

#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PIECES_MAX 20000
#define LOOK_MS 5 /* how long a changed mind takes */
#define SMALL_BUFFER 4096
#define WAIT_NS (5 * NS_PER_S)

/* A socket that is being polled stays open until the poll ends, so closing is left to the thread. */
enum wish { WISH_NONE, WISH_CLOSE, WISH_REFUSE, WISH_RETURN, WISH_END };

struct statsd_peer {
    enum statsd_peer_kind kind;
    char address[128], directory[64];
    struct sockaddr_storage bound;
    socklen_t bound_len;
    pthread_t thread;
    pthread_mutex_t lock; /* everything below */
    int fd, connection;   /* -1: none */
    struct buf *pieces[PIECES_MAX];
    unsigned count;
    size_t bytes, close_after;
    bool hangs, talks, talks_forever;
    enum wish wish;
};

static void bind_socket(struct statsd_peer *p)
{
    int type = p->kind == STATSD_PEER_TCP ? SOCK_STREAM : SOCK_DGRAM, small = SMALL_BUFFER, one = 1;

    p->fd = socket(p->bound.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (p->kind == STATSD_PEER_TCP)
        setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    int rc = bind(p->fd, (struct sockaddr *)&p->bound, p->bound_len);
    assert(rc == 0);
    if (p->kind == STATSD_PEER_TCP)
        rc = listen(p->fd, 8);
    assert(rc == 0);
    (void)rc;
}

static void choose_address(struct statsd_peer *p)
{
    if (p->kind == STATSD_PEER_UNIX) {
        struct sockaddr_un *path = (struct sockaddr_un *)&p->bound;
        strcpy(p->directory, "/tmp/statsd-peer.XXXXXX");
        if (mkdtemp(p->directory) == NULL)
            abort();
        snprintf(p->address, sizeof(p->address), "%s/socket", p->directory);
        path->sun_family = AF_UNIX;
        strcpy(path->sun_path, p->address);
        p->bound_len = sizeof(*path);
        bind_socket(p);
        return;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)&p->bound;
    *in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    p->bound_len = sizeof(*in);
    bind_socket(p);
    getsockname(p->fd, (struct sockaddr *)in, &p->bound_len);
    snprintf(p->address, sizeof(p->address), "127.0.0.1:%d", ntohs(in->sin_port));
}

static struct buf *new_piece(struct statsd_peer *p)
{
    if (p->count == PIECES_MAX)
        return NULL;
    struct buf *piece = xcalloc(1, sizeof(*piece));
    buf_init(piece, 0);
    p->pieces[p->count++] = piece;
    return piece;
}

static void close_connection(struct statsd_peer *p, bool reset)
{
    const struct linger at_once = { .l_onoff = 1 };

    if (p->connection < 0)
        return;
    if (reset)
        setsockopt(p->connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(p->connection);
    p->connection = -1;
}

static void close_socket(struct statsd_peer *p)
{
    close_connection(p, false);
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

static void hear(struct statsd_peer *p, int fd)
{
    char bytes[65536];
    ssize_t n = recv(fd, bytes, p->kind == STATSD_PEER_TCP ? 1000 : sizeof(bytes), MSG_DONTWAIT);

    if (n <= 0) {
        if (n == 0 && p->kind == STATSD_PEER_TCP)
            close_connection(p, false);
        return;
    }
    struct buf *piece = p->kind == STATSD_PEER_TCP ? p->pieces[p->count - 1] : new_piece(p);
    if (piece != NULL)
        buf_put(piece, bytes, (size_t)n);
    p->bytes += (size_t)n;
    if (p->close_after == 0 || p->bytes < p->close_after)
        return;
    p->close_after = 0;
    if (p->kind == STATSD_PEER_TCP)
        close_connection(p, true);
    else
        close_socket(p);
}

static void talk(struct statsd_peer *p)
{
    static const char nonsense[] = "HTTP/1.1 400 what?\r\n\r\n\x16\x03";
    char much[4096] = { 'x' };

    if (p->talks)
        (void)!send(p->connection, nonsense, sizeof(nonsense), MSG_NOSIGNAL | MSG_DONTWAIT);
    p->talks = false;
    for (int i = 0; i < 64 && p->talks_forever; i++)
        (void)!send(p->connection, much, sizeof(much), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void grant(struct statsd_peer *p)
{
    if (p->wish == WISH_CLOSE && p->kind == STATSD_PEER_TCP)
        close_connection(p, false);
    else
        close_socket(p);
    if (p->wish == WISH_RETURN) {
        unlink(p->address);
        bind_socket(p);
    }
    p->wish = WISH_NONE;
}

static void do_one_thing(struct statsd_peer *p, int ready)
{
    if (p->hangs || p->fd < 0)
        return;
    if (ready > 0 && p->kind == STATSD_PEER_TCP && p->connection < 0) {
        p->connection = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (p->connection >= 0)
            new_piece(p);
    } else if (ready > 0) {
        hear(p, p->kind == STATSD_PEER_TCP ? p->connection : p->fd);
    }
    if (p->connection >= 0)
        talk(p);
}

static void *run(void *arg)
{
    struct statsd_peer *p = arg;

    for (bool ended = false; !ended;) {
        pthread_mutex_lock(&p->lock);
        struct pollfd fd = { .fd = p->hangs ? -1 : p->connection >= 0 ? p->connection : p->fd, .events = POLLIN };
        pthread_mutex_unlock(&p->lock);
        int ready = poll(&fd, 1, LOOK_MS);
        pthread_mutex_lock(&p->lock);
        ended = p->wish == WISH_END;
        if (p->wish != WISH_NONE)
            grant(p);
        else
            do_one_thing(p, ready);
        pthread_mutex_unlock(&p->lock);
    }
    return NULL;
}

#define UNDER_LOCK(p_, statement_) \
    do { \
        pthread_mutex_lock(&(p_)->lock); \
        statement_; \
        pthread_mutex_unlock(&(p_)->lock); \
    } while (0)

static void wish_for(struct statsd_peer *p, enum wish wish)
{
    bool granted = false;

    UNDER_LOCK(p, p->wish = wish);
    while (!granted) {
        poll(NULL, 0, 1);
        UNDER_LOCK(p, granted = p->wish == WISH_NONE);
    }
}

struct statsd_peer *statsd_peer_start(enum statsd_peer_kind kind)
{
    struct statsd_peer *p = xcalloc(1, sizeof(*p));

    p->kind = kind;
    p->connection = -1;
    p->bound.ss_family = kind == STATSD_PEER_UNIX ? AF_UNIX : AF_INET;
    pthread_mutex_init(&p->lock, NULL);
    choose_address(p);
    pthread_create(&p->thread, NULL, run, p);
    return p;
}

void statsd_peer_stop(struct statsd_peer *p)
{
    wish_for(p, WISH_END);
    pthread_join(p->thread, NULL);
    statsd_peer_forget(p);
    if (p->directory[0] != '\0') {
        unlink(p->address);
        rmdir(p->directory);
    }
    pthread_mutex_destroy(&p->lock);
    free(p);
}

const char *statsd_peer_address(const struct statsd_peer *p)
{
    return p->address;
}

void statsd_peer_hang(struct statsd_peer *p, bool hangs)
{
    UNDER_LOCK(p, p->hangs = hangs);
}

void statsd_peer_close_after(struct statsd_peer *p, size_t bytes)
{
    UNDER_LOCK(p, p->close_after = p->bytes + bytes);
}

void statsd_peer_close_now(struct statsd_peer *p)
{
    wish_for(p, WISH_CLOSE);
}

void statsd_peer_say(struct statsd_peer *p, bool forever)
{
    UNDER_LOCK(p, (p->talks = true, p->talks_forever = forever));
}

void statsd_peer_refuse(struct statsd_peer *p)
{
    wish_for(p, WISH_REFUSE);
}

void statsd_peer_return(struct statsd_peer *p)
{
    wish_for(p, WISH_RETURN);
}

static bool wait_until(struct statsd_peer *p, unsigned pieces, size_t bytes)
{
    int64_t end = clock_now_ns() + WAIT_NS;
    bool done;

    do {
        UNDER_LOCK(p, done = p->count >= pieces && p->bytes >= bytes);
        if (!done)
            poll(NULL, 0, 1);
    } while (!done && clock_now_ns() < end);
    return done;
}

unsigned statsd_peer_wait(struct statsd_peer *p, unsigned pieces)
{
    wait_until(p, pieces, 0);
    return statsd_peer_pieces(p);
}

size_t statsd_peer_wait_bytes(struct statsd_peer *p, size_t bytes)
{
    size_t got;

    wait_until(p, 0, bytes);
    UNDER_LOCK(p, got = p->bytes);
    return got;
}

unsigned statsd_peer_pieces(struct statsd_peer *p)
{
    unsigned count;

    UNDER_LOCK(p, count = p->count);
    return count;
}

char *statsd_peer_piece(struct statsd_peer *p, unsigned i, size_t *len)
{
    char *copy;

    pthread_mutex_lock(&p->lock);
    assert(i < p->count);
    *len = p->pieces[i]->len;
    copy = xstrndup(p->pieces[i]->data != NULL ? p->pieces[i]->data : "", *len);
    pthread_mutex_unlock(&p->lock);
    return copy;
}

void statsd_peer_forget(struct statsd_peer *p)
{
    pthread_mutex_lock(&p->lock);
    for (unsigned i = 0; i < p->count; i++) {
        buf_fini(p->pieces[i]);
        free(p->pieces[i]);
    }
    p->count = 0;
    p->bytes = 0;
    pthread_mutex_unlock(&p->lock);
}
