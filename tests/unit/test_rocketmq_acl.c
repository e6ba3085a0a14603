/* test_rocketmq_acl.c - brokers that ask who we are: signatures, what their refusals mean and cost, lists page by page. */
#include "agent/base/buf.h"
#include "agent/source/rocketmq/cluster.h"
#include "agent/source/rocketmq/forbidden.h"
#include "agent/source/rocketmq/sign.h"
#include "tests/fake/rmq_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct source_ops rocketmq_source;

/* ---- signatures -------------------------------------------------------------------------------------------------- */

/* Accepted by a 4.9 broker. */
static const struct {
    const char *access, *secret, *token;
    struct wire_field fields[2];
    const char *body, *signature;
} vectors[] = {
    { "RocketMQ", "12345678", "", { { "x", NULL } }, "", "IUc8rrO/0gDch8CjObLQsW2rsiA=" },
    { "adminak", "adminsk1", "tok", { { "topic", "TBW102" }, { "queueId", "0" } }, "", "cUOaiIQo+h1N4wMg7LAbLf/O8Hk=" },
    { "adminak", "adminsk1", "", { { "consumerGroup", "G1" }, { "topic", "TopicA" } }, "", "XJzeUraN9Y1sbt6WaPOyvJY/ENY=" },
    { "adminak", "adminsk1", "", { { "statsName", "TOPIC_PUT_NUMS" }, { "statsKey", "TopicA" } }, "", "jMn6K/IsqSVRvkkxLUEcGn+Cvcs=" },
    /* The body follows the fields: the same bytes, the same signature. */
    { "adminak", "adminsk1", "", { { "consumerGroup", "G1" }, { "x", NULL } }, "TopicA", "XJzeUraN9Y1sbt6WaPOyvJY/ENY=" },
};

START_TEST(a_signature_is_the_one_that_brokers_accept)
{
    struct wire_field added[WIRE_SIGN_MAX];
    struct err err;
    struct wire_signer *signer = sign_new(vectors[_i].access, vectors[_i].secret, vectors[_i].token, &err);
    struct view body = { vectors[_i].body, strlen(vectors[_i].body) };

    for (int again = 0; again < 2; again++) {
        int count = signer->sign(signer->ctx, vectors[_i].fields, 2, body, added, &err);
        ck_assert_int_eq(count, vectors[_i].token[0] != '\0' ? 3 : 2);
        ck_assert_str_eq(added[0].key, "AccessKey");
        ck_assert_str_eq(added[count - 1].key, "Signature");
        ck_assert_str_eq(added[count - 1].value, vectors[_i].signature);
    }
    sign_free(signer);
}
END_TEST

START_TEST(half_a_key_is_a_mistake_and_no_key_is_none)
{
    static const char *const keys[][4] = {
        { "ak", "", "", "secret_key" }, { "", "topsecret", "", "access_key" }, { "", "", "topsecret", "access_key" },
        { "", "", "", NULL },
    };
    struct err err;

    ck_assert_ptr_null(sign_new(keys[_i][0], keys[_i][1], keys[_i][2], &err));
    if (keys[_i][3] == NULL) {
        ck_assert_int_eq(err.kind, ERR_NONE);
        return;
    }
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    ck_assert_msg(strstr(err.msg, keys[_i][3]) != NULL && strstr(err.msg, "topsecret") == NULL, "%s", err.msg);
}
END_TEST

static struct rig *rig_signing(int version)
{
    struct rig *r = rig_simple(version);

    rig_set(r, "access_key", "reader");
    rig_set(r, "secret_key", "reader12345");
    return r;
}

START_TEST(brokers_are_shown_the_key_and_name_servers_are_not)
{
    struct rig *r = rig_signing(V4);

    rig_open(r, 60000);
    good_look(r);
    ck_assert_str_eq(broker_saw(r->a, RMQ_GET_TOPIC_STATS_INFO, "AccessKey"), "reader");
    ck_assert_str_eq(broker_saw(r->a, RMQ_GET_BROKER_RUNTIME_INFO, "AccessKey"), "reader");
    ck_assert_uint_eq(strlen(broker_saw(r->a, RMQ_GET_BROKER_RUNTIME_INFO, "Signature")), 28);
    const char *seen = broker_saw(r->ns, RMQ_GET_BROKER_CLUSTER_INFO, "AccessKey");
    ck_assert_msg(seen == NULL || seen[0] == '\0', "%s", seen);
    rig_free(r);
}
END_TEST

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

#define ACL "org.apache.rocketmq.acl.common.AclException: "

static const struct {
    int code;
    const char *remark, *why; /* why NULL: no matter of rights */
} refusals[] = {
    { 16, "username cannot be null.", "the broker wants an access_key" },
    { 16, "check signature failed.", "wrong secret_key" },
    { 16, "User:nobody is not found.", "unknown user nobody" },
    { 16, "User:reader has no permission to access Topic:T from 127.0.0.1, no matched policies.", "missing right on Topic:T" },
    { 16, "User:reader has no permission to access Group:G from", "User:reader has no permission to access Group:G from" },
    { 16, NULL, "no reason given" },
    { 1, ACL "No accessKey is configured, org.apache.Plain.validate(Plain.java:104)", "the broker wants an access_key" },
    { 1, ACL "Check signature failed for accessKey=reader, org.apache.Plain", "wrong secret_key" },
    { 1, ACL "No acl config for nobody, org.apache.Plain", "unknown user nobody" },
    { 1, ACL "No default permission for %RETRY%G, org.apache.Plain", "missing right on %RETRY%G" },
    { 1, ACL "something new", "something new" },
    { 1, "java.util.NoSuchElementException, java.util.LinkedList.getLast", NULL },
    { 1, "check signature failed.", NULL },
    { 2, ACL "No acl config for nobody", NULL },
    { 0, NULL, NULL },
};

START_TEST(a_refusal_says_what_is_missing)
{
    const char *remark = refusals[_i].remark;
    const struct frame answer = { .code = refusals[_i].code, .is_binary = true, .remark = { remark, remark == NULL ? 0 : strlen(remark) } };
    char why[WIRE_REMARK_TEXT];

    ck_assert_int_eq(forbidden_why(&answer, why, sizeof(why)), refusals[_i].why != NULL);
    if (refusals[_i].why != NULL)
        ck_assert_str_eq(why, refusals[_i].why);
}
END_TEST

static void expect_forbidden(struct rig *r, const char *words, int64_t failed)
{
    uint32_t row = must_find(r, TABLE_SCRAPES, "kind", "broker", NULL, NULL);

    ck_assert_int_eq(r->result, SOURCE_SOME);
    ck_assert_int_eq(r->err.kind, ERR_FORBIDDEN);
    EXPECT_TEXT(r, SCRAPES, row, ERROR, "forbidden");
    EXPECT_INT(r, SCRAPES, row, FAILED, failed);
    const char *detail = batch_text(r->batch, TABLE_SCRAPES, row, SCRAPES_DETAIL);
    ck_assert_msg(strstr(detail, words) != NULL, "%s", detail);
}

START_TEST(a_broker_that_does_not_know_us_is_asked_twice_and_read_as_soon_as_it_does)
{
    static const int codes[] = { RMQ_GET_ALL_CONSUMER_OFFSET, RMQ_GET_BROKER_RUNTIME_INFO, RMQ_GET_ALL_TOPIC_CONFIG,
                                 RMQ_GET_ALL_SUBSCRIPTIONGROUP_CONFIG, RMQ_GET_TOPIC_STATS_INFO, RMQ_GET_CONSUME_STATS };
    struct rig *r = rig_signing(V5);

    rig_open(r, 60000);
    if (_i == 1)
        good_look(r); /* the password changes later */
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        say_no(r->a, codes[i], RMQ_RESPONSE_NO_PERMISSION, "check signature failed.");
    for (int i = 0; i < 3; i++) {
        look(r);
        expect_forbidden(r, "wrong secret_key", 2);
        ck_assert_int_eq(requests(r), 3); /* with that to the name server */
        int64_t known = find(r, TABLE_BACKLOGS, "consumer_group", "G", "topic", "T");
        ck_assert_int_eq(known >= 0, _i);
        if (known >= 0)
            EXPECT_ABSENT(r, BACKLOGS, (uint32_t)known, LAG);
    }
    say_topics(r->a, "T:2");
    say_groups(r->a, "G");
    say_offsets(r->a, "T@G:90,90", NULL);
    say_log(r->a, 2000, 0);
    say_ends(r->a, "T:0-100,0-100");
    good_look(r);
    expect_backlog(r, "G", "T", 20, 20, 1);
    rig_free(r);
}
END_TEST

START_TEST(a_topic_we_may_not_read_rests_and_the_others_go_on)
{
    struct rig *r = rig_signing(_i == 0 ? V4 : V5);

    rig_set(r, "slow_interval", "1s");
    say_topics(r->a, "T:2 U:2 V:2");
    say_offsets(r->a, "T@G:90,90 U@G:1,1 V@G:1,1", NULL);
    say_ends(r->a, "T:0-100,0-100 U:0-9,0-9 V:0-9,0-9");
    for (int i = 0; i < 2; i++) {
        broker_always(r->a, RMQ_GET_TOPIC_STATS_INFO);
        broker_when(r->a, "topic", i == 0 ? "U" : "V");
        broker_reply_code(r->a, RMQ_RESPONSE_NO_PERMISSION,
                          i == 0 ? "User:reader has no permission to access Topic:U from 127.0.0.1, no matched policies."
                                 : "User:reader has no permission to access Topic:V from 127.0.0.1, no matched policies.");
    }
    rig_open(r, 100);
    look(r);
    int64_t all = broker_requests(r->a, RMQ_GET_TOPIC_STATS_INFO);
    ck_assert_int_eq(all, 3);
    for (int i = 0; i < 3; i++) {
        expect_forbidden(r, "missing right on Topic:U, and 1 more", 2);
        expect_backlog(r, "G", "T", 20, 20, 1);
        EXPECT_ABSENT(r, BACKLOGS, backlog(r, "G", "U"), LAG);
        EXPECT_ABSENT(r, TOPICS, topic(r, "U"), MAX_OFFSET);
        say_log(r->a, 2000 + i, 0);
        look(r);
    }
    char *topics = broker_saw_all(r->a, RMQ_GET_TOPIC_STATS_INFO, "topic", "topic");
    ck_assert_msg(strstr(strstr(topics, "U") + 2, "U\nU") == NULL, "asked again too soon: %s", topics);
    free(topics);
    say_ends(r->a, "T:0-100,0-100 U:0-9,0-9 V:0-9,0-9"); /* the right is given */
    usleep(1100 * 1000);
    say_log(r->a, 9000, 0);
    good_look(r);
    expect_backlog(r, "G", "U", 16, 16, 1);
    rig_free(r);
}
END_TEST

START_TEST(rates_we_may_not_read_are_asked_for_once_and_are_not_zero)
{
    struct rig *r = rig_signing(V4);

    broker_always(r->a, RMQ_VIEW_BROKER_STATS_DATA);
    broker_reply_code(r->a, RMQ_RESPONSE_NO_PERMISSION,
                      "User:reader has no permission to access Cluster:c1 from 127.0.0.1, no matched policies.");
    rig_open(r, 60000);
    for (int i = 0; i < 3; i++) {
        say_ends(r->a, i == 0 ? "T:0-100,0-100" : i == 1 ? "T:0-110,0-100" : "T:0-120,0-100");
        say_log(r->a, 2000 + i, 0);
        look(r);
        expect_forbidden(r, "missing right on Cluster:c1", i == 0 ? broker_requests(r->a, RMQ_VIEW_BROKER_STATS_DATA) : 1);
        ck_assert_int_eq(asked(r, RMQ_VIEW_BROKER_STATS_DATA) > 0, i == 0);
        if (i > 0)
            EXPECT_ABSENT(r, TOPICS, topic(r, "T"), IN_BYTES_RATE);
    }
    rig_free(r);
}
END_TEST

/* ---- lists page by page ------------------------------------------------------------------------------------------ */

#define VERSION_1 "{\"counter\":1,\"stateVersion\":0,\"timestamp\":1700000000000}"
#define VERSION_2 "{\"counter\":2,\"stateVersion\":0,\"timestamp\":1700000000001}"

/* What 21 says when asked from `seq` on (NULL: whatever is asked), once or always. */
static void say_page(struct rig *r, bool once, const char *seq, const char *version, const char *names, const char *total)
{
    struct buf body;
    char *copy = strdup(names), *save = NULL;

    buf_init(&body, 0);
    buf_printf(&body, "{\"dataVersion\":%s,\"topicConfigTable\":{", version);
    for (char *name = strtok_r(copy, " ", &save); name != NULL; name = strtok_r(NULL, " ", &save))
        buf_printf(&body, "%s\"%s\":{\"readQueueNums\":2,\"writeQueueNums\":2}", name == copy ? "" : ",", name);
    buf_puts(&body, "}}");
    buf_putc(&body, '\0');
    if (once)
        broker_expect(r->a, RMQ_GET_ALL_TOPIC_CONFIG);
    else
        broker_always(r->a, RMQ_GET_ALL_TOPIC_CONFIG);
    if (seq != NULL)
        broker_when(r->a, "topicSeq", seq);
    broker_reply_body(r->a, body.data);
    if (total != NULL)
        broker_reply_ext(r->a, "totalTopicNum", total);
    buf_fini(&body);
    free(copy);
}

static struct rig *rig_paging(void)
{
    struct rig *r = rig_signing(WIRE_V5_4_0);

    say_ends(r->a, "T:0-100,0-100 A:0-1,0-1 B:0-1,0-1 C:0-1,0-1 D:0-1,0-1");
    return r;
}

static void expect_topics(const struct rig *r, const char *names)
{
    for (const char *name = "ABCDT"; *name != '\0'; name++) {
        const char text[2] = { *name, '\0' };
        bool is_there = find(r, TABLE_TOPICS, "topic", text, NULL, NULL) >= 0;
        ck_assert_msg(is_there == (strchr(names, *name) != NULL), "topic %s", text);
    }
}

START_TEST(a_signed_list_is_read_page_by_page)
{
    struct rig *r = rig_paging();

    say_page(r, false, "0", VERSION_1, "A B", "5");
    say_page(r, false, "2", VERSION_1, "C D", "5");
    say_page(r, false, "4", VERSION_1, "T", "5");
    rig_open(r, 60000);
    good_look(r);
    ck_assert_int_eq(broker_requests(r->a, RMQ_GET_ALL_TOPIC_CONFIG), 3);
    char *asked_with = broker_saw_all(r->a, RMQ_GET_ALL_TOPIC_CONFIG, "topicSeq", "dataVersion");
    ck_assert_ptr_nonnull(strstr(asked_with, VERSION_1));
    free(asked_with);
    ck_assert_str_eq(broker_saw(r->a, RMQ_GET_ALL_SUBSCRIPTIONGROUP_CONFIG, "groupSeq"), "0");
    ck_assert_str_eq(broker_saw(r->a, RMQ_GET_ALL_SUBSCRIPTIONGROUP_CONFIG, "totalGroupNum"), "0");
    expect_topics(r, "ABCDT");
    rig_free(r);
}
END_TEST

START_TEST(a_list_that_changes_between_two_pages_begins_again)
{
    struct rig *r = rig_paging();

    say_page(r, true, "0", VERSION_1, "A B", "5");
    say_page(r, true, "2", VERSION_2, "B C", "4"); /* A is gone: its first page again */
    say_page(r, true, "2", VERSION_2, "D T", "4");
    rig_open(r, 60000);
    good_look(r);
    ck_assert_int_eq(broker_unmet(r->a), 0);
    ck_assert_int_eq(asked(r, RMQ_GET_ALL_TOPIC_CONFIG), 3);
    expect_topics(r, "BCDT");
    rig_free(r);
}
END_TEST

START_TEST(a_page_without_names_ends_a_list)
{
    struct rig *r = rig_paging();

    say_page(r, false, NULL, VERSION_1, "", "100000");
    rig_open(r, 60000);
    look(r);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    ck_assert_msg(strstr(r->err.msg, "list of 100000 names does not end: 0 after 0 pages") != NULL, "%s", r->err.msg);
    rig_free(r);
}
END_TEST

/* ---- limits of such a list; each test is a loop over: at it, one past it ------------------------------------------- */

#define RESTARTS_MAX 3 /* these two of lanes_inventory.c */
#define PAGES_MAX 4096

START_TEST(a_list_that_changes_all_the_time_is_asked_for_whole)
{
    struct rig *r = rig_paging();
    char version[80];

    say_page(r, false, NULL, VERSION_1, "A T", NULL);
    for (int i = 0; i <= RESTARTS_MAX + _i; i++) {
        snprintf(version, sizeof(version), "{\"counter\":%d,\"stateVersion\":0,\"timestamp\":1}", i);
        say_page(r, true, i == 0 ? "0" : "2", version, "C D", "5");
    }
    if (_i == 0)
        say_page(r, true, "2", version, "A B T", "5");
    rig_open(r, 60000);
    good_look(r);
    ck_assert_int_eq(broker_unmet(r->a), 0);
    ck_assert_int_eq(asked(r, RMQ_GET_ALL_TOPIC_CONFIG), RESTARTS_MAX + 2 + _i);
    const char *seq = broker_saw(r->a, RMQ_GET_ALL_TOPIC_CONFIG, "topicSeq");
    ck_assert(_i == 0 ? seq != NULL && strcmp(seq, "2") == 0 : seq == NULL || seq[0] == '\0');
    expect_topics(r, _i == 0 ? "ABCDT" : "AT");
    rig_free(r);
}
END_TEST

START_TEST(a_list_has_at_most_so_many_pages)
{
    struct rig *r = rig_paging();
    char total[16];

    snprintf(total, sizeof(total), "%d", PAGES_MAX + _i); /* names, one a page */
    say_page(r, false, NULL, VERSION_1, "T", total);
    rig_open(r, 60000);
    look(r);
    ck_assert_int_eq(asked(r, RMQ_GET_ALL_TOPIC_CONFIG), PAGES_MAX);
    ck_assert_msg(r->result == (_i == 0 ? SOURCE_ALL : SOURCE_SOME), "%s", r->err.msg);
    ck_assert(_i == 0 || strstr(r->err.msg, "list of 4097 names does not end: 4096 after 4096 pages") != NULL);
    rig_free(r);
}
END_TEST

/* A version that cannot be sent back gives no second page. */
START_TEST(a_version_of_a_list_has_a_longest_length)
{
    static const char head[] = "{\"counter\":1,\"v\":\"", tail[] = "\"}";
    struct rig *r = rig_paging();
    char version[LIST_VERSION_MAX + 1];

    snprintf(version, sizeof(version), "%s%0*d%s", head, LIST_VERSION_MAX - 1 + _i - (int)strlen(head) - (int)strlen(tail), 7, tail);
    ck_assert_uint_eq(strlen(version), LIST_VERSION_MAX - 1 + (size_t)_i);
    say_page(r, false, NULL, version, "A T", NULL);
    say_page(r, true, "0", version, "C D", "5");
    if (_i == 0)
        say_page(r, true, "2", version, "A B T", "5");
    rig_open(r, 60000);
    good_look(r);
    ck_assert_int_eq(broker_unmet(r->a), 0);
    const char *sent = broker_saw(r->a, RMQ_GET_ALL_TOPIC_CONFIG, "dataVersion");
    ck_assert(_i == 0 ? sent != NULL && strcmp(sent, version) == 0 : sent == NULL || sent[0] == '\0');
    expect_topics(r, _i == 0 ? "ABCDT" : "AT");
    rig_free(r);
}
END_TEST

START_TEST(a_list_comes_whole_where_nothing_is_signed_or_the_broker_is_old)
{
    struct rig *r = _i == 0 ? rig_simple(WIRE_V5_4_0) : rig_signing(V5);

    rig_open(r, 60000);
    good_look(r);
    ck_assert_int_eq(asked(r, RMQ_GET_ALL_TOPIC_CONFIG), 1);
    const char *seq = broker_saw(r->a, RMQ_GET_ALL_TOPIC_CONFIG, "topicSeq");
    ck_assert(seq == NULL || seq[0] == '\0');
    expect_backlog(r, "G", "T", 20, 20, 1);
    rig_free(r);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rocketmq acl");
    TCase *c = tcase_create("acl");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, a_signature_is_the_one_that_brokers_accept, 0, 5);
    tcase_add_loop_test(c, half_a_key_is_a_mistake_and_no_key_is_none, 0, 4);
    tcase_add_test(c, brokers_are_shown_the_key_and_name_servers_are_not);
    tcase_add_loop_test(c, a_refusal_says_what_is_missing, 0, sizeof(refusals) / sizeof(refusals[0]));
    tcase_add_loop_test(c, a_broker_that_does_not_know_us_is_asked_twice_and_read_as_soon_as_it_does, 0, 2);
    tcase_add_loop_test(c, a_topic_we_may_not_read_rests_and_the_others_go_on, 0, 2);
    tcase_add_test(c, rates_we_may_not_read_are_asked_for_once_and_are_not_zero);
    tcase_add_test(c, a_signed_list_is_read_page_by_page);
    tcase_add_test(c, a_list_that_changes_between_two_pages_begins_again);
    tcase_add_test(c, a_page_without_names_ends_a_list);
    tcase_add_loop_test(c, a_list_that_changes_all_the_time_is_asked_for_whole, 0, 2);
    tcase_add_loop_test(c, a_list_has_at_most_so_many_pages, 0, 2);
    tcase_add_loop_test(c, a_version_of_a_list_has_a_longest_length, 0, 2);
    tcase_add_loop_test(c, a_list_comes_whole_where_nothing_is_signed_or_the_broker_is_old, 0, 2);
    return unit_main(s);
}
