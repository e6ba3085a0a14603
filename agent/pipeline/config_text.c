/*
 * config_text.c - the configuration as text: what is in force (`config show`), what there is (`config reference`, which is
 * conf/mqpush.conf), and its hash. Secrets never leave here in the clear. See config.h.
 */
#include "agent/pipeline/config_parts.h"

#include "agent/base/xalloc.h"
#include "agent/pipeline/secret.h"
#include "agent/pipeline/url.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 120
#define NUMBER_MAX 32
#define ORIGIN_COLUMN 44
#define DAY_MS 86400000LL
#define MASK "********"

/*
 * A reference is shown as it was written: it says where the secret is, not what it is. Otherwise secrets are masked, and
 * passwords in URLs.
 */
char *config_value_shown(const struct config_value *value)
{
    if (value->spec->type == OPT_TYPE_URL)
        return url_masked(value->raw);
    if (secret_has_reference(value->raw))
        return xstrdup(value->raw);
    if (value->spec->type == OPT_TYPE_SECRET)
        return xstrdup(value->text[0] != '\0' ? MASK : "");
    return xstrdup(value->text);
}

char *config_text_shown(const struct config_section *section, const char *option)
{
    for (size_t i = 0; i < section->count; i++)
        if (strcmp(section->values[i].spec->name, option) == 0)
            return config_value_shown(&section->values[i]);
    return NULL;
}

/* FNV-1a: enough to tell two configurations apart in the history, nothing to sign with. */
static uint64_t mix(uint64_t hash, const char *text)
{
    do {
        hash ^= (unsigned char)*text;
        hash *= 0x100000001b3u;
    } while (*text++ != '\0');
    return hash;
}

static uint64_t mix_section(uint64_t hash, const struct config_section *section)
{
    hash = mix(mix(hash, section->kind), section->name);
    for (size_t i = 0; i < section->count; i++) {
        char *shown = config_value_shown(&section->values[i]);
        hash = mix(mix(hash, section->values[i].spec->name), shown);
        free(shown);
    }
    return hash;
}

void config_hash(const struct config *config, char hash[17])
{
    uint64_t sum = mix_section(0xcbf29ce484222325u, config->memory->agent);

    for (size_t i = 0; i < config->source_count; i++)
        sum = mix_section(sum, config->sources[i].section);
    for (size_t i = 0; i < config->sink_count; i++)
        sum = mix_section(sum, config->sinks[i].section);
    snprintf(hash, 17, "%016" PRIx64, sum);
}

/* config show ----------------------------------------------------------------------------------------------------- */

static void show_section(const struct config_section *section, FILE *to)
{
    fprintf(to, "\n[%s%s%s]\n", section->kind, section->name[0] != '\0' ? " " : "", section->name);
    for (size_t i = 0; i < section->count; i++) {
        const struct config_value *v = &section->values[i];
        char *shown = config_value_shown(v);
        int used = fprintf(to, "%s =%s%s", v->spec->name, shown[0] != '\0' ? " " : "", shown);
        fprintf(to, "%*s ; %s\n", used < ORIGIN_COLUMN ? ORIGIN_COLUMN - used : 0, "", v->where != NULL ? v->where : "default");
        free(shown);
    }
}

void config_show(const struct config *config, FILE *to)
{
    fprintf(to, "# in force: %s, hash %s\n", config->file != NULL ? config->file : "no file", config->hash);
    show_section(config->memory->agent, to);
    for (size_t i = 0; i < config->source_count; i++)
        show_section(config->sources[i].section, to);
    for (size_t i = 0; i < config->sink_count; i++)
        show_section(config->sinks[i].section, to);
}

/* config reference ------------------------------------------------------------------------------------------------ */

/* A comment, broken at blanks. */
static void put_comment(FILE *to, const char *text)
{
    while (*text != '\0') {
        size_t len = strlen(text);
        if (len > WIDTH - 2) {
            len = WIDTH - 2;
            while (len > 0 && text[len] != ' ')
                len--;
            if (len == 0)
                len = strcspn(text, " ");
        }
        fprintf(to, "# %.*s\n", (int)len, text);
        text += len + strspn(text + len, " ");
    }
}

static const struct unit {
    const char *name;
    int64_t factor;
} durations[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } },
  sizes[] = { { "TiB", (int64_t)1 << 40 }, { "GiB", 1 << 30 }, { "MiB", 1 << 20 }, { "KiB", 1 << 10 }, { "B", 1 } };

/* In the largest unit that gives a whole number: 1h, 1500ms. */
static void put_number(char *text, size_t size, enum option_type type, int64_t n)
{
    const struct unit *unit = type == OPT_TYPE_DURATION ? durations : sizes;

    snprintf(text, size, "%" PRId64, n);
    if (n == 0 || (type != OPT_TYPE_DURATION && type != OPT_TYPE_SIZE))
        return;
    while (n % unit->factor != 0)
        unit++; /* the last factor is 1 */
    snprintf(text, size, "%" PRId64 "%s", n / unit->factor, unit->name);
}

/* Some limits only keep arithmetic safe; nobody will meet them. */
static bool is_endless(const struct option_spec *spec)
{
    int64_t most = spec->type == OPT_TYPE_DURATION ? 1000 * DAY_MS : spec->type == OPT_TYPE_SIZE ? (int64_t)1 << 40 : 1000000000;

    return spec->max >= most || (spec->min == 0 && spec->max == 0);
}

/* What may be given, where the sentence of help cannot know: "From 1s to 1h.", "One of: ...". */
static void describe_limits(const struct option_spec *spec, char *text, size_t size)
{
    char low[NUMBER_MAX], high[NUMBER_MAX];

    text[0] = '\0';
    if (spec->type == OPT_TYPE_BOOL)
        snprintf(text, size, " yes or no.");
    if (spec->type == OPT_TYPE_ENUM)
        for (size_t i = 0; spec->choices[i] != NULL; i++) {
            size_t used = strlen(text);
            snprintf(text + used, size - used, "%s%s%s", i == 0 ? " One of: " : ", ", spec->choices[i],
                     spec->choices[i + 1] == NULL ? "." : "");
        }
    bool is_number = spec->type == OPT_TYPE_INT || spec->type == OPT_TYPE_DURATION || spec->type == OPT_TYPE_SIZE;
    if (!is_number || (spec->min == 0 && is_endless(spec)))
        return;
    put_number(low, sizeof(low), spec->type, spec->min);
    put_number(high, sizeof(high), spec->type, spec->max);
    if (is_endless(spec))
        snprintf(text, size, " At least %s.", low);
    else
        snprintf(text, size, " From %s to %s.", low, high);
}

static void put_option(FILE *to, const struct option_spec *spec)
{
    char limits[300], *sentence;

    describe_limits(spec, limits, sizeof(limits));
    sentence = xasprintf("%c%s.%s%s", toupper((unsigned char)spec->help[0]), spec->help + 1, limits,
                         spec->fallback == NULL ? " Must be given." : "");
    put_comment(to, sentence);
    free(sentence);
    const char *fallback = spec->fallback != NULL ? spec->fallback : "";
    fprintf(to, "; %s =%s%s\n\n", spec->name, fallback[0] != '\0' ? " " : "", fallback);
}

static void put_options(FILE *to, const struct option_spec *specs)
{
    for (; specs->name != NULL; specs++)
        put_option(to, specs);
}

static void put_title(FILE *to, const char *header, const char *help)
{
    fprintf(to, "\n; [%s]\n", header);
    char *sentence = xasprintf("%c%s.", toupper((unsigned char)help[0]), help + 1);
    put_comment(to, sentence);
    free(sentence);
}

static void put_sink(FILE *to, const struct sink_ops *ops)
{
    char *header = xasprintf("sink %s", ops->name), *schemes = xstrdup(ops->schemes);

    put_title(to, header, ops->help);
    fprintf(to, "# On the command line:");
    for (char *rest, *scheme = strtok_r(schemes, " ", &rest); scheme != NULL; scheme = strtok_r(NULL, " ", &rest))
        fprintf(to, " --to %s:%s", scheme, ops->keeps_scheme ? "//..." : ops->address_option != NULL ? "..." : "");
    fprintf(to, "\n\n");
    put_options(to, ops->options);
    free(header);
    free(schemes);
}

static const char introduction[] =
    "# mqpush.conf - every section and option with its default. minimal.conf is what most sites need.\n"
    "#\n"
    "# A line is a [section], an option, or a comment. What is commented out with ; below is the default: take the ; off to\n"
    "# change it (and off the section's header). Unknown names are errors; `mqpush config check` says all of them at once,\n"
    "# `mqpush config show` what is in force and where it comes from.\n"
    "#\n"
    "#   durations   500ms 10s 5m 2h 30d          sizes   64KiB 10MiB          switches   yes no\n"
    "#   secrets     ${ENV:NAME} ${FILE:/path} ${CREDENTIAL:name} in any value; $${ is a literal ${\n"
    "#   comments    begin with ; or # at the start of a line, or with a blank and ; behind a value:\n"
    "#               \"a:9876;b:9876\" is one value, in \"a:9876 ;b:9876\" the second half is a comment\n"
    "#\n"
    "# A word after the type tells two sections of one type apart: [source rocketmq prod], [sink pushgateway dr].\n"
    "\n"
    "# More files, before the first section; relative to this one. A pattern may match nothing.\n"
    "; include = conf.d/*.conf\n"
    "\n"
    "\n"
    "[agent]\n";

void config_reference(FILE *to)
{
    fputs(introduction, to);
    put_options(to, config_agent_specs);
    for (const struct source_ops *const *s = source_registry; *s != NULL; s++) {
        char *header = xasprintf("source %s", (*s)->name);
        put_title(to, header, (*s)->help);
        fprintf(to, "\n");
        put_options(to, (*s)->options);
        free(header);
    }
    for (const struct sink_ops *const *s = sink_registry; *s != NULL; s++)
        put_sink(to, *s);
    fputs("\n# Every [sink ...] takes these as well.\n\n", to);
    put_options(to, config_sink_common_specs);
}
