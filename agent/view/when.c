/* when.c - see when.h. */
#include "agent/view/when.h"

#include "agent/base/num.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define ZONES "/usr/share/zoneinfo/"

/* Reads exactly `digits` digits as a number within [0, max]. */
static bool take_number(const char **p, int digits, int max, int *value)
{
    int sum = 0;

    for (int i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)(*p)[i]))
            return false;
        sum = sum * 10 + ((*p)[i] - '0');
    }
    *p += digits;
    *value = sum;
    return sum <= max;
}

static bool take_char(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

/* HH:MM[:SS[.fraction]]; the fraction goes to *ms. */
static bool take_clock(const char **p, struct tm *tm, int *ms)
{
    *ms = 0;
    tm->tm_sec = 0;
    if (!take_number(p, 2, 24, &tm->tm_hour) || !take_char(p, ':') || !take_number(p, 2, 59, &tm->tm_min))
        return false;
    if (!take_char(p, ':'))
        return true;
    if (!take_number(p, 2, 60, &tm->tm_sec))
        return false;
    if (!take_char(p, '.'))
        return true;
    if (!isdigit((unsigned char)**p))
        return false;
    for (int unit = 100; isdigit((unsigned char)**p); (*p)++, unit /= 10)
        *ms += unit * (**p - '0');
    return true;
}

static bool take_date(const char **p, struct tm *tm)
{
    int year, month;

    if (!take_number(p, 4, 9999, &year) || !take_char(p, '-') || !take_number(p, 2, 12, &month) || !take_char(p, '-') ||
        !take_number(p, 2, 31, &tm->tm_mday) || month == 0 || tm->tm_mday == 0)
        return false;
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    return true;
}

/* Z, +HH:MM, +HHMM, +HH: seconds east of Greenwich. */
static bool take_offset(const char **p, int *seconds)
{
    int hours, minutes = 0;
    bool is_west = **p == '-';

    *seconds = 0;
    if (take_char(p, 'Z') || take_char(p, 'z'))
        return true;
    if (!take_char(p, '+') && !take_char(p, '-'))
        return false;
    if (!take_number(p, 2, 14, &hours))
        return false;
    if ((take_char(p, ':') || **p != '\0') && !take_number(p, 2, 59, &minutes))
        return false;
    *seconds = (hours * 60 + minutes) * (is_west ? -60 : 60);
    return true;
}

/* mktime and timegm repair 2026-02-31 into March; a typing mistake should be told. */
static bool is_same_day(const struct tm *asked, const struct tm *got)
{
    return asked->tm_hour == 24 || asked->tm_mday == got->tm_mday;
}

static bool parse_date(const char *p, int64_t *time_ms)
{
    struct tm tm = { .tm_isdst = -1 }, made;
    int ms = 0, offset;

    if (!take_date(&p, &tm))
        return false;
    if (take_char(&p, ' ') || take_char(&p, 'T') || take_char(&p, 't')) {
        if (!take_clock(&p, &tm, &ms))
            return false;
        take_char(&p, ' ');
    }
    made = tm;
    if (*p == '\0')
        *time_ms = (int64_t)mktime(&made) * 1000 + ms;
    else if (take_offset(&p, &offset) && *p == '\0')
        *time_ms = ((int64_t)timegm(&made) - offset) * 1000 + ms;
    else
        return false;
    return is_same_day(&tm, &made);
}

/* [today|yesterday] [HH:MM[:SS]]: a time of day without a day is the last such moment. */
static bool parse_day(const char *p, int64_t now_ms, int64_t *time_ms)
{
    time_t now = (time_t)(now_ms / 1000);
    struct tm tm;
    int ms = 0, days_back = 0;
    bool has_day = true;

    localtime_r(&now, &tm);
    tm.tm_isdst = -1;
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    if (strncmp(p, "yesterday", 9) == 0) {
        p += 9;
        days_back = 1;
    } else if (strncmp(p, "today", 5) == 0)
        p += 5;
    else
        has_day = false;
    if (has_day && *p != '\0' && !take_char(&p, ' '))
        return false;
    if ((*p != '\0' || !has_day) && (!take_clock(&p, &tm, &ms) || *p != '\0'))
        return false;
    struct tm day = tm;
    day.tm_mday -= days_back;
    *time_ms = (int64_t)mktime(&day) * 1000 + ms;
    if (!has_day && *time_ms > now_ms) {
        tm.tm_mday--;
        *time_ms = (int64_t)mktime(&tm) * 1000 + ms;
    }
    return true;
}

/* -2h, 2h ago, 2h */
static bool parse_span(const char *p, int64_t now_ms, int64_t *time_ms)
{
    char span[WHEN_TEXT_MAX];
    int64_t ms;

    snprintf(span, sizeof(span), "%s", *p == '-' ? p + 1 : p);
    size_t len = strlen(span);
    if (*p != '-' && len > 4 && strcmp(span + len - 4, " ago") == 0)
        span[len - 4] = '\0';
    if (num_to_duration_ms(span, &ms) < 0)
        return false;
    *time_ms = now_ms - ms;
    return true;
}

static bool parse_epoch(const char *p, int64_t *time_ms)
{
    double seconds;

    if (num_to_real(p, strlen(p), &seconds) < 0 || seconds < 0 || seconds > 253402300799.0) /* the end of the year 9999 */
        return false;
    *time_ms = (int64_t)(seconds * 1000 + 0.5);
    return true;
}

int when_parse(const char *text, int64_t now_ms, int64_t *time_ms, struct err *err)
{
    int64_t got = now_ms;
    bool is_good = strlen(text) < WHEN_TEXT_MAX;

    if (is_good && text[0] == '@')
        is_good = parse_epoch(text + 1, &got);
    else if (is_good && strcmp(text, "now") != 0)
        is_good = parse_date(text, &got) || parse_day(text, now_ms, &got) || parse_span(text, now_ms, &got);
    if (!is_good)
        return err_set(err, ERR_CONFIG,
                       "\"%.60s\" is no time: expected 22:00, yesterday 22:00, 2026-11-21 22:00, an RFC 3339 time, "
                       "@epoch, -2h or now",
                       text);
    *time_ms = got;
    return 0;
}

/* A file below the zone directory, and nothing else. */
static bool is_zone(const char *zone)
{
    char path[256];
    struct stat st;
    int len = snprintf(path, sizeof(path), ZONES "%s", zone);

    return zone[0] != '\0' && zone[0] != '/' && strstr(zone, "..") == NULL && len < (int)sizeof(path) && stat(path, &st) == 0 &&
           S_ISREG(st.st_mode);
}

int when_set_zone(const char *zone, struct err *err)
{
    if (strcmp(zone, "UTC") != 0 && !is_zone(zone))
        return err_set(err, ERR_CONFIG, "no time zone \"%.100s\" in " ZONES " (expected a name such as UTC or Europe/Berlin)",
                       zone);
    setenv("TZ", zone, 1);
    tzset();
    return 0;
}
