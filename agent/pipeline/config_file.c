/*
 * config_file.c - configuration files into raw sections. The only file that knows libinih.
 *
 * libinih splits lines into section, name and value and takes comments off; but it does not say which line it is at, says
 * nothing of a section without options ("[sink stdout]" is complete as it stands), cuts long lines and long section names,
 * reports one error of many, and takes an indented line for a continuation of the one above. So it never sees the file, only
 * what our reader hands to it line by line: checked first, without indentation, counted, and with a marker line after each
 * section header. One line, one call of the handler: there are no continuation lines.
 *
 *     the file                        what libinih is given
 *     [sink redis] ; the near one     [sink redis] ; the near one
 *                                     \1=                            -> on_pair(name "\1"): the section begins
 *       maxlen = 5                    maxlen = 5                     -> on_pair(name "maxlen")
 *     nonsense                        nonsense                       -> no call: the next read says so
 *
 * Called by config.c on the main thread. Whatever is wrong becomes a problem with file and line, and reading goes on.
 */
#include "agent/pipeline/config_parts.h"

#include "agent/base/file.h"
#include "agent/base/utf8.h"
#include "agent/base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <ini.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Debian's libinih can be told at run time how long a line may be; others were told at build time (200 is usual). */
extern int ini_max_line __attribute__((weak));

#define MARKER "\001"
#define BLANKS " \t\r\f\v"

struct reader {
    struct raw_config *raw;
    struct config_errors *errors;
    const char *path;
    const struct reader *includer; /* NULL for the first file */
    bool is_readable_by_all;
    const char *rest, *end; /* text not yet handed out */
    unsigned line;          /* of what was handed out last */
    bool expects_call;      /* that line must lead to a call of on_pair */
    bool marks_section;     /* hand out the marker next */
    bool skips;             /* the section's header was wrong: so what follows belongs nowhere */
    int section;            /* index into raw->sections; -1 before the first */
};

static const char *place(struct reader *r, unsigned line)
{
    char text[PATH_MAX + 16];
    int len = snprintf(text, sizeof(text), "%s:%u", r->path, line);

    return arena_strndup(r->raw->arena, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
}

#define COMPLAIN(r, ...) config_problem((r)->errors, PROBLEM_FILE, place((r), (r)->line), __VA_ARGS__)

/* Sections -------------------------------------------------------------------------------------------------------- */

static const char *const section_kinds[] = { "agent", "source", "sink", NULL };

/* The next word of *text in the arena, NULL at its end. */
static const char *take_word(struct reader *r, const char **text)
{
    *text += strspn(*text, BLANKS);
    size_t len = strcspn(*text, BLANKS);
    if (len == 0)
        return NULL;
    const char *word = arena_strndup(r->raw->arena, *text, len);
    *text += len;
    return word;
}

/* "sink pushgateway dr" -> kind, type and name ("pushgateway dr"); false if it has another form, which has then been said. */
static bool split_header(struct reader *r, const char *header, const char **kind, const char **type, const char **name)
{
    const char *rest = header;
    char hint[80];

    *kind = take_word(r, &rest);
    *type = take_word(r, &rest);
    const char *label = take_word(r, &rest);
    if (*kind == NULL) {
        COMPLAIN(r, "[]: expected [agent], [source TYPE] or [sink TYPE]");
        return false;
    }
    if (strcmp(*kind, "agent") != 0 && strcmp(*kind, "source") != 0 && strcmp(*kind, "sink") != 0) {
        COMPLAIN(r, "[%s]: unknown section, expected [agent], [source TYPE] or [sink TYPE]%s", header,
                 config_hint(hint, sizeof(hint), *kind, section_kinds));
        return false;
    }
    bool is_agent = strcmp(*kind, "agent") == 0;
    if (is_agent ? *type != NULL : *type == NULL) {
        COMPLAIN(r, is_agent ? "[%s]: there is one agent, it has no type and no name" : "[%s]: the type is missing", header);
        return false;
    }
    if (take_word(r, &rest) != NULL) {
        COMPLAIN(r, "[%s]: a name is one word", header);
        return false;
    }
    *name = is_agent ? "" : *type;
    if (is_agent)
        *type = "";
    if (label != NULL) {
        char both[CONFIG_SECTION_NAME_MAX + 2];
        int len = snprintf(both, sizeof(both), "%s %s", *type, label);
        *name = arena_strndup(r->raw->arena, both, (size_t)len);
    }
    return true;
}

static void begin_section(struct reader *r, const char *header)
{
    const char *kind, *type, *name;

    r->skips = true;
    if (!split_header(r, header, &kind, &type, &name))
        return;
    const struct raw_section *old = raw_find_section(r->raw, kind, name);
    if (old != NULL) {
        COMPLAIN(r, "[%s]: this section stands already at %s; a second %s of one type needs a name: [%s %s NAME]", header,
                 old->where, kind, kind, *type != '\0' ? type : "TYPE");
        return;
    }
    if (r->raw->count >= CONFIG_SECTIONS_MAX) {
        COMPLAIN(r, "more than %d sections", CONFIG_SECTIONS_MAX);
        return;
    }
    struct raw_section *s = raw_add_section(r->raw, kind, type, name, place(r, r->line));
    s->is_readable_by_all = r->is_readable_by_all;
    r->section = (int)(s - r->raw->sections);
    r->skips = false;
}

/* Includes -------------------------------------------------------------------------------------------------------- */

static void read_file(const char *path, struct raw_config *raw, struct config_errors *errors, struct reader *includer);

/* A path of an include is relative to the file that names it. malloc'd. */
static char *beside(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');

    if (path[0] == '/' || slash == NULL)
        return xstrdup(path);
    return xasprintf("%.*s/%s", (int)(slash - file), file, path);
}

static void include_files(struct reader *r, const char *value)
{
    glob_t found;

    if (value[0] == '\0') {
        COMPLAIN(r, "include: expected a file or a pattern such as conf.d/*.conf");
        return;
    }
    char *pattern = beside(r->path, value);
    int rc = glob(pattern, GLOB_NOCHECK, NULL, &found);
    /* A pattern may match nothing: conf.d is empty until a package puts something there. A plain name may not. */
    bool is_pattern = strpbrk(value, "*?[") != NULL;
    if (rc != 0)
        COMPLAIN(r, "include = %s: cannot be searched", value);
    else if (!is_pattern || found.gl_pathc != 1 || strcmp(found.gl_pathv[0], pattern) != 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            read_file(found.gl_pathv[i], r->raw, r->errors, r);
    if (rc == 0)
        globfree(&found);
    free(pattern);
}

/* Lines ----------------------------------------------------------------------------------------------------------- */

static void add_option(struct reader *r, const char *name, const char *value)
{
    struct raw_section *s = &r->raw->sections[r->section];
    const struct raw_entry *old = raw_find_entry(s, name);

    if (name[0] == '\0')
        COMPLAIN(r, "= %s: the option's name is missing", value);
    else if (old != NULL)
        COMPLAIN(r, "%s: this option is set already at %s", name, old->where);
    else if (s->count >= CONFIG_OPTIONS_MAX)
        COMPLAIN(r, "%s: more than %d options in a section", name, CONFIG_OPTIONS_MAX);
    else
        raw_add_entry(r->raw, s, name, value, place(r, r->line));
}

#if INI_HANDLER_LINENO
static int on_pair(void *user, const char *header, const char *name, const char *value, int lineno)
#else
static int on_pair(void *user, const char *header, const char *name, const char *value)
#endif
{
    struct reader *r = user;

#if INI_HANDLER_LINENO
    (void)lineno; /* counts our markers as well */
#endif
    if (name == NULL)
        return 1; /* a build that calls for each new section; the marker does that for us */
    r->expects_call = false;
    if (strcmp(name, MARKER) == 0)
        begin_section(r, header);
    else if (r->skips)
        return 1;
    else if (r->section >= 0 && strcmp(name, "include") != 0)
        add_option(r, name, value);
    else if (r->section >= 0)
        COMPLAIN(r, "include: must stand before the first section");
    else if (strcmp(name, "include") == 0)
        include_files(r, value);
    else
        COMPLAIN(r, "%s: expected a section such as [agent] before the first option", name);
    return 1;
}

/* libinih would pass over a header without its ], and over what stands behind one. */
static bool is_good_header(struct reader *r, const char *text, size_t len)
{
    const char *stop = text + len, *close = memchr(text, ']', len);

    if (close == NULL) {
        COMPLAIN(r, "%.*s: the ] is missing", (int)len, text);
        return false;
    }
    const char *after = close + 1;
    while (after < stop && (*after == ' ' || *after == '\t'))
        after++;
    size_t inside = (size_t)(close - text) - 1;
    if (after < stop && *after != ';' && *after != '#') {
        COMPLAIN(r, "%.*s: a section's name stands on a line of its own", (int)len, text);
        return false;
    }
    if (memchr(text + 1, ';', inside) != NULL || memchr(text + 1, '[', inside) != NULL) {
        COMPLAIN(r, "%.*s: expected [agent], [source TYPE] or [sink TYPE]", (int)len, text);
        return false;
    }
    if (inside > CONFIG_SECTION_NAME_MAX) {
        COMPLAIN(r, "a section's name of %zu bytes, limit is %d", inside, CONFIG_SECTION_NAME_MAX);
        return false;
    }
    return true;
}

static bool is_text(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
            return false;
    return utf8_valid(line, len);
}

/* Takes the next line, without its end and its indentation; false at the end of the text. */
static bool take_line(struct reader *r, const char **line, size_t *len)
{
    if (r->rest == r->end)
        return false;
    const char *newline = memchr(r->rest, '\n', (size_t)(r->end - r->rest));
    const char *start = r->rest, *stop = newline != NULL ? newline : r->end;
    r->rest = newline != NULL ? newline + 1 : r->end;
    r->line++;
    if (r->line == 1 && stop - start >= 3 && memcmp(start, "\xEF\xBB\xBF", 3) == 0)
        start += 3;
    while (start < stop && strchr(BLANKS, *start) != NULL && *start != '\0')
        start++;
    while (start < stop && strchr(BLANKS, stop[-1]) != NULL && stop[-1] != '\0')
        stop--;
    *line = start;
    *len = (size_t)(stop - start);
    return true;
}

/* Is this line fit for libinih? If not, that is said and an empty line goes in its place. */
static bool is_good_line(struct reader *r, const char *line, size_t len, size_t room)
{
    if (len > room) {
        COMPLAIN(r, "a line of %zu bytes, limit is %zu; long texts can stand in a file of their own: ${FILE:/path}", len, room);
        r->skips = r->skips || line[0] == '[';
        return false;
    }
    if (line[0] == ';' || line[0] == '#')
        return false; /* a comment may hold anything */
    if (!is_text(line, len)) {
        COMPLAIN(r, "control characters or bytes that are not UTF-8");
        r->skips = r->skips || line[0] == '[';
        return false;
    }
    if (line[0] == '[' && !is_good_header(r, line, len)) {
        r->skips = true;
        return false;
    }
    return true;
}

/* What libinih calls for the next line; size counts the final NUL. */
static char *next_line(char *to, int size, void *stream)
{
    struct reader *r = stream;
    const char *line;
    size_t len;

    if (r->expects_call)
        COMPLAIN(r, "expected a [section] or option = value");
    r->expects_call = false;
    if (r->marks_section) {
        r->marks_section = false;
        snprintf(to, (size_t)size, MARKER "=\n");
        return to;
    }
    if (!take_line(r, &line, &len))
        return NULL;
    if (len == 0 || !is_good_line(r, line, len, (size_t)size - 2)) {
        snprintf(to, (size_t)size, "\n");
        return to;
    }
    r->marks_section = line[0] == '[';
    r->expects_call = line[0] != '[';
    memcpy(to, line, len);
    memcpy(to + len, "\n", 2);
    return to;
}

static void parse(struct reader *r, const char *text, size_t len)
{
    r->rest = text;
    r->end = text + len;
    r->section = -1;
    if (&ini_max_line != NULL)
        ini_max_line = CONFIG_LINE_MAX + 2;
    ini_parse_stream(next_line, r, on_pair, r); /* its result repeats what next_line and on_pair have said */
}

/* Files ----------------------------------------------------------------------------------------------------------- */

/* A pipe is fine (-c <(...)), a directory is not. */
static int load(const char *path, struct buf *text, bool *is_readable_by_all, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return err_sys(err, "cannot be read");
    int rc = fstat(fd, &st) < 0 ? err_sys(err, "cannot be read") : file_read(fd, text, err);
    close(fd);
    *is_readable_by_all = rc == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH) != 0;
    return rc;
}

/* -1 if `includer` must not read path: the file is open already further up, or there are too many. */
static int check_include(const struct reader *includer, const char *path, const struct raw_config *raw, struct err *err)
{
    char mine[PATH_MAX], theirs[PATH_MAX];
    unsigned depth = 0;

    if (raw->files >= CONFIG_FILES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d files", CONFIG_FILES_MAX);
    if (realpath(path, mine) == NULL)
        return 0; /* opening it will say why */
    for (const struct reader *r = includer; r != NULL; r = r->includer) {
        if (realpath(r->path, theirs) != NULL && strcmp(mine, theirs) == 0)
            return err_set(err, ERR_CONFIG, "includes itself");
        if (++depth >= CONFIG_DEPTH_MAX)
            return err_set(err, ERR_LIMIT, "included more than %d deep", CONFIG_DEPTH_MAX);
    }
    return 0;
}

static void read_file(const char *path, struct raw_config *raw, struct config_errors *errors, struct reader *includer)
{
    struct reader r = { .raw = raw, .errors = errors, .includer = includer };
    struct err err;
    struct buf text;

    buf_init(&text, CONFIG_FILE_MAX);
    r.path = arena_strndup(raw->arena, path, strlen(path));
    if (check_include(includer, path, raw, &err) == 0 && load(path, &text, &r.is_readable_by_all, &err) == 0) {
        raw->files++;
        parse(&r, text.data, text.len);
    } else if (includer != NULL) {
        COMPLAIN(includer, "include: %s: %s", path, err.msg);
    } else {
        config_problem(errors, PROBLEM_FILE, path, "%s", err.msg);
    }
    buf_fini(&text);
}

void config_file_read(const char *path, struct raw_config *raw, struct config_errors *errors)
{
    read_file(path, raw, errors, NULL);
}
