/* ctl_socket.c - listen on and connect to run_dir/ctl.sock. */
#include "core/ctl/ctl_socket.h"

#include "core/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = CTL_SOCKET};

static const struct sockaddr *here(void)
{
    return (const struct sockaddr *)&address;
}

/* Go into run_dir; returns a descriptor of where we were, or -1 with errno set. */
static int enter(const char *run_dir)
{
    int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (back >= 0 && chdir(run_dir) != 0) {
        int error = errno;

        close(back);
        errno = error;
        return -1;
    }
    return back;
}

static void leave(int back)
{
    int error = errno;

    (void)!fchdir(back);
    close(back);
    errno = error;
}

bool ctl_socket_listen(const char *run_dir, int *fd, struct fct_err *err)
{
    int back = enter(run_dir);
    mode_t mask;
    bool ok;

    if (back < 0)
        return fct_fail(err, FCT_TEMP, "control socket in %s: %s", run_dir, strerror(errno));
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)unlink(CTL_SOCKET);
    mask = umask(0177);
    ok = *fd >= 0 && bind(*fd, here(), sizeof address) == 0 && listen(*fd, 16) == 0;
    (void)umask(mask);
    leave(back);
    if (!ok)
        return fct_fail(err, FCT_TEMP, "control socket in %s: %s", run_dir, strerror(errno));
    return true;
}

void ctl_socket_remove(const char *run_dir)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/%s", run_dir, CTL_SOCKET);
    (void)unlink(path);
}

bool ctl_connect(const char *run_dir, int *fd, struct fct_err *err)
{
    int back = enter(run_dir);
    bool ok;

    if (back < 0)
        return fct_fail(err, FCT_TEMP, "no server runs in %s: %s", run_dir, strerror(errno));
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ok = *fd >= 0 && connect(*fd, here(), sizeof address) == 0 &&
         fcntl(*fd, F_SETFL, O_NONBLOCK) == 0;
    leave(back);
    if (ok)
        return true;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    if (errno == EACCES)
        return fct_fail(err, FCT_DENIED, "the control socket in %s belongs to another user",
                        run_dir);
    return fct_fail(err, FCT_TEMP, "no server runs in %s", run_dir);
}
