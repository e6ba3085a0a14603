/* report.c - see report.h. */
#include "agent/pipeline/report.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/file.h"
#include "agent/base/quote.h"
#include "agent/base/xalloc.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Writing ---------------------------------------------------------------------------------------------------------------- */

static void put_text(struct buf *to, const char *member, const char *text)
{
    buf_printf(to, ",\"%s\":", member);
    quote_json(to, text, strlen(text));
}

static void put_count(struct buf *to, const char *member, uint64_t n)
{
    buf_printf(to, ",\"%s\":%" PRIu64, member, n);
}

/* Milliseconds as seconds; nothing where there is no such instant. */
static void put_seconds(struct buf *to, const char *member, int64_t ms)
{
    buf_printf(to, ",\"%s\":%" PRId64 ".%03d", member, ms / 1000, (int)(ms % 1000));
}

static void put_instant(struct buf *to, const char *member, int64_t ms)
{
    if (ms > 0)
        put_seconds(to, member, ms);
}

static void put_collection(struct buf *to, const struct report_collection *c)
{
    if (c->time_ms == 0)
        return;
    buf_printf(to, ",\n\"collection\":{\"at\":%" PRId64, c->time_ms / 1000);
    put_seconds(to, "duration_seconds", c->duration_ns / NS_PER_MS);
    buf_printf(to, ",\"complete\":%s", c->complete ? "true" : "false");
    put_count(to, "requests", (uint64_t)c->requests);
    put_count(to, "received_bytes", (uint64_t)c->received_bytes);
    put_count(to, "missed_ticks", c->missed_ticks);
    buf_putc(to, '}');
}

static void put_dropped(struct buf *to, const struct worker_counts *c)
{
    buf_printf(to, ",\"dropped\":{\"overtaken\":%" PRIu64, c->overtaken);
    put_count(to, "overflow", c->overflowed + c->spool_dropped[SPOOL_OVERFLOW]);
    put_count(to, "series", c->cut_series);
    put_count(to, "spool_full", c->spool_dropped[SPOOL_FULL]);
    put_count(to, "too_old", c->spool_dropped[SPOOL_OLD]);
    put_count(to, "damaged", c->spool_dropped[SPOOL_DAMAGED]);
    buf_putc(to, '}');
}

static void put_sink(struct buf *to, struct worker *w, int64_t now_ms)
{
    struct worker_counts c;
    const char *name = worker_name(w);

    worker_read_counts(w, &c);
    buf_puts(to, "{\"name\":");
    quote_json(to, name, strlen(name));
    put_text(to, "kind", worker_kind(w));
    if (c.tried)
        buf_printf(to, ",\"up\":%s", c.up ? "true" : "false");
    put_instant(to, "last_ok_at", c.delivered_at_ms);
    int64_t delay_ms = c.waiting_since_ms > 0 ? now_ms - c.waiting_since_ms : 0;
    put_seconds(to, "delay_seconds", delay_ms > 0 ? delay_ms : 0);
    if (worker_has_spool(w))
        put_count(to, "waiting", c.waiting);
    if (c.delivered_at_ms > 0) {
        put_count(to, "series", c.series);
        put_count(to, "bytes", c.bytes);
    }
    put_count(to, "delivered", c.delivered);
    put_count(to, "retried", c.retried);
    put_count(to, "rejected", c.rejected);
    put_count(to, "rests", c.rests);
    put_dropped(to, &c);
    if (c.last_error[0] != '\0')
        put_text(to, "error", c.last_error);
    put_instant(to, "error_at", c.last_error_ms);
    buf_putc(to, '}');
}

void report_put(struct buf *to, const struct report_head *head, struct worker *const *workers, size_t count)
{
    buf_puts(to, "{\"schema\":1");
    put_text(to, "version", MQPUSH_VERSION);
    put_text(to, "reason", head->is_once ? "once" : "run");
    put_count(to, "pid", (uint64_t)getpid());
    put_instant(to, "started_at", head->started_ms);
    put_instant(to, "written_at", head->written_ms);
    put_instant(to, "stopped_at", head->stopped_ms);
    put_text(to, "config", head->config_hash);
    put_seconds(to, "interval_seconds", head->interval_ms);
    put_collection(to, &head->collection);
    buf_puts(to, ",\n\"sinks\":[");
    for (size_t i = 0; i < count; i++) {
        buf_puts(to, i > 0 ? ",\n" : "\n");
        put_sink(to, workers[i], head->written_ms);
    }
    buf_puts(to, "]}\n");
}

static int write_all(int fd, const struct buf *text, struct err *err)
{
    for (size_t done = 0; done < text->len;) {
        ssize_t n = write(fd, text->data + done, text->len - done);
        if (n < 0 && errno != EINTR)
            return err_sys(err, "write");
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int report_write(const char *directory, const struct buf *text, struct err *err)
{
    char *path = xasprintf("%s/" REPORT_FILE, directory), *temporary = xasprintf("%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    int result = fd < 0 ? err_sys(err, "open") : write_all(fd, text, err);

    if (fd >= 0)
        close(fd);
    if (result == 0 && rename(temporary, path) < 0)
        result = err_sys(err, "rename");
    if (result < 0) {
        unlink(temporary);
        err_wrap(err, "%s", path);
    }
    free(temporary);
    free(path);
    return result;
}

/* Reading ---------------------------------------------------------------------------------------------------------------- */

enum { AS_SECONDS, AS_COUNT, AS_TEXT, AS_BOOL };

/* One row each: members of a sink, and the columns they fill. */
static const struct member {
    const char *name;
    unsigned column;
    int type;
} members[] = {
    { "name", SINKS_SINK, AS_TEXT },
    { "kind", SINKS_KIND, AS_TEXT },
    { "up", SINKS_UP, AS_BOOL },
    { "last_ok_at", SINKS_LAST_TIMESTAMP_SECONDS, AS_SECONDS },
    { "delay_seconds", SINKS_DELAY_SECONDS, AS_SECONDS },
    { "waiting", SINKS_WAITING, AS_COUNT },
    { "series", SINKS_SERIES, AS_COUNT },
    { "bytes", SINKS_BYTES, AS_COUNT },
    { "delivered", SINKS_DELIVERED_TOTAL, AS_COUNT },
    { "retried", SINKS_RETRIED_TOTAL, AS_COUNT },
    { "rejected", SINKS_REJECTED_TOTAL, AS_COUNT },
    { "rests", SINKS_RESTS_TOTAL, AS_COUNT },
    { "error", SINKS_ERROR, AS_TEXT },
    { "error_at", SINKS_ERROR_TIMESTAMP_SECONDS, AS_SECONDS },
};

static double number_of(const cJSON *object, const char *member)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, member);

    return cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble < 1e15 ? value->valuedouble : NAN;
}

static int64_t count_of(const cJSON *object, const char *member, double factor)
{
    double number = number_of(object, member);

    return isnan(number) ? 0 : llround(number * factor);
}

static uint32_t add_row(struct batch *b)
{
    uint32_t row = batch_add(b, TABLE_SINKS), empty = batch_intern(b, "", 0);

    for (unsigned key = KEY_SOURCE; key <= KEY_CLUSTER; key++)
        batch_set_text(b, TABLE_SINKS, row, key, empty);
    return row;
}

static void read_member(struct batch *b, uint32_t row, const struct member *m, const cJSON *sink)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(sink, m->name);
    double number = number_of(sink, m->name);

    if (m->type == AS_TEXT && cJSON_IsString(value))
        batch_set_text(b, TABLE_SINKS, row, m->column, batch_intern_z(b, value->valuestring));
    else if (m->type == AS_BOOL && cJSON_IsBool(value))
        batch_set_int(b, TABLE_SINKS, row, m->column, cJSON_IsTrue(value));
    else if (m->type == AS_COUNT && !isnan(number))
        batch_set_int(b, TABLE_SINKS, row, m->column, (int64_t)number);
    else if (m->type == AS_SECONDS && !isnan(number))
        batch_set_real(b, TABLE_SINKS, row, m->column, number);
}

/* The reasons that were met, for people ("overtaken 3, too_old 1"), and the sum of batches: series cut from one are none. */
static void read_dropped(struct batch *b, uint32_t row, const cJSON *dropped)
{
    struct buf text;
    int64_t sum = 0;

    buf_init(&text, 0);
    for (const cJSON *reason = dropped->child; reason != NULL; reason = reason->next) {
        int64_t n = count_of(dropped, reason->string, 1);
        sum += strcmp(reason->string, "series") == 0 ? 0 : n;
        if (n > 0)
            buf_printf(&text, "%s%s %" PRId64, text.len > 0 ? ", " : "", reason->string, n);
    }
    batch_set_int(b, TABLE_SINKS, row, SINKS_DROPPED_TOTAL, sum);
    if (text.len > 0)
        batch_set_text(b, TABLE_SINKS, row, SINKS_DROPS, batch_intern(b, text.data, text.len));
    buf_fini(&text);
}

static void read_sink(struct batch *b, const cJSON *sink)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(sink, "name");
    const cJSON *dropped = cJSON_GetObjectItemCaseSensitive(sink, "dropped");

    if (!cJSON_IsString(name))
        return;
    uint32_t row = add_row(b);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        read_member(b, row, &members[i], sink);
    if (cJSON_IsObject(dropped))
        read_dropped(b, row, dropped);
}

static int read_root(const cJSON *root, struct batch *b, struct report_head *head, struct err *err)
{
    const cJSON *sinks = cJSON_GetObjectItemCaseSensitive(root, "sinks");
    const cJSON *collection = cJSON_GetObjectItemCaseSensitive(root, "collection");
    const cJSON *reason = cJSON_GetObjectItemCaseSensitive(root, "reason");

    *head = (struct report_head){
        .is_once = cJSON_IsString(reason) && strcmp(reason->valuestring, "once") == 0,
        .started_ms = count_of(root, "started_at", 1000),
        .written_ms = count_of(root, "written_at", 1000),
        .stopped_ms = count_of(root, "stopped_at", 1000),
        .interval_ms = count_of(root, "interval_seconds", 1000),
        .collection.time_ms = count_of(collection, "at", 1000),
        .collection.complete = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(collection, "complete")),
    };
    if (!cJSON_IsArray(sinks) || head->written_ms == 0)
        return err_set(err, ERR_PROTO, "not what mqpush run writes");
    batch_info_edit(b)->time_ms = head->written_ms;
    batch_info_edit(b)->interval_ms = head->interval_ms;
    batch_info_edit(b)->complete = true;
    for (const cJSON *sink = sinks->child; sink != NULL; sink = sink->next)
        read_sink(b, sink);
    return 0;
}

/* 1, 0 if there is no such file, -1. */
static int read_file(const char *path, struct buf *to, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(err, "open");
    int result = file_read(fd, to, err) < 0 ? -1 : 1;
    close(fd);
    return result;
}

int report_read(const char *directory, struct batch *b, struct report_head *head, struct err *err)
{
    char *path = xasprintf("%s/" REPORT_FILE, directory);
    struct buf text;

    buf_init(&text, REPORT_FILE_MAX);
    int result = read_file(path, &text, err);
    if (result > 0) {
        cJSON *root = cJSON_ParseWithLength(text.data, text.len);
        if (read_root(root, b, head, err) < 0)
            result = -1;
        cJSON_Delete(root);
    }
    if (result < 0)
        err_wrap(err, "%s", path);
    buf_fini(&text);
    free(path);
    return result;
}

void report_from_agent(struct batch *b)
{
    static const unsigned columns[][2] = {
        { AGENT_UP, SINKS_UP },
        { AGENT_LAST_TIMESTAMP_SECONDS, SINKS_LAST_TIMESTAMP_SECONDS },
        { AGENT_DELAY_SECONDS, SINKS_DELAY_SECONDS },
        { AGENT_SERIES, SINKS_SERIES },
        { AGENT_DELIVERED_TOTAL, SINKS_DELIVERED_TOTAL },
        { AGENT_RETRIED_TOTAL, SINKS_RETRIED_TOTAL },
        { AGENT_REJECTED_TOTAL, SINKS_REJECTED_TOTAL },
        { AGENT_DROPPED_TOTAL, SINKS_DROPPED_TOTAL },
    };

    for (uint32_t from = 0; from < batch_rows(b, TABLE_AGENT); from++) {
        const char *part = batch_text(b, TABLE_AGENT, from, AGENT_PART);
        if (part == NULL || strcmp(part, "collect") == 0 || strcmp(part, "spool") == 0)
            continue;
        uint32_t row = add_row(b);
        batch_set_text(b, TABLE_SINKS, row, SINKS_SINK, batch_text_id(b, TABLE_AGENT, from, AGENT_PART));
        batch_set_text(b, TABLE_SINKS, row, SINKS_KIND, batch_intern(b, part, strcspn(part, " ")));
        for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
            unsigned theirs = columns[i][0], ours = columns[i][1];
            if (schema_tables[TABLE_SINKS].columns[ours].kind == COLUMN_REAL)
                batch_set_real(b, TABLE_SINKS, row, ours, batch_real(b, TABLE_AGENT, from, theirs));
            else
                batch_set_int(b, TABLE_SINKS, row, ours, batch_int(b, TABLE_AGENT, from, theirs));
        }
    }
}
