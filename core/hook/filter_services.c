/* filter_services.c - see filter_services.h. */
#include "core/hook/filter_services.h"

#include "core/dns/dns_answer.h"
#include "core/dns/psl.h"
#include "core/dns/resolver.h"
#include "core/plugin/cassette.h"

/* facteurctl scan --record, --replay. */
static bool open_cassette(struct plugin_services *services, const struct role_env *env,
                          struct fct_err *err)
{
    if (env->replay)
        services->cassette = cassette_replay(env->replay, err);
    else if (env->record)
        services->cassette = cassette_record(env->record, err);
    else
        return true;
    return services->cassette != NULL;
}

bool filter_services_open(struct plugin_services *services, const struct role_env *env,
                          const struct filter_conf *conf, struct fct_err *err)
{
    *services = (struct plugin_services){.base = env->base,
                                         .max_streams = conf->max_streams,
                                         .links = {conf->max_html_tokens, conf->max_urls}};
    psl_setup();
    if (!open_cassette(services, env, err))
        return false;
    if (cassette_replays(services->cassette))
        return true; /* nobody outside is asked */
    services->dns = dns_resolver_new(env->base, config_get(env->conf, &dns_block), err);
    return services->dns != NULL;
}

static void dns_status(const struct dns_resolver *dns, struct buf *out)
{
    struct dns_stats s = dns_resolver_stats(dns);

    buf_printf(out, "dns_questions %llu\ndns_at_once %llu\ndns_joined %llu\n",
               (unsigned long long)s.questions, (unsigned long long)s.at_once,
               (unsigned long long)s.joined);
    for (unsigned i = 0; i < FCT_COUNT(s.status); i++)
        buf_printf(out, "dns_%s %llu\n", dns_status_word((enum fct_dns_status)i),
                   (unsigned long long)s.status[i]);
    buf_printf(out, "dns_timeouts %llu\ndns_waited_ms %llu\ndns_in_flight %u\n",
               (unsigned long long)s.timeouts, (unsigned long long)s.waited_us / 1000, s.in_flight);
}

void filter_services_status(const struct plugin_services *services, struct buf *out)
{
    buf_printf(out, "streams %u\n", plugin_streams_open());
    if (services->dns)
        dns_status(services->dns, out);
}
