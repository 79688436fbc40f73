/* report_destination.c - the nine steps of RFC 9990 4. */
#include "report_destination.h"

static FCT_PRINTF(3, 4) void conclude(struct report_destination *out, enum report_consent consent,
                                      const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(out->why, sizeof out->why, fmt, ap);
    va_end(ap);
    out->consent = consent;
}

/* False: nobody can say for now. */
static FCT_MAY_WAIT bool same_organization(struct dmarc_search *search, struct fct_str a,
                                           struct fct_str b, bool *same)
{
    struct fct_str org_a, org_b;

    *same = dmarc_domain_same(a, b);
    if (*same)
        return true;
    if (!dmarc_find_org(search, a, &org_a) || !dmarc_find_org(search, b, &org_b))
        return false;
    *same = dmarc_domain_same(org_a, org_b);
    return true;
}

/* Step 9: another address may stand there, but none elsewhere. False: one does. */
static bool take_override(struct fct_str record, struct report_destination *out)
{
    struct report_address other[REPORT_ADDRESSES_MAX];
    size_t left, n = report_addresses(record, other, &left);

    if (n == 0)
        return true;
    if (other[0].refused || !dmarc_domain_same(dmarc_domain_str(&other[0].domain),
                                               dmarc_domain_str(&out->address.domain)))
        return false;
    out->replaced = true;
    out->address = other[0];
    out->address.uri = (struct fct_str){NULL, 0}; /* a view into the answer */
    return true;
}

static void read_consent(const struct fct_dns_answer *answer, const char *name,
                         struct report_destination *out)
{
    for (size_t i = 0; i < answer->n; i++) {
        if (!dmarc_record_is(answer->record[i].data))
            continue;
        if (take_override(answer->record[i].data, out))
            conclude(out, REPORT_AGREES, "%s agrees%s%s", out->address.domain.text,
                     out->replaced ? ", at " : "", out->replaced ? out->address.text : "");
        else
            conclude(out, REPORT_REFUSES,
                     "%s leads to an address that is not at the same host or cannot be read", name);
        return;
    }
    conclude(out, REPORT_REFUSES, "%s has no record of DMARC", name);
}

static FCT_MAY_WAIT void ask(struct dmarc_search *search, struct fct_str policy_domain,
                             struct report_destination *out)
{
    char name[2 * (size_t)DMARC_NAME_MAX + sizeof "._report._dmarc."];
    int n = snprintf(name, sizeof name, "%.*s._report._dmarc.%s", FCT_FMT(policy_domain),
                     out->address.domain.text);
    struct fct_dns_answer answer = {0};

    if (n > DMARC_NAME_MAX) {
        conclude(out, REPORT_REFUSES, "the name to ask it by is too long for the DNS");
        return;
    }
    (void)search->dns.ask(search->dns.ctx, FCT_DNS_TXT, (struct fct_str){name, (size_t)n}, &answer);
    if (answer.status == FCT_DNS_OK)
        read_consent(&answer, name, out);
    else if (answer.status == FCT_DNS_NO_NAME || answer.status == FCT_DNS_NO_DATA)
        conclude(out, REPORT_REFUSES, "it did not agree: nothing at %s", name);
    else
        conclude(out, REPORT_UNKNOWN, "the DNS has no answer for now: %s", name);
}

void report_destination_check(struct dmarc_search *search, struct fct_str policy_domain,
                              const struct report_address *address, struct report_destination *out)
{
    bool same;

    *out = (struct report_destination){.address = *address};
    if (address->refused)
        conclude(out, REPORT_REFUSES, "%s", address->refused);
    else if (!same_organization(search, policy_domain, dmarc_domain_str(&address->domain), &same))
        conclude(out, REPORT_UNKNOWN, "the DNS cannot say for now whose domain %s is",
                 address->domain.text);
    else if (same)
        conclude(out, REPORT_OWN, "of the same organization");
    else
        ask(search, policy_domain, out);
}
