/*
 * ends_history.h - when the queues of a topic ended where: from it follows how old a message is, without asking for it. Pure.
 *
 *     at     0      60     120    180    240    300        the queue's end ("max", next to be written) at these times
 *     max    1000   1600   1600   1600   2800   3100
 *
 * The message at offset 2200 was not there at 180 and was there at 240: it was stored in between, by the rates at 210. The one at
 * 400 was there before we were. An end that falls starts a new epoch: what was known says nothing about the new messages.
 *
 * A history holds ENDS_SAMPLES samples. When it is full, the sample that is missed least goes: the one between whose
 * neighbours the smallest part of its age lies. So brackets widen with age, and the first sample stays. A queue
 * that stands still needs only the two ends of the time it stood.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_ENDS_HISTORY_H
#define AGENT_SOURCE_ROCKETMQ_ENDS_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#define ENDS_SAMPLES 16

struct ends_history {
    uint32_t queues;
    uint32_t count;
    int64_t at_ns[ENDS_SAMPLES];
    int64_t max[]; /* of queue q in sample i: [i * queues + q] */
};

/* Times since the message was stored; NO_INT: not known. */
struct ends_age {
    int64_t age_ns, low_ns, high_ns;
};

/* Life. free() ends it. */
struct ends_history *ends_history_new(uint32_t queues);
size_t ends_history_size(uint32_t queues); /* bytes it takes */

/* All queues ended at these offsets at that time. A time that is not later than the last is not taken. */
void ends_history_add(struct ends_history *h, int64_t at_ns, const int64_t *max);

/*
 * How old the message at `offset` is. Nothing is known of one that was not written when the last sample was taken; only the lower
 * bound of one that was there before the first. A bracket wider than widest_ns gives its bounds, and no age: its middle would say
 * more than is known.
 */
struct ends_age ends_history_age(const struct ends_history *h, uint32_t queue, int64_t offset, int64_t now_ns, int64_t widest_ns);

#endif
