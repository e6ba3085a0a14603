/*
 * forbidden.c - see forbidden.h. The words of brokers, as seen:
 *
 *     code 1   org.apache.rocketmq.acl.common.AclException: No accessKey is configured, ...     4.4 to 5.3.2, ACL 1.0
 *              ... No acl config for nobody   ... Check signature failed for accessKey=reader   ... No default permission for T
 *     code 16  username cannot be null.   User:nobody is not found.   check signature failed.   from 5.3.0, auth 2.0
 *              User:reader has no permission to access Topic:T from 127.0.0.1, no matched policies.
 */
#include "agent/source/rocketmq/forbidden.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/request_codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ------------------------------------------------------------------------------------------------------- */

static const struct words {
    const char *begin, *end; /* what stands between them is named; end NULL: nothing is; "": all up to a blank, comma or dot and blank */
    const char *said;
} words[] = {
    { "username cannot be null", NULL, "the broker wants an access_key" },
    { "No accessKey is configured", NULL, "the broker wants an access_key" },
    { "heck signature failed", NULL, "wrong secret_key" },
    { "No acl config for ", "", "unknown user " },
    { "User:", " is not found", "unknown user " },
    { " permission to access ", " from ", "missing right on " },
    { "No default permission for ", "", "missing right on " },
};

/* The end of a name that nothing closes: brokers put ", class.name, ..." or a full stop behind it. */
static size_t name_len(const char *name)
{
    size_t len = strcspn(name, ", ");

    return len > 0 && name[len - 1] == '.' ? len - 1 : len;
}

static bool say(const struct words *w, const char *remark, char *text, size_t cap)
{
    const char *at = strstr(remark, w->begin);

    if (at == NULL)
        return false;
    if (w->end == NULL) {
        snprintf(text, cap, "%s", w->said);
        return true;
    }
    at += strlen(w->begin);
    const char *end = w->end[0] != '\0' ? strstr(at, w->end) : at + name_len(at);
    if (end == NULL)
        return false;
    snprintf(text, cap, "%s%.*s", w->said, (int)(end - at), at);
    return true;
}

bool forbidden_why(const struct frame *answer, char *text, size_t cap)
{
    static const char exception[] = "AclException: ";
    char remark[WIRE_REMARK_TEXT];

    if (answer->code != RMQ_RESPONSE_NO_PERMISSION && answer->code != RMQ_RESPONSE_SYSTEM_ERROR)
        return false;
    const char *said = wire_remark(answer, remark, sizeof(remark)), *named = strstr(said, exception);
    if (answer->code == RMQ_RESPONSE_SYSTEM_ERROR && named == NULL)
        return false;
    if (named != NULL)
        said = named + strlen(exception);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (say(&words[i], said, text, cap))
            return true;
    snprintf(text, cap, "%s", said[0] != '\0' ? said : "no reason given");
    return true;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

struct key {
    uint32_t code, what;
};

void forbidden_init(struct forbidden *f)
{
    *f = (struct forbidden){ .room = 0 };
    intern_init(&f->keys);
}

void forbidden_fini(struct forbidden *f)
{
    intern_fini(&f->keys);
    free(f->refused_at_ns);
    *f = (struct forbidden){ .room = 0 };
}

void forbidden_forget(struct forbidden *f)
{
    forbidden_fini(f);
    forbidden_init(f);
}

static uint32_t find(const struct forbidden *f, int code, uint32_t what)
{
    const struct key key = { (uint32_t)code, what };

    return f->room == 0 ? 0 : intern_find(&f->keys, (const char *)&key, sizeof(key));
}

void forbidden_note(struct forbidden *f, int code, uint32_t what, int64_t look_ns, const struct err *err)
{
    const struct key key = { (uint32_t)code, what };
    uint32_t id = find(f, code, what);

    if (f->first_at_ns != look_ns) {
        f->first = *err;
        f->first_at_ns = look_ns;
    }
    if (id == 0 && f->keys.count > FORBIDDEN_MAX)
        return;
    id = intern_add(&f->keys, (const char *)&key, sizeof(key));
    if (id >= f->room) {
        uint32_t room = id * 2 + 16;
        f->refused_at_ns = xrealloc(f->refused_at_ns, room, sizeof(*f->refused_at_ns));
        memset(f->refused_at_ns + f->room, 0, (room - f->room) * sizeof(*f->refused_at_ns));
        f->room = room;
    }
    f->refused_at_ns[id] = look_ns;
}

void forbidden_clear(struct forbidden *f, int code, uint32_t what)
{
    uint32_t id = find(f, code, what);

    if (id != 0)
        f->refused_at_ns[id] = 0;
}

bool forbidden_is_noted(const struct forbidden *f, int code, uint32_t what)
{
    uint32_t id = find(f, code, what);

    return id != 0 && f->refused_at_ns[id] != 0;
}

static bool holds(int64_t refused_at_ns, int64_t look_ns, int64_t rest_ms)
{
    return refused_at_ns != 0 && (refused_at_ns == look_ns || look_ns - refused_at_ns < rest_ms * NS_PER_MS);
}

bool forbidden_holds(const struct forbidden *f, int code, uint32_t what, int64_t look_ns, int64_t rest_ms)
{
    uint32_t id = find(f, code, what);

    return id != 0 && holds(f->refused_at_ns[id], look_ns, rest_ms);
}

/* Not of what lists (208) would have told: while they rest, 202 tells it. */
static bool leaves_a_gap(const struct forbidden *f, uint32_t id)
{
    struct key key;

    memcpy(&key, intern_text(&f->keys, id), sizeof(key));
    return key.code != RMQ_GET_CONSUME_STATS;
}

uint32_t forbidden_count(const struct forbidden *f, int64_t look_ns, int64_t rest_ms, uint32_t *rested)
{
    uint32_t count = 0;

    *rested = 0;
    for (uint32_t id = 1; id < f->keys.count && id < f->room; id++) {
        bool is_new = f->refused_at_ns[id] == look_ns;
        if (!holds(f->refused_at_ns[id], look_ns, rest_ms) || (!is_new && !leaves_a_gap(f, id)))
            continue;
        count++;
        *rested += !is_new;
    }
    return count;
}
