/* tls_report.h - a day of sessions with others, counted for those who asked to be told (RFC 8460):
 * sums by policy domain, the report as JSON, and reports of others read.
 *
 * Nothing of a message is kept, only hosts and results. Bounded in domains, policies and kinds of
 * failure; what finds no room is counted in `left_out` and never slows a delivery down. */
#ifndef PROTOCOLS_RELAY_POLICY_TLS_REPORT_H
#define PROTOCOLS_RELAY_POLICY_TLS_REPORT_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "protocols/relay/policy/tls_result.h"
#include <facteur/plugin.h>

/* ---- who wants reports: _smtp._tls.DOMAIN ---- */

#define TLS_REPORT_RUA_MAX 10u

/* The mailto: and https: addresses of the one record "v=TLSRPTv1; rua=…" (RFC 8460 3), as written,
 * views into the answer. Returns how many; 0: nobody wants any, *why says which way. */
size_t tls_report_addresses(const struct fct_dns_answer *answer,
                            struct fct_str out[TLS_REPORT_RUA_MAX], const char **why);
/* "mailto:a@b" or "mailto:a@b?…": the address, percent signs decoded. */
FCT_MUST_CHECK bool tls_report_mailto(struct arena *arena, struct fct_str uri,
                                      struct fct_str *address);

/* ---- what was seen ---- */

enum tls_policy_type { TLS_POLICY_NONE, TLS_POLICY_STS, TLS_POLICY_TLSA, TLS_POLICY_TYPES };
const char *tls_policy_type_word(enum tls_policy_type type); /* "sts" */

/* The policy that a session was under. Policies that differ in any of it are counted apart. */
struct tls_report_policy {
    enum tls_policy_type type;
    struct fct_str domain;        /* the next-hop domain */
    const struct fct_str *string; /* lines of the STS policy, or TLSA records as text */
    size_t strings;
    const struct fct_str *mx; /* patterns of the STS policy */
    size_t mxs;
};
/* What failed, and where. Texts may be empty. */
struct tls_report_failure {
    enum tls_result result;
    struct fct_str sending_ip, receiving_host, receiving_helo, receiving_ip, reason;
};

struct tls_report; /* what is known since a day began */

struct tls_report_limits {
    size_t domains, policies, failures; /* policies of a domain, kinds of failure of a policy */
};
struct tls_report *tls_report_new(const struct tls_report_limits *limits);
void tls_report_free(struct tls_report **report);
/* What was counted so far, as a report of its own; `report` counts anew, at the address it has. */
struct tls_report *tls_report_take(struct tls_report *report);

/* One session for recipients of `domain`; failure NULL or of TLS_RESULT_SUCCESS: it was good. */
void tls_report_count(struct tls_report *report, struct fct_str domain,
                      const struct tls_report_policy *policy,
                      const struct tls_report_failure *failure);
/* Domains with anything to tell, in no order: start with *at = 0, false at the end. */
bool tls_report_next(const struct tls_report *report, size_t *at, struct fct_str *domain);
uint64_t tls_report_left_out(const struct tls_report *report);

/* ---- as JSON (RFC 8460 4.4) ---- */

struct tls_report_head {
    struct fct_str organization, contact; /* contact: an address of who answers questions */
    struct fct_str id;                    /* "…@domain", see tls_report_id */
    int64_t begin, end;                   /* both are in it */
};
FCT_MUST_CHECK bool tls_report_write(const struct tls_report *report, struct fct_str domain,
                                     const struct tls_report_head *head, struct buf *out);
/* The same for the same day, domain and sender, so that a report made again is known as such. */
struct fct_str tls_report_id(struct arena *arena, int64_t begin, struct fct_str domain,
                             struct fct_str sender);
/* sender "!" domain "!" begin "!" end "." "json.gz" (RFC 8460 5.1) */
struct fct_str tls_report_file_name(struct arena *arena, const struct tls_report_head *head,
                                    struct fct_str domain, struct fct_str sender);

/* The whole message with CRLF line ends (RFC 8460 5.3). */
struct tls_report_mail {
    struct fct_str from, to, domain, sender; /* sender: the domain that submits it */
    struct fct_str message_id;               /* without brackets */
    const struct tls_report_head *head;
    int64_t now;
    struct fct_str gzip;
};
FCT_MUST_CHECK bool tls_report_mail_write(const struct tls_report_mail *mail, struct buf *out);

/* ---- reports of others ---- */

/* The sums of one policy of a report. */
struct tls_report_sums {
    struct tls_report_policy policy;
    uint64_t successful, failed;
    const struct tls_report_failed {
        struct tls_report_failure is; /* result SUCCESS: a word that is not known */
        struct fct_str word, information;
        uint64_t sessions;
    } * failure;
    size_t failures;
};
struct tls_report_read {
    struct tls_report_head head;
    const struct tls_report_sums *policy;
    size_t policies;
};
#define TLS_REPORT_JSON_MAX     (2u << 20) /* bytes, unpacked */
#define TLS_REPORT_POLICIES_MAX 1000u
#define TLS_REPORT_FAILURES_MAX 10000u /* of all policies together */

/* JSON or gzip of it, told apart by the first bytes; into `arena`. Fails FCT_SYNTAX, FCT_LIMIT. */
FCT_MUST_CHECK bool tls_report_parse(struct arena *arena, struct fct_str bytes,
                                     struct tls_report_read *out, struct fct_err *err);
/* Adds what a report says to `report`: a day that was written down goes on after a restart. */
void tls_report_add(struct tls_report *report, struct fct_str domain,
                    const struct tls_report_read *from);

#endif
