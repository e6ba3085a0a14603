/* test_intern.c - the hash table and the arena below it. */
#include "agent/base/intern.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define MANY 200000

static size_t name(char *text, size_t size, unsigned i)
{
    return (size_t)snprintf(text, size, i % 3 == 0 ? "group-%u" : i % 3 == 1 ? "%%RETRY%%topic.%u" : "%u", i);
}

START_TEST(numbers_are_dense_and_stable_over_many_names)
{
    struct intern in;
    char text[64];

    intern_init(&in);
    for (unsigned i = 0; i < MANY; i++)
        if (intern_add(&in, text, name(text, sizeof(text), i)) != i + 1)
            ck_abort_msg("%s is not number %u", text, i + 1);
    const char *first = intern_text(&in, 1);
    for (unsigned i = 0; i < MANY; i++) {
        size_t len = name(text, sizeof(text), i);
        if (intern_add(&in, text, len) != i + 1 || intern_find(&in, text, len) != i + 1 || intern_len(&in, i + 1) != len ||
            strcmp(intern_text(&in, i + 1), text) != 0)
            ck_abort_msg("%s is no longer number %u", text, i + 1);
    }
    ck_assert_ptr_eq(intern_text(&in, 1), first);
    ck_assert_uint_eq(in.count, MANY + 1);
    intern_fini(&in);
}
END_TEST

START_TEST(what_was_never_added_is_not_found)
{
    struct intern in;
    char text[64];

    intern_init(&in);
    ck_assert_uint_eq(intern_find(&in, "a", 1), 0); /* nothing at all is there */
    ck_assert_uint_eq(intern_find(&in, "", 0), 0);
    for (unsigned i = 0; i < 1000; i++)
        intern_add(&in, text, name(text, sizeof(text), i));
    for (unsigned i = 1000; i < 20000; i++)
        if (intern_find(&in, text, name(text, sizeof(text), i)) != 0)
            ck_abort_msg("%s is found", text);
    ck_assert_uint_eq(intern_find(&in, "", 0), 0);
    ck_assert_uint_eq(in.count, 1001); /* looking adds nothing */
    intern_fini(&in);
}
END_TEST

START_TEST(a_sealed_table_keeps_its_texts_in_less_memory)
{
    struct intern in;
    char name[32];

    intern_init(&in);
    for (int i = 0; i < 10000; i++)
        intern_add(&in, name, (size_t)snprintf(name, sizeof(name), "group-%d", i));
    size_t before = intern_memory(&in), texts = in.arena.total_bytes;
    intern_seal(&in);
    ck_assert_uint_eq(intern_memory(&in), texts + 10001 * 12);
    ck_assert_uint_lt(intern_memory(&in) - texts, (before - texts) / 2);
    for (uint32_t id = 1; id <= 10000; id++) {
        size_t len = (size_t)snprintf(name, sizeof(name), "group-%u", id - 1);
        ck_assert_str_eq(intern_text(&in, id), name);
        ck_assert_uint_eq(intern_len(&in, id), len);
    }
    intern_fini(&in);
    intern_init(&in); /* of one that nothing was added to */
    intern_seal(&in);
    ck_assert_ptr_null(intern_text(&in, 0));
    intern_fini(&in);
}
END_TEST

START_TEST(number_0_is_no_text_and_an_empty_text_is_one)
{
    struct intern in;

    intern_init(&in);
    ck_assert_ptr_null(intern_text(&in, 0));
    ck_assert_uint_eq(intern_len(&in, 0), 0);
    uint32_t empty = intern_add(&in, "", 0);
    ck_assert_uint_ne(empty, 0);
    ck_assert_str_eq(intern_text(&in, empty), "");
    ck_assert_uint_eq(intern_len(&in, empty), 0);
    ck_assert_uint_eq(intern_find(&in, "", 0), empty);
    ck_assert_uint_ne(intern_add(&in, "\0", 1), empty);
    intern_fini(&in);
}
END_TEST

START_TEST(bytes_with_a_length_are_told_apart)
{
    struct intern in;

    intern_init(&in);
    uint32_t whole = intern_add(&in, "abc", 3), part = intern_add(&in, "abc", 2), nul = intern_add(&in, "ab\0", 3);
    ck_assert_uint_ne(whole, part);
    ck_assert_uint_ne(part, nul);
    ck_assert_str_eq(intern_text(&in, part), "ab"); /* a NUL stands behind it */
    ck_assert_uint_eq(intern_len(&in, nul), 3);
    ck_assert_mem_eq(intern_text(&in, nul), "ab\0", 4);
    intern_fini(&in);
}
END_TEST

START_TEST(an_arena_gives_zeroed_aligned_memory_that_does_not_overlap)
{
    enum { PIECES = 5000 };
    struct arena arena;
    static unsigned char *pieces[PIECES];
    static size_t sizes[PIECES];
    uint64_t seed = unit_seed(), state = seed;

    arena_init(&arena);
    for (int i = 0; i < PIECES; i++) {
        sizes[i] = i % 1000 == 999 ? (size_t)3 << 20 : unit_random(&state) % 700; /* some larger than any block */
        pieces[i] = arena_alloc(&arena, sizes[i]);
        ck_assert_uint_eq((uintptr_t)pieces[i] % 8, 0);
        for (size_t k = 0; k < sizes[i]; k++)
            if (pieces[i][k] != 0)
                ck_abort_msg("piece %d is not zero at %zu, seed %" PRIu64, i, k, seed);
        memset(pieces[i], i % 255 + 1, sizes[i]);
    }
    for (int i = 0; i < PIECES; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            if (pieces[i][k] != i % 255 + 1)
                ck_abort_msg("piece %d was written over at %zu, seed %" PRIu64, i, k, seed);
    arena_fini(&arena);
    ck_assert_uint_eq(arena.total_bytes, 0);
}
END_TEST

START_TEST(an_arena_takes_little_more_than_it_gives)
{
    struct arena arena;
    size_t given = 0;

    arena_init(&arena);
    ck_assert_uint_eq(arena.total_bytes, 0); /* an empty one costs nothing */
    arena_alloc(&arena, 1);
    ck_assert_uint_le(arena.total_bytes, 64 * 1024);
    while (given < (size_t)16 << 20) {
        arena_alloc(&arena, 1000);
        given += 1000;
    }
    ck_assert_uint_le(arena.total_bytes, given + given / 8);
    arena_fini(&arena);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("intern");
    TCase *c = unit_case(s, "intern and arena");

    tcase_add_test(c, numbers_are_dense_and_stable_over_many_names);
    tcase_add_test(c, what_was_never_added_is_not_found);
    tcase_add_test(c, a_sealed_table_keeps_its_texts_in_less_memory);
    tcase_add_test(c, number_0_is_no_text_and_an_empty_text_is_one);
    tcase_add_test(c, bytes_with_a_length_are_told_apart);
    tcase_add_test(c, an_arena_gives_zeroed_aligned_memory_that_does_not_overlap);
    tcase_add_test(c, an_arena_takes_little_more_than_it_gives);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
