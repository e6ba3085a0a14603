/* test_sqlite_rows.c - the history: what is written of an interval, and beside the tables. */
#include "sinks/sqlite/history.h"
#include "tests/unit/test_sqlite.h"

#include <math.h>

/* ---- what is written ---- */

START_TEST(only_a_changed_value_makes_a_row)
{
    static const int64_t a[] = { 5, 5, 6, 6, 6, 5 }, other[] = { 0, 0, 0, 0, 1, 1 };
    void *sink = open_sink();

    for (int i = 0; i < 6; i++) {
        struct batch *b = new_batch(HOUR + 60 * i);
        add_group(b, "a", a[i]);
        add_group(b, "b", other[i]);
        give(sink, b);
    }
    close_sink(sink);
    ck_answer("SELECT (time - 1700006400) / 60, consumer_group, lag FROM groups_changes ORDER BY time, consumer_group",
              "0|a|5\n0|b|0\n2|a|6\n4|b|1\n5|a|5");
    ck_answer("SELECT (time - 1700006400) / 60, lag FROM groups WHERE consumer_group = 'a' ORDER BY time",
              "0|5\n1|5\n2|6\n3|6\n4|6\n5|5");
    ck_answer("SELECT (time - 1700006400) / 60, (keyframe - 1700006400) / 60, entities, written FROM intervals",
              "0|0|2|2\n1|0|2|0\n2|0|2|1\n3|0|2|0\n4|0|2|1\n5|0|2|1");
}
END_TEST

START_TEST(everything_is_written_at_a_full_hour_and_at_a_start)
{
    void *sink = open_sink();

    give(sink, one_group(HOUR + 3480, 1));
    give(sink, one_group(HOUR + 3540, 1));
    give(sink, one_group(HOUR + 3600, 1)); /* the next hour */
    give(sink, one_group(HOUR + 3660, 1));
    close_sink(sink);
    sink = open_sink();
    give(sink, one_group(HOUR + 3720, 1)); /* a start */
    give(sink, one_group(HOUR + 3780, 1));
    close_sink(sink);
    ck_answer("SELECT (time - 1700006400) / 60 FROM groups_data", "58\n60\n62");
    ck_answer("SELECT count(*) FROM groups_names", "1");
}
END_TEST

START_TEST(once_from_a_timer_goes_on_with_the_frame)
{
    for (int i = 0; i < 70; i++) {
        void *sink = open_as("once", "c0ffee", "30d");
        give(sink, one_group(HOUR + 900 + 60 * i, i / 10));
        close_sink(sink);
    }
    ck_answer("SELECT count(*) FROM groups_data", "8"); /* 7 values and one full hour */
    ck_answer("SELECT count(*), sum(keyframe = time) FROM intervals", "70|2");
    ck_answer("SELECT group_concat(lag, '') FROM (SELECT lag FROM groups ORDER BY time)",
              "0000000000111111111122222222223333333333444444444455555555556666666666");
    ck_answer("SELECT count(*), count(end_time), min(reason) FROM runs", "70|70|once");
}
END_TEST

START_TEST(once_after_a_pause_begins_a_new_frame)
{
    static const int at[] = { 0, 1, 10 };

    for (int i = 0; i < 3; i++) {
        void *sink = open_as("once", "c0ffee", "30d");
        give(sink, one_group(HOUR + 60 * at[i], 7));
        close_sink(sink);
    }
    ck_answer("SELECT (time - 1700006400) / 60 FROM intervals WHERE keyframe = time", "0\n10");
}
END_TEST

START_TEST(what_is_gone_has_one_row_of_nulls_and_is_not_shown)
{
    void *sink = open_sink();

    for (int i = 0; i < 6; i++) {
        struct batch *b = new_batch(HOUR + 60 * i);
        add_group(b, "stays", 1);
        if (i < 2 || i == 5)
            add_group(b, "goes", 2);
        give(sink, b);
    }
    ck_answer("SELECT gone_time FROM groups_names WHERE consumer_group = 'goes'", "-"); /* it is back */
    ck_answer("SELECT (d.time - 1700006400) / 60, lag FROM groups_data AS d JOIN groups_names USING (id)"
              " WHERE consumer_group = 'goes'",
              "0|2\n2|-\n5|2");
    ck_answer("SELECT (time - 1700006400) / 60 FROM groups WHERE consumer_group = 'goes' ORDER BY time", "0\n1\n5");
    give(sink, new_batch(HOUR + 360)); /* all gone */
    ck_answer("SELECT count(*) FROM groups_now", "0");
    ck_answer("SELECT consumer_group, (gone_time - 1700006400) / 60 FROM groups_names ORDER BY id", "stays|6\ngoes|6");
    close_sink(sink);
}
END_TEST

START_TEST(gone_while_no_agent_ran_is_noticed_at_the_start)
{
    void *sink = open_sink();
    give(sink, one_group(HOUR, 1));
    close_sink(sink);
    sink = open_sink();
    give(sink, new_batch(HOUR + 60));
    close_sink(sink);
    ck_answer("SELECT count(*) FROM groups_now", "0");
    ck_answer("SELECT (gone_time - 1700006400) / 60 FROM groups_names", "1");
}
END_TEST

START_TEST(there_and_all_unknown_is_not_gone)
{
    void *sink = open_sink();
    struct batch *b = new_batch(HOUR);
    add_row(b, TABLE_GROUPS, "g");
    give(sink, b);
    close_sink(sink);
    ck_answer("SELECT consumer_group, lag, lag_seconds FROM groups", "g|-|-");
}
END_TEST

START_TEST(the_same_batch_twice_does_no_harm)
{
    void *sink = open_sink();
    struct batch *b = one_group(HOUR, 3);

    batch_seal(b);
    deliver(sink, b);
    deliver(sink, b);
    close_sink(sink);
    sink = open_sink();
    deliver(sink, b);
    give(sink, one_group(HOUR + 60, 3));
    close_sink(sink);
    batch_unref(b);
    ck_answer("SELECT count(*) FROM groups", "2");
    ck_answer("SELECT count(*) FROM intervals", "2");
}
END_TEST

START_TEST(a_clock_set_back_leaves_each_interval_right)
{
    static const int at[] = { 0, 1, 5, 2, 3, 4, 6, 7 }; /* minutes, in the order of arrival; the lag is the minute */
    void *sink = open_sink();

    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        struct batch *b = new_batch(HOUR + 60 * at[i]);
        add_group(b, "g", at[i]);
        add_group(b, "still", 1);
        if (at[i] == 3)
            add_group(b, "late", 9); /* known only from a late interval */
        give(sink, b);
    }
    close_sink(sink);
    ck_answer("SELECT group_concat(lag) FROM (SELECT lag FROM groups WHERE consumer_group = 'g' ORDER BY time)",
              "0,1,2,3,4,5,6,7");
    ck_answer("SELECT count(*) FROM groups WHERE consumer_group = 'still'", "8");
    ck_answer("SELECT (time - 1700006400) / 60 FROM groups WHERE consumer_group = 'late'", "3");
}
END_TEST

START_TEST(numbers_at_the_edge_and_hostile_texts_come_back)
{
    static const char hostile[] = "a'); DROP TABLE groups_data; --\"\n\t\\%_\xf0\x9f\x90\x87\xe4\xb8\xad";
    void *sink = open_sink();
    struct batch *b = new_batch(HOUR);
    char *longest = xmalloc(70001);

    memset(longest, 'x', 70000);
    longest[70000] = '\0';
    uint32_t row = add_row(b, TABLE_GROUPS, hostile);
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_LAG, INT64_MAX);
    batch_set_int(b, TABLE_GROUPS, row, GROUPS_DLQ, INT64_MIN + 1);
    batch_set_real(b, TABLE_GROUPS, row, GROUPS_LAG_SECONDS, NAN);
    batch_set_real(b, TABLE_GROUPS, add_row(b, TABLE_GROUPS, "inf"), GROUPS_LAG_SECONDS, INFINITY);
    batch_set_real(b, TABLE_GROUPS, add_row(b, TABLE_GROUPS, "huge"), GROUPS_LAG_SECONDS, 1e300);
    batch_set_real(b, TABLE_GROUPS, add_row(b, TABLE_GROUPS, "minus zero"), GROUPS_LAG_SECONDS, -0.0);
    batch_set_real(b, TABLE_GROUPS, add_row(b, TABLE_GROUPS, "third"), GROUPS_LAG_SECONDS, 1.0 / 3);
    add_row(b, TABLE_GROUPS, "");
    add_row(b, TABLE_GROUPS, longest);
    row = add_row(b, TABLE_SCRAPES, "10.0.0.1:10911");
    batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_ERROR, batch_intern_z(b, hostile));
    give(sink, b);
    close_sink(sink);
    ck_answer("SELECT lag, dlq, lag_seconds FROM groups WHERE consumer_group LIKE 'a''%'",
              "9223372036854775807|-9223372036854775807|-");
    ck_answer("SELECT consumer_group, lag_seconds, typeof(lag_seconds) FROM groups"
              " WHERE consumer_group IN ('inf', 'huge', 'minus zero', 'third') ORDER BY 1",
              "huge|1.0e+300|real\ninf|-|null\nminus zero|0.0|real\nthird|0.333|real");
    ck_answer("SELECT max(length(consumer_group)) FROM groups", "70000");
    ck_assert_str_eq(answer("SELECT error FROM scrapes"), hostile);
    ck_assert_str_eq(answer("SELECT consumer_group FROM groups WHERE lag IS NOT NULL"), hostile);
    free(longest);
}
END_TEST

START_TEST(the_same_keys_twice_in_a_batch_are_one_row)
{
    void *sink = open_sink();
    struct batch *b = one_group(HOUR, 1);

    add_group(b, "g", 2);
    give(sink, b);
    close_sink(sink);
    ck_answer("SELECT lag FROM groups", "1");
    ck_answer("SELECT entities FROM intervals", "1");
}
END_TEST

START_TEST(an_empty_batch_is_an_interval)
{
    void *sink = open_sink();
    give(sink, new_batch(HOUR));
    close_sink(sink);
    ck_answer("SELECT time, complete, entities, written, duration_ms FROM intervals", "1700006400|1|0|0|12.345");
}
END_TEST

START_TEST(a_table_not_wanted_is_not_written)
{
    bool tables[TABLE_COUNT] = { [TABLE_TOPICS] = true };
    const struct sink_env env = { .name = "sqlite", .start_reason = "run", .tables = tables };
    struct err err;
    void *sink = xcalloc(1, sqlite_sink.size);

    option_set_defaults(sqlite_sink.options, sink);
    option_set(option_find(sqlite_sink.options, "path"), sink, path, &err);
    ck_assert_int_eq(sqlite_sink.open(sink, &env, &err), 0);
    struct batch *b = one_group(HOUR, 1);
    add_row(b, TABLE_TOPICS, "t");
    give(sink, b);
    close_sink(sink);
    ck_answer("SELECT (SELECT count(*) FROM groups), (SELECT count(*) FROM topics)", "0|1");
}
END_TEST

/* ---- beside the tables ---- */

START_TEST(missing_intervals_are_gaps_until_they_arrive_late)
{
    void *sink = open_sink();
    give(sink, one_group(HOUR, 1));
    give(sink, one_group(HOUR + 300, 1));
    ck_answer("SELECT (start_time - 1700006400) / 60, (end_time - 1700006400) / 60, missing, reason FROM gaps", "1|4|4|skipped");
    give(sink, one_group(HOUR + 120, 1));
    ck_answer("SELECT (start_time - 1700006400) / 60, (end_time - 1700006400) / 60, missing FROM gaps", "1|1|1\n3|4|2");
    close_sink(sink);
    sink = open_sink();
    give(sink, one_group(HOUR + 480, 1));
    close_sink(sink);
    ck_answer("SELECT missing, reason FROM gaps WHERE start_time = 1700006400 + 360", "2|stopped");
    sink = open_as("run", "other", "30d");
    give(sink, one_group(HOUR + 900, 1)); /* another configuration: nobody said it would come at these times */
    close_sink(sink);
    ck_answer("SELECT count(*) FROM gaps", "3");
}
END_TEST

START_TEST(runs_have_a_start_and_an_end)
{
    void *sink = open_sink();
    give(sink, one_group(HOUR, 1));
    ck_answer("SELECT start_time > 1700000000, end_time, reason, version, config_hash FROM runs", "1|-|run|1.2.3|c0ffee");
    close_sink(sink);
    ck_answer("SELECT end_time >= start_time FROM runs", "1");
    sink = open_sink(); /* one that stores nothing leaves nothing */
    close_sink(sink);
    ck_answer("SELECT count(*) FROM runs", "1");
}
END_TEST

START_TEST(a_broker_that_restarts_is_a_boot)
{
    static const int64_t boots[] = { 1000, 1000, 2000, 2000 };
    void *sink = open_sink();

    for (int i = 0; i < 4; i++) {
        struct batch *b = new_batch(HOUR + 60 * i);
        batch_set_int(b, TABLE_BROKERS, add_row(b, TABLE_BROKERS, "broker-a"), BROKERS_BOOT_TIMESTAMP, boots[i]);
        add_row(b, TABLE_BROKERS, "silent");
        give(sink, b);
    }
    close_sink(sink);
    ck_answer("SELECT (time - 1700006400) / 60, broker, boot_timestamp FROM boots", "0|broker-a|1000\n2|broker-a|2000");
}
END_TEST

START_TEST(a_note_does_not_disturb_the_writer)
{
    struct err err;
    void *sink = open_sink();

    give(sink, one_group(HOUR, 1));
    ck_assert_int_eq(history_note(path, HOUR + 30, "deploy 4.2", &err), 0);
    give(sink, one_group(HOUR + 60, 1));
    give(sink, one_group(HOUR + 120, 2));
    close_sink(sink);
    ck_answer("SELECT time - 1700006400, text FROM notes", "30|deploy 4.2");
    ck_answer("SELECT lag FROM groups ORDER BY time", "1\n1\n2");
    ck_answer("SELECT count(*) FROM groups_data", "2"); /* memory was read again, no keyframe needed */
    ck_assert_int_eq(history_note("/nonexistent/x.db", 1, "x", &err), -1);
}
END_TEST

START_TEST(two_writers_in_turn_stay_right)
{
    void *a = open_sink(), *b = open_sink();

    for (int i = 0; i < 20; i++) {
        struct batch *batch = one_group(HOUR + 60 * i, i / 3);
        if (i % 5 < 3)
            add_group(batch, "sometimes", 1);
        give(i / 2 % 2 == 0 ? a : b, batch);
    }
    close_sink(a);
    close_sink(b);
    ck_answer("SELECT group_concat(lag, '') FROM (SELECT lag FROM groups WHERE consumer_group = 'g' ORDER BY time)",
              "00011122233344455566");
    ck_answer("SELECT count(*) FROM groups WHERE consumer_group = 'sometimes'", "12");
    ck_answer("SELECT count(*) FROM groups_names", "2");
}
END_TEST

START_TEST(hours_and_days_weigh_values_by_how_long_they_held)
{
    void *sink = open_sink();

    for (int i = 0; i < 24 * 60 + 1; i++) {
        struct batch *b = new_batch(HOUR + 60 * i);
        int minute = i % 60;
        if (minute != 30) /* is missing for one interval in each hour */
            add_group(b, "g", minute < 15 ? 100 : minute == 59 ? 7 : 0);
        if (i < 45)
            add_group(b, "short", 3);
        give(sink, b);
    }
    close_sink(sink);
    ck_answer("SELECT count(*), min(intervals), max(intervals), min(lag_min), max(lag_max), min(round(lag_avg, 6)), max(lag_last)"
              " FROM groups_hour WHERE consumer_group = 'g'",
              "24|59|59|0|100|25.542373|7"); /* (15 * 100 + 7) / 59 */
    ck_answer("SELECT intervals, lag_avg, lag_last FROM groups_hour WHERE consumer_group = 'short'", "45|3.0|3");
    ck_answer("SELECT time, intervals, lag_min, lag_max, round(lag_avg, 6), lag_last FROM groups_day WHERE consumer_group = 'g'",
              "1700006400|1416|0|100|25.542373|7");
    /* And the same from the view, interval by interval. */
    ck_answer("SELECT count(*) FROM groups_hour AS h JOIN"
              " (SELECT time / 3600 * 3600 AS hour, consumer_group AS g, avg(lag) AS a, min(lag) AS mi, max(lag) AS ma,"
              "  count(*) AS n FROM groups GROUP BY 1, 2) ON hour = h.time AND g = h.consumer_group"
              " AND abs(a - lag_avg) < 1e-9 AND mi = lag_min AND ma = lag_max AND n = intervals",
              "25");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sqlite_rows");
    TCase *tc = sqlite_case(suite);

    tcase_add_test(tc, only_a_changed_value_makes_a_row);
    tcase_add_test(tc, everything_is_written_at_a_full_hour_and_at_a_start);
    tcase_add_test(tc, once_from_a_timer_goes_on_with_the_frame);
    tcase_add_test(tc, once_after_a_pause_begins_a_new_frame);
    tcase_add_test(tc, what_is_gone_has_one_row_of_nulls_and_is_not_shown);
    tcase_add_test(tc, gone_while_no_agent_ran_is_noticed_at_the_start);
    tcase_add_test(tc, there_and_all_unknown_is_not_gone);
    tcase_add_test(tc, the_same_batch_twice_does_no_harm);
    tcase_add_test(tc, a_clock_set_back_leaves_each_interval_right);
    tcase_add_test(tc, numbers_at_the_edge_and_hostile_texts_come_back);
    tcase_add_test(tc, the_same_keys_twice_in_a_batch_are_one_row);
    tcase_add_test(tc, an_empty_batch_is_an_interval);
    tcase_add_test(tc, a_table_not_wanted_is_not_written);
    tcase_add_test(tc, missing_intervals_are_gaps_until_they_arrive_late);
    tcase_add_test(tc, runs_have_a_start_and_an_end);
    tcase_add_test(tc, a_broker_that_restarts_is_a_boot);
    tcase_add_test(tc, a_note_does_not_disturb_the_writer);
    tcase_add_test(tc, two_writers_in_turn_stay_right);
    tcase_add_test(tc, hours_and_days_weigh_values_by_how_long_they_held);
    return unit_main(suite);
}
