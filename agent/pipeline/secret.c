/* secret.c - see secret.h. */
#include "agent/pipeline/secret.h"

#include "agent/base/buf.h"
#include "agent/base/file.h"
#include "agent/base/xalloc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The newline that editors and `echo` add is no part of it. */
static size_t without_line_end(const struct buf *content)
{
    size_t len = content->len;

    if (len > 0 && content->data[len - 1] == '\n')
        len--;
    if (len > 0 && content->data[len - 1] == '\r')
        len--;
    return len;
}

static int append_file(struct buf *out, const char *path, struct err *err)
{
    struct buf content;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return err_sys(err, "%s", path);
    buf_init(&content, SECRET_FILE_MAX);
    buf_grow(&content, SECRET_FILE_MAX); /* at once: growing would leave copies behind */
    int rc = file_read(fd, &content, err);
    close(fd);
    if (rc < 0)
        err_wrap(err, "%s", path);
    else if (memchr(content.data, '\0', content.len) != NULL)
        rc = err_set(err, ERR_CONFIG, "%s: holds a zero byte, expected text", path);
    else
        buf_put(out, content.data, without_line_end(&content));
    explicit_bzero(content.data, content.cap);
    buf_fini(&content);
    return rc;
}

static int append_env(struct buf *out, const char *name, struct err *err)
{
    const char *value = getenv(name);

    if (value == NULL)
        return err_set(err, ERR_CONFIG, "this environment variable is not set");
    buf_puts(out, value);
    return 0;
}

static int append_path(struct buf *out, const char *path, struct err *err)
{
    if (path[0] != '/')
        return err_set(err, ERR_CONFIG, "expected an absolute path");
    return append_file(out, path, err);
}

static int append_credential(struct buf *out, const char *name, struct err *err)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");

    if (strchr(name, '/') != NULL || name[0] == '.')
        return err_set(err, ERR_CONFIG, "expected the plain name of a credential");
    if (directory == NULL)
        return err_set(err, ERR_CONFIG, "CREDENTIALS_DIRECTORY is not set: credentials exist only inside a service with "
                                        "LoadCredential=%s:FILE", name);
    char *path = xasprintf("%s/%s", directory, name);
    int rc = append_file(out, path, err);
    free(path);
    return rc;
}

static const struct {
    const char *prefix;
    int (*append)(struct buf *out, const char *name, struct err *err);
} kinds[] = {
    { "ENV:", append_env },
    { "FILE:", append_path },
    { "CREDENTIAL:", append_credential },
};

/* text is what stands between the braces. */
static int append_reference(struct buf *out, const char *text, struct err *err)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i].prefix);
        if (strncmp(text, kinds[i].prefix, len) != 0 || text[len] == '\0')
            continue;
        if (kinds[i].append(out, text + len, err) < 0)
            return err_wrap(err, "${%s}", text);
        return 0;
    }
    return err_set(err, ERR_CONFIG, "${%s}: expected ${ENV:NAME}, ${FILE:/path} or ${CREDENTIAL:name}; a literal ${ is $${",
                   text);
}

int secret_expand(const char *text, char **out, struct err *err)
{
    struct buf buf;
    int rc = 0;

    buf_init(&buf, 0);
    while (rc == 0 && *text != '\0') {
        if (strncmp(text, "$${", 3) == 0) {
            buf_puts(&buf, "${");
            text += 3;
        } else if (strncmp(text, "${", 2) == 0) {
            const char *end = strchr(text, '}');
            if (end == NULL) {
                rc = err_set(err, ERR_CONFIG, "%s: the } is missing; a literal ${ is $${", text);
                break;
            }
            char *inside = xstrndup(text + 2, (size_t)(end - text - 2));
            rc = append_reference(&buf, inside, err);
            free(inside);
            text = end + 1;
        } else {
            buf_putc(&buf, *text++);
        }
    }
    if (rc == 0)
        *out = xstrndup(buf.data != NULL ? buf.data : "", buf.len);
    if (buf.data != NULL)
        explicit_bzero(buf.data, buf.len);
    buf_fini(&buf);
    return rc;
}

bool secret_has_reference(const char *text)
{
    for (const char *p = text; (p = strstr(p, "${")) != NULL; p += 2)
        if (p == text || p[-1] != '$')
            return true;
    return false;
}
