/* relay_hook_route.c - queue.route: plugins choose the next hop of a domain, and how it is reached.
 */
#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "core/hook/filter_client.h"
#include "core/log/log.h"
#include "protocols/relay/relay_hooks.h"

#define ROUTES_MAX 10000u /* that plugins made; more are not taken */

/* ---- what is asked ---- */

static struct fct_str tls_word(const struct route_question *q)
{
    if (q->policy->has_sts && q->policy->sts.mode == MTA_STS_ENFORCE)
        return FCT_STR("mta-sts");
    return str_from(relay_tls_word((*q->route)->tls));
}

static struct fct_list hosts_of(struct arena *arena, const struct hops *hops)
{
    struct fct_str *host = ARENA_ARRAY(arena, struct fct_str, hops->n + 1);

    for (size_t i = 0; i < hops->n; i++) {
        const struct hop *hop = &hops->hop[i];
        bool colons = str_find_char(hop->name, ':') >= 0;

        host[i] = arena_printf(arena, "%s%.*s%s:%u", colons ? "[" : "", FCT_FMT(hop->name),
                               colons ? "]" : "", (unsigned)hop->port);
    }
    return (struct fct_list){host, hops->n};
}

/* ---- what is changed ---- */

static void warn(const struct route_question *q, const char *what, struct fct_str value,
                 const char *why)
{
    log_event(
        EV_WARNING, FCT_STR(""), F_C("text", "what a plugin asked for at queue.route is not taken"),
        F_STR("domain", q->domain), F_C("what", what), F_STR("value", value), F_C("why", why));
}

static size_t take_hosts(struct arena *arena, const struct route_question *q,
                         const struct filter_answer *answer, struct route *route)
{
    struct route_host *host = ARENA_ARRAY(arena, struct route_host, answer->changes + 1);
    struct fct_str text;
    size_t n = 0;

    for (size_t i = 0; filter_changed(answer, "host", i, &text); i++) {
        struct fct_err err = {0};

        if (route_host_read(arena_str(arena, text), &host[n], &err))
            n++;
        else
            warn(q, "host", text, err.text);
    }
    if (n == 0)
        return 0;
    route->host = host;
    route->hosts = n;
    route->user = route->password = FCT_STR(""); /* they are the other host's */
    return n;
}

static bool take_source(struct arena *arena, const struct route_question *q,
                        const struct filter_answer *answer, struct route *route)
{
    const char **item = ARENA_ARRAY(arena, const char *, 1);
    struct fct_strings source = {item, 1};
    struct fct_err err = {0};
    struct fct_str text;

    if (!filter_changed(answer, "source", 0, &text))
        return false;
    item[0] = arena_cstr(arena, text);
    if (!routes_check_sources(&source, &err)) {
        warn(q, "source", text, err.text);
        return false;
    }
    route->source = source;
    return true;
}

/* Never less than the administrator asks for. */
static bool take_tls(const struct route_question *q, const struct filter_answer *answer,
                     struct route *route)
{
    struct fct_str text;

    if (!filter_changed(answer, "tls", 0, &text))
        return false;
    for (enum relay_tls tls = RELAY_TLS_REQUIRED; tls <= RELAY_TLS_VERIFIED; tls++)
        if (str_equal(text, str_from(relay_tls_word(tls)))) {
            if (tls == RELAY_TLS_VERIFIED && route->tls == RELAY_TLS_IMPLICIT)
                tls = RELAY_TLS_IMPLICIT_VERIFIED;
            if (tls <= route->tls)
                return false;
            route->tls = tls;
            return true;
        }
    warn(q, "tls", text, "must be required or verified");
    return false;
}

static bool take_pace(const struct filter_answer *answer, struct route *route)
{
    struct fct_str text;
    uint64_t n;
    bool any = false;

    if (filter_changed(answer, "max_connections", 0, &text) && str_to_u64(text, &n) && n > 0) {
        route->max_connections = n < 10000 ? (uint32_t)n : 10000;
        any = true;
    }
    if (filter_changed(answer, "message_gap_ms", 0, &text) &&
        str_to_u64(text, &route->message_gap_ms))
        any = true;
    return any;
}

static void put_key(const struct route_question *q, const struct filter_answer *answer,
                    struct buf *out)
{
    const struct route *base = *q->route;

    buf_put(out, (const char *)&base, sizeof(const void *));
    for (size_t i = 0; i < answer->changes; i++) {
        buf_put_str(out, answer->change[i].name);
        buf_put_c(out, "=");
        buf_put_str(out, answer->change[i].value);
        buf_put_char(out, '\n');
    }
}

/* Destinations point to their route for as long as the process lives: one for the same changes. */
static const struct route *changed_route(struct relay_hooks *h, const struct route_question *q,
                                         const struct filter_answer *answer)
{
    FCT_CLEANUP(buf_free) struct buf key = BUF_INIT(64u << 10);
    struct route *route;
    bool any;

    if (answer->changes == 0)
        return *q->route;
    put_key(q, answer, &key);
    route = map_get(h->routes, buf_str(&key));
    if (route)
        return route;
    if (map_count(h->routes) >= ROUTES_MAX || key.overflow) {
        warn(q, "route", FCT_STR(""), "plugins have made too many different routes");
        return *q->route;
    }
    route = ARENA_NEW(h->arena, struct route);
    *route = **q->route;
    any = take_hosts(h->arena, q, answer, route) > 0;
    any = take_source(h->arena, q, answer, route) || any;
    any = take_tls(q, answer, route) || any;
    any = take_pace(answer, route) || any;
    if (!any)
        return *q->route;
    route->name =
        arena_cstr(h->arena, arena_printf(h->arena, "%s, changed by %.*s, %zu", route->name,
                                          FCT_FMT(answer->by), map_count(h->routes) + 1));
    route->by_plugin = true;
    (void)map_put(h->routes, buf_str(&key), route);
    return route;
}

static void refuse(const struct filter_answer *answer, struct delivery_result *fault)
{
    bool never = answer->verdict == FCT_REJECT;
    struct fct_str status = answer->enhanced;
    char text[sizeof fault->text], code[12];

    str_copy_c(code, sizeof code,
               status.n > 0 ? status
               : never      ? FCT_STR("5.7.1")
                            : FCT_STR("4.7.1"));
    str_copy_c(text, sizeof text,
               answer->text.n > 0 ? answer->text : FCT_STR("the routes of this server say no"));
    outcome_without_reply(fault, never ? OUTCOME_FAILED : OUTCOME_DEFERRED, code, text);
}

bool relay_hook_route(struct relay *relay, struct arena *arena, const struct route_question *q,
                      struct delivery_result *fault)
{
    const struct queue_entry nobody = {.envelope.log_id = q->domain};
    struct filter_context ctx = relay_hook_context(&nobody, NULL, 0);
    struct fct_ev_queue_route ev = {.domain = q->domain, .class = q->class};
    const struct route *base = *q->route;
    struct filter_answer answer;

    if (!relay_hooked(relay, FCT_HOOK_queue_route))
        return true;
    ev.hosts = hosts_of(arena, q->hops);
    ev.tls = tls_word(q);
    ev.route = str_from(base->name);
    filter_hook(relay->hooks->filter, &ctx, FCT_HOOK_queue_route, &ev, arena, &answer);
    if (answer.verdict >= FCT_TEMPFAIL) {
        refuse(&answer, fault);
        return false;
    }
    *q->route = changed_route(relay->hooks, q, &answer);
    if ((*q->route)->host == base->host)
        return true;
    *q->policy = (struct tls_domain_policy){.domain = q->domain};
    return mx_find(relay->dns, arena, q->domain, *q->route, &relay->names,
                   clock_ms() + relay->conf->connect_timeout.ms, q->hops, fault);
}
