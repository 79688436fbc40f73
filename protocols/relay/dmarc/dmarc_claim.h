/* dmarc_claim.h - which reports went out already, and who is at one: marks beside the data, in
 * Redis, so that each domain's report of a day is sent once, however many servers share a Redis and
 * whenever one of them is restarted.
 *
 * A claim runs out: what a server died over is sent by the next. If it died between the queue and
 * the mark the report goes out twice, with the same Report-ID. */
#ifndef PROTOCOLS_RELAY_DMARC_DMARC_CLAIM_H
#define PROTOCOLS_RELAY_DMARC_DMARC_CLAIM_H

#include "core/base/arena.h"
#include "core/base/err.h"

struct redis;

enum dmarc_claim {
    DMARC_CLAIM_SENT,  /* nothing is left to do */
    DMARC_CLAIM_OTHER, /* somebody else is at it */
    DMARC_CLAIM_MINE,
};
/* The report of a domain. `day` is yyyymmdd. */
FCT_MAY_WAIT FCT_MUST_CHECK bool dmarc_claim(struct redis *redis, const char *day,
                                             struct fct_str domain, enum dmarc_claim *out,
                                             struct fct_err *err);
/* sent: for good; else anybody may try again. */
FCT_MAY_WAIT FCT_MUST_CHECK bool dmarc_claim_end(struct redis *redis, const char *day,
                                                 struct fct_str domain, bool sent,
                                                 struct fct_err *err);

/* Of all of a day's domains. */
FCT_MAY_WAIT FCT_MUST_CHECK bool dmarc_day_is_sent(struct redis *redis, const char *day, bool *sent,
                                                   struct fct_err *err);
FCT_MAY_WAIT FCT_MUST_CHECK bool dmarc_day_set_sent(struct redis *redis, const char *day,
                                                    struct fct_err *err);

#endif
