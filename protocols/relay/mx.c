/* mx.c - see mx.h. */
#include "protocols/relay/mx.h"

#include "core/base/str.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define ROUTE_TTL_S 300

static bool outcome(struct delivery_result *result, enum outcome what, const char *status,
                    const char *fmt, ...) FCT_PRINTF(4, 5);
static bool outcome(struct delivery_result *result, enum outcome what, const char *status,
                    const char *fmt, ...)
{
    char text[sizeof result->text];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    outcome_without_reply(result, what, status, text);
    return false;
}

/* ---- what needs no question ---- */

static bool from_route(struct arena *arena, const struct route *route, struct hops *out)
{
    struct hop *hop = ARENA_ARRAY(arena, struct hop, route->hosts);

    for (size_t i = 0; i < route->hosts; i++)
        hop[i] = (struct hop){.name = arena_str(arena, route->host[i].name),
                              .port = route->host[i].port,
                              .is_address = route->host[i].is_address,
                              .preference = (uint32_t)i};
    *out = (struct hops){.hop = hop, .n = route->hosts, .ttl_s = ROUTE_TTL_S, .by_route = true};
    return true;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]"                                      RFC 5321 4.1.3 */
static bool from_literal(struct arena *arena, struct fct_str domain, uint16_t port,
                         struct hops *out, struct delivery_result *result)
{
    struct fct_str inside = str_head(str_skip(domain, 1), domain.n >= 2 ? domain.n - 2 : 0);
    struct hop *hop = ARENA_NEW(arena, struct hop);
    unsigned char bytes[sizeof(struct in6_addr)];
    char text[INET6_ADDRSTRLEN];
    bool v6 = str_starts_nocase(inside, FCT_STR("IPv6:"));

    if (v6)
        inside = str_skip(inside, 5);
    str_copy_c(text, sizeof text, inside);
    if (inside.n >= sizeof text || str_find_char(inside, '\0') >= 0 ||
        inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes) != 1)
        return outcome(result, OUTCOME_FAILED, "5.1.2", "%.*s is no address", FCT_FMT(domain));
    *hop = (struct hop){.name = arena_str(arena, inside), .port = port, .is_address = true};
    *out = (struct hops){.hop = hop, .n = 1, .ttl_s = ROUTE_TTL_S};
    return true;
}

/* ---- answers ---- */

static bool is_self(const struct mx_self *self, struct fct_str name)
{
    for (size_t i = 0; i < self->n; i++)
        if (str_equal_nocase(self->name[i], name))
            return true;
    return false;
}

static int by_preference(const void *a, const void *b)
{
    uint32_t x = ((const struct hop *)a)->preference, y = ((const struct hop *)b)->preference;

    return x < y ? -1 : x > y;
}

/* RFC 5321 5.1: of our own preference and worse, nobody is asked. */
static size_t before_self(const struct mx_self *self, const struct hop *hop, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_self(self, hop[i].name)) {
            while (i > 0 && hop[i - 1].preference == hop[i].preference)
                i--;
            return i;
        }
    return n;
}

static bool judge_records(struct arena *arena, struct fct_str domain,
                          const struct fct_dns_answer *answer, const struct mx_self *self,
                          struct hops *out, struct delivery_result *result)
{
    struct hop *hop = ARENA_ARRAY(arena, struct hop, answer->n + 1);
    size_t n = 0, usable;

    if (answer->n == 1 && answer->record[0].data.n == 0)
        return outcome(result, OUTCOME_FAILED, "5.1.10",
                       "the domain %.*s takes no mail (null MX, RFC 7505)", FCT_FMT(domain));
    for (size_t i = 0; i < answer->n && n < HOPS_MAX; i++)
        if (answer->record[i].data.n > 0)
            hop[n++] = (struct hop){.name = arena_str(arena, answer->record[i].data),
                                    .port = self->port,
                                    .preference = answer->record[i].preference};
    qsort(hop, n, sizeof *hop, by_preference);
    usable = before_self(self, hop, n);
    *out = (struct hops){
        .hop = hop, .n = usable, .ttl_s = answer->ttl, .authentic = answer->authentic};
    if (usable > 0)
        return true;
    return outcome(result, OUTCOME_FAILED, "5.4.6",
                   "the MX of %.*s leads back to this server, which does not know the domain",
                   FCT_FMT(domain));
}

bool mx_judge(struct arena *arena, struct fct_str domain, const struct fct_dns_answer *answer,
              const struct mx_self *self, struct hops *out, struct delivery_result *result)
{
    struct hop *hop;

    switch ((enum fct_dns_status)answer->status) {
    case FCT_DNS_OK:
        if (answer->n > 0)
            return judge_records(arena, domain, answer, self, out, result);
        break;
    case FCT_DNS_NO_DATA: /* the implicit MX */
        break;
    case FCT_DNS_NO_NAME:
        return outcome(result, OUTCOME_FAILED, "5.1.2", "the domain %.*s does not exist",
                       FCT_FMT(domain));
    case FCT_DNS_REFUSED:
        return outcome(result, OUTCOME_FAILED, "5.1.2", "%.*s is no name of a domain",
                       FCT_FMT(domain));
    case FCT_DNS_FAILED:
    case FCT_DNS_BOGUS:
        return outcome(result, OUTCOME_DEFERRED, "4.4.3", "looking up the MX of %.*s: %.*s",
                       FCT_FMT(domain), FCT_FMT(answer->why));
    }
    if (is_self(self, domain))
        return outcome(result, OUTCOME_FAILED, "5.4.6",
                       "%.*s is this server, which does not know the domain", FCT_FMT(domain));
    hop = ARENA_NEW(arena, struct hop);
    *hop = (struct hop){.name = arena_str(arena, domain), .port = self->port};
    *out = (struct hops){.hop = hop, .n = 1, .ttl_s = answer->ttl ? answer->ttl : ROUTE_TTL_S};
    out->authentic = answer->authentic;
    return true;
}

bool mx_find(struct dns_resolver *dns, struct arena *arena, struct fct_str domain,
             const struct route *route, const struct mx_self *self, uint64_t deadline_ms,
             struct hops *out, struct delivery_result *result)
{
    struct fct_dns_answer answer = {0};

    *out = (struct hops){0};
    *result = (struct delivery_result){0};
    if (route->hosts > 0)
        return from_route(arena, route, out);
    if (domain.n > 0 && domain.p[0] == '[')
        return from_literal(arena, domain, self->port, out, result);
    if (!dns)
        return outcome(result, OUTCOME_DEFERRED, "4.4.3", "this server has no resolver");
    (void)dns_resolve(dns, arena, FCT_DNS_MX, domain, deadline_ms, &answer);
    return mx_judge(arena, domain, &answer, self, out, result);
}
