/* lua_watchdog.c - stops a callback that uses too much processor time.
 *
 * One timer per process on the processor clock of the loop's thread sends a signal every
 * LUA_TICK_MS of time really used: an idle process gets none, a callback that waits pays nothing.
 * The handler only looks whose turn it is (lua_running) and counts; over the budget it sets a count
 * hook, which lua_sethook allows from a signal handler, and the hook raises an error at the next
 * instruction. It stays set: a pcall that catches the error meets it again at once. Cost for
 * well-behaved rules: two stores. The permanent count hook that other engines use doubles the time
 * of every loop. */
#include "lua_engine.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid /* not named by every libc */
#endif

static struct {
    unsigned users; /* engines: the live set, one in shadow, one that is tested */
    int signal;
    timer_t timer;
    struct sigaction before;
} dog;

static void stop_script(lua_State *L, lua_Debug *at)
{
    struct lua_call *c = lua_running;

    if (!c || !c->stopped) { /* a coroutine kept from an earlier callback that was stopped */
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    lua_getinfo(L, "Sl", at);
    lua_pushfstring(L, "%s:%d: processor budget exceeded", at->short_src, at->currentline);
    lua_error(L);
}

static void tick(int signal)
{
    struct lua_call *c = lua_running;

    (void)signal;
    if (!c || ++c->ticks < c->may_tick)
        return;
    c->stopped = 1;
    if (lua_gethook(c->L) !=
        stop_script) /* it walks all frames: longer than a tick in a deep recursion */
        lua_sethook(c->L, stop_script, LUA_MASKCOUNT, 1);
}

/* A real-time signal that nobody in this process handles. */
static int free_signal(void)
{
    struct sigaction now;

    for (int s = SIGRTMAX - 1; s >= SIGRTMIN; s--)
        if (sigaction(s, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
            now.sa_handler == SIG_DFL)
            return s;
    return -1;
}

bool lua_watchdog_start(struct fct_err *err)
{
    struct sigaction act = {.sa_handler = tick, .sa_flags = SA_RESTART | SA_ONSTACK};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID};
    const struct itimerspec every = {{0, LUA_TICK_MS * 1000000L}, {0, LUA_TICK_MS * 1000000L}};
    sigset_t mine;

    if (dog.users > 0) {
        dog.users++;
        return true;
    }
    dog.signal = free_signal();
    event.sigev_signo = dog.signal;
    event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
    sigemptyset(&mine);
    sigaddset(&mine, dog.signal);
    pthread_sigmask(SIG_UNBLOCK, &mine, NULL);
    if (dog.signal < 0 || sigaction(dog.signal, &act, &dog.before) != 0 ||
        timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &dog.timer) != 0 ||
        timer_settime(dog.timer, 0, &every, NULL) != 0) {
        return lua_fail(err, FCT_TEMP, "no timer for the rules' processor budget: %s",
                        strerror(errno));
    }
    dog.users = 1;
    return true;
}

void lua_watchdog_stop(void)
{
    if (dog.users == 0 || --dog.users > 0)
        return;
    timer_delete(dog.timer);
    signal(dog.signal, SIG_IGN); /* drops a tick that is still under way */
    sigaction(dog.signal, &dog.before, NULL);
}
