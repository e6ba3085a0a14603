/*
 * database.c - see database.h.
 *
 * A new file is made whole in one transaction before it is switched to write-ahead logging: killed at any moment, it is
 * either empty or complete, and its application id stands in the file itself (not in a log beside it), where
 * database_inspect can read it without opening somebody else's database.
 *
 * Fixed properties of the file: auto_vacuum INCREMENTAL (room of expired data can be given back in steps), WAL (readers never
 * wait for the writer nor the writer for readers; kill -9 loses nothing that was committed; after power loss the newest
 * intervals may be missing, the file is whole). The log and its index stay when we close (PERSIST_WAL, emptied), so that a
 * reader without write access to the directory can open the file while no agent runs.
 */
#include "sinks/sqlite/database.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "sinks/sqlite/layout.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0640
#define BUSY_MAX_MS 5000
#define BUSY_NAP_MS 10
#define PROGRESS_OPS 20000 /* virtual machine steps between two looks at the clock: about a millisecond */
#define LOG_KEPT_BYTES "16777216"

void database_init(struct database *db, const char *path)
{
    *db = (struct database){ .path = path, .deadline_ns = INT64_MAX, .cancel_fd = -1 };
}

void database_limit(struct database *db, int64_t deadline_ns, int cancel_fd)
{
    db->deadline_ns = deadline_ns;
    db->cancel_fd = cancel_fd;
}

static bool is_canceled(const struct database *db, int wait_ms)
{
    struct pollfd cancel = { .fd = db->cancel_fd, .events = POLLIN };

    return poll(&cancel, 1, wait_ms) > 0; /* a negative fd is ignored: then this only waits */
}

/* SQLite asks whether to go on waiting for another connection's lock. */
static int wait_for_lock(void *ctx, int naps)
{
    const struct database *db = ctx;

    if (naps >= BUSY_MAX_MS / BUSY_NAP_MS || clock_now_ns() + BUSY_NAP_MS * NS_PER_MS >= db->deadline_ns)
        return 0;
    return !is_canceled(db, BUSY_NAP_MS);
}

/* SQLite asks in the middle of a statement; not 0 interrupts it. */
static int check_limit(void *ctx)
{
    const struct database *db = ctx;

    return clock_now_ns() >= db->deadline_ns || (db->cancel_fd >= 0 && is_canceled(db, 0));
}

static enum database_trouble trouble_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return DATABASE_BUSY;
    case SQLITE_FULL:
        return DATABASE_FULL;
    case SQLITE_INTERRUPT:
        return DATABASE_LATE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return DATABASE_DAMAGED;
    default:
        return DATABASE_IO;
    }
}

int database_fail(struct database *db, struct err *err)
{
    int code = sqlite3_extended_errcode(db->handle), sys = sqlite3_system_errno(db->handle);
    const char *text = sqlite3_errmsg(db->handle);
    char reason[128];

    db->trouble = trouble_of(code);
    if (code == SQLITE_IOERR_NOMEM || (code & 0xff) == SQLITE_NOMEM)
        abort(); /* as xalloc does */
    switch (db->trouble) {
    case DATABASE_BUSY:
        return err_set(err, ERR_TIMEOUT, "%s: another program is writing to it", db->path);
    case DATABASE_FULL:
        return err_set(err, ERR_SYS, "%s: disk full", db->path);
    case DATABASE_LATE:
        if (clock_now_ns() >= db->deadline_ns)
            return err_set(err, ERR_TIMEOUT, "%s: not written in the time given", db->path);
        return err_set(err, ERR_CANCELED, "%s: told to stop", db->path);
    case DATABASE_DAMAGED:
        return err_set(err, ERR_PROTO, "%s: %s", db->path, text);
    default:
        break;
    }
    /* The operating system's reason is only there for some codes, and stays from an earlier call otherwise. */
    bool has_reason = sys != 0 && ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN);
    err_set(err, ERR_SYS, "%s: %s%s%s", db->path, text, has_reason ? ": " : "",
            has_reason ? strerror_r(sys, reason, sizeof(reason)) : "");
    if (err != NULL)
        err->sys = sys;
    return -1;
}

int database_exec(struct database *db, const char *sql, struct err *err)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : database_fail(db, err);
}

int database_prepare(struct database *db, const char *sql, struct sqlite3_stmt **stmt, struct err *err)
{
    return sqlite3_prepare_v2(db->handle, sql, -1, stmt, NULL) == SQLITE_OK ? 0 : database_fail(db, err);
}

int database_step(struct database *db, struct sqlite3_stmt *stmt, struct err *err)
{
    int code = sqlite3_step(stmt);

    if (code == SQLITE_ROW)
        return 1;
    if (code == SQLITE_DONE) {
        sqlite3_reset(stmt);
        return 0;
    }
    database_fail(db, err); /* before the reset, which may lose the text */
    sqlite3_reset(stmt);
    return -1;
}

int database_run(struct database *db, struct sqlite3_stmt *stmt, struct err *err)
{
    int got = database_step(db, stmt, err);

    assert(got <= 0);
    return got;
}

int database_integer(struct database *db, const char *sql, int64_t none, int64_t *value, struct err *err)
{
    struct sqlite3_stmt *stmt;

    if (database_prepare(db, sql, &stmt, err) < 0)
        return -1;
    int got = database_step(db, stmt, err);
    if (got > 0)
        *value = sqlite3_column_type(stmt, 0) == SQLITE_NULL ? none : sqlite3_column_int64(stmt, 0);
    else if (got == 0)
        *value = none;
    sqlite3_finalize(stmt);
    return got < 0 ? -1 : 0;
}

void database_rollback(struct database *db)
{
    /* After some errors SQLite has rolled back by itself. Nothing can be done about a failure here: closing the connection
     * or the next opening rolls back as well. */
    if (db->handle != NULL && !sqlite3_get_autocommit(db->handle)) {
        database_limit(db, INT64_MAX, -1);
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    }
}

static uint32_t get_be32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/*
 *     0                  16          60            68                100
 *     | "SQLite format 3\0" | ...    | user_version | application_id | ...     (big endian)
 */
static int inspect_header(struct database *db, int fd, struct err *err)
{
    enum { HEADER = 100, USER_VERSION = 60, APPLICATION_ID = 68 };
    unsigned char header[HEADER];
    ssize_t got = pread(fd, header, sizeof(header), 0);

    if (got < 0) {
        db->trouble = DATABASE_IO;
        return err_sys(err, "%s: read", db->path);
    }
    if (got == 0)
        return 1;
    if (got < HEADER || memcmp(header, "SQLite format 3", 16) != 0) {
        db->trouble = DATABASE_DAMAGED;
        return err_set(err, ERR_PROTO, "%s: file is not a database", db->path);
    }
    if (get_be32(header + APPLICATION_ID) != DATABASE_APPLICATION_ID) {
        db->trouble = DATABASE_FOREIGN;
        return err_set(err, ERR_CONFIG, "%s: a database of another program (application id %#x, ours is %#x); give another path",
                       db->path, get_be32(header + APPLICATION_ID), DATABASE_APPLICATION_ID);
    }
    if (get_be32(header + USER_VERSION) > DATABASE_VERSION) {
        db->trouble = DATABASE_NEWER;
        return err_set(err, ERR_CONFIG, "%s: written by a newer mqpush (layout %u, this one knows %d)", db->path,
                       get_be32(header + USER_VERSION), DATABASE_VERSION);
    }
    return 0;
}

/* flags: how to open; 1 when there is nothing yet. Notes which file it was. */
static int inspect_file(struct database *db, int flags, struct err *err)
{
    struct stat st;
    /* NONBLOCK: a named pipe in this place must not hold us. */
    int fd = open(db->path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE);

    if (fd < 0) {
        int missing = errno == ENOENT && (flags & O_CREAT) == 0;
        db->trouble = DATABASE_IO;
        return missing ? 1 : err_sys(err, "cannot open %s", db->path);
    }
    int result;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        db->trouble = DATABASE_FOREIGN;
        result = err_set(err, ERR_CONFIG, "%s: not a regular file", db->path);
    } else {
        db->device = st.st_dev;
        db->inode = st.st_ino;
        result = inspect_header(db, fd, err);
    }
    close(fd);
    return result;
}

int database_inspect(struct database *db, struct err *err)
{
    return inspect_file(db, O_RDONLY, err);
}

/*
 * Makes whatever is missing, in one transaction. auto_vacuum must be chosen before the first page exists, and makes it: outside
 * of the transaction, or behind a BEGIN IMMEDIATE, that page would be a database already and not yet ours. As the first
 * statement after a plain BEGIN it takes the write lock itself.
 */
static int update_file(struct database *db, struct err *err)
{
    if (database_exec(db, "BEGIN", err) < 0)
        return -1;
    char pragmas[128];
    snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", DATABASE_APPLICATION_ID,
             DATABASE_VERSION);
    int result = database_exec(db, "PRAGMA auto_vacuum = INCREMENTAL", err);
    if (result == 0)
        result = layout_update(db, err);
    if (result == 0)
        result = database_exec(db, pragmas, err);
    if (result < 0)
        database_rollback(db);
    return result;
}

/* A run from a timer opens the file each minute, so the usual case only reads. */
static int bring_up_to_date(struct database *db, struct err *err)
{
    int64_t version;

    if (database_integer(db, "PRAGMA user_version", 0, &version, err) < 0)
        return -1;
    if (version > DATABASE_VERSION) {
        db->trouble = DATABASE_NEWER;
        return err_set(err, ERR_CONFIG, "%s: written by a newer mqpush (layout %lld, this one knows %d)", db->path,
                       (long long)version, DATABASE_VERSION);
    }
    int stale = version < DATABASE_VERSION ? 1 : layout_is_stale(db, err);
    return stale <= 0 ? stale : update_file(db, err);
}

static int open_handle(struct database *db, struct err *err)
{
    int persist = 1;

    if (sqlite3_open_v2(db->path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        if (db->handle == NULL)
            abort(); /* out of memory */
        return database_fail(db, err);
    }
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_handler(db->handle, wait_for_lock, db);
    sqlite3_progress_handler(db->handle, PROGRESS_OPS, check_limit, db);
    sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    return database_exec(db, "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY; "
                             "PRAGMA cache_size = -512", err);
}

int database_open(struct database *db, struct err *err)
{
    assert(db->handle == NULL);
    db->trouble = DATABASE_FINE;
    if (inspect_file(db, O_RDWR | O_CREAT, err) < 0)
        return -1;
    if (open_handle(db, err) < 0 || bring_up_to_date(db, err) < 0 ||
        database_exec(db, "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = " LOG_KEPT_BYTES, err) < 0) {
        database_close(db);
        return -1;
    }
    return 0;
}

void database_close(struct database *db)
{
    if (db->handle == NULL)
        return;
    sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    int code = sqlite3_close(db->handle);
    assert(code == SQLITE_OK); /* else a statement was not finalized: our bug */
    (void)code;
    db->handle = NULL;
}

bool database_is_in_place(const struct database *db)
{
    struct stat st;

    return stat(db->path, &st) == 0 && st.st_dev == db->device && st.st_ino == db->inode;
}

int database_move_aside(struct database *db, int64_t now_s, struct err *err)
{
    static const char *const parts[] = { "-wal", "-shm", "" }; /* the file last: without it nothing points at the others */
    struct err why = *err;

    assert(db->handle == NULL);
    char *aside = xasprintf("%s.damaged-%lld", db->path, (long long)now_s);
    int result = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && result == 0; i++) {
        char *from = xasprintf("%s%s", db->path, parts[i]), *to = xasprintf("%s%s", aside, parts[i]);
        if (rename(from, to) < 0 && errno != ENOENT)
            result = err_sys(err, "%s; cannot move it aside", why.msg);
        free(from);
        free(to);
    }
    if (result == 0)
        err_set(err, ERR_PROTO, "%s; kept as %s, a new history begins", why.msg, aside);
    free(aside);
    return result;
}

const char *database_library(void)
{
    static char text[40];

    snprintf(text, sizeof(text), "SQLite %s", sqlite3_libversion());
    return text;
}
