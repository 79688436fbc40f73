/* ctl_dmarc_summary.h - what many aggregate reports say together: one line for each domain and
 * source. A report counts once, however often it was sent, and only when it could be read to its
 * end. */
#ifndef CORE_CTL_CTL_DMARC_SUMMARY_H
#define CORE_CTL_CTL_DMARC_SUMMARY_H

#include "core/base/arena.h"
#include "plugins/dmarc/report_read.h"

/* Sources beyond them, in all reports or in one, are counted together. */
#define DMARC_SOURCES_MAX 100000u
#define DMARC_OTHERS      "(others)"
/* Of a source, by name. */
#define DMARC_REPORTERS_MAX 4

enum dmarc_done { DONE_NONE, DONE_PASS, DONE_QUARANTINE, DONE_REJECT, DONE_OTHER, DONE_COUNT };
const char *ctl_dmarc_done_word(enum dmarc_done done);

struct dmarc_source {
    struct fct_str domain, ip; /* domain: of the policy */
    uint64_t messages, passed; /* passed DMARC: dkim or spf */
    uint64_t dkim, spf, overridden, done[DONE_COUNT];
    const char *reporter[DMARC_REPORTERS_MAX];
    unsigned reporters;
    bool more_reporters;
};
struct dmarc_told { /* a report */
    const char *org, *id, *domain, *error;
    int64_t begin, end; /* 0: not said, or nonsense */
    uint64_t records, bad;
    bool rfc9990;
};

struct dmarc_summary;
struct dmarc_summary *ctl_dmarc_summary_new(struct arena *arena);
void ctl_dmarc_summary_free(struct dmarc_summary **summary);

enum dmarc_taken { DMARC_TAKEN, DMARC_TWICE, DMARC_UNREADABLE };
/* One report, packed or not. err: of DMARC_UNREADABLE. */
enum dmarc_taken ctl_dmarc_summary_add(struct dmarc_summary *summary, struct fct_str bytes,
                                       struct fct_err *err);

/* By domain, then those with the most messages first. */
const struct dmarc_source *const *ctl_dmarc_sources(struct dmarc_summary *summary, size_t *n);
const struct dmarc_told *ctl_dmarc_told(const struct dmarc_summary *summary, size_t *n);

#endif
