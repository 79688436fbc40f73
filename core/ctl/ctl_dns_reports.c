/* ctl_dns_reports.c - do the addresses that reports shall go to lead anywhere? The running server
 * is asked; where there is none, or it does not let the caller in, nobody can say. */
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_dns_int.h"
#include "core/fiber/fiber.h"
#include "store/store_client.h"

#include <event2/event.h>

static FCT_MAY_WAIT void check_address(struct dns_records *r, const char *address)
{
    struct store_resolution to;
    struct fct_err err = {0};

    if (r->notes == DNS_NOTES_MAX ||
        !store_resolve(r->ctl->store, str_from(address), r->arena, &to, &err) ||
        to.what != RESOLVED_UNKNOWN_USER)
        return;
    r->note[r->notes++] =
        arena_printf(r->arena,
                     "%s does not exist here, so reports are refused: facteurctl alias set %s "
                     "ADDRESS, or name another one by %s",
                     address, address, address == r->rua ? "--rua" : "--tls-rua")
            .p;
}

static FCT_MAY_WAIT void check_both(void *records)
{
    struct dns_records *r = records;
    struct fct_err err = {0};

    if (ctl_link_connect(r->ctl, &err)) {
        check_address(r, r->rua);
        check_address(r, r->tls_rua);
    }
    (void)event_base_loopbreak(r->ctl->base);
}

void dns_reports_check(struct dns_records *r)
{
    struct ctl *c = r->ctl;
    struct ctl_verb verb = *c->verb;
    const struct ctl_verb *before = c->verb;
    struct fct_err err = {0};

    verb.needs = NEEDS_SERVER; /* no store is started for this */
    c->verb = &verb;
    if (ctl_link_open(c, &err)) {
        struct fiber_id fiber;

        verb.needs = NEEDS_STORE;
        fiber = fiber_start(check_both, r);
        if (fiber_is_alive(fiber))
            (void)event_base_dispatch(c->base);
        ctl_link_close(c);
    }
    c->verb = before;
}
