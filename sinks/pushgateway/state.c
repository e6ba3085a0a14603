/*
 * state.c - see state.h.
 *
 *     {"status":"success","data":[{"labels":{"job":"a"},"push_time_seconds":{"metrics":[{"value":"1.7e9"}]},...},...]}
 *     depth 1                    2 3
 *
 * The scan counts brackets outside of strings. At depth 3 it copies a member's name, and its value too if the name is one of
 * `wanted`; each finished element is then a small JSON object that cJSON reads.
 */
#include "sinks/pushgateway/state.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/num.h"
#include "agent/base/xalloc.h"
#include "agent/net/http.h"
#include "sinks/pushgateway/answer.h"
#include "sinks/pushgateway/group.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_MAX (64 * 1024) /* of /api/v1/status; about 1 KB in practice */
#define ELEMENT_DEPTH 3

static const char *const wanted[] = { "\"labels\"", "\"push_time_seconds\"", "\"push_failure_time_seconds\"", NULL };

struct state_scan {
    struct state_groups *out;
    struct buf element; /* what is kept of the element under way */
    size_t member_at;   /* where its newest member begins */
    unsigned depth;
    bool in_string, is_escaped, is_kept;
    bool had_data, has_ended;
    const char *wrong; /* NULL: nothing so far */
};

/* One element ------------------------------------------------------------------------------------------------------ */

static double read_time(const cJSON *element, const char *name)
{
    const cJSON *metric = cJSON_GetObjectItemCaseSensitive(element, name);
    const cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(metric, "metrics"), 0);
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(first, "value");
    double time = 0;

    if (!cJSON_IsString(value) || num_to_real(value->valuestring, strlen(value->valuestring), &time) < 0 || !(time >= 0))
        return 0;
    return time;
}

static const char *keep(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

/* NULL: these cannot be the labels of a group. */
static const struct sink_label *read_labels(struct arena *arena, const cJSON *labels)
{
    const cJSON *label, *job = cJSON_GetObjectItemCaseSensitive(labels, "job");
    int count = cJSON_GetArraySize(labels), at = 1;

    if (!cJSON_IsString(job) || count > STATE_GROUP_LABELS_MAX)
        return NULL;
    struct sink_label *list = arena_alloc(arena, ((size_t)count + 2) * sizeof(*list));
    list[0] = (struct sink_label){ "job", keep(arena, job->valuestring) };
    cJSON_ArrayForEach(label, labels)
    {
        if (label == job)
            continue;
        if (!cJSON_IsString(label) || at > count)
            return NULL;
        list[at++] = (struct sink_label){ keep(arena, label->string), keep(arena, label->valuestring) };
    }
    return list;
}

static bool add_group(struct state_groups *out, const cJSON *element)
{
    const struct sink_label *labels = read_labels(&out->arena, cJSON_GetObjectItemCaseSensitive(element, "labels"));

    if (labels == NULL || out->count == STATE_GROUPS_MAX)
        return false;
    if (out->count == out->capacity) {
        out->capacity = out->capacity == 0 ? 64 : 2 * out->capacity;
        out->list = xrealloc(out->list, out->capacity, sizeof(*out->list));
    }
    out->list[out->count++] = (struct state_group){ labels, read_time(element, "push_time_seconds"),
                                                    read_time(element, "push_failure_time_seconds") };
    return true;
}

static void put(struct state_scan *s, char c)
{
    buf_putc(&s->element, c);
    if (buf_failed(&s->element))
        s->wrong = "a group's labels are longer than any gateway's are";
}

static void end_element(struct state_scan *s)
{
    if (s->element.len > 0 && s->element.data[s->element.len - 1] == ',')
        s->element.len--;
    put(s, '}');
    if (s->wrong != NULL)
        return;
    cJSON *element = cJSON_ParseWithLength(s->element.data, s->element.len);
    if (element == NULL || !add_group(s->out, element))
        s->wrong = "it holds a group without labels, or more groups than anybody has";
    cJSON_Delete(element);
}

/* The scan ----------------------------------------------------------------------------------------------------------- */

static void start_member(struct state_scan *s)
{
    s->member_at = s->element.len;
    s->is_kept = true; /* its name is read before it is known */
}

static void end_name(struct state_scan *s)
{
    size_t len = s->element.len - s->member_at;
    const char *name = s->element.data + s->member_at;

    for (const char *const *w = wanted; *w != NULL; w++)
        if (len == strlen(*w) && memcmp(name, *w, len) == 0)
            return;
    s->element.len = s->member_at;
    s->is_kept = false;
}

static void open_bracket(struct state_scan *s, char c)
{
    if (++s->depth > STATE_DEPTH_MAX)
        s->wrong = "it is nested too deeply";
    s->had_data = s->had_data || (s->depth == ELEMENT_DEPTH - 1 && c == '[');
    if (s->depth != ELEMENT_DEPTH)
        return;
    buf_reset(&s->element);
    put(s, '{');
    start_member(s);
}

static void close_bracket(struct state_scan *s)
{
    if (s->depth == ELEMENT_DEPTH)
        end_element(s);
    if (s->depth == 0)
        s->wrong = "it is not JSON";
    else if (--s->depth == 0)
        s->has_ended = true;
}

static bool take_in_string(struct state_scan *s, char c)
{
    bool was_in_string = s->in_string;

    if (s->is_escaped)
        s->is_escaped = false;
    else if (s->in_string && c == '\\')
        s->is_escaped = true;
    else if (c == '"')
        s->in_string = !s->in_string;
    return was_in_string || c == '"';
}

static void take_byte(struct state_scan *s, char c)
{
    bool is_text = take_in_string(s, c), was_in_element = s->depth >= ELEMENT_DEPTH;
    bool is_at_element = s->depth == ELEMENT_DEPTH;

    if (!is_text && is_at_element && c == ':')
        end_name(s);
    if (!is_text && (c == ' ' || c == '\n' || c == '\t' || c == '\r'))
        return;
    if (!is_text && (c == '}' || c == ']'))
        close_bracket(s);
    if (was_in_element && s->depth >= ELEMENT_DEPTH && s->is_kept)
        put(s, c);
    if (!is_text && (c == '{' || c == '['))
        open_bracket(s, c);
    if (!is_text && is_at_element && c == ',')
        start_member(s);
}

struct state_scan *state_scan_new(struct state_groups *out)
{
    struct state_scan *s = xcalloc(1, sizeof(*s));

    *out = (struct state_groups){ 0 };
    arena_init(&out->arena);
    s->out = out;
    buf_init(&s->element, STATE_GROUP_TEXT_MAX);
    return s;
}

int state_scan_take(void *scan, const char *data, size_t len)
{
    struct state_scan *s = scan;

    for (size_t i = 0; i < len && s->wrong == NULL; i++)
        take_byte(s, data[i]);
    return s->wrong == NULL ? 0 : -1;
}

int state_scan_end(struct state_scan *s, struct err *err)
{
    const char *wrong = s->wrong != NULL ? s->wrong : !s->had_data ? "it is no such list" : !s->has_ended ? "it does not end" : NULL;

    buf_fini(&s->element);
    free(s);
    return wrong == NULL ? 0 : err_set(err, ERR_PROTO, "the list of groups: %s", wrong);
}

void state_groups_fini(struct state_groups *groups)
{
    free(groups->list);
    arena_fini(&groups->arena);
    *groups = (struct state_groups){ 0 };
}

/* Asking ----------------------------------------------------------------------------------------------------------- */

/* Reads a page into body. answer is judged as for a push: a 401 or a redirect means the same here. */
static int get(struct http *http, const char *path, int64_t deadline_ns, struct buf *body, struct http_answer *answer,
               struct err *err)
{
    struct http_request request = { .method = "GET", .path = path, .deadline_ns = deadline_ns, .cancel_fd = -1, .answer = body };

    if (http_ask(http, &request, answer, err) < 0)
        return -1;
    return answer_judge(answer, http_name(http), err) == SINK_OK ? 0 : -1;
}

int state_read_groups(struct http *http, int64_t deadline_ns, struct state_groups *out, double *now_s, struct err *err)
{
    struct state_scan *scan = state_scan_new(out);
    struct http_answer answer = { 0 };
    struct err why = { 0 };
    struct buf body;

    buf_init_drain(&body, state_scan_take, scan);
    int rc = get(http, "/api/v1/metrics", deadline_ns, &body, &answer, err);
    if (rc == 0)
        buf_flush(&body);
    buf_fini(&body);
    bool ended_it = scan->wrong != NULL && answer.status == 0; /* the scan did, which explains why there is no answer */
    if (state_scan_end(scan, &why) < 0 && (rc == 0 || ended_it))
        rc = err_set(err, why.kind, "%s: %s", http_name(http), why.msg);
    *now_s = answer.date_s > 0 ? (double)answer.date_s : (double)clock_wall_ms() / 1000;
    if (rc < 0)
        state_groups_fini(out);
    return rc;
}

/* The version in {"data":{"build_information":{"version":"1.5.1"}}}. */
bool state_read_version(struct http *http, int64_t deadline_ns, char *version)
{
    struct http_answer answer;
    struct buf body;

    version[0] = '\0';
    buf_init(&body, STATUS_MAX);
    int rc = get(http, "/api/v1/status", deadline_ns, &body, &answer, NULL);
    cJSON *root = rc == 0 && body.len > 0 ? cJSON_ParseWithLength(body.data, body.len) : NULL;
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(root, "data");
    const cJSON *build = cJSON_GetObjectItemCaseSensitive(data, "build_information");
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(build, "version");
    if (cJSON_IsString(text) && group_is_plain(text->valuestring))
        snprintf(version, STATE_VERSION_MAX, "%s", text->valuestring);
    cJSON_Delete(root);
    buf_fini(&body);
    return version[0] != '\0';
}
