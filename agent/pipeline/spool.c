/*
 * spool.c - see spool.h.
 *
 * Batches have numbers that go on over restarts. Where they stand:
 *
 *     disk_first           memory_first    stored_end      end
 *     |  on disk only      |  both         |  memory only  |
 *
 * In calm times only the newest is in memory, and it is on disk as well. A reader is `next`, the number it wants, and maybe one
 * in hand; what it has not finished begins at its position: the one in hand, else next.
 */
#include "agent/pipeline/spool.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/batch_io.h"

#include <assert.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORED_PER_SAVE 16  /* after an outage of the disk: no save takes long */
#define DELETED_PER_SAVE 256
#define FREE_PAGES_KEPT 2048
#define NO_HAND UINT64_MAX

struct reader {
    const char *name;            /* NULL: removed, next is UINT64_MAX and holds nothing back */
    uint64_t next, hand;
    bool is_closed, leaves_at_once;
    bool has_lost_hand;          /* the caps dropped what is in hand */
    enum spool_drop hand_reason;
    uint64_t dropped[SPOOL_DROPS];
};

struct spool {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct state *state;
    struct spool_limits limits;
    unsigned file; /* state_file() that the numbers below belong to; 0: none was loaded */
    bool closed;
    bool is_broken; /* a reader could not read: the next save looks after it */
    bool is_unsure; /* a save failed: what is on disk has to be counted again */
    uint64_t disk_first, memory_first, stored_end, end;
    struct batch *memory[SPOOL_SLOTS]; /* batch n stands in memory[n % SPOOL_SLOTS] */
    size_t memory_bytes;
    struct reader readers[SPOOL_READERS_MAX];
    int reader_count;
    int64_t began_ns;
    struct spool_info info;
};

struct spool *spool_new(struct state *state, struct spool_limits limits)
{
    struct spool *s = xcalloc(1, sizeof(*s));

    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->state = state;
    s->limits = limits;
    return s;
}

static struct batch **slot(struct spool *s, uint64_t number)
{
    return &s->memory[number % SPOOL_SLOTS];
}

static void forget_first(struct spool *s)
{
    struct batch **first = slot(s, s->memory_first++);

    s->memory_bytes -= batch_memory(*first);
    batch_unref(*first);
    *first = NULL;
    if (s->stored_end < s->memory_first)
        s->stored_end = s->memory_first;
}

void spool_free(struct spool *s)
{
    if (s == NULL)
        return;
    while (s->memory_first < s->end)
        forget_first(s);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static struct reader *find_reader(struct spool *s, const char *name)
{
    for (int i = 0; i < s->reader_count && name != NULL; i++)
        if (s->readers[i].name != NULL && strcmp(s->readers[i].name, name) == 0)
            return &s->readers[i];
    return NULL;
}

static struct reader *free_reader(struct spool *s)
{
    for (int i = 0; i < s->reader_count; i++)
        if (s->readers[i].name == NULL)
            return &s->readers[i];
    assert(s->reader_count < SPOOL_READERS_MAX);
    return &s->readers[s->reader_count++];
}

int spool_add_reader(struct spool *s, const char *name)
{
    pthread_mutex_lock(&s->lock);
    struct reader *r = find_reader(s, name);
    assert(r == NULL || (r->is_closed && r->hand == NO_HAND));
    if (r == NULL) {
        r = free_reader(s);
        *r = (struct reader){ .next = s->end, .hand = NO_HAND };
    }
    r->name = name;
    r->is_closed = r->leaves_at_once = false;
    int reader = (int)(r - s->readers);
    pthread_mutex_unlock(&s->lock);
    return reader;
}

static uint64_t position(const struct reader *r)
{
    return r->hand != NO_HAND && r->hand < r->next ? r->hand : r->next;
}

/* Everything below it is finished by all. */
static uint64_t slowest(const struct spool *s)
{
    uint64_t least = s->end;

    for (int i = 0; i < s->reader_count; i++)
        if (position(&s->readers[i]) < least)
            least = position(&s->readers[i]);
    return least;
}

static bool is_taken_by_all(const struct spool *s, uint64_t number)
{
    for (int i = 0; i < s->reader_count; i++)
        if (s->readers[i].next <= number)
            return false;
    return true;
}

/* The batches from..to-1 are gone, for whoever has not finished them. */
static void count_dropped(struct spool *s, uint64_t from, uint64_t to, uint64_t count, enum spool_drop reason)
{
    for (int i = 0; i < s->reader_count; i++) {
        struct reader *r = &s->readers[i];
        if (r->hand != NO_HAND && r->hand >= from && r->hand < to && !r->has_lost_hand) {
            r->has_lost_hand = true; /* it may still be delivered: counted when it is given up */
            r->hand_reason = reason;
        }
        if (r->next < to)
            r->dropped[reason] += r->next <= from ? count : to - r->next;
        if (r->next >= from && r->next < to)
            r->next = to;
    }
}

/* What is on disk, too, or finished by all, is not needed in memory; the newest stays for those who keep up. */
static void trim_memory(struct spool *s)
{
    while (s->memory_first < s->end) {
        uint64_t n = s->memory_first;
        bool is_stored = n < s->stored_end, is_newest = n + 1 == s->end;
        if (slowest(s) <= n && !(is_stored && (!is_newest || is_taken_by_all(s, n))))
            break;
        forget_first(s);
    }
}

/* Loading -------------------------------------------------------------------------------------------------------------- */

static int read_numbers(struct spool *s, const char *sql, const int64_t *bound, int bound_count, int64_t *out, int count,
                        struct err *err)
{
    struct sqlite3_stmt *stmt;

    if (state_prepare(s->state, sql, bound, bound_count, &stmt, err) < 0)
        return -1;
    int got = state_step(s->state, &stmt, err);
    for (int i = 0; i < count && got > 0; i++)
        out[i] = sqlite3_column_int64(stmt, i);
    sqlite3_finalize(stmt);
    return got;
}

/* Numbers that batches got before the file was there move behind what the file holds. */
static void shift(struct spool *s, uint64_t by)
{
    struct batch *moved[SPOOL_SLOTS] = { NULL };

    for (uint64_t n = s->memory_first; n < s->end; n++)
        moved[(n + by) % SPOOL_SLOTS] = *slot(s, n);
    memcpy(s->memory, moved, sizeof(moved));
    s->memory_first += by;
    s->stored_end += by;
    s->end += by;
    for (int i = 0; i < s->reader_count; i++) {
        struct reader *r = &s->readers[i];
        if (r->name == NULL)
            continue;
        r->next += by;
        r->hand = r->hand == NO_HAND ? NO_HAND : r->hand + by;
    }
}

/* A sink that is no longer configured holds nothing back; that something waited for it is worth a word. */
static void forget_reader(struct spool *s, const char *name, uint64_t next, uint64_t disk_end)
{
    uint64_t from = next > s->disk_first ? next : s->disk_first;

    if (s->info.batches == 0 || from >= disk_end || name == NULL)
        return;
    snprintf(s->info.forgotten, sizeof(s->info.forgotten), "%s", name);
    s->info.forgotten_batches = disk_end - from;
}

static int load_cursors(struct spool *s, uint64_t disk_end, struct err *err)
{
    struct sqlite3_stmt *stmt;
    int got;

    if (state_prepare(s->state, "SELECT sink, next FROM cursors", NULL, 0, &stmt, err) < 0)
        return -1;
    while ((got = state_step(s->state, &stmt, err)) > 0) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        uint64_t next = (uint64_t)sqlite3_column_int64(stmt, 1);
        struct reader *r = find_reader(s, name);
        if (r == NULL)
            forget_reader(s, name, next, disk_end);
        else if (next < r->next)
            r->next = next;
    }
    return got;
}

static int count_stored(struct spool *s, int64_t n[4], struct err *err)
{
    if (read_numbers(s, "SELECT coalesce(min(number), 0), coalesce(max(number) + 1, 0), count(*), "
                        "coalesce(sum(length(data)), 0) FROM batches", NULL, 0, n, 4, err) < 0)
        return -1;
    s->info.batches = (uint64_t)n[2];
    s->info.bytes = n[3];
    return 0;
}

/* The first sight of the file. */
static int load(struct spool *s, struct err *err)
{
    int64_t n[4], cursor = 0;

    if (count_stored(s, n, err) < 0 ||
        read_numbers(s, "SELECT coalesce(max(next), 0) FROM cursors", NULL, 0, &cursor, 1, err) < 0)
        return -1;
    uint64_t disk_end = (uint64_t)(n[1] > cursor ? n[1] : cursor);
    shift(s, disk_end);
    s->disk_first = n[2] > 0 ? (uint64_t)n[0] : disk_end;
    return load_cursors(s, disk_end, err);
}

/* Another file took the place of the one we knew: what it held is lost, what is in memory is not stored any more. */
static void start_anew(struct spool *s)
{
    uint64_t lost = s->info.batches > 0 && s->memory_first > s->disk_first ? s->memory_first - s->disk_first : 0;

    if (lost > 0)
        count_dropped(s, s->disk_first, s->memory_first, lost, SPOOL_DAMAGED);
    for (int i = 0; i < s->reader_count; i++)
        if (s->readers[i].next < s->memory_first)
            s->readers[i].next = s->memory_first;
    s->stored_end = s->disk_first = s->memory_first;
    s->info.batches = 0;
    s->info.bytes = 0;
}

/* In a transaction: the numbers fit the file that is open. */
static int follow_file(struct spool *s, struct err *err)
{
    unsigned file = state_file(s->state);
    int64_t n[4];

    if (s->file == 0 && load(s, err) < 0)
        return -1;
    if (s->file != 0 && s->file != file)
        start_anew(s);
    else if (s->is_unsure && count_stored(s, n, err) < 0)
        return -1;
    s->is_unsure = false;
    s->file = file;
    return 0;
}

int spool_load(struct spool *s, struct err *err)
{
    int result = spool_begin(s, NULL, err);

    return result < 0 ? result : spool_commit(s, 0, err);
}

/* Saving --------------------------------------------------------------------------------------------------------------- */

static void put_in_memory(struct spool *s, struct batch *batch)
{
    size_t size = batch_memory(batch);

    while (s->end - s->memory_first >= SPOOL_SLOTS || (s->end > s->memory_first && s->memory_bytes + size > SPOOL_MEMORY_MAX)) {
        if (s->memory_first >= s->stored_end)
            count_dropped(s, s->memory_first, s->memory_first + 1, 1, SPOOL_OVERFLOW);
        forget_first(s);
    }
    *slot(s, s->end++) = batch;
    s->memory_bytes += size;
}

/* The end of a save, with the lock held. */
static int leave(struct spool *s, bool is_saved)
{
    s->info.is_saved = is_saved;
    s->is_unsure = s->is_unsure || !is_saved;
    s->info.duration_ns = clock_now_ns() - s->began_ns;
    trim_memory(s);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return is_saved ? 0 : -1;
}

static int begin(struct spool *s, struct err *err)
{
    if (s->is_broken)
        state_fail(s->state);
    s->is_broken = false;
    if (state_begin(s->state, err) == 0 && follow_file(s, err) == 0)
        return 0;
    state_fail(s->state);
    return -1;
}

int spool_begin(struct spool *s, struct batch *batch, struct err *err)
{
    pthread_mutex_lock(&s->lock);
    s->began_ns = clock_now_ns();
    if (batch != NULL && s->reader_count > 0)
        put_in_memory(s, batch);
    else
        batch_unref(batch);
    /* A file that turns out to be damaged is set aside, and the one that takes its place can be used at once. */
    if (begin(s, err) == 0 || begin(s, err) == 0)
        return 0;
    return leave(s, false);
}

void spool_abort(struct spool *s)
{
    state_fail(s->state);
    leave(s, false);
}

/* Adds the batch's size to *bytes. A batch that is too large for the format is left out; nobody can be given it later. */
static int store(struct spool *s, uint64_t number, int64_t *bytes, struct err *err)
{
    struct batch *batch = *slot(s, number);
    int64_t numbers[] = { (int64_t)number, batch_info(batch)->time_ms };
    struct sqlite3_stmt *stmt;
    struct buf data;
    int result = 0;

    buf_init(&data, 0);
    if (batch_io_write(batch, &data, NULL) == 0) {
        result = state_prepare(s->state, "INSERT OR REPLACE INTO batches(number, time_ms, data) VALUES(?1, ?2, ?3)", numbers, 2,
                               &stmt, err);
        if (result == 0) {
            sqlite3_bind_blob64(stmt, 3, data.data, data.len, SQLITE_STATIC);
            result = state_step(s->state, &stmt, err);
            *bytes += (int64_t)data.len;
        }
    }
    buf_fini(&data);
    return result;
}

static int write_cursors(struct spool *s, struct err *err)
{
    if (state_exec(s->state, "DELETE FROM cursors", err) < 0)
        return -1;
    for (int i = 0; i < s->reader_count; i++) {
        int64_t next = (int64_t)position(&s->readers[i]);
        struct sqlite3_stmt *stmt;
        if (s->readers[i].name == NULL)
            continue;
        if (state_prepare(s->state, "INSERT OR REPLACE INTO cursors(next, sink) VALUES(?1, ?2)", &next, 1, &stmt, err) < 0)
            return -1;
        sqlite3_bind_text(stmt, 2, s->readers[i].name, -1, SQLITE_STATIC);
        if (state_step(s->state, &stmt, err) < 0)
            return -1;
    }
    return 0;
}

/* What a transaction changes, to be believed once it is committed. */
struct change {
    uint64_t stored_end, disk_first, batches;
    int64_t bytes;
    struct {
        uint64_t from, to, count;
    } dropped[SPOOL_DROPS];
};

/* Deletes from the oldest on, as far as `last` (included), a limited number. */
static int delete_to(struct spool *s, struct change *c, uint64_t last, struct err *err)
{
    int64_t to = (int64_t)last, n[2] = { 0 };
    struct sqlite3_stmt *stmt;

    if (read_numbers(s, "SELECT count(*), coalesce(sum(length(data)), 0) FROM batches WHERE number <= ?1", &to, 1, n, 2, err) < 0)
        return -1;
    if (n[0] == 0)
        return 0;
    if (state_prepare(s->state, "DELETE FROM batches WHERE number <= ?1", &to, 1, &stmt, err) < 0 ||
        state_step(s->state, &stmt, err) < 0)
        return -1;
    c->batches -= (uint64_t)n[0];
    c->bytes -= n[1];
    c->disk_first = last + 1;
    return 0;
}

static int delete_finished(struct spool *s, struct change *c, struct err *err)
{
    uint64_t keep = slowest(s), last = c->disk_first + DELETED_PER_SAVE;

    if (keep <= c->disk_first)
        return 0;
    return delete_to(s, c, keep - 1 < last ? keep - 1 : last, err);
}

/* The caps, oldest first; never the newest. */
static int delete_beyond_caps(struct spool *s, struct change *c, int64_t now_ms, struct err *err)
{
    for (int i = 0; i < DELETED_PER_SAVE && c->batches > 1; i++) {
        int64_t from = (int64_t)c->disk_first, n[2];
        int got = read_numbers(s, "SELECT number, time_ms FROM batches WHERE number >= ?1 ORDER BY number LIMIT 1", &from, 1, n, 2,
                               err);
        if (got <= 0)
            return got;
        bool is_old = n[1] < now_ms - s->limits.age_max_ms, is_full = c->bytes > s->limits.bytes_max;
        enum spool_drop reason = is_old ? SPOOL_OLD : SPOOL_FULL;
        if (!is_old && !is_full)
            return 0;
        if (delete_to(s, c, (uint64_t)n[0], err) < 0)
            return -1;
        if (c->dropped[reason].count++ == 0)
            c->dropped[reason].from = (uint64_t)n[0];
        c->dropped[reason].to = (uint64_t)n[0] + 1;
    }
    return 0;
}

/* Room that an outage took goes back to the file system, some of it each time. */
static int give_back_pages(struct spool *s, struct err *err)
{
    int64_t pages;

    if (read_numbers(s, "PRAGMA freelist_count", NULL, 0, &pages, 1, err) < 0)
        return -1;
    return pages > FREE_PAGES_KEPT ? state_exec(s->state, "PRAGMA incremental_vacuum(512)", err) : 0;
}

static int write_all(struct spool *s, struct change *c, bool with_batches, int64_t now_ms, struct err *err)
{
    for (int i = 0; with_batches && c->stored_end < s->end && i < STORED_PER_SAVE; i++) {
        int64_t before = c->bytes;
        if (c->stored_end >= slowest(s) && store(s, c->stored_end, &c->bytes, err) < 0)
            return -1;
        c->batches += c->bytes > before;
        c->stored_end++;
    }
    if (delete_finished(s, c, err) < 0 || (now_ms > 0 && delete_beyond_caps(s, c, now_ms, err) < 0))
        return -1;
    if (write_cursors(s, err) < 0 || give_back_pages(s, err) < 0)
        return -1;
    return state_commit(s->state, err);
}

static struct change no_change(const struct spool *s)
{
    return (struct change){ .stored_end = s->stored_end, .disk_first = s->disk_first, .batches = s->info.batches,
                            .bytes = s->info.bytes };
}

static void apply(struct spool *s, const struct change *c)
{
    s->stored_end = c->stored_end;
    s->disk_first = c->disk_first;
    s->info.batches = c->batches;
    s->info.bytes = c->bytes;
    for (int reason = 0; reason < SPOOL_DROPS; reason++)
        if (c->dropped[reason].count > 0)
            count_dropped(s, c->dropped[reason].from, c->dropped[reason].to, c->dropped[reason].count, (enum spool_drop)reason);
}

int spool_commit(struct spool *s, int64_t now_ms, struct err *err)
{
    struct change c = no_change(s);

    if (write_all(s, &c, true, now_ms, err) == 0) {
        apply(s, &c);
        s->info.saved_at_ms = clock_wall_ms();
        if (c.stored_end < s->end)
            err_set(err, ERR_LIMIT, "%d more intervals wait to be written", (int)(s->end - c.stored_end));
        return leave(s, c.stored_end == s->end);
    }
    bool is_full = state_is_full(s->state);
    state_fail(s->state);
    /* Without room for the new batch there may be room to note what is finished, which gives room. */
    c = no_change(s);
    if (is_full && state_begin(s->state, NULL) == 0) {
        if (write_all(s, &c, false, now_ms, NULL) == 0)
            apply(s, &c);
        else
            state_fail(s->state);
    }
    return leave(s, false);
}

void spool_close(struct spool *s)
{
    pthread_mutex_lock(&s->lock);
    s->closed = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void spool_close_reader(struct spool *s, int reader, bool at_once)
{
    pthread_mutex_lock(&s->lock);
    s->readers[reader].is_closed = true;
    s->readers[reader].leaves_at_once = at_once;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* Reading -------------------------------------------------------------------------------------------------------------- */

/* With the lock held: the oldest batch on disk from `next` on and below memory. 1: found, its bytes in data. */
static int read_stored(struct spool *s, uint64_t next, uint64_t *number, struct buf *data)
{
    int64_t bounds[] = { (int64_t)next, (int64_t)s->memory_first };
    struct sqlite3_stmt *stmt;

    if (s->file == 0)
        return 0;
    if (s->is_broken || s->file != state_file(s->state))
        return -1;
    if (state_prepare(s->state, "SELECT number, data FROM batches WHERE number >= ?1 AND number < ?2 ORDER BY number LIMIT 1",
                      bounds, 2, &stmt, NULL) < 0)
        return -1;
    int got = state_step(s->state, &stmt, NULL);
    if (got > 0) {
        *number = (uint64_t)sqlite3_column_int64(stmt, 0);
        const void *bytes = sqlite3_column_blob(stmt, 1);
        buf_put(data, bytes, (size_t)sqlite3_column_bytes(stmt, 1));
    }
    sqlite3_finalize(stmt);
    return got;
}

/* With the lock held. 1: the number is set, and the batch or its bytes. 0: closed and nothing left. While the disk cannot be
 * read, a reader that needs it waits: order matters more. */
static int find_next(struct spool *s, const struct reader *r, uint64_t *number, struct batch **batch, struct buf *data)
{
    for (;;) {
        if (r->leaves_at_once)
            return 0;
        int got = r->next < s->memory_first ? read_stored(s, r->next, number, data) : 0;
        if (got > 0)
            return 1;
        s->is_broken = s->is_broken || got < 0;
        *number = r->next < s->memory_first ? s->memory_first : r->next; /* what lies between was dropped */
        if (got == 0 && *number < s->end) {
            *batch = batch_ref(*slot(s, *number));
            return 1;
        }
        if (s->closed || r->is_closed)
            return 0;
        pthread_cond_wait(&s->changed, &s->lock);
    }
}

struct batch *spool_take(struct spool *s, int reader)
{
    struct reader *r = &s->readers[reader];
    struct batch *batch = NULL;
    uint64_t number;
    struct buf data;

    buf_init(&data, BATCH_IO_STORED_MAX);
    pthread_mutex_lock(&s->lock);
    while (batch == NULL && find_next(s, r, &number, &batch, &data) > 0) {
        r->next = number + 1;
        r->hand = number;
        trim_memory(s);
        if (batch != NULL)
            break;
        pthread_mutex_unlock(&s->lock); /* unpacking takes a while */
        batch = batch_io_read(data.data, data.len, NULL);
        buf_reset(&data);
        pthread_mutex_lock(&s->lock);
        if (batch == NULL) {
            r->dropped[SPOOL_DAMAGED]++;
            r->hand = NO_HAND;
            r->has_lost_hand = false;
        }
    }
    pthread_mutex_unlock(&s->lock);
    buf_fini(&data);
    return batch;
}

static void let_go(struct spool *s, struct reader *r)
{
    r->hand = NO_HAND;
    r->has_lost_hand = false;
    trim_memory(s);
}

void spool_finish(struct spool *s, int reader)
{
    pthread_mutex_lock(&s->lock);
    let_go(s, &s->readers[reader]);
    pthread_mutex_unlock(&s->lock);
}

/* With the lock held: true, and what is in hand is finished, if the caps dropped it. */
static bool gives_up_lost(struct spool *s, struct reader *r)
{
    if (!r->has_lost_hand)
        return false;
    r->dropped[r->hand_reason]++;
    let_go(s, r);
    return true;
}

bool spool_still_wants(struct spool *s, int reader)
{
    pthread_mutex_lock(&s->lock);
    bool lost = gives_up_lost(s, &s->readers[reader]);
    pthread_mutex_unlock(&s->lock);
    return !lost;
}

void spool_put_back(struct spool *s, int reader)
{
    struct reader *r = &s->readers[reader];

    pthread_mutex_lock(&s->lock);
    if (!gives_up_lost(s, r)) {
        r->next = position(r);
        r->hand = NO_HAND;
    }
    pthread_mutex_unlock(&s->lock);
}

/* Looking -------------------------------------------------------------------------------------------------------------- */

/* With the lock held: the tick of the oldest batch from this number on; 0: none. */
static int64_t time_of(struct spool *s, uint64_t number)
{
    int64_t from = (int64_t)number, time_ms = 0;

    if (number < s->memory_first && s->file != 0 && !s->is_broken &&
        read_numbers(s, "SELECT time_ms FROM batches WHERE number >= ?1 ORDER BY number LIMIT 1", &from, 1, &time_ms, 1, NULL) > 0)
        return time_ms;
    if (number < s->memory_first)
        number = s->memory_first;
    return number < s->end ? batch_info(*slot(s, number))->time_ms : 0;
}

bool spool_remove_ended(struct spool *s)
{
    struct reader *r = NULL;

    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < s->reader_count && r == NULL; i++)
        if (s->readers[i].name != NULL && s->readers[i].is_closed)
            r = &s->readers[i];
    if (r != NULL) {
        uint64_t from = position(r) > s->disk_first ? position(r) : s->disk_first;
        snprintf(s->info.forgotten, sizeof(s->info.forgotten), "%s", r->name);
        s->info.forgotten_batches = s->end > from ? s->end - from : 0;
        *r = (struct reader){ .next = UINT64_MAX, .hand = NO_HAND };
        trim_memory(s);
    }
    pthread_mutex_unlock(&s->lock);
    return r != NULL;
}

void spool_read_counts(struct spool *s, int reader, struct spool_counts *out)
{
    const struct reader *r = &s->readers[reader];

    pthread_mutex_lock(&s->lock);
    uint64_t from = position(r) > s->disk_first ? position(r) : s->disk_first;
    *out = (struct spool_counts){ .waiting = s->end > from ? s->end - from : 0 };
    if (out->waiting > 0)
        out->oldest_ms = time_of(s, from);
    memcpy(out->dropped, r->dropped, sizeof(out->dropped));
    pthread_mutex_unlock(&s->lock);
}

void spool_add_dropped(struct spool *s, int reader, uint64_t totals[SPOOL_DROPS])
{
    for (int reason = 0; reason < SPOOL_DROPS; reason++) /* main holds the lock */
        totals[reason] += s->readers[reader].dropped[reason];
}

void spool_read_info(struct spool *s, struct spool_info *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->info;
    out->in_memory = s->end - s->stored_end;
    out->oldest_ms = slowest(s) < s->end ? time_of(s, slowest(s)) : 0;
    pthread_mutex_unlock(&s->lock);
}
