/* http_peer.c - see http_peer.h. */
#include "tests/fake/http_peer.h"

#include "agent/base/buf.h"
#include "agent/base/xalloc.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define STEPS_MAX 64
#define REQUESTS_MAX 256

enum step_kind { STEP_SAY, STEP_HANG, STEP_BE_DEAF, STEP_CLOSE, STEP_SAY_FOREVER, STEP_DRIP };

struct step {
    enum step_kind kind;
    char *bytes;
    size_t len; /* of bytes; STEP_CLOSE: after so many */
    bool keeps_connection;
};

struct http_peer {
    int listener, stop_fd, port;
    pthread_t thread;

    pthread_mutex_t lock; /* all below */
    struct step steps[STEPS_MAX];
    unsigned step_count, next_step, connections, request_count;
    struct http_peer_request *requests[REQUESTS_MAX];
};

/* False when the test ends first. */
static bool wait_for(const struct http_peer *p, int fd, short events, int ms)
{
    struct pollfd fds[2] = { { .fd = fd, .events = events }, { .fd = p->stop_fd, .events = POLLIN } };

    poll(fds, 2, ms);
    return fds[1].revents == 0;
}

/* Sends all; false if the client has gone or the test ends. */
static bool say(const struct http_peer *p, int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        if (!wait_for(p, fd, POLLOUT, -1))
            return false;
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* A client whose data was never read cannot be seen leaving; its next connection shows it. */
static void wait_until_client_leaves(const struct http_peer *p, int fd)
{
    struct pollfd fds[3] = { { .fd = fd, .events = POLLRDHUP }, { .fd = p->stop_fd, .events = POLLIN },
                             { .fd = p->listener, .events = POLLIN } };

    poll(fds, 3, -1);
}

static void reset(int fd)
{
    struct linger hard = { .l_onoff = 1 };

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

static struct step current_step(struct http_peer *p)
{
    pthread_mutex_lock(&p->lock);
    assert(p->step_count > 0);
    struct step step = p->steps[p->next_step];
    pthread_mutex_unlock(&p->lock);
    return step;
}

static void take_step(struct http_peer *p)
{
    pthread_mutex_lock(&p->lock);
    if (p->next_step + 1 < p->step_count)
        p->next_step++;
    pthread_mutex_unlock(&p->lock);
}

static void keep_request(struct http_peer *p, const struct buf *in, size_t head_len, size_t body_len)
{
    struct http_peer_request *r = xcalloc(1, sizeof(*r));

    sscanf(in->data, "%15s %2047s", r->method, r->path);
    r->headers = xstrndup(in->data, head_len);
    r->body = xmalloc(body_len + 1);
    memcpy(r->body, in->data + head_len, body_len);
    r->body[body_len] = '\0';
    r->body_len = body_len;
    pthread_mutex_lock(&p->lock);
    assert(p->request_count < REQUESTS_MAX);
    p->requests[p->request_count++] = r;
    pthread_mutex_unlock(&p->lock);
}

static size_t content_length(const char *head)
{
    static const char name[] = "\r\nContent-Length:";
    const char *at = strcasestr(head, name);

    return at == NULL ? 0 : strtoul(at + sizeof(name) - 1, NULL, 10);
}

/* Reads one request, or `most` bytes of it; false if the client leaves before that. */
static bool read_request(struct http_peer *p, int fd, struct buf *in, size_t most)
{
    size_t head_len = 0, need = SIZE_MAX;

    buf_reset(in);
    while (in->len < need && in->len < most) {
        if (!wait_for(p, fd, POLLIN, -1))
            return false;
        char *to = buf_grow(in, 65536 + 1);
        ssize_t n = recv(fd, to, most - in->len < 65536 ? most - in->len : 65536, 0);
        if (n <= 0)
            return false;
        in->len += (size_t)n;
        in->data[in->len] = '\0';
        char *end = head_len > 0 ? NULL : strstr(in->data, "\r\n\r\n");
        if (end != NULL) {
            head_len = (size_t)(end - in->data) + 4;
            need = head_len + content_length(in->data);
        }
    }
    if (in->len >= need)
        keep_request(p, in, head_len, need - head_len);
    return true;
}

static void drip(const struct http_peer *p, int fd)
{
    while (wait_for(p, -1, 0, 20))
        if (!say(p, fd, "x", 1))
            return;
}

static void say_forever(const struct http_peer *p, int fd)
{
    char filler[4096];

    memset(filler, 'x', sizeof(filler));
    while (say(p, fd, filler, sizeof(filler)))
        ;
}

/* Acts out the step for one request; false if the connection ends with it. */
static bool serve_request(struct http_peer *p, int fd, struct buf *in)
{
    struct step step = current_step(p);

    if (step.kind == STEP_BE_DEAF) {
        take_step(p);
        wait_until_client_leaves(p, fd);
        return false;
    }
    if (!read_request(p, fd, in, step.kind == STEP_CLOSE ? step.len : SIZE_MAX))
        return false;
    take_step(p);
    switch (step.kind) {
    case STEP_SAY:
        return say(p, fd, step.bytes, step.len) && step.keeps_connection;
    case STEP_CLOSE:
        reset(fd);
        return false;
    case STEP_SAY_FOREVER:
        if (say(p, fd, step.bytes, step.len))
            say_forever(p, fd);
        return false;
    case STEP_DRIP:
        if (say(p, fd, step.bytes, step.len))
            drip(p, fd);
        return false;
    case STEP_HANG:
    case STEP_BE_DEAF:
        wait_until_client_leaves(p, fd);
    }
    return false;
}

static void *serve(void *arg)
{
    struct http_peer *p = arg;
    struct buf in;

    buf_init(&in, 0);
    while (wait_for(p, p->listener, POLLIN, -1)) {
        int fd = accept(p->listener, NULL, NULL);
        if (fd < 0)
            break; /* http_peer_refuse */
        pthread_mutex_lock(&p->lock);
        p->connections++;
        pthread_mutex_unlock(&p->lock);
        while (serve_request(p, fd, &in))
            ;
        close(fd);
    }
    buf_fini(&in);
    return NULL;
}

struct http_peer *http_peer_start(void)
{
    struct http_peer *p = xcalloc(1, sizeof(*p));
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);

    setenv("no_proxy", "127.0.0.1", 1); /* whatever the environment of the tests says */
    const int buffer = 64 * 1024; /* small, so that a peer that does not read is felt early */

    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(p->listener, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    p->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (bind(p->listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(p->listener, 16) < 0 ||
        getsockname(p->listener, (struct sockaddr *)&at, &len) < 0)
        abort();
    p->port = ntohs(at.sin_port);
    pthread_mutex_init(&p->lock, NULL);
    pthread_create(&p->thread, NULL, serve, p);
    return p;
}

void http_peer_stop(struct http_peer *p)
{
    eventfd_write(p->stop_fd, 1);
    pthread_join(p->thread, NULL);
    close(p->listener);
    close(p->stop_fd);
    for (unsigned i = 0; i < p->step_count; i++)
        free(p->steps[i].bytes);
    for (unsigned i = 0; i < p->request_count; i++) {
        free(p->requests[i]->headers);
        free(p->requests[i]->body);
        free(p->requests[i]);
    }
    pthread_mutex_destroy(&p->lock);
    free(p);
}

int http_peer_port(const struct http_peer *peer)
{
    return peer->port;
}

static void add_step(struct http_peer *p, struct step step)
{
    pthread_mutex_lock(&p->lock);
    assert(p->step_count < STEPS_MAX);
    p->steps[p->step_count++] = step;
    pthread_mutex_unlock(&p->lock);
}

void http_peer_answer(struct http_peer *p, int status, const char *headers, const char *body)
{
    char *text = xasprintf("HTTP/1.1 %d Word\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers, strlen(body), body);

    add_step(p, (struct step){ .kind = STEP_SAY, .bytes = text, .len = strlen(text), .keeps_connection = true });
}

void http_peer_hang(struct http_peer *p)
{
    add_step(p, (struct step){ .kind = STEP_HANG });
}

void http_peer_be_deaf(struct http_peer *p)
{
    add_step(p, (struct step){ .kind = STEP_BE_DEAF });
}

void http_peer_close_after(struct http_peer *p, size_t bytes)
{
    add_step(p, (struct step){ .kind = STEP_CLOSE, .len = bytes });
}

void http_peer_say(struct http_peer *p, const char *bytes, size_t len)
{
    char *copy = xmalloc(len);

    memcpy(copy, bytes, len);
    add_step(p, (struct step){ .kind = STEP_SAY, .bytes = copy, .len = len });
}

void http_peer_say_forever(struct http_peer *p, const char *head)
{
    add_step(p, (struct step){ .kind = STEP_SAY_FOREVER, .bytes = xstrdup(head), .len = strlen(head) });
}

void http_peer_drip(struct http_peer *p, const char *head)
{
    add_step(p, (struct step){ .kind = STEP_DRIP, .bytes = xstrdup(head), .len = strlen(head) });
}

void http_peer_refuse(struct http_peer *p)
{
    shutdown(p->listener, SHUT_RDWR); /* wakes accept(); the port stays ours and refuses */
}

unsigned http_peer_connections(struct http_peer *p)
{
    pthread_mutex_lock(&p->lock);
    unsigned count = p->connections;
    pthread_mutex_unlock(&p->lock);
    return count;
}

unsigned http_peer_requests(struct http_peer *p)
{
    pthread_mutex_lock(&p->lock);
    unsigned count = p->request_count;
    pthread_mutex_unlock(&p->lock);
    return count;
}

const struct http_peer_request *http_peer_request(struct http_peer *p, unsigned i)
{
    pthread_mutex_lock(&p->lock);
    assert(i < p->request_count);
    const struct http_peer_request *r = p->requests[i];
    pthread_mutex_unlock(&p->lock);
    return r;
}
