/*
 * test_limits.c - limits of what users, files and servers of sinks give us: each one of agent/LIMITS.md that no other test holds, at it
 * and one past it. _i is 0 at the limit and 1 past it.
 */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/batch_io.h"
#include "agent/model/family.h"
#include "agent/net/http_parts.h"
#include "agent/pipeline/config_parts.h"
#include "agent/pipeline/report.h"
#include "agent/pipeline/secret.h"
#include "agent/pipeline/state.h"
#include "agent/source/rocketmq/names.h"
#include "agent/view/when.h"
#include "sinks/pushgateway/group.h"
#include "sinks/redis/address.h"
#include "tests/fake/http_peer.h"
#include "tests/fake/sink_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/test_limits.XXXXXX";
static struct buf text;

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    unsetenv("NAMESRV_ADDR");
    unsetenv("STATE_DIRECTORY");
    buf_init(&text, 0);
}

static void teardown(void)
{
    char command[64];

    buf_fini(&text);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static void put_many(char c, size_t count)
{
    while (count-- > 0)
        buf_putc(&text, c);
}

/* What was put into `text` becomes a file. */
static void write_file(const char *path)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert(text.len == 0 || fwrite(text.data, 1, text.len, f) == text.len);
    fclose(f);
    chmod(path, 0600);
    buf_reset(&text);
}

/* The file c.conf: taken at the limit; one past it this is among the problems. */
static void check_config(bool is_past, const char *wanted)
{
    struct config *config = NULL;
    struct config_errors errors = { 0 };
    char *problems;
    size_t size;

    int rc = config_load(&(struct config_args){ .file = "c.conf" }, 0, &config, &errors);
    FILE *f = open_memstream(&problems, &size);
    config_errors_print(&errors, true, f);
    fclose(f);
    ck_assert_msg(is_past ? rc < 0 && strstr(problems, wanted) != NULL : strstr(problems, wanted) == NULL, "%s", problems);
    free(problems);
    config_errors_free(&errors);
    config_free(config);
}

START_TEST(a_configuration_has_at_most_so_many_bytes)
{
    put_many('#', 63);
    buf_putc(&text, '\n');
    char *line = xstrndup(text.data, text.len);
    while (text.len < CONFIG_FILE_MAX)
        buf_put(&text, line, 64);
    put_many('\n', (size_t)_i);
    free(line);
    write_file("c.conf");
    check_config(_i == 1, "larger than 1048576 bytes");
}
END_TEST

START_TEST(a_configuration_has_at_most_so_many_files)
{
    char name[32];

    mkdir("d", 0700);
    for (int i = 1; i < CONFIG_FILES_MAX + _i; i++) {
        snprintf(name, sizeof(name), "d/%d.conf", i);
        write_file(name);
    }
    buf_puts(&text, "include = d/*.conf\n");
    write_file("c.conf");
    check_config(_i == 1, "more than 256 files");
}
END_TEST

START_TEST(includes_are_at_most_so_deep)
{
    char name[32];

    for (int i = 1; i < CONFIG_DEPTH_MAX + _i; i++) {
        if (i < CONFIG_DEPTH_MAX + _i - 1)
            buf_printf(&text, "include = %d.conf\n", i + 1);
        snprintf(name, sizeof(name), "%d.conf", i);
        write_file(name);
    }
    buf_puts(&text, "include = 1.conf\n");
    write_file("c.conf");
    check_config(_i == 1, "included more than 8 deep");
}
END_TEST

START_TEST(a_configuration_has_at_most_so_many_sections)
{
    for (int i = 0; i < CONFIG_SECTIONS_MAX + _i; i++)
        buf_printf(&text, "[source rocketmq s%d]\nnamesrv = h:1\n", i);
    write_file("c.conf");
    check_config(_i == 1, "more than 256 sections");
}
END_TEST

START_TEST(a_section_has_at_most_so_many_options)
{
    buf_puts(&text, "[agent]\n");
    for (int i = 0; i < CONFIG_OPTIONS_MAX + _i; i++)
        buf_printf(&text, "o%d = 1\n", i);
    write_file("c.conf");
    check_config(_i == 1, "more than 256 options in a section");
}
END_TEST

START_TEST(a_section_has_a_name_of_at_most_so_many_bytes)
{
    buf_puts(&text, "[source rocketmq ");
    put_many('n', CONFIG_SECTION_NAME_MAX - strlen("source rocketmq ") + (size_t)_i);
    buf_puts(&text, "]\nnamesrv = h:1\n");
    write_file("c.conf");
    check_config(_i == 1, "a section's name of 50 bytes, limit is 49");
}
END_TEST

START_TEST(there_are_at_most_so_many_labels)
{
    buf_puts(&text, "[agent]\nlabels = ");
    for (int i = 0; i < CONFIG_LABELS_MAX + _i; i++)
        buf_printf(&text, "%sl%d=v", i > 0 ? ", " : "", i);
    buf_putc(&text, '\n');
    write_file("c.conf");
    check_config(_i == 1, "more than 32 labels");
}
END_TEST

/* _i: 0 all at the limit, 1 the name past it, 2 the value. */
START_TEST(a_label_is_at_most_so_long)
{
    buf_puts(&text, "[agent]\nlabels = ");
    put_many('n', CONFIG_LABEL_NAME_MAX + (_i == 1));
    buf_putc(&text, '=');
    put_many('v', CONFIG_LABEL_VALUE_MAX + (_i == 2));
    buf_putc(&text, '\n');
    write_file("c.conf");
    check_config(_i > 0, "a name may have 64 bytes and a value 256");
}
END_TEST

START_TEST(a_pattern_for_tables_is_at_most_so_long)
{
    buf_puts(&text, "[sink stdout]\ntables = groups ");
    put_many('*', CONFIG_PATTERN_MAX - 1 + (size_t)_i);
    buf_putc(&text, '\n');
    write_file("c.conf");
    check_config(_i == 1, "a pattern of 64 characters, limit is 63");
}
END_TEST

START_TEST(a_group_has_at_most_so_many_labels)
{
    struct group group = { .count = 0 };
    struct err err = { .kind = ERR_NONE };

    for (int i = 0; i < GROUP_LABELS_MAX + _i; i++)
        buf_printf(&text, "%sl%d=v", i > 0 ? ", " : "", i);
    buf_putc(&text, '\0');
    ck_assert_msg(group_make(&group, "job", "instance", text.data, NULL, &err) == (_i == 0 ? 0 : -1), "%s", err.msg);
    ck_assert_uint_eq(group.count, GROUP_LABELS_MAX + 2); /* beside job and instance */
    ck_assert(_i == 0 || (err.kind == ERR_CONFIG && strcmp(err.msg, "grouping: more than 16 labels") == 0));
    group_fini(&group);
}
END_TEST

START_TEST(a_prefix_of_redis_keys_is_at_most_so_long)
{
    struct sink_rig rig;

    put_many('p', 200 + (size_t)_i); /* PREFIX_MAX of sinks/redis/redis.c */
    buf_putc(&text, '\0');
    sink_rig_init(&rig, "redis");
    sink_rig_set(&rig, "url", "redis://h");
    sink_rig_set(&rig, "prefix", text.data);
    ck_assert_msg(sink_rig_open(&rig) == (_i == 0 ? 0 : -1), "%s", rig.err.msg);
    ck_assert(_i == 0 || (rig.err.kind == ERR_CONFIG && strcmp(rig.err.msg, "prefix: longer than 200 bytes") == 0));
    sink_rig_fini(&rig);
}
END_TEST

START_TEST(a_secret_is_at_most_so_long)
{
    put_many('s', SECRET_FILE_MAX + (size_t)_i);
    write_file("secret");
    buf_puts(&text, "[source rocketmq]\nnamesrv = h:1\naccess_key = a\nsecret_key = ${FILE:");
    buf_printf(&text, "%s/secret}\n", directory);
    write_file("c.conf");
    check_config(_i == 1, "larger than 65536 bytes");
}
END_TEST

/* ---- files of ours that others may have written -------------------------------------------------------------------- */

START_TEST(a_report_has_at_most_so_many_bytes)
{
    struct report_head head;
    struct err err = { .kind = ERR_NONE };
    struct batch *b = batch_new();

    buf_puts(&text, "{\"written_at\":1,\"sinks\":[]}");
    put_many(' ', REPORT_FILE_MAX - text.len + (size_t)_i);
    write_file(REPORT_FILE);
    ck_assert_int_eq(report_read(".", b, &head, &err), _i == 0 ? 1 : -1);
    ck_assert(_i == 0 || err.kind == ERR_LIMIT);
    batch_unref(b);
}
END_TEST

START_TEST(what_a_part_remembers_has_at_most_so_many_bytes)
{
    struct err err = { .kind = ERR_NONE };
    struct state *state = state_open(directory, "test", &err);
    char *blob = xcalloc(1, STATE_BLOB_MAX + 1); /* pages that nobody has touched */

    ck_assert_msg(state != NULL && state_begin(state, &err) == 0, "%s", err.msg);
    ck_assert_msg(state_write(state, "most", blob, STATE_BLOB_MAX, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(state_write(state, "more", blob, STATE_BLOB_MAX + 1, &err), -1);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert_str_eq(err.msg, "more: 67108865 bytes to remember, limit is 67108864");
    free(blob);
    state_close(state);
}
END_TEST

/* A view stands for a file that somebody else has written: it gives so many bytes without holding them. */
START_TEST(what_is_read_back_has_at_most_so_many_bytes)
{
    struct err err = { .kind = ERR_NONE };
    struct state *state = state_open(directory, "test", &err);
    char view[128];

    snprintf(view, sizeof(view), "DROP TABLE blobs; CREATE VIEW blobs AS SELECT 'part' AS name, zeroblob(%zu) AS data",
             STATE_BLOB_MAX + (size_t)_i);
    ck_assert_msg(state_begin(state, &err) == 0 && state_exec(state, view, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(state_read(state, "part", &text, &err), _i == 0);
    ck_assert_uint_eq(text.len, _i == 0 ? STATE_BLOB_MAX : 0);
    state_close(state);
}
END_TEST

/* A header that announces so many bytes, and nothing behind it that could be so many. */
static int read_announced(size_t plain, size_t stored, struct err *err)
{
    unsigned char head[16] = "MQB1";
    char *bytes = xcalloc(16 + stored, 1);

    for (int i = 0; i < 4; i++) {
        head[4 + i] = (unsigned char)(plain >> (8 * i));
        head[8 + i] = (unsigned char)(stored >> (8 * i));
    }
    memcpy(bytes, head, sizeof(head));
    struct batch *b = batch_io_read(bytes, 16 + stored, err);
    free(bytes);
    return b == NULL ? -1 : 0;
}

START_TEST(a_stored_batch_announces_at_most_so_much)
{
    struct err err = { .kind = ERR_NONE };
    size_t enough = BATCH_IO_PLAIN_MAX / 1000;

    ck_assert_int_eq(read_announced(BATCH_IO_PLAIN_MAX, enough, &err), -1);
    ck_assert_int_eq(err.kind, ERR_PROTO); /* the checksum */
    ck_assert_int_eq(read_announced(BATCH_IO_PLAIN_MAX + 1, enough, &err), -1);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert_int_eq(read_announced(1000, BATCH_IO_STORED_MAX, &err), -1);
    ck_assert_int_eq(err.kind, ERR_PROTO);
    ck_assert_int_eq(read_announced(1000, BATCH_IO_STORED_MAX + 1, &err), -1);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
}
END_TEST

/* ---- addresses and times ------------------------------------------------------------------------------------------- */

START_TEST(a_name_server_has_at_most_so_many_bytes)
{
    char address[ADDRESS_MAX_BYTES];
    struct err err;

    put_many('h', ADDRESS_MAX_BYTES - sizeof(":9876") + (size_t)_i);
    buf_putc(&text, '\0');
    const char *list = text.data;
    ck_assert_int_eq(name_next_address(&list, address, &err), _i == 0 ? 1 : -1);
    ck_assert(_i == 1 || strlen(address) == ADDRESS_MAX_BYTES - 1);
}
END_TEST

START_TEST(a_list_of_redis_hosts_is_at_most_so_long)
{
    struct endpoints list;
    struct err err;

    for (int i = 0; i < ADDRESS_ENDPOINTS_MAX + _i; i++)
        buf_printf(&text, "h%d,", i);
    buf_putc(&text, '\0');
    ck_assert_int_eq(endpoints_parse(text.data, 1, &list, &err), _i == 0 ? 0 : -1);
    buf_reset(&text);
    put_many('h', ADDRESS_HOST_MAX - 1 + (size_t)_i);
    buf_putc(&text, '\0');
    ck_assert_int_eq(endpoints_parse(text.data, 1, &list, &err), _i == 0 ? 0 : -1);
}
END_TEST

START_TEST(the_number_of_a_database_is_at_most_so_large)
{
    struct address a;
    struct err err;
    char url[64];

    snprintf(url, sizeof(url), "redis://h/%d", ADDRESS_DATABASE_MAX + _i);
    ck_assert_int_eq(address_parse(url, &a, &err), _i == 0 ? 0 : -1);
    address_fini(&a);
}
END_TEST

START_TEST(a_moment_has_at_most_so_many_characters)
{
    struct err err;
    int64_t time_ms;

    buf_putc(&text, '-');
    put_many('0', WHEN_TEXT_MAX - 3 + (size_t)_i);
    buf_puts(&text, "s");
    buf_putc(&text, '\0');
    ck_assert_uint_eq(text.len, WHEN_TEXT_MAX + (size_t)_i);
    ck_assert_int_eq(when_parse(text.data, 1795000000000LL, &time_ms, &err), _i == 0 ? 0 : -1);
}
END_TEST

/* ---- HTTP ---------------------------------------------------------------------------------------------------------- */

static int ask(struct http_peer *peer, struct buf *answer_to, struct http_answer *answer, struct err *err)
{
    char url[64];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d", http_peer_port(peer));
    struct http *http = http_open(&(struct http_options){ .what = "peer", .url = url, .user_agent = "t", .timeout_ms = 20000,
                                                          .proxy = "none" }, err);
    ck_assert_ptr_nonnull(http);
    int rc = http_ask(http, &(struct http_request){ .method = "GET", .path = "/", .cancel_fd = -1, .answer = answer_to,
                                                    .deadline_ns = clock_now_ns() + 20 * NS_PER_S }, answer, err);
    http_close(http);
    return rc;
}

START_TEST(headers_of_ours_are_at_most_so_many)
{
    struct err err = { .kind = ERR_NONE };

    for (int i = 0; i < HTTP_OWN_HEADERS_MAX + _i; i++)
        buf_printf(&text, "%sX-%d: v", i > 0 ? "|" : "", i);
    buf_putc(&text, '\0');
    struct http *http = http_open(&(struct http_options){ .what = "peer", .url = "http://h", .user_agent = "t", .timeout_ms = 1000,
                                                          .headers = text.data }, &err);
    ck_assert((http != NULL) == (_i == 0));
    ck_assert(_i == 0 || strstr(err.msg, "more than 32") != NULL);
    http_close(http);
}
END_TEST

START_TEST(headers_of_an_answer_have_at_most_so_many_bytes)
{
    struct http_peer *peer = http_peer_start();
    struct http_answer answer;
    struct err err = { .kind = ERR_NONE };

    buf_puts(&text, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ");
    put_many('x', HTTP_HEADERS_MAX - text.len - 4 + (size_t)_i);
    buf_puts(&text, "\r\n\r\n");
    http_peer_say(peer, text.data, text.len);
    ck_assert_int_eq(ask(peer, NULL, &answer, &err), _i == 0 ? 0 : -1);
    ck_assert(_i == 0 ? answer.status == 200 : err.kind == ERR_LIMIT);
    http_peer_stop(peer);
}
END_TEST

START_TEST(a_wanted_answer_has_at_most_so_many_bytes)
{
    struct http_peer *peer = http_peer_start();
    struct http_answer answer;
    struct buf wanted;
    struct err err = { .kind = ERR_NONE };

    buf_init(&wanted, 1000);
    put_many('x', 1000 + (size_t)_i);
    buf_putc(&text, '\0');
    http_peer_answer(peer, 200, "", text.data);
    ck_assert_int_eq(ask(peer, &wanted, &answer, &err), _i == 0 ? 0 : -1);
    ck_assert(_i == 0 ? wanted.len == 1000 : err.kind == ERR_LIMIT);
    buf_fini(&wanted);
    http_peer_stop(peer);
}
END_TEST

START_TEST(a_peer_asks_for_at_most_so_long_a_rest)
{
    struct http_peer *peer = http_peer_start();
    struct http_answer answer;
    struct err err = { .kind = ERR_NONE };
    char header[64];

    snprintf(header, sizeof(header), "Retry-After: %d\r\n", HTTP_RETRY_AFTER_MAX_S + _i);
    http_peer_answer(peer, 503, header, "");
    ck_assert_msg(ask(peer, NULL, &answer, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(answer.retry_after_ms, HTTP_RETRY_AFTER_MAX_S * 1000LL);
    http_peer_stop(peer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *c = unit_case(suite, "limits");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, a_configuration_has_at_most_so_many_bytes, 0, 2);
    tcase_add_loop_test(c, a_configuration_has_at_most_so_many_files, 0, 2);
    tcase_add_loop_test(c, includes_are_at_most_so_deep, 0, 2);
    tcase_add_loop_test(c, a_configuration_has_at_most_so_many_sections, 0, 2);
    tcase_add_loop_test(c, a_section_has_at_most_so_many_options, 0, 2);
    tcase_add_loop_test(c, a_section_has_a_name_of_at_most_so_many_bytes, 0, 2);
    tcase_add_loop_test(c, there_are_at_most_so_many_labels, 0, 2);
    tcase_add_loop_test(c, a_label_is_at_most_so_long, 0, 3);
    tcase_add_loop_test(c, a_pattern_for_tables_is_at_most_so_long, 0, 2);
    tcase_add_loop_test(c, a_group_has_at_most_so_many_labels, 0, 2);
    tcase_add_loop_test(c, a_prefix_of_redis_keys_is_at_most_so_long, 0, 2);
    tcase_add_loop_test(c, a_secret_is_at_most_so_long, 0, 2);
    tcase_add_loop_test(c, a_report_has_at_most_so_many_bytes, 0, 2);
    tcase_add_test(c, what_a_part_remembers_has_at_most_so_many_bytes);
    tcase_add_loop_test(c, what_is_read_back_has_at_most_so_many_bytes, 0, 2);
    tcase_add_test(c, a_stored_batch_announces_at_most_so_much);
    tcase_add_loop_test(c, a_name_server_has_at_most_so_many_bytes, 0, 2);
    tcase_add_loop_test(c, a_list_of_redis_hosts_is_at_most_so_long, 0, 2);
    tcase_add_loop_test(c, the_number_of_a_database_is_at_most_so_large, 0, 2);
    tcase_add_loop_test(c, a_moment_has_at_most_so_many_characters, 0, 2);
    tcase_add_loop_test(c, headers_of_ours_are_at_most_so_many, 0, 2);
    tcase_add_loop_test(c, headers_of_an_answer_have_at_most_so_many_bytes, 0, 2);
    tcase_add_loop_test(c, a_wanted_answer_has_at_most_so_many_bytes, 0, 2);
    tcase_add_loop_test(c, a_peer_asks_for_at_most_so_long_a_rest, 0, 2);
    return unit_main(suite);
}
