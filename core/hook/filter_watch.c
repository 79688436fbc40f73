/* filter_watch.c - ITIMER_REAL, one shot at a time: it is armed again only while callbacks run, so
 * an idle process sleeps, and a busy one sees one signal per limit. Wall time, not processor time:
 * a callback that sleeps is as bad as one that loops. */
#include "core/hook/filter_watch.h"

#include "core/base/clock.h"
#include "core/hook/filter_offload.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

static const _Atomic uint32_t never;

static struct {
    struct filter_slot *slot;
    uint64_t limit_us;
    volatile sig_atomic_t running, armed;
    volatile uint64_t
        entered_us; /* a torn read is possible on 32-bit machines only, and costs one early look */
    const _Atomic uint32_t *look;
    int mark; /* a descriptor that nobody else knows */
} watch = {.look = &never};
static struct filter_slot nobody;

static void arm(uint64_t us)
{
    struct itimerval when = {.it_value = {(time_t)(us / 1000000), (suseconds_t)(us % 1000000 + 1)}};

    watch.armed = 1;
    setitimer(ITIMER_REAL, &when, NULL);
}

static void on_alarm(int signo)
{
    int saved = errno;
    uint64_t now = clock_us(), busy = watch.running ? now - watch.entered_us : 0;

    (void)signo;
    watch.armed = 0;
    if (busy >= watch.limit_us || filter_offload_hangs(now)) {
        atomic_store(&watch.slot->hung, 1);
        _exit(FILTER_EXIT_HUNG);
    }
    if (watch.running || filter_offload_running() > 0)
        arm(watch.limit_us - busy);
    errno = saved;
}

bool filter_watch_setup(struct filter_slot *slot, uint64_t limit_ms, struct fct_err *err)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

    watch.slot = slot ? slot : &nobody;
    watch.limit_us = limit_ms * 1000;
    watch.running = 0;
    watch.armed = 0;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGALRM, &action, NULL) != 0)
        return fct_fail(err, FCT_BUG, "sigaction: %s", strerror(errno));
    return filter_offload_setup(watch.slot, err);
}

void filter_watch_descriptors(const _Atomic uint32_t *wanted)
{
    watch.mark = eventfd(0, EFD_CLOEXEC);
    if (watch.mark >= 0)
        watch.look = wanted;
}

static bool has_mark(void)
{
    return atomic_load_explicit(watch.look, memory_order_relaxed) == 0 ||
           fcntl(watch.mark, F_GETFD) >= 0;
}

void filter_watch_teardown(void)
{
    struct itimerval off = {0};

    filter_offload_teardown();
    setitimer(ITIMER_REAL, &off, NULL);
    signal(SIGALRM, SIG_DFL);
    watch.running = 0;
    watch.armed = 0;
}

/* The order matters: the handler may come between any two lines. */
static void enter(struct fct_call *call)
{
    const struct plugin_row *row = call->row;

    filter_slot_name(&watch.slot->name, row->self->name, row->label, call->tx->id, call->hook);
    call->entered_us = clock_us();
    if (call->begun_us == 0)
        call->begun_us = call->entered_us;
    watch.entered_us = call->entered_us;
    watch.running = 1;
    atomic_store(&watch.slot->running, 1);
    if (!watch.armed && watch.limit_us > 0)
        arm(watch.limit_us);
}

static void leave(struct fct_call *call)
{
    if (!has_mark())
        _exit(FILTER_EXIT_CLOSED);
    atomic_store(&watch.slot->running, 0);
    watch.running = 0;
    call->left_us = clock_us();
    call->busy_us += call->left_us - call->entered_us;
}

static void run_offload(struct fct_call *call, void (*work)(void *arg), void *arg)
{
    if (!watch.armed && watch.limit_us > 0)
        arm(watch.limit_us);
    filter_offload(call, work, arg, watch.limit_us);
}

const struct call_watch filter_watch = {enter, leave, run_offload};
