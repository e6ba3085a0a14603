/*
 * when.h - instants as people type them; the one grammar of --at, --since, --until.
 *
 *     now  today  yesterday  yesterday 22:00  22:00[:30]     a time of day alone is the last such moment
 *     2026-11-21[ 22:00[:30]]  2026-11-21T22:00:30.5+01:00   without Z or offset: the zone of TZ
 *     @1795300000  -2h  2h ago  1d12h                        seconds since 1970; so long before now
 *
 * A span's last number needs its unit ("1h30" is refused: is it minutes or seconds?). Pure apart from the zone.
 */
#ifndef AGENT_VIEW_WHEN_H
#define AGENT_VIEW_WHEN_H

#include "agent/base/err.h"

#include <stdint.h>

#define WHEN_TEXT_MAX 64 /* bytes of a moment, with its NUL */

int when_parse(const char *text, int64_t now_ms, int64_t *time_ms, struct err *err);

/* Makes a zone of the system ("UTC", "Europe/Berlin") the process's own, for reading and for showing. -1 if there is none of
 * that name: the C library would silently take UTC. Before the first thread. */
int when_set_zone(const char *zone, struct err *err);

#endif
