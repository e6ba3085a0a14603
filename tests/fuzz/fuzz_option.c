/*
 * fuzz_option.c - any text as the value of an option, and as each kind of number.
 *
 * What must hold: what is taken lies within the option's limits and is left alone otherwise; a number written is the number read.
 */
#include "agent/base/num.h"
#include "agent/base/option.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>

struct values {
    const char *str;
    bool on;
    int64_t number, span, size, small;
    int word;
};

static const char *const words[] = { "first", "second", "off", NULL };

static const struct option_spec options[] = {
    OPT(OPT_TYPE_STR, struct values, str, "", "text"),
    OPT(OPT_TYPE_BOOL, struct values, on, "no", "yes or no"),
    OPT(OPT_TYPE_INT, struct values, number, "0", "any"),
    OPT(OPT_TYPE_DURATION, struct values, span, "0", "any span"),
    OPT(OPT_TYPE_SIZE, struct values, size, "0", "any size"),
    OPT_RANGE(OPT_TYPE_INT, struct values, small, "-5", -5, 5, "few"),
    OPT_CHOICE(struct values, word, "off", words, "a word"),
    { 0 },
};

static void check_options(const char *text)
{
    struct err err;

    for (const struct option_spec *o = options; o->name != NULL; o++) {
        struct values v = { .number = -1, .span = -1, .size = -1, .small = -9, .word = -1 }, before = v;
        err = (struct err){ .kind = ERR_NONE };
        if (option_set(o, &v, text, &err) < 0) {
            fuzz_require(err.kind == ERR_CONFIG && err.msg[0] != '\0' && memcmp(&v, &before, sizeof(v)) == 0);
            continue;
        }
        fuzz_require(v.number >= -1 && v.span >= -1 && v.size >= -1 && (v.small == -9 || (v.small >= -5 && v.small <= 5)) && v.word < 3);
    }
}

static void check_numbers(const char *text)
{
    char shown[NUM_TEXT_MAX];
    size_t len = strlen(text);
    int64_t n, n_again;
    double d, d_again;

    if (num_to_i64(text, len, &n) == 0) {
        size_t written = num_from_i64(shown, n);
        fuzz_require(num_to_i64(shown, written, &n_again) == 0 && n == n_again);
    }
    if (num_to_real(text, len, &d) == 0) {
        size_t written = num_from_real(shown, d);
        fuzz_require(isfinite(d) && written < NUM_TEXT_MAX && num_to_real(shown, written, &d_again) == 0 && d == d_again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const known[] = { "interval", "state_dir", "labels", "url", "address", NULL };
    char *text = fuzz_text(data, size);

    check_options(text);
    check_numbers(text);
    option_nearest(text, known);
    free(text);
    return 0;
}
