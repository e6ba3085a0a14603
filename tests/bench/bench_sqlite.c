/*
 * bench_sqlite.c - what the history costs: CPU to write, bytes per sample, time of the questions people ask.
 *
 *   bench_sqlite            every figure, one line each, in a temporary directory
 *   bench_sqlite day FILE [GROUPS]     only makes a day of history in FILE, for looking at it with sqlite3
 *   bench_sqlite openmetrics [GROUPS]  prints the numbers of the same day for promtool: history_size.sh
 *
 * The day: 1,000 groups with a topic each, 8 queues a topic, 1,440 intervals of a minute; 15 % of the topics busy, 10 % now
 * and then, 3 % stuck with a growing age, the rest idle.
 */
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/batch.h"
#include "sinks/sink.h"
#include "sinks/sqlite/history.h"
#include "sinks/sqlite/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define START 1700006400LL /* 2023-11-15 00:00:00 UTC */
#define GROUPS 1000
#define QUEUES 8
#define DAY 1440

extern const struct sink_ops sqlite_sink;

static uint64_t state = 88172645463325252u;

static uint64_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static bool chance(unsigned percent)
{
    return draw() % 100 < percent;
}

static void die(const char *what, const struct err *err)
{
    fprintf(stderr, "bench_sqlite: %s: %s\n", what, err->msg);
    exit(1);
}

static void *open_as(const char *reason, const char *path)
{
    const struct sink_env env = { .name = "sqlite", .agent_version = "bench", .config_hash = "0", .start_reason = reason,
                                  .interval_ms = 60000 };
    struct err err;
    void *sink = xcalloc(1, sqlite_sink.size);

    option_set_defaults(sqlite_sink.options, sink);
    if (option_set(option_find(sqlite_sink.options, "path"), sink, path, &err) < 0 || sqlite_sink.open(sink, &env, &err) < 0)
        die("open", &err);
    return sink;
}

static void *open_sink(const char *path)
{
    return open_as("run", path);
}

static void close_sink(void *sink)
{
    sqlite_sink.close(sink);
    free(sink);
}

/* CPU nanoseconds of delivering the batch, which is given up. */
static int64_t deliver(void *sink, struct batch *b, struct sink_delivery *d)
{
    struct err err;

    *d = (struct sink_delivery){ .deadline_ns = clock_now_ns() + 60 * NS_PER_S, .cancel_fd = -1 };
    batch_seal(b);
    int64_t before = clock_cpu_ns();
    if (sqlite_sink.deliver(sink, b, d, &err) != SINK_OK)
        die("deliver", &err);
    int64_t spent = clock_cpu_ns() - before;
    batch_unref(b);
    return spent;
}

static struct batch *new_batch(int64_t time)
{
    struct batch *b = batch_new();

    *batch_info_edit(b) = (struct batch_info){ .time_ms = time * 1000, .interval_ms = 60000, .complete = true };
    return b;
}

static void set_name(struct batch *b, enum table_id t, uint32_t row, unsigned column, const char *prefix, int number)
{
    char text[64];

    snprintf(text, sizeof(text), "%s%d", prefix, number);
    batch_set_text(b, t, row, column, batch_intern_z(b, text));
}

static uint32_t add_row(struct batch *b, enum table_id t)
{
    uint32_t row = batch_add(b, t);

    batch_set_text(b, t, row, KEY_SOURCE, batch_intern_z(b, "prod"));
    batch_set_text(b, t, row, KEY_SYSTEM, batch_intern_z(b, "rocketmq"));
    batch_set_text(b, t, row, KEY_CLUSTER, batch_intern_z(b, "DefaultCluster"));
    return row;
}

/* ---- rows per second ---- */

static struct batch *make_queues(int rows, int64_t time, int64_t salt)
{
    struct batch *b = new_batch(time);

    for (int i = 0; i < rows; i++) {
        uint32_t row = add_row(b, TABLE_QUEUES);
        set_name(b, TABLE_QUEUES, row, QUEUES_CONSUMER_GROUP, "consumer_group_", i / QUEUES);
        set_name(b, TABLE_QUEUES, row, QUEUES_TOPIC, "topic_of_orders_", i / QUEUES);
        set_name(b, TABLE_QUEUES, row, QUEUES_BROKER, "broker-", i % 2);
        set_name(b, TABLE_QUEUES, row, QUEUES_QUEUE, "", i % QUEUES);
        set_name(b, TABLE_QUEUES, row, QUEUES_CLIENT, "10.0.0.1@12345#4711#", i % 100);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_MIN_OFFSET, 100000);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_MAX_OFFSET, 200000 + i + salt * 10);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_CONSUMER_OFFSET, 200000 + i + salt * 9);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_LAG, salt);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_INFLIGHT, 0);
        batch_set_real(b, TABLE_QUEUES, row, QUEUES_LAST_CONSUMED_AT, (double)(START + salt) + 0.123);
    }
    return b;
}

static int compare_i64(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void bench_rows(const char *path, int rows)
{
    enum { ROUNDS = 9 };
    int64_t changed[ROUNDS], idle[ROUNDS], salt = 1, minute = 0;
    struct sink_delivery d;
    void *sink = open_sink(path);

    int64_t first = deliver(sink, make_queues(rows, START, salt), &d);
    int64_t after_keyframe = deliver(sink, make_queues(rows, START + 60 * ++minute, ++salt), &d);
    for (int i = 0; i < ROUNDS; i++)
        changed[i] = deliver(sink, make_queues(rows, START + 60 * ++minute, ++salt), &d);
    for (int i = 0; i < ROUNDS; i++)
        idle[i] = deliver(sink, make_queues(rows, START + 60 * ++minute, salt), &d);
    qsort(changed, ROUNDS, sizeof(*changed), compare_i64);
    qsort(idle, ROUNDS, sizeof(*idle), compare_i64);
    int64_t ns = changed[ROUNDS / 2];
    printf("sqlite write first rows=%d cpu_ms=%.1f\n", rows, (double)first / 1e6);
    printf("sqlite write changed_after_keyframe rows=%d cpu_ms=%.1f\n", rows, (double)after_keyframe / 1e6);
    printf("sqlite write changed rows=%d cpu_ms=%.1f rows_per_s=%.0f\n", rows, (double)ns / 1e6, rows * 1e9 / (double)ns);
    printf("sqlite write idle rows=%d cpu_ms=%.2f\n", rows, (double)idle[ROUNDS / 2] / 1e6);
    close_sink(sink);
}

/* ---- 10,000 topics: what the store remembers ---- */

static void bench_memory(const char *path)
{
    static const struct {
        enum table_id table;
        int rows;
    } parts[] = { { TABLE_QUEUES, 50000 }, { TABLE_BACKLOGS, 20000 }, { TABLE_TOPICS, 20000 }, { TABLE_GROUPS, 10000 } };
    struct store_written written;
    struct store store;
    struct err err;
    struct batch *b = new_batch(START);

    for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++)
        for (int i = 0; i < parts[p].rows; i++) {
            uint32_t row = add_row(b, parts[p].table);
            for (unsigned k = KEY_CLUSTER + 1; k < schema_tables[parts[p].table].key_count; k++)
                set_name(b, parts[p].table, row, k, "some_name_", i);
        }
    batch_seal(b);
    store_init(&store, path, &(struct store_run){ .reason = "run", .version = "", .config_hash = "" });
    int64_t before = clock_cpu_ns();
    if (store_write(&store, b, &written, &err) < 0)
        die("store_write", &err);
    printf("sqlite memory entities=%llu bytes=%zu first_write_cpu_ms=%.0f\n", (unsigned long long)written.entities,
           store_memory(&store), (double)(clock_cpu_ns() - before) / 1e6);
    batch_unref(b);
    store_fini(&store);
}

/* ---- a day ---- */

struct queue_state {
    int64_t max, committed;
    double consumed_at;
};

static int group_count = GROUPS; /* of the day */

struct day {
    struct queue_state queues[GROUPS][QUEUES];
    int64_t stuck_since;
    uint64_t samples, written_bytes;
    int64_t cpu_ns[DAY];
};

enum load { BUSY, RARE, STUCK, IDLE };

static enum load load_of(int group)
{
    int place = group * 37 % 100;

    return place < 15 ? BUSY : place < 25 ? RARE : place < 28 ? STUCK : IDLE;
}

static void move_group(struct day *day, int group, int64_t time)
{
    enum load load = load_of(group);
    if (load == IDLE || (load == RARE && !chance(3)))
        return;
    for (int q = 0; q < QUEUES; q++) {
        struct queue_state *s = &day->queues[group][q];
        if (load == BUSY && chance(70)) {
            s->max += 1 + (int64_t)(draw() % (20u << group % 8));
            s->committed = s->max - (chance(50) ? (int64_t)(draw() % 20) : 0);
            s->consumed_at = (double)time - (double)(draw() % 5000) / 1000;
        } else if (load == RARE && chance(50)) {
            s->committed = ++s->max;
            s->consumed_at = (double)time - 0.5;
        }
    }
}

static void add_group(struct batch *b, struct day *day, int g, int64_t time, const struct queue_state before[QUEUES])
{
    enum load load = load_of(g);
    int64_t lag = 0, moved = 0, consumed = 0, max = 0;
    double newest = 0;

    for (int q = 0; q < QUEUES; q++) {
        const struct queue_state *s = &day->queues[g][q];
        uint32_t row = add_row(b, TABLE_QUEUES);
        set_name(b, TABLE_QUEUES, row, QUEUES_CONSUMER_GROUP, "group_", g);
        set_name(b, TABLE_QUEUES, row, QUEUES_TOPIC, "topic_", g);
        set_name(b, TABLE_QUEUES, row, QUEUES_BROKER, "broker-", q % 2);
        set_name(b, TABLE_QUEUES, row, QUEUES_QUEUE, "", q / 2);
        set_name(b, TABLE_QUEUES, row, QUEUES_CLIENT, "10.0.0.1@1234#", g % 50);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_MIN_OFFSET, 100000);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_MAX_OFFSET, s->max);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_CONSUMER_OFFSET, s->committed);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_LAG, s->max - s->committed);
        batch_set_int(b, TABLE_QUEUES, row, QUEUES_INFLIGHT, 0);
        batch_set_real(b, TABLE_QUEUES, row, QUEUES_LAST_CONSUMED_AT, s->consumed_at);
        lag += s->max - s->committed;
        moved += s->max - before[q].max;
        consumed += s->committed - before[q].committed;
        max += s->max;
        newest = s->consumed_at > newest ? s->consumed_at : newest;
    }
    double age = load == STUCK ? (double)(time - day->stuck_since) : lag > 0 ? (double)lag / 7 : 0;

    uint32_t row = add_row(b, TABLE_GROUPS);
    set_name(b, TABLE_GROUPS, row, GROUPS_CONSUMER_GROUP, "group_", g);
    batch_set_text(b, TABLE_GROUPS, row, GROUPS_MODEL, batch_intern_z(b, "clustering"));
    batch_set_text(b, TABLE_GROUPS, row, GROUPS_TYPE, batch_intern_z(b, "push"));
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_MEMBERS, 2);
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_LAG, lag);
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_RETRY_LAG, 0);
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_DLQ, 0);
    batch_set_real(b, TABLE_GROUPS, row, GROUPS_LAG_SECONDS, age);
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_VERDICT, load == STUCK ? 8 : 7);
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_COMPLETE, 1);

    row = add_row(b, TABLE_BACKLOGS);
    set_name(b, TABLE_BACKLOGS, row, BACKLOGS_CONSUMER_GROUP, "group_", g);
    set_name(b, TABLE_BACKLOGS, row, BACKLOGS_TOPIC, "topic_", g);
    batch_set_text(b, TABLE_BACKLOGS, row, BACKLOGS_KIND, batch_intern_z(b, "normal"));
    batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_LAG, lag);
    batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_DIFF, lag);
    batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_INFLIGHT, 0);
    batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_LOST, 0);
    batch_set_real(b, TABLE_BACKLOGS, row, BACKLOGS_LAG_SECONDS, age);
    batch_set_real(b, TABLE_BACKLOGS, row, BACKLOGS_OUT_RATE, (double)consumed / 60);
    batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_VERDICT, load == STUCK ? 8 : 7);
    batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_COMPLETE, 1);

    row = add_row(b, TABLE_TOPICS);
    set_name(b, TABLE_TOPICS, row, TOPICS_BROKER, "broker-", g % 2);
    set_name(b, TABLE_TOPICS, row, TOPICS_TOPIC, "topic_", g);
    batch_set_text(b, TABLE_TOPICS, row, TOPICS_KIND, batch_intern_z(b, "normal"));
    batch_set_int(b, TABLE_TOPICS, row, TOPICS_QUEUES, QUEUES);
    batch_set_int(b, TABLE_TOPICS, row, TOPICS_MIN_OFFSET, 100000 * QUEUES);
    batch_set_int(b, TABLE_TOPICS, row, TOPICS_MAX_OFFSET, max);
    batch_set_int(b, TABLE_TOPICS, row, TOPICS_STORED, max - 100000 * QUEUES);
    batch_set_real(b, TABLE_TOPICS, row, TOPICS_IN_RATE, (double)moved / 60);
    batch_set_real(b, TABLE_TOPICS, row, TOPICS_LAST_STORED_AT, newest);
}

static void add_brokers(struct batch *b)
{
    for (int i = 0; i < 2; i++) {
        uint32_t row = add_row(b, TABLE_BROKERS);
        set_name(b, TABLE_BROKERS, row, BROKERS_BROKER, "broker-", i);
        set_name(b, TABLE_BROKERS, row, BROKERS_BROKER_ID, "", 0);
        set_name(b, TABLE_BROKERS, row, BROKERS_ADDRESS, "10.0.0.1:1091", i);
        set_name(b, TABLE_BROKERS, row, BROKERS_VERSION, "5.3.", i);
        for (unsigned c = schema_tables[TABLE_BROKERS].key_count; c < BROKERS_COLUMN_COUNT; c++) {
            if (schema_tables[TABLE_BROKERS].columns[c].kind == COLUMN_INT)
                batch_set_int(b, TABLE_BROKERS, row, c, c == BROKERS_BOOT_TIMESTAMP ? START * 1000 : (int64_t)(draw() % 100000));
            else if (schema_tables[TABLE_BROKERS].columns[c].kind == COLUMN_REAL)
                batch_set_real(b, TABLE_BROKERS, row, c, (double)(draw() % 10000) / 7);
        }
    }
}

static uint64_t count_samples(const struct batch *b)
{
    uint64_t samples = 0;

    for (int t = 0; t < TABLE_COUNT; t++)
        for (uint32_t row = 0; row < batch_rows(b, (enum table_id)t); row++)
            for (unsigned c = schema_tables[t].key_count; c < schema_tables[t].column_count; c++)
                samples += !schema_tables[t].columns[c].hidden && batch_has(b, (enum table_id)t, row, c);
    return samples;
}

static struct batch *make_minute(struct day *day, int minute)
{
    int64_t time = START + minute * 60;
    struct batch *b = new_batch(time);

    for (int g = 0; g < group_count; g++) {
        struct queue_state before[QUEUES];
        memcpy(before, day->queues[g], sizeof(before));
        move_group(day, g, time);
        add_group(b, day, g, time, before);
    }
    add_brokers(b);
    day->samples += count_samples(b);
    return b;
}

static void start_day(struct day *day)
{
    *day = (struct day){ .stuck_since = START - 7200 };
    for (int g = 0; g < group_count; g++)
        for (int q = 0; q < QUEUES; q++)
            day->queues[g][q] = (struct queue_state){ 200000 + g * 17 + q, 200000 + g * 17 + q - (load_of(g) == STUCK ? 500 : 0),
                                                      (double)START - 1000 - g };
}

static void make_day(const char *path, struct day *day)
{
    void *sink = open_sink(path);
    struct sink_delivery d;

    start_day(day);
    for (int minute = 0; minute < DAY; minute++) {
        day->cpu_ns[minute] = deliver(sink, make_minute(day, minute), &d);
        day->written_bytes += d.bytes;
    }
    close_sink(sink);
}

static int64_t ask(sqlite3 *db, const char *sql, const char *name)
{
    enum { ROUNDS = 5 };
    int64_t wall[ROUNDS], rows = 0;

    for (int i = 0; i < ROUNDS; i++) {
        sqlite3_stmt *stmt;
        int64_t before = clock_now_ns();
        rows = 0;
        if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) {
            fprintf(stderr, "bench_sqlite: %s: %s\n", sql, sqlite3_errmsg(db));
            exit(1);
        }
        while (sqlite3_step(stmt) == SQLITE_ROW)
            rows++;
        sqlite3_finalize(stmt);
        wall[i] = clock_now_ns() - before;
    }
    qsort(wall, ROUNDS, sizeof(*wall), compare_i64);
    printf("sqlite query %s ms=%.1f rows=%lld\n", name, (double)wall[ROUNDS / 2] / 1e6, (long long)rows);
    return rows;
}

static void bench_queries(const char *path)
{
    sqlite3 *db;
    char sql[256];

    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        exit(1);
    ask(db, "SELECT time, lag FROM groups WHERE consumer_group = 'group_2' ORDER BY time", "group_day_busy");
    ask(db, "SELECT time, lag FROM groups WHERE consumer_group = 'group_50' ORDER BY time", "group_day_idle");
    ask(db, "SELECT time, max(lag) FROM queues WHERE consumer_group = 'group_2' GROUP BY time", "group_day_worst_queue");
    snprintf(sql, sizeof(sql), "SELECT consumer_group, lag FROM groups WHERE time = %lld ORDER BY lag DESC LIMIT 20",
             START + 60LL * 839);
    ask(db, sql, "top_20_groups_at_13_59");
    snprintf(sql, sizeof(sql), "SELECT * FROM queues WHERE time = %lld", START + 60LL * 839);
    ask(db, sql, "all_queues_at_13_59");
    ask(db, "SELECT * FROM queues_now", "all_queues_now");
    ask(db, "SELECT consumer_group, time, lag_max FROM groups_hour", "max_per_hour_all_groups_rollup");
    ask(db, "SELECT consumer_group, time / 3600, max(lag) FROM groups_changes GROUP BY 1, 2", "max_per_hour_all_groups_changes");
    snprintf(sql, sizeof(sql), "SELECT count(*), sum(lag) FROM groups WHERE time >= %lld AND time < %lld", START + 36000,
             START + 39600);
    ask(db, sql, "all_groups_one_hour_each_minute");
    sqlite3_close(db);
}

static void bench_load(const char *path)
{
    struct history *history;
    struct err err;

    if (history_open(path, &history, &err) < 0)
        die("history_open", &err);
    struct batch *b = batch_new();
    int64_t before = clock_now_ns();
    if (history_load(history, (START + 60 * 839) * 1000, b, &err) < 0)
        die("history_load", &err);
    printf("sqlite load rows=%u ms=%.1f\n", batch_rows(b, TABLE_QUEUES) + batch_rows(b, TABLE_GROUPS) * 3 + 2,
           (double)(clock_now_ns() - before) / 1e6);
    batch_unref(b);
    history_close(history);
}

/* A process per interval, from a timer: what opening, catching up and closing add, late in an hour. */
static void bench_once(const char *path, struct day *day)
{
    struct sink_delivery d;
    void *sink = open_sink(path);

    for (int i = 0; i < 56; i++)
        deliver(sink, make_minute(day, DAY + i), &d);
    close_sink(sink);
    for (int i = 56; i < 59; i++) {
        struct batch *b = make_minute(day, DAY + i);
        int64_t before = clock_cpu_ns(), wall = clock_now_ns();
        sink = open_as("once", path);
        deliver(sink, b, &d);
        close_sink(sink);
        printf("sqlite once rows=%llu cpu_ms=%.1f wall_ms=%.1f\n", (unsigned long long)d.series,
               (double)(clock_cpu_ns() - before) / 1e6, (double)(clock_now_ns() - wall) / 1e6);
    }
}

static void bench_day(const char *path)
{
    static struct day day;
    struct stat st;

    make_day(path, &day);
    if (stat(path, &st) < 0)
        exit(1);
    printf("sqlite day samples=%llu bytes=%lld bytes_per_sample=%.2f\n", (unsigned long long)day.samples, (long long)st.st_size,
           (double)st.st_size / (double)day.samples);
    int64_t sum = 0;
    for (int i = 0; i < DAY; i++)
        sum += day.cpu_ns[i];
    qsort(day.cpu_ns, DAY, sizeof(*day.cpu_ns), compare_i64);
    printf("sqlite day interval cpu_mean_ms=%.2f cpu_median_ms=%.2f cpu_max_ms=%.1f log_kib=%.0f\n", (double)sum / DAY / 1e6,
           (double)day.cpu_ns[DAY / 2] / 1e6, (double)day.cpu_ns[DAY - 1] / 1e6, (double)day.written_bytes / DAY / 1024);
    bench_once(path, &day);
}

/* ---- the same day for Prometheus ---- */

static void print_row(const struct batch *b, enum table_id t, uint32_t row)
{
    const struct table *table = &schema_tables[t];

    for (unsigned c = table->key_count; c < table->column_count; c++) {
        if (table->columns[c].hidden || table->columns[c].kind == COLUMN_TEXT || !batch_has(b, t, row, c))
            continue;
        printf("%s_%s{", table->name, table->columns[c].name);
        for (unsigned k = 0; k < table->key_count; k++) /* none of the day's names needs escaping */
            if (batch_text(b, t, row, k) != NULL)
                printf("%s%s=\"%s\"", k > 0 ? "," : "", table->columns[k].name, batch_text(b, t, row, k));
        printf("} %.17g %lld\n", batch_number(b, t, row, c), (long long)(batch_info(b)->time_ms / 1000));
    }
}

static void print_day(void)
{
    static struct day day;

    start_day(&day);
    for (int minute = 0; minute < DAY; minute++) {
        struct batch *b = make_minute(&day, minute);
        for (int t = 0; t < TABLE_COUNT; t++)
            for (uint32_t row = 0; row < batch_rows(b, (enum table_id)t); row++)
                print_row(b, (enum table_id)t, row);
        batch_unref(b);
    }
    printf("# EOF\n");
}

static void remove_all(const char *directory)
{
    static const char *const names[] = { "rows.db", "memory.db", "day.db" }, *const parts[] = { "", "-wal", "-shm" };
    char path[256];

    for (size_t n = 0; n < 3; n++)
        for (size_t p = 0; p < 3; p++) {
            snprintf(path, sizeof(path), "%s/%s%s", directory, names[n], parts[p]);
            unlink(path);
        }
    rmdir(directory);
}

int main(int argc, char **argv)
{
    char directory[] = "/tmp/bench_sqlite.XXXXXX", path[256];

    if (argc >= 2 && (argc > 3 || strcmp(argv[1], "openmetrics") == 0)) {
        const char *count = argv[strcmp(argv[1], "openmetrics") == 0 ? 2 : 3];
        group_count = count == NULL ? GROUPS : atoi(count);
        if (group_count < 1 || group_count > GROUPS)
            return 2;
    }
    if (argc >= 2 && strcmp(argv[1], "openmetrics") == 0) {
        print_day();
        return 0;
    }
    if (argc >= 3 && strcmp(argv[1], "day") == 0) {
        bench_day(argv[2]);
        return 0;
    }
    if (mkdtemp(directory) == NULL)
        return 1;
    snprintf(path, sizeof(path), "%s/rows.db", directory);
    bench_rows(path, 40000);
    snprintf(path, sizeof(path), "%s/memory.db", directory);
    bench_memory(path);
    snprintf(path, sizeof(path), "%s/day.db", directory);
    bench_day(path);
    bench_queries(path);
    bench_load(path);
    remove_all(directory);
    return 0;
}
