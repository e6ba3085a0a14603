/* address.c - see address.h. */
#include "sinks/redis/address.h"

#include "agent/base/num.h"
#include "agent/base/xalloc.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

static int hex(char c)
{
    const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* malloc'd; NULL if a % is not followed by two hex digits, or by 00. */
static char *decode(const char *text, size_t len)
{
    char *to = xmalloc(len + 1);
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        int byte = (unsigned char)text[i];
        if (byte == '%') {
            int high = i + 2 < len ? hex(text[i + 1]) : -1, low = i + 2 < len ? hex(text[i + 2]) : -1;
            byte = high < 0 || low < 0 ? 0 : high * 16 + low;
            i += 2;
        }
        if (byte == 0) {
            free(to);
            return NULL;
        }
        to[n++] = (char)byte;
    }
    to[n] = '\0';
    return to;
}

static int parse_port(const char *text, size_t len, int *port)
{
    int64_t value;

    if (num_to_i64(text, len, &value) < 0 || value < 1 || value > 65535)
        return -1;
    *port = (int)value;
    return 0;
}

static bool is_v6(const char *text, size_t len)
{
    char host[INET6_ADDRSTRLEN];
    struct in6_addr ignored;

    if (len >= sizeof(host))
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    return inet_pton(AF_INET6, host, &ignored) == 1;
}

/* host, host:port, v6, [v6], [v6]:port */
static int parse_endpoint(const char *text, size_t len, int default_port, struct endpoint *e, struct err *err)
{
    const char *end = text + len, *host = text, *host_end = end, *rest = end;

    if (len > 0 && text[0] == '[') {
        host = text + 1;
        host_end = memchr(text, ']', len);
        rest = host_end != NULL ? host_end + 1 : end;
    } else {
        const char *colon = memchr(text, ':', len);
        if (colon != NULL && !is_v6(text, len))
            host_end = rest = colon;
    }
    if (host_end == NULL || host_end == host || host_end - host >= ADDRESS_HOST_MAX)
        return err_set(err, ERR_CONFIG, "a host is missing, or longer than %d bytes", ADDRESS_HOST_MAX - 1);
    e->port = default_port;
    if (rest != end && (*rest != ':' || parse_port(rest + 1, (size_t)(end - rest - 1), &e->port) < 0))
        return err_set(err, ERR_CONFIG, "host %.*s: expected a port from 1 to 65535 behind it", (int)(host_end - host), host);
    memcpy(e->host, host, (size_t)(host_end - host));
    e->host[host_end - host] = '\0';
    return 0;
}

int endpoints_parse(const char *text, int default_port, struct endpoints *list, struct err *err)
{
    list->count = 0;
    for (text += strspn(text, ", \t"); *text != '\0'; text += strspn(text, ", \t")) {
        size_t len = strcspn(text, ", \t");
        if (list->count == ADDRESS_ENDPOINTS_MAX)
            return err_set(err, ERR_CONFIG, "more than %d hosts", ADDRESS_ENDPOINTS_MAX);
        if (parse_endpoint(text, len, default_port, &list->at[list->count], err) < 0)
            return -1;
        list->count++;
        text += len;
    }
    return 0;
}

/* Takes "user:password@" from the front of *text. */
static int take_login(const char **text, struct address *a, struct err *err)
{
    const char *at = strrchr(*text, '@');

    if (at == NULL)
        return 0;
    const char *colon = memchr(*text, ':', (size_t)(at - *text));
    const char *user_end = colon != NULL ? colon : at;
    if (user_end > *text)
        a->user = decode(*text, (size_t)(user_end - *text));
    if (colon != NULL && colon + 1 < at)
        a->password = decode(colon + 1, (size_t)(at - colon - 1));
    bool bad = (user_end > *text && a->user == NULL) || (colon != NULL && colon + 1 < at && a->password == NULL);
    *text = at + 1;
    if (bad)
        return err_set(err, ERR_CONFIG, "user or password: %% must be followed by two hex digits and not be %%00; a %% is %%25");
    return 0;
}

static int parse_servers(const char *text, struct address *a, struct err *err)
{
    size_t len = strcspn(text, "/");

    if (text[len] == '/' && text[len + 1] != '\0') {
        const char *number = text + len + 1;
        if (num_to_i64(number, strlen(number), &a->database) < 0 || a->database < 0 || a->database > ADDRESS_DATABASE_MAX)
            return err_set(err, ERR_CONFIG, "expected the number of a database behind the host, 0 to %d", ADDRESS_DATABASE_MAX);
    }
    char *hosts = xstrndup(text, len);
    int rc = endpoints_parse(hosts, ADDRESS_PORT, &a->servers, err);
    free(hosts);
    if (rc == 0 && a->servers.count == 0)
        return err_set(err, ERR_CONFIG, "expected redis://[user:password@]host[:port][/database]: the host is missing");
    return rc;
}

static int parse_socket(const char *path, struct address *a, struct err *err)
{
    size_t len = strlen(path), most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

    if (path[0] != '/' || len > most)
        return err_set(err, ERR_CONFIG, "expected unix:///path/of/the/socket, the path of at most %zu bytes", most);
    memcpy(a->servers.at[0].host, path, len + 1);
    a->servers.at[0].port = 0;
    a->servers.count = 1;
    return 0;
}

int address_parse(const char *url, struct address *address, struct err *err)
{
    bool is_unix = strncasecmp(url, "unix://", 7) == 0, is_tcp = strncasecmp(url, "redis://", 8) == 0;

    *address = (struct address){ .database = -1 };
    if (strncasecmp(url, "rediss://", 9) == 0)
        return err_set(err, ERR_CONFIG, "rediss: this build has no TLS for Redis, the hiredis it was made with has none; "
                                        "use redis:// to a TLS tunnel on this host, or unix://");
    if (!is_unix && !is_tcp)
        return err_set(err, ERR_CONFIG, "expected redis://[user:password@]host[:port][/database] or unix:///path");
    const char *rest = url + (is_unix ? 7 : 8);
    if (take_login(&rest, address, err) < 0)
        return -1;
    if (strpbrk(rest, "?#") != NULL)
        return err_set(err, ERR_CONFIG, "a ? or # behind the host: options stand on lines of their own");
    return is_unix ? parse_socket(rest, address, err) : parse_servers(rest, address, err);
}

void address_fini(struct address *address)
{
    if (address->password != NULL)
        explicit_bzero(address->password, strlen(address->password));
    free(address->user);
    free(address->password);
    *address = (struct address){ .database = -1 };
}

bool address_is_host(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return len > 0 && len < ADDRESS_HOST_MAX;
}

const char *endpoint_print(const struct endpoint *e, char *text, unsigned size)
{
    if (e->port == 0)
        snprintf(text, size, "%s", e->host);
    else
        snprintf(text, size, strchr(e->host, ':') != NULL ? "[%s]:%d" : "%s:%d", e->host, e->port);
    return text;
}
