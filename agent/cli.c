/*
 * cli.c - argument parsing and help for every command. See cli.h.
 *
 * getopt_long does the walking; what it would let pass is refused here: abbreviated long options (it takes --int for
 * --interval) and values of the wrong form. All messages name the command, what was given and what was expected.
 */
#include "agent/cli.h"

#include "agent/base/num.h"
#include "agent/base/xalloc.h"

#include <assert.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 48
#define LONG_VALUE 256 /* getopt's val of the option at index 0: above every letter */
#define HELP_WIDTH 80
#define HELP_COLUMN_MAX 30


static const char *const colors[] = { "auto", "always", "never", NULL };

/* offset is into struct cli; --help has none. */
static const struct {
    unsigned group; /* enum cli_common; 0: every command */
    struct cli_option option;
} common_options[] = {
    { CLI_CONFIG, CLI_OPTION("config", 'c', CLI_TEXT, struct cli, config.file, "FILE", "configuration file") },
    { CLI_SOURCE, CLI_OPTION("namesrv", 'n', CLI_TEXT, struct cli, config.namesrv, "ADDR", "name servers: host:9876;host:9876") },
    { CLI_SINKS, CLI_OPTION("to", 0, CLI_LIST, struct cli, to, "URL", "deliver there (may be repeated)") },
    { CLI_AGENT, CLI_OPTION("interval", 0, CLI_TEXT, struct cli, config.interval, "TIME", "between collections: 10s, 1m") },
    { CLI_AGENT, CLI_OPTION("state-dir", 0, CLI_TEXT, struct cli, config.state_dir, "DIR", "what must survive a restart") },
    { CLI_AGENT, CLI_OPTION("label", 0, CLI_LIST, struct cli, labels, "NAME=VALUE", "put on everything (may be repeated)") },
    { CLI_CONFIG, CLI_OPTION("set", 0, CLI_LIST, struct cli, set, "NAME=VALUE", "any option of the file: agent.interval=5s") },
    { 0, { .name = "color", .type = CLI_CHOICE, .offset = offsetof(struct cli, color), .arg = "WHEN",
           .help = "auto, always or never", .choices = colors } },
    { 0, CLI_OPTION("verbose", 'v', CLI_FLAG, struct cli, is_verbose, NULL, "log more") },
    { 0, { .name = "help", .letter = 'h', .type = CLI_FLAG, .offset = (size_t)-1, .help = "this text" } },
};

/* One option as parsed: the command's own or a common one. */
struct slot {
    const struct cli_option *option;
    void *base; /* NULL: --help */
    char letter; /* 0 where the command's own options took it */
};

struct parser {
    const struct cli_command *command;
    struct cli *cli;
    struct slot slots[OPTIONS_MAX];
    int count;
    int list_capacity; /* no list gets longer than argc */
};

/* The table ------------------------------------------------------------------------------------------------------- */

static bool has_letter(const struct parser *p, char letter)
{
    for (int i = 0; i < p->count; i++)
        if (p->slots[i].letter == letter)
            return true;
    return false;
}

static void add_slot(struct parser *p, const struct cli_option *option, void *base)
{
    assert(p->count < OPTIONS_MAX);
    char letter = option->letter != 0 && has_letter(p, option->letter) ? 0 : option->letter;
    p->slots[p->count++] = (struct slot){ option, base, letter };
}

/* The command's own options first: their letters win, and help shows them first. */
static void gather_options(struct parser *p, const struct cli_command *command, struct cli *cli, void *fields)
{
    p->command = command;
    p->cli = cli;
    for (const struct cli_option *o = command->options; o != NULL && o->name != NULL; o++)
        add_slot(p, o, fields);
    for (size_t i = 0; i < sizeof(common_options) / sizeof(common_options[0]); i++) {
        bool is_help = common_options[i].option.offset == (size_t)-1;
        if (common_options[i].group == 0 || (common_options[i].group & command->common) != 0)
            add_slot(p, &common_options[i].option, is_help ? NULL : cli);
    }
}

/* Values ---------------------------------------------------------------------------------------------------------- */

static void append(struct parser *p, struct cli_list *list, const char *text)
{
    struct cli *cli = p->cli;

    if (list->items == NULL) {
        list->items = xcalloc((size_t)p->list_capacity, sizeof(*list->items));
        cli->lists = xrealloc(cli->lists, cli->list_count + 1, sizeof(*cli->lists));
        cli->lists[cli->list_count++] = list->items;
    }
    list->items[list->count++] = text;
}

static int set_number(struct parser *p, const struct cli_option *o, int64_t *field, const char *text)
{
    int64_t value;
    bool is_plain = num_to_i64(text, strlen(text), &value) == 0 && value >= 0;

    if (o->type == CLI_INT && !is_plain)
        return cli_usage_error(p->command, "--%s %s: expected a whole number", o->name, text);
    if (o->type == CLI_DURATION && is_plain && __builtin_mul_overflow(value, 1000, &value))
        is_plain = false;
    if (o->type == CLI_DURATION && !is_plain && num_to_duration_ms(text, &value) < 0)
        return cli_usage_error(p->command, "--%s %s: expected a duration such as 10s or 5m", o->name, text);
    *field = value;
    return CLI_GO;
}

static int set_choice(struct parser *p, const struct cli_option *o, int *field, const char *text)
{
    char all[200] = "";

    for (int i = 0; o->choices[i] != NULL; i++) {
        if (strcmp(o->choices[i], text) == 0) {
            *field = i;
            return CLI_GO;
        }
        size_t used = strlen(all);
        snprintf(all + used, sizeof(all) - used, "%s%s", i > 0 ? ", " : "", o->choices[i]);
    }
    const char *near = option_nearest(text, o->choices);
    if (near != NULL)
        return cli_usage_error(p->command, "--%s %s: expected one of %s (did you mean %s?)", o->name, text, all, near);
    return cli_usage_error(p->command, "--%s %s: expected one of %s", o->name, text, all);
}

static int set_field(struct parser *p, const struct slot *slot, const char *text)
{
    const struct cli_option *o = slot->option;
    void *field = (char *)slot->base + o->offset;

    if (text == NULL)
        text = o->implied;
    switch (o->type) {
    case CLI_FLAG:
        *(bool *)field = true;
        return CLI_GO;
    case CLI_TEXT:
        *(const char **)field = text;
        return CLI_GO;
    case CLI_LIST:
        append(p, field, text);
        return CLI_GO;
    case CLI_INT:
    case CLI_DURATION:
        return set_number(p, o, field, text);
    case CLI_CHOICE:
        return set_choice(p, o, field, text);
    }
    return CLI_GO;
}

/* Walking --------------------------------------------------------------------------------------------------------- */

static void fill_getopt(const struct parser *p, char *letters, struct option *longs)
{
    *letters++ = ':'; /* "missing value" and "unknown" are told apart, and nothing is printed */
    for (int i = 0; i < p->count; i++) {
        const struct cli_option *o = p->slots[i].option;
        bool has_value = o->type != CLI_FLAG;
        longs[i] = (struct option){
            .name = o->name,
            .has_arg = !has_value ? no_argument : o->implied != NULL ? optional_argument : required_argument,
            .val = LONG_VALUE + i,
        };
        if (p->slots[i].letter == 0)
            continue;
        *letters++ = p->slots[i].letter;
        if (has_value && o->implied == NULL)
            *letters++ = ':';
    }
    *letters = '\0';
    longs[p->count] = (struct option){ 0 };
}

static const struct slot *find_slot(const struct parser *p, int value)
{
    if (value >= LONG_VALUE && value < LONG_VALUE + p->count)
        return &p->slots[value - LONG_VALUE];
    for (int i = 0; i < p->count; i++)
        if (p->slots[i].letter != 0 && p->slots[i].letter == value)
            return &p->slots[i];
    return NULL;
}

/* "--tpoic=x" -> did you mean --topic? A text that begins exactly one option's name means that one. */
static int unknown_long(const struct parser *p, const char *given)
{
    const char *known[OPTIONS_MAX + 1], *begun = NULL;
    char name[64];
    int begins = 0;

    snprintf(name, sizeof(name), "%.*s", (int)strcspn(given, "="), given);
    for (int i = 0; i < p->count; i++) {
        known[i] = p->slots[i].option->name;
        if (strncmp(known[i], name, strlen(name)) == 0) {
            begun = known[i];
            begins++;
        }
    }
    known[p->count] = NULL;
    const char *near = begins == 1 ? begun : option_nearest(name, known);
    if (near != NULL)
        return cli_usage_error(p->command, "unknown option --%s (did you mean --%s?)", name, near);
    return cli_usage_error(p->command, "unknown option --%s", name);
}

/* getopt_long said '?' or ':'; arg is the word it was looking at. */
static int bad_option(const struct parser *p, int result, const char *arg)
{
    const struct slot *slot = find_slot(p, optopt);

    if (result == ':' && slot != NULL)
        return cli_usage_error(p->command, "--%s: %s is missing", slot->option->name, slot->option->arg);
    if (slot != NULL)
        return cli_usage_error(p->command, "--%s takes no value", slot->option->name);
    if (optopt != 0)
        return cli_usage_error(p->command, "unknown option -%c", optopt);
    return unknown_long(p, strncmp(arg, "--", 2) == 0 ? arg + 2 : arg);
}

/* Was this long option written in full? getopt_long has just taken it, and its value if that was a word of its own. */
static const char *abbreviation(const struct parser *p, int value, char **argv)
{
    const struct cli_option *o = p->slots[value - LONG_VALUE].option;
    const char *word = optarg != NULL && optarg == argv[optind - 1] ? argv[optind - 2] : argv[optind - 1];

    word += 2;
    return strcspn(word, "=") == strlen(o->name) ? NULL : word;
}

static int walk(struct parser *p, int argc, char **argv, bool *wants_help)
{
    char letters[2 * OPTIONS_MAX + 2];
    struct option longs[OPTIONS_MAX + 1];
    int result;

    fill_getopt(p, letters, longs);
    opterr = 0;
    optind = 0; /* glibc: begin anew */
    while ((result = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (result == '?' || result == ':')
            return bad_option(p, result, argv[optind - 1]);
        const char *shortened = result >= LONG_VALUE ? abbreviation(p, result, argv) : NULL;
        if (shortened != NULL)
            return unknown_long(p, shortened);
        const struct slot *slot = find_slot(p, result);
        if (slot->base == NULL) {
            *wants_help = true;
            return CLI_GO;
        }
        int code = set_field(p, slot, optarg);
        if (code != CLI_GO)
            return code;
    }
    return CLI_GO;
}

static int check_operands(const struct cli_command *command, const struct cli *cli)
{
    if (cli->operand_count < command->operands_min)
        return cli_usage_error(command, "an argument is missing: mqpush %s %s", command->word, command->synopsis);
    if (command->operands_max >= 0 && cli->operand_count > command->operands_max)
        return cli_usage_error(command, "%s: unexpected argument", cli->operands[command->operands_max]);
    return CLI_GO;
}

/* The lists of struct cli as config_load wants them. */
static void hand_over_lists(struct cli *cli)
{
    cli->config.to = cli->to.items;
    cli->config.to_count = cli->to.count;
    cli->config.labels = cli->labels.items;
    cli->config.label_count = cli->labels.count;
    cli->config.set = cli->set.items;
    cli->config.set_count = cli->set.count;
    if (cli->is_verbose)
        cli->config.log_level = "debug";
}

int cli_parse(const struct cli_command *command, int argc, char **argv, struct cli *cli, void *fields)
{
    struct parser p = { .list_capacity = argc };
    bool wants_help = false;

    assert(fields != NULL || command->options == NULL);
    *cli = (struct cli){ .command = command };
    gather_options(&p, command, cli, fields);
    int code = walk(&p, argc, argv, &wants_help);
    if (code == CLI_GO && wants_help) {
        cli_help(command, stdout);
        code = cli_finish(command, EXIT_DONE);
    } else if (code == CLI_GO) {
        cli->operands = (const char **)argv + optind;
        cli->operand_count = argc - optind;
        code = check_operands(command, cli);
    }
    if (code != CLI_GO)
        cli_fini(cli);
    else
        hand_over_lists(cli);
    return code;
}

void cli_fini(struct cli *cli)
{
    for (size_t i = 0; i < cli->list_count; i++)
        free(cli->lists[i]);
    free(cli->lists);
    cli->lists = NULL;
    cli->list_count = 0;
}

/* Help ------------------------------------------------------------------------------------------------------------ */

/* "-c, --config FILE", "    --watch[=SEC]" */
static int option_text(char *text, size_t size, const struct slot *slot)
{
    const struct cli_option *o = slot->option;
    char letter[5] = "    ";

    if (slot->letter != 0)
        snprintf(letter, sizeof(letter), "-%c, ", slot->letter);
    if (o->arg == NULL)
        return snprintf(text, size, "%s--%s", letter, o->name);
    return snprintf(text, size, o->implied != NULL ? "%s--%s[=%s]" : "%s--%s %s", letter, o->name, o->arg);
}

/* "  left    what", where what goes below if left is too wide, and is broken at blanks when it is too long. */
static void put_row(FILE *to, const char *left, int column, const char *what)
{
    int used = fprintf(to, "  %s", left);

    if (used + 2 > column) {
        fputc('\n', to);
        used = 0;
    }
    while (*what != '\0') {
        size_t len = strlen(what), room = (size_t)(HELP_WIDTH - column);
        if (len > room) {
            len = room;
            while (len > 0 && what[len] != ' ')
                len--;
            if (len == 0)
                len = strlen(what);
        }
        fprintf(to, "%*s%.*s\n", column - used, "", (int)len, what);
        what += len + strspn(what + len, " ");
        used = 0;
    }
}

static int column_for(int widest)
{
    return widest + 4 < HELP_COLUMN_MAX ? widest + 4 : HELP_COLUMN_MAX;
}

static void put_examples(const struct cli_command *command, FILE *to)
{
    int widest = 0;

    for (const struct cli_example *e = command->examples; e != NULL && e->line != NULL; e++)
        widest = (int)strlen(e->line) > widest ? (int)strlen(e->line) : widest;
    for (const struct cli_example *e = command->examples; e != NULL && e->line != NULL; e++) {
        bool fits = widest + 4 + (int)strlen(e->what) <= HELP_WIDTH;
        if (fits)
            fprintf(to, "  %-*s  %s\n", widest, e->line, e->what);
        else
            fprintf(to, "  %s\n      %s\n", e->line, e->what);
    }
}

static void put_words(const struct cli_command *command, FILE *to)
{
    int widest = 0;

    for (const struct cli_word *w = command->words; w->word != NULL; w++)
        widest = (int)strlen(w->word) > widest ? (int)strlen(w->word) : widest;
    for (const struct cli_word *w = command->words; w->word != NULL; w++)
        put_row(to, w->word, column_for(widest), w->help);
}

void cli_help(const struct cli_command *command, FILE *to)
{
    struct parser p = { 0 };
    char text[80];
    int widest = 0;

    gather_options(&p, command, NULL, NULL);
    fprintf(to, "usage: mqpush %s %s\n%s\n\n", command->word, command->synopsis, command->help);
    put_examples(command, to);
    if (command->words != NULL) {
        fputc('\n', to);
        put_words(command, to);
    }
    fputc('\n', to);
    for (int i = 0; i < p.count; i++) {
        int len = option_text(text, sizeof(text), &p.slots[i]);
        if (len > widest && len + 4 <= HELP_COLUMN_MAX)
            widest = len;
    }
    for (int i = 0; i < p.count; i++) {
        option_text(text, sizeof(text), &p.slots[i]);
        put_row(to, text, column_for(widest), p.slots[i].option->help);
    }
}
