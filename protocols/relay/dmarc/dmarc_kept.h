/* dmarc_kept.h - what plugin dmarc keeps in Redis for aggregate reports, read back
 * (plugins/dmarc/report_line.h says how it is kept). */
#ifndef PROTOCOLS_RELAY_DMARC_DMARC_KEPT_H
#define PROTOCOLS_RELAY_DMARC_DMARC_KEPT_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "plugins/dmarc/report_line.h"

struct redis;

struct dmarc_domains {
    struct fct_str *name; /* in alphabetical order */
    size_t n;
};
/* Those of a day, yyyymmdd. */
FCT_MAY_WAIT FCT_MUST_CHECK bool dmarc_kept_domains(struct redis *redis, struct arena *arena,
                                                    const char *day, struct dmarc_domains *out,
                                                    struct fct_err *err);

struct dmarc_kept {
    struct fct_str policy;
    enum dmarc_discovery discovery;
    uint64_t left_out;
    struct dmarc_kept_line {
        struct fct_str text;
        uint64_t count;
    } * line; /* in one order, each once, so that a report made again is the same */
    size_t n;
};
/* All of one domain. */
FCT_MAY_WAIT FCT_MUST_CHECK bool dmarc_kept_read(struct redis *redis, struct arena *arena,
                                                 const char *day, struct fct_str domain,
                                                 struct dmarc_kept *out, struct fct_err *err);

#endif
