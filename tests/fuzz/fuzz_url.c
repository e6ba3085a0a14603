/*
 * fuzz_url.c - any text as a URL: of --to, and of Redis. The first line is the URL, the second its query, the third a list of hosts.
 *
 * What must hold: a masked URL shows no password and has nothing left to mask; what is decoded is no longer than it was; an address that is
 * taken can be shown and read again.
 */
#include "agent/pipeline/url.h"
#include "sinks/redis/address.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>

static void check_mask(const char *url)
{
    char *masked = url_masked(url), *twice = url_masked(masked);

    fuzz_require(url_has_password(url) ? strstr(masked, ":***@") != NULL : strcmp(masked, url) == 0);
    fuzz_require(strcmp(masked, twice) == 0);
    free(masked);
    free(twice);
}

static void check_query(const char *query)
{
    struct err err = { .kind = ERR_NONE };
    const char *at = query, *before = query;
    char *name, *value;
    int rc;

    while ((rc = url_next_option(&at, &name, &value, &err)) > 0) {
        fuzz_require(at > before && strlen(name) + strlen(value) < (size_t)(at - before));
        before = at;
        free(name);
        free(value);
    }
    fuzz_require(rc == 0 ? *at == '\0' || *at == '&' : err.kind == ERR_CONFIG && err.msg[0] != '\0');
}

static void check_endpoints(const char *text)
{
    struct err err = { .kind = ERR_NONE };
    struct endpoints list, again;
    char shown[ADDRESS_HOST_MAX + 10];

    if (endpoints_parse(text, ADDRESS_PORT, &list, &err) < 0) {
        fuzz_require(err.kind == ERR_CONFIG);
        return;
    }
    fuzz_require(list.count <= ADDRESS_ENDPOINTS_MAX);
    for (unsigned i = 0; i < list.count; i++) {
        const struct endpoint *e = &list.at[i];
        fuzz_require(e->host[0] != '\0' && e->port >= 1 && e->port <= 65535);
        endpoint_print(e, shown, sizeof(shown));
        if (strpbrk(e->host, "[]") == NULL)
            fuzz_require(endpoints_parse(shown, ADDRESS_PORT, &again, &err) == 0 && again.count == 1 && again.at[0].port == e->port &&
                         strcmp(again.at[0].host, e->host) == 0);
    }
}

static void check_redis(const char *url)
{
    struct err err = { .kind = ERR_NONE };
    struct address address;
    char shown[ADDRESS_HOST_MAX + 10];

    if (address_parse(url, &address, &err) == 0) {
        fuzz_require(address.servers.count >= 1 && address.servers.count <= ADDRESS_ENDPOINTS_MAX);
        fuzz_require(address.database >= -1 && address.database <= ADDRESS_DATABASE_MAX);
        endpoint_print(&address.servers.at[0], shown, sizeof(shown));
    } else {
        fuzz_require(err.kind == ERR_CONFIG && err.msg[0] != '\0');
    }
    address_fini(&address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    char *url = fuzz_piece(&data, &size, '\n'), *query = fuzz_piece(&data, &size, '\n'), *hosts = fuzz_piece(&data, &size, '\n'), *decoded;

    check_mask(url);
    check_redis(url);
    if (url_decode(url, strlen(url), &decoded, &err) == 0) {
        fuzz_require(strlen(decoded) <= strlen(url));
        free(decoded);
    }
    check_query(query);
    check_endpoints(hosts);
    free(url);
    free(query);
    free(hosts);
    return 0;
}
