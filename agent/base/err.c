/* err.c - see err.h. */
#include "agent/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[ERR_KINDS] = {
    [ERR_NONE] = "",         [ERR_SYS] = "system",  [ERR_TIMEOUT] = "timeout", [ERR_CLOSED] = "closed",
    [ERR_PROTO] = "protocol", [ERR_REMOTE] = "refused", [ERR_LIMIT] = "limit",     [ERR_CONFIG] = "config",
    [ERR_CANCELED] = "canceled", [ERR_FORBIDDEN] = "forbidden", [ERR_BUSY] = "busy",
};

const char *err_kind_name(enum err_kind kind)
{
    return (unsigned)kind < ERR_KINDS ? kind_names[kind] : "";
}

int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    if (err == NULL)
        return -1;
    err->kind = kind;
    err->sys = 0;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    return -1;
}

int err_sys(struct err *err, const char *fmt, ...)
{
    int sys = errno;

    if (err == NULL)
        return -1;
    err->kind = ERR_SYS;
    err->sys = sys;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    size_t used = strlen(err->msg);
    char reason[128];
    snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", strerror_r(sys, reason, sizeof(reason)));
    return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    if (err == NULL)
        return -1;
    char old[sizeof(err->msg)];
    memcpy(old, err->msg, sizeof(old));
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    size_t used = strlen(err->msg);
    snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", old);
    return -1;
}
