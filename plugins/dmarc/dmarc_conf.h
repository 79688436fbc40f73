/* dmarc_conf.h - `plugin dmarc { … }`. */
#ifndef PLUGINS_DMARC_DMARC_CONF_H
#define PLUGINS_DMARC_DMARC_CONF_H

#include "dmarc_eval.h"

struct dmarc_conf {
    const char *engine, *public_suffix_list, *discovery, *policy, *on_reject, *on_quarantine,
        *on_list, *bad_from;
    uint32_t rank;
    struct fct_strings skip_net, trusted_forwarders, trusted_sealers;
    /* Aggregate reports. */
    bool reports;
    const char *report_org, *report_email, *report_contact;
    const char *report_send;
    fct_duration report_after, report_retry, report_keep;
    uint32_t report_lines, report_domains, report_day_lines;
    fct_size report_max_size;
};
extern const struct fct_conf_key dmarc_keys[];

struct dmarc_collect;

/* The words of the configuration, read once. */
enum dmarc_mode { DMARC_IGNORE, DMARC_SYMBOL, DMARC_ENFORCE };
struct dmarc_plan {
    const struct dmarc_conf *conf;
    bool opendmarc; /* the engine; else our own */
    bool opened;    /* by us, for it */
    enum dmarc_discovery discovery;
    enum dmarc_mode mode;
    enum fct_action action[DMARC_POLICY_REJECT + 1]; /* by policy */
    enum fct_action on_list, bad_from;
    struct dmarc_collect *collect; /* dmarc_collect.h; NULL: no reports */
};
FCT_MUST_CHECK bool dmarc_conf_read(const struct dmarc_conf *conf, struct dmarc_plan *out,
                                    struct fct_err *err);
/* Does the server send reports by itself? */
bool dmarc_conf_sends(const struct dmarc_conf *conf);

#endif
