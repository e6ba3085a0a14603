/*
 * config.c - puts the configuration together: file, command line, environment, defaults. See config.h.
 *
 * Everything first becomes raw sections, wherever it comes from: "-n ADDR" is a [source rocketmq] with one option, "--to URL" a
 * [sink TYPE] with the options of its query string, "--interval 5s" an option of [agent]. So there is one way in which
 * names are checked, values are read and mistakes are reported.
 */
#include "agent/pipeline/config.h"

#include "agent/base/xalloc.h"
#include "agent/model/family.h"
#include "agent/pipeline/config_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A service manager whose watchdog waits a minute must hear from us between two collections, whatever the interval. */
#define COLLECT_TIMEOUT_MOST_MS 54000

#define DEFAULT_HISTORY "history.db"

/* The file -------------------------------------------------------------------------------------------------------- */

/* Which file, by the rule of config.h; NULL for none. */
static const char *choose_file(const struct loader *l)
{
    const char *from_environment = getenv("MQPUSH_CONFIG");

    if (l->args->file != NULL)
        return l->args->file;
    if (from_environment != NULL && from_environment[0] != '\0')
        return from_environment;
    if (access(CONFIG_DEFAULT_FILE, F_OK) < 0 && errno == ENOENT)
        return NULL;
    if ((l->needs & CONFIG_LENIENT) != 0 && access(CONFIG_DEFAULT_FILE, R_OK) < 0) {
        config_problem(l->errors, PROBLEM_WARNING, CONFIG_DEFAULT_FILE, "cannot be read: %s; going on without it",
                       strerror(errno));
        return NULL;
    }
    return CONFIG_DEFAULT_FILE;
}

static void read_config_file(struct loader *l)
{
    const char *file = choose_file(l);

    if (file == NULL)
        return;
    l->config->file = arena_strndup(l->arena, file, strlen(file));
    config_file_read(l->config->file, &l->raw, l->errors);
}

/* Sections to structs --------------------------------------------------------------------------------------------- */

static void problem_of(struct loader *l, const struct config_section *section, const char *option, const char *text)
{
    const char *where = section->where;
    bool is_usage = strncmp(where, "-", 1) == 0;

    for (size_t i = 0; i < section->count; i++)
        if (strcmp(section->values[i].spec->name, option) == 0 && section->values[i].where != NULL) {
            where = section->values[i].where;
            is_usage = where[0] == '-';
        }
    config_problem(l->errors, is_usage ? PROBLEM_USAGE : PROBLEM_FILE, where, "%s: %s", option, text);
}

/* What `config show` and the hash see: the labels in force, whoever gave them. */
static void note_labels(struct loader *l, const struct config_section *section, const struct sink_label *labels)
{
    for (size_t i = 0; i < section->count; i++) {
        struct config_value *v = &section->values[i];
        if (strcmp(v->spec->name, "labels") != 0 || l->args->label_count == 0)
            continue;
        v->raw = v->text = config_labels_text(l->arena, labels);
        v->where = "--label";
    }
}

static void load_agent_labels(struct loader *l, const struct config_section *section)
{
    struct agent_options *agent = &l->config->agent;
    struct err err;
    const struct sink_label *labels = config_labels(l->arena, NULL, agent->labels, &err);

    if (labels == NULL) {
        problem_of(l, section, "labels", err.msg);
        labels = config_labels(l->arena, NULL, "", &err);
    }
    for (size_t i = 0; i < l->args->label_count; i++) {
        const struct sink_label *more = config_label_add(l->arena, labels, l->args->labels[i], &err);
        if (more == NULL)
            config_problem(l->errors, PROBLEM_USAGE, "--label", "%s", err.msg);
        else
            labels = more;
    }
    agent->label_list = labels;
    note_labels(l, section, labels);
}

static void load_agent(struct loader *l)
{
    struct agent_options *agent = &l->config->agent;
    const struct option_binding tables[] = { { config_agent_specs, agent }, { 0 } };

    const struct config_section *section =
        config_fill(l->arena, config_agent_section(l), tables, (l->needs & CONFIG_LENIENT) != 0, l->errors);
    l->config->memory->agent = section;
    load_agent_labels(l, section);
    if (agent->collect_timeout_ms > agent->interval_ms)
        problem_of(l, section, "collect_timeout", "must not be longer than the interval");
    if (agent->collect_timeout_ms == 0) {
        int64_t most = agent->interval_ms / 10 * 9;
        agent->collect_timeout_ms = most < COLLECT_TIMEOUT_MOST_MS ? most : COLLECT_TIMEOUT_MOST_MS;
    }
}

/* "unknown type" with the types there are. `names` is NULL-terminated. */
static void unknown_type(struct loader *l, const struct raw_section *raw, const char *const *names)
{
    char all[200] = "", hint[80];

    for (const char *const *n = names; *n != NULL; n++) {
        size_t used = strlen(all);
        snprintf(all + used, sizeof(all) - used, "%s%s", used > 0 ? ", " : "", *n);
    }
    config_hint(hint, sizeof(hint), raw->type, names);
    config_problem(l->errors, PROBLEM_FILE, raw->where, "[%s %s]: unknown type of %s, expected one of: %s%s", raw->kind,
                   raw->name, raw->kind, all, hint);
}

static void load_source(struct loader *l, const struct raw_section *raw)
{
    const struct source_ops *ops = source_find(raw->type);

    if (ops == NULL) {
        const char *names[CONFIG_KNOWN_MAX] = { 0 };
        for (size_t i = 0; source_registry[i] != NULL && i + 1 < CONFIG_KNOWN_MAX; i++)
            names[i] = source_registry[i]->name;
        unknown_type(l, raw, names);
        return;
    }
    struct config_source *source = &l->config->sources[l->config->source_count++];
    const char *blank = strchr(raw->name, ' ');
    *source = (struct config_source){
        .ops = ops,
        .name = raw->name,
        .key = blank != NULL ? blank + 1 : raw->name,
        .where = raw->where,
        .self = xcalloc(1, ops->size),
    };
    const struct option_binding tables[] = { { ops->options, source->self }, { 0 } };
    bool is_lenient = (l->needs & CONFIG_LENIENT) != 0 && (l->needs & CONFIG_NEEDS_SOURCE) == 0;
    source->section = config_fill(l->arena, raw, tables, is_lenient, l->errors);
}

static void load_sink_selection(struct loader *l, struct config_sink *sink)
{
    struct sink_common *common = &sink->common;
    struct err err;

    common->wanted_families = arena_alloc(l->arena, (family_count + 1) * sizeof(bool));
    if (family_select(common->metrics, common->wanted_families, &err) < 0)
        problem_of(l, sink->section, "metrics", err.msg);
    if (config_select_tables(common->tables, common->wanted_tables, &err) < 0)
        problem_of(l, sink->section, "tables", err.msg);
    /* A label from --label is above those of the file, the sink's own included: so they are put on last, once more. */
    common->label_list = config_labels(l->arena, l->config->agent.label_list, common->labels, &err);
    if (common->label_list == NULL) {
        problem_of(l, sink->section, "labels", err.msg);
        common->label_list = l->config->agent.label_list;
    }
    for (size_t i = 0; i < l->args->label_count; i++) {
        const struct sink_label *more = config_label_add(l->arena, common->label_list, l->args->labels[i], NULL);
        common->label_list = more != NULL ? more : common->label_list;
    }
}

static void load_sink(struct loader *l, const struct raw_section *raw)
{
    const struct sink_ops *ops = sink_find(raw->type);

    if (ops == NULL) {
        const char *names[CONFIG_KNOWN_MAX] = { 0 };
        for (size_t i = 0; sink_registry[i] != NULL && i + 1 < CONFIG_KNOWN_MAX; i++)
            names[i] = sink_registry[i]->name;
        unknown_type(l, raw, names);
        return;
    }
    struct config_sink *sink = &l->config->sinks[l->config->sink_count++];
    *sink = (struct config_sink){ .ops = ops, .name = raw->name, .where = raw->where, .self = xcalloc(1, ops->size) };
    const struct option_binding tables[] = {
        { ops->options, sink->self }, { config_sink_common_specs, &sink->common }, { 0 }
    };
    sink->section = config_fill(l->arena, raw, tables, (l->needs & CONFIG_LENIENT) != 0, l->errors);
    load_sink_selection(l, sink);
    if (sink->common.patience.retry_longest_ms < sink->common.patience.retry_first_ms)
        problem_of(l, sink->section, "retry_longest", "must not be shorter than retry_first");
}

static void load_all(struct loader *l, const char *kind, void (*load)(struct loader *l, const struct raw_section *raw))
{
    for (size_t i = 0; i < l->raw.count; i++)
        if (!l->raw.sections[i].is_ignored && strcmp(l->raw.sections[i].kind, kind) == 0)
            load(l, &l->raw.sections[i]);
}

/*
 * The history is the one sink that needs not be told where: without a path, and where no sink is named at all, it is history.db
 * in the state directory (the working directory if there is none). A second one ([sink sqlite NAME]) has to say its path.
 * [agent] is loaded by now.
 */
static void place_history(struct loader *l)
{
    const struct sink_ops *ops = sink_find("sqlite");
    const char *directory = l->config->agent.state_dir;

    if (ops == NULL)
        return;
    if ((l->needs & CONFIG_NEEDS_SINK) != 0 && l->args->to_count == 0 && config_count_sections(l, "sink") == 0) {
        raw_add_section(&l->raw, "sink", ops->name, ops->name, "built-in");
        l->config->used_default_sink = true;
    }
    struct raw_section *s = raw_find_section(&l->raw, "sink", ops->name);
    if (s == NULL)
        return;
    struct raw_entry *e = raw_find_entry(s, ops->address_option);
    char *path = directory[0] != '\0' ? xasprintf("%s/%s", directory, DEFAULT_HISTORY) : xstrdup(DEFAULT_HISTORY);
    if (e == NULL)
        raw_add_entry(&l->raw, s, ops->address_option, path, "default");
    else if (e->text[0] == '\0')
        e->text = arena_strndup(l->arena, path, strlen(path));
    free(path);
}

static void check_needs(struct loader *l)
{
    if ((l->needs & CONFIG_NEEDS_SOURCE) == 0 || l->config->source_count > 0 || l->errors->errors > 0)
        return;
    if (l->config->file != NULL)
        config_problem(l->errors, PROBLEM_FILE, l->config->file,
                       "no source: add a [source %s] section, give -n HOST:PORT or set NAMESRV_ADDR", source_registry[0]->name);
    else
        config_problem(l->errors, PROBLEM_USAGE, "no source",
                       "give -n HOST:PORT, set NAMESRV_ADDR, or write a [source %s] section into " CONFIG_DEFAULT_FILE,
                       source_registry[0]->name);
}

static void load(struct loader *l)
{
    read_config_file(l);
    config_add_arguments(l);
    load_agent(l);
    place_history(l);
    l->config->sources = arena_alloc(l->arena, (config_count_sections(l, "source") + 1) * sizeof(struct config_source));
    l->config->sinks = arena_alloc(l->arena, (config_count_sections(l, "sink") + 1) * sizeof(struct config_sink));
    load_all(l, "source", load_source);
    load_all(l, "sink", load_sink);
    check_needs(l);
    config_hash(l->config, l->config->hash);
}

int config_load(const struct config_args *args, unsigned needs, struct config **out, struct config_errors *errors)
{
    struct config *config = xcalloc(1, sizeof(*config));

    config->memory = xcalloc(1, sizeof(*config->memory));
    arena_init(&config->memory->arena);
    struct loader l = { .args = args, .needs = needs, .config = config, .arena = &config->memory->arena, .errors = errors };
    l.raw.arena = l.arena;
    load(&l);
    raw_fini(&l.raw);
    if (errors->errors > 0) {
        config_free(config);
        return -1;
    }
    *out = config;
    return 0;
}

struct config *config_hold(struct config *config)
{
    config->holders++;
    return config;
}

void config_free(struct config *config)
{
    if (config == NULL || config->holders-- > 0)
        return;
    for (size_t i = 0; i < config->source_count; i++)
        free(config->sources[i].self);
    for (size_t i = 0; i < config->sink_count; i++)
        free(config->sinks[i].self);
    arena_fini(&config->memory->arena);
    free(config->memory);
    free(config);
}
