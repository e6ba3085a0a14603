/*
 * cli_common.c - what commands share once their arguments are read: messages, words, configuration, colour. See cli.h.
 */
#include "agent/cli.h"

#include "agent/pipeline/sources.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 48

/* Messages -------------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 0))) static void complain(const struct cli_command *command, const char *fmt, va_list ap)
{
    fprintf(stderr, "mqpush %s: ", command->word);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

int cli_usage_error(const struct cli_command *command, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    complain(command, fmt, ap);
    va_end(ap);
    fprintf(stderr, "mqpush %s --help says what there is\n", command->word);
    return EXIT_USAGE;
}

int cli_failed(const struct cli_command *command, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    complain(command, fmt, ap);
    va_end(ap);
    return EXIT_FAILED;
}

int cli_finish(const struct cli_command *command, int code)
{
    /* A reader that left early (`| head`) has what it wanted. */
    if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE)
        return code;
    return cli_failed(command, "standard output: %s", strerror(errno));
}

/* Words ----------------------------------------------------------------------------------------------------------- */

int cli_word(const struct cli *cli, int fallback)
{
    const char *known[WORDS_MAX + 1];
    int count = 0;

    if (cli->operand_count == 0)
        return fallback;
    for (const struct cli_word *w = cli->command->words; w->word != NULL && count < WORDS_MAX; w++) {
        if (strcmp(w->word, cli->operands[0]) == 0)
            return count;
        known[count++] = w->word;
    }
    known[count] = NULL;
    const char *near = option_nearest(cli->operands[0], known);
    if (near != NULL)
        cli_usage_error(cli->command, "unknown word %s (did you mean %s?)", cli->operands[0], near);
    else
        cli_usage_error(cli->command, "unknown word %s", cli->operands[0]);
    return -1;
}

const char *cli_nearest_command(const char *given, const struct cli_command *const *commands)
{
    const char *known[WORDS_MAX + 1];
    int count = 0;

    for (; count < WORDS_MAX && commands[count] != NULL; count++)
        known[count] = commands[count]->word;
    known[count] = NULL;
    return option_nearest(given, known);
}

/* Configuration and colour ---------------------------------------------------------------------------------------- */

int cli_load_config(const struct cli *cli, unsigned needs, struct config **out)
{
    struct config_errors errors = { 0 };
    int code = CLI_GO;

    if (config_load(&cli->config, needs, out, &errors) < 0) {
        config_errors_print(&errors, false, stderr);
        code = config_errors_exit_code(&errors);
    } else {
        log_set_level((*out)->agent.log_level);
    }
    config_errors_free(&errors);
    return code;
}

int cli_open_sources(const struct cli_command *command, struct config *config, struct sources **out)
{
    struct err err = { 0 };

    *out = sources_open(NULL, config, 0, &err);
    if (*out != NULL)
        return CLI_GO;
    cli_failed(command, "configuration: %s", err.msg);
    return EXIT_CONFIG;
}

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);

    return value != NULL && value[0] != '\0' && strcmp(value, "0") != 0;
}

bool cli_use_color(const struct cli *cli, FILE *stream)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    if (cli->color != CLI_COLOR_AUTO)
        return cli->color == CLI_COLOR_ALWAYS;
    if (no_color != NULL && no_color[0] != '\0')
        return false;
    if (is_set("CLICOLOR_FORCE") || is_set("FORCE_COLOR"))
        return true;
    if (term == NULL || strcmp(term, "dumb") == 0)
        return false;
    return isatty(fileno(stream)) == 1;
}
