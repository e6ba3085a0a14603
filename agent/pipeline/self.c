/* self.c - see self.h. */
#include "agent/pipeline/self.h"

#include "agent/base/clock.h"

const struct counter self_counters[] = {
    { "received_bytes", offsetof(struct self_totals, received_bytes) },
    { "missed_ticks", offsetof(struct self_totals, missed_ticks) },
    { "last_tick_ms", offsetof(struct self_totals, last_tick_ms) },
    { 0 },
};

static uint32_t add_row(struct batch *b, enum table_id t, const char *part)
{
    uint32_t row = batch_add(b, t), empty = batch_intern(b, "", 0);

    batch_set_text(b, t, row, KEY_SOURCE, empty);
    batch_set_text(b, t, row, KEY_SYSTEM, empty);
    batch_set_text(b, t, row, KEY_CLUSTER, empty);
    batch_set_text(b, t, row, KEY_CLUSTER + 1, batch_intern_z(b, part)); /* `part` in all three tables */
    return row;
}

static void add_collect(struct batch *b, struct self_totals *totals)
{
    const struct batch_info *info = batch_info(b);
    uint32_t row = add_row(b, TABLE_AGENT, "collect");

    for (uint32_t r = 0; r < batch_rows(b, TABLE_SCRAPES); r++) {
        int64_t bytes = batch_int(b, TABLE_SCRAPES, r, SCRAPES_BYTES);
        totals->received_bytes += bytes > 0 ? (uint64_t)bytes : 0;
    }
    batch_set_int(b, TABLE_AGENT, row, AGENT_UP, 1);
    batch_set_real(b, TABLE_AGENT, row, AGENT_INTERVAL_SECONDS, (double)info->interval_ms / 1000);
    batch_set_real(b, TABLE_AGENT, row, AGENT_LAST_TIMESTAMP_SECONDS, (double)info->time_ms / 1000);
    batch_set_real(b, TABLE_AGENT, row, AGENT_DURATION_SECONDS, (double)info->duration_ns / NS_PER_S);
    batch_set_int(b, TABLE_AGENT, row, AGENT_COMPLETE, info->complete);
    batch_set_int(b, TABLE_AGENT, row, AGENT_RECEIVED_BYTES_TOTAL, (int64_t)totals->received_bytes);
    batch_set_int(b, TABLE_AGENT, row, AGENT_MISSED_TICKS_TOTAL, (int64_t)totals->missed_ticks);
    int64_t resident = clock_resident_bytes();
    if (resident >= 0)
        batch_set_int(b, TABLE_AGENT, row, AGENT_RESIDENT_BYTES, resident);
    batch_set_real(b, TABLE_AGENT, row, AGENT_CPU_SECONDS_TOTAL, (double)clock_cpu_ns() / NS_PER_S);
    batch_set_text(b, TABLE_AGENT, row, AGENT_VERSION, batch_intern_z(b, MQPUSH_VERSION));
}

static void add_total(struct batch *b, enum table_id t, const char *part, unsigned key, const char *text, unsigned column,
                      uint64_t total)
{
    uint32_t row = add_row(b, t, part);

    batch_set_text(b, t, row, key, batch_intern_z(b, text));
    batch_set_int(b, t, row, column, (int64_t)total);
}

static uint64_t sum_dropped(const struct worker_counts *c)
{
    uint64_t sum = 0;

    for (int reason = 0; reason < SPOOL_DROPS; reason++)
        sum += c->spool_dropped[reason];
    return sum;
}

/* A delivery reports itself in the batch after it: this row tells of everything up to now. */
static void add_sink(struct batch *b, struct worker *w)
{
    struct worker_counts c;
    const char *name = worker_name(w);
    uint32_t row = add_row(b, TABLE_AGENT, name);

    worker_read_counts(w, &c);
    if (c.tried) {
        batch_set_int(b, TABLE_AGENT, row, AGENT_UP, c.up);
        batch_set_real(b, TABLE_AGENT, row, AGENT_DURATION_SECONDS, (double)c.duration_ns / NS_PER_S);
    }
    if (c.delivered_at_ms > 0) {
        batch_set_real(b, TABLE_AGENT, row, AGENT_LAST_TIMESTAMP_SECONDS, (double)c.delivered_at_ms / 1000);
        batch_set_int(b, TABLE_AGENT, row, AGENT_SERIES, (int64_t)c.series);
    }
    batch_set_int(b, TABLE_AGENT, row, AGENT_DELIVERED_TOTAL, (int64_t)c.delivered);
    batch_set_int(b, TABLE_AGENT, row, AGENT_RETRIED_TOTAL, (int64_t)c.retried);
    batch_set_int(b, TABLE_AGENT, row, AGENT_REJECTED_TOTAL, (int64_t)c.rejected);
    uint64_t spool_dropped = sum_dropped(&c);
    batch_set_int(b, TABLE_AGENT, row, AGENT_DROPPED_TOTAL, (int64_t)(c.overtaken + c.overflowed + spool_dropped));
    int64_t delay_ms = c.waiting_since_ms > 0 ? batch_info(b)->time_ms - c.waiting_since_ms : 0;
    batch_set_real(b, TABLE_AGENT, row, AGENT_DELAY_SECONDS, delay_ms > 0 ? (double)delay_ms / 1000 : 0);

    add_total(b, TABLE_DELIVERIES, name, DELIVERIES_RESULT, "ok", DELIVERIES_TOTAL, c.delivered);
    add_total(b, TABLE_DELIVERIES, name, DELIVERIES_RESULT, "retry", DELIVERIES_TOTAL, c.retried);
    add_total(b, TABLE_DELIVERIES, name, DELIVERIES_RESULT, "reject", DELIVERIES_TOTAL, c.rejected);
    add_total(b, TABLE_DROPS, name, DROPS_REASON, "overtaken", DROPS_TOTAL, c.overtaken);
    add_total(b, TABLE_DROPS, name, DROPS_REASON, "overflow", DROPS_TOTAL,
              c.overflowed + c.spool_dropped[SPOOL_OVERFLOW]);
    add_total(b, TABLE_DROPS, name, DROPS_REASON, "series", DROPS_TOTAL, c.cut_series);
    if (!worker_has_spool(w))
        return;
    add_total(b, TABLE_DROPS, name, DROPS_REASON, "spool_full", DROPS_TOTAL, c.spool_dropped[SPOOL_FULL]);
    add_total(b, TABLE_DROPS, name, DROPS_REASON, "too_old", DROPS_TOTAL, c.spool_dropped[SPOOL_OLD]);
    add_total(b, TABLE_DROPS, name, DROPS_REASON, "damaged", DROPS_TOTAL, c.spool_dropped[SPOOL_DAMAGED]);
}

/* As of the save before this batch. */
static void add_spool(struct batch *b, struct spool *spool)
{
    struct spool_info info;
    uint32_t row = add_row(b, TABLE_AGENT, "spool");

    spool_read_info(spool, &info);
    batch_set_int(b, TABLE_AGENT, row, AGENT_UP, info.is_saved);
    batch_set_real(b, TABLE_AGENT, row, AGENT_DURATION_SECONDS, (double)info.duration_ns / NS_PER_S);
    if (info.saved_at_ms > 0)
        batch_set_real(b, TABLE_AGENT, row, AGENT_LAST_TIMESTAMP_SECONDS, (double)info.saved_at_ms / 1000);
    int64_t delay_ms = info.oldest_ms > 0 ? batch_info(b)->time_ms - info.oldest_ms : 0;
    batch_set_real(b, TABLE_AGENT, row, AGENT_DELAY_SECONDS, delay_ms > 0 ? (double)delay_ms / 1000 : 0);
    batch_set_int(b, TABLE_AGENT, row, AGENT_SPOOL_BYTES, info.bytes);
}

void self_add_rows(struct batch *b, struct self_totals *totals, struct worker *const *workers, size_t worker_count,
                   struct spool *spool)
{
    add_collect(b, totals);
    if (spool != NULL)
        add_spool(b, spool);
    for (size_t i = 0; i < worker_count; i++)
        add_sink(b, workers[i]);
}
