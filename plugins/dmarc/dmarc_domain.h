/* dmarc_domain.h - domain names in the one form in which DMARC compares them: lower case, A-labels,
 * no final dot. */
#ifndef PLUGINS_DMARC_DMARC_DOMAIN_H
#define PLUGINS_DMARC_DMARC_DOMAIN_H

#include <facteur/base.h>

#define DMARC_NAME_MAX 253 /* of a name as text (RFC 1035 2.3.4) */

struct dmarc_domain {
    char text[DMARC_NAME_MAX + 1]; /* a NUL follows */
    size_t n;
};

/* U-labels become A-labels (RFC 5890 2.3). False: this is no name that mail could come from, such
 * as an address literal, or one with an empty label. */
FCT_MUST_CHECK bool dmarc_domain_parse(struct fct_str text, struct dmarc_domain *out);

static inline struct fct_str dmarc_domain_str(const struct dmarc_domain *domain)
{
    return (struct fct_str){domain->text, domain->n};
}

/* Of names in that form. */
bool dmarc_domain_same(struct fct_str a, struct fct_str b);
/* name is `parent` or below it. */
bool dmarc_domain_within(struct fct_str name, struct fct_str parent);
size_t dmarc_domain_labels(struct fct_str name);
/* The last n labels: a view. The whole name when it has no more. */
struct fct_str dmarc_domain_last(struct fct_str name, size_t n);

/* Patterns of the configuration: "example.org" is that name, "*.example.org" every name below it.
 */
FCT_MUST_CHECK bool dmarc_pattern_is(const char *pattern);
bool dmarc_pattern_fits(const char *pattern, struct fct_str name);

#endif
