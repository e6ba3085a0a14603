/*
 * bench_redis.c - rows a second through the redis sink, beside a bare hiredis pipeline of the same entries.
 *
 * Both talk to a redis-server of their own (unix socket, temporary directory, nothing saved), in turns. The bare one has every word
 * of every command ready before the clock starts, so it shows what the server and hiredis take by themselves.
 */
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "tests/fake/sink_rig.h"

#include <hiredis/hiredis.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROWS 40000
#define ROUNDS 9
#define PIPELINE 500
#define WORDS_MAX 40
#define START 1700000040LL

static char directory[] = "/tmp/bench_redis.XXXXXX", path[64];

static pid_t start_server(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        FILE *null = freopen("/dev/null", "w", stdout);
        (void)null;
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--dir", directory, "--save", "", (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 100 && access(path, F_OK) != 0; i++)
        usleep(50000);
    return pid;
}

static void set_name(struct batch *b, uint32_t row, unsigned column, const char *prefix, uint32_t number)
{
    char text[64];

    snprintf(text, sizeof(text), "%s%u", prefix, number);
    batch_set_text(b, TABLE_QUEUES, row, column, batch_intern_z(b, text));
}

static struct batch *make_batch(int64_t time)
{
    struct batch *b = batch_new();

    *batch_info_edit(b) = (struct batch_info){ .time_ms = time * 1000, .interval_ms = 60000, .complete = true };
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t row = batch_add(b, TABLE_QUEUES);
        set_name(b, row, KEY_SOURCE, "prod", 1);
        set_name(b, row, KEY_CLUSTER, "DefaultCluster", 1);
        set_name(b, row, QUEUES_CONSUMER_GROUP, "consumer_group_", i / 8);
        set_name(b, row, QUEUES_TOPIC, "topic_of_orders_", i / 8);
        set_name(b, row, QUEUES_BROKER, "broker-", i % 2);
        set_name(b, row, QUEUES_QUEUE, "", i % 8);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_MIN_OFFSET, 100000);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_MAX_OFFSET, 200000 + i + time % 1000);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_CONSUMER_OFFSET, 200000 + i);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_LAG, time % 1000);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_INFLIGHT, 0);
        batch_set_real(b, TABLE_QUEUES, row, QUEUES_LAST_CONSUMED_AT, (double)time + 0.123);
    }
    batch_seal(b);
    return b;
}

/* ---- bare ---- */

struct command {
    int count;
    const char *words[WORDS_MAX];
    size_t lengths[WORDS_MAX];
};

static void add_word(struct command *c, const char *word)
{
    c->words[c->count] = xstrdup(word);
    c->lengths[c->count++] = strlen(word);
}

static struct command *make_commands(const struct batch *b)
{
    struct command *commands = xcalloc(ROWS, sizeof(*commands));
    const struct table *table = &schema_tables[TABLE_QUEUES];
    char text[64];

    for (uint32_t row = 0; row < ROWS; row++) {
        struct command *c = &commands[row];
        add_word(c, "XADD");
        add_word(c, "bare:queues");
        snprintf(text, sizeof(text), "%lld-%u", (long long)batch_info(b)->time_ms, row + 1);
        add_word(c, text);
        add_word(c, "time");
        snprintf(text, sizeof(text), "%lld", (long long)batch_info(b)->time_ms / 1000);
        add_word(c, text);
        for (unsigned column = 0; column < table->column_count; column++) {
            if (table->columns[column].hidden || !batch_has(b, TABLE_QUEUES, row, column))
                continue;
            add_word(c, table->columns[column].name);
            if (table->columns[column].kind == COLUMN_INT || table->columns[column].kind == COLUMN_REAL)
                snprintf(text, sizeof(text), "%.14g", batch_number(b, TABLE_QUEUES, row, column));
            else
                snprintf(text, sizeof(text), "%s", batch_text(b, TABLE_QUEUES, row, column));
            add_word(c, text);
        }
    }
    return commands;
}

static void free_commands(struct command *commands)
{
    for (int i = 0; i < ROWS; i++)
        for (int w = 0; w < commands[i].count; w++)
            free((char *)(uintptr_t)commands[i].words[w]);
    free(commands);
}

static int64_t run_bare(redisContext *c, struct command *commands)
{
    int64_t start = clock_now_ns();

    for (int at = 0; at < ROWS; at += PIPELINE) {
        for (int i = at; i < at + PIPELINE; i++)
            redisAppendCommandArgv(c, commands[i].count, commands[i].words, commands[i].lengths);
        for (int i = 0; i < PIPELINE; i++) {
            redisReply *reply;
            if (redisGetReply(c, (void **)&reply) != REDIS_OK || reply->type == REDIS_REPLY_ERROR) {
                fprintf(stderr, "bench_redis: bare: %s\n", c->err != 0 ? c->errstr : reply->str);
                exit(1);
            }
            freeReplyObject(reply);
        }
    }
    return clock_now_ns() - start;
}

/* ---- both ---- */

static int compare_i64(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

int main(void)
{
    int64_t sink_ns[ROUNDS], cpu_ns[ROUNDS], bare_ns[ROUNDS];
    struct sink_rig rig;
    char url[100];

    if (system("command -v redis-server >/dev/null") != 0 || mkdtemp(directory) == NULL) {
        puts("redis skipped: no redis-server");
        return 0;
    }
    snprintf(path, sizeof(path), "%s/socket", directory);
    pid_t server = start_server();
    redisContext *c = redisConnectUnix(path);
    snprintf(url, sizeof(url), "unix://%s", path);
    sink_rig_init(&rig, "redis");
    sink_rig_set(&rig, "url", url);
    int rc = c == NULL || c->err != 0 || sink_rig_open(&rig) < 0;
    for (int i = 0; i < ROUNDS && rc == 0; i++) {
        struct batch *b = make_batch(START + i * 60);
        struct command *commands = make_commands(b);
        rig.deadline_ms = 60000;
        int64_t cpu = clock_cpu_ns(), start = clock_now_ns();
        rc = sink_rig_deliver(&rig, b) != SINK_OK;
        sink_ns[i] = clock_now_ns() - start;
        cpu_ns[i] = clock_cpu_ns() - cpu;
        bare_ns[i] = run_bare(c, commands);
        free_commands(commands);
        batch_unref(b);
    }
    if (rc == 0) {
        qsort(sink_ns, ROUNDS, sizeof(*sink_ns), compare_i64);
        qsort(cpu_ns, ROUNDS, sizeof(*cpu_ns), compare_i64);
        qsort(bare_ns, ROUNDS, sizeof(*bare_ns), compare_i64);
        double sink = ROWS * 1e9 / (double)sink_ns[ROUNDS / 2], bare = ROWS * 1e9 / (double)bare_ns[ROUNDS / 2];
        printf("redis rows=%d sink_rows_per_s=%.0f bare_rows_per_s=%.0f ratio=%.2f cpu_us_per_row=%.2f\n", ROWS, sink, bare,
               sink / bare, (double)cpu_ns[ROUNDS / 2] / 1e3 / ROWS);
    } else {
        fprintf(stderr, "bench_redis: %s\n", rig.err.msg);
    }
    sink_rig_fini(&rig);
    redisFree(c);
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
    unlink(path);
    rmdir(directory);
    return rc;
}
