/*
 * cut_proxy.c - see cut_proxy.h.
 *
 * One thread owns all sockets; the way and the counts are shared under one lock. Each link has two pipes: bytes come in, whole
 * frames go on to the output (or are kept, changed, doubled), and the output leaves as fast as the way allows. It never stops reading
 * from one side because the other is slow: what waits, waits here.
 */
#include "tests/fake/cut_proxy.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINKS_MAX 64
#define ASKED_MAX 256 /* questions of a link that may be unanswered */
#define READ_BYTES 65536

struct pipe {
    struct buf in;  /* not yet a frame */
    struct buf out; /* to be sent; the first `sent` bytes have been */
    size_t sent;
    int64_t sent_at_ns;
};

struct question {
    int32_t opaque;
    int code;
    char *key; /* what was asked, without the number; replays only */
    size_t key_len;
};

struct link {
    int client, server; /* server: -1 while replaying, or when it has closed */
    bool has_ended;     /* the server has closed; what it said still goes on */
    struct pipe up, down;
    struct question asked[ASKED_MAX];
    unsigned asked_count;
    struct buf last, kept; /* the answer before; the answer that changes places with the next one */
};

/* An answer that is known, header and body as the server wrote them. */
struct memory {
    struct memory *next;
    char *key, *frame;
    size_t key_len, frame_len;
};

struct cut_proxy {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int listen_fd, wake_fd;
    char address[32];
    struct sockaddr_in upstream;
    struct cut_proxy_way way; /* the thread's own */
    struct cut_proxy_way wanted;
    bool has_wanted, is_stopping, has_cut;
    struct cut_proxy_counts counts;
    struct memory *memories;
    struct link *links[LINKS_MAX];
    unsigned link_count;
};

static void must(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "cut proxy: %s: %s\n", what, strerror(errno));
    abort();
}

/* ---- links ------------------------------------------------------------------------------------------------------ */

static void drop_link(struct cut_proxy *p, unsigned at, bool resets)
{
    struct link *l = p->links[at];
    const struct linger hard = { .l_onoff = 1, .l_linger = 0 };

    if (resets)
        setsockopt(l->client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(l->client);
    if (l->server >= 0)
        close(l->server);
    struct buf *bufs[] = { &l->up.in, &l->up.out, &l->down.in, &l->down.out, &l->last, &l->kept };
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        buf_fini(bufs[i]);
    for (unsigned i = 0; i < l->asked_count; i++)
        free(l->asked[i].key);
    free(l);
    p->links[at] = p->links[--p->link_count];
}

static void accept_link(struct cut_proxy *p)
{
    int fd = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC), one = 1;

    if (fd < 0)
        return;
    p->counts.links++;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (p->link_count == LINKS_MAX || (p->has_cut && p->way.stays_away)) {
        close(fd);
        return;
    }
    struct link *l = xcalloc(1, sizeof(*l));
    l->client = fd;
    l->server = -1;
    p->links[p->link_count++] = l;
}

/* A server that is replayed is asked only if a question is new. False: it is not there. */
static bool reach_server(struct cut_proxy *p, struct link *l)
{
    int one = 1;

    if (l->server >= 0 || l->has_ended)
        return l->server >= 0;
    l->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(l->server >= 0, "socket");
    setsockopt(l->server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return connect(l->server, (struct sockaddr *)&p->upstream, sizeof(p->upstream)) == 0;
}

/* ---- frames ----------------------------------------------------------------------------------------------------- */

static void put_u32(struct buf *to, uint32_t v)
{
    for (unsigned bytes = 4; bytes-- > 0;)
        buf_putc(to, (char)(v >> 8 * bytes & 0xFF));
}

/* The frame with another number in its JSON header. */
static void put_with_opaque(struct buf *to, const char *frame, size_t len, int32_t opaque)
{
    const char *name = "\"opaque\":";
    struct frame f;
    struct buf header;

    must(wire_decode(frame, len, WIRE_FRAME_MAX, &f, NULL) == (ptrdiff_t)len && !f.is_binary, "a frame with a JSON header");
    size_t header_len = len - 8 - f.body.len;
    const char *at = memmem(frame + 8, header_len, name, strlen(name));
    must(at != NULL, "a number in the header");
    at += strlen(name);
    const char *end = at;
    while ((*end >= '0' && *end <= '9') || *end == '-')
        end++;
    buf_init(&header, 0);
    buf_put(&header, frame + 8, (size_t)(at - frame - 8));
    buf_printf(&header, "%d", (int)opaque);
    buf_put(&header, end, header_len - (size_t)(end - frame - 8));
    put_u32(to, (uint32_t)(4 + header.len + f.body.len));
    put_u32(to, (uint32_t)header.len);
    buf_put(to, header.data, header.len);
    buf_put(to, f.body.data, f.body.len);
    buf_fini(&header);
}

static struct memory *find_memory(const struct cut_proxy *p, const struct question *q)
{
    struct memory *m = p->memories;

    while (m != NULL && (m->key_len != q->key_len || memcmp(m->key, q->key, q->key_len) != 0))
        m = m->next;
    return m;
}

static void remember(struct cut_proxy *p, const struct question *q, const char *frame, size_t len)
{
    if (q->key == NULL || find_memory(p, q) != NULL)
        return;
    struct memory *m = xcalloc(1, sizeof(*m));
    m->key = xmalloc(q->key_len);
    memcpy(m->key, q->key, q->key_len);
    m->key_len = q->key_len;
    m->frame = xmalloc(len);
    memcpy(m->frame, frame, len);
    m->frame_len = len;
    m->next = p->memories;
    p->memories = m;
}

/* A question of the client: to the server, or answered from memory. False: no server. */
static bool take_question(struct cut_proxy *p, struct link *l, const struct frame *f, const char *bytes, size_t len)
{
    struct question q = { .opaque = f->opaque, .code = f->code };
    struct buf key;

    p->counts.questions++;
    if (p->way.replays) {
        buf_init(&key, 0);
        buf_printf(&key, "%d ", f->code);
        buf_put(&key, f->ext.data, f->ext.len);
        buf_put(&key, f->body.data, f->body.len);
        q.key = key.data;
        q.key_len = key.len;
        const struct memory *m = find_memory(p, &q);
        if (m != NULL) {
            put_with_opaque(&l->down.out, m->frame, m->frame_len, f->opaque);
            free(q.key);
            return true;
        }
    }
    must(l->asked_count < ASKED_MAX, "fewer questions at a time");
    l->asked[l->asked_count++] = q;
    if (!reach_server(p, l))
        return false;
    buf_put(&l->up.out, bytes, len);
    return true;
}

static bool is_due(const struct cut_proxy *p, int code, int wanted)
{
    return wanted != 0 && wanted == code && !p->counts.is_spoilt;
}

/* An answer of the server to question q: on to the client, as the way wants it. */
static void take_answer(struct cut_proxy *p, struct link *l, const struct question *q, const struct frame *f, const char *bytes, size_t len)
{
    struct buf *out = &l->down.out;
    struct frame other;

    if (is_due(p, q->code, p->way.swap) && l->kept.len == 0) {
        buf_put(&l->kept, bytes, len);
        return;
    }
    if (l->kept.len > 0) {
        wire_decode(l->kept.data, l->kept.len, WIRE_FRAME_MAX, &other, NULL);
        put_with_opaque(out, bytes, len, other.opaque);
        put_with_opaque(out, l->kept.data, l->kept.len, f->opaque);
        buf_reset(&l->kept);
        p->counts.is_spoilt = true;
    } else if (is_due(p, q->code, p->way.swallow)) {
        p->counts.is_spoilt = true;
    } else if (is_due(p, q->code, p->way.wrong_id)) {
        put_with_opaque(out, bytes, len, f->opaque + 100000);
        p->counts.is_spoilt = true;
    } else if (is_due(p, q->code, p->way.stale) && l->last.len > 0) {
        buf_put(out, l->last.data, l->last.len);
        p->counts.is_spoilt = true;
    } else {
        buf_put(out, bytes, len);
        if (is_due(p, q->code, p->way.twice)) {
            buf_put(out, bytes, len);
            p->counts.is_spoilt = true;
        }
    }
    buf_reset(&l->last);
    buf_put(&l->last, bytes, len);
}

static bool take_answers(struct cut_proxy *p, struct link *l, const struct frame *f, const char *bytes, size_t len)
{
    for (unsigned i = 0; i < l->asked_count; i++)
        if (l->asked[i].opaque == f->opaque) {
            struct question q = l->asked[i];
            l->asked[i] = l->asked[--l->asked_count];
            remember(p, &q, bytes, len);
            take_answer(p, l, &q, f, bytes, len);
            free(q.key);
            return true;
        }
    buf_put(&l->down.out, bytes, len); /* nobody asked: it is not ours to judge */
    return true;
}

static bool take_frames(struct cut_proxy *p, struct link *l, struct pipe *from,
                        bool (*take)(struct cut_proxy *p, struct link *l, const struct frame *f, const char *bytes, size_t len))
{
    struct frame f;
    size_t used = 0;
    ptrdiff_t n;
    bool is_well = true;

    while (is_well && (n = wire_decode(from->in.data + used, from->in.len - used, WIRE_FRAME_MAX_LIMIT, &f, NULL)) > 0) {
        is_well = take(p, l, &f, from->in.data + used, (size_t)n);
        used += (size_t)n;
    }
    from->in.len -= used;
    if (used > 0)
        memmove(from->in.data, from->in.data + used, from->in.len);
    return is_well && n >= 0;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------ */

static bool read_some(int fd, struct buf *in, size_t most)
{
    char *room = buf_grow(in, READ_BYTES);
    ssize_t n = recv(fd, room, most < READ_BYTES ? most : READ_BYTES, MSG_DONTWAIT);

    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    in->len += (size_t)n;
    return true;
}

static bool send_some(int fd, struct pipe *to, size_t most, size_t *passed)
{
    size_t left = to->out.len - to->sent;

    if (left > most)
        left = most;
    if (left == 0)
        return true;
    ssize_t n = send(fd, to->out.data + to->sent, left, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN;
    to->sent += (size_t)n;
    *passed += (size_t)n;
    to->sent_at_ns = clock_now_ns();
    if (to->sent == to->out.len) {
        buf_reset(&to->out);
        to->sent = 0;
    }
    return true;
}

/* How many bytes may go down now; lowers *wake_at_ns to when more may. */
static size_t may_send(const struct cut_proxy *p, const struct link *l, int64_t *wake_at_ns)
{
    const struct cut_proxy_way *way = &p->way;
    size_t left = way->cut_down == CUT_NEVER || p->has_cut ? CUT_NEVER : way->cut_down - p->counts.down;

    if (way->holds || l->down.out.len == 0)
        return 0;
    if (way->trickle_bytes == 0)
        return left;
    int64_t due_ns = l->down.sent_at_ns + (int64_t)way->trickle_ms * NS_PER_MS;
    if (clock_now_ns() < due_ns) {
        if (due_ns < *wake_at_ns)
            *wake_at_ns = due_ns;
        return 0;
    }
    return way->trickle_bytes < left ? way->trickle_bytes : left;
}

static bool is_cut_now(const struct cut_proxy *p)
{
    return !p->has_cut && (p->counts.down >= p->way.cut_down || p->counts.up >= p->way.cut_up);
}

/* False: the link has ended. */
static bool read_client(struct cut_proxy *p, struct link *l)
{
    size_t before = l->up.in.len;
    size_t most = p->way.cut_up == CUT_NEVER || p->has_cut ? CUT_NEVER : p->way.cut_up - p->counts.up;
    bool is_there = most == 0 || read_some(l->client, &l->up.in, most);

    p->counts.up += l->up.in.len - before;
    return is_there && take_frames(p, l, &l->up, take_question);
}

static bool read_server(struct cut_proxy *p, struct link *l)
{
    if (!read_some(l->server, &l->down.in, READ_BYTES)) {
        close(l->server);
        l->server = -1;
        l->has_ended = true;
    }
    return take_frames(p, l, &l->down, take_answers);
}

static bool push_link(struct cut_proxy *p, struct link *l, int64_t *wake_at_ns)
{
    size_t up = 0, most;

    if (l->server >= 0 && !send_some(l->server, &l->up, CUT_NEVER, &up))
        return false;
    if ((most = may_send(p, l, wake_at_ns)) > 0 && !send_some(l->client, &l->down, most, &p->counts.down))
        return false;
    if (p->way.trickle_bytes > 0 && l->down.out.len > 0)
        may_send(p, l, wake_at_ns);
    return !l->has_ended || l->down.out.len > 0;
}

/* ---- the loop --------------------------------------------------------------------------------------------------- */

static void take_way(struct cut_proxy *p)
{
    uint64_t n;

    must(read(p->wake_fd, &n, sizeof(n)) > 0, "wake");
    if (!p->has_wanted)
        return;
    p->way = p->wanted;
    p->counts = (struct cut_proxy_counts){ 0 };
    p->has_wanted = p->has_cut = false;
    pthread_cond_broadcast(&p->changed);
}

/* What was sent meanwhile is read first, so that closing does not become a reset. */
static void cut(struct cut_proxy *p, unsigned at)
{
    char rest[READ_BYTES];

    p->has_cut = p->counts.is_spoilt = true;
    while (recv(p->links[at]->client, rest, sizeof(rest), MSG_DONTWAIT) > 0)
        ;
    drop_link(p, at, p->way.resets);
}

static void turn(struct cut_proxy *p, const struct pollfd *fds, int64_t *wake_at_ns)
{
    for (unsigned i = p->link_count; i-- > 0;) { /* backwards: the last one takes the place of one that left */
        struct link *l = p->links[i];
        const struct pollfd *client = &fds[2 + 2 * i], *server = &fds[3 + 2 * i];
        bool is_well = true;
        if (client->revents & ~POLLOUT)
            is_well = read_client(p, l);
        if (is_well && l->server >= 0 && server->fd == l->server && server->revents & ~POLLOUT)
            is_well = read_server(p, l);
        is_well = is_well && push_link(p, l, wake_at_ns);
        if (is_cut_now(p))
            cut(p, i);
        else if (!is_well)
            drop_link(p, i, false);
    }
}

static void *run(void *arg)
{
    struct cut_proxy *p = arg;
    struct pollfd fds[2 + 2 * LINKS_MAX];
    int64_t wake_at_ns = 0;

    pthread_mutex_lock(&p->lock);
    while (!p->is_stopping) {
        fds[0] = (struct pollfd){ .fd = p->wake_fd, .events = POLLIN };
        fds[1] = (struct pollfd){ .fd = p->listen_fd, .events = POLLIN };
        unsigned links = p->link_count;
        for (unsigned i = 0; i < links; i++) {
            struct link *l = p->links[i];
            int64_t never = INT64_MAX;
            bool may = may_send(p, l, &never) > 0;
            fds[2 + 2 * i] = (struct pollfd){ .fd = p->way.is_deaf ? -1 : l->client, .events = (short)(POLLIN | (may ? POLLOUT : 0)) };
            fds[3 + 2 * i] = (struct pollfd){ .fd = l->server, .events = (short)(POLLIN | (l->up.out.len > 0 ? POLLOUT : 0)) };
        }
        pthread_mutex_unlock(&p->lock);
        int rc = poll(fds, 2 + 2 * links, wake_at_ns == INT64_MAX ? -1 : clock_ms_until(wake_at_ns));
        must(rc >= 0 || errno == EINTR, "poll");
        pthread_mutex_lock(&p->lock);
        wake_at_ns = INT64_MAX;
        if (rc < 0)
            continue;
        if (fds[0].revents != 0)
            take_way(p);
        turn(p, fds, &wake_at_ns);
        if (fds[1].revents != 0)
            accept_link(p);
        p->counts.open = p->link_count;
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

struct cut_proxy *cut_proxy_start(const char *upstream)
{
    struct cut_proxy *p = xcalloc(1, sizeof(*p));
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    const char *colon = strrchr(upstream, ':');
    struct cut_proxy_way pass = CUT_PROXY_PASS;

    must(colon != NULL && strncmp(upstream, "127.0.0.1:", 10) == 0, "an upstream on 127.0.0.1");
    p->upstream = at;
    p->upstream.sin_port = htons((uint16_t)atoi(colon + 1));
    p->way = pass;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->wake_fd = eventfd(0, EFD_CLOEXEC);
    p->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(p->wake_fd >= 0 && p->listen_fd >= 0 && bind(p->listen_fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
         listen(p->listen_fd, 64) == 0 && getsockname(p->listen_fd, (struct sockaddr *)&at, &len) == 0, "listen");
    snprintf(p->address, sizeof(p->address), "127.0.0.1:%d", ntohs(at.sin_port));
    must(pthread_create(&p->thread, NULL, run, p) == 0, "thread");
    return p;
}

static void wake(struct cut_proxy *p)
{
    must(write(p->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t)) > 0, "wake");
}

void cut_proxy_stop(struct cut_proxy *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->is_stopping = true;
    wake(p);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    while (p->link_count > 0)
        drop_link(p, 0, false);
    for (struct memory *m = p->memories, *next; m != NULL; m = next) {
        next = m->next;
        free(m->key);
        free(m->frame);
        free(m);
    }
    close(p->listen_fd);
    close(p->wake_fd);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->changed);
    free(p);
}

const char *cut_proxy_address(const struct cut_proxy *p)
{
    return p->address;
}

void cut_proxy_set(struct cut_proxy *p, const struct cut_proxy_way *way)
{
    pthread_mutex_lock(&p->lock);
    p->wanted = *way;
    p->has_wanted = true;
    wake(p);
    while (p->has_wanted)
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

struct cut_proxy_counts cut_proxy_counts(struct cut_proxy *p)
{
    pthread_mutex_lock(&p->lock);
    struct cut_proxy_counts counts = p->counts;
    pthread_mutex_unlock(&p->lock);
    return counts;
}
