/* ctl_check_spf.h - facteurctl check spf: may this address send mail for that domain? */
#ifndef CORE_CTL_CTL_CHECK_SPF_H
#define CORE_CTL_CTL_CHECK_SPF_H

#include "core/ctl/ctl_check_driver.h"

int ctl_check_spf(struct ctl *c);
/* "ip<TAB>helo<TAB>mailfrom" → "result<TAB>what decided<TAB>explanation" */
FCT_MAY_WAIT void check_spf_line(struct check_line *line);

#endif
