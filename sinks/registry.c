/* registry.c - every kind of sink. A new one is its file, one line here and its section in conf/mqpush.conf. */
#include "sinks/sink.h"

#include <string.h>

extern const struct sink_ops file_sink;
extern const struct sink_ops pushgateway_sink;
extern const struct sink_ops redis_sink;
extern const struct sink_ops sqlite_sink;
extern const struct sink_ops statsd_sink;
extern const struct sink_ops stdout_sink;

const struct sink_ops *const sink_registry[] = {
    &file_sink, &pushgateway_sink, &redis_sink, &sqlite_sink, &statsd_sink, &stdout_sink, NULL,
};

const struct sink_ops *sink_find(const char *name)
{
    for (const struct sink_ops *const *s = sink_registry; *s != NULL; s++)
        if (strcmp((*s)->name, name) == 0)
            return *s;
    return NULL;
}

enum sink_mode sink_mode(const struct sink_ops *ops, const void *self)
{
    return ops->mode_of != NULL ? ops->mode_of(self) : ops->mode;
}

static bool has_word(const char *words, const char *word, size_t len)
{
    while (*words != '\0') {
        size_t n = strcspn(words, " ");
        if (n == len && memcmp(words, word, len) == 0)
            return true;
        words += n + (words[n] == ' ');
    }
    return false;
}

const struct sink_ops *sink_find_scheme(const char *url)
{
    size_t len = strcspn(url, ":");

    if (url[len] != ':')
        return NULL;
    for (const struct sink_ops *const *s = sink_registry; *s != NULL; s++)
        if (has_word((*s)->schemes, url, len))
            return *s;
    return NULL;
}
