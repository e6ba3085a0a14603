/*
 * quote.h - a text as one field of a format: what must be quoted or escaped is. Pure; any thread.
 */
#ifndef AGENT_BASE_QUOTE_H
#define AGENT_BASE_QUOTE_H

#include <stddef.h>

struct buf;

/* With its quotes. What is not valid UTF-8 is repaired (U+FFFD): a JSON text has no other choice. */
void quote_json(struct buf *to, const char *text, size_t len);
/* RFC 4180: in quotes where commas, quotes, line breaks or blanks at the ends ask for it. */
void quote_csv(struct buf *to, const char *text, size_t len);
/* Tab-separated: \t \n \r and \\ for the four bytes that would spoil a line. */
void quote_tsv(struct buf *to, const char *text, size_t len);

#endif
