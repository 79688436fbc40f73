/* filter_tick.c - see filter_tick.h. */
#include "core/hook/filter_tick.h"

#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/hook/filter_lease.h"
#include "core/log/log.h"
#include "core/plugin/plugin_services.h"
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#define LEASE_SLACK_MS 5000u /* a holder may come so much late before it loses a lease */

struct tick {
    struct filter_ticks *all;
    const struct plan_row *row;
    struct event *timer;
    struct lease_entry *lease; /* FCT_ONCE */
    char name[sizeof((struct lease_entry *)0)->name];
    bool running;
};

struct filter_ticks {
    struct hook_engine *engine;
    void (*ended)(void *owner);
    void *owner;
    struct redis *redis;
    struct tick *tick;
    size_t n;
    unsigned running; /* fibers */
};

/* ---- one tick ---- */

static FCT_MAY_WAIT void run_tick(struct tick *t)
{
    const struct fct_conn conn = {.size = sizeof conn,
                                  .role = FCT_ROLE_LOCAL,
                                  .id = FCT_STR("tick"),
                                  .frontend = FCT_STR("tick")};
    const struct fct_envelope envelope = {.size = sizeof envelope};
    const struct fct_ev_tick ev = {.now = (uint64_t)clock_wall()};
    struct arena *arena = arena_new(NULL);
    struct hook_decision decision;
    struct transaction tx;

    hook_transaction_init(t->all->engine, &tx, arena, &conn, &envelope);
    hook_run_row(t->all->engine, &tx, t->row, &ev, &decision);
    arena_free(&arena);
}

static uint64_t lease_ms(const struct tick *t)
{
    return t->row->row->is.interval_ms + LEASE_SLACK_MS;
}

/* This server's turn among those that share its Redis. */
static FCT_MAY_WAIT bool is_turn_of_server(const struct tick *t)
{
    return !t->lease || filter_lease_take_shared(t->all->redis, t->name, lease_ms(t));
}

/* One whose tick still runs only keeps its leases. */
static void tick_fiber(void *arg)
{
    struct tick *t = arg;

    if (is_turn_of_server(t) && !t->running) {
        t->running = true;
        run_tick(t);
        t->running = false;
    }
    if (--t->all->running == 0)
        t->all->ended(t->all->owner);
}

/* This process's among those of the server. */
static bool is_our_turn(const struct tick *t)
{
    return !t->lease || filter_lease_take(t->lease, (uint32_t)getpid(), clock_ms(), lease_ms(t));
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
    struct tick *t = arg;

    (void)fd, (void)what;
    if (!is_our_turn(t) || (t->running && !t->lease))
        return;
    t->all->running++;
    fiber_start(tick_fiber, t);
}

/* ---- all of them ---- */

static struct lease_entry *lease_of(struct role_env *env, struct tick *t, size_t nth)
{
    struct filter_common *common = env->shared_common;
    const struct plugin_row *row = t->row->row;
    struct lease_entry *lease;

    if (!common || row->is.scope != FCT_ONCE)
        return NULL;
    snprintf(t->name, sizeof t->name, "%s/%s/%zu", row->self->name, row->label, nth);
    lease = filter_lease_of(&common->leases, t->name);
    if (!lease)
        log_event(EV_WARNING, FCT_STR(""), F_C("plugin", row->self->name), F_C("rule", row->label),
                  F_C("text", "too many ticks that run once: this one runs in every filter"));
    return lease;
}

static void start_tick(struct role_env *env, struct tick *t, size_t nth)
{
    const struct plugin_row *row = t->row->row;
    struct timeval interval = {(time_t)(row->is.interval_ms / 1000),
                               (suseconds_t)(row->is.interval_ms % 1000 * 1000)};

    t->lease = lease_of(env, t, nth);
    t->timer = event_new(env->base, -1, EV_PERSIST, on_time, t);
    if (!t->timer || event_add(t->timer, &interval) != 0)
        fct_assert_failed("memory for a timer", __FILE__, __LINE__);
}

struct filter_ticks *filter_ticks_start(struct role_env *env, struct hook_engine *engine,
                                        void (*ended)(void *owner), void *owner)
{
    const struct plan_point *point = &engine->plan.point[FCT_HOOK_tick];
    struct filter_ticks *ticks = ARENA_NEW(engine->set.arena, struct filter_ticks);

    *ticks = (struct filter_ticks){.engine = engine,
                                   .ended = ended,
                                   .owner = owner,
                                   .tick = ARENA_ARRAY(engine->set.arena, struct tick, point->n),
                                   .n = env->for_command ? 0 : point->n};
    if (engine->set.services)
        ticks->redis = engine->set.services->redis;
    for (size_t i = 0; i < ticks->n; i++) {
        ticks->tick[i] = (struct tick){.all = ticks, .row = &point->row[i]};
        start_tick(env, &ticks->tick[i], i);
    }
    return ticks;
}

void filter_ticks_stop(struct filter_ticks *ticks)
{
    for (size_t i = 0; ticks && i < ticks->n; i++)
        if (ticks->tick[i].timer) {
            event_free(ticks->tick[i].timer);
            ticks->tick[i].timer = NULL;
        }
}

void filter_ticks_last(struct filter_ticks *ticks)
{
    if (!ticks)
        return;
    ticks->running++; /* nobody is told before all have begun */
    for (size_t i = 0; i < ticks->n; i++) {
        struct tick *t = &ticks->tick[i];

        if (t->lease || t->running)
            continue;
        ticks->running++;
        fiber_start(tick_fiber, t);
    }
    ticks->running--;
}

unsigned filter_ticks_running(const struct filter_ticks *ticks)
{
    return ticks ? ticks->running : 0;
}
