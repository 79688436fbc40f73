/* relay_role.c - see relay_role.h. */
#include "protocols/relay/relay_role.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/dns/dns_setup.h"
#include "core/log/log.h"
#include "core/net/tls.h"
#include "protocols/relay/destination.h"
#include "protocols/relay/dmarc_reports.h"
#include "protocols/relay/kept_state.h"
#include "protocols/relay/policy/policy_service.h"
#include "protocols/relay/relay_admin.h"
#include "protocols/relay/relay_hooks.h"
#include "protocols/relay/relay_rules.h"
#include "protocols/relay/report_limit.h"
#include "protocols/relay/tls_reports.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#define SWEEP_S 60
#define LOOK_MS 100 /* while it drains */

/* ---- before the sandbox ---- */

static bool load_tls(struct relay *relay, struct fct_err *err)
{
    const char *trust = relay->conf->trust;

    if (trust[0] && access(trust, R_OK) != 0) {
        log_event(EV_WARNING, FCT_STR(""),
                  F_C("text", "relay.trust is not there: no certificate can be verified"),
                  F_C("file", trust));
        trust = "";
    }
    return tls_client_new(trust, &relay->tls, err);
}

static char *lower_name(const char *name)
{
    char *copy = str_dup_c(str_from(name));

    str_lower(copy, strlen(copy));
    return copy;
}

static void learn_names(struct relay *relay)
{
    const char *helo = relay->conf->helo;

    relay->self[0] = str_from(lower_name(relay->env->server_name));
    relay->self[1] = str_from(lower_name(helo[0] ? helo : relay->env->server_name));
    relay->names = (struct mx_self){
        .name = relay->self, .n = FCT_COUNT(relay->self), .port = (uint16_t)relay->conf->port};
    own_addresses_read(&relay->own);
}

/* DANE believes only what is proven (RFC 7672 2.1): without validation it protects nobody. */
static void check_dane(const struct role_env *env)
{
    const struct policy_conf *policy = config_get(env->conf, &policy_block);

    if (strcmp(policy->dane, "yes") == 0 && !dns_setup_validates(config_get(env->conf, &dns_block)))
        log_event(EV_WARNING, FCT_STR(""),
                  F_C("text", "DANE cannot act: answers of the DNS are not validated"),
                  F_C("do", "set dns.dnssec = yes, or outbound_tls.dane = no"));
}

static bool prepare(struct role_env *env, struct fct_err *err)
{
    struct relay *relay = calloc(1, sizeof *relay);

    FCT_ASSERT(relay);
    env->role_data = relay;
    relay->env = env;
    relay->base = env->base;
    relay->conf = config_get(env->conf, &relay_block);
    relay->schedule.jitter = relay->conf->retry_jitter;
    relay->schedule.expire_s = relay->conf->expire.ms / 1000;
    relay->schedule.expire_null_s = relay->conf->expire_null.ms / 1000;
    learn_names(relay);
    if (!schedule_read(&relay->schedule, &relay->conf->retry, &relay->conf->delay_warning, err) ||
        !routes_load(env->conf, &relay->routes, err) || !load_tls(relay, err))
        return false;
    if (!env->base) /* a check of a configuration */
        return true;
    relay->dns = dns_resolver_new(env->base, config_get(env->conf, &dns_block), err);
    return relay->dns &&
           policy_service_new(config_get(env->conf, &policy_block), env->base, relay->dns,
                              tls_context_openssl(relay->tls), &relay->policy, err) &&
           dmarc_reports_prepare(relay, err);
}

/* ---- running ---- */

static void there_is_work(void *arg)
{
    intake_start(arg);
}

static void swept(evutil_socket_t fd, short what, void *arg)
{
    struct relay *relay = arg;

    (void)fd, (void)what;
    host_table_sweep(relay->hosts, clock_ms());
    destinations_sweep(relay->destinations, clock_ms());
}

static bool start(struct role_env *env, struct fct_err *err)
{
    static const struct timeval sweep = {SWEEP_S, 0};
    struct relay *relay = env->role_data;
    struct event *timer = event_new(env->base, -1, EV_PERSIST, swept, relay);

    if (!timer || event_add(timer, &sweep) != 0)
        return fct_fail(err, FCT_TEMP, "no memory");
    check_dane(env);
    relay->store = store_client_new(env->base);
    relay->hosts = host_table_new(relay->conf->dead_first.ms, relay->conf->dead_max.ms);
    relay->reports = report_limit_new(relay->conf->max_reports);
    relay->destinations = destinations_new(relay);
    relay->results = results_new(relay);
    relay->rules = relay_rules_new(relay);
    relay->hooks = relay_hooks_new(env);
    tls_reports_start(relay);
    dmarc_reports_start(relay);
    return true;
}

static void peer(struct role_env *env, enum role_kind kind, unsigned index, int fd)
{
    struct relay *relay = env->role_data;

    if (kind == ROLE_FILTER) {
        relay_hooks_peer(relay->hooks, index, fd);
        return;
    }
    if (kind == ROLE_CTL) {
        relay_admin_peer(relay, fd);
        return;
    }
    if (kind != ROLE_STORE) {
        close(fd);
        return;
    }
    relay->store_generation++; /* it has forgotten what domains take */
    relay->claimed = false;
    store_client_peer(relay->store, fd);
    if (!relay->draining)
        kept_state_start(relay);
    store_queue_watch(relay->store, there_is_work, relay);
    intake_claim(relay);
}

/* ---- the end ---- */

/* What is under way may end; the rest went back to the store. */
FCT_MAY_WAIT static void await_end(void *arg)
{
    struct relay *relay = arg;

    while (relay->jobs > 0 || !results_are_said(relay->results))
        (void)fiber_sleep(LOOK_MS);
    kept_state_save(relay);
    role_drained(relay->env);
}

static void drain(struct role_env *env)
{
    struct relay *relay = env->role_data;

    if (relay->draining)
        return;
    relay->draining = true;
    intake_stop(relay);
    destinations_drain(relay->destinations);
    (void)fiber_start(await_end, relay);
}

static void status(struct role_env *env, struct buf *out)
{
    const struct relay *relay = env->role_data;
    const struct {
        const char *name;
        uint64_t value;
    } lines[] = {
        {"connections", relay->connections},
        {"jobs", relay->jobs},
        {"destinations", destinations_count(relay->destinations)},
        {"dead_hosts", host_table_dead(relay->hosts, clock_ms())},
        {"connections_made", relay->count.connections},
        {"messages", relay->count.messages},
        {"message_bytes", relay->count.bytes},
        {"delivered", relay->count.delivered},
        {"deferred", relay->count.deferred},
        {"failed", relay->count.failed},
    };

    for (size_t i = 0; i < FCT_COUNT(lines); i++)
        buf_printf(out, "%s %llu\n", lines[i].name, (unsigned long long)lines[i].value);
}

const struct role relay_role = {
    .kind = ROLE_RELAY,
    .name = "relay",
    .doc = "Sends mail to other servers: SMTP, retries, reports to senders",
    .prepare = prepare,
    .start = start,
    .peer = peer,
    .drain = drain,
    .status = status,
};
