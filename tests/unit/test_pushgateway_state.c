/* test_pushgateway_state.c - the list of groups, read as it arrives; and what `mqpush sweep` asks a gateway to do. */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/net/http.h"
#include "sinks/pushgateway/state.h"
#include "sinks/pushgateway/sweep.h"
#include "tests/fake/http_peer.h"
#include "tests/fake/sink_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define TIME(name, value) "\"" name "\":{\"type\":\"GAUGE\",\"metrics\":[{\"labels\":{\"job\":\"z\"},\"value\":\"" value "\"}]}"

/* As gateways print it, and with everything that could mislead a reader who counts brackets. */
static const char list[] =
    "{\"status\":\"success\",\"data\":["
    "{\"labels\":{\"instance\":\"a/b\",\"job\":\"rocketmq\",\"rack\":\"\"},\"last_push_successful\":true,"
    TIME("push_failure_time_seconds", "0") "," TIME("push_time_seconds", "1.7954720141133828e+09") ","
    "\"x\":{\"help\":\"a \\\"quoted\\\" {[ and a \\\\\",\"metrics\":[{\"labels\":{\"labels\":\"]}\"},\"value\":\"1\"}]}},\n "
    "{ \"m,\\\"labels\\\":{\" : [ {\"labels\":[[]]}, 7 ], \"labels\" : { \"job\" : \"\\u6d88 \\\"}]\" } , "
    TIME("push_time_seconds", "NaN") " , " TIME("push_failure_time_seconds", "17") " }"
    "]}";

static struct http_peer *peer;
static struct state_groups groups;
static struct err err;

static int scan(const char *text, size_t len, size_t cut)
{
    struct state_scan *s = state_scan_new(&groups);

    if (state_scan_take(s, text, cut) == 0)
        state_scan_take(s, text + cut, len - cut);
    return state_scan_end(s, &err);
}

static void assert_label(const struct sink_label *label, const char *name, const char *value)
{
    ck_assert_str_eq(label->name, name);
    ck_assert_str_eq(label->value, value);
}

START_TEST(a_list_cut_anywhere_gives_the_same_groups) /* loop test: _i is the byte to cut at */
{
    ck_assert_msg(scan(list, sizeof(list) - 1, (size_t)_i) == 0, "%s", err.msg);
    ck_assert_uint_eq(groups.count, 2);
    const struct state_group *g = groups.list;
    assert_label(&g[0].labels[0], "job", "rocketmq");
    assert_label(&g[0].labels[1], "instance", "a/b");
    assert_label(&g[0].labels[2], "rack", "");
    ck_assert_ptr_null(g[0].labels[3].name);
    ck_assert_double_eq_tol(g[0].pushed_at, 1795472014.1, 0.1);
    ck_assert_double_eq(g[0].failed_at, 0);
    assert_label(&g[1].labels[0], "job", "消 \"}]");
    ck_assert_ptr_null(g[1].labels[1].name);
    ck_assert_double_eq(g[1].pushed_at, 0); /* NaN is no time */
    ck_assert_double_eq(g[1].failed_at, 17);
    state_groups_fini(&groups);
}
END_TEST

START_TEST(a_list_that_ends_early_is_refused) /* loop test: _i bytes of it arrive */
{
    ck_assert_int_eq(scan(list, (size_t)_i, 0), -1);
    ck_assert_int_eq(err.kind, ERR_PROTO);
    state_groups_fini(&groups);
}
END_TEST

static const struct {
    const char *text, *message;
} no_lists[] = {
    { "", "no such list" },
    { "<html>404</html>", "no such list" },
    { "null", "no such list" },
    { "{\"status\":\"success\"}", "no such list" },
    { "{\"data\":[{}]}", "a group without labels" },
    { "{\"data\":[{\"labels\":{\"instance\":\"a\"}}]}", "a group without labels" },
    { "{\"data\":[{\"labels\":{\"job\":7}}]}", "a group without labels" },
    { "{\"data\":[{\"labels\":{\"job\":\"a\",\"x\":{}}}]}", "a group without labels" },
    { "{\"data\":[{\"labels\":}]}", "a group without labels" },
    { "}", "not JSON" },
    { "{\"data\":[", "does not end" },
};

START_TEST(what_is_no_list_is_said) /* loop test over no_lists */
{
    ck_assert_msg(scan(no_lists[_i].text, strlen(no_lists[_i].text), 0) == -1, "%s", no_lists[_i].text);
    ck_assert_msg(strstr(err.msg, no_lists[_i].message) != NULL, "%s: %s", no_lists[_i].text, err.msg);
    state_groups_fini(&groups);
}
END_TEST

START_TEST(an_empty_list_has_no_groups)
{
    static const char empty[] = "{\"status\":\"success\",\"data\":[]}";
    ck_assert_int_eq(scan(empty, sizeof(empty) - 1, 5), 0);
    ck_assert_uint_eq(groups.count, 0);
    state_groups_fini(&groups);
}
END_TEST

/* Feeds head, then `filler` count times, then tail. */
static int scan_long(const char *head, const char *filler, size_t count, const char *tail)
{
    struct state_scan *s = state_scan_new(&groups);
    int rc = state_scan_take(s, head, strlen(head));

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = state_scan_take(s, filler, strlen(filler));
    state_scan_take(s, tail, strlen(tail));
    return state_scan_end(s, &err);
}

static const struct {
    const char *head, *filler, *tail;
    size_t limit; /* so many fit */
    const char *message;
} limits[] = {
    { "[", "[", "", STATE_DEPTH_MAX - 1, "nested too deeply" },
    { "{\"data\":[{\"labels\":{\"job\":\"a\"", ",\"x\":\"y\"", "}}]}", STATE_GROUP_LABELS_MAX - 1, "a group without labels" },
    { "{\"data\":[{\"labels\":{\"job\":\"a\"}}", ",{\"labels\":{\"job\":\"a\"}}", "]}", STATE_GROUPS_MAX - 1, "more groups" },
    { "{\"data\":[{\"labels\":{\"job\":\"", "a", "\"}}]}", STATE_GROUP_TEXT_MAX - 21, "longer than any" },
};

START_TEST(each_limit_holds) /* loop test over limits */
{
    scan_long(limits[_i].head, limits[_i].filler, limits[_i].limit, limits[_i].tail);
    ck_assert_msg(strstr(err.msg, limits[_i].message) == NULL, "at the limit: %s", err.msg);
    state_groups_fini(&groups);
    ck_assert_int_eq(scan_long(limits[_i].head, limits[_i].filler, limits[_i].limit + 1, limits[_i].tail), -1);
    ck_assert_msg(strstr(err.msg, limits[_i].message) != NULL, "past the limit: %s", err.msg);
    state_groups_fini(&groups);
}
END_TEST

START_TEST(what_a_group_holds_takes_no_memory)
{
    static const char metric[] = "\"metric\":{\"metrics\":[{\"labels\":{\"job\":\"a\"},\"value\":\"1\"}]},";
    ck_assert_int_eq(scan_long("{\"data\":[{", metric, 100000, "\"labels\":{\"job\":\"a\"}}]}"), 0); /* far more than one text may have */
    ck_assert_uint_eq(groups.count, 1);
    state_groups_fini(&groups);
}
END_TEST

/* --- the version ---------------------------------------------------------------------------------------------------- */

#define STATUS_MAX (64 * 1024) /* of state.c */

/* What is found in a page of so many bytes that tells a version of so many; "" if nothing is. */
static void read_version(size_t page_len, size_t version_len, char version[STATE_VERSION_MAX])
{
    static const char head[] = "{\"data\":{\"build_information\":{\"version\":\"", tail[] = "\"}}}";
    const struct http_options options = { .what = "Pushgateway", .url = xasprintf("http://127.0.0.1:%d", http_peer_port(peer)),
                                          .user_agent = "t", .timeout_ms = 20000, .proxy = "none" };
    struct buf page;

    buf_init(&page, 0);
    buf_puts(&page, head);
    for (size_t i = 0; i < version_len; i++)
        buf_putc(&page, (char)('0' + i % 10));
    buf_puts(&page, tail);
    while (page.len < page_len)
        buf_putc(&page, ' ');
    buf_putc(&page, '\0');
    http_peer_answer(peer, 200, "", page.data);
    struct http *http = http_open(&options, &err);
    ck_assert_msg(http != NULL, "%s", err.msg);
    ck_assert_int_eq(state_read_version(http, clock_now_ns() + 20 * NS_PER_S, version), version[0] != '\0');
    http_close(http);
    free((char *)options.url);
    buf_fini(&page);
}

START_TEST(a_status_page_is_at_most_so_long) /* loop test: _i is how far past the limit */
{
    char version[STATE_VERSION_MAX];

    peer = http_peer_start();
    read_version(STATUS_MAX + (size_t)_i, 5, version);
    ck_assert_str_eq(version, _i == 0 ? "01234" : "");
    http_peer_stop(peer);
}
END_TEST

START_TEST(a_version_is_cut_where_its_room_ends) /* loop test: _i is how far past the limit */
{
    char version[STATE_VERSION_MAX];

    peer = http_peer_start();
    read_version(0, STATE_VERSION_MAX - 1 + (size_t)_i, version);
    ck_assert_uint_eq(strlen(version), STATE_VERSION_MAX - 1);
    ck_assert_int_eq(version[STATE_VERSION_MAX - 2], '0' + (STATE_VERSION_MAX - 2) % 10);
    http_peer_stop(peer);
}
END_TEST

/* --- sweeping ------------------------------------------------------------------------------------------------------- */

static struct sink_rig rig;
static struct sweep_list swept;

static void setup(void)
{
    char url[64];

    peer = http_peer_start();
    sink_rig_init(&rig, "pushgateway");
    snprintf(url, sizeof(url), "http://us:s3cret@127.0.0.1:%d/pre", http_peer_port(peer));
    sink_rig_set(&rig, "url", url);
    sink_rig_set(&rig, "instance", "a/b");
    sink_rig_set(&rig, "grouping", "rack=");
    ck_assert_int_eq(sink_rig_open(&rig), 0);
}

static void teardown(void)
{
    sweep_list_fini(&swept);
    sink_rig_fini(&rig);
    http_peer_stop(peer);
}

static int64_t soon(void)
{
    return clock_now_ns() + NS_PER_S;
}

START_TEST(groups_come_oldest_first_with_ages_by_the_gateways_clock)
{
    http_peer_answer(peer, 200, "Date: Mon, 23 Nov 2026 22:14:34 GMT\r\n", list); /* 1795472074 */
    ck_assert_msg(sweep_read(rig.self, soon(), &swept, &rig.err) == 0, "%s", rig.err.msg);
    ck_assert_str_eq(http_peer_request(peer, 0)->path, "/pre/api/v1/metrics");
    ck_assert_uint_eq(swept.count, 2);
    ck_assert_int_eq(swept.groups[0].pushed_at_s, 17); /* a push that was refused is a sign of life */
    ck_assert_int_eq(swept.groups[1].pushed_at_s, 1795472014);
    ck_assert_int_ge(swept.groups[1].age_ms, 59000);
    ck_assert_int_le(swept.groups[1].age_ms, 61000);
    ck_assert(sweep_is_own(rig.self, &swept.groups[1]));
    ck_assert(!sweep_is_own(rig.self, &swept.groups[0]));
}
END_TEST

START_TEST(a_group_without_any_time_has_no_age_and_comes_last)
{
    http_peer_answer(peer, 200, "",
                     "{\"data\":[{\"labels\":{\"job\":\"new\"}," TIME("push_time_seconds", "0") "},"
                     "{\"labels\":{\"job\":\"far\"}," TIME("push_time_seconds", "1e300") "},"
                     "{\"labels\":{\"job\":\"future\"}," TIME("push_time_seconds", "9e10") "}]}");
    ck_assert_int_eq(sweep_read(rig.self, soon(), &swept, &rig.err), 0);
    ck_assert_str_eq(swept.groups[0].labels[0].value, "future");
    ck_assert_int_eq(swept.groups[0].age_ms, 0);
    ck_assert_int_eq(swept.groups[1].age_ms, NO_INT);
    ck_assert_int_eq(swept.groups[2].age_ms, NO_INT);
}
END_TEST

START_TEST(a_group_is_removed_by_exactly_its_labels)
{
    http_peer_answer(peer, 200, "", list);
    http_peer_answer(peer, 202, "", "");
    ck_assert_int_eq(sweep_read(rig.self, soon(), &swept, &rig.err), 0);
    ck_assert_int_eq(sweep_remove(rig.self, &swept.groups[1], soon(), &rig.err), 0);
    ck_assert_str_eq(http_peer_request(peer, 1)->method, "DELETE");
    ck_assert_str_eq(http_peer_request(peer, 1)->path, "/pre/metrics/job/rocketmq/instance@base64/YS9i/rack@base64/=");
    ck_assert_int_eq(sweep_remove(rig.self, &swept.groups[0], soon(), &rig.err), 0);
    ck_assert_str_eq(http_peer_request(peer, 2)->path, "/pre/metrics/job@base64/5raIICJ9XQ");
}
END_TEST

START_TEST(a_name_that_no_path_can_hold_is_not_sent)
{
    http_peer_answer(peer, 200, "", "{\"data\":[{\"labels\":{\"job\":\"a\",\"x/../y\\r\\nEvil: 1\":\"b\"}}]}");
    ck_assert_int_eq(sweep_read(rig.self, soon(), &swept, &rig.err), 0);
    ck_assert_int_eq(sweep_remove(rig.self, &swept.groups[0], soon(), &rig.err), -1);
    ck_assert_uint_eq(http_peer_requests(peer), 1);
}
END_TEST

static const struct {
    int status;
    const char *body, *message;
} failures[] = {
    { 401, "Unauthorized}]", "answered 401" },
    { 404, "404 page not found\n", "no Pushgateway under this URL" },
    { 200, "<html>{}}</html>", "not JSON" },
    { 200, "OK", "no such list" },
};

START_TEST(a_gateway_that_does_not_list_its_groups_is_said) /* loop test over failures */
{
    http_peer_answer(peer, failures[_i].status, "", failures[_i].body);
    ck_assert_int_eq(sweep_read(rig.self, soon(), &swept, &rig.err), -1);
    ck_assert_msg(strstr(rig.err.msg, failures[_i].message) != NULL, "%s", rig.err.msg);
    ck_assert_int_eq(strncmp(rig.err.msg, "Pushgateway 127.0.0.1:", 22), 0);
    ck_assert_ptr_null(strstr(rig.err.msg, "s3cret"));
    ck_assert_uint_eq(swept.count, 0);
}
END_TEST

START_TEST(an_endless_list_ends)
{
    http_peer_say_forever(peer, "HTTP/1.1 200 OK\r\n\r\n{\"data\":[{\"labels\":{\"job\":\"");
    ck_assert_int_eq(sweep_read(rig.self, clock_now_ns() + 5 * NS_PER_S, &swept, &rig.err), -1);
    ck_assert_int_eq(rig.err.kind, ERR_PROTO); /* long before the deadline */
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

static Suite *suite(void)
{
    Suite *s = suite_create("pushgateway state");
    TCase *t = unit_case(s, "list");

    tcase_add_loop_test(t, a_list_cut_anywhere_gives_the_same_groups, 0, (int)sizeof(list));
    tcase_add_loop_test(t, a_list_that_ends_early_is_refused, 0, (int)sizeof(list) - 1);
    tcase_add_loop_test(t, what_is_no_list_is_said, 0, COUNT(no_lists));
    tcase_add_test(t, an_empty_list_has_no_groups);
    tcase_add_loop_test(t, each_limit_holds, 0, COUNT(limits));
    tcase_add_test(t, what_a_group_holds_takes_no_memory);
    t = unit_case(s, "version");
    tcase_add_loop_test(t, a_status_page_is_at_most_so_long, 0, 2);
    tcase_add_loop_test(t, a_version_is_cut_where_its_room_ends, 0, 2);
    t = unit_case(s, "sweep");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, groups_come_oldest_first_with_ages_by_the_gateways_clock);
    tcase_add_test(t, a_group_without_any_time_has_no_age_and_comes_last);
    tcase_add_test(t, a_group_is_removed_by_exactly_its_labels);
    tcase_add_test(t, a_name_that_no_path_can_hold_is_not_sent);
    tcase_add_loop_test(t, a_gateway_that_does_not_list_its_groups_is_said, 0, COUNT(failures));
    tcase_add_test(t, an_endless_list_ends);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
