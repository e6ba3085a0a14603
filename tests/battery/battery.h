/*
 * battery.h - what every sink goes through before it is registered: the same batches, the same faults, the same questions.
 *
 * Is the class of the result right (OK, RETRY, REJECT)? Is the deadline kept? Does it go on after a failure? Does nothing
 * leak (under the address sanitizer)? A new sink adds one line to `battery` in test_battery.c: its name and the receiver it
 * needs. Only a new kind of receiver (UDP, a Redis server) is more: a start, a stop, and the results allowed for each fault.
 */
#ifndef TESTS_BATTERY_BATTERY_H
#define TESTS_BATTERY_BATTERY_H

#include "sinks/sink.h"

#include <stdbool.h>
#include <stddef.h>

enum battery_fault {
    FAULT_NONE,     /* takes everything */
    FAULT_REFUSES,  /* there is nobody, or no permission */
    FAULT_HANGS,    /* accepts and then nothing happens */
    FAULT_CLOSES,   /* goes away in the middle */
    FAULT_NONSENSE, /* answers what makes no sense */
    FAULT_ENDLESS,  /* answers without end */
    FAULT_FULL,     /* has no room */
    FAULT_COUNT
};

/* Sets of results. */
#define ALLOW_OK (1u << SINK_OK)
#define ALLOW_RETRY (1u << SINK_RETRY)
#define ALLOW_REJECT (1u << SINK_REJECT)

/* Where a sink delivers to, in a test. It runs in the test's own process, so it may change what it likes there. */
struct battery_receiver {
    /* Starts with a fault; writes what the sink's address option has to say. */
    void *(*start)(enum battery_fault fault, char *address, size_t size);
    void (*stop)(void *receiver);
    unsigned first[FAULT_COUNT];  /* results allowed for the first delivery; 0: this fault does not exist here */
    unsigned second[FAULT_COUNT]; /* and for the next one: the fault is over, or it stays */
};

struct battery_entry {
    const char *sink;
    const struct battery_receiver *receiver;
    const char *option, *value; /* set besides the address; NULL: none */
};

#endif
