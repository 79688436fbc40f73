/* ctl_resolver.c - see ctl_resolver.h. */
#include "core/ctl/ctl_resolver.h"

#include "core/ctl/ctl_cli.h"
#include "core/dns/resolver.h"
#include "core/fiber/fiber.h"

#include <event2/event.h>

#define STACK_BYTES (256u << 10)

static bool run(struct ctl *c, struct event_base *base, void (*work)(void *arg), void *arg,
                struct dns_resolver **resolver, struct fct_err *err)
{
    struct dns_conf conf = *(const struct dns_conf *)config_get(c->config, &dns_block);
    const char *given = ctl_option(c, "--dns");
    struct fiber_id working;

    if (given) {
        conf.mode = "forward";
        conf.server = (struct fct_strings){&given, 1};
    }
    *resolver = dns_resolver_new(base, &conf, err);
    if (!*resolver)
        return false;
    working = fiber_start(work, arg);
    while (fiber_is_alive(working) && event_base_loop(base, EVLOOP_ONCE) == 0)
        continue;
    dns_resolver_free(resolver);
    return true;
}

bool ctl_resolver_run(struct ctl *c, void (*work)(void *arg), void *arg,
                      struct dns_resolver **resolver, struct fct_err *err)
{
    struct event_base *base = event_base_new();
    bool ok;

    if (!base || !fiber_setup(base, STACK_BYTES, 2, err))
        return false;
    ok = run(c, base, work, arg, resolver, err);
    fiber_teardown();
    event_base_free(base);
    return ok;
}
