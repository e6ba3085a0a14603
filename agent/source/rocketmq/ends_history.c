/* ends_history.c - see ends_history.h. */
#include "agent/source/rocketmq/ends_history.h"

#include "agent/base/xalloc.h"
#include "agent/model/batch.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

size_t ends_history_size(uint32_t queues)
{
    return sizeof(struct ends_history) + (size_t)ENDS_SAMPLES * queues * sizeof(int64_t);
}

struct ends_history *ends_history_new(uint32_t queues)
{
    struct ends_history *h = xcalloc(1, ends_history_size(queues));

    h->queues = queues;
    return h;
}

static int64_t *sample(struct ends_history *h, uint32_t i)
{
    return &h->max[(size_t)i * h->queues];
}

static bool is_same(struct ends_history *h, uint32_t i, const int64_t *max)
{
    return memcmp(sample(h, i), max, h->queues * sizeof(*max)) == 0;
}

static bool has_fallen(struct ends_history *h, const int64_t *max)
{
    const int64_t *last = sample(h, h->count - 1);

    for (uint32_t q = 0; q < h->queues; q++)
        if (max[q] < last[q])
            return true;
    return false;
}

/* The sample that is missed least, seen from now_ns; never the first or the last. */
static uint32_t least_missed(const struct ends_history *h, int64_t now_ns)
{
    uint32_t found = 1;
    double least = 0;

    for (uint32_t i = 1; i + 1 < h->count; i++) {
        double part = (double)(h->at_ns[i + 1] - h->at_ns[i - 1]) / (double)(now_ns - h->at_ns[i]);
        if (i == 1 || part < least) {
            found = i;
            least = part;
        }
    }
    return found;
}

static void drop(struct ends_history *h, uint32_t i)
{
    uint32_t behind = h->count - i - 1;

    memmove(&h->at_ns[i], &h->at_ns[i + 1], behind * sizeof(h->at_ns[0]));
    memmove(sample(h, i), sample(h, i + 1), (size_t)behind * h->queues * sizeof(int64_t));
    h->count--;
}

void ends_history_add(struct ends_history *h, int64_t at_ns, const int64_t *max)
{
    if (h->count > 0 && at_ns <= h->at_ns[h->count - 1])
        return;
    if (h->count > 0 && has_fallen(h, max))
        h->count = 0;
    if (h->count >= 2 && is_same(h, h->count - 1, max) && is_same(h, h->count - 2, max)) {
        h->at_ns[h->count - 1] = at_ns;
        return;
    }
    if (h->count == ENDS_SAMPLES)
        drop(h, least_missed(h, at_ns));
    h->at_ns[h->count] = at_ns;
    memcpy(sample(h, h->count), max, h->queues * sizeof(*max));
    h->count++;
}

struct ends_age ends_history_age(const struct ends_history *h, uint32_t queue, int64_t offset, int64_t now_ns, int64_t widest_ns)
{
    struct ends_age age = { NO_INT, NO_INT, NO_INT };
    uint32_t next = 0; /* the first sample whose end lies behind the message */

    assert(queue < h->queues);
    while (next < h->count && h->max[(size_t)next * h->queues + queue] <= offset)
        next++;
    if (next == h->count)
        return age;
    age.low_ns = now_ns - h->at_ns[next];
    if (next == 0)
        return age;
    int64_t before = h->max[(size_t)(next - 1) * h->queues + queue], after = h->max[(size_t)next * h->queues + queue];
    int64_t span_ns = h->at_ns[next] - h->at_ns[next - 1];
    age.high_ns = now_ns - h->at_ns[next - 1];
    if (span_ns <= widest_ns)
        age.age_ns = age.high_ns - (int64_t)((double)span_ns * (double)(offset - before) / (double)(after - before));
    return age;
}
