/* test_rocketmq_rewrite.c - the claims of agent/source/rocketmq/rewrite.h, and of the options of conn_curl.h. */
#include "agent/source/rocketmq/rewrite.h"

#include "agent/source/rocketmq/conn_curl.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

static const struct {
    const char *map, *address, *to; /* to NULL: as it is */
} found[] = {
    { "", "10.0.0.1:10911", NULL },
    { "10.0.0.1:10911=gw.example:20911, 10.0.0.2=gw2", "10.0.0.1:10911", "gw.example:20911" },
    { "10.0.0.1:10911=gw.example:20911, 10.0.0.2=gw2", "10.0.0.1:10912", NULL },
    { "10.0.0.1:10911=gw.example:20911, 10.0.0.2=gw2", "10.0.0.2:10931", "gw2:10931" },
    { "10.0.0.1=gw, 10.0.0.1:10911=special:1", "10.0.0.1:10911", "special:1" },
    { "10.0.0.1=gw, 10.0.0.1:10911=special:1", "10.0.0.1:10921", "gw:10921" },
    { "10.0.0.1:10911=gw", "10.0.0.1:10911", "gw:10911" },
    { "10.0.0.1=gw", "10.0.0.11:10911", NULL },
    { "Broker-A.local=10.1.1.1", "broker-a.LOCAL:10911", "10.1.1.1:10911" },
    { "10.0.0.1=::1", "10.0.0.1:10911", "[::1]:10911" },
    { "fd00::1=gw", "[fd00::1]:10911", "gw:10911" },
    { "[fd00::1]:10911=gw:1", "fd00::1:10911", "gw:1" },
    { "10.0.0.1=[::1]", "10.0.0.1:10911", "[::1]:10911" },
};

START_TEST(an_advertised_address_becomes_the_one_in_the_map)
{
    char to[ADDRESS_MAX_BYTES];
    struct err err = { 0 };
    struct rewrite *r = rewrite_new(found[_i].map, &err);

    ck_assert_msg(r != NULL, "%s: %s", found[_i].map, err.msg);
    bool is_found = rewrite_find(r, found[_i].address, to);
    ck_assert_msg(is_found == (found[_i].to != NULL), "%s in %s", found[_i].address, found[_i].map);
    if (is_found)
        ck_assert_str_eq(to, found[_i].to);
    rewrite_free(r);
}
END_TEST

static const struct {
    const char *map, *says;
} wrong[] = {
    { "10.0.0.1", "expected OLD=NEW" },
    { "10.0.0.1:99999=gw", "rewrite: \"10.0.0.1:99999\" has no port from 1 to 65535" },
    { "10.0.0.1=gw:0", "has no port" },
    { "10.0.0.1=gw:20911", "several brokers would end at one port" },
    { "=gw", "expected OLD=NEW" },
    { "[::1=gw", "expected [IPv6]:port" },
    { "10.0.0.1=[[]", "brackets stand around an IPv6 only" },
};

START_TEST(a_wrong_map_is_refused_with_its_place)
{
    struct err err = { 0 };

    ck_assert_ptr_null(rewrite_new(wrong[_i].map, &err));
    ck_assert_msg(err.kind == ERR_CONFIG && strstr(err.msg, wrong[_i].says) != NULL, "%s: %s", wrong[_i].map, err.msg);
}
END_TEST

static const struct {
    struct conn_curl_options options;
    const char *says; /* NULL: good */
    bool is_plain;
} roads[] = {
    { { .tls = CONN_TLS_OFF }, NULL, true },
    { { .tls = CONN_TLS_OFF, .proxy = "" }, NULL, true },
    { { .tls = CONN_TLS_OFF, .proxy = "socks5h://us:pw@127.0.0.1:1080" }, NULL, false },
    { { .tls = CONN_TLS_TRY }, NULL, false },
    { { .tls = CONN_TLS_OFF, .ca_file = "Makefile" }, "tls_ca_file: only TLS uses it, and tls is off", false },
    { { .tls = CONN_TLS_REQUIRE, .ca_file = "/no/such/file" }, "tls_ca_file: /no/such/file: No such file", false },
    { { .tls = CONN_TLS_REQUIRE, .key_file = "Makefile" }, "tls_key_file: there is no tls_cert_file to it", false },
    { { .tls = CONN_TLS_REQUIRE, .key_password = "s3cret" }, "tls_key_password: there is no tls_cert_file", false },
    { { .tls = CONN_TLS_REQUIRE, .verify = CONN_VERIFY_CA }, "tls_verify: ca wants a tls_ca_file", false },
    { { .tls = CONN_TLS_OFF, .proxy = "ftp://us:s3cret@h" }, "proxy: expected http://host:port", false },
    { { .tls = CONN_TLS_OFF, .proxy = "http://" }, "proxy: expected http://host:port", false },
};

START_TEST(options_that_do_not_fit_are_refused_by_name_without_secrets)
{
    struct conn_curl_road *road = NULL;
    struct err err = { 0 };
    int rc = conn_curl_road_new(&roads[_i].options, &road, &err);

    ck_assert_msg((rc == 0) == (roads[_i].says == NULL), "%s", err.msg);
    if (rc == 0)
        ck_assert((road == NULL) == roads[_i].is_plain);
    else
        ck_assert_msg(strstr(err.msg, roads[_i].says) != NULL && strstr(err.msg, "s3cret") == NULL, "%s", err.msg);
    conn_curl_road_free(road);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("rocketmq rewrite");
    TCase *c = unit_case(s, "rewrite");

    tcase_add_loop_test(c, an_advertised_address_becomes_the_one_in_the_map, 0, COUNT(found));
    tcase_add_loop_test(c, a_wrong_map_is_refused_with_its_place, 0, COUNT(wrong));
    tcase_add_loop_test(c, options_that_do_not_fit_are_refused_by_name_without_secrets, 0, COUNT(roads));
    return s;
}

int main(void)
{
    return unit_main(suite());
}
