/*
 * conn_curl.c - connections by libcurl: it resolves, connects, asks the proxy, shakes hands; then it carries bytes both ways.
 *
 * CURLOPT_CONNECT_ONLY ends a "transfer" when the connection stands. Each connection has a multi handle of its own, for that
 * is what never blocks, and an epoll that gathers the sockets libcurl wants to be watched meanwhile: one fd for the caller's
 * poll(). Behind the handshake only the socket itself is polled. The handle stays in its multi, which owns the connection.
 *
 *      opening: poll(epoll fd) or time -> curl_multi_socket_action      open: poll(socket) -> curl_easy_recv, curl_easy_send
 */
#include "agent/source/rocketmq/conn_curl.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_PIECE (16u << 10) /* a TLS record holds no more */
#define REFUSERS_MAX 4096      /* servers remembered as speaking no TLS; the rest is tried each time */
#define EVENTS_PER_STEP 8

struct conn_curl_road {
    struct conn_curl_options options;
    char **refusers; /* addresses that speak no TLS, under `try` */
    size_t refuser_count;
};

struct conn {
    struct conn_curl_road *road;
    char *address;
    char host[CONN_HOST_MAX], port[6];
    CURLM *multi;
    CURL *easy;
    int epoll_fd;
    int watched_fd;      /* the last one that libcurl wanted to have watched; -1: none */
    int fd;              /* once it is open */
    int64_t timer_at_ns; /* when libcurl wants to be called anyway */
    int64_t deadline_ns;
    bool is_open, is_tls, has_received;
    struct err err;      /* why it could not even begin */
    char trouble[CURL_ERROR_SIZE];
    size_t out_len;      /* bytes of out on their way: OpenSSL wants the same ones again, at the same place */
    char out[SEND_PIECE];
};

/* ---- the road ---------------------------------------------------------------------------------------------------- */

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static int check_file(const char *option, const char *path, struct err *err)
{
    if (is_given(path) && access(path, R_OK) < 0)
        return err_set(err, ERR_CONFIG, "%s: %s: %s", option, path, strerror(errno));
    return 0;
}

static int check_tls(const struct conn_curl_options *o, struct err *err)
{
    const struct {
        const char *option, *value;
    } only_tls[] = { { "tls_ca_file", o->ca_file },
                     { "tls_cert_file", o->cert_file },
                     { "tls_key_file", o->key_file },
                     { "tls_key_password", o->key_password } };

    for (size_t i = 0; o->tls == CONN_TLS_OFF && i < sizeof(only_tls) / sizeof(only_tls[0]); i++)
        if (is_given(only_tls[i].value))
            return err_set(err, ERR_CONFIG, "%s: only TLS uses it, and tls is off", only_tls[i].option);
    if (is_given(o->key_file) && !is_given(o->cert_file))
        return err_set(err, ERR_CONFIG, "tls_key_file: there is no tls_cert_file to it");
    if (is_given(o->key_password) && !is_given(o->cert_file))
        return err_set(err, ERR_CONFIG, "tls_key_password: there is no tls_cert_file to it");
    if (o->tls != CONN_TLS_OFF && o->verify == CONN_VERIFY_CA && !is_given(o->ca_file))
        return err_set(err, ERR_CONFIG, "tls_verify: ca wants a tls_ca_file; without one, anybody's public certificate would do");
    if (check_file("tls_ca_file", o->ca_file, err) < 0 || check_file("tls_cert_file", o->cert_file, err) < 0)
        return -1;
    return check_file("tls_key_file", o->key_file, err);
}

static int check_proxy(const char *proxy, struct err *err)
{
    static const char *const schemes[] = { "http", "https", "socks5", "socks5h", NULL };
    char *scheme = NULL;
    bool is_good = false;

    if (!is_given(proxy))
        return 0;
    CURLU *url = curl_url();
    if (curl_url_set(url, CURLUPART_URL, proxy, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    for (const char *const *s = schemes; scheme != NULL && *s != NULL; s++)
        is_good |= strcmp(scheme, *s) == 0;
    curl_free(scheme);
    curl_url_cleanup(url);
    return is_good ? 0 : err_set(err, ERR_CONFIG, "proxy: expected http://host:port, https://, socks5:// or socks5h://");
}

int conn_curl_road_new(const struct conn_curl_options *options, struct conn_curl_road **road, struct err *err)
{
    if (check_tls(options, err) < 0 || check_proxy(options->proxy, err) < 0)
        return -1;
    *road = NULL;
    if (options->tls == CONN_TLS_OFF && !is_given(options->proxy))
        return 0;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) /* counted: the HTTP sinks do the same */
        return err_set(err, ERR_SYS, "libcurl cannot be used");
    *road = xcalloc(1, sizeof(**road));
    (*road)->options = *options;
    return 0;
}

void conn_curl_road_free(struct conn_curl_road *road)
{
    if (road == NULL)
        return;
    for (size_t i = 0; i < road->refuser_count; i++)
        free(road->refusers[i]);
    free(road->refusers);
    free(road);
}

static size_t find_refuser(const struct conn_curl_road *road, const char *address)
{
    size_t i = 0;

    while (i < road->refuser_count && strcmp(road->refusers[i], address) != 0)
        i++;
    return i;
}

void conn_curl_road_note_refuser(struct conn_curl_road *road, const char *address)
{
    if (find_refuser(road, address) < road->refuser_count || road->refuser_count == REFUSERS_MAX)
        return;
    road->refusers = xrealloc(road->refusers, road->refuser_count + 1, sizeof(char *));
    road->refusers[road->refuser_count++] = xstrdup(address);
}

static void forget_refuser(struct conn_curl_road *road, const char *address)
{
    size_t i = find_refuser(road, address);

    if (i == road->refuser_count)
        return;
    free(road->refusers[i]);
    road->refusers[i] = road->refusers[--road->refuser_count];
}

/* ---- making a connection ----------------------------------------------------------------------------------------- */

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *unused)
{
    struct conn *c = ctx;
    struct epoll_event e = { .data.fd = fd };

    (void)easy;
    (void)unused;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    c->watched_fd = fd;
    e.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 && errno == EEXIST)
        epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, fd, &e);
    return 0;
}

static int set_timer(CURLM *multi, long after_ms, void *ctx)
{
    struct conn *c = ctx;

    (void)multi;
    c->timer_at_ns = after_ms < 0 ? INT64_MAX : clock_now_ns() + after_ms * NS_PER_MS;
    return 0;
}

/* Name servers give addresses: what would be more than a host inside a URL is refused. */
static int check_host(const char *host, struct err *err)
{
    for (const char *p = host; *p != '\0'; p++)
        if ((unsigned char)*p <= ' ' || strchr("/\\?#@%[]\"<>{}|^`", *p) != NULL || *p == 0x7f)
            return err_set(err, ERR_CONFIG, "\"%.100s\" is no host name", host);
    return 0;
}

/* A CA file stands in place of the system's, whose directory libcurl would go on trusting beside it. */
static void set_tls(CURL *easy, const struct conn_curl_options *o)
{
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, o->verify == CONN_VERIFY_NONE ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, o->verify == CONN_VERIFY_FULL ? 2L : 0L);
    if (is_given(o->ca_file)) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (!is_given(o->cert_file))
        return;
    curl_easy_setopt(easy, CURLOPT_SSLCERT, o->cert_file);
    curl_easy_setopt(easy, CURLOPT_SSLKEY, is_given(o->key_file) ? o->key_file : o->cert_file);
    /* Never NULL: OpenSSL would ask on the terminal. */
    curl_easy_setopt(easy, CURLOPT_KEYPASSWD, o->key_password == NULL ? "" : o->key_password);
}

static void set_proxy(CURL *easy, const char *proxy)
{
    curl_easy_setopt(easy, CURLOPT_PROXY, proxy == NULL ? "" : proxy);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
}

static void begin(struct conn *c)
{
    bool is_ipv6 = strchr(c->host, ':') != NULL;
    char *url = xasprintf("%s://%s%s%s:%s", c->is_tls ? "https" : "http", is_ipv6 ? "[" : "", c->host, is_ipv6 ? "]" : "", c->port);

    c->easy = curl_easy_init();
    if (c->easy == NULL)
        abort(); /* as xalloc does: nothing but memory can be missing */
    c->trouble[0] = '\0';
    curl_easy_setopt(c->easy, CURLOPT_URL, url);
    curl_easy_setopt(c->easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)clock_ms_until(c->deadline_ns) + 1000); /* the deadline is ours to watch */
    curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->trouble);
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(c->easy, CURLOPT_QUICK_EXIT, 1L); /* DNS that hangs must not hold us beyond the deadline */
#endif
    set_proxy(c->easy, c->road->options.proxy);
    if (c->is_tls)
        set_tls(c->easy, &c->road->options);
    free(url);
    curl_multi_add_handle(c->multi, c->easy);
}

static void end(struct conn *c)
{
    if (c->easy == NULL)
        return;
    curl_multi_remove_handle(c->multi, c->easy);
    curl_easy_cleanup(c->easy);
    c->easy = NULL;
}

static struct conn *curl_open(void *ctx, const char *address, int64_t deadline_ns)
{
    struct conn *c = xcalloc(1, sizeof(*c));

    c->road = ctx;
    c->address = xstrdup(address);
    c->deadline_ns = deadline_ns;
    c->timer_at_ns = 0;
    c->fd = c->watched_fd = -1;
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (c->epoll_fd < 0)
        err_sys(&c->err, "epoll");
    else if (conn_split_address(address, c->host, c->port, &c->err) == 0 && check_host(c->host, &c->err) == 0) {
        c->is_tls = c->road->options.tls == CONN_TLS_REQUIRE ||
                    (c->road->options.tls == CONN_TLS_TRY && find_refuser(c->road, address) == c->road->refuser_count);
        c->multi = curl_multi_init();
        if (c->multi == NULL)
            abort();
        curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
        curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
        curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
        curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
        begin(c);
    }
    return c;
}

/* ---- why there is none ------------------------------------------------------------------------------------------- */

static int say_timeout(const struct conn *c, struct err *err)
{
    struct sockaddr_storage peer = { 0 };
    socklen_t len = sizeof(peer);
    bool is_connected = getpeername(c->watched_fd, (struct sockaddr *)&peer, &len) == 0;

    if (!is_connected || peer.ss_family == AF_UNIX) /* that one wakes us when a name is resolved */
        return err_set(err, ERR_TIMEOUT, "no answer");
    return err_set(err, ERR_TIMEOUT, "connected, but %s did not end in time", c->is_tls ? "the TLS handshake" : "the proxy's part");
}

static int say_no_connection(const struct conn *c, struct err *err)
{
    char reason[128];
    long os = 0;

    curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os);
    if (os == 0)
        err_set(err, ERR_SYS, "%s", c->trouble[0] != '\0' ? c->trouble : "no connection");
    else
        err_set(err, ERR_SYS, "%s", strerror_r((int)os, reason, sizeof(reason)));
    err->sys = (int)os;
    return is_given(c->road->options.proxy) ? err_wrap(err, "the proxy cannot be reached") : -1;
}

/* To a proxy's own login any error of the configuration; what it says of the way behind it may change. */
static int say_proxy_refuses(int status, struct err *err)
{
    if (status == 407 || status == 401)
        return err_set(err, ERR_CONFIG, "the proxy answered %d: user or password for it is missing or wrong", status);
    return err_set(err, ERR_REMOTE, "the proxy answered %d and opens no way to there", status);
}

/* The server's alert tells that it speaks TLS, and that it is our side it does not like. */
static bool is_alert(const struct conn *c)
{
    return strstr(c->trouble, " alert ") != NULL;
}

static int say_no_tls(const struct conn *c, struct err *err)
{
    bool has_certificate = is_given(c->road->options.cert_file);

    if (is_alert(c))
        return err_set(err, ERR_CONFIG, "the server refuses TLS with us (%s): %s", c->trouble,
                       has_certificate ? "does it trust our certificate?" : "does it want a client certificate? see option tls_cert_file");
    return err_set(err, ERR_PROTO, "no TLS there (%s)", c->trouble);
}

static int say_untrusted(const struct conn *c, struct err *err)
{
    bool is_name = strstr(c->trouble, "subject name") != NULL || strstr(c->trouble, "target host") != NULL;

    return err_set(err, ERR_CONFIG, "the certificate is not trusted: %s; see option %s", c->trouble,
                   is_name ? "tls_verify" : "tls_ca_file");
}

static int say_why(struct conn *c, CURLcode code, struct err *err)
{
    long proxy_status = 0;

    if (c->trouble[0] == '\0')
        snprintf(c->trouble, sizeof(c->trouble), "%s", curl_easy_strerror(code));
    curl_easy_getinfo(c->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    if (proxy_status >= 300)
        return say_proxy_refuses((int)proxy_status, err);
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_set(err, ERR_SYS, "looking up %s: no address found", c->host);
    case CURLE_COULDNT_RESOLVE_PROXY:
        return err_set(err, ERR_SYS, "the proxy's name cannot be resolved");
    case CURLE_COULDNT_CONNECT:
        return say_no_connection(c, err);
    case CURLE_OPERATION_TIMEDOUT:
        return say_timeout(c, err);
    case CURLE_PEER_FAILED_VERIFICATION:
        return say_untrusted(c, err);
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(err, ERR_CONFIG, "tls_ca_file: cannot be used: %s", c->trouble);
    case CURLE_SSL_CERTPROBLEM:
        return err_set(err, ERR_CONFIG, "our certificate or key cannot be used: %s", c->trouble);
    case CURLE_SSL_CONNECT_ERROR:
        return say_no_tls(c, err);
#if LIBCURL_VERSION_NUM >= 0x074900
    case CURLE_PROXY:
        return err_set(err, ERR_REMOTE, "the proxy opens no way to there: %s", c->trouble);
#endif
    default:
        return err_set(err, is_given(c->road->options.proxy) ? ERR_REMOTE : ERR_PROTO, "%s", c->trouble);
    }
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static bool may_go_plain(const struct conn *c, CURLcode code)
{
    return c->road->options.tls == CONN_TLS_TRY && c->is_tls && code == CURLE_SSL_CONNECT_ERROR && !is_alert(c);
}

/* libcurl has finished with connecting. */
static int settle(struct conn *c, CURLcode code, struct err *err)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (may_go_plain(c, code)) {
        conn_curl_road_note_refuser(c->road, c->address);
        end(c);
        c->is_tls = false;
        begin(c);
        return 0;
    }
    if (code != CURLE_OK)
        return say_why(c, code, err);
    curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD)
        return err_set(err, ERR_CLOSED, "closed the connection at once");
    c->fd = fd;
    c->is_open = true;
    return 1;
}

static void turn(struct conn *c)
{
    struct epoll_event events[EVENTS_PER_STEP];
    int running, count = epoll_wait(c->epoll_fd, events, EVENTS_PER_STEP, 0);

    for (int i = 0; i < count; i++) {
        int what = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(c->multi, events[i].data.fd, what, &running);
    }
    if (clock_now_ns() >= c->timer_at_ns) {
        c->timer_at_ns = INT64_MAX; /* unless it is set again meanwhile */
        curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

static int curl_step(struct conn *c, struct err *err)
{
    int queued;

    if (c->is_open)
        return 1;
    if (c->err.kind != ERR_NONE) {
        *err = c->err;
        return -1;
    }
    turn(c);
    const CURLMsg *done = curl_multi_info_read(c->multi, &queued);
    if (done != NULL)
        return settle(c, done->data.result, err);
    return clock_now_ns() < c->deadline_ns ? 0 : say_timeout(c, err);
}

static int curl_wait(const struct conn *c, short *events, int64_t *wake_at_ns)
{
    int64_t wake = c->timer_at_ns < c->deadline_ns ? c->timer_at_ns : c->deadline_ns;

    *events = POLLIN;
    if (c->is_open)
        return c->fd;
    if (wake < *wake_at_ns)
        *wake_at_ns = wake;
    return c->epoll_fd;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

/* In TLS 1.3 a server refuses our certificate, or its absence, only behind our side of the handshake. */
static int say_broken(struct conn *c, struct err *err)
{
    if (is_alert(c))
        return say_no_tls(c, err);
    return err_set(err, ERR_CLOSED, "closed the connection");
}

/* Reads on until there is nothing more: what OpenSSL has decoded already no poll() would tell of. */
static ptrdiff_t curl_receive(struct conn *c, void *to, size_t len, struct err *err)
{
    size_t used = 0, n;

    while (used < len) {
        CURLcode code = curl_easy_recv(c->easy, (char *)to + used, len - used, &n);
        if (code == CURLE_AGAIN)
            break;
        if (code != CURLE_OK || n == 0) {
            if (used > 0)
                break; /* the next call finds the same again */
            return say_broken(c, err);
        }
        used += n;
        c->has_received = true;
    }
    return (ptrdiff_t)used;
}

static ptrdiff_t curl_send(struct conn *c, const void *from, size_t len, struct err *err)
{
    size_t n = 0;

    if (c->out_len == 0) {
        c->out_len = len < SEND_PIECE ? len : SEND_PIECE;
        memcpy(c->out, from, c->out_len);
    }
    CURLcode code = curl_easy_send(c->easy, c->out, c->out_len, &n);
    if (code == CURLE_AGAIN)
        return 0;
    c->out_len = 0;
    return code == CURLE_OK ? (ptrdiff_t)n : say_broken(c, err);
}

/* A plain connection, made because TLS was refused once, that brought nothing: the server may be a stricter one by now. */
static void curl_close(struct conn *c)
{
    if (c == NULL)
        return;
    if (c->road->options.tls == CONN_TLS_TRY && !c->is_tls && !c->has_received)
        forget_refuser(c->road, c->address);
    end(c);
    if (c->multi != NULL)
        curl_multi_cleanup(c->multi);
    if (c->epoll_fd >= 0)
        close(c->epoll_fd);
    free(c->address);
    free(c);
}

const struct conn_ops conn_curl = {
    .open = curl_open,
    .step = curl_step,
    .wait = curl_wait,
    .receive = curl_receive,
    .send = curl_send,
    .close = curl_close,
};
