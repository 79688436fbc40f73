/* ctl_check_dkim.h - facteurctl check dkim FILE: every signature of a message, step by step. */
#ifndef CORE_CTL_CTL_CHECK_DKIM_H
#define CORE_CTL_CTL_CHECK_DKIM_H

#include "core/ctl/ctl_check_driver.h"

int ctl_check_dkim(struct ctl *c);
/* "dkim<TAB>path of a message in its form on the wire" → "result<TAB>of each signature, and why" */
FCT_MAY_WAIT void check_dkim_line(struct check_line *line);

#endif
