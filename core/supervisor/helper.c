/* helper.c - a short-lived process that does one thing over a connection to a role, such as loading
 * the accounts of facteur dev. */
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/supervisor/supervisor_int.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct help {
    void (*done)(struct supervisor *sup, void *arg, bool ok);
    void *arg;
};

static void ended(struct supervisor *sup, void *arg, int wait_status)
{
    struct help *h = arg;

    h->done(sup, h->arg, WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0);
    free(h);
}

bool supervisor_help(struct supervisor *sup, enum role_kind kind, bool (*work)(void *arg, int fd),
                     void (*done)(struct supervisor *sup, void *arg, bool ok), void *arg,
                     struct fct_err *err)
{
    struct help *h;
    pid_t pid;
    int fd;

    if (!supervisor_attach(sup, kind, 0, &fd, err))
        return false;
    log_flush();
    pid = fork();
    if (pid == 0) {
        supervisor_leave((const int[]){fd, sup->log_fd}, 2);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        bool ok = work(arg, fd);

        log_flush();
        _exit(ok ? 0 : 1);
    }
    close(fd);
    if (pid < 0)
        return fct_fail(err, FCT_TEMP, "fork: %s", strerror(errno));
    h = calloc(1, sizeof *h);
    FCT_ASSERT(h);
    *h = (struct help){done, arg};
    supervisor_watch_helper(sup, pid, ended, h);
    return true;
}
