/* service_rig.h - one call of one plugin, with the services of a filter process around it. */
#ifndef TESTS_SERVICE_RIG_H
#define TESTS_SERVICE_RIG_H

#include "core/fiber/fiber.h"
#include "core/log/log.h"
#include "core/plugin/plugin_host.h"
#include "core/plugin/plugin_services.h"

#include <check.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct service_rig {
    struct event_base *base;
    struct plugin_services services;
    struct plugin_set set;
    struct fct_self self, other; /* two plugins */
    struct plugin_row row, other_row;
    struct transaction tx;
    uint64_t memory_used[2];
    struct fct_call *call, *other_call;
    int off_processor; /* enter and leave must pair */
} service_rig;

static inline void service_rig_enter(struct fct_call *call)
{
    (void)call;
    service_rig.off_processor--;
}

static inline void service_rig_leave(struct fct_call *call)
{
    (void)call;
    service_rig.off_processor++;
}

static inline void service_rig_start(void)
{
    static struct call_watch watch;
    struct service_rig *rig = &service_rig;
    struct fct_err err = {0};

    *rig = (struct service_rig){.base = event_base_new()};
    log_setup(open("/dev/null", O_WRONLY | O_CLOEXEC), "test", FCT_INFO);
    ck_assert(fiber_setup(rig->base, 256u << 10, 16, &err));
    watch.enter = service_rig_enter;
    watch.leave = service_rig_leave;
    rig->services = (struct plugin_services){.base = rig->base, .max_streams = 4};
    rig->set.services = &rig->services;
    rig->self.arena = arena_new(NULL);
    rig->other.arena = arena_new(NULL);
    rig->row.self = &rig->self;
    rig->other_row.self = &rig->other;
    rig->self.memory_bytes = rig->other.memory_bytes = 1u << 20;
    rig->other.index = 1;
    rig->tx = (struct transaction){.arena = arena_new(NULL),
                                   .set = &rig->set,
                                   .watch = &watch,
                                   .memory_used = rig->memory_used};
    rig->call = call_begin(&rig->tx, &rig->row, clock_ms() + 5000, NULL);
    rig->other_call = call_begin(&rig->tx, &rig->other_row, clock_ms() + 5000, NULL);
}

static inline void service_rig_stop(void)
{
    struct service_rig *rig = &service_rig;

    plugin_streams_close(&rig->self);
    plugin_streams_close(&rig->other);
    ck_assert_int_eq(rig->off_processor, 0);
    call_release(rig->call);
    call_release(rig->other_call);
    arena_free(&rig->tx.arena);
    arena_free(&rig->self.arena);
    arena_free(&rig->other.arena);
    fiber_teardown();
    event_base_free(rig->base);
}

static inline double service_rig_counted(const struct fct_self *self, const char *name)
{
    for (const struct plugin_metric *m = self->metric; m; m = m->next)
        if (strcmp(m->name, name) == 0)
            return m->value;
    return 0;
}

/* work() in a fiber, to its end. */
static inline void service_rig_run(void (*work)(void *arg), void *arg)
{
    struct fiber_id id = fiber_start(work, arg);

    while (fiber_is_alive(id))
        event_base_loop(service_rig.base, EVLOOP_ONCE);
}

#endif
