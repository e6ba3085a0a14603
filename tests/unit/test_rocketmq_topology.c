/* test_rocketmq_topology.c - looks that are cut off, slaves that stand in, name servers that are away: what is known afterwards. */
#include "agent/base/xalloc.h"
#include "tests/fake/rmq_rig.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

extern const struct source_ops rocketmq_source;

/* A look that ran out of time once left the ends of an idle broker unknown for as long as nothing was written. */
START_TEST(a_look_that_is_cut_off_leaves_nothing_unknown)
{
    static const int codes[] = { RMQ_GET_ALL_CONSUMER_OFFSET, RMQ_GET_BROKER_RUNTIME_INFO };
    struct rig *r = rig_simple(V5);

    rig_open(r, 60000);
    for (int i = 0; i < 3; i++) /* it comes to rest */
        good_look(r);
    broker_expect(r->a, codes[_i]);
    broker_stall(r->a);
    look_until(r, 300, -1);
    ck_assert_int_eq(r->result, SOURCE_SOME);
    for (int i = 0; i < 3; i++) {
        good_look(r);
        expect_backlog(r, "G", "T", 20, 20, 1);
    }
    ck_assert_int_eq(requests(r), 3); /* and it is at rest again */
    rig_free(r);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("rocketmq topology");
    TCase *c = unit_case(s, "looks");

    tcase_add_loop_test(c, a_look_that_is_cut_off_leaves_nothing_unknown, 0, 2);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
