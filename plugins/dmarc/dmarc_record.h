/* dmarc_record.h - a DMARC policy record: what the owner of a domain asks for when mail in its name
 * proves to be somebody else's (RFC 9989 4.7, 4.8). */
#ifndef PLUGINS_DMARC_DMARC_RECORD_H
#define PLUGINS_DMARC_DMARC_RECORD_H

#include <facteur/base.h>

/* In rising strictness. */
enum dmarc_policy { DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE, DMARC_POLICY_REJECT };
const char *dmarc_policy_word(enum dmarc_policy policy);

enum dmarc_psd { DMARC_PSD_UNKNOWN, DMARC_PSD_YES, DMARC_PSD_NO };

struct dmarc_record {
    /* False: p is missing or wrong, or sp or np is wrong, and nobody wants reports: the mechanism
     * does not apply (RFC 9989 4.10.1). With reports wanted it is p=none. */
    bool usable;
    /* For the domain itself, subdomains, subdomains that do not exist; filled in for tags that are
     * not there. */
    enum dmarc_policy p, sp, np;
    bool strict_dkim, strict_spf; /* adkim=s, aspf=s */
    bool testing;                 /* t=y */
    bool has_rua;                 /* some address for aggregate reports is written right */
    enum dmarc_psd psd;
    char mistake[120]; /* the first of the record, one sentence, or empty */
};

/* Begins with v=DMARC1: anything else is somebody else's record. */
bool dmarc_record_is(struct fct_str text);
/* Of a text that dmarc_record_is. What is wrong counts as not being there, unknown tags mean
 * nothing (RFC 9989 4.7), those that RFC 9989 removed (pct, rf, ri) neither. */
void dmarc_record_parse(struct fct_str text, struct dmarc_record *out);

#endif
