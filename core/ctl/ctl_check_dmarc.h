/* ctl_check_dmarc.h - facteurctl check dmarc: which policy applies to a domain, and what would pass
 * for it? */
#ifndef CORE_CTL_CTL_CHECK_DMARC_H
#define CORE_CTL_CTL_CHECK_DMARC_H

#include "core/ctl/ctl_check_driver.h"

int ctl_check_dmarc(struct ctl *c);
/* {"from": domain, "spf": {"result", "domain"}, "dkim": [{"result", "domain"}]} →
 * "result<TAB>policy<TAB>why" */
FCT_MAY_WAIT void check_dmarc_line(struct check_line *line);

#endif
