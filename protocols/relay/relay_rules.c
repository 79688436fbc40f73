/* relay_rules.c - see relay_rules.h. */
#include "protocols/relay/relay_rules.h"

#include "core/base/map.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/relay/relay.h"

#include <stdlib.h>

struct relay_rules {
    struct relay *relay;
    uint64_t generation;
    struct arena *arena; /* of rule */
    const struct queue_rule *rule;
    size_t n;
    struct map *routes; /* made ones, by what they were made of; mail under way points to them */
    struct arena *kept; /* of those */
};

/* ---- from the store ---- */

FCT_MAY_WAIT static void ask(struct relay_rules *r)
{
    struct arena *arena = arena_new(NULL);
    const struct queue_rule *rule;
    struct fct_err err = {0};
    uint64_t generation = 0;
    size_t n;

    if (!store_queue_rules(r->relay->store, r->generation, arena, &generation, &rule, &n, &err) ||
        generation == r->generation) {
        arena_free(&arena);
        return;
    }
    arena_free(&r->arena);
    r->arena = arena;
    r->generation = generation;
    r->rule = rule;
    r->n = n;
}

void relay_rules_follow(struct relay_rules *r, uint64_t generation)
{
    if (generation != r->generation)
        ask(r);
}

struct relay_rules *relay_rules_new(struct relay *relay)
{
    struct relay_rules *r = calloc(1, sizeof *r);

    FCT_ASSERT(r);
    r->relay = relay;
    r->arena = arena_new(NULL);
    r->kept = arena_new(NULL);
    r->routes = map_new();
    return r;
}

/* ---- for a destination ---- */

static const struct queue_rule *rule_of(const struct relay_rules *r, struct fct_str domain)
{
    const struct queue_rule *found = queue_rule_find(r->rule, r->n, domain);

    return found && (found->host.n > 0 || found->per_minute > 0) ? found : NULL;
}

static const struct route *make(struct relay_rules *r, const struct queue_rule *rule,
                                const struct route *base)
{
    struct route *route = ARENA_NEW(r->kept, struct route);
    struct route_host *host = ARENA_NEW(r->kept, struct route_host);
    struct fct_err err = {0};

    *route = *base;
    route->name = arena_printf(r->kept, "rule %.*s", FCT_FMT(rule->pattern)).p;
    route->by_plugin = true; /* a destination of its own: its rate is nobody else's */
    if (rule->host.n > 0) {
        if (!route_host_read(arena_str(r->kept, rule->host), host, &err)) {
            log_event(EV_WARNING, FCT_STR(""), F_C("text", "a queue rule is passed over"),
                      F_STR("rule", rule->pattern), F_C("why", err.text));
            return base;
        }
        route->host = host;
        route->hosts = 1;
        route->user = route->password = FCT_STR(""); /* they are another host's */
    }
    if (rule->per_minute > 0)
        route->message_gap_ms = (60000 + rule->per_minute - 1) / rule->per_minute;
    return route;
}

const struct route *relay_rules_route(struct relay_rules *r, struct fct_str domain,
                                      const struct route *base)
{
    const struct queue_rule *rule = rule_of(r, domain);
    FCT_CLEANUP(buf_free) struct buf key = BUF_INIT(8192);
    const struct route *route;

    if (!rule)
        return base;
    buf_put(&key, &base, sizeof(const void *));
    buf_printf(&key, "%.*s %.*s %u", FCT_FMT(rule->pattern), FCT_FMT(rule->host), rule->per_minute);
    route = map_get(r->routes, buf_str(&key));
    if (!route) {
        route = make(r, rule, base);
        (void)map_put(r->routes, buf_str(&key), (void *)(uintptr_t)route);
    }
    return route;
}
