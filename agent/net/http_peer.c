/*
 * http_peer.c - who the peer is and how we show who we are: the options checked, before anything is sent. See http.h.
 *
 * What is wrong is said by the option's name, never by its value, which may be a secret. A text that could end a header line
 * (a newline in a token's file) is refused here: it would let its author write headers of his own.
 */
#include "agent/base/xalloc.h"
#include "agent/net/http.h"
#include "agent/net/http_parts.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static char *copy(const char *text)
{
    return is_given(text) ? xstrdup(text) : NULL;
}

static void drop_secret(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

static int check_line(const char *option, const char *text, struct err *err)
{
    for (const char *c = text; c != NULL && *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return err_set(err, ERR_CONFIG, "%s: a newline or another control character is in it", option);
    return 0;
}

/* Where the peer is ----------------------------------------------------------------------------------------------- */

/* A part of a URL as our own memory, or NULL if it is absent or empty. */
static char *url_part(CURLU *url, CURLUPart part, unsigned flags)
{
    char *text = NULL;

    if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
        return NULL;
    char *ours = copy(text);
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

static int take_proxy(struct http *h, const struct http_options *o, struct err *err)
{
    static const char expected[] = "proxy: expected http://host:port, https://, socks5:// or socks5h://, or none";

    if (!is_given(o->proxy))
        return 0;
    if (strcmp(o->proxy, "none") == 0) {
        h->proxy = xstrdup("");
        return 0;
    }
    CURLU *url = curl_url();
    bool is_good = curl_url_set(url, CURLUPART_URL, o->proxy, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
    char *scheme = is_good ? url_part(url, CURLUPART_SCHEME, 0) : NULL;
    is_good = scheme != NULL && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0 ||
                                 strcmp(scheme, "socks5") == 0 || strcmp(scheme, "socks5h") == 0);
    free(scheme);
    curl_url_cleanup(url);
    h->proxy = copy(o->proxy);
    return is_good ? check_line("proxy", o->proxy, err) : err_set(err, ERR_CONFIG, "%s", expected);
}

/* Who we are ------------------------------------------------------------------------------------------------------ */

static void add_header(struct http *h, char *line)
{
    size_t i = 0;

    while (h->headers[i] != NULL)
        i++;
    h->headers[i] = line;
}

static int take_login(struct http *h, const struct http_options *o, struct err *err)
{
    if (is_given(o->user) && h->user != NULL)
        return err_set(err, ERR_CONFIG, "username: the url names a user too; give one of them");
    if (is_given(o->password) && h->password != NULL)
        return err_set(err, ERR_CONFIG, "password: there is one in the url too; give one of them");
    if (is_given(o->user))
        h->user = copy(o->user);
    if (is_given(o->password))
        h->password = copy(o->password);
    if (h->user == NULL && h->password != NULL)
        return err_set(err, ERR_CONFIG, "password: there is no username to it");
    if (h->user != NULL && is_given(o->bearer_token))
        return err_set(err, ERR_CONFIG, "bearer_token: there is a username too; give one of them");
    if (h->user != NULL && strchr(h->user, ':') != NULL)
        return err_set(err, ERR_CONFIG, "username: a colon would end it");
    if (check_line("username", h->user, err) < 0 || check_line("password", h->password, err) < 0 ||
        check_line("bearer_token", o->bearer_token, err) < 0)
        return -1;
    if (is_given(o->bearer_token))
        add_header(h, xasprintf("Authorization: Bearer %s", o->bearer_token));
    return 0;
}

static bool is_reserved(const struct http *h, const struct http_options *o, const char *name)
{
    static const char *const ours[] = { "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect",
                                        "Transfer-Encoding", NULL };

    for (const char *const *n = ours; *n != NULL; n++)
        if (strcasecmp(*n, name) == 0)
            return true;
    return strcasecmp(name, "Authorization") == 0 && (h->user != NULL || is_given(o->bearer_token));
}

static char *trimmed(char *text)
{
    text += strspn(text, " \t");
    for (size_t len = strlen(text); len > 0 && strchr(" \t", text[len - 1]) != NULL;)
        text[--len] = '\0';
    return text;
}

/* One "Name: value"; a word of RFC 9110 is what a name is made of. */
static int take_header(struct http *h, const struct http_options *o, char *line, struct err *err)
{
    static const char word[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char *name = trimmed(line);
    size_t len = strspn(name, word);

    if (len == 0 || name[len] != ':' || *trimmed(name + len + 1) == '\0')
        return err_set(err, ERR_CONFIG, "headers: expected Name: value, several separated by |");
    name[len] = '\0';
    if (is_reserved(h, o, name))
        return err_set(err, ERR_CONFIG, "headers: %s is set by mqpush itself", name);
    add_header(h, xasprintf("%s: %s", name, trimmed(name + len + 1)));
    return 0;
}

static int take_headers(struct http *h, const struct http_options *o, struct err *err)
{
    if (!is_given(o->headers))
        return 0;
    if (check_line("headers", o->headers, err) < 0)
        return -1;
    char *all = xstrdup(o->headers), *rest, *line;
    unsigned count = 0;
    int rc = 0;
    for (line = strtok_r(all, "|", &rest); line != NULL && rc == 0; line = strtok_r(NULL, "|", &rest))
        rc = ++count > HTTP_OWN_HEADERS_MAX ? err_set(err, ERR_CONFIG, "headers: more than %d", HTTP_OWN_HEADERS_MAX)
                                            : take_header(h, o, line, err);
    drop_secret(all);
    return rc;
}

/* TLS ------------------------------------------------------------------------------------------------------------- */

static int take_file(char **to, const char *option, const char *path, const struct http *h, struct err *err)
{
    if (!is_given(path))
        return 0;
    if (strncmp(h->base, "https:", 6) != 0)
        return err_set(err, ERR_CONFIG, "%s: only https uses it, and the url says http", option);
    if (access(path, R_OK) < 0)
        return err_set(err, ERR_CONFIG, "%s: %s: %s", option, path, strerror(errno));
    *to = xstrdup(path);
    return 0;
}

static int take_tls(struct http *h, const struct http_options *o, struct err *err)
{
    h->accepts_any_certificate = o->accepts_any_certificate;
    if (is_given(o->key_file) && !is_given(o->cert_file))
        return err_set(err, ERR_CONFIG, "key_file: there is no cert_file to it");
    if (is_given(o->key_password) && !is_given(o->cert_file))
        return err_set(err, ERR_CONFIG, "key_password: there is no cert_file and no key_file to it");
    h->key_password = xstrdup(o->key_password == NULL ? "" : o->key_password); /* never NULL: OpenSSL would ask on the terminal */
    if (take_file(&h->ca_file, "ca_file", o->ca_file, h, err) < 0 || take_file(&h->cert_file, "cert_file", o->cert_file, h, err) < 0)
        return -1;
    return take_file(&h->key_file, "key_file", is_given(o->key_file) ? o->key_file : o->cert_file, h, err);
}

/* The life of a peer ---------------------------------------------------------------------------------------------- */

struct http *http_open(const struct http_options *options, struct err *err)
{
    struct http *h = xcalloc(1, sizeof(*h));

    pthread_once(&curl_once, start_curl);
    if (take_url(h, options, err) < 0 || take_proxy(h, options, err) < 0 || take_login(h, options, err) < 0 ||
        take_headers(h, options, err) < 0 || take_tls(h, options, err) < 0) {
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
    for (char **h = http->headers; *h != NULL; h++)
        drop_secret(*h);
    drop_secret(http->password);
    drop_secret(http->proxy);
    drop_secret(http->key_password);
    free(http->name);
    free(http->base);
    free(http->user);
    free(http->ca_file);
    free(http->cert_file);
    free(http->key_file);
    free(http->user_agent);
    free(http);
}

const char *http_library(void)
{
    return curl_version();
}
