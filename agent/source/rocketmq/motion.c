/* motion.c - see motion.h. */
#include "agent/source/rocketmq/motion.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Never 0, which means "never". */
static uint32_t seconds_of(int64_t ns)
{
    int64_t s = ns / NS_PER_S;

    return s > 0 ? (uint32_t)s : 1;
}

static int64_t age_of(uint32_t at_s, int64_t now_ns)
{
    return (int64_t)seconds_of(now_ns) - at_s;
}

/* ---- flows ------------------------------------------------------------------------------------------------------- */

void flows_fini(struct flows *flows)
{
    free(flows->list);
    *flows = (struct flows){ NULL, 0, 0 };
}

const struct flow *motion_find_flow(const struct flows *flows, const struct motion *m)
{
    return m->flow == 0 ? NULL : &flows->list[m->flow];
}

/* Grows by an eighth, because at most there are many of them. */
static uint32_t add_flow(struct flows *flows)
{
    if (flows->count == 0)
        flows->count = 1;
    if (flows->count >= flows->room) {
        flows->room += flows->room / 8 + 16;
        flows->list = xrealloc(flows->list, flows->room, sizeof(*flows->list));
    }
    memset(&flows->list[flows->count], 0, sizeof(*flows->list));
    return flows->count++;
}

/* The window reaches back to where the thing is known to have stood, as far as that is of use. */
static void start_window(struct window *w, const struct motion *m, int64_t now_ns)
{
    int64_t since_ns = m->since_s * NS_PER_S, useful_ns = now_ns - MOTION_STOOD_S * NS_PER_S;

    if (since_ns < useful_ns)
        since_ns = useful_ns;
    window_start(w, since_ns < now_ns ? since_ns : now_ns, now_ns);
}

struct flow *motion_flow(struct flows *flows, struct motion *m, int64_t now_ns)
{
    if (m->flow == 0) {
        m->flow = add_flow(flows);
        start_window(&flows->list[m->flow].window, m, now_ns);
    }
    return &flows->list[m->flow];
}

/* ---- what was seen ----------------------------------------------------------------------------------------------- */

void motion_restart(struct flows *flows, struct motion *m, int64_t now_ns)
{
    m->since_s = seconds_of(now_ns);
    if (m->flow != 0)
        window_start(&flows->list[m->flow].window, now_ns, now_ns);
}

void motion_jump(struct flows *flows, struct motion *m, int64_t now_ns)
{
    motion_restart(flows, m, now_ns);
    m->moved_at_s = m->since_s;
}

void motion_take(struct flows *flows, struct motion *m, int64_t before_ns, int64_t now_ns, int64_t rise, int64_t gap_max_s)
{
    if (rise < 0 || (rise > 0 && now_ns - before_ns > gap_max_s * NS_PER_S)) {
        motion_jump(flows, m, now_ns);
        return;
    }
    if (rise == 0 && m->flow == 0)
        return;
    bool has_stood = m->moved_at_s == 0 || age_of(m->moved_at_s, before_ns) > MOTION_STOOD_S;
    struct window *w = &motion_flow(flows, m, before_ns)->window;
    if (rise == 0) {
        window_add(w, now_ns, 0);
        return;
    }
    if (has_stood)
        start_window(w, m, before_ns);
    window_add(w, before_ns, 0);
    window_add(w, now_ns, rise);
    m->moved_at_s = seconds_of(now_ns);
}

void motion_has_stood(struct motion *m, int64_t now_ns, int64_t span_s)
{
    uint32_t since_s = seconds_of(now_ns - span_s * NS_PER_S);
    bool was_seen_to_move = m->moved_at_s != 0 && age_of(m->moved_at_s, now_ns) <= MOTION_STOOD_S;

    if (!was_seen_to_move && (m->since_s == 0 || since_s < m->since_s))
        m->since_s = since_s;
}

/* ---- what is made of it ------------------------------------------------------------------------------------------ */

bool motion_is_idle(const struct motion *m, int64_t now_ns)
{
    return m->since_s != 0 && age_of(m->since_s, now_ns) > MOTION_IDLE_S &&
           (m->moved_at_s == 0 || age_of(m->moved_at_s, now_ns) > MOTION_IDLE_S);
}

double motion_rate(const struct flows *flows, const struct motion *m, int64_t now_ns)
{
    if (motion_is_idle(m, now_ns))
        return 0;
    if (m->flow != 0)
        return window_rate(&flows->list[m->flow].window, now_ns);
    return m->since_s != 0 && age_of(m->since_s, now_ns) >= WINDOW_ENOUGH_S ? 0 : (double)NAN;
}

/* ---- what was told ----------------------------------------------------------------------------------------------- */

void told_set(struct told *told, double value, int64_t now_ns)
{
    told->value = (float)value;
    told->at_s = seconds_of(now_ns);
}

bool told_is_due(const struct told *told, int64_t now_ns)
{
    return told->at_s == 0 || age_of(told->at_s, now_ns) >= MOTION_HOLD_S;
}

/* The seven digits that a float has, so that 7.7 stays 7.7. */
double told_value(const struct told *told, int64_t now_ns)
{
    double value = (double)told->value;

    if (told_is_due(told, now_ns))
        return (double)NAN;
    if (value <= 0 || isnan(value))
        return value;
    double scale = pow(10, 6 - floor(log10(value)));
    return round(value * scale) / scale;
}
