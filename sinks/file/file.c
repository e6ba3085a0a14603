/*
 * file.c - the sink "file": a page of metrics for node_exporter, or rows appended for whoever reads files. Options and results;
 * the lines are rows.c, what holds for the files append.c and replace.c.
 *
 * A page is the newest state (LATEST), rows are history (EVERY). "-" is standard output, where nothing can be taken back.
 */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "sinks/file/append.h"
#include "sinks/file/replace.h"
#include "sinks/file/rows.h"
#include "sinks/outlet.h"
#include "sinks/prom_text.h"
#include "sinks/sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TABLE_MARK "{table}"

enum file_format { FORMAT_AUTO, FORMAT_PROM, FORMAT_JSONL, FORMAT_CSV, FORMAT_INFLUX };

static const char *const format_names[] = { "auto", "prom", "jsonl", "csv", "influx", NULL };

struct file_sink {
    const char *path;
    int format;
    const struct sink_env *env;
    struct rows_style style;
    struct append_file files[TABLE_COUNT]; /* one for all tables ([0]), or one for each */
};

static const struct option_spec options[] = {
    OPT(OPT_TYPE_STR, struct file_sink, path, NULL,
        "the file, or - for standard output; {table} in it becomes the table's name, which csv otherwise puts before the suffix"),
    OPT_CHOICE(struct file_sink, format, "auto", format_names,
               "prom: a page of metrics, replaced each time, for node_exporter's textfile collector; jsonl, csv, influx: rows, "
               "appended; auto goes by the suffix: .prom .csv .influx, else jsonl"),
    { 0 },
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static enum file_format format_of(const struct file_sink *s)
{
    static const struct {
        const char *suffix;
        enum file_format format;
    } known[] = { { ".prom", FORMAT_PROM }, { ".csv", FORMAT_CSV }, { ".influx", FORMAT_INFLUX } };

    if (s->format != FORMAT_AUTO)
        return (enum file_format)s->format;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (s->path != NULL && ends_with(s->path, known[i].suffix))
            return known[i].format;
    return FORMAT_JSONL;
}

static enum sink_mode file_mode(const void *self)
{
    return format_of(self) == FORMAT_PROM ? SINK_LATEST : SINK_EVERY;
}

static bool is_stdout(const struct file_sink *s)
{
    return strcmp(s->path, "-") == 0;
}

static bool is_split(const struct file_sink *s)
{
    return strstr(s->path, TABLE_MARK) != NULL || s->style.format == ROWS_CSV;
}

static bool is_wanted(const struct file_sink *s, int t)
{
    return !schema_tables[t].hidden && (s->env->tables == NULL || s->env->tables[t]);
}

/* "/var/log/{table}.csv" or "/var/log/rows.csv" -> "/var/log/groups.csv", "/var/log/rows.groups.csv". */
static char *path_of(const struct file_sink *s, int t)
{
    const char *table = schema_tables[t].name, *mark = strstr(s->path, TABLE_MARK);
    const char *slash = strrchr(s->path, '/'), *name = slash != NULL ? slash + 1 : s->path, *dot = strrchr(name, '.');

    if (!is_split(s))
        return xstrdup(s->path);
    if (mark != NULL)
        return xasprintf("%.*s%s%s", (int)(mark - s->path), s->path, table, mark + strlen(TABLE_MARK));
    if (dot == NULL || dot == name)
        return xasprintf("%s.%s", s->path, table);
    return xasprintf("%.*s.%s%s", (int)(dot - s->path), s->path, table, dot);
}

static int file_open(void *self, const struct sink_env *env, struct err *err)
{
    static const enum rows_format rows[] = {
        [FORMAT_JSONL] = ROWS_JSONL, [FORMAT_CSV] = ROWS_CSV, [FORMAT_INFLUX] = ROWS_INFLUX };
    struct file_sink *s = self;
    enum file_format format = format_of(s);

    s->env = env;
    if (s->path == NULL || s->path[0] == '\0')
        return err_set(err, ERR_CONFIG, "path is missing");
    if (format == FORMAT_PROM && strstr(s->path, TABLE_MARK) != NULL)
        return err_set(err, ERR_CONFIG, "path: %s: a page of metrics has no tables", s->path);
    if (prom_text_check_labels(env->labels, err) < 0)
        return -1;
    if (format == FORMAT_PROM)
        return 0;
    s->style = (struct rows_style){ .format = rows[format], .labels = env->labels };
    for (int t = 0; t < (is_split(s) ? TABLE_COUNT : 1) && !is_stdout(s); t++) {
        char *path = path_of(s, t);
        append_init(&s->files[t], path, s->style.format);
        free(path);
    }
    return 0;
}

static void file_close(void *self)
{
    struct file_sink *s = self;

    for (int t = 0; t < TABLE_COUNT; t++)
        append_fini(&s->files[t]);
}

/* ---- a page ---- */

static int put_page(const struct file_sink *s, const struct batch *b, struct sink_delivery *d, struct buf *out)
{
    struct prom_text_count count = prom_text_render(b, s->env->families, s->env->labels, s->env->max_series, out);

    d->series = count.samples;
    d->cut = count.cut;
    d->first_cut = count.first_cut;
    return buf_flush(out);
}

static int deliver_page(const struct file_sink *s, const struct batch *b, struct sink_delivery *d, struct err *err)
{
    struct replace_file page;
    struct buf out;

    if (replace_begin(&page, s->path, d, err) < 0)
        return -1;
    buf_init_drain(&out, replace_write, &page);
    int rc = put_page(s, b, d, &out);
    buf_fini(&out);
    return replace_end(&page, rc == 0);
}

/* ---- rows ---- */

/* The tables from `first` on that go into one file: this one, or all. */
static int put_tables(struct file_sink *s, int first, const struct batch *b, struct sink_delivery *d, struct buf *out)
{
    int last = is_split(s) && !is_stdout(s) ? first + 1 : TABLE_COUNT;

    for (int t = first; t < last; t++) {
        if (!is_wanted(s, t) || batch_rows(b, (enum table_id)t) == 0)
            continue;
        if (is_stdout(s))
            rows_put_head(&s->style, (enum table_id)t, out);
        d->series += rows_put(&s->style, b, (enum table_id)t, out);
    }
    return buf_flush(out);
}

/* An interval that was delivered, but not noted when the agent was killed, comes again. */
static bool is_there(struct file_sink *s, int first, const struct batch *b, struct append_file *file, struct sink_delivery *d)
{
    struct sink_delivery seen = { 0 };
    struct buf out;

    buf_init_drain(&out, append_compare, file);
    bool same = put_tables(s, first, b, &seen, &out) == 0;
    buf_fini(&out);
    d->series += same ? seen.series : 0;
    return same;
}

static int append_tables(struct file_sink *s, int first, const struct batch *b, struct sink_delivery *d, struct err *err)
{
    struct append_file *file = &s->files[first];
    int64_t time_s = batch_info(b)->time_ms / 1000;
    struct buf head, out;

    buf_init(&head, 0);
    if (is_split(s))
        rows_put_head(&s->style, (enum table_id)first, &head);
    int rc = append_begin(file, time_s, head.data, head.len, d, err);
    buf_fini(&head);
    if (rc < 0)
        return -1;
    if (rc > 0 && is_there(s, first, b, file, d)) {
        append_end(file, time_s, true);
        return 0;
    }
    buf_init_drain(&out, append_write, file);
    rc = put_tables(s, first, b, d, &out);
    buf_fini(&out);
    append_end(file, time_s, rc == 0);
    return rc;
}

static int deliver_rows(struct file_sink *s, const struct batch *b, struct sink_delivery *d, struct err *err)
{
    if (!is_split(s))
        return append_tables(s, 0, b, d, err);
    for (int t = 0; t < TABLE_COUNT; t++)
        if (is_wanted(s, t) && batch_rows(b, (enum table_id)t) > 0 && append_tables(s, t, b, d, err) < 0)
            return -1; /* those before it are cut and written again with the next try */
    return 0;
}

static int deliver_stdout(struct file_sink *s, const struct batch *b, struct sink_delivery *d, struct err *err)
{
    struct outlet outlet = { .fd = STDOUT_FILENO, .name = "standard output", .delivery = d, .err = err };
    struct buf out;

    buf_init_drain(&out, outlet_write, &outlet);
    int rc = file_mode(s) == SINK_LATEST ? put_page(s, b, d, &out) : put_tables(s, 0, b, d, &out);
    buf_fini(&out);
    if (rc < 0 && (err->sys == EPIPE || err->sys == EBADF))
        err->kind = ERR_CONFIG; /* a reader that has gone does not come back */
    return rc;
}

static enum sink_result file_deliver(void *self, const struct batch *b, struct sink_delivery *d, struct err *err)
{
    struct file_sink *s = self;
    int rc;

    if (is_stdout(s))
        rc = deliver_stdout(s, b, d, err);
    else if (file_mode(s) == SINK_LATEST)
        rc = deliver_page(s, b, d, err);
    else
        rc = deliver_rows(s, b, d, err);
    if (rc == 0)
        return SINK_OK;
    return err->kind == ERR_CONFIG ? SINK_REJECT : SINK_RETRY;
}

/* ---- for people ---- */

static int file_render(void *self, const struct batch *b, struct buf *out, struct err *err)
{
    struct file_sink *s = self;
    struct sink_delivery d = { .cancel_fd = -1 };

    if (file_mode(s) == SINK_LATEST)
        put_page(s, b, &d, out);
    for (int t = 0; t < TABLE_COUNT && file_mode(s) == SINK_EVERY; t++)
        if (is_wanted(s, t) && batch_rows(b, (enum table_id)t) > 0) {
            rows_put_head(&s->style, (enum table_id)t, out);
            rows_put(&s->style, b, (enum table_id)t, out);
        }
    return buf_failed(out) ? err_set(err, ERR_LIMIT, "more text than %zu bytes", out->limit) : 0;
}

static int check_directory(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash == NULL ? xstrdup(".") : xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
    int rc = access(directory, W_OK | X_OK) < 0 ? err_sys(err, "%s: cannot write into its directory", path) : 0;

    free(directory);
    return rc;
}

static int file_probe(void *self, int64_t deadline_ns, char *detail, size_t size, struct err *err)
{
    const struct file_sink *s = self;
    int64_t bytes, sum = 0;

    (void)deadline_ns;
    snprintf(detail, size, is_stdout(s) ? "standard output" : "a new file");
    if (is_stdout(s))
        return 0;
    if (check_directory(s->path, err) < 0)
        return -1;
    if (file_mode(s) == SINK_LATEST) {
        int there = replace_look(s->path, err);
        if (there == 0)
            snprintf(detail, size, "a page of metrics, replaced with every interval");
        return there < 0 ? -1 : 0;
    }
    for (int t = 0; t < TABLE_COUNT; t++) {
        if (s->files[t].path == NULL || (is_split(s) && !is_wanted(s, t)))
            continue;
        if (append_look(s->files[t].path, s->style.format, &bytes, err) < 0)
            return -1;
        sum += bytes;
    }
    if (sum > 0)
        snprintf(detail, size, "rows are appended, %lld KiB so far", (long long)sum / 1024);
    return 0;
}

const struct sink_ops file_sink = {
    .name = "file",
    .help = "a file: a page of metrics for node_exporter, or rows as JSON lines, CSV or Influx line protocol",
    .schemes = "file",
    .address_option = "path",
    .mode = SINK_EVERY,
    .mode_of = file_mode,
    .options = options,
    .size = sizeof(struct file_sink),
    .open = file_open,
    .deliver = file_deliver,
    .render = file_render,
    .probe = file_probe,
    .close = file_close,
};
