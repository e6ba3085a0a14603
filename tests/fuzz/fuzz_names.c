/*
 * fuzz_names.c - any text as a list of name servers (first line), a rewrite map (second), an address that a broker advertises, or a
 * client id (third).
 *
 * What must hold: a list ends; an address that is taken can be taken apart, and a rewritten one too; parts lie inside the whole.
 */
#include "agent/source/rocketmq/conn.h"
#include "agent/source/rocketmq/rewrite.h"
#include "tests/fuzz/fuzz.h"

static void check_list(const char *list)
{
    struct err err = { .kind = ERR_NONE };
    char address[ADDRESS_MAX_BYTES], again[ADDRESS_MAX_BYTES];
    const char *before = list;
    int rc;

    while ((rc = name_next_address(&list, address, &err)) > 0) {
        const char *one = address;
        fuzz_require(list > before && strlen(address) < ADDRESS_MAX_BYTES);
        fuzz_require(name_next_address(&one, again, &err) == 1 && strcmp(again, address) == 0);
        before = list;
    }
    fuzz_require(rc == 0 || (err.kind == ERR_CONFIG && err.msg[0] != '\0'));
}

static void check_inside(struct view part, struct view whole)
{
    fuzz_require(part.len <= whole.len && part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static void check_parts(struct view text)
{
    struct view ip, process, topic, group;
    bool is_broadcast;

    check_inside(name_host_of(text), text);
    check_inside(name_pid_of(text), text);
    check_inside(name_without_prefix(text), text);
    name_split_client_id(text, &ip, &process);
    check_inside(ip, text);
    check_inside(process, text);
    if (name_split_offset_key(text, &topic, &group, &is_broadcast)) {
        check_inside(topic, text);
        check_inside(group, text);
        fuzz_require(name_is_whole(topic) && name_is_whole(group));
    }
    fuzz_require(name_topic_kind(text) < TOPIC_KINDS);
    name_is_system_group(text);
    name_is_reply_topic(text, ip);
}

static void check_rewrite(const char *map, const char *address)
{
    struct err err = { .kind = ERR_NONE };
    struct rewrite *r = rewrite_new(map, &err);
    char to[ADDRESS_MAX_BYTES], host[CONN_HOST_MAX], port[6];

    if (r == NULL)
        fuzz_require(err.kind == ERR_CONFIG && err.msg[0] != '\0');
    if (rewrite_find(r, address, to))
        fuzz_require(conn_split_address(address, host, port, &err) == 0 && conn_split_address(to, host, port, &err) == 0);
    rewrite_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *list = fuzz_piece(&data, &size, '\n'), *map = fuzz_piece(&data, &size, '\n'), *address = fuzz_text(data, size);

    check_list(list);
    check_rewrite(map, address);
    check_parts((struct view){ address, size });
    free(list);
    free(map);
    free(address);
    return 0;
}
