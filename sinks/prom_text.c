/*
 * prom_text.c - see prom_text.h.
 *
 *     # HELP mq_broker_up 1 if the broker answered in this interval
 *     # TYPE mq_broker_up gauge
 *     mq_broker_up{source="prod",system="rocketmq",cluster="c",broker="a",env="test"} 1
 *     |--- head -------|    |-- between --|                     |---- tail ---|
 *
 * What is the same on every line of a family (head, between, tail) is made once, so that a sample costs a few copies.
 *
 * A gateway refuses a whole page for one fault in it, therefore three things always hold:
 * - no label name stands twice on a sample: a constant label gives way to the family's own label of that name;
 * - no two samples of a family have the same labels: the first one stays. It can happen honestly: official names know
 *   neither source nor broker id, so that two clusters with one group name meet here. Equal text numbers are equal texts,
 *   so a sample costs one look into a hash set of row numbers (20 of some 110 ns), and no text is compared;
 * - every value is one line of valid UTF-8: the batch has seen to the encoding, escaping sees to the rest.
 */
#include "sinks/prom_text.h"

#include "agent/base/buf.h"
#include "agent/base/num.h"
#include "agent/base/utf8.h"
#include "agent/base/xalloc.h"
#include "agent/model/family.h"
#include "sinks/sink.h"

#include <stdlib.h>
#include <string.h>

/* What is known of a text: most need no escaping, and looking once is enough. */
enum text_state { TEXT_NEW, TEXT_PLAIN, TEXT_ESCAPED };

/* The fixed bytes of a family's lines: piece i ends at ends[i]; a label's text follows each piece but the last. */
struct frame {
    struct buf bytes;
    size_t ends[FAMILY_LABELS_MAX + 1];
    unsigned labels;
};

/* The line before, up to its number. Neighbours mostly share their first labels, which then need no second look. */
struct line {
    struct buf bytes;
    uint32_t texts[FAMILY_LABELS_MAX];
    size_t ends[FAMILY_LABELS_MAX]; /* label i and the piece before it end here */
    unsigned labels;                /* how many of them hold; 0 at the start of a family */
};

/* Which label sets a family has used: open addressing, `row` is a row number + 1, 0 is empty. */
struct seen {
    struct seen_slot {
        uint32_t hash, row;
    } *slots;
    uint32_t mask, room;
};

struct page {
    const struct batch *batch;
    const struct sink_label *labels;
    struct buf *out;
    unsigned char *states; /* enum text_state by text number */
    uint32_t empty_text;   /* the number of "", which as a label value means the same as no text */
    struct frame frame;
    struct line line;
    struct seen seen;
    struct prom_text_count count;
};

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"

bool prom_text_is_label_name(const char *name)
{
    return strspn(name, LETTERS) > 0 && strncmp(name, "__", 2) != 0 && name[strspn(name, LETTERS "0123456789")] == '\0';
}

int prom_text_check_labels(const struct sink_label *labels, struct err *err)
{
    for (const struct sink_label *l = labels; l != NULL && l->name != NULL; l++) {
        if (!prom_text_is_label_name(l->name))
            return err_set(err, ERR_CONFIG, "label %s: a name is letters, digits and _, and begins with neither a digit nor __",
                           l->name);
        if (!utf8_valid(l->value, strlen(l->value)))
            return err_set(err, ERR_CONFIG, "label %s: the value is not valid UTF-8", l->name);
        for (const struct sink_label *before = labels; before < l; before++)
            if (strcmp(before->name, l->name) == 0)
                return err_set(err, ERR_CONFIG, "label %s is given twice", l->name);
    }
    return 0;
}

static bool needs_escape(char c, bool quotes)
{
    return c == '\\' || c == '\n' || (c == '"' && quotes);
}

static char *escape(char *to, const char *text, size_t len, bool quotes)
{
    for (size_t i = 0; i < len; i++) {
        if (needs_escape(text[i], quotes))
            *to++ = '\\';
        *to++ = text[i] == '\n' ? 'n' : text[i];
    }
    return to;
}

static void put_escaped(struct buf *out, const char *text, bool quotes)
{
    size_t len = strlen(text);
    char *to = buf_grow(out, 2 * len);

    if (to != NULL)
        out->len += (size_t)(escape(to, text, len, quotes) - to);
}

static void put_header(struct buf *out, const struct family *f)
{
    buf_puts(out, "# HELP ");
    buf_puts(out, f->name);
    buf_putc(out, ' ');
    put_escaped(out, f->help, false);
    buf_puts(out, "\n# TYPE ");
    buf_puts(out, f->name);
    buf_putc(out, ' ');
    buf_puts(out, family_type_name(f->type));
    buf_putc(out, '\n');
}

static bool has_label(const struct family *f, const char *name)
{
    for (const struct family_label *l = f->labels; l->name != NULL; l++)
        if (strcmp(l->name, name) == 0)
            return true;
    return false;
}

static void make_frame(struct page *p, const struct family *f)
{
    struct frame *frame = &p->frame;
    struct buf *bytes = &frame->bytes;
    const char *opening = "{";

    buf_reset(bytes);
    buf_puts(bytes, f->name);
    for (frame->labels = 0; f->labels[frame->labels].name != NULL; frame->labels++) {
        buf_puts(bytes, frame->labels == 0 ? "{" : "\",");
        buf_puts(bytes, f->labels[frame->labels].name);
        buf_puts(bytes, "=\"");
        frame->ends[frame->labels] = bytes->len;
        opening = "\",";
    }
    for (const struct sink_label *l = p->labels; l != NULL && l->name != NULL; l++) {
        if (has_label(f, l->name))
            continue;
        buf_puts(bytes, opening);
        buf_puts(bytes, l->name);
        buf_puts(bytes, "=\"");
        put_escaped(bytes, l->value, true);
        opening = "\",";
    }
    buf_puts(bytes, opening[0] == '{' ? " " : "\"} ");
    frame->ends[frame->labels] = bytes->len;
}

static void clear_seen(struct seen *seen, uint32_t rows)
{
    uint32_t room = 16;

    while (room < (uint64_t)rows * 2 && room < 1u << 31)
        room *= 2;
    if (room > seen->room) {
        free(seen->slots);
        seen->slots = xmalloc((size_t)room * sizeof(*seen->slots));
        seen->room = room;
    }
    seen->mask = room - 1;
    memset(seen->slots, 0, (size_t)room * sizeof(*seen->slots));
}

static uint32_t label_text(const struct page *p, const struct family *f, uint32_t row, unsigned label)
{
    uint32_t text = batch_text_id(p->batch, f->table, row, f->labels[label].column);

    return text == p->empty_text ? 0 : text;
}

static bool has_texts(const struct page *p, const struct family *f, uint32_t row, const uint32_t *texts)
{
    for (unsigned i = 0; i < p->frame.labels; i++)
        if (label_text(p, f, row, i) != texts[i])
            return false;
    return true;
}

/* Remembers the labels of a row; false if an earlier row of this family had the same. */
static bool is_first(struct page *p, const struct family *f, uint32_t row, const uint32_t *texts)
{
    uint64_t mixed = 0;

    for (unsigned i = 0; i < p->frame.labels; i++)
        mixed = (mixed ^ texts[i]) * 0x9E3779B97F4A7C15u;
    uint32_t hash = (uint32_t)(mixed >> 32);
    for (uint32_t at = hash & p->seen.mask;; at = (at + 1) & p->seen.mask) {
        struct seen_slot *slot = &p->seen.slots[at];
        if (slot->row == 0) {
            *slot = (struct seen_slot){ .hash = hash, .row = row + 1 };
            return true;
        }
        if (slot->hash == hash && has_texts(p, f, slot->row - 1, texts))
            return false;
    }
}

static bool is_plain(struct page *p, uint32_t text, const char *bytes, size_t len)
{
    if (p->states[text] == TEXT_NEW) {
        p->states[text] = TEXT_PLAIN;
        for (size_t i = 0; i < len; i++)
            if (needs_escape(bytes[i], true))
                p->states[text] = TEXT_ESCAPED;
    }
    return p->states[text] == TEXT_PLAIN;
}

static void put_label(struct page *p, unsigned label, uint32_t text)
{
    struct line *line = &p->line;
    size_t from = label == 0 ? 0 : p->frame.ends[label - 1], piece = p->frame.ends[label] - from;
    size_t len = batch_lookup_len(p->batch, text);
    char *to = buf_grow(&line->bytes, piece + 2 * len);

    memcpy(to, p->frame.bytes.data + from, piece);
    line->bytes.len += piece;
    if (len > 0) {
        const char *bytes = batch_lookup(p->batch, text);
        if (is_plain(p, text, bytes, len))
            buf_put(&line->bytes, bytes, len);
        else
            line->bytes.len = (size_t)(escape(to + piece, bytes, len, true) - line->bytes.data);
    }
    line->texts[label] = text;
    line->ends[label] = line->bytes.len;
}

/* Turns the line before into the one with these labels. */
static void make_line(struct page *p, const uint32_t *texts)
{
    struct line *line = &p->line;
    const struct frame *frame = &p->frame;
    unsigned same = 0;

    while (same < line->labels && line->texts[same] == texts[same])
        same++;
    line->bytes.len = same == 0 ? 0 : line->ends[same - 1];
    for (unsigned i = same; i < frame->labels; i++)
        put_label(p, i, texts[i]);
    line->labels = frame->labels;
    size_t from = frame->labels == 0 ? 0 : frame->ends[frame->labels - 1];
    buf_put(&line->bytes, frame->bytes.data + from, frame->bytes.len - from);
}

static void put_sample(struct page *p, bool is_int, int64_t i, double d)
{
    const struct buf *line = &p->line.bytes;
    char *to = buf_grow(p->out, line->len + NUM_TEXT_MAX + 1);

    if (to == NULL)
        return;
    memcpy(to, line->data, line->len);
    size_t len = line->len;
    len += is_int ? num_from_i64(to + len, i) : num_from_real(to + len, d);
    to[len++] = '\n';
    p->out->len += len;
    buf_row(p->out);
    p->count.samples++;
}

static void start_family(struct page *p, const struct family *f, uint32_t rows)
{
    put_header(p->out, f);
    make_frame(p, f);
    p->line.labels = 0;
    clear_seen(&p->seen, rows);
}

static void put_family(struct page *p, const struct family *f)
{
    uint32_t rows = batch_rows(p->batch, f->table), texts[FAMILY_LABELS_MAX];
    bool is_started = false;

    for (uint32_t row = 0; row < rows; row++) {
        bool is_int;
        int64_t i = 0;
        double d = 0;

        if (!family_sample(f, p->batch, row, &is_int, &i, &d))
            continue;
        if (!is_started)
            start_family(p, f, rows - row);
        is_started = true;
        for (unsigned l = 0; l < p->frame.labels; l++)
            texts[l] = label_text(p, f, row, l);
        if (is_first(p, f, row, texts)) {
            make_line(p, texts);
            put_sample(p, is_int, i, d);
        } else {
            p->count.cut++;
            if (p->count.first_cut == NULL)
                p->count.first_cut = f->name;
        }
    }
}

static uint32_t find_empty_text(const struct batch *b)
{
    uint32_t count = batch_text_count(b);

    for (uint32_t text = 1; text < count; text++)
        if (batch_lookup_len(b, text) == 0)
            return text;
    return 0;
}

struct prom_text_count prom_text_render(const struct batch *b, const bool *wanted, const struct sink_label *labels,
                                        int64_t max_series, struct buf *out)
{
    struct page page = { .batch = b, .labels = labels, .out = out };
    bool *within = xmalloc(family_count * sizeof(*within));

    memcpy(within, wanted, family_count * sizeof(*within));
    if (max_series > 0)
        page.count.cut = family_limit(b, within, (uint64_t)max_series, &page.count.first_cut);
    page.states = xcalloc(batch_text_count(b) + 1, 1);
    page.empty_text = find_empty_text(b);
    buf_init(&page.frame.bytes, 0);
    buf_init(&page.line.bytes, 0);
    for (unsigned i = 0; i < family_count && !buf_failed(out); i++)
        if (within[i])
            put_family(&page, &families[i]);
    buf_fini(&page.frame.bytes);
    buf_fini(&page.line.bytes);
    free(page.seen.slots);
    free(page.states);
    free(within);
    return page.count;
}
