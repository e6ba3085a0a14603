/* link.c - see link.h. */
#include "sinks/redis/link.h"

#include "agent/base/clock.h"
#include "agent/base/num.h"
#include "agent/base/xalloc.h"
#include "sinks/redis/refusal.h"
#include "sinks/redis/socket.h"

#include <hiredis/hiredis.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES (32u * 1024) /* hiredis doubles what it is given to send: it gets no more than this at a time */

/* ---- life ---- */

void link_init(struct link *l, const struct endpoint *to)
{
    *l = (struct link){ .to = *to };
    endpoint_print(to, l->name, sizeof(l->name));
    buf_init(&l->out, 0);
}

void link_close(struct link *l)
{
    if (l->context != NULL)
        redisFree(l->context);
    l->context = NULL;
    buf_reset(&l->out);
    l->taken = 0;
}

void link_fini(struct link *l)
{
    link_close(l);
    buf_fini(&l->out);
}

#define TEXT_OF(x) #x
#define VERSION_TEXT(major, minor, patch) "hiredis " TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *link_library(void)
{
    return VERSION_TEXT(HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
}

/* ---- commands and replies ---- */

static void put_count(struct buf *out, char kind, size_t n)
{
    buf_putc(out, kind);
    buf_put_u64(out, n);
    buf_put(out, "\r\n", 2);
}

void resp_put_head(struct buf *out, unsigned parts)
{
    put_count(out, '*', parts);
}

void resp_put(struct buf *out, const char *data, size_t len)
{
    put_count(out, '$', len);
    buf_put(out, data, len);
    buf_put(out, "\r\n", 2);
}

void link_put_words(struct link *l, const char *const *words, size_t count)
{
    resp_put_head(&l->out, (unsigned)count);
    for (size_t i = 0; i < count; i++)
        resp_put(&l->out, words[i], strlen(words[i]));
}

void link_free_reply(struct redisReply *reply)
{
    if (reply != NULL)
        freeReplyObject(reply);
}

static int fail(struct link *l, struct err *err)
{
    redisContext *c = l->context;
    int sys = errno;

    if (c->err == REDIS_ERR_EOF)
        err_set(err, ERR_CLOSED, "%s: the server closed the connection", l->name);
    else if (c->err == REDIS_ERR_IO)
        errno = sys, err_sys(err, "%s", l->name);
    else
        err_set(err, ERR_PROTO, "%s: not a Redis server, or a reply beyond our limits", l->name);
    return -1;
}

static bool has_unsent(const redisContext *c)
{
    return c->obuf != NULL && c->obuf[0] != '\0';
}

/* Gives hiredis the next piece of what is to be sent, once it has sent the one before. */
static int hand_over(struct link *l)
{
    redisContext *c = l->context;
    size_t left = l->out.len - l->taken, piece = left < PIECE_BYTES ? left : PIECE_BYTES;

    if (left == 0 || has_unsent(c))
        return REDIS_OK;
    if (redisAppendFormattedCommand(c, l->out.data + l->taken, piece) != REDIS_OK)
        return REDIS_ERR;
    l->bytes += piece;
    l->taken += piece;
    if (l->taken == l->out.len) {
        buf_reset(&l->out);
        l->taken = 0;
    }
    return REDIS_OK;
}

/* One wait for the socket, then whatever reading and writing is possible. */
static int move_bytes(struct link *l, const struct wait *wait, struct err *err)
{
    redisContext *c = l->context;
    int done = 0, ready;

    if (hand_over(l) != REDIS_OK)
        return fail(l, err);
    ready = socket_wait(c->fd, has_unsent(c) ? POLLIN | POLLOUT : POLLIN, wait, err);
    if (ready < 0)
        return err_wrap(err, "%s", l->name);
    if ((ready & ~POLLOUT) != 0) {
        size_t before = c->reader->len;
        if (redisBufferRead(c) != REDIS_OK)
            return fail(l, err);
        l->reply_bytes += c->reader->len - before;
        if (l->reply_bytes > LINK_REPLY_MAX)
            return err_set(err, ERR_LIMIT, "%s: a reply of more than %u MiB", l->name, LINK_REPLY_MAX >> 20);
    }
    if ((ready & POLLOUT) != 0 && redisBufferWrite(c, &done) != REDIS_OK)
        return fail(l, err);
    return 0;
}

static int take_reply(struct link *l, const struct wait *wait, void **reply, struct err *err)
{
    redisContext *c = l->context;

    for (;;) {
        if (redisGetReplyFromReader(c, reply) != REDIS_OK)
            return fail(l, err);
        if (*reply != NULL)
            return 0;
        if (move_bytes(l, wait, err) < 0)
            return -1;
    }
}

int link_reply(struct link *l, const struct wait *wait, struct redisReply **reply, struct err *err)
{
    void *found = NULL;

    l->reply_bytes = 0;
    if (take_reply(l, wait, &found, err) < 0) {
        link_close(l);
        return -1;
    }
    *reply = found;
    return 0;
}

/* ---- opening ---- */

#if HIREDIS_MAJOR >= 1
static void limit_arrays(redisReader *reader)
{
    reader->maxelements = LINK_ELEMENTS_MAX;
}
#else
/* The reader's functions, with one exchanged. All readers share hiredis's table of them, so the copy is one for all, too. */
static redisReplyObjectFunctions limited;
static void *(*plain_array)(const redisReadTask *, int);
static pthread_once_t limited_once = PTHREAD_ONCE_INIT;

static void *create_array(const redisReadTask *task, int elements)
{
    return elements <= LINK_ELEMENTS_MAX ? plain_array(task, elements) : NULL;
}

static void fill_limited(void)
{
    redisReader *reader = redisReaderCreate();

    if (reader == NULL)
        abort();
    limited = *reader->fn;
    plain_array = limited.createArray;
    limited.createArray = create_array;
    redisReaderFree(reader);
}

static void limit_arrays(redisReader *reader)
{
    pthread_once(&limited_once, fill_limited);
    reader->fn = &limited;
}
#endif

static bool is_error(const struct redisReply *r)
{
    return r->type == REDIS_REPLY_ERROR;
}

/* The text of a refusal may repeat what we said, a password among it: for AUTH only the word is shown that we know it by. */
static int check_login(struct link *l, const char *what, bool is_secret, const struct wait *wait, bool *rejected, struct err *err)
{
    struct redisReply *reply;

    if (link_reply(l, wait, &reply, err) < 0)
        return -1;
    bool refused = is_error(reply);
    if (refused) {
        const struct refusal *r = refusal_of(reply->str, (size_t)reply->len);
        const char *text = is_secret ? r->prefix[0] != '\0' ? r->prefix : "refused" : reply->str;
        *rejected = refusal_say(r, l->name, what, text, is_secret ? strlen(text) : (size_t)reply->len, err) == SINK_REJECT;
    }
    link_free_reply(reply);
    return refused ? -1 : 0;
}

static int log_in(struct link *l, const struct login *login, const struct wait *wait, bool *rejected, struct err *err)
{
    char number[NUM_TEXT_MAX];

    if (login->password != NULL && login->user != NULL)
        link_put(l, "AUTH", login->user, login->password);
    else if (login->password != NULL)
        link_put(l, "AUTH", login->password);
    if (login->password != NULL && check_login(l, "AUTH", true, wait, rejected, err) < 0)
        return -1;
    if (login->database <= 0)
        return 0;
    num_from_i64(number, login->database);
    link_put(l, "SELECT", number);
    return check_login(l, "SELECT", false, wait, rejected, err);
}

int link_open(struct link *l, const struct login *login, const struct wait *wait, bool *rejected, struct err *err)
{
    *rejected = false;
    if (l->context != NULL)
        return 0;
    int fd = socket_connect(&l->to, wait, err);
    if (fd < 0)
        return err_wrap(err, "%s", l->name);
    l->context = redisConnectFd(fd);
    if (l->context == NULL || l->context->err != 0) {
        close(fd);
        link_close(l);
        return err_set(err, ERR_SYS, "%s: no connection", l->name);
    }
    l->context->flags &= ~REDIS_BLOCK; /* so that a read which would wait is no error */
    limit_arrays(l->context->reader);
    l->generation++;
    if (log_in(l, login, wait, rejected, err) == 0)
        return 0;
    link_close(l);
    return -1;
}
