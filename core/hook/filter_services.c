/* filter_services.c - see filter_services.h. */
#include "core/hook/filter_services.h"

#include "core/dns/dns_answer.h"
#include "core/dns/psl.h"
#include "core/dns/resolver.h"
#include "core/http/http_client.h"
#include "core/plugin/cassette.h"
#include "core/redis/redis.h"
#include "core/redis/redis_spawn.h"
#include "core/state/state.h"

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

/* A command of facteurctl finds the private Redis of a server that runs, or none. */
static const char *redis_dir(const struct role_env *env)
{
    return env->for_command && !redis_spawn_is_there(env->run_dir) ? NULL : env->run_dir;
}

/* Redis and HTTP hosts may be away: only their configuration can be wrong. */
static bool open_outside(struct plugin_services *services, const struct role_env *env,
                         struct fct_err *err)
{
    if (!http_client_new(env->base, config_get(env->conf, &http_block), services->dns,
                         &services->http, err) ||
        !redis_new(env->base, config_get(env->conf, &redis_block), redis_dir(env), services->dns,
                   &services->redis, err))
        return false;
    if (services->redis)
        redis_start(services->redis);
    services->state = state_new(config_get(env->conf, &state_block), services->redis,
                                env->count[ROLE_FILTER] ? env->count[ROLE_FILTER] : 1);
    return true;
}

bool filter_services_open(struct plugin_services *services, const struct role_env *env,
                          const struct filter_conf *conf, struct fct_err *err)
{
    *services = (struct plugin_services){.base = env->base,
                                         .max_streams = conf->max_streams,
                                         .max_text = conf->max_text.bytes,
                                         .links = {conf->max_html_tokens, conf->max_urls}};
    psl_setup();
    if (!open_cassette(services, env, err))
        return false;
    if (cassette_replays(services->cassette))
        return true; /* nobody outside is asked */
    services->dns = dns_resolver_new(env->base, config_get(env->conf, &dns_block), err);
    return services->dns && open_outside(services, env, err);
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

static void redis_status(const struct redis *redis, struct buf *out)
{
    struct redis_stats s = redis_stats(redis);

    buf_printf(out, "redis_there %s\nredis_commands %llu\nredis_errors %llu\n",
               s.there ? "yes" : "no", (unsigned long long)s.commands,
               (unsigned long long)s.errors);
    buf_printf(out, "redis_timeouts %llu\nredis_connections %llu\nredis_refused %llu\n",
               (unsigned long long)s.timeouts, (unsigned long long)s.connections,
               (unsigned long long)s.refused);
    buf_printf(out, "redis_pending %u\n", s.pending);
}

static void state_status(const struct state *state, struct buf *out)
{
    struct state_stats s = state_stats(state);

    buf_printf(out, "state_redis %llu\nstate_local %llu\nstate_degraded %llu\n",
               (unsigned long long)s.asked[STATE_REDIS], (unsigned long long)s.asked[STATE_LOCAL],
               (unsigned long long)s.asked[STATE_DEGRADED]);
    buf_printf(out, "state_entries %zu\nstate_bytes %zu\nstate_evicted %llu\n", s.entries, s.bytes,
               (unsigned long long)s.evicted);
}

static void http_status(const struct http_client *http, struct buf *out)
{
    struct http_stats s = http_client_stats(http);

    buf_printf(out, "http_asked %llu\nhttp_failed %llu\nhttp_refused %llu\nhttp_bytes %llu\n",
               (unsigned long long)s.asked, (unsigned long long)s.failed,
               (unsigned long long)s.refused, (unsigned long long)s.bytes);
    buf_printf(out, "http_running %u\n", s.running);
}

void filter_services_status(const struct plugin_services *services, struct buf *out)
{
    buf_printf(out, "streams %u\n", plugin_streams_open());
    if (services->dns)
        dns_status(services->dns, out);
    if (services->redis)
        redis_status(services->redis, out);
    if (services->state)
        state_status(services->state, out);
    if (services->http)
        http_status(services->http, out);
}
