/* ctl_mail_files.c - see ctl_mail_files.h. */
#include "core/ctl/ctl_mail_files.h"

#include "core/base/str.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FILES_MAX = 10000000, DEPTH_MAX = 64 };

/* ---- files ---- */

static bool add_file(struct arena *arena, struct mail_files *out, struct fct_str path,
                     struct fct_err *err)
{
    if (out->n == FILES_MAX)
        return fct_fail(err, FCT_LIMIT, "more than %d files", FILES_MAX);
    if (out->n == out->room) {
        size_t room = out->room ? 2 * out->room : 256;

        out->path =
            arena_grow(arena, out->path, out->room * sizeof *out->path, room * sizeof *out->path);
        out->room = room;
    }
    out->path[out->n++] = path;
    return true;
}

/* "tmp" has what is being delivered (Maildir). */
static int is_wanted(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strcmp(entry->d_name, "tmp") != 0;
}

static bool add_path(struct arena *arena, struct mail_files *out, struct fct_str path,
                     unsigned depth, struct fct_err *err);

static bool add_folder(struct arena *arena, struct mail_files *out, struct fct_str path,
                       unsigned depth, struct fct_err *err)
{
    struct dirent **entry;
    bool ok = true;
    int n;

    if (depth == DEPTH_MAX)
        return fct_fail(err, FCT_LIMIT, "%s: folders are nested too deeply", path.p);
    n = scandir(path.p, &entry, is_wanted, alphasort);
    if (n < 0)
        return fct_fail(err, FCT_SYNTAX, "%s: %s", path.p, strerror(errno));
    for (int i = 0; i < n; i++) {
        struct fct_str inside = arena_printf(arena, "%s/%s", path.p, entry[i]->d_name);

        ok = ok && add_path(arena, out, inside, depth + 1, err);
        free(entry[i]);
    }
    free(entry);
    return ok;
}

static bool add_path(struct arena *arena, struct mail_files *out, struct fct_str path,
                     unsigned depth, struct fct_err *err)
{
    struct stat st;

    if (lstat(path.p, &st) < 0 || (S_ISLNK(st.st_mode) && stat(path.p, &st) < 0))
        return depth > 0 || fct_fail(err, FCT_SYNTAX, "%s: %s", path.p, strerror(errno));
    if (S_ISREG(st.st_mode))
        return add_file(arena, out, path, err);
    if (!S_ISDIR(st.st_mode))
        return depth > 0 || fct_fail(err, FCT_SYNTAX, "%s: is no file and no folder", path.p);
    if (depth > 0 && lstat(path.p, &st) == 0 && S_ISLNK(st.st_mode))
        return true; /* it may lead back to where we are */
    return add_folder(arena, out, path, depth, err);
}

bool mail_files_find(struct arena *arena, const char *const *word, size_t words,
                     struct mail_files *out, struct fct_err *err)
{
    *out = (struct mail_files){0};
    for (size_t i = 0; i < words; i++)
        if (!add_path(arena, out, arena_str(arena, str_from(word[i])), 0, err))
            return false;
    return out->n > 0 || fct_fail(err, FCT_SYNTAX, "there is no message");
}

/* ---- messages in a file ---- */

static bool is_mbox(struct fct_str s)
{
    struct fct_str line = str_split(&s, '\n');

    return str_starts(line, FCT_STR("From ")) && str_find_char(str_head(line, 20), ':') < 0;
}

/* Where the next "From " line begins: behind an empty line. */
static size_t next_start(struct fct_str s)
{
    size_t at = 1;

    for (;;) {
        ptrdiff_t found = str_find(str_skip(s, at), FCT_STR("\nFrom "));
        size_t here;

        if (found < 0)
            return s.n;
        here = at + (size_t)found;
        if (s.p[here - 1] == '\n' || (here >= 2 && s.p[here - 1] == '\r' && s.p[here - 2] == '\n'))
            return here + 1;
        at = here + 1;
    }
}

/* The empty line that ends each message of an mbox is none of its own (RFC 4155). */
static struct fct_str without_end(struct fct_str s)
{
    if (s.n >= 4 && memcmp(s.p + s.n - 4, "\r\n\r\n", 4) == 0)
        return str_head(s, s.n - 2);
    return s.n >= 2 && memcmp(s.p + s.n - 2, "\n\n", 2) == 0 ? str_head(s, s.n - 1) : s;
}

bool mail_files_next(struct fct_str *rest, struct fct_str *message)
{
    bool mbox = is_mbox(*rest);
    size_t n = rest->n;

    if (n == 0)
        return false;
    if (mbox)
        n = next_start(*rest);
    *message = mbox ? without_end(str_head(*rest, n)) : *rest;
    *rest = str_skip(*rest, n);
    return true;
}

bool mail_files_is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}
