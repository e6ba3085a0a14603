/*
 * fuzz_redis_reply.c - any bytes as what a Redis server, a Cluster or a Sentinel says while a table is delivered to it.
 *
 * The first byte's bits choose: 1 a Sentinel is asked first, 2 we log in, 4 trimming by age, 8 by length. The rest is cut at zero
 * bytes: each piece is all that one connection ever says, the next connection gets the next piece; then no server answers. socket.c
 * is replaced by a pair of sockets, so that no redirection leads anywhere.
 *
 * What must hold: a delivery ends; a failure has a sentence of printable bytes, without the password where we had just said it.
 */
#include "agent/base/clock.h"
#include "sinks/redis/socket.h"
#include "sinks/redis/stream.h"
#include "tests/fuzz/fuzz.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIME_MS 1700000040000LL
#define ROWS 3
#define AUTH_FAILED "master:6379: AUTH: "
#define FAR_ENDS_MAX 64 /* two deliveries of at most 12 steps, each with a Sentinel */

static const uint8_t *script;
static size_t script_left;
static int far_ends[FAR_ENDS_MAX]; /* kept open, so that what we say meets no closed end */
static unsigned far_end_count;

int socket_connect(const struct endpoint *to, const struct wait *wait, struct err *err)
{
    int pair[2];

    (void)to, (void)wait;
    if (script_left == 0)
        return err_set(err, ERR_SYS, "connect: nobody there");
    const uint8_t *end = memchr(script, 0, script_left);
    size_t len = end != NULL ? (size_t)(end - script) : script_left, used = end != NULL ? len + 1 : len;
    fuzz_require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    fuzz_require(write(pair[1], script, len) == (ssize_t)len && shutdown(pair[1], SHUT_WR) == 0);
    fuzz_require(far_end_count < FAR_ENDS_MAX);
    far_ends[far_end_count++] = pair[1];
    script += used;
    script_left -= used;
    return pair[0];
}

static void close_far_ends(void)
{
    while (far_end_count > 0)
        close(far_ends[--far_end_count]);
}

int socket_wait(int fd, int events, const struct wait *wait, struct err *err)
{
    struct pollfd p = { .fd = fd, .events = (short)events };

    (void)wait;
    return poll(&p, 1, 0) > 0 ? p.revents : err_set(err, ERR_TIMEOUT, "no answer in time");
}

static struct batch *make_batch(void)
{
    struct batch *b = batch_new();

    batch_info_edit(b)->time_ms = TIME_MS;
    for (int64_t i = 0; i < ROWS; i++) {
        uint32_t row = batch_add(b, TABLE_GROUPS);
        batch_set_text(b, TABLE_GROUPS, row, GROUPS_CONSUMER_GROUP, batch_intern_z(b, "g"));
        batch_set_int(b, TABLE_GROUPS, row, GROUPS_LAG, i);
    }
    batch_seal(b);
    return b;
}

static void deliver(uint8_t how, const struct batch *b)
{
    const struct sink_label no_labels[] = { { 0 } };
    struct address address;
    struct endpoints sentinels = { .count = how & 1 };
    struct err err = { .kind = ERR_NONE };
    struct wait wait = { .deadline_ns = INT64_MAX, .cancel_fd = -1 };
    struct login login = { .password = (how & 2) != 0 ? "secret" : NULL, .database = (how & 2) != 0 ? 3 : 0 };
    struct peers peers;
    struct stream stream;
    uint64_t rows = 0;

    fuzz_require(address_parse("redis://master", &address, &err) == 0);
    memcpy(sentinels.at[0].host, "s", 2);
    sentinels.at[0].port = 1;
    peers_init(&peers, &address, &login, &sentinels, "");
    stream_init(&stream, TABLE_GROUPS, "p:", no_labels);
    stream.max_age_ms = (how & 4) != 0 ? 86400000 : 0;
    stream.max_length = (how & 8) != 0 ? 1000 : 0;
    for (int again = 0; again < 2; again++) {
        enum sink_result result = stream_deliver(&stream, &peers, b, &wait, &rows, &err);
        fuzz_require(result == SINK_OK || err.msg[0] != '\0');
        fuzz_require(strncmp(err.msg, AUTH_FAILED, sizeof(AUTH_FAILED) - 1) != 0 || strstr(err.msg, "secret") == NULL);
        for (const char *c = err.msg; *c != '\0' && result != SINK_OK; c++)
            fuzz_require(*c >= ' ' && *c <= '~');
    }
    stream_fini(&stream);
    peers_fini(&peers);
    address_fini(&address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct batch *b;

    if (b == NULL) {
        b = make_batch();
        signal(SIGPIPE, SIG_IGN);
    }
    if (size == 0)
        return 0;
    script = data + 1;
    script_left = size - 1;
    deliver(data[0], b);
    close_far_ends();
    return 0;
}
