/* dmarc_check.h - one message on its way through the plugin: what is read of it, what was found
 * out, what was done. Lives as long as the transaction. */
#ifndef PLUGINS_DMARC_DMARC_CHECK_H
#define PLUGINS_DMARC_DMARC_CHECK_H

#include "dmarc_arc.h"
#include "dmarc_author.h"
#include "dmarc_conf.h"
#include "dmarc_row.h"

#define DMARC_REPLY_MAX 380

/* Why the owner's wish is not done as it stands. */
enum dmarc_excuse {
    DMARC_EXCUSE_NONE,
    DMARC_EXCUSE_FORWARDER, /* trusted_forwarders: one that SPF or DKIM vouches for */
    DMARC_EXCUSE_SEALER,    /* trusted_sealers: it passed before somebody changed it */
    DMARC_EXCUSE_LIST,      /* mail of a list that is who it says */
};

struct dmarc_check {
    const struct fct_host *host;
    struct fct_call *call;
    const struct dmarc_plan *plan;
    struct dmarc_author author;
    /* Domains that SPF and DKIM vouch for, or would if the DNS had answered. */
    struct dmarc_domain passed[DMARC_IDENTIFIERS_MAX];
    struct dmarc_identifier identifier[DMARC_IDENTIFIERS_MAX];
    size_t identifiers;
    bool has_spf, has_dkim; /* they were checked, whatever came of it */
    struct dmarc_search search;
    struct dmarc_outcome outcome;
    enum dmarc_excuse excuse;
    struct dmarc_domain excused_by; /* the forwarder, sealer or list */
    enum fct_action wish;           /* what we ask for; FCT_KEEP: nothing */
    char reply[DMARC_REPLY_MAX];    /* what to say with a refusal; may be empty */
    bool reported;
};

/* The From fields, as the server's own parser reads them. */
void dmarc_check_author(struct dmarc_check *check);
/* What plugins before us found out. */
void dmarc_check_facts(struct dmarc_check *check);
/* Of a message that fails. */
FCT_MAY_WAIT void dmarc_check_excuse(struct dmarc_check *check);

/* What the owner may be told (RFC 9990). `action`: what becomes of the message, as at verdict.
 * False: nothing; there is no policy record, or the message did not come by mail. */
FCT_MUST_CHECK bool dmarc_check_row(const struct dmarc_check *check, struct fct_str action,
                                    struct dmarc_row *out);

#endif
