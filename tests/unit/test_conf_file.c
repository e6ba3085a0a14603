/*
 * test_conf_file.c - the files in conf against the option tables of every real sink and source: complete,
 * current, loadable. When an option changes: `mqpush config reference > conf/mqpush.conf`.
 */
#include "agent/pipeline/config.h"

#include "agent/base/xalloc.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *read_all(FILE *f)
{
    char *text = xcalloc(1, 1 << 20);

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_lt(fread(text, 1, (1 << 20) - 1, f), (1 << 20) - 1);
    fclose(f);
    return text;
}

static char *reference(void)
{
    char *text;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    config_reference(f);
    fclose(f);
    return text;
}

static struct config *load(const char *file)
{
    struct config *config = NULL;
    struct config_errors errors = { 0 };
    struct config_args args = { .file = file };

    unsetenv("NAMESRV_ADDR");
    unsetenv("STATE_DIRECTORY");
    config_load(&args, 0, &config, &errors);
    config_errors_print(&errors, true, stderr);
    ck_assert_uint_eq(errors.count, 0);
    config_errors_free(&errors);
    return config;
}

START_TEST(mqpush_conf_is_the_reference)
{
    char *file = read_all(fopen("conf/mqpush.conf", "r")), *generated = reference();

    ck_assert_msg(strcmp(file, generated) == 0, "conf/mqpush.conf is old: mqpush config reference > conf/mqpush.conf");
    free(file);
    free(generated);
}
END_TEST

START_TEST(mqpush_conf_loads_as_it_stands)
{
    struct config *c = load("conf/mqpush.conf");

    ck_assert_uint_eq(c->source_count + c->sink_count, 0);
    config_free(c);
}
END_TEST

/* A line of the reference, as a reader makes it count: the "; " taken off, and something given where something must be. */
static void put_line_in_force(FILE *to, const char *line, size_t len)
{
    static const char *const musts[] = { "namesrv =", "url =", "address =", "path =" };

    if (strncmp(line, "; ", 2) != 0 || strncmp(line, "; include", 9) == 0)
        return;
    line += 2;
    len -= 2;
    fprintf(to, "%.*s", (int)len, line);
    for (size_t i = 0; i < sizeof(musts) / sizeof(musts[0]); i++)
        if (len == strlen(musts[i]) && strncmp(line, musts[i], len) == 0)
            fputs(" http://127.0.0.1:1", to);
    fputc('\n', to);
}

START_TEST(every_default_it_names_is_taken)
{
    char path[] = "/tmp/test_conf_file.XXXXXX", *text = reference();
    FILE *to = fdopen(mkstemp(path), "w");
    size_t sources = 0, sinks = 0;

    fputs("[agent]\n", to);
    for (const char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        put_line_in_force(to, line, len);
        line += len + 1;
    }
    fclose(to);
    struct config *c = load(path);
    unlink(path);
    while (source_registry[sources] != NULL)
        sources++;
    while (sink_registry[sinks] != NULL)
        sinks++;
    ck_assert_uint_eq(c->source_count, sources);
    ck_assert_uint_eq(c->sink_count, sinks);
    config_free(c);
    free(text);
}
END_TEST

START_TEST(reach_conf_loads)
{
    struct config *c = load("conf/reach.conf");

    ck_assert_uint_eq(c->source_count, 5);
    config_free(c);
}
END_TEST

START_TEST(clusters_conf_loads)
{
    struct config *c = load("conf/clusters.conf");

    ck_assert_uint_eq(c->source_count, 3);
    ck_assert_str_eq(config_text(c->sources[1].section, "cluster_names"), "DefaultCluster=billing");
    config_free(c);
}
END_TEST

START_TEST(gentle_conf_loads)
{
    struct config *c = load("conf/gentle.conf");

    ck_assert_str_eq(config_text(c->sources[0].section, "max_in_flight"), "1");
    config_free(c);
}
END_TEST

START_TEST(minimal_conf_loads)
{
    struct config *c = load("conf/minimal.conf");

    ck_assert_uint_eq(c->source_count, 1);
    ck_assert_uint_eq(c->sink_count, 2);
    ck_assert_str_eq(config_text(c->sinks[1].section, "path"), "/var/lib/mqpush/history.db");
    config_free(c);
}
END_TEST

START_TEST(acl_conf_loads)
{
    char directory[] = "/tmp/mqpush-conf.XXXXXX", *file;

    ck_assert_ptr_nonnull(mkdtemp(directory));
    file = xasprintf("%s/rocketmq.secret", directory);
    FILE *f = fopen(file, "w");
    fputs("s3cret\n", f);
    fclose(f);
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    struct config *c = load("conf/acl.conf");
    ck_assert_str_eq(config_text(c->sources[0].section, "access_key"), "mqpush");
    ck_assert_str_eq(config_text(c->sources[0].section, "secret_key"), "s3cret");
    config_free(c);
    unlink(file);
    rmdir(directory);
    free(file);
}
END_TEST

/* Two options of one name in a section would hide each other, and a sentence is what the reference is made of. */
static void check_table(const char *owner, const struct option_spec *specs, const struct option_spec *others)
{
    for (const struct option_spec *s = specs; s->name != NULL; s++) {
        ck_assert_msg(others == NULL || option_find(others, s->name) == NULL, "%s: %s is an option of every sink", owner,
                      s->name);
        ck_assert_msg(option_find(s + 1, s->name) == NULL, "%s: %s stands twice", owner, s->name);
        size_t len = strlen(s->help);
        ck_assert_msg(len > 3 && s->help[len - 1] != '.', "%s: %s: a sentence without a full stop", owner, s->name);
        ck_assert_msg(strspn(s->name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(s->name), "%s: %s", owner, s->name);
    }
}

START_TEST(tables_are_in_order)
{
    const struct config *c = load("conf/minimal.conf");
    static const struct option_spec common[] = {
        { .name = "metrics" }, { .name = "tables" }, { .name = "max_series" }, { .name = "timeout" }, { .name = "labels" }, { 0 },
    };

    for (const struct option_spec *s = common; s->name != NULL; s++)
        ck_assert_ptr_nonnull(config_text(c->sinks[0].section, s->name));
    for (const struct sink_ops *const *s = sink_registry; *s != NULL; s++) {
        check_table((*s)->name, (*s)->options, common);
        ck_assert((*s)->address_option == NULL || option_find((*s)->options, (*s)->address_option) != NULL);
        ck_assert_ptr_eq(sink_find((*s)->name), *s);
    }
    for (const struct source_ops *const *s = source_registry; *s != NULL; s++) {
        check_table((*s)->name, (*s)->options, NULL);
        ck_assert_ptr_nonnull(option_find((*s)->options, (*s)->address_option));
    }
    config_free((struct config *)c);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("conf_file");
    TCase *t = tcase_create("conf_file");

    suite_add_tcase(s, t);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, mqpush_conf_is_the_reference);
    tcase_add_test(t, mqpush_conf_loads_as_it_stands);
    tcase_add_test(t, every_default_it_names_is_taken);
    tcase_add_test(t, reach_conf_loads);
    tcase_add_test(t, clusters_conf_loads);
    tcase_add_test(t, gentle_conf_loads);
    tcase_add_test(t, minimal_conf_loads);
    tcase_add_test(t, acl_conf_loads);
    tcase_add_test(t, tables_are_in_order);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed > 0;
}
