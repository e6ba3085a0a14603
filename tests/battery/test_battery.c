/* test_battery.c - every registered sink against every batch and every fault: see battery.h. */
#include "tests/battery/battery.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "tests/fake/http_peer.h"
#include "tests/fake/redis_peer.h"
#include "tests/fake/sink_rig.h"
#include "tests/fake/statsd_peer.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEADLINE_MS 1000
#define TIMEOUT_MS 300
#define SLACK_MS 8000 /* sanitizers, busy machines */
#define MANY_ROWS 10000

/* --- a server that speaks HTTP -------------------------------------------------------------------------------------- */

/* Faults happen once; then the server is well. */
static void *http_start(enum battery_fault fault, char *address, size_t size)
{
    struct http_peer *peer = http_peer_start();

    snprintf(address, size, "http://127.0.0.1:%d", http_peer_port(peer));
    switch (fault) {
    case FAULT_REFUSES:
        http_peer_refuse(peer);
        break;
    case FAULT_HANGS:
        http_peer_hang(peer);
        break;
    case FAULT_CLOSES:
        http_peer_close_after(peer, 100);
        break;
    case FAULT_NONSENSE:
        http_peer_say(peer, "\x16\x03 is this HTTP?\r\n\r\n", 20);
        break;
    case FAULT_ENDLESS:
        http_peer_say_forever(peer, "HTTP/1.1 500 Oops\r\n\r\n");
        break;
    case FAULT_FULL:
        http_peer_answer(peer, 503, "Retry-After: 1\r\n", "no room");
        break;
    case FAULT_NONE:
    case FAULT_COUNT:
        break;
    }
    http_peer_answer(peer, 200, "", "");
    return peer;
}

static void http_stop(void *receiver)
{
    http_peer_stop(receiver);
}

static const struct battery_receiver http_receiver = {
    .start = http_start,
    .stop = http_stop,
    .first = { ALLOW_OK, ALLOW_RETRY, ALLOW_RETRY, ALLOW_RETRY, ALLOW_RETRY, ALLOW_RETRY, ALLOW_RETRY },
    .second = { ALLOW_OK, ALLOW_RETRY, ALLOW_OK, ALLOW_OK, ALLOW_OK, ALLOW_OK, ALLOW_OK },
};

/* --- a Redis server ------------------------------------------------------------------------------------------------- */

static void *redis_start(enum battery_fault fault, char *address, size_t size)
{
    struct redis_peer *peer = redis_peer_start();

    snprintf(address, size, "%s/0", redis_peer_url(peer));
    switch (fault) {
    case FAULT_REFUSES:
        redis_peer_refuse(peer);
        break;
    case FAULT_HANGS:
        redis_peer_hang(peer);
        break;
    case FAULT_CLOSES:
        redis_peer_cut_after_read(peer, 20000);
        break;
    case FAULT_NONSENSE:
        redis_peer_say(peer, "HTTP/1.1 400 Bad Request\r\n\r\n");
        break;
    case FAULT_ENDLESS:
        redis_peer_say_forever(peer, "-ERR ", "x");
        break;
    case FAULT_FULL:
        redis_peer_fail(peer, "XADD", 300, 100, "OOM command not allowed when used memory > 'maxmemory'.");
        break;
    case FAULT_NONE:
    case FAULT_COUNT:
        break;
    }
    return peer;
}

static void redis_stop(void *receiver)
{
    redis_peer_stop(receiver);
}

static const struct battery_receiver redis_receiver = {
    .start = redis_start,
    .stop = redis_stop,
    .first = { ALLOW_OK, ALLOW_RETRY, ALLOW_RETRY, ALLOW_RETRY, ALLOW_RETRY, ALLOW_RETRY, ALLOW_RETRY },
    .second = { ALLOW_OK, ALLOW_RETRY, ALLOW_OK, ALLOW_OK, ALLOW_OK, ALLOW_OK, ALLOW_OK },
};

/* --- an SQLite file --------------------------------------------------------------------------------------------------- */

struct file_receiver {
    char directory[64], path[100];
    sqlite3 *locker;
    int lock_fd; /* 0: none */
};

/* A history that another writer holds for good. */
static void lock_database(struct file_receiver *f)
{
    struct sink_rig maker;
    struct batch *b = rig_empty_batch();

    sink_rig_init(&maker, "sqlite");
    sink_rig_set(&maker, "path", f->path);
    ck_assert_int_eq(sink_rig_open(&maker), 0);
    ck_assert_int_eq(sink_rig_deliver(&maker, b), SINK_OK);
    sink_rig_fini(&maker);
    batch_unref(b);
    ck_assert_int_eq(sqlite3_open(f->path, &f->locker), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(f->locker, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
}

static void write_nonsense(const struct file_receiver *f)
{
    FILE *file = fopen(f->path, "w");

    for (int i = 0; i < 1000; i++)
        fputs("this is not a database\n", file);
    fclose(file);
}

static void make_directory(struct file_receiver *f, enum battery_fault fault, const char *name)
{
    const struct rlimit small = { 16384, 16384 };

    /* In memory if possible: the question is what the sink does, not how busy this machine's disk is. */
    strcpy(f->directory, access("/dev/shm", W_OK) == 0 ? "/dev/shm/battery.XXXXXX" : "/tmp/battery.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->directory));
    snprintf(f->path, sizeof(f->path), "%s/%s%s", f->directory, fault == FAULT_REFUSES ? "none/" : "", name);
    if (fault == FAULT_NONSENSE)
        write_nonsense(f);
    if (fault == FAULT_FULL) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &small);
    }
}

static void *file_start(enum battery_fault fault, char *address, size_t size)
{
    struct file_receiver *f = xcalloc(1, sizeof(*f));

    make_directory(f, fault, "history.db");
    if (fault == FAULT_HANGS)
        lock_database(f);
    snprintf(address, size, "%s", f->path);
    return f;
}

static void file_stop(void *receiver)
{
    struct file_receiver *f = receiver;
    char command[100];

    sqlite3_close(f->locker);
    if (f->lock_fd > 0)
        close(f->lock_fd);
    snprintf(command, sizeof(command), "rm -rf '%s'", f->directory);
    ck_assert_int_eq(system(command), 0);
    free(f);
}

static const struct battery_receiver file_receiver = {
    .start = file_start,
    .stop = file_stop,
    .first = { [FAULT_NONE] = ALLOW_OK, [FAULT_REFUSES] = ALLOW_RETRY, [FAULT_HANGS] = ALLOW_RETRY,
               [FAULT_NONSENSE] = ALLOW_RETRY | ALLOW_OK, [FAULT_FULL] = ALLOW_RETRY },
    .second = { [FAULT_NONE] = ALLOW_OK, [FAULT_REFUSES] = ALLOW_RETRY, [FAULT_HANGS] = ALLOW_RETRY,
                [FAULT_NONSENSE] = ALLOW_OK, /* moved aside, begun anew */ [FAULT_FULL] = ALLOW_RETRY },
};

/* --- plain files ------------------------------------------------------------------------------------------------------- */

/* Rows: another writer holds the file. A page has no writer for long. */
static void *plain_start(const char *name, enum battery_fault fault, char *address, size_t size)
{
    struct file_receiver *f = xcalloc(1, sizeof(*f));

    make_directory(f, fault, name);
    snprintf(address, size, "%s", f->path);
    if (fault == FAULT_HANGS) {
        char *dot = strstr(f->path, ".csv"); /* there the table's name stands before the suffix */
        if (dot != NULL)
            snprintf(dot, sizeof(f->path) - (size_t)(dot - f->path), ".brokers.csv");
        f->lock_fd = open(f->path, O_RDWR | O_CREAT, 0644);
        ck_assert_int_gt(f->lock_fd, 0);
        ck_assert_int_eq(flock(f->lock_fd, LOCK_EX), 0);
    }
    return f;
}

#define PLAIN_START(function, name) \
    static void *function(enum battery_fault fault, char *address, size_t size) { return plain_start(name, fault, address, size); }
PLAIN_START(page_start, "page.prom")
PLAIN_START(jsonl_start, "rows.jsonl")
PLAIN_START(csv_start, "rows.csv")
PLAIN_START(influx_start, "rows.influx")

static const struct battery_receiver page_receiver = {
    .start = page_start,
    .stop = file_stop,
    .first = { [FAULT_NONE] = ALLOW_OK, [FAULT_REFUSES] = ALLOW_RETRY, [FAULT_NONSENSE] = ALLOW_REJECT, [FAULT_FULL] = ALLOW_RETRY },
    .second = { [FAULT_NONE] = ALLOW_OK, [FAULT_REFUSES] = ALLOW_RETRY, [FAULT_NONSENSE] = ALLOW_REJECT, [FAULT_FULL] = ALLOW_RETRY },
};

#define ROWS_RECEIVER(start_function, nonsense) { \
    .start = start_function, .stop = file_stop, \
    .first = { [FAULT_NONE] = ALLOW_OK, [FAULT_REFUSES] = ALLOW_RETRY, [FAULT_HANGS] = ALLOW_RETRY, [FAULT_NONSENSE] = nonsense, \
               [FAULT_FULL] = ALLOW_RETRY }, \
    .second = { [FAULT_NONE] = ALLOW_OK, [FAULT_REFUSES] = ALLOW_RETRY, [FAULT_HANGS] = ALLOW_RETRY, [FAULT_NONSENSE] = nonsense, \
                [FAULT_FULL] = ALLOW_RETRY } }

static const struct battery_receiver jsonl_receiver = ROWS_RECEIVER(jsonl_start, ALLOW_REJECT);
static const struct battery_receiver csv_receiver = ROWS_RECEIVER(csv_start, ALLOW_OK); /* rows.brokers.csv is another file */
static const struct battery_receiver influx_receiver = ROWS_RECEIVER(influx_start, ALLOW_REJECT);

/* --- standard output ---------------------------------------------------------------------------------------------------- */

struct stdout_receiver {
    int real, read_end;
    size_t most; /* bytes to read before leaving */
    pthread_t reader;
    bool has_reader;
};

static void *read_some(void *arg)
{
    struct stdout_receiver *r = arg;
    char bytes[4096];
    ssize_t n;

    while (r->most > 0 && (n = read(r->read_end, bytes, r->most < sizeof(bytes) ? r->most : sizeof(bytes))) > 0)
        r->most -= (size_t)n;
    close(r->read_end);
    return NULL;
}

static void become_stdout(int fd)
{
    ck_assert_int_ge(dup2(fd, STDOUT_FILENO), 0);
    close(fd);
}

static void fill(int fd)
{
    char bytes[4096] = { 0 };
    int flags = fcntl(fd, F_GETFL);

    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    while (write(fd, bytes, sizeof(bytes)) > 0)
        ;
    fcntl(fd, F_SETFL, flags);
}

static void *stdout_start(enum battery_fault fault, char *address, size_t size)
{
    struct stdout_receiver *r = xcalloc(1, sizeof(*r));
    int ends[2];

    (void)address;
    (void)size;
    fflush(stdout);
    r->real = dup(STDOUT_FILENO);
    r->read_end = -1;
    if (fault == FAULT_FULL) {
        become_stdout(open("/dev/full", O_WRONLY));
        return r;
    }
    ck_assert_int_eq(pipe(ends), 0);
    if (fault == FAULT_HANGS)
        fill(ends[1]);
    become_stdout(ends[1]);
    if (fault == FAULT_REFUSES) {
        close(ends[0]);
        return r;
    }
    r->read_end = ends[0];
    r->most = fault == FAULT_CLOSES ? 5000 : SIZE_MAX;
    r->has_reader = fault != FAULT_HANGS;
    if (r->has_reader)
        pthread_create(&r->reader, NULL, read_some, r);
    return r;
}

static void stdout_stop(void *receiver)
{
    struct stdout_receiver *r = receiver;

    become_stdout(r->real);
    if (r->has_reader)
        pthread_join(r->reader, NULL);
    else if (r->read_end >= 0)
        close(r->read_end);
    free(r);
}

static const struct battery_receiver stdout_receiver = {
    .start = stdout_start,
    .stop = stdout_stop,
    .first = { [FAULT_NONE] = ALLOW_OK, [FAULT_REFUSES] = ALLOW_REJECT, [FAULT_HANGS] = ALLOW_RETRY,
               [FAULT_CLOSES] = ALLOW_REJECT, [FAULT_FULL] = ALLOW_RETRY },
    .second = { [FAULT_NONE] = ALLOW_OK, [FAULT_REFUSES] = ALLOW_REJECT, [FAULT_HANGS] = ALLOW_RETRY,
                [FAULT_CLOSES] = ALLOW_REJECT, [FAULT_FULL] = ALLOW_RETRY },
};

/* --- a StatsD receiver -------------------------------------------------------------------------------------------------- */

static void *statsd_start(enum statsd_peer_kind kind, enum battery_fault fault, char *address, size_t size)
{
    struct statsd_peer *peer = statsd_peer_start(kind);

    snprintf(address, size, "%s", statsd_peer_address(peer));
    if (fault == FAULT_REFUSES)
        statsd_peer_refuse(peer);
    if (fault == FAULT_HANGS || fault == FAULT_FULL)
        statsd_peer_hang(peer, true);
    if (fault == FAULT_CLOSES)
        statsd_peer_close_after(peer, 100);
    if (fault == FAULT_NONSENSE || fault == FAULT_ENDLESS)
        statsd_peer_say(peer, fault == FAULT_ENDLESS);
    return peer;
}

static void *statsd_udp_start(enum battery_fault fault, char *address, size_t size)
{
    return statsd_start(STATSD_PEER_UDP, fault, address, size);
}

static void *statsd_unix_start(enum battery_fault fault, char *address, size_t size)
{
    return statsd_start(STATSD_PEER_UNIX, fault, address, size);
}

static void *statsd_tcp_start(enum battery_fault fault, char *address, size_t size)
{
    return statsd_start(STATSD_PEER_TCP, fault, address, size);
}

static void statsd_stop(void *receiver)
{
    statsd_peer_stop(receiver);
}

/* UDP knows no more than whether the port is open; who does not read loses without a word. */
static const struct battery_receiver statsd_udp_receiver = {
    .start = statsd_udp_start,
    .stop = statsd_stop,
    .first = { [FAULT_NONE] = ALLOW_OK, [FAULT_REFUSES] = ALLOW_RETRY, [FAULT_HANGS] = ALLOW_OK | ALLOW_RETRY,
               [FAULT_CLOSES] = ALLOW_OK | ALLOW_RETRY },
    .second = { [FAULT_NONE] = ALLOW_OK, [FAULT_REFUSES] = ALLOW_RETRY, [FAULT_HANGS] = ALLOW_OK, [FAULT_CLOSES] = ALLOW_RETRY },
};

static const struct battery_receiver statsd_unix_receiver = {
    .start = statsd_unix_start,
    .stop = statsd_stop,
    .first = { [FAULT_NONE] = ALLOW_OK, [FAULT_REFUSES] = ALLOW_RETRY, [FAULT_HANGS] = ALLOW_RETRY,
               [FAULT_CLOSES] = ALLOW_RETRY, [FAULT_FULL] = ALLOW_RETRY },
    .second = { [FAULT_NONE] = ALLOW_OK, [FAULT_REFUSES] = ALLOW_RETRY, [FAULT_HANGS] = ALLOW_RETRY,
                [FAULT_CLOSES] = ALLOW_RETRY, [FAULT_FULL] = ALLOW_RETRY },
};

static const struct battery_receiver statsd_tcp_receiver = {
    .start = statsd_tcp_start,
    .stop = statsd_stop,
    .first = { ALLOW_OK, ALLOW_RETRY, ALLOW_RETRY, ALLOW_RETRY, ALLOW_OK, ALLOW_OK | ALLOW_RETRY, ALLOW_RETRY },
    .second = { ALLOW_OK, ALLOW_RETRY, ALLOW_RETRY, ALLOW_OK, ALLOW_OK, ALLOW_OK | ALLOW_RETRY, ALLOW_RETRY },
};

/* --- the sinks ------------------------------------------------------------------------------------------------------------ */

static const struct battery_entry battery[] = {
    { "file", &page_receiver, NULL, NULL },
    { "file", &jsonl_receiver, NULL, NULL },
    { "file", &csv_receiver, NULL, NULL },
    { "file", &influx_receiver, NULL, NULL },
    { "pushgateway", &http_receiver, NULL, NULL },
    { "redis", &redis_receiver, NULL, NULL },
    { "sqlite", &file_receiver, NULL, NULL },
    { "statsd", &statsd_udp_receiver, NULL, NULL },
    { "statsd", &statsd_unix_receiver, "max_packet", "128" }, /* more packets than any queue holds */
    { "statsd", &statsd_tcp_receiver, "transport", "tcp" },
    { "stdout", &stdout_receiver, NULL, NULL },
};

#define ENTRIES ((int)(sizeof(battery) / sizeof(battery[0])))

struct trial {
    struct sink_rig rig;
    const struct battery_entry *entry;
    void *receiver;
};

static void trial_start(struct trial *t, int entry, enum battery_fault fault)
{
    char address[200] = "";

    t->entry = &battery[entry];
    t->receiver = t->entry->receiver->start(fault, address, sizeof(address));
    sink_rig_init(&t->rig, t->entry->sink);
    t->rig.env.timeout_ms = TIMEOUT_MS;
    t->rig.deadline_ms = DEADLINE_MS;
    if (t->rig.ops->address_option != NULL)
        sink_rig_set(&t->rig, t->rig.ops->address_option, address);
    if (t->entry->option != NULL)
        sink_rig_set(&t->rig, t->entry->option, t->entry->value);
}

static void trial_open(struct trial *t, int entry, enum battery_fault fault)
{
    trial_start(t, entry, fault);
    ck_assert_msg(sink_rig_open(&t->rig) == 0, "%s: %s", t->entry->sink, t->rig.err.msg);
}

static void trial_end(struct trial *t)
{
    sink_rig_fini(&t->rig);
    t->entry->receiver->stop(t->receiver);
}

/* Delivers; the result must be among `allowed`, in time, and a failure must say why. Ends the batch. */
static enum sink_result trial_deliver(struct trial *t, struct batch *b, unsigned allowed, const char *what)
{
    static const char *const names[] = { "OK", "RETRY", "REJECT" };
    struct sink_rig *rig = &t->rig;
    enum sink_result result = sink_rig_deliver(rig, b);

    ck_assert_msg((allowed >> result & 1) != 0, "%s, %s: %s (%s)", t->entry->sink, what, names[result], rig->err.msg);
    ck_assert_msg(rig->took_ms <= rig->deadline_ms + SLACK_MS, "%s, %s: took %lld ms", t->entry->sink, what,
                  (long long)rig->took_ms);
    ck_assert_msg(result == SINK_OK || rig->err.msg[0] != '\0', "%s, %s: failed without a word", t->entry->sink, what);
    batch_unref(b);
    return result;
}

START_TEST(every_registered_sink_is_in_the_battery)
{
    for (const struct sink_ops *const *s = sink_registry; *s != NULL; s++) {
        bool found = false;
        for (int i = 0; i < ENTRIES; i++)
            found = found || strcmp(battery[i].sink, (*s)->name) == 0;
        ck_assert_msg(found, "%s: add a line to `battery`", (*s)->name);
    }
}
END_TEST

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    struct buf text;
    int c;

    ck_assert_msg(file != NULL, "%s: run this from the root of the source", path);
    buf_init(&text, 0);
    while ((c = fgetc(file)) != EOF)
        buf_putc(&text, (char)c);
    buf_putc(&text, '\0');
    fclose(file);
    return text.data;
}

/* Takes the indented block that begins at *line, without its indent; *line moves behind it. */
static char *take_block(const char **line)
{
    size_t indent = strspn(*line, " ");
    struct buf block;

    buf_init(&block, 0);
    while (**line != '\0' && (strspn(*line, " ") >= indent || **line == '\n')) {
        size_t len = strcspn(*line, "\n");
        buf_put(&block, len < indent ? *line : *line + indent, len < indent ? len : len - indent);
        buf_putc(&block, '\n');
        *line += len + ((*line)[len] == '\n');
    }
    while (block.len > 0 && block.data[block.len - 1] == '\n')
        block.len--;
    buf_putc(&block, '\0');
    return block.data;
}

START_TEST(the_example_in_the_readme_is_the_real_code)
{
    char *readme = read_file("sinks/README.md"), *code = read_file("sinks/stdout.c");
    int blocks = 0;

    for (const char *line = readme; *line != '\0';) {
        if (strncmp(line, "    ", 4) != 0) {
            line += strcspn(line, "\n");
            line += *line == '\n';
            continue;
        }
        char *block = take_block(&line);
        if (strstr(block, "stdout_") != NULL) {
            ck_assert_msg(strstr(code, block) != NULL, "sinks/stdout.c does not have this:\n%s", block);
            blocks++;
        }
        free(block);
    }
    ck_assert_int_ge(blocks, 6);
    free(readme);
    free(code);
}
END_TEST

START_TEST(it_says_what_it_is) /* loop test over the sinks, as all that follow */
{
    const struct sink_ops *ops = sink_find(battery[_i].sink);

    ck_assert(ops->help[0] != '\0' && ops->help[strlen(ops->help) - 1] != '.');
    ck_assert(ops->schemes[0] != '\0' && ops->size > 0);
    ck_assert(ops->open != NULL && ops->deliver != NULL && ops->render != NULL && ops->close != NULL);
    if (ops->address_option != NULL)
        ck_assert_ptr_nonnull(option_find(ops->options, ops->address_option));
    for (const struct option_spec *o = ops->options; o->name != NULL; o++) {
        ck_assert_msg(o->help[0] != '\0' && o->help[strlen(o->help) - 1] != '.', "%s.%s", ops->name, o->name);
        ck_assert_msg(option_find(ops->options, o->name) == o, "%s.%s stands twice", ops->name, o->name);
    }
    for (const struct sink_ops *const *s = sink_registry; *s != NULL; s++) /* no two sinks claim a URL */
        if (*s != ops)
            for (const char *word = ops->schemes; *word != '\0'; word += strcspn(word, " "), word += *word == ' ') {
                char url[100];
                snprintf(url, sizeof(url), "%.*s:x", (int)strcspn(word, " "), word);
                ck_assert_ptr_eq(sink_find_scheme(url), ops);
            }
}
END_TEST

START_TEST(close_before_open_is_fine)
{
    struct trial t;

    trial_start(&t, _i, FAULT_NONE);
    trial_end(&t);
}
END_TEST

START_TEST(close_after_an_open_that_failed_is_fine)
{
    struct trial t;

    trial_start(&t, _i, FAULT_NONE);
    if (t.rig.ops->address_option != NULL) {
        sink_rig_set(&t.rig, t.rig.ops->address_option, "");
        if (sink_rig_open(&t.rig) < 0)
            ck_assert_int_eq(t.rig.err.kind, ERR_CONFIG);
    }
    trial_end(&t);
}
END_TEST

START_TEST(close_without_a_delivery_is_fine)
{
    struct trial t;

    trial_open(&t, _i, FAULT_NONE);
    trial_end(&t);
}
END_TEST

START_TEST(open_does_not_need_the_receiver)
{
    struct trial t;

    trial_open(&t, _i, FAULT_REFUSES);
    trial_end(&t);
}
END_TEST

START_TEST(an_empty_batch_is_delivered)
{
    struct trial t;

    trial_open(&t, _i, FAULT_NONE);
    trial_deliver(&t, rig_empty_batch(), ALLOW_OK, "empty");
    trial_end(&t);
}
END_TEST

START_TEST(many_rows_are_delivered)
{
    struct trial t;

    trial_start(&t, _i, FAULT_NONE);
    t.rig.deadline_ms = 30000;
    ck_assert_int_eq(sink_rig_open(&t.rig), 0);
    trial_deliver(&t, rig_broker_batch(MANY_ROWS), ALLOW_OK, "10,000 rows");
    ck_assert_uint_ge(t.rig.delivery.series, MANY_ROWS);
    ck_assert_uint_gt(t.rig.delivery.bytes, 0);
    trial_end(&t);
}
END_TEST

START_TEST(hostile_texts_and_extreme_numbers_are_delivered)
{
    struct trial t;

    trial_start(&t, _i, FAULT_NONE);
    t.rig.deadline_ms = 30000;
    ck_assert_int_eq(sink_rig_open(&t.rig), 0);
    trial_deliver(&t, rig_hostile_batch(), ALLOW_OK, "hostile batch");
    ck_assert_uint_gt(t.rig.delivery.series, 0);
    trial_end(&t);
}
END_TEST

START_TEST(the_same_batch_twice_does_no_harm)
{
    struct trial t;
    struct batch *b = rig_broker_batch(100);

    batch_ref(b);
    trial_open(&t, _i, FAULT_NONE);
    trial_deliver(&t, b, ALLOW_OK, "once");
    trial_deliver(&t, b, ALLOW_OK, "again");
    trial_end(&t);
}
END_TEST

START_TEST(render_is_pure)
{
    struct trial t;
    struct batch *b = rig_hostile_batch();
    struct buf once, again;

    trial_open(&t, _i, FAULT_REFUSES);
    buf_init(&once, 0);
    buf_init(&again, 0);
    ck_assert_int_eq(t.rig.ops->render(t.rig.self, b, &once, &t.rig.err), 0);
    ck_assert_int_eq(t.rig.ops->render(t.rig.self, b, &again, &t.rig.err), 0);
    ck_assert_uint_gt(once.len, 0);
    ck_assert_uint_eq(once.len, again.len);
    ck_assert_int_eq(memcmp(once.data, again.data, once.len), 0);
    buf_fini(&once);
    buf_fini(&again);
    buf_init(&once, 100); /* and says when its output has no room */
    ck_assert_int_eq(t.rig.ops->render(t.rig.self, b, &once, &t.rig.err), -1);
    buf_fini(&once);
    batch_unref(b);
    trial_end(&t);
}
END_TEST

static void try_fault(int entry, enum battery_fault fault, const char *name)
{
    struct trial t;
    const struct battery_receiver *receiver = battery[entry].receiver;

    if (receiver->first[fault] == 0)
        return;
    trial_open(&t, entry, fault);
    enum sink_result first = trial_deliver(&t, rig_broker_batch(1000), receiver->first[fault], name);
    ck_assert(first != SINK_OK || t.rig.delivery.series >= 1000);
    t.rig.deadline_ms = DEADLINE_MS * 3;
    trial_deliver(&t, rig_broker_batch(1000), receiver->second[fault], "after it");
    trial_end(&t);
}

START_TEST(a_receiver_that_refuses) { try_fault(_i, FAULT_REFUSES, "refuses"); } END_TEST
START_TEST(a_receiver_that_hangs) { try_fault(_i, FAULT_HANGS, "hangs"); } END_TEST
START_TEST(a_receiver_that_closes_midway) { try_fault(_i, FAULT_CLOSES, "closes midway"); } END_TEST
START_TEST(a_receiver_that_talks_nonsense) { try_fault(_i, FAULT_NONSENSE, "talks nonsense"); } END_TEST
START_TEST(a_receiver_that_never_stops_talking) { try_fault(_i, FAULT_ENDLESS, "never stops talking"); } END_TEST
START_TEST(a_receiver_without_room) { try_fault(_i, FAULT_FULL, "has no room"); } END_TEST

START_TEST(a_stop_ends_a_delivery_that_hangs)
{
    struct trial t;

    if (battery[_i].receiver->first[FAULT_HANGS] == 0)
        return;
    trial_start(&t, _i, FAULT_HANGS);
    t.rig.deadline_ms = 20000;
    t.rig.env.timeout_ms = 20000;
    t.rig.cancel_fd = eventfd(1, EFD_CLOEXEC); /* readable */
    ck_assert_int_eq(sink_rig_open(&t.rig), 0);
    trial_deliver(&t, rig_broker_batch(100), ALLOW_RETRY, "told to stop");
    ck_assert_msg(t.rig.took_ms < SLACK_MS, "%s: took %lld ms", t.entry->sink, (long long)t.rig.took_ms);
    close(t.rig.cancel_fd);
    trial_end(&t);
}
END_TEST

START_TEST(a_deadline_that_has_passed_is_kept)
{
    struct trial t;

    if (battery[_i].receiver->first[FAULT_HANGS] == 0)
        return;
    trial_start(&t, _i, FAULT_HANGS);
    t.rig.deadline_ms = -1000;
    ck_assert_int_eq(sink_rig_open(&t.rig), 0);
    trial_deliver(&t, rig_broker_batch(100), ALLOW_RETRY, "no time left");
    trial_end(&t);
}
END_TEST

START_TEST(a_probe_tells_well_from_ill_and_keeps_its_deadline)
{
    struct trial t;
    char detail[200] = "";

    for (int fault = FAULT_NONE; fault <= FAULT_REFUSES; fault++) {
        trial_open(&t, _i, (enum battery_fault)fault);
        if (t.rig.ops->probe != NULL) {
            int rc = t.rig.ops->probe(t.rig.self, clock_now_ns() + DEADLINE_MS * NS_PER_MS, detail, sizeof(detail), &t.rig.err);
            ck_assert_msg(rc == (fault == FAULT_NONE ? 0 : -1), "%s: %s", t.entry->sink, t.rig.err.msg);
            ck_assert(detail[0] != '\0');
        }
        trial_end(&t);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("battery");
    TCase *t = unit_case(s, "life");

    tcase_add_test(t, every_registered_sink_is_in_the_battery);
    tcase_add_test(t, the_example_in_the_readme_is_the_real_code);
    tcase_add_loop_test(t, it_says_what_it_is, 0, ENTRIES);
    tcase_add_loop_test(t, close_before_open_is_fine, 0, ENTRIES);
    tcase_add_loop_test(t, close_after_an_open_that_failed_is_fine, 0, ENTRIES);
    tcase_add_loop_test(t, close_without_a_delivery_is_fine, 0, ENTRIES);
    tcase_add_loop_test(t, open_does_not_need_the_receiver, 0, ENTRIES);
    t = unit_case(s, "batches");
    tcase_add_loop_test(t, an_empty_batch_is_delivered, 0, ENTRIES);
    tcase_add_loop_test(t, many_rows_are_delivered, 0, ENTRIES);
    tcase_add_loop_test(t, hostile_texts_and_extreme_numbers_are_delivered, 0, ENTRIES);
    tcase_add_loop_test(t, the_same_batch_twice_does_no_harm, 0, ENTRIES);
    tcase_add_loop_test(t, render_is_pure, 0, ENTRIES);
    t = unit_case(s, "faults");
    tcase_add_loop_test(t, a_receiver_that_refuses, 0, ENTRIES);
    tcase_add_loop_test(t, a_receiver_that_hangs, 0, ENTRIES);
    tcase_add_loop_test(t, a_receiver_that_closes_midway, 0, ENTRIES);
    tcase_add_loop_test(t, a_receiver_that_talks_nonsense, 0, ENTRIES);
    tcase_add_loop_test(t, a_receiver_that_never_stops_talking, 0, ENTRIES);
    tcase_add_loop_test(t, a_receiver_without_room, 0, ENTRIES);
    tcase_add_loop_test(t, a_stop_ends_a_delivery_that_hangs, 0, ENTRIES);
    tcase_add_loop_test(t, a_deadline_that_has_passed_is_kept, 0, ENTRIES);
    tcase_add_loop_test(t, a_probe_tells_well_from_ill_and_keeps_its_deadline, 0, ENTRIES);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
