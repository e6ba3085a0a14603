/* words.c - see words.h. */
#include "sinks/statsd/words.h"

#include "agent/base/intern.h"
#include "agent/base/utf8.h"
#include "agent/base/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static bool is_allowed(char c, enum words_class class)
{
    static const char *const good[] = { LETTERS_DIGITS "_-", LETTERS_DIGITS "_-." };

    if (class != WORDS_TAG)
        return c != '\0' && strchr(good[class], c) != NULL;
    return (unsigned char)c > ' ' && c != 0x7f && strchr(",|#:;=@[]", c) == NULL;
}

/* U+0080 to U+009F: control characters too, and some readers end a line at U+0085. */
static bool is_c1_control(const char *at, size_t bytes)
{
    return bytes == 2 && (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] < 0xa0;
}

/* How many bytes at `at` stay together; *keep says whether they stay as they are. */
static size_t look_at(const char *at, size_t len, enum words_class class, bool *keep)
{
    size_t bytes = (unsigned char)*at >= 0x80 && class == WORDS_TAG ? utf8_char(at, len) : 0;

    *keep = bytes > 0 ? !is_c1_control(at, bytes) : (unsigned char)*at < 0x80 && is_allowed(*at, class);
    return bytes > 0 ? bytes : 1;
}

size_t words_clean(char out[WORD_MAX], const char *text, size_t len, enum words_class class, bool *whole)
{
    size_t n = 0, at = 0;

    while (at < len) {
        bool keep;
        size_t bytes = look_at(text + at, len - at, class, &keep);
        if (n + (keep ? bytes : 1) > WORD_MAX)
            break;
        if (keep)
            memcpy(out + n, text + at, bytes);
        else
            out[n] = '_';
        n += keep ? bytes : 1;
        at += bytes;
    }
    if (len == 0 && class == WORDS_SEGMENT)
        out[n++] = '_';
    *whole = at == len;
    return n;
}

/* A text that could not stay as it is. */
struct change {
    uint32_t text; /* its number in the batch */
    uint32_t form; /* what became of it, in forms */
    bool whole;
};

struct changes {
    struct change *all;
    uint32_t count, room;
    struct intern forms;
    uint32_t *owners; /* by form: how many texts have it */
};

static void note_change(struct changes *c, uint32_t text, const char *form, size_t len, bool whole)
{
    if (c->count == c->room) {
        c->room = c->room == 0 ? 64 : c->room * 2;
        c->all = xrealloc(c->all, c->room, sizeof(*c->all));
    }
    c->all[c->count++] = (struct change){ .text = text, .form = intern_add(&c->forms, form, len), .whole = whole };
}

/* Points each word at the batch's own text where that can stay, and notes the others. */
static void clean_all(struct words *w, const struct batch *b, enum words_class class, struct changes *c)
{
    char form[WORD_MAX];
    bool whole;

    for (uint32_t text = 0; text < batch_text_count(b); text++) {
        const char *raw = text == 0 ? "" : batch_lookup(b, text);
        size_t len = batch_lookup_len(b, text);
        if (text > 0 && len == 0)
            continue; /* takes the place of number 0 in the end */
        size_t n = words_clean(form, raw, len, class, &whole);
        w->all[text] = (struct word){ raw, len };
        if (!whole || n != len || memcmp(form, raw, n) != 0)
            note_change(c, text, form, n, whole);
    }
}

static void count_owners(const struct words *w, uint32_t count, struct changes *c)
{
    c->owners = xcalloc(c->forms.count, sizeof(*c->owners));
    for (uint32_t text = 0; text < count; text++)
        if (w->all[text].text != NULL)
            c->owners[intern_find(&c->forms, w->all[text].text, w->all[text].len)]++;
    for (uint32_t i = 0; i < c->count; i++)
        c->owners[c->all[i].form]++;
}

static uint32_t hash(const char *text, size_t len)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * 1099511628211u;
    return (uint32_t)(h ^ h >> 32);
}

static void put_changed(struct words *w, const struct changes *c, const struct change *change)
{
    struct word *word = &w->all[change->text];
    size_t len = intern_len(&c->forms, change->form);
    char *text = arena_alloc(&w->arena, len + WORD_MARK + 1);

    memcpy(text, intern_text(&c->forms, change->form), len);
    if (!change->whole || c->owners[change->form] > 1)
        len += (size_t)snprintf(text + len, WORD_MARK + 1, "_%08x", hash(word->text, word->len));
    *word = (struct word){ text, len };
}

void words_init(struct words *w, const struct batch *b, enum words_class class)
{
    uint32_t count = batch_text_count(b) > 0 ? batch_text_count(b) : 1;
    struct changes c = { 0 };

    *w = (struct words){ .all = xcalloc(count, sizeof(*w->all)) };
    arena_init(&w->arena);
    intern_init(&c.forms);
    clean_all(w, b, class, &c);
    if (c.count > 0) {
        /* A changed text is no owner of what it was: its word is looked up by what it became. */
        for (uint32_t i = 0; i < c.count; i++)
            w->all[c.all[i].text].text = NULL;
        count_owners(w, count, &c);
        for (uint32_t i = 0; i < c.count; i++) {
            w->all[c.all[i].text].text = c.all[i].text == 0 ? "" : batch_lookup(b, c.all[i].text);
            put_changed(w, &c, &c.all[i]);
        }
    }
    for (uint32_t text = 1; text < count; text++)
        if (w->all[text].text == NULL)
            w->all[text] = w->all[0];
    intern_fini(&c.forms);
    free(c.all);
    free(c.owners);
}

void words_fini(struct words *w)
{
    arena_fini(&w->arena);
    free(w->all);
    *w = (struct words){ 0 };
}
