/*
 * source.h - a source that does as a test tells it, for tests of the pipeline.
 *
 * The script has one letter a collection; the last letter stands for all after it:
 *
 *     a  all     s  some: one broker does not answer     n  nothing: no name server answers
 *     h  hangs until its deadline, then some             c  waits for the cancel fd, then says that it was canceled
 *
 * Each collection adds `groups` rows to groups (g0, g1, ..., lag 10 each; none for n and c) and one row to scrapes. The test
 * owns the struct; it is open so that a test can look at it. Main thread.
 */
#ifndef TESTS_FAKE_SOURCE_H
#define TESTS_FAKE_SOURCE_H

#include "agent/pipeline/config.h"

#include <stdbool.h>
#include <stdint.h>

struct fake_source {
    const char *script;
    unsigned groups;
    bool open_fails;

    const char *memory;      /* what it wants to know again after a restart; NULL: nothing */
    bool load_fails;

    char loaded[32];         /* what it was given of that */
    unsigned opened, collected, closed;
    int64_t interval_ms; /* that it was opened with */
    int64_t given_ms;    /* time it was given for the newest collection */
};

/* How a configuration would describe it; name is "fake" or "fake KEY". */
struct config_source fake_source_config(struct fake_source *f, const char *name, const char *key);

#endif
