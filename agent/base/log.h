/*
 * log.h - one line a fact, to standard error.
 *
 * Only worker, pipeline and cmd_* log; everything below returns an err. A line is a plain sentence, then key=value. Under a
 * service manager (JOURNAL_STREAM set) each line carries its syslog level as "<3>" and no time; elsewhere it carries the
 * local time. The level is the one global of the agent. Any thread.
 */
#ifndef AGENT_BASE_LOG_H
#define AGENT_BASE_LOG_H

enum log_level {
    LOG_ERROR,   /* an operator must act */
    LOG_WARNING, /* lost or late data */
    LOG_INFO,    /* life events */
    LOG_DEBUG,
};

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* "error", "warning", "info", "debug" -> level; -1 if it is none of them. */
int log_level_from_name(const char *name);
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/*
 * A failure that repeats: says it at once, then at growing gaps (1, 2, 4, ... repeats up to 64) with the count, then one
 * line when it has ended. One log_repeat per thing that can fail; owned by one thread.
 */
struct log_repeat {
    unsigned failures;
    unsigned next;
};

void log_repeat_fail(struct log_repeat *r, enum log_level level, const char *what, const char *why);
void log_repeat_end(struct log_repeat *r, const char *what);

#endif
