/*
 * store.h - writing intervals into the history: one transaction each, a row only where a value changed.
 *
 * The store owns the open file and, in memory, what each entity's newest row says. Terms: a keyframe is an interval with a
 * row for everything: the first of each full hour, the first of each start of `run`, and one that is older than the one
 * written before it. The intervals that build on a keyframe are its frame; frames may lie between each other in time (a clock
 * set back, a spool delivered late), each is read alone.
 *
 * Always: an interval is in the file whole or not at all, and once. Whatever goes wrong while writing, memory is thrown away
 * and read again from the file, so the two cannot part. The same holds when another connection has written.
 */
#ifndef SINKS_SQLITE_STORE_H
#define SINKS_SQLITE_STORE_H

#include "agent/base/err.h"
#include "agent/model/batch.h"
#include "sinks/sqlite/database.h"
#include "sinks/sqlite/entity.h"

/* Who writes, for the runs table. Borrowed. */
struct store_run {
    int64_t start_time;
    const char *reason; /* "once": continue the last frame if it is young, instead of a keyframe each minute */
    const char *version;
    const char *config_hash;
    const bool *tables; /* [TABLE_COUNT]; NULL: all */
};

struct store_limits { /* ages in seconds; older ones are removed */
    int64_t keep_s, keep_hourly_s, keep_daily_s;
    int64_t max_bytes; /* of the file; above it the oldest raw intervals go first; 0: no limit */
    bool is_tight;     /* the disk is nearly full: all unused pages go back to it */
};

struct store_trimmed {
    uint64_t intervals; /* removed because of max_bytes, before their time */
    bool is_too_large;  /* still, and nothing may go: the newest frame and the roll-ups */
};

struct store_written {
    uint64_t entities; /* rows of the batch */
    uint64_t rows;     /* rows written for them */
    uint64_t bytes;    /* into the log */
    bool was_there;    /* the interval had been stored before; nothing was written */
    bool was_moved;    /* the file that was open is no longer there; this went into another */
};

/* Statements of one table, made when first needed. */
enum store_statement { STORE_NAME, STORE_ROW, STORE_UNTIL, STORE_GONE, STORE_STATEMENTS };

/* The columns of a table that are stored as values. */
struct store_values {
    unsigned count;
    uint8_t columns[SCHEMA_COLUMNS_MAX];
};

struct store {
    struct database db;
    struct store_run run;
    int64_t run_id;         /* 0: not in the file yet */
    bool is_loaded;         /* memory matches the file */
    bool has_started;       /* this process has stored an interval */
    bool must_keyframe;     /* memory cannot tell what the last interval says */
    int64_t newest;         /* the newest time in the file, 0 if it is empty */
    int64_t last;           /* time of the interval written last; older than newest where the clock was set back */
    int64_t keyframe;       /* what that one builds on */
    bool was_moved;         /* since the last interval that was written */
    int64_t data_version;   /* SQLite's mark of "somebody else wrote" */
    uint32_t pass;          /* counts calls of store_write, for entity.seen */
    uint64_t seed;          /* of all hashes */
    uint64_t *text_hashes;  /* of the batch's texts, 0: not made yet */
    uint32_t text_room;
    struct store_values values[TABLE_COUNT];
    struct entity_set sets[TABLE_COUNT];
    struct sqlite3_stmt *statements[TABLE_COUNT][STORE_STATEMENTS];
};

void store_init(struct store *s, const char *path, const struct store_run *run);
/* Also ends the run, if one began. */
void store_fini(struct store *s);
/* Opens the file if it is not open, and writes the batch. 0, or -1 with db.trouble set and nothing written. */
int store_write(struct store *s, const struct batch *b, struct store_written *written, struct err *err);
/* Removes at most an hour of what is too old, and some hours of what is too much; gives a little room back to the disk. A failure
 * does no harm. */
int store_trim(struct store *s, const struct store_limits *limits, struct store_trimmed *trimmed, struct err *err);
/* Closes the file without ending the run (it is damaged, or was moved away). */
void store_drop(struct store *s);
size_t store_memory(const struct store *s);

/* ---- for the other files of the store ---- */

/* One call of store_write on its way. */
struct store_interval {
    const struct batch *b;
    int64_t time, interval_s;
    int64_t frame;      /* the keyframe it builds on, or its own time */
    int64_t run_id;
    bool is_keyframe;
    bool is_late;       /* older than something stored */
    struct store_written *written;
};

/* The text must outlive the statement's next step; a key that is absent becomes "". */
void store_bind_text(struct sqlite3_stmt *stmt, int at, const struct batch *b, uint32_t text);
void store_bind_key(struct sqlite3_stmt *stmt, int at, const struct batch *b, enum table_id t, uint32_t row, unsigned column);

/* Values as they are stored and hashed. The real as the file has it: rounded to 1/1000; false: no value. */
bool store_round(double value, double *stored);
uint64_t store_hash_int(uint64_t hash, int64_t value);
uint64_t store_hash_real(uint64_t hash, bool is_there, double stored);
uint64_t store_hash_text(uint64_t hash, uint64_t text_hash); /* 0: no value */

#endif
