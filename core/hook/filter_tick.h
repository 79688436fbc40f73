/* filter_tick.h - the rows of the point `tick`: a timer each, a fiber per tick, never two of one
 * row at a time. */
#ifndef CORE_HOOK_FILTER_TICK_H
#define CORE_HOOK_FILTER_TICK_H

#include "core/hook/filter_slot.h"
#include "core/hook/hook_run.h"
#include "core/supervisor/role.h"

struct filter_ticks;

/* `ended` is told after each tick that was the last one running. */
struct filter_ticks *filter_ticks_start(struct role_env *env, struct hook_engine *engine,
                                        void (*ended)(void *owner), void *owner);
/* No new ones; those that run go on. NULL: a filter that drains before it started. */
void filter_ticks_stop(struct filter_ticks *ticks);
/* When nothing else will come: rows that run in every filter run once more, so that a plugin which
 * collects something writes the rest of it down. After stop. */
void filter_ticks_last(struct filter_ticks *ticks);
unsigned filter_ticks_running(const struct filter_ticks *ticks);

#endif
