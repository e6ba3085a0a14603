/* picks.c - see picks.h: a heap with the least urgent on top. */
#include "agent/source/rocketmq/picks.h"

#include "agent/base/xalloc.h"

#include <stdlib.h>

void picks_init(struct picks *p, unsigned room)
{
    *p = (struct picks){ .heap = xmalloc((room + (size_t)1) * sizeof(*p->heap)), .room = room };
}

void picks_fini(struct picks *p)
{
    free(p->heap);
    *p = (struct picks){ .heap = NULL };
}

static void swap(struct pick *a, struct pick *b)
{
    struct pick t = *a;

    *a = *b;
    *b = t;
}

static void sift_down(struct picks *p)
{
    unsigned at = 0;

    for (;;) {
        unsigned least = at;
        for (unsigned child = 2 * at + 1; child <= 2 * at + 2 && child < p->count; child++)
            if (p->heap[child].urgency < p->heap[least].urgency)
                least = child;
        if (least == at)
            return;
        swap(&p->heap[at], &p->heap[least]);
        at = least;
    }
}

static void sift_up(struct picks *p)
{
    for (unsigned at = p->count - 1; at > 0 && p->heap[at].urgency < p->heap[(at - 1) / 2].urgency; at = (at - 1) / 2)
        swap(&p->heap[at], &p->heap[(at - 1) / 2]);
}

void picks_offer(struct picks *p, struct pick pick)
{
    if (pick.urgency <= 0 || p->room == 0)
        return;
    if (p->count < p->room) {
        p->heap[p->count++] = pick;
        sift_up(p);
    } else if (pick.urgency > p->heap[0].urgency) {
        p->heap[0] = pick;
        sift_down(p);
    }
}

static int by_urgency(const void *a, const void *b)
{
    const struct pick *x = a, *y = b;

    return (x->urgency < y->urgency) - (x->urgency > y->urgency);
}

void picks_sort(struct picks *p)
{
    qsort(p->heap, p->count, sizeof(*p->heap), by_urgency);
}
