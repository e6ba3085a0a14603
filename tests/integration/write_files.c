/*
 * write_files.c - files to read back, for test_file.sh: write_files DIRECTORY
 *
 * The three intervals of write_history.c into every format of the sink "file" and into DIRECTORY/history.db: so the same numbers
 * stand everywhere.
 */
#include "agent/base/xalloc.h"
#include "tests/fake/sink_rig.h"
#include "tests/fake/small_cluster.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_MS 1795257000000LL
#define INTERVAL_MS 60000

static int write_all(const char *sink, const char *directory, const char *name)
{
    struct sink_rig rig;
    char *path = xasprintf("%s/%s", directory, name);

    sink_rig_init(&rig, sink);
    sink_rig_set(&rig, "path", path);
    if (option_find(rig.ops->options, "keep") != NULL)
        sink_rig_set(&rig, "keep", "36500d"); /* whatever the date is today */
    int rc = sink_rig_open(&rig);
    for (int i = 0; i < 3 && rc == 0; i++) {
        struct batch *b = small_cluster_at(FIRST_MS + i * INTERVAL_MS, i != 1);
        rc = sink_rig_deliver(&rig, b) == SINK_OK ? 0 : -1;
        batch_unref(b);
    }
    if (rc < 0)
        fprintf(stderr, "write_files: %s\n", rig.err.msg);
    sink_rig_fini(&rig);
    free(path);
    return rc;
}

int main(int argc, char **argv)
{
    static const char *const files[] = { "rows.jsonl", "{table}.csv", "rows.influx", "page.prom" };
    int rc = argc == 2 ? write_all("sqlite", argv[1], "history.db") : -1;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && rc == 0; i++)
        rc = write_all("file", argv[1], files[i]);
    return rc == 0 ? 0 : 1;
}
