/* sweep.c - see sweep.h. */
#include "sinks/pushgateway/sweep.h"

#include "agent/base/xalloc.h"
#include "agent/model/batch.h"
#include "agent/net/http.h"
#include "sinks/prom_text.h"
#include "sinks/pushgateway/answer.h"
#include "sinks/pushgateway/pushgateway.h"
#include "sinks/pushgateway/state.h"

#include <stdlib.h>
#include <string.h>

#define LATEST_S 1e11 /* the year 5138; later ones are no times */

const char *sweep_gateway(const void *sink)
{
    const struct pushgateway_sink *s = sink;

    return http_name(s->http);
}

const char *sweep_own_job(const void *sink)
{
    const struct pushgateway_sink *s = sink;

    return s->job;
}

static int compare_age(const void *a, const void *b)
{
    const struct sweep_group *one = a, *two = b;

    return one->age_ms < two->age_ms ? 1 : one->age_ms > two->age_ms ? -1 : 0;
}

bool sweep_is_own(const void *sink, const struct sweep_group *group)
{
    const struct pushgateway_sink *s = sink;

    return group_is_same(group->labels, s->group.labels);
}

/* A push that was refused is a sign of life too: its agent is there and will come back once the gateway takes it. */
static struct sweep_group describe(const struct state_group *g, double now_s)
{
    double alive_at = g->pushed_at > g->failed_at ? g->pushed_at : g->failed_at;

    if (alive_at <= 0 || alive_at > LATEST_S)
        return (struct sweep_group){ .labels = g->labels, .pushed_at_s = NO_INT, .age_ms = NO_INT };
    double age_s = now_s > alive_at ? now_s - alive_at : 0;
    return (struct sweep_group){ .labels = g->labels, .pushed_at_s = (int64_t)alive_at, .age_ms = (int64_t)(age_s * 1000) };
}

int sweep_read(void *sink, int64_t deadline_ns, struct sweep_list *out, struct err *err)
{
    struct pushgateway_sink *s = sink;
    struct state_groups *state = xcalloc(1, sizeof(*state));
    double now_s;

    if (state_read_groups(s->http, deadline_ns, state, &now_s, err) < 0) {
        free(state);
        return -1;
    }
    *out = (struct sweep_list){ .state = state, .count = state->count };
    out->groups = xcalloc(state->count + 1, sizeof(*out->groups));
    for (size_t i = 0; i < state->count; i++)
        out->groups[i] = describe(&state->list[i], now_s);
    qsort(out->groups, out->count, sizeof(*out->groups), compare_age);
    return 0;
}

void sweep_list_fini(struct sweep_list *list)
{
    if (list->state != NULL)
        state_groups_fini(list->state);
    free(list->state);
    free(list->groups);
    *list = (struct sweep_list){ 0 };
}

int sweep_remove(void *sink, const struct sweep_group *group, int64_t deadline_ns, struct err *err)
{
    struct pushgateway_sink *s = sink;

    for (const struct sink_label *l = group->labels; l->name != NULL; l++)
        if (!prom_text_is_label_name(l->name))
            return err_set(err, ERR_PROTO, "%s: a group with a label of a name that has no place in a path", http_name(s->http));
    char *path = group_path(group->labels);
    struct http_request request = { .method = "DELETE", .path = path, .deadline_ns = deadline_ns, .cancel_fd = -1 };
    struct http_answer answer;

    int rc = http_ask(s->http, &request, &answer, err);
    if (rc == 0 && answer_judge(&answer, http_name(s->http), err) != SINK_OK)
        rc = -1;
    free(path);
    return rc;
}
