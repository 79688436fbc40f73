/* dmarc_day.h - the aggregate reports of a day (RFC 9990), domain by domain, out of what plugin
 * dmarc keeps in Redis: the report, who gets it, and the message that carries it. A report made
 * again has the same name and the same content (RFC 9990 3.5.2). */
#ifndef PROTOCOLS_RELAY_DMARC_DMARC_DAY_H
#define PROTOCOLS_RELAY_DMARC_DMARC_DAY_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/conf/conf.h"
#include "plugins/dmarc/dmarc_conf.h"
#include "plugins/dmarc/report_destination.h"
#include "plugins/dmarc/report_write.h"

struct dns_resolver;
struct redis;

#define DMARC_DAY_SECONDS 86400

/* Whose reports, by the block of plugin dmarc. *found false: no block enables it; defaults then. */
struct dmarc_reporter {
    struct dmarc_conf conf;
    const char *receiver, *org, *email;
};
FCT_MUST_CHECK bool dmarc_reporter_read(const struct config *config, const char *server_name,
                                        struct arena *arena, struct dmarc_reporter *out,
                                        bool *found, struct fct_err *err);

struct dmarc_day {
    char name[sizeof "20260105"];
    int64_t begin, end; /* seconds since 1970, both are in it */
    bool partial;       /* it is not over */
};
/* The day, in UTC, that `within` is in. */
struct dmarc_day dmarc_day_of(int64_t within, int64_t now);

/* The report of one domain. */
struct dmarc_report {
    struct report_head head;
    struct fct_str gzip;
    uint64_t rows, messages, unreadable;
    struct report_destination *destination;
    size_t destinations, uris_left;
    const char *to[REPORT_ADDRESSES_MAX]; /* who gets it */
    size_t recipients;
    const char *not_sent[REPORT_ADDRESSES_MAX]; /* by destination; NULL: it is in `to` */
    bool unsure;                                /* the DNS could not say it all */
    struct fct_str message;                     /* with CRLF line ends; empty: nobody gets it */
};

/* From Redis. No rows: there is nothing to report. All of it lives in `arena`. */
FCT_MAY_WAIT FCT_MUST_CHECK bool dmarc_report_read(const struct dmarc_reporter *reporter,
                                                   const struct dmarc_day *day, struct redis *redis,
                                                   struct arena *arena, struct fct_str domain,
                                                   struct dmarc_report *out, struct fct_err *err);
/* Who gets it: asks the DNS for the consent of destinations elsewhere. psl_setup() came before. */
FCT_MAY_WAIT void dmarc_report_address(struct dns_resolver *resolver, struct arena *arena,
                                       struct dmarc_report *r);
/* The message, for those who take one so large. */
FCT_MUST_CHECK bool dmarc_report_write_mail(const struct dmarc_reporter *reporter,
                                            struct arena *arena, struct dmarc_report *r,
                                            struct fct_err *err);

#endif
