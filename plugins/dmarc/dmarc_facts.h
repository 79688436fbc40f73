/* dmarc_facts.h - what SPF, DKIM and ARC said of a message, read from the facts that their plugins
 * leave (resinfo, RFC 8601 2.2). Never from header fields: anybody can write those. */
#ifndef PLUGINS_DMARC_DMARC_FACTS_H
#define PLUGINS_DMARC_DMARC_FACTS_H

#include "dmarc_domain.h"

#include <facteur/base.h>

/* The property of a result that names a domain. */
enum dmarc_property {
    DMARC_NOBODY,
    DMARC_MAILFROM, /* spf: smtp.mailfrom */
    DMARC_HELO,     /* spf: smtp.helo */
    DMARC_SIGNER,   /* dkim: header.d */
    DMARC_AUTHOR,   /* dmarc: header.from */
};

/* One result: "dkim=pass (2048 bits) header.d=example.org header.s=s1". */
struct dmarc_fact {
    struct fct_str method, result; /* views */
    enum dmarc_property property;
    struct dmarc_domain domain;        /* of that property */
    char selector[DMARC_NAME_MAX + 1]; /* dkim: header.s, or empty */
};

/* False: not written as it should be, or with two properties that name a domain. */
FCT_MUST_CHECK bool dmarc_fact_parse(struct fct_str text, struct dmarc_fact *out);

/* What plugin arc leaves when the chain passes: "i=2 d=lists.example.org cv=pass" for a seal,
 * "i=1 dmarc=pass header.from=example.org" for a result that this instance recorded. */
struct dmarc_seal {
    unsigned instance;
    struct dmarc_domain domain;
};
FCT_MUST_CHECK bool dmarc_seal_parse(struct fct_str text, struct dmarc_seal *out);
FCT_MUST_CHECK bool dmarc_recorded_parse(struct fct_str text, unsigned *instance,
                                         struct dmarc_fact *out);

#endif
