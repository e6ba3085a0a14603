/* test_redis_limits.c - how far the redis sink goes before it gives up: steps of a delivery, entries it passes, pages it asks for. */
#include "tests/fake/redis_peer.h"
#include "tests/fake/sink_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define STEPS_MAX 12     /* of stream.c */
#define WALK_MAX 100000u /* these two of compare.c */
#define PAGE_MAX 512

#define TIME_MS 1700000040000LL /* of the rig's batches */
#define KEY "mqpush:brokers"

static struct redis_peer *peer;
static struct sink_rig rig;

static void setup(void)
{
    peer = redis_peer_start();
    sink_rig_init(&rig, "redis");
    sink_rig_set(&rig, "url", redis_peer_url(peer));
    rig.env.timeout_ms = rig.deadline_ms = 20000;
    ck_assert_msg(sink_rig_open(&rig) == 0, "%s", rig.err.msg);
}

static void teardown(void)
{
    sink_rig_fini(&rig);
    redis_peer_stop(peer);
}

static enum sink_result deliver(uint32_t rows)
{
    struct batch *b = rig_broker_batch(rows);
    enum sink_result result = sink_rig_deliver(&rig, b);

    batch_unref(b);
    return result;
}

static unsigned count_in_log(const char *word)
{
    unsigned count = 0;

    for (const char *at = redis_peer_log(peer); (at = strstr(at, word)) != NULL; at += strlen(word))
        count++;
    return count;
}

/* Somebody else always takes the next id just before we do. */
START_TEST(a_delivery_begins_again_so_often) /* loop test: _i is how far past the limit */
{
    redis_peer_fail(peer, "XADD", 1, STEPS_MAX - 1 + (unsigned)_i,
                    "ERR The ID specified in XADD is equal or smaller than the target stream top item");
    ck_assert_int_eq(deliver(1), _i == 0 ? SINK_OK : SINK_RETRY);
    ck_assert_uint_eq(count_in_log("XADD "), STEPS_MAX);
    ck_assert(_i == 0 || strstr(rig.err.msg, "The ID specified in XADD") != NULL);
    ck_assert_int_eq(deliver(1), SINK_OK);
    ck_assert_uint_eq(redis_peer_entries(peer, KEY), 1);
}
END_TEST

/* The clock had stepped back: the row has an id of a later time, so only the walk from the end finds it. */
START_TEST(entries_of_others_that_are_passed_have_a_limit)
{
    redis_peer_add_many(peer, KEY, TIME_MS + 1000, 1);
    ck_assert_msg(deliver(1) == SINK_OK, "%s", rig.err.msg);
    ck_assert_ptr_eq(strstr(redis_peer_entry(peer, KEY, 1), "1700000041000-1 time 1700000040 "), redis_peer_entry(peer, KEY, 1));
    redis_peer_add_many(peer, KEY, TIME_MS + 2000, WALK_MAX);
    ck_assert_msg(deliver(1) == SINK_OK, "%s", rig.err.msg);
    ck_assert_uint_eq(redis_peer_entries(peer, KEY), 2 + WALK_MAX); /* it is known again */
    redis_peer_add_many(peer, KEY, TIME_MS + 3000, 1);
    ck_assert_msg(deliver(1) == SINK_OK, "%s", rig.err.msg);
    ck_assert_uint_eq(redis_peer_entries(peer, KEY), 2 + WALK_MAX + 2); /* it came once more */
}
END_TEST

/* 8, 32, 128, and then the limit for as long as it goes on. */
START_TEST(a_page_of_entries_has_a_limit)
{
    redis_peer_add_many(peer, KEY, TIME_MS + 1000, 8 + 32 + 128 + 3 * PAGE_MAX);
    ck_assert_msg(deliver(1) == SINK_OK, "%s", rig.err.msg);
    ck_assert_uint_eq(count_in_log("XREVRANGE "), 7); /* the last one finds nothing */
    ck_assert_uint_eq(count_in_log(" COUNT 8\n") + count_in_log(" COUNT 32\n") + count_in_log(" COUNT 128\n"), 3);
    ck_assert_uint_eq(count_in_log(" COUNT 512\n"), 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis limits");
    TCase *c = unit_case(suite, "limits");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, a_delivery_begins_again_so_often, 0, 2);
    tcase_add_test(c, entries_of_others_that_are_passed_have_a_limit);
    tcase_add_test(c, a_page_of_entries_has_a_limit);
    return unit_main(suite);
}
