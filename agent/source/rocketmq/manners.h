/*
 * manners.h - how gently a broker is asked: less and later while it is in trouble, and not everything by everybody at once.
 *
 * Trouble is "busy" for an answer, or no answer in time from a broker that does answer otherwise. Each look with trouble halves what
 * may be on its way to the broker and doubles how long the side lanes (clients, producers, ages of messages, minute statistics, lists
 * that have merely grown old) leave it alone; each look without takes one such step back. What a look cannot do without is always
 * asked: committed offsets, runtime, ends of queues. A broker that has just booted is left alone likewise, for a moment.
 *
 * Pure but for the struct. One thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_MANNERS_H
#define AGENT_SOURCE_ROCKETMQ_MANNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MANNERS_STEPS_MAX 5
#define MANNERS_REST_MAX_MS 600000 /* the longest that side lanes rest */
#define MANNERS_BOOT_REST_MS 3000

struct manners {
    unsigned steps;        /* looks with trouble, less those without since; 0: all is well */
    int64_t rest_until_ns; /* monotonic; until then side lanes leave it alone; 0: they need not */
    bool is_in_trouble;    /* in the present look */
};

void manners_begin(struct manners *m); /* a look begins */
void manners_trouble(struct manners *m);
void manners_booted(struct manners *m, int64_t now_ns);
/* The look that began then, in a row of that interval (0: a single one), is over. */
void manners_end(struct manners *m, int64_t looked_at_ns, int64_t interval_ms);

/* Of the `most` requests that may be on their way at a time: 1 at least, and 1 as soon as there is trouble in this look. */
unsigned manners_in_flight(const struct manners *m, unsigned most);
bool manners_rests(const struct manners *m, int64_t now_ns);
/* What is odd about it, for people; "" if nothing. */
void manners_say(const struct manners *m, int64_t now_ns, unsigned most, char *text, size_t cap);

/* What is due each interval comes up to a tenth earlier, by chance: so that what began together does not stay together, and agents with
 * the same interval do not ask one broker for the same long list at the same moment. */
int64_t manners_spread(int64_t interval_ms, int64_t asked_at_ns, uint32_t salt);

#endif
