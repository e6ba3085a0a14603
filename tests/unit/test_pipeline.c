/* test_pipeline.c - from sources to sinks, with fakes at both ends; configurations are made by hand. */
#include "agent/pipeline/pipeline.h"
#include "agent/pipeline/sources.h"

#include "agent/base/clock.h"
#include "tests/fake/sink.h"
#include "tests/fake/source.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define TICK_MS 1700000040000
#define INTERVAL_MS 60000
#define MOST 4
#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

struct site {
    struct config config;
    struct config_source source_list[MOST];
    struct config_sink sink_list[MOST];
    struct fake_source sources[MOST];
    struct fake_sink *sinks[MOST];
    struct pipeline *pipeline;
    struct state *state; /* NULL unless a test opens one */
    struct err err;
};

static void site_init(struct site *s)
{
    *s = (struct site){
        .config = { .agent = { .interval_ms = INTERVAL_MS, .state_dir = "", .labels = "", .stop_timeout_ms = 5000,
                               .collect_timeout_ms = 10000 },
                    .hash = "0123456789abcdef" },
    };
    s->config.sources = s->source_list;
    s->config.sinks = s->sink_list;
    log_set_level(LOG_ERROR);
}

static void add_source(struct site *s, const char *script, unsigned groups)
{
    static const char *const names[] = { "fake a", "fake b", "fake c" }, *const keys[] = { "a", "b", "c" };
    size_t i = s->config.source_count++;

    s->sources[i] = (struct fake_source){ .script = script, .groups = groups };
    s->source_list[i] = fake_source_config(&s->sources[i], names[i], keys[i]);
}

static struct fake_sink *add_sink(struct site *s, enum sink_mode mode, const char *script)
{
    static const char *const names[] = { "first", "second", "third" };
    size_t i = s->config.sink_count++;

    s->sinks[i] = fake_sink_new(mode, script);
    s->sink_list[i] = fake_sink_config(s->sinks[i], names[i]);
    return s->sinks[i];
}

static void start(struct site *s, enum pipeline_reason reason)
{
    s->pipeline = pipeline_new(&s->config, reason, &s->err);
    ck_assert_msg(s->pipeline != NULL, "%s", s->err.msg);
    pipeline_start(s->pipeline, s->state);
}

static enum source_result collect(struct site *s, int64_t tick_ms)
{
    s->err = (struct err){ 0 };
    return pipeline_collect(s->pipeline, tick_ms, -1, &s->err);
}

static bool stop_within(struct site *s, int64_t ms)
{
    return pipeline_stop(s->pipeline, clock_now_ns() + ms * NS_PER_MS);
}

/* Everything that was opened is closed, and freed once. */
static void site_fini(struct site *s)
{
    pipeline_free(s->pipeline);
    for (size_t i = 0; i < s->config.source_count; i++) {
        ck_assert_uint_eq(s->sources[i].opened, s->sources[i].closed);
        free(s->source_list[i].self); /* what nobody took */
    }
    for (size_t i = 0; i < s->config.sink_count; i++) {
        ck_assert_uint_eq(fake_sink_opened(s->sinks[i]), fake_sink_closed(s->sinks[i]));
        fake_sink_free(s->sinks[i]);
        free(s->sink_list[i].self);
    }
}

/* The row of a table whose fourth key is `part`. */
static uint32_t row_of(const struct batch *b, enum table_id t, const char *part)
{
    for (uint32_t row = 0; row < batch_rows(b, t); row++)
        if (strcmp(batch_text(b, t, row, KEY_CLUSTER + 1), part) == 0)
            return row;
    ck_abort_msg("%s has no row for %s", schema_tables[t].name, part);
}

static int64_t agent_int(const struct batch *b, const char *part, unsigned column)
{
    return batch_int(b, TABLE_AGENT, row_of(b, TABLE_AGENT, part), column);
}

/* Collecting ---------------------------------------------------------------------------------------------------------- */

START_TEST(one_collection_reaches_every_sink)
{
    struct site s;

    site_init(&s);
    add_source(&s, "a", 3);
    struct fake_sink *latest = add_sink(&s, SINK_LATEST, "o"), *every = add_sink(&s, SINK_EVERY, "o");
    start(&s, PIPELINE_RUN);
    ck_assert_int_eq(collect(&s, TICK_MS), SOURCE_ALL);
    ck_assert(stop_within(&s, 10000));
    ck_assert_uint_eq(fake_sink_attempts(latest), 1);
    ck_assert_uint_eq(fake_sink_attempts(every), 1);
    ck_assert_ptr_eq(fake_sink_batch(latest), fake_sink_batch(every)); /* the same one, not a copy */
    const struct batch *b = fake_sink_batch(every);
    ck_assert_int_eq(batch_info(b)->time_ms, TICK_MS);
    ck_assert_int_eq(batch_info(b)->interval_ms, INTERVAL_MS);
    ck_assert_uint_eq(batch_info(b)->number, 1);
    ck_assert(batch_info(b)->complete);
    ck_assert_uint_eq(batch_rows(b, TABLE_GROUPS), 3);
    ck_assert_uint_eq(batch_rows(b, TABLE_SCRAPES), 1);
    ck_assert_str_eq(batch_text(b, TABLE_GROUPS, 0, KEY_SOURCE), "a");
    ck_assert_int_eq(s.sources[0].interval_ms, INTERVAL_MS);
    ck_assert_int_gt(s.sources[0].given_ms, 9000);
    site_fini(&s);
}
END_TEST

START_TEST(the_agent_has_rows_of_its_own)
{
    struct site s;

    site_init(&s);
    add_source(&s, "a", 1);
    struct fake_sink *sink = add_sink(&s, SINK_EVERY, "o");
    fake_sink_count(sink, 17, 4);
    start(&s, PIPELINE_RUN);
    collect(&s, TICK_MS);
    ck_assert(fake_sink_wait(sink, 1));
    const struct batch *b = fake_sink_batch(sink);
    ck_assert_uint_eq(batch_rows(b, TABLE_AGENT), 2);
    ck_assert_int_eq(agent_int(b, "collect", AGENT_UP), 1);
    ck_assert_int_eq(agent_int(b, "collect", AGENT_COMPLETE), 1);
    ck_assert_int_eq(agent_int(b, "collect", AGENT_RECEIVED_BYTES_TOTAL), 1000);
    ck_assert_int_gt(agent_int(b, "collect", AGENT_RESIDENT_BYTES), 0);
    uint32_t row = row_of(b, TABLE_AGENT, "collect");
    ck_assert_str_eq(batch_text(b, TABLE_AGENT, row, AGENT_VERSION), MQPUSH_VERSION);
    ck_assert_double_eq_tol(batch_real(b, TABLE_AGENT, row, AGENT_INTERVAL_SECONDS), 60, 1e-9);
    ck_assert_double_eq_tol(batch_real(b, TABLE_AGENT, row, AGENT_LAST_TIMESTAMP_SECONDS), TICK_MS / 1000, 1e-3);
    ck_assert_int_eq(agent_int(b, "first", AGENT_UP), NO_INT); /* nothing was tried yet: unknown, not down */
    ck_assert_int_eq(agent_int(b, "first", AGENT_SERIES), NO_INT);
    ck_assert_int_eq(agent_int(b, "first", AGENT_DELIVERED_TOTAL), 0);

    struct worker_counts c = { 0 }; /* the delivery is noted a moment after the sink has returned */
    for (const char *name; c.delivered == 0;)
        pipeline_read_sink(s.pipeline, 0, &name, &c);
    pipeline_set_missed_ticks(s.pipeline, 5);
    collect(&s, TICK_MS + INTERVAL_MS);
    ck_assert(fake_sink_wait(sink, 2));
    b = fake_sink_batch(sink);
    ck_assert_uint_eq(batch_info(b)->number, 2);
    ck_assert_int_eq(agent_int(b, "first", AGENT_UP), 1);
    ck_assert_int_eq(agent_int(b, "first", AGENT_DELIVERED_TOTAL), 1);
    ck_assert_int_eq(agent_int(b, "first", AGENT_SERIES), 17);
    ck_assert_int_eq(agent_int(b, "collect", AGENT_RECEIVED_BYTES_TOTAL), 2000);
    ck_assert_int_eq(agent_int(b, "collect", AGENT_MISSED_TICKS_TOTAL), 5);
    ck_assert_uint_eq(batch_rows(b, TABLE_DELIVERIES), 3);
    ck_assert_uint_eq(batch_rows(b, TABLE_DROPS), 3);
    int64_t cut = 0;
    for (uint32_t r = 0; r < batch_rows(b, TABLE_DROPS); r++)
        if (strcmp(batch_text(b, TABLE_DROPS, r, DROPS_REASON), "series") == 0)
            cut += batch_int(b, TABLE_DROPS, r, DROPS_TOTAL);
    ck_assert_int_eq(cut, 4);
    ck_assert(stop_within(&s, 10000));
    site_fini(&s);
}
END_TEST

START_TEST(a_waiting_batch_shows_in_the_next_one)
{
    struct site s;

    site_init(&s);
    add_source(&s, "a", 1);
    struct fake_sink *held = add_sink(&s, SINK_EVERY, "Oo"), *free_one = add_sink(&s, SINK_EVERY, "o");
    start(&s, PIPELINE_RUN);
    collect(&s, TICK_MS);
    ck_assert(fake_sink_wait(held, 1));
    collect(&s, TICK_MS + INTERVAL_MS);
    ck_assert(fake_sink_wait(free_one, 2));
    const struct batch *b = fake_sink_batch(free_one);
    ck_assert_double_eq_tol(batch_real(b, TABLE_AGENT, row_of(b, TABLE_AGENT, "first"), AGENT_DELAY_SECONDS), 60, 1e-9);
    fake_sink_go(held);
    ck_assert(stop_within(&s, 10000));
    site_fini(&s);
}
END_TEST

START_TEST(a_part_that_is_missing_is_said_and_the_rest_goes_on)
{
    struct site s;

    site_init(&s);
    add_source(&s, "s", 2);
    struct fake_sink *sink = add_sink(&s, SINK_LATEST, "o");
    start(&s, PIPELINE_RUN);
    ck_assert_int_eq(collect(&s, TICK_MS), SOURCE_SOME);
    ck_assert_int_eq(s.err.kind, ERR_TIMEOUT);
    ck_assert_str_eq(s.err.msg, "broker b: no answer"); /* one source: no need to name it */
    ck_assert(stop_within(&s, 10000));
    const struct batch *b = fake_sink_batch(sink);
    ck_assert(!batch_info(b)->complete);
    ck_assert_uint_eq(batch_rows(b, TABLE_GROUPS), 2);
    ck_assert_uint_eq(batch_rows(b, TABLE_SCRAPES), 1);
    ck_assert_int_eq(batch_int(b, TABLE_SCRAPES, 0, SCRAPES_OK), 0);
    ck_assert_int_eq(agent_int(b, "collect", AGENT_COMPLETE), 0);
    site_fini(&s);
}
END_TEST

START_TEST(nothing_at_all_is_delivered_too)
{
    struct site s;

    site_init(&s);
    add_source(&s, "n", 2);
    struct fake_sink *sink = add_sink(&s, SINK_EVERY, "o");
    start(&s, PIPELINE_RUN);
    ck_assert_int_eq(collect(&s, TICK_MS), SOURCE_NOTHING);
    ck_assert_str_eq(s.err.msg, "no name server answers");
    ck_assert(stop_within(&s, 10000));
    const struct batch *b = fake_sink_batch(sink);
    ck_assert_ptr_nonnull(b); /* that nobody answered is a fact worth keeping */
    ck_assert(!batch_info(b)->complete);
    ck_assert_uint_eq(batch_rows(b, TABLE_GROUPS), 0);
    ck_assert_uint_eq(batch_rows(b, TABLE_SCRAPES), 1);
    site_fini(&s);
}
END_TEST

struct several {
    const char *scripts[3];
    enum source_result expected;
    const char *text;
    unsigned groups;
};

static const struct several severals[] = {
    { { "a", "a", "a" }, SOURCE_ALL, "", 6 },
    { { "a", "s", "a" }, SOURCE_SOME, "source fake b: broker b: no answer", 6 },
    { { "n", "a", "s" }, SOURCE_SOME, "source fake a: no name server answers", 4 },
    { { "n", "n", "a" }, SOURCE_SOME, "source fake a: no name server answers", 2 },
    { { "s", "n", "n" }, SOURCE_SOME, "source fake a: broker b: no answer", 2 },
    { { "n", "n", "n" }, SOURCE_NOTHING, "source fake a: no name server answers", 0 },
};

START_TEST(several_sources_are_one_batch)
{
    const struct several *c = &severals[_i];
    struct site s;

    site_init(&s);
    for (int i = 0; i < 3; i++)
        add_source(&s, c->scripts[i], 2);
    struct fake_sink *sink = add_sink(&s, SINK_EVERY, "o");
    start(&s, PIPELINE_RUN);
    ck_assert_int_eq(collect(&s, TICK_MS), c->expected);
    ck_assert_str_eq(s.err.msg, c->text);
    ck_assert(stop_within(&s, 10000));
    ck_assert_uint_eq(batch_rows(fake_sink_batch(sink), TABLE_GROUPS), c->groups);
    ck_assert_uint_eq(batch_rows(fake_sink_batch(sink), TABLE_SCRAPES), 3);
    site_fini(&s);
}
END_TEST

START_TEST(a_source_that_hangs_leaves_time_for_the_others)
{
    struct site s;

    site_init(&s);
    s.config.agent.collect_timeout_ms = 1500;
    add_source(&s, "h", 1);
    add_source(&s, "h", 1);
    add_source(&s, "a", 1);
    struct fake_sink *sink = add_sink(&s, SINK_EVERY, "o");
    start(&s, PIPELINE_RUN);
    int64_t began = clock_now_ns();
    ck_assert_int_eq(collect(&s, TICK_MS), SOURCE_SOME);
    ck_assert_int_ge(clock_now_ns() - began, 900 * NS_PER_MS);
    ck_assert_int_le(s.sources[0].given_ms, 500);
    ck_assert_int_le(s.sources[1].given_ms, 500 + 5);
    ck_assert_int_gt(s.sources[2].given_ms, 0);
    ck_assert_uint_eq(s.sources[2].collected, 1);
    ck_assert(stop_within(&s, 10000));
    ck_assert_uint_eq(batch_rows(fake_sink_batch(sink), TABLE_GROUPS), 3);
    site_fini(&s);
}
END_TEST

static const char *const canceled[][3] = { { "c", "a", "a" }, { "a", "c", "a" }, { "s", "c", "a" }, { "n", "n", "c" } };

START_TEST(half_an_interval_is_no_interval)
{
    struct site s;
    uint64_t one = 1;
    int cancel_fd = eventfd(0, EFD_CLOEXEC);

    site_init(&s);
    for (int i = 0; i < 3; i++)
        add_source(&s, canceled[_i][i], 2);
    struct fake_sink *sink = add_sink(&s, SINK_EVERY, "o");
    start(&s, PIPELINE_RUN);
    ck_assert_int_eq(write(cancel_fd, &one, sizeof(one)), sizeof(one));
    ck_assert_int_ne(pipeline_collect(s.pipeline, TICK_MS, cancel_fd, &s.err), SOURCE_ALL);
    ck_assert_int_eq(s.err.kind, ERR_CANCELED); /* even where an earlier source had trouble of its own */
    for (int i = 1; i < 3; i++)
        if (canceled[_i][i - 1][0] == 'c')
            ck_assert_uint_eq(s.sources[i].collected, 0); /* nobody is asked any more */
    ck_assert(stop_within(&s, 10000));
    ck_assert_uint_eq(fake_sink_attempts(sink), 0);
    close(cancel_fd);
    site_fini(&s);
}
END_TEST

START_TEST(the_newest_collection_in_a_line)
{
    struct site s;
    char text[160];

    site_init(&s);
    add_source(&s, "as", 3);
    start(&s, PIPELINE_RUN);
    collect(&s, TICK_MS);
    pipeline_summary(s.pipeline, text, sizeof(text));
    ck_assert_int_eq(strncmp(text, "3 groups, lag 30, 3 requests, 1000 bytes, ", 42), 0);
    ck_assert_ptr_null(strstr(text, "incomplete"));
    collect(&s, TICK_MS + INTERVAL_MS);
    pipeline_summary(s.pipeline, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, " ms, incomplete"));
    ck_assert(stop_within(&s, 1000));
    site_fini(&s);
}
END_TEST

START_TEST(one_shot_is_the_same_pipeline_with_one_tick)
{
    struct site s;

    site_init(&s);
    add_source(&s, "a", 1);
    struct fake_sink *sink = add_sink(&s, SINK_LATEST, "o");
    start(&s, PIPELINE_ONCE);
    ck_assert_int_eq(s.sources[0].interval_ms, 0); /* ask for everything now */
    collect(&s, TICK_MS);
    ck_assert(stop_within(&s, 10000));
    ck_assert_uint_eq(fake_sink_attempts(sink), 1);
    ck_assert_int_eq(batch_info(fake_sink_batch(sink))->interval_ms, INTERVAL_MS);
    site_fini(&s);
}
END_TEST

/* Stopping: has every sink taken everything? ------------------------------------------------------------------------------ */

struct stop_case {
    const char *claim;
    enum sink_mode mode;
    const char *script;
    enum pipeline_reason reason;
    unsigned collections;
    int64_t within_ms;
    bool expected;
};

static const struct stop_case stops[] = {
    { "nothing was collected", SINK_EVERY, "o", PIPELINE_RUN, 0, 10000, true },
    { "all was taken", SINK_EVERY, "o", PIPELINE_RUN, 3, 10000, true },
    { "a refusal", SINK_EVERY, "xo", PIPELINE_RUN, 2, 10000, false },
    { "a refusal by a sink for the newest", SINK_LATEST, "x", PIPELINE_RUN, 1, 10000, false },
    { "taken at the second try", SINK_LATEST, "ro", PIPELINE_ONCE, 1, 10000, true },
    { "a dead peer, newest", SINK_LATEST, "r", PIPELINE_ONCE, 1, 10000, false },
    { "a dead peer, every", SINK_EVERY, "r", PIPELINE_ONCE, 1, 10000, false },
    { "a peer that hangs", SINK_LATEST, "h", PIPELINE_ONCE, 1, 100, false },
};

START_TEST(a_stop_says_whether_everything_was_taken)
{
    const struct stop_case *c = &stops[_i];
    struct site s;

    site_init(&s);
    add_source(&s, "a", 1);
    struct fake_sink *sink = add_sink(&s, c->mode, c->script);
    fake_sink_ask_to_wait(sink, 20);
    add_sink(&s, SINK_EVERY, "o");
    start(&s, c->reason);
    for (unsigned i = 0; i < c->collections; i++) {
        collect(&s, TICK_MS + i * INTERVAL_MS);
        ck_assert(fake_sink_wait(sink, i + 1));
    }
    ck_assert_msg(stop_within(&s, c->within_ms) == c->expected, "%s", c->claim);
    site_fini(&s);
}
END_TEST

START_TEST(what_was_never_tried_was_not_taken) /* loop test: _i is the mode */
{
    struct site s;

    site_init(&s);
    add_source(&s, "a", 1);
    struct fake_sink *held = add_sink(&s, (enum sink_mode)_i, "Oo");
    start(&s, PIPELINE_RUN);
    collect(&s, TICK_MS);
    ck_assert(fake_sink_wait(held, 1));
    collect(&s, TICK_MS + INTERVAL_MS);
    fake_sink_go(held); /* the first is taken; for the second there may be no time */
    bool all = stop_within(&s, 0);
    ck_assert(all == (fake_sink_attempts(held) == 2));
    site_fini(&s);

    site_init(&s);
    add_source(&s, "a", 1);
    add_sink(&s, (enum sink_mode)_i, "o");
    start(&s, PIPELINE_RUN);
    collect(&s, TICK_MS);
    all = stop_within(&s, 0); /* who wins is open; that the answer fits is not */
    ck_assert(all == (fake_sink_attempts(s.sinks[0]) == 1));
    site_fini(&s);
}
END_TEST

/* What survives a restart ------------------------------------------------------------------------------------------------- */

/* A site with one source and one sink for every interval; the directory outlives it. */
static struct fake_sink *reopen(struct site *s, char *directory, const char *script, enum pipeline_reason reason)
{
    site_init(s);
    add_source(s, "a", 1);
    struct fake_sink *sink = add_sink(s, SINK_EVERY, script);
    fake_sink_ask_to_wait(sink, 1);
    s->config.agent.state_dir = directory;
    s->config.agent.spool_max_bytes = 1 << 28;
    s->config.agent.spool_max_age_ms = INT64_MAX; /* the ticks of these tests are long ago */
    ck_assert_int_eq(pipeline_open_state(&s->config, reason, &s->state, &s->err), 0);
    ck_assert_ptr_nonnull(s->state);
    return sink;
}

static void close_site(struct site *s)
{
    site_fini(s);
    state_close(s->state);
}

static void make_directory(char *directory)
{
    strcpy(directory, "/tmp/test_pipeline.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void remove_directory(const char *directory)
{
    static const char *const names[] = { "lock", "state.db", "state.db-wal" };
    char path[64];

    for (int i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        unlink(path);
    }
    ck_assert_int_eq(rmdir(directory), 0);
}

static void check_times(struct fake_sink *sink, const int64_t *ticks)
{
    unsigned i = 0;

    for (; ticks[i] >= 0; i++)
        ck_assert_msg(fake_sink_time_ms(sink, i) == TICK_MS + ticks[i] * INTERVAL_MS, "attempt %u is %" PRId64 ", not tick %" PRId64, i,
                      fake_sink_time_ms(sink, i), ticks[i]);
    ck_assert_uint_eq(fake_sink_attempts(sink), i);
}
#define CHECK_TIMES(sink, ...) check_times((sink), (const int64_t[]){ __VA_ARGS__, -1 })

START_TEST(what_was_not_delivered_is_delivered_after_the_restart) /* loop test: _i is the reason */
{
    struct site s;
    char directory[40];

    make_directory(directory);
    struct fake_sink *sink = reopen(&s, directory, "r", (enum pipeline_reason)_i);
    start(&s, (enum pipeline_reason)_i);
    for (int tick = 0; tick < 3; tick++)
        collect(&s, TICK_MS + tick * INTERVAL_MS);
    ck_assert(fake_sink_wait(sink, 1));
    ck_assert(!stop_within(&s, 10000));
    for (unsigned i = 0; i < fake_sink_attempts(sink); i++)
        ck_assert_int_eq(fake_sink_time_ms(sink, i), TICK_MS); /* nothing overtakes */
    close_site(&s);

    sink = reopen(&s, directory, "o", PIPELINE_ONCE);
    start(&s, PIPELINE_ONCE);
    collect(&s, TICK_MS + 3 * INTERVAL_MS);
    ck_assert(stop_within(&s, 10000));
    CHECK_TIMES(sink, 0, 1, 2, 3);
    const struct batch *b = fake_sink_batch(sink);
    ck_assert_int_eq(agent_int(b, "spool", AGENT_UP), 1);
    ck_assert_int_ne(agent_int(b, "spool", AGENT_SPOOL_BYTES), NO_INT);
    ck_assert_uint_eq(batch_rows(b, TABLE_DROPS), 6);
    close_site(&s);

    sink = reopen(&s, directory, "o", PIPELINE_RUN); /* and once is enough */
    start(&s, PIPELINE_RUN);
    collect(&s, TICK_MS + 4 * INTERVAL_MS);
    ck_assert(stop_within(&s, 10000));
    CHECK_TIMES(sink, 4);
    ck_assert_int_eq(agent_int(fake_sink_batch(sink), "first", AGENT_DELIVERED_TOTAL), 4); /* counters go on */
    ck_assert_int_eq(agent_int(fake_sink_batch(sink), "collect", AGENT_RECEIVED_BYTES_TOTAL), 5000);
    close_site(&s);
    remove_directory(directory);
}
END_TEST

/* A sink of history knows an interval by its label, so the next process must not use it again. */
START_TEST(the_label_of_the_newest_interval_is_known_after_a_restart)
{
    struct site s;
    char directory[40];

    make_directory(directory);
    reopen(&s, directory, "o", PIPELINE_RUN);
    start(&s, PIPELINE_RUN);
    ck_assert_int_eq(pipeline_last_tick_ms(s.pipeline), 0);
    collect(&s, TICK_MS);
    ck_assert_int_eq(pipeline_last_tick_ms(s.pipeline), TICK_MS);
    stop_within(&s, 10000);
    close_site(&s);
    reopen(&s, directory, "o", PIPELINE_ONCE);
    start(&s, PIPELINE_ONCE);
    ck_assert_int_eq(pipeline_last_tick_ms(s.pipeline), TICK_MS);
    ck_assert(stop_within(&s, 10000));
    close_site(&s);
    remove_directory(directory);
}
END_TEST

START_TEST(the_newest_is_all_that_some_sinks_want)
{
    struct site s;
    char directory[40];

    make_directory(directory);
    reopen(&s, directory, "r", PIPELINE_ONCE);
    start(&s, PIPELINE_ONCE);
    collect(&s, TICK_MS);
    stop_within(&s, 10000);
    close_site(&s);
    reopen(&s, directory, "o", PIPELINE_ONCE);
    struct fake_sink *latest = add_sink(&s, SINK_LATEST, "o");
    start(&s, PIPELINE_ONCE);
    collect(&s, TICK_MS + INTERVAL_MS);
    ck_assert(stop_within(&s, 10000));
    CHECK_TIMES(latest, 1);
    close_site(&s);
    remove_directory(directory);
}
END_TEST

START_TEST(sources_and_sinks_know_again_what_they_knew)
{
    struct site s;
    char directory[40];

    make_directory(directory);
    for (int run = 0; run < 3; run++) {
        struct fake_sink *sink = reopen(&s, directory, "o", PIPELINE_RUN);
        s.sources[0].memory = run == 0 ? "offsets 1" : "offsets 2";
        s.sources[0].load_fails = run == 1; /* which stops nothing */
        fake_sink_remember(sink, run == 0 ? "total 7" : NULL);
        start(&s, PIPELINE_RUN);
        ck_assert_str_eq(s.sources[0].loaded, run == 0 ? "" : run == 1 ? "offsets 1" : "offsets 2");
        ck_assert_str_eq(fake_sink_loaded(sink), run == 0 ? "" : "total 7");
        if (run != 1)
            collect(&s, TICK_MS + run * INTERVAL_MS);
        ck_assert(stop_within(&s, 10000));
        close_site(&s);
    }
    remove_directory(directory);
}
END_TEST

START_TEST(a_full_disk_at_the_start_hides_nothing_from_before)
{
    struct rlimit none = { 8000, RLIM_INFINITY }; /* two pages of the log; the test program itself needs some */
    struct site s;
    char directory[40];

    make_directory(directory);
    reopen(&s, directory, "r", PIPELINE_ONCE);
    s.sources[0].memory = "offsets 1";
    start(&s, PIPELINE_ONCE);
    collect(&s, TICK_MS);
    stop_within(&s, 10000);
    close_site(&s);

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    struct fake_sink *sink = reopen(&s, directory, "o", PIPELINE_RUN);
    start(&s, PIPELINE_RUN);
    collect(&s, TICK_MS + INTERVAL_MS);
    ck_assert(fake_sink_wait(sink, 2));
    ck_assert_str_eq(s.sources[0].loaded, "offsets 1");
    ck_assert(stop_within(&s, 10000));
    CHECK_TIMES(sink, 0, 1);
    ck_assert_int_eq(agent_int(fake_sink_batch(sink), "spool", AGENT_UP), 0);
    close_site(&s);
    none.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &none);
    remove_directory(directory);
}
END_TEST

START_TEST(two_pipelines_do_not_share_a_directory)
{
    struct site s, other;
    char directory[40];

    make_directory(directory);
    reopen(&s, directory, "o", PIPELINE_RUN);
    start(&s, PIPELINE_RUN);
    site_init(&other);
    other.config.agent.state_dir = directory;
    ck_assert_int_eq(pipeline_open_state(&other.config, PIPELINE_ONCE, &other.state, &other.err), -1);
    ck_assert_ptr_nonnull(strstr(other.err.msg, "in use by mqpush run, pid "));
    ck_assert(stop_within(&s, 1000));
    close_site(&s);
    remove_directory(directory);
}
END_TEST

START_TEST(a_state_directory_that_cannot_be_used_stops_nothing)
{
    struct site s;

    site_init(&s);
    log_set_level(LOG_ERROR);
    s.config.agent.state_dir = "/proc/nowhere/state";
    add_source(&s, "a", 1);
    struct fake_sink *sink = add_sink(&s, SINK_EVERY, "o");
    ck_assert_int_eq(pipeline_open_state(&s.config, PIPELINE_RUN, &s.state, &s.err), 0);
    ck_assert_ptr_null(s.state);
    start(&s, PIPELINE_RUN);
    collect(&s, TICK_MS);
    ck_assert(stop_within(&s, 10000));
    CHECK_TIMES(sink, 0);
    site_fini(&s);
}
END_TEST

/* What is wrong at the start ------------------------------------------------------------------------------------------------ */

START_TEST(a_sink_that_does_not_open_stops_the_start)
{
    struct site s;

    site_init(&s);
    add_source(&s, "a", 1);
    add_sink(&s, SINK_EVERY, "o");
    fake_sink_fail_open(add_sink(&s, SINK_EVERY, "o"));
    struct fake_sink *third = add_sink(&s, SINK_EVERY, "o");
    ck_assert_ptr_null(pipeline_new(&s.config, PIPELINE_RUN, &s.err));
    ck_assert_str_eq(s.err.msg, "test:1: sink second: told to fail");
    ck_assert_int_eq(s.err.kind, ERR_CONFIG);
    ck_assert_uint_eq(fake_sink_opened(third), 0);
    site_fini(&s);
}
END_TEST

START_TEST(a_source_that_does_not_open_stops_the_start)
{
    struct site s;

    site_init(&s);
    add_source(&s, "a", 1);
    add_source(&s, "a", 1);
    s.sources[1].open_fails = true;
    struct fake_sink *sink = add_sink(&s, SINK_EVERY, "o");
    ck_assert_ptr_null(pipeline_new(&s.config, PIPELINE_RUN, &s.err));
    ck_assert_str_eq(s.err.msg, "test:2: source fake b: told to fail");
    ck_assert_uint_eq(fake_sink_opened(sink), 0);
    site_fini(&s);
}
END_TEST

/* A single look -------------------------------------------------------------------------------------------------------------- */

struct look_case {
    const char *script;
    int expected;
    unsigned groups;
};

static const struct look_case looks[] = { { "a", 0, 3 }, { "s", 1, 3 }, { "n", -1, 0 } };

START_TEST(a_look_gives_a_batch_that_nobody_delivers)
{
    const struct look_case *c = &looks[_i];
    struct site s;
    struct batch *b = NULL;

    site_init(&s);
    add_source(&s, c->script, 3);
    struct fake_sink *sink = add_sink(&s, SINK_EVERY, "o");
    struct sources *sources = sources_open(NULL, &s.config, 0, &s.err);
    ck_assert_ptr_nonnull(sources);
    ck_assert_int_eq(pipeline_look(sources, &s.config, &b, &s.err), c->expected);
    sources_close(sources);
    ck_assert_ptr_nonnull(b); /* even nothing has its scrapes */
    ck_assert_uint_eq(batch_rows(b, TABLE_GROUPS), c->groups);
    ck_assert_uint_eq(batch_rows(b, TABLE_SCRAPES), 1);
    ck_assert_uint_eq(batch_rows(b, TABLE_AGENT), 1);
    ck_assert_int_eq(batch_info(b)->interval_ms, 0);
    ck_assert_int_eq(batch_info(b)->time_ms % 1000, 0);
    ck_assert(batch_info(b)->complete == (c->expected == 0));
    ck_assert_int_eq(s.sources[0].interval_ms, 0);
    batch_unref(batch_ref(b)); /* it is sealed */
    batch_unref(b);
    ck_assert_uint_eq(fake_sink_opened(sink), 0);
    site_fini(&s);
}
END_TEST

START_TEST(wrong_options_are_found_before_a_look)
{
    struct site s;

    site_init(&s);
    add_source(&s, "a", 3);
    s.sources[0].open_fails = true;
    ck_assert_ptr_null(sources_open(NULL, &s.config, 0, &s.err));
    ck_assert_int_eq(s.err.kind, ERR_CONFIG);
    site_fini(&s);
}
END_TEST

static int dry_run(struct site *s, const char *only, FILE *to)
{
    struct sources *sources = sources_open(NULL, &s->config, 0, &s->err);

    ck_assert_ptr_nonnull(sources);
    int looked = pipeline_dry_run(sources, &s->config, only, to, &s->err);
    sources_close(sources);
    return looked;
}

static void check_dry_run(struct site *s, const char *only, int expected, const char *text)
{
    char *got = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&got, &len);

    ck_assert_int_eq(dry_run(s, only, to), expected);
    fclose(to);
    ck_assert_str_eq(got, text);
    free(got);
    for (size_t i = 0; i < s->config.sink_count; i++)
        ck_assert_uint_eq(fake_sink_attempts(s->sinks[i]), 0);
}

START_TEST(a_dry_run_renders_and_sends_nothing)
{
    struct site s;

    site_init(&s);
    add_source(&s, "a", 3);
    add_sink(&s, SINK_LATEST, "o");
    add_sink(&s, SINK_EVERY, "o");
    check_dry_run(&s, NULL, 0, "first: 3 groups, complete 1\nsecond: 3 groups, complete 1\n");
    site_fini(&s);
}
END_TEST

START_TEST(a_dry_run_renders_only_the_sink_that_was_named)
{
    struct site s;

    site_init(&s);
    add_source(&s, "s", 3);
    struct fake_sink *first = add_sink(&s, SINK_LATEST, "o");
    add_sink(&s, SINK_EVERY, "o");
    check_dry_run(&s, "second", 1, "second: 3 groups, complete 0\n");
    ck_assert_str_eq(s.err.msg, "broker b: no answer");
    ck_assert_uint_eq(fake_sink_opened(first), 0);
    site_fini(&s);
}
END_TEST

START_TEST(a_dry_run_says_what_went_wrong)
{
    struct site s;

    site_init(&s);
    add_source(&s, "a", 3);
    fake_sink_fail_open(add_sink(&s, SINK_LATEST, "o"));
    check_dry_run(&s, NULL, -1, "");
    ck_assert_str_eq(s.err.msg, "sink first: told to fail");
    site_fini(&s);

    site_init(&s);
    add_source(&s, "a", 3);
    add_sink(&s, SINK_LATEST, "o");
    FILE *full = fopen("/dev/full", "w");
    setvbuf(full, NULL, _IONBF, 0);
    ck_assert_int_eq(dry_run(&s, NULL, full), -1);
    ck_assert_str_eq(s.err.msg, "sink first: the output could not be written");
    fclose(full);
    site_fini(&s);
}
END_TEST


static Suite *suite(void)
{
    Suite *s = suite_create("pipeline");
    TCase *c = unit_case(s, "pipeline");

    tcase_add_test(c, one_collection_reaches_every_sink);
    tcase_add_test(c, the_agent_has_rows_of_its_own);
    tcase_add_test(c, a_waiting_batch_shows_in_the_next_one);
    tcase_add_test(c, a_part_that_is_missing_is_said_and_the_rest_goes_on);
    tcase_add_test(c, nothing_at_all_is_delivered_too);
    tcase_add_loop_test(c, several_sources_are_one_batch, 0, COUNT(severals));
    tcase_add_test(c, a_source_that_hangs_leaves_time_for_the_others);
    tcase_add_loop_test(c, half_an_interval_is_no_interval, 0, COUNT(canceled));
    tcase_add_test(c, the_newest_collection_in_a_line);
    tcase_add_test(c, one_shot_is_the_same_pipeline_with_one_tick);
    tcase_add_loop_test(c, a_stop_says_whether_everything_was_taken, 0, COUNT(stops));
    tcase_add_loop_test(c, what_was_never_tried_was_not_taken, 0, 2);
    tcase_add_loop_test(c, what_was_not_delivered_is_delivered_after_the_restart, 0, 2);
    tcase_add_test(c, the_label_of_the_newest_interval_is_known_after_a_restart);
    tcase_add_test(c, the_newest_is_all_that_some_sinks_want);
    tcase_add_test(c, sources_and_sinks_know_again_what_they_knew);
    tcase_add_test(c, a_full_disk_at_the_start_hides_nothing_from_before);
    tcase_add_test(c, two_pipelines_do_not_share_a_directory);
    tcase_add_test(c, a_state_directory_that_cannot_be_used_stops_nothing);
    tcase_add_test(c, a_sink_that_does_not_open_stops_the_start);
    tcase_add_test(c, a_source_that_does_not_open_stops_the_start);
    tcase_add_loop_test(c, a_look_gives_a_batch_that_nobody_delivers, 0, COUNT(looks));
    tcase_add_test(c, wrong_options_are_found_before_a_look);
    tcase_add_test(c, a_dry_run_renders_and_sends_nothing);
    tcase_add_test(c, a_dry_run_renders_only_the_sink_that_was_named);
    tcase_add_test(c, a_dry_run_says_what_went_wrong);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
