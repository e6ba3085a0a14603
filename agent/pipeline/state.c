/*
 * state.c - see state.h.
 *
 * The file is ours alone, so SQLite keeps its locks for good (locking_mode EXCLUSIVE: no -shm file, nothing shared that a full
 * disk could break). WAL with synchronous NORMAL: kill -9 loses nothing that was committed; after power loss the newest
 * intervals may be missing, the file is whole. auto_vacuum INCREMENTAL gives the room of an outage back in steps.
 */
#include "agent/pipeline/state.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY_MODE 0750
#define FILE_MODE 0600
#define APPLICATION_ID 0x6d717073 /* "mqps" */
#define LAYOUT 1
#define BUSY_MS 5 /* somebody looks into it with sqlite3: the next interval will do */
#define HOLDER_MAX 64

struct state {
    char *directory, *path;
    int lock_fd;
    sqlite3 *handle; /* NULL while closed */
    int code;        /* SQLite's, of the newest failure */
    unsigned file;
    char *news;
    bool has_news;
};

static const char layout_sql[] =
    "CREATE TABLE batches(number INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE TABLE cursors(sink TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE blobs(name TEXT PRIMARY KEY, data BLOB NOT NULL);";

/* The lock ------------------------------------------------------------------------------------------------------------- */

/* Who wrote the lock file, as far as it is to be believed. */
static void read_holder(int fd, char text[HOLDER_MAX])
{
    ssize_t got = pread(fd, text, HOLDER_MAX - 1, 0);

    text[got > 0 ? got : 0] = '\0';
    for (char *c = text; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '\0';
    if (text[0] == '\0')
        snprintf(text, HOLDER_MAX, "another process");
}

static int write_holder(int fd, const char *who)
{
    char text[HOLDER_MAX];
    int len = snprintf(text, sizeof(text), "mqpush %s, pid %ld\n", who, (long)getpid());

    return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) == len ? 0 : -1;
}

static int take_lock(struct state *s, const char *who, struct err *err)
{
    char *path = xasprintf("%s/lock", s->directory), holder[HOLDER_MAX];
    int result = 0;

    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, FILE_MODE);
    if (s->lock_fd < 0) {
        result = err_sys(err, "cannot open %s", path);
    } else if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        read_holder(s->lock_fd, holder);
        result = err_set(err, ERR_REMOTE, "the state directory %s is in use by %s", s->directory, holder);
    } else {
        write_holder(s->lock_fd, who); /* only for people: a full disk must not matter */
    }
    free(path);
    return result;
}

struct state *state_open(const char *directory, const char *who, struct err *err)
{
    struct state *s = xcalloc(1, sizeof(*s));

    s->directory = xstrdup(directory);
    s->path = xasprintf("%s/state.db", directory);
    s->lock_fd = -1;
    if (mkdir(directory, DIRECTORY_MODE) < 0 && errno != EEXIST)
        err_sys(err, "cannot make the state directory %s", directory);
    else if (take_lock(s, who, err) == 0)
        return s;
    state_close(s);
    return NULL;
}

const char *state_directory(const struct state *s)
{
    return s->directory;
}

static void close_handle(struct state *s)
{
    if (s->handle == NULL)
        return;
    int code = sqlite3_close(s->handle); /* rolls back, and writes the log back into the file */
    assert(code == SQLITE_OK);           /* else a statement was not finalized: our bug */
    (void)code;
    s->handle = NULL;
}

void state_close(struct state *s)
{
    if (s == NULL)
        return;
    close_handle(s);
    if (s->lock_fd >= 0)
        close(s->lock_fd); /* the file stays: removing it would let two in */
    free(s->directory);
    free(s->path);
    free(s->news);
    free(s);
}

/* SQL ------------------------------------------------------------------------------------------------------------------ */

static int fail(struct state *s, struct err *err)
{
    if (s->handle == NULL) {
        s->code = SQLITE_CANTOPEN;
        return err_set(err, ERR_SYS, "%s: not open", s->path);
    }
    int sys = sqlite3_system_errno(s->handle);

    s->code = sqlite3_extended_errcode(s->handle);
    if ((s->code & 0xff) == SQLITE_NOMEM || s->code == SQLITE_IOERR_NOMEM)
        abort(); /* as xalloc does */
    if ((s->code & 0xff) == SQLITE_FULL)
        return err_set(err, ERR_SYS, "%s: disk full", s->path);
    if ((s->code & 0xff) == SQLITE_IOERR && sys != 0) {
        errno = sys;
        return err_sys(err, "%s", s->path);
    }
    return err_set(err, ERR_SYS, "%s: %s", s->path, sqlite3_errmsg(s->handle));
}

int state_exec(struct state *s, const char *sql, struct err *err)
{
    return s->handle != NULL && sqlite3_exec(s->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(s, err);
}

int state_prepare(struct state *s, const char *sql, const int64_t *numbers, int count, struct sqlite3_stmt **stmt, struct err *err)
{
    if (s->handle == NULL || sqlite3_prepare_v2(s->handle, sql, -1, stmt, NULL) != SQLITE_OK)
        return fail(s, err);
    for (int i = 0; i < count; i++)
        sqlite3_bind_int64(*stmt, i + 1, numbers[i]);
    return 0;
}

int state_step(struct state *s, struct sqlite3_stmt **stmt, struct err *err)
{
    int code = sqlite3_step(*stmt);

    if (code == SQLITE_ROW)
        return 1;
    if (code != SQLITE_DONE)
        fail(s, err); /* before the statement goes, which may lose the text */
    sqlite3_finalize(*stmt);
    *stmt = NULL;
    return code == SQLITE_DONE ? 0 : -1;
}

static int read_integer(struct state *s, const char *sql, int64_t *value, struct err *err)
{
    struct sqlite3_stmt *stmt;

    if (state_prepare(s, sql, NULL, 0, &stmt, err) < 0)
        return -1;
    int got = state_step(s, &stmt, err);
    *value = got > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return got < 0 ? -1 : 0;
}

/* The file ------------------------------------------------------------------------------------------------------------- */

/* Made here, so that it is private from its first moment; what SQLite puts beside it takes over the mode. */
static int make_file(struct state *s, struct err *err)
{
    struct stat st;
    int fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, FILE_MODE);

    if (fd < 0)
        return err_sys(err, "cannot open %s", s->path);
    int result = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? 0 : err_set(err, ERR_SYS, "%s: not a regular file", s->path);
    close(fd);
    return result;
}

static int make_layout(struct state *s, struct err *err)
{
    char pragmas[96];

    snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID, LAYOUT);
    if (state_exec(s, "BEGIN", err) < 0 || state_exec(s, layout_sql, err) < 0 || state_exec(s, pragmas, err) < 0)
        return -1;
    return state_exec(s, "COMMIT", err);
}

/* A file that says nothing of itself is new if it has no table; anything else must be ours. */
static int check_layout(struct state *s, struct err *err)
{
    int64_t id, layout, tables;

    if (read_integer(s, "PRAGMA application_id", &id, err) < 0 || read_integer(s, "PRAGMA user_version", &layout, err) < 0 ||
        read_integer(s, "SELECT count(*) FROM sqlite_schema", &tables, err) < 0)
        return -1;
    if (id == 0 && layout == 0 && tables == 0)
        return make_layout(s, err);
    if (id == APPLICATION_ID && layout == LAYOUT)
        return 0;
    s->code = SQLITE_NOTADB;
    return err_set(err, ERR_PROTO, "%s: not the state of this version of mqpush (application id %#llx, layout %lld)", s->path,
                   (unsigned long long)id, (long long)layout);
}

static int open_handle(struct state *s, struct err *err)
{
    s->code = SQLITE_CANTOPEN;
    if (make_file(s, err) < 0)
        return -1;
    int code = sqlite3_open_v2(s->path, &s->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (s->handle == NULL)
        abort(); /* out of memory */
    if (code != SQLITE_OK)
        return fail(s, err);
    sqlite3_extended_result_codes(s->handle, 1);
    sqlite3_busy_timeout(s->handle, BUSY_MS);
    if (state_exec(s, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;"
                      "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY;"
                      "PRAGMA cache_size = -512; PRAGMA journal_size_limit = 8388608", err) < 0)
        return -1;
    if (check_layout(s, err) < 0)
        return -1;
    s->file = s->file == 0 ? 1 : s->file;
    return 0;
}

static bool is_damage(int code)
{
    code &= 0xff;
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR; /* ERROR: a table of ours is not there */
}

/* The log first: without it the file is only older, without the file the log is nothing. */
static void set_aside(struct state *s)
{
    static const char *const parts[] = { "-wal", "-journal", "" };
    char *aside = xasprintf("%s.aside-%lld", s->path, (long long)(clock_wall_ms() / 1000));
    bool moved = true;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        char *from = xasprintf("%s%s", s->path, parts[i]), *to = xasprintf("%s%s", aside, parts[i]);
        if (rename(from, to) < 0 && errno != ENOENT)
            moved = false;
        free(from);
        free(to);
    }
    free(s->news);
    s->news = moved ? xasprintf("%s cannot be used; kept as %s, a new one begins, what was in it is not delivered", s->path, aside)
                    : xasprintf("%s cannot be used and cannot be moved aside: %s", s->path, strerror(errno));
    s->has_news = true;
    s->file += s->file > 0; /* what somebody knows of the old one is no longer so */
    free(aside);
}

static int open_file(struct state *s, struct err *err)
{
    for (int try = 0; s->handle == NULL; try++) {
        if (open_handle(s, err) == 0)
            return 0;
        bool again = is_damage(s->code) && try == 0;
        close_handle(s);
        if (!again)
            return -1;
        set_aside(s);
    }
    return 0;
}

/* Undone, the file is as it was: it can be read, and written when there is room. */
static bool is_passing(int code)
{
    return (code & 0xff) == SQLITE_FULL || (code & 0xff) == SQLITE_BUSY || code == SQLITE_IOERR_WRITE || code == SQLITE_OK;
}

void state_fail(struct state *s)
{
    int code = s->code;

    if (s->handle != NULL && !sqlite3_get_autocommit(s->handle))
        sqlite3_exec(s->handle, "ROLLBACK", NULL, NULL, NULL);
    if (is_passing(code))
        return;
    close_handle(s);
    if (is_damage(code))
        set_aside(s);
    open_file(s, NULL); /* readers may go on */
    s->code = SQLITE_OK;
}

int state_begin(struct state *s, struct err *err)
{
    s->code = SQLITE_OK;
    if (open_file(s, err) < 0)
        return -1;
    return state_exec(s, "BEGIN IMMEDIATE", err);
}

int state_commit(struct state *s, struct err *err)
{
    return state_exec(s, "COMMIT", err);
}

bool state_is_full(const struct state *s)
{
    return (s->code & 0xff) == SQLITE_FULL || s->code == SQLITE_IOERR_WRITE;
}

unsigned state_file(const struct state *s)
{
    return s->file;
}

const char *state_news(struct state *s)
{
    bool has_news = s->has_news;

    s->has_news = false;
    return has_news ? s->news : NULL;
}

/* Blobs ---------------------------------------------------------------------------------------------------------------- */

int state_read(struct state *s, const char *name, struct buf *out, struct err *err)
{
    struct sqlite3_stmt *stmt;

    if (state_prepare(s, "SELECT data FROM blobs WHERE name = ?1", NULL, 0, &stmt, err) < 0)
        return -1;
    sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    int got = state_step(s, &stmt, err);
    size_t len = got > 0 ? (size_t)sqlite3_column_bytes(stmt, 0) : 0;
    if (len > STATE_BLOB_MAX)
        got = 0;
    else if (got > 0)
        buf_put(out, sqlite3_column_blob(stmt, 0), len);
    sqlite3_finalize(stmt);
    return got;
}

int state_write(struct state *s, const char *name, const void *data, size_t len, struct err *err)
{
    struct sqlite3_stmt *stmt;

    if (len > STATE_BLOB_MAX)
        return err_set(err, ERR_LIMIT, "%s: %zu bytes to remember, limit is %zu", name, len, STATE_BLOB_MAX);
    if (state_prepare(s, "INSERT OR REPLACE INTO blobs(name, data) VALUES(?1, ?2)", NULL, 0, &stmt, err) < 0)
        return -1;
    sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 2, len > 0 ? data : "", (int)len, SQLITE_STATIC);
    return state_step(s, &stmt, err);
}
