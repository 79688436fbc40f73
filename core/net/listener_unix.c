/* listener_unix.c - listening at "unix:/path": see listener.h. */
#include "core/base/str.h"
#include "core/net/listener.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024
#define PREFIX  "unix:"

bool listener_is_unix(const char *address)
{
    return str_starts(str_from(address), FCT_STR(PREFIX));
}

static const char *path_of(const char *address)
{
    return address + sizeof PREFIX - 1;
}

static bool fill_name(const char *address, struct sockaddr_un *name, struct fct_err *err)
{
    struct fct_str path = str_from(path_of(address));

    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (path.n == 0 || path.p[0] != '/' || path.n >= sizeof name->sun_path)
        return fct_fail(err, FCT_SYNTAX,
                        "address \"%s\": a path from / of at most %zu bytes is wanted (example: "
                        "unix:/run/facteur/milter.sock)",
                        address, sizeof name->sun_path - 1);
    memcpy(name->sun_path, path.p, path.n);
    return true;
}

/* Is anybody there? */
static bool answers(const struct sockaddr_un *name)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool yes = fd >= 0 && (connect(fd, (const struct sockaddr *)name, sizeof *name) == 0 ||
                           errno == EAGAIN || errno == EINPROGRESS);

    if (fd >= 0)
        close(fd);
    return yes;
}

static bool clear_place(const struct sockaddr_un *name, struct fct_err *err)
{
    struct stat st;

    if (lstat(name->sun_path, &st) != 0)
        return true;
    if (!S_ISSOCK(st.st_mode))
        return fct_fail(err, FCT_SYNTAX, "%s is there and is no socket", name->sun_path);
    if (answers(name))
        return fct_fail(err, FCT_TEMP, "listen on %s: another server is there", name->sun_path);
    (void)unlink(name->sun_path);
    return true;
}

bool listener_open_unix(const char *address, int *fd, struct fct_err *err)
{
    struct sockaddr_un name;
    mode_t before;
    bool ok;

    if (!fill_name(address, &name, err) || !clear_place(&name, err))
        return false;
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return fct_fail(err, FCT_TEMP, "socket: %s", strerror(errno));
    before = umask(0177); /* nobody gets in before the owner is set */
    ok = bind(*fd, (const struct sockaddr *)&name, sizeof name) == 0;
    (void)umask(before);
    if (ok && listen(*fd, BACKLOG) == 0)
        return true;
    (void)fct_fail(err, FCT_TEMP, "listen on %s: %s", name.sun_path, strerror(errno));
    close(*fd);
    return false;
}

static bool find_owner(const char *owner, uid_t *uid, gid_t *gid, struct fct_err *err)
{
    char name[128];
    struct fct_str group = str_from(owner), user = str_split(&group, ':');
    const struct passwd *pw;
    const struct group *gr;

    *uid = (uid_t)-1;
    *gid = (gid_t)-1;
    str_copy_c(name, sizeof name, user);
    pw = user.n ? getpwnam(name) : NULL;
    if (user.n && !pw)
        return fct_fail(err, FCT_SYNTAX, "owner \"%s\": there is no user %s", owner, name);
    if (pw)
        *uid = pw->pw_uid;
    if (!group.p)
        return true;
    str_copy_c(name, sizeof name, group);
    gr = getgrnam(name);
    if (!gr)
        return fct_fail(err, FCT_SYNTAX, "owner \"%s\": there is no group %s", owner, name);
    *gid = gr->gr_gid;
    return true;
}

bool listener_read_mode(const char *text, mode_t *mode, struct fct_err *err)
{
    char *end;
    unsigned long value = strtoul(text, &end, 8);

    if (!text[0] || *end || value > 0777)
        return fct_fail(err, FCT_SYNTAX, "mode \"%s\": must be octal, as in 0660", text);
    *mode = (mode_t)value;
    return true;
}

bool listener_set_access(const char *address, const struct listener_access *access,
                         struct fct_err *err)
{
    const char *path = path_of(address);
    mode_t mode;
    uid_t uid;
    gid_t gid;

    if (!listener_read_mode(access->mode, &mode, err))
        return false;
    if (!find_owner(access->owner, &uid, &gid, err))
        return false;
    if (access->owner[0] && chown(path, uid, gid) != 0)
        return fct_fail(err, FCT_TEMP, "give %s to %s: %s", path, access->owner, strerror(errno));
    if (chmod(path, mode) != 0)
        return fct_fail(err, FCT_TEMP, "mode of %s: %s", path, strerror(errno));
    return true;
}

void listener_remove_unix(const char *address)
{
    if (listener_is_unix(address))
        (void)unlink(path_of(address));
}
