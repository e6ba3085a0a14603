/*
 * fake_cluster.c TOPICS QUEUES [STEP|- [BROKERS HANG DRIP]] - a name server and brokers in one, whose every number is a function
 * of one step.
 *
 * Prints its address and serves until it is ended. Each look begins with GET_BROKER_CLUSTER_INFO, which is one step on, and
 * printed; with STEP it stays there. So whoever reads an interval back finds the step in it (the end of the topic `clock`),
 * and can work out what each other row of it must say (chaos.py does):
 *
 *     clock           one queue, ends at the step, nobody reads it
 *     tNNNN queue q   ends at   1000 + 100 q + step (1 + NNNN % 7), starts at NNNN
 *     gNNNN at q      has read  all but (31 NNNN + 17 q + 13 step) % 500 of that
 *
 * With MOVING=15 in the environment only fifteen topics of a hundred know the step, for the others it is 0.
 *
 * It calls itself 5.5.0. Each group has one client, which does not tell what it owns.
 *
 * With BROKERS there are so many, broker-a (which is also the name server), broker-001, broker-002, ..., and each holds all of that. The
 * last HANG of them accept, read and never answer; the DRIP before those answer a byte a second.
 */
#include "agent/base/buf.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/request_codes.h"
#include "agent/source/rocketmq/wire.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BROKERS_MAX 64
#define CLIENTS_MAX (4 * BROKERS_MAX)
#define DRIP_MS 1000
#define LIST_MAX 32768 /* bytes of topic names in one 208 */

struct client {
    int fd;
    unsigned broker; /* whom it asks */
    struct buf in;
    struct buf drip; /* what is left of the answers of a broker that drips */
};

static struct {
    unsigned moving; /* topics of a hundred that know the step */
    unsigned topics, queues;
    int64_t step;
    bool is_frozen;
    unsigned brokers, hanging, dripping;
    unsigned speaking; /* the broker that answers now */
    char addresses[BROKERS_MAX][32];
    struct client clients[CLIENTS_MAX];
    unsigned client_count;
} self;

static int64_t step_of(unsigned topic)
{
    return topic % 100 < self.moving ? self.step : 0;
}

static int64_t end_of(unsigned topic, unsigned queue)
{
    return 1000 + 100 * (int64_t)queue + step_of(topic) * (1 + topic % 7);
}

static int64_t lag_of(unsigned topic, unsigned queue)
{
    return (31 * (int64_t)topic + 17 * (int64_t)queue + 13 * step_of(topic)) % 500;
}

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Number of tNNNN or gNNNN; -1 if it is none of ours. */
static int number_of(const char *name, char letter)
{
    int number = name[0] == letter && name[1] != '\0' ? atoi(name + 1) : -1;

    return number < (int)self.topics ? number : -1;
}

static const char *name_of(unsigned broker, char name[16])
{
    snprintf(name, 16, broker == 0 ? "broker-a" : "broker-%03u", broker);
    return name;
}

static bool is_hanging(unsigned broker)
{
    return broker >= self.brokers - self.hanging;
}

static bool is_dripping(unsigned broker)
{
    return !is_hanging(broker) && broker >= self.brokers - self.hanging - self.dripping;
}

/* ---- what is said ----------------------------------------------------------------------------------------------- */

static void say_brokers(struct buf *body)
{
    self.step += self.is_frozen ? 0 : 1;
    printf("%lld\n", (long long)self.step);
    fflush(stdout);
    char name[16];
    buf_puts(body, "{\"brokerAddrTable\":{");
    for (unsigned i = 0; i < self.brokers; i++) {
        name_of(i, name);
        buf_printf(body, "%s\"%s\":{\"brokerAddrs\":{0:\"%s\"},\"brokerName\":\"%s\",\"cluster\":\"c1\"}", i > 0 ? "," : "", name,
                   self.addresses[i], name);
    }
    buf_puts(body, "},\"clusterAddrTable\":{\"c1\":[");
    for (unsigned i = 0; i < self.brokers; i++)
        buf_printf(body, "%s\"%s\"", i > 0 ? "," : "", name_of(i, name));
    buf_puts(body, "]}}");
}

static void say_runtime(struct buf *body)
{
    buf_printf(body, "{\"table\":{\"bootTimestamp\":\"1700000000000\",\"brokerVersionDesc\":\"V5_5_0\",\"commitLogMaxOffset\":\"%lld\","
               "\"commitLogMinOffset\":\"0\",\"dispatchBehindBytes\":\"0\",\"putTps\":\"1.5 2.5 \"}}", 100000 + 1000LL * self.step);
}

static void put_topic_config(struct buf *body, const char *name, unsigned queues)
{
    buf_printf(body, "\"%s\":{\"order\":false,\"perm\":6,\"readQueueNums\":%u,\"topicName\":\"%s\",\"writeQueueNums\":%u}", name, queues,
               name, queues);
}

static void say_topics(struct buf *body)
{
    char name[16];

    buf_puts(body, "{\"topicConfigTable\":{");
    put_topic_config(body, "clock", 1);
    for (unsigned t = 0; t < self.topics; t++) {
        snprintf(name, sizeof(name), "t%04u", t);
        buf_putc(body, ',');
        put_topic_config(body, name, self.queues);
    }
    buf_puts(body, "}}");
}

static void say_groups(struct buf *body)
{
    buf_puts(body, "{\"subscriptionGroupTable\":{");
    for (unsigned t = 0; t < self.topics; t++)
        buf_printf(body, "%s\"g%04u\":{\"groupName\":\"g%04u\"}", t > 0 ? "," : "", t, t);
    buf_puts(body, "}}");
}

static void say_offsets(struct buf *body)
{
    buf_puts(body, "{\"offsetTable\":{");
    for (unsigned t = 0; t < self.topics; t++) {
        buf_printf(body, "%s\"t%04u@g%04u\":{", t > 0 ? "," : "", t, t);
        for (unsigned q = 0; q < self.queues; q++)
            buf_printf(body, "%s%u:%lld", q > 0 ? "," : "", q, (long long)(end_of(t, q) - lag_of(t, q)));
        buf_putc(body, '}');
    }
    buf_puts(body, "}}");
}

/* The queues of one topic as 202 (with_min) or 208 print them, each after a comma. False: there is no such topic. */
static bool put_queues(struct buf *body, const char *topic, bool with_min)
{
    bool is_clock = strcmp(topic, "clock") == 0;
    int number = number_of(topic, 't');
    char name[16];

    name_of(self.speaking, name);
    for (unsigned q = 0; q < (is_clock ? 1 : number >= 0 ? self.queues : 0); q++) {
        long long end = is_clock ? self.step : end_of((unsigned)number, q);
        buf_printf(body, "%s{\"brokerName\":\"%s\",\"queueId\":%u,\"topic\":\"%s\"}:", body->data[body->len - 1] == '{' ? "" : ",", name,
                   q, topic);
        if (with_min)
            buf_printf(body, "{\"lastUpdateTimestamp\":%lld,\"maxOffset\":%lld,\"minOffset\":%d}", 1700000000000LL + self.step, end,
                       is_clock ? 0 : number);
        else
            buf_printf(body, "{\"brokerOffset\":%lld,\"consumerOffset\":0,\"lastTimestamp\":0,\"pullOffset\":0}", end);
    }
    return is_clock || number >= 0;
}

static int say_ends(struct buf *body, const struct frame *f)
{
    char names[LIST_MAX], *save = NULL;
    bool with_min = f->code == RMQ_GET_TOPIC_STATS_INFO;

    if (wire_ext(f, with_min ? "topic" : "topicList", names, sizeof(names)) < 0)
        return RMQ_RESPONSE_SYSTEM_ERROR;
    buf_puts(body, "{\"offsetTable\":{");
    for (char *name = strtok_r(names, ";", &save); name != NULL; name = strtok_r(NULL, ";", &save))
        if (!put_queues(body, name, with_min) && with_min)
            return RMQ_RESPONSE_TOPIC_NOT_EXIST;
    buf_puts(body, "}}");
    return RMQ_RESPONSE_SUCCESS;
}

/* The oldest message that waits was stored some seconds ago. */
static int say_spans(struct buf *body, const struct frame *f)
{
    char topic[256];
    int number = wire_ext(f, "topic", topic, sizeof(topic)) < 0 ? -1 : number_of(topic, 't');

    if (number < 0)
        return RMQ_RESPONSE_TOPIC_NOT_EXIST;
    char name[16];
    name_of(self.speaking, name);
    buf_puts(body, "{\"consumeTimeSpanSet\":[");
    for (unsigned q = 0; q < self.queues; q++) {
        int64_t delay_ms = lag_of((unsigned)number, q) > 0 ? 5000 : 0;
        buf_printf(body, "%s{\"consumeTimeStamp\":%lld,\"delayTime\":%lld,\"messageQueue\":{\"brokerName\":\"%s\",\"queueId\":%u,"
                   "\"topic\":\"%s\"},\"minTimeStamp\":%lld}", q > 0 ? "," : "", (long long)(wall_ms() - delay_ms), (long long)delay_ms,
                   name, q, topic, (long long)(wall_ms() - 3600000));
    }
    buf_puts(body, "]}");
    return RMQ_RESPONSE_SUCCESS;
}

static int say_clients(struct buf *body, const struct frame *f)
{
    char group[256];
    int number = wire_ext(f, "consumerGroup", group, sizeof(group)) < 0 ? -1 : number_of(group, 'g');

    if (number < 0)
        return RMQ_RESPONSE_CONSUMER_NOT_ONLINE;
    buf_printf(body, "{\"connectionSet\":[{\"clientAddr\":\"10.0.0.9:%d\",\"clientId\":\"10.0.0.9@%d#1\",\"language\":\"JAVA\","
               "\"version\":407}],\"consumeType\":\"CONSUME_PASSIVELY\",\"messageModel\":\"CLUSTERING\"}",
               40000 + number % 20000, 1000 + number);
    return RMQ_RESPONSE_SUCCESS;
}

static int say(struct buf *body, const struct frame *f)
{
    switch (f->code) {
    case RMQ_GET_BROKER_CLUSTER_INFO: say_brokers(body); break;
    case RMQ_GET_BROKER_RUNTIME_INFO: say_runtime(body); break;
    case RMQ_GET_ALL_TOPIC_CONFIG: say_topics(body); break;
    case RMQ_GET_ALL_SUBSCRIPTIONGROUP_CONFIG: say_groups(body); break;
    case RMQ_GET_ALL_CONSUMER_OFFSET: say_offsets(body); break;
    case RMQ_GET_ALL_PRODUCER_INFO:
        buf_puts(body, "{\"data\":{\"orders\":[{\"clientId\":\"10.0.0.8@77#1\",\"language\":\"JAVA\",\"version\":407}]}}");
        break;
    case RMQ_GET_TOPIC_STATS_INFO:
    case RMQ_GET_CONSUME_STATS: return say_ends(body, f);
    case RMQ_QUERY_CONSUME_TIME_SPAN: return say_spans(body, f);
    case RMQ_GET_CONSUMER_CONNECTION_LIST: return say_clients(body, f);
    case RMQ_GET_CONSUMER_RUNNING_INFO: return RMQ_RESPONSE_CONSUME_MSG_TIMEOUT;
    case RMQ_VIEW_BROKER_STATS_DATA: return RMQ_RESPONSE_SYSTEM_ERROR; /* nothing was counted */
    default: return RMQ_RESPONSE_REQUEST_CODE_NOT_SUPPORTED;
    }
    return RMQ_RESPONSE_SUCCESS;
}

/* ---- how it is said --------------------------------------------------------------------------------------------- */

static void put_u32(struct buf *to, uint32_t v)
{
    for (unsigned bytes = 4; bytes-- > 0;)
        buf_putc(to, (char)(v >> 8 * bytes & 0xFF));
}

/* False: the asker is gone. */
static bool answer(struct client *c, const struct frame *f)
{
    struct buf body, header, out;

    buf_init(&body, 0);
    buf_init(&header, 0);
    buf_init(&out, 0);
    self.speaking = c->broker;
    int code = say(&body, f);
    const char *remark = f->code == RMQ_VIEW_BROKER_STATS_DATA ? "The stats <NAME> <KEY> not exist" : "no";
    buf_printf(&header, "{\"code\":%d,\"flag\":1,\"language\":\"JAVA\",\"opaque\":%d,\"remark\":\"%s\","
               "\"serializeTypeCurrentRPC\":\"JSON\",\"version\":%d}", code, f->opaque, remark, WIRE_V5_5_0);
    if (code != RMQ_RESPONSE_SUCCESS)
        buf_reset(&body);
    put_u32(&out, (uint32_t)(4 + header.len + body.len));
    put_u32(&out, (uint32_t)header.len);
    buf_put(&out, header.data, header.len);
    buf_put(&out, body.data, body.len);
    bool is_there = true;
    if (is_dripping(c->broker)) {
        buf_put(&c->drip, out.data, out.len);
        buf_reset(&out);
    }
    for (size_t at = 0; is_there && at < out.len;) {
        ssize_t n = send(c->fd, out.data + at, out.len - at, MSG_NOSIGNAL);
        is_there = n > 0;
        at += is_there ? (size_t)n : 0;
    }
    buf_fini(&body);
    buf_fini(&header);
    buf_fini(&out);
    return is_there;
}

static bool serve(struct client *c)
{
    struct frame f;
    size_t used = 0;
    ptrdiff_t n = 0;
    char *room = buf_grow(&c->in, 65536);
    ssize_t got = recv(c->fd, room, 65536, 0);

    if (got <= 0)
        return false;
    c->in.len += (size_t)got;
    while ((n = wire_decode(c->in.data + used, c->in.len - used, WIRE_FRAME_MAX, &f, NULL)) > 0) {
        if (!is_hanging(c->broker) && !answer(c, &f))
            return false;
        used += (size_t)n;
    }
    memmove(c->in.data, c->in.data + used, c->in.len - used);
    c->in.len -= used;
    return n == 0;
}

static void drip(void)
{
    for (unsigned i = 0; i < self.client_count; i++) {
        struct buf *left = &self.clients[i].drip;
        if (left->len == 0 || send(self.clients[i].fd, left->data, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
            continue; /* whoever has gone is noticed when it is read from */
        memmove(left->data, left->data + 1, --left->len);
    }
}

static int listen_somewhere(char address[32])
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
        perror("fake_cluster");
        exit(1);
    }
    snprintf(address, 32, "127.0.0.1:%u", ntohs(sa.sin_port));
    return fd;
}

static void accept_one(int listen_fd, unsigned broker)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC), one = 1;

    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (self.client_count == CLIENTS_MAX) {
        close(fd);
        return;
    }
    self.clients[self.client_count] = (struct client){ .fd = fd, .broker = broker };
    buf_init(&self.clients[self.client_count].drip, 0);
    buf_init(&self.clients[self.client_count++].in, 0);
}

static void serve_all(const int *listen_fds)
{
    static int64_t dripped_at_ms;
    struct pollfd fds[CLIENTS_MAX + BROKERS_MAX];

    for (unsigned i = 0; i < self.client_count; i++)
        fds[i] = (struct pollfd){ .fd = self.clients[i].fd, .events = POLLIN };
    unsigned clients = self.client_count;
    for (unsigned i = 0; i < self.brokers; i++)
        fds[clients + i] = (struct pollfd){ .fd = listen_fds[i], .events = POLLIN };
    if (poll(fds, clients + self.brokers, self.dripping > 0 ? DRIP_MS / 10 : -1) < 0)
        return;
    for (unsigned i = self.client_count; i-- > 0;) { /* backwards: the last one takes the place of one that left */
        struct client *c = &self.clients[i];
        if (fds[i].revents == 0 || serve(c))
            continue;
        close(c->fd);
        buf_fini(&c->in);
        buf_fini(&c->drip);
        *c = self.clients[--self.client_count];
    }
    for (unsigned i = 0; i < self.brokers; i++)
        if (fds[clients + i].revents != 0)
            accept_one(listen_fds[i], i);
    if (self.dripping > 0 && wall_ms() - dripped_at_ms >= DRIP_MS) {
        dripped_at_ms = wall_ms();
        drip();
    }
}

int main(int argc, char **argv)
{
    int listen_fds[BROKERS_MAX];

    if (argc < 3 || argc == 5 || argc == 6) {
        fprintf(stderr, "usage: fake_cluster TOPICS QUEUES [STEP|- [BROKERS HANG DRIP]]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    self.topics = (unsigned)atoi(argv[1]);
    self.queues = (unsigned)atoi(argv[2]);
    self.moving = getenv("MOVING") != NULL ? (unsigned)atoi(getenv("MOVING")) : 100;
    self.is_frozen = argc > 3 && strcmp(argv[3], "-") != 0;
    self.step = self.is_frozen ? atoi(argv[3]) : 0;
    self.brokers = argc > 6 && atoi(argv[4]) <= BROKERS_MAX ? (unsigned)atoi(argv[4]) : 1;
    self.hanging = argc > 6 ? (unsigned)atoi(argv[5]) : 0;
    self.dripping = argc > 6 ? (unsigned)atoi(argv[6]) : 0;
    for (unsigned i = 0; i < self.brokers; i++)
        listen_fds[i] = listen_somewhere(self.addresses[i]);
    puts(self.addresses[0]);
    fflush(stdout);
    for (;;)
        serve_all(listen_fds);
}
