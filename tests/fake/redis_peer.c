/* redis_peer.c - see redis_peer.h. */
#include "tests/fake/redis_peer.h"

#include "agent/base/buf.h"
#include "agent/base/xalloc.h"
#include "sinks/redis/stream_id.h"

#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORDS_MAX 1000
#define STREAMS_MAX 16

struct entry {
    struct stream_id id;
    struct buf fields; /* RESP array */
    char *text;
};

struct key {
    char *name;
    struct entry *entries;
    unsigned count, room;
    struct stream_id last;
};

enum mood { MOOD_FINE, MOOD_HANG, MOOD_SAY, MOOD_SAY_FOREVER };

struct redis_peer {
    pthread_mutex_t lock;
    pthread_t thread;
    int listener, stop_fd;
    char url[40];
    enum mood mood; /* of the next connection */
    size_t cut_read, cut_write, drip;
    char *say, *again;
    char command[20], refusal[200];
    unsigned nth, times, calls;
    unsigned connections;
    struct key keys[STREAMS_MAX];
    unsigned key_count;
    struct buf log;
};

/* One connection. */
struct talk {
    struct redis_peer *p;
    int fd;
    struct buf in, out;
    size_t used; /* of in */
    size_t cut_read, cut_write, read, written;
};

struct word {
    const char *data;
    size_t len;
};

/* ---- streams ---- */

static struct key *find_key(struct redis_peer *p, const char *name, size_t len, bool make)
{
    for (unsigned i = 0; i < p->key_count; i++)
        if (strlen(p->keys[i].name) == len && memcmp(p->keys[i].name, name, len) == 0)
            return &p->keys[i];
    if (!make)
        return NULL;
    assert(p->key_count < STREAMS_MAX);
    p->keys[p->key_count].name = xstrndup(name, len);
    return &p->keys[p->key_count++];
}

static void put_bulk(struct buf *out, const char *data, size_t len)
{
    buf_putc(out, '$');
    buf_put_u64(out, len);
    buf_puts(out, "\r\n");
    buf_put(out, data, len);
    buf_puts(out, "\r\n");
}

static void put_id(struct buf *out, struct stream_id id)
{
    char text[STREAM_ID_TEXT_MAX];

    put_bulk(out, text, stream_id_print(id, text));
}

static struct entry *new_entry(struct key *k, struct stream_id id)
{
    if (k->count == k->room) {
        k->room = k->room * 2 + 64;
        k->entries = xrealloc(k->entries, k->room, sizeof(*k->entries));
    }
    k->entries[k->count] = (struct entry){ .id = k->last = id };
    return &k->entries[k->count++];
}

static bool add_entry(struct key *k, const struct word *words, unsigned count)
{
    struct stream_id id;
    struct buf text;

    if (stream_id_parse(words[0].data, words[0].len, &id) < 0 || stream_id_compare(id, k->last) <= 0)
        return false;
    struct entry *e = new_entry(k, id);
    buf_init(&e->fields, 0);
    buf_init(&text, 0);
    buf_printf(&e->fields, "*%u\r\n", count - 1);
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            put_bulk(&e->fields, words[i].data, words[i].len);
        if (i > 0)
            buf_putc(&text, ' ');
        buf_put(&text, words[i].data, words[i].len);
    }
    buf_putc(&text, '\0');
    e->text = text.data;
    return true;
}

static void put_entry(struct buf *out, const struct entry *e)
{
    buf_puts(out, "*2\r\n");
    put_id(out, e->id);
    if (e->fields.len > 0)
        buf_put(out, e->fields.data, e->fields.len);
    else
        buf_puts(out, "*0\r\n");
}

/* How many entries have an id up to this one. */
static unsigned count_up_to(const struct key *k, struct stream_id end)
{
    unsigned low = 0, high = k->count;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (stream_id_compare(k->entries[middle].id, end) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void answer_info(const struct key *k, struct buf *out)
{
    if (k == NULL) {
        buf_puts(out, "-ERR no such key\r\n");
        return;
    }
    buf_printf(out, "*6\r\n$6\r\nlength\r\n:%u\r\n$17\r\nlast-generated-id\r\n", k->count);
    put_id(out, k->last);
    buf_puts(out, "$11\r\nfirst-entry\r\n");
    if (k->count > 0)
        put_entry(out, &k->entries[0]);
    else
        buf_puts(out, "*-1\r\n");
}

/* XREVRANGE key end start COUNT n */
static void answer_range(const struct key *k, const struct word *w, struct buf *out)
{
    struct stream_id end = { UINT64_MAX, UINT64_MAX }, start = { 0, 0 };
    unsigned most = (unsigned)strtoul(w[5].data, NULL, 10), found = 0;
    struct buf page;

    if (w[2].data[0] != '+')
        stream_id_parse(w[2].data, w[2].len, &end);
    stream_id_parse(w[3].data, w[3].len, &start);
    buf_init(&page, 0);
    for (unsigned i = k != NULL ? count_up_to(k, end) : 0; i > 0 && found < most; i--) {
        const struct entry *e = &k->entries[i - 1];
        if (stream_id_compare(e->id, start) < 0)
            break;
        put_entry(&page, e);
        found++;
    }
    buf_printf(out, "*%u\r\n", found);
    if (page.len > 0)
        buf_put(out, page.data, page.len);
    buf_fini(&page);
}

/* ---- commands ---- */

static bool is(const struct word *w, const char *text)
{
    return w->len == strlen(text) && strncasecmp(w->data, text, w->len) == 0;
}

static bool is_to_fail(struct redis_peer *p, const struct word *w)
{
    return p->command[0] != '\0' && is(&w[0], p->command) && ++p->calls >= p->nth && p->calls < p->nth + p->times;
}

static void answer(struct redis_peer *p, const struct word *w, unsigned count, struct buf *out)
{
    if (is_to_fail(p, w)) {
        buf_printf(out, "-%s\r\n", p->refusal);
    } else if (is(&w[0], "XADD")) {
        if (add_entry(find_key(p, w[1].data, w[1].len, true), w + 2, count - 2))
            put_bulk(out, w[2].data, w[2].len);
        else
            buf_puts(out, "-ERR The ID specified in XADD is equal or smaller than the target stream top item\r\n");
    } else if (is(&w[0], "XINFO")) {
        answer_info(find_key(p, w[2].data, w[2].len, false), out);
    } else if (is(&w[0], "XREVRANGE")) {
        answer_range(find_key(p, w[1].data, w[1].len, false), w, out);
    } else if (is(&w[0], "XTRIM")) {
        buf_puts(out, ":0\r\n");
    } else if (is(&w[0], "INFO")) {
        const char *text = "redis_version:7.0.15\r\nrole:master\r\n";
        put_bulk(out, text, strlen(text));
    } else {
        buf_puts(out, "+OK\r\n");
    }
}

static void note(struct redis_peer *p, const struct word *w, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            buf_putc(&p->log, ' ');
        buf_put(&p->log, w[i].data, w[i].len);
    }
    buf_putc(&p->log, '\n');
}

/* A line "*12\r\n" or "$12\r\n" at *at; false: not all there yet. */
static bool take_number(const struct talk *t, size_t *at, size_t *number)
{
    const char *line = t->in.data + *at, *end = memchr(line, '\n', t->in.len - *at);

    if (end == NULL)
        return false;
    *number = strtoul(line + 1, NULL, 10);
    *at = (size_t)(end + 1 - t->in.data);
    return true;
}

/* The next whole command; 0: there is none yet. */
static unsigned take_command(struct talk *t, struct word *words)
{
    size_t at = t->used, count, len;

    if (t->in.len == at || !take_number(t, &at, &count))
        return 0;
    assert(count > 0 && count <= WORDS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (t->in.len <= at || !take_number(t, &at, &len) || t->in.len - at < len + 2)
            return 0;
        words[i] = (struct word){ t->in.data + at, len };
        at += len + 2;
    }
    t->used = at;
    return (unsigned)count;
}

/* ---- the connection ---- */

/* False: this is where it is cut. */
static bool write_out(struct talk *t)
{
    size_t drip = t->p->drip > 0 ? t->p->drip : t->out.len;

    for (size_t at = 0; at < t->out.len;) {
        size_t n = t->out.len - at < drip ? t->out.len - at : drip;
        bool cut = t->cut_write > 0 && t->written + n >= t->cut_write;
        if (cut)
            n = t->cut_write - t->written;
        if (send(t->fd, t->out.data + at, n, MSG_NOSIGNAL) != (ssize_t)n || cut)
            return false;
        t->written += n;
        at += n;
    }
    buf_reset(&t->out);
    return true;
}

static bool read_in(struct talk *t)
{
    struct pollfd fds[2] = { { .fd = t->fd, .events = POLLIN }, { .fd = t->p->stop_fd, .events = POLLIN } };
    size_t want = 4096;

    if (t->cut_read > 0 && t->cut_read - t->read < want)
        want = t->cut_read - t->read;
    if (want == 0 || poll(fds, 2, -1) < 0 || fds[1].revents != 0)
        return false;
    char *to = buf_grow(&t->in, want);
    ssize_t n = recv(t->fd, to, want, 0);
    if (n <= 0)
        return false;
    t->in.len += (size_t)n;
    t->read += (size_t)n;
    return true;
}

static void converse(struct talk *t)
{
    static __thread struct word words[WORDS_MAX];
    unsigned count;

    while (read_in(t)) {
        pthread_mutex_lock(&t->p->lock);
        while ((count = take_command(t, words)) > 0) {
            note(t->p, words, count);
            answer(t->p, words, count, &t->out);
        }
        pthread_mutex_unlock(&t->p->lock);
        if (!write_out(t))
            return;
    }
}

static void misbehave(struct talk *t, enum mood mood, const char *say, const char *again)
{
    if (!read_in(t))
        return;
    if (mood == MOOD_HANG)
        while (read_in(t))
            ;
    else
        send(t->fd, say, strlen(say), MSG_NOSIGNAL);
    while (mood == MOOD_SAY_FOREVER && send(t->fd, again, strlen(again), MSG_NOSIGNAL) > 0)
        ;
}

static void serve(struct redis_peer *p, int fd)
{
    struct talk t = { .p = p, .fd = fd };
    const struct linger reset = { 1, 0 };

    pthread_mutex_lock(&p->lock);
    enum mood mood = p->mood;
    t.cut_read = p->cut_read;
    t.cut_write = p->cut_write;
    p->mood = MOOD_FINE;
    p->cut_read = p->cut_write = 0;
    p->connections++;
    pthread_mutex_unlock(&p->lock);
    buf_init(&t.in, 0);
    buf_init(&t.out, 0);
    if (mood == MOOD_FINE)
        converse(&t);
    else
        misbehave(&t, mood, p->say, p->again);
    if (t.cut_read > 0) /* bytes that were not read: a reset, as when a host dies */
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
    buf_fini(&t.in);
    buf_fini(&t.out);
}

static void *run(void *arg)
{
    struct redis_peer *p = arg;
    struct pollfd fds[2] = { { .fd = p->listener, .events = POLLIN }, { .fd = p->stop_fd, .events = POLLIN } };

    while (poll(fds, 2, -1) >= 0 && fds[1].revents == 0) {
        int fd = accept(p->listener, NULL, NULL);
        if (fd >= 0)
            serve(p, fd);
    }
    return NULL;
}

/* ---- life ---- */

struct redis_peer *redis_peer_start(void)
{
    struct redis_peer *p = xcalloc(1, sizeof(*p));
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(at);

    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    p->stop_fd = eventfd(0, EFD_CLOEXEC);
    int rc = bind(p->listener, (struct sockaddr *)&at, sizeof(at));
    assert(rc == 0);
    listen(p->listener, 16);
    getsockname(p->listener, (struct sockaddr *)&at, &size);
    snprintf(p->url, sizeof(p->url), "redis://127.0.0.1:%d", ntohs(at.sin_port));
    buf_init(&p->log, 0);
    pthread_mutex_init(&p->lock, NULL);
    pthread_create(&p->thread, NULL, run, p);
    return p;
}

static void stop_thread(struct redis_peer *p)
{
    if (p->listener < 0)
        return;
    ssize_t n = write(p->stop_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
    (void)n;
    pthread_join(p->thread, NULL);
    close(p->listener);
    p->listener = -1;
}

void redis_peer_stop(struct redis_peer *p)
{
    stop_thread(p);
    close(p->stop_fd);
    for (unsigned i = 0; i < p->key_count; i++) {
        for (unsigned e = 0; e < p->keys[i].count; e++) {
            buf_fini(&p->keys[i].entries[e].fields);
            free(p->keys[i].entries[e].text);
        }
        free(p->keys[i].entries);
        free(p->keys[i].name);
    }
    buf_fini(&p->log);
    pthread_mutex_destroy(&p->lock);
    free(p->say);
    free(p->again);
    free(p);
}

const char *redis_peer_url(const struct redis_peer *p)
{
    return p->url;
}

void redis_peer_refuse(struct redis_peer *p)
{
    stop_thread(p);
}

static void set_mood(struct redis_peer *p, enum mood mood, const char *say, const char *again)
{
    pthread_mutex_lock(&p->lock);
    p->mood = mood;
    free(p->say);
    free(p->again);
    p->say = say != NULL ? xstrdup(say) : NULL;
    p->again = again != NULL ? xstrdup(again) : NULL;
    pthread_mutex_unlock(&p->lock);
}

void redis_peer_hang(struct redis_peer *p)
{
    set_mood(p, MOOD_HANG, NULL, NULL);
}

void redis_peer_say(struct redis_peer *p, const char *bytes)
{
    set_mood(p, MOOD_SAY, bytes, NULL);
}

void redis_peer_say_forever(struct redis_peer *p, const char *head, const char *again)
{
    set_mood(p, MOOD_SAY_FOREVER, head, again);
}

static void set_size(struct redis_peer *p, size_t *field, size_t value)
{
    pthread_mutex_lock(&p->lock);
    *field = value;
    pthread_mutex_unlock(&p->lock);
}

void redis_peer_cut_after_read(struct redis_peer *p, size_t bytes)
{
    set_size(p, &p->cut_read, bytes);
}

void redis_peer_cut_after_write(struct redis_peer *p, size_t bytes)
{
    set_size(p, &p->cut_write, bytes);
}

void redis_peer_drip(struct redis_peer *p, size_t bytes)
{
    set_size(p, &p->drip, bytes);
}

void redis_peer_fail(struct redis_peer *p, const char *command, unsigned nth, unsigned times, const char *text)
{
    pthread_mutex_lock(&p->lock);
    snprintf(p->command, sizeof(p->command), "%s", command);
    snprintf(p->refusal, sizeof(p->refusal), "%s", text);
    p->nth = nth;
    p->times = times;
    p->calls = 0;
    pthread_mutex_unlock(&p->lock);
}

unsigned redis_peer_connections(struct redis_peer *p)
{
    pthread_mutex_lock(&p->lock);
    unsigned n = p->connections;
    pthread_mutex_unlock(&p->lock);
    return n;
}

unsigned redis_peer_entries(struct redis_peer *p, const char *key)
{
    pthread_mutex_lock(&p->lock);
    const struct key *k = find_key(p, key, strlen(key), false);
    unsigned n = k != NULL ? k->count : 0;
    pthread_mutex_unlock(&p->lock);
    return n;
}

const char *redis_peer_entry(struct redis_peer *p, const char *key, unsigned i)
{
    pthread_mutex_lock(&p->lock);
    const struct key *k = find_key(p, key, strlen(key), false);
    const char *text = k != NULL && i < k->count ? k->entries[i].text : NULL;
    pthread_mutex_unlock(&p->lock);
    return text;
}

void redis_peer_add(struct redis_peer *p, const char *key, const char *id, const char *name, const char *value)
{
    const struct word words[3] = { { id, strlen(id) }, { name, strlen(name) }, { value, strlen(value) } };

    pthread_mutex_lock(&p->lock);
    bool added = add_entry(find_key(p, key, strlen(key), true), words, 3);
    pthread_mutex_unlock(&p->lock);
    assert(added);
}

void redis_peer_add_many(struct redis_peer *p, const char *key, int64_t ms, unsigned count)
{
    pthread_mutex_lock(&p->lock);
    struct key *k = find_key(p, key, strlen(key), true);
    assert(k->last.ms < (uint64_t)ms);
    for (unsigned i = 0; i < count; i++)
        new_entry(k, (struct stream_id){ (uint64_t)ms, i });
    pthread_mutex_unlock(&p->lock);
}

const char *redis_peer_log(struct redis_peer *p)
{
    pthread_mutex_lock(&p->lock);
    buf_putc(&p->log, '\0');
    p->log.len--;
    pthread_mutex_unlock(&p->lock);
    return p->log.data;
}
