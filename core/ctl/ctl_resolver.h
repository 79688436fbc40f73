/* ctl_resolver.h - for verbs that ask the DNS as a filter would: the resolver of the configuration,
 * or the one that --dns names, for the time of one piece of work. */
#ifndef CORE_CTL_CTL_RESOLVER_H
#define CORE_CTL_CTL_RESOLVER_H

#include "core/base/err.h"

#include <facteur/base.h>

struct ctl;
struct dns_resolver;

/* Runs work(arg) in a fiber of an event loop of its own; *resolver, whose cache is empty, is there
 * as long. The verb needs NEEDS_CONF and no loop yet. */
FCT_MUST_CHECK bool ctl_resolver_run(struct ctl *c, void (*work)(void *arg), void *arg,
                                     struct dns_resolver **resolver, struct fct_err *err);

#endif
