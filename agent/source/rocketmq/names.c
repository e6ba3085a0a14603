/* names.c - see names.h. The lists are those of the brokers' own TopicValidator and MixAll, 4.3 to 5.5. */
#include "agent/source/rocketmq/names.h"

#include <stdio.h>

#define DEFAULT_NAMESRV_PORT "9876"

static const char *const kind_names[TOPIC_KINDS] = {
    [TOPIC_NORMAL] = "normal", [TOPIC_RETRY] = "retry",   [TOPIC_DLQ] = "dlq",
    [TOPIC_SYSTEM] = "system", [TOPIC_DELAY] = "delay",
};

static const char *const system_topics[] = {
    "TBW102", "BenchmarkTest", "SELF_TEST_TOPIC", "OFFSET_MOVED_EVENT", "TRANS_CHECK_MAX_TIME_TOPIC", "CHECKPOINT_TOPIC",
    "DefaultHeartBeatSyncerTopic", NULL,
};
static const char *const system_topic_prefixes[] = { "RMQ_SYS_", "rmq_sys_", NULL };

static const char *const system_groups[] = {
    "TOOLS_CONSUMER", "FILTERSRV_CONSUMER", "SELF_TEST_C_GROUP", "CID_ONS-HTTP-PROXY", "CID_ONSAPI_PULL",
    "CID_ONSAPI_PERMISSION", "CID_ONSAPI_OWNER", "__MONITOR_CONSUMER", "SCHEDULE_CONSUMER", "DEFAULT_CONSUMER",
    "CID_DefaultHeartBeatSyncerTopic", NULL,
};
static const char *const system_group_prefixes[] = { "CID_RMQ_SYS_", NULL };

static bool starts_with(struct view name, const char *prefix)
{
    size_t len = strlen(prefix);

    return name.len >= len && memcmp(name.data, prefix, len) == 0;
}

static bool is_listed(struct view name, const char *const *texts, const char *const *prefixes)
{
    for (; *texts != NULL; texts++)
        if (view_is(name, *texts))
            return true;
    for (; *prefixes != NULL; prefixes++)
        if (starts_with(name, *prefixes))
            return true;
    return false;
}

const char *topic_kind_name(enum topic_kind kind)
{
    return kind_names[kind];
}

enum topic_kind name_topic_kind(struct view topic)
{
    if (starts_with(topic, NAME_RETRY_PREFIX))
        return TOPIC_RETRY;
    if (starts_with(topic, NAME_DLQ_PREFIX))
        return TOPIC_DLQ;
    if (view_is(topic, TOPIC_SCHEDULE))
        return TOPIC_DELAY;
    return is_listed(topic, system_topics, system_topic_prefixes) ? TOPIC_SYSTEM : TOPIC_NORMAL;
}

bool name_is_system_group(struct view group)
{
    return is_listed(group, system_groups, system_group_prefixes);
}

bool name_is_internal_producer(struct view group)
{
    return view_is(group, "CLIENT_INNER_PRODUCER");
}

bool name_is_skipped_topic(struct view topic)
{
    return view_is(topic, "BenchmarkTest");
}

bool name_is_watched_topic(struct view topic)
{
    return view_is(topic, TOPIC_SCHEDULE) || view_is(topic, TOPIC_HALF);
}

bool name_is_whole(struct view name)
{
    return name.len > 0 && memchr(name.data, '\0', name.len) == NULL;
}

bool name_fits(struct view name)
{
    return name.len <= NAME_MAX_BYTES && name_is_whole(name);
}

struct view name_without_prefix(struct view topic)
{
    size_t skip = starts_with(topic, NAME_RETRY_PREFIX) ? sizeof(NAME_RETRY_PREFIX) - 1
                  : starts_with(topic, NAME_DLQ_PREFIX) ? sizeof(NAME_DLQ_PREFIX) - 1
                                                        : 0;

    return (struct view){ topic.data + skip, topic.len - skip };
}

bool name_is_reply_topic(struct view topic, struct view cluster)
{
    return topic.len > cluster.len && memcmp(topic.data, cluster.data, cluster.len) == 0 &&
           view_is((struct view){ topic.data + cluster.len, topic.len - cluster.len }, "_REPLY_TOPIC");
}

bool name_split_offset_key(struct view key, struct view *topic, struct view *group, bool *is_broadcast)
{
    const char *end = key.data + key.len;
    const char *at = memchr(key.data, '@', key.len);

    if (at == NULL)
        return false;
    *topic = (struct view){ key.data, (size_t)(at - key.data) };
    const char *rest = at + 1;
    const char *second = memchr(rest, '@', (size_t)(end - rest));
    *is_broadcast = second != NULL && view_is((struct view){ second, (size_t)(end - second) }, "@broadcast");
    if (second != NULL && !*is_broadcast)
        return false; /* a third part that we know nothing about */
    *group = (struct view){ rest, (size_t)((second != NULL ? second : end) - rest) };
    return name_is_whole(*topic) && name_is_whole(*group);
}

struct view name_host_of(struct view address)
{
    if (address.len > 0 && address.data[0] == '/')
        address = (struct view){ address.data + 1, address.len - 1 };
    const char *colon = memrchr(address.data, ':', address.len);
    if (colon != NULL)
        address.len = (size_t)(colon - address.data);
    if (address.len >= 2 && address.data[0] == '[' && address.data[address.len - 1] == ']')
        address = (struct view){ address.data + 1, address.len - 2 };
    return address;
}

struct view name_pid_of(struct view client_id)
{
    const struct view none = { client_id.data, 0 };
    const char *end = client_id.data + client_id.len;
    const char *at = memchr(client_id.data, '@', client_id.len);

    if (at == NULL)
        return none;
    struct view pid = { at + 1, 0 };
    while (pid.data + pid.len < end && pid.data[pid.len] >= '0' && pid.data[pid.len] <= '9')
        pid.len++;
    bool ends_there = pid.data + pid.len == end || pid.data[pid.len] == '#' || pid.data[pid.len] == '@';
    return ends_there ? pid : none;
}

void name_split_client_id(struct view client_id, struct view *ip, struct view *process)
{
    const char *end = client_id.data + client_id.len;
    const char *at = memchr(client_id.data, '@', client_id.len);

    *ip = (struct view){ client_id.data, at == NULL ? client_id.len : (size_t)(at - client_id.data) };
    *process = (struct view){ at == NULL ? end : at + 1, 0 };
    while (process->data + process->len < end && process->data[process->len] != '#' && process->data[process->len] != '@')
        process->len++;
}

static bool is_separator(char c)
{
    return c == ';' || c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_port(const char *text, size_t len)
{
    unsigned port = 0;

    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port >= 1 && port <= 65535;
}

int name_next_address(const char **list, char address[ADDRESS_MAX_BYTES], struct err *err)
{
    const char *at = *list;

    while (is_separator(*at))
        at++;
    if (*at == '\0')
        return 0;
    if (strncmp(at, "http://", 7) == 0)
        at += 7;
    size_t len = 0;
    while (at[len] != '\0' && !is_separator(at[len]))
        len++;
    const char *bracket = at[0] == '[' ? memchr(at, ']', len) : NULL;
    const char *colon = memrchr(at, ':', len);
    if (bracket != NULL && colon != NULL && colon < bracket)
        colon = NULL; /* [::1] without a port */
    size_t host = colon != NULL ? (size_t)(colon - at) : len;
    bool is_bare_ipv6 = bracket == NULL && colon != NULL && memchr(at, ':', host) != NULL;
    bool has_brackets = bracket != NULL && (size_t)(bracket - at) + 1 == host;
    size_t inner = host - (has_brackets ? 2 : 0);
    if (inner == 0 || strcspn(at + has_brackets, "[]") < inner)
        return err_set(err, ERR_CONFIG, "\"%.*s\" is not a name server: expected HOST:PORT", (int)len, at);
    if (colon != NULL && !is_port(colon + 1, len - host - 1))
        return err_set(err, ERR_CONFIG, "\"%.*s\" is not a name server: expected a port from 1 to 65535 after the last colon",
                       (int)len, at);
    size_t port = colon != NULL ? len - host - 1 : sizeof(DEFAULT_NAMESRV_PORT) - 1;
    if ((is_bare_ipv6 ? 2 : 0) + host + 1 + port >= ADDRESS_MAX_BYTES)
        return err_set(err, ERR_CONFIG, "name server address of %zu bytes is too long", len);
    snprintf(address, ADDRESS_MAX_BYTES, "%s%.*s%s:%.*s", is_bare_ipv6 ? "[" : "", (int)host, at, is_bare_ipv6 ? "]" : "",
             (int)port, colon != NULL ? colon + 1 : DEFAULT_NAMESRV_PORT);
    *list = at + len;
    return 1;
}

static struct view trim(const char *data, size_t len)
{
    while (len > 0 && (data[0] == ' ' || data[0] == '\t'))
        data++, len--;
    while (len > 0 && (data[len - 1] == ' ' || data[len - 1] == '\t'))
        len--;
    return (struct view){ data, len };
}

int name_next_rename(const char **list, struct view *from, struct view *to, struct err *err)
{
    const char *at = *list + strspn(*list, ", \t");
    size_t len = strcspn(at, ","), before = strcspn(at, "=");

    if (*at == '\0')
        return 0;
    if (before < len) {
        *from = trim(at, before);
        *to = trim(at + before + 1, len - before - 1);
    }
    if (before >= len || !name_fits(*from) || !name_fits(*to))
        return err_set(err, ERR_CONFIG, "\"%.*s\": expected OLD=NEW", (int)(len < 100 ? len : 100), at);
    *list = at + len;
    return 1;
}
