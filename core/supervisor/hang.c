/* hang.c - finds processes whose event loop stands still: each is asked a dozen times within
 * server.hang_limit whether it is there; one that owes every answer is killed and started afresh.
 *
 * Questions are counted, not time: after a pause of the whole machine nobody is killed for what was
 * slept through. */
#include "core/log/log.h"
#include "core/supervisor/control.h"
#include "core/supervisor/supervisor_int.h"

#include <event2/event.h>
#include <signal.h>

#define QUESTIONS 12
#define IDLE_MS   5000 /* while switched off: a reload may switch it on */

static void end_hung(struct process *p, uint64_t limit_ms)
{
    log_event(EV_HUNG, FCT_STR(""), F_C("role", p->role->name), F_U64("index", p->index),
              F_U64("pid", p->pid), F_U64("limit_ms", limit_ms));
    p->unanswered = 0;
    (void)kill(p->pid, SIGKILL);
}

static void set_timer(struct supervisor *sup)
{
    uint64_t limit_ms = sup->now.server->hang_limit.ms;
    uint64_t ms = limit_ms ? limit_ms / QUESTIONS + 1 : IDLE_MS;

    (void)event_add(sup->hang_timer, &(struct timeval){.tv_sec = (time_t)(ms / 1000),
                                                       .tv_usec = (suseconds_t)(ms % 1000 * 1000)});
}

static void ask_all(evutil_socket_t fd, short what, void *arg)
{
    struct supervisor *sup = arg;
    uint64_t limit_ms = sup->now.server->hang_limit.ms;

    (void)fd;
    (void)what;
    for (struct process *p = NULL; limit_ms && (p = process_next(sup, p));) {
        if (p->state != PROCESS_READY || !p->control)
            continue;
        if (p->unanswered == QUESTIONS) {
            end_hung(p, limit_ms);
            continue;
        }
        p->unanswered++;
        process_tell(p, CONTROL_PING, FCT_STR(""), -1);
    }
    set_timer(sup);
}

bool hang_watch(struct supervisor *sup, struct fct_err *err)
{
    sup->hang_timer = evtimer_new(sup->base, ask_all, sup);
    if (!sup->hang_timer)
        return fct_fail(err, FCT_TEMP, "event loop: no memory");
    set_timer(sup);
    return true;
}
