/* memory_io.c - see memory_io.h. */
#include "agent/source/rocketmq/memory_io.h"

#include "agent/base/clock.h"

#include <string.h>

static uint64_t zigzag(int64_t value)
{
    return value < 0 ? ~((uint64_t)value << 1) : (uint64_t)value << 1;
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static void put_varint(struct buf *out, uint64_t value)
{
    char *to = buf_grow(out, 10);
    size_t len = 0;

    if (to == NULL)
        return;
    for (; value >= 0x80; value >>= 7)
        to[len++] = (char)(value | 0x80);
    to[len++] = (char)value;
    out->len += len;
}

static uint64_t get_varint(struct memory_io *io)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && !io->failed && io->at < io->end; shift += 7) {
        unsigned char byte = *io->at++;
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
    io->failed = true;
    return 0;
}

void io_u64(struct memory_io *io, uint64_t *value)
{
    if (io->is_writing)
        put_varint(io->out, *value);
    else
        *value = get_varint(io);
}

void io_i64(struct memory_io *io, int64_t *value)
{
    uint64_t code = zigzag(*value);

    io_u64(io, &code);
    *value = unzigzag(code);
}

void io_u32(struct memory_io *io, uint32_t *value, uint32_t max)
{
    uint64_t code = *value;

    io_u64(io, &code);
    if (!io->is_writing && code > max)
        io->failed = true;
    *value = io->failed ? 0 : (uint32_t)code;
}

void io_u16(struct memory_io *io, uint16_t *value, uint16_t max)
{
    uint32_t code = *value;

    io_u32(io, &code, max);
    *value = (uint16_t)code;
}

void io_u8(struct memory_io *io, uint8_t *value, uint8_t max)
{
    uint32_t code = *value;

    io_u32(io, &code, max);
    *value = (uint8_t)code;
}

void io_bool(struct memory_io *io, bool *value)
{
    uint32_t code = *value;

    io_u32(io, &code, 1);
    *value = code != 0;
}

/* The bits with their bytes turned round, because round numbers end in zeros. */
void io_real(struct memory_io *io, double *value)
{
    uint64_t bits;

    memcpy(&bits, value, sizeof(bits));
    bits = __builtin_bswap64(bits);
    io_u64(io, &bits);
    bits = __builtin_bswap64(bits);
    memcpy(value, &bits, sizeof(bits));
}

void io_float(struct memory_io *io, float *value)
{
    uint32_t bits;

    memcpy(&bits, value, sizeof(bits));
    bits = __builtin_bswap32(bits);
    io_u32(io, &bits, UINT32_MAX);
    bits = __builtin_bswap32(bits);
    memcpy(value, &bits, sizeof(bits));
}

void io_offset(struct memory_io *io, int64_t *value, int64_t near)
{
    int64_t away = (int64_t)((uint64_t)*value - (uint64_t)near);

    io_i64(io, &away);
    if (io->is_writing)
        return;
    int64_t found = (int64_t)((uint64_t)near + (uint64_t)away);
    if (found < UNKNOWN || found > BODY_OFFSET_MAX)
        io->failed = true;
    *value = io->failed ? UNKNOWN : found;
}

/* Milliseconds: whoever needs a span needs it to the second. */
void io_time(struct memory_io *io, int64_t *ns)
{
    uint64_t code = *ns == 0 ? 0 : zigzag((io->base_ns - *ns) / NS_PER_MS) + 1;

    io_u64(io, &code);
    if (io->is_writing)
        return;
    int64_t age_ms = code == 0 ? 0 : unzigzag(code - 1);
    bool is_never = code == 0 || age_ms > MEMORY_AGE_MAX_MS || age_ms < -MEMORY_AGE_MAX_MS;
    *ns = is_never ? 0 : io->base_ns - age_ms * NS_PER_MS;
}

void io_time_unless(struct memory_io *io, int64_t *ns, bool is_cut)
{
    int64_t kept = is_cut ? 0 : *ns;

    io_time(io, &kept);
    if (!io->is_writing)
        *ns = kept;
}

/* A host that has booted since cannot say "before that": it says "then". */
void io_seconds(struct memory_io *io, uint32_t *s)
{
    int64_t base_s = io->base_ns / NS_PER_S;
    uint64_t code = *s == 0 ? 0 : zigzag(base_s - *s) + 1;

    io_u64(io, &code);
    if (io->is_writing)
        return;
    int64_t age_s = code == 0 ? 0 : unzigzag(code - 1);
    bool is_never = code == 0 || age_s > MEMORY_AGE_MAX_MS / 1000 || age_s < -MEMORY_AGE_MAX_MS / 1000;
    int64_t at_s = is_never ? 0 : base_s - age_s;
    *s = is_never ? 0 : at_s < 1 ? 1 : at_s > UINT32_MAX ? UINT32_MAX : (uint32_t)at_s;
}

void io_look(struct memory_io *io, uint32_t *number)
{
    uint32_t code = *number == 0 || *number > io->looks ? 0 : io->looks - *number + 1;

    io_u32(io, &code, io->looks);
    if (!io->is_writing)
        *number = code == 0 ? 0 : io->looks - code + 1;
}

uint32_t io_count(struct memory_io *io, uint32_t count, uint32_t max)
{
    io_u32(io, &count, max);
    if (!io->is_writing && count > (size_t)(io->end - io->at))
        io->failed = true;
    return io->failed ? 0 : count;
}

const char *io_text(struct memory_io *io, const char *text, size_t max)
{
    uint32_t id = io->is_writing ? intern_add(&io->texts, text, strlen(text)) : 0;

    io_u32(io, &id, io->texts.count - 1);
    if (io->is_writing)
        return text;
    io->failed |= id == 0 || intern_len(&io->texts, id) > max || strlen(intern_text(&io->texts, id)) != intern_len(&io->texts, id);
    return io->failed ? "" : intern_text(&io->texts, id);
}

struct view io_name(struct memory_io *io, struct view name)
{
    uint32_t id = io->is_writing ? intern_add(&io->texts, name.data, name.len) : 0;

    io_u32(io, &id, io->texts.count - 1);
    struct view found = id == 0 ? (struct view){ "", 0 } : intern_view(&io->texts, id);
    io->failed |= !io->is_writing && !name_fits(found);
    return found;
}

void io_id(struct memory_io *io, const uint32_t *map, uint32_t *id, uint32_t count)
{
    uint32_t code = io->is_writing && map != NULL ? map[*id] : *id;

    io_u32(io, &code, count - 1);
    if (io->is_writing)
        return;
    io->failed |= code == 0;
    *id = code;
}

bool io_has_room(struct memory_io *io, uint32_t entries)
{
    if (!io->is_writing && entries > MEMORY_ROOM_MAX - io->room)
        io->failed = true;
    else
        io->room += entries;
    return !io->failed;
}
