/* test_cli.c - arguments to fields, and what is said about wrong ones. */
#include "agent/cli.h"

#include "agent/base/xalloc.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cli.c reaches config_load, which wants to know the sinks and sources there are: none here. */
static const struct option_spec no_options[] = { { 0 } };
static const struct source_ops no_source = { .name = "none", .address_option = "x", .options = no_options };
const struct source_ops *const source_registry[] = { &no_source, NULL };
const struct sink_ops *const sink_registry[] = { NULL };

const struct source_ops *source_find(const char *name)
{
    (void)name;
    return NULL;
}

const struct sink_ops *sink_find(const char *name)
{
    (void)name;
    return NULL;
}

const struct sink_ops *sink_find_scheme(const char *url)
{
    (void)url;
    return NULL;
}

struct look_args {
    const char *topic, *watch;
    struct cli_list groups;
    int64_t top, every_ms;
    int format;
    bool bad;
};

static const char *const formats[] = { "table", "json", "csv", NULL };
static const struct cli_option options[] = {
    CLI_OPTION("topic", 't', CLI_TEXT, struct look_args, topic, "GLOB", "only these topics"),
    CLI_OPTION("group", 0, CLI_LIST, struct look_args, groups, "GLOB", "only these groups"),
    CLI_OPTION("top", 'n', CLI_INT, struct look_args, top, "N", "the first N rows"),
    CLI_OPTION("every", 0, CLI_DURATION, struct look_args, every_ms, "TIME", "how often"),
    CLI_OPTION("bad", 'b', CLI_FLAG, struct look_args, bad, NULL, "only what is wrong"),
    { .name = "format", .letter = 'o', .type = CLI_CHOICE, .offset = offsetof(struct look_args, format), .arg = "FORMAT",
      .help = "table, json or csv, in a sentence that is so long that it has to be broken somewhere behind the middle",
      .choices = formats },
    { .name = "watch", .type = CLI_TEXT, .offset = offsetof(struct look_args, watch), .arg = "SEC", .help = "again and again",
      .implied = "2" },
    { 0 },
};
static const struct cli_word words[] = { { "groups", "who" }, { "topics", "what" }, { 0 } };
static const struct cli_example examples[] = { { "mqpush look --bad", "only trouble" }, { 0 } };
static const struct cli_command command_look = {
    .word = "look", .help = "look at things", .synopsis = "[WHAT] [--bad]",
    .examples = examples, .words = words, .options = options,
    .common = CLI_CONFIG | CLI_SOURCE | CLI_SINKS | CLI_AGENT, .operands_min = 0, .operands_max = 1,
};

static struct look_args args;
static struct cli cli;
static char said[4000], printed[8000];

/* Runs f with stdout and stderr going into files; reads them back. */
static int capture(int (*f)(char **argv, int argc), char **argv, int argc)
{
    FILE *out = tmpfile(), *errors = tmpfile();
    int old_out = dup(1), old_err = dup(2);

    fflush(NULL);
    dup2(fileno(out), 1);
    dup2(fileno(errors), 2);
    int code = f(argv, argc);
    fflush(NULL);
    dup2(old_out, 1);
    dup2(old_err, 2);
    close(old_out);
    close(old_err);
    rewind(out);
    rewind(errors);
    printed[fread(printed, 1, sizeof(printed) - 1, out)] = '\0';
    said[fread(said, 1, sizeof(said) - 1, errors)] = '\0';
    fclose(out);
    fclose(errors);
    return code;
}

static int do_parse(char **argv, int argc)
{
    return cli_parse(&command_look, argc, argv, &cli, &args);
}

/* line: arguments separated by blanks. */
static int parse(const char *line)
{
    static char copy[500];
    static char *argv[40];
    int argc = 0;

    snprintf(copy, sizeof(copy), "look %s", line);
    for (char *rest, *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    argv[argc] = NULL;
    args = (struct look_args){ 0 };
    return capture(do_parse, argv, argc);
}

START_TEST(options_and_operands_mix)
{
    ck_assert_int_eq(parse("--topic T groups -n 5 --group a --group=b --bad --every 5m -o csv"), CLI_GO);
    ck_assert_str_eq(args.topic, "T");
    ck_assert_int_eq(args.top, 5);
    ck_assert_uint_eq(args.groups.count, 2);
    ck_assert_str_eq(args.groups.items[1], "b");
    ck_assert(args.bad);
    ck_assert_int_eq(args.every_ms, 300000);
    ck_assert_int_eq(args.format, 2);
    ck_assert_ptr_null(args.watch);
    ck_assert_int_eq(cli.operand_count, 1);
    ck_assert_int_eq(cli_word(&cli, -1), 0);
    ck_assert_str_eq(said, "");
    cli_fini(&cli);
}
END_TEST

START_TEST(common_options_go_to_the_configuration)
{
    ck_assert_int_eq(parse("-c f.conf --namesrv a:1 --to sqlite:x --to stdout: --interval 5s --state-dir /s --label a=b"
                           " --set x.y=z -v --color always"), CLI_GO);
    ck_assert_str_eq(cli.config.file, "f.conf");
    ck_assert_str_eq(cli.config.namesrv, "a:1");
    ck_assert_uint_eq(cli.config.to_count, 2);
    ck_assert_str_eq(cli.config.to[1], "stdout:");
    ck_assert_str_eq(cli.config.interval, "5s");
    ck_assert_str_eq(cli.config.state_dir, "/s");
    ck_assert_str_eq(cli.config.labels[0], "a=b");
    ck_assert_str_eq(cli.config.set[0], "x.y=z");
    ck_assert_str_eq(cli.config.log_level, "debug");
    ck_assert_int_eq(cli.color, CLI_COLOR_ALWAYS);
    ck_assert(cli_use_color(&cli, stdout));
    ck_assert_int_eq(cli_word(&cli, 7), 7);
    cli_fini(&cli);
}
END_TEST

START_TEST(two_dashes_end_options)
{
    ck_assert_int_eq(parse("--bad -- --topic"), CLI_GO);
    ck_assert_str_eq(cli.operands[0], "--topic");
    cli_fini(&cli);
}
END_TEST

START_TEST(a_value_that_may_be_left_out_is_only_taken_after_an_equals_sign)
{
    ck_assert_int_eq(parse("--watch groups"), CLI_GO);
    ck_assert_str_eq(args.watch, "2");
    ck_assert_str_eq(cli.operands[0], "groups");
    cli_fini(&cli);
    ck_assert_int_eq(parse("--watch=5"), CLI_GO);
    ck_assert_str_eq(args.watch, "5");
    cli_fini(&cli);
}
END_TEST

START_TEST(a_bare_number_is_seconds_on_the_command_line)
{
    ck_assert_int_eq(parse("--every 5"), CLI_GO);
    ck_assert_int_eq(args.every_ms, 5000);
    cli_fini(&cli);
}
END_TEST

static const struct {
    const char *line, *message;
} wrong[] = {
    { "--tpoic x", "mqpush look: unknown option --tpoic (did you mean --topic?)\n" },
    { "--tpoic=x", "unknown option --tpoic (did you mean --topic?)\n" },
    { "--nonsense", "mqpush look: unknown option --nonsense\n" },
    { "--int 5s", "mqpush look: unknown option --int (did you mean --interval?)\n" },
    { "--int=5s", "unknown option --int (did you mean --interval?)\n" },
    { "--to", "mqpush look: --to: URL is missing\n" },
    { "--ba", "unknown option --ba (did you mean --bad?)\n" },
    { "--t x", "unknown option --t" },
    { "-x", "mqpush look: unknown option -x\n" },
    { "-bx", "unknown option -x\n" },
    { "--topic", "mqpush look: --topic: GLOB is missing\n" },
    { "-t", "--topic: GLOB is missing\n" },
    { "--bad=1", "--bad takes no value\n" },
    { "--top 1x", "mqpush look: --top 1x: expected a whole number\n" },
    { "--top -1", "--top -1: expected a whole number\n" },
    { "--every 1h30", "--every 1h30: expected a duration such as 10s or 5m\n" },
    { "--every 9223372036854775807", "expected a duration" },
    { "-o jsn", "--format jsn: expected one of table, json, csv (did you mean json?)\n" },
    { "-o x", "--format x: expected one of table, json, csv\n" },
    { "--color maybe", "--color maybe: expected one of auto, always, never\n" },
    { "groups more", "mqpush look: more: unexpected argument\n" },
};

START_TEST(a_wrong_argument_is_named_and_exits_2)
{
    ck_assert_int_eq(parse(wrong[_i].line), EXIT_USAGE);
    ck_assert_msg(strstr(said, wrong[_i].message) != NULL, "%s: expected \"%s\", got \"%s\"", wrong[_i].line,
                  wrong[_i].message, said);
    ck_assert_str_eq(printed, "");
}
END_TEST

static int do_word(char **argv, int argc)
{
    (void)argv;
    (void)argc;
    return cli_word(&cli, 0);
}

START_TEST(an_unknown_word_is_said_with_the_nearest)
{
    ck_assert_int_eq(parse("topcis"), CLI_GO);
    ck_assert_int_eq(capture(do_word, NULL, 0), -1);
    ck_assert_msg(strstr(said, "mqpush look: unknown word topcis (did you mean topics?)") != NULL, "%s", said);
    cli_fini(&cli);
}
END_TEST

START_TEST(help_comes_from_the_table_and_fits_a_screen)
{
    ck_assert_int_eq(parse("--bad --help --nonsense"), EXIT_DONE);
    ck_assert_str_eq(said, "");
    int lines = 0;
    for (const char *p = printed; *p != '\0'; p = strchr(p, '\n') + 1, lines++)
        ck_assert_msg(strcspn(p, "\n") <= 80, "%s", p);
    ck_assert_int_le(lines, 30);
    ck_assert_msg(strncmp(printed, "usage: mqpush look [WHAT] [--bad]\n", 34) == 0, "%s", printed);
    ck_assert_msg(strstr(printed, "  -t, --topic GLOB        only these topics\n") != NULL, "%s", printed);
    ck_assert_msg(strstr(printed, "      --watch[=SEC]       again and again\n") != NULL, "%s", printed);
    ck_assert_msg(strstr(printed, "  -n, --top N ") != NULL && strstr(printed, "      --namesrv ADDR ") != NULL,
                  "the command's own -n wins over the common one:\n%s", printed);
}
END_TEST

START_TEST(the_nearest_command_is_found)
{
    static const struct cli_command run = { .word = "run" }, status = { .word = "status" };
    static const struct cli_command *const commands[] = { &run, &status, NULL };

    ck_assert_pstr_eq(cli_nearest_command("stauts", commands), "status");
    ck_assert_ptr_null(cli_nearest_command("nonsense", commands));
}
END_TEST

static const struct {
    const char *name, *value, *name2, *value2;
    bool colored;
} environments[] = {
    { "TERM", "xterm", "X", "", false }, /* the test's output is no terminal */
    { "FORCE_COLOR", "1", "X", "", true },
    { "FORCE_COLOR", "0", "X", "", false },
    { "CLICOLOR_FORCE", "1", "TERM", "dumb", true },
    { "NO_COLOR", "1", "FORCE_COLOR", "1", false },
    { "NO_COLOR", "", "FORCE_COLOR", "1", true },
};

START_TEST(colour_is_decided_by_the_usual_variables)
{
    struct cli plain = { 0 };
    FILE *f = fopen("/dev/null", "w");

    unsetenv("NO_COLOR");
    unsetenv("FORCE_COLOR");
    unsetenv("CLICOLOR_FORCE");
    setenv(environments[_i].name, environments[_i].value, 1);
    setenv(environments[_i].name2, environments[_i].value2, 1);
    ck_assert(cli_use_color(&plain, f) == environments[_i].colored);
    plain.color = CLI_COLOR_ALWAYS;
    ck_assert(cli_use_color(&plain, f));
    plain.color = CLI_COLOR_NEVER;
    ck_assert(!cli_use_color(&plain, f));
    fclose(f);
}
END_TEST

static int do_load(char **argv, int argc)
{
    struct config *config = NULL;

    (void)argv;
    (void)argc;
    int code = cli_load_config(&cli, 0, &config);
    config_free(config);
    return code;
}

START_TEST(loading_says_what_is_wrong_and_gives_the_exit_code)
{
    ck_assert_int_eq(parse("-c /nowhere/x.conf"), CLI_GO);
    ck_assert_int_eq(capture(do_load, NULL, 0), EXIT_CONFIG);
    ck_assert_str_eq(said, "/nowhere/x.conf: cannot be read: No such file or directory\n");
    cli_fini(&cli);
    ck_assert_int_eq(parse("-c /dev/null --interval x"), CLI_GO);
    ck_assert_int_eq(capture(do_load, NULL, 0), EXIT_USAGE);
    ck_assert_str_eq(said, "mqpush: --interval: interval = x: expected a duration such as 500ms, 10s, 5m or 30d\n");
    cli_fini(&cli);
    ck_assert_int_eq(parse("-c /dev/null -v"), CLI_GO);
    ck_assert_int_eq(capture(do_load, NULL, 0), CLI_GO);
    ck_assert_int_eq(log_get_level(), LOG_DEBUG);
    cli_fini(&cli);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *s = suite_create("cli");
    TCase *t = tcase_create("cli");

    suite_add_tcase(s, t);
    tcase_add_test(t, options_and_operands_mix);
    tcase_add_test(t, common_options_go_to_the_configuration);
    tcase_add_test(t, two_dashes_end_options);
    tcase_add_test(t, a_value_that_may_be_left_out_is_only_taken_after_an_equals_sign);
    tcase_add_test(t, a_bare_number_is_seconds_on_the_command_line);
    tcase_add_loop_test(t, a_wrong_argument_is_named_and_exits_2, 0, COUNT(wrong));
    tcase_add_test(t, an_unknown_word_is_said_with_the_nearest);
    tcase_add_test(t, help_comes_from_the_table_and_fits_a_screen);
    tcase_add_test(t, the_nearest_command_is_found);
    tcase_add_loop_test(t, colour_is_decided_by_the_usual_variables, 0, COUNT(environments));
    tcase_add_test(t, loading_says_what_is_wrong_and_gives_the_exit_code);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed > 0;
}
