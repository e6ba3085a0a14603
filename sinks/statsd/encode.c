/*
 * encode.c - see encode.h.
 *
 * A sample's name with all its tags is made once, in `name`; where the tags stand behind the value (dogstatsd), head_len says
 * where the value goes. Two samples of a family with one name would overwrite each other in turn: the first one stays, the others
 * are counted as cut. It can happen honestly: official names know neither source nor broker id.
 */
#include "sinks/statsd/encode.h"

#include "agent/base/buf.h"
#include "agent/base/num.h"
#include "agent/base/xalloc.h"
#include "agent/model/family.h"
#include "sinks/sink.h"
#include "sinks/statsd/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct form {
    const char *open, *assign, *between, *close; /* of tags; open NULL: labels are parts of the name */
    bool behind;                                 /* tags stand behind the value */
    enum words_class words;
};

static const struct form forms[] = {
    [STATSD_PLAIN] = { NULL, NULL, ".", NULL, false, WORDS_SEGMENT },
    [STATSD_DOGSTATSD] = { "|#", ":", ",", "", true, WORDS_TAG },
    [STATSD_INFLUX] = { ",", "=", ",", "", false, WORDS_TAG },
    [STATSD_GRAPHITE] = { ";", "=", ";", "", false, WORDS_GRAPHITE },
    [STATSD_SIGNALFX] = { "[", "=", ",", "]", false, WORDS_TAG },
    [STATSD_LIBRATO] = { "#", "=", ",", "", false, WORDS_TAG },
};

struct encoder {
    const struct statsd_shape *shape;
    const struct form *form;
    const struct batch *batch;
    const struct counters *counters;
    struct counters *noting;
    struct words words;
    struct buf name;   /* of the sample at hand, tags and all */
    size_t head_len;   /* of name: what stands before the value */
    unsigned tags;     /* in name so far */
    struct buf lines;  /* of the sample at hand */
    struct buf packet; /* being filled */
    size_t noted;      /* counters in it and before */
    struct intern seen; /* names of this family */
    statsd_take *take;
    void *ctx;
    bool is_stopped;
    struct statsd_count count;
};

/* --- values --------------------------------------------------------------------------------------------------------- */

static size_t put_zeros(char *to, int count)
{
    if (count <= 0)
        return 0;
    memset(to, '0', (size_t)count);
    return (size_t)count;
}

/* "1.5e+20" as 150000000000000000000, "5e-3" as 0.005: the same digits, the point moved. */
static size_t spell_out(char *text, const char *from, const char *e)
{
    char digits[NUM_TEXT_MAX] = { 0 };
    size_t len = 0;
    int count = 0, point = 1 + atoi(e + 1); /* one digit stands before the point of such a text */

    if (*from == '-')
        text[len++] = *from++;
    for (; from < e; from++)
        if (*from != '.')
            digits[count++] = *from;
    if (point <= 0) {
        text[len++] = '0';
        text[len++] = '.';
        len += put_zeros(text + len, -point);
    }
    for (int i = 0; i < count; i++) {
        if (i == point && i > 0)
            text[len++] = '.';
        text[len++] = digits[i];
    }
    len += put_zeros(text + len, point - count);
    text[len] = '\0';
    return len;
}

size_t statsd_value(char text[STATSD_VALUE_MAX], const struct counter_value *v)
{
    char plain[NUM_TEXT_MAX];

    if (v->is_int)
        return num_from_i64(text, v->i);
    size_t len = num_from_real(plain, v->d);
    const char *e = strchr(plain, 'e');
    if (e != NULL)
        return spell_out(text, plain, e);
    memcpy(text, plain, len + 1);
    return len;
}

/* --- names ---------------------------------------------------------------------------------------------------------- */

static bool has_label(const struct family *f, const char *name)
{
    for (const struct family_label *l = f->labels; l->name != NULL; l++)
        if (strcmp(l->name, name) == 0)
            return true;
    return false;
}

static void put_tag(struct encoder *e, const char *name, const char *value, size_t len)
{
    const struct form *form = e->form;

    if (form->open == NULL) {
        buf_put(&e->name, value, len);
        buf_puts(&e->name, form->between);
        return;
    }
    if (len == 0)
        return; /* no tag and an empty one mean the same, and an empty one is an error to some */
    buf_puts(&e->name, e->tags++ == 0 ? form->open : form->between);
    buf_puts(&e->name, name);
    buf_puts(&e->name, form->assign);
    buf_put(&e->name, value, len);
}

/* The constant labels, but for those the family has itself; then the family's own. */
static void put_tags(struct encoder *e, const struct family *f, uint32_t row)
{
    char word[WORD_MAX];
    bool whole;

    for (const struct sink_label *l = e->shape->labels; l != NULL && l->name != NULL; l++)
        if (!has_label(f, l->name))
            put_tag(e, l->name, word, words_clean(word, l->value, strlen(l->value), e->form->words, &whole));
    for (const struct family_label *l = f->labels; l->name != NULL; l++) {
        const struct word *value = &e->words.all[batch_text_id(e->batch, f->table, row, l->column)];
        put_tag(e, l->name, value->text, value->len);
    }
    if (e->tags > 0)
        buf_puts(&e->name, e->form->close);
}

static void put_name(struct encoder *e, const struct family *f, uint32_t row)
{
    buf_reset(&e->name);
    e->tags = 0;
    if (e->shape->prefix[0] != '\0') {
        buf_puts(&e->name, e->shape->prefix);
        buf_putc(&e->name, '.');
    }
    if (e->form->open == NULL)
        put_tags(e, f, row);
    buf_puts(&e->name, f->name);
    e->head_len = e->name.len;
    if (e->form->open != NULL)
        put_tags(e, f, row);
    if (!e->form->behind)
        e->head_len = e->name.len;
}

/* --- lines and packets ---------------------------------------------------------------------------------------------- */

static void put_line(struct encoder *e, const char *value, size_t len, char type)
{
    struct buf *lines = &e->lines;

    buf_put(lines, e->name.data, e->head_len);
    buf_putc(lines, ':');
    buf_put(lines, value, len);
    buf_putc(lines, '|');
    buf_putc(lines, type);
    buf_put(lines, e->name.data + e->head_len, e->name.len - e->head_len);
}

static void hand_over(struct encoder *e)
{
    if (e->packet.len > 0 && !e->is_stopped)
        e->is_stopped = e->take(e->ctx, e->packet.data, e->packet.len, e->noted) < 0;
    buf_reset(&e->packet);
}

static void count_cut(struct encoder *e, const struct family *f)
{
    e->count.cut++;
    if (e->count.first_cut == NULL)
        e->count.first_cut = f->name;
}

/* One sample into a packet; false if it does not fit into any. */
static bool put_sample(struct encoder *e, const struct counter_value *v, char type)
{
    char text[STATSD_VALUE_MAX];
    size_t len = statsd_value(text, v), limit = e->shape->max_packet;

    buf_reset(&e->lines);
    if (text[0] == '-' && e->shape->zero_first) {
        put_line(e, "0", 1, type);
        buf_putc(&e->lines, '\n');
    }
    put_line(e, text, len, type);
    if (e->lines.len > limit)
        return false;
    if (e->packet.len > 0 && e->packet.len + 1 + e->lines.len > limit)
        hand_over(e);
    if (e->packet.len > 0)
        buf_putc(&e->packet, '\n');
    buf_put(&e->packet, e->lines.data, e->lines.len);
    e->count.samples++;
    return true;
}

static void put_counter(struct encoder *e, const struct family *f, const struct counter_value *now)
{
    struct counter_value rise;

    if (!counter_value_is_valid(now))
        return;
    if (counters_rise(e->counters, e->name.data, e->name.len, now, &rise) && !put_sample(e, &rise, 'c'))
        count_cut(e, f);
    else if (e->noting != NULL)
        e->noted = counters_note(e->noting, e->name.data, e->name.len, now);
}

static void put_row(struct encoder *e, const struct family *f, uint32_t row)
{
    struct counter_value v = { 0 };

    if (!family_sample(f, e->batch, row, &v.is_int, &v.i, &v.d) || (!v.is_int && !isfinite(v.d)))
        return;
    put_name(e, f, row);
    uint32_t names = e->seen.count;
    if (intern_add(&e->seen, e->name.data, e->name.len) < names)
        count_cut(e, f);
    else if (f->type == FAMILY_COUNTER)
        put_counter(e, f, &v);
    else if (!put_sample(e, &v, 'g'))
        count_cut(e, f);
}

static void put_family(struct encoder *e, const struct family *f)
{
    uint32_t rows = batch_rows(e->batch, f->table);

    intern_init(&e->seen);
    for (uint32_t row = 0; row < rows && !e->is_stopped; row++)
        put_row(e, f, row);
    intern_fini(&e->seen);
}

struct statsd_count statsd_encode(const struct statsd_shape *shape, const struct batch *b, const struct counters *counters,
                                  struct counters *noting, statsd_take *take, void *ctx)
{
    struct encoder e = { .shape = shape, .form = &forms[shape->dialect], .batch = b, .counters = counters, .noting = noting,
                         .take = take, .ctx = ctx };
    bool *within = xmalloc(family_count * sizeof(*within));

    memcpy(within, shape->families, family_count * sizeof(*within));
    if (shape->max_series > 0)
        e.count.cut = family_limit(b, within, (uint64_t)shape->max_series, &e.count.first_cut);
    words_init(&e.words, b, e.form->words);
    buf_init(&e.name, 0);
    buf_init(&e.lines, 0);
    buf_init(&e.packet, 0);
    for (unsigned i = 0; i < family_count && !e.is_stopped; i++)
        if (within[i])
            put_family(&e, &families[i]);
    hand_over(&e);
    buf_fini(&e.name);
    buf_fini(&e.lines);
    buf_fini(&e.packet);
    words_fini(&e.words);
    free(within);
    return e.count;
}
