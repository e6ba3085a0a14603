/* test_rocketmq_limits_rows.c - what is seen of it when a limit is met. */
#include "agent/source/rocketmq/look.h"
#include "agent/source/rocketmq/rows.h"
#include "tests/unit/test_rocketmq_limits.h"

static const struct moment now = { 1, NS_PER_S, 120 };

/* Four queues, of which the limit leaves room for all, or for three. */
START_TEST(rows_of_queues_have_a_limit)
{
    static const struct look_options options = { .cluster_names = "" };
    static const char topics[] = "{\"topicConfigTable\":{\"t\":{\"readQueueNums\":4,\"writeQueueNums\":4}}}";
    struct look look = { .options = &options, .topology = &topology, .rpc = rpc, .number = 1, .batch = batch_new() };
    uint32_t names;
    struct err err;

    look.queue_rows = QUEUE_ROWS_MAX - 4 + (uint32_t)_i;
    broker->now.look = &look;
    broker->leader->is_up = true;
    ck_assert_int_eq(learn_topics(broker, view_of(topics), 1, &names, &err), 0);
    broker->topics_stamp = 1;
    ck_assert_int_eq(learn_groups(broker, view_of("{\"subscriptionGroupTable\":{\"g\":{}}}"), 1, &names, &err), 0);
    broker->groups_stamp = 1;
    ck_assert_int_eq(learn_offsets(broker, view_of("{\"offsetTable\":{\"t@g\":{0:1,1:1,2:1,3:1}}}"), now, &err), 0);
    rows_begin(&look, "limits");
    rows_end(&look, "limits");
    ck_assert_uint_eq(batch_rows(look.batch, TABLE_QUEUES), _i == 0 ? 4 : 0);
    batch_unref(look.batch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rocketmq limits: rows");
    TCase *c = unit_case(suite, "limits");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, rows_of_queues_have_a_limit, 0, 2);
    return unit_main(suite);
}
