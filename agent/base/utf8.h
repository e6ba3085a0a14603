/*
 * utf8.h - is a text valid UTF-8, and if not, a copy that is. Pure; any thread.
 */
#ifndef AGENT_BASE_UTF8_H
#define AGENT_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

bool utf8_valid(const char *text, size_t len);
/* Bytes used by the well-formed character at text (1 to 4), or 0 if there is none (bad byte, cut short, surrogate, above
 * U+10FFFF). */
size_t utf8_char(const char *text, size_t len);
/* Appends text with each invalid byte replaced by U+FFFD. */
void utf8_repair(struct buf *to, const char *text, size_t len);

#endif
