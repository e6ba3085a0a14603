/* replace.c - see replace.h. */
#include "sinks/file/replace.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "sinks/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0644

int replace_look(const char *path, struct err *err)
{
    static const char beginning[] = "# HELP ";
    char first[sizeof(beginning) - 1];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return errno == ENOENT ? 1 : err_sys(err, "cannot open %s", path);
    int result = 0;
    ssize_t n = 0;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        result = err_set(err, ERR_CONFIG, "%s: not a regular file", path);
    else if ((n = pread(fd, first, sizeof(first), 0)) < 0)
        result = err_sys(err, "%s: read", path);
    else if (memcmp(first, beginning, (size_t)n) != 0)
        result = err_set(err, ERR_CONFIG, "%s: holds something else than a page of metrics; give another path", path);
    close(fd);
    return result;
}

int replace_begin(struct replace_file *f, const char *path, struct sink_delivery *d, struct err *err)
{
    if (replace_look(path, err) < 0)
        return -1;
    *f = (struct replace_file){ .path = path, .temp = xasprintf("%s.tmp", path), .delivery = d, .err = err };
    if (unlink(f->temp) < 0 && errno != ENOENT) /* one killed in our midst left it */
        err_sys(err, "cannot remove %s", f->temp);
    else if ((f->fd = open(f->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE)) < 0)
        err_sys(err, "cannot create %s", f->temp);
    else if (fchmod(f->fd, FILE_MODE) < 0) {
        err_sys(err, "%s: mode", f->temp);
        replace_end(f, false);
        return -1;
    } else
        return 0;
    free(f->temp);
    return -1;
}

static int check_time(const struct replace_file *f)
{
    struct pollfd cancel = { .fd = f->delivery->cancel_fd, .events = POLLIN };

    if (poll(&cancel, 1, 0) > 0)
        return err_set(f->err, ERR_CANCELED, "%s: told to stop", f->path);
    if (clock_now_ns() >= f->delivery->deadline_ns)
        return err_set(f->err, ERR_TIMEOUT, "%s: not written in the time given", f->path);
    return 0;
}

int replace_write(void *file, const char *data, size_t len)
{
    struct replace_file *f = file;

    if (check_time(f) < 0)
        return -1;
    while (len > 0) {
        ssize_t n = write(f->fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(f->err, "%s: write", f->temp);
        data += n;
        len -= (size_t)n;
        f->delivery->bytes += (uint64_t)n;
    }
    return 0;
}

int replace_end(struct replace_file *f, bool success)
{
    int result = success ? 0 : -1;

    /* Without the sync, a power failure may leave the new name with nothing behind it. */
    if (success && fsync(f->fd) < 0)
        result = err_sys(f->err, "%s: sync", f->temp);
    close(f->fd);
    if (result == 0 && rename(f->temp, f->path) < 0)
        result = err_sys(f->err, "cannot rename %s", f->temp);
    if (result < 0)
        unlink(f->temp);
    free(f->temp);
    return result;
}
