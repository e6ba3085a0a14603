/*
 * http.c - see http.h.
 *
 * One easy handle, one multi handle, one poll loop: the loop is where the deadline, the cancel fd and "nothing has moved
 * for timeout_ms" are watched, so that no option of libcurl has to be trusted with time. What a peer may send is
 * bounded: headers by HEADERS_MAX, an answer nobody wants by SKIP_MAX, a wanted one by the limit of its buf.
 */
#include "sinks/http.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/utf8.h"
#include "agent/base/xalloc.h"

#include <curl/curl.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX (64 * 1024)
#define SKIP_MAX (64 * 1024) /* reading on for this long is cheaper than a new connection */
#define RETRY_AFTER_MAX_S 86400

struct http {
    char *name;
    char *base; /* scheme://host:port/path without user, password and final slash */
    char *user, *password; /* decoded; NULL: none */
    char *user_agent;
    int64_t timeout_ms;
    CURL *easy;
    CURLM *multi;
};

/* One request on its way. */
struct exchange {
    struct http *http;
    const struct http_request *request;
    struct http_answer *answer;
    size_t header_bytes, body_bytes, text_len;
    bool has_headers;   /* all of them */
    bool has_enough;    /* we ended the answer, not the peer */
    int64_t step_at_ns; /* since when nothing has moved */
    curl_off_t moved;
    char trouble[CURL_ERROR_SIZE];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* A part of a URL as our own memory, or NULL if it is absent or empty. */
static char *url_part(CURLU *url, CURLUPart part, unsigned flags)
{
    char *text = NULL;

    if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
        return NULL;
    char *ours = text[0] == '\0' ? NULL : xstrdup(text);
    curl_free(text);
    return ours;
}

static void set_base(struct http *h, CURLU *url)
{
    curl_url_set(url, CURLUPART_USER, NULL, 0);
    curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
    h->base = url_part(url, CURLUPART_URL, 0);
    size_t len = strlen(h->base);
    while (len > 0 && h->base[len - 1] == '/')
        h->base[--len] = '\0';
}

static int take_url(struct http *h, const struct http_options *o, struct err *err)
{
    CURLU *url = curl_url();
    CURLUcode code = curl_url_set(url, CURLUPART_URL, o->url, CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS);
    int rc = -1;

    if (code != CURLUE_OK) {
        curl_url_cleanup(url);
        return err_set(err, ERR_CONFIG, "url: expected http://host:port or https://host:port (%s)", curl_url_strerror(code));
    }
    char *scheme = url_part(url, CURLUPART_SCHEME, 0);
    char *host = url_part(url, CURLUPART_HOST, 0);
    char *port = url_part(url, CURLUPART_PORT, 0);
    char *query = url_part(url, CURLUPART_QUERY, 0);
    char *fragment = url_part(url, CURLUPART_FRAGMENT, 0);
    if (scheme == NULL || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
        err_set(err, ERR_CONFIG, "url: expected http:// or https://, not %s://", scheme == NULL ? "" : scheme);
    } else if (host == NULL || query != NULL || fragment != NULL) {
        err_set(err, ERR_CONFIG, "url: expected http://host:port/path with nothing behind it");
    } else {
        h->name = xasprintf("%s %s%s%s", o->what, host, port == NULL ? "" : ":", port == NULL ? "" : port);
        h->user = url_part(url, CURLUPART_USER, CURLU_URLDECODE);
        h->password = url_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
        set_base(h, url);
        rc = 0;
    }
    free(scheme);
    free(host);
    free(port);
    free(query);
    free(fragment);
    curl_url_cleanup(url);
    return rc;
}

struct http *http_open(const struct http_options *options, struct err *err)
{
    struct http *h = xcalloc(1, sizeof(*h));

    pthread_once(&curl_once, start_curl);
    if (take_url(h, options, err) < 0) {
        http_close(h);
        return NULL;
    }
    h->user_agent = xstrdup(options->user_agent);
    h->timeout_ms = options->timeout_ms;
    h->easy = curl_easy_init();
    h->multi = curl_multi_init();
    if (h->easy == NULL || h->multi == NULL)
        abort(); /* as xalloc does: nothing but memory can be missing */
    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 1L);
    return h;
}

const char *http_name(const struct http *http)
{
    return http->name;
}

void http_close(struct http *http)
{
    if (http == NULL)
        return;
    curl_easy_cleanup(http->easy); /* accepts NULL */
    if (http->multi != NULL)
        curl_multi_cleanup(http->multi);
    free(http->name);
    free(http->base);
    free(http->user);
    free(http->password);
    free(http->user_agent);
    free(http);
}

/* Copies one line's worth of foreign bytes: no control bytes, valid UTF-8, cut between characters, no blanks at the end. */
static void make_printable(char *to, size_t size, const char *from, size_t len)
{
    size_t used = 0;

    for (size_t i = 0; i < len;) {
        size_t n = utf8_char(from + i, len - i);
        bool is_cut_short = n == 0 && len == size && len - i < 4; /* by us, at the end of what we kept */
        if (used + (n == 0 ? 1 : n) >= size || is_cut_short)
            break;
        if (n == 0)
            to[used++] = '?';
        else if (n == 1 && ((unsigned char)from[i] < ' ' || from[i] == 0x7f))
            to[used++] = ' ';
        else
            for (size_t k = 0; k < n; k++)
                to[used++] = from[i + k];
        i += n == 0 ? 1 : n;
    }
    while (used > 0 && to[used - 1] == ' ')
        used--;
    to[used] = '\0';
}

/* "http://user:secret@host/x" -> "http://host/x": a gateway may send our own credentials back. */
static void drop_userinfo(char *url)
{
    char *host = strstr(url, "://");

    if (host == NULL)
        return;
    host += 3;
    size_t len = strcspn(host, "/?#");
    for (size_t i = len; i > 0; i--)
        if (host[i - 1] == '@') {
            memmove(host, host + i, strlen(host + i) + 1);
            return;
        }
}

static size_t take_header(char *data, size_t size, size_t count, void *ctx)
{
    static const char location[] = "location:";
    struct exchange *x = ctx;
    size_t len = size * count, at = sizeof(location) - 1;

    x->header_bytes += len;
    if (data[0] == '\r' || data[0] == '\n')
        x->has_headers = true;
    else if (len > 5 && memcmp(data, "HTTP/", 5) == 0)
        x->has_headers = false; /* the real answer, behind a "100 Continue" */
    if (x->header_bytes > HEADERS_MAX)
        return 0;
    if (len <= at || strncasecmp(data, location, at) != 0)
        return len;
    while (at < len && data[at] == ' ')
        at++;
    make_printable(x->answer->location, sizeof(x->answer->location), data + at, len - at);
    drop_userinfo(x->answer->location);
    return len;
}

static size_t take_body(char *data, size_t size, size_t count, void *ctx)
{
    struct exchange *x = ctx;
    size_t len = size * count, room = sizeof(x->answer->text) - x->text_len;
    size_t head = len < room ? len : room;

    memcpy(x->answer->text + x->text_len, data, head);
    x->text_len += head;
    x->body_bytes += len;
    if (x->request->answer != NULL)
        buf_put(x->request->answer, data, len);
    x->has_enough = x->request->answer != NULL ? buf_failed(x->request->answer) : x->body_bytes > SKIP_MAX;
    return x->has_enough ? 0 : len;
}

static struct curl_slist *make_headers(const struct http_request *r)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* waiting for "100 Continue" costs up to a second */

    for (const char *const *h = r->headers; h != NULL && *h != NULL; h++)
        list = curl_slist_append(list, *h);
    return list;
}

static void set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a name server that hangs must not hold us beyond the deadline */
#endif
}

static void set_up(struct exchange *x, const char *url, struct curl_slist *headers)
{
    CURL *easy = x->http->easy;
    const struct http_request *r = x->request;

    curl_easy_reset(easy); /* options only; the connection stays */
    set_protocols(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_USERNAME, x->http->user);
    curl_easy_setopt(easy, CURLOPT_PASSWORD, x->http->password);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, x->http->user_agent);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)x->http->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L); /* a connection that a NAT forgot is found dead before it is used */
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 20L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->trouble);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    if (r->body != NULL || strcmp(r->method, "PUT") == 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body == NULL ? "" : r->body); /* a loan, not a copy */
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
}

static void note_progress(struct exchange *x, int64_t now)
{
    curl_off_t sent = 0, received = 0;

    curl_easy_getinfo(x->http->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    curl_easy_getinfo(x->http->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
    curl_off_t moved = sent + received + (curl_off_t)x->header_bytes;
    if (moved != x->moved) {
        x->moved = moved;
        x->step_at_ns = now;
    }
}

static int say_timeout(const struct exchange *x, struct err *err)
{
    curl_off_t sent = 0, ready_us = 0;
    int64_t left_ns = x->request->deadline_ns - x->step_at_ns, step_ns = x->http->timeout_ms * NS_PER_MS;
    double seconds = round((double)(left_ns < step_ns ? left_ns : step_ns) / (double)NS_PER_S * 10) / 10;

    curl_easy_getinfo(x->http->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    curl_easy_getinfo(x->http->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    if (ready_us == 0)
        return err_set(err, ERR_TIMEOUT, "no connection within %g s", seconds);
    if ((size_t)sent < x->request->body_len)
        return err_set(err, ERR_TIMEOUT, "took only %lld of %zu bytes and no more within %g s", (long long)sent,
                       x->request->body_len, seconds);
    if (x->header_bytes > 0)
        return err_set(err, ERR_TIMEOUT, "the answer did not end in time");
    return err_set(err, ERR_TIMEOUT, "no answer within %g s", seconds);
}

/* Runs the request to its end: 0 with libcurl's verdict in *code, or -1 if we ended it. */
static int run(struct exchange *x, CURLcode *code, struct err *err)
{
    const struct http_request *r = x->request;
    struct curl_waitfd cancel = { .fd = r->cancel_fd, .events = CURL_WAIT_POLLIN };
    int running = 1, queued;

    x->step_at_ns = clock_now_ns();
    for (;;) {
        CURLMcode multi_code = curl_multi_perform(x->http->multi, &running);
        if (multi_code != CURLM_OK)
            return err_set(err, ERR_SYS, "libcurl: %s", curl_multi_strerror(multi_code));
        const CURLMsg *done = curl_multi_info_read(x->http->multi, &queued);
        if (done != NULL) {
            *code = done->data.result;
            return 0;
        }
        int64_t now = clock_now_ns();
        note_progress(x, now);
        int64_t step_end = x->step_at_ns + x->http->timeout_ms * NS_PER_MS;
        int64_t end = step_end < r->deadline_ns ? step_end : r->deadline_ns;
        if (now >= end)
            return say_timeout(x, err);
        curl_multi_poll(x->http->multi, &cancel, r->cancel_fd >= 0, clock_ms_until(end), NULL);
        if (cancel.revents != 0)
            return err_set(err, ERR_CANCELED, "given up, told to stop");
    }
}

static int say_no_connection(const struct exchange *x, struct err *err)
{
    char reason[128];
    long os = 0;

    curl_easy_getinfo(x->http->easy, CURLINFO_OS_ERRNO, &os);
    if (os == 0)
        return err_set(err, ERR_CLOSED, "no connection");
    err_set(err, ERR_SYS, "%s", strerror_r((int)os, reason, sizeof(reason)));
    err->sys = (int)os;
    return -1;
}

static int say_why(const struct exchange *x, CURLcode code, struct err *err)
{
    const char *trouble = x->trouble[0] != '\0' ? x->trouble : curl_easy_strerror(code);

    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_set(err, ERR_SYS, "the host name cannot be resolved");
    case CURLE_COULDNT_RESOLVE_PROXY:
        return err_set(err, ERR_SYS, "the proxy's name cannot be resolved");
    case CURLE_COULDNT_CONNECT:
        return say_no_connection(x, err);
    case CURLE_OPERATION_TIMEDOUT:
        return say_timeout(x, err);
    case CURLE_GOT_NOTHING:
        return err_set(err, ERR_CLOSED, "closed the connection without an answer");
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return err_set(err, ERR_CLOSED, "the connection broke (%s)", trouble);
    case CURLE_PARTIAL_FILE:
        return err_set(err, ERR_CLOSED, "closed the connection in the middle of its answer");
    case CURLE_UNSUPPORTED_PROTOCOL: /* among others: an answer without a status line, "HTTP/0.9" */
    case CURLE_WEIRD_SERVER_REPLY:
        return err_set(err, ERR_PROTO, "this is not HTTP");
    case CURLE_WRITE_ERROR:
    case CURLE_OUT_OF_MEMORY: /* how libcurl before 8.6 calls one header line without end */
#if LIBCURL_VERSION_NUM >= 0x080600
    case CURLE_TOO_LARGE:
#endif
        return err_set(err, ERR_LIMIT, "more than %d bytes of headers", HEADERS_MAX);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(err, ERR_CONFIG, "the certificate is not trusted: %s", trouble);
    case CURLE_SSL_CONNECT_ERROR:
        return err_set(err, ERR_PROTO, "no TLS: %s", trouble);
    default:
        return err_set(err, ERR_PROTO, "%s", trouble);
    }
}

/* The request has ended by itself: is there an answer? A refusal counts even if the connection broke right behind it. */
static int finish(struct exchange *x, CURLcode code, struct err *err)
{
    long status = 0;
    curl_off_t retry_after = 0;
    char text[HTTP_TEXT_MAX];

    curl_easy_getinfo(x->http->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(x->http->easy, CURLINFO_RETRY_AFTER, &retry_after);
    if (x->request->answer != NULL && buf_failed(x->request->answer))
        return err_set(err, ERR_LIMIT, "an answer of more than %zu bytes", x->request->answer->limit);
    bool is_broken = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE;
    if (code != CURLE_OK && !x->has_enough && !(is_broken && status >= 300))
        return say_why(x, code, err);
    if (status < 100 || status > 999)
        return err_set(err, ERR_PROTO, "this is not HTTP");
    if (status < 300 && !x->has_headers)
        return say_why(x, CURLE_PARTIAL_FILE, err);
    memcpy(text, x->answer->text, x->text_len);
    make_printable(x->answer->text, sizeof(x->answer->text), text, x->text_len);
    x->answer->status = (int)status;
    if (retry_after > 0) /* it may be a date in the past */
        x->answer->retry_after_ms = (retry_after < RETRY_AFTER_MAX_S ? retry_after : RETRY_AFTER_MAX_S) * 1000;
    return 0;
}

int http_ask(struct http *http, const struct http_request *request, struct http_answer *answer, struct err *err)
{
    struct exchange x = { .http = http, .request = request, .answer = answer };
    CURLcode code = CURLE_OK;

    *answer = (struct http_answer){ 0 };
    if (clock_now_ns() >= request->deadline_ns)
        return err_set(err, ERR_TIMEOUT, "%s: no time left", http->name);
    struct curl_slist *headers = make_headers(request);
    char *url = xasprintf("%s%s", http->base, request->path);
    set_up(&x, url, headers);
    curl_multi_add_handle(http->multi, http->easy);
    int rc = run(&x, &code, err);
    if (rc == 0)
        rc = finish(&x, code, err);
    curl_multi_remove_handle(http->multi, http->easy); /* an unfinished request takes its connection with it */
    curl_easy_reset(http->easy); /* it must not keep pointers into this frame */
    curl_slist_free_all(headers);
    free(url);
    return rc < 0 ? err_wrap(err, "%s", http->name) : 0;
}

const char *http_library(void)
{
    return curl_version();
}
