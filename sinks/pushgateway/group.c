/* group.c - see group.h. */
#include "sinks/pushgateway/group.h"

#include "agent/base/buf.h"
#include "agent/base/xalloc.h"
#include "sinks/prom_text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The labels --------------------------------------------------------------------------------------------------------- */

static int add_label(struct group *g, const char *name, const char *value, struct err *err)
{
    if (g->count == GROUP_LABELS_MAX + 2)
        return err_set(err, ERR_CONFIG, "grouping: more than %d labels", GROUP_LABELS_MAX);
    g->labels[g->count++] = (struct sink_label){ name, value };
    return 0;
}

/* Cuts "zone=a, rack = 7" into labels; the names are checked later with all others. */
static int add_grouping(struct group *g, struct err *err)
{
    char *rest, *item;

    for (item = strtok_r(g->names, ",", &rest); item != NULL; item = strtok_r(NULL, ",", &rest)) {
        item += strspn(item, " \t");
        if (*item == '\0')
            continue;
        char *value = strchr(item, '=');
        if (value == NULL)
            return err_set(err, ERR_CONFIG, "grouping: expected name=value, found %s", item);
        *value++ = '\0';
        item[strcspn(item, " \t")] = '\0';
        value += strspn(value, " \t");
        for (size_t len = strlen(value); len > 0 && strchr(" \t", value[len - 1]) != NULL;)
            value[--len] = '\0';
        if (add_label(g, item, value, err) < 0)
            return -1;
    }
    return 0;
}

const char *group_find_label(const struct sink_label *labels, const char *name)
{
    for (; labels != NULL && labels->name != NULL; labels++)
        if (strcmp(labels->name, name) == 0)
            return labels->value;
    return NULL;
}

bool group_is_same(const struct sink_label *a, const struct sink_label *b)
{
    size_t count_a = 0, count_b = 0;

    while (a[count_a].name != NULL)
        count_a++;
    while (b[count_b].name != NULL)
        count_b++;
    for (; a->name != NULL; a++) {
        const char *value = group_find_label(b, a->name);
        if (value == NULL || strcmp(value, a->value) != 0)
            return false;
    }
    return count_a == count_b;
}

static int pick_instance(struct group *g, const char *instance, const struct sink_label *constant, const char **out,
                         struct err *err)
{
    const char *label = group_find_label(constant, "instance");

    *out = instance[0] != '\0' ? instance : label;
    if (*out != NULL && (*out)[0] != '\0')
        return 0;
    if (gethostname(g->host, sizeof(g->host) - 1) < 0)
        return err_sys(err, "the host name, for label instance");
    *out = g->host;
    return 0;
}

int group_make(struct group *g, const char *job, const char *instance, const char *grouping, const struct sink_label *constant,
               struct err *err)
{
    if (job[0] == '\0')
        return err_set(err, ERR_CONFIG, "job: must not be empty");
    if (pick_instance(g, instance, constant, &instance, err) < 0)
        return -1;
    g->names = xstrdup(grouping);
    if (add_label(g, "job", job, err) < 0 || add_label(g, "instance", instance, err) < 0 || add_grouping(g, err) < 0)
        return -1;
    if (prom_text_check_labels(g->labels, err) < 0)
        return err_wrap(err, "the group's labels");
    char *path = group_path(g->labels);
    size_t len = strlen(path);
    free(path);
    if (len > GROUP_PATH_MAX)
        return err_set(err, ERR_CONFIG, "the group's labels make a path of %zu bytes, limit is %d", len, GROUP_PATH_MAX);
    return 0;
}

void group_fini(struct group *g)
{
    free(g->names);
    g->names = NULL;
}

/* The path ----------------------------------------------------------------------------------------------------------- */

bool group_is_plain(const char *value)
{
    return strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") == strlen(value) &&
           value[0] != '\0' && strcmp(value, ".") != 0 && strcmp(value, "..") != 0;
}

/* The URL-safe alphabet without padding; nothing at all is spelled "=". */
static void put_base64(struct buf *out, const char *value)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *bytes = (const unsigned char *)value;
    size_t len = strlen(value);

    for (size_t i = 0; i < len; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        three |= i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= i + 2 < len ? (uint32_t)bytes[i + 2] : 0;
        size_t digits = len - i < 3 ? len - i + 1 : 4;
        for (size_t k = 0; k < digits; k++)
            buf_putc(out, alphabet[three >> (18 - 6 * k) & 63]);
    }
    if (len == 0)
        buf_putc(out, '=');
}

char *group_path(const struct sink_label *labels)
{
    struct buf path;

    buf_init(&path, 0);
    buf_puts(&path, "/metrics");
    for (const struct sink_label *l = labels; l->name != NULL; l++) {
        bool plain = group_is_plain(l->value);
        buf_putc(&path, '/');
        buf_puts(&path, l->name);
        buf_puts(&path, plain ? "/" : "@base64/");
        if (plain)
            buf_puts(&path, l->value);
        else
            put_base64(&path, l->value);
    }
    buf_putc(&path, '\0');
    return path.data; /* plain malloc memory, now the caller's */
}
