/*
 * body_broker_stats.c - the body of VIEW_BROKER_STATS_DATA (315): one counter of the broker, over three windows.
 *
 *     {"statsDay":{"avgpt":0.0,"sum":0,"tps":0.0},"statsHour":{..},"statsMinute":{"avgpt":1.0,"sum":295,"tps":4.91}}
 *
 * sum is what was counted in the window, tps that a second. Where two samples fell on one millisecond tps is null. Only the
 * minute is taken. See bodies.h.
 */
#include "agent/source/rocketmq/bodies.h"

#include <math.h>

static void read_window(struct json *j, struct body_broker_stats *stats)
{
    struct json_key key;
    double value;

    while (json_next_key(j, &key)) {
        if (json_key_is(&key, "tps") && json_real(j, &value))
            stats->tps = value >= 0 && value <= BODY_RATE_MAX ? value : (double)NAN;
        else if (json_key_is(&key, "sum") && json_real(j, &value))
            stats->sum = value >= 0 && value <= BODY_RATE_MAX ? (int64_t)value : BODY_NONE;
    }
}

int body_broker_stats(struct view body, struct body_broker_stats *stats, struct err *err)
{
    struct json j;
    struct json_key key;

    *stats = (struct body_broker_stats){ .tps = (double)NAN, .sum = BODY_NONE };
    json_init(&j, body.data, body.len);
    if (json_enter_body(&j))
        while (json_next_key(&j, &key))
            if (json_key_is(&key, "statsMinute") && json_enter_object(&j))
                read_window(&j, stats);
    return json_done(&j, err);
}
