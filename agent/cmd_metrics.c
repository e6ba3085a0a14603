/*
 * cmd_metrics.c - `mqpush metrics`: every metric, from the one table that produces them.
 *
 * agent/METRICS.md is what `mqpush metrics -o md` prints; tests/integration/test_metrics_doc.sh holds the two together.
 */
#include "agent/cli.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/family.h"
#include "agent/view/format.h"
#include "agent/view/out.h"
#include "agent/view/term.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_TSV, OUTPUT_MD, OUTPUT_MAN };

static const char *const output_names[] = { "table", "json", "tsv", "md", "man", NULL };

struct metrics_args {
    int output;
    int64_t width;
};

static const struct cli_option options[] = {
    { .name = "output", .letter = 'o', .type = CLI_CHOICE, .offset = offsetof(struct metrics_args, output), .arg = "FORMAT",
      .help = "table json tsv md man", .choices = output_names },
    CLI_OPTION("width", 0, CLI_INT, struct metrics_args, width, "COLUMNS", "of the screen; 0: cut nothing"),
    { 0 },
};

static const struct cli_example examples[] = {
    { "mqpush metrics", "every name, type and meaning" },
    { "mqpush metrics rocketmq_group_diff", "all about one" },
    { "mqpush metrics 'mq_*' -o json", "for scripts" },
    { 0 },
};

/* ---- the families as a grid ---- */

enum field { FIELD_NAME, FIELD_TYPE, FIELD_UNIT, FIELD_LABELS, FIELD_HELP, FIELD_FORMULA, FIELD_DIFFERS };

#define FORMULA_MAX 256

struct listing {
    const unsigned *families; /* indexes, by row */
    const enum field *fields; /* by column */
    struct buf labels;        /* the text of the cell asked for last, as is formula */
    char formula[FORMULA_MAX];
};

static struct cell text_cell(const char *text)
{
    if (text == NULL)
        return (struct cell){ .kind = CELL_ABSENT };
    return (struct cell){ .kind = CELL_TEXT, .text = text, .len = (uint32_t)strlen(text) };
}

static const char *join_labels(struct buf *to, const struct family *f)
{
    buf_reset(to);
    for (const struct family_label *label = f->labels; label->name != NULL; label++) {
        buf_puts(to, label != f->labels ? "," : "");
        buf_puts(to, label->name);
    }
    buf_putc(to, '\0');
    return to->data;
}

static struct cell listing_cell(const void *ctx, uint32_t row, unsigned column)
{
    struct listing *listing = (struct listing *)ctx;
    const struct family *f = &families[listing->families[row]];

    switch (listing->fields[column]) {
    case FIELD_NAME:
        return text_cell(f->name);
    case FIELD_TYPE:
        return text_cell(family_type_name(f->type));
    case FIELD_UNIT:
        return text_cell(f->unit);
    case FIELD_LABELS:
        return text_cell(join_labels(&listing->labels, f));
    case FIELD_HELP:
        return text_cell(f->help);
    case FIELD_FORMULA:
        return text_cell(family_formula(f, listing->formula, sizeof(listing->formula)));
    case FIELD_DIFFERS:
        return text_cell(f->differs);
    }
    return text_cell(NULL);
}


/* ---- the formats ---- */

static const struct grid_column known_columns[] = {
    [FIELD_NAME] = { .name = "name", .title = "NAME", .cut = CUT_NEVER },
    [FIELD_TYPE] = { .name = "type", .title = "TYPE", .cut = CUT_NEVER },
    [FIELD_UNIT] = { .name = "unit", .title = "UNIT", .cut = CUT_NEVER },
    [FIELD_LABELS] = { .name = "labels", .title = "LABELS" },
    [FIELD_HELP] = { .name = "help", .title = "MEANING", .cut = CUT_END },
    [FIELD_FORMULA] = { .name = "formula", .title = "FROM" },
    [FIELD_DIFFERS] = { .name = "differs", .title = "DIFFERS FROM THE OFFICIAL EXPORTER" },
};

#define FIELD_COUNT (sizeof(known_columns) / sizeof(known_columns[0]))

static const enum field all_fields[] = {
    FIELD_NAME, FIELD_TYPE, FIELD_UNIT, FIELD_LABELS, FIELD_HELP, FIELD_FORMULA, FIELD_DIFFERS,
};
static const enum field table_fields[] = { FIELD_NAME, FIELD_TYPE, FIELD_UNIT, FIELD_HELP };

/* The last column of a document stands only where some metric does differ. */
static unsigned count_fields(enum output output, const unsigned *chosen, uint32_t count)
{
    if (output == OUTPUT_TABLE)
        return sizeof(table_fields) / sizeof(table_fields[0]);
    for (uint32_t i = 0; output == OUTPUT_MD && i < count; i++)
        if (families[chosen[i]].differs != NULL)
            return FIELD_COUNT;
    return output == OUTPUT_MD ? FIELD_COUNT - 1 : FIELD_COUNT;
}

static void put_grid(struct buf *to, const unsigned *chosen, uint32_t count, const struct cli *cli,
                     const struct metrics_args *args)
{
    struct grid_column columns[FIELD_COUNT];
    struct listing listing = { .families = chosen, .fields = args->output == OUTPUT_TABLE ? table_fields : all_fields };
    struct grid grid = { .columns = columns, .row_count = count, .cell = listing_cell, .ctx = &listing };
    struct people people = { .is_exact = true };
    struct format_head head = { .table = "metrics", .generated_ms = clock_wall_ms(), .coverage = NAN };
    struct format_fitted fitted;
    struct term term;

    buf_init(&listing.labels, 0);
    grid.column_count = count_fields((enum output)args->output, chosen, count);
    for (unsigned c = 0; c < grid.column_count; c++)
        columns[c] = known_columns[listing.fields[c]];
    if (args->output == OUTPUT_JSON)
        format_json(to, &grid, &head);
    else if (args->output == OUTPUT_TSV)
        format_tsv(to, &grid, NULL, true);
    else if (args->output == OUTPUT_MD)
        format_md(to, &grid, &people, &fitted);
    else {
        term_look(&term, STDOUT_FILENO, args->width < 0 ? TERM_WIDTH_AUTO : (long)args->width, cli_use_color(cli, stdout));
        format_table(to, &grid, &people, &term, FORMAT_DROP, &fitted);
    }
    buf_fini(&listing.labels);
}

/* One metric, all that is known about it. */
static void put_card(struct buf *to, const struct family *f)
{
    struct buf labels;
    char formula[FORMULA_MAX];

    buf_init(&labels, 0);
    buf_printf(to, "%s\n\n  %s.\n\n", f->name, f->help);
    buf_printf(to, "  type    %s\n", family_type_name(f->type));
    if (f->unit[0] != '\0')
        buf_printf(to, "  unit    %s\n", f->unit);
    buf_printf(to, "  labels  %s\n", join_labels(&labels, f));
    buf_printf(to, "  from    %s\n", family_formula(f, formula, sizeof(formula)));
    if (f->only_complete)
        buf_puts(to, "  left out where a part is unknown: a sum sent too low would be a lie\n");
    if (f->differs != NULL)
        buf_printf(to, "  differs from the official exporter: %s\n", f->differs);
    buf_fini(&labels);
}

/* Of a document: one for each kind of name. */
static const struct {
    const char *prefix, *title, *text;
} sections[] = {
    { "rocketmq_", "The names of the official exporter",
      "Name, type, labels and meaning are those of the Apache RocketMQ exporter and of its Go counterpart, so dashboards and "
      "alert rules go on working. Where a value differs, it does so on purpose." },
    { "mq_", "Our own names", "The same for every kind of queue system, with the unit in the name." },
    { "mqpush_", "The agent about itself", "What it did, what it cost, what each sink made of it." },
};

static bool is_of_section(const struct family *f, size_t section)
{
    return strncmp(f->name, sections[section].prefix, strlen(sections[section].prefix)) == 0;
}

/* agent/METRICS.md: a section for each kind of name. */
static void put_document(struct buf *to, const bool *wanted, const struct cli *cli, const struct metrics_args *args)
{
    unsigned *chosen = xcalloc(family_count, sizeof(*chosen));

    buf_puts(to, "# Metrics\n\n"
                  "Every metric mqpush knows, from the one table that produces them (`agent/model/family_table.c`): printed by "
                  "`mqpush metrics -o md`.\nA metric whose value is unknown is left out, never sent as 0. A number in the column "
                  "FROM is the request code of the remoting protocol.\n");
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        uint32_t count = 0;
        for (unsigned f = 0; f < family_count; f++)
            if (wanted[f] && is_of_section(&families[f], i))
                chosen[count++] = f;
        if (count == 0)
            continue;
        buf_printf(to, "\n## %s: `%s*`\n\n%s\n\n", sections[i].title, sections[i].prefix, sections[i].text);
        put_grid(to, chosen, count, cli, args);
    }
    free(chosen);
}

/* Text of a manual page: what troff would take for itself is written so that it prints. */
static void put_roff(struct buf *to, const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p == '\\')
            buf_puts(to, "\\e");
        else if (*p == '-')
            buf_puts(to, "\\-");
        else if (p == text && (*p == '.' || *p == '\''))
            buf_printf(to, "\\&%c", *p);
        else
            buf_putc(to, *p);
}

static void put_manual_entry(struct buf *to, const struct family *f, struct buf *labels)
{
    char formula[FORMULA_MAX];

    buf_puts(to, ".TP\n.B ");
    put_roff(to, f->name);
    buf_putc(to, '\n');
    put_roff(to, f->help);
    buf_printf(to, " (%s%s%s). Labels: ", family_type_name(f->type), f->unit[0] != '\0' ? ", " : "", f->unit);
    put_roff(to, join_labels(labels, f));
    buf_puts(to, ". From: ");
    put_roff(to, family_formula(f, formula, sizeof(formula)));
    if (f->differs != NULL) {
        buf_puts(to, ". Differs from the official exporter: ");
        put_roff(to, f->differs);
    }
    buf_puts(to, ".\n");
}

/* agent/man/mqpush-metrics.7 */
static void put_manual(struct buf *to, const bool *wanted, const struct cli *cli, const struct metrics_args *args)
{
    struct buf labels;

    (void)cli;
    (void)args;
    buf_init(&labels, 0);
    buf_puts(to, ".TH MQPUSH\\-METRICS 7 \"\" \"mqpush " MQPUSH_VERSION "\" \"mqpush\"\n.SH NAME\n"
                 "mqpush\\-metrics \\- every metric that mqpush sends\n.SH DESCRIPTION\n"
                 "A metric whose value is unknown is left out, never sent as 0. A number behind \"From\" is the request code of the\n"
                 "remoting protocol.\n");
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        buf_printf(to, ".SH %s\n", sections[i].title);
        put_roff(to, sections[i].text);
        buf_putc(to, '\n');
        for (unsigned f = 0; f < family_count; f++)
            if (wanted[f] && is_of_section(&families[f], i))
                put_manual_entry(to, &families[f], &labels);
    }
    buf_puts(to, ".SH SEE ALSO\nmqpush metrics prints the same as a table, JSON or Markdown.\n");
    buf_fini(&labels);
}

static void put_list(struct buf *to, const bool *wanted, const struct cli *cli, const struct metrics_args *args)
{
    unsigned *chosen = xcalloc(family_count, sizeof(*chosen));
    uint32_t count = 0;

    for (unsigned i = 0; i < family_count; i++)
        if (wanted[i])
            chosen[count++] = i;
    if (count == 1 && args->output == OUTPUT_TABLE)
        put_card(to, &families[chosen[0]]);
    else
        put_grid(to, chosen, count, cli, args);
    free(chosen);
}

/* The operands are patterns as a sink's `metrics` option takes them; none: everything. */
static int select_families(const struct cli *cli, bool *wanted)
{
    struct err err = { 0 };
    struct buf patterns;

    buf_init(&patterns, 0);
    for (int i = 0; i < cli->operand_count; i++)
        buf_printf(&patterns, "%s ", cli->operands[i]);
    buf_puts(&patterns, cli->operand_count == 0 ? "*" : "");
    buf_putc(&patterns, '\0');
    int rc = family_select(patterns.data, wanted, &err);
    buf_fini(&patterns);
    return rc < 0 ? cli_usage_error(&command_metrics, "%s", err.msg) : CLI_GO;
}

static int run_metrics(int argc, char **argv)
{
    struct metrics_args args = { .output = OUTPUT_TABLE, .width = -1 };
    struct cli cli;
    struct out out;
    int code = cli_parse(&command_metrics, argc, argv, &cli, &args);

    if (code != CLI_GO)
        return code;
    bool *wanted = xcalloc(family_count, sizeof(*wanted));
    code = select_families(&cli, wanted);
    if (code == CLI_GO) {
        out_open(&out, false);
        (args.output == OUTPUT_MD    ? put_document
         : args.output == OUTPUT_MAN ? put_manual
                                     : put_list)(&out.buf, wanted, &cli, &args);
        out_close(&out);
        code = EXIT_DONE; /* cli_finish looks whether it could be written */
    }
    int error = errno;
    free(wanted);
    cli_fini(&cli);
    errno = error;
    return cli_finish(&command_metrics, code);
}

const struct cli_command command_metrics = {
    .word = "metrics",
    .help = "every metric, from the one table that produces them",
    .synopsis = "[PATTERN]... [-o FORMAT]",
    .examples = examples,
    .options = options,
    .operands_max = -1,
    .run = run_metrics,
};
