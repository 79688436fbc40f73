/* dmarc_collect.h - what aggregate reports need, on its way into Redis.
 *
 * A message must not wait for that, so rows are counted in this process and written by a tick,
 * every second and when the process ends. While Redis is away they stay here, up to a limit; what
 * finds no place is counted as lost (counter reports_lost), and that is said once. A process that
 * dies takes its last second along. How it is kept: report_line.h. */
#ifndef PLUGINS_DMARC_DMARC_COLLECT_H
#define PLUGINS_DMARC_DMARC_COLLECT_H

#include "dmarc_conf.h"
#include "dmarc_row.h"

struct dmarc_collect;

/* Inside start(). *out is NULL when the configuration wants no reports. */
FCT_MUST_CHECK bool dmarc_collect_start(struct fct_self *self, const struct fct_host *host,
                                        const struct dmarc_conf *conf, struct dmarc_collect **out,
                                        struct fct_err *err);
void dmarc_collect_free(struct dmarc_collect **collect); /* accepts NULL */

/* Count a row, unless nobody asks for reports about it; never waits. `collect` may be NULL. */
void dmarc_collect_row(struct dmarc_collect *collect, struct fct_call *call,
                       const struct dmarc_row *row);

#endif
