/* test_reload.c - a second configuration for a running pipeline: what did not change notices nothing. Fakes at both ends; sections
 * are made by hand, with one option each. */
#include "agent/pipeline/pipeline.h"

#include "agent/base/clock.h"
#include "agent/pipeline/config_parts.h"
#include "tests/fake/sink.h"
#include "tests/fake/source.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 1700000040000
#define INTERVAL_MS 60000
#define MOST 4
#define HALF_MINUTE_NS (30 * NS_PER_S)

/* One configuration. */
struct plan {
    struct config config;
    struct config_source source;
    struct config_sink sinks[MOST];
    struct config_section sections[MOST + 1];
    struct config_value values[MOST + 1];
};

struct rig {
    struct pipeline *pipeline;
    struct state *state;
    char directory[64];
    int64_t tick_ms;
};

static const struct option_spec option = { .name = "address" };
static const struct sink_label no_labels[] = { { 0 } };

static const struct config_section *add_section(struct plan *plan, const char *name, const char *value)
{
    size_t i = plan->config.sink_count + plan->config.source_count;

    plan->values[i] = (struct config_value){ .spec = &option, .raw = value, .text = value };
    plan->sections[i] = (struct config_section){ .kind = "", .name = name, .values = &plan->values[i], .count = 1 };
    return &plan->sections[i];
}

static void plan_init(struct plan *plan, const struct rig *rig, struct fake_source *source, const char *value)
{
    *plan = (struct plan){
        .config = { .agent = { .interval_ms = INTERVAL_MS, .state_dir = rig->directory, .labels = "", .collect_timeout_ms = 10000,
                               .spool_max_bytes = 1 << 20, .spool_max_age_ms = INT64_C(4000) * 86400 * 1000 },
                    .hash = "0123456789abcdef" },
    };
    plan->config.sources = &plan->source;
    plan->config.sinks = plan->sinks;
    plan->source = fake_source_config(source, "fake", "fake");
    plan->source.section = add_section(plan, "fake", value);
    plan->config.source_count = 1;
}

static void plan_sink(struct plan *plan, struct fake_sink *sink, const char *name, const char *value)
{
    struct config_sink *s = &plan->sinks[plan->config.sink_count];

    *s = fake_sink_config(sink, name);
    s->common.label_list = no_labels;
    s->section = add_section(plan, name, value);
    plan->config.sink_count++;
}

static void plan_fini(struct plan *plan)
{
    ck_assert_uint_eq(plan->config.holders, 0); /* nobody needs it any more */
    for (size_t i = 0; i < plan->config.sink_count; i++)
        free(plan->sinks[i].self);
    free(plan->source.self);
}

static void rig_init(struct rig *rig, bool has_state)
{
    *rig = (struct rig){ .tick_ms = TICK_MS };
    log_set_level(LOG_ERROR);
    if (!has_state)
        return;
    snprintf(rig->directory, sizeof(rig->directory), "/tmp/test_reload.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(rig->directory));
}

static void start(struct rig *rig, struct plan *plan)
{
    struct err err = { 0 };

    rig->pipeline = pipeline_new(&plan->config, PIPELINE_RUN, &err);
    ck_assert_msg(rig->pipeline != NULL, "%s", err.msg);
    ck_assert_int_eq(pipeline_open_state(&plan->config, PIPELINE_RUN, &rig->state, &err), 0);
    pipeline_start(rig->pipeline, rig->state);
}

static void collect(struct rig *rig)
{
    struct err err = { 0 };

    ck_assert_int_eq(pipeline_collect(rig->pipeline, rig->tick_ms, -1, &err), SOURCE_ALL);
    rig->tick_ms += INTERVAL_MS;
}

static void reload(struct rig *rig, struct plan *plan)
{
    struct err err = { 0 };

    ck_assert(pipeline_can_reload(rig->pipeline, &plan->config));
    int result = pipeline_reload(rig->pipeline, &plan->config, clock_now_ns() + HALF_MINUTE_NS, &err);
    ck_assert_msg(result == 0, "%s", err.msg);
}

static void remove_state(struct rig *rig)
{
    char command[128];

    state_close(rig->state);
    if (rig->directory[0] == '\0')
        return;
    snprintf(command, sizeof(command), "rm -rf %s", rig->directory);
    ck_assert_int_eq(system(command), 0);
}

static void stop(struct rig *rig)
{
    pipeline_stop(rig->pipeline, clock_now_ns() + 10 * NS_PER_S);
    pipeline_free(rig->pipeline);
    remove_state(rig);
}

/* The intervals that a sink was given, in order, beginning with the first that was collected. */
static void check_given(struct fake_sink *sink, const uint64_t *numbers)
{
    unsigned i = 0;

    for (; numbers[i] != 0; i++)
        ck_assert_msg(fake_sink_time_ms(sink, i) == TICK_MS + ((int64_t)numbers[i] - 1) * INTERVAL_MS,
                      "attempt %u is not interval %u", i, (unsigned)numbers[i]);
    ck_assert_uint_eq(fake_sink_attempts(sink), i);
}
#define CHECK_GIVEN(sink, ...) check_given((sink), (const uint64_t[]){ __VA_ARGS__, 0 })

START_TEST(what_did_not_change_notices_nothing)
{
    struct rig rig;
    struct plan first, second;
    struct fake_source source = { .script = "a", .groups = 1 };
    struct fake_sink *kept = fake_sink_new(SINK_EVERY, "Oo"), *latest = fake_sink_new(SINK_LATEST, "o");
    struct fake_sink *before = fake_sink_new(SINK_EVERY, "o"), *after = fake_sink_new(SINK_EVERY, "o");

    rig_init(&rig, _i == 1);
    plan_init(&first, &rig, &source, "same");
    plan_sink(&first, kept, "kept", "same");
    plan_sink(&first, latest, "latest", "same");
    plan_sink(&first, before, "changed", "old");
    start(&rig, &first);
    collect(&rig);
    ck_assert(fake_sink_wait(kept, 1) && fake_sink_wait(latest, 1) && fake_sink_wait(before, 1));

    plan_init(&second, &rig, &source, "same");
    plan_sink(&second, after, "changed", "new"); /* in another order */
    plan_sink(&second, kept, "kept", "same");
    plan_sink(&second, latest, "latest", "same");
    reload(&rig, &second); /* kept has an interval in hand all the while: nobody waits for it */
    ck_assert_uint_eq(fake_sink_attempts(kept), 1);
    ck_assert_uint_eq(fake_sink_closed(before), 1);
    collect(&rig);
    ck_assert(fake_sink_wait(after, 1) && fake_sink_wait(latest, 2));
    fake_sink_go(kept);
    ck_assert(fake_sink_wait(kept, 2));
    stop(&rig);

    CHECK_GIVEN(kept, 1, 2);
    CHECK_GIVEN(latest, 1, 2);
    CHECK_GIVEN(before, 1);
    CHECK_GIVEN(after, 2);
    ck_assert_uint_eq(fake_sink_opened(kept) + fake_sink_opened(latest), 2);
    ck_assert_uint_eq(fake_sink_closed(kept) + fake_sink_closed(latest), 2);
    ck_assert_uint_eq(source.opened, 1);
    ck_assert_uint_eq(source.closed, 1);
    plan_fini(&first);
    plan_fini(&second);
    struct fake_sink *all[] = { kept, latest, before, after };
    for (int i = 0; i < 4; i++)
        fake_sink_free(all[i]);
}
END_TEST

START_TEST(a_changed_sink_of_history_goes_on_where_it_stood)
{
    struct rig rig;
    struct plan first, second;
    struct fake_source source = { .script = "a", .groups = 1 };
    struct fake_sink *before = fake_sink_new(SINK_EVERY, "or"), *after = fake_sink_new(SINK_EVERY, "o");

    rig_init(&rig, true);
    fake_sink_remember(before, "what it knew");
    fake_sink_remember(after, "what it knows");
    plan_init(&first, &rig, &source, "same");
    plan_sink(&first, before, "changed", "old");
    start(&rig, &first);
    for (unsigned n = 1; n <= 3; n++) {
        collect(&rig);
        ck_assert(n > 2 || fake_sink_wait(before, n));
    }
    plan_init(&second, &rig, &source, "same");
    plan_sink(&second, after, "changed", "new");
    reload(&rig, &second);
    collect(&rig);
    ck_assert(fake_sink_wait(after, 3));
    stop(&rig);
    CHECK_GIVEN(after, 2, 3, 4);
    ck_assert_str_eq(fake_sink_loaded(after), "what it knew");
    const struct batch *b = fake_sink_batch(after);
    for (uint32_t row = 0; row < batch_rows(b, TABLE_AGENT); row++)
        if (strcmp(batch_text(b, TABLE_AGENT, row, AGENT_PART), "changed") == 0) {
            ck_assert_int_ge(batch_int(b, TABLE_AGENT, row, AGENT_DELIVERED_TOTAL), 1); /* counts go on */
            ck_assert_int_ge(batch_int(b, TABLE_AGENT, row, AGENT_RETRIED_TOTAL), 1);
            ck_assert_int_eq(batch_int(b, TABLE_AGENT, row, AGENT_DROPPED_TOTAL), 0);
        }
    plan_fini(&first);
    plan_fini(&second);
    fake_sink_free(before);
    fake_sink_free(after);
}
END_TEST

START_TEST(a_sink_that_is_removed_ends_and_one_that_is_added_begins)
{
    struct rig rig;
    struct plan first, second, third;
    struct fake_source source = { .script = "a", .groups = 1 };
    struct fake_sink *kept = fake_sink_new(SINK_EVERY, "o"), *gone = fake_sink_new(SINK_EVERY, "o");
    struct fake_sink *added = fake_sink_new(SINK_EVERY, "o");

    rig_init(&rig, _i == 1);
    plan_init(&first, &rig, &source, "same");
    plan_sink(&first, kept, "kept", "same");
    plan_sink(&first, gone, "gone", "same");
    start(&rig, &first);
    collect(&rig);
    ck_assert(fake_sink_wait(kept, 1) && fake_sink_wait(gone, 1));
    plan_init(&second, &rig, &source, "same");
    plan_sink(&second, kept, "kept", "same");
    reload(&rig, &second);
    ck_assert_uint_eq(fake_sink_closed(gone), 1);
    collect(&rig);
    ck_assert(fake_sink_wait(kept, 2));
    plan_init(&third, &rig, &source, "same");
    plan_sink(&third, added, "added", "same");
    plan_sink(&third, kept, "kept", "same");
    reload(&rig, &third);
    collect(&rig);
    ck_assert(fake_sink_wait(kept, 3) && fake_sink_wait(added, 1));
    stop(&rig);
    CHECK_GIVEN(kept, 1, 2, 3);
    CHECK_GIVEN(gone, 1);
    CHECK_GIVEN(added, 3);
    plan_fini(&first);
    plan_fini(&second);
    plan_fini(&third);
    fake_sink_free(kept);
    fake_sink_free(gone);
    fake_sink_free(added);
}
END_TEST

START_TEST(what_cannot_be_opened_changes_nothing)
{
    struct rig rig;
    struct plan first, second;
    struct err err = { 0 };
    struct fake_source source = { .script = "a", .groups = 1 }, other = { .script = "a", .groups = 1 };
    struct fake_sink *kept = fake_sink_new(SINK_EVERY, "o"), *before = fake_sink_new(SINK_LATEST, "o");
    struct fake_sink *wrong = fake_sink_new(SINK_LATEST, "o");

    rig_init(&rig, false);
    fake_sink_fail_open(wrong);
    plan_init(&first, &rig, &source, "old");
    plan_sink(&first, kept, "kept", "same");
    plan_sink(&first, before, "changed", "old");
    start(&rig, &first);
    collect(&rig);
    plan_init(&second, &rig, &other, "new");
    plan_sink(&second, kept, "kept", "same");
    plan_sink(&second, wrong, "changed", "new");
    ck_assert_int_eq(pipeline_reload(rig.pipeline, &second.config, clock_now_ns() + HALF_MINUTE_NS, &err), -1);
    ck_assert_uint_eq(other.opened, other.closed);
    plan_fini(&second);
    ck_assert(fake_sink_wait(kept, 1) && fake_sink_wait(before, 1));
    collect(&rig);
    ck_assert(fake_sink_wait(kept, 2) && fake_sink_wait(before, 2));
    stop(&rig);
    CHECK_GIVEN(kept, 1, 2);
    CHECK_GIVEN(before, 1, 2);
    ck_assert_uint_eq(source.collected, 2);
    plan_fini(&first);
    fake_sink_free(kept);
    fake_sink_free(before);
    fake_sink_free(wrong);
}
END_TEST

START_TEST(a_changed_source_hands_over_what_it_knows)
{
    struct rig rig;
    struct plan first, second;
    struct fake_source before = { .script = "a", .groups = 1, .memory = "what it knew" };
    struct fake_source after = { .script = "a", .groups = 1, .memory = "what it knows" };
    struct fake_sink *kept = fake_sink_new(SINK_EVERY, "o");

    rig_init(&rig, false);
    plan_init(&first, &rig, &before, "old");
    plan_sink(&first, kept, "kept", "same");
    start(&rig, &first);
    collect(&rig);
    plan_init(&second, &rig, &after, "new");
    plan_sink(&second, kept, "kept", "same");
    reload(&rig, &second);
    ck_assert_uint_eq(before.closed, 1);
    ck_assert_str_eq(after.loaded, "what it knew");
    collect(&rig);
    ck_assert_uint_eq(after.collected, 1);
    stop(&rig);
    CHECK_GIVEN(kept, 1, 2);
    plan_fini(&first);
    plan_fini(&second);
    fake_sink_free(kept);
}
END_TEST

START_TEST(another_frame_is_another_pipeline)
{
    struct rig rig;
    struct plan first, second;
    struct fake_source source = { .script = "a", .groups = 1 };
    struct fake_sink *sink = fake_sink_new(SINK_EVERY, "o");

    rig_init(&rig, false);
    plan_init(&first, &rig, &source, "same");
    plan_sink(&first, sink, "kept", "same");
    start(&rig, &first);
    plan_init(&second, &rig, &source, "same");
    ck_assert(pipeline_can_reload(rig.pipeline, &second.config));
    second.config.agent.interval_ms = INTERVAL_MS / 2;
    ck_assert(!pipeline_can_reload(rig.pipeline, &second.config));
    plan_fini(&second);
    plan_init(&second, &rig, &source, "same");
    second.config.agent.state_dir = "/elsewhere";
    ck_assert(!pipeline_can_reload(rig.pipeline, &second.config));
    plan_fini(&second);
    stop(&rig);
    plan_fini(&first);
    fake_sink_free(sink);
}
END_TEST

/* Isolation: sinks that hang, pause and fail beside a good one. The good one has every interval before any of them is let go; how much
 * later it gets them than alone is a figure, not a claim. */
#define INTERVALS 10

static int64_t worst_delay_ns(unsigned bad_sinks, bool has_state)
{
    static const char *const names[] = { "hangs", "waits", "fails" }, *const scripts[] = { "h", "Oo", "r" };
    struct rig rig;
    struct plan plan;
    struct fake_source source = { .script = "a", .groups = 500 };
    struct fake_sink *good = fake_sink_new(SINK_EVERY, "o"), *bad[3];
    int64_t worst = 0;

    rig_init(&rig, has_state);
    plan_init(&plan, &rig, &source, "same");
    for (unsigned i = 0; i < bad_sinks; i++) {
        bad[i] = fake_sink_new(i == 1 ? SINK_LATEST : SINK_EVERY, scripts[i]);
        plan_sink(&plan, bad[i], names[i], "same");
    }
    plan_sink(&plan, good, "good", "same");
    start(&rig, &plan);
    for (unsigned n = 1; n <= INTERVALS; n++) {
        int64_t began = clock_now_ns();
        collect(&rig);
        ck_assert(fake_sink_wait(good, n));
        for (unsigned i = 0; i < bad_sinks; i++)
            ck_assert(fake_sink_wait(bad[i], 1));
        int64_t delay = fake_sink_began_ns(good, n - 1) - began;
        worst = delay > worst ? delay : worst;
    }
    for (unsigned i = 0; i < bad_sinks && i < 2; i++)
        ck_assert_uint_eq(fake_sink_attempts(bad[i]), 1); /* still in the first */
    if (bad_sinks > 1)
        fake_sink_go(bad[1]);
    pipeline_stop(rig.pipeline, clock_now_ns());
    pipeline_free(rig.pipeline);
    remove_state(&rig);
    plan_fini(&plan);
    ck_assert_uint_eq(fake_sink_attempts(good), INTERVALS);
    fake_sink_free(good);
    for (unsigned i = 0; i < bad_sinks; i++)
        fake_sink_free(bad[i]);
    return worst;
}

START_TEST(bad_sinks_keep_a_good_one_from_nothing)
{
    int64_t alone = worst_delay_ns(0, _i == 1), beside = worst_delay_ns(3, _i == 1);

    printf("# worst delay of a good sink, %s: alone %.1f ms, beside three bad ones %.1f ms\n", _i == 1 ? "with a spool" : "from memory",
           (double)alone / NS_PER_MS, (double)beside / NS_PER_MS);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("reload");
    TCase *c = unit_case(s, "reload");

    tcase_add_loop_test(c, what_did_not_change_notices_nothing, 0, 2);
    tcase_add_test(c, a_changed_sink_of_history_goes_on_where_it_stood);
    tcase_add_loop_test(c, a_sink_that_is_removed_ends_and_one_that_is_added_begins, 0, 2);
    tcase_add_test(c, what_cannot_be_opened_changes_nothing);
    tcase_add_test(c, a_changed_source_hands_over_what_it_knows);
    tcase_add_test(c, another_frame_is_another_pipeline);
    tcase_add_loop_test(c, bad_sinks_keep_a_good_one_from_nothing, 0, 2);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
