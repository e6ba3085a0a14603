/* log.c - see log.h. */
#include "agent/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REPEAT_GAP_MAX 64

static atomic_int current = LOG_INFO;

static const char *const names[] = { "error", "warning", "info", "debug" };
static const int syslog_levels[] = { 3, 4, 6, 7 };

void log_set_level(enum log_level level)
{
    atomic_store(&current, level);
}

enum log_level log_get_level(void)
{
    return (enum log_level)atomic_load(&current);
}

int log_level_from_name(const char *name)
{
    for (int i = 0; i <= LOG_DEBUG; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

static int put_prefix(char *line, size_t size, enum log_level level)
{
    if (getenv("JOURNAL_STREAM") != NULL)
        return snprintf(line, size, "<%d>", syslog_levels[level]);
    struct timespec now;
    struct tm tm;
    char zone[8];
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    char stamp[32];
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
    strftime(zone, sizeof(zone), "%z", &tm);
    return snprintf(line, size, "%s.%03ld%s mqpush %s: ", stamp, now.tv_nsec / 1000000, zone, names[level]);
}

/* Text from a peer must not forge a line or move a cursor. In UTF-8 the controls U+0080 to U+009F are C2 80 to C2 9F. */
static void blank_controls(char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)line[i];
        if (c < 0x20 || c == 0x7F)
            line[i] = ' ';
        else if (c == 0xC2 && i + 1 < len && (unsigned char)line[i + 1] >= 0x80 && (unsigned char)line[i + 1] < 0xA0)
            line[i] = line[i + 1] = ' ';
    }
}

void log_line(enum log_level level, const char *fmt, ...)
{
    char line[1024];

    if ((int)level > atomic_load(&current))
        return;
    size_t len = (size_t)put_prefix(line, sizeof(line), level);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
    va_end(ap);
    len += n < 0 ? 0 : (size_t)n;
    if (len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    blank_controls(line, len);
    line[len++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, len); /* one write: lines of several threads do not mix */
    (void)ignored;
}

void log_repeat_fail(struct log_repeat *r, enum log_level level, const char *what, const char *why)
{
    r->failures++;
    if (r->failures < r->next)
        return;
    if (r->failures == 1)
        log_line(level, "%s: %s", what, why);
    else
        log_line(level, "%s: %s (failure %u in a row)", what, why, r->failures);
    unsigned gap = r->failures < REPEAT_GAP_MAX ? r->failures : REPEAT_GAP_MAX;
    r->next = r->failures + gap;
}

void log_repeat_end(struct log_repeat *r, const char *what)
{
    if (r->failures > 0)
        log_line(LOG_INFO, "%s: works again after %u failures", what, r->failures);
    *r = (struct log_repeat){ 0 };
}
