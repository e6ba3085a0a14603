/*
 * cut_proxy.c UPSTREAM... - proxies of tests/fake/cut_proxy.h for scripts: one before each upstream, told what to do on standard input.
 *
 * Prints the address of each, a line each. Then takes lines "N WORD..." (N: 1 is the first upstream) and answers each with one:
 *
 *     1 down=1000 reset away                 the way from now on; no word: pass everything. The words are in `words` below
 *     2 hold                                 -> ok
 *     2 counts                               -> down=812 up=146 links=1 open=1 questions=2 spoilt=0
 *
 * Ends when its input does.
 */
#include "tests/fake/cut_proxy.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROXIES_MAX 8

static const struct {
    const char *name;
    enum { WORD_SIZE, WORD_CODE, WORD_FLAG } kind;
    size_t offset;
} words[] = {
    { "down", WORD_SIZE, offsetof(struct cut_proxy_way, cut_down) },
    { "up", WORD_SIZE, offsetof(struct cut_proxy_way, cut_up) },
    { "trickle", WORD_SIZE, offsetof(struct cut_proxy_way, trickle_bytes) }, /* so many bytes a second */
    { "reset", WORD_FLAG, offsetof(struct cut_proxy_way, resets) },
    { "away", WORD_FLAG, offsetof(struct cut_proxy_way, stays_away) },
    { "hold", WORD_FLAG, offsetof(struct cut_proxy_way, holds) },
    { "deaf", WORD_FLAG, offsetof(struct cut_proxy_way, is_deaf) },
    { "swallow", WORD_CODE, offsetof(struct cut_proxy_way, swallow) },
    { "twice", WORD_CODE, offsetof(struct cut_proxy_way, twice) },
    { "wrong_id", WORD_CODE, offsetof(struct cut_proxy_way, wrong_id) },
    { "swap", WORD_CODE, offsetof(struct cut_proxy_way, swap) },
    { "stale", WORD_CODE, offsetof(struct cut_proxy_way, stale) },
};

static bool take_word(struct cut_proxy_way *way, char *word)
{
    char *value = strchr(word, '=');

    if (value != NULL)
        *value++ = '\0';
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char *field = (char *)way + words[i].offset;
        if (strcmp(words[i].name, word) != 0 || (value == NULL) != (words[i].kind == WORD_FLAG))
            continue;
        if (words[i].kind == WORD_FLAG)
            *(bool *)field = true;
        else if (words[i].kind == WORD_CODE)
            *(int *)(void *)field = atoi(value);
        else
            *(size_t *)(void *)field = strtoul(value, NULL, 10);
        return true;
    }
    return false;
}

static void obey(struct cut_proxy *p, char *rest)
{
    struct cut_proxy_way way = CUT_PROXY_PASS;
    char *save = NULL;

    for (char *word = strtok_r(rest, " \n", &save); word != NULL; word = strtok_r(NULL, " \n", &save)) {
        if (strcmp(word, "counts") == 0) {
            struct cut_proxy_counts c = cut_proxy_counts(p);
            printf("down=%zu up=%zu links=%u open=%u questions=%u spoilt=%d\n", c.down, c.up, c.links, c.open, c.questions, c.is_spoilt);
            return;
        }
        if (!take_word(&way, word)) {
            printf("what is %s?\n", word);
            return;
        }
    }
    way.trickle_ms = way.trickle_bytes > 0 ? (unsigned)(1000 / way.trickle_bytes) : 0;
    way.trickle_bytes = way.trickle_bytes > 0 ? 1 : 0;
    cut_proxy_set(p, &way);
    puts("ok");
}

int main(int argc, char **argv)
{
    struct cut_proxy *proxies[PROXIES_MAX];
    char line[256], *rest;

    if (argc < 2 || argc > PROXIES_MAX) {
        fprintf(stderr, "usage: cut_proxy UPSTREAM...\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        proxies[i] = cut_proxy_start(argv[i]);
        puts(cut_proxy_address(proxies[i]));
    }
    while (fgets(line, sizeof(line), stdin) != NULL) {
        long at = strtol(line, &rest, 10);
        if (at < 1 || at >= argc)
            puts("which one?");
        else
            obey(proxies[at], rest);
    }
    for (int i = 1; i < argc; i++)
        cut_proxy_stop(proxies[i]);
    return 0;
}
