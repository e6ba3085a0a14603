/* timelag.c - see timelag.h. */
#include "agent/source/rocketmq/timelag.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/batch.h"
#include "agent/source/rocketmq/ends_history.h"

#include <stdlib.h>

#define CLOCK_MIN_MS 1000000000000LL /* 2001: from here on it is the broker's clock */
#define WIDEST_BRACKET 5             /* intervals; beyond, only bounds are told */
#define SINGLE_INTERVAL_MS 60000     /* looks without an interval count as if they had this one */

/* ---- ages -------------------------------------------------------------------------------------------------------- */

const struct age age_idle = { 0, 0, 0, AGE_IDLE };
const struct age age_unknown = { NO_INT, NO_INT, NO_INT, AGE_UNKNOWN };

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b; /* NO_INT is below every number */
}

/* a's age, if b's is not known but cannot be greater. */
static int64_t age_covering(struct age a, struct age b)
{
    return b.high_ns != NO_INT && b.high_ns <= a.age_ns ? a.age_ns : NO_INT;
}

/* Whose age it is; where that is not known, who keeps it from being known. */
static enum age_source leading_source(struct age a, struct age b, bool is_known)
{
    bool a_leads = a.age_ns == b.age_ns ? a.low_ns >= b.low_ns : is_known ? a.age_ns > b.age_ns : a.age_ns == NO_INT;
    enum age_source first = a_leads ? a.source : b.source;

    return first != AGE_UNKNOWN ? first : a_leads ? b.source : a.source;
}

struct age age_join(struct age a, struct age b)
{
    struct age sum = { NO_INT, greater(a.low_ns, b.low_ns), NO_INT, AGE_UNKNOWN };

    if (a.high_ns != NO_INT && b.high_ns != NO_INT)
        sum.high_ns = greater(a.high_ns, b.high_ns);
    if (a.age_ns != NO_INT && b.age_ns != NO_INT)
        sum.age_ns = greater(a.age_ns, b.age_ns);
    else if (a.age_ns != NO_INT)
        sum.age_ns = age_covering(a, b);
    else if (b.age_ns != NO_INT)
        sum.age_ns = age_covering(b, a);
    sum.source = leading_source(a, b, sum.age_ns != NO_INT);
    return sum;
}

const char *age_source_name(enum age_source source)
{
    static const char *const names[] = { [AGE_IDLE] = "idle", [AGE_BROKER] = "broker", [AGE_HISTORY] = "history",
                                         [AGE_UNKNOWN] = NULL };

    return names[source];
}

/* ---- of a queue -------------------------------------------------------------------------------------------------- */

int64_t timelag_first(int64_t min, int64_t com)
{
    return com > min ? com : min; /* UNKNOWN is below every offset */
}

static const struct told_age *told_of(const struct broker *b, uint32_t pair, uint32_t queue)
{
    const struct pair_part *p = broker_find_pair(b, pair);

    if (p == NULL || p->ages == NULL || queue >= p->ages->queues || p->ages->told[queue].offset == UNKNOWN)
        return NULL;
    return &p->ages->told[queue];
}

static struct age age_by_history(const struct topic_part *t, uint32_t queue, int64_t first, int64_t now_ns, int64_t widest_ns)
{
    if (t->history == NULL || queue >= t->history->queues)
        return age_unknown;
    struct ends_age found = ends_history_age(t->history, queue, first, now_ns, widest_ns);
    return (struct age){ found.age_ns, found.low_ns, found.high_ns, found.low_ns == NO_INT ? AGE_UNKNOWN : AGE_HISTORY };
}

/* An age that is not more than high_ns. Where these bounds are as narrow as a bracket may be, their middle is as good as its. */
static struct age bound(struct age age, int64_t high_ns, int64_t widest_ns)
{
    if (age.high_ns != NO_INT && age.high_ns <= high_ns)
        return age;
    if (age.source == AGE_UNKNOWN)
        age = (struct age){ NO_INT, 0, NO_INT, AGE_BROKER };
    age.high_ns = high_ns;
    if (age.low_ns > high_ns)
        age.low_ns = high_ns;
    if (age.age_ns > high_ns)
        age.age_ns = high_ns;
    if (age.age_ns == NO_INT && high_ns - age.low_ns <= widest_ns)
        age.age_ns = age.low_ns + (high_ns - age.low_ns) / 2;
    return age;
}

struct age timelag_of_queue(const struct broker *b, const struct topic_part *t, uint32_t pair, uint32_t queue, int64_t first,
                            int64_t now_ns, int64_t interval_ms)
{
    const struct told_age *told = told_of(b, pair, queue);
    int64_t since_ns = told != NULL ? now_ns - told->stored_ns : 0;
    int64_t widest_ns = WIDEST_BRACKET * (interval_ms > 0 ? interval_ms : SINGLE_INTERVAL_MS) * NS_PER_MS;

    if (told != NULL && !told->is_passed)
        return (struct age){ since_ns, since_ns, since_ns, AGE_BROKER };
    struct age age = age_by_history(t, queue, first, now_ns, widest_ns);
    return told != NULL ? bound(age, since_ns, widest_ns) : age;
}

/* ---- what was told ----------------------------------------------------------------------------------------------- */

static bool take_bytes(struct cluster *c, size_t bytes)
{
    if (bytes > TIMELAG_BYTES_MAX || c->timelag_bytes > TIMELAG_BYTES_MAX - bytes || !cluster_take(c, bytes))
        return false;
    c->timelag_bytes += bytes;
    return true;
}

static void give_back_bytes(struct cluster *c, size_t bytes)
{
    c->timelag_bytes -= bytes;
    cluster_give_back(c, bytes);
}

static size_t ages_size(uint32_t queues)
{
    return sizeof(struct pair_ages) + queues * sizeof(struct told_age);
}

bool timelag_expect(struct broker *b, uint32_t pair, uint32_t queues)
{
    struct pair_part *p = broker_pair(b, pair);
    uint32_t old = p != NULL && p->ages != NULL ? p->ages->queues : 0;

    if (p == NULL)
        return false;
    if (p->ages != NULL && queues <= old)
        return true;
    if (!take_bytes(b->cluster, ages_size(queues) - (p->ages != NULL ? ages_size(old) : 0)))
        return false;
    bool is_new = p->ages == NULL;
    p->ages = xrealloc(p->ages, 1, ages_size(queues));
    if (is_new)
        *p->ages = (struct pair_ages){ .asked_at_ns = 0 };
    for (uint32_t q = old; q < queues; q++)
        p->ages->told[q] = (struct told_age){ .offset = UNKNOWN };
    p->ages->queues = queues;
    return true;
}

void timelag_follow(struct told_age *told, int64_t first)
{
    if (told->offset == UNKNOWN)
        return;
    if (first < told->offset)
        told->offset = UNKNOWN; /* reset to older messages, or nothing waits: nothing is known of what comes */
    else if (first > told->offset)
        told->is_passed = true;
}

int64_t timelag_told_ms(const struct body_span *span, int64_t min, int64_t com)
{
    if (com != UNKNOWN && com >= min)
        return span->delay_ms <= TIMELAG_DELAY_MAX_MS ? span->delay_ms : NO_INT;
    if (span->delay_ms < CLOCK_MIN_MS || span->min_stored_ms <= 0)
        return NO_INT;
    int64_t age_ms = span->delay_ms - 1 - span->min_stored_ms;
    return age_ms >= 0 && age_ms <= TIMELAG_DELAY_MAX_MS ? age_ms : NO_INT;
}

void timelag_drop_ages(struct broker *b, struct pair_part *p)
{
    if (p->ages == NULL)
        return;
    give_back_bytes(b->cluster, ages_size(p->ages->queues));
    free(p->ages);
    p->ages = NULL;
}

/* ---- samples ----------------------------------------------------------------------------------------------------- */

/* Where all queues end, or ended when they were read before; false: not all of that is known. */
static bool copy_ends(const struct broker *b, const struct topic_part *t, bool before, int64_t *max)
{
    for (uint32_t q = 0; q < t->queues; q++) {
        const struct queue_end *end = &b->ends[t->first + q];
        max[q] = before ? end->before : end->max;
        if (max[q] == UNKNOWN)
            return false;
    }
    return true;
}

bool timelag_expect_history(struct broker *b, struct topic_part *t, uint32_t queues)
{
    if (!take_bytes(b->cluster, ends_history_size(queues)))
        return false;
    t->history = ends_history_new(queues);
    return true;
}

static bool begin_history(struct broker *b, struct topic_part *t, int64_t *max)
{
    if (!timelag_expect_history(b, t, t->queues))
        return false;
    if (t->before_at_ns != 0 && copy_ends(b, t, true, max))
        ends_history_add(t->history, t->before_at_ns, max);
    return true;
}

void timelag_sample(struct broker *b, struct topic_part *t, int64_t at_ns)
{
    int64_t *max = xmalloc((t->queues + (size_t)1) * sizeof(*max));

    if (t->history != NULL && t->history->queues != t->queues)
        timelag_drop_history(b, t);
    if ((t->history != NULL || begin_history(b, t, max)) && copy_ends(b, t, false, max))
        ends_history_add(t->history, at_ns, max);
    free(max);
}

void timelag_drop_history(struct broker *b, struct topic_part *t)
{
    if (t->history == NULL)
        return;
    give_back_bytes(b->cluster, ends_history_size(t->history->queues));
    free(t->history);
    t->history = NULL;
}
