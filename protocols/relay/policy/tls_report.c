/* tls_report.c - counts sessions by domain, policy and kind of failure; see tls_report.h. */
#include "protocols/relay/policy/tls_report_int.h"

#include "core/base/map.h"
#include "core/base/str.h"

#include <stdlib.h>

#define TEXT_MAX 500u /* bytes of a text that is kept */

struct tls_report {
    struct tls_report_limits limits;
    struct map *domains; /* to struct tls_domain_sums */
    uint64_t left_out;
};

/* clang-format off */
static const char *const type_words[TLS_POLICY_TYPES] = {
    [TLS_POLICY_NONE] = "no-policy-found",
    [TLS_POLICY_STS] = "sts",
    [TLS_POLICY_TLSA] = "tlsa",
};
/* clang-format on */

const char *tls_policy_type_word(enum tls_policy_type type)
{
    return type_words[type];
}

/* ---- life ---- */

struct tls_report *tls_report_new(const struct tls_report_limits *limits)
{
    struct tls_report *t = calloc(1, sizeof *t);

    FCT_ASSERT(t);
    t->limits = *limits;
    t->domains = map_new();
    return t;
}

void tls_report_free(struct tls_report **report)
{
    struct fct_str domain;
    size_t at = 0;
    void *value;

    if (!*report)
        return;
    while (map_next((*report)->domains, &at, &domain, &value)) {
        struct arena *arena = ((struct tls_domain_sums *)value)->arena;

        arena_free(&arena);
    }
    map_free(&(*report)->domains);
    free(*report);
    *report = NULL;
}

struct tls_report *tls_report_take(struct tls_report *report)
{
    struct tls_report *taken = tls_report_new(&report->limits), fresh = *taken;

    *taken = *report;
    *report = fresh;
    return taken;
}

bool tls_report_next(const struct tls_report *report, size_t *at, struct fct_str *domain)
{
    void *value;

    return map_next(report->domains, at, domain, &value);
}

uint64_t tls_report_left_out(const struct tls_report *report)
{
    return report->left_out;
}

const struct tls_domain_sums *tls_report_domain(const struct tls_report *report,
                                                struct fct_str domain)
{
    return map_get(report->domains, domain);
}

/* ---- finding ---- */

static bool lists_equal(const struct fct_str *a, size_t n, const struct fct_str *b, size_t m)
{
    for (size_t i = 0; n == m && i < n; i++)
        if (!str_equal(a[i], b[i]))
            return false;
    return n == m;
}

static bool policies_equal(const struct tls_report_policy *a, const struct tls_report_policy *b)
{
    return a->type == b->type && str_equal(a->domain, b->domain) &&
           lists_equal(a->string, a->strings, b->string, b->strings) &&
           lists_equal(a->mx, a->mxs, b->mx, b->mxs);
}

static bool failures_equal(const struct tls_report_failure *a, const struct tls_report_failure *b)
{
    return a->result == b->result && str_equal(a->sending_ip, b->sending_ip) &&
           str_equal(a->receiving_host, b->receiving_host) &&
           str_equal(a->receiving_helo, b->receiving_helo) &&
           str_equal(a->receiving_ip, b->receiving_ip) &&
           str_equal(a->reason, str_head(b->reason, TEXT_MAX));
}

/* ---- adding ---- */

static struct fct_str keep(struct arena *arena, struct fct_str s)
{
    return arena_str(arena, str_head(s, TEXT_MAX));
}

static struct fct_str *keep_list(struct arena *arena, const struct fct_str *list, size_t n)
{
    struct fct_str *copy = ARENA_ARRAY(arena, struct fct_str, n + 1);

    for (size_t i = 0; i < n; i++)
        copy[i] = arena_str(arena, list[i]);
    return copy;
}

static struct tls_domain_sums *domain_of(struct tls_report *t, struct fct_str domain)
{
    struct tls_domain_sums *d = map_get(t->domains, domain);
    struct arena *arena;

    if (d || map_count(t->domains) >= t->limits.domains)
        return d;
    arena = arena_new(NULL);
    d = ARENA_NEW(arena, struct tls_domain_sums);
    d->arena = arena;
    d->policy = ARENA_ARRAY(arena, struct tls_policy_sums, t->limits.policies);
    (void)map_put(t->domains, domain, d);
    return d;
}

static struct tls_policy_sums *policy_of(const struct tls_report *t, struct tls_domain_sums *d,
                                         const struct tls_report_policy *policy)
{
    struct tls_policy_sums *p;

    for (size_t i = 0; i < d->policies; i++)
        if (policies_equal(&d->policy[i].is, policy))
            return &d->policy[i];
    if (d->policies == t->limits.policies)
        return NULL;
    p = &d->policy[d->policies++];
    p->is = *policy;
    p->is.domain = keep(d->arena, policy->domain);
    p->is.string = keep_list(d->arena, policy->string, policy->strings);
    p->is.mx = keep_list(d->arena, policy->mx, policy->mxs);
    p->failure = ARENA_ARRAY(d->arena, struct tls_failure_sum, t->limits.failures);
    return p;
}

static struct tls_failure_sum *failure_of(const struct tls_report *t, struct tls_domain_sums *d,
                                          struct tls_policy_sums *p,
                                          const struct tls_report_failure *failure)
{
    struct tls_failure_sum *f;

    for (size_t i = 0; i < p->failures; i++)
        if (failures_equal(&p->failure[i].is, failure))
            return &p->failure[i];
    if (p->failures == t->limits.failures)
        return NULL;
    f = &p->failure[p->failures++];
    f->is = (struct tls_report_failure){
        .result = failure->result,
        .sending_ip = keep(d->arena, failure->sending_ip),
        .receiving_host = keep(d->arena, failure->receiving_host),
        .receiving_helo = keep(d->arena, failure->receiving_helo),
        .receiving_ip = keep(d->arena, failure->receiving_ip),
        .reason = keep(d->arena, failure->reason),
    };
    return f;
}

static struct tls_policy_sums *sums_of(struct tls_report *t, struct fct_str domain,
                                       const struct tls_report_policy *policy,
                                       struct tls_domain_sums **d, uint64_t sessions)
{
    struct tls_policy_sums *p = NULL;

    *d = domain_of(t, domain);
    if (*d)
        p = policy_of(t, *d, policy);
    if (!p)
        t->left_out += sessions;
    return p;
}

/* The sum stays right when there is no room for the details of one more kind. */
static void add_failure(struct tls_report *t, struct tls_domain_sums *d, struct tls_policy_sums *p,
                        const struct tls_report_failure *failure, uint64_t sessions)
{
    struct tls_failure_sum *f = failure_of(t, d, p, failure);

    if (f)
        f->sessions += sessions;
}

void tls_report_count(struct tls_report *t, struct fct_str domain,
                      const struct tls_report_policy *policy,
                      const struct tls_report_failure *failure)
{
    bool failed = failure && failure->result != TLS_RESULT_SUCCESS;
    struct tls_domain_sums *d;
    struct tls_policy_sums *p = sums_of(t, domain, policy, &d, 1);

    if (!p)
        return;
    p->successful += !failed;
    p->failed += failed;
    if (failed)
        add_failure(t, d, p, failure, 1);
}

void tls_report_add(struct tls_report *t, struct fct_str domain, const struct tls_report_read *from)
{
    for (size_t i = 0; i < from->policies; i++) {
        const struct tls_report_sums *sums = &from->policy[i];
        struct tls_domain_sums *d;
        struct tls_policy_sums *p =
            sums_of(t, domain, &sums->policy, &d, sums->successful + sums->failed);

        if (!p)
            continue;
        p->successful += sums->successful;
        p->failed += sums->failed;
        for (size_t k = 0; k < sums->failures; k++)
            if (sums->failure[k].is.result != TLS_RESULT_SUCCESS)
                add_failure(t, d, p, &sums->failure[k].is, sums->failure[k].sessions);
    }
}
