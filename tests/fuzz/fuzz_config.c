/*
 * fuzz_config.c - any bytes as a configuration: never a crash, never a value out of its limits, and what loads once loads twice
 * with the same hash and can be shown.
 *
 * The input is a file; after a zero byte come arguments, one per zero-terminated text: "tURL" is --to URL, "sTEXT" --set TEXT,
 * "lTEXT" --label TEXT. Inputs that name other files are passed over: what they do would depend on the machine.
 */
#include "agent/pipeline/config.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARGUMENTS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct arguments {
    struct config_args args;
    const char *to[ARGUMENTS_MAX], *set[ARGUMENTS_MAX], *labels[ARGUMENTS_MAX];
};

static void take_argument(struct arguments *a, const char *text)
{
    struct config_args *args = &a->args;

    if (text[0] == 't' && args->to_count < ARGUMENTS_MAX)
        a->to[args->to_count++] = text + 1;
    else if (text[0] == 's' && args->set_count < ARGUMENTS_MAX)
        a->set[args->set_count++] = text + 1;
    else if (text[0] == 'l' && args->label_count < ARGUMENTS_MAX)
        a->labels[args->label_count++] = text + 1;
}

/* Whether it loads; its hash. */
static bool check_one(const struct config_args *args, FILE *null, char *hash)
{
    struct config *config = NULL;
    struct config_errors errors = { 0 };
    int rc = config_load(args, CONFIG_NEEDS_SINK, &config, &errors);

    assert(rc == 0 ? errors.errors == 0 && config != NULL : errors.errors > 0 && config == NULL);
    assert((config_errors_exit_code(&errors) == 0) == (rc == 0));
    config_errors_print(&errors, true, null);
    config_errors_free(&errors);
    if (config != NULL) {
        assert(config->agent.interval_ms >= 1000 && config->agent.interval_ms <= 3600000);
        assert(config->agent.collect_timeout_ms > 0 && config->agent.collect_timeout_ms <= config->agent.interval_ms);
        assert(config->sink_count > 0);
        for (size_t i = 0; i < config->sink_count; i++)
            assert(config->sinks[i].self != NULL && config->sinks[i].common.label_list != NULL);
        config_show(config, null);
        memcpy(hash, config->hash, sizeof(config->hash));
    }
    config_free(config);
    return rc == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static FILE *null;
    static char path[64];
    char *text = malloc(size + 1), first[17] = "", second[17] = "";

    if (fd < 0) {
        fd = memfd_create("fuzz_config", MFD_CLOEXEC);
        null = fopen("/dev/null", "we");
        assert(fd >= 0 && null != NULL);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    memcpy(text, data, size);
    text[size] = '\0';
    size_t file_size = strlen(text);
    struct arguments a = { .args = { .to = a.to, .set = a.set, .labels = a.labels, .file = path } };
    for (size_t at = file_size + 1; at < size; at += strlen(text + at) + 1)
        take_argument(&a, text + at);
    if (memmem(text, size, "include", 7) == NULL && memmem(text, size, "FILE", 4) == NULL) {
        assert(ftruncate(fd, 0) == 0 && pwrite(fd, text, file_size, 0) == (ssize_t)file_size);
        if (check_one(&a.args, null, first)) {
            assert(check_one(&a.args, null, second));
            assert(strcmp(first, second) == 0);
        }
    }
    free(text);
    return 0;
}
