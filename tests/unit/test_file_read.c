/* test_file_read.c - a whole file, a pipe, and what is too large or no file. */
#include "agent/base/file.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LIMIT 100000

static struct buf text;
static struct err err;

static void set_up(void)
{
    buf_init(&text, LIMIT);
    err = (struct err){ .kind = ERR_NONE };
}

static void tear_down(void)
{
    buf_fini(&text);
}

static int read_file_of(size_t size)
{
    char *content = malloc(size + 1);
    int fd = memfd_create("test", MFD_CLOEXEC);

    for (size_t i = 0; i < size; i++)
        content[i] = (char)(i % 251);
    ck_assert_int_eq(write(fd, content, size), (ssize_t)size);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    int rc = file_read(fd, &text, &err);
    close(fd);
    ck_assert_uint_eq(text.len, size < LIMIT ? size : LIMIT);
    ck_assert_mem_eq(text.data, content, text.len);
    free(content);
    return rc;
}

START_TEST(a_file_is_read_whole_up_to_its_limit)
{
    static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 8192, 50000, LIMIT - 1, LIMIT };

    ck_assert_int_eq(read_file_of(sizes[_i]), 0);
}
END_TEST

START_TEST(one_byte_more_is_too_large)
{
    ck_assert_int_eq(read_file_of(LIMIT + 1), -1);
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert_str_eq(err.msg, "larger than 100000 bytes");
}
END_TEST

START_TEST(a_pipe_is_read_to_its_end_and_after_what_was_there)
{
    int ends[2];

    buf_puts(&text, "before ");
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "after", 5), 5);
    close(ends[1]);
    ck_assert_int_eq(file_read(ends[0], &text, &err), 0);
    close(ends[0]);
    ck_assert_uint_eq(text.len, 12);
    ck_assert_mem_eq(text.data, "before after", 12);
}
END_TEST

START_TEST(a_directory_cannot_be_read)
{
    int fd = open("/", O_RDONLY | O_CLOEXEC);

    ck_assert_int_eq(file_read(fd, &text, &err), -1);
    close(fd);
    ck_assert_int_eq(err.kind, ERR_SYS);
    ck_assert_str_eq(err.msg, "cannot be read: Is a directory");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("file_read");
    TCase *c = unit_case(s, "whole files");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, a_file_is_read_whole_up_to_its_limit, 0, 9);
    tcase_add_test(c, one_byte_more_is_too_large);
    tcase_add_test(c, a_pipe_is_read_to_its_end_and_after_what_was_there);
    tcase_add_test(c, a_directory_cannot_be_read);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
