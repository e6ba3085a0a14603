/* stream.c - see stream.h. */
#include "sinks/redis/stream.h"

#include "agent/base/num.h"
#include "agent/base/xalloc.h"
#include "sinks/redis/compare.h"
#include "sinks/redis/refusal.h"

#include <hiredis/hiredis.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ROWS 500             /* commands under way at a time, which bounds the buffers of both sides */
#define CHUNK_BYTES (128u * 1024)  /* and so many bytes, plus one row */
#define STEPS_MAX 12               /* redirections and comparisons in one delivery */

enum step { STEP_DONE, STEP_AGAIN, STEP_FAILED };

/* One delivery to one stream. */
struct task {
    struct stream *s;
    struct peers *p;
    const struct batch *b;
    const struct wait *wait;
    struct err *err;
    struct link *link;
    uint32_t rows, next;
    bool *stored;
    bool is_trimmed;
    uint64_t *sent;
    enum sink_result result; /* of STEP_FAILED */
};

/* ---- life ---- */

void stream_init(struct stream *s, enum table_id t, const char *prefix, const struct sink_label *labels)
{
    *s = (struct stream){ .key = xasprintf("%s%s", prefix, schema_tables[t].name) };
    entry_writer_init(&s->writer, t, s->key, labels);
}

void stream_fini(struct stream *s)
{
    free(s->key);
    entry_writer_fini(&s->writer);
}

/* ---- replies ---- */

static enum step failed(struct task *t, enum sink_result result)
{
    t->s->known = false;
    t->result = result;
    return STEP_FAILED;
}

/* What a refusal leads to; ends the reply. */
static enum step refused(struct task *t, struct redisReply *reply)
{
    const char *text = reply->str;
    size_t len = (size_t)reply->len;
    const struct refusal *r = refusal_of(text, len);
    enum step step = STEP_AGAIN;

    t->s->known = false;
    t->s->has_refused = true;
    enum sink_result result = refusal_say(r, t->link->name, t->s->key, text, len, t->err);
    if (r->move == MOVE_MOVED || r->move == MOVE_ASK) {
        if (refusal_target(text, len, &t->link->to, r->move == MOVE_ASK ? &t->s->ask : &t->s->moved_to) < 0)
            step = failed(t, SINK_RETRY);
    } else if (r->move != MOVE_COMPARE) {
        if (r->move == MOVE_ELSEWHERE) {
            peers_leave(t->p, t->link);
            t->s->moved_to.host[0] = '\0';
        }
        step = failed(t, result);
    }
    link_free_reply(reply);
    return step;
}

int stream_reply(const struct stream *s, struct link *l, const struct wait *wait, struct redisReply **reply, struct err *err)
{
    if (s->asking) {
        struct redisReply *asked;
        if (link_reply(l, wait, &asked, err) < 0)
            return -1;
        link_free_reply(asked); /* if it was refused, so is what follows */
    }
    return link_reply(l, wait, reply, err);
}

/* The replies of several commands: all are read, the first refusal is kept. */
static int read_reply(struct task *t, struct redisReply **refusal, bool *ok)
{
    struct redisReply *reply;

    if (stream_reply(t->s, t->link, t->wait, &reply, t->err) < 0)
        return -1;
    *ok = reply->type != REDIS_REPLY_ERROR;
    if (*ok || *refusal != NULL)
        link_free_reply(reply);
    else
        *refusal = reply;
    return 0;
}

/* ---- which server ---- */

static enum step find_link(struct task *t)
{
    struct stream *s = t->s;
    bool rejected;

    s->asking = s->ask.host[0] != '\0';
    if (s->asking)
        t->link = peers_at(t->p, &s->ask, t->wait, &rejected, t->err);
    else if (s->moved_to.host[0] != '\0')
        t->link = peers_at(t->p, &s->moved_to, t->wait, &rejected, t->err);
    else
        t->link = peers_home(t->p, t->wait, &rejected, t->err);
    s->ask.host[0] = '\0';
    if (t->link == NULL) {
        s->moved_to.host[0] = '\0'; /* that node is gone: another one may know better */
        return failed(t, rejected ? SINK_REJECT : SINK_RETRY);
    }
    if (s->link != t->link || s->generation != t->link->generation || s->asking)
        s->known = false;
    s->link = t->link;
    s->generation = t->link->generation;
    return STEP_DONE;
}

static void put_asking(const struct task *t)
{
    if (t->s->asking)
        link_put(t->link, "ASKING");
}

/* ---- trimming: once an interval, whole nodes only ("~"), which costs the server next to nothing ---- */

static unsigned put_trims(struct task *t)
{
    const struct stream *s = t->s;
    int64_t oldest_ms = batch_info(t->b)->time_ms - s->max_age_ms;
    char number[NUM_TEXT_MAX];
    unsigned count = 0;

    if (s->max_age_ms > 0 && oldest_ms > 0) {
        num_from_i64(number, oldest_ms);
        put_asking(t);
        link_put(t->link, "XTRIM", s->key, "MINID", "~", number);
        count++;
    }
    if (s->max_length > 0) {
        num_from_i64(number, s->max_length);
        put_asking(t);
        link_put(t->link, "XTRIM", s->key, "MAXLEN", "~", number);
        count++;
    }
    t->is_trimmed = true;
    return count;
}

static int read_trims(struct task *t, unsigned count, struct redisReply **refusal)
{
    bool ok;

    for (unsigned i = 0; i < count; i++)
        if (read_reply(t, refusal, &ok) < 0)
            return -1;
    return 0;
}

/* ---- what is there ---- */

static bool is_named(const struct redisReply *r, const char *name)
{
    return r->type == REDIS_REPLY_STRING && (size_t)r->len == strlen(name) && memcmp(r->str, name, (size_t)r->len) == 0;
}

static int read_id(const struct redisReply *r, struct stream_id *id)
{
    return r->type == REDIS_REPLY_STRING ? stream_id_parse(r->str, (size_t)r->len, id) : -1;
}

/* The answer to XINFO STREAM: names and values in turn. */
static int read_info(struct stream *s, const struct redisReply *r)
{
    int rc = -1;

    if (r->type != REDIS_REPLY_ARRAY)
        return -1;
    for (size_t i = 0; i + 1 < r->elements; i += 2) {
        const struct redisReply *name = r->element[i], *value = r->element[i + 1];
        if (is_named(name, "last-generated-id"))
            rc = read_id(value, &s->last);
        else if (is_named(name, "length") && value->type == REDIS_REPLY_INTEGER)
            s->length = (uint64_t)value->integer;
        else if (is_named(name, "entries-added") && value->type == REDIS_REPLY_INTEGER)
            s->added = (uint64_t)value->integer;
        else if (is_named(name, "first-entry") && value->type == REDIS_REPLY_ARRAY && value->elements == 2)
            read_id(value->element[0], &s->first);
    }
    return rc;
}

static bool is_no_such_key(const struct redisReply *r)
{
    static const char text[] = "ERR no such key";

    return r->type == REDIS_REPLY_ERROR && r->len == sizeof(text) - 1 && memcmp(r->str, text, sizeof(text) - 1) == 0;
}

/* Where the stream ends. The trims go with it, so that a right or a version that is missing shows before a row is written. */
static enum step learn(struct task *t)
{
    struct stream *s = t->s;
    struct redisReply *info, *refusal = NULL;

    s->last = s->first = (struct stream_id){ 0, 0 };
    s->length = s->added = 0;
    put_asking(t);
    link_put(t->link, "XINFO", "STREAM", s->key);
    unsigned trims = put_trims(t);
    if (stream_reply(s, t->link, t->wait, &info, t->err) < 0)
        return failed(t, SINK_RETRY);
    if (read_trims(t, trims, &refusal) < 0) {
        link_free_reply(info);
        link_free_reply(refusal);
        return failed(t, SINK_RETRY);
    }
    if (info->type == REDIS_REPLY_ERROR && !is_no_such_key(info)) {
        link_free_reply(refusal);
        return refused(t, info);
    }
    bool understood = info->type == REDIS_REPLY_ERROR || read_info(s, info) == 0;
    link_free_reply(info);
    if (refusal != NULL)
        return refused(t, refusal);
    if (!understood) {
        link_close(t->link);
        err_set(t->err, ERR_PROTO, "%s: %s: the answer to XINFO STREAM makes no sense", t->link->name, s->key);
        return failed(t, SINK_RETRY);
    }
    s->known = true;
    return STEP_DONE;
}

static bool may_hold_rows(const struct task *t)
{
    return t->s->last.ms >= (uint64_t)batch_info(t->b)->time_ms;
}

static enum step find_missing(struct task *t)
{
    struct redisReply *refusal;
    enum step step = STEP_DONE;

    memset(t->stored, 0, t->rows * sizeof(*t->stored));
    t->next = 0;
    if (!t->s->known || may_hold_rows(t))
        step = learn(t);
    if (step != STEP_DONE || !may_hold_rows(t))
        return step;
    if (compare_stream(t->s, t->link, t->b, t->stored, t->wait, &refusal, t->err) == 0)
        return STEP_DONE;
    return refusal != NULL ? refused(t, refusal) : failed(t, SINK_RETRY);
}

/* ---- sending ---- */

/* Puts the next rows that are missing into the link's buffer; how many, or -1: no id is left. */
static int put_rows(struct task *t, uint32_t *rows)
{
    int64_t time_ms = batch_info(t->b)->time_ms;
    int count = 0;

    for (; t->next < t->rows && count < CHUNK_ROWS && t->link->out.len < CHUNK_BYTES; t->next++) {
        if (t->stored[t->next])
            continue;
        if (!stream_id_for_row(time_ms, t->next + 1, t->s->last, &t->s->last))
            return err_set(t->err, ERR_CONFIG, "%s: %s: the last id there is has been used by somebody: set another prefix",
                           t->link->name, t->s->key);
        put_asking(t);
        entry_put(&t->s->writer, t->b, t->next, t->s->last, &t->link->out);
        rows[count++] = t->next;
    }
    return count;
}

/* Sends a chunk and reads all its replies before the next. */
static enum step send_chunk(struct task *t)
{
    uint32_t rows[CHUNK_ROWS];
    struct redisReply *refusal = NULL;
    unsigned trims = t->is_trimmed ? 0 : put_trims(t);
    int count = put_rows(t, rows);

    t->s->known = false; /* until every reply has been seen */
    if (count < 0) {
        link_close(t->link);
        return failed(t, SINK_REJECT);
    }
    int rc = read_trims(t, trims, &refusal);
    for (int i = 0; i < count && rc == 0; i++) {
        bool ok;
        rc = read_reply(t, &refusal, &ok);
        if (rc == 0 && ok) {
            t->stored[rows[i]] = true;
            ++*t->sent;
        }
    }
    if (rc < 0) {
        link_free_reply(refusal);
        return failed(t, SINK_RETRY);
    }
    if (refusal != NULL)
        return refused(t, refusal);
    t->s->known = true;
    return STEP_DONE;
}

static enum step deliver_once(struct task *t)
{
    enum step step = find_link(t);

    if (step == STEP_DONE)
        step = find_missing(t);
    while (step == STEP_DONE && t->next < t->rows)
        step = send_chunk(t);
    return step;
}

enum sink_result stream_deliver(struct stream *s, struct peers *p, const struct batch *b, const struct wait *wait, uint64_t *rows,
                                struct err *err)
{
    struct task t = { .s = s, .p = p, .b = b, .wait = wait, .err = err, .sent = rows, .rows = batch_rows(b, s->writer.table) };
    enum step step = STEP_AGAIN;

    if (t.rows == 0)
        return SINK_OK;
    t.stored = xcalloc(t.rows, sizeof(*t.stored));
    for (int i = 0; i < STEPS_MAX && step == STEP_AGAIN; i++)
        step = deliver_once(&t);
    free(t.stored);
    if (step == STEP_DONE) {
        s->has_refused = false;
        return SINK_OK;
    }
    return step == STEP_FAILED ? t.result : SINK_RETRY; /* err is the newest refusal */
}
