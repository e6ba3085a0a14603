/* stream_id.c - see stream_id.h. */
#include "sinks/redis/stream_id.h"

#include "agent/base/num.h"

#include <string.h>

int stream_id_compare(struct stream_id a, struct stream_id b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return a.seq == b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}

static int parse_u64(const char *text, size_t len, uint64_t *value)
{
    uint64_t n = 0;

    if (len == 0)
        return -1;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9 || n > (UINT64_MAX - digit) / 10)
            return -1;
        n = n * 10 + digit;
    }
    *value = n;
    return 0;
}

int stream_id_parse(const char *text, size_t len, struct stream_id *id)
{
    const char *dash = memchr(text, '-', len);
    struct stream_id found;

    if (dash == NULL || parse_u64(text, (size_t)(dash - text), &found.ms) < 0 ||
        parse_u64(dash + 1, (size_t)(text + len - dash - 1), &found.seq) < 0)
        return -1;
    *id = found;
    return 0;
}

size_t stream_id_print(struct stream_id id, char *text)
{
    size_t len = num_from_u64(text, id.ms);

    text[len++] = '-';
    return len + num_from_u64(text + len, id.seq);
}

bool stream_id_for_row(int64_t time_ms, uint32_t row, struct stream_id last, struct stream_id *id)
{
    const struct stream_id own = { (uint64_t)time_ms, row };

    if (stream_id_compare(own, last) > 0)
        *id = own;
    else if (last.seq < UINT64_MAX)
        *id = (struct stream_id){ last.ms, last.seq + 1 };
    else if (last.ms < UINT64_MAX)
        *id = (struct stream_id){ last.ms + 1, 0 };
    else
        return false;
    return true;
}

bool stream_id_before(struct stream_id id, struct stream_id *before)
{
    if (id.seq > 0)
        *before = (struct stream_id){ id.ms, id.seq - 1 };
    else if (id.ms > 0)
        *before = (struct stream_id){ id.ms - 1, UINT64_MAX };
    else
        return false;
    return true;
}
