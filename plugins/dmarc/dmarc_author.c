/* dmarc_author.c - see dmarc_author.h. */
#include "dmarc_author.h"

static const char *const texts[] = {
    [DMARC_ONE_DOMAIN] = "",
    [DMARC_NO_FIELD] = "no From field",
    [DMARC_MANY_FIELDS] = "several From fields",
    [DMARC_MANY_DOMAINS] = "From has addresses of several domains",
    [DMARC_NO_DOMAIN] = "From names no domain",
    [DMARC_BROKEN] = "From cannot be read for certain",
};

const char *dmarc_author_text(enum dmarc_author_kind kind)
{
    return texts[kind];
}

static bool is_literal(struct fct_str domain)
{
    return domain.n > 0 && *domain.p == '[';
}

static void take_address(struct dmarc_author *author, const struct fct_address *address)
{
    struct dmarc_domain domain;

    author->broken = author->broken || address->broken;
    if (address->domain.n == 0 || is_literal(address->domain))
        return;
    if (!dmarc_domain_parse(address->domain, &domain)) {
        author->broken = true;
        return;
    }
    if (author->domain.n == 0)
        author->domain = domain;
    else if (!dmarc_domain_same(dmarc_domain_str(&author->domain), dmarc_domain_str(&domain)))
        author->other = true;
}

void dmarc_author_add(struct dmarc_author *author, const struct fct_address *list, size_t n)
{
    author->fields++;
    for (size_t i = 0; i < n; i++)
        if (list[i].kind == FCT_ADDRESS_MAILBOX)
            take_address(author, &list[i]);
}

void dmarc_author_finish(struct dmarc_author *author)
{
    if (author->fields == 0)
        author->kind = DMARC_NO_FIELD;
    else if (author->fields > 1)
        author->kind = DMARC_MANY_FIELDS;
    else if (author->broken)
        author->kind = DMARC_BROKEN;
    else if (author->other)
        author->kind = DMARC_MANY_DOMAINS;
    else
        author->kind = author->domain.n > 0 ? DMARC_ONE_DOMAIN : DMARC_NO_DOMAIN;
}
