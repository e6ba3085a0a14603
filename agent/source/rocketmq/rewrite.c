/* rewrite.c - see rewrite.h. */
#include "agent/source/rocketmq/rewrite.h"

#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct place {
    char host[CONN_HOST_MAX], port[6]; /* "": whatever port it is */
};

struct rule {
    struct place from, to;
};

struct rewrite {
    struct rule *rules;
    size_t count;
};

static bool has_port(struct view v)
{
    const char *colon = memchr(v.data, ':', v.len);

    if (v.len > 0 && v.data[0] == '[')
        return v.data[v.len - 1] != ']';
    return colon != NULL && memrchr(v.data, ':', v.len) == colon; /* more than one: IPv6 without a port */
}

static int read_place(struct view v, struct place *place, struct err *err)
{
    char text[ADDRESS_MAX_BYTES];

    if (v.len + sizeof(":1") > sizeof(text))
        return err_set(err, ERR_CONFIG, "address of %zu bytes is too long", v.len);
    snprintf(text, sizeof(text), "%.*s%s", (int)v.len, v.data, has_port(v) ? "" : ":1");
    if (conn_split_address(text, place->host, place->port, err) < 0)
        return -1;
    if (!has_port(v))
        place->port[0] = '\0';
    return 0;
}

static int read_rule(struct view from, struct view to, struct rule *rule, struct err *err)
{
    if (read_place(from, &rule->from, err) < 0 || read_place(to, &rule->to, err) < 0)
        return -1;
    if (rule->from.port[0] == '\0' && rule->to.port[0] != '\0')
        return err_set(err, ERR_CONFIG, "\"%.*s=%.*s\": a host with several brokers would end at one port; give %.*s:PORT", (int)from.len,
                       from.data, (int)to.len, to.data, (int)from.len, from.data);
    return 0;
}

struct rewrite *rewrite_new(const char *map, struct err *err)
{
    struct rewrite *r = xcalloc(1, sizeof(*r));
    struct view from, to;
    int found;

    while ((found = name_next_rename(&map, &from, &to, err)) > 0) {
        if (r->count == REWRITE_MAX) {
            found = err_set(err, ERR_CONFIG, "more than %d addresses", REWRITE_MAX);
            break;
        }
        if ((r->count & (r->count - 1)) == 0) /* full: 0, 1, 2, 4, 8, ... */
            r->rules = xrealloc(r->rules, r->count > 0 ? 2 * r->count : 1, sizeof(*r->rules));
        found = read_rule(from, to, &r->rules[r->count++], err);
        if (found < 0)
            break;
    }
    if (found == 0)
        return r;
    err_wrap(err, "rewrite");
    rewrite_free(r);
    return NULL;
}

void rewrite_free(struct rewrite *r)
{
    if (r == NULL)
        return;
    free(r->rules);
    free(r);
}

static const struct rule *find_rule(const struct rewrite *r, const char *host, const char *port)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcasecmp(r->rules[i].from.host, host) == 0 && strcmp(r->rules[i].from.port, port) == 0)
            return &r->rules[i];
    return NULL;
}

bool rewrite_find(const struct rewrite *r, const char *address, char to[ADDRESS_MAX_BYTES])
{
    struct place here;

    if (r == NULL || conn_split_address(address, here.host, here.port, NULL) < 0)
        return false;
    const struct rule *rule = find_rule(r, here.host, here.port);
    if (rule == NULL)
        rule = find_rule(r, here.host, "");
    if (rule == NULL)
        return false;
    bool is_ipv6 = strchr(rule->to.host, ':') != NULL;
    snprintf(to, ADDRESS_MAX_BYTES, "%s%s%s:%s", is_ipv6 ? "[" : "", rule->to.host, is_ipv6 ? "]" : "",
             rule->to.port[0] != '\0' ? rule->to.port : here.port);
    return true;
}
