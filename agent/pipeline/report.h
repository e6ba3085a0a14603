/*
 * report.h - status.json in the state directory: what the agent says about itself, for `mqpush status sinks` and for scripts.
 *
 *     { "schema":1, "version", "reason", "pid", "started_at", "written_at", "stopped_at", "config", "interval_seconds",
 *       "collection": { "at", "duration_seconds", "complete", "requests", "received_bytes", "missed_ticks" },
 *       "sinks": [ { "name", "kind", "up", "last_ok_at", "delay_seconds", "waiting", "series", "bytes", "delivered", "retried",
 *                    "rejected", "rests", "dropped": { "overtaken", "overflow", "series", "spool_full", "too_old", "damaged" },
 *                    "error", "error_at" } ] }
 *
 * The reason is that of the history's `runs`: "run", or "once", which leaves its report as it ends. Instants are Unix seconds with
 * milliseconds. What is unknown is left out: stopped_at while the agent runs, collection before the first, up before the first
 * attempt, error where there was none since the start. Members are only added, never renamed. Replaced as a whole (rename), so a
 * reader never sees half of one. No secrets: names, counts and the sentences that the log has, too.
 */
#ifndef AGENT_PIPELINE_REPORT_H
#define AGENT_PIPELINE_REPORT_H

#include "agent/pipeline/worker.h"

#define REPORT_FILE "status.json"
#define REPORT_FILE_MAX ((size_t)1 << 20) /* to read */

struct buf;

struct report_head {
    bool is_once; /* the reason: "once", else "run" */
    int64_t started_ms, written_ms;
    int64_t stopped_ms; /* 0: it runs */
    const char *config_hash;
    int64_t interval_ms;
    struct report_collection {
        int64_t time_ms; /* 0: none yet */
        int64_t duration_ns, requests, received_bytes;
        uint64_t missed_ticks;
        bool complete;
    } collection;
};

void report_put(struct buf *to, const struct report_head *head, struct worker *const *workers, size_t count);
/* Temporary file and rename, mode 0640. */
int report_write(const char *directory, const struct buf *text, struct err *err);

/* Fills table `sinks` and the info of an open batch. 1: done; head tells the rest (its texts excepted). 0: there is no such file. -1:
 * it cannot be read. */
int report_read(const char *directory, struct batch *b, struct report_head *head, struct err *err);
/* The same table from table `agent` of a batch, as a history holds it: less is known. */
void report_from_agent(struct batch *b);

#endif
