/* ring.c - see ring.h. One mutex, one condition; no call-backs, nothing slow under the lock. */
#include "agent/pipeline/ring.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define CURSORS_MAX 64

struct ring {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct batch **slots; /* batch number n stands in slots[n % slot_count] */
    int64_t *times_ms;    /* and its tick here, also once it has gone */
    unsigned slot_count;
    size_t bytes, bytes_max;
    uint64_t first;       /* number of the oldest batch still held */
    uint64_t end;         /* number the next batch gets */
    uint64_t cursors[CURSORS_MAX]; /* number each reader wants next; below `first` means it missed some */
    enum ring_order orders[CURSORS_MAX];
    bool is_closed[CURSORS_MAX]; /* for that reader */
    bool is_unused[CURSORS_MAX]; /* the reader was removed */
    int cursor_count;
    bool closed;
};

struct ring *ring_new(unsigned slots, size_t bytes_max)
{
    struct ring *ring = xcalloc(1, sizeof(*ring));
    pthread_condattr_t attr;

    pthread_mutex_init(&ring->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&ring->changed, &attr);
    pthread_condattr_destroy(&attr);
    ring->slots = xcalloc(slots, sizeof(*ring->slots));
    ring->times_ms = xcalloc(slots, sizeof(*ring->times_ms));
    ring->slot_count = slots;
    ring->bytes_max = bytes_max;
    return ring;
}

static struct batch **slot(struct ring *ring, uint64_t number)
{
    return &ring->slots[number % ring->slot_count];
}

static void drop_first(struct ring *ring)
{
    struct batch **oldest = slot(ring, ring->first);

    ring->bytes -= batch_memory(*oldest);
    batch_unref(*oldest);
    *oldest = NULL;
    ring->first++;
}

void ring_free(struct ring *ring)
{
    if (ring == NULL)
        return;
    while (ring->first < ring->end)
        drop_first(ring);
    pthread_cond_destroy(&ring->changed);
    pthread_mutex_destroy(&ring->lock);
    free(ring->slots);
    free(ring->times_ms);
    free(ring);
}

int ring_add_cursor(struct ring *ring, enum ring_order order)
{
    int cursor = 0;

    pthread_mutex_lock(&ring->lock);
    while (cursor < ring->cursor_count && !ring->is_unused[cursor])
        cursor++;
    assert(cursor < CURSORS_MAX);
    ring->cursors[cursor] = ring->end;
    ring->orders[cursor] = order;
    ring->is_closed[cursor] = ring->is_unused[cursor] = false;
    ring->cursor_count += cursor == ring->cursor_count;
    pthread_mutex_unlock(&ring->lock);
    return cursor;
}

/* The oldest batch that this reader may still be given. */
static uint64_t wanted_by(const struct ring *ring, int cursor)
{
    uint64_t next = ring->cursors[cursor];

    return ring->orders[cursor] == RING_NEWEST && next < ring->end ? ring->end - 1 : next;
}

/* Batches that no reader will be given are of no use to anybody. */
static void drop_unwanted(struct ring *ring)
{
    uint64_t oldest = ring->end;

    for (int c = 0; c < ring->cursor_count; c++)
        if (wanted_by(ring, c) < oldest)
            oldest = wanted_by(ring, c);
    while (ring->first < oldest)
        drop_first(ring);
}

void ring_leave(struct ring *ring, int cursor)
{
    pthread_mutex_lock(&ring->lock);
    ring->cursors[cursor] = UINT64_MAX;
    drop_unwanted(ring);
    pthread_mutex_unlock(&ring->lock);
}

void ring_remove_cursor(struct ring *ring, int cursor)
{
    ring_leave(ring, cursor);
    pthread_mutex_lock(&ring->lock);
    ring->is_unused[cursor] = true;
    pthread_mutex_unlock(&ring->lock);
}

void ring_append(struct ring *ring, struct batch *batch)
{
    size_t size = batch_memory(batch);

    pthread_mutex_lock(&ring->lock);
    assert(!ring->closed);
    while (ring->end - ring->first >= ring->slot_count || (ring->end > ring->first && ring->bytes + size > ring->bytes_max))
        drop_first(ring);
    *slot(ring, ring->end) = batch;
    ring->times_ms[ring->end % ring->slot_count] = batch_info(batch)->time_ms;
    ring->end++;
    ring->bytes += size;
    drop_unwanted(ring); /* a ring without readers keeps nothing */
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->lock);
}

void ring_close(struct ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    ring->closed = true;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->lock);
}

void ring_close_cursor(struct ring *ring, int cursor)
{
    pthread_mutex_lock(&ring->lock);
    ring->is_closed[cursor] = true;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->lock);
}

/* With the lock held. */
static bool has_ended(const struct ring *ring, int cursor)
{
    return ring->closed || ring->is_closed[cursor];
}

bool ring_is_closed(struct ring *ring, int cursor)
{
    pthread_mutex_lock(&ring->lock);
    bool closed = has_ended(ring, cursor);
    pthread_mutex_unlock(&ring->lock);
    return closed;
}

/* With the lock held: waits for a change; false once the deadline has passed. */
static bool wait_for_change(struct ring *ring, int64_t deadline_ns)
{
    struct timespec until = { .tv_sec = (time_t)(deadline_ns / NS_PER_S), .tv_nsec = (long)(deadline_ns % NS_PER_S) };

    if (deadline_ns == INT64_MAX)
        return pthread_cond_wait(&ring->changed, &ring->lock) == 0;
    return pthread_cond_timedwait(&ring->changed, &ring->lock, &until) == 0 || clock_now_ns() < deadline_ns;
}

/* With the lock held: true when there is something for the cursor, false when closed or late. */
static bool wait_for_batch(struct ring *ring, int cursor, int64_t deadline_ns)
{
    while (ring->cursors[cursor] >= ring->end)
        if (has_ended(ring, cursor) || !wait_for_change(ring, deadline_ns))
            return false;
    return true;
}

bool ring_wait_closed(struct ring *ring, int cursor, int64_t deadline_ns)
{
    pthread_mutex_lock(&ring->lock);
    while (!has_ended(ring, cursor) && wait_for_change(ring, deadline_ns))
        ;
    bool closed = has_ended(ring, cursor);
    pthread_mutex_unlock(&ring->lock);
    return closed;
}

struct batch *ring_take(struct ring *ring, int cursor, int64_t deadline_ns, uint64_t *missed)
{
    struct batch *batch = NULL;

    *missed = 0;
    pthread_mutex_lock(&ring->lock);
    if (wait_for_batch(ring, cursor, deadline_ns)) {
        uint64_t wanted = wanted_by(ring, cursor), take = wanted < ring->first ? ring->first : wanted;
        *missed = take - ring->cursors[cursor];
        batch = batch_ref(*slot(ring, take));
        ring->cursors[cursor] = take + 1;
        drop_unwanted(ring);
    }
    pthread_mutex_unlock(&ring->lock);
    return batch;
}

bool ring_wait_newer(struct ring *ring, int cursor, int64_t deadline_ns)
{
    pthread_mutex_lock(&ring->lock);
    bool newer = wait_for_batch(ring, cursor, deadline_ns);
    pthread_mutex_unlock(&ring->lock);
    return newer;
}

/* Of those that wait for this reader: the oldest that can still be had, or, where only the newest counts, whose tick is known. */
static uint64_t oldest_of(const struct ring *ring, int cursor)
{
    uint64_t known = ring->end > ring->slot_count ? ring->end - ring->slot_count : 0, next = ring->cursors[cursor];
    uint64_t first = ring->orders[cursor] == RING_NEWEST ? known : ring->first;

    return next < first ? first : next;
}

uint64_t ring_waiting(struct ring *ring, int cursor, int64_t *oldest_ms)
{
    pthread_mutex_lock(&ring->lock);
    uint64_t next = ring->cursors[cursor], waiting = ring->end > next ? ring->end - next : 0;
    *oldest_ms = waiting > 0 ? ring->times_ms[oldest_of(ring, cursor) % ring->slot_count] : 0;
    pthread_mutex_unlock(&ring->lock);
    return waiting;
}
