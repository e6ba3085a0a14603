/*
 * family.h - the metric names: which column of which table becomes which name, with which labels.
 *
 * One static table (family.c) says it all: HELP and TYPE lines, the reference and `mqpush metrics` come from it, and the
 * Pushgateway, StatsD and `-o prom` render through family_each(). The TYPE of a name never changes: a gateway that holds
 * the old one would refuse the new. Everything here is pure; any thread.
 */
#ifndef AGENT_MODEL_FAMILY_H
#define AGENT_MODEL_FAMILY_H

#include "agent/model/batch.h"

enum family_type { FAMILY_GAUGE, FAMILY_COUNTER, FAMILY_UNTYPED };

#define FAMILY_LABELS_MAX 8

struct family_label {
    const char *name;
    unsigned column; /* a key or text column of the family's table; an absent text is "" */
};

struct family {
    const char *name;
    enum family_type type;
    const char *unit;    /* "" where the value is a plain number */
    const char *help;    /* one sentence, no full stop */
    const char *formula; /* where the number comes from: requests and arithmetic; NULL: the column as it stands */
    const char *differs; /* how it differs from the official exporter on purpose, or NULL */
    enum table_id table;
    unsigned column;     /* a numeric column */
    double scale;        /* the value is multiplied by this; 0 means 1 */
    bool blank_is_zero;  /* where the row applies and the value is absent: 0; for windows that have seen nothing yet */
    bool only_complete;  /* left out where the row's `complete` is 0: a sum sent too low is a lie */
    unsigned detail;     /* 0 summary .. 3 per queue: max_series cuts the highest first */
    bool (*applies)(const struct batch *b, uint32_t row); /* NULL: to every row */
    struct family_label labels[FAMILY_LABELS_MAX + 1]; /* ends at name == NULL */
};

extern const struct family families[];
extern const unsigned family_count;

/* The family of that name, or NULL. */
const struct family *family_find(const char *name);
const char *family_type_name(enum family_type type);

/* The formula, or "table.column" where the column is taken as it stands; returns text. */
const char *family_formula(const struct family *f, char *text, size_t size);

/* The sample of a family in a row: false if it has none (absent value, filtered, incomplete). *is_int says which of the two is
 * set: 64-bit integers are exact. */
bool family_sample(const struct family *f, const struct batch *b, uint32_t row, bool *is_int, int64_t *i, double *d);

/* How many samples the family has in this batch. */
uint32_t family_samples(const struct family *f, const struct batch *b);

/*
 * Which families a sink wants: `patterns` is a list of globs separated by blanks, a leading `!` takes away, the last match
 * wins, nothing matching means no ("*" is all). Fills wanted[family_count]. -1 if a pattern matches no family at all (most
 * likely a spelling mistake), with the pattern in err.
 */
struct err;
int family_select(const char *patterns, bool *wanted, struct err *err);

/*
 * Applies max_series: clears wanted[] family by family, most detailed and largest first, until the batch has no more samples
 * than that. Returns the samples cut away; *first_cut (may be NULL) is set to the name of the first family cut.
 */
uint64_t family_limit(const struct batch *b, bool *wanted, uint64_t max_series, const char **first_cut);

#endif
