/* test_append.c - the longest lines of a file that is still ours; everything else of append.h is in test_file.c. */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/pipeline/config_parts.h"
#include "sinks/file/append.h"
#include "sinks/sink.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEAD_MAX 8192 /* these two of append.c */
#define LINE_MAX_BYTES (16 << 20)
#define TIME_S 1700006400LL
#define LINE "{\"time\":1700006400,"

static char path[64];
static struct append_file file;
static struct sink_delivery delivery;
static struct err err;

static void setup(void)
{
    strcpy(path, access("/dev/shm", W_OK) == 0 ? "/dev/shm/test_append.XXXXXX" : "/tmp/test_append.XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    append_init(&file, path, ROWS_JSONL);
    delivery = (struct sink_delivery){ .deadline_ns = clock_now_ns() + 20 * NS_PER_S, .cancel_fd = -1 };
}

static void teardown(void)
{
    append_fini(&file);
    unlink(path);
}

static int begin(const char *head, size_t head_len)
{
    return append_begin(&file, TIME_S + 60, head, head_len, &delivery, &err);
}

static const struct {
    bool is_first, is_whole; /* of the file; with its end */
} lines[] = { { true, true }, { true, false }, { false, true }, { false, false } };

/* A line with a hole in it, which takes no room. The limit counts its end, also where that is still to come. */
static off_t write_line(int i, off_t len)
{
    int fd = open(path, O_WRONLY | O_TRUNC);
    off_t start = lines[i].is_first ? 0 : (off_t)sizeof(LINE);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, LINE "\n" LINE, sizeof(LINE) + (size_t)start - 1, 0), sizeof(LINE) + (size_t)start - 1);
    ck_assert_int_eq(pwrite(fd, lines[i].is_whole ? "\n" : "x", 1, start + len - 1 - !lines[i].is_whole), 1);
    close(fd);
    return start;
}

START_TEST(a_line_of_ours_is_at_most_so_long) /* loop test over lines */
{
    off_t start = write_line(_i, LINE_MAX_BYTES);

    ck_assert_msg(begin(NULL, 0) == 0, "%s", err.msg);
    ck_assert_int_eq(file.size, lines[_i].is_whole ? start + LINE_MAX_BYTES : start); /* half a line is cut */
    append_end(&file, TIME_S + 60, true);
    append_fini(&file);
    append_init(&file, path, ROWS_JSONL);
    write_line(_i, LINE_MAX_BYTES + 1);
    ck_assert_int_eq(begin(NULL, 0), -1);
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    ck_assert_msg(strstr(err.msg, ": a line of more than 16777216 bytes: not written by mqpush") != NULL, "%s", err.msg);
}
END_TEST

static char head[HEAD_MAX + 1];

static void make_head(void)
{
    memset(head, 'h', sizeof(head));
    memcpy(head, LINE, sizeof(LINE) - 1);
}

/* The last byte alone makes another head of it. */
START_TEST(a_head_is_compared_up_to_its_limit)
{
    make_head();
    head[HEAD_MAX - 1] = '\n';
    for (int i = 0; i < 2; i++) {
        ck_assert_msg(begin(head, HEAD_MAX) == 0, "%s", err.msg);
        append_end(&file, TIME_S + 60, true);
        append_fini(&file);
        append_init(&file, path, ROWS_JSONL);
    }
    head[HEAD_MAX - 1] = 'x';
    ck_assert_int_eq(begin(head, HEAD_MAX), -1);
    const char *aside = strstr(err.msg, "has other columns; kept as ");
    ck_assert_msg(err.kind == ERR_PROTO && aside != NULL, "%s", err.msg);
    aside += strlen("has other columns; kept as ");
    char *name = xstrndup(aside, strcspn(aside, ","));
    ck_assert_int_eq(unlink(name), 0);
    free(name);
}
END_TEST

START_TEST(a_head_past_its_limit_is_our_bug)
{
    make_head();
    unlink(path); /* nobody else will */
    begin(head, HEAD_MAX + 1); /* the process ends here */
}
END_TEST

START_TEST(the_longest_head_is_within_the_limit) /* loop test over tables */
{
    struct sink_label labels[CONFIG_LABELS_MAX + 1] = { { NULL, NULL } };
    struct buf line;
    char name[CONFIG_LABEL_NAME_MAX + 1];

    memset(name, 'l', CONFIG_LABEL_NAME_MAX);
    name[CONFIG_LABEL_NAME_MAX] = '\0';
    for (int i = 0; i < CONFIG_LABELS_MAX; i++)
        labels[i] = (struct sink_label){ name, "v" };
    buf_init(&line, 0);
    rows_put_head(&(struct rows_style){ ROWS_CSV, labels }, (enum table_id)_i, &line);
    ck_assert_uint_gt(line.len, CONFIG_LABELS_MAX * CONFIG_LABEL_NAME_MAX);
    ck_assert_uint_le(line.len, HEAD_MAX);
    buf_fini(&line);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("append");
    TCase *c = unit_case(suite, "append");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, a_line_of_ours_is_at_most_so_long, 0, (int)(sizeof(lines) / sizeof(lines[0])));
    tcase_add_test(c, a_head_is_compared_up_to_its_limit);
    tcase_add_test_raise_signal(c, a_head_past_its_limit_is_our_bug, SIGABRT);
    tcase_add_loop_test(c, the_longest_head_is_within_the_limit, 0, TABLE_COUNT);
    return unit_main(suite);
}
