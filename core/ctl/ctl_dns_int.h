/* ctl_dns_int.h - the records of one domain, between those who collect, compare and print them. */
#ifndef CORE_CTL_CTL_DNS_INT_H
#define CORE_CTL_CTL_DNS_INT_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include <facteur/plugin.h>

struct ctl;
struct dns_resolver;

enum dns_state {
    DNS_UNKNOWN, /* the DNS cannot say for now */
    DNS_PUBLISHED,
    DNS_MISSING,
    DNS_DIFFERENT,
    DNS_STATES
};
extern const char *const dns_state_word[DNS_STATES];

/* When is what the DNS has good enough? */
enum dns_match {
    MATCH_VALUE,  /* one of the records says the same, a number of preference aside */
    MATCH_ANY,    /* there is one */
    MATCH_POLICY, /* the one SPF record lets our addresses pass, whatever it says */
};

struct dns_row {
    const char *about; /* a comment above it; NULL: it goes with the row before */
    const char *name;  /* without final dot */
    enum fct_dns_type type;
    const char *value; /* TXT: the text; others: as in a zone file; NULL: only the admin knows */
    enum dns_match match;
    const char *prefix; /* TXT: records that begin otherwise are about something else */
    bool advised;       /* mail works without it */
    bool elsewhere;     /* somebody else's zone: not a line of ours */
    /* Of the check. */
    enum dns_state state;
    struct fct_str found; /* what the DNS has instead, or why it cannot say */
    bool authentic;
};

#define DNS_ROWS_MAX  80
#define ADDRESSES_MAX 8
#define DNS_NOTES_MAX 6

struct dns_records {
    struct ctl *ctl;
    struct arena *arena;
    const char *domain, *host; /* in lower case */
    const char *address[ADDRESSES_MAX];
    size_t addresses;
    struct dns_row row[DNS_ROWS_MAX];
    size_t rows;
    struct fct_str sts_url,
        sts_policy;                  /* a file for a web server (RFC 8461 3.2), and where it lies */
    const char *rua, *tls_rua;       /* addresses for reports */
    const char *note[DNS_NOTES_MAX]; /* what is not there, and why */
    size_t notes;
    struct dns_resolver *resolver; /* of the check */
};

/* ctl_dns_rows.c: all there is to publish, by the configuration and the files it names. */
FCT_MUST_CHECK bool dns_rows_collect(struct dns_records *r, struct fct_err *err);
/* ctl_dns_host.c: public addresses of this server, as given or as this machine has them. */
FCT_MUST_CHECK bool dns_host_addresses(struct dns_records *r, struct fct_err *err);
/* ctl_dns_host.c: "3 1 1 …" of the configured certificate (RFC 7672 3.1.1), NULL when there is none
 * or it cannot be read. */
const char *dns_host_tlsa(struct dns_records *r);
/* ctl_dns_reports.c: a note for each address for reports that does not exist on the running server.
 */
void dns_reports_check(struct dns_records *r);
/* ctl_dns_check.c: sets the state of every row. In a fiber; `records` is a struct dns_records. */
FCT_MAY_WAIT void dns_rows_check(void *records);

#endif
