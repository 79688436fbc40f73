/* list_store.c - see list_store.h. */
#include "core/lists/list_store.h"

#include "core/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---- */

static bool read_fd(struct arena *arena, int fd, const char *path, struct fct_str *out,
                    struct fct_err *err)
{
    char *text = arena_alloc(arena, LIST_MAX + 1);
    size_t have = 0;
    ssize_t n;

    while (have <= LIST_MAX && (n = read(fd, text + have, LIST_MAX + 1 - have)) != 0) {
        if (n < 0)
            return fct_fail(err, FCT_DENIED, "%s: %s", path, strerror(errno));
        have += (size_t)n;
    }
    *out = (struct fct_str){text, have};
    return have <= LIST_MAX || fct_fail(err, FCT_LIMIT, "%s: larger than 8 MiB", path);
}

bool list_read(struct arena *arena, const char *path, struct fct_str *out, struct fct_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 ? read_fd(arena, fd, path, out, err)
                      : fct_fail(err, FCT_DENIED, "%s: %s", path, strerror(errno));

    if (fd >= 0)
        close(fd);
    return ok;
}

static const char *path_of(struct arena *arena, const char *folder, const char *name,
                           const char *kind, const char *tail)
{
    return arena_printf(arena, "%s/%s.list%s%s", folder, name, kind, tail).p;
}

static bool read_pair(struct arena *arena, const char *folder, const char *name, const char *kind,
                      struct list_file *out, struct fct_err *err)
{
    const char *path = path_of(arena, folder, name, kind, "");
    struct stat st;

    *out = (struct list_file){0};
    if (stat(path, &st) != 0)
        return errno == ENOENT || errno == ENOTDIR ||
               fct_fail(err, FCT_DENIED, "%s: %s", path, strerror(errno));
    out->there = true;
    out->since = st.st_mtime;
    if (!list_read(arena, path, &out->text, err))
        return false;
    path = path_of(arena, folder, name, kind, ".sig");
    return access(path, F_OK) != 0 || list_read(arena, path, &out->signature, err);
}

bool list_current(struct arena *arena, const char *folder, const char *name, struct list_file *out,
                  struct fct_err *err)
{
    return read_pair(arena, folder, name, "", out, err);
}

bool list_previous(struct arena *arena, const char *folder, const char *name, struct list_file *out,
                   struct fct_err *err)
{
    return read_pair(arena, folder, name, ".previous", out, err);
}

/* ---- writing ---- */

/* A plugin reads it under a user of its own: everybody may. */
static bool write_new(const char *path, struct fct_str text, struct fct_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && fchmod(fd, 0644) == 0;

    for (size_t at = 0; ok && at < text.n;) {
        ssize_t n = write(fd, text.p + at, text.n - at);

        ok = n > 0;
        at += ok ? (size_t)n : 0;
    }
    ok = ok && fsync(fd) == 0;
    if (!ok)
        (void)fct_fail(err, FCT_DENIED, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

static void sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

/* Missing is fine: there was none. */
static bool move(const char *from, const char *to, struct fct_err *err)
{
    return rename(from, to) == 0 || errno == ENOENT ||
           fct_fail(err, FCT_DENIED, "%s: %s", from, strerror(errno));
}

static bool remove_file(const char *path, struct fct_err *err)
{
    return unlink(path) == 0 || errno == ENOENT ||
           fct_fail(err, FCT_DENIED, "%s: %s", path, strerror(errno));
}

/* A second name for it: there is never a moment without a list. */
static bool keep(const char *current, const char *previous, struct fct_err *err)
{
    if (!remove_file(previous, err))
        return false;
    return link(current, previous) == 0 || errno == ENOENT ||
           fct_fail(err, FCT_DENIED, "%s: %s", previous, strerror(errno));
}

static bool make_folder(const char *folder, struct fct_err *err)
{
    if (mkdir(folder, 0755) == 0 || errno == EEXIST)
        return true;
    return fct_fail(err, FCT_DENIED, "%s: %s", folder, strerror(errno));
}

static bool install(struct arena *arena, const char *folder, const char *name, struct fct_str text,
                    struct fct_str signature, struct fct_err *err)
{
    const char *list = path_of(arena, folder, name, "", ""),
               *sig = path_of(arena, folder, name, "", ".sig"),
               *draft = path_of(arena, folder, name, ".new", ""),
               *sig_draft = path_of(arena, folder, name, ".new", ".sig");

    if (!make_folder(folder, err) || !write_new(draft, text, err) ||
        (signature.n > 0 && !write_new(sig_draft, signature, err)) ||
        !keep(list, path_of(arena, folder, name, ".previous", ""), err) ||
        !keep(sig, path_of(arena, folder, name, ".previous", ".sig"), err) ||
        !remove_file(sig, err) || (signature.n > 0 && !move(sig_draft, sig, err)) ||
        !move(draft, list, err))
        return false;
    sync_folder(folder);
    return true;
}

bool list_install(const char *folder, const char *name, struct fct_str text,
                  struct fct_str signature, struct fct_err *err)
{
    struct arena *arena = arena_new(NULL);
    bool ok = install(arena, folder, name, text, signature, err);

    arena_free(&arena);
    return ok;
}

static bool roll_back(struct arena *arena, const char *folder, const char *name,
                      struct fct_err *err)
{
    const char *list = path_of(arena, folder, name, "", ""),
               *sig = path_of(arena, folder, name, "", ".sig"),
               *previous = path_of(arena, folder, name, ".previous", "");

    if (access(list, F_OK) != 0)
        return fct_fail(err, FCT_DENIED, "%s was not updated: the list of the server is in use",
                        name);
    if (!remove_file(sig, err) ||
        !move(path_of(arena, folder, name, ".previous", ".sig"), sig, err) ||
        (access(previous, F_OK) == 0 ? !move(previous, list, err) : !remove_file(list, err)))
        return false;
    sync_folder(folder);
    return true;
}

bool list_rollback(const char *folder, const char *name, struct fct_err *err)
{
    struct arena *arena = arena_new(NULL);
    bool ok = roll_back(arena, folder, name, err);

    arena_free(&arena);
    return ok;
}

int list_version_compare(struct fct_str a, struct fct_str b)
{
    char x[64], y[64];

    str_copy_c(x, sizeof x, a);
    str_copy_c(y, sizeof y, b);
    return strverscmp(x, y);
}
