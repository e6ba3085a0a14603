/* people.c - see people.h. */
#include "agent/view/people.h"

#include "agent/base/buf.h"
#include "agent/base/num.h"
#include "agent/view/human.h"
#include "agent/view/layout.h"

#include <math.h>
#include <stdio.h>

static void put_exact(struct buf *to, const struct cell *cell, const char *unit)
{
    if (cell->kind == CELL_INT)
        buf_put_i64(to, cell->i);
    else
        buf_put_real(to, cell->d);
    buf_puts(to, unit);
}

/* 0 and -1 are how brokers say that there is none. */
static bool is_instant(double time_ms)
{
    return time_ms > 0 && time_ms < 9e15;
}

static size_t format_instant(char *text, double time_ms)
{
    return is_instant(time_ms) ? human_time(text, (int64_t)time_ms) : human_seconds(text, NAN);
}

/* Clocks differ: a broker's "now" may lie in our future. */
static size_t format_age(char *text, const struct people *people, double time_ms)
{
    double age = floor((double)people->at_ms - time_ms) / 1000;

    if (!is_instant(time_ms) || !people->is_exact)
        return human_seconds(text, is_instant(time_ms) ? fmax(age, 0) : NAN);
    size_t len = num_from_real(text, fmax(age, 0));
    return len + (size_t)snprintf(text + len, HUMAN_TEXT_MAX - len, "s");
}

/* A few forms are words: the number 0 or 1, or a verdict's number. */
static enum people_tone put_word(struct buf *to, const struct cell *cell, enum grid_form form)
{
    int tone = 0;
    const char *word = form == FORM_VERDICT ? layout_verdict(cell->i, &tone)
                       : form == FORM_UP    ? (cell->i != 0 ? "up" : "down")
                                            : (cell->i != 0 ? "ok" : "failed");

    if (word == NULL) {
        buf_put_i64(to, cell->i);
        return TONE_NONE;
    }
    buf_puts(to, word);
    if (form != FORM_VERDICT)
        return cell->i != 0 ? TONE_GOOD : TONE_BAD;
    return tone == 2 ? TONE_BAD : tone == 1 ? TONE_WARN : TONE_GOOD;
}

static void put_number(struct buf *to, const struct people *people, const struct cell *cell, enum grid_form form)
{
    static const char *const exact_units[] = { [FORM_SECONDS] = "s", [FORM_MS] = "ms", [FORM_VERDICT] = NULL };
    double value = cell->kind == CELL_INT ? (double)cell->i : cell->d;
    char text[HUMAN_TEXT_MAX];
    size_t len = 0;

    if (form == FORM_TIME_S || form == FORM_TIME_MS)
        len = format_instant(text, form == FORM_TIME_S ? value * 1000 : value);
    else if (form == FORM_AGE_S || form == FORM_AGE_MS)
        len = format_age(text, people, form == FORM_AGE_S ? value * 1000 : value);
    else if (form == FORM_RATIO && value < 0)
        buf_putc(to, '-');
    else if (people->is_exact || form == FORM_PLAIN)
        put_exact(to, cell, exact_units[form] != NULL ? exact_units[form] : "");
    else if (form == FORM_RATIO)
        buf_printf(to, "%.1f%%", value * 100);
    else if (form == FORM_SECONDS || form == FORM_MS)
        len = human_seconds(text, form == FORM_MS ? value / 1000 : value);
    else if (form == FORM_BYTES || form == FORM_BYTES_RATE)
        len = human_bytes(text, value);
    else
        len = human_count(text, value);
    buf_put(to, text, len);
    if (len > 0 && (form == FORM_RATE || form == FORM_BYTES_RATE))
        buf_puts(to, "/s");
}

enum people_tone people_cell(struct buf *to, const struct people *people, const struct cell *cell, enum grid_form form)
{
    switch (cell->kind) {
    case CELL_ABSENT:
        buf_putc(to, '-');
        return TONE_NONE;
    case CELL_TEXT:
        if (cell->len > 0)
            buf_put(to, cell->text, cell->len);
        else
            buf_putc(to, '-');
        return TONE_NONE;
    case CELL_INT:
        if (form == FORM_UP || form == FORM_OK || form == FORM_VERDICT)
            return put_word(to, cell, form);
        break;
    case CELL_REAL:
        break;
    }
    put_number(to, people, cell, form);
    return TONE_NONE;
}

bool people_is_lower_bound(const struct grid *grid, uint32_t row, unsigned column, const struct cell *cell)
{
    return grid->columns[column].is_sum && cell->kind != CELL_ABSENT && grid->is_incomplete != NULL &&
           grid->is_incomplete(grid->ctx, row);
}
