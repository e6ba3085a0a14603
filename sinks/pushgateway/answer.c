/* answer.c - see answer.h. */
#include "sinks/pushgateway/answer.h"

#include <string.h>

#define SHOWN_MAX 512 /* bytes of the answer's text; fits into an err with all that stands before it */

/*
 * RETRY: the same page may be taken later. A 400 means that this page never will, and its text says which name is at fault. All
 * other refusals are for the configuration to mend; the next interval asks again.
 */
static const struct meaning {
    int from, to;
    enum sink_result result;
    enum err_kind kind;
    const char *blame; /* NULL: the answer's own text says it */
} meanings[] = {
    { 200, 299, SINK_OK, ERR_NONE, NULL },
    { 300, 399, SINK_REJECT, ERR_CONFIG, "redirects are not followed, set url to the gateway itself" },
    { 400, 400, SINK_REJECT, ERR_REMOTE, NULL },
    { 401, 401, SINK_REJECT, ERR_CONFIG, "user, password or token is missing or wrong" },
    { 403, 403, SINK_REJECT, ERR_CONFIG, "this user may not push" },
    { 404, 405, SINK_REJECT, ERR_CONFIG, "there is no Pushgateway under this URL (does it need a path prefix?)" },
    { 407, 407, SINK_REJECT, ERR_CONFIG, "user or password for the proxy is missing or wrong" },
    { 408, 408, SINK_RETRY, ERR_REMOTE, NULL },
    { 413, 413, SINK_REJECT, ERR_CONFIG, "a proxy on the way refuses a page of this size" },
    { 414, 414, SINK_REJECT, ERR_CONFIG, "a proxy on the way refuses a path of this length: shorten the group's labels" },
    { 429, 429, SINK_RETRY, ERR_REMOTE, NULL },
    { 500, 599, SINK_RETRY, ERR_REMOTE, NULL },
    { 0, 999, SINK_REJECT, ERR_CONFIG, "is this a Pushgateway?" }, /* everything else */
};

static const struct meaning *meaning_of(int status)
{
    const struct meaning *m = meanings;

    while (status < m->from || status > m->to)
        m++;
    return m;
}

/* Two groups may not hold one series. It happens when a label moves between `labels` and `grouping`: the old group is still there. */
static const char *blame_for(const struct meaning *m, const struct http_answer *a)
{
    if (a->status == 400 && strstr(a->text, "collected before with the same name and label values") != NULL)
        return "another group holds the same series; if it is ours from before, `mqpush sweep` removes it";
    return m->blame;
}

/* So many bytes, and no character in halves. */
static int shown_len(const char *text)
{
    size_t len = strlen(text);

    if (len <= SHOWN_MAX)
        return (int)len;
    for (len = SHOWN_MAX; len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80;)
        len--;
    return (int)len;
}

enum sink_result answer_judge(const struct http_answer *a, const char *name, struct err *err)
{
    const struct meaning *m = meaning_of(a->status);
    const char *colon = a->text[0] == '\0' ? "" : ": ", *blame = blame_for(m, a);

    if (m->result == SINK_OK)
        return SINK_OK;
    if (a->status / 100 == 3)
        err_set(err, m->kind, "%s: answered %d and points to %s; %s", name, a->status,
                a->location[0] == '\0' ? "nowhere" : a->location, blame);
    else
        err_set(err, m->kind, "%s: answered %d%s%s%s%.*s", name, a->status, blame == NULL ? "" : ", ",
                blame == NULL ? "" : blame, colon, shown_len(a->text), a->text);
    return m->result;
}

/* Without an answer everything may be different next time, but for what only the configuration can change. */
enum sink_result answer_judge_silence(const struct err *err)
{
    return err->kind == ERR_CONFIG ? SINK_REJECT : SINK_RETRY;
}

/* Line 1 of our text is a # HELP line: an error there means that the bytes were not taken for what they are. */
bool answer_refuses_gzip(const struct http_answer *a)
{
    return a->status == 415 || (a->status == 400 && strstr(a->text, "parsing error in line 1:") != NULL);
}
