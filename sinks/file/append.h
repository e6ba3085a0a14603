/*
 * append.h - a file that lines are appended to, one interval at a time, which always ends with a whole line.
 *
 * - The lines of an interval are all there or, after a failure, none: the file is cut back to where they began. Killed in
 *   their midst, the next one who opens the file cuts the half line, and, when the same interval comes again (a spool delivers
 *   it), the lines of it that are there, if it is the last. One before the last is whole: where it stands with the same bytes, it
 *   is not written again. (Not just with the same time: a clock that was set back gives times twice.)
 * - The file is opened again when it was renamed, removed or cut under us (logrotate, with or without copytruncate).
 * - One writer at a time (flock), and only into a file that is empty or begins as ours do: a mistaken path hurts nobody.
 *
 * One thread at a time. Nothing is synced: after a power failure the newest intervals may be missing.
 */
#ifndef SINKS_FILE_APPEND_H
#define SINKS_FILE_APPEND_H

#include "agent/base/err.h"
#include "sinks/file/rows.h"

#include <sys/types.h>

struct sink_delivery;

struct append_file {
    char *path; /* owned; NULL: not in use */
    enum rows_format format;
    int fd;            /* -1 while closed */
    dev_t device;
    ino_t inode;
    int64_t size;      /* as we left it; always the end of a line */
    int64_t newest_s;  /* time of the last line; NO_INT: there is none */
    int64_t newest_at; /* where the lines of that time begin; -1: not looked up */
    /* While an interval is being written. */
    int64_t start;     /* its lines begin here */
    int64_t same_to;   /* append_compare has come so far */
    struct sink_delivery *delivery;
    struct err *err;
};

void append_init(struct append_file *f, const char *path, enum rows_format format);
void append_fini(struct append_file *f); /* fine on a zeroed struct */

/* Opens the file where needed; lines of this interval that are there already, as the last, are cut away. `head` is what a new file
 * begins with. 1: lines of this time stand further up; append_compare tells whether they are these. -1 with err->kind ERR_CONFIG
 * where no later try can succeed. */
int append_begin(struct append_file *f, int64_t time_s, const char *head, size_t head_len, struct sink_delivery *d,
                 struct err *err);
/* The drains of a buf whose context is the file. append_compare writes nothing; -1: something else stands there. */
int append_write(void *file, const char *data, size_t len);
int append_compare(void *file, const char *data, size_t len);
/* Ends what append_begin began; without success, everything written since is taken back. */
void append_end(struct append_file *f, int64_t time_s, bool success);

/* Whether such a file could be written: looks, changes nothing. 1: there is none yet. */
int append_look(const char *path, enum rows_format format, int64_t *size, struct err *err);

#endif
