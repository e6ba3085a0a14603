/* address_server.c - see address_server.h. */
#include "agent/source/rocketmq/address_server.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/net/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENOUGH 200 /* of a web page that is no list */

struct address_server {
    struct http *http;
    char *path;
    int64_t asked_at_ns; /* that brought an answer; 0: never */
    /* The present look. */
    bool was_asked;
    size_t bytes;
    int64_t took_ns;
    struct err error;
};

/* "http://h:8080/x?y" -> "http://h:8080", and the rest, or the usual path. */
static char *split_url(const char *url, char **path)
{
    const char *host = strstr(url, "://");
    const char *rest = host != NULL ? host + 3 + strcspn(host + 3, "/?") : url + strlen(url);
    bool has_path = rest[0] == '/' && rest[1] != '\0';

    *path = has_path ? xstrdup(rest) : xasprintf("%s%s", ADDRESS_SERVER_PATH, rest + (rest[0] == '/'));
    return xasprintf("%.*s", (int)(rest - url), url);
}

struct address_server *address_server_new(const char *url, const char *proxy, int64_t timeout_ms, struct err *err)
{
    struct address_server *a = xcalloc(1, sizeof(*a));
    char *base = split_url(url, &a->path);
    const struct http_options o = { .what = "address server", .url = base, .user_agent = "mqpush/" MQPUSH_VERSION,
                                    .timeout_ms = timeout_ms, .proxy = proxy[0] != '\0' ? proxy : "none" };

    a->http = http_open(&o, err);
    free(base);
    if (a->http != NULL)
        return a;
    err_wrap(err, "address_server");
    address_server_free(a);
    return NULL;
}

void address_server_free(struct address_server *a)
{
    if (a == NULL)
        return;
    http_close(a->http);
    free(a->path);
    free(a);
}

void address_server_begin(struct address_server *a)
{
    a->was_asked = false;
    a->error.kind = ERR_NONE;
    a->bytes = 0;
    a->took_ns = 0;
}

bool address_server_is_due(const struct address_server *a, int64_t now_ns)
{
    return a->asked_at_ns == 0 || now_ns - a->asked_at_ns >= ADDRESS_SERVER_EVERY_MS * NS_PER_MS;
}

/* The first line, without blanks around it. */
static int take_line(const struct buf *body, char list[ADDRESS_LIST_MAX], struct err *err)
{
    const char *at = body->data, *end = body->data + body->len;

    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    size_t len = 0;
    while (at + len < end && at[len] != '\r' && at[len] != '\n' && at[len] != '\0')
        len++;
    while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    if (len == 0)
        return err_set(err, ERR_REMOTE, "the answer is empty, expected host:port;host:port");
    memcpy(list, at, len);
    list[len] = '\0';
    return 0;
}

static int exchange(struct address_server *a, struct buf *body, const struct http_request *request, char list[ADDRESS_LIST_MAX],
                    struct err *err)
{
    struct http_answer answer;

    if (http_ask(a->http, request, &answer, err) < 0)
        return -1; /* it names the server */
    a->bytes = body->len;
    if (answer.status != 200)
        err_set(err, ERR_REMOTE, "answered %d%s%.*s", answer.status, answer.text[0] != '\0' ? ": " : "", ENOUGH, answer.text);
    else if (take_line(body, list, err) == 0)
        return 0;
    return err_wrap(err, "%s", http_name(a->http));
}

int address_server_ask(struct address_server *a, int64_t deadline_ns, int cancel_fd, char list[ADDRESS_LIST_MAX], struct err *err)
{
    int64_t began_ns = clock_now_ns();
    struct buf body;

    buf_init(&body, ADDRESS_LIST_MAX - 1);
    const struct http_request request = { .method = "GET", .path = a->path, .deadline_ns = deadline_ns, .cancel_fd = cancel_fd,
                                          .answer = &body };
    a->was_asked = true;
    int rc = exchange(a, &body, &request, list, err);
    a->took_ns = clock_now_ns() - began_ns;
    if (rc < 0)
        a->error = *err;
    else
        a->asked_at_ns = began_ns;
    buf_fini(&body);
    return rc;
}

void address_server_refused(struct address_server *a, const struct err *err)
{
    a->error = *err;
    err_wrap(&a->error, "%s", http_name(a->http));
    a->asked_at_ns = 0;
}

const char *address_server_name(const struct address_server *a)
{
    return http_name(a->http);
}

int address_server_check(const struct address_server *a, struct err *err)
{
    if (a->error.kind == ERR_NONE)
        return 0;
    *err = a->error;
    return -1;
}

void address_server_add_row(const struct address_server *a, struct batch *b, uint32_t source, uint32_t system, uint32_t cluster)
{
    bool ok = a->error.kind == ERR_NONE;

    if (!a->was_asked)
        return;
    uint32_t row = batch_add(b, TABLE_SCRAPES);
    batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_SOURCE, source);
    batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_SYSTEM, system);
    batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_CLUSTER, cluster);
    batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_TARGET, batch_intern_z(b, strrchr(http_name(a->http), ' ') + 1));
    batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_KIND, batch_intern_z(b, "addressserver"));
    batch_set_int(b, TABLE_SCRAPES, row, SCRAPES_OK, ok);
    batch_set_int(b, TABLE_SCRAPES, row, SCRAPES_REQUESTS, 1);
    batch_set_int(b, TABLE_SCRAPES, row, SCRAPES_FAILED, !ok);
    batch_set_int(b, TABLE_SCRAPES, row, SCRAPES_BYTES, (int64_t)a->bytes);
    batch_set_real(b, TABLE_SCRAPES, row, SCRAPES_DURATION_MS, (double)a->took_ns / (double)NS_PER_MS);
    if (ok)
        return;
    batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_ERROR, batch_intern_z(b, err_kind_name(a->error.kind)));
    batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_DETAIL, batch_intern_z(b, a->error.msg));
}
