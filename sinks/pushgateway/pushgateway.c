/*
 * pushgateway.c - the newest state of everything, as one PUT per interval into one group of a Prometheus Pushgateway.
 *
 *     PUT <url>/metrics/job/rocketmq/instance/host-7[/<name>/<value>]...     group.c; body: body.c
 *
 * PUT replaces the whole group, so what is gone from the cluster is gone from the gateway one interval later. The labels in
 * the path are the group's identity; the gateway writes them over labels of the same name in the body, which could make two
 * samples one and the page invalid: so they never stand in the body.
 *
 * What each answer means is one table (answer.c). Other agents' groups are listed and removed by sweep.c.
 */
#include "sinks/pushgateway/pushgateway.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/family.h"
#include "sinks/prom_text.h"
#include "sinks/pushgateway/answer.h"
#include "sinks/pushgateway/body.h"
#include "sinks/pushgateway/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT_TYPE "Content-Type: text/plain; version=0.0.4"
#define DELETE_TIMEOUT_MS 3000 /* how long a stop may wait for delete_on_stop */

enum { GZIP_AUTO, GZIP_YES, GZIP_NO };

static const char *const gzip_choices[] = { "auto", "yes", "no", NULL };

static const struct option_spec options[] = {
    OPT(OPT_TYPE_URL, struct pushgateway_sink, url, NULL,
        "where the Pushgateway is, as http://host:9091 or https://user:password@host/prefix"),
    OPT(OPT_TYPE_STR, struct pushgateway_sink, job, "rocketmq", "label job of the group"),
    OPT(OPT_TYPE_STR, struct pushgateway_sink, instance, "", "label instance of the group; empty is the host name"),
    OPT(OPT_TYPE_STR, struct pushgateway_sink, grouping, "", "further labels of the group, as name=value, name=value"),
    OPT(OPT_TYPE_STR, struct pushgateway_sink, username, "", "user for basic authentication, unless the url names one"),
    OPT(OPT_TYPE_SECRET, struct pushgateway_sink, password, "", "the user's password"),
    OPT(OPT_TYPE_SECRET, struct pushgateway_sink, bearer_token, "", "sent as Authorization: Bearer, instead of a user"),
    OPT(OPT_TYPE_SECRET, struct pushgateway_sink, headers, "",
        "more headers for each request, as Name: value, several separated by |"),
    OPT(OPT_TYPE_STR, struct pushgateway_sink, ca_file, "",
        "PEM file of those who may sign the gateway's certificate; empty: those the system trusts"),
    OPT(OPT_TYPE_STR, struct pushgateway_sink, cert_file, "", "PEM file of our certificate, where the gateway asks for one"),
    OPT(OPT_TYPE_STR, struct pushgateway_sink, key_file, "", "PEM file of its key; empty: it stands in cert_file"),
    OPT(OPT_TYPE_SECRET, struct pushgateway_sink, key_password, "", "what the key is encrypted with"),
    OPT(OPT_TYPE_BOOL, struct pushgateway_sink, verify, "yes",
        "check the gateway's certificate and its name; no: anybody on the way may read along and answer"),
    OPT(OPT_TYPE_URL, struct pushgateway_sink, proxy, "",
        "proxy on the way, as http://user:password@host:port, https://, socks5:// or socks5h://; none: none; empty: what "
        "http_proxy, https_proxy and no_proxy of the environment say"),
    OPT_CHOICE(struct pushgateway_sink, gzip, "auto", gzip_choices,
               "compress the page; auto finds out whether the gateway can (it can from 1.5.0 on)"),
    OPT(OPT_TYPE_BOOL, struct pushgateway_sink, delete_on_stop, "no",
        "delete the group when the agent stops, instead of leaving its last values there; `mqpush once` never does"),
    { 0 },
};

/* --- open ----------------------------------------------------------------------------------------------------------- */

static int open_http(struct pushgateway_sink *s, struct err *err)
{
    struct http_options to = {
        .what = "Pushgateway",
        .url = s->url,
        .user_agent = s->user_agent,
        .timeout_ms = s->env->timeout_ms,
        .user = s->username,
        .password = s->password,
        .bearer_token = s->bearer_token,
        .headers = s->headers,
        .proxy = s->proxy,
        .ca_file = s->ca_file,
        .cert_file = s->cert_file,
        .key_file = s->key_file,
        .key_password = s->key_password,
        .accepts_any_certificate = !s->verify,
    };

    s->http = http_open(&to, err);
    return s->http == NULL ? -1 : 0;
}

/* A label of the path would replace the label of that name in the body. */
static int check_clash(const struct pushgateway_sink *s, struct err *err)
{
    for (unsigned i = 0; i < family_count; i++)
        for (const struct family_label *l = families[i].labels; s->env->families[i] && l->name != NULL; l++)
            if (group_find_label(s->group.labels, l->name) != NULL)
                return err_set(err, ERR_CONFIG, "grouping: %s is already a label of %s; choose another name", l->name,
                               families[i].name);
    return 0;
}

static struct sink_label *make_body_labels(const struct sink_label *labels, const struct group *g)
{
    size_t count = 0, kept = 0;

    while (labels != NULL && labels[count].name != NULL)
        count++;
    struct sink_label *body = xcalloc(count + 1, sizeof(*body));
    for (size_t i = 0; i < count; i++)
        if (group_find_label(g->labels, labels[i].name) == NULL)
            body[kept++] = labels[i];
    return body;
}

static int pushgateway_open(void *self, const struct sink_env *env, struct err *err)
{
    struct pushgateway_sink *s = self;

    s->env = env;
    s->user_agent = xasprintf("mqpush/%s", env->agent_version);
    if (open_http(s, err) < 0 || prom_text_check_labels(env->labels, err) < 0 ||
        group_make(&s->group, s->job, s->instance, s->grouping, env->labels, err) < 0 || check_clash(s, err) < 0)
        return -1;
    s->path = group_path(s->group.labels);
    s->body_labels = make_body_labels(env->labels, &s->group);
    return 0;
}

/* --- push ----------------------------------------------------------------------------------------------------------- */

static int pushgateway_render(void *self, const struct batch *b, struct buf *out, struct err *err)
{
    const struct pushgateway_sink *s = self;

    prom_text_render(b, s->env->families, s->body_labels, s->env->max_series, out);
    return buf_failed(out) ? err_set(err, ERR_LIMIT, "more text than %zu bytes", out->limit) : 0;
}

static int put(struct pushgateway_sink *s, const struct batch *b, enum body_gzip gzip, struct sink_delivery *d,
               struct http_answer *answer, bool *was_gzip, struct err *err)
{
    static const char *const plain_headers[] = { CONTENT_TYPE, NULL };
    static const char *const gzip_headers[] = { CONTENT_TYPE, "Content-Encoding: gzip", NULL };
    struct body_page page = { b, s->env->families, s->body_labels, s->env->max_series };
    struct body body;

    body_make(&body, &page, gzip);
    struct http_request request = { .method = "PUT", .path = s->path, .headers = body.is_gzip ? gzip_headers : plain_headers,
                                    .body = body.data, .body_len = body.len, .deadline_ns = d->deadline_ns,
                                    .cancel_fd = d->cancel_fd };
    int rc = http_ask(s->http, &request, answer, err);
    d->series = body.count.samples;
    d->cut = body.count.cut;
    d->first_cut = body.count.first_cut;
    d->bytes += body.len;
    *was_gzip = body.is_gzip;
    s->has_pushed = true;
    body_fini(&body);
    return rc;
}

static enum body_gzip choose_gzip(const struct pushgateway_sink *s)
{
    if (s->gzip == GZIP_AUTO)
        return s->gzip_fails ? BODY_PLAIN : BODY_GZIP_IF_LARGE;
    return s->gzip == GZIP_YES ? BODY_GZIP : BODY_PLAIN;
}

static enum sink_result pushgateway_deliver(void *self, const struct batch *b, struct sink_delivery *d, struct err *err)
{
    struct pushgateway_sink *s = self;
    struct http_answer answer;
    bool was_gzip;

    if (put(s, b, choose_gzip(s), d, &answer, &was_gzip, err) < 0)
        return answer_judge_silence(err);
    if (was_gzip && s->gzip == GZIP_AUTO && answer_refuses_gzip(&answer)) {
        s->gzip_fails = true;
        if (put(s, b, BODY_PLAIN, d, &answer, &was_gzip, err) < 0)
            return answer_judge_silence(err);
    }
    d->retry_after_ms = answer.retry_after_ms;
    return answer_judge(&answer, http_name(s->http), err);
}

/* --- probe and stop ------------------------------------------------------------------------------------------------- */

static int pushgateway_probe(void *self, int64_t deadline_ns, char *detail, size_t size, struct err *err)
{
    struct pushgateway_sink *s = self;
    struct http_request request = { .method = "GET", .path = "/-/ready", .deadline_ns = deadline_ns, .cancel_fd = -1 };
    struct http_answer answer;
    char version[STATE_VERSION_MAX];

    if (http_ask(s->http, &request, &answer, err) < 0 || answer_judge(&answer, http_name(s->http), err) != SINK_OK)
        return -1;
    if (state_read_version(s->http, deadline_ns, version))
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
    group_fini(&s->group);
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
