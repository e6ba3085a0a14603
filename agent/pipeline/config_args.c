/*
 * config_args.c - the command line and the environment as raw sections, beside those of the file. See config_parts.h.
 *
 * "-n ADDR" is a [source rocketmq] with one option, "--to URL" a [sink TYPE] with the options of its query string, "--interval
 * 5s" an option of [agent], "--set" any option of a section that is there.
 */
#include "agent/pipeline/config_parts.h"

#include "agent/base/xalloc.h"
#include "agent/pipeline/url.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *keep(struct loader *l, const char *text)
{
    return arena_strndup(l->arena, text, strlen(text));
}

static const char *kept_url(struct loader *l, const char *prefix, const char *url)
{
    char *masked = url_masked(url), *text = xasprintf("%s%.*s", prefix, (int)strcspn(masked, "?"), masked);
    const char *kept = keep(l, text);

    free(masked);
    free(text);
    return kept;
}

size_t config_count_sections(const struct loader *l, const char *kind)
{
    size_t n = 0;

    for (size_t i = 0; i < l->raw.count; i++)
        n += !l->raw.sections[i].is_ignored && strcmp(l->raw.sections[i].kind, kind) == 0;
    return n;
}

static void ignore_sections(struct loader *l, const char *kind)
{
    for (size_t i = 0; i < l->raw.count; i++)
        if (strcmp(l->raw.sections[i].kind, kind) == 0)
            l->raw.sections[i].is_ignored = true;
}

/* A section of that type that no other has the name of yet: "statsd", "statsd 2", "statsd 3". */
static struct raw_section *add_unnamed(struct loader *l, const char *kind, const char *type, const char *where)
{
    char name[CONFIG_SECTION_NAME_MAX + 1];

    snprintf(name, sizeof(name), "%s", type);
    for (unsigned n = 2; raw_find_section(&l->raw, kind, name) != NULL; n++)
        snprintf(name, sizeof(name), "%s %u", type, n);
    return raw_add_section(&l->raw, kind, type, name, where);
}

static void add_source(struct loader *l, const char *address, const char *where, bool is_usage)
{
    const struct source_ops *ops = source_registry[0];
    struct raw_section *s = add_unnamed(l, "source", ops->name, where);

    s->is_usage = is_usage;
    raw_add_entry(&l->raw, s, ops->address_option, address, where)->is_usage = is_usage;
}

static void unknown_scheme(struct loader *l, const char *url, const char *where)
{
    const char *known[CONFIG_KNOWN_MAX];
    size_t count = 0, len = strcspn(url, ":");
    char all[200] = "", hint[80], scheme[32];

    for (const struct sink_ops *const *s = sink_registry; *s != NULL; s++)
        for (const char *p = (*s)->schemes; *p != '\0' && count + 1 < CONFIG_KNOWN_MAX; p += strspn(p, " ")) {
            size_t n = strcspn(p, " ");
            known[count++] = arena_strndup(l->arena, p, n);
            size_t used = strlen(all);
            snprintf(all + used, sizeof(all) - used, "%s%.*s", used > 0 ? ", " : "", (int)n, p);
            p += n;
        }
    known[count] = NULL;
    snprintf(scheme, sizeof(scheme), "%.*s", (int)len, url);
    config_hint(hint, sizeof(hint), scheme, known);
    if (url[len] == '\0' && option_nearest(scheme, known) == NULL)
        config_problem(l->errors, PROBLEM_USAGE, where, "expected a URL that begins with one of: %s (such as http://gw:9091)",
                       all);
    else if (url[len] == '\0')
        config_problem(l->errors, PROBLEM_USAGE, where, "expected a URL that begins with one of: %s (did you mean %s:?)", all,
                       option_nearest(scheme, known));
    else
        config_problem(l->errors, PROBLEM_USAGE, where, "unknown scheme, expected one of: %s%s", all, hint);
}

/* "http://gw:9091?job=x" -> "http://gw:9091"; "sqlite:a%20b.db" -> "a b.db"; "statsd://host:8125" -> "host:8125". malloc'd */
static char *address_of(const struct sink_ops *ops, const char *url, size_t len, struct err *err)
{
    char *address;

    if (ops->keeps_scheme)
        return xstrndup(url, len);
    const char *start = memchr(url, ':', len);
    assert(start != NULL);
    start++;
    if (strncmp(start, "//", 2) == 0)
        start += 2;
    return url_decode(start, (size_t)(url + len - start), &address, err) < 0 ? NULL : address;
}

static void add_query(struct loader *l, struct raw_section *s, const char *query)
{
    char *name, *value;
    struct err err;
    int rc;

    while ((rc = url_next_option(&query, &name, &value, &err)) > 0) {
        if (raw_find_entry(s, name) != NULL)
            config_problem(l->errors, PROBLEM_USAGE, s->where, "%s is given twice", name);
        else if (s->count >= CONFIG_OPTIONS_MAX)
            config_problem(l->errors, PROBLEM_USAGE, s->where, "more than %d options", CONFIG_OPTIONS_MAX);
        else
            raw_add_entry(&l->raw, s, name, value, s->where)->is_usage = true;
        free(name);
        free(value);
    }
    if (rc < 0)
        config_problem(l->errors, PROBLEM_USAGE, s->where, "%s", err.msg);
}

static void add_sink(struct loader *l, const char *url)
{
    const char *where = kept_url(l, "--to ", url);
    const struct sink_ops *ops = sink_find_scheme(url);
    size_t len = strcspn(url, "?");
    struct err err;

    if (ops == NULL) {
        unknown_scheme(l, url, where);
        return;
    }
    char *address = address_of(ops, url, len, &err);
    if (address == NULL) {
        config_problem(l->errors, PROBLEM_USAGE, where, "%s", err.msg);
        return;
    }
    struct raw_section *s = add_unnamed(l, "sink", ops->name, where);
    s->is_usage = true;
    if (address[0] != '\0' && ops->address_option != NULL)
        raw_add_entry(&l->raw, s, ops->address_option, address, where)->is_usage = true;
    else if (address[0] != '\0')
        config_problem(l->errors, PROBLEM_USAGE, where, "nothing may follow %.*s", (int)strcspn(url, ":") + 1, url);
    free(address);
    if (url[len] == '?')
        add_query(l, s, url + len + 1);
}

struct raw_section *config_agent_section(struct loader *l)
{
    struct raw_section *agent = raw_find_section(&l->raw, "agent", "");

    return agent != NULL ? agent : raw_add_section(&l->raw, "agent", "", "", "built-in");
}

/* Sets or replaces an option from the command line. */
static void override(struct loader *l, struct raw_section *s, const char *name, const char *text, const char *where)
{
    struct raw_entry *e = raw_find_entry(s, name);

    if (e == NULL)
        e = raw_add_entry(&l->raw, s, name, text, where);
    e->text = keep(l, text);
    e->where = keep(l, where);
    e->is_usage = true;
}

/* No section "sink.statsd" for --set: says which ones there are. */
static void unknown_section(struct loader *l, const char *given, const char *where)
{
    const char *known[CONFIG_KNOWN_MAX];
    size_t count = 0;
    char all[300] = "agent", hint[80];

    known[count++] = "agent";
    for (size_t i = 0; i < l->raw.count && count + 1 < CONFIG_KNOWN_MAX; i++) {
        const struct raw_section *s = &l->raw.sections[i];
        if (s->is_ignored || s->name[0] == '\0')
            continue;
        char *name = xasprintf("%s.%s", s->kind, s->name);
        known[count++] = keep(l, name);
        size_t used = strlen(all);
        snprintf(all + used, sizeof(all) - used, ", %s", name);
        free(name);
    }
    known[count] = NULL;
    config_problem(l->errors, PROBLEM_USAGE, where, "there is no section %s; there are: %s%s", given, all,
                   config_hint(hint, sizeof(hint), given, known));
}

/* "sink.pushgateway dr.gzip=no": the section's name may hold dots, an option's may not. */
static void apply_set(struct loader *l, const char *text)
{
    const char *equals = strchr(text, '=');
    const char *dot = equals != NULL ? memrchr(text, '.', (size_t)(equals - text)) : NULL;
    struct raw_section *s = NULL;

    if (dot == NULL || dot == text || dot + 1 == equals) {
        char *where = xasprintf("--set %.*s", (int)strcspn(text, "="), text);
        config_problem(l->errors, PROBLEM_USAGE, where,
                       "expected section.option=value, such as agent.interval=5s or sink.sqlite.keep=7d");
        free(where);
        return;
    }
    char *where = xasprintf("--set %.*s", (int)(equals - text), text);
    char *section = xstrndup(text, (size_t)(dot - text)), *option = xstrndup(dot + 1, (size_t)(equals - dot - 1));
    char *name = strchr(section, '.');
    if (strcmp(section, "agent") == 0) {
        s = config_agent_section(l);
    } else if (name != NULL) {
        *name = '\0';
        s = raw_find_section(&l->raw, section, name + 1);
        *name = '.';
    }
    if (s != NULL)
        override(l, s, option, equals + 1, where);
    else
        unknown_section(l, section, where);
    free(section);
    free(option);
    free(where);
}

static void add_sources_and_sinks(struct loader *l)
{
    const char *from_environment = getenv("NAMESRV_ADDR");

    if (l->args->namesrv != NULL) {
        ignore_sections(l, "source");
        add_source(l, l->args->namesrv, "-n", true);
    } else if (config_count_sections(l, "source") == 0 && from_environment != NULL && from_environment[0] != '\0') {
        add_source(l, from_environment, "NAMESRV_ADDR", true);
    }
    if (l->args->to_count > 0)
        ignore_sections(l, "sink");
    for (size_t i = 0; i < l->args->to_count; i++)
        add_sink(l, l->args->to[i]);
}

static void apply_agent_arguments(struct loader *l)
{
    const struct {
        const char *option, *text, *where;
    } given[] = {
        { "interval", l->args->interval, "--interval" },
        { "state_dir", l->args->state_dir, "--state-dir" },
        { "log_level", l->args->log_level, "-v" },
    };

    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        if (given[i].text != NULL)
            override(l, config_agent_section(l), given[i].option, given[i].text, given[i].where);
}

/* systemd names the unit's StateDirectory= in the environment; several are separated by colons, the first is ours. */
static void use_state_directory(struct loader *l)
{
    const char *directory = getenv("STATE_DIRECTORY");
    struct raw_section *agent = config_agent_section(l);

    if (directory == NULL || directory[0] == '\0' || raw_find_entry(agent, "state_dir") != NULL)
        return;
    char *first = xstrndup(directory, strcspn(directory, ":"));
    raw_add_entry(&l->raw, agent, "state_dir", first, "STATE_DIRECTORY");
    free(first);
}

void config_add_arguments(struct loader *l)
{
    add_sources_and_sinks(l);
    apply_agent_arguments(l);
    for (size_t i = 0; i < l->args->set_count; i++)
        apply_set(l, l->args->set[i]);
    use_state_directory(l);
}
