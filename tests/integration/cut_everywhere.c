/*
 * cut_everywhere.c STRIDE NAMESRV BROKER... - one look at real servers, cut at every byte of its conversations.
 *
 * The first look goes through proxies that keep each answer; from then on they give the same answers again, so the conversation is
 * the servers' own, byte for byte, and can be had thousands of times. Then, for the name server and the first broker (others are
 * witnesses), for each direction and each STRIDE-th byte: a fresh source, a cut there, a look. Half of the cuts are TCP resets, and
 * after every third the server stays away for the rest of the look. Each look must end, must name the server if anything is missing, and
 * must show no number that the whole look does not show: equal, absent, or, where the row says that it is not complete, less than that.
 * Then the same (every third of those bytes) in the second look of a source that goes on: over kept connections, with what was known
 * before; and the look after it must be whole again.
 *
 * Prints "ok - ..." and "not ok - ..." as the scripts do.
 */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/intern.h"
#include "agent/base/xalloc.h"
#include "agent/source/source.h"
#include "tests/fake/cut_proxy.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVERS_MAX 4
#define LOOK_MS 60000 /* far more than any look without a hanging peer takes */
#define ROWS_MAX 100000
#define WRONG_MAX 12  /* findings that are printed */

static struct {
    struct cut_proxy *proxies[SERVERS_MAX]; /* the first stands before the name server */
    const char *upstream[SERVERS_MAX];
    unsigned count;
    char rewrite[SERVERS_MAX * 64];
    struct batch *whole;
    struct intern keys;
    uint32_t *rows; /* of `whole`, by number in keys */
    unsigned looks, all, some, nothing, equal, absent, less, rows_gone, wrong;
} self;

static const enum table_id tables[] = {
    TABLE_BROKERS, TABLE_TOPICS, TABLE_BACKLOGS, TABLE_GROUPS, TABLE_QUEUES, TABLE_CLIENTS, TABLE_PRODUCERS,
};

static void wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void wrong(const char *fmt, ...)
{
    va_list args;

    if (self.wrong++ >= WRONG_MAX)
        return;
    va_start(args, fmt);
    printf("  ");
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
}

/* ---- a look ------------------------------------------------------------------------------------------------------ */

static void set(void *source, const struct source_ops *ops, const char *name, const char *value)
{
    struct err err;

    if (option_set(option_find(ops->options, name), source, value, &err) < 0) {
        printf("not ok - %s\n", err.msg);
        exit(1);
    }
}

/* interval_ms 0: a single look. Else everything slow is asked for in the first look, so that later ones need none of it. */
static void *start_source(int64_t interval_ms)
{
    const struct source_ops *ops = source_find("rocketmq");
    const struct source_env env = { .name = "s", .interval_ms = interval_ms };
    void *source = xcalloc(1, ops->size);
    struct err err;

    option_set_defaults(ops->options, source);
    set(source, ops, "namesrv", cut_proxy_address(self.proxies[0]));
    set(source, ops, "rewrite", self.rewrite);
    set(source, ops, "slow_requests", "10000");
    set(source, ops, "lag_requests", "10000");
    if (ops->open(source, &env, &err) < 0) {
        printf("not ok - %s\n", err.msg);
        exit(1);
    }
    return source;
}

static void end_source(void *source)
{
    source_find("rocketmq")->close(source);
    free(source);
}

static struct batch *look(void *source, enum source_result *result, struct err *err)
{
    struct batch *b = batch_new();

    *err = (struct err){ .kind = ERR_NONE };
    *result = source_find("rocketmq")->collect(source, b, clock_now_ns() + LOOK_MS * NS_PER_MS, -1, err);
    return b;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* Keys that tell of a thing rather than name it: they may be unknown. */
static bool is_name(const struct column *c)
{
    static const char *const said[] = { "model", "type", "version", "language", "pid", "ip" };

    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        if (strcmp(c->name, said[i]) == 0)
            return false;
    return c->kind == COLUMN_KEY;
}

/* What of a queue's owner is not known is empty, and the row is the same. */
static void key_of(const struct batch *b, enum table_id t, uint32_t row, struct buf *key)
{
    const struct table *table = &schema_tables[t];

    buf_reset(key);
    buf_puts(key, table->name);
    for (unsigned c = 0; c < table->key_count; c++)
        if (is_name(&table->columns[c]) && !(t == TABLE_QUEUES && c == QUEUES_CLIENT)) {
            const char *text = batch_text(b, t, row, c);
            buf_printf(key, "|%s", text != NULL ? text : "");
        }
    buf_putc(key, '\0');
}

static void index_whole(void)
{
    struct buf key;

    buf_init(&key, 0);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        for (uint32_t row = 0; row < batch_rows(self.whole, tables[i]); row++) {
            key_of(self.whole, tables[i], row, &key);
            self.rows[intern_add(&self.keys, key.data, key.len)] = row;
        }
    buf_fini(&key);
}

/* Grows with the time of day, not with what was answered. */
static bool is_age(const struct column *c)
{
    return strncmp(c->name, "lag_seconds", 11) == 0;
}

/* After a look that lacked something there is nothing to work it out from, and nothing to say about that. */
static bool is_rate(const struct column *c)
{
    return strstr(c->name, "rate") != NULL || strcmp(c->name, "send_back") == 0 || strcmp(c->name, "drain_seconds") == 0;
}

static bool is_lower_bound(const struct batch *b, enum table_id t, uint32_t row, const struct column *c)
{
    bool is_sum = strcmp(c->name, "lag") == 0 || strcmp(c->name, "retry_lag") == 0 || strcmp(c->name, "dlq") == 0 ||
                  strcmp(c->name, "diff") == 0 || strcmp(c->name, "lost") == 0 || strcmp(c->name, "inflight") == 0;

    if (t == TABLE_BACKLOGS)
        return is_sum && batch_int(b, t, row, BACKLOGS_COMPLETE) == 0;
    return t == TABLE_GROUPS && is_sum && batch_int(b, t, row, GROUPS_COMPLETE) == 0;
}

static void check_cell(const struct batch *b, enum table_id t, uint32_t row, uint32_t whole_row, unsigned c, const char *key, bool is_all)
{
    const struct column *column = &schema_tables[t].columns[c];
    bool has = batch_has(b, t, row, c), had = batch_has(self.whole, t, whole_row, c);
    bool is_flag = strcmp(column->name, "complete") == 0 || strcmp(column->name, "up") == 0;

    if (is_age(column) || column->hidden)
        return;
    if (column->kind == COLUMN_KEY || column->kind == COLUMN_TEXT) {
        const char *is = batch_text(b, t, row, c), *was = batch_text(self.whole, t, whole_row, c);
        bool is_same = is == was || (is != NULL && was != NULL && strcmp(is, was) == 0);
        if (!is_same && (is_all || !(is == NULL || is[0] == '\0' || strcmp(is, "unknown") == 0)))
            wrong("%s: another %s", key, column->name);
        return;
    }
    if (!has) {
        self.absent += had;
        if (had && is_all && !is_rate(column))
            wrong("%s: %s is missing, and nothing is said", key, column->name);
        return;
    }
    double is = batch_number(b, t, row, c), was = had ? batch_number(self.whole, t, whole_row, c) : NAN;
    if (is == was) { /* the same number, of the same bytes */
        self.equal++;
        return;
    }
    self.less++;
    if (is_all || !had || !(is < was) || !(is_flag || is_lower_bound(b, t, row, column))) {
        wrong("%s: %s is %.17g instead of %.17g", key, column->name, is, was);
    }
}

static void check_rows(const struct batch *b, enum table_id t, bool is_all)
{
    struct buf key;

    buf_init(&key, 0);
    for (uint32_t row = 0; row < batch_rows(b, t); row++) {
        key_of(b, t, row, &key);
        uint32_t id = intern_find(&self.keys, key.data, key.len);
        if (id == 0)
            wrong("%s: no such row in the whole look", key.data);
        for (unsigned c = 0; id != 0 && c < schema_tables[t].column_count; c++)
            check_cell(b, t, row, self.rows[id], c, key.data, is_all);
    }
    uint32_t whole = batch_rows(self.whole, t), got = batch_rows(b, t);
    self.rows_gone += whole > got ? whole - got : 0;
    if (is_all && whole != got)
        wrong("rows of %s are missing, and nothing is said", schema_tables[t].name);
    buf_fini(&key);
}

/* What the cut server's row of scrapes says: it failed, with a kind. */
static bool is_told(const struct batch *b, const char *address)
{
    for (uint32_t row = 0; row < batch_rows(b, TABLE_SCRAPES); row++) {
        const char *error = batch_text(b, TABLE_SCRAPES, row, SCRAPES_ERROR);
        if (strcmp(batch_text(b, TABLE_SCRAPES, row, SCRAPES_TARGET), address) == 0)
            return batch_int(b, TABLE_SCRAPES, row, SCRAPES_OK) == 0 && error != NULL &&
                   (strcmp(error, "closed") == 0 || strcmp(error, "protocol") == 0 || strcmp(error, "system") == 0);
    }
    return false;
}

static void check_look(const struct batch *b, enum source_result result, const struct err *err, unsigned server)
{
    const char *address = server == 0 ? cut_proxy_address(self.proxies[0]) : self.upstream[server];

    self.looks++;
    self.all += result == SOURCE_ALL;
    self.some += result == SOURCE_SOME;
    self.nothing += result == SOURCE_NOTHING;
    if (result != SOURCE_ALL && strstr(err->msg, address) == NULL)
        wrong("%s is not named: %s", address, err->msg);
    if (result != SOURCE_ALL && !is_told(b, address))
        wrong("%s has failed, and its row of scrapes does not say how (%s)", address, err->msg);
    if (result == SOURCE_NOTHING && server != 0)
        wrong("nothing at all, for want of %s", address);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        if (result != SOURCE_NOTHING)
            check_rows(b, tables[i], result == SOURCE_ALL);
}

/* ---- cuts -------------------------------------------------------------------------------------------------------- */

static void replay(unsigned server)
{
    struct cut_proxy_way way = CUT_PROXY_PASS;

    way.replays = true;
    cut_proxy_set(self.proxies[server], &way);
}

static void replay_all(void)
{
    for (unsigned i = 0; i < self.count; i++)
        replay(i);
}

static void cut(unsigned server, bool is_down, size_t at, int64_t interval_ms)
{
    struct cut_proxy_way way = CUT_PROXY_PASS;
    enum source_result result;
    struct err err;
    unsigned before = self.wrong;
    void *source = start_source(interval_ms);

    if (interval_ms > 0)
        batch_unref(look(source, &result, &err));
    way.replays = true;
    *(is_down ? &way.cut_down : &way.cut_up) = at;
    way.resets = at % 2 != 0;
    way.stays_away = at / 2 % 3 == 0;
    cut_proxy_set(self.proxies[server], &way);
    struct batch *b = look(source, &result, &err);
    check_look(b, result, &err, server);
    batch_unref(b);
    if (!cut_proxy_counts(self.proxies[server]).is_spoilt)
        wrong("%s: it was not cut", self.upstream[server]);
    if (interval_ms > 0) {
        replay(server);
        b = look(source, &result, &err);
        if (result != SOURCE_ALL)
            wrong("the look after it: %s", err.msg);
        check_look(b, result, &err, server);
        batch_unref(b);
    }
    end_source(source);
    if (self.wrong > before && before < WRONG_MAX)
        printf("  ... with %s cut at byte %zu %s\n", self.upstream[server], at, is_down ? "of what it says" : "of what it is asked");
}

static void cut_one(unsigned server, bool is_down, size_t bytes, size_t stride, int64_t interval_ms)
{
    unsigned before = self.wrong, cuts = 0;

    for (size_t at = 0; at < bytes; at += stride, cuts++)
        cut(server, is_down, at, interval_ms);
    replay(server);
    printf("%s - %u cuts, in the %zu bytes that %s %s%s: each look ended, named it, and showed no wrong number\n",
           self.wrong == before ? "ok" : "not ok", cuts, bytes, server == 0 ? "a name server" : "a broker", is_down ? "says" : "is asked",
           interval_ms > 0 ? " in a second look (the third was whole)" : "");
}

/* The whole look first: once to keep what the servers say, once from what was kept. */
static void cut_all(size_t stride, int64_t interval_ms)
{
    struct cut_proxy_counts bytes[2];
    enum source_result result;
    struct err err;

    for (int i = 0; i < 2; i++) {
        void *source = start_source(interval_ms);
        for (int n = 0; n < (interval_ms > 0 ? 2 : 1); n++) {
            replay_all(); /* counts anew */
            batch_unref(self.whole);
            self.whole = look(source, &result, &err);
        }
        for (unsigned n = 0; n < 2; n++)
            bytes[n] = cut_proxy_counts(self.proxies[n]);
        batch_unref(look(source, &result, &err)); /* so that what the look after a cut asks is kept, too */
        end_source(source);
    }
    printf("%s - a whole look, and the same once more from what was kept %s\n", result == SOURCE_ALL ? "ok" : "not ok", err.msg);
    index_whole();
    for (unsigned i = 0; i < 2; i++) {
        cut_one(i, true, bytes[i].down, stride, interval_ms);
        cut_one(i, false, bytes[i].up, stride, interval_ms);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 2 + SERVERS_MAX) {
        fprintf(stderr, "usage: cut_everywhere STRIDE NAMESRV BROKER...\n");
        return 2;
    }
    size_t stride = (size_t)atoi(argv[1]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 2; i < argc; i++) {
        self.upstream[self.count] = argv[i];
        self.proxies[self.count] = cut_proxy_start(argv[i]);
        if (i > 2)
            snprintf(self.rewrite + strlen(self.rewrite), sizeof(self.rewrite) - strlen(self.rewrite), "%s%s=%s", i > 3 ? "," : "", argv[i],
                     cut_proxy_address(self.proxies[self.count]));
        self.count++;
    }
    intern_init(&self.keys);
    self.rows = xcalloc(ROWS_MAX, sizeof(*self.rows));
    cut_all(stride, 0);
    cut_all(3 * stride, 60000);
    printf("# %u looks: %u whole all the same, %u in part, %u without anything; %u numbers as in the whole look, %u absent, "
           "%u lower bounds, %u rows absent; %u findings\n", self.looks, self.all, self.some, self.nothing, self.equal, self.absent,
           self.less, self.rows_gone, self.wrong);
    batch_unref(self.whole);
    intern_fini(&self.keys);
    free(self.rows);
    for (unsigned i = 0; i < self.count; i++)
        cut_proxy_stop(self.proxies[i]);
    return self.wrong == 0 ? 0 : 1;
}
