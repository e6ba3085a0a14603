/* test_statsd_send.c - what a TCP receiver may say in vain, to the byte; everything else of send.h is in test_statsd.c. */
#include "agent/base/clock.h"
#include "sinks/statsd/send.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHATTER_MAX (256 * 1024) /* of send.c */

/* _i: bytes past the limit. A pair of local sockets, because TCP would bring so much in pieces, with pauses between them. */
START_TEST(a_receiver_may_talk_up_to_a_limit)
{
    static char words[CHATTER_MAX + 1];
    const struct send_limits limits = { .deadline_ns = clock_now_ns() + 20 * NS_PER_S, .timeout_ms = 20000, .cancel_fd = -1 };
    const int room = 212992; /* which any Linux grants, and doubles */
    struct sender s = { .transport = SEND_TCP, .name = "StatsD tcp talker" };
    struct err err = { 0 };
    int pair[2];
    size_t len = CHATTER_MAX + (size_t)_i;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    ck_assert_int_eq(send(pair[1], words, len, MSG_DONTWAIT), (ssize_t)len);
    s.fd = pair[0];
    ck_assert_msg(sender_settle(&s, &limits, &err) == (_i == 0 ? 0 : -1), "%s", err.msg);
    if (_i == 1) {
        ck_assert_int_eq(err.kind, ERR_PROTO);
        ck_assert_str_eq(err.msg, "StatsD tcp talker: it talks without end, which no StatsD receiver does");
    }
    close(pair[0]);
    close(pair[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("statsd send");
    TCase *c = unit_case(suite, "send");

    tcase_add_loop_test(c, a_receiver_may_talk_up_to_a_limit, 0, 2);
    return unit_main(suite);
}
