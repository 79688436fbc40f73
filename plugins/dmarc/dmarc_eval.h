/* dmarc_eval.h - was this message sent by whom its author's address says (RFC 9989 5.3)? */
#ifndef PLUGINS_DMARC_DMARC_EVAL_H
#define PLUGINS_DMARC_DMARC_EVAL_H

#include "dmarc_discover.h"

/* RFC 8601 2.7.1, RFC 9989 9 */
enum dmarc_result { DMARC_NONE, DMARC_PASS, DMARC_FAIL, DMARC_TEMPERROR, DMARC_PERMERROR };
const char *dmarc_result_word(enum dmarc_result result);

/* A domain that SPF or DKIM vouches for: a pass, nothing less. */
struct dmarc_identifier {
    struct fct_str domain;
    bool dkim;
    bool unsure; /* no pass, but a temporary error: if it is aligned, nobody can say for now */
};
/* More are not looked at. */
#define DMARC_IDENTIFIERS_MAX 16

struct dmarc_query {
    struct fct_str author; /* domain of the address in From */
    const struct dmarc_identifier *identifier;
    size_t identifiers;
};

struct dmarc_outcome {
    enum dmarc_result result;
    /* What the owner asks for on failure, one step milder while it tests (t=y). */
    enum dmarc_policy policy;
    struct dmarc_domain author;        /* empty: it is no name */
    struct dmarc_domain found;         /* where the record is; empty: there is none */
    struct fct_str text;               /* the record as published: a view of the answer */
    const struct dmarc_record *record; /* in the search; NULL: there is none */
    struct dmarc_domain aligned;       /* of PASS: the first domain that agrees */
    bool by_dkim;                      /* of PASS: aligned comes from DKIM */
    bool dkim_aligned, spf_aligned;    /* it passed, for a domain that agrees */
    bool testing;
    char why[160]; /* of TEMPERROR and PERMERROR, one sentence */
};

/* `search` says how to look, and must be empty (n = 0) or of the same message. */
FCT_MAY_WAIT void dmarc_evaluate(struct dmarc_search *search, const struct dmarc_query *query,
                                 struct dmarc_outcome *out);
/* How every engine begins: the author's domain and the record that applies to it. False: the result
 * stands already, without a record to judge by. */
FCT_MUST_CHECK FCT_MAY_WAIT bool dmarc_find_record(struct dmarc_search *search,
                                                   const struct dmarc_query *query,
                                                   struct dmarc_found *found,
                                                   struct dmarc_outcome *out);
/* Would this one have passed, had it been part of the query? Of an outcome with a record. */
FCT_MAY_WAIT bool dmarc_would_pass(struct dmarc_search *search, const struct dmarc_outcome *outcome,
                                   const struct dmarc_identifier *identifier);

#endif
