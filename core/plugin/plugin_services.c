/* plugin_services.c - see plugin_services.h. */
#include "core/plugin/plugin_services.h"

#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/plugin/plugin_host.h"

void service_degraded(struct fct_call *call, const char *what)
{
    plugin_count(call->row->self, "degraded", 1);
    if (!call->tx->degraded)
        call_note(call, NOTE_FAULT, "degraded", str_from(what), 0);
    call->tx->degraded = true;
}

bool service_charge(struct fct_call *call, size_t bytes)
{
    const struct fct_self *self = call->row->self;
    uint64_t *used = &call->tx->memory_used[self->index];

    if (bytes > self->memory_bytes || *used > self->memory_bytes - bytes)
        return false;
    *used += bytes;
    return true;
}

bool service_wait_begin(struct fct_call *call, struct service_wait *wait)
{
    uint64_t outer;

    if (!fiber_inside() || !call_has_time(call))
        return false;
    outer = fiber_deadline();
    wait->outer_deadline =
        fiber_set_deadline(call->deadline_ms < outer ? call->deadline_ms : outer);
    call->tx->watch->leave(call);
    return true;
}

bool service_wait_end(struct fct_call *call, const struct service_wait *wait)
{
    call->tx->watch->enter(call);
    (void)fiber_set_deadline(wait->outer_deadline);
    return call_has_time(call);
}
