/*
 * human.h - numbers, spans and instants as people read them; and the one instant machines read.
 *
 * Counts carry k M G (1000) and three digits, bytes KiB MiB, spans two units (3m12s, 2d4h), instants ISO with their offset.
 * Every function writes at most HUMAN_TEXT_MAX bytes with the final NUL and returns the length. Needs LC_NUMERIC to be C,
 * which it is as long as nobody calls setlocale for it. Pure apart from the time zone (TZ); any thread.
 */
#ifndef AGENT_VIEW_HUMAN_H
#define AGENT_VIEW_HUMAN_H

#include <stddef.h>
#include <stdint.h>

#define HUMAN_TEXT_MAX 48

size_t human_count(char *text, double value);   /* 999, 1.23k, 12.3M; 0.5, <0.01 */
size_t human_bytes(char *text, double value);   /* 512B, 1.50KiB, 12.3MiB */
size_t human_seconds(char *text, double value); /* 120ms, 3.2s, 45s, 3m12s, 2d4h */
size_t human_time(char *text, int64_t time_ms); /* 2026-11-21 10:31:07+01:00, in the zone of TZ */
/* 2026-11-21T10:31:07Z; milliseconds only where they are not 0. */
size_t human_rfc3339(char *text, int64_t time_ms);

#endif
