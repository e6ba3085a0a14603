/* counters.c - see counters.h. */
#include "agent/pipeline/counters.h"

#include "agent/base/buf.h"
#include "agent/base/num.h"

#include <string.h>

void counters_write(const struct counter *table, const void *base, struct buf *out)
{
    for (const struct counter *c = table; c->name != NULL; c++) {
        uint64_t value;
        memcpy(&value, (const char *)base + c->offset, sizeof(value));
        buf_puts(out, c->name);
        buf_putc(out, ' ');
        buf_put_u64(out, value);
        buf_putc(out, '\n');
    }
}

static void read_line(const struct counter *table, void *base, const char *line, size_t len)
{
    for (const struct counter *c = table; c->name != NULL; c++) {
        size_t name_len = strlen(c->name);
        int64_t number;
        if (len <= name_len + 1 || memcmp(line, c->name, name_len) != 0 || line[name_len] != ' ')
            continue;
        if (num_to_i64(line + name_len + 1, len - name_len - 1, &number) == 0 && number >= 0) {
            uint64_t value = (uint64_t)number;
            memcpy((char *)base + c->offset, &value, sizeof(value));
        }
    }
}

void counters_read(const struct counter *table, void *base, const char *text, size_t len)
{
    for (const char *end = text + len, *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *line_end = newline != NULL ? newline : end;
        read_line(table, base, line, (size_t)(line_end - line));
        line = line_end + 1;
    }
}
