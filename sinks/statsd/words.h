/*
 * words.h - the texts of a batch as a StatsD line may hold them.
 *
 * A line has no quoting: a byte that means something to a receiver can only be replaced. Different texts stay different: where
 * replacing (or cutting) makes two texts of a batch one, those that were changed get a hash of what they were behind them.
 *
 *     orders.eu  ->  orders_eu                      nothing else looks like it
 *     orders.eu  ->  orders_eu_3f9c01d2             beside another topic orders_eu, which keeps its name
 *
 * Whether a text is marked depends on the batch alone, so that the bytes do too. Pure; one thread at a time.
 */
#ifndef SINKS_STATSD_WORDS_H
#define SINKS_STATSD_WORDS_H

#include "agent/base/arena.h"
#include "agent/model/batch.h"

#define WORD_MAX 255 /* bytes of a text that are kept; RocketMQ's own limit for names */
#define WORD_MARK 9  /* "_3f9c01d2" */

enum words_class {
    WORDS_SEGMENT,  /* part of a dotted name: letters, digits, _ and -; never empty */
    WORDS_GRAPHITE, /* the same and '.': Etsy's statsd deletes all else, which would make names one */
    WORDS_TAG,      /* any character but those that end a tag somewhere: , | # : ; = @ [ ] blanks and control characters */
};

struct word {
    const char *text;
    size_t len;
};

struct words {
    struct word *all; /* by text number of the batch; 0 stands for "" too */
    struct arena arena;
};

void words_init(struct words *w, const struct batch *b, enum words_class class);
void words_fini(struct words *w);

/* One text alone: writes at most WORD_MAX bytes to `out`, returns how many. *whole is false if some had to be cut off. */
size_t words_clean(char out[WORD_MAX], const char *text, size_t len, enum words_class class, bool *whole);

#endif
