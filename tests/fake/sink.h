/*
 * sink.h - a sink that does as a test tells it and remembers what came, for tests of worker and pipeline.
 *
 * The script has one letter an attempt; the last letter stands for all attempts after it:
 *
 *     o  OK     r  RETRY     x  REJECT
 *     O R X     the same, but first waits until the test says fake_sink_go()
 *     h         hangs until it is canceled (its deadline does not matter to it), then RETRY
 *
 * The test owns the struct and frees it after whatever runs the sink has gone. Any thread.
 */
#ifndef TESTS_FAKE_SINK_H
#define TESTS_FAKE_SINK_H

#include "agent/pipeline/config.h"

#include <stdbool.h>
#include <stdint.h>

struct fake_sink;

struct fake_sink *fake_sink_new(enum sink_mode mode, const char *script);
void fake_sink_free(struct fake_sink *f);
/* How a configuration would describe it. */
struct config_sink fake_sink_config(struct fake_sink *f, const char *name);

/* Before it runs: */
void fake_sink_fail_open(struct fake_sink *f);
void fake_sink_ask_to_wait(struct fake_sink *f, int64_t retry_after_ms); /* with every RETRY */
void fake_sink_remember(struct fake_sink *f, const char *memory); /* what it wants to know again after a restart */
void fake_sink_count(struct fake_sink *f, uint64_t series, uint64_t cut); /* what every attempt reports */

/* While it runs: */
bool fake_sink_wait(struct fake_sink *f, unsigned attempts); /* until so many have begun; false after 20 s */
void fake_sink_go(struct fake_sink *f);                      /* one attempt that waits, or the next that will, goes on */

/* What was seen: */
unsigned fake_sink_attempts(struct fake_sink *f);
uint64_t fake_sink_number(struct fake_sink *f, unsigned attempt);  /* of the batch; 0 if there was no such attempt */
int64_t fake_sink_time_ms(struct fake_sink *f, unsigned attempt);  /* the batch's tick; 0 if there was no such attempt */
const char *fake_sink_loaded(struct fake_sink *f);                 /* what it was given of its memory; "" if nothing */
int64_t fake_sink_began_ns(struct fake_sink *f, unsigned attempt); /* monotonic */
const struct batch *fake_sink_batch(struct fake_sink *f);          /* the newest it was given, a loan; NULL if none */
unsigned fake_sink_opened(struct fake_sink *f);
unsigned fake_sink_closed(struct fake_sink *f);

#endif
