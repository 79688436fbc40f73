/* filter_job.h - inside the filter role: one request on its way through a fiber. filter_role.c has
 * the process's life, filter_job.c what is done for a request. */
#ifndef CORE_HOOK_FILTER_JOB_H
#define CORE_HOOK_FILTER_JOB_H

#include "core/hook/filter_codec.h"
#include "core/hook/filter_history.h"
#include "core/hook/filter_services.h"
#include "core/hook/filter_session.h"
#include "core/hook/filter_slot.h"
#include "core/hook/filter_tick.h"
#include "core/hook/hook_run.h"

#define SPARE_ARENAS 16u

struct filter_peer;

struct filter {
    struct role_env *env;
    struct hook_engine engine;
    struct filter_sessions sessions;
    struct plugin_services services;
    struct filter_ticks *ticks;
    struct filter_history history;
    struct filter_death death; /* of the predecessor */
    struct filter_peer *peer;
    struct arena *spare[SPARE_ARENAS]; /* reset, with a block each */
    unsigned spares;
    struct buf answer; /* scratch: nothing waits between filling and sending it */
    struct header_limits header_limits;
    struct mime_limits mime_limits;
    unsigned running; /* requests */
    bool leaving, last_ticks, drained;
    uint64_t born_ms, served;
};

/* A request on its way through a fiber. */
struct filter_job {
    struct filter *filter;
    struct arena *arena;
    struct ipc_ticket ticket;
    struct fct_str payload;
    int fd; /* the message's, or -1 */
};

/* Begin what `in` asks for; false: it is no request of ours. */
bool filter_job_start(struct filter *f, struct ipc_in *in);
/* filter_role.c: told after each. */
void filter_job_ended(struct filter *f);

#endif
