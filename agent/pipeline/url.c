/* url.c - see url.h. */
#include "agent/pipeline/url.h"

#include "agent/base/xalloc.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Where the password begins and how long it is: false if there is none.
 *
 *     http://user:password@host:9091/path?query
 *                 ^       ^
 * A password that was not percent-encoded may hold / or even ?; then the authority ends too early and the @ comes later. That is
 * a mistake, but showing it would be a worse one: unless what follows the colon is a port, everything up to the last @ counts.
 */
static bool find_password(const char *url, size_t *at, size_t *len)
{
    const char *start = strstr(url, "://");

    if (start == NULL)
        return false;
    start += 3;
    size_t authority = strcspn(start, "/?#");
    const char *host = memrchr(start, '@', authority);
    const char *colon = memchr(start, ':', authority);
    if (colon == NULL)
        return false;
    if (host == NULL) {
        const char *after = colon + 1 + strspn(colon + 1, "0123456789");
        if (after == start + authority)
            return false;
        host = strrchr(colon, '@');
    }
    if (host == NULL || host < colon)
        return false;
    *at = (size_t)(colon + 1 - url);
    *len = (size_t)(host - colon - 1);
    return *len > 0;
}

bool url_has_password(const char *url)
{
    size_t at, len;

    return find_password(url, &at, &len);
}

char *url_masked(const char *url)
{
    size_t at, len;

    if (!find_password(url, &at, &len))
        return xstrdup(url);
    return xasprintf("%.*s***%s", (int)at, url, url + at + len);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int url_decode(const char *text, size_t len, char **out, struct err *err)
{
    char *to = xmalloc(len + 1);
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] != '%') {
            to[n++] = text[i];
            continue;
        }
        int byte = i + 2 < len ? hex(text[i + 1]) * 16 | hex(text[i + 2]) : -1;
        if (byte <= 0) {
            free(to);
            return err_set(err, ERR_CONFIG, "%% must be followed by two hex digits and not be %%00; a literal %% is %%25");
        }
        to[n++] = (char)byte;
        i += 2;
    }
    to[n] = '\0';
    *out = to;
    return 0;
}

int url_next_option(const char **query, char **name, char **value, struct err *err)
{
    const char *p = *query + strspn(*query, "&");
    size_t len = strcspn(p, "&");

    if (len == 0)
        return 0;
    const char *equals = memchr(p, '=', len);
    size_t name_len = equals != NULL ? (size_t)(equals - p) : len;
    if (equals == NULL || name_len == 0)
        return err_set(err, ERR_CONFIG, "?%.*s: expected option=value after the ?, several joined by &", (int)name_len, p);
    if (url_decode(p, name_len, name, err) < 0)
        return err_wrap(err, "%.*s", (int)name_len, p);
    if (url_decode(equals + 1, len - name_len - 1, value, err) < 0) {
        free(*name);
        return err_wrap(err, "%.*s", (int)name_len, p);
    }
    *query = p + len;
    return 1;
}
