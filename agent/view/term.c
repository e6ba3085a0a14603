/* term.c - see term.h. */
#include "agent/view/term.h"

#include "agent/base/buf.h"
#include "agent/base/num.h"
#include "agent/base/utf8.h"

#include <langinfo.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define WIDTH_DEFAULT 80
#define WIDTH_MAX 10000

static unsigned width_of(const struct winsize *size)
{
    const char *columns = getenv("COLUMNS");
    int64_t n;

    if (size->ws_col > 0)
        return size->ws_col;
    if (columns != NULL && num_to_i64(columns, strlen(columns), &n) == 0 && n > 0 && n <= WIDTH_MAX)
        return (unsigned)n;
    return WIDTH_DEFAULT;
}

void term_look(struct term *term, int fd, long width, bool has_color)
{
    struct winsize size = { 0 };

    term->is_tty = isatty(fd) == 1 && ioctl(fd, TIOCGWINSZ, &size) == 0;
    term->height = size.ws_row;
    term->has_color = has_color;
    term->has_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (width != TERM_WIDTH_AUTO)
        term->width = width > WIDTH_MAX ? WIDTH_MAX : (unsigned)width;
    else
        term->width = term->is_tty ? width_of(&size) : TERM_UNLIMITED;
}

/* The character of `size` bytes at text; size comes from utf8_char. */
static uint32_t decode(const char *text, size_t size)
{
    static const unsigned char lead[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    uint32_t c = (unsigned char)text[0] & lead[size];

    for (size_t i = 1; i < size; i++)
        c = c << 6 | ((unsigned char)text[i] & 0x3f);
    return c;
}

/* Characters that change the order or the lines of what stands around them, and are invisible themselves. */
static bool is_treacherous(uint32_t c)
{
    return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f || c == 0x061c ||
           c == 0x2028 || c == 0x2029 || c == 0xfeff;
}

/* Is what is no printable ASCII character shown as it is? */
static bool is_shown(const char *text, size_t size, bool has_utf8)
{
    if (size <= 1 || !has_utf8)
        return false;
    uint32_t c = decode(text, size);
    return wcwidth((wchar_t)c) >= 0 && !is_treacherous(c);
}

void term_escape(struct buf *to, const char *text, size_t len, bool has_utf8)
{
    size_t at = 0, kept = 0; /* text[kept..at) is fit and not yet written */

    while (at < len) {
        if (text[at] >= 0x20 && text[at] < 0x7f) { /* nearly all names are nothing else */
            at++;
            continue;
        }
        size_t size = utf8_char(text + at, len - at);
        if (is_shown(text + at, size, has_utf8)) {
            at += size;
            continue;
        }
        buf_put(to, text + kept, at - kept);
        for (size_t end = at + (size > 0 ? size : 1); at < end; at++)
            buf_printf(to, "\\x%02x", (unsigned char)text[at]);
        kept = at;
    }
    buf_put(to, text + kept, at - kept);
}

static unsigned char_columns(const char *text, size_t size)
{
    int width = size <= 1 ? 1 : wcwidth((wchar_t)decode(text, size));

    return width < 0 ? 1 : (unsigned)width;
}

unsigned term_columns(const char *text, size_t len)
{
    unsigned columns = 0;

    for (size_t at = 0; at < len;) {
        size_t size = (unsigned char)text[at] < 0x80 ? 1 : utf8_char(text + at, len - at);
        columns += char_columns(text + at, size);
        at += size > 0 ? size : 1;
    }
    return columns;
}

/* Bytes of the longest start of text that takes at most `columns`, accents of its last character included. */
static size_t head_bytes(const char *text, size_t len, unsigned columns)
{
    size_t at = 0;

    while (at < len) {
        size_t size = utf8_char(text + at, len - at);
        unsigned width = char_columns(text + at, size);
        if (width > columns)
            break;
        columns -= width;
        at += size > 0 ? size : 1;
    }
    return at;
}

/* Where the longest end of text begins that takes at most `columns`. */
static size_t tail_start(const char *text, size_t len, unsigned columns)
{
    unsigned skip = term_columns(text, len);
    size_t at = 0;

    while (at < len && (skip > columns || char_columns(text + at, utf8_char(text + at, len - at)) == 0)) {
        size_t size = utf8_char(text + at, len - at);
        skip -= char_columns(text + at, size);
        at += size > 0 ? size : 1;
    }
    return at;
}

void term_cut(struct buf *to, const char *text, size_t len, unsigned columns, bool at_end, bool has_utf8)
{
    const char *mark = has_utf8 ? "\u2026" : "..";
    unsigned mark_columns = has_utf8 ? 1 : 2;

    if (term_columns(text, len) <= columns) {
        buf_put(to, text, len);
        return;
    }
    if (columns <= mark_columns) {
        buf_put(to, mark, has_utf8 && columns > 0 ? strlen(mark) : columns);
        return;
    }
    unsigned room = columns - mark_columns, left = at_end ? room : (room + 1) / 2;
    size_t head = head_bytes(text, len, left), tail = at_end ? len : tail_start(text, len, room - left);
    buf_put(to, text, head);
    buf_puts(to, mark);
    buf_put(to, text + tail, len - tail);
}
