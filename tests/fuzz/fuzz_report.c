/*
 * fuzz_report.c - any bytes as status.json. What must hold: it makes a table, or an error with a sentence; a table so made can be written
 * and read as a stored batch.
 */
#include "agent/base/buf.h"
#include "agent/model/batch_io.h"
#include "agent/pipeline/report.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static char directory[64];
static int fd = -1;

static void clean_up(void)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/" REPORT_FILE, directory);
    unlink(path);
    rmdir(directory);
}

static void make_file(void)
{
    char path[96];

    snprintf(directory, sizeof(directory), "%s/fuzz_report_XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    fuzz_require(mkdtemp(directory) != NULL);
    snprintf(path, sizeof(path), "%s/" REPORT_FILE, directory);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    fuzz_require(fd >= 0);
    atexit(clean_up);
}

static void check_table(const struct batch *b)
{
    struct err err;
    struct buf stored;

    buf_init(&stored, 0);
    fuzz_require(batch_io_write(b, &stored, &err) == 0);
    struct batch *again = batch_io_read(stored.data, stored.len, &err);
    fuzz_require(again != NULL && batch_rows(again, TABLE_SINKS) == batch_rows(b, TABLE_SINKS));
    batch_unref(again);
    buf_fini(&stored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = { .kind = ERR_NONE };
    struct report_head head;
    struct batch *b = batch_new();

    if (fd < 0)
        make_file();
    fuzz_require(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    int rc = report_read(directory, b, &head, &err);
    fuzz_require(rc == 1 || (rc == -1 && err.msg[0] != '\0'));
    batch_seal(b);
    if (rc == 1) {
        fuzz_require(head.written_ms > 0 && head.started_ms >= 0 && head.stopped_ms >= 0 && head.interval_ms >= 0);
        check_table(b);
    }
    batch_unref(b);
    return 0;
}
