/*
 * write_history.c - a history to read back, for test_status_formats.sh: write_history FILE
 *
 * Three intervals of the small cluster (tests/fake/small_cluster.h), a minute apart, the first at 2026-11-21 10:30:00 UTC: all
 * well; broker-b does not answer; all well again.
 */
#include "tests/fake/sink_rig.h"
#include "tests/fake/small_cluster.h"

#include <stdio.h>

#define FIRST_MS 1795257000000LL
#define INTERVAL_MS 60000

int main(int argc, char **argv)
{
    struct sink_rig rig;
    int rc = 0;

    if (argc != 2)
        return 2;
    sink_rig_init(&rig, "sqlite");
    sink_rig_set(&rig, "path", argv[1]);
    sink_rig_set(&rig, "keep", "36500d"); /* whatever the date is today */
    rc = sink_rig_open(&rig);
    for (int i = 0; i < 3 && rc == 0; i++) {
        struct batch *b = small_cluster_at(FIRST_MS + i * INTERVAL_MS, i != 1);
        rc = sink_rig_deliver(&rig, b) == SINK_OK ? 0 : -1;
        batch_unref(b);
    }
    if (rc < 0)
        fprintf(stderr, "write_history: %s\n", rig.err.msg);
    sink_rig_fini(&rig);
    return rc == 0 ? 0 : 1;
}
