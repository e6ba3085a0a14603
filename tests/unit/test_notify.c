/* test_notify.c - the datagrams a service manager gets. */
#include "agent/pipeline/notify.h"

#include "tests/unit/unit.h"

#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A service manager: a socket bound to the name, which is then what the agent is told. */
struct manager {
    int fd;
    char dir[64], name[96];
};

static void listen_at(struct manager *m, const char *name)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    size_t len = strlen(name);

    memcpy(at.sun_path, name, len);
    if (name[0] == '@')
        at.sun_path[0] = '\0';
    m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(m->fd, 0);
    ck_assert_int_eq(bind(m->fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
    setenv("NOTIFY_SOCKET", name, 1);
}

static void manager_start(struct manager *m)
{
    snprintf(m->dir, sizeof(m->dir), "/tmp/mqpush-notify-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(m->dir));
    snprintf(m->name, sizeof(m->name), "%s/socket", m->dir);
    listen_at(m, m->name);
}

static void manager_end(struct manager *m)
{
    close(m->fd);
    unlink(m->name);
    rmdir(m->dir);
}

static const char *next_datagram(struct manager *m)
{
    static char text[2048];
    struct pollfd p = { .fd = m->fd, .events = POLLIN };

    if (poll(&p, 1, 0) == 0) /* a datagram is there when sendto has returned */
        return "nothing";
    ssize_t len = recv(m->fd, text, sizeof(text) - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

START_TEST(each_state_arrives_as_one_datagram)
{
    struct manager m;

    manager_start(&m);
    notify_ready();
    ck_assert_str_eq(next_datagram(&m), "READY=1");
    notify_stopping();
    ck_assert_str_eq(next_datagram(&m), "STOPPING=1");
    notify_watchdog();
    ck_assert_str_eq(next_datagram(&m), "WATCHDOG=1");
    notify_status("%d groups, lag %d", 3, 30);
    ck_assert_str_eq(next_datagram(&m), "STATUS=3 groups, lag 30");
    ck_assert_str_eq(next_datagram(&m), "nothing");
    manager_end(&m);
}
END_TEST

START_TEST(a_reload_says_when_it_began)
{
    struct manager m;
    long long usec = 0;
    struct timespec now;

    manager_start(&m);
    notify_reloading();
    ck_assert_int_eq(sscanf(next_datagram(&m), "RELOADING=1\nMONOTONIC_USEC=%lld", &usec), 1);
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long age = (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000 - usec;
    ck_assert_msg(age >= 0 && age < 60000000, "%lld us ago", age);
    manager_end(&m);
}
END_TEST

START_TEST(a_name_in_the_abstract_space_is_found)
{
    struct manager m;
    char name[64];

    snprintf(name, sizeof(name), "@mqpush-notify-%d", (int)getpid());
    listen_at(&m, name);
    notify_ready();
    ck_assert_str_eq(next_datagram(&m), "READY=1");
    close(m.fd);
}
END_TEST

START_TEST(a_long_status_is_cut)
{
    struct manager m;
    char text[2000];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    manager_start(&m);
    notify_status("%s", text);
    const char *got = next_datagram(&m);
    ck_assert_int_eq(strncmp(got, "STATUS=xxx", 10), 0);
    ck_assert_uint_lt(strlen(got), 600);
    manager_end(&m);
}
END_TEST

START_TEST(nobody_there_is_no_trouble)
{
    char name[200];

    unsetenv("NOTIFY_SOCKET");
    notify_ready();
    setenv("NOTIFY_SOCKET", "", 1);
    notify_ready();
    setenv("NOTIFY_SOCKET", "relative/path", 1);
    notify_ready();
    setenv("NOTIFY_SOCKET", "/tmp/there/is/no/such/socket", 1);
    notify_ready();
    memset(name, 'x', sizeof(name));
    name[0] = '/';
    name[sizeof(name) - 1] = '\0'; /* longer than a socket's name may be */
    setenv("NOTIFY_SOCKET", name, 1);
    notify_ready();
}
END_TEST

START_TEST(a_manager_that_does_not_read_holds_up_nobody)
{
    struct manager m;

    manager_start(&m);
    for (int i = 0; i < 10000; i++) /* far more than a socket queues */
        notify_watchdog();
    ck_assert_str_eq(next_datagram(&m), "WATCHDOG=1");
    manager_end(&m);
}
END_TEST

struct watchdog_case {
    const char *usec, *pid; /* "own": this process */
    int64_t expected;
};

static const struct watchdog_case watchdogs[] = {
    { NULL, NULL, 0 },        { "30000000", NULL, 15000 }, { "30000000", "own", 15000 }, { "30000000", "1", 0 },
    { "30000000", "", 15000 }, { "0", NULL, 0 },            { "-5", NULL, 0 },            { "soon", NULL, 0 },
    { "", NULL, 0 },          { "1", NULL, 1 },            { "1999", NULL, 1 },          { "4000", NULL, 2 },
};

START_TEST(the_watchdog_is_due_twice_in_its_time)
{
    const struct watchdog_case *c = &watchdogs[_i];
    char own[32];

    snprintf(own, sizeof(own), "%d", (int)getpid());
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    if (c->usec != NULL)
        setenv("WATCHDOG_USEC", c->usec, 1);
    if (c->pid != NULL)
        setenv("WATCHDOG_PID", strcmp(c->pid, "own") == 0 ? own : c->pid, 1);
    ck_assert_msg(notify_watchdog_interval_ms() == c->expected, "WATCHDOG_USEC=%s WATCHDOG_PID=%s gives %" PRId64,
                  c->usec != NULL ? c->usec : "(none)", c->pid != NULL ? c->pid : "(none)", notify_watchdog_interval_ms());
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("notify");
    TCase *c = unit_case(s, "notify");

    tcase_add_test(c, each_state_arrives_as_one_datagram);
    tcase_add_test(c, a_reload_says_when_it_began);
    tcase_add_test(c, a_name_in_the_abstract_space_is_found);
    tcase_add_test(c, a_long_status_is_cut);
    tcase_add_test(c, nobody_there_is_no_trouble);
    tcase_add_test(c, a_manager_that_does_not_read_holds_up_nobody);
    tcase_add_loop_test(c, the_watchdog_is_due_twice_in_its_time, 0, (int)(sizeof(watchdogs) / sizeof(watchdogs[0])));
    return s;
}

int main(void)
{
    return unit_main(suite());
}
