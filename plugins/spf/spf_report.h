/* spf_report.h - a result in the words of others: the detail of a symbol, a fact for the plugins
 * that follow (RFC 8601 2.2), a header field (RFC 7208 9.1), the text of a reply. */
#ifndef PLUGINS_SPF_SPF_REPORT_H
#define PLUGINS_SPF_SPF_REPORT_H

#include "spf.h"

enum spf_identity { SPF_MAILFROM, SPF_HELO };

/* One result and all that is said about it. */
struct spf_report {
    const struct spf_outcome *outcome;
    enum spf_identity identity;
    struct fct_str client_ip, helo, sender, receiver;
};

/* "mailfrom=example.org; client=192.0.2.1; by=-all"; for errors the reason instead of the term */
struct fct_str spf_report_detail(const struct spf_report *r, char *out, size_t room);
/* resinfo: spf=pass smtp.mailfrom=example.org */
struct fct_str spf_report_fact(const struct spf_report *r, char *out, size_t room);
/* The value of Received-SPF, folded. */
struct fct_str spf_report_field(const struct spf_report *r, char *out, size_t room);
/* What a refused client is told; fits a reply line. */
struct fct_str spf_report_reply(const struct spf_report *r, char *out, size_t room);

#endif
