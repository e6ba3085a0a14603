/*
 * test_config.c - configuration from files, command line and environment.
 *
 * The sinks and the source here are the test's own (it defines the registries itself), so that what is tested is how options are
 * read, not which options a real sink has this month; those are held against conf/mqpush.conf by test_conf_file.c.
 */
#include "agent/pipeline/config.h"
#include "agent/pipeline/config_parts.h"
#include "agent/pipeline/secret.h"
#include "agent/pipeline/url.h"

#include "agent/base/xalloc.h"
#include "agent/model/family.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A gateway (keeps the scheme), a history (does not) and one without any address. */
struct gate {
    const char *url, *job, *token;
    int gzip;
    bool delete_on_stop;
};
static const char *const gzip_choices[] = { "auto", "always", "never", NULL };
static const struct option_spec gate_options[] = {
    OPT(OPT_TYPE_URL, struct gate, url, NULL, "where it is"),
    OPT(OPT_TYPE_STR, struct gate, job, "rocketmq", "label job"),
    OPT(OPT_TYPE_SECRET, struct gate, token, "", "bearer token"),
    OPT_CHOICE(struct gate, gzip, "auto", gzip_choices, "compress"),
    OPT(OPT_TYPE_BOOL, struct gate, delete_on_stop, "no", "take the group away"),
    { 0 },
};
struct history {
    const char *path;
    int64_t keep;
};
static const struct option_spec history_options[] = {
    OPT(OPT_TYPE_STR, struct history, path, NULL, "file"),
    OPT_RANGE(OPT_TYPE_DURATION, struct history, keep, "30d", 3600000, INT64_MAX, "how long"),
    { 0 },
};
struct screen {
    int64_t width;
};
static const struct option_spec screen_options[] = {
    OPT_RANGE(OPT_TYPE_INT, struct screen, width, "80", 20, 400, "columns"),
    { 0 },
};

static const struct sink_ops gate = { .name = "gate", .help = "g", .schemes = "http https", .address_option = "url",
                                      .keeps_scheme = true, .options = gate_options, .size = sizeof(struct gate) };
static const struct sink_ops history = { .name = "sqlite", .help = "h", .schemes = "sqlite", .address_option = "path",
                                         .options = history_options, .size = sizeof(struct history) };
static const struct sink_ops screen = { .name = "screen", .help = "s", .schemes = "screen", .options = screen_options,
                                        .size = sizeof(struct screen) };
const struct sink_ops *const sink_registry[] = { &gate, &history, &screen, NULL };

struct rabbit {
    const char *namesrv, *secret_key;
};
static const struct option_spec rabbit_options[] = {
    OPT(OPT_TYPE_STR, struct rabbit, namesrv, NULL, "name servers"),
    OPT(OPT_TYPE_SECRET, struct rabbit, secret_key, "", "key"),
    { 0 },
};
static const struct source_ops rabbit = { .name = "rocketmq", .help = "r", .address_option = "namesrv", .options = rabbit_options,
                                          .size = sizeof(struct rabbit) };
const struct source_ops *const source_registry[] = { &rabbit, NULL };

const struct source_ops *source_find(const char *name)
{
    return strcmp(name, "rocketmq") == 0 ? &rabbit : NULL;
}

const struct sink_ops *sink_find(const char *name)
{
    for (const struct sink_ops *const *s = sink_registry; *s != NULL; s++)
        if (strcmp((*s)->name, name) == 0)
            return *s;
    return NULL;
}

const struct sink_ops *sink_find_scheme(const char *url)
{
    size_t len = strcspn(url, ":");

    if (url[len] != ':')
        return NULL;
    if (strncmp(url, "http:", 5) == 0 || strncmp(url, "https:", 6) == 0)
        return &gate;
    return strncmp(url, "sqlite:", 7) == 0 ? &history : strncmp(url, "screen:", 7) == 0 ? &screen : NULL;
}

/* Each test runs in a process and a directory of its own. */
static char directory[] = "/tmp/test_config.XXXXXX";

static void enter_directory(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    unsetenv("NAMESRV_ADDR");
    unsetenv("MQPUSH_CONFIG");
    unsetenv("STATE_DIRECTORY");
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void leave_directory(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    chmod(path, 0600);
}

static struct config_errors errors;

/* All problems as one text, the way `config check` prints them. */
static char *problems(void)
{
    char *text;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    config_errors_print(&errors, true, f);
    fclose(f);
    return text;
}

static struct config *load_args(struct config_args args, unsigned needs)
{
    struct config *config = NULL;

    config_errors_free(&errors);
    if (args.file == NULL)
        args.file = "/dev/null";
    if (config_load(&args, needs, &config, &errors) < 0) {
        ck_assert_ptr_null(config);
        ck_assert_uint_gt(errors.errors, 0);
        return NULL;
    }
    ck_assert_uint_eq(errors.errors, 0);
    return config;
}

static struct config *load_text(const char *text)
{
    write_file("t.conf", text);
    return load_args((struct config_args){ .file = "t.conf" }, 0);
}

static void expect_good(const struct config *config)
{
    if (config == NULL)
        ck_abort_msg("refused: %s", problems());
}

static void expect_problem(const struct config *config, const char *part)
{
    char *text = problems();

    ck_assert_msg(config == NULL, "expected \"%s\", but it was taken", part);
    ck_assert_msg(strstr(text, part) != NULL, "expected \"%s\" in:\n%s", part, text);
    free(text);
}

static char *shown(const struct config *config)
{
    char *text;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    config_show(config, f);
    fclose(f);
    return text;
}

/* Reading --------------------------------------------------------------------------------------------------------- */

START_TEST(an_empty_file_gives_the_defaults)
{
    struct config *c = load_text("");

    expect_good(c);
    ck_assert_int_eq(c->agent.interval_ms, 60000);
    ck_assert_int_eq(c->agent.collect_timeout_ms, 54000);
    ck_assert_int_eq(c->agent.stop_timeout_ms, 10000);
    ck_assert_int_eq(c->agent.log_level, LOG_INFO);
    ck_assert_str_eq(c->agent.state_dir, "");
    ck_assert_ptr_null(c->agent.label_list[0].name);
    ck_assert_uint_eq(c->source_count + c->sink_count, 0);
    ck_assert(!c->used_default_sink);
    config_free(c);
}
END_TEST

START_TEST(sections_and_options_are_read)
{
    struct config *c = load_text("\xEF\xBB\xBF# comment\n"
                                 "[agent]\n"
                                 "interval = 10s ; every so often\n"
                                 "labels = env=prod, region = eu west\n"
                                 "log_level=debug\r\n"
                                 "\n"
                                 "   [source rocketmq prod]\n"
                                 "      namesrv = 10.0.0.1:9876;10.0.0.2:9876\n"
                                 "[sink gate]\n"
                                 "  url = http://gw:9091\n"
                                 "  gzip = never\n"
                                 "[sink   gate \t dr] ; the other one\n"
                                 "  url : http://dr:9091\n"
                                 "  labels = env=dr, extra=1\n"
                                 "  max_series = 5\n"
                                 "  timeout = 500ms\n"
                                 "[sink screen]");
    expect_good(c);
    ck_assert_int_eq(c->agent.interval_ms, 10000);
    ck_assert_int_eq(c->agent.log_level, LOG_DEBUG);
    ck_assert_uint_eq(c->source_count, 1);
    ck_assert_str_eq(c->sources[0].name, "rocketmq prod");
    ck_assert_str_eq(c->sources[0].key, "prod");
    ck_assert_str_eq(c->sources[0].where, "t.conf:7");
    ck_assert_str_eq(((struct rabbit *)c->sources[0].self)->namesrv, "10.0.0.1:9876;10.0.0.2:9876");
    ck_assert_uint_eq(c->sink_count, 3);
    ck_assert_str_eq(c->sinks[0].name, "gate");
    ck_assert_int_eq(((struct gate *)c->sinks[0].self)->gzip, 2);
    ck_assert_int_eq(c->sinks[0].common.max_series, 200000);
    ck_assert_str_eq(c->sinks[1].name, "gate dr");
    ck_assert_str_eq(((struct gate *)c->sinks[1].self)->url, "http://dr:9091");
    ck_assert_int_eq(c->sinks[1].common.max_series, 5);
    ck_assert_int_eq(c->sinks[1].common.timeout_ms, 500);
    const struct sink_label *labels = c->sinks[1].common.label_list;
    ck_assert_str_eq(labels[0].name, "env");
    ck_assert_str_eq(labels[0].value, "dr");
    ck_assert_str_eq(labels[1].value, "eu west");
    ck_assert_str_eq(labels[2].name, "extra");
    ck_assert_ptr_null(labels[3].name);
    ck_assert_str_eq(c->sinks[0].common.label_list[0].value, "prod");
    ck_assert_str_eq(c->sinks[2].name, "screen");
    ck_assert_str_eq(config_text(c->sinks[1].section, "url"), "http://dr:9091");
    ck_assert_str_eq(config_text(c->sinks[1].section, "job"), "rocketmq");
    ck_assert_ptr_null(config_text(c->sinks[1].section, "nothing"));
    config_free(c);
}
END_TEST

START_TEST(what_was_taken_out_is_not_freed)
{
    struct config *c = load_text("[sink screen]\nwidth = 100\n");

    expect_good(c);
    struct screen *mine = c->sinks[0].self;
    c->sinks[0].self = NULL;
    config_free(c);
    ck_assert_int_eq(mine->width, 100);
    free(mine);
    config_free(NULL);
}
END_TEST

static const struct {
    const char *text, *problem;
} wrong_files[] = {
    { "[agnet]\n", "t.conf:1: [agnet]: unknown section, expected [agent], [source TYPE] or [sink TYPE] (did you mean agent?)" },
    { "[agent]\n[agent]\n", "t.conf:2: [agent]: this section stands already at t.conf:1" },
    { "[sink gate]\nurl=http://a\n[sink gate]\n",
      "t.conf:3: [sink gate]: this section stands already at t.conf:1; a second sink of one type needs a name: [sink gate N" },
    { "[agent x]\n", "there is one agent" },
    { "[sink]\n", "t.conf:1: [sink]: the type is missing" },
    { "[]\n", "t.conf:1: []: expected [agent]" },
    { "[sink gate a b]\n", "a name is one word" },
    { "[sink gat]\nurl = x\n",
      "t.conf:1: [sink gat]: unknown type of sink, expected one of: gate, sqlite, screen (did you mean gate?)" },
    { "[source kafak]\n", "t.conf:1: [source kafak]: unknown type of source, expected one of: rocketmq" },
    { "[agent]\nintervall = 5s\n", "t.conf:2: [agent] has no option intervall (did you mean interval?)" },
    { "[agent]\ninterval = 5s\ninterval = 6s\n", "t.conf:3: interval: this option is set already at t.conf:2" },
    { "[agent]\ninterval = 5\n", "t.conf:2: interval = 5: expected a duration such as 500ms, 10s, 5m or 30d" },
    { "[agent]\ninterval = 2h\n", "t.conf:2: interval = 2h: must lie between 1000 ms and 3600000 ms" },
    { "[agent]\ninterval =\n", "t.conf:2: interval = : expected a duration" },
    { "[agent]\nlog_level = loud\n", "expected one of error, warning, info, debug" },
    { "[agent]\ninterval = 10s\ncollect_timeout = 11s\n", "t.conf:3: collect_timeout: must not be longer than the interval" },
    { "[agent]\nlabels = env\n", "t.conf:2: labels: env: expected name=value" },
    { "[agent]\nlabels = 1a=b\n", "label 1a: a name is made of letters" },
    { "[agent]\nlabels = a=b, a=c\n", "label a: given twice" },
    { "[agent]\nlabels = __a=b\n", "belong to Prometheus" },
    { "[agent]\nlabels = topic=b\n", "have a label of this name already" },
    { "interval = 5s\n", "t.conf:1: interval: expected a section such as [agent] before the first option" },
    { "[agent]\nnonsense\ninterval = 5s\n", "t.conf:2: expected a [section] or option = value" },
    { "[agent]\nnonsense", "t.conf:2: expected a [section] or option = value" },
    { "[agent]\n = 5\n", "t.conf:2: = 5: the option's name is missing" },
    { "[agent\n", "t.conf:1: [agent: the ] is missing" },
    { "[agent] interval = 5s\n", "stands on a line of its own" },
    { "[age;nt]\n", "expected [agent], [source TYPE]" },
    { "[[agent]\n", "expected [agent], [source TYPE]" },
    { "[sink gate 12345678901234567890123456789012345678901]\n", "a section's name of 51 bytes, limit is 49" },
    { "[agent]\ninclude = x.conf\n", "t.conf:2: include: must stand before the first section" },
    { "include = missing.conf\n", "t.conf:1: include: missing.conf: cannot be read: No such file or directory" },
    { "include =\n", "t.conf:1: include: expected a file" },
    { "include = t.conf\n", "t.conf:1: include: t.conf: includes itself" },
    { "[agent]\nstate_dir = a\001b\n", "t.conf:2: control characters" },
    { "[agent]\nstate_dir = a\xff\n", "t.conf:2: control characters or bytes that are not UTF-8" },
    { "[sink gate]\n", "t.conf:1: [sink gate] needs the option url: where it is" },
    { "[sink gate]\nurl = http://a\ndelete_on_stop = maybe\n", "delete_on_stop = maybe: expected yes or no" },
    { "[sink gate]\nurl = http://a\nmetrics = rocketmq_nothing_*\n", "t.conf:3: metrics: rocketmq_nothing_* matches no metric" },
    { "[sink gate]\nurl = http://a\ntables = backlog\n", "t.conf:3: tables: backlog matches no table (did you mean backlogs?)" },
    { "[sink gate]\nurl = http://a\ntables = requests\n", "requests matches no table" }, /* hidden ones are ours */
    { "[sink screen]\nwidth = 12\n", "must lie between 20 and 400" },
    { "[sink screen]\nwidth = 1e2\n", "expected a whole number" },
    { "[sink gate]\nurl = ${HOME}\n", "${HOME}: expected ${ENV:NAME}, ${FILE:/path} or ${CREDENTIAL:name}" },
    { "[sink gate]\nurl = ${ENV:MISSING_VARIABLE}\n",
      "t.conf:2: url: ${ENV:MISSING_VARIABLE}: this environment variable is not set" },
    { "[sink gate]\nurl = ${ENV:A\n", "the } is missing" },
    { "[sink gate]\nurl = ${FILE:a}\n", "expected an absolute path" },
    { "[sink gate]\nurl = ${FILE:/nowhere/x}\n", "${FILE:/nowhere/x}: /nowhere/x: No such file or directory" },
    { "[sink gate]\nurl = ${FILE:/dev/zero}\n", "larger than 65536 bytes" },
    { "[sink gate]\nurl = ${CREDENTIAL:../x}\n", "expected the plain name of a credential" },
    { "[sink gate]\nurl = ${CREDENTIAL:x}\n", "LoadCredential=x:FILE" },
};

START_TEST(a_wrong_file_is_told_apart)
{
    struct config *c = load_text(wrong_files[_i].text);

    expect_problem(c, wrong_files[_i].problem);
    ck_assert_int_eq(config_errors_exit_code(&errors), 78);
}
END_TEST

START_TEST(every_mistake_is_reported_not_only_the_first)
{
    struct config *c = load_text("[agent]\n"
                                 "intervall = 1\n"
                                 "log_level = loud\n"
                                 "nonsense\n"
                                 "[sink]\n"
                                 "this = belongs nowhere and is not counted\n"
                                 "[sink gate]\n"
                                 "gzip = x\n");
    expect_problem(c, "t.conf:2: ");
    expect_problem(c, "t.conf:3: ");
    expect_problem(c, "t.conf:4: ");
    expect_problem(c, "t.conf:5: ");
    expect_problem(c, "t.conf:7: ");
    expect_problem(c, "t.conf:8: ");
    ck_assert_uint_eq(errors.errors, 6);
}
END_TEST

START_TEST(a_thousand_mistakes_end_with_a_word)
{
    char text[10000] = "[agent]\n";

    for (int i = 0; i < 1000; i++)
        strcat(text, "x\n");
    struct config *c = load_text(text);
    expect_problem(c, "and more; the rest is left out");
    ck_assert_uint_eq(errors.count, CONFIG_PROBLEMS_MAX + 1);
}
END_TEST

/* _i: bytes beyond the limit. Debian's libinih takes our limit; elsewhere its own smaller one holds, and the message says so. */
START_TEST(a_line_at_the_limit_is_whole_and_one_past_it_an_error)
{
    char text[CONFIG_LINE_MAX + 100] = "[agent]\nstate_dir = ";
    size_t head = strlen("state_dir = "), start = strlen(text);

    memset(text + start, 'd', CONFIG_LINE_MAX - head + (size_t)_i);
    strcat(text, "\nlog_level = debug\n");
    struct config *c = load_text(text);
    if (_i == 0) {
        expect_good(c);
        ck_assert_uint_eq(strlen(c->agent.state_dir), CONFIG_LINE_MAX - head);
        ck_assert_int_eq(c->agent.log_level, LOG_DEBUG);
        config_free(c);
    } else {
        expect_problem(c, "t.conf:2: a line of 4097 bytes, limit is 4096; long texts can stand in a file of their own: "
                          "${FILE:/path}");
        ck_assert_uint_eq(errors.count, 1);
    }
}
END_TEST

START_TEST(a_value_keeps_semicolons_that_touch_it)
{
    struct config *c = load_text("[source rocketmq]\nnamesrv = a:1;b:2\t;c:3\nsecret_key = a#b ; c\n");

    expect_good(c);
    ck_assert_str_eq(((struct rabbit *)c->sources[0].self)->namesrv, "a:1;b:2");
    ck_assert_str_eq(((struct rabbit *)c->sources[0].self)->secret_key, "a#b");
    config_free(c);
}
END_TEST

START_TEST(a_file_that_is_too_large_is_refused)
{
    FILE *f = fopen("big.conf", "w");

    for (int i = 0; i <= CONFIG_FILE_MAX / 64; i++)
        fprintf(f, "%63s\n", "#");
    fclose(f);
    struct config *c = load_args((struct config_args){ .file = "big.conf" }, 0);
    expect_problem(c, "big.conf: larger than 1048576 bytes");
    c = load_args((struct config_args){ .file = "/dev/zero" }, 0);
    expect_problem(c, "/dev/zero: larger than");
    c = load_args((struct config_args){ .file = "." }, 0);
    expect_problem(c, ".: cannot be read: Is a directory");
    c = load_args((struct config_args){ .file = "none.conf" }, 0);
    expect_problem(c, "none.conf: cannot be read: No such file or directory");
    ck_assert_int_eq(config_errors_exit_code(&errors), 78);
}
END_TEST

/* Includes -------------------------------------------------------------------------------------------------------- */

START_TEST(includes_are_relative_to_the_file_that_names_them)
{
    mkdir("conf.d", 0700);
    mkdir("conf.d/more", 0700);
    write_file("conf.d/b.conf", "[sink screen b]\n");
    write_file("conf.d/a.conf", "include = more/x.conf\n[sink screen a]\n");
    write_file("conf.d/more/x.conf", "[sink screen x]\nwidth = 33\n");
    struct config *c = load_text("include = conf.d/*.conf\ninclude = none.d/*.conf\n[sink screen]\n");
    expect_good(c);
    ck_assert_uint_eq(c->sink_count, 4);
    ck_assert_str_eq(c->sinks[0].name, "screen x");
    ck_assert_int_eq(((struct screen *)c->sinks[0].self)->width, 33);
    ck_assert_str_eq(c->sinks[1].name, "screen a");
    ck_assert_str_eq(c->sinks[2].where, "conf.d/b.conf:1");
    ck_assert_str_eq(c->sinks[3].name, "screen");
    config_free(c);
}
END_TEST

START_TEST(an_include_cannot_go_in_circles)
{
    write_file("a.conf", "include = b.conf\n");
    write_file("b.conf", "include = a.conf\n");
    expect_problem(load_args((struct config_args){ .file = "a.conf" }, 0), "b.conf:1: include: a.conf: includes itself");
}
END_TEST

START_TEST(includes_have_a_depth)
{
    char name[32], text[64];

    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "%d.conf", i);
        snprintf(text, sizeof(text), "include = %d.conf\n", i + 1);
        write_file(name, i < 19 ? text : "");
    }
    expect_problem(load_args((struct config_args){ .file = "0.conf" }, 0), "included more than 8 deep");
    ck_assert_uint_eq(errors.errors, 1);
}
END_TEST

/* Five directories of ten files, each of which includes the whole next one: 111,110 files if nobody counted. */
START_TEST(many_includes_of_many_files_end)
{
    char name[32], text[32];

    for (int depth = 0; depth < 5; depth++) {
        snprintf(name, sizeof(name), "d%d", depth);
        mkdir(name, 0700);
        snprintf(text, sizeof(text), "include = ../d%d/*.conf\n", depth + 1);
        for (int i = 0; i < 10; i++) {
            snprintf(name, sizeof(name), "d%d/%d.conf", depth, i);
            write_file(name, text);
        }
    }
    expect_problem(load_text("include = d0/*.conf\n"), "more than 256 files");
}
END_TEST

/* Secrets --------------------------------------------------------------------------------------------------------- */

START_TEST(references_are_replaced_anywhere_in_a_value)
{
    char text[256];

    setenv("PASSWORD", "p;w ;x", 1);
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    write_file("token", "tok\r\n");
    write_file("two", "a\n\n");
    snprintf(text, sizeof(text),
             "[sink gate]\nurl = http://u:${ENV:PASSWORD}@h\n"
             "token = Bearer ${CREDENTIAL:token}!\njob = $${x} $y ${FILE:%s/two}.\n",
             directory);
    struct config *c = load_text(text);
    expect_good(c);
    const struct gate *g = c->sinks[0].self;
    ck_assert_str_eq(g->url, "http://u:p;w ;x@h");
    ck_assert_str_eq(g->token, "Bearer tok!");
    ck_assert_str_eq(g->job, "${x} $y a\n.");
    config_free(c);
}
END_TEST

START_TEST(no_secret_is_ever_shown)
{
    setenv("KEY", "hunter2", 1);
    struct config *c = load_text("[source rocketmq]\nnamesrv = a:1\nsecret_key = hunter2\n"
                                 "[sink gate]\nurl = https://me:hunter2@gw:9091/x\ntoken = ${ENV:KEY}\njob = ${ENV:KEY}\n");
    expect_good(c);
    char *text = shown(c);
    ck_assert_msg(strstr(text, "hunter2") == NULL, "%s", text);
    ck_assert_ptr_nonnull(strstr(text, "secret_key = ********"));
    ck_assert_ptr_nonnull(strstr(text, "url = https://me:***@gw:9091/x"));
    ck_assert_ptr_nonnull(strstr(text, "token = ${ENV:KEY}"));
    free(text);
    char *address = config_text_shown(c->sinks[0].section, "url");
    ck_assert_str_eq(address, "https://me:***@gw:9091/x");
    free(address);
    config_free(c);
}
END_TEST

START_TEST(a_wrong_value_from_a_reference_is_not_quoted)
{
    setenv("KEY", "hunter2", 1);
    struct config *c = load_text("[sink screen]\nwidth = ${ENV:KEY}\n[agent]\ninterval=${ENV:KEY}\n");

    expect_problem(c, "t.conf:2: width = ${ENV:KEY}: expected a whole number");
    char *text = problems();
    ck_assert_msg(strstr(text, "hunter2") == NULL, "%s", text);
    free(text);
}
END_TEST

START_TEST(a_literal_secret_that_all_may_read_is_a_warning)
{
    struct config_args args = { .file = "t.conf" };

    write_file("t.conf", "[sink gate]\nurl = http://h\ntoken = abc\n[sink gate b]\nurl = http://u:p@h\ntoken = ${ENV:HOME}\n");
    struct config *c = load_args(args, 0);
    expect_good(c);
    ck_assert_uint_eq(errors.count, 0);
    config_free(c);
    chmod("t.conf", 0644);
    c = load_args(args, 0);
    expect_good(c);
    char *text = problems();
    ck_assert_uint_eq(errors.count, 2);
    ck_assert_ptr_nonnull(strstr(text, "t.conf:3: warning: token: a secret in a file that everybody may read"));
    ck_assert_ptr_nonnull(strstr(text, "t.conf:5: warning: url: a secret"));
    ck_assert_int_eq(config_errors_exit_code(&errors), 0);
    free(text);
    config_free(c);
}
END_TEST

START_TEST(who_only_reads_needs_no_credentials)
{
    write_file("t.conf", "[sink sqlite]\npath = h.db\n[sink gate]\nurl = http://h\ntoken = ${CREDENTIAL:t}\n");
    expect_problem(load_args((struct config_args){ .file = "t.conf" }, 0), "t.conf:5: token: ${CREDENTIAL:t}");
    struct config *c = load_args((struct config_args){ .file = "t.conf" }, CONFIG_LENIENT);
    expect_good(c);
    ck_assert_uint_eq(errors.count, 1);
    ck_assert_str_eq(config_text(c->sinks[0].section, "path"), "h.db");
    ck_assert_str_eq(((struct gate *)c->sinks[1].self)->token, "");
    config_free(c);
    write_file("t.conf", "[source rocketmq]\nnamesrv = a:1\nsecret_key = ${CREDENTIAL:t}\n");
    c = load_args((struct config_args){ .file = "t.conf" }, CONFIG_LENIENT);
    expect_good(c);
    config_free(c);
    c = load_args((struct config_args){ .file = "t.conf" }, CONFIG_LENIENT | CONFIG_NEEDS_SOURCE); /* it is to be asked */
    expect_problem(c, "t.conf:3: secret_key: ${CREDENTIAL:t}");
}
END_TEST

/* Command line and environment ------------------------------------------------------------------------------------ */

static const char two_sources[] = "[agent]\ninterval = 30s\nlabels = env=prod\n[source rocketmq a]\nnamesrv = a:1\n"
                                  "[source rocketmq b]\nnamesrv = b:1\n[sink sqlite]\npath = x.db\n";

START_TEST(namesrv_stands_for_the_sources_of_the_file)
{
    write_file("t.conf", two_sources);
    struct config *c = load_args((struct config_args){ .file = "t.conf", .namesrv = "n:9876" }, 0);
    expect_good(c);
    ck_assert_uint_eq(c->source_count, 1);
    ck_assert_str_eq(c->sources[0].name, "rocketmq");
    ck_assert_str_eq(c->sources[0].key, "rocketmq");
    ck_assert_str_eq(c->sources[0].where, "-n");
    ck_assert_str_eq(((struct rabbit *)c->sources[0].self)->namesrv, "n:9876");
    ck_assert_uint_eq(c->sink_count, 1);
    config_free(c);
}
END_TEST

START_TEST(a_section_that_is_not_used_cannot_be_wrong)
{
    const char *to[] = { "screen:" };

    write_file("t.conf", "[source rocketmq]\nnonsense = 1\n[source kafka]\n[sink gate]\nurl = ${CREDENTIAL:x}\n");
    struct config *c = load_args((struct config_args){ .file = "t.conf", .namesrv = "n:1", .to = to, .to_count = 1 }, 0);
    expect_good(c);
    ck_assert_uint_eq(c->sink_count, 1);
    ck_assert_str_eq(c->sinks[0].name, "screen");
    config_free(c);
}
END_TEST

START_TEST(the_environment_names_a_source_only_if_nobody_else_does)
{
    setenv("NAMESRV_ADDR", "e:9876", 1);
    struct config *c = load_args((struct config_args){ 0 }, CONFIG_NEEDS_SOURCE);
    expect_good(c);
    ck_assert_str_eq(((struct rabbit *)c->sources[0].self)->namesrv, "e:9876");
    ck_assert_str_eq(c->sources[0].where, "NAMESRV_ADDR");
    config_free(c);
    c = load_args((struct config_args){ .namesrv = "n:1" }, CONFIG_NEEDS_SOURCE);
    expect_good(c);
    ck_assert_uint_eq(c->source_count, 1);
    ck_assert_str_eq(((struct rabbit *)c->sources[0].self)->namesrv, "n:1");
    config_free(c);
    c = load_text(two_sources);
    expect_good(c);
    ck_assert_uint_eq(c->source_count, 2);
    config_free(c);
}
END_TEST

START_TEST(no_source_says_how_to_name_one)
{
    struct config *c = load_args((struct config_args){ .file = "/dev/null" }, CONFIG_NEEDS_SOURCE);

    expect_problem(c, "/dev/null: no source: add a [source rocketmq] section, give -n HOST:PORT or set NAMESRV_ADDR");
    ck_assert_int_eq(config_errors_exit_code(&errors), 78);
}
END_TEST

START_TEST(no_sink_is_the_history_in_the_state_directory)
{
    struct config *c = load_args((struct config_args){ 0 }, CONFIG_NEEDS_SINK);
    expect_good(c);
    ck_assert(c->used_default_sink);
    ck_assert_str_eq(config_text(c->sinks[0].section, "path"), "history.db");
    config_free(c);
    c = load_args((struct config_args){ .state_dir = "/var/lib/x" }, CONFIG_NEEDS_SINK);
    expect_good(c);
    ck_assert_str_eq(((struct history *)c->sinks[0].self)->path, "/var/lib/x/history.db");
    config_free(c);
    setenv("STATE_DIRECTORY", "/var/lib/unit:/var/lib/other", 1);
    c = load_args((struct config_args){ 0 }, CONFIG_NEEDS_SINK);
    expect_good(c);
    ck_assert_str_eq(((struct history *)c->sinks[0].self)->path, "/var/lib/unit/history.db");
    config_free(c);
    c = load_text("[sink sqlite]\npath =\n");
    expect_good(c);
    ck_assert_str_eq(((struct history *)c->sinks[0].self)->path, "/var/lib/unit/history.db");
    config_free(c);
    c = load_text("[sink screen]\n[sink sqlite]\nkeep = 1d\n");
    expect_good(c);
    ck_assert(!c->used_default_sink);
    ck_assert_str_eq(((struct history *)c->sinks[1].self)->path, "/var/lib/unit/history.db");
    config_free(c);
    expect_problem(load_text("[sink sqlite old]\n"), "[sink sqlite old] needs the option path");
    write_file("t.conf", two_sources);
    c = load_args((struct config_args){ .file = "t.conf" }, CONFIG_NEEDS_SINK);
    expect_good(c);
    ck_assert(!c->used_default_sink);
    ck_assert_uint_eq(c->sink_count, 1);
    config_free(c);
}
END_TEST

START_TEST(urls_become_sinks)
{
    const char *to[] = { "http://user:pw@gw:9091/prefix?job=a%20b&gzip=never&labels=x%3Dy", "sqlite:/abs/my%20file.db?keep=7d",
                         "sqlite:rel.db", "sqlite:///three.db", "screen:?width=40&", "https://x" };
    struct config *c = load_args((struct config_args){ .to = to, .to_count = 6 }, CONFIG_NEEDS_SINK);
    expect_good(c);
    ck_assert_uint_eq(c->sink_count, 6);
    const struct gate *g = c->sinks[0].self;
    ck_assert_str_eq(g->url, "http://user:pw@gw:9091/prefix");
    ck_assert_str_eq(g->job, "a b");
    ck_assert_int_eq(g->gzip, 2);
    ck_assert_str_eq(c->sinks[0].common.label_list[0].value, "y");
    ck_assert_str_eq(c->sinks[0].where, "--to http://user:***@gw:9091/prefix");
    ck_assert_str_eq(((struct history *)c->sinks[1].self)->path, "/abs/my file.db");
    ck_assert_int_eq(((struct history *)c->sinks[1].self)->keep, 7 * 86400000LL);
    ck_assert_str_eq(((struct history *)c->sinks[2].self)->path, "rel.db");
    ck_assert_str_eq(c->sinks[2].name, "sqlite 2");
    ck_assert_str_eq(((struct history *)c->sinks[3].self)->path, "/three.db");
    ck_assert_int_eq(((struct screen *)c->sinks[4].self)->width, 40);
    ck_assert_str_eq(c->sinks[5].name, "gate 2");
    config_free(c);
}
END_TEST

static const struct {
    const char *url, *problem;
} wrong_urls[] = {
    { "htp://gw", "mqpush: --to htp://gw: unknown scheme, expected one of: http, https, sqlite, screen (did you mean http?)" },
    { "gw:9091", "--to gw:9091: unknown scheme" },
    { "screen", "expected a URL that begins with one of: http, https, sqlite, screen (did you mean screen:?)" },
    { "nonsense", "(such as http://gw:9091)" },
    { "screen:x", "nothing may follow screen:" },
    { "sqlite:?keep=1", "--to sqlite:: keep = 1: expected a duration" },
    { "sqlite:a%zz", "% must be followed by two hex digits" },
    { "sqlite:a%2", "% must be followed by two hex digits" },
    { "sqlite:a%00b", "% must be followed by two hex digits" },
    { "http://gw?jop=x", "--to http://gw: [sink gate] has no option jop (did you mean job?)" },
    { "http://gw?job=x&job=y", "job is given twice" },
    { "sqlite:a?path=b", "path is given twice" },
    { "http://gw?gzip", "?gzip: expected option=value after the ?" },
    { "http://gw?gzip=x", "gzip = x: expected one of auto, always, never" },
    { "http://gw?=x", "expected option=value" },
    { "http://gw?job=%", "job: % must be followed" },
};

START_TEST(a_wrong_url_is_a_usage_error)
{
    const char *to[] = { wrong_urls[_i].url };
    struct config *c = load_args((struct config_args){ .to = to, .to_count = 1 }, 0);

    expect_problem(c, wrong_urls[_i].problem);
    ck_assert_int_eq(config_errors_exit_code(&errors), 2);
}
END_TEST

START_TEST(the_command_line_wins_over_the_file)
{
    const char *labels[] = { "env=test", "x=a,b" };
    const char *set[] = { "agent.stop_timeout=1s", "sink.sqlite.keep=9d", "source.rocketmq b.namesrv=c:1",
                          "agent.state_dir=/a=b.c" };
    struct config_args args = { .file = "t.conf", .interval = "5s", .state_dir = "/s", .log_level = "debug", .labels = labels,
                                .label_count = 2, .set = set, .set_count = 4 };

    write_file("t.conf", two_sources);
    struct config *c = load_args(args, 0);
    expect_good(c);
    ck_assert_int_eq(c->agent.interval_ms, 5000);
    ck_assert_int_eq(c->agent.collect_timeout_ms, 4500);
    ck_assert_int_eq(c->agent.stop_timeout_ms, 1000);
    ck_assert_int_eq(c->agent.log_level, LOG_DEBUG);
    ck_assert_str_eq(c->agent.state_dir, "/a=b.c");
    ck_assert_str_eq(c->agent.label_list[0].value, "test");
    ck_assert_str_eq(c->agent.label_list[1].value, "a,b");
    ck_assert_str_eq(c->sinks[0].common.label_list[0].value, "test");
    ck_assert_int_eq(((struct history *)c->sinks[0].self)->keep, 9 * 86400000LL);
    ck_assert_str_eq(((struct rabbit *)c->sources[1].self)->namesrv, "c:1");
    char *text = shown(c);
    ck_assert_msg(strstr(text, "; --interval") != NULL && strstr(text, "; --set sink.sqlite.keep") != NULL &&
                      strstr(text, "; t.conf:9") != NULL && strstr(text, "; default") != NULL, "%s", text);
    free(text);
    config_free(c);
}
END_TEST

static const struct {
    const char *set, *problem;
} wrong_sets[] = {
    { "agent.intervall=5s", "mqpush: --set agent.intervall: [agent] has no option intervall (did you mean interval?)" },
    { "agent.interval=5", "--set agent.interval: interval = 5: expected a duration" },
    { "agent.interval", "--set agent.interval: expected section.option=value" },
    { "interval=5s", "--set interval: expected section.option=value" },
    { "sink.gate.gzip=no", "there is no section sink.gate; there are: agent, source.rocketmq a, source.rocketmq b, sink.sqlite" },
    { "sink.sqlit.keep=1d", "(did you mean sink.sqlite?)" },
    { "agnt.interval=5s", "there is no section agnt" },
    { ".x=1", "expected section.option=value" },
    { "agent.=1", "expected section.option=value" },
    { "=1", "expected section.option=value" },
    { "agent.labels=topic=x", "--set agent.labels: labels: label topic" },
    { "sink.sqlite.metrics=nothing*", "--set sink.sqlite.metrics: metrics: nothing* matches no metric" },
};

START_TEST(a_wrong_set_is_a_usage_error)
{
    write_file("t.conf", two_sources);
    struct config *c = load_args((struct config_args){ .file = "t.conf", .set = &wrong_sets[_i].set, .set_count = 1 }, 0);
    expect_problem(c, wrong_sets[_i].problem);
    ck_assert_int_eq(config_errors_exit_code(&errors), 2);
}
END_TEST

START_TEST(a_wrong_label_is_a_usage_error)
{
    const char *labels[] = { "env" };
    struct config *c = load_args((struct config_args){ .labels = labels, .label_count = 1 }, 0);

    expect_problem(c, "mqpush: --label: env: expected name=value");
    ck_assert_int_eq(config_errors_exit_code(&errors), 2);
}
END_TEST

START_TEST(the_file_is_c_then_the_environment)
{
    write_file("env.conf", "[agent]\ninterval = 7s\n");
    write_file("c.conf", "[agent]\ninterval = 8s\n");
    setenv("MQPUSH_CONFIG", "env.conf", 1);
    struct config *c;
    struct config_args args = { 0 };
    ck_assert_int_eq(config_load(&args, 0, &c, &errors), 0);
    ck_assert_int_eq(c->agent.interval_ms, 7000);
    ck_assert_str_eq(c->file, "env.conf");
    config_free(c);
    c = load_args((struct config_args){ .file = "c.conf" }, 0);
    ck_assert_int_eq(c->agent.interval_ms, 8000);
    config_free(c);
}
END_TEST

/* What sinks want ------------------------------------------------------------------------------------------------- */

START_TEST(patterns_choose_metrics_and_tables)
{
    struct config *c = load_text("[sink screen]\n[sink screen few]\nmetrics = mq_*\ntables = * !queues !c*\n");

    expect_good(c);
    for (unsigned i = 0; i < family_count; i++) {
        ck_assert(c->sinks[0].common.wanted_families[i]);
        ck_assert(c->sinks[1].common.wanted_families[i] == (strncmp(families[i].name, "mq_", 3) == 0));
    }
    for (int t = 0; t < TABLE_COUNT; t++) {
        bool is_shown = !schema_tables[t].hidden;
        ck_assert(c->sinks[0].common.wanted_tables[t] == is_shown);
        ck_assert(c->sinks[1].common.wanted_tables[t] == (is_shown && t != TABLE_QUEUES && t != TABLE_CLIENTS));
    }
    config_free(c);
}
END_TEST

START_TEST(the_hash_changes_with_values_and_not_with_secrets)
{
    static const char *const texts[] = {
        "[sink gate]\nurl = http://u:a@h\ntoken = one\n",
        "# a comment\n[sink gate]\ntoken = two\nurl = http://u:b@h\ntimeout = 10s\n",
        "[sink gate]\nurl = http://u:a@h2\ntoken = one\n",
        "[sink gate x]\nurl = http://u:a@h\ntoken = one\n",
    };
    char hash[4][17];

    for (int i = 0; i < 4; i++) {
        struct config *c = load_text(texts[i]);
        expect_good(c);
        memcpy(hash[i], c->hash, sizeof(hash[i]));
        ck_assert_uint_eq(strlen(hash[i]), 16);
        config_free(c);
    }
    ck_assert_str_eq(hash[0], hash[1]);
    ck_assert_str_ne(hash[0], hash[2]);
    ck_assert_str_ne(hash[0], hash[3]);
}
END_TEST

/* URLs ------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *url, *masked;
} passwords[] = {
    { "http://gw:9091", "http://gw:9091" },
    { "http://user@gw:9091", "http://user@gw:9091" },
    { "http://user:@gw", "http://user:@gw" },
    { "http://user:pw@gw:9091/a@b", "http://user:***@gw:9091/a@b" },
    { "redis://:pw@h:6379/0", "redis://:***@h:6379/0" },
    { "http://u:p@w@gw", "http://u:***@gw" },
    { "http://u:p/w@gw", "http://u:***@gw" },
    { "http://u:p?w@gw", "http://u:***@gw" },
    { "http://gw:9091/a@b", "http://gw:9091/a@b" },
    { "http://gw/a:b@c", "http://gw/a:b@c" },
    { "http://[::1]:9091/a", "http://[::1]:9091/a" },
    { "sqlite:a:b@c", "sqlite:a:b@c" },
    { "", "" },
    { "://", "://" },
};

START_TEST(a_password_in_a_url_is_masked)
{
    char *masked = url_masked(passwords[_i].url);

    ck_assert_str_eq(masked, passwords[_i].masked);
    ck_assert(url_has_password(passwords[_i].url) == (strcmp(passwords[_i].url, masked) != 0));
    free(masked);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *s = suite_create("config");
    TCase *t = tcase_create("config");

    suite_add_tcase(s, t);
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, enter_directory, leave_directory);
    tcase_add_test(t, an_empty_file_gives_the_defaults);
    tcase_add_test(t, sections_and_options_are_read);
    tcase_add_test(t, what_was_taken_out_is_not_freed);
    tcase_add_loop_test(t, a_wrong_file_is_told_apart, 0, COUNT(wrong_files));
    tcase_add_test(t, every_mistake_is_reported_not_only_the_first);
    tcase_add_test(t, a_thousand_mistakes_end_with_a_word);
    tcase_add_loop_test(t, a_line_at_the_limit_is_whole_and_one_past_it_an_error, 0, 2);
    tcase_add_test(t, a_value_keeps_semicolons_that_touch_it);
    tcase_add_test(t, a_file_that_is_too_large_is_refused);
    tcase_add_test(t, includes_are_relative_to_the_file_that_names_them);
    tcase_add_test(t, an_include_cannot_go_in_circles);
    tcase_add_test(t, includes_have_a_depth);
    tcase_add_test(t, many_includes_of_many_files_end);
    tcase_add_test(t, references_are_replaced_anywhere_in_a_value);
    tcase_add_test(t, no_secret_is_ever_shown);
    tcase_add_test(t, a_wrong_value_from_a_reference_is_not_quoted);
    tcase_add_test(t, a_literal_secret_that_all_may_read_is_a_warning);
    tcase_add_test(t, who_only_reads_needs_no_credentials);
    tcase_add_test(t, namesrv_stands_for_the_sources_of_the_file);
    tcase_add_test(t, a_section_that_is_not_used_cannot_be_wrong);
    tcase_add_test(t, the_environment_names_a_source_only_if_nobody_else_does);
    tcase_add_test(t, no_source_says_how_to_name_one);
    tcase_add_test(t, no_sink_is_the_history_in_the_state_directory);
    tcase_add_test(t, urls_become_sinks);
    tcase_add_loop_test(t, a_wrong_url_is_a_usage_error, 0, COUNT(wrong_urls));
    tcase_add_test(t, the_command_line_wins_over_the_file);
    tcase_add_loop_test(t, a_wrong_set_is_a_usage_error, 0, COUNT(wrong_sets));
    tcase_add_test(t, a_wrong_label_is_a_usage_error);
    tcase_add_test(t, the_file_is_c_then_the_environment);
    tcase_add_test(t, patterns_choose_metrics_and_tables);
    tcase_add_test(t, the_hash_changes_with_values_and_not_with_secrets);
    tcase_add_loop_test(t, a_password_in_a_url_is_masked, 0, COUNT(passwords));
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed > 0;
}
