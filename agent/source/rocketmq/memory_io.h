/*
 * memory_io.h - one description for both ways: each function writes the value it is given, or reads it.
 *
 * So what stands in memory.c and memory_parts.c is the layout, once, and reading cannot drift from writing. Numbers are LEB128
 * varints; times are spans before the moment of writing. After a failed read all further reads give 0, and io->failed tells.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_MEMORY_IO_H
#define AGENT_SOURCE_ROCKETMQ_MEMORY_IO_H

#include "agent/base/buf.h"
#include "agent/base/intern.h"
#include "agent/source/rocketmq/cluster.h"

#define MEMORY_AGE_MAX_MS 315360000000LL /* ten years: above, a time is nonsense and becomes "never" */
#define MEMORY_ROOM_MAX (1u << 23) /* entries of arrays by number, all brokers together */

struct memory_io {
    bool is_writing;
    bool failed;
    struct buf *out;               /* written to */
    const unsigned char *at, *end; /* read from */
    int64_t base_ns;               /* the moment of writing, by the monotonic clock of this process */
    uint32_t looks;                /* made until then */
    struct intern texts;           /* every text once; their table stands before the rest */
    uint32_t room;                 /* entries that reading has made so far */
    uint32_t *topics, *groups, *pairs; /* writing: by number, the number there; 0: left out. NULL: as it is */
};

void io_u64(struct memory_io *io, uint64_t *value);
void io_i64(struct memory_io *io, int64_t *value);
void io_u32(struct memory_io *io, uint32_t *value, uint32_t max); /* reading: fails above max */
void io_u16(struct memory_io *io, uint16_t *value, uint16_t max);
void io_u8(struct memory_io *io, uint8_t *value, uint8_t max);
void io_bool(struct memory_io *io, bool *value);
void io_real(struct memory_io *io, double *value);
void io_float(struct memory_io *io, float *value);
void io_offset(struct memory_io *io, int64_t *value, int64_t near); /* UNKNOWN or an offset; short if it is close to `near` */
void io_time(struct memory_io *io, int64_t *ns);      /* monotonic; 0: never */
void io_time_unless(struct memory_io *io, int64_t *ns, bool is_cut); /* writes never if so: what was left out is asked again at once */
void io_seconds(struct memory_io *io, uint32_t *s);   /* the same in seconds */
void io_look(struct memory_io *io, uint32_t *number); /* 0: never */
/* Of things that take at least a byte each. Reading fails beyond max, or beyond what is left. */
uint32_t io_count(struct memory_io *io, uint32_t count, uint32_t max);
/* A text without NUL of at most that many bytes; good as long as io. "" where reading failed. */
const char *io_text(struct memory_io *io, const char *text, size_t max);
/* A name: not empty. */
struct view io_name(struct memory_io *io, struct view name);
/* A number of a name; `map` as in struct memory_io. Reading: 1..count - 1. */
void io_id(struct memory_io *io, const uint32_t *map, uint32_t *id, uint32_t count);
/* Reading: false if the numbers up to this one would take too much memory on one more broker. */
bool io_has_room(struct memory_io *io, uint32_t entries);

#endif
