/* ctl_check_driver.h - facteurctl check --driver NAME: a check answers line after line, for the
 * public test suites (docs/testing.md). Each line is answered with nothing in the cache. */
#ifndef CORE_CTL_CTL_CHECK_DRIVER_H
#define CORE_CTL_CTL_CHECK_DRIVER_H

#include "core/base/arena.h"
#include "core/base/buf.h"

struct ctl;
struct dns_resolver;

/* What a driver is given for one line, and where its answer goes: one line without its end. */
struct check_line {
    struct ctl *ctl;
    struct arena *arena; /* of the line */
    struct dns_resolver *resolver;
    struct fct_str in;
    struct buf *out;
};

int ctl_check_driver(struct ctl *c);

#endif
