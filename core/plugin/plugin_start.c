/* plugin_start.c - see plugin_start.h. The timer's handler jumps out of the plugin's code, wherever
 * it is: locks of the C library may stay taken. The timer therefore runs on: should reporting the
 * failure hang, it ends the process. */
#include "core/plugin/plugin_start.h"

#include "core/base/err.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

#define REPORT_MS 5000u /* for saying what happened */

static sigjmp_buf way_out;

static void set_timer(uint64_t ms)
{
    struct itimerval when = {.it_value = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)}};

    setitimer(ITIMER_REAL, &when, NULL);
}

static void time_is_over(int signo)
{
    (void)signo;
    siglongjmp(way_out, 1);
}

static bool call_start(struct fct_self *self, const struct fct_host *host, struct fct_err *err)
{
    bool ok = self->object->start(self, host, self->conf, &self->state, err);

    if (!ok && err && err->class == FCT_OK)
        fct_fail(err, FCT_DENIED, "its start() failed without saying why");
    return ok;
}

static bool fail_hung(uint64_t limit_ms, struct fct_err *err)
{
    signal(SIGALRM, SIG_DFL);
    set_timer(REPORT_MS);
    return fct_fail(err, FCT_DENIED, "its start() did not return within %llu ms",
                    (unsigned long long)limit_ms);
}

bool plugin_start(struct fct_self *self, const struct fct_host *host, uint64_t limit_ms,
                  struct fct_err *err)
{
    struct sigaction action = {.sa_handler = time_is_over}, before;
    bool ok;

    if (!self->object->start)
        return true;
    if (limit_ms == 0)
        return call_start(self, host, err);
    sigemptyset(&action.sa_mask);
    if (sigsetjmp(way_out, 1) != 0)
        return fail_hung(limit_ms, err);
    sigaction(SIGALRM, &action, &before);
    set_timer(limit_ms);
    ok = call_start(self, host, err);
    set_timer(0);
    sigaction(SIGALRM, &before, NULL);
    return ok;
}
