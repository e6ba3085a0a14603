/*
 * stream_id.h - ids of stream entries: "1700000040000-17", milliseconds and a number within them. Pure.
 *
 * A row's own id is its interval's time and its place in the table, counted from 1: so the same row has the same id whenever and
 * by whomever it is sent, and a stream, which takes growing ids only, takes it once. Where the stream already ends above that
 * (the clock stepped back, somebody wrote an id from the future, a row was refused and the next one was not) the row goes
 * behind the last entry.
 */
#ifndef SINKS_REDIS_STREAM_ID_H
#define SINKS_REDIS_STREAM_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_ID_TEXT_MAX 42 /* two numbers of 20 digits, a dash, the NUL */

struct stream_id {
    uint64_t ms, seq;
};

/* <0, 0, >0. */
int stream_id_compare(struct stream_id a, struct stream_id b);
/* 0, or -1 if text[0..len) is not "digits-digits", both within 64 bits. */
int stream_id_parse(const char *text, size_t len, struct stream_id *id);
/* NUL-terminated; the length. */
size_t stream_id_print(struct stream_id id, char *text);

/* The id for a row (from 1) of the interval time_ms in a stream that ends at `last`. False: ids are used up. */
bool stream_id_for_row(int64_t time_ms, uint32_t row, struct stream_id last, struct stream_id *id);
/* The id just below; false for 0-0. */
bool stream_id_before(struct stream_id id, struct stream_id *before);

#endif
