/* utf8.c - see utf8.h. Table 3-7 of the Unicode Standard (well-formed byte sequences), as comparisons. */
#include "agent/base/utf8.h"

#include "agent/base/buf.h"

static bool is_tail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

size_t utf8_char(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;

    if (len == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    if (p[0] < 0xE0)
        return len >= 2 && is_tail(p[1]) ? 2 : 0;
    if (p[0] < 0xF0) {
        if (len < 3 || !is_tail(p[1]) || !is_tail(p[2]))
            return 0;
        if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F))
            return 0;
        return 3;
    }
    if (len < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]))
        return 0;
    if ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
        return 0;
    return 4;
}

bool utf8_valid(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = utf8_char(text + i, len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

void utf8_repair(struct buf *to, const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = utf8_char(text + i, len - i);
        if (n > 0)
            buf_put(to, text + i, n);
        else
            buf_put(to, "\xEF\xBF\xBD", 3);
        i += n > 0 ? n : 1;
    }
}
