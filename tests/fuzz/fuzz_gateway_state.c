/*
 * fuzz_gateway_state.c - any bytes as a gateway's list of groups; the first byte says where the list is cut into two pieces.
 *
 * Both readings must agree, and each group must be one that a path can be made of.
 */
#include "sinks/pushgateway/group.h"
#include "sinks/pushgateway/state.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int scan(const char *text, size_t len, size_t cut, struct state_groups *out)
{
    struct state_scan *s = state_scan_new(out);

    if (state_scan_take(s, text, cut) == 0)
        state_scan_take(s, text + cut, len - cut);
    return state_scan_end(s, NULL);
}

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_group(const struct state_group *g, const struct state_group *same)
{
    require(strcmp(g->labels[0].name, "job") == 0 && g->pushed_at >= 0 && g->failed_at >= 0);
    require(g->pushed_at == same->pushed_at);
    char *path = group_path(g->labels), *other = group_path(same->labels);
    require(strcmp(path, other) == 0 && strncmp(path, "/metrics/job", 12) == 0);
    free(path);
    free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct state_groups whole, cut;

    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    size_t len = size - 1;
    int rc = scan(text, len, 0, &whole), rc_cut = scan(text, len, len * data[0] / 256, &cut);
    require(rc == rc_cut && whole.count == cut.count);
    for (size_t i = 0; i < whole.count; i++)
        check_group(&whole.list[i], &cut.list[i]);
    state_groups_fini(&whole);
    state_groups_fini(&cut);
    return 0;
}
