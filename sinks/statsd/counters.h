/*
 * counters.h - what each counter was when the receiver last heard of it.
 *
 * StatsD counters are sent as rises, so somebody has to know where they start. The first value of a counter and one below the
 * last (the thing that counts has restarted) have no rise. A value counts as told once its packet has gone:
 *
 *     counters_rise    pure: how far it is above the last value told
 *     counters_note    this value is in the packet being filled
 *     counters_commit  the first n noted have gone; what was noted behind them is forgotten
 *
 * so a batch that comes again after half of it was sent adds nothing twice. All of it fits into one blob (save, load), for a state
 * that outlives the process. One thread at a time.
 */
#ifndef SINKS_STATSD_COUNTERS_H
#define SINKS_STATSD_COUNTERS_H

#include "agent/base/err.h"
#include "agent/base/intern.h"

#include <stdbool.h>

struct buf;

#define COUNTERS_MAX 20000       /* above this the ones not seen in the newest batch are forgotten, then new ones refused */
#define COUNTERS_NAME_MAX 800    /* bytes of one name */
#define COUNTERS_BLOB_MAX (16 << 20) /* more than the two above can fill */

struct counter_value {
    bool is_int;
    int64_t i;
    double d;
};

struct counters {
    struct intern names;
    struct counter_value *values; /* by name number */
    bool *has;                    /* a number may be noted only, not yet told */
    uint32_t room;
    struct counter_note {
        uint32_t name;
        struct counter_value value;
    } *notes;
    size_t noted, notes_room;
};

void counters_init(struct counters *c);
void counters_fini(struct counters *c);

/* A number that can be a counter: neither negative nor infinite nor NaN. */
bool counter_value_is_valid(const struct counter_value *v);
/* False: there is no rise, because nothing is known or because it has fallen. */
bool counters_rise(const struct counters *c, const char *name, size_t len, const struct counter_value *now,
                   struct counter_value *rise);
/* Returns how many are noted since the last commit; a name too many or too long is passed over. */
size_t counters_note(struct counters *c, const char *name, size_t len, const struct counter_value *now);
void counters_commit(struct counters *c, size_t gone);

/*
 * The blob, all numbers little endian:
 *
 *     0      4          8
 *     | MQC1 | n (u32)  | n times:  | len (u16) | kind (u8): 0 int, 1 real | value (u64: int64 or double) | name, len bytes |
 */
void counters_save(const struct counters *c, struct buf *out);
/* Replaces everything by what the blob says, or -1 and nothing has changed. */
int counters_load(struct counters *c, const void *blob, size_t len, struct err *err);

#endif
