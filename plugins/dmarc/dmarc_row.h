/* dmarc_row.h - what one message has to say in an aggregate report: a <record> of it, and the
 * policy that was applied (RFC 9990 3.1.1).
 *
 * dmarc_check_row() fills it in at `verdict`, for a message whose author's domain has a policy
 * record; whoever collects rows copies what is to stay. */
#ifndef PLUGINS_DMARC_DMARC_ROW_H
#define PLUGINS_DMARC_DMARC_ROW_H

#include "dmarc_eval.h"

/* What was done because of DMARC (RFC 9990, ActionDispositionType). */
enum dmarc_disposition {
    DMARC_DONE_NONE, /* it failed, and nothing came of that */
    DMARC_DONE_PASS, /* it passed */
    DMARC_DONE_QUARANTINE,
    DMARC_DONE_REJECT,
};
const char *dmarc_disposition_word(enum dmarc_disposition disposition);

/* Why that is not what the owner asks for (RFC 9990, PolicyOverrideType). */
enum dmarc_override {
    DMARC_LOCAL_POLICY,
    DMARC_MAILING_LIST,
    DMARC_POLICY_TEST_MODE,
    DMARC_TRUSTED_FORWARDER,
    DMARC_OTHER,
};
const char *dmarc_override_word(enum dmarc_override override);

struct dmarc_reason {
    enum dmarc_override type;
    struct fct_str comment; /* may be empty */
};
#define DMARC_REASONS_MAX 4

/* What SPF or DKIM said, of each signature and identity, aligned or not. */
enum dmarc_method { DMARC_AUTH_DKIM, DMARC_AUTH_SPF };
struct dmarc_auth {
    enum dmarc_method method;
    bool helo;               /* SPF: the HELO name was checked, scope "helo"; else "mfrom" */
    struct fct_str domain;   /* A-labels */
    struct fct_str selector; /* DKIM; may be empty */
    struct fct_str result;   /* the word of RFC 8601 2.7.1, 2.7.2 */
};
/* Signatures beyond them are left out. */
#define DMARC_AUTHS_MAX 16

/* Every view lives as long as the transaction. */
struct dmarc_row {
    /* row */
    struct fct_str source_ip;
    enum dmarc_disposition disposition;
    bool dkim_aligned, spf_aligned; /* passed, and for a domain that is aligned */
    struct dmarc_reason reason[DMARC_REASONS_MAX];
    size_t reasons;
    /* identifiers */
    struct fct_str header_from;   /* A-labels */
    struct fct_str envelope_from; /* domain of MAIL FROM, A-labels; empty for <> */
    struct fct_str envelope_to;   /* domain of all recipients; empty: they are of several */
    /* auth_results */
    struct dmarc_auth auth[DMARC_AUTHS_MAX];
    size_t auths;
    /* policy_published, as it stood when the message came */
    struct fct_str policy_domain; /* where the record is, without "_dmarc." */
    struct fct_str policy_text;   /* the record as published: rua, fo and the rest */
    const struct dmarc_record *policy;
    enum dmarc_discovery discovery;
    /* evaluation */
    enum dmarc_result result;
    enum dmarc_policy asked; /* of a fail: what the owner asks for, t=y taken into account */
};

#endif
