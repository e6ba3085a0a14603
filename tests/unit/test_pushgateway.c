/* test_pushgateway.c - what the sink sends, and what it makes of every answer and of none. */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/family.h"
#include "tests/fake/http_peer.h"
#include "tests/fake/sink_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define SMALL 3    /* rows whose page travels as it is */
#define LARGE 5000 /* rows whose page is compressed */

static struct http_peer *peer;
static struct sink_rig rig;

static void setup(void)
{
    char url[64];

    peer = http_peer_start();
    sink_rig_init(&rig, "pushgateway");
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", http_peer_port(peer));
    sink_rig_set(&rig, "url", url);
    sink_rig_set(&rig, "instance", "host-7");
}

static void teardown(void)
{
    sink_rig_fini(&rig);
    http_peer_stop(peer);
}

static void open_rig(void)
{
    ck_assert_msg(sink_rig_open(&rig) == 0, "%s", rig.err.msg);
}

static enum sink_result deliver(uint32_t rows)
{
    struct batch *b = rig_broker_batch(rows);
    enum sink_result result = sink_rig_deliver(&rig, b);

    batch_unref(b);
    return result;
}

static const struct http_peer_request *request(unsigned i)
{
    ck_assert_uint_gt(http_peer_requests(peer), i);
    return http_peer_request(peer, i);
}

static bool is_gzip(const struct http_peer_request *r)
{
    return strstr(r->headers, "Content-Encoding: gzip\r\n") != NULL;
}

static void assert_message(const char *part)
{
    ck_assert_msg(strstr(rig.err.msg, part) != NULL, "expected \"%s\" in \"%s\"", part, rig.err.msg);
}

static char *rendered(uint32_t rows, size_t *len)
{
    struct batch *b = rig_broker_batch(rows);
    struct buf out;

    buf_init(&out, 0);
    ck_assert_int_eq(rig.ops->render(rig.self, b, &out, &rig.err), 0);
    batch_unref(b);
    *len = out.len;
    return out.data;
}

/* --- what is sent ------------------------------------------------------------------------------------------------- */

START_TEST(a_small_page_goes_as_it_is)
{
    size_t len;
    http_peer_answer(peer, 200, "", "");
    open_rig();
    ck_assert_int_eq(deliver(SMALL), SINK_OK);
    const struct http_peer_request *r = request(0);
    ck_assert_str_eq(r->method, "PUT");
    ck_assert_str_eq(r->path, "/metrics/job/rocketmq/instance/host-7");
    ck_assert_ptr_nonnull(strstr(r->headers, "Content-Type: text/plain; version=0.0.4\r\n"));
    ck_assert_ptr_nonnull(strstr(r->headers, "User-Agent: mqpush/0.0.1\r\n"));
    ck_assert(!is_gzip(r));
    char *page = rendered(SMALL, &len);
    ck_assert_uint_eq(r->body_len, len);
    ck_assert_int_eq(memcmp(r->body, page, len), 0);
    ck_assert_uint_eq(rig.delivery.series, SMALL);
    ck_assert_uint_eq(rig.delivery.bytes, len);
    free(page);
}
END_TEST

static char *inflated(const struct http_peer_request *r, size_t room, size_t *len)
{
    char *text = xmalloc(room);
    z_stream z = { .next_in = (unsigned char *)r->body, .avail_in = (unsigned)r->body_len, .next_out = (unsigned char *)text,
                   .avail_out = (unsigned)room };

    ck_assert_int_eq(inflateInit2(&z, 31), Z_OK);
    ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
    ck_assert_uint_eq(z.avail_in, 0);
    *len = z.total_out;
    inflateEnd(&z);
    return text;
}

START_TEST(a_large_page_goes_compressed_and_is_the_same_text)
{
    size_t len, inflated_len;
    http_peer_answer(peer, 200, "", "");
    open_rig();
    ck_assert_int_eq(deliver(LARGE), SINK_OK);
    ck_assert(is_gzip(request(0)));
    char *page = rendered(LARGE, &len), *text = inflated(request(0), len + 1, &inflated_len);
    ck_assert_uint_eq(inflated_len, len);
    ck_assert_int_eq(memcmp(text, page, len), 0);
    ck_assert_uint_lt(rig.delivery.bytes * 5, len);
    ck_assert_uint_eq(rig.delivery.bytes, request(0)->body_len);
    free(page);
    free(text);
}
END_TEST

static const struct {
    const char *gzip;
    uint32_t rows;
    bool compressed;
} modes[] = {
    { "auto", 0, false }, { "auto", SMALL, false }, { "auto", 60, true }, { "auto", LARGE, true },
    { "yes", 0, true },   { "yes", SMALL, true },   { "yes", LARGE, true }, { "no", SMALL, false },  { "no", LARGE, false },
};

START_TEST(gzip_is_as_the_option_says) /* loop test over modes */
{
    size_t len, got;
    http_peer_answer(peer, 200, "", "");
    sink_rig_set(&rig, "gzip", modes[_i].gzip);
    open_rig();
    ck_assert_int_eq(deliver(modes[_i].rows), SINK_OK);
    ck_assert_int_eq(is_gzip(request(0)), modes[_i].compressed);
    char *page = rendered(modes[_i].rows, &len);
    if (modes[_i].compressed)
        free(inflated(request(0), len + 1, &got));
    else
        got = request(0)->body_len;
    ck_assert_uint_eq(got, len);
    free(page);
}
END_TEST

START_TEST(an_empty_batch_is_a_put_without_a_body)
{
    http_peer_answer(peer, 200, "", "");
    open_rig();
    ck_assert_int_eq(deliver(0), SINK_OK);
    ck_assert_str_eq(request(0)->method, "PUT");
    ck_assert_ptr_nonnull(strstr(request(0)->headers, "Content-Length: 0\r\n"));
}
END_TEST

START_TEST(a_large_body_does_not_wait_for_100_continue)
{
    http_peer_answer(peer, 200, "", "");
    sink_rig_set(&rig, "gzip", "no");
    open_rig();
    ck_assert_int_eq(deliver(20000), SINK_OK);
    ck_assert_uint_gt(request(0)->body_len, 1024 * 1024);
    ck_assert_ptr_null(strstr(request(0)->headers, "Expect"));
}
END_TEST

START_TEST(user_and_password_of_the_url_go_as_basic_auth)
{
    char url[100];
    http_peer_answer(peer, 401, "", "");
    snprintf(url, sizeof(url), "http://us%%40er:s3cr%%3At@127.0.0.1:%d/prefix/", http_peer_port(peer));
    sink_rig_set(&rig, "url", url);
    open_rig();
    ck_assert_int_eq(deliver(SMALL), SINK_REJECT);
    ck_assert_str_eq(request(0)->path, "/prefix/metrics/job/rocketmq/instance/host-7");
    ck_assert_ptr_nonnull(strstr(request(0)->headers, "Authorization: Basic dXNAZXI6czNjcjp0\r\n")); /* us@er:s3cr:t */
    ck_assert_ptr_null(strstr(rig.err.msg, "s3cr"));
    ck_assert_ptr_null(strstr(rig.err.msg, "us@er"));
}
END_TEST

static const struct {
    const char *job, *instance, *grouping, *path;
} groups[] = {
    { "mq", "h", "", "/metrics/job/mq/instance/h" },
    { "A-z.0_~", "h", "", "/metrics/job/A-z.0_~/instance/h" },
    { "a/b", "h", "", "/metrics/job@base64/YS9i/instance/h" },
    { "%RETRY%g", "h", "", "/metrics/job@base64/JVJFVFJZJWc/instance/h" },
    { "mq", "..", "", "/metrics/job/mq/instance@base64/Li4" },
    { "mq", ".", "", "/metrics/job/mq/instance@base64/Lg" },
    { "mq", "h", "zone=a", "/metrics/job/mq/instance/h/zone/a" },
    { "mq", "h", " zone = a b , rack= , _x=1=2 ", "/metrics/job/mq/instance/h/zone@base64/YSBi/rack@base64/=/_x@base64/MT0y" },
    { "mq", "\xc3\xbf\xc3\xbe>?", "", "/metrics/job/mq/instance@base64/w7_Dvj4_" }, /* the URL-safe alphabet */
};

START_TEST(the_path_is_the_group) /* loop test over groups */
{
    http_peer_answer(peer, 200, "", "");
    sink_rig_set(&rig, "job", groups[_i].job);
    sink_rig_set(&rig, "instance", groups[_i].instance);
    sink_rig_set(&rig, "grouping", groups[_i].grouping);
    open_rig();
    ck_assert_int_eq(deliver(SMALL), SINK_OK);
    ck_assert_str_eq(request(0)->path, groups[_i].path);
}
END_TEST

START_TEST(the_instance_is_the_host_name_unless_given)
{
    char host[256] = "", path[400];
    gethostname(host, sizeof(host) - 1);
    snprintf(path, sizeof(path), "/metrics/job/rocketmq/instance/%s", host);
    http_peer_answer(peer, 200, "", "");
    sink_rig_set(&rig, "instance", "");
    open_rig();
    ck_assert_int_eq(deliver(SMALL), SINK_OK);
    ck_assert_str_eq(request(0)->path, path);
}
END_TEST

START_TEST(a_label_of_the_path_never_stands_in_the_body)
{
    http_peer_answer(peer, 200, "", "");
    sink_rig_label(&rig, "instance", "edge-1");
    sink_rig_label(&rig, "job", "other");
    sink_rig_label(&rig, "env", "prod");
    sink_rig_set(&rig, "instance", "");
    open_rig();
    ck_assert_int_eq(deliver(SMALL), SINK_OK);
    ck_assert_str_eq(request(0)->path, "/metrics/job/rocketmq/instance/edge-1"); /* the constant label is the default */
    ck_assert_ptr_null(strstr(request(0)->body, "instance="));
    ck_assert_ptr_null(strstr(request(0)->body, "job="));
    ck_assert_ptr_nonnull(strstr(request(0)->body, "env=\"prod\"} "));
}
END_TEST

static const struct {
    const char *option, *text, *message;
} mistakes[] = {
    { "url", "", "url" },
    { "url", "gw:9091", "http://" },
    { "url", "ftp://gw:9091", "ftp://" },
    { "url", "http://", "url" },
    { "url", "http://gw:9091?x=1", "nothing behind it" },
    { "url", "http://gw:9091/#x", "nothing behind it" },
    { "url", "http://user:s3cret@gw:port", "url" },
    { "job", "", "job" },
    { "job", "a\xff", "UTF-8" },
    { "instance", "a\xc0\x80", "UTF-8" },
    { "grouping", "zone", "name=value" },
    { "grouping", "=a", "label" },
    { "grouping", "zo-ne=a", "zo-ne" },
    { "grouping", "__zone=a", "__zone" },
    { "grouping", "zone=a, zone=b", "twice" },
    { "grouping", "job=a", "twice" },
    { "grouping", "topic=a", "topic" }, /* a label of wanted metrics, which the path would overwrite */
    { "grouping", "zone=\xff", "UTF-8" },
};

START_TEST(a_mistake_is_told_before_anything_is_sent) /* loop test over mistakes */
{
    sink_rig_set(&rig, mistakes[_i].option, mistakes[_i].text);
    ck_assert_msg(sink_rig_open(&rig) == -1, "%s = %s", mistakes[_i].option, mistakes[_i].text);
    ck_assert_int_eq(rig.err.kind, ERR_CONFIG);
    assert_message(mistakes[_i].message);
    ck_assert_ptr_null(strstr(rig.err.msg, "s3cret"));
    ck_assert_uint_eq(http_peer_connections(peer), 0);
}
END_TEST

START_TEST(a_grouping_label_may_be_a_label_of_metrics_that_are_not_sent)
{
    family_select("mq_broker_up", rig.families, NULL);
    sink_rig_set(&rig, "grouping", "topic=a");
    open_rig();
}
END_TEST

/* --- who we are and which way --------------------------------------------------------------------------------------- */

struct setting {
    const char *option, *text;
};

static void set_all(const struct setting *settings)
{
    for (; settings->option != NULL; settings++)
        sink_rig_set(&rig, settings->option, settings->text);
}

static const struct {
    struct setting settings[4];
    const char *user; /* of the url, with what follows up to the host */
    const char *header;
} logins[] = {
    { { { "username", "us@er" }, { "password", "s3cr:t" } }, "", "Authorization: Basic dXNAZXI6czNjcjp0\r\n" },
    { { { "username", "user" } }, "", "Authorization: Basic dXNlcjo=\r\n" },
    { { { "password", "s3cr:t" } }, "us%40er@", "Authorization: Basic dXNAZXI6czNjcjp0\r\n" },
    { { { "bearer_token", "abc.s3cret" } }, "", "Authorization: Bearer abc.s3cret\r\n" },
    { { { "headers", "X-Scope-OrgID: s3cret" } }, "", "X-Scope-OrgID: s3cret\r\n" },
    { { { "headers", " A: s3cret; b, c |B:2 | X-Y :z" } }, "", "" }, /* a blank before the colon */
    { { { "headers", " A: s3cret; b, c |B:2 " } }, "", "A: s3cret; b, c\r\nB: 2\r\n" },
    { { { "headers", "Authorization: Apikey s3cret" } }, "", "Authorization: Apikey s3cret\r\n" },
    { { { "headers", "Host: gw.example" } }, "", "Host: gw.example\r\n" },
};

START_TEST(who_we_are_goes_with_every_request_and_into_no_message) /* loop test over logins */
{
    char url[100];
    http_peer_answer(peer, 401, "", "");
    snprintf(url, sizeof(url), "http://%s127.0.0.1:%d", logins[_i].user, http_peer_port(peer));
    sink_rig_set(&rig, "url", url);
    set_all(logins[_i].settings);
    if (logins[_i].header[0] == '\0') {
        ck_assert_int_eq(sink_rig_open(&rig), -1);
        return;
    }
    open_rig();
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(deliver(SMALL), SINK_REJECT);
        ck_assert_msg(strstr(request(i)->headers, logins[_i].header) != NULL, "%s", request(i)->headers);
        ck_assert_ptr_null(strstr(rig.err.msg, "s3cr"));
    }
    size_t len;
    char *page = rendered(SMALL, &len);
    ck_assert_ptr_null(memmem(page, len, "s3cr", 4));
    free(page);
}
END_TEST

static const struct {
    struct setting settings[4];
    const char *message;
} conflicts[] = {
    { { { "url", "http://a:s3cret@gw" }, { "username", "b" } }, "username: the url names a user too" },
    { { { "url", "http://a:s3cret@gw" }, { "password", "s3cret2" } }, "password: there is one in the url too" },
    { { { "url", "http://:s3cret@gw" } }, "password: there is no username" },
    { { { "password", "s3cret" } }, "password: there is no username" },
    { { { "username", "a" }, { "bearer_token", "s3cret" } }, "bearer_token: there is a username too" },
    { { { "username", "a:b" } }, "username: a colon" },
    { { { "bearer_token", "s3cret\nX-Evil: 1" } }, "bearer_token: a newline" },
    { { { "username", "a" }, { "password", "s3cret\r\n" } }, "password: a newline" },
    { { { "headers", "A: s3cret\r\nB: 2" } }, "headers: a newline" },
    { { { "headers", "s3cret" } }, "headers: expected Name: value" },
    { { { "headers", "s3cret:" } }, "headers: expected Name: value" },
    { { { "headers", "A: b | : s3cret" } }, "headers: expected Name: value" },
    { { { "headers", "s3 cret: b" } }, "headers: expected Name: value" },
    { { { "headers", "content-LENGTH: 7" } }, "headers: content-LENGTH is set by mqpush itself" },
    { { { "headers", "Transfer-Encoding: chunked" } }, "set by mqpush itself" },
    { { { "headers", "Authorization: s3cret" }, { "bearer_token", "x" } }, "Authorization is set by mqpush itself" },
    { { { "headers", "A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1|A:1"
                     "|A:1|A:1|A:1|A:1|A:1|A:1|A:1" } }, "headers: more than 32" },
    { { { "proxy", "gw:3128" } }, "proxy: expected http://" },
    { { { "proxy", "ftp://us:s3cret@gw:3128" } }, "proxy: expected http://" },
    { { { "proxy", "http://us:s3cret@gw:port" } }, "proxy: expected http://" },
    { { { "ca_file", "/etc/hostname" } }, "ca_file: only https uses it" },
    { { { "url", "https://gw" }, { "ca_file", "/nowhere/ca.pem" } }, "ca_file: /nowhere/ca.pem: No such file" },
    { { { "url", "https://gw" }, { "cert_file", "/nowhere/me.pem" } }, "cert_file: /nowhere/me.pem: No such file" },
    { { { "url", "https://gw" }, { "cert_file", "/etc/hostname" }, { "key_file", "/nowhere/key" } }, "key_file: /nowhere/key: No" },
    { { { "url", "https://gw" }, { "key_file", "/etc/hostname" } }, "key_file: there is no cert_file" },
    { { { "url", "https://gw" }, { "key_password", "s3cret" } }, "key_password: there is no cert_file" },
};

START_TEST(options_that_do_not_fit_are_told_without_their_secrets) /* loop test over conflicts */
{
    set_all(conflicts[_i].settings);
    ck_assert_msg(sink_rig_open(&rig) == -1, "opened, but expected: %s", conflicts[_i].message);
    ck_assert_int_eq(rig.err.kind, ERR_CONFIG);
    assert_message(conflicts[_i].message);
    ck_assert_ptr_null(strstr(rig.err.msg, "s3"));
    ck_assert_uint_eq(http_peer_connections(peer), 0);
}
END_TEST

START_TEST(a_proxy_is_asked_with_its_own_login_for_the_whole_url)
{
    char proxy[100];
    http_peer_answer(peer, 200, "", "");
    snprintf(proxy, sizeof(proxy), "http://us:s3cr%%40t@127.0.0.1:%d", http_peer_port(peer));
    sink_rig_set(&rig, "url", "http://gw.example:9091/pre");
    sink_rig_set(&rig, "proxy", proxy);
    sink_rig_set(&rig, "bearer_token", "abc");
    open_rig();
    ck_assert_msg(deliver(SMALL) == SINK_OK, "%s", rig.err.msg);
    ck_assert_str_eq(request(0)->path, "http://gw.example:9091/pre/metrics/job/rocketmq/instance/host-7");
    ck_assert_ptr_nonnull(strstr(request(0)->headers, "Proxy-Authorization: Basic dXM6czNjckB0\r\n")); /* us:s3cr@t */
}
END_TEST

START_TEST(the_proxy_of_the_environment_holds_unless_told_otherwise) /* loop test: 0 unset, 1 none */
{
    char proxy[100];
    http_peer_answer(peer, 200, "", "");
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", http_peer_port(peer));
    setenv("http_proxy", proxy, 1);
    unsetenv("no_proxy");
    sink_rig_set(&rig, "url", "http://127.0.0.1:1");
    sink_rig_set(&rig, "proxy", _i == 0 ? "" : "none");
    open_rig();
    ck_assert_int_eq(deliver(SMALL), _i == 0 ? SINK_OK : SINK_RETRY);
    ck_assert_uint_eq(http_peer_requests(peer), _i == 0 ? 1 : 0);
}
END_TEST

static const struct {
    int status;
    enum sink_result result;
    enum err_kind kind;
    const char *message;
} proxy_refusals[] = {
    { 403, SINK_REJECT, ERR_CONFIG, "gw.example: the proxy answered 403" },
    { 401, SINK_REJECT, ERR_CONFIG, "the proxy answered 401: user or password for it is missing or wrong" },
    { 407, SINK_REJECT, ERR_CONFIG, "the proxy answered 407: user or password for it is missing or wrong" },
    { 502, SINK_RETRY, ERR_REMOTE, "the proxy answered 502" },
};

START_TEST(a_proxy_that_opens_no_way_to_https_is_said) /* loop test over proxy_refusals */
{
    char proxy[100];
    http_peer_answer(peer, proxy_refusals[_i].status, "Location: /s3cret\r\n", "no");
    snprintf(proxy, sizeof(proxy), "http://us:s3cret@127.0.0.1:%d", http_peer_port(peer));
    sink_rig_set(&rig, "url", "https://gw.example");
    sink_rig_set(&rig, "headers", "X-Token: s3cret");
    sink_rig_set(&rig, "proxy", proxy);
    open_rig();
    ck_assert_int_eq(deliver(SMALL), proxy_refusals[_i].result);
    ck_assert_int_eq(rig.err.kind, proxy_refusals[_i].kind);
    assert_message(proxy_refusals[_i].message);
    ck_assert_str_eq(request(0)->method, "CONNECT");
    ck_assert_ptr_null(strstr(request(0)->headers, "X-Token")); /* meant for the gateway, not for the proxy */
    ck_assert_ptr_null(strstr(rig.err.msg, "s3cret"));
}
END_TEST

START_TEST(retry_after_may_be_a_date)
{
    char header[100], date[64];
    time_t at = time(NULL) + 90;
    struct tm tm;
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm));
    snprintf(header, sizeof(header), "Retry-After: %s\r\n", date);
    http_peer_answer(peer, 503, header, "");
    open_rig();
    ck_assert_int_eq(deliver(SMALL), SINK_RETRY);
    ck_assert_int_ge(rig.delivery.retry_after_ms, 60000);
    ck_assert_int_le(rig.delivery.retry_after_ms, 90000);
}
END_TEST

/* --- nothing of ours spoils a gateway ------------------------------------------------------------------------------- */

START_TEST(no_metric_has_a_name_of_the_gateways_own)
{
    static const char *const theirs[] = { "go_", "process_", "promhttp_", "pushgateway_", "push_time_", "push_failure_", "up" };
    for (unsigned i = 0; i < family_count; i++)
        for (size_t k = 0; k < sizeof(theirs) / sizeof(theirs[0]); k++)
            ck_assert_msg(strncmp(families[i].name, theirs[k], strlen(theirs[k])) != 0, "%s", families[i].name);
}
END_TEST

START_TEST(a_group_too_long_for_a_path_is_refused) /* loop test: 0 fits, 1 is one byte too long */
{
    char value[4001] = "";
    size_t fixed = strlen("/metrics/job/rocketmq/instance/host-7/zone/");
    memset(value, 'x', 4000 - fixed + (size_t)_i);
    char *grouping = xasprintf("zone=%s", value);
    sink_rig_set(&rig, "grouping", grouping);
    ck_assert_int_eq(sink_rig_open(&rig), _i == 0 ? 0 : -1);
    free(grouping);
}
END_TEST

/* --- old gateways --------------------------------------------------------------------------------------------------- */

static const struct {
    int status;
    const char *text;
} gzip_refusals[] = {
    { 400, "text format parsing error in line 1: invalid metric name\n" },
    { 415, "" },
};

START_TEST(a_gateway_that_cannot_gzip_gets_text_at_once_and_from_then_on) /* loop test over gzip_refusals */
{
    http_peer_answer(peer, gzip_refusals[_i].status, "", gzip_refusals[_i].text);
    http_peer_answer(peer, 200, "", "");
    open_rig();
    ck_assert_int_eq(deliver(LARGE), SINK_OK);
    ck_assert_int_eq(deliver(LARGE), SINK_OK);
    ck_assert_uint_eq(http_peer_requests(peer), 3);
    ck_assert(is_gzip(request(0)));
    ck_assert(!is_gzip(request(1)));
    ck_assert(!is_gzip(request(2)));
}
END_TEST

START_TEST(gzip_yes_does_not_fall_back)
{
    http_peer_answer(peer, 400, "", "text format parsing error in line 1: invalid metric name\n");
    sink_rig_set(&rig, "gzip", "yes");
    open_rig();
    ck_assert_int_eq(deliver(LARGE), SINK_REJECT);
    ck_assert_uint_eq(http_peer_requests(peer), 1);
}
END_TEST

START_TEST(any_other_400_is_not_tried_twice)
{
    http_peer_answer(peer, 400, "", "pushed metrics are invalid or inconsistent with existing metrics: ...");
    open_rig();
    ck_assert_int_eq(deliver(LARGE), SINK_REJECT);
    ck_assert_uint_eq(http_peer_requests(peer), 1);
}
END_TEST

/* --- answers -------------------------------------------------------------------------------------------------------- */

static const struct {
    int status;
    const char *headers, *body;
    enum sink_result result;
    enum err_kind kind;
    const char *message; /* part of it */
    int64_t retry_after_ms;
} answers[] = {
    { 200, "", "", SINK_OK, ERR_NONE, "", 0 },
    { 202, "", "", SINK_OK, ERR_NONE, "", 0 },
    { 204, "", "", SINK_OK, ERR_NONE, "", 0 },
    { 400, "", "pushed are \"bad\"\nreally\x01\xff\n", SINK_REJECT, ERR_REMOTE, "answered 400: pushed are \"bad\" really ?", 0 },
    { 400, "", "x was collected before with the same name and label values\n", SINK_REJECT, ERR_REMOTE,
      "answered 400, another group holds the same series; if it is ours from before, `mqpush sweep` removes it: x was", 0 },
    { 401, "", "Unauthorized\n", SINK_REJECT, ERR_CONFIG, "answered 401, user, password or token is missing or wrong: Unauthorized", 0 },
    { 403, "", "", SINK_REJECT, ERR_CONFIG, "answered 403, this user may not push", 0 },
    { 404, "", "", SINK_REJECT, ERR_CONFIG, "no Pushgateway under this URL", 0 },
    { 405, "", "", SINK_REJECT, ERR_CONFIG, "no Pushgateway under this URL", 0 },
    { 407, "", "", SINK_REJECT, ERR_CONFIG, "user or password for the proxy", 0 },
    { 413, "", "", SINK_REJECT, ERR_CONFIG, "page of this size", 0 },
    { 414, "", "", SINK_REJECT, ERR_CONFIG, "shorten the group's labels", 0 },
    { 418, "", "", SINK_REJECT, ERR_CONFIG, "answered 418", 0 },
    { 301, "Location: /metrics/job/x\r\n", "", SINK_REJECT, ERR_CONFIG, "points to /metrics/job/x;", 0 },
    { 302, "Location: https://u:s3cret@sso.example/?x=@\r\n", "", SINK_REJECT, ERR_CONFIG, "to https://sso.example/?x=@;", 0 },
    { 302, "Location: //u:s3cret@sso.example/\r\n", "", SINK_REJECT, ERR_CONFIG, "to //sso.example/;", 0 },
    { 302, "Location: https://u:s3crets3crets3crets3crets3crets3crets3crets3cret"
           "s3crets3crets3crets3crets3crets3crets3crets3cret"
           "s3crets3crets3crets3crets3crets3crets3crets3crets3crets3crets3crets3crets3crets3crets3crets3cret@sso.example/\r\n",
      "", SINK_REJECT, ERR_CONFIG, "to https://sso.example/;", 0 },
    { 307, "", "", SINK_REJECT, ERR_CONFIG, "points to nowhere", 0 },
    { 408, "", "", SINK_RETRY, ERR_REMOTE, "answered 408", 0 },
    { 429, "Retry-After: 7\r\n", "slow down", SINK_RETRY, ERR_REMOTE, "answered 429: slow down", 7000 },
    { 500, "", "", SINK_RETRY, ERR_REMOTE, "answered 500", 0 },
    { 502, "", "<html>", SINK_RETRY, ERR_REMOTE, "answered 502: <html>", 0 },
    { 503, "Retry-After: 120\r\n", "", SINK_RETRY, ERR_REMOTE, "answered 503", 120000 },
    { 503, "Retry-After: 99999999999\r\n", "", SINK_RETRY, ERR_REMOTE, "answered 503", 86400000 },
    { 503, "Retry-After: Fri, 01 Jan 2010 00:00:00 GMT\r\n", "", SINK_RETRY, ERR_REMOTE, "answered 503", 0 },
    { 503, "Retry-After: soon\r\n", "", SINK_RETRY, ERR_REMOTE, "answered 503", 0 },
};

START_TEST(an_answer_means_what_the_table_says) /* loop test over answers */
{
    char name[64];
    http_peer_answer(peer, answers[_i].status, answers[_i].headers, answers[_i].body);
    open_rig();
    ck_assert_int_eq(deliver(SMALL), answers[_i].result);
    ck_assert_int_eq(rig.err.kind, answers[_i].kind);
    ck_assert_int_eq(rig.delivery.retry_after_ms, answers[_i].retry_after_ms);
    ck_assert_ptr_null(strstr(rig.err.msg, "s3cret"));
    if (answers[_i].result == SINK_OK)
        return;
    snprintf(name, sizeof(name), "Pushgateway 127.0.0.1:%d: answered %d", http_peer_port(peer), answers[_i].status);
    ck_assert_msg(strncmp(rig.err.msg, name, strlen(name)) == 0, "%s", rig.err.msg);
    assert_message(answers[_i].message);
    ck_assert_uint_eq(http_peer_requests(peer), 1);
}
END_TEST

START_TEST(a_long_answer_is_cut_between_characters)
{
    char body[2000];
    for (size_t i = 0; i + 3 < sizeof(body); i += 3)
        memcpy(body + i, "消", 4);
    http_peer_answer(peer, 400, "", body);
    open_rig();
    ck_assert_int_eq(deliver(SMALL), SINK_REJECT);
    size_t len = strlen(rig.err.msg);
    ck_assert_uint_lt(len, sizeof(rig.err.msg) - 1); /* not cut by the err */
    ck_assert_int_eq(memcmp(rig.err.msg + len - 3, "消", 3), 0);
}
END_TEST

/* --- no answer -------------------------------------------------------------------------------------------------------- */

static void say(const char *text)
{
    http_peer_say(peer, text, strlen(text));
}

static void many_headers(void)
{
    struct buf text;

    buf_init(&text, 0);
    buf_puts(&text, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 20000; i++)
        buf_printf(&text, "X-%d: nothing to see here\r\n", i);
    http_peer_say(peer, text.data, text.len);
    buf_fini(&text);
}

static void refuse(void) { http_peer_refuse(peer); }
static void hang(void) { http_peer_hang(peer); }
static void be_deaf(void) { http_peer_be_deaf(peer); }
static void close_at_once(void) { http_peer_close_after(peer, 1); }
static void close_midway(void) { http_peer_close_after(peer, 5000); }
static void say_nothing(void) { say(""); }
static void say_garbage(void) { say("220 mail.example ESMTP\r\n"); }
static void say_binary(void) { http_peer_say(peer, "\x15\x03\x01\x00\x02\x02\x50", 7); }
static void say_half(void) { say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"); }
static void say_half_a_refusal(void) { say("HTTP/1.1 400 Bad\r\nContent-Length: 100\r\n\r\nwhy not"); }
static void say_half_a_header(void) { say("HTTP/1.1 200 OK\r\nContent-Le"); }
static void say_bad_chunks(void) { say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"); }
static void say_trailer(void) { say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"); }
static void say_continue_first(void) { say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"); }
static void say_continue_only(void) { say("HTTP/1.1 100 Continue\r\n\r\n"); }
static void say_forever(void) { http_peer_say_forever(peer, "HTTP/1.1 200 OK\r\n\r\n"); }
static void refuse_forever(void) { http_peer_say_forever(peer, "HTTP/1.1 400 Bad\r\n\r\nreason "); }
static void headers_forever(void) { http_peer_say_forever(peer, "HTTP/1.1 200 OK\r\nX-Long: "); }
static void drip_headers(void) { http_peer_drip(peer, "HTTP/1.1 200 OK\r\nX-Long: "); }
static void drip_body(void) { http_peer_drip(peer, "HTTP/1.1 200 OK\r\n\r\n"); }

#define ROWS 100
#define MANY_ROWS 1000 /* with a label of FILLER bytes each: more than the sockets' buffers hold, and soon made */
#define FILLER 8000
#define DEADLINE_MS 3000
#define SLACK_MS 2000 /* sanitizers, busy machines; rendering is in it too */

static const struct {
    const char *name;
    void (*arrange)(void);
    enum sink_result result;
    enum err_kind kind;
    const char *message;
    uint32_t rows;
    int64_t least_ms, most_ms;
} faults[] = {
    { "refuse", refuse, SINK_RETRY, ERR_SYS, ": Connection refused", ROWS, 0, 0 },
    { "hang", hang, SINK_RETRY, ERR_TIMEOUT, ": no answer within 0.3 s", ROWS, 300, 0 },
    { "deaf", be_deaf, SINK_RETRY, ERR_TIMEOUT, "took only ", MANY_ROWS, 300, 0 },
    { "close at once", close_at_once, SINK_RETRY, ERR_CLOSED, "", ROWS, 0, 0 },
    { "close midway", close_midway, SINK_RETRY, ERR_CLOSED, "", MANY_ROWS, 0, 0 },
    { "nothing", say_nothing, SINK_RETRY, ERR_CLOSED, "without an answer", ROWS, 0, 0 },
    { "garbage", say_garbage, SINK_RETRY, ERR_PROTO, "this is not HTTP", ROWS, 0, 0 },
    { "binary", say_binary, SINK_RETRY, ERR_PROTO, "this is not HTTP", ROWS, 0, 0 },
    { "half an answer", say_half, SINK_RETRY, ERR_CLOSED, "in the middle of its answer", ROWS, 0, 0 },
    { "half a refusal", say_half_a_refusal, SINK_REJECT, ERR_REMOTE, "answered 400: why not", ROWS, 0, 0 },
    { "half a header", say_half_a_header, SINK_RETRY, ERR_CLOSED, "", ROWS, 0, 0 },
    { "bad chunks", say_bad_chunks, SINK_RETRY, ERR_CLOSED, "the connection broke", ROWS, 0, 0 },
    { "chunks and a trailer", say_trailer, SINK_OK, ERR_NONE, "", ROWS, 0, 0 },
    { "100, then 202", say_continue_first, SINK_OK, ERR_NONE, "", ROWS, 0, 0 },
    { "100, then nothing", say_continue_only, SINK_RETRY, ERR_CLOSED, "", ROWS, 0, 0 },
    { "endless answer", say_forever, SINK_OK, ERR_NONE, "", ROWS, 0, 0 },
    { "endless refusal", refuse_forever, SINK_REJECT, ERR_REMOTE, "answered 400: reason xxx", ROWS, 0, 0 },
    { "endless header", headers_forever, SINK_RETRY, ERR_LIMIT, "", ROWS, 0, 0 },
    { "many headers", many_headers, SINK_RETRY, ERR_LIMIT, "bytes of headers", ROWS, 0, 0 },
    { "dripping header", drip_headers, SINK_RETRY, ERR_TIMEOUT, "", ROWS, 300, DEADLINE_MS },
    { "dripping answer", drip_body, SINK_RETRY, ERR_TIMEOUT, "did not end in time", ROWS, DEADLINE_MS, DEADLINE_MS },
};

START_TEST(without_an_answer_it_comes_back_in_time_and_says_why) /* loop test over faults */
{
    struct batch *b = rig_broker_batch(faults[_i].rows);
    char name[64];

    char *filler = xcalloc(FILLER + 1, 1);

    faults[_i].arrange();
    memset(filler, 'x', FILLER);
    if (faults[_i].rows == MANY_ROWS)
        sink_rig_label(&rig, "filler", filler);
    sink_rig_set(&rig, "gzip", "no");
    rig.env.timeout_ms = 300;
    rig.deadline_ms = DEADLINE_MS;
    open_rig();
    enum sink_result result = sink_rig_deliver(&rig, b);
    ck_assert_msg(result == faults[_i].result, "%s: result %d, %s", faults[_i].name, result, rig.err.msg);
    ck_assert_msg(rig.err.kind == faults[_i].kind, "%s: kind %d, %s", faults[_i].name, rig.err.kind, rig.err.msg);
    ck_assert_msg(rig.took_ms >= faults[_i].least_ms && rig.took_ms <= faults[_i].most_ms + SLACK_MS, "%s: %lld ms",
                  faults[_i].name, (long long)rig.took_ms);
    if (result != SINK_OK) {
        snprintf(name, sizeof(name), "Pushgateway 127.0.0.1:%d: ", http_peer_port(peer));
        ck_assert_msg(strncmp(rig.err.msg, name, strlen(name)) == 0, "%s: %s", faults[_i].name, rig.err.msg);
        assert_message(faults[_i].message);
    }
    free(filler);
    batch_unref(b);
}
END_TEST

START_TEST(without_time_nothing_is_sent)
{
    http_peer_answer(peer, 200, "", "");
    rig.deadline_ms = -1;
    open_rig();
    ck_assert_int_eq(deliver(SMALL), SINK_RETRY);
    ck_assert_int_eq(rig.err.kind, ERR_TIMEOUT);
    assert_message("no time left");
    ck_assert_uint_eq(http_peer_connections(peer), 0);
}
END_TEST

START_TEST(a_stop_ends_a_delivery_at_once)
{
    http_peer_hang(peer);
    rig.cancel_fd = eventfd(1, EFD_CLOEXEC);
    rig.env.timeout_ms = 20000;
    rig.deadline_ms = 20000;
    open_rig();
    ck_assert_int_eq(deliver(SMALL), SINK_RETRY);
    ck_assert_int_eq(rig.err.kind, ERR_CANCELED);
    ck_assert_int_lt(rig.took_ms, 10000);
    close(rig.cancel_fd);
}
END_TEST

START_TEST(a_host_that_does_not_exist_is_said) /* a label of 64 characters: no name server has to be asked */
{
    sink_rig_set(&rig, "url", "http://abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl.example:9091");
    open_rig();
    ck_assert_int_eq(deliver(SMALL), SINK_RETRY);
    assert_message(".example:9091: the host name cannot be resolved");
}
END_TEST

START_TEST(https_to_a_plain_port_says_that_there_is_no_tls)
{
    char url[64];
    http_peer_close_after(peer, 20);
    snprintf(url, sizeof(url), "https://127.0.0.1:%d", http_peer_port(peer));
    sink_rig_set(&rig, "url", url);
    open_rig();
    ck_assert_int_eq(deliver(SMALL), SINK_RETRY);
    assert_message("no TLS");
}
END_TEST

/* --- connections -------------------------------------------------------------------------------------------------------- */

START_TEST(deliveries_share_a_connection)
{
    http_peer_answer(peer, 200, "", "fine");
    open_rig();
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(deliver(SMALL), SINK_OK);
    ck_assert_uint_eq(http_peer_requests(peer), 5);
    ck_assert_uint_eq(http_peer_connections(peer), 1);
}
END_TEST

START_TEST(a_connection_closed_in_between_is_replaced_without_a_word)
{
    static const char closing[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"; /* does not say that it will close */
    http_peer_say(peer, closing, strlen(closing));
    open_rig();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(deliver(SMALL), SINK_OK);
    ck_assert_uint_eq(http_peer_requests(peer), 3);
}
END_TEST

START_TEST(after_a_failure_a_new_connection_is_made)
{
    http_peer_hang(peer);
    http_peer_answer(peer, 200, "", "");
    rig.env.timeout_ms = 100;
    open_rig();
    ck_assert_int_eq(deliver(SMALL), SINK_RETRY);
    ck_assert_int_eq(deliver(SMALL), SINK_OK);
    ck_assert_uint_eq(http_peer_connections(peer), 2);
}
END_TEST

/* --- probe and stop ----------------------------------------------------------------------------------------------------- */

START_TEST(the_probe_names_the_version_and_changes_nothing)
{
    char detail[100];
    http_peer_answer(peer, 200, "", "OK");
    http_peer_answer(peer, 200, "", "{\"status\":\"success\",\"data\":{\"build_information\":{\"version\":\"1.5.1\"}}}");
    open_rig();
    ck_assert_int_eq(rig.ops->probe(rig.self, clock_now_ns() + NS_PER_S, detail, sizeof(detail), &rig.err), 0);
    ck_assert_str_eq(detail, "Pushgateway 1.5.1");
    ck_assert_str_eq(request(0)->method, "GET");
    ck_assert_str_eq(request(0)->path, "/-/ready");
    ck_assert_str_eq(request(1)->path, "/api/v1/status");
}
END_TEST

static const char *const odd_status[] = {
    "",
    "null",
    "[]",
    "<html>",
    "{\"data\":{\"build_information\":{\"version\":7}}}",
    "{\"data\":{\"build_information\":{\"version\":\"\\u001b[31m\"}}}",
};

START_TEST(a_status_that_is_not_a_pushgateways_is_no_failure) /* loop test over odd_status */
{
    char detail[100];
    http_peer_answer(peer, 200, "", "OK");
    http_peer_answer(peer, 200, "", odd_status[_i]);
    open_rig();
    ck_assert_int_eq(rig.ops->probe(rig.self, clock_now_ns() + NS_PER_S, detail, sizeof(detail), &rig.err), 0);
    ck_assert_str_eq(detail, "ready, but does not say that it is a Pushgateway");
}
END_TEST

START_TEST(the_probe_fails_like_a_delivery)
{
    char detail[100];
    http_peer_answer(peer, 401, "", "");
    open_rig();
    ck_assert_int_eq(rig.ops->probe(rig.self, clock_now_ns() + NS_PER_S, detail, sizeof(detail), &rig.err), -1);
    assert_message("answered 401");
}
END_TEST

static const struct {
    const char *option, *reason;
    bool push, deleted;
} stops[] = {
    { "no", "run", true, false }, { "yes", "run", true, true }, { "yes", "run", false, false }, { "yes", "once", true, false },
};

START_TEST(the_group_is_deleted_on_stop_as_the_option_says) /* loop test over stops */
{
    http_peer_answer(peer, 202, "", "");
    sink_rig_set(&rig, "delete_on_stop", stops[_i].option);
    rig.env.start_reason = stops[_i].reason;
    open_rig();
    if (stops[_i].push)
        deliver(SMALL);
    sink_rig_fini(&rig);
    unsigned requests = http_peer_requests(peer);
    bool deleted = requests > 0 && strcmp(request(requests - 1)->method, "DELETE") == 0;
    ck_assert_int_eq(deleted, stops[_i].deleted);
    if (deleted)
        ck_assert_str_eq(request(requests - 1)->path, "/metrics/job/rocketmq/instance/host-7");
    sink_rig_init(&rig, "pushgateway"); /* for teardown */
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

static TCase *peer_case(Suite *s, const char *name)
{
    TCase *t = unit_case(s, name);

    tcase_add_checked_fixture(t, setup, teardown);
    return t;
}

static Suite *suite(void)
{
    Suite *s = suite_create("pushgateway");
    TCase *t = peer_case(s, "request");

    tcase_add_test(t, a_small_page_goes_as_it_is);
    tcase_add_test(t, a_large_page_goes_compressed_and_is_the_same_text);
    tcase_add_loop_test(t, gzip_is_as_the_option_says, 0, COUNT(modes));
    tcase_add_test(t, an_empty_batch_is_a_put_without_a_body);
    tcase_add_test(t, a_large_body_does_not_wait_for_100_continue);
    tcase_add_test(t, user_and_password_of_the_url_go_as_basic_auth);
    tcase_add_loop_test(t, the_path_is_the_group, 0, COUNT(groups));
    tcase_add_test(t, the_instance_is_the_host_name_unless_given);
    tcase_add_test(t, a_label_of_the_path_never_stands_in_the_body);
    t = peer_case(s, "options");
    tcase_add_loop_test(t, a_mistake_is_told_before_anything_is_sent, 0, COUNT(mistakes));
    tcase_add_test(t, a_grouping_label_may_be_a_label_of_metrics_that_are_not_sent);
    t = peer_case(s, "identity");
    tcase_add_loop_test(t, who_we_are_goes_with_every_request_and_into_no_message, 0, COUNT(logins));
    tcase_add_loop_test(t, options_that_do_not_fit_are_told_without_their_secrets, 0, COUNT(conflicts));
    tcase_add_test(t, a_proxy_is_asked_with_its_own_login_for_the_whole_url);
    tcase_add_loop_test(t, the_proxy_of_the_environment_holds_unless_told_otherwise, 0, 2);
    tcase_add_loop_test(t, a_proxy_that_opens_no_way_to_https_is_said, 0, COUNT(proxy_refusals));
    t = peer_case(s, "harm");
    tcase_add_test(t, no_metric_has_a_name_of_the_gateways_own);
    tcase_add_loop_test(t, a_group_too_long_for_a_path_is_refused, 0, 2);
    t = peer_case(s, "answers");
    tcase_add_test(t, retry_after_may_be_a_date);
    tcase_add_loop_test(t, a_gateway_that_cannot_gzip_gets_text_at_once_and_from_then_on, 0, COUNT(gzip_refusals));
    tcase_add_test(t, gzip_yes_does_not_fall_back);
    tcase_add_test(t, any_other_400_is_not_tried_twice);
    tcase_add_loop_test(t, an_answer_means_what_the_table_says, 0, COUNT(answers));
    tcase_add_test(t, a_long_answer_is_cut_between_characters);
    t = peer_case(s, "faults");
    tcase_add_loop_test(t, without_an_answer_it_comes_back_in_time_and_says_why, 0, COUNT(faults));
    tcase_add_test(t, without_time_nothing_is_sent);
    tcase_add_test(t, a_stop_ends_a_delivery_at_once);
    tcase_add_test(t, a_host_that_does_not_exist_is_said);
    tcase_add_test(t, https_to_a_plain_port_says_that_there_is_no_tls);
    t = peer_case(s, "connection");
    tcase_add_test(t, deliveries_share_a_connection);
    tcase_add_test(t, a_connection_closed_in_between_is_replaced_without_a_word);
    tcase_add_test(t, after_a_failure_a_new_connection_is_made);
    t = peer_case(s, "probe and stop");
    tcase_add_test(t, the_probe_names_the_version_and_changes_nothing);
    tcase_add_loop_test(t, a_status_that_is_not_a_pushgateways_is_no_failure, 0, COUNT(odd_status));
    tcase_add_test(t, the_probe_fails_like_a_delivery);
    tcase_add_loop_test(t, the_group_is_deleted_on_stop_as_the_option_says, 0, COUNT(stops));
    return s;
}

int main(void)
{
    return unit_main(suite());
}
