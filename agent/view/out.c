/* out.c - see out.h. */
#include "agent/view/out.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_BELOW "\033[J"

static int write_plain(struct out *out, const char *data, size_t len)
{
    if (fwrite(data, 1, len, stdout) == len)
        return 0;
    if (out->error == 0)
        out->error = errno;
    return -1;
}

static int write_over(struct out *out, const char *data, size_t len)
{
    const char *end = data + len;

    while (data < end) {
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        size_t line = (size_t)((newline != NULL ? newline : end) - data);
        if (write_plain(out, data, line) < 0 || (newline != NULL && write_plain(out, CLEAR_LINE "\n", 4) < 0))
            return -1;
        data += line + (newline != NULL);
    }
    return 0;
}

static int drain(void *ctx, const char *data, size_t len)
{
    struct out *out = ctx;

    return (out->is_frame ? write_over : write_plain)(out, data, len);
}

void out_open(struct out *out, bool is_frame)
{
    *out = (struct out){ .is_frame = is_frame };
    buf_init_drain(&out->buf, drain, out);
    if (is_frame)
        write_plain(out, HOME, strlen(HOME));
}

int out_close(struct out *out)
{
    buf_flush(&out->buf);
    buf_fini(&out->buf);
    if (out->is_frame)
        write_plain(out, CLEAR_BELOW, strlen(CLEAR_BELOW));
    if (fflush(stdout) != 0 && out->error == 0)
        out->error = errno;
    if (out->error == 0)
        return 0;
    errno = out->error;
    return -1;
}
