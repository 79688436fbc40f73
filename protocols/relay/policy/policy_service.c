/* policy_service.c - see policy_service.h. */
#include "protocols/relay/policy/policy_service.h"

#include "core/base/str.h"
#include "core/dns/resolver.h"
#include "core/log/log.h"

#include <stdlib.h>
#include <unistd.h>

#define POLICIES_MAX 8u /* of a domain in a day's report: a policy changes rarely */

struct policy_service {
    const struct policy_conf *conf;
    struct dns_resolver *dns;
    struct mta_sts_fetch_conf fetch_conf;
    struct mta_sts_fetcher *fetcher;
    struct mta_sts_cache *cache;
    struct tls_report *report;
    char from[320];
};

/* ---- life ---- */

static bool make_fetcher(struct policy_service *s, struct event_base *base, struct fct_err *err)
{
    const struct policy_conf *conf = s->conf;

    if (!conf->mta_sts)
        return true;
    s->cache = mta_sts_cache_new(conf->max_domains);
    if (access(conf->trust, R_OK) != 0) {
        log_event(EV_WARNING, FCT_STR(""),
                  F_C("text", "outbound_tls.trust is not there: no MTA-STS policy can be fetched"),
                  F_C("file", conf->trust));
        return true;
    }
    s->fetch_conf = (struct mta_sts_fetch_conf){
        .ca_file = conf->trust,
        .timeout = conf->fetch_timeout,
        .max_at_once = conf->max_fetches,
        .port = conf->port,
        .private_hosts = conf->private_hosts,
    };
    return mta_sts_fetcher_new(base, &s->fetch_conf, s->dns, &s->fetcher, err);
}

static struct tls_report *new_report(const struct policy_conf *conf)
{
    return tls_report_new(
        &(struct tls_report_limits){conf->report_domains, POLICIES_MAX, conf->report_failures});
}

bool policy_service_new(const struct policy_conf *conf, struct event_base *base,
                        struct dns_resolver *dns, SSL_CTX *tls, struct policy_service **out,
                        struct fct_err *err)
{
    struct policy_service *s = calloc(1, sizeof *s);

    FCT_ASSERT(s);
    *out = s;
    s->conf = conf;
    s->dns = dns;
    if (conf->report)
        s->report = new_report(conf);
    if (dane_context_prepare(tls, err) && make_fetcher(s, base, err))
        return true;
    policy_service_free(out);
    return false;
}

void policy_service_free(struct policy_service **service)
{
    struct policy_service *s = *service;

    if (!s)
        return;
    mta_sts_fetcher_free(&s->fetcher);
    mta_sts_cache_free(&s->cache);
    tls_report_free(&s->report);
    free(s);
    *service = NULL;
}

struct policy_stats policy_service_stats(const struct policy_service *s)
{
    return (struct policy_stats){
        .domains = s->cache ? mta_sts_cache_count(s->cache) : 0,
        .left_out = s->report ? tls_report_left_out(s->report) : 0,
    };
}

/* ---- reports ---- */

const struct policy_conf *policy_service_conf(const struct policy_service *s)
{
    return s->conf;
}

struct tls_report *policy_service_report(struct policy_service *s)
{
    return s->report;
}

struct tls_report *policy_service_new_report(const struct policy_service *s)
{
    return new_report(s->conf);
}

bool policy_service_post(struct policy_service *s, struct arena *arena, struct fct_str url,
                         struct fct_str gzip, struct fct_err *err)
{
    return mta_sts_fetcher_post(s->fetcher, arena, url, gzip, err);
}

void policy_service_save(const struct policy_service *s, struct buf *out)
{
    if (s->cache)
        (void)!mta_sts_cache_save(s->cache, out); /* `out` knows that it is cut short */
}

void policy_service_load(struct policy_service *s, struct fct_str text, int64_t now)
{
    if (s->cache)
        mta_sts_cache_load(s->cache, text, now);
}

struct tls_report *policy_service_take_report(struct policy_service *s)
{
    return tls_report_take(s->report);
}

struct fct_str policy_service_from(struct policy_service *s, const char *server_name)
{
    if (s->conf->report_from[0])
        return str_from(s->conf->report_from);
    (void)snprintf(s->from, sizeof s->from, "postmaster@%s", server_name);
    return str_from(s->from);
}

/* ---- questions ---- */

static FCT_MAY_WAIT bool ask(void *ctx, enum fct_dns_type type, struct fct_str name,
                             struct fct_dns_answer *out)
{
    const struct policy_question *q = ctx;

    return dns_resolve(q->service->dns, q->arena, type, name, q->deadline_ms, out);
}

void policy_question_begin(struct policy_service *s, struct arena *arena, uint64_t deadline_ms,
                           struct policy_question *out)
{
    *out = (struct policy_question){.service = s, .arena = arena, .deadline_ms = deadline_ms};
    out->tls = (struct tls_policy_service){
        .dns = {ask, out},
        .cache = s->cache,
        .fetcher = s->fetcher,
        .dane = strcmp(s->conf->dane, "no") != 0,
        .report = s->report,
    };
}
