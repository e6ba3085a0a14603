/*
 * bench_push.c - one prepared body, put into a Pushgateway by our HTTP peer: bench_push URL PATH BODY-FILE [gzip]
 *
 * Prints the seconds from the call to the answer, connecting included, and the CPU seconds. push.sh runs it in turns with curl.
 */
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/net/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");

    if (f == NULL || fseek(f, 0, SEEK_END) < 0) {
        perror(path);
        exit(1);
    }
    *len = (size_t)ftell(f);
    rewind(f);
    char *bytes = xmalloc(*len + 1);
    if (fread(bytes, 1, *len, f) != *len)
        exit(1);
    fclose(f);
    return bytes;
}

int main(int argc, char **argv)
{
    static const char *const plain[] = { "Content-Type: text/plain; version=0.0.4", NULL };
    static const char *const gzip[] = { "Content-Type: text/plain; version=0.0.4", "Content-Encoding: gzip", NULL };
    struct err err;
    struct http_answer answer;

    if (argc < 4) {
        fprintf(stderr, "usage: bench_push URL PATH BODY-FILE [gzip]\n");
        return 2;
    }
    struct http_request request = { .method = "PUT", .path = argv[2], .headers = argc > 4 ? gzip : plain, .cancel_fd = -1 };
    char *body = read_file(argv[3], &request.body_len);
    request.body = body;
    struct http_options to = { .what = "gateway", .url = argv[1], .user_agent = "bench", .timeout_ms = 60000 };
    struct http *http = http_open(&to, &err);
    int64_t start = clock_now_ns(), cpu = clock_cpu_ns();
    request.deadline_ns = start + 60 * NS_PER_S;
    if (http == NULL || http_ask(http, &request, &answer, &err) < 0 || answer.status != 200) {
        fprintf(stderr, "bench_push: %s\n", http == NULL || answer.status == 0 ? err.msg : answer.text);
        return 1;
    }
    printf("%.6f %.6f\n", (double)(clock_now_ns() - start) / 1e9, (double)(clock_cpu_ns() - cpu) / 1e9);
    http_close(http);
    free(body);
    return 0;
}
