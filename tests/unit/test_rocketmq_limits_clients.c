/* test_rocketmq_limits_clients.c - clients, what they say of themselves, and producers for which there is no room. */
#include "agent/source/rocketmq/running.h"
#include "tests/unit/test_rocketmq_limits_seen.h"

/* ---- clients and producers --------------------------------------------------------------------------------------- */

/* They are members all the same. */
START_TEST(clients_too_many_are_said)
{
    struct err err;

    say_groups("g");
    buf_reset(&text);
    buf_puts(&text, "{\"connectionSet\":[");
    for (int i = 0; i < GROUP_CLIENTS_MAX + _i; i++)
        buf_printf(&text, "%s{\"clientId\":\"10.0.0.1@%d\",\"clientAddr\":\"10.0.0.1:%d\"}", i > 0 ? "," : "", i, i);
    buf_puts(&text, "]}");
    ck_assert_int_eq(learn_clients(broker, 1, body(), &err), 0);
    make_rows();
    expect_words(_i == 0 ? NULL : "left out: 1 client beyond GROUP_CLIENTS_MAX");
    ck_assert_int_eq(value_of(TABLE_GROUPS, 0, "members"), GROUP_CLIENTS_MAX + _i);
    ck_assert_uint_eq(batch_rows(look.batch, TABLE_CLIENTS), GROUP_CLIENTS_MAX);
}
END_TEST

START_TEST(a_client_whose_id_is_too_long_is_said)
{
    struct err err;

    say_groups("g");
    buf_reset(&text);
    buf_printf(&text, "{\"connectionSet\":[{\"clientId\":\"a@1\"},{\"clientId\":\"%0*d\"}]}", CLIENT_ID_MAX_BYTES + _i, 0);
    ck_assert_int_eq(learn_clients(broker, 1, body(), &err), 0);
    make_rows();
    expect_words(_i == 0 ? NULL : "left out: 1 client beyond CLIENT_ID_MAX_BYTES");
    ck_assert_int_eq(value_of(TABLE_GROUPS, 0, "members"), 2);
    learn_nobody_online(broker, 1);
    next_look();
    make_rows();
    expect_words(NULL);
}
END_TEST

/* Each queue is shared out among all clients, and one that is not known has its share, too. */
START_TEST(owners_are_not_worked_out_where_a_client_is_not_known)
{
    static const char said[] = "{\"mqTable\":{{\"topic\":\"t\",\"brokerName\":\"b\",\"queueId\":0}:{}},\"properties\":{"
                               "\"allocateMessageQueueStrategy\":\"org.x.AllocateMessageQueueAveragely@1\"}}";
    struct err err;

    say_offsets("\"t@g\":{0:1}");
    say_topics("t", 1);
    say_groups("g");
    buf_reset(&text);
    buf_puts(&text, "{\"connectionSet\":[{\"clientId\":\"a@1\"}");
    if (_i > 0)
        buf_printf(&text, ",{\"clientId\":\"%0*d\"}", CLIENT_ID_MAX_BYTES + 1, 0);
    buf_puts(&text, "]}");
    ck_assert_int_eq(learn_clients(broker, 1, body(), &err), 0);
    ck_assert_int_eq(learn_running(broker, 1, 0, view_of(said), NS_PER_S, &err), 0);
    ck_assert_int_eq(cluster->group_infos[1].clients[0].running->fit, _i == 0 ? FIT_YES : FIT_NO);
}
END_TEST

START_TEST(figures_of_a_client_that_says_too_much_are_not_told)
{
    struct err err;
    char name[32];

    say_groups("g");
    ck_assert_int_eq(learn_clients(broker, 1, view_of("{\"connectionSet\":[{\"clientId\":\"a@1\"}]}"), &err), 0);
    buf_reset(&text);
    buf_puts(&text, "{\"statusTable\":{");
    for (int i = 0; i < RUNNING_TOPICS_MAX + _i; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        must_topic(name);
        buf_printf(&text, "%s\"%s\":{\"consumeOKTPS\":1.0}", i > 0 ? "," : "", name);
    }
    buf_puts(&text, "}}");
    ck_assert_int_eq(learn_running(broker, 1, 0, body(), NS_PER_S, &err), 0);
    make_rows();
    ck_assert_int_eq(batch_has(look.batch, TABLE_CLIENTS, 0, CLIENTS_OK_RATE), _i == 0);
    ck_assert_uint_eq(batch_rows(look.batch, TABLE_CLIENT_TOPICS), RUNNING_TOPICS_MAX);
}
END_TEST

START_TEST(producer_groups_too_many_are_said)
{
    struct err err;

    buf_reset(&text);
    buf_puts(&text, "{\"data\":{");
    for (int i = 0; i < PRODUCER_GROUPS_MAX + _i; i++)
        buf_printf(&text, "%s\"p%d\":[{}]", i > 0 ? "," : "", i);
    buf_puts(&text, "}}");
    ck_assert_int_eq(learn_producers(broker, body(), true, &err), 0);
    make_rows();
    expect_words(_i == 0 ? NULL : "left out: 1 producer beyond PRODUCER_GROUPS_MAX");
    ck_assert_uint_eq(batch_rows(look.batch, TABLE_PRODUCERS), PRODUCER_GROUPS_MAX);
    ck_assert_int_eq(learn_producers(broker, view_of("{\"data\":{}}"), true, &err), 0);
    make_rows();
    expect_words(NULL);
}
END_TEST

/* Whose id is not in an answer that has too many of them may be in the rest. */
START_TEST(nobody_has_left_by_an_answer_that_was_cut)
{
    struct err err;

    say_groups("g");
    ck_assert_int_eq(learn_clients(broker, 1, view_of("{\"connectionSet\":[{\"clientId\":\"a@1\"}]}"), &err), 0);
    ck_assert_int_eq(learn_producers(broker, view_of("{\"data\":{\"p\":[{\"clientId\":\"a@1\"}]}}"), true, &err), 0);
    buf_reset(&text);
    buf_puts(&text, "{\"data\":{\"p\":[");
    for (int i = 0; i < PRODUCER_IDS_MAX + _i; i++)
        buf_printf(&text, "%s{\"clientId\":\"c%d\"}", i > 0 ? "," : "", i);
    buf_puts(&text, "]}}");
    ck_assert_int_eq(learn_producers(broker, body(), true, &err), 0);
    ck_assert_uint_eq(broker->client_id_count, PRODUCER_IDS_MAX);
    ck_assert_uint_eq(broker->producers->list[0].clients, PRODUCER_IDS_MAX + (unsigned)_i);
    ck_assert_uint_eq(cluster->group_infos[1].client_count, (unsigned)_i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rocketmq limits: clients");
    TCase *c = unit_case(suite, "limits");

    tcase_add_checked_fixture(c, start, stop);
    tcase_add_loop_test(c, clients_too_many_are_said, 0, 2);
    tcase_add_loop_test(c, a_client_whose_id_is_too_long_is_said, 0, 2);
    tcase_add_loop_test(c, owners_are_not_worked_out_where_a_client_is_not_known, 0, 2);
    tcase_add_loop_test(c, figures_of_a_client_that_says_too_much_are_not_told, 0, 2);
    tcase_add_loop_test(c, producer_groups_too_many_are_said, 0, 2);
    tcase_add_loop_test(c, nobody_has_left_by_an_answer_that_was_cut, 0, 2);
    return unit_main(suite);
}
