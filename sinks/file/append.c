/* append.c - see append.h. */
#include "sinks/file/append.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "sinks/sink.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0640
#define HEAD_MAX 8192           /* the longest line of names is below that */
#define LINE_MAX_BYTES (16 << 20) /* a file without a line end in as many bytes is not ours */
#define SCAN_BYTES 4096

void append_init(struct append_file *f, const char *path, enum rows_format format)
{
    *f = (struct append_file){ .path = xstrdup(path), .format = format, .fd = -1 };
}

static void close_file(struct append_file *f)
{
    if (f->fd >= 0)
        close(f->fd); /* and with it goes the lock */
    f->fd = -1;
}

void append_fini(struct append_file *f)
{
    if (f->path == NULL)
        return;
    close_file(f);
    free(f->path);
    f->path = NULL;
}

/* ---- what is there ---- */

static int cut_to(struct append_file *f, int64_t size, struct err *err)
{
    if (ftruncate(f->fd, size) < 0)
        return err_sys(err, "%s: cannot be cut back to %lld bytes", f->path, (long long)size);
    f->size = size;
    return 0;
}

/* Where the line that reaches up to `end` begins: behind the line end before end - 1. */
static int find_line(const struct append_file *f, int64_t end, int64_t *start, struct err *err)
{
    char bytes[SCAN_BYTES];

    for (int64_t to = end - 1; to > 0; to -= SCAN_BYTES) {
        int64_t from = to > SCAN_BYTES ? to - SCAN_BYTES : 0;
        ssize_t n = pread(f->fd, bytes, (size_t)(to - from), from);
        if (n != to - from)
            return err_sys(err, "%s: read", f->path);
        const char *found = memrchr(bytes, '\n', (size_t)n);
        *start = found != NULL ? from + (found - bytes) + 1 : 0;
        if (found == NULL && end - from > LINE_MAX_BYTES)
            return err_set(err, ERR_CONFIG, "%s: a line of more than %d bytes: not written by mqpush", f->path, LINE_MAX_BYTES);
        if (found != NULL || from == 0)
            return 0;
    }
    *start = 0;
    return 0;
}

/* The time of the line [start, end); false also where it has none, as CSV's first. */
static bool read_time(const struct append_file *f, int64_t start, int64_t end, int64_t *time_s)
{
    char first[ROWS_PIECE], last[ROWS_PIECE];
    int64_t len = end - 1 - start, piece = len < ROWS_PIECE ? len : ROWS_PIECE;

    return len > 0 && pread(f->fd, first, (size_t)piece, start) == piece &&
           pread(f->fd, last, (size_t)piece, end - 1 - piece) == piece &&
           rows_time(f->format, first, (size_t)piece, last, (size_t)piece, time_s);
}

/* After a kill or a power failure the file may end within a line. */
static int cut_half_line(struct append_file *f, int64_t size, struct err *err)
{
    int64_t start;
    char last;

    f->size = size;
    if (size == 0 || (pread(f->fd, &last, 1, size - 1) == 1 && last == '\n'))
        return 0;
    /* find_line looks before end - 1, so one byte more makes it look at all there are. */
    return find_line(f, size + 1, &start, err) < 0 ? -1 : cut_to(f, start, err);
}

static int find_newest(struct append_file *f, struct err *err)
{
    int64_t start;

    f->newest_s = NO_INT;
    f->newest_at = -1;
    if (f->size == 0)
        return 0;
    if (find_line(f, f->size, &start, err) < 0)
        return -1;
    if (!read_time(f, start, f->size, &f->newest_s))
        f->newest_s = NO_INT;
    return 0;
}

/* Walks back over the lines of the newest interval. */
static int find_newest_start(struct append_file *f, struct err *err)
{
    int64_t end = f->size, start, time_s;

    while (end > 0) {
        if (find_line(f, end, &start, err) < 0)
            return -1;
        if (!read_time(f, start, end, &time_s) || time_s != f->newest_s)
            break;
        end = start;
    }
    f->newest_at = end;
    return 0;
}

/* Where the line that byte `from` is in ends: behind its line end. */
static int find_line_end(const struct append_file *f, int64_t from, int64_t *end, struct err *err)
{
    char bytes[SCAN_BYTES];

    for (int64_t at = from; at < f->size; at += SCAN_BYTES) {
        ssize_t n = pread(f->fd, bytes, sizeof(bytes), at);
        const char *found = n > 0 ? memchr(bytes, '\n', (size_t)n) : NULL;
        if (n <= 0)
            return err_sys(err, "%s: read", f->path);
        *end = found != NULL ? at + (found - bytes) + 1 : f->size;
        if (found != NULL)
            return 0;
    }
    *end = f->size;
    return 0;
}

/* The first line of that time, by halves: times rise, but for a clock that was set back. 1: it is there, from same_to on. */
static int find_interval(struct append_file *f, int64_t time_s, struct err *err)
{
    int64_t low = 0, high = f->size, found_s = NO_INT;

    while (low < high) {
        int64_t middle = low + (high - low) / 2, start, end, line_s;
        if (find_line(f, middle + 1, &start, err) < 0 || find_line_end(f, middle, &end, err) < 0)
            return -1;
        if (read_time(f, start, end, &line_s) && line_s >= time_s) {
            high = start;
            found_s = line_s;
        } else {
            low = end;
        }
    }
    f->same_to = high;
    return found_s == time_s;
}

/* ---- opening ---- */

static int refuse_foreign(const char *path, enum rows_format format, int fd, struct err *err)
{
    char first[ROWS_PIECE];
    ssize_t n = pread(fd, first, sizeof(first), 0);

    if (n < 0)
        return err_sys(err, "%s: read", path);
    return rows_is_ours(format, first, (size_t)n)
               ? 0
               : err_set(err, ERR_CONFIG, "%s: holds something else than rows in this format; give another path", path);
}

/* CSV: an older agent knew fewer columns, or other labels were configured. Such a file is left as it is, under another name. */
static int check_head(struct append_file *f, const char *head, size_t head_len, struct err *err)
{
    char *bytes = xmalloc(HEAD_MAX);
    int result = 0;

    ssize_t n = pread(f->fd, bytes, head_len, 0);
    if (n < 0)
        result = err_sys(err, "%s: read", f->path);
    else if (n > 0 && (n != (ssize_t)head_len || memcmp(bytes, head, head_len) != 0)) {
        char *aside = xasprintf("%s.until-%lld", f->path, (long long)(clock_wall_ms() / 1000));
        if (rename(f->path, aside) < 0)
            result = err_sys(err, "%s has other columns; cannot rename it", f->path);
        else
            result = err_set(err, ERR_PROTO, "%s has other columns; kept as %s, a new file begins", f->path, aside);
        free(aside);
    }
    free(bytes);
    return result;
}

static int take_file(struct append_file *f, const char *head, size_t head_len, struct err *err)
{
    struct stat st;

    if (fstat(f->fd, &st) < 0)
        return err_sys(err, "%s", f->path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_CONFIG, "%s: not a regular file", f->path);
    if (flock(f->fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, ERR_TIMEOUT, "%s: another program is writing to it", f->path);
    if (refuse_foreign(f->path, f->format, f->fd, err) < 0 || fstat(f->fd, &st) < 0 || cut_half_line(f, st.st_size, err) < 0 ||
        check_head(f, head, head_len, err) < 0)
        return -1;
    f->device = st.st_dev;
    f->inode = st.st_ino;
    return find_newest(f, err);
}

static int open_file(struct append_file *f, const char *head, size_t head_len, struct err *err)
{
    /* NONBLOCK: a named pipe in this place must not hold us. */
    f->fd = open(f->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE);
    if (f->fd < 0)
        return err_sys(err, "cannot open %s", f->path);
    if (take_file(f, head, head_len, err) == 0)
        return 0;
    close_file(f);
    return -1;
}

/* Is the path still this file, and as long as we left it? */
static bool is_in_place(const struct append_file *f)
{
    struct stat st;

    return stat(f->path, &st) == 0 && st.st_dev == f->device && st.st_ino == f->inode && st.st_size == f->size;
}

/* ---- an interval ---- */

int append_begin(struct append_file *f, int64_t time_s, const char *head, size_t head_len, struct sink_delivery *d,
                 struct err *err)
{
    assert(head_len <= HEAD_MAX);
    if (f->fd >= 0 && !is_in_place(f))
        close_file(f);
    if (f->fd < 0 && open_file(f, head, head_len, err) < 0)
        return -1;
    f->delivery = d;
    f->err = err;
    if (f->newest_s == time_s) {
        if ((f->newest_at < 0 && find_newest_start(f, err) < 0) || cut_to(f, f->newest_at, err) < 0)
            return -1;
        f->newest_s = NO_INT;
    }
    f->start = f->size;
    if (f->newest_s != NO_INT && time_s < f->newest_s)
        return find_interval(f, time_s, err);
    if (f->size > 0 || head_len == 0 || append_write(f, head, head_len) == 0)
        return 0;
    append_end(f, time_s, false);
    return -1;
}

static int check_time(const struct append_file *f)
{
    struct pollfd cancel = { .fd = f->delivery->cancel_fd, .events = POLLIN };

    if (poll(&cancel, 1, 0) > 0)
        return err_set(f->err, ERR_CANCELED, "%s: told to stop", f->path);
    if (clock_now_ns() >= f->delivery->deadline_ns)
        return err_set(f->err, ERR_TIMEOUT, "%s: not written in the time given", f->path);
    return 0;
}

int append_write(void *file, const char *data, size_t len)
{
    struct append_file *f = file;

    if (check_time(f) < 0)
        return -1;
    while (len > 0) {
        ssize_t n = write(f->fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(f->err, "%s: write", f->path);
        data += n;
        len -= (size_t)n;
        f->size += n;
        f->delivery->bytes += (uint64_t)n;
    }
    return 0;
}

int append_compare(void *file, const char *data, size_t len)
{
    struct append_file *f = file;
    char bytes[SCAN_BYTES];

    for (size_t done = 0; done < len;) {
        size_t piece = len - done < sizeof(bytes) ? len - done : sizeof(bytes);
        if (pread(f->fd, bytes, piece, f->same_to) != (ssize_t)piece || memcmp(bytes, data + done, piece) != 0)
            return -1;
        done += piece;
        f->same_to += (int64_t)piece;
    }
    return 0;
}

void append_end(struct append_file *f, int64_t time_s, bool success)
{
    if (success) {
        if (f->size > f->start) {
            f->newest_s = time_s;
            f->newest_at = f->start; /* with the line of names, which comes again as well */
        }
    } else if (cut_to(f, f->start, NULL) < 0) {
        close_file(f); /* opening it again cuts what it can */
    }
    f->delivery = NULL;
    f->err = NULL;
}

int append_look(const char *path, enum rows_format format, int64_t *size, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    *size = 0;
    if (fd < 0)
        return errno == ENOENT ? 1 : err_sys(err, "cannot open %s", path);
    int result;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        result = err_set(err, ERR_CONFIG, "%s: not a regular file", path);
    else if (access(path, W_OK) < 0)
        result = err_sys(err, "cannot write %s", path);
    else
        result = refuse_foreign(path, format, fd, err);
    *size = result == 0 ? st.st_size : 0;
    close(fd);
    return result;
}
