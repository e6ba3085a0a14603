/*
 * broker.c - see broker.h.
 *
 * One thread owns the sockets; the script and the counts are shared under one lock. The thread writes without blocking for
 * ever (it watches its wake fd), but does not read while it writes, as brokers from 5.1 do not.
 */
#include "tests/fake/broker.h"

#include "agent/base/buf.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/request_codes.h"
#include "agent/source/rocketmq/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 64
#define EXT_MAX 8
#define WHEN_MAX 2
#define VERSION_4_9_7 407

enum manner { ANSWER, STALL, CLOSE, RESET, GARBAGE, HTTP, GRPC, TLS, OVERSIZE };

struct pair {
    char *key, *value;
};

struct reply {
    struct reply *next;
    int request_code;
    bool is_standing, is_used;
    struct pair when[WHEN_MAX];
    int code, version;
    char *remark, *body;
    size_t body_len;
    struct pair ext[EXT_MAX];
    size_t ext_count;
    enum manner manner;
    size_t split, close_after;
    uint32_t oversize;
    bool is_binary, is_wrong_id, asks_first;
};

/* A request as it came: its code and its frame. */
struct seen {
    int code;
    char *bytes;
    size_t len;
};

struct client {
    int fd;
    struct buf in, held; /* held: answers kept back for broker_out_of_order, each as size_t length and bytes */
    unsigned held_count;
};

struct broker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int listen_fd, wake_fd;
    char address[32];
    struct reply defaults, *replies, *open; /* open: the reply that verbs shape */
    struct seen *seen; /* every request, in the order they came */
    int seen_count, seen_room;
    int connections;
    unsigned most_waiting, out_of_order;
    bool is_stopping, hangs_up, drops_all;
    char text[4096];               /* of broker_saw */
    struct client clients[CLIENTS_MAX]; /* the thread's own */
    int client_count;
};

static void must(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "fake broker: %s: %s\n", what, strerror(errno));
    abort();
}

static void lock(struct broker *b)
{
    pthread_mutex_lock(&b->lock);
}

static void unlock(struct broker *b)
{
    pthread_mutex_unlock(&b->lock);
}

static void wake(struct broker *b)
{
    must(write(b->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t)) > 0, "wake");
}

/* ---- making frames ---------------------------------------------------------------------------------------------- */

static void put_number(struct buf *to, uint32_t v, unsigned bytes)
{
    while (bytes-- > 0)
        buf_putc(to, (char)(v >> 8 * bytes & 0xFF));
}

static void put_text(struct buf *to, const char *s)
{
    buf_putc(to, '"');
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            buf_putc(to, '\\');
        if (*s == '\n')
            buf_puts(to, "\\n");
        else
            buf_putc(to, *s);
    }
    buf_putc(to, '"');
}

static void json_header(struct buf *to, const struct reply *r, int32_t opaque)
{
    buf_printf(to, "{\"code\":%d,", r->code);
    if (r->ext_count > 0) {
        buf_puts(to, "\"extFields\":{");
        for (size_t i = 0; i < r->ext_count; i++) {
            buf_puts(to, i > 0 ? "," : "");
            put_text(to, r->ext[i].key);
            buf_putc(to, ':');
            put_text(to, r->ext[i].value);
        }
        buf_puts(to, "},");
    }
    buf_printf(to, "\"flag\":1,\"language\":\"JAVA\",\"opaque\":%d,", opaque);
    if (r->remark != NULL) {
        buf_puts(to, "\"remark\":");
        put_text(to, r->remark);
        buf_putc(to, ',');
    }
    buf_printf(to, "\"serializeTypeCurrentRPC\":\"JSON\",\"version\":%d}", r->version);
}

static void binary_header(struct buf *to, const struct reply *r, int32_t opaque)
{
    struct buf ext;
    size_t remark = r->remark != NULL ? strlen(r->remark) : 0;

    put_number(to, (uint32_t)r->code, 2);
    put_number(to, 0, 1);
    put_number(to, (uint32_t)r->version, 2);
    put_number(to, (uint32_t)opaque, 4);
    put_number(to, 1, 4);
    put_number(to, (uint32_t)remark, 4);
    buf_put(to, r->remark, remark);
    buf_init(&ext, 0);
    for (size_t i = 0; i < r->ext_count; i++) {
        put_number(&ext, (uint32_t)strlen(r->ext[i].key), 2);
        buf_puts(&ext, r->ext[i].key);
        put_number(&ext, (uint32_t)strlen(r->ext[i].value), 4);
        buf_puts(&ext, r->ext[i].value);
    }
    put_number(to, (uint32_t)ext.len, 4);
    buf_put(to, ext.data, ext.len);
    buf_fini(&ext);
}

static void put_frame(struct buf *to, const struct buf *header, const char *body, size_t body_len, bool is_binary)
{
    put_number(to, (uint32_t)(4 + header->len + body_len), 4);
    put_number(to, (is_binary ? 1u << 24 : 0) | (uint32_t)header->len, 4);
    buf_put(to, header->data, header->len);
    buf_put(to, body, body_len);
}

/* What a broker tells consumers: NOTIFY_CONSUMER_IDS_CHANGED, a request, oneway. */
static void put_question(struct buf *to, int32_t opaque)
{
    struct buf header;

    buf_init(&header, 0);
    buf_printf(&header, "{\"code\":40,\"flag\":2,\"language\":\"JAVA\",\"opaque\":%d,\"version\":407,"
               "\"extFields\":{\"consumerGroup\":\"G\"}}", opaque);
    put_frame(to, &header, NULL, 0, false);
    buf_fini(&header);
}

static void put_answer(struct buf *to, const struct reply *r, int32_t opaque)
{
    struct buf header;

    if (r->asks_first)
        put_question(to, opaque);
    if (r->is_wrong_id)
        opaque ^= 0x40000000;
    buf_init(&header, 0);
    if (r->is_binary)
        binary_header(&header, r, opaque);
    else
        json_header(&header, r, opaque);
    if (r->manner == OVERSIZE)
        put_number(to, r->oversize, 4);
    put_frame(to, &header, r->body, r->body_len, r->is_binary);
    buf_fini(&header);
}

static void put_reply(struct buf *to, const struct reply *r, int32_t opaque)
{
    static const char garbage[] = "\0\0\0\x40\x07\0\0\x20 no frame begins like this";

    switch (r->manner) {
    case STALL:
    case RESET:
        break;
    case GARBAGE:
        buf_put(to, garbage, sizeof(garbage) - 1);
        break;
    case HTTP:
        buf_puts(to, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        break;
    case GRPC: /* as recorded: SETTINGS, WINDOW_UPDATE, GOAWAY */
        buf_put(to, "\0\0\x12\x04\0\0\0\0\0\0\x03\x7f\xff\xff\xff\0\x04\0\x10\0\0\0\x06\0\0\x20\0\0\0\x04\x08\0\0\0\0\0\0\x0f\0\x01"
                    "\0\0\x86\x07\0\0\0\0\0\x7f\xff\xff\xff\0\0\0\x01", 57);
        buf_puts(to, "HTTP/2 client preface string missing or corrupt. Hex dump for received bytes: "
                     "0000004e0000004a7b22636f6465223a203130362c20226c");
        break;
    case TLS:
        buf_put(to, "\x15\x03\x01\x00\x02\x02\x46", 7);
        break;
    default:
        put_answer(to, r, opaque);
        if (r->manner == CLOSE && to->len > r->close_after)
            to->len = r->close_after;
    }
}

/* ---- the thread ------------------------------------------------------------------------------------------------- */

static bool is_stopping(struct broker *b)
{
    lock(b);
    bool yes = b->is_stopping;
    unlock(b);
    return yes;
}

/* Sends all, or gives up when the peer is gone or the broker stops. */
static void send_all(struct broker *b, struct client *c, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd p[2] = { { .fd = c->fd, .events = POLLOUT }, { .fd = b->wake_fd, .events = POLLIN } };
            poll(p, 2, -1);
            if (p[1].revents != 0 && is_stopping(b))
                return;
        } else if (errno != EINTR) {
            return;
        }
    }
}

/* Pieces are a moment apart, so that the reader meets them one by one; nothing hangs on it. */
static void send_split(struct broker *b, struct client *c, const char *data, size_t len, size_t piece)
{
    for (size_t n; len > 0 && !is_stopping(b); data += n, len -= n) {
        n = piece > 0 && piece < len ? piece : len;
        send_all(b, c, data, n);
        if (n < len)
            nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
    }
}

static void forget_client(struct broker *b, struct client *c)
{
    close(c->fd);
    buf_fini(&c->in);
    buf_fini(&c->held);
    *c = b->clients[--b->client_count];
}

static void reset_on_close(struct client *c)
{
    struct linger now = { .l_onoff = 1, .l_linger = 0 };

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static bool fits(const struct reply *r, const struct frame *f)
{
    char text[4096];

    if (r->request_code != f->code || r->is_used)
        return false;
    for (int i = 0; i < WHEN_MAX && r->when[i].key != NULL; i++)
        if (wire_ext(f, r->when[i].key, text, sizeof(text)) < 0 || strcmp(text, r->when[i].value) != 0)
            return false;
    return true;
}

/* Under the lock: the reply to this request; the defaults with code 3 if there is none. */
static struct reply *find_reply(struct broker *b, const struct frame *f)
{
    struct reply *standing = NULL;

    for (struct reply *r = b->replies; r != NULL; r = r->next) {
        if (!fits(r, f))
            continue;
        if (!r->is_standing) {
            r->is_used = true;
            return r;
        }
        standing = r;
    }
    return standing;
}

static void remember(struct broker *b, const char *bytes, size_t len, const struct frame *f)
{
    if (b->seen_count == b->seen_room) {
        b->seen_room = b->seen_room * 2 + 64;
        b->seen = xrealloc(b->seen, (size_t)b->seen_room, sizeof(*b->seen));
    }
    struct seen *s = &b->seen[b->seen_count++];
    s->code = f->code;
    s->len = len;
    s->bytes = xmalloc(len);
    memcpy(s->bytes, bytes, len);
    pthread_cond_broadcast(&b->changed);
}

static void hold(struct client *c, const struct buf *answer)
{
    buf_put(&c->held, &answer->len, sizeof(answer->len));
    buf_put(&c->held, answer->data, answer->len);
    c->held_count++;
}

/* What was held, last first. */
static void send_held(struct broker *b, struct client *c)
{
    size_t *starts = xcalloc(c->held_count, sizeof(*starts)), at = 0, len;

    for (unsigned i = 0; i < c->held_count; i++) {
        starts[i] = at;
        memcpy(&len, c->held.data + at, sizeof(len));
        at += sizeof(len) + len;
    }
    for (unsigned i = c->held_count; i-- > 0;) {
        memcpy(&len, c->held.data + starts[i], sizeof(len));
        send_all(b, c, c->held.data + starts[i] + sizeof(len), len);
    }
    free(starts);
    buf_reset(&c->held);
    c->held_count = 0;
}

/* Answers one request. False: the connection is to be closed. */
static bool answer(struct broker *b, struct client *c, const char *bytes, size_t len, const struct frame *f)
{
    struct reply unknown, copy;
    struct buf out;

    buf_init(&out, 0);
    lock(b);
    remember(b, bytes, len, f);
    struct reply *r = find_reply(b, f);
    if (r == NULL) {
        unknown = b->defaults;
        unknown.code = RMQ_RESPONSE_REQUEST_CODE_NOT_SUPPORTED;
        r = &unknown;
    }
    copy = *r;
    put_reply(&out, &copy, f->opaque);
    unsigned together = b->out_of_order;
    unlock(b);
    if (together > 0) {
        hold(c, &out);
        if (c->held_count >= together)
            send_held(b, c);
    } else {
        send_split(b, c, out.data, out.len, copy.split);
    }
    buf_fini(&out);
    if (copy.manner == RESET)
        reset_on_close(c);
    return copy.manner != CLOSE && copy.manner != RESET && copy.manner != HTTP && copy.manner != GRPC && copy.manner != TLS;
}

static void note_waiting(struct broker *b, const struct client *c)
{
    unsigned count = 0;
    ptrdiff_t n;

    for (size_t at = 0; (n = wire_size(c->in.data + at, c->in.len - at, WIRE_FRAME_MAX, NULL)) > 0; at += (size_t)n) {
        if ((size_t)n > c->in.len - at)
            break;
        count++;
    }
    lock(b);
    if (count > b->most_waiting)
        b->most_waiting = count;
    unlock(b);
}

/* Answers every whole request in c->in. */
static bool answer_all(struct broker *b, struct client *c)
{
    struct frame f;
    size_t used = 0;
    ptrdiff_t n;
    bool goes_on = true;

    note_waiting(b, c);
    while (goes_on && (n = wire_decode(c->in.data + used, c->in.len - used, WIRE_FRAME_MAX, &f, NULL)) > 0) {
        goes_on = answer(b, c, c->in.data + used, (size_t)n, &f);
        used += (size_t)n;
    }
    if (used > 0)
        memmove(c->in.data, c->in.data + used, c->in.len - used);
    c->in.len -= used;
    return goes_on && n >= 0;
}

static void serve(struct broker *b, struct client *c)
{
    char *room = buf_grow(&c->in, 65536);
    ssize_t n = recv(c->fd, room, 65536, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        c->in.len += (size_t)n;
    if (n <= 0 || !answer_all(b, c))
        forget_client(b, c);
}

static void accept_client(struct broker *b)
{
    int fd = accept4(b->listen_fd, NULL, NULL, SOCK_CLOEXEC), one = 1;

    if (fd < 0)
        return;
    lock(b);
    b->connections++;
    bool refused = b->hangs_up;
    unlock(b);
    if (refused) {
        close(fd);
        return;
    }
    must(b->client_count < CLIENTS_MAX, "too many clients");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct client *c = &b->clients[b->client_count++];
    *c = (struct client){ .fd = fd };
    buf_init(&c->in, 0);
    buf_init(&c->held, 0);
}

/* Does what other threads have asked for. False: stop. */
static bool obey(struct broker *b)
{
    uint64_t ignored;

    must(read(b->wake_fd, &ignored, sizeof(ignored)) > 0, "read of the wake fd");
    lock(b);
    bool stops = b->is_stopping;
    if (stops || b->drops_all)
        while (b->client_count > 0)
            forget_client(b, &b->clients[0]);
    b->drops_all = false;
    pthread_cond_broadcast(&b->changed);
    unlock(b);
    return !stops;
}

static void *broker_thread(void *arg)
{
    struct broker *b = arg;
    struct pollfd polls[CLIENTS_MAX + 2];

    for (;;) {
        int count = b->client_count;
        polls[0] = (struct pollfd){ .fd = b->wake_fd, .events = POLLIN };
        polls[1] = (struct pollfd){ .fd = b->listen_fd, .events = POLLIN };
        for (int i = 0; i < count; i++)
            polls[2 + i] = (struct pollfd){ .fd = b->clients[i].fd, .events = POLLIN };
        if (poll(polls, (nfds_t)count + 2, -1) < 0)
            continue;
        if (polls[0].revents != 0) {
            if (!obey(b))
                return NULL;
            continue;
        }
        for (int i = count - 1; i >= 0; i--) /* backwards: forgetting one moves the last into its place */
            if (polls[2 + i].revents != 0)
                serve(b, &b->clients[i]);
        if (polls[1].revents != 0)
            accept_client(b);
    }
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static int listen_somewhere(char address[32])
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(fd, 128) == 0, "listen");
    must(getsockname(fd, (struct sockaddr *)&sa, &len) == 0, "getsockname");
    snprintf(address, 32, "127.0.0.1:%u", ntohs(sa.sin_port));
    return fd;
}

const char *broker_dead_address(char text[32])
{
    close(listen_somewhere(text));
    return text;
}

struct broker *broker_start(void)
{
    struct broker *b = xcalloc(1, sizeof(*b));

    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    b->listen_fd = listen_somewhere(b->address);
    b->wake_fd = eventfd(0, EFD_CLOEXEC);
    must(b->wake_fd >= 0, "eventfd");
    b->defaults.version = VERSION_4_9_7;
    b->open = &b->defaults;
    must(pthread_create(&b->thread, NULL, broker_thread, b) == 0, "pthread_create");
    return b;
}

static void free_reply(struct reply *r)
{
    for (int i = 0; i < WHEN_MAX; i++) {
        free(r->when[i].key);
        free(r->when[i].value);
    }
    free(r->remark);
    free(r->body);
    for (size_t i = 0; i < r->ext_count; i++) {
        free(r->ext[i].key);
        free(r->ext[i].value);
    }
}

void broker_stop(struct broker *b)
{
    if (b == NULL)
        return;
    lock(b);
    b->is_stopping = true;
    unlock(b);
    wake(b);
    pthread_join(b->thread, NULL);
    close(b->listen_fd);
    close(b->wake_fd);
    for (struct reply *r = b->replies, *next; r != NULL; r = next) {
        next = r->next;
        free_reply(r);
        free(r);
    }
    free_reply(&b->defaults);
    for (int i = 0; i < b->seen_count; i++)
        free(b->seen[i].bytes);
    free(b->seen);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->changed);
    free(b);
}

const char *broker_address(const struct broker *b)
{
    return b->address;
}

/* ---- the script ------------------------------------------------------------------------------------------------- */

/* A reply begins with the manners set for the whole broker; what it says is its own. */
static void open_reply(struct broker *b, int code, bool is_standing)
{
    struct reply *r = xcalloc(1, sizeof(*r)), **end;

    lock(b);
    const struct reply *d = &b->defaults;
    *r = (struct reply){
        .request_code = code, .is_standing = is_standing, .code = d->code, .version = d->version, .manner = d->manner,
        .split = d->split, .close_after = d->close_after, .oversize = d->oversize, .is_binary = d->is_binary,
        .is_wrong_id = d->is_wrong_id, .asks_first = d->asks_first,
        .remark = d->remark != NULL ? xstrdup(d->remark) : NULL,
    };
    for (end = &b->replies; *end != NULL; end = &(*end)->next)
        ;
    *end = r;
    b->open = r;
    unlock(b);
}

void broker_expect(struct broker *b, int code)
{
    open_reply(b, code, false);
}

void broker_always(struct broker *b, int code)
{
    open_reply(b, code, true);
}

void broker_when(struct broker *b, const char *ext_key, const char *ext_value)
{
    lock(b);
    int at = b->open->when[0].key != NULL;
    must(b->open != &b->defaults && b->open->when[at].key == NULL, "broker_when belongs to a reply, at most twice");
    b->open->when[at] = (struct pair){ xstrdup(ext_key), xstrdup(ext_value) };
    unlock(b);
}

void broker_reply_bytes(struct broker *b, const void *body, size_t len)
{
    lock(b);
    must(b->open != &b->defaults, "a body belongs to a reply");
    free(b->open->body);
    b->open->body = xmalloc(len + 1);
    memcpy(b->open->body, body, len);
    b->open->body_len = len;
    unlock(b);
}

void broker_reply_body(struct broker *b, const char *body)
{
    broker_reply_bytes(b, body, strlen(body));
}

void broker_reply_file(struct broker *b, const char *path)
{
    FILE *f = fopen(path, "rb");
    struct buf content;
    size_t n;

    must(f != NULL, path);
    buf_init(&content, 0);
    while ((n = fread(buf_grow(&content, 65536), 1, 65536, f)) > 0)
        content.len += n;
    fclose(f);
    broker_reply_bytes(b, content.data, content.len);
    buf_fini(&content);
}

void broker_reply_code(struct broker *b, int code, const char *remark)
{
    lock(b);
    b->open->code = code;
    free(b->open->remark);
    b->open->remark = remark != NULL ? xstrdup(remark) : NULL;
    unlock(b);
}

void broker_reply_ext(struct broker *b, const char *key, const char *value)
{
    lock(b);
    must(b->open != &b->defaults && b->open->ext_count < EXT_MAX, "ext fields belong to a reply, up to 8");
    b->open->ext[b->open->ext_count++] = (struct pair){ xstrdup(key), xstrdup(value) };
    unlock(b);
}

/* Most verbs set one thing of the open reply. */
#define SHAPE(b, ...) \
    do { \
        lock(b); \
        struct reply *r = (b)->open; \
        __VA_ARGS__; \
        unlock(b); \
    } while (0)

void broker_reply_version(struct broker *b, int ordinal)
{
    SHAPE(b, r->version = ordinal);
}

void broker_split(struct broker *b, size_t bytes)
{
    SHAPE(b, r->split = bytes);
}

void broker_binary_headers(struct broker *b)
{
    SHAPE(b, r->is_binary = true);
}

void broker_wrong_id(struct broker *b)
{
    SHAPE(b, r->is_wrong_id = true);
}

void broker_ask_first(struct broker *b)
{
    SHAPE(b, r->asks_first = true);
}

void broker_stall(struct broker *b)
{
    SHAPE(b, r->manner = STALL);
}

void broker_close(struct broker *b, size_t after_bytes)
{
    SHAPE(b, r->manner = CLOSE; r->close_after = after_bytes);
}

void broker_reset(struct broker *b)
{
    SHAPE(b, r->manner = RESET);
}

void broker_garbage(struct broker *b)
{
    SHAPE(b, r->manner = GARBAGE);
}

void broker_http(struct broker *b)
{
    SHAPE(b, r->manner = HTTP);
}

void broker_grpc(struct broker *b)
{
    SHAPE(b, r->manner = GRPC);
}

void broker_tls(struct broker *b)
{
    SHAPE(b, r->manner = TLS);
}

void broker_oversize(struct broker *b, uint32_t length)
{
    SHAPE(b, r->manner = OVERSIZE; r->oversize = length);
}

void broker_out_of_order(struct broker *b, unsigned count)
{
    lock(b);
    b->out_of_order = count;
    unlock(b);
}

void broker_hang_up(struct broker *b)
{
    lock(b);
    b->hangs_up = true;
    unlock(b);
}

void broker_drop_all(struct broker *b)
{
    lock(b);
    b->drops_all = true;
    wake(b);
    while (b->drops_all)
        pthread_cond_wait(&b->changed, &b->lock);
    unlock(b);
}

/* ---- what happened ---------------------------------------------------------------------------------------------- */

static int count_requests(const struct broker *b, int code)
{
    int count = 0;

    for (int i = 0; i < b->seen_count; i++)
        count += code == -1 || b->seen[i].code == code;
    return count;
}

int broker_requests(struct broker *b, int code)
{
    lock(b);
    int count = count_requests(b, code);
    unlock(b);
    return count;
}

int broker_connections(struct broker *b)
{
    lock(b);
    int count = b->connections;
    unlock(b);
    return count;
}

int broker_unmet(struct broker *b)
{
    int count = 0;

    lock(b);
    for (const struct reply *r = b->replies; r != NULL; r = r->next)
        count += !r->is_standing && !r->is_used;
    unlock(b);
    return count;
}

unsigned broker_most_waiting(struct broker *b)
{
    lock(b);
    unsigned most = b->most_waiting;
    unlock(b);
    return most;
}

int broker_wait_requests(struct broker *b, int code, int count)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    lock(b);
    while (rc == 0 && count_requests(b, code) < count)
        rc = pthread_cond_timedwait(&b->changed, &b->lock, &until);
    unlock(b);
    return rc == 0 ? 0 : -1;
}

char *broker_saw_all(struct broker *b, int code, const char *ext_key, const char *ext_key2)
{
    char text[4096];
    struct frame f;
    struct buf all;

    buf_init(&all, 0);
    lock(b);
    for (int i = 0; i < b->seen_count; i++) {
        if (b->seen[i].code != code || wire_decode(b->seen[i].bytes, b->seen[i].len, WIRE_FRAME_MAX, &f, NULL) <= 0)
            continue;
        for (int k = 0; k < 2; k++)
            if (wire_ext(&f, k == 0 ? ext_key : ext_key2, text, sizeof(text)) >= 0)
                buf_printf(&all, "%s%s", k == 0 ? "" : " ", text);
        buf_putc(&all, '\n');
    }
    unlock(b);
    char *copy = xstrndup(all.data != NULL ? all.data : "", all.len);
    buf_fini(&all);
    return copy;
}

const char *broker_saw(struct broker *b, int code, const char *ext_key)
{
    const char *found = NULL;
    struct frame f;

    lock(b);
    for (int i = b->seen_count - 1; i >= 0 && found == NULL; i--) {
        if (b->seen[i].code != code || wire_decode(b->seen[i].bytes, b->seen[i].len, WIRE_FRAME_MAX, &f, NULL) <= 0)
            continue;
        if (wire_ext(&f, ext_key, b->text, sizeof(b->text)) < 0)
            break;
        found = b->text;
    }
    unlock(b);
    return found;
}
