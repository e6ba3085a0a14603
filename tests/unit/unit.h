/*
 * unit.h - what every unit test needs: a main of one line, and random numbers that can be had again.
 *
 *     int main(void) { return unit_main(suite()); }
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <check.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define UNIT_TIMEOUT_S 60 /* for one test, sanitizers included: a test that hangs ends as a failure */

static inline int unit_main(Suite *suite)
{
    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}

/* A new case of the suite. */
static inline TCase *unit_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    suite_add_tcase(suite, tcase);
    return tcase;
}

/* UNIT_SEED of the environment, else the clock's; put it into the text of every assertion that depends on it. */
static inline uint64_t unit_seed(void)
{
    const char *given = getenv("UNIT_SEED");
    struct timespec now;

    if (given != NULL)
        return strtoull(given, NULL, 10);
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
}

/* splitmix64 */
static inline uint64_t unit_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

#endif
