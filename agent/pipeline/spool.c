/*
 * spool.c - see spool.h and spool_parts.h: batches in memory and on disk, and the transaction of each interval. Main's thread.
 *
 * What the readers have is in spool_reader.c, the statements are in spool_disk.c.
 */
#include "agent/pipeline/spool_parts.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/pipeline/spool_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORED_PER_SAVE 16  /* after an outage of the disk: no save takes long */
#define DELETED_PER_SAVE 256

struct spool *spool_new(struct state *state, struct spool_limits limits)
{
    struct spool *s = xcalloc(1, sizeof(*s));

    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->state = state;
    s->limits = limits;
    return s;
}

struct batch **spool_slot(struct spool *s, uint64_t number)
{
    return &s->memory[number % SPOOL_SLOTS];
}

static void forget_first(struct spool *s)
{
    struct batch **first = spool_slot(s, s->memory_first++);

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

void spool_trim_memory(struct spool *s)
{
    while (s->memory_first < s->end) {
        uint64_t n = s->memory_first;
        bool is_stored = n < s->stored_end, is_newest = n + 1 == s->end;
        if (spool_slowest(s) <= n && !(is_stored && (!is_newest || spool_is_taken_by_all(s, n))))
            break;
        forget_first(s);
    }
}

int64_t spool_time_of(struct spool *s, uint64_t number)
{
    uint64_t oldest;
    int64_t time_ms;

    if (number < s->memory_first && s->file != 0 && !s->is_broken &&
        spool_disk_oldest(s->state, number, &oldest, &time_ms, NULL) > 0)
        return time_ms;
    if (number < s->memory_first)
        number = s->memory_first;
    return number < s->end ? batch_info(*spool_slot(s, number))->time_ms : 0;
}

/* Loading -------------------------------------------------------------------------------------------------------------- */

/* Numbers that batches got before the file was there move behind what the file holds. */
static void shift(struct spool *s, uint64_t by)
{
    struct batch *moved[SPOOL_SLOTS] = { NULL };

    for (uint64_t n = s->memory_first; n < s->end; n++)
        moved[(n + by) % SPOOL_SLOTS] = *spool_slot(s, n);
    memcpy(s->memory, moved, sizeof(moved));
    s->memory_first += by;
    s->stored_end += by;
    s->end += by;
    for (int i = 0; i < s->reader_count; i++) {
        struct spool_reader *r = &s->readers[i];
        if (r->name == NULL)
            continue;
        r->next += by;
        r->hand = r->hand == SPOOL_NO_HAND ? SPOOL_NO_HAND : r->hand + by;
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

struct loading {
    struct spool *spool;
    uint64_t disk_end;
};

static void load_cursor(void *ctx, const char *name, uint64_t next)
{
    const struct loading *l = ctx;
    struct spool_reader *r = spool_find_reader(l->spool, name);

    if (r == NULL)
        forget_reader(l->spool, name, next, l->disk_end);
    else if (next < r->next)
        r->next = next;
}

static int count_stored(struct spool *s, struct spool_extent *stored, struct err *err)
{
    if (spool_disk_extent(s->state, stored, err) < 0)
        return -1;
    s->info.batches = stored->batches;
    s->info.bytes = stored->bytes;
    return 0;
}

/* The first sight of the file. */
static int load(struct spool *s, struct err *err)
{
    struct spool_extent stored;
    struct loading loading = { .spool = s };

    if (count_stored(s, &stored, err) < 0 || spool_disk_cursors_end(s->state, &loading.disk_end, err) < 0)
        return -1;
    if (loading.disk_end < stored.end)
        loading.disk_end = stored.end;
    shift(s, loading.disk_end);
    s->disk_first = stored.batches > 0 ? stored.first : loading.disk_end;
    return spool_disk_each_cursor(s->state, load_cursor, &loading, err);
}

/* Another file took the place of the one we knew: what it held is lost, what is in memory is not stored any more. */
static void start_anew(struct spool *s)
{
    uint64_t lost = s->info.batches > 0 && s->memory_first > s->disk_first ? s->memory_first - s->disk_first : 0;

    if (lost > 0)
        spool_count_dropped(s, s->disk_first, s->memory_first, lost, SPOOL_DAMAGED);
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
    struct spool_extent stored;

    if (s->file == 0 && load(s, err) < 0)
        return -1;
    if (s->file != 0 && s->file != file)
        start_anew(s);
    else if (s->is_unsure && count_stored(s, &stored, err) < 0)
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
            spool_count_dropped(s, s->memory_first, s->memory_first + 1, 1, SPOOL_OVERFLOW);
        forget_first(s);
    }
    *spool_slot(s, s->end++) = batch;
    s->memory_bytes += size;
}

/* The end of a save, with the lock held. */
static int leave(struct spool *s, bool is_saved)
{
    s->info.is_saved = is_saved;
    s->is_unsure = s->is_unsure || !is_saved;
    s->info.duration_ns = clock_now_ns() - s->began_ns;
    spool_trim_memory(s);
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
    struct spool_extent deleted;

    if (spool_disk_delete(s->state, last, &deleted, err) < 0)
        return -1;
    if (deleted.batches > 0)
        c->disk_first = last + 1;
    c->batches -= deleted.batches;
    c->bytes -= deleted.bytes;
    return 0;
}

static int delete_finished(struct spool *s, struct change *c, struct err *err)
{
    uint64_t keep = spool_slowest(s), last = c->disk_first + DELETED_PER_SAVE;

    if (keep <= c->disk_first)
        return 0;
    return delete_to(s, c, keep - 1 < last ? keep - 1 : last, err);
}

/* The caps, oldest first; never the newest. */
static int delete_beyond_caps(struct spool *s, struct change *c, int64_t now_ms, struct err *err)
{
    for (int i = 0; i < DELETED_PER_SAVE && c->batches > 1; i++) {
        uint64_t oldest;
        int64_t time_ms;
        int got = spool_disk_oldest(s->state, c->disk_first, &oldest, &time_ms, err);
        if (got <= 0)
            return got;
        bool is_old = time_ms < now_ms - s->limits.age_max_ms, is_full = c->bytes > s->limits.bytes_max;
        enum spool_drop reason = is_old ? SPOOL_OLD : SPOOL_FULL;
        if (!is_old && !is_full)
            return 0;
        if (delete_to(s, c, oldest, err) < 0)
            return -1;
        if (c->dropped[reason].count++ == 0)
            c->dropped[reason].from = oldest;
        c->dropped[reason].to = oldest + 1;
    }
    return 0;
}

static int write_batch(struct spool *s, struct change *c, struct err *err)
{
    int64_t bytes = 0;

    if (c->stored_end >= spool_slowest(s) &&
        spool_disk_put(s->state, c->stored_end, *spool_slot(s, c->stored_end), &bytes, err) < 0)
        return -1;
    c->batches += bytes > 0;
    c->bytes += bytes;
    c->stored_end++;
    return 0;
}

static int write_cursors(struct spool *s, struct err *err)
{
    if (spool_disk_clear_cursors(s->state, err) < 0)
        return -1;
    for (int i = 0; i < s->reader_count; i++) {
        const struct spool_reader *r = &s->readers[i];
        if (r->name != NULL && spool_disk_put_cursor(s->state, r->name, spool_position(r), err) < 0)
            return -1;
    }
    return 0;
}

static int write_all(struct spool *s, struct change *c, bool with_batches, int64_t now_ms, struct err *err)
{
    for (int i = 0; with_batches && c->stored_end < s->end && i < STORED_PER_SAVE; i++)
        if (write_batch(s, c, err) < 0)
            return -1;
    if (delete_finished(s, c, err) < 0 || (now_ms > 0 && delete_beyond_caps(s, c, now_ms, err) < 0))
        return -1;
    if (write_cursors(s, err) < 0 || spool_disk_shrink(s->state, err) < 0)
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
            spool_count_dropped(s, c->dropped[reason].from, c->dropped[reason].to, c->dropped[reason].count, (enum spool_drop)reason);
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

/* Looking -------------------------------------------------------------------------------------------------------------- */

void spool_read_info(struct spool *s, struct spool_info *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->info;
    out->in_memory = s->end - s->stored_end;
    out->oldest_ms = spool_slowest(s) < s->end ? spool_time_of(s, spool_slowest(s)) : 0;
    pthread_mutex_unlock(&s->lock);
}
