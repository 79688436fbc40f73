/* dmarc_check.c - what is read of a message, through the host. */
#include "dmarc_check.h"

#include "dmarc_list.h"
#include "plugins/lib/view.h"

#include <strings.h>

#define SEALS_MAX    50 /* RFC 8617 5.1.1.1 */
#define RECORDED_MAX 100

/* ---- From ---- */

/* Obsolete syntax allows white space between the name and the colon (RFC 5322 4.5): it must not
 * hide a field. */
static bool is_from(struct fct_str name)
{
    while (name.n > 0 && (name.p[name.n - 1] == ' ' || name.p[name.n - 1] == '\t'))
        name.n--;
    return name.n == 4 && strncasecmp(name.p, "From", 4) == 0;
}

void dmarc_check_author(struct dmarc_check *c)
{
    const struct fct_header *field;
    const struct fct_address *list;
    size_t n = c->host->headers(c->call, &field);

    for (size_t i = 0; i < n; i++)
        if (is_from(field[i].name)) {
            size_t addresses = c->host->addresses(c->call, &field[i], &list);

            dmarc_author_add(&c->author, list, addresses);
        }
    dmarc_author_finish(&c->author);
}

/* ---- SPF and DKIM ---- */

static bool is_method(struct fct_str text, const char *method)
{
    size_t n = strlen(method);

    return text.n > n && text.p[n] == '=' && memcmp(text.p, method, n) == 0;
}

/* The HELO name is what SPF vouches for when MAIL FROM is empty, and only then (RFC 9989 4.4.2). */
static bool counts(const struct dmarc_check *c, const struct dmarc_fact *fact)
{
    bool null_sender = c->host->envelope(c->call)->reverse_path.n == 0;

    return fact->property == DMARC_SIGNER || fact->property == DMARC_MAILFROM ||
           (fact->property == DMARC_HELO && null_sender);
}

void dmarc_check_facts(struct dmarc_check *c)
{
    struct dmarc_fact fact;
    struct fct_str text;

    for (size_t i = 0; (text = c->host->fact(c->call, "auth", i)).p; i++) {
        bool read = dmarc_fact_parse(text, &fact) && counts(c, &fact);
        bool unsure = view_is(fact.result, "temperror");

        c->has_spf = c->has_spf || is_method(text, "spf");
        c->has_dkim = c->has_dkim || is_method(text, "dkim");
        if (!read || c->identifiers == DMARC_IDENTIFIERS_MAX ||
            (!unsure && !view_is(fact.result, "pass")))
            continue;
        c->passed[c->identifiers] = fact.domain;
        c->identifier[c->identifiers] = (struct dmarc_identifier){
            dmarc_domain_str(&c->passed[c->identifiers]), fact.property == DMARC_SIGNER, unsure};
        c->identifiers++;
    }
}

/* ---- excuses ---- */

static bool is_forwarder(const struct dmarc_check *c, const struct dmarc_identifier *identifier)
{
    const struct fct_strings *trusted = &c->plan->conf->trusted_forwarders;

    for (size_t i = 0; !identifier->unsure && i < trusted->n; i++)
        if (dmarc_pattern_fits(trusted->item[i], identifier->domain))
            return true;
    return false;
}

static bool came_by_forwarder(struct dmarc_check *c)
{
    for (size_t i = 0; i < c->identifiers; i++)
        if (is_forwarder(c, &c->identifier[i])) {
            c->excused_by = c->passed[i];
            return true;
        }
    return false;
}

static bool chain_passes(const struct dmarc_check *c)
{
    struct fct_str text;
    struct dmarc_fact fact;

    for (size_t i = 0; (text = c->host->fact(c->call, "auth", i)).p; i++)
        if (is_method(text, "arc"))
            return dmarc_fact_parse(text, &fact) && view_is(fact.result, "pass");
    return false;
}

static size_t gather(const struct dmarc_check *c, const char *name, struct fct_str *out, size_t max)
{
    size_t n = 0;

    while (n < max && (out[n] = c->host->fact(c->call, name, n)).p)
        n++;
    return n;
}

static FCT_MAY_WAIT bool came_by_sealer(struct dmarc_check *c)
{
    struct fct_str seal[SEALS_MAX], result[RECORDED_MAX];
    struct dmarc_arc arc = {
        .seal = seal, .result = result, .trusted = &c->plan->conf->trusted_sealers};

    if (arc.trusted->n == 0 || !c->outcome.record || !chain_passes(c))
        return false;
    arc.seals = gather(c, "arc.seal", seal, SEALS_MAX);
    arc.results = gather(c, "arc.results", result, RECORDED_MAX);
    return dmarc_arc_vouches(&arc, &c->search, &c->outcome, &c->excused_by);
}

/* A list says who it is, that it takes mail, and SPF or DKIM vouches for somebody of the same
 * organization: whoever calls himself a list does so in his own name. */
static bool came_by_list(struct dmarc_check *c)
{
    const struct fct_header *id = c->host->header(c->call, "List-Id", 0);
    const struct fct_header *precedence = c->host->header(c->call, "Precedence", 0);
    bool is_list = c->host->header(c->call, "List-Post", 0) ||
                   (precedence && dmarc_list_precedence(precedence->value));
    struct dmarc_domain list;

    if (!is_list || !id || c->host->header(c->call, "List-Id", 1) ||
        !dmarc_list_id(id->value, &list))
        return false;
    for (size_t i = 0; i < c->identifiers; i++) {
        struct fct_str org = c->host->org_domain(c->call, c->identifier[i].domain);

        if (c->identifier[i].unsure || !dmarc_domain_within(dmarc_domain_str(&list), org))
            continue;
        c->excused_by = list;
        return true;
    }
    return false;
}

void dmarc_check_excuse(struct dmarc_check *c)
{
    if (came_by_forwarder(c))
        c->excuse = DMARC_EXCUSE_FORWARDER;
    else if (came_by_sealer(c))
        c->excuse = DMARC_EXCUSE_SEALER;
    else if (came_by_list(c))
        c->excuse = DMARC_EXCUSE_LIST;
}
