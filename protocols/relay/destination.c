/* destination.c - see destination.h. */
#include "protocols/relay/destination.h"

#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/relay/destination_key.h"
#include "protocols/relay/policy/policy_service.h"
#include "protocols/relay/relay_hooks.h"
#include "protocols/relay/relay_rules.h"
#include "protocols/relay/session.h"

#include <event2/event.h>
#include <stdlib.h>

#define MX_TTL_MIN_S   60u
#define MX_TTL_MAX_S   3600u
#define UNUSED_MS      600000u
#define KNOWN_FAULT_MS 60000u /* how long a domain that does not exist is not asked again */

/* A domain of recipients under one route. */
struct domain {
    char *name, *class;
    const struct route *route;
    bool tls_optional;
    struct destination *to; /* NULL: not known, or failed */
    struct delivery_result fault;
    uint64_t until_ms; /* what is known is good until then */
    bool looking;
    unsigned told;           /* the store's generation that knows what this domain takes */
    struct job_list waiting; /* while looking */
    struct destinations *all;
};

struct destinations {
    struct relay *relay;
    struct map *by_key;    /* struct destination */
    struct map *by_domain; /* struct domain */
};

/* ---- one destination ---- */

static void looked_at(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    destination_press(arg);
}

static struct destination *destination_new(struct relay *relay, const char *key,
                                           const struct target *target)
{
    struct destination *d = calloc(1, sizeof *d);
    const struct route *route = target->route;
    const struct hops *hops = &target->hops;
    struct hop *hop;

    FCT_ASSERT(d);
    d->relay = relay;
    d->key = str_dup_c(str_from(key));
    d->route = route;
    d->arena = arena_new(NULL);
    d->hops = *hops;
    hop = ARENA_ARRAY(d->arena, struct hop, hops->n + 1);
    for (size_t i = 0; i < hops->n; i++) {
        hop[i] = hops->hop[i];
        hop[i].name = arena_str(d->arena, hop[i].name);
    }
    d->hops.hop = hop;
    d->tls_optional = target->tls_optional;
    tls_domain_policy_copy(d->arena, &target->policy, &d->policy);
    d->limits = (struct pace_limits){
        .max_connections = route->max_connections,
        .unproven = relay->conf->unproven_connections,
        .patience_ms = relay->conf->patience.ms,
        .silence_ms = relay->conf->silence.ms,
        .dead_first_ms = relay->conf->dead_first.ms,
        .dead_max_ms = relay->conf->dead_max.ms,
        .gap_ms = route->message_gap_ms,
    };
    pace_start(&d->pace, &d->limits);
    job_list_start(&d->waiting);
    d->timer = event_new(relay->base, -1, 0, looked_at, d);
    FCT_ASSERT(d->timer);
    return d;
}

static void destination_free(struct destination *d)
{
    event_free(d->timer);
    arena_free(&d->arena);
    free(d->key);
    free(d);
}

static void look_again(struct destination *d, uint64_t ms)
{
    const struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

    if (!event_pending(d->timer, EV_TIMEOUT, NULL))
        event_add(d->timer, &tv);
}

/* All that waits gets the answer that the last try got. */
static void give_up_waiting(struct destination *d)
{
    struct job_list all = d->waiting;
    struct job *j;

    if (all.n == 0)
        return;
    job_list_start(&d->waiting);
    while ((j = job_list_take(&all)) != NULL) {
        job_settle(j, &d->trouble);
        relay_finish(d->relay, j);
    }
}

void destination_unreachable(struct destination *d, const struct delivery_result *why)
{
    uint64_t now = clock_ms();

    d->trouble = *why;
    if (d->trouble.outcome != OUTCOME_FAILED)
        d->trouble.outcome = OUTCOME_DEFERRED;
    pace_unreachable(&d->pace, now);
    log_event(EV_HOST_UNREACHABLE, FCT_STR(""), F_C("destination", d->key), F_C("host", why->host),
              F_C("why", why->text), F_U64("again_ms", d->pace.dead_until - now));
    give_up_waiting(d);
}

struct job *destination_next(struct destination *d)
{
    uint64_t wait_ms;

    if (d->waiting.n == 0)
        return NULL;
    if (d->limits.gap_ms > 0 && !pace_take_turn(&d->pace, clock_ms(), &wait_ms)) {
        look_again(d, wait_ms);
        return NULL;
    }
    return job_list_take(&d->waiting);
}

static bool room_for_connection(const struct relay *relay)
{
    return relay->connections < relay->conf->max_connections;
}

void destination_press(struct destination *d)
{
    struct session *idle = d->idle;
    uint64_t now = clock_ms();

    d->used_ms = now;
    if (d->pace.connections > d->limits.unproven) {
        if (pace_is_silent(&d->pace, now))
            sessions_give_up(d, d->limits.unproven);
        look_again(d, d->limits.silence_ms);
    }
    if (d->waiting.n == 0)
        return;
    if (pace_is_dead(&d->pace, now) && d->pace.connections == 0) {
        give_up_waiting(d);
        return;
    }
    for (size_t work = d->waiting.n; idle && work > 0; work--) {
        struct session *after = session_after(idle);

        session_wake(idle);
        idle = after;
    }
    if (room_for_connection(d->relay) && !d->idle && pace_may_open(&d->pace, now, d->waiting.n))
        session_start(d);
    if (d->waiting.n > 0 && d->pace.connections < d->limits.max_connections)
        look_again(d, d->pace.connections == 0 || d->pace.proven > 0 ? 1000 : d->limits.silence_ms);
}

/* ---- the table ---- */

struct destinations *destinations_new(struct relay *relay)
{
    struct destinations *all = calloc(1, sizeof *all);

    FCT_ASSERT(all);
    all->relay = relay;
    all->by_key = map_new();
    all->by_domain = map_new();
    return all;
}

void destinations_free(struct destinations **p)
{
    struct destinations *all = *p;
    struct fct_str key;
    void *value;

    *p = NULL;
    if (!all)
        return;
    for (size_t at = 0; map_next(all->by_key, &at, &key, &value);)
        destination_free(value);
    for (size_t at = 0; map_next(all->by_domain, &at, &key, &value);) {
        free(((struct domain *)value)->name);
        free(((struct domain *)value)->class);
        free(value);
    }
    map_free(&all->by_key);
    map_free(&all->by_domain);
    free(all);
}

size_t destinations_count(const struct destinations *all)
{
    return map_count(all->by_key);
}

static struct destination *destination_of(struct destinations *all, const struct target *target)
{
    FCT_CLEANUP(buf_free) struct buf key = BUF_INIT(64u << 10);
    struct destination *d;

    destination_key(target, all->relay->conf->max_destination_connections, &key);
    buf_put_char(&key, '\0');
    d = map_get(all->by_key, str_from(key.p));
    if (!d) {
        d = destination_new(all->relay, key.p, target);
        (void)map_put(all->by_key, str_from(key.p), d);
    }
    return d;
}

/* ---- domains ---- */

static void enter(struct destination *d, struct job *j)
{
    if (!relay_hook_send(d, j))
        job_list_add(&d->waiting, j);
}

static void hand_over(struct domain *domain)
{
    struct job_list jobs = domain->waiting;
    struct destination *to = domain->to;
    struct delivery_result fault = domain->fault;
    struct relay *relay = domain->all->relay;
    struct job *j;

    job_list_start(&domain->waiting);
    if (jobs.n == 0)
        return;
    while ((j = job_list_take(&jobs)) != NULL) {
        if (to) {
            enter(to, j);
        } else {
            job_settle(j, &fault);
            relay_finish(relay, j);
        }
    }
    if (to)
        destination_press(to);
}

static uint64_t good_for(const struct hops *hops)
{
    uint32_t s = hops->ttl_s;

    return 1000u * (s < MX_TTL_MIN_S ? MX_TTL_MIN_S : s > MX_TTL_MAX_S ? MX_TTL_MAX_S : s);
}

/* facteur dev asks nobody outside, not even where somebody is. */
static bool stays_inside(const struct relay *relay, const struct route *route)
{
    return relay->env->dev && route->hosts == 0 && !relay->conf->allow_private;
}

/* Routes are the administrator's word. */
FCT_MAY_WAIT static void find_policy(const struct domain *domain, struct arena *arena,
                                     uint64_t deadline, struct target *target)
{
    struct relay *relay = domain->all->relay;
    struct policy_question question;

    target->policy.domain = str_from(domain->name);
    if (target->hops.by_route || target->tls_optional)
        return;
    policy_question_begin(relay->policy, arena, deadline, &question);
    tls_policy_find_domain(&question.tls, arena, str_from(domain->name), clock_wall(),
                           &target->policy);
    if (target->policy.problem.n > 0)
        log_event(EV_WARNING, FCT_STR(""), F_C("text", "an MTA-STS policy could not be had"),
                  F_C("domain", domain->name), F_STR("why", target->policy.problem));
}

/* Plugins have the last word on it. */
FCT_MAY_WAIT static bool find_way(struct domain *domain, struct arena *arena, uint64_t deadline,
                                  struct target *target)
{
    const struct route_question question = {str_from(domain->name), str_from(domain->class),
                                            &target->route, &target->hops, &target->policy};

    find_policy(domain, arena, deadline, target);
    return relay_hook_route(domain->all->relay, arena, &question, &domain->fault);
}

FCT_MAY_WAIT static void look_up(void *arg)
{
    struct domain *domain = arg;
    struct relay *relay = domain->all->relay;
    struct arena *arena = arena_new(NULL);
    uint64_t deadline = clock_ms() + relay->conf->connect_timeout.ms;
    struct target target = {.route = domain->route, .tls_optional = domain->tls_optional};

    domain->to = NULL;
    if (stays_inside(relay, domain->route)) {
        outcome_without_reply(&domain->fault, OUTCOME_FAILED, "5.4.4",
                              "facteur dev sends nothing outside: --route FILE says where this "
                              "domain is on this machine");
        domain->until_ms = clock_ms() + KNOWN_FAULT_MS;
    } else if (mx_find(relay->dns, arena, str_from(domain->name), domain->route, &relay->names,
                       deadline, &target.hops, &domain->fault) &&
               find_way(domain, arena, deadline, &target)) {
        domain->to = destination_of(domain->all, &target);
        domain->until_ms = clock_ms() + good_for(&target.hops);
    } else {
        domain->until_ms = clock_ms() + KNOWN_FAULT_MS;
    }
    domain->looking = false;
    arena_free(&arena);
    hand_over(domain);
}

static struct domain *domain_of(struct destinations *all, const struct job *j,
                                const struct route *route)
{
    const struct queue_envelope *e = &j->mail->entry.envelope;
    FCT_CLEANUP(buf_free) struct buf key = BUF_INIT(4096);
    struct domain *domain;

    buf_put(&key, &route, sizeof(const void *));
    buf_put_char(&key, e->tls_optional);
    buf_put_str(&key, j->domain);
    buf_put_char(&key, ' ');
    buf_put_str(&key, e->class);
    domain = map_get(all->by_domain, buf_str(&key));
    if (domain)
        return domain;
    domain = calloc(1, sizeof *domain);
    FCT_ASSERT(domain);
    domain->name = str_dup_c(j->domain);
    domain->class = str_dup_c(e->class);
    domain->route = route;
    domain->tls_optional = e->tls_optional;
    domain->all = all;
    job_list_start(&domain->waiting);
    (void)map_put(all->by_domain, buf_str(&key), domain);
    return domain;
}

FCT_MAY_WAIT static void tell_store(void *arg)
{
    struct domain *domain = arg;
    struct relay *relay = domain->all->relay;
    const struct queue_domain takes = {.domain = str_from(domain->name),
                                       .jobs = relay->conf->domain_jobs};
    struct fct_err err = {0};

    (void)!store_queue_domains(relay->store, &takes, 1, &err);
}

/* A destination that answers may have more in hand than one that nobody knows. */
static void widen(struct domain *domain)
{
    struct relay *relay = domain->all->relay;

    if (domain->to->pace.proven == 0 || domain->told == relay->store_generation)
        return;
    domain->told = relay->store_generation;
    (void)fiber_start(tell_store, domain);
}

void destinations_take(struct destinations *all, struct job *j)
{
    const struct queue_envelope *e = &j->mail->entry.envelope;
    const struct route *route =
        relay_rules_route(all->relay->rules, j->domain,
                          routes_find(all->relay->routes, j->domain, e->reverse_path, e->class));
    struct domain *domain = domain_of(all, j, route);

    if (domain->to && clock_ms() < domain->until_ms) {
        widen(domain);
        enter(domain->to, j);
        destination_press(domain->to);
        return;
    }
    job_list_add(&domain->waiting, j);
    if (domain->looking)
        return;
    if (!domain->to && clock_ms() < domain->until_ms) { /* a fault, and still fresh */
        hand_over(domain);
        return;
    }
    domain->looking = true;
    (void)fiber_start(look_up, domain);
}

/* ---- for people ---- */

static void put_text(struct buf *out, const char *text)
{
    buf_put_char(out, '"');
    for (const char *c = text; *c; c++)
        if (*c == '"' || *c == '\\')
            buf_printf(out, "\\%c", *c);
        else
            buf_put_char(out, (unsigned char)*c < ' ' || (unsigned char)*c > 126 ? '?' : *c);
    buf_put_char(out, '"');
}

static const char *state_of(const struct destination *d, uint64_t now)
{
    if (pace_is_dead(&d->pace, now))
        return "unreachable";
    if (pace_is_silent(&d->pace, now) && d->waiting.n > 0)
        return "silent";
    if (d->pace.connections == 0)
        return d->waiting.n > 0 ? "waiting" : "idle";
    return d->pace.proven > 0 ? "connected" : "connecting";
}

static void describe(const struct destination *d, uint64_t now, struct buf *out)
{
    buf_put_c(out, "{\"destination\": ");
    put_text(out, d->key);
    buf_printf(out,
               ", \"state\": \"%s\", \"connections\": %u, \"proven\": %u, \"waiting\": %zu, "
               "\"window\": %.0f, \"latency_ms\": %.1f, \"failures\": %u, \"again_ms\": %llu, "
               "\"gap_ms\": %llu, \"trouble\": ",
               state_of(d, now), d->pace.connections, d->pace.proven, d->waiting.n, d->pace.window,
               d->pace.latency_ms, d->pace.failures,
               (unsigned long long)(d->pace.dead_until > now ? d->pace.dead_until - now : 0),
               (unsigned long long)d->limits.gap_ms);
    put_text(out, d->pace.failures > 0 ? d->trouble.text : "");
    buf_put_c(out, ", \"host\": ");
    put_text(out, d->pace.failures > 0 ? d->trouble.host : "");
    buf_put_char(out, '}');
}

void destinations_describe(const struct destinations *all, size_t max, struct buf *out)
{
    uint64_t now = clock_ms();
    struct fct_str key;
    void *value;

    buf_put_char(out, '[');
    for (size_t at = 0; out->n < max && map_next(all->by_key, &at, &key, &value);) {
        if (out->n > 1)
            buf_put_c(out, ",\n");
        describe(value, now, out);
    }
    buf_put_c(out, "]\n");
}

/* ---- the end ---- */

void destinations_drain(struct destinations *all)
{
    struct fct_str key;
    void *value;

    for (size_t at = 0; map_next(all->by_key, &at, &key, &value);) {
        struct destination *d = value;
        struct job_list waiting = d->waiting;
        struct job *j;

        job_list_start(&d->waiting);
        while ((j = job_list_take(&waiting)) != NULL)
            relay_return(all->relay, j);
        while (d->idle)
            session_wake(d->idle);
    }
}

static bool is_in_use(const struct destinations *all, const struct destination *d)
{
    struct fct_str key;
    void *value;

    for (size_t at = 0; map_next(all->by_domain, &at, &key, &value);)
        if (((const struct domain *)value)->to == d)
            return true;
    return false;
}

void destinations_sweep(struct destinations *all, uint64_t now)
{
    struct fct_str key;
    void *value;

    for (size_t at = 0; map_next(all->by_domain, &at, &key, &value);) {
        struct domain *domain = value;

        if (domain->looking || now < domain->until_ms + UNUSED_MS)
            continue;
        (void)map_remove(all->by_domain, key);
        free(domain->name);
        free(domain->class);
        free(domain);
    }
    for (size_t at = 0; map_next(all->by_key, &at, &key, &value);) {
        struct destination *d = value;

        if (d->sessions > 0 || d->waiting.n > 0 || now < d->used_ms + UNUSED_MS ||
            pace_is_dead(&d->pace, now) || is_in_use(all, d))
            continue;
        (void)map_remove(all->by_key, key);
        destination_free(d);
    }
}
