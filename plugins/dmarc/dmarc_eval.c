/* dmarc_eval.c - the policy, the alignment, the result. */
#include "dmarc_eval.h"

static const char *const words[] = {
    [DMARC_NONE] = "none",           [DMARC_PASS] = "pass",           [DMARC_FAIL] = "fail",
    [DMARC_TEMPERROR] = "temperror", [DMARC_PERMERROR] = "permerror",
};

const char *dmarc_result_word(enum dmarc_result result)
{
    return words[result];
}

static void decide(struct dmarc_outcome *out, enum dmarc_result result, const char *why)
{
    out->result = result;
    (void)snprintf(out->why, sizeof out->why, "%s", why);
}

static void set_domain(struct dmarc_domain *to, struct fct_str name)
{
    memcpy(to->text, name.p, name.n);
    to->text[name.n] = '\0';
    to->n = name.n;
}

/* ---- alignment                                                  RFC 9989 4.4, 4.10.2 ---- */

enum alignment { NOT_ALIGNED, ALIGNED, NOBODY_KNOWS };

static FCT_MAY_WAIT enum alignment relaxed(struct dmarc_search *s, struct fct_str author,
                                           struct fct_str domain)
{
    struct fct_str ours, theirs;

    if (!dmarc_find_org(s, author, &ours))
        return NOBODY_KNOWS;
    if (!dmarc_domain_within(domain, ours)) /* its organization is no part of ours */
        return NOT_ALIGNED;
    if (!dmarc_find_org(s, domain, &theirs))
        return NOBODY_KNOWS;
    return dmarc_domain_same(ours, theirs) ? ALIGNED : NOT_ALIGNED;
}

static FCT_MAY_WAIT enum alignment align(struct dmarc_search *s, const struct dmarc_record *record,
                                         struct fct_str author,
                                         const struct dmarc_identifier *identifier,
                                         struct dmarc_domain *domain)
{
    const char *how = identifier->dkim ? "DKIM" : "SPF";
    bool strict = identifier->dkim ? record->strict_dkim : record->strict_spf;
    enum alignment result = NOT_ALIGNED;
    static const char *const texts[] = {"not aligned", "aligned", "alignment unknown"};

    if (!dmarc_domain_parse(identifier->domain, domain))
        return NOT_ALIGNED;
    if (dmarc_domain_same(dmarc_domain_str(domain), author))
        result = ALIGNED;
    else if (!strict)
        result = relaxed(s, author, dmarc_domain_str(domain));
    dmarc_watch(&s->watch, "%s %s for %s: %s (%s)", how,
                identifier->unsure ? "could not say" : "passed", domain->text, texts[result],
                strict ? "strict" : "relaxed");
    return result == ALIGNED && identifier->unsure ? NOBODY_KNOWS : result;
}

static void note_aligned(struct dmarc_outcome *out, const struct dmarc_domain *domain, bool dkim)
{
    if (out->result != DMARC_PASS) {
        out->aligned = *domain;
        out->by_dkim = dkim;
        decide(out, DMARC_PASS, "");
    }
    out->dkim_aligned = out->dkim_aligned || dkim;
    out->spf_aligned = out->spf_aligned || !dkim;
}

/* One that agrees decides; reports tell of both methods (RFC 9990 3.1.1), so that the first of each
 * is looked for. */
static FCT_MAY_WAIT void judge(struct dmarc_search *s, const struct dmarc_query *query,
                               struct dmarc_outcome *out)
{
    struct fct_str author = dmarc_domain_str(&out->author);
    struct dmarc_domain domain = {0};
    bool unknown = false;

    decide(out, DMARC_FAIL, "");
    for (size_t i = 0; i < query->identifiers && i < DMARC_IDENTIFIERS_MAX; i++) {
        const struct dmarc_identifier *one = &query->identifier[i];
        enum alignment a;

        if (one->dkim ? out->dkim_aligned : out->spf_aligned)
            continue;
        a = align(s, out->record, author, one, &domain);
        unknown = unknown || a == NOBODY_KNOWS;
        if (a == ALIGNED)
            note_aligned(out, &domain, one->dkim);
    }
    if (out->result == DMARC_FAIL && unknown)
        decide(out, DMARC_TEMPERROR, "no answer of the DNS about what might be aligned");
}

bool dmarc_would_pass(struct dmarc_search *s, const struct dmarc_outcome *outcome,
                      const struct dmarc_identifier *identifier)
{
    struct dmarc_domain domain;

    return align(s, outcome->record, dmarc_domain_str(&outcome->author), identifier, &domain) ==
           ALIGNED;
}

/* ---- the policy                                                 RFC 9989 4.10.1 ---- */

/* A name that does not exist is one for which the answer is NXDOMAIN (RFC 8020). */
static FCT_MAY_WAIT bool exists(struct dmarc_search *s, struct fct_str name, bool *unknown)
{
    struct fct_dns_answer answer = {0};

    (void)s->dns.ask(s->dns.ctx, FCT_DNS_A, name, &answer);
    *unknown = answer.status != FCT_DNS_OK && answer.status != FCT_DNS_NO_DATA &&
               answer.status != FCT_DNS_NO_NAME;
    dmarc_watch(&s->watch, "%.*s: %s", FCT_FMT(name),
                *unknown                           ? "no answer"
                : answer.status == FCT_DNS_NO_NAME ? "does not exist"
                                                   : "exists");
    return answer.status != FCT_DNS_NO_NAME;
}

static enum dmarc_policy milder(enum dmarc_policy policy)
{
    return policy == DMARC_POLICY_REJECT ? DMARC_POLICY_QUARANTINE : DMARC_POLICY_NONE;
}

/* False: it cannot be told which of two policies is meant. */
static FCT_MAY_WAIT bool choose_policy(struct dmarc_search *s, const struct dmarc_found *found,
                                       struct dmarc_outcome *out)
{
    const struct dmarc_record *record = found->record;
    struct fct_str author = dmarc_domain_str(&out->author);
    bool unknown = false;

    out->policy = record->p;
    if (!dmarc_domain_same(found->name, author)) {
        out->policy = record->sp;
        if (record->np != record->sp && !exists(s, author, &unknown))
            out->policy = record->np;
    }
    out->testing = record->testing;
    if (record->testing)
        out->policy = milder(out->policy);
    return !unknown;
}

bool dmarc_find_record(struct dmarc_search *s, const struct dmarc_query *query,
                       struct dmarc_found *found, struct dmarc_outcome *out)
{
    *out = (struct dmarc_outcome){.result = DMARC_NONE};
    if (!dmarc_domain_parse(query->author, &out->author)) {
        out->author = (struct dmarc_domain){0};
        decide(out, DMARC_PERMERROR, "the author's domain is no name");
        return false;
    }
    dmarc_find_policy(s, dmarc_domain_str(&out->author), found);
    if (found->look == DMARC_UNKNOWN)
        decide(out, DMARC_TEMPERROR, "no answer of the DNS about the policy");
    if (found->look != DMARC_THERE)
        return false;
    set_domain(&out->found, found->name);
    out->text = found->text;
    out->record = found->record;
    return true;
}

void dmarc_evaluate(struct dmarc_search *s, const struct dmarc_query *query,
                    struct dmarc_outcome *out)
{
    struct dmarc_found found;

    if (!dmarc_find_record(s, query, &found, out))
        return;
    if (!found.record->usable) {
        decide(out, DMARC_PERMERROR, found.record->mistake);
        return;
    }
    judge(s, query, out);
    if (out->result == DMARC_FAIL && !choose_policy(s, &found, out))
        decide(out, DMARC_TEMPERROR, "no answer of the DNS whether the author's domain exists");
}
