/* page.c - see page.h. */
#include "agent/view/page.h"

#include "agent/base/buf.h"
#include "agent/view/human.h"
#include "agent/view/layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FAILURES_MAX 10
#define CLUSTERS_MAX 3
#define LINES_AROUND 8 /* head, three blank lines, heading, two legends, last line */
#define FRESH_MS 10000 /* younger than this is now: a look may take some seconds itself */

static void put_text(struct buf *to, const struct page *page, const char *text)
{
    term_escape(to, text, strlen(text), page->term.has_utf8 || page->is_md);
}

/* ---- the first line ---- */

/* Adds a text that is not empty unless it is there; returns the new count, at most CLUSTERS_MAX + 1. */
static unsigned add_unique(const struct batch *b, uint32_t *texts, unsigned count, uint32_t text)
{
    for (unsigned i = 0; i < count; i++)
        if (texts[i] == text)
            return count;
    if (batch_lookup_len(b, text) == 0 || count > CLUSTERS_MAX)
        return count;
    texts[count] = text;
    return count + 1;
}

/* The clusters of the rows shown; of the brokers where no row is. */
static unsigned find_clusters(const struct table_view *view, uint32_t *texts)
{
    const struct batch *b = view->batch;
    unsigned count = 0;

    for (uint32_t i = 0; i < view->grid.row_count; i++)
        count = add_unique(b, texts, count, batch_text_id(b, view->plan->table, view->rows[i], KEY_CLUSTER));
    for (uint32_t row = 0; count == 0 && row < batch_rows(b, TABLE_BROKERS); row++)
        count = add_unique(b, texts, count, batch_text_id(b, TABLE_BROKERS, row, KEY_CLUSTER));
    return count;
}

static void put_where_and_when(struct buf *to, const struct page *page)
{
    const struct batch *b = page->view->batch;
    uint32_t clusters[CLUSTERS_MAX + 1];
    unsigned count = find_clusters(page->view, clusters);
    char text[HUMAN_TEXT_MAX];

    if (page->view->plan->table == TABLE_SINKS)
        buf_puts(to, "sinks ");
    else if (count == 0 || count > CLUSTERS_MAX)
        buf_puts(to, count == 0 ? "no cluster " : "several clusters ");
    else {
        buf_puts(to, count > 1 ? "clusters " : "cluster ");
        for (unsigned i = 0; i < count; i++) {
            put_text(to, page, batch_lookup(b, clusters[i]));
            buf_puts(to, i + 1 < count ? ", " : " ");
        }
    }
    buf_puts(to, "at ");
    buf_put(to, text, human_time(text, page->people.at_ms));
    int64_t age_ms = page->now_ms - page->people.at_ms;
    if (age_ms >= FRESH_MS) {
        human_seconds(text, (double)(age_ms / 1000));
        buf_printf(to, " (%s ago)", text);
    }
    buf_putc(to, '\n');
}

/* ---- who did not answer ---- */

/* The broker that advertises this address, or NULL. */
static const char *broker_at(const struct batch *b, uint32_t address)
{
    for (uint32_t row = 0; row < batch_rows(b, TABLE_BROKERS); row++)
        if (batch_text_id(b, TABLE_BROKERS, row, BROKERS_ADDRESS) == address)
            return batch_text(b, TABLE_BROKERS, row, BROKERS_BROKER);
    return NULL;
}

static const char *words_of(const char *error)
{
    static const char *const words[][2] = {
        { "timeout", "no answer in time" },   { "closed", "closed the connection" },
        { "system", "cannot be reached" },    { "protocol", "answered what is not the protocol" },
        { "refused", "refused the request" }, { "limit", "answered more than is accepted" },
        { "forbidden", "does not allow it" }, { "busy", "is busy" },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i][0], error) == 0)
            return words[i][1];
    return "failed";
}

/* The first error in words, without the target where it names that itself. */
static const char *reason_of(const struct batch *b, uint32_t row, const char *target)
{
    const char *error = batch_text(b, TABLE_SCRAPES, row, SCRAPES_ERROR);
    const char *detail = batch_text(b, TABLE_SCRAPES, row, SCRAPES_DETAIL);

    if (detail == NULL || detail[0] == '\0')
        return words_of(error != NULL ? error : "");
    const char *named = strstr(detail, target), *rest = named != NULL ? strstr(named + strlen(target), ": ") : NULL;
    return rest != NULL ? rest + 2 : detail;
}

/* "broker-b 10.0.0.3:10911: no answer within 3 s (timeout)" */
static void put_failure(struct buf *to, const struct page *page, uint32_t row)
{
    const struct batch *b = page->view->batch;
    const char *name = broker_at(b, batch_text_id(b, TABLE_SCRAPES, row, SCRAPES_TARGET));
    const char *kind = batch_text(b, TABLE_SCRAPES, row, SCRAPES_KIND);
    const char *target = batch_text(b, TABLE_SCRAPES, row, SCRAPES_TARGET);
    const char *error = batch_text(b, TABLE_SCRAPES, row, SCRAPES_ERROR);

    if (target == NULL)
        target = "?";
    if (name == NULL)
        name = kind != NULL ? kind : "target";
    if (page->term.has_color && !page->is_md)
        buf_puts(to, batch_int(b, TABLE_SCRAPES, row, SCRAPES_OK) == 0 ? "\033[31m" : "\033[33m");
    put_text(to, page, name);
    buf_putc(to, ' ');
    put_text(to, page, target);
    if (page->term.has_color && !page->is_md)
        buf_puts(to, "\033[0m");
    buf_puts(to, ": ");
    const char *reason = reason_of(b, row, target);
    put_text(to, page, reason);
    if (error != NULL && strstr(reason, error) == NULL)
        buf_printf(to, " (%s)", error);
    buf_putc(to, '\n');
}

/* All is well with it, and yet there is something to say. */
static bool has_note(const struct batch *b, uint32_t row)
{
    const char *detail = batch_text(b, TABLE_SCRAPES, row, SCRAPES_DETAIL);

    return batch_int(b, TABLE_SCRAPES, row, SCRAPES_OK) != 0 && detail != NULL && detail[0] != '\0';
}

static uint32_t count_notes(const struct batch *b)
{
    uint32_t notes = 0;

    for (uint32_t row = 0; row < batch_rows(b, TABLE_SCRAPES); row++)
        notes += has_note(b, row);
    return notes;
}

static uint32_t count_failures(const struct batch *b)
{
    uint32_t failures = 0;

    for (uint32_t row = 0; row < batch_rows(b, TABLE_SCRAPES); row++)
        failures += batch_int(b, TABLE_SCRAPES, row, SCRAPES_OK) == 0;
    return failures;
}

static void put_failures(struct buf *to, const struct page *page)
{
    const struct batch *b = page->view->batch;
    uint32_t said = 0, failures = count_failures(b);

    for (uint32_t row = 0; row < batch_rows(b, TABLE_SCRAPES) && said < FAILURES_MAX; row++)
        if (batch_int(b, TABLE_SCRAPES, row, SCRAPES_OK) == 0) {
            put_failure(to, page, row);
            said++;
        }
    if (failures > said)
        buf_printf(to, "and %u more: mqpush status scrapes --bad\n", failures - said);
    for (uint32_t row = 0; row < batch_rows(b, TABLE_SCRAPES) && said < FAILURES_MAX; row++)
        if (has_note(b, row)) {
            put_failure(to, page, row);
            said++;
        }
}

double page_coverage(const struct batch *b)
{
    uint32_t targets = batch_rows(b, TABLE_SCRAPES);

    return targets > 0 ? (double)(targets - count_failures(b)) / targets : NAN;
}

/* ---- below the table ---- */

static void put_legends(struct buf *to, const struct page *page, const struct format_fitted *fitted)
{
    const struct grid *grid = &page->view->grid;

    if (fitted->has_bound)
        buf_puts(to, "+ lower bound: a part is unknown\n");
    if (fitted->dropped == 0)
        return;
    buf_printf(to, "%u column%s left out (-o wide shows all): ", fitted->dropped, fitted->dropped > 1 ? "s" : "");
    for (unsigned c = grid->column_count - fitted->dropped; c < grid->column_count; c++)
        buf_printf(to, "%s%s", grid->columns[c].title, c + 1 < grid->column_count ? ", " : "\n");
}

/* "12 of 340 groups shown, coverage 97 %": rounded down, so that 100 % means all. */
static void put_last_line(struct buf *to, const struct page *page)
{
    const struct table_view *view = page->view;
    double coverage = page_coverage(view->batch);

    const char *noun = layout_of(view->plan->table)->noun;

    if (view->total == 0)
        buf_printf(to, "no %ss", noun);
    else {
        if (view->grid.row_count == 0 && view->plan->only_bad && view->plan->filter_count == 0)
            buf_puts(to, "nothing needs attention: ");
        buf_printf(to, "%u of %u %s%s shown", view->grid.row_count, view->total, noun, view->total == 1 ? "" : "s");
    }
    if (!isnan(coverage))
        buf_printf(to, ", coverage %d %%", (int)floor(coverage * 100));
    buf_putc(to, '\n');
}

unsigned page_lines_around(const struct batch *b)
{
    uint32_t lines = count_failures(b) + count_notes(b);

    /* A reason may be longer than the screen is wide. */
    return LINES_AROUND + 2 * (lines > FAILURES_MAX ? FAILURES_MAX + 1 : lines);
}

void page_put(struct buf *to, const struct page *page)
{
    const struct grid *grid = &page->view->grid;
    struct format_fitted fitted = { 0 };

    put_where_and_when(to, page);
    put_failures(to, page);
    buf_putc(to, '\n');
    if (grid->row_count > 0) {
        if (page->is_md)
            format_md(to, grid, &page->people, &fitted);
        else
            format_table(to, grid, &page->people, &page->term, page->fit, &fitted);
        buf_putc(to, '\n');
    }
    put_legends(to, page, &fitted);
    put_last_line(to, page);
}
