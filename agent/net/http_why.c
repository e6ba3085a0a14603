/*
 * http_why.c - why there is no answer, as a sentence for people: libcurl's codes and texts translated. See http_parts.h.
 *
 * The kind of the error decides what is done: ERR_CONFIG is for what only the configuration can change, all else may be different
 * next time.
 */
#include "agent/base/clock.h"
#include "agent/net/http.h"
#include "agent/net/http_parts.h"

#include <curl/curl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

int http_say_timeout(const struct http_exchange *x, struct err *err)
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

static int say_no_connection(const struct http_exchange *x, struct err *err)
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

/* To https a proxy only opens a way, and this is its answer to being asked for one. */
static int say_proxy_refuses(int status, struct err *err)
{
    if (status == 407 || status == 401) /* some say 401 to a login that is wrong */
        return err_set(err, ERR_CONFIG, "the proxy answered %d: user or password for it is missing or wrong", status);
    return err_set(err, status < 500 ? ERR_CONFIG : ERR_REMOTE, "the proxy answered %d and opens no way to there", status);
}

int http_say_why(const struct http_exchange *x, int code, struct err *err)
{
    long connect_status = 0;
    const char *trouble = x->trouble[0] != '\0' ? x->trouble : curl_easy_strerror((CURLcode)code);

    curl_easy_getinfo(x->http->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
    if (connect_status >= 300)
        return say_proxy_refuses((int)connect_status, err);
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_set(err, ERR_SYS, "the host name cannot be resolved");
    case CURLE_COULDNT_RESOLVE_PROXY:
        return err_set(err, ERR_SYS, "the proxy's name cannot be resolved");
    case CURLE_COULDNT_CONNECT:
        return say_no_connection(x, err);
    case CURLE_OPERATION_TIMEDOUT:
        return http_say_timeout(x, err);
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
        return err_set(err, ERR_LIMIT, "more than %d bytes of headers", HTTP_HEADERS_MAX);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(err, ERR_CONFIG, "the certificate is not trusted: %s", trouble);
    case CURLE_SSL_CERTPROBLEM:
        return err_set(err, ERR_CONFIG, "the certificate or key of ours cannot be used: %s", trouble);
#if LIBCURL_VERSION_NUM >= 0x074900
    case CURLE_PROXY:
        return err_set(err, ERR_PROTO, "the proxy: %s", trouble);
#endif
    case CURLE_SSL_CONNECT_ERROR:
        return err_set(err, ERR_PROTO, "no TLS: %s", trouble);
    default:
        return err_set(err, ERR_PROTO, "%s", trouble);
    }
}
