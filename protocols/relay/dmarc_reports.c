/* dmarc_reports.c - see dmarc_reports.h. A round looks at each day whose data may still be there,
 * the oldest first, and does what nobody has done. A domain about whose destinations the DNS cannot
 * say all is left for a later round, until the day after: then those get it that are known. */
#include "protocols/relay/dmarc_reports.h"

#include "core/base/clock.h"
#include "core/base/id.h"
#include "core/base/str.h"
#include "core/dns/psl.h"
#include "core/log/log.h"
#include "core/redis/redis.h"
#include "core/redis/redis_spawn.h"
#include "protocols/relay/dmarc/dmarc_claim.h"
#include "protocols/relay/dmarc/dmarc_day.h"
#include "protocols/relay/dmarc/dmarc_kept.h"
#include "protocols/relay/report_queue.h"

#include <event2/event.h>
#include <stdlib.h>

#define FIRST_MS 2000u  /* behind the start: Redis is connected by then */
#define AGAIN_MS 60000u /* when Redis or the store is away */
#define LATE_S   10     /* behind midnight: filters have written down what they counted */
#define DAYS_MAX 30

struct dmarc_reports {
    struct relay *relay;
    struct redis *redis;
    struct dmarc_reporter reporter;
    struct arena *arena;
    uint64_t delay_s; /* behind midnight */
    unsigned days;    /* whose data is kept */
    bool away;        /* it was said */
};

/* ---- the report of a domain ---- */

FCT_MAY_WAIT static bool queue_mail(struct dmarc_reports *d, struct arena *arena,
                                    const struct dmarc_report *r, struct fct_err *err)
{
    struct fct_str *to = ARENA_ARRAY(arena, struct fct_str, r->recipients + 1);

    for (size_t i = 0; i < r->recipients; i++)
        to[i] = str_from(r->to[i]);
    return report_queue(d->relay, arena,
                        &(struct relay_report){
                            .from = str_from(d->reporter.email),
                            .to = to,
                            .n = r->recipients,
                            .message = r->message,
                            .about = arena_printf(arena, "DMARC of %.*s", FCT_FMT(r->head.domain))},
                        err);
}

struct writing {
    const struct dmarc_reporter *reporter;
    struct arena *arena;
    struct dmarc_report *r;
    struct fct_err *err;
    bool ok;
};

static void write_it(void *arg)
{
    struct writing *w = arg;

    w->ok = dmarc_report_write_mail(w->reporter, w->arena, w->r, w->err);
}

/* Base64 of megabytes is for a thread, too. */
FCT_MAY_WAIT static bool write_mail(const struct dmarc_reports *d, struct arena *arena,
                                    struct dmarc_report *r, struct fct_err *err)
{
    struct writing w = {&d->reporter, arena, r, err, false};

    offload(write_it, &w);
    return w.ok;
}

/* *later: the DNS may say more in a while. Nobody but us is at this report. */
FCT_MAY_WAIT static bool send_claimed(struct dmarc_reports *d, const struct dmarc_day *day,
                                      struct fct_str domain, struct arena *arena, bool *later,
                                      struct fct_err *err)
{
    bool last = clock_wall() > day->end + DMARC_DAY_SECONDS;
    struct dmarc_report r;

    if (!dmarc_report_read(&d->reporter, day, d->redis, arena, domain, &r, err))
        return false;
    if (r.rows == 0)
        return true;
    dmarc_report_address(d->relay->dns, arena, &r);
    *later = r.unsure && !last;
    if (*later)
        return true;
    return write_mail(d, arena, &r, err) && (r.message.n == 0 || queue_mail(d, arena, &r, err));
}

/* *left: it is not settled. */
FCT_MAY_WAIT static bool send_domain(struct dmarc_reports *d, const struct dmarc_day *day,
                                     struct fct_str domain, bool *left, struct fct_err *err)
{
    struct arena *arena;
    struct fct_err ignored = {0};
    enum dmarc_claim claim;
    bool later = false, ok;

    if (!dmarc_claim(d->redis, day->name, domain, &claim, err))
        return false;
    *left |= claim == DMARC_CLAIM_OTHER;
    if (claim != DMARC_CLAIM_MINE)
        return true;
    arena = arena_new(NULL);
    ok = send_claimed(d, day, domain, arena, &later, err);
    arena_free(&arena);
    *left |= later;
    if (ok)
        return dmarc_claim_end(d->redis, day->name, domain, !later, err);
    (void)!dmarc_claim_end(d->redis, day->name, domain, false, &ignored);
    return false;
}

/* ---- days ---- */

FCT_MAY_WAIT static bool send_day(struct dmarc_reports *d, const struct dmarc_day *day,
                                  struct fct_err *err)
{
    struct arena *arena = arena_new(NULL);
    struct dmarc_domains domains = {0};
    bool sent = true, left = false,
         ok = dmarc_day_is_sent(d->redis, day->name, &sent, err) &&
              (sent || dmarc_kept_domains(d->redis, arena, day->name, &domains, err));

    for (size_t i = 0; ok && i < domains.n && !d->relay->draining; i++)
        ok = send_domain(d, day, domains.name[i], &left, err);
    if (ok && !sent && !left && domains.n > 0 && !d->relay->draining)
        ok = dmarc_day_set_sent(d->redis, day->name, err);
    arena_free(&arena);
    return ok;
}

static bool is_due(const struct dmarc_reports *d, const struct dmarc_day *day, int64_t now)
{
    return now > day->end + (int64_t)d->delay_s;
}

FCT_MAY_WAIT static bool send_all(struct dmarc_reports *d, struct fct_err *err)
{
    int64_t now = clock_wall();

    for (unsigned back = d->days; back > 0 && !d->relay->draining; back--) {
        struct dmarc_day day = dmarc_day_of(now - (int64_t)back * DMARC_DAY_SECONDS, now);

        if (is_due(d, &day, now) && !send_day(d, &day, err))
            return false;
    }
    return true;
}

/* ---- rounds ---- */

static void wait_for_next(struct dmarc_reports *d, uint64_t ms);

static void say_away(struct dmarc_reports *d, const struct fct_err *err)
{
    if (!d->away)
        log_event(EV_WARNING, FCT_STR(""), F_C("text", "DMARC aggregate reports wait"),
                  F_C("why", err->text));
    d->away = true;
}

/* The next domain may be due again, or a day may end. */
static uint64_t until_next(const struct dmarc_reports *d)
{
    int64_t now = clock_wall();
    struct dmarc_day day = dmarc_day_of(now - (int64_t)d->delay_s, now);
    uint64_t due_ms = (uint64_t)(day.begin + DMARC_DAY_SECONDS + (int64_t)d->delay_s - now) * 1000,
             retry_ms = d->reporter.conf.report_retry.ms;

    return due_ms < retry_ms ? due_ms : retry_ms;
}

FCT_MAY_WAIT static void round_begins(void *arg)
{
    struct dmarc_reports *d = arg;
    struct fct_err err = {0};
    bool ok = send_all(d, &err);

    if (ok)
        d->away = false;
    else
        say_away(d, &err);
    if (!d->relay->draining)
        wait_for_next(d, ok ? until_next(d) : AGAIN_MS);
}

static void waited(evutil_socket_t fd, short what, void *arg)
{
    struct dmarc_reports *d = arg;

    (void)fd, (void)what;
    if (!d->relay->draining)
        (void)fiber_start(round_begins, d);
}

static void wait_for_next(struct dmarc_reports *d, uint64_t ms)
{
    struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

    (void)event_base_once(d->relay->base, -1, EV_TIMEOUT, waited, d, &tv);
}

/* ---- life ---- */

static uint64_t random_below(uint64_t n)
{
    uint64_t chance;

    random_bytes(&chance, sizeof chance);
    return n > 0 ? chance % n : 0;
}

static struct dmarc_reports *new_reports(struct relay *relay, struct arena *arena,
                                         const struct dmarc_reporter *reporter)
{
    const struct dmarc_conf *conf = &reporter->conf;
    struct dmarc_reports *d = ARENA_NEW(arena, struct dmarc_reports);
    uint64_t days = conf->report_keep.ms / 1000 / DMARC_DAY_SECONDS + 1;

    *d = (struct dmarc_reports){
        .relay = relay,
        .reporter = *reporter,
        .arena = arena,
        .delay_s = LATE_S + random_below(conf->report_after.ms / 1000),
        .days = days < DAYS_MAX ? (unsigned)days : DAYS_MAX,
    };
    return d;
}

bool dmarc_reports_prepare(struct relay *relay, struct fct_err *err)
{
    struct arena *arena = arena_new(NULL);
    struct dmarc_reporter reporter;
    struct redis *redis = NULL;
    struct fct_err why = {0};
    bool found, ok = true,
                wanted = dmarc_reporter_read(relay->env->conf, relay->env->server_name, arena,
                                             &reporter, &found, &why);

    if (!wanted && found)
        log_event(EV_WARNING, FCT_STR(""), F_C("text", "DMARC aggregate reports are not sent"),
                  F_C("why", why.text));
    if (wanted && found && dmarc_conf_sends(&reporter.conf))
        ok = redis_new(relay->base, config_get(relay->env->conf, &redis_block), relay->env->run_dir,
                       relay->dns, &redis, err);
    if (!redis) {
        arena_free(&arena);
        return ok;
    }
    psl_setup();
    relay->env->uses_redis = redis_spawn_is_wanted(config_get(relay->env->conf, &redis_block));
    relay->dmarc = new_reports(relay, arena, &reporter);
    relay->dmarc->redis = redis;
    return true;
}

void dmarc_reports_start(struct relay *relay)
{
    if (!relay->dmarc)
        return;
    redis_start(relay->dmarc->redis);
    wait_for_next(relay->dmarc, FIRST_MS);
}
