/*
 * pushgateway.c - the newest state of everything, as one PUT per interval into one group of a Prometheus Pushgateway.
 *
 *     PUT <url>/metrics/job/rocketmq/instance/host-7[/<name>/<value>]...     body: prom_text, gzip from GZIP_FROM bytes on
 *
 * PUT replaces the whole group, so what is gone from the cluster is gone from the gateway one interval later. The labels in
 * the path are the group's identity; the gateway writes them over labels of the same name in the body, which could make two
 * samples one and the page invalid: so they never stand in the body.
 *
 * A value in the path that is not UTF-8 would poison the gateway for everybody (it keeps a group that it can then no
 * longer show), and '/', '%', '.' or nothing at all are cleaned away by routers on the way: values are checked when the
 * sink opens and go as base64 unless they are plain.
 *
 * The page is compressed as it is rendered: what is held is the compressed body, never the text.
 */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/utf8.h"
#include "agent/base/xalloc.h"
#include "agent/model/family.h"
#include "sinks/http.h"
#include "sinks/prom_text.h"
#include "sinks/sink.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define CONTENT_TYPE "Content-Type: text/plain; version=0.0.4"
#define GZIP_FROM 2048              /* smaller pages fit into two packets anyway */
#define DELETE_TIMEOUT_MS 3000      /* how long a stop may wait for delete_on_stop */
#define GROUPING_MAX 16
#define STATUS_MAX (64 * 1024)      /* of /api/v1/status; about 1 KB in practice */
#define HOST_MAX 256

enum { GZIP_AUTO, GZIP_YES, GZIP_NO };

static const char *const gzip_choices[] = { "auto", "yes", "no", NULL };

struct pushgateway_sink {
    const char *url, *job, *instance, *grouping; /* options */
    int gzip;
    bool delete_on_stop;

    const struct sink_env *env;
    struct http *http;
    char *path; /* of the group, encoded */
    char *user_agent;
    struct sink_label *body_labels; /* env->labels without those that stand in the path */
    bool gzip_fails; /* the gateway has shown that it cannot */
    bool has_pushed;
};

static const struct option_spec options[] = {
    OPT(OPT_TYPE_URL, struct pushgateway_sink, url, NULL,
        "where the Pushgateway is, as http://host:9091 or https://user:password@host/prefix"),
    OPT(OPT_TYPE_STR, struct pushgateway_sink, job, "rocketmq", "label job of the group"),
    OPT(OPT_TYPE_STR, struct pushgateway_sink, instance, "", "label instance of the group; empty is the host name"),
    OPT(OPT_TYPE_STR, struct pushgateway_sink, grouping, "", "further labels of the group, as name=value, name=value"),
    OPT_CHOICE(struct pushgateway_sink, gzip, "auto", gzip_choices,
               "compress the page; auto finds out whether the gateway can (it can from 1.5.0 on)"),
    OPT(OPT_TYPE_BOOL, struct pushgateway_sink, delete_on_stop, "no",
        "delete the group when the agent stops, instead of leaving its last values there; `mqpush once` never does"),
    { 0 },
};

/* --- the group: labels of the path ------------------------------------------------------------------------------- */

struct group {
    char host[HOST_MAX];
    char *names; /* the grouping option, cut into texts */
    struct sink_label labels[GROUPING_MAX + 3];
    unsigned count;
};

static int add_group_label(struct group *g, const char *name, const char *value, struct err *err)
{
    if (g->count == GROUPING_MAX + 2)
        return err_set(err, ERR_CONFIG, "grouping: more than %d labels", GROUPING_MAX);
    g->labels[g->count++] = (struct sink_label){ name, value };
    return 0;
}

/* Cuts "zone=a, rack = 7" into labels; the names are checked later with all others. */
static int add_grouping(struct group *g, struct err *err)
{
    char *rest, *item;

    for (item = strtok_r(g->names, ",", &rest); item != NULL; item = strtok_r(NULL, ",", &rest)) {
        item += strspn(item, " \t");
        if (*item == '\0')
            continue;
        char *value = strchr(item, '=');
        if (value == NULL)
            return err_set(err, ERR_CONFIG, "grouping: expected name=value, found %s", item);
        *value++ = '\0';
        item[strcspn(item, " \t")] = '\0';
        value += strspn(value, " \t");
        for (size_t len = strlen(value); len > 0 && strchr(" \t", value[len - 1]) != NULL;)
            value[--len] = '\0';
        if (add_group_label(g, item, value, err) < 0)
            return -1;
    }
    return 0;
}

static const char *find_label(const struct sink_label *labels, const char *name)
{
    for (; labels != NULL && labels->name != NULL; labels++)
        if (strcmp(labels->name, name) == 0)
            return labels->value;
    return NULL;
}

/* The instance is the option, else a constant label of that name, else the host name. */
static int pick_instance(struct group *g, const struct pushgateway_sink *s, const char **instance, struct err *err)
{
    const char *constant = find_label(s->env->labels, "instance");

    *instance = s->instance[0] != '\0' ? s->instance : constant;
    if (*instance != NULL && (*instance)[0] != '\0')
        return 0;
    if (gethostname(g->host, sizeof(g->host) - 1) < 0)
        return err_sys(err, "the host name, for label instance");
    *instance = g->host;
    return 0;
}

/* A label of the path would replace the label of that name in the body. */
static int check_clash(const struct pushgateway_sink *s, const struct group *g, struct err *err)
{
    for (unsigned i = 0; i < family_count; i++)
        for (const struct family_label *l = families[i].labels; s->env->families[i] && l->name != NULL; l++)
            if (find_label(g->labels, l->name) != NULL)
                return err_set(err, ERR_CONFIG, "grouping: %s is already a label of %s; choose another name", l->name,
                               families[i].name);
    return 0;
}

static int make_group(struct group *g, const struct pushgateway_sink *s, struct err *err)
{
    const char *instance;

    if (s->job[0] == '\0')
        return err_set(err, ERR_CONFIG, "job: must not be empty");
    if (pick_instance(g, s, &instance, err) < 0)
        return -1;
    g->names = xstrdup(s->grouping);
    if (add_group_label(g, "job", s->job, err) < 0 || add_group_label(g, "instance", instance, err) < 0 ||
        add_grouping(g, err) < 0)
        return -1;
    if (prom_text_check_labels(g->labels, err) < 0)
        return err_wrap(err, "the group's labels");
    return check_clash(s, g, err);
}

static bool is_plain(const char *value)
{
    return strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") == strlen(value) &&
           value[0] != '\0' && strcmp(value, ".") != 0 && strcmp(value, "..") != 0;
}

/* The URL-safe alphabet without padding; nothing at all is spelled "=". */
static void put_base64(struct buf *out, const char *value)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *bytes = (const unsigned char *)value;
    size_t len = strlen(value);

    for (size_t i = 0; i < len; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        three |= i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= i + 2 < len ? (uint32_t)bytes[i + 2] : 0;
        size_t digits = len - i < 3 ? len - i + 1 : 4;
        for (size_t k = 0; k < digits; k++)
            buf_putc(out, alphabet[three >> (18 - 6 * k) & 63]);
    }
    if (len == 0)
        buf_putc(out, '=');
}

static char *make_path(const struct group *g)
{
    struct buf path;

    buf_init(&path, 0);
    buf_puts(&path, "/metrics");
    for (unsigned i = 0; i < g->count; i++) {
        bool plain = is_plain(g->labels[i].value);
        buf_putc(&path, '/');
        buf_puts(&path, g->labels[i].name);
        buf_puts(&path, plain ? "/" : "@base64/");
        if (plain)
            buf_puts(&path, g->labels[i].value);
        else
            put_base64(&path, g->labels[i].value);
    }
    buf_putc(&path, '\0');
    return path.data; /* plain malloc memory, now the caller's */
}

static struct sink_label *make_body_labels(const struct sink_label *labels, const struct group *g)
{
    size_t count = 0, kept = 0;

    while (labels != NULL && labels[count].name != NULL)
        count++;
    struct sink_label *body = xcalloc(count + 1, sizeof(*body));
    for (size_t i = 0; i < count; i++)
        if (find_label(g->labels, labels[i].name) == NULL)
            body[kept++] = labels[i];
    return body;
}

static int pushgateway_open(void *self, const struct sink_env *env, struct err *err)
{
    struct pushgateway_sink *s = self;
    struct group group = { 0 };

    s->env = env;
    s->user_agent = xasprintf("mqpush/%s", env->agent_version);
    struct http_options to = { .what = "Pushgateway", .url = s->url, .user_agent = s->user_agent, .timeout_ms = env->timeout_ms };
    s->http = http_open(&to, err);
    int rc = s->http == NULL ? -1 : prom_text_check_labels(env->labels, err);
    if (rc == 0)
        rc = make_group(&group, s, err);
    if (rc == 0) {
        s->path = make_path(&group);
        s->body_labels = make_body_labels(env->labels, &group);
    }
    free(group.names);
    return rc;
}

/* --- the body ------------------------------------------------------------------------------------------------------- */

/*
 * A page on its way into a request. The renderer fills `text`, which drains into deflate, which fills `bytes`. A page that never
 * drained is small and is in `text` as a whole.
 */
struct body {
    struct buf text, bytes;
    z_stream deflate;
    bool is_gzip;
    struct prom_text_count count;
};

static void deflate_some(struct body *body, const char *data, size_t len, int flush)
{
    const size_t step = 16 * 1024;

    body->deflate.next_in = (unsigned char *)data; /* zlib reads only */
    body->deflate.avail_in = (unsigned)len;
    do {
        body->deflate.next_out = (unsigned char *)buf_grow(&body->bytes, step);
        body->deflate.avail_out = (unsigned)step;
        int rc = deflate(&body->deflate, flush);
        assert(rc != Z_STREAM_ERROR);
        (void)rc;
        body->bytes.len += step - body->deflate.avail_out;
    } while (body->deflate.avail_out == 0);
}

/* Level 1: text of this kind shrinks 11 times; more effort gains little and costs the broker's host CPU. */
static void start_gzip(struct body *body)
{
    const int window_bits_gzip = 15 + 16;

    if (body->is_gzip)
        return;
    body->is_gzip = true;
    if (deflateInit2(&body->deflate, 1, Z_DEFLATED, window_bits_gzip, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort(); /* as xalloc does: nothing but memory can be missing */
}

static void end_gzip(struct body *body)
{
    start_gzip(body);
    deflate_some(body, body->text.data, body->text.len, Z_FINISH);
    deflateEnd(&body->deflate);
}

static int take_text(void *ctx, const char *data, size_t len)
{
    start_gzip(ctx);
    deflate_some(ctx, data, len, Z_NO_FLUSH);
    return 0;
}

static void make_body(struct body *body, const struct pushgateway_sink *s, const struct batch *b, bool gzip)
{
    *body = (struct body){ 0 };
    buf_init(&body->bytes, 0);
    if (gzip)
        buf_init_drain(&body->text, take_text, body);
    else
        buf_init(&body->text, 0);
    body->count = prom_text_render(b, s->env->families, s->body_labels, s->env->max_series, &body->text);
    if (gzip && (body->is_gzip || body->text.len >= GZIP_FROM || s->gzip == GZIP_YES))
        end_gzip(body);
}

static void free_body(struct body *body)
{
    buf_fini(&body->text);
    buf_fini(&body->bytes);
}

static int pushgateway_render(void *self, const struct batch *b, struct buf *out, struct err *err)
{
    const struct pushgateway_sink *s = self;

    prom_text_render(b, s->env->families, s->body_labels, s->env->max_series, out);
    return buf_failed(out) ? err_set(err, ERR_LIMIT, "more text than %zu bytes", out->limit) : 0;
}

/* --- the request ---------------------------------------------------------------------------------------------------- */

static int put(struct pushgateway_sink *s, const struct batch *b, bool gzip, struct sink_delivery *d, struct http_answer *answer,
               bool *was_gzip, struct err *err)
{
    static const char *const plain_headers[] = { CONTENT_TYPE, NULL };
    static const char *const gzip_headers[] = { CONTENT_TYPE, "Content-Encoding: gzip", NULL };
    struct body body;

    make_body(&body, s, b, gzip);
    const struct buf *bytes = body.is_gzip ? &body.bytes : &body.text;
    struct http_request request = { .method = "PUT", .path = s->path, .headers = body.is_gzip ? gzip_headers : plain_headers,
                                    .body = bytes->data, .body_len = bytes->len, .deadline_ns = d->deadline_ns,
                                    .cancel_fd = d->cancel_fd };
    int rc = http_ask(s->http, &request, answer, err);
    d->series = body.count.samples;
    d->cut = body.count.cut;
    d->first_cut = body.count.first_cut;
    d->bytes += bytes->len;
    *was_gzip = body.is_gzip;
    s->has_pushed = true;
    free_body(&body);
    return rc;
}

/* Before 1.5.0 a gateway takes compressed bytes for text. Line 1 of our text is a # HELP line: an error there means that. */
static bool is_gzip_refused(const struct http_answer *answer)
{
    return answer->status == 415 || (answer->status == 400 && strstr(answer->text, "parsing error in line 1:") != NULL);
}

static const char *blame(int status)
{
    switch (status) {
    case 401:
        return "user or password is missing or wrong";
    case 403:
        return "this user may not push";
    case 404:
    case 405:
        return "there is no Pushgateway under this URL (does it need a path prefix?)";
    case 413:
        return "a proxy on the way refuses a page of this size";
    default:
        return "is this a Pushgateway?";
    }
}

static bool is_temporary(int status)
{
    return status == 408 || status == 429 || status >= 500;
}

static enum sink_result judge(const struct pushgateway_sink *s, const struct http_answer *a, struct err *err)
{
    const char *name = http_name(s->http), *colon = a->text[0] == '\0' ? "" : ": ";

    if (a->status >= 200 && a->status < 300)
        return SINK_OK;
    if (is_temporary(a->status)) {
        err_set(err, ERR_REMOTE, "%s: answered %d%s%s", name, a->status, colon, a->text);
        return SINK_RETRY;
    }
    if (a->status == 400)
        err_set(err, ERR_REMOTE, "%s: answered 400%s%s", name, colon, a->text);
    else if (a->status >= 300 && a->status < 400)
        err_set(err, ERR_CONFIG, "%s: answered %d and points to %s; redirects are not followed, set url to the gateway itself",
                name, a->status, a->location[0] == '\0' ? "nowhere" : a->location);
    else
        err_set(err, ERR_CONFIG, "%s: answered %d, %s%s%s", name, a->status, blame(a->status), colon, a->text);
    return SINK_REJECT;
}

/* Without an answer everything may be different next time, but for what only the configuration can change. */
static enum sink_result judge_failure(const struct err *err)
{
    return err->kind == ERR_CONFIG ? SINK_REJECT : SINK_RETRY;
}

static enum sink_result pushgateway_deliver(void *self, const struct batch *b, struct sink_delivery *d, struct err *err)
{
    struct pushgateway_sink *s = self;
    struct http_answer answer;
    bool was_gzip;

    if (put(s, b, s->gzip == GZIP_YES || (s->gzip == GZIP_AUTO && !s->gzip_fails), d, &answer, &was_gzip, err) < 0)
        return judge_failure(err);
    if (was_gzip && s->gzip == GZIP_AUTO && is_gzip_refused(&answer)) {
        s->gzip_fails = true;
        if (put(s, b, false, d, &answer, &was_gzip, err) < 0)
            return judge_failure(err);
    }
    d->retry_after_ms = answer.retry_after_ms;
    return judge(s, &answer, err);
}

/* --- probe and stop ------------------------------------------------------------------------------------------------- */

static int get(struct pushgateway_sink *s, const char *path, int64_t deadline_ns, struct buf *body, struct http_answer *answer,
               struct err *err)
{
    struct http_request request = { .method = "GET", .path = path, .deadline_ns = deadline_ns, .cancel_fd = -1, .answer = body };

    return http_ask(s->http, &request, answer, err);
}

/* The version in {"data":{"build_information":{"version":"1.5.1"}}}; left alone if it is not there. */
static void find_version(const struct buf *json, char *version, size_t size)
{
    cJSON *root = cJSON_ParseWithLength(json->data, json->len);
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(root, "data");
    const cJSON *build = cJSON_GetObjectItemCaseSensitive(data, "build_information");
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(build, "version");

    if (cJSON_IsString(text) && is_plain(text->valuestring))
        snprintf(version, size, "%s", text->valuestring);
    cJSON_Delete(root);
}

static int pushgateway_probe(void *self, int64_t deadline_ns, char *detail, size_t size, struct err *err)
{
    struct pushgateway_sink *s = self;
    struct http_answer answer;
    struct buf body;
    char version[64] = "";

    if (get(s, "/-/ready", deadline_ns, NULL, &answer, err) < 0)
        return -1;
    if (judge(s, &answer, err) != SINK_OK)
        return -1;
    buf_init(&body, STATUS_MAX);
    if (get(s, "/api/v1/status", deadline_ns, &body, &answer, NULL) == 0 && answer.status == 200 && body.len > 0)
        find_version(&body, version, sizeof(version));
    buf_fini(&body);
    if (version[0] != '\0')
        snprintf(detail, size, "Pushgateway %s", version);
    else
        snprintf(detail, size, "ready, but does not say that it is a Pushgateway");
    return 0;
}

/* A stop that fails to reach the gateway is no failure of ours: the values stay and go stale, as without the option. */
static void delete_group(struct pushgateway_sink *s)
{
    struct http_answer answer;
    struct http_request request = { .method = "DELETE", .path = s->path, .cancel_fd = -1,
                                    .deadline_ns = clock_now_ns() + DELETE_TIMEOUT_MS * NS_PER_MS };

    http_ask(s->http, &request, &answer, NULL);
}

static void pushgateway_close(void *self)
{
    struct pushgateway_sink *s = self;

    if (s->delete_on_stop && s->has_pushed && strcmp(s->env->start_reason, "once") != 0)
        delete_group(s);
    http_close(s->http);
    free(s->path);
    free(s->user_agent);
    free(s->body_labels);
}

const struct sink_ops pushgateway_sink = {
    .name = "pushgateway",
    .help = "the metrics, pushed into one group of a Prometheus Pushgateway",
    .schemes = "http https",
    .address_option = "url",
    .keeps_scheme = true,
    .mode = SINK_LATEST,
    .options = options,
    .size = sizeof(struct pushgateway_sink),
    .open = pushgateway_open,
    .deliver = pushgateway_deliver,
    .render = pushgateway_render,
    .probe = pushgateway_probe,
    .library = http_library,
    .close = pushgateway_close,
};
