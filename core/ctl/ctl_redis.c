/* ctl_redis.c - see ctl_redis.h. */
#include "core/ctl/ctl_redis.h"

#include "core/base/arena.h"
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/dns/resolver.h"
#include "core/fiber/fiber.h"
#include "core/redis/redis.h"
#include "core/redis/redis_spawn.h"

#include <event2/event.h>

#define STACK_BYTES (256u << 10)
#define PATIENCE_MS 2000u /* a person waits longer than a message may */
#define LAST_TURNS  4     /* of the loop, for what ends behind redis_free */

struct job {
    void (*work)(void *arg);
    void *arg;
    struct redis *redis;
    struct fct_err err;
    bool connected;
};

static void run_job(void *arg)
{
    struct job *job = arg;
    struct arena *arena = arena_new(NULL);

    job->connected = redis_call(job->redis, arena, &FCT_STR("PING"), 1, &job->err) != NULL;
    arena_free(&arena);
    if (job->connected)
        job->work(job->arg);
}

static void run_fiber(struct event_base *base, struct job *job)
{
    struct fiber_id working;

    redis_start(job->redis);
    working = fiber_start(run_job, job);
    while (fiber_is_alive(working) && event_base_loop(base, EVLOOP_ONCE) == 0)
        continue;
}

static bool open_redis(struct ctl *c, struct event_base *base, const struct redis_conf *conf,
                       struct dns_resolver *dns, struct redis **redis, struct fct_err *err)
{
    const char *run_dir = redis_spawn_is_there(c->run_dir) ? c->run_dir : NULL;

    if (!redis_new(base, conf, run_dir, dns, redis, err))
        return false;
    if (*redis)
        return true;
    return redis_spawn_is_wanted(conf)
               ? fct_fail(err, FCT_TEMP, "the private Redis of %s is not running", c->run_dir)
               : fct_fail(err, FCT_TEMP, "there is no Redis in this configuration (block redis)");
}

/* Which one it is, for an error; a name or password in front of the host is not shown. */
static const char *place_of(const struct redis_conf *conf)
{
    const char *at = strrchr(conf->url, '@');

    return !conf->url[0] ? "the private Redis" : at ? at + 1 : conf->url;
}

static bool run(struct ctl *c, struct event_base *base, struct job *job, struct redis **redis,
                struct fct_err *err)
{
    struct redis_conf conf = *(const struct redis_conf *)config_get(c->config, &redis_block);
    struct dns_resolver *dns = dns_resolver_new(base, config_get(c->config, &dns_block), err);
    bool ok;

    conf.timeout.ms = PATIENCE_MS;
    ok = dns && open_redis(c, base, &conf, dns, redis, err);
    job->redis = *redis;
    if (ok)
        run_fiber(base, job);
    redis_free(redis);
    for (unsigned i = 0; i < LAST_TURNS; i++)
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
    dns_resolver_free(&dns);
    if (!ok || job->connected)
        return ok;
    *err = job->err;
    return fct_fail_in(err, "%s", place_of(&conf));
}

bool ctl_redis_run(struct ctl *c, void (*work)(void *arg), void *arg, struct redis **redis,
                   struct fct_err *err)
{
    struct event_base *base = event_base_new();
    struct job job = {.work = work, .arg = arg};
    bool ok;

    *redis = NULL;
    if (!base || !fiber_setup(base, STACK_BYTES, 2, err))
        return false;
    ok = run(c, base, &job, redis, err);
    fiber_teardown();
    event_base_free(base);
    return ok;
}
