/* dmarc_facts.h - what SPF and DKIM said of a message, read from the facts "auth" that their
 * plugins leave (resinfo, RFC 8601 2.2). Never from header fields: anybody can write those. */
#ifndef PLUGINS_DMARC_DMARC_FACTS_H
#define PLUGINS_DMARC_DMARC_FACTS_H

#include "dmarc_domain.h"

#include <facteur/base.h>

/* One result: "dkim=pass (2048 bits) header.d=example.org". */
struct dmarc_fact {
    struct fct_str method, result;     /* views */
    bool spf_mailfrom, spf_helo, dkim; /* whose property was found */
    struct dmarc_domain domain;        /* of that property */
};

/* False: not written as it should be, or without the property that names a domain. */
FCT_MUST_CHECK bool dmarc_fact_parse(struct fct_str text, struct dmarc_fact *out);

#endif
