/* dmarc_arc.c - see dmarc_arc.h. */
#include "dmarc_arc.h"

#include "plugins/lib/view.h"

static bool is_trusted(const struct dmarc_arc *arc, struct fct_str domain)
{
    for (size_t i = 0; i < arc->trusted->n; i++)
        if (dmarc_pattern_fits(arc->trusted->item[i], domain))
            return true;
    return false;
}

/* SPF or DKIM, as a sealer recorded them. The HELO name says nothing about a message that was sent
 * on. */
static bool is_identifier(const struct dmarc_fact *fact, struct dmarc_identifier *out)
{
    *out = (struct dmarc_identifier){dmarc_domain_str(&fact->domain),
                                     fact->property == DMARC_SIGNER, false};
    return view_is(fact->result, "pass") &&
           (fact->property == DMARC_SIGNER || fact->property == DMARC_MAILFROM);
}

/* What one instance recorded. */
static FCT_MAY_WAIT bool saw_a_pass(const struct dmarc_arc *arc, unsigned instance,
                                    struct dmarc_search *search,
                                    const struct dmarc_outcome *outcome)
{
    struct dmarc_identifier identifier;
    struct dmarc_fact fact;
    bool aligned = false;
    unsigned at;

    for (size_t i = 0; i < arc->results; i++) {
        if (!dmarc_recorded_parse(arc->result[i], &at, &fact) || at != instance)
            continue;
        if (fact.property == DMARC_AUTHOR &&
            dmarc_domain_same(dmarc_domain_str(&fact.domain), dmarc_domain_str(&outcome->author)))
            return view_is(fact.result, "pass");
        if (!aligned && is_identifier(&fact, &identifier))
            aligned = dmarc_would_pass(search, outcome, &identifier);
    }
    return aligned;
}

bool dmarc_arc_vouches(const struct dmarc_arc *arc, struct dmarc_search *search,
                       const struct dmarc_outcome *outcome, struct dmarc_domain *sealer)
{
    unsigned above = 0;
    struct dmarc_seal seal;

    for (size_t i = 0; i < arc->seals; i++) {
        if (!dmarc_seal_parse(arc->seal[i], &seal) || (i > 0 && seal.instance + 1 != above) ||
            !is_trusted(arc, dmarc_domain_str(&seal.domain)))
            return false;
        if (saw_a_pass(arc, seal.instance, search, outcome)) {
            *sealer = seal.domain;
            return true;
        }
        above = seal.instance;
    }
    return false;
}
