/*
 * num.h - numbers to text and back: strict, and the same in every locale.
 *
 * Readers take the whole text or nothing: no leading blanks, no trailing bytes, no silent overflow. Pure; any thread.
 */
#ifndef AGENT_BASE_NUM_H
#define AGENT_BASE_NUM_H

#include <stddef.h>
#include <stdint.h>

#define NUM_TEXT_MAX 32 /* any number below fits, with its final NUL */

/* Write the text (NUL-terminated, at most NUM_TEXT_MAX bytes) and return its length. num_from_real: integers up to 2^53 as
 * integers, else the shortest decimal text that reads back as the same double; "NaN", "+Inf", "-Inf" as Prometheus spells
 * them. */
size_t num_from_u64(char *text, uint64_t value);
size_t num_from_i64(char *text, int64_t value);
size_t num_from_real(char *text, double value);

/* 0, or -1 and *value untouched if text[0..len) is not exactly such a number or does not fit. */
int num_to_i64(const char *text, size_t len, int64_t *value);
int num_to_real(const char *text, size_t len, double *value);

/* "500ms", "10s", "5m", "2h", "30d" -> milliseconds; "64KiB", "64MiB", "10MB", "123" -> bytes. A duration needs its unit
 * (a bare 0 is fine). Compound durations ("1h30m") are taken; a bare trailing number ("1h30") is refused. */
int num_to_duration_ms(const char *text, int64_t *ms);
int num_to_size(const char *text, int64_t *bytes);

#endif
