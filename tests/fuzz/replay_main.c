/*
 * replay_main.c - runs a fuzz target over files instead of libFuzzer: every file named on the command line, and every file
 * in every directory named there. So the corpus is a test wherever there is a C compiler. Prints how many inputs ran; the
 * target aborts on what it finds, and the file it was given is then the last one named on standard error (with -v).
 */
#include "agent/base/buf.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_verbose;
static unsigned inputs;

/* An exact copy on the heap, so that a sanitizer sees a read one byte past the end. */
static void run_bytes(const char *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    if (copy == NULL)
        abort();
    if (len > 0)
        memcpy(copy, data, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
    inputs++;
}

static int run_file(const char *path)
{
    struct buf content;
    FILE *f = fopen(path, "rb");
    size_t n;

    if (f == NULL) {
        perror(path);
        return -1;
    }
    if (is_verbose)
        fprintf(stderr, "%s\n", path);
    buf_init(&content, 0);
    while ((n = fread(buf_grow(&content, 65536), 1, 65536, f)) > 0)
        content.len += n;
    fclose(f);
    run_bytes(content.data, content.len);
    buf_fini(&content);
    return 0;
}

static int run_path(const char *path);

static int run_directory(const char *path)
{
    DIR *dir = opendir(path);
    int rc = 0;

    if (dir == NULL) {
        perror(path);
        return -1;
    }
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        char inner[PATH_BYTES];
        if (e->d_name[0] == '.' || snprintf(inner, sizeof(inner), "%s/%s", path, e->d_name) >= (int)sizeof(inner))
            continue;
        rc |= run_path(inner);
    }
    closedir(dir);
    return rc;
}

static int run_path(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0) {
        perror(path);
        return -1;
    }
    return S_ISDIR(st.st_mode) ? run_directory(path) : run_file(path);
}

int main(int argc, char **argv)
{
    int rc = 0, first = 1;

    if (argc > 1 && strcmp(argv[1], "-v") == 0) {
        is_verbose = true;
        first = 2;
    }
    if (first == argc) {
        fprintf(stderr, "usage: %s [-v] FILE|DIRECTORY...\n", argv[0]);
        return 2;
    }
    for (int i = first; i < argc; i++)
        rc |= run_path(argv[i]);
    printf("%u inputs\n", inputs);
    return rc == 0 && inputs > 0 ? 0 : 1;
}
