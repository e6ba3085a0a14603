/*
 * prom_text.h - a batch as a page of Prometheus text, format 0.0.4.
 *
 * Pure; any thread. Whoever shows metrics as text calls this: the Pushgateway, standard output, `-o prom`.
 */
#ifndef SINKS_PROM_TEXT_H
#define SINKS_PROM_TEXT_H

#include "agent/base/err.h"
#include "agent/model/batch.h"

#include <stdint.h>

struct buf;
struct sink_label;

struct prom_text_count {
    uint64_t samples;
    uint64_t cut;          /* left out: max_series, or the same labels stood on a sample before it */
    const char *first_cut; /* name of the first family that lost samples; NULL if none did */
};

/*
 * Writes the wanted families (wanted[family_count] of family.h) and returns what was written. `labels` stand on every
 * sample (they end at name == NULL; may be NULL; have passed prom_text_check_labels). max_series 0 is no limit. A page
 * without samples is empty. With a drain in `out` no more than BUF_DRAIN_AT and a line are held. Ask buf_failed(out) then.
 */
struct prom_text_count prom_text_render(const struct batch *b, const bool *wanted, const struct sink_label *labels,
                                        int64_t max_series, struct buf *out);

/* A label name that every Prometheus takes: [a-zA-Z_][a-zA-Z0-9_]*, not beginning with two underscores. */
bool prom_text_is_label_name(const char *name);

/* -1 if a label could spoil a page: a bad or repeated name, a value that is not UTF-8. */
int prom_text_check_labels(const struct sink_label *labels, struct err *err);

#endif
