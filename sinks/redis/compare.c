/*
 * compare.c - see compare.h.
 *
 * No row of an interval ever gets an id below the interval's time, so only that end of the stream is read: after a broken delivery
 * the rows of that delivery, at most those of a clock that stepped back. Reading goes backwards and ends at an entry of ours that is
 * of an older interval: intervals are delivered in order. Entries of others are passed over.
 */
#include "sinks/redis/compare.h"

#include "agent/base/xalloc.h"

#include <hiredis/hiredis.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_FIRST 8
#define PAGE_MAX 512
#define PAGE_BYTES (1u << 20) /* what a page should come to; entries may be large */
#define WALK_MAX 100000u      /* entries passed in search of the first row; then only ids of the interval itself are looked at */

/* Rows by the hash of what they say. */
struct index {
    uint64_t *hashes;
    uint32_t *rows; /* row + 1; 0: free */
    uint32_t mask;
};

struct walk {
    struct stream *s;
    const struct batch *b;
    struct index index;
    bool *stored;
    uint64_t passed, found;
    uint32_t page;
    bool has_own;               /* a row under its own id was found; the lowest such: */
    struct stream_id lowest;
    bool ended;                 /* an older interval was reached, or the beginning */
    struct stream_id at;        /* the oldest entry seen */
};

static void index_init(struct index *x, struct stream *s, const struct batch *b, uint32_t rows)
{
    uint32_t slots = 16;

    while (slots < rows * 2)
        slots *= 2;
    x->mask = slots - 1;
    x->hashes = xcalloc(slots, sizeof(*x->hashes));
    x->rows = xcalloc(slots, sizeof(*x->rows));
    for (uint32_t row = 0; row < rows; row++) {
        uint64_t hash = entry_hash_row(&s->writer, b, row);
        uint32_t i = (uint32_t)hash & x->mask;
        while (x->rows[i] != 0)
            i = (i + 1) & x->mask;
        x->hashes[i] = hash;
        x->rows[i] = row + 1;
    }
}

static void index_fini(struct index *x)
{
    free(x->hashes);
    free(x->rows);
}

/* The first row that says this and was not seen yet; 0: none, else row + 1. */
static uint32_t index_find(const struct index *x, uint64_t hash, const bool *stored)
{
    for (uint32_t i = (uint32_t)hash & x->mask; x->rows[i] != 0; i = (i + 1) & x->mask)
        if (x->hashes[i] == hash && !stored[x->rows[i] - 1])
            return x->rows[i];
    return 0;
}

static void note_row(struct walk *w, uint32_t row, struct stream_id id)
{
    w->stored[row] = true;
    w->found++;
    if (id.ms == (uint64_t)batch_info(w->b)->time_ms && id.seq == (uint64_t)row + 1) {
        w->has_own = true;
        w->lowest = id;
    }
}

/* One entry, [id, [name, value, ...]]. -1: not of this form. */
static int look_at(struct walk *w, const struct redisReply *entry, size_t *bytes)
{
    int64_t time_ms, wanted = batch_info(w->b)->time_ms;
    uint64_t hash;

    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || entry->element[0]->type != REDIS_REPLY_STRING ||
        stream_id_parse(entry->element[0]->str, (size_t)entry->element[0]->len, &w->at) < 0)
        return -1;
    const struct redisReply *fields = entry->element[1];
    for (size_t i = 0; fields->type == REDIS_REPLY_ARRAY && i < fields->elements; i++)
        *bytes += fields->element[i]->type == REDIS_REPLY_STRING ? (size_t)fields->element[i]->len + 16 : 16;
    w->passed++;
    if (!entry_stored_time(fields, &time_ms))
        return 0;
    if (time_ms < wanted) {
        w->ended = true;
    } else if (time_ms == wanted && entry_hash_stored(&w->s->writer, fields, &hash)) {
        uint32_t row = index_find(&w->index, hash, w->stored);
        if (row > 0)
            note_row(w, row - 1, w->at);
    }
    return 0;
}

static int look_at_page(struct walk *w, const struct redisReply *r, struct err *err)
{
    size_t bytes = 1;

    if (r->type != REDIS_REPLY_ARRAY)
        return err_set(err, ERR_PROTO, "%s: %s: not a range of a stream", w->s->link->name, w->s->key);
    for (size_t i = 0; i < r->elements && !w->ended; i++)
        if (look_at(w, r->element[i], &bytes) < 0)
            return err_set(err, ERR_PROTO, "%s: %s: not an entry of a stream", w->s->link->name, w->s->key);
    w->ended = w->ended || r->elements < w->page;
    size_t average = bytes / (r->elements + 1) + 1, next = PAGE_BYTES / average + 1;
    w->page = w->page * 4 < PAGE_MAX ? w->page * 4 : PAGE_MAX;
    w->page = next < w->page ? (uint32_t)next : w->page;
    return 0;
}

static void ask_page(struct walk *w, struct link *l, const char *end)
{
    char start[STREAM_ID_TEXT_MAX], count[16];

    stream_id_print((struct stream_id){ (uint64_t)batch_info(w->b)->time_ms, 0 }, start);
    snprintf(count, sizeof(count), "%u", w->page);
    if (w->s->asking)
        link_put(l, "ASKING");
    link_put(l, "XREVRANGE", w->s->key, end, start, "COUNT", count);
}

/* From `end` back to the interval's time, at most `most` entries. */
static int walk_back(struct walk *w, struct link *l, const char *end, uint64_t most, const struct wait *wait,
                     struct redisReply **refused, struct err *err)
{
    char text[STREAM_ID_TEXT_MAX];

    w->passed = 0;
    w->page = PAGE_FIRST;
    for (w->ended = false; !w->ended && w->passed < most; end = text) {
        struct redisReply *reply;
        struct stream_id below;
        w->page = most - w->passed < w->page ? (uint32_t)(most - w->passed) : w->page;
        ask_page(w, l, end);
        if (stream_reply(w->s, l, wait, &reply, err) < 0)
            return -1;
        if (reply->type == REDIS_REPLY_ERROR) {
            *refused = reply;
            return -1;
        }
        int rc = look_at_page(w, reply, err);
        link_free_reply(reply);
        if (rc < 0) {
            link_close(l);
            return -1;
        }
        if (!stream_id_before(w->at, &below))
            break;
        stream_id_print(below, text);
    }
    return 0;
}

/*
 * Rows that were stored and have been trimmed since: those before the oldest entry, if that is a row of ours under its own id; in a
 * stream that was emptied, those up to the last id. Not if a row was refused: it may be the one that is missing there. Sending
 * a row that was trimmed once more is better than losing one.
 */
static void note_trimmed(const struct walk *w, uint32_t rows)
{
    const struct stream *s = w->s;
    uint64_t gone = 0;

    if (s->has_refused || s->added <= s->length)
        return;
    if (s->length == 0 && s->last.ms == (uint64_t)batch_info(w->b)->time_ms)
        gone = s->last.seq;
    else if (s->length > 0 && w->has_own && stream_id_compare(w->lowest, s->first) == 0)
        gone = w->lowest.seq - 1;
    for (uint32_t row = 0; row < rows && row < gone; row++)
        w->stored[row] = true;
}

int compare_stream(struct stream *s, struct link *l, const struct batch *b, bool *stored, const struct wait *wait,
                   struct redisReply **refused, struct err *err)
{
    uint32_t rows = batch_rows(b, s->writer.table);
    struct walk w = { .s = s, .b = b, .stored = stored };
    char end[STREAM_ID_TEXT_MAX];

    *refused = NULL;
    index_init(&w.index, s, b, rows);
    int rc = walk_back(&w, l, "+", WALK_MAX + (uint64_t)rows, wait, refused, err);
    if (rc == 0 && !w.ended) {
        stream_id_print((struct stream_id){ (uint64_t)batch_info(b)->time_ms, UINT64_MAX }, end);
        rc = walk_back(&w, l, end, WALK_MAX + (uint64_t)rows, wait, refused, err);
    }
    if (rc == 0)
        note_trimmed(&w, rows);
    index_fini(&w.index);
    return rc;
}
