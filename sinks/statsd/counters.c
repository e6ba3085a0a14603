/* counters.c - see counters.h. */
#include "sinks/statsd/counters.h"

#include "agent/base/buf.h"
#include "agent/base/xalloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "MQC1"
#define MAGIC_LEN 4
#define HEAD_LEN (MAGIC_LEN + 4)
#define ENTRY_LEN (2 + 1 + 8) /* without the name */

void counters_init(struct counters *c)
{
    *c = (struct counters){ 0 };
    intern_init(&c->names);
}

void counters_fini(struct counters *c)
{
    intern_fini(&c->names);
    free(c->values);
    free(c->has);
    free(c->notes);
    *c = (struct counters){ 0 };
}

bool counter_value_is_valid(const struct counter_value *v)
{
    return v->is_int ? v->i >= 0 : isfinite(v->d) && v->d >= 0;
}

bool counters_rise(const struct counters *c, const char *name, size_t len, const struct counter_value *now,
                   struct counter_value *rise)
{
    uint32_t id = intern_find(&c->names, name, len);

    if (id == 0 || id >= c->room || !c->has[id] || c->values[id].is_int != now->is_int)
        return false;
    const struct counter_value *last = &c->values[id];
    if (now->is_int ? now->i < last->i : now->d < last->d)
        return false;
    *rise = (struct counter_value){ .is_int = now->is_int };
    if (now->is_int)
        rise->i = now->i - last->i; /* neither is negative */
    else
        rise->d = now->d - last->d;
    return true;
}

static void make_room(struct counters *c)
{
    if (c->names.count <= c->room)
        return;
    uint32_t room = c->names.count * 2;
    c->values = xrealloc(c->values, room, sizeof(*c->values));
    c->has = xrealloc(c->has, room, sizeof(*c->has));
    memset(c->has + c->room, 0, (room - c->room) * sizeof(*c->has));
    c->room = room;
}

size_t counters_note(struct counters *c, const char *name, size_t len, const struct counter_value *now)
{
    bool is_new = intern_find(&c->names, name, len) == 0;

    if (len == 0 || len > COUNTERS_NAME_MAX || (is_new && c->names.count > COUNTERS_MAX * 2))
        return c->noted;
    if (c->noted == c->notes_room) {
        c->notes_room = c->notes_room == 0 ? 64 : c->notes_room * 2;
        c->notes = xrealloc(c->notes, c->notes_room, sizeof(*c->notes));
    }
    c->notes[c->noted] = (struct counter_note){ .name = intern_add(&c->names, name, len), .value = *now };
    make_room(c);
    return ++c->noted;
}

static void set(struct counters *c, uint32_t id, const struct counter_value *v)
{
    c->values[id] = *v;
    c->has[id] = true;
}

/* Keeps the noted ones only, at most COUNTERS_MAX. */
static void forget_others(struct counters *c)
{
    struct counters kept;

    counters_init(&kept);
    for (size_t i = 0; i < c->noted && kept.names.count <= COUNTERS_MAX; i++) {
        uint32_t old = c->notes[i].name;
        if (!c->has[old])
            continue;
        uint32_t id = intern_add(&kept.names, intern_text(&c->names, old), intern_len(&c->names, old));
        make_room(&kept);
        set(&kept, id, &c->values[old]);
    }
    counters_fini(c);
    *c = kept;
}

void counters_commit(struct counters *c, size_t gone)
{
    for (size_t i = 0; i < gone && i < c->noted; i++)
        set(c, c->notes[i].name, &c->notes[i].value);
    if (c->names.count > COUNTERS_MAX + 1)
        forget_others(c);
    c->noted = 0;
}

/* --- the blob ------------------------------------------------------------------------------------------------------ */

static void put_le(struct buf *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        buf_putc(out, (char)(value >> (8 * i) & 0xff));
}

static uint64_t get_le(const unsigned char *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

void counters_save(const struct counters *c, struct buf *out)
{
    uint32_t known = 0;

    for (uint32_t id = 1; id < c->names.count; id++)
        known += c->has[id];
    buf_put(out, MAGIC, MAGIC_LEN);
    put_le(out, known, 4);
    for (uint32_t id = 1; id < c->names.count; id++) {
        const struct counter_value *v = &c->values[id];
        uint64_t bits = (uint64_t)v->i;
        if (!c->has[id])
            continue;
        if (!v->is_int)
            memcpy(&bits, &v->d, sizeof(bits));
        put_le(out, intern_len(&c->names, id), 2);
        put_le(out, v->is_int ? 0 : 1, 1);
        put_le(out, bits, 8);
        buf_put(out, intern_text(&c->names, id), intern_len(&c->names, id));
    }
}

/* Bytes used by one entry, or -1. */
static long load_entry(struct counters *c, const unsigned char *at, size_t left, struct err *err)
{
    size_t len = left < ENTRY_LEN ? 0 : (size_t)get_le(at, 2);

    if (left < ENTRY_LEN || left - ENTRY_LEN < len)
        return err_set(err, ERR_PROTO, "saved counters end too early");
    if (len == 0 || len > COUNTERS_NAME_MAX)
        return err_set(err, ERR_LIMIT, "saved counter with a name of %zu bytes, limit is %d", len, COUNTERS_NAME_MAX);
    uint64_t bits = get_le(at + 3, 8);
    struct counter_value v = { .is_int = at[2] == 0 };
    if (v.is_int)
        v.i = (int64_t)bits;
    else
        memcpy(&v.d, &bits, sizeof(v.d));
    if (at[2] > 1 || !counter_value_is_valid(&v))
        return err_set(err, ERR_PROTO, "saved counter with an impossible value");
    const char *name = (const char *)at + ENTRY_LEN;
    if (intern_find(&c->names, name, len) != 0)
        return err_set(err, ERR_PROTO, "saved counter that stands twice");
    uint32_t id = intern_add(&c->names, name, len);
    make_room(c);
    set(c, id, &v);
    return (long)(ENTRY_LEN + len);
}

static int load_all(struct counters *c, const unsigned char *blob, size_t len, struct err *err)
{
    if (len < HEAD_LEN || memcmp(blob, MAGIC, MAGIC_LEN) != 0)
        return err_set(err, ERR_PROTO, "no saved counters: expected them to begin with " MAGIC);
    uint64_t count = get_le(blob + MAGIC_LEN, 4);
    if (len > COUNTERS_BLOB_MAX || count > COUNTERS_MAX)
        return err_set(err, ERR_LIMIT, "%llu saved counters in %zu bytes, limits are %d and %d", (unsigned long long)count, len,
                       COUNTERS_MAX, COUNTERS_BLOB_MAX);
    size_t at = HEAD_LEN;
    for (uint64_t i = 0; i < count; i++) {
        long used = load_entry(c, blob + at, len - at, err);
        if (used < 0)
            return -1;
        at += (size_t)used;
    }
    return at == len ? 0 : err_set(err, ERR_PROTO, "%zu bytes behind the saved counters", len - at);
}

int counters_load(struct counters *c, const void *blob, size_t len, struct err *err)
{
    struct counters loaded;

    counters_init(&loaded);
    int rc = load_all(&loaded, blob, len, err);
    if (rc == 0) {
        struct counters old = *c;
        *c = loaded;
        loaded = old;
    }
    counters_fini(&loaded);
    return rc;
}
