/*
 * redis.c - the sink "redis": one Redis Stream per table, one entry per row, each row once. Options, results, what a person sees.
 *
 * What a stream holds and lacks is stream.c's; where the servers are, peers.c's; what a refusal means, refusal.c's. A batch is
 * delivered table by table. A table that Redis refuses for good (its key is something else) does not keep the others from being written;
 * anything that may pass ends the delivery, and the next one goes on where this one stopped.
 */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/num.h"
#include "sinks/redis/peers.h"
#include "sinks/redis/refusal.h"
#include "sinks/redis/stream.h"
#include "sinks/sink.h"

#include <hiredis/hiredis.h>

#include <stdio.h>
#include <string.h>

#define PREFIX_MAX 200
#define YEAR_MS (365 * 86400LL * 1000)
#define WAIT_SLACK_MS 100 /* by how much WAIT ends before our own patience does */

struct redis_sink {
    const char *url, *user, *password, *prefix, *sentinels, *sentinel_password;
    int64_t database, maxlen, maxage, replicas;

    const struct sink_env *env;
    struct address address;
    struct endpoints sentinel_list;
    struct peers peers;
    struct stream streams[TABLE_COUNT];
    bool is_open;
};

static const struct option_spec options[] = {
    OPT(OPT_TYPE_URL, struct redis_sink, url, "",
        "where: redis://[user:password@]host[:port][,host...][/database] or unix://[user:password@]/socket; of several hosts, the "
        "first that answers and is no replica; any node of a Cluster will do"),
    OPT(OPT_TYPE_STR, struct redis_sink, user, "", "ACL user, if not in url"),
    OPT(OPT_TYPE_SECRET, struct redis_sink, password, "", "password, if not in url"),
    OPT_RANGE(OPT_TYPE_INT, struct redis_sink, database, "0", 0, ADDRESS_DATABASE_MAX, "number of the database, if not in url"),
    OPT(OPT_TYPE_STR, struct redis_sink, prefix, "mqpush:",
        "put before the table's name to make the stream's key; with {braces} in it all streams share a slot of a Cluster; two agents "
        "must not write to the same keys"),
    OPT_RANGE(OPT_TYPE_INT, struct redis_sink, maxlen, "1000000", 0, INT64_MAX,
              "entries a stream is trimmed to before each interval, to within a node of 100; 0 is no limit"),
    OPT_RANGE(OPT_TYPE_DURATION, struct redis_sink, maxage, "0", 0, 100 * YEAR_MS,
              "how long a stream keeps an entry, to within a node; 0 is no limit; needs Redis 6.2"),
    OPT_RANGE(OPT_TYPE_INT, struct redis_sink, replicas, "0", 0, 100,
              "an interval counts as delivered once so many replicas have it (WAIT), so that a fail-over loses none"),
    OPT(OPT_TYPE_STR, struct redis_sink, sentinels, "",
        "host[:port], ... of Sentinels that know the master; the host in url is then the master's name"),
    OPT(OPT_TYPE_SECRET, struct redis_sink, sentinel_password, "", "password of the Sentinels"),
    { 0 },
};

/* ---- life ---- */

static int check_options(struct redis_sink *s, struct err *err)
{
    if (s->url == NULL || s->url[0] == '\0')
        return err_set(err, ERR_CONFIG, "url is missing");
    if (address_parse(s->url, &s->address, err) < 0)
        return err_wrap(err, "url");
    if (endpoints_parse(s->sentinels, ADDRESS_SENTINEL_PORT, &s->sentinel_list, err) < 0)
        return err_wrap(err, "sentinels");
    if (s->sentinel_list.count > 0 && s->address.servers.at[0].port == 0)
        return err_set(err, ERR_CONFIG, "sentinels: the url must be redis://NAME, the master's name, not a socket");
    if (strlen(s->prefix) > PREFIX_MAX)
        return err_set(err, ERR_CONFIG, "prefix: longer than %d bytes", PREFIX_MAX);
    if ((s->address.user != NULL && s->user[0] != '\0') || (s->address.password != NULL && s->password[0] != '\0'))
        return err_set(err, ERR_CONFIG, "user or password stands both in url and by itself");
    if (s->address.database > 0 && s->database > 0 && s->address.database != s->database)
        return err_set(err, ERR_CONFIG, "database: url says another one");
    return 0;
}

static struct login make_login(const struct redis_sink *s)
{
    const char *user = s->address.user != NULL ? s->address.user : s->user;
    const char *password = s->address.password != NULL ? s->address.password : s->password;

    return (struct login){
        .user = user[0] != '\0' ? user : NULL,
        .password = password[0] != '\0' ? password : NULL,
        .database = s->address.database > 0 ? s->address.database : s->database,
    };
}

static int redis_open(void *self, const struct sink_env *env, struct err *err)
{
    struct redis_sink *s = self;

    s->env = env;
    if (check_options(s, err) < 0)
        return -1;
    const struct login login = make_login(s);
    if (login.user != NULL && login.password == NULL)
        return err_set(err, ERR_CONFIG, "user %s has no password", login.user);
    peers_init(&s->peers, &s->address, &login, &s->sentinel_list, s->sentinel_password);
    for (int t = 0; t < TABLE_COUNT; t++) {
        stream_init(&s->streams[t], (enum table_id)t, s->prefix, env->labels);
        s->streams[t].max_length = s->maxlen;
        s->streams[t].max_age_ms = s->maxage;
    }
    s->is_open = true;
    return 0;
}

static void redis_close(void *self)
{
    struct redis_sink *s = self;

    if (s->is_open) {
        for (int t = 0; t < TABLE_COUNT; t++)
            stream_fini(&s->streams[t]);
        peers_fini(&s->peers);
    }
    s->is_open = false;
    address_fini(&s->address);
}

/* ---- delivery ---- */

static bool is_wanted(const struct redis_sink *s, int t)
{
    return !schema_tables[t].hidden && (s->env->tables == NULL || s->env->tables[t]);
}

/* Rows of this batch went there. In a Cluster we also know nodes that only told us the way. */
static bool has_rows(const struct redis_sink *s, const struct link *l, const struct batch *b)
{
    for (int t = 0; t < TABLE_COUNT; t++)
        if (is_wanted(s, t) && s->streams[t].link == l && batch_rows(b, (enum table_id)t) > 0)
            return true;
    return false;
}

/* The rows are in the masters; are they in enough replicas? */
static enum sink_result confirm(struct redis_sink *s, const struct batch *b, const struct wait *wait, struct err *err)
{
    char count[NUM_TEXT_MAX], patience[NUM_TEXT_MAX];
    int64_t left_ms = clock_ms_until(wait->deadline_ns);

    left_ms = wait->timeout_ms > 0 && wait->timeout_ms < left_ms ? wait->timeout_ms : left_ms;
    num_from_i64(count, s->replicas);
    num_from_i64(patience, left_ms > 2 * WAIT_SLACK_MS ? left_ms - WAIT_SLACK_MS : left_ms / 2 + 1);
    for (unsigned i = 0; i < s->peers.link_count; i++) {
        struct link *l = s->peers.links[i];
        struct redisReply *reply;
        if (!has_rows(s, l, b))
            continue;
        if (l->context == NULL) {
            err_set(err, ERR_CLOSED, "%s: gone before its replicas were asked", l->name);
            return SINK_RETRY;
        }
        link_put(l, "WAIT", count, patience);
        if (link_reply(l, wait, &reply, err) < 0)
            return SINK_RETRY;
        enum sink_result result = SINK_OK;
        if (reply->type == REDIS_REPLY_ERROR)
            result = refusal_say(refusal_of(reply->str, (size_t)reply->len), l->name, "WAIT", reply->str, (size_t)reply->len, err);
        else if (reply->type != REDIS_REPLY_INTEGER || reply->integer < s->replicas)
            result = SINK_RETRY, err_set(err, ERR_REMOTE, "%s: written, but fewer than %s replicas have it", l->name, count);
        link_free_reply(reply);
        if (result != SINK_OK)
            return result;
    }
    return SINK_OK;
}

static enum sink_result deliver_tables(struct redis_sink *s, const struct batch *b, const struct wait *wait,
                                       struct sink_delivery *d, struct err *err)
{
    enum sink_result worst = SINK_OK;
    uint64_t sent = 0;

    for (int t = 0; t < TABLE_COUNT; t++) {
        struct err reason = { 0 };
        if (!is_wanted(s, t))
            continue;
        enum sink_result result = stream_deliver(&s->streams[t], &s->peers, b, wait, &sent, &reason);
        if (result == SINK_OK)
            d->series += batch_rows(b, (enum table_id)t);
        else if (worst == SINK_OK || result == SINK_RETRY)
            *err = reason;
        if (result == SINK_RETRY)
            return SINK_RETRY;
        worst = result == SINK_REJECT ? SINK_REJECT : worst;
    }
    return worst;
}

static enum sink_result redis_deliver(void *self, const struct batch *b, struct sink_delivery *d, struct err *err)
{
    struct redis_sink *s = self;
    const struct wait wait = { .deadline_ns = d->deadline_ns, .timeout_ms = s->env->timeout_ms, .cancel_fd = d->cancel_fd };
    uint64_t before = peers_bytes(&s->peers);

    if (batch_info(b)->time_ms <= 0) {
        err_set(err, ERR_LIMIT, "an interval without a time");
        return SINK_REJECT;
    }
    enum sink_result result = deliver_tables(s, b, &wait, d, err);
    if (result == SINK_OK && s->replicas > 0 && d->series > 0)
        result = confirm(s, b, &wait, err);
    d->bytes = peers_bytes(&s->peers) - before;
    return result;
}

/* ---- for people ---- */

static void print_stream(struct redis_sink *s, enum table_id t, const struct batch *b, struct buf *out)
{
    struct stream *stream = &s->streams[t];
    int64_t time_ms = batch_info(b)->time_ms;
    struct stream_id id = { 0, 0 };

    if (s->maxage > 0 && time_ms > s->maxage)
        buf_printf(out, "XTRIM %s MINID ~ %lld\n", stream->key, (long long)(time_ms - s->maxage));
    if (s->maxlen > 0)
        buf_printf(out, "XTRIM %s MAXLEN ~ %lld\n", stream->key, (long long)s->maxlen);
    for (uint32_t row = 0; row < batch_rows(b, t); row++) {
        stream_id_for_row(time_ms, row + 1, id, &id);
        entry_print(&stream->writer, b, row, id, out);
        buf_row(out);
    }
}

/* The commands as they would go to streams that end before this interval. */
static int redis_render(void *self, const struct batch *b, struct buf *out, struct err *err)
{
    struct redis_sink *s = self;
    const struct login *login = &s->peers.login;

    if (login->password != NULL)
        buf_printf(out, "AUTH %s%s***\n", login->user != NULL ? login->user : "", login->user != NULL ? " " : "");
    if (login->database > 0)
        buf_printf(out, "SELECT %lld\n", (long long)login->database);
    for (int t = 0; t < TABLE_COUNT; t++)
        if (is_wanted(s, t) && batch_rows(b, (enum table_id)t) > 0)
            print_stream(s, (enum table_id)t, b, out);
    return buf_failed(out) ? err_set(err, ERR_LIMIT, "more text than %zu bytes", out->limit) : 0;
}

/* What stands behind `name:` in the text of INFO; "" if it is not there. */
static void find_info(const struct redisReply *r, const char *name, char *value, size_t size)
{
    const char *at = r->type == REDIS_REPLY_STRING ? strstr(r->str, name) : NULL;

    value[0] = '\0';
    if (at != NULL) {
        at += strlen(name);
        snprintf(value, size, "%.*s", (int)strcspn(at, "\r\n"), at);
    }
    for (char *c = value; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
            *c = '?';
}

/* INFO may be forbidden to our user: then the value is empty. */
static int ask_info(struct link *l, const char *section, const char *name, const struct wait *wait, char *value, size_t size,
                    struct err *err)
{
    struct redisReply *reply;

    link_put(l, "INFO", section);
    if (link_reply(l, wait, &reply, err) < 0)
        return -1;
    find_info(reply, name, value, size);
    link_free_reply(reply);
    return 0;
}

static int redis_probe(void *self, int64_t deadline_ns, char *detail, size_t size, struct err *err)
{
    struct redis_sink *s = self;
    const struct wait wait = { .deadline_ns = deadline_ns, .timeout_ms = s->env->timeout_ms, .cancel_fd = -1 };
    char version[40], role[20];
    struct redisReply *reply;
    bool rejected;

    struct link *l = peers_home(&s->peers, &wait, &rejected, err);
    if (l == NULL)
        return -1;
    link_put(l, "PING");
    if (link_reply(l, &wait, &reply, err) < 0)
        return -1;
    if (reply->type == REDIS_REPLY_ERROR) {
        refusal_say(refusal_of(reply->str, (size_t)reply->len), l->name, "PING", reply->str, (size_t)reply->len, err);
        link_free_reply(reply);
        return -1;
    }
    link_free_reply(reply);
    if (ask_info(l, "server", "redis_version:", &wait, version, sizeof(version), err) < 0 ||
        ask_info(l, "replication", "role:", &wait, role, sizeof(role), err) < 0)
        return -1;
    snprintf(detail, size, "Redis %s at %s, %s", version[0] != '\0' ? version : "of unknown version", l->name,
             role[0] != '\0' ? role : "role unknown");
    return 0;
}

const struct sink_ops redis_sink = {
    .name = "redis",
    .help = "Redis Streams, one per table, each row exactly once",
    .schemes = "redis rediss unix",
    .address_option = "url",
    .keeps_scheme = true,
    .mode = SINK_EVERY,
    .options = options,
    .size = sizeof(struct redis_sink),
    .open = redis_open,
    .deliver = redis_deliver,
    .render = redis_render,
    .probe = redis_probe,
    .library = link_library,
    .close = redis_close,
};
