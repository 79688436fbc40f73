/* dmarc_author.h - whose domain a message is checked for: the one of its From field, if it has one
 * (RFC 9989 5.3.1, 11.5). */
#ifndef PLUGINS_DMARC_DMARC_AUTHOR_H
#define PLUGINS_DMARC_DMARC_AUTHOR_H

#include "dmarc_domain.h"

#include <facteur/plugin.h>

enum dmarc_author_kind {
    DMARC_ONE_DOMAIN,
    DMARC_NO_FIELD,     /* no From at all: no message of RFC 5322 */
    DMARC_MANY_FIELDS,  /* which of them is shown to people is anybody's guess */
    DMARC_MANY_DOMAINS, /* authors of several domains */
    DMARC_NO_DOMAIN,    /* an empty group (RFC 6854), local names, an address literal */
    DMARC_BROKEN,       /* an address that cannot be read for certain */
};

struct dmarc_author {
    enum dmarc_author_kind kind;
    size_t fields;
    struct dmarc_domain domain; /* the first that was found; n is 0: none */
    bool other;                 /* a second domain was found */
    bool broken;
};

/* Begin with an empty struct, give it the addresses of each From field, then finish. */
void dmarc_author_add(struct dmarc_author *author, const struct fct_address *list, size_t n);
void dmarc_author_finish(struct dmarc_author *author);
/* "several From fields"; "" for DMARC_ONE_DOMAIN. */
const char *dmarc_author_text(enum dmarc_author_kind kind);

#endif
