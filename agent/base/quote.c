/* quote.c - see quote.h. */
#include "agent/base/quote.h"

#include "agent/base/buf.h"
#include "agent/base/utf8.h"

#include <stdbool.h>
#include <string.h>

static void put_json(struct buf *to, const char *text, size_t len)
{
    size_t kept = 0;

    buf_putc(to, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        buf_put(to, text + kept, i - kept);
        kept = i + 1;
        if (c == '"' || c == '\\')
            buf_printf(to, "\\%c", c);
        else if (c == '\n')
            buf_puts(to, "\\n");
        else if (c == '\t')
            buf_puts(to, "\\t");
        else
            buf_printf(to, "\\u%04x", c);
    }
    buf_put(to, text + kept, len - kept);
    buf_putc(to, '"');
}

void quote_json(struct buf *to, const char *text, size_t len)
{
    struct buf repaired;

    if (utf8_valid(text, len)) {
        put_json(to, text, len);
        return;
    }
    buf_init(&repaired, 0);
    utf8_repair(&repaired, text, len);
    put_json(to, repaired.data, repaired.len);
    buf_fini(&repaired);
}

void quote_csv(struct buf *to, const char *text, size_t len)
{
    bool is_plain = true;

    for (size_t i = 0; i < len; i++)
        is_plain &= text[i] != ',' && text[i] != '"' && text[i] != '\n' && text[i] != '\r';
    /* Readers may trim blanks at the ends of a bare field. */
    if (is_plain && (len == 0 || (text[0] != ' ' && text[len - 1] != ' '))) {
        buf_put(to, text, len);
        return;
    }
    buf_putc(to, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"')
            buf_putc(to, '"');
        buf_putc(to, text[i]);
    }
    buf_putc(to, '"');
}

void quote_tsv(struct buf *to, const char *text, size_t len)
{
    static const char plain[] = "\t\n\r\\", escaped[] = "tnr\\";

    for (size_t i = 0; i < len; i++) {
        const char *found = text[i] != '\0' ? strchr(plain, text[i]) : NULL;
        if (found != NULL) {
            buf_putc(to, '\\');
            buf_putc(to, escaped[found - plain]);
        } else
            buf_putc(to, text[i]);
    }
}
