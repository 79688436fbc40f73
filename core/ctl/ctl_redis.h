/* ctl_redis.h - for verbs that read or change what filters keep in Redis: a client of the server's
 * Redis, private or external, for the time of one piece of work. */
#ifndef CORE_CTL_CTL_REDIS_H
#define CORE_CTL_CTL_REDIS_H

#include "core/base/err.h"

#include <facteur/base.h>

struct ctl;
struct redis;

/* Runs work(arg) in a fiber of an event loop of its own; *redis is there as long, and is connected
 * when work begins. The verb needs NEEDS_CONF and no loop yet. FCT_TEMP: there is none, it does not
 * answer, or the private one is not running; work was not called then. */
FCT_MUST_CHECK bool ctl_redis_run(struct ctl *c, void (*work)(void *arg), void *arg,
                                  struct redis **redis, struct fct_err *err);

#endif
