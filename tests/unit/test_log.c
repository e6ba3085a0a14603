/* test_log.c - what a line looks like, what is said how often; and the clocks. */
#include "agent/base/log.h"

#include "agent/base/clock.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Standard error goes into a file from here on; each test has a process of its own. */
static FILE *capture(void)
{
    FILE *f = tmpfile();

    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fcntl(fileno(f), F_SETFL, O_APPEND), 0); /* reading does not move where lines go */
    ck_assert_int_ge(dup2(fileno(f), STDERR_FILENO), 0);
    unsetenv("JOURNAL_STREAM");
    return f;
}

static size_t read_lines(FILE *f, char *text, size_t size)
{
    rewind(f);
    size_t len = fread(text, 1, size - 1, f), lines = 0;
    text[len] = '\0';
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

START_TEST(a_line_has_time_level_and_sentence)
{
    FILE *f = capture();
    char text[4096];

    log_warning("sink %s: %s code=%d", "a", "refused", 503);
    ck_assert_uint_eq(read_lines(f, text, sizeof(text)), 1);
    int year, month, day, hour, minute, second, ms, zone, used = 0;
    ck_assert_int_eq(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3d%5d mqpush warning: %n", &year, &month, &day, &hour, &minute,
                            &second, &ms, &zone, &used), 8);
    ck_assert_str_eq(text + used, "sink a: refused code=503\n");
}
END_TEST

START_TEST(under_a_journal_a_line_carries_its_level_and_no_time)
{
    FILE *f = capture();
    char text[4096];

    setenv("JOURNAL_STREAM", "8:12345", 1);
    log_set_level(LOG_DEBUG);
    log_error("e");
    log_warning("w");
    log_info("i");
    log_debug("d");
    read_lines(f, text, sizeof(text));
    ck_assert_str_eq(text, "<3>e\n<4>w\n<6>i\n<7>d\n");
}
END_TEST

START_TEST(only_what_is_important_enough_is_said) /* loop test: _i is the level */
{
    FILE *f = capture();
    char text[4096];

    log_set_level((enum log_level)_i);
    ck_assert_int_eq(log_get_level(), _i);
    log_error("1");
    log_warning("2");
    log_info("3");
    log_debug("4");
    ck_assert_uint_eq(read_lines(f, text, sizeof(text)), (size_t)_i + 1);
}
END_TEST

START_TEST(levels_have_names)
{
    ck_assert_int_eq(log_level_from_name("error"), LOG_ERROR);
    ck_assert_int_eq(log_level_from_name("warning"), LOG_WARNING);
    ck_assert_int_eq(log_level_from_name("info"), LOG_INFO);
    ck_assert_int_eq(log_level_from_name("debug"), LOG_DEBUG);
    ck_assert_int_eq(log_level_from_name("Error"), -1);
    ck_assert_int_eq(log_level_from_name(""), -1);
}
END_TEST

START_TEST(text_of_a_peer_forges_no_line_and_moves_no_cursor)
{
    FILE *f = capture();
    char text[4096];

    setenv("JOURNAL_STREAM", "x", 1);
    log_error("%s", "a\n<0>forged\r\tb\x1B[2Jc\x7F" "d\xC2\x9B" "2Je \xC2\xA0\xC3\xBC\xE6\xB6\x88");
    read_lines(f, text, sizeof(text));
    ck_assert_str_eq(text, "<3>a <0>forged  b [2Jc d  2Je \xC2\xA0\xC3\xBC\xE6\xB6\x88\n");
}
END_TEST

START_TEST(a_line_that_is_too_long_is_cut_and_ends) /* loop test: lengths around the limit */
{
    FILE *f = capture();
    char text[4096], given[2048];
    size_t len = 980 + (size_t)_i;

    setenv("JOURNAL_STREAM", "x", 1);
    memset(given, 'y', len);
    given[len] = '\0';
    log_error("%s", given);
    ck_assert_uint_eq(read_lines(f, text, sizeof(text)), 1);
    ck_assert_uint_le(strlen(text), 1024);
    ck_assert_uint_ge(strlen(text), len + 4 < 1000 ? len + 4 : 1000);
    ck_assert_int_eq(text[strlen(text) - 1], '\n');
}
END_TEST

START_TEST(a_failure_that_repeats_is_said_at_growing_gaps_and_when_it_ends)
{
    FILE *f = capture();
    static char text[65536];
    struct log_repeat r = { 0 };
    size_t said = 0;
    unsigned last = 0, gap = 0;

    setenv("JOURNAL_STREAM", "x", 1);
    for (unsigned i = 1; i <= 1000; i++) {
        log_repeat_fail(&r, LOG_WARNING, "sink a", "no route");
        size_t lines = read_lines(f, text, sizeof(text));
        if (lines == said)
            continue;
        ck_assert_uint_eq(lines, said + 1);
        ck_assert_msg(i - last >= gap && i - last <= 64, "said at %u and at %u", last, i);
        gap = i - last;
        last = i;
        said = lines;
    }
    ck_assert_uint_lt(said, 30);
    ck_assert_ptr_nonnull(strstr(text, "<4>sink a: no route\n"));
    ck_assert_ptr_nonnull(strstr(text, "<4>sink a: no route (failure 2 in a row)\n"));
    log_repeat_end(&r, "sink a");
    ck_assert_uint_eq(read_lines(f, text, sizeof(text)), said + 1);
    ck_assert_ptr_nonnull(strstr(text, "<6>sink a: works again after 1000 failures\n"));
    log_repeat_end(&r, "sink a"); /* nothing to end */
    ck_assert_uint_eq(read_lines(f, text, sizeof(text)), said + 1);
    log_repeat_fail(&r, LOG_WARNING, "sink a", "no route"); /* and the next trouble is said at once */
    ck_assert_uint_eq(read_lines(f, text, sizeof(text)), said + 2);
}
END_TEST

static void *say_many(void *arg)
{
    for (int i = 0; i < 200; i++)
        log_info("%s%s%s%s", (const char *)arg, (const char *)arg, (const char *)arg, (const char *)arg);
    return NULL;
}

START_TEST(lines_of_several_threads_do_not_mix)
{
    FILE *f = capture();
    static char text[1 << 18];
    static char words[4][64];
    pthread_t threads[4];

    setenv("JOURNAL_STREAM", "x", 1);
    for (int t = 0; t < 4; t++) {
        memset(words[t], 'a' + t, sizeof(words[t]) - 1);
        pthread_create(&threads[t], NULL, say_many, words[t]);
    }
    for (int t = 0; t < 4; t++)
        pthread_join(threads[t], NULL);
    ck_assert_uint_eq(read_lines(f, text, sizeof(text)), 800);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        ck_assert_mem_eq(line, "<6>", 3);
        ck_assert_uint_eq(strlen(line), 3 + 4 * 63);
        ck_assert_uint_eq(strspn(line + 3, (char[]){ line[3], '\0' }), 4 * 63);
    }
}
END_TEST

START_TEST(the_clocks_run)
{
    int64_t a = clock_now_ns(), cpu = clock_cpu_ns();

    for (volatile int i = 0; i < 1000000; i++)
        ;
    ck_assert_int_gt(clock_now_ns(), a);
    ck_assert_int_gt(clock_cpu_ns(), cpu);
    ck_assert_int_gt(clock_wall_ms(), 1577836800000); /* later than 2020 */
    ck_assert_int_gt(clock_resident_bytes(), 100000);
}
END_TEST

START_TEST(a_wait_is_rounded_up_and_never_negative)
{
    int64_t now = clock_now_ns();

    ck_assert_int_eq(clock_ms_until(now - 1), 0);
    ck_assert_int_eq(clock_ms_until(0), 0);
    ck_assert_int_eq(clock_ms_until(INT64_MAX), INT_MAX);
    int left = clock_ms_until(clock_now_ns() + 1000 * NS_PER_S + 1);
    ck_assert_int_gt(left, 990 * 1000);
    ck_assert_int_le(left, 1000 * 1000 + 1);
    ck_assert_int_ge(clock_ms_until(clock_now_ns() + NS_PER_S), 1); /* a wait of less than 1 ms does not spin */
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("log");
    TCase *c = unit_case(s, "log and clock");

    tcase_add_test(c, a_line_has_time_level_and_sentence);
    tcase_add_test(c, under_a_journal_a_line_carries_its_level_and_no_time);
    tcase_add_loop_test(c, only_what_is_important_enough_is_said, 0, 4);
    tcase_add_test(c, levels_have_names);
    tcase_add_test(c, text_of_a_peer_forges_no_line_and_moves_no_cursor);
    tcase_add_loop_test(c, a_line_that_is_too_long_is_cut_and_ends, 0, 60);
    tcase_add_test(c, a_failure_that_repeats_is_said_at_growing_gaps_and_when_it_ends);
    tcase_add_test(c, lines_of_several_threads_do_not_mix);
    tcase_add_test(c, the_clocks_run);
    tcase_add_test(c, a_wait_is_rounded_up_and_never_negative);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
