/* fuzz_body_offsets.c - any bytes as the body of 43. See fuzz_body.h. */
#include "tests/fuzz/fuzz_body.h"

static bool wanted;

static bool on_pair(void *ctx, enum body_offset_table table, struct view key)
{
    struct view topic, group;
    bool is_broadcast;

    (void)ctx, (void)table;
    fuzz_touch(key);
    wanted = name_split_offset_key(key, &topic, &group, &is_broadcast);
    if (wanted) {
        fuzz_touch_listed(topic);
        fuzz_touch_listed(group);
        fuzz_require(memchr(topic.data, '@', topic.len) == NULL && memchr(group.data, '@', group.len) == NULL);
    }
    return wanted;
}

static void on_queue(void *ctx, enum body_offset_table table, uint32_t queue, int64_t offset)
{
    (void)ctx, (void)table;
    fuzz_require(wanted && queue < BODY_QUEUES_MAX);
    fuzz_check_offset(offset);
}

static int decode(struct view body, struct err *err)
{
    static const struct body_offsets to = { on_pair, on_queue };

    return body_offsets(body, &to, NULL, err);
}

FUZZ_BODY(decode(body, &err))
