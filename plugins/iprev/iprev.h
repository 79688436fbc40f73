/* iprev.h - the name of an address by the reverse DNS, confirmed by the forward DNS (RFC 8601 3).
 *
 * A pure library: who asks brings a function that asks the DNS. It allocates nothing. */
#ifndef PLUGINS_IPREV_IPREV_H
#define PLUGINS_IPREV_IPREV_H

#include "plugins/lib/ip_address.h"

#include <facteur/plugin.h>

#define IPREV_NAME_MAX  253 /* RFC 1035 2.3.4, as text */
#define IPREV_NAMES     10u
#define IPREV_NAMES_MAX 20u

/* RFC 8601 2.7.3 */
enum iprev_result {
    IPREV_PASS,
    IPREV_FAIL,      /* there are names, and none is this address's */
    IPREV_PERMERROR, /* nothing is published for this address */
    IPREV_TEMPERROR, /* the DNS cannot say for now */
    IPREV_RESULTS
};
const char *iprev_result_word(enum iprev_result result);

/* One question about each of the names, all of them at once; fills in answer[0] to answer[n - 1] in
 * any case. Answers must live until iprev_check returns. */
struct iprev_dns {
    FCT_MAY_WAIT void (*ask)(void *ctx, enum fct_dns_type type, const struct fct_str *name,
                             size_t n, struct fct_dns_answer *answer);
    void *ctx;
};

struct iprev_query {
    struct ip_address client;
    uint32_t
        max_names; /* that are looked at, of those the reverse DNS has; up to IPREV_NAMES_MAX */
    struct iprev_dns dns;
};

struct iprev_outcome {
    enum iprev_result result;
    char name[IPREV_NAME_MAX + 1]; /* PASS: the confirmed name, of several the first by alphabet */
    char why[200];                 /* of the others, one sentence */
};

FCT_MAY_WAIT void iprev_check(const struct iprev_query *query, struct iprev_outcome *out);

/* A name that a host can have and that may stand in a header field: letters, digits, hyphens,
 * underscores and dots, and no address. */
bool iprev_is_host(struct fct_str name);

#endif
