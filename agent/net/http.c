/*
 * http.c - one request: sent, answered or given up in time. See http.h.
 *
 * One easy handle, one multi handle, one poll loop: the loop is where the deadline, the cancel fd and "nothing has moved
 * for timeout_ms" are watched, so that no option of libcurl has to be trusted with time. What a peer may send is
 * bounded: headers by HTTP_HEADERS_MAX, an answer nobody wants by HTTP_SKIP_MAX, a wanted one by the limit of its buf.
 */
#include "agent/net/http.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/utf8.h"
#include "agent/base/xalloc.h"
#include "agent/net/http_parts.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>


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

/* "Location: x" -> "x" and its length, if that is the name of this header line. */
static const char *header_value(const char *name, const char *line, size_t *len)
{
    size_t at = strlen(name);

    if (*len <= at || strncasecmp(line, name, at) != 0)
        return NULL;
    while (at < *len && line[at] == ' ')
        at++;
    *len -= at;
    return line + at;
}

/* Behind the last @ before the path, if there is one: "user:secret@host/x" -> "host/x". */
static const char *skip_userinfo(const char *at, const char *end)
{
    const char *host = at;

    for (; at < end && memchr("/?#", *at, 3) == NULL; at++)
        if (*at == '@')
            host = at + 1;
    return host;
}

/* Without user and password, before anything is cut: a gateway may send our own credentials back. */
static void note_location(struct http_answer *answer, const char *value, size_t len)
{
    const char *end = value + len, *slashes = memmem(value, len, "//", 2);
    const char *rest = slashes != NULL ? skip_userinfo(slashes + 2, end) : value;

    make_printable(answer->location, sizeof(answer->location), value, slashes != NULL ? (size_t)(slashes + 2 - value) : 0);
    size_t used = strlen(answer->location);
    make_printable(answer->location + used, sizeof(answer->location) - used, rest, (size_t)(end - rest));
}

static void note_header(struct http_answer *answer, const char *line, size_t len)
{
    char date[64];
    size_t location_len = len, date_len = len;
    const char *location = header_value("location:", line, &location_len);

    if (location != NULL) {
        note_location(answer, location, location_len);
        return;
    }
    const char *value = header_value("date:", line, &date_len);
    if (value == NULL)
        return;
    make_printable(date, sizeof(date), value, date_len);
    int64_t time_s = curl_getdate(date, NULL);
    answer->date_s = time_s > 0 ? time_s : 0;
}

static size_t take_header(char *data, size_t size, size_t count, void *ctx)
{
    struct http_exchange *x = ctx;
    size_t len = size * count;

    x->header_bytes += len;
    if (data[0] == '\r' || data[0] == '\n')
        x->has_headers = true;
    else if (len > 5 && memcmp(data, "HTTP/", 5) == 0)
        x->has_headers = false; /* the real answer, behind a "100 Continue" */
    if (x->header_bytes > HTTP_HEADERS_MAX)
        return 0;
    note_header(x->answer, data, len);
    return len;
}

static size_t take_body(char *data, size_t size, size_t count, void *ctx)
{
    struct http_exchange *x = ctx;
    size_t len = size * count, room = sizeof(x->answer->text) - x->text_len;
    size_t head = len < room ? len : room;

    memcpy(x->answer->text + x->text_len, data, head);
    x->text_len += head;
    x->body_bytes += len;
    if (x->request->answer != NULL) {
        buf_put(x->request->answer, data, len);
        buf_row(x->request->answer);
    }
    x->has_enough = x->request->answer != NULL ? buf_failed(x->request->answer) : x->body_bytes > HTTP_SKIP_MAX;
    return x->has_enough ? 0 : len;
}

static struct curl_slist *make_headers(const struct http *http, const struct http_request *r)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* waiting for "100 Continue" costs up to a second */

    for (char *const *h = http->headers; *h != NULL; h++)
        list = curl_slist_append(list, *h);
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

/* A CA file stands in place of the system's, whose directory libcurl would go on trusting beside it. */
static void set_tls(CURL *easy, const struct http *http)
{
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, http->accepts_any_certificate ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, http->accepts_any_certificate ? 0L : 2L);
    if (http->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (http->cert_file == NULL)
        return;
    curl_easy_setopt(easy, CURLOPT_SSLCERT, http->cert_file);
    curl_easy_setopt(easy, CURLOPT_SSLKEY, http->key_file);
    curl_easy_setopt(easy, CURLOPT_KEYPASSWD, http->key_password);
}

static void set_proxy(CURL *easy, const struct http *http)
{
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's own answer is not the peer's */
    if (http->proxy == NULL)
        return;
    curl_easy_setopt(easy, CURLOPT_PROXY, http->proxy);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, ""); /* $no_proxy belongs to the environment's proxies */
}

static void set_up(struct http_exchange *x, const char *url, struct curl_slist *headers)
{
    CURL *easy = x->http->easy;
    const struct http_request *r = x->request;

    curl_easy_reset(easy); /* options only; the connection stays */
    set_protocols(easy);
    set_tls(easy, x->http);
    set_proxy(easy, x->http);
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
    static_assert(sizeof(x->trouble) >= CURL_ERROR_SIZE, "what libcurl may write there");
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

static void note_progress(struct http_exchange *x, int64_t now)
{
    curl_off_t sent = 0, received = 0;

    curl_easy_getinfo(x->http->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    curl_easy_getinfo(x->http->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
    int64_t moved = sent + received + (curl_off_t)x->header_bytes;
    if (moved != x->moved) {
        x->moved = moved;
        x->step_at_ns = now;
    }
}

/* Runs the request to its end: 0 with libcurl's verdict in *code, or -1 if we ended it. */
static int run(struct http_exchange *x, CURLcode *code, struct err *err)
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
            return http_say_timeout(x, err);
        curl_multi_poll(x->http->multi, &cancel, r->cancel_fd >= 0, clock_ms_until(end), NULL);
        if (cancel.revents != 0)
            return err_set(err, ERR_CANCELED, "given up, told to stop");
    }
}

/* The request has ended by itself: is there an answer? A refusal counts even if the connection broke right behind it. */
static int finish(struct http_exchange *x, CURLcode code, struct err *err)
{
    long status = 0;
    curl_off_t retry_after = 0;
    char text[HTTP_TEXT_MAX];

    curl_easy_getinfo(x->http->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(x->http->easy, CURLINFO_RETRY_AFTER, &retry_after);
    if (x->request->answer != NULL && buf_failed(x->request->answer))
        return err_set(err, ERR_LIMIT, "the answer is longer than what is read of it");
    bool is_broken = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE;
    if (code != CURLE_OK && !x->has_enough && !(is_broken && status >= 300))
        return http_say_why(x, code, err);
    if (status < 100 || status > 999)
        return err_set(err, ERR_PROTO, "this is not HTTP");
    if (status < 300 && !x->has_headers)
        return http_say_why(x, CURLE_PARTIAL_FILE, err);
    memcpy(text, x->answer->text, x->text_len);
    make_printable(x->answer->text, sizeof(x->answer->text), text, x->text_len);
    x->answer->status = (int)status;
    if (retry_after > 0) /* it may be a date in the past */
        x->answer->retry_after_ms = (retry_after < HTTP_RETRY_AFTER_MAX_S ? retry_after : HTTP_RETRY_AFTER_MAX_S) * 1000;
    return 0;
}

int http_ask(struct http *http, const struct http_request *request, struct http_answer *answer, struct err *err)
{
    struct http_exchange x = { .http = http, .request = request, .answer = answer };
    CURLcode code = CURLE_OK;

    *answer = (struct http_answer){ 0 };
    if (clock_now_ns() >= request->deadline_ns)
        return err_set(err, ERR_TIMEOUT, "%s: no time left", http->name);
    struct curl_slist *headers = make_headers(http, request);
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
