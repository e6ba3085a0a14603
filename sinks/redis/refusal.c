/* refusal.c - see refusal.h. */
#include "sinks/redis/refusal.h"

#include "agent/base/num.h"

#include <string.h>

#define SHOWN_MAX 160 /* bytes of a reply that reach a log */

static const struct refusal refusals[] = {
    { "OOM", NULL, SINK_RETRY, MOVE_NONE, "maxmemory is reached: raise it, or lower maxlen and maxage" },
    { "READONLY", NULL, SINK_RETRY, MOVE_ELSEWHERE, "this is a replica" },
    { "LOADING", NULL, SINK_RETRY, MOVE_NONE, "" },
    { "MASTERDOWN", NULL, SINK_RETRY, MOVE_ELSEWHERE, "" },
    { "BUSY", NULL, SINK_RETRY, MOVE_NONE, "" },
    { "TRYAGAIN", NULL, SINK_RETRY, MOVE_NONE, "" },
    { "CLUSTERDOWN", NULL, SINK_RETRY, MOVE_NONE, "" },
    { "NOREPLICAS", NULL, SINK_RETRY, MOVE_NONE, "min-replicas-to-write is not met" },
    { "MISCONF", NULL, SINK_RETRY, MOVE_NONE, "the server cannot save to its disk and refuses writes" },
    { "NOAUTH", NULL, SINK_REJECT, MOVE_ELSEWHERE, "set a password, then reload" },
    { "WRONGPASS", NULL, SINK_REJECT, MOVE_ELSEWHERE, "set the right user and password, then reload" },
    { "NOPERM", NULL, SINK_REJECT, MOVE_NONE, "the user needs ~PREFIX* +xadd +xtrim +xrevrange +xinfo +ping" },
    { "WRONGTYPE", NULL, SINK_REJECT, MOVE_NONE, "the key holds something else and is left alone: set another prefix" },
    { "MOVED", NULL, SINK_RETRY, MOVE_MOVED, "" },
    { "ASK", NULL, SINK_RETRY, MOVE_ASK, "" },
    { "ERR", "equal or smaller", SINK_RETRY, MOVE_COMPARE, "somebody else writes to this stream" },
    { "ERR", "exhausted the last possible ID", SINK_REJECT, MOVE_NONE, "somebody wrote the last id there is: set another prefix" },
    { "ERR", "syntax error", SINK_REJECT, MOVE_NONE, "maxage needs Redis 6.2; set maxage = 0 for an older server" },
    { "ERR", "unknown command", SINK_REJECT, MOVE_NONE, "streams need Redis 5.0, its commands under their names" },
    { "ERR", "DB index is out of range", SINK_REJECT, MOVE_ELSEWHERE, "set another database" },
    { "ERR", "SELECT is not allowed in cluster", SINK_REJECT, MOVE_ELSEWHERE, "a Cluster has database 0 only" },
    { "ERR", "without any password configured", SINK_REJECT, MOVE_ELSEWHERE, "the server has no password: set none, then reload" },
    { "ERR", "no password is set", SINK_REJECT, MOVE_ELSEWHERE, "the server has no password: set none, then reload" },
    { "ERR", "invalid password", SINK_REJECT, MOVE_ELSEWHERE, "set the right password, then reload" },
    { "ERR", "max number of clients", SINK_RETRY, MOVE_ELSEWHERE, "" },
    { "", NULL, SINK_RETRY, MOVE_NONE, "" },
};

static bool contains(const char *text, size_t len, const char *part)
{
    return part == NULL || memmem(text, len, part, strlen(part)) != NULL;
}

const struct refusal *refusal_of(const char *text, size_t len)
{
    const char *blank = memchr(text, ' ', len);
    size_t word = blank != NULL ? (size_t)(blank - text) : len;
    const struct refusal *r = refusals;

    for (; r->prefix[0] != '\0'; r++)
        if (strlen(r->prefix) == word && memcmp(r->prefix, text, word) == 0 && contains(text, len, r->holds))
            break;
    return r;
}

int refusal_target(const char *text, size_t len, const struct endpoint *answered, struct endpoint *target)
{
    const char *end = text + len, *place = memrchr(text, ' ', len), *colon;
    int64_t port;

    if (place == NULL || (colon = memrchr(place, ':', (size_t)(end - place))) == NULL)
        return -1;
    place++;
    if (num_to_i64(colon + 1, (size_t)(end - colon - 1), &port) < 0 || port < 1 || port > 65535)
        return -1;
    size_t host = (size_t)(colon - place);
    if (host > 0 && !address_is_host(place, host))
        return -1;
    if (host == 0 || (host == 1 && *place == '?')) {
        *target = *answered;
    } else {
        memcpy(target->host, place, host);
        target->host[host] = '\0';
    }
    target->port = (int)port;
    return 0;
}

enum sink_result refusal_say(const struct refusal *r, const char *who, const char *what, const char *text, size_t len,
                             struct err *err)
{
    char shown[SHOWN_MAX + 1];
    size_t n = len < SHOWN_MAX ? len : SHOWN_MAX;

    for (size_t i = 0; i < n; i++)
        shown[i] = (unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e ? '?' : text[i];
    shown[n] = '\0';
    const char *open = r->advice[0] != '\0' ? " (" : "", *close = r->advice[0] != '\0' ? ")" : "";
    err_set(err, r->result == SINK_REJECT ? ERR_CONFIG : ERR_REMOTE, "%s: %s: %s%s%s%s", who, what, shown, open, r->advice, close);
    return r->result;
}
