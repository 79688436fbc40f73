/* destination_key.c - see destination_key.h. */
#include "protocols/relay/destination_key.h"

#include "core/base/str.h"

/* Blocks without hosts have names of their own, so that "mx" is nobody's but the standing route's;
 * and what a plugin or a rule made keeps to itself, because its rate is nobody else's. */
static void put_way(const struct route *route, struct buf *out)
{
    buf_put_c(out, route->hosts ? "route" : "mx");
    if (route->by_plugin || (!route->hosts && !route->is_standing))
        buf_printf(out, "/%s", route->name);
}

static void put_hosts(const struct hops *hops, struct buf *out)
{
    for (size_t i = 0; i < hops->n; i++) {
        const struct hop *hop = &hops->hop[i];

        buf_printf(out, "%c%.*s:%u", i == 0 ? ' ' : ',', FCT_FMT(hop->name), (unsigned)hop->port);
    }
}

/* What the route wants of a connection. A password counts, but is not shown. */
static void put_terms(const struct route *route, uint32_t usual, struct buf *out)
{
    if (route->tls != RELAY_TLS_MAY)
        buf_printf(out, " tls=%s", relay_tls_word(route->tls));
    if (route->user.n > 0)
        buf_printf(out, " user=%.*s/%08x", FCT_FMT(route->user),
                   (unsigned)(str_hash(route->password) & 0xffffffffu));
    for (size_t i = 0; i < route->source.n; i++)
        buf_printf(out, "%s%s", i == 0 ? " source=" : ",", route->source.item[i]);
    if (route->message_gap_ms > 0)
        buf_printf(out, " gap=%llums", (unsigned long long)route->message_gap_ms);
    if (route->max_connections != usual)
        buf_printf(out, " connections=%u", (unsigned)route->max_connections);
}

/* What one domain's DNSSEC or MTA-STS policy proves says nothing of another's. */
static void put_proof(const struct target *target, struct buf *out)
{
    if (target->hops.authentic)
        buf_put_c(out, " dnssec");
    if (target->tls_optional)
        buf_put_c(out, " tls-optional");
    if (target->policy.has_sts)
        buf_printf(out, " mta-sts %s %016llx", mta_sts_mode_word(target->policy.sts.mode),
                   (unsigned long long)str_hash(target->policy.sts.text));
}

void destination_key(const struct target *target, uint32_t usual, struct buf *out)
{
    put_way(target->route, out);
    put_hosts(&target->hops, out);
    put_terms(target->route, usual, out);
    put_proof(target, out);
}
