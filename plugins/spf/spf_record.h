/* spf_record.h - "v=spf1 ip4:192.0.2.0/24 include:example.net -all" (RFC 7208 4.6, 12).
 *
 * A record is checked as a whole first, because one mistake anywhere makes it void; then its
 * directives are taken one by one. Everything is a view into the text. */
#ifndef PLUGINS_SPF_SPF_RECORD_H
#define PLUGINS_SPF_SPF_RECORD_H

#include "spf.h"

enum spf_mechanism {
    SPF_ALL,
    SPF_INCLUDE,
    SPF_A,
    SPF_MX,
    SPF_PTR,
    SPF_IP4,
    SPF_IP6,
    SPF_EXISTS,
    SPF_MECHANISMS
};

struct spf_directive {
    enum spf_result qualifier; /* what a match means: PASS, FAIL, SOFTFAIL or NEUTRAL */
    enum spf_mechanism mechanism;
    struct fct_str text;   /* the whole term */
    struct fct_str domain; /* domain-spec, not expanded; empty: the domain itself */
    struct ip_net net;     /* IP4, IP6 */
    unsigned bits4, bits6; /* A, MX: 32 and 128 when not given */
};

struct spf_record {
    struct fct_str terms;         /* what follows the version */
    struct fct_str redirect, exp; /* domain-spec; p is NULL when it is not there */
};

/* Does the text begin as a record of SPF does? All others are somebody else's (RFC 7208 4.5). */
bool spf_record_is(struct fct_str text);
/* False: SYNTAX, err names the first term that is wrong. */
FCT_MUST_CHECK bool spf_record_parse(struct fct_str text, struct spf_record *out,
                                     struct fct_err *err);
/* The next directive of terms that were parsed before, taken off *rest; modifiers are passed over.
 * False: there is none. */
bool spf_record_next(struct fct_str *rest, struct spf_directive *out);

#endif
