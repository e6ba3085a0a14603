/* human.c - see human.h. */
#include "agent/view/human.h"

#include "agent/base/num.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#define MINUTE 60
#define HOUR 3600
#define DAY 86400
#define DAYS_IN_WORDS 1000 /* from here on "2.74kd": nobody waits that long, but an estimate may say so */

/* Three digits: 1.23, 12.3, 123. A whole number below 1000 stays whole. */
static size_t put_three_digits(char *text, double value, const char *suffix)
{
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

    return (size_t)snprintf(text, HUMAN_TEXT_MAX, "%.*f%s", decimals, value, suffix);
}

/* 0.50 -> 0.5, 3.00 -> 3: below the first unit the digits behind the point are no sign of precision. */
static size_t put_short(char *text, double value, const char *suffix)
{
    char digits[HUMAN_TEXT_MAX];
    size_t len = put_three_digits(digits, value, "");

    for (size_t point = 0; point < len; point++)
        if (digits[point] == '.') {
            while (digits[len - 1] == '0')
                len--;
            len -= len == point + 1;
            break;
        }
    return (size_t)snprintf(text, HUMAN_TEXT_MAX, "%.*s%s", (int)len, digits, suffix);
}

static size_t put_scaled(char *text, double value, double base, const char *const *units, unsigned unit_count)
{
    unsigned unit = 0;

    if (isnan(value))
        return (size_t)snprintf(text, HUMAN_TEXT_MAX, "-");
    if (isinf(value))
        return (size_t)snprintf(text, HUMAN_TEXT_MAX, value < 0 ? "-inf" : "inf");
    if (value < 0) {
        char rest[HUMAN_TEXT_MAX];
        put_scaled(rest, -value, base, units, unit_count);
        return (size_t)snprintf(text, HUMAN_TEXT_MAX, "-%.40s", rest);
    }
    if (value != 0 && value < 0.005)
        return (size_t)snprintf(text, HUMAN_TEXT_MAX, "<0.01%s", units[0]);
    while (value >= 999.5 && unit + 1 < unit_count) {
        value /= base;
        unit++;
    }
    /* fabs: -0 is 0 */
    return unit == 0 ? put_short(text, fabs(value), units[0]) : put_three_digits(text, value, units[unit]);
}

size_t human_count(char *text, double value)
{
    static const char *const units[] = { "", "k", "M", "G", "T", "P", "E" };

    return put_scaled(text, value, 1000, units, sizeof(units) / sizeof(units[0]));
}

size_t human_bytes(char *text, double value)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

    return put_scaled(text, value, 1024, units, sizeof(units) / sizeof(units[0]));
}

/* The larger unit and, unless it is 0, the smaller one. */
static size_t put_two_units(char *text, long long seconds, long long large, char large_name, long long small, char small_name)
{
    long long first = seconds / large, second = seconds % large / small;

    if (second == 0)
        return (size_t)snprintf(text, HUMAN_TEXT_MAX, "%lld%c", first, large_name);
    return (size_t)snprintf(text, HUMAN_TEXT_MAX, "%lld%c%lld%c", first, large_name, second, small_name);
}

static size_t put_span(char *text, double value)
{
    if (value < 0.9995)
        return value == 0 ? (size_t)snprintf(text, HUMAN_TEXT_MAX, "0s") : put_short(text, value * 1000, "ms");
    if (value < 9.95) {
        char digits[HUMAN_TEXT_MAX];
        snprintf(digits, sizeof(digits), "%.1f", value);
        return (size_t)snprintf(text, HUMAN_TEXT_MAX, "%.*ss", digits[2] == '0' ? 1 : 3, digits);
    }
    if (value / DAY >= DAYS_IN_WORDS) {
        size_t len = human_count(text, value / DAY);
        return len + (size_t)snprintf(text + len, HUMAN_TEXT_MAX - len, "d");
    }
    long long seconds = llround(value);
    if (seconds < MINUTE)
        return (size_t)snprintf(text, HUMAN_TEXT_MAX, "%llds", seconds);
    if (seconds < HOUR)
        return put_two_units(text, seconds, MINUTE, 'm', 1, 's');
    if (seconds < DAY)
        return put_two_units(text, seconds, HOUR, 'h', MINUTE, 'm');
    return put_two_units(text, seconds, DAY, 'd', HOUR, 'h');
}

size_t human_seconds(char *text, double value)
{
    if (isnan(value))
        return (size_t)snprintf(text, HUMAN_TEXT_MAX, "-");
    if (isinf(value))
        return (size_t)snprintf(text, HUMAN_TEXT_MAX, "never");
    if (value < 0) {
        char rest[HUMAN_TEXT_MAX];
        put_span(rest, -value);
        return (size_t)snprintf(text, HUMAN_TEXT_MAX, "-%.40s", rest);
    }
    return put_span(text, value);
}

/* Floor division, so that 1969 works as well. */
static time_t whole_seconds(int64_t time_ms, int *rest_ms)
{
    int64_t seconds = time_ms / 1000, rest = time_ms % 1000;

    if (rest < 0) {
        rest += 1000;
        seconds--;
    }
    *rest_ms = (int)rest;
    return (time_t)seconds;
}

size_t human_time(char *text, int64_t time_ms)
{
    int rest;
    time_t seconds = whole_seconds(time_ms, &rest);
    struct tm tm;

    if (localtime_r(&seconds, &tm) == NULL)
        return num_from_i64(text, time_ms); /* a year that struct tm cannot hold */
    size_t len = strftime(text, HUMAN_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm);
    long offset = tm.tm_gmtoff / MINUTE, minutes = offset < 0 ? -offset : offset;
    return len + (size_t)snprintf(text + len, HUMAN_TEXT_MAX - len, "%c%02ld:%02ld", offset < 0 ? '-' : '+', minutes / 60,
                                  minutes % 60);
}

size_t human_rfc3339(char *text, int64_t time_ms)
{
    int rest;
    time_t seconds = whole_seconds(time_ms, &rest);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL)
        return num_from_i64(text, time_ms);
    size_t len = strftime(text, HUMAN_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest > 0)
        len += (size_t)snprintf(text + len, HUMAN_TEXT_MAX - len, ".%03d", rest);
    return len + (size_t)snprintf(text + len, HUMAN_TEXT_MAX - len, "Z");
}
