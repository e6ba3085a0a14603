/*
 * spool_reader.c - see spool_parts.h: who has got which batch, and what of it is finished.
 *
 * The readers' threads; main adds them and ends them.
 */
#include "agent/pipeline/spool_parts.h"

#include "agent/base/buf.h"
#include "agent/model/batch_io.h"
#include "agent/pipeline/spool_disk.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Coming and going ------------------------------------------------------------------------------------------------------- */

struct spool_reader *spool_find_reader(struct spool *s, const char *name)
{
    for (int i = 0; i < s->reader_count && name != NULL; i++)
        if (s->readers[i].name != NULL && strcmp(s->readers[i].name, name) == 0)
            return &s->readers[i];
    return NULL;
}

static struct spool_reader *free_reader(struct spool *s)
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
    struct spool_reader *r = spool_find_reader(s, name);
    assert(r == NULL || (r->is_closed && r->hand == SPOOL_NO_HAND));
    if (r == NULL) {
        r = free_reader(s);
        *r = (struct spool_reader){ .next = s->end, .hand = SPOOL_NO_HAND };
    }
    r->name = name;
    r->is_closed = r->leaves_at_once = false;
    int reader = (int)(r - s->readers);
    pthread_mutex_unlock(&s->lock);
    return reader;
}

void spool_close_reader(struct spool *s, int reader, bool at_once)
{
    pthread_mutex_lock(&s->lock);
    s->readers[reader].is_closed = true;
    s->readers[reader].leaves_at_once = at_once;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

bool spool_remove_ended(struct spool *s)
{
    struct spool_reader *r = NULL;

    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < s->reader_count && r == NULL; i++)
        if (s->readers[i].name != NULL && s->readers[i].is_closed)
            r = &s->readers[i];
    if (r != NULL) {
        uint64_t from = spool_position(r) > s->disk_first ? spool_position(r) : s->disk_first;
        snprintf(s->info.forgotten, sizeof(s->info.forgotten), "%s", r->name);
        s->info.forgotten_batches = s->end > from ? s->end - from : 0;
        *r = (struct spool_reader){ .next = UINT64_MAX, .hand = SPOOL_NO_HAND };
        spool_trim_memory(s);
    }
    pthread_mutex_unlock(&s->lock);
    return r != NULL;
}

/* Where they are ---------------------------------------------------------------------------------------------------------- */

uint64_t spool_position(const struct spool_reader *r)
{
    return r->hand != SPOOL_NO_HAND && r->hand < r->next ? r->hand : r->next;
}

uint64_t spool_slowest(const struct spool *s)
{
    uint64_t least = s->end;

    for (int i = 0; i < s->reader_count; i++)
        if (spool_position(&s->readers[i]) < least)
            least = spool_position(&s->readers[i]);
    return least;
}

bool spool_is_taken_by_all(const struct spool *s, uint64_t number)
{
    for (int i = 0; i < s->reader_count; i++)
        if (s->readers[i].next <= number)
            return false;
    return true;
}

void spool_count_dropped(struct spool *s, uint64_t from, uint64_t to, uint64_t count, enum spool_drop reason)
{
    for (int i = 0; i < s->reader_count; i++) {
        struct spool_reader *r = &s->readers[i];
        if (r->hand != SPOOL_NO_HAND && r->hand >= from && r->hand < to && !r->has_lost_hand) {
            r->has_lost_hand = true; /* it may still be delivered: counted when it is given up */
            r->hand_reason = reason;
        }
        if (r->next < to)
            r->dropped[reason] += r->next <= from ? count : to - r->next;
        if (r->next >= from && r->next < to)
            r->next = to;
    }
}

void spool_read_counts(struct spool *s, int reader, struct spool_counts *out)
{
    const struct spool_reader *r = &s->readers[reader];

    pthread_mutex_lock(&s->lock);
    uint64_t from = spool_position(r) > s->disk_first ? spool_position(r) : s->disk_first;
    *out = (struct spool_counts){ .waiting = s->end > from ? s->end - from : 0 };
    if (out->waiting > 0)
        out->oldest_ms = spool_time_of(s, from);
    memcpy(out->dropped, r->dropped, sizeof(out->dropped));
    pthread_mutex_unlock(&s->lock);
}

void spool_add_dropped(struct spool *s, int reader, uint64_t totals[SPOOL_DROPS])
{
    for (int reason = 0; reason < SPOOL_DROPS; reason++) /* main holds the lock */
        totals[reason] += s->readers[reader].dropped[reason];
}

/* Reading -------------------------------------------------------------------------------------------------------------- */

/* With the lock held: the oldest batch on disk from `next` on and below memory. 1: found, its bytes in data. */
static int read_stored(struct spool *s, uint64_t next, uint64_t *number, struct buf *data)
{
    if (s->file == 0)
        return 0;
    if (s->is_broken || s->file != state_file(s->state))
        return -1;
    return spool_disk_read(s->state, next, s->memory_first, number, data, NULL);
}

/* With the lock held. 1: the number is set, and the batch or its bytes. 0: closed and nothing left. While the disk cannot be
 * read, a reader that needs it waits: order matters more. */
static int find_next(struct spool *s, const struct spool_reader *r, uint64_t *number, struct batch **batch, struct buf *data)
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
            *batch = batch_ref(*spool_slot(s, *number));
            return 1;
        }
        if (s->closed || r->is_closed)
            return 0;
        pthread_cond_wait(&s->changed, &s->lock);
    }
}

struct batch *spool_take(struct spool *s, int reader)
{
    struct spool_reader *r = &s->readers[reader];
    struct batch *batch = NULL;
    uint64_t number;
    struct buf data;

    buf_init(&data, BATCH_IO_STORED_MAX);
    pthread_mutex_lock(&s->lock);
    while (batch == NULL && find_next(s, r, &number, &batch, &data) > 0) {
        r->next = number + 1;
        r->hand = number;
        spool_trim_memory(s);
        if (batch != NULL)
            break;
        pthread_mutex_unlock(&s->lock); /* unpacking takes a while */
        batch = batch_io_read(data.data, data.len, NULL);
        buf_reset(&data);
        pthread_mutex_lock(&s->lock);
        if (batch == NULL) {
            r->dropped[SPOOL_DAMAGED]++;
            r->hand = SPOOL_NO_HAND;
            r->has_lost_hand = false;
        }
    }
    pthread_mutex_unlock(&s->lock);
    buf_fini(&data);
    return batch;
}

static void let_go(struct spool *s, struct spool_reader *r)
{
    r->hand = SPOOL_NO_HAND;
    r->has_lost_hand = false;
    spool_trim_memory(s);
}

void spool_finish(struct spool *s, int reader)
{
    pthread_mutex_lock(&s->lock);
    let_go(s, &s->readers[reader]);
    pthread_mutex_unlock(&s->lock);
}

/* With the lock held: true, and what is in hand is finished, if the caps dropped it. */
static bool gives_up_lost(struct spool *s, struct spool_reader *r)
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
    struct spool_reader *r = &s->readers[reader];

    pthread_mutex_lock(&s->lock);
    if (!gives_up_lost(s, r)) {
        r->next = spool_position(r);
        r->hand = SPOOL_NO_HAND;
    }
    pthread_mutex_unlock(&s->lock);
}
