/* ctl_dmarc_send.h - finished reports into the queue of the running server, through its relay: that
 * has them signed. */
#ifndef CORE_CTL_CTL_DMARC_SEND_H
#define CORE_CTL_CTL_DMARC_SEND_H

#include "core/base/err.h"

struct ctl;

struct dmarc_mail {
    const char *from;
    const char *const *to;
    size_t recipients;
    struct fct_str message;
};
/* Outside of fibers. Those before one that fails are queued. FCT_TEMP: no server runs. */
FCT_MUST_CHECK bool ctl_dmarc_send(struct ctl *c, const struct dmarc_mail *mail, size_t n,
                                   struct fct_err *err);

#endif
