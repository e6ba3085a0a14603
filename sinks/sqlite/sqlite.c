/*
 * sqlite.c - the sink "sqlite": the history file. Options, results, what a person sees; the work is store.c.
 *
 * A failure is almost never the batch's fault: the spool keeps it, and it is written when the disk, the lock or the directory
 * is back. Only what no retry can heal is refused: a file of another program or of a newer agent, which is never touched.
 */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/num.h"
#include "sinks/sink.h"
#include "sinks/sqlite/schema_sql.h"
#include "sinks/sqlite/store.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DISK_FLOOR_BYTES (8LL << 20) /* below it nothing is written: SQLite needs room for its log even to delete */
#define CLOSE_MAX_NS (2 * NS_PER_S)
#define DAY_MS (86400LL * 1000)
#define SIZE_MIN_BYTES (4LL << 20)
#define SAY_EVERY_NS (86400 * NS_PER_S)

struct sqlite_sink {
    const char *path;
    int64_t keep, keep_hourly, keep_daily, max_size;
    struct store store;
    uint64_t removed;     /* intervals that max_size has cost since it was said last */
    int64_t said_at_ns;   /* 0: never */
    bool is_open;
};

static const struct option_spec options[] = {
    OPT(OPT_TYPE_STR, struct sqlite_sink, path, "", "the file; history.db in the state directory if empty"),
    OPT_RANGE(OPT_TYPE_DURATION, struct sqlite_sink, keep, "30d", 3600000, 36500 * DAY_MS, "how long each interval is kept"),
    OPT_RANGE(OPT_TYPE_DURATION, struct sqlite_sink, keep_hourly, "400d", DAY_MS, 36500 * DAY_MS,
              "how long the hourly roll-ups are kept"),
    OPT_RANGE(OPT_TYPE_DURATION, struct sqlite_sink, keep_daily, "3650d", DAY_MS, 36500 * DAY_MS,
              "how long the daily roll-ups are kept"),
    OPT(OPT_TYPE_SIZE, struct sqlite_sink, max_size, "0",
        "largest size of the file; above it the oldest intervals go before their time; its log, some MiB, comes on top; 0: no limit"),
    { 0 },
};

static int sqlite_open(void *self, const struct sink_env *env, struct err *err)
{
    struct sqlite_sink *sink = self;
    const struct store_run run = {
        .start_time = clock_wall_ms() / 1000,
        .reason = env->start_reason != NULL ? env->start_reason : "",
        .version = env->agent_version != NULL ? env->agent_version : "",
        .config_hash = env->config_hash != NULL ? env->config_hash : "",
        .tables = env->tables,
    };

    if (sink->path == NULL || sink->path[0] == '\0')
        return err_set(err, ERR_CONFIG, "path is missing");
    if (sink->max_size > 0 && sink->max_size < SIZE_MIN_BYTES)
        return err_set(err, ERR_CONFIG, "max_size: at least %lld MiB, or 0 for no limit", SIZE_MIN_BYTES >> 20);
    store_init(&sink->store, sink->path, &run);
    sink->is_open = true;
    return 0;
}

static void sqlite_close(void *self)
{
    struct sqlite_sink *sink = self;

    if (!sink->is_open)
        return;
    database_limit(&sink->store.db, clock_now_ns() + CLOSE_MAX_NS, -1);
    store_fini(&sink->store);
    sink->is_open = false;
}

/* The directory of path, "." if it names none. */
static const char *directory_of(const char *path, char *text, size_t size)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return ".";
    snprintf(text, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return text;
}

static int check_room(const struct sqlite_sink *sink, struct err *err)
{
    char directory[4096];
    struct statvfs fs;

    if (statvfs(directory_of(sink->path, directory, sizeof(directory)), &fs) < 0)
        return 0; /* opening the file will say it better */
    int64_t room = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    if (room >= DISK_FLOOR_BYTES)
        return 0;
    return err_set(err, ERR_SYS, "%s: disk full: %lld KiB left, %lld KiB are kept free", sink->path, (long long)room / 1024,
                   DISK_FLOOR_BYTES / 1024);
}

static enum sink_result result_of_failure(struct sqlite_sink *sink, struct err *err)
{
    switch (sink->store.db.trouble) {
    case DATABASE_FOREIGN:
    case DATABASE_NEWER:
        return SINK_REJECT;
    case DATABASE_DAMAGED:
        store_drop(&sink->store);
        database_move_aside(&sink->store.db, clock_wall_ms() / 1000, err);
        return SINK_RETRY;
    default:
        return SINK_RETRY;
    }
}

/* Below the floor there is still room to give unused pages back, and to let go what is too old. */
static int make_room(struct sqlite_sink *sink, struct store_limits limits, struct err *err)
{
    struct store_trimmed trimmed;

    if (check_room(sink, err) == 0)
        return 0;
    limits.is_tight = true;
    if (store_trim(&sink->store, &limits, &trimmed, NULL) < 0)
        return -1;
    return check_room(sink, err);
}

/* What max_size costs is said at once, then once a day. */
static void say_trimmed(struct sqlite_sink *sink, const struct store_trimmed *trimmed, struct sink_delivery *d)
{
    int64_t now = clock_now_ns();

    sink->removed += trimmed->intervals;
    if ((sink->removed == 0 && !trimmed->is_too_large) || (sink->said_at_ns != 0 && now - sink->said_at_ns < SAY_EVERY_NS))
        return;
    sink->said_at_ns = now;
    snprintf(d->note, sizeof(d->note), "%s: max_size of %lld MiB reached, %llu old interval%s removed before their time%s",
             sink->path, (long long)(sink->max_size >> 20), (unsigned long long)sink->removed, sink->removed == 1 ? "" : "s",
             trimmed->is_too_large ? "; what must stay is larger" : "");
    sink->removed = 0;
}

static enum sink_result sqlite_deliver(void *self, const struct batch *b, struct sink_delivery *d, struct err *err)
{
    struct sqlite_sink *sink = self;
    struct store *store = &sink->store;
    const struct store_limits limits = { .keep_s = sink->keep / 1000, .keep_hourly_s = sink->keep_hourly / 1000,
                                         .keep_daily_s = sink->keep_daily / 1000, .max_bytes = sink->max_size };
    struct store_written written;
    struct store_trimmed trimmed;

    if (batch_info(b)->time_ms < 1000) {
        err_set(err, ERR_LIMIT, "%s: an interval without a time", sink->path);
        return SINK_REJECT;
    }
    database_limit(&store->db, d->deadline_ns, d->cancel_fd);
    if (make_room(sink, limits, err) < 0)
        return SINK_RETRY;
    if (store_write(store, b, &written, err) < 0)
        return result_of_failure(sink, err);
    d->series = written.rows;
    d->bytes = written.bytes;
    /* Expiry is tidying up: what does not succeed now does with the next interval. */
    database_limit(&store->db, d->deadline_ns, d->cancel_fd);
    store_trim(store, &limits, &trimmed, NULL);
    say_trimmed(sink, &trimmed, d);
    if (written.was_moved)
        snprintf(d->note, sizeof(d->note), "%s was moved away or deleted; written to the one there now", sink->path);
    return SINK_OK;
}

/* ---- for people ---- */

static void put_escaped(struct buf *out, const char *text, size_t len)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\\' || c == '\t' || c == '\n')
            buf_printf(out, "\\%c", c == '\t' ? 't' : c == '\n' ? 'n' : '\\');
        else if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%c%c", hex[c >> 4], hex[c & 15]);
        else
            buf_putc(out, (char)c);
    }
}

static void put_cell(struct buf *out, const struct batch *b, enum table_id t, uint32_t row, unsigned c)
{
    double stored;
    uint32_t text;

    switch (schema_tables[t].columns[c].kind) {
    case COLUMN_INT:
        if (batch_has(b, t, row, c))
            buf_put_i64(out, batch_int(b, t, row, c));
        break;
    case COLUMN_REAL:
        if (store_round(batch_real(b, t, row, c), &stored))
            buf_put_real(out, stored);
        break;
    case COLUMN_KEY:
    case COLUMN_TEXT:
        text = batch_text_id(b, t, row, c);
        if (text != 0)
            put_escaped(out, batch_lookup(b, text), batch_lookup_len(b, text));
        break;
    }
}

/* Tab-separated, one block per table with its column names: what the views will show for this interval. */
static int sqlite_render(void *self, const struct batch *b, struct buf *out, struct err *err)
{
    (void)self;
    for (int t = 0; t < TABLE_COUNT; t++) {
        const struct table *table = &schema_tables[t];
        uint32_t rows = table->hidden ? 0 : batch_rows(b, (enum table_id)t);
        if (rows == 0)
            continue;
        buf_printf(out, "%s\ttime", table->name);
        for (unsigned c = 0; c < table->column_count; c++)
            if (!table->columns[c].hidden)
                buf_printf(out, "\t%s", table->columns[c].name);
        buf_putc(out, '\n');
        for (uint32_t row = 0; row < rows; row++) {
            buf_printf(out, "%s\t%lld", table->name, (long long)(batch_info(b)->time_ms / 1000));
            for (unsigned c = 0; c < table->column_count; c++)
                if (!table->columns[c].hidden) {
                    buf_putc(out, '\t');
                    put_cell(out, b, (enum table_id)t, row, c);
                }
            buf_putc(out, '\n');
            buf_row(out);
        }
    }
    return buf_failed(out) ? err_set(err, ERR_LIMIT, "output cut") : 0;
}

static int sqlite_probe(void *self, int64_t deadline_ns, char *detail, size_t size, struct err *err)
{
    const struct sqlite_sink *sink = self;
    char directory[4096];
    struct database db;
    struct stat st = { 0 };

    (void)deadline_ns;
    database_init(&db, sink->path);
    int seen = database_inspect(&db, err);
    if (seen < 0 && db.trouble != DATABASE_DAMAGED)
        return -1;
    directory_of(sink->path, directory, sizeof(directory));
    if (access(strchr(sink->path, '/') != NULL ? directory : ".", W_OK | X_OK) < 0)
        return err_sys(err, "%s: cannot write into its directory", sink->path);
    if (access(sink->path, F_OK) == 0 && access(sink->path, R_OK | W_OK) < 0)
        return err_sys(err, "cannot write %s", sink->path);
    if (check_room(sink, err) < 0)
        return -1;
    if (seen < 0)
        return err_wrap(err, "it would be moved aside");
    stat(sink->path, &st);
    if (seen == 0)
        snprintf(detail, size, "SQLite history, %lld KiB", (long long)st.st_size / 1024);
    else
        snprintf(detail, size, "a new SQLite history");
    return 0;
}

const struct sink_ops sqlite_sink = {
    .name = "sqlite",
    .help = "a local history that plain SQL reads",
    .schemes = "sqlite",
    .address_option = "path",
    .mode = SINK_EVERY,
    .options = options,
    .size = sizeof(struct sqlite_sink),
    .open = sqlite_open,
    .deliver = sqlite_deliver,
    .render = sqlite_render,
    .probe = sqlite_probe,
    .library = database_library,
    .close = sqlite_close,
};
