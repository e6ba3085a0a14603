/*
 * main.c - the words of the command line, one table; each word is its cmd_<word>.c.
 */
#include "agent/cli.h"
#include "sinks/sink.h"

#include <errno.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct cli_command *const commands[] = {
    &command_run, &command_once, &command_status, &command_config, &command_metrics, &command_sweep,
    NULL,
};

/* Large blocks go back to the kernel when they are freed, and the few threads share their heaps: an agent that looks at a
 * cluster once a minute has no business keeping what it does not use. */
static void keep_memory_small(void)
{
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    mallopt(M_TRIM_THRESHOLD, 128 * 1024);
    mallopt(M_ARENA_MAX, 1);
}

static void print_usage(FILE *to)
{
    fputs("usage: mqpush COMMAND [options]\n\n"
          "Looks at a message-queue cluster each interval and pushes backlog and broker\n"
          "health to Prometheus Pushgateway, a SQLite history and other sinks.\n\n"
          "  mqpush status -n 10.0.0.1:9876                          backlog of every group, now\n"
          "  mqpush once -n 10.0.0.1:9876 --to http://gw:9091        one push, for cron\n"
          "  mqpush run -c /etc/mqpush/mqpush.conf                   every interval, as a service\n\n"
          "Commands:\n",
          to);
    for (const struct cli_command *const *c = commands; *c != NULL; c++)
        fprintf(to, "  %-12s %s\n", (*c)->word, (*c)->help);
    fputs("  help         help on a command: mqpush help COMMAND, or mqpush COMMAND --help\n\n"
          "mqpush --version prints the version.\n",
          to);
}

/* The first line is for scripts. */
static void print_version(void)
{
    puts("mqpush " MQPUSH_VERSION);
    for (const struct sink_ops *const *s = sink_registry; *s != NULL; s++)
        if ((*s)->library != NULL)
            printf("%s sink: %s\n", (*s)->name, (*s)->library());
}

static const struct cli_command *find(const char *word)
{
    for (const struct cli_command *const *c = commands; *c != NULL; c++)
        if (strcmp((*c)->word, word) == 0)
            return *c;
    return NULL;
}

static int unknown(const char *word)
{
    const char *near = cli_nearest_command(word, commands);

    if (near != NULL)
        fprintf(stderr, "mqpush: unknown command %s (did you mean %s?)\n", word, near);
    else
        fprintf(stderr, "mqpush: unknown command %s (mqpush --help lists them)\n", word);
    return EXIT_USAGE;
}

/* The end of what goes to stdout: a full disk is a failure, a reader that left is not. */
static int finish(void)
{
    if (fflush(stdout) == 0 || errno == EPIPE)
        return EXIT_DONE;
    fprintf(stderr, "mqpush: standard output: %s\n", strerror(errno));
    return EXIT_FAILED;
}

static int help(const char *word)
{
    const struct cli_command *command = word != NULL ? find(word) : NULL;

    if (word != NULL && command == NULL)
        return unknown(word);
    if (command != NULL)
        cli_help(command, stdout);
    else
        print_usage(stdout);
    return finish();
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    setlocale(LC_CTYPE, ""); /* for widths of names on a terminal; numbers stay as they are */
    keep_memory_small();
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(NULL);
    if (strcmp(argv[1], "help") == 0)
        return help(argc > 2 ? argv[2] : NULL);
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        print_version();
        return finish();
    }
    const struct cli_command *command = find(argv[1]);
    return command != NULL ? command->run(argc - 1, argv + 1) : unknown(argv[1]);
}
