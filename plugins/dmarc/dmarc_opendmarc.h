/* dmarc_opendmarc.h - the same question to libopendmarc, the library of the OpenDMARC milter, for
 * comparison. Record and organizational domain come from our own search; it never asks the DNS.
 *
 * It aligns names by a public suffix list of its own, read from a file, and knows nothing of RFC
 * 9989: np, psd and t mean nothing to it. What is not sure about SPF or DKIM counts as a fail. */
#ifndef PLUGINS_DMARC_DMARC_OPENDMARC_H
#define PLUGINS_DMARC_DMARC_OPENDMARC_H

#include "dmarc_eval.h"

#define DMARC_SUFFIX_LIST "/usr/share/publicsuffix/public_suffix_list.dat"

/* Reads the list, unless somebody in this process did so: there is one. Each success wants a
 * close. */
FCT_MUST_CHECK bool dmarc_opendmarc_open(const char *list, struct fct_err *err);
void dmarc_opendmarc_close(void);

/* As dmarc_evaluate(). */
FCT_MAY_WAIT void dmarc_evaluate_opendmarc(struct dmarc_search *search,
                                           const struct dmarc_query *query,
                                           struct dmarc_outcome *out);

#endif
