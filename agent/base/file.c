/* file.c - see file.h. */
#include "agent/base/file.h"

#include <unistd.h>

#define FIRST_STEP 4096

static size_t next_step(const struct buf *to)
{
    size_t room = to->limit - to->len, step = to->len < FIRST_STEP ? FIRST_STEP : to->len;

    return step < room ? step : room;
}

int file_read(int fd, struct buf *to, struct err *err)
{
    char one_more;
    size_t step;
    ssize_t n = 0;

    while ((step = next_step(to)) > 0 && (n = read(fd, buf_grow(to, step), step)) > 0)
        to->len += (size_t)n;
    if (step == 0)
        n = read(fd, &one_more, 1);
    if (n < 0)
        return err_sys(err, "cannot be read");
    return n == 0 ? 0 : err_set(err, ERR_LIMIT, "larger than %zu bytes", to->limit);
}
