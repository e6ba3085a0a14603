/* test_sqlite_trim.c - the history: what is too old or too much goes. */
#include "tests/unit/test_sqlite.h"

START_TEST(old_intervals_go_by_whole_frames)
{
    void *sink = open_as("run", "c0ffee", "2h");

    for (int i = 0; i < 10 * 60; i++) {
        struct batch *b = one_group(HOUR + 60 * i, 5);
        if (i < 60)
            add_group(b, "gone long ago", 1);
        if (i < 60)
            add_row(b, TABLE_CLIENTS, "client");
        give(sink, b);
    }
    close_sink(sink);
    /* The newest is 9:59, so from 7:59 on everything must be there; that needs the frame of 7:00. */
    ck_answer("SELECT (min(time) - 1700006400) / 60 FROM intervals", "420");
    ck_answer("SELECT count(*), min(lag), max(lag) FROM groups WHERE time >= 1700006400 + 25200", "180|5|5");
    ck_answer("SELECT count(*) FROM groups_hour", "10"); /* roll-ups live longer, and so do their names */
    ck_answer("SELECT count(*) FROM groups_names", "2");
    ck_answer("SELECT count(*) FROM clients_names", "0");
    ck_answer("PRAGMA integrity_check", "ok");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sqlite_trim");
    TCase *tc = sqlite_case(suite);

    tcase_add_test(tc, old_intervals_go_by_whole_frames);
    return unit_main(suite);
}
