/* num.c - see num.h. */
#include "agent/base/num.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_REAL 9007199254740992.0 /* 2^53: below this every integer is a double */

size_t num_from_u64(char *text, uint64_t value)
{
    char digits[NUM_TEXT_MAX];
    size_t n = 0;

    do
        digits[n++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    for (size_t i = 0; i < n; i++)
        text[i] = digits[n - 1 - i];
    text[n] = '\0';
    return n;
}

size_t num_from_i64(char *text, int64_t value)
{
    if (value >= 0)
        return num_from_u64(text, (uint64_t)value);
    text[0] = '-';
    return 1 + num_from_u64(text + 1, 0 - (uint64_t)value);
}

/* The C locale, whatever the process has been told; made once, lives as long as the process. */
static locale_t c_locale(void)
{
    static locale_t made;

    if (__atomic_load_n(&made, __ATOMIC_ACQUIRE) == (locale_t)0) {
        locale_t mine = newlocale(LC_ALL_MASK, "C", (locale_t)0), none = (locale_t)0;
        if (!__atomic_compare_exchange_n(&made, &none, mine, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            freelocale(mine);
    }
    return made;
}

size_t num_from_real(char *text, double value)
{
    if (isnan(value))
        return (size_t)snprintf(text, NUM_TEXT_MAX, "NaN");
    if (isinf(value))
        return (size_t)snprintf(text, NUM_TEXT_MAX, value > 0 ? "+Inf" : "-Inf");
    if (value == trunc(value) && fabs(value) < EXACT_REAL)
        return num_from_i64(text, (int64_t)value);
    locale_t old = uselocale(c_locale());
    int len = 0;
    for (int digits = 15; digits <= 17; digits++) { /* %g leaves trailing zeros out, so 15 digits are as short as fewer */
        len = snprintf(text, NUM_TEXT_MAX, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    uselocale(old);
    return (size_t)len;
}

int num_to_i64(const char *text, size_t len, int64_t *value)
{
    size_t i = 0;
    uint64_t sum = 0;
    int negative = len > 0 && text[0] == '-';

    i += (size_t)negative;
    if (i == len)
        return -1;
    for (; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        if (__builtin_mul_overflow(sum, 10u, &sum) || __builtin_add_overflow(sum, (uint64_t)(text[i] - '0'), &sum))
            return -1;
    }
    if (sum > (uint64_t)INT64_MAX + (uint64_t)negative)
        return -1;
    *value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return 0;
}

int num_to_real(const char *text, size_t len, double *value)
{
    char copy[64], *end;

    if (len == 0 || len >= sizeof(copy) || !(isdigit((unsigned char)text[0]) || text[0] == '-' || text[0] == '.'))
        return -1;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (strspn(copy, "0123456789+-.eE") != len)
        return -1; /* strtod would take "0x1p3", "-inf" and "-nan" as well */
    double got = strtod_l(copy, &end, c_locale());
    if (end != copy + len || !isfinite(got))
        return -1;
    *value = got;
    return 0;
}

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit durations[] = {
    { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 }, { "w", 604800000 }, { 0 },
};

static const struct unit sizes[] = {
    { "B", 1 },           { "KiB", 1 << 10 },    { "MiB", 1 << 20 },       { "GiB", 1 << 30 }, { "TiB", (int64_t)1 << 40 },
    { "kB", 1000 },       { "KB", 1000 },        { "MB", 1000000 },        { "GB", 1000000000 },
    { "k", 1 << 10 },     { "K", 1 << 10 },      { "M", 1 << 20 },         { "G", 1 << 30 },   { 0 },
};

/* Reads digits and a unit from *text, adds digits * factor to *sum, moves *text behind them. */
static int take_part(const char **text, const struct unit *units, int64_t *sum)
{
    const char *p = *text;
    size_t digits = strspn(p, "0123456789");
    int64_t n;

    if (digits == 0 || num_to_i64(p, digits, &n) < 0)
        return -1;
    p += digits;
    size_t letters = 0;
    while (isalpha((unsigned char)p[letters]))
        letters++;
    for (const struct unit *u = units; u->name != NULL; u++) {
        if (strlen(u->name) != letters || memcmp(u->name, p, letters) != 0)
            continue;
        if (__builtin_mul_overflow(n, u->factor, &n) || __builtin_add_overflow(*sum, n, sum))
            return -1;
        *text = p + letters;
        return 0;
    }
    return -1;
}

int num_to_duration_ms(const char *text, int64_t *ms)
{
    int64_t sum = 0;

    if (strcmp(text, "0") == 0) {
        *ms = 0;
        return 0;
    }
    do
        if (take_part(&text, durations, &sum) < 0)
            return -1;
    while (*text != '\0');
    *ms = sum;
    return 0;
}

int num_to_size(const char *text, int64_t *bytes)
{
    int64_t sum = 0;

    if (num_to_i64(text, strlen(text), &sum) == 0 && sum >= 0) {
        *bytes = sum;
        return 0;
    }
    sum = 0;
    if (take_part(&text, sizes, &sum) < 0 || *text != '\0')
        return -1;
    *bytes = sum;
    return 0;
}
