/*
 * prom_check.h - a strict reader of the Prometheus text format 0.0.4, written from the format's description and from what a
 * Pushgateway refuses, not from our writer: what it accepts, every gateway accepts.
 */
#ifndef TESTS_FAKE_PROM_CHECK_H
#define TESTS_FAKE_PROM_CHECK_H

#include <stddef.h>
#include <stdint.h>

/* Number of samples, or -1 with the reason (and the line) in why[size]. */
long prom_check(const char *text, size_t len, char *why, size_t size);

/* The bytes of a label value as the reader understands them, from the first sample of `metric` that has it; NULL if none has. The
 * caller frees it. */
char *prom_check_label(const char *text, size_t len, const char *metric, const char *label, size_t *value_len);

#endif
