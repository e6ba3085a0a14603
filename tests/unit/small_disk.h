/*
 * small_disk.h - a disk of a test's own over the directory of test_sqlite.h, in a name space of its own. Included by a test's .c.
 */
#ifndef TESTS_UNIT_SMALL_DISK_H
#define TESTS_UNIT_SMALL_DISK_H

#include "tests/unit/test_sqlite.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

/* size as mount(8) has it: "12m". False, and said, where it is not allowed: then there is nothing to see. */
static bool small_disk(const char *size)
{
    char option[32];

    snprintf(option, sizeof(option), "size=%s", size);
    if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("none", directory, "tmpfs", 0, option) == 0)
        return true;
    printf("# nothing can be mounted here (%s): no disk of %s\n", strerror(errno), size);
    return false;
}

#endif
