/*
 * xalloc.h - memory that is there or we are not.
 *
 * Out of memory aborts (the service manager restarts us), so no caller checks for NULL. Therefore every size that comes
 * from outside is held against a named limit before it reaches these functions. Free with free().
 */
#ifndef AGENT_BASE_XALLOC_H
#define AGENT_BASE_XALLOC_H

#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *old, size_t count, size_t size) __attribute__((returns_nonnull)); /* count * size, overflow aborts */
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
/* At most len bytes, which need no NUL behind them. */
char *xstrndup(const char *s, size_t len) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), malloc, returns_nonnull));

#endif
