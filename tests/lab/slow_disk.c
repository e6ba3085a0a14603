/*
 * slow_disk.c - a disk that is slow while a test says so: LD_PRELOADed into a lab's servers by LAB_PRELOAD.
 *
 * While there is a file slow-disk in the server's directory, each write to a file below that, and each wait until the disk has what was
 * written (fsync, fdatasync, msync), takes as many milliseconds longer as the file says. Mapped memory is read and written without any
 * call, so that stays fast: as with a real disk, as long as the machine's memory holds what is asked for.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES 512

/* Where the server has its files: lab.sh says it. */
static const char *home(void)
{
    const char *dir = getenv("LAB_SERVER");

    return dir != NULL && dir[0] != '\0' ? dir : "/nowhere";
}

static int delay_ms(void)
{
    char path[PATH_BYTES], text[16] = "";
    FILE *f;

    snprintf(path, sizeof(path), "%s/slow-disk", home());
    if (access(path, F_OK) < 0 || (f = fopen(path, "re")) == NULL)
        return 0;
    if (fgets(text, sizeof(text), f) == NULL)
        text[0] = '\0';
    fclose(f);
    return atoi(text);
}

static bool is_below_home(int fd)
{
    char name[64], path[PATH_BYTES];
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(name, path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    return strncmp(path, home(), strlen(home())) == 0;
}

/* fd -1: memory that is mapped, in a server always a file of the store. */
static void be_slow(int fd)
{
    int error = errno, ms = delay_ms();
    struct timespec left = { ms / 1000, ms % 1000 * 1000000L };

    if (ms > 0 && (fd < 0 || is_below_home(fd)))
        while (nanosleep(&left, &left) < 0 && errno == EINTR)
            continue;
    errno = error;
}

ssize_t write(int fd, const void *data, size_t len)
{
    be_slow(fd);
    return syscall(SYS_write, fd, data, len);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    be_slow(fd);
    return syscall(SYS_pwrite64, fd, data, len, at);
}

int fsync(int fd)
{
    be_slow(fd);
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    be_slow(fd);
    return (int)syscall(SYS_fdatasync, fd);
}

int msync(void *data, size_t len, int flags)
{
    be_slow(-1);
    return (int)syscall(SYS_msync, data, len, flags);
}
