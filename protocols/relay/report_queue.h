/* report_queue.h - a report of this server to others on its way: through the hook queue.in, where
 * it is signed, into the queue. */
#ifndef PROTOCOLS_RELAY_REPORT_QUEUE_H
#define PROTOCOLS_RELAY_REPORT_QUEUE_H

#include "protocols/relay/relay.h"

struct relay_report {
    struct fct_str from; /* envelope sender */
    const struct fct_str *to;
    size_t n;
    struct fct_str message; /* with CRLF line ends */
    struct fct_str about;   /* for the log */
    bool tls_optional;      /* it goes in clear where it must */
};

/* Nobody is told when it cannot be delivered; recipients here get it, too. FCT_TEMP: not now, as
 * there is no filter that could sign it, or no store. */
FCT_MAY_WAIT FCT_MUST_CHECK bool report_queue(struct relay *relay, struct arena *arena,
                                              const struct relay_report *report,
                                              struct fct_err *err);

#endif
