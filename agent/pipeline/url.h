/*
 * url.h - as much of URLs as the command line needs: where the query begins, %XX, and what may be shown. Pure.
 *
 * What an address means is decided by the sink that gets it.
 */
#ifndef AGENT_PIPELINE_URL_H
#define AGENT_PIPELINE_URL_H

#include "agent/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* A copy with a password in it replaced by "***": "http://user:***@gw:9091". malloc'd. */
char *url_masked(const char *url);
bool url_has_password(const char *url);

/* text[0..len) with each %XX replaced; *out is malloc'd. -1: a % without two hex digits, or a %00. */
int url_decode(const char *text, size_t len, char **out, struct err *err);

/* Takes the next "name=value" from a query ("a=1&b=2"): sets name and value (decoded, malloc'd) and moves *query on. 1, 0 at the
 * end, -1 if it has another form. Empty parts ("a=1&&b=2") are skipped. */
int url_next_option(const char **query, char **name, char **value, struct err *err);

#endif
